//! What a recording comes to: every violation accounted for, danger events with their alerts, and the alarm load.

use super::{
    offline::{Follower, Progress, follow},
    recording::{Recording, Sample},
};
use crate::{
    alarm::Profiles,
    analysis::{
        Account, AlarmLoad, DangerEvent, DangerWatch, Ledger,
        load::{RawCount, with_delay},
        violations::Series,
    },
    domain::{
        Category, Cause, ConditionCode, Event, EventBody, Millis, Mode, Profile, Quality, Sampling, Side, Timestamp,
        VitalCode, VitalTable, event::SuppressedBy,
    },
    engine::{EngineConfig, Observed},
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt, io, sync::Arc};

/// The delay that the defaults are compared with.
pub const COMPARED_DELAY: Millis = Millis::from_secs(15);
/// A series whose values are further apart than this, on average, was charted by people and not sent by a monitor.
pub const CHARTED_FROM: Millis = Millis::from_mins(5);
/// The interval of a series whose device states none, for danger events.
const INTERVAL_UNKNOWN: Millis = Millis::from_mins(1);
const DAY: Millis = Millis::from_mins(24 * 60);

/// Violations and alarm load of series that are alike in how often they were measured.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// By vital and side.
    pub accounts: BTreeMap<(VitalCode, Side), Account>,
    /// By vital.
    pub loads: BTreeMap<VitalCode, AlarmLoad>,
    /// Time from the first to the last value of each patient, together.
    pub observed: Millis,
    /// Patients.
    pub patients: usize,
}

/// What a recording comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The recording.
    pub name: String,
    /// Always a demonstration: it was recorded or invented.
    pub mode: Mode,
    /// Values that were judged.
    pub samples: u64,
    /// What monitors sent.
    pub monitored: Table,
    /// What people charted, about every hour.
    pub charted: Table,
    /// Events of at least a minute beyond a danger limit.
    pub danger: Vec<DangerEvent>,
}

/// From when to when a series was measured, and how often.
#[derive(Debug, Clone, Copy)]
struct Extent {
    first: Timestamp,
    last: Timestamp,
    count: i64,
}

impl Extent {
    fn is_charted(&self) -> bool {
        self.count < 2 || self.last.since(self.first).0 / (self.count - 1) > CHARTED_FROM.0
    }
}

/// Follows one run.
struct Count<'a> {
    recording: &'a Recording,
    vitals: &'a VitalTable,
    profiles: BTreeMap<Category, Arc<Profile>>,
    extents: BTreeMap<Series, Extent>,
    ledger: Ledger,
    danger: DangerWatch,
    raw: RawCount,
    alerts: BTreeMap<Series, u64>,
}

impl<'a> Count<'a> {
    fn new(recording: &'a Recording, config: &'a EngineConfig) -> Self {
        let of = |category| (category, config.profiles.of(category));
        Self {
            recording,
            vitals: &config.vitals,
            profiles: [Category::Adult, Category::Paediatric, Category::Neonate].map(of).into(),
            extents: BTreeMap::new(),
            ledger: Ledger::default(),
            danger: DangerWatch::default(),
            raw: RawCount::default(),
            alerts: BTreeMap::new(),
        }
    }

    fn interval(&self, sample: &Sample) -> Millis {
        let device = self.recording.plan.placements.get(sample.place).map(|p| &p.device);
        let stated = device.and_then(|d| d.intervals_ms.get(&sample.vital)).copied();
        let continuous = self.vitals.get(sample.vital).is_some_and(|def| def.sampling == Sampling::Continuous);
        let usual = if continuous { crate::domain::liveness::CONTINUOUS_INTERVAL } else { INTERVAL_UNKNOWN };
        sample.interval.or(stated).unwrap_or(usual)
    }
}

