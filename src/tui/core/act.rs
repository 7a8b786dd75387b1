//! What a person can do about an alert or a patient besides acknowledging, and why it cannot be done now.

use super::{
    app::{App, Page},
    devices::DeviceSubject,
    limits::LimitsSubject,
    link::Phase,
};
use crate::{
    domain::{Actor, Alert, AlertId, PatientId, Priority, Response, Shift, Signal},
    protocol::LetterView,
    rights::{Decision, Object, Principal, Relation, Standing, Verb, decide},
};

/// What a person can do about an alert or a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Act {
    /// Say what was found and reset a latched signal.
    Reset,
    /// Take the alert on.
    Accept,
    /// Say that one cannot come.
    Decline,
    /// Give it to another person.
    HandOver,
    /// Say something about it.
    Comment,
    /// Make this condition quiet for minutes.
    Snooze,
    /// Make the patient's alarms quiet for a procedure at the bed.
    Procedure,
    /// Take the sound away for minutes, from a patient or from the ward.
    Sound,
    /// The patient is away from the monitor.
    Standby,
    /// Switch this alarm off for hours.
    AlarmOff,
    /// Change a limit or a delay of a patient.
    SetLimits,
    /// Take the limits that are suggested for a vital of a patient.
    TakeSuggestion,
    /// Take changed limits of a patient back.
    ResetLimits,
    /// Chart what was seen at the bed.
    Chart,
    /// Enter a shift.
    AddShift,
    /// Take a shift out.
    RemoveShift,
    /// Give a device to a patient, whomever it measured before.
    AssignDevice,
    /// Take a device from its patient.
    EndAssignment,
    /// Drive a dead letter again.
    RetryLetter,
    /// Drive all dead letters of a kind again.
    RetryLetters,
    /// End a dead letter that needs no action.
    DropLetter,
}

/// What an act is about, as it was on the screen when the act began.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// An alert in the state that the person has seen.
    Alert {
        /// The alert.
        alert: AlertId,
        /// The transition that the person has seen.
        transition: u32,
    },
    /// A patient.
    Patient(PatientId),
    /// The whole ward.
    Ward,
    /// The limits of a vital of a patient.
    Limits(Box<LimitsSubject>),
    /// A shift of the rota.
    Shift(Shift),
    /// A device, and whom it measured.
    Device(Box<DeviceSubject>),
    /// A dead letter.
    Letter(Box<LetterView>),
}

impl Act {
    /// All acts, in the order of the help.
    pub const ALL: [Self; 21] = [
        Self::Reset,
        Self::Accept,
        Self::Decline,
        Self::HandOver,
        Self::Comment,
        Self::Snooze,
        Self::Procedure,
        Self::Sound,
        Self::Standby,
        Self::AlarmOff,
        Self::SetLimits,
        Self::TakeSuggestion,
        Self::ResetLimits,
        Self::Chart,
        Self::AddShift,
        Self::RemoveShift,
        Self::AssignDevice,
        Self::EndAssignment,
        Self::RetryLetter,
        Self::RetryLetters,
        Self::DropLetter,
    ];

