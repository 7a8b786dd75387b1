//! What became of a message that was sent out about an alert.
//!
//! The states are those that a communicator reports in IHE ACM: delivered, read, accepted, or not.

use super::{AlertId, BreakGlassId, LoginName, PatientId, text};
use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, str::FromStr};

/// Longest name of a channel, in bytes.
pub const CHANNEL_NAME_MAX_BYTES: usize = 32;

/// The name of a way out, as the configuration gives it: 1 to [`CHANNEL_NAME_MAX_BYTES`] of `a-z 0-9 -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ChannelName(String);

/// A text that is not the name of a channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be the name of a channel: 1 to {CHANNEL_NAME_MAX_BYTES} of a-z, 0-9 and - are wanted")]
pub struct ChannelNameError(String);

impl ChannelName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for ChannelName {
    type Err = ChannelNameError;
    fn from_str(text: &str) -> Result<Self, ChannelNameError> {
        let fits = (1..=CHANNEL_NAME_MAX_BYTES).contains(&text.len());
        let clean = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits && clean { Ok(Self(text.to_owned())) } else { Err(ChannelNameError(text.chars().take(40).collect())) }
    }
}

impl<'de> Deserialize<'de> for ChannelName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Longest reason of a failure, in characters.
pub const WHY_MAX_CHARS: usize = 200;

/// Why something failed, in words from outside: cleaned and cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Why(String);

impl Why {
    /// Words from outside.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        Self(text::clean(raw).chars().take(WHY_MAX_CHARS).collect())
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Why {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(|raw| Self::new(&raw))
    }
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum NoticeOutcome {
    /// The next system took it over. That a person saw it is not said by this.
    Delivered,
    /// It could not be delivered, and is not tried again.
    Failed {
        /// Why.
        why: Why,
    },
    /// While it waited, the alert was answered or went away: it was not sent any more.
    NotNeeded,
    /// Its link was opened. That is no answer: escalation goes on.
    Read,
    /// Its link was used to acknowledge.
    Accepted,
}

impl NoticeOutcome {
    /// The name in one or two words.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed { .. } => "failed",
            Self::NotNeeded => "not needed",
            Self::Read => "read",
            Self::Accepted => "accepted",
        }
    }

    /// Whether sending is over with it.
    #[must_use]
    pub const fn ends_sending(&self) -> bool {
        matches!(self, Self::Delivered | Self::Failed { .. } | Self::NotNeeded)
    }
}

/// What became of one message about one alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The alert.
    pub alert: AlertId,
    /// The emergency that the message told of, if it was about one; then the alert is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<BreakGlassId>,
    /// The transition of the alert that the message told of.
    pub transition: u32,
    /// Whose alert it is, if anybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// The way out.
    pub channel: ChannelName,
    /// To whom; absent if no rota says who is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<LoginName>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: NoticeOutcome,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_channels_are_plain() {
        assert!("pager-1".parse::<ChannelName>().is_ok());
        for bad in ["", "Pager", "a b", "a_b", "\u{1b}", &"x".repeat(33)] {
            assert!(bad.parse::<ChannelName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn words_from_outside_cannot_drive_a_terminal() {
        let why = Why::new(&format!("\u{1b}[2J{}", "x".repeat(500)));
        assert!(!why.as_str().contains('\u{1b}'));
        assert!(why.as_str().chars().count() <= WHY_MAX_CHARS);
    }
}
