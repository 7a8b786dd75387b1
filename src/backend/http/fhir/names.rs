//! Which patient and device of the census a resource means, and the patients of the census as resources.

use crate::{
    backend::{app::App, pipeline::device_of},
    domain::{DeviceId, Patient, PatientId},
    fhir::{
        ResourceKind, id_of,
        index::index,
        json,
        search::{Filter, Sort, SortKey, TokenValue},
    },
    ingest::fhir::PATIENT_SYSTEM,
    store::{ResourceQuery, StoreError, StoredResource},
};
use serde_json::{Value, json};

/// Most patients that one identifier is looked up for.
pub(super) const LINKED_MAX: usize = 100;

/// The id of a patient's resource: the patient's own identifier, where FHIR allows it, else one made of it.
pub(super) fn resource_id(patient: &PatientId) -> String {
    id_of(patient.as_str())
}

/// The patient on a ward whose resource has this id.
pub(super) fn on_a_ward(app: &App, id: &str) -> Option<Patient> {
    let own: Option<PatientId> = id.parse().ok();
    let found = own.and_then(|own| app.hub.patient(&own));
    found.or_else(|| {
        let all = if id.starts_with("sha-") { app.hub.all_patients() } else { Vec::new() };
        all.into_iter().find(|patient| resource_id(&patient.id) == id)
    })
}

/// The patient that `Patient/ID` means: one on a ward, else the one that a stored resource is linked to. Asks the store if
/// nobody on a ward has that id.
pub(super) fn patient(app: &App, id: &str) -> Result<Option<PatientId>, StoreError> {
    if let Some(patient) = on_a_ward(app, id) {
        return Ok(Some(patient.id));
    }
    match app.reader.resource(ResourceKind::Patient, id, None)? {
        Some(stored) => Ok(stored.link.and_then(|link| link.parse().ok())),
        None => Ok(id.parse().ok()),
    }
}

/// The device that `Device/ID` means, as [`device_of`].
pub(super) fn device(app: &App, id: &str) -> Result<Option<DeviceId>, StoreError> {
    let named = |id: &str| app.hub.device_of(|device| id_of(device.as_str()) == id);
    device_of(app.reader.as_ref(), (|device: &DeviceId| app.hub.knows_device(device), named), id)
}

/// The patients that have one of these identifiers, by their own.
pub(super) fn with_identifiers(app: &App, any: &[TokenValue]) -> Result<Vec<String>, StoreError> {
    let mut found: Vec<String> = any
        .iter()
        .filter(|t| t.system.as_deref().is_none_or(|s| s == PATIENT_SYSTEM))
        .filter_map(|t| t.code.clone())
        .collect();
    let query = ResourceQuery {
        kind: ResourceKind::Patient,
        filters: vec![Filter::Tokens(&["identifier"], any.to_vec())],
        source: None,
        sort: Sort { key: SortKey::Updated, descending: true },
        limit: LINKED_MAX,
        page: None,
    };
    found.extend(app.reader.search_resources(&query)?.found.into_iter().filter_map(|stored| stored.link));
    Ok(found)
}

/// The resource of a type that this sender made with an identifier, if there is one. Of Observations one that is `measured`,
/// or one that says that nothing was measured, if there is one that does.
pub(super) fn with_identifier(
    app: &App,
    kind: ResourceKind,
    (token, measured): (TokenValue, bool),
    sender: &DeviceId,
) -> Result<Option<String>, StoreError> {
    let query = ResourceQuery {
        kind,
        filters: vec![Filter::Tokens(&["identifier"], vec![token])],
        source: Some(sender.clone()),
        sort: Sort { key: SortKey::Updated, descending: false },
        limit: LINKED_MAX,
        page: None,
    };
    let mut found = app.reader.search_resources(&query)?.found;
    if kind == ResourceKind::Observation {
        let is_measured =
            |stored: &StoredResource| json::read(&stored.body).is_ok_and(|root| index(kind, &root).is_measured());
        let alike = |stored: &StoredResource| is_measured(stored) == measured;
        if measured || found.iter().any(alike) {
            found.retain(alike);
        }
    }
    Ok(found.into_iter().next().map(|stored| stored.id))
}

/// A patient of the census as a resource.
pub(super) fn made(patient: &Patient) -> Value {
    let mr = json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]});
    let mut resource = json!({
        "resourceType": "Patient",
        "id": resource_id(&patient.id),
        "identifier": [{"type": mr, "system": PATIENT_SYSTEM, "value": patient.id.as_str()}],
        "active": true,
    });
    if let Some(members) = resource.as_object_mut() {
        if !patient.name.is_empty() {
            let mut name = json!({"text": patient.name.as_str()});
            if let (Some((family, given)), Some(parts)) = (patient.name.as_str().split_once(", "), name.as_object_mut())
            {
                parts.insert("family".to_owned(), json!(family));
                parts.insert("given".to_owned(), json!([given]));
            }
            members.insert("name".to_owned(), json!([name]));
        }
        if let Some(year) = patient.birth_year {
            members.insert("birthDate".to_owned(), json!(format!("{year:04}")));
        }
    }
    resource
}

/// Whether a patient of the census is one that is looked for. What the census does not know matches nothing.
pub(super) fn matches(patient: &Patient, filters: &[Filter]) -> bool {
    let id = resource_id(&patient.id);
    let name = patient.name.as_str().to_lowercase();
    filters.iter().all(|filter| match filter {
        Filter::Ids(ids) => ids.contains(&id),
        Filter::Tokens(params, any) if params.contains(&"identifier") => any.iter().any(|t| {
            t.system.as_deref().is_none_or(|s| s == PATIENT_SYSTEM)
                && t.code.as_deref().is_none_or(|code| code == patient.id.as_str())
        }),
        Filter::Texts(params, any) => any.iter().any(|begin| {
            let mut parts = name.splitn(2, ", ");
            let (family, given) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            (params.contains(&"family") && family.starts_with(begin))
                || (params.contains(&"given") && !given.is_empty() && given.starts_with(begin))
                || (params.contains(&"name") && name.starts_with(begin))
        }),
        _ => false,
    })
}
