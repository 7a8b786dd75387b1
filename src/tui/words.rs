//! The same words on every screen, report and line.

pub mod chart;
pub mod devices;
pub mod limits;
pub mod ops;
pub mod report;
pub mod rota;

pub use crate::protocol::words::{
    bed_label, clock_minutes, condition, condition_name, condition_told, day, lasting, pause_kind, pause_what,
};
use crate::{
    domain::{
        Alert, AlertClass, Condition, ConditionCode, EmergencyOpened, Handover, HandoverEnd, Inactivation, InopReason,
        LoginName, Marks, Millis, PatientId, Pause, PauseEnd, PauseKind, Priority, Quality, Response, ScoreKind,
        ScorePart, ScoreRisk, ScoreValue, Side, Signal, Timestamp, alert::FIRST_LEVEL,
    },
    predict::TrendDirection,
    protocol::{PatientView, WardView},
};
use chrono::Offset;
use chrono_tz::Tz;

/// What marks on the screen mean, for the help.
pub const LEGEND: [(&str, &str); 15] = [
    ("***  **  *", "high, medium, low alert that nobody has acknowledged"),
    ("?", "technical alert, or a value that could not be measured"),
    ("✓", "acknowledged, and by whom"),
    ("↥2 in 0:43", "level 2 is asked in 43 s if nobody answers; ↥2 alone: it has been asked"),
    ("z 02:41", "quiet for that long: paused or snoozed; off, standby: so too"),
    ("mute 01:30", "without sound for that long"),
    ("held", "the condition was so when it could last be judged"),
    ("12s  02:58", "age of a late value; time of one taken now and then"),
    ("97↑  97↓", "rises, falls: certain by the last hour, and it matters"),
    ("97~", "doubtful; the patient's page says why. 04~: the bed has old values"),
    ("04!", "a limit of the bed is wider than usual; the patient's page says which"),
    ("struck out", "too old to stand for the present"),
    ("–", "never measured; with ? the device could not measure it"),
    ("▂▃▄▅▆▇", "the last hour, from the low limit to the high limit"),
    ("▁  █", "below the low limit, above the high limit"),
];

/// As [`condition`], with the newest value in the place of the one that moved the alert: `SpO2 55 < 80`; if that is no longer
/// beyond the limit, `SpO2 91, was < 90`.
#[must_use]
pub fn condition_now(alert: &Alert, ward: &WardView) -> String {
    if let (ConditionCode::Score(kind), Condition::Present) = (alert.key.code, alert.condition)
        && let Some(text) = score_now(alert, kind, ward)
    {
        return text;
    }
    let (ConditionCode::Limit(vital, side), Condition::Present, Some(limit)) =
        (alert.key.code, alert.condition, alert.limit)
    else {
        return condition(alert, ward);
    };
    let patient = alert.key.patient.as_ref().and_then(|p| ward.patients.get(p));
    let newest = patient.and_then(|p| p.vitals.get(&vital));
    let newest = newest.filter(|v| v.confirmed && v.quality == Quality::Valid && v.observed_at >= alert.since);
    let (Some(newest), Some(info)) = (newest, ward.info(vital)) else { return condition(alert, ward) };
    let (value, shown, label) = (newest.value, info.format(newest.value), &info.label);
    let (sign, beyond) = match side {
        Side::Low => ('<', value < limit),
        Side::High => ('>', value > limit),
    };
    let limit = info.format(limit);
    if beyond { format!("{label} {shown} {sign} {limit}") } else { format!("{label} {shown}, was {sign} {limit}") }
}

/// What a score amounts to now: `NEWS2 9 ≥ 7`, of an incomplete one `NEWS2 at least 12`.
fn score_now(alert: &Alert, kind: ScoreKind, ward: &WardView) -> Option<String> {
    let newest = ward.patients.get(alert.key.patient.as_ref()?)?.scores.get(&kind)?;
    match newest.value {
        ScoreValue::Complete { total } if total >= alert.limit? => Some(format!("{kind} {total} ≥ {}", alert.limit?)),
        ScoreValue::Complete { total } if newest.risk == Some(ScoreRisk::LowMedium) => {
            Some(format!("{kind} {total}, a 3 in one part"))
        }
        ScoreValue::Complete { total } => Some(format!("{kind} {total}, was ≥ {}", alert.limit?)),
        ScoreValue::Incomplete { least, .. } => Some(format!("{kind} at least {}", least?)),
        ScoreValue::NotApplicable { .. } => None,
    }
}

