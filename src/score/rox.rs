//! ROX index: saturation over inspired oxygen, over respiratory rate.
//!
//! Source: Roca et al., Am J Respir Crit Care Med 2019; 199: 1368. Only with high-flow nasal oxygen of known fraction: 4.88
//! and more at 2, 6 or 12 h says that it will do; below 2.85, 3.47, 3.85 at those hours that it fails. How long the
//! oxygen has been given is not known here: the last threshold is the careful one.

use super::{Inputs, Made, bands::quotient};
use crate::domain::{ScoreItem, ScorePart, ScoreRisk};

/// From here on the risk is low.
pub const LOW_FROM: f64 = 4.88;
/// Below this it fails.
pub const FAILS_BELOW: f64 = 3.85;

/// The index of these values.
#[must_use]
pub fn score(inputs: &Inputs) -> Made {
    if inputs.high_flow != Some(true) {
        return Made::not_for("only with high-flow oxygen");
    }
    let part = |item, value| ScorePart { item, value, points: None };
    let index = inputs.spo2.zip(inputs.fio2).zip(inputs.rr).map(|((spo2, fio2), rr)| spo2 / (fio2 / 100.0) / rr);
    let parts =
        vec![part(ScoreItem::Spo2, inputs.spo2), part(ScoreItem::Fio2, inputs.fio2), part(ScoreItem::Rr, inputs.rr)];
    quotient(parts, index, |index| {
        if index < FAILS_BELOW {
            ScoreRisk::High
        } else if index < LOW_FROM {
            ScoreRisk::Medium
        } else {
            ScoreRisk::Low
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ScoreValue;
    use rstest::rstest;

    fn made(spo2: f64, fio2: f64, rr: f64) -> Made {
        let known = Inputs { spo2: Some(spo2), fio2: Some(fio2), rr: Some(rr), ..Inputs::default() };
        score(&Inputs { high_flow: Some(true), ..known })
    }

    #[rstest]
    #[case(97.6, ScoreRisk::Low)]
    #[case(97.5, ScoreRisk::Medium)]
    #[case(77.0, ScoreRisk::Medium)]
    #[case(76.9, ScoreRisk::High)]
    fn thresholds(#[case] spo2: f64, #[case] risk: ScoreRisk) {
        assert_eq!(made(spo2, 100.0, 20.0).risk, Some(risk));
    }

    #[test]
    fn the_fraction_is_in_percent() {
        assert_eq!(made(90.0, 50.0, 30.0).value, ScoreValue::Complete { total: 6.0 });
    }

    #[test]
    fn it_is_for_high_flow_alone_and_over_no_zero() {
        let without = score(&Inputs { spo2: Some(95.0), fio2: Some(40.0), rr: Some(20.0), ..Inputs::default() });
        assert!(matches!(without.value, ScoreValue::NotApplicable { .. }));
        for bare in [made(95.0, 0.0, 20.0), made(95.0, 40.0, 0.0)] {
            assert_eq!(bare.value, ScoreValue::Incomplete { least: None, greatest: None });
        }
    }
}
