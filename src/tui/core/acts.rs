//! How an act goes on: its questions, and the command that is sent once all are answered.

use super::{
    act::{Act, Subject},
    app::{App, Dialog},
    charting,
    command::Asked,
    devices,
    event::Effect,
    input::{Key, KeyCode},
    limits,
    link::Phase,
    rota,
    sheet::{Answer, Line, Question, Sheet, span_words},
};
use crate::{
    client::ClientRequest,
    domain::{Command, PauseScope},
};

impl App {
    /// Says so if what the keys mean is another alert than a moment ago without a key.
    pub(super) fn refuses_moved(&mut self) -> bool {
        let moved = self.target_moved();
        if moved {
            self.fail("it changed just now: look, then press the key again".to_owned());
        }
        moved
    }

    /// Begins an act: asks its first question, or does it at once if it has none.
    pub(super) fn begin_act(&mut self, act: Act, effects: &mut Vec<Effect>) {
        let Some(subject) = self.subject_of(act) else { return };
        if let Subject::Alert { alert, .. } = &subject
            && self.commands.is_open(*alert)
        {
            return;
        }
        let moved = match act {
            Act::RemoveShift => self.refuses_moved_shift(),
            Act::AssignDevice | Act::EndAssignment => self.refuses_moved_device(),
            _ => self.refuses_moved(),
        };
        if moved {
            return;
        }
        self.go_on(Box::new(Sheet::new(act, subject)), effects);
    }

    /// Asks the next question of a sheet, or sends what all answers make.
    fn go_on(&mut self, mut sheet: Box<Sheet>, effects: &mut Vec<Effect>) {
        if sheet.question().is_none() {
            self.send_sheet(&sheet, effects);
            return;
        }
        sheet.choices = self.choices(&sheet);
        sheet.typed = sheet.question().is_some_and(Question::is_typed).then(Line::default);
        sheet.wrong = None;
        self.dialog = Some(Dialog::Sheet(sheet));
    }

    pub(super) fn sheet_key(&mut self, key: Key, sheet: Box<Sheet>, effects: &mut Vec<Effect>) {
        if key == Key::ctrl('c') {
            return;
        }
        if sheet.typed.is_some() { self.line_key(key, sheet, effects) } else { self.choice_key(key, sheet, effects) }
    }

    fn choice_key(&mut self, key: Key, mut sheet: Box<Sheet>, effects: &mut Vec<Effect>) {
        match key.code {
            KeyCode::Esc | KeyCode::Backspace => {
                if sheet.answers.pop().is_some() {
                    self.go_on(sheet, effects);
                }
                return;
            }
            KeyCode::Char('y') if sheet.question() == Some(Question::Sure) && !key.ctrl && !key.alt => {
                sheet.answers.push(Answer::Yes);
                self.go_on(sheet, effects);
                return;
            }
            KeyCode::Char(c @ '1'..='9') if !key.ctrl && !key.alt => {
                let at = c.to_digit(10).and_then(|d| usize::try_from(d).ok()).unwrap_or(0).saturating_sub(1);
                match sheet.choices.get(at).cloned() {
                    Some(choice) if choice.not_now.is_none() => match choice.answer {
                        Some(answer) => {
                            sheet.answers.push(answer);
                            self.go_on(sheet, effects);
                            return;
                        }
                        None => sheet.typed = Some(Line::default()),
                    },
                    _ => {}
                }
            }
            _ => {}
        }
        self.dialog = Some(Dialog::Sheet(sheet));
    }

    fn line_key(&mut self, key: Key, mut sheet: Box<Sheet>, effects: &mut Vec<Effect>) {
        let own_only = sheet.choices.is_empty();
        let Some(line) = &mut sheet.typed else { return };
        match key.code {
            KeyCode::Esc if own_only => {
                if sheet.answers.pop().is_some() {
                    self.go_on(sheet, effects);
                }
                return;
            }
            KeyCode::Esc => sheet.typed = None,
            KeyCode::Char('u') if key.ctrl => line.clear(),
            KeyCode::Char(c) if !key.ctrl && !key.alt => line.push(c),
            KeyCode::Backspace => line.pop(),
            KeyCode::Enter => {
                let typed = line.text().to_owned();
                match self.typed_answer(&sheet, &typed) {
                    Ok(answer) => {
                        sheet.answers.push(answer);
                        self.go_on(sheet, effects);
                        return;
                    }
                    Err(wrong) => sheet.wrong = Some(wrong).filter(|wrong| !wrong.is_empty()),
                }
            }
            _ => {}
        }
        self.dialog = Some(Dialog::Sheet(sheet));
    }

