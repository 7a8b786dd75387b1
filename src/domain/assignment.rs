//! Which device measures which patient, and when.

use super::{DeviceId, PatientId, Timestamp};
use serde::{Deserialize, Serialize};

/// A span in which a device measures a patient: `[start, end)`. Spans of one device never overlap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The device.
    pub device: DeviceId,
    /// The patient it measures.
    pub patient: PatientId,
    /// From when on, inclusive.
    pub start: Timestamp,
    /// Until when, exclusive; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
}

impl Assignment {
    /// Whether the assignment is in force at `at`.
    #[must_use]
    pub fn covers(&self, at: Timestamp) -> bool {
        self.start <= at && self.end.is_none_or(|end| at < end)
    }

    /// Whether two spans share a moment.
    #[must_use]
    pub fn overlaps(&self, start: Timestamp, end: Option<Timestamp>) -> bool {
        self.end.is_none_or(|own| start < own) && end.is_none_or(|other| self.start < other)
    }
}
