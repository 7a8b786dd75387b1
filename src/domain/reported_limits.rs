//! Limits by which a device itself alarms, as it says (OBX-7 of HL7 v2): shown beside ours, judged by nothing.

use super::{DeviceId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Longest number that is a limit, in bytes.
const NUMBER_MAX_BYTES: usize = 12;
/// Longest text of limits, in bytes: two numbers and what stands between them.
const TEXT_MAX_BYTES: usize = 27;

/// Limits as people read them, with the digits that were sent: `50-120`, `below 500`, `above 90`. Kept inline.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ReportedLimits {
    bytes: [u8; TEXT_MAX_BYTES],
    len: u8,
}

impl ReportedLimits {
    /// The limits of two numbers, of which one may be empty. `None` if there is none, or what is there is no plain decimal
    /// number.
    #[must_use]
    pub fn between(low: &str, high: &str) -> Option<Self> {
        let good = |text: &str| text.is_empty() || is_number(text);
        if !good(low) || !good(high) {
            return None;
        }
        match (low, high) {
            ("", "") => None,
            ("", high) => Some(Self::of(&["below ", high])),
            (low, "") => Some(Self::of(&["above ", low])),
            (low, high) => Some(Self::of(&[low, "-", high])),
        }
    }

    fn of(parts: &[&str]) -> Self {
        let mut bytes = [0; TEXT_MAX_BYTES];
        let mut len = 0;
        for (to, from) in bytes.iter_mut().zip(parts.iter().flat_map(|part| part.bytes())) {
            *to = from;
            len += 1;
        }
        Self { bytes, len }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.bytes.get(..usize::from(self.len)).unwrap_or_default()).unwrap_or_default()
    }
}

/// A plain decimal number.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (mut dots, mut others, mut count) = (0, 0, 0);
    for byte in digits.bytes() {
        match byte {
            b'0'..=b'9' => count += 1,
            b'.' => dots += 1,
            _ => others += 1,
        }
    }
    count > 0 && dots <= 1 && others == 0 && text.len() <= NUMBER_MAX_BYTES
}

impl fmt::Display for ReportedLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ReportedLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is longer than limits are, or is not made of what they are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limits are two numbers such as 50-120, or below or above one")]
pub struct ReportedLimitsError;

impl Serialize for ReportedLimits {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ReportedLimits {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b' ');
        if text.is_empty() || text.len() > TEXT_MAX_BYTES || !text.bytes().all(ok) {
            return Err(serde::de::Error::custom(ReportedLimitsError));
        }
        Ok(Self::of(&[&text]))
    }
}

/// The limits that a device says it has for a vital.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsSaid {
    /// The device.
    pub device: DeviceId,
    /// What it says.
    pub limits: ReportedLimits,
    /// When it first said so, in engine time.
    pub since: Timestamp,
}
