//! Default limits by category of patient, and what a site makes of them.

use super::limits::{DELAY_MAX, GuardBand, Reach, builtin_guard};
use crate::domain::{
    Category, LimitSide, LimitStep, Millis, Priority, Profile, Sampling, Side, StepName, VitalCode, VitalDef,
    VitalLimits,
    limits::beyond,
    vital::{ART_MEAN, ART_SYS, HR, NBP_MEAN, NBP_SYS, PULSE, RR, SPO2, TEMP},
};
use std::{collections::BTreeMap, sync::Arc};

/// The profiles of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Profiles {
    by_category: BTreeMap<Category, Arc<Profile>>,
    /// Guard bands of the site's own.
    guards: BTreeMap<(Category, VitalCode), GuardBand>,
    delay_max: Millis,
}

impl Default for Profiles {
    fn default() -> Self {
        Self::builtin()
    }
}

impl Profiles {
    /// The built-in profiles.
    ///
    /// Sources, as far as published: Contec CMS8000, Mindray TMS60 and Dräger Apollo manuals (heart rate, SpO2), the
    /// limits charted on Philips monitors in MIMIC-III (rates and pressures, adult), GE V100 (neonate). Delays and
    /// hysteresis follow Welch 2011 and Görges 2009. Paediatric and neonatal rates and pressures come from secondary
    /// sources: a site reviews them before use.
    #[must_use]
    pub fn builtin() -> Self {
        let by_category = [Category::Adult, Category::Paediatric, Category::Neonate]
            .map(|category| (category, Arc::new(builtin_profile(category))))
            .into_iter()
            .collect();
        Self { by_category, guards: BTreeMap::new(), delay_max: DELAY_MAX }
    }

    /// The same with another longest delay of continuous vitals.
    #[must_use]
    pub fn with_delay_max(mut self, delay_max: Millis) -> Self {
        self.delay_max = delay_max;
        self
    }

    /// The longest delay that people may give a continuous vital.
    #[must_use]
    pub const fn delay_max(&self) -> Millis {
        self.delay_max
    }

    /// How far people may change the limits of a vital.
    #[must_use]
    pub fn guard(&self, category: Category, vital: VitalCode) -> GuardBand {
        let own = self.guards.get(&(category, vital)).copied();
        own.unwrap_or_else(|| builtin_guard(category, vital))
    }

    /// Takes in what a site says of one vital in one category.
    ///
    /// # Errors
    /// If the limits would be out of order, implausible or senseless.
    pub fn set(&mut self, category: Category, def: &VitalDef, patch: &ProfilePatch) -> Result<(), ProfileError> {
        let mut profile = Profile::clone(&self.of(category));
        let limits = patch.limits(profile.vitals.get(&def.code), def)?;
        profile.vitals.insert(def.code, limits);
        self.by_category.insert(category, Arc::new(profile));
        let guard = patch.guard(self.guard(category, def.code), def)?;
        self.guards.insert((category, def.code), guard);
        Ok(())
    }

    /// The same profiles, each changed by `change`.
    #[must_use]
    pub fn map(&self, change: impl Fn(&Profile) -> Profile) -> Self {
        let changed = self.by_category.iter().map(|(category, profile)| (*category, Arc::new(change(profile))));
        Self { by_category: changed.collect(), ..self.clone() }
    }

    /// The profile of a category.
    #[must_use]
    pub fn of(&self, category: Category) -> Arc<Profile> {
        self.by_category.get(&category).cloned().unwrap_or_default()
    }
}

/// Bounds of one vital in one profile: `(extreme low, low, high, extreme high)`; NaN where there is none.
type Bounds = (f64, f64, f64, f64);

struct Row {
    vital: VitalCode,
    adult: Bounds,
    paediatric: Bounds,
    neonate: Bounds,
    warning: Priority,
    delay_s: i64,
    extreme_delay_s: i64,
    hysteresis: f64,
    /// Whether the delay of the first step below shrinks with the depth, to that of the second step at its limit.
    by_depth: bool,
}

const NONE: f64 = f64::NAN;

