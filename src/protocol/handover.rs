//! What there is to say of patients at a handover: situation, background, assessment, recommendation.

use crate::domain::{Category, HandoverId, LoginName, Millis, Mode, PatientId, PersonName, Timestamp};
use serde::{Deserialize, Serialize};

/// Most patients of one report.
pub const HANDOVER_PATIENTS_MAX: usize = 64;
/// Least, median and greatest values are those of this long.
pub const HANDOVER_VALUES_FROM: Millis = Millis::from_mins(12 * 60);
/// Alerts and remarks are told since the last handover of a patient, but at most for this long.
pub const HANDOVER_JOURNAL_FROM_MAX: Millis = Millis::from_mins(24 * 60);

/// What there is to say of one patient, in lines for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sbar {
    /// The patient.
    pub patient: PatientId,
    /// The name; empty where it may not be seen.
    #[serde(default, skip_serializing_if = "PersonName::is_empty")]
    pub name: PersonName,
    /// The bed's label.
    pub bed: String,
    /// The category.
    pub category: Category,
    /// Age in years, as far as the year of birth tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<i32>,
    /// Who owns the patient; empty if nobody.
    pub owners: Vec<LoginName>,
    /// The open offer that the patient is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<HandoverId>,
    /// What is going on now.
    pub situation: Vec<String>,
    /// What led to it, and what was set.
    pub background: Vec<String>,
    /// How the patient has been.
    pub assessment: Vec<String>,
    /// What is due.
    pub recommendation: Vec<String>,
}

impl Sbar {
    /// The four parts with their names, in order.
    #[must_use]
    pub fn parts(&self) -> [(&'static str, &[String]); 4] {
        [
            ("Situation", &self.situation),
            ("Background", &self.background),
            ("Assessment", &self.assessment),
            ("Recommendation", &self.recommendation),
        ]
    }
}

/// What there is to say of patients of a ward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverReport {
    /// The ward's name.
    pub ward: String,
    /// Live or demo.
    pub mode: Mode,
    /// When it was made, in words: the ward's day, time and zone.
    pub made: String,
    /// When it was made.
    pub at: Timestamp,
    /// The patients in the order of their beds.
    pub patients: Vec<Sbar>,
}
