//! Gateways whose devices have all fallen silent at once: one alert stands for them.
//!
//! The alerts of the devices stand besides, low and with the gateway as their reason. When the gateway is heard again, a
//! device that stays silent is lost in its own right after a moment.

use super::{
    Engine,
    device::{DeviceState, LOST_DELAYS, VOUCHES_UP_TO},
    series::Series,
    timers::{Armed, Timer, TimerKind},
};
use crate::{
    alarm::{TechnicalMachine, TechnicalOutcome, episode},
    domain::{AlertKey, ConditionCode, DeviceId, Event, Millis, Priority, Timestamp},
};

/// So many devices at the least tell of a gateway: one alone tells of itself.
const GATEWAY_DEVICES_MIN: usize = 2;
/// A device that is still silent so long after its gateway came back is lost in its own right. Longer than
/// [`crate::domain::liveness::LOST_AFTER_MIN`] less the clear delay, so that a gateway that was heard for a moment is lost
/// once more and not device by device.
const ALONE_AFTER: Millis = Millis::from_secs(10);

/// What the engine keeps of a gateway that is lost; of others it keeps nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct GatewayState {
    pub(super) lost: TechnicalMachine,
    clear: Armed,
}

impl GatewayState {
    pub(super) fn restored(lost: TechnicalMachine) -> Self {
        Self { lost, clear: Armed::default() }
    }
}

/// What a device says of its gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// Nothing: it is lost for reasons of its own, or sends too rarely.
    Nothing,
    /// It has been heard in time.
    Speaks,
    /// It has been silent since then.
    Since(Timestamp),
}

pub(super) fn gateway_key(gateway: &DeviceId) -> AlertKey {
    AlertKey { patient: None, code: ConditionCode::GatewayLost, device: Some(gateway.clone()) }
}

fn all_silent(count: usize) -> String {
    format!("all {count} devices behind it fell silent at once")
}

impl Engine {
    /// Whether a word of a gateway now is worth an [`super::Input::Heard`]: it is lost, or has a watchdog that has not heard
    /// of it for a moment.
    #[must_use]
    pub fn misses(&self, gateway: &DeviceId, now: Timestamp) -> bool {
        self.gateways.contains_key(gateway) || self.watchdog_wants(gateway, now)
    }

    /// A device is lost: the gateway that is lost with it, if it is so.
    pub(super) fn lost_with_gateway(&mut self, device: &DeviceId, events: &mut Vec<Event>) -> Option<DeviceId> {
        let gateway = self.census.devices.get(device)?.gateway.clone()?;
        if !self.gateways.contains_key(&gateway) {
            let (count, since) = self.silent_behind(&gateway)?;
            self.gateway_lost(&gateway, since, all_silent(count), events);
        }
        Some(gateway)
    }

    /// Devices are said to be gone: with them their gateway, if no other device behind it speaks.
    pub(super) fn gateway_gone(&mut self, gone: &[DeviceId], events: &mut Vec<Event>) {
        let first = gone.first().and_then(|device| self.census.devices.get(device));
        let Some(gateway) = first.and_then(|device| device.gateway.clone()) else { return };
        let behind = self.census.devices.values().filter(|d| d.gateway.as_ref() == Some(&gateway));
        let told: Vec<(bool, Silence)> = behind
            .map(|d| (gone.contains(&d.id), self.silence_of(&d.id)))
            .filter(|t| t.1 != Silence::Nothing)
            .collect();
        let count = told.iter().filter(|(is_gone, _)| *is_gone).count();
        let speaks = told.iter().any(|(is_gone, silence)| !is_gone && *silence == Silence::Speaks);
        if count >= GATEWAY_DEVICES_MIN && !speaks && !self.gateways.contains_key(&gateway) {
            self.gateway_lost(&gateway, self.now, all_silent(count), events);
        }
    }

    pub(super) fn gateway_lost(
        &mut self,
        gateway: &DeviceId,
        since: Timestamp,
        detail: String,
        events: &mut Vec<Event>,
    ) {
        let now = self.now;
        let mut state = GatewayState::default();
        state.lost.say(true, LOST_DELAYS, since, now);
        self.gateways.insert(gateway.clone(), state);
        self.put_back_under(gateway);
        self.raise_plain(gateway_key(gateway), Priority::Medium, since, detail, events);
    }

    /// Devices that had a moment to come back with their gateway need it no more: the gateway is lost again.
    fn put_back_under(&mut self, gateway: &DeviceId) {
        for (device, state) in &mut self.devices {
            let behind = self.census.devices.get(device).is_some_and(|d| d.gateway.as_ref() == Some(gateway));
            if behind && state.kept.alone_from.take().is_some() {
                state.kept.under = Some(gateway.clone());
            }
        }
    }

