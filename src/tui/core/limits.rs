//! The limits of one patient: which value is selected, what is suggested, and the questions before a change.

use super::{
    act::{Act, Subject},
    app::{App, Page},
    choices::Choice,
    command::Asked,
    event::Effect,
    link::Phase,
    select::moved,
    sheet::{Answer, Question, Sheet, span_words},
};
use crate::{
    alarm::{
        Profiles, Reach,
        limits::longest_delay,
        suggest::{SUGGEST_FROM, SUGGEST_SLICES, Suggestion, suggest},
    },
    client::ClientRequest,
    domain::{
        Basis, Category, Command, Expiry, LimitScope, LimitValue, LimitsChange, Millis, PatientId, StepName, VitalCode,
        VitalLimits, VitalTable,
        limit_change::in_force,
        limits::{beyond, worse},
    },
    protocol::{
        History, HistoryQuery, PatientLimitsView, PatientView, VitalInfo, VitalLimitsView, VitalTrend, WardView,
    },
    tui::words,
};
use std::collections::BTreeMap;

/// Suggestions are made anew after this long while the page is open.
const SUGGEST_AGAIN: Millis = Millis::from_mins(1);

/// One value of a vital's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitField {
    /// A limit.
    Step(StepName),
    /// The delay of the first steps.
    Delay,
    /// The delay of the second steps.
    ExtremeDelay,
}

impl LimitField {
    /// All, in the order of the page.
    pub const ALL: [Self; 6] = [
        Self::Step(StepName::LowExtreme),
        Self::Step(StepName::Low),
        Self::Step(StepName::High),
        Self::Step(StepName::HighExtreme),
        Self::Delay,
        Self::ExtremeDelay,
    ];

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Step(StepName::LowExtreme) => "low extreme",
            Self::Step(StepName::Low) => "low",
            Self::Step(StepName::High) => "high",
            Self::Step(StepName::HighExtreme) => "high extreme",
            Self::Delay => "delay",
            Self::ExtremeDelay => "delay of extremes",
        }
    }

    /// The value: a limit in the vital's unit, a delay in seconds; `None` if there is no such limit.
    #[must_use]
    pub fn of(self, limits: &VitalLimits) -> Option<f64> {
        let delay =
            |a: StepName, b: StepName| limits.step(a).or_else(|| limits.step(b)).map(|step| step.delay.as_secs_f64());
        match self {
            Self::Step(name) => limits.step(name).map(|step| step.limit),
            Self::Delay => delay(StepName::Low, StepName::High),
            Self::ExtremeDelay => delay(StepName::LowExtreme, StepName::HighExtreme),
        }
    }

    fn change(self, to: LimitValue) -> LimitsChange {
        #[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest whole number that there is")]
        let delay = Some(Millis((to.get() * 1_000.0).round() as i64));
        let mut change = LimitsChange::default();
        match self {
            Self::Step(name) => change.set_step(name, to),
            Self::Delay => change.delay = delay,
            Self::ExtremeDelay => change.extreme_delay = delay,
        }
        change
    }
}

/// What the present values suggest.
#[derive(Debug, Clone, PartialEq)]
pub enum Suggested {
    /// They are asked for.
    Asking,
    /// They could not be had, and why.
    Failed(String),
    /// By vital; a vital without one has too few values, no formula, or limits that fit as they are.
    Known(BTreeMap<VitalCode, Suggestion>),
}

/// The limits of one patient.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitsPage {
    /// The patient.
    pub patient: PatientId,
    /// The selected vital; the first if none.
    pub vital: Option<VitalCode>,
    /// The selected value of it.
    pub field: LimitField,
    /// What the present values suggest.
    pub suggested: Suggested,
    asked: Option<u64>,
    asked_at: Option<Millis>,
}

/// What an act on limits is about, as it was on the screen when the act began.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitsSubject {
    /// The patient.
    pub patient: PatientId,
    /// The vital.
    pub vital: VitalCode,
    /// The value of it.
    pub field: LimitField,
    /// The limits that were in force.
    pub before: VitalLimitsView,
    /// What was suggested for the vital.
    pub suggested: Option<Suggestion>,
}

