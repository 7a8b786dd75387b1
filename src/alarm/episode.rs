//! The transitions of one alert: how its condition, signal and response move together.
//!
//! One function per kind of move; each changes the alert and counts the transition. Where a move may begin and where the
//! signal goes is said by the table in [`super::transitions`]; row numbers are those of `docs/alerts.md`.

use super::transitions::{self, Layers, Trigger};
use crate::domain::{
    Actor, Alert, AlertClass, AlertId, AlertKey, BedId, Cause, CloseReason, Condition, ConditionCode, EncounterId,
    Inactivation, InopReason, LoginName, Millis, PauseKind, Priority, Refusal, Remark, ReportedAlert, Response, Signal,
    Timestamp,
    alert::{FIRST_LEVEL, LAST_LEVEL},
};

/// A move that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition(pub Cause);

/// What is known when an alert is raised.
#[derive(Debug, Clone, PartialEq)]
pub struct Raise {
    /// Patient, condition, source.
    pub key: AlertKey,
    /// The stay.
    pub encounter: Option<EncounterId>,
    /// The bed.
    pub bed: Option<BedId>,
    /// How urgent.
    pub priority: Priority,
    /// When the condition began.
    pub since: Timestamp,
    /// The value that raised it.
    pub value: Option<f64>,
    /// The limit in force.
    pub limit: Option<f64>,
    /// The delay in force.
    pub delay: Millis,
    /// A few words.
    pub detail: Option<String>,
    /// How often values went beyond the limit again while it waited for its delay.
    pub again: u32,
    /// What the device said, if it is an alert of a device.
    pub reported: Option<Box<ReportedAlert>>,
}

/// Row 3: a new episode.
#[must_use]
pub fn raise(id: AlertId, new: Raise, at: Timestamp) -> Alert {
    let of_code = if new.key.code.is_physiological() { AlertClass::Physiological } else { AlertClass::Technical };
    let class = new.reported.as_ref().map_or(of_code, |reported| reported.class);
    Alert {
        id,
        key: new.key,
        encounter: new.encounter,
        bed: new.bed,
        class,
        priority: new.priority,
        condition: Condition::Present,
        signal: Signal::On,
        response: Response::Notified { to: Vec::new() },
        transition: 1,
        since: new.since,
        raised_at: at,
        ended_at: None,
        value: new.value,
        limit: new.limit,
        delay_ms: new.delay,
        count: 1,
        again: new.again,
        detail: new.detail,
        inactivation: Inactivation::Enabled,
        level: FIRST_LEVEL,
        escalates_at: None,
        reminds_at: None,
        reminded: 0,
        followed: 0,
        announced: 0,
        comment: None,
        reported: new.reported,
    }
}

/// Whether the signal outlives the condition until a named person resets it: high physiological alerts of vitals and of
/// devices (as on Dräger and GE monitors) and the safety alert of a wrong patient.
#[must_use]
pub fn latches(alert: &Alert) -> bool {
    let of_patient = match alert.key.code {
        ConditionCode::WrongPatient => return true,
        ConditionCode::Limit(..) => true,
        ConditionCode::DeviceAlert(_) => alert.class == AlertClass::Physiological,
        _ => false,
    };
    of_patient && alert.priority == Priority::High
}

/// Moves the signal as the table says and counts the transition; `None` if the table has no such move.
fn step(alert: &mut Alert, trigger: Trigger, cause: Cause) -> Option<Transition> {
    let line = transitions::line(trigger, Layers::from(&*alert), latches(alert))?;
    alert.signal = line.to_signal.unwrap_or(alert.signal);
    alert.transition += 1;
    alert.followed = 0;
    Some(Transition(cause))
}

/// Somebody is asked: at the first level, or at the one that the episode has reached.
fn ask(alert: &mut Alert) {
    alert.response = if alert.level > FIRST_LEVEL {
        Response::Escalated { level: alert.level, to: Vec::new() }
    } else {
        Response::Notified { to: Vec::new() }
    };
}

/// Row 10: the condition came back while the signal was latched; the same episode goes on.
pub fn come_back(alert: &mut Alert, new: Raise) -> Option<Transition> {
    let moved = step(alert, Trigger::Returned, Cause::Returned)?;
    alert.condition = Condition::Present;
    ask(alert);
    alert.ended_at = None;
    alert.count += 1;
    alert.again = alert.again.saturating_add(new.again);
    alert.since = new.since;
    alert.value = new.value;
    alert.detail = new.detail;
    alert.reported = new.reported;
    if new.priority >= alert.priority {
        alert.priority = new.priority;
        alert.limit = new.limit;
        alert.delay_ms = new.delay;
    }
    Some(moved)
}

