//! Limits as screens need them: those of the profile, and those in force where somebody changed them.

use super::view::{PatientView, WardView};
use crate::domain::{
    Category, LimitOverride, LimitScope, LimitSide, LimitStep, Millis, PatientId, Priority, VitalCode, VitalLimits,
    limit_change::in_force,
};
use serde::{Deserialize, Serialize};

/// One step of a limit, as shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepView {
    /// The limit.
    pub limit: f64,
    /// The priority beyond it.
    pub priority: Priority,
    /// How long a value must stay beyond it.
    #[serde(default, rename = "delay_ms")]
    pub delay: Millis,
}

impl From<LimitStep> for StepView {
    fn from(step: LimitStep) -> Self {
        Self { limit: step.limit, priority: step.priority, delay: step.delay }
    }
}

impl From<StepView> for LimitStep {
    fn from(step: StepView) -> Self {
        Self { limit: step.limit, priority: step.priority, delay: step.delay, depth_budget: None }
    }
}

/// The limits of a vital, as shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VitalLimitsView {
    /// The vital.
    pub vital: VitalCode,
    /// First step below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<StepView>,
    /// First step above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<StepView>,
    /// Second step below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_extreme: Option<StepView>,
    /// Second step above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_extreme: Option<StepView>,
    /// How far within a limit a value must come before the condition can end, in the vital's unit.
    #[serde(default)]
    pub hysteresis: f64,
}

impl VitalLimitsView {
    /// The limits of a vital.
    #[must_use]
    pub fn of(vital: VitalCode, limits: &VitalLimits) -> Self {
        let step = |step: Option<LimitStep>| step.map(StepView::from);
        Self {
            vital,
            low: step(limits.low.warning),
            high: step(limits.high.warning),
            low_extreme: step(limits.low.extreme),
            high_extreme: step(limits.high.extreme),
            hysteresis: limits.hysteresis,
        }
    }

    /// The limits as far as they are shown: without depth budgets and clear delay.
    #[must_use]
    pub fn limits(&self) -> VitalLimits {
        let step = |step: Option<StepView>| step.map(LimitStep::from);
        VitalLimits {
            low: LimitSide { warning: step(self.low), extreme: step(self.low_extreme) },
            high: LimitSide { warning: step(self.high), extreme: step(self.high_extreme) },
            hysteresis: self.hysteresis,
            clear_delay: Millis::ZERO,
        }
    }
}

/// The limits in force for a vital of a patient, where they are not simply those of the profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatientLimitsView {
    /// What is in force.
    #[serde(flatten)]
    pub limits: VitalLimitsView,
    /// Whether it lets through what the profile would tell of: a limit further out, or a longer delay.
    pub wider: bool,
    /// What was set for the patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<LimitOverride>,
    /// What was set for all patients of the category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ward: Option<LimitOverride>,
}

impl PatientLimitsView {
    /// Who said so, when, why and until when: of the patient's own, else of the ward's.
    #[must_use]
    pub fn said(&self) -> Option<&LimitOverride> {
        self.own.as_ref().or(self.ward.as_ref())
    }

    /// Whether a handover has passed since, and somebody has to look at it.
    #[must_use]
    pub fn is_review_due(&self) -> bool {
        self.own.as_ref().is_some_and(|set| set.review_due)
    }
}

impl WardView {
    /// The limits of a category of patients, as the site has set them.
    #[must_use]
    pub fn profile_limits(&self, category: Category, vital: VitalCode) -> Option<&VitalLimitsView> {
        self.limits.get(&category)?.iter().find(|row| row.vital == vital)
    }

    /// The limits in force for a vital of a patient.
    #[must_use]
    pub fn limits_of<'a>(&'a self, patient: &'a PatientView, vital: VitalCode) -> Option<&'a VitalLimitsView> {
        let changed = patient.limits.get(&vital).map(|changed| &changed.limits);
        changed.or_else(|| self.profile_limits(patient.patient.category, vital))
    }

