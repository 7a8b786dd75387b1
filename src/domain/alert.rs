//! One episode of an alarm condition, in three layers kept apart: condition, signal and response.
//!
//! Source: IEC 60601-1-8 (condition and signal), ISO/IEEE 11073-10207 (presence `On|Off|Latch|Ack`), IHE ACM (response).

use super::{
    Actor, AlertId, BedId, ConditionCode, DeviceId, EncounterId, Inactivation, InopReason, LoginName, Millis,
    PatientId, Remark, ReportedAlert, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How urgent an alert is (IEC 60601-1-8, table 1). Greater is more urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Awareness.
    Low,
    /// Prompt response.
    Medium,
    /// Immediate response.
    High,
}

impl Priority {
    /// The mark that bedside monitors use; it survives without colour.
    #[must_use]
    pub const fn mark(self) -> &'static str {
        match self {
            Self::High => "***",
            Self::Medium => "**",
            Self::Low => "*",
        }
    }

    /// The name in one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether an alert is about the patient or about equipment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertClass {
    /// A patient variable.
    Physiological,
    /// Equipment, or the alert system itself.
    Technical,
}

impl AlertClass {
    /// The name in one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Physiological => "physiological",
            Self::Technical => "technical",
        }
    }
}

/// Layer 1: is it so? (A pending condition has no alert yet and stays inside the engine.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Condition {
    /// No longer so.
    Absent,
    /// So.
    Present,
    /// It was so when it could last be judged: held, not cleared.
    Inop {
        /// Why it cannot be judged.
        reason: InopReason,
    },
}

/// Layer 2: is it being signalled?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Not signalled.
    Off,
    /// Signalled.
    On,
    /// Signalled although the condition has gone, until a named person resets it.
    Latch,
    /// Acknowledged: quiet for this episode.
    Ack,
}

/// Layer 3: who deals with it?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Response {
    /// Shown to the first level; nobody has answered.
    Notified {
        /// Who is asked, by the rota or because it was handed over; empty if no rota says.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        to: Vec<LoginName>,
    },
    /// Nobody has answered in time: more people are asked.
    Escalated {
        /// The level reached, from 2 on.
        level: u8,
        /// Who is asked, by the rota; empty if no rota says.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        to: Vec<LoginName>,
    },
    /// Somebody who was asked cannot come; the next level follows at once, if there is one.
    Declined {
        /// Who.
        by: Actor,
        /// When.
        at: Timestamp,
        /// Why.
        reason: Remark,
    },
    /// A named person deals with it.
    Accepted {
        /// Who.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// Over.
    Closed {
        /// Why.
        reason: CloseReason,
        /// Who had accepted it or reset it, if anybody.
        by: Option<Actor>,
    },
}

/// Why an alert is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The condition went away.
    Cleared,
    /// The condition went away and a named person reset the latched signal.
    Reviewed,
    /// The patient was discharged.
    Discharged,
    /// The device was taken from the patient.
    Unassigned,
    /// The limit that it was about was changed or switched off.
    LimitChanged,
    /// The recording that is being replayed ended.
    RecordingEnded,
}

/// What moved an alert from one state to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The condition lasted for its delay.
    Raised,
    /// The value went beyond the next limit.
    Worsened,
    /// The condition can no longer be judged.
    Held,
    /// The condition can be judged again and is still so.
    Resumed,
    /// The condition went away.
    Cleared,
    /// The condition came back while the signal was latched.
    Returned,
    /// A person acknowledged.
    Acknowledged,
    /// A person reset a latched signal.
    Reset,
    /// Nobody answered in time.
    Escalated,
    /// A person takes it on; the signal stays.
    Accepted,
    /// A person who was asked cannot come.
    Declined,
    /// A person gives it to another, who has to accept it.
    HandedOver,
    /// It was acknowledged and is still so: the signal is on again.
    Reminded,
    /// A pause made it quiet.
    Paused,
    /// The pause is over, or it broke through: it signals again.
    Unpaused,
    /// The patient was moved to another bed.
    Moved,
    /// The device says something else of its alert, or a score has another total or other parts.
    Told,
    /// The patient left, the device was taken away, or the recording ended.
    Closed,
}

/// What makes two episodes the same alert: patient, condition and source. At most one is open per key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AlertKey {
    /// The patient, if it is about one.
    pub patient: Option<PatientId>,
    /// The condition.
    pub code: ConditionCode,
    /// The device that it comes from, if it comes from one.
    pub device: Option<DeviceId>,
}

