//! Events that must never lose their alert: a minute and more beyond a danger limit.
//!
//! Source: clinical reference, section 4.10. An event is consecutive plausible samples beyond the limit, spaced at most twice
//! the sampling interval and at most 120 s, that span at least 60 s.

use crate::domain::{
    Alert, AlertKey, Cause, ConditionCode, DeviceId, Millis, PatientId, Side, Timestamp, VitalCode, limits,
    vital::{ART_MEAN, HR, NBP_MEAN, SPO2},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Shortest event.
pub const DANGER_SPAN_MIN: Millis = Millis::from_secs(60);
/// Samples that are further apart than this are not of one event, whatever the interval.
pub const DANGER_GAP_MAX: Millis = Millis::from_secs(120);

/// The danger limits: SpO2 below 85 %, heart rate below 40 or above 150 /min, mean pressure below 55 mmHg.
pub const DANGER_LIMITS: [(VitalCode, Side, f64); 5] = [
    (SPO2, Side::Low, 85.0),
    (HR, Side::Low, 40.0),
    (HR, Side::High, 150.0),
    (ART_MEAN, Side::Low, 55.0),
    (NBP_MEAN, Side::Low, 55.0),
];

/// A minute and more beyond a danger limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DangerEvent {
    /// Whose.
    pub patient: PatientId,
    /// Measured by.
    pub device: DeviceId,
    /// What.
    pub vital: VitalCode,
    /// Beyond which side.
    pub side: Side,
    /// First sample beyond the limit.
    pub from: Timestamp,
    /// Last sample beyond the limit.
    pub to: Timestamp,
    /// The value furthest beyond.
    pub worst: f64,
    /// When the alert that covers it was raised; absent if it has none.
    pub alerted_at: Option<Timestamp>,
}

impl DangerEvent {
    /// Whether no alert covered it.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        self.alerted_at.is_none()
    }
}

/// A series of one vital of one patient from one device.
type Series = (PatientId, DeviceId, VitalCode);

/// A stretch beyond a danger limit that may go on.
#[derive(Debug, Clone, Copy)]
struct Run {
    from: Timestamp,
    to: Timestamp,
    worst: f64,
}

/// Finds danger events in samples, and the alerts that cover them.
#[derive(Debug, Clone, Default)]
pub struct DangerWatch {
    runs: BTreeMap<(Series, Side), Run>,
    found: Vec<DangerEvent>,
    /// When alerts of a condition were open: `(raised, ended)`.
    open: BTreeMap<AlertKey, Vec<(Timestamp, Option<Timestamp>)>>,
}

impl DangerWatch {
    /// Takes in a plausible sample; samples of a series come in order of time. `interval` is that of the series.
    pub fn sample(
        &mut self,
        (patient, device, vital): (&PatientId, &DeviceId, VitalCode),
        at: Timestamp,
        value: f64,
        interval: Millis,
    ) {
        let gap = (interval * 2).min(DANGER_GAP_MAX);
        for (_, side, limit) in DANGER_LIMITS.into_iter().filter(|(of, _, _)| *of == vital) {
            let key = ((patient.clone(), device.clone(), vital), side);
            let beyond = limits::beyond(side, value, limit);
            let goes_on = self.runs.get_mut(&key).filter(|run| beyond && at.since(run.to) <= gap);
            match goes_on {
                Some(run) => {
                    run.to = at;
                    run.worst = limits::worse(side, run.worst, value);
                }
                None => {
                    self.end(&key);
                    if beyond {
                        self.runs.insert(key, Run { from: at, to: at, worst: value });
                    }
                }
            }
        }
    }

    /// Takes in a move of an alert, at engine time `at`.
    pub fn alert(&mut self, cause: Cause, alert: &Alert, at: Timestamp) {
        match cause {
            Cause::Raised | Cause::Returned => self.open.entry(alert.key.clone()).or_default().push((at, None)),
            Cause::Cleared | Cause::Closed => {
                if let Some((_, end @ None)) = self.open.get_mut(&alert.key).and_then(|spans| spans.last_mut()) {
                    *end = Some(at);
                }
            }
            _ => {}
        }
    }

