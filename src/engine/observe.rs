//! The way of one value through the engine.

use super::{
    Engine,
    alerts::Moved,
    gates::{Doubt, until_confirmed},
    input::Correction,
    scores::ScoreUse,
    series::{Last, NOT_MEASURED_DELAYS, OFFLINE_RUN_ENDS_AFTER, OfflineRun, STALE_DELAYS, Series},
    timers::{Timer, TimerKind},
};
use crate::{
    alarm::{Outcome, TechnicalOutcome},
    domain::{
        ConditionCode, DeviceId, Event, EventBody, Freshness, InopReason, Marks, Millis, Observation, PatientId,
        Quality, Sampling, Side, Timestamp, VitalCode, vital::Zero,
    },
    quality::{self, Companion, Jump},
};

/// An observation that came within this time before it is judged has come now.
const CAME_WITHIN: Millis = Millis::from_secs(10);

/// What the engine made of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// How far the value is to be believed.
    pub quality: Quality,
    /// What is doubtful about it.
    pub marks: Marks,
    /// Whether it came too late to change the present: it is stored and marked, and judged only as history.
    pub late: bool,
    /// When the value becomes late and lost.
    pub freshness: Freshness,
    /// Whether the vital could not be judged before it: its signal was lost, or came for the first time.
    pub regained: bool,
}

/// What came of one value, before the alerts are moved.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) limits: [Option<(Side, Outcome)>; 2],
    pub(super) not_measured: Option<TechnicalOutcome>,
    pub(super) stale: Option<TechnicalOutcome>,
    pub(super) flatline: Option<TechnicalOutcome>,
    pub(super) offline: Option<Box<OfflineRun>>,
}

impl Engine {
    /// Takes one value at engine time `now`; adds what happened to `events` and says what it made of the value.
    pub fn observe(&mut self, observation: &Observation, now: Timestamp, events: &mut Vec<Event>) -> Observed {
        self.advance(now, events);
        // What is driven again came long ago: it is no word of its gateway.
        if self.now.since(observation.received_at) <= CAME_WITHIN {
            self.gateway_heard(&observation.device, events);
        }
        let Some(at) = self.series_of(observation) else { return self.observe_alone(observation) };
        let device = self.place_of_device(at.0, &observation.device);
        let (now, observed) = (self.now, observation.observed_at);
        // It tells of a 0 alone.
        let companion = if observation.value == 0.0 { self.companion(at, observed, now) } else { Companion::Absent };
        let Some(series) = self.series_mut(at) else { return self.observe_alone(observation) };
        if let Some(interval) = observation.interval {
            series.state.interval = Some(interval);
        }
        let before = series.state.last.map(|last| last.observed_at);
        let quality = quality::assess(&series.rules.def, observation.value, companion);
        let value = observation.value;
        let last = Last { value, observed_at: observed, quality, arrived_at: Some(now), marks: Marks::NONE };
        let freshness = series.freshness();
        if !series.takes_for_present(observed, now) {
            let moved = note_late(series, last, now);
            self.settle(at, &moved, events);
            self.device_sent_late(&observation.device, observed, events);
            return Observed { quality, marks: Marks::NONE, late: true, freshness, regained: false };
        }
        let offline = series.state.offline.take();
        let was = series.state.inop;
        let regained = was.is_some() || series.state.last.is_none();
        let Doubt { marks, flatline } = self.doubt(at, value, quality, observed);
        let mut judged = Judged { offline, flatline, ..Judged::default() };
        if let Some(series) = self.series_mut(at) {
            judge(series, Last { marks, ..last }, now, &mut judged);
        }
        self.settle(at, &judged, events);
        if quality == Quality::NotMeasured {
            self.reassess_dependents(at.0, observation.vital, &observation.device, events);
        }
        self.device_spoke(device, observation, events);
        if quality == Quality::Valid
            && self.pauses().next().is_some()
            && self.series_at(at).is_some_and(Series::is_watched)
        {
            self.standby_heard(at.0, events);
        }
        self.score_noted(at, quality == Quality::Valid, before, was);
        Observed { quality, marks, late: false, freshness, regained }
    }