const ROWS: &[Row] = &[
    Row {
        vital: HR,
        adult: (40.0, 50.0, 120.0, 140.0),
        paediatric: (55.0, 75.0, 160.0, 180.0),
        neonate: (80.0, 100.0, 200.0, 220.0),
        warning: Priority::Medium,
        delay_s: 5,
        extreme_delay_s: 5,
        hysteresis: 3.0,
        by_depth: false,
    },
    Row {
        vital: PULSE,
        adult: (40.0, 50.0, 120.0, 140.0),
        paediatric: (55.0, 75.0, 160.0, 180.0),
        neonate: (80.0, 100.0, 200.0, 220.0),
        warning: Priority::Medium,
        delay_s: 5,
        extreme_delay_s: 5,
        hysteresis: 3.0,
        by_depth: false,
    },
    Row {
        vital: SPO2,
        adult: (80.0, 90.0, NONE, NONE),
        paediatric: (80.0, 90.0, NONE, NONE),
        neonate: (80.0, 85.0, 95.0, NONE),
        warning: Priority::Medium,
        delay_s: 10,
        extreme_delay_s: 5,
        hysteresis: 2.0,
        by_depth: true,
    },
    // Apnoea is the second step below: no breath for 20 s.
    Row {
        vital: RR,
        adult: (1.0, 8.0, 30.0, NONE),
        paediatric: (1.0, 8.0, 30.0, NONE),
        neonate: (1.0, 30.0, 100.0, NONE),
        warning: Priority::Medium,
        delay_s: 10,
        extreme_delay_s: 20,
        hysteresis: 2.0,
        by_depth: false,
    },
    Row {
        vital: NBP_SYS,
        adult: (NONE, 90.0, 160.0, NONE),
        paediatric: (NONE, 70.0, 120.0, NONE),
        neonate: (NONE, 40.0, 90.0, NONE),
        warning: Priority::Medium,
        delay_s: 0,
        extreme_delay_s: 0,
        hysteresis: 3.0,
        by_depth: false,
    },
    Row {
        vital: NBP_MEAN,
        adult: (55.0, 65.0, NONE, NONE),
        paediatric: (NONE, NONE, NONE, NONE),
        neonate: (NONE, NONE, NONE, NONE),
        warning: Priority::Medium,
        delay_s: 0,
        extreme_delay_s: 0,
        hysteresis: 3.0,
        by_depth: false,
    },
    Row {
        vital: ART_SYS,
        adult: (NONE, 90.0, 160.0, NONE),
        paediatric: (NONE, 70.0, 120.0, NONE),
        neonate: (NONE, 55.0, 90.0, NONE),
        warning: Priority::Medium,
        delay_s: 8,
        extreme_delay_s: 8,
        hysteresis: 3.0,
        by_depth: false,
    },
    Row {
        vital: ART_MEAN,
        adult: (55.0, 65.0, NONE, NONE),
        paediatric: (NONE, NONE, NONE, NONE),
        neonate: (NONE, NONE, NONE, NONE),
        warning: Priority::Medium,
        delay_s: 8,
        extreme_delay_s: 8,
        hysteresis: 3.0,
        by_depth: false,
    },
    Row {
        vital: TEMP,
        adult: (NONE, 36.0, 39.0, NONE),
        paediatric: (NONE, 36.0, 39.0, NONE),
        neonate: (NONE, 36.0, 38.5, NONE),
        warning: Priority::Low,
        delay_s: 0,
        extreme_delay_s: 0,
        hysteresis: 0.2,
        by_depth: false,
    },
];

/// How long a value must be clearly within before a limit condition ends.
pub const CLEAR_DELAY: Millis = Millis::from_secs(5);

fn builtin_profile(category: Category) -> Profile {
    let bounds = |row: &Row| match category {
        Category::Adult => row.adult,
        Category::Paediatric => row.paediatric,
        Category::Neonate => row.neonate,
    };
    let limits = |row: &Row| {
        let (extreme_low, low, high, extreme_high) = bounds(row);
        let step = |limit: f64, priority: Priority, delay_s: i64| {
            let delay = Millis::from_secs(delay_s);
            (!limit.is_nan()).then_some(LimitStep { limit, priority, delay, depth_budget: None })
        };
        let side = |warning: f64, extreme: f64| LimitSide {
            warning: step(warning, row.warning, row.delay_s),
            extreme: step(extreme, Priority::High, row.extreme_delay_s),
        };
        let mut low_side = side(low, extreme_low);
        if let (true, Some(warning), Some(extreme)) = (row.by_depth, &mut low_side.warning, low_side.extreme) {
            warning.depth_budget = Some((low - extreme_low) * extreme.delay.as_secs_f64());
        }
        VitalLimits {
            low: low_side,
            high: side(high, extreme_high),
            hysteresis: row.hysteresis,
            clear_delay: CLEAR_DELAY,
        }
    };
    Profile { vitals: ROWS.iter().map(|row| (row.vital, limits(row))).collect() }
}

