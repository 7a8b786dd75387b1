//! Words of a person: a reason, a comment.

use super::text;
use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, str::FromStr};

/// What a person says beside an act, cleaned as all text from outside (see [`text::clean`]); never empty, at most
/// [`text::TEXT_MAX_CHARS`] characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Remark(String);

/// A text without words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a few words are wanted here")]
pub struct NoWords;

impl Remark {
    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Remark {
    type Err = NoWords;
    fn from_str(raw: &str) -> Result<Self, NoWords> {
        let clean = text::clean(raw);
        if clean.is_empty() { Err(NoWords) } else { Ok(Self(clean)) }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Remark {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_clean_and_never_empty() {
        assert_eq!("  seen\u{7} at the bed ".parse::<Remark>().unwrap().as_str(), "seen at the bed");
        assert_eq!(" \u{200B}\n".parse::<Remark>(), Err(NoWords));
        assert!(serde_json::from_str::<Remark>("\"\"").is_err());
    }
}
