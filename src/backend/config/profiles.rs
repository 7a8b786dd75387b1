//! Limits that a site sets itself: `[profiles.CATEGORY.VITAL]`.

use super::ConfigError;
use crate::{
    alarm::{ProfilePatch, Profiles},
    domain::{Category, Millis, Side, StepName, VitalCode, VitalLimits, VitalTable},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest delay that people may be allowed to give a continuous vital, in seconds.
pub(super) const DELAY_MAX_S: u32 = 60;

/// Limits of one vital in one category; what is absent stays as built in.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileConfig {
    /// First step below, in the vital's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Second step below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_extreme: Option<f64>,
    /// First step above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Second step above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_extreme: Option<f64>,
    /// Steps that there are to be none of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<StepName>,
    /// Delay of the first steps, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_s: Option<f64>,
    /// Delay of the second steps, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extreme_delay_s: Option<f64>,
    /// Depth times duration from which the first step below is raised ahead of its delay, in unit × seconds; 0 is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_depth_budget: Option<f64>,
    /// The same of the first step above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_depth_budget: Option<f64>,
    /// How far within a limit a value must come before an alert can end, in the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hysteresis: Option<f64>,
    /// How long it must stay there, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear_delay_s: Option<f64>,
    /// How far down nurses may set `low`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard_low: Option<f64>,
    /// How far down nurses may set `low_extreme`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard_low_extreme: Option<f64>,
    /// How far up nurses may set `high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard_high: Option<f64>,
    /// How far up nurses may set `high_extreme`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard_high_extreme: Option<f64>,
}

/// All that a site sets, by category and vital.
pub type ProfilesConfig = BTreeMap<Category, BTreeMap<VitalCode, ProfileConfig>>;