/// What a site says of one vital in one category; what is absent stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProfilePatch {
    /// Limits by step.
    pub steps: BTreeMap<StepName, f64>,
    /// Steps that the profile is to be without.
    pub without: Vec<StepName>,
    /// Delay of the first steps.
    pub delay: Option<Millis>,
    /// Delay of the second steps.
    pub extreme_delay: Option<Millis>,
    /// Depth budget of the first step on each side, in the unit × seconds; 0 is none.
    pub depth_budgets: BTreeMap<Side, f64>,
    /// Hysteresis, in the unit.
    pub hysteresis: Option<f64>,
    /// How long a value must be clearly within.
    pub clear_delay: Option<Millis>,
    /// How far nurses may change limits, by step.
    pub guards: BTreeMap<StepName, f64>,
}

/// What is wrong with the limits of a site. `key` is the key of the configuration.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// A limit that no patient can have.
    #[error("{key}: {value} is not a value that is believed of a patient ({low} to {high})")]
    Implausible {
        /// Which key.
        key: &'static str,
        /// Its value.
        value: f64,
        /// The least believed.
        low: f64,
        /// The greatest believed.
        high: f64,
    },
    /// Out of order.
    #[error(
        "low_extreme, low, high and high_extreme must ascend, and low and high be more than twice the hysteresis apart"
    )]
    Order,
    /// No or senseless hysteresis.
    #[error("hysteresis must be a number from 0 to {0}: a value has to be able to come back within the limits by it")]
    Hysteresis(f64),
    /// The vital has no built-in hysteresis.
    #[error("hysteresis is wanted: there is none built in for this vital")]
    HysteresisWanted,
    /// A delay is too long.
    #[error("{key} must be from 0 to {} s", LONGEST_DELAY.as_secs())]
    Delay {
        /// Which key.
        key: &'static str,
    },
    /// A depth budget is no budget.
    #[error("{key} must be a number from 0 (none) to {DEPTH_BUDGET_MAX}")]
    Budget {
        /// Which key.
        key: &'static str,
    },
    /// A guard is within the limit that it guards.
    #[error("guard_{}: {guard} is within the limit itself ({limit})", step.as_str())]
    Guard {
        /// The step.
        step: StepName,
        /// The guard.
        guard: f64,
        /// The limit.
        limit: f64,
    },
}

/// Longest delay that a site may set.
pub const LONGEST_DELAY: Millis = Millis::from_secs(60);
/// Greatest depth budget, in the vital's unit × seconds.
pub const DEPTH_BUDGET_MAX: f64 = 100_000.0;
/// Delay of a continuous vital that has no built-in limits.
const DELAY_DEFAULT: Millis = Millis::from_secs(10);

impl ProfilePatch {
    /// The limits that come of it over those before.
    fn limits(&self, before: Option<&VitalLimits>, def: &VitalDef) -> Result<VitalLimits, ProfileError> {
        let hysteresis = self.hysteresis.or_else(|| before.map(|l| l.hysteresis));
        let mut limits = VitalLimits {
            hysteresis: hysteresis.ok_or(ProfileError::HysteresisWanted)?,
            clear_delay: self.clear_delay.or_else(|| before.map(|l| l.clear_delay)).unwrap_or(CLEAR_DELAY),
            low: before.map(|l| l.low).unwrap_or_default(),
            high: before.map(|l| l.high).unwrap_or_default(),
        };
        for name in StepName::ALL {
            let step = self.step(name, limits.step(name), def)?;
            let side = if name.side() == Side::Low { &mut limits.low } else { &mut limits.high };
            *(if name.is_extreme() { &mut side.extreme } else { &mut side.warning }) = step;
        }
        self.check(&limits, def)?;
        Ok(limits)
    }

    fn step(
        &self,
        name: StepName,
        before: Option<LimitStep>,
        def: &VitalDef,
    ) -> Result<Option<LimitStep>, ProfileError> {
        if self.without.contains(&name) {
            return Ok(None);
        }
        let wanted = self.steps.get(&name).copied();
        let Some(limit) = wanted.or_else(|| before.map(|step| step.limit)) else { return Ok(None) };
        believed(name.as_str(), limit, def)?;
        let made = LimitStep {
            limit,
            priority: if name.is_extreme() { Priority::High } else { Priority::Medium },
            delay: if def.sampling == Sampling::Continuous { DELAY_DEFAULT } else { Millis::ZERO },
            depth_budget: None,
        };
        let mut step = LimitStep { limit, ..before.unwrap_or(made) };
        step.delay = (if name.is_extreme() { self.extreme_delay } else { self.delay }).unwrap_or(step.delay);
        if let (false, Some(budget)) = (name.is_extreme(), self.depth_budgets.get(&name.side())) {
            step.depth_budget = (*budget > 0.0).then_some(*budget);
        }
        Ok(Some(step))
    }

