//! Stages identity, observation-identifier.

use super::compare::{Verdict, check_class, holds};
use serde_json::{Value, json};
use wardwatch::{
    fhir::Identifier,
    ingest::medtech::{
        Compat, Json,
        identity::{
            Directory, Entry, IdentityFault, IdentityMode, IdentityRules, Made, Named, ResourceKind, ensure, resolve,
        },
        transform::naming::observation_identifier,
    },
};

pub(crate) fn identity(case: &Json) -> Verdict {
    let case = case.to_value();
    let (input, expected) = (&case["input"], &case["expected"]);
    let mode = match case["template"]["mode"].as_str() {
        Some("Create") => IdentityMode::Create,
        Some("Lookup") => IdentityMode::Lookup,
        Some("LookupWithEncounter") => IdentityMode::LookupWithEncounter,
        other => return Err(format!("mode {other:?}")),
    };
    let named = Named {
        device: input["deviceId"].as_str().unwrap_or_default(),
        patient: input["patientId"].as_str(),
        encounter: input["encounterId"].as_str(),
    };
    let directory = Directory {
        devices: entries(&input["server"]["Device"]),
        patients: entries(&input["server"]["Patient"]),
        encounters: entries(&input["server"]["Encounter"]),
    };
    let device_system = case["template"]["defaultDeviceIdentifierSystem"].as_str();
    let rules = IdentityRules { mode, device_system, compat: Compat::Medtech };
    // Some tests pretend that the look-up found nothing.
    let found = if input["lookup_result"].is_null() {
        resolve(rules, named, &directory)
    } else {
        ensure(rules, named, &directory)
    };
    match found {
        Err(fault) if expected["error"].is_null() => Err(format!("it failed: {fault}")),
        Err(fault) => check_fault(expected, &fault),
        Ok((ids, made)) => {
            let made_of = |made: &Made| match made {
                Made::Patient(_) => "Patient",
                Made::Device(_) => "Device",
                Made::Link { .. } => "Link",
            };
            let names: Vec<&str> = made.iter().map(made_of).collect();
            let created: Vec<&str> = names.iter().copied().filter(|n| *n != "Link").collect();
            let updated: Vec<&str> = names.iter().filter(|n| **n == "Link").map(|_| "Device").collect();
            let came = json!({
                "Device": ids.device, "Patient": ids.patient, "Encounter": ids.encounter,
                "created": created, "updated": updated, "device_search_system": device_system,
            });
            holds("identities", expected, &came)
        }
    }
}

fn check_fault(expected: &Value, fault: &IdentityFault) -> Verdict {
    check_class(expected, fault.name(), fault.resource().map(ResourceKind::as_str))
}

fn entries(list: &Value) -> Vec<Entry> {
    let entry = |of: &Value| {
        let identifier = of["identifier"].as_str().unwrap_or_default();
        let (system, value) = identifier.split_once('|').map_or((None, identifier), |(s, v)| (Some(s), v));
        Entry {
            id: of["id"].as_str().unwrap_or_default().to_owned(),
            identifier: Identifier { system: system.map(str::to_owned), value: value.to_owned() },
            patient: of["patient"].as_str().map(str::to_owned),
        }
    };
    list.as_array().into_iter().flatten().map(entry).collect()
}

pub(crate) fn observation_identity(case: &Json) -> Verdict {
    let case = case.to_value();
    let input = &case["input"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let made = observation_identifier(
        &text(&input["ids"]["Patient"]),
        &text(&input["ids"]["Device"]),
        &text(&input["group"]["name"]),
        &text(&input["group"]["idSegment"]),
    );
    holds("identifier", &case["expected"]["identifier"], &super::compare::json(&made))
}
