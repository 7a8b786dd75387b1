//! One ward in memory: observations, commands and time go in, events come out.
//!
//! The engine is pure: no IO, no clock, no async, no randomness. The same inputs at the same times give the same events
//! byte for byte, whatever the rate at which it is ticked. It composes the rooms below (`quality`, `alarm`) and is run
//! by `backend`, by offline `replay` and by what-if runs.
//!
//! # Time
//! `now` is engine time and never goes back. Before any input at T, all timers due at or before T fire in the order
//! (deadline, patient, device, vital, kind), stamped with their deadline. Delays count in the device's time within each
//! series (see [`crate::alarm::machine`]).

mod ahead;
mod alerts;
mod battery;
mod block;
mod clock;
mod commands;
mod device;
mod gates;
mod gateway;
mod handover;
mod input;
mod lapse;
mod limits;
mod looks;
mod observe;
mod patients;
mod pauses;
mod reported;
mod response;
mod rota;
mod scores;
mod series;
mod snapshot;
mod timers;
mod watchdog;
mod watching;

pub use block::{BLOCK_VERSION, BlockError, BlockSeries, InputBlock, Kept, SeriesKey};
pub use input::{Correction, Input, IntakeFault};
pub use observe::Observed;
pub use snapshot::{SNAPSHOT_VERSION, SnapshotError};

use crate::{
    alarm::{ClockBounds, Profiles, ResponsePolicy},
    domain::{
        Alert, AlertId, AlertKey, Category, Census, DeviceId, Event, EventBody, Millis, Profile, Timestamp, VitalTable,
        Ward,
    },
};
use battery::BatteriesKept;
use device::DeviceState;
use gateway::GatewayState;
use handover::Desk;
use indexmap::IndexMap;
use limits::Overrides;
use patients::Patients;
use reported::SaidByDevices;
use response::Responses;
use series::RulesPool;
use std::{collections::BTreeMap, sync::Arc};
use timers::{Armed, Timer, Timers};
use watchdog::Watchdogs;
use watching::Watching;

/// What an engine is made with and does not change while it runs.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// All vitals of the site.
    pub vitals: Arc<VitalTable>,
    /// Limits by category of patient.
    pub profiles: Arc<Profiles>,
    /// How long people have to answer.
    pub response: Arc<ResponsePolicy>,
    /// How far clocks of devices may be wrong.
    pub clock: ClockBounds,
    /// After what time a ward that no terminal watches is told of; `None` where nobody could watch.
    pub no_watcher_after: Option<Millis>,
    /// Gateways that are lost when nothing has come of them for so long.
    pub watchdogs: Arc<BTreeMap<DeviceId, Millis>>,
    /// The version of the program, kept in the journal.
    pub version: String,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            vitals: Arc::new(VitalTable::builtin()),
            profiles: Arc::new(Profiles::builtin()),
            response: Arc::new(ResponsePolicy::default()),
            clock: ClockBounds::default(),
            no_watcher_after: None,
            watchdogs: Arc::default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// One ward in memory.
#[derive(Debug, Clone)]
pub struct Engine {
    config: EngineConfig,
    now: Timestamp,
    started: bool,
    census: Census,
    patients: Patients,
    rules_pool: RulesPool,
    devices: IndexMap<DeviceId, DeviceState>,
    gateways: BTreeMap<DeviceId, GatewayState>,
    alerts: BTreeMap<AlertKey, Alert>,
    last_alert: AlertId,
    responses: Responses,
    limits: Overrides,
    desk: Desk,
    timers: Timers,
    clock_step_until: Option<Timestamp>,
    clock_step_armed: Armed,
    watching: Watching,
    reported: SaidByDevices,
    watchdogs: Watchdogs,
    batteries: BatteriesKept,
}

impl Engine {
    /// An empty ward. The first input has to be [`Input::Start`].
    #[must_use]
    pub fn new(config: EngineConfig) -> Self {
        Self {
            config,
            now: Timestamp::MIN,
            started: false,
            census: Census::default(),
            patients: Patients::default(),
            rules_pool: RulesPool::default(),
            devices: IndexMap::new(),
            gateways: BTreeMap::new(),
            alerts: BTreeMap::new(),
            last_alert: AlertId(0),
            responses: Responses::default(),
            limits: Overrides::default(),
            desk: Desk::default(),
            timers: Timers::default(),
            clock_step_until: None,
            clock_step_armed: Armed::default(),
            watching: Watching::default(),
            reported: SaidByDevices::default(),
            watchdogs: Watchdogs::default(),
            batteries: BatteriesKept::new(),
        }
    }

