//! The questions that come before an act: how long, why, to whom. The sheet keeps what it is about, what may be
//! answered and what was answered, so that nothing that comes meanwhile changes what is done.

use super::{
    act::{Act, Subject},
    app::App,
};
use crate::{
    alarm::pause::AUDIO_PAUSE_DEFAULT,
    domain::{Command, ConditionCode, Duty, LoginName, Millis, PatientId, PauseKind, PauseScope, Remark, text},
    protocol::WardView,
    rights::Verb,
};

/// Most answers that are offered by a figure.
const CHOICES_MAX: usize = 9;

/// One line that is being typed, of bounded length.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    text: String,
}

impl Line {
    /// As typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn push(&mut self, c: char) {
        if self.text.chars().count() < text::TEXT_MAX_CHARS && !c.is_control() {
            self.text.push(c);
        }
    }

    pub(super) fn pop(&mut self) {
        self.text.pop();
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// A few words, with some at hand.
    Words(&'static [&'static str]),
    /// Words of one's own.
    OwnWords,
    /// To whom.
    Person,
    /// For how long.
    Span(&'static [Millis]),
    /// Whose sound.
    Whose,
    /// Whether high alerts too.
    HighToo,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These words.
    Words(Remark),
    /// That person.
    Person(LoginName),
    /// So long.
    Span(Millis),
    /// The sound of that patient.
    SoundOf(PatientId),
    /// The sound of the ward.
    SoundOfWard,
    /// Whether high alerts too.
    HighToo(bool),
}

/// An answer that is offered by its figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// In words.
    pub words: String,
    /// What it answers; `None` opens a line to type.
    pub answer: Option<Answer>,
    /// Why not now; `None` if it can be chosen.
    pub not_now: Option<&'static str>,
}

/// An act that is being asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The act.
    pub act: Act,
    /// What it is about.
    pub subject: Subject,
    /// The answers so far.
    pub answers: Vec<Answer>,
    /// What may be answered now, as it was when the question came up.
    pub choices: Vec<Choice>,
    /// The line that is being typed, if one is.
    pub typed: Option<Line>,
}

const fn mins(minutes: i64) -> Millis {
    Millis::from_mins(minutes)
}

const FOUND: Question = Question::Words(&["patient seen, well", "treated", "artefact"]);
const CANNOT: Question = Question::Words(&["with another patient", "not on the ward", "on a break"]);
const PROCEDURE: Question = Question::Words(&["blood taken", "suction", "washing or turning"]);
const AWAY: Question = Question::Words(&["toilet or bath", "examination", "theatre"]);
const OFF: Question = Question::Words(&["known and treated", "care for comfort", "cannot be measured well"]);
const SNOOZES: &[Millis] = &[mins(5), mins(15), mins(30), mins(60)];
const PROCEDURES: &[Millis] = &[mins(1), mins(2), mins(3)];
const STANDBYS: &[Millis] = &[mins(10), mins(20), mins(30)];
const OFFS: &[Millis] = &[mins(60), mins(120), mins(240), mins(480), mins(720)];

impl Act {
    /// What is asked before it, in order.
    #[must_use]
    pub const fn questions(self) -> &'static [Question] {
        match self {
            Self::Reset => &[FOUND],
            Self::Accept => &[],
            Self::Decline => &[CANNOT],
            Self::HandOver => &[Question::Person],
            Self::Comment => &[Question::OwnWords],
            Self::Snooze => &[Question::Span(SNOOZES)],
            Self::Procedure => &[Question::Span(PROCEDURES), PROCEDURE],
            Self::Sound => &[Question::Whose],
            Self::Standby => &[Question::Span(STANDBYS), AWAY],
            Self::AlarmOff => &[Question::Span(OFFS), Question::HighToo, OFF],
        }
    }
}

impl Sheet {
    /// A sheet without an answer.
    #[must_use]
    pub const fn new(act: Act, subject: Subject) -> Self {
        Self { act, subject, answers: Vec::new(), choices: Vec::new(), typed: None }
    }

    /// What is asked now; `None` once all is answered.
    #[must_use]
    pub fn question(&self) -> Option<Question> {
        self.act.questions().get(self.answers.len()).copied()
    }

    /// A line that was typed, as an answer; `None` if it says nothing.
    #[must_use]
    pub fn answer_of(&self, line: &str) -> Option<Answer> {
        match self.question()? {
            Question::Person => Some(LoginName::new(line)).filter(|name| !name.as_str().is_empty()).map(Answer::Person),
            _ => line.parse().ok().map(Answer::Words),
        }
    }

    /// The span that was answered.
    #[must_use]
    pub fn span(&self) -> Option<Millis> {
        self.answers.iter().find_map(|answer| if let Answer::Span(span) = answer { Some(*span) } else { None })
    }

    fn words(&self) -> Option<Remark> {
        self.answers
            .iter()
            .find_map(|answer| if let Answer::Words(words) = answer { Some(words.clone()) } else { None })
    }

    fn person(&self) -> Option<LoginName> {
        self.answers.iter().find_map(|answer| if let Answer::Person(name) = answer { Some(name.clone()) } else { None })
    }

    /// Whether a second person has to confirm it.
    #[must_use]
    pub fn waits_for_second(&self) -> bool {
        self.answers.contains(&Answer::HighToo(true))
    }

