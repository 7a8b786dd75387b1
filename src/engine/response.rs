//! Who deals with an alert: escalation, reminders, and what people say of it.
//!
//! When an alert escalates or reminds stands in the alert itself, and so in the store: a restart fires what is overdue.

use super::{
    Engine,
    timers::{Armed, Timer, TimerKind},
};
use crate::{
    alarm::{Transition, episode, escalation::responders, pause::overlay},
    domain::{
        Actor, Alert, AlertId, AlertKey, Cause, Event, EventBody, LoginName, Pause, PauseId, Refusal, Remark, Response,
        Rota, Signal, Timestamp,
        alert::{Comment, FIRST_LEVEL},
    },
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What the engine keeps of responses, pauses and the rota.
#[derive(Debug, Clone, Default)]
pub(super) struct Responses {
    pub(super) kept: ResponsesKept,
    keys: BTreeMap<AlertId, AlertKey>,
    /// When open alerts escalate or remind. An entry may be out of date: the alert says what holds.
    due: BTreeSet<(Timestamp, AlertId)>,
    respond: Armed,
    pub(super) pause: Armed,
    pub(super) rota: Armed,
}

/// The part of it that a snapshot keeps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ResponsesKept {
    /// The announcements of the ward so far.
    pub(super) announced: u64,
    pub(super) last_pause: u64,
    pub(super) pauses: BTreeMap<PauseId, Pause>,
    pub(super) rota: Rota,
    /// Alerts that were reset last and by whom, the oldest first, at most [`RESETS_KEPT`]: whoever comes second is told.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub(super) resets: VecDeque<(AlertId, Actor)>,
}

/// Resets that are remembered; beyond it the oldest are forgotten, and their alerts are just not open.
const RESETS_KEPT: usize = 64;

impl ResponsesKept {
    pub(super) fn note_reset(&mut self, alert: AlertId, by: &Actor) {
        self.resets.push_back((alert, by.clone()));
        while self.resets.len() > RESETS_KEPT {
            self.resets.pop_front();
        }
    }

    /// Why nothing can be done about an alert that is not there.
    fn gone(&self, alert: AlertId) -> Refusal {
        match self.resets.iter().find(|(reset, _)| *reset == alert) {
            Some((_, owner)) => Refusal::AlreadyReset { alert, owner: owner.clone() },
            None => Refusal::NotOpen { alert },
        }
    }
}

/// When something falls due for an alert by itself.
fn due_of(alert: &Alert) -> Option<Timestamp> {
    [alert.escalates_at, alert.reminds_at].into_iter().flatten().min()
}

impl Engine {
    /// Completes an alert that was just moved by `cause`, tells of it, and lets go of it if it is closed.
    pub(super) fn tell_alert(&mut self, key: &AlertKey, cause: Cause, by: Option<Actor>, events: &mut Vec<Event>) {
        self.tell_alert_at(key, cause, by, self.now, events);
    }

    fn tell_alert_at(
        &mut self,
        key: &AlertKey,
        cause: Cause,
        by: Option<Actor>,
        counted_from: Timestamp,
        events: &mut Vec<Event>,
    ) {
        let now = self.now;
        let owner = key.patient.as_ref().and_then(|patient| self.taker_of(patient));
        let Self { alerts, responses, config, .. } = self;
        let Some(alert) = alerts.get_mut(key) else { return };
        responses.announce(alert, cause, owner, now);
        config.response.schedule(alert, cause, counted_from);
        if alert.inactivation.is_silent() {
            alert.escalates_at = None;
        }
        let alert = if alert.is_closed() {
            responses.keys.remove(&alert.id);
            alerts.remove(key)
        } else {
            responses.note(alert);
            Some(alert.clone())
        };
        if let Some(alert) = alert {
            events.push(Event::new(now, EventBody::Alert { cause, alert, by }));
        }
        self.arm_respond();
    }

    pub(super) fn arm_respond(&mut self) {
        let due = self.responses.due.first().map(|(at, _)| *at);
        let timer = || Timer { patient: None, device: None, vital: None, kind: TimerKind::Respond };
        self.timers.arm(&mut self.responses.respond, due, timer);
    }

    /// What was due at `deadline`, in the order of time and number.
    pub(super) fn fire_respond(&mut self, deadline: Timestamp, events: &mut Vec<Event>) {
        self.responses.respond.came_up();
        while let Some((at, id)) = self.responses.due.first().copied().filter(|(at, _)| *at <= deadline) {
            self.responses.due.remove(&(at, id));
            self.respond(id, at, events);
        }
        self.arm_respond();
    }

