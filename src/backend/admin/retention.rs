//! Removing entries of the audit trail whose time is over.
//!
//! What lies in the folder is not believed: a segment counts with the signed checkpoint that closed it, and its age is that of
//! the first entry after it, whose hash the trail's newest checkpoint covers.

use super::{
    AdminAnswer, AdminError,
    execute::{Done, refused},
    guarded::By,
};
use crate::{
    audit::{
        Act, Checkpoint, LeafDraft, NoteVerifier, Retained, RetainedHow, RetentionPlan, Segment, Tree,
        leaf::written_at, leaf_hash, retention,
    },
    backend::{
        app::App,
        config::RETENTION_YEARS_MIN,
        pipeline::{Job, Record},
    },
    domain::Timestamp,
    store::{StoreError, StoreReader},
};
use std::sync::Arc;

/// Hashes that are read at once.
const HASHES_AT_ONCE: u64 = 65_536;

/// Why nothing may be removed.
#[derive(Debug, thiserror::Error)]
enum RetentionError {
    /// The trail contradicts what was signed.
    #[error("the audit trail is not as it was signed ({0}): run `wardwatch audit verify`")]
    Changed(String),
    /// The clock is not to be believed.
    #[error(
        "the clock says {wall}, and the newest entry is of {newest}: set the clock, or serve for a second, and try again"
    )]
    Clock {
        /// The wall clock.
        wall: Timestamp,
        /// When the newest entry was written.
        newest: Timestamp,
    },
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Holds what the folder says of the trail against what was signed.
struct Evidence<'a> {
    reader: &'a dyn StoreReader,
    key: &'a NoteVerifier,
    /// Of the hashes that were read.
    tree: Tree,
}

impl Evidence<'_> {
    /// Opens a checkpoint and holds it against the stored hashes. Checkpoints come in the order of their sizes.
    fn open(&mut self, note: &str) -> Result<Checkpoint, RetentionError> {
        let changed = RetentionError::Changed;
        let checkpoint = self.key.open(note).map_err(|e| changed(e.to_string()))?;
        while self.tree.size() < checkpoint.size {
            let count = HASHES_AT_ONCE.min(checkpoint.size - self.tree.size());
            let hashes = self.reader.audit_hashes(self.tree.size(), count)?;
            if hashes.is_empty() {
                return Err(changed(format!("entry {} is missing", self.tree.size())));
            }
            hashes.into_iter().for_each(|hash| self.tree.push(hash));
        }
        if self.tree.size() != checkpoint.size || self.tree.root() != checkpoint.root {
            return Err(changed(format!("the checkpoint over {} entries does not hold", checkpoint.size)));
        }
        Ok(checkpoint)
    }

    /// When an entry was written, as its text says that its hash stands for.
    fn written(&self, index: u64) -> Result<Timestamp, RetentionError> {
        let row = self.reader.leaves(index, 1)?.pop().filter(|row| row.index == index);
        let hash = self.reader.audit_hashes(index, 1)?.pop();
        let row = row.filter(|row| Some(leaf_hash(row.leaf.as_bytes())) == hash);
        let at = row.and_then(|row| written_at(row.leaf.as_bytes()));
        at.ok_or_else(|| RetentionError::Changed(format!("entry {index}")))
    }
}

/// The closed segments that are not removed and that a checkpoint bears out, each with the time of the first entry after it.
fn borne_out(
    reader: &dyn StoreReader,
    key: &NoteVerifier,
    (wall, before): (Timestamp, Timestamp),
) -> Result<Vec<Segment>, RetentionError> {
    let mut segments = reader.audit_segments()?;
    let Some(newest) = reader.newest_checkpoint()? else { return Ok(Vec::new()) };
    let mut evidence = Evidence { reader, key, tree: Tree::default() };
    for segment in segments.iter_mut().filter(|s| s.removed.is_none()).take_while(|s| s.until < before) {
        if evidence.open(&segment.note)?.size != segment.end {
            return Err(RetentionError::Changed(format!("the segment that ends before entry {}", segment.end)));
        }
    }
    let size = evidence.open(&newest)?.size;
    let written = evidence.written(size.saturating_sub(1))?;
    if wall < written || written < before {
        return Err(RetentionError::Clock { wall, newest: written });
    }
    for segment in segments.iter_mut().filter(|s| s.removed.is_none()).take_while(|s| s.until < before) {
        // The last entry of all stays: it bears out the age of what goes.
        segment.until = if segment.end < size { evidence.written(segment.end)? } else { Timestamp::MAX };
    }
    Ok(segments)
}

