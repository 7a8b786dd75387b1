//! The audit trail as policies see it: an entry is written and read back, and all entries are held against what was signed.

use crate::{
    audit::{Gone, LeafDraft, LeafStamp, NoteVerifier, Tree, leaf_hash},
    backend::app::App,
    domain::{Millis, Timestamp},
    store::{DataFolder, LeafRow, StoreReader, sqlite::SqliteReader},
};
use serde::Deserialize;
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

/// Writes an entry and reads it back from the store: its bytes, the text beside it, and the hash that is kept of it.
pub(super) async fn probe(app: &Arc<App>, leaf: LeafDraft) -> Probe {
    let from = app.hub.audit_size();
    let wanted = WantedLeaf { draft: leaf.clone(), boot_id: app.clock.boot_id() };
    if let Err(e) = app.record(vec![leaf], Vec::new()).await {
        return Probe { written: false, read_back: false, why: Some(e.to_string()) };
    }
    let reader = Arc::clone(&app.reader);
    let found = tokio::task::spawn_blocking(move || find(reader.as_ref(), from, &wanted)).await;
    let (read_back, why) = match found {
        Ok(Ok(())) => (true, None),
        Ok(Err(why)) => (false, Some(why)),
        Err(_) => (false, Some("reading broke off".to_owned())),
    };
    Probe { written: true, read_back, why }
}

/// The entry as it was written.
struct WantedLeaf {
    draft: LeafDraft,
    boot_id: String,
}

/// What an entry says of where and when it was written; all else of it is known before.
#[derive(Deserialize)]
struct Stamped {
    utc: Timestamp,
    boot_ms: i64,
}

impl WantedLeaf {
    /// Whether it is this one by who, what and how, and the text beside it, which no other has.
    fn is_meant(&self, row: &LeafRow) -> bool {
        let Ok(entry) = serde_json::from_str::<serde_json::Value>(&row.leaf) else { return false };
        let says = |name: &str, value: Result<serde_json::Value, serde_json::Error>| {
            value.is_ok_and(|value| entry.get(name) == Some(&value))
        };
        let text = self.draft.side_text.as_ref().map(|side| &side.text);
        says("actor", serde_json::to_value(&self.draft.actor))
            && says("act", serde_json::to_value(self.draft.act))
            && says("outcome", serde_json::to_value(self.draft.outcome))
            && row.text.as_ref() == text
    }

    /// Whether it is byte for byte as it was written.
    fn is_whole(&self, row: &LeafRow) -> bool {
        let Ok(Stamped { utc, boot_ms }) = serde_json::from_str(&row.leaf) else { return false };
        let stamp = LeafStamp { index: row.index, utc, boot: Millis(boot_ms), boot_id: &self.boot_id };
        self.draft.text(&stamp).is_ok_and(|written| written == row.leaf)
    }
}

/// Looks for the entry from `from` on, and compares it with what was written and with the hash that is kept of it.
fn find(reader: &dyn StoreReader, from: u64, wanted: &WantedLeaf) -> Result<(), String> {
    let mut next = from;
    while next < from.saturating_add(LOOK_MAX) {
        let page = reader.leaves(next, PAGE).map_err(|e| e.to_string())?;
        let Some(last) = page.last().map(|row| row.index) else { break };
        if let Some(row) = page.iter().find(|row| wanted.is_meant(row)) {
            let hash = reader.audit_hashes(row.index, 1).map_err(|e| e.to_string())?;
            let kept = hash.first() == Some(&leaf_hash(row.leaf.as_bytes()));
            return match (wanted.is_whole(row), kept) {
                (true, true) => Ok(()),
                (false, _) => Err(format!("entry {} is not as it was written", row.index)),
                (true, false) => Err(format!("entry {} is not as its hash says", row.index)),
            };
        }
        next = last + 1;
    }
    Err("the entry is not in the store as it was written".to_owned())
}

/// The whole trail is read again when it was so long ago: what was added since is read each time.
const WHOLE_EVERY: Millis = Millis::from_mins(24 * 60);

