//! Limits that people have changed: what is in force for whom, until when, and what the present value is by it.

use super::{
    Engine,
    observe::Judged,
    timers::{Armed, Timer, TimerKind},
};
use crate::{
    alarm::{
        Profiles,
        limits::{Authority, OVERRIDE_MAX, changed},
        machine::Rules,
    },
    domain::{
        Actor, Basis, Category, CensusError, Event, EventBody, Expiry, LimitOverride, LimitScope, LimitsCause,
        LimitsChange, LimitsError, PatientId, Quality, Refusal, Remark, Side, Timestamp, VitalCode, VitalLimits,
        limit_change::in_force,
    },
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What somebody wants to be different.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) scope: LimitScope,
    pub(super) vital: VitalCode,
    pub(super) change: LimitsChange,
    pub(super) reason: Remark,
    pub(super) expires: Expiry,
    pub(super) basis: Basis,
}

type ByVital = BTreeMap<VitalCode, LimitOverride>;

/// The changes in force.
#[derive(Debug, Clone, Default)]
pub(super) struct Overrides {
    pub(super) kept: OverridesKept,
    armed: Armed,
}

/// The part of it that a snapshot keeps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct OverridesKept {
    patients: BTreeMap<PatientId, ByVital>,
    ward: BTreeMap<Category, ByVital>,
}

impl OverridesKept {
    fn of(&self, scope: &LimitScope) -> Option<&ByVital> {
        match scope {
            LimitScope::Patient { patient } => self.patients.get(patient),
            LimitScope::Ward { category } => self.ward.get(category),
        }
    }

    fn find(&self, scope: &LimitScope, vital: VitalCode) -> Option<&LimitOverride> {
        self.of(scope)?.get(&vital)
    }

    fn put(&mut self, scope: &LimitScope, vital: VitalCode, set: Option<LimitOverride>) {
        let by_vital = match scope {
            LimitScope::Patient { patient } => self.patients.entry(patient.clone()).or_default(),
            LimitScope::Ward { category } => self.ward.entry(*category).or_default(),
        };
        match set {
            Some(set) => {
                by_vital.insert(vital, set);
            }
            None => {
                by_vital.remove(&vital);
            }
        }
        self.patients.retain(|_, by_vital| !by_vital.is_empty());
        self.ward.retain(|_, by_vital| !by_vital.is_empty());
    }

    fn iter(&self) -> impl Iterator<Item = (LimitScope, VitalCode, &LimitOverride)> {
        let patients = self.patients.iter().flat_map(|(patient, by_vital)| {
            by_vital.iter().map(|(vital, set)| (LimitScope::Patient { patient: patient.clone() }, *vital, set))
        });
        let ward = self.ward.iter().flat_map(|(category, by_vital)| {
            by_vital.iter().map(|(vital, set)| (LimitScope::Ward { category: *category }, *vital, set))
        });
        patients.chain(ward)
    }

    /// The limits in force for a vital of a patient: the patient's own over those of the ward over the profile.
    pub(super) fn in_force(
        &self,
        profiles: &Profiles,
        patient: &PatientId,
        category: Category,
        vital: VitalCode,
    ) -> Option<VitalLimits> {
        let profile = profiles.of(category);
        let ward = self.ward.get(&category).and_then(|by_vital| by_vital.get(&vital)).map(|set| &set.change);
        let own = self.patients.get(patient).and_then(|by_vital| by_vital.get(&vital)).map(|set| &set.change);
        Some(in_force(profile.vitals.get(&vital)?, ward, own))
    }
}

/// What is to be told of a change.
struct Told {
    set: Option<LimitOverride>,
    cause: LimitsCause,
    reason: Option<Remark>,
    by: Actor,
}

impl Engine {
    /// The changed limits of the ward and its patients, in order.
    pub fn limit_overrides(&self) -> impl Iterator<Item = (LimitScope, VitalCode, &LimitOverride)> {
        self.limits.kept.iter()
    }

    /// The limits in force for a vital of a patient who is here; `None` if the vital has none.
    #[must_use]
    pub fn limits_in_force(&self, patient: &PatientId, vital: VitalCode) -> Option<VitalLimits> {
        let category = self.census.stays.get(patient)?.patient.category;
        self.limits.kept.in_force(&self.config.profiles, patient, category, vital)
    }

    /// The limits as they hold for a scope.
    fn limits_of_scope(&self, scope: &LimitScope, vital: VitalCode) -> Option<VitalLimits> {
        match scope {
            LimitScope::Patient { patient } => self.limits_in_force(patient, vital),
            LimitScope::Ward { category } => {
                let profile = self.config.profiles.of(*category);
                let set = self.limits.kept.find(scope, vital).map(|set| &set.change);
                Some(in_force(profile.vitals.get(&vital)?, set, None))
            }
        }
    }

