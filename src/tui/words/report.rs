//! The report of a ward's alerts in rows.

use super::{clock_minutes, condition_name, day, lasting};
use crate::{
    domain::{ConditionCode, Priority, event::SuppressedBy},
    protocol::{
        WardView,
        alert_report::{AlertReport, Durations, KindCount},
    },
};

/// Columns of a kind's name.
const KIND: usize = 24;
/// Columns of the longest bar.
const BAR: u64 = 24;
/// Blocks of the bars by hour.
const BLOCKS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// The heads of the columns below.
    Title,
    /// Numbers or words.
    Text,
    /// The sum of the rows above.
    Total,
    /// That there is nothing.
    Dim,
    /// The scale of the bars above.
    Axis,
}

/// A row of the report.
pub type Row = (String, RowKind);

/// The report in rows of at most 79 columns.
#[must_use]
pub fn rows(ward: &WardView, report: &AlertReport) -> Vec<Row> {
    let mut rows = vec![headline(ward, report), (String::new(), RowKind::Text)];
    rows.extend(kinds(ward, report));
    rows.push((String::new(), RowKind::Text));
    rows.extend(suppressed(ward, report));
    rows.push((String::new(), RowKind::Text));
    rows.extend(times(ward, report));
    rows.push((String::new(), RowKind::Text));
    rows.extend(talkers(report));
    rows.push((String::new(), RowKind::Text));
    rows.extend(hours(report));
    rows
}

fn headline(ward: &WardView, report: &AlertReport) -> Row {
    let at = |at| format!("{} {}", day(at, ward.ward.time_zone), clock_minutes(at, ward.ward.time_zone));
    let (patients, days) = (report.patients, report.bed_days);
    let text = format!("{} to {} · {patients} patients, {days:.1} bed-days", at(report.from), at(report.to));
    (text, RowKind::Text)
}

/// What a kind is called: `SpO2 low`; its code if the ward does not know it.
fn kind_name(ward: &WardView, code: &str) -> String {
    let known = code.parse::<ConditionCode>().ok().map(|code| condition_name(code, ward));
    known.unwrap_or_else(|| code.to_owned()).chars().take(KIND - 1).collect()
}

/// The kinds, those with most alerts first.
fn by_count(report: &AlertReport, count: impl Fn(&KindCount) -> u64) -> Vec<(&str, &KindCount)> {
    let mut kinds: Vec<(&str, &KindCount)> =
        report.kinds.iter().map(|(name, kind)| (name.as_str(), kind)).filter(|(_, kind)| count(kind) > 0).collect();
    kinds.sort_by_key(|(name, kind)| (std::cmp::Reverse(count(kind)), *name));
    kinds
}

fn kinds(ward: &WardView, report: &AlertReport) -> Vec<Row> {
    let head = format!(
        "{:<KIND$}{:>7}{:>9}{:>6}{:>7}{:>5}{:>6}{:>7}{:>6}",
        "ALERTS", "all", "/bed-day", "high", "medium", "low", "ack", "escal.", "again"
    );
    let total = report.total();
    let row = |name: &str, kind: &KindCount| {
        let per_day = report.per_bed_day(kind.raised).map_or_else(|| "–".to_owned(), |rate| format!("{rate:.1}"));
        let of = |priority: Priority| kind.by_priority.get(&priority).copied().unwrap_or_default();
        let (high, medium, low) = (of(Priority::High), of(Priority::Medium), of(Priority::Low));
        let KindCount { raised, acknowledged, escalated, returned, .. } = kind;
        format!(
            "{name:<KIND$}{raised:>7}{per_day:>9}{high:>6}{medium:>7}{low:>5}{acknowledged:>6}{escalated:>7}{returned:>6}"
        )
    };
    let mut rows = vec![(head, RowKind::Title)];
    let each = by_count(report, |kind| kind.raised);
    if each.is_empty() {
        rows.push(("no alert was raised".to_owned(), RowKind::Dim));
        return rows;
    }
    rows.extend(each.iter().map(|(name, kind)| (row(&kind_name(ward, name), kind), RowKind::Text)));
    rows.push((row("all", &total), RowKind::Total));
    let share = report.technical_share() * 100.0;
    rows.push((format!("technical: {} of them, {share:.0} %", report.technical), RowKind::Text));
    rows
}

