//! The condition layer of a technical alarm: something is so or not so, with a delay on either way.

use super::resting::{Resting, Rests};
use crate::domain::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// What became of the condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TechnicalOutcome {
    /// It lasted for its delay.
    Raised {
        /// When it began, by the device's clock.
        since: Timestamp,
    },
    /// It is over.
    Cleared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum Phase {
    #[default]
    Absent,
    Pending(Timestamp),
    Present,
}

/// How long a technical condition must last, and how long it must be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TechnicalDelays {
    /// Until it is raised.
    pub raise: Millis,
    /// Until it is cleared.
    pub clear: Millis,
}

/// A technical condition of one series or device. Delays count as in [`super::machine`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct TechnicalMachine(Resting<Course>);

impl TechnicalMachine {
    /// When [`TechnicalMachine::fire`] is to be called if nothing is said before.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        self.0.get()?.due
    }

    /// Whether it is raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.get().is_some_and(|course| course.phase == Phase::Present)
    }

    /// Says whether it is so: `observed` by the device's clock, `at` in engine time.
    pub fn say(
        &mut self,
        so: bool,
        delays: TechnicalDelays,
        observed: Timestamp,
        at: Timestamp,
    ) -> Option<TechnicalOutcome> {
        // Most of what is said is that all is well still: nothing is made for it.
        if !so && self.0.get().is_none() {
            return None;
        }
        self.0.change(|course| course.say(so, delays, observed, at))
    }

    /// What was due at `deadline` happens, the last word standing.
    pub fn fire(&mut self, delays: TechnicalDelays, deadline: Timestamp) -> Option<TechnicalOutcome> {
        self.0.change(|course| course.fire(delays, deadline))
    }

    /// Nothing is known any more: an open wait is dropped, what is raised stays raised until it is said to be over.
    pub fn suspend(&mut self) {
        self.0.change(Course::suspend);
    }

    /// Ends it at once; tells whether it was raised.
    pub fn end(&mut self) -> bool {
        let was = self.is_raised();
        *self = Self::default();
        was
    }

    /// The clock of the device was set by this much: what counts in its time is moved along.
    pub fn shift(&mut self, by: Millis) {
        self.0.change(|course| course.shift(by));
    }
}

/// What a machine keeps while something goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
struct Course {
    phase: Phase,
    over_since: Option<Timestamp>,
    last_observed: Timestamp,
    last_at: Timestamp,
    due: Option<Timestamp>,
}

impl Rests for Course {
    fn rests(&self) -> bool {
        self.phase == Phase::Absent
    }
}

impl Course {
    fn say(
        &mut self,
        so: bool,
        delays: TechnicalDelays,
        observed: Timestamp,
        at: Timestamp,
    ) -> Option<TechnicalOutcome> {
        if !so && self.phase == Phase::Absent {
            return None;
        }
        self.last_observed = observed;
        self.last_at = at;
        if so {
            self.over_since = None;
            if self.phase == Phase::Absent {
                self.phase = Phase::Pending(observed);
            }
        } else if matches!(self.phase, Phase::Pending(_)) {
            *self = Self::default();
        } else {
            // The clock of a device that was ahead may have been set back.
            self.over_since = Some(self.over_since.map_or(observed, |since| since.min(observed)));
        }
        self.settle(delays)
    }

    fn fire(&mut self, delays: TechnicalDelays, deadline: Timestamp) -> Option<TechnicalOutcome> {
        if self.due.is_none_or(|due| due > deadline) {
            return None;
        }
        self.last_observed = self.last_observed + deadline.since(self.last_at);
        self.last_at = deadline;
        self.settle(delays)
    }

    const fn suspend(&mut self) {
        if matches!(self.phase, Phase::Pending(_)) {
            self.phase = Phase::Absent;
        }
        self.over_since = None;
        self.due = None;
    }

    fn shift(&mut self, by: Millis) {
        if let Phase::Pending(since) = &mut self.phase {
            *since = *since + by;
        }
        self.over_since = self.over_since.map(|since| since + by);
        self.last_observed = self.last_observed + by;
    }

