//! A small ward for tests of the screen.

use super::core::{App, AppOptions, Effect, Event, Input, Key};
use crate::{
    alarm::Profiles,
    client::{ClientEvent, ClientRequest, Hello},
    domain::{
        Actor, Alert, AlertClass, AlertId, AlertKey, Basis, Bed, Category, Chart, Condition, ConditionCode, Duty,
        Expiry, Freshness, Inactivation, LimitOverride, LimitScope, LimitSetting, LoginName, Marks, Millis, Mode,
        Patient, PatientId, PersonName, Priority, Quality, Response, Role, Rota, Sampling, Shift, Side, Signal,
        Timestamp, VitalCode, VitalTable, Ward,
        series::Trend,
        vital::{HR, NBP_DIA, NBP_MEAN, NBP_SYS, RR, SPO2, TEMP},
    },
    protocol::{
        AlertReport, AuditEntryView, AuditPage, DeviceFault, DeviceList, DeviceView, History, HistoryQuery,
        LetterCount, LetterView, MinuteView, OpsReport, PatientHistory, PatientView, PipelineView, SessionInfo,
        SessionState, SourceView, StoreState, VitalTrend, VitalView, WardView,
    },
};
use std::collections::BTreeMap;

/// The server's time when a test begins: a night in Berlin, 03:12:45 there.
pub(in crate::tui) fn t0() -> Timestamp {
    "2026-03-01T02:12:45Z".parse().unwrap()
}

const PEOPLE: [(&str, &str, f64, f64, f64); 12] = [
    ("01", "Adeyemi Folake", 72.0, 97.0, 14.0),
    ("02", "Novak Jana", 88.0, 95.0, 18.0),
    ("03", "Haddad Samir", 64.0, 96.0, 12.0),
    ("04", "Okafor Chidi", 121.0, 81.0, 27.0),
    ("05", "Lund Ingrid", 58.0, 98.0, 11.0),
    ("06", "Rossi Paola", 77.0, 96.0, 16.0),
    ("07", "Lindt Max", 138.0, 94.0, 22.0),
    ("08", "Ferreira-Albuquerque Maria", 81.0, 97.0, 15.0),
    ("09", "Tanaka Yui", 69.0, 99.0, 13.0),
    ("10", "Schmidt Otto", 74.0, 93.0, 17.0),
    ("11", "Silva Ana", 92.0, 96.0, 29.0),
    ("12", "O'Brien Sean", 66.0, 95.0, 14.0),
];

pub(in crate::tui) fn ward() -> Ward {
    Ward { id: "3-east".parse().unwrap(), name: "3 East".into(), time_zone: chrono_tz::Tz::Europe__Berlin }
}

fn vital(code: VitalCode, value: f64, age_ms: i64) -> (VitalCode, VitalView) {
    let table = VitalTable::builtin();
    let sampling = table.get(code).map_or(Sampling::Continuous, |def| def.sampling);
    let view = VitalView {
        vital: code,
        value,
        text: None,
        quality: Quality::Valid,
        marks: Marks::NONE,
        observed_at: t0() - Millis(age_ms),
        device: "mon-1".parse().unwrap(),
        freshness: Freshness::of_sampling(sampling),
        confirmed: true,
    };
    (code, view)
}

pub(in crate::tui) fn patient_id(number: usize) -> PatientId {
    format!("p{number:02}").parse().unwrap()
}

/// Twelve beds with a patient each: all vitals live, but bed 06 late and bed 09 lost.
pub(in crate::tui) fn ward12() -> WardView {
    let profiles = Profiles::builtin();
    let mut view = WardView::new(ward(), Mode::Demo, &VitalTable::builtin(), |c: Category| profiles.of(c));
    for (at, (bed, name, hr, spo2, rr)) in PEOPLE.into_iter().enumerate() {
        let number = at + 1;
        let age = match number {
            6 => 5_000,
            9 => 250_000,
            _ => 400,
        };
        let patient = Patient {
            id: patient_id(number),
            name: PersonName::new(name),
            category: Category::Adult,
            birth_year: Some(1959),
            note: PersonName::new(if number == 4 { "COPD" } else { "" }),
        };
        let vitals = BTreeMap::from([
            vital(HR, hr, age),
            vital(SPO2, spo2, age),
            vital(RR, rr, age),
            vital(NBP_SYS, 118.0, 14 * 60_000),
            vital(NBP_DIA, 70.0, 14 * 60_000),
            vital(NBP_MEAN, 86.0, 14 * 60_000),
            vital(TEMP, 36.8, 3 * 3_600_000),
        ]);
        let bed_id: crate::domain::BedId = format!("b{bed}").parse().unwrap();
        view.beds.insert(bed_id.clone(), Bed { id: bed_id.clone(), label: bed.to_owned() });
        let stay = PatientView {
            patient,
            bed: bed_id,
            encounter: format!("e{bed}").parse().unwrap(),
            admitted_at: Some(t0() - Millis::from_mins(26 * 60)),
            vitals,
            scores: BTreeMap::new(),
            chart: Chart::default(),
            limits: BTreeMap::new(),
            device_limits: BTreeMap::new(),
            other_limits: Vec::new(),
        };
        view.patients.insert(patient_id(number), stay);
    }
    view
}

