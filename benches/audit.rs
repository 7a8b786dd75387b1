//! The audit trail at a size of years: durable acts a second, verification of the whole, and single proofs.
//!
//! `cargo bench --bench audit`; a first argument that is a number is the number of entries (1,000,000).

#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a benchmark fails by panicking")]

mod allocator;

use std::{convert::Infallible, sync::Arc};
use wardwatch::{
    audit::{
        Act, Evidence, LeafActor, LeafDraft, NoteVerifier, Outcome,
        proof::{is_consistent, is_included},
        verify,
    },
    domain::Mode,
    seam::{Clock, OsClock, OsEntropy},
    store::{
        Batch, DataFolder, Store, StoreReader,
        sqlite::{SqliteReader, SqliteStore, StoreParts},
    },
};

/// Entries of a trail of some years.
const ENTRIES: u64 = 1_000_000;
/// Acts that are committed one by one, and in groups of [`GROUP`].
const ACTS: u64 = 2_000;
/// Acts that wait for one fsync.
const GROUP: u64 = 64;
/// Proofs of each kind.
const PROOFS: u64 = 500;

fn leaf(n: u64) -> LeafDraft {
    let actor = LeafActor::User {
        user: format!("u-{:08x}", n % 97).parse().unwrap(),
        role: wardwatch::domain::Role::Nurse,
        session: Some(format!("s-{:016x}", n % 1_013).parse().unwrap()),
    };
    LeafDraft {
        ward: Some("3-east".parse().unwrap()),
        patient: Some(format!("p-{:08x}", n % 4_096).parse().unwrap()),
        ..LeafDraft::new(actor, Act::PatientView, Outcome::Success)
    }
}

fn seconds(work: impl FnOnce()) -> f64 {
    let begin = OsClock.boot_micros();
    work();
    (OsClock.boot_micros() - begin) as f64 / 1e6
}

/// The longest and the middle of some measurements, in milliseconds.
fn spread(mut all: Vec<f64>) -> (f64, f64) {
    all.sort_by(f64::total_cmp);
    (all.last().copied().unwrap_or_default() * 1e3, all.get(all.len() / 2).copied().unwrap_or_default() * 1e3)
}

fn commit(store: &mut SqliteStore, from: u64, count: u64) {
    let leaves = (from..from + count).map(leaf).collect();
    store.commit(&Batch { leaves, ..Batch::default() }).unwrap();
}

fn main() {
    let entries = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(ENTRIES);
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = DataFolder::make(&dir.path().join("data")).unwrap();
    let parts = StoreParts { clock: Arc::new(OsClock), entropy: Arc::new(OsEntropy) };
    let mut store = SqliteStore::open(&folder, folder.lock().unwrap(), Mode::Live, &parts).unwrap();
    let one = seconds(|| (0..ACTS).for_each(|n| commit(&mut store, n, 1)));
    println!("durable acts one by one:     {:>9.0}/s", ACTS as f64 / one);
    let grouped = seconds(|| (0..ACTS / 4).for_each(|n| commit(&mut store, n * GROUP, GROUP)));
    println!("durable acts in groups of {GROUP}: {:>9.0}/s", (ACTS / 4 * GROUP) as f64 / grouped);
    while store.audit_size() < entries {
        let from = store.audit_size();
        commit(&mut store, from, (entries - from).min(10_000));
    }
    store.checkpoint(true).unwrap();
    let opened = seconds(|| {
        drop(SqliteReader::open(&folder).unwrap());
    });
    let key: NoteVerifier = std::fs::read_to_string(folder.audit_public_key()).unwrap().parse().unwrap();
    let alone = SqliteReader::open(&folder).unwrap();
    let pinned = key.open(&alone.newest_checkpoint().unwrap().unwrap()).unwrap();
    let evidence = Evidence { pinned: vec![pinned.clone()], ..Evidence::default() };
    let verified = seconds(|| {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1_024);
        std::thread::scope(|scope| {
            let verdict = scope.spawn(|| verify(receiver.into_iter().map(Ok::<_, Infallible>), &evidence));
            alone.each_leaf(0, &mut |leaf| sender.send(leaf).is_ok()).unwrap();
            drop(sender);
            verdict.join().unwrap().unwrap().unwrap();
        });
    });
    println!("verify {} entries:      {verified:>9.2} s (open {opened:.3} s)", pinned.size);
    let reader = store.reader().unwrap();
    let hash_of = |index: u64| {
        let row = reader.leaves(index, 1).unwrap().remove(0);
        wardwatch::audit::leaf_hash(row.leaf.as_bytes())
    };
    let at = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % pinned.size;
    let inclusions = (0..PROOFS).map(|n| {
        let (index, hash) = (at(n), hash_of(at(n)));
        seconds(|| {
            let proof = reader.audit_inclusion(index, pinned.size).unwrap().unwrap();
            assert!(is_included(index, pinned.size, hash, &proof, &pinned.root));
        })
    });
    let (longest, middle) = spread(inclusions.collect());
    println!("inclusion proof:             {middle:>9.3} ms (longest {longest:.3} ms)");
    let consistencies = (0..PROOFS).map(|n| {
        let old = 1 + at(n);
        seconds(|| {
            let proof = reader.audit_consistency(old, pinned.size).unwrap().unwrap();
            // The old root is not at hand: the proof must at least be no proof of another one.
            assert!(old == pinned.size || !is_consistent((old, &[0; 32]), (pinned.size, &pinned.root), &proof));
        })
    });
    let (longest, middle) = spread(consistencies.collect());
    println!("consistency proof:           {middle:>9.3} ms (longest {longest:.3} ms)");
}
