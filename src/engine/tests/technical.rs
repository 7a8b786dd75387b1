//! Clocks that are wrong, gateways that are lost, wards that nobody watches.

use super::*;
use crate::domain::Lapse;
use rstest::rstest;

const NO_WATCHER_AFTER: Millis = Millis::from_mins(5);

pub(super) fn config() -> EngineConfig {
    EngineConfig { no_watcher_after: Some(NO_WATCHER_AFTER), ..EngineConfig::default() }
}

pub(super) fn gateway(id: &str) -> Device {
    Device {
        id: id.parse().unwrap(),
        name: "Gateway".into(),
        kind: DeviceKind::Gateway,
        gateway: None,
        intervals_ms: Map::new(),
        desired: Desired::default(),
    }
}

/// A ward that has to be watched, all of its monitors behind one gateway.
pub(super) fn watched_ward(n: usize) -> Bench {
    behind_gateway(Bench::with(config(), n), n)
}

fn behind_gateway(mut bench: Bench, n: usize) -> Bench {
    bench.command(0.0, Command::SetDevice { device: gateway("gw") });
    for i in 1..=n {
        let device = Device {
            id: format!("d{i}").parse().unwrap(),
            name: "Monitor".into(),
            kind: DeviceKind::Monitor,
            gateway: Some("gw".parse().unwrap()),
            intervals_ms: Map::new(),
            desired: Desired::default(),
        };
        bench.command(0.0, Command::SetDevice { device });
    }
    bench.events.clear();
    bench
}

/// What the server tells an engine besides values and commands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    Watched(bool),
    Heard,
    Lapsed(usize, Lapse),
    ClockAhead(usize),
}

pub(super) fn told() -> impl Strategy<Value = Told> {
    let lapse = prop_oneof![Just(Lapse::Gone), Just(Lapse::Missed)];
    prop_oneof![
        any::<bool>().prop_map(Told::Watched),
        Just(Told::Heard),
        (1..4_usize).prop_map(Told::ClockAhead),
        (1..4_usize, lapse).prop_map(|(device, lapse)| Told::Lapsed(device, lapse)),
    ]
}

pub(super) fn tell(bench: &mut Bench, s: f64, told: Told) {
    let input = match told {
        Told::Watched(watched) => Input::Watched { watched },
        Told::Heard => Input::Heard { device: "gw".parse().unwrap() },
        Told::Lapsed(device, lapse) => lapsed(&[device], lapse),
        Told::ClockAhead(device) => Input::IntakeFault(ahead(s, device)),
    };
    bench.input(s, input);
}

fn lapsed(devices: &[usize], lapse: Lapse) -> Input {
    Input::Lapsed { devices: devices.iter().map(|d| format!("d{d}").parse().unwrap()).collect(), lapse }
}

/// A value of a device that was refused, because it lies an hour ahead.
fn ahead(s: f64, device: usize) -> IntakeFault {
    IntakeFault::ClockAhead { device: format!("d{device}").parse().unwrap(), observed_at: t(s + 3_600.0) }
}

/// The moves of the alerts with these codes, by device: `(second, device, cause)`.
fn moves_of(bench: &Bench, code: &str) -> Vec<(f64, String, Cause)> {
    let moved = |e: &Event| match &e.body {
        EventBody::Alert { cause: Cause::Escalated, .. } => None,
        EventBody::Alert { cause, alert, .. } if alert.key.code.to_string() == code => {
            let device = alert.key.device.as_ref().map(ToString::to_string).unwrap_or_default();
            Some((e.at.since(t(0.0)).as_secs_f64(), device, *cause))
        }
        _ => None,
    };
    bench.events.iter().filter_map(moved).collect()
}

fn priority_of(bench: &Bench, code: &str, device: &str) -> Option<Priority> {
    let code: ConditionCode = code.parse().unwrap();
    let of = |a: &&Alert| a.key.code == code && a.key.device.as_ref().is_some_and(|d| d.as_str() == device);
    bench.engine.alerts().find(of).map(|a| a.priority)
}