/// The part of the trail that was found as it was signed.
#[derive(Debug, Clone)]
pub(super) struct Verified {
    tree: Tree,
    /// When all of it was read, since boot.
    whole_at: Millis,
}

/// How much of the trail is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All entries.
    Whole,
    /// Those that were added since the last look, if all were read within [`WHOLE_EVERY`].
    Added,
}

/// Whether the entries fit the newest signed checkpoint, by their bytes, and the texts beside them the entries; why that cannot be said. Reads on a connection of its own: the
/// whole trail takes about 3 s for a million entries. `known` is what was found before, and what is found now.
pub(super) fn verified(
    folder: &DataFolder,
    key: &NoteVerifier,
    known: &mut Option<Verified>,
    extent: Extent,
    now: Millis,
) -> Result<bool, String> {
    let reader = SqliteReader::open(folder).map_err(|e| e.to_string())?;
    let note = reader.newest_checkpoint().map_err(|e| e.to_string())?;
    let note = note.ok_or("no checkpoint was signed yet")?;
    // What is not found good is read as a whole the next time.
    let before = known.take().filter(|known| extent == Extent::Added && now - known.whole_at < WHOLE_EVERY);
    let Ok(checkpoint) = key.open(&note) else { return Ok(false) };
    let Verified { mut tree, whole_at } = before.unwrap_or(Verified { tree: Tree::default(), whole_at: now });
    if tree.size() > checkpoint.size {
        return Ok(false);
    }
    let mut gone = Gone::default();
    let mut fits = true;
    let read = reader.each_leaf(tree.size(), &mut |leaf| {
        if tree.size() >= checkpoint.size {
            return false;
        }
        fits = gone.takes(&leaf, checkpoint.size)
            && leaf.index == tree.size()
            && (leaf.bytes.is_empty() || leaf.text_fits);
        tree.push(leaf.hash);
        fits
    });
    read.map_err(|e| e.to_string())?;
    let good = fits && gone.unsaid().is_none() && tree.size() == checkpoint.size && tree.root() == checkpoint.root;
    *known = good.then_some(Verified { tree, whole_at });
    Ok(good)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{Act, LeafActor, Outcome, SideText},
        domain::Mode,
        seam::{ManualClock, OsEntropy},
        store::{
            Batch, Store,
            sqlite::{SqliteStore, StoreParts},
        },
    };

    struct Bench {
        _dir: tempfile::TempDir,
        folder: DataFolder,
        store: SqliteStore,
        clock: ManualClock,
    }

    fn bench() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::make(&dir.path().join("data")).unwrap();
        let clock = ManualClock::at(Timestamp::from_ms(1_790_000_000_000));
        let parts = StoreParts { clock: Arc::new(clock.clone()), entropy: Arc::new(OsEntropy) };
        let store = SqliteStore::open(&folder, folder.lock().unwrap(), Mode::Demo, &parts).unwrap();
        Bench { _dir: dir, folder, store, clock }
    }

    fn probe_leaf() -> LeafDraft {
        let side_text = Some(SideText { field: "probe", text: "p-1".to_owned(), salt: [7; 16] });
        LeafDraft { side_text, ..LeafDraft::new(LeafActor::System, Act::PolicyProbe, Outcome::Success) }
    }

    fn write(bench: &mut Bench, leaf: LeafDraft) {
        bench.store.commit(&Batch { leaves: vec![leaf], ..Batch::default() }).unwrap();
    }

    fn change(bench: &Bench, sql: &str) {
        rusqlite::Connection::open(bench.folder.database()).unwrap().execute_batch(sql).unwrap();
    }

    #[test]
    fn an_entry_is_read_back_byte_for_byte_with_its_hash_and_its_text() {
        let mut bench = bench();
        let wanted = WantedLeaf { draft: probe_leaf(), boot_id: crate::seam::Clock::boot_id(&bench.clock) };
        let reader = bench.store.reader().unwrap();
        assert!(find(&reader, 0, &wanted).unwrap_err().contains("is not in the store"));
        write(&mut bench, probe_leaf());
        assert_eq!(find(&reader, 0, &wanted), Ok(()));
        for (harm, why) in [
            (
                "UPDATE audit_leaf SET leaf = replace(leaf, '\"outcome\"', '\"code\":\"x\",\"outcome\"') WHERE idx = 1",
                "entry 1 is not as it was written",
            ),
            (
                "UPDATE audit_leaf SET leaf = replace(leaf, '\"i\":1', '\"i\":2') WHERE idx = 1",
                "entry 1 is not as it was written",
            ),
            ("UPDATE audit_leaf SET hash = zeroblob(32) WHERE idx = 1", "entry 1 is not as its hash says"),
            ("UPDATE audit_text SET text = 'p-2' WHERE idx = 1", "is not in the store as it was written"),
        ] {
            change(
                &bench,
                "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT * FROM audit_leaf; DROP TABLE IF EXISTS kept_text; CREATE TABLE kept_text AS SELECT * FROM audit_text;",
            );
            change(&bench, harm);
            let said = find(&reader, 0, &wanted).unwrap_err();
            assert!(said.contains(why), "{harm}: {said}");
            change(
                &bench,
                "DELETE FROM audit_leaf; INSERT INTO audit_leaf SELECT * FROM kept; DELETE FROM audit_text; INSERT INTO audit_text SELECT * FROM kept_text;",
            );
        }
        assert_eq!(find(&reader, 0, &wanted), Ok(()));
    }

    #[test]
    fn the_trail_is_held_against_its_checkpoint_as_a_whole_and_then_by_what_was_added() {
        let mut bench = bench();
        let key = bench.store.verifier();
        let mut known = None;
        let at = |hours: i64| Millis::from_mins(hours * 60);
        let look = |bench: &Bench, known: &mut Option<Verified>, extent, now| {
            verified(&bench.folder, &key, known, extent, now)
        };
        assert!(look(&bench, &mut known, Extent::Added, at(0)).unwrap_err().contains("no checkpoint"));
        (0..3).for_each(|_| write(&mut bench, probe_leaf_without_text()));
        bench.store.checkpoint(true).unwrap();
        assert_eq!(look(&bench, &mut known, Extent::Added, at(0)), Ok(true));
        assert_eq!(known.as_ref().unwrap().tree.size(), 4);
        // Bytes that were read before are not read again within the day; what is added is, and all is when somebody asks.
        change(&bench, "UPDATE audit_leaf SET leaf = replace(leaf, 'success', 'refused') WHERE idx = 2");
        assert_eq!(look(&bench, &mut known, Extent::Added, at(1)), Ok(true));
        assert_eq!(look(&bench, &mut known.clone(), Extent::Added, at(24)), Ok(false));
        assert_eq!(look(&bench, &mut known.clone(), Extent::Whole, at(1)), Ok(false));
        change(&bench, "UPDATE audit_leaf SET leaf = replace(leaf, 'refused', 'success') WHERE idx = 2");
        write(&mut bench, probe_leaf_without_text());
        bench.store.checkpoint(true).unwrap();
        change(&bench, "UPDATE audit_leaf SET leaf = replace(leaf, 'success', 'refused') WHERE idx = 4");
        assert_eq!(look(&bench, &mut known, Extent::Added, at(2)), Ok(false));
        assert!(known.is_none(), "after a bad look all is read");
        change(&bench, "UPDATE audit_leaf SET leaf = replace(leaf, 'refused', 'success') WHERE idx = 4");
        assert_eq!(look(&bench, &mut known, Extent::Added, at(3)), Ok(true));
        let blank =
            "INSERT OR REPLACE INTO audit_segment (first, end, until_ms, note, removed) VALUES (0, 2, 0, '', 2);
            UPDATE audit_leaf SET leaf = '' WHERE idx <= 1";
        change(&bench, blank);
        assert_eq!(look(&bench, &mut known, Extent::Whole, at(3)), Ok(false), "it is gone, and no removal says so");
    }

    fn probe_leaf_without_text() -> LeafDraft {
        LeafDraft { side_text: None, ..probe_leaf() }
    }
}
