//! A look comes to its end, whatever is assigned.

use super::{now, of};
use crate::{
    domain::Millis,
    policy::{BASELINE, Compliance, LOOK_MAX, PolicySet, Resource, Wanted, built_in},
};
use serde_json::json;
use std::cell::Cell;

fn log(name: &str) -> Resource {
    Resource::new("Wardwatch/logs", name).with("level", "info").with("payloads", false)
}

#[test]
fn what_a_look_does_not_reach_is_not_evaluated_and_says_so() {
    let set = built_in().unwrap();
    let report = set.evaluate_within(&[log("log")], now(), &Wanted::default(), &|| LOOK_MAX);
    let found = of(&report, "LOG-01");
    assert_eq!((found.len(), found[0].state), (1, Compliance::NotEvaluated), "{found:#?}");
    assert!(found[0].message.contains("it was not reached: one look takes 60 s at most"), "{found:#?}");
    assert_eq!((report.summary.compliant, report.initiatives[0].state), (0, Compliance::NotEvaluated));
    assert!(report.notes.iter().any(|note| note.contains("the look came to its end")), "{:?}", report.notes);
    let whole = set.evaluate(&[log("log")], now(), &Wanted::default());
    assert_eq!(of(&whole, "LOG-01")[0].state, Compliance::Compliant);
    assert!(!whole.notes.iter().any(|note| note.contains("the look came to its end")));
}

/// By many assignments of one rule on many resources, each of which takes 10 ms: the look ends at its bound.
#[test]
fn many_rules_on_many_resources_are_ended_in_time() {
    let mut set = PolicySet::empty().unwrap();
    let rule = json!({"if": {"allOf": [{"field": "type", "equals": "Wardwatch/logs"},
        {"field": "Wardwatch/logs/level", "equals": "debug"}]}, "then": {"effect": "deny"}});
    set.add("p.json", &json!({"policyRule": rule}).to_string()).unwrap();
    for n in 0..40 {
        let assignment = json!({"name": format!("a{n:02}"), "properties": {"policyDefinitionId": "/x/p"}});
        set.add(&format!("a{n:02}.json"), &assignment.to_string()).unwrap();
    }
    let logs: Vec<Resource> = (0..500).map(|n| log(&format!("log-{n}"))).collect();
    let asked = Cell::new(0_i64);
    let spent = || {
        asked.set(asked.get() + 1);
        Millis(asked.get() * 10)
    };
    let report = set.evaluate_within(&logs, now(), &Wanted::default(), &spent);
    let of = |name: &str| report.findings.iter().filter(|f| f.assignment == name).collect::<Vec<_>>();
    assert!(of("a00").iter().all(|f| f.state == Compliance::Compliant), "the first was reached");
    let last = of("a39");
    assert_eq!((last.len(), last[0].state, last[0].resource.as_ref()), (1, Compliance::NotEvaluated, None));
    assert!(last[0].message.contains("it was not reached"), "{last:?}");
    assert!(asked.get() < 7_000, "nothing goes on after its end: {}", asked.get());
}

/// A rule whose steps are too many is ended by itself, and only it is not evaluated.
#[test]
fn a_rule_of_too_many_steps_is_not_evaluated() {
    let hundred: Vec<u32> = (0..100).collect();
    let count = |name: &str, inner: serde_json::Value| json!({"count": {"value": hundred, "name": name, "where": inner}, "greater": 999});
    let costly = count("a", count("b", count("c", json!({"value": "[current('c')]", "equals": 999}))));
    let set = super::with_rule(&json!({"if": costly, "then": {"effect": "deny"}}), &json!({}));
    let found = set.evaluate(&[log("log")], now(), &Wanted::default()).findings.remove(0);
    assert!(found.state == Compliance::NotEvaluated && found.message.contains("could not be evaluated"), "{found:?}");
}

/// What is built in is judged before what a site assigns: a costly file hides nothing of it.
#[test]
fn what_is_built_in_is_judged_first() {
    let mut set = built_in().unwrap();
    let rule = json!({"if": {"field": "type", "equals": "Wardwatch/logs"}, "then": {"effect": "audit"}});
    set.add("p.json", &json!({"policyRule": rule}).to_string()).unwrap();
    set.add("a.json", r#"{"name": "aaa", "properties": {"policyDefinitionId": "/x/p"}}"#).unwrap();
    let order: Vec<&str> = set.in_order().map(|assignment| assignment.name.as_str()).collect();
    assert_eq!(order, [BASELINE, "aaa"]);
}

/// Of what belongs to a resource so many are tried: that none of those is as wanted does not say that none is.
#[test]
fn more_related_resources_than_are_tried_leave_it_not_evaluated() {
    let details = json!({"type": "Wardwatch/clocks",
        "existenceCondition": {"field": "Wardwatch/clocks/synchronized", "equals": true}});
    let rule = json!({"if": {"field": "type", "equals": "Wardwatch/logs"},
        "then": {"effect": "auditIfNotExists", "details": details}});
    let set = super::with_rule(&rule, &json!({}));
    let clock = |n: usize| Resource::new("Wardwatch/clocks", &format!("c-{n}")).with("synchronized", false);
    let judged = |clocks: usize| {
        let all: Vec<Resource> = std::iter::once(log("log")).chain((0..clocks).map(clock)).collect();
        set.evaluate(&all, now(), &Wanted::default()).findings[0].clone()
    };
    assert_eq!(judged(1_000).state, Compliance::NonCompliant);
    let more = judged(1_001);
    assert!(more.state == Compliance::NotEvaluated && more.message.contains("more than 1000"), "{more:?}");
}
