//! What a key can mean, and what is possible now.

use super::{
    act::{Act, Subject},
    app::{App, Dialog, Page},
    handover::Deed,
    page::Range,
};
use crate::{
    domain::{Alert, Priority, Signal},
    protocol::SessionState,
    rights::Verb,
};

/// What a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Acknowledge the selected alert; one that is over is reset.
    Acknowledge,
    /// Something else about the selected alert or patient.
    Do(Act),
    /// What is quiet.
    ShowPauses,
    /// End the selected pause.
    EndPause,
    /// Confirm the selected pause as the second person.
    ConfirmPause,
    /// Who owns whom, and what is handed over.
    ShowHandover,
    /// Something about handovers.
    Hand(Deed),
    /// Let marks flash, or not.
    Flash,
    /// Open the selected patient.
    Open,
    /// Who is on duty.
    ShowRota,
    /// Devices, and those whose values are nobody's.
    ShowDevices,
    /// The report of alerts, made anew.
    ShowReport,
    /// The report that is open, made anew.
    RenewReport,
    /// The intake and its dead letters.
    ShowOps,
    /// The audit trail, read anew.
    ShowAudit,
    /// The limits of the patient.
    ShowLimits,
    /// To the value on the left.
    FieldLeft,
    /// To the value on the right.
    FieldRight,
    /// Back to where one came from.
    Back,
    /// From the ward to the queue and back.
    SwitchPane,
    /// The ward.
    ShowWard,
    /// The queue.
    ShowQueue,
    /// Selection up.
    Up,
    /// Selection down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first.
    First,
    /// To the last.
    Last,
    /// To the most urgent alert that nobody has acknowledged.
    Worst,
    /// A shorter time axis.
    RangeShorter,
    /// A longer time axis.
    RangeLonger,
    /// Type a filter.
    Filter,
    /// Show all beds again.
    ClearFilter,
    /// Order by urgency or by bed.
    Sort,
    /// Unlock the session.
    Unlock,
    /// All keys.
    Help,
    /// Draw everything anew.
    Repaint,
    /// Leave the program.
    Quit,
}

/// Something that a key can do now, or why it cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What.
    pub action: Action,
    /// In one or two words, for the footer.
    pub words: &'static str,
    /// In a sentence, for the help.
    pub sentence: &'static str,
    /// Why not now; `None` if it can be done.
    pub not_now: Option<&'static str>,
}

impl Action {
    /// Every action, in the order of the help.
    pub const ALL: [Self; 62] = [
        Self::Acknowledge,
        Self::Do(Act::Reset),
        Self::Do(Act::Accept),
        Self::Do(Act::Decline),
        Self::Do(Act::HandOver),
        Self::Do(Act::Comment),
        Self::Do(Act::Snooze),
        Self::Do(Act::Procedure),
        Self::Do(Act::Sound),
        Self::Do(Act::Standby),
        Self::Do(Act::AlarmOff),
        Self::ShowPauses,
        Self::EndPause,
        Self::ConfirmPause,
        Self::ShowRota,
        Self::Do(Act::AddShift),
        Self::Do(Act::RemoveShift),
        Self::ShowReport,
        Self::RenewReport,
        Self::ShowDevices,
        Self::Do(Act::AssignDevice),
        Self::Do(Act::EndAssignment),
        Self::ShowOps,
        Self::Do(Act::RetryLetter),
        Self::Do(Act::RetryLetters),
        Self::Do(Act::DropLetter),
        Self::ShowAudit,
        Self::ShowHandover,
        Self::Hand(Deed::Give),
        Self::Hand(Deed::GiveAll),
        Self::Hand(Deed::Take),
        Self::Hand(Deed::Refuse),
        Self::Hand(Deed::Withdraw),
        Self::Open,
        Self::ShowLimits,
        Self::Do(Act::Chart),
        Self::Do(Act::SetLimits),
        Self::Do(Act::TakeSuggestion),
        Self::Do(Act::ResetLimits),
        Self::FieldLeft,
        Self::FieldRight,
        Self::Back,
        Self::Worst,
        Self::SwitchPane,
        Self::ShowWard,
        Self::ShowQueue,
        Self::Up,
        Self::Down,
        Self::PageUp,
        Self::PageDown,
        Self::First,
        Self::Last,
        Self::RangeShorter,
        Self::RangeLonger,
        Self::Filter,
        Self::ClearFilter,
        Self::Sort,
        Self::Flash,
        Self::Unlock,
        Self::Help,
        Self::Repaint,
        Self::Quit,
    ];

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Acknowledge => ("acknowledge", "acknowledge the selected alert; reset one that is over"),
            Self::Do(act) => act.words(),
            Self::ShowPauses => ("quiet", "show all that is paused or switched off, and until when"),
            Self::EndPause => ("end it", "end the selected pause: the alerts signal again"),
            Self::ConfirmPause => ("confirm", "confirm the selected pause as the second person"),
            Self::ShowHandover => ("handover", "show who owns whom, what is offered, and what there is to say"),
            Self::Hand(deed) => deed.words(),
            Self::Flash => ("flashing", "let the marks of alerts flash, or keep them lit"),
            Self::Open => ("patient", "open the selected patient"),
            Self::ShowRota => ("rota", "show who is on duty now and next, and where nobody is"),
            Self::ShowDevices => ("devices", "show devices, the worst first, and those that are nobody's"),
            Self::RenewReport => ("renew", "make the report of alerts anew; by itself it is, each minute"),
            Self::ShowReport => ("report", "show which alerts came, and how soon they were answered"),
            Self::ShowOps => ("intake", "show who sends, what becomes of it, and what could not be used"),
            Self::ShowAudit => ("read anew", "read the audit trail anew: it leaves an entry"),
            Self::ShowLimits => ("limits", "show the patient's alarm limits, and change them"),
            Self::FieldLeft => ("value", "select the value on the left"),
            Self::FieldRight => ("value", "select the value on the right"),
            Self::Back => ("back", "go back"),
            Self::SwitchPane => ("queue/ward", "switch between the ward and the alert queue"),
            Self::ShowWard => ("ward", "show the ward"),
            Self::ShowQueue => ("queue", "show the alert queue"),
            Self::Up => ("up", "select the one above"),
            Self::Down => ("down", "select the one below"),
            Self::PageUp => ("page up", "go up by a page"),
            Self::PageDown => ("page down", "go down by a page"),
            Self::First => ("first", "select the first"),
            Self::Last => ("last", "select the last"),
            Self::Worst => ("worst", "select the most urgent alert that nobody has acknowledged"),
            Self::RangeShorter => ("shorter", "show a shorter time"),
            Self::RangeLonger => ("longer", "show a longer time"),
            Self::Filter => ("filter", "beds: name, bed:4, high, medium, low, technical, alert, stale"),
            Self::ClearFilter => ("all beds", "show all beds again"),
            Self::Sort => ("sort", "order the ward by urgency or by bed"),
            Self::Unlock => ("unlock", "unlock with your passphrase"),
            Self::Help => ("help", "show all keys"),
            Self::Repaint => ("repaint", "draw the screen anew"),
            Self::Quit => ("quit", "leave"),
        }
    }
}

