//! National Early Warning Score 2.
//!
//! Source: Royal College of Physicians, National Early Warning Score (NEWS) 2, London 2017, chart 1 (points), charts 2 and 4
//! (thresholds and response). Not for patients under 16, nor in pregnancy.

use super::{
    Inputs, Made,
    bands::{Bands, Part, REST, banded, sum, tenth, whole},
};
use crate::domain::{Consciousness, ScoreItem, ScorePart, ScoreRisk, Spo2Scale};

/// Youngest age that it was made for, in years.
pub const AGE_MIN: u32 = 16;

const RR: Bands = &[(8.0, 3), (11.0, 1), (20.0, 0), (24.0, 2), (REST, 3)];
const SPO2_SCALE_1: Bands = &[(91.0, 3), (93.0, 2), (95.0, 1), (REST, 0)];
const SPO2_SCALE_2_AIR: Bands = &[(83.0, 3), (85.0, 2), (87.0, 1), (REST, 0)];
const SPO2_SCALE_2_OXYGEN: Bands = &[(83.0, 3), (85.0, 2), (87.0, 1), (92.0, 0), (94.0, 1), (96.0, 2), (REST, 3)];
const SBP: Bands = &[(90.0, 3), (100.0, 2), (110.0, 1), (219.0, 0), (REST, 3)];
const PULSE: Bands = &[(40.0, 3), (50.0, 1), (90.0, 0), (110.0, 1), (130.0, 2), (REST, 3)];
const TEMP: Bands = &[(35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (REST, 2)];
/// Points of oxygen.
const OXYGEN_POINTS: u8 = 2;
/// Points of anything but alert.
const NOT_ALERT_POINTS: u8 = 3;
/// Least total of an urgent response.
pub const URGENT: f64 = 5.0;
/// Least total of an emergency response.
pub const EMERGENCY: f64 = 7.0;
/// Points of a single part that ask for an urgent review by a ward doctor.
const SINGLE: u8 = 3;

/// The score of these values.
#[must_use]
pub fn score(inputs: &Inputs) -> Made {
    if let Some(why) = not_for(inputs) {
        return Made::not_for(why);
    }
    let oxygen = inputs.oxygen.map(|given| if given { OXYGEN_POINTS } else { 0 });
    let conscious = inputs.consciousness.map(|c| if c == Consciousness::Alert { 0 } else { NOT_ALERT_POINTS });
    let flag = |given: bool| if given { 1.0 } else { 0.0 };
    let parts = [
        banded(ScoreItem::Rr, inputs.rr.map(whole), RR),
        saturation(inputs),
        plain(ScoreItem::Oxygen, inputs.oxygen.map(flag), oxygen, OXYGEN_POINTS),
        banded(ScoreItem::Sbp, inputs.sbp.map(whole), SBP),
        banded(ScoreItem::Hr, inputs.hr.map(whole), PULSE),
        plain(ScoreItem::Consciousness, inputs.consciousness.map(Consciousness::code), conscious, NOT_ALERT_POINTS),
        banded(ScoreItem::Temp, inputs.temp.map(tenth), TEMP),
    ];
    sum(&parts, risk)
}

const fn plain(item: ScoreItem, value: Option<f64>, points: Option<u8>, most: u8) -> Part {
    Part { part: ScorePart { item, value, points }, most }
}

/// Whom it was not made for.
fn not_for(inputs: &Inputs) -> Option<&'static str> {
    if !inputs.adult || inputs.age.is_some_and(|age| age < AGE_MIN) {
        Some("not under 16 years")
    } else if inputs.pregnant == Some(true) {
        Some("not in pregnancy")
    } else {
        None
    }
}

/// The saturation by its scale. On scale 2 a high saturation has points only with oxygen: without knowing of oxygen it is
/// missing.
fn saturation(inputs: &Inputs) -> Part {
    let value = inputs.spo2.map(whole);
    match (inputs.scale, inputs.oxygen) {
        (Spo2Scale::One, _) => banded(ScoreItem::Spo2, value, SPO2_SCALE_1),
        (Spo2Scale::Two, Some(false)) => banded(ScoreItem::Spo2, value, SPO2_SCALE_2_AIR),
        (Spo2Scale::Two, Some(true)) => banded(ScoreItem::Spo2, value, SPO2_SCALE_2_OXYGEN),
        (Spo2Scale::Two, None) => {
            let on_oxygen = banded(ScoreItem::Spo2, value, SPO2_SCALE_2_OXYGEN);
            let on_air = banded(ScoreItem::Spo2, value, SPO2_SCALE_2_AIR);
            if on_oxygen.part.points == on_air.part.points {
                on_air
            } else {
                plain(ScoreItem::Spo2, None, None, on_oxygen.most)
            }
        }
    }
}

