//! How far people may change limits: guard bands, bounds and longest delays.
//!
//! A nurse may change a limit within its guard band, beyond it only a doctor may, up to a bound that nobody passes. A
//! guard band keeps the first step of a vital at or within the danger limits of `docs/alerts.md`, so that no change by a
//! nurse takes a dangerous value out of sight. The numbers are those of a design, after the limits in force on Philips
//! monitors (MIMIC-III), the range of Mindray's auto limits and ISO 80601-2-61; a site reviews them.

use super::Profiles;
use crate::domain::{
    Actor, Category, LimitValue, LimitsChange, LimitsError, Millis, Role, Sampling, Side, StepName, VitalCode,
    VitalDef, VitalLimits,
    limits::{beyond, worse},
    vital::{ART_MEAN, ART_SYS, HR, NBP_MEAN, NBP_SYS, PULSE, RR, SPO2, TEMP},
};

/// Longest delay of a continuous vital unless the site says otherwise (Mindray: at most 15 s).
pub const DELAY_MAX: Millis = Millis::from_secs(15);
/// Longest time for which changed limits hold.
pub const OVERRIDE_MAX: Millis = Millis::from_mins(7 * 24 * 60);

/// How far out one step may go, in the vital's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// Nurses.
    pub guard: f64,
    /// Doctors.
    pub bound: f64,
}

/// How far out the steps of one vital may go; `None` where there is no rule of its own: nurses then go no further than the
/// profile, doctors no further than what is plausible.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GuardBand {
    /// Second step below.
    pub low_extreme: Option<Reach>,
    /// First step below.
    pub low: Option<Reach>,
    /// First step above.
    pub high: Option<Reach>,
    /// Second step above.
    pub high_extreme: Option<Reach>,
}

impl GuardBand {
    /// The rule of one step.
    #[must_use]
    pub const fn step(&self, name: StepName) -> Option<Reach> {
        match name {
            StepName::LowExtreme => self.low_extreme,
            StepName::Low => self.low,
            StepName::High => self.high,
            StepName::HighExtreme => self.high_extreme,
        }
    }
}

/// How far a person may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// To the guard band: nurses, charge nurses.
    Guard,
    /// To the bound: doctors.
    Bound,
}

impl From<&Actor> for Authority {
    fn from(by: &Actor) -> Self {
        match by {
            Actor::User { role: Role::Doctor, .. } | Actor::System => Self::Bound,
            _ => Self::Guard,
        }
    }
}

/// One step: how far nurses may go, how far doctors.
type Pair = (f64, f64);
/// The four steps from below; NaN where the step has no rule.
type Row = [Pair; 4];

const NO: Pair = (f64::NAN, f64::NAN);
/// Apnoea is no matter of degree: its limit stays.
const APNOEA: Pair = (1.0, 1.0);

const RATES: [Row; 3] = [
    [(35.0, 25.0), (40.0, 30.0), (150.0, 200.0), (160.0, 220.0)],
    [(50.0, 35.0), (60.0, 40.0), (180.0, 220.0), (200.0, 240.0)],
    [(70.0, 50.0), (90.0, 60.0), (220.0, 240.0), (230.0, 250.0)],
];
const SATURATIONS: [Row; 3] = [
    [(75.0, 65.0), (85.0, 75.0), NO, NO],
    [(75.0, 65.0), (85.0, 75.0), NO, NO],
    [(75.0, 65.0), (85.0, 75.0), (98.0, 100.0), NO],
];
const BREATHS: [Row; 3] = [
    [APNOEA, (6.0, 4.0), (40.0, 60.0), NO],
    [APNOEA, (6.0, 4.0), (50.0, 70.0), NO],
    [APNOEA, (20.0, 10.0), (110.0, 120.0), NO],
];
const NBP_SYSTOLES: [Row; 3] = [
    [NO, (80.0, 60.0), (180.0, 220.0), NO],
    [NO, (60.0, 50.0), (140.0, 180.0), NO],
    [NO, (35.0, 30.0), (100.0, 120.0), NO],
];
const ART_SYSTOLES: [Row; 3] = [
    [NO, (80.0, 60.0), (180.0, 220.0), NO],
    [NO, (60.0, 50.0), (140.0, 180.0), NO],
    [NO, (45.0, 30.0), (100.0, 120.0), NO],
];
const MEANS: [Row; 3] = [[(50.0, 40.0), (55.0, 45.0), NO, NO], [NO; 4], [NO; 4]];
const TEMPERATURES: [Row; 3] =
    [[NO, (35.0, 32.0), (40.0, 41.0), NO], [NO, (35.0, 32.0), (40.0, 41.0), NO], [NO, (35.5, 32.0), (39.0, 41.0), NO]];

