//! Limits of several vitals that are changed at once.

use super::{response::by, *};
use crate::domain::{Basis, Expiry, LimitScope, LimitValue, LimitsChange, vital::RR};
use std::collections::BTreeMap;

fn low(limit: f64) -> LimitsChange {
    LimitsChange { low: LimitValue::new(limit).ok(), ..LimitsChange::default() }
}

fn ask(bench: &mut Bench, changes: BTreeMap<VitalCode, LimitsChange>) -> (usize, Vec<Refusal>) {
    let command = Command::SetSeveralLimits {
        scope: LimitScope::Patient { patient: "p1".parse().unwrap() },
        changes,
        reason: "sleeps".parse().unwrap(),
        expires: Expiry::At { until: t(3_600.0) },
        basis: Basis::Chosen,
    };
    let text = serde_json::to_string(&command).unwrap();
    assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), command, "it goes over the wire: {text}");
    let events = bench.input(10.0, Input::Command { command, by: by("anna", Role::Nurse) });
    let set = events.iter().filter(|e| matches!(e.body, EventBody::LimitsChanged { .. })).count();
    let refused = events.into_iter().filter_map(|e| match e.body {
        EventBody::Refused { refusal, .. } => Some(refusal),
        _ => None,
    });
    (set, refused.collect())
}

#[test]
fn all_of_them_are_changed_or_none() {
    let mut bench = Bench::new(1);
    let patient = "p1".parse().unwrap();
    let in_force = |bench: &Bench, vital| bench.engine.limits_in_force(&patient, vital).unwrap();
    let before = [HR, RR, SPO2].map(|vital| in_force(&bench, vital));
    let (set, refused) = ask(&mut bench, [(HR, low(45.0)), (RR, low(7.0)), (SPO2, low(60.0))].into());
    assert_eq!((set, refused.len()), (0, 1));
    assert!(refused[0].to_string().starts_with("spo2 low = 60"), "{}", refused[0]);
    assert_eq!([HR, RR, SPO2].map(|vital| in_force(&bench, vital)), before, "nothing was changed");
    assert_eq!(ask(&mut bench, BTreeMap::new()).0, 0);
    let (set, refused) = ask(&mut bench, [(HR, low(45.0)), (SPO2, low(88.0))].into());
    assert_eq!((set, refused.len()), (2, 0));
    assert_eq!(in_force(&bench, HR).low.warning.unwrap().limit, 45.0);
    assert_eq!(in_force(&bench, SPO2).low.warning.unwrap().limit, 88.0);
}
