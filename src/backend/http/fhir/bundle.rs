//! `POST /fhir`: a batch, whose entries stand for themselves, or a transaction, of which all is done or nothing.

use super::{
    Asked, BATCH_AT_ONCE, ENTRIES_MAX,
    asked::{Caller, Prefer, Return},
    beside,
    budget::Budget,
    keep, keep_refused,
    links::Links,
    names,
    out::{OutBundle, OutEntry, OutResponse, raw},
    reply::Reply,
    write::{self, Locals, Ready},
};
use crate::{
    backend::app::App,
    domain::DeviceId,
    fhir::{
        Issue, IssueCode, OperationOutcome, RESOURCE_MAX_BYTES, ResourceKind, check,
        edit::relinked,
        index::index,
        json::{self, Node},
        moment::instant,
        search::{pairs, parse_if_none_exist},
        unknown_modifier_of_bundle,
    },
    ingest::fhir::decode_node,
};
use axum::http::{Method, StatusCode};
use futures_util::StreamExt as _;
use std::{collections::BTreeMap, sync::Arc};

/// An entry as it was sent.
#[derive(Clone)]
struct Entry {
    full_url: Option<String>,
    method: Method,
    url: String,
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_none_exist: Option<String>,
    body: Vec<u8>,
}

pub(super) async fn post(app: &Arc<App>, caller: &Caller, asked: Asked) -> Result<Reply, Reply> {
    let (is_batch, entries) = match read(&asked.body) {
        Ok(read) => read,
        Err((status, issues)) => {
            keep(app, caller, &asked.body, &issues).await;
            return Err(Reply::outcome(status, issues));
        }
    };
    if is_batch { batch(app, caller, &asked, entries).await } else { transaction(app, caller, &asked, entries).await }
}

type Wrong = (StatusCode, Vec<Issue>);

fn wrong<T>(status: StatusCode, code: IssueCode, place: &str, detail: impl Into<String>) -> Result<T, Wrong> {
    Err((status, vec![Issue::error(code, place, detail)]))
}

/// Whether it is a batch, and its entries.
fn read(body: &[u8]) -> Result<(bool, Vec<Result<Entry, Issue>>), Wrong> {
    let bad = StatusCode::BAD_REQUEST;
    let root = json::read(body).map_err(|e| {
        let detail = format!("the body is not JSON: {e}");
        (bad, vec![Issue::error(IssueCode::Structure, e.expression, detail)])
    })?;
    let kind = check(&root).map_err(|issues| (bad, issues))?;
    if kind != "Bundle" {
        let detail = format!("a {kind} is sent to /fhir/{kind}; a Bundle is wanted here");
        return wrong(bad, IssueCode::NotSupported, &format!("{kind}.resourceType"), detail);
    }
    let is_batch = match root.text_of("type") {
        Some("batch") => true,
        Some("transaction") => false,
        other => {
            let detail =
                format!("a Bundle of type {} is not taken: batch and transaction are", other.unwrap_or_default());
            return wrong(bad, IssueCode::NotSupported, "Bundle.type", detail);
        }
    };
    if let Some(issue) = unknown_modifier_of_bundle(&root) {
        return Err((StatusCode::UNPROCESSABLE_ENTITY, vec![issue]));
    }
    let list = root.list("entry");
    if list.len() > ENTRIES_MAX {
        let detail = format!("more than {ENTRIES_MAX} entries: send them in several Bundles");
        return wrong(StatusCode::PAYLOAD_TOO_LARGE, IssueCode::TooLong, "Bundle.entry", detail);
    }
    Ok((is_batch, list.iter().enumerate().map(|(index, node)| entry(index, node, body)).collect()))
}

fn entry(index: usize, node: &Node<'_>, body: &[u8]) -> Result<Entry, Issue> {
    let Some(request) = node.get("request") else {
        let detail = "an entry of a batch or transaction needs a request";
        return Err(Issue::error(IssueCode::Required, format!("Bundle.entry[{index}].request"), detail));
    };
    let own = |name: &str| request.text_of(name).map(str::to_owned);
    let method = own("method").and_then(|m| m.parse().ok()).unwrap_or(Method::GET);
    let resource = node.get("resource").and_then(|r| body.get(r.from..r.to)).unwrap_or_default();
    if resource.is_empty() && matches!(method, Method::POST | Method::PUT) {
        let detail = "POST and PUT need a resource";
        return Err(Issue::error(IssueCode::Required, format!("Bundle.entry[{index}].resource"), detail));
    }
    Ok(Entry {
        full_url: node.text_of("fullUrl").map(str::to_owned),
        method,
        url: own("url").unwrap_or_default(),
        if_match: own("ifMatch"),
        if_none_match: own("ifNoneMatch"),
        if_none_exist: own("ifNoneExist"),
        body: resource.to_vec(),
    })
}

