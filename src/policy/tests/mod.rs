mod azure;
mod baseline;
mod bounds;
mod exempt;
mod files;

use super::*;
use crate::domain::Timestamp;
use serde_json::Value;

/// When all of it happens.
fn now() -> Timestamp {
    "2026-03-01T08:15:00Z".parse().unwrap()
}

/// The findings of a policy.
fn of(report: &Report, reference: &str) -> Vec<Finding> {
    report.findings.iter().filter(|f| f.reference == reference).cloned().collect()
}

/// The state of the one finding of a policy.
fn state(set: &PolicySet, resource: &Resource, reference: &str) -> Compliance {
    let report = set.evaluate(std::slice::from_ref(resource), now(), &Wanted::default());
    let found = of(&report, reference);
    assert_eq!(found.len(), 1, "{reference}: {found:#?}");
    found[0].state
}

/// A set of one definition with this rule, assigned to the site.
fn with_rule(rule: &Value, parameters: &Value) -> PolicySet {
    let mut set = PolicySet::empty().unwrap();
    let definition = serde_json::json!({"name": "p", "properties": {"parameters": parameters, "policyRule": rule}});
    set.add("p.json", &definition.to_string()).unwrap();
    set.add("a.json", r#"{"name": "a", "properties": {"policyDefinitionId": "/policyDefinitions/p"}}"#).unwrap();
    set
}