#[rstest]
#[case::right(0.0, None)]
#[case::behind_within_the_bound(60.0, None)]
#[case::behind(61.0, Some("its clock is 61 s behind, or its values come so late"))]
#[case::ahead_within_the_bound(-10.0, None)]
#[case::ahead(-11.0, Some("its clock is 11 s ahead"))]
fn a_clock_that_is_wrong_is_told(#[case] behind: f64, #[case] words: Option<&str>) {
    let mut bench = Bench::new(1);
    for s in 0..100 {
        bench.late_value(f64::from(s), f64::from(s) - behind, 1, SPO2, 97.0);
    }
    let skew = bench.engine.alerts().find(|a| a.key.code == ConditionCode::ClockSkew);
    assert_eq!(skew.and_then(|a| a.detail.as_deref()), words);
    let expected = words.map(|_| (Priority::Low, t(61.0), Some("b1".parse().unwrap())));
    assert_eq!(skew.map(|a| (a.priority, a.raised_at, a.bed.clone())), expected);
    bench.events.clear();
    for s in 100..300 {
        bench.value(f64::from(s), 1, SPO2, 97.0);
    }
    let ended = moves_of(&bench, "device.clock_skew");
    assert_eq!(
        ended.iter().map(|(_, _, cause)| *cause).collect::<Vec<_>>(),
        words.map_or(vec![], |_| vec![Cause::Cleared])
    );
    assert!(ended.iter().all(|(s, ..)| *s <= 100.0 + 2.0 * 62.0), "{ended:?}");
}

#[test]
fn what_was_held_back_during_an_outage_is_no_wrong_clock() {
    let mut bench = Bench::new(1);
    bench.feed(0, 5, 1, SPO2, 97.0);
    // An hour comes within four minutes, live values go on besides.
    for s in 0..240 {
        let at = 3_600.0 + f64::from(s);
        for n in 0..15 {
            bench.late_value(at, 5.0 + f64::from(s * 15 + n), 1, SPO2, 97.0);
        }
        if s >= 120 {
            bench.value(at + 0.5, 1, SPO2, 97.0);
        }
    }
    bench.feed(3_840, 4_000, 1, SPO2, 97.0);
    assert_eq!(moves_of(&bench, "device.clock_skew"), []);
}

#[test]
fn a_clock_so_far_ahead_that_all_is_refused_is_told() {
    let mut bench = Bench::new(1);
    for s in 0..70 {
        bench.input(f64::from(s), Input::IntakeFault(ahead(f64::from(s), 1)));
    }
    assert_eq!(bench.moves(), [(61.0, "device.clock_skew".to_owned(), Cause::Raised)]);
    assert_eq!(bench.alert("device.clock_skew").detail.as_deref(), Some("its clock is 3600 s ahead"));
    let patient = "p1".parse().unwrap();
    bench.command(70.0, Command::Discharge { patient, reason: CloseReason::Discharged });
    assert_eq!(bench.engine.alerts().count(), 0, "the next patient starts empty");
    for s in 71..200 {
        bench.input(f64::from(s), Input::IntakeFault(ahead(f64::from(s), 1)));
    }
    assert_eq!(bench.engine.alerts().count(), 0, "it measures nobody");
}

/// One value a second of these patients over `[from, to)`.
fn feed_all(bench: &mut Bench, from: i32, to: i32, patients: &[usize]) {
    for s in from..to {
        for patient in patients {
            bench.value(f64::from(s), *patient, SPO2, 97.0);
        }
    }
}

#[test]
fn what_came_long_ago_is_no_word_of_a_gateway_now() {
    let lost = |bench: &Bench| bench.engine.alerts().any(|a| a.key.code == ConditionCode::GatewayLost);
    let mut bench = behind_gateway(Bench::new(3), 3);
    feed_all(&mut bench, 0, 10, &[1, 2, 3]);
    bench.tick(60.0);
    assert!(lost(&bench));
    bench.input(70.0, Input::Observation(observation(5.5, 5.5, 1, SPO2, 97.0)));
    bench.tick(90.0);
    assert!(lost(&bench), "a dead letter of before was tried again");
    for s in 0..10 {
        let s = 91.0 + f64::from(s);
        bench.input(s, Input::Observation(observation(6.5, s, 1, SPO2, 97.0)));
    }
    bench.tick(101.0);
    assert!(!lost(&bench), "late values that come now are a word");
}

