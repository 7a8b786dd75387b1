//! Scores within the engine: what they are made of, when they are told, and the alert of NEWS2.

use super::*;
use crate::domain::{
    ChartEntry, Consciousness, Oxygen, ScoreBasis, ScoreItem, ScoreKind, ScoreResult, ScoreRisk, ScoreValue, Spo2Scale,
    vital::{NBP_DIA, PULSE, TEMP},
};

fn chart(entry: ChartEntry) -> Command {
    Command::Chart { patient: "p1".parse().unwrap(), entry }
}

fn awake(level: Consciousness) -> Command {
    chart(ChartEntry::Consciousness { level, span: None })
}

fn on_air() -> Command {
    chart(ChartEntry::Oxygen { oxygen: Oxygen::default() })
}

impl Bench {
    /// One minute of rates and saturation at 1 Hz from `from` on.
    fn minute(&mut self, from: i32, hr: f64, rr: f64, spo2: f64) {
        for s in from..from + 60 {
            for (vital, value) in [(HR, hr), (RR, rr), (SPO2, spo2)] {
                self.value(f64::from(s), 1, vital, value);
            }
        }
    }

    fn score(&self, kind: ScoreKind) -> ScoreResult {
        let (_, scores) = self.engine.scores_of(&"p1".parse().unwrap()).unwrap();
        scores[&kind].clone()
    }

    fn told(&self) -> usize {
        self.events.iter().filter(|e| matches!(e.body, EventBody::Scored { .. })).count()
    }
}

/// A patient of whom everything is known and nothing is wrong.
fn known() -> Bench {
    let mut bench = Bench::new(1);
    bench.minute(0, 80.0, 14.0, 97.0);
    bench.value(60.0, 1, NBP_SYS, 120.0);
    bench.value(60.0, 1, NBP_DIA, 70.0);
    bench.value(60.0, 1, TEMP, 37.0);
    bench.command(60.0, awake(Consciousness::Alert));
    bench.command(60.0, on_air());
    bench
}

#[test]
fn what_is_missing_is_said_with_bounds_and_is_never_zero() {
    let mut bench = Bench::new(1);
    bench.minute(0, 80.0, 22.0, 93.0);
    bench.tick(61.0);
    let news2 = bench.score(ScoreKind::News2);
    assert_eq!(news2.value, ScoreValue::Incomplete { least: Some(4.0), greatest: Some(15.0) });
    assert_eq!(news2.words(), "3 of 7, between 4 and 15");
    let missing: Vec<ScoreItem> = news2.missing().collect();
    assert_eq!(missing, [ScoreItem::Oxygen, ScoreItem::Sbp, ScoreItem::Consciousness, ScoreItem::Temp]);
    assert_eq!(bench.engine.alerts().count(), 0, "an incomplete score raises nothing");
}

#[test]
fn an_incomplete_score_asks_for_somebody_when_its_least_total_does() {
    let mut bench = Bench::new(1);
    bench.minute(0, 125.0, 14.0, 91.0);
    bench.tick(61.0);
    assert_eq!(bench.score(ScoreKind::News2).value, ScoreValue::Incomplete { least: Some(5.0), greatest: Some(16.0) });
    assert!(bench.engine.alerts().all(|a| !matches!(a.key.code, ConditionCode::Score(_))), "5 is not complete");
    for minute in 1..6 {
        bench.minute(60 * minute, 125.0, 26.0, 91.0);
    }
    bench.tick(361.0);
    let score = bench.score(ScoreKind::News2);
    assert_eq!(score.value, ScoreValue::Incomplete { least: Some(8.0), greatest: Some(19.0) });
    let alert = bench.alert("score.news2").clone();
    assert_eq!((alert.priority, alert.value, alert.limit), (Priority::Medium, Some(8.0), Some(7.0)));
    let words = "emergency assessment within 30 min: RR 3, SpO2 3, HR 2; missing: O2, BP, ACVPU, T";
    assert_eq!(alert.detail.as_deref(), Some(words));
    for minute in 6..12 {
        bench.minute(60 * minute, 80.0, 14.0, 97.0);
    }
    bench.tick(721.0);
    assert_eq!(bench.score(ScoreKind::News2).value, ScoreValue::Incomplete { least: Some(0.0), greatest: Some(11.0) });
    let open = |bench: &Bench| bench.engine.alerts().any(|a| matches!(a.key.code, ConditionCode::Score(_)));
    assert!(!open(&bench), "no more is missing than when somebody was asked for");
}

