//! The audit trail for the screen of an auditor. Reading it is an act of its own: it stands in the trail before anything is
//! shown.

use super::{app::App, pipeline::JobError};
use crate::{
    audit::{Act, LeafActor, LeafDraft, Outcome, export::Entry, wanted::Wanted},
    domain::{Actor, Coverage},
    protocol::{AUDIT_ENTRIES_MAX, AUDIT_LOOKED_AT_MAX, AuditEntryView, AuditPage, AuditQuery},
    store::{AccessRecords, LeafRow, StoreError, StoreReader},
};
use std::{collections::BTreeMap, sync::Arc};

/// Entries that are read from the database at once.
const CHUNK: u32 = 1_000;

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    /// Nobody has the name.
    #[error("there is no user {0}")]
    NoUser(String),
    /// The account is for some wards, and the trail is of all.
    #[error(
        "an auditor reads the trail of the whole site, and this account is for some wards: give it another role, or all wards \
         (wardwatch user wards NAME --all)"
    )]
    SomeWards,
    /// That somebody reads could not be recorded: then nothing is read.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The store could not be read.
    #[error("the trail cannot be read")]
    Store(#[from] StoreError),
    /// The work broke off.
    #[error("the work broke off")]
    Broken,
}

/// Entries that are wanted, the newest first.
pub(super) async fn page(app: &App, by: &Actor, query: AuditQuery) -> Result<AuditPage, PageError> {
    if is_for_some_wards(app, by) {
        let leaf = LeafDraft::new(LeafActor::from(by), Act::AccessDenied, Outcome::Refused);
        app.record(vec![LeafDraft { code: Some("auditor_for_some_wards"), ..leaf }], Vec::new()).await?;
        return Err(PageError::SomeWards);
    }
    let leaf = LeafDraft {
        patient: query.patient.clone(),
        user: query.user.as_ref().and_then(|name| app.hub.directory().user_by_name(name).map(|user| user.id.clone())),
        code: filter_code(&query),
        ..LeafDraft::new(LeafActor::from(by), Act::AuditRead, Outcome::Success)
    };
    app.record(vec![leaf], Vec::new()).await?;
    let (reader, size) = (Arc::clone(&app.reader), app.hub.audit_size());
    let read = tokio::task::spawn_blocking(move || read(reader.as_ref(), &query, size));
    read.await.map_err(|_| PageError::Broken)?
}

/// Whether an account promises a bound that the trail has not. No such auditor is made; one may be there from before.
fn is_for_some_wards(app: &App, by: &Actor) -> bool {
    let Actor::User { user, .. } = by else { return false };
    app.hub.directory().user(user).is_some_and(|user| user.coverage != Coverage::All)
}

/// Which entries were looked for, besides those of a patient or a user.
const fn filter_code(query: &AuditQuery) -> Option<&'static str> {
    match (query.reads, query.failures, query.break_glass) {
        (_, true, _) => Some("failures"),
        (_, _, true) => Some("break_glass"),
        (true, ..) => Some("reads"),
        _ => None,
    }
}

fn wanted_of(query: &AuditQuery, access: &AccessRecords) -> Result<Wanted, PageError> {
    let user = query.user.as_ref().map(|name| {
        let named = access.users.iter().find(|user| user.name == *name).map(|user| user.id.clone());
        // An account that is gone still stands in the trail.
        named.or_else(|| name.parse().ok()).ok_or_else(|| PageError::NoUser(name.clone()))
    });
    Ok(Wanted {
        patient: query.patient.clone(),
        reads: query.reads,
        user: user.transpose()?,
        break_glass: query.break_glass,
        failures: query.failures,
        since: query.since,
        acts: Vec::new(),
    })
}

fn read(reader: &dyn StoreReader, query: &AuditQuery, size: u64) -> Result<AuditPage, PageError> {
    let access = reader.access()?;
    let wanted = wanted_of(query, &access)?;
    let names: BTreeMap<&str, &str> = access.users.iter().map(|user| (user.id.as_str(), user.name.as_str())).collect();
    let newest = query.before.unwrap_or(size).min(size);
    let (mut end, mut entries) = (newest, Vec::new());
    while end > 0 && newest - end < AUDIT_LOOKED_AT_MAX {
        let from = end.saturating_sub(CHUNK.into());
        let rows = reader.leaves(from, CHUNK)?;
        for row in rows.iter().rev().filter(|row| row.index < end) {
            if row.leaf.is_empty() {
                // Before it retention has removed everything.
                return Ok(AuditPage { entries, before: None, size });
            }
            if wanted.wants(&row.leaf) {
                if entries.len() == AUDIT_ENTRIES_MAX {
                    return Ok(AuditPage { entries, before: Some(row.index + 1), size });
                }
                entries.push(view(row, &names));
            }
        }
        end = from;
    }
    Ok(AuditPage { entries, before: (end > 0).then_some(end), size })
}

fn view(row: &LeafRow, names: &BTreeMap<&str, &str>) -> AuditEntryView {
    let entry = Entry::read(row.index, &row.leaf);
    let named = |id: &str| names.get(id).map_or_else(|| id.to_owned(), |name| (*name).to_owned());
    let of = |(kind, id): &(&str, String)| match *kind {
        "user" | "second" => format!("{kind}={}", named(id)),
        kind => format!("{kind}={id}"),
    };
    let about = entry.objects.iter().map(of).chain(entry.code.iter().cloned());
    let who = if entry.actor_kind == "user" { named(&entry.actor) } else { entry.who() };
    AuditEntryView {
        index: entry.index,
        at: entry.utc.parse().ok(),
        act: entry.act,
        refused: entry.refused,
        who,
        role: entry.role,
        patient: entry.patient.and_then(|id| id.parse().ok()),
        about: about.collect::<Vec<_>>().join(" "),
    }
}
