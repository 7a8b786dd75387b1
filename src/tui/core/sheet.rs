//! The questions that come before an act: how long, why, to whom. The sheet keeps what it is about, what may be
//! answered and what was answered, so that nothing that comes meanwhile changes what is done.

use super::{
    act::{Act, Subject},
    charting::{self, ChartAnswer, ChartQuestion},
    choices::Choice,
    limits::{self, LimitsQuestion},
    rota::{self, RotaAnswer, RotaQuestion},
};
use crate::{
    alarm::pause::AUDIO_PAUSE_DEFAULT,
    domain::{
        Command, ConditionCode, Expiry, LimitValue, LoginName, Millis, PatientId, PauseKind, PauseScope, Remark,
        VitalCode, text,
    },
    protocol::WardView,
};

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
    /// To the patient in which bed.
    Bed,
    /// Whose sound.
    Whose,
    /// Whether high alerts too.
    HighToo,
    /// About limits.
    Limits(LimitsQuestion),
    /// About what is charted.
    Chart(ChartQuestion),
    /// About a shift.
    Rota(RotaQuestion),
    /// Whether all of it is right: the last look at old and new.
    Sure,
}

impl Question {
    /// Whether it is answered by a line that is typed, and by nothing else.
    #[must_use]
    pub const fn is_typed(self) -> bool {
        matches!(self, Self::OwnWords | Self::Limits(LimitsQuestion::Value) | Self::Chart(ChartQuestion::Amount(_)))
    }
}

/// What was answered.
#[derive(Debug, Clone, PartialEq)]
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
    /// This limit in the vital's unit, or this delay in seconds.
    Limit(LimitValue),
    /// It holds for so long.
    Until(Expiry),
    /// Of this vital; of all if none.
    Which(Option<VitalCode>),
    /// This is charted.
    Chart(ChartAnswer),
    /// Of a shift.
    Rota(RotaAnswer),
    /// To that patient.
    Patient(PatientId),
    /// It is right.
    Yes,
}

/// An act that is being asked about.
#[derive(Debug, Clone, PartialEq)]
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
    /// What is wrong with the line as it was typed, for people.
    pub wrong: Option<String>,
}

const fn mins(minutes: i64) -> Millis {
    Millis::from_mins(minutes)
}

const FOUND: Question = Question::Words(&["patient seen, well", "treated", "artefact"]);
const CANNOT: Question = Question::Words(&["with another patient", "not on the ward", "on a break"]);
const PROCEDURE: Question = Question::Words(&["blood taken", "suction", "washing or turning"]);
const AWAY: Question = Question::Words(&["toilet or bath", "examination", "theatre"]);
const OFF: Question = Question::Words(&["known and treated", "care for comfort", "cannot be measured well"]);
const NOT_NEEDED: Question = Question::Words(&["sent again by its sender", "a test", "not our device"]);
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
            // What is asked about the chart and a shift depends on what was answered.
            Self::Accept | Self::Chart | Self::AddShift => &[],
            Self::Decline => &[CANNOT],
            Self::HandOver => &[Question::Person],
            Self::Comment => &[Question::OwnWords],
            Self::Snooze => &[Question::Span(SNOOZES)],
            Self::Procedure => &[Question::Span(PROCEDURES), PROCEDURE],
            Self::Sound => &[Question::Whose],
            Self::Standby => &[Question::Span(STANDBYS), AWAY],
            Self::AlarmOff => &[Question::Span(OFFS), Question::HighToo, OFF],
            Self::SetLimits => limits::SET_QUESTIONS,
            Self::TakeSuggestion => limits::TAKE_QUESTIONS,
            Self::ResetLimits => limits::RESET_QUESTIONS,
            Self::RemoveShift | Self::EndAssignment | Self::RetryLetter | Self::RetryLetters => &[Question::Sure],
            Self::AssignDevice => &[Question::Bed, Question::Sure],
            Self::DropLetter => &[NOT_NEEDED],
        }
    }
}

impl Sheet {
    /// A sheet without an answer.
    #[must_use]
    pub const fn new(act: Act, subject: Subject) -> Self {
        Self { act, subject, answers: Vec::new(), choices: Vec::new(), typed: None, wrong: None }
    }

    /// What is asked now; `None` once all is answered.
    #[must_use]
    pub fn question(&self) -> Option<Question> {
        match self.act {
            Act::Chart => charting::question(&self.answers),
            Act::AddShift => rota::question(&self.answers),
            act => act.questions().get(self.answers.len()).copied(),
        }
    }

    /// Whether the act is done once this question is answered.
    #[must_use]
    pub fn is_last_question(&self) -> bool {
        self.question() == Some(Question::Sure) || self.answers.len() + 1 == self.act.questions().len()
    }

    /// The span that was answered.
    #[must_use]
    pub fn span(&self) -> Option<Millis> {
        self.answers.iter().find_map(|answer| if let Answer::Span(span) = answer { Some(*span) } else { None })
    }

    pub(super) fn words(&self) -> Option<Remark> {
        self.answers
            .iter()
            .find_map(|answer| if let Answer::Words(words) = answer { Some(words.clone()) } else { None })
    }

    /// The patient that was answered.
    #[must_use]
    pub fn patient(&self) -> Option<&PatientId> {
        self.answers.iter().find_map(|answer| if let Answer::Patient(patient) = answer { Some(patient) } else { None })
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
            Subject::Ward if self.act == Act::AddShift => rota::command(self, ward),
            Subject::Ward => self.sound(),
            Subject::Shift(_) => rota::command(self, ward),
            // A letter is no ward's and not asked of an engine; from when on a device is moved is known only when it is sent.
            Subject::Device(_) | Subject::Letter(_) => None,
            Subject::Limits(limits) => limits::command(self, limits, ward),
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
            _ => return None,
        })
    }

    fn about_patient(&self, patient: &PatientId) -> Option<Command> {
        let scope = PauseScope::Patient { patient: patient.clone() };
        match self.act {
            Act::Procedure => self.pause(PauseKind::AlarmPaused, scope),
            Act::Standby => self.pause(PauseKind::Standby, scope),
            Act::Chart => charting::command(self, patient),
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
