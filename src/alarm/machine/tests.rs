//! The limit machine by tables and properties.

use super::*;
use crate::domain::Priority::{High, Medium};
use proptest::prelude::*;

fn t(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}

/// SpO2: below 90 for 10 s is medium, below 80 for 5 s is high, over at 92 for 5 s.
fn spo2() -> VitalLimits {
    let step =
        |limit, priority, s| Some(LimitStep { limit, priority, delay: Millis::from_secs(s), depth_budget: None });
    VitalLimits {
        low: LimitSide { warning: step(90.0, Medium, 10), extreme: step(80.0, High, 5) },
        high: LimitSide::default(),
        hysteresis: 2.0,
        clear_delay: Millis::from_secs(5),
    }
}

/// Feeds one value a second with timers in between, as the engine does, and lists what came of it with its time.
fn run(values: &[f64]) -> Vec<(i64, Outcome)> {
    run_by(&spo2(), values)
}

/// More than this falls due for no machine within a second.
const FIRES_MAX: usize = 10;

fn run_by(limits: &VitalLimits, values: &[f64]) -> Vec<(i64, Outcome)> {
    let rules = Rules { side: Side::Low, limits };
    let mut machine = LimitMachine::default();
    let mut out = Vec::new();
    for (second, value) in (0_i64..).zip(values) {
        let now = t(second * 1000);
        let mut fires = 0;
        while let Some(due) = machine.due().filter(|due| *due <= now) {
            let outcome = machine.fire(rules, due);
            out.extend(outcome.map(|o| (due.as_ms(), o)));
            fires += 1;
            assert!(fires <= FIRES_MAX, "what was due has happened");
        }
        let outcome =
            if value.is_nan() { machine.inop(InopReason::NotMeasured) } else { machine.value(rules, *value, now, now) };
        out.extend(outcome.map(|o| (now.as_ms(), o)));
    }
    out
}

fn repeat(parts: &[(f64, usize)]) -> Vec<f64> {
    parts.iter().flat_map(|(value, n)| std::iter::repeat_n(*value, *n)).collect()
}

const RAISED_90: Outcome =
    Outcome::Raised { priority: Medium, since: Timestamp::from_ms(5_000), limit: 90.0, delay: Millis(10_000) };

#[test]
fn nothing_fires_before_it_is_due_and_what_is_overdue_does() {
    let limits = spo2();
    let rules = Rules { side: Side::Low, limits: &limits };
    let mut machine = LimitMachine::default();
    assert_eq!(machine.value(rules, 85.0, t(0), t(0)), None);
    assert_eq!(machine.due(), Some(t(10_000)));
    assert_eq!(machine.fire(rules, t(9_999)), None);
    assert_eq!(machine.due(), Some(t(10_000)));
    assert!(matches!(machine.fire(rules, t(12_000)), Some(Outcome::Raised { .. })));
}

#[test]
fn one_unit_beyond_uses_up_a_budget_second_by_second() {
    let mut limits = spo2();
    if let Some(step) = &mut limits.low.warning {
        step.depth_budget = Some(4.5);
    }
    for value in [89.0, 89.9] {
        let raised = run_by(&limits, &[value; 8]);
        assert_eq!(raised.first().map(|(at, _)| *at), Some(4_500), "{value}: a unit at the least");
    }
    // In the band nothing adds up.
    let rules = Rules { side: Side::Low, limits: &limits };
    let mut machine = LimitMachine::default();
    machine.value(rules, 89.0, t(0), t(0));
    machine.value(rules, 91.0, t(1_000), t(1_000));
    assert_eq!(machine.due(), Some(t(11_000)), "the violation is dropped when the band lasts");
}

#[test]
fn the_worst_value_of_a_dip_is_kept() {
    let dip = Violation { since: t(1_000), worst: 82.0 };
    assert_eq!(run(&[97.0, 88.0, 82.0, 86.0, 97.0]), [(4_000, Outcome::SuppressedByDelay(dip))]);
}

#[test]
fn row_2_a_dip_shorter_than_the_delay_is_suppressed() {
    let dip = Violation { since: t(5_000), worst: 84.0 };
    assert_eq!(run(&repeat(&[(95.0, 5), (84.0, 9), (95.0, 30)])), [(14_000, Outcome::SuppressedByDelay(dip))]);
}