impl Follower for Count<'_> {
    fn value(&mut self, sample: &Sample, observed: Observed) -> io::Result<()> {
        let series = (sample.patient.clone(), sample.device.clone(), sample.vital);
        let Extent { first, count, .. } =
            self.extents.get(&series).copied().unwrap_or(Extent { first: sample.at, last: sample.at, count: 0 });
        self.extents.insert(series.clone(), Extent { first, last: sample.at, count: count + 1 });
        let category = self.recording.plan.placements.get(sample.place).map(|p| p.patient.category);
        let Some(profile) = self.profiles.get(&category.unwrap_or_default()) else { return Ok(()) };
        self.ledger.value(&series, profile, sample.value, observed);
        if observed.late {
            return Ok(());
        }
        self.raw.value(&series, profile, sample.value, observed.quality);
        if observed.quality == Quality::Valid {
            let interval = self.interval(sample);
            self.danger.sample((&series.0, &series.1, series.2), sample.at, sample.value, interval);
        }
        Ok(())
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        self.ledger.event(&event);
        if let EventBody::Alert { cause, alert, .. } = &event.body {
            self.danger.alert(*cause, alert, event.at);
            let raised = matches!(cause, Cause::Raised | Cause::Returned);
            if let (true, ConditionCode::Limit(vital, _), Some(patient), Some(device)) =
                (raised, alert.key.code, &alert.key.patient, &alert.key.device)
            {
                *self.alerts.entry((patient.clone(), device.clone(), vital)).or_default() += 1;
            }
        }
        Ok(())
    }
}

/// Plays a recording twice, with the limits in force and with [`COMPARED_DELAY`] on all of them, and counts.
///
/// # Errors
/// None of its own.
pub fn report(recording: &Recording, config: &EngineConfig, mut progress: impl FnMut(Progress)) -> io::Result<Report> {
    let total = recording.count() * 2;
    let mut count = Count::new(recording, config);
    follow(recording, config.clone(), &mut count, |p| progress(Progress { done: p.done, total }))?;
    let delayed: Profiles = config.profiles.map(|profile| with_delay(profile, COMPARED_DELAY));
    let delayed = EngineConfig { profiles: Arc::new(delayed), ..config.clone() };
    let mut other = Count::new(recording, &delayed);
    follow(recording, delayed.clone(), &mut other, |p| progress(Progress { done: total / 2 + p.done, total }))?;
    Ok(summarise(count, &other.alerts))
}

fn summarise(count: Count<'_>, delayed: &BTreeMap<Series, u64>) -> Report {
    let Count { recording, extents, ledger, danger, raw, alerts, .. } = count;
    let (mut monitored, mut charted) = (Table::default(), Table::default());
    let is_charted = |series: &Series| extents.get(series).is_none_or(Extent::is_charted);
    for ((series, side), account) in ledger.finish() {
        let table = if is_charted(&series) { &mut charted } else { &mut monitored };
        table.accounts.entry((series.2, side)).or_default().add(&account);
    }
    let raw = raw.finish();
    for series in raw.keys() {
        let (raw_with_zeros, raw) = raw.get(series).copied().unwrap_or_default();
        let of = |counts: &BTreeMap<Series, u64>| counts.get(series).copied().unwrap_or_default();
        let load = AlarmLoad { raw_with_zeros, raw, alerts: of(&alerts), alerts_delayed: of(delayed) };
        let table = if is_charted(series) { &mut charted } else { &mut monitored };
        table.loads.entry(series.2).or_default().add(&load);
    }
    for placement in &recording.plan.placements {
        for (wanted, table) in [(false, &mut monitored), (true, &mut charted)] {
            let own = extents.iter().filter(|(series, _)| series.0 == placement.patient.id);
            let own: Vec<&Extent> = own.filter(|(s, _)| is_charted(s) == wanted).map(|(_, e)| e).collect();
            let (first, last) = (own.iter().map(|e| e.first).min(), own.iter().map(|e| e.last).max());
            if let (Some(first), Some(last)) = (first, last) {
                table.observed = table.observed + last.since(first);
                table.patients += 1;
            }
        }
    }
    let samples = extents.values().map(|e| u64::try_from(e.count).unwrap_or_default()).sum();
    let name = recording.plan.name.clone();
    Report { name, mode: Mode::Demo, samples, monitored, charted, danger: danger.finish() }
}

