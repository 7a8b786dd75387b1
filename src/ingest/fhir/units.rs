//! Units: UCUM by `octofhir-ucum`, and before it the names that are met in the field.

use crate::{
    domain::{VitalDef, text::clean},
    ingest::hl7::UNITS,
};

/// Names beside those that HL7 v2 is known to bring.
const MORE_NAMES: &[(&str, &str)] =
    &[("beats/minute", "/min"), ("breaths/minute", "/min"), ("per minute", "/min"), ("mm hg", "mm[Hg]"), ("%o2", "%")];

/// Milligrams of glucose per decilitre in a millimole per litre: its molar mass is 180.156 g/mol.
const GLUCOSE_MG_DL: f64 = 18.0156;

/// The code system of UCUM.
pub const UCUM: &str = "http://unitsofmeasure.org";
/// The code system of MDC, ISO/IEEE 11073-10101.
pub const MDC: &str = "urn:iso:std:iso:11073:10101";

/// A number in the vital's unit, and what had to be done for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    /// The number.
    pub value: f64,
    /// Whether it is the number as it was sent.
    pub same: bool,
    /// What has to be told of the conversion.
    pub told: Option<String>,
}

/// Why a number does not become one of the vital's unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// There is none, and the vital is sent in several.
    #[error("there is no unit, and {vital} is sent in several: send {ucum} as code, with system {UCUM}")]
    Missing {
        /// The vital.
        vital: String,
        /// Its unit.
        ucum: String,
    },
    /// Not a unit of UCUM and none of the known names.
    #[error("unit {unit:?} is not known: send {ucum} as code, with system {UCUM}")]
    Unknown {
        /// What is there.
        unit: String,
        /// The vital's unit.
        ucum: String,
    },
    /// A unit of something else.
    #[error("unit {unit:?} does not become {ucum}, the unit of {vital}: {why}")]
    OfSomethingElse {
        /// What is there.
        unit: String,
        /// The vital.
        vital: String,
        /// Its unit.
        ucum: String,
        /// Why not.
        why: &'static str,
    },
}

/// The code or name of a unit, as an Observation gives it.
#[derive(Debug, Clone, Copy, Default)]
pub struct UnitText<'a> {
    /// The code system.
    pub system: Option<&'a str>,
    /// The code.
    pub code: Option<&'a str>,
    /// What people read.
    pub name: Option<&'a str>,
}

/// Brings a number to the unit of a vital.
///
/// # Errors
/// If there is no unit where several are in use, if it is not known, or if it is one of something else. Between mass and
/// amount of substance only glucose is converted, by its molar mass, and that is told.
pub fn convert(value: f64, unit: UnitText<'_>, def: &VitalDef) -> Result<Converted, UnitError> {
    let same = Converted { value, same: true, told: None };
    // A code counts before the text for people.
    let Some(text) = unit.code.or(unit.name) else {
        return if goes_without_saying(def) { Ok(same) } else { Err(missing(def)) };
    };
    if text == &*def.ucum {
        return Ok(same);
    }
    let by_name = named(text);
    if unit.system == Some(UCUM) && unit.code.is_some() && octofhir_ucum::validate(text).is_ok() {
        return by_ucum(value, text, def);
    }
    match by_name {
        Some(ucum) if ucum == &*def.ucum => Ok(same),
        Some(ucum) => by_ucum(value, ucum, def),
        None if octofhir_ucum::validate(text).is_ok() => by_ucum(value, text, def),
        None => Err(UnitError::Unknown { unit: clean(text), ucum: def.ucum.to_string() }),
    }
}

fn by_ucum(value: f64, unit: &str, def: &VitalDef) -> Result<Converted, UnitError> {
    if let Ok(converted) = octofhir_ucum::convert(value, unit, &def.ucum) {
        // 98.6 °F are 37 °C, not 36.99999999999999.
        let rounded = (converted * 1e6).round() / 1e6;
        let same = is_same(rounded, value);
        return Ok(Converted { value: if same { value } else { rounded }, same, told: None });
    }
    let of_substance = octofhir_ucum::is_comparable(unit, "mmol/L").unwrap_or(false);
    if of_substance
        && def.code.as_str() == "glucose"
        && let Ok(mmol) = octofhir_ucum::convert(value, unit, "mmol/L")
    {
        let value = (mmol * GLUCOSE_MG_DL * 1e6).round() / 1e6;
        let told = format!("{unit} was converted to mg/dL by the molar mass of glucose, 180.156 g/mol");
        return Ok(Converted { value, same: false, told: Some(told) });
    }
    let why = if of_substance {
        "between mass and amount of substance nothing is converted without the molar mass"
    } else {
        "it measures something else"
    };
    Err(UnitError::OfSomethingElse { unit: clean(unit), vital: def.code.to_string(), ucum: def.ucum.to_string(), why })
}