    fn check(&self, limits: &VitalLimits, def: &VitalDef) -> Result<(), ProfileError> {
        let delays =
            [("delay_s", self.delay), ("extreme_delay_s", self.extreme_delay), ("clear_delay_s", self.clear_delay)];
        for (key, delay) in delays {
            if delay.is_some_and(|delay| delay < Millis::ZERO || delay > LONGEST_DELAY) {
                return Err(ProfileError::Delay { key });
            }
        }
        for (side, budget) in &self.depth_budgets {
            if !(0.0..=DEPTH_BUDGET_MAX).contains(budget) {
                let key = if *side == Side::Low { "low_depth_budget" } else { "high_depth_budget" };
                return Err(ProfileError::Budget { key });
            }
        }
        let (least, greatest) = (*def.plausible.start(), *def.plausible.end());
        let low = limits.low.warning.or(limits.low.extreme).map_or(least, |s| s.limit);
        let high = limits.high.warning.or(limits.high.extreme).map_or(greatest, |s| s.limit);
        let room = (greatest - low).min(high - least);
        if !(0.0..=room).contains(&limits.hysteresis) {
            return Err(ProfileError::Hysteresis(room));
        }
        if limits.is_ordered() { Ok(()) } else { Err(ProfileError::Order) }
    }

    /// The guard band that comes of it over the one before.
    fn guard(&self, before: GuardBand, def: &VitalDef) -> Result<GuardBand, ProfileError> {
        let mut band = before;
        for (name, guard) in &self.guards {
            believed("guard", *guard, def)?;
            let limit = self.steps.get(name).copied();
            if let Some(limit) = limit.filter(|limit| beyond(name.side(), *limit, *guard)) {
                return Err(ProfileError::Guard { step: *name, guard: *guard, limit });
            }
            let end = if name.side() == Side::Low { *def.plausible.start() } else { *def.plausible.end() };
            let bound = band.step(*name).map_or(end, |reach| reach.bound);
            let slot = match name {
                StepName::LowExtreme => &mut band.low_extreme,
                StepName::Low => &mut band.low,
                StepName::High => &mut band.high,
                StepName::HighExtreme => &mut band.high_extreme,
            };
            *slot = Some(Reach { guard: *guard, bound });
        }
        Ok(band)
    }
}

