//! Alerts that devices report, and gateways with a watchdog.

use super::{technical::gateway, *};
use crate::domain::{
    AlertClass, DeviceAlertCode, EpisodeId, LimitsSaid, NotRaised, ReportedAlert, ReportedLimits, ReportedPhase,
    ReportedQuiet, ReportedState,
};

const LOW_SPO2: &str = "device.alert.lo_val_lt_lim.spo2";

fn said(s: f64, episode: &str, phase: ReportedPhase) -> ReportedAlert {
    ReportedAlert {
        code: DeviceAlertCode::new("MDC_EVT_LO_VAL_LT_LIM", "spo2"),
        text: "SpO2 LOW".to_owned(),
        episode: EpisodeId::new(episode),
        linked: true,
        phase,
        state: None,
        quiet: None,
        priority: Priority::Medium,
        class: AlertClass::Physiological,
        value: None,
        limits: Some("90-96".to_owned()),
        observed_at: t(s),
    }
}

fn input(said: ReportedAlert) -> Input {
    Input::Said { patient: "p1".parse().unwrap(), device: "d1".parse().unwrap(), said: Box::new(said) }
}

impl Bench {
    fn device_says(&mut self, s: f64, said: ReportedAlert) -> Vec<Event> {
        self.input(s, input(said))
    }

    fn said_open(&self) -> Vec<&Alert> {
        self.engine.alerts().filter(|a| matches!(a.key.code, ConditionCode::DeviceAlert(_))).collect()
    }
}

fn why(events: &[Event]) -> Option<NotRaised> {
    events.iter().find_map(|e| if let EventBody::DeviceSaid { why, .. } = &e.body { Some(*why) } else { None })
}

#[test]
fn start_raises_and_end_clears() {
    let mut bench = Bench::new(1);
    bench.device_says(10.0, said(9.0, "A", ReportedPhase::Start));
    let alert = bench.alert(LOW_SPO2);
    assert_eq!((alert.priority, alert.class, alert.since), (Priority::Medium, AlertClass::Physiological, t(9.0)));
    assert_eq!(alert.detail.as_deref(), Some("device limits 90-96"));
    assert_eq!(alert.key.device.as_ref().unwrap().as_str(), "d1");
    bench.device_says(20.0, said(19.0, "A", ReportedPhase::Continue));
    bench.device_says(30.0, said(29.0, "A", ReportedPhase::End));
    let moves: Vec<Cause> = bench.moves().into_iter().map(|(_, _, cause)| cause).collect();
    assert_eq!(moves, [Cause::Raised, Cause::Cleared], "a reminder is no event");
    assert_eq!(bench.said_open(), Vec::<&Alert>::new());
}

#[test]
fn a_high_alert_of_the_patient_latches_and_one_of_equipment_does_not() {
    for (class, latches) in [(AlertClass::Physiological, true), (AlertClass::Technical, false)] {
        let mut bench = Bench::new(1);
        let high = |s, phase| ReportedAlert { priority: Priority::High, class, ..said(s, "A", phase) };
        bench.device_says(10.0, high(9.0, ReportedPhase::Start));
        bench.device_says(20.0, high(19.0, ReportedPhase::End));
        assert_eq!(bench.said_open().first().is_some_and(|a| a.signal == Signal::Latch), latches);
    }
}

#[test]
fn a_priority_follows_the_device_upwards_and_is_said_downwards() {
    let mut bench = Bench::new(1);
    let of = |s, phase, priority| ReportedAlert { priority, ..said(s, "A", phase) };
    bench.device_says(10.0, of(10.0, ReportedPhase::Start, Priority::Low));
    bench.device_says(20.0, of(20.0, ReportedPhase::Escalate, Priority::High));
    assert_eq!(bench.alert(LOW_SPO2).priority, Priority::High);
    bench.device_says(30.0, of(30.0, ReportedPhase::Deescalate, Priority::Low));
    let alert = bench.alert(LOW_SPO2);
    assert_eq!((alert.priority, alert.detail.as_deref()), (Priority::High, Some("device limits 90-96, now low")));
    let moves: Vec<Cause> = bench.moves().into_iter().map(|(_, _, cause)| cause).collect();
    assert_eq!(moves, [Cause::Raised, Cause::Worsened, Cause::Told]);
}

