//! The alert queue: ordered by urgency, but still while a hand is on the keys.

use crate::{
    domain::{Alert, AlertId, Millis},
    protocol::WardView,
};

/// For this long after a key, nothing moves in the queue: what comes is counted and shown afterwards.
pub const QUEUE_HOLD: Millis = Millis(500);

/// The alerts in the order shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Queue {
    /// In order; an alert that ended while the queue was held still stands here.
    pub order: Vec<AlertId>,
    /// Alerts that came while the queue was held.
    pub waiting: usize,
    /// The selected alert.
    pub selected: Option<AlertId>,
}

impl Queue {
    /// Brings the queue up to date, unless it is held.
    pub(super) fn refresh(&mut self, ward: &WardView, held: bool) {
        let fresh: Vec<AlertId> = ward.by_urgency().into_iter().map(|alert| alert.id).collect();
        if held {
            self.waiting = fresh.iter().filter(|id| !self.order.contains(id)).count();
            return;
        }
        let at = self.selected.and_then(|id| self.order.iter().position(|o| *o == id));
        self.order = fresh;
        self.waiting = 0;
        let gone = self.selected.is_none_or(|id| !self.order.contains(&id));
        if gone {
            // What stands where the ended alert stood; at first, the top.
            let last = self.order.len().saturating_sub(1);
            self.selected = self.order.get(at.unwrap_or(0).min(last)).copied();
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The alerts in the order shown, a row each; what ended while the queue was held keeps its row.
    #[must_use]
    pub fn rows<'a>(&self, ward: &'a WardView) -> Vec<Option<&'a Alert>> {
        self.order.iter().map(|id| ward.alerts.get(id)).collect()
    }
}