fn believed(key: &'static str, value: f64, def: &VitalDef) -> Result<(), ProfileError> {
    if def.plausible.contains(&value) {
        return Ok(());
    }
    Err(ProfileError::Implausible { key, value, low: *def.plausible.start(), high: *def.plausible.end() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Side, VitalTable};
    use rstest::rstest;

    #[test]
    fn limits_are_ordered_and_inside_the_plausible_range() {
        let table = VitalTable::builtin();
        for category in [Category::Adult, Category::Paediatric, Category::Neonate] {
            for (vital, limits) in &Profiles::builtin().of(category).vitals {
                let plausible = &table.get(*vital).unwrap().plausible;
                let steps = [limits.low.extreme, limits.low.warning, limits.high.warning, limits.high.extreme];
                let bounds: Vec<f64> = steps.into_iter().flatten().map(|s| s.limit).collect();
                assert!(bounds.is_sorted(), "{category:?} {vital}: {bounds:?}");
                assert!(bounds.iter().all(|b| plausible.contains(b)), "{category:?} {vital}: {bounds:?}");
                if let (Some(low), Some(high)) = (limits.low.warning, limits.high.warning) {
                    assert!(low.limit + limits.hysteresis < high.limit - limits.hysteresis, "{category:?} {vital}");
                }
            }
        }
    }

    fn set(vital: VitalCode, patch: &ProfilePatch) -> Result<(Option<VitalLimits>, GuardBand), ProfileError> {
        let (table, mut profiles) = (VitalTable::builtin(), Profiles::builtin());
        profiles.set(Category::Adult, table.get(vital).unwrap(), patch)?;
        let limits = profiles.of(Category::Adult).vitals.get(&vital).copied();
        Ok((limits, profiles.guard(Category::Adult, vital)))
    }

    #[rstest]
    #[case(Millis(-1), false)]
    #[case(Millis::ZERO, true)]
    #[case(LONGEST_DELAY, true)]
    #[case(LONGEST_DELAY + Millis(1), false)]
    fn delays_of_a_site_have_bounds(#[case] delay: Millis, #[case] good: bool) {
        let patches = [
            ("delay_s", ProfilePatch { delay: Some(delay), ..ProfilePatch::default() }),
            ("extreme_delay_s", ProfilePatch { extreme_delay: Some(delay), ..ProfilePatch::default() }),
            ("clear_delay_s", ProfilePatch { clear_delay: Some(delay), ..ProfilePatch::default() }),
        ];
        for (key, patch) in patches {
            let found = set(SPO2, &patch).map(|_| ());
            assert_eq!(found, if good { Ok(()) } else { Err(ProfileError::Delay { key }) });
        }
    }

    #[rstest]
    #[case(-0.5, Err("low_depth_budget"))]
    #[case(0.0, Ok(None))]
    #[case(0.5, Ok(Some(0.5)))]
    #[case(DEPTH_BUDGET_MAX, Ok(Some(DEPTH_BUDGET_MAX)))]
    #[case(DEPTH_BUDGET_MAX + 1.0, Err("low_depth_budget"))]
    fn a_depth_budget_of_a_site_is_none_or_more(
        #[case] budget: f64,
        #[case] expected: Result<Option<f64>, &'static str>,
    ) {
        let patch = ProfilePatch { depth_budgets: [(Side::Low, budget)].into(), ..ProfilePatch::default() };
        let found = set(SPO2, &patch).map(|(limits, _)| limits.unwrap().low.warning.unwrap().depth_budget);
        assert_eq!(found, expected.map_err(|key| ProfileError::Budget { key }));
        let high = ProfilePatch { depth_budgets: [(Side::High, -1.0)].into(), ..ProfilePatch::default() };
        assert_eq!(set(HR, &high).map(|_| ()), Err(ProfileError::Budget { key: "high_depth_budget" }));
    }

    #[rstest]
    #[case::continuous(VitalCode::of("art_dia"), DELAY_DEFAULT)]
    #[case::episodic(VitalCode::of("nbp_dia"), Millis::ZERO)]
    fn a_vital_without_built_in_limits_has_the_delay_of_its_sampling(#[case] vital: VitalCode, #[case] delay: Millis) {
        let patch =
            ProfilePatch { steps: [(StepName::Low, 40.0)].into(), hysteresis: Some(3.0), ..ProfilePatch::default() };
        let step = set(vital, &patch).unwrap().0.unwrap().low.warning.unwrap();
        assert_eq!((step.limit, step.delay, step.priority), (40.0, delay, Priority::Medium));
    }

    #[test]
    fn a_guard_without_a_bound_reaches_to_what_is_believed() {
        let vital = VitalCode::of("art_dia");
        let table = VitalTable::builtin();
        let plausible = &table.get(vital).unwrap().plausible;
        let patch = ProfilePatch {
            steps: [(StepName::Low, 40.0), (StepName::High, 100.0)].into(),
            hysteresis: Some(3.0),
            guards: [(StepName::Low, 30.0), (StepName::High, 110.0)].into(),
            ..ProfilePatch::default()
        };
        let band = set(vital, &patch).unwrap().1;
        assert_eq!(band.low, Some(Reach { guard: 30.0, bound: *plausible.start() }));
        assert_eq!(band.high, Some(Reach { guard: 110.0, bound: *plausible.end() }));
    }

    #[test]
    fn profiles_are_changed_one_by_one() {
        let without = Profiles::builtin().map(|_| Profile::default());
        assert!(without.of(Category::Adult).vitals.is_empty());
    }

    #[test]
    fn adult_defaults_are_those_charted() {
        let adult = Profiles::builtin().of(Category::Adult);
        let bounds = |vital| {
            let limits: &VitalLimits = &adult.vitals[&vital];
            let limit = |side| limits.side(side).warning.map(|s| s.limit);
            (limit(Side::Low), limit(Side::High))
        };
        assert_eq!(bounds(HR), (Some(50.0), Some(120.0)));
        assert_eq!(bounds(SPO2), (Some(90.0), None));
        assert_eq!(bounds(RR), (Some(8.0), Some(30.0)));
        assert_eq!(bounds(NBP_SYS), (Some(90.0), Some(160.0)));
    }
}
