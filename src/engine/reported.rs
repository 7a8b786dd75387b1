//! What devices say of alerts of their own (IHE PCD ACM): an alert here for each, beside those that are judged here.
//!
//! A device has at most one episode of a condition at once. An episode lives from its first message, be it the start or
//! not, until its end is said; until the device begins another one of the same condition; or until nothing has been
//! said of it for [`UNSAID_MAX`]. While it may be so or not, its alert is held: a device that keeps saying that it is so
//! has stopped, the device is lost, or the server was away. What a device makes quiet is quiet on the device alone.

use super::{
    Engine,
    timers::{Armed, Timer, TimerKind},
};
use crate::{
    alarm::episode::{self, Raise},
    domain::{
        Alert, AlertKey, Condition, ConditionCode, DeviceId, Event, EventBody, InopReason, LimitsSaid, Millis,
        NotRaised, PatientId, ReportedAlert, ReportedPhase, Timestamp, VitalCode,
    },
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most episodes that are kept of a device. Beyond it the one that is over longest goes, else the longest unheard is taken
/// to be over.
const EPISODES_MAX: usize = 64;
/// An episode that is over is known for this long: what is said of it late raises nothing.
const OVER_KEPT: Millis = Millis::from_mins(60);
/// So many reminders of a device that sends them have to fail before its alert is held.
const REMINDERS_MISSED: i64 = 3;
/// It is not held before nothing has been said of it for this long.
const UNCONFIRMED_MIN: Millis = Millis::from_secs(90);
/// An episode of which nothing is said for this long is over.
const UNSAID_MAX: Millis = Millis::from_mins(24 * 60);
/// What was for a moment is present for this long.
const MOMENT_SHOWN_FOR: Millis = Millis::from_secs(60);

/// What the engine knows of alerts of devices.
#[derive(Debug, Clone, Default)]
pub(super) struct SaidByDevices {
    pub(super) kept: SaidKept,
    armed: BTreeMap<DeviceId, Armed>,
}

/// The part of it that a snapshot keeps: episodes by device, in the order in which they came.
pub(super) type SaidKept = BTreeMap<DeviceId, Vec<Episode>>;

/// One episode of an alert of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Episode {
    patient: PatientId,
    /// What was said last.
    last: ReportedAlert,
    /// Engine time of it.
    heard_at: Timestamp,
    /// The longest time between two reminders, of a device that sends them.
    every: Option<Millis>,
    /// Whether nobody knows whether it is so.
    held: bool,
    /// When it was over, if it is.
    over_at: Option<Timestamp>,
}

impl Episode {
    fn key(&self, device: &DeviceId) -> AlertKey {
        let code = ConditionCode::DeviceAlert(self.last.code);
        AlertKey { patient: Some(self.patient.clone()), code, device: Some(device.clone()) }
    }

    const fn lives(&self) -> bool {
        self.over_at.is_none()
    }

    /// When something happens to it if nothing more is said.
    fn due(&self) -> Timestamp {
        match (self.over_at, self.every) {
            (Some(over_at), _) => over_at + OVER_KEPT,
            (None, _) if self.last.phase == ReportedPhase::Moment => self.heard_at + MOMENT_SHOWN_FOR,
            (None, Some(every)) if !self.held => {
                self.heard_at + Millis(every.0.saturating_mul(REMINDERS_MISSED)).max(UNCONFIRMED_MIN).min(UNSAID_MAX)
            }
            (None, _) => self.heard_at + UNSAID_MAX,
        }
    }
}

/// Says in an alert why it ends without a word of the device, after the last that the device said.
fn end_without_word(alert: &mut Alert, why: &str) {
    alert.detail = Some(match alert.detail.take() {
        Some(last) => format!("{last}; {why}"),
        None => why.to_owned(),
    });
}

