//! What alerts came in a span of time, who answered them and how soon, and who makes most of them.
//!
//! A fold over the journal of one ward. Patients are named by their bed alone.

use crate::{
    domain::{
        Alert, AlertClass, AlertId, BedId, Cause, ConditionCode, Event, EventBody, Millis, PatientId, Priority,
        Timestamp, Ward,
    },
    protocol::alert_report::{AlertReport, Durations, KindCount, LongestWait, Talker},
};
use std::collections::{BTreeMap, BTreeSet};

/// Most patients that are named as top talkers.
pub const TOP_TALKERS_MAX: usize = 10;
/// A patient without a bed that is known.
const BED_UNKNOWN: &str = "?";
const DAY_MS: f64 = 86_400_000.0;

/// An alert that was raised within the span.
#[derive(Debug, Clone)]
struct Seen {
    code: ConditionCode,
    bed: Option<String>,
    raised_at: Timestamp,
    priority: Priority,
    again: u32,
    acknowledged_at: Option<Timestamp>,
    answered_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
}

/// Who was there, as events tell. Somebody of whom the first thing told is a discharge was there from the beginning.
#[derive(Debug, Default)]
struct Stays {
    span: (Timestamp, Timestamp),
    /// Who is there after all events.
    here: BTreeSet<PatientId>,
    /// Of whom events have told.
    told: BTreeSet<PatientId>,
    since: BTreeMap<PatientId, Timestamp>,
    /// Who was there within the span.
    seen: BTreeSet<PatientId>,
    stayed: Millis,
}

impl Stays {
    fn admitted(&mut self, patient: &PatientId, at: Timestamp) {
        self.told.insert(patient.clone());
        self.since.insert(patient.clone(), at);
    }

    fn discharged(&mut self, patient: &PatientId, at: Timestamp) {
        let since = self.since.remove(patient);
        let is_first = self.told.insert(patient.clone());
        if let Some(since) = since.or(is_first.then_some(self.span.0)) {
            self.count(patient, since, at);
        }
    }

    fn count(&mut self, patient: &PatientId, since: Timestamp, until: Timestamp) {
        let (from, to) = self.span;
        let stayed = until.min(to).since(since.max(from));
        if stayed > Millis::ZERO {
            self.stayed = self.stayed + stayed;
            self.seen.insert(patient.clone());
        }
    }

    fn finish(&mut self) {
        let (from, to) = self.span;
        for (patient, since) in std::mem::take(&mut self.since) {
            self.count(&patient, since, to);
        }
        for patient in std::mem::take(&mut self.here) {
            if !self.told.contains(&patient) {
                self.count(&patient, from, to);
            }
        }
    }
}

/// Folds the journal of a ward.
#[derive(Debug)]
pub struct AlertReporter {
    span: (Timestamp, Timestamp),
    ward: Option<Ward>,
    beds: BTreeMap<BedId, String>,
    stays: Stays,
    talkers: BTreeMap<PatientId, (String, u64)>,
    kinds: BTreeMap<ConditionCode, KindCount>,
    alerts: BTreeMap<AlertId, Seen>,
    technical: u64,
    by_hour: [u64; 24],
}

impl AlertReporter {
    /// A report over `[from, to)` by all events of a ward, from its first on.
    #[must_use]
    pub fn new(from: Timestamp, to: Timestamp) -> Self {
        Self {
            span: (from, to),
            ward: None,
            beds: BTreeMap::new(),
            stays: Stays { span: (from, to), ..Stays::default() },
            talkers: BTreeMap::new(),
            kinds: BTreeMap::new(),
            alerts: BTreeMap::new(),
            technical: 0,
            by_hour: [0; 24],
        }
    }

    /// A report by the events since `from` alone, for somebody who knows the ward, its beds and who is there after the
    /// last event.
    #[must_use]
    pub fn of_ward(
        (from, to): (Timestamp, Timestamp),
        ward: Ward,
        beds: BTreeMap<BedId, String>,
        here: BTreeSet<PatientId>,
    ) -> Self {
        let stays = Stays { span: (from, to), here, ..Stays::default() };
        Self { ward: Some(ward), beds, stays, ..Self::new(from, to) }
    }

    /// Takes in an event; they come in order.
    pub fn event(&mut self, event: &Event) {
        match &event.body {
            EventBody::WardSet { ward } => self.ward = Some(ward.clone()),
            EventBody::BedSet { bed, .. } => {
                self.beds.insert(bed.id.clone(), bed.label.clone());
            }
            EventBody::Admitted { patient, .. } => self.stays.admitted(&patient.id, event.at),
            EventBody::Discharged { patient, .. } => self.stays.discharged(patient, event.at),
            EventBody::Alert { cause, alert, .. } if self.is_within(event.at) => self.alert(*cause, alert, event.at),
            EventBody::Suppressed { code, by, again, .. } if self.is_within(event.at) => {
                let kind = self.kinds.entry(*code).or_default();
                *kind.suppressed.entry(*by).or_default() += 1;
                kind.hysteresis += u64::from(*again);
            }
            _ => {}
        }
    }

