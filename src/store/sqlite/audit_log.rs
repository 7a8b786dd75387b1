//! The audit trail in the database.

use super::{
    corrupt, failed, from_db,
    reader::{any_bytes, get},
    to_db,
};
use crate::{
    audit::{
        Gone, Hash, LeafDraft, LeafHashes, LeafStamp, NodeError, NoteVerifier, StoredLeaf, Subtrees, Tree,
        leaf::text_fits, leaf_hash, proof,
    },
    seam::Clock,
    store::StoreError,
};
use rusqlite::{Connection, OptionalExtension, Row, params, types::ValueRef};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The trail as it is stored.
pub(super) struct Loaded {
    pub(super) tree: Tree,
    pub(super) subtrees: Subtrees,
    /// What is wrong between the stored leaves and the newest checkpoint that was signed over them, if anything is. A log must never
    /// sign what contradicts what it has signed.
    pub(super) fault: Option<String>,
}

/// Reads the trail: the tree over the stored hashes with its complete subtrees, and whether the bytes of each leaf are as its hash
/// says and the leaves as they were signed. Less than 5 s for a million leaves.
pub(super) fn load(db: &Connection, verifier: &NoteVerifier) -> Result<Loaded, StoreError> {
    let newest: Option<String> = db
        .query_row("SELECT note FROM audit_checkpoint ORDER BY size DESC, no DESC LIMIT 1", [], |r| r.get(0))
        .optional()
        .map_err(failed)?;
    let checkpoint = newest.map(|note| verifier.open(&note)).transpose();
    let (mut tree, mut subtrees) = (Tree::default(), Subtrees::default());
    let (mut broken, mut gap, mut root) = (None, false, (0, tree.root()));
    let signed = checkpoint.as_ref().ok().and_then(Option::as_ref).map(|checkpoint| checkpoint.size);
    let mut gone = Gone::default();
    each_leaf(db, 0, &mut |leaf| {
        gap = leaf.index != tree.size();
        if gap {
            return false;
        }
        if !gone.takes(&leaf, signed.unwrap_or(0)) && broken.is_none() {
            broken = Some(leaf.index);
        }
        tree.push(leaf.hash);
        subtrees.push(leaf.hash);
        if signed == Some(tree.size()) {
            root = (tree.size(), tree.root());
        }
        true
    })?;
    if gap {
        return Err(corrupt("the audit trail", &format!("leaf {} is missing", tree.size())));
    }
    let fault = match (checkpoint, broken.or(gone.unsaid())) {
        (Err(e), _) => Some(e.to_string()),
        (_, Some(index)) => {
            Some(format!("entry {index} of the audit trail is not as its hash says: run `wardwatch audit verify`"))
        }
        (Ok(Some(checkpoint)), None) if root != (checkpoint.size, checkpoint.root) => Some(format!(
            "the {} leaves of the last signed checkpoint are not as they were: run `wardwatch audit verify`",
            checkpoint.size
        )),
        (Ok(_), None) => None,
    };
    Ok(Loaded { tree, subtrees, fault })
}

/// Calls `each` with every leaf from `from` on, in order; stops when it says so.
pub(super) fn each_leaf(
    db: &Connection,
    from: u64,
    each: &mut dyn FnMut(StoredLeaf) -> bool,
) -> Result<(), StoreError> {
    let sql = "SELECT l.idx, l.leaf, l.hash, t.field, t.salt, t.text FROM audit_leaf l
               LEFT JOIN audit_text t ON t.idx = l.idx WHERE l.idx >= ?1 ORDER BY l.idx";
    let mut statement = db.prepare(sql).map_err(failed)?;
    let mut found = statement.query([to_db(from)]).map_err(failed)?;
    while let Some(row) = found.next().map_err(failed)? {
        // A hash of another length is a hash that does not fit.
        let hash = any_bytes(row, 2)?.try_into().unwrap_or_default();
        let bytes = any_bytes(row, 1)?;
        let text_fits = beside(row, 3, &bytes)?.is_none_or(|(_, fits)| fits);
        let leaf = StoredLeaf { index: from_db(get(row, 0)?), bytes, hash, text_fits };
        if !each(leaf) {
            break;
        }
    }
    Ok(())
}

/// The text beside a leaf, if there is one, and whether it is the one that the leaf was written with. `at` is the first of the
/// columns `field`, `salt` and `text`.
pub(super) fn beside(row: &Row<'_>, at: usize, leaf: &[u8]) -> Result<Option<(Vec<u8>, bool)>, StoreError> {
    if row.get_ref(at).map_err(failed)? == ValueRef::Null {
        return Ok(None);
    }
    let text = any_bytes(row, at + 2)?;
    let fits = text_fits(leaf, &any_bytes(row, at)?, &any_bytes(row, at + 1)?, &text);
    Ok(Some((text, fits)))
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
