//! `/fhir`: the FHIR R4 API.
//!
//! Devices and gateways create and update, people read and search. A resource and what its values cause are durable in
//! one transaction before it is answered. Every error is an OperationOutcome.

mod asked;
mod budget;
mod bundle;
mod links;
mod names;
mod out;
mod read;
mod reply;
mod search;
mod write;

use self::{
    asked::{Caller, Prefer, check_accept, check_content_type, text},
    reply::Reply,
};
use super::observations::{body_within, check_rate};
use crate::{
    backend::{app::App, entries::Interaction},
    fhir::{
        Issue, IssueCode, ResourceKind,
        capability::capability_statement,
        search::{escaped, pairs},
    },
    ingest::Way,
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::Response,
};
use std::sync::Arc;

/// Most entries of a Bundle.
pub(super) const ENTRIES_MAX: usize = 1_000;
/// Entries of a batch that are in hand at once.
pub(super) const BATCH_AT_ONCE: usize = 64;
/// Where the API is.
const ROOT: &str = "/fhir";

/// What a request, or an entry of a Bundle, asks for.
#[derive(Clone)]
struct Asked {
    method: Method,
    /// The parts of the path behind the base address.
    path: Vec<String>,
    query: Vec<(String, String)>,
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_none_exist: Option<String>,
    prefer: Prefer,
    /// The base address.
    base: String,
    body: Vec<u8>,
}

impl Asked {
    fn parts(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// Whether it says of which patients it wants to know, not of everybody. What is not understood says nothing.
    fn names_patients(&self, kind: ResourceKind) -> bool {
        let query: Vec<(String, String)> = self.query.iter().filter(|(name, _)| name != "max").cloned().collect();
        crate::fhir::search::parse(kind, &query, false).is_ok_and(|search| search.names_patients())
    }
}

/// Any request below the base address.
pub(super) async fn any(
    State(app): State<Arc<App>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let base = base_of(&app, &headers);
    let reply = match answer(&app, method, &uri, &headers, body, &base).await {
        Ok(reply) | Err(reply) => reply,
    };
    reply.into_response(&base)
}

/// The base address: as it is configured, else as the request was sent.
fn base_of(app: &App, headers: &HeaderMap) -> String {
    if let Some(url) = &app.config.notify.public_url {
        return format!("{}{ROOT}", url.trim_end_matches('/'));
    }
    let good = |host: &&str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    let host = text(headers, "host").filter(good).unwrap_or("localhost");
    format!("http://{host}{ROOT}")
}

async fn answer(
    app: &Arc<App>,
    method: Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
    base: &str,
) -> Result<Reply, Reply> {
    let mut query = pairs(uri.query().unwrap_or_default()).map_err(bad_query)?;
    check_accept(headers, &query)?;
    let path = uri.path().strip_prefix(ROOT).unwrap_or_default();
    let path: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    if path == ["metadata"] && method == Method::GET {
        return Ok(metadata(app, base));
    }
    let caller = Caller::of(app, headers)?;
    if let Caller::Device(device) = &caller {
        check_rate(app, device)?;
    }
    let is_search = path.last().is_some_and(|part| part == "_search" || part.starts_with('$'));
    let body = if matches!(method, Method::POST | Method::PUT) {
        received(app, headers, body, is_search).await?
    } else {
        Vec::new()
    };
    if is_search && method == Method::POST {
        let form = std::str::from_utf8(&body).unwrap_or_default();
        query.extend(pairs(form.trim()).map_err(bad_query)?);
    }
    let own = |name: &str| text(headers, name).map(str::to_owned);
    let asked = Asked {
        method,
        path,
        query,
        if_match: own(header::IF_MATCH.as_str()),
        if_none_match: own(header::IF_NONE_MATCH.as_str()),
        if_none_exist: own("if-none-exist"),
        prefer: Prefer::of(headers),
        base: base.to_owned(),
        body,
    };
    if asked.path.is_empty() && asked.method == Method::POST {
        return bundle::post(app, &caller, asked).await;
    }
    Ok(one(app, &caller, &asked).await)
}

fn bad_query(issue: Issue) -> Reply {
    Reply::outcome(StatusCode::BAD_REQUEST, vec![issue])
}

fn metadata(app: &App, base: &str) -> Reply {
    let statement = capability_statement(base, env!("CARGO_PKG_VERSION"), &app.hub.mode().to_string());
    serde_json::to_vec(&statement).map_or_else(|_| Reply::failed(), |body| Reply::json(StatusCode::OK, body))
}

/// The body, within its bounds.
async fn received(app: &App, headers: &HeaderMap, body: Body, is_search: bool) -> Result<Vec<u8>, Reply> {
    let is_form = text(headers, "content-type").is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"));
    if is_search && is_form {
        return Ok(body_within(app, body).await?.to_vec());
    }
    check_content_type(headers)?;
    let body = body_within(app, body).await?;
    let plain = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&body);
    if is_search && !plain.is_empty() {
        let detail = "parameters are taken from the address or a form, not from a body of JSON";
        return Err(Reply::error(StatusCode::BAD_REQUEST, IssueCode::NotSupported, "http.body", detail));
    }
    Ok(plain.to_vec())
}

