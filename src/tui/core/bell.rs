//! When the bell sounds. A terminal's bell is not an alarm device, and the screen says so.

use crate::{
    domain::{AlertId, Millis, Priority},
    protocol::WardView,
};
use std::collections::BTreeSet;

/// Time between two sounds while a high alert is not acknowledged, or the link is lost for long.
pub const BELL_REPEAT: Millis = Millis::from_secs(10);

/// Which alerts have sounded, and when it sounded last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bell {
    rung: BTreeSet<AlertId>,
    last: Option<Millis>,
}

impl Bell {
    /// Whether it has to sound now: a high alert is new, or one that no pause makes quiet has been waiting for [`BELL_REPEAT`], or `link_lost`.
    pub(super) fn is_due(&mut self, ward: Option<&WardView>, link_lost: bool, now: Millis) -> bool {
        let urgent: BTreeSet<AlertId> = ward
            .into_iter()
            .flat_map(|w| w.alerts.values())
            .filter(|a| a.is_audible() && a.priority == Priority::High)
            .map(|a| a.id)
            .collect();
        let new = urgent.iter().any(|id| !self.rung.contains(id));
        let waiting = !urgent.is_empty() || link_lost;
        let again = waiting && self.last.is_none_or(|last| now - last >= BELL_REPEAT);
        self.rung = urgent;
        if new || again {
            self.last = Some(now);
        }
        if !waiting {
            self.last = None;
        }
        new || again
    }

    /// When it has to sound next if nothing changes.
    #[must_use]
    pub fn next(&self) -> Option<Millis> {
        self.last.map(|last| last + BELL_REPEAT)
    }
}
