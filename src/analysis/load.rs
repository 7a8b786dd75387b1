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
    /// Bare limits over values that are values.
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
    /// Takes in a value with the quality that the engine gave it.
    pub fn value(&mut self, series: &Series, profile: &Profile, value: f64, quality: Quality) {
        let Some(limits) = profile.vitals.get(&series.2) else { return };
        let side = [Side::Low, Side::High].into_iter().find(|side| limits.side(*side).violated(*side, value));
        let valid = side.filter(|_| quality == Quality::Valid);
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
