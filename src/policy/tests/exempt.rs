//! Exemptions: who answers for what, and until when.

use super::{now, of};
use crate::policy::{Compliance, PolicySet, Resource, Wanted, built_in, report_text};
use serde_json::{Value, json};

/// What is made of an exemption that is right.
type Change = fn(&mut Value);

fn exemption(change: impl FnOnce(&mut Value)) -> String {
    let mut whole = json!({
        "id": "/providers/Wardwatch/accounts/okafor/providers/Microsoft.Authorization/policyExemptions/okafor-factor",
        "name": "okafor-factor",
        "type": "Microsoft.Authorization/policyExemptions",
        "properties": {
            "policyAssignmentId": "/providers/Microsoft.Authorization/policyAssignments/hipaa-baseline",
            "policyDefinitionReferenceIds": ["ACC-01"],
            "exemptionCategory": "Waiver",
            "expiresOn": "2026-06-01T00:00:00.0000000Z",
            "displayName": "Okafor waits for a key",
            "description": "The hardware key is ordered, see purchase 1182",
            "metadata": {"owner": "security officer"},
        },
    });
    change(&mut whole);
    whole.to_string()
}

fn account(name: &str) -> Resource {
    Resource::new("Wardwatch/accounts", name)
        .with("enabled", true)
        .with("secondFactor", false)
        .with("sshKey", false)
        .with("sharedName", false)
        .with("standingAdmin", false)
}

fn with(text: &str) -> PolicySet {
    let mut set = built_in().unwrap();
    set.add("exempt.json", text).unwrap();
    set
}

fn states(set: &PolicySet, at: &str) -> Vec<(String, Compliance)> {
    let report = set.evaluate(&[account("okafor"), account("lind")], at.parse().unwrap(), &Wanted::default());
    let found = of(&report, "ACC-01").into_iter();
    let mut found: Vec<_> =
        found.map(|f| (f.resource.unwrap().rsplit('/').next().unwrap().to_owned(), f.state)).collect();
    found.sort();
    found
}