#[test]
fn what_is_missing_since_an_alert_was_raised_may_keep_it_up() {
    let mut bench = Bench::new(1);
    bench.minute(0, 125.0, 26.0, 91.0);
    bench.tick(61.0);
    bench.alert("score.news2");
    for s in 60..480 {
        for (vital, value) in [(HR, 80.0), (RR, 14.0)] {
            bench.value(f64::from(s), 1, vital, value);
        }
    }
    let held = bench.alert("score.news2").condition;
    assert!(matches!(held, Condition::Inop { .. }), "the saturation is missing: {held:?}");
    for minute in 8..14 {
        bench.minute(60 * minute, 80.0, 14.0, 97.0);
    }
    assert!(bench.engine.alerts().all(|a| !matches!(a.key.code, ConditionCode::Score(_))));
}

#[test]
fn what_was_known_when_an_alert_was_raised_keeps_it_up_when_it_is_gone() {
    let mut bench = known();
    bench.minute(61, 125.0, 26.0, 91.0);
    bench.value(121.0, 1, TEMP, 34.9);
    for minute in 2..8 {
        bench.minute(60 * minute + 1, 125.0, 26.0, 91.0);
    }
    let raised = bench.alert("score.news2").clone();
    assert_eq!((raised.priority, raised.condition), (Priority::Medium, Condition::Present));
    // The saturation is gone while the rest still asks for somebody, then the rest is well.
    for s in 481..900 {
        for (vital, value) in [(HR, 125.0), (RR, 26.0)] {
            bench.value(f64::from(s), 1, vital, value);
        }
    }
    assert_eq!(bench.alert("score.news2").condition, Condition::Present, "8 without it");
    for s in 900..1_320 {
        for (vital, value) in [(HR, 80.0), (RR, 14.0)] {
            bench.value(f64::from(s), 1, vital, value);
        }
    }
    let held = bench.alert("score.news2").condition;
    assert!(matches!(held, Condition::Inop { .. }), "the saturation may keep it up: {held:?}");
    // It is back and is what it was: 6 is complete, and the alert stands again.
    for minute in 22..28 {
        bench.minute(60 * minute, 80.0, 14.0, 91.0);
    }
    assert_eq!(bench.alert("score.news2").condition, Condition::Present);
}

#[test]
fn after_a_stop_what_is_measured_now_and_then_stands_and_the_rest_counts_when_it_comes() {
    let mut bench = known();
    bench.input(62.0, Input::Start { ward: ward() });
    let news2 = bench.score(ScoreKind::News2);
    let missing: Vec<ScoreItem> = news2.missing().collect();
    assert_eq!(missing, [ScoreItem::Rr, ScoreItem::Spo2, ScoreItem::Hr], "{}", news2.words());
    for (vital, value) in [(HR, 80.0), (RR, 14.0), (SPO2, 97.0)] {
        bench.value(63.0, 1, vital, value);
    }
    bench.tick(66.0);
    assert_eq!(bench.score(ScoreKind::News2).total(), Some(0.0), "nobody waits a minute");
}

#[test]
fn a_complete_score_is_derived_when_a_monitor_gave_part_of_it() {
    let bench = known();
    let news2 = bench.score(ScoreKind::News2);
    assert_eq!((news2.total(), news2.basis, news2.risk), (Some(0.0), ScoreBasis::Derived, Some(ScoreRisk::Low)));
    assert_eq!(bench.score(ScoreKind::ShockIndex).total(), Some(80.0 / 120.0));
    assert!(matches!(bench.score(ScoreKind::Sirs).value, ScoreValue::Incomplete { .. }), "no white cells");
}

#[test]
fn the_median_of_the_last_minutes_counts_and_not_one_value() {
    let mut bench = known();
    for minute in 1..5 {
        bench.minute(60 * minute, 80.0, 14.0, 97.0);
    }
    for (vital, value) in [(HR, 150.0), (RR, 40.0), (SPO2, 85.0)] {
        bench.value(301.0, 1, vital, value);
    }
    bench.tick(420.0);
    assert_eq!(
        bench
            .events
            .iter()
            .filter(|e| matches!(&e.body, EventBody::Alert { alert, .. }
        if alert.key.code == ConditionCode::Score(ScoreKind::News2)))
            .count(),
        0
    );
}

#[test]
fn scores_are_told_when_they_change_and_not_each_minute() {
    let mut bench = known();
    let told = bench.told();
    for minute in 1..10 {
        bench.minute(60 * minute, 80.0, 14.0, 97.0);
    }
    assert_eq!(bench.told(), told, "nothing has changed");
    for minute in 10..16 {
        bench.minute(60 * minute, 100.0, 14.0, 97.0);
    }
    assert!(bench.told() > told);
    assert_eq!(bench.score(ScoreKind::News2).total(), Some(1.0));
}