impl Entry {
    /// As a request of its own.
    fn asked(&self, base: &str, prefer: &Prefer) -> Result<Asked, Issue> {
        let below = self.url.strip_prefix(base).unwrap_or(&self.url).trim_start_matches('/');
        let (path, query) = below.split_once('?').unwrap_or((below, ""));
        Ok(Asked {
            method: self.method.clone(),
            path: path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            query: pairs(query)?,
            if_match: self.if_match.clone(),
            if_none_match: self.if_none_match.clone(),
            if_none_exist: self.if_none_exist.clone(),
            prefer: prefer.clone(),
            base: base.to_owned(),
            body: self.body.clone(),
        })
    }
}

impl Entry {
    /// The resource of an entry of a batch, with its references put in order.
    fn alone(&self, links: &Links) -> Vec<u8> {
        // What is no JSON is told where it is decoded.
        let Ok(root) = json::read(&self.body) else { return self.body.clone() };
        let resolve = |reference: &str| {
            Ok::<_, std::convert::Infallible>(links.resolve_alone(self.full_url.as_deref(), reference))
        };
        relinked(&self.body, &root, &resolve).unwrap_or_else(|never| match never {})
    }
}

async fn batch(
    app: &Arc<App>,
    caller: &Caller,
    asked: &Asked,
    entries: Vec<Result<Entry, Issue>>,
) -> Result<Reply, Reply> {
    let budget = Budget::new();
    let links = Links::new(asked.base.clone());
    let done = futures_util::stream::iter(entries).map(|entry| async {
        let wanted = entry.and_then(|entry| {
            let wanted = entry.asked(&asked.base, &asked.prefer)?;
            Ok(Asked { body: entry.alone(&links), ..wanted })
        });
        match wanted {
            Ok(wanted) => budget.entry(app, caller, wanted).await,
            Err(issue) => Reply::outcome(StatusCode::BAD_REQUEST, vec![issue]),
        }
    });
    // In order, and many at once: each waits for the disk.
    let replies: Vec<Reply> = done.buffered(BATCH_AT_ONCE).collect().await;
    let mut bundle = OutBundle::new("batch-response");
    bundle.entry = replies.into_iter().map(|reply| answered(&asked.base, reply)).collect();
    Ok(bundle.into_reply())
}

fn answered(base: &str, reply: Reply) -> OutEntry {
    let reason = reply.status.canonical_reason().unwrap_or_default();
    let etag = reply.etag();
    let warned = (!reply.warnings.is_empty()).then(|| OperationOutcome::new(reply.warnings).to_json());
    let (resource, outcome) = if reply.is_outcome {
        (None, reply.body.and_then(raw))
    } else {
        (reply.body.and_then(raw), warned.and_then(raw))
    };
    OutEntry {
        resource,
        response: Some(OutResponse {
            status: format!("{} {reason}", reply.status.as_u16()),
            location: reply.location.map(|location| format!("{base}/{location}")),
            etag,
            last_modified: reply.updated.map(instant),
            outcome,
        }),
        ..OutEntry::default()
    }
}

/// What an entry of a transaction is.
enum Part {
    /// It makes a resource, under this id.
    Create(ResourceKind, String),
    /// It changes one.
    Update(ResourceKind, String),
}

async fn transaction(
    app: &Arc<App>,
    caller: &Caller,
    asked: &Asked,
    entries: Vec<Result<Entry, Issue>>,
) -> Result<Reply, Reply> {
    let sender = caller.sender(app).await?.clone();
    match transaction_ready(app, &sender, asked, entries).await {
        Ok(ready) => finish(app, &sender, asked, ready).await,
        Err(refused) if refused.is_dead() => Err(keep_refused(app, caller, asked, refused).await),
        Err(refused) => Err(refused),
    }
}

