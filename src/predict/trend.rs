//! The arrow beside a number: rising or falling, when that is certain and matters.
//!
//! The slope is that of Theil and Sen, the median of the slopes between all pairs of points; its 95 % interval is by ranks
//! after Kendall (Sen, J Am Stat Assoc 1968;63:1379). Equal values make the interval wider than it need be, never
//! narrower.

use crate::domain::{
    Millis, Timestamp, VitalCode,
    series::Trend,
    vital::{ART_SYS, HR, NBP_SYS, PULSE, RR, SPO2},
};

/// The arrow tells of this long before the end of a trend.
pub const WINDOW: Millis = Millis::from_mins(60);
/// Fewer points have no 95 % interval: the ranks would lie outside of all slopes.
pub const POINTS_MIN: usize = 6;
/// A shorter stretch of time is not drawn out to an hour.
pub const SPAN_MIN: Millis = Millis::from_mins(15);
/// Slices of a trend are gathered into points of this length.
const POINT: Millis = Millis::from_mins(1);
/// Two-sided 95 % of the normal distribution.
const Z_95: f64 = 1.96;
const HOUR_MS: f64 = 3_600_000.0;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrendDirection {
    /// Rising.
    Up,
    /// Falling.
    Down,
}

/// A trend that is certain and matters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrendArrow {
    /// Which way.
    pub direction: TrendDirection,
    /// The slope, in the vital's unit per hour.
    pub per_hour: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
    /// From how many points, one a minute at the most.
    pub points: usize,
}

/// A slope with its 95 % interval, in the vital's unit per hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// The slope.
    pub per_hour: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
}

/// The change within an hour from which on a trend matters, in the vital's unit; `None` if the vital has no arrow.
#[must_use]
pub fn relevant_step(vital: VitalCode) -> Option<f64> {
    match vital {
        HR | PULSE | NBP_SYS | ART_SYS => Some(10.0),
        SPO2 => Some(2.0),
        RR => Some(4.0),
        _ => None,
    }
}

/// The arrow of the last hour of a trend; `None` if the vital has none, there are too few points, the interval of the slope
/// has 0 in it or the change within an hour is not beyond [`relevant_step`].
#[must_use]
pub fn arrow(trend: &Trend, vital: VitalCode) -> Option<TrendArrow> {
    let step = relevant_step(vital)?;
    let points = points(trend);
    let (first, last) = (points.first()?, points.last()?);
    if last.0.since(first.0) < SPAN_MIN {
        return None;
    }
    let Slope { per_hour, low, high } = theil_sen(&points)?;
    let certain = low > 0.0 || high < 0.0;
    if !certain || per_hour.abs() <= step {
        return None;
    }
    let direction = if per_hour > 0.0 { TrendDirection::Up } else { TrendDirection::Down };
    Some(TrendArrow { direction, per_hour, low, high, points: points.len() })
}

/// The last hour of a trend, a point for each minute that has values: the median of the means of its slices.
fn points(trend: &Trend) -> Vec<(Timestamp, f64)> {
    let Some(end) = trend.points.last().map(|p| p.at) else { return Vec::new() };
    let mut points: Vec<(Timestamp, f64)> = Vec::new();
    let mut minute: Vec<f64> = Vec::new();
    let mut begun = Timestamp::MIN;
    for slice in trend.points.iter().filter(|p| p.at > end - WINDOW) {
        if slice.at >= begun + POINT {
            points.extend(median(&mut minute).map(|value| (begun, value)));
            minute.clear();
            begun = slice.at;
        }
        minute.push(slice.mean);
    }
    points.extend(median(&mut minute).map(|value| (begun, value)));
    points
}

/// The slope of points in order of time, with its interval. Points at equal times have no slope between them. `None` with
/// fewer than [`POINTS_MIN`] points, or values that are not finite.
#[must_use]
pub fn theil_sen(points: &[(Timestamp, f64)]) -> Option<Slope> {
    if points.len() < POINTS_MIN || points.iter().any(|(_, value)| !value.is_finite()) {
        return None;
    }
    let mut slopes = Vec::with_capacity(points.len() * (points.len() - 1) / 2);
    for (i, (at, value)) in points.iter().enumerate() {
        for (later, other) in points.iter().skip(i + 1) {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of hours are far below 2^53")]
            let apart = later.since(*at).0 as f64;
            if apart > 0.0 {
                slopes.push((other - value) * HOUR_MS / apart);
            }
        }
    }
    let per_hour = median(&mut slopes)?;
    let (low, high) = ranks(points.len(), slopes.len())?;
    Some(Slope { per_hour, low: *slopes.get(low)?, high: *slopes.get(high)? })
}