#[test]
fn a_lost_gateway_is_one_alert_and_its_devices_stand_below_it() {
    let mut bench = behind_gateway(Bench::new(3), 3);
    feed_all(&mut bench, 0, 10, &[1, 2, 3]);
    bench.tick(60.0);
    assert_eq!(moves_of(&bench, "gateway.lost"), [(19.0, "gw".to_owned(), Cause::Raised)]);
    assert_eq!(priority_of(&bench, "gateway.lost", "gw"), Some(Priority::Medium));
    assert_eq!(bench.alert("gateway.lost").detail.as_deref(), Some("all 3 devices behind it fell silent at once"));
    assert_eq!(bench.alert("gateway.lost").since, t(9.0));
    for device in ["d1", "d2", "d3"] {
        assert_eq!(priority_of(&bench, "device.lost", device), Some(Priority::Low), "{device}");
    }
    assert_eq!(bench.alert("device.lost").detail.as_deref(), Some("no data: its gateway gw is lost"));
    // The beds are lost: that is said once.
    bench.tick(120.0);
    assert_eq!(priority_of(&bench, "gateway.lost", "gw"), Some(Priority::High));
    assert_eq!(priority_of(&bench, "device.lost", "d1"), Some(Priority::Low));
    bench.events.clear();
    feed_all(&mut bench, 120, 140, &[1, 2, 3]);
    assert_eq!(moves_of(&bench, "gateway.lost"), [(125.0, "gw".to_owned(), Cause::Cleared)]);
    assert_eq!(moves_of(&bench, "device.lost").len(), 3);
    bench.tick(141.0);
    assert_eq!(bench.engine.alerts().count(), 0);
}

#[test]
fn a_device_that_does_not_come_back_with_its_gateway_is_lost_in_its_own_right() {
    let mut bench = behind_gateway(Bench::new(3), 3);
    feed_all(&mut bench, 0, 10, &[1, 2, 3]);
    bench.tick(50.0);
    bench.events.clear();
    feed_all(&mut bench, 50, 200, &[2, 3]);
    let d1 = |s: f64| (s, "d1".to_owned(), Cause::Worsened);
    let moves: Vec<_> = moves_of(&bench, "device.lost").into_iter().filter(|(_, device, _)| device == "d1").collect();
    assert_eq!(moves, [d1(65.0), d1(115.0)], "medium after a moment, high when the bed is lost");
    assert_eq!(priority_of(&bench, "device.lost", "d1"), Some(Priority::High));
    let detail = bench.alert("device.lost").detail.clone();
    assert_eq!(detail.as_deref(), Some("no data from the device, although its gateway is back"));
}

#[test]
fn a_gateway_that_was_heard_for_a_moment_is_lost_once_more_and_not_device_by_device() {
    let mut bench = behind_gateway(Bench::new(3), 3);
    feed_all(&mut bench, 0, 10, &[1, 2, 3]);
    bench.tick(50.0);
    bench.value(50.0, 1, SPO2, 97.0);
    bench.tick(70.0);
    let gw = |s: f64, cause| (s, "gw".to_owned(), cause);
    let expected = [gw(19.0, Cause::Raised), gw(55.0, Cause::Cleared), gw(60.0, Cause::Raised)];
    assert_eq!(moves_of(&bench, "gateway.lost"), expected);
    for device in ["d1", "d2", "d3"] {
        assert_eq!(priority_of(&bench, "device.lost", device), Some(Priority::Low), "{device}");
    }
}

#[rstest]
#[case::one_still_sends(&[1, 2, 3], &[2, 3])]
#[case::one_alone(&[1], &[1])]
fn devices_that_are_lost_without_their_gateway_are_lost_by_themselves(#[case] all: &[usize], #[case] silent: &[usize]) {
    let mut bench = behind_gateway(Bench::new(all.len()), all.len());
    feed_all(&mut bench, 0, 10, all);
    let rest: Vec<usize> = all.iter().copied().filter(|i| !silent.contains(i)).collect();
    feed_all(&mut bench, 10, 60, &rest);
    bench.tick(60.0);
    assert_eq!(moves_of(&bench, "gateway.lost"), []);
    for device in silent {
        assert_eq!(priority_of(&bench, "device.lost", &format!("d{device}")), Some(Priority::Medium));
    }
}

