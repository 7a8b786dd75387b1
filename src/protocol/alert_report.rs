//! What a report of a ward's alerts says. Patients are named by their beds alone.

use crate::domain::{Millis, Priority, Timestamp, event::SuppressedBy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest span of a report that a server answers: a month.
pub const ALERT_REPORT_SPAN_MAX: Millis = Millis::from_mins(31 * 24 * 60);

/// Alerts of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KindCount {
    /// Alerts that were raised.
    pub raised: u64,
    /// The same by the highest priority that they reached.
    pub by_priority: BTreeMap<Priority, u64>,
    /// Alerts that came back while they were latched.
    pub returned: u64,
    /// Alerts that became worse.
    pub worsened: u64,
    /// Acknowledgements.
    pub acknowledged: u64,
    /// Steps of escalation.
    pub escalated: u64,
    /// Violations that raised no alert of their own, because one was open or a delay ran already.
    pub hysteresis: u64,
    /// Violations that raised no alert, by cause.
    pub suppressed: BTreeMap<SuppressedBy, u64>,
}

impl KindCount {
    /// Adds another count.
    pub fn add(&mut self, other: &Self) {
        self.raised += other.raised;
        self.returned += other.returned;
        self.worsened += other.worsened;
        self.acknowledged += other.acknowledged;
        self.escalated += other.escalated;
        self.hysteresis += other.hysteresis;
        for (priority, count) in &other.by_priority {
            *self.by_priority.entry(*priority).or_default() += count;
        }
        for (cause, count) in &other.suppressed {
            *self.suppressed.entry(*cause).or_default() += count;
        }
    }
}

/// How long something took, and how often it did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Durations {
    /// How often it happened.
    pub count: u64,
    /// Half took no longer.
    #[serde(rename = "median_ms")]
    pub median: Millis,
    /// Nine in ten took no longer.
    #[serde(rename = "p90_ms")]
    pub p90: Millis,
    /// The longest.
    #[serde(rename = "longest_ms")]
    pub longest: Millis,
    /// Alerts that were over before it happened.
    pub never: u64,
    /// Alerts that still wait for it.
    pub waiting: u64,
}

/// A bed and the alerts of a patient in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Talker {
    /// The bed's label.
    pub bed: String,
    /// Alerts.
    pub alerts: u64,
}

/// The alert that stood longest without an acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongestWait {
    /// The bed's label, if it is about a patient.
    pub bed: Option<String>,
    /// The condition.
    pub code: String,
    /// The highest priority that it reached.
    pub priority: Priority,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// For how long: to its acknowledgement, its end or the end of the span.
    #[serde(rename = "waited_ms")]
    pub waited: Millis,
}

/// The report of a ward over a span.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AlertReport {
    /// The ward's name.
    pub ward: String,
    /// From when on, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub to: Timestamp,
    /// Patients who were there.
    pub patients: u64,
    /// Days that beds were taken, together.
    pub bed_days: f64,
    /// By condition.
    pub kinds: BTreeMap<String, KindCount>,
    /// Technical alerts among those raised.
    pub technical: u64,
    /// From raising to the first acknowledgement.
    pub acknowledge: Durations,
    /// From raising to the first answer of a named person: accepted, declined, acknowledged or reset.
    pub response: Durations,
    /// The alert that stood longest without an acknowledgement.
    #[serde(default)]
    pub longest_wait: Option<LongestWait>,
    /// The beds of the patients with most alerts, at most ten.
    pub talkers: Vec<Talker>,
    /// Which share of the alerts about patients the tenth of all patients with most of them had, 0 to 1.
    pub top_tenth_share: f64,
    /// Alerts by the hour of the day in the ward's time zone.
    pub by_hour: [u64; 24],
}

impl AlertReport {
    /// All kinds together.
    #[must_use]
    pub fn total(&self) -> KindCount {
        let mut total = KindCount::default();
        self.kinds.values().for_each(|kind| total.add(kind));
        total
    }

    /// So many for each day that a bed was taken; `None` if none was.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn per_bed_day(&self, count: u64) -> Option<f64> {
        (self.bed_days > 0.0).then(|| count as f64 / self.bed_days)
    }

    /// The share of technical alerts, 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn technical_share(&self) -> f64 {
        let all = self.total().raised;
        if all == 0 { 0.0 } else { self.technical as f64 / all as f64 }
    }
}
