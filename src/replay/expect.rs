//! What a run should raise, and the comparison with what it raised.

mod difference;

use super::{
    episodes::{Episode, Episodes, Onset},
    load::ReplayError,
    plan::Plan,
};
use crate::domain::{AlertClass, ConditionCode, PatientId, Priority, Timestamp, VitalCode, VitalTable};
use serde::{Deserialize, Deserializer, de};
use std::{fmt, path::Path};

/// What a run should raise and what it must not; `NAME.expected.toml` beside `NAME.toml`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectations {
    /// Alerts that have to come.
    #[serde(default, rename = "expect")]
    pub expected: Vec<Expectation>,
    /// Alerts that must not come.
    #[serde(default, rename = "forbid")]
    pub forbidden: Vec<Prohibition>,
}

/// An alert that has to come. What is left out may be anything.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The patient.
    pub patient: PatientId,
    /// Physiological or technical.
    pub class: Option<AlertClass>,
    /// The vital.
    pub vital: Option<VitalCode>,
    /// The condition, such as `spo2.low`.
    pub condition: Option<ConditionCode>,
    /// The highest priority that it reaches.
    pub priority: Option<Priority>,
    /// When it is raised, both ends included.
    pub raised_between: (When, When),
    /// When its condition goes away, both ends included. The end of the recording does not count.
    pub cleared_between: Option<(When, When)>,
}

/// Alerts that must not come: those to which everything applies that is written.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prohibition {
    /// The patient.
    pub patient: Option<PatientId>,
    /// Physiological or technical.
    pub class: Option<AlertClass>,
    /// The vital.
    pub vital: Option<VitalCode>,
    /// The condition.
    pub condition: Option<ConditionCode>,
    /// The highest priority that it reaches.
    pub priority: Option<Priority>,
    /// When it is raised, both ends included.
    pub between: Option<(When, When)>,
}

/// A moment of a recording: seconds from second 0, or a time of day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// Seconds from second 0.
    Seconds(f64),
    /// A point in time.
    Clock(Timestamp),
}

impl When {
    /// The point in time, if second 0 is at `zero`.
    #[must_use]
    pub fn at(self, zero: Timestamp) -> Timestamp {
        match self {
            Self::Seconds(s) => zero + super::simulate::millis(s),
            Self::Clock(at) => at,
        }
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = When;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds from the start of the recording, or a time such as \"2026-01-01T00:15:00Z\"")
            }
            fn visit_f64<E>(self, seconds: f64) -> Result<When, E> {
                Ok(When::Seconds(seconds))
            }
            #[expect(clippy::cast_precision_loss, reason = "seconds of a recording are few")]
            fn visit_i64<E>(self, seconds: i64) -> Result<When, E> {
                Ok(When::Seconds(seconds as f64))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<When, E> {
                text.parse().map(When::Clock).map_err(E::custom)
            }
        }
        d.deserialize_any(Visitor)
    }
}

impl Expectations {
    /// Reads a file of expectations.
    ///
    /// # Errors
    /// If it cannot be read or understood, or says nothing.
    pub fn read(path: &Path) -> Result<Self, ReplayError> {
        let text = std::fs::read_to_string(path).map_err(ReplayError::read(path))?;
        let found: Self = toml::from_str(&text)
            .map_err(|source| ReplayError::Toml { path: path.to_owned(), source: Box::new(source) })?;
        let fault =
            |at: String, problem: &str| ReplayError::Invalid { path: path.to_owned(), at, problem: problem.to_owned() };
        if found.expected.is_empty() && found.forbidden.is_empty() {
            return Err(fault("the file".to_owned(), "it says nothing: write at least one [[expect]] or [[forbid]]"));
        }
        if let Some(number) = found.forbidden.iter().position(|f| *f == Prohibition::default()) {
            return Err(fault(format!("forbid {}", number + 1), "it would forbid every alert: write at least one key"));
        }
        for (at, class, vital, condition) in found.conditions() {
            if let Some(problem) = condition.and_then(|condition| contradiction(class, vital, condition)) {
                return Err(fault(at, &problem));
            }
        }
        Ok(found)
    }

    /// Holds the vitals against those that there are: one that is unknown is in no alert, so that what is forbidden of it would
    /// always hold.
    ///
    /// # Errors
    /// If a vital is unknown.
    pub fn check_vitals(&self, path: &Path, vitals: &VitalTable) -> Result<(), ReplayError> {
        for (at, _, vital, condition) in self.conditions() {
            let named = [vital, condition.and_then(ConditionCode::vital)];
            if let Some(unknown) = named.into_iter().flatten().find(|vital| vitals.get(*vital).is_none()) {
                let problem = format!(
                    "there is no vital {unknown}: a built-in one such as spo2, or one of the configuration is wanted"
                );
                return Err(ReplayError::Invalid { path: path.to_owned(), at, problem });
            }
        }
        Ok(())
    }

    /// Where each entry stands, and what it says of class, vital and condition.
    fn conditions(&self) -> impl Iterator<Item = Named> {
        let expected = self.expected.iter().enumerate();
        let expected = expected.map(|(i, e)| (format!("expect {}", i + 1), e.class, e.vital, e.condition));
        let forbidden = self.forbidden.iter().enumerate();
        expected.chain(forbidden.map(|(i, f)| (format!("forbid {}", i + 1), f.class, f.vital, f.condition)))
    }
}

/// An entry: where it stands, class, vital and condition.
type Named = (String, Option<AlertClass>, Option<VitalCode>, Option<ConditionCode>);