#[test]
fn row_3_and_8_a_lasting_dip_is_raised_and_cleared() {
    let out = run(&repeat(&[(95.0, 5), (85.0, 20), (95.0, 30)]));
    assert_eq!(out, [(15_000, RAISED_90), (30_000, Outcome::Cleared)]);
}

#[test]
fn a_value_on_the_limit_is_within_it() {
    assert_eq!(run(&repeat(&[(90.0, 60)])), []);
}

#[test]
fn row_4_worse_beyond_the_second_limit() {
    let out = run(&repeat(&[(95.0, 5), (85.0, 20), (79.0, 20)]));
    let worse = Outcome::Worsened { priority: High, limit: 80.0, delay: Millis(5_000) };
    assert_eq!(out, [(15_000, RAISED_90), (30_000, worse)]);
}

#[test]
fn a_deep_dip_is_high_from_the_start() {
    let out = run(&repeat(&[(95.0, 5), (70.0, 20)]));
    let raised = Outcome::Raised { priority: High, since: t(5_000), limit: 80.0, delay: Millis(5_000) };
    assert_eq!(out, [(10_000, raised)]);
}

#[test]
fn inside_the_hysteresis_band_the_alert_stays() {
    let out = run(&repeat(&[(95.0, 5), (85.0, 20), (91.0, 600)]));
    assert_eq!(out, [(15_000, RAISED_90)]);
}

#[test]
fn a_pending_dip_that_lingers_in_the_band_does_not_wait_for_ever() {
    let mut values = repeat(&[(95.0, 5), (89.0, 2), (91.0, 60), (89.0, 3), (95.0, 10)]);
    let dips = run(&values).len();
    assert_eq!(dips, 2, "each short dip is suppressed on its own");
    values.extend(repeat(&[(89.0, 11)]));
    assert_eq!(run(&values).len(), 3);
}

fn first(values: &[f64]) -> Option<(i64, Outcome)> {
    run(values).first().copied()
}

#[test]
fn a_value_just_inside_the_limit_does_not_restart_the_delay() {
    let raised = |priority, limit, delay| Outcome::Raised {
        priority,
        since: Timestamp::from_ms(0),
        limit,
        delay: Millis::from_secs(delay),
    };
    let on_the_limit = [89.0, 89.0, 90.0].repeat(10);
    assert_eq!(first(&on_the_limit), Some((10_000, raised(Medium, 90.0, 10))));
    let one_in_five = [75.0, 75.0, 75.0, 75.0, 90.5].repeat(10);
    assert_eq!(first(&one_in_five), Some((10_000, raised(Medium, 90.0, 10))));
    let around_the_second = [79.0, 79.0, 80.0].repeat(10);
    assert_eq!(first(&around_the_second), Some((5_000, raised(High, 80.0, 5))));
    let worse: Vec<f64> = [vec![85.0; 12], [79.0, 81.0].repeat(10)].concat();
    let worsened = Outcome::Worsened { priority: High, limit: 80.0, delay: Millis(5_000) };
    assert_eq!(run(&worse)[1..], [(17_000, worsened)]);
}

#[test]
fn nothing_is_raised_by_a_value_that_is_within_the_limit() {
    // The delay is over while the value stands in the band: the next value beyond raises, not this one.
    let out = run(&repeat(&[(89.0, 8), (91.0, 6), (89.0, 1), (91.0, 60)]));
    let raised =
        Outcome::Raised { priority: Medium, since: Timestamp::from_ms(0), limit: 90.0, delay: Millis::from_secs(10) };
    assert_eq!(out, [(14_000, raised)]);
}

#[test]
fn a_pending_value_that_stands_in_the_band_is_dropped_without_a_further_value() {
    let limits = spo2();
    let rules = Rules { side: Side::Low, limits: &limits };
    let mut machine = LimitMachine::default();
    assert_eq!(machine.value(rules, 89.0, t(0), t(0)), None);
    assert_eq!(machine.value(rules, 91.0, t(5_000), t(5_000)), None);
    assert_eq!(machine.due(), Some(t(15_000)));
    let dip = Violation { since: t(0), worst: 89.0 };
    assert_eq!(machine.fire(rules, t(15_000)), Some(Outcome::SuppressedByDelay(dip)));
    assert!(machine.is_idle() && machine.due().is_none());
}