    /// One or two words for the footer, and a sentence for the help.
    pub(super) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Reset => ("reset", "reset an alert that is over: say what you found"),
            Self::Accept => ("coming", "take the alert on: no further people are asked; it signals until acknowledged"),
            Self::Decline => ("cannot come", "say that you cannot come: the next level is asked at once"),
            Self::HandOver => ("hand over", "give the alert to another person"),
            Self::Comment => ("note", "say something about the alert, for the others to see"),
            Self::Snooze => ("snooze", "make this condition quiet for 5 to 60 min; never a high alert"),
            Self::Procedure => {
                ("pause", "pause the patient's alarms for 1 to 3 min, for a procedure; high breaks through")
            }
            Self::Sound => ("mute", "take the sound away for 2 min; what is new or worse sounds"),
            Self::Standby => ("standby", "the patient is away from the monitor for 10 to 30 min"),
            Self::AlarmOff => {
                ("alarm off", "switch this alarm off for hours; high alerts too if a second person agrees")
            }
            Self::SetLimits => ("change", "change the selected limit or delay, with a reason and an end"),
            Self::TakeSuggestion => ("suggested", "take the limits that the last 15 min suggest for this vital"),
            Self::AddShift => ("new shift", "enter who is on duty, as what, from when until when"),
            Self::RemoveShift => ("take out", "take the selected shift out of the rota"),
            Self::AssignDevice => ("assign", "give the selected device to a patient, from now on"),
            Self::EndAssignment => ("take away", "take the selected device from its patient, from now on"),
            Self::RetryLetter => ("try again", "drive the dead letter again, once its cause is mended"),
            Self::RetryLetters => ("all of a kind", "drive again all that are listed of this sender and reason"),
            Self::DropLetter => ("drop", "mark the dead letter as needing no action"),
            Self::Chart => ("chart", "chart consciousness, oxygen, scale of saturation, pregnancy"),
            Self::ResetLimits => ("reset", "take changed limits of the patient back"),
        }
    }

    /// What it is called above its questions.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Reset => "RESET: WHAT DID YOU FIND?",
            Self::Accept => "TAKE ON?",
            Self::Decline => "CANNOT COME: WHY?",
            Self::HandOver => "HAND OVER TO WHOM?",
            Self::Comment => "NOTE",
            Self::Snooze => "SNOOZE THIS CONDITION",
            Self::Procedure => "PAUSE ALL ALARMS OF THE PATIENT",
            Self::Sound => "PAUSE THE SOUND",
            Self::Standby => "STANDBY: PATIENT AWAY FROM THE MONITOR",
            Self::AlarmOff => "SWITCH THIS ALARM OFF",
            Self::SetLimits => "CHANGE A LIMIT",
            Self::TakeSuggestion => "TAKE SUGGESTED LIMITS",
            Self::AddShift => "NEW SHIFT",
            Self::RemoveShift => "TAKE A SHIFT OUT",
            Self::AssignDevice => "ASSIGN A DEVICE",
            Self::EndAssignment => "TAKE A DEVICE AWAY",
            Self::RetryLetter => "TRY A DEAD LETTER AGAIN",
            Self::RetryLetters => "TRY DEAD LETTERS OF A KIND AGAIN",
            Self::DropLetter => "DROP A DEAD LETTER: WHY?",
            Self::Chart => "CHART",
            Self::ResetLimits => "TAKE CHANGED LIMITS BACK",
        }
    }

    /// Whether it is about the patient and not about one alert.
    #[must_use]
    pub const fn is_about_patient(self) -> bool {
        matches!(self, Self::Procedure | Self::Sound | Self::Standby | Self::Chart)
    }

    /// What is said if nothing that it could be about is selected.
    pub(super) const fn none_selected(self) -> &'static str {
        match self {
            Self::SetLimits | Self::TakeSuggestion | Self::ResetLimits => "no limit is selected",
            Self::RemoveShift => "no shift is selected",
            Self::AssignDevice | Self::EndAssignment => "no device is selected",
            Self::RetryLetter | Self::RetryLetters | Self::DropLetter => "no dead letter is selected",
            _ if self.is_about_patient() => "no patient is selected",
            _ => "no alert is selected",
        }
    }

    const fn verb(self) -> Verb {
        match self {
            Self::Reset | Self::Accept | Self::Decline | Self::HandOver | Self::Comment => Verb::AcknowledgeAlert,
            Self::Snooze | Self::Procedure | Self::Sound | Self::Standby => Verb::PauseAlerts,
            Self::AlarmOff => Verb::SwitchAlarmsOff,
            Self::SetLimits | Self::TakeSuggestion | Self::ResetLimits => Verb::ChangeLimits,
            Self::Chart => Verb::ChartPatient,
            Self::AddShift | Self::RemoveShift => Verb::ManageRota,
            Self::AssignDevice | Self::EndAssignment => Verb::ManageCensus,
            Self::RetryLetter | Self::RetryLetters | Self::DropLetter => Verb::TriageMessages,
        }
    }
}

impl App {
    /// Whether the page is one of those on which alerts and patients are dealt with.
    pub(super) const fn shows_alerts(&self) -> bool {
        matches!(self.page, Page::Ward | Page::Queue | Page::Patient)
    }

    /// Whether an act belongs to the page.
    pub(super) const fn is_here(&self, act: Act) -> bool {
        match act {
            Act::SetLimits | Act::TakeSuggestion | Act::ResetLimits => matches!(self.page, Page::Limits),
            Act::AddShift | Act::RemoveShift => matches!(self.page, Page::Rota),
            Act::AssignDevice | Act::EndAssignment => matches!(self.page, Page::Devices),
            Act::RetryLetter | Act::RetryLetters | Act::DropLetter => matches!(self.page, Page::Ops),
            _ => self.shows_alerts(),
        }
    }