#[test]
fn a_score_that_asks_for_a_person_is_an_alert_with_its_target_and_parts() {
    let mut bench = known();
    bench.command(61.0, awake(Consciousness::Confusion));
    let alert = bench.alert("score.news2").clone();
    assert_eq!((alert.priority, alert.value, alert.limit), (Priority::Low, Some(3.0), Some(5.0)));
    assert_eq!(alert.detail.as_deref(), Some("urgent review within 60 min: ACVPU 3"));
    bench.minute(61, 80.0, 14.0, 97.0);
    bench.value(121.0, 1, NBP_SYS, 85.0);
    bench.tick(124.0);
    assert_eq!(bench.score(ScoreKind::News2).total(), Some(6.0));
    let alert = bench.alert("score.news2").clone();
    assert_eq!((alert.priority, alert.value), (Priority::Low, Some(6.0)), "6 is as urgent as a single 3");
    bench.command(125.0, chart(ChartEntry::Oxygen { oxygen: Oxygen { given: true, ..Oxygen::default() } }));
    let alert = bench.alert("score.news2").clone();
    assert_eq!((alert.priority, alert.value), (Priority::Medium, Some(8.0)));
    assert_eq!(alert.detail.as_deref(), Some("emergency assessment within 30 min: O2 2, BP 3, ACVPU 3"));
    bench.command(126.0, awake(Consciousness::Alert));
    bench.minute(127, 80.0, 14.0, 97.0);
    bench.value(187.0, 1, NBP_SYS, 120.0);
    bench.tick(189.0);
    assert!(bench.engine.alerts().all(|a| a.key.code != ConditionCode::Score(ScoreKind::News2)), "it does not latch");
}

#[test]
fn what_no_longer_holds_makes_the_score_incomplete_and_holds_its_alert() {
    let mut bench = known();
    let span = Some(Millis::from_mins(30));
    bench.command(61.0, chart(ChartEntry::Consciousness { level: Consciousness::Confusion, span }));
    assert_eq!(bench.alert("score.news2").condition, Condition::Present);
    for minute in 1..35 {
        bench.minute(60 * minute + 2, 80.0, 14.0, 97.0);
    }
    assert!(bench.score(ScoreKind::News2).total().is_none());
    assert_eq!(bench.alert("score.news2").condition, Condition::Inop { reason: InopReason::Stale });
    bench.command(2_101.5, awake(Consciousness::Alert));
    assert!(bench.engine.alerts().all(|a| a.key.code != ConditionCode::Score(ScoreKind::News2)));
}

#[test]
fn scale_two_changes_what_a_saturation_means() {
    let mut bench = Bench::new(1);
    for minute in 0..6 {
        bench.minute(60 * minute, 80.0, 14.0, 90.0);
    }
    let points =
        |bench: &Bench| bench.score(ScoreKind::News2).parts.iter().find(|p| p.item == ScoreItem::Spo2).unwrap().points;
    assert_eq!(points(&bench), Some(3));
    let reason = "COPD, hypercapnic".parse().unwrap();
    bench.command(361.0, chart(ChartEntry::Scale { scale: Spo2Scale::Two, reason }));
    assert_eq!(points(&bench), Some(0));
}

#[test]
fn a_pulse_stands_in_for_a_heart_rate() {
    let mut bench = Bench::new(1);
    bench.feed(0, 61, 1, PULSE, 120.0);
    bench.tick(62.0);
    let part = bench.score(ScoreKind::News2).parts.iter().find(|p| p.item == ScoreItem::Hr).copied().unwrap();
    assert_eq!((part.value, part.points), (Some(120.0), Some(2)));
}

#[test]
fn what_cannot_be_is_not_charted_and_a_discharge_forgets_all() {
    let mut bench = known();
    let bad = chart(ChartEntry::Oxygen { oxygen: Oxygen { given: true, fio2: Some(12.0), ..Oxygen::default() } });
    let out = bench.command(61.0, bad);
    assert!(matches!(&out[0].body, EventBody::Refused { refusal: Refusal::Chart(_), .. }), "{out:?}");
    bench.command(62.0, Command::Discharge { patient: "p1".parse().unwrap(), reason: CloseReason::Discharged });
    bench.admit(63.0, 1, 1);
    let (charted, scores) = bench.engine.scores_of(&"p1".parse().unwrap()).unwrap();
    assert_eq!((charted, scores.len()), (&crate::domain::Chart::default(), 0));
}

