//! The transitions of an alert, as one table: from which condition, signal and response a trigger leads where.
//!
//! Source: clinical reference, alert state machine; IEC 60601-1-8 and ISO/IEEE 11073-10207 for condition and signal, IHE
//! ACM for the response. Row numbers are those of `docs/alerts.md`. [`super::episode`] moves alerts by this table alone;
//! what the table does not have does not happen.

use crate::domain::{Alert, Condition, Response, Signal};

/// Layer 1 without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionKind {
    /// Not so.
    Absent,
    /// So, but not for its delay yet. It has no alert, and stays inside the machine of the condition.
    Pending,
    /// So.
    Present,
    /// It cannot be judged: held.
    Inop,
}

/// Layer 3 without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseKind {
    /// There is no alert yet.
    None,
    /// The first level is asked.
    Notified,
    /// A higher level is asked.
    Escalated,
    /// Somebody deals with it.
    Accepted,
    /// Who was asked cannot come.
    Declined,
    /// Over.
    Closed,
}

/// What moves an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// A value is beyond a limit that is monitored, and of good quality.
    Violated,
    /// Within again before the delay.
    WithinBeforeDelay,
    /// Beyond for the delay.
    DelayOver,
    /// Beyond the second limit.
    Worsened,
    /// Nobody answered in time.
    Unanswered,
    /// A person acknowledges.
    Acknowledge,
    /// The time after an acknowledgement is over and the condition lasts.
    Remind,
    /// Clearly within for long enough.
    Cleared,
    /// A person resets a latched signal.
    Reset,
    /// The condition is back while the signal is latched.
    Returned,
    /// A person takes it on.
    Accept,
    /// A person cannot come.
    Decline,
    /// A person gives it to another.
    HandOver,
    /// It goes along with its patient, to whom both have signed for.
    PassOn,
    /// A pause of sound begins or ends.
    PauseAudio,
    /// A pause of alarms or a standby begins or ends.
    PauseAlarms,
    /// An alarm is switched off or on.
    AlarmOff,
    /// It can no longer be judged.
    CannotJudge,
    /// It can be judged again.
    ValidAgain,
    /// The patient left, the device was taken away, the recording ended.
    Leave,
    /// The patient was moved to another bed.
    Transfer,
    /// The server starts again.
    Restart,
    /// The wall clock jumps.
    ClockJump,
    /// The device says something else of its alert, or a score has another total or other parts.
    Told,
}

/// Who may bring a transition about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// The system by itself.
    System,
    /// A nurse, a charge nurse or a doctor; never a viewer.
    Responder,
    /// A charge nurse or a doctor.
    ChargeOrDoctor,
    /// Whoever manages who is where.
    Census,
}

/// One line of the table. A row with several outcomes has several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Row number.
    pub row: u8,
    /// What happens.
    pub trigger: Trigger,
    /// From these conditions; any if empty.
    pub condition: &'static [ConditionKind],
    /// From these signals; any if empty.
    pub signal: &'static [Signal],
    /// From these responses; any if empty.
    pub response: &'static [ResponseKind],
    /// Only if the signal latches, or only if it does not; either if absent.
    pub latching: Option<bool>,
    /// The condition after it; as before if absent.
    pub to_condition: Option<ConditionKind>,
    /// The signal after it; as before if absent.
    pub to_signal: Option<Signal>,
    /// The response after it, one of these; as before if empty.
    pub to_response: &'static [ResponseKind],
    /// Who.
    pub actor: ActorKind,
}

use ConditionKind::{Absent, Inop, Pending, Present};
use ResponseKind::{Accepted, Closed, Declined, Escalated, Notified};

/// The responses of an alert that nobody deals with.
const UNANSWERED: &[ResponseKind] = &[Notified, Escalated, Declined];
/// The responses of an alert that is not over.
const OPEN: &[ResponseKind] = &[Notified, Escalated, Declined, Accepted];
/// Somebody is asked, at whatever level.
const ASKED: &[ResponseKind] = &[Notified, Escalated];

const LINE: Line = Line {
    row: 0,
    trigger: Trigger::Violated,
    condition: &[],
    signal: &[],
    response: OPEN,
    latching: None,
    to_condition: None,
    to_signal: None,
    to_response: &[],
    actor: ActorKind::System,
};

