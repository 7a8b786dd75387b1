//! Is this value to be believed?
//!
//! Pure rules from a value and what stands beside it to a [`Quality`] and to [`crate::domain::Marks`]. Nothing is
//! discarded here: values of any quality are stored and shown as what they are, and doubt suppresses no alert. Called by
//! `ingest` (what can physically be) and `engine` (what to judge).

mod beside;
mod flatline;
mod jump;

pub use beside::{Beside, CUFF_WITHIN, PULSE_PRESSURE_MIN, Part, Pressure, RATES_APART_MAX, TOGETHER};
pub use beside::{pressures_misfit, rates_disagree};
pub use flatline::{FLATLINE_ALERTS_AFTER, FLATLINE_MARKS_AFTER, Flatline, FlatlineChange, RUN_GAP_MAX, has_flatline};
pub use jump::{JUMP_HOLDS_MAX, JUMP_WITHIN, Jump, jump_step};

use crate::domain::{
    Quality, VitalDef,
    vital::{Scale, Zero},
};

/// A unit with a space before it; nothing where there is none.
fn spaced(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" {unit}") }
}

/// Why a number cannot be a value of a vital at all.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Impossible {
    /// Not a number, or infinite.
    #[error("the value is not a finite number")]
    NotFinite,
    /// Outside the physically possible range.
    #[error("{value}{} is outside what is possible for {vital} ({low} to {high}{})", spaced(unit), spaced(unit))]
    OutsidePossible {
        /// The value.
        value: f64,
        /// The vital's code.
        vital: String,
        /// The unit on screens.
        unit: String,
        /// Least possible value.
        low: f64,
        /// Greatest possible value.
        high: f64,
    },
    /// A coded vital has no such position.
    #[error("{value} is not one of the codes of {vital}")]
    NoSuchCode {
        /// The value.
        value: f64,
        /// The vital's code.
        vital: String,
    },
}

/// Refuses what cannot physically be a value of the vital.
///
/// # Errors
/// If the value is not finite, outside the possible range, or no code of a coded vital.
pub fn check_possible(def: &VitalDef, value: f64) -> Result<(), Impossible> {
    if !value.is_finite() {
        return Err(Impossible::NotFinite);
    }
    if !def.possible.contains(&value) {
        return Err(Impossible::OutsidePossible {
            value,
            vital: def.code.to_string(),
            unit: def.unit.to_string(),
            low: *def.possible.start(),
            high: *def.possible.end(),
        });
    }
    if matches!(def.scale, Scale::Coded(_)) && value.fract() != 0.0 {
        return Err(Impossible::NoSuchCode { value, vital: def.code.to_string() });
    }
    Ok(())
}

/// What stands beside a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Companion {
    /// The same device measures the companion vital.
    Measured,
    /// The same device says that it does not measure the companion vital.
    NotMeasured,
    /// The device does not send the companion vital.
    Absent,
}

/// The quality of one value. `companion` tells of the vital that [`Zero::ValueWhile`] names.
#[must_use]
pub fn assess(def: &VitalDef, value: f64, companion: Companion) -> Quality {
    let zero_is_missing = match def.zero {
        Zero::NotMeasured => true,
        Zero::Value => false,
        Zero::ValueWhile(_) => companion == Companion::NotMeasured,
    };
    if value == 0.0 && zero_is_missing {
        Quality::NotMeasured
    } else if def.plausible.contains(&value) {
        Quality::Valid
    } else {
        Quality::OutOfRange
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        VitalCode, VitalTable,
        vital::{CONSCIOUSNESS, HR, RR, SPO2, TEMP},
    };
    use rstest::rstest;

    fn def(code: VitalCode) -> VitalDef {
        VitalDef::clone(VitalTable::builtin().get(code).unwrap())
    }

    #[rstest]
    #[case(SPO2, 0.0, Quality::NotMeasured)]
    #[case(SPO2, 19.9, Quality::OutOfRange)]
    #[case(SPO2, 20.0, Quality::Valid)]
    #[case(SPO2, 100.0, Quality::Valid)]
    #[case(HR, 0.0, Quality::NotMeasured)]
    #[case(HR, 0.9, Quality::OutOfRange)]
    #[case(HR, 1.0, Quality::Valid)]
    #[case(HR, 15.0, Quality::Valid)]
    #[case(HR, 300.0, Quality::Valid)]
    #[case(TEMP, 44.1, Quality::OutOfRange)]
    #[case(CONSCIOUSNESS, 0.0, Quality::Valid)]
    fn quality_table(#[case] vital: VitalCode, #[case] value: f64, #[case] expected: Quality) {
        assert_eq!(assess(&def(vital), value, Companion::Absent), expected);
    }

    #[rstest]
    #[case(Companion::Measured, Quality::Valid)]
    #[case(Companion::Absent, Quality::Valid)]
    #[case(Companion::NotMeasured, Quality::NotMeasured)]
    fn no_breath_is_apnoea_only_while_the_leads_are_on(#[case] heart: Companion, #[case] expected: Quality) {
        assert_eq!(assess(&def(RR), 0.0, heart), expected);
    }

    #[test]
    fn the_impossible_is_refused() {
        assert!(check_possible(&def(SPO2), 100.1).is_err());
        assert!(check_possible(&def(SPO2), -1.0).is_err());
        assert!(check_possible(&def(SPO2), f64::NAN).is_err());
        assert!(check_possible(&def(HR), f64::INFINITY).is_err());
        assert!(check_possible(&def(CONSCIOUSNESS), 1.5).is_err());
        assert_eq!(check_possible(&def(CONSCIOUSNESS), 4.0), Ok(()));
        assert_eq!(check_possible(&def(HR), 0.0), Ok(()));
    }
}