async fn transaction_ready(
    app: &Arc<App>,
    sender: &DeviceId,
    asked: &Asked,
    entries: Vec<Result<Entry, Issue>>,
) -> Result<Vec<Ready>, Reply> {
    let mut wanted = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        let entry = entry.map_err(|issue| Reply::outcome(StatusCode::BAD_REQUEST, vec![issue]))?;
        let place = format!("Bundle.entry[{index}].request");
        let part = part(app, &entry, &asked.base, &place)?;
        wanted.push((entry, part));
    }
    let existing = {
        let conditional = |(index, (entry, part)): (usize, &(Entry, Part))| match part {
            Part::Create(kind, _) => {
                Some((index, *kind, entry.if_none_exist.clone()?, is_measured(*kind, &entry.body)))
            }
            Part::Update(..) => None,
        };
        let conditional = wanted.iter().enumerate().filter_map(conditional).collect();
        let sender = sender.clone();
        beside(app, move |app| existing(app, &sender, conditional)).await?
    };
    let links = links(&asked.base, &wanted, &existing)?;
    let mut locals = Locals::new();
    let mut decoded = Vec::with_capacity(wanted.len());
    for (index, (entry, part)) in wanted.into_iter().enumerate() {
        let place = format!("Bundle.entry[{index}].resource");
        let body = relink(&entry, &links, &place)?;
        let (Part::Create(kind, id) | Part::Update(kind, id)) = &part;
        let resource = parsed(app, *kind, &body, &place)?;
        // Of a resource that was there before, what is kept counts, and not what is sent now.
        if matches!(part, Part::Create(..)) && !existing.contains_key(&index) {
            locals.insert((*kind, id.clone()), identifier(&resource));
        }
        decoded.push((entry, part, resource, body, place));
    }
    let mut ready = Vec::with_capacity(decoded.len());
    for (index, (entry, part, resource, body, place)) in decoded.into_iter().enumerate() {
        let within = |reply: Reply| placed(reply, &place);
        match part {
            Part::Create(_, id) => {
                let locals = locals.clone();
                let mut one =
                    beside(app, move |app| write::ready(app, resource, body, id, &locals)).await.map_err(within)?;
                let condition = entry.if_none_exist.as_deref().map(parse_if_none_exist).transpose();
                one.write.if_none_exist =
                    condition.map_err(|issue| Reply::outcome(StatusCode::BAD_REQUEST, vec![issue]))?;
                one.write.expected = Some(existing.get(&index).cloned());
                ready.push(one);
            }
            Part::Update(kind, id) => {
                let mut own = entry
                    .asked(&asked.base, &asked.prefer)
                    .map_err(|issue| Reply::outcome(StatusCode::BAD_REQUEST, vec![issue]))?;
                own.body = body;
                ready.push(write::update_ready(app, sender, (kind, &id), &own, locals.clone()).await.map_err(within)?);
            }
        }
    }
    Ok(ready)
}

/// Only creating and updating is done in a transaction; ids that it makes are made here.
fn part(app: &App, entry: &Entry, base: &str, place: &str) -> Result<Part, Reply> {
    let below = entry.url.strip_prefix(base).unwrap_or(&entry.url).trim_start_matches('/');
    let parts: Vec<&str> = below.split('/').collect();
    match (entry.method.as_str(), parts.as_slice()) {
        ("POST", [kind]) if kind.parse::<ResourceKind>().is_ok() => {
            let id = write::new_id(app).map_err(|_| Reply::failed())?;
            let kind = kind.parse().map_err(|_| Reply::failed())?;
            Ok(Part::Create(kind, id))
        }
        ("PUT", [kind, id]) if kind.parse::<ResourceKind>().is_ok() => {
            Ok(Part::Update(kind.parse().map_err(|_| Reply::failed())?, (*id).to_owned()))
        }
        (method, _) => {
            let url: String = crate::domain::text::clean(&entry.url).chars().take(80).collect();
            let detail = format!(
                "{method} {url:?} is not done in a transaction here: POST and PUT of Observation, Patient, Device and \
                 Encounter are; reading goes in a batch"
            );
            let place = format!("{place}.url");
            Err(Reply::error(StatusCode::BAD_REQUEST, IssueCode::NotSupported, &place, detail))
        }
    }
}

/// The resources of this sender that conditional creates will find, by the places of the entries.
fn existing(
    app: &App,
    sender: &DeviceId,
    conditional: Vec<(usize, ResourceKind, String, bool)>,
) -> Result<BTreeMap<usize, String>, Reply> {
    let mut existing = BTreeMap::new();
    for (index, kind, text, measured) in conditional {
        let token = parse_if_none_exist(&text).map_err(|issue| Reply::outcome(StatusCode::BAD_REQUEST, vec![issue]))?;
        if let Some(found) = names::with_identifier(app, kind, (token, measured), sender)? {
            existing.insert(index, found);
        }
    }
    Ok(existing)
}

/// Whether a resource says of itself that something was measured.
fn is_measured(kind: ResourceKind, body: &[u8]) -> bool {
    json::read(body).is_ok_and(|root| index(kind, &root).is_measured())
}

