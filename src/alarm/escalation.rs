//! How long people have to answer, and who is asked next.
//!
//! Timers are fixed: no receipt of delivery and nothing that somebody has merely looked at hastens or delays them. Only a
//! named person who takes the alert on ends them.

use crate::domain::{
    Alert, AlertClass, BedId, Cause, Duty, LoginName, Millis, Priority, Rota, Signal, Timestamp,
    alert::{FIRST_LEVEL, LAST_LEVEL},
};

/// After so many reminders that nobody answers, the next level is asked: who acknowledged may have left.
pub const REMINDERS_UNANSWERED_MAX: u32 = 2;

/// How long people have, by kind of alert. Times count from when the alert was raised, became worse or came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponsePolicy {
    /// High alerts: until levels 2, 3 and 4 are asked.
    pub high: Vec<Millis>,
    /// Medium physiological alerts.
    pub medium: Vec<Millis>,
    /// Medium technical alerts.
    pub technical: Vec<Millis>,
    /// How long after an acknowledgement the signal of a high alert comes on again while the condition lasts, and how long
    /// after that again.
    pub reminder_high: Option<Millis>,
    /// The same of a medium alert.
    pub reminder_medium: Option<Millis>,
}

impl Default for ResponsePolicy {
    /// The escalation template of the clinical reference: high 60, 120, 180 s; medium 3 and 10 min; technical 15 min.
    fn default() -> Self {
        Self {
            high: [60, 120, 180].map(Millis::from_secs).into(),
            medium: [180, 600].map(Millis::from_secs).into(),
            technical: [900].map(Millis::from_secs).into(),
            reminder_high: Some(Millis::from_secs(120)),
            reminder_medium: Some(Millis::from_mins(10)),
        }
    }
}

impl ResponsePolicy {
    /// A policy that asks nobody further and reminds of nothing: for recordings, where nobody answers.
    #[must_use]
    pub const fn silent() -> Self {
        Self { high: Vec::new(), medium: Vec::new(), technical: Vec::new(), reminder_high: None, reminder_medium: None }
    }

    fn steps(&self, alert: &Alert) -> &[Millis] {
        match (alert.priority, alert.class) {
            (Priority::High, _) => &self.high,
            (Priority::Medium, AlertClass::Physiological) => &self.medium,
            (Priority::Medium, AlertClass::Technical) => &self.technical,
            (Priority::Low, _) => &[],
        }
    }

    /// How long the level that is asked has until the next one is asked; `None` at the last.
    #[must_use]
    pub fn until_next(&self, alert: &Alert) -> Option<Millis> {
        if alert.level >= LAST_LEVEL {
            return None;
        }
        let steps = self.steps(alert);
        let at = |level: u8| match level.checked_sub(FIRST_LEVEL + 1) {
            None => Some(Millis::ZERO),
            Some(index) => steps.get(usize::from(index)).copied(),
        };
        Some((at(alert.level + 1)? - at(alert.level)?).max(Millis::ZERO))
    }

    fn reminder(&self, alert: &Alert) -> Option<Millis> {
        match alert.priority {
            Priority::High => self.reminder_high,
            Priority::Medium => self.reminder_medium,
            Priority::Low => None,
        }
    }

