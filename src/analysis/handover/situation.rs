//! What is going on now: who has the patient, open alerts, NEWS2.

use super::Known;
use crate::{
    domain::{
        Alert, Condition, LoginName, Response, ScoreBasis, ScoreKind, ScorePart, ScoreResult, Signal,
        alert::FIRST_LEVEL,
    },
    protocol::words::condition,
};

pub(super) fn lines(known: &Known<'_>) -> Vec<String> {
    let mut lines = vec![owner(known)];
    lines.extend(offer(known));
    let mut alerts: Vec<&Alert> = known.alerts().collect();
    alerts.sort_by_key(|alert| alert.urgency());
    if alerts.is_empty() {
        lines.push("no open alert".to_owned());
    }
    lines.extend(alerts.into_iter().map(|alert| open_alert(known, alert)));
    lines.push(news2(known));
    lines
}

impl<'a> Known<'a> {
    /// The patient's open alerts.
    pub(super) fn alerts(&self) -> impl Iterator<Item = &'a Alert> + use<'a> {
        let id = &self.patient.patient.id;
        self.ward.alerts.values().filter(move |alert| alert.key.patient.as_ref() == Some(id))
    }

    /// NEWS2, if there is any.
    pub(super) fn news2(&self) -> Option<&'a ScoreResult> {
        self.patient.scores.get(&ScoreKind::News2)
    }
}

fn owner(known: &Known<'_>) -> String {
    let id = &known.patient.patient.id;
    if let Some(owner) = known.ward.handovers.owners.get(id) {
        let (by, at) = (owner.by.label(), known.time(owner.at));
        let (from, offered_at) = (owner.from.label(), known.time(owner.offered_at));
        return format!("with {by}: signed by {from} {offered_at} and {by} {at}");
    }
    let owners = known.ward.ownership(known.now).of(id, &known.patient.bed);
    let names: Vec<&str> = owners.iter().map(LoginName::as_str).collect();
    if names.is_empty() {
        "NOBODY owns this patient".to_owned()
    } else {
        format!("with {} by the rota", names.join(", "))
    }
}

fn offer(known: &Known<'_>) -> Option<String> {
    let offer = known.ward.handovers.offer_of(&known.patient.patient.id)?;
    let (id, to, from) = (offer.id, &offer.to, offer.from.label());
    let (at, until) = (known.time(offer.at), known.time(offer.until));
    Some(format!("handover {id}: offered to {to}, signed by {from} {at}; {to} has not signed; ends {until}"))
}

fn open_alert(known: &Known<'_>, alert: &Alert) -> String {
    let mut words = format!("{} {}", alert.priority.mark(), condition(alert, known.ward));
    let mut say = |text: String| {
        words.push_str(", ");
        words.push_str(&text);
    };
    say(format!("{} since {}", alert.priority, known.time(alert.since)));
    match alert.condition {
        Condition::Absent => say("over, not seen".to_owned()),
        Condition::Inop { .. } => say("cannot be judged now".to_owned()),
        Condition::Present => {}
    }
    if alert.level > FIRST_LEVEL {
        say(format!("level {}", alert.level));
    }
    match &alert.response {
        Response::Accepted { by, .. } if alert.signal == Signal::Ack => {
            say(format!("acknowledged, with {}", by.label()));
        }
        Response::Accepted { by, .. } => say(format!("with {}", by.label())),
        Response::Declined { by, .. } => say(format!("{} cannot come", by.label())),
        _ => say("nobody has answered".to_owned()),
    }
    if let Some(kind) = alert.inactivation.kind() {
        say(kind.words().to_owned());
    }
    words
}

fn news2(known: &Known<'_>) -> String {
    let Some(score) = known.news2().filter(|score| !score.parts.is_empty()) else {
        return known
            .news2()
            .map_or_else(|| "NEWS2: not made yet".to_owned(), |score| format!("NEWS2: {}", score.words()));
    };
    let risk = score.risk_words().map_or_else(String::new, |risk| format!(" ({risk})"));
    let basis = if score.basis == ScoreBasis::Charted { "charted" } else { "derived" };
    let part = |part: &ScorePart| {
        let points = part.points.map_or_else(|| "missing".to_owned(), |points| points.to_string());
        format!("{} {points}", part.item.label())
    };
    let parts: Vec<String> = score.parts.iter().map(part).collect();
    format!("NEWS2 {}{risk}, {basis}, the same since {}: {}", score.words(), known.time(score.at), parts.join(", "))
}
