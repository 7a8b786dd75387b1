//! What alerts came in a span of time, who answered them and how soon, and who makes most of them.
//!
//! A fold over the journal of one ward, from its beginning, so that it knows who lay where. Patients are named by their bed
//! alone.

use crate::domain::{
    Alert, AlertClass, AlertId, Cause, Census, ConditionCode, Event, EventBody, Millis, PatientId, Priority, Timestamp,
    Ward, event::SuppressedBy,
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// Most patients that are named as top talkers.
pub const TOP_TALKERS_MAX: usize = 10;
const DAY_MS: f64 = 86_400_000.0;

/// Alerts of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct KindCount {
    /// Alerts that were raised.
    pub raised: u64,
    /// Alerts that came back while they were latched.
    pub returned: u64,
    /// Alerts that became worse.
    pub worsened: u64,
    /// Alerts that somebody acknowledged.
    pub acknowledged: u64,
    /// Steps of escalation.
    pub escalated: u64,
    /// Violations that raised no alert: over before their delay.
    pub suppressed_by_delay: u64,
    /// The same: the signal was lost, or the patient left, before their delay.
    pub suppressed_by_quality: u64,
}

impl KindCount {
    fn add(&mut self, other: &Self) {
        self.raised += other.raised;
        self.returned += other.returned;
        self.worsened += other.worsened;
        self.acknowledged += other.acknowledged;
        self.escalated += other.escalated;
        self.suppressed_by_delay += other.suppressed_by_delay;
        self.suppressed_by_quality += other.suppressed_by_quality;
    }
}

/// How long something took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Durations {
    /// How often it happened.
    pub count: u64,
    /// Half took no longer.
    #[serde(rename = "median_ms")]
    pub median: Millis,
    /// Nine in ten took no longer.
    #[serde(rename = "p90_ms")]
    pub p90: Millis,
    /// The longest.
    #[serde(rename = "longest_ms")]
    pub longest: Millis,
}

impl Durations {
    fn of(mut all: Vec<Millis>) -> Self {
        all.sort_unstable();
        let at = |tenths: usize| all.get((all.len() * tenths / 10).min(all.len().saturating_sub(1))).copied();
        Self {
            count: all.len() as u64,
            median: at(5).unwrap_or_default(),
            p90: at(9).unwrap_or_default(),
            longest: all.last().copied().unwrap_or_default(),
        }
    }
}

/// A bed and the alerts of its patients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Talker {
    /// The bed's label.
    pub bed: String,
    /// Alerts.
    pub alerts: u64,
}

/// The report of a ward over a span.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlertReport {
    /// The ward's name.
    pub ward: String,
    /// From when on, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub to: Timestamp,
    /// Days that beds were taken, together.
    pub bed_days: f64,
    /// By condition and the priority at the event.
    pub kinds: BTreeMap<String, KindCount>,
    /// Alerts by highest priority.
    pub by_priority: BTreeMap<Priority, u64>,
    /// Technical alerts among those raised.
    pub technical: u64,
    /// From raising to the first acknowledgement.
    pub acknowledge: Durations,
    /// From raising to the first answer of a named person: accepted, declined or acknowledged.
    pub response: Durations,
    /// Alerts that nobody acknowledged before they were over.
    pub never_acknowledged: u64,
    /// The beds with most alerts.
    pub talkers: Vec<Talker>,
    /// Which share of all alerts the tenth of the patients with most of them had, 0 to 1.
    pub top_tenth_share: f64,
    /// Alerts by the hour of the day in the ward's time zone.
    pub by_hour: [u64; 24],
}

/// What is known of an alert that was raised within the span.
#[derive(Debug, Clone)]
struct Seen {
    raised_at: Timestamp,
    priority: Priority,
    acknowledged: bool,
    answered: bool,
}

/// Folds the journal of a ward.
#[derive(Debug)]
pub struct AlertReporter {
    span: (Timestamp, Timestamp),
    census: Census,
    /// Since when each patient has been here, within the span.
    here_since: BTreeMap<PatientId, Timestamp>,
    stayed: Millis,
    patients: BTreeMap<PatientId, (String, u64)>,
    kinds: BTreeMap<ConditionCode, KindCount>,
    alerts: BTreeMap<AlertId, Seen>,
    technical: u64,
    acknowledge: Vec<Millis>,
    response: Vec<Millis>,
    by_hour: [u64; 24],
}

