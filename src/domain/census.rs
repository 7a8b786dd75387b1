//! Who is where: beds, patients, devices, and the timeline of which device measures whom.

use super::{
    Actor, Assignment, Bed, BedId, Desired, Device, DeviceId, EncounterId, Event, EventBody, LimitsSaid, Patient,
    PatientId, Timestamp, VitalCode, Ward,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

/// A patient in a bed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// The patient.
    pub patient: Patient,
    /// The bed.
    pub bed: BedId,
    /// The stay.
    pub encounter: EncounterId,
    /// When the patient came.
    pub admitted_at: Timestamp,
    /// The limits that devices say they have, by vital.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub device_limits: BTreeMap<VitalCode, LimitsSaid>,
    /// What other devices said before of the same vitals: a device that says its limits again says nothing new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_limits: Vec<(VitalCode, LimitsSaid)>,
}

impl Stay {
    /// What a device said last of its limits for a vital.
    #[must_use]
    pub fn limits_said_by(&self, device: &DeviceId, vital: VitalCode) -> Option<&LimitsSaid> {
        let newest = self.device_limits.get(&vital).filter(|said| said.device == *device);
        let before = || self.other_limits.iter().find(|(of, said)| *of == vital && said.device == *device);
        newest.or_else(|| before().map(|(_, said)| said))
    }

    fn note_limits(&mut self, vital: VitalCode, said: &LimitsSaid) {
        note_limits((&mut self.device_limits, &mut self.other_limits), vital, said);
    }

    fn forget_limits_of(&mut self, device: &DeviceId) {
        forget_limits_of((&mut self.device_limits, &mut self.other_limits), device);
    }
}

/// The limits that devices say they have, by vital, and what other devices said before of the same vitals.
type SaidBy<'a> = (&'a mut BTreeMap<VitalCode, LimitsSaid>, &'a mut Vec<(VitalCode, LimitsSaid)>);

/// A device says its limits of a vital: they stand in the place of another one's.
pub(crate) fn note_limits((newest, others): SaidBy<'_>, vital: VitalCode, said: &LimitsSaid) {
    others.retain(|(of, before)| *of != vital || before.device != said.device);
    let before = newest.insert(vital, said.clone());
    others.extend(before.filter(|before| before.device != said.device).map(|before| (vital, before)));
}

/// A device measures the patient no more: what another one said last of a vital stands in its place.
pub(crate) fn forget_limits_of((newest, others): SaidBy<'_>, device: &DeviceId) {
    others.retain(|(_, said)| said.device != *device);
    newest.retain(|_, said| said.device != *device);
    // The last that was said comes first.
    for (vital, said) in std::mem::take(others).into_iter().rev() {
        match newest.entry(vital) {
            Entry::Vacant(place) => drop(place.insert(said)),
            Entry::Occupied(_) => others.push((vital, said)),
        }
    }
    others.reverse();
}

/// The census of one ward: a fold over its events, the same in engine, intake and client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Census {
    /// The ward, once it is named.
    pub ward: Option<Ward>,
    /// Beds in order of their identifier.
    pub beds: BTreeMap<BedId, Bed>,
    /// Patients present.
    pub stays: BTreeMap<PatientId, Stay>,
    /// Devices.
    pub devices: BTreeMap<DeviceId, Device>,
    /// Assignments by device, in order of their start. Ended ones stay: late data belong to the patient of their time.
    pub assignments: BTreeMap<DeviceId, Vec<Assignment>>,
    /// Devices that a person took away from a patient who stayed: no message assigns them anew.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub taken_away: BTreeSet<DeviceId>,
}

/// Why a change does not fit who is where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "census", rename_all = "snake_case")]
pub enum CensusError {
    /// No such bed.
    #[error("there is no bed {bed}: add it first")]
    UnknownBed {
        /// The bed.
        bed: BedId,
    },
    /// The bed is taken.
    #[error("bed {bed} is taken by patient {patient}: discharge or transfer that patient first")]
    BedTaken {
        /// The bed.
        bed: BedId,
        /// Who lies there.
        patient: PatientId,
    },
    /// The patient is here already.
    #[error("patient {patient} is in bed {bed} already")]
    AlreadyHere {
        /// The patient.
        patient: PatientId,
        /// Where.
        bed: BedId,
    },
    /// A patient or device is of one ward; of which one is not said.
    #[error("this patient or device is of another ward already")]
    OtherWard,
    /// No such patient on the ward.
    #[error("patient {patient} is not on this ward")]
    UnknownPatient {
        /// The patient.
        patient: PatientId,
    },
    /// No such device.
    #[error("there is no device {device}: add it first")]
    UnknownDevice {
        /// The device.
        device: DeviceId,
    },
    /// The device measures somebody at that time.
    #[error("device {device} measures patient {patient} at that time: take it away first")]
    DeviceTaken {
        /// The device.
        device: DeviceId,
        /// Whom it measures.
        patient: PatientId,
    },
    /// An assignment would begin or end later than now.
    #[error("{at} lies ahead: an assignment begins or ends now or earlier, else nobody watches until then")]
    Ahead {
        /// When.
        at: Timestamp,
    },
    /// The device measures nobody.
    #[error("device {device} is not assigned to anybody")]
    NotAssigned {
        /// The device.
        device: DeviceId,
    },
    /// The span ends before it starts.
    #[error("device {device}: the assignment would end before it starts")]
    EndsBeforeStart {
        /// The device.
        device: DeviceId,
    },
    /// Limits that leave nothing between them, or say nothing.
    #[error("device {device}: limits of {vital} need a low or a high, and the low below the high")]
    DeviceLimits {
        /// The device.
        device: DeviceId,
        /// The vital.
        vital: VitalCode,
    },
    /// The named gateway is not a gateway of this ward.
    #[error("device {device} names {gateway} as its gateway, which is not a gateway of this ward")]
    UnknownGateway {
        /// The device.
        device: DeviceId,
        /// What it names.
        gateway: DeviceId,
    },
}

