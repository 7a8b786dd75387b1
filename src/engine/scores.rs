//! Scores of the patients: from the newest values and what people charted.
//!
//! A continuous vital counts with the median of its last minutes and makes the score a derived one; what is measured now
//! and then while it is not lost. Scores are made anew each minute while they are derived, at once when something was
//! charted, a moment after something was measured now and then, and when a value is lost or an entry no longer holds.

use super::{Engine, patients::PatientSeries, series::Series, timers::Armed};
use crate::{
    alarm::{episode, episode::Raise},
    domain::{
        Actor, Alert, AlertKey, Category, CensusError, Chart, ChartEntry, Charted, Condition, ConditionCode,
        Consciousness, Event, EventBody, InopReason, Liveness, Millis, Oxygen, PatientId, Priority, Quality, Refusal,
        Sampling, ScoreBasis, ScoreItem, ScoreKind, ScoreResult, ScoreRisk, ScoreValue, Signal, Spo2Scale, Timestamp,
        VitalCode,
        vital::{
            ART_DIA, ART_SYS, CONSCIOUSNESS, FIO2, GCS_EYE, GCS_MOTOR, GCS_TOTAL, GCS_VERBAL, HR, NBP_DIA, NBP_SYS,
            O2_FLOW, PULSE, RR, SPO2, TEMP,
        },
    },
    score::{self, Inputs, news2},
};
use chrono::Datelike;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How often scores are made.
const SCORES_EVERY: Millis = Millis::from_mins(1);
/// What is measured now and then makes scores anew after this time: the values of one round count together.
const SETTLES: Millis = Millis::from_secs(2);
/// A vital whose values come closer than this is not measured now and then.
const RARE_FROM: Millis = Millis::from_secs(30);
/// A continuous vital counts with the median of so much time.
const WINDOW: Millis = Millis::from_mins(5);
/// One value of a continuous vital is kept in so much time.
const WINDOW_STEP: Millis = Millis::from_secs(10);
/// Most values of a window: [`WINDOW`] over [`WINDOW_STEP`].
const WINDOW_MAX: usize = 30;
/// Oxygen above this fraction is given, %.
const AIR_FIO2: f64 = 21.0;
/// Changes of an index below this are not told.
const INDEX_STEP: f64 = 0.1;
/// Where an alert of a score was acknowledged or is paused, a total that is so much above the one that was seen then signals
/// again, as does a greater risk: two points are what one sign gives that has clearly become worse.
const RISE_ASKS_AGAIN: f64 = 2.0;
/// An emergency asks for an assessment within this time, an urgent score for a review (RCP 2017; Thorax).
const EMERGENCY_TARGET_MIN: i64 = 30;
/// The same of an urgent one.
const URGENT_TARGET_MIN: i64 = 60;

/// Continuous vitals that scores look at.
const WINDOWED: [VitalCode; 6] = [HR, PULSE, RR, SPO2, ART_SYS, ART_DIA];
/// Other vitals that scores look at.
const SINGLE: [VitalCode; 10] =
    [NBP_SYS, NBP_DIA, TEMP, CONSCIOUSNESS, GCS_TOTAL, GCS_EYE, GCS_MOTOR, GCS_VERBAL, FIO2, O2_FLOW];

/// Values of the last minutes of a series, a few of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(from = "Vec<(Timestamp, f64)>", into = "Vec<(Timestamp, f64)>")]
#[repr(C)]
pub(super) struct Window {
    /// When the newest of them was measured: each value asks for it, and seldom for more.
    newest: Option<Timestamp>,
    /// At most [`WINDOW_MAX`], in the order in which they came.
    values: Vec<(Timestamp, f64)>,
}

impl From<Vec<(Timestamp, f64)>> for Window {
    fn from(values: Vec<(Timestamp, f64)>) -> Self {
        Self { newest: values.last().map(|(at, _)| *at), values }
    }
}

impl From<Window> for Vec<(Timestamp, f64)> {
    fn from(window: Window) -> Self {
        window.values
    }
}