/// The clinical risk: 7 and more high; 5 and 6 medium; a 3 in one part low-medium; else low.
fn risk(total: f64, parts: &[ScorePart]) -> ScoreRisk {
    if total >= EMERGENCY {
        ScoreRisk::High
    } else if total >= URGENT {
        ScoreRisk::Medium
    } else if has_single(parts) {
        ScoreRisk::LowMedium
    } else {
        ScoreRisk::Low
    }
}

/// Whether one part alone has 3 points.
#[must_use]
pub fn has_single(parts: &[ScorePart]) -> bool {
    parts.iter().any(|p| p.points == Some(SINGLE))
}

/// How often observations are wanted at the least (chart 4).
#[must_use]
pub fn monitoring(total: f64, parts: &[ScorePart]) -> &'static str {
    match risk(total, parts) {
        ScoreRisk::High => "continuous",
        ScoreRisk::Medium | ScoreRisk::LowMedium => "min 1-hourly",
        ScoreRisk::Low if total >= 1.0 => "min 4-6-hourly",
        ScoreRisk::Low => "min 12-hourly",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ScoreValue;
    use rstest::rstest;

    fn well() -> Inputs {
        Inputs {
            rr: Some(16.0),
            spo2: Some(98.0),
            oxygen: Some(false),
            sbp: Some(120.0),
            hr: Some(70.0),
            consciousness: Some(Consciousness::Alert),
            temp: Some(37.0),
            adult: true,
            ..Inputs::default()
        }
    }

    fn points(made: &Made, item: ScoreItem) -> Option<u8> {
        made.parts.iter().find(|p| p.item == item).unwrap().points
    }

    #[rstest]
    #[case(8.0, 3)]
    #[case(9.0, 1)]
    #[case(11.0, 1)]
    #[case(12.0, 0)]
    #[case(20.0, 0)]
    #[case(21.0, 2)]
    #[case(24.0, 2)]
    #[case(25.0, 3)]
    fn rr(#[case] value: f64, #[case] expected: u8) {
        assert_eq!(points(&score(&Inputs { rr: Some(value), ..well() }), ScoreItem::Rr), Some(expected));
    }

    #[rstest]
    #[case(91.0, 3)]
    #[case(92.0, 2)]
    #[case(93.0, 2)]
    #[case(94.0, 1)]
    #[case(95.0, 1)]
    #[case(96.0, 0)]
    fn spo2_on_scale_1(#[case] value: f64, #[case] expected: u8) {
        assert_eq!(points(&score(&Inputs { spo2: Some(value), ..well() }), ScoreItem::Spo2), Some(expected));
    }

    #[rstest]
    #[case(83.0, 3, 3)]
    #[case(84.0, 2, 2)]
    #[case(85.0, 2, 2)]
    #[case(86.0, 1, 1)]
    #[case(87.0, 1, 1)]
    #[case(88.0, 0, 0)]
    #[case(92.0, 0, 0)]
    #[case(93.0, 0, 1)]
    #[case(94.0, 0, 1)]
    #[case(95.0, 0, 2)]
    #[case(96.0, 0, 2)]
    #[case(97.0, 0, 3)]
    #[case(100.0, 0, 3)]
    fn spo2_on_scale_2(#[case] value: f64, #[case] on_air: u8, #[case] on_oxygen: u8) {
        let of = |oxygen| Inputs { spo2: Some(value), scale: Spo2Scale::Two, oxygen, ..well() };
        assert_eq!(points(&score(&of(Some(false))), ScoreItem::Spo2), Some(on_air));
        assert_eq!(points(&score(&of(Some(true))), ScoreItem::Spo2), Some(on_oxygen));
        let unknown = (on_air == on_oxygen).then_some(on_air);
        assert_eq!(points(&score(&of(None)), ScoreItem::Spo2), unknown, "without knowing of oxygen");
    }

    #[rstest]
    #[case(90.0, 3)]
    #[case(91.0, 2)]
    #[case(100.0, 2)]
    #[case(101.0, 1)]
    #[case(110.0, 1)]
    #[case(111.0, 0)]
    #[case(219.0, 0)]
    #[case(220.0, 3)]
    fn sbp(#[case] value: f64, #[case] expected: u8) {
        assert_eq!(points(&score(&Inputs { sbp: Some(value), ..well() }), ScoreItem::Sbp), Some(expected));
    }

    #[rstest]
    #[case(40.0, 3)]
    #[case(41.0, 1)]
    #[case(50.0, 1)]
    #[case(51.0, 0)]
    #[case(90.0, 0)]
    #[case(91.0, 1)]
    #[case(110.0, 1)]
    #[case(111.0, 2)]
    #[case(130.0, 2)]
    #[case(131.0, 3)]
    fn pulse(#[case] value: f64, #[case] expected: u8) {
        assert_eq!(points(&score(&Inputs { hr: Some(value), ..well() }), ScoreItem::Hr), Some(expected));
    }

    #[rstest]
    #[case(35.0, 3)]
    #[case(35.04, 3)]
    #[case(35.1, 1)]
    #[case(36.0, 1)]
    #[case(36.1, 0)]
    #[case(38.0, 0)]
    #[case(38.1, 1)]
    #[case(39.0, 1)]
    #[case(39.1, 2)]
    fn temp(#[case] value: f64, #[case] expected: u8) {
        assert_eq!(points(&score(&Inputs { temp: Some(value), ..well() }), ScoreItem::Temp), Some(expected));
    }

    #[test]
    fn consciousness_and_oxygen() {
        for (level, expected) in Consciousness::ALL.into_iter().zip([0, 3, 3, 3, 3]) {
            let made = score(&Inputs { consciousness: Some(level), ..well() });
            assert_eq!(points(&made, ScoreItem::Consciousness), Some(expected));
        }
        assert_eq!(points(&score(&Inputs { oxygen: Some(true), ..well() }), ScoreItem::Oxygen), Some(2));
        assert_eq!(points(&score(&well()), ScoreItem::Oxygen), Some(0));
    }

    #[rstest]
    #[case(&[], ScoreRisk::Low, "min 12-hourly")]
    #[case(&[1], ScoreRisk::Low, "min 4-6-hourly")]
    #[case(&[2, 2], ScoreRisk::Low, "min 4-6-hourly")]
    #[case(&[3], ScoreRisk::LowMedium, "min 1-hourly")]
    #[case(&[3, 1], ScoreRisk::LowMedium, "min 1-hourly")]
    #[case(&[2, 2, 1], ScoreRisk::Medium, "min 1-hourly")]
    #[case(&[2, 2, 2], ScoreRisk::Medium, "min 1-hourly")]
    #[case(&[3, 3], ScoreRisk::Medium, "min 1-hourly")]
    #[case(&[2, 2, 2, 1], ScoreRisk::High, "continuous")]
    fn risk_and_response(#[case] parts: &[u8], #[case] expected: ScoreRisk, #[case] wanted: &str) {
        let total = parts.iter().map(|p| f64::from(*p)).sum();
        let part = |points: &u8| ScorePart { item: ScoreItem::Rr, value: None, points: Some(*points) };
        let parts: Vec<ScorePart> = parts.iter().map(part).collect();
        assert_eq!((risk(total, &parts), monitoring(total, &parts)), (expected, wanted));
    }

    #[test]
    fn missing_is_never_zero() {
        let made = score(&Inputs { consciousness: None, oxygen: None, rr: Some(22.0), ..well() });
        assert_eq!(made.value, ScoreValue::Incomplete { least: Some(2.0), greatest: Some(7.0) });
        assert_eq!(
            score(&Inputs { adult: true, ..Inputs::default() }).value,
            ScoreValue::Incomplete { least: Some(0.0), greatest: Some(20.0) }
        );
    }

    #[test]
    fn it_is_not_for_children_nor_in_pregnancy() {
        let why = |inputs: Inputs| match score(&inputs).value {
            ScoreValue::NotApplicable { why } => Some(why),
            _ => None,
        };
        assert_eq!(why(Inputs { age: Some(15), ..well() }).as_deref(), Some("not under 16 years"));
        assert_eq!(why(Inputs { adult: false, ..well() }).as_deref(), Some("not under 16 years"));
        assert_eq!(why(Inputs { pregnant: Some(true), ..well() }).as_deref(), Some("not in pregnancy"));
        assert_eq!(why(Inputs { age: Some(16), pregnant: Some(false), ..well() }), None);
    }
}