/// Keeps a body that cannot be used.
async fn keep(app: &App, caller: &Caller, body: &[u8], issues: &[Issue]) {
    let Caller::Device(device) = caller else { return };
    let why = issues.first().map(|i| format!("{}: {}", i.expression.join(""), i.diagnostics)).unwrap_or_default();
    app.keep_unusable(device, body, Way::Fhir, why).await;
}

/// Keeps what was refused as a dead letter, with its reason.
async fn keep_refused(app: &App, caller: &Caller, asked: &Asked, refused: Reply) -> Reply {
    let outcome: Option<serde_json::Value> = refused.body.as_deref().and_then(|body| serde_json::from_slice(body).ok());
    let text = |path: &str| outcome.as_ref().and_then(|o| o.pointer(path)?.as_str()).unwrap_or_default();
    let place = text("/issue/0/expression/0");
    keep(app, caller, &asked.body, &[Issue::error(IssueCode::Structure, place, text("/issue/0/diagnostics"))]).await;
    refused
}

/// One interaction.
async fn one(app: &Arc<App>, caller: &Caller, asked: &Asked) -> Reply {
    match interaction(app, caller, asked).await {
        Ok(reply) | Err(reply) => reply,
    }
}

async fn interaction(app: &Arc<App>, caller: &Caller, asked: &Asked) -> Result<Reply, Reply> {
    let parts = asked.parts();
    let Some((first, rest)) = parts.split_first() else {
        return Err(not_supported("only a Bundle is sent to the base address, by POST"));
    };
    let Ok(kind) = first.parse::<ResourceKind>() else {
        let seen: String = crate::domain::text::clean(first).chars().take(60).collect();
        let detail = if seen == "Bundle" {
            "a batch or transaction is sent to the base address".to_owned()
        } else {
            format!("{seen:?} is not kept here: Observation, Patient, Device and Encounter are")
        };
        return Err(Reply::error(StatusCode::NOT_FOUND, IssueCode::NotSupported, "http.url", detail));
    };
    let id = rest.first().copied().unwrap_or_default();
    let names_patients = asked.names_patients(kind);
    let Some(interaction) = Interaction::of(asked.method.as_str(), &parts, names_patients) else {
        return Err(not_supported("this interaction is not done here: see the CapabilityStatement at /fhir/metadata"));
    };
    match interaction {
        Interaction::Create => write::create(app, caller, kind, asked).await,
        Interaction::Update => write::update(app, caller, kind, id, asked).await,
        Interaction::Search | Interaction::LastN | Interaction::Export if id == "$lastn" => {
            search::lastn(app, caller, interaction, asked).await
        }
        Interaction::Search | Interaction::LastN | Interaction::Export => {
            search::search(app, caller, interaction, kind, asked).await
        }
        Interaction::Read => read::read(app, caller, kind, id, asked).await,
        Interaction::History => read::history(app, caller, kind, id, asked).await,
        Interaction::VersionRead => {
            read::version(app, caller, kind, id, rest.get(2).copied().unwrap_or_default()).await
        }
        Interaction::Metadata | Interaction::Bundle => {
            Err(not_supported("this interaction is not done here: see the CapabilityStatement at /fhir/metadata"))
        }
    }
}

fn not_supported(detail: &str) -> Reply {
    Reply::error(StatusCode::METHOD_NOT_ALLOWED, IssueCode::NotSupported, "http.method", detail)
}

/// An address with its parameters.
fn address(base: &str, path: &str, params: &[(String, String)]) -> String {
    let pairs: Vec<String> =
        params.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    if pairs.is_empty() { format!("{base}/{path}") } else { format!("{base}/{path}?{}", pairs.join("&")) }
}

/// Does what waits for the store on a thread of its own.
async fn beside<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App) -> Result<T, Reply> + Send + 'static,
) -> Result<T, Reply> {
    let app = Arc::clone(app);
    tokio::task::spawn_blocking(move || work(&app)).await.unwrap_or_else(|_| Err(Reply::failed()))
}
