//! Whether anybody watches the ward.

use super::{
    Engine,
    timers::{Armed, Timer, TimerKind},
};
use crate::domain::{AlertKey, ConditionCode, Event, Priority, Timestamp};
use serde::{Deserialize, Serialize};

/// What the engine knows of those who watch.
#[derive(Debug, Clone, Default)]
pub(super) struct Watching {
    pub(super) kept: WatchingKept,
    armed: Armed,
}

/// The part of it that a snapshot keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WatchingKept {
    watched: bool,
    /// Since when there have been patients whom no terminal watches.
    unwatched_since: Option<Timestamp>,
}

const fn key() -> AlertKey {
    AlertKey { patient: None, code: ConditionCode::NoWatcher, device: None }
}

impl Engine {
    /// A first terminal watches the ward, or the last one is gone.
    pub(super) fn set_watched(&mut self, watched: bool, events: &mut Vec<Event>) {
        self.watching.kept.watched = watched;
        self.judge_watching(events);
    }

    /// After a stop nobody watches until a terminal comes, and time counts from the start.
    pub(super) fn unwatched_after_stop(&mut self, events: &mut Vec<Event>) {
        self.watching.kept = WatchingKept::default();
        self.judge_watching(events);
    }

    /// Raises or ends the alert. To be called when watchers, patients or the time moved.
    pub(super) fn judge_watching(&mut self, events: &mut Vec<Event>) {
        let now = self.now;
        let kept = &mut self.watching.kept;
        let alone = !kept.watched && !self.census.stays.is_empty() && self.config.no_watcher_after.is_some();
        kept.unwatched_since = alone.then(|| kept.unwatched_since.unwrap_or(now));
        if !alone {
            self.clear_plain(&key(), events);
            return;
        }
        let open = self.alerts.contains_key(&key());
        match (self.no_watcher_due(), self.watching.kept.unwatched_since) {
            (Some(due), Some(since)) if due <= now && !open => {
                let minutes = now.since(since).as_secs() / 60;
                let detail = match minutes {
                    0 => format!("nobody has watched for {} s", now.since(since).as_secs()),
                    _ => format!("nobody has watched for {minutes} min"),
                };
                self.raise_plain(key(), Priority::Medium, since, detail, events);
            }
            _ => self.arm_watching(),
        }
    }

    fn no_watcher_due(&self) -> Option<Timestamp> {
        Some(self.watching.kept.unwatched_since? + self.config.no_watcher_after?)
    }

    pub(super) fn arm_watching(&mut self) {
        let due = self.no_watcher_due().filter(|_| !self.alerts.contains_key(&key()));
        let timer = || Timer { patient: None, device: None, vital: None, kind: TimerKind::NoWatcher };
        self.timers.arm(&mut self.watching.armed, due, timer);
    }

    pub(super) fn fire_watching(&mut self, events: &mut Vec<Event>) {
        self.watching.armed.came_up();
        self.judge_watching(events);
    }
}
