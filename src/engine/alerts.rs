//! From outcomes of the machines to alerts and their events.

use super::{
    Engine,
    input::IntakeFault,
    series::{NOT_MEASURED_DELAYS, Series},
    timers::{Timer, TimerKind},
};
use crate::{
    alarm::{
        Outcome, TechnicalOutcome, Transition,
        episode::{self, Raise},
    },
    domain::{
        Actor, Alert, AlertId, AlertKey, Cause, CloseReason, ConditionCode, DeviceId, Event, EventBody, Marks, Millis,
        PatientId, Priority, Side, Signal, SystemFault, Timestamp, VitalCode, event::SuppressedBy, system::FaultReport,
    },
    quality::FLATLINE_ALERTS_AFTER,
};

/// Said of a vital that is lost while its device measures with a cuff.
const CUFF_DETAIL: &str = "its device has measured with a cuff: perhaps on the same arm";
/// A clock step shows for this long.
const CLOCK_STEP_SHOWN_FOR: Millis = Millis::from_mins(10);

/// The series whose condition moved.
#[derive(Debug, Clone)]
pub(super) struct Moved {
    pub(super) patient: PatientId,
    pub(super) device: DeviceId,
    pub(super) vital: VitalCode,
    pub(super) value: Option<f64>,
    pub(super) measured_once: bool,
    /// What is doubtful about the value.
    pub(super) marks: Marks,
}

impl Moved {
    pub(super) fn key(&self, code: ConditionCode) -> AlertKey {
        AlertKey { patient: Some(self.patient.clone()), code, device: Some(self.device.clone()) }
    }
}

impl Engine {
    /// Raises an alert, or lets a latched one come back.
    pub(super) fn raise(&mut self, new: Raise, events: &mut Vec<Event>) {
        let key = new.key.clone();
        if self.alerts.contains_key(&key) {
            self.move_alert(&key, None, events, |open| episode::come_back(open, new));
            return;
        }
        self.last_alert = AlertId(self.last_alert.0 + 1);
        let alert = episode::raise(self.last_alert, new, self.now);
        self.alerts.insert(key.clone(), alert);
        self.tell_alert(&key, Cause::Raised, None, events);
    }

    /// Moves an open alert and tells of it; a closed alert leaves the engine. What the table of transitions does not have
    /// moves nothing.
    pub(super) fn move_alert(
        &mut self,
        key: &AlertKey,
        by: Option<Actor>,
        events: &mut Vec<Event>,
        step: impl FnOnce(&mut Alert) -> Option<Transition>,
    ) {
        let Some(alert) = self.alerts.get_mut(key) else { return };
        if let Some(Transition(cause)) = step(alert) {
            self.tell_alert(key, cause, by, events);
        }
    }

    pub(super) fn new_alert(&self, key: AlertKey, priority: Priority, since: Timestamp) -> Raise {
        let stay = key.patient.as_ref().and_then(|p| self.census.stays.get(p));
        Raise {
            encounter: stay.map(|s| s.encounter.clone()),
            bed: stay.map(|s| s.bed.clone()),
            key,
            priority,
            since,
            value: None,
            limit: None,
            delay: Millis::ZERO,
            detail: None,
            again: 0,
            reported: None,
        }
    }

