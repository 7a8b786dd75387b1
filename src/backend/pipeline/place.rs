//! Whose the values of HL7 v2 are: by the patient that the message names, else by who lies in the bed that it names.
//!
//! A monitor that is not known yet joins the ward behind its gateway; one that measures nobody is assigned to the patient
//! that was found, but for one that a person took away from a patient who stayed: a person, or the hospital's own system,
//! places it again. One that measures somebody stays so until people or the hospital's own system say otherwise: what
//! names another patient is refused behind here, as it is for all devices. Where neither patient nor bed says anything,
//! the assignment alone decides, and without one the device is unassigned.

use super::{
    core::Core,
    group::Group as Batch,
    unplaced::{self, Named, NamedOf},
};
use crate::{
    domain::{
        Actor, Assignment, BedId, Census, Command, Desired, Device, DeviceId, DeviceKind, Millis, PatientId, Stay,
        Timestamp, WardId,
    },
    engine::{Input, IntakeFault},
    ingest::{
        Decoded, Reading, Refused, Way,
        hl7::{Group, Observed},
    },
    protocol::{Rejection, RejectionCode},
};
use std::collections::BTreeMap;

/// A bed says who lies in it now: it speaks for values that are no older than this. For older ones the assignment of
/// their time does.
const BED_SPEAKS_FOR: Millis = Millis::from_secs(60);

/// Most devices of a ward up to which messages add further ones.
const DEVICES_MAX: usize = 2_000;

/// Whose a group is, as far as patient and bed say.
pub(super) enum Whose {
    /// Nobody is named, or nobody who is here.
    Unsaid,
    /// The patient that the message names.
    Named(PatientId),
    /// The patient who is in the named bed, and has certainly been since then.
    InBed(PatientId, Timestamp),
    /// Nobody is named, and nobody lies in the named bed.
    Empty(BedId),
    /// The message names one patient and the bed of another, who has certainly been there since then; or a patient who
    /// has since then been in another bed than the one it names, where nobody lies.
    Contradiction { named: PatientId, since: Timestamp, detail: String },
}

