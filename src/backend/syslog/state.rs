//! How the delivery does, for `wardwatch status` and for the standing alert.

use crate::domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};

/// How the delivery of the audit trail does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyslogStatus {
    /// The receiver.
    pub address: String,
    /// Whether it goes in plain text.
    #[serde(default)]
    pub plain: bool,
    /// The number of the next entry: all before it are delivered.
    pub next: u64,
    /// Entries of the trail.
    pub size: u64,
    /// When something was delivered last, in this run of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// Since when it fails, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<(Timestamp, String)>,
}

impl SyslogStatus {
    /// How many entries wait.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.size.saturating_sub(self.next)
    }

    /// What is told of it.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { address, plain, next, size, failing, .. } = self;
        let by = if *plain { "syslog in PLAIN TEXT" } else { "syslog" };
        let why = failing.as_ref().map(|(since, why)| format!("; NOT DELIVERED since {since}: {why}"));
        format!("audit by {by} to {address}: {next} of {size} entries delivered{}", why.unwrap_or_default())
    }
}

/// The state of the delivery; empty if no receiver is configured.
#[derive(Debug, Default)]
pub struct SyslogState(Mutex<Option<SyslogStatus>>);

impl SyslogState {
    fn change(&self, change: impl FnOnce(&mut SyslogStatus)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(change).unwrap_or_default();
    }

    pub(super) fn begin(&self, address: &str, next: u64, plain: bool) {
        let status = SyslogStatus { address: address.to_owned(), plain, next, size: next, last: None, failing: None };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
    }

    pub(super) fn delivered(&self, next: u64, now: Timestamp) {
        self.change(|status| {
            status.next = next;
            status.last = Some(now);
            status.failing = None;
        });
    }

    pub(super) fn failed(&self, why: String, now: Timestamp) {
        self.change(|status| {
            let since = status.failing.as_ref().map_or(now, |(since, _)| *since);
            status.failing = Some((since, why));
        });
    }

    /// How the delivery does, with a trail of `size` entries; `None` if there is no receiver.
    pub fn status(&self, size: u64) -> Option<SyslogStatus> {
        let status = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        status.map(|status| SyslogStatus { size, ..status })
    }
}
