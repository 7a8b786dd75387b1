//! One value of one vital of one patient at one time.

use super::{DeviceId, Millis, PatientId, Timestamp, VitalCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest source text of a value, in bytes.
pub const VALUE_TEXT_MAX_BYTES: usize = 32;

/// Whether a value is to be believed. Values of any quality are stored and shown; only valid ones are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// A believable measurement.
    Valid,
    /// The device says that it could not measure (such as a heart rate of 0).
    NotMeasured,
    /// Outside what a living patient can have: an artefact or a fault.
    OutOfRange,
}

/// One value of one vital of one patient at one time (FHIR `Observation`).
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Whose value it is, by the assignment in force at `observed_at`.
    pub patient: PatientId,
    /// The device that measured it.
    pub device: DeviceId,
    /// What was measured.
    pub vital: VitalCode,
    /// The value in the vital's unit; finite and physically possible.
    pub value: f64,
    /// The value as the source wrote it, where that says more than the number (`37.00`).
    pub text: Option<Arc<str>>,
    /// When it was measured, by the device's clock.
    pub observed_at: Timestamp,
    /// When the backend received it.
    pub received_at: Timestamp,
    /// Whether it replaces an earlier value of the same device, vital and time.
    pub correction: bool,
    /// The sampling interval that the device states for this vital.
    pub interval: Option<Millis>,
}