impl Window {
    /// When the newest value was measured.
    pub(super) const fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Notes a valid value, at most one in [`WINDOW_STEP`].
    pub(super) fn note(&mut self, at: Timestamp, value: f64) {
        if self.newest.is_some_and(|newest| at.since(newest) < WINDOW_STEP && at >= newest) {
            return;
        }
        if self.values.len() >= WINDOW_MAX {
            self.values.remove(0);
        }
        self.values.push((at, value));
        self.newest = Some(at);
    }

    /// The median of what is not older than the window; of an even number the mean of the two in the middle.
    fn median(&self, now: Timestamp) -> Option<f64> {
        let young = self.values.iter().filter(|(at, _)| now.since(*at) <= WINDOW);
        let mut values: Vec<f64> = young.map(|(_, value)| *value).collect();
        values.sort_by(f64::total_cmp);
        let lower = values.get(values.len().checked_sub(1)? / 2)?;
        let upper = values.get(values.len() / 2)?;
        Some(f64::midpoint(*lower, *upper))
    }
}

/// How scores look at a vital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScoreUse {
    /// Not at all.
    None,
    /// At the median of its last minutes, where it is continuous.
    Median,
    /// At its newest value.
    Newest,
}

impl ScoreUse {
    pub(super) fn of(vital: VitalCode) -> Self {
        if WINDOWED.contains(&vital) {
            Self::Median
        } else if SINGLE.contains(&vital) {
            Self::Newest
        } else {
            Self::None
        }
    }
}

impl Series {
    /// Whether its last value stands, if it is not too old. What is measured now and then stands through a restart: it is
    /// not expected before the next round.
    fn stands(&self) -> bool {
        match self.state.inop {
            None => true,
            Some(InopReason::Awaiting) => !self.is_watched(),
            Some(_) => false,
        }
    }

    /// Whether it counts with its median. What comes as rarely as the window is long counts with itself.
    fn counts_with_median(&self) -> bool {
        let often = self.state.interval.is_none_or(|interval| interval < WINDOW);
        self.rules.gates.score == ScoreUse::Median && self.rules.def.sampling == Sampling::Continuous && often
    }
}

/// What the engine keeps of a patient's scores.
#[derive(Debug, Clone, Default)]
pub(super) struct Scores {
    pub(super) kept: ScoresKept,
    pub(super) armed: Armed,
}

/// The part of it that a snapshot keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub(super) struct ScoresKept {
    pub(super) chart: Box<Chart>,
    pub(super) told: BTreeMap<ScoreKind, ScoreResult>,
    due: Option<Timestamp>,
    /// What was missing when NEWS2 last asked for somebody, and has been missing since.
    #[serde(default)]
    missed: Vec<ScoreItem>,
    /// Total and risk of NEWS2 when its alert last signalled.
    #[serde(default)]
    asked: Option<(f64, ScoreRisk)>,
}

/// Values as scores take them.
struct Gathered<'a> {
    patient: &'a PatientSeries,
    now: Timestamp,
    /// Whether one of them is a monitor's median.
    derived: bool,
    /// When the first of them will be lost, of those that are no median.
    lost_at: Option<Timestamp>,
}

impl Gathered<'_> {
    /// The value of a vital, by the series that was heard last.
    fn of(&mut self, vital: VitalCode) -> Option<f64> {
        self.timed(vital).map(|(value, _)| value)
    }

    /// The value of a vital, and when the last one was measured.
    fn timed(&mut self, vital: VitalCode) -> Option<(f64, Timestamp)> {
        let now = self.now;
        let live = |s: &&Series| {
            let good = s.state.last.filter(|last| last.quality == Quality::Valid && s.stands());
            good.is_some_and(|last| s.freshness().liveness(last.observed_at, now) != Liveness::Lost)
        };
        let own = self.patient.series.iter().filter(|s| s.state.vital == vital).filter(live);
        let series = own.max_by_key(|s| (s.state.last.map(|l| l.observed_at), s.state.device.clone()))?;
        let last = series.state.last?;
        if series.counts_with_median() {
            self.derived = true;
            return Some((series.state.window.median(now).unwrap_or(last.value), last.observed_at));
        }
        let lost = last.observed_at + series.freshness().lost_after;
        self.lost_at = Some(self.lost_at.map_or(lost, |first| first.min(lost)));
        Some((last.value, last.observed_at))
    }
}

