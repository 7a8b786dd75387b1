//! The engine as a whole: who is where, values, silence, commands, restarts.

use super::*;
use crate::domain::{
    Actor, Assignment, Bed, Cause, CloseReason, Command, Condition, ConditionCode, Desired, Device, DeviceKind,
    InopReason, Marks, Millis, Observation, Patient, Priority, Quality, Refusal, Response, Role, Side, Signal,
    SystemFault, VitalCode,
    event::SuppressedBy,
    system::FaultReport,
    vital::{HR, NBP_SYS, RR, SPO2},
};
use proptest::prelude::*;
use std::collections::BTreeMap as Map;

mod gates;
mod handover;
mod limits;
mod limits_several;
mod reported;
mod response;
mod restart;
mod scores;
mod scores_follow;
mod technical;

fn t(s: f64) -> Timestamp {
    Timestamp::from_ms(1_000_000_000_000) + Millis(format!("{:.0}", s * 1000.0).parse().unwrap())
}

fn ward() -> Ward {
    Ward { id: "w".parse().unwrap(), name: "Ward".into(), time_zone: chrono_tz::Tz::UTC }
}

fn nurse(name: &str) -> Actor {
    Actor::User { user: name.parse().unwrap(), name: name.into(), role: Role::Nurse, session: "s".parse().unwrap() }
}

/// An engine with its journal, and short words for what tests do.
#[derive(Clone)]
struct Bench {
    engine: Engine,
    events: Vec<Event>,
}

impl Bench {
    /// Beds 1 to `n`, patients `p1`…, monitors `d1`… assigned to them.
    fn new(n: usize) -> Self {
        Self::with(EngineConfig::default(), n)
    }

    fn with(config: EngineConfig, n: usize) -> Self {
        let mut bench = Self { engine: Engine::new(config), events: Vec::new() };
        bench.input(0.0, Input::Start { ward: ward() });
        for i in 1..=n {
            let bed = Bed { id: format!("b{i}").parse().unwrap(), label: i.to_string() };
            bench.command(0.0, Command::SetBed { bed });
            bench.admit(0.0, i, i);
            let device = Device {
                id: format!("d{i}").parse().unwrap(),
                name: "Monitor".into(),
                kind: DeviceKind::Monitor,
                gateway: None,
                intervals_ms: Map::new(),
                desired: Desired::default(),
            };
            bench.command(0.0, Command::SetDevice { device });
            bench.assign(0.0, i, i);
        }
        bench.events.clear();
        bench
    }

    fn admit(&mut self, s: f64, patient: usize, bed: usize) {
        let patient = Patient {
            id: format!("p{patient}").parse().unwrap(),
            name: crate::domain::PersonName::new("Okafor"),
            category: Category::Adult,
            birth_year: None,
            note: crate::domain::PersonName::default(),
        };
        let bed = format!("b{bed}").parse().unwrap();
        self.command(s, Command::Admit { encounter: format!("e-{s}").parse().unwrap(), patient, bed });
    }

    fn assign(&mut self, s: f64, device: usize, patient: usize) {
        let (device, patient) = (format!("d{device}").parse().unwrap(), format!("p{patient}").parse().unwrap());
        self.command(s, Command::Assign { assignment: Assignment { device, patient, start: t(s), end: None } });
    }

    fn input(&mut self, s: f64, input: Input) -> Vec<Event> {
        let out = self.engine.handle(input, t(s));
        self.events.extend(out.clone());
        out
    }

    fn command(&mut self, s: f64, command: Command) -> Vec<Event> {
        self.input(s, Input::Command { command, by: nurse("anna") })
    }

    fn tick(&mut self, s: f64) {
        self.input(s, Input::Tick);
    }

    fn value(&mut self, s: f64, patient: usize, vital: VitalCode, value: f64) -> Observed {
        self.late_value(s, s, patient, vital, value)
    }

    fn late_value(&mut self, s: f64, observed: f64, patient: usize, vital: VitalCode, value: f64) -> Observed {
        let mut out = Vec::new();
        let observed = self.engine.observe(&observation(observed, s, patient, vital, value), t(s), &mut out);
        self.events.extend(out);
        observed
    }

    /// Feeds one value a second over `[from, to)`.
    fn feed(&mut self, from: i32, to: i32, patient: usize, vital: VitalCode, value: f64) {
        for s in from..to {
            self.value(f64::from(s), patient, vital, value);
        }
    }

    /// The moves of alerts, but for those that come because nobody answers: `(second, code, cause)`.
    fn moves(&self) -> Vec<(f64, String, Cause)> {
        let moved = |e: &Event| match &e.body {
            EventBody::Alert { cause: Cause::Escalated | Cause::Reminded, .. } => None,
            EventBody::Alert { cause, alert, .. } => {
                Some((e.at.since(t(0.0)).as_secs_f64(), alert.key.code.to_string(), *cause))
            }
            _ => None,
        };
        self.events.iter().filter_map(moved).collect()
    }

    fn alert(&self, code: &str) -> &Alert {
        let code: ConditionCode = code.parse().unwrap();
        self.engine.alerts().find(|a| a.key.code == code).unwrap()
    }
}

fn observation(observed: f64, received: f64, patient: usize, vital: VitalCode, value: f64) -> Observation {
    Observation {
        patient: format!("p{patient}").parse().unwrap(),
        device: format!("d{patient}").parse().unwrap(),
        vital,
        value,
        text: None,
        observed_at: t(observed),
        received_at: t(received),
        correction: false,
        interval: None,
    }
}

fn low() -> String {
    "spo2.low".to_owned()
}

