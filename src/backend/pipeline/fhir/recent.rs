//! Versions of resources that may still be on their way to the disk, and what a resource is about.

use super::{DEVICE, EFFECTIVE, ResourceKept, ResourceWrite, STATUS, SUBJECT};
use crate::{
    domain::{DeviceId, PatientId, Timestamp, VitalCode},
    fhir::{self, Index, ResourceKind},
    store::ResourceRow,
};
use std::collections::{BTreeSet, HashMap};

/// A version that may still be on its way to the disk.
#[derive(Debug)]
pub(super) struct Recent {
    pub(super) group: u64,
    pub(super) kind: ResourceKind,
    pub(super) kept: ResourceKept,
    pub(super) source: DeviceId,
    pub(super) facts: Facts,
    /// The values that it stands for.
    pub(super) holds: Vec<Held>,
}

/// A value by its device, vital and time of the wall clock.
pub(in crate::backend::pipeline) type Held = ((DeviceId, VitalCode, Timestamp), f64);

/// What a resource is about, as far as one that is sent again has to be about the same.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) index: Index,
    pub(super) link: Option<String>,
    pub(super) patient: Option<PatientId>,
    pub(super) device: Option<DeviceId>,
}

impl Facts {
    fn tokens(index: &Index, params: &[&str]) -> BTreeSet<(&'static str, String, String)> {
        let of_these = index.tokens.iter().filter(|t| params.contains(&t.param));
        of_these.map(|t| (t.param, t.system.clone(), t.code.clone())).collect()
    }

    /// In what a resource is about something else, if it is.
    pub(super) fn differs(&self, write: &ResourceWrite) -> Option<(&'static str, &'static str)> {
        const WHAT: [&str; 2] = ["code", "component-code"];
        let Some(observed) = &write.observed else {
            let is_another = write.kind == ResourceKind::Patient && self.link != write.link;
            return is_another.then_some(("Patient.identifier", "identifier of a patient here"));
        };
        if self.index.is_measured() != write.index.is_measured() {
            return Some((STATUS, "status"));
        }
        let other = |params: &[&str]| Self::tokens(&self.index, params) != Self::tokens(&write.index, params);
        if observed.patient.is_some() && observed.patient != self.patient {
            return Some((SUBJECT, "patient"));
        }
        if observed.device != self.device {
            return Some((DEVICE, "device"));
        }
        if self.index.span != write.index.span {
            return Some((EFFECTIVE, "time"));
        }
        other(&WHAT).then_some(("Observation.code", "code"))
    }
}

/// Groups that may be on their way to the disk: the one being made and the one being written.
const GROUPS_IN_FLIGHT: u64 = 2;

/// An Observation that may still be on its way to the disk.
#[derive(Debug)]
struct RecentObservation {
    group: u64,
    version: u64,
    /// The Observation, if it was made here and not sent as it is.
    made: Option<fhir::Observation>,
}

/// Versions that may still be on their way to the disk.
#[derive(Debug, Default)]
pub(in crate::backend::pipeline) struct RecentResources {
    pub(super) all: Vec<Recent>,
    /// The present version of each Observation among them, by its id.
    observations: HashMap<String, RecentObservation>,
    /// The group for which the older ones were last forgotten.
    group: u64,
}

impl RecentResources {
    /// Forgets all; the store is the truth again.
    pub(in crate::backend::pipeline) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Forgets what is on the disk for sure while this group is made.
    pub(in crate::backend::pipeline) fn prune(&mut self, group: u64) {
        if self.group != group {
            self.group = group;
            self.all.retain(|recent| recent.group + GROUPS_IN_FLIGHT > group);
            self.observations.retain(|_, recent| recent.group + GROUPS_IN_FLIGHT > group);
        }
    }

    /// The present version of an Observation that may still be on its way, and the Observation if it was made here.
    pub(in crate::backend::pipeline) fn observation(&self, id: &str) -> Option<(u64, Option<&fhir::Observation>)> {
        self.observations.get(id).map(|recent| (recent.version, recent.made.as_ref()))
    }

    /// Notes a version that goes into a group, with the device that it names, the Observation if it was made here, and the
    /// values that it stands for.
    pub(in crate::backend::pipeline) fn note(
        &mut self,
        group: u64,
        row: &ResourceRow,
        (device, made): (Option<DeviceId>, Option<fhir::Observation>),
        holds: Vec<Held>,
    ) {
        let (version, updated) = (row.version, row.updated);
        if row.kind == ResourceKind::Observation {
            self.observations.insert(row.id.clone(), RecentObservation { group, version, made });
        }
        let kept = ResourceKept { id: row.id.clone(), version, updated, existed: false };
        let facts = Facts { index: row.index.clone(), link: row.link.clone(), patient: row.patient.clone(), device };
        self.all.push(Recent { group, kind: row.kind, kept, source: row.source.clone(), facts, holds });
    }
}
