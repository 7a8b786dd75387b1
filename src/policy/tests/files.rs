//! Files of a site: what replaces what is built in, and what is refused.

use super::{now, of, state};
use crate::policy::{BASELINE, Compliance, Effect, PolicySet, Resource, Wanted, built_in};
use proptest::prelude::*;
use serde_json::{Value, json};

fn source(set: &PolicySet, name: &str) -> Value {
    serde_json::from_str(set.sources(name)[0].1).unwrap()
}

#[test]
fn a_copy_of_what_is_built_in_takes_its_place() {
    let mut set = built_in().unwrap();
    let log = Resource::new("Wardwatch/logs", "log").with("level", "info").with("payloads", false);
    assert_eq!(state(&set, &log, "LOG-01"), Compliance::Compliant);
    let mut copy = source(&set, "log-01");
    copy["properties"]["policyRule"]["if"]["allOf"][1] = json!({"field": "Wardwatch/logs/level", "notEquals": "warn"});
    set.add("site/LOG-01.json", &copy.to_string()).unwrap();
    assert_eq!(state(&set, &log, "LOG-01"), Compliance::NonCompliant);
    let why = set.add("site/again.json", &copy.to_string()).unwrap_err().to_string();
    assert!(
        why.contains(
            "definition LOG-01: it is already in site/LOG-01.json: remove one of them, or give it another name"
        ),
        "{why}"
    );
}

#[test]
fn an_assignment_sets_values_effects_and_whether_it_is_enforced() {
    let mut set = built_in().unwrap();
    let assignment = json!({
        "name": "hipaa-baseline", "type": "Microsoft.Authorization/policyAssignments",
        "properties": {
            "policyDefinitionId": "/x/hipaa-baseline", "enforcementMode": "DoNotEnforce",
            "parameters": {"diskPercentWrong": {"value": 1}},
        },
    });
    let mut wrong = set.clone();
    wrong.add("a.json", &assignment.to_string()).unwrap();
    let why = wrong.check(now()).unwrap_err().to_string();
    assert_eq!(why, "a.json: assignment hipaa-baseline: there is no parameter diskpercentwrong");
    let mut right = assignment;
    right["properties"]["parameters"] = json!({"UsedPercent": {"value": 95}});
    right["properties"]["overrides"] = json!([
        {"kind": "policyEffect", "value": "disabled", "selectors": [{"kind": "policyDefinitionReferenceId", "in": ["log-01"]}]},
    ]);
    set.add("a.json", &right.to_string()).unwrap();
    set.check(now()).unwrap();
    let disk = Resource::new("Wardwatch/disks", "data").with("usedPercent", 90);
    let store = Resource::new("Wardwatch/stores", "db").with("encrypted", false);
    let report = set.evaluate(&[disk, store], now(), &Wanted::default());
    assert_eq!(of(&report, "RES-01")[0].state, Compliance::Compliant, "95 is the line now");
    assert_eq!(of(&report, "LOG-01")[0].state, Compliance::Disabled);
    let key = &of(&report, "KEY-01")[0];
    assert_eq!((key.state, key.effect), (Compliance::NonCompliant, Some(Effect::Deny)));
    assert!(!key.stops() && report.is_denied(), "it counts, but stops nothing");
    assert_eq!(set.list().iter().filter(|l| l.name == BASELINE).count(), 2);
}

