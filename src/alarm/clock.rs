//! Whether the clock of a device is right, by what it sends.
//!
//! What counts is the newest value of each arrival: a message may bring older ones along. A clock that is wrong is wrong by
//! the same span, arrival after arrival. Data that were held back during an outage are not: they come faster than time
//! passes, so each arrival is less old than the one before.

use crate::domain::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// A clock is judged by the arrivals of at least this time.
pub const CLOCK_WINDOW: Millis = Millis::from_secs(60);
/// A clock is judged by at least this many arrivals.
pub const CLOCK_ARRIVALS_MIN: u32 = 3;
/// Ages that are further apart than this are no clock that is wrong: they are data that came late.
pub const CLOCK_SPREAD_MAX: Millis = Millis::from_secs(5);

/// How far a clock may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockBounds {
    /// Ahead of engine time by more than this is wrong.
    pub ahead: Millis,
    /// Behind engine time by more than this is wrong.
    pub behind: Millis,
}

impl Default for ClockBounds {
    fn default() -> Self {
        Self { ahead: Millis::from_secs(10), behind: Millis::from_secs(60) }
    }
}

/// What moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockOutcome {
    /// The clock is wrong: so far behind, or ahead if negative.
    Wrong(Millis),
    /// It was wrong and is right again: within half of the bounds.
    Right,
}

/// Judges one clock, window after window. Values alone move it, and no timer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockMachine {
    window: Option<Window>,
    wrong: bool,
}

/// The arrivals of a while. Ages are negative for values that are ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Window {
    began: Timestamp,
    /// The arrival that goes on, and the age of its newest value so far.
    at: Timestamp,
    newest: Millis,
    /// The arrivals before it: how many, and the least and greatest age among the newest values of each.
    arrivals: u32,
    least: Millis,
    greatest: Millis,
}

impl Window {
    const fn new(at: Timestamp, age: Millis) -> Self {
        Self { began: at, at, newest: age, arrivals: 0, least: Millis(i64::MAX), greatest: Millis(i64::MIN) }
    }

    fn end_arrival(&mut self) {
        self.arrivals = self.arrivals.saturating_add(1);
        self.least = self.least.min(self.newest);
        self.greatest = self.greatest.max(self.newest);
    }

    fn is_full(&self) -> bool {
        self.arrivals >= CLOCK_ARRIVALS_MIN && self.at.since(self.began) >= CLOCK_WINDOW
    }

    /// How wrong the clock is, if it is wrong by the same span all the time.
    fn wrong(&self, bounds: ClockBounds) -> Option<Millis> {
        if self.greatest - self.least > CLOCK_SPREAD_MAX {
            return None;
        }
        if self.least > bounds.behind {
            return Some(self.least);
        }
        (self.greatest < Millis::ZERO - bounds.ahead).then_some(self.greatest)
    }

    /// Whether the best arrival says that the clock is right.
    fn right(&self, bounds: ClockBounds) -> bool {
        let best = Millis::ZERO.clamp(self.least, self.greatest);
        best.0 <= bounds.behind.0 / 2 && best.0 >= -(bounds.ahead.0 / 2)
    }
}

impl ClockMachine {
    /// Whether the clock counts as wrong.
    #[must_use]
    pub const fn is_wrong(&self) -> bool {
        self.wrong
    }

