//! What is quiet on the ward: which pauses there are, which is selected, how one ends or is confirmed.

use super::{
    app::{App, Page},
    command::Asked,
    event::Effect,
};
use crate::{
    domain::{Command, Millis, Pause, PauseId},
    rights::Verb,
};

/// What is told of a pause that was ended: another one may still cover the same alerts.
const PAUSE_ENDED: &str = "pause ended";
/// For this long after the selected pause became another one by itself, the keys that change it do nothing.
const PAUSE_HOLD: Millis = Millis(500);

impl App {
    /// The pauses of the ward: those that wait for a second person first, then by their end.
    #[must_use]
    pub fn pauses(&self) -> Vec<&Pause> {
        let mut pauses: Vec<&Pause> = self.ward.iter().flat_map(|ward| &ward.pauses).collect();
        pauses.sort_by_key(|p| (p.waits_to_last.is_none(), p.until, p.id));
        pauses
    }

    /// The selected pause.
    #[must_use]
    pub fn selected_pause(&self) -> Option<&Pause> {
        let id = self.selected_pause?;
        self.ward.as_ref()?.pauses.iter().find(|p| p.id == id)
    }

    pub(super) fn show_pauses(&mut self) {
        if self.page != Page::Patient {
            self.came_from = self.page;
        }
        self.page = Page::Pauses;
    }

    /// Keeps the selection on a pause that there is.
    pub(super) fn settle_pause(&mut self) {
        if self.selected_pause().is_none() {
            // The one that was selected is over: the next takes its place, and may not be what was looked at.
            self.pause_moved_at = self.selected_pause.map(|_| self.now);
            self.selected_pause = self.pauses().first().map(|p| p.id);
        }
    }

    pub(super) fn why_not_end(&self, pause: &Pause) -> Option<&'static str> {
        let known = self.ward.as_ref().is_some_and(|ward| ward.pauses.iter().any(|p| p.id == pause.id));
        if known { self.why_not_ask(Verb::PauseAlerts) } else { Some("it is over") }
    }

    pub(super) fn why_not_confirm(&self, pause: &Pause) -> Option<&'static str> {
        if pause.waits_to_last.is_none() {
            return Some("it waits for nobody");
        }
        if self.session.as_ref().is_some_and(|s| s.user == pause.by.label()) {
            return Some("a second person has to confirm it: you asked for it yourself");
        }
        self.why_not_ask(Verb::SwitchAlarmsOff)
    }

    /// Says so if the selected pause is another one than a moment ago without a key.
    pub(super) fn refuses_moved_pause(&mut self) -> bool {
        let moved = self.pause_moved_at.is_some_and(|at| self.now - at < PAUSE_HOLD);
        if moved {
            self.fail("it changed just now: look, then press the key again".to_owned());
        }
        moved
    }

    pub(super) fn end_selected_pause(&mut self, effects: &mut Vec<Effect>) {
        if let Some(id) = self.selected_pause {
            self.send_about_pause(id, Command::EndPause { pause: id }, PAUSE_ENDED, effects);
        }
    }

    pub(super) fn send_confirm_pause(&mut self, id: PauseId, effects: &mut Vec<Effect>) {
        self.send_about_pause(id, Command::ConfirmPause { pause: id }, "confirmed by you", effects);
    }

    fn send_about_pause(&mut self, id: PauseId, command: Command, done: &str, effects: &mut Vec<Effect>) {
        let Some(ward) = &self.ward else { return };
        let asked = match ward.pauses.iter().find(|p| p.id == id) {
            Some(pause) => Asked::pause(pause, ward, done.to_owned(), self.now),
            None => Asked::ward(&format!("pause {id}"), done.to_owned(), self.now),
        };
        self.send_command(command, asked, effects);
    }

    /// Ends or confirms a pause that was named and not selected.
    ///
    /// # Errors
    /// Why it cannot be done now.
    pub fn change_pause_named(&mut self, id: PauseId, confirm: bool) -> Result<Vec<Effect>, &'static str> {
        let pause = self.ward.as_ref().and_then(|ward| ward.pauses.iter().find(|p| p.id == id)).ok_or("it is over")?;
        let why = if confirm { self.why_not_confirm(pause) } else { self.why_not_end(pause) };
        if let Some(why) = why {
            return Err(why);
        }
        let mut effects = Vec::new();
        if confirm {
            self.send_confirm_pause(id, &mut effects);
        } else {
            self.send_about_pause(id, Command::EndPause { pause: id }, PAUSE_ENDED, &mut effects);
        }
        Ok(effects)
    }
}
