//! Searching, and the last values of each kind.

use super::{
    Asked, address,
    asked::{Caller, Sight},
    beside, names,
    out::{OutBundle, OutEntry, OutLink, OutSearch, raw},
    read::{act, patient_of},
    reply::Reply,
};
use crate::{
    audit::Act,
    backend::{app::App, entries::Interaction},
    domain::{DeviceId, Patient, PatientId},
    fhir::{
        Issue, OperationOutcome, ResourceKind,
        search::{COUNT_MAX, Filter, Search, parse, parse_lastn},
    },
    store::{PageStart, ResourcePage, ResourceQuery, StoredResource},
};
use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{collections::BTreeSet, sync::Arc};

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Start {
    /// Among the patients of the census, behind this one.
    Census(PatientId),
    /// Among what is stored; `None` at its beginning.
    Stored(Option<PageStart>),
}

impl Start {
    fn token(&self) -> String {
        let text = match self {
            Self::Census(patient) => format!("c {patient}"),
            Self::Stored(None) => "s".to_owned(),
            Self::Stored(Some(PageStart { upto, after })) => {
                let (key, no) = after.unwrap_or((0, 0));
                format!("s {upto} {key} {no}")
            }
        };
        URL_SAFE_NO_PAD.encode(text)
    }

    fn of_token(token: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let parts: Vec<&str> = text.split(' ').collect();
        match parts.as_slice() {
            ["c", patient] => Some(Self::Census(patient.parse().ok()?)),
            ["s"] => Some(Self::Stored(None)),
            ["s", upto, key, no] => {
                let after = Some((key.parse().ok()?, no.parse().ok()?));
                Some(Self::Stored(Some(PageStart { upto: upto.parse().ok()?, after })))
            }
            _ => None,
        }
    }
}

/// What a page holds.
struct Found {
    census: Vec<Patient>,
    page: ResourcePage,
    next: Option<Start>,
    /// Patients that belong to what was found.
    with: Vec<OutEntry>,
}

/// `GET [type]?…`
pub(super) async fn search(
    app: &Arc<App>,
    caller: &Caller,
    interaction: Interaction,
    kind: ResourceKind,
    asked: &Asked,
) -> Result<Reply, Reply> {
    let sight = caller.reader(app, interaction).await?;
    let search = parse(kind, &asked.query, asked.prefer.strict).map_err(bad)?;
    caller.kept_out(app, &sight, asked_for(app, &search)).await?;
    let start = start(&search)?;
    let (wanted, base) = (search.clone(), asked.base.clone());
    let found = beside(app, move |app| find(app, &wanted, start.as_ref(), &sight, &base)).await?;
    let patients = found.page.found.iter().filter_map(patient_of);
    caller.audit(app, act(kind), patients.chain(found.census.iter().map(|p| p.id.clone()))).await?;
    if !found.with.is_empty() {
        caller.audit(app, Act::PatientView, found.page.found.iter().filter_map(patient_of)).await?;
    }
    Ok(bundle(asked, &search, found))
}

fn bad(issues: Vec<Issue>) -> Reply {
    Reply::outcome(StatusCode::BAD_REQUEST, issues)
}

fn start(search: &Search) -> Result<Option<Start>, Reply> {
    let Some(token) = &search.page else { return Ok(None) };
    let wrong = || bad(vec![Issue::error(crate::fhir::IssueCode::Value, "http._page", "no page of a search of ours")]);
    Start::of_token(token).map(Some).ok_or_else(wrong)
}

