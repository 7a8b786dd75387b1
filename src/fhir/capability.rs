//! The CapabilityStatement: what this server does, made of the same tables that it does it by.

use super::{
    kind::ResourceKind,
    search::{Param, ParamKind, params},
};
use serde_json::{Value, json};

/// The version of FHIR.
pub const FHIR_VERSION: &str = "4.0.1";
/// When what is said here last changed.
const DATE: &str = "2026-11-27";

/// The statement of a server that is reached at `base`.
#[must_use]
pub fn capability_statement(base: &str, version: &str, mode: &str) -> Value {
    let resources: Vec<Value> = ResourceKind::ALL.into_iter().map(resource).collect();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "publisher": "wardwatch",
        "kind": "instance",
        "software": {"name": "wardwatch", "version": version},
        "implementation": {
            "description": format!("wardwatch, {mode}: vital signs of monitors; not a primary alarm source"),
            "url": base,
        },
        "fhirVersion": FHIR_VERSION,
        "format": ["application/fhir+json", "json"],
        "rest": [{
            "mode": "server",
            "documentation": "Observations of vital signs are judged as those of every other way in; others are kept and \
                not judged. Everything is durable when it is answered. XML, PATCH, DELETE and client-made ids are not taken.",
            "security": {
                "cors": false,
                "description": "Bearer tokens: of a device or gateway to create and update, and to read what it sent \
                    itself; of a session (POST /v1/login) to read and search.",
            },
            "resource": resources,
            "interaction": [{"code": "transaction"}, {"code": "batch"}],
        }],
    })
}

fn resource(kind: ResourceKind) -> Value {
    let codes = ["create", "read", "vread", "update", "history-instance", "search-type"];
    let interaction: Vec<Value> = codes.iter().map(|code| json!({ "code": code })).collect();
    // A chain is no parameter of its own.
    let listed = params(kind).iter().filter(|p| p.kind != ParamKind::PatientIdentifier);
    let search: Vec<Value> = listed.map(|p| json!({"name": p.name, "type": search_type(p)})).collect();
    let mut statement = json!({
        "type": kind.as_str(),
        "profile": format!("http://hl7.org/fhir/StructureDefinition/{kind}"),
        "documentation": documentation(kind),
        "interaction": interaction,
        "versioning": "versioned-update",
        "readHistory": true,
        "updateCreate": false,
        "conditionalCreate": true,
        "conditionalRead": "not-match",
        "conditionalUpdate": false,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal", "logical"],
        "searchParam": search,
    });
    if kind == ResourceKind::Observation
        && let Some(members) = statement.as_object_mut()
    {
        members.insert("searchInclude".to_owned(), json!(["Observation:subject", "Observation:patient"]));
        let definition = "http://hl7.org/fhir/OperationDefinition/Observation-lastn";
        members.insert("operation".to_owned(), json!([{"name": "lastn", "definition": definition}]));
    }
    statement
}

const fn documentation(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Observation => {
            "Of a patient who is on a ward, or of a device. Served are those that came by FHIR. An update changes the \
             value or the status, never whose, what, when or by which device; entered-in-error takes the value out."
        }
        ResourceKind::Patient => {
            "Kept and linked to the patient whose identifier it has; admission is an act of ADT or of the command line. \
             Patients of the wards are served too, made of the census."
        }
        ResourceKind::Device => "Kept; assignments to patients are made by ADT, by messages or on the command line.",
        ResourceKind::Encounter => "Kept; who lies where is said by ADT or on the command line.",
    }
}

const fn search_type(param: &Param) -> &'static str {
    match param.kind {
        ParamKind::Token | ParamKind::Id | ParamKind::PatientIdentifier => "token",
        ParamKind::Text => "string",
        ParamKind::Date | ParamKind::Updated => "date",
        ParamKind::Patient | ParamKind::Reference => "reference",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_is_as_agreed() {
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&capability_statement("http://localhost/fhir", "0.0.0", "demo")).unwrap()
        );
    }
}