    /// A stored value was replaced. The event says so; if it was the newest of its series, the new value is judged.
    pub(super) fn corrected(&mut self, correction: Correction, events: &mut Vec<Event>) {
        let now = self.now;
        let newest = self.patients.place_of(&correction.patient).and_then(|index| {
            let found = self.patients.get(index)?.find(correction.vital, &correction.device)?;
            Some((index, found))
        });
        let Correction { patient, device, vital, observed_at, old, new } = correction;
        self.record(EventBody::Corrected { patient, device, vital, observed_at, old, new }, events);
        let Some(at) = newest else { return };
        let companion = self.companion(at, observed_at, now);
        let Some(series) = self.series_mut(at) else { return };
        let Some(last) = series.state.last.filter(|last| last.observed_at == observed_at) else { return };
        if now.since(observed_at) < series.freshness().lost_after {
            let quality = quality::assess(&series.rules.def, new, companion);
            let device = series.state.device.clone();
            // What is put in order is no jump.
            series.state.jump = Jump::default();
            let Doubt { marks, flatline } = self.doubt(at, new, quality, observed_at);
            let mut judged = Judged { flatline, ..Judged::default() };
            if let Some(series) = self.series_mut(at) {
                judge(series, Last { value: new, quality, marks, ..last }, now, &mut judged);
            }
            self.settle(at, &judged, events);
            if quality == Quality::NotMeasured {
                self.reassess_dependents(at.0, vital, &device, events);
            }
            self.score_noted(at, quality == Quality::Valid, None, None);
        }
    }

    /// A value of a patient who has left, or of a device that measures somebody else by now: history, and no more.
    fn observe_alone(&self, observation: &Observation) -> Observed {
        let def = self.config.vitals.get(observation.vital);
        let quality = def.map_or(Quality::Valid, |def| quality::assess(def, observation.value, Companion::Absent));
        let sampling = def.map_or(Sampling::Continuous, |def| def.sampling);
        let freshness = Freshness::of_sampling(sampling);
        Observed { quality, marks: Marks::NONE, late: true, freshness, regained: false }
    }

    /// The place of the observation's series; made if the patient is here and the device is the patient's.
    fn series_of(&mut self, observation: &Observation) -> Option<(usize, usize)> {
        let index = self.patients.place_of(&observation.patient)?;
        let patient = self.patients.get_mut(index)?;
        if let Some(found) = patient.find_next(observation.vital, &observation.device) {
            return Some((index, found));
        }
        let open = self.census.open_assignment(&observation.device)?;
        if open.patient != observation.patient {
            return None;
        }
        let def = self.config.vitals.get(observation.vital)?;
        let device = self.census.devices.get(&observation.device);
        let interval = device.and_then(|d| d.intervals_ms.get(&observation.vital).copied());
        let (profiles, overrides) = (&self.config.profiles, &self.limits.kept);
        let limits = overrides.in_force(profiles, &patient.patient, patient.category, observation.vital);
        let rules = self.rules_pool.share(def, limits);
        let series = Series::new(rules, observation.device.clone(), interval);
        Some((index, patient.add(series)))
    }

    fn series_at(&self, at: (usize, usize)) -> Option<&Series> {
        self.patients.get(at.0)?.series.get(at.1)
    }

    pub(super) fn series_mut(&mut self, at: (usize, usize)) -> Option<&mut Series> {
        self.patients.get_mut(at.0)?.series.get_mut(at.1)
    }

