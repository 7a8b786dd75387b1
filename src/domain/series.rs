//! A series of values with explicit gaps, for sparklines and trends.

use super::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// What is known of a vital within one slice of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrendPoint {
    /// Start of the slice.
    pub at: Timestamp,
    /// Least valid value in the slice.
    pub min: f64,
    /// Greatest valid value in the slice.
    pub max: f64,
    /// Mean of the valid values in the slice.
    pub mean: f64,
    /// How many valid values the slice has; never 0.
    pub count: u32,
}

/// Slices of equal length from `from` on; a slice without a valid value is a gap and has no point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// Start of the first slice.
    pub from: Timestamp,
    /// Length of a slice.
    #[serde(rename = "step_ms")]
    pub step: Millis,
    /// Number of slices.
    pub slices: u32,
    /// Points in order of time, at most one per slice.
    pub points: Vec<TrendPoint>,
}

/// Most slices of one trend.
pub const TREND_SLICES_MAX: u32 = 2_000;

impl Trend {
    /// An empty trend over `[from, to)` in `slices` slices (at least 1, at most [`TREND_SLICES_MAX`]).
    #[must_use]
    pub fn new(from: Timestamp, to: Timestamp, slices: u32) -> Self {
        let slices = slices.clamp(1, TREND_SLICES_MAX);
        let span = to.since(from).0.max(1);
        let step = Millis((span + i64::from(slices) - 1) / i64::from(slices));
        Self { from, step, slices, points: Vec::new() }
    }

    /// The end of the last slice.
    #[must_use]
    pub fn to(&self) -> Timestamp {
        self.from + self.step * i64::from(self.slices)
    }

    /// Adds a valid value. Values of one slice must come together; slices in order of time.
    pub fn add(&mut self, at: Timestamp, value: f64) {
        if at < self.from || at >= self.to() {
            return;
        }
        let slice = at.since(self.from).0 / self.step.0.max(1);
        let start = self.from + self.step * slice;
        match self.points.last_mut() {
            Some(point) if point.at == start => {
                point.min = point.min.min(value);
                point.max = point.max.max(value);
                point.count += 1;
                point.mean += (value - point.mean) / f64::from(point.count);
            }
            _ => self.points.push(TrendPoint { at: start, min: value, max: value, mean: value, count: 1 }),
        }
    }

    /// The slices in order, gaps as `None`.
    pub fn slots(&self) -> impl Iterator<Item = Option<&TrendPoint>> {
        let mut rest = self.points.as_slice();
        (0..i64::from(self.slices)).map(move |slice| {
            let start = self.from + self.step * slice;
            match rest.split_first() {
                Some((point, tail)) if point.at == start => {
                    rest = tail;
                    Some(point)
                }
                _ => None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    #[test]
    fn a_missing_slice_is_a_gap() {
        let mut trend = Trend::new(at(0), at(4_000), 4);
        for (ms, value) in [(0, 90.0), (500, 92.0), (3_100, 80.0), (9_000, 1.0), (-5, 1.0)] {
            trend.add(at(ms), value);
        }
        let slots: Vec<Option<(f64, f64, f64)>> = trend.slots().map(|s| s.map(|p| (p.min, p.max, p.mean))).collect();
        assert_eq!(slots, [Some((90.0, 92.0, 91.0)), None, None, Some((80.0, 80.0, 80.0))]);
    }

    proptest! {
        #[test]
        fn counts_and_bounds_hold(mut offsets in prop::collection::vec(0_i64..10_000, 0..200), slices in 1_u32..50) {
            offsets.sort_unstable();
            let mut trend = Trend::new(at(0), at(10_000), slices);
            for (value, ms) in offsets.iter().enumerate() {
                trend.add(at(*ms), f64::from(u32::try_from(value).unwrap()));
            }
            prop_assert_eq!(trend.points.iter().map(|p| p.count as usize).sum::<usize>(), offsets.len());
            prop_assert!(trend.points.iter().all(|p| p.min <= p.mean && p.mean <= p.max));
            prop_assert_eq!(trend.slots().count(), slices as usize);
            prop_assert_eq!(trend.slots().flatten().count(), trend.points.len());
        }
    }
}