/// Row 4: a higher priority; an acknowledgement no longer holds.
pub fn worsen(
    alert: &mut Alert,
    priority: Priority,
    value: Option<f64>,
    limit: Option<f64>,
    delay: Millis,
) -> Option<Transition> {
    let moved = step(alert, Trigger::Worsened, Cause::Worsened)?;
    alert.priority = alert.priority.max(priority);
    alert.value = value;
    alert.limit = limit;
    alert.delay_ms = delay;
    ask(alert);
    Some(moved)
}

/// Row 20: the device says something else of its alert; signal and response stay.
pub fn tell(alert: &mut Alert) -> Option<Transition> {
    step(alert, Trigger::Told, Cause::Told)
}

/// Row 20: what a score is made of has changed; signal and response stay. If it is no higher, who saw it before has seen it.
pub fn follow(alert: &mut Alert, value: f64, detail: String) -> Option<Transition> {
    let no_worse = alert.value.is_some_and(|before| value <= before);
    let followed = alert.followed;
    let moved = step(alert, Trigger::Told, Cause::Told)?;
    alert.followed = if no_worse { followed.saturating_add(1) } else { 0 };
    alert.value = Some(value);
    alert.detail = Some(detail);
    Some(moved)
}

/// Row 5: nobody answered in time, or who acknowledged did not answer the reminders; `to` are asked at the next level.
pub fn escalate(alert: &mut Alert, to: Vec<LoginName>) -> Option<Transition> {
    let moved = step(alert, Trigger::Unanswered, Cause::Escalated)?;
    alert.level = alert.level.saturating_add(1).min(LAST_LEVEL);
    alert.response = Response::Escalated { level: alert.level, to };
    Some(moved)
}

/// Row 7: it was acknowledged, and the condition lasts: the signal is on again, its owner stays. So again while nobody answers.
pub fn remind(alert: &mut Alert) -> Option<Transition> {
    step(alert, Trigger::Remind, Cause::Reminded)
}

/// Row 15: it can no longer be judged; signal and response stay.
pub fn hold(alert: &mut Alert, reason: InopReason) -> Option<Transition> {
    let trigger = if reason == InopReason::Awaiting { Trigger::Restart } else { Trigger::CannotJudge };
    let moved = step(alert, trigger, Cause::Held)?;
    alert.condition = Condition::Inop { reason };
    Some(moved)
}

/// Row 16: it can be judged again and is still so.
pub fn resume(alert: &mut Alert, value: Option<f64>) -> Option<Transition> {
    let moved = step(alert, Trigger::ValidAgain, Cause::Resumed)?;
    alert.condition = Condition::Present;
    alert.value = value;
    Some(moved)
}

/// Row 8: the condition has gone. The alert is closed unless its signal latches.
pub fn clear(alert: &mut Alert, value: Option<f64>, at: Timestamp) -> Option<Transition> {
    let moved = step(alert, Trigger::Cleared, Cause::Cleared)?;
    alert.condition = Condition::Absent;
    alert.ended_at = Some(at);
    alert.value = value.or(alert.value);
    if alert.signal == Signal::Off {
        let by = alert.owner().cloned();
        alert.response = Response::Closed { reason: CloseReason::Cleared, by };
    }
    Some(moved)
}

/// Compare-and-set: the alert is open and has not moved since the person saw it.
fn seen_as_it_is(alert: &Alert, seen: u32) -> Result<(), Refusal> {
    if alert.is_closed() {
        return Err(Refusal::NotOpen { alert: alert.id });
    }
    if !alert.is_as_seen(seen) {
        let owner = alert.owner().cloned();
        return Err(Refusal::Changed { alert: alert.id, transition: alert.transition, owner });
    }
    Ok(())
}

/// Row 6: a person acknowledges. Compare-and-set on the transition number.
///
/// # Errors
/// If the alert is closed, acknowledged already, latched, or has moved since the person saw it.
pub fn acknowledge(alert: &mut Alert, seen: u32, by: &Actor, at: Timestamp) -> Result<Transition, Refusal> {
    if let (Signal::Ack, Response::Accepted { by: owner, .. }) = (alert.signal, &alert.response) {
        return Err(Refusal::AlreadyAcknowledged { alert: alert.id, owner: owner.clone() });
    }
    seen_as_it_is(alert, seen)?;
    if alert.signal == Signal::Latch {
        return Err(Refusal::ReasonWanted { alert: alert.id });
    }
    let moved = step(alert, Trigger::Acknowledge, Cause::Acknowledged);
    let moved = moved.ok_or(Refusal::NotOpen { alert: alert.id })?;
    alert.response = Response::Accepted { by: by.clone(), at };
    Ok(moved)
}