impl Table {
    /// All violations together.
    #[must_use]
    pub fn total(&self) -> Account {
        let mut total = Account::default();
        self.accounts.values().for_each(|account| total.add(account));
        total
    }

    /// The alarm load of all vitals together.
    #[must_use]
    pub fn load(&self) -> AlarmLoad {
        let mut total = AlarmLoad::default();
        self.loads.values().for_each(|load| total.add(load));
        total
    }

    /// Patients times days.
    #[must_use]
    pub fn bed_days(&self) -> f64 {
        self.observed.as_secs_f64() / DAY.as_secs_f64()
    }

    fn is_empty(&self) -> bool {
        self.patients == 0
    }
}

impl Report {
    /// Whether every violation is accounted for and no danger event lost its alert.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.accounts_are_whole() && self.lost() == 0
    }

    /// Whether shown and suppressed are all violations.
    #[must_use]
    pub fn accounts_are_whole(&self) -> bool {
        let whole = |table: &Table| table.accounts.values().all(Account::is_whole);
        whole(&self.monitored) && whole(&self.charted)
    }

    /// Danger events without an alert.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.danger.iter().filter(|event| event.is_lost()).count()
    }

    /// The report for programs.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        #[derive(Serialize)]
        struct Row<'a> {
            vital: VitalCode,
            side: Side,
            #[serde(flatten)]
            account: &'a Account,
        }
        let table = |table: &Table| {
            let row = |((vital, side), account): (&(VitalCode, Side), &'_ Account)| {
                serde_json::to_value(Row { vital: *vital, side: *side, account }).unwrap_or_default()
            };
            let loads: BTreeMap<&str, &AlarmLoad> = table.loads.iter().map(|(v, load)| (v.as_str(), load)).collect();
            serde_json::json!({
                "patients": table.patients,
                "bed_days": table.bed_days(),
                "violations": table.accounts.iter().map(row).collect::<Vec<_>>(),
                "total": table.total(),
                "load": loads,
            })
        };
        serde_json::json!({
            "name": self.name,
            "mode": self.mode,
            "samples": self.samples,
            "monitored": table(&self.monitored),
            "charted": table(&self.charted),
            "danger": self.danger,
            "danger_lost": self.lost(),
            "whole": self.is_whole(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "DEMO · {} · {} values", self.name, self.samples)?;
        for (title, table) in
            [("sent by monitors", &self.monitored), ("hourly (charted, more than 5 min apart)", &self.charted)]
        {
            if !table.is_empty() {
                writeln!(f, "\nVIOLATIONS, {title}: {} patients, {:.2} bed-days", table.patients, table.bed_days())?;
                write_accounts(f, table)?;
                writeln!(f, "\nALARM LOAD, {title}: alarms (per bed-day)")?;
                write_loads(f, table)?;
            }
        }
        write_danger(f, &self.danger)?;
        write_words(f)
    }
}

/// What the columns mean.
fn write_words(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(
        "\nA violation is a run of consecutive valid values beyond the first limit. Each is either\n\
         shown        it raised an alert, or brought a latched one back\n\
         hysteresis   its alert was open, or its delay ran already: the value had not been clearly within\n",
    )?;
    for cause in SuppressedBy::ALL {
        writeln!(f, "{:<12} {}", cause.as_str(), meaning(cause))?;
    }
    f.write_str(
        "Unaccounted is what the values show and the engine did not tell, or the other way round. Not values: runs of 0 and\n\
         of impossible numbers beyond a limit; no violations, but alarms of a monitor that takes them for values.\n\
         Raw: bare limits without delay and hysteresis. Defaults: the limits in force. Delay 15 s: the same, 15 s on all.\n",
    )
}