    /// How many devices of a gateway are silent and since when, if none of them speaks.
    fn silent_behind(&self, gateway: &DeviceId) -> Option<(usize, Timestamp)> {
        let mut found: Option<(usize, Timestamp)> = None;
        let devices = self.census.devices.values().filter(|d| d.gateway.as_ref() == Some(gateway));
        for device in devices {
            match self.silence_of(&device.id) {
                Silence::Nothing => {}
                Silence::Speaks => return None,
                Silence::Since(at) => {
                    let (count, since) = found.unwrap_or((0, at));
                    found = Some((count + 1, since.max(at)));
                }
            }
        }
        found.filter(|(count, _)| *count >= GATEWAY_DEVICES_MIN)
    }

    fn silence_of(&self, device: &DeviceId) -> Silence {
        if let Some(state) = self.devices.get(device)
            && state.kept.lost.is_raised()
        {
            let waits = state.kept.alone_from.is_some();
            return state.kept.last_observed.filter(|_| waits).map_or(Silence::Nothing, Silence::Since);
        }
        let patient = self.census.open_assignment(device).and_then(|a| self.patients.of(&a.patient));
        let series = patient.into_iter().flat_map(|p| &p.series);
        let fast = |s: &&Series| {
            let vouches = s.pace().is_some_and(|pace| pace <= VOUCHES_UP_TO);
            s.state.device == *device && vouches && s.stale_due().is_some()
        };
        let mut silence = Silence::Nothing;
        for series in series.filter(fast) {
            let Some(from) = series.silent_from() else { continue };
            if from + series.freshness().late_after > self.now {
                return Silence::Speaks;
            }
            silence = match silence {
                Silence::Since(at) => Silence::Since(at.max(from)),
                _ => Silence::Since(from),
            };
        }
        silence
    }

    /// A word of a device or of a gateway came: whatever it says, its gateway is alive.
    pub(super) fn gateway_heard(&mut self, device: &DeviceId, events: &mut Vec<Event>) {
        if self.gateways.is_empty() {
            return;
        }
        let own = self.gateways.contains_key(device).then(|| device.clone());
        let Some(gateway) = own.or_else(|| self.census.devices.get(device)?.gateway.clone()) else { return };
        let now = self.now;
        let Some(state) = self.gateways.get_mut(&gateway) else { return };
        let outcome = state.lost.say(false, LOST_DELAYS, now, now);
        self.arm_gateway(&gateway);
        if outcome == Some(TechnicalOutcome::Cleared) {
            self.gateway_is_back(&gateway, events);
        }
    }

    /// The alert ends; devices under it have a moment to come back, too.
    fn gateway_is_back(&mut self, gateway: &DeviceId, events: &mut Vec<Event>) {
        let now = self.now;
        self.gateways.remove(gateway);
        self.clear_plain(&gateway_key(gateway), events);
        for device in self.devices_under(gateway) {
            let kept = &mut self.device_state(&device).kept;
            kept.under = None;
            kept.alone_from = Some(now + ALONE_AFTER);
            kept.lost_since = Some(now);
            kept.bed_judged = false;
            self.arm_device(&device);
        }
    }

    fn devices_under(&self, gateway: &DeviceId) -> Vec<DeviceId> {
        let under =
            |(id, state): (&DeviceId, &DeviceState)| (state.kept.under.as_ref() == Some(gateway)).then(|| id.clone());
        let mut devices: Vec<DeviceId> = self.devices.iter().filter_map(under).collect();
        devices.sort();
        devices
    }

    /// A device came back by itself or measures nobody any more: a gateway that nobody waits for is no alert.
    pub(super) fn gateway_left(&mut self, gateway: &DeviceId, events: &mut Vec<Event>) {
        if self.gateways.contains_key(gateway) && self.devices_under(gateway).is_empty() && !self.is_overdue(gateway) {
            self.gateway_is_back(gateway, events);
        }
    }

    pub(super) fn arm_gateway(&mut self, gateway: &DeviceId) {
        let Some(state) = self.gateways.get_mut(gateway) else { return };
        let kind = TimerKind::GatewayClear;
        let timer = || Timer { patient: None, device: Some(gateway.clone()), vital: None, kind };
        self.timers.arm(&mut state.clear, state.lost.due(), timer);
    }

    pub(super) fn fire_gateway(&mut self, deadline: Timestamp, gateway: &DeviceId, events: &mut Vec<Event>) {
        let Some(state) = self.gateways.get_mut(gateway) else { return };
        state.clear.came_up();
        let outcome = state.lost.fire(LOST_DELAYS, deadline);
        self.arm_gateway(gateway);
        if outcome == Some(TechnicalOutcome::Cleared) {
            self.gateway_is_back(gateway, events);
        }
    }

    /// The gateway of a lost device has been back for a while, and the device is still silent.
    pub(super) fn device_alone(&mut self, device: &DeviceId, events: &mut Vec<Event>) {
        for key in self.keys_of(ConditionCode::DeviceLost, device) {
            let low = self.alerts.get(&key).is_some_and(|alert| alert.priority < Priority::Medium);
            if low {
                self.move_alert(&key, None, events, |alert| {
                    alert.detail = Some("no data from the device, although its gateway is back".to_owned());
                    episode::worsen(alert, Priority::Medium, None, None, ALONE_AFTER)
                });
            }
        }
    }
}
