//! Who witnesses the audit trail: `[audit]`.

use super::ConfigError;
use crate::audit::CosignatureVerifier;
use serde::{Deserialize, Serialize};

/// Most witnesses.
const WITNESSES_MAX: usize = 16;

/// Who witnesses the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// The public keys of the witnesses whose cosignatures are kept.
    pub witnesses: Vec<String>,
}

impl AuditConfig {
    /// The witnesses.
    ///
    /// # Errors
    /// If one is no key of a witness, or is there twice.
    pub fn verifiers(&self) -> Result<Vec<CosignatureVerifier>, ConfigError> {
        let mut all: Vec<CosignatureVerifier> = Vec::new();
        for text in &self.witnesses {
            let wrong = |why: String| ConfigError::Setting { name: "audit.witnesses".to_owned(), why };
            let key: CosignatureVerifier =
                text.parse().map_err(|e: crate::audit::CheckpointError| wrong(e.to_string()))?;
            if all.iter().any(|other| other.name() == key.name()) {
                return Err(wrong(format!("{} is there twice", key.name())));
            }
            all.push(key);
        }
        Ok(all)
    }

    /// Checks what types alone do not say.
    ///
    /// # Errors
    /// If there are too many witnesses, or one is none.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let value = u64::try_from(self.witnesses.len()).unwrap_or(u64::MAX);
        if self.witnesses.len() > WITNESSES_MAX {
            let high = WITNESSES_MAX as u64;
            return Err(ConfigError::Range { key: "the number of audit.witnesses", value, low: 0, high });
        }
        self.verifiers().map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Cosigner, NoteSigner};

    #[test]
    fn witnesses_are_keys_of_witnesses_each_once() {
        let key = Cosigner::new("pi".into(), &[1; 32]).unwrap().verifier().to_string();
        let config =
            |witnesses: &[&String]| AuditConfig { witnesses: witnesses.iter().map(|w| (*w).clone()).collect() };
        assert_eq!(config(&[&key]).verifiers().unwrap().len(), 1);
        assert!(config(&[&key, &key]).check().unwrap_err().to_string().contains("pi is there twice"));
        let logs = NoteSigner::new("log".into(), &[1; 32]).verifier().to_string();
        assert!(config(&[&logs]).check().is_err(), "the key of a log is none of a witness");
        assert!(config(&[&key; 17]).check().unwrap_err().to_string().contains("0 to 16"));
    }
}
