//! The last hour of each vital, minute by minute, for sparklines.

use super::app::App;
use crate::{
    domain::{Liveness, Millis, PatientId, Quality, Timestamp, VitalCode, series::Trend},
    predict::{self, TrendDirection},
    protocol::{History, VitalView, VitalsUpdate},
};
use std::collections::BTreeMap;

/// Minutes that a sparkline holds.
pub const SPARK_MINUTES: usize = 60;
const SPARK_MINUTES_I64: i64 = 60;
const SPARK_SLICES: u32 = 60;
const MINUTE_MS: i64 = 60_000;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Slot {
    mean: f64,
    count: u32,
    min: f64,
    max: f64,
}

/// What is known of a vital within one part of the hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparkPart {
    /// Least value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
    /// Mean of the values.
    pub mean: f64,
}

/// The means of the last 60 minutes of one vital; a minute without a valid value is a gap.
#[derive(Debug, Clone, PartialEq)]
pub struct Spark {
    /// The minute of the newest slot, counted from 1970.
    minute: i64,
    slots: [Option<Slot>; SPARK_MINUTES],
    last_at: Timestamp,
    /// Where the hour was heading when its newest minute began.
    arrow: Option<TrendDirection>,
}

impl Spark {
    fn new(at: Timestamp) -> Self {
        Self { minute: minute_of(at), slots: [None; SPARK_MINUTES], last_at: Timestamp::MIN, arrow: None }
    }

    fn slot(&mut self, minute: i64) -> Option<&mut Option<Slot>> {
        if minute > self.minute {
            let by = usize::try_from(minute - self.minute).unwrap_or(SPARK_MINUTES).min(SPARK_MINUTES);
            self.slots.rotate_left(by % SPARK_MINUTES);
            let keep = SPARK_MINUTES - by;
            self.slots.iter_mut().skip(keep).for_each(|slot| *slot = None);
            self.minute = minute;
        }
        let back = self.minute - minute;
        let at = usize::try_from(SPARK_MINUTES_I64 - 1 - back).ok()?;
        self.slots.get_mut(at)
    }

    fn add(&mut self, at: Timestamp, (min, mean, max): (f64, f64, f64), count: u32) {
        let Some(slot) = self.slot(minute_of(at)) else { return };
        match slot {
            Some(held) => {
                held.count = held.count.saturating_add(count);
                held.mean += (mean - held.mean) * f64::from(count) / f64::from(held.count);
                held.min = held.min.min(min);
                held.max = held.max.max(max);
            }
            None => *slot = Some(Slot { mean, count, min, max }),
        }
    }

    /// The hour that ends with the minute of `now`, in `columns` equal parts from old to new; a part without a valid
    /// value is a gap. Parts begin at fixed minutes, so that a picture of them moves only when a part is full.
    #[must_use]
    pub fn parts(&self, columns: usize, now: Timestamp) -> Vec<Option<SparkPart>> {
        let columns = columns.clamp(1, SPARK_MINUTES);
        let per = SPARK_MINUTES.div_ceil(columns);
        let per_i64 = i64::try_from(per).unwrap_or(SPARK_MINUTES_I64);
        let newest = minute_of(now).div_euclid(per_i64);
        (0..columns).rev().map(|back| self.part(newest - i64::try_from(back).unwrap_or(0), per_i64)).collect()
    }

    /// The hour that ends with the minute of `now` as a trend with a slice for each minute.
    #[must_use]
    pub fn trend(&self, now: Timestamp) -> Trend {
        let end = Timestamp::from_ms((minute_of(now) + 1) * MINUTE_MS);
        let mut trend = Trend::new(end - Millis(MINUTE_MS * SPARK_MINUTES_I64), end, SPARK_SLICES);
        for (at, value) in (0_i64..).zip(self.columns(SPARK_MINUTES, now)) {
            if let Some(value) = value {
                trend.add(trend.from + Millis(MINUTE_MS * at), value);
            }
        }
        trend
    }