    /// A value came at engine time `now` that the device says it measured at `observed`.
    pub fn heard(&mut self, observed: Timestamp, now: Timestamp, bounds: ClockBounds) -> Option<ClockOutcome> {
        let age = now.since(observed);
        let window = self.window.get_or_insert(Window::new(now, age));
        if window.at == now {
            window.newest = window.newest.min(age);
            return None;
        }
        window.end_arrival();
        if !window.is_full() {
            window.at = now;
            window.newest = age;
            return None;
        }
        let (wrong, right) = (window.wrong(bounds), window.right(bounds));
        self.window = Some(Window::new(now, age));
        match wrong {
            Some(by) if !self.wrong => {
                self.wrong = true;
                Some(ClockOutcome::Wrong(by))
            }
            None if self.wrong && right => {
                self.wrong = false;
                Some(ClockOutcome::Right)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const BOUNDS: ClockBounds = ClockBounds { ahead: Millis::from_secs(10), behind: Millis::from_secs(60) };

    fn t(ms: i64) -> Timestamp {
        Timestamp::from_ms(1_000_000_000 + ms)
    }

    /// Arrivals `(at, age)` in milliseconds; gives what moved, each with its time.
    fn judge(machine: &mut ClockMachine, arrivals: impl IntoIterator<Item = (i64, i64)>) -> Vec<(i64, ClockOutcome)> {
        let heard = |(at, age): (i64, i64)| Some((at, machine.heard(t(at - age), t(at), BOUNDS)?));
        arrivals.into_iter().filter_map(heard).collect()
    }

    /// One arrival a second over `[from, to)` seconds, each of the same age.
    fn steady(from: i64, to: i64, age: i64) -> impl Iterator<Item = (i64, i64)> {
        (from..to).map(move |s| (s * 1000, age))
    }

    #[rstest]
    #[case::right(0, None)]
    #[case::behind_by_the_bound(60_000, None)]
    #[case::behind_by_more(60_001, Some(60_001))]
    #[case::far_behind(86_400_000, Some(86_400_000))]
    #[case::ahead_by_the_bound(-10_000, None)]
    #[case::ahead_by_more(-10_001, Some(-10_001))]
    fn beyond_the_bounds_is_wrong(#[case] age: i64, #[case] wrong: Option<i64>) {
        let moved = judge(&mut ClockMachine::default(), steady(0, 300, age));
        let expected: Vec<_> = wrong.map(|by| (61_000, ClockOutcome::Wrong(Millis(by)))).into_iter().collect();
        assert_eq!(moved, expected, "told once, when the arrivals of a minute have been looked at");
    }

    #[rstest]
    #[case::half_of_the_bound_behind(61_000, 30_000, true)]
    #[case::more_than_half_behind(61_000, 30_001, false)]
    #[case::half_of_the_bound_ahead(-11_000, -5_000, true)]
    #[case::more_than_half_ahead(-11_000, -5_001, false)]
    fn it_ends_within_half_of_the_bounds(#[case] before: i64, #[case] after: i64, #[case] right: bool) {
        let mut machine = ClockMachine::default();
        judge(&mut machine, steady(0, 62, before));
        assert!(machine.is_wrong());
        let moved = judge(&mut machine, steady(62, 300, after));
        assert_eq!(moved.len(), usize::from(right), "{moved:?}");
        assert_eq!(machine.is_wrong(), !right);
    }

    #[rstest]
    #[case::as_far_apart_as_may_be(5_000, true)]
    #[case::further_apart(5_001, false)]
    fn ages_that_vary_are_no_clock(#[case] spread: i64, #[case] wrong: bool) {
        let arrivals = (0..100).map(|s| (s * 1000, 100_000 + if s % 2 == 0 { 0 } else { spread }));
        assert_eq!(!judge(&mut ClockMachine::default(), arrivals).is_empty(), wrong);
    }

    #[rstest]
    #[case::two_arrivals(2, 60_000, false)]
    #[case::three_within_less_than_a_minute(3, 29_999, false)]
    #[case::three_within_a_minute(3, 30_000, true)]
    fn a_few_arrivals_judge_nothing(#[case] arrivals: i64, #[case] apart: i64, #[case] wrong: bool) {
        let mut machine = ClockMachine::default();
        judge(&mut machine, (0..arrivals).map(|n| (n * apart, 100_000)));
        // The next arrival shows that the last one is complete.
        let moved = judge(&mut machine, [(arrivals * apart, 100_000)]);
        assert_eq!(moved.len(), usize::from(wrong));
    }

    #[test]
    fn a_backlog_is_no_clock() {
        // An hour was held back and drains at ten times the pace of life, then live values go on.
        let backlog = (0..400).map(|s| (s * 1000, 3_600_000 - s * 9_000));
        assert_eq!(judge(&mut ClockMachine::default(), backlog.chain(steady(400, 800, 200))), []);
        // All at once, with live values between.
        let backlog = (0..3_600).map(|n| (500 + n / 60 * 1000, 3_600_000 - n * 1000));
        let mut mixed: Vec<_> = backlog.chain(steady(0, 100, 0)).collect();
        mixed.sort_unstable();
        assert_eq!(judge(&mut ClockMachine::default(), mixed), []);
    }

    #[test]
    fn the_newest_value_of_a_message_counts() {
        // A minute of values in each message: the oldest are a minute old, and the clock is right.
        let messages = (0..10).flat_map(|m| (0..60).map(move |s| (m * 60_000, s * 1000)));
        assert_eq!(judge(&mut ClockMachine::default(), messages), []);
        // The same from a clock that is 70 s behind.
        let messages = (0..10).flat_map(|m| (0..60).map(move |s| (m * 60_000, 70_000 + s * 1000)));
        let moved = judge(&mut ClockMachine::default(), messages);
        assert_eq!(moved, [(180_000, ClockOutcome::Wrong(Millis(70_000)))]);
    }
}
