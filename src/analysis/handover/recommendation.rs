//! What is due: reviews, what ends soon, score targets, what is missing, and what the giver says.

use super::{Known, span};
use crate::{
    domain::{
        Alert, ConditionCode, Expiry, Liveness, Millis, Priority, Sampling, ScoreItem, ScoreKind, ScoreValue, Signal,
    },
    protocol::words::pause_what,
};

/// NEWS2 of 5 and more, or a 3 in one part: an urgent review within this long (Royal College of Physicians, 2017).
const URGENT_REVIEW_WITHIN: Millis = Millis::from_mins(60);
/// NEWS2 of 7 and more: an emergency assessment within this long.
const EMERGENCY_WITHIN: Millis = Millis::from_mins(30);
/// What ends within this long is told of: a long shift.
const ENDS_SOON: Millis = Millis::from_mins(12 * 60);

pub(super) fn lines(known: &Known<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(known.alerts().filter_map(|alert| score_target(known, alert)));
    lines.extend(unanswered(known));
    lines.extend(limits(known));
    lines.extend(pauses(known));
    lines.extend(missing(known));
    lines.extend(silent(known));
    lines.extend(note(known));
    if lines.is_empty() {
        lines.push("nothing is due".to_owned());
    }
    lines
}

/// Within what time somebody has to come for a score, counted from when its alert was raised.
fn score_target(known: &Known<'_>, alert: &Alert) -> Option<String> {
    let ConditionCode::Score(ScoreKind::News2) = alert.key.code else { return None };
    let (what, within) = if alert.priority >= Priority::Medium {
        ("emergency assessment", EMERGENCY_WITHIN)
    } else {
        ("urgent review", URGENT_REVIEW_WITHIN)
    };
    let due = alert.raised_at + within;
    let late = known.now.since(due);
    let state = if late > Millis::ZERO {
        format!("OVERDUE by {}", span(late))
    } else {
        format!("in {}", span(due.since(known.now)))
    };
    Some(format!("NEWS2: {what} due {}, {state}", known.time(due)))
}

fn unanswered(known: &Known<'_>) -> Option<String> {
    let asks = |alert: &&Alert| !alert.is_answered() && alert.signal != Signal::Ack && alert.is_unacknowledged();
    let count = known.alerts().filter(asks).count();
    (count > 0).then(|| format!("{count} open {} without an answer", if count == 1 { "alert" } else { "alerts" }))
}

fn limits(known: &Known<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for (vital, changed) in &known.patient.limits {
        let label = known.info(*vital).map_or_else(|| vital.to_string(), |info| info.label.to_string());
        let Some(own) = &changed.own else { continue };
        match own.expires {
            _ if own.review_due => lines.push(format!("review the limits of {label}: a handover has passed")),
            Expiry::NextHandover => lines.push(format!("review the limits of {label} after this handover")),
            Expiry::At { until } if until.since(known.now) <= ENDS_SOON => {
                lines.push(format!("the limits of {label} go back {}", known.time(until)));
            }
            Expiry::At { .. } => {}
        }
    }
    lines
}

fn pauses(known: &Known<'_>) -> Vec<String> {
    let soon = known.pauses().filter(|pause| pause.until.since(known.now) <= ENDS_SOON);
    soon.map(|pause| format!("{} signals again {}", pause_what(pause, known.ward), known.time(pause.until))).collect()
}

/// What NEWS2 lacks, and what it will lack.
fn missing(known: &Known<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(score) = known.news2().filter(|score| matches!(score.value, ScoreValue::Incomplete { .. })) {
        let missing: Vec<&str> = score.missing().map(ScoreItem::label).collect();
        if !missing.is_empty() {
            lines.push(format!("NEWS2 lacks {}", missing.join(", ")));
        }
    }
    let holds = known.patient.chart.consciousness.as_ref().and_then(|level| level.until);
    if let Some(until) = holds.filter(|until| *until > known.now && until.since(known.now) <= ENDS_SOON) {
        lines.push(format!("chart the level of consciousness again by {}", known.time(until)));
    }
    lines
}

/// Vitals that should come and do not.
fn silent(known: &Known<'_>) -> Option<String> {
    let lost = known.patient.vitals.values().filter(|held| held.liveness(known.now) == Liveness::Lost);
    let labels: Vec<&str> = lost
        .filter_map(|held| known.info(held.vital))
        .filter(|info| info.sampling == Sampling::Continuous)
        .map(|info| &*info.label)
        .collect();
    (!labels.is_empty()).then(|| format!("no present value of {}", labels.join(", ")))
}

fn note(known: &Known<'_>) -> Option<String> {
    let offer = known.ward.handovers.offer_of(&known.patient.patient.id)?;
    offer.note.as_ref().map(|note| format!("{} says: {note}", offer.from.label()))
}