    /// Takes one input at engine time `now` and says what happened. If `now` is before an earlier input, the time of
    /// that input holds.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Vec<Event> {
        let mut events = Vec::new();
        match input {
            Input::Observation(observation) => {
                self.observe(&observation, now, &mut events);
            }
            Input::Start { ward } => self.start(ward, now, &mut events),
            other => {
                self.advance(now, &mut events);
                self.take(other, &mut events);
            }
        }
        events
    }

    fn take(&mut self, input: Input, events: &mut Vec<Event>) {
        match input {
            Input::WardChanged { ward } if self.census.ward.as_ref() != Some(&ward) => {
                self.record(EventBody::WardSet { ward }, events);
            }
            Input::Command { command, by } => self.command(command, by, events),
            Input::Fault(report) => self.system_fault(report, events),
            Input::IntakeFault(fault) => self.intake_fault(fault, events),
            Input::Corrected(correction) => self.corrected(correction, events),
            Input::ClockStepped { by_ms } => {
                events.push(Event::new(self.now, EventBody::ClockStepped { by_ms }));
                self.clock_stepped(by_ms, events);
            }
            Input::Notified(notice) => self.record(EventBody::Notified { notice }, events),
            Input::EmergencyOpened { patient, opened } if self.census.stays.contains_key(&patient) => {
                self.record(EventBody::EmergencyOpened { patient, opened }, events);
            }
            Input::Heard { device } => {
                self.watchdog_heard(&device);
                self.gateway_heard(&device, events);
            }
            Input::LimitsSaid { patient, vital, said } => self.limits_said(patient, vital, said, events),
            Input::Said { patient, device, said } => self.said_by_device(&patient, &device, *said, events),
            Input::Lapsed { devices, lapse } => self.lapsed(&devices, lapse, events),
            Input::Watched { watched } => self.set_watched(watched, events),
            Input::Refused { command, refusal, by } => {
                events.push(Event::new(self.now, EventBody::Refused { command, refusal, by }));
            }
            Input::Unfit { unfit } => self.set_unfit(unfit, events),
            Input::WardChanged { .. }
            | Input::EmergencyOpened { .. }
            | Input::Tick
            | Input::Observation(_)
            | Input::Start { .. } => {}
        }
    }

    /// Lets time pass until `now`: fires every timer due at or before it, in order.
    fn advance(&mut self, now: Timestamp, events: &mut Vec<Event>) {
        while let Some((deadline, timer)) = self.next_due(now) {
            self.now = self.now.max(deadline);
            self.fire(deadline, &timer, events);
        }
        self.now = self.now.max(now);
    }

    /// The first timer that is due at `now` or before.
    fn next_due(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        while let Some((at, place)) = self.timers.pop_look(now) {
            self.look_at(place, at);
        }
        self.timers.pop_due(now)
    }

    /// Puts the timers of a patient that are due at `at` into the queue.
    fn look_at(&mut self, place: usize, at: Timestamp) {
        let Some(patient) = self.patients.get(place) else { return };
        let mut first: Option<Timestamp> = None;
        for (standing, timer) in patient.standing() {
            if standing <= at {
                self.timers.put(standing, timer());
            } else {
                first = Some(first.map_or(standing, |first| first.min(standing)));
            }
        }
        self.timers.looks.set(place, first);
    }

    /// The engine begins, or begins anew after a stop: what was known is no longer known to be so, and time that nobody
    /// watched counts for no delay.
    fn start(&mut self, ward: Ward, now: Timestamp, events: &mut Vec<Event>) {
        let down_since = self.started.then_some(self.now);
        self.now = self.now.max(now);
        self.started = true;
        let body = EventBody::EngineStarted { engine: self.config.version.clone(), down_since };
        events.push(Event::new(self.now, body));
        if self.census.ward.as_ref() != Some(&ward) {
            self.record(EventBody::WardSet { ward }, events);
        }
        if down_since.is_some() {
            self.forget_after_stop(events);
        }
        self.judge_rota(events);
        self.start_watchdogs();
        self.unwatched_after_stop(events);
    }

    /// Adds an event at the present engine time and takes in what it changes in the census and the handovers.
    fn record(&mut self, body: EventBody, events: &mut Vec<Event>) {
        let event = Event::new(self.now, body);
        self.census.apply(&event);
        self.desk.kept.apply(&event);
        events.push(event);
    }

    /// The earliest time at which something may fall due without an input.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// Engine time of the last input.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Who is where.
    #[must_use]
    pub const fn census(&self) -> &Census {
        &self.census
    }

    /// The configuration it was made with.
    #[must_use]
    pub const fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// Alerts that are not closed, in the order of their keys.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values()
    }

    /// The limits of a category of patients.
    #[must_use]
    pub fn profile(&self, category: Category) -> Arc<Profile> {
        self.config.profiles.of(category)
    }
}

#[cfg(test)]
mod tests;
