//! Mappings of device messages.

use crate::ingest::medtech::{Arithmetic, Compat, Observations};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The mappings by which `POST /v1/medtech` reads messages; without them there is no such way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MedtechConfig {
    /// The mapping of devices' messages, a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_mapping: Option<PathBuf>,
    /// The FHIR mapping: it says which vital a value is, and makes Observations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fhir_mapping: Option<PathBuf>,
    /// Whether the Observations that the FHIR mapping makes are kept.
    pub fhir: bool,
    /// Whether a template that fails costs the message its later templates.
    pub compat: CompatConfig,
    /// How the arithmetic functions count.
    pub arithmetic: ArithmeticConfig,
}

/// What a failing template costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompatConfig {
    /// Its own measurement.
    #[default]
    Safe,
    /// All that later templates make of the message, as in Microsoft's service.
    Medtech,
}

/// How the arithmetic functions of JMESPath count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArithmeticConfig {
    /// As Microsoft's service does: whole numbers are divided to a whole number.
    #[default]
    Medtech,
    /// As its documents say.
    Documented,
}

impl Default for MedtechConfig {
    fn default() -> Self {
        Self {
            device_mapping: None,
            fhir_mapping: None,
            fhir: true,
            compat: CompatConfig::default(),
            arithmetic: ArithmeticConfig::default(),
        }
    }
}

impl MedtechConfig {
    /// Whether the Observations of the FHIR mapping are kept.
    #[must_use]
    pub const fn observations(&self) -> Observations {
        if self.fhir { Observations::Kept } else { Observations::NotKept }
    }

    /// The two files, if both are named; `None` if neither is.
    ///
    /// # Errors
    /// If only one is.
    pub fn files(&self) -> Result<Option<(PathBuf, PathBuf)>, String> {
        match (&self.device_mapping, &self.fhir_mapping) {
            (Some(device), Some(fhir)) => Ok(Some((device.clone(), fhir.clone()))),
            (None, None) => Ok(None),
            _ => Err("medtech wants both device_mapping and fhir_mapping, or neither".to_owned()),
        }
    }
}

impl From<CompatConfig> for Compat {
    fn from(config: CompatConfig) -> Self {
        match config {
            CompatConfig::Safe => Self::Safe,
            CompatConfig::Medtech => Self::Medtech,
        }
    }
}

impl From<ArithmeticConfig> for Arithmetic {
    fn from(config: ArithmeticConfig) -> Self {
        match config {
            ArithmeticConfig::Medtech => Self::Medtech,
            ArithmeticConfig::Documented => Self::Documented,
        }
    }
}