#[test]
fn a_device_that_was_lost_before_says_nothing_of_its_gateway() {
    let mut bench = behind_gateway(Bench::new(2), 2);
    feed_all(&mut bench, 0, 10, &[1, 2]);
    feed_all(&mut bench, 10, 100, &[2]);
    bench.tick(120.0);
    assert_eq!(moves_of(&bench, "gateway.lost"), []);
    assert_eq!(priority_of(&bench, "device.lost", "d2"), Some(Priority::Medium));
}

#[test]
fn a_cuff_does_not_vouch_for_a_gateway() {
    let mut bench = behind_gateway(Bench::new(3), 3);
    feed_all(&mut bench, 0, 10, &[1, 2]);
    let mut cuff = observation(5.0, 5.0, 3, NBP_SYS, 120.0);
    cuff.interval = Some(Millis::from_mins(15));
    bench.input(9.0, Input::Observation(cuff));
    bench.tick(60.0);
    assert_eq!(moves_of(&bench, "gateway.lost"), [(19.0, "gw".to_owned(), Cause::Raised)]);
}

#[rstest]
#[case::a_message(true)]
#[case::what_was_held_back(false)]
fn any_word_of_a_gateway_ends_its_silence(#[case] message: bool) {
    let mut bench = behind_gateway(Bench::new(2), 2);
    feed_all(&mut bench, 0, 10, &[1, 2]);
    bench.tick(50.0);
    assert!(bench.engine.misses(&"gw".parse().unwrap(), bench.engine.now()));
    for s in 50..60 {
        if message {
            bench.input(f64::from(s), Input::Heard { device: "gw".parse().unwrap() });
        } else {
            assert!(bench.late_value(f64::from(s), f64::from(s) - 30.0, 1, SPO2, 97.0).late);
        }
    }
    let cleared = (55.0, "gw".to_owned(), Cause::Cleared);
    assert_eq!(moves_of(&bench, "gateway.lost").last(), Some(&cleared));
    assert!(!bench.engine.misses(&"gw".parse().unwrap(), bench.engine.now()));
    assert_eq!(priority_of(&bench, "device.lost", "d1"), Some(Priority::Low), "and is no sign of life of a device");
}

#[test]
fn a_lost_gateway_that_nobody_depends_on_is_no_alert() {
    let mut bench = behind_gateway(Bench::new(2), 2);
    feed_all(&mut bench, 0, 10, &[1, 2]);
    bench.tick(50.0);
    for patient in ["p1", "p2"] {
        let patient = patient.parse().unwrap();
        bench.command(51.0, Command::Discharge { patient, reason: CloseReason::Discharged });
    }
    assert_eq!(bench.engine.alerts().count(), 0);
}

/// Two devices whose gateway `gw` was lost, and which were set to another one then.
fn lost_and_set_to_another() -> Bench {
    let mut bench = behind_gateway(Bench::new(2), 2);
    feed_all(&mut bench, 0, 10, &[1, 2]);
    bench.tick(50.0);
    bench.command(50.0, Command::SetDevice { device: gateway("spare") });
    for id in ["d1", "d2"] {
        let known = bench.engine.census().devices[&id.parse().unwrap()].clone();
        let device = Device { gateway: Some("spare".parse().unwrap()), ..known };
        bench.command(50.0, Command::SetDevice { device });
    }
    bench
}

#[test]
fn a_lost_gateway_is_forgotten_with_the_last_device_that_was_lost_with_it() {
    let mut bench = lost_and_set_to_another();
    for id in ["d1", "d2"] {
        bench.command(51.0, Command::Unassign { device: id.parse().unwrap(), end: t(51.0) });
    }
    assert_eq!(priority_of(&bench, "gateway.lost", "gw"), None);
}

#[test]
fn a_device_that_comes_back_over_another_gateway_leaves_the_lost_one_to_the_others() {
    let mut bench = lost_and_set_to_another();
    feed_all(&mut bench, 51, 60, &[1]);
    assert_eq!(priority_of(&bench, "gateway.lost", "gw"), Some(Priority::Medium), "d2 is still behind it");
    feed_all(&mut bench, 60, 70, &[1, 2]);
    assert_eq!(bench.engine.alerts().count(), 0);
}

