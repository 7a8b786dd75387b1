//! How long people have to answer, and who is asked next.
//!
//! Timers are fixed: no receipt of delivery and nothing that somebody has merely looked at hastens or delays them. Only a
//! named person who takes the alert on ends them.

use crate::domain::{
    Alert, AlertClass, BedId, Cause, Duty, LoginName, Millis, Priority, Rota, Signal, Timestamp,
    alert::{FIRST_LEVEL, LAST_LEVEL},
};

/// How long people have, by kind of alert. Times count from when the alert was raised, became worse or came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponsePolicy {
    /// High alerts: until levels 2, 3 and 4 are asked.
    pub high: Vec<Millis>,
    /// Medium physiological alerts.
    pub medium: Vec<Millis>,
    /// Medium technical alerts.
    pub technical: Vec<Millis>,
    /// How long after an acknowledgement the signal of a high alert comes on again while the condition lasts.
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
            Cause::HandedOver if alert.is_answered() => alert.escalates_at = None,
            Cause::Raised | Cause::Worsened | Cause::Returned | Cause::Escalated | Cause::HandedOver => {
                alert.reminds_at = None;
                alert.escalates_at = self.until_next(alert).map(|span| at + span);
            }
            Cause::Acknowledged => {
                alert.escalates_at = None;
                alert.reminds_at = self.reminder(alert).map(|span| at + span);
            }
            Cause::Declined => alert.escalates_at = (alert.level < LAST_LEVEL).then_some(at),
            Cause::Accepted | Cause::Cleared | Cause::Reset | Cause::Closed => {
                alert.escalates_at = None;
                alert.reminds_at = None;
            }
            Cause::Reminded => alert.reminds_at = None,
            Cause::Paused if alert.inactivation.is_silent() => alert.escalates_at = None,
            Cause::Unpaused if alert.signal == Signal::On && !alert.is_answered() && alert.escalates_at.is_none() => {
                alert.escalates_at = self.until_next(alert).map(|span| at + span);
            }
            Cause::Held | Cause::Resumed | Cause::Paused | Cause::Unpaused | Cause::Moved => {}
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
