//! The questions before somebody signs a handover: to whom, what else to say, why not, and whether it is so.

use super::{
    app::{App, Dialog},
    command::Asked,
    event::Effect,
    handover::Deed,
    input::{Key, KeyCode},
    sheet::Line,
};
use crate::domain::{Command, Handover, HandoverExtent, LoginName, PatientId, Remark};

/// People that are offered by a figure, at most.
pub const PEOPLE_MAX: usize = 8;

/// What is asked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandoverStep {
    /// To whom, by a figure or by a login name that is being typed.
    Person(Line),
    /// What else to say; it may be nothing.
    Note(Line),
    /// Why not.
    Reason(Line),
    /// Whether it is so.
    Confirm,
}

/// What somebody is about to sign or to answer. It keeps what was on the screen when it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoverForm {
    /// What.
    pub deed: Deed,
    /// The offer that is answered.
    pub offer: Option<Handover>,
    /// Whom it is about.
    pub patients: Vec<PatientId>,
    /// Who is on duty.
    pub people: Vec<LoginName>,
    /// To whom.
    pub to: Option<LoginName>,
    /// What else is said, or why not.
    pub words: Option<Remark>,
    /// What is asked now.
    pub step: HandoverStep,
}

impl HandoverForm {
    pub(super) fn give(patients: Vec<PatientId>, all: bool) -> Self {
        Self {
            deed: if all { Deed::GiveAll } else { Deed::Give },
            offer: None,
            patients,
            people: Vec::new(),
            to: None,
            words: None,
            step: HandoverStep::Person(Line::default()),
        }
    }

    pub(super) fn answer(deed: Deed, offer: Handover) -> Self {
        let step = if deed == Deed::Refuse { HandoverStep::Reason(Line::default()) } else { HandoverStep::Confirm };
        let (patients, people) = (offer.patients.clone(), Vec::new());
        Self { deed, offer: Some(offer), patients, people, to: None, words: None, step }
    }

    /// The command that the answers make; `None` while one is missing.
    #[must_use]
    pub fn command(&self) -> Option<Command> {
        let handover = self.offer.as_ref().map(|offer| offer.id);
        Some(match self.deed {
            Deed::Give => {
                let (to, patients, note) = (self.to.clone()?, self.patients.clone(), self.words.clone());
                Command::OfferHandover { to, patients, extent: HandoverExtent::Part, note }
            }
            Deed::GiveAll => {
                let (to, note) = (self.to.clone()?, self.words.clone());
                Command::OfferHandover { to, patients: Vec::new(), extent: HandoverExtent::Ward, note }
            }
            Deed::Take => Command::AcceptHandover { handover: handover? },
            Deed::Refuse => Command::DeclineHandover { handover: handover?, reason: self.words.clone()? },
            Deed::Withdraw => Command::WithdrawHandover { handover: handover? },
        })
    }

    /// The line that is being typed, if one is.
    pub(super) const fn line(&mut self) -> Option<&mut Line> {
        match &mut self.step {
            HandoverStep::Person(line) | HandoverStep::Note(line) | HandoverStep::Reason(line) => Some(line),
            HandoverStep::Confirm => None,
        }
    }

    fn named(&mut self, name: LoginName) {
        self.to = Some(name);
        self.step = HandoverStep::Note(Line::default());
    }

    /// Takes what was typed and goes on to the next question.
    fn enter(&mut self) {
        match &self.step {
            HandoverStep::Person(line) => {
                let name = LoginName::new(line.text());
                if !name.as_str().is_empty() {
                    self.named(name);
                }
            }
            HandoverStep::Note(line) => {
                self.words = line.text().parse().ok();
                self.step = HandoverStep::Confirm;
            }
            HandoverStep::Reason(line) => {
                if let Ok(reason) = line.text().parse() {
                    self.words = Some(reason);
                    self.step = HandoverStep::Confirm;
                }
            }
            HandoverStep::Confirm => {}
        }
    }

    fn type_key(&mut self, key: Key) {
        if let (KeyCode::Char(c @ '1'..='9'), HandoverStep::Person(line)) = (key.code, &self.step)
            && line.text().is_empty()
        {
            let at = c.to_digit(10).and_then(|d| usize::try_from(d).ok()).unwrap_or(0).saturating_sub(1);
            if let Some(name) = self.people.iter().take(PEOPLE_MAX).nth(at).cloned() {
                self.named(name);
                return;
            }
        }
        let Some(line) = self.line() else { return };
        match key.code {
            KeyCode::Char('u') if key.ctrl => line.clear(),
            KeyCode::Char(c) if !key.ctrl && !key.alt => line.push(c),
            KeyCode::Backspace => line.pop(),
            KeyCode::Enter => self.enter(),
            _ => {}
        }
    }
}

impl App {
    pub(super) fn handover_key(&mut self, key: Key, mut form: Box<HandoverForm>, effects: &mut Vec<Effect>) {
        if key == Key::ctrl('c') || key.code == KeyCode::Esc {
            return;
        }
        if self.is_too_small() {
            // What would be signed cannot be read.
        } else if form.step != HandoverStep::Confirm {
            form.type_key(key);
        } else if key.code == KeyCode::Char('y') {
            self.send_handover(&form, effects);
            return;
        } else if matches!(key.code, KeyCode::Char('n' | 'q') | KeyCode::Backspace) {
            return;
        }
        self.dialog = Some(Dialog::Handover(form));
    }

    fn send_handover(&mut self, form: &HandoverForm, effects: &mut Vec<Effect>) {
        let Some(command) = form.command() else { return };
        let what = form.offer.as_ref().map_or_else(|| "handover".to_owned(), |offer| format!("handover {}", offer.id));
        let done = match form.deed {
            Deed::Give | Deed::GiveAll => {
                let to = form.to.as_ref().map(LoginName::to_string).unwrap_or_default();
                format!("signed by you; {to} has to sign too")
            }
            Deed::Take => "signed by you: the patients are yours".to_owned(),
            Deed::Refuse => "not taken".to_owned(),
            Deed::Withdraw => "withdrawn".to_owned(),
        };
        let asked = Asked::ward(&what, done, self.now);
        self.send_command(command, asked, effects);
    }
}
