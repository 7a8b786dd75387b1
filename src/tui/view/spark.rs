//! Sparklines of an hour, one cell per part.
//!
//! The scale is that of the alarm limits and not that of the data: the lowest block is below the low limit, the highest
//! is above the high limit, and the six between lie within; one value beyond a limit marks its whole part. So the limits show without colour, a calm hour does not
//! wiggle, and the same height means the same in every bed.

use super::{
    pen::Pen,
    scene::{Scene, trace_of},
};
use crate::{
    protocol::{PatientView, VitalLimitsView},
    tui::{
        core::{Shown, SparkPart},
        theme::Role,
    },
};

const BLOCKS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// Steps between the lowest and the highest block within the limits.
const STEPS_WITHIN: f64 = 5.0;

/// The last hour of a vital in `columns` cells; a gap is an empty cell.
pub(super) fn draw(scene: &Scene<'_>, patient: &PatientView, shown: Shown, columns: u16, pen: &mut Pen<'_>) {
    let spark = scene.app.sparks.get(&patient.patient.id, shown.main());
    let Some(spark) = spark.filter(|_| !scene.is_episodic(shown.main())) else {
        pen.gap(columns);
        return;
    };
    let parts = spark.parts(usize::from(columns), scene.now);
    let means: Vec<Option<f64>> = parts.iter().map(|part| part.map(|p| p.mean)).collect();
    let scale = Scale::new(&means, scene.limits(patient, shown), scene.unit_of(shown));
    for part in parts {
        let Some(part) = part else {
            pen.gap(1);
            continue;
        };
        let (block, beyond) = scale.block_of(part);
        pen.put_in(block, 1, scene.style(if beyond { Role::Beyond } else { trace_of(shown) }));
    }
}

struct Scale {
    low: f64,
    high: f64,
    /// Whether the ends are limits, so that something can be beyond them.
    limited: (bool, bool),
}

impl Scale {
    fn new(values: &[Option<f64>], limits: Option<&VitalLimitsView>, unit: &str) -> Self {
        let data = || values.iter().flatten().copied();
        let (least, most) = (data().fold(f64::MAX, f64::min), data().fold(f64::MIN, f64::max));
        let low = limits.and_then(|l| l.low).map(|l| l.limit);
        let high = limits.and_then(|l| l.high).map(|h| h.limit);
        let limited = (low.is_some(), high.is_some());
        // Without a limit the data say where the scale ends, but a small change never fills it.
        let slack = (least.abs().max(most.abs()) * 0.1).max(1.0);
        let end = if unit == "%" { 100.0 } else { most.max(low.unwrap_or(least) + slack) };
        let high = high.unwrap_or(end);
        let low = low.unwrap_or_else(|| least.min(high - slack));
        Self { low, high, limited }
    }

    /// A part with any value beyond a limit shows it: a mean would hide what raised an alert.
    fn block_of(&self, part: SparkPart) -> (&'static str, bool) {
        let lowest = self.block(part.min);
        let highest = self.block(part.max);
        if lowest.1 {
            lowest
        } else if highest.1 {
            highest
        } else {
            self.block(part.mean)
        }
    }

    fn block(&self, value: f64) -> (&'static str, bool) {
        let [lowest, within @ .., highest] = BLOCKS;
        if self.limited.0 && value < self.low {
            return (lowest, true);
        }
        if self.limited.1 && value > self.high {
            return (highest, true);
        }
        let part = (value - self.low) / (self.high - self.low).max(f64::EPSILON);
        let step = super::chart::index((part * STEPS_WITHIN).round());
        (within.get(step).copied().unwrap_or(highest), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Millis, Priority, vital::HR},
        protocol::StepView,
    };
    use rstest::rstest;

    #[rstest]
    #[case(49.0, "▁", true)]
    #[case(50.0, "▂", false)]
    #[case(85.0, "▅", false)]
    #[case(120.0, "▇", false)]
    #[case(121.0, "█", true)]
    fn the_limits_are_the_scale(#[case] value: f64, #[case] block: &str, #[case] beyond: bool) {
        let step = |limit| Some(StepView { limit, priority: Priority::Medium, delay: Millis::ZERO });
        let limits = VitalLimitsView {
            vital: HR,
            low: step(50.0),
            high: step(120.0),
            low_extreme: None,
            high_extreme: None,
            hysteresis: 3.0,
        };
        let scale = Scale::new(&[Some(value), None], Some(&limits), "/min");
        assert_eq!(scale.block(value), (block, beyond));
    }

    #[test]
    fn without_limits_nothing_is_beyond() {
        let scale = Scale::new(&[Some(70.0), Some(71.0)], None, "/min");
        assert!(!scale.block(70.0).1 && !scale.block(1e9).1 && !scale.block(-1e9).1);
    }
}
