//! Values of one patient against each other.

use crate::domain::{
    DeviceId, Marks, Millis, Timestamp, VitalCode,
    vital::{ART_DIA, ART_MEAN, ART_SYS, HR, NBP_DIA, NBP_MEAN, NBP_SYS, PULSE, SPO2},
};
use serde::{Deserialize, Serialize};

/// Heart rate and pulse rate further apart than this disagree, in 1/min.
pub const RATES_APART_MAX: f64 = 10.0;
/// A pulse pressure of less is that of a damped or flushed line, in mmHg.
pub const PULSE_PRESSURE_MIN: f64 = 10.0;
/// Values further apart in time are not compared.
pub const TOGETHER: Millis = Millis::from_secs(5);
/// A cuff has been inflated this long before or after the time of its value.
pub const CUFF_WITHIN: Millis = Millis::from_secs(60);

/// Whether heart rate and pulse rate disagree.
#[must_use]
pub fn rates_disagree(heart: f64, pulse: f64) -> bool {
    (heart - pulse).abs() > RATES_APART_MAX
}

/// Whether the pressures of one line do not fit each other, as far as they are known, in mmHg.
#[must_use]
pub fn pressures_misfit(sys: Option<f64>, dia: Option<f64>, mean: Option<f64>) -> bool {
    let apart = |low: Option<f64>, high: Option<f64>, least: f64| low.zip(high).is_some_and(|(l, h)| h - l < least);
    apart(dia, sys, PULSE_PRESSURE_MIN) || apart(dia, mean, 0.0) || apart(mean, sys, 0.0)
}

/// What a vital is to the cross-checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Heart rate from the electrocardiogram.
    Heart,
    /// Pulse rate from the oximeter.
    Pulse,
    /// Saturation.
    Saturation,
    /// A pressure of the arterial line.
    Line(Pressure),
    /// A pressure of the cuff.
    Cuff(Pressure),
}

/// Which pressure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressure {
    /// Systolic.
    Sys,
    /// Diastolic.
    Dia,
    /// Mean.
    Mean,
}

