//! The language of Azure Policy, piece by piece, on resources of this server: what is evaluated, and what is not.

use super::{now, state, with_rule};
use crate::policy::{Compliance, PolicySet, Resource, Wanted};
use rstest::rstest;
use serde_json::{Value, json};

fn fhir(origins: &Value) -> Resource {
    Resource::new("Microsoft.HealthcareApis/workspaces/fhirservices", "fhir")
        .with("corsConfiguration", json!({"origins": origins}))
        .with("publicNetworkAccess", "Disabled")
}

fn log() -> Resource {
    let mut log = Resource::new("Wardwatch/logs", "log-main").with("level", "Info").with("payloads", false);
    log.tags.insert("owner".to_owned(), "ops".to_owned());
    log
}

/// As the rule has it: the condition holds, so the resource is not as wanted.
fn holds(condition: &Value, resource: &Resource) -> bool {
    let rule = json!({"if": condition, "then": {"effect": "[parameters('effect')]"}});
    let parameters = json!({
        "effect": {"type": "String", "defaultValue": "Audit", "allowedValues": ["Audit", "Disabled"]},
        "levels": {"type": "Array", "defaultValue": ["info", "warn"]},
    });
    state(&with_rule(&rule, &parameters), resource, "p") == Compliance::NonCompliant
}

#[rstest]
#[case::equals_ignores_case(json!({"field": "Wardwatch/logs/level", "equals": "info"}), true)]
#[case::not_equals(json!({"field": "Wardwatch/logs/level", "notEquals": "info"}), false)]
#[case::like(json!({"field": "name", "like": "log-*"}), true)]
#[case::not_like(json!({"field": "name", "notLike": "log-*"}), false)]
#[case::match_pattern(json!({"field": "name", "match": "???-????"}), true)]
#[case::contains(json!({"field": "name", "contains": "MAIN"}), true)]
#[case::within(json!({"field": "Wardwatch/logs/level", "in": "[parameters('levels')]"}), true)]
#[case::not_in(json!({"field": "Wardwatch/logs/level", "notIn": ["a", "b"]}), true)]
#[case::exists(json!({"field": "Wardwatch/logs/level", "exists": "true"}), true)]
#[case::exists_not(json!({"field": "tags['owner']", "exists": "false"}), false)]
#[case::tags(json!({"field": "tags.owner", "equals": "ops"}), true)]
#[case::contains_key(json!({"field": "tags", "containsKey": "owner"}), true)]
#[case::all_of(json!({"allOf": [{"field": "name", "exists": true}, {"field": "kind", "exists": true}]}), false)]
#[case::any_of(json!({"anyOf": [{"field": "name", "equals": "x"}, {"field": "location", "equals": "site"}]}), true)]
#[case::not(json!({"not": {"field": "name", "equals": "x"}}), true)]
#[case::value(json!({"value": "[concat(field('name'), '/', toLower(field('Wardwatch/logs/level')))]", "equals": "log-main/info"}), true)]
#[case::value_if(json!({"value": "[if(equals(field('location'), 'site'), 'a', 'b')]", "equals": "a"}), true)]
#[case::value_length(json!({"value": "[length(parameters('levels'))]", "greaterOrEquals": 2}), true)]
#[case::value_split(json!({"value": "[first(split(field('name'), '-'))]", "equals": "log"}), true)]
#[case::value_empty(json!({"value": "[empty(field('name'))]", "equals": false}), true)]
#[case::utc_now(json!({"value": "[utcNow()]", "contains": "2026-03-01"}), true)]
#[case::count_value(json!({"count": {"value": "[parameters('levels')]", "name": "l", "where": {"value": "[current('l')]", "equals": "[field('Wardwatch/logs/level')]"}}, "equals": 1}), true)]
fn conditions_hold_as_azure_has_them(#[case] condition: Value, #[case] expected: bool) {
    assert_eq!(holds(&condition, &log()), expected, "{condition}");
}