/// Row 9: a person resets a latched signal. Compare-and-set on the transition number.
///
/// # Errors
/// If the alert is closed, not latched, or has moved since the person saw it.
pub fn reset(alert: &mut Alert, seen: u32, by: &Actor) -> Result<Transition, Refusal> {
    seen_as_it_is(alert, seen)?;
    let moved = step(alert, Trigger::Reset, Cause::Reset).ok_or(Refusal::NotLatched { alert: alert.id })?;
    alert.response = Response::Closed { reason: CloseReason::Reviewed, by: Some(by.clone()) };
    Ok(moved)
}

/// Row 11: a person takes it on; the signal stays. Compare-and-set on the transition number.
///
/// # Errors
/// If the alert is closed, somebody deals with it, or it has moved since the person saw it.
pub fn accept(alert: &mut Alert, seen: u32, by: &Actor, at: Timestamp) -> Result<Transition, Refusal> {
    if let Response::Accepted { by: owner, .. } = &alert.response {
        return Err(Refusal::AlreadyAccepted { alert: alert.id, owner: owner.clone() });
    }
    seen_as_it_is(alert, seen)?;
    let moved = step(alert, Trigger::Accept, Cause::Accepted).ok_or(Refusal::NotOpen { alert: alert.id })?;
    alert.response = Response::Accepted { by: by.clone(), at };
    Ok(moved)
}

/// Row 11: a person cannot come. Compare-and-set on the transition number.
///
/// # Errors
/// If the alert is closed, somebody deals with it, or it has moved since the person saw it.
pub fn decline(alert: &mut Alert, seen: u32, by: &Actor, reason: Remark, at: Timestamp) -> Result<Transition, Refusal> {
    if let Response::Accepted { by: owner, .. } = &alert.response {
        return Err(Refusal::AlreadyAccepted { alert: alert.id, owner: owner.clone() });
    }
    seen_as_it_is(alert, seen)?;
    let moved = step(alert, Trigger::Decline, Cause::Declined).ok_or(Refusal::NotOpen { alert: alert.id })?;
    alert.response = Response::Declined { by: by.clone(), at, reason };
    Ok(moved)
}

/// Row 11: a person gives it to another, who has to accept it; until then it signals. Compare-and-set on the transition
/// number.
///
/// # Errors
/// If the alert is closed or over, another person deals with it, or it has moved since the person saw it.
pub fn hand_over(alert: &mut Alert, seen: u32, by: &Actor, to: LoginName) -> Result<Transition, Refusal> {
    if let Response::Accepted { by: owner, .. } = &alert.response
        && !owner.is_same_person(by)
    {
        return Err(Refusal::NotYours { alert: alert.id, owner: owner.clone() });
    }
    seen_as_it_is(alert, seen)?;
    let moved = step(alert, Trigger::HandOver, Cause::HandedOver).ok_or(Refusal::NotOpen { alert: alert.id })?;
    alert.response = Response::Notified { to: vec![to] };
    Ok(moved)
}

/// Row 11: it goes along with its patient from one who deals with it to another, who has signed for the patient. The
/// signal and the reminder stay as they are.
pub fn pass_on(alert: &mut Alert, is_giver: impl Fn(&Actor) -> bool, to: &Actor, at: Timestamp) -> Option<Transition> {
    let is_from = |owner: &Actor| is_giver(owner) && !owner.is_same_person(to);
    if !matches!(&alert.response, Response::Accepted { by, .. } if is_from(by)) {
        return None;
    }
    let moved = step(alert, Trigger::PassOn, Cause::HandedOver)?;
    alert.response = Response::Accepted { by: to.clone(), at };
    Some(moved)
}

/// Rows 12 to 14: a pause makes it quiet, or no longer does.
pub fn inactivate(alert: &mut Alert, to: Inactivation) -> Option<Transition> {
    let trigger = |kind: PauseKind| match kind {
        PauseKind::AudioPaused | PauseKind::AudioOff => Trigger::PauseAudio,
        PauseKind::AlarmPaused | PauseKind::Standby => Trigger::PauseAlarms,
        PauseKind::AlarmOff => Trigger::AlarmOff,
    };
    let kind = to.kind().or(alert.inactivation.kind())?;
    let cause = if to.is_enabled() { Cause::Unpaused } else { Cause::Paused };
    let moved = step(alert, trigger(kind), cause)?;
    alert.inactivation = to;
    Some(moved)
}