    /// Does an act that was named and answered, and not selected and asked.
    ///
    /// # Errors
    /// Why it cannot be done now.
    pub fn act_named(&mut self, act: Act, subject: Subject, answers: Vec<Answer>) -> Result<Vec<Effect>, &'static str> {
        if let Some(why) = self.why_not_act(act, &subject) {
            return Err(why);
        }
        let sheet = Sheet { answers, ..Sheet::new(act, subject) };
        let mut effects = Vec::new();
        self.send_sheet(&sheet, &mut effects);
        Ok(effects)
    }

    fn send_sheet(&mut self, sheet: &Sheet, effects: &mut Vec<Effect>) {
        let Some(ward) = &self.ward else { return };
        if let Subject::Letter(letter) = &sheet.subject {
            self.send_letter(sheet, letter, effects);
            return;
        }
        let command = match &sheet.subject {
            Subject::Device(device) => self.device_command(sheet, device),
            _ => sheet.command(ward),
        };
        let Some(command) = command else {
            let why = if matches!(sheet.subject, Subject::Limits(_) | Subject::Device(_)) {
                "it changed meanwhile, look again"
            } else {
                "it is over"
            };
            self.fail(format!("not done: {why}"));
            return;
        };
        let done = done_words(sheet);
        let asked = match (&sheet.subject, &command) {
            (Subject::Alert { alert, .. }, _) => {
                Asked::alert(*alert, ward.alerts.get(alert).map(|a| (a, ward)), done, self.now)
            }
            (Subject::Device(device), _) => devices::asked(sheet, device, ward, done, self.now),
            (Subject::Letter(_), _) => return,
            (Subject::Shift(_), _) | (_, Command::AddShift { .. }) => rota::asked(sheet, done, self.now),
            (_, Command::Pause { scope: PauseScope::Ward, .. }) | (Subject::Ward, _) => {
                Asked::ward("the sound of the ward", done, self.now)
            }
            (Subject::Limits(limits), _) => limits::asked(sheet, limits, ward, done, self.now),
            (Subject::Patient(patient), _) => {
                let what = match sheet.act {
                    Act::Sound => "sound",
                    Act::Standby => "monitor",
                    Act::Chart => "chart",
                    _ => "all alarms",
                };
                Asked::patient(patient, ward, what, done, self.now)
            }
        };
        self.send_command(command, asked, effects);
    }

    pub(super) fn send_command(&mut self, command: Command, asked: Asked, effects: &mut Vec<Effect>) {
        if !matches!(self.link.phase, Phase::Up) {
            self.fail(format!("{}: not done, there is no link to the server", self.about(&asked)));
            return;
        }
        let id = self.commands.begin(asked);
        effects.push(Effect::Send(ClientRequest::Command { id, command }));
    }
}

/// What is told once the server has agreed.
fn done_words(sheet: &Sheet) -> String {
    let span = sheet.span().map(span_words).unwrap_or_default();
    match sheet.act {
        Act::Reset => "seen and reset".to_owned(),
        Act::Accept => "is yours".to_owned(),
        Act::Decline => "declined, the next level is asked".to_owned(),
        Act::HandOver => match sheet.answers.first() {
            Some(Answer::Person(name)) => format!("handed to {name}, who has to accept it"),
            _ => "handed over".to_owned(),
        },
        Act::Comment => "noted".to_owned(),
        Act::Snooze => format!("snoozed for {span}"),
        Act::Procedure => format!("paused for {span}"),
        Act::Sound => format!("paused for {}", span_words(crate::alarm::pause::AUDIO_PAUSE_DEFAULT)),
        Act::Standby => format!("in standby for {span}"),
        Act::AlarmOff if sheet.waits_for_second() => "waits 5 min for a second person".to_owned(),
        Act::AlarmOff => format!("switched off for {span}"),
        Act::Chart => charting::done_words(sheet),
        Act::AddShift => "is in the rota".to_owned(),
        Act::RemoveShift => "is taken out of the rota".to_owned(),
        Act::AssignDevice => "is assigned from now on".to_owned(),
        Act::EndAssignment => "is taken away from now on".to_owned(),
        // What became of a letter is told by its answer.
        Act::RetryLetter | Act::RetryLetters | Act::DropLetter => String::new(),
        Act::SetLimits | Act::TakeSuggestion | Act::ResetLimits => limits::done_words(sheet),
    }
}
