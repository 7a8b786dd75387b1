//! Values that could not be placed, by device: what people have to see to.

use super::group::Group;
use crate::{
    domain::{BedId, Census, DeviceId, PatientId, Timestamp, Unplaced, WardId},
    protocol::RejectionCode,
    store::UnplacedChange,
};
use std::collections::BTreeMap;

/// Changes of one group among which one of the same device is looked for; beyond it there are two, which the store joins.
const LOOK_BACK: usize = 64;

/// What a message names beside the device.
#[derive(Debug, Clone, Default)]
pub(super) struct Named {
    pub(super) patient: Option<PatientId>,
    pub(super) bed: Option<BedId>,
}

/// What a message names, by device.
pub(super) type NamedOf = BTreeMap<DeviceId, Named>;

/// Of whom a value came that was not placed.
pub(super) struct Came<'a> {
    pub(super) device: &'a DeviceId,
    pub(super) sender: &'a DeviceId,
    pub(super) ward: Option<&'a WardId>,
    pub(super) named: Named,
}

/// Whether somebody has to say whose the values of a device are. A device that measures somebody now needs nothing for
/// older values that were nobody's.
pub(super) fn waits(census: &Census, device: &DeviceId, code: RejectionCode) -> bool {
    match code {
        RejectionCode::UnknownDevice | RejectionCode::WrongPatient => true,
        RejectionCode::NotAssigned => census.open_assignment(device).is_none(),
        _ => false,
    }
}

/// Notes one value that was not placed.
pub(super) fn note(group: &mut Group, came: Came<'_>, code: &str, detail: &str, now: Timestamp) {
    let Named { patient, bed } = came.named;
    let new = Unplaced {
        device: came.device.clone(),
        sender: came.sender.clone(),
        ward: came.ward.cloned(),
        first_at: now,
        last_at: now,
        count: 1,
        code: code.to_owned(),
        detail: detail.to_owned(),
        patient,
        bed,
    };
    let last = group.batch.unplaced.iter_mut().rev().take(LOOK_BACK).find(|change| change.device() == came.device);
    match last {
        Some(UnplacedChange::Came(held)) => held.join(new),
        _ => group.batch.unplaced.push(UnplacedChange::Came(new)),
    }
}