impl App {
    /// What can be done now, and why the rest cannot; actions that make no sense on this page are left out.
    #[must_use]
    pub fn offers(&self) -> Vec<Offer> {
        let offer = |action: Action| {
            let not_now = match self.possible(action) {
                Possible::Yes => None,
                Possible::No(why) => Some(why),
                Possible::NotHere => return None,
            };
            let (mut words, mut sentence) = action.words();
            if (action, self.page) == (Action::Filter, Page::Devices) {
                sentence = "devices: name, bed, patient, gateway, lost, battery, clock, nobody";
            }
            if self.page == Page::Audit {
                (words, sentence) = match action {
                    Action::Filter => (words, "patient:ID, user:NAME, reads, break-glass, failures, since:7d"),
                    Action::ClearFilter => ("all entries", "show all entries again"),
                    Action::Open => ("who saw", "show who saw the patient of the selected entry"),
                    _ => (words, sentence),
                };
            }
            Some(Offer { action, words, sentence, not_now })
        };
        Action::ALL.into_iter().filter_map(offer).collect()
    }

    pub(super) fn possible(&self, action: Action) -> Possible {
        if matches!(self.page, Page::Login) {
            return if matches!(action, Action::Quit | Action::Repaint) { Possible::Yes } else { Possible::NotHere };
        }
        if matches!(self.page, Page::Audit) {
            return self.possible_in_audit(action);
        }
        match action {
            Action::Acknowledge => self.may_acknowledge(),
            Action::Do(act) => self.may_do(act),
            Action::EndPause | Action::ConfirmPause => self.may_change_pause(action == Action::ConfirmPause),
            Action::ShowHandover => on(!matches!(self.page, Page::Handover)),
            Action::Hand(_) if self.page != Page::Handover => Possible::NotHere,
            Action::Hand(_) if self.is_too_small() => Possible::No("the screen is too small for it"),
            Action::Hand(deed) => self.why_not_hand(deed).map_or(Possible::Yes, Possible::No),
            Action::ShowPauses => on(!matches!(self.page, Page::Pauses)),
            Action::Open => match self.page {
                Page::Ward | Page::Queue if self.selected_patient().is_some() => Possible::Yes,
                Page::Ward | Page::Queue => Possible::No("no patient is selected"),
                _ => Possible::NotHere,
            },
            Action::ShowRota => on(!matches!(self.page, Page::Rota)),
            Action::ShowDevices => on(!matches!(self.page, Page::Devices)),
            Action::RenewReport if self.page != Page::AlertReport => Possible::NotHere,
            Action::RenewReport if self.report.waiting_since.is_some() => Possible::No("it is asked for"),
            Action::ShowReport | Action::RenewReport => {
                self.why_not_ask(Verb::ReadHistory).map_or(Possible::Yes, Possible::No)
            }
            Action::ShowOps => on(self.may(Verb::ReadStatus) && !matches!(self.page, Page::Ops)),
            Action::ShowAudit => Possible::NotHere,
            Action::ShowLimits => on(matches!(self.page, Page::Patient) && self.selected_patient().is_some()),
            Action::FieldLeft | Action::FieldRight => on(matches!(self.page, Page::Limits)),
            Action::Back => on(!matches!(self.page, Page::Ward | Page::Queue)),
            Action::RangeShorter => self.range(Range::shorter),
            Action::RangeLonger => self.range(Range::longer),
            Action::Filter => on(matches!(self.page, Page::Ward | Page::Queue | Page::Devices)),
            Action::SwitchPane | Action::Sort => on(matches!(self.page, Page::Ward | Page::Queue)),
            Action::ShowWard => on(!matches!(self.page, Page::Ward)),
            Action::ShowQueue => on(!matches!(self.page, Page::Queue)),
            Action::ClearFilter => on(!self.page_filter().is_empty()),
            Action::Unlock => on(self.is_locked()),
            Action::Worst if self.worst_unacknowledged().is_none() => Possible::No("every alert is acknowledged"),
            _ => Possible::Yes,
        }
    }