    fn settle(&mut self, delays: TechnicalDelays) -> Option<TechnicalOutcome> {
        self.due = None;
        let passed = |machine: &Self, since: Timestamp| machine.last_observed.since(since);
        match (self.phase, self.over_since) {
            (Phase::Pending(since), _) if passed(self, since) >= delays.raise => {
                self.phase = Phase::Present;
                Some(TechnicalOutcome::Raised { since })
            }
            (Phase::Pending(since), _) => {
                self.due = Some(self.last_at + (delays.raise - passed(self, since)));
                None
            }
            (Phase::Present, Some(since)) if passed(self, since) >= delays.clear => {
                *self = Self::default();
                Some(TechnicalOutcome::Cleared)
            }
            (Phase::Present, Some(since)) => {
                self.due = Some(self.last_at + (delays.clear - passed(self, since)));
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DELAYS: TechnicalDelays = TechnicalDelays { raise: Millis(5_000), clear: Millis(5_000) };

    fn t(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    #[test]
    fn one_zero_minute_is_one_episode() {
        let mut machine = TechnicalMachine::default();
        assert_eq!(machine.say(true, DELAYS, t(0), t(0)), None);
        assert_eq!(machine.due(), Some(t(5_000)));
        assert_eq!(machine.fire(DELAYS, t(5_000)), Some(TechnicalOutcome::Raised { since: t(0) }));
        assert_eq!(machine.say(false, DELAYS, t(60_000), t(60_000)), None);
        assert_eq!(machine.due(), Some(t(65_000)));
        assert_eq!(machine.fire(DELAYS, t(65_000)), Some(TechnicalOutcome::Cleared));
        assert_eq!(machine, TechnicalMachine::default());
    }

    #[test]
    fn nothing_fires_before_it_is_due_and_what_is_overdue_does() {
        let mut machine = TechnicalMachine::default();
        machine.say(true, DELAYS, t(0), t(0));
        assert_eq!(machine.fire(DELAYS, t(4_999)), None);
        assert_eq!(machine.due(), Some(t(5_000)));
        assert_eq!(machine.fire(DELAYS, t(9_000)), Some(TechnicalOutcome::Raised { since: t(0) }));
    }

    #[test]
    fn a_flicker_raises_nothing() {
        let mut machine = TechnicalMachine::default();
        for second in 0..60 {
            assert_eq!(machine.say(second % 3 == 0, DELAYS, t(second * 1000), t(second * 1000)), None);
        }
    }

    #[test]
    fn a_backlog_is_judged_by_its_own_times() {
        let mut machine = TechnicalMachine::default();
        let arrival = t(100_000);
        assert_eq!(machine.say(true, DELAYS, t(0), arrival), None);
        assert_eq!(machine.say(true, DELAYS, t(4_000), arrival), None);
        assert_eq!(machine.due(), Some(t(101_000)), "only the rest of the delay runs in engine time");
        let raised = machine.say(true, DELAYS, t(5_000), arrival);
        assert_eq!(raised, Some(TechnicalOutcome::Raised { since: t(0) }));
    }

    #[test]
    fn a_lapse_of_the_fault_shorter_than_its_clear_delay_is_the_same_episode() {
        let mut machine = TechnicalMachine::default();
        machine.say(true, DELAYS, t(0), t(0));
        machine.fire(DELAYS, t(5_000));
        assert_eq!(machine.say(false, DELAYS, t(6_000), t(6_000)), None);
        assert_eq!(machine.say(true, DELAYS, t(9_000), t(9_000)), None);
        assert_eq!(machine.due(), None);
        assert!(machine.is_raised());
    }

    proptest! {
        /// What is let go of while a machine rests changes no answer.
        #[test]
        fn a_machine_that_has_rested_is_as_good_as_one_that_never_does(steps in prop::collection::vec(
            (0_u8..6, any::<bool>(), 0_i64..8_000), 0..300))
        {
            let (mut kept, mut machine) = (Course::default(), TechnicalMachine::default());
            let mut now = t(0);
            for (act, so, span) in steps {
                now = now + Millis(span);
                let (wanted, said) = match act {
                    0 => (kept.fire(DELAYS, now), machine.fire(DELAYS, now)),
                    1 => {
                        kept.suspend();
                        machine.suspend();
                        (None, None)
                    }
                    2 => {
                        kept.shift(Millis(-span));
                        machine.shift(Millis(-span));
                        (None, None)
                    }
                    _ => (kept.say(so, DELAYS, now, now), machine.say(so, DELAYS, now, now)),
                };
                prop_assert_eq!(said, wanted);
                prop_assert_eq!((machine.due(), machine.is_raised()), (kept.due, kept.phase == Phase::Present));
            }
        }
    }
}