#[test]
fn what_is_quiet_on_the_device_is_not_quiet_here() {
    let mut bench = Bench::new(1);
    bench.device_says(10.0, said(10.0, "A", ReportedPhase::Start));
    let quiet = Some(ReportedQuiet::AudioPaused);
    bench.device_says(20.0, ReportedAlert { quiet, ..said(20.0, "A", ReportedPhase::Inactivate) });
    let alert = bench.alert(LOW_SPO2);
    assert!(alert.is_audible());
    assert!(alert.detail.as_deref().unwrap().ends_with("on the device: sound paused"), "{:?}", alert.detail);
}

#[test]
fn a_start_that_was_missed_is_made_up_for_and_an_unknown_end_is_recorded() {
    let mut bench = Bench::new(1);
    assert_eq!(why(&bench.device_says(5.0, said(5.0, "Z", ReportedPhase::End))), Some(NotRaised::UnknownEnd));
    assert_eq!(
        why(&bench.device_says(6.0, said(4.0, "Z", ReportedPhase::Start))),
        Some(NotRaised::Late),
        "out of order"
    );
    bench.device_says(10.0, said(10.0, "A", ReportedPhase::Continue));
    assert_eq!(bench.alert(LOW_SPO2).condition, Condition::Present);
    let unlinked = ReportedAlert { linked: false, ..said(20.0, "B", ReportedPhase::End) };
    bench.device_says(20.0, unlinked);
    assert!(bench.said_open().is_empty(), "an end that names no other message is of the one that is so");
}

#[test]
fn what_comes_late_or_twice_changes_nothing() {
    let mut bench = Bench::new(1);
    bench.device_says(10.0, said(10.0, "A", ReportedPhase::Start));
    assert!(bench.engine.knows_said(&"d1".parse().unwrap(), &said(10.0, "A", ReportedPhase::Start)));
    bench.device_says(20.0, said(20.0, "A", ReportedPhase::End));
    assert!(!bench.engine.knows_said(&"d1".parse().unwrap(), &said(20.0, "A", ReportedPhase::Continue)));
    for (phase, at) in [(ReportedPhase::Continue, 15.0), (ReportedPhase::Start, 10.0), (ReportedPhase::Update, 20.0)] {
        bench.device_says(30.0, said(at, "A", phase));
        assert!(bench.said_open().is_empty(), "{phase:?}");
    }
    bench.device_says(40.0, said(40.0, "A", ReportedPhase::Continue));
    assert_eq!(bench.said_open().len(), 1, "it is so again");
}

#[test]
fn what_is_more_urgent_is_never_late() {
    let mut bench = Bench::new(1);
    let of = |s, phase, priority| ReportedAlert { priority, ..said(s, "A", phase) };
    bench.device_says(10.0, of(30.0, ReportedPhase::Start, Priority::Low));
    bench.device_says(12.0, of(12.0, ReportedPhase::Escalate, Priority::High));
    assert_eq!(bench.alert(LOW_SPO2).priority, Priority::High, "the clock of the device was set back");
    bench.device_says(13.0, of(13.0, ReportedPhase::End, Priority::High));
    assert_eq!(bench.said_open().len(), 1, "what is late ends nothing");
}

#[test]
fn a_start_in_the_second_of_an_end_is_another_start() {
    let mut bench = Bench::new(1);
    for phase in [ReportedPhase::Start, ReportedPhase::End, ReportedPhase::Start] {
        bench.device_says(10.0, said(10.0, "A", phase));
    }
    assert_eq!(bench.said_open().iter().filter(|a| a.condition == Condition::Present).count(), 1);
}

#[test]
fn a_latched_state_of_the_device_is_over() {
    let mut bench = Bench::new(1);
    bench.device_says(10.0, said(10.0, "A", ReportedPhase::Start));
    let latched = Some(ReportedState::Latched);
    bench.device_says(20.0, ReportedAlert { state: latched, ..said(20.0, "A", ReportedPhase::Update) });
    assert!(bench.said_open().is_empty());
}

