//! The FHIR R4 types that wardwatch makes: what an Observation looks like, and its parts.
//!
//! Shapes only: what goes into them is decided elsewhere (`ingest` for mapped messages). Numbers keep their digits, times
//! their 100 ns. No IO, no clock, no look-up. Called by `ingest` and `cli`.

mod datatypes;
mod decimal;
mod instant;
mod observation;

pub use datatypes::{CodeableConcept, Coding, Identifier, Period, Quantity, Reference, SampledData};
pub use decimal::{DIGITS_MAX, Decimal, DecimalError};
pub use instant::{Instant, TICKS_PER_MS};
pub use observation::{Component, Observation, ObservationValue, Status};
