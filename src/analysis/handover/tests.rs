//! A night on the ward, as the engine judges it, told at the handover.

use super::*;
use crate::{
    analysis::handover_text::{markdown, text},
    domain::{
        Actor, AlertId, Assignment, Basis, Bed, Category, ChartEntry, Command, Consciousness, Desired, Device,
        DeviceKind, Expiry, Freshness, HandoverExtent, HandoverId, LimitScope, LimitValue, LimitsChange, LoginName,
        Marks, Mode, Observation, PatientId, PauseKind, PauseScope, PersonName, Quality, Role, Sampling, VitalCode,
        Ward,
        series::Trend,
        vital::{HR, SPO2},
    },
    engine::{Engine, EngineConfig, Input},
};
use std::collections::BTreeMap;

/// Seconds after 22:00 in Berlin, of a night in winter.
fn t(s: i64) -> Timestamp {
    let evening: Timestamp = "2026-01-09T21:00:00Z".parse().unwrap();
    evening + Millis::from_secs(s)
}

fn by(name: &str, role: Role) -> Actor {
    Actor::User { user: name.parse().unwrap(), name: name.into(), role, session: "s".parse().unwrap() }
}

fn p1() -> PatientId {
    "p1".parse().unwrap()
}

/// An engine, the view that is folded from its events, and the journal.
struct Night {
    engine: Engine,
    view: WardView,
    events: Vec<Event>,
    trends: BTreeMap<VitalCode, Trend>,
    now: Timestamp,
}

impl Night {
    fn new(mode: Mode) -> Self {
        let ward = Ward { id: "w".parse().unwrap(), name: "3 East".into(), time_zone: chrono_tz::Tz::Europe__Berlin };
        let config = EngineConfig::default();
        let view = WardView::new(ward.clone(), mode, &config.vitals.clone(), |category| config.profiles.of(category));
        let mut night =
            Self { engine: Engine::new(config), view, events: Vec::new(), trends: BTreeMap::new(), now: t(-3_600) };
        night.input(Input::Start { ward });
        let bed = Bed { id: "b4".parse().unwrap(), label: "04".into() };
        night.say("console", Role::Charge, Command::SetBed { bed });
        let patient = Patient {
            id: p1(),
            name: PersonName::new("Okafor, Chidi"),
            category: Category::Adult,
            birth_year: Some(1959),
            note: PersonName::new("COPD; *new* <b>"),
        };
        let (bed, encounter) = ("b4".parse().unwrap(), "e1".parse().unwrap());
        night.say("carla", Role::Charge, Command::Admit { patient, bed, encounter });
        let device = Device {
            id: "mon-4".parse().unwrap(),
            name: "Monitor".into(),
            kind: DeviceKind::Monitor,
            gateway: None,
            intervals_ms: BTreeMap::new(),
            desired: Desired::default(),
        };
        night.say("carla", Role::Charge, Command::SetDevice { device: device.clone() });
        let assignment = Assignment { device: device.id, patient: p1(), start: night.now, end: None };
        night.say("carla", Role::Charge, Command::Assign { assignment });
        night
    }

    fn input(&mut self, input: Input) {
        for event in self.engine.handle(input, self.now) {
            self.view.apply(&event);
            self.events.push(event);
        }
    }

    fn say(&mut self, name: &str, role: Role, command: Command) {
        let before = self.events.len();
        self.input(Input::Command { command, by: by(name, role) });
        let refused = self.events[before..].iter().find(|e| matches!(e.body, EventBody::Refused { .. }));
        assert!(refused.is_none(), "{refused:?}");
    }

    /// One value a second over `[from, to)`.
    fn feed(&mut self, from: i64, to: i64, vital: VitalCode, value: f64) {
        for s in from..to {
            self.now = t(s);
            let observation = Observation {
                patient: p1(),
                device: "mon-4".parse().unwrap(),
                vital,
                value,
                text: None,
                observed_at: self.now,
                received_at: self.now,
                correction: false,
                interval: None,
            };
            let freshness = Freshness::of_sampling(Sampling::Continuous);
            self.view.observe(&observation, (Quality::Valid, Marks::NONE), freshness);
            let whole = || Trend::new(t(0), t(12 * 3_600), TREND_SLICES);
            self.trends.entry(vital).or_insert_with(whole).add(self.now, value);
            self.input(Input::Observation(observation));
        }
    }

    fn report(&self) -> HandoverReport {
        let patient = &self.view.patients[&p1()];
        let trends: Vec<VitalTrend> =
            self.trends.iter().map(|(vital, trend)| VitalTrend { vital: *vital, trend: trend.clone() }).collect();
        let events: Vec<Event> =
            self.events.iter().filter(|e| tells(e) && e.patient() == Some(&p1())).cloned().collect();
        let since = told_since(&self.view, patient, self.now);
        let known = Known { ward: &self.view, patient, now: self.now, since, events: &events, trends: &trends };
        report(&self.view, self.now, vec![sbar(&known)])
    }

