//! The page of devices: what is known of each, the worst first, those whose values are nobody's, and giving one to a patient.

use super::{
    app::{App, Page},
    choices::Choice,
    command::{Asked, COMMAND_TIMEOUT},
    event::Effect,
    filter::Filter,
    link::Phase,
    select::moved,
    sheet::{Answer, Sheet},
};
use crate::{
    client::ClientRequest,
    domain::{Command, DeviceId, DeviceKind, Event, EventBody, Millis, PatientId, Unplaced, text},
    protocol::{DeviceFault, DeviceList, DeviceView, WardView},
    tui::words,
};

/// The list is asked for anew after this long.
const LIST_AGE: Millis = Millis::from_secs(5);
/// For this long after the selected row became another one by itself, nothing is done with it.
const DEVICE_HOLD: Millis = Millis(500);
/// Patients that are offered by a figure, at most.
const PATIENTS_MAX: usize = 8;

/// A row of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceRow {
    /// A device of the ward.
    Device(DeviceId),
    /// A device whose values are nobody's.
    Unplaced(DeviceId),
}

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DevicesPage {
    /// The devices, as last answered.
    pub list: Option<Box<DeviceList>>,
    /// The selected row.
    pub selected: Option<DeviceRow>,
    /// Which rows are shown.
    pub filter: Filter,
    /// The first line shown of the selected device.
    pub scroll: usize,
    /// Why the list could not be had, for people.
    pub failed: Option<String>,
    moved_at: Option<Millis>,
    asked: Option<u64>,
    asked_at: Option<Millis>,
}

/// A device as it was on the screen when an act on it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSubject {
    /// Which device.
    pub device: DeviceId,
    /// Whom it measured then.
    pub measures: Option<PatientId>,
}

impl DevicesPage {
    /// A device by its identifier.
    #[must_use]
    pub fn device(&self, id: &DeviceId) -> Option<&DeviceView> {
        self.list.as_ref()?.devices.iter().find(|view| view.device.id == *id)
    }

    /// One whose values are nobody's, by its identifier.
    #[must_use]
    pub fn unplaced(&self, id: &DeviceId) -> Option<&Unplaced> {
        self.list.as_ref()?.unplaced.iter().find(|one| one.device == *id)
    }

    /// The device that is selected, in either part of the page.
    #[must_use]
    pub fn selected_device(&self) -> Option<&DeviceView> {
        match self.selected.as_ref()? {
            DeviceRow::Device(id) | DeviceRow::Unplaced(id) => self.device(id),
        }
    }

    fn end(&mut self, id: u64) -> bool {
        let own = self.asked == Some(id);
        if own {
            self.asked = None;
        }
        own
    }
}

impl App {
    pub(super) fn show_devices(&mut self) {
        if self.shows_alerts() && self.page != Page::Patient {
            self.came_from = self.page;
        }
        self.page = Page::Devices;
        self.devices.asked_at = None;
    }

    /// The rows of the page that the filter lets through: devices, then those whose values are nobody's.
    #[must_use]
    pub fn device_rows(&self) -> Vec<DeviceRow> {
        let (Some(ward), Some(list)) = (&self.ward, &self.devices.list) else { return Vec::new() };
        let words = self.devices.filter.text().to_lowercase();
        let holds = |text: String| words.split_whitespace().all(|word| text.contains(word));
        let devices = list.devices.iter().filter(|view| holds(device_words(ward, view)));
        // The worst stand first: those that are well come after what is nobody's.
        let is_well = |view: &&DeviceView| view.faults.iter().all(|fault| *fault == DeviceFault::Unassigned);
        let (well, ill): (Vec<_>, Vec<_>) = devices.partition(is_well);
        let row = |view: &DeviceView| DeviceRow::Device(view.device.id.clone());
        let unplaced = list.unplaced.iter().filter(|one| holds(unplaced_words(one)));
        let unplaced = unplaced.map(|one| DeviceRow::Unplaced(one.device.clone()));
        ill.into_iter().map(row).chain(unplaced).chain(well.into_iter().map(row)).collect()
    }