    /// The events, each with the alert that covered it, in order of time.
    #[must_use]
    pub fn finish(mut self) -> Vec<DangerEvent> {
        let open: Vec<(Series, Side)> = self.runs.keys().cloned().collect();
        open.iter().for_each(|key| self.end(key));
        let Self { mut found, open, .. } = self;
        for event in &mut found {
            let key = AlertKey {
                patient: Some(event.patient.clone()),
                code: ConditionCode::Limit(event.vital, event.side),
                device: Some(event.device.clone()),
            };
            let spans = open.get(&key).map(Vec::as_slice).unwrap_or_default();
            let covers = |(raised, ended): &&(Timestamp, Option<Timestamp>)| {
                *raised <= event.to && ended.is_none_or(|ended| ended >= event.from)
            };
            event.alerted_at = spans.iter().find(covers).map(|(raised, _)| *raised);
        }
        found.sort_by(|a, b| (a.from, &a.patient, a.vital).cmp(&(b.from, &b.patient, b.vital)));
        found
    }

    fn end(&mut self, key: &(Series, Side)) {
        let Some(Run { from, to, worst }) = self.runs.remove(key) else { return };
        if to.since(from) >= DANGER_SPAN_MIN {
            let ((patient, device, vital), side) = key.clone();
            self.found.push(DangerEvent { patient, device, vital, side, from, to, worst, alerted_at: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn t(s: i64) -> Timestamp {
        Timestamp::from_ms(s * 1000)
    }

    fn events(vital: VitalCode, interval_s: i64, samples: &[(i64, f64)]) -> Vec<DangerEvent> {
        let mut watch = DangerWatch::default();
        let (patient, device) = ("p".parse().unwrap(), "d".parse().unwrap());
        for (s, value) in samples {
            watch.sample((&patient, &device, vital), t(*s), *value, Millis::from_secs(interval_s));
        }
        watch.finish()
    }

    #[rstest]
    #[case(SPO2, 84.0, 85.0)]
    #[case(HR, 39.0, 40.0)]
    #[case(HR, 151.0, 150.0)]
    #[case(ART_MEAN, 54.0, 55.0)]
    #[case(NBP_MEAN, 54.0, 55.0)]
    fn beyond_is_beyond_and_not_at_the_limit(#[case] vital: VitalCode, #[case] beyond: f64, #[case] at: f64) {
        let minute = |value| (0..=60).map(|s| (s, value)).collect::<Vec<_>>();
        assert_eq!(events(vital, 1, &minute(beyond)).len(), 1);
        assert_eq!(events(vital, 1, &minute(at)), []);
    }

    #[test]
    fn it_spans_a_minute_without_a_gap_or_a_good_value() {
        let run = |from: i64, to: i64| (from..=to).map(|s| (s, 80.0)).collect::<Vec<_>>();
        assert_eq!(events(SPO2, 1, &run(0, 59)), []);
        let whole = events(SPO2, 1, &run(0, 60));
        assert_eq!((whole[0].from, whole[0].to, whole[0].worst), (t(0), t(60), 80.0));
        assert_eq!(events(SPO2, 1, &[run(0, 30), run(32, 60)].concat()).len(), 1, "2 s are twice the interval");
        assert_eq!(events(SPO2, 1, &[run(0, 30), run(33, 60)].concat()), []);
        assert_eq!(events(SPO2, 1, &[run(0, 30), vec![(31, 90.0)], run(32, 70)].concat()), []);
        assert_eq!(events(SPO2, 60, &[(0, 80.0), (120, 80.0)]).len(), 1);
        assert_eq!(events(SPO2, 60, &[(0, 80.0), (121, 80.0)]), []);
        assert_eq!(events(SPO2, 3600, &[(0, 80.0), (3600, 80.0)]), [], "charted by the hour: no event");
    }
}
