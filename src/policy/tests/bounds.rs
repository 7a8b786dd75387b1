//! A look comes to its end, whatever is assigned.

use super::{now, of};
use crate::{
    domain::Millis,
    policy::{BASELINE, Compliance, PolicySet, Resource, Wanted, built_in},
    seam::{Clock, OsClock},
};
use serde_json::json;
use std::time::Duration;

fn log(name: &str) -> Resource {
    Resource::new("Wardwatch/logs", name).with("level", "info").with("payloads", false)
}

#[test]
fn what_a_look_does_not_reach_is_not_evaluated_and_says_so() {
    let set = built_in().unwrap();
    let report = set.evaluate_within(&[log("log")], now(), &Wanted::default(), Duration::ZERO);
    let found = of(&report, "LOG-01");
    assert_eq!((found.len(), found[0].state), (1, Compliance::NotEvaluated), "{found:#?}");
    assert!(found[0].message.contains("it was not reached: one look takes 0 s at most"), "{found:#?}");
    assert_eq!((report.summary.compliant, report.initiatives[0].state), (0, Compliance::NotEvaluated));
    assert!(report.notes.iter().any(|note| note.contains("the look came to its end")), "{:?}", report.notes);
    let whole = set.evaluate(&[log("log")], now(), &Wanted::default());
    assert_eq!(of(&whole, "LOG-01")[0].state, Compliance::Compliant);
    assert!(!whole.notes.iter().any(|note| note.contains("the look came to its end")));
}

/// Rules that each stay within their steps, on many resources, by many assignments.
#[test]
fn many_costly_rules_on_many_resources_are_ended_in_time() {
    let mut set = PolicySet::empty().unwrap();
    let twenty: Vec<u32> = (0..20).collect();
    let count = |name: &str, inner: serde_json::Value| json!({"count": {"value": twenty, "name": name, "where": inner}, "greater": 999});
    let costly = count("a", count("b", count("c", json!({"value": "[current('c')]", "equals": 99}))));
    let rule = json!({"if": {"not": costly}, "then": {"effect": "deny"}});
    set.add("p.json", &json!({"policyRule": rule}).to_string()).unwrap();
    for n in 0..40 {
        let assignment = json!({"name": format!("a{n}"), "properties": {"policyDefinitionId": "/x/p"}});
        set.add(&format!("a{n}.json"), &assignment.to_string()).unwrap();
    }
    let logs: Vec<Resource> = (0..500).map(|n| log(&format!("log-{n}"))).collect();
    let begun = OsClock.boot();
    let report = set.evaluate_within(&logs, now(), &Wanted::default(), Duration::from_millis(300));
    let took = OsClock.boot() - begun;
    assert!(took < Millis::from_secs(20), "{took:?}");
    let last = report.findings.iter().find(|f| f.assignment == "a9").unwrap();
    assert!(last.state == Compliance::NotEvaluated && last.message.contains("it was not reached"), "{last:?}");
    assert!(report.summary.not_evaluated >= 39, "{:?}", report.summary);
    assert_eq!(report.summary.compliant, 0);
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