fn find(app: &App, search: &Search, start: Option<&Start>, sight: &Sight, base: &str) -> Result<Found, Reply> {
    let own = sight.own.as_ref();
    let from_census = search.kind == ResourceKind::Patient && own.is_none() && !matches!(start, Some(Start::Stored(_)));
    let after = match start {
        Some(Start::Census(patient)) => Some(patient.clone()),
        _ => None,
    };
    let all = if from_census { of_the_census(app, search, sight) } else { Vec::new() };
    let counted = u64::try_from(all.len()).unwrap_or_default();
    let mut census: Vec<Patient> =
        all.into_iter().filter(|p| after.as_ref().is_none_or(|after| p.id > *after)).collect();
    let more_census = census.len() > search.count;
    census.truncate(search.count);
    let page = match start {
        Some(Start::Stored(page)) => *page,
        _ => None,
    };
    let query = ResourceQuery {
        kind: search.kind,
        filters: resolved(app, &search.filters)?,
        source: own.cloned(),
        sort: search.sort,
        limit: if more_census { 0 } else { search.count - census.len() },
        page,
    };
    let mut page = app.reader.search_resources(&query)?;
    // How many there are in all would tell of those who may not be seen.
    page.total = page.total.filter(|_| sight.is_whole()).map(|total| total + counted);
    page.found.retain(|stored| sight.sees(stored));
    let next = if search.count == 0 {
        None
    } else if more_census {
        census.last().map(|last| Start::Census(last.id.clone()))
    } else if query.limit == 0 {
        // The page is full of patients of the census; what is stored begins behind it.
        Some(Start::Stored(None)).filter(|_| page.total.is_none_or(|total| total > counted))
    } else {
        page.next.map(|next| Start::Stored(Some(next)))
    };
    let with = if search.with_patients { patients_of(app, &page.found, own, base)? } else { Vec::new() };
    Ok(Found { census, page, next, with })
}

