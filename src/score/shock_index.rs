//! Shock index: heart rate over systolic pressure.
//!
//! Source: Allgöwer and Burri 1967; Rady et al. 1994 (0.5 to 0.7 is usual, 0.9 and more a concern).

use super::{Inputs, Made, bands::quotient};
use crate::domain::{ScoreItem, ScorePart, ScoreRisk};

/// From here on it is a concern.
pub const CONCERN: f64 = 0.9;
/// From here on it is high.
pub const HIGH: f64 = 1.0;

/// The index of these values.
#[must_use]
pub fn score(inputs: &Inputs) -> Made {
    if !inputs.adult {
        return Made::not_for("for adults");
    }
    let part = |item, value| ScorePart { item, value, points: None };
    let index = inputs.hr.zip(inputs.sbp).map(|(hr, sbp)| hr / sbp);
    quotient(vec![part(ScoreItem::Hr, inputs.hr), part(ScoreItem::Sbp, inputs.sbp)], index, |index| {
        if index >= HIGH {
            ScoreRisk::High
        } else if index >= CONCERN {
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

    #[rstest]
    #[case(89.0, 100.0, 0.89, ScoreRisk::Low)]
    #[case(90.0, 100.0, 0.9, ScoreRisk::Medium)]
    #[case(99.0, 100.0, 0.99, ScoreRisk::Medium)]
    #[case(100.0, 100.0, 1.0, ScoreRisk::High)]
    fn index(#[case] hr: f64, #[case] sbp: f64, #[case] total: f64, #[case] risk: ScoreRisk) {
        let made = score(&Inputs { hr: Some(hr), sbp: Some(sbp), adult: true, ..Inputs::default() });
        assert_eq!((made.value, made.risk), (ScoreValue::Complete { total }, Some(risk)));
    }

    #[test]
    fn no_index_without_both_or_over_nothing() {
        let open = ScoreValue::Incomplete { least: None, greatest: None };
        for inputs in [
            Inputs { hr: Some(80.0), adult: true, ..Inputs::default() },
            Inputs { hr: Some(80.0), sbp: Some(0.0), adult: true, ..Inputs::default() },
        ] {
            assert_eq!(score(&inputs).value, open);
        }
    }
}