#[test]
fn a_moment_is_shown_for_a_minute() {
    let mut bench = Bench::new(1);
    bench.device_says(10.0, said(10.0, "A", ReportedPhase::Moment));
    bench.tick(69.0);
    assert_eq!(bench.said_open().len(), 1);
    bench.tick(70.0);
    assert!(bench.said_open().is_empty());
}

#[test]
fn reminders_that_fail_hold_an_alert_and_a_day_of_silence_ends_it() {
    let mut bench = Bench::new(1);
    for s in [10.0, 50.0, 90.0] {
        bench.device_says(s, said(s, "A", if s < 20.0 { ReportedPhase::Start } else { ReportedPhase::Continue }));
    }
    bench.tick(209.0);
    assert_eq!(bench.alert(LOW_SPO2).condition, Condition::Present);
    bench.tick(210.0);
    assert_eq!(bench.alert(LOW_SPO2).condition, Condition::Inop { reason: InopReason::Stale });
    bench.device_says(250.0, said(250.0, "A", ReportedPhase::Continue));
    assert_eq!(bench.alert(LOW_SPO2).condition, Condition::Present);
    bench.tick(250.0 + 24.0 * 3600.0);
    assert!(bench.said_open().is_empty());
}

#[test]
fn a_device_that_never_reminds_keeps_its_alert() {
    let mut bench = Bench::new(1);
    bench.device_says(10.0, said(10.0, "A", ReportedPhase::Start));
    bench.tick(12.0 * 3600.0);
    assert_eq!(bench.alert(LOW_SPO2).condition, Condition::Present);
}

#[test]
fn after_a_start_it_is_not_known_until_the_device_says_more() {
    let mut bench = Bench::new(1);
    bench.device_says(10.0, said(10.0, "A", ReportedPhase::Start));
    let bytes = bench.engine.snapshot().unwrap();
    bench.engine = Engine::restore(EngineConfig::default(), &bytes).unwrap();
    bench.input(60.0, Input::Start { ward: ward() });
    assert_eq!(bench.alert(LOW_SPO2).condition, Condition::Inop { reason: InopReason::Awaiting });
    bench.device_says(70.0, said(65.0, "A", ReportedPhase::End));
    assert!(bench.said_open().is_empty());
}

#[test]
fn a_lost_device_holds_its_alerts() {
    let mut bench = Bench::new(1);
    bench.feed(0, 10, 1, HR, 80.0);
    bench.device_says(10.0, said(10.0, "A", ReportedPhase::Start));
    bench.tick(60.0);
    assert_eq!(bench.alert(LOW_SPO2).condition, Condition::Inop { reason: InopReason::DeviceLost });
}

#[test]
fn of_a_patient_whom_the_device_no_longer_measures_nothing_is_raised() {
    let mut bench = Bench::new(2);
    bench.device_says(10.0, said(10.0, "A", ReportedPhase::Start));
    bench.command(20.0, Command::Unassign { device: "d1".parse().unwrap(), end: t(20.0) });
    assert!(bench.said_open().is_empty(), "closed with the assignment");
    assert_eq!(why(&bench.device_says(30.0, said(15.0, "A", ReportedPhase::Continue))), Some(NotRaised::Past));
}

#[test]
fn limits_of_a_device_are_told_when_they_change_and_judge_nothing() {
    let mut bench = Bench::new(1);
    let limits = |s: f64, low: &str, high: &str| Input::LimitsSaid {
        patient: "p1".parse().unwrap(),
        vital: HR,
        said: LimitsSaid {
            device: "d1".parse().unwrap(),
            limits: ReportedLimits::between(low, high).unwrap(),
            since: t(s),
        },
    };
    let told = |events: &[Event]| events.iter().filter(|e| matches!(e.body, EventBody::DeviceLimits { .. })).count();
    assert_eq!(told(&bench.input(1.0, limits(1.0, "50", "120.0"))), 1);
    assert_eq!(told(&bench.input(2.0, limits(2.0, "50", "120.0"))), 0, "no news");
    assert_eq!(told(&bench.input(3.0, limits(3.0, "", "90"))), 1);
    assert_eq!(told(&bench.input(4.0, limits(2.5, "50", "120.0"))), 0, "late");
    let shown = |bench: &Bench| {
        let stay = bench.engine.census().stays.values().next().unwrap();
        stay.device_limits.get(&HR).map(|said| said.limits.to_string())
    };
    assert_eq!(shown(&bench).as_deref(), Some("below 90"));
    bench.feed(5, 30, 1, HR, 100.0);
    assert!(bench.engine.alerts().next().is_none(), "ours are 50 to 120");
    bench.command(31.0, Command::Unassign { device: "d1".parse().unwrap(), end: t(31.0) });
    assert_eq!(shown(&bench), None, "they went with the device");
}