/// The mark of an alert that survives grey and small terminals: `***`, `**`, `*`, or `?` if it is technical; but a
/// technical one of high priority is as urgent as any other.
#[must_use]
pub const fn mark(alert: &Alert) -> &'static str {
    if is_technical_only(alert) { "?" } else { alert.priority.mark() }
}

/// Whether an alert counts as technical: about equipment, and not of high priority.
#[must_use]
pub const fn is_technical_only(alert: &Alert) -> bool {
    matches!(alert.class, AlertClass::Technical) && !matches!(alert.priority, Priority::High)
}

/// Where an alert stands, in a word or two: `new`, `over, not seen`, `held: probe off`, `ack a.meyer`.
#[must_use]
pub fn state(alert: &Alert) -> String {
    if let Some(kind) = alert.inactivation.kind() {
        return kind.words().to_owned();
    }
    if let Response::Accepted { by, .. } = &alert.response {
        return format!("✓ {}", by.label());
    }
    match (alert.signal, alert.condition) {
        (Signal::Latch, _) => "over, not seen".to_owned(),
        (_, Condition::Inop { reason }) => format!("held: {}", inop(reason)),
        (Signal::Ack, _) => "✓".to_owned(),
        _ => "open".to_owned(),
    }
}

/// Where an alert stands, piece by piece, the most important first: how long it is quiet, its level and when the next
/// one is asked, who deals with it, who is asked, and the newest comment.
#[must_use]
pub fn standing(alert: &Alert, now: Timestamp) -> Vec<String> {
    let mut pieces = Vec::new();
    if let Inactivation::Paused { kind, until, .. } = alert.inactivation {
        pieces.push(format!("{} {}", pause_mark(kind), countdown(until.since(now))));
    }
    if let Response::Accepted { by, .. } = &alert.response {
        let mark = if alert.signal == Signal::Ack { "✓" } else { "coming:" };
        pieces.push(format!("{mark} {}", by.label()));
    } else {
        pieces.extend(level(alert, now));
    }
    match (alert.signal, alert.condition) {
        (Signal::Latch, _) => pieces.push("over, not seen".to_owned()),
        (Signal::Ack, Condition::Inop { .. }) => pieces.push("held".to_owned()),
        (_, Condition::Inop { reason }) => pieces.push(format!("held: {}", inop(reason))),
        (Signal::Ack, _) if !alert.is_answered() => pieces.push("✓".to_owned()),
        _ => {}
    }
    match &alert.response {
        Response::Declined { by, .. } => pieces.push(format!("{} cannot come", by.label())),
        Response::Notified { to } | Response::Escalated { to, .. } if !to.is_empty() => {
            pieces.push(format!("asked: {}", names(to)));
        }
        _ => {}
    }
    if pieces.is_empty() {
        pieces.push("open".to_owned());
    }
    if let Some(comment) = &alert.comment {
        pieces.push(format!("\"{}\" {}", comment.text, comment.by.label()));
    }
    pieces
}

/// The level that an alert has reached, and when the next one is asked: `↥2 in 0:43`, `↥2, ↥3 in 0:43`, `↥4`.
fn level(alert: &Alert, now: Timestamp) -> Option<String> {
    let reached = (alert.level > FIRST_LEVEL).then(|| format!("↥{}", alert.level));
    let next = alert.escalates_at.map(|at| format!("↥{} in {}", alert.level.saturating_add(1), lasting(at.since(now))));
    match (reached, next) {
        (Some(reached), Some(next)) => Some(format!("{reached}, {next}")),
        (reached, next) => reached.or(next),
    }
}

fn names(of: &[LoginName]) -> String {
    of.iter().map(LoginName::as_str).collect::<Vec<_>>().join(", ")
}

/// The mark of what makes an alert quiet: `z` paused, `mute` without sound, `off`, `standby`.
#[must_use]
pub const fn pause_mark(kind: PauseKind) -> &'static str {
    match kind {
        PauseKind::AlarmPaused => "z",
        PauseKind::AudioPaused | PauseKind::AudioOff => "mute",
        PauseKind::AlarmOff => "off",
        PauseKind::Standby => "standby",
    }
}

