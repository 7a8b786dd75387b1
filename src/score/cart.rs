//! Cardiac arrest risk triage.
//!
//! Source: Churpek et al., Crit Care Med 2012; 40: 2102. Vital signs and age alone.

use super::{
    Inputs, Made,
    bands::{Bands, REST, banded, sum, whole},
};
use crate::domain::{ScoreItem, ScoreRisk};

const RR: Bands = &[(20.0, 0), (23.0, 8), (25.0, 12), (29.0, 15), (REST, 22)];
const HR: Bands = &[(109.0, 0), (139.0, 4), (REST, 13)];
const DBP: Bands = &[(34.0, 13), (39.0, 6), (49.0, 4), (REST, 0)];
const AGE: Bands = &[(54.0, 0), (69.0, 4), (REST, 9)];
/// Totals above this are high.
pub const HIGH_ABOVE: f64 = 20.0;

/// The score of these values.
#[must_use]
pub fn score(inputs: &Inputs) -> Made {
    if !inputs.adult {
        return Made::not_for("for adults");
    }
    let parts = [
        banded(ScoreItem::Rr, inputs.rr.map(whole), RR),
        banded(ScoreItem::Hr, inputs.hr.map(whole), HR),
        banded(ScoreItem::Dbp, inputs.dbp.map(whole), DBP),
        banded(ScoreItem::Age, inputs.age.map(f64::from), AGE),
    ];
    sum(&parts, |total, _| if total > HIGH_ABOVE { ScoreRisk::High } else { ScoreRisk::Low })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ScoreValue;
    use rstest::rstest;

    fn well() -> Inputs {
        Inputs { rr: Some(12.0), hr: Some(80.0), dbp: Some(70.0), age: Some(40), adult: true, ..Inputs::default() }
    }

    #[rstest]
    #[case(Inputs { rr: Some(20.0), ..well() }, 0.0)]
    #[case(Inputs { rr: Some(21.0), ..well() }, 8.0)]
    #[case(Inputs { rr: Some(23.0), ..well() }, 8.0)]
    #[case(Inputs { rr: Some(24.0), ..well() }, 12.0)]
    #[case(Inputs { rr: Some(25.0), ..well() }, 12.0)]
    #[case(Inputs { rr: Some(26.0), ..well() }, 15.0)]
    #[case(Inputs { rr: Some(29.0), ..well() }, 15.0)]
    #[case(Inputs { rr: Some(30.0), ..well() }, 22.0)]
    #[case(Inputs { hr: Some(109.0), ..well() }, 0.0)]
    #[case(Inputs { hr: Some(110.0), ..well() }, 4.0)]
    #[case(Inputs { hr: Some(139.0), ..well() }, 4.0)]
    #[case(Inputs { hr: Some(140.0), ..well() }, 13.0)]
    #[case(Inputs { dbp: Some(50.0), ..well() }, 0.0)]
    #[case(Inputs { dbp: Some(49.0), ..well() }, 4.0)]
    #[case(Inputs { dbp: Some(40.0), ..well() }, 4.0)]
    #[case(Inputs { dbp: Some(39.0), ..well() }, 6.0)]
    #[case(Inputs { dbp: Some(35.0), ..well() }, 6.0)]
    #[case(Inputs { dbp: Some(34.0), ..well() }, 13.0)]
    #[case(Inputs { age: Some(54), ..well() }, 0.0)]
    #[case(Inputs { age: Some(55), ..well() }, 4.0)]
    #[case(Inputs { age: Some(69), ..well() }, 4.0)]
    #[case(Inputs { age: Some(70), ..well() }, 9.0)]
    fn points(#[case] inputs: Inputs, #[case] total: f64) {
        assert_eq!(score(&inputs).value, ScoreValue::Complete { total });
    }

    #[test]
    fn above_twenty_is_high() {
        let twenty = Inputs { rr: Some(24.0), hr: Some(110.0), age: Some(60), ..well() };
        assert_eq!(
            (score(&twenty).value, score(&twenty).risk),
            (ScoreValue::Complete { total: 20.0 }, Some(ScoreRisk::Low))
        );
        let more = Inputs { rr: Some(23.0), hr: Some(140.0), ..well() };
        assert_eq!(
            (score(&more).value, score(&more).risk),
            (ScoreValue::Complete { total: 21.0 }, Some(ScoreRisk::High))
        );
        let open = score(&Inputs { age: None, ..well() }).value;
        assert_eq!(open, ScoreValue::Incomplete { least: Some(0.0), greatest: Some(9.0) });
    }
}