    /// What an act would be about now; `None` if nothing that it could be about is selected.
    #[must_use]
    pub fn subject_of(&self, act: Act) -> Option<Subject> {
        let patient = || self.selected_patient().map(|p| Subject::Patient(p.patient.id.clone()));
        match act {
            Act::Sound => patient().or_else(|| self.ward.is_some().then_some(Subject::Ward)),
            Act::Procedure | Act::Standby | Act::Chart => patient(),
            Act::AddShift => self.ward.is_some().then_some(Subject::Ward),
            Act::AssignDevice | Act::EndAssignment => {
                self.device_subject().map(|device| Subject::Device(Box::new(device)))
            }
            Act::RetryLetter | Act::RetryLetters | Act::DropLetter => self.letter_subject(),
            Act::RemoveShift => self.selected_shift.clone().map(Subject::Shift),
            Act::SetLimits | Act::TakeSuggestion | Act::ResetLimits => {
                self.selected_limits().map(|limits| Subject::Limits(Box::new(limits)))
            }
            _ => {
                let alert = self.target_alert()?;
                Some(Subject::Alert { alert: alert.id, transition: alert.transition })
            }
        }
    }

    /// Why an act cannot be done now; `None` if it can.
    #[must_use]
    pub fn why_not_act(&self, act: Act, subject: &Subject) -> Option<&'static str> {
        let of_state = match subject {
            Subject::Ward => None,
            Subject::Shift(shift) => self.why_not_shift(shift),
            Subject::Device(device) => self.why_not_device(device, act == Act::EndAssignment),
            Subject::Letter(letter) => self.why_not_letter(letter),
            Subject::Limits(limits) => self.why_not_limits(act, limits),
            Subject::Patient(patient) => {
                let here = self.ward.as_ref().is_some_and(|ward| ward.patients.contains_key(patient));
                (!here).then_some("the patient is not here any more")
            }
            Subject::Alert { alert, .. } => match self.ward.as_ref().and_then(|ward| ward.alerts.get(alert)) {
                None => Some("it is over"),
                Some(alert) => self.why_not_of_state(act, alert),
            },
        };
        of_state.or_else(|| self.why_not_ask(act.verb()))
    }

    /// Why nothing of this kind can be asked of the server now: the lock, the link, or the role.
    #[must_use]
    pub fn why_not_ask(&self, verb: Verb) -> Option<&'static str> {
        if self.is_locked() {
            return Some("the session is locked: unlock it first");
        }
        if !matches!(self.link.phase, Phase::Up) || !self.link.health(self.now).is_live() {
            return Some("there is no link to the server");
        }
        (!self.may(verb)).then_some(match verb {
            Verb::AcknowledgeAlert => "your role may not acknowledge",
            Verb::HandOver => "your role hands over no patients",
            Verb::SwitchAlarmsOff => "your role may not switch alarms off: ask charge or a doctor",
            Verb::ManageCensus => "your role may not assign devices: ask charge",
            Verb::ManageRota => "your role may not change the rota: ask charge",
            Verb::ReadHistory => "your role may not read reports",
            Verb::ChartPatient => "your role may not chart",
            Verb::ChangeLimits => "your role may not change limits",
            Verb::TriageMessages => "your role may do nothing about dead letters: ask ops",
            _ => "your role may not pause alarms",
        })
    }

    /// Whether the role of the session may do something.
    pub(in crate::tui) fn may(&self, verb: Verb) -> bool {
        let Some(session) = &self.session else { return false };
        let principal = Principal::of_role(session.role, Standing::FULL);
        decide(&principal, verb, Object::Ward(Relation::Ward)) == Decision::Allow
    }

    fn why_not_of_state(&self, act: Act, alert: &Alert) -> Option<&'static str> {
        let accepted = match &alert.response {
            Response::Accepted { by, .. } => Some(by),
            _ => None,
        };
        let mine = |by: &Actor| self.session.as_ref().is_some_and(|s| s.user == by.label());
        let latched = alert.signal == Signal::Latch;
        match act {
            Act::Reset if !latched => Some("it is not over: acknowledge it"),
            Act::Accept | Act::Decline | Act::HandOver if latched => Some("it is over: reset it"),
            Act::Accept if accepted.is_some_and(mine) => Some("you deal with it already"),
            Act::Decline if matches!(alert.response, Response::Declined { .. }) => {
                Some("somebody has said so already: the next level is asked")
            }
            Act::Accept | Act::Decline if accepted.is_some() => Some("somebody deals with it already"),
            Act::HandOver if accepted.is_some_and(|by| !mine(by)) => {
                Some("somebody else deals with it: only that person can hand it over")
            }
            Act::Snooze | Act::AlarmOff if alert.key.patient.is_none() => Some("it is about no patient"),
            Act::Snooze if alert.priority == Priority::High => {
                Some("a high alert is never snoozed: acknowledge it, or mute it")
            }
            _ => None,
        }
    }
}
