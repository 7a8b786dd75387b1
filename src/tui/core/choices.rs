//! What may be answered to a question: by a figure, or by a line that is typed.

use super::{
    act::{Act, Subject},
    app::App,
    charting::{self, ChartQuestion},
    limits::LimitsQuestion,
    sheet::{Answer, Question, Sheet, span_words},
};
use crate::{
    alarm::pause::AUDIO_PAUSE_DEFAULT,
    domain::{Duty, LoginName},
    rights::Verb,
};

/// Most answers that are offered by a figure.
const CHOICES_MAX: usize = 9;

/// An answer that is offered by its figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// In words.
    pub words: String,
    /// What it answers; `None` opens a line to type.
    pub answer: Option<Answer>,
    /// Why not now; `None` if it can be chosen.
    pub not_now: Option<&'static str>,
}

impl Choice {
    /// An answer.
    pub(super) fn given(words: impl Into<String>, answer: Answer) -> Self {
        Self { words: words.into(), answer: Some(answer), not_now: None }
    }

    /// A line to type.
    pub(super) fn own(words: &str) -> Self {
        Self { words: words.to_owned(), answer: None, not_now: None }
    }
}

impl App {
    /// What may be answered to the question of a sheet.
    pub(super) fn choices(&self, sheet: &Sheet) -> Vec<Choice> {
        match sheet.question() {
            None | Some(Question::OwnWords | Question::Sure) => Vec::new(),
            Some(Question::Words(all)) => {
                let words = all.iter().filter_map(|w| Some(Choice::given(*w, Answer::Words(w.parse().ok()?))));
                words.chain([Choice::own("in your own words …")]).collect()
            }
            Some(Question::Span(all)) => {
                all.iter().map(|span| Choice::given(span_words(*span), Answer::Span(*span))).collect()
            }
            Some(Question::HighToo) => vec![
                Choice::given("medium and low only; a high one breaks through", Answer::HighToo(false)),
                Choice::given("high too: a second person has to confirm within 5 min", Answer::HighToo(true)),
            ],
            Some(Question::Whose) => self.whose_sound(&sheet.subject),
            Some(Question::Limits(question)) => self.limits_choices(question, sheet),
            Some(Question::Chart(question)) => self.chart_choices(question, sheet),
            Some(Question::Bed) => match &sheet.subject {
                Subject::Device(device) => self.device_choices(device),
                _ => Vec::new(),
            },
            Some(Question::Rota(question)) => self.rota_choices(question, sheet),
            Some(Question::Person) if sheet.act == Act::AddShift => self.rota_people(sheet),
            Some(Question::Person) => {
                let people = self.people_on_duty();
                let listed = people
                    .into_iter()
                    .map(|(name, duty)| Choice::given(format!("{name} ({duty})"), Answer::Person(name)));
                listed.take(CHOICES_MAX - 1).chain([Choice::own("another login name …")]).collect()
            }
        }
    }

    /// A line that was typed, as an answer.
    ///
    /// # Errors
    /// What is wrong with it, for people; empty if it says nothing.
    pub(in crate::tui) fn typed_answer(&self, sheet: &Sheet, line: &str) -> Result<Answer, String> {
        match sheet.question() {
            Some(Question::Person) => match LoginName::new(line) {
                name if name.as_str().is_empty() => Err(String::new()),
                name => Ok(Answer::Person(name)),
            },
            Some(Question::Limits(LimitsQuestion::Value)) => self.typed_limit(&sheet.subject, line),
            Some(Question::Bed) => self.typed_bed(line),
            Some(Question::Rota(question)) => self.typed_rota(question, sheet, line),
            Some(Question::Chart(ChartQuestion::Amount(way))) => charting::typed_oxygen(way, line),
            _ => line.parse().map(Answer::Words).map_err(|_| String::new()),
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