#[test]
fn row_15_and_16_signal_loss_holds_and_needs_five_valid_seconds() {
    let held = Outcome::Held(InopReason::NotMeasured);
    let nan = f64::NAN;
    let out = run(&repeat(&[(95.0, 5), (85.0, 20), (nan, 10), (85.0, 3), (nan, 2), (85.0, 20)]));
    assert_eq!(out, [(15_000, RAISED_90), (25_000, held), (45_000, Outcome::Resumed)]);
    let out = run(&repeat(&[(95.0, 5), (85.0, 20), (nan, 10), (96.0, 20)]));
    assert_eq!(out, [(15_000, RAISED_90), (25_000, held), (40_000, Outcome::Cleared)]);
}

#[test]
fn row_15_pending_signal_loss_is_suppressed_by_quality() {
    let dip = Violation { since: t(5_000), worst: 85.0 };
    let out = run(&repeat(&[(95.0, 5), (85.0, 4), (f64::NAN, 10)]));
    assert_eq!(out, [(9_000, Outcome::SuppressedByQuality(dip))]);
}

/// As [`spo2`], with a depth budget of 50 %·s on the first step.
fn by_depth() -> VitalLimits {
    let mut limits = spo2();
    if let Some(step) = &mut limits.low.warning {
        step.depth_budget = Some(50.0);
    }
    limits
}

fn first_by_depth(values: &[f64]) -> Option<(i64, Outcome)> {
    run_by(&by_depth(), values).first().copied()
}

#[rstest::rstest]
// Less than one beyond counts as one, and up to the fifth the plain delay is shorter.
#[case(89.9, 10_000)]
#[case(89.0, 10_000)]
#[case(85.0, 10_000)]
#[case(84.9, 9_804)]
#[case(84.0, 8_334)]
#[case(82.0, 6_250)]
#[case(80.0, 5_000)]
fn the_deeper_the_earlier(#[case] value: f64, #[case] raised_at: i64) {
    let raised = Outcome::Raised { priority: Medium, since: t(0), limit: 90.0, delay: Millis::from_secs(10) };
    assert_eq!(first_by_depth(&repeat(&[(value, 20)])), Some((raised_at, raised)));
}

#[test]
fn beyond_the_second_limit_its_own_delay_holds() {
    let raised = |priority, limit, delay| Outcome::Raised {
        priority,
        since: Timestamp::from_ms(0),
        limit,
        delay: Millis::from_secs(delay),
    };
    // The first step goes on as it does at the second limit, so that both fall due at once: the second is looked at first.
    for value in [79.9, 79.0, 70.0, 20.0] {
        assert_eq!(run_by(&by_depth(), &repeat(&[(value, 20)])), [(5_000, raised(High, 80.0, 5))], "{value}");
    }
    // A site that lets the second step wait for longer hears of the first one before.
    let mut limits = by_depth();
    limits.low.extreme.as_mut().unwrap().delay = Millis::from_secs(8);
    let worse = Outcome::Worsened { priority: High, limit: 80.0, delay: Millis::from_secs(8) };
    let out = run_by(&limits, &repeat(&[(70.0, 20)]));
    assert_eq!(out, [(5_000, raised(Medium, 90.0, 10)), (8_000, worse)]);
}

#[test]
fn depth_adds_up_over_values_and_not_in_the_band() {
    // 8 for 4 s are 32, nothing for 2 s in the band, 9 for 2 s are 18: 50 at 8 s.
    let values = repeat(&[(82.0, 4), (91.0, 2), (81.0, 2), (89.0, 2)]);
    assert_eq!(first_by_depth(&values).map(|(at, _)| at), Some(8_000));
    // A value clearly within ends it; the next violation begins with nothing.
    let values = repeat(&[(84.0, 8), (92.0, 1), (84.0, 10)]);
    let times: Vec<i64> = run_by(&by_depth(), &values).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [8_000, 9_000 + 8_334]);
}

