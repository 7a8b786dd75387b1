//! What each event changes.

use super::{
    action::Action,
    app::{App, Dialog, LoginField, Notice, NoticeKind, Page, UnlockForm},
    event::{Effect, Event},
    input::{Input, Key, KeyCode},
    link::{Health, LINK_ALARM_AFTER, Phase},
    page::{PatientPage, Range},
    queue::QUEUE_HOLD,
};
use crate::{
    access::Secret,
    client::{ClientEvent, ClientRequest},
    domain::{AlertId, Command, Event as JournalEvent, EventBody, Millis, PatientId, Priority, Refusal, Timestamp},
    protocol::{ErrorCode, HISTORY_PATIENTS_MAX, History, HistoryQuery, SessionInfo, SessionState},
    tui::{keymap, words},
};

/// How long a notice stays.
const NOTICE_TIME: Millis = Millis::from_secs(6);
/// The server is told at most this often that somebody is at the keyboard.
const ACTIVITY_INTERVAL: Millis = Millis::from_secs(20);
/// Rows of a page up or down.
const PAGE_ROWS: isize = 10;
/// Longest name and passphrase that the forms take, in characters.
const FIELD_MAX_CHARS: usize = 256;
/// What the sparklines show.
const SPARK_SPAN: Millis = Millis::from_mins(60);
const MINUTE: Millis = Millis::from_mins(1);

impl App {
    /// Takes in an event at `now` of the screen's monotonic clock, and says what is to be done.
    pub fn handle(&mut self, now: Millis, event: Event) -> Vec<Effect> {
        self.now = self.now.max(now);
        let mut effects = Vec::new();
        match event {
            Event::Input(input) => self.input(input, &mut effects),
            Event::Client(event) => self.client(*event, &mut effects),
            Event::SignedIn { user } => self.signed_in(user),
            Event::SignInFailed { why } => self.sign_in_failed(why),
            Event::NotSent { id } => self.error(ErrorCode::Busy, "not sent: the link takes nothing now".to_owned(), id),
            Event::Resumed { after_ms } => {
                self.fail(format!("suspended for {} s: alerts could not sound", after_ms / 1000));
                effects.push(Effect::Repaint);
            }
            Event::Tick => {}
        }
        self.time_passes(&mut effects);
        effects
    }

    /// When something changes although nothing comes: the next second on the clock while a clock is shown.
    #[must_use]
    pub fn next_wake(&self) -> Millis {
        let to_second = self.server_now().map_or(1000, |t| 1000 - t.as_ms().rem_euclid(1000));
        let mut next = self.now + Millis(to_second);
        if let Some((_, at)) = self.last_key
            && at + QUEUE_HOLD > self.now
        {
            next = next.min(at + QUEUE_HOLD);
        }
        next
    }

    fn time_passes(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now;
        if self.notice.as_ref().is_some_and(|notice| notice.until <= now) {
            self.notice = None;
        }
        if self.commands.overdue(now).is_some() {
            self.fail("the server has not answered: look whether it was done".to_owned());
        }
        if let Some(ward) = &self.ward {
            let held = self.last_key.is_some_and(|(_, at)| now - at < QUEUE_HOLD);
            self.queue.refresh(ward, held);
        }
        self.settle_selection();
        self.refresh_page(effects);
        let away = !matches!(self.health(), Health::Never) && !self.health().is_live();
        let lost = away && self.health().age().is_some_and(|age| age >= LINK_ALARM_AFTER);
        if self.page != Page::Login && self.bell.is_due(self.ward.as_ref(), lost, now) {
            effects.push(Effect::Bell);
        }
    }

    /// Asks for the trends of the patient's page when they are due.
    fn refresh_page(&mut self, effects: &mut Vec<Effect>) {
        let (Page::Patient, Phase::Up, Some(now)) = (self.page, &self.link.phase, self.server_now()) else { return };
        let (Some(page), Some(ward)) = (&mut self.patient, &self.ward) else { return };
        if !page.is_due(self.now) || self.session.as_ref().is_none_or(|s| s.state == SessionState::Locked) {
            return;
        }
        let id = self.commands.number();
        page.asked = Some(id);
        page.asked_at = Some(self.now);
        effects.push(Effect::Send(ClientRequest::Query { id, query: page.query(ward, now) }));
    }