/// That an alert asks for nothing now, in the least room: `✓` acknowledged, or what makes it quiet; else empty.
#[must_use]
pub fn calm_mark(alert: &Alert) -> &'static str {
    match alert.inactivation.kind() {
        Some(kind) if alert.inactivation.is_silent() => pause_mark(kind),
        _ if alert.is_unacknowledged() => "",
        _ => "✓",
    }
}

/// What a pause makes quiet, in words: `bed 04 Okafor: SpO2 low snoozed`.
#[must_use]
pub fn pause_about(pause: &Pause, ward: &WardView) -> String {
    let patient = pause.scope.patient();
    let bed = patient.and_then(|p| ward.patients.get(p)).map(|p| bed_label(ward, &p.bed));
    let who = bed.map_or_else(String::new, |bed| format!("bed {bed} {}: ", name_of(ward, patient)));
    let what = pause_what(pause, ward);
    // The word for the sound says what is paused already.
    let kind = if pause.kind.is_audio() && what.contains("sound") { "paused" } else { pause_kind(pause) };
    format!("{who}{what} {kind}")
}

/// A pause in a sentence without marks: `bed 04 Okafor: SpO2 low snoozed by a.meyer, ends in 14:20`.
#[must_use]
pub fn pause_sentence(pause: &Pause, ward: &WardView, now: Timestamp) -> String {
    let left = lasting(pause.until.since(now));
    let end = match pause.waits_to_last {
        Some(_) => format!("asked for by {}, WAITS FOR A SECOND PERSON for {left}", pause.by.label()),
        None => {
            let second = pause.confirmed_by.as_ref().map_or_else(String::new, |by| format!(" and {}", by.label()));
            format!("by {}{second}, ends in {left}", pause.by.label())
        }
    };
    let reason = pause.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    format!("{} {end}{reason}", pause_about(pause, ward))
}

/// Why a pause is over, in words.
#[must_use]
pub fn pause_end(end: &PauseEnd) -> String {
    match end {
        PauseEnd::Expired => "its time is over".to_owned(),
        PauseEnd::Cancelled { by } => format!("ended by {}", by.label()),
        PauseEnd::Replaced => "another took its place".to_owned(),
        PauseEnd::Discharged => "the patient left".to_owned(),
        PauseEnd::Resumed => "data came back".to_owned(),
        PauseEnd::Worsened => "it became worse".to_owned(),
    }
}

/// An offer in a sentence: `handover 2: anna offers 3 patients to ben`.
#[must_use]
pub fn handover_offered(handover: &Handover) -> String {
    let (id, from, to, count) = (handover.id, handover.from.label(), &handover.to, handover.patients.len());
    format!("handover {id}: {from} offers {count} {} to {to}", if count == 1 { "patient" } else { "patients" })
}

/// What is said of a patient who was opened in an emergency: the bed, who, why and until when.
#[must_use]
pub fn emergency_opened(patient: &PatientId, opened: &EmergencyOpened, ward: &WardView) -> String {
    let bed = ward.patients.get(patient).map_or("–", |p| bed_label(ward, &p.bed));
    let until = clock_minutes(opened.until, ward.ward.time_zone);
    format!(
        "EMERGENCY ACCESS: {} of another ward opened bed {bed} until {until} ({}); it waits to be judged",
        opened.user, opened.reason
    )
}

/// Why an offer is over, in words.
#[must_use]
pub fn handover_end(end: &HandoverEnd) -> String {
    match end {
        HandoverEnd::Declined { by, reason } => format!("not taken by {}: {reason}", by.label()),
        HandoverEnd::Withdrawn { by } => format!("withdrawn by {}", by.label()),
        HandoverEnd::Expired => "nobody answered in time".to_owned(),
        HandoverEnd::Empty => "its patients have left".to_owned(),
    }
}

/// The time left until an end: `02:41`, `3:10:00`.
#[must_use]
pub fn countdown(left: Millis) -> String {
    let text = lasting(left);
    if text.len() == "2:41".len() { format!("0{text}") } else { text }
}

/// Who is asked to come: `asked: a.meyer`, `level 2 asked: charge`.
#[must_use]
pub fn asked(alert: &Alert) -> String {
    let (level, to) = match &alert.response {
        Response::Notified { to } => (None, to),
        Response::Escalated { level, to } => (Some(level), to),
        _ => return state(alert),
    };
    let to = if to.is_empty() { "whoever is there".to_owned() } else { names(to) };
    level.map_or_else(|| format!("asked: {to}"), |level| format!("level {level} asked: {to}"))
}