    /// What stands beside a value of that time: whether the device measures the vital that a 0 depends on.
    ///
    /// Only a 0 says that it does not. A heart rate that no living patient has says that the leads are on.
    fn companion(&self, at: (usize, usize), observed: Timestamp, now: Timestamp) -> Companion {
        let Some(patient) = self.patients.get(at.0) else { return Companion::Absent };
        let Some(own) = patient.series.get(at.1) else { return Companion::Absent };
        let Zero::ValueWhile(vital) = own.rules.def.zero else { return Companion::Absent };
        let Some(beside) = patient.find(vital, &own.state.device).and_then(|i| patient.series.get(i)) else {
            return Companion::Absent;
        };
        let late = now.since(observed) >= own.freshness().lost_after;
        let close = |l: &Last| {
            let apart = l.observed_at.since(observed).0.abs();
            apart <= beside.freshness().lost_after.0
        };
        let last = if late { beside.state.last_late.as_deref().copied().filter(close) } else { beside.state.last };
        match last {
            None => Companion::Absent,
            Some(last) if last.quality == Quality::NotMeasured => Companion::NotMeasured,
            Some(_) => Companion::Measured,
        }
    }

    /// When a vital stops being measured, a standing 0 of a vital that depends on it is no longer a value.
    fn reassess_dependents(&mut self, patient: usize, vital: VitalCode, device: &DeviceId, events: &mut Vec<Event>) {
        let now = self.now;
        let Some(series) = self.patients.get_mut(patient).map(|p| &mut p.series) else { return };
        let found = series.iter_mut().enumerate().find(|(_, s)| {
            s.rules.def.zero == Zero::ValueWhile(vital)
                && s.state.device == *device
                && s.state.last.is_some_and(|l| l.value == 0.0 && l.quality == Quality::Valid)
        });
        let Some((index, dependent)) = found else { return };
        let Some(last) = dependent.state.last else { return };
        let mut judged = Judged::default();
        judge(dependent, Last { quality: Quality::NotMeasured, ..last }, now, &mut judged);
        self.settle((patient, index), &judged, events);
    }

    /// Moves the alerts by what came of a value, and sets the series' timers.
    pub(super) fn settle(&mut self, at: (usize, usize), judged: &Judged, events: &mut Vec<Event>) {
        let Some(patient) = self.patients.get_mut(at.0) else { return };
        let Some(series) = patient.series.get_mut(at.1) else { return };
        let set = arm_series(&mut self.timers, (at.0, &patient.patient), series);
        if set {
            self.timers.look_again(at.0, || patient.first_standing());
        }
        if judged.is_nothing() {
            return;
        }
        let Some(series) = patient.series.get_mut(at.1) else { return };
        let limits = judged
            .limits
            .map(|limit| limit.map(|(side, outcome)| (side, series.machine_mut(side).0.take_again(), outcome)));
        let moved = Moved {
            patient: patient.patient.clone(),
            device: series.state.device.clone(),
            vital: series.state.vital,
            value: series.state.last.map(|l| l.value),
            measured_once: series.state.measured_once,
            marks: series.state.last.map_or(Marks::NONE, |l| l.marks),
        };
        if let Some(run) = &judged.offline {
            self.offline_ended(&moved, run, events);
        }
        if let Some(outcome) = judged.stale {
            self.move_technical(&moved, ConditionCode::Stale(moved.vital), outcome, events);
        }
        if let Some(outcome) = judged.not_measured {
            self.move_technical(&moved, ConditionCode::NotMeasured(moved.vital), outcome, events);
        }
        if let Some(outcome) = judged.flatline {
            self.move_technical(&moved, ConditionCode::Flatline(moved.vital), outcome, events);
        }
        for (side, again, outcome) in limits.into_iter().flatten() {
            self.move_limit(&moved, (side, again), outcome, events);
        }
    }

    pub(super) fn offline_ended(&mut self, moved: &Moved, run: &OfflineRun, events: &mut Vec<Event>) {
        let body = EventBody::OccurredOffline {
            patient: moved.patient.clone(),
            device: moved.device.clone(),
            code: ConditionCode::Limit(moved.vital, run.side),
            since: run.since,
            until: run.until,
            worst: run.worst,
        };
        self.record(body, events);
    }