/// What is asked about limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitsQuestion {
    /// The new value.
    Value,
    /// For how long.
    Until,
    /// Of which vital.
    Which,
}

const WHY: Question =
    Question::Words(&["usual for this patient", "ordered by a doctor", "treated and closely watched"]);
const WHY_BACK: Question = Question::Words(&["no longer needed", "the patient's state has changed", "set by mistake"]);
pub(super) const SET_QUESTIONS: &[Question] =
    &[Question::Limits(LimitsQuestion::Value), Question::Limits(LimitsQuestion::Until), WHY, Question::Sure];
pub(super) const TAKE_QUESTIONS: &[Question] = &[Question::Limits(LimitsQuestion::Until), WHY, Question::Sure];
pub(super) const RESET_QUESTIONS: &[Question] = &[Question::Limits(LimitsQuestion::Which), WHY_BACK, Question::Sure];
const SPANS: [Millis; 4] =
    [Millis::from_mins(4 * 60), Millis::from_mins(8 * 60), Millis::from_mins(12 * 60), Millis::from_mins(24 * 60)];

/// One value before and after; `None` where there is no such limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FieldChange {
    /// The vital.
    pub vital: VitalCode,
    /// Which value of it.
    pub field: LimitField,
    /// Before.
    pub old: Option<f64>,
    /// After.
    pub new: Option<f64>,
}

/// How far a value may be changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldReach {
    /// A limit: nurses to the guard, doctors to the bound, in the vital's unit.
    Limit(Reach),
    /// A delay: the longest.
    Delay(Millis),
}

fn changes(vital: VitalCode, old: &VitalLimits, new: &VitalLimits) -> Vec<FieldChange> {
    let one = |field: LimitField| FieldChange { vital, field, old: field.of(old), new: field.of(new) };
    LimitField::ALL.into_iter().map(one).filter(|change| change.old != change.new).collect()
}

impl Sheet {
    /// What an act on limits would make different, as far as it is answered.
    #[must_use]
    pub fn limit_changes(&self, ward: &WardView) -> Vec<FieldChange> {
        let Subject::Limits(subject) = &self.subject else { return Vec::new() };
        match self.limits_change(subject) {
            Some(change) => {
                let old = subject.before.limits();
                changes(subject.vital, &old, &change.apply(&old))
            }
            None => self.taken_back(subject, ward),
        }
    }

    /// What a person asks to be different.
    fn limits_change(&self, subject: &LimitsSubject) -> Option<LimitsChange> {
        match self.act {
            Act::SetLimits => self.answers.iter().find_map(|answer| match answer {
                Answer::Limit(to) => Some(subject.field.change(*to)),
                _ => None,
            }),
            Act::TakeSuggestion => subject.suggested.map(|suggested| suggested.change),
            _ => None,
        }
    }

    fn expiry(&self) -> Option<Expiry> {
        self.answers.iter().find_map(|answer| if let Answer::Until(expiry) = answer { Some(*expiry) } else { None })
    }

    fn which(&self) -> Option<Option<VitalCode>> {
        self.answers.iter().find_map(|answer| if let Answer::Which(vital) = answer { Some(*vital) } else { None })
    }

    /// What is in force once the patient's own limits are taken back.
    fn taken_back(&self, subject: &LimitsSubject, ward: &WardView) -> Vec<FieldChange> {
        let (Some(which), Some(patient)) = (self.which(), ward.patients.get(&subject.patient)) else {
            return Vec::new();
        };
        let category = patient.patient.category;
        let wanted =
            patient.limits.iter().filter(|(vital, set)| set.own.is_some() && which.is_none_or(|w| w == **vital));
        let one = |(vital, set): (&VitalCode, &PatientLimitsView)| {
            let profile = ward.profile_limits(category, *vital)?.limits();
            let then = in_force(&profile, set.ward.as_ref().map(|ward| &ward.change), None);
            Some(changes(*vital, &set.limits.limits(), &then))
        };
        wanted.filter_map(one).flatten().collect()
    }
}

