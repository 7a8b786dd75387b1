//! Bands of points, and sums of parts.

use super::Made;
use crate::domain::{ScoreItem, ScorePart, ScoreRisk, ScoreValue};

/// Up to which value, inclusive, how many points; the last band has no end.
pub(super) type Bands = &'static [(f64, u8)];

/// Above all that is measured.
pub(super) const REST: f64 = f64::INFINITY;

/// The points of a value.
pub(super) fn points(bands: Bands, value: f64) -> u8 {
    bands.iter().find(|(upto, _)| value <= *upto).map_or(0, |(_, points)| *points)
}

/// The most points that a part can have.
pub(super) fn most(bands: Bands) -> u8 {
    bands.iter().map(|(_, points)| *points).max().unwrap_or_default()
}

/// To whole numbers, as charts are filled in.
pub(super) fn whole(value: f64) -> f64 {
    value.round()
}

/// To one decimal, as temperatures are charted.
pub(super) fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// One part with the most points that it can have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) part: ScorePart,
    pub(super) most: u8,
}

/// A part whose value is judged by bands.
pub(super) fn banded(item: ScoreItem, value: Option<f64>, bands: Bands) -> Part {
    let part = ScorePart { item, value, points: value.map(|v| points(bands, v)) };
    Part { part, most: most(bands) }
}

/// A part that is met or not, for one point.
pub(super) const fn criterion(item: ScoreItem, value: Option<f64>, met: Option<bool>) -> Part {
    let points = match met {
        Some(met) => Some(if met { 1 } else { 0 }),
        None => None,
    };
    Part { part: ScorePart { item, value, points }, most: 1 }
}

/// The sum of parts, with bounds where some are missing. `risk` is asked with the total, or the least that it can be.
pub(super) fn sum(parts: &[Part], risk: impl FnOnce(f64, &[ScorePart]) -> ScoreRisk) -> Made {
    let least: u32 = parts.iter().filter_map(|p| p.part.points).map(u32::from).sum();
    let open: u32 = parts.iter().filter(|p| p.part.points.is_none()).map(|p| u32::from(p.most)).sum();
    let missing = parts.iter().any(|p| p.part.points.is_none());
    let parts: Vec<ScorePart> = parts.iter().map(|p| p.part).collect();
    let (least, greatest) = (f64::from(least), f64::from(least + open));
    let value = if missing {
        ScoreValue::Incomplete { least: Some(least), greatest: Some(greatest) }
    } else {
        ScoreValue::Complete { total: least }
    };
    let risk = Some(risk(least, &parts));
    Made { value, parts, risk }
}

/// A quotient of parts: none without all of them, nor over 0.
pub(super) fn quotient(parts: Vec<ScorePart>, value: Option<f64>, risk: impl FnOnce(f64) -> ScoreRisk) -> Made {
    let finite = value.filter(|v| v.is_finite());
    let value =
        finite.map_or(ScoreValue::Incomplete { least: None, greatest: None }, |total| ScoreValue::Complete { total });
    Made { value, parts, risk: finite.map(risk) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_holds_its_upper_bound() {
        const BANDS: Bands = &[(8.0, 3), (11.0, 1), (REST, 0)];
        assert_eq!([7.0, 8.0, 9.0, 11.0, 12.0].map(|v| points(BANDS, v)), [3, 3, 1, 1, 0]);
        assert_eq!(most(BANDS), 3);
    }

    #[test]
    fn charts_round() {
        assert_eq!((whole(90.4), whole(90.5), tenth(36.04), tenth(36.05)), (90.0, 91.0, 36.0, 36.1));
    }
}
