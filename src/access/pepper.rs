//! The key that does not lie in the database: who has the database alone can check no passphrase and open no seed.

use super::Secret;
use crate::seam::{Entropy, EntropyError};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of the key.
pub const PEPPER_BYTES: usize = 32;

/// The key, from which one key is made for each use.
#[derive(Clone)]
pub struct Pepper(Zeroizing<[u8; PEPPER_BYTES]>);

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}

/// A text that is not of this key, or was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was sealed cannot be opened: it is of another key, or was changed")]
pub struct NotOurs;

/// Why something was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There were no random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The cipher failed.
    #[error("it could not be sealed")]
    Cipher,
}

impl Pepper {
    /// Takes over a key.
    #[must_use]
    pub fn new(bytes: [u8; PEPPER_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    fn derived(&self, label: &str, of: &[u8]) -> Zeroizing<[u8; PEPPER_BYTES]> {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_ref()));
        context.update(label.as_bytes());
        context.update(&[0]);
        context.update(of);
        let mut out = Zeroizing::new([0; PEPPER_BYTES]);
        out.copy_from_slice(context.sign().as_ref());
        out
    }

    /// What is hashed in the place of a passphrase.
    #[must_use]
    pub(super) fn season(&self, passphrase: &str) -> Secret {
        Secret::new(BASE64.encode(self.derived("passphrase", passphrase.as_bytes()).as_ref()))
    }

    fn sealing_key(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, self.derived("totp seed", &[]).as_ref()).ok().map(LessSafeKey::new)
    }

    /// Seals something that belongs to somebody; base64.
    ///
    /// # Errors
    /// If there are no random bytes.
    pub fn seal(&self, plain: &[u8], owner: &str, entropy: &dyn Entropy) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;
        let mut sealed = plain.to_vec();
        let key = self.sealing_key().ok_or(SealError::Cipher)?;
        let owner = Aad::from(owner.as_bytes());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), owner, &mut sealed)
            .map_err(|_| SealError::Cipher)?;
        Ok(BASE64.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what [`Pepper::seal`] sealed for the same owner.
    ///
    /// # Errors
    /// If it is of another key or owner, or was changed.
    pub fn open(&self, sealed: &str, owner: &str) -> Result<Zeroizing<Vec<u8>>, NotOurs> {
        let mut bytes = Zeroizing::new(BASE64.decode(sealed).map_err(|_| NotOurs)?);
        let (nonce, body) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(NotOurs)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotOurs)?;
        let key = self.sealing_key().ok_or(NotOurs)?;
        let plain = key.open_in_place(nonce, Aad::from(owner.as_bytes()), body).map_err(|_| NotOurs)?;
        Ok(Zeroizing::new(plain.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seam::OsEntropy;

    #[test]
    fn what_is_sealed_opens_by_its_key_for_its_owner_and_unchanged() {
        let pepper = Pepper::new([7; PEPPER_BYTES]);
        let sealed = pepper.seal(b"seed", "u1", &OsEntropy).unwrap();
        assert_eq!(pepper.open(&sealed, "u1").unwrap().as_slice(), b"seed");
        assert_eq!(pepper.open(&sealed, "u2"), Err(NotOurs), "a row that was copied to another user");
        assert_eq!(Pepper::new([8; PEPPER_BYTES]).open(&sealed, "u1"), Err(NotOurs));
        let mut bytes = BASE64.decode(&sealed).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert_eq!(pepper.open(&BASE64.encode(&bytes), "u1"), Err(NotOurs), "byte {at}");
            bytes[at] ^= 1;
        }
        assert_eq!(pepper.open("short", "u1"), Err(NotOurs));
        assert!(!format!("{pepper:?}").contains('7'));
    }
}