#[test]
fn a_desaturation_is_raised_acknowledged_and_cleared() {
    let mut bench = Bench::new(1);
    bench.feed(0, 30, 1, SPO2, 85.0);
    let alert = bench.alert("spo2.low").clone();
    assert_eq!((alert.raised_at, alert.since), (t(10.0), t(0.0)));
    assert_eq!((alert.value, alert.limit, alert.priority), (Some(85.0), Some(90.0), Priority::Medium));
    assert_eq!(alert.bed, Some("b1".parse().unwrap()));
    bench.command(30.0, Command::Acknowledge { alert: alert.id, transition: alert.transition });
    bench.feed(30, 60, 1, SPO2, 96.0);
    let moves = bench.moves();
    assert_eq!(
        moves,
        [(10.0, low(), Cause::Raised), (30.0, low(), Cause::Acknowledged), (35.0, low(), Cause::Cleared)]
    );
    assert_eq!(bench.engine.alerts().count(), 0);
}

#[test]
fn the_second_of_two_acknowledgements_is_refused_and_names_the_first() {
    let mut bench = Bench::new(1);
    bench.feed(0, 12, 1, SPO2, 85.0);
    let command = Command::Acknowledge { alert: AlertId(1), transition: 1 };
    bench.input(12.0, Input::Command { command: command.clone(), by: nurse("anna") });
    let out = bench.input(12.0, Input::Command { command, by: nurse("ben") });
    let [Event { body: EventBody::Refused { refusal, by, .. }, .. }] = out.as_slice() else { panic!("{out:?}") };
    assert_eq!(*by, nurse("ben"));
    assert_eq!(*refusal, Refusal::AlreadyAcknowledged { alert: AlertId(1), owner: nurse("anna") });
}

#[test]
fn zero_is_not_measured_and_never_a_low_value() {
    let mut bench = Bench::new(1);
    bench.feed(0, 10, 1, SPO2, 97.0);
    bench.feed(10, 40, 1, SPO2, 0.0);
    bench.feed(40, 60, 1, SPO2, 97.0);
    let code = "spo2.not_measured".to_owned();
    assert_eq!(bench.moves(), [(15.0, code.clone(), Cause::Raised), (45.0, code, Cause::Cleared)]);
}

#[test]
fn a_signal_lost_during_an_alert_holds_it() {
    let mut bench = Bench::new(1);
    bench.feed(0, 20, 1, SPO2, 85.0);
    bench.feed(20, 40, 1, SPO2, 0.0);
    assert_eq!(bench.alert("spo2.low").condition, Condition::Inop { reason: InopReason::NotMeasured });
    assert_eq!(bench.alert("spo2.low").signal, Signal::On, "held, not cleared");
    bench.feed(40, 50, 1, SPO2, 85.0);
    assert_eq!(bench.alert("spo2.low").condition, Condition::Present);
}

#[test]
fn no_breath_with_a_heart_is_apnoea_without_one_it_is_a_lead() {
    let mut bench = Bench::new(1);
    for s in 0..40 {
        bench.value(f64::from(s), 1, HR, 70.0);
        bench.value(f64::from(s), 1, RR, 0.0);
    }
    assert_eq!(bench.alert("rr.low").priority, Priority::High);
    assert_eq!(bench.alert("rr.low").raised_at, t(10.0), "low at 10 s, apnoea at 20 s");
    let mut bench = Bench::new(1);
    for s in 0..40 {
        bench.value(f64::from(s), 1, RR, 0.0);
        bench.value(f64::from(s), 1, HR, 0.0);
    }
    assert!(bench.moves().iter().all(|(_, code, _)| code.ends_with("not_measured")), "{:?}", bench.moves());
}

#[test]
fn a_heart_that_hardly_beats_hides_no_apnoea() {
    // 15 is a beat every four seconds; 0.5 and 400 are no heart rates, but no words of a lead that came off either.
    for heart in [15.0, 0.5, 400.0] {
        for first in [HR, RR] {
            let mut bench = Bench::new(1);
            for s in 0..80 {
                let second = if first == HR { RR } else { HR };
                for vital in [first, second] {
                    bench.value(f64::from(s), 1, vital, if vital == HR { heart } else { 0.0 });
                }
            }
            let apnoea = bench.alert("rr.low");
            assert_eq!((apnoea.raised_at, apnoea.priority), (t(10.0), Priority::High), "{heart}");
        }
    }
}

#[test]
fn a_fall_that_starts_far_down_raises_its_limit_alert() {
    for (vital, code, value) in [(HR, "hr.low", 15.0), (HR, "hr.low", 1.0), (SPO2, "spo2.low", 20.0)] {
        let mut bench = Bench::new(1);
        bench.feed(0, 30, 1, vital, value);
        let alert = bench.alert(code);
        assert_eq!((alert.raised_at, alert.priority), (t(5.0), Priority::High), "{vital} {value}");
    }
}

#[test]
fn a_breath_rate_corrected_to_0_is_judged_by_the_heart_beside_it() {
    for (heart, apnoea) in [(0.0, false), (70.0, true)] {
        let mut bench = Bench::new(1);
        bench.value(0.0, 1, HR, heart);
        let mut breath = observation(0.0, 0.0, 1, RR, 14.0);
        breath.interval = Some(Millis::from_mins(1));
        bench.input(0.0, Input::Observation(breath));
        let correction = Correction {
            patient: "p1".parse().unwrap(),
            device: "d1".parse().unwrap(),
            vital: RR,
            observed_at: t(0.0),
            old: 14.0,
            new: 0.0,
        };
        bench.input(0.5, Input::Corrected(correction));
        bench.feed(1, 30, 1, HR, heart);
        let found = bench.moves().iter().any(|(_, code, _)| code == "rr.low");
        assert_eq!(found, apnoea, "{heart}: {:?}", bench.moves());
    }
}

