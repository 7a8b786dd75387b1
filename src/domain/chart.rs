//! What people observe and decide at the bed, and scores need: consciousness, oxygen, the scale of saturation, pregnancy.

use super::{Actor, Category, Consciousness, Millis, Patient, Remark, Spo2Scale, Timestamp};
use chrono::Datelike;
use serde::{Deserialize, Serialize};

/// A level of consciousness holds for this long if nothing else is said: the longest interval of NEWS2.
pub const CONSCIOUSNESS_HOLDS: Millis = Millis::from_mins(12 * 60);
/// Longest time for which a level of consciousness may hold.
pub const CONSCIOUSNESS_HOLDS_MAX: Millis = Millis::from_mins(24 * 60);
/// Inspired oxygen that can be, %.
pub const FIO2_RANGE: (f64, f64) = (21.0, 100.0);
/// Oxygen flow that can be, L/min.
pub const FLOW_RANGE: (f64, f64) = (0.0, 80.0);

/// Oxygen that is given.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
pub struct Oxygen {
    /// Whether any is given.
    pub given: bool,
    /// Flow, L/min.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<f64>,
    /// Inspired fraction, %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fio2: Option<f64>,
    /// Whether by high-flow nasal cannula.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub high_flow: bool,
}

/// One thing that a person enters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum ChartEntry {
    /// How awake the patient is; afterwards it counts as not known.
    Consciousness {
        /// The level.
        level: Consciousness,
        /// For how long it holds; [`CONSCIOUSNESS_HOLDS`] if absent.
        #[serde(default, rename = "for_ms", skip_serializing_if = "Option::is_none")]
        span: Option<Millis>,
    },
    /// Oxygen.
    Oxygen {
        /// What is given.
        #[serde(flatten)]
        oxygen: Oxygen,
    },
    /// By which scale the saturation is judged. Scale 2 is a doctor's decision, with a reason.
    Scale {
        /// The scale.
        scale: Spo2Scale,
        /// Why.
        reason: Remark,
    },
    /// Whether the patient is pregnant.
    Pregnancy {
        /// Whether.
        pregnant: bool,
    },
}

/// Something that was entered, with who and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Charted<T> {
    /// What.
    pub value: T,
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// When it no longer holds, if it has an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why, where a reason is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Remark>,
}

impl<T: Copy> Charted<T> {
    /// The value, while it holds.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Option<T> {
        self.until.is_none_or(|until| now < until).then_some(self.value)
    }
}

/// All that was entered for a patient in this stay, the newest of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Chart {
    /// How awake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consciousness: Option<Charted<Consciousness>>,
    /// Oxygen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oxygen: Option<Charted<Oxygen>>,
    /// The scale of saturation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Charted<Spo2Scale>>,
    /// Pregnancy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pregnant: Option<Charted<bool>>,
}

/// Why an entry cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "chart_refused", rename_all = "snake_case")]
pub enum ChartError {
    /// A number outside what can be.
    #[error("{what} is between {low} and {high}")]
    Range {
        /// Of what.
        what: String,
        /// Least.
        low: String,
        /// Greatest.
        high: String,
    },
    /// Values of oxygen for a patient who has none.
    #[error("a patient on air has no flow and no oxygen fraction above 21 %")]
    OnAir,
    /// A pregnancy of a newborn.
    #[error("a neonate is not pregnant: is this the right patient, and the right category?")]
    PregnantNeonate,
    /// A pregnancy at an age at which there is none.
    #[error(
        "by the year of birth the patient is about {age} years old, and a pregnancy is charted from {PREGNANCY_AGE_MIN} to \
         {PREGNANCY_AGE_MAX}: is this the right patient, and the right year of birth?"
    )]
    PregnantAge {
        /// The age by the year of birth, years.
        age: i32,
    },
}

/// Youngest age at which a pregnancy is charted, years.
pub const PREGNANCY_AGE_MIN: i32 = 10;
/// Oldest age at which a pregnancy is charted, years.
pub const PREGNANCY_AGE_MAX: i32 = 60;

