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
    bench.value(62.0, 1, NBP_SYS, 85.0);
    let alert = bench.alert("score.news2").clone();
    assert_eq!((alert.priority, alert.value), (Priority::Low, Some(3.0)), "6 is as urgent as a single 3");
    bench.command(63.0, chart(ChartEntry::Oxygen { oxygen: Oxygen { given: true, ..Oxygen::default() } }));
    let alert = bench.alert("score.news2").clone();
    assert_eq!((alert.priority, alert.value), (Priority::Medium, Some(8.0)));
    assert_eq!(alert.detail.as_deref(), Some("emergency assessment within 30 min: O2 2, BP 3, ACVPU 3"));
    bench.command(64.0, awake(Consciousness::Alert));
    bench.value(65.0, 1, NBP_SYS, 120.0);
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