/// Why no alert can be of this class, vital and condition together.
fn contradiction(class: Option<AlertClass>, vital: Option<VitalCode>, condition: ConditionCode) -> Option<String> {
    // An alert of a device says itself of which class it is.
    let of_code = match condition {
        ConditionCode::DeviceAlert(_) => class,
        _ if condition.is_physiological() => Some(AlertClass::Physiological),
        _ => Some(AlertClass::Technical),
    };
    if let (Some(class), Some(of_code)) = (class, of_code)
        && class != of_code
    {
        return Some(format!("no alert can be of it: {condition} is {}, not {}", of_code.as_str(), class.as_str()));
    }
    let other = vital.filter(|vital| condition.vital() != Some(*vital))?;
    Some(format!("no alert can be of it: {condition} is not about {other}"))
}

/// Whether a run was as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How many expectations and prohibitions hold.
    pub held: usize,
    /// Those that do not, each as text for people.
    pub broken: Vec<String>,
}

impl Verdict {
    /// Whether everything holds.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.broken.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for text in &self.broken {
            writeln!(f, "{text}")?;
        }
        writeln!(f, "{} of {} expectations hold", self.held, self.held + self.broken.len())
    }
}

/// Compares the alerts of a run with what was expected. One alert may meet several expectations.
#[must_use]
pub fn check(plan: &Plan, episodes: &Episodes, expectations: &Expectations) -> Verdict {
    let comings: Vec<Coming<'_>> =
        episodes.iter().flat_map(|episode| episode.onsets.iter().map(move |onset| Coming { episode, onset })).collect();
    let wanted = expectations.expected.iter().map(|e| {
        let met = comings.iter().any(|c| e.concerns(c) && e.misfits(c, plan.zero).is_empty());
        (!met).then(|| difference::missing(plan, e, &comings))
    });
    let unwanted = expectations.forbidden.iter().map(|p| {
        if let Some(why) = p.cannot_apply(plan) {
            return Some(difference::idle(plan, p, &why));
        }
        let came: Vec<&Coming<'_>> = comings.iter().filter(|c| p.applies(c, plan.zero)).collect();
        (!came.is_empty()).then(|| difference::forbidden(plan, p, &came))
    });
    let results: Vec<Option<String>> = wanted.chain(unwanted).collect();
    let held = results.iter().filter(|r| r.is_none()).count();
    Verdict { held, broken: results.into_iter().flatten().collect() }
}

/// One coming of a condition, with the episode that it belongs to.
#[derive(Debug, Clone, Copy)]
struct Coming<'a> {
    episode: &'a Episode,
    onset: &'a Onset,
}

/// What does not fit.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Misfit {
    Priority(Priority),
    /// Raised this many seconds too early (negative) or too late.
    Raised(f64),
    Cleared(f64),
    NotCleared,
}

fn fits<T: PartialEq + Copy>(wanted: Option<T>, found: Option<T>) -> bool {
    wanted.is_none() || wanted == found
}

/// Seconds by which `at` lies outside of the span: negative before it, 0 in it.
fn outside(at: Timestamp, span: (When, When), zero: Timestamp) -> f64 {
    let (from, to) = (span.0.at(zero), span.1.at(zero));
    if at < from {
        at.since(from).as_secs_f64()
    } else if at > to {
        at.since(to).as_secs_f64()
    } else {
        0.0
    }
}

impl Expectation {
    /// Whether it is about that patient and condition.
    fn concerns(&self, coming: &Coming<'_>) -> bool {
        let episode = coming.episode;
        episode.patient.as_ref() == Some(&self.patient)
            && fits(self.class, Some(episode.class))
            && fits(self.vital, episode.code.vital())
            && fits(self.condition, Some(episode.code))
    }

    fn misfits(&self, coming: &Coming<'_>, zero: Timestamp) -> Vec<Misfit> {
        let onset = coming.onset;
        let mut misfits = Vec::new();
        let raised = outside(onset.raised_at, self.raised_between, zero);
        if raised != 0.0 {
            misfits.push(Misfit::Raised(raised));
        }
        if !fits(self.priority, Some(onset.priority)) {
            misfits.push(Misfit::Priority(onset.priority));
        }
        match (self.cleared_between, onset.cleared_at) {
            (Some(span), Some(at)) => {
                let cleared = outside(at, span, zero);
                if cleared != 0.0 {
                    misfits.push(Misfit::Cleared(cleared));
                }
            }
            (Some(_), None) => misfits.push(Misfit::NotCleared),
            (None, _) => {}
        }
        misfits
    }
}

impl Prohibition {
    /// Why nothing could ever break it: then it is a slip of the pen, and no comfort.
    fn cannot_apply(&self, plan: &Plan) -> Option<String> {
        let known = |id: &PatientId| plan.placements.iter().any(|p| p.patient.id == *id);
        if let Some(patient) = self.patient.as_ref().filter(|id| !known(id)) {
            return Some(format!("there is no patient {patient} in this recording"));
        }
        let backwards = self.between.is_some_and(|(from, to)| from.at(plan.zero) > to.at(plan.zero));
        backwards.then(|| "the span ends before it begins".to_owned())
    }

    fn applies(&self, coming: &Coming<'_>, zero: Timestamp) -> bool {
        let Coming { episode, onset } = coming;
        let patient = self.patient.is_none() || self.patient == episode.patient;
        patient
            && fits(self.class, Some(episode.class))
            && fits(self.vital, episode.code.vital())
            && fits(self.condition, Some(episode.code))
            && fits(self.priority, Some(onset.priority))
            && self.between.is_none_or(|span| outside(onset.raised_at, span, zero) == 0.0)
    }
}
