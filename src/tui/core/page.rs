//! One patient's page: trends over a chosen time, and what was alerted in it.

use crate::{
    domain::{Alert, AlertId, Millis, PatientId, Timestamp},
    protocol::{HistoryQuery, PatientHistory, VitalTrend, WardView},
};
use std::collections::BTreeMap;

/// How far back a trend goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Range {
    /// 15 minutes.
    Minutes15,
    /// An hour.
    Hour1,
    /// 8 hours.
    Hours8,
    /// 24 hours.
    Hours24,
}

impl Range {
    /// From short to long.
    pub const ALL: [Self; 4] = [Self::Minutes15, Self::Hour1, Self::Hours8, Self::Hours24];

    /// Its length.
    #[must_use]
    pub const fn length(self) -> Millis {
        match self {
            Self::Minutes15 => Millis::from_mins(15),
            Self::Hour1 => Millis::from_mins(60),
            Self::Hours8 => Millis::from_mins(8 * 60),
            Self::Hours24 => Millis::from_mins(24 * 60),
        }
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Minutes15 => "15 min",
            Self::Hour1 => "1 h",
            Self::Hours8 => "8 h",
            Self::Hours24 => "24 h",
        }
    }

    /// The length of one point.
    #[must_use]
    pub const fn step(self) -> Millis {
        match self {
            Self::Minutes15 => Millis::from_secs(5),
            Self::Hour1 => Millis::from_secs(15),
            Self::Hours8 => Millis::from_mins(2),
            Self::Hours24 => Millis::from_mins(5),
        }
    }

    /// The next shorter one.
    #[must_use]
    pub fn shorter(self) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|r| *r < self)
    }

    /// The next longer one.
    #[must_use]
    pub fn longer(self) -> Option<Self> {
        Self::ALL.into_iter().find(|r| *r > self)
    }
}

/// One patient's page.
#[derive(Debug, Clone, PartialEq)]
pub struct PatientPage {
    /// The patient.
    pub patient: PatientId,
    /// How far back.
    pub range: Range,
    /// The vital at the cursor, by its place in display order: it is always shown.
    pub at: usize,
    /// Trends by vital, as last answered.
    pub trends: Vec<VitalTrend>,
    /// The time that they cover; `None` until the first answer.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Alerts of that time, by number; newer ones are taken in as they come.
    pub alerts: BTreeMap<AlertId, Alert>,
    /// Why the trends could not be had, for people.
    pub failed: Option<String>,
    pub(super) asked: Option<u64>,
    pub(super) asked_at: Option<Millis>,
}

impl PatientPage {
    pub(super) fn new(patient: PatientId) -> Self {
        Self {
            patient,
            range: Range::Hour1,
            at: 0,
            trends: Vec::new(),
            span: None,
            alerts: BTreeMap::new(),
            failed: None,
            asked: None,
            asked_at: None,
        }
    }

    pub(super) fn set_range(&mut self, range: Range) {
        self.range = range;
        self.trends.clear();
        self.span = None;
        self.failed = None;
        self.asked = None;
        self.asked_at = None;
    }

    /// Whether it is time to ask anew: nothing was asked yet, or a point has passed since.
    pub(super) fn is_due(&self, now: Millis) -> bool {
        self.asked_at.is_none_or(|at| now - at >= self.range.step())
    }

    /// What to ask the server at its time `server_now`. Past alerts are asked for once; later ones come by themselves.
    pub(super) fn query(&self, ward: &WardView, server_now: Timestamp) -> HistoryQuery {
        let step = self.range.step();
        let to = Timestamp::from_ms((server_now.as_ms() / step.0 + 1) * step.0);
        let points = u32::try_from(self.range.length().0 / step.0).unwrap_or(1);
        HistoryQuery {
            ward: ward.ward.id.clone(),
            patients: vec![self.patient.clone()],
            vitals: Vec::new(),
            from: to - self.range.length(),
            to,
            points,
            alerts: self.span.is_none(),
        }
    }

    /// Takes in an answer.
    pub(super) fn load(&mut self, span: (Timestamp, Timestamp), history: PatientHistory) {
        self.trends = history.trends;
        self.span = Some(span);
        self.failed = None;
        for alert in history.alerts {
            self.note(&alert);
        }
    }

    /// Takes in an alert as it is now.
    pub(super) fn note(&mut self, alert: &Alert) {
        if alert.key.patient.as_ref() != Some(&self.patient) {
            return;
        }
        let newer = self.alerts.get(&alert.id).is_none_or(|held| held.transition <= alert.transition);
        if newer {
            self.alerts.insert(alert.id, alert.clone());
        }
        while self.alerts.len() > PAGE_ALERTS_MAX {
            self.alerts.pop_first();
        }
    }
}

/// Most alerts that a patient's page holds; the oldest go first.
const PAGE_ALERTS_MAX: usize = 2_000;