#[test]
fn the_budget_of_a_value_that_stands_is_used_up_to_the_millisecond() {
    let limits = by_depth();
    let rules = Rules { side: Side::Low, limits: &limits };
    for tenths in 800..900_u32 {
        let value = f64::from(tenths) / 10.0;
        let mut machine = LimitMachine::default();
        assert_eq!(machine.value(rules, value, t(0), t(0)), None);
        let due = machine.due().unwrap();
        assert_eq!(machine.fire(rules, due + Millis(-1)), None, "{value}: not yet");
        assert!(matches!(machine.fire(rules, due), Some(Outcome::Raised { .. })), "{value} at {due}");
    }
}

#[test]
fn a_second_step_may_have_a_budget_too() {
    let mut limits = spo2();
    limits.low.extreme.as_mut().unwrap().depth_budget = Some(20.0);
    let out = run_by(&limits, &repeat(&[(70.0, 10)]));
    assert!(matches!(out[0], (2_000, Outcome::Raised { priority: High, .. })), "{out:?}");
    let out = run_by(&limits, &repeat(&[(85.0, 12), (75.0, 10)]));
    assert!(matches!(out[1], (16_000, Outcome::Worsened { priority: High, .. })), "{out:?}");
}

#[test]
fn a_machine_of_an_earlier_version_is_read() {
    let limits = by_depth();
    let rules = Rules { side: Side::Low, limits: &limits };
    let mut machine = LimitMachine::default();
    machine.value(rules, 84.0, t(0), t(0));
    let mut kept = serde_json::to_value(&machine).unwrap();
    assert_eq!(serde_json::from_value::<LimitMachine>(kept.clone()).unwrap(), machine);
    kept.as_object_mut().unwrap().retain(|key, _| !key.ends_with("_depth"));
    let mut old: LimitMachine = serde_json::from_value(kept).unwrap();
    assert_eq!(old.value(rules, 84.0, t(1_000), t(1_000)), None);
    assert_eq!(old.due(), Some(t(9_334)), "what came before is not known");
    let idle = serde_json::to_value(LimitMachine::default()).unwrap();
    assert!(!idle.to_string().contains("depth"), "an idle machine is as long as ever: {idle}");
}

#[test]
fn violations_that_raise_none_of_their_own_are_counted() {
    let limits = spo2();
    let rules = Rules { side: Side::Low, limits: &limits };
    let mut machine = LimitMachine::default();
    let mut second = 0;
    let mut counted = |machine: &mut LimitMachine, values: &[f64]| {
        for value in values {
            let now = t(second * 1000);
            if value.is_nan() {
                machine.inop(InopReason::NotMeasured);
            } else {
                machine.value(rules, *value, now, now);
            }
            second += 1;
        }
        machine.take_again()
    };
    assert_eq!(counted(&mut machine, &[95.0, 85.0, 84.0]), 0, "the first is no other");
    assert_eq!(counted(&mut machine, &[90.0, 85.0, 91.0, 89.9]), 2, "while its delay runs");
    assert_eq!(counted(&mut machine, &[85.0; 10]), 0);
    assert!(machine.is_raised());
    assert_eq!(counted(&mut machine, &[91.0, 85.0, 95.0, 70.0]), 2, "while it lasts, clearly within for a moment too");
    assert_eq!(counted(&mut machine, &[f64::NAN, 70.0, 70.0]), 1, "what is lost in between ends a violation");
    assert_eq!(counted(&mut machine, &[95.0; 10]), 0);
    assert_eq!(counted(&mut machine, &[85.0, 85.0, 95.0, 85.0, f64::NAN, 85.0, 95.0]), 0, "each has its own word");
    assert!(machine.is_idle());
}

#[test]
fn a_violation_that_other_limits_end_begins_anew_with_the_next_value() {
    let mut machine = pending_at_89();
    let wider = with_low(88.0, 10);
    assert!(machine.rejudge(Rules { side: Side::Low, limits: &wider }, 89.0, t(0), t(1_000)).is_some());
    assert_eq!(machine, LimitMachine::default());
}

fn pending_at_89() -> LimitMachine {
    let mut machine = LimitMachine::default();
    let limits = spo2();
    assert_eq!(machine.value(Rules { side: Side::Low, limits: &limits }, 89.0, t(0), t(0)), None);
    machine
}

fn with_low(limit: f64, delay_s: i64) -> VitalLimits {
    let mut limits = spo2();
    let low = limits.low.warning.as_mut().unwrap();
    (low.limit, low.delay) = (limit, Millis::from_secs(delay_s));
    limits
}