/// What may be removed, and when the first entry was written that stays.
async fn plan_of(app: &App) -> Result<(RetentionPlan, Timestamp), AdminError> {
    if !app.policy.trail_at_start() {
        return Err(refused(
            "the audit trail was changed: nothing is removed until `wardwatch audit verify` is content",
        ));
    }
    let (reader, key, wall) = (Arc::clone(&app.reader), app.audit.key.clone(), app.clock.wall());
    let before = wall - retention::span_of(app.config.audit.retention_years);
    let segments = tokio::task::spawn_blocking(move || borne_out(reader.as_ref(), &key, (wall, before))).await;
    let segments = segments.map_err(refused)?.map_err(refused)?;
    let delivered = app.config.audit.syslog.as_ref();
    let delivered = delivered.map(|sink| app.audit.delivered(&sink.address, app.reader.as_ref()));
    let plan = retention::plan(&segments, before, delivered);
    let until = segments.iter().find(|segment| segment.end == plan.upto).map_or(Timestamp::MAX, |s| s.until);
    Ok((plan, until))
}

/// Which entries may be removed.
pub(super) async fn plan(app: &App) -> Done {
    let (plan, _) = plan_of(app).await?;
    let years = app.config.audit.retention_years;
    Ok(AdminAnswer::Retention { plan, years, has_receiver: app.config.audit.syslog.is_some() })
}

/// Why whoever has the folder alone may not remove entries, if so: the configuration is then that of the command, not of the
/// server.
fn at_rest(app: &App, archived: bool) -> Result<(), AdminError> {
    if app.audit.has_receiver() {
        return Err(refused(
            "the trail is delivered by syslog: ask for this while the server runs, which knows the receiver",
        ));
    }
    if !archived {
        return Err(refused("while no server runs, entries have to be archived: name a file with --archive"));
    }
    if app.config.audit.retention_years < RETENTION_YEARS_MIN {
        return Err(refused(
            "fewer than six years count for the configuration of a server: ask for this while it runs",
        ));
    }
    Ok(())
}

/// Whether these are the entries that may be removed now.
pub(super) async fn check(app: &App, serving: bool, what: (u64, bool)) -> Result<(), AdminError> {
    checked(app, serving, what).await.map(|_| ())
}

/// As [`check`]; gives where they are then, and when the first entry was written that stays.
async fn checked(
    app: &App,
    serving: bool,
    (upto, archived): (u64, bool),
) -> Result<(RetainedHow, Timestamp), AdminError> {
    if !serving {
        at_rest(app, archived)?;
    }
    let (plan, until) = plan_of(app).await?;
    if upto != plan.upto || plan.upto == plan.from {
        return Err(refused("these are not the entries that may be removed now: look again with --dry-run"));
    }
    let how = if app.config.audit.syslog.is_some() { RetainedHow::Delivered } else { RetainedHow::Archived };
    if how == RetainedHow::Archived && !archived {
        return Err(refused("no receiver of syslog has these entries, and they were not archived"));
    }
    Ok((how, until))
}

/// Removes them: an entry says so in the transaction that marks them, and then they go a little at a time.
pub(super) async fn retain(app: &App, by: &By, serving: bool, (upto, archived): (u64, bool)) -> Done {
    let (how, until) = checked(app, serving, (upto, archived)).await?;
    let config = &app.config.audit;
    let side_text = match &config.retention_override_reason {
        Some(reason) if config.retention_years < RETENTION_YEARS_MIN => {
            let beside = app.beside("retention_override_reason", reason.clone());
            Some(beside.ok_or_else(|| refused("the reason cannot be recorded: no random bytes could be had"))?)
        }
        _ => None,
    };
    let retained = Some(Retained { years: config.retention_years, how, until });
    let entry = LeafDraft { upto: Some(upto), retained, side_text, ..by.leaf(Act::AuditRetain) };
    let record = Record { leaves: vec![entry], retain_audit: Some(upto), ..Record::default() };
    app.pipeline.ask(|reply| Job::Record { record, reply }).await.map_err(refused)?;
    Ok(AdminAnswer::Done)
}
