//! Charting at the bed: consciousness, oxygen, the scale of saturation, pregnancy. The same entries as `wardwatch chart`.

use super::{
    act::Subject,
    app::App,
    choices::Choice,
    sheet::{Answer, Question, Sheet, span_words},
};
use crate::{
    domain::{
        Chart, ChartEntry, Command, Consciousness, Millis, Oxygen, PatientId, Spo2Scale, Timestamp,
        chart::CONSCIOUSNESS_HOLDS,
    },
    protocol::WardView,
    rights::Verb,
    tui::words::chart as words,
};

/// What is charted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartItem {
    /// How awake the patient is.
    Consciousness,
    /// Oxygen.
    Oxygen,
    /// By which scale of NEWS2 the saturation is judged.
    Scale,
    /// Pregnancy.
    Pregnancy,
}

impl ChartItem {
    const ALL: [Self; 4] = [Self::Consciousness, Self::Oxygen, Self::Scale, Self::Pregnancy];

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Consciousness => "consciousness",
            Self::Oxygen => "oxygen or air",
            Self::Scale => "scale of saturation",
            Self::Pregnancy => "pregnancy",
        }
    }

    /// What is charted of it now; `None` if nothing is, or it holds no longer.
    #[must_use]
    pub fn now(self, chart: &Chart, now: Timestamp) -> Option<String> {
        match self {
            Self::Consciousness => chart.consciousness.as_ref()?.at(now).map(|level| words::level(level).to_owned()),
            Self::Oxygen => chart.oxygen.as_ref()?.at(now).map(|oxygen| words::oxygen(&oxygen)),
            Self::Scale => chart.scale.as_ref()?.at(now).map(|scale| words::scale(scale).to_owned()),
            Self::Pregnancy => chart.pregnant.as_ref()?.at(now).map(|is| words::pregnant(is).to_owned()),
        }
    }
}

/// How oxygen is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OxygenWay {
    /// By a flow.
    Flow,
    /// By an inspired fraction.
    Fraction,
    /// By high-flow nasal cannula, with flow and fraction.
    HighFlow,
}

/// What is asked when charting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartQuestion {
    /// What is charted.
    What,
    /// How awake.
    Level,
    /// For how long that holds.
    Holds,
    /// How oxygen is given, if it is.
    Way,
    /// How much of it.
    Amount(OxygenWay),
    /// Which scale.
    Scale,
    /// Whether pregnant.
    Pregnant,
}

/// What was answered when charting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ChartAnswer {
    /// This is charted.
    Item(ChartItem),
    /// So awake.
    Level(Consciousness),
    /// Given in that way.
    Way(OxygenWay),
    /// That oxygen.
    Oxygen(Oxygen),
    /// That scale.
    Scale(Spo2Scale),
    /// Whether pregnant.
    Pregnant(bool),
}

const WHY: Question = Question::Words(&["hypercapnia by blood gas", "decided by the team", "decision withdrawn"]);
const SPANS: [Millis; 4] =
    [Millis::from_mins(60), Millis::from_mins(4 * 60), Millis::from_mins(8 * 60), CONSCIOUSNESS_HOLDS];

/// What is asked next; `None` once all is answered.
pub(super) fn question(answers: &[Answer]) -> Option<Question> {
    let Some(Answer::Chart(ChartAnswer::Item(item))) = answers.first() else {
        return Some(Question::Chart(ChartQuestion::What));
    };
    let way = match answers.get(1) {
        Some(Answer::Chart(ChartAnswer::Way(way))) => Some(Question::Chart(ChartQuestion::Amount(*way))),
        _ => None,
    };
    let between: [Option<Question>; 2] = match item {
        ChartItem::Consciousness => [ChartQuestion::Level, ChartQuestion::Holds].map(|q| Some(Question::Chart(q))),
        ChartItem::Oxygen => [Some(Question::Chart(ChartQuestion::Way)), way],
        ChartItem::Scale => [Some(Question::Chart(ChartQuestion::Scale)), Some(WHY)],
        ChartItem::Pregnancy => [Some(Question::Chart(ChartQuestion::Pregnant)), None],
    };
    between.into_iter().flatten().chain([Question::Sure]).nth(answers.len() - 1)
}

impl Sheet {
    /// What is being charted, once that is answered.
    #[must_use]
    pub fn charted_item(&self) -> Option<ChartItem> {
        self.chart_answers().find_map(|answer| if let ChartAnswer::Item(item) = answer { Some(item) } else { None })
    }

    fn chart_answers(&self) -> impl Iterator<Item = ChartAnswer> {
        self.answers.iter().filter_map(|answer| if let Answer::Chart(answer) = answer { Some(*answer) } else { None })
    }

    /// The entry that the answers make; `None` while one is missing.
    #[must_use]
    pub fn chart_entry(&self) -> Option<ChartEntry> {
        self.chart_answers().find_map(|answer| {
            Some(match answer {
                ChartAnswer::Level(level) => ChartEntry::Consciousness { level, span: Some(self.span()?) },
                ChartAnswer::Oxygen(oxygen) => ChartEntry::Oxygen { oxygen },
                ChartAnswer::Scale(scale) => ChartEntry::Scale { scale, reason: self.words()? },
                ChartAnswer::Pregnant(pregnant) => ChartEntry::Pregnancy { pregnant },
                ChartAnswer::Item(_) | ChartAnswer::Way(_) => return None,
            })
        })
    }
}

