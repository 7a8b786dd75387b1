//! Words for what a ward's view holds: the same on every screen, report and line.

use super::view::WardView;
use crate::domain::{
    Alert, BedId, Condition, ConditionCode, DeviceId, Millis, Pause, PauseKind, PauseScope, Priority, Side,
    SystemFault, Timestamp,
};
use chrono_tz::Tz;

/// What an alert is about: `SpO2 81 < 85`, once it is over `SpO2 < 85`, `HR not measured`, `no data from the device`.
#[must_use]
pub fn condition(alert: &Alert, ward: &WardView) -> String {
    let label = |vital| ward.info(vital).map_or_else(|| format!("{vital}"), |info| info.label.to_string());
    match alert.key.code {
        ConditionCode::Limit(vital, side) => {
            let show = |value: Option<f64>| {
                value.map_or_else(|| "?".to_owned(), |v| ward.info(vital).map_or(v.to_string(), |i| i.format(v)))
            };
            let sign = if side == Side::Low { '<' } else { '>' };
            // The last value of what is over is one that is well again.
            let value =
                if alert.condition == Condition::Absent { String::new() } else { format!("{} ", show(alert.value)) };
            format!("{} {value}{sign} {}", label(vital), show(alert.limit))
        }
        ConditionCode::Score(kind) => {
            let total = alert.value.map_or_else(|| "?".to_owned(), |value| format!("{value}"));
            let gone = alert.condition == Condition::Absent;
            format!("{kind} {}≥ {}", if gone { String::new() } else { format!("{total} ") }, alert.limit.unwrap_or(5.0))
        }
        ConditionCode::DeviceAlert(code) => {
            let said = alert.reported.as_ref().map(|said| said.text.as_str()).filter(|text| !text.is_empty());
            let device = alert.key.device.as_ref().map_or("device", DeviceId::as_str);
            format!("{} (says {device})", said.unwrap_or(code.as_str()))
        }
        code => condition_name(code, ward),
    }
}

/// What an alert is about, with what more is known of it: `gap in the rota: no nurse for 4, 7`.
#[must_use]
pub fn condition_told(alert: &Alert, ward: &WardView) -> String {
    let condition = condition(alert, ward);
    match alert.detail.as_deref() {
        Some(detail) if detail != condition => format!("{condition}: {detail}"),
        _ => condition,
    }
}

/// What a condition is called without its numbers: `SpO2 low`, `no data from the device`.
#[must_use]
pub fn condition_name(code: ConditionCode, ward: &WardView) -> String {
    let label = |vital| ward.info(vital).map_or_else(|| format!("{vital}"), |info| info.label.to_string());
    match code {
        ConditionCode::Limit(vital, side) => {
            format!("{} {}", label(vital), if side == Side::Low { "low" } else { "high" })
        }
        ConditionCode::NotMeasured(vital) => format!("{} not measured", label(vital)),
        ConditionCode::Stale(vital) => format!("{} no new values", label(vital)),
        ConditionCode::Flatline(vital) => format!("{} does not vary", label(vital)),
        ConditionCode::DeviceLost => "no data from the device".to_owned(),
        ConditionCode::Conflict => "device contradicts itself".to_owned(),
        ConditionCode::WrongPatient => "device names another patient".to_owned(),
        ConditionCode::Score(kind) => format!("{kind} high"),
        ConditionCode::RotaGap => "gap in the rota".to_owned(),
        ConditionCode::BatteryLow => "the device's battery is low".to_owned(),
        ConditionCode::ClockSkew => "the device's clock is wrong".to_owned(),
        ConditionCode::GatewayLost => "no data from the gateway".to_owned(),
        ConditionCode::DeviceAlert(code) => format!("device alert {code}"),
        ConditionCode::NoWatcher => "no terminal watches the ward".to_owned(),
        ConditionCode::System(SystemFault::StoreFailed) => "NOTHING IS RECORDED".to_owned(),
        ConditionCode::System(SystemFault::DiskNearlyFull) => "the server's disk is nearly full".to_owned(),
        ConditionCode::System(SystemFault::ClockStepped) => "the server's clock stepped".to_owned(),
        ConditionCode::System(SystemFault::AuditChanged) => "THE AUDIT TRAIL WAS CHANGED".to_owned(),
        ConditionCode::System(SystemFault::NotifyFailed) => "messages do not get out".to_owned(),
        ConditionCode::System(SystemFault::MappingWrong) => "a mapping is wrong".to_owned(),
        ConditionCode::System(SystemFault::SourceLost) => "a source of data is not reached".to_owned(),
        ConditionCode::System(SystemFault::SyslogBehind) => "the audit trail is not delivered".to_owned(),
        ConditionCode::System(SystemFault::CertificateEnds) => "the server's certificate ends".to_owned(),
        ConditionCode::System(SystemFault::PolicyNotMet) => "a policy is not met".to_owned(),
        ConditionCode::System(SystemFault::ReviewsOverdue) => "an emergency waits to be judged".to_owned(),
    }
}

/// What a pause is about, without bed and name: `SpO2 low`, `all alarms`, `sound`.
#[must_use]
pub fn pause_what(pause: &Pause, ward: &WardView) -> String {
    match &pause.scope {
        PauseScope::Condition { code, .. } => condition_name(*code, ward),
        PauseScope::Patient { .. } if pause.kind.is_audio() => "sound".to_owned(),
        PauseScope::Patient { .. } => "all alarms".to_owned(),
        PauseScope::Ward => "the sound of the ward".to_owned(),
    }
}

/// How a pause makes quiet, in words: `snoozed`, `paused`, `sound paused`, `off, high too`.
#[must_use]
pub const fn pause_kind(pause: &Pause) -> &'static str {
    match (pause.kind, &pause.scope) {
        (PauseKind::AlarmPaused, PauseScope::Condition { .. }) => "snoozed",
        (PauseKind::AlarmOff, _) if matches!(pause.covers, Priority::High) => "alarm off, high too",
        (kind, _) => kind.words(),
    }
}

/// The label of a bed.
#[must_use]
pub fn bed_label<'a>(ward: &'a WardView, bed: &'a BedId) -> &'a str {
    ward.beds.get(bed).map_or(bed.as_str(), |bed| bed.label.as_str())
}

/// How long something has lasted: `0:42`, `12:05`, `3:10:00`.
#[must_use]
pub fn lasting(span: Millis) -> String {
    let seconds = span.as_secs().max(0);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A time of day to the minute in the ward's time zone: `03:12`.
#[must_use]
pub fn clock_minutes(at: Timestamp, zone: Tz) -> String {
    at.utc().with_timezone(&zone).format("%H:%M").to_string()
}

/// The day in the ward's time zone: `2026-03-01`.
#[must_use]
pub fn day(at: Timestamp, zone: Tz) -> String {
    at.utc().with_timezone(&zone).format("%Y-%m-%d").to_string()
}