#[test]
fn a_heart_rate_corrected_to_0_takes_the_apnoea_with_it() {
    let mut bench = Bench::new(1);
    bench.value(0.0, 1, HR, 70.0);
    bench.value(0.0, 1, RR, 0.0);
    let correction = Correction {
        patient: "p1".parse().unwrap(),
        device: "d1".parse().unwrap(),
        vital: HR,
        observed_at: t(0.0),
        old: 70.0,
        new: 0.0,
    };
    bench.input(0.5, Input::Corrected(correction));
    bench.tick(9.0);
    let codes: Vec<String> = bench.moves().into_iter().map(|(_, code, _)| code).collect();
    assert_eq!(codes, ["hr.not_measured", "rr.not_measured"]);
}

#[test]
fn a_silent_vital_is_stale_a_silent_device_is_lost_once() {
    let mut bench = Bench::new(1);
    for s in 0..10 {
        bench.value(f64::from(s), 1, HR, 70.0);
        bench.value(f64::from(s), 1, SPO2, 97.0);
    }
    bench.feed(10, 40, 1, HR, 70.0);
    let stale = "spo2.stale".to_owned();
    assert_eq!(bench.moves(), [(19.0, stale.clone(), Cause::Raised)]);
    bench.tick(60.0);
    let lost = "device.lost".to_owned();
    let expected = [
        (19.0, stale.clone(), Cause::Raised),
        (49.0, stale.clone(), Cause::Cleared),
        (49.0, lost.clone(), Cause::Raised),
    ];
    assert_eq!(bench.moves().split_at(1).0, &expected[..1]);
    assert!(bench.moves().contains(&expected[2]), "{:?}", bench.moves());
    assert_eq!(bench.moves().iter().filter(|(_, code, _)| *code == lost).count(), 1, "one alert for the device");
    bench.events.clear();
    bench.tick(120.0);
    assert_eq!(bench.moves(), [(109.0, lost.clone(), Cause::Worsened)], "a whole bed lost for 60 s is high");
    bench.events.clear();
    bench.feed(120, 150, 1, HR, 70.0);
    let moves = bench.moves();
    assert_eq!(moves[0], (125.0, lost, Cause::Cleared), "{moves:?}");
    assert_eq!(moves[1], (135.0, stale, Cause::Raised), "SpO2 did not come back: {moves:?}");
}

/// A value of a device that states an interval, in seconds.
fn paced(s: f64, vital: VitalCode, value: f64, interval: i64) -> Input {
    let mut o = observation(s, s, 1, vital, value);
    o.interval = Some(Millis::from_secs(interval));
    Input::Observation(o)
}

#[test]
fn a_fast_vital_that_ends_does_not_lose_a_device_that_sends_slowly() {
    let mut bench = Bench::new(1);
    for s in 0..1_800 {
        if s < 100 {
            bench.value(f64::from(s), 1, SPO2, 97.0);
        }
        if s % 60 == 0 {
            bench.input(f64::from(s), paced(f64::from(s), RR, 35.0, 60));
        }
    }
    let expected = [(10.0, "rr.high".to_owned(), Cause::Raised), (109.0, "spo2.stale".to_owned(), Cause::Raised)];
    assert_eq!(bench.moves(), expected);
    bench.events.clear();
    bench.tick(3_600.0);
    // Last word at 1740, so lost at 1920.
    let lost = |cause| (1_920.0, "device.lost".to_owned(), cause);
    assert!(bench.moves().contains(&lost(Cause::Raised)), "{:?}", bench.moves());
}

#[test]
fn a_slow_vital_does_not_delay_the_word_that_a_bed_is_lost() {
    // A cuff every quarter of an hour does not vouch for a device whose heart rate and saturation have ended.
    let mut bench = Bench::new(1);
    bench.input(0.0, paced(0.0, NBP_SYS, 120.0, 900));
    for s in 0..20 {
        bench.value(f64::from(s), 1, HR, 70.0);
        bench.value(f64::from(s), 1, SPO2, 97.0);
    }
    bench.tick(200.0);
    let lost = |s: f64, cause| (s, "device.lost".to_owned(), cause);
    assert_eq!(bench.moves(), [lost(29.0, Cause::Raised), lost(89.0, Cause::Worsened)]);
    // The cuff alone comes back: the others are stale on their own, and the device is not lost again.
    bench.events.clear();
    for s in [900, 1_800, 2_700] {
        bench.input(f64::from(s), paced(f64::from(s), NBP_SYS, 120.0, 900));
    }
    let codes: Vec<(String, Cause)> = bench.moves().into_iter().map(|(_, code, cause)| (code, cause)).collect();
    let expected = [("device.lost", Cause::Cleared), ("hr.stale", Cause::Raised), ("spo2.stale", Cause::Raised)];
    assert_eq!(codes, expected.map(|(code, cause)| (code.to_owned(), cause)));
}

#[test]
fn a_bed_that_fell_silent_over_minutes_is_high_at_once_when_it_is_lost() {
    let mut bench = Bench::new(1);
    bench.input(0.0, paced(0.0, RR, 14.0, 60));
    bench.feed(0, 20, 1, SPO2, 97.0);
    bench.tick(400.0);
    let moves = bench.moves();
    assert_eq!(moves[0], (29.0, "spo2.stale".to_owned(), Cause::Raised), "{moves:?}");
    let lost = |cause| (180.0, "device.lost".to_owned(), cause);
    assert!(moves.contains(&lost(Cause::Raised)) && moves.contains(&lost(Cause::Worsened)), "{moves:?}");
}

#[test]
fn an_episodic_value_is_not_stale_after_seconds() {
    let mut bench = Bench::new(1);
    bench.feed(0, 5, 1, HR, 70.0);
    bench.value(4.0, 1, NBP_SYS, 120.0);
    for s in 5..3600 {
        bench.value(f64::from(s), 1, HR, 70.0 + f64::from(s % 2));
    }
    assert_eq!(bench.moves(), []);
}

