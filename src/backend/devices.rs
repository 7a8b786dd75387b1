//! The devices of a ward, as far as somebody may see them.

use super::{app::App, hub::WardHub};
use crate::{
    domain::{Assignment, Census, Device, Millis, PatientId, Timestamp, Unplaced, WardId},
    protocol::{ASSIGNMENTS_SHOWN_MAX, ClockAllowance, DeviceList, DeviceView},
    store::StoreError,
};

/// How far the clock of whoever asks may be behind.
const START_TOLERANCE: Millis = Millis::from_secs(60);

/// How much somebody may see of devices.
#[derive(Debug, Clone, Default)]
pub struct DeviceSight {
    /// Whom a device has measured before, and whom messages named that could not be placed.
    pub history: bool,
    /// Tokens and enrolment codes.
    pub access: bool,
    /// These patients alone, and the devices that measure them.
    pub only: Option<Vec<PatientId>>,
}

impl DeviceSight {
    fn sees(&self, patient: &PatientId) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(patient))
    }
}

/// The devices of a ward, the worst first. Blocks while it reads.
///
/// # Errors
/// If the store cannot be read.
pub fn list(app: &App, hub: &WardHub, sight: &DeviceSight) -> Result<DeviceList, StoreError> {
    let now = app.engine_clock.now();
    let ward = hub.ward().id;
    let devices = hub.look_at_devices(|census, lives, view| {
        let one = |device: &Device| {
            let open = census.open_assignment(&device.id);
            if open.is_some_and(|open| !sight.sees(&open.patient)) || (open.is_none() && sight.only.is_some()) {
                return None;
            }
            let life = lives.get(&device.id).cloned().unwrap_or_default();
            let mut shown = DeviceView {
                device: device.clone(),
                seen_at: life.seen_at,
                reported: life.reported,
                patient: open.map(|open| open.patient.clone()),
                bed: open.and_then(|open| census.stays.get(&open.patient)).map(|stay| stay.bed.clone()),
                assignments: timeline(census, device, sight),
                faults: Vec::new(),
                tokens: None,
                code_until: None,
            };
            shown.judge(view.alerts.values(), clock(app), now);
            Some(shown)
        };
        census.devices.values().filter_map(one).collect()
    });
    let mut unplaced = app.reader.unplaced()?;
    unplaced.retain(|one| sight.only.is_none() && one.ward.as_ref() == Some(&ward));
    if !sight.history {
        unplaced.iter_mut().for_each(hide_patient);
    }
    let mut list = DeviceList { ward, at: now, devices, unplaced };
    if sight.access {
        list.devices.iter_mut().for_each(|view| tell_access(app, view, now));
    }
    list.sort();
    Ok(list)
}

/// The words may name a patient, too.
fn hide_patient(one: &mut Unplaced) {
    one.patient = None;
    one.detail = String::new();
}

fn clock(app: &App) -> ClockAllowance {
    let bounds = app.config.alarm.clock();
    ClockAllowance { ahead: bounds.ahead, behind: bounds.behind }
}

/// Whom a device measures and has measured, the newest first.
fn timeline(census: &Census, device: &Device, sight: &DeviceSight) -> Vec<Assignment> {
    let spans = census.assignments.get(&device.id).map(Vec::as_slice).unwrap_or_default();
    let seen = spans.iter().rev().filter(|span| (sight.history || span.end.is_none()) && sight.sees(&span.patient));
    seen.take(ASSIGNMENTS_SHOWN_MAX).cloned().collect()
}

fn tell_access(app: &App, view: &mut DeviceView, now: Timestamp) {
    let directory = app.hub.directory();
    view.tokens = Some(directory.token_count(&view.device.id));
    let code = directory.enrolment_of(&view.device.id).filter(|code| !code.used && code.expires_at > now);
    view.code_until = code.map(|code| code.expires_at);
}

/// An assignment begins within the stay, in engine time: what a device measured before is of whoever had it then, or of nobody.
///
/// # Errors
/// Why it cannot begin then.
pub fn check_start(app: &App, ward: &WardId, (patient, start): (&PatientId, Timestamp)) -> Result<(), String> {
    let Some(hub) = app.hub.ward(ward) else { return Ok(()) };
    let admitted = hub.look(|view| view.patients.get(patient).and_then(|patient| patient.admitted_at));
    match admitted.filter(|admitted| start < *admitted - START_TOLERANCE) {
        Some(admitted) => {
            Err(format!("patient {patient} was admitted at {admitted}: an assignment cannot begin before"))
        }
        None => Ok(()),
    }
}