impl Engine {
    /// Whether just this was the last that the device said of the episode. A reminder is news each time.
    #[must_use]
    pub fn knows_said(&self, device: &DeviceId, said: &ReportedAlert) -> bool {
        let episodes = self.reported.kept.get(device).map(Vec::as_slice).unwrap_or_default();
        !said.is_reminder() && episodes.iter().any(|e| e.last == *said)
    }

    /// Whether a device says other limits of a vital of its patient than it said before. What another device says of the
    /// same vital is no change of this one.
    #[must_use]
    pub fn is_other_limit(&self, patient: &PatientId, vital: VitalCode, said: &LimitsSaid) -> bool {
        let Some(stay) = self.census.stays.get(patient) else { return false };
        let measures = self.census.open_assignment(&said.device).is_some_and(|a| a.patient == *patient);
        let news = |known: &LimitsSaid| said.since > known.since && known.limits != said.limits;
        measures && stay.limits_said_by(&said.device, vital).is_none_or(news)
    }

    /// A device says by which limits it alarms itself: told, and nothing is judged by them.
    pub(super) fn limits_said(
        &mut self,
        patient: PatientId,
        vital: VitalCode,
        said: LimitsSaid,
        events: &mut Vec<Event>,
    ) {
        if self.is_other_limit(&patient, vital, &said) {
            self.record(EventBody::DeviceLimits { patient, vital, said }, events);
        }
    }

    /// A device says something of an alert of its own.
    pub(super) fn said_by_device(
        &mut self,
        patient: &PatientId,
        device: &DeviceId,
        said: ReportedAlert,
        events: &mut Vec<Event>,
    ) {
        let measures = self.census.open_assignment(device).is_some_and(|a| a.patient == *patient);
        if !measures {
            self.not_raised(patient, device, said, NotRaised::Past, events);
            return;
        }
        match self.episode_of(patient, device, &said) {
            Some(place) => self.said_again(device, place, said, events),
            None => {
                if said.is_over() {
                    self.keep_episode(patient, device, said.clone(), events);
                    self.not_raised(patient, device, said, NotRaised::UnknownEnd, events);
                } else {
                    self.supersede(patient, device, &said);
                    self.keep_episode(patient, device, said.clone(), events);
                    self.show(patient, device, said, events);
                }
            }
        }
        self.arm_said(device);
    }

    /// The episode that a message belongs to: the one that it names; else, of an end that names none, the one of its
    /// condition that is so.
    fn episode_of(&self, patient: &PatientId, device: &DeviceId, said: &ReportedAlert) -> Option<usize> {
        let episodes = self.reported.kept.get(device)?;
        let named = |e: &Episode| e.last.episode == said.episode && e.last.code == said.code && e.patient == *patient;
        let same = |e: &Episode| e.lives() && e.last.code == said.code && e.patient == *patient;
        let by_name = episodes.iter().position(named);
        by_name.or_else(|| episodes.iter().position(same).filter(|_| said.is_over() && !said.linked))
    }

    /// Adds an episode: one that is over if that is all that is known of it.
    fn keep_episode(&mut self, patient: &PatientId, device: &DeviceId, said: ReportedAlert, events: &mut Vec<Event>) {
        let now = self.now;
        let count = self.reported.kept.get(device).map_or(0, Vec::len);
        if count >= EPISODES_MAX {
            self.drop_one(device, events);
        }
        let over_at = said.is_over().then_some(now);
        let episode =
            Episode { patient: patient.clone(), last: said, heard_at: now, every: None, held: false, over_at };
        self.reported.kept.entry(device.clone()).or_default().push(episode);
    }

    fn drop_one(&mut self, device: &DeviceId, events: &mut Vec<Event>) {
        let Some(episodes) = self.reported.kept.get_mut(device) else { return };
        let oldest = (0..).zip(&*episodes).min_by_key(|(_, e)| (e.lives(), e.over_at, e.heard_at)).map(|(i, _)| i);
        let Some(oldest) = oldest.filter(|place: &usize| *place < episodes.len()) else { return };
        let gone = episodes.remove(oldest);
        if gone.lives() {
            let key = gone.key(device);
            if let Some(alert) = self.alerts.get_mut(&key) {
                end_without_word(
                    alert,
                    &format!("the device has more than {EPISODES_MAX} alerts at once: it is not followed any more"),
                );
            }
            self.clear_plain(&key, events);
            self.not_raised(&gone.patient, device, gone.last, NotRaised::TooMany, events);
        }
    }

