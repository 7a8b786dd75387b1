//! FHIR R4 AuditEvent, in the shapes of IHE BALP as far as the trail knows what they want.

use super::{Entry, kind_of};
use serde_json::{Value, json};

const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";

fn dcm(code: &str, display: &str) -> Value {
    json!({ "system": DCM, "code": code, "display": display })
}

fn identifier(kind: &str, value: &str) -> Value {
    json!({ "identifier": { "system": format!("urn:wardwatch:{kind}"), "value": value } })
}

/// An entry as one line of JSON; `origin` names the trail.
#[must_use]
pub fn fhir(entry: &Entry, origin: &str) -> String {
    let kind = kind_of(&entry.act);
    let act = json!({ "system": "urn:wardwatch:act", "code": entry.act });
    let subtype: Vec<Value> = kind.of.map(|(code, display)| dcm(code, display)).into_iter().chain([act]).collect();
    let about_patient = entry.patient.is_some();
    let event_type = if about_patient && kind.event == super::PATIENT_RECORD {
        json!({ "system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest", "display": "RESTful Operation" })
    } else {
        dcm(kind.event.0, kind.event.1)
    };
    let mut event = json!({
        "resourceType": "AuditEvent",
        "id": format!("audit-{}", entry.index),
        "type": event_type,
        "subtype": subtype,
        "action": kind.action.to_string(),
        "outcome": if entry.refused { "4" } else { "0" },
        "agent": agents(entry, origin),
        "source": {
            "site": origin,
            "observer": identifier("trail", origin),
            "type": [{ "system": "http://terminology.hl7.org/CodeSystem/security-source-type", "code": "4", "display": "Application Server" }],
        },
        "entity": entities(entry),
    });
    if let Some(event) = event.as_object_mut() {
        // An entry that cannot be read has no time: then the field says so, as FHIR wants it.
        let absent = json!({ "extension": [{ "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown" }] });
        let known = entry.utc.parse::<crate::domain::Timestamp>().is_ok();
        let (key, value) = if known { ("recorded", json!(entry.utc)) } else { ("_recorded", absent) };
        event.insert(key.to_owned(), value);
        if let Some(code) = &entry.code {
            event.insert("outcomeDesc".to_owned(), json!(code));
        }
    }
    event.to_string()
}

fn agents(entry: &Entry, origin: &str) -> Vec<Value> {
    let user_role = json!([{ "coding": [{ "system": "urn:wardwatch:role", "code": entry.role.as_deref().unwrap_or(&entry.actor_kind) }] }]);
    let recipient = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP" }] });
    let user = json!({ "type": recipient, "role": user_role, "who": identifier(&entry.actor_kind, &entry.actor), "requestor": true });
    let mut all = vec![user];
    if let Some(session) = &entry.session {
        all.push(json!({
            "type": { "coding": [dcm("110152", "Destination Role ID")] },
            "who": identifier("session", session),
            "requestor": false,
            "network": { "address": format!("urn:wardwatch:session:{session}"), "type": "5" },
        }));
    }
    all.push(json!({
        "type": { "coding": [dcm("110153", "Source Role ID")] },
        "who": identifier("trail", origin),
        "requestor": false,
        "network": { "address": origin, "type": "5" },
    }));
    all
}

fn entities(entry: &Entry) -> Vec<Value> {
    let coded = |system: &str, code: &str| json!({ "system": system, "code": code });
    let patient = entry.patient.as_ref().map(|patient| {
        json!({
            "what": { "reference": format!("Patient/{patient}") },
            "type": coded(ENTITY_TYPE, "1"),
            "role": coded(OBJECT_ROLE, "1"),
        })
    });
    let objects = entry.objects.iter().map(|(kind, id)| {
        json!({ "what": identifier(kind, id), "type": coded(ENTITY_TYPE, "2"), "role": coded(OBJECT_ROLE, "4") })
    });
    let index = json!({ "what": identifier("audit-index", &entry.index.to_string()), "type": coded(ENTITY_TYPE, "4") });
    patient.into_iter().chain(objects).chain([index]).collect()
}
