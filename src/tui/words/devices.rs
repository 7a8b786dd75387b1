//! Devices in lines of words.

use super::{age, bed_label, name_of};
use crate::{
    domain::{DeviceKind, Unplaced},
    protocol::{DeviceFault, DeviceList, DeviceView, WardView},
};

/// The devices of a ward, one a line, then those whose values are nobody's.
#[must_use]
pub fn lines(list: &DeviceList, ward: &WardView, names_hidden: bool) -> Vec<String> {
    let devices = list.devices.iter().map(|view| device(list, ward, view, names_hidden));
    let unplaced = list.unplaced.iter().map(|one| nobodys(list, ward, one));
    let all: Vec<String> = devices.chain(unplaced).collect();
    if all.is_empty() { vec!["the ward has no devices".to_owned()] } else { all }
}

/// `mon-7: battery low, clock wrong; bed 04 Okafor Chidi; heard 3s ago; battery 12 %`.
fn device(list: &DeviceList, ward: &WardView, view: &DeviceView, names_hidden: bool) -> String {
    let faults: Vec<&str> = view.faults.iter().copied().map(DeviceFault::words).collect();
    let faults = if faults.is_empty() { "ok".to_owned() } else { faults.join(", ") };
    let whom = match (&view.patient, &view.bed) {
        (Some(patient), Some(bed)) => {
            let name = if names_hidden { "" } else { name_of(ward, Some(patient)) };
            format!("bed {} {name}", bed_label(ward, bed)).trim_end().to_owned()
        }
        _ if view.device.kind == DeviceKind::Gateway => "gateway".to_owned(),
        _ => "measures nobody".to_owned(),
    };
    let heard = view.seen_at.map(|at| format!("; heard {} ago", age(list.at.since(at)))).unwrap_or_default();
    let battery = view.reported.as_ref().and_then(|r| r.report.battery_percent);
    let battery = battery.map(|percent| format!("; battery {} %", percent.get())).unwrap_or_default();
    format!("{}: {faults}; {whom}{heard}{battery}", view.device.id)
}

/// `mon-9: its values are nobody's; 12 by gw-1, the last 4s ago; says bed 04`.
fn nobodys(list: &DeviceList, ward: &WardView, one: &Unplaced) -> String {
    let bed = one.bed.as_ref().map(|bed| format!("; says bed {}", bed_label(ward, bed))).unwrap_or_default();
    let last = age(list.at.since(one.last_at));
    format!("{}: its values are nobody's; {} by {}, the last {last} ago{bed}", one.device, one.count, one.sender)
}
