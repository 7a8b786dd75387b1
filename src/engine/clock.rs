//! Devices whose clocks are wrong.

use super::Engine;
use crate::{
    alarm::ClockOutcome,
    domain::{AlertKey, ConditionCode, DeviceId, Event, Millis, Priority, Timestamp},
};

impl Engine {
    /// A value that is not of the present came from a device: it tells of its clock, and of nothing else.
    pub(super) fn device_sent_late(&mut self, device: &DeviceId, observed: Timestamp, events: &mut Vec<Event>) {
        let (now, bounds) = (self.now, self.config.clock);
        let outcome = self.device_state(device).kept.clock.heard(observed, now, bounds);
        if let Some(outcome) = outcome {
            self.clock_judged(device, outcome, events);
        }
    }

    /// The intake refused a value of a device, because its time is still to come.
    pub(super) fn clock_is_ahead(&mut self, device: &DeviceId, observed: Timestamp, events: &mut Vec<Event>) {
        // The clock of a device that measures nobody harms nobody.
        if self.census.open_assignment(device).is_some() {
            self.device_sent_late(device, observed, events);
        }
    }

    pub(super) fn clock_judged(&mut self, device: &DeviceId, outcome: ClockOutcome, events: &mut Vec<Event>) {
        match outcome {
            ClockOutcome::Wrong(by) => {
                let patient = self.census.open_assignment(device).map(|a| a.patient.clone());
                let key = AlertKey { patient, code: ConditionCode::ClockSkew, device: Some(device.clone()) };
                self.raise_plain(key, Priority::Low, self.now, words(by), events);
            }
            ClockOutcome::Right => {
                for key in self.keys_of(ConditionCode::ClockSkew, device) {
                    self.clear_plain(&key, events);
                }
            }
        }
    }
}

fn words(by: Millis) -> String {
    if by < Millis::ZERO {
        format!("its clock is {:.0} s ahead", -by.as_secs_f64())
    } else {
        format!("its clock is {:.0} s behind, or its values come so late", by.as_secs_f64())
    }
}