    fn say(&mut self, text: String) {
        self.notice = Some(Notice { text, kind: NoticeKind::Done, until: self.now + NOTICE_TIME });
    }

    fn fail(&mut self, text: String) {
        self.notice = Some(Notice { text, kind: NoticeKind::Failed, until: self.now + NOTICE_TIME });
    }
}

/// What comes from the server.
impl App {
    fn client(&mut self, event: ClientEvent, effects: &mut Vec<Effect>) {
        self.link.note(self.now, &event);
        match event {
            ClientEvent::Connecting { .. } => {}
            ClientEvent::Disconnected { .. } => self.link_lost(),
            ClientEvent::Refused { why } => self.refused(why),
            ClientEvent::Connected(hello) => self.session = Some(hello.session),
            ClientEvent::Snapshot { seq, view, .. } => {
                self.seq = seq;
                self.unrecorded.clear();
                self.ward = Some(*view);
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
                // After a cut, entries that the snapshot holds already come again: they change nothing but the page.
                if entry.seq > self.seq {
                    self.seq = entry.seq;
                    self.apply(&entry.event, effects);
                }
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
            ClientEvent::Session(session) => self.session_changed(session),
            ClientEvent::Error { code, detail, id } => self.error(code, detail, id),
        }
    }

    fn link_lost(&mut self) {
        if self.commands.lose() {
            self.fail("the link was cut: look whether it was done".to_owned());
        }
        self.sparks_asked.clear();
        if let Some(page) = &mut self.patient {
            page.asked_at = None;
        }
    }

    /// The session is over: back to the login, with the reason. Nothing of the ward stays on the screen.
    fn refused(&mut self, why: String) {
        self.ward = None;
        self.session = None;
        self.sparks.clear();
        self.queue.clear();
        self.patient = None;
        self.dialog = None;
        self.page = Page::Login;
        self.login.waiting = false;
        self.login.passphrase.clear();
        self.login.field = if self.login.user.is_empty() { LoginField::User } else { LoginField::Passphrase };
        self.login.failed = Some(why);
    }

    fn apply(&mut self, event: &JournalEvent, effects: &mut Vec<Effect>) {
        let Some(ward) = &mut self.ward else { return };
        ward.apply(event);
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

    fn history(&mut self, id: u64, history: History) {
        if self.sparks_asked.remove(&id) {
            self.sparks.load(&history);
            return;
        }
        let Some(page) = self.patient.as_mut().filter(|page| page.asked == Some(id)) else { return };
        let span = (history.from, history.to);
        if let Some(own) = history.patients.into_iter().find(|p| p.patient == page.patient) {
            page.load(span, own);
        }
    }

    fn answered(&mut self, id: u64, done: bool, refusal: Option<&Refusal>) {
        let Some(alert) = self.commands.end(id) else { return };
        match refusal {
            None if done => self.say(format!("alert {alert} acknowledged")),
            None => self.fail(format!("alert {alert} was not acknowledged")),
            Some(refusal) => self.fail(refusal.to_string()),
        }
    }

    fn session_changed(&mut self, session: SessionInfo) {
        match (session.state, &self.dialog) {
            (SessionState::Active, Some(Dialog::Unlock(_))) => {
                self.dialog = None;
                self.say("unlocked".to_owned());
            }
            (SessionState::Locked, Some(Dialog::ConfirmAcknowledge { .. })) => self.dialog = None,
            _ => {}
        }
        self.session = Some(session);
    }

    fn error(&mut self, code: ErrorCode, detail: String, id: Option<u64>) {
        if let Some(id) = id {
            self.sparks_asked.remove(&id);
            self.commands.end(id);
            if let Some(page) = self.patient.as_mut().filter(|page| page.asked == Some(id)) {
                page.failed = Some(detail);
                return;
            }
        }
        if let Some(Dialog::Unlock(form)) = &mut self.dialog
            && (form.waiting || code == ErrorCode::WrongPassphrase)
        {
            form.waiting = false;
            form.failed = Some(detail);
            return;
        }
        self.fail(detail);
    }

    fn signed_in(&mut self, user: String) {
        self.login.user = user;
        self.login.passphrase.clear();
        self.login.waiting = false;
        self.login.failed = None;
        self.page = Page::Ward;
    }

    fn sign_in_failed(&mut self, why: String) {
        self.login.waiting = false;
        self.login.passphrase.clear();
        self.login.field = LoginField::Passphrase;
        self.login.failed = Some(why);
    }
}

/// What comes from the terminal.
impl App {
    fn input(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Resize { columns, rows } => self.size = (columns, rows),
            Input::Focus(_) => {}
            Input::Paste(text) => self.paste(&text),
            Input::Key(key) => {
                self.tell_activity(effects);
                if self.page == Page::Login {
                    self.login_key(key, effects);
                } else if self.dialog.is_some() {
                    self.dialog_key(key, effects);
                } else {
                    self.page_key(key, effects);
                }
                self.last_key = Some((key, self.now));
            }
        }
    }

    fn tell_activity(&mut self, effects: &mut Vec<Effect>) {
        let due = self.activity_told.is_none_or(|told| self.now - told >= ACTIVITY_INTERVAL);
        if due && matches!(self.link.phase, Phase::Up) && !self.is_locked() {
            self.activity_told = Some(self.now);
            effects.push(Effect::Send(ClientRequest::Activity));
        }
    }

    fn paste(&mut self, text: &str) {
        for c in text.chars().filter(|c| !c.is_control()).take(FIELD_MAX_CHARS) {
            match (self.page, &mut self.dialog) {
                (Page::Login, _) => self.login_char(c),
                (_, Some(Dialog::Filter { .. })) => self.filter.push(c),
                (_, Some(Dialog::Unlock(form))) => push(&mut form.passphrase, c),
                _ => {}
            }
        }
    }

    fn login_char(&mut self, c: char) {
        match self.login.field {
            LoginField::User => push(&mut self.login.user, c),
            LoginField::Passphrase => push(&mut self.login.passphrase, c),
        }
    }

    fn login_key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        match key.code {
            KeyCode::Char('c') if key.ctrl => effects.push(Effect::Quit),
            KeyCode::Char('l') if key.ctrl => effects.push(Effect::Repaint),
            KeyCode::Esc => effects.push(Effect::Quit),
            _ if self.login.waiting => {}
            KeyCode::Char('u') if key.ctrl => match self.login.field {
                LoginField::User => self.login.user.clear(),
                LoginField::Passphrase => self.login.passphrase.clear(),
            },
            KeyCode::Char(c) if !key.ctrl && !key.alt => self.login_char(c),
            KeyCode::Backspace => {
                match self.login.field {
                    LoginField::User => self.login.user.pop(),
                    LoginField::Passphrase => self.login.passphrase.pop(),
                };
            }
            KeyCode::Tab | KeyCode::BackTab | KeyCode::Up | KeyCode::Down => self.other_field(),
            KeyCode::Enter => self.submit_login(effects),
            _ => {}
        }
    }

