//! How each channel does, for `wardwatch notify list` and for the standing alert.

use crate::domain::{ChannelName, NoticeOutcome, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// How a channel does since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelState {
    /// Messages that were delivered.
    pub delivered: u64,
    /// Messages that could not be.
    pub failed: u64,
    /// When something became of a message last, and what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<(Timestamp, String)>,
    /// Why the last message failed; absent if it was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<String>,
}

/// How all channels do.
#[derive(Debug, Default)]
pub struct NotifyState {
    channels: Mutex<BTreeMap<ChannelName, ChannelState>>,
}

impl NotifyState {
    /// Notes what became of a message.
    pub fn note(&self, channel: &ChannelName, outcome: &NoticeOutcome, at: Timestamp) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let state = channels.entry(channel.clone()).or_default();
        match outcome {
            NoticeOutcome::Delivered => {
                state.delivered += 1;
                state.failing = None;
            }
            NoticeOutcome::Failed { why } => {
                state.failed += 1;
                state.failing = Some(why.as_str().to_owned());
            }
            NoticeOutcome::NotNeeded | NoticeOutcome::Read | NoticeOutcome::Accepted => {}
        }
        state.last = Some((at, outcome.as_str().to_owned()));
    }

    /// The channels whose last message failed, each with its reason.
    #[must_use]
    pub fn failing(&self) -> Vec<String> {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let failing =
            |(name, state): (&ChannelName, &ChannelState)| state.failing.as_ref().map(|why| format!("{name}: {why}"));
        channels.iter().filter_map(failing).collect()
    }

    /// Whether a channel's last message failed.
    #[must_use]
    pub fn is_failing(&self, channel: &ChannelName) -> bool {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.get(channel).is_some_and(|state| state.failing.is_some())
    }

    /// How a channel does.
    #[must_use]
    pub fn of(&self, channel: &ChannelName) -> ChannelState {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).get(channel).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notice::Why;

    #[test]
    fn one_channel_hides_no_other() {
        let state = NotifyState::default();
        let (a, b): (ChannelName, ChannelName) = ("a".parse().unwrap(), "b".parse().unwrap());
        let failed = || NoticeOutcome::Failed { why: Why::new("away") };
        let note = |channel: &ChannelName, outcome: NoticeOutcome| {
            state.note(channel, &outcome, Timestamp::from_ms(0));
            state.failing()
        };
        assert!(note(&a, NoticeOutcome::Delivered).is_empty());
        assert_eq!(note(&a, failed()), ["a: away"]);
        assert_eq!(note(&b, failed()), ["a: away", "b: away"]);
        assert_eq!(note(&a, NoticeOutcome::NotNeeded), ["a: away", "b: away"]);
        assert_eq!(note(&a, NoticeOutcome::Delivered), ["b: away"]);
        assert!(note(&b, NoticeOutcome::Delivered).is_empty());
        assert_eq!((state.of(&a).delivered, state.of(&a).failed), (2, 1));
    }
}
