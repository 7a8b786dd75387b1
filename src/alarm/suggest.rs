//! Limits suggested from a patient's present values ("auto limits"). A person confirms them; nothing sets them by itself.
//!
//! Source: Mindray's auto limits (adult and paediatric: heart rate × 0.8 and × 1.25, breaths × 0.5 and × 1.5, cuff
//! systolic 0.68 v + 10 and 0.86 v + 38, mean 0.68 v + 8 and 0.86 v + 35, SpO2 as it is; neonate: heart rate − 30 and
//! + 40, breaths − 10 and + 25, cuff ± 15), each clamped as there, and never further out than a nurse may go.

use super::{
    Profiles,
    limits::{changed, reach},
};
use crate::domain::{
    Category, LimitValue, LimitsChange, Millis, Side, StepName, VitalDef, VitalLimits,
    limits::beyond,
    vital::{HR, NBP_MEAN, NBP_SYS, PULSE, RR},
};

/// A suggestion comes from the values of this last while.
pub const SUGGEST_FROM: Millis = Millis::from_mins(15);
/// In so many slices: the median of their means is that of the while.
pub const SUGGEST_SLICES: u32 = 90;
/// Fewest values from which something is suggested.
pub const SUGGEST_VALUES_MIN: usize = 5;

/// What is suggested for one vital.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suggestion {
    /// The median that it comes from, in the vital's unit.
    pub median: f64,
    /// How many values that is the median of.
    pub values: usize,
    /// What would be different.
    pub change: LimitsChange,
}

/// The median of finite values; `None` if there is none. Of an even number the mean of the two in the middle.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

/// Factor, offset and the clamp of one limit: `clamp(value × factor + offset)`.
struct Formula {
    factor: f64,
    offset: f64,
    /// The least low limit, or the greatest high limit.
    clamp: f64,
}

const fn formula(factor: f64, offset: f64, clamp: f64) -> Formula {
    Formula { factor, offset, clamp }
}

/// The formulas of the first steps, low and high.
const fn formulas(category: Category, def: &VitalDef) -> Option<(Formula, Formula)> {
    const NEVER: f64 = f64::INFINITY;
    let neonate = matches!(category, Category::Neonate);
    let found = match (def.code, neonate) {
        (HR | PULSE, false) => (formula(0.8, 0.0, 40.0), formula(1.25, 0.0, 240.0)),
        (HR | PULSE, true) => (formula(1.0, -30.0, 90.0), formula(1.0, 40.0, 200.0)),
        (RR, false) => (formula(0.5, 0.0, 6.0), formula(1.5, 0.0, 30.0)),
        (RR, true) => (formula(1.0, -10.0, 30.0), formula(1.0, 25.0, 85.0)),
        (NBP_SYS, false) => (formula(0.68, 10.0, -NEVER), formula(0.86, 38.0, NEVER)),
        (NBP_MEAN, false) => (formula(0.68, 8.0, -NEVER), formula(0.86, 35.0, NEVER)),
        (NBP_SYS | NBP_MEAN, true) => (formula(1.0, -15.0, -NEVER), formula(1.0, 15.0, NEVER)),
        _ => return None,
    };
    Some(found)
}

/// What the present values suggest for the first steps that are in force; `None` if there is no formula, there are too
/// few values, or nothing would be different.
///
/// `values` are valid values of the last minutes, in the vital's unit. The result keeps to the guard bands and to the
/// order of all limits in force.
#[must_use]
pub fn suggest(
    profiles: &Profiles,
    def: &VitalDef,
    category: Category,
    in_force: &VitalLimits,
    values: &[f64],
) -> Option<Suggestion> {
    let (low, high) = formulas(category, def)?;
    let values: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    if values.len() < SUGGEST_VALUES_MIN {
        return None;
    }
    let median = median(&values)?;
    let mut change = LimitsChange::default();
    for (name, formula) in [(StepName::Low, low), (StepName::High, high)] {
        let Some(now) = in_force.step(name) else { continue };
        let wanted = clamp(name, median.mul_add(formula.factor, formula.offset).round(), formula.clamp);
        let guard = reach(profiles, def, category, name).map_or(now.limit, |reach| reach.guard);
        let mut wanted = clamp(name, wanted, guard);
        // A first step beyond the second one would be out of order: it goes as far as that.
        let extreme = if name == StepName::Low { StepName::LowExtreme } else { StepName::HighExtreme };
        if let Some(extreme) = in_force.step(extreme) {
            wanted = clamp(name, wanted, extreme.limit);
        }
        #[expect(clippy::float_cmp, reason = "both are limits as they are set")]
        if wanted != now.limit {
            change.set_step(name, LimitValue::new(wanted).ok()?);
        }
    }
    changed(profiles, def, category, in_force, &change, super::Authority::Guard).ok()?;
    Some(Suggestion { median, values: values.len(), change })
}