/// The places of the interval's ends among `m` sorted slopes of `n` points, outwards if they fall between two.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few thousand slopes; what would be below the first is None before the cast"
)]
fn ranks(n: usize, m: usize) -> Option<(usize, usize)> {
    let (count, slopes) = (n as f64, m as f64);
    let spread = Z_95 * (count * (count - 1.0) * 2.0_f64.mul_add(count, 5.0) / 18.0).sqrt();
    let low = ((slopes - spread) / 2.0).floor();
    let high = ((slopes + spread) / 2.0).ceil() + 1.0;
    // Ranks count from 1.
    (low >= 1.0 && high <= slopes).then(|| (low as usize - 1, high as usize - 1))
}

/// The median; sorts the values.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(*upper);
    }
    values.get(values.len() / 2 - 1).map(|lower| f64::midpoint(*lower, *upper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{series::TrendPoint, vital::TEMP};
    use proptest::prelude::*;
    use rstest::rstest;

    const START: i64 = 1_700_000_000_000;

    /// A trend of one slice a minute; `None` is a gap.
    fn minutes(values: &[Option<f64>]) -> Trend {
        let at = |i: i64| Timestamp::from_ms(START + i * 60_000);
        let points = values
            .iter()
            .zip(0..)
            .filter_map(|(value, i)| value.map(|mean| TrendPoint { at: at(i), min: mean, max: mean, mean, count: 60 }));
        let slices = u32::try_from(values.len()).unwrap();
        Trend { from: at(0), step: Millis::from_mins(1), slices, points: points.collect() }
    }

    fn ramp(n: usize, from: f64, per_hour: f64) -> Vec<Option<f64>> {
        (0..n).map(|i| Some(f64::from(u32::try_from(i).unwrap()).mul_add(per_hour / 60.0, from))).collect()
    }

    #[test]
    fn the_interval_is_that_of_sen() {
        // 10 points: 45 slopes, C = 1.96 * sqrt(10 * 9 * 25 / 18) = 21.9; ranks 11.5 and 34.5, outwards 11 and 35.
        assert_eq!(ranks(10, 45), Some((10, 34)));
        assert_eq!(ranks(6, 15), Some((1, 13)), "C = 10.4: ranks 2.3 and 12.7 + 1");
        assert_eq!(ranks(5, 10), None, "C = 8.002: below the first");
        let line: Vec<_> = (0..10_i32).map(|i| (Timestamp::from_ms(i64::from(i) * 60_000), f64::from(i))).collect();
        assert_eq!(theil_sen(&line), Some(Slope { per_hour: 60.0, low: 60.0, high: 60.0 }));
        assert_eq!(theil_sen(&line[..5]), None);
        assert!(theil_sen(&line[..6]).is_some());
        let mut outlier = line;
        outlier[9].1 = 500.0;
        assert_eq!(theil_sen(&outlier).unwrap().per_hour, 60.0, "one wild value does not turn it");
    }

    #[rstest]
    #[case(HR, 10.0, None)]
    #[case(HR, 10.125, Some(TrendDirection::Up))]
    #[case(HR, -10.125, Some(TrendDirection::Down))]
    #[case(PULSE, 10.5, Some(TrendDirection::Up))]
    #[case(NBP_SYS, -10.5, Some(TrendDirection::Down))]
    #[case(ART_SYS, -10.0, None)]
    #[case(SPO2, -2.0, None)]
    #[case(SPO2, -2.125, Some(TrendDirection::Down))]
    #[case(RR, 4.0, None)]
    #[case(RR, 4.125, Some(TrendDirection::Up))]
    #[case(TEMP, 50.0, None)]
    fn only_what_matters_has_an_arrow(
        #[case] vital: VitalCode,
        #[case] per_hour: f64,
        #[case] expected: Option<TrendDirection>,
    ) {
        // Eighths of an hour, so that the sums are exact.
        let points: Vec<TrendPoint> = (0..8_i32)
            .map(|i| {
                let mean = 128.0 + f64::from(i) * per_hour / 8.0;
                let at = Timestamp::from_ms(START + i64::from(i) * 450_000);
                TrendPoint { at, min: mean, max: mean, mean, count: 1 }
            })
            .collect();
        let trend = Trend { from: points[0].at, step: Millis(450_000), slices: 8, points };
        assert_eq!(arrow(&trend, vital).map(|a| a.direction), expected);
    }

    #[rstest]
    #[case::span_too_short(15, None)]
    #[case::long_enough(16, Some(16))]
    #[case::the_last_hour_alone(300, Some(60))]
    fn it_needs_a_stretch_of_time(#[case] n: usize, #[case] points: Option<usize>) {
        assert_eq!(arrow(&minutes(&ramp(n, 60.0, 30.0)), HR).map(|a| a.points), points);
    }

    #[test]
    fn finer_slices_are_gathered_by_the_minute() {
        let mut trend = Trend::new(Timestamp::from_ms(START), Timestamp::from_ms(START + 3_600_000), 720);
        for i in 0..720_i32 {
            let wild = if i % 12 == 5 { 100.0 } else { 0.0 };
            trend.add(Timestamp::from_ms(START + i64::from(i) * 5_000), 80.0 + f64::from(i / 12) / 2.0 + wild);
        }
        let found = arrow(&trend, HR).unwrap();
        assert_eq!((found.points, found.direction), (60, TrendDirection::Up));
        assert!((found.per_hour - 30.0).abs() < 1e-6, "{found:?}");
    }

    fn noise(n: usize) -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(-1.0_f64..1.0, n)
    }

    fn trend_of(values: &[f64], gaps: &[bool]) -> Trend {
        minutes(&values.iter().zip(gaps).map(|(v, gap)| (!gap).then_some(*v)).collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn a_clear_ramp_has_an_arrow_whatever_is_missing(
            wobble in noise(60), gaps in prop::collection::vec(prop::bool::weighted(0.3), 60), up in any::<bool>(),
        ) {
            let sign = if up { 1.0 } else { -1.0 };
            let values: Vec<f64> = ramp(60, 0.0, sign * 40.0).iter().zip(&wobble).map(|(r, w)| r.unwrap() + w + 100.0).collect();
            let mut gaps = gaps;
            (gaps[0], gaps[59]) = (false, false);
            let found = arrow(&trend_of(&values, &gaps), HR).unwrap();
            prop_assert_eq!(found.direction, if up { TrendDirection::Up } else { TrendDirection::Down });
            prop_assert!(found.low <= found.per_hour && found.per_hour <= found.high);
            prop_assert!((found.per_hour - sign * 40.0).abs() < 8.0);
        }

        #[test]
        fn noise_around_a_constant_has_none(wobble in noise(60), level in 50.0_f64..150.0) {
            // Only pairs within 12 minutes can be steeper than 10 an hour, and those are fewer than half of all.
            let values: Vec<Option<f64>> = wobble.iter().map(|w| Some(level + w)).collect();
            prop_assert_eq!(arrow(&minutes(&values), HR), None);
        }

        #[test]
        fn a_constant_has_none(level in 50.0_f64..150.0, n in 0_usize..80) {
            prop_assert_eq!(arrow(&minutes(&vec![Some(level); n]), SPO2), None);
        }

        #[test]
        fn it_does_not_matter_where_the_zero_is(values in prop::collection::vec(0_u8..40, 16..60), by in 0_u8..100) {
            let of = |by: f64| arrow(&minutes(&values.iter().map(|v| Some(f64::from(*v) + by)).collect::<Vec<_>>()), RR);
            prop_assert_eq!(of(0.0), of(f64::from(by)));
        }

        #[test]
        fn upside_down_it_points_the_other_way(values in prop::collection::vec(0_u8..40, 16..60)) {
            let of = |sign: f64| arrow(&minutes(&values.iter().map(|v| Some(f64::from(*v) * sign)).collect::<Vec<_>>()), RR);
            let mirrored = of(-1.0).map(|a| (-a.per_hour, -a.high, -a.low));
            prop_assert_eq!(of(1.0).map(|a| (a.per_hour, a.low, a.high)), mirrored);
        }
    }
}
