//! Who witnesses the audit trail, where it is sent, and how long it is kept: `[audit]`.

use super::{ConfigError, syslog::SyslogConfig};
use crate::audit::CosignatureVerifier;
use serde::{Deserialize, Serialize};

/// Most witnesses.
const WITNESSES_MAX: usize = 16;

/// Years that entries of the audit trail are kept at least (45 CFR 164.316(b)(2)(i)).
pub const RETENTION_YEARS_MIN: u16 = 6;
/// The longest time that can be set, in years.
const RETENTION_YEARS_MAX: u16 = 100;

/// Who witnesses the audit trail, where it is sent, and how long its entries are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// The public keys of the witnesses whose cosignatures are kept.
    pub witnesses: Vec<String>,
    /// Years after which `wardwatch audit retain` may remove entries.
    pub retention_years: u16,
    /// Why entries are kept for less than six years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_override_reason: Option<String>,
    /// Where the trail is sent as it grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syslog: Option<SyslogConfig>,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            witnesses: Vec::new(),
            retention_years: RETENTION_YEARS_MIN,
            retention_override_reason: None,
            syslog: None,
        }
    }
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
    /// If there are too many witnesses, or one is none; if entries would be kept for too short a time; if the receiver of
    /// syslog cannot be one.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let value = u64::try_from(self.witnesses.len()).unwrap_or(u64::MAX);
        if self.witnesses.len() > WITNESSES_MAX {
            let high = WITNESSES_MAX as u64;
            return Err(ConfigError::Range { key: "the number of audit.witnesses", value, low: 0, high });
        }
        let wrong = |name: &str, why: String| ConfigError::Setting { name: name.to_owned(), why };
        let years = self.retention_years;
        if !(1..=RETENTION_YEARS_MAX).contains(&years) {
            let (value, high) = (u64::from(years), u64::from(RETENTION_YEARS_MAX));
            return Err(ConfigError::Range { key: "audit.retention_years", value, low: 1, high });
        }
        let reason = self.retention_override_reason.as_deref().unwrap_or_default();
        if years < RETENTION_YEARS_MIN && reason.trim().is_empty() {
            let why = format!(
                "{years} is less than {RETENTION_YEARS_MIN}: say why in audit.retention_override_reason, or keep them longer"
            );
            return Err(wrong("audit.retention_years", why));
        }
        if let Some(why) = self.syslog.as_ref().and_then(SyslogConfig::fault) {
            return Err(wrong("audit.syslog", why));
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
        let config = |witnesses: &[&String]| AuditConfig {
            witnesses: witnesses.iter().map(|w| (*w).clone()).collect(),
            ..AuditConfig::default()
        };
        assert_eq!(config(&[&key]).verifiers().unwrap().len(), 1);
        assert!(config(&[&key, &key]).check().unwrap_err().to_string().contains("pi is there twice"));
        let logs = NoteSigner::new("log".into(), &[1; 32]).verifier().to_string();
        assert!(config(&[&logs]).check().is_err(), "the key of a log is none of a witness");
        assert!(config(&[&key; 17]).check().unwrap_err().to_string().contains("0 to 16"));
    }

    #[test]
    fn less_than_six_years_want_a_reason() {
        let config = |years, reason: Option<&str>| AuditConfig {
            retention_years: years,
            retention_override_reason: reason.map(str::to_owned),
            ..AuditConfig::default()
        };
        assert!(AuditConfig::default().check().is_ok());
        assert!(config(5, None).check().unwrap_err().to_string().contains("5 is less than 6"));
        assert!(config(5, Some("  ")).check().is_err());
        assert!(config(5, Some("a test site, decided by the privacy officer")).check().is_ok());
        assert!(config(0, Some("none")).check().is_err());
        assert!(config(30, None).check().is_ok());
    }
}