/// An alert of a patient that was raised `age_s` ago.
pub(in crate::tui) fn alert(id: u64, patient: usize, code: ConditionCode, priority: Priority, age_s: i64) -> Alert {
    let (value, limit) = match code {
        ConditionCode::Limit(_, Side::Low) => (Some(81.0), Some(85.0)),
        ConditionCode::Limit(..) => (Some(138.0), Some(130.0)),
        _ => (None, None),
    };
    Alert {
        id: AlertId(id),
        key: AlertKey { patient: Some(patient_id(patient)), code, device: Some("mon-1".parse().unwrap()) },
        encounter: None,
        bed: Some(format!("b{patient:02}").parse().unwrap()),
        class: if code.is_physiological() { AlertClass::Physiological } else { AlertClass::Technical },
        priority,
        condition: Condition::Present,
        signal: Signal::On,
        response: Response::Notified { to: Vec::new() },
        transition: 1,
        since: t0() - Millis::from_secs(age_s + 10),
        raised_at: t0() - Millis::from_secs(age_s),
        ended_at: None,
        value,
        limit,
        delay_ms: Millis::from_secs(10),
        count: 1,
        again: 0,
        detail: None,
        inactivation: Inactivation::Enabled,
        level: 1,
        escalates_at: None,
        reminds_at: None,
        reminded: 0,
        followed: 0,
        announced: id,
        comment: None,
        reported: None,
    }
}

/// The alerts of the usual bad night: one high, one medium, one technical.
pub(in crate::tui) fn night() -> WardView {
    let mut view = ward12();
    let alerts = [
        alert(1, 4, ConditionCode::Limit(SPO2, Side::Low), Priority::High, 42),
        alert(2, 7, ConditionCode::Limit(HR, Side::High), Priority::Medium, 190),
        alert(3, 2, ConditionCode::NotMeasured(SPO2), Priority::Low, 495),
    ];
    view.alerts = alerts.map(|a| (a.id, a)).into();
    view
}

pub(in crate::tui) fn session(role: Role) -> SessionInfo {
    SessionInfo {
        user: "a.meyer".into(),
        role,
        state: SessionState::Active,
        idle_lock_ms: 900_000,
        ends_in_ms: 43_200_000,
    }
}

/// What a server says to a nurse first.
pub(in crate::tui) fn hello() -> Hello {
    Hello {
        server: "wardwatch 0.1.0".into(),
        mode: Mode::Demo,
        now: t0(),
        session: session(Role::Nurse),
        wards: vec![ward()],
    }
}

/// The newest entries of the audit trail of a night.
pub(in crate::tui) fn audit_page() -> AuditPage {
    let entry = |index: u64, ago_s: i64, act: &str, who: (&str, Option<&str>), patient: Option<usize>, about: &str| {
        AuditEntryView {
            index,
            at: Some(t0() - Millis::from_secs(ago_s)),
            act: act.into(),
            refused: act == "access.denied" || act == "user.login",
            who: who.0.into(),
            role: who.1.map(str::to_owned),
            patient: patient.map(patient_id),
            about: about.into(),
        }
    };
    let nurse = ("a.meyer", Some("nurse"));
    AuditPage {
        entries: vec![
            entry(1_203_441, 0, "audit.read", ("i.sander", Some("auditor")), None, ""),
            entry(1_203_440, 42, "patient.view", nurse, Some(4), "ward=3-east"),
            entry(1_203_439, 61, "access.denied", nurse, None, "change_ward_limits"),
            entry(1_203_438, 95, "user.login", ("unknown", None), None, "wrong"),
            entry(1_203_437, 3_600, "break_glass.start", ("k.brandt", Some("doctor")), Some(11), "ward=icu emergency"),
            entry(1_203_436, 3_700, "device.set", ("uid 0", None), None, "ward=3-east device=mon-12"),
        ],
        before: Some(1_203_436),
        size: 1_203_442,
    }
}

