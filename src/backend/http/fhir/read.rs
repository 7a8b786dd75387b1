//! Reading: a resource, a version of it, its history.

use super::{
    Asked,
    asked::{Caller, Sight, version_of},
    beside, names,
    out::{OutBundle, OutEntry, OutRequest, OutResponse, raw},
    reply::Reply,
};
use crate::{
    audit::Act,
    backend::{app::App, entries::Interaction},
    domain::PatientId,
    fhir::{ResourceKind, moment::instant},
    store::StoredResource,
};
use axum::http::StatusCode;
use std::sync::Arc;

/// Most versions of a history.
const HISTORY_MAX: usize = 100;

/// How a read of a type is written down.
pub(super) const fn act(kind: ResourceKind) -> Act {
    match kind {
        ResourceKind::Observation => Act::PatientHistory,
        ResourceKind::Patient | ResourceKind::Device | ResourceKind::Encounter => Act::PatientView,
    }
}

/// The patient about whom somebody learns something by a resource.
pub(super) fn patient_of(stored: &StoredResource) -> Option<PatientId> {
    stored.patient.clone().or_else(|| stored.link.as_ref()?.parse().ok())
}

pub(super) async fn read(
    app: &Arc<App>,
    caller: &Caller,
    kind: ResourceKind,
    id: &str,
    asked: &Asked,
) -> Result<Reply, Reply> {
    let sight = caller.reader(app, Interaction::Read).await?;
    let found = find(app, kind, id, None).await?;
    caller.kept_out(app, &sight, about(app, kind, id, found.as_ref())).await?;
    let Some(stored) = found.filter(|stored| sight.sees(stored)) else {
        return from_the_census(app, caller, kind, id, &sight).await;
    };
    caller.audit(app, act(kind), patient_of(&stored).into_iter()).await?;
    if let Some(tag) = &asked.if_none_match
        && version_of(tag, "If-None-Match").is_ok_and(|version| version == stored.version)
    {
        let (version, updated) = (Some(stored.version), Some(stored.updated));
        return Ok(Reply { version, updated, ..Reply::empty(StatusCode::NOT_MODIFIED) });
    }
    Ok(Reply::resource(&stored))
}

/// A patient on a ward of whom no resource was sent.
async fn from_the_census(
    app: &App,
    caller: &Caller,
    kind: ResourceKind,
    id: &str,
    sight: &Sight,
) -> Result<Reply, Reply> {
    let found = (kind == ResourceKind::Patient && sight.own.is_none()).then(|| names::on_a_ward(app, id)).flatten();
    let patient = found.filter(|patient| sight.of(&patient.id)).ok_or_else(Reply::not_found)?;
    caller.audit(app, Act::PatientView, std::iter::once(patient.id.clone())).await?;
    let body = serde_json::to_vec(&names::made(&patient)).map_err(|_| Reply::failed())?;
    Ok(Reply::json(StatusCode::OK, body))
}

pub(super) async fn version(
    app: &Arc<App>,
    caller: &Caller,
    kind: ResourceKind,
    id: &str,
    version: &str,
) -> Result<Reply, Reply> {
    let sight = caller.reader(app, Interaction::VersionRead).await?;
    let version: u64 = version.parse().map_err(|_| Reply::not_found())?;
    let found = find(app, kind, id, Some(version)).await?;
    caller.kept_out(app, &sight, about(app, kind, id, found.as_ref())).await?;
    let stored = found.filter(|stored| sight.sees(stored)).ok_or_else(Reply::not_found)?;
    caller.audit(app, act(kind), patient_of(&stored).into_iter()).await?;
    Ok(Reply::resource(&stored))
}

pub(super) async fn history(
    app: &Arc<App>,
    caller: &Caller,
    kind: ResourceKind,
    id: &str,
    asked: &Asked,
) -> Result<Reply, Reply> {
    let sight = caller.reader(app, Interaction::History).await?;
    let wanted = id.to_owned();
    let mut versions = beside(app, move |app| Ok(app.reader.resource_history(kind, &wanted, HISTORY_MAX)?)).await?;
    caller.kept_out(app, &sight, about(app, kind, id, versions.last())).await?;
    versions.retain(|stored| sight.sees(stored));
    if versions.is_empty() {
        return Err(Reply::not_found());
    }
    caller.audit(app, act(kind), versions.iter().filter_map(patient_of)).await?;
    let mut bundle = OutBundle::new("history");
    bundle.total = u64::try_from(versions.len()).ok();
    for stored in &versions {
        let shown = Reply::resource(stored);
        let (method, url, status) = if stored.version == 1 {
            ("POST", kind.to_string(), "201")
        } else {
            ("PUT", format!("{kind}/{id}"), "200")
        };
        bundle.entry.push(OutEntry {
            full_url: Some(format!("{}/{kind}/{id}", asked.base)),
            request: Some(OutRequest { method, url }),
            response: Some(OutResponse {
                status: status.to_owned(),
                location: None,
                etag: shown.etag(),
                last_modified: Some(instant(stored.updated)),
                outcome: None,
            }),
            resource: shown.body.and_then(raw),
            search: None,
        });
    }
    Ok(bundle.into_reply())
}

/// Finds a version, or the present one. Whether it may be seen is not asked here.
async fn find(
    app: &Arc<App>,
    kind: ResourceKind,
    id: &str,
    version: Option<u64>,
) -> Result<Option<StoredResource>, Reply> {
    let id = id.to_owned();
    beside(app, move |app| Ok(app.reader.resource(kind, &id, version)?)).await
}

/// Whom somebody asks about who names a resource.
fn about(app: &App, kind: ResourceKind, id: &str, stored: Option<&StoredResource>) -> Option<PatientId> {
    let named = || names::on_a_ward(app, id).map(|patient| patient.id).or_else(|| id.parse().ok());
    stored.and_then(patient_of).or_else(|| if kind == ResourceKind::Patient { named() } else { None })
}
