//! What the keys do.

use super::{
    act::Act,
    action::{Action, Possible},
    app::{App, Dialog, LoginField, Page, UnlockForm},
    command::Asked,
    event::Effect,
    input::{Input, Key, KeyCode},
    link::Phase,
    page::{PatientPage, Range},
    size::edge_of,
};
use crate::{
    access::Secret,
    client::ClientRequest,
    domain::{AlertId, Command, Millis, Priority},
    tui::keymap,
};

/// The server is told at most this often that somebody is at the keyboard.
const ACTIVITY_INTERVAL: Millis = Millis::from_secs(20);
/// Rows of a page up or down.
const PAGE_ROWS: isize = 10;
/// Charts of a page of a patient's screen: as many as a small terminal shows, so that none is jumped over.
const PAGE_CHARTS: isize = 2;
/// Lines of the selected device that a page of it goes on by.
const PAGE_LINES: isize = 5;
/// Longest name and passphrase that the forms take, in characters.
const FIELD_MAX_CHARS: usize = 256;

impl App {
    pub(super) fn input(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Resize { columns, rows } => {
                let edge = edge_of(self.options.emergency.is_some());
                self.size = (columns.saturating_sub(edge), rows.saturating_sub(edge));
            }
            Input::Focus(_) => {}
            Input::Paste(text) => self.paste(&text),
            Input::Key(key) => {
                self.tell_activity(effects);
                if let Some(out) = &mut self.signed_out {
                    out.heard = true;
                }
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
                (_, Some(Dialog::Filter { .. })) => self.page_filter_mut().push(c),
                (_, Some(Dialog::Sheet(sheet))) => {
                    if let Some(line) = &mut sheet.typed {
                        line.push(c);
                    }
                }
                (_, Some(Dialog::Handover(form))) => {
                    if let Some(line) = form.line() {
                        line.push(c);
                    }
                }
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
            Some(Dialog::Sheet(sheet)) => self.sheet_key(key, sheet, effects),
            Some(Dialog::ConfirmPause { pause }) => match key.code {
                KeyCode::Char('y') => self.send_confirm_pause(pause, effects),
                KeyCode::Char('n' | 'q') | KeyCode::Esc | KeyCode::Backspace => {}
                KeyCode::Char('c') if key.ctrl => {}
                _ => self.dialog = Some(Dialog::ConfirmPause { pause }),
            },
            Some(Dialog::Handover(form)) => self.handover_key(key, form, effects),
            Some(Dialog::ConfirmQuit) => match key.code {
                KeyCode::Char('y') => effects.push(Effect::Quit),
                KeyCode::Char('n') | KeyCode::Esc | KeyCode::Backspace => {}
                _ => self.dialog = Some(Dialog::ConfirmQuit),
            },
            Some(Dialog::Help { scroll }) => {
                self.dialog = help_key(key, scroll, self.help_end());
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
                *self.page_filter_mut() = before;
                return;
            }
            KeyCode::Char('c') if key.ctrl => {
                *self.page_filter_mut() = before;
                return;
            }
            KeyCode::Char('u') if key.ctrl => *self.page_filter_mut() = super::filter::Filter::default(),
            KeyCode::Char(c) if !key.ctrl && !key.alt => self.page_filter_mut().push(c),
            KeyCode::Backspace => self.page_filter_mut().pop(),
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
        let meant = keymap::actions_of(key).map(|action| (action, self.possible(action)));
        let Some((action, possible)) = meant.into_iter().find(|(_, p)| !matches!(p, Possible::NotHere)) else { return };
        if let Possible::No(why) = possible {
            self.fail(format!("not now: {why}"));
            return;
        }
        match action {
            Action::Acknowledge => self.acknowledge(effects),
            Action::Do(act) => self.begin_act(act, effects),
            Action::ShowPauses => self.show_pauses(),
            Action::EndPause | Action::ConfirmPause if self.refuses_moved_pause() => {}
            Action::EndPause => self.end_selected_pause(effects),
            Action::ConfirmPause => self.dialog = self.selected_pause().map(|p| Dialog::ConfirmPause { pause: p.id }),
            Action::ShowHandover => self.show_handover(),
            Action::Hand(deed) => self.begin_deed(deed),
            Action::PageUp if self.page == Page::Devices => self.scroll_device(-PAGE_LINES),
            Action::PageDown if self.page == Page::Devices => self.scroll_device(PAGE_LINES),
            Action::PageUp if self.page == Page::Handover => self.scroll_told(-PAGE_ROWS),
            Action::PageDown if self.page == Page::Handover => self.scroll_told(PAGE_ROWS),
            Action::Flash => self.switch_flash(),
            Action::Open if self.page == Page::Audit => self.show_who_saw(),
            Action::Open => self.open(),
            Action::ShowRota => self.show_rota(),
            Action::ShowReport => self.show_report(),
            Action::RenewReport => self.report.renew(),
            Action::ShowDevices => self.show_devices(),
            Action::ShowOps => self.show_ops(),
            Action::ShowAudit => self.show_audit(),
            Action::ShowLimits => self.show_limits(),
            Action::FieldLeft => self.move_field(-1),
            Action::FieldRight => self.move_field(1),
            Action::Back => self.page = if self.page == Page::Limits { Page::Patient } else { self.came_from },
            Action::SwitchPane if self.page == Page::Ward => self.page = Page::Queue,
            Action::SwitchPane | Action::ShowWard => self.page = Page::Ward,
            Action::ShowQueue => self.page = Page::Queue,
            Action::Up => self.move_selection(-1),
            Action::Down | Action::PageDown | Action::Last if matches!(self.page, Page::Ops | Page::Audit) => {
                self.move_selection(match action {
                    Action::Down => 1,
                    Action::PageDown => PAGE_ROWS,
                    _ => isize::MAX,
                });
                if self.page == Page::Ops {
                    self.read_older_letters(effects);
                } else {
                    self.read_older_entries(effects);
                }
            }
            Action::Down => self.move_selection(1),
            Action::PageUp if self.page == Page::Patient => self.move_selection(-PAGE_CHARTS),
            Action::PageDown if self.page == Page::Patient => self.move_selection(PAGE_CHARTS),
            Action::PageUp => self.move_selection(-PAGE_ROWS),
            Action::PageDown => self.move_selection(PAGE_ROWS),
            Action::First => self.move_selection(isize::MIN + 1),
            Action::Last => self.move_selection(isize::MAX),
            Action::Worst => self.select_worst(),
            Action::RangeShorter | Action::RangeLonger if self.page == Page::AlertReport => {
                self.set_report_span(action == Action::RangeLonger);
            }
            Action::RangeShorter => self.set_range(Range::shorter),
            Action::RangeLonger => self.set_range(Range::longer),
            Action::Filter => self.dialog = Some(Dialog::Filter { before: self.page_filter().clone() }),
            Action::ClearFilter => *self.page_filter_mut() = super::filter::Filter::default(),
            Action::Sort => self.by_urgency = !self.by_urgency,
            Action::Unlock => self.dialog = Some(Dialog::Unlock(UnlockForm::default())),
            Action::Help => self.dialog = Some(Dialog::Help { scroll: 0 }),
            Action::Repaint => effects.push(Effect::Repaint),
            Action::Quit if self.leaving_needs_confirmation() => self.dialog = Some(Dialog::ConfirmQuit),
            Action::Quit => effects.push(Effect::Quit),
        }
    }

    fn switch_flash(&mut self) {
        self.flash = !self.flash;
        self.say(if self.flash { "marks flash" } else { "marks are lit and do not flash" }.to_owned());
    }

    fn acknowledge(&mut self, effects: &mut Vec<Effect>) {
        let Some(alert) = self.target_alert() else { return };
        if self.reset_of(alert).is_some() {
            self.begin_act(Act::Reset, effects);
            return;
        }
        let (id, transition, priority) = (alert.id, alert.transition, alert.priority);
        if self.commands.is_open(id) || self.refuses_moved() {
            return;
        }
        if priority == Priority::High || self.is_too_small() {
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
        let found = self.ward.as_ref().and_then(|ward| Some((ward.alerts.get(&alert)?, ward)));
        let asked = Asked::alert(alert, found, "acknowledged".to_owned(), self.now);
        self.send_command(Command::Acknowledge { alert, transition }, asked, effects);
    }

    fn open(&mut self) {
        let Some(patient) = self.selected_patient().map(|p| p.patient.id.clone()) else { return };
        let alert = self.selected_alert().map(|alert| alert.key.code);
        if self.patient.as_ref().is_none_or(|page| page.patient != patient) {
            self.patient = Some(PatientPage::new(patient.clone()));
        }
        let alarm = self.place_of_alarm(alert);
        if let Some(page) = &mut self.patient {
            page.asked_at = None;
            page.at = alarm.unwrap_or(page.at);
        }
        self.came_from = self.page;
        self.selected = Some(patient);
        self.page = Page::Patient;
    }

    fn select_worst(&mut self) {
        let Some(alert) = self.worst_unacknowledged() else { return };
        let (id, patient) = (alert.id, alert.key.patient.clone());
        // A bed that the filter hides cannot be selected: the queue shows every alert.
        let bed = patient.filter(|patient| self.page == Page::Ward && self.is_shown(patient));
        self.queue.selected = Some(id);
        match bed {
            Some(patient) => self.selected = Some(patient),
            None => self.page = Page::Queue,
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

fn help_key(key: Key, scroll: usize, last: usize) -> Option<Dialog> {
    // The screen may have grown since.
    let scroll = scroll.min(last);
    let scroll = match key.code {
        KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => (scroll + 1).min(last),
        KeyCode::PageUp => scroll.saturating_sub(10),
        KeyCode::PageDown | KeyCode::Char(' ') => (scroll + 10).min(last),
        _ => return None,
    };
    Some(Dialog::Help { scroll })
}