#[test]
fn a_snapshot_keeps_chart_and_scores() {
    let mut bench = known();
    bench.command(61.0, awake(Consciousness::Voice));
    let bytes = bench.engine.snapshot().unwrap();
    let mut restored = Bench { engine: Engine::restore(EngineConfig::default(), &bytes).unwrap(), events: vec![] };
    assert_eq!(restored.score(ScoreKind::News2), bench.score(ScoreKind::News2));
    bench.events.clear();
    for b in [&mut bench, &mut restored] {
        b.minute(62, 80.0, 14.0, 97.0);
        b.command(130.0, awake(Consciousness::Alert));
        b.tick(200.0);
    }
    assert_eq!(restored.events, bench.events);
}

const NEWS2: ConditionCode = ConditionCode::Score(ScoreKind::News2);

/// A patient of whom everything was charted or measured once, at 0.
fn charted() -> Bench {
    let mut bench = Bench::new(1);
    let every = Some(Millis::from_mins(60));
    for (vital, value) in [(HR, 80.0), (RR, 14.0), (SPO2, 97.0), (NBP_SYS, 120.0), (TEMP, 37.0)] {
        bench.round(0.0, vital, value, every);
    }
    bench.command(0.0, awake(Consciousness::Confusion));
    bench.command(0.0, on_air());
    bench
}

impl Bench {
    /// A value of a device that states how often it measures.
    pub(super) fn round(&mut self, s: f64, vital: VitalCode, value: f64, interval: Option<Millis>) {
        let observation = Observation { interval, ..observation(s, s, 1, vital, value) };
        self.input(s, Input::Observation(observation));
    }

    fn has_news2_alert(&self) -> bool {
        self.engine.alerts().any(|a| a.key.code == NEWS2)
    }
}

#[test]
fn what_comes_by_the_hour_is_no_median_and_the_score_a_charted_one() {
    let bench = charted();
    let news2 = bench.score(ScoreKind::News2);
    assert_eq!((news2.total(), news2.basis), (Some(3.0), ScoreBasis::Charted));
    assert!(bench.has_news2_alert());
}

#[test]
fn the_values_of_one_round_count_together() {
    let mut bench = charted();
    let told = bench.told();
    let every = Some(Millis::from_mins(60));
    bench.round(3_600.0, HR, 135.0, every);
    bench.round(3_601.0, NBP_SYS, 85.0, every);
    assert_eq!(bench.told(), told, "nothing is said in between");
    bench.tick(3_602.0);
    assert_eq!((bench.told(), bench.score(ScoreKind::News2).total()), (told + 1, Some(9.0)));
}

#[test]
fn a_lost_value_makes_the_score_incomplete_though_nothing_comes() {
    let mut bench = charted();
    // The rates are lost after three hours, three times their interval.
    let lost = 3.0 * 3_600.0;
    bench.tick(lost - 0.001);
    assert_eq!(bench.score(ScoreKind::News2).total(), Some(3.0));
    bench.tick(lost);
    assert_eq!(bench.score(ScoreKind::News2).total(), None);
    assert_eq!(bench.alert("score.news2").condition, Condition::Inop { reason: InopReason::Stale });
    assert_eq!(bench.score(ScoreKind::ShockIndex).known(), 0);
}

#[test]
fn an_index_does_not_outlive_its_values() {
    let mut bench = Bench::new(1);
    for s in 0..61 {
        bench.value(f64::from(s), 1, HR, 120.0);
        bench.value(f64::from(s), 1, crate::domain::vital::ART_SYS, 100.0);
    }
    bench.tick(61.0);
    assert_eq!(bench.score(ScoreKind::ShockIndex).total(), Some(1.2));
    bench.tick(200.0);
    let index = bench.score(ScoreKind::ShockIndex);
    assert_eq!((index.total(), index.known(), index.words().as_str()), (None, 0, "0 of 2"));
    let (told, next) = (bench.told(), bench.engine.next_deadline());
    bench.tick(100_000.0);
    assert_eq!((bench.told(), next.is_some_and(|at| at <= t(200.0))), (told, false), "nothing to wait for");
}

#[test]
fn a_patient_it_was_not_made_for_has_no_alert_of_it() {
    let pregnant = chart(ChartEntry::Pregnancy { pregnant: true });
    let patient = "p1".parse().unwrap();
    let child = Command::SetCategory { patient, category: Category::Paediatric };
    for change in [pregnant, child] {
        let mut bench = charted();
        assert!(bench.has_news2_alert());
        bench.command(1.0, change);
        assert!(!bench.has_news2_alert(), "closed, not held");
        assert!(matches!(bench.score(ScoreKind::News2).value, ScoreValue::NotApplicable { .. }));
    }
}