#[test]
fn a_gateway_that_is_lost_over_a_restart_stays_so_until_it_is_heard() {
    let mut bench = behind_gateway(Bench::new(2), 2);
    feed_all(&mut bench, 0, 10, &[1, 2]);
    bench.tick(30.0);
    let bytes = bench.engine.snapshot().unwrap();
    bench.engine = Engine::restore(EngineConfig::default(), &bytes).unwrap();
    bench.input(500.0, Input::Start { ward: ward() });
    assert!(bench.engine.misses(&"gw".parse().unwrap(), bench.engine.now()));
    feed_all(&mut bench, 510, 530, &[1, 2]);
    assert_eq!(moves_of(&bench, "gateway.lost").last(), Some(&(515.0, "gw".to_owned(), Cause::Cleared)));
    // A gateway that does not come back after a start is one alert, too.
    bench.input(600.0, Input::Start { ward: ward() });
    bench.tick(620.0);
    assert_eq!(moves_of(&bench, "gateway.lost").last(), Some(&(610.0, "gw".to_owned(), Cause::Raised)));
}

fn watch(bench: &mut Bench, s: f64, watched: bool) {
    bench.input(s, Input::Watched { watched });
}

fn unwatched(bench: &Bench) -> Vec<(f64, Cause)> {
    moves_of(bench, "ward.no_watcher").into_iter().map(|(s, _, cause)| (s, cause)).collect()
}

#[test]
fn a_ward_that_nobody_watches_is_told_until_somebody_does() {
    let mut bench = Bench::with(config(), 1);
    bench.tick(299.0);
    assert_eq!(unwatched(&bench), []);
    bench.tick(400.0);
    let alert = bench.alert("ward.no_watcher");
    assert_eq!((alert.priority, alert.since, alert.raised_at), (Priority::Medium, t(0.0), t(300.0)));
    assert_eq!(alert.detail.as_deref(), Some("nobody has watched for 5 min"));
    watch(&mut bench, 410.0, true);
    watch(&mut bench, 500.0, false);
    watch(&mut bench, 700.0, true);
    watch(&mut bench, 750.0, false);
    bench.tick(2_000.0);
    assert_eq!(unwatched(&bench), [(300.0, Cause::Raised), (410.0, Cause::Cleared), (1_050.0, Cause::Raised)]);
}

#[test]
fn a_ward_without_patients_needs_nobody() {
    let mut bench = Bench::with(config(), 1);
    let patient = "p1".parse().unwrap();
    bench.command(200.0, Command::Discharge { patient, reason: CloseReason::Discharged });
    bench.tick(1_000.0);
    assert_eq!(unwatched(&bench), []);
    bench.admit(1_000.0, 2, 1);
    bench.tick(2_000.0);
    assert_eq!(unwatched(&bench), [(1_300.0, Cause::Raised)], "time counts from when there is somebody to watch");
    let patient = "p2".parse().unwrap();
    bench.command(2_000.0, Command::Discharge { patient, reason: CloseReason::Discharged });
    assert_eq!(unwatched(&bench).last(), Some(&(2_000.0, Cause::Cleared)));
}

#[test]
fn after_a_start_nobody_watches_until_a_terminal_comes() {
    let mut bench = Bench::with(config(), 1);
    watch(&mut bench, 1.0, true);
    bench.tick(1_000.0);
    assert_eq!(unwatched(&bench), []);
    let bytes = bench.engine.snapshot().unwrap();
    bench.engine = Engine::restore(config(), &bytes).unwrap();
    bench.input(1_100.0, Input::Start { ward: ward() });
    bench.tick(2_000.0);
    assert_eq!(unwatched(&bench), [(1_400.0, Cause::Raised)]);
    bench.input(3_000.0, Input::Start { ward: ward() });
    bench.tick(4_000.0);
    assert_eq!(unwatched(&bench).len(), 1, "it goes on over a restart");
}

#[test]
fn where_nobody_could_watch_nobody_is_missed() {
    let mut bench = Bench::new(1);
    bench.tick(100_000.0);
    assert_eq!(unwatched(&bench), []);
}

