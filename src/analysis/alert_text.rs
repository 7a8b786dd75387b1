//! The report of a ward's alerts, for people.

use crate::{
    domain::{Millis, Priority, event::SuppressedBy},
    protocol::{
        alert_report::{AlertReport, Durations, KindCount},
        words::{clock_minutes, day},
    },
};
use chrono_tz::Tz;
use std::fmt;

/// `1:05`, `2:03:09`.
fn clock(span: Millis) -> String {
    let s = span.as_secs();
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

/// The report as text for people, with times of day where the ward is.
#[derive(Debug, Clone, Copy)]
pub struct AlertReportText<'a> {
    /// The report.
    pub report: &'a AlertReport,
    /// The ward's time zone.
    pub zone: Tz,
}

impl fmt::Display for AlertReportText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { report, zone } = *self;
        let minute = |at| format!("{} {}", day(at, zone), clock_minutes(at, zone));
        writeln!(
            f,
            "{} · {} to {} ({zone}) · {} patients, {:.2} bed-days\n",
            report.ward,
            minute(report.from),
            minute(report.to),
            report.patients,
            report.bed_days
        )?;
        write_kinds(f, report)?;
        writeln!(f, "\ntechnical: {} of them, {:.0} %", report.technical, report.technical_share() * 100.0)?;
        for (what, durations) in [("acknowledged", &report.acknowledge), ("answered", &report.response)] {
            write_durations(f, what, durations)?;
        }
        if let Some(longest) = &report.longest_wait {
            let bed = longest.bed.as_deref().unwrap_or("–");
            let (code, priority) = (&longest.code, longest.priority);
            let (at, waited) = (minute(longest.raised_at), clock(longest.waited));
            writeln!(f, "longest without acknowledgement: {waited}, {bed}, {code} {priority}, raised {at}")?;
        }
        let talkers = report.talkers.iter().map(|t| format!("{} {}", t.bed, t.alerts));
        writeln!(f, "most alerts by bed: {}", talkers.collect::<Vec<_>>().join(", "))?;
        writeln!(f, "the tenth of the patients with most alerts had {:.0} % of them", report.top_tenth_share * 100.0)?;
        let hours: Vec<String> = report.by_hour.iter().map(u64::to_string).collect();
        writeln!(f, "by hour of the day from 0: {}", hours.join(" "))
    }
}

fn write_kinds(f: &mut fmt::Formatter<'_>, report: &AlertReport) -> fmt::Result {
    write!(f, "{:<22}{:>7}{:>12}{:>6}{:>8}{:>6}", "", "alerts", "per bed-day", "high", "medium", "low")?;
    write!(f, "{:>10}{:>7}{:>6}{:>11} |{:>11}", "returned", "worse", "ack", "escalated", "hysteresis")?;
    for cause in SuppressedBy::ALL {
        write!(f, "{:>9}", cause.as_str())?;
    }
    writeln!(f)?;
    let total = report.total();
    for (name, kind) in report.kinds.iter().map(|(name, kind)| (name.as_str(), kind)).chain([("all", &total)]) {
        write_kind(f, report, name, kind)?;
    }
    writeln!(f, "right of the line: violations that raised no alert of their own, by cause")
}

fn write_kind(f: &mut fmt::Formatter<'_>, report: &AlertReport, name: &str, kind: &KindCount) -> fmt::Result {
    let per_day = report.per_bed_day(kind.raised).map_or_else(|| "–".to_owned(), |rate| format!("{rate:.1}"));
    let of = |priority: Priority| kind.by_priority.get(&priority).copied().unwrap_or_default();
    let (high, medium, low) = (of(Priority::High), of(Priority::Medium), of(Priority::Low));
    write!(f, "{name:<22}{:>7}{per_day:>12}{high:>6}{medium:>8}{low:>6}", kind.raised)?;
    let KindCount { returned, worsened, acknowledged, escalated, hysteresis, .. } = kind;
    write!(f, "{returned:>10}{worsened:>7}{acknowledged:>6}{escalated:>11} |{hysteresis:>11}")?;
    for cause in SuppressedBy::ALL {
        write!(f, "{:>9}", kind.suppressed.get(&cause).copied().unwrap_or_default())?;
    }
    writeln!(f)
}

fn write_durations(f: &mut fmt::Formatter<'_>, what: &str, d: &Durations) -> fmt::Result {
    write!(f, "{what}: {}", d.count)?;
    if d.count > 0 {
        let (median, p90, longest) = (clock(d.median), clock(d.p90), clock(d.longest));
        write!(f, ", median {median}, 90 % within {p90}, longest {longest}")?;
    }
    writeln!(f, "; never {}, still waiting {}", d.never, d.waiting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::Timestamp, protocol::alert_report::LongestWait};

    #[test]
    fn times_are_those_of_the_ward_to_the_minute() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let longest_wait = LongestWait {
            bed: Some("04".into()),
            code: "spo2.low".into(),
            priority: Priority::High,
            raised_at: at("2026-03-01T02:12:45.678Z"),
            waited: Millis::from_secs(65),
        };
        let report = AlertReport {
            ward: "3 East".into(),
            from: at("2026-02-28T23:30:00Z"),
            to: at("2026-03-01T23:30:59.999Z"),
            longest_wait: Some(longest_wait),
            ..AlertReport::default()
        };
        let text = AlertReportText { report: &report, zone: Tz::Europe__Berlin }.to_string();
        assert!(text.starts_with("3 East · 2026-03-01 00:30 to 2026-03-02 00:30 (Europe/Berlin) · "), "{text}");
        assert!(text.contains("1:05, 04, spo2.low high, raised 2026-03-01 03:12\n"), "{text}");
    }
}