    /// Handed over from carla to anna, with limits, a snooze, remarks and alerts since, and offered to ben.
    fn whole() -> Self {
        let mut night = Self::new(Mode::Demo);
        night.now = t(0);
        let (to, extent) = (LoginName::new("anna"), HandoverExtent::Ward);
        night.say("carla", Role::Charge, Command::OfferHandover { to, patients: vec![], extent, note: None });
        night.now = t(300);
        night.say("anna", Role::Nurse, Command::AcceptHandover { handover: HandoverId(1) });
        let change = LimitsChange { low: LimitValue::new(88.0).ok(), ..LimitsChange::default() };
        let reason: crate::domain::Remark = "COPD, target 88 to 92".parse().unwrap();
        night.say(
            "brandt",
            Role::Doctor,
            Command::SetLimits {
                scope: LimitScope::Patient { patient: p1() },
                vital: SPO2,
                change,
                reason: reason.clone(),
                expires: Expiry::NextHandover,
                basis: Basis::Chosen,
            },
        );
        let entry = ChartEntry::Consciousness { level: Consciousness::Alert, span: None };
        night.say("anna", Role::Nurse, Command::Chart { patient: p1(), entry });
        night.feed(600, 900, HR, 82.0);
        night.feed(900, 960, SPO2, 85.0);
        night.say("anna", Role::Nurse, Command::Acknowledge { alert: AlertId(1), transition: 1 });
        let text = "coughing\u{1b}[31m, sat him up".parse().unwrap();
        night.say("anna", Role::Nurse, Command::Comment { alert: AlertId(1), text });
        night.feed(960, 1_000, SPO2, 93.0);
        night.feed(1_000, 1_100, SPO2, 79.0);
        let scope = PauseScope::Condition { patient: p1(), code: "hr.high".parse().unwrap() };
        let (kind, span, include_high) = (PauseKind::AlarmPaused, Millis::from_mins(30), false);
        night.say(
            "anna",
            Role::Nurse,
            Command::Pause { kind, scope, span, reason: Some("turning".parse().unwrap()), include_high },
        );
        let note = Some("mind the pump \u{202e}| # not a heading".parse().unwrap());
        let (to, patients) = (LoginName::new("ben"), vec![p1()]);
        night.say("anna", Role::Nurse, Command::OfferHandover { to, patients, extent: HandoverExtent::Own, note });
        night
    }
}

#[test]
fn a_night_as_text() {
    insta::assert_snapshot!(text(&Night::whole().report()));
}

#[test]
fn a_night_as_markdown() {
    let words = markdown(&Night::whole().report());
    assert!(!words.chars().any(|c| c.is_control() && c != '\n') && !words.contains('\u{202e}'));
    insta::assert_snapshot!(words);
}

#[test]
fn an_alarm_that_two_switched_off_names_both() {
    let mut night = Night::new(Mode::Live);
    let scope = PauseScope::Condition { patient: p1(), code: "spo2.low".parse().unwrap() };
    let (kind, span, include_high) = (PauseKind::AlarmOff, Millis::from_mins(30), true);
    let reason = Some("palliative".parse().unwrap());
    night.say("carla", Role::Charge, Command::Pause { kind, scope, span, reason, include_high });
    let lines = |night: &Night| night.report().patients[0].background.join("\n");
    assert!(lines(&night).contains("WAITS for a second person; carla"), "{}", lines(&night));
    night.say("brandt", Role::Doctor, Command::ConfirmPause { pause: crate::domain::PauseId(1) });
    let said = lines(&night);
    assert!(said.contains("alarm off, high too; carla") && said.contains(", confirmed by brandt, until"), "{said}");
}

#[test]
fn the_same_night_gives_the_same_words() {
    assert_eq!(Night::whole().report(), Night::whole().report());
}

#[test]
fn a_quiet_live_ward_is_not_marked_and_says_that_nobody_owns_the_patient() {
    let report = Night::new(Mode::Live).report();
    let words = text(&report);
    assert!(!words.contains("DEMO"), "{words}");
    let sbar = &report.patients[0];
    assert_eq!(sbar.situation, ["NOBODY owns this patient", "no open alert", "NEWS2: not made yet"]);
    assert_eq!(sbar.assessment, ["no values", "alerts since 21:00:", "  none"]);
    assert_eq!(sbar.recommendation, ["nothing is due"]);
    assert!(words.contains("Bed 04, Okafor, Chidi, 67 years, adult, patient p1, OWNED BY NOBODY"), "{words}");
}

#[test]
fn nothing_is_told_from_before_a_day_ago() {
    let mut night = Night::new(Mode::Live);
    night.now = t(40 * 3_600);
    let patient = &night.view.patients[&p1()];
    assert_eq!(told_since(&night.view, patient, night.now), t(16 * 3_600));
}

#[test]
fn spans_and_medians() {
    let words = [(59, "59 s"), (60, "1 min"), (3_600, "1 h"), (11_400, "3 h 10 min")];
    for (seconds, said) in words {
        assert_eq!(span(Millis::from_secs(seconds)), said);
    }
    assert_eq!((median(&[]), median(&[1.0]), median(&[1.0, 2.0, 9.0])), (None, Some(1.0), Some(2.0)));
    assert_eq!(median(&[1.0, 2.0]), Some(1.5));
}