    const fn other_field(&mut self) {
        self.login.field = match self.login.field {
            LoginField::User => LoginField::Passphrase,
            LoginField::Passphrase => LoginField::User,
        };
    }

    fn submit_login(&mut self, effects: &mut Vec<Effect>) {
        if self.login.field == LoginField::User && self.login.passphrase.is_empty() {
            self.login.field = LoginField::Passphrase;
            return;
        }
        if self.login.user.trim().is_empty() || self.login.passphrase.is_empty() {
            self.login.failed = Some("a login name and a passphrase are wanted".to_owned());
            return;
        }
        self.login.waiting = true;
        self.login.failed = None;
        let passphrase = Secret::new(std::mem::take(&mut self.login.passphrase));
        effects.push(Effect::SignIn { user: self.login.user.trim().to_owned(), passphrase });
    }

    fn dialog_key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        if key == Key::ctrl('l') {
            effects.push(Effect::Repaint);
            return;
        }
        match self.dialog.take() {
            Some(Dialog::ConfirmAcknowledge { alert, transition }) => match key.code {
                KeyCode::Char('y') => self.send_acknowledge(alert, transition, effects),
                KeyCode::Char('n' | 'q') | KeyCode::Esc | KeyCode::Backspace => {}
                KeyCode::Char('c') if key.ctrl => {}
                _ => self.dialog = Some(Dialog::ConfirmAcknowledge { alert, transition }),
            },
            Some(Dialog::ConfirmQuit) => match key.code {
                KeyCode::Char('y') => effects.push(Effect::Quit),
                KeyCode::Char('n') | KeyCode::Esc | KeyCode::Backspace => {}
                _ => self.dialog = Some(Dialog::ConfirmQuit),
            },
            Some(Dialog::Help { scroll }) => {
                self.dialog = help_key(key, scroll, self.offers().len() + words::LEGEND.len());
            }
            Some(Dialog::Filter { before }) => self.filter_key(key, before),
            Some(Dialog::Unlock(form)) => self.unlock_key(key, form, effects),
            None => {}
        }
    }

    fn filter_key(&mut self, key: Key, before: super::filter::Filter) {
        match key.code {
            KeyCode::Enter => return,
            KeyCode::Esc => {
                self.filter = before;
                return;
            }
            KeyCode::Char('c') if key.ctrl => {
                self.filter = before;
                return;
            }
            KeyCode::Char('u') if key.ctrl => self.filter = super::filter::Filter::default(),
            KeyCode::Char(c) if !key.ctrl && !key.alt => self.filter.push(c),
            KeyCode::Backspace => self.filter.pop(),
            _ => {}
        }
        self.dialog = Some(Dialog::Filter { before });
    }

    fn unlock_key(&mut self, key: Key, mut form: UnlockForm, effects: &mut Vec<Effect>) {
        match key.code {
            KeyCode::Esc => return,
            KeyCode::Char('c') if key.ctrl => return,
            _ if form.waiting => {}
            KeyCode::Char('u') if key.ctrl => form.passphrase.clear(),
            KeyCode::Char(c) if !key.ctrl && !key.alt => push(&mut form.passphrase, c),
            KeyCode::Backspace => {
                form.passphrase.pop();
            }
            KeyCode::Enter if form.passphrase.is_empty() => {}
            KeyCode::Enter => {
                let passphrase = Secret::new(std::mem::take(&mut form.passphrase));
                form.waiting = true;
                form.failed = None;
                effects.push(Effect::Send(ClientRequest::Unlock { passphrase }));
            }
            _ => {}
        }
        self.dialog = Some(Dialog::Unlock(form));
    }

    fn page_key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        let Some(action) = keymap::action_of(key) else { return };
        if let Some(why) = self.why_not(action) {
            if why != "not on this page" {
                self.fail(format!("not now: {why}"));
            }
            return;
        }
        match action {
            Action::Acknowledge => self.acknowledge(effects),
            Action::Open => self.open(),
            Action::Back => self.page = self.came_from,
            Action::SwitchPane if self.page == Page::Ward => self.page = Page::Queue,
            Action::SwitchPane | Action::ShowWard => self.page = Page::Ward,
            Action::ShowQueue => self.page = Page::Queue,
            Action::Up => self.move_selection(-1),
            Action::Down => self.move_selection(1),
            Action::PageUp => self.move_selection(-PAGE_ROWS),
            Action::PageDown => self.move_selection(PAGE_ROWS),
            Action::First => self.move_selection(isize::MIN + 1),
            Action::Last => self.move_selection(isize::MAX),
            Action::Worst => self.select_worst(),
            Action::RangeShorter => self.set_range(Range::shorter),
            Action::RangeLonger => self.set_range(Range::longer),
            Action::Filter => self.dialog = Some(Dialog::Filter { before: self.filter.clone() }),
            Action::ClearFilter => self.filter = super::filter::Filter::default(),
            Action::Sort => self.by_urgency = !self.by_urgency,
            Action::Unlock => self.dialog = Some(Dialog::Unlock(UnlockForm::default())),
            Action::Help => self.dialog = Some(Dialog::Help { scroll: 0 }),
            Action::Repaint => effects.push(Effect::Repaint),
            Action::Quit if self.leaving_needs_confirmation() => self.dialog = Some(Dialog::ConfirmQuit),
            Action::Quit => effects.push(Effect::Quit),
        }
    }

    fn acknowledge(&mut self, effects: &mut Vec<Effect>) {
        let Some(alert) = self.selected_alert() else { return };
        let (id, transition, priority) = (alert.id, alert.transition, alert.priority);
        if self.commands.is_open(id) {
            return;
        }
        if priority == Priority::High {
            self.dialog = Some(Dialog::ConfirmAcknowledge { alert: id, transition });
        } else {
            self.send_acknowledge(id, transition, effects);
        }
    }

    /// Asks for the acknowledgement of an alert in the state that a person has seen, named and not selected.
    ///
    /// # Errors
    /// Why it cannot be asked for now.
    pub fn acknowledge_named(&mut self, alert: AlertId, transition: u32) -> Result<Vec<Effect>, &'static str> {
        let found = self.ward.as_ref().and_then(|ward| ward.alerts.get(&alert));
        if let Some(why) = self.why_not_acknowledge(found.ok_or("it is over")?) {
            return Err(why);
        }
        let mut effects = Vec::new();
        self.send_acknowledge(alert, transition, &mut effects);
        Ok(effects)
    }

    fn send_acknowledge(&mut self, alert: AlertId, transition: u32, effects: &mut Vec<Effect>) {
        if !matches!(self.link.phase, Phase::Up) {
            self.fail("not acknowledged: there is no link to the server".to_owned());
            return;
        }
        let id = self.commands.begin(alert, self.now);
        let command = Command::Acknowledge { alert, transition };
        effects.push(Effect::Send(ClientRequest::Command { id, command }));
    }

    fn open(&mut self) {
        let Some(patient) = self.selected_patient().map(|p| p.patient.id.clone()) else { return };
        if self.patient.as_ref().is_none_or(|page| page.patient != patient) {
            self.patient = Some(PatientPage::new(patient.clone()));
        }
        if let Some(page) = &mut self.patient {
            page.asked_at = None;
        }
        self.came_from = self.page;
        self.selected = Some(patient);
        self.page = Page::Patient;
    }

    fn select_worst(&mut self) {
        let Some(alert) = self.worst_unacknowledged() else { return };
        let (id, patient) = (alert.id, alert.key.patient.clone());
        self.queue.selected = Some(id);
        match patient {
            Some(patient) if self.page == Page::Ward => self.selected = Some(patient),
            _ => self.page = Page::Queue,
        }
    }

    fn set_range(&mut self, next: impl Fn(Range) -> Option<Range>) {
        if let Some(page) = &mut self.patient
            && let Some(range) = next(page.range)
        {
            page.set_range(range);
        }
    }
}

fn push(text: &mut String, c: char) {
    if text.chars().count() < FIELD_MAX_CHARS {
        text.push(c);
    }
}

fn help_key(key: Key, scroll: usize, lines: usize) -> Option<Dialog> {
    let last = lines.saturating_sub(1);
    let scroll = match key.code {
        KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => (scroll + 1).min(last),
        KeyCode::PageUp => scroll.saturating_sub(10),
        KeyCode::PageDown | KeyCode::Char(' ') => (scroll + 10).min(last),
        _ => return None,
    };
    Some(Dialog::Help { scroll })
}