/// One episode of an alarm condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Number within the ward.
    pub id: AlertId,
    /// What it is about.
    #[serde(flatten)]
    pub key: AlertKey,
    /// The stay of the patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encounter: Option<EncounterId>,
    /// The bed when it was raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bed: Option<BedId>,
    /// Physiological or technical.
    pub class: AlertClass,
    /// The highest priority that the episode has had.
    pub priority: Priority,
    /// Layer 1.
    pub condition: Condition,
    /// Layer 2.
    pub signal: Signal,
    /// Layer 3.
    pub response: Response,
    /// Counts the transitions of this alert from 1; a command names the one it has seen.
    pub transition: u32,
    /// When the condition began, by the device's clock.
    pub since: Timestamp,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When the condition went away, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The value that caused the last transition, in the vital's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The limit in force for the reached priority, in the vital's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// The delay in force.
    pub delay_ms: Millis,
    /// How often the condition came, latched returns included.
    pub count: u32,
    /// How often values went beyond the limit again while the condition lasted or waited for its delay, without having
    /// been clearly within: violations that raised no alert of their own. Counted up to the last transition.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub again: u32,
    /// What is wrong, in a few words, where code and value do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The overlay of layer 2: whether a pause makes the signal quiet.
    #[serde(default, skip_serializing_if = "Inactivation::is_enabled")]
    pub inactivation: Inactivation,
    /// The highest level of escalation that the episode has reached, from 1 on.
    #[serde(default = "first_level", skip_serializing_if = "is_first_level")]
    pub level: u8,
    /// When the next level is asked if nobody answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalates_at: Option<Timestamp>,
    /// When the signal comes on again if the condition lasts although it was acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminds_at: Option<Timestamp>,
    /// How often it has reminded since somebody last acknowledged it or was asked.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reminded: u32,
    /// How many of its last transitions said nothing worse: a score that stayed or fell, or is made of other parts. Who saw the
    /// alert before them has seen it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub followed: u32,
    /// Counts the announcements of the ward: this alert's last one. It is announced when it is raised, becomes worse or
    /// comes back.
    #[serde(default)]
    pub announced: u64,
    /// The newest comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Comment>,
    /// What the device said last, if it is an alert of a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<Box<ReportedAlert>>,
}

/// What somebody said of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// The words.
    pub text: Remark,
}

/// The level at which an alert begins.
pub const FIRST_LEVEL: u8 = 1;
/// The highest level of escalation: the whole ward.
pub const LAST_LEVEL: u8 = 4;

/// For counts that are not written while there is nothing to count.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) const fn is_zero(count: &u32) -> bool {
    *count == 0
}

const fn first_level() -> u8 {
    FIRST_LEVEL
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_first_level(level: &u8) -> bool {
    *level == FIRST_LEVEL
}

impl Alert {
    /// Whether the episode is over.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.response, Response::Closed { .. })
    }

    /// Whether nothing but what is no worse was told of it since somebody saw it at this transition.
    #[must_use]
    pub const fn is_as_seen(&self, transition: u32) -> bool {
        transition <= self.transition && self.transition - transition <= self.followed
    }

    /// Whether it asks for an acknowledgement: its signal is on or latched, and no pause of alarms makes it quiet.
    #[must_use]
    pub fn is_unacknowledged(&self) -> bool {
        matches!(self.signal, Signal::On | Signal::Latch) && !self.inactivation.is_silent()
    }

    /// Whether nobody has answered it, and a pause of alarms, an alarm that is off or a standby makes it quiet.
    #[must_use]
    pub fn is_made_quiet(&self) -> bool {
        matches!(self.signal, Signal::On | Signal::Latch) && !self.is_answered() && self.inactivation.is_silent()
    }

    /// Whether it is to be heard: it asks for an acknowledgement, and no pause of sound covers it.
    #[must_use]
    pub fn is_audible(&self) -> bool {
        self.is_unacknowledged() && self.inactivation.is_enabled()
    }

    /// Whether somebody has said that he or she deals with it.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        matches!(self.response, Response::Accepted { .. } | Response::Closed { .. })
    }

    /// The order of urgency: unacknowledged before acknowledged, then priority, physiological before technical, then who
    /// is at the higher level of escalation, then the older first.
    #[must_use]
    pub fn urgency(&self) -> impl Ord + use<> {
        (
            !self.is_unacknowledged(),
            std::cmp::Reverse(self.priority),
            self.class == AlertClass::Technical,
            std::cmp::Reverse(self.level),
            self.raised_at,
            self.id,
        )
    }

    /// Who deals with it, if anybody.
    #[must_use]
    pub const fn owner(&self) -> Option<&Actor> {
        match &self.response {
            Response::Accepted { by, .. } | Response::Closed { by: Some(by), .. } => Some(by),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(id: u64, priority: &str, raised_at: &str, level: u8, signal: &str) -> Alert {
        let text = format!(
            r#"{{"id":{id},"patient":"p","code":"hr.low","device":"d","class":"physiological","priority":"{priority}",
            "condition":{{"state":"present"}},"signal":"{signal}","response":{{"state":"notified"}},"transition":1,
            "since":"{raised_at}","raised_at":"{raised_at}","delay_ms":0,"count":1,"level":{level}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_most_urgent_is_first() {
        let mut alerts = [
            alert(1, "high", "2026-11-27T01:00:00Z", 1, "ack"),
            alert(2, "low", "2026-11-27T01:00:00Z", 1, "on"),
            alert(3, "high", "2026-11-27T01:00:00Z", 1, "on"),
            alert(4, "high", "2026-11-27T01:02:00Z", 3, "on"),
            alert(5, "high", "2026-11-27T00:59:00Z", 1, "latch"),
            alert(6, "medium", "2026-11-27T00:00:00Z", 4, "on"),
        ];
        alerts.sort_by_key(Alert::urgency);
        assert_eq!(alerts.map(|alert| alert.id.0), [4, 5, 3, 6, 2, 1]);
    }
}
