//! The data types that an Observation is made of.

use super::{Decimal, Instant};
use serde::Serialize;

/// A code of a code system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Coding {
    /// The code system, an URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What people read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

/// A concept: codes that mean the same, and its text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CodeableConcept {
    /// The codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub coding: Vec<Coding>,
    /// What people read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A measured amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quantity {
    /// How much.
    pub value: Decimal,
    /// The unit for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The system of the unit's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The unit for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Values at regular times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SampledData {
    /// Zero of the values, and their unit.
    pub origin: Quantity,
    /// Milliseconds between two values.
    pub period: Decimal,
    /// How many values stand at one time.
    pub dimensions: u32,
    /// The values with a blank between them; `E` is no value.
    pub data: String,
}

/// A span of time; both ends are part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Period {
    /// First moment.
    pub start: Instant,
    /// Last moment.
    pub end: Instant,
}

/// A name that a system gives to a thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Identifier {
    /// Who gives it, an URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The name.
    pub value: String,
}

/// Where another resource is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Reference {
    /// Type and id, such as `Patient/123`.
    pub reference: String,
}

impl Period {
    /// One moment.
    #[must_use]
    pub const fn at(moment: Instant) -> Self {
        Self { start: moment, end: moment }
    }

    /// From the earlier start to the later end.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

impl Reference {
    /// To a resource of this type.
    #[must_use]
    pub fn to(resource: &str, id: &str) -> Self {
        Self { reference: format!("{resource}/{id}") }
    }
}