    /// Another episode of the same condition begins: the end of the one before was missed. Its alert goes on.
    fn supersede(&mut self, patient: &PatientId, device: &DeviceId, said: &ReportedAlert) {
        let now = self.now;
        for episode in self.reported.kept.get_mut(device).into_iter().flatten() {
            if episode.lives() && episode.last.code == said.code && episode.patient == *patient {
                episode.over_at = Some(now);
            }
        }
    }

    /// Something more is said of an episode that is known.
    fn said_again(&mut self, device: &DeviceId, place: usize, said: ReportedAlert, events: &mut Vec<Event>) {
        let now = self.now;
        let Some(episode) = self.reported.kept.get_mut(device).and_then(|e| e.get_mut(place)) else { return };
        let (patient, lives) = (episode.patient.clone(), episode.lives());
        let last_at = episode.last.observed_at;
        // What came out of order says nothing of the present; at one moment the end has the last word, if it does not begin
        // anew: the times of HL7 are whole seconds.
        let after_end = !lives && !said.is_over() && said.phase != ReportedPhase::Start;
        let late = said.observed_at < last_at || (after_end && said.observed_at == last_at);
        if late && lives && !said.is_over() && said.priority > episode.last.priority {
            // A clock may have been set back: what is more urgent than all that was said before is never passed over.
            let said = ReportedAlert { observed_at: last_at, ..said };
            episode.last = said.clone();
            episode.heard_at = now;
            self.show(&patient, device, said, events);
            return;
        }
        if late {
            if !said.is_reminder() {
                self.not_raised(&patient, device, said, NotRaised::Late, events);
            }
            return;
        }
        if lives && said.phase == ReportedPhase::Continue {
            let gap = now.since(episode.heard_at);
            episode.every = Some(episode.every.map_or(gap, |every| every.max(gap)));
        }
        episode.last = said.clone();
        episode.heard_at = now;
        episode.held = false;
        if said.is_over() {
            if lives {
                episode.over_at = Some(now);
                let key = episode.key(device);
                self.clear_plain(&key, events);
            }
            return;
        }
        if !lives {
            episode.over_at = None;
            episode.every = None;
            // It is the one that is so from now on.
            let again = episode.clone();
            let before = self.reported.kept.get_mut(device).into_iter().flatten();
            for other in before.filter(|e| e.lives() && e.key(device) == again.key(device) && **e != again) {
                other.over_at = Some(now);
            }
        }
        self.show(&patient, device, said, events);
    }

    /// Raises the alert, or says in it what is new.
    fn show(&mut self, patient: &PatientId, device: &DeviceId, said: ReportedAlert, events: &mut Vec<Event>) {
        let code = ConditionCode::DeviceAlert(said.code);
        let key = AlertKey { patient: Some(patient.clone()), code, device: Some(device.clone()) };
        match self.alerts.get(&key).map(|alert| alert.condition) {
            None | Some(Condition::Absent) => {
                let new = self.new_alert(key, said.priority, said.observed_at);
                let highest = self.alerts.get(&new.key).map_or(said.priority, |open| open.priority.max(said.priority));
                let detail = said.told(highest);
                self.raise(Raise { detail, reported: Some(Box::new(said)), ..new }, events);
                return;
            }
            Some(Condition::Inop { .. }) => {
                self.move_alert(&key, None, events, |alert| episode::resume(alert, None));
            }
            Some(Condition::Present) => {}
        }
        let Some(open) = self.alerts.get(&key) else { return };
        let worse = said.priority > open.priority;
        if !worse && open.reported.as_ref().is_some_and(|before| !said.is_news_after(before)) {
            return;
        }
        self.move_alert(&key, None, events, |alert| {
            alert.detail = said.told(alert.priority.max(said.priority));
            let priority = said.priority;
            alert.reported = Some(Box::new(said));
            if worse { episode::worsen(alert, priority, None, None, Millis::ZERO) } else { episode::tell(alert) }
        });
    }