/// The scores of a patient in a line: `NEWS2 5 of 7, between 4 and 9: RR 2, SpO2 1 · CART 12 · SI 0.60`. A score without any
/// known part is left out.
#[must_use]
pub fn scores(patient: &PatientView) -> String {
    let known = patient.scores.values().filter(|score| !score.parts.is_empty());
    let said = known.map(|score| {
        let mut text = format!("{} {}", score.kind, score.words());
        if score.kind == ScoreKind::News2 {
            let points = |p: &&ScorePart| p.points.is_some_and(|points| points > 0);
            let part = |p: &ScorePart| format!("{} {}", p.item.label(), p.points.unwrap_or_default());
            let parts: Vec<String> = score.parts.iter().filter(points).map(part).collect();
            if !parts.is_empty() {
                text.push_str(&format!(": {}", parts.join(", ")));
            }
        }
        text
    });
    said.collect::<Vec<_>>().join(" · ")
}

const fn inop(reason: InopReason) -> &'static str {
    match reason {
        InopReason::NotMeasured => "not measured",
        InopReason::OutOfRange => "not believable",
        InopReason::Stale => "no new values",
        InopReason::DeviceLost => "device lost",
        InopReason::Awaiting => "awaiting data",
    }
}

/// The label of the bed of an alert; `–` if it is about none.
#[must_use]
pub fn bed_of<'a>(alert: &'a Alert, ward: &'a WardView) -> &'a str {
    let bed = alert.key.patient.as_ref().and_then(|p| ward.patients.get(p)).map(|p| &p.bed).or(alert.bed.as_ref());
    bed.map_or("–", |bed| bed_label(ward, bed))
}

/// The name of a patient as far as it may be seen; else the word `patient`.
#[must_use]
pub fn name_of<'a>(ward: &'a WardView, patient: Option<&PatientId>) -> &'a str {
    let Some(patient) = patient.and_then(|p| ward.patients.get(p)) else { return "" };
    let name = patient.patient.name.as_str();
    if name.is_empty() { "•••" } else { name }
}

/// Which way a value goes.
#[must_use]
pub const fn heading(direction: TrendDirection) -> &'static str {
    match direction {
        TrendDirection::Up => "rising",
        TrendDirection::Down => "falling",
    }
}

/// What is doubtful about a value: `does not vary, heart rate and pulse differ`; empty if nothing is.
#[must_use]
pub fn doubts(marks: Marks) -> String {
    const WORDS: [(Marks, &str); 5] = [
        (Marks::JUMP, "far from the value before"),
        (Marks::FLATLINE, "does not vary"),
        (Marks::DISAGREES, "heart rate and pulse differ"),
        (Marks::DAMPED, "pressures do not fit together"),
        (Marks::CUFF, "cuff on the same arm?"),
    ];
    let said: Vec<&str> = WORDS.into_iter().filter(|(mark, _)| marks.has(*mark)).map(|(_, words)| words).collect();
    said.join(", ")
}

/// A number with its thousands set apart: `1,203,442`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// An age in at most 4 characters: `4s`, `12m`, `3h`, `2d`.
#[must_use]
pub fn age(age: Millis) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..=99 => format!("{seconds}s"),
        100..=5_999 => format!("{}m", seconds / 60),
        6_000..=359_999 => format!("{}h", seconds / 3600),
        _ => format!("{}d", (seconds / 86_400).min(999)),
    }
}

/// A time of day in the ward's time zone: `03:12:45`.
#[must_use]
pub fn clock(at: Timestamp, zone: Tz) -> String {
    at.utc().with_timezone(&zone).format("%H:%M:%S").to_string()
}

