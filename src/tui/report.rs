//! The ward as one report: as JSON for programs, as text for people.

use super::{core::App, words};
use crate::{
    domain::{
        Actor, Alert, AlertClass, AlertId, Condition, Inactivation, Liveness, LoginName, Marks, Millis, Mode,
        PatientId, Pause, Priority, Quality, ReportedLimits, Response, Signal, Timestamp, VitalCode, WardId,
        alert::Comment,
    },
    protocol::{PatientView, StoreState, VitalView, WardView},
};
use serde::Serialize;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr;

/// The ward at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Live or demo.
    pub mode: Mode,
    /// The ward.
    pub ward: WardId,
    /// Its name.
    pub ward_name: String,
    /// Its time zone, an IANA name.
    pub time_zone: String,
    /// The server's time.
    pub at: Timestamp,
    /// Whether the link is live and the server records.
    pub live: bool,
    /// Whether the server records.
    pub store: StoreState,
    /// Alerts that nobody has acknowledged.
    pub unacknowledged: Counts,
    /// Alerts that nobody has answered and that a pause of alarms, an alarm that is off or a standby makes quiet.
    pub quiet: usize,
    /// Patients by bed.
    pub patients: Vec<PatientReport>,
    /// Open alerts, the most urgent first.
    pub alerts: Vec<AlertReport>,
    /// What is paused or switched off, and what waits for a second person.
    pub pauses: Vec<PauseReport>,
}

/// A live value of this age, in seconds, is told with its age: it is a single measurement, such as a cuff pressure.
const TOLD_FROM_AGE_S: f64 = 30.0;

/// Alerts that nobody has acknowledged, by priority; technical ones that are not high apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
pub struct Counts {
    /// High, technical ones included.
    pub high: usize,
    /// Physiological, medium.
    pub medium: usize,
    /// Physiological, low.
    pub low: usize,
    /// Technical, not high.
    pub technical: usize,
}

impl Counts {
    /// Counts the alerts of a ward that nobody has acknowledged.
    #[must_use]
    pub fn of(ward: &WardView) -> Self {
        let mut counts = Self::default();
        for alert in ward.alerts.values().filter(|a| a.is_unacknowledged()) {
            match alert.priority {
                _ if words::is_technical_only(alert) => counts.technical += 1,
                Priority::High => counts.high += 1,
                Priority::Medium => counts.medium += 1,
                Priority::Low => counts.low += 1,
            }
        }
        counts
    }

    /// All of them.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.high + self.medium + self.low + self.technical
    }
}

/// A patient of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PatientReport {
    /// The label of the bed.
    pub bed: String,
    /// The patient.
    pub patient: PatientId,
    /// Name; empty where it may not be seen.
    pub name: String,
    /// Newest values in display order.
    pub vitals: Vec<VitalReport>,
}

/// A newest value of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VitalReport {
    /// The vital.
    pub vital: VitalCode,
    /// Its label.
    pub label: String,
    /// The value; absent if the device could not measure.
    pub value: Option<f64>,
    /// The value as shown; `–` if the device could not measure.
    pub shown: String,
    /// The unit as shown.
    pub unit: String,
    /// When it was measured.
    pub observed_at: Timestamp,
    /// Its age in seconds.
    pub age_s: f64,
    /// Whether it may be taken for the present.
    pub liveness: Liveness,
    /// How far it is to be believed.
    pub quality: Quality,
    /// What is doubtful about it, by name; it is judged all the same.
    pub marks: Marks,
    /// `rising` or `falling`, where its last hour is known, certain and matters.
    pub trend: Option<&'static str>,
    /// The limits that the device says it has; nothing here is judged by them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_limits: Option<ReportedLimits>,
}

/// Something that is paused or switched off.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PauseReport {
    /// In words.
    pub words: String,
    /// All of it.
    #[serde(flatten)]
    pub pause: Pause,
}