#[test]
fn limits_of_two_devices_are_told_when_those_of_the_one_change_and_not_in_turns() {
    let mut bench = Bench::new(1);
    let device = Device { kind: DeviceKind::Monitor, ..gateway("d2") };
    bench.command(0.1, Command::SetDevice { device });
    bench.assign(0.2, 2, 1);
    let mut told = |s: f64, device: &str, low: &str| {
        let limits = ReportedLimits::between(low, "120").unwrap();
        let said = LimitsSaid { device: device.parse().unwrap(), limits, since: t(s) };
        let events = bench.input(s, Input::LimitsSaid { patient: "p1".parse().unwrap(), vital: HR, said });
        events.iter().filter(|e| matches!(e.body, EventBody::DeviceLimits { .. })).count()
    };
    assert_eq!((told(1.0, "d1", "50"), told(2.0, "d2", "60")), (1, 1));
    for s in 3..9 {
        assert_eq!((told(f64::from(s), "d1", "50"), told(f64::from(s) + 0.5, "d2", "60")), (0, 0), "at {s}");
    }
    assert_eq!((told(10.0, "d1", "55"), told(11.0, "d2", "60")), (1, 0));
    let shown = |bench: &Bench| {
        let stay = bench.engine.census().stays.values().next().unwrap();
        stay.device_limits.get(&HR).map(|said| (said.device.to_string(), said.limits.to_string()))
    };
    assert_eq!(shown(&bench), Some(("d1".to_owned(), "55-120".to_owned())), "the last that changed");
    bench.command(12.0, Command::Unassign { device: "d1".parse().unwrap(), end: t(12.0) });
    assert_eq!(shown(&bench), Some(("d2".to_owned(), "60-120".to_owned())), "the other one is still there");
}

#[test]
fn the_sixty_fifth_alert_of_a_device_leaves_a_trace_of_the_one_that_it_takes_the_place_of() {
    let mut bench = Bench::new(1);
    for n in 0..64 {
        let code = DeviceAlertCode::new(&format!("E{n}"), "x");
        let said = ReportedAlert { code, ..said(f64::from(n), &format!("A{n}"), ReportedPhase::Start) };
        assert_eq!(why(&bench.device_says(f64::from(n) + 0.5, said)), None);
    }
    assert_eq!(bench.said_open().len(), 64);
    let events = bench.device_says(70.0, said(70.0, "B", ReportedPhase::Start));
    let dropped = events.iter().find_map(|e| match &e.body {
        EventBody::DeviceSaid { said, why, .. } => Some((said.code.to_string(), *why)),
        _ => None,
    });
    assert_eq!(dropped, Some(("e0.x".to_owned(), NotRaised::TooMany)), "the longest unheard");
    let ended = events.iter().find_map(|e| match &e.body {
        EventBody::Alert { cause: Cause::Cleared, alert, .. } => alert.detail.clone(),
        _ => None,
    });
    let told = "device limits 90-96; the device has more than 64 alerts at once: it is not followed any more";
    assert_eq!(ended.as_deref(), Some(told), "what the device said is not lost");
    assert_eq!(bench.said_open().len(), 64);
}

fn watched(within_s: i64) -> EngineConfig {
    let watchdogs = [("gw".parse().unwrap(), Millis::from_secs(within_s))].into();
    EngineConfig { watchdogs: Arc::new(watchdogs), ..EngineConfig::default() }
}

