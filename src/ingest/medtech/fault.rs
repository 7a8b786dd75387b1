//! Why a template made no measurement.

use super::{expression::ExpressionFault, json::Position};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use std::{
    fmt::{self, Display, Formatter},
    sync::Arc,
};

/// What an expression of a template is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// What it matches.
    TypeMatch,
    /// The device.
    DeviceId,
    /// The time.
    Timestamp,
    /// The session.
    CorrelationId,
    /// The patient.
    PatientId,
    /// The encounter.
    EncounterId,
    /// The value of this name.
    Value(Arc<str>),
}

/// Upstream's names: those of the mapping file, or that of the value.
impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TypeMatch => "TypeMatchExpression",
            Self::DeviceId => "DeviceIdExpression",
            Self::Timestamp => "TimestampExpression",
            Self::CorrelationId => "CorrelationIdExpression",
            Self::PatientId => "PatientIdExpression",
            Self::EncounterId => "EncounterIdExpression",
            Self::Value(name) => name,
        })
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A template that failed on a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template {}, {type_name:?} at {at} of the mapping: {kind}", .template.saturating_add(1))]
pub struct Fault {
    /// Which template failed, from 0, among those that are right.
    pub template: usize,
    /// Its type.
    pub type_name: Arc<str>,
    /// Where it stands in the mapping.
    pub at: Position,
    /// Why it failed.
    pub kind: FaultKind,
}

/// Why a template failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// The template lacks an expression.
    #[error("An expression must be set for [{0}]")]
    NotSet(Field),
    /// Something that must be there is missing or unusable.
    #[error("Unable to extract required value for [{field}] using {expressions}: {why}")]
    Required {
        /// What must be there.
        field: Field,
        /// The expressions tried.
        expressions: String,
        /// What they found.
        why: Unusable,
    },
    /// An expression could not be evaluated.
    #[error("[{field}] {expression}: {fault}")]
    Expression {
        /// What it is for.
        field: Field,
        /// Its text.
        expression: String,
        /// Why.
        fault: ExpressionFault,
    },
    /// The message has a member of the name that upstream adds.
    #[error("the message itself has a member matchedToken, which a CalculatedContent template adds")]
    MatchedToken,
    /// More measurements than one message may make.
    #[error("the message makes more than {0} measurements")]
    TooMany(usize),
}

/// What stands where a value is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The expression finds nothing.
    #[error("nothing is found")]
    Missing,
    /// `null`, or a text of blanks.
    #[error("a null or empty value is found")]
    Empty,
    /// An array or an object.
    #[error("an {0} is found, and a single value is wanted")]
    NotSingle(&'static str),
    /// No date and time.
    #[error("{0} is found, and that is not a date and time")]
    NotATime(String),
}

impl FaultKind {
    /// Upstream's name for it, by which its metrics count.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::NotSet(_) | Self::Required { .. } => "IncompatibleDataException",
            Self::Expression { .. } => "TemplateExpressionException",
            Self::MatchedToken | Self::TooMany(_) => "InvalidDataFormatException",
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fault = serializer.serialize_struct("Fault", 5)?;
        fault.serialize_field("template", &self.template)?;
        fault.serialize_field("type", &self.type_name)?;
        fault.serialize_field("at", &self.at)?;
        fault.serialize_field("class", self.kind.class())?;
        fault.serialize_field("message", &self.kind.to_string())?;
        fault.end()
    }
}
