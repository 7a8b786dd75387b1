//! Pauses: what is quiet, for whom, until when. Each one ends by itself.

use super::{
    Engine,
    timers::{Timer, TimerKind},
};
use crate::{
    alarm::{
        episode,
        pause::{CONFIRM_WITHIN, PAUSES_MAX, STANDBY_VALUES_FOR, check, covered, overlay},
    },
    domain::{
        Actor, AlertClass, AlertKey, CensusError, Event, EventBody, Millis, PatientId, Pause, PauseEnd, PauseId,
        PauseKind, PauseScope, Priority, Refusal, Remark, Response, Timestamp, command::PauseError,
    },
};

/// What somebody asks for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) kind: PauseKind,
    pub(super) scope: PauseScope,
    pub(super) span: Millis,
    pub(super) reason: Option<Remark>,
    pub(super) include_high: bool,
}

impl Engine {
    /// Rows 12 to 14: sets a pause, or lets it wait for a second person.
    pub(super) fn pause(&mut self, asked: Asked, by: &Actor, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let Asked { kind, scope, span, reason, include_high } = asked;
        self.check_pause(kind, &scope, span, reason.is_some())?;
        let replaced = self.pauses().find(|p| p.kind == kind && p.scope == scope).map(|p| p.id);
        if let Some(replaced) = replaced {
            self.drop_pause(replaced, PauseEnd::Replaced, events);
        }
        let waits = kind == PauseKind::AlarmOff && include_high;
        let now = self.now;
        let kept = &mut self.responses.kept;
        kept.last_pause += 1;
        let pause = Pause {
            id: PauseId(kept.last_pause),
            kind,
            scope,
            since: now,
            until: now + if waits { CONFIRM_WITHIN } else { span },
            by: by.clone(),
            reason,
            covers: covered(kind, include_high),
            announced: kept.announced,
            confirmed_by: None,
            waits_to_last: waits.then_some(span),
        };
        self.put_pause(pause, events);
        Ok(())
    }

    fn check_pause(&self, kind: PauseKind, scope: &PauseScope, span: Millis, has_reason: bool) -> Result<(), Refusal> {
        check(kind, scope, span, has_reason)?;
        if let Some(patient) = scope.patient()
            && !self.census.stays.contains_key(patient)
        {
            return Err(CensusError::UnknownPatient { patient: patient.clone() }.into());
        }
        if self.responses.kept.pauses.len() >= PAUSES_MAX {
            return Err(PauseError::TooMany { most: PAUSES_MAX }.into());
        }
        if let (PauseKind::AlarmPaused, PauseScope::Condition { patient, code }) = (kind, scope) {
            let of = |a: &&crate::domain::Alert| a.key.patient.as_ref() == Some(patient) && a.key.code == *code;
            if self.alerts.values().filter(of).any(|a| a.priority == Priority::High) {
                return Err(PauseError::High.into());
            }
        }
        if let (PauseKind::Standby, PauseScope::Patient { patient }) = (kind, scope)
            && self.has_unanswered_high(patient)
        {
            return Err(PauseError::HighUnanswered.into());
        }
        Ok(())
    }

    /// Whether nobody has taken on a high alert about the patient's state. One about equipment is what a patient who is
    /// away causes.
    fn has_unanswered_high(&self, patient: &PatientId) -> bool {
        self.alerts.values().any(|alert| {
            alert.key.patient.as_ref() == Some(patient)
                && alert.class == AlertClass::Physiological
                && alert.priority == Priority::High
                && !matches!(alert.response, Response::Accepted { .. })
        })
    }

    /// A valid value of a patient came from a monitor: who is in standby for longer than cables take is there.
    pub(super) fn standby_heard(&mut self, place: usize, events: &mut Vec<Event>) {
        let now = self.now;
        let Some(patient) = self.patients.get(place).map(|found| &found.patient) else { return };
        let over = |p: &Pause| {
            p.kind == PauseKind::Standby
                && p.scope.patient() == Some(patient)
                && now.since(p.since) >= STANDBY_VALUES_FOR
        };
        if self.pauses().any(over) {
            let patient = patient.clone();
            self.end_pauses_of(&patient, &PauseEnd::Resumed, |kind| kind == PauseKind::Standby, events);
        }
    }

    /// A second person confirms a pause that waits for one; it counts from now.
    pub(super) fn confirm_pause(&mut self, id: PauseId, by: &Actor, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let now = self.now;
        let announced = self.responses.kept.announced;
        let mut pause = self.responses.kept.pauses.get(&id).cloned().ok_or(PauseError::Unknown { pause: id })?;
        let span = pause.waits_to_last.take().ok_or(PauseError::NotWaiting { pause: id })?;
        if pause.by.is_same_person(by) {
            return Err(PauseError::SamePerson.into());
        }
        pause = Pause { since: now, until: now + span, announced, confirmed_by: Some(by.clone()), ..pause };
        self.put_pause(pause, events);
        Ok(())
    }