#[test]
fn a_stated_interval_sets_the_time_of_silence() {
    let mut bench = Bench::new(1);
    for minute in 0..5 {
        let s = f64::from(minute) * 60.0;
        let mut o = observation(s, s, 1, HR, 70.0);
        o.interval = Some(Millis::from_mins(1));
        bench.input(s, Input::Observation(o));
    }
    bench.tick(419.0);
    assert_eq!(bench.moves(), []);
    bench.tick(420.0);
    assert_eq!(bench.moves(), [(420.0, "device.lost".to_owned(), Cause::Raised)]);
}

#[test]
fn late_data_clear_no_alert_and_their_violations_are_history() {
    let mut bench = Bench::new(1);
    bench.feed(100, 120, 1, SPO2, 85.0);
    assert!(bench.late_value(120.0, 50.0, 1, SPO2, 99.0).late);
    assert!(bench.late_value(120.0, 40.0, 1, SPO2, 70.0).late);
    assert!(bench.late_value(120.0, 41.0, 1, SPO2, 68.0).late);
    bench.tick(131.0);
    assert_eq!(bench.alert("spo2.low").condition, Condition::Inop { reason: InopReason::DeviceLost });
    let offline: Vec<_> = bench.events.iter().filter(|e| matches!(e.body, EventBody::OccurredOffline { .. })).collect();
    let [Event { body: EventBody::OccurredOffline { since, until, worst, .. }, .. }] = offline.as_slice() else {
        panic!("{offline:?}")
    };
    assert_eq!((*since, *until, *worst), (t(40.0), t(41.0), 68.0));
}

#[test]
fn a_clock_that_is_behind_from_the_first_value_on_is_told() {
    let mut bench = Bench::new(1);
    for s in 0..300 {
        assert!(bench.late_value(f64::from(s), f64::from(s - 11), 1, SPO2, 60.0).late);
    }
    let lost = |s: f64, cause| (s, "device.lost".to_owned(), cause);
    assert_eq!(bench.moves(), [lost(10.0, Cause::Raised), lost(70.0, Cause::Worsened)]);
    assert_eq!(bench.alert("device.lost").detail.as_deref(), Some("only late data from the device: see its clock"));
    // One vital of a device whose others are on time: the vital alone is stale.
    let mut bench = Bench::new(1);
    for s in 0..60 {
        bench.value(f64::from(s), 1, HR, 70.0);
        bench.late_value(f64::from(s), f64::from(s - 11), 1, SPO2, 60.0);
    }
    assert_eq!(bench.moves(), [(10.0, "spo2.stale".to_owned(), Cause::Raised)]);
}

#[test]
fn a_backlog_before_the_first_present_value_raises_nothing() {
    let mut bench = Bench::new(1);
    for s in 0..100 {
        bench.late_value(200.0, f64::from(s), 1, SPO2, 95.0);
    }
    bench.feed(201, 260, 1, SPO2, 97.0);
    assert_eq!(bench.moves(), []);
}

#[test]
fn a_clock_that_is_ahead_does_not_delay_the_word_of_silence() {
    let mut bench = Bench::new(1);
    for s in 0..10 {
        bench.late_value(f64::from(s), f64::from(s + 29), 1, SPO2, 97.0);
    }
    bench.tick(60.0);
    assert_eq!(bench.moves(), [(19.0, "device.lost".to_owned(), Cause::Raised)]);
    assert_eq!(bench.alert("device.lost").since, t(9.0), "since it was heard, not since a time to come");
}

#[test]
fn a_clock_that_was_ahead_and_is_set_right_is_followed() {
    let mut bench = Bench::new(1);
    for s in 0..60 {
        bench.late_value(f64::from(s), f64::from(s + 29), 1, SPO2, 97.0);
    }
    let late = (60..100).filter(|s| bench.value(f64::from(*s), 1, SPO2, 70.0).late).count();
    assert_eq!(late, 5, "five seconds of arrival make the new time the present");
    let alert = bench.alert("spo2.low");
    assert_eq!((alert.raised_at, alert.since, alert.priority), (t(70.0), t(65.0), Priority::High));
    let codes: Vec<String> = bench.moves().into_iter().map(|(_, code, _)| code).collect();
    assert_eq!(codes, ["spo2.low"]);
}

#[test]
fn delays_that_run_go_on_when_a_clock_is_set_right() {
    // An alert is open and a signal is lost before the step; what waits is not put off by the 29 s of the step.
    let mut bench = Bench::new(1);
    for s in 0..60 {
        bench.late_value(f64::from(s), f64::from(s + 29), 1, SPO2, 85.0);
    }
    for s in 60..70 {
        bench.value(f64::from(s), 1, SPO2, 96.0);
    }
    let cleared = (70.0, low(), Cause::Cleared);
    bench.feed(70, 75, 1, SPO2, 96.0);
    assert_eq!(bench.moves().last(), Some(&cleared));
    let mut bench = Bench::new(1);
    for s in 0..20 {
        bench.late_value(f64::from(s), f64::from(s + 29), 1, SPO2, 0.0);
    }
    bench.feed(20, 60, 1, SPO2, 96.0);
    assert_eq!(bench.moves().last(), Some(&(30.0, "spo2.not_measured".to_owned(), Cause::Cleared)));
}

