//! Alarm limits of one vital.

use super::{Millis, Priority, Side, VitalCode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One step of a limit: beyond it for the delay, an alert of this priority is raised.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LimitStep {
    /// The limit in the vital's unit; a value on the limit is within it.
    pub limit: f64,
    /// The priority of the alert.
    pub priority: Priority,
    /// How long the value must stay beyond the limit.
    #[serde(rename = "delay_ms")]
    pub delay: Millis,
    /// What a violation may add up to before it is raised ahead of its delay: depth beyond the limit times duration, in
    /// the vital's unit × seconds. Absent: the delay alone counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth_budget: Option<f64>,
}

/// The two steps of one side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
pub struct LimitSide {
    /// The first step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<LimitStep>,
    /// The second step, further out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extreme: Option<LimitStep>,
}

/// The alarm limits of one vital.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VitalLimits {
    /// Below.
    #[serde(default)]
    pub low: LimitSide,
    /// Above.
    #[serde(default)]
    pub high: LimitSide,
    /// How far within the limit a value must come before the condition can end, in the vital's unit.
    pub hysteresis: f64,
    /// How long it must stay there.
    #[serde(rename = "clear_delay_ms")]
    pub clear_delay: Millis,
}

/// The alarm limits of one category of patients. A vital without an entry raises no limit alerts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// Limits by vital.
    pub vitals: BTreeMap<VitalCode, VitalLimits>,
}

impl VitalLimits {
    /// The steps of one side.
    #[must_use]
    pub const fn side(&self, side: Side) -> &LimitSide {
        match side {
            Side::Low => &self.low,
            Side::High => &self.high,
        }
    }
}

/// Whether `value` is beyond `limit` on that side.
#[must_use]
pub fn beyond(side: Side, value: f64, limit: f64) -> bool {
    match side {
        Side::Low => value < limit,
        Side::High => value > limit,
    }
}

/// How far `value` is beyond `limit` on that side; 0 if it is not.
#[must_use]
pub fn depth(side: Side, value: f64, limit: f64) -> f64 {
    match side {
        Side::Low => (limit - value).max(0.0),
        Side::High => (value - limit).max(0.0),
    }
}

/// Of two values, the one further out on that side.
#[must_use]
pub fn worse(side: Side, a: f64, b: f64) -> f64 {
    match side {
        Side::Low => a.min(b),
        Side::High => a.max(b),
    }
}

impl LimitStep {
    /// Whether `value` is within this step by at least `hysteresis`.
    #[must_use]
    pub fn clearly_within(&self, side: Side, value: f64, hysteresis: f64) -> bool {
        match side {
            Side::Low => value >= self.limit + hysteresis,
            Side::High => value <= self.limit - hysteresis,
        }
    }
}

impl LimitSide {
    /// Whether no alert can come of this side.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.warning.is_none() && self.extreme.is_none()
    }

    /// Whether `value` is beyond the first step that is set.
    #[must_use]
    pub fn violated(&self, side: Side, value: f64) -> bool {
        self.warning.or(self.extreme).is_some_and(|step| beyond(side, value, step.limit))
    }

    /// Whether `value` is within the first step by at least `hysteresis`.
    #[must_use]
    pub fn clearly_within(&self, side: Side, value: f64, hysteresis: f64) -> bool {
        self.warning.or(self.extreme).is_none_or(|step| step.clearly_within(side, value, hysteresis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn step(limit: f64) -> LimitStep {
        LimitStep { limit, priority: Priority::Medium, delay: Millis::ZERO, depth_budget: None }
    }

    #[rstest]
    #[case::below(Side::Low, 89.9, true)]
    #[case::on_the_low_limit(Side::Low, 90.0, false)]
    #[case::above(Side::Low, 90.1, false)]
    #[case::within(Side::High, 89.9, false)]
    #[case::on_the_high_limit(Side::High, 90.0, false)]
    #[case::beyond(Side::High, 90.1, true)]
    fn a_value_on_its_limit_is_within_it(#[case] side: Side, #[case] value: f64, #[case] is_beyond: bool) {
        assert_eq!(beyond(side, value, 90.0), is_beyond);
        let warning = LimitSide { warning: Some(step(90.0)), extreme: None };
        let extreme = LimitSide { warning: None, extreme: Some(step(90.0)) };
        assert_eq!((warning.violated(side, value), extreme.violated(side, value)), (is_beyond, is_beyond));
        assert!(!LimitSide::default().violated(side, value));
    }

    #[rstest]
    #[case(Side::Low, 91.9, false)]
    #[case(Side::Low, 92.0, true)]
    #[case(Side::Low, 92.1, true)]
    #[case(Side::High, 87.9, true)]
    #[case(Side::High, 88.0, true)]
    #[case(Side::High, 88.1, false)]
    fn clearly_within_is_within_by_the_hysteresis_at_least(
        #[case] side: Side,
        #[case] value: f64,
        #[case] within: bool,
    ) {
        assert_eq!(step(90.0).clearly_within(side, value, 2.0), within);
        let of_side = LimitSide { warning: Some(step(90.0)), extreme: None };
        assert_eq!(of_side.clearly_within(side, value, 2.0), within);
        assert!(LimitSide::default().clearly_within(side, value, 2.0), "there is nothing to be beyond");
    }

    #[rstest]
    #[case(Side::Low, 88.0, 2.0, 80.0)]
    #[case(Side::High, 88.0, 0.0, 88.0)]
    #[case(Side::Low, 93.0, 0.0, 80.0)]
    #[case(Side::High, 93.0, 3.0, 93.0)]
    fn depth_counts_outwards(#[case] side: Side, #[case] value: f64, #[case] deep: f64, #[case] worst: f64) {
        assert_eq!(depth(side, value, 90.0).total_cmp(&deep), std::cmp::Ordering::Equal);
        assert_eq!(worse(side, value, 80.0).total_cmp(&worst), std::cmp::Ordering::Equal);
    }
}