/// The 20 rows.
pub const TABLE: &[Line] = &[
    Line {
        row: 1,
        trigger: Trigger::Violated,
        condition: &[Absent],
        signal: &[Signal::Off],
        response: &[ResponseKind::None],
        to_condition: Some(Pending),
        ..LINE
    },
    Line {
        row: 2,
        trigger: Trigger::WithinBeforeDelay,
        condition: &[Pending],
        signal: &[Signal::Off],
        response: &[ResponseKind::None],
        to_condition: Some(Absent),
        ..LINE
    },
    Line {
        row: 3,
        trigger: Trigger::DelayOver,
        condition: &[Pending],
        signal: &[Signal::Off],
        response: &[ResponseKind::None],
        to_condition: Some(Present),
        to_signal: Some(Signal::On),
        to_response: &[Notified],
        ..LINE
    },
    Line {
        row: 4,
        trigger: Trigger::Worsened,
        condition: &[Present],
        to_signal: Some(Signal::On),
        to_response: ASKED,
        ..LINE
    },
    Line {
        row: 5,
        trigger: Trigger::Unanswered,
        condition: &[Present, Inop],
        signal: &[Signal::On],
        response: UNANSWERED,
        to_response: &[Escalated],
        ..LINE
    },
    // Who acknowledged has not answered reminders.
    Line {
        row: 5,
        trigger: Trigger::Unanswered,
        condition: &[Present, Inop],
        signal: &[Signal::On],
        response: &[Accepted],
        to_response: &[Escalated],
        ..LINE
    },
    Line {
        row: 6,
        trigger: Trigger::Acknowledge,
        signal: &[Signal::On],
        to_signal: Some(Signal::Ack),
        to_response: &[Accepted],
        actor: ActorKind::Responder,
        ..LINE
    },
    Line {
        row: 7,
        trigger: Trigger::Remind,
        condition: &[Present, Inop],
        signal: &[Signal::Ack, Signal::On],
        response: &[Accepted],
        to_signal: Some(Signal::On),
        ..LINE
    },
    Line {
        row: 8,
        trigger: Trigger::Cleared,
        condition: &[Present, Inop],
        signal: &[Signal::On],
        latching: Some(true),
        to_condition: Some(Absent),
        to_signal: Some(Signal::Latch),
        ..LINE
    },
    Line {
        row: 8,
        trigger: Trigger::Cleared,
        condition: &[Present, Inop],
        signal: &[Signal::On],
        latching: Some(false),
        to_condition: Some(Absent),
        to_signal: Some(Signal::Off),
        to_response: &[Closed],
        ..LINE
    },
    Line {
        row: 8,
        trigger: Trigger::Cleared,
        condition: &[Present, Inop],
        signal: &[Signal::Ack],
        to_condition: Some(Absent),
        to_signal: Some(Signal::Off),
        to_response: &[Closed],
        ..LINE
    },
    Line {
        row: 9,
        trigger: Trigger::Reset,
        condition: &[Absent],
        signal: &[Signal::Latch],
        to_signal: Some(Signal::Off),
        to_response: &[Closed],
        actor: ActorKind::Responder,
        ..LINE
    },
    Line {
        row: 10,
        trigger: Trigger::Returned,
        condition: &[Absent],
        signal: &[Signal::Latch],
        to_condition: Some(Present),
        to_signal: Some(Signal::On),
        to_response: ASKED,
        ..LINE
    },
    Line {
        row: 11,
        trigger: Trigger::Accept,
        response: UNANSWERED,
        to_response: &[Accepted],
        actor: ActorKind::Responder,
        ..LINE
    },
    Line {
        row: 11,
        trigger: Trigger::Decline,
        response: ASKED,
        to_response: &[Declined],
        actor: ActorKind::Responder,
        ..LINE
    },
    Line {
        row: 11,
        trigger: Trigger::HandOver,
        condition: &[Present, Inop],
        signal: &[Signal::On, Signal::Ack],
        to_signal: Some(Signal::On),
        to_response: &[Notified],
        actor: ActorKind::Responder,
        ..LINE
    },
    Line {
        row: 11,
        trigger: Trigger::PassOn,
        response: &[Accepted],
        to_response: &[Accepted],
        actor: ActorKind::Responder,
        ..LINE
    },
    Line { row: 12, trigger: Trigger::PauseAudio, actor: ActorKind::Responder, ..LINE },
    Line { row: 13, trigger: Trigger::PauseAlarms, actor: ActorKind::Responder, ..LINE },
    Line { row: 14, trigger: Trigger::AlarmOff, actor: ActorKind::ChargeOrDoctor, ..LINE },
    Line { row: 15, trigger: Trigger::CannotJudge, condition: &[Present, Inop], to_condition: Some(Inop), ..LINE },
    Line { row: 16, trigger: Trigger::ValidAgain, condition: &[Inop], to_condition: Some(Present), ..LINE },
    Line {
        row: 17,
        trigger: Trigger::Leave,
        to_signal: Some(Signal::Off),
        to_response: &[Closed],
        actor: ActorKind::Census,
        ..LINE
    },
    Line { row: 17, trigger: Trigger::Transfer, actor: ActorKind::Census, ..LINE },
    Line { row: 18, trigger: Trigger::Restart, condition: &[Present, Inop], to_condition: Some(Inop), ..LINE },
    Line { row: 19, trigger: Trigger::ClockJump, ..LINE },
    Line { row: 20, trigger: Trigger::Told, condition: &[Present, Inop], ..LINE },
];

/// The three layers of an alert without their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layers {
    /// Layer 1.
    pub condition: ConditionKind,
    /// Layer 2.
    pub signal: Signal,
    /// Layer 3.
    pub response: ResponseKind,
}