/// The time zone as it is at that moment: its abbreviation and its offset, such as `CEST +02:00`.
#[must_use]
pub fn zone(at: Timestamp, zone: Tz) -> String {
    let local = at.utc().with_timezone(&zone);
    let (name, offset) = (local.format("%Z").to_string(), local.offset().fix());
    if name.starts_with(['+', '-']) || name == "UTC" { name } else { format!("{name} {offset}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(0, "0")]
    #[case(999, "999")]
    #[case(1_000, "1,000")]
    #[case(1_203_442, "1,203,442")]
    fn thousands_stand_apart(#[case] number: u64, #[case] text: &str) {
        assert_eq!(thousands(number), text);
    }

    #[rstest]
    #[case(0, "0s", "0:00")]
    #[case(99, "99s", "1:39")]
    #[case(100, "1m", "1:40")]
    #[case(5_999, "99m", "1:39:59")]
    #[case(6_000, "1h", "1:40:00")]
    #[case(86_400 * 4 + 3_600 * 5, "4d", "101:00:00")]
    fn ages_are_short(#[case] seconds: i64, #[case] short: &str, #[case] long: &str) {
        assert_eq!(age(Millis::from_secs(seconds)), short);
        assert_eq!(lasting(Millis::from_secs(seconds)), long);
    }

    #[rstest]
    #[case::higher(ScoreValue::Complete { total: 9.0 }, "NEWS2 9 ≥ 7")]
    #[case::lower(ScoreValue::Complete { total: 6.0 }, "NEWS2 6, was ≥ 7")]
    #[case::at_least(ScoreValue::Incomplete { least: Some(12.0), greatest: Some(14.0) }, "NEWS2 at least 12")]
    #[case::unknown(ScoreValue::NotApplicable { why: "under 16".into() }, "NEWS2 7 ≥ 7")]
    fn an_alert_of_a_score_tells_the_score_of_now(#[case] value: ScoreValue, #[case] told: &str) {
        let (kind, at) = (ScoreKind::News2, crate::tui::testing::t0());
        let mut view = crate::tui::testing::ward12();
        let mut alert = crate::tui::testing::alert(1, 4, ConditionCode::Score(kind), Priority::Medium, 60);
        (alert.value, alert.limit) = (Some(7.0), Some(7.0));
        let basis = crate::domain::ScoreBasis::Derived;
        let score = crate::domain::ScoreResult { kind, value, parts: Vec::new(), risk: None, basis, at };
        let patient = view.patients.get_mut(alert.key.patient.as_ref().unwrap()).unwrap();
        patient.scores.insert(kind, score);
        assert_eq!(condition_now(&alert, &view), told);
        alert.condition = Condition::Inop { reason: InopReason::Stale };
        assert_eq!(condition_now(&alert, &view), "NEWS2 7 ≥ 7", "what is held is as it was");
    }

    #[test]
    fn a_pause_names_both_who_answer_for_it() {
        use crate::domain::{Actor, PauseId, PauseScope, Role};
        let at = crate::tui::testing::t0();
        let by = |name: &str, role| Actor::User {
            user: name.parse().unwrap(),
            name: name.into(),
            role,
            session: "s".parse().unwrap(),
        };
        let code = "spo2.low".parse().unwrap();
        let mut pause = Pause {
            id: PauseId(1),
            kind: PauseKind::AlarmOff,
            scope: PauseScope::Condition { patient: "p4".parse().unwrap(), code },
            since: at,
            until: at + Millis::from_mins(5),
            by: by("carla", Role::Charge),
            reason: None,
            covers: Priority::High,
            announced: 0,
            confirmed_by: None,
            waits_to_last: None,
        };
        let view = crate::tui::testing::ward12();
        assert!(pause_sentence(&pause, &view, at).ends_with("alarm off, high too by carla, ends in 5:00"));
        pause.confirmed_by = Some(by("dora", Role::Doctor));
        assert!(pause_sentence(&pause, &view, at).ends_with("alarm off, high too by carla and dora, ends in 5:00"));
    }

    #[rstest]
    #[case("2026-03-29T00:59:59Z", "01:59:59", "CET +01:00")]
    #[case("2026-03-29T01:00:00Z", "03:00:00", "CEST +02:00")]
    #[case("2026-10-25T00:30:00Z", "02:30:00", "CEST +02:00")]
    #[case("2026-10-25T01:30:00Z", "02:30:00", "CET +01:00")]
    fn the_clock_is_the_wards_over_daylight_saving_changes(#[case] at: &str, #[case] shown: &str, #[case] named: &str) {
        let (at, tz) = (at.parse().unwrap(), Tz::Europe__Berlin);
        assert_eq!(clock(at, tz), shown);
        assert_eq!(zone(at, tz), named);
    }

    #[test]
    fn the_time_zone_is_named_as_well_as_it_can_be() {
        let at = "2026-03-01T00:00:00Z".parse().unwrap();
        assert_eq!(zone(at, Tz::UTC), "UTC");
        assert_eq!(zone(at, Tz::America__Sao_Paulo), "-03");
    }
}
