//! Creating and updating resources.

use super::{
    Asked,
    asked::{Caller, Return, version_of},
    beside, keep_refused, names,
    reply::Reply,
};
use crate::{
    backend::{
        app::App,
        pipeline::{
            Job, Observed, RefusalKind, ResourceKept, ResourceRefusal, ResourceReport, ResourceWrite, ResourceWrites,
        },
    },
    domain::{DeviceId, Millis, PatientId, Timestamp, VitalCode},
    fhir::{
        Issue, IssueCode, Moment, RESOURCE_MAX_BYTES, ResourceKind, Severity,
        edit::stamped,
        moment::Precision,
        search::{DateValue, Filter, Prefix, Sort, SortKey, parse_if_none_exist},
    },
    ingest::fhir::{FhirError, FhirRules, Resource, Said, Standing, Subject, VitalValue, decode},
    seam::EntropyError,
    store::{ResourceQuery, StoredResource},
};
use axum::http::StatusCode;
use std::{collections::BTreeMap, sync::Arc};

/// Most Observations of a patient at one time among which others with the same value are looked for.
const TWINS_MAX: usize = 1_000;

/// A resource that is ready to be kept, and what its sender is told besides.
pub(super) struct Ready {
    pub(super) write: ResourceWrite,
    pub(super) notes: Vec<Issue>,
}

/// What an entry of a transaction may point at: ids of the same transaction, with the identifiers of Patients and Devices, and
/// the ids of the patients of Encounters.
pub(super) type Locals = BTreeMap<(ResourceKind, String), Option<String>>;

/// The oldest time at which a value is kept.
pub(super) fn oldest(app: &App) -> Timestamp {
    let retention = app.config.retention.retention();
    let longest = retention.by_vital.values().copied().max().unwrap_or(retention.samples).max(retention.samples);
    app.clock.wall() - longest
}

/// What decoding has to know of what comes now.
pub(super) fn rules(app: &App) -> FhirRules<'_> {
    FhirRules { came: Some(app.clock.wall()), ..rules_of_kept(app) }
}

/// What decoding has to know of what is kept already.
fn rules_of_kept(app: &App) -> FhirRules<'_> {
    let patient_systems = &app.config.fhir.patient_systems;
    FhirRules { codes: &app.fhir_codes, oldest: oldest(app), patient_systems, came: None }
}

/// A new id: a random UUID.
pub(super) fn new_id(app: &App) -> Result<String, EntropyError> {
    let mut bytes = [0_u8; 16];
    app.entropy.fill(&mut bytes)?;
    let mut n = u128::from_be_bytes(bytes);
    n = n & !(0xf_u128 << 76) | (0x4_u128 << 76);
    n = n & !(0x3_u128 << 62) | (0x2_u128 << 62);
    let hex = format!("{n:032x}");
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    Ok(format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)))
}

