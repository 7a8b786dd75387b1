//! Default limits by category of patient.

use crate::domain::{
    Category, LimitSide, LimitStep, Millis, Priority, Profile, VitalCode, VitalLimits,
    vital::{ART_MEAN, ART_SYS, HR, NBP_MEAN, NBP_SYS, PULSE, RR, SPO2, TEMP},
};
use std::{collections::BTreeMap, sync::Arc};

/// The profiles of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Profiles {
    by_category: BTreeMap<Category, Arc<Profile>>,
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
        Self { by_category }
    }

    /// The same profiles, each changed by `change`.
    #[must_use]
    pub fn map(&self, change: impl Fn(&Profile) -> Profile) -> Self {
        let changed = self.by_category.iter().map(|(category, profile)| (*category, Arc::new(change(profile))));
        Self { by_category: changed.collect() }
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
            (!limit.is_nan()).then_some(LimitStep { limit, priority, delay: Millis::from_secs(delay_s) })
        };
        let side = |warning: f64, extreme: f64| LimitSide {
            warning: step(warning, row.warning, row.delay_s),
            extreme: step(extreme, Priority::High, row.extreme_delay_s),
        };
        VitalLimits {
            low: side(low, extreme_low),
            high: side(high, extreme_high),
            hysteresis: row.hysteresis,
            clear_delay: CLEAR_DELAY,
        }
    };
    Profile { vitals: ROWS.iter().map(|row| (row.vital, limits(row))).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Side, VitalTable};

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