/// The command that all answers make; `None` if the limits are not those any more that were on the screen.
pub(super) fn command(sheet: &Sheet, subject: &LimitsSubject, ward: &WardView) -> Option<Command> {
    let patient = ward.patients.get(&subject.patient)?;
    if ward.limits_of(patient, subject.vital) != Some(&subject.before) {
        return None;
    }
    let (scope, reason) = (LimitScope::Patient { patient: subject.patient.clone() }, sheet.words()?);
    if sheet.act == Act::ResetLimits {
        return Some(Command::ResetLimits { scope, vital: sheet.which()?, reason });
    }
    let basis = if sheet.act == Act::TakeSuggestion { Basis::Suggested } else { Basis::Chosen };
    let (change, expires) = (sheet.limits_change(subject)?, sheet.expiry()?);
    Some(Command::SetLimits { scope, vital: subject.vital, change, reason, expires, basis })
}

/// What people call it while it is under way.
pub(super) fn asked(sheet: &Sheet, subject: &LimitsSubject, ward: &WardView, done: String, now: Millis) -> Asked {
    let label = ward.info(subject.vital).map_or("", |info| &info.label);
    let what = if sheet.which() == Some(None) { "all changed limits".to_owned() } else { format!("{label} limits") };
    Asked::patient(&subject.patient, ward, &what, done, now)
}

/// What is told once the server has agreed.
pub(super) fn done_words(sheet: &Sheet) -> String {
    if sheet.act == Act::ResetLimits { "reset".to_owned() } else { "changed".to_owned() }
}

/// How far a value may be changed by the built-in rule and the site's profile; `None` where the profile has no such limit.
/// The server has the last word: a site may have rules of its own.
#[must_use]
pub fn field_reach(ward: &WardView, category: Category, vital: VitalCode, field: LimitField) -> Option<FieldReach> {
    let (profiles, table) = (Profiles::builtin(), VitalTable::builtin());
    let def = table.get(vital)?;
    let LimitField::Step(name) = field else {
        return Some(FieldReach::Delay(longest_delay(&profiles, def, category, field == LimitField::ExtremeDelay)));
    };
    let own = ward.profile_limits(category, vital)?.limits().step(name)?.limit;
    let (side, least, most) = (name.side(), *def.plausible.start(), *def.plausible.end());
    let possible = if beyond(side, least, most) { least } else { most };
    let rule = profiles.guard(category, vital).step(name).unwrap_or(Reach { guard: own, bound: possible });
    let guard = worse(side, rule.guard, own);
    Some(FieldReach::Limit(Reach { guard, bound: worse(side, rule.bound, guard) }))
}

impl App {
    /// A typed limit or delay, as far as this screen can tell that it will be taken.
    ///
    /// # Errors
    /// What is wrong with it, for people; empty if nothing was typed.
    pub(super) fn typed_limit(&self, subject: &Subject, line: &str) -> Result<Answer, String> {
        let text = line.trim().replace(',', ".");
        if text.is_empty() {
            return Err(String::new());
        }
        let value: LimitValue = text.parse().map_err(|_| "a number is wanted".to_owned())?;
        let Subject::Limits(subject) = subject else { return Ok(Answer::Limit(value)) };
        let before = subject.before.limits();
        if subject.field.of(&before).is_some_and(|before| before.total_cmp(&value.get()).is_eq()) {
            return Err("it is so already".to_owned());
        }
        if let (LimitField::Step(_), Some(info)) =
            (subject.field, self.ward.as_ref().and_then(|w| w.info(subject.vital)))
            && !value.is_shown_with(info.decimals)
        {
            return Err(match info.decimals {
                0 => "whole numbers only".to_owned(),
                1 => "one decimal at most".to_owned(),
                decimals => format!("{decimals} decimals at most"),
            });
        }
        if !subject.field.change(value).apply(&before).is_ordered() {
            return Err("out of order with the other limits".to_owned());
        }
        Ok(Answer::Limit(value))
    }

