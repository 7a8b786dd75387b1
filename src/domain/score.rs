//! What a score says: its value, its parts, what is missing, and what the publication asks for.

use super::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreKind {
    /// National Early Warning Score 2 (Royal College of Physicians, 2017).
    News2,
    /// Modified Early Warning Score (Subbe 2001).
    Mews,
    /// Quick sequential organ failure assessment (Sepsis-3, 2016).
    Qsofa,
    /// Systemic inflammatory response syndrome (ACCP/SCCM 1992).
    Sirs,
    /// Cardiac arrest risk triage (Churpek 2012).
    Cart,
    /// Heart rate over systolic pressure.
    ShockIndex,
    /// Saturation over inspired oxygen, over respiratory rate (Roca 2019).
    Rox,
}

impl ScoreKind {
    /// All scores in display order.
    pub const ALL: [Self; 7] =
        [Self::News2, Self::Mews, Self::Qsofa, Self::Sirs, Self::Cart, Self::ShockIndex, Self::Rox];

    /// The name as messages use it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::News2 => "news2",
            Self::Mews => "mews",
            Self::Qsofa => "qsofa",
            Self::Sirs => "sirs",
            Self::Cart => "cart",
            Self::ShockIndex => "shock_index",
            Self::Rox => "rox",
        }
    }

    /// The name on screens.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::News2 => "NEWS2",
            Self::Mews => "MEWS",
            Self::Qsofa => "qSOFA",
            Self::Sirs => "SIRS",
            Self::Cart => "CART",
            Self::ShockIndex => "SI",
            Self::Rox => "ROX",
        }
    }
}

impl fmt::Display for ScoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// What a score looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreItem {
    /// Respiratory rate.
    Rr,
    /// Oxygen saturation.
    Spo2,
    /// Whether oxygen is given.
    Oxygen,
    /// Systolic pressure.
    Sbp,
    /// Diastolic pressure.
    Dbp,
    /// Heart rate, or pulse.
    Hr,
    /// Level of consciousness, or a coma score.
    Consciousness,
    /// Temperature.
    Temp,
    /// White blood cells.
    WhiteCells,
    /// Age.
    Age,
    /// Inspired oxygen fraction.
    Fio2,
}

impl ScoreItem {
    /// A short name for screens.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Rr => "RR",
            Self::Spo2 => "SpO2",
            Self::Oxygen => "O2",
            Self::Sbp => "BP",
            Self::Dbp => "BP dia",
            Self::Hr => "HR",
            Self::Consciousness => "ACVPU",
            Self::Temp => "T",
            Self::WhiteCells => "WBC",
            Self::Age => "age",
            Self::Fio2 => "FiO2",
        }
    }
}

/// One part of a score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScorePart {
    /// What it looks at.
    pub item: ScoreItem,
    /// The value that was judged, in the vital's unit; absent if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Its points; absent if it is missing. Missing is never 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<u8>,
}

/// What a score amounts to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ScoreValue {
    /// All parts are known.
    Complete {
        /// Points, or the value of an index.
        total: f64,
    },
    /// Parts are missing: there is no total, only bounds.
    Incomplete {
        /// Least possible total; absent for an index.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        least: Option<f64>,
        /// Greatest possible total; absent for an index.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        greatest: Option<f64>,
    },
    /// The score was not made for this patient.
    NotApplicable {
        /// Why not.
        why: String,
    },
}

/// How much a score asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreRisk {
    /// Nothing beyond the usual.
    Low,
    /// Of NEWS2: a 3 in one part.
    LowMedium,
    /// Of NEWS2: 5 or 6. Of others: to be looked at.
    Medium,
    /// Of NEWS2: 7 and more. Of others: above the published threshold.
    High,
}

impl ScoreRisk {
    /// The name in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::LowMedium => "low-medium",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Where the values of a score come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreBasis {
    /// A set that a person observed and charted.
    Charted,
    /// At least one value is the median of a monitor's last minutes.
    Derived,
}