impl Engine {
    /// A present value has come, or one was put right; the one before it was measured at `before`.
    ///
    /// After a restart, or when its signal is back, nobody waits a minute for the score.
    pub(super) fn score_noted(
        &mut self,
        at: (usize, usize),
        valid: bool,
        before: Option<Timestamp>,
        was: Option<InopReason>,
    ) {
        let Some(patient) = self.patients.get(at.0) else { return };
        let Some(series) = patient.series.get(at.1) else { return };
        // What is no value ends a score, and begins none.
        let begins_none = !valid && patient.scores.kept.told.is_empty();
        if series.rules.gates.score == ScoreUse::None || begins_none {
            return;
        }
        let gap = series.state.last.zip(before).map(|(last, before)| last.observed_at.since(before));
        let rare = !series.counts_with_median() && gap.is_none_or(|gap| gap >= RARE_FROM);
        let back = valid && was.is_some();
        self.arm_scores(at.0, self.now + if rare || back { SETTLES } else { SCORES_EVERY });
    }

    /// A device has been taken away: what it measured no longer counts.
    pub(super) fn score_soon(&mut self, patient: &PatientId) {
        let Some(index) = self.patients.place_of(patient) else { return };
        if self.has_scores(index) {
            self.arm_scores(index, self.now + SETTLES);
        }
    }

    /// The patient is another one for scores than before, or nothing is known after a stop.
    pub(super) fn score_again(&mut self, index: usize, events: &mut Vec<Event>) {
        if self.has_scores(index) {
            self.make_scores(index, events);
        }
    }

    fn has_scores(&self, index: usize) -> bool {
        self.patients.get(index).is_some_and(|p| !p.scores.kept.told.is_empty())
    }

    /// Makes sure that the scores of a patient come up at `wanted` or before.
    fn arm_scores(&mut self, index: usize, wanted: Timestamp) {
        let Some(patient) = self.patients.get_mut(index) else { return };
        let due = patient.scores.kept.due.map_or(wanted, |due| due.min(wanted));
        patient.scores.kept.due = Some(due);
        self.timers.arm_at(index, &mut patient.scores.armed, Some(due));
    }

    /// Sets the timer of a patient whose scores were kept in a snapshot.
    pub(super) fn restore_scores(&mut self, index: usize) {
        if let Some(due) = self.patients.get(index).and_then(|p| p.scores.kept.due) {
            self.arm_scores(index, due);
        }
    }

    pub(super) fn fire_scores(&mut self, patient: &PatientId, deadline: Timestamp, events: &mut Vec<Event>) {
        let Some(index) = self.patients.place_of(patient) else { return };
        let Some(found) = self.patients.get_mut(index) else { return };
        found.scores.armed.came_up();
        match found.scores.kept.due {
            Some(due) if due <= deadline => self.make_scores(index, events),
            Some(due) => self.arm_scores(index, due),
            None => {}
        }
    }

    /// Makes the scores of a patient, tells of those that changed, and moves the alert of NEWS2.
    fn make_scores(&mut self, index: usize, events: &mut Vec<Event>) {
        let now = self.now;
        let Some(patient) = self.patients.get(index) else { return };
        let id = patient.patient.clone();
        let Gathering { inputs, derived, lost_at } = self.inputs(patient);
        let basis = if derived { ScoreBasis::Derived } else { ScoreBasis::Charted };
        let Some(patient) = self.patients.get_mut(index) else { return };
        let ScoresKept { told, chart, due, .. } = &mut patient.scores.kept;
        // What was told once is told again when nothing of it is known any more.
        let worth = |made: &ScoreResult| made.known() > 0 || is_told_why(made) || told.contains_key(&made.kind);
        let made: Vec<ScoreResult> = score::all(&inputs, basis, now).into_iter().filter(worth).collect();
        let is_news = |made: &&ScoreResult| told.get(&made.kind).is_none_or(|before| !says_the_same(before, made));
        let changed: Vec<ScoreResult> = made.iter().filter(is_news).cloned().collect();
        for score in &changed {
            told.insert(score.kind, score.clone());
        }
        // Nothing to wait for: the next value asks again.
        let soonest = now + SCORES_EVERY;
        let waits = [derived.then_some(soonest), lost_at.map(|at| at.max(soonest)), chart.next_end(now)];
        *due = None;
        if let Some(next) = waits.into_iter().flatten().min() {
            self.arm_scores(index, next);
        }
        if !changed.is_empty() {
            self.record(EventBody::Scored { patient: id.clone(), scores: changed }, events);
        }
        if let Some(made) = made.into_iter().find(|made| made.kind == ScoreKind::News2) {
            self.move_score(index, &made, events);
        }
    }

