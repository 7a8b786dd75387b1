//! Devices that fall silent, come back, or contradict themselves.

use super::{
    Engine,
    gateway::gateway_key,
    observe::{Judged, arm_series, hold},
    series::{STALE_DELAYS, Series},
    timers::{Armed, Timer, TimerKind},
};
use crate::{
    alarm::{ClockMachine, TechnicalMachine, TechnicalOutcome, episode, technical::TechnicalDelays},
    domain::{
        AlertKey, ConditionCode, DeviceId, Event, Freshness, InopReason, Millis, Observation, PatientId, PauseEnd,
        PauseKind, Priority, Timestamp,
    },
};
use serde::{Deserialize, Serialize};

/// A lost device has come back when it has sent for this long.
pub(super) const LOST_DELAYS: TechnicalDelays = TechnicalDelays { raise: Millis::ZERO, clear: Millis::from_secs(5) };
/// A device that has been lost for this long with all others of its patient is a lost bed: high priority (row 15).
const WHOLE_BED_LOST_AFTER: Millis = Millis::from_secs(60);
/// A vital that comes more rarely than this does not vouch for a device whose faster vitals have all ended: a cuff every
/// quarter of an hour would keep it alive for three quarters.
pub(super) const VOUCHES_UP_TO: Millis = Millis::from_mins(1);
/// A conflict shows for this long after the last contradiction.
const CONFLICT_SHOWN_FOR: Millis = Millis::from_secs(60);

/// What the engine keeps of a device.
#[derive(Debug, Clone, Default)]
pub(super) struct DeviceState {
    pub(super) kept: DeviceKept,
    pub(super) lost_clear: Armed,
    pub(super) lost_long: Armed,
    pub(super) conflict: Armed,
    pub(super) alone: Armed,
}

/// The part of it that a snapshot keeps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct DeviceKept {
    /// When its last present value was measured, or came, if its clock is ahead.
    pub(super) last_observed: Option<Timestamp>,
    pub(super) lost: TechnicalMachine,
    pub(super) lost_since: Option<Timestamp>,
    /// Whether it has been lost for so long that its bed was looked at.
    #[serde(default)]
    pub(super) bed_judged: bool,
    pub(super) conflict_until: Option<Timestamp>,
    /// Whether its clock is right.
    #[serde(default)]
    pub(super) clock: ClockMachine,
    /// The gateway that was lost with it.
    #[serde(default)]
    pub(super) under: Option<DeviceId>,
    /// When it is lost in its own right, if it does not come back with its gateway.
    #[serde(default)]
    pub(super) alone_from: Option<Timestamp>,
}

impl DeviceKept {
    /// When the bed of a lost device is to be looked at.
    fn bed_due(&self) -> Option<Timestamp> {
        self.lost_since.filter(|_| !self.bed_judged).map(|since| since + WHOLE_BED_LOST_AFTER)
    }
}

impl Engine {
    pub(super) fn device_state(&mut self, device: &DeviceId) -> &mut DeviceState {
        if !self.devices.contains_key(device) {
            self.devices.insert(device.clone(), DeviceState::default());
        }
        self.devices.entry(device.clone()).or_default()
    }

    /// The place of a device of a patient, if anything of it is kept: first where it was when the value before came.
    pub(super) fn place_of_device(&mut self, patient: usize, device: &DeviceId) -> Option<usize> {
        let patient = self.patients.get_mut(patient)?;
        if self.devices.get_index(patient.device_at).is_some_and(|(known, _)| known == device) {
            return Some(patient.device_at);
        }
        let place = self.devices.get_index_of(device)?;
        patient.device_at = place;
        Some(place)
    }

    /// A present value of the device came, of which something is kept at `place`.
    pub(super) fn device_spoke(&mut self, place: Option<usize>, observation: &Observation, events: &mut Vec<Event>) {
        let (now, bounds) = (self.now, self.config.clock);
        let observed = observation.observed_at;
        // Only the first value of a device makes what is kept of it.
        if place.is_none() {
            self.device_state(&observation.device);
        }
        let place = place.or_else(|| self.devices.get_index_of(&observation.device));
        let Some(state) = place.and_then(|place| self.devices.get_index_mut(place)).map(|(_, state)| state) else {
            return;
        };
        state.kept.last_observed = Some(observed.min(now));
        let lost = state.kept.lost.is_raised();
        if let Some(outcome) = state.kept.clock.heard(observed, now, bounds) {
            self.clock_judged(&observation.device, outcome, events);
        }
        if lost {
            self.lost_device_spoke(observation, events);
        }
    }