/// Patients of the census that are looked for, in order. What somebody sent of them stands beside them, and hides none.
fn of_the_census(app: &App, search: &Search, sight: &Sight) -> Vec<Patient> {
    let mut found = app.hub.all_patients();
    found.retain(|patient| sight.of(&patient.id) && names::matches(patient, &search.filters));
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

/// The patients that a search names.
fn asked_for<'a>(app: &'a App, search: &'a Search) -> impl Iterator<Item = PatientId> + 'a {
    let named = search.filters.iter().flat_map(|filter| match (search.kind, filter) {
        (_, Filter::Patients(ids)) | (ResourceKind::Patient, Filter::Ids(ids)) => ids.as_slice(),
        _ => &[],
    });
    named.filter_map(|id| names::on_a_ward(app, id).map(|patient| patient.id).or_else(|| id.parse().ok()))
}

/// Filters with the patients' own identifiers.
fn resolved(app: &App, filters: &[Filter]) -> Result<Vec<Filter>, Reply> {
    let mut out = Vec::with_capacity(filters.len());
    for filter in filters {
        out.push(match filter {
            Filter::Patients(ids) => {
                let mut patients = Vec::with_capacity(ids.len());
                for id in ids {
                    patients.extend(names::patient(app, id)?.map(|patient| patient.to_string()));
                }
                Filter::Patients(patients)
            }
            Filter::PatientIdentifiers(any) => Filter::Patients(names::with_identifiers(app, any)?),
            other => other.clone(),
        });
    }
    Ok(out)
}

/// The patients of what was found, each once: made of the census, else as a resource that was sent; for a device, which does
/// not see the census, what it sent itself.
fn patients_of(
    app: &App,
    found: &[StoredResource],
    own: Option<&DeviceId>,
    base: &str,
) -> Result<Vec<OutEntry>, Reply> {
    let patients: BTreeSet<&PatientId> = found.iter().filter_map(|stored| stored.patient.as_ref()).collect();
    let mut entries = Vec::new();
    for patient in patients {
        let id = names::resource_id(patient);
        let present = if own.is_none() { names::on_a_ward(app, &id) } else { None };
        let (id, body) = match present {
            Some(present) => (id, serde_json::to_vec(&names::made(&present)).ok()),
            None => match sent_of(app, patient, own)? {
                Some(stored) => (stored.id.clone(), Reply::resource(&stored).body),
                None => continue,
            },
        };
        entries.push(entry(format!("{base}/Patient/{id}"), body, "include"));
    }
    Ok(entries)
}

/// A Patient resource that somebody sent, or `own` did.
fn sent_of(app: &App, patient: &PatientId, own: Option<&DeviceId>) -> Result<Option<StoredResource>, Reply> {
    let sent = app.reader.linked_resources(patient.as_str(), names::LINKED_MAX)?;
    Ok(sent.into_iter().find(|stored| own.is_none_or(|own| stored.source == *own)))
}

fn entry(full_url: String, body: Option<Vec<u8>>, mode: &'static str) -> OutEntry {
    let search = Some(OutSearch { mode });
    OutEntry { full_url: Some(full_url), resource: body.and_then(raw), search, ..OutEntry::default() }
}

fn bundle(asked: &Asked, search: &Search, found: Found) -> Reply {
    let path = search.kind.as_str();
    let mut bundle = OutBundle::new("searchset");
    bundle.total = found.page.total;
    let own = address(&asked.base, path, &with_page(search, search.page.clone()));
    bundle.link.push(OutLink { relation: "self", url: own });
    if let Some(next) = &found.next {
        let url = address(&asked.base, path, &with_page(search, Some(next.token())));
        bundle.link.push(OutLink { relation: "next", url });
    }
    for patient in &found.census {
        let url = format!("{}/Patient/{}", asked.base, names::resource_id(&patient.id));
        bundle.entry.push(entry(url, serde_json::to_vec(&names::made(patient)).ok(), "match"));
    }
    push_all(&mut bundle, asked, &found.page.found);
    bundle.entry.extend(found.with);
    push_ignored(&mut bundle, search);
    bundle.into_reply()
}

fn with_page(search: &Search, page: Option<String>) -> Vec<(String, String)> {
    let page = page.map(|page| ("_page".to_owned(), page));
    search.used.iter().cloned().chain(page).collect()
}

fn push_all(bundle: &mut OutBundle, asked: &Asked, found: &[StoredResource]) {
    for stored in found {
        let url = format!("{}/{}/{}", asked.base, stored.kind, stored.id);
        bundle.entry.push(entry(url, Reply::resource(stored).body, "match"));
    }
}

/// What was left aside is told in the Bundle itself.
fn push_ignored(bundle: &mut OutBundle, search: &Search) {
    if !search.ignored.is_empty() {
        let outcome = OperationOutcome::new(search.ignored.clone()).to_json();
        let search = Some(OutSearch { mode: "outcome" });
        bundle.entry.push(OutEntry { resource: raw(outcome), search, ..OutEntry::default() });
    }
}

/// `Observation/$lastn`
pub(super) async fn lastn(
    app: &Arc<App>,
    caller: &Caller,
    interaction: Interaction,
    asked: &Asked,
) -> Result<Reply, Reply> {
    let sight = caller.reader(app, interaction).await?;
    let search = parse_lastn(&asked.query, asked.prefer.strict).map_err(bad)?;
    caller.kept_out(app, &sight, asked_for(app, &search)).await?;
    let wanted = search.clone();
    let found = beside(app, move |app| {
        let query = ResourceQuery {
            kind: ResourceKind::Observation,
            filters: resolved(app, &wanted.filters)?,
            source: sight.own.clone(),
            sort: wanted.sort,
            limit: COUNT_MAX,
            page: None,
        };
        let mut found = app.reader.last_resources(&query, wanted.max)?;
        found.retain(|stored| sight.sees(stored));
        Ok(found)
    })
    .await?;
    caller.audit(app, Act::PatientHistory, found.iter().filter_map(patient_of)).await?;
    let mut bundle = OutBundle::new("searchset");
    bundle.total = u64::try_from(found.len()).ok();
    let own = address(&asked.base, "Observation/$lastn", &asked.query);
    bundle.link.push(OutLink { relation: "self", url: own });
    push_all(&mut bundle, asked, &found);
    let mut search = search;
    if found.len() >= COUNT_MAX {
        let detail = format!("there are more than {COUNT_MAX}: ask for fewer kinds, or a smaller max");
        search.ignored.push(Issue::information("http.max", detail));
    }
    push_ignored(&mut bundle, &search);
    Ok(bundle.into_reply())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_page_begins_comes_back_and_nothing_else_does() {
        let stored = PageStart { upto: 9, after: Some((i64::MIN, 7)) };
        for start in [Start::Census("p1".parse().unwrap()), Start::Stored(None), Start::Stored(Some(stored))] {
            assert_eq!(Start::of_token(&start.token()), Some(start));
        }
        for wrong in ["", "x", "cyBhIGIgYw", "%%%"] {
            assert_eq!(Start::of_token(wrong), None, "{wrong}");
        }
    }
}