    fn inputs(&self, patient: &PatientSeries) -> Gathering {
        let now = self.now;
        let chart = &patient.scores.kept.chart;
        let mut values = Gathered { patient, now, derived: false, lost_at: None };
        let stay = self.census.stays.get(&patient.patient).map(|stay| &stay.patient);
        let age = stay.and_then(|p| p.birth_year).and_then(|year| u32::try_from(now.utc().year() - year).ok());
        let oxygen = chart.oxygen.as_ref().and_then(|o| o.at(now));
        let (fio2, flow) = (values.timed(FIO2), values.timed(O2_FLOW));
        let parts = [GCS_EYE, GCS_MOTOR, GCS_VERBAL].map(|vital| values.of(vital));
        let sum = parts.iter().try_fold(0.0, |sum, part| part.map(|part| sum + part));
        let level = values.of(CONSCIOUSNESS).and_then(Consciousness::of_code);
        let inputs = Inputs {
            rr: values.of(RR),
            spo2: values.of(SPO2),
            oxygen: oxygen_given(chart.oxygen.as_ref(), fio2, flow),
            scale: chart.scale.as_ref().and_then(|s| s.at(now)).unwrap_or(Spo2Scale::One),
            sbp: values.of(ART_SYS).or_else(|| values.of(NBP_SYS)),
            dbp: values.of(ART_DIA).or_else(|| values.of(NBP_DIA)),
            hr: values.of(HR).or_else(|| values.of(PULSE)),
            consciousness: chart.consciousness.as_ref().and_then(|c| c.at(now)).or(level),
            gcs: values.of(GCS_TOTAL).or(sum),
            temp: values.of(TEMP),
            age,
            pregnant: chart.pregnant.as_ref().and_then(|p| p.at(now)),
            adult: patient.category == Category::Adult,
            fio2: oxygen.and_then(|o| o.fio2).or(fio2.map(|(value, _)| value)),
            high_flow: oxygen.map(|o| o.high_flow),
            paco2: None,
            wbc: None,
            bands: None,
        };
        Gathering { inputs, derived: values.derived, lost_at: values.lost_at }
    }

    /// What a person observed or decided.
    pub(super) fn chart(
        &mut self,
        patient: &PatientId,
        entry: ChartEntry,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        entry.check()?;
        let unknown = || CensusError::UnknownPatient { patient: patient.clone() };
        let index = self.patients.place_of(patient).ok_or_else(unknown)?;
        let at = self.now;
        if let Some(stay) = self.census.stays.get(patient) {
            entry.check_of(&stay.patient, at)?;
        }
        if let Some(found) = self.patients.get_mut(index) {
            found.scores.kept.chart.enter(&entry, by, at);
        }
        self.record(EventBody::Charted { patient: patient.clone(), entry, by: by.clone() }, events);
        self.make_scores(index, events);
        Ok(())
    }

