//! How old a value may be before it stops being the present.

use super::{Millis, Sampling, Timestamp};
use serde::{Deserialize, Serialize};

/// Whether a value may be taken for the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Liveness {
    /// As fresh as its sampling promises.
    Live,
    /// Overdue; shown with its age.
    Late,
    /// Too old to stand for the present; shown struck out with its age.
    Lost,
    /// Never received.
    Never,
}

/// The ages at which a value of one series becomes late and lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// Age from which the value is late.
    #[serde(rename = "late_after_ms")]
    pub late_after: Millis,
    /// Age from which the value is lost.
    #[serde(rename = "lost_after_ms")]
    pub lost_after: Millis,
}

/// The shortest time after which a value counts as lost, whatever its interval (security reference, invariant 7).
pub const LOST_AFTER_MIN: Millis = Millis::from_secs(10);
/// The shortest time after which a value counts as late.
pub const LATE_AFTER_MIN: Millis = Millis::from_secs(3);
/// An episodic value without a stated interval is late after this: the longest interval NEWS2 allows between two sets
/// for a patient who scores 1 to 4.
pub const EPISODIC_LATE_AFTER: Millis = Millis::from_mins(6 * 60);
/// An episodic value without a stated interval is lost after this: the NEWS2 minimum of one set in 12 hours.
pub const EPISODIC_LOST_AFTER: Millis = Millis::from_mins(12 * 60);
/// The interval that a continuous vital is taken to have until its device states another.
pub const CONTINUOUS_INTERVAL: Millis = Millis::from_secs(1);

impl Freshness {
    /// The ages that follow from a sampling interval: late after two intervals, lost after max(3 intervals, 10 s).
    #[must_use]
    pub fn of_interval(interval: Millis) -> Self {
        let late = (interval * 2).max(LATE_AFTER_MIN);
        let lost = (interval * 3).max(LOST_AFTER_MIN);
        Self { late_after: late, lost_after: lost }
    }

    /// The ages for a vital whose device states no interval.
    #[must_use]
    pub fn of_sampling(sampling: Sampling) -> Self {
        match sampling {
            Sampling::Continuous => Self::of_interval(CONTINUOUS_INTERVAL),
            Sampling::Episodic => Self { late_after: EPISODIC_LATE_AFTER, lost_after: EPISODIC_LOST_AFTER },
        }
    }

    /// The liveness at `now` of a value observed at `observed_at`.
    #[must_use]
    pub fn liveness(self, observed_at: Timestamp, now: Timestamp) -> Liveness {
        let age = now.since(observed_at);
        if age < self.late_after {
            Liveness::Live
        } else if age < self.lost_after {
            Liveness::Late
        } else {
            Liveness::Lost
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(1, 0, Liveness::Live)]
    #[case(1, 2_999, Liveness::Live)]
    #[case(1, 3_000, Liveness::Late)]
    #[case(1, 9_999, Liveness::Late)]
    #[case(1, 10_000, Liveness::Lost)]
    #[case(60, 119_999, Liveness::Live)]
    #[case(60, 120_000, Liveness::Late)]
    #[case(60, 179_999, Liveness::Late)]
    #[case(60, 180_000, Liveness::Lost)]
    #[case(60, -5_000, Liveness::Live)]
    fn ages_turn_at_their_bounds(#[case] interval_s: i64, #[case] age_ms: i64, #[case] expected: Liveness) {
        let t = Timestamp::from_ms(1_000_000_000);
        let freshness = Freshness::of_interval(Millis::from_secs(interval_s));
        assert_eq!(freshness.liveness(t, t + Millis(age_ms)), expected);
    }
}
