//! The report of a ward's alerts, for people.

use crate::{
    domain::{Millis, Priority, event::SuppressedBy},
    protocol::alert_report::{AlertReport, Durations, KindCount},
};
use std::fmt;

/// `1:05`, `2:03:09`.
fn clock(span: Millis) -> String {
    let s = span.as_secs();
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

impl fmt::Display for AlertReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} · {} to {} · {} patients, {:.2} bed-days\n",
            self.ward, self.from, self.to, self.patients, self.bed_days
        )?;
        write_kinds(f, self)?;
        writeln!(f, "\ntechnical: {} of them, {:.0} %", self.technical, self.technical_share() * 100.0)?;
        for (what, durations) in [("acknowledged", &self.acknowledge), ("answered", &self.response)] {
            write_durations(f, what, durations)?;
        }
        if let Some(longest) = &self.longest_wait {
            let bed = longest.bed.as_deref().unwrap_or("–");
            let (code, priority, at, waited) =
                (&longest.code, longest.priority, longest.raised_at, clock(longest.waited));
            writeln!(f, "longest without acknowledgement: {waited}, {bed}, {code} {priority}, raised {at}")?;
        }
        let talkers = self.talkers.iter().map(|t| format!("{} {}", t.bed, t.alerts));
        writeln!(f, "most alerts by bed: {}", talkers.collect::<Vec<_>>().join(", "))?;
        writeln!(f, "the tenth of the patients with most alerts had {:.0} % of them", self.top_tenth_share * 100.0)?;
        let hours: Vec<String> = self.by_hour.iter().map(u64::to_string).collect();
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