fn behind_watchdog(within_s: i64) -> Bench {
    let mut bench = Bench::with(watched(within_s), 1);
    bench.command(0.0, Command::SetDevice { device: gateway("gw") });
    bench
}

#[test]
fn a_gateway_without_a_word_is_lost_and_comes_back() {
    let heard = || Input::Heard { device: "gw".parse().unwrap() };
    let mut bench = behind_watchdog(30);
    bench.input(20.0, heard());
    bench.tick(50.9);
    assert!(bench.engine.alerts().next().is_none());
    bench.tick(51.0);
    let alert = bench.alert("gateway.lost");
    assert_eq!((alert.priority, alert.since), (Priority::Medium, t(20.0)));
    assert_eq!(alert.detail.as_deref(), Some("neither watchdog nor message for 30 s"));
    bench.input(60.0, heard());
    bench.input(66.0, heard());
    assert!(bench.engine.alerts().next().is_none(), "it has spoken for 5 s");
    bench.tick(98.0);
    assert_eq!(bench.engine.alerts().count(), 1, "and is silent again");
}

#[test]
fn a_watchdog_outlives_a_stop_and_counts_from_the_start() {
    let mut bench = behind_watchdog(30);
    let bytes = bench.engine.snapshot().unwrap();
    bench.engine = Engine::restore(watched(30), &bytes).unwrap();
    bench.input(500.0, Input::Start { ward: ward() });
    bench.tick(530.0);
    assert!(bench.engine.alerts().next().is_none());
    bench.tick(531.0);
    assert_eq!(bench.engine.alerts().count(), 1);
    let bytes = bench.engine.snapshot().unwrap();
    bench.engine = Engine::restore(watched(30), &bytes).unwrap();
    bench.input(600.0, Input::Heard { device: "gw".parse().unwrap() });
    bench.tick(606.0);
    assert!(bench.engine.alerts().next().is_none(), "it ends after another stop, too");
    let without = Engine::restore(EngineConfig::default(), &bench.engine.snapshot().unwrap()).unwrap();
    assert!(!without.misses(&"gw".parse().unwrap(), t(9_000.0)));
}

const PHASES: [ReportedPhase; 9] = [
    ReportedPhase::Start,
    ReportedPhase::Continue,
    ReportedPhase::Update,
    ReportedPhase::Escalate,
    ReportedPhase::Deescalate,
    ReportedPhase::Inactivate,
    ReportedPhase::Moment,
    ReportedPhase::Reset,
    ReportedPhase::End,
];

proptest! {
    /// Whatever is said in whatever order: an open alert is one that was said to be so last, at most one stands for a
    /// condition, and none outlives a day of silence but one that latches.
    #[test]
    fn no_alert_is_without_an_end(
        steps in prop::collection::vec((0_usize..9, 0_usize..3, 0_usize..3, 1_i32..400, -30_i32..5, any::<bool>()), 1..60),
    ) {
        let mut bench = Bench::new(1);
        let mut s = 0;
        for (phase, episode, event, after, late, linked) in steps {
            s += after;
            let code = DeviceAlertCode::new(["a", "b", "c"][event], "");
            let episode = format!("{event}/{episode}");
            let priority = [Priority::Low, Priority::Medium, Priority::High][phase % 3];
            let said = ReportedAlert { code, linked, priority, ..said(f64::from(s + late.min(0)), &episode, PHASES[phase]) };
            bench.device_says(f64::from(s), said);
            let present = bench.said_open().into_iter().filter(|a| a.condition != Condition::Absent).count();
            prop_assert!(present <= 3);
        }
        bench.tick(f64::from(s) + 25.0 * 3600.0);
        for alert in bench.said_open() {
            prop_assert_eq!(alert.condition, Condition::Absent);
            prop_assert_eq!(alert.signal, Signal::Latch);
        }
        // A snapshot changes nothing.
        let bytes = bench.engine.snapshot().unwrap();
        let again = Engine::restore(EngineConfig::default(), &bytes).unwrap();
        prop_assert_eq!(again.snapshot().unwrap(), bytes);
    }
}
