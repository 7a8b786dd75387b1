//! From measurements to FHIR Observations, by a FHIR mapping.

mod fault;
pub mod group;
mod load;
pub mod naming;
pub mod observe;
pub mod sampled;
pub mod save;
mod template;
pub mod value;

pub use fault::TransformFault;
pub use group::{MeasurementGroup, ObservationGroup};
pub use template::{
    ComponentTemplate, Concept, FhirMapping, FhirTemplate, PeriodInterval, ValueKind, ValueTemplate, period_ticks,
};

#[cfg(test)]
mod tests;