    fn category_of(&self, scope: &LimitScope) -> Result<Category, Refusal> {
        match scope {
            LimitScope::Ward { category } => Ok(*category),
            LimitScope::Patient { patient } => match self.census.stays.get(patient) {
                Some(stay) => Ok(stay.patient.category),
                None => Err(CensusError::UnknownPatient { patient: patient.clone() }.into()),
            },
        }
    }

    pub(super) fn set_limits(&mut self, wanted: Wanted, by: &Actor, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let told = self.check_limits(&wanted, by)?;
        let Wanted { scope, vital, .. } = wanted;
        self.put_limits(&scope, vital, told, events);
        Ok(())
    }

    /// All of them, or none: each is held against the limits of its own vital before the first is changed.
    pub(super) fn set_several_limits(
        &mut self,
        wanted: Vec<Wanted>,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        if wanted.is_empty() {
            return Err(LimitsError::NotChanged.into());
        }
        let checked: Result<Vec<_>, Refusal> =
            wanted.into_iter().map(|one| Ok((self.check_limits(&one, by)?, one))).collect();
        for (told, Wanted { scope, vital, .. }) in checked? {
            self.put_limits(&scope, vital, told, events);
        }
        Ok(())
    }

    /// What is told of a change that may be.
    fn check_limits(&self, wanted: &Wanted, by: &Actor) -> Result<Told, Refusal> {
        let Wanted { scope, vital, change, reason, expires, basis } = wanted.clone();
        let category = self.category_of(&scope)?;
        let none = LimitsError::NoLimits { vital };
        let def = self.config.vitals.get(vital).ok_or_else(|| none.clone())?.clone();
        let before = self.limits_of_scope(&scope, vital).ok_or(none)?;
        let profiles = self.config.profiles.clone();
        changed(&profiles, &def, category, &before, &change, Authority::from(by))?;
        self.check_expiry(&scope, expires)?;
        let earlier = self.limits.kept.find(&scope, vital).map(|set| set.change).unwrap_or_default();
        let set = LimitOverride {
            change: change.over(&earlier),
            by: by.clone(),
            at: self.now,
            reason: reason.clone(),
            expires,
            basis,
            review_due: false,
        };
        Ok(Told { set: Some(set), cause: LimitsCause::Set, reason: Some(reason), by: by.clone() })
    }

    /// Changed limits have an end. Those of a ward have no handover that could end them.
    fn check_expiry(&self, scope: &LimitScope, expires: Expiry) -> Result<(), LimitsError> {
        let handover = scope.patient().is_some();
        let good = match expires {
            Expiry::At { until } => until > self.now && until.since(self.now) <= OVERRIDE_MAX,
            Expiry::NextHandover => handover,
        };
        if good { Ok(()) } else { Err(LimitsError::Expiry { longest_ms: OVERRIDE_MAX, handover }) }
    }

    pub(super) fn reset_limits(
        &mut self,
        scope: &LimitScope,
        vital: Option<VitalCode>,
        reason: &Remark,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        self.category_of(scope)?;
        let set = self.limits.kept.of(scope).into_iter().flat_map(BTreeMap::keys).copied();
        let vitals: Vec<VitalCode> = set.filter(|set| vital.is_none_or(|vital| vital == *set)).collect();
        if vitals.is_empty() {
            return Err(LimitsError::NotChanged.into());
        }
        for vital in vitals {
            let told = Told { set: None, cause: LimitsCause::Reset, reason: Some(reason.clone()), by: by.clone() };
            self.put_limits(scope, vital, told, events);
        }
        Ok(())
    }

    /// Takes back what was changed for a patient: the patient leaves, or is of another category.
    pub(super) fn drop_limits_of(
        &mut self,
        patient: &PatientId,
        cause: LimitsCause,
        by: &Actor,
        events: &mut Vec<Event>,
    ) {
        let scope = LimitScope::Patient { patient: patient.clone() };
        let vitals: Vec<VitalCode> =
            self.limits.kept.of(&scope).into_iter().flat_map(BTreeMap::keys).copied().collect();
        for vital in vitals {
            let told = Told { set: None, cause, reason: None, by: by.clone() };
            self.put_limits(&scope, vital, told, events);
        }
    }

    /// The care of a patient was handed over: limits that hold until then are due for review, and stay in force.
    pub(super) fn limits_handed_over(&mut self, patient: &PatientId, by: &Actor, events: &mut Vec<Event>) {
        let scope = LimitScope::Patient { patient: patient.clone() };
        let due = |set: &&LimitOverride| set.expires == Expiry::NextHandover && !set.review_due;
        let due: Vec<(VitalCode, LimitOverride)> = self.limits.kept.of(&scope).map_or_else(Vec::new, |by_vital| {
            by_vital.iter().filter(|(_, set)| due(set)).map(|(vital, set)| (*vital, set.clone())).collect()
        });
        for (vital, set) in due {
            let set = LimitOverride { review_due: true, ..set };
            let told = Told { set: Some(set), cause: LimitsCause::ReviewDue, reason: None, by: by.clone() };
            self.put_limits(&scope, vital, told, events);
        }
    }