/// Seconds as they are written, to the nearest millisecond; what is no number is -1 ms, which the check of ranges refuses.
fn seconds(s: f64) -> Millis {
    if s.is_nan() {
        return Millis(-1);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest whole number that there is")]
    Millis((s * 1_000.0).round() as i64)
}

impl ProfileConfig {
    fn patch(&self) -> ProfilePatch {
        let steps = [
            (StepName::Low, self.low),
            (StepName::LowExtreme, self.low_extreme),
            (StepName::High, self.high),
            (StepName::HighExtreme, self.high_extreme),
        ];
        let guards = [
            (StepName::Low, self.guard_low),
            (StepName::LowExtreme, self.guard_low_extreme),
            (StepName::High, self.guard_high),
            (StepName::HighExtreme, self.guard_high_extreme),
        ];
        let budgets = [(Side::Low, self.low_depth_budget), (Side::High, self.high_depth_budget)];
        ProfilePatch {
            steps: said(steps),
            without: self.without.clone(),
            delay: self.delay_s.map(seconds),
            extreme_delay: self.extreme_delay_s.map(seconds),
            depth_budgets: said(budgets),
            hysteresis: self.hysteresis,
            clear_delay: self.clear_delay_s.map(seconds),
            guards: said(guards),
        }
    }

    /// What holds of a vital in a category, as the configuration would say it.
    #[must_use]
    pub fn of(profiles: &Profiles, category: Category, vital: VitalCode, limits: &VitalLimits) -> Self {
        let step = |name| limits.step(name);
        let guard =
            |name: StepName| step(name).and(profiles.guard(category, vital).step(name)).map(|reach| reach.guard);
        let delay = |names: [StepName; 2]| names.into_iter().find_map(step).map(|s| s.delay.as_secs_f64());
        Self {
            low: step(StepName::Low).map(|s| s.limit),
            low_extreme: step(StepName::LowExtreme).map(|s| s.limit),
            high: step(StepName::High).map(|s| s.limit),
            high_extreme: step(StepName::HighExtreme).map(|s| s.limit),
            without: Vec::new(),
            delay_s: delay([StepName::Low, StepName::High]),
            extreme_delay_s: delay([StepName::LowExtreme, StepName::HighExtreme]),
            low_depth_budget: step(StepName::Low).and_then(|s| s.depth_budget),
            high_depth_budget: step(StepName::High).and_then(|s| s.depth_budget),
            hysteresis: Some(limits.hysteresis),
            clear_delay_s: Some(limits.clear_delay.as_secs_f64()),
            guard_low: guard(StepName::Low),
            guard_low_extreme: guard(StepName::LowExtreme),
            guard_high: guard(StepName::High),
            guard_high_extreme: guard(StepName::HighExtreme),
        }
    }
}

fn said<K: Ord, const N: usize>(all: [(K, Option<f64>); N]) -> BTreeMap<K, f64> {
    all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// The profiles of a site: the built-in ones with what the configuration says.
pub(super) fn profiles(
    config: &ProfilesConfig,
    vitals: &VitalTable,
    delay_max: Millis,
) -> Result<Profiles, ConfigError> {
    let mut profiles = Profiles::builtin().with_delay_max(delay_max);
    for (category, by_vital) in config {
        for (vital, one) in by_vital {
            let wrong =
                |why: String| ConfigError::Setting { name: format!("profiles.{}.{vital}", category.as_str()), why };
            let def = vitals.get(*vital).ok_or_else(|| wrong("there is no such vital".to_owned()))?;
            profiles.set(*category, def, &one.patch()).map_err(|e| wrong(e.to_string()))?;
        }
    }
    Ok(profiles)
}

/// All profiles as the configuration would say them: a site can start from this.
#[must_use]
pub fn as_config(profiles: &Profiles) -> ProfilesConfig {
    let of = |category: Category| {
        let profile = profiles.of(category);
        let rows = profile.vitals.iter().map(|(v, l)| (*v, ProfileConfig::of(profiles, category, *v, l))).collect();
        (category, rows)
    };
    Category::ALL.map(of).into()
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Layers};
    use super::*;
    use crate::domain::vital::SPO2;
    use rstest::rstest;

    fn config(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wardwatch.toml");
        std::fs::write(&path, text).unwrap();
        Layers::default().file(&path)?.build()
    }

    #[test]
    fn what_is_printed_is_what_holds() {
        let builtin = Profiles::builtin();
        let printed = toml::to_string(&BTreeMap::from([("profiles", as_config(&builtin))])).unwrap();
        let read = config(&printed).unwrap().profiles().unwrap();
        for category in Category::ALL {
            assert_eq!(read.of(category), builtin.of(category));
            for vital in builtin.of(category).vitals.keys() {
                let def = VitalTable::builtin().get(*vital).unwrap().clone();
                for step in StepName::ALL {
                    let reach = |profiles| crate::alarm::limits::reach(profiles, &def, category, step);
                    assert_eq!(reach(&read), reach(&builtin), "{category:?} {vital} {step:?}");
                }
            }
        }
    }

    #[test]
    fn a_site_changes_some_and_the_rest_stays() {
        let text = "[profiles.adult.spo2]\nlow = 88\ndelay_s = 12.5\nguard_low = 86\nlow_depth_budget = 0\n";
        let profiles = config(text).unwrap().profiles().unwrap();
        let spo2 = profiles.of(Category::Adult).vitals[&SPO2];
        let low = spo2.low.warning.unwrap();
        assert_eq!((low.limit, low.delay, low.depth_budget), (88.0, Millis(12_500), None));
        let before = Profiles::builtin().of(Category::Adult).vitals[&SPO2];
        assert_eq!((spo2.low.extreme, spo2.hysteresis), (before.low.extreme, before.hysteresis));
        assert_eq!(profiles.guard(Category::Adult, SPO2).low.unwrap().guard, 86.0);
        assert_eq!(profiles.of(Category::Neonate), Profiles::builtin().of(Category::Neonate));
    }

    #[rstest]
    #[case("[profiles.adult.spo2]\nlow = 88\nlwo = 3", "line 3")]
    #[case("[profiles.adults.spo2]\nlow = 88", "adults")]
    #[case("[profiles.adult.spo3]\nlow = 88", "profiles.adult.spo3 is wrong: there is no such vital")]
    #[case("[profiles.adult.spo2]\nlow = 79", "must ascend")]
    #[case("[profiles.adult.hr]\nhigh = 141", "must ascend")]
    #[case("[profiles.adult.spo2]\nhigh = 94", "twice the hysteresis")]
    #[case("[profiles.adult.spo2]\nlow = 200", "low: 200 is not a value that is believed")]
    #[case("[profiles.adult.spo2]\nlow = nan", "not a value that is believed")]
    #[case("[profiles.adult.spo2]\nhysteresis = -0.1", "hysteresis must be a number from 0 to 10")]
    #[case("[profiles.adult.spo2]\nhysteresis = 10.1", "hysteresis must be a number from 0 to 10")]
    #[case("[profiles.adult.spo2]\ndelay_s = 60.001", "delay_s must be from 0 to 60 s")]
    #[case("[profiles.adult.spo2]\nextreme_delay_s = -0.001", "extreme_delay_s must be from 0 to 60 s")]
    #[case("[profiles.adult.spo2]\ndelay_s = nan", "delay_s must be from 0 to 60 s")]
    #[case("[profiles.adult.spo2]\nlow_depth_budget = -1", "low_depth_budget must be a number from 0")]
    #[case("[profiles.adult.spo2]\nlow = 88\nguard_low = 89", "guard_low: 89 is within the limit itself (88)")]
    #[case("[profiles.adult.nbp_dia]\nlow = 40", "hysteresis is wanted")]
    #[case("[alarm]\ndelay_max_s = 61", "alarm.delay_max_s = 61 is outside 0 to 60")]
    fn what_cannot_be_is_refused(#[case] text: &str, #[case] says: &str) {
        let error = config(text).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }

    #[rstest]
    #[case("[profiles.adult.spo2]\nlow = 80")]
    #[case("[profiles.adult.hr]\nhigh = 140")]
    #[case("[profiles.adult.spo2]\nhigh = 94.1")]
    #[case("[profiles.adult.spo2]\nhysteresis = 0")]
    #[case("[profiles.adult.spo2]\nhysteresis = 10")]
    #[case("[profiles.adult.spo2]\ndelay_s = 60\nextreme_delay_s = 0")]
    #[case("[profiles.adult.spo2]\nlow = 88\nguard_low = 88")]
    #[case("[profiles.adult.nbp_dia]\nlow = 40\nhysteresis = 3")]
    #[case("[profiles.adult.hr]\nwithout = [\"high_extreme\"]")]
    #[case("[alarm]\ndelay_max_s = 60")]
    fn what_is_just_good_is_taken(#[case] text: &str) {
        config(text).unwrap();
    }
}
