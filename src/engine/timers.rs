//! Timers in the order in which they fire.
//!
//! A timer may stand earlier than what it waits for (a value came and moved the deadline): when it comes up, its owner
//! says whether something is due and, if not, when. So a value that only moves a deadline outwards costs nothing, but for
//! a timer that is about to come up: it is moved while its owner is at hand, which need not be looked up then.

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
        self.queue.first().map(|(deadline, _)| *deadline)
    }
}

impl Armed {
    /// To be called by the owner when its timer has come up.
    pub(super) const fn came_up(&mut self) {
        self.0 = None;
    }
}