fn query_of(effect: Effect) -> Option<(u64, HistoryQuery)> {
    match effect {
        Effect::Send(ClientRequest::Query { id, query }) => Some((id, query)),
        _ => None,
    }
}

/// The past of a vital: near its newest value, with a small swing. The oxygen saturation of bed 04 falls from 96 within
/// the last 20 minutes, and nothing came between 02:35 and 02:49.
fn past(newest: &VitalView, falls: bool, at: Timestamp) -> Option<f64> {
    let minutes = t0().since(at).0 / 60_000;
    if (24..38).contains(&minutes) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "minutes of a day")]
    let back = minutes as f64;
    let value = if newest.quality == Quality::Valid { newest.value } else { 95.0 };
    let swing = (back / 7.0).sin() * value * 0.015;
    Some(if falls { value + back.min(20.0) * 0.75 + swing } else { value + swing })
}

/// A rota with two nurses, a gap in two beds now and one of the doctors later.
pub(in crate::tui) fn rota() -> Rota {
    let shift = |duty, user: &str, from: i64, to: i64, beds: std::ops::Range<usize>| Shift {
        from: t0() + Millis::from_mins(from),
        to: t0() + Millis::from_mins(to),
        duty,
        user: LoginName::new(user),
        beds: beds.map(|bed| format!("b{bed:02}").parse().unwrap()).collect(),
    };
    Rota::new(vec![
        shift(Duty::Charge, "c.lang", -300, 228, 0..0),
        shift(Duty::Charge, "d.ott", 228, 708, 0..0),
        shift(Duty::Doctor, "k.brandt", -300, 288, 0..0),
        shift(Duty::Doctor, "e.kurz", 600, 1_900, 0..0),
        shift(Duty::Nurse, "a.meyer", -300, 228, 1..7),
        shift(Duty::Nurse, "b.yilmaz", -300, 228, 7..11),
        shift(Duty::Nurse, "f.aydin", 228, 708, 0..0),
    ])
}

/// The report of a busy day.
pub(in crate::tui) fn report() -> AlertReport {
    use crate::{
        domain::event::SuppressedBy,
        protocol::alert_report::{Durations, KindCount, LongestWait, Talker},
    };
    let kind = |raised: u64, high: u64, medium: u64, hysteresis: u64, delay: u64, quality: u64| KindCount {
        raised,
        by_priority: [(Priority::High, high), (Priority::Medium, medium), (Priority::Low, raised - high - medium)]
            .into(),
        returned: raised / 9,
        worsened: high / 2,
        acknowledged: raised / 2,
        escalated: raised / 10,
        hysteresis,
        suppressed: [(SuppressedBy::Delay, delay), (SuppressedBy::Quality, quality)].into(),
    };
    let times = |count: u64, half: i64, longest: i64| Durations {
        count,
        median: Millis::from_secs(half),
        p90: Millis::from_secs(half * 4),
        longest: Millis::from_secs(longest),
        never: 31,
        waiting: 2,
    };
    let talker = |bed: &str, alerts: u64| Talker { bed: bed.into(), alerts };
    AlertReport {
        ward: "3 East".into(),
        from: t0() - Millis::from_mins(24 * 60),
        to: t0(),
        patients: 12,
        bed_days: 11.6,
        kinds: [
            ("spo2.low".into(), kind(64, 12, 52, 210, 431, 12)),
            ("hr.high".into(), kind(22, 1, 21, 44, 130, 0)),
            ("spo2.not_measured".into(), kind(38, 0, 0, 0, 96, 0)),
            ("device.lost".into(), kind(3, 0, 3, 0, 0, 0)),
            ("rr.high".into(), kind(0, 0, 0, 3, 71, 5)),
        ]
        .into(),
        technical: 41,
        acknowledge: times(94, 52, 2_461),
        response: times(101, 41, 1_980),
        longest_wait: Some(LongestWait {
            bed: Some("07".into()),
            code: "hr.high".into(),
            priority: Priority::Medium,
            raised_at: t0() - Millis::from_mins(305),
            waited: Millis::from_secs(2_461),
        }),
        talkers: vec![talker("04", 61), talker("07", 20), talker("11", 9), talker("02", 3)],
        top_tenth_share: 0.66,
        by_hour: [3, 1, 9, 4, 2, 2, 6, 11, 8, 5, 4, 3, 2, 6, 7, 4, 5, 8, 9, 7, 6, 5, 5, 5],
    }
}