/// Each vital has a clock of its own: a cuff that is to come every 15 min, and a heart rate each second.
#[test]
fn a_cuff_goes_stale_by_its_own_interval_while_the_heart_rate_lives() {
    let mut bench = Bench::new(1);
    bench.input(0.0, paced(0.0, NBP_SYS, 120.0, 900));
    for s in 0..2_800 {
        bench.value(f64::from(s), 1, HR, 70.0 + f64::from(s % 3));
        assert_eq!(bench.moves().is_empty(), s < 2_700, "{s}: {:?}", bench.moves());
    }
    assert_eq!(bench.moves(), [(2_700.0, "nbp_sys.stale".to_owned(), Cause::Raised)]);
    bench.input(2_800.0, paced(2_800.0, NBP_SYS, 120.0, 900));
    bench.value(2_806.0, 1, HR, 70.0);
    assert_eq!(bench.moves().last(), Some(&(2_805.0, "nbp_sys.stale".to_owned(), Cause::Cleared)));
}

#[test]
fn a_heart_rate_goes_stale_by_its_own_interval_while_the_cuff_lives() {
    // The device goes on sending its saturation: the heart rate alone has ended.
    let mut bench = Bench::new(1);
    for s in 0..4_000 {
        if s % 900 == 0 {
            bench.input(f64::from(s), paced(f64::from(s), NBP_SYS, 120.0, 900));
        }
        if s < 100 {
            bench.value(f64::from(s), 1, HR, 70.0 + f64::from(s % 3));
        }
        bench.value(f64::from(s), 1, SPO2, 97.0);
    }
    assert_eq!(bench.moves(), [(109.0, "hr.stale".to_owned(), Cause::Raised)]);
}

#[test]
fn a_device_that_is_said_to_be_gone_is_lost_at_once_and_comes_back_as_any_other() {
    let mut bench = behind_gateway(Bench::new(3), 3);
    feed_all(&mut bench, 0, 10, &[1, 2, 3]);
    bench.input(10.0, lapsed(&[1], Lapse::Gone));
    assert_eq!(bench.moves(), [(10.0, "device.lost".to_owned(), Cause::Raised)]);
    assert_eq!(bench.alert("device.lost").detail.as_deref(), Some("its gateway says that it is gone"));
    bench.input(11.0, lapsed(&[1], Lapse::Gone));
    feed_all(&mut bench, 11, 30, &[1, 2, 3]);
    let expected = [(10.0, "d1".to_owned(), Cause::Raised), (16.0, "d1".to_owned(), Cause::Cleared)];
    assert_eq!(moves_of(&bench, "device.lost"), expected);
}

#[test]
fn when_all_behind_a_gateway_are_gone_at_once_one_alert_says_so() {
    let mut bench = behind_gateway(Bench::new(3), 3);
    feed_all(&mut bench, 0, 10, &[1, 2, 3]);
    bench.input(10.0, lapsed(&[1, 2, 3], Lapse::Gone));
    assert_eq!(moves_of(&bench, "gateway.lost"), [(10.0, "gw".to_owned(), Cause::Raised)]);
    for device in ["d1", "d2", "d3"] {
        assert_eq!(priority_of(&bench, "device.lost", device), Some(Priority::Low), "{device}");
    }
    feed_all(&mut bench, 20, 40, &[1, 2, 3]);
    assert_eq!(bench.engine.alerts().count(), 0);
}

#[test]
fn after_missing_messages_nothing_is_known_until_the_device_speaks() {
    let mut bench = behind_gateway(Bench::new(2), 2);
    for s in 0..30 {
        bench.value(f64::from(s), 1, SPO2, 85.0);
        bench.value(f64::from(s), 2, SPO2, 97.0);
    }
    let code = low();
    assert_eq!(bench.moves().last().map(|m| m.1.clone()), Some(code.clone()));
    bench.input(29.5, lapsed(&[1], Lapse::Missed));
    assert_eq!(
        bench.alert(&code).condition,
        Condition::Inop { reason: InopReason::Awaiting },
        "what was low may no longer be so, and is not taken back"
    );
    for s in 30..45 {
        bench.value(f64::from(s), 1, SPO2, 85.0);
        bench.value(f64::from(s), 2, SPO2, 97.0);
    }
    assert_eq!(bench.alert(&code).condition, Condition::Present);
    bench.input(44.5, lapsed(&[1], Lapse::Missed));
    for s in 45..60 {
        bench.value(f64::from(s), 2, SPO2, 97.0);
    }
    let lost = moves_of(&bench, "device.lost");
    assert_eq!(lost, [(54.0, "d1".to_owned(), Cause::Raised)], "its silence counts from its last word");
}

