//! What becomes of the alert of NEWS2 while the score moves.

use super::{response::by, *};
use crate::domain::{
    ChartEntry, Consciousness, Oxygen, PatientId, PauseKind, PauseScope,
    vital::{NBP_SYS, RR, TEMP},
};
use rstest::rstest;

fn p1() -> PatientId {
    "p1".parse().unwrap()
}

/// A patient of whom all that NEWS2 needs was measured by hand, at 0 points.
fn well() -> Bench {
    let mut bench = Bench::new(1);
    let every = Some(Millis::from_mins(600));
    for (vital, value) in [(HR, 80.0), (RR, 14.0), (SPO2, 97.0), (NBP_SYS, 120.0), (TEMP, 37.0)] {
        bench.round(0.0, vital, value, every);
    }
    for entry in [
        ChartEntry::Consciousness { level: Consciousness::Alert, span: None },
        ChartEntry::Oxygen { oxygen: Oxygen::default() },
    ] {
        bench.command(1.0, Command::Chart { patient: p1(), entry });
    }
    bench.tick(10.0);
    bench
}

impl Bench {
    /// Measured by hand once more, and scored.
    fn measured(&mut self, s: f64, vital: VitalCode, value: f64) {
        self.round(s, vital, value, Some(Millis::from_mins(600)));
        self.tick(s + 5.0);
    }

    /// What moved the alert of NEWS2 since the `from`th event: its cause and value.
    fn moved(&self, from: usize) -> Vec<(Cause, Option<f64>)> {
        let of = |e: &Event| match &e.body {
            // Nobody answers here.
            EventBody::Alert { cause: Cause::Escalated, .. } => None,
            EventBody::Alert { cause, alert, .. } if alert.key.code.to_string() == "score.news2" => {
                Some((*cause, alert.value))
            }
            _ => None,
        };
        self.events[from..].iter().filter_map(of).collect()
    }

    fn acknowledged(&mut self, s: f64) {
        let alert = self.alert("score.news2").clone();
        let command = Command::Acknowledge { alert: alert.id, transition: alert.transition };
        self.input(s, Input::Command { command, by: by("anna", Role::Nurse) });
        assert_eq!(self.alert("score.news2").signal, Signal::Ack);
    }
}

/// 9 points: RR 3, SpO2 3, BP 3.
fn nine() -> Bench {
    let mut bench = well();
    bench.measured(100.0, RR, 26.0);
    bench.measured(200.0, SPO2, 90.0);
    bench.measured(300.0, NBP_SYS, 90.0);
    bench
}

#[test]
fn value_and_parts_of_the_alert_are_those_of_the_present_score() {
    let mut bench = nine();
    let alert = bench.alert("score.news2").clone();
    assert_eq!((alert.value, alert.priority), (Some(9.0), Priority::Medium));
    assert_eq!(alert.detail.as_deref(), Some("emergency assessment within 30 min: RR 3, SpO2 3, BP 3"));
    let from = bench.events.len();
    bench.measured(400.0, NBP_SYS, 120.0);
    bench.measured(500.0, TEMP, 39.5);
    bench.measured(600.0, TEMP, 39.6);
    let told = [(Cause::Told, Some(6.0)), (Cause::Told, Some(8.0))];
    assert_eq!(bench.moved(from), told, "one event for a score that says something else, none for the same");
    let alert = bench.alert("score.news2");
    assert_eq!(alert.detail.as_deref(), Some("emergency assessment within 30 min: RR 3, SpO2 3, T 2"));
}

/// Points 3 each for RR, SpO2 and BP, 2 for the temperature: how much of it there was when somebody made the alert quiet, and
/// what came then.
#[rstest]
#[case::as_much(&[(RR, 26.0), (SPO2, 90.0), (NBP_SYS, 90.0)], &[], None)]
#[case::a_point_more(&[(RR, 26.0), (SPO2, 90.0), (NBP_SYS, 90.0)], &[(TEMP, 38.5)], None)]
#[case::two_more(&[(RR, 26.0), (SPO2, 90.0), (NBP_SYS, 90.0)], &[(TEMP, 39.5)], Some(11.0))]
#[case::two_more_bit_by_bit(&[(RR, 26.0), (SPO2, 90.0), (NBP_SYS, 90.0)], &[(TEMP, 38.5), (TEMP, 39.5)], Some(11.0))]
#[case::less_and_as_much_again(&[(RR, 26.0), (SPO2, 90.0), (NBP_SYS, 90.0)], &[(NBP_SYS, 120.0), (NBP_SYS, 90.0)], None)]
#[case::another_risk(&[(RR, 26.0), (TEMP, 38.5)], &[(TEMP, 39.5)], Some(5.0))]
#[case::from_urgent_to_emergency(&[(RR, 26.0), (SPO2, 90.0)], &[(TEMP, 38.5)], Some(7.0))]
fn a_rise_breaks_through_an_acknowledgement_and_a_snooze(
    #[case] before: &[(VitalCode, f64)],
    #[case] after: &[(VitalCode, f64)],
    #[case] signals_at: Option<f64>,
) {
    for snoozed in [false, true] {
        let mut bench = well();
        let mut s = 100.0;
        for (vital, value) in before {
            bench.measured(s, *vital, *value);
            s += 30.0;
        }
        if snoozed {
            let code = bench.alert("score.news2").key.code;
            let scope = PauseScope::Condition { patient: p1(), code };
            let (kind, span) = (PauseKind::AlarmPaused, Millis::from_mins(60));
            bench.command(s, Command::Pause { kind, scope, span, reason: None, include_high: false });
            assert!(bench.alert("score.news2").inactivation.is_silent());
        } else {
            bench.acknowledged(s);
        }
        let from = bench.events.len();
        for (vital, value) in after {
            s += 30.0;
            bench.measured(s, *vital, *value);
        }
        let moved = bench.moved(from);
        let worse: Vec<_> = moved.iter().filter(|(cause, _)| *cause == Cause::Worsened).collect();
        assert_eq!(worse.first().and_then(|(_, value)| *value), signals_at, "{moved:?}");
        assert_eq!(bench.alert("score.news2").is_unacknowledged(), signals_at.is_some(), "snoozed: {snoozed}");
    }
}