/// What is wrong with a resource, as an answer.
pub(super) fn status_of(error: &FhirError) -> StatusCode {
    match error {
        FhirError::NotJson(_) | FhirError::NotFhir(_) => StatusCode::BAD_REQUEST,
        FhirError::Unusable(_) => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// Decodes a resource of the type that the address names.
pub(super) fn decoded(app: &App, kind: ResourceKind, body: &[u8]) -> Result<Resource, Reply> {
    if body.len() > RESOURCE_MAX_BYTES {
        let detail = format!("the resource is longer than {RESOURCE_MAX_BYTES} bytes");
        return Err(Reply::error(StatusCode::PAYLOAD_TOO_LARGE, IssueCode::TooLong, "Resource", detail));
    }
    let resource = decode(body, rules(app)).map_err(|error| Reply::outcome(status_of(&error), error.issues()))?;
    if resource.kind == kind {
        return Ok(resource);
    }
    let detail = format!("a {} was sent to the address of {kind}", resource.kind);
    let place = format!("{}.resourceType", resource.kind);
    Err(Reply::error(StatusCode::BAD_REQUEST, IssueCode::Structure, &place, detail))
}

/// Makes a resource ready: its names become those of the census. Asks the store where the wards do not know a name.
pub(super) fn ready(app: &App, resource: Resource, body: Vec<u8>, id: String, locals: &Locals) -> Result<Ready, Reply> {
    let Resource { kind, index, said, link, of_patient, .. } = resource;
    let patient = match (&link, of_patient) {
        (Some(link), _) => link.parse().ok(),
        (None, Some(id)) => local_patient(locals, &id).map_or_else(|| names::patient(app, &id), Ok)?,
        (None, None) => None,
    };
    let (observed, group, notes) = match said {
        Some(said) => {
            let encounter_of = said.encounter.as_deref().map(|id| encounter_of(app, id, locals)).transpose()?.flatten();
            let observed = Observed { encounter_of, ..observed(app, &said, locals)? };
            (Some(observed), said.group, said.notes)
        }
        None => (None, String::new(), Vec::new()),
    };
    let write = ResourceWrite {
        kind,
        id,
        former: None,
        if_none_exist: None,
        expected: None,
        index,
        link,
        patient,
        group,
        body,
        observed,
    };
    Ok(Ready { write, notes })
}

/// A Patient of the same transaction: the patient whom it is linked to, or nobody.
fn local_patient(locals: &Locals, id: &str) -> Option<Option<PatientId>> {
    let link = locals.get(&(ResourceKind::Patient, id.to_owned()))?;
    Some(link.as_ref().and_then(|link| link.parse().ok()))
}

/// The patient of an Encounter, of the same transaction or one that is kept.
fn encounter_of(app: &App, id: &str, locals: &Locals) -> Result<Option<PatientId>, Reply> {
    match locals.get(&(ResourceKind::Encounter, id.to_owned())) {
        Some(None) => Ok(None),
        Some(Some(of)) => local_patient(locals, of).map_or_else(|| Ok(names::patient(app, of)?), Ok),
        None => Ok(app.reader.resource(ResourceKind::Encounter, id, None)?.and_then(|stored| stored.patient)),
    }
}

fn observed(app: &App, said: &Said, locals: &Locals) -> Result<Observed, Reply> {
    const SUBJECT: &str = "Observation.subject";
    let refuse = |place: &str, detail: String| {
        Reply::error(StatusCode::UNPROCESSABLE_ENTITY, IssueCode::BusinessRule, place, detail)
    };
    let patient = match &said.subject {
        Subject::Unsaid | Subject::Device => None,
        Subject::Patient { id, identifier } => {
            let by_id = match id {
                Some(id) => {
                    let found = local_patient(locals, id).map_or_else(|| names::patient(app, id), Ok)?;
                    let nobody = || {
                        let detail = format!(
                            "Patient/{id} is linked to nobody on a ward: its identifier of type MR (else PI, PT, or its only \
                             one) has to be that of a patient here"
                        );
                        refuse(&format!("{SUBJECT}.reference"), detail)
                    };
                    Some(found.ok_or_else(nobody)?)
                }
                None => None,
            };
            let by_identifier: Option<PatientId> = match identifier {
                Some(value) => {
                    let place = format!("{SUBJECT}.identifier.value");
                    Some(value.parse().map_err(|e| refuse(&place, format!("no identifier of a patient here: {e}")))?)
                }
                None => None,
            };
            if let (Some(a), Some(b)) = (&by_id, &by_identifier)
                && a != b
            {
                return Err(refuse(SUBJECT, format!("reference and identifier name two patients: {a} and {b}")));
            }
            by_id.or(by_identifier)
        }
    };
    let device = match &said.device {
        Some(id) => {
            let place = "Observation.device";
            let own = locals.get(&(ResourceKind::Device, id.clone())).cloned().flatten();
            let known = own.and_then(|value| value.parse().ok()).filter(|d: &DeviceId| app.hub.knows_device(d));
            let found = match known {
                Some(known) => Some(known),
                None => names::device(app, id)?,
            };
            Some(found.ok_or_else(|| refuse(place, "it is no name of a device here".to_owned()))?)
        }
        None => None,
    };
    // An identifier may be a serial number, which is none of a device here; that of another device may not stand there.
    let beside = said.device_beside.as_ref().map(|id| names::device(app, id)).transpose()?.flatten();
    if let (Some(a), Some(b)) = (&device, beside.filter(|beside| app.hub.knows_device(beside)))
        && *a != b
    {
        let detail = format!("reference and identifier name two devices: {a} and {b}");
        return Err(refuse("Observation.device", detail));
    }
    Ok(Observed {
        patient,
        device,
        encounter_of: None,
        of_device: said.subject == Subject::Device,
        at: said.at,
        standing: said.standing,
        values: said.values.clone(),
        former: BTreeMap::new(),
        twins: Vec::new(),
        again: false,
    })
}

/// Gives resources to the pipeline and waits until they are durable.
pub(super) async fn store(
    app: &App,
    sender: &DeviceId,
    writes: Vec<ResourceWrite>,
) -> Result<Result<ResourceReport, ResourceRefusal>, Reply> {
    let wanted = ResourceWrites { sender: sender.clone(), oldest: oldest(app), writes };
    let result = app.pipeline.ask(|reply| Job::Resources { wanted, reply }).await?;
    match &result {
        Ok(report) => app.hub.metrics().intake(&report.intake),
        Err(_) => app.hub.metrics().refused("fhir_refused"),
    }
    Ok(result)
}

/// The answer about a resource that was kept.
pub(super) fn kept_reply(
    kind: ResourceKind,
    kept: &ResourceKept,
    body: &[u8],
    (returns, notes): (Return, Vec<Issue>),
) -> Reply {
    let status = if kept.existed || kept.version > 1 { StatusCode::OK } else { StatusCode::CREATED };
    let is_warning = |note: &&Issue| note.severity == Severity::Warning && !kept.existed;
    let warnings: Vec<Issue> = notes.iter().filter(is_warning).cloned().collect();
    for warning in &warnings {
        tracing::info!(%kind, id = kept.id, detail = warning.diagnostics, "a resource was kept with a warning");
    }
    let mut reply = match returns {
        Return::Minimal => Reply::empty(status),
        Return::Outcome => Reply::outcome(status, notes),
        Return::Representation => match stamped(body, &kept.id, kept.version, kept.updated) {
            Ok(shown) => Reply::json(status, shown),
            Err(_) => Reply::empty(status),
        },
    };
    reply.warnings = warnings;
    reply.version = Some(kept.version);
    reply.updated = Some(kept.updated);
    reply.location = Some(format!("{kind}/{}/_history/{}", kept.id, kept.version));
    reply
}

/// `POST [type]`
pub(super) async fn create(app: &Arc<App>, caller: &Caller, kind: ResourceKind, asked: &Asked) -> Result<Reply, Reply> {
    let sender = caller.sender(app).await?.clone();
    let made = create_ready(app, kind, asked).await;
    let Ready { write, notes } = match made {
        Ok(ready) => ready,
        Err(refused) if refused.is_dead() => return Err(keep_refused(app, caller, asked, refused).await),
        Err(refused) => return Err(refused),
    };
    let body = write.body.clone();
    let kept = match store(app, &sender, vec![write]).await? {
        Ok(report) => report.kept.into_iter().next().ok_or_else(Reply::failed)?,
        Err(refusal) => return Err(Reply::refused(&refusal, None)),
    };
    if kept.existed {
        return existing(app, kind, &kept, asked.prefer.returns).await;
    }
    Ok(kept_reply(kind, &kept, &body, (asked.prefer.returns, notes)))
}

async fn create_ready(app: &Arc<App>, kind: ResourceKind, asked: &Asked) -> Result<Ready, Reply> {
    let resource = decoded(app, kind, &asked.body)?;
    let condition = asked.if_none_exist.as_deref().map(parse_if_none_exist).transpose();
    let condition = condition.map_err(|issue| Reply::outcome(StatusCode::BAD_REQUEST, vec![issue]))?;
    let id = new_id(app).map_err(|_| Reply::failed())?;
    let body = asked.body.clone();
    let mut ready = beside_if_needed(app, resource, body, id).await?;
    ready.write.if_none_exist = condition;
    Ok(ready)
}

/// Most resources name a patient on a ward and no device of their own: then the store is not asked.
async fn beside_if_needed(app: &Arc<App>, resource: Resource, body: Vec<u8>, id: String) -> Result<Ready, Reply> {
    let known = resource.said.as_ref().is_none_or(|said| {
        let patient = match &said.subject {
            Subject::Patient { id: Some(id), .. } => names::on_a_ward(app, id).is_some(),
            _ => true,
        };
        let device = |id: &String| id.parse().is_ok_and(|device| app.hub.knows_device(&device));
        patient && said.device_beside.is_none() && said.encounter.is_none() && said.device.as_ref().is_none_or(device)
    });
    if known && resource.of_patient.is_none() {
        return ready(app, resource, body, id, &Locals::new());
    }
    beside(app, move |app| ready(app, resource, body, id, &Locals::new())).await
}

/// A resource that was there before.
async fn existing(app: &Arc<App>, kind: ResourceKind, kept: &ResourceKept, returns: Return) -> Result<Reply, Reply> {
    let (id, version) = (kept.id.clone(), kept.version);
    let stored = beside(app, move |app| Ok(app.reader.resource(kind, &id, Some(version))?)).await?;
    let body = stored.map(|stored| stored.body).unwrap_or_default();
    let note = Issue::information(kind.as_str(), "a resource with this identifier was there: nothing was made");
    Ok(kept_reply(kind, kept, &body, (returns, vec![note])))
}

/// `PUT [type]/[id]`
pub(super) async fn update(
    app: &Arc<App>,
    caller: &Caller,
    kind: ResourceKind,
    id: &str,
    asked: &Asked,
) -> Result<Reply, Reply> {
    let sender = caller.sender(app).await?.clone();
    let Ready { write, notes } = match update_ready(app, &sender, (kind, id), asked, Locals::new()).await {
        Ok(ready) => ready,
        Err(refused) if refused.is_dead() => return Err(keep_refused(app, caller, asked, refused).await),
        Err(refused) => return Err(refused),
    };
    let body = write.body.clone();
    match store(app, &sender, vec![write]).await? {
        Ok(report) => {
            let kept = report.kept.into_iter().next().ok_or_else(Reply::failed)?;
            Ok(kept_reply(kind, &kept, &body, (asked.prefer.returns, notes)))
        }
        Err(refusal) => {
            let mut reply = Reply::refused(&refusal, None);
            if refusal.kind == RefusalKind::Version && asked.if_match.is_some() {
                reply.status = StatusCode::PRECONDITION_FAILED;
            }
            Err(reply)
        }
    }
}

/// Makes an update ready: what it takes the place of is read and compared.
pub(super) async fn update_ready(
    app: &Arc<App>,
    sender: &DeviceId,
    (kind, id): (ResourceKind, &str),
    asked: &Asked,
    locals: Locals,
) -> Result<Ready, Reply> {
    let resource = decoded(app, kind, &asked.body)?;
    if resource.id.as_deref() != Some(id) {
        let detail = format!("the id of the resource has to be that of the address, {id:?}");
        return Err(Reply::error(StatusCode::BAD_REQUEST, IssueCode::Value, &format!("{kind}.id"), detail));
    }
    let (wanted, own) = (id.to_owned(), sender.clone());
    let if_match = asked.if_match.as_deref().map(|tag| version_of(tag, "If-Match")).transpose()?;
    let body = asked.body.clone();
    beside(app, move |app| {
        let stored = app.reader.resource(kind, &wanted, None)?.filter(|stored| stored.source == own);
        let Some(stored) = stored else {
            let detail = "there is no such resource of this sender; ids are made by the server: create it by POST";
            return Err(Reply::error(StatusCode::NOT_FOUND, IssueCode::NotFound, "http.url", detail));
        };
        if let Some(version) = if_match.filter(|version| *version != stored.version) {
            let detail = format!("the present version is {}, not {version}: read it and try again", stored.version);
            return Err(Reply::error(StatusCode::PRECONDITION_FAILED, IssueCode::Conflict, "http.If-Match", detail));
        }
        let former = former(app, &stored)?;
        let said = resource.said.clone();
        let mut ready = ready(app, resource, body, wanted, &locals)?;
        ready.write.former = Some(stored.version);
        same_person(&stored, &ready.write)?;
        if let (Some(said), Some(former), Some(observed)) = (said, former, &mut ready.write.observed) {
            compare(app, &said, former, observed)?;
            if observed.standing == Standing::WasWrong {
                observed.twins = twins(app, &stored, observed)?;
            }
        }
        Ok(ready)
    })
    .await
}

/// What the version that is there says for the ward.
fn former(app: &App, stored: &StoredResource) -> Result<Option<Said>, Reply> {
    let former =
        decode(&stored.body, rules_of_kept(app)).map_err(|error| Reply::outcome(status_of(&error), error.issues()))?;
    Ok(former.said)
}

/// What is of one person does not become another's: what names it would be that other's then.
fn same_person(stored: &StoredResource, write: &ResourceWrite) -> Result<(), Reply> {
    let (place, what) = match write.kind {
        ResourceKind::Patient => ("Patient.identifier", "the identifier by which it is a patient here"),
        ResourceKind::Device => ("Device.patient", "the patient"),
        ResourceKind::Encounter => ("Encounter.subject", "the patient"),
        // Whose an Observation is, is compared with all that it says.
        ResourceKind::Observation => return Ok(()),
    };
    let moved = stored.link.is_some() && stored.link != write.link
        || stored.patient.is_some() && stored.patient != write.patient;
    if !moved {
        return Ok(());
    }
    let detail = format!("{what} of a {} does not change: make a new one for another person", write.kind);
    Err(Reply::error(StatusCode::UNPROCESSABLE_ENTITY, IssueCode::BusinessRule, place, detail))
}

/// An update changes the value or the status. Whose, what, when and by which device is another Observation.
fn compare(app: &App, now: &Said, former: Said, observed: &mut Observed) -> Result<(), Reply> {
    let refuse = |place: &str, what: &str| {
        let detail =
            format!("{what} of an Observation does not change: mark it as entered-in-error and make a new one");
        Err(Reply::error(StatusCode::UNPROCESSABLE_ENTITY, IssueCode::BusinessRule, place, detail))
    };
    let before = self::observed(app, &former, &Locals::new())?;
    if before.patient != observed.patient || before.of_device != observed.of_device {
        return refuse("Observation.subject", "the subject");
    }
    if before.device != observed.device {
        return refuse("Observation.device", "the device");
    }
    if before.at != observed.at {
        return refuse("Observation.effective", "the time");
    }
    if former.standing == Standing::WasWrong && now.standing != Standing::WasWrong {
        return refuse("Observation.status", "the status entered-in-error");
    }
    if matches!(former.standing, Standing::Stands | Standing::Replaces) {
        observed.former = former.values.iter().map(|v| (v.vital, v.value)).collect();
    }
    if matches!(now.standing, Standing::WasWrong | Standing::IsNone) {
        // What was a value until now is none any more.
        observed.standing = Standing::WasWrong;
        observed.values = former.values;
        return Ok(());
    }
    observed.again = former.standing == Standing::IsNone;
    let vitals = |values: &[VitalValue]| {
        let mut vitals: Vec<_> = values.iter().map(|v| v.vital).collect();
        vitals.sort();
        vitals
    };
    if former.group != now.group || !former.values.is_empty() && vitals(&former.values) != vitals(&observed.values) {
        return refuse("Observation.code", "what was measured");
    }
    Ok(())
}

/// The other Observations of the same patient, device and time that stand for the same values, by the vital.
fn twins(app: &App, stored: &StoredResource, observed: &Observed) -> Result<Vec<(VitalCode, String)>, Reply> {
    let (Some(patient), Some(at)) = (&stored.patient, observed.at) else { return Ok(Vec::new()) };
    let next = at + Millis(1);
    let moment = |from, until| Moment { from, until, precision: Precision::Second };
    let dates = |prefix, moment| Filter::Dates(vec![DateValue { prefix, moment }]);
    // Periods that touch this time are found too: they count by their end.
    let (begun, not_over) = (dates(Prefix::Lt, moment(next, next)), dates(Prefix::Gt, moment(at, at)));
    let query = ResourceQuery {
        kind: ResourceKind::Observation,
        filters: vec![Filter::Patients(vec![patient.to_string()]), begun, not_over],
        source: None,
        sort: Sort { key: SortKey::Date, descending: true },
        limit: TWINS_MAX,
        page: None,
    };
    let rules = rules_of_kept(app);
    let device = |own: &Observed, source: &DeviceId| own.device.clone().unwrap_or_else(|| source.clone());
    let mut twins = Vec::new();
    for other in app.reader.search_resources(&query)?.found.into_iter().filter(|other| other.id != stored.id) {
        let Some(said) = decode(&other.body, rules).ok().and_then(|resource| resource.said) else { continue };
        if said.at != observed.at || !matches!(said.standing, Standing::Stands | Standing::Replaces) {
            continue;
        }
        let Ok(theirs) = self::observed(app, &said, &Locals::new()) else { continue };
        if device(&theirs, &other.source) == device(observed, &stored.source) {
            let same = |value: &&VitalValue| observed.former.get(&value.vital) == Some(&value.value);
            twins.extend(said.values.iter().filter(same).map(|value| (value.vital, other.id.clone())));
        }
    }
    Ok(twins)
}