#[test]
fn a_snapshot_keeps_what_shows_that_a_clock_was_set_right() {
    let mut bench = Bench::new(1);
    let mut restored = None;
    for s in 0..100 {
        let ahead = if s < 60 { 29 } else { 0 };
        let value = if s % 3 == 0 { 90.0 } else { 89.0 };
        for bench in std::iter::once(&mut bench).chain(&mut restored) {
            bench.late_value(f64::from(s), f64::from(s + ahead), 1, SPO2, if s < 55 { 97.0 } else { value });
        }
        if s == 63 {
            let engine = Engine::restore(EngineConfig::default(), &bench.engine.snapshot().unwrap()).unwrap();
            restored = Some(Bench { engine, events: bench.events.clone() });
        }
    }
    let restored = restored.unwrap();
    assert_eq!(bench.events, restored.events);
    assert_eq!(bench.engine.snapshot().unwrap(), restored.engine.snapshot().unwrap());
    assert!(bench.alert("spo2.low").raised_at < t(75.0));
}

#[test]
fn an_apnoea_that_runs_while_a_clock_is_set_right_is_high_in_time() {
    let mut bench = Bench::new(1);
    for s in 0..100 {
        let ahead = if s < 60 { 29 } else { 0 };
        bench.late_value(f64::from(s), f64::from(s + ahead), 1, HR, 70.0);
        bench.late_value(f64::from(s), f64::from(s + ahead), 1, RR, if s < 50 { 14.0 } else { 0.0 });
    }
    let rr = |s: f64, cause| (s, "rr.low".to_owned(), cause);
    assert_eq!(bench.moves(), [rr(60.0, Cause::Raised), rr(70.0, Cause::Worsened)]);
}

#[test]
fn a_lost_device_whose_clock_was_set_right_is_back_after_five_seconds() {
    let mut bench = Bench::new(1);
    for s in 0..20 {
        bench.late_value(f64::from(s), f64::from(s + 29), 1, SPO2, 97.0);
    }
    bench.late_value(40.0, 69.0, 1, SPO2, 97.0);
    bench.feed(41, 70, 1, SPO2, 97.0);
    let lost = |s: f64, cause| (s, "device.lost".to_owned(), cause);
    assert_eq!(bench.moves(), [lost(29.0, Cause::Raised), lost(45.0, Cause::Cleared)]);
}

#[test]
fn late_data_are_never_taken_for_a_clock_that_was_set_right() {
    // A clock that is right: the newest value came first, older ones follow one a second, all within the lost age.
    let mut bench = Bench::new(1);
    bench.feed(0, 20, 1, SPO2, 85.0);
    for s in 20..28 {
        assert!(bench.late_value(f64::from(s), f64::from(s) - 9.0, 1, SPO2, 99.0).late);
    }
    assert_eq!(bench.alert("spo2.low").condition, Condition::Present);
    // A clock that is ahead by 29 s: a backlog in its own time comes faster than time passes.
    let mut bench = Bench::new(1);
    for s in 0..20 {
        bench.late_value(f64::from(s), f64::from(s + 29), 1, SPO2, 85.0);
    }
    for s in 0..14 {
        let at = 20.0 + f64::from(s) * 0.5;
        assert!(bench.late_value(at, 21.0 + f64::from(s), 1, SPO2, 99.0).late, "{s}");
    }
    assert_eq!(bench.alert("spo2.low").condition, Condition::Present);
    // Live values between the older ones: no run of older ones alone.
    let mut bench = Bench::new(1);
    for s in 0..60 {
        bench.late_value(f64::from(s), f64::from(s + 29), 1, SPO2, 85.0);
        assert!(bench.late_value(f64::from(s) + 0.5, f64::from(s) + 0.5, 1, SPO2, 99.0).late);
    }
    assert_eq!(bench.alert("spo2.low").condition, Condition::Present);
}

#[test]
fn a_backlog_after_an_outage_does_not_look_live() {
    let mut bench = Bench::new(1);
    bench.feed(0, 5, 1, SPO2, 97.0);
    bench.tick(300.0);
    for s in 5..280 {
        assert!(bench.late_value(300.0, f64::from(s), 1, SPO2, 80.0).late, "{s}");
    }
    assert!(!bench.late_value(300.0, 299.0, 1, SPO2, 96.0).late);
    let codes: Vec<String> = bench.moves().into_iter().map(|(_, code, _)| code).collect();
    assert!(codes.iter().all(|c| c == "device.lost"), "{codes:?}");
    let history = bench.events.iter().filter(|e| matches!(e.body, EventBody::OccurredOffline { .. })).count();
    assert_eq!(history, 1);
}

#[test]
fn a_conflict_is_a_technical_alert_that_passes() {
    let mut bench = Bench::new(1);
    let fault = IntakeFault::Conflict {
        device: "d1".parse().unwrap(),
        vital: HR,
        observed_at: t(1.0),
        stored: 70.0,
        refused: 71.0,
    };
    bench.input(5.0, Input::IntakeFault(fault.clone()));
    bench.input(30.0, Input::IntakeFault(fault));
    bench.tick(200.0);
    let code = "device.conflict".to_owned();
    assert_eq!(bench.moves(), [(5.0, code.clone(), Cause::Raised), (90.0, code, Cause::Cleared)]);
}

#[test]
fn a_wrong_patient_latches_until_a_person_has_looked() {
    let mut bench = Bench::new(1);
    let fault = IntakeFault::WrongPatient {
        device: "d1".parse().unwrap(),
        named: "other".parse().unwrap(),
        observed_at: t(5.0),
    };
    bench.input(5.0, Input::IntakeFault(fault.clone()));
    bench.input(6.0, Input::IntakeFault(fault));
    let alert = bench.alert("device.wrong_patient").clone();
    assert_eq!((alert.priority, alert.signal, alert.count), (Priority::High, Signal::Latch, 1));
    let reason = "looked: a wrong wristband".parse().unwrap();
    bench.command(9.0, Command::Reset { alert: alert.id, transition: alert.transition, reason });
    assert_eq!(bench.engine.alerts().count(), 0);
}

