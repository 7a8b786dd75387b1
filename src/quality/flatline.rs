//! The same value for too long.

use crate::domain::{Millis, Timestamp, VitalCode, vital::HR};
use serde::{Deserialize, Serialize};

/// A heart rate that has been the same for this long, value after value, is marked.
pub const FLATLINE_MARKS_AFTER: Millis = Millis::from_secs(60);
/// When it has been the same for this long, a technical alert says so. In the BIDMC recordings (33 patients, 4.4 h at
/// 1 Hz) the same rate lasts for a minute 12 times, for 121 s at the longest: an alert after a minute would be noise.
pub const FLATLINE_ALERTS_AFTER: Millis = Millis::from_mins(5);
/// Values further apart than this are no run: of slow data, equal ones say nothing.
pub const RUN_GAP_MAX: Millis = Millis::from_secs(2);

/// Whether values have been the same for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flatline {
    since: Option<Timestamp>,
    marked: bool,
    raised: bool,
}

/// Whether the vital has this gate: the heart rate alone. A saturation is steady in healthy people, and so is the
/// respiratory rate on a ventilator.
#[must_use]
pub fn has_flatline(vital: VitalCode) -> bool {
    vital == HR
}

/// What became of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlatlineChange {
    /// It has lasted for [`FLATLINE_ALERTS_AFTER`].
    Began {
        /// When its first value was measured.
        since: Timestamp,
    },
    /// Another value came, or none for a while.
    Ended,
}

impl Flatline {
    /// Whether the last value belongs to a run of [`FLATLINE_MARKS_AFTER`].
    #[must_use]
    pub const fn is_flat(&self) -> bool {
        self.marked
    }

    /// A valid value: whether it is the `same` as the one before, how long after that it was measured, and when.
    pub fn value(&mut self, same: bool, gap: Option<Millis>, observed: Timestamp) -> Option<FlatlineChange> {
        let goes_on = same && gap.is_some_and(|gap| (Millis::ZERO..=RUN_GAP_MAX).contains(&gap));
        let Some(since) = self.since.filter(|_| goes_on) else {
            let ended = self.end();
            self.since = Some(observed);
            return ended;
        };
        let lasted = observed.since(since);
        self.marked = lasted >= FLATLINE_MARKS_AFTER;
        if self.raised || lasted < FLATLINE_ALERTS_AFTER {
            return None;
        }
        self.raised = true;
        Some(FlatlineChange::Began { since })
    }

    /// The value cannot be judged, or no more values come.
    pub fn end(&mut self) -> Option<FlatlineChange> {
        let was = self.raised;
        *self = Self::default();
        was.then_some(FlatlineChange::Ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Says `values` spaced by `gap`; returns since when values are marked, and what changed at which time, in ms.
    fn run(values: &[f64], gap: i64) -> (Option<i64>, Vec<(i64, FlatlineChange)>) {
        let mut flatline = Flatline::default();
        let (mut before, mut marked) = (None, None);
        let mut changes = Vec::new();
        for (value, i) in values.iter().zip(0..) {
            let since_last = before.map(|_| Millis(gap));
            let change = flatline.value(before == Some(*value), since_last, Timestamp::from_ms(i * gap));
            changes.extend(change.map(|c| (i * gap, c)));
            marked = flatline.is_flat().then(|| marked.unwrap_or(i * gap));
            before = Some(*value);
        }
        (marked, changes)
    }

    const BEGAN: FlatlineChange = FlatlineChange::Began { since: Timestamp::from_ms(0) };

    #[rstest]
    #[case::one_second_short(60, 1_000, None, None)]
    #[case::a_minute(61, 1_000, Some(60_000), None)]
    #[case::one_second_short_of_five_minutes(300, 1_000, Some(60_000), None)]
    #[case::five_minutes(301, 1_000, Some(60_000), Some(300_000))]
    #[case::told_once(900, 1_000, Some(60_000), Some(300_000))]
    #[case::four_a_second(1_201, 250, Some(60_000), Some(300_000))]
    #[case::at_the_widest_gap(151, 2_000, Some(60_000), Some(300_000))]
    #[case::beyond_the_widest_gap(900, 2_001, None, None)]
    #[case::a_value_a_minute(900, 60_000, None, None)]
    fn the_same_value_for_long(
        #[case] n: usize,
        #[case] gap: i64,
        #[case] marked: Option<i64>,
        #[case] told: Option<i64>,
    ) {
        let told: Vec<_> = told.map(|at| (at, BEGAN)).into_iter().collect();
        assert_eq!(run(&vec![80.0; n], gap), (marked, told));
    }

    #[test]
    fn another_value_ends_it_and_a_new_run_begins() {
        let mut values = vec![80.0; 310];
        values.push(81.0);
        values.extend([80.0; 301]);
        let began_again = FlatlineChange::Began { since: Timestamp::from_ms(311_000) };
        let changes = vec![(300_000, BEGAN), (310_000, FlatlineChange::Ended), (611_000, began_again)];
        assert_eq!(run(&values, 1_000), (Some(371_000), changes));
    }

    #[test]
    fn a_clock_that_was_set_back_ends_the_run() {
        let mut flatline = Flatline::default();
        flatline.value(false, None, Timestamp::from_ms(0));
        assert_eq!(flatline.value(true, Some(Millis(-1)), Timestamp::from_ms(300_000)), None);
        assert!(!flatline.is_flat());
    }

    #[test]
    fn the_heart_rate_alone_has_it() {
        use crate::domain::vital::{PULSE, RR, SPO2};
        assert_eq!([HR, PULSE, RR, SPO2].map(has_flatline), [true, false, false, false]);
    }
}