/// Row 17: the patient was moved to another bed; the episode goes along.
pub fn transfer(alert: &mut Alert, bed: BedId) -> Option<Transition> {
    let moved = step(alert, Trigger::Transfer, Cause::Moved)?;
    alert.bed = Some(bed);
    Some(moved)
}

/// Row 17: the patient left, the device was taken away, or the recording ended.
pub fn close(alert: &mut Alert, reason: CloseReason, at: Timestamp) -> Option<Transition> {
    let moved = step(alert, Trigger::Leave, Cause::Closed)?;
    let by = alert.owner().cloned();
    alert.ended_at = alert.ended_at.or(Some(at));
    alert.response = Response::Closed { reason, by };
    Some(moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeviceAlertCode, Role, Side, vital::SPO2};

    fn t(s: i64) -> Timestamp {
        Timestamp::from_ms(s * 1000)
    }

    fn new(priority: Priority) -> Raise {
        let key = AlertKey {
            patient: Some("p1".parse().unwrap()),
            code: ConditionCode::Limit(SPO2, Side::Low),
            device: Some("d1".parse().unwrap()),
        };
        Raise {
            key,
            encounter: None,
            bed: None,
            priority,
            since: t(0),
            value: Some(85.0),
            limit: Some(90.0),
            delay: Millis(10_000),
            detail: None,
            again: 0,
            reported: None,
        }
    }

    fn nurse(name: &str) -> Actor {
        Actor::User {
            user: name.parse().unwrap(),
            name: name.into(),
            role: Role::Nurse,
            session: "s1".parse().unwrap(),
        }
    }

    #[test]
    fn who_saw_a_score_has_seen_it_while_it_stays_or_falls() {
        let mut alert = raise(AlertId(1), Raise { value: Some(9.0), ..new(Priority::Medium) }, t(0));
        let seen = alert.transition;
        for value in [9.0, 7.0] {
            assert!(follow(&mut alert, value, String::new()).is_some());
        }
        assert_eq!((alert.transition, alert.followed), (seen + 2, 2));
        assert!(alert.is_as_seen(seen) && !alert.is_as_seen(seen - 1) && !alert.is_as_seen(seen + 3));
        let mut risen = alert.clone();
        assert!(follow(&mut risen, 8.0, String::new()).is_some());
        let late = acknowledge(&mut risen, seen, &nurse("anna"), t(9));
        assert!(matches!(late, Err(Refusal::Changed { .. })), "an older view quiets no worse alert: {late:?}");
        assert!(acknowledge(&mut alert, seen, &nurse("anna"), t(9)).is_ok());
        assert!(!alert.is_as_seen(seen), "an answer is more than a score that fell");
    }

    #[test]
    fn an_alert_of_a_device_latches_if_it_is_high_and_of_the_patient() {
        for (class, priority, expected) in [
            (AlertClass::Physiological, Priority::High, true),
            (AlertClass::Physiological, Priority::Medium, false),
            (AlertClass::Technical, Priority::High, false),
        ] {
            let mut alert = raise(AlertId(1), new(priority), t(10));
            alert.key.code = ConditionCode::DeviceAlert(DeviceAlertCode::new("MDC_EVT_APNEA", ""));
            alert.class = class;
            assert_eq!(latches(&alert), expected, "{class:?} {priority:?}");
        }
    }

    #[test]
    fn row_6_exactly_one_of_two_acknowledgements_wins_and_both_see_who() {
        let mut alert = raise(AlertId(1), new(Priority::Medium), t(10));
        assert_eq!(acknowledge(&mut alert, 1, &nurse("anna"), t(11)), Ok(Transition(Cause::Acknowledged)));
        let second = acknowledge(&mut alert, 1, &nurse("ben"), t(11));
        assert_eq!(second, Err(Refusal::AlreadyAcknowledged { alert: AlertId(1), owner: nurse("anna") }));
        assert_eq!(alert.owner(), Some(&nurse("anna")));
        assert_eq!((alert.signal, alert.condition), (Signal::Ack, Condition::Present), "ack quiets, never clears");
    }

    #[test]
    fn an_acknowledgement_of_an_older_transition_never_quiets_a_worse_alert() {
        let mut alert = raise(AlertId(1), new(Priority::Medium), t(10));
        worsen(&mut alert, Priority::High, Some(78.0), Some(80.0), Millis(5_000));
        let stale = acknowledge(&mut alert, 1, &nurse("anna"), t(12));
        assert_eq!(stale, Err(Refusal::Changed { alert: AlertId(1), transition: 2, owner: None }));
        assert_eq!(alert.signal, Signal::On);
    }

    #[test]
    fn who_is_asked_is_of_the_level_that_was_reached() {
        let mut alert = raise(AlertId(1), new(Priority::Medium), t(10));
        worsen(&mut alert, Priority::High, Some(78.0), Some(80.0), Millis(5_000));
        assert_eq!(alert.response, Response::Notified { to: Vec::new() });
        escalate(&mut alert, Vec::new());
        worsen(&mut alert, Priority::High, Some(70.0), Some(80.0), Millis(5_000));
        assert_eq!(alert.response, Response::Escalated { level: FIRST_LEVEL + 1, to: Vec::new() });
    }

    #[test]
    fn row_4_worsening_cancels_the_acknowledgement() {
        let mut alert = raise(AlertId(1), new(Priority::Medium), t(10));
        acknowledge(&mut alert, 1, &nurse("anna"), t(11)).unwrap();
        worsen(&mut alert, Priority::High, Some(78.0), Some(80.0), Millis(5_000));
        assert_eq!((alert.signal, &alert.response), (Signal::On, &Response::Notified { to: vec![] }));
    }

    #[test]
    fn row_8_medium_ends_with_its_condition_high_latches() {
        let mut medium = raise(AlertId(1), new(Priority::Medium), t(10));
        clear(&mut medium, Some(95.0), t(20));
        assert!(medium.is_closed());
        let mut high = raise(AlertId(2), new(Priority::High), t(10));
        clear(&mut high, Some(95.0), t(20));
        assert_eq!((high.signal, high.condition, high.is_closed()), (Signal::Latch, Condition::Absent, false));
        let quiet = acknowledge(&mut high, 2, &nurse("anna"), t(30));
        assert_eq!(quiet, Err(Refusal::ReasonWanted { alert: AlertId(2) }), "row 9: a reset says what was found");
        reset(&mut high, 2, &nurse("anna")).unwrap();
        assert_eq!(high.response, Response::Closed { reason: CloseReason::Reviewed, by: Some(nurse("anna")) });
        assert_eq!(high.ended_at, Some(t(20)), "the end is the end of the condition, not of the signal");
    }

    #[test]
    fn row_8_an_acknowledged_high_alert_ends_with_its_condition() {
        let mut high = raise(AlertId(2), new(Priority::High), t(10));
        acknowledge(&mut high, 1, &nurse("anna"), t(11)).unwrap();
        clear(&mut high, Some(95.0), t(20));
        assert_eq!(high.response, Response::Closed { reason: CloseReason::Cleared, by: Some(nurse("anna")) });
    }

    #[test]
    fn row_10_a_latched_alert_that_comes_back_is_the_same_episode() {
        let mut high = raise(AlertId(2), new(Priority::High), t(10));
        clear(&mut high, Some(95.0), t(20));
        come_back(&mut high, Raise { since: t(40), ..new(Priority::Medium) });
        assert_eq!((high.count, high.signal, high.priority), (2, Signal::On, Priority::High));
        assert_eq!((high.since, high.ended_at), (t(40), None));
    }

    #[test]
    fn row_15_a_held_alert_keeps_signal_and_owner() {
        let mut alert = raise(AlertId(1), new(Priority::Medium), t(10));
        acknowledge(&mut alert, 1, &nurse("anna"), t(11)).unwrap();
        hold(&mut alert, InopReason::NotMeasured);
        assert_eq!(alert.signal, Signal::Ack);
        assert_eq!(alert.owner(), Some(&nurse("anna")));
        resume(&mut alert, Some(84.0));
        assert_eq!(alert.condition, Condition::Present);
    }

    #[test]
    fn row_17_leaving_closes_a_latched_alert_with_its_reason() {
        let mut high = raise(AlertId(2), new(Priority::High), t(10));
        clear(&mut high, Some(95.0), t(20));
        close(&mut high, CloseReason::Discharged, t(90));
        assert_eq!(high.response, Response::Closed { reason: CloseReason::Discharged, by: None });
        assert!(acknowledge(&mut high, 3, &nurse("anna"), t(91)).is_err());
    }
}
