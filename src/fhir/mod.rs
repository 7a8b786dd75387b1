//! FHIR R4: the resources that wardwatch makes, and the reading, checking and searching of those that it is sent.
//!
//! Shapes and rules only: what a resource means for a ward is decided elsewhere (`ingest`). What was received is kept as it
//! came: numbers keep their digits, times their offset and precision. No IO, no clock, no look-up. Called by `ingest`,
//! `store` (its types), `backend` and `cli`.

pub mod capability;
mod check;
mod datatypes;
mod decimal;
pub mod edit;
pub mod index;
mod instant;
pub mod json;
mod kind;
mod modifier;
pub mod moment;
mod name;
mod observation;
pub mod outcome;
mod schema;
pub mod search;
mod written;

pub use check::{check, is_id};
pub use datatypes::{CodeableConcept, Coding, Identifier, Period, Quantity, Reference, SampledData};
pub use decimal::{DIGITS_MAX, Decimal, DecimalError};
pub use index::{Index, Token};
pub use instant::{Instant, TICKS_PER_MS};
pub use kind::{ResourceKind, UnknownKind};
pub use modifier::{unknown_modifier, unknown_modifier_of_bundle};
pub use moment::Moment;
pub use name::id_of;
pub use observation::{Component, Observation, ObservationValue, Status};
pub use outcome::{Issue, IssueCode, OperationOutcome, Severity};
pub use written::written;

/// Longest resource that is kept, in bytes.
pub const RESOURCE_MAX_BYTES: usize = 256 * 1024;