    /// The vitals that have limits, in display order.
    #[must_use]
    pub fn limited_vitals(&self) -> Vec<&VitalInfo> {
        let (Some(ward), Some(patient)) = (&self.ward, self.limits_patient()) else { return Vec::new() };
        ward.vitals.iter().filter(|info| ward.limits_of(patient, info.vital).is_some()).collect()
    }

    fn limits_patient(&self) -> Option<&PatientView> {
        self.ward.as_ref()?.patients.get(&self.limits.as_ref()?.patient)
    }

    /// The selected vital of the page of limits.
    #[must_use]
    pub fn selected_vital(&self) -> Option<VitalCode> {
        let page = self.limits.as_ref()?;
        let vitals = self.limited_vitals();
        let kept = page.vital.filter(|vital| vitals.iter().any(|info| info.vital == *vital));
        kept.or_else(|| vitals.first().map(|info| info.vital))
    }

    /// What an act on limits would be about now.
    pub(super) fn selected_limits(&self) -> Option<LimitsSubject> {
        let (ward, page, patient) = (self.ward.as_ref()?, self.limits.as_ref()?, self.limits_patient()?);
        let vital = self.selected_vital()?;
        let suggested = match &page.suggested {
            Suggested::Known(known) => known.get(&vital).copied(),
            Suggested::Asking | Suggested::Failed(_) => None,
        };
        let (before, field) = (*ward.limits_of(patient, vital)?, page.field);
        Some(LimitsSubject { patient: page.patient.clone(), vital, field, before, suggested })
    }

