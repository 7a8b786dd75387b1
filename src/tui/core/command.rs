//! What was asked of the server and is not answered yet.

use crate::{
    domain::{Alert, AlertId, Millis, PatientId, Pause},
    protocol::WardView,
    tui::words,
};
use std::collections::BTreeMap;

/// A command that is not answered within this time is told to be open: nobody knows whether it was done.
pub const COMMAND_TIMEOUT: Millis = Millis::from_secs(5);

/// Something that was asked for, with what people call it: it may be gone when the answer comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    alert: Option<AlertId>,
    letter: Option<u64>,
    at: Millis,
    bed: String,
    name: String,
    /// The condition, or what else it is about.
    what: String,
    /// What was done once the server has agreed.
    done: String,
}

impl Asked {
    fn new(now: Millis, what: String, done: String) -> Self {
        Self { alert: None, letter: None, at: now, bed: String::new(), name: String::new(), what, done }
    }

    fn of_patient(mut self, patient: Option<&PatientId>, ward: &WardView) -> Self {
        let name = words::name_of(ward, patient);
        // The family name is enough beside the bed.
        name.split(',').next().unwrap_or(name).clone_into(&mut self.name);
        if let Some(bed) = patient.and_then(|p| ward.patients.get(p)).map(|p| &p.bed) {
            words::bed_label(ward, bed).clone_into(&mut self.bed);
        }
        self
    }

    /// About an alert.
    pub(super) fn alert(id: AlertId, alert: Option<(&Alert, &WardView)>, done: String, now: Millis) -> Self {
        let Some((alert, ward)) = alert else {
            return Self { alert: Some(id), ..Self::new(now, format!("alert {id}"), done) };
        };
        let asked = Self::new(now, words::condition(alert, ward), done).of_patient(alert.key.patient.as_ref(), ward);
        Self { alert: Some(id), bed: words::bed_of(alert, ward).to_owned(), ..asked }
    }

    /// About what belongs to a patient: `alarms`, `sound`.
    pub(super) fn patient(patient: &PatientId, ward: &WardView, what: &str, done: String, now: Millis) -> Self {
        Self::new(now, what.to_owned(), done).of_patient(Some(patient), ward)
    }

    /// About a dead letter.
    pub(super) const fn letter(mut self, no: u64) -> Self {
        self.letter = Some(no);
        self
    }

    /// The dead letter that it is about.
    pub(super) const fn of_letter(&self) -> Option<u64> {
        self.letter
    }

    /// About the whole ward.
    pub(super) fn ward(what: &str, done: String, now: Millis) -> Self {
        Self::new(now, what.to_owned(), done)
    }

    /// About a pause.
    pub(super) fn pause(pause: &Pause, ward: &WardView, done: String, now: Millis) -> Self {
        Self::new(now, words::pause_what(pause, ward), done).of_patient(pause.scope.patient(), ward)
    }

    /// What it was about: `12-07 Horvat: NBPs 187 > 160`.
    pub(super) fn about(&self, with_name: bool) -> String {
        let name = if with_name { self.name.as_str() } else { "" };
        let place = format!("{} {name}", self.bed);
        match place.trim() {
            "" => self.what.clone(),
            place => format!("{place}: {}", self.what),
        }
    }

    /// What was done once the server has agreed.
    pub(super) fn done(&self) -> &str {
        &self.done
    }
}

/// Commands under way. Numbers are not used twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Commands {
    next: u64,
    open: BTreeMap<u64, Asked>,
}

impl Commands {
    /// A new number for a request.
    pub(super) const fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A new number for a command.
    pub(super) fn begin(&mut self, asked: Asked) -> u64 {
        let id = self.number();
        self.open.insert(id, asked);
        id
    }

    /// What an answered command was about.
    pub(super) fn end(&mut self, id: u64) -> Option<Asked> {
        self.open.remove(&id)
    }

    /// Whether something that was asked about the alert is under way.
    pub(super) fn is_open(&self, alert: AlertId) -> bool {
        self.open.values().any(|asked| asked.alert == Some(alert))
    }

    /// Takes out a command that was not answered in time.
    pub(super) fn overdue(&mut self, now: Millis) -> Option<Asked> {
        let id = self.open.iter().find(|(_, asked)| now - asked.at >= COMMAND_TIMEOUT).map(|(id, _)| *id)?;
        self.end(id)
    }

    /// Takes out all: the link they went over is gone.
    pub(super) fn lose(&mut self) -> Vec<Asked> {
        std::mem::take(&mut self.open).into_values().collect()
    }
}
