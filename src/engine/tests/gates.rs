//! Doubtful values: they are marked, and they are judged all the same.

use super::*;
use crate::{
    alarm::{
        Outcome,
        machine::{LimitMachine, Rules},
    },
    domain::{
        LimitSide, LimitStep, VitalLimits,
        vital::{ART_DIA, ART_MEAN, ART_SYS, PULSE},
    },
    engine::{gates::until_confirmed, series::SeriesRules},
};
use rstest::rstest;

/// The marks of each value of a vital, fed one a second from `from` on.
fn marks(bench: &mut Bench, from: i32, vital: VitalCode, values: &[f64]) -> Vec<Marks> {
    values.iter().zip(from..).map(|(value, s)| bench.value(f64::from(s), 1, vital, *value).marks).collect()
}

fn moves_of(bench: &Bench, code: &str) -> Vec<(f64, Cause)> {
    bench.moves().into_iter().filter(|(_, of, _)| of == code).map(|(s, _, cause)| (s, cause)).collect()
}

#[test]
fn a_heart_rate_that_does_not_vary_is_marked_told_and_judged() {
    let mut bench = Bench::new(1);
    bench.value(-1.0, 1, HR, 154.0);
    let said = marks(&mut bench, 0, HR, &[155.0; 310]);
    assert!(said[..60].iter().all(Marks::is_empty) && said[60..].iter().all(|m| *m == Marks::FLATLINE));
    assert_eq!(
        bench.moves(),
        [(4.0, "hr.high".to_owned(), Cause::Raised), (300.0, "hr.flatline".to_owned(), Cause::Raised)]
    );
    let flatline = bench.alert("hr.flatline");
    assert_eq!((flatline.priority, flatline.since, flatline.delay_ms), (Priority::Low, t(0.0), Millis::from_mins(5)));
    assert_eq!(bench.alert("hr.high").condition, Condition::Present);
    assert_eq!(marks(&mut bench, 310, HR, &[156.0]), [Marks::NONE]);
    assert_eq!(moves_of(&bench, "hr.flatline"), [(300.0, Cause::Raised), (310.0, Cause::Cleared)]);
    assert_eq!(moves_of(&bench, "hr.high"), [(4.0, Cause::Raised)]);
}

#[test]
fn a_run_of_equal_values_ends_with_its_signal() {
    let mut bench = Bench::new(1);
    bench.feed(0, 302, 1, HR, 80.0);
    bench.tick(400.0);
    assert_eq!(moves_of(&bench, "hr.flatline"), [(300.0, Cause::Raised), (311.0, Cause::Cleared)]);
    let mut bench = Bench::new(1);
    bench.feed(0, 302, 1, HR, 80.0);
    bench.feed(302, 303, 1, HR, 0.0);
    assert_eq!(moves_of(&bench, "hr.flatline"), [(300.0, Cause::Raised), (302.0, Cause::Cleared)]);
    assert_eq!(marks(&mut bench, 303, HR, &[80.0; 60]), [Marks::NONE; 60]);
}

#[rstest]
#[case::saturation(SPO2, 1)]
#[case::respiration(RR, 1)]
#[case::a_value_a_minute(HR, 60)]
fn what_may_be_steady_is_never_flat(#[case] vital: VitalCode, #[case] every: i32) {
    let mut bench = Bench::new(1);
    for i in 0..400 {
        let mut o = observation(f64::from(i * every), f64::from(i * every), 1, vital, 20.0);
        o.interval = Some(Millis::from_secs(every.into()));
        let mut events = Vec::new();
        assert_eq!(bench.engine.observe(&o, o.observed_at, &mut events).marks, Marks::NONE);
        bench.events.extend(events);
    }
    assert!(moves_of(&bench, &format!("{vital}.flatline")).is_empty());
}

#[test]
fn a_snapshot_carries_gates_over() {
    let mut bench = Bench::new(1);
    bench.feed(0, 290, 1, HR, 80.0);
    marks(&mut bench, 280, SPO2, &[97.0, 97.0, 85.0]);
    bench.value(289.0, 1, PULSE, 80.0);
    let engine = Engine::restore(EngineConfig::default(), &bench.engine.snapshot().unwrap()).unwrap();
    let mut restored = Bench { engine, events: bench.events.clone() };
    for bench in [&mut bench, &mut restored] {
        assert_eq!(bench.value(290.0, 1, HR, 80.0).marks, Marks::FLATLINE);
        bench.feed(291, 302, 1, HR, 80.0);
        assert_eq!(moves_of(bench, "hr.flatline"), [(300.0, Cause::Raised)]);
    }
    assert_eq!(bench.events, restored.events);
    assert_eq!(bench.engine.snapshot().unwrap(), restored.engine.snapshot().unwrap());
}

