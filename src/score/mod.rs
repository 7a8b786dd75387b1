//! Early warning scores: from values to points, parts and what is missing.
//!
//! Pure tables and sums; one file for each score. A missing value is never 0 points: it makes the score incomplete, with
//! bounds. Who feeds it and when is `engine`'s affair; no clock, no IO.

mod bands;
pub mod cart;
pub mod mews;
pub mod news2;
pub mod qsofa;
pub mod rox;
pub mod shock_index;
pub mod sirs;

use crate::domain::{
    Consciousness, ScoreBasis, ScoreKind, ScorePart, ScoreResult, ScoreRisk, ScoreValue, Spo2Scale, Timestamp,
};

/// Scores that are not built, each with the reason.
pub const NOT_BUILT: &[(&str, &str)] = &[
    ("PEWS", "the bands of the published charts could not be obtained, and many local versions differ"),
    ("MEOWS", "maternity charts are local; a ward with pregnant patients uses its own"),
    ("SOFA", "it needs laboratory values that no monitor sends"),
];

/// What scores are made of. Whatever is not known is absent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Inputs {
    /// Respiratory rate, per minute.
    pub rr: Option<f64>,
    /// Oxygen saturation, %.
    pub spo2: Option<f64>,
    /// Whether oxygen is given.
    pub oxygen: Option<bool>,
    /// By which scale of NEWS2 the saturation is judged.
    pub scale: Spo2Scale,
    /// Systolic pressure, mmHg.
    pub sbp: Option<f64>,
    /// Diastolic pressure, mmHg.
    pub dbp: Option<f64>,
    /// Heart rate or pulse, per minute.
    pub hr: Option<f64>,
    /// Level of consciousness.
    pub consciousness: Option<Consciousness>,
    /// Glasgow coma score, 3 to 15.
    pub gcs: Option<f64>,
    /// Temperature, °C.
    pub temp: Option<f64>,
    /// Age in years.
    pub age: Option<u32>,
    /// Whether the patient is pregnant.
    pub pregnant: Option<bool>,
    /// Whether the patient is grown up by category; a child has no adult scores, whatever the age says.
    pub adult: bool,
    /// Inspired oxygen, %.
    pub fio2: Option<f64>,
    /// Whether oxygen is given by high-flow nasal cannula.
    pub high_flow: Option<bool>,
    /// Partial pressure of carbon dioxide, mmHg.
    pub paco2: Option<f64>,
    /// White blood cells, 10⁹/L.
    pub wbc: Option<f64>,
    /// Immature white cells, %.
    pub bands: Option<f64>,
}

/// All scores of a patient in display order.
#[must_use]
pub fn all(inputs: &Inputs, basis: ScoreBasis, at: Timestamp) -> Vec<ScoreResult> {
    ScoreKind::ALL.into_iter().map(|kind| of(kind, inputs, basis, at)).collect()
}

/// One score of a patient.
#[must_use]
pub fn of(kind: ScoreKind, inputs: &Inputs, basis: ScoreBasis, at: Timestamp) -> ScoreResult {
    let made = match kind {
        ScoreKind::News2 => news2::score(inputs),
        ScoreKind::Mews => mews::score(inputs),
        ScoreKind::Qsofa => qsofa::score(inputs),
        ScoreKind::Sirs => sirs::score(inputs),
        ScoreKind::Cart => cart::score(inputs),
        ScoreKind::ShockIndex => shock_index::score(inputs),
        ScoreKind::Rox => rox::score(inputs),
    };
    ScoreResult { kind, value: made.value, parts: made.parts, risk: made.risk, basis, at }
}

/// A score without its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// What it amounts to.
    pub value: ScoreValue,
    /// Its parts.
    pub parts: Vec<ScorePart>,
    /// How much it asks for.
    pub risk: Option<ScoreRisk>,
}

impl Made {
    /// A score that was not made for this patient.
    #[must_use]
    pub fn not_for(why: &str) -> Self {
        Self { value: ScoreValue::NotApplicable { why: why.to_owned() }, parts: Vec::new(), risk: None }
    }
}