impl Part {
    /// The part that a vital plays; `None` if it is not cross-checked.
    #[must_use]
    pub fn of(vital: VitalCode) -> Option<Self> {
        Some(match vital {
            HR => Self::Heart,
            PULSE => Self::Pulse,
            SPO2 => Self::Saturation,
            ART_SYS => Self::Line(Pressure::Sys),
            ART_DIA => Self::Line(Pressure::Dia),
            ART_MEAN => Self::Line(Pressure::Mean),
            NBP_SYS => Self::Cuff(Pressure::Sys),
            NBP_DIA => Self::Cuff(Pressure::Dia),
            NBP_MEAN => Self::Cuff(Pressure::Mean),
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Point {
    value: f64,
    at: Timestamp,
}

type Slot = Option<Point>;

fn near(slot: Slot, at: Timestamp) -> Option<f64> {
    slot.filter(|point| at.since(point.at).0.abs() <= TOGETHER.0).map(|point| point.value)
}

/// The pressures of a line or a cuff.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Pressures {
    sys: Slot,
    dia: Slot,
    mean: Slot,
}

impl Pressures {
    const fn slot(&mut self, which: Pressure) -> &mut Slot {
        match which {
            Pressure::Sys => &mut self.sys,
            Pressure::Dia => &mut self.dia,
            Pressure::Mean => &mut self.mean,
        }
    }

    fn misfit(&self, at: Timestamp) -> bool {
        pressures_misfit(near(self.sys, at), near(self.dia, at), near(self.mean, at))
    }
}

/// The newest values of one patient that are compared. A value is compared with what came before it; of a pair that does
/// not fit, the earlier one has been passed on by then.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Beside {
    heart: Slot,
    pulse: Slot,
    line: Pressures,
    cuff: Pressures,
    /// The device that measured with a cuff last, and when.
    inflated: Option<(DeviceId, Timestamp)>,
}

impl Beside {
    /// Takes in a present value, `None` if it cannot be judged; says what is doubtful about it.
    pub fn take(&mut self, part: Part, value: Option<f64>, device: &DeviceId, at: Timestamp) -> Marks {
        let new = value.map(|value| Point { value, at });
        match part {
            Part::Heart => {
                self.heart = new;
                self.rates(at)
            }
            Part::Pulse => {
                self.pulse = new;
                if value.is_some() { self.rates(at) } else { self.lost(device, at) }
            }
            Part::Saturation if value.is_none() => self.lost(device, at),
            Part::Saturation => Marks::NONE,
            Part::Line(which) => {
                *self.line.slot(which) = new;
                Marks::DAMPED.when(value.is_some() && self.line.misfit(at))
            }
            Part::Cuff(which) => {
                *self.cuff.slot(which) = new;
                if value.is_some() {
                    self.inflated = Some((device.clone(), at));
                }
                Marks::DAMPED.when(value.is_some() && self.cuff.misfit(at))
            }
        }
    }

    fn rates(&self, at: Timestamp) -> Marks {
        let both = near(self.heart, at).zip(near(self.pulse, at));
        Marks::DISAGREES.when(both.is_some_and(|(heart, pulse)| rates_disagree(heart, pulse)))
    }

    fn lost(&self, device: &DeviceId, at: Timestamp) -> Marks {
        let inflated =
            self.inflated.as_ref().is_some_and(|(by, when)| by == device && at.since(*when).0.abs() <= CUFF_WITHIN.0);
        Marks::CUFF.when(inflated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn device(id: &str) -> DeviceId {
        id.parse().unwrap()
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    #[rstest]
    #[case(80.0, 90.0, false)]
    #[case(80.0, 90.1, true)]
    #[case(90.1, 80.0, true)]
    fn rates_more_than_ten_apart_disagree(#[case] heart: f64, #[case] pulse: f64, #[case] expected: bool) {
        assert_eq!(rates_disagree(heart, pulse), expected);
    }

    #[rstest]
    #[case::good(Some(120.0), Some(80.0), Some(93.0), false)]
    #[case::least_pulse_pressure(Some(90.0), Some(80.0), None, false)]
    #[case::less(Some(89.9), Some(80.0), None, true)]
    #[case::mean_on_dia(Some(120.0), Some(80.0), Some(80.0), false)]
    #[case::mean_below_dia(Some(120.0), Some(80.0), Some(79.9), true)]
    #[case::mean_on_sys(Some(120.0), Some(80.0), Some(120.0), false)]
    #[case::mean_above_sys(Some(120.0), None, Some(120.1), true)]
    #[case::one_alone(None, None, Some(500.0), false)]
    fn pressures_of_one_line(
        #[case] sys: Option<f64>,
        #[case] dia: Option<f64>,
        #[case] mean: Option<f64>,
        #[case] expected: bool,
    ) {
        assert_eq!(pressures_misfit(sys, dia, mean), expected);
    }

    #[rstest]
    #[case(5_000, Marks::DISAGREES)]
    #[case(5_001, Marks::NONE)]
    #[case(-5_000, Marks::DISAGREES)]
    fn only_what_was_measured_together_is_compared(#[case] apart: i64, #[case] expected: Marks) {
        let mut beside = Beside::default();
        assert_eq!(beside.take(Part::Heart, Some(80.0), &device("a"), at(100_000)), Marks::NONE);
        assert_eq!(beside.take(Part::Pulse, Some(60.0), &device("b"), at(100_000 + apart)), expected);
    }

    #[test]
    fn what_is_lost_is_compared_with_nothing() {
        let mut beside = Beside::default();
        beside.take(Part::Heart, Some(80.0), &device("a"), at(0));
        beside.take(Part::Heart, None, &device("a"), at(1_000));
        assert_eq!(beside.take(Part::Pulse, Some(60.0), &device("a"), at(1_000)), Marks::NONE);
        beside.take(Part::Line(Pressure::Sys), Some(120.0), &device("a"), at(0));
        assert_eq!(beside.take(Part::Line(Pressure::Dia), Some(115.0), &device("a"), at(0)), Marks::DAMPED);
        assert_eq!(beside.take(Part::Line(Pressure::Dia), None, &device("a"), at(1_000)), Marks::NONE);
        assert_eq!(beside.take(Part::Cuff(Pressure::Dia), Some(115.0), &device("a"), at(0)), Marks::NONE);
    }

    #[rstest]
    #[case::after("a", 60_000, Marks::CUFF)]
    #[case::before("a", -60_000, Marks::CUFF)]
    #[case::too_late("a", 60_001, Marks::NONE)]
    #[case::too_early("a", -60_001, Marks::NONE)]
    #[case::another_device("b", 0, Marks::NONE)]
    fn a_loss_beside_a_cuff_of_the_same_device(#[case] by: &str, #[case] apart: i64, #[case] expected: Marks) {
        let mut beside = Beside::default();
        beside.take(Part::Cuff(Pressure::Sys), Some(120.0), &device("a"), at(100_000));
        let lost = at(100_000 + apart);
        assert_eq!(beside.take(Part::Saturation, None, &device(by), lost), expected);
        assert_eq!(beside.take(Part::Pulse, None, &device(by), lost), expected);
        assert_eq!(beside.take(Part::Saturation, Some(97.0), &device(by), lost), Marks::NONE);
    }

    #[test]
    fn each_vital_plays_its_part() {
        assert_eq!(Part::of(NBP_MEAN), Some(Part::Cuff(Pressure::Mean)));
        assert_eq!(Part::of(ART_DIA), Some(Part::Line(Pressure::Dia)));
        assert_eq!(Part::of(crate::domain::vital::TEMP), None);
    }
}
