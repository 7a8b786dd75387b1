//! Whom identifiers of FHIR may mean: `[fhir]`.

use super::ConfigError;
use serde::{Deserialize, Serialize};

/// Most systems of patients' identifiers.
const SYSTEMS_MAX: usize = 64;
/// Longest address of a system, in bytes.
const SYSTEM_MAX_BYTES: usize = 256;

/// How identifiers of FHIR are read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FhirConfig {
    /// The systems of identifiers that are those of patients here, besides `urn:wardwatch:patient`; any if there are none.
    pub patient_systems: Vec<String>,
}

impl FhirConfig {
    /// Checks what types alone do not say.
    ///
    /// # Errors
    /// If there are too many systems, or one is empty or too long.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let of = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let range = |key: &'static str, n: usize, low: u64, high: usize| {
            let (value, high) = (of(n), of(high));
            if (low..=high).contains(&value) { Ok(()) } else { Err(ConfigError::Range { key, value, low, high }) }
        };
        range("the number of fhir.patient_systems", self.patient_systems.len(), 0, SYSTEMS_MAX)?;
        self.patient_systems.iter().try_for_each(|system| {
            range("the length of one of fhir.patient_systems", system.len(), 1, SYSTEM_MAX_BYTES)
        })
    }
}