    fn not_raised(
        &mut self,
        patient: &PatientId,
        device: &DeviceId,
        said: ReportedAlert,
        why: NotRaised,
        events: &mut Vec<Event>,
    ) {
        let (patient, device) = (patient.clone(), device.clone());
        self.record(EventBody::DeviceSaid { patient, device, said: Box::new(said), why }, events);
    }

    /// Devices of which episodes are kept.
    pub(super) fn devices_that_said(&self) -> Vec<DeviceId> {
        self.reported.kept.keys().cloned().collect()
    }

    /// Nobody knows whether the alerts of a device are so still: they are held until it says more.
    pub(super) fn hold_said(&mut self, device: &DeviceId, reason: InopReason, events: &mut Vec<Event>) {
        let Some(episodes) = self.reported.kept.get_mut(device) else { return };
        let mut keys = Vec::new();
        for episode in episodes.iter_mut().filter(|e| e.lives() && e.last.phase != ReportedPhase::Moment) {
            episode.held = true;
            keys.push(episode.key(device));
        }
        for key in keys {
            self.hold_present(&key, reason, events);
        }
        self.arm_said(device);
    }

    fn hold_present(&mut self, key: &AlertKey, reason: InopReason, events: &mut Vec<Event>) {
        if self.alerts.get(key).is_some_and(|alert| alert.condition == Condition::Present) {
            self.move_alert(key, None, events, |alert| episode::hold(alert, reason));
        }
    }

    pub(super) fn restore_said(&mut self, kept: SaidKept) {
        self.reported.kept = kept;
        for device in self.devices_that_said() {
            self.arm_said(&device);
        }
    }

    fn arm_said(&mut self, device: &DeviceId) {
        let due = self.reported.kept.get(device).and_then(|episodes| episodes.iter().map(Episode::due).min());
        if due.is_none() {
            return;
        }
        let armed = self.reported.armed.entry(device.clone()).or_default();
        let timer = || Timer { patient: None, device: Some(device.clone()), vital: None, kind: TimerKind::Said };
        self.timers.arm(armed, due, timer);
    }

    pub(super) fn fire_said(&mut self, deadline: Timestamp, device: &DeviceId, events: &mut Vec<Event>) {
        if let Some(armed) = self.reported.armed.get_mut(device) {
            armed.came_up();
        }
        let Some(episodes) = self.reported.kept.get_mut(device) else { return };
        episodes.retain(|e| e.lives() || e.due() > deadline);
        let (mut held, mut over) = (Vec::new(), Vec::new());
        for episode in episodes.iter_mut().filter(|e| e.lives() && e.due() <= deadline) {
            let is_held = episode.every.is_some() && !episode.held && episode.last.phase != ReportedPhase::Moment;
            if is_held && deadline.since(episode.heard_at) < UNSAID_MAX {
                episode.held = true;
                held.push(episode.key(device));
            } else {
                episode.over_at = Some(deadline);
                over.push((episode.key(device), episode.last.phase == ReportedPhase::Moment));
            }
        }
        if episodes.is_empty() {
            self.reported.kept.remove(device);
            self.reported.armed.remove(device);
        }
        for key in held {
            self.hold_present(&key, InopReason::Stale, events);
        }
        for (key, was_moment) in over {
            if let Some(alert) = self.alerts.get_mut(&key).filter(|_| !was_moment) {
                end_without_word(alert, "the device has said nothing more of it for 24 h");
            }
            self.clear_plain(&key, events);
        }
        self.arm_said(device);
    }
}