#[test]
fn a_second_channel_that_fails_is_told_anew() {
    let mut bench = Bench::new(0);
    let report = |detail: &str| FaultReport {
        fault: SystemFault::NotifyFailed,
        present: !detail.is_empty(),
        detail: detail.into(),
    };
    for (s, detail) in [(1.0, "mail: away"), (2.0, "mail: away"), (3.0, "mail: away; pager: away"), (4.0, "")] {
        bench.input(s, Input::Fault(report(detail)));
    }
    let key = || "system.notify_failed".to_owned();
    let expected = [
        (1.0, key(), Cause::Raised),
        (3.0, key(), Cause::Cleared),
        (3.0, key(), Cause::Raised),
        (4.0, key(), Cause::Cleared),
    ];
    assert_eq!(bench.moves(), expected);
}

#[test]
fn system_faults_and_clock_steps_are_alerts() {
    let mut bench = Bench::new(0);
    let report = |present| FaultReport { fault: SystemFault::StoreFailed, present, detail: "disk full".into() };
    bench.input(1.0, Input::Fault(report(true)));
    bench.input(2.0, Input::Fault(report(true)));
    assert_eq!(bench.alert("system.store_failed").priority, Priority::High);
    bench.input(3.0, Input::Fault(report(false)));
    bench.input(4.0, Input::ClockStepped { by_ms: Millis(-3_600_000) });
    bench.input(64.0, Input::ClockStepped { by_ms: Millis(3_600_000) });
    bench.tick(2000.0);
    let (fault, step) = ("system.store_failed".to_owned(), "system.clock_stepped".to_owned());
    let expected = [
        (1.0, fault.clone(), Cause::Raised),
        (3.0, fault, Cause::Cleared),
        (4.0, step.clone(), Cause::Raised),
        (664.0, step, Cause::Cleared),
    ];
    assert_eq!(bench.moves(), expected);
}

#[test]
fn a_device_moved_to_another_patient_starts_empty_there() {
    let mut bench = Bench::new(2);
    bench.feed(0, 20, 1, SPO2, 85.0);
    bench.command(20.0, Command::Unassign { device: "d1".parse().unwrap(), end: t(20.0) });
    let closed = bench.events.iter().rev().find_map(|e| match &e.body {
        EventBody::Alert { alert, .. } => Some(alert.response.clone()),
        _ => None,
    });
    assert_eq!(closed, Some(Response::Closed { reason: CloseReason::Unassigned, by: None }));
    bench.assign(20.0, 1, 2);
    let late = bench.late_value(21.0, 19.0, 1, SPO2, 80.0);
    assert!(late.late, "data of p1's time are stored with p1 and change nothing");
    assert_eq!(bench.engine.alerts().count(), 0);
    assert_eq!(bench.engine.census().patient_of(&"d1".parse().unwrap(), t(19.9)).unwrap().as_str(), "p1");
    assert_eq!(bench.engine.census().patient_of(&"d1".parse().unwrap(), t(20.0)).unwrap().as_str(), "p2");
}

#[test]
fn a_device_cannot_measure_two_patients_and_a_bed_holds_one() {
    let mut bench = Bench::new(2);
    let refused = |out: &[Event]| matches!(out, [Event { body: EventBody::Refused { .. }, .. }]);
    let assignment =
        Assignment { device: "d1".parse().unwrap(), patient: "p2".parse().unwrap(), start: t(1.0), end: None };
    assert!(refused(&bench.command(1.0, Command::Assign { assignment })));
    let before = bench.engine.census().clone();
    bench.admit(1.0, 3, 1);
    assert!(refused(&bench.events[bench.events.len() - 1..]));
    assert_eq!(*bench.engine.census(), before);
}

#[test]
fn discharge_closes_everything_and_the_next_patient_starts_empty() {
    let mut bench = Bench::new(1);
    bench.feed(0, 20, 1, SPO2, 70.0);
    let patient = "p1".parse().unwrap();
    bench.command(20.0, Command::Discharge { patient, reason: CloseReason::Discharged });
    assert_eq!(bench.engine.alerts().count(), 0);
    assert_eq!(bench.engine.next_deadline().filter(|d| *d <= t(20.0)), None);
    bench.admit(21.0, 2, 1);
    bench.events.clear();
    bench.tick(4000.0);
    assert_eq!(bench.events, [], "nothing of the former patient fires any more");
}

#[test]
fn what_waits_at_discharge_is_accounted_for() {
    let mut bench = Bench::new(1);
    bench.feed(0, 5, 1, SPO2, 85.0);
    let patient = "p1".parse().unwrap();
    bench.command(5.0, Command::Discharge { patient, reason: CloseReason::Discharged });
    let suppressed = bench.events.iter().find_map(|e| match &e.body {
        EventBody::Suppressed { code, by, worst, .. } => Some((*code, *by, *worst)),
        _ => None,
    });
    assert_eq!(suppressed, Some((ConditionCode::Limit(SPO2, Side::Low), SuppressedBy::Ended, 85.0)));
}

#[test]
fn after_a_stop_everything_is_unknown_until_data_come() {
    let mut bench = Bench::new(1);
    bench.feed(0, 30, 1, SPO2, 85.0);
    bench.feed(0, 30, 1, HR, 70.0);
    bench.input(500.0, Input::Start { ward: ward() });
    assert_eq!(bench.alert("spo2.low").condition, Condition::Inop { reason: InopReason::Awaiting });
    assert_eq!(bench.alert("spo2.low").raised_at, t(10.0), "the onset stays");
    let codes = |b: &Bench| b.moves().iter().filter(|(s, ..)| *s > 30.0).cloned().collect::<Vec<_>>();
    assert_eq!(codes(&bench), [(500.0, low(), Cause::Held)], "time that nobody watched raises nothing");
    let mut silent = bench.clone();
    silent.tick(520.0);
    assert!(codes(&silent).contains(&(510.0, "device.lost".to_owned(), Cause::Raised)));
    bench.feed(503, 520, 1, SPO2, 85.0);
    assert!(codes(&bench).contains(&(508.0, low(), Cause::Resumed)), "{:?}", codes(&bench));
}