#[test]
fn rates_that_differ_are_marked_and_judged() {
    let mut bench = Bench::new(1);
    for s in 0..70 {
        let heart = bench.value(f64::from(s), 1, HR, 155.0 + f64::from(s % 2));
        let pulse = bench.value(f64::from(s), 1, PULSE, 80.0);
        assert_eq!(heart.marks, Marks::DISAGREES.when(s > 0), "the first has nothing beside it");
        assert_eq!(pulse.marks, Marks::DISAGREES);
        assert_eq!((heart.quality, pulse.quality), (Quality::Valid, Quality::Valid));
    }
    assert_eq!(bench.moves(), [(5.0, "hr.high".to_owned(), Cause::Raised)]);
}

#[test]
fn a_damped_line_is_marked_and_judged() {
    let mut bench = Bench::new(1);
    for s in 0..70 {
        let at = f64::from(s);
        bench.value(at, 1, ART_SYS, 55.0);
        assert_eq!(bench.value(at, 1, ART_DIA, 50.0).marks, Marks::DAMPED);
        assert_eq!(bench.value(at, 1, ART_MEAN, 52.0).marks, Marks::DAMPED);
    }
    assert_eq!(moves_of(&bench, "art_mean.low"), [(8.0, Cause::Raised)]);
}

#[test]
fn a_signal_lost_beside_a_cuff_says_so() {
    let mut bench = Bench::new(1);
    bench.feed(0, 10, 1, SPO2, 97.0);
    bench.value(9.0, 1, NBP_SYS, 120.0);
    assert_eq!(marks(&mut bench, 10, SPO2, &[0.0; 8]), [Marks::CUFF; 8]);
    assert!(bench.alert("spo2.not_measured").detail.as_ref().is_some_and(|d| d.contains("cuff")));
    let mut bench = Bench::new(1);
    bench.feed(0, 18, 1, SPO2, 0.0);
    assert_eq!(bench.alert("spo2.not_measured").detail, None);
}

#[test]
fn marks_of_late_values_and_of_corrections() {
    let mut bench = Bench::new(1);
    bench.feed(0, 100, 1, HR, 80.0);
    assert_eq!(bench.late_value(100.0, 50.5, 1, HR, 190.0).marks, Marks::NONE, "it is history");
    let correction = Correction {
        patient: "p1".parse().unwrap(),
        device: "d1".parse().unwrap(),
        vital: HR,
        observed_at: t(99.0),
        old: 80.0,
        new: 120.0,
    };
    bench.input(100.0, Input::Corrected(correction));
    assert_eq!(marks(&mut bench, 100, HR, &[121.0]), [Marks::NONE], "what is put in order is no jump");
}

/// Heart rate with limits that raise at once.
fn at_once(first: f64, extreme: Option<f64>) -> VitalLimits {
    let step = |limit, priority| LimitStep { limit, priority, delay: Millis::ZERO, depth_budget: None };
    VitalLimits {
        low: LimitSide::default(),
        high: LimitSide {
            warning: Some(step(first, Priority::Medium)),
            extreme: extreme.map(|limit| step(limit, Priority::High)),
        },
        hysteresis: 3.0,
        clear_delay: Millis::from_secs(5),
    }
}

/// Gives the first series other limits.
fn with_limits(bench: &mut Bench, limits: VitalLimits) {
    let series = &mut bench.engine.patients.get_mut(0).unwrap().series[0];
    series.rules = Arc::new(SeriesRules::new(series.rules.def.clone(), Some(limits)));
}