/// Violations that raised no alert of their own, by cause.
fn suppressed(ward: &WardView, report: &AlertReport) -> Vec<Row> {
    let all = |kind: &KindCount| kind.hysteresis + kind.suppressed.values().sum::<u64>();
    let row = |name: &str, kind: &KindCount| {
        let mut text = format!("{name:<KIND$}{:>7}{:>11}", all(kind), kind.hysteresis);
        for cause in SuppressedBy::ALL {
            text.push_str(&format!("{:>9}", kind.suppressed.get(&cause).copied().unwrap_or_default()));
        }
        text
    };
    let mut head = format!("{:<KIND$}{:>7}{:>11}", "RAISED NONE OF THEIR OWN", "all", "hysteresis");
    for cause in SuppressedBy::ALL {
        head.push_str(&format!("{:>9}", cause.as_str()));
    }
    let mut rows = vec![(head, RowKind::Title)];
    let each = by_count(report, all);
    if each.is_empty() {
        rows.push(("no violation was suppressed".to_owned(), RowKind::Dim));
        return rows;
    }
    rows.extend(each.iter().map(|(name, kind)| (row(&kind_name(ward, name), kind), RowKind::Text)));
    rows.push((row("all", &report.total()), RowKind::Total));
    rows
}

fn times(ward: &WardView, report: &AlertReport) -> Vec<Row> {
    let head = format!(
        "{:<KIND$}{:>7}{:>10}{:>10}{:>10}{:>7}{:>9}",
        "ANSWERS", "all", "half in", "90 % in", "longest", "never", "waiting"
    );
    let row = |name: &str, d: &Durations| {
        let time = |span| if d.count == 0 { "–".to_owned() } else { lasting(span) };
        let (half, most, longest) = (time(d.median), time(d.p90), time(d.longest));
        let Durations { count, never, waiting, .. } = d;
        (format!("{name:<KIND$}{count:>7}{half:>10}{most:>10}{longest:>10}{never:>7}{waiting:>9}"), RowKind::Text)
    };
    let mut rows = vec![(head, RowKind::Title)];
    rows.push(row("acknowledged", &report.acknowledge));
    rows.push(row("answered at all", &report.response));
    if let Some(longest) = &report.longest_wait {
        let bed = longest.bed.as_ref().map_or_else(String::new, |bed| format!("bed {bed} "));
        let at = format!(
            "{} {}",
            day(longest.raised_at, ward.ward.time_zone),
            clock_minutes(longest.raised_at, ward.ward.time_zone)
        );
        let (waited, kind) = (lasting(longest.waited), kind_name(ward, &longest.code));
        let text = format!("longest not acknowledged: {waited}, {bed}{kind}, {}, from {at}", longest.priority.as_str());
        rows.push((text, RowKind::Text));
    }
    rows
}

/// The beds with most alerts, with bars.
fn talkers(report: &AlertReport) -> Vec<Row> {
    let mut rows = vec![("BEDS WITH MOST ALERTS".to_owned(), RowKind::Title)];
    if report.talkers.is_empty() {
        rows.push(("none".to_owned(), RowKind::Dim));
        return rows;
    }
    let most = report.talkers.iter().map(|talker| talker.alerts).max().unwrap_or(1).max(1);
    for talker in &report.talkers {
        let bar = usize::try_from((talker.alerts * BAR).div_ceil(most)).unwrap_or(0);
        rows.push((format!("{:<8}{:>6} {}", talker.bed, talker.alerts, "█".repeat(bar)), RowKind::Text));
    }
    let share = report.top_tenth_share * 100.0;
    rows.push((format!("the tenth of the patients with most alerts had {share:.0} % of them"), RowKind::Text));
    rows
}

/// Alerts by the hour of the day, as bars and as numbers.
fn hours(report: &AlertReport) -> Vec<Row> {
    let most = report.by_hour.iter().copied().max().unwrap_or(0).max(1);
    let block = |count: u64| {
        let at = (count * 7).div_ceil(most);
        let block = usize::try_from(at).ok().and_then(|at| BLOCKS.get(at)).copied().unwrap_or("█");
        if count == 0 { " " } else { block }
    };
    let bars: String = report.by_hour.iter().map(|count| format!("{:>3}", block(*count))).collect();
    let counts: String = report.by_hour.iter().map(|count| format!("{:>3}", count.min(&999))).collect();
    let labels: String = (0..24).map(|hour| format!("{hour:>3}")).collect();
    vec![
        ("BY HOUR OF THE DAY".to_owned(), RowKind::Title),
        (bars, RowKind::Text),
        (counts, RowKind::Text),
        (labels, RowKind::Axis),
    ]
}