#[test]
fn who_measures_nobody_may_be_gone() {
    let mut bench = behind_gateway(Bench::new(1), 1);
    bench.input(1.0, lapsed(&[1, 7], Lapse::Missed));
    bench.input(2.0, lapsed(&[7], Lapse::Gone));
    assert_eq!(bench.engine.alerts().count(), 0);
}

#[test]
fn a_low_battery_is_told_gets_worse_and_is_over_with_some_room() {
    let mut bench = Bench::new(2);
    let mut say = |s: f64, percent: Option<u8>| {
        let percent = percent.map(|p| crate::domain::Percent::new(p).unwrap());
        bench.input(s, Input::IntakeFault(IntakeFault::Battery { device: "d1".parse().unwrap(), percent }));
    };
    for (s, percent) in [(1.0, 60), (2.0, 21), (3.0, 20), (4.0, 12), (5.0, 5), (6.0, 4), (7.0, 22), (8.0, 25)] {
        say(s, Some(percent));
    }
    say(9.0, Some(26));
    say(10.0, Some(3));
    say(11.0, None);
    let moves = moves_of(&bench, "device.battery_low");
    let expected = [
        (3.0, Cause::Raised),
        (5.0, Cause::Worsened),
        (9.0, Cause::Cleared),
        (10.0, Cause::Raised),
        (11.0, Cause::Cleared),
    ];
    assert_eq!(moves, expected.map(|(s, cause)| (s, "d1".to_owned(), cause)));
    let mut bench = Bench::new(1);
    let battery = |device: &str| IntakeFault::Battery {
        device: device.parse().unwrap(),
        percent: Some(crate::domain::Percent::new(3).unwrap()),
    };
    bench.input(1.0, Input::IntakeFault(battery("d9")));
    assert_eq!(bench.engine.alerts().count(), 0, "the battery of a device that measures nobody alarms nobody");
    bench.input(2.0, Input::IntakeFault(battery("d1")));
    assert_eq!(bench.alert("device.battery_low").priority, Priority::Medium);
    bench.command(3.0, Command::Unassign { device: "d1".parse().unwrap(), end: t(3.0) });
    assert_eq!(bench.engine.alerts().count(), 0, "it goes with the assignment");
}

#[test]
fn a_low_battery_that_was_told_before_counts_when_the_device_is_assigned() {
    let device = |id: &str| Device { kind: DeviceKind::Monitor, ..gateway(id) };
    let battery = |percent: u8| {
        let percent = Some(crate::domain::Percent::new(percent).unwrap());
        Input::IntakeFault(IntakeFault::Battery { device: "d9".parse().unwrap(), percent })
    };
    let mut bench = Bench::new(1);
    bench.command(0.5, Command::SetDevice { device: device("d9") });
    bench.input(1.0, battery(4));
    assert_eq!(bench.engine.alerts().count(), 0, "the battery of a device that measures nobody alarms nobody");
    bench.engine = Engine::restore(EngineConfig::default(), &bench.engine.snapshot().unwrap()).unwrap();
    bench.assign(2.0, 9, 1);
    assert_eq!(bench.alert("device.battery_low").priority, Priority::Medium);
    bench.command(3.0, Command::Unassign { device: "d9".parse().unwrap(), end: t(3.0) });
    bench.input(4.0, battery(80));
    bench.assign(5.0, 9, 1);
    assert_eq!(bench.engine.alerts().count(), 0, "it was charged meanwhile");
    bench.command(6.0, Command::Unassign { device: "d9".parse().unwrap(), end: t(6.0) });
    bench.input(7.0, battery(4));
    bench.assign(7.0 + 59.0 * 60.0, 9, 1);
    let detail = bench.alert("device.battery_low").detail.clone();
    assert_eq!(detail.as_deref(), Some("its battery was at 4 % 59 min ago"));
    bench.command(3_600.0, Command::Unassign { device: "d9".parse().unwrap(), end: t(3_600.0) });
    bench.assign(7.0 + 60.0 * 60.0, 9, 1);
    let raised = moves_of(&bench, "device.battery_low").iter().any(|(s, ..)| *s > 3_600.0);
    assert!(!raised, "an hour ago is no word of now");
}