    fn is_within(&self, at: Timestamp) -> bool {
        self.span.0 <= at && at < self.span.1
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
        // Of an alert that was raised before the span, only what happens within it counts.
        let Some(seen) = self.alerts.get_mut(&alert.id) else { return };
        seen.priority = seen.priority.max(alert.priority);
        seen.again = alert.again;
        if cause == Cause::Acknowledged {
            seen.acknowledged_at.get_or_insert(at);
        }
        if matches!(cause, Cause::Acknowledged | Cause::Accepted | Cause::Declined | Cause::Reset) {
            seen.answered_at.get_or_insert(at);
        }
        if alert.is_closed() {
            seen.closed_at.get_or_insert(at);
        }
    }

    fn raised(&mut self, alert: &Alert, at: Timestamp) {
        let label = |bed: &BedId| self.beds.get(bed).cloned().unwrap_or_else(|| bed.to_string());
        let bed = alert.bed.as_ref().map(label);
        if let Some(patient) = &alert.key.patient {
            let label = bed.clone().unwrap_or_else(|| BED_UNKNOWN.to_owned());
            self.talkers.entry(patient.clone()).or_insert((label, 0)).1 += 1;
        }
        self.technical += u64::from(alert.class == AlertClass::Technical);
        let seen = Seen {
            code: alert.key.code,
            bed,
            raised_at: at,
            priority: alert.priority,
            again: alert.again,
            acknowledged_at: None,
            answered_at: None,
            closed_at: None,
        };
        self.alerts.insert(alert.id, seen);
        let zone = self.ward.as_ref().map_or(chrono_tz::Tz::UTC, |ward| ward.time_zone);
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
        self.stays.finish();
        for seen in self.alerts.values() {
            let kind = self.kinds.entry(seen.code).or_default();
            *kind.by_priority.entry(seen.priority).or_default() += 1;
            kind.hysteresis += u64::from(seen.again);
        }
        let Stays { seen: mut patients, stayed, .. } = self.stays;
        patients.extend(self.talkers.keys().cloned());
        let (talkers, top_tenth_share) = talkers(self.talkers, patients.len());
        AlertReport {
            ward: self.ward.map(|ward| ward.name).unwrap_or_default(),
            from,
            to,
            patients: patients.len() as u64,
            bed_days: stayed.0 as f64 / DAY_MS,
            kinds: self.kinds.into_iter().map(|(code, count)| (code.to_string(), count)).collect(),
            technical: self.technical,
            acknowledge: durations(&self.alerts, |seen| seen.acknowledged_at),
            response: durations(&self.alerts, |seen| seen.answered_at),
            longest_wait: longest_wait(self.alerts.into_values(), to),
            talkers,
            top_tenth_share,
            by_hour: self.by_hour,
        }
    }
}

/// The patients with most alerts, and the share of the tenth of all patients with most of them.
#[expect(clippy::cast_precision_loss, reason = "for people")]
fn talkers(alerts: BTreeMap<PatientId, (String, u64)>, patients: usize) -> (Vec<Talker>, f64) {
    let mut talkers: Vec<Talker> = alerts.into_values().map(|(bed, alerts)| Talker { bed, alerts }).collect();
    talkers.sort_by(|a, b| b.alerts.cmp(&a.alerts).then_with(|| a.bed.cmp(&b.bed)));
    let all: u64 = talkers.iter().map(|t| t.alerts).sum();
    let top: u64 = talkers.iter().take(patients.div_ceil(10)).map(|t| t.alerts).sum();
    talkers.truncate(TOP_TALKERS_MAX);
    (talkers, if all == 0 { 0.0 } else { top as f64 / all as f64 })
}

fn durations(alerts: &BTreeMap<AlertId, Seen>, when: impl Fn(&Seen) -> Option<Timestamp>) -> Durations {
    let mut took: Vec<Millis> =
        alerts.values().filter_map(|seen| when(seen).map(|at| at.since(seen.raised_at))).collect();
    took.sort_unstable();
    // The nearest rank: the least value that so many tenths do not exceed.
    let at = |tenths: usize| took.get((took.len() * tenths).div_ceil(10).saturating_sub(1)).copied();
    let without = |closed: bool| {
        let open = alerts.values().filter(|seen| when(seen).is_none() && seen.closed_at.is_some() == closed);
        open.count() as u64
    };
    Durations {
        count: took.len() as u64,
        median: at(5).unwrap_or_default(),
        p90: at(9).unwrap_or_default(),
        longest: took.last().copied().unwrap_or_default(),
        never: without(true),
        waiting: without(false),
    }
}

fn longest_wait(alerts: impl Iterator<Item = Seen>, to: Timestamp) -> Option<LongestWait> {
    let wait = |seen: Seen| {
        let until = seen.acknowledged_at.or(seen.closed_at).unwrap_or(to);
        let Seen { code, bed, raised_at, priority, .. } = seen;
        LongestWait { bed, code: code.to_string(), priority, raised_at, waited: until.since(raised_at) }
    };
    // Of two alike the earlier.
    alerts.map(wait).reduce(|a, b| if b.waited > a.waited { b } else { a })
}

#[cfg(test)]
mod tests;
