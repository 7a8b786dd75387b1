//! Units as monitors write them, and how a number is brought to the unit of its vital.

use crate::domain::VitalDef;

/// A unit that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `/min`.
    PerMinute,
    /// `%`.
    Percent,
    /// `mm[Hg]`.
    MmHg,
    /// `kPa`.
    KiloPascal,
    /// `cm[H2O]`.
    CmWater,
    /// `Cel`.
    Celsius,
    /// `[degF]`.
    Fahrenheit,
    /// `K`.
    Kelvin,
    /// `kg`.
    Kilogram,
    /// `g`.
    Gram,
    /// `[lb_av]`.
    Pound,
    /// `L/min`.
    LitrePerMinute,
    /// `mL/min`.
    MillilitrePerMinute,
    /// `mg/dL`.
    MilligramPerDecilitre,
    /// `mmol/L`.
    MillimolePerLitre,
    /// `{score}`.
    Score,
}

/// How units are written: UCUM first, then MDC (number and name, ISO/IEEE 11073-10101), then what is met besides. Without
/// regard to case.
pub const UNITS: &[(Unit, &[&str])] = &[
    (
        Unit::PerMinute,
        &[
            "/min",
            "{beat}/min",
            "{beats}/min",
            "{breath}/min",
            "{breaths}/min",
            "{resp}/min",
            "{counts}/min",
            "264864",
            "MDC_DIM_BEAT_PER_MIN",
            "264928",
            "MDC_DIM_RESP_PER_MIN",
            "bpm",
            "rpm",
            "brpm",
            "1/min",
            "beats/min",
            "beat/min",
            "breaths/min",
            "breath/min",
            "br/min",
            "resp/min",
            "min-1",
            "min^-1",
        ],
    ),
    (Unit::Percent, &["%", "262688", "MDC_DIM_PERCENT", "pct", "percent"]),
    (Unit::MmHg, &["mm[Hg]", "266016", "MDC_DIM_MMHG", "mmHg", "mm Hg"]),
    (Unit::KiloPascal, &["kPa", "265987", "MDC_DIM_KILO_PASCAL"]),
    (Unit::CmWater, &["cm[H2O]", "266048", "MDC_DIM_CM_H2O", "cmH2O"]),
    (Unit::Celsius, &["Cel", "268192", "MDC_DIM_DEGC", "degC", "°C", "C", "deg C"]),
    (Unit::Fahrenheit, &["[degF]", "266560", "MDC_DIM_FAHR", "degF", "°F", "F", "deg F"]),
    (Unit::Kelvin, &["K"]),
    (Unit::Kilogram, &["kg", "263875", "MDC_DIM_KILO_G"]),
    (Unit::Gram, &["g", "263872", "MDC_DIM_G"]),
    (Unit::Pound, &["[lb_av]", "lb", "lbs"]),
    (Unit::LitrePerMinute, &["L/min", "265216", "MDC_DIM_L_PER_MIN", "lpm"]),
    (Unit::MillilitrePerMinute, &["mL/min", "265234", "MDC_DIM_MILLI_L_PER_MIN"]),
    (Unit::MilligramPerDecilitre, &["mg/dL", "264274", "MDC_DIM_MILLI_G_PER_DL"]),
    (Unit::MillimolePerLitre, &["mmol/L", "266866", "MDC_DIM_MILLI_MOLE_PER_L"]),
    (Unit::Score, &["{score}", "262656", "MDC_DIM_DIMLESS", "1", "pts"]),
];

/// Milligrams of glucose per decilitre in a millimole per litre.
const GLUCOSE_MG_DL: f64 = 18.0156;

/// Why a number does not become one of the vital's unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// There is none, and the vital is sent in several.
    #[error("there is no unit, and {vital} is sent in several: send {ucum}")]
    Missing {
        /// The vital.
        vital: String,
        /// The unit it wants.
        ucum: String,
    },
    /// It is another kind of unit, or none that is known.
    #[error("unit {unit:?} is no unit of {vital}: send {ucum}, or name the unit in the source's configuration")]
    Wrong {
        /// What is there.
        unit: String,
        /// The vital.
        vital: String,
        /// The unit it wants.
        ucum: String,
    },
}

/// `value × factor + offset` is in the vital's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::ingest) struct Conversion {
    factor: f64,
    offset: f64,
}

impl Conversion {
    pub(super) const SAME: Self = Self { factor: 1.0, offset: 0.0 };

    /// Whether the number stays as it is.
    pub(in crate::ingest) fn is_same(self) -> bool {
        self == Self::SAME
    }