    /// The command that all answers make; `None` while one is missing, or if what it is about has gone.
    #[must_use]
    pub fn command(&self, ward: &WardView) -> Option<Command> {
        if self.question().is_some() {
            return None;
        }
        match &self.subject {
            Subject::Alert { alert, transition } => self.about_alert(ward, *alert, *transition),
            Subject::Patient(patient) => self.about_patient(patient),
            Subject::Ward => self.sound(),
        }
    }

    fn about_alert(&self, ward: &WardView, alert: crate::domain::AlertId, transition: u32) -> Option<Command> {
        let key = || {
            let key = &ward.alerts.get(&alert)?.key;
            Some((key.patient.clone()?, key.code))
        };
        Some(match self.act {
            Act::Reset => Command::Reset { alert, transition, reason: self.words()? },
            Act::Accept => Command::Accept { alert, transition },
            Act::Decline => Command::Decline { alert, transition, reason: self.words()? },
            Act::HandOver => Command::HandOverAlert { alert, transition, to: self.person()? },
            Act::Comment => Command::Comment { alert, text: self.words()? },
            Act::Snooze => self.pause(PauseKind::AlarmPaused, of_condition(key()?))?,
            Act::AlarmOff => self.pause(PauseKind::AlarmOff, of_condition(key()?))?,
            Act::Procedure | Act::Sound | Act::Standby => return None,
        })
    }

    fn about_patient(&self, patient: &PatientId) -> Option<Command> {
        let scope = PauseScope::Patient { patient: patient.clone() };
        match self.act {
            Act::Procedure => self.pause(PauseKind::AlarmPaused, scope),
            Act::Standby => self.pause(PauseKind::Standby, scope),
            Act::Sound => self.sound(),
            _ => None,
        }
    }

    fn sound(&self) -> Option<Command> {
        let scope = match self.answers.first()? {
            Answer::SoundOf(patient) => PauseScope::Patient { patient: patient.clone() },
            Answer::SoundOfWard => PauseScope::Ward,
            _ => return None,
        };
        let (kind, span) = (PauseKind::AudioPaused, AUDIO_PAUSE_DEFAULT);
        Some(Command::Pause { kind, scope, span, reason: None, include_high: false })
    }

    fn pause(&self, kind: PauseKind, scope: PauseScope) -> Option<Command> {
        let (span, reason, include_high) = (self.span()?, self.words(), self.waits_for_second());
        Some(Command::Pause { kind, scope, span, reason, include_high })
    }
}

fn of_condition((patient, code): (PatientId, ConditionCode)) -> PauseScope {
    PauseScope::Condition { patient, code }
}

/// A span in words: `15 min`, `4 h`.
#[must_use]
pub fn span_words(span: Millis) -> String {
    let minutes = span.as_secs() / 60;
    if minutes >= 60 && minutes % 60 == 0 { format!("{} h", minutes / 60) } else { format!("{minutes} min") }
}

impl App {
    /// What may be answered to the question of a sheet.
    pub(super) fn choices(&self, sheet: &Sheet) -> Vec<Choice> {
        let given = |words: String, answer: Answer| Choice { words, answer: Some(answer), not_now: None };
        let own = |words: &str| Choice { words: words.to_owned(), answer: None, not_now: None };
        match sheet.question() {
            None | Some(Question::OwnWords) => Vec::new(),
            Some(Question::Words(all)) => {
                let words = all.iter().filter_map(|w| Some(given((*w).to_owned(), Answer::Words(w.parse().ok()?))));
                words.chain([own("in your own words …")]).collect()
            }
            Some(Question::Span(all)) => all.iter().map(|span| given(span_words(*span), Answer::Span(*span))).collect(),
            Some(Question::HighToo) => vec![
                given("medium and low only; a high one breaks through".to_owned(), Answer::HighToo(false)),
                given("high too: a second person has to confirm within 5 min".to_owned(), Answer::HighToo(true)),
            ],
            Some(Question::Whose) => self.whose_sound(&sheet.subject),
            Some(Question::Person) => {
                let people = self.people_on_duty();
                let listed =
                    people.into_iter().map(|(name, duty)| given(format!("{name} ({duty})"), Answer::Person(name)));
                listed.take(CHOICES_MAX - 1).chain([own("another login name …")]).collect()
            }
        }
    }

    fn whose_sound(&self, subject: &Subject) -> Vec<Choice> {
        let span = span_words(AUDIO_PAUSE_DEFAULT);
        let mut choices = Vec::new();
        if let Subject::Patient(patient) = subject {
            let (words, answer) = (format!("this patient, {span}"), Answer::SoundOf(patient.clone()));
            choices.push(Choice { words, answer: Some(answer), not_now: None });
        }
        let not_now = (!self.may(Verb::SwitchAlarmsOff)).then_some("charge or a doctor");
        choices.push(Choice { words: format!("the whole ward, {span}"), answer: Some(Answer::SoundOfWard), not_now });
        choices
    }

    /// Who else is on duty now, by the rota: the nurses first.
    #[must_use]
    pub fn people_on_duty(&self) -> Vec<(LoginName, Duty)> {
        let (Some(ward), Some(now)) = (&self.ward, self.server_now()) else { return Vec::new() };
        let mut people: Vec<(LoginName, Duty)> = Vec::new();
        for duty in Duty::ALL {
            for name in ward.rota.on_duty(duty, None, now) {
                let own = self.session.as_ref().is_some_and(|s| s.user == name.as_str());
                if !own && !people.iter().any(|(known, _)| known == name) {
                    people.push((name.clone(), duty));
                }
            }
        }
        people
    }
}
