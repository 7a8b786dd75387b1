//! Closed segments of the audit trail, and removing their entries.

use super::{failed, from_db, reader::get, reader::rows, to_db};
use crate::{
    audit::{
        Segment,
        leaf::{removal, written_at},
        leaf_hash, retention,
    },
    domain::Timestamp,
    store::StoreError,
};
use rusqlite::{Connection, OptionalExtension, params};

/// The segment that is still open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    /// Its first entry.
    first: u64,
    /// When that was written; absent while there is none.
    since: Option<Timestamp>,
}

impl Open {
    /// That of a database.
    pub(super) fn load(db: &Connection) -> Result<Self, StoreError> {
        let end: Option<i64> =
            db.query_row("SELECT max(end) FROM audit_segment", [], |row| row.get(0)).map_err(failed)?;
        let first = end.map_or(0, from_db);
        let sql = "SELECT leaf FROM audit_leaf WHERE idx >= ?1 AND leaf <> '' ORDER BY idx LIMIT 1";
        let leaf: Option<String> = db.query_row(sql, [to_db(first)], |row| row.get(0)).optional().map_err(failed)?;
        let since = leaf.and_then(|leaf| crate::audit::export::Entry::read(first, &leaf).utc.parse().ok());
        Ok(Self { first, since })
    }

    /// Entries were added.
    pub(super) const fn grown(&mut self, now: Timestamp) {
        if self.since.is_none() {
            self.since = Some(now);
        }
    }

    /// Whether the segment is to be closed at `size` entries.
    pub(super) fn is_due(self, size: u64, now: Timestamp) -> bool {
        let old = self.since.is_some_and(|since| now.since(since) >= retention::SEGMENT_SPAN_MAX);
        size > self.first && (size - self.first >= retention::SEGMENT_ENTRIES_MAX || old)
    }

    /// Closes it with the checkpoint over `size` entries; gives the next one.
    pub(super) fn close(self, db: &Connection, size: u64, now: Timestamp, note: &str) -> Result<Self, StoreError> {
        let sql = "INSERT INTO audit_segment (first, end, until_ms, note) VALUES (?1, ?2, ?3, ?4)";
        db.execute(sql, params![to_db(self.first), to_db(size), now.as_ms(), note]).map_err(failed)?;
        Ok(Self { first: size, since: None })
    }
}

/// All closed segments, in order.
pub(super) fn all(db: &Connection) -> Result<Vec<Segment>, StoreError> {
    let sql = "SELECT first, end, until_ms, note, removed FROM audit_segment ORDER BY first";
    rows(db, sql, [], |row| {
        Ok(Segment {
            first: from_db(get(row, 0)?),
            end: from_db(get(row, 1)?),
            until: Timestamp::from_ms(get(row, 2)?),
            note: get(row, 3)?,
            removed: get::<Option<i64>>(row, 4)?.map(from_db),
        })
    })
}

/// Marks the segments before `upto` as removed by the entry `by`.
pub(super) fn mark(db: &Connection, upto: u64, by: u64) -> Result<(), StoreError> {
    let sql = "UPDATE audit_segment SET removed = ?2 WHERE end <= ?1 AND removed IS NULL";
    db.execute(sql, params![to_db(upto), to_db(by)]).map(drop).map_err(failed)
}

/// Removes entries of marked segments and the texts beside them, at most `limit`; says whether more are left. Their hashes
/// stay. `signed` is how many entries a checkpoint of this run covers: nothing goes before the entry is signed that says so, and an entry
/// that is not as its hash says is evidence, and stays with all after it.
pub(super) fn empty(db: &Connection, limit: i64, signed: u64) -> Result<bool, StoreError> {
    if signed == 0 {
        return Ok(false);
    }
    let sql = "SELECT first, end, removed FROM audit_segment
               WHERE removed IS NOT NULL AND emptied = 0 ORDER BY first LIMIT 1";
    let segment: Option<(i64, i64, i64)> =
        db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional().map_err(failed)?;
    let Some((first, end, by)) = segment else { return Ok(false) };
    if from_db(by) >= signed {
        return Ok(true);
    }
    if !is_said(db, end, by)? {
        tracing::error!(first, end, by, "entries are marked as removed, and no entry says so: they stay");
        return Ok(false);
    }
    let whole = whole_entries(db, (first, end), limit)?;
    let emptied = db
        .prepare_cached("UPDATE audit_leaf SET leaf = '' WHERE idx >= ?1 AND idx < ?2 AND leaf <> ''")
        .and_then(|mut q| q.execute(params![first, whole.upto]))
        .map_err(failed)?;
    db.prepare_cached("DELETE FROM audit_text WHERE idx >= ?1 AND idx < ?2")
        .and_then(|mut q| q.execute(params![first, whole.upto]))
        .map_err(failed)?;
    if whole.is_broken {
        tracing::error!(entry = whole.upto, "an entry is not as it was signed: it stays, with all after it");
        return Ok(false);
    }
    if i64::try_from(emptied).unwrap_or(i64::MAX) < limit {
        db.execute("UPDATE audit_segment SET emptied = 1 WHERE first = ?1", [first]).map_err(failed)?;
    }
    Ok(true)
}

/// The bytes of an entry, if they are as its hash says.
fn whole_entry(db: &Connection, index: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT CAST(leaf AS BLOB), hash FROM audit_leaf WHERE idx = ?1";
    let row: Option<(Vec<u8>, Vec<u8>)> =
        db.query_row(sql, [index], |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(failed)?;
    Ok(row.filter(|(leaf, hash)| leaf_hash(leaf).as_slice() == hash.as_slice()).map(|(leaf, _)| leaf))
}

/// Whether the entry `by` says that those before `end` were removed, and that they were of an age at which they may.
fn is_said(db: &Connection, end: i64, by: i64) -> Result<bool, StoreError> {
    let removal = whole_entry(db, by)?.and_then(|leaf| removal(&leaf));
    let kept = whole_entry(db, end)?.and_then(|leaf| written_at(&leaf));
    Ok(removal.zip(kept).is_some_and(|(removal, kept)| removal.upto >= from_db(end) && removal.is_due(kept)))
}

/// Entries that are as their hashes say.
struct Whole {
    /// The entry after them.
    upto: i64,
    /// Whether that one is not.
    is_broken: bool,
}

/// At most `limit` entries of a segment that are there.
fn whole_entries(db: &Connection, (first, end): (i64, i64), limit: i64) -> Result<Whole, StoreError> {
    let sql = "SELECT idx, CAST(leaf AS BLOB), hash FROM audit_leaf
               WHERE idx >= ?1 AND idx < ?2 AND leaf <> '' ORDER BY idx LIMIT ?3";
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    let mut found = statement.query(params![first, end, limit]).map_err(failed)?;
    let mut whole = Whole { upto: first, is_broken: false };
    while let Some(row) = found.next().map_err(failed)? {
        let (index, leaf, hash): (i64, Vec<u8>, Vec<u8>) = (get(row, 0)?, get(row, 1)?, get(row, 2)?);
        if leaf_hash(&leaf).as_slice() != hash.as_slice() {
            return Ok(Whole { upto: index, is_broken: true });
        }
        whole.upto = index + 1;
    }
    Ok(whole)
}
