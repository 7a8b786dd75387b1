//! Quick sequential organ failure assessment.
//!
//! Source: Singer et al., JAMA 2016; 315: 801 (Sepsis-3). Two of three ask for a look at organ function.

use super::{
    Inputs, Made,
    bands::{criterion, sum, whole},
};
use crate::domain::{Consciousness, ScoreItem, ScoreRisk};

/// Least respiratory rate that counts, per minute.
const RR_FROM: f64 = 22.0;
/// Greatest systolic pressure that counts, mmHg.
const SBP_UPTO: f64 = 100.0;
/// A coma score below this is an altered mind.
const GCS_BELOW: f64 = 15.0;
/// Points from which it is positive.
pub const POSITIVE: f64 = 2.0;

/// The score of these values.
#[must_use]
pub fn score(inputs: &Inputs) -> Made {
    if !inputs.adult {
        return Made::not_for("for adults");
    }
    let (rr, sbp) = (inputs.rr.map(whole), inputs.sbp.map(whole));
    let by_gcs = inputs.gcs.map(|gcs| gcs < GCS_BELOW);
    let by_level = inputs.consciousness.map(|level| level != Consciousness::Alert);
    let mind = inputs.gcs.or(inputs.consciousness.map(Consciousness::code));
    let parts = [
        criterion(ScoreItem::Rr, rr, rr.map(|rr| rr >= RR_FROM)),
        criterion(ScoreItem::Sbp, sbp, sbp.map(|sbp| sbp <= SBP_UPTO)),
        criterion(ScoreItem::Consciousness, mind, by_gcs.or(by_level)),
    ];
    sum(&parts, |total, _| if total >= POSITIVE { ScoreRisk::High } else { ScoreRisk::Low })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ScoreValue;
    use rstest::rstest;

    #[rstest]
    #[case(21.0, 101.0, Some(15.0), 0.0, ScoreRisk::Low)]
    #[case(22.0, 101.0, Some(15.0), 1.0, ScoreRisk::Low)]
    #[case(21.0, 100.0, Some(15.0), 1.0, ScoreRisk::Low)]
    #[case(21.0, 101.0, Some(14.0), 1.0, ScoreRisk::Low)]
    #[case(22.0, 100.0, Some(15.0), 2.0, ScoreRisk::High)]
    #[case(22.0, 100.0, Some(14.0), 3.0, ScoreRisk::High)]
    fn criteria(
        #[case] rr: f64,
        #[case] sbp: f64,
        #[case] gcs: Option<f64>,
        #[case] total: f64,
        #[case] risk: ScoreRisk,
    ) {
        let made = score(&Inputs { rr: Some(rr), sbp: Some(sbp), gcs, adult: true, ..Inputs::default() });
        assert_eq!((made.value, made.risk), (ScoreValue::Complete { total }, Some(risk)));
    }

    #[test]
    fn a_level_of_consciousness_stands_in_for_a_coma_score() {
        let of = |level| {
            let made = score(&Inputs {
                rr: Some(12.0),
                sbp: Some(120.0),
                consciousness: Some(level),
                adult: true,
                ..Inputs::default()
            });
            made.value
        };
        assert_eq!(of(Consciousness::Alert), ScoreValue::Complete { total: 0.0 });
        assert_eq!(of(Consciousness::Confusion), ScoreValue::Complete { total: 1.0 });
        let bare = score(&Inputs { rr: Some(30.0), adult: true, ..Inputs::default() });
        assert_eq!(bare.value, ScoreValue::Incomplete { least: Some(1.0), greatest: Some(3.0) });
    }
}
