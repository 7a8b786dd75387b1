//! The audit trail in the database.

use super::{corrupt, failed, to_db};
use crate::{
    audit::{Hash, LeafDraft, LeafStamp, NoteVerifier, Tree, leaf_hash},
    seam::Clock,
    store::StoreError,
};
use rusqlite::{Connection, OptionalExtension, params};

/// The tree over the stored leaves.
///
/// It is built anew from the stored hashes at each start; `audit verify` checks those against the leaves' bytes.
pub(super) fn load_tree(db: &Connection) -> Result<Tree, StoreError> {
    let mut tree = Tree::default();
    let mut statement = db.prepare("SELECT idx, hash FROM audit_leaf ORDER BY idx").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let index: i64 = row.get(0).map_err(failed)?;
        if index != to_db(tree.size()) {
            return Err(corrupt("the audit trail", &format!("leaf {} is missing", tree.size())));
        }
        tree.push(row.get::<_, Hash>(1).map_err(failed)?);
    }
    Ok(tree)
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

/// Writes leaves at the end of the trail.
pub(super) fn append(
    db: &Connection,
    tree: &mut Tree,
    leaves: &[LeafDraft],
    clock: &dyn Clock,
    boot_id: &str,
) -> Result<(), StoreError> {
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
    }
    Ok(())
}