    const fn times(factor: f64) -> Self {
        Self { factor, offset: 0.0 }
    }

    /// The number in the vital's unit, to a millionth: 98.6 °F are 37 °C.
    pub(in crate::ingest) fn apply(self, value: f64) -> f64 {
        if self == Self::SAME { value } else { ((value * self.factor + self.offset) * 1e6).round() / 1e6 }
    }
}

/// How a number in `unit` is brought to the unit of a vital; `None` if it is another kind of unit.
pub(super) fn conversion(unit: Unit, def: &VitalDef) -> Option<Conversion> {
    Some(match (&*def.ucum, unit) {
        ("/min", Unit::PerMinute)
        | ("%", Unit::Percent)
        | ("mm[Hg]", Unit::MmHg)
        | ("Cel", Unit::Celsius)
        | ("kg", Unit::Kilogram)
        | ("L/min", Unit::LitrePerMinute)
        | ("mg/dL", Unit::MilligramPerDecilitre)
        | ("{score}", Unit::Score) => Conversion::SAME,
        ("mm[Hg]", Unit::KiloPascal) => Conversion::times(7.500_616_827),
        ("mm[Hg]", Unit::CmWater) => Conversion::times(0.735_559_240),
        ("Cel", Unit::Fahrenheit) => Conversion { factor: 5.0 / 9.0, offset: -160.0 / 9.0 },
        ("Cel", Unit::Kelvin) => Conversion { factor: 1.0, offset: -273.15 },
        ("kg", Unit::Gram) | ("L/min", Unit::MillilitrePerMinute) => Conversion::times(0.001),
        ("kg", Unit::Pound) => Conversion::times(0.453_592_37),
        ("mg/dL", Unit::MillimolePerLitre) if def.code.as_str() == "glucose" => Conversion::times(GLUCOSE_MG_DL),
        _ => return None,
    })
}

/// Whether a number without a unit can be meant in one way only.
pub(super) fn unit_goes_without_saying(def: &VitalDef) -> bool {
    matches!(&*def.ucum, "/min" | "%" | "{score}" | "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{VitalCode, VitalTable};
    use rstest::rstest;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_stands_for_two_units() {
        let mut seen = BTreeSet::new();
        for name in UNITS.iter().flat_map(|(_, names)| *names) {
            assert!(seen.insert(name.to_ascii_lowercase()), "{name} stands twice");
        }
    }

    #[test]
    fn the_document_shows_every_name() {
        let document = include_str!("../../../docs/interoperability.md");
        for (_, names) in UNITS {
            let [first, others @ ..] = names else { continue };
            let others: Vec<String> = others.iter().map(|name| format!("`{name}`")).collect();
            let row = document.lines().find(|line| line.starts_with(&format!("| `{first}` | ")));
            assert!(row.is_some_and(|row| row.ends_with(&format!("| {} |", others.join(", ")))), "{first}: {row:?}");
        }
    }

    #[rstest]
    #[case("temp", Unit::Fahrenheit, 98.6, 37.0)]
    #[case("temp", Unit::Kelvin, 310.15, 37.0)]
    #[case("nbp_sys", Unit::KiloPascal, 16.0, 120.009_869)]
    #[case("nbp_sys", Unit::CmWater, 100.0, 73.555_924)]
    #[case("weight", Unit::Pound, 150.0, 68.038_856)]
    #[case("weight", Unit::Gram, 3_450.0, 3.45)]
    #[case("glucose", Unit::MillimolePerLitre, 5.5, 99.0858)]
    #[case("o2_flow", Unit::MillilitrePerMinute, 500.0, 0.5)]
    #[case("hr", Unit::PerMinute, 72.25, 72.25)]
    fn numbers_are_brought_to_the_vitals_unit(
        #[case] vital: &str,
        #[case] unit: Unit,
        #[case] raw: f64,
        #[case] expected: f64,
    ) {
        let vitals = VitalTable::builtin();
        let def = vitals.get(VitalCode::of(vital)).unwrap();
        assert_eq!(conversion(unit, def).unwrap().apply(raw), expected);
        assert_eq!(conversion(Unit::Percent, def), None);
    }

    #[test]
    fn every_vital_takes_its_own_unit() {
        for def in VitalTable::builtin().iter().filter(|def| !def.ucum.is_empty()) {
            let (unit, _) = UNITS.iter().find(|(_, names)| names.contains(&&*def.ucum)).unwrap();
            assert_eq!(conversion(*unit, def), Some(Conversion::SAME), "{}", def.code);
        }
    }
}
