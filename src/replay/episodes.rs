//! The alert episodes of a run, gathered from its events.

use crate::domain::{AlertClass, AlertId, Cause, ConditionCode, Event, EventBody, PatientId, Priority, Timestamp};
use std::collections::BTreeMap;

/// One coming of a condition: an episode whose signal latched may have several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Onset {
    /// When the condition began, by the device's clock.
    pub since: Timestamp,
    /// When the alert was raised, or came back.
    pub raised_at: Timestamp,
    /// The highest priority that the episode had reached when this came to its end.
    pub priority: Priority,
    /// The value that raised it.
    pub value: Option<f64>,
    /// When the condition went away. The end of the recording is no such end.
    pub cleared_at: Option<Timestamp>,
}

/// One alert from its raising to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// The patient, if it is about one.
    pub patient: Option<PatientId>,
    /// The condition.
    pub code: ConditionCode,
    /// Physiological or technical.
    pub class: AlertClass,
    /// How often the condition came; never empty.
    pub onsets: Vec<Onset>,
    /// Whether the episode is over.
    pub closed: bool,
}

/// All alert episodes of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Episodes {
    by_id: BTreeMap<AlertId, Episode>,
}

impl Episodes {
    /// Takes in an event; events come in order.
    pub fn note(&mut self, event: &Event) {
        let EventBody::Alert { cause, alert, .. } = &event.body else { return };
        let episode = self.by_id.entry(alert.id).or_insert_with(|| Episode {
            patient: alert.key.patient.clone(),
            code: alert.key.code,
            class: alert.class,
            onsets: Vec::new(),
            closed: false,
        });
        if matches!(cause, Cause::Raised | Cause::Returned) {
            episode.onsets.push(Onset {
                since: alert.since,
                raised_at: event.at,
                priority: alert.priority,
                value: alert.value,
                cleared_at: None,
            });
        }
        if let Some(onset) = episode.onsets.last_mut() {
            onset.priority = alert.priority;
            if *cause == Cause::Cleared {
                onset.cleared_at = Some(event.at);
            }
        }
        episode.closed = alert.is_closed();
    }

    /// The episodes in the order in which they were raised.
    pub fn iter(&self) -> impl Iterator<Item = &Episode> {
        self.by_id.values()
    }

    /// How many episodes there are by class and highest priority.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(AlertClass, Priority), u64> {
        let mut counts = BTreeMap::new();
        for episode in self.iter() {
            if let Some(last) = episode.onsets.last() {
                *counts.entry((episode.class, last.priority)).or_default() += 1;
            }
        }
        counts
    }
}
