//! Whose an Observation is, and by which device, as the census has it.

use super::{
    Checked, DEVICE, DEVICES_MAX, Join, Observed, RefusalKind, ResourceRefusal, ResourceWrites, SUBJECT, Stop,
    refuse_values,
};
use crate::{
    domain::{Assignment, Census, DeviceId, DeviceKind, PatientId, Timestamp, WardId},
    engine::IntakeFault,
    ingest::{Resolver, Sender},
    protocol::RejectionCode,
};
use std::collections::BTreeMap;

/// An Observation before the census.
pub(super) struct Place<'a> {
    pub(super) census: &'a Census,
    pub(super) ward: &'a WardId,
    pub(super) wanted: &'a ResourceWrites,
    pub(super) observed: &'a Observed,
    pub(super) elsewhere: &'a BTreeMap<DeviceId, WardId>,
}

impl Place<'_> {
    fn sender_is_gateway(&self) -> bool {
        self.census.devices.get(&self.wanted.sender).is_some_and(|d| d.kind == DeviceKind::Gateway)
    }

    /// The device that measured: the one that is named; else of a gateway one that is called after gateway and patient;
    /// else the sender itself.
    pub(super) fn device(&self) -> Checked<DeviceId> {
        if let Some(device) = &self.observed.device {
            return self.may_send(device).map(|()| device.clone());
        }
        let sender = &self.wanted.sender;
        if !self.sender_is_gateway() {
            return Ok(sender.clone());
        }
        let Some(patient) = &self.observed.patient else {
            let detail = "it names neither a patient nor a device: nobody knows whose it is";
            return refuse_values(RejectionCode::NotAssigned, SUBJECT, detail);
        };
        format!("{sender}/{patient}").parse().or_else(|e| {
            let detail = format!("no device is named, and gateway and patient make no name for one: {e}");
            refuse_values(RejectionCode::UnknownDevice, DEVICE, detail)
        })
    }

    fn may_send(&self, device: &DeviceId) -> Checked<()> {
        if self.census.devices.contains_key(device) {
            let mut resolver = Resolver::new(self.census, &Sender(self.wanted.sender.clone()));
            if resolver.may_send(device) {
                return Ok(());
            }
            let detail = format!("device {device}: this token belongs to another device");
            return refuse_values(RejectionCode::OtherDevice, DEVICE, detail);
        }
        match self.elsewhere.get(device) {
            Some(_) => {
                refuse_values(RejectionCode::OtherDevice, DEVICE, format!("device {device} is not on this ward"))
            }
            None if self.sender_is_gateway() || self.observed.values.is_empty() => Ok(()),
            None => {
                let detail = format!("device {device} is not known: add it with `wardwatch device add`");
                refuse_values(RejectionCode::UnknownDevice, DEVICE, detail)
            }
        }
    }

    pub(super) fn wrong_patient(&self, device: &DeviceId, named: &PatientId, moment: Timestamp) -> Stop {
        let at = self.observed.at.unwrap_or(moment);
        let detail = format!(
            "device {device} does not measure patient {named} at {at}: nothing is stored; check the device's assignment"
        );
        let fault = IntakeFault::WrongPatient { device: device.clone(), named: named.clone(), observed_at: moment };
        let refusal = ResourceRefusal {
            index: 0,
            kind: RefusalKind::Values(RejectionCode::WrongPatient),
            expression: SUBJECT.to_owned(),
            detail,
        };
        Stop::refused(refusal, Some(fault))
    }

    /// What makes a device measure the patient whom the Observation names, where it measures nobody.
    pub(super) fn join(&self, device: &DeviceId, moment: Timestamp) -> Checked<Option<Join>> {
        let Some(patient) = &self.observed.patient else {
            let detail = format!("device {device} measures nobody at that time, and no patient is named");
            return refuse_values(RejectionCode::NotAssigned, SUBJECT, detail);
        };
        if !self.census.stays.contains_key(patient) {
            let detail = format!(
                "patient {patient} is not on ward {}: admit the patient by ADT or with `wardwatch patient admit`",
                self.ward
            );
            return refuse_values(RejectionCode::NotAssigned, SUBJECT, detail);
        }
        // What is not judged needs no device.
        if self.observed.values.is_empty() {
            return Ok(None);
        }
        let known = self.census.devices.contains_key(device);
        if !known && self.census.devices.len() >= DEVICES_MAX {
            let detail = format!("the ward has {DEVICES_MAX} devices: add device {device} by hand");
            return refuse_values(RejectionCode::UnknownDevice, DEVICE, detail);
        }
        let spans = self.census.assignments.get(device).map(Vec::as_slice).unwrap_or_default();
        // A device that is called after its patient measures nobody else, whenever it was.
        let own = self.observed.device.is_none() && self.sender_is_gateway();
        self.may_join(device, own, spans)?;
        let free_from = spans.iter().filter_map(|a| a.end).max();
        let first = if own { self.wanted.oldest.min(moment) } else { moment };
        let start = free_from.map_or(first, |end| first.max(end));
        if spans.iter().any(|a| a.end.is_none()) || start > moment {
            let detail = format!("device {device} is assigned to nobody at that time: assign it first");
            return refuse_values(RejectionCode::NotAssigned, DEVICE, detail);
        }
        let assignment = Assignment { device: device.clone(), patient: patient.clone(), start, end: None };
        Ok(Some(Join { device: device.clone(), is_new: !known, assignment }))
    }

    /// Only a gateway knows at whom a device is that measures nobody. What was ended is not begun again by a message, unless
    /// the device is `own`: called after its patient.
    fn may_join(&self, device: &DeviceId, own: bool, spans: &[Assignment]) -> Checked<()> {
        let was_ended = spans.iter().any(|a| a.end.is_some());
        let why = match (self.sender_is_gateway(), was_ended && !own) {
            (false, _) => "a device assigns itself to nobody",
            (true, true) => "it was assigned before, and that has ended",
            (true, false) => return Ok(()),
        };
        let detail = format!(
            "device {device} measures nobody at that time, and {why}: assign it with `wardwatch device assign`"
        );
        refuse_values(RejectionCode::NotAssigned, DEVICE, detail)
    }
}