#[expect(clippy::float_cmp, reason = "a number that conversion left alone is the same number")]
fn is_same(a: f64, b: f64) -> bool {
    a == b
}

fn missing(def: &VitalDef) -> UnitError {
    UnitError::Missing { vital: def.code.to_string(), ucum: def.ucum.to_string() }
}

/// Whether a number without a unit can be meant in one way only.
fn goes_without_saying(def: &VitalDef) -> bool {
    matches!(&*def.ucum, "/min" | "%" | "{score}" | "")
}

/// The unit of UCUM that a name stands for, without regard to case.
fn named(text: &str) -> Option<&'static str> {
    let known = UNITS.iter().find(|(_, names)| names.iter().any(|name| name.eq_ignore_ascii_case(text)));
    let known = known.and_then(|(_, names)| names.first().copied());
    known.or_else(|| MORE_NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, ucum)| *ucum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{VitalCode, VitalTable};
    use rstest::rstest;

    fn of(vital: &str, value: f64, unit: UnitText<'_>) -> Result<Converted, UnitError> {
        convert(value, unit, VitalTable::builtin().get(VitalCode::of(vital)).unwrap())
    }

    fn ucum(code: &str) -> UnitText<'_> {
        UnitText { system: Some(UCUM), code: Some(code), name: None }
    }

    #[rstest]
    #[case("hr", "/min", 72.0, 72.0, true)]
    #[case("hr", "{beats}/min", 72.0, 72.0, true)]
    #[case("hr", "Hz", 1.2, 72.0, false)]
    #[case("temp", "[degF]", 98.6, 37.0, false)]
    #[case("temp", "K", 310.15, 37.0, false)]
    #[case("nbp_sys", "kPa", 16.0, 120.010_201, false)]
    #[case("spo2", "1", 0.97, 97.0, false)]
    #[case("weight", "[lb_av]", 150.0, 68.038_855, false)]
    #[case("weight", "g", 3_450.0, 3.45, false)]
    #[case("glucose", "g/L", 0.99, 99.0, false)]
    #[case("glucose", "mmol/L", 5.5, 99.0858, false)]
    fn ucum_is_brought_to_the_vitals_unit(
        #[case] vital: &str,
        #[case] unit: &str,
        #[case] raw: f64,
        #[case] value: f64,
        #[case] same: bool,
    ) {
        let converted = of(vital, raw, ucum(unit)).unwrap();
        assert!((converted.value - value).abs() < 2e-6, "{converted:?}");
        assert_eq!(converted.same, same, "{converted:?}");
        assert_eq!(converted.told.is_some(), unit == "mmol/L");
    }

    #[rstest]
    #[case("hr", "bpm")]
    #[case("hr", "beats/minute")]
    #[case("nbp_sys", "mmHg")]
    #[case("temp", "degC")]
    #[case("spo2", "%O2")]
    fn names_of_the_field_are_known(#[case] vital: &str, #[case] name: &str) {
        let by_name = of(vital, 40.0, UnitText { name: Some(name), ..UnitText::default() }).unwrap();
        assert!(by_name.same, "{by_name:?}");
        assert!(of(vital, 40.0, UnitText { system: Some(UCUM), code: Some(name), name: None }).unwrap().same);
    }

    #[test]
    fn units_of_mdc_are_known() {
        let unit = UnitText { system: Some(MDC), code: Some("264928"), name: None };
        assert!(of("rr", 14.0, unit).unwrap().same);
    }

    #[rstest]
    #[case("nbp_sys", None, "no unit")]
    #[case("hr", Some("%"), "measures something else")]
    #[case("weight", Some("mmol/L"), "molar mass")]
    #[case("temp", Some("warm"), "not known")]
    #[case("glucose", Some("[IU]/L"), "measures something else")]
    fn nothing_is_guessed(#[case] vital: &str, #[case] unit: Option<&str>, #[case] says: &str) {
        let unit = UnitText { system: Some(UCUM), code: unit, name: None };
        let error = of(vital, 1.0, unit).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn a_number_without_a_unit_is_taken_where_there_is_one_unit() {
        assert!(of("hr", 72.0, UnitText::default()).unwrap().same);
    }
}