    /// A timer of the ward has come up.
    fn fire_ward(&mut self, deadline: Timestamp, kind: TimerKind, events: &mut Vec<Event>) {
        match kind {
            TimerKind::Respond => self.fire_respond(deadline, events),
            TimerKind::PauseEnd => self.fire_pauses(deadline, events),
            TimerKind::RotaChange => self.fire_rota(deadline, events),
            TimerKind::LimitsEnd => self.fire_limits(deadline, events),
            TimerKind::NoWatcher => self.fire_watching(events),
            TimerKind::HandoverEnd => self.fire_handovers(deadline, events),
            _ => self.fire_clock_step(deadline, events),
        }
    }

    /// A timer of a series, of a device or of the ward has come up.
    pub(super) fn fire(&mut self, deadline: Timestamp, timer: &Timer, events: &mut Vec<Event>) {
        let (Some(patient), Some(device), Some(vital)) = (&timer.patient, &timer.device, timer.vital) else {
            match &timer.device {
                Some(gateway) if timer.kind == TimerKind::GatewayClear => self.fire_gateway(deadline, gateway, events),
                Some(device) if timer.kind == TimerKind::Said => self.fire_said(deadline, device, events),
                Some(gateway) if timer.kind == TimerKind::Watchdog => self.fire_watchdog(deadline, gateway, events),
                Some(device) => self.fire_device(deadline, device, timer.kind, events),
                None if timer.kind == TimerKind::Scores => {
                    if let Some(patient) = &timer.patient {
                        self.fire_scores(patient, deadline, events);
                    }
                }
                None => self.fire_ward(deadline, timer.kind, events),
            }
            return;
        };
        let Some(index) = self.patients.place_of(patient) else { return };
        let Some(found) = self.patients.get(index).and_then(|p| p.find(vital, device)) else { return };
        let at = (index, found);
        if timer.kind == TimerKind::Stale {
            self.fire_stale(at, deadline, events);
            return;
        }
        let Some(series) = self.series_mut(at) else { return };
        let judged = fire_series(series, timer.kind, deadline);
        self.settle(at, &judged, events);
    }
}

impl Judged {
    const fn is_nothing(&self) -> bool {
        matches!(self.limits, [None, None])
            && self.not_measured.is_none()
            && self.stale.is_none()
            && self.flatline.is_none()
            && self.offline.is_none()
    }
}

/// A value that stands for the present.
fn judge(series: &mut Series, last: Last, now: Timestamp, judged: &mut Judged) {
    let observed = last.observed_at;
    let valid = last.quality == Quality::Valid;
    series.state.last = Some(last);
    series.state.stale_from = None;
    series.state.measured_once |= valid;
    judged.stale = series.state.stale.say(false, STALE_DELAYS, observed, now);
    judged.not_measured = series.state.not_measured.say(!valid, NOT_MEASURED_DELAYS, observed, now);
    if valid {
        series.state.inop = None;
        // A jump may be an artefact, until the values after it confirm it.
        if series.rules.gates.score == ScoreUse::Median && !last.marks.has(Marks::JUMP) {
            series.state.window.note(observed, last.value);
        }
        for (slot, side) in judged.limits.iter_mut().zip([Side::Low, Side::High]) {
            let (machine, limits) = series.machine_mut(side);
            let Some(limits) = limits else { continue };
            let confirmed;
            let limits = if last.marks.has(Marks::JUMP) {
                confirmed = until_confirmed(*limits, side, last.value);
                &confirmed
            } else {
                limits
            };
            let rules = crate::alarm::machine::Rules { side, limits };
            *slot = machine.value(rules, last.value, observed, now).map(|outcome| (side, outcome));
        }
    } else {
        let reason = if last.quality == Quality::OutOfRange { InopReason::OutOfRange } else { InopReason::NotMeasured };
        hold(series, reason, judged);
    }
}

