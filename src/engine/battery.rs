//! Batteries of devices that measure somebody.

use super::Engine;
use crate::{
    alarm::episode,
    domain::{
        Alert, AlertKey, ConditionCode, DeviceId, Event, Millis, Percent, Priority, Timestamp,
        twin::{BATTERY_EMPTY_PERCENT, BATTERY_GOOD_PERCENT, BATTERY_LOW_PERCENT},
    },
};
use std::collections::BTreeMap;

/// What a device said of its battery counts for an assignment that begins within this time.
const BATTERY_WORD_KEPT: Millis = Millis::from_mins(60);

/// What a device said last of a battery that is not full, by device: those of the census alone.
pub(super) type BatteriesKept = BTreeMap<DeviceId, (Percent, Timestamp)>;

impl Engine {
    /// A device said how full its battery is. One that measures nobody is seen to on the screen of devices, and here as soon
    /// as it measures somebody.
    pub(super) fn battery(&mut self, device: &DeviceId, percent: Option<Percent>, events: &mut Vec<Event>) {
        match percent.filter(|percent| percent.get() <= BATTERY_GOOD_PERCENT) {
            Some(percent) if self.census.devices.contains_key(device) => {
                self.batteries.insert(device.clone(), (percent, self.now));
            }
            _ => drop(self.batteries.remove(device)),
        }
        let at = self.now;
        self.judge_battery(device, percent, at, events);
    }

    /// A device begins to measure somebody: what it said of its battery before counts from now on.
    pub(super) fn battery_of_assigned(&mut self, device: &DeviceId, events: &mut Vec<Event>) {
        let said = self.batteries.get(device).copied();
        if let Some((percent, at)) = said
            && self.now.since(at) < BATTERY_WORD_KEPT
        {
            self.judge_battery(device, Some(percent), at, events);
        }
    }

    /// Judges what a device said of its battery at `at`.
    fn judge_battery(&mut self, device: &DeviceId, percent: Option<Percent>, at: Timestamp, events: &mut Vec<Event>) {
        let Some(percent) = percent.map(Percent::get).filter(|percent| *percent <= BATTERY_GOOD_PERCENT) else {
            self.battery_is_good(device, events);
            return;
        };
        let priority = if percent <= BATTERY_EMPTY_PERCENT { Priority::Medium } else { Priority::Low };
        let Some(patient) = self.census.open_assignment(device).map(|a| a.patient.clone()) else { return };
        let key = AlertKey { patient: Some(patient), code: ConditionCode::BatteryLow, device: Some(device.clone()) };
        match self.alerts.get(&key).map(|alert| alert.priority) {
            None if percent <= BATTERY_LOW_PERCENT => {
                let detail = match self.now.since(at).as_secs() / 60 {
                    0 => format!("its battery is at {percent} %"),
                    minutes => format!("its battery was at {percent} % {minutes} min ago"),
                };
                self.raise_plain(key, priority, self.now, detail, events);
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
