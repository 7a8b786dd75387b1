//! How each source does, for `wardwatch status` and for the standing alert.

use crate::{
    backend::config::MqttConfig,
    domain::{Millis, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Whether a source is connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum SourceState {
    /// Connected and subscribed.
    Connected,
    /// Not connected, and why.
    Away {
        /// Why.
        why: String,
    },
}

/// How a source does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// Its name in the configuration.
    pub name: String,
    /// The broker.
    pub broker: String,
    /// Whether it is connected.
    pub state: SourceState,
    /// Since when it is so.
    pub since: Timestamp,
    /// Messages since the start.
    pub messages: u64,
    /// When the last one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
}

#[derive(Debug)]
struct Kept {
    status: SourceStatus,
    /// Boot time since when it is not connected.
    away_since: Option<Millis>,
    lost_after: Millis,
    /// What was told when it was found to be lost: a reason that changes is no new alert.
    told: Option<String>,
}

/// How all sources do.
#[derive(Debug, Default)]
pub struct Sources {
    sources: Mutex<BTreeMap<String, Kept>>,
}

impl Sources {
    /// Adds a source that is not connected yet.
    pub fn add(&self, name: &str, config: &MqttConfig, boot: Millis, now: Timestamp) {
        let status = SourceStatus {
            name: name.to_owned(),
            broker: format!("{}:{}", config.host, config.port()),
            state: SourceState::Away { why: "not connected yet".to_owned() },
            since: now,
            messages: 0,
            last: None,
        };
        let lost_after = Millis::from_secs(config.lost_after_s.into());
        let kept = Kept { status, away_since: Some(boot), lost_after, told: None };
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), kept);
    }

    /// Notes whether a source is connected; says whether that changed.
    pub fn note(&self, name: &str, state: SourceState, boot: Millis, now: Timestamp) -> bool {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = sources.get_mut(name) else { return false };
        let connected = state == SourceState::Connected;
        let changed = kept.status.state != state;
        if connected != kept.away_since.is_none() {
            kept.status.since = now;
            kept.away_since = (!connected).then_some(boot);
            kept.told = None;
        }
        kept.status.state = state;
        changed
    }

    /// Notes that a message came.
    pub fn heard(&self, name: &str, now: Timestamp) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = sources.get_mut(name) {
            kept.status.messages += 1;
            kept.status.last = Some(now);
        }
    }

    /// The sources that have not been connected for too long, each with its reason when that was found.
    #[must_use]
    pub fn lost(&self, boot: Millis) -> Vec<String> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = |kept: &mut Kept| {
            let SourceState::Away { why } = &kept.status.state else { return None };
            let over = kept.away_since.is_some_and(|since| boot - since >= kept.lost_after);
            let told = || format!("mqtt.{} at {}: {why}", kept.status.name, kept.status.broker);
            over.then(|| kept.told.get_or_insert_with(told).clone())
        };
        sources.values_mut().filter_map(lost).collect()
    }

    /// How all do, by name.
    #[must_use]
    pub fn status(&self) -> Vec<SourceStatus> {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.values().map(|kept| kept.status.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_lost_after_its_time_and_no_longer_when_it_is_back() {
        let text =
            "[mqtt.a]\nhost = \"h\"\ndevice = \"gw\"\npayload = \"native\"\ntopics = [\"t\"]\nlost_after_s = 60\n";
        let config: crate::backend::config::Config = toml::from_str(text).unwrap();
        let sources = Sources::default();
        let s = Millis::from_secs;
        let t = |n: i64| Timestamp::from_ms(n * 1_000);
        let away = || SourceState::Away { why: "refused".to_owned() };
        sources.add("a", &config.mqtt["a"], s(0), t(0));
        assert!(sources.lost(s(59)).is_empty());
        assert!(sources.note("a", away(), s(30), t(30)));
        assert_eq!(sources.lost(s(60)), ["mqtt.a at h:1883: refused"], "another reason does not put it off");
        sources.note("a", SourceState::Away { why: "no answer".to_owned() }, s(61), t(61));
        assert_eq!(sources.lost(s(62)), ["mqtt.a at h:1883: refused"], "nor tells it anew");
        assert!(sources.note("a", SourceState::Connected, s(70), t(70)));
        assert!(!sources.note("a", SourceState::Connected, s(75), t(75)));
        assert!(sources.lost(s(500)).is_empty());
        sources.heard("a", t(76));
        let status = sources.status().remove(0);
        assert_eq!((status.since, status.messages, status.last), (t(70), 1, Some(t(76))));
        sources.note("a", away(), s(80), t(80));
        assert_eq!((sources.lost(s(139)).len(), sources.lost(s(140)).len()), (0, 1));
    }
}
