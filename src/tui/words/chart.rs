//! Words for what people chart.

use super::clock_minutes;
use crate::domain::{Chart, Charted, Consciousness, Oxygen, Spo2Scale, Timestamp};
use chrono_tz::Tz;

/// A level of consciousness.
#[must_use]
pub const fn level(level: Consciousness) -> &'static str {
    match level {
        Consciousness::Alert => "A alert",
        Consciousness::Confusion => "C new confusion",
        Consciousness::Voice => "V reacts to voice",
        Consciousness::Pain => "P reacts to pain",
        Consciousness::Unresponsive => "U does not react",
    }
}

/// Oxygen: `on air`, `oxygen 2 L/min`, `high flow 40 L/min 50 %`.
#[must_use]
pub fn oxygen(oxygen: &Oxygen) -> String {
    if !oxygen.given {
        return "on air".to_owned();
    }
    let how = if oxygen.high_flow { "high flow" } else { "oxygen" };
    let flow = oxygen.flow.map(|flow| format!(" {flow} L/min"));
    let fraction = oxygen.fio2.map(|fraction| format!(" {fraction} %"));
    format!("{how}{}{}", flow.unwrap_or_default(), fraction.unwrap_or_default())
}

/// The scale by which the saturation is judged.
#[must_use]
pub const fn scale(scale: Spo2Scale) -> &'static str {
    match scale {
        Spo2Scale::One => "NEWS2 scale 1",
        Spo2Scale::Two => "NEWS2 scale 2",
    }
}

/// Pregnancy.
#[must_use]
pub const fn pregnant(pregnant: bool) -> &'static str {
    if pregnant { "pregnant" } else { "not pregnant" }
}

/// All that is charted, each with when: `A alert 02:10 until 14:10 · oxygen 2 L/min 02:12`; with who, if that is wanted. Empty
/// if nothing is.
#[must_use]
pub fn all(chart: &Chart, now: Timestamp, zone: Tz, with_who: bool) -> String {
    let mut said = Vec::new();
    if let Some(charted) = &chart.consciousness {
        let known = charted.at(now).map_or("consciousness not known any more:", level);
        said.push(format!("{known} {}", entered(charted, zone, with_who)));
    }
    if let Some(charted) = &chart.oxygen {
        said.push(format!("{} {}", oxygen(&charted.value), entered(charted, zone, with_who)));
    }
    if let Some(charted) = &chart.scale {
        said.push(format!("{} {}", scale(charted.value), entered(charted, zone, with_who)));
    }
    if let Some(charted) = &chart.pregnant {
        said.push(format!("{} {}", pregnant(charted.value), entered(charted, zone, with_who)));
    }
    said.join(" · ")
}

fn entered<T>(charted: &Charted<T>, zone: Tz, with_who: bool) -> String {
    let until = charted.until.map_or_else(String::new, |until| format!(" until {}", clock_minutes(until, zone)));
    let who = if with_who { format!(" {}", charted.by.label()) } else { String::new() };
    format!("{}{until}{who}", clock_minutes(charted.at, zone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Actor, ChartEntry, Millis};

    #[test]
    fn what_no_longer_holds_is_not_told_as_known() {
        let at: Timestamp = "2026-03-01T02:00:00Z".parse().unwrap();
        let mut chart = Chart::default();
        chart.enter(&ChartEntry::Consciousness { level: Consciousness::Alert, span: None }, &Actor::System, at);
        let given = Oxygen { given: true, flow: Some(2.0), ..Oxygen::default() };
        chart.enter(&ChartEntry::Oxygen { oxygen: given }, &Actor::System, at);
        let said = |hours: i64| all(&chart, at + Millis::from_mins(hours * 60), Tz::UTC, false);
        assert_eq!(said(11), "A alert 02:00 until 14:00 · oxygen 2 L/min 02:00");
        assert!(said(12).starts_with("consciousness not known any more: 02:00 until 14:00 · "));
        assert_eq!(all(&Chart::default(), at, Tz::UTC, true), "");
    }
}