const fn meaning(cause: SuppressedBy) -> &'static str {
    match cause {
        SuppressedBy::Delay => "over before its delay",
        SuppressedBy::Quality => "the signal was lost before its delay",
        SuppressedBy::Ended => "the patient left or the recording ended before its delay",
        SuppressedBy::LimitsChanged => "no violation by limits that were changed before its delay",
    }
}

fn write_accounts(f: &mut fmt::Formatter<'_>, table: &Table) -> fmt::Result {
    write!(f, "{:<16}{:>11}{:>8}{:>12}", "", "violations", "shown", "hysteresis")?;
    for cause in SuppressedBy::ALL {
        write!(f, "{:>9}", cause.as_str())?;
    }
    writeln!(f, "{:>13}{:>12}", "unaccounted", "not values")?;
    let total = table.total();
    let rows = table
        .accounts
        .iter()
        .map(|((vital, side), account)| (format!("{}", ConditionCode::Limit(*vital, *side)), account));
    let seen = rows.filter(|(_, account)| account.violations + account.not_values + account.unaccounted > 0);
    for (name, account) in seen.chain([("all".to_owned(), &total)]) {
        write!(f, "{name:<16}{:>11}{:>8}{:>12}", account.violations, account.shown, account.hysteresis)?;
        for cause in SuppressedBy::ALL {
            write!(f, "{:>9}", account.suppressed.get(&cause).copied().unwrap_or_default())?;
        }
        writeln!(f, "{:>13}{:>12}", account.unaccounted, account.not_values)?;
    }
    let sign = if total.is_whole() { "=" } else { "IS NOT" };
    writeln!(
        f,
        "shown + suppressed = {} {sign} {} violations, unaccounted {}",
        total.accounted(),
        total.violations,
        total.unaccounted
    )
}

fn write_loads(f: &mut fmt::Formatter<'_>, table: &Table) -> fmt::Result {
    let names = ["raw, 0 is a value", "raw, 0 not measured", "defaults", "delay 15 s"];
    write_row(f, "", names.map(str::to_owned))?;
    let days = table.bed_days();
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let cell =
        |count: u64| if days > 0.0 { format!("{count} ({:.1})", count as f64 / days) } else { count.to_string() };
    let all = table.load();
    for (name, load) in table.loads.iter().map(|(vital, load)| (vital.as_str(), load)).chain([("all", &all)]) {
        write_row(f, name, [load.raw_with_zeros, load.raw, load.alerts, load.alerts_delayed].map(cell))?;
    }
    Ok(())
}

fn write_row(f: &mut fmt::Formatter<'_>, name: &str, [a, b, c, d]: [String; 4]) -> fmt::Result {
    writeln!(f, "{name:<16}{a:>21}{b:>21}{c:>18}{d:>18}")
}

fn write_danger(f: &mut fmt::Formatter<'_>, danger: &[DangerEvent]) -> fmt::Result {
    let lost = danger.iter().filter(|event| event.is_lost()).count();
    writeln!(
        f,
        "\nDANGER EVENTS of at least 60 s (SpO2 < 85, HR < 40 or > 150, mean pressure < 55): {}, lost {lost}",
        danger.len()
    )?;
    for event in danger {
        let alert = event.alerted_at.map_or_else(|| "LOST ITS ALERT".to_owned(), |at| format!("alert at {at}"));
        let code = ConditionCode::Limit(event.vital, event.side);
        writeln!(
            f,
            "{:<28} {code:<14} {} to {} ({:.0} s) worst {}: {alert}",
            event.patient.as_str(),
            event.from,
            event.to,
            event.to.since(event.from).as_secs_f64(),
            event.worst
        )?;
    }
    Ok(())
}