    /// Moves the alert of one side. `again` says how often values went beyond again since its last move.
    pub(super) fn move_limit(
        &mut self,
        moved: &Moved,
        (side, again): (Side, u32),
        outcome: Outcome,
        events: &mut Vec<Event>,
    ) {
        let code = ConditionCode::Limit(moved.vital, side);
        let key = moved.key(code);
        let at = self.now;
        // A raised alert and a suppressed violation carry their own count: an earlier alert may still be latched.
        if matches!(outcome, Outcome::Worsened { .. } | Outcome::Held(_) | Outcome::Resumed | Outcome::Cleared) {
            self.count_again(&key, again);
        }
        match outcome {
            Outcome::Raised { priority, since, limit, delay } => {
                let new = self.new_alert(key, priority, since);
                self.raise(Raise { value: moved.value, limit: Some(limit), delay, again, ..new }, events);
            }
            Outcome::Worsened { priority, limit, delay } => self.move_alert(&key, None, events, |alert| {
                episode::worsen(alert, priority, moved.value, Some(limit), delay)
            }),
            Outcome::Held(reason) => self.move_alert(&key, None, events, |alert| episode::hold(alert, reason)),
            Outcome::Resumed => self.move_alert(&key, None, events, |alert| episode::resume(alert, moved.value)),
            Outcome::Cleared => self.move_alert(&key, None, events, |alert| episode::clear(alert, moved.value, at)),
            Outcome::SuppressedByDelay(violation) => {
                self.suppressed(moved, code, (violation, again), SuppressedBy::Delay, events);
            }
            Outcome::SuppressedByLimits(violation) => {
                self.suppressed(moved, code, (violation, again), SuppressedBy::LimitsChanged, events);
            }
            Outcome::SuppressedByQuality(violation) => {
                self.suppressed(moved, code, (violation, again), SuppressedBy::Quality, events);
            }
        }
    }

    /// Violations of an open alert that raised none of their own.
    pub(super) fn count_again(&mut self, key: &AlertKey, again: u32) {
        if again > 0
            && let Some(alert) = self.alerts.get_mut(key)
        {
            alert.again = alert.again.saturating_add(again);
        }
    }

    pub(super) fn suppressed(
        &mut self,
        moved: &Moved,
        code: ConditionCode,
        (violation, again): (crate::alarm::Violation, u32),
        by: SuppressedBy,
        events: &mut Vec<Event>,
    ) {
        let body = EventBody::Suppressed {
            patient: moved.patient.clone(),
            device: moved.device.clone(),
            code,
            since: violation.since,
            worst: violation.worst,
            by,
            again,
        };
        self.record(body, events);
    }

    /// Row 15: low for a vital that was never measured, else medium, or low while another device measures the vital.
    fn technical_priority(&self, moved: &Moved) -> Priority {
        let elsewhere = |series: &Series| {
            series.state.vital == moved.vital
                && series.state.device != moved.device
                && series.state.inop.is_none()
                && series.state.measured_once
        };
        let patient = self.patients.of(&moved.patient);
        let replaced = patient.is_some_and(|p| p.series.iter().any(elsewhere));
        if moved.measured_once && !replaced { Priority::Medium } else { Priority::Low }
    }

    pub(super) fn move_technical(
        &mut self,
        moved: &Moved,
        code: ConditionCode,
        outcome: TechnicalOutcome,
        events: &mut Vec<Event>,
    ) {
        let key = moved.key(code);
        match outcome {
            TechnicalOutcome::Raised { since } => {
                let (priority, delay) = match code {
                    ConditionCode::NotMeasured(_) => (self.technical_priority(moved), NOT_MEASURED_DELAYS.raise),
                    // A paced heart is as steady: it says "look", no more.
                    ConditionCode::Flatline(_) => (Priority::Low, FLATLINE_ALERTS_AFTER),
                    _ => (self.technical_priority(moved), Millis::ZERO),
                };
                let detail = moved.marks.has(Marks::CUFF).then(|| CUFF_DETAIL.to_owned());
                let new = self.new_alert(key, priority, since);
                self.raise(Raise { value: moved.value, delay, detail, ..new }, events);
            }
            TechnicalOutcome::Cleared => {
                let at = self.now;
                self.move_alert(&key, None, events, |alert| episode::clear(alert, moved.value, at));
            }
        }
    }

    pub(super) fn raise_plain(
        &mut self,
        key: AlertKey,
        priority: Priority,
        since: Timestamp,
        detail: String,
        events: &mut Vec<Event>,
    ) {
        let new = self.new_alert(key, priority, since);
        self.raise(Raise { detail: Some(detail), ..new }, events);
    }

    pub(super) fn clear_plain(&mut self, key: &AlertKey, events: &mut Vec<Event>) {
        let at = self.now;
        self.move_alert(key, None, events, |alert| episode::clear(alert, None, at));
    }