/// An open alert of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlertReport {
    /// Number within the ward.
    pub id: AlertId,
    /// Priority.
    pub priority: Priority,
    /// Physiological or technical.
    pub class: AlertClass,
    /// The code of the condition.
    pub code: String,
    /// The label of the bed; absent if it is about none.
    pub bed: Option<String>,
    /// The patient; absent if it is about none.
    pub patient: Option<PatientId>,
    /// Name; empty where it may not be seen.
    pub name: String,
    /// What is wrong, in words.
    pub condition: String,
    /// What more is known of it: which bed has no nurse, which channel fails.
    pub detail: Option<String>,
    /// The value that caused the last transition.
    pub value: Option<f64>,
    /// The limit in force.
    pub limit: Option<f64>,
    /// The unit of both.
    pub unit: Option<String>,
    /// Where it stands, in words.
    pub state: String,
    /// Whether the condition is absent, present or cannot be judged.
    pub condition_state: Condition,
    /// Whether it is signalled.
    pub signal: Signal,
    /// Whether it asks for an acknowledgement.
    pub unacknowledged: bool,
    /// Who is asked, if a rota or a hand-over says so; nobody once somebody deals with it.
    pub asked: Vec<LoginName>,
    /// The level of escalation that it has reached, from 1.
    pub level: u8,
    /// When the next level is asked.
    pub escalates_at: Option<Timestamp>,
    /// Whether a pause makes it quiet, which one, and until when.
    pub inactivation: Inactivation,
    /// The newest comment.
    pub comment: Option<Comment>,
    /// Who deals with it.
    pub owner: Option<String>,
    /// When the condition began.
    pub since: Timestamp,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// Its age in seconds.
    pub age_s: f64,
    /// How often it has moved: an acknowledgement names this number.
    pub transition: u32,
}

impl Report {
    /// Whether an alert is not answered: it asks for somebody, or is only made quiet.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.unacknowledged.total() > 0 || self.quiet > 0
    }

    /// The ward as a screen knows it; `None` before the first snapshot.
    #[must_use]
    pub fn of(app: &App) -> Option<Self> {
        let (ward, at) = (app.ward.as_ref()?, app.server_now()?);
        Some(Self {
            mode: ward.mode,
            ward: ward.ward.id.clone(),
            ward_name: ward.ward.name.clone(),
            time_zone: ward.ward.time_zone.name().to_owned(),
            at,
            live: app.health().is_live() && app.store == StoreState::Recording,
            store: app.store,
            unacknowledged: Counts::of(ward),
            quiet: ward.alerts.values().filter(|alert| alert.is_made_quiet()).count(),
            patients: ward.by_bed().into_iter().map(|p| patient(app, ward, p)).collect(),
            alerts: ward.by_urgency().into_iter().map(|a| alert(ward, a, at)).collect(),
            pauses: app.pauses().into_iter().map(|p| pause(ward, p, at)).collect(),
        })
    }

    /// As text, in lines of moderate length.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        self.write_text(&mut out).unwrap_or_default();
        out
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        let zone = self.time_zone.parse().unwrap_or(chrono_tz::Tz::UTC);
        let demo = if self.mode == Mode::Demo { "DEMO · " } else { "" };
        let live = if self.live { "LIVE" } else { "NOT LIVE" };
        let unrecorded = if self.store == StoreState::Unrecorded { " · NOTHING IS RECORDED" } else { "" };
        let (day, clock) = (words::day(self.at, zone), words::clock(self.at, zone));
        writeln!(out, "{demo}{} · {live}{unrecorded} · {day} {clock} {}", self.ward_name, words::zone(self.at, zone))?;
        let Counts { high, medium, low, technical } = self.unacknowledged;
        let quiet =
            if self.quiet > 0 { format!("  · made quiet and not answered: {}", self.quiet) } else { String::new() };
        writeln!(out, "not acknowledged: *** {high}  ** {medium}  * {low}  ? {technical}{quiet}")?;
        writeln!(out)?;
        writeln!(out, "ALERTS")?;
        if self.alerts.is_empty() {
            writeln!(out, "none")?;
        }
        for alert in &self.alerts {
            alert.write_text(out, self.at)?;
        }
        if !self.pauses.is_empty() {
            writeln!(out)?;
            writeln!(out, "QUIET")?;
        }
        for pause in &self.pauses {
            writeln!(out, "{} {}", pause.pause.id, pause.words)?;
        }
        writeln!(out)?;
        writeln!(out, "BEDS")?;
        for patient in &self.patients {
            patient.write_text(out)?;
        }
        Ok(())
    }
}

/// Fills text up to a width in columns.
fn pad(text: &str, columns: usize) -> String {
    let mut padded = text.to_owned();
    padded.extend(std::iter::repeat_n(' ', columns.saturating_sub(text.width())));
    padded
}