    /// Rows 5 and 7: an alert escalates or reminds, if that is still so.
    fn respond(&mut self, id: AlertId, at: Timestamp, events: &mut Vec<Event>) {
        let Some(key) = self.responses.keys.get(&id).cloned() else { return };
        let Some(alert) = self.alerts.get_mut(&key) else { return };
        if alert.escalates_at == Some(at) {
            let to = responders(&self.responses.kept.rota, alert.level.saturating_add(1), alert.bed.as_ref(), self.now);
            alert.escalates_at = None;
            if let Some(Transition(cause)) = episode::escalate(alert, to) {
                // The next step counts from when this one was due, so that a stop of the server delays none.
                self.tell_alert_at(&key, cause, None, at, events);
            }
        } else if alert.reminds_at == Some(at) {
            alert.reminds_at = None;
            if let Some(Transition(cause)) = episode::remind(alert) {
                self.tell_alert(&key, cause, None, events);
            }
        }
    }

    /// A person does something to an open alert.
    pub(super) fn on_alert(
        &mut self,
        alert: AlertId,
        by: &Actor,
        events: &mut Vec<Event>,
        step: impl FnOnce(&mut Alert) -> Result<Transition, Refusal>,
    ) -> Result<(), Refusal> {
        let gone = || self.responses.kept.gone(alert);
        let key = self.responses.keys.get(&alert).cloned().ok_or_else(gone)?;
        let found = self.alerts.get_mut(&key).ok_or_else(gone)?;
        let Transition(cause) = step(found)?;
        self.tell_alert(&key, cause, Some(by.clone()), events);
        // Whoever declines is followed by the next level at once.
        if cause == Cause::Declined {
            self.fire_respond(self.now, events);
        }
        Ok(())
    }

    /// Row 9: what was found is said first, for an alert that is reset is over.
    pub(super) fn reset(
        &mut self,
        alert: AlertId,
        seen: u32,
        reason: Remark,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let gone = || self.responses.kept.gone(alert);
        let key = self.responses.keys.get(&alert).ok_or_else(gone)?;
        let mut trial = self.alerts.get(key).cloned().ok_or_else(gone)?;
        episode::reset(&mut trial, seen, by)?;
        self.comment(alert, reason, by, events)?;
        self.on_alert(alert, by, events, |found| episode::reset(found, seen, by))?;
        self.responses.kept.note_reset(alert, by);
        Ok(())
    }

    pub(super) fn comment(
        &mut self,
        alert: AlertId,
        text: Remark,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let at = self.now;
        let gone = || self.responses.kept.gone(alert);
        let key = self.responses.keys.get(&alert).ok_or_else(gone)?;
        let found = self.alerts.get_mut(key).ok_or_else(gone)?;
        found.comment = Some(Comment { by: by.clone(), at, text: text.clone() });
        let patient = found.key.patient.clone();
        self.record(EventBody::Commented { alert, patient, text, by: by.clone() }, events);
        Ok(())
    }

    /// Takes the open alerts of a snapshot into the order of what falls due.
    pub(super) fn restore_responses(&mut self, kept: ResponsesKept) {
        self.responses.kept = kept;
        for alert in self.alerts.values() {
            self.responses.note(alert);
        }
        self.arm_respond();
        self.arm_pauses();
        self.arm_rota();
    }

    /// The pauses that are set, in order.
    pub fn pauses(&self) -> impl Iterator<Item = &Pause> {
        self.responses.kept.pauses.values()
    }

    /// Who is on duty.
    #[must_use]
    pub const fn rota(&self) -> &Rota {
        &self.responses.kept.rota
    }
}

impl Responses {
    /// An alert that is raised, becomes worse or comes back is announced, and says who is asked. A pause that does not
    /// cover it any more, or covers it from the beginning, shows in the same event. At the first level, whoever has taken
    /// the patient by a handover is asked too.
    fn announce(&mut self, alert: &mut Alert, cause: Cause, owner: Option<LoginName>, now: Timestamp) {
        if !matches!(cause, Cause::Raised | Cause::Worsened | Cause::Returned) {
            return;
        }
        self.kept.announced += 1;
        alert.announced = self.kept.announced;
        alert.inactivation = overlay(self.kept.pauses.values(), alert);
        let mut asked = responders(&self.kept.rota, alert.level, alert.bed.as_ref(), now);
        asked.extend(owner.filter(|_| alert.level == FIRST_LEVEL));
        asked.sort();
        asked.dedup();
        match &mut alert.response {
            Response::Notified { to } | Response::Escalated { to, .. } => *to = asked,
            _ => {}
        }
    }

    /// Notes where an open alert is found and when something falls due for it.
    fn note(&mut self, alert: &Alert) {
        self.keys.entry(alert.id).or_insert_with(|| alert.key.clone());
        if let Some(due) = due_of(alert).filter(|_| alert.signal != Signal::Off) {
            self.due.insert((due, alert.id));
        }
    }

    /// The keys of all open alerts in the order of their numbers.
    pub(super) fn keys(&self) -> Vec<AlertKey> {
        self.keys.values().cloned().collect()
    }
}