#[test]
fn an_exemption_holds_for_its_resource_until_its_end_and_not_after() {
    use Compliance::{Exempt, NonCompliant};
    let set = with(&exemption(|_| {}));
    let found = |state| vec![("lind".to_owned(), NonCompliant), ("okafor".to_owned(), state)];
    assert_eq!(states(&set, "2026-03-01T08:15:00Z"), found(Exempt));
    assert_eq!(states(&set, "2026-05-31T23:59:59.999Z"), found(Exempt));
    assert_eq!(states(&set, "2026-06-01T00:00:00Z"), found(NonCompliant));
    let report = set.evaluate(&[account("okafor")], "2026-06-02T00:00:00Z".parse().unwrap(), &Wanted::default());
    let text = report_text(&report, false);
    assert!(
        text.contains("Exemption okafor-factor of security officer expired: this counts since\n  2026-06-01"),
        "{text}"
    );
    let report = set.evaluate(&[account("okafor")], now(), &Wanted::default());
    let text = report_text(&report, false);
    assert!(text.contains("by security officer (Waiver): The\n  hardware key is ordered, see purchase 1182"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn an_exemption_of_another_policy_assignment_or_place_is_none() {
    use Compliance::NonCompliant;
    let cases: [Change; 4] = [
        |e| e["properties"]["policyDefinitionReferenceIds"] = json!(["ACC-02"]),
        |e| e["properties"]["policyAssignmentId"] = json!("/policyAssignments/other"),
        |e| e["id"] = json!("/ward/3-east/providers/Microsoft.Authorization/policyExemptions/x"),
        |e| e["id"] = json!("/subscriptions/1/resourceGroups/2/providers/Microsoft.Authorization/policyExemptions/x"),
    ];
    for change in cases {
        let set = with(&exemption(change));
        assert!(states(&set, "2026-03-01T08:15:00Z").iter().all(|(_, state)| *state == NonCompliant));
    }
    let set = with(&exemption(|e| e["properties"]["policyAssignmentId"] = json!("/policyAssignments/other")));
    let report = set.evaluate(&[], now(), &Wanted::default());
    assert_eq!(report.notes, ["exempt.json: exemption okafor-factor is of assignment other, which there is not"]);
    let set = with(&exemption(|e| e["properties"]["policyDefinitionReferenceIds"] = json!(["acc-01", "nope"])));
    let said = "exempt.json: exemption okafor-factor is of nope, which assignment hipaa-baseline does not have";
    assert_eq!(set.evaluate(&[], now(), &Wanted::default()).notes, [said]);
}

#[test]
fn an_exemption_of_the_site_is_narrowed_by_its_selectors() {
    let site = |e: &mut Value| {
        e["id"] = json!("/providers/Microsoft.Authorization/policyExemptions/x");
        e["properties"]["resourceSelectors"] =
            json!([{"name": "accounts", "selectors": [{"kind": "resourceType", "in": ["wardwatch/ACCOUNTS"]}]}]);
    };
    let set = with(&exemption(site));
    assert!(states(&set, "2026-03-01T08:15:00Z").iter().all(|(_, state)| *state == Compliance::Exempt));
    let sessions = Resource::new("Wardwatch/sessions", "s").with("idleLockSeconds", 9_999).with("absoluteSeconds", 1);
    assert_eq!(super::state(&set, &sessions, "ACC-01"), Compliance::NonCompliant);
}

#[test]
fn an_exemption_without_owner_reason_or_end_is_refused() {
    let cases: [(Change, &str); 5] = [
        (|e| e["properties"]["metadata"] = json!({}), "say who in metadata.owner"),
        (|e| e["properties"]["description"] = json!("ok"), "say why in description"),
        (|e| drop(e["properties"].as_object_mut().unwrap().remove("expiresOn")), "say until when in expiresOn"),
        (|e| e["properties"]["expiresOn"] = json!("next year"), "is not a time"),
        (|e| e["properties"]["exemptionCategory"] = json!("Maybe"), "Waiver or Mitigated"),
    ];
    for (change, said) in cases {
        let why = built_in().unwrap().add("exempt.json", &exemption(change)).unwrap_err().to_string();
        assert!(
            why.starts_with("exempt.json, line 1, column 1: exemption okafor-factor: ") && why.contains(said),
            "{why}"
        );
    }
}

#[test]
fn an_exemption_that_is_written_wrongly_is_refused_and_exempts_nothing() {
    let cases: [(Change, &str); 9] = [
        (|e| e["properties"]["policyDefinitionReferenceIds"] = json!("ACC-01"), "has to be a list of one or more"),
        (|e| e["properties"]["policyDefinitionReferenceIds"] = json!([]), "has to be a list of one or more"),
        (|e| e["properties"]["policyDefinitionReferenceIds"] = json!([1]), "has to hold texts"),
        (|e| drop(e.as_object_mut().unwrap().remove("id")), "it says not of what"),
        (|e| e["properties"]["scope"] = json!(["/ward/3-east"]), "scope has to be a text"),
        (|e| e["properties"]["resourceSelectors"] = json!({"selectors": []}), "has to be a list"),
        (|e| e["properties"]["resourceSelectors"] = json!([{"name": "all"}]), "would choose all"),
        (
            |e| e["properties"]["resourceSelectors"] = json!([{"selectors": [{"kind": "resourceType", "notIn": []}]}]),
            "needs one value or more",
        ),
        (|e| e["properties"]["policyDefinitionReferenceId"] = json!(["ACC-01"]), "is not known"),
    ];
    for (change, said) in cases {
        let why = built_in().unwrap().add("exempt.json", &exemption(change)).unwrap_err().to_string();
        assert!(why.contains(said), "{said}: {why}");
    }
    let none =
        with(&exemption(|e| drop(e["properties"].as_object_mut().unwrap().remove("policyDefinitionReferenceIds"))));
    assert!(none.check(now()).unwrap_err().to_string().contains("assigns an initiative: name what of it"));
    let all = with(&exemption(|e| e["properties"]["policyDefinitionReferenceIds"] = json!(["*"])));
    all.check(now()).unwrap();
    assert!(states(&all, "2026-03-01T08:15:00Z").contains(&("okafor".to_owned(), Compliance::Exempt)));
}

#[test]
fn an_exemption_holds_for_a_year_at_most_and_its_end_is_told_before() {
    let until = |at: &'static str| with(&exemption(move |e| e["properties"]["expiresOn"] = json!(at)));
    let why = until("9999-01-01T00:00:00Z").check(now()).unwrap_err().to_string();
    assert!(why.contains("is too far away: 2027-03-02T08:15:00.000Z at the latest"), "{why}");
    until("2027-03-02T08:15:00Z").check(now()).unwrap();
    let notes = |at| until(at).evaluate(&[], now(), &Wanted::default()).notes;
    let told = "exempt.json: exemption okafor-factor of security officer ends soon, at 2026-03-31T08:15:00.000Z";
    assert_eq!(notes("2026-03-31T08:15:00Z"), [told]);
    assert!(notes("2026-03-31T08:15:01Z").is_empty() && notes("2026-03-01T08:15:00Z").is_empty());
}