    /// Keeps the selection on a row that there is.
    pub(super) fn settle_device(&mut self) {
        let rows = self.device_rows();
        let stays = self.devices.selected.as_ref().is_some_and(|row| rows.contains(row));
        // Without a list nothing is known of what was selected.
        if !stays && self.devices.list.is_some() {
            self.devices.moved_at = self.devices.selected.as_ref().map(|_| self.now);
            self.devices.selected = rows.into_iter().next();
            self.devices.scroll = 0;
        }
    }

    pub(super) fn move_device(&mut self, by: isize) {
        let rows = self.device_rows();
        let at = self.devices.selected.as_ref().and_then(|row| rows.iter().position(|r| r == row));
        self.devices.selected = rows.get(moved(at, by, rows.len())).cloned();
        self.devices.scroll = 0;
    }

    /// Moves what is told of the selected device; its history is the part that can be long.
    pub(super) fn scroll_device(&mut self, by: isize) {
        let last = self.devices.selected_device().map_or(0, |view| view.assignments.len());
        self.devices.scroll = self.devices.scroll.saturating_add_signed(by).min(last);
    }

    /// Has the list made anew when an event changes what is in it.
    pub(super) fn note_devices(&mut self, event: &Event) {
        let changes = matches!(
            event.body,
            EventBody::Assigned { .. } | EventBody::Unassigned { .. } | EventBody::DeviceSet { .. }
        );
        if changes && self.devices.asked.is_none() {
            self.devices.asked_at = None;
        }
    }

    /// Says so if the selected row is another one than a moment ago without a key.
    pub(super) fn refuses_moved_device(&mut self) -> bool {
        let moved = self.devices.moved_at.is_some_and(|at| self.now - at < DEVICE_HOLD);
        if moved {
            self.fail("it changed just now: look, then press the key again".to_owned());
        }
        moved
    }

    /// Asks for the list when it is due, one at a time.
    pub(super) fn refresh_devices(&mut self, effects: &mut Vec<Effect>) {
        let is_live = matches!(self.link.phase, Phase::Up) && self.health().is_live();
        if self.page != Page::Devices || !is_live {
            return;
        }
        let waits = if self.devices.asked.is_some() { COMMAND_TIMEOUT } else { LIST_AGE };
        if self.devices.asked_at.is_some_and(|at| self.now - at < waits) {
            return;
        }
        effects.push(self.ask_devices());
    }

    /// Asks for the list now.
    pub fn ask_devices(&mut self) -> Effect {
        let id = self.commands.number();
        (self.devices.asked, self.devices.asked_at) = (Some(id), Some(self.now));
        Effect::Send(ClientRequest::Devices { id })
    }

    pub(super) fn devices_told(&mut self, id: u64, list: Box<DeviceList>) {
        if self.devices.end(id) {
            self.devices.list = Some(list);
            self.devices.failed = None;
        }
    }

    /// Notes that the list could not be had; says whether it was it that was asked for.
    pub(super) fn devices_failed(&mut self, id: u64, why: &str) -> bool {
        let own = self.devices.end(id);
        if own {
            self.devices.failed = Some(why.to_owned());
        }
        own
    }

    /// What the session may see has changed: the list is asked for anew.
    pub(super) fn forget_devices(&mut self) {
        let DevicesPage { selected, filter, .. } = std::mem::take(&mut self.devices);
        self.devices = DevicesPage { selected, filter, ..DevicesPage::default() };
    }

    /// The device that an act would be about now.
    pub(super) fn device_subject(&self) -> Option<DeviceSubject> {
        let device = match self.devices.selected.as_ref()? {
            DeviceRow::Device(id) | DeviceRow::Unplaced(id) => id.clone(),
        };
        let measures = self.devices.device(&device).and_then(|view| view.patient.clone());
        Some(DeviceSubject { device, measures })
    }

