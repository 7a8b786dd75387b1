//! A FHIR mapping: for each type of measurement the Observation that is made of it.

use super::fault::TransformFault;
use crate::{
    fhir::{Coding, Decimal, TICKS_PER_MS},
    ingest::medtech::Position,
};

/// All templates of a FHIR mapping.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FhirMapping {
    pub(super) templates: Vec<FhirTemplate>,
}

/// How one type of measurement becomes an Observation.
#[derive(Debug, Clone, PartialEq)]
pub struct FhirTemplate {
    /// Where the template stands in its file.
    pub at: Position,
    /// The type of measurement; joins to a device template's `typeName`, whatever the case.
    pub type_name: String,
    /// Which readings share an Observation.
    pub period: PeriodInterval,
    /// What was measured.
    pub codes: Vec<Coding>,
    /// Which kind of observation.
    pub category: Vec<Concept>,
    /// The value of the Observation.
    pub value: Option<ValueTemplate>,
    /// Its components.
    pub components: Vec<ComponentTemplate>,
}

/// Which readings share an Observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodInterval {
    /// Those of one correlation id (-1).
    Correlation,
    /// Each has its own (0).
    Single,
    /// Those of an hour in UTC (60).
    Hourly,
    /// Those of a day in UTC (1440).
    Daily,
    /// A number that means nothing.
    Other(i64),
}

/// A concept as a template has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Concept {
    /// What people read.
    pub text: Option<String>,
    /// The codes.
    pub codes: Vec<Coding>,
}

/// One component of an Observation.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentTemplate {
    /// Where it stands.
    pub at: Position,
    /// What was measured.
    pub codes: Vec<Coding>,
    /// The value. Without one the component never appears.
    pub value: Option<ValueTemplate>,
}

/// Where a value comes from and what becomes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueTemplate {
    /// Where it stands.
    pub at: Position,
    /// The name of the measured value; joins to a device template's `valueName`, case and all.
    pub name: Option<String>,
    /// What becomes of it.
    pub kind: ValueKind,
}

/// The type of value that is made.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueKind {
    /// A stream of values at regular times.
    SampledData {
        /// Milliseconds between two values. Needed to make a value.
        period: Option<Decimal>,
        /// The unit.
        unit: Option<String>,
    },
    /// One number.
    Quantity {
        /// The unit for people.
        unit: Option<String>,
        /// The unit for programs.
        code: Option<String>,
        /// The code system of the unit.
        system: Option<String>,
    },
    /// Always the same concept; that a value came is what it says.
    CodeableConcept(Concept),
    /// The value as text.
    String,
}

impl FhirMapping {
    /// The template of a type, whatever its case.
    ///
    /// # Errors
    /// If there is none.
    pub fn get(&self, type_name: &str) -> Result<&FhirTemplate, TransformFault> {
        let wanted = type_name.to_lowercase();
        self.templates
            .iter()
            .find(|t| t.type_name.to_lowercase() == wanted)
            .ok_or_else(|| TransformFault::TemplateNotFound { type_name: type_name.to_owned() })
    }

    /// All templates in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &FhirTemplate> {
        self.templates.iter()
    }
}

impl FhirTemplate {
    /// All values, that of the Observation first.
    pub fn values(&self) -> impl Iterator<Item = &ValueTemplate> {
        self.value.iter().chain(self.components.iter().filter_map(|c| c.value.as_ref()))
    }

    /// All values with the codes that say what they are.
    pub fn coded_values(&self) -> impl Iterator<Item = (&ValueTemplate, &[Coding])> {
        let own = self.value.iter().map(|value| (value, self.codes.as_slice()));
        own.chain(self.components.iter().filter_map(|c| Some((c.value.as_ref()?, c.codes.as_slice()))))
    }

    /// The names of all values.
    pub fn value_names(&self) -> impl Iterator<Item = &str> {
        self.values().filter_map(|v| v.name.as_deref())
    }
}

impl ValueKind {
    /// Its name in a mapping.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::SampledData { .. } => "SampledData",
            Self::Quantity { .. } => "Quantity",
            Self::CodeableConcept(_) => "CodeableConcept",
            Self::String => "String",
        }
    }
}

impl PeriodInterval {
    /// The period that a number stands for.
    #[must_use]
    pub const fn of(number: i64) -> Self {
        match number {
            -1 => Self::Correlation,
            0 => Self::Single,
            60 => Self::Hourly,
            1440 => Self::Daily,
            other => Self::Other(other),
        }
    }

    /// The number that stands for it.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Correlation => -1,
            Self::Single => 0,
            Self::Hourly => 60,
            Self::Daily => 1440,
            Self::Other(other) => other,
        }
    }

    /// The longest time that one Observation can cover, in milliseconds, if there is one.
    #[must_use]
    pub const fn span_ms(self) -> Option<i64> {
        match self {
            Self::Hourly => Some(3_600_000),
            Self::Daily => Some(86_400_000),
            Self::Single | Self::Correlation | Self::Other(_) => None,
        }
    }
}

/// Ticks of 100 ns in a sample period of so many milliseconds; at least one, and at most a year.
#[must_use]
pub fn period_ticks(period_ms: &Decimal) -> Option<i64> {
    const PERIOD_MAX_MS: f64 = 366.0 * 86_400_000.0;
    let ms = period_ms.as_f64();
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "within a year, which fits")]
    let ticks = (ms * TICKS_PER_MS as f64).round() as i64;
    (ticks >= 1 && ms <= PERIOD_MAX_MS).then_some(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("5000", Some(50_000_000))]
    #[case("3.90625", Some(39_063))]
    #[case("0.00001", None)]
    #[case("0", None)]
    #[case("-1", None)]
    #[case("99999999999999", None)]
    fn a_sample_period_is_positive_and_bounded(#[case] ms: &str, #[case] ticks: Option<i64>) {
        assert_eq!(period_ticks(&ms.parse().unwrap()), ticks);
    }

    #[test]
    fn numbers_of_periods_round_trip() {
        for number in -2..=1441 {
            assert_eq!(PeriodInterval::of(number).number(), number);
        }
    }
}
