//! Which beds are shown.

use super::app::{App, Page};
use crate::{
    domain::{Alert, AlertClass, Liveness, Priority, ids::ID_MAX_BYTES},
    protocol::{PatientView, WardView},
};

/// Longest filter, in characters: an identifier of any length has room beside other words.
const FILTER_MAX_CHARS: usize = 2 * ID_MAX_BYTES;

/// Words that all have to hold. A word is `bed:NAME`, `alert`, `high`, `medium`, `low`, `technical`, `stale`, or else
/// part of a bed's name or a patient's name. A filter never hides an alert from the queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    text: String,
}

impl Filter {
    /// As typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether every bed is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// A filter of these words.
    pub(super) fn of(text: &str) -> Self {
        Self { text: text.chars().take(FILTER_MAX_CHARS).collect() }
    }

    pub(super) fn push(&mut self, c: char) {
        if self.text.chars().count() < FILTER_MAX_CHARS && !c.is_control() {
            self.text.push(c);
        }
    }

    pub(super) fn pop(&mut self) {
        self.text.pop();
    }
}

impl App {
    /// The filter of the page: that of devices, that of entries of the trail, or that of beds.
    #[must_use]
    pub const fn page_filter(&self) -> &Filter {
        match self.page {
            Page::Devices => &self.devices.filter,
            Page::Audit => &self.audit_log.filter,
            _ => &self.filter,
        }
    }

    pub(super) const fn page_filter_mut(&mut self) -> &mut Filter {
        match self.page {
            Page::Devices => &mut self.devices.filter,
            Page::Audit => &mut self.audit_log.filter,
            _ => &mut self.filter,
        }
    }

    /// Whether a patient's bed is shown.
    #[must_use]
    pub fn shows(&self, ward: &WardView, patient: &PatientView) -> bool {
        self.filter.text.split_whitespace().all(|word| self.word_holds(ward, patient, &word.to_lowercase()))
    }

    fn word_holds(&self, ward: &WardView, patient: &PatientView, word: &str) -> bool {
        let mut alerts = ward.alerts.values().filter(|a| a.key.patient.as_ref() == Some(&patient.patient.id));
        let physiological =
            |priority: Priority| move |a: &Alert| a.class == AlertClass::Physiological && a.priority == priority;
        let bed = ward.beds.get(&patient.bed).map_or(patient.bed.as_str(), |bed| bed.label.as_str()).to_lowercase();
        match word {
            "alert" => alerts.next().is_some(),
            "high" => alerts.any(|a| a.priority == Priority::High),
            "medium" => alerts.any(physiological(Priority::Medium)),
            "low" => alerts.any(physiological(Priority::Low)),
            "technical" => alerts.any(|a| a.class == AlertClass::Technical),
            "stale" => patient.vitals.is_empty() || patient.vitals.values().any(|v| self.liveness(v) > Liveness::Live),
            _ => match word.strip_prefix("bed:") {
                Some(wanted) => bed == wanted || bed.trim_start_matches('0') == wanted.trim_start_matches('0'),
                None => bed.contains(word) || patient.patient.name.as_str().to_lowercase().contains(word),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_of_any_length_has_room() {
        let wanted = format!("patient:{} reads", "p".repeat(ID_MAX_BYTES));
        assert_eq!(Filter::of(&wanted).text(), wanted, "a shorter one would be another patient");
    }
}