    /// Row 17: closes every open alert that `which` picks.
    pub(super) fn close_alerts(
        &mut self,
        reason: CloseReason,
        events: &mut Vec<Event>,
        which: impl Fn(&AlertKey) -> bool,
    ) {
        let keys: Vec<AlertKey> = self.alerts.keys().filter(|key| which(key)).cloned().collect();
        let at = self.now;
        for key in keys {
            self.move_alert(&key, None, events, |alert| episode::close(alert, reason, at));
        }
    }

    pub(super) fn system_fault(&mut self, report: FaultReport, events: &mut Vec<Event>) {
        let key = AlertKey { patient: None, code: ConditionCode::System(report.fault), device: None };
        let open = self.alerts.contains_key(&key);
        // One channel that fails hides no other: what is told has changed, so it is told anew.
        let other = |alert: &Alert| alert.detail.as_ref() != Some(&report.detail);
        let anew = report.present && report.fault.changes() && self.alerts.get(&key).is_some_and(other);
        if anew {
            self.clear_plain(&key, events);
        }
        if report.present && (anew || !open) {
            let priority = match report.fault {
                SystemFault::StoreFailed => Priority::High,
                SystemFault::DiskNearlyFull
                | SystemFault::AuditChanged
                | SystemFault::NotifyFailed
                | SystemFault::MappingWrong
                | SystemFault::SourceLost
                | SystemFault::PolicyNotMet => Priority::Medium,
                SystemFault::ClockStepped
                | SystemFault::CertificateEnds
                | SystemFault::SyslogBehind
                | SystemFault::ReviewsOverdue => Priority::Low,
            };
            self.raise_plain(key, priority, self.now, report.detail, events);
        } else if !report.present && open {
            self.clear_plain(&key, events);
        }
    }

    /// A step of the wall clock shows for a while; a further step shows for a while from then on.
    pub(super) fn clock_stepped(&mut self, by: Millis, events: &mut Vec<Event>) {
        let key = clock_step_key();
        if !self.alerts.contains_key(&key) {
            let detail = format!("the wall clock stepped by {:.1} s", by.as_secs_f64());
            self.raise_plain(key, Priority::Low, self.now, detail, events);
        }
        self.clock_step_until = Some(self.now + CLOCK_STEP_SHOWN_FOR);
        self.arm_clock_step();
    }

    pub(super) fn arm_clock_step(&mut self) {
        let timer = || Timer { patient: None, device: None, vital: None, kind: TimerKind::ClockStepEnd };
        self.timers.arm(&mut self.clock_step_armed, self.clock_step_until, timer);
    }

    pub(super) fn fire_clock_step(&mut self, deadline: Timestamp, events: &mut Vec<Event>) {
        self.clock_step_armed.came_up();
        if self.clock_step_until.is_some_and(|until| until > deadline) {
            self.arm_clock_step();
        } else {
            self.clock_step_until = None;
            self.clear_plain(&clock_step_key(), events);
        }
    }

    pub(super) fn intake_fault(&mut self, fault: IntakeFault, events: &mut Vec<Event>) {
        match fault {
            IntakeFault::Conflict { device, vital, observed_at, stored, refused } => {
                let detail = format!("{vital} at {observed_at}: {stored} is stored, {refused} was refused");
                self.conflict(&device, detail, events);
            }
            IntakeFault::Battery { device, percent } => self.battery(&device, percent, events),
            IntakeFault::ClockAhead { device, observed_at } => self.clock_is_ahead(&device, observed_at, events),
            IntakeFault::WrongPatient { device, named, observed_at } => {
                let patient = self.census.open_assignment(&device).map(|a| a.patient.clone());
                let key = AlertKey { patient, code: ConditionCode::WrongPatient, device: Some(device) };
                let already = self.alerts.get(&key).is_some_and(|alert| alert.signal != Signal::Off);
                if !already {
                    let detail = format!("data of {observed_at} name patient {named}; they were refused");
                    self.raise_plain(key.clone(), Priority::High, self.now, detail, events);
                    // The refusal is a moment, not a state: the signal latches until a person has looked.
                    self.clear_plain(&key, events);
                }
            }
        }
    }
}

const fn clock_step_key() -> AlertKey {
    AlertKey { patient: None, code: ConditionCode::System(SystemFault::ClockStepped), device: None }
}
