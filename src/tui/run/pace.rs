//! When the next frame is drawn.

use crate::{
    client::{ClientEvent, TrailStanding},
    domain::Millis,
};

/// Shortest time between two frames that show nothing but newer values.
pub const DATA_FRAME_INTERVAL: Millis = Millis(100);
/// Shortest time between two frames for alerts and the state of the link: a flood of them must not fill the processor.
pub const ALERT_FRAME_INTERVAL: Millis = Millis(10);
/// What a person does is shown at once.
pub(super) const AT_ONCE: Millis = Millis::ZERO;

/// When the last frame was drawn, and when the next one is due.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<Millis>,
    due: Option<Millis>,
}

impl Pace {
    /// Something changed at `now` that is shown `interval` after the last frame at the earliest.
    pub(super) fn changed(&mut self, now: Millis, interval: Millis) {
        let at = self.last.map_or(now, |last| now.max(last + interval));
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// When the next frame is due; `None` while nothing has changed.
    pub(super) const fn due(&self) -> Option<Millis> {
        self.due
    }

    pub(super) fn is_due(&self, now: Millis) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    pub(super) const fn drawn(&mut self, now: Millis) {
        self.last = Some(now);
        self.due = None;
    }
}

/// How soon after the last frame an event of the server may be shown.
pub(super) const fn interval_of(event: &ClientEvent) -> Millis {
    match event {
        ClientEvent::Vitals(_)
        | ClientEvent::Heartbeat { .. }
        | ClientEvent::History { .. }
        | ClientEvent::AlertReport { .. }
        | ClientEvent::HandoverReport { .. }
        | ClientEvent::Devices { .. }
        | ClientEvent::Ops { .. }
        | ClientEvent::Letters { .. }
        | ClientEvent::AuditLog { .. }
        | ClientEvent::Trail(TrailStanding::Witnessed { .. })
        | ClientEvent::Skipped { .. } => DATA_FRAME_INTERVAL,
        _ => ALERT_FRAME_INTERVAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_wait_and_keys_do_not() {
        let mut pace = Pace::default();
        pace.changed(Millis(5), DATA_FRAME_INTERVAL);
        assert!(pace.is_due(Millis(5)), "nothing was drawn before");
        pace.drawn(Millis(5));
        assert_eq!(pace.due(), None);
        pace.changed(Millis(20), DATA_FRAME_INTERVAL);
        assert_eq!(pace.due(), Some(Millis(105)));
        pace.changed(Millis(30), ALERT_FRAME_INTERVAL);
        assert_eq!(pace.due(), Some(Millis(30)));
        pace.changed(Millis(40), DATA_FRAME_INTERVAL);
        assert_eq!(pace.due(), Some(Millis(30)), "a later change delays nothing");
        pace.drawn(Millis(40));
        pace.changed(Millis(41), ALERT_FRAME_INTERVAL);
        assert!(!pace.is_due(Millis(41)));
        pace.changed(Millis(42), AT_ONCE);
        assert!(pace.is_due(Millis(42)));
    }
}
