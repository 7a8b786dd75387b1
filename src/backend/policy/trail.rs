//! The audit trail as policies see it: an entry is written and read back, and all entries are held against what was signed.

use crate::{
    audit::{LeafDraft, NoteVerifier, Tree, leaf_hash},
    backend::app::App,
    store::{DataFolder, LeafRow, StoreReader, sqlite::SqliteReader},
};
use std::sync::Arc;

/// Entries that are read at once.
const PAGE: u32 = 200;
/// Entries among which the probe is looked for: others may have been written since.
const LOOK_MAX: u64 = 20_000;

/// How the probe went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probe {
    /// Whether it was written.
    pub(super) written: bool,
    /// Whether it was read back as it was written.
    pub(super) read_back: bool,
    /// What went wrong.
    pub(super) why: Option<String>,
}

/// Writes an entry and reads it back from the store.
pub(super) async fn probe(app: &Arc<App>, leaf: LeafDraft) -> Probe {
    let from = app.hub.audit_size();
    let wanted = wanted_of(&leaf);
    if let Err(e) = app.record(vec![leaf], Vec::new()).await {
        return Probe { written: false, read_back: false, why: Some(e.to_string()) };
    }
    let reader = Arc::clone(&app.reader);
    let found = tokio::task::spawn_blocking(move || find(reader.as_ref(), from, &wanted)).await;
    let (read_back, why) = match found {
        Ok(Ok(true)) => (true, None),
        Ok(Ok(false)) => (false, Some("the entry is not in the store".to_owned())),
        Ok(Err(e)) => (false, Some(e)),
        Err(_) => (false, Some("reading broke off".to_owned())),
    };
    Probe { written: true, read_back, why }
}

/// By what an entry is known again: who, what and how, and the text beside it.
struct WantedLeaf {
    members: [(&'static str, serde_json::Value); 3],
    text: Option<String>,
}

fn wanted_of(leaf: &LeafDraft) -> WantedLeaf {
    let value = |value: Result<serde_json::Value, serde_json::Error>| value.unwrap_or_default();
    WantedLeaf {
        members: [
            ("actor", value(serde_json::to_value(&leaf.actor))),
            ("act", value(serde_json::to_value(leaf.act))),
            ("outcome", value(serde_json::to_value(leaf.outcome))),
        ],
        text: leaf.side_text.as_ref().map(|side| side.text.clone()),
    }
}

impl WantedLeaf {
    fn is(&self, row: &LeafRow) -> bool {
        let Ok(entry) = serde_json::from_str::<serde_json::Value>(&row.leaf) else { return false };
        self.members.iter().all(|(name, value)| entry.get(name) == Some(value)) && row.text == self.text
    }
}

fn find(reader: &dyn StoreReader, from: u64, wanted: &WantedLeaf) -> Result<bool, String> {
    let mut next = from;
    while next < from.saturating_add(LOOK_MAX) {
        let page = reader.leaves(next, PAGE).map_err(|e| e.to_string())?;
        let Some(last) = page.last().map(|row| row.index) else { return Ok(false) };
        if page.iter().any(|row| wanted.is(row)) {
            return Ok(true);
        }
        next = last + 1;
    }
    Ok(false)
}

/// Whether all entries fit the newest signed checkpoint; why that cannot be said. Reads the whole trail on a connection of
/// its own: about 3 s for a million entries.
pub(super) fn verified(folder: &DataFolder, key: &NoteVerifier) -> Result<bool, String> {
    let reader = SqliteReader::open(folder).map_err(|e| e.to_string())?;
    let note = reader.newest_checkpoint().map_err(|e| e.to_string())?;
    let note = note.ok_or("no checkpoint was signed yet")?;
    let Ok(checkpoint) = key.open(&note) else { return Ok(false) };
    let mut tree = Tree::default();
    let read = reader.each_leaf(&mut |leaf| {
        let more = tree.size() < checkpoint.size;
        if more {
            tree.push(leaf_hash(&leaf.bytes));
        }
        more
    });
    read.map_err(|e| e.to_string())?;
    Ok(tree.size() == checkpoint.size && tree.root() == checkpoint.root)
}