    /// Looks anew where the hour is heading: with each minute and not with each value, for it costs thousands of slopes.
    fn aim(&mut self, vital: VitalCode) {
        let trend = self.trend(Timestamp::from_ms(self.minute * MINUTE_MS));
        self.arrow = predict::arrow(&trend, vital).map(|arrow| arrow.direction);
    }

    /// The means of [`Spark::parts`].
    #[must_use]
    pub fn columns(&self, columns: usize, now: Timestamp) -> Vec<Option<f64>> {
        self.parts(columns, now).into_iter().map(|part| part.map(|p| p.mean)).collect()
    }

    fn part(&self, part: i64, minutes: i64) -> Option<SparkPart> {
        let slots = (part * minutes..(part + 1) * minutes).filter_map(|minute| {
            let at = usize::try_from(SPARK_MINUTES_I64 - 1 - (self.minute - minute)).ok()?;
            self.slots.get(at).copied().flatten()
        });
        let whole = slots.fold(None, |whole: Option<Slot>, s| {
            let Some(w) = whole else { return Some(s) };
            let count = w.count.saturating_add(s.count);
            let mean = w.mean + (s.mean - w.mean) * f64::from(s.count) / f64::from(count);
            Some(Slot { mean, count, min: w.min.min(s.min), max: w.max.max(s.max) })
        });
        whole.map(|Slot { min, max, mean, .. }| SparkPart { min, max, mean })
    }
}

fn minute_of(at: Timestamp) -> i64 {
    at.as_ms().div_euclid(MINUTE_MS)
}

/// The sparklines of a ward.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sparks(BTreeMap<(PatientId, VitalCode), Spark>);

impl Sparks {
    /// The sparkline of a vital, if anything came for it.
    #[must_use]
    pub fn get(&self, patient: &PatientId, vital: VitalCode) -> Option<&Spark> {
        self.0.get(&(patient.clone(), vital))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes in newest values as they come.
    pub(super) fn add(&mut self, update: &VitalsUpdate) {
        for vital in &update.vitals {
            let spark = self.entry(&update.patient, vital.vital, vital.observed_at);
            if vital.observed_at > spark.last_at && vital.quality == Quality::Valid {
                let begins = minute_of(vital.observed_at) > minute_of(spark.last_at);
                spark.add(vital.observed_at, (vital.value, vital.value, vital.value), 1);
                spark.last_at = vital.observed_at;
                if begins {
                    spark.aim(vital.vital);
                }
            }
        }
    }

    /// Takes in the past: it replaces what was held of the vitals that it has.
    pub(super) fn load(&mut self, history: &History) {
        for patient in &history.patients {
            for trend in &patient.trends {
                let Some(last) = trend.trend.points.last() else { continue };
                let mut spark = Spark::new(history.to - Millis(1));
                for point in &trend.trend.points {
                    spark.add(point.at, (point.min, point.mean, point.max), point.count);
                }
                spark.last_at = last.at + trend.trend.step;
                spark.aim(trend.vital);
                self.0.insert((patient.patient.clone(), trend.vital), spark);
            }
        }
    }

    fn entry(&mut self, patient: &PatientId, vital: VitalCode, at: Timestamp) -> &mut Spark {
        self.0.entry((patient.clone(), vital)).or_insert_with(|| Spark::new(at))
    }
}

impl App {
    /// Where a value is heading, by its last hour as far as this terminal has it; `None` unless that is certain and matters,
    /// and beside a value that is not the present, or doubtful.
    #[must_use]
    pub fn arrow(&self, patient: &PatientId, vital: &VitalView) -> Option<TrendDirection> {
        let told = vital.quality == Quality::Valid && vital.marks.is_empty();
        let now = self.liveness(vital) == Liveness::Live;
        self.sparks.get(patient, vital.vital)?.arrow.filter(|_| told && now)
    }
}