    /// Raises, moves or ends the alert of NEWS2. An incomplete score raises what is certain already. If more is missing than
    /// when somebody was last asked for, what is open beyond that is held: what is missing may keep it up. Otherwise it ends
    /// when the least total is below the first step.
    fn move_score(&mut self, index: usize, made: &ScoreResult, events: &mut Vec<Event>) {
        let Some(patient) = self.patients.get(index) else { return };
        let missed = &patient.scores.kept.missed;
        let more_is_missing = made.missing().any(|item| !missed.contains(&item));
        let (patient, code) = (Some(patient.patient.clone()), ConditionCode::Score(ScoreKind::News2));
        let key = AlertKey { patient, code, device: None };
        let open = self.alerts.get(&key).map(|alert| (alert.priority, alert.condition));
        let now = self.now;
        let wanted = priority(made);
        let total = match made.value {
            ScoreValue::Complete { total } => Some(total),
            ScoreValue::Incomplete { least, .. } => least,
            // The score was not made for this patient, and its alert was none.
            ScoreValue::NotApplicable { .. } => None,
        };
        let falls = open.is_some_and(|(priority, _)| wanted < Some(priority));
        if made.total().is_none() && total.is_some() && falls {
            if more_is_missing {
                if matches!(open, Some((_, Condition::Present))) {
                    self.move_alert(&key, None, events, |alert| episode::hold(alert, InopReason::Stale));
                }
                return;
            }
            // Between the two steps what has been raised stands: a total that goes to and fro asks for somebody once.
            if made.risk >= Some(ScoreRisk::Medium) {
                if let Some(total) = total {
                    self.follow_score(&key, (total, made), events);
                }
                return;
            }
        }
        let Some(total) = total else {
            if open.is_some() {
                self.move_alert(&key, None, events, |alert| episode::clear(alert, None, now));
            }
            return;
        };
        let is_quiet =
            |alert: &Alert| alert.is_answered() || alert.signal == Signal::Ack || !alert.inactivation.is_enabled();
        let quiet = self.alerts.get(&key).is_some_and(is_quiet);
        let mut higher = open.is_none_or(|(priority, _)| wanted > Some(priority));
        if let (Some(_), Some(risk), Some(patient)) = (wanted, made.risk, self.patients.get_mut(index)) {
            let asked = &mut patient.scores.kept.asked;
            let rose = asked.is_some_and(|(seen, of)| total >= seen + RISE_ASKS_AGAIN || risk > of);
            higher |= quiet && rose;
            if higher || !quiet || asked.is_none() {
                *asked = Some((total, risk));
            }
            let missing: Vec<ScoreItem> = made.missing().collect();
            let missed = &mut patient.scores.kept.missed;
            // What was known when somebody was asked for last counts until somebody is asked for anew.
            if higher {
                *missed = missing;
            } else {
                missed.retain(|item| missing.contains(item));
            }
        }
        match (wanted, open) {
            (Some(priority), None) => {
                let raise = self.new_alert(key, priority, now);
                let limit = Some(if priority == Priority::Medium { news2::EMERGENCY } else { news2::URGENT });
                let detail = Some(detail(made));
                self.raise(Raise { value: Some(total), limit, detail, ..raise }, events);
            }
            (Some(wanted), Some((priority, _))) if higher => {
                self.stand_again(&key, (total, made), events);
                self.end_snooze(&key, events);
                let words = detail(made);
                let limit = if wanted.max(priority) > Priority::Low { news2::EMERGENCY } else { news2::URGENT };
                self.move_alert(&key, None, events, |alert| {
                    alert.detail = Some(words);
                    episode::worsen(alert, wanted, Some(total), Some(limit), Millis::ZERO)
                });
            }
            (Some(_), Some(_)) => self.follow_score(&key, (total, made), events),
            (None, Some(_)) => {
                self.move_alert(&key, None, events, |alert| episode::clear(alert, Some(total), now));
            }
            (None, None) => {}
        }
    }

    /// A held alert of a score can be judged again.
    fn stand_again(&mut self, key: &AlertKey, (total, made): (f64, &ScoreResult), events: &mut Vec<Event>) {
        let is_held = |alert: &Alert| matches!(alert.condition, Condition::Inop { .. });
        if self.alerts.get(key).is_some_and(is_held) {
            let words = detail(made);
            self.move_alert(key, None, events, |alert| {
                alert.detail = Some(words);
                episode::resume(alert, Some(total))
            });
        }
    }

