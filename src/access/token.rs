//! Opaque tokens: 256 random bits, shown once, kept only as a hash.

use crate::{
    domain::Mode,
    seam::{Entropy, EntropyError},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// A secret text that does not show itself in logs and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over a secret text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a token is for. The kind and the mode stand in its text, so that a person (and a scanner for leaked secrets)
/// can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A person's session.
    Session,
    /// A device or gateway.
    Device,
    /// A display on a wall.
    Station,
}

impl TokenKind {
    const fn prefix(self, mode: Mode) -> &'static str {
        match (self, mode) {
            (Self::Session, Mode::Live) => "wws_live_",
            (Self::Session, Mode::Demo) => "wws_demo_",
            (Self::Device, Mode::Live) => "wwd_live_",
            (Self::Device, Mode::Demo) => "wwd_demo_",
            (Self::Station, Mode::Live) => "wwt_live_",
            (Self::Station, Mode::Demo) => "wwt_demo_",
        }
    }

    /// The kind and mode that a token's text claims.
    #[must_use]
    pub fn of(token: &str) -> Option<(Self, Mode)> {
        let all =
            [Self::Session, Self::Device, Self::Station].into_iter().flat_map(|k| [(k, Mode::Live), (k, Mode::Demo)]);
        all.into_iter().find(|(kind, mode)| token.starts_with(kind.prefix(*mode)))
    }
}

/// A new token with its hash.
///
/// # Errors
/// If the system gives no random bytes.
pub fn new_token(kind: TokenKind, mode: Mode, entropy: &dyn Entropy) -> Result<(Secret, [u8; 32]), EntropyError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    entropy.fill(bytes.as_mut())?;
    let token = format!("{}{}", kind.prefix(mode), BASE64URL.encode(bytes.as_ref()));
    let hash = hash_token(&token);
    Ok((Secret::new(token), hash))
}

/// SHA-256 of a token. Tokens have 256 random bits, so a plain hash keeps them; looking up by it leaks no timing.
#[must_use]
pub fn hash_token(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// A new opaque identifier such as `u-5f0c9a1b2c3d4e5f`.
///
/// # Errors
/// If the system gives no random bytes.
pub fn new_id(prefix: &str, entropy: &dyn Entropy) -> Result<String, EntropyError> {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes)?;
    Ok(bytes.iter().fold(format!("{prefix}-"), |id, b| format!("{id}{b:02x}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seam::OsEntropy;

    #[test]
    fn tokens_say_what_they_are_and_are_kept_as_hashes() {
        let (token, hash) = new_token(TokenKind::Device, Mode::Demo, &OsEntropy).unwrap();
        assert!(token.expose().starts_with("wwd_demo_"));
        assert_eq!(token.expose().len(), "wwd_demo_".len() + 43, "256 bits");
        assert_eq!(hash_token(token.expose()), hash);
        assert_eq!(TokenKind::of(token.expose()), Some((TokenKind::Device, Mode::Demo)));
        assert_eq!(TokenKind::of("wwx_live_abc"), None);
        let (other, _) = new_token(TokenKind::Device, Mode::Demo, &OsEntropy).unwrap();
        assert_ne!(token, other);
        assert_eq!(format!("{token:?}"), "Secret(…)");
    }
}