    fn lost_device_spoke(&mut self, observation: &Observation, events: &mut Vec<Event>) {
        let now = self.now;
        let lost = &mut self.device_state(&observation.device).kept.lost;
        let outcome = lost.say(false, LOST_DELAYS, observation.observed_at, now);
        self.arm_device(&observation.device);
        if outcome == Some(TechnicalOutcome::Cleared) {
            self.device_is_back(&observation.device, events);
        }
    }

    /// A series has been silent for too long: its device is lost, or the series alone is stale.
    pub(super) fn fire_stale(&mut self, at: (usize, usize), deadline: Timestamp, events: &mut Vec<Event>) {
        let Some(patient) = self.patients.get_mut(at.0) else { return };
        let Some(series) = patient.series.get_mut(at.1) else { return };
        series.timers.stale.came_up();
        let Some(due) = series.stale_due() else { return };
        if due > deadline {
            arm_series(&mut self.timers, (at.0, &patient.patient), series);
            return;
        }
        let device = series.state.device.clone();
        let patient = patient.patient.clone();
        if self.device_is_silent(&patient, &device, deadline) {
            self.device_lost(&patient, &device, None, events);
        } else {
            self.series_stale(at, deadline, InopReason::Stale, events);
        }
    }

    /// Whether the device as a whole is silent, and not only one of its vitals: every vital that vouches for it is past
    /// its own deadline. Those that have spoken since the device came back vouch, and of them the faster ones.
    fn device_is_silent(&self, patient: &PatientId, device: &DeviceId, now: Timestamp) -> bool {
        let found = self.patients.of(patient);
        let series = found.into_iter().flat_map(|p| &p.series).filter(|s| s.state.device == *device);
        // The best rank of vouching that any vital has, with whether all vitals of that rank are due.
        let mut best: Option<((bool, bool), bool)> = None;
        for series in series {
            let Some(due) = series.stale_due() else { continue };
            let spoke = series.state.inop != Some(InopReason::Awaiting);
            let fast = series.pace().is_some_and(|pace| pace <= VOUCHES_UP_TO);
            let (rank, over) = ((spoke, fast), due <= now);
            best = match best {
                Some((top, all)) if top == rank => Some((top, all && over)),
                Some((top, all)) if top > rank => Some((top, all)),
                _ => Some((rank, over)),
            };
        }
        best.is_none_or(|(_, all_over)| all_over)
    }

    /// When the silence of a device that is lost now began to count: its last word and the time of its fastest vital.
    fn lost_since(&self, patient: &PatientId, device: &DeviceId) -> Timestamp {
        let found = self.patients.of(patient);
        let series =
            || found.into_iter().flat_map(|p| &p.series).filter(|s| s.state.device == *device && s.is_watched());
        let last = series().filter_map(Series::silent_from).max();
        let within = series().filter_map(Series::pace).min().map(|pace| Freshness::of_interval(pace).lost_after);
        last.zip(within).map_or(self.now, |(last, within)| (last + within).min(self.now))
    }

    fn series_stale(&mut self, at: (usize, usize), deadline: Timestamp, reason: InopReason, events: &mut Vec<Event>) {
        let Some(series) = self.series_mut(at) else { return };
        let mut judged = Judged::default();
        hold(series, reason, &mut judged);
        if series.state.not_measured.end() {
            judged.not_measured = Some(TechnicalOutcome::Cleared);
        }
        judged.flatline = series.end_flatline();
        if reason == InopReason::Stale {
            let since = series.state.last.map_or(deadline, |l| l.heard_at());
            judged.stale = series.state.stale.say(true, STALE_DELAYS, since, deadline);
        } else if series.state.stale.end() {
            judged.stale = Some(TechnicalOutcome::Cleared);
        }
        self.settle(at, &judged, events);
    }

    /// Its gateway says that the device is gone: it is lost at once.
    pub(super) fn device_gone(&mut self, patient: &PatientId, device: &DeviceId, events: &mut Vec<Event>) {
        self.device_lost(patient, device, Some("its gateway says that it is gone"), events);
    }