/// The command that all answers make.
pub(super) fn command(sheet: &Sheet, patient: &PatientId) -> Option<Command> {
    Some(Command::Chart { patient: patient.clone(), entry: sheet.chart_entry()? })
}

/// What is told once the server has agreed, behind `chart`: `says: A alert`.
pub(super) fn done_words(sheet: &Sheet) -> String {
    format!("says: {}", sheet.chart_entry().map(|entry| entry_words(&entry)).unwrap_or_default())
}

/// An entry in words: `A alert`, `oxygen 2 L/min`.
#[must_use]
pub fn entry_words(entry: &ChartEntry) -> String {
    match entry {
        ChartEntry::Consciousness { level, .. } => words::level(*level).to_owned(),
        ChartEntry::Oxygen { oxygen } => words::oxygen(oxygen),
        ChartEntry::Scale { scale, .. } => words::scale(*scale).to_owned(),
        ChartEntry::Pregnancy { pregnant } => words::pregnant(*pregnant).to_owned(),
    }
}

/// Oxygen as typed: one number for a flow or a fraction, both for high flow.
///
/// # Errors
/// What is wrong with it, for people; empty if nothing was typed.
pub(super) fn typed_oxygen(way: OxygenWay, line: &str) -> Result<Answer, String> {
    let numbers = line.replace(',', ".").split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>();
    let given = Oxygen { given: true, ..Oxygen::default() };
    let oxygen = match (way, numbers.as_deref()) {
        (_, Ok([])) => return Err(String::new()),
        (OxygenWay::Flow, Ok([flow])) => Oxygen { flow: Some(*flow), ..given },
        (OxygenWay::Fraction, Ok([fraction])) => Oxygen { fio2: Some(*fraction), ..given },
        (OxygenWay::HighFlow, Ok([flow, fraction])) => {
            Oxygen { flow: Some(*flow), fio2: Some(*fraction), high_flow: true, ..given }
        }
        (OxygenWay::HighFlow, _) => return Err("two numbers are wanted, such as 40 50".to_owned()),
        _ => return Err("a number is wanted".to_owned()),
    };
    ChartEntry::Oxygen { oxygen }.check().map_err(|e| e.to_string())?;
    Ok(Answer::Chart(ChartAnswer::Oxygen(oxygen)))
}

impl App {
    /// What may be answered to a question of charting.
    pub(super) fn chart_choices(&self, question: ChartQuestion, sheet: &Sheet) -> Vec<Choice> {
        let given = |words: &str, answer: ChartAnswer| Choice::given(words, Answer::Chart(answer));
        match question {
            ChartQuestion::What => ChartItem::ALL.into_iter().map(|item| self.item_choice(item, sheet)).collect(),
            ChartQuestion::Level => {
                Consciousness::ALL.into_iter().map(|l| given(words::level(l), ChartAnswer::Level(l))).collect()
            }
            ChartQuestion::Holds => {
                SPANS.into_iter().map(|span| Choice::given(span_words(span), Answer::Span(span))).collect()
            }
            ChartQuestion::Way => vec![
                given("on air", ChartAnswer::Oxygen(Oxygen::default())),
                given("oxygen by flow, in L/min …", ChartAnswer::Way(OxygenWay::Flow)),
                given("oxygen by inspired fraction, in % …", ChartAnswer::Way(OxygenWay::Fraction)),
                given("high-flow nasal cannula, L/min and % …", ChartAnswer::Way(OxygenWay::HighFlow)),
            ],
            ChartQuestion::Amount(_) => Vec::new(),
            ChartQuestion::Scale => {
                let target = |s: Spo2Scale| if s == Spo2Scale::Two { ", target 88 to 92 %" } else { "" };
                let one = |s: Spo2Scale| given(&format!("{}{}", words::scale(s), target(s)), ChartAnswer::Scale(s));
                [Spo2Scale::One, Spo2Scale::Two].map(one).into()
            }
            ChartQuestion::Pregnant => {
                [true, false].map(|is| given(words::pregnant(is), ChartAnswer::Pregnant(is))).into()
            }
        }
    }

    fn item_choice(&self, item: ChartItem, sheet: &Sheet) -> Choice {
        let now = self.charted_now(item, sheet).map_or_else(String::new, |now| format!(": {now}"));
        let choice = Choice::given(format!("{}{now}", item.words()), Answer::Chart(ChartAnswer::Item(item)));
        let denied = item == ChartItem::Scale && !self.may(Verb::DecideTargets);
        Choice { not_now: denied.then_some("a doctor decides"), ..choice }
    }

    /// What is charted now of an item, for the patient of a sheet.
    #[must_use]
    pub fn charted_now(&self, item: ChartItem, sheet: &Sheet) -> Option<String> {
        let Subject::Patient(patient) = &sheet.subject else { return None };
        let of = |ward: &WardView| item.now(&ward.patients.get(patient)?.chart, self.server_now()?);
        self.ward.as_ref().and_then(of)
    }
}