/// A device whose values are nobody's.
fn nobodys(id: &str, code: &str, bed: Option<&str>, count: u64) -> crate::domain::Unplaced {
    crate::domain::Unplaced {
        device: id.parse().unwrap(),
        sender: "gw-east".parse().unwrap(),
        ward: Some(ward().id),
        first_at: t0() - Millis::from_mins(12),
        last_at: t0() - Millis::from_secs(4),
        count,
        code: code.into(),
        detail: String::new(),
        patient: None,
        bed: bed.map(|bed| bed.parse().unwrap()),
    }
}

/// The devices of a bad night: one lost, one never heard, one about to be empty, one with a wrong clock that has not applied
/// what is wanted of it, one that measures nobody, a gateway; and two whose values are nobody's.
pub(in crate::tui) fn devices() -> DeviceList {
    use crate::domain::{
        Assignment, Desired, Device, DeviceKind, DeviceLimits, DeviceReport, LimitValue, Percent, Reported,
    };
    let view = |id: &str, patient: Option<usize>, heard_s: Option<i64>, faults: &[DeviceFault]| {
        let device = Device {
            id: id.parse().unwrap(),
            name: id.into(),
            kind: DeviceKind::Monitor,
            gateway: Some("gw-east".parse().unwrap()),
            intervals_ms: [(SPO2, Millis::from_secs(1))].into(),
            desired: Desired::default(),
        };
        let open = |patient| Assignment {
            device: device.id.clone(),
            patient: patient_id(patient),
            start: t0() - Millis::from_mins(310),
            end: None,
        };
        DeviceView {
            seen_at: heard_s.map(|s| t0() - Millis::from_secs(s)),
            reported: None,
            patient: patient.map(patient_id),
            bed: patient.map(|n| format!("b{n:02}").parse().unwrap()),
            assignments: patient.map(open).into_iter().collect(),
            faults: faults.to_vec(),
            tokens: None,
            code_until: None,
            device,
        }
    };
    let says = |battery: u8, ahead_s: i64, applied: Option<u32>| {
        let report = DeviceReport {
            firmware: Some("2.14.1".parse().unwrap()),
            model: Some("M12".parse().unwrap()),
            serial: Some("A-7731".parse().unwrap()),
            battery_percent: Some(Percent::new(battery).unwrap()),
            applied,
            time: Some(t0() + Millis::from_secs(ahead_s)),
        };
        Some(Reported::new(report, t0() - Millis::from_secs(20), t0()))
    };
    let mut skewed = view("mon-07", Some(7), Some(1), &[DeviceFault::ClockSkew, DeviceFault::Drift]);
    skewed.reported = says(81, -142, Some(1));
    skewed.device.desired = Desired {
        intervals_ms: BTreeMap::new(),
        version: 2,
        changed_at: Some(t0() - Millis::from_mins(62)),
        limits: [(SPO2, DeviceLimits { low: LimitValue::new(85.0).ok(), high: None })].into(),
    };
    let past = |patient, from: i64, to: i64| Assignment {
        device: skewed.device.id.clone(),
        patient,
        start: t0() - Millis::from_mins(from),
        end: Some(t0() - Millis::from_mins(to)),
    };
    let older = [past(patient_id(3), 2_000, 310), past("p-gone".parse().unwrap(), 4_100, 2_040)];
    skewed.assignments.extend(older);
    let mut empty = view("mon-04", Some(4), Some(2), &[DeviceFault::BatteryEmpty]);
    empty.reported = says(4, 1, Some(1));
    let mut well = view("mon-01", Some(1), Some(1), &[]);
    well.reported = says(97, 0, Some(1));
    let mut gateway = view("gw-east", None, Some(0), &[]);
    (gateway.device.kind, gateway.device.gateway) = (DeviceKind::Gateway, None);
    gateway.device.intervals_ms.clear();
    DeviceList {
        ward: ward().id,
        at: t0(),
        devices: vec![
            view("mon-09", Some(9), Some(250), &[DeviceFault::Lost]),
            view("mon-12", Some(12), None, &[DeviceFault::Never]),
            empty,
            skewed,
            view("mon-spare", None, Some(5_000), &[DeviceFault::Unassigned]),
            gateway,
            well,
        ],
        unplaced: vec![
            nobodys("mon-new", "unknown_device", Some("b05"), 1_204),
            nobodys("mon-spare", "not_assigned", None, 1),
        ],
    }
}