#[test]
fn a_correction_of_the_newest_value_is_judged() {
    let mut bench = Bench::new(1);
    bench.feed(0, 9, 1, SPO2, 85.0);
    let correction = Correction {
        patient: "p1".parse().unwrap(),
        device: "d1".parse().unwrap(),
        vital: SPO2,
        observed_at: t(8.0),
        old: 85.0,
        new: 95.0,
    };
    bench.input(9.0, Input::Corrected(correction));
    bench.tick(17.0);
    let bodies: Vec<&EventBody> = bench.events.iter().map(|e| &e.body).collect();
    assert!(matches!(bodies.as_slice(), [EventBody::Corrected { .. }, EventBody::Suppressed { .. }]), "{bodies:?}");
}

#[test]
fn a_block_of_inputs_drives_an_engine_again() {
    let mut bench = Bench::new(1);
    let mut block = InputBlock::default();
    let mut inputs = vec![(t(1.0), Input::ClockStepped { by_ms: Millis(5_000) })];
    for s in 0..30 {
        let mut o = observation(f64::from(s), f64::from(s), 1, if s % 2 == 0 { SPO2 } else { HR }, 70.0);
        o.text = (s == 3).then(|| "70.0".into());
        o.interval = (s == 4).then_some(Millis(2_000));
        inputs.push((t(f64::from(s) + 2.0), Input::Observation(o)));
    }
    inputs.push((
        t(40.0),
        Input::Command { command: Command::Acknowledge { alert: AlertId(2), transition: 1 }, by: nurse("a") },
    ));
    inputs.push((t(41.0), Input::Start { ward: ward() }));
    let mut series = Map::new();
    for (at, input) in &inputs {
        if let Input::Observation(o) = input {
            let key = SeriesKey { patient: o.patient.clone(), device: o.device.clone(), vital: o.vital };
            let place = *series.entry(key.clone()).or_insert_with(|| block.add_series(key));
            block.push_observation(place, o, *at, (Quality::Valid, Marks::NONE, false));
        } else {
            block.push(input, *at).unwrap();
        }
    }
    assert_eq!(block.observations(), 30);
    let kept = block.kept();
    assert_eq!((kept.len(), kept[0].1.len(), kept[1].1.len()), (2, 15, 15));
    let decoded = InputBlock::decode(&block.encode().unwrap()).unwrap().inputs().unwrap();
    assert_eq!(decoded, inputs);
    let mut again = bench.clone();
    for (at, input) in decoded {
        bench.events.extend(bench.engine.handle(input, at));
    }
    for (at, input) in inputs {
        again.events.extend(again.engine.handle(input, at));
    }
    assert_eq!(bench.events, again.events);
    assert!(bench.events.len() > 3);
}

#[test]
fn unknown_patients_and_devices_change_nothing() {
    let mut bench = Bench::new(1);
    assert!(bench.value(1.0, 7, HR, 20.0).late);
    assert_eq!(bench.events, []);
}

#[test]
fn events_survive_both_encodings() {
    let mut bench = Bench::new(2);
    bench.feed(0, 60, 1, SPO2, 70.0);
    bench.feed(60, 90, 1, SPO2, 0.0);
    bench.command(90.0, Command::Acknowledge { alert: AlertId(1), transition: 99 });
    bench.command(91.0, Command::Unassign { device: "d1".parse().unwrap(), end: t(91.0) });
    let mut all = Bench::new(1);
    all.input(1.0, Input::Start { ward: ward() });
    bench.events.extend(all.events);
    for event in &bench.events {
        let json = serde_json::to_string(event).unwrap();
        assert_eq!(&serde_json::from_str::<Event>(&json).unwrap(), event, "{json}");
        let packed = rmp_serde::to_vec_named(event).unwrap();
        assert_eq!(&rmp_serde::from_slice::<Event>(&packed).unwrap(), event, "{json}");
    }
}