/// What the entries are called here.
fn links(base: &str, wanted: &[(Entry, Part)], existing: &BTreeMap<usize, String>) -> Result<Links, Reply> {
    let mut links = Links::new(base.to_owned());
    for (index, (entry, part)) in wanted.iter().enumerate() {
        let (Part::Create(kind, id) | Part::Update(kind, id)) = part;
        let id = existing.get(&index).unwrap_or(id);
        let Some(url) = entry.full_url.clone() else { continue };
        if !links.insert(url, format!("{kind}/{id}")) {
            let detail = "two entries have the same fullUrl: which one do references mean?";
            let place = format!("Bundle.entry[{index}].fullUrl");
            return Err(Reply::error(StatusCode::BAD_REQUEST, IssueCode::Invariant, &place, detail));
        }
    }
    Ok(links)
}

/// The resource of an entry, with its references to other entries put in order.
fn relink(entry: &Entry, links: &Links, place: &str) -> Result<Vec<u8>, Reply> {
    // What is no JSON is told where it is decoded.
    let Ok(root) = json::read(&entry.body) else { return Ok(entry.body.clone()) };
    relinked(&entry.body, &root, &|reference| links.resolve(entry.full_url.as_deref(), reference))
        .map_err(|detail| Reply::error(StatusCode::BAD_REQUEST, IssueCode::Value, place, detail))
}

fn parsed(app: &App, kind: ResourceKind, body: &[u8], place: &str) -> Result<crate::ingest::fhir::Resource, Reply> {
    if body.len() > RESOURCE_MAX_BYTES {
        let detail = format!("the resource is longer than {RESOURCE_MAX_BYTES} bytes");
        return Err(Reply::error(StatusCode::PAYLOAD_TOO_LARGE, IssueCode::TooLong, place, detail));
    }
    let refused = |error: crate::ingest::fhir::FhirError| {
        let status = write::status_of(&error);
        Reply::outcome(status, error.issues().into_iter().map(|issue| issue.within(place)).collect())
    };
    let root = json::read(body).map_err(|e| refused(crate::ingest::fhir::FhirError::NotJson(e)))?;
    let resource = decode_node(&root, write::rules(app)).map_err(refused)?;
    if resource.kind == kind {
        return Ok(resource);
    }
    let detail = format!("a {} stands where the request says {kind}", resource.kind);
    Err(Reply::error(StatusCode::BAD_REQUEST, IssueCode::Structure, place, detail))
}

/// The identifier by which a Patient or a Device of the transaction is one of ours; of an Encounter the id of its patient.
fn identifier(resource: &crate::ingest::fhir::Resource) -> Option<String> {
    match resource.kind {
        ResourceKind::Patient => resource.link.clone(),
        ResourceKind::Encounter => resource.of_patient.clone(),
        _ => {
            let mut values = resource.index.tokens.iter().filter(|t| t.param == "identifier");
            let first = values.next()?;
            values.next().is_none().then(|| first.code.clone())
        }
    }
}

/// The same answer, about an entry.
fn placed(reply: Reply, place: &str) -> Reply {
    let Some(outcome) = reply.body.as_deref().filter(|_| reply.is_outcome) else { return reply };
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(outcome) else { return reply };
    let issues = value.get_mut("issue").and_then(serde_json::Value::as_array_mut);
    for issue in issues.into_iter().flatten() {
        if let Some(expression) = issue.get_mut("expression").and_then(|e| e.get_mut(0)) {
            let text = expression.as_str().unwrap_or_default();
            let rest = text.find(['.', '[']).and_then(|i| text.get(i..)).unwrap_or_default();
            if !text.starts_with("http") {
                *expression = format!("{place}{rest}").into();
            }
        }
    }
    Reply { body: serde_json::to_vec(&value).ok(), ..reply }
}

async fn finish(app: &Arc<App>, sender: &DeviceId, asked: &Asked, ready: Vec<Ready>) -> Result<Reply, Reply> {
    let told: Vec<_> = ready.iter().map(|r| (r.write.kind, r.write.body.clone(), r.notes.clone())).collect();
    let writes = ready.into_iter().map(|r| r.write).collect();
    let report = match write::store(app, sender, writes).await? {
        Ok(report) => report,
        Err(refusal) => {
            let place = format!("Bundle.entry[{}].resource", refusal.index);
            return Err(Reply::refused(&refusal, Some(&place)));
        }
    };
    let mut bundle = OutBundle::new("transaction-response");
    for (kept, (kind, body, notes)) in report.kept.iter().zip(told) {
        // What was there before may be another resource than the one that was sent.
        let returns = if kept.existed { Return::Minimal } else { asked.prefer.returns };
        let reply = write::kept_reply(kind, kept, &body, (returns, notes));
        bundle.entry.push(answered(&asked.base, reply));
    }
    Ok(bundle.into_reply())
}
