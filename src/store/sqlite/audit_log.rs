//! The audit trail in the database.

use super::{corrupt, failed, to_db};
use crate::{
    audit::{Hash, LeafDraft, LeafHashes, LeafStamp, NodeError, NoteVerifier, Subtrees, Tree, leaf_hash, proof},
    seam::Clock,
    store::StoreError,
};
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The tree over the stored leaves, and its complete subtrees.
///
/// Both are built anew from the stored hashes at each start; `audit verify` checks those against the leaves' bytes.
pub(super) fn load_tree(db: &Connection) -> Result<(Tree, Subtrees), StoreError> {
    let (mut tree, mut subtrees) = (Tree::default(), Subtrees::default());
    let mut statement = db.prepare("SELECT idx, hash FROM audit_leaf ORDER BY idx").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let index: i64 = row.get(0).map_err(failed)?;
        if index != to_db(tree.size()) {
            return Err(corrupt("the audit trail", &format!("leaf {} is missing", tree.size())));
        }
        let hash = row.get::<_, Hash>(1).map_err(failed)?;
        tree.push(hash);
        subtrees.push(hash);
    }
    Ok((tree, subtrees))
}

/// Where a reader finds the complete subtrees of the trail.
pub(super) enum Trail {
    /// With the writer of this process.
    Shared(Arc<RwLock<Subtrees>>),
    /// Its own, which follow the stored leaves.
    Own(Mutex<Subtrees>),
}

/// The hashes of leaves in the database.
struct StoredHashes<'a>(&'a Connection);

impl LeafHashes for StoredHashes<'_> {
    type Error = StoreError;

    fn leaf_hashes(&self, from: u64, count: u64) -> Result<Vec<Hash>, StoreError> {
        hashes(self.0, from, count)
    }
}

/// The stored hashes of at most `count` leaves from `from` on.
pub(super) fn hashes(db: &Connection, from: u64, count: u64) -> Result<Vec<Hash>, StoreError> {
    let sql = "SELECT hash FROM audit_leaf WHERE idx >= ?1 AND idx < ?2 ORDER BY idx";
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    let rows = statement.query_map([to_db(from), to_db(from.saturating_add(count))], |row| row.get(0));
    rows.and_then(Iterator::collect).map_err(failed)
}

impl Trail {
    /// The subtrees as they are now: a copy, so that whoever writes never waits for a proof.
    fn subtrees(&self, db: &Connection) -> Result<Subtrees, StoreError> {
        match self {
            Self::Shared(subtrees) => Ok(subtrees.read().unwrap_or_else(PoisonError::into_inner).clone()),
            Self::Own(subtrees) => {
                let mut subtrees = subtrees.lock().unwrap_or_else(PoisonError::into_inner);
                let sql = "SELECT hash FROM audit_leaf WHERE idx >= ?1 ORDER BY idx";
                let mut statement = db.prepare_cached(sql).map_err(failed)?;
                let mut rows = statement.query([to_db(subtrees.size())]).map_err(failed)?;
                while let Some(row) = rows.next().map_err(failed)? {
                    subtrees.push(row.get(0).map_err(failed)?);
                }
                Ok(subtrees.clone())
            }
        }
    }

    /// The proof that the leaf at `index` is among the first `size`.
    pub(super) fn inclusion(&self, db: &Connection, index: u64, size: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        made(proof::inclusion(&self.subtrees(db)?.with(&StoredHashes(db)), index, size))
    }

    /// The proof that the first `new` leaves begin with the first `old`.
    pub(super) fn consistency(&self, db: &Connection, old: u64, new: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        made(proof::consistency(&self.subtrees(db)?.with(&StoredHashes(db)), old, new))
    }
}

fn made(proof: Result<Option<Vec<Hash>>, NodeError<StoreError>>) -> Result<Option<Vec<Hash>>, StoreError> {
    match proof {
        Ok(proof) => Ok(proof),
        Err(NodeError::Read(e)) => Err(e),
        Err(NodeError::TooFew) => Ok(None),
    }
}

/// What is wrong between the stored leaves and the newest checkpoint that was signed over them, if anything is. A log
/// must never sign what contradicts what it has signed.
pub(super) fn contradiction(db: &Connection, verifier: &NoteVerifier) -> Result<Option<String>, StoreError> {
    let newest: Option<String> = db
        .query_row("SELECT note FROM audit_checkpoint ORDER BY size DESC, no DESC LIMIT 1", [], |r| r.get(0))
        .optional()
        .map_err(failed)?;
    let Some(note) = newest else { return Ok(None) };
    let checkpoint = match verifier.open(&note) {
        Ok(checkpoint) => checkpoint,
        Err(e) => return Ok(Some(e.to_string())),
    };
    let mut tree = Tree::default();
    let mut statement = db.prepare("SELECT hash FROM audit_leaf ORDER BY idx LIMIT ?1").map_err(failed)?;
    let mut rows = statement.query([to_db(checkpoint.size)]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        tree.push(row.get::<_, Hash>(0).unwrap_or_default());
    }
    let fits = tree.size() == checkpoint.size && tree.root() == checkpoint.root;
    Ok((!fits).then(|| {
        let size = checkpoint.size;
        format!("the {size} leaves of the last signed checkpoint are not as they were: run `wardwatch audit verify`")
    }))
}

/// Writes leaves at the end of the trail; gives their hashes.
pub(super) fn append(
    db: &Connection,
    tree: &mut Tree,
    leaves: &[LeafDraft],
    clock: &dyn Clock,
    boot_id: &str,
) -> Result<Vec<Hash>, StoreError> {
    let mut hashes = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        let index = tree.size();
        let stamp = LeafStamp { index, utc: clock.wall(), boot: clock.boot(), boot_id };
        let text = leaf.text(&stamp).map_err(|e| corrupt("an audit leaf", &e))?;
        let hash = leaf_hash(text.as_bytes());
        db.prepare_cached("INSERT INTO audit_leaf (idx, leaf, hash) VALUES (?1, ?2, ?3)")
            .and_then(|mut q| q.execute(params![to_db(index), text, hash]))
            .map_err(failed)?;
        if let Some(side) = &leaf.side_text {
            db.prepare_cached("INSERT INTO audit_text (idx, field, salt, text) VALUES (?1, ?2, ?3, ?4)")
                .and_then(|mut q| q.execute(params![to_db(index), side.field, side.salt, side.text]))
                .map_err(failed)?;
        }
        tree.push(hash);
        hashes.push(hash);
    }
    Ok(hashes)
}