    /// Row 15: the device is lost, and with it all its vitals; one alert stands for them all. `why` is told if it was said.
    fn device_lost(
        &mut self,
        patient: &PatientId,
        device: &DeviceId,
        why: Option<&'static str>,
        events: &mut Vec<Event>,
    ) {
        let now = self.now;
        let Some(index) = self.patients.place_of(patient) else { return };
        let lost_since = self.lost_since(patient, device);
        let raised = self.devices.get(device).is_some_and(|state| state.kept.lost.is_raised());
        let under = if raised { None } else { self.lost_with_gateway(device, events) };
        let state = self.device_state(device);
        let since = state.kept.last_observed.unwrap_or(now);
        let outcome = state.kept.lost.say(true, LOST_DELAYS, since, now);
        state.kept.lost_since = Some(state.kept.lost_since.unwrap_or(lost_since));
        state.kept.under = under.clone().or(state.kept.under.take());
        self.arm_device(device);
        let count = self.patients.get(index).map_or(0, |p| p.series.len());
        for found in 0..count {
            let series = self.patients.get(index).and_then(|p| p.series.get(found));
            if series.is_some_and(|s| s.state.device == *device && s.is_watched()) {
                self.series_stale((index, found), now, InopReason::DeviceLost, events);
            }
        }
        if matches!(outcome, Some(TechnicalOutcome::Raised { .. })) {
            self.hold_said(device, InopReason::DeviceLost, events);
            let key = lost_key(patient, device);
            let (priority, detail) = match under {
                Some(gateway) => (Priority::Low, format!("no data: its gateway {gateway} is lost")),
                None => (Priority::Medium, why.unwrap_or_else(|| self.lost_detail(index, device)).to_owned()),
            };
            self.raise_plain(key, priority, since, detail, events);
        }
    }

