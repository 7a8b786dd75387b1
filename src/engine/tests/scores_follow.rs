//! What becomes of the alert of NEWS2 while the score moves.

use super::{response::by, *};
use crate::domain::{
    ChartEntry, Consciousness, Oxygen, PatientId,
    vital::{NBP_SYS, RR, TEMP},
};

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
    let (from, transition) = (bench.events.len(), alert.transition);
    bench.measured(400.0, NBP_SYS, 120.0);
    bench.measured(500.0, TEMP, 39.5);
    bench.measured(600.0, TEMP, 39.6);
    let told = [(Cause::Told, Some(6.0)), (Cause::Told, Some(8.0))];
    assert_eq!(bench.moved(from), told, "one event for a score that says something else, none for the same");
    let alert = bench.alert("score.news2");
    assert_eq!(alert.detail.as_deref(), Some("emergency assessment within 30 min: RR 3, SpO2 3, T 2"));
    assert_eq!(alert.transition, transition + 1, "a rise has to be seen by who acknowledges, a fall has not");
}