    pub(super) fn end_pause(&mut self, id: PauseId, by: &Actor, events: &mut Vec<Event>) -> Result<(), Refusal> {
        if !self.responses.kept.pauses.contains_key(&id) {
            return Err(PauseError::Unknown { pause: id }.into());
        }
        self.drop_pause(id, PauseEnd::Cancelled { by: by.clone() }, events);
        self.overlay_all(events);
        Ok(())
    }

    fn put_pause(&mut self, pause: Pause, events: &mut Vec<Event>) {
        self.responses.kept.pauses.insert(pause.id, pause.clone());
        self.record(EventBody::Paused { pause }, events);
        self.overlay_all(events);
        self.arm_pauses();
    }

    fn drop_pause(&mut self, id: PauseId, end: PauseEnd, events: &mut Vec<Event>) {
        let Some(pause) = self.responses.kept.pauses.remove(&id) else { return };
        let patient = pause.scope.patient().cloned();
        self.record(EventBody::PauseEnded { pause: id, patient, end }, events);
    }

    /// Ends what is set for a patient: the patient left, or came back from a standby.
    pub(super) fn end_pauses_of(
        &mut self,
        patient: &PatientId,
        end: &PauseEnd,
        which: impl Fn(PauseKind) -> bool,
        events: &mut Vec<Event>,
    ) {
        let of = |p: &&Pause| p.scope.patient() == Some(patient) && which(p.kind);
        let ids: Vec<PauseId> = self.pauses().filter(of).map(|p| p.id).collect();
        if ids.is_empty() {
            return;
        }
        for id in ids {
            self.drop_pause(id, end.clone(), events);
        }
        self.overlay_all(events);
    }

    /// What was snoozed became worse: the snooze ends, so that the alert that is about to move signals.
    pub(super) fn end_snooze(&mut self, key: &AlertKey, events: &mut Vec<Event>) {
        let of = |p: &&Pause| match &p.scope {
            PauseScope::Condition { patient, code } => {
                p.kind == PauseKind::AlarmPaused && key.patient.as_ref() == Some(patient) && key.code == *code
            }
            _ => false,
        };
        let ids: Vec<PauseId> = self.pauses().filter(of).map(|p| p.id).collect();
        for id in ids {
            self.drop_pause(id, PauseEnd::Worsened, events);
        }
        self.arm_pauses();
    }

    /// Gives each open alert the state of inactivation that the pauses now say.
    fn overlay_all(&mut self, events: &mut Vec<Event>) {
        for key in self.responses.keys() {
            let Some(alert) = self.alerts.get(&key) else { continue };
            let to = overlay(self.responses.kept.pauses.values(), alert);
            if to != alert.inactivation {
                self.move_alert(&key, None, events, |alert| episode::inactivate(alert, to));
            }
        }
    }

    /// The next reminder of a pause after `after`.
    fn reminder_of(pause: &Pause, after: Timestamp) -> Option<Timestamp> {
        let every = pause.kind.reminder().filter(|_| pause.waits_to_last.is_none())?;
        let past = after.since(pause.since).0.max(0) / every.0;
        Some(pause.since + every * (past + 1)).filter(|at| *at < pause.until)
    }

    pub(super) fn arm_pauses(&mut self) {
        let now = self.now;
        let due = self.pauses().map(|p| Self::reminder_of(p, now).unwrap_or(p.until).min(p.until)).min();
        let timer = || Timer { patient: None, device: None, vital: None, kind: TimerKind::PauseEnd };
        self.timers.arm(&mut self.responses.pause, due, timer);
    }

    /// Pauses whose time is over end; of those that stay off, people are reminded.
    pub(super) fn fire_pauses(&mut self, deadline: Timestamp, events: &mut Vec<Event>) {
        self.responses.pause.came_up();
        let over: Vec<PauseId> = self.pauses().filter(|p| p.until <= deadline).map(|p| p.id).collect();
        let ended = !over.is_empty();
        for id in over {
            self.drop_pause(id, PauseEnd::Expired, events);
        }
        if ended {
            self.overlay_all(events);
        }
        let just_before = deadline - Millis(1);
        let reminded: Vec<Pause> =
            self.pauses().filter(|p| Self::reminder_of(p, just_before) == Some(deadline)).cloned().collect();
        for pause in reminded {
            self.record(EventBody::Paused { pause }, events);
        }
        self.arm_pauses();
    }
}