/// A random history: what happens at which second.
#[derive(Debug, Clone)]
enum Step {
    Value { patient: usize, vital: VitalCode, value: f64, lag: i32 },
    Acknowledge { alert: u64, transition: u32 },
    Act(response::Act),
    Restart,
    Discharge { patient: usize },
    Tell(technical::Told),
    Wait { seconds: u32 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let vital = prop_oneof![Just(SPO2), Just(HR), Just(RR), Just(NBP_SYS)];
    let value = prop_oneof![3 => 60.0..100.0_f64, 1 => Just(0.0), 1 => 100.0..250.0_f64];
    let step = prop_oneof![
        30 => (1..4_usize, vital, value, prop_oneof![5 => Just(0), 1 => 0..60, 1 => -29..0]).prop_map(
            |(patient, vital, value, lag)| Step::Value { patient, vital, value: value.round(), lag }),
        3 => (1..6_u64, 1..4_u32).prop_map(|(alert, transition)| Step::Acknowledge { alert, transition }),
        6 => response::act().prop_map(Step::Act),
        1 => Just(Step::Restart),
        1 => (1..4_usize).prop_map(|patient| Step::Discharge { patient }),
        3 => technical::told().prop_map(Step::Tell),
        6 => (1..40_u32).prop_map(|seconds| Step::Wait { seconds }),
    ];
    prop::collection::vec(step, 0..250)
}

fn play(bench: &mut Bench, steps: &[Step], mut s: f64, tick: Option<f64>) -> f64 {
    for step in steps {
        let next = s + 0.4 + if let Step::Wait { seconds } = step { f64::from(*seconds) } else { 0.0 };
        if let Some(tick) = tick {
            let mut at = s + tick;
            while at < next {
                bench.tick(at);
                at += tick;
            }
        }
        s = next;
        match step {
            Step::Value { patient, vital, value, lag } => {
                bench.late_value(s, s - f64::from(*lag), *patient, *vital, *value);
            }
            Step::Acknowledge { alert, transition } => {
                bench.command(s, Command::Acknowledge { alert: AlertId(*alert), transition: *transition });
            }
            Step::Act(act) => act.play(bench, s),
            Step::Restart => {
                // The moment of the stop is part of the history: a start remembers how far the engine had come.
                bench.tick(s);
                bench.input(s, Input::Start { ward: ward() });
            }
            Step::Discharge { patient } => {
                let patient = format!("p{patient}").parse().unwrap();
                bench.command(s, Command::Discharge { patient, reason: CloseReason::Discharged });
            }
            Step::Tell(told) => technical::tell(bench, s, *told),
            Step::Wait { .. } => {}
        }
    }
    s
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Property f, and "the tick rate changes nothing".
    #[test]
    fn the_tick_rate_changes_nothing(steps in steps(), tick in 0.1..7.0_f64) {
        let (mut plain, mut ticked) = (technical::watched_ward(3), technical::watched_ward(3));
        let end = play(&mut plain, &steps, 1.0, None) + 200.0;
        play(&mut ticked, &steps, 1.0, Some(tick));
        plain.tick(end);
        ticked.tick(end);
        let json = |b: &Bench| b.events.iter().map(|e| serde_json::to_string(e).unwrap()).collect::<Vec<_>>();
        prop_assert_eq!(json(&plain), json(&ticked));
    }

    /// Snapshot and inputs since rebuild the same state.
    #[test]
    fn a_snapshot_goes_on_like_the_original(before in steps(), after in steps()) {
        let mut original = technical::watched_ward(3);
        let s = play(&mut original, &before, 1.0, None);
        let bytes = original.engine.snapshot().unwrap();
        let engine = Engine::restore(technical::config(), &bytes).unwrap();
        prop_assert_eq!(engine.snapshot().unwrap(), bytes);
        let mut restored = Bench { engine, events: original.events.clone() };
        let end = play(&mut original, &after, s, None) + 200.0;
        play(&mut restored, &after, s, None);
        original.tick(end);
        restored.tick(end);
        prop_assert_eq!(&original.events, &restored.events);
        prop_assert_eq!(original.engine.snapshot().unwrap(), restored.engine.snapshot().unwrap());
    }

    /// Events come in order of engine time, transitions of an alert are dense, at most one alert is open per key, and
    /// an acknowledgement never outlives its episode.
    #[test]
    fn the_journal_is_orderly(steps in steps()) {
        let mut bench = Bench::new(3);
        let end = play(&mut bench, &steps, 1.0, Some(1.0));
        bench.tick(end + 100.0);
        prop_assert!(bench.events.is_sorted_by_key(|e| e.at));
        let mut last: Map<AlertId, Alert> = Map::new();
        for event in &bench.events {
            let EventBody::Alert { alert, cause, .. } = &event.body else { continue };
            let before = last.get(&alert.id);
            prop_assert_eq!(alert.transition, before.map_or(1, |a| a.transition + 1));
            prop_assert_eq!(*cause == Cause::Raised, before.is_none());
            prop_assert!(before.is_none_or(|a| !a.is_closed()), "a closed alert moved");
            prop_assert!(before.is_none_or(|a| a.priority <= alert.priority), "a priority stepped back");
            if alert.condition == Condition::Absent {
                prop_assert!(alert.signal != Signal::Ack && alert.signal != Signal::On);
            }
            if before.is_some_and(|a| a.signal == Signal::Latch) && alert.is_closed() {
                let named = matches!(&alert.response, Response::Closed { reason: CloseReason::Reviewed, by: Some(_) });
                let left = matches!(&alert.response, Response::Closed { reason: CloseReason::Discharged, .. });
                prop_assert!(named || left, "a latched alert vanished without a person");
            }
            last.insert(alert.id, alert.clone());
            let open = last.values().filter(|a| !a.is_closed() && a.key == alert.key).count();
            prop_assert!(open <= 1);
        }
        prop_assert_eq!(last.values().filter(|a| !a.is_closed()).count(), bench.engine.alerts().count());
    }

    /// Property h: losing all data never reads as normal; every open limit alert is held.
    #[test]
    fn silence_holds_every_limit_alert(steps in steps()) {
        let mut bench = Bench::new(3);
        let end = play(&mut bench, &steps, 1.0, None);
        bench.tick(end + 200.0);
        for alert in bench.engine.alerts() {
            let continuous = alert.key.code.vital().is_some_and(|v| v != NBP_SYS);
            if alert.class == crate::domain::AlertClass::Physiological && continuous {
                let held = matches!(alert.condition, Condition::Inop { .. });
                prop_assert!(held || alert.signal == Signal::Latch, "{alert:?}");
            }
        }
    }
}

#[test]
fn a_late_value_is_no_sign_of_life_of_a_lost_bed() {
    let mut bench = Bench::new(1);
    bench.value(1.0, 1, SPO2, 97.0);
    bench.late_value(32.0, 22.0, 1, HR, 60.0);
    bench.tick(200.0);
    let worsened = (71.0, "device.lost".to_owned(), Cause::Worsened);
    assert_eq!(bench.moves(), [(11.0, "device.lost".to_owned(), Cause::Raised), worsened]);
}