#[test]
fn an_alert_that_was_held_ends_too_when_the_score_was_not_made_for_the_patient() {
    let mut bench = charted();
    bench.tick(3.0 * 3_600.0);
    assert!(matches!(bench.alert("score.news2").condition, Condition::Inop { .. }));
    bench.command(10_801.0, chart(ChartEntry::Pregnancy { pregnant: true }));
    assert!(!bench.has_news2_alert());
}

#[test]
fn a_value_that_is_put_right_or_gone_makes_the_scores_anew() {
    let mut bench = charted();
    let put_right = |old, new| {
        let (patient, device) = ("p1".parse().unwrap(), "d1".parse().unwrap());
        Input::Corrected(Correction { patient, device, vital: NBP_SYS, observed_at: t(0.0), old, new })
    };
    bench.input(10.0, put_right(120.0, 85.0));
    bench.tick(12.0);
    assert_eq!(bench.score(ScoreKind::News2).total(), Some(6.0));
    bench.value(100.0, 1, NBP_SYS, 0.0);
    bench.tick(102.0);
    assert_eq!(bench.score(ScoreKind::News2).total(), None, "not measured is not the last value");
    let device = "d1".parse().unwrap();
    bench.command(200.0, Command::Unassign { device, end: t(200.0) });
    bench.tick(202.0);
    let known: Vec<ScoreItem> =
        bench.score(ScoreKind::News2).parts.iter().filter(|p| p.points.is_some()).map(|p| p.item).collect();
    assert_eq!(known, [ScoreItem::Oxygen, ScoreItem::Consciousness]);
}

#[test]
fn a_vital_that_comes_each_second_makes_scores_once_a_minute() {
    let mut bench = charted();
    bench.tick(10.0);
    let told = bench.told();
    // Each value would make another score.
    for s in 20..79 {
        let temp = if s % 2 == 0 { 37.0 } else { 39.5 };
        bench.value(f64::from(s), 1, TEMP, temp);
    }
    assert!(bench.told() <= told + 1, "{} more were told", bench.told() - told);
}

#[test]
fn nothing_is_known_after_a_stop() {
    let mut bench = charted();
    assert_eq!(bench.score(ScoreKind::News2).total(), Some(3.0));
    bench.input(60.0, Input::Start { ward: ward() });
    assert_eq!(bench.score(ScoreKind::News2).total(), None);
    assert!(matches!(bench.alert("score.news2").condition, Condition::Inop { .. }));
}

#[test]
fn the_median_of_two_is_between_them_and_a_jump_is_in_none() {
    let hr = |bench: &Bench| {
        let news2 = bench.score(ScoreKind::News2);
        news2.parts.iter().find(|p| p.item == ScoreItem::Hr).and_then(|p| p.value)
    };
    let mut bench = Bench::new(1);
    bench.feed(0, 10, 1, HR, 80.0);
    bench.feed(10, 12, 1, HR, 100.0);
    bench.command(12.0, on_air());
    assert_eq!(hr(&bench), Some(90.0));
    let mut bench = Bench::new(1);
    bench.feed(0, 10, 1, HR, 80.0);
    bench.value(10.0, 1, HR, 200.0);
    bench.command(10.5, on_air());
    assert_eq!(hr(&bench), Some(80.0));
}

#[test]
fn a_device_that_gives_oxygen_is_believed_before_an_older_entry() {
    use crate::domain::vital::{FIO2, O2_FLOW};
    let points = |bench: &Bench| {
        let news2 = bench.score(ScoreKind::News2);
        news2.parts.iter().find(|p| p.item == ScoreItem::Oxygen).and_then(|p| p.points)
    };
    for (vital, given) in [(FIO2, 28.0), (O2_FLOW, 2.0)] {
        let mut bench = charted();
        bench.round(100.0, vital, given, None);
        bench.tick(102.0);
        assert_eq!(points(&bench), Some(2), "{vital}");
        bench.command(103.0, on_air());
        assert_eq!(points(&bench), Some(0), "who looks knows better than an older value");
    }
    let mut bench = charted();
    bench.command(1.0, chart(ChartEntry::Oxygen { oxygen: Oxygen { given: true, ..Oxygen::default() } }));
    bench.round(100.0, FIO2, 21.0, None);
    bench.tick(102.0);
    assert_eq!(points(&bench), Some(2), "what a person gives is not taken back by a device");
}