impl Layers {
    /// Before there is an alert.
    pub const BEFORE: Self = Self { condition: Pending, signal: Signal::Off, response: ResponseKind::None };
}

impl From<&Alert> for Layers {
    fn from(alert: &Alert) -> Self {
        let condition = match alert.condition {
            Condition::Absent => Absent,
            Condition::Present => Present,
            Condition::Inop { .. } => Inop,
        };
        let response = match alert.response {
            Response::Notified { .. } => Notified,
            Response::Escalated { .. } => Escalated,
            Response::Declined { .. } => Declined,
            Response::Accepted { .. } => Accepted,
            Response::Closed { .. } => Closed,
        };
        Self { condition, signal: alert.signal, response }
    }
}

impl Line {
    /// Whether the line begins at these layers.
    #[must_use]
    pub fn begins_at(&self, layers: Layers, latches: bool) -> bool {
        let any_or = |empty: bool, found: bool| empty || found;
        any_or(self.condition.is_empty(), self.condition.contains(&layers.condition))
            && any_or(self.signal.is_empty(), self.signal.contains(&layers.signal))
            && any_or(self.response.is_empty(), self.response.contains(&layers.response))
            && self.latching.is_none_or(|wanted| wanted == latches)
    }

    /// Whether the line leads from one to the other.
    #[must_use]
    pub fn leads(&self, from: Layers, to: Layers) -> bool {
        to.condition == self.to_condition.unwrap_or(from.condition)
            && to.signal == self.to_signal.unwrap_or(from.signal)
            && if self.to_response.is_empty() {
                to.response == from.response
            } else {
                self.to_response.contains(&to.response)
            }
    }
}

/// The line of the table for a trigger at these layers; `None` if it moves nothing there.
#[must_use]
pub fn line(trigger: Trigger, layers: Layers, latches: bool) -> Option<&'static Line> {
    TABLE.iter().find(|line| line.trigger == trigger && line.begins_at(layers, latches))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table, to be read and agreed by hand.
    #[test]
    fn golden_table() {
        let mut table = String::new();
        for line in TABLE {
            let any = |list: String| if list == "[]" { "any".to_owned() } else { list };
            let latching = match line.latching {
                Some(true) => ", latching",
                Some(false) => ", not latching",
                None => "",
            };
            let to = [
                line.to_condition.map(|c| format!("{c:?}")),
                line.to_signal.map(|s| format!("{s:?}")),
                (!line.to_response.is_empty()).then(|| format!("{:?}", line.to_response)),
            ];
            let to: Vec<String> = to.into_iter().flatten().collect();
            table.push_str(&format!(
                "{:>2} {:?} by {:?}: {} / {} / {}{latching} -> {}\n",
                line.row,
                line.trigger,
                line.actor,
                any(format!("{:?}", line.condition)),
                any(format!("{:?}", line.signal)),
                any(format!("{:?}", line.response)),
                if to.is_empty() { "as before".to_owned() } else { to.join(" / ") },
            ));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn there_are_twenty_rows_and_none_is_closed_twice() {
        let rows: std::collections::BTreeSet<u8> = TABLE.iter().map(|line| line.row).collect();
        assert_eq!(rows, (1..=20).collect());
        for line in TABLE {
            assert!(!line.response.contains(&Closed), "nothing moves what is over: {line:?}");
        }
    }

    #[test]
    fn a_line_leads_to_what_it_names_and_leaves_the_rest() {
        let from = Layers { condition: Present, signal: Signal::On, response: Notified };
        let others = |to: Layers| {
            [
                Layers { condition: Pending, ..to },
                Layers { signal: Signal::Latch, ..to },
                Layers { response: Declined, ..to },
            ]
        };
        let moves = Line {
            to_condition: Some(Inop),
            to_signal: Some(Signal::Ack),
            to_response: &[Accepted, Escalated],
            ..LINE
        };
        for (line, to) in [
            (LINE, from),
            (moves, Layers { condition: Inop, signal: Signal::Ack, response: Accepted }),
            (moves, Layers { condition: Inop, signal: Signal::Ack, response: Escalated }),
        ] {
            assert!(line.leads(from, to));
            assert!(others(to).iter().all(|other| !line.leads(from, *other)), "{line:?}");
        }
    }

    #[test]
    fn of_the_lines_of_one_trigger_at_most_one_begins_anywhere() {
        let signals = [Signal::Off, Signal::On, Signal::Latch, Signal::Ack];
        let conditions = [Absent, Pending, Present, Inop];
        let responses = [ResponseKind::None, Notified, Escalated, Accepted, Declined, Closed];
        for condition in conditions {
            for signal in signals {
                for response in responses {
                    for latches in [false, true] {
                        let layers = Layers { condition, signal, response };
                        for line in TABLE {
                            let same = TABLE.iter().filter(|l| l.trigger == line.trigger);
                            assert!(same.filter(|l| l.begins_at(layers, latches)).count() <= 1, "{layers:?}");
                        }
                    }
                }
            }
        }
    }
}