/// A rule over the level of the log that denies, of which a parameter says what is wrong.
fn denying(condition: &Value, parameters: &Value) -> Value {
    json!({"name": "p", "properties": {
        "parameters": parameters,
        "policyRule": {"if": condition, "then": {"effect": "deny"}},
    }})
}

#[test]
fn a_parameter_is_found_however_its_name_is_spelt() {
    let parameters = json!({"wantedLevel": {"type": "String", "defaultValue": "info"}});
    for name in ["wantedLevel", "WantedLevel", "WANTEDLEVEL"] {
        let condition = json!({"field": "Wardwatch/logs/level", "equals": format!("[parameters('{name}')]")});
        let rule = json!({"if": condition, "then": {"effect": "deny"}});
        assert_eq!(state(&with_rule(&rule, &parameters), &log(), "p"), Compliance::NonCompliant, "{name}");
    }
}

#[rstest]
#[case::misspelt("maxIdel", json!({"maxIdle": {"type": "Integer", "defaultValue": 60}}), "asks for parameter maxIdel")]
#[case::none_declared("maxIdle", json!({}), "asks for parameter maxIdle")]
#[case::text_for_number("n", json!({"n": {"type": "Integer", "defaultValue": "sixty"}}), "type integer is wanted")]
#[case::text_for_list("n", json!({"n": {"type": "Array", "defaultValue": "900"}}), "type array is wanted")]
#[case::no_type("n", json!({"n": {"type": "Number"}}), "there is no type Number")]
fn a_definition_that_could_not_be_judged_is_refused(#[case] name: &str, #[case] parameters: Value, #[case] why: &str) {
    let condition = json!({"field": "Wardwatch/logs/level", "greater": format!("[parameters('{name}')]")});
    let said = PolicySet::empty().unwrap().add("p.json", &denying(&condition, &parameters).to_string()).unwrap_err();
    assert!(said.to_string().contains(why), "{said}");
}