#[test]
fn a_wish_for_rarer_values_does_not_make_silence_quieter_until_the_device_works_by_it() {
    let mut bench = Bench::new(1);
    let mut device = gateway("d1");
    device.kind = DeviceKind::Monitor;
    device.intervals_ms = [(SPO2, Millis::from_secs(1))].into();
    bench.command(0.0, Command::SetDevice { device: device.clone() });
    for s in 0..5 {
        bench.value(f64::from(s), 1, SPO2, 97.0);
    }
    device.desired.intervals_ms = [(SPO2, Millis::from_secs(3_600))].into();
    bench.command(4.5, Command::SetDevice { device: device.clone() });
    bench.tick(30.0);
    assert_eq!(bench.alert("device.lost").condition, Condition::Present, "it said nothing of sending more seldom");
    let desired = |bench: &Bench| bench.engine.census().devices[&device.id].desired.version;
    let version = desired(&bench);
    bench.command(31.0, Command::SetDevice { device: device.clone().applied() });
    assert_eq!(desired(&bench), version, "it is wanted as before");
    bench.value(32.0, 1, SPO2, 97.0);
    bench.tick(60.0);
    assert_eq!(bench.engine.alerts().count(), 0);
}

#[test]
fn an_assignment_neither_begins_nor_ends_ahead_of_now() {
    let mut bench = Bench::new(1);
    let span = |start| Assignment { device: "d7".parse().unwrap(), patient: "p1".parse().unwrap(), start, end: None };
    bench.command(1.0, Command::SetDevice { device: gateway("d7") });
    bench.command(2.0, Command::Assign { assignment: span(t(100.0)) });
    assert!(bench.engine.census().open_assignment(&"d7".parse().unwrap()).is_none());
    let d1: DeviceId = "d1".parse().unwrap();
    bench.command(3.0, Command::Unassign { device: d1.clone(), end: t(100.0) });
    let at = t(100.0);
    bench.command(4.0, Command::MoveDevice { device: d1.clone(), patient: "p1".parse().unwrap(), at });
    assert!(bench.engine.census().open_assignment(&d1).is_some(), "it goes on measuring");
    bench.command(5.0, Command::Unassign { device: d1.clone(), end: t(5.0) });
    assert!(bench.engine.census().open_assignment(&d1).is_none());
}

#[test]
fn what_is_wanted_of_a_device_is_numbered_by_its_changes() {
    let mut bench = Bench::new(0);
    let device = |interval: Option<i64>, low: Option<f64>| {
        let mut device = gateway("d7");
        device.kind = DeviceKind::Monitor;
        device.intervals_ms = interval.map(|s| (SPO2, Millis::from_secs(s))).into_iter().collect();
        let limits =
            |low| crate::domain::DeviceLimits { low: Some(crate::domain::LimitValue::new(low).unwrap()), high: None };
        device.desired.limits = low.map(|low| (SPO2, limits(low))).into_iter().collect();
        device.desired.version = 99;
        Command::SetDevice { device }
    };
    let mut set = |s: f64, interval, low| {
        bench.command(s, device(interval, low));
        let desired = &bench.engine.census().devices[&"d7".parse::<DeviceId>().unwrap()].desired;
        (desired.version, desired.changed_at)
    };
    assert_eq!(set(1.0, Some(1), None), (1, None), "what the command says of the version does not count");
    assert_eq!(set(2.0, Some(1), None), (1, None));
    assert_eq!(set(3.0, Some(1), Some(85.0)), (2, Some(t(3.0))));
    assert_eq!(set(4.0, Some(5), Some(85.0)), (3, Some(t(4.0))));
    assert_eq!(set(5.0, Some(5), Some(85.0)), (3, Some(t(4.0))));
    let mut bad = gateway("d8");
    bad.desired.limits = [(SPO2, crate::domain::DeviceLimits::default())].into();
    bench.command(6.0, Command::SetDevice { device: bad });
    assert!(!bench.engine.census().devices.contains_key(&"d8".parse::<DeviceId>().unwrap()));
}
