//! Why a measurement became no Observation.

use super::sampled::SLOTS_MAX;

/// Why a measurement became no Observation. [`TransformFault::name`] is the name that Microsoft's service gives it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransformFault {
    /// No template for the type.
    #[error("the FHIR mapping has no template of the type {type_name:?}: add one, or correct the typeName")]
    TemplateNotFound {
        /// The type.
        type_name: String,
    },
    /// Grouped by correlation id, and there is none.
    #[error(
        "the FHIR template groups by correlation id (periodInterval -1), and the measurement has none: add a \
         correlationIdExpression to the device template"
    )]
    CorrelationIdNotDefined,
    /// No such period.
    #[error("periodInterval {0} means nothing: -1, 0, 60 and 1440 are known")]
    PeriodNotSupported(i64),
    /// Not one decimal number.
    #[error("a Quantity takes exactly one decimal number: {found}")]
    InvalidQuantity {
        /// What came instead.
        found: String,
    },
    /// Not one text.
    #[error("a String takes exactly one value, and {count} came: use periodInterval 0, or SampledData for several")]
    NotOneText {
        /// How many came.
        count: usize,
    },
    /// The Observation that is there has another type of value.
    #[error("the Observation that is there has {found}, the mapping now makes {wanted}: they cannot be merged")]
    ValueTypeChanged {
        /// What is wanted.
        wanted: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// The stream that is there has several values at one time.
    #[error("the stream that is there has {0} values at one time: only one can be merged")]
    Dimensions(u32),
    /// The Observation of this identifier is another patient's.
    #[error("the Observation that has this identifier belongs to {found}: nothing is merged into it")]
    OtherSubject {
        /// Whose it is.
        found: String,
    },
    /// `SampledData` without a usable period.
    #[error("SampledData needs a defaultPeriod, in milliseconds, above 0")]
    SamplePeriod,
    /// The stream would be too long.
    #[error("a stream of {slots} values is too long, {SLOTS_MAX} are the most: take a longer defaultPeriod")]
    StreamTooLong {
        /// How many it would have.
        slots: i64,
    },
}

impl TransformFault {
    /// The name of the exception upstream, for those who look it up.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TemplateNotFound { .. } => "TemplateNotFoundException",
            Self::CorrelationIdNotDefined => "CorrelationIdNotDefinedException",
            Self::PeriodNotSupported(_)
            | Self::ValueTypeChanged { .. }
            | Self::Dimensions(_)
            | Self::StreamTooLong { .. } => "NotSupportedException",
            Self::InvalidQuantity { .. } => "InvalidQuantityFhirValueException",
            Self::NotOneText { .. } => "InvalidOperationException",
            Self::OtherSubject { .. } => "PatientDeviceMismatchException",
            Self::SamplePeriod => "ArgumentNullException",
        }
    }
}