    /// Why nothing can be done with a device now.
    pub(super) fn why_not_device(&self, subject: &DeviceSubject, ends: bool) -> Option<&'static str> {
        // It measures somebody: what is wrong is the patient that is set on it, or its place.
        if let Some(DeviceRow::Unplaced(id)) = &self.devices.selected
            && self.devices.unplaced(id).is_some_and(Unplaced::names_another)
        {
            return Some("it names another patient: set the patient on it, or do it on its own row");
        }
        match self.devices.device(&subject.device) {
            None => Some("the ward does not know it: an administrator has to add it first"),
            Some(view) if view.device.kind == DeviceKind::Gateway => Some("a gateway measures nobody"),
            Some(view) if view.patient != subject.measures => Some("it changed meanwhile, look again"),
            Some(view) if ends && view.patient.is_none() => Some("it measures nobody"),
            Some(_) => None,
        }
    }

    /// Whom a device may be given to: patients without a device first, then by bed.
    pub(super) fn device_choices(&self, subject: &DeviceSubject) -> Vec<Choice> {
        let Some(ward) = &self.ward else { return Vec::new() };
        let mut patients: Vec<(bool, Choice)> = ward
            .by_bed()
            .into_iter()
            .filter(|patient| subject.measures.as_ref() != Some(&patient.patient.id))
            .map(|patient| {
                let id = &patient.patient.id;
                let has =
                    self.devices.list.iter().flat_map(|list| &list.devices).any(|v| v.patient.as_ref() == Some(id));
                let note = if has { "" } else { " (no device)" };
                let bed = words::bed_label(ward, &patient.bed);
                let words = format!("{bed} {}{note}", patient.patient.name.as_str());
                (has, Choice::given(words, Answer::Patient(id.clone())))
            })
            .collect();
        patients.sort_by_key(|(has, _)| *has);
        let offered = patients.into_iter().map(|(_, choice)| choice).take(PATIENTS_MAX);
        offered.chain([Choice::own("another bed …")]).collect()
    }

    /// A bed that was typed, as the patient in it.
    ///
    /// # Errors
    /// What is wrong with it, for people; empty if nothing was typed.
    pub(super) fn typed_bed(&self, line: &str) -> Result<Answer, String> {
        let (Some(ward), wanted) = (&self.ward, line.trim()) else { return Err(String::new()) };
        if wanted.is_empty() {
            return Err(String::new());
        }
        let in_it = |patient: &&&crate::protocol::PatientView| words::bed_label(ward, &patient.bed) == wanted;
        let by_bed = ward.by_bed();
        let found = by_bed.iter().find(in_it);
        found
            .map(|patient| Answer::Patient(patient.patient.id.clone()))
            .ok_or_else(|| text::clean(&format!("nobody is in a bed {wanted}")))
    }

    /// The command that all answers about a device make, from now on; `None` if it changed meanwhile.
    pub(super) fn device_command(&self, sheet: &Sheet, subject: &DeviceSubject) -> Option<Command> {
        let now = self.server_now()?;
        let view = self.devices.device(&subject.device).filter(|view| view.patient == subject.measures)?;
        let device = view.device.id.clone();
        match sheet.patient() {
            Some(patient) => Some(Command::MoveDevice { device, patient: patient.clone(), at: now }),
            None => Some(Command::Unassign { device, end: now }),
        }
    }
}

/// What people call it while it is under way.
pub(super) fn asked(sheet: &Sheet, subject: &DeviceSubject, ward: &WardView, done: String, now: Millis) -> Asked {
    match sheet.patient().or(subject.measures.as_ref()) {
        Some(patient) => Asked::patient(patient, ward, subject.device.as_str(), done, now),
        None => Asked::ward(subject.device.as_str(), done, now),
    }
}

/// What a filter looks for in a device.
fn device_words(ward: &WardView, view: &DeviceView) -> String {
    let mut words = vec![view.device.id.to_string(), view.device.name.clone()];
    words.extend(view.faults.iter().map(|fault| fault.words().to_owned()));
    words.extend(view.device.gateway.iter().map(ToString::to_string));
    words.extend(view.bed.iter().map(|bed| words::bed_label(ward, bed).to_owned()));
    words.push(words::name_of(ward, view.patient.as_ref()).to_owned());
    words.join(" ").to_lowercase()
}

fn unplaced_words(one: &Unplaced) -> String {
    format!("{} {} {} nobody", one.device, one.sender, one.code).to_lowercase()
}

/// Whether a fault is one that somebody should see to soon.
#[must_use]
pub const fn is_urgent(fault: DeviceFault) -> bool {
    matches!(fault, DeviceFault::Lost | DeviceFault::BatteryEmpty)
}
