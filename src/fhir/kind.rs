//! The types of resources that are kept.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A type of resource that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ResourceKind {
    /// `Observation`
    Observation,
    /// `Patient`
    Patient,
    /// `Device`
    Device,
    /// `Encounter`
    Encounter,
}

/// A type that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this server keeps Observation, Patient, Device and Encounter")]
pub struct UnknownKind;

impl ResourceKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Observation, Self::Patient, Self::Device, Self::Encounter];

    /// The name of the type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observation => "Observation",
            Self::Patient => "Patient",
            Self::Device => "Device",
            Self::Encounter => "Encounter",
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ResourceKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}
