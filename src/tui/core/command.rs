//! What was asked of the server and is not answered yet.

use crate::domain::{AlertId, Millis};
use std::collections::BTreeMap;

/// A command that is not answered within this time is told to be open: nobody knows whether it was done.
pub const COMMAND_TIMEOUT: Millis = Millis::from_secs(5);

/// Commands under way. Numbers are not used twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Commands {
    next: u64,
    open: BTreeMap<u64, (AlertId, Millis)>,
}

impl Commands {
    /// A new number for a request.
    pub(super) const fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A new number for an acknowledgement.
    pub(super) fn begin(&mut self, alert: AlertId, now: Millis) -> u64 {
        let id = self.number();
        self.open.insert(id, (alert, now));
        id
    }

    /// The alert that an answered command was about.
    pub(super) fn end(&mut self, id: u64) -> Option<AlertId> {
        self.open.remove(&id).map(|(alert, _)| alert)
    }

    /// Whether an acknowledgement of the alert is under way.
    pub(super) fn is_open(&self, alert: AlertId) -> bool {
        self.open.values().any(|(open, _)| *open == alert)
    }

    /// Takes out a command that was not answered in time.
    pub(super) fn overdue(&mut self, now: Millis) -> Option<AlertId> {
        let id = self.open.iter().find(|(_, (_, at))| now - *at >= COMMAND_TIMEOUT).map(|(id, _)| *id)?;
        self.end(id)
    }

    /// Takes out all: the link they went over is gone. Tells whether there were any.
    pub(super) fn lose(&mut self) -> bool {
        let any = !self.open.is_empty();
        self.open.clear();
        any
    }
}