    /// Why a device is lost: it is silent, or all that it has ever sent came late.
    fn lost_detail(&self, patient: usize, device: &DeviceId) -> &'static str {
        let found = self.patients.get(patient);
        let mut series = found.into_iter().flat_map(|p| &p.series).filter(|s| s.state.device == *device);
        if series.all(|s| s.state.last.is_none()) {
            "only late data from the device: see its clock"
        } else {
            "no data from the device"
        }
    }

    fn device_is_back(&mut self, device: &DeviceId, events: &mut Vec<Event>) {
        let now = self.now;
        let state = self.device_state(device);
        state.kept.lost_since = None;
        state.kept.bed_judged = false;
        let under = state.kept.under.take();
        state.kept.alone_from = None;
        if let Some(gateway) = under {
            self.gateway_left(&gateway, events);
        }
        let keys: Vec<AlertKey> = self.keys_of(ConditionCode::DeviceLost, device);
        for key in &keys {
            self.clear_plain(key, events);
        }
        for patient in keys.into_iter().filter_map(|key| key.patient) {
            self.end_pauses_of(&patient, &PauseEnd::Resumed, |kind| kind == PauseKind::Standby, events);
        }
        // Vitals that did not come back with their device go stale on their own from here.
        for (place, patient) in self.patients.iter_mut().enumerate() {
            for series in patient.series.iter_mut().filter(|s| s.state.device == *device) {
                if series.state.inop == Some(InopReason::DeviceLost) {
                    series.state.inop = Some(InopReason::Awaiting);
                    series.state.stale_from = Some(now);
                    arm_series(&mut self.timers, (place, &patient.patient), series);
                }
            }
        }
    }

    pub(super) fn keys_of(&self, code: ConditionCode, device: &DeviceId) -> Vec<AlertKey> {
        self.alerts.keys().filter(|k| k.code == code && k.device.as_ref() == Some(device)).cloned().collect()
    }

    pub(super) fn conflict(&mut self, device: &DeviceId, detail: String, events: &mut Vec<Event>) {
        let now = self.now;
        self.device_state(device).kept.conflict_until = Some(now + CONFLICT_SHOWN_FOR);
        self.arm_device(device);
        let patient = self.census.open_assignment(device).map(|a| a.patient.clone());
        let key = AlertKey { patient, code: ConditionCode::Conflict, device: Some(device.clone()) };
        if !self.alerts.contains_key(&key) {
            self.raise_plain(key, Priority::Low, now, detail, events);
        }
    }

    pub(super) fn arm_device(&mut self, device: &DeviceId) {
        let Some(state) = self.devices.get_mut(device) else { return };
        let timer = |kind| move || Timer { patient: None, device: Some(device.clone()), vital: None, kind };
        let long = state.kept.bed_due();
        self.timers.arm(&mut state.lost_clear, state.kept.lost.due(), timer(TimerKind::DeviceLostClear));
        self.timers.arm(&mut state.lost_long, long, timer(TimerKind::DeviceLostLong));
        self.timers.arm(&mut state.conflict, state.kept.conflict_until, timer(TimerKind::ConflictEnd));
        self.timers.arm(&mut state.alone, state.kept.alone_from, timer(TimerKind::DeviceAlone));
    }

    pub(super) fn fire_device(
        &mut self,
        deadline: Timestamp,
        device: &DeviceId,
        kind: TimerKind,
        events: &mut Vec<Event>,
    ) {
        let Some(state) = self.devices.get_mut(device) else { return };
        match kind {
            TimerKind::DeviceLostClear => {
                state.lost_clear.came_up();
                let outcome = state.kept.lost.fire(LOST_DELAYS, deadline);
                self.arm_device(device);
                if outcome == Some(TechnicalOutcome::Cleared) {
                    self.device_is_back(device, events);
                }
            }
            TimerKind::DeviceLostLong => {
                state.lost_long.came_up();
                match state.kept.bed_due() {
                    Some(due) if due <= deadline => {
                        state.kept.bed_judged = true;
                        self.bed_lost(device, events);
                    }
                    Some(_) => self.arm_device(device),
                    None => {}
                }
            }
            TimerKind::ConflictEnd => {
                state.conflict.came_up();
                let over = state.kept.conflict_until.is_some_and(|until| until <= deadline);
                if over {
                    state.kept.conflict_until = None;
                    for key in self.keys_of(ConditionCode::Conflict, device) {
                        self.clear_plain(&key, events);
                    }
                } else {
                    self.arm_device(device);
                }
            }
            TimerKind::DeviceAlone => {
                state.alone.came_up();
                match state.kept.alone_from {
                    Some(due) if due <= deadline => {
                        state.kept.alone_from = None;
                        self.device_alone(device, events);
                    }
                    Some(_) => self.arm_device(device),
                    None => {}
                }
            }
            _ => {}
        }
    }

    /// A lost device becomes a lost bed if no other device of the patient sends.
    fn bed_lost(&mut self, device: &DeviceId, events: &mut Vec<Event>) {
        for key in self.keys_of(ConditionCode::DeviceLost, device) {
            let Some(patient) = key.patient.clone() else { continue };
            let found = self.patients.of(&patient);
            let alive = found
                .into_iter()
                .flat_map(|p| &p.series)
                .any(|s| s.is_watched() && s.state.inop.is_none() && s.state.last.is_some());
            // Under a gateway, the gateway's alert says it for all of its beds.
            let under = self.devices.get(device).and_then(|state| state.kept.under.as_ref());
            let key = under.map_or(key, gateway_key);
            let open = self.alerts.get(&key).is_some_and(|alert| alert.priority < Priority::High);
            if open && !alive {
                self.move_alert(&key, None, events, |alert| {
                    episode::worsen(alert, Priority::High, None, None, WHOLE_BED_LOST_AFTER)
                });
            }
        }
    }

    /// After a stop nothing is known to be so: open conditions are held, waits are dropped, staleness counts anew.
    pub(super) fn forget_after_stop(&mut self, events: &mut Vec<Event>) {
        let now = self.now;
        for index in self.patients.places() {
            let count = self.patients.get(index).map_or(0, |p| p.series.len());
            for found in 0..count {
                let Some(series) = self.series_mut((index, found)) else { continue };
                let mut judged = Judged::default();
                series.state.not_measured.suspend();
                series.state.stale.suspend();
                if !matches!(series.state.inop, Some(InopReason::Stale | InopReason::DeviceLost)) {
                    hold(series, InopReason::Awaiting, &mut judged);
                    series.state.stale_from = Some(now);
                }
                self.settle((index, found), &judged, events);
            }
            self.score_again(index, events);
        }
        for device in self.devices_that_said() {
            self.hold_said(&device, InopReason::Awaiting, events);
        }
        for state in self.devices.values_mut() {
            state.kept.lost.suspend();
        }
        for gateway in self.gateways.values_mut() {
            gateway.lost.suspend();
        }
    }
}

fn lost_key(patient: &PatientId, device: &DeviceId) -> AlertKey {
    AlertKey { patient: Some(patient.clone()), code: ConditionCode::DeviceLost, device: Some(device.clone()) }
}