    /// Sets when the alert escalates and when it reminds, after it was moved by `cause` at `at`.
    pub fn schedule(&self, alert: &mut Alert, cause: Cause, at: Timestamp) {
        match cause {
            // Both signed for the patient: nobody is asked, and the reminder stays.
            Cause::HandedOver if alert.is_answered() => {
                alert.reminded = 0;
                if alert.escalates_at.take().is_some() {
                    alert.reminds_at = self.reminder(alert).map(|span| at + span);
                }
            }
            Cause::Raised | Cause::Worsened | Cause::Returned | Cause::Escalated | Cause::HandedOver => {
                (alert.reminds_at, alert.reminded) = (None, 0);
                alert.escalates_at = self.until_next(alert).map(|span| at + span);
            }
            Cause::Acknowledged | Cause::Accepted => {
                (alert.escalates_at, alert.reminded) = (None, 0);
                alert.reminds_at = self.reminder(alert).map(|span| at + span);
            }
            Cause::Declined => alert.escalates_at = (alert.level < LAST_LEVEL).then_some(at),
            Cause::Cleared | Cause::Reset | Cause::Closed => {
                alert.escalates_at = None;
                alert.reminds_at = None;
            }
            Cause::Reminded => {
                alert.reminded = alert.reminded.saturating_add(1);
                let next = self.reminder(alert).map(|span| at + span);
                // Where the policy has no further level the next people are asked all the same, at the last level all again.
                let asks_others = alert.reminded >= REMINDERS_UNANSWERED_MAX;
                (alert.reminds_at, alert.escalates_at) = if asks_others { (None, next) } else { (next, None) };
            }
            Cause::Paused if alert.inactivation.is_silent() => alert.escalates_at = None,
            Cause::Unpaused if alert.signal == Signal::On && !alert.is_answered() && alert.escalates_at.is_none() => {
                alert.escalates_at = self.until_next(alert).map(|span| at + span);
            }
            // A pause of alarms took the last step of the reminders: they go on.
            Cause::Unpaused if alert.reminded > 0 && alert.reminds_at.is_none() && alert.escalates_at.is_none() => {
                alert.reminds_at = self.reminder(alert).map(|span| at + span);
            }
            Cause::Held | Cause::Resumed | Cause::Paused | Cause::Unpaused | Cause::Moved | Cause::Told => {}
        }
    }
}