impl AlertReport {
    fn write_text(&self, out: &mut String, now: Timestamp) -> std::fmt::Result {
        let technical = self.class == AlertClass::Technical && self.priority != Priority::High;
        let mark = if technical { "?" } else { self.priority.mark() };
        let bed = self.bed.as_deref().unwrap_or("–");
        let age = words::lasting(now.since(self.raised_at));
        let what = pad(&self.condition, 28);
        let detail = self.detail.as_ref().map_or_else(String::new, |detail| format!(" · {detail}"));
        writeln!(
            out,
            "{mark:<3} {} {} {} {} {what} {age:>8}  {}{detail}",
            pad(&format!("#{}", self.id), 4),
            pad(self.priority.as_str(), 6),
            pad(bed, 6),
            pad(&self.name, 20),
            self.state
        )
    }
}

impl VitalReport {
    /// Its age in whole seconds.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "ages are small")]
    pub const fn age_seconds(&self) -> i64 {
        self.age_s as i64
    }

    /// What is said of it besides: `falling`, `doubtful: does not vary`.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let doubts = Some(words::doubts(self.marks)).filter(|doubts| !doubts.is_empty());
        self.trend.map(str::to_owned).into_iter().chain(doubts.map(|doubts| format!("doubtful: {doubts}")))
    }
}

impl PatientReport {
    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        write!(out, "{} {}", pad(&self.bed, 6), pad(&self.name, 20))?;
        for vital in &self.vitals {
            let unit = if vital.unit.is_empty() { String::new() } else { format!(" {}", vital.unit) };
            let age = words::age(Millis::from_secs(vital.age_seconds()));
            let age = match vital.liveness {
                Liveness::Live if vital.age_s < TOLD_FROM_AGE_S => None,
                Liveness::Live => Some(age),
                Liveness::Late => Some(format!("late {age}")),
                Liveness::Lost | Liveness::Never => Some(format!("LOST {age}")),
            };
            let notes: Vec<String> = age.into_iter().chain(vital.notes()).collect();
            let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
            write!(out, "  {} {}{unit}{notes}", vital.label, vital.shown)?;
        }
        writeln!(out)
    }
}

fn patient(app: &App, ward: &WardView, view: &PatientView) -> PatientReport {
    let newest = |info: &crate::protocol::VitalInfo| {
        view.vitals.get(&info.vital).and_then(|vital| vital_report(app, ward, (&view.patient.id, vital)))
    };
    PatientReport {
        bed: words::bed_label(ward, &view.bed).to_owned(),
        patient: view.patient.id.clone(),
        name: view.patient.name.as_str().to_owned(),
        vitals: ward.vitals.iter().filter_map(newest).collect(),
    }
}

/// A newest value of a patient; `None` if the ward does not know the vital.
#[must_use]
pub fn vital_report(app: &App, ward: &WardView, of: (&PatientId, &VitalView)) -> Option<VitalReport> {
    let (patient, vital) = of;
    let info = ward.info(vital.vital)?;
    let measured = vital.quality != Quality::NotMeasured;
    let device_limits =
        ward.patients.get(patient).and_then(|p| p.device_limits.get(&vital.vital)).map(|said| said.limits);
    Some(VitalReport {
        device_limits,
        vital: vital.vital,
        label: info.label.to_string(),
        value: measured.then_some(vital.value),
        shown: if measured { info.format(vital.value) } else { "–".to_owned() },
        unit: info.unit.to_string(),
        observed_at: vital.observed_at,
        age_s: app.age(vital)?.as_secs_f64(),
        liveness: app.liveness(vital),
        quality: vital.quality,
        marks: vital.marks,
        trend: app.arrow(patient, vital).map(words::heading),
    })
}

fn alert(ward: &WardView, alert: &Alert, now: Timestamp) -> AlertReport {
    let info = alert.key.code.vital().and_then(|vital| ward.info(vital));
    let placed = alert.key.patient.is_some() || alert.bed.is_some();
    AlertReport {
        id: alert.id,
        priority: alert.priority,
        class: alert.class,
        code: alert.key.code.to_string(),
        bed: placed.then(|| words::bed_of(alert, ward).to_owned()),
        patient: alert.key.patient.clone(),
        name: name(ward, alert.key.patient.as_ref()),
        condition: words::condition_now(alert, ward),
        detail: alert.detail.clone(),
        value: alert.value,
        limit: alert.limit,
        unit: info.filter(|_| alert.limit.is_some()).map(|i| i.unit.to_string()),
        state: words::standing(alert, now).join(", "),
        asked: match &alert.response {
            Response::Notified { to } | Response::Escalated { to, .. } => to.clone(),
            _ => Vec::new(),
        },
        level: alert.level,
        escalates_at: alert.escalates_at,
        inactivation: alert.inactivation,
        comment: alert.comment.clone(),
        condition_state: alert.condition,
        signal: alert.signal,
        unacknowledged: alert.is_unacknowledged(),
        owner: alert.owner().map(|by| Actor::label(by).to_owned()),
        since: alert.since,
        raised_at: alert.raised_at,
        age_s: now.since(alert.raised_at).as_secs_f64().max(0.0),
        transition: alert.transition,
    }
}

