//! Modified Early Warning Score.
//!
//! Source: Subbe et al., QJM 2001; 94: 521. A heart rate of exactly 40 lies in none of the paper's bands; it has the points
//! of the lower one here. Values between whole numbers are rounded as charts are.

use super::{
    Inputs, Made,
    bands::{Bands, Part, REST, banded, sum, tenth, whole},
};
use crate::domain::{Consciousness, ScoreItem, ScorePart, ScoreRisk};

const RR: Bands = &[(8.0, 2), (14.0, 0), (20.0, 1), (29.0, 2), (REST, 3)];
const HR: Bands = &[(40.0, 2), (50.0, 1), (100.0, 0), (110.0, 1), (129.0, 2), (REST, 3)];
const SBP: Bands = &[(70.0, 3), (80.0, 2), (100.0, 1), (199.0, 0), (REST, 2)];
const TEMP: Bands = &[(34.9, 2), (38.4, 0), (REST, 2)];
/// Points of a patient who does not react.
const UNRESPONSIVE_POINTS: u8 = 3;
/// Least total that is critical.
pub const CRITICAL: f64 = 5.0;

/// The score of these values.
#[must_use]
pub fn score(inputs: &Inputs) -> Made {
    if !inputs.adult {
        return Made::not_for("for adults");
    }
    let conscious = inputs.consciousness.map(|level| match level {
        Consciousness::Alert => 0,
        Consciousness::Confusion | Consciousness::Voice => 1,
        Consciousness::Pain => 2,
        Consciousness::Unresponsive => UNRESPONSIVE_POINTS,
    });
    let level = inputs.consciousness.map(Consciousness::code);
    let parts = [
        banded(ScoreItem::Rr, inputs.rr.map(whole), RR),
        banded(ScoreItem::Hr, inputs.hr.map(whole), HR),
        banded(ScoreItem::Sbp, inputs.sbp.map(whole), SBP),
        banded(ScoreItem::Temp, inputs.temp.map(tenth), TEMP),
        Part {
            part: ScorePart { item: ScoreItem::Consciousness, value: level, points: conscious },
            most: UNRESPONSIVE_POINTS,
        },
    ];
    sum(&parts, |total, _| if total >= CRITICAL { ScoreRisk::High } else { ScoreRisk::Low })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ScoreValue;
    use rstest::rstest;

    fn well() -> Inputs {
        Inputs {
            rr: Some(12.0),
            hr: Some(70.0),
            sbp: Some(120.0),
            temp: Some(37.0),
            consciousness: Some(Consciousness::Alert),
            adult: true,
            ..Inputs::default()
        }
    }

    fn total(inputs: &Inputs) -> f64 {
        let ScoreValue::Complete { total } = score(inputs).value else { panic!() };
        total
    }

    #[rstest]
    #[case(&[(8.0, 2), (9.0, 0), (14.0, 0), (15.0, 1), (20.0, 1), (21.0, 2), (29.0, 2), (30.0, 3)])]
    fn rr(#[case] rows: &[(f64, u32)]) {
        for (value, expected) in rows {
            assert_eq!(total(&Inputs { rr: Some(*value), ..well() }), f64::from(*expected), "{value}");
        }
    }

    #[rstest]
    #[case(&[(39.0, 2), (40.0, 2), (41.0, 1), (50.0, 1), (51.0, 0), (100.0, 0), (101.0, 1), (110.0, 1), (111.0, 2), (129.0, 2), (130.0, 3)])]
    fn hr(#[case] rows: &[(f64, u32)]) {
        for (value, expected) in rows {
            assert_eq!(total(&Inputs { hr: Some(*value), ..well() }), f64::from(*expected), "{value}");
        }
    }

    #[rstest]
    #[case(&[(70.0, 3), (71.0, 2), (80.0, 2), (81.0, 1), (100.0, 1), (101.0, 0), (199.0, 0), (200.0, 2)])]
    fn sbp(#[case] rows: &[(f64, u32)]) {
        for (value, expected) in rows {
            assert_eq!(total(&Inputs { sbp: Some(*value), ..well() }), f64::from(*expected), "{value}");
        }
    }

    #[rstest]
    #[case(&[(34.9, 2), (35.0, 0), (38.4, 0), (38.5, 2)])]
    fn temp(#[case] rows: &[(f64, u32)]) {
        for (value, expected) in rows {
            assert_eq!(total(&Inputs { temp: Some(*value), ..well() }), f64::from(*expected), "{value}");
        }
    }

    #[test]
    fn consciousness_and_threshold() {
        for (level, expected) in Consciousness::ALL.into_iter().zip([0.0, 1.0, 1.0, 2.0, 3.0]) {
            assert_eq!(total(&Inputs { consciousness: Some(level), ..well() }), expected);
        }
        let four = Inputs { rr: Some(30.0), hr: Some(101.0), ..well() };
        assert_eq!((total(&four), score(&four).risk), (4.0, Some(ScoreRisk::Low)));
        let five = Inputs { rr: Some(30.0), hr: Some(111.0), ..well() };
        assert_eq!((total(&five), score(&five).risk), (5.0, Some(ScoreRisk::High)));
        let missing = score(&Inputs { consciousness: None, ..well() }).value;
        assert_eq!(missing, ScoreValue::Incomplete { least: Some(0.0), greatest: Some(3.0) });
    }
}