#[test]
fn a_value_that_a_parameter_may_not_have_is_refused() {
    let mut set = built_in().unwrap();
    let assignment = json!({"name": "mine", "properties": {
        "policyDefinitionId": "/x/LOG-01", "parameters": {"effect": {"value": "deni"}}}});
    set.add("mine.json", &assignment.to_string()).unwrap();
    let why = set.check(now()).unwrap_err().to_string();
    assert!(
        why.contains(r#"parameter effect may not be "deni": one of ["deny","audit","disabled"] is wanted"#),
        "{why}"
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_file_and_place() {
    let rule = |rule: &str| format!("{{\n \"name\": \"p\",\n \"properties\": {{\"policyRule\": {rule}}}\n}}");
    let cases = [
        (rule(r#"{"if": {"field": "type", "equal": "x"}, "then": {"effect": "audit"}}"#), "line 3", "equal"),
        (rule(r#"{"if": {"allOf": {"field": "type"}}, "then": {"effect": "audit"}}"#), "line 3", "must be an array"),
        (rule(r#"{"if": {"field": "type", "equals": "x"}}"#), "line 3", "missing required key \"then\""),
        (rule(r#"{"if": {"value": "[concat('a']", "equals": "x"}, "then": {"effect": "audit"}}"#), "line 3", ""),
        ("{\n \"policyDefinitions\": []\n}".to_owned(), "line 1", "1 to 1000 policyDefinitions"),
        (r#"{"policyDefinitionId": "/x/y", "enforcementMode": "Sometimes"}"#.to_owned(), "line 1", "DoNotEnforce"),
        (r#"{"policyDefinitionId": "/x/y", "scope": "icu"}"#.to_owned(), "line 1", "is no scope"),
        (r#"{"policyDefinitionId": "/x/y", "parameters": {"a": 1}}"#.to_owned(), "line 1", "parameter a"),
        (
            r#"{"policyDefinitionId": "/x/y", "resourceSelectors": [{"selectors": [{"kind": "moon", "in": []}]}]}"#
                .to_owned(),
            "line 1",
            "selectors of kind moon",
        ),
        (
            r#"{"policyDefinitionId": "/x/y", "overrides": [{"kind": "policyEffect", "value": "audit", "selectors": [{"kind": "resourceLocation", "in": ["3-east"]}]}]}"#
                .to_owned(),
            "line 1",
            "an override cannot be narrowed by resourcelocation",
        ),
        (
            r#"{"policyDefinitionId": "/x/y", "resourceSelectors": [{"selectors": [{"kind": "policyDefinitionReferenceId", "in": ["a"]}]}]}"#
                .to_owned(),
            "line 1",
            "policyDefinitionReferenceId chooses no resources",
        ),
    ];
    for (content, place, said) in cases {
        let why = built_in().unwrap().add("site/x.json", &content).unwrap_err().to_string();
        assert!(why.starts_with(&format!("site/x.json, {place}, column ")) && why.contains(said), "{why}");
    }
}

#[test]
fn an_initiative_of_which_something_is_not_evaluated_is_not_compliant_as_a_whole() {
    let mut set = PolicySet::empty().unwrap();
    let rule = json!({"if": {"allOf": [{"field": "type", "equals": "Wardwatch/logs"},
        {"field": "Wardwatch/logs/level", "equals": "debug"}]}, "then": {"effect": "audit"}});
    set.add("p.json", &json!({"policyRule": rule}).to_string()).unwrap();
    set.add("i.json", &json!({"policyDefinitions": [{"policyDefinitionId": "/x/p"}]}).to_string()).unwrap();
    set.add("a.json", r#"{"policyDefinitionId": "/x/i"}"#).unwrap();
    let whole = |logs: &[Resource]| set.evaluate(logs, now(), &Wanted::default()).initiatives[0].state;
    let good = Resource::new("Wardwatch/logs", "a").with("level", "info");
    let unknown = Resource::new("Wardwatch/logs", "b").without("level", "nothing tells");
    let bad = Resource::new("Wardwatch/logs", "c").with("level", "debug");
    assert_eq!(whole(std::slice::from_ref(&good)), Compliance::Compliant);
    assert_eq!(whole(&[good.clone(), unknown.clone()]), Compliance::NotEvaluated);
    assert_eq!(whole(&[good, unknown, bad]), Compliance::NonCompliant);
}

#[test]
fn a_rule_with_a_name_of_ours_that_there_is_not_is_refused_also_in_place_of_a_built_in_one() {
    let set = built_in().unwrap();
    let text = source(&set, "NET-01").to_string();
    for (right, wrong) in [
        ("Wardwatch/servers/listeners/network", "Wardwatch/servers/listeners/netwrok"),
        ("\"Wardwatch/servers/listeners\"", "\"wardwatch/servers/listener\""),
    ] {
        assert!(text.contains(right), "{text}");
        let changed = text.replace(right, wrong);
        let why = set.clone().add("site/NET-01.json", &changed).unwrap_err().to_string();
        assert!(why.contains("there is no type or field") && why.contains(wrong.trim_matches('"')), "{why}");
    }
    let mut elsewhere = source(&set, "NET-01");
    elsewhere["properties"]["mode"] = json!("Microsoft.KeyVault.Data");
    let why = set.clone().add("site/NET-01.json", &elsewhere.to_string()).unwrap_err().to_string();
    assert!(why.contains("it would take the place of a built-in one and is not evaluated: mode"), "{why}");
    let mut same = set.clone();
    same.add("site/NET-01.json", &text).unwrap();
    let notes = same.evaluate(&[], now(), &Wanted::default()).notes;
    assert_eq!(notes, ["site/NET-01.json: definition NET-01 is in the place of the built-in one"]);
}

#[test]
fn what_nothing_assigns_is_told() {
    let mut set = built_in().unwrap();
    let rule = json!({"if": {"field": "type", "equals": "Wardwatch/logs"}, "then": {"effect": "audit"}});
    set.add("p.json", &json!({"name": "p", "properties": {"policyRule": rule}}).to_string()).unwrap();
    let report = set.evaluate(&[], now(), &Wanted::default());
    assert_eq!(report.notes, ["p.json: definition p is assigned nowhere"]);
}

/// Azure's exports and what tools write have no line ends: then a file is one long line.
#[test]
fn a_file_of_one_line_is_loaded_and_one_of_very_many() {
    let level = |n: usize| json!({"field": "Wardwatch/logs/level", "notEquals": format!("level-{n}")});
    let levels: Vec<Value> = (0..300).map(level).collect();
    let condition = json!({"allOf": [{"field": "type", "equals": "Wardwatch/logs"}, {"allOf": levels}]});
    let definition = json!({"name": "p", "properties": {"policyRule": {"if": condition, "then": {"effect": "audit"}}}});
    let one = definition.to_string();
    assert!(one.len() > 2 * 8_192 && !one.contains('\n'));
    let many = format!("{}{one}", "\n".repeat(30_000));
    let log = Resource::new("Wardwatch/logs", "log").with("level", "level-7");
    for text in [one, many] {
        let mut set = PolicySet::empty().unwrap();
        set.add("p.json", &text).unwrap();
        set.add("a.json", r#"{"policyDefinitionId": "/x/p"}"#).unwrap();
        assert_eq!(state(&set, &log, "p"), Compliance::Compliant);
    }
    let wrong = definition.to_string().replace("\"notEquals\":\"level-299\"", "\"notEqual\":\"level-299\"");
    let why = PolicySet::empty().unwrap().add("p.json", &wrong).unwrap_err().to_string();
    assert!(why.starts_with("p.json, line 1, column ") && why.len() < 500, "{why}");
}

#[test]
fn a_display_name_may_come_again_and_only_the_name_within_a_kind_counts() {
    let rule = json!({"if": {"field": "type", "equals": "Wardwatch/logs"}, "then": {"effect": "audit"}});
    let definition = |name: &str| json!({"name": name, "properties": {"displayName": "The same", "policyRule": rule}});
    let mut set = PolicySet::empty().unwrap();
    set.add("one.json", &definition("a").to_string()).unwrap();
    set.add("two.json", &definition("b").to_string()).unwrap();
    set.add(
        "assignment.json",
        r#"{"name": "a", "properties": {"displayName": "The same", "policyDefinitionId": "/x/a"}}"#,
    )
    .unwrap();
    let why = set.add("three.json", &definition("A").to_string()).unwrap_err().to_string();
    assert_eq!(
        why,
        "three.json, line 1, column 1: definition A: it is already in one.json: remove one of them, or give it another name"
    );
    let unnamed = json!({"policyRule": rule}).to_string();
    set.add("x/azurepolicy.json", &unnamed).unwrap();
    let why = set.add("y/azurepolicy.json", &unnamed).unwrap_err().to_string();
    assert!(
        why.starts_with("y/azurepolicy.json, line 1")
            && why.contains("already in x/azurepolicy.json by the name of its file"),
        "{why}"
    );
    let exemption = |ward: &str| {
        json!({"id": format!("/ward/{ward}/providers/Microsoft.Authorization/policyExemptions/TIME-01-mon-1"),
            "name": "TIME-01-mon-1", "properties": {"policyAssignmentId": "/x/a", "exemptionCategory": "Waiver",
            "expiresOn": "2026-06-01T00:00:00Z", "description": "for a trial of a week", "metadata": {"owner": "somebody"}}})
    };
    set.add("e1.json", &exemption("icu").to_string()).unwrap();
    set.add("e2.json", &exemption("3-east").to_string()).unwrap();
    let why = set.add("e3.json", &exemption("ICU").to_string()).unwrap_err().to_string();
    assert!(why.starts_with("e3.json, ") && why.contains("it is already in e1.json"), "{why}");
    assert_eq!(set.sources("TIME-01-mon-1").len(), 2, "both are there");
}

proptest! {
    // Each case loads four files and judges by all of them.
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is done to a file, it is read or refused, and what is read is judged; nothing panics.
    #[test]
    fn no_file_makes_it_panic(at in 0_usize..2_000, cut in 0_usize..40, put in "[\\[\\]{}\"',:a-z0-9()$*.\\\\é-]{0,12}") {
        let set = built_in().unwrap();
        for name in ["ACC-01", "AUD-02", "RES-01-PRIVATE", BASELINE] {
            for (_, text) in set.sources(name) {
                let mut chars: Vec<char> = text.chars().collect();
                let at = at.min(chars.len());
                let end = (at + cut).min(chars.len());
                chars.splice(at..end, put.chars());
                let mut changed = set.clone();
                if changed.add("x.json", &chars.into_iter().collect::<String>()).is_ok() {
                    let trail = Resource::new("Wardwatch/audit/sinks", "trail").with("categories", json!(["reads", 1, null]));
                    let report = changed.evaluate(&[trail], now(), &Wanted::default());
                    prop_assert!(!report.findings.is_empty());
                }
            }
        }
    }
}
