//! Secrets of channels, from files that nobody else may read.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use std::{fmt, os::unix::fs::MetadataExt, path::Path};
use zeroize::Zeroizing;

/// Shortest secret of a webhook, in bytes (Standard Webhooks: 24 to 64).
pub const SECRET_MIN_BYTES: usize = 24;
/// Longest secret of a webhook, in bytes.
const SECRET_MAX_BYTES: usize = 64;
/// Longest file of a secret, in bytes.
const FILE_MAX_BYTES: u64 = 4 * 1024;
/// How a webhook's secret begins.
const PREFIX: &str = "whsec_";

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the secret file {path} cannot be read: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Others may read it.
    #[error("others may read the secret file {path} (mode {mode:o}): run `chmod 600 {path}`")]
    TooOpen {
        /// Which.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// It is too long, or empty.
    #[error("the secret file {path} must hold 1 to {FILE_MAX_BYTES} bytes of text")]
    Length {
        /// Which.
        path: String,
    },
    /// It is no secret of a webhook.
    #[error(
        "the secret in {path} is not of the form whsec_ and {SECRET_MIN_BYTES} to {SECRET_MAX_BYTES} bytes in base64: \
         `wardwatch notify secret` makes one"
    )]
    Form {
        /// Which.
        path: String,
    },
}

/// The text of a secret file without white space at its ends.
///
/// # Errors
/// If it cannot be read, others may read it, or it is empty or too long.
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    let name = || path.display().to_string();
    let failed = |source| SecretError::File { path: name(), source };
    let meta = std::fs::metadata(path).map_err(failed)?;
    let mode = meta.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretError::TooOpen { path: name(), mode });
    }
    if meta.len() > FILE_MAX_BYTES {
        return Err(SecretError::Length { path: name() });
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?);
    let trimmed = Zeroizing::new(text.trim().to_owned());
    if trimmed.is_empty() { Err(SecretError::Length { path: name() }) } else { Ok(trimmed) }
}

/// The secret that a webhook's sender and receiver share.
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

impl WebhookSecret {
    /// The secret of a file, in the form of Standard Webhooks: `whsec_` and base64.
    ///
    /// # Errors
    /// If there is none.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let text = read_secret(path)?;
        Self::parse(&text).ok_or_else(|| SecretError::Form { path: path.display().to_string() })
    }

    /// A secret of its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64.decode(text.strip_prefix(PREFIX)?).ok()?);
        (SECRET_MIN_BYTES..=SECRET_MAX_BYTES).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// A secret as text, of random bytes.
    #[must_use]
    pub fn text_of(bytes: &[u8]) -> String {
        format!("{PREFIX}{}", BASE64.encode(bytes))
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_long_secrets_are_taken_and_never_shown() {
        let text = WebhookSecret::text_of(&[7; 32]);
        let secret = WebhookSecret::parse(&text).unwrap();
        assert_eq!(secret.bytes(), [7; 32]);
        assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
        for bad in ["", "whsec_", "whsec_AAAA", "secret", "whsec_%%%", &WebhookSecret::text_of(&[7; 65])] {
            assert!(WebhookSecret::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, " word\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_secret(&path).unwrap_err().to_string().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_secret(&path).unwrap().as_str(), "word");
        assert!(WebhookSecret::read(&path).unwrap_err().to_string().contains("notify secret"));
        std::fs::write(&path, "  ").unwrap();
        assert!(read_secret(&path).is_err());
    }
}