impl Core {
    /// The values of a message, each with the patient whom it is said to be of.
    pub(super) fn place(
        &mut self,
        sender: &DeviceId,
        groups: Vec<Group>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> (Decoded, NamedOf) {
        let (mut decoded, mut named_of) = (Vec::new(), NamedOf::new());
        for group in groups {
            for reading in group.values.iter().filter_map(|v| v.read.as_ref().ok()) {
                let named = || Named { patient: group.patient.clone(), bed: group.bed.clone() };
                named_of.entry(reading.device.clone()).or_insert_with(named);
            }
            let ward = self.ward_of_device.get(sender).cloned();
            let census = ward.as_ref().and_then(|ward| self.wards.get(ward)).map(|run| run.engine.census());
            let (Some(ward), Some(census)) = (&ward, census) else {
                decoded.extend(group.values.into_iter().map(|v| v.read));
                continue;
            };
            let whose = whose(census, &group, &self.moved, now);
            let skew = self.moment(now).skew;
            if let Whose::Contradiction { named, since, detail } = &whose {
                // What is older than the stay of who is in the bed says nothing of it: the assignment of its time decides.
                let speaks = |reading: &Reading| reading.observed_at - skew >= *since;
                let first = group.values.iter().filter_map(|v| v.read.as_ref().ok()).find(|reading| speaks(reading));
                if let Some(reading) = first {
                    self.contradiction(ward, (&reading.device, reading.observed_at), named, now);
                }
                for value in group.values {
                    match value.read.as_ref().ok().filter(|reading| speaks(reading)) {
                        None => decoded.push(value.read),
                        Some(reading) => {
                            let named = named_of.get(&reading.device).cloned().unwrap_or_default();
                            let who = unplaced::Came { device: &reading.device, sender, ward: Some(ward), named };
                            unplaced::note(batch, who, "wrong_patient", detail, now);
                            let index = decoded.len();
                            decoded.push(contradicted(index, value, detail));
                        }
                    }
                }
                continue;
            }
            if let Whose::Empty(bed) = &whose {
                let from = decoded.len();
                decoded.extend((from..).zip(group.values).map(|(index, v)| beside_empty_bed(census, index, v, bed)));
                continue;
            }
            let mut devices = BTreeMap::<DeviceId, Vec<Timestamp>>::new();
            for reading in group.values.iter().filter_map(|v| v.read.as_ref().ok()) {
                let at = reading.observed_at - skew;
                match devices.get_mut(&reading.device) {
                    Some(times) => times.push(at),
                    None => drop(devices.insert(reading.device.clone(), vec![at])),
                }
            }
            for (device, times) in devices {
                self.join(ward, sender, (device, &times), &whose, now, batch);
            }
            for value in group.values {
                decoded.push(value.read.map(|mut reading| {
                    if let Whose::InBed(patient, since) = &whose
                        && reading.observed_at - skew >= *since
                    {
                        reading.named_patient = Some(patient.clone());
                    }
                    reading
                }));
            }
        }
        (decoded, named_of)
    }

    /// Adds a device that is not known, and assigns one that measures nobody, by the times of what it says.
    pub(super) fn join(
        &mut self,
        ward: &WardId,
        sender: &DeviceId,
        (device, times): (DeviceId, &[Timestamp]),
        whose: &Whose,
        now: Timestamp,
        batch: &mut Batch,
    ) {
        let by = Actor::Device { device: sender.clone() };
        let Some(census) = self.wards.get(ward).map(|run| run.engine.census()) else { return };
        if device == *sender {
            return;
        }
        let known = census.devices.get(&device);
        if known.is_some_and(|known| known.gateway.as_ref() != Some(sender)) {
            return;
        }
        let assignment = assignment(census, &device, times, whose);
        if known.is_none() {
            if self.ward_of_device.contains_key(&device) || census.devices.len() >= DEVICES_MAX {
                return;
            }
            let device = Device {
                id: device,
                name: String::new(),
                kind: DeviceKind::Monitor,
                gateway: Some(sender.clone()),
                intervals_ms: BTreeMap::new(),
                desired: Desired::default(),
            };
            self.act(ward, &Command::SetDevice { device }, &by, now, batch);
        }
        if let Some(assignment) = assignment {
            self.act(ward, &Command::Assign { assignment }, &by, now, batch);
        }
    }

    /// Tells people that a message names one patient and the bed of another.
    pub(super) fn contradiction(
        &mut self,
        ward: &WardId,
        (device, observed_at): (&DeviceId, Timestamp),
        named: &PatientId,
        now: Timestamp,
    ) {
        let at = self.moment(now);
        if let Some(run) = self.wards.get_mut(ward) {
            let (device, named) = (device.clone(), named.clone());
            run.input(Input::IntakeFault(IntakeFault::WrongPatient { device, named, observed_at }), at);
        }
    }
}

pub(super) fn whose(census: &Census, group: &Group, moved: &BTreeMap<PatientId, Timestamp>, now: Timestamp) -> Whose {
    let in_bed = group.bed.as_ref().and_then(|bed| census.stay_in(bed));
    match (&group.patient, in_bed) {
        (Some(named), Some(stay)) if stay.patient.id != *named => Whose::Contradiction {
            named: named.clone(),
            since: came_to_bed(stay, moved),
            detail: format!(
                "the message names patient {named} and bed {}, where patient {} is: nothing is stored; set the patient on \
                 the monitor, or the bed in the hospital's system",
                stay.bed, stay.patient.id
            ),
        },
        (Some(named), None) => match (empty_bed(census, group), census.stays.get(named)) {
            (Some(bed), Some(stay)) => Whose::Contradiction {
                named: named.clone(),
                since: came_to_bed(stay, moved),
                detail: format!(
                    "the message names patient {named}, who is in bed {}, and bed {bed}, where nobody is: nothing is stored; \
                     set the patient on the monitor, or the bed in the hospital's system",
                    stay.bed
                ),
            },
            (None, _) | (_, None) => Whose::Named(named.clone()),
        },
        (Some(named), Some(_)) => Whose::Named(named.clone()),
        (None, Some(stay)) => Whose::InBed(stay.patient.id.clone(), came_to_bed(stay, moved).max(now - BED_SPEAKS_FOR)),
        (None, None) => empty_bed(census, group).map_or(Whose::Unsaid, |bed| Whose::Empty(bed.clone())),
    }
}

/// The bed that is named, if it is one of the ward and nobody lies in it.
fn empty_bed<'g>(census: &Census, group: &'g Group) -> Option<&'g BedId> {
    group.bed.as_ref().filter(|bed| census.beds.contains_key(*bed) && census.stay_in(bed).is_none())
}

