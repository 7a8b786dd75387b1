//! Batteries of devices that measure somebody.

use super::Engine;
use crate::{
    alarm::episode,
    domain::{
        Alert, AlertKey, ConditionCode, DeviceId, Event, Millis, Percent, Priority,
        twin::{BATTERY_EMPTY_PERCENT, BATTERY_GOOD_PERCENT, BATTERY_LOW_PERCENT},
    },
};

impl Engine {
    /// A device said how full its battery is. One that measures nobody is seen to on the screen of devices.
    pub(super) fn battery(&mut self, device: &DeviceId, percent: Option<Percent>, events: &mut Vec<Event>) {
        let Some(percent) = percent.map(Percent::get).filter(|percent| *percent <= BATTERY_GOOD_PERCENT) else {
            self.battery_is_good(device, events);
            return;
        };
        let priority = if percent <= BATTERY_EMPTY_PERCENT { Priority::Medium } else { Priority::Low };
        let Some(patient) = self.census.open_assignment(device).map(|a| a.patient.clone()) else { return };
        let key = AlertKey { patient: Some(patient), code: ConditionCode::BatteryLow, device: Some(device.clone()) };
        match self.alerts.get(&key).map(|alert| alert.priority) {
            None if percent <= BATTERY_LOW_PERCENT => {
                self.raise_plain(key, priority, self.now, format!("its battery is at {percent} %"), events);
            }
            Some(before) if before < priority => {
                let worse = |alert: &mut Alert| episode::worsen(alert, priority, None, None, Millis::ZERO);
                self.move_alert(&key, None, events, worse);
            }
            _ => {}
        }
    }

    fn battery_is_good(&mut self, device: &DeviceId, events: &mut Vec<Event>) {
        for key in self.keys_of(ConditionCode::BatteryLow, device) {
            self.clear_plain(&key, events);
        }
    }
}
