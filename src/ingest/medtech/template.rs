//! One template of a device mapping.

use super::{
    expression::{Expression, Located},
    json::Position,
};
use serde::Serialize;
use std::sync::Arc;

/// The member under which a calculated template finds what it matched.
pub const MATCHED_TOKEN: &str = "matchedToken";

/// What kind of template it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TemplateKind {
    /// JSONPath on what was matched.
    JsonPathContent,
    /// The same for messages of an IoT Hub: device and time come from its properties.
    IotJsonPathContent,
    /// The same for messages of IoT Central.
    IotCentralJsonPathContent,
    /// Either language, on the whole message with what was matched as `matchedToken`.
    CalculatedContent,
}

impl TemplateKind {
    /// All kinds.
    pub const ALL: [Self; 4] =
        [Self::JsonPathContent, Self::IotJsonPathContent, Self::IotCentralJsonPathContent, Self::CalculatedContent];

    /// Its name in mapping files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JsonPathContent => "JsonPathContent",
            Self::IotJsonPathContent => "IotJsonPathContent",
            Self::IotCentralJsonPathContent => "IotCentralJsonPathContent",
            Self::CalculatedContent => "CalculatedContent",
        }
    }

    /// Whether device and time are implied and not written in the file.
    #[must_use]
    pub const fn implies_device_and_time(self) -> bool {
        matches!(self, Self::IotJsonPathContent | Self::IotCentralJsonPathContent)
    }
}

/// A template that was read.
#[derive(Debug, Clone)]
pub struct DeviceTemplate {
    /// Its kind.
    pub kind: TemplateKind,
    /// Where its object opens.
    pub at: Position,
    /// The type of its measurements; it leads to the FHIR template of the same name.
    pub type_name: Located<Arc<str>>,
    /// What it matches; each match is one measurement. Left blank it fails on every message, as upstream.
    pub type_match: Option<Expression>,
    /// The device.
    pub device_id: Expression,
    /// The time, and where to look next if there is none.
    pub timestamp: Vec<Expression>,
    /// The patient.
    pub patient_id: Option<Expression>,
    /// The encounter.
    pub encounter_id: Option<Expression>,
    /// The session. Where it is set, each message must have one.
    pub correlation_id: Option<Expression>,
    /// The values.
    pub values: Vec<ValueTemplate>,
    /// Whether an expression speaks of `Body` or of properties, so that a bare message needs an envelope.
    pub(super) wants_envelope: bool,
}

/// One value of a template.
#[derive(Debug, Clone)]
pub struct ValueTemplate {
    /// Where its object opens.
    pub at: Position,
    /// Its name; it leads to the value of the same name in the FHIR template.
    pub name: Located<Arc<str>>,
    /// What it is.
    pub expression: Expression,
    /// Whether a message without it is an error.
    pub required: bool,
    /// Where that is said, if it is.
    pub required_at: Option<Position>,
}

impl DeviceTemplate {
    /// All its expressions.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.type_match
            .iter()
            .chain([&self.device_id])
            .chain(&self.timestamp)
            .chain(&self.patient_id)
            .chain(&self.encounter_id)
            .chain(&self.correlation_id)
            .chain(self.values.iter().map(|value| &value.expression))
    }
}