/// The limits of a patient as somebody set them, for so many hours from the beginning of a test; for none: until the next
/// handover, which has passed.
pub(in crate::tui) fn set_limit(view: &mut WardView, patient: usize, setting: &str, hours: Option<i64>) {
    let LimitSetting { vital, change } = setting.parse().unwrap();
    let by = Actor::User {
        user: "u7".parse().unwrap(),
        name: "k.brandt".into(),
        role: Role::Doctor,
        session: "s7".parse().unwrap(),
    };
    let expires = hours.map_or(Expiry::NextHandover, |h| Expiry::At { until: t0() + Millis::from_mins(h * 60) });
    let (at, reason) = (t0() - Millis::from_mins(32), "COPD, target 88 to 92".parse().unwrap());
    let review_due = hours.is_none();
    let set = LimitOverride { change, by, at, reason, expires, basis: Basis::Chosen, review_due };
    view.fill_limits([(LimitScope::Patient { patient: patient_id(patient) }, vital, &set)].into_iter());
}

/// What a server would answer.
fn history(query: &HistoryQuery, app: &App) -> History {
    let ward = app.ward.as_ref().unwrap();
    let of = |id: &PatientId| {
        let trends = ward.patients[id].vitals.values().map(|newest| {
            let episodic = newest.freshness.late_after > Millis::from_mins(60);
            let mut trend = Trend::new(query.from, query.to, query.points);
            let step = if episodic { Millis::from_mins(30) } else { Millis(trend.step.0.max(1_000) / 2) };
            let first = query.from.as_ms().div_euclid(step.0) * step.0;
            let mut at = Timestamp::from_ms(first);
            while at < query.to && at <= t0() {
                let falls = *id == patient_id(4) && newest.vital == SPO2;
                if let Some(value) = past(newest, falls, at) {
                    trend.add(at, value);
                }
                at = at + step;
            }
            VitalTrend { vital: newest.vital, trend }
        });
        let own = ward.alerts.values().filter(|a| a.key.patient.as_ref() == Some(id)).cloned();
        PatientHistory { patient: id.clone(), trends: trends.collect(), alerts: own.collect() }
    };
    History {
        ward: query.ward.clone(),
        from: query.from,
        to: query.to,
        patients: query.patients.iter().map(of).collect(),
    }
}

/// A screen with a session, and short words for what tests do.
pub(in crate::tui) struct Bench {
    pub(in crate::tui) app: App,
    pub(in crate::tui) at: Millis,
    pub(in crate::tui) effects: Vec<Effect>,
}

impl Bench {
    /// A nurse's screen that shows the ward, a moment after the snapshot.
    pub(in crate::tui) fn with(view: WardView) -> Self {
        let mut bench = Self::new();
        bench.client(ClientEvent::Connected(Hello { mode: view.mode, wards: vec![view.ward.clone()], ..hello() }));
        bench.snapshot(view);
        bench
    }

    /// A screen with a session before anything has come.
    pub(in crate::tui) fn new() -> Self {
        let options = AppOptions {
            server: "http://127.0.0.1:8470".into(),
            signed_in: true,
            user: String::new(),
            emergency: None,
        };
        Self { app: App::new(options), at: Millis(1_000), effects: Vec::new() }
    }

    pub(in crate::tui) fn snapshot(&mut self, view: WardView) {
        let now = t0() + (self.at - Millis(1_000));
        self.client(ClientEvent::Snapshot { seq: 10, now, view: Box::new(view) });
    }

    pub(in crate::tui) fn event(&mut self, event: Event) {
        self.effects = self.app.handle(self.at, event);
    }

    pub(in crate::tui) fn client(&mut self, event: ClientEvent) {
        self.event(Event::Client(Box::new(event)));
    }

    pub(in crate::tui) fn heartbeat(&mut self) {
        let now = t0() + (self.at - Millis(1_000));
        self.client(ClientEvent::Heartbeat { now, head: 10, store: StoreState::Recording, audit: 1_203_442 });
    }

    /// Lets time pass in silence.
    pub(in crate::tui) fn wait(&mut self, ms: i64) {
        self.at = self.at + Millis(ms);
        self.event(Event::Tick);
    }