fn pause(ward: &WardView, pause: &Pause, now: Timestamp) -> PauseReport {
    PauseReport { words: words::pause_sentence(pause, ward, now), pause: pause.clone() }
}

fn name(ward: &WardView, patient: Option<&PatientId>) -> String {
    let view = patient.and_then(|p| ward.patients.get(p));
    view.map_or_else(String::new, |v| v.patient.name.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::testing::{Bench, night, ward12};

    #[test]
    fn what_is_only_made_quiet_is_not_calm() {
        let mut view = ward12();
        assert!(view.alerts.is_empty());
        let mut alert =
            crate::tui::testing::alert(1, 4, crate::domain::ConditionCode::DeviceLost, Priority::Medium, 60);
        let (pause, until) = (crate::domain::PauseId(1), crate::tui::testing::t0());
        let kind = crate::domain::PauseKind::Standby;
        alert.inactivation = Inactivation::Paused { kind, pause, until };
        view.alerts.insert(alert.id, alert.clone());
        let report = |view: WardView| {
            let mut bench = Bench::with(view);
            bench.heartbeat();
            Report::of(&bench.app).unwrap()
        };
        let quiet = report(view.clone());
        assert_eq!((quiet.unacknowledged.total(), quiet.quiet, quiet.asks()), (0, 1, true));
        assert!(quiet.text().contains("made quiet and not answered: 1"), "{}", quiet.text());
        alert.signal = Signal::Ack;
        view.alerts.insert(alert.id, alert);
        assert!(!report(view).asks(), "somebody deals with it");
    }

    #[test]
    fn the_report_of_a_bad_night() {
        let mut bench = Bench::with(night());
        bench.heartbeat();
        let report = Report::of(&bench.app).unwrap();
        assert_eq!(report.unacknowledged, Counts { high: 1, medium: 1, low: 0, technical: 1 });
        assert!(report.live);
        insta::assert_snapshot!("night_text", report.text());
        insta::assert_snapshot!(
            "night_json",
            serde_json::to_string_pretty(&(&report.patients[3], &report.alerts)).unwrap()
        );
    }

    #[test]
    fn without_a_link_nothing_in_it_is_live() {
        let mut bench = Bench::with(ward12());
        bench.wait(30_000);
        let report = Report::of(&bench.app).unwrap();
        assert!(!report.live && report.text().contains("NOT LIVE"));
        assert!(report.patients.iter().flat_map(|p| &p.vitals).all(|v| v.liveness != Liveness::Live));
    }

    #[test]
    fn what_was_not_measured_has_no_value() {
        let mut view = ward12();
        let patient = view.patients.values_mut().next().unwrap();
        let vital = patient.vitals.values_mut().next().unwrap();
        (vital.value, vital.quality) = (0.0, Quality::NotMeasured);
        let bench = Bench::with(view);
        let report = Report::of(&bench.app).unwrap();
        assert_eq!((report.patients[0].vitals[0].value, report.patients[0].vitals[0].shown.as_str()), (None, "–"));
    }

    #[test]
    fn doubt_and_direction_are_said_in_words() {
        let mut view = night();
        let id = crate::tui::testing::patient_id(1);
        let hr = crate::domain::vital::HR;
        view.patients.get_mut(&id).unwrap().vitals.get_mut(&hr).unwrap().marks = Marks::FLATLINE;
        let mut bench = Bench::with(view);
        bench.answer_history();
        bench.heartbeat();
        let report = Report::of(&bench.app).unwrap();
        let text = report.text();
        assert!(text.contains("HR 72 /min (doubtful: does not vary)"), "{text}");
        assert!(text.contains("SpO2 81 % (falling)"), "{text}");
        let json = serde_json::to_value(&report.patients).unwrap();
        assert_eq!(json[0]["vitals"][0]["marks"], serde_json::json!(["flatline"]));
        let falling = json[3]["vitals"].as_array().unwrap().iter().find(|v| v["vital"] == "spo2").unwrap();
        assert_eq!(falling["trend"], "falling");
    }
}
