//! Each check of the baseline: a resource that is as wanted, and what is not.

use super::{of, state};
use crate::policy::{Compliance, Effect, Resource, Wanted, built_in};
use rstest::rstest;
use serde_json::json;
use std::collections::BTreeSet;

fn listener(name: &str) -> Resource {
    Resource::new("Wardwatch/servers/listeners", name)
        .with("protocol", "http")
        .with("network", "private")
        .with("tls", true)
        .with("tlsMinimum", "1.2")
        .with("certificateDaysLeft", 90)
        .with("origins", json!([]))
        .with("unknownOriginsRefused", true)
}

fn trail() -> Resource {
    Resource::new("Wardwatch/audit/sinks", "trail")
        .with("probeWritten", true)
        .with("probeReadBack", true)
        .with("chainVerified", true)
        .with("categories", json!(["reads", "logins", "alerts", "exports", "configuration"]))
        .with("kept", "forever")
        .with("witnesses", 1)
        .with("witnessedMinutes", 5)
        .with("copies", 1)
        .with("copyMinutes", 5)
}

fn account() -> Resource {
    Resource::new("Wardwatch/accounts", "okafor")
        .with("role", "nurse")
        .with("enabled", true)
        .with("secondFactor", true)
        .with("sshKey", false)
        .with("standingAdmin", false)
        .with("sharedName", false)
}

fn key() -> Resource {
    Resource::new("Wardwatch/keys", "audit.key").with("private", true).with("ownedByServer", true).with("ageDays", 10)
}

fn sessions() -> Resource {
    Resource::new("Wardwatch/sessions", "sessions").with("idleLockSeconds", 900).with("absoluteSeconds", 43_200)
}

fn intake() -> Resource {
    Resource::new("Wardwatch/intakes", "http").with("anonymous", false)
}

fn mapping() -> Resource {
    Resource::new("Wardwatch/mappings", "medtech").with("errors", 0).with("warnings", 0)
}

fn device() -> Resource {
    Resource::new("Wardwatch/devices", "mon-1").of_ward("3-east").with("clockWrong", false).with("credential", true)
}

fn backups() -> Resource {
    Resource::new("Wardwatch/backups", "backups").with("ageHours", 5).with("restoreTestAgeDays", 30)
}

fn one(kind: &str, field: &str, value: impl Into<serde_json::Value>) -> Resource {
    Resource::new(kind, "it").with(field, value)
}

