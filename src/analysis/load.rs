//! How many alarms there would be: by bare limits, by the limits in force, with a longer delay.

use super::violations::Series;
use crate::domain::{LimitSide, LimitStep, Millis, Profile, Quality, Side};
use serde::Serialize;
use std::collections::BTreeMap;

/// Alarms of one vital, counted in several ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct AlarmLoad {
    /// Bare limits, and a 0 taken for a value.
    pub raw_with_zeros: u64,
    /// Bare limits, and a 0 taken for "not measured".
    pub raw: u64,
    /// The limits in force, with their delays.
    pub alerts: u64,
    /// The same limits with a delay of 15 s on all vitals.
    pub alerts_delayed: u64,
}

/// Counts what a monitor without delays would sound: each run of values beyond a first limit, on whichever side.
#[derive(Debug, Clone, Default)]
pub struct RawCount {
    last: BTreeMap<Series, (Option<Side>, Option<Side>)>,
    counts: BTreeMap<Series, (u64, u64)>,
}

impl AlarmLoad {
    /// Adds other counts.
    pub const fn add(&mut self, other: &Self) {
        self.raw_with_zeros += other.raw_with_zeros;
        self.raw += other.raw;
        self.alerts += other.alerts;
        self.alerts_delayed += other.alerts_delayed;
    }
}

impl RawCount {
    /// Takes in a present value with the quality that the engine gave it. Without zeros, a 0 never counts, not even where
    /// the engine takes it for a value: an apnoea.
    pub fn value(&mut self, series: &Series, profile: &Profile, value: f64, quality: Quality) {
        let Some(limits) = profile.vitals.get(&series.2) else { return };
        let side = [Side::Low, Side::High].into_iter().find(|side| limits.side(*side).violated(*side, value));
        let valid = side.filter(|_| quality == Quality::Valid && value != 0.0);
        let last = self.last.entry(series.clone()).or_default();
        let (with_zeros, without) = self.counts.entry(series.clone()).or_default();
        *with_zeros += u64::from(side.is_some() && side != last.0);
        *without += u64::from(valid.is_some() && valid != last.1);
        *last = (side, valid);
    }

    /// By series: with zeros taken for values, and without.
    #[must_use]
    pub fn finish(self) -> BTreeMap<Series, (u64, u64)> {
        self.counts
    }
}

/// A profile in which every step has this delay, however deep a violation is.
#[must_use]
pub fn with_delay(profile: &Profile, delay: Millis) -> Profile {
    let step = |step: Option<LimitStep>| step.map(|s| LimitStep { delay, depth_budget: None, ..s });
    let side = |side: &LimitSide| LimitSide { warning: step(side.warning), extreme: step(side.extreme) };
    let mut profile = profile.clone();
    for limits in profile.vitals.values_mut() {
        limits.low = side(&limits.low);
        limits.high = side(&limits.high);
    }
    profile
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Priority, VitalLimits, vital::SPO2};

    fn profile() -> Profile {
        let step = |limit, delay_s, depth_budget| LimitStep {
            limit,
            priority: Priority::Medium,
            delay: Millis::from_secs(delay_s),
            depth_budget,
        };
        let low = LimitSide { warning: Some(step(90.0, 10, Some(50.0))), extreme: Some(step(80.0, 5, None)) };
        let high = LimitSide { warning: Some(step(98.0, 10, None)), extreme: None };
        Profile {
            vitals: [(SPO2, VitalLimits { low, high, hysteresis: 2.0, clear_delay: Millis::from_secs(5) })].into(),
        }
    }

    #[test]
    fn each_run_is_an_alarm_and_the_other_side_is_another() {
        let (mut raw, profile) = (RawCount::default(), profile());
        let series = ("p".parse().unwrap(), "d".parse().unwrap(), SPO2);
        let values = [95.0, 89.0, 70.0, 90.0, 89.0, 99.0, 98.0, 0.0, 0.0, 89.0];
        for value in values {
            let quality = if value == 0.0 { Quality::NotMeasured } else { Quality::Valid };
            raw.value(&series, &profile, value, quality);
        }
        // 89, 70 | 89 | 99 | 0, 0, 89: with zeros the last three are one run; without, 89 is one.
        assert_eq!(raw.finish(), [(series, (4, 4))].into());
    }

    #[test]
    fn a_zero_is_no_value_even_where_the_engine_takes_it_for_one() {
        let (mut raw, profile) = (RawCount::default(), profile());
        let series = ("p".parse().unwrap(), "d".parse().unwrap(), SPO2);
        for (value, quality) in [(95.0, Quality::Valid), (0.0, Quality::Valid), (3.0, Quality::OutOfRange)] {
            raw.value(&series, &profile, value, quality);
        }
        assert_eq!(raw.finish(), [(series, (1, 0))].into());
    }

    #[test]
    fn a_delay_for_all_is_that_of_every_step_whatever_the_depth() {
        let delayed = with_delay(&profile(), Millis::from_secs(15));
        let limits = &delayed.vitals[&SPO2];
        for step in [limits.low.warning, limits.low.extreme, limits.high.warning] {
            let step = step.unwrap();
            assert_eq!((step.delay, step.depth_budget), (Millis::from_secs(15), None));
        }
        assert_eq!((limits.high.extreme, limits.hysteresis), (None, 2.0));
    }
}