    /// The patient is of another category from now on: changed limits are taken back, all vitals are judged anew.
    pub(super) fn set_category(
        &mut self,
        patient: &PatientId,
        category: Category,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let from = self.category_of(&LimitScope::Patient { patient: patient.clone() })?;
        if from == category {
            return Ok(());
        }
        self.drop_limits_of(patient, LimitsCause::CategoryChanged, by, events);
        let set = EventBody::CategorySet { patient: patient.clone(), from, category, by: by.clone() };
        self.record(set, events);
        let Some(index) = self.patients.place_of(patient) else { return Ok(()) };
        if let Some(found) = self.patients.get_mut(index) {
            found.category = category;
        }
        self.rejudge_patient(index, None, events);
        self.score_again(index, events);
        Ok(())
    }

    /// Puts a change in force, or takes it away, and tells of it.
    fn put_limits(&mut self, scope: &LimitScope, vital: VitalCode, told: Told, events: &mut Vec<Event>) {
        let old = self.limits_of_scope(scope, vital);
        self.limits.kept.put(scope, vital, told.set.clone());
        self.arm_limits();
        // A site may have taken all limits of the vital away meanwhile: then there is nothing to tell of.
        let (Some(old), Some(new)) = (old, self.limits_of_scope(scope, vital)) else { return };
        let Told { set, cause, reason, by } = told;
        let (old, new, set) = (Box::new(old), Box::new(new), set.map(Box::new));
        self.record(EventBody::LimitsChanged { scope: scope.clone(), vital, old, new, set, cause, reason, by }, events);
        let touched: Vec<usize> = match scope {
            LimitScope::Patient { patient } => self.patients.place_of(patient).into_iter().collect(),
            LimitScope::Ward { category } => {
                let of_it = |place: &usize| self.patients.get(*place).is_some_and(|p| p.category == *category);
                self.patients.places().into_iter().filter(of_it).collect()
            }
        };
        for index in touched {
            self.rejudge_patient(index, Some(vital), events);
        }
    }

    /// Judges what stands of a patient by the limits in force now.
    fn rejudge_patient(&mut self, index: usize, only: Option<VitalCode>, events: &mut Vec<Event>) {
        let now = self.now;
        let series = self.patients.get(index).map_or(0, |p| p.series.len());
        for at in 0..series {
            let Some(patient) = self.patients.get(index) else { return };
            let Some(def) = patient.series.get(at).map(|s| s.rules.def.clone()) else { return };
            let vital = def.code;
            if only.is_some_and(|only| only != vital) {
                continue;
            }
            let (profiles, kept) = (&self.config.profiles, &self.limits.kept);
            let limits = kept.in_force(profiles, &patient.patient, patient.category, vital);
            let rules = self.rules_pool.share(&def, limits);
            let mut judged = Judged::default();
            if let Some(series) = self.series_mut((index, at)) {
                series.rules = rules;
                rejudge(series, now, &mut judged);
            }
            self.settle((index, at), &judged, events);
        }
    }

    pub(super) fn arm_limits(&mut self) {
        let until = |set: &LimitOverride| match set.expires {
            Expiry::At { until } => Some(until),
            Expiry::NextHandover => None,
        };
        let due = self.limits.kept.iter().filter_map(|(_, _, set)| until(set)).min();
        let timer = || Timer { patient: None, device: None, vital: None, kind: TimerKind::LimitsEnd };
        self.timers.arm(&mut self.limits.armed, due, timer);
    }

    /// Changes whose time is over end.
    pub(super) fn fire_limits(&mut self, deadline: Timestamp, events: &mut Vec<Event>) {
        self.limits.armed.came_up();
        let is_over = |set: &LimitOverride| matches!(set.expires, Expiry::At { until } if until <= deadline);
        let over: Vec<(LimitScope, VitalCode)> = self
            .limits
            .kept
            .iter()
            .filter(|(_, _, set)| is_over(set))
            .map(|(scope, vital, _)| (scope, vital))
            .collect();
        for (scope, vital) in over {
            let told = Told { set: None, cause: LimitsCause::Expired, reason: None, by: Actor::System };
            self.put_limits(&scope, vital, told, events);
        }
        self.arm_limits();
    }
}

/// Judges the value that stands by other limits than before; what cannot be judged waits for the next value.
fn rejudge(series: &mut super::series::Series, now: Timestamp, judged: &mut Judged) {
    let standing = series.state.last.filter(|last| last.quality == Quality::Valid && series.state.inop.is_none());
    for (slot, side) in judged.limits.iter_mut().zip([Side::Low, Side::High]) {
        let (machine, limits) = series.machine_mut(side);
        let (Some(last), Some(limits)) = (standing, limits) else { continue };
        let rules = Rules { side, limits };
        *slot = machine.rejudge(rules, last.value, last.observed_at, now).map(|outcome| (side, outcome));
    }
}
