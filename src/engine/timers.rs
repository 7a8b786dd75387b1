//! Timers in the order in which they fire.
//!
//! A timer may stand earlier than what it waits for (a value came and moved the deadline): when it comes up, its owner
//! says whether something is due and, if not, when. So a value that only moves a deadline outwards costs nothing, but for
//! a timer that is about to come up: it is moved while its owner is at hand, which need not be looked up then.
//!
//! Timers for silence and for scores stand with their owners until they are due, see [`super::looks`].

use super::looks::Looks;
use crate::domain::{DeviceId, Millis, PatientId, Timestamp, VitalCode};
use std::collections::BTreeSet;

/// A timer that would come up within this time, and stands too early by more than this, is moved to where it belongs.
const MOVED_WITHIN: Millis = Millis::from_secs(2);

/// What a timer is for. The order is the order of firing at the same moment for the same series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum TimerKind {
    Stale,
    StaleClear,
    NotMeasured,
    Low,
    High,
    OfflineEnd,
    Scores,
    DeviceLostClear,
    DeviceLostLong,
    ConflictEnd,
    ClockStepEnd,
    Respond,
    PauseEnd,
    RotaChange,
    LimitsEnd,
    GatewayClear,
    DeviceAlone,
    NoWatcher,
    HandoverEnd,
    Said,
    Watchdog,
}

/// Whose timer it is. Field order is the order of firing at the same moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timer {
    pub(super) patient: Option<PatientId>,
    pub(super) device: Option<DeviceId>,
    pub(super) vital: Option<VitalCode>,
    pub(super) kind: TimerKind,
}

/// When a timer of one kind stands in the queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Armed(Option<Timestamp>);

#[derive(Debug, Clone, Default)]
pub(super) struct Timers {
    queue: BTreeSet<(Timestamp, Timer)>,
    pub(super) looks: Looks,
    /// Until when timers have been taken.
    now: Timestamp,
}

impl Timers {
    /// Makes sure that a timer comes up at `due` or before.
    pub(super) fn arm(&mut self, armed: &mut Armed, due: Option<Timestamp>, timer: impl FnOnce() -> Timer) {
        let Some(due) = due else { return };
        match armed.0 {
            Some(standing) if standing <= due && !self.is_worth_moving(standing, due) => {}
            Some(standing) => {
                let timer = timer();
                let entry = (standing, timer);
                self.queue.remove(&entry);
                self.queue.insert((due, entry.1));
                armed.0 = Some(due);
            }
            None => {
                self.queue.insert((due, timer()));
                armed.0 = Some(due);
            }
        }
    }

    /// Makes sure that a timer that stands with its owner, at a place in the ward, comes up at `due` or before. Says
    /// whether it was set.
    pub(super) fn arm_at(&mut self, place: usize, armed: &mut Armed, due: Option<Timestamp>) -> bool {
        let Some(due) = due else { return false };
        if armed.0.is_some_and(|standing| standing <= due && !self.is_worth_moving(standing, due)) {
            return false;
        }
        armed.0 = Some(due);
        self.looks.by(place, due);
        true
    }

    /// Puts off the look at a patient if it is about to come: to the `first` of the timers that stand there.
    pub(super) fn look_again(&mut self, place: usize, first: impl FnOnce() -> Option<Timestamp>) {
        if self.looks.of(place).is_some_and(|at| at.since(self.now) <= MOVED_WITHIN) {
            self.looks.set(place, first());
        }
    }

    /// Takes the first look if it comes at `now` or before, and before all timers that stand.
    pub(super) fn pop_look(&mut self, now: Timestamp) -> Option<(Timestamp, usize)> {
        let first = self.queue.first().map_or(now, |(deadline, _)| *deadline);
        self.looks.pop(now.min(first))
    }

    /// A timer that stood with its owner is due.
    pub(super) fn put(&mut self, deadline: Timestamp, timer: Timer) {
        self.queue.insert((deadline, timer));
    }

    fn is_worth_moving(&self, standing: Timestamp, due: Timestamp) -> bool {
        standing.since(self.now) <= MOVED_WITHIN && due.since(standing) > MOVED_WITHIN
    }

    /// Takes the first timer that stands at `now` or before.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        self.now = self.now.max(now);
        if self.queue.first()?.0 > now {
            return None;
        }
        self.queue.pop_first()
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        let first = self.queue.first().map(|(deadline, _)| *deadline);
        first.into_iter().chain(self.looks.next()).min()
    }
}

impl Armed {
    /// When it stands.
    pub(super) const fn at(self) -> Option<Timestamp> {
        self.0
    }

    /// To be called by the owner when its timer has come up.
    pub(super) const fn came_up(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(s: i64) -> Timestamp {
        Timestamp::from_ms(1_000 * s)
    }

    fn timer() -> Timer {
        Timer { patient: None, device: None, vital: None, kind: TimerKind::Stale }
    }

    #[test]
    fn a_timer_is_moved_to_an_earlier_time_and_to_a_later_one_only_when_it_is_about_to_come_up() {
        let (mut timers, mut armed) = (Timers::default(), Armed::default());
        let mut arm = |timers: &mut Timers, due| {
            timers.arm(&mut armed, Some(t(due)), timer);
            timers.next()
        };
        assert_eq!(timers.pop_due(t(0)), None);
        assert_eq!(arm(&mut timers, 10), Some(t(10)));
        assert_eq!(arm(&mut timers, 8), Some(t(8)), "nothing comes up too late");
        assert_eq!(arm(&mut timers, 15), Some(t(8)), "it says then that nothing is due");
        assert_eq!(timers.pop_due(t(6)), None);
        assert_eq!(arm(&mut timers, 10), Some(t(8)), "so little is not worth it");
        assert_eq!(arm(&mut timers, 16), Some(t(16)));
        assert_eq!(timers.pop_due(t(16)), Some((t(16), timer())));
        assert_eq!(timers.pop_due(t(99)), None, "it stood once");
    }
}