    pub(super) fn why_not_limits(&self, act: Act, subject: &LimitsSubject) -> Option<&'static str> {
        let Some(patient) = self.ward.as_ref().and_then(|ward| ward.patients.get(&subject.patient)) else {
            return Some("the patient is not here any more");
        };
        match act {
            Act::TakeSuggestion if subject.suggested.is_none() => Some("nothing is suggested for this vital"),
            Act::ResetLimits if patient.limits.values().all(|set| set.own.is_none()) => {
                Some("no limit of this patient is changed")
            }
            _ => None,
        }
    }

    pub(super) fn show_limits(&mut self) {
        let Some(patient) = self.selected_patient().map(|p| p.patient.id.clone()) else { return };
        if self.limits.as_ref().is_none_or(|page| page.patient != patient) {
            let (field, suggested) = (LimitField::Step(StepName::Low), Suggested::Asking);
            self.limits = Some(LimitsPage { patient, vital: None, field, suggested, asked: None, asked_at: None });
        }
        self.page = Page::Limits;
    }

    pub(super) fn move_vital(&mut self, by: isize) {
        let vitals: Vec<VitalCode> = self.limited_vitals().iter().map(|info| info.vital).collect();
        let at = self.selected_vital().and_then(|vital| vitals.iter().position(|v| *v == vital));
        let to = vitals.get(moved(at, by, vitals.len())).copied();
        if let Some(page) = &mut self.limits {
            page.vital = to;
        }
    }

    pub(super) fn move_field(&mut self, by: isize) {
        if let Some(page) = &mut self.limits {
            let at = LimitField::ALL.iter().position(|field| *field == page.field);
            page.field = LimitField::ALL.get(moved(at, by, LimitField::ALL.len())).copied().unwrap_or(page.field);
        }
    }

    /// What may be answered to a question about limits.
    pub(super) fn limits_choices(&self, question: LimitsQuestion, sheet: &Sheet) -> Vec<Choice> {
        let (Some(ward), Some(now)) = (&self.ward, self.server_now()) else { return Vec::new() };
        match question {
            LimitsQuestion::Value => Vec::new(),
            LimitsQuestion::Until => {
                let until = |span: Millis| {
                    let until = now + span;
                    let at = words::clock_minutes(until, ward.ward.time_zone);
                    Choice::given(format!("{}, until {at}", span_words(span)), Answer::Until(Expiry::At { until }))
                };
                let handover = "until the next handover: then marked for review, and kept";
                let last = Choice::given(handover, Answer::Until(Expiry::NextHandover));
                SPANS.into_iter().map(until).chain([last]).collect()
            }
            LimitsQuestion::Which => {
                let Subject::Limits(subject) = &sheet.subject else { return Vec::new() };
                let set = ward.patients.get(&subject.patient).map(|p| &p.limits);
                let own = |vital: VitalCode| set.and_then(|all| all.get(&vital)).is_some_and(|set| set.own.is_some());
                let label = ward.info(subject.vital).map_or("", |info| &info.label);
                let this = Choice {
                    not_now: (!own(subject.vital)).then_some("not changed for this patient"),
                    ..Choice::given(format!("those of {label}"), Answer::Which(Some(subject.vital)))
                };
                vec![this, Choice::given("all that are changed for this patient", Answer::Which(None))]
            }
        }
    }

    /// Asks for the values that suggestions come from, when they are due.
    pub(super) fn refresh_suggestions(&mut self, effects: &mut Vec<Effect>) {
        let (Page::Limits, Phase::Up, Some(now)) = (self.page, &self.link.phase, self.server_now()) else { return };
        let due = |page: &LimitsPage| page.asked_at.is_none_or(|at| self.now - at >= SUGGEST_AGAIN);
        let locked = self.is_locked();
        let (Some(ward), Some(page)) = (&self.ward, &mut self.limits) else { return };
        if locked || !due(page) {
            return;
        }
        let query = HistoryQuery {
            ward: ward.ward.id.clone(),
            patients: vec![page.patient.clone()],
            vitals: Vec::new(),
            from: now - SUGGEST_FROM,
            to: now,
            points: SUGGEST_SLICES,
            alerts: false,
        };
        let id = self.commands.number();
        (page.asked, page.asked_at) = (Some(id), Some(self.now));
        effects.push(Effect::Send(ClientRequest::Query { id, query }));
    }

    /// Takes in the values that were asked for; says whether these are they.
    pub(super) fn suggestions_answered(&mut self, id: u64, history: &History) -> bool {
        let (Some(ward), Some(page)) = (&self.ward, &mut self.limits) else { return false };
        if page.asked != Some(id) {
            return false;
        }
        if let Some(patient) = ward.patients.get(&page.patient) {
            page.suggested = Suggested::Known(suggestions(ward, patient, history));
        }
        true
    }

    /// Notes that the values could not be had; says whether it was they that were asked for.
    pub(super) fn suggestions_failed(&mut self, id: u64, why: &str) -> bool {
        let Some(page) = self.limits.as_mut().filter(|page| page.asked == Some(id)) else { return false };
        page.suggested = Suggested::Failed(why.to_owned());
        true
    }

    /// The link is cut: what was asked for is asked for again.
    pub(super) fn suggestions_lost(&mut self) {
        if let Some(page) = &mut self.limits {
            page.asked_at = None;
        }
    }
}

fn suggestions(ward: &WardView, patient: &PatientView, history: &History) -> BTreeMap<VitalCode, Suggestion> {
    let (profiles, table) = (Profiles::builtin(), VitalTable::builtin());
    let own = history.patients.iter().filter(|p| p.patient == patient.patient.id);
    let one = |trend: &VitalTrend| {
        let (def, limits) = (table.get(trend.vital)?, ward.limits_of(patient, trend.vital)?.limits());
        let values: Vec<f64> = trend.trend.points.iter().map(|point| point.mean).collect();
        Some((trend.vital, suggest(&profiles, def, patient.patient.category, &limits, &values)?))
    };
    own.flat_map(|p| &p.trends).filter_map(one).collect()
}
