//! Devices: what there is, enrolment codes, and what is wanted of them.

use super::{
    execute::{Done, leaf, refused, run_command},
    request::{AdminAnswer, AdminError},
};
use crate::{
    audit::Act,
    backend::{
        app::App,
        devices::{self, DeviceSight},
        enrol::{CODE_VALID_MAX, CODE_VALID_MIN},
    },
    domain::{Actor, Command, Device, DeviceId, DeviceLimits, Millis, VitalCode, WardId},
};
use std::collections::BTreeMap;

fn find(app: &App, device: &DeviceId) -> Result<(WardId, Device), AdminError> {
    let none = || refused(format!("there is no device {device}: add it first (`wardwatch device add`)"));
    let hub = app.hub.ward_of_device(device).ok_or_else(none)?;
    let found = hub.look_at_census(|census| census.devices.get(device).cloned()).ok_or_else(none)?;
    Ok((hub.ward().id, found))
}

/// The console sees all there is of devices: whose data they are is a matter of assignments.
fn console_sight() -> DeviceSight {
    DeviceSight { history: true, access: true, only: None }
}

pub(super) async fn list(app: &App, by: &Actor, ward: Option<&WardId>) -> Done {
    let mut lists = Vec::new();
    for found in app.hub.wards().into_iter().filter(|found| ward.is_none_or(|ward| found.id == *ward)) {
        if let Some(hub) = app.hub.ward(&found.id) {
            lists.push(devices::list(app, &hub, &console_sight()).map_err(refused)?);
        }
    }
    if let (Some(ward), true) = (ward, lists.is_empty()) {
        return Err(refused(format!("there is no ward {ward}")));
    }
    app.record(vec![leaf(by, Act::DeviceView)], Vec::new()).await.map_err(refused)?;
    Ok(AdminAnswer::Devices { lists })
}

pub(super) async fn unplaced(app: &App, by: &Actor) -> Done {
    let devices = app.reader.unplaced().map_err(refused)?;
    app.record(vec![leaf(by, Act::DeviceView)], Vec::new()).await.map_err(refused)?;
    Ok(AdminAnswer::Unplaced { devices })
}

pub(super) async fn desire(
    app: &App,
    by: &Actor,
    device: &DeviceId,
    intervals: &BTreeMap<VitalCode, Option<Millis>>,
    limits: &BTreeMap<VitalCode, Option<DeviceLimits>>,
) -> Done {
    let (ward, mut wanted) = find(app, device)?;
    if let Some(vital) = intervals.keys().chain(limits.keys()).find(|vital| app.vitals.get(**vital).is_none()) {
        return Err(refused(format!("there is no vital {vital}: `wardwatch limits profiles` shows those there are")));
    }
    change(&mut wanted.desired.intervals_ms, intervals);
    change(&mut wanted.desired.limits, limits);
    run_command(app, by, &ward, Command::SetDevice { device: wanted }).await.map(|()| AdminAnswer::Done)
}

/// Each of the changes takes the place of what was there, or takes it away.
fn change<T: Copy>(held: &mut BTreeMap<VitalCode, T>, changes: &BTreeMap<VitalCode, Option<T>>) {
    for (vital, value) in changes {
        match value {
            Some(value) => drop(held.insert(*vital, *value)),
            None => drop(held.remove(vital)),
        }
    }
}

pub(super) async fn enrol(app: &App, by: &Actor, device: &DeviceId, valid: Millis, replace: bool) -> Done {
    find(app, device)?;
    if !(CODE_VALID_MIN..=CODE_VALID_MAX).contains(&valid) {
        let (min, max) = (CODE_VALID_MIN.as_secs() / 60, CODE_VALID_MAX.as_secs() / 86_400);
        return Err(refused(format!("a code is good for {min} minute to {max} days")));
    }
    let made = app.make_code(by, device, valid, replace).await.map_err(refused)?;
    Ok(AdminAnswer::Code { code: made.code.expose().to_owned(), expires_at: made.expires_at })
}