/// The series cannot be judged from now on.
pub(super) fn hold(series: &mut Series, reason: InopReason, judged: &mut Judged) {
    series.state.inop = Some(reason);
    for (slot, side) in judged.limits.iter_mut().zip([Side::Low, Side::High]) {
        let (machine, _) = series.machine_mut(side);
        *slot = machine.inop(reason).map(|outcome| (side, outcome));
    }
}

/// A value that came too late to change the present: it is noted, and a violation in it is history.
fn note_late(series: &mut Series, last: Last, now: Timestamp) -> Judged {
    series.state.last_late = Some(Box::new(last));
    if series.state.last.is_none() {
        // Nothing present has ever come: without this, nobody would be told that nothing does.
        series.state.stale_from = series.state.stale_from.or(Some(now));
    }
    let side = if last.quality == Quality::Valid { series.violated_side(last.value) } else { None };
    let mut ended = None;
    match (side, &mut series.state.offline) {
        (Some(side), Some(run)) if run.side == side => run.extend(last.value, last.observed_at, now),
        (Some(side), slot) => {
            ended = slot.replace(Box::new(OfflineRun {
                side,
                since: last.observed_at,
                until: last.observed_at,
                worst: last.value,
                ends_at: now + OFFLINE_RUN_ENDS_AFTER,
            }));
        }
        (None, slot) => {
            let over = slot.as_ref().is_some_and(|run| last.observed_at > run.until);
            if over {
                ended = slot.take();
            }
        }
    }
    Judged { offline: ended, ..Judged::default() }
}

fn fire_series(series: &mut Series, kind: TimerKind, deadline: Timestamp) -> Judged {
    let mut judged = Judged::default();
    series.timers.came_up(kind);
    match kind {
        TimerKind::Low | TimerKind::High => {
            let side = if kind == TimerKind::Low { Side::Low } else { Side::High };
            let (machine, limits) = series.machine_mut(side);
            let outcome = limits.and_then(|limits| {
                let rules = crate::alarm::machine::Rules { side, limits };
                machine.fire(rules, deadline)
            });
            judged.limits = [outcome.map(|o| (side, o)), None];
        }
        TimerKind::NotMeasured => {
            judged.not_measured = series.state.not_measured.fire(NOT_MEASURED_DELAYS, deadline);
        }
        TimerKind::StaleClear => {
            judged.stale = series.state.stale.fire(STALE_DELAYS, deadline);
        }
        TimerKind::OfflineEnd if series.state.offline.as_ref().is_some_and(|run| run.ends_at <= deadline) => {
            judged.offline = series.state.offline.take();
        }
        _ => {}
    }
    judged
}

/// Sets the timers of a series by what it waits for; says whether the one of its silence was set.
pub(super) fn arm_series(
    timers: &mut super::Timers,
    (place, patient): (usize, &PatientId),
    series: &mut Series,
) -> bool {
    let stale_due = series.stale_due();
    let Series { state, timers: armed, .. } = series;
    let state = &*state;
    let timer = |kind| {
        move || Timer {
            patient: Some(patient.clone()),
            device: Some(state.device.clone()),
            vital: Some(state.vital),
            kind,
        }
    };
    let set = timers.arm_at(place, &mut armed.stale, stale_due);
    let waits = [
        (TimerKind::StaleClear, state.stale.due()),
        (TimerKind::NotMeasured, state.not_measured.due()),
        (TimerKind::Low, state.low.due()),
        (TimerKind::High, state.high.due()),
        (TimerKind::OfflineEnd, state.offline.as_ref().map(|run| run.ends_at)),
    ];
    for (kind, due) in waits.into_iter().filter(|(_, due)| due.is_some()) {
        if let Some(standing) = armed.seldom(kind) {
            timers.arm(standing, due, timer(kind));
        }
    }
    set
}