    /// While an alert of a score stands, its value and words are those of the present score: everybody who reads it has to
    /// read what is so. One event for a score that says something else, so at most one for each time that scores are made.
    fn follow_score(&mut self, key: &AlertKey, (total, made): (f64, &ScoreResult), events: &mut Vec<Event>) {
        self.stand_again(key, (total, made), events);
        let words = detail(made);
        let says_the_same = |alert: &Alert| alert.value == Some(total) && alert.detail.as_ref() == Some(&words);
        if !self.alerts.get(key).is_some_and(says_the_same) {
            self.move_alert(key, None, events, |alert| episode::follow(alert, total, words));
        }
    }

    /// The chart and the scores of a patient, for the first view of a ward.
    #[must_use]
    pub fn scores_of(&self, patient: &PatientId) -> Option<(&Chart, &BTreeMap<ScoreKind, ScoreResult>)> {
        let kept = &self.patients.of(patient)?.scores.kept;
        Some((&kept.chart, &kept.told))
    }
}

/// What scores are made of, and how long it may stand.
struct Gathering {
    inputs: Inputs,
    derived: bool,
    lost_at: Option<Timestamp>,
}

/// Whether oxygen is given, by what was charted and by what devices measure, each with its time. A device that gives
/// oxygen is believed before an older entry that there is none; an entry that there is some holds until another one.
fn oxygen_given(
    charted: Option<&Charted<Oxygen>>,
    fio2: Option<(f64, Timestamp)>,
    flow: Option<(f64, Timestamp)>,
) -> Option<bool> {
    let enriched = fio2.filter(|(fio2, _)| *fio2 > AIR_FIO2).map(|(_, at)| at);
    let flowing = flow.filter(|(flow, _)| *flow > 0.0).map(|(_, at)| at);
    let given_at = enriched.max(flowing);
    match charted {
        Some(entry) => Some(entry.value.given || given_at.is_some_and(|at| at > entry.at)),
        None => (fio2.is_some() || flow.is_some()).then_some(given_at.is_some()),
    }
}

/// How urgent a NEWS2 is: 7 and more medium, 5 and 6 or a single 3 low. The times that the publication gives are minutes;
/// what is a matter of seconds is raised by limits. An incomplete score asks for somebody from a least total of 7: what is
/// missing can only add to it.
fn priority(made: &ScoreResult) -> Option<Priority> {
    match made.risk? {
        ScoreRisk::High => Some(Priority::Medium),
        ScoreRisk::Medium | ScoreRisk::LowMedium => made.total().map(|_| Priority::Low),
        ScoreRisk::Low => None,
    }
}

/// What an alert of NEWS2 asks for, and of what it is made.
fn detail(made: &ScoreResult) -> String {
    let points = |p: &&crate::domain::ScorePart| p.points.is_some_and(|points| points > 0);
    let part = |p: &crate::domain::ScorePart| format!("{} {}", p.item.label(), p.points.unwrap_or_default());
    let parts: Vec<String> = made.parts.iter().filter(points).map(part).collect();
    let (what, minutes) = if made.risk == Some(ScoreRisk::High) {
        ("emergency assessment", EMERGENCY_TARGET_MIN)
    } else {
        ("urgent review", URGENT_TARGET_MIN)
    };
    let missing: Vec<&str> = made.missing().map(ScoreItem::label).collect();
    let missing = if missing.is_empty() { String::new() } else { format!("; missing: {}", missing.join(", ")) };
    format!("{what} within {minutes} min: {}{missing}", parts.join(", "))
}

/// Why NEWS2 was not made for a patient is worth saying; of the others it is not.
fn is_told_why(made: &ScoreResult) -> bool {
    made.kind == ScoreKind::News2 && matches!(made.value, ScoreValue::NotApplicable { .. })
}

/// Whether nothing worth telling has changed. An index moves with every value: only steps are told.
fn says_the_same(before: &ScoreResult, now: &ScoreResult) -> bool {
    let is_index = now.parts.iter().all(|p| p.points.is_none()) && now.parts.iter().any(|p| p.item != ScoreItem::Age);
    match (is_index, before.total(), now.total()) {
        (true, Some(a), Some(b)) => before.risk == now.risk && (a - b).abs() < INDEX_STEP,
        _ => before.says_the_same(now),
    }
}