/// `value`, but not further out than `most`.
fn clamp(name: StepName, value: f64, most: f64) -> f64 {
    let side: Side = name.side();
    if beyond(side, value, most) { most } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        VitalCode, VitalTable,
        vital::{SPO2, TEMP},
    };
    use rstest::rstest;

    fn suggested(category: Category, vital: VitalCode, value: f64) -> Option<(Option<f64>, Option<f64>)> {
        let profiles = Profiles::builtin();
        let def = VitalTable::builtin().get(vital).unwrap().clone();
        let limits = profiles.of(category).vitals[&vital];
        let found = suggest(&profiles, &def, category, &limits, &[value; SUGGEST_VALUES_MIN])?;
        assert_eq!((found.median, found.values), (value, SUGGEST_VALUES_MIN));
        Some((found.change.low.map(LimitValue::get), found.change.high.map(LimitValue::get)))
    }

    #[rstest]
    #[case(Category::Adult, HR, 80.0, (Some(64.0), Some(100.0)))]
    #[case(Category::Adult, PULSE, 90.0, (Some(72.0), Some(113.0)))]
    // 48 is beyond the second step's 40 no more than the guard; 1.25 × 130 is beyond the second step at 140.
    #[case(Category::Adult, HR, 130.0, (Some(104.0), Some(140.0)))]
    #[case(Category::Adult, HR, 48.0, (Some(40.0), Some(60.0)))]
    #[case(Category::Adult, RR, 16.0, (None, Some(24.0)))]
    #[case(Category::Adult, RR, 30.0, (Some(15.0), None))]
    #[case(Category::Adult, RR, 10.0, (Some(6.0), Some(15.0)))]
    #[case(Category::Adult, NBP_SYS, 130.0, (Some(98.0), Some(150.0)))]
    #[case(Category::Adult, NBP_SYS, 200.0, (Some(146.0), Some(180.0)))]
    #[case(Category::Adult, NBP_MEAN, 90.0, (Some(69.0), None))]
    #[case(Category::Paediatric, HR, 120.0, (Some(96.0), Some(150.0)))]
    #[case(Category::Neonate, HR, 150.0, (Some(120.0), Some(190.0)))]
    #[case(Category::Neonate, HR, 110.0, (Some(90.0), Some(150.0)))]
    #[case(Category::Neonate, RR, 50.0, (Some(40.0), Some(75.0)))]
    #[case(Category::Neonate, NBP_SYS, 60.0, (Some(45.0), Some(75.0)))]
    fn the_published_formulas_hold(
        #[case] category: Category,
        #[case] vital: VitalCode,
        #[case] value: f64,
        #[case] expected: (Option<f64>, Option<f64>),
    ) {
        assert_eq!(suggested(category, vital, value), Some(expected));
    }

    #[test]
    fn some_vitals_are_left_as_they_are() {
        assert_eq!(suggested(Category::Adult, SPO2, 96.0), None);
        assert_eq!(suggested(Category::Adult, TEMP, 37.0), None);
    }

    #[test]
    fn a_suggestion_needs_values() {
        let (profiles, table) = (Profiles::builtin(), VitalTable::builtin());
        let limits = profiles.of(Category::Adult).vitals[&HR];
        let def = table.get(HR).unwrap();
        let of =
            |values: &[f64]| suggest(&profiles, def, Category::Adult, &limits, values).map(|s| (s.median, s.values));
        assert_eq!(of(&[80.0; 4]), None);
        assert_eq!(of(&[80.0, 80.0, f64::NAN, 80.0, 80.0]), None, "what is no number is no value");
        assert_eq!(of(&[70.0, 200.0, 80.0, 90.0, 20.0]), Some((80.0, 5)), "one wild value moves nothing");
    }

    #[rstest]
    #[case(&[], None)]
    #[case(&[3.0], Some(3.0))]
    #[case(&[3.0, 1.0], Some(2.0))]
    #[case(&[3.0, 1.0, 2.0], Some(2.0))]
    #[case(&[4.0, 1.0, 2.0, 3.0], Some(2.5))]
    fn the_median_is_in_the_middle(#[case] values: &[f64], #[case] expected: Option<f64>) {
        assert_eq!(median(values), expected);
    }
}
