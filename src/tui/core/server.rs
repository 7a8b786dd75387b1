//! What the server tells.

use super::{
    alert_report::ReportPage,
    app::{App, Dialog, LoginField, Page, SignedOut},
    audit::AuditLogPage,
    bell::Bell,
    command::Asked,
    emergencies::Emergencies,
    event::Effect,
    ops::OpsPage,
};
use crate::{
    client::{ClientEvent, ClientRequest},
    domain::{Event as JournalEvent, EventBody, Millis, PatientId, Refusal, Timestamp},
    protocol::{ErrorCode, HISTORY_PATIENTS_MAX, History, HistoryQuery, SessionInfo, SessionState},
    rights::Verb,
};

/// What the sparklines show.
const SPARK_SPAN: Millis = Millis::from_mins(60);
const MINUTE: Millis = Millis::from_mins(1);

impl App {
    pub(super) fn client(&mut self, event: ClientEvent, effects: &mut Vec<Effect>) {
        self.link.note(self.now, &event);
        match event {
            ClientEvent::Connecting { .. } => {}
            ClientEvent::AlertReport { id, report } => self.report_answered(id, report),
            ClientEvent::HandoverReport { id, report } => self.handover_told(id, *report),
            ClientEvent::Devices { id, list } => self.devices_told(id, list),
            ClientEvent::Ops { id, report } => self.ops_told(id, report),
            ClientEvent::Letters { id, letters, more } => self.letters_told(id, letters, more),
            ClientEvent::Retried { id, report } => self.letter_retried(id, &report, effects),
            ClientEvent::Disconnected { .. } => self.link_lost(),
            ClientEvent::Refused { why } => self.refused(why),
            ClientEvent::Connected(hello) => {
                self.session = Some(hello.session.clone());
                self.begin_audit(&hello);
            }
            ClientEvent::AuditLog { id, page } => self.audit_told(id, *page),
            ClientEvent::Snapshot { seq, view, .. } => {
                self.seq = seq;
                self.unrecorded.clear();
                self.ward = Some(*view);
                self.note_emergencies_of_ward();
                self.ask_for_sparks(effects);
            }
            ClientEvent::Vitals(updates) => {
                for update in &updates {
                    self.sparks.add(update);
                    if let Some(ward) = &mut self.ward {
                        ward.apply_vitals(update);
                    }
                }
            }
            ClientEvent::Event(entry) => {
                // After a cut, entries that the snapshot holds already come again: they change nothing but the page,
                // and an emergency that nobody here was told of is told.
                if entry.seq > self.seq {
                    self.seq = entry.seq;
                    self.apply(&entry.event, effects);
                    self.note_handover(&entry.event);
                }
                self.note_emergency(&entry.event);
                self.note_on_page(&entry.event);
            }
            ClientEvent::Unrecorded(event) => {
                if let EventBody::Alert { alert, .. } = &event.body {
                    self.unrecorded.insert(alert.id);
                }
                self.apply(&event, effects);
                self.note_on_page(&event);
            }
            ClientEvent::Skipped { to, .. } => self.seq = self.seq.max(to),
            ClientEvent::Heartbeat { store, audit, .. } => {
                self.store = store;
                self.audit = audit;
            }
            ClientEvent::Result { id, done, refusal } => self.answered(id, done, refusal.as_ref()),
            ClientEvent::History { id, history } => self.history(id, history),
            ClientEvent::Trail(standing) => self.trail.note(self.now, standing),
            ClientEvent::Session(session) => self.session_changed(session),
            ClientEvent::Error { code, detail, id } => self.error(code, detail, id),
        }
    }

    fn link_lost(&mut self) {
        match &self.commands.lose()[..] {
            [] => {}
            [one] => self.fail(format!("{}: the link was cut, look whether it was done", self.about(one))),
            more => self.fail(format!("the link was cut: look whether {} acts were done", more.len())),
        }
        self.sparks_asked.clear();
        if let Some(page) = &mut self.patient {
            page.asked_at = None;
        }
        self.suggestions_lost();
        self.report_lost();
        self.handover_lost();
        self.ops_lost();
        self.audit_lost();
    }

    /// The session is over: back to the login, with the reason. Nothing of the ward stays on the screen.
    fn refused(&mut self, why: String) {
        if let Some(ward) = self.ward.take() {
            // Alerts came until now: that they do not any more is an alarm of its own.
            let at = self.server_now();
            self.signed_out = Some(SignedOut { at, since: self.now, zone: ward.ward.time_zone, heard: false });
            self.bell = Bell::default();
        }
        self.session = None;
        self.sparks.clear();
        self.queue.clear();
        self.selected_pause = None;
        self.handover = super::handover::HandoverPage::default();
        self.devices = super::devices::DevicesPage::default();
        self.patient = None;
        self.limits = None;
        self.selected_shift = None;
        self.report = ReportPage::default();
        self.ops = OpsPage::default();
        self.audit_log = AuditLogPage::default();
        self.dialog = None;
        self.page = Page::Login;
        self.login.waiting = false;
        self.login.passphrase.clear();
        self.login.field = if self.login.user.is_empty() { LoginField::User } else { LoginField::Passphrase };
        let watched = self.signed_out.is_some();
        self.login.failed = Some(if watched { format!("your session has ended: sign in again ({why})") } else { why });
        // They name a patient. Whoever signs in is told again what he or she judges.
        self.notice = None;
        self.emergencies = Emergencies::default();
        self.commands.lose();
    }