impl AlertReporter {
    /// A report over `[from, to)`.
    #[must_use]
    pub fn new(from: Timestamp, to: Timestamp) -> Self {
        Self {
            span: (from, to),
            census: Census::default(),
            here_since: BTreeMap::new(),
            stayed: Millis::ZERO,
            patients: BTreeMap::new(),
            kinds: BTreeMap::new(),
            alerts: BTreeMap::new(),
            technical: 0,
            acknowledge: Vec::new(),
            response: Vec::new(),
            by_hour: [0; 24],
        }
    }

    /// Takes in an event; they come in order, from the first of the ward.
    pub fn event(&mut self, event: &Event) {
        let (from, to) = self.span;
        if event.at >= to {
            return;
        }
        self.census.apply(event);
        match &event.body {
            EventBody::Admitted { patient, .. } => {
                self.here_since.insert(patient.id.clone(), event.at.max(from));
            }
            EventBody::Discharged { patient, .. } => {
                if let Some(since) = self.here_since.remove(patient) {
                    self.stayed = self.stayed + event.at.since(since).max(Millis::ZERO);
                }
            }
            _ => {}
        }
        if event.at < from {
            return;
        }
        match &event.body {
            EventBody::Alert { cause, alert, .. } => self.alert(*cause, alert, event.at),
            EventBody::Suppressed { code, by, .. } => {
                let kind = self.kinds.entry(*code).or_default();
                if *by == SuppressedBy::Delay { kind.suppressed_by_delay += 1 } else { kind.suppressed_by_quality += 1 }
            }
            _ => {}
        }
    }

    fn alert(&mut self, cause: Cause, alert: &Alert, at: Timestamp) {
        let kind = self.kinds.entry(alert.key.code).or_default();
        match cause {
            Cause::Raised => {
                kind.raised += 1;
                self.raised(alert, at);
            }
            Cause::Returned => kind.returned += 1,
            Cause::Worsened => kind.worsened += 1,
            Cause::Escalated => kind.escalated += 1,
            Cause::Acknowledged => kind.acknowledged += 1,
            _ => {}
        }
        let Some(seen) = self.alerts.get_mut(&alert.id) else { return };
        seen.priority = seen.priority.max(alert.priority);
        let took = at.since(seen.raised_at);
        if matches!(cause, Cause::Acknowledged) && !std::mem::replace(&mut seen.acknowledged, true) {
            self.acknowledge.push(took);
        }
        let answers = matches!(cause, Cause::Acknowledged | Cause::Accepted | Cause::Declined | Cause::Reset);
        if answers && !std::mem::replace(&mut seen.answered, true) {
            self.response.push(took);
        }
    }

    fn raised(&mut self, alert: &Alert, at: Timestamp) {
        let seen = Seen { raised_at: at, priority: alert.priority, acknowledged: false, answered: false };
        self.alerts.insert(alert.id, seen);
        self.technical += u64::from(alert.class == AlertClass::Technical);
        if let Some(patient) = &alert.key.patient {
            let bed = alert.bed.as_ref().and_then(|bed| self.census.beds.get(bed));
            let label = bed.map_or_else(|| "?".to_owned(), |bed| bed.label.clone());
            self.patients.entry(patient.clone()).or_insert((label, 0)).1 += 1;
        }
        let zone = self.census.ward.as_ref().map_or(chrono_tz::Tz::UTC, |ward: &Ward| ward.time_zone);
        let hour = chrono::Timelike::hour(&at.utc().with_timezone(&zone));
        if let Some(count) = usize::try_from(hour).ok().and_then(|hour| self.by_hour.get_mut(hour)) {
            *count += 1;
        }
    }