    /// Who reads the audit trail watches no ward: nothing else is there.
    fn possible_in_audit(&self, action: Action) -> Possible {
        match action {
            Action::ShowAudit => self.why_not_ask(Verb::ReadAudit).map_or(Possible::Yes, Possible::No),
            Action::Open => match self.audit_log.entry() {
                Some(entry) if entry.patient.is_some() => Possible::Yes,
                Some(_) => Possible::No("the entry is about no patient"),
                None => Possible::No("no entry is selected"),
            },
            Action::Filter
            | Action::Up
            | Action::Down
            | Action::PageUp
            | Action::PageDown
            | Action::First
            | Action::Last
            | Action::Help
            | Action::Repaint
            | Action::Quit => Possible::Yes,
            Action::ClearFilter => on(!self.page_filter().is_empty()),
            Action::Unlock => on(self.is_locked()),
            _ => Possible::NotHere,
        }
    }

    fn may_acknowledge(&self) -> Possible {
        if !self.shows_alerts() {
            return Possible::NotHere;
        }
        let Some(alert) = self.target_alert() else { return Possible::No("no alert is selected") };
        let why = match self.reset_of(alert) {
            Some(subject) => self.why_not_act(Act::Reset, &subject),
            None => self.why_not_acknowledge(alert),
        };
        why.map_or(Possible::Yes, Possible::No)
    }

    fn may_do(&self, act: Act) -> Possible {
        if !self.is_here(act) {
            return Possible::NotHere;
        }
        if self.is_too_small() && act != Act::Reset {
            return Possible::No("the screen is too small for it");
        }
        let Some(subject) = self.subject_of(act) else { return Possible::No(act.none_selected()) };
        self.why_not_act(act, &subject).map_or(Possible::Yes, Possible::No)
    }

    fn may_change_pause(&self, confirm: bool) -> Possible {
        if self.page != Page::Pauses {
            return Possible::NotHere;
        }
        let Some(pause) = self.selected_pause() else { return Possible::No("nothing is quiet") };
        let why = if confirm { self.why_not_confirm(pause) } else { self.why_not_end(pause) };
        why.map_or(Possible::Yes, Possible::No)
    }

    /// The reset that takes the place of an acknowledgement once the condition is over.
    pub(super) fn reset_of(&self, alert: &Alert) -> Option<Subject> {
        let latched = alert.signal == Signal::Latch;
        latched.then_some(Subject::Alert { alert: alert.id, transition: alert.transition })
    }

    /// Why an alert cannot be acknowledged now; `None` if it can.
    #[must_use]
    pub fn why_not_acknowledge(&self, alert: &Alert) -> Option<&'static str> {
        match alert.signal {
            Signal::Ack | Signal::Off => Some("it is acknowledged already"),
            Signal::Latch => Some("it is over: reset it with a few words of what you found"),
            Signal::On => self.why_not_ask(Verb::AcknowledgeAlert),
        }
    }

    fn range(&self, next: impl Fn(Range) -> Option<Range>) -> Possible {
        match (&self.page, &self.patient) {
            (Page::AlertReport, _) => Possible::Yes,
            (Page::Patient, Some(page)) if next(page.range).is_some() => Possible::Yes,
            (Page::Patient, _) => Possible::No("there is no other range on that side"),
            _ => Possible::NotHere,
        }
    }

    /// Whether the session is locked: names are hidden and nothing can be done.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.session.as_ref().is_some_and(|s| s.state == SessionState::Locked)
    }

    /// Whether leaving asks to be confirmed: somebody must look at a high alert.
    pub(super) fn leaving_needs_confirmation(&self) -> bool {
        let Some(ward) = &self.ward else { return false };
        let urgent = ward.alerts.values().any(|a| a.is_unacknowledged() && a.priority == Priority::High);
        urgent && !matches!(self.dialog, Some(Dialog::ConfirmQuit))
    }
}

/// Whether an action is possible.
pub(super) enum Possible {
    Yes,
    No(&'static str),
    NotHere,
}

const fn on(here: bool) -> Possible {
    if here { Possible::Yes } else { Possible::NotHere }
}
