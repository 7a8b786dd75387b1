//! Links by which a person acknowledges without a session: signed, for one alert as it was seen, for a while.
//!
//! A link names ward, alert, transition, person and end, and is signed with HMAC-SHA-256. It can be used once, for the
//! acknowledgement moves the alert on and the transition that the link names is then past.

use crate::domain::{AlertId, ChannelName, LoginName, Timestamp, WardId};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of the key that signs links.
pub const LINK_KEY_BYTES: usize = 32;
/// Longest link text, in bytes.
const TOKEN_MAX_BYTES: usize = 1_024;
/// Said before what is signed, so that the key signs nothing else by accident.
const CONTEXT: &[u8] = b"wardwatch ack link v1\n";

/// What a link stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckLink {
    /// The ward.
    #[serde(rename = "w")]
    pub ward: WardId,
    /// The alert.
    #[serde(rename = "a")]
    pub alert: AlertId,
    /// The transition that the person was told of.
    #[serde(rename = "t")]
    pub transition: u32,
    /// The person.
    #[serde(rename = "u")]
    pub to: LoginName,
    /// The way by which the person got it.
    #[serde(rename = "c")]
    pub channel: ChannelName,
    /// Until when it holds, exclusive.
    #[serde(rename = "e")]
    pub until: Timestamp,
}

/// Why a link is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It was not made here, or it was changed.
    #[error("this link is not valid: open the newest message, or sign in to wardwatch")]
    Invalid,
    /// It is past its end.
    #[error("this link has ended: sign in to wardwatch, or open the newest message")]
    Ended,
}

/// The key that signs links.
pub struct LinkKey(Zeroizing<[u8; LINK_KEY_BYTES]>);

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

impl LinkKey {
    /// A key of its bytes.
    #[must_use]
    pub fn new(bytes: [u8; LINK_KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    fn mac(&self, body: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_ref()).ok()?;
        mac.update(CONTEXT);
        mac.update(body.as_bytes());
        Some(mac)
    }

    /// The text of a link: what it stands for, a point, and the signature.
    #[must_use]
    pub fn sign(&self, link: &AckLink) -> Option<String> {
        let body = BASE64URL.encode(serde_json::to_vec(link).ok()?);
        let signature = BASE64URL.encode(self.mac(&body)?.finalize().into_bytes());
        Some(format!("{body}.{signature}"))
    }

    /// What a text stands for, if it was made with this key and holds at `now`.
    ///
    /// # Errors
    /// If not.
    pub fn open(&self, token: &str, now: Timestamp) -> Result<AckLink, LinkError> {
        if token.len() > TOKEN_MAX_BYTES {
            return Err(LinkError::Invalid);
        }
        let (body, signature) = token.split_once('.').ok_or(LinkError::Invalid)?;
        let signature = BASE64URL.decode(signature).map_err(|_| LinkError::Invalid)?;
        let mac = self.mac(body).ok_or(LinkError::Invalid)?;
        mac.verify_slice(&signature).map_err(|_| LinkError::Invalid)?;
        let bytes = BASE64URL.decode(body).map_err(|_| LinkError::Invalid)?;
        let link: AckLink = serde_json::from_slice(&bytes).map_err(|_| LinkError::Invalid)?;
        if now < link.until { Ok(link) } else { Err(LinkError::Ended) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> AckLink {
        AckLink {
            ward: "w3".parse().unwrap(),
            alert: AlertId(7),
            transition: 2,
            to: LoginName::new("okafor"),
            channel: "pager".parse().unwrap(),
            until: Timestamp::from_ms(1_000),
        }
    }

    #[test]
    fn a_link_holds_until_its_end_and_for_its_key() {
        let key = LinkKey::new([1; LINK_KEY_BYTES]);
        let token = key.sign(&link()).unwrap();
        assert_eq!(key.open(&token, Timestamp::from_ms(999)), Ok(link()));
        assert_eq!(key.open(&token, Timestamp::from_ms(1_000)), Err(LinkError::Ended));
        let other = LinkKey::new([2; LINK_KEY_BYTES]);
        assert_eq!(other.open(&token, Timestamp::from_ms(0)), Err(LinkError::Invalid));
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{token}");
    }

    #[test]
    fn no_byte_of_a_link_can_be_changed() {
        let key = LinkKey::new([1; LINK_KEY_BYTES]);
        let token = key.sign(&link()).unwrap();
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            // The last character of base64 has bits that say nothing; a decoder refuses them or the text is the same.
            assert_eq!(key.open(&changed, Timestamp::from_ms(0)), Err(LinkError::Invalid), "byte {at}");
        }
        for bad in ["", ".", "a.b", &"x".repeat(5_000), &token[..token.len() - 1]] {
            assert_eq!(key.open(bad, Timestamp::from_ms(0)), Err(LinkError::Invalid));
        }
    }
}