#[test]
fn other_limits_judge_what_stands_at_once() {
    let judge = |limits: &VitalLimits, mut machine: LimitMachine, at| {
        let outcome = machine.rejudge(Rules { side: Side::Low, limits }, 89.0, t(0), t(at));
        (outcome, machine.due().map(Timestamp::as_ms))
    };
    let dip = Violation { since: t(0), worst: 89.0 };
    // Wider, on the limit: it is no violation any more.
    assert_eq!(judge(&with_low(89.0, 10), pending_at_89(), 4_000), (Some(Outcome::SuppressedByLimits(dip)), None));
    // Still one: it goes on counting from its beginning.
    assert_eq!(judge(&with_low(89.5, 10), pending_at_89(), 4_000), (None, Some(10_000)));
    assert_eq!(judge(&with_low(90.0, 15), pending_at_89(), 4_000), (None, Some(15_000)));
    let raised =
        |delay| Outcome::Raised { priority: Medium, since: t(0), limit: 90.0, delay: Millis::from_secs(delay) };
    assert_eq!(judge(&with_low(90.0, 4), pending_at_89(), 4_000).0, Some(raised(4)));
    assert_eq!(judge(&with_low(90.0, 5), pending_at_89(), 4_000), (None, Some(5_000)));
    // Narrower, and nothing was going on: the delay begins.
    assert_eq!(judge(&with_low(89.0, 10), LimitMachine::default(), 4_000), (None, None));
    assert_eq!(judge(&with_low(89.1, 10), LimitMachine::default(), 4_000), (None, Some(14_000)));
}

#[test]
fn a_raised_condition_ends_by_the_clear_delay_of_other_limits() {
    let before = spo2();
    let mut machine = pending_at_89();
    assert!(machine.fire(Rules { side: Side::Low, limits: &before }, t(10_000)).is_some());
    let after = with_low(87.0, 10);
    let rules = Rules { side: Side::Low, limits: &after };
    assert_eq!(machine.rejudge(rules, 89.0, t(0), t(12_000)), None);
    assert_eq!(machine.due(), Some(t(17_000)));
    assert_eq!(machine.fire(rules, t(17_000)), Some(Outcome::Cleared));
    let mut machine = pending_at_89();
    machine.fire(Rules { side: Side::Low, limits: &before }, t(10_000));
    let in_the_band = with_low(88.0, 10);
    assert_eq!(machine.rejudge(Rules { side: Side::Low, limits: &in_the_band }, 89.0, t(0), t(12_000)), None);
    assert_eq!((machine.due(), machine.is_raised()), (None, true));
}

#[test]
fn what_was_added_up_by_other_limits_counts_no_more() {
    let (before, after) = (by_depth(), {
        let mut limits = by_depth();
        limits.low.warning.as_mut().unwrap().limit = 88.0;
        limits
    });
    let mut machine = LimitMachine::default();
    machine.value(Rules { side: Side::Low, limits: &before }, 82.0, t(0), t(0));
    let rules = Rules { side: Side::Low, limits: &after };
    assert_eq!(machine.rejudge(rules, 82.0, t(0), t(6_000)), None);
    assert_eq!(machine.due(), Some(t(10_000)), "the plain delay, from the beginning of the violation");
}