/// The built-in guard band of a vital.
#[must_use]
pub fn builtin_guard(category: Category, vital: VitalCode) -> GuardBand {
    let rows = match vital {
        HR | PULSE => &RATES,
        SPO2 => &SATURATIONS,
        RR => &BREATHS,
        NBP_SYS => &NBP_SYSTOLES,
        ART_SYS => &ART_SYSTOLES,
        NBP_MEAN | ART_MEAN => &MEANS,
        TEMP => &TEMPERATURES,
        _ => return GuardBand::default(),
    };
    let [adult, paediatric, neonate] = rows;
    let [low_extreme, low, high, high_extreme] = match category {
        Category::Adult => adult,
        Category::Paediatric => paediatric,
        Category::Neonate => neonate,
    }
    .map(|(guard, bound)| (!guard.is_nan()).then_some(Reach { guard, bound }));
    GuardBand { low_extreme, low, high, high_extreme }
}

/// How far out a step may go: the rule, but never less than where the profile has it. `None` if the profile has no such
/// step: making one takes nothing out of sight.
#[must_use]
pub fn reach(profiles: &Profiles, def: &VitalDef, category: Category, name: StepName) -> Option<Reach> {
    let profile = profiles.of(category);
    let own = profile.vitals.get(&def.code)?.step(name)?.limit;
    let side = name.side();
    let possible = match side {
        Side::Low => *def.plausible.start(),
        Side::High => *def.plausible.end(),
    };
    let rule = profiles.guard(category, def.code).step(name).unwrap_or(Reach { guard: own, bound: possible });
    let guard = worse(side, rule.guard, own);
    Some(Reach { guard, bound: worse(side, rule.bound, guard) })
}

/// The longest delay of a vital's first or second steps: what the site allows, none for episodic vitals, and never less
/// than the profile's own.
#[must_use]
pub fn longest_delay(profiles: &Profiles, def: &VitalDef, category: Category, extreme: bool) -> Millis {
    let allowed = match def.sampling {
        Sampling::Continuous => profiles.delay_max(),
        Sampling::Episodic => Millis::ZERO,
    };
    let profile = profiles.of(category);
    let Some(own) = profile.vitals.get(&def.code) else { return allowed };
    let steps = StepName::ALL.into_iter().filter(|name| name.is_extreme() == extreme);
    steps.filter_map(|name| own.step(name)).map(|step| step.delay).fold(allowed, Millis::max)
}

/// The limits that a change makes of those before it.
///
/// # Errors
/// If the change is empty, goes further than the person may, or leaves the limits out of order.
pub fn changed(
    profiles: &Profiles,
    def: &VitalDef,
    category: Category,
    before: &VitalLimits,
    change: &LimitsChange,
    authority: Authority,
) -> Result<VitalLimits, LimitsError> {
    let vital = def.code;
    if change.is_empty() {
        return Err(LimitsError::Nothing);
    }
    for step in StepName::ALL {
        if let Some(wanted) = change.step(step) {
            check_step(profiles, def, category, (step, wanted), authority)?;
        }
    }
    for (delay, extreme) in [(change.delay, false), (change.extreme_delay, true)] {
        let longest_ms = longest_delay(profiles, def, category, extreme);
        if delay.is_some_and(|delay| delay < Millis::ZERO || delay > longest_ms) {
            return Err(LimitsError::Delay { vital, longest_ms });
        }
    }
    let new = change.apply(before);
    if new.is_ordered() { Ok(new) } else { Err(LimitsError::Order { vital }) }
}