/// Who is asked at a level: the nurse of the bed; then the other nurses and charge; then the doctor on call; then all.
#[must_use]
pub fn responders(rota: &Rota, level: u8, bed: Option<&BedId>, at: Timestamp) -> Vec<LoginName> {
    let of = |duty| rota.on_duty(duty, bed, at);
    let nurses = || rota.on_duty(Duty::Nurse, None, at);
    let mut names: Vec<LoginName> = match level {
        0 | FIRST_LEVEL => of(Duty::Nurse).cloned().collect(),
        2 => nurses().chain(of(Duty::Charge)).cloned().collect(),
        3 => of(Duty::Doctor).cloned().collect(),
        _ => nurses().chain(of(Duty::Charge)).chain(of(Duty::Doctor)).cloned().collect(),
    };
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alarm::episode::{self, Raise},
        domain::{Actor, AlertId, AlertKey, ConditionCode, Side, vital::SPO2},
    };
    use rstest::rstest;

    fn t(s: i64) -> Timestamp {
        Timestamp::from_ms(s * 1000)
    }

    fn alert(code: ConditionCode, priority: Priority, level: u8) -> Alert {
        let new = Raise {
            key: AlertKey { patient: None, code, device: None },
            encounter: None,
            bed: None,
            priority,
            since: t(0),
            value: None,
            limit: None,
            delay: Millis::ZERO,
            detail: None,
            again: 0,
            reported: None,
        };
        Alert { level, ..episode::raise(AlertId(1), new, t(0)) }
    }

    const LOW: ConditionCode = ConditionCode::Limit(SPO2, Side::Low);

    #[rstest]
    #[case(LOW, Priority::High, [Some(60), Some(60), Some(60), None])]
    #[case(LOW, Priority::Medium, [Some(180), Some(420), None, None])]
    #[case(ConditionCode::DeviceLost, Priority::High, [Some(60), Some(60), Some(60), None])]
    #[case(ConditionCode::DeviceLost, Priority::Medium, [Some(900), None, None, None])]
    #[case(LOW, Priority::Low, [None; 4])]
    fn each_level_has_its_time(
        #[case] code: ConditionCode,
        #[case] priority: Priority,
        #[case] seconds: [Option<i64>; 4],
    ) {
        let policy = ResponsePolicy::default();
        for (level, expected) in (FIRST_LEVEL..).zip(seconds) {
            let until = policy.until_next(&alert(code, priority, level));
            assert_eq!(until, expected.map(Millis::from_secs), "level {level}");
        }
        // More steps than there are levels ask nobody further.
        let long = ResponsePolicy { high: (1..=9).map(Millis::from_secs).collect(), ..policy };
        assert_eq!(long.until_next(&alert(LOW, Priority::High, LAST_LEVEL)), None);
        assert_eq!(long.until_next(&alert(LOW, Priority::High, LAST_LEVEL - 1)), Some(Millis::from_secs(1)));
    }

    #[rstest]
    #[case(FIRST_LEVEL, Some(t(9)))]
    #[case(LAST_LEVEL - 1, Some(t(9)))]
    #[case(LAST_LEVEL, None)]
    fn who_declines_is_followed_at_once_if_there_is_anybody(#[case] level: u8, #[case] next: Option<Timestamp>) {
        let mut declined = alert(LOW, Priority::High, level);
        ResponsePolicy::default().schedule(&mut declined, Cause::Declined, t(9));
        assert_eq!(declined.escalates_at, next);
    }

    #[rstest]
    #[case(Priority::High, FIRST_LEVEL, [(Some(120), None), (None, Some(120))])]
    #[case(Priority::Medium, FIRST_LEVEL, [(Some(600), None), (None, Some(600))])]
    #[case::all_are_asked_again(Priority::High, LAST_LEVEL, [(Some(120), None), (None, Some(120))])]
    #[case::behind_the_last_step(Priority::Medium, 3, [(Some(600), None), (None, Some(600))])]
    fn reminders_go_on_and_end_with_others_being_asked(
        #[case] priority: Priority,
        #[case] level: u8,
        #[case] next: [(Option<i64>, Option<i64>); 2],
    ) {
        let mut alert = alert(LOW, priority, level);
        for (reminder, escalation) in next {
            ResponsePolicy::default().schedule(&mut alert, Cause::Reminded, t(9));
            let at = |span: Option<i64>| span.map(|span| t(9 + span));
            assert_eq!((alert.reminds_at, alert.escalates_at), (at(reminder), at(escalation)));
        }
        ResponsePolicy::default().schedule(&mut alert, Cause::Acknowledged, t(20));
        assert_eq!((alert.reminded, alert.escalates_at), (0, None));
        assert!(alert.reminds_at.is_some(), "after an answer they begin anew");
    }

    #[test]
    fn a_pause_of_alarms_ends_no_reminders() {
        let policy = ResponsePolicy::default();
        let mut alert = Alert { reminded: REMINDERS_UNANSWERED_MAX, ..alert(LOW, Priority::High, FIRST_LEVEL) };
        assert!(episode::accept(&mut alert, 1, &Actor::System, t(5)).is_ok());
        policy.schedule(&mut alert, Cause::Unpaused, t(9));
        assert_eq!((alert.reminds_at, alert.escalates_at), (Some(t(129)), None));
    }

    #[test]
    fn after_a_pause_what_signals_has_its_time_anew() {
        let policy = ResponsePolicy::default();
        let next = |alert: &Alert| {
            let mut alert = alert.clone();
            policy.schedule(&mut alert, Cause::Unpaused, t(9));
            alert.escalates_at
        };
        let open = alert(LOW, Priority::High, FIRST_LEVEL);
        assert_eq!(next(&open), Some(t(69)));
        assert_eq!(next(&Alert { escalates_at: Some(t(20)), ..open.clone() }), Some(t(20)), "what runs runs on");
        assert_eq!(next(&Alert { signal: Signal::Ack, ..open.clone() }), None);
        let mut accepted = open;
        assert!(episode::accept(&mut accepted, 1, &Actor::System, t(5)).is_ok());
        assert_eq!(next(&accepted), None);
    }
}
