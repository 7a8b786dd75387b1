//! Resources that somebody wants kept, and what becomes of them.

use crate::{
    domain::{DeviceId, PatientId, Timestamp, VitalCode},
    fhir::{Index, ResourceKind, search::TokenValue},
    ingest::fhir::{Standing, VitalValue},
    protocol::{IntakeReport, RejectionCode},
};
use std::collections::BTreeMap;

/// What an Observation says for the ward, with the names of the census.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The patient that it names.
    pub patient: Option<PatientId>,
    /// The device that it names.
    pub device: Option<DeviceId>,
    /// The patient of the Encounter that it names, if that is kept here.
    pub encounter_of: Option<PatientId>,
    /// Whether it is of a device itself and of no patient.
    pub of_device: bool,
    /// When.
    pub at: Option<Timestamp>,
    /// What is done with its values.
    pub standing: Standing,
    /// Its values.
    pub values: Vec<VitalValue>,
    /// The values of the version that it takes the place of, as far as they were ones.
    pub former: BTreeMap<VitalCode, f64>,
    /// The other Observations that say the same of the same device and time, by the vital.
    pub twins: Vec<(VitalCode, String)>,
    /// Whether it stood for no measurement before, and does now: a value that was taken out is one again.
    pub again: bool,
}

/// A version of a resource that somebody wants kept.
#[derive(Debug, Clone)]
pub struct ResourceWrite {
    /// Its type.
    pub kind: ResourceKind,
    /// Its id.
    pub id: String,
    /// The version that it takes the place of; `None` makes a new resource.
    pub former: Option<u64>,
    /// Makes it only if no resource has this identifier.
    pub if_none_exist: Option<TokenValue>,
    /// In a transaction, the resource that its sender was told to find, or that none would be found: others refer to it.
    pub expected: Option<Option<String>>,
    /// By what it is found.
    pub index: Index,
    /// Of a Patient, the identifier by which it is one of ours.
    pub link: Option<String>,
    /// The patient whom it is of, if it is no Observation.
    pub patient: Option<PatientId>,
    /// By what it is grouped.
    pub group: String,
    /// The resource as it came.
    pub body: Vec<u8>,
    /// What it says for the ward.
    pub observed: Option<Observed>,
}

/// Resources that are kept all or none.
#[derive(Debug)]
pub struct ResourceWrites {
    /// Who sends them.
    pub sender: DeviceId,
    /// The oldest time at which a value is kept.
    pub oldest: Timestamp,
    /// The resources, in order.
    pub writes: Vec<ResourceWrite>,
}

/// What became of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceKept {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// When the version was made, by the wall clock.
    pub updated: Timestamp,
    /// Whether it was there before: a conditional create that made nothing.
    pub existed: bool,
}

/// What became of all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceReport {
    /// Each resource, in order.
    pub kept: Vec<ResourceKept>,
    /// What became of the values.
    pub intake: IntakeReport,
}

/// Why a resource is not kept, in kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Its values cannot be used.
    Values(RejectionCode),
    /// Another version is there.
    Version,
    /// Nothing is there.
    NotFound,
    /// Several resources have the identifier.
    SeveralMatches,
    /// The resource that has the identifier is about something else.
    AnotherMatch,
}

/// Why nothing is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceRefusal {
    /// Which of the resources.
    pub index: usize,
    /// What kind.
    pub kind: RefusalKind,
    /// The element.
    pub expression: String,
    /// Why, for people.
    pub detail: String,
}