    fn apply(&mut self, event: &JournalEvent, effects: &mut Vec<Effect>) {
        let Some(ward) = &mut self.ward else { return };
        ward.apply(event);
        self.note_devices(event);
        if let EventBody::Admitted { patient, .. } = &event.body {
            self.ask_for_sparks_of(vec![patient.id.clone()], effects);
        }
    }

    fn note_on_page(&mut self, event: &JournalEvent) {
        if let (EventBody::Alert { alert, .. }, Some(page)) = (&event.body, &mut self.patient) {
            page.note(alert);
        }
    }

    fn ask_for_sparks(&mut self, effects: &mut Vec<Effect>) {
        let Some(ward) = &self.ward else { return };
        let patients: Vec<PatientId> = ward.patients.keys().cloned().collect();
        self.sparks_asked.clear();
        for some in patients.chunks(HISTORY_PATIENTS_MAX) {
            self.ask_for_sparks_of(some.to_vec(), effects);
        }
    }

    fn ask_for_sparks_of(&mut self, patients: Vec<PatientId>, effects: &mut Vec<Effect>) {
        let (Some(ward), Some(now)) = (&self.ward, self.server_now()) else { return };
        // After a lock another snapshot follows the unlocking: then they are asked for.
        if self.is_locked() || !self.may(Verb::ReadHistory) {
            return;
        }
        let to = Timestamp::from_ms((now.as_ms().div_euclid(MINUTE.0) + 1) * MINUTE.0);
        let query = HistoryQuery {
            ward: ward.ward.id.clone(),
            patients,
            vitals: Vec::new(),
            from: to - SPARK_SPAN,
            to,
            points: 60,
            alerts: false,
        };
        let id = self.commands.number();
        self.sparks_asked.insert(id);
        effects.push(Effect::Send(ClientRequest::Query { id, query }));
    }

    /// Whether the last hour of a vital was asked for and is not there yet.
    #[must_use]
    pub fn awaits_sparks(&self) -> bool {
        !self.sparks_asked.is_empty()
    }

    fn history(&mut self, id: u64, history: History) {
        if self.sparks_asked.remove(&id) {
            self.sparks.load(&history);
            return;
        }
        if self.suggestions_answered(id, &history) {
            return;
        }
        let Some(page) = self.patient.as_mut().filter(|page| page.asked == Some(id)) else { return };
        let span = (history.from, history.to);
        if let Some(own) = history.patients.into_iter().find(|p| p.patient == page.patient) {
            page.load(span, own);
        }
    }

    fn answered(&mut self, id: u64, done: bool, refusal: Option<&Refusal>) {
        let Some(asked) = self.commands.end(id) else { return };
        let about = self.about(&asked);
        if let (Some(no), true) = (asked.of_letter(), done) {
            self.letter_dropped(no);
        }
        match refusal {
            None if done => self.say(format!("{about} {}", asked.done())),
            None => self.fail(format!("{about}: not done")),
            Some(refusal) => self.fail(format!("{about}: {refusal}")),
        }
    }

    /// What people call an alert, with a name as far as it may be seen now.
    pub(super) fn about(&self, asked: &Asked) -> String {
        asked.about(!self.is_locked())
    }

    fn session_changed(&mut self, session: SessionInfo) {
        match (session.state, &self.dialog) {
            (SessionState::Active, Some(Dialog::Unlock(_))) => {
                self.dialog = None;
                self.say("unlocked".to_owned());
            }
            (
                SessionState::Locked,
                Some(
                    Dialog::ConfirmAcknowledge { .. }
                    | Dialog::Sheet(_)
                    | Dialog::ConfirmPause { .. }
                    | Dialog::Handover(_),
                ),
            ) => self.dialog = None,
            _ => {}
        }
        if session.state == SessionState::Locked && !self.is_locked() {
            // It may name a patient.
            self.notice = None;
        }
        if self.session.as_ref().is_none_or(|known| known.state != session.state || known.role != session.role) {
            self.forget_devices();
            self.forget_ops();
        }
        self.session = Some(session);
    }

    pub(super) fn error(&mut self, code: ErrorCode, mut detail: String, id: Option<u64>) {
        if let Some(id) = id {
            self.sparks_asked.remove(&id);
            if self.handover_failed(id, &detail) {
                return;
            }
            if let Some(asked) = self.commands.end(id) {
                detail = format!("{}: {detail}", self.about(&asked));
                if let Some(no) = asked.of_letter() {
                    self.letter_failed(no);
                }
            }
            if let Some(page) = self.patient.as_mut().filter(|page| page.asked == Some(id)) {
                page.failed = Some(detail);
                return;
            }
            if self.devices_failed(id, &detail) {
                return;
            }
            if self.suggestions_failed(id, &detail) || self.report_failed(id, &detail) || self.ops_failed(id, &detail) {
                return;
            }
            if self.audit_failed(id, &detail) {
                return;
            }
        }
        if let Some(Dialog::Unlock(form)) = &mut self.dialog
            && (form.waiting || code == ErrorCode::WrongPassphrase)
        {
            form.waiting = false;
            let wrong = code == ErrorCode::WrongPassphrase;
            form.failed = Some(if wrong { "the passphrase is wrong".to_owned() } else { detail });
            return;
        }
        self.fail(detail);
    }

    pub(super) fn signed_in(&mut self, user: String) {
        self.login.user = user;
        self.login.passphrase.clear();
        self.login.waiting = false;
        self.login.failed = None;
        self.signed_out = None;
        self.page = Page::Ward;
    }

    pub(super) fn sign_in_failed(&mut self, why: String) {
        self.login.waiting = false;
        self.login.passphrase.clear();
        self.login.field = LoginField::Passphrase;
        self.login.failed = Some(why);
    }
}
