//! What was asked of the server and is not answered yet.

use crate::{
    domain::{Alert, AlertId, Millis, Signal},
    protocol::WardView,
    tui::words,
};
use std::collections::BTreeMap;

/// A command that is not answered within this time is told to be open: nobody knows whether it was done.
pub const COMMAND_TIMEOUT: Millis = Millis::from_secs(5);

/// An acknowledgement, with what people call the alert: it may be gone when the answer comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    alert: AlertId,
    at: Millis,
    bed: String,
    name: String,
    condition: String,
    /// Whether the condition was over and only the signal stood.
    latched: bool,
}

impl Asked {
    pub(super) fn new(id: AlertId, alert: Option<(&Alert, &WardView)>, now: Millis) -> Self {
        let mut asked = Self {
            alert: id,
            at: now,
            bed: String::new(),
            name: String::new(),
            condition: format!("alert {id}"),
            latched: false,
        };
        if let Some((alert, ward)) = alert {
            words::bed_of(alert, ward).clone_into(&mut asked.bed);
            let name = words::name_of(ward, alert.key.patient.as_ref());
            // The family name is enough beside the bed.
            name.split(',').next().unwrap_or(name).clone_into(&mut asked.name);
            asked.condition = words::condition(alert, ward);
            asked.latched = alert.signal == Signal::Latch;
        }
        asked
    }

    /// What it was about: `12-07 Horvat: NBPs 187 > 160`.
    pub(super) fn about(&self, with_name: bool) -> String {
        let name = if with_name { self.name.as_str() } else { "" };
        let place = format!("{} {name}", self.bed);
        match place.trim() {
            "" => self.condition.clone(),
            place => format!("{place}: {}", self.condition),
        }
    }

    /// What was done once the server has agreed.
    pub(super) const fn done(&self) -> &'static str {
        if self.latched { "seen and reset" } else { "acknowledged" }
    }
}

/// Commands under way. Numbers are not used twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Commands {
    next: u64,
    open: BTreeMap<u64, Asked>,
}

impl Commands {
    /// A new number for a request.
    pub(super) const fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A new number for an acknowledgement.
    pub(super) fn begin(&mut self, asked: Asked) -> u64 {
        let id = self.number();
        self.open.insert(id, asked);
        id
    }

    /// What an answered command was about.
    pub(super) fn end(&mut self, id: u64) -> Option<Asked> {
        self.open.remove(&id)
    }

    /// Whether an acknowledgement of the alert is under way.
    pub(super) fn is_open(&self, alert: AlertId) -> bool {
        self.open.values().any(|asked| asked.alert == alert)
    }

    /// Takes out a command that was not answered in time.
    pub(super) fn overdue(&mut self, now: Millis) -> Option<Asked> {
        let id = self.open.iter().find(|(_, asked)| now - asked.at >= COMMAND_TIMEOUT).map(|(id, _)| *id)?;
        self.end(id)
    }

    /// Takes out all: the link they went over is gone.
    pub(super) fn lose(&mut self) -> Vec<Asked> {
        std::mem::take(&mut self.open).into_values().collect()
    }
}