    /// Takes in what is changed of limits, as an engine has it. To be called after [`WardView::fill`].
    pub fn fill_limits<'a>(&mut self, changed: impl Iterator<Item = (LimitScope, VitalCode, &'a LimitOverride)>) {
        for (scope, vital, set) in changed {
            self.apply_limits(&scope, vital, Some(set));
        }
    }

    /// Takes in what an event changes of limits.
    pub(super) fn apply_limits(&mut self, scope: &LimitScope, vital: VitalCode, set: Option<&LimitOverride>) {
        match scope {
            LimitScope::Patient { patient } => {
                let ward = self.patients.get(patient).and_then(|p| p.limits.get(&vital)?.ward.clone());
                self.set_patient_limits(patient, vital, set.cloned(), ward);
            }
            LimitScope::Ward { category } => {
                let all = self.ward_limits.entry(*category).or_default();
                match set {
                    Some(set) => {
                        all.insert(vital, set.clone());
                    }
                    None => {
                        all.remove(&vital);
                    }
                }
                let of = |p: &&PatientView| p.patient.category == *category;
                let here: Vec<PatientId> = self.patients.values().filter(of).map(|p| p.patient.id.clone()).collect();
                for patient in here {
                    let own = self.patients.get(&patient).and_then(|p| p.limits.get(&vital)?.own.clone());
                    self.set_patient_limits(&patient, vital, own, set.cloned());
                }
            }
        }
    }

    /// Somebody came, or is of another category: what is set for all of that category holds.
    pub(super) fn apply_ward_limits(&mut self, patient: &PatientId) {
        let Some(found) = self.patients.get_mut(patient) else { return };
        found.limits.clear();
        let all = self.ward_limits.get(&found.patient.category).cloned().unwrap_or_default();
        for (vital, set) in all {
            self.set_patient_limits(patient, vital, None, Some(set));
        }
    }

    fn set_patient_limits(
        &mut self,
        patient: &PatientId,
        vital: VitalCode,
        own: Option<LimitOverride>,
        ward: Option<LimitOverride>,
    ) {
        let Some(category) = self.patients.get(patient).map(|p| p.patient.category) else { return };
        let Some(profile) = self.profile_limits(category, vital).map(VitalLimitsView::limits) else { return };
        let Some(found) = self.patients.get_mut(patient) else { return };
        if own.is_none() && ward.is_none() {
            found.limits.remove(&vital);
            return;
        }
        let change = |set: &Option<LimitOverride>| set.as_ref().map(|set| set.change);
        let limits = in_force(&profile, change(&ward).as_ref(), change(&own).as_ref());
        let wider = limits.is_wider_than(&profile);
        let view = PatientLimitsView { limits: VitalLimitsView::of(vital, &limits), wider, own, ward };
        found.limits.insert(vital, view);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Actor, Basis, Event, EventBody, Expiry, LimitValue, LimitsCause, LimitsChange, Mode, Patient, PersonName,
        Profile, Timestamp, VitalTable, Ward, vital::SPO2,
    };
    use std::sync::Arc;

    fn limits(low: f64) -> VitalLimits {
        let step =
            |limit| Some(LimitStep { limit, priority: Priority::Medium, delay: Millis(10_000), depth_budget: None });
        VitalLimits {
            low: LimitSide { warning: step(low), extreme: step(80.0) },
            high: LimitSide::default(),
            hysteresis: 2.0,
            clear_delay: Millis(5_000),
        }
    }

    fn view() -> WardView {
        let ward = Ward { id: "w".parse().unwrap(), name: "Ward".into(), time_zone: chrono_tz::Tz::UTC };
        let profile = |_| Arc::new(Profile { vitals: [(SPO2, limits(90.0))].into() });
        WardView::new(ward, Mode::Demo, &VitalTable::builtin(), profile)
    }

    fn event(body: EventBody) -> Event {
        Event::new(Timestamp::from_ms(0), body)
    }

    fn admit(view: &mut WardView, id: &str, category: Category) {
        let name = PersonName::default();
        let patient = Patient { id: id.parse().unwrap(), note: name.clone(), name, category, birth_year: None };
        let (bed, encounter) = (id.parse().unwrap(), id.parse().unwrap());
        view.apply(&event(EventBody::Admitted { patient, bed, encounter, by: Actor::System }));
    }

    fn set(low: f64) -> LimitOverride {
        LimitOverride {
            change: LimitsChange { low: LimitValue::new(low).ok(), ..LimitsChange::default() },
            by: Actor::System,
            at: Timestamp::from_ms(0),
            reason: "x".parse().unwrap(),
            expires: Expiry::NextHandover,
            basis: Basis::Chosen,
            review_due: false,
        }
    }

    fn changed(scope: &LimitScope, set: Option<LimitOverride>) -> Event {
        let (old, new) = (Box::new(limits(90.0)), Box::new(limits(90.0)));
        let (set, cause) = (set.map(Box::new), LimitsCause::Set);
        let (scope, by) = (scope.clone(), Actor::System);
        event(EventBody::LimitsChanged { scope, vital: SPO2, old, new, set, cause, reason: None, by })
    }

    fn low(view: &WardView, patient: &str) -> (f64, Option<bool>) {
        let patient = &view.patients[&patient.parse().unwrap()];
        let low = view.limits_of(patient, SPO2).unwrap().low.unwrap().limit;
        (low, patient.limits.get(&SPO2).map(|changed| changed.wider))
    }

    #[test]
    fn what_is_changed_is_told_with_whether_it_is_wider() {
        let mut view = view();
        admit(&mut view, "p1", Category::Adult);
        admit(&mut view, "p2", Category::Adult);
        admit(&mut view, "p3", Category::Neonate);
        let (ward, own) =
            (LimitScope::Ward { category: Category::Adult }, LimitScope::Patient { patient: "p1".parse().unwrap() });
        view.apply(&changed(&own, Some(set(88.0))));
        view.apply(&changed(&ward, Some(set(92.0))));
        assert_eq!(
            [low(&view, "p1"), low(&view, "p2"), low(&view, "p3")],
            [(88.0, Some(true)), (92.0, Some(false)), (90.0, None)]
        );
        // Who comes later has what is set for all; a new terminal is told the same.
        admit(&mut view, "p4", Category::Adult);
        assert_eq!(low(&view, "p4"), (92.0, Some(false)));
        let mut fresh = self::view();
        for (id, category) in
            [("p1", Category::Adult), ("p2", Category::Adult), ("p3", Category::Neonate), ("p4", Category::Adult)]
        {
            admit(&mut fresh, id, category);
        }
        let (of_own, of_ward) = (set(88.0), set(92.0));
        fresh.fill_limits([(own.clone(), SPO2, &of_own), (ward.clone(), SPO2, &of_ward)].into_iter());
        assert_eq!(fresh, view);
        view.apply(&changed(&own, None));
        assert_eq!(low(&view, "p1"), (92.0, Some(false)));
        let by = Actor::System;
        let (from, category) = (Category::Adult, Category::Neonate);
        view.apply(&event(EventBody::CategorySet { patient: "p1".parse().unwrap(), from, category, by }));
        assert_eq!(low(&view, "p1"), (90.0, None));
        view.apply(&changed(&ward, None));
        assert_eq!([low(&view, "p2"), low(&view, "p4")], [(90.0, None), (90.0, None)]);
    }

    #[test]
    fn a_view_of_an_earlier_server_is_read() {
        let mut view = view();
        admit(&mut view, "p1", Category::Adult);
        let mut json = serde_json::to_value(&view).unwrap();
        json.as_object_mut().unwrap().remove("ward_limits");
        for row in json["limits"]["adult"].as_array_mut().unwrap() {
            row.as_object_mut().unwrap().remove("hysteresis");
            row["low"].as_object_mut().unwrap().remove("delay_ms");
        }
        let read: WardView = serde_json::from_value(json).unwrap();
        assert_eq!(low(&read, "p1"), (90.0, None));
    }

    #[test]
    fn an_equal_limit_is_not_wider_and_a_longer_delay_is() {
        let base = limits(90.0);
        assert!(!base.is_wider_than(&base));
        assert!(limits(89.9).is_wider_than(&base) && !limits(90.1).is_wider_than(&base));
        let delayed = |ms| {
            let mut limits = limits(90.0);
            limits.low.warning.as_mut().unwrap().delay = Millis(ms);
            limits
        };
        assert!(delayed(10_001).is_wider_than(&base) && !delayed(9_999).is_wider_than(&base));
        let mut without = base;
        without.low.extreme = None;
        assert!(without.is_wider_than(&base) && !base.is_wider_than(&without));
    }
}
