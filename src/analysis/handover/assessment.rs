//! How the patient has been: values now and over 12 h, alerts since the last handover, remarks.

use super::{Known, median, span};
use crate::{
    domain::{AlertId, Cause, ConditionCode, EventBody, Liveness, Millis, Priority, Quality, Timestamp, series::Trend},
    predict::{TrendDirection, arrow},
    protocol::{VitalInfo, VitalView, words::condition_name},
};
use std::collections::BTreeMap;

pub(super) fn lines(known: &Known<'_>) -> Vec<String> {
    let mut lines: Vec<String> = known.ward.vitals.iter().filter_map(|info| vital(known, info)).collect();
    if lines.is_empty() {
        lines.push("no values".to_owned());
    }
    lines.push(format!("alerts since {}:", known.time(known.since)));
    let alerts = alerts(known);
    if alerts.is_empty() {
        lines.push("  none".to_owned());
    }
    lines.extend(alerts);
    lines.extend(remarks(known));
    lines
}

/// `SpO2 81 %, 2 s ago; 12 h: 78 / 94 / 99; falling 3 an hour`.
fn vital(known: &Known<'_>, info: &VitalInfo) -> Option<String> {
    let held = known.patient.vitals.get(&info.vital);
    let trend = known.trends.iter().find(|trend| trend.vital == info.vital).map(|trend| &trend.trend);
    let trend = trend.filter(|trend| !trend.points.is_empty());
    if held.is_none() && trend.is_none() {
        return None;
    }
    let mut words = held.map_or_else(|| format!("{} –", info.label), |held| value(known, info, held));
    if let Some(trend) = trend {
        words.push_str(&range(info, trend));
        if let Some(arrow) = arrow(trend, info.vital) {
            let way = if arrow.direction == TrendDirection::Up { "rising" } else { "falling" };
            words.push_str(&format!("; {way} {:.0} an hour", arrow.per_hour.abs()));
        }
    }
    Some(words)
}

fn value(known: &Known<'_>, info: &VitalInfo, held: &VitalView) -> String {
    let shown = match held.quality {
        Quality::Valid => format!("{} {}", info.format(held.value), info.unit),
        Quality::NotMeasured => "not measured".to_owned(),
        Quality::OutOfRange => "not believable".to_owned(),
    };
    let mut words = format!("{} {}, {} ago", info.label, shown.trim_end(), span(known.now.since(held.observed_at)));
    match held.liveness(known.now) {
        Liveness::Lost | Liveness::Never => words.push_str(", TOO OLD for the present"),
        Liveness::Late => words.push_str(", late"),
        Liveness::Live => {}
    }
    let marks: Vec<&str> = held.marks.names().collect();
    if !marks.is_empty() {
        words.push_str(&format!(", doubtful: {}", marks.join(", ")));
    }
    words
}

/// Least, median and greatest; the median is that of the minutes' means.
fn range(info: &VitalInfo, trend: &Trend) -> String {
    let mut means: Vec<f64> = trend.points.iter().map(|point| point.mean).collect();
    means.sort_by(f64::total_cmp);
    let least = trend.points.iter().map(|point| point.min).fold(f64::INFINITY, f64::min);
    let greatest = trend.points.iter().map(|point| point.max).fold(f64::NEG_INFINITY, f64::max);
    let middle = median(&means).unwrap_or(least);
    format!("; 12 h: {} / {} / {}", info.format(least), info.format(middle), info.format(greatest))
}

/// An alert that was raised since then.
struct Raised {
    code: ConditionCode,
    priority: Priority,
    at: Timestamp,
    acknowledged_at: Option<Timestamp>,
    is_closed: bool,
}

/// By kind: how many, how urgent, and how long they took to be acknowledged.
fn alerts(known: &Known<'_>) -> Vec<String> {
    let mut raised: BTreeMap<AlertId, Raised> = BTreeMap::new();
    for event in known.events.iter().filter(|event| event.at >= known.since) {
        let EventBody::Alert { cause, alert, .. } = &event.body else { continue };
        if *cause == Cause::Raised {
            let (code, priority, at) = (alert.key.code, alert.priority, event.at);
            raised.insert(alert.id, Raised { code, priority, at, acknowledged_at: None, is_closed: false });
        }
        let Some(found) = raised.get_mut(&alert.id) else { continue };
        found.priority = found.priority.max(alert.priority);
        found.is_closed |= alert.is_closed();
        if *cause == Cause::Acknowledged {
            found.acknowledged_at.get_or_insert(event.at);
        }
    }
    let mut kinds: BTreeMap<ConditionCode, Vec<Raised>> = BTreeMap::new();
    for alert in raised.into_values() {
        kinds.entry(alert.code).or_default().push(alert);
    }
    kinds.into_iter().map(|(code, alerts)| kind(&condition_name(code, known.ward), &alerts)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "spans stay far below 2^53 ms")]
#[expect(clippy::cast_possible_truncation, reason = "the median of spans is a span")]
fn kind(name: &str, alerts: &[Raised]) -> String {
    let mut words = format!("  {name}: {}", alerts.len());
    let high = alerts.iter().filter(|alert| alert.priority == Priority::High).count();
    if high > 0 {
        words.push_str(&format!(", {high} of them high"));
    }
    let took = |alert: &Raised| alert.acknowledged_at.map(|at| at.since(alert.at).0 as f64);
    let mut waits: Vec<f64> = alerts.iter().filter_map(took).collect();
    waits.sort_by(f64::total_cmp);
    if let (Some(middle), Some(longest)) = (median(&waits), waits.last()) {
        let (middle, longest) = (span(Millis(middle as i64)), span(Millis(*longest as i64)));
        let took =
            if waits.len() == 1 { format!("after {longest}") } else { format!("median {middle}, longest {longest}") };
        words.push_str(&format!("; {} acknowledged, {took}", waits.len()));
    }
    let without = |closed| alerts.iter().filter(|a| a.acknowledged_at.is_none() && a.is_closed == closed).count();
    for (count, what) in [(without(true), "over without acknowledgement"), (without(false), "not acknowledged yet")] {
        if count > 0 {
            words.push_str(&format!("; {count} {what}"));
        }
    }
    words
}

/// What people said of the patient's alerts.
fn remarks(known: &Known<'_>) -> Vec<String> {
    let mut codes: BTreeMap<AlertId, ConditionCode> = known.alerts().map(|alert| (alert.id, alert.key.code)).collect();
    let mut lines = Vec::new();
    for event in known.events.iter().filter(|event| event.at >= known.since) {
        match &event.body {
            EventBody::Alert { alert, .. } => {
                codes.insert(alert.id, alert.key.code);
            }
            EventBody::Commented { alert, text, by, .. } => {
                let about =
                    codes.get(alert).map_or_else(|| format!("alert {alert}"), |code| condition_name(*code, known.ward));
                lines.push(format!("{} on {about}: {text}", known.who_when(by, event.at)));
            }
            _ => {}
        }
    }
    lines
}