/// When a patient came to the bed. Stamps have whole seconds: the second in which that was counts.
fn came_to_bed(stay: &Stay, moved: &BTreeMap<PatientId, Timestamp>) -> Timestamp {
    whole_second(moved.get(&stay.patient.id).map_or(stay.admitted_at, |moved| stay.admitted_at.max(*moved)))
}

const fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_ms(at.as_ms().div_euclid(1_000) * 1_000)
}

/// The assignment that a message makes, if its device measures nobody and its patient is here. It starts with the first
/// value of the time since the device is free and its patient in the bed: what is older says nothing of the present.
fn assignment(census: &Census, device: &DeviceId, times: &[Timestamp], whose: &Whose) -> Option<Assignment> {
    let (patient, since) = match whose {
        Whose::Named(patient) => (patient, None),
        Whose::InBed(patient, since) => (patient, Some(*since)),
        Whose::Unsaid | Whose::Empty(_) | Whose::Contradiction { .. } => return None,
    };
    let spans = census.assignments.get(device).map(Vec::as_slice).unwrap_or_default();
    let by_hand = census.taken_away.contains(device);
    if by_hand || !census.stays.contains_key(patient) || spans.iter().any(|a| a.end.is_none()) {
        return None;
    }
    let free_from = spans.iter().filter_map(|a| a.end).max();
    let counts = |at: &Timestamp| free_from.is_none_or(|end| *at >= end) && since.is_none_or(|since| *at >= since);
    let start = times.iter().copied().filter(counts).min()?;
    Some(Assignment { device: device.clone(), patient: patient.clone(), start, end: None })
}

/// A monitor of a patient who lies in one bed that names another one, where nobody lies, was left behind or goes to
/// somebody who is not admitted yet.
fn beside_empty_bed(census: &Census, index: usize, value: Observed, bed: &BedId) -> Result<Reading, Refused> {
    match value.read.as_ref().ok().and_then(|reading| left_behind(census, &reading.device, bed)) {
        Some(detail) => contradicted(index, value, &detail),
        None => value.read,
    }
}

/// What is wrong with a device that names an empty bed, if it measures somebody in another one.
pub(super) fn left_behind(census: &Census, device: &DeviceId, bed: &BedId) -> Option<String> {
    let stay = census.stays.get(&census.open_assignment(device)?.patient)?;
    Some(format!(
        "the message names bed {bed}, where nobody is, and its device measures patient {} in bed {}: nothing is stored; \
         take the device away, or admit who lies there",
        stay.patient.id, stay.bed
    ))
}

fn contradicted(index: usize, value: Observed, detail: &str) -> Result<Reading, Refused> {
    let reading = value.read?;
    Err(Refused {
        rejection: Rejection { index, code: RejectionCode::WrongPatient, detail: detail.to_owned() },
        payload: format!("device {} {} {} at {}", reading.device, reading.vital, reading.value, reading.observed_at),
        way: Way::Hl7,
        ahead: None,
    })
}