fn check_step(
    profiles: &Profiles,
    def: &VitalDef,
    category: Category,
    (step, wanted): (StepName, LimitValue),
    authority: Authority,
) -> Result<(), LimitsError> {
    let vital = def.code;
    if !def.plausible.contains(&wanted.get()) {
        return Err(LimitsError::Implausible { vital, step, wanted });
    }
    if !wanted.is_shown_with(def.decimals) {
        return Err(LimitsError::TooFine { vital, step, wanted, decimals: def.decimals });
    }
    let Some(reach) = reach(profiles, def, category, step) else { return Ok(()) };
    let further = |than: f64| beyond(step.side(), wanted.get(), than);
    let value = |furthest: f64| LimitValue::new(furthest).unwrap_or(wanted);
    if further(reach.bound) {
        return Err(LimitsError::Bound { vital, step, wanted, furthest: value(reach.bound) });
    }
    if authority == Authority::Guard && further(reach.guard) {
        return Err(LimitsError::Guard { vital, step, wanted, furthest: value(reach.guard) });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LimitsError::*, VitalTable};
    use rstest::rstest;

    fn change(step: StepName, to: f64) -> LimitsChange {
        let mut change = LimitsChange::default();
        change.set_step(step, LimitValue::new(to).unwrap());
        change
    }

    #[test]
    fn a_limit_has_no_more_decimals_than_its_vital_is_shown_with() {
        let asked = |vital, step, to| ask(Category::Adult, vital, &change(step, to), Authority::Bound).map(|_| ());
        let wanted = LimitValue::new(87.5).unwrap();
        let too_fine = Err(TooFine { vital: SPO2, step: StepName::Low, wanted, decimals: 0 });
        assert_eq!(asked(SPO2, StepName::Low, 87.5), too_fine);
        assert_eq!(asked(TEMP, StepName::High, 38.9), Ok(()));
        assert!(matches!(asked(TEMP, StepName::High, 38.95), Err(TooFine { decimals: 1, .. })));
    }

    fn ask(
        category: Category,
        vital: VitalCode,
        change: &LimitsChange,
        authority: Authority,
    ) -> Result<VitalLimits, LimitsError> {
        let profiles = Profiles::builtin();
        let def = VitalTable::builtin().get(vital).unwrap().clone();
        let before = profiles.of(category).vitals[&vital];
        changed(&profiles, &def, category, &before, change, authority)
    }

    /// Each guard band and bound: on it is within, the next value further out is not.
    #[test]
    fn every_band_holds_on_both_sides_of_its_edge() {
        let (profiles, table) = (Profiles::builtin(), VitalTable::builtin());
        let mut edges = 0;
        for category in Category::ALL {
            for (vital, limits) in &profiles.of(category).vitals {
                let def = table.get(*vital).unwrap();
                for step in StepName::ALL.into_iter().filter(|s| limits.step(*s).is_some()) {
                    let band = builtin_guard(category, *vital).step(step).unwrap_or_else(|| panic!("{vital} {step:?}"));
                    let reach = reach(&profiles, def, category, step).unwrap();
                    assert_eq!(reach, band, "{category:?} {vital} {step:?}: the profile is within its own band");
                    // The next value that the vital is shown with.
                    let parts = 10_f64.powi(i32::from(def.decimals));
                    let out = if step.side() == Side::Low { -1.0 } else { 1.0 };
                    let next = |edge: f64| ((edge * parts).round() + out) / parts;
                    let told = |to: f64, authority| match ask(category, *vital, &change(step, to), authority) {
                        Ok(_) | Err(Order { .. }) => None,
                        Err(Guard { furthest, .. }) => Some(("guard", furthest.get())),
                        Err(Bound { furthest, .. }) => Some(("bound", furthest.get())),
                        Err(Implausible { .. }) => Some(("implausible", 0.0)),
                        Err(other) => panic!("{other}"),
                    };
                    assert_eq!(told(band.guard, Authority::Guard), None);
                    assert_eq!(told(band.bound, Authority::Bound), None);
                    let beyond = told(next(band.guard), Authority::Guard);
                    let same = (band.guard - band.bound).abs() < f64::EPSILON;
                    assert_eq!(beyond, Some(if same { ("bound", band.bound) } else { ("guard", band.guard) }));
                    let end = if out < 0.0 { def.plausible.start() } else { def.plausible.end() };
                    let beyond = told(next(band.bound), Authority::Bound);
                    let at_the_end = (band.bound - end).abs() < f64::EPSILON;
                    assert_eq!(beyond, Some(if at_the_end { ("implausible", 0.0) } else { ("bound", band.bound) }));
                    edges += 1;
                }
            }
        }
        assert!(edges > 50, "{edges}");
    }

    /// The danger limits of adults stay in sight whatever a nurse changes.
    #[test]
    fn no_guard_of_a_first_step_lies_beyond_a_danger_limit() {
        let guard = |vital, step| builtin_guard(Category::Adult, vital).step(step).unwrap().guard;
        assert!(guard(SPO2, StepName::Low) >= 85.0);
        assert!(guard(HR, StepName::Low) >= 40.0 && guard(HR, StepName::High) <= 150.0);
        assert!(guard(ART_MEAN, StepName::Low) >= 55.0 && guard(NBP_MEAN, StepName::Low) >= 55.0);
    }

    #[rstest]
    #[case(SPO2, 15_000, true)]
    #[case(SPO2, 15_001, false)]
    #[case(SPO2, 0, true)]
    #[case(SPO2, -1, false)]
    #[case(NBP_SYS, 0, true)]
    #[case(NBP_SYS, 1, false)]
    fn a_delay_has_its_longest(#[case] vital: VitalCode, #[case] ms: i64, #[case] good: bool) {
        let wanted = LimitsChange { delay: Some(Millis(ms)), ..LimitsChange::default() };
        for authority in [Authority::Guard, Authority::Bound] {
            assert_eq!(ask(Category::Adult, vital, &wanted, authority).is_ok(), good);
        }
    }

    #[test]
    fn apnoea_keeps_its_twenty_seconds() {
        let wanted = |ms| LimitsChange { extreme_delay: Some(Millis(ms)), ..LimitsChange::default() };
        assert!(ask(Category::Adult, RR, &wanted(20_000), Authority::Guard).is_ok());
        let longer = ask(Category::Adult, RR, &wanted(20_001), Authority::Bound);
        assert_eq!(longer, Err(Delay { vital: RR, longest_ms: Millis(20_000) }));
    }

    #[test]
    fn limits_stay_in_order() {
        let order = Err(Order { vital: HR });
        let ask = |step, to| ask(Category::Adult, HR, &change(step, to), Authority::Guard);
        // Low and high are more than twice the hysteresis (3) apart.
        assert_eq!(ask(StepName::Low, 114.0), order);
        assert!(ask(StepName::Low, 113.0).is_ok());
        assert_eq!(ask(StepName::High, 56.0), order);
        assert!(ask(StepName::High, 57.0).is_ok());
        // A second step may lie on the first one, not within.
        assert!(ask(StepName::LowExtreme, 50.0).is_ok());
        assert_eq!(ask(StepName::LowExtreme, 51.0), order);
        assert!(ask(StepName::HighExtreme, 120.0).is_ok());
        assert_eq!(ask(StepName::HighExtreme, 119.0), order);
    }

    #[test]
    fn a_step_may_be_made_where_there_is_none() {
        let new = ask(Category::Adult, SPO2, &change(StepName::High, 96.0), Authority::Guard).unwrap();
        let made = new.high.warning.unwrap();
        assert_eq!((made.limit, made.delay, made.depth_budget), (96.0, Millis::from_secs(10), None));
        let none = ask(Category::Adult, SPO2, &LimitsChange::default(), Authority::Bound);
        assert_eq!(none, Err(Nothing));
    }

    #[test]
    fn a_site_that_goes_further_takes_its_guard_along() {
        let mut profiles = Profiles::builtin();
        let def = VitalTable::builtin().get(SPO2).unwrap().clone();
        let patch = super::super::ProfilePatch { steps: [(StepName::Low, 84.0)].into(), ..Default::default() };
        profiles.set(Category::Adult, &def, &patch).unwrap();
        let reach = reach(&profiles, &def, Category::Adult, StepName::Low).unwrap();
        assert_eq!(reach, Reach { guard: 84.0, bound: 75.0 });
    }

    #[test]
    fn doctors_alone_go_beyond_the_guard() {
        let user =
            |role| Actor::User { user: "u1".parse().unwrap(), name: "x".into(), role, session: "s1".parse().unwrap() };
        for role in Role::ALL {
            let expected = if role == Role::Doctor { Authority::Bound } else { Authority::Guard };
            assert_eq!(Authority::from(&user(role)), expected);
        }
        assert_eq!(Authority::from(&Actor::Console { uid: 0 }), Authority::Guard);
    }
}