/// A score of a patient at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreResult {
    /// Which.
    pub kind: ScoreKind,
    /// What it amounts to.
    #[serde(flatten)]
    pub value: ScoreValue,
    /// Its parts in the order of the publication.
    pub parts: Vec<ScorePart>,
    /// How much it asks for; of an incomplete one, at the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<ScoreRisk>,
    /// Charted or derived.
    pub basis: ScoreBasis,
    /// When it was made.
    pub at: Timestamp,
}

impl ScoreResult {
    /// The total, if all parts are known.
    #[must_use]
    pub const fn total(&self) -> Option<f64> {
        match self.value {
            ScoreValue::Complete { total } => Some(total),
            _ => None,
        }
    }

    /// How many parts are known.
    #[must_use]
    pub fn known(&self) -> usize {
        self.parts.iter().filter(|p| p.points.is_some() || p.value.is_some()).count()
    }

    /// What is missing.
    pub fn missing(&self) -> impl Iterator<Item = ScoreItem> {
        self.parts.iter().filter(|p| p.points.is_none() && p.value.is_none()).map(|p| p.item)
    }

    /// In words: `7`, `5 of 7, between 4 and 9`, `2 of 3`, or why it does not apply.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.value {
            ScoreValue::Complete { total } if total.fract() == 0.0 => format!("{total}"),
            ScoreValue::Complete { total } => format!("{total:.2}"),
            ScoreValue::Incomplete { least: Some(least), greatest: Some(greatest) } => {
                format!("{} of {}, between {least} and {greatest}", self.known(), self.parts.len())
            }
            ScoreValue::Incomplete { .. } => format!("{} of {}", self.known(), self.parts.len()),
            ScoreValue::NotApplicable { why } => why.clone(),
        }
    }

    /// How much it asks for in words: of an incomplete one, what is certain.
    #[must_use]
    pub fn risk_words(&self) -> Option<String> {
        let risk = self.risk?;
        Some(match self.value {
            ScoreValue::Incomplete { .. } if risk < ScoreRisk::High => format!("at least {}", risk.as_str()),
            _ => risk.as_str().to_owned(),
        })
    }

    /// Whether it says the same as another, whenever either was made.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let points = |r: &Self| r.parts.iter().map(|p| (p.item, p.points)).collect::<Vec<_>>();
        self.value == other.value
            && self.risk == other.risk
            && self.basis == other.basis
            && points(self) == points(other)
    }
}

/// How awake a patient is (ACVPU).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consciousness {
    /// Awake.
    Alert,
    /// New confusion.
    Confusion,
    /// Reacts to a voice.
    Voice,
    /// Reacts to pain.
    Pain,
    /// Does not react.
    Unresponsive,
}

impl Consciousness {
    /// All levels, in the order of the coded vital `consciousness`.
    pub const ALL: [Self; 5] = [Self::Alert, Self::Confusion, Self::Voice, Self::Pain, Self::Unresponsive];

    /// The letter of the chart.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Alert => 'A',
            Self::Confusion => 'C',
            Self::Voice => 'V',
            Self::Pain => 'P',
            Self::Unresponsive => 'U',
        }
    }

    /// The level that a letter stands for.
    #[must_use]
    pub fn of_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.letter() == letter.to_ascii_uppercase())
    }

    /// The position in the coded vital.
    #[must_use]
    pub const fn code(self) -> f64 {
        match self {
            Self::Alert => 0.0,
            Self::Confusion => 1.0,
            Self::Voice => 2.0,
            Self::Pain => 3.0,
            Self::Unresponsive => 4.0,
        }
    }

    /// The level of a position in the coded vital.
    #[must_use]
    pub fn of_code(code: f64) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.code().total_cmp(&code).is_eq())
    }
}

/// Which scale of NEWS2 a patient's saturation is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Spo2Scale {
    /// For most.
    #[default]
    One,
    /// For hypercapnic respiratory failure, target 88 to 92 %; a competent clinician decides on it.
    Two,
}