impl Census {
    /// The patient whom a device measures at `at`.
    #[must_use]
    pub fn patient_of(&self, device: &DeviceId, at: Timestamp) -> Option<&PatientId> {
        let spans = self.assignments.get(device)?;
        spans.iter().rev().find(|a| a.covers(at)).map(|a| &a.patient)
    }

    /// The assignment of a device that has not ended.
    #[must_use]
    pub fn open_assignment(&self, device: &DeviceId) -> Option<&Assignment> {
        self.assignments.get(device)?.iter().rev().find(|a| a.end.is_none())
    }

    /// Who lies in a bed.
    #[must_use]
    pub fn stay_in(&self, bed: &BedId) -> Option<&Stay> {
        self.stays.values().find(|s| s.bed == *bed)
    }

    /// Whether a patient may be admitted to a bed.
    ///
    /// # Errors
    /// If the bed is unknown or taken, or the patient is here already.
    pub fn check_admission(&self, patient: &PatientId, bed: &BedId) -> Result<(), CensusError> {
        if !self.beds.contains_key(bed) {
            return Err(CensusError::UnknownBed { bed: bed.clone() });
        }
        if let Some(stay) = self.stays.get(patient) {
            return Err(CensusError::AlreadyHere { patient: patient.clone(), bed: stay.bed.clone() });
        }
        match self.stay_in(bed) {
            Some(stay) => Err(CensusError::BedTaken { bed: bed.clone(), patient: stay.patient.id.clone() }),
            None => Ok(()),
        }
    }

    /// Whether a patient may be moved to a bed; the bed of before.
    ///
    /// # Errors
    /// If the patient is not here, or the bed is unknown or taken, be it by the patient.
    pub fn check_transfer(&self, patient: &PatientId, bed: &BedId) -> Result<BedId, CensusError> {
        let unknown = || CensusError::UnknownPatient { patient: patient.clone() };
        let from = self.stays.get(patient).ok_or_else(unknown)?.bed.clone();
        if !self.beds.contains_key(bed) {
            return Err(CensusError::UnknownBed { bed: bed.clone() });
        }
        match self.stay_in(bed) {
            Some(stay) => Err(CensusError::BedTaken { bed: bed.clone(), patient: stay.patient.id.clone() }),
            None => Ok(from),
        }
    }

    /// Whether a device may be assigned.
    ///
    /// # Errors
    /// If device or patient is unknown, the span is empty, or the device measures somebody within it.
    pub fn check_assignment(&self, wanted: &Assignment) -> Result<(), CensusError> {
        self.check_span(wanted, |_| true)
    }

    /// Whether a device may be moved to another patient: its open assignment ends where the wanted one starts.
    ///
    /// # Errors
    /// As [`Census::check_assignment`], if it measures that patient already, or if the open assignment would end before it
    /// starts.
    pub fn check_move(&self, wanted: &Assignment) -> Result<(), CensusError> {
        match self.open_assignment(&wanted.device) {
            Some(open) if open.patient == wanted.patient => {
                Err(CensusError::DeviceTaken { device: open.device.clone(), patient: open.patient.clone() })
            }
            Some(_) => {
                self.check_span(wanted, |span| span.end.is_some())?;
                self.check_unassignment(&wanted.device, wanted.start).map(|_| ())
            }
            None => self.check_assignment(wanted),
        }
    }

    /// Whether an assignment fits beside those that count.
    fn check_span(&self, wanted: &Assignment, counts: impl Fn(&Assignment) -> bool) -> Result<(), CensusError> {
        let device = || wanted.device.clone();
        if !self.devices.contains_key(&wanted.device) {
            return Err(CensusError::UnknownDevice { device: device() });
        }
        if !self.stays.contains_key(&wanted.patient) {
            return Err(CensusError::UnknownPatient { patient: wanted.patient.clone() });
        }
        if wanted.end.is_some_and(|end| end <= wanted.start) {
            return Err(CensusError::EndsBeforeStart { device: device() });
        }
        let spans = self.assignments.get(&wanted.device).map(Vec::as_slice).unwrap_or_default();
        match spans.iter().find(|a| counts(a) && a.overlaps(wanted.start, wanted.end)) {
            Some(taken) => Err(CensusError::DeviceTaken { device: device(), patient: taken.patient.clone() }),
            None => Ok(()),
        }
    }