#[rstest]
#[case("NET-01", listener("http"), listener("http").with("network", "any"))]
#[case("NET-01", listener("http").with("network", "loopback"), listener("http").with("network", "public"))]
#[case("NET-02", listener("http"), listener("http").with("tlsMinimum", "1.1"))]
#[case("NET-02", listener("http").with("certificateDaysLeft", 0), listener("http").with("certificateDaysLeft", -1))]
#[case("NET-02-PLAIN", listener("http"), listener("http").with("tls", false))]
#[case("NET-02-PLAIN", listener("h").with("tls", false).with("network", "loopback"), listener("h").with("tls", false))]
#[case("NET-02-SOON", listener("http").with("certificateDaysLeft", 30), listener("http").with("certificateDaysLeft", 29))]
#[case("NET-03", listener("http").with("origins", json!(["https://a.example"])), listener("http").with("origins", json!(["*"])))]
#[case("NET-03", listener("http"), listener("http").with("unknownOriginsRefused", false))]
#[case("KEY-01", one("Wardwatch/stores", "encrypted", true), one("Wardwatch/stores", "encrypted", false))]
#[case("KEY-01-FILES", key(), key().with("private", false))]
#[case("KEY-01-FILES", key(), key().with("ownedByServer", false))]
#[case("KEY-01-AGE", key().with("ageDays", 730), key().with("ageDays", 731))]
#[case("AUD-01", trail(), trail().with("probeWritten", false))]
#[case("AUD-01", trail(), trail().with("probeReadBack", false))]
#[case("AUD-01-CHAIN", trail(), trail().with("chainVerified", false))]
#[case("AUD-02", trail(), trail().with("categories", json!(["reads", "logins", "alerts", "configuration"])))]
#[case("AUD-02", trail(), trail().with("categories", json!([])))]
#[case("AUD-03", trail(), trail().with("copies", 0))]
#[case("AUD-03", trail().with("copyMinutes", 60), trail().with("copyMinutes", 61))]
#[case("AUD-04", trail(), trail().with("kept", "days"))]
#[case("AUD-04", trail().with("kept", "days").with("retentionDays", 2190), trail().with("kept", "days").with("retentionDays", 2189))]
#[case("ACC-01", account(), account().with("secondFactor", false))]
#[case("ACC-01", account().with("secondFactor", false).with("sshKey", true), account().with("sharedName", true))]
#[case("ACC-01", account().with("secondFactor", false).with("enabled", false), account().with("secondFactor", false))]
#[case("ACC-01", sessions(), sessions().with("idleLockSeconds", 1_801))]
#[case("ACC-01", sessions(), sessions().with("absoluteSeconds", 43_201))]
#[case("ACC-02", account(), account().with("standingAdmin", true))]
#[case("ACC-03", intake(), intake().with("anonymous", true))]
#[case("ACC-03-DEVICES", device(), device().with("credential", false))]
#[case("MAP-01", mapping().with("warnings", 2), mapping().with("errors", 1))]
#[case("MAP-01-LINT", mapping(), mapping().with("warnings", 1))]
#[case("TIME-01", one("Wardwatch/clocks", "synchronized", true), one("Wardwatch/clocks", "synchronized", false))]
#[case("TIME-01", device(), device().with("clockWrong", true))]
#[case("LOG-01", one("Wardwatch/logs", "payloads", false), one("Wardwatch/logs", "payloads", true))]
#[case("RES-01", one("Wardwatch/disks", "usedPercent", 79), one("Wardwatch/disks", "usedPercent", 80))]
#[case("RES-01", backups(), backups().with("ageHours", 27))]
#[case("RES-01-RESTORE", backups(), backups().with("restoreTestAgeDays", 366))]
fn each_check_tells_what_is_as_wanted_from_what_is_not(
    #[case] check: &str,
    #[case] wanted: Resource,
    #[case] not: Resource,
) {
    let set = built_in().unwrap();
    assert_eq!(state(&set, &wanted, check), Compliance::Compliant, "{wanted:?}");
    assert_eq!(state(&set, &not, check), Compliance::NonCompliant, "{not:?}");
}

#[test]
fn backups_that_others_read_are_told_by_what_belongs_to_them() {
    let set = built_in().unwrap();
    let with = |private| {
        let permissions =
            Resource::new("Wardwatch/backups/permissions", "backups/permissions").with("private", private);
        set.evaluate(&[backups(), permissions], super::now(), &Wanted::default())
    };
    let found = of(&with(true), "RES-01-PRIVATE");
    assert_eq!((found.len(), found[0].state), (1, Compliance::Compliant));
    let found = of(&with(false), "RES-01-PRIVATE");
    assert_eq!((found[0].state, found[0].effect), (Compliance::NonCompliant, Some(Effect::AuditIfNotExists)));
    assert_eq!(found[0].missing.as_deref(), Some("Wardwatch/backups/permissions"));
    assert_eq!(
        state(&set, &backups(), "RES-01-PRIVATE"),
        Compliance::NonCompliant,
        "nothing says that they are private"
    );
}