#[rstest]
#[case::one_alone(&[80., 125., 80., 80., 80.], &[], 1)]
#[case::confirmed_by_the_third(&[80., 125., 126., 125., 80.], &[3.0], 0)]
#[case::three_of_five(&[80., 125., 125., 119., 125., 125.], &[4.0], 1)]
#[case::beyond_the_extreme_at_once(&[80., 141., 80., 80., 80.], &[1.0], 0)]
#[case::no_jump_at_once(&[100., 125., 80., 80., 80.], &[1.0], 0)]
fn a_jump_waits_for_confirmation_in_the_first_step_alone(
    #[case] values: &[f64],
    #[case] raised: &[f64],
    #[case] accounted: usize,
) {
    let mut bench = Bench::new(1);
    bench.value(-1.0, 1, HR, values[0]);
    with_limits(&mut bench, at_once(120.0, Some(140.0)));
    marks(&mut bench, 0, HR, values);
    let found: Vec<f64> =
        moves_of(&bench, "hr.high").into_iter().filter(|m| m.1 == Cause::Raised).map(|m| m.0).collect();
    assert_eq!(found, raised);
    let suppressed = |e: &&Event| matches!(e.body, EventBody::Suppressed { by: SuppressedBy::Delay, .. });
    assert_eq!(bench.events.iter().filter(suppressed).count(), accounted, "no violation is lost");
}

#[test]
fn a_jump_that_stands_is_raised_without_another_value() {
    let mut bench = Bench::new(1);
    bench.value(0.0, 1, HR, 80.0);
    with_limits(&mut bench, at_once(120.0, None));
    assert_eq!(bench.value(1.0, 1, HR, 125.0).marks, Marks::JUMP);
    bench.tick(10.0);
    assert_eq!(moves_of(&bench, "hr.high"), [(5.0, Cause::Raised)]);
}

#[rstest]
#[case::first_step(121.0, 4_000, 0)]
#[case::on_the_extreme(140.0, 4_000, 0)]
#[case::beyond_the_extreme(140.1, 0, 0)]
fn only_the_first_step_waits(#[case] value: f64, #[case] first: i64, #[case] extreme: i64) {
    let held = until_confirmed(at_once(120.0, Some(140.0)), Side::High, value).high;
    assert_eq!((held.warning.unwrap().delay, held.extreme.unwrap().delay), (Millis(first), Millis(extreme)));
    let other = until_confirmed(at_once(120.0, Some(140.0)), Side::Low, value).high;
    assert_eq!(other.warning.unwrap().delay, Millis::ZERO);
}

proptest! {
    /// Whatever stands beside a value and however it varies, its alerts are those of the limits alone, with their delays
    /// of 5 s and more.
    #[test]
    fn doubt_takes_and_adds_no_limit_alert(
        values in prop::collection::vec((30_u8..200, 30_u8..200, 1_usize..40), 1..12),
    ) {
        let mut bench = Bench::new(1);
        let limits = bench.engine.profile(Category::Adult).vitals[&HR];
        let mut machines = [LimitMachine::default(), LimitMachine::default()];
        let mut expected = Vec::new();
        let values: Vec<(u8, u8)> = values.into_iter().flat_map(|(h, p, n)| vec![(h, p); n]).collect();
        for ((heart, pulse), s) in values.into_iter().zip(0_i32..) {
            let (at, heart) = (t(f64::from(s)), f64::from(heart));
            bench.value(f64::from(s), 1, HR, heart);
            bench.value(f64::from(s), 1, PULSE, pulse.into());
            for (machine, side) in machines.iter_mut().zip([Side::Low, Side::High]) {
                let rules = Rules { side, limits: &limits };
                let fired = machine.due().filter(|due| *due <= at).and_then(|due| machine.fire(rules, due));
                for outcome in [fired, machine.value(rules, heart, at, at)] {
                    let raised = matches!(outcome, Some(Outcome::Raised { .. } | Outcome::Worsened { .. }));
                    expected.extend(raised.then_some((s, side)));
                }
            }
        }
        let worse = |e: &Event| match &e.body {
            EventBody::Alert { cause: Cause::Raised | Cause::Worsened | Cause::Returned, alert, .. } => match alert.key.code {
                ConditionCode::Limit(HR, side) => Some((i32::try_from(e.at.since(t(0.0)).0 / 1000).unwrap(), side)),
                _ => None,
            },
            _ => None,
        };
        let found: Vec<(i32, Side)> = bench.events.iter().filter_map(worse).collect();
        prop_assert_eq!(found, expected);
    }
}