    pub(in crate::tui) fn key(&mut self, key: Key) {
        self.event(Event::Input(Input::Key(key)));
    }

    /// Answers every question for the past that the last event asked.
    pub(in crate::tui) fn answer_history(&mut self) {
        let asked: Vec<(u64, HistoryQuery)> =
            std::mem::take(&mut self.effects).into_iter().filter_map(query_of).collect();
        for (id, query) in asked {
            let history = history(&query, &self.app);
            self.client(ClientEvent::History { id, history });
        }
    }

    /// Answers the request for devices that the last event made.
    pub(in crate::tui) fn answer_devices(&mut self) {
        let asked = self.effects.iter().find_map(|effect| match effect {
            Effect::Send(ClientRequest::Devices { id }) => Some(*id),
            _ => None,
        });
        if let Some(id) = asked {
            self.client(ClientEvent::Devices { id, list: Box::new(devices()) });
        }
    }

    pub(in crate::tui) fn type_text(&mut self, text: &str) {
        text.chars().for_each(|c| self.key(Key::char(c)));
    }
}

/// The intake of a night in which a mapping lost a template and a monitor is behind a slow gateway.
pub(in crate::tui) fn ops() -> OpsReport {
    let source = |id: &str, ago_s: i64, sums: [u64; 4], minute: (u64, u64), lag: Option<(i64, i64)>| SourceView {
        source: id.parse().unwrap(),
        last_at: t0() - Millis::from_secs(ago_s),
        messages: sums[0] / 4 + 1,
        accepted: sums[0],
        duplicate: sums[1],
        rejected: sums[2],
        late: sums[3],
        minute: MinuteView {
            values: minute.0,
            rejected: minute.1,
            lag_ms: lag.map(|(least, most)| (Millis(least), Millis(most))),
        },
    };
    let kind = |source: &str, code: &str, count: u64| LetterCount {
        source: source.into(),
        code: code.into(),
        count,
        newest: t0() - Millis::from_secs(20),
    };
    OpsReport {
        at: t0(),
        since: t0() - Millis::from_mins(26 * 60),
        sources: vec![
            source("gw-icu", 0, [4_402_113, 12, 3, 408], (2_880, 0), Some((180, 940))),
            source("mindray", 1, [903_331, 0, 41, 0], (480, 0), Some((-2_500, 310))),
            source("hub-home-17", 20, [1_204, 0, 288, 71], (12, 9), Some((4_000, 780_000))),
            source("gw-annex", 4_000, [88_120, 3, 0, 2], (0, 0), None),
        ],
        more_sources: 0,
        pipeline: PipelineView { recording: true, waiting: 1, capacity: 1_024, commits: 812, slowest: Millis(41) },
        letters_open: 332,
        letters: vec![kind("hub-home-17", "unmatched", 288), kind("mindray", "body", 44)],
    }
}

/// The newest letters of that night.
pub(in crate::tui) fn letters() -> Vec<LetterView> {
    let letter = |no: u64, ago_s: i64, source: &str, code: &str, detail: &str, payload: &str| LetterView {
        no,
        at: t0() - Millis::from_secs(ago_s),
        source: source.into(),
        code: code.into(),
        detail: detail.into(),
        payload: payload.into(),
    };
    let unmatched = "no template of the device mapping matches the message: $.heartRate is not there; add a template, or \
                     correct typeMatchExpression, then try the letter again";
    let home = |n: u64| format!(r#"{{"deviceId":"hub-home-17","hr":{n},"endDate":"2026-03-01T02:11:58Z"}}"#);
    vec![
        letter(332, 20, "hub-home-17", "unmatched", unmatched, &home(72)),
        letter(331, 31, "hub-home-17", "unmatched", unmatched, &home(73)),
        letter(
            330,
            95,
            "mindray",
            "body",
            "segment 4, field 5: a number is wanted, \"12.a\" stands there",
            "MSH|^~\\&|MINDRAY|D-00A0370027001EB6|||20260301021122||ORU^R01|M17|P|2.6\rPID|||p4^^^Hospital||Okafor^Chidi\r\
             PV1||I|ICU^^04\rOBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.7.4.150456|12.a|262688^MDC_DIM_PERCENT^MDC||||||F\x1b[2J",
        ),
        letter(329, 3_700, "gw-icu", "wrong_patient", "device m7 does not measure patient p9", "{}"),
    ]
}