    /// The open assignment of a device as it would be after its end at `end`.
    ///
    /// # Errors
    /// If the device measures nobody, or the end would not be after the start.
    pub fn check_unassignment(&self, device: &DeviceId, end: Timestamp) -> Result<Assignment, CensusError> {
        let open = self.open_assignment(device).ok_or_else(|| CensusError::NotAssigned { device: device.clone() })?;
        if end <= open.start {
            return Err(CensusError::EndsBeforeStart { device: device.clone() });
        }
        Ok(Assignment { end: Some(end), ..open.clone() })
    }

    /// Whether a device may be set as given.
    ///
    /// # Errors
    /// If it names a gateway that is not a gateway of this ward, or limits that make no sense.
    pub fn check_device(&self, device: &Device) -> Result<(), CensusError> {
        if let Some((vital, _)) = device.desired.limits.iter().find(|(_, limits)| !limits.makes_sense()) {
            return Err(CensusError::DeviceLimits { device: device.id.clone(), vital: *vital });
        }
        let Some(gateway) = &device.gateway else { return Ok(()) };
        match self.devices.get(gateway) {
            Some(found) if found.kind == super::DeviceKind::Gateway => Ok(()),
            _ => Err(CensusError::UnknownGateway { device: device.id.clone(), gateway: gateway.clone() }),
        }
    }

    /// What is wanted of a device as given, numbered after what was wanted of it before.
    #[must_use]
    pub fn numbered(&self, device: &Device, now: Timestamp) -> Desired {
        let (limits, intervals_ms) = (device.desired.limits.clone(), device.desired.intervals_ms.clone());
        let wanted = Desired { limits, intervals_ms, ..Desired::default() };
        match self.devices.get(&device.id) {
            None => wanted,
            // That the device works by them now changes nothing of what is wanted.
            Some(former)
                if former.desired.limits == wanted.limits && former.wanted_intervals() == device.wanted_intervals() =>
            {
                Desired { version: former.desired.version, changed_at: former.desired.changed_at, ..wanted }
            }
            Some(former) => {
                Desired { version: former.desired.version.saturating_add(1), changed_at: Some(now), ..wanted }
            }
        }
    }

    /// Takes in what an event changes.
    pub fn apply(&mut self, event: &Event) {
        match &event.body {
            EventBody::WardSet { ward } => self.ward = Some(ward.clone()),
            EventBody::BedSet { bed, .. } => {
                self.beds.insert(bed.id.clone(), bed.clone());
            }
            EventBody::Admitted { patient, bed, encounter, .. } => {
                let stay = Stay {
                    patient: patient.clone(),
                    bed: bed.clone(),
                    encounter: encounter.clone(),
                    admitted_at: event.at,
                    device_limits: BTreeMap::new(),
                    other_limits: Vec::new(),
                };
                self.stays.insert(patient.id.clone(), stay);
            }
            EventBody::Discharged { patient, .. } => {
                self.stays.remove(patient);
                // What went with its patient was not taken away from anybody.
                // Nobody can be given back wrongly who has left.
                let went = |spans: &Vec<Assignment>| spans.last().is_some_and(|a| a.patient == *patient);
                let Self { assignments, taken_away, .. } = self;
                taken_away.retain(|device| !assignments.get(device).is_some_and(went));
            }
            EventBody::DeviceLimits { patient, vital, said } => {
                if let Some(stay) = self.stays.get_mut(patient) {
                    stay.note_limits(*vital, said);
                }
            }
            EventBody::Transferred { patient, bed, .. } => {
                if let Some(stay) = self.stays.get_mut(patient) {
                    stay.bed = bed.clone();
                }
            }
            EventBody::CategorySet { patient, category, .. } => {
                if let Some(stay) = self.stays.get_mut(patient) {
                    stay.patient.category = *category;
                }
            }
            EventBody::Described { patient, name, birth_year, .. } => {
                if let Some(stay) = self.stays.get_mut(patient) {
                    (stay.patient.name, stay.patient.birth_year) = (name.clone(), *birth_year);
                }
            }
            EventBody::DeviceSet { device, .. } => {
                self.devices.insert(device.id.clone(), device.clone());
            }
            EventBody::Assigned { assignment, .. } => {
                let spans = self.assignments.entry(assignment.device.clone()).or_default();
                spans.push(assignment.clone());
                spans.sort_by_key(|a| a.start);
                self.taken_away.remove(&assignment.device);
            }
            EventBody::Unassigned { assignment, by } => {
                if matches!(by, Actor::User { .. } | Actor::Console { .. }) {
                    self.taken_away.insert(assignment.device.clone());
                }
                let spans = self.assignments.entry(assignment.device.clone()).or_default();
                if let Some(span) = spans.iter_mut().find(|a| a.start == assignment.start) {
                    span.end = assignment.end;
                }
                if let Some(stay) = self.stays.get_mut(&assignment.patient) {
                    stay.forget_limits_of(&assignment.device);
                }
            }
            _ => {}
        }
    }
}
