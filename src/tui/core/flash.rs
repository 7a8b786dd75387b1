//! Which marks flash, and whether they are lit now: a function of the alert and the time alone, never of frames.
//!
//! Source: IEC 60601-1-8 (indicator lights: high 1.4 to 2.8 Hz, medium 0.4 to 0.8 Hz, low constant; duty 20 to 60 %).

use super::app::App;
use crate::domain::{Alert, AlertClass, Millis, Priority, Timestamp};

/// Period of the mark of a high alert: 2 Hz, half of it lit.
pub const FLASH_HIGH_PERIOD: Millis = Millis(500);
/// Period of the mark of a medium alert: 0.5 Hz, half of it lit.
pub const FLASH_MEDIUM_PERIOD: Millis = Millis(2_000);

/// The period of an alert's mark; `None` if it does not flash: somebody has acknowledged it, it is quiet, it is low, or it
/// is technical and not high.
#[must_use]
pub(super) fn period_of(alert: &Alert) -> Option<Millis> {
    match (alert.priority, alert.class) {
        _ if !alert.is_unacknowledged() => None,
        (Priority::High, _) => Some(FLASH_HIGH_PERIOD),
        (Priority::Medium, AlertClass::Physiological) => Some(FLASH_MEDIUM_PERIOD),
        _ => None,
    }
}

/// Whether a mark with this period is lit at a moment: in the first half of each period.
#[must_use]
pub(super) const fn is_lit(period: Millis, at: Timestamp) -> bool {
    at.as_ms().rem_euclid(period.0) < period.0 / 2
}

/// The time until a mark with this period changes.
#[must_use]
pub(super) const fn until_change(period: Millis, at: Timestamp) -> Millis {
    let half = period.0 / 2;
    Millis(half - at.as_ms().rem_euclid(half))
}

impl App {
    /// Whether an alert's mark is lit now. It is lit all the time if flashing is not wanted, and while the link is not live:
    /// nobody knows whether the alert is still so.
    #[must_use]
    pub fn is_lit(&self, alert: &Alert) -> bool {
        match (period_of(alert).filter(|_| self.flashes()), self.server_now()) {
            (Some(period), Some(now)) => is_lit(period, now),
            _ => true,
        }
    }

    fn flashes(&self) -> bool {
        self.flash && self.health().is_live()
    }

    /// The time until a mark on the screen changes; `None` while none flashes.
    pub(super) fn until_flash(&self) -> Option<Millis> {
        let (Some(ward), Some(now), true) = (&self.ward, self.server_now(), self.flashes()) else { return None };
        ward.alerts.values().filter_map(period_of).map(|period| until_change(period, now)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{ConditionCode, Inactivation, PauseId, PauseKind, Side, Signal, vital::SPO2},
        tui::testing::alert,
    };
    use rstest::rstest;

    #[rstest]
    #[case(FLASH_HIGH_PERIOD, 0, true, 250)]
    #[case(FLASH_HIGH_PERIOD, 249, true, 1)]
    #[case(FLASH_HIGH_PERIOD, 250, false, 250)]
    #[case(FLASH_HIGH_PERIOD, 499, false, 1)]
    #[case(FLASH_HIGH_PERIOD, -1, false, 1)]
    #[case(FLASH_MEDIUM_PERIOD, 999, true, 1)]
    #[case(FLASH_MEDIUM_PERIOD, 1_000, false, 1_000)]
    fn half_of_each_period_is_lit(#[case] period: Millis, #[case] ms: i64, #[case] lit: bool, #[case] next: i64) {
        let at = Timestamp::from_ms(ms);
        assert_eq!((is_lit(period, at), until_change(period, at)), (lit, Millis(next)));
    }

    #[test]
    fn only_what_asks_for_an_acknowledgement_flashes() {
        let of = |code, priority| alert(1, 4, code, priority, 1);
        let limit = ConditionCode::Limit(SPO2, Side::Low);
        let mut high = of(limit, Priority::High);
        assert_eq!(period_of(&high), Some(FLASH_HIGH_PERIOD));
        assert_eq!(period_of(&of(limit, Priority::Medium)), Some(FLASH_MEDIUM_PERIOD));
        assert_eq!(period_of(&of(limit, Priority::Low)), None);
        assert_eq!(period_of(&of(ConditionCode::DeviceLost, Priority::Medium)), None);
        assert_eq!(period_of(&of(ConditionCode::DeviceLost, Priority::High)), Some(FLASH_HIGH_PERIOD));
        high.signal = Signal::Ack;
        assert_eq!(period_of(&high), None);
        high.signal = Signal::On;
        let until = high.raised_at;
        high.inactivation = Inactivation::Paused { kind: PauseKind::AudioPaused, pause: PauseId(1), until };
        assert_eq!(period_of(&high), Some(FLASH_HIGH_PERIOD), "without sound it is still in sight");
        high.inactivation = Inactivation::Paused { kind: PauseKind::Standby, pause: PauseId(1), until };
        assert_eq!(period_of(&high), None);
    }
}