#[test]
fn all_fifteen_checks_are_in_the_initiative_with_the_effects_that_are_documented() {
    let report = built_in().unwrap().evaluate(&[], super::now(), &Wanted::default());
    let checks: BTreeSet<String> =
        report.findings.iter().map(|f| f.reference.split('-').take(2).collect::<Vec<_>>().join("-")).collect();
    let wanted = [
        "NET-01", "NET-02", "NET-03", "KEY-01", "AUD-01", "AUD-02", "AUD-03", "AUD-04", "ACC-01", "ACC-02", "ACC-03",
        "MAP-01", "TIME-01", "LOG-01", "RES-01",
    ];
    assert_eq!(checks, wanted.map(str::to_owned).into());
    let effects = |effect| -> Vec<&str> {
        report.findings.iter().filter(|f| f.effect == Some(effect)).map(|f| f.reference.as_str()).collect()
    };
    let denies = ["ACC-03", "AUD-01", "AUD-02", "KEY-01-FILES", "MAP-01", "NET-01", "NET-02", "NET-03"];
    assert_eq!(effects(Effect::Deny), denies);
    assert!(effects(Effect::Audit).contains(&"KEY-01") && effects(Effect::Audit).contains(&"ACC-01"));
}

#[test]
fn an_account_with_one_factor_is_told_the_commands_that_there_are() {
    let set = built_in().unwrap();
    let report = set.evaluate(&[account().with("secondFactor", false)], super::now(), &Wanted::default());
    let found = of(&report, "ACC-01").pop().unwrap();
    assert_eq!(found.state, Compliance::NonCompliant);
    for command in ["(wardwatch user totp enrol)", "(wardwatch user key add)"] {
        assert!(found.message.contains(command), "{}", found.message);
    }
}

#[test]
fn what_is_not_known_or_not_there_is_never_compliant() {
    let set = built_in().unwrap();
    let clock = Resource::new("Wardwatch/clocks", "host").without("synchronized", "nothing on this machine says so");
    let report = set.evaluate(&[clock], super::now(), &Wanted::default());
    let found = of(&report, "TIME-01");
    assert_eq!(found[0].state, Compliance::NotEvaluated);
    assert_eq!(found[0].message, "synchronized is not known: nothing on this machine says so");
    let mappings = of(&report, "MAP-01");
    assert_eq!(mappings[0].state, Compliance::NotEvaluated);
    assert_eq!(mappings[0].message, "there is nothing here of type Wardwatch/mappings");
    assert_eq!(report.summary.compliant, 0);
    assert_eq!(report.initiatives[0].state, Compliance::NotEvaluated);
}

#[test]
fn an_initiative_is_not_compliant_if_anything_is_not() {
    let set = built_in().unwrap();
    let report = set.evaluate(&[listener("a"), listener("b").with("network", "any")], super::now(), &Wanted::default());
    assert_eq!(report.initiatives[0].state, Compliance::NonCompliant);
    assert_eq!((report.summary.non_compliant, report.summary.denied, report.is_denied()), (1, 1, true));
    let first = &report.findings[0];
    assert_eq!(first.resource.as_deref(), Some("/providers/Wardwatch/servers/listeners/b"));
    assert!(first.stops() && first.message.contains("server.listen"));
    assert_eq!(first.reasons[0].field, "network");
    assert_eq!(first.reasons[0].value, "any");
}

#[test]
fn a_ward_alone_and_an_initiative_alone_can_be_asked_for() {
    let set = built_in().unwrap();
    let inventory = [device().with("clockWrong", true), listener("http").with("network", "any")];
    let wanted = Wanted { scope: "ward/3-east".parse().unwrap(), initiative: Some("HIPAA-baseline".to_owned()) };
    let report = set.evaluate(&inventory, super::now(), &wanted);
    assert_eq!((report.summary.non_compliant, report.summary.denied), (1, 0));
    assert_eq!(report.findings[0].resource.as_deref(), Some("/ward/3-east/providers/Wardwatch/devices/mon-1"));
    let other = Wanted { initiative: Some("other".to_owned()), ..Wanted::default() };
    assert!(set.evaluate(&inventory, super::now(), &other).findings.is_empty());
}