    /// The report.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn finish(mut self) -> AlertReport {
        let (from, to) = self.span;
        for since in self.here_since.values() {
            self.stayed = self.stayed + to.since(*since).max(Millis::ZERO);
        }
        let mut talkers: Vec<Talker> =
            self.patients.values().map(|(bed, alerts)| Talker { bed: bed.clone(), alerts: *alerts }).collect();
        talkers.sort_by(|a, b| b.alerts.cmp(&a.alerts).then_with(|| a.bed.cmp(&b.bed)));
        let all: u64 = talkers.iter().map(|t| t.alerts).sum();
        let tenth = talkers.len().div_ceil(10);
        let top: u64 = talkers.iter().take(tenth).map(|t| t.alerts).sum();
        talkers.truncate(TOP_TALKERS_MAX);
        let mut by_priority = BTreeMap::new();
        for seen in self.alerts.values() {
            *by_priority.entry(seen.priority).or_default() += 1;
        }
        AlertReport {
            ward: self.census.ward.map(|ward| ward.name).unwrap_or_default(),
            from,
            to,
            bed_days: self.stayed.0 as f64 / DAY_MS,
            kinds: self.kinds.into_iter().map(|(code, count)| (code.to_string(), count)).collect(),
            by_priority,
            technical: self.technical,
            acknowledge: Durations::of(self.acknowledge),
            response: Durations::of(self.response),
            never_acknowledged: self.alerts.values().filter(|seen| !seen.acknowledged).count() as u64,
            talkers,
            top_tenth_share: if all == 0 { 0.0 } else { top as f64 / all as f64 },
            by_hour: self.by_hour,
        }
    }
}

impl AlertReport {
    /// All kinds together.
    #[must_use]
    pub fn total(&self) -> KindCount {
        let mut total = KindCount::default();
        self.kinds.values().for_each(|kind| total.add(kind));
        total
    }

    #[expect(clippy::cast_precision_loss, reason = "for people")]
    fn per_bed_day(&self, count: u64) -> String {
        if self.bed_days > 0.0 { format!("{:.1}", count as f64 / self.bed_days) } else { "–".to_owned() }
    }
}

/// `1:05`, `2:03:09`.
fn clock(span: Millis) -> String {
    let s = span.as_secs();
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

impl fmt::Display for AlertReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total();
        writeln!(f, "{} · {} to {} · {:.2} bed-days", self.ward, self.from, self.to, self.bed_days)?;
        writeln!(
            f,
            "\n{:<22}{:>8}{:>12}{:>10}{:>10}{:>7}{:>11}{:>9}{:>9}",
            "", "alerts", "per bed-day", "returned", "worse", "ack", "escalated", "delay", "quality"
        )?;
        for (name, kind) in self.kinds.iter().map(|(n, k)| (n.as_str(), k)).chain([("all", &total)]) {
            writeln!(
                f,
                "{name:<22}{:>8}{:>12}{:>10}{:>10}{:>7}{:>11}{:>9}{:>9}",
                kind.raised,
                self.per_bed_day(kind.raised),
                kind.returned,
                kind.worsened,
                kind.acknowledged,
                kind.escalated,
                kind.suppressed_by_delay,
                kind.suppressed_by_quality
            )?;
        }
        writeln!(f, "delay, quality: violations that raised no alert, by cause\n")?;
        let by = self.by_priority.iter().rev().map(|(priority, count)| format!("{priority} {count}"));
        writeln!(f, "by highest priority: {}; technical {}", by.collect::<Vec<_>>().join(", "), self.technical)?;
        for (what, d) in [("acknowledged", &self.acknowledge), ("answered", &self.response)] {
            let (median, p90, longest) = (clock(d.median), clock(d.p90), clock(d.longest));
            writeln!(f, "{what}: {} alerts, median {median}, 90 % within {p90}, longest {longest}", d.count)?;
        }
        writeln!(f, "never acknowledged: {}", self.never_acknowledged)?;
        let talkers = self.talkers.iter().map(|t| format!("{} {}", t.bed, t.alerts));
        writeln!(f, "most alerts by bed: {}", talkers.collect::<Vec<_>>().join(", "))?;
        writeln!(f, "the tenth of the patients with most alerts had {:.0} % of them", self.top_tenth_share * 100.0)?;
        let hours: Vec<String> = self.by_hour.iter().map(u64::to_string).collect();
        writeln!(f, "by hour of the day from 0: {}", hours.join(" "))
    }
}