impl ChartEntry {
    /// Checks whether it can be of this patient at `at`: no newborn is pregnant, and nobody far too young or old, if the year of
    /// birth is known. That alone says the age to a year.
    ///
    /// # Errors
    /// If it cannot be.
    pub fn check_of(&self, patient: &Patient, at: Timestamp) -> Result<(), ChartError> {
        if !matches!(self, Self::Pregnancy { pregnant: true }) {
            return Ok(());
        }
        if patient.category == Category::Neonate {
            return Err(ChartError::PregnantNeonate);
        }
        let age = patient.birth_year.map(|year| at.utc().year() - year);
        match age.filter(|age| !(PREGNANCY_AGE_MIN..=PREGNANCY_AGE_MAX + 1).contains(age)) {
            Some(age) => Err(ChartError::PregnantAge { age }),
            None => Ok(()),
        }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// If one is outside what can be.
    pub fn check(&self) -> Result<(), ChartError> {
        let range = |what: &str, value: Option<f64>, (low, high): (f64, f64)| match value {
            Some(value) if !(low..=high).contains(&value) => {
                Err(ChartError::Range { what: what.to_owned(), low: low.to_string(), high: high.to_string() })
            }
            _ => Ok(()),
        };
        match self {
            Self::Consciousness { span: Some(span), .. } => {
                let hours = CONSCIOUSNESS_HOLDS_MAX.as_secs_f64() / 3600.0;
                range("the time for which it holds, in hours,", Some(span.as_secs_f64() / 3600.0), (0.0, hours))
            }
            Self::Oxygen { oxygen } => {
                range("oxygen flow in L/min", oxygen.flow, FLOW_RANGE)?;
                range("inspired oxygen in %", oxygen.fio2, FIO2_RANGE)?;
                let any = oxygen.flow.is_some_and(|f| f > 0.0) || oxygen.fio2.is_some_and(|f| f > FIO2_RANGE.0);
                if !oxygen.given && (any || oxygen.high_flow) { Err(ChartError::OnAir) } else { Ok(()) }
            }
            Self::Consciousness { .. } | Self::Scale { .. } | Self::Pregnancy { .. } => Ok(()),
        }
    }
}

impl Chart {
    /// Takes in an entry.
    pub fn enter(&mut self, entry: &ChartEntry, by: &Actor, at: Timestamp) {
        fn charted<T>(value: T, by: &Actor, at: Timestamp) -> Charted<T> {
            Charted { value, by: by.clone(), at, until: None, reason: None }
        }
        match entry {
            ChartEntry::Consciousness { level, span } => {
                let until = Some(at + span.unwrap_or(CONSCIOUSNESS_HOLDS));
                self.consciousness = Some(Charted { until, ..charted(*level, by, at) });
            }
            ChartEntry::Oxygen { oxygen } => self.oxygen = Some(charted(*oxygen, by, at)),
            ChartEntry::Scale { scale, reason } => {
                self.scale = Some(Charted { reason: Some(reason.clone()), ..charted(*scale, by, at) });
            }
            ChartEntry::Pregnancy { pregnant } => self.pregnant = Some(charted(*pregnant, by, at)),
        }
    }

    /// The next moment at which something no longer holds.
    #[must_use]
    pub fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.consciousness.as_ref().and_then(|c| c.until).filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(Oxygen { given: true, flow: Some(80.0), ..Oxygen::default() }, true)]
    #[case(Oxygen { given: true, flow: Some(80.1), ..Oxygen::default() }, false)]
    #[case(Oxygen { given: true, fio2: Some(21.0), ..Oxygen::default() }, true)]
    #[case(Oxygen { given: true, fio2: Some(20.9), ..Oxygen::default() }, false)]
    #[case(Oxygen { given: true, fio2: Some(100.0), ..Oxygen::default() }, true)]
    #[case(Oxygen { given: true, fio2: Some(100.1), ..Oxygen::default() }, false)]
    #[case(Oxygen { given: false, fio2: Some(21.0), ..Oxygen::default() }, true)]
    #[case(Oxygen { given: false, fio2: Some(28.0), ..Oxygen::default() }, false)]
    #[case(Oxygen { given: false, high_flow: true, ..Oxygen::default() }, false)]
    #[case(Oxygen { given: false, flow: Some(0.0), ..Oxygen::default() }, true)]
    fn oxygen_that_can_be(#[case] oxygen: Oxygen, #[case] good: bool) {
        assert_eq!(ChartEntry::Oxygen { oxygen }.check().is_ok(), good);
    }

    #[rstest]
    #[case(Category::Adult, Some(1996), None)]
    #[case(Category::Adult, None, None)]
    #[case(Category::Paediatric, Some(2016), None)]
    #[case(Category::Paediatric, Some(2017), Some("about 9 years old"))]
    #[case::sixty_until_the_birthday(Category::Adult, Some(1965), None)]
    #[case(Category::Adult, Some(1964), Some("about 62 years old"))]
    #[case(Category::Adult, Some(1958), Some("about 68 years old, and a pregnancy is charted from 10 to 60"))]
    #[case(Category::Neonate, None, Some("a neonate is not pregnant"))]
    fn who_cannot_be_pregnant_is_asked_about(
        #[case] category: Category,
        #[case] birth_year: Option<i32>,
        #[case] said: Option<&str>,
    ) {
        let name = crate::domain::PersonName::default();
        let patient = Patient { id: "p".parse().unwrap(), note: name.clone(), name, category, birth_year };
        let at: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let refused = ChartEntry::Pregnancy { pregnant: true }.check_of(&patient, at).err().map(|e| e.to_string());
        assert_eq!(refused.is_some(), said.is_some(), "{refused:?}");
        assert!(refused.unwrap_or_default().contains(said.unwrap_or_default()));
        assert_eq!(
            ChartEntry::Pregnancy { pregnant: false }.check_of(&patient, at),
            Ok(()),
            "that one is not, anybody is"
        );
    }

    #[test]
    fn new_confusion_holds_for_a_time() {
        let mut chart = Chart::default();
        let at = Timestamp::from_ms(0);
        let span = Some(Millis::from_mins(60));
        chart.enter(&ChartEntry::Consciousness { level: Consciousness::Confusion, span }, &Actor::System, at);
        let held = chart.consciousness.clone().unwrap();
        let until = at + Millis::from_mins(60);
        assert_eq!((held.at(until - Millis(1)), held.at(until)), (Some(Consciousness::Confusion), None));
        assert_eq!((chart.next_end(at), chart.next_end(until)), (Some(until), None));
        let long = ChartEntry::Consciousness { level: Consciousness::Alert, span: Some(Millis::from_mins(1441)) };
        assert!(long.check().is_err());
    }
}
