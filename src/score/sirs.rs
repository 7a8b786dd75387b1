//! Systemic inflammatory response syndrome.
//!
//! Source: Bone et al. (ACCP/SCCM), Chest 1992; 101: 1644. A respiratory rate answers its criterion without carbon dioxide, a
//! count of white cells without immature ones: where the second is known too, either may meet it.

use super::{
    Inputs, Made,
    bands::{criterion, sum, tenth, whole},
};
use crate::domain::{ScoreItem, ScoreRisk};

/// Temperatures outside this range count, °C.
const TEMP: (f64, f64) = (36.0, 38.0);
/// Heart rates above this count, per minute.
const HR_ABOVE: f64 = 90.0;
/// Respiratory rates above this count, per minute.
const RR_ABOVE: f64 = 20.0;
/// Partial pressures of carbon dioxide below this count, mmHg.
const PACO2_BELOW: f64 = 32.0;
/// White cells outside this range count, 10⁹/L.
const WBC: (f64, f64) = (4.0, 12.0);
/// Immature cells above this count, %.
const BANDS_ABOVE: f64 = 10.0;
/// Points from which the criteria are met.
pub const MET: f64 = 2.0;

/// The score of these values.
#[must_use]
pub fn score(inputs: &Inputs) -> Made {
    if !inputs.adult {
        return Made::not_for("for adults");
    }
    let (temp, hr, rr) = (inputs.temp.map(tenth), inputs.hr.map(whole), inputs.rr.map(whole));
    let breath = either(rr.map(|rr| rr > RR_ABOVE), inputs.paco2.map(|p| p < PACO2_BELOW));
    let white = either(inputs.wbc.map(|wbc| wbc > WBC.1 || wbc < WBC.0), inputs.bands.map(|bands| bands > BANDS_ABOVE));
    let parts = [
        criterion(ScoreItem::Temp, temp, temp.map(|t| t > TEMP.1 || t < TEMP.0)),
        criterion(ScoreItem::Hr, hr, hr.map(|hr| hr > HR_ABOVE)),
        criterion(ScoreItem::Rr, rr.or(inputs.paco2), breath),
        criterion(ScoreItem::WhiteCells, inputs.wbc.or(inputs.bands), white),
    ];
    sum(&parts, |total, _| if total >= MET { ScoreRisk::High } else { ScoreRisk::Low })
}

/// Met if either is; not met only if the first says so, for the second is rarely known.
const fn either(first: Option<bool>, second: Option<bool>) -> Option<bool> {
    match (first, second) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (first, _) => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ScoreValue;
    use rstest::rstest;

    fn well() -> Inputs {
        Inputs { temp: Some(37.0), hr: Some(70.0), rr: Some(14.0), wbc: Some(8.0), adult: true, ..Inputs::default() }
    }

    #[rstest]
    #[case(Inputs { temp: Some(36.0), ..well() }, 0.0)]
    #[case(Inputs { temp: Some(35.9), ..well() }, 1.0)]
    #[case(Inputs { temp: Some(38.0), ..well() }, 0.0)]
    #[case(Inputs { temp: Some(38.1), ..well() }, 1.0)]
    #[case(Inputs { hr: Some(90.0), ..well() }, 0.0)]
    #[case(Inputs { hr: Some(91.0), ..well() }, 1.0)]
    #[case(Inputs { rr: Some(20.0), ..well() }, 0.0)]
    #[case(Inputs { rr: Some(21.0), ..well() }, 1.0)]
    #[case(Inputs { paco2: Some(32.0), ..well() }, 0.0)]
    #[case(Inputs { paco2: Some(31.9), ..well() }, 1.0)]
    #[case(Inputs { wbc: Some(4.0), ..well() }, 0.0)]
    #[case(Inputs { wbc: Some(3.9), ..well() }, 1.0)]
    #[case(Inputs { wbc: Some(12.0), ..well() }, 0.0)]
    #[case(Inputs { wbc: Some(12.1), ..well() }, 1.0)]
    #[case(Inputs { bands: Some(10.0), ..well() }, 0.0)]
    #[case(Inputs { bands: Some(10.1), ..well() }, 1.0)]
    fn criteria(#[case] inputs: Inputs, #[case] total: f64) {
        assert_eq!(score(&inputs).value, ScoreValue::Complete { total });
    }

    #[test]
    fn two_criteria_meet_it_and_missing_ones_leave_it_open() {
        let two = score(&Inputs { hr: Some(91.0), rr: Some(21.0), ..well() });
        assert_eq!(two.risk, Some(ScoreRisk::High));
        assert_eq!(score(&Inputs { hr: Some(91.0), ..well() }).risk, Some(ScoreRisk::Low));
        let open = score(&Inputs { wbc: None, ..well() });
        assert_eq!(open.value, ScoreValue::Incomplete { least: Some(0.0), greatest: Some(1.0) });
        let by_bands = score(&Inputs { wbc: None, bands: Some(11.0), ..well() });
        assert_eq!(by_bands.value, ScoreValue::Complete { total: 1.0 });
        let only_carbon = score(&Inputs { rr: None, paco2: Some(40.0), ..well() });
        assert_eq!(only_carbon.value, ScoreValue::Incomplete { least: Some(0.0), greatest: Some(1.0) });
    }
}
