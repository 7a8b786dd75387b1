//! Gateways that have to say something now and then: silence alone is a fault of theirs.

use super::{
    Engine,
    timers::{Armed, Timer, TimerKind},
};
use crate::domain::{DeviceId, Event, Millis, Timestamp};
use std::collections::BTreeMap;

/// Words of a gateway within this time are one: a watchdog fires so much later than is configured.
const HEARD_WITHIN: Millis = Millis::from_secs(1);

/// Gateways of the ward that have a watchdog.
#[derive(Debug, Clone, Default)]
pub(super) struct Watchdogs(BTreeMap<DeviceId, Watchdog>);

#[derive(Debug, Clone, Copy)]
struct Watchdog {
    heard_at: Timestamp,
    armed: Armed,
}

impl Watchdogs {
    /// When each was heard.
    pub(super) fn kept(&self) -> BTreeMap<DeviceId, Timestamp> {
        self.0.iter().map(|(gateway, dog)| (gateway.clone(), dog.heard_at)).collect()
    }
}

impl Engine {
    /// After a stop time counts from the start: nobody has listened meanwhile.
    pub(super) fn start_watchdogs(&mut self) {
        let now = self.now;
        for gateway in self.config.watchdogs.clone().keys() {
            self.watch_gateway(gateway);
            if let Some(dog) = self.watchdogs.0.get_mut(gateway) {
                dog.heard_at = now;
            }
        }
    }

    /// A device joined the ward: if it is a gateway with a watchdog, time begins to count.
    pub(super) fn watch_gateway(&mut self, gateway: &DeviceId) {
        if !self.config.watchdogs.contains_key(gateway) || !self.census.devices.contains_key(gateway) {
            return;
        }
        let heard_at = self.now;
        self.watchdogs.0.entry(gateway.clone()).or_insert_with(|| Watchdog { heard_at, armed: Armed::default() });
        self.arm_watchdog(gateway);
    }

    pub(super) fn restore_watchdogs(&mut self, kept: BTreeMap<DeviceId, Timestamp>) {
        for (gateway, heard_at) in kept {
            // A watchdog that is no longer configured is none.
            if self.config.watchdogs.contains_key(&gateway) {
                self.watchdogs.0.insert(gateway.clone(), Watchdog { heard_at, armed: Armed::default() });
                self.arm_watchdog(&gateway);
            }
        }
    }

    /// A word of the gateway came, whatever it says.
    pub(super) fn watchdog_heard(&mut self, gateway: &DeviceId) {
        let now = self.now;
        if let Some(dog) = self.watchdogs.0.get_mut(gateway) {
            dog.heard_at = now;
            self.arm_watchdog(gateway);
        }
    }

    /// Whether a word of the gateway now would put off its watchdog.
    pub(super) fn watchdog_wants(&self, gateway: &DeviceId, now: Timestamp) -> bool {
        self.watchdogs.0.get(gateway).is_some_and(|dog| now.since(dog.heard_at) >= HEARD_WITHIN)
    }

    /// Whether its watchdog has waited in vain.
    pub(super) fn is_overdue(&self, gateway: &DeviceId) -> bool {
        self.watchdog_due(gateway).is_some_and(|due| due <= self.now)
    }

    fn watchdog_due(&self, gateway: &DeviceId) -> Option<Timestamp> {
        let within = self.config.watchdogs.get(gateway)?;
        Some(self.watchdogs.0.get(gateway)?.heard_at + *within + HEARD_WITHIN)
    }

    fn arm_watchdog(&mut self, gateway: &DeviceId) {
        // One that is lost is armed again when it is heard.
        let due = self.watchdog_due(gateway).filter(|_| !self.is_overdue(gateway));
        let Some(dog) = self.watchdogs.0.get_mut(gateway) else { return };
        let timer = || Timer { patient: None, device: Some(gateway.clone()), vital: None, kind: TimerKind::Watchdog };
        self.timers.arm(&mut dog.armed, due, timer);
    }

    pub(super) fn fire_watchdog(&mut self, deadline: Timestamp, gateway: &DeviceId, events: &mut Vec<Event>) {
        let Some(dog) = self.watchdogs.0.get_mut(gateway) else { return };
        dog.armed.came_up();
        let since = dog.heard_at;
        if self.watchdog_due(gateway).is_some_and(|due| due > deadline) {
            self.arm_watchdog(gateway);
            return;
        }
        if !self.gateways.contains_key(gateway) {
            let within = self.config.watchdogs.get(gateway).map_or(0, |within| within.as_secs());
            self.gateway_lost(gateway, since, format!("neither watchdog nor message for {within} s"), events);
        }
    }
}