#[test]
fn a_value_of_another_type_is_never_judged_by() {
    let condition = json!({"field": "Wardwatch/logs/level", "greater": "[parameters('n')]"});
    let mut set = PolicySet::empty().unwrap();
    set.add("p.json", &denying(&condition, &json!({"n": {"type": "Integer"}})).to_string()).unwrap();
    let initiative = json!({"name": "i", "properties": {
        "parameters": {"t": {"type": "String", "defaultValue": "sixty"}},
        "policyDefinitions": [{"policyDefinitionId": "/policyDefinitions/p", "parameters": {"n": {"value": "[parameters('t')]"}}}],
    }});
    set.add("i.json", &initiative.to_string()).unwrap();
    set.add("a.json", r#"{"name": "a", "properties": {"policyDefinitionId": "/policySetDefinitions/i"}}"#).unwrap();
    assert_eq!(state(&set, &log(), "p"), Compliance::NotEvaluated);
}

#[rstest]
#[case("[resourceGroup().tags['env']]", Compliance::NotEvaluated)]
#[case("[ResourceGroup()['tags']]", Compliance::NotEvaluated)]
#[case("[requestContext().apiVersion]", Compliance::NotEvaluated)]
#[case("[subscription().tenantId]", Compliance::NotEvaluated)]
#[case("[resourceGroup().location]", Compliance::NonCompliant)]
fn what_surrounds_a_resource_in_azure_alone_is_not_judged_by(#[case] value: &str, #[case] expected: Compliance) {
    let rule = json!({
        "if": {"allOf": [{"field": "type", "equals": "Wardwatch/logs"}, {"value": value, "notEquals": "prod"}]},
        "then": {"effect": "deny"},
    });
    assert_eq!(state(&with_rule(&rule, &json!({})), &log(), "p"), expected);
}

#[test]
fn lists_are_counted_and_meant_as_a_whole() {
    let alias = "Microsoft.HealthcareApis/workspaces/fhirservices/corsConfiguration.origins[*]";
    let star = json!({"not": {"field": alias, "notEquals": "*"}});
    assert!(holds(&star, &fhir(&json!(["https://a.example", "*"]))));
    assert!(!holds(&star, &fhir(&json!(["https://a.example"]))));
    let counted = json!({"count": {"field": alias, "where": {"field": alias, "like": "http://*"}}, "greater": 0});
    assert!(holds(&counted, &fhir(&json!(["http://a.example"]))));
    assert!(!holds(&counted, &fhir(&json!(["https://a.example"]))));
}

#[rstest]
#[case("audit", None, Compliance::NonCompliant)]
#[case("Deny", None, Compliance::NonCompliant)]
#[case("disabled", None, Compliance::Disabled)]
#[case("manual", None, Compliance::NotEvaluated)]
#[case("denyAction", Some(json!({"actionNames": ["delete"]})), Compliance::NotEvaluated)]
#[case("modify", Some(json!({"roleDefinitionIds": ["x"], "operations": [{"operation": "addOrReplace", "field": "tags['a']", "value": "b"}]})), Compliance::NonCompliant)]
#[case("append", Some(json!([{"field": "tags['a']", "value": "b"}])), Compliance::NonCompliant)]
#[case("auditIfNotExists", Some(json!({"type": "Wardwatch/clocks"})), Compliance::NonCompliant)]
#[case("deployIfNotExists", Some(json!({"type": "Wardwatch/clocks", "roleDefinitionIds": ["x"], "existenceCondition": {"field": "name", "equals": "x"}, "deployment": {"properties": {"mode": "incremental", "template": {"resources": []}}}})), Compliance::NonCompliant)]
#[case("mutate", None, Compliance::NotEvaluated)]
fn effects_are_read_and_what_cannot_follow_here_is_not_called_compliant(
    #[case] effect: &str,
    #[case] details: Option<Value>,
    #[case] expected: Compliance,
) {
    let mut then = json!({"effect": effect});
    if let Some(details) = details {
        then["details"] = details;
    }
    let rule = json!({"if": {"field": "type", "equals": "Wardwatch/logs"}, "then": then});
    assert_eq!(state(&with_rule(&rule, &json!({})), &log(), "p"), expected);
}

#[test]
fn what_belongs_to_a_resource_is_found_by_its_type_name_and_condition() {
    let details = json!({"type": "Wardwatch/clocks", "name": "host",
        "existenceCondition": {"field": "Wardwatch/clocks/synchronized", "equals": "true"}});
    let rule = json!({"if": {"field": "type", "equals": "Wardwatch/logs"}, "then": {"effect": "auditIfNotExists", "details": details}});
    let set = with_rule(&rule, &json!({}));
    let clock = |name: &str, value: bool| Resource::new("Wardwatch/clocks", name).with("synchronized", value);
    let judged = |others: &[Resource]| {
        let all: Vec<Resource> = std::iter::once(log()).chain(others.iter().cloned()).collect();
        set.evaluate(&all, now(), &Wanted::default()).findings[0].state
    };
    assert_eq!(judged(&[clock("host", true)]), Compliance::Compliant);
    assert_eq!(judged(&[clock("host", false)]), Compliance::NonCompliant);
    assert_eq!(judged(&[clock("other", true)]), Compliance::NonCompliant);
    assert_eq!(judged(&[clock("host", true).of_ward("3-east")]), Compliance::NonCompliant);
    let unknown = Resource::new("Wardwatch/clocks", "host").without("synchronized", "nothing says so");
    assert_eq!(judged(&[unknown]), Compliance::NotEvaluated);
}

/// Why a set of one definition is not evaluated.
fn not_evaluated(definition: &Value) -> String {
    let mut set = PolicySet::empty().unwrap();
    set.add("d.json", &definition.to_string()).unwrap();
    set.add("a.json", r#"{"policyDefinitionId": "/x/d"}"#).unwrap();
    let report = set.evaluate(&[log()], now(), &Wanted::default());
    assert_eq!(report.findings.len(), 1, "{report:#?}");
    assert_eq!(report.findings[0].state, Compliance::NotEvaluated, "{report:#?}");
    assert_eq!(report.summary.compliant, 0);
    report.findings[0].message.clone()
}

#[test]
fn what_is_not_carried_says_why_it_is_not_evaluated() {
    let rule = |condition: Value| json!({"if": condition, "then": {"effect": "audit"}});
    let kind = |name: &str| json!({"field": "type", "equals": name});
    let cases = [
        (
            json!({"mode": "Microsoft.KeyVault.Data", "policyRule": rule(kind("Wardwatch/logs"))}),
            "mode Microsoft.KeyVault.Data is evaluated by another service of Azure",
        ),
        (
            json!({"policyRule": rule(kind("Microsoft.Compute/virtualMachines"))}),
            "there is nothing here of type Microsoft.Compute/virtualMachines",
        ),
        (
            json!({"policyRule": rule(json!({"allOf": [kind("Microsoft.Storage/storageAccounts"),
                {"field": "Microsoft.Storage/storageAccounts/supportsHttpsTrafficOnly", "notEquals": true}]}))}),
            "Microsoft.Storage/storageAccounts/supportsHttpsTrafficOnly",
        ),
        (json!({"policyRule": rule(json!({"value": "[moonPhase()]", "equals": "x"}))}), "moonphase"),
        (
            json!({"parameters": {"what": {"type": "String"}}, "policyRule": rule(kind("[parameters('what')]"))}),
            "parameter what has no value: give it in the assignment",
        ),
    ];
    for (definition, why) in cases {
        let said = not_evaluated(&definition);
        assert!(said.to_lowercase().contains(&why.to_lowercase()), "{said}");
    }
}

#[test]
fn an_initiative_with_definitions_that_are_not_here_loads_and_says_so() {
    let mut set = PolicySet::empty().unwrap();
    let id = "/providers/Microsoft.Authorization/policyDefinitions/fe1c9040-c46a-4e81-9aea-c7850fbb3aa6";
    let initiative = json!({"name": "i", "properties": {"policyDefinitions": [{"policyDefinitionId": id}]}});
    set.add("i.json", &initiative.to_string()).unwrap();
    set.add("a.json", r#"{"policyDefinitionId": "/x/i", "scope": "/subscriptions/1b2a"}"#).unwrap();
    set.check(now()).unwrap();
    let report = set.evaluate(&[log()], now(), &Wanted::default());
    assert_eq!(report.findings[0].state, Compliance::NotEvaluated);
    assert!(report.findings[0].message.contains("its definition is not here"), "{report:#?}");
}

/// A rule that asks for no type is about the resources whose fields it reads, and about no other with a field of that name.
#[test]
fn a_rule_without_a_type_is_about_the_types_of_its_fields() {
    let rule = |condition: &Value| json!({"if": condition, "then": {"effect": "audit"}});
    let condition = json!({"field": "Wardwatch/servers/listeners/network", "equals": "remote"});
    let set = with_rule(&rule(&condition), &json!({}));
    let listener = |network: &str| Resource::new("Wardwatch/servers/listeners", "http").with("network", network);
    let intake = Resource::new("Wardwatch/intakes", "mqtt.icu").with("network", "remote");
    let report = set.evaluate(&[listener("any"), intake.clone(), log()], now(), &Wanted::default());
    let found: Vec<_> = report.findings.iter().map(|f| (f.resource.as_deref(), f.state)).collect();
    assert_eq!(found, [(Some("/providers/Wardwatch/servers/listeners/http"), Compliance::Compliant)]);
    let report = set.evaluate(&[intake.clone(), log()], now(), &Wanted::default());
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].message, "there is nothing here of type Wardwatch/servers/listeners");
    let unknown = Resource::new("Wardwatch/servers/listeners", "http").without("network", "nothing says so");
    assert_eq!(state(&set, &unknown, "p"), Compliance::NotEvaluated);
    let several = json!({"anyOf": [condition, {"field": "Wardwatch/logs/level", "equals": "debug"}]});
    let report = with_rule(&rule(&several), &json!({})).evaluate(&[intake, log()], now(), &Wanted::default());
    assert_eq!((report.findings.len(), report.findings[0].state), (1, Compliance::NotEvaluated));
    assert!(report.findings[0].message.contains("add a condition on type"), "{report:#?}");
    let named = json!({"allOf": [{"value": "[field('type')]", "equals": "Wardwatch/logs"}, several["anyOf"][1]]});
    assert_eq!(state(&with_rule(&rule(&named), &json!({})), &log(), "p"), Compliance::Compliant);
    let tagged = with_rule(&rule(&json!({"field": "tags.owner", "exists": false})), &json!({}));
    let report = tagged.evaluate(&[log(), listener("any")], now(), &Wanted::default());
    assert_eq!(report.findings.len(), 2, "of what all resources have, all are meant");
}

/// What belongs to a resource is asked for although the fact that decides is not known: that is said, and not left out.
#[test]
fn what_is_not_known_of_a_resource_without_a_type_in_the_rule_is_said_also_of_what_belongs_to_it() {
    let details = json!({"type": "Wardwatch/clocks"});
    let rule = json!({"if": {"field": "Wardwatch/logs/level", "equals": "debug"},
        "then": {"effect": "auditIfNotExists", "details": details}});
    let unknown = Resource::new("Wardwatch/logs", "log").without("level", "the file is gone");
    let report = with_rule(&rule, &json!({})).evaluate(&[unknown], now(), &Wanted::default());
    assert_eq!(report.findings[0].resource.as_deref(), Some("/providers/Wardwatch/logs/log"));
    assert_eq!(report.findings[0].message, "level is not known: the file is gone");
}

/// An effect that comes to `disabled` is no compliance, whatever way it comes to it.
#[rstest]
#[case("[parameters('effect')]", "Disabled", Compliance::Disabled)]
#[case("[toLower(parameters('effect'))]", "DISABLED", Compliance::Disabled)]
#[case("[if(equals(field('name'), 'log-main'), 'disabled', 'audit')]", "x", Compliance::Disabled)]
#[case("[if(equals(field('name'), 'other'), 'disabled', 'audit')]", "x", Compliance::NonCompliant)]
#[case("[concat('au', 'dit')]", "x", Compliance::NonCompliant)]
#[case("[parameters('effect')]", "[concat('dis', 'abled')]", Compliance::NotEvaluated)]
fn an_effect_that_comes_to_disabled_is_told_as_that(
    #[case] effect: &str,
    #[case] value: &str,
    #[case] expected: Compliance,
) {
    let parameters = json!({"effect": {"type": "String", "defaultValue": value}});
    for level in ["Info", "debug"] {
        let condition = json!({"allOf": [{"field": "type", "equals": "Wardwatch/logs"},
            {"field": "Wardwatch/logs/level", "equals": level}]});
        let rule = json!({"if": condition, "then": {"effect": effect}});
        let met = level == "debug" && expected == Compliance::NonCompliant;
        let expected = if met { Compliance::Compliant } else { expected };
        assert_eq!(state(&with_rule(&rule, &parameters), &log(), "p"), expected, "{effect} {level}");
    }
}

#[test]
fn an_override_holds_also_where_the_effect_of_the_rule_would_be_disabled() {
    let rule =
        json!({"if": {"field": "type", "equals": "Wardwatch/logs"}, "then": {"effect": "[concat('dis', 'abled')]"}});
    let mut set = PolicySet::empty().unwrap();
    set.add("p.json", &json!({"name": "p", "properties": {"policyRule": rule}}).to_string()).unwrap();
    let overrides = json!([{"kind": "policyEffect", "value": "deny"}]);
    let assignment = json!({"name": "a", "properties": {"policyDefinitionId": "/x/p", "overrides": overrides}});
    set.add("a.json", &assignment.to_string()).unwrap();
    let report = set.evaluate(&[log()], now(), &Wanted::default());
    assert_eq!((report.summary.non_compliant, report.summary.denied), (1, 1), "{report:#?}");
}