proptest! {
    /// Property m: every stretch of values beyond the limit ends as an alert or as suppressed; nothing vanishes.
    #[test]
    fn violations_are_all_accounted_for(values in prop::collection::vec(
        prop_oneof![Just(f64::NAN), (70_u8..100).prop_map(f64::from)], 0..400))
    {
        let mut padded = values.clone();
        padded.extend(repeat(&[(99.0, 30)]));
        let out = run(&padded);
        let mut open = false;
        for (_, outcome) in &out {
            match outcome {
                Outcome::Raised { .. } => { prop_assert!(!open); open = true; }
                Outcome::Cleared => { prop_assert!(open); open = false; }
                Outcome::Worsened { .. } | Outcome::Held(_) | Outcome::Resumed => prop_assert!(open),
                Outcome::SuppressedByDelay(_)
                | Outcome::SuppressedByQuality(_)
                | Outcome::SuppressedByLimits(_) => prop_assert!(!open),
            }
        }
        prop_assert!(!open, "after 30 good seconds nothing is open");
        let any_low = values.iter().any(|v| *v < 90.0);
        prop_assert_eq!(any_low, !out.is_empty(), "a violation leaves a trace, its absence none");
    }

    /// What is let go of while a machine rests changes no answer.
    #[test]
    fn a_machine_that_has_rested_is_as_good_as_one_that_never_does(steps in prop::collection::vec(
        (0_u8..6, 70_u8..100, 0_i64..8_000), 0..300))
    {
        let (limits, wider) = (by_depth(), with_low(85.0, 4));
        let (mut kept, mut machine) = (Course::default(), LimitMachine::default());
        let mut now = t(0);
        for (act, value, span) in steps {
            now = now + Millis(span);
            let value = f64::from(value);
            let rules = Rules { side: Side::Low, limits: &limits };
            let (wanted, said) = match act {
                0 => (kept.inop(InopReason::Stale), machine.inop(InopReason::Stale)),
                1 => {
                    let wider = Rules { limits: &wider, ..rules };
                    (kept.rejudge(wider, value, now, now), machine.rejudge(wider, value, now, now))
                }
                2 => {
                    kept.shift(Millis(-span));
                    machine.shift(Millis(-span));
                    prop_assert_eq!(std::mem::take(&mut kept.again), machine.take_again());
                    (kept.fire(rules, now), machine.fire(rules, now))
                }
                _ => (kept.value(rules, value, now, now), machine.value(rules, value, now, now)),
            };
            prop_assert_eq!(said, wanted);
            prop_assert_eq!((machine.due(), machine.is_idle()), (kept.due, kept.is_idle()));
            let stored = serde_json::to_value(&machine).unwrap();
            prop_assert_eq!(&serde_json::from_value::<LimitMachine>(stored).unwrap(), &machine);
        }
    }

    /// A budget raises earlier or as the delay does, never later; and all violations are accounted for with it too.
    #[test]
    fn depth_is_never_later_than_the_plain_delay(values in prop::collection::vec(
        prop_oneof![Just(f64::NAN), (700_u32..1000).prop_map(|v| f64::from(v) / 10.0)], 0..300), budget in 1_u8..200)
    {
        let mut padded = values;
        padded.extend(repeat(&[(99.0, 30)]));
        let mut limits = spo2();
        limits.low.warning.as_mut().unwrap().depth_budget = Some(f64::from(budget));
        let raised = |out: &[(i64, Outcome)]| -> Vec<i64> {
            out.iter().filter(|(_, o)| matches!(o, Outcome::Raised { .. })).map(|(at, _)| *at).collect()
        };
        let (plain, deep) = (run(&padded), run_by(&limits, &padded));
        // Whenever the plain one is raised, the other is raised then or has been before, and has not ended.
        let mut open = Vec::new();
        let mut began = None;
        for (at, outcome) in &deep {
            match outcome {
                Outcome::Raised { .. } => { prop_assert!(began.is_none()); began = Some(*at); }
                Outcome::Cleared => open.push((began.take().unwrap(), *at)),
                Outcome::SuppressedByDelay(_) | Outcome::SuppressedByQuality(_) => prop_assert!(began.is_none()),
                _ => prop_assert!(began.is_some()),
            }
        }
        prop_assert!(began.is_none());
        for at in raised(&plain) {
            prop_assert!(open.iter().any(|(from, to)| *from <= at && at < *to), "{at}: {open:?}");
        }
        let any_low = padded.iter().any(|v| *v < 90.0);
        prop_assert_eq!(any_low, !deep.is_empty());
    }

    /// Property a: ten seconds below 90 without a break never pass without an alert.
    #[test]
    fn a_lasting_violation_is_always_raised(before in prop::collection::vec(70_u8..100, 0..100), low in 60_u8..90) {
        let mut values: Vec<f64> = before.into_iter().map(f64::from).collect();
        values.extend(repeat(&[(f64::from(low), 12)]));
        for out in [run(&values), run_by(&by_depth(), &values)] {
            let last_word = out.iter().rev().find(|(_, o)| !matches!(o, Outcome::Worsened { .. }));
            prop_assert!(matches!(last_word, Some((_, Outcome::Raised { .. }))), "{out:?}");
        }
    }
}
