//! The store as a whole: what is committed is read back, what fails leaves nothing.

use super::*;
use crate::{
    audit::{
        Act, Evidence, FaultKind, LeafActor, LeafDraft, NoteVerifier, Outcome, Retained, RetainedHow, SideText, Tree,
        proof, verify,
    },
    domain::{
        Coverage, DeviceId, Event, EventBody, Marks, Millis, Mode, Observation, PatientId, Quality, Role, Timestamp,
        VitalCode, Ward, WardId,
        vital::{HR, SPO2, TEMP},
    },
    engine::{Input, InputBlock, SeriesKey},
    seam::{Clock, ManualClock, OsClock, OsEntropy},
    store::{
        AccessChange, Batch, CorrectedSample, DataFolder, DeadLetter, DeadLetterEnd, DeadLetterFilter, Retention,
        Store, StoreReader, UserRecord, WardBatch,
    },
};
use std::sync::Arc;

struct Bench {
    _dir: tempfile::TempDir,
    folder: DataFolder,
    clock: ManualClock,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::make(&dir.path().join("data")).unwrap();
        Self { _dir: dir, folder, clock: ManualClock::at(t(0)) }
    }

    fn open(&self) -> SqliteStore {
        let parts = StoreParts { clock: Arc::new(self.clock.clone()), entropy: Arc::new(OsEntropy) };
        SqliteStore::open(&self.folder, self.folder.lock().unwrap(), Mode::Demo, &parts).unwrap()
    }
}

fn t(s: i64) -> Timestamp {
    Timestamp::from_ms(1_000_000_000_000) + Millis::from_secs(s)
}

fn ward() -> Ward {
    Ward { id: "w".parse().unwrap(), name: "Ward".into(), time_zone: chrono_tz::Tz::UTC }
}

fn id() -> WardId {
    ward().id
}

fn sample(s: i64, vital: VitalCode, value: f64, quality: Quality) -> (Observation, Quality) {
    let observation = Observation {
        patient: "p".parse().unwrap(),
        device: "d".parse().unwrap(),
        vital,
        value,
        text: None,
        observed_at: t(s),
        received_at: t(s),
        correction: false,
        interval: None,
    };
    (observation, quality)
}

fn block(samples: &[(Observation, Quality)]) -> InputBlock {
    let mut block = InputBlock::default();
    let mut places = std::collections::BTreeMap::new();
    for (o, quality) in samples {
        let key = SeriesKey { patient: o.patient.clone(), device: o.device.clone(), vital: o.vital };
        let place = *places.entry(key.clone()).or_insert_with(|| block.add_series(key));
        block.push_observation(place, o, o.observed_at, (*quality, Marks::NONE, false));
    }
    block
}

fn step(s: i64) -> Event {
    Event::new(t(s), EventBody::ClockStepped { by_ms: Millis(s) })
}

fn batch(s: i64, samples: &[(Observation, Quality)], events: usize) -> Batch {
    let mut ward_batch = WardBatch::new(id(), t(s));
    ward_batch.made = Some(ward());
    ward_batch.events = (0..events).map(|_| step(s)).collect();
    ward_batch.inputs = block(samples);
    ward_batch.inputs.push(&Input::ClockStepped { by_ms: Millis(s) }, t(s)).unwrap();
    Batch { wards: vec![ward_batch], ..Batch::default() }
}

fn leaf() -> LeafDraft {
    LeafDraft::new(LeafActor::System, Act::ServerStart, Outcome::Success)
}

#[test]
fn what_is_committed_is_read_back() {
    let bench = Bench::new();
    let mut store = bench.open();
    let mut first = batch(1, &[sample(1, SPO2, 97.0, Quality::Valid), sample(2, SPO2, 0.0, Quality::NotMeasured)], 2);
    first.leaves.push(leaf());
    let committed = store.commit(&first).unwrap();
    assert_eq!((committed.wards[0].first_seq, committed.audit_size), (1, 2));
    assert_eq!(store.commit(&batch(2, &[], 1)).unwrap().wards[0].first_seq, 3);
    let reader = store.reader().unwrap();
    let events = reader.events_after(&id(), 0, 100).unwrap();
    assert_eq!(events.iter().map(|e| e.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(events[2].event, step(2));
    assert_eq!(reader.events_after(&id(), 1, 1).unwrap()[0].seq, 2);
    assert_eq!(reader.head(&id()).unwrap(), 3);
    assert_eq!(reader.events_after(&"other".parse().unwrap(), 0, 10).unwrap(), []);
    let (device, patient): (DeviceId, PatientId) = ("d".parse().unwrap(), "p".parse().unwrap());
    assert_eq!(reader.sample(&device, SPO2, t(1)).unwrap().unwrap().value, 97.0);
    assert_eq!(reader.sample(&device, SPO2, t(3)).unwrap(), None);
    assert_eq!(reader.newest(&device, SPO2).unwrap(), Some(t(2)));
    assert_eq!(reader.newest(&device, HR).unwrap(), None);
    let trends = reader.trends(&id(), &patient, &[], (t(0), t(10)), 10).unwrap();
    assert_eq!(trends.len(), 1);
    assert_eq!(trends[0].trend.points.len(), 1, "what was not measured is a gap");
}

#[test]
fn samples_are_found_before_and_after_they_move_into_blocks() {
    let bench = Bench::new();
    let mut store = bench.open();
    let (device, patient): (DeviceId, PatientId) = ("d".parse().unwrap(), "p".parse().unwrap());
    let look = |reader: &SqliteReader| {
        let trends = reader.trends(&id(), &patient, &[], (t(0), t(100)), 50).unwrap();
        let points: u32 = trends.iter().flat_map(|v| &v.trend.points).map(|p| p.count).sum();
        let newest = reader.newest_samples(&id(), t(0)).unwrap();
        let newest: Vec<(VitalCode, f64)> = newest.into_iter().map(|(key, kept)| (key.vital, kept.value)).collect();
        (
            points,
            newest,
            reader.newest(&device, SPO2).unwrap(),
            reader.sample(&device, SPO2, t(7)).unwrap().map(|s| s.value),
        )
    };
    let first: Vec<_> =
        (0..50).map(|s| sample(s, SPO2, f64::from(i32::try_from(90 + s % 10).unwrap()), Quality::Valid)).collect();
    store.commit(&batch(1, &first, 0)).unwrap();
    store.commit(&batch(2, &[sample(60, HR, 72.0, Quality::Valid)], 0)).unwrap();
    let expected = (51, vec![(SPO2, 99.0), (HR, 72.0)], Some(t(49)), Some(97.0));
    let (inside, outside) = (store.reader().unwrap(), SqliteReader::open(&bench.folder).unwrap());
    assert_eq!((look(&inside), look(&outside)), (expected.clone(), expected.clone()));
    let mut third = batch(3, &[sample(61, HR, 73.0, Quality::Valid)], 0);
    third.wards[0].snapshot = Some(vec![1]);
    store.commit(&third).unwrap();
    let expected = (52, vec![(SPO2, 99.0), (HR, 73.0)], Some(t(49)), Some(97.0));
    assert_eq!((look(&inside), look(&outside)), (expected.clone(), expected.clone()));
    store.commit(&batch(4, &[sample(62, HR, 74.0, Quality::Valid)], 0)).unwrap();
    let expected = (53, vec![(SPO2, 99.0), (HR, 74.0)], Some(t(49)), Some(97.0));
    assert_eq!((look(&inside), look(&outside)), (expected.clone(), expected.clone()));
    drop((inside, outside, store));
    let store = bench.open();
    assert_eq!(look(&store.reader().unwrap()), expected, "and after a start");
}

#[test]
fn a_start_finds_numbers_snapshot_and_inputs_again() {
    let bench = Bench::new();
    {
        let mut store = bench.open();
        store.commit(&batch(1, &[], 2)).unwrap();
        let mut second = batch(2, &[], 0);
        second.wards[0].snapshot = Some(vec![9]);
        store.commit(&second).unwrap();
        store.commit(&batch(3, &[], 1)).unwrap();
    }
    let mut store = bench.open();
    let reader = store.reader().unwrap();
    let wards = reader.wards().unwrap();
    assert_eq!((wards[0].head, wards[0].engine_now), (3, t(3)));
    let (input_no, body) = wards[0].snapshot.clone().unwrap();
    assert_eq!(body, [9]);
    assert_eq!(reader.input_blocks(&id(), input_no).unwrap().len(), 1, "only what came after the snapshot");
    assert_eq!(store.commit(&batch(4, &[], 1)).unwrap().wards[0].first_seq, 4);
}

#[test]
fn corrections_change_the_stored_value() {
    let bench = Bench::new();
    let mut store = bench.open();
    store.commit(&batch(1, &[sample(1, TEMP, 73.0, Quality::OutOfRange)], 0)).unwrap();
    let mut correction = batch(2, &[], 1);
    correction.wards[0].snapshot = Some(vec![1]);
    correction.wards[0].corrections.push(CorrectedSample {
        device: "d".parse().unwrap(),
        vital: TEMP,
        observed_at: t(1),
        value: 37.0,
        text: Some("37.00".into()),
        quality: Quality::Valid,
    });
    store.commit(&correction).unwrap();
    let reader = store.reader().unwrap();
    let (_, kept) = reader.newest_samples(&id(), t(0)).unwrap().remove(0);
    assert_eq!((kept.value, kept.text.as_deref(), kept.quality), (37.0, Some("37.00"), Quality::Valid));
}

#[test]
fn a_full_disk_keeps_nothing_of_the_batch_and_lets_the_store_go_on() {
    let bench = Bench::new();
    let mut store = bench.open();
    store.commit(&batch(1, &[], 1)).unwrap();
    store.connection().pragma_update(None, "max_page_count", 60).unwrap();
    let many: Vec<_> = (0..40_000).map(|i| sample(i, SPO2, 97.0, Quality::Valid)).collect();
    let mut big = batch(2, &many, 3);
    big.leaves.push(leaf());
    let error = store.commit(&big).unwrap_err();
    assert!(error.is_full(), "{error:?}");
    let reader = store.reader().unwrap();
    assert_eq!(reader.head(&id()).unwrap(), 1);
    assert_eq!(reader.newest(&"d".parse().unwrap(), SPO2).unwrap(), None);
    assert_eq!(store.audit_size(), 1);
    store.connection().pragma_update(None, "max_page_count", 1_000_000).unwrap();
    let committed = store.commit(&batch(3, &[sample(1, SPO2, 97.0, Quality::Valid)], 1)).unwrap();
    assert_eq!((committed.wards[0].first_seq, committed.audit_size), (2, 1));
}

/// Makes the database refuse rows of a table.
fn refuse(store: &SqliteStore, table: &str, when: &str) {
    let body = "BEGIN SELECT RAISE(ABORT, 'injected'); END";
    let sql = format!("CREATE TRIGGER refuse BEFORE INSERT ON {table} WHEN {when} {body}");
    store.connection().execute_batch(&sql).unwrap();
}

#[test]
fn a_refused_row_of_a_resource_keeps_nothing_of_the_batch() {
    let bench = Bench::new();
    let mut store = bench.open();
    refuse(&store, "fhir_token", "NEW.code = 'bad'");
    let token = |code: &str| crate::fhir::Token { param: "code", system: "s".into(), code: code.into() };
    let with = |id: &str, code: &str| {
        let mut row = resource(crate::fhir::ResourceKind::Observation, id, 1, 1);
        row.index.tokens = vec![token("good"), token(code)];
        row
    };
    let mut group = batch(1, &[sample(1, SPO2, 97.0, Quality::Valid)], 1);
    group.leaves.push(leaf());
    group.resources = vec![with("a", "good"), with("b", "bad")];
    let before = store.audit_size();
    let error = store.commit(&group).unwrap_err();
    assert!(matches!(error, StoreError::Constraint(_)) && error.leaves_whole(), "{error:?}");
    let reader = store.reader().unwrap();
    let found = |id: &str| reader.resource(crate::fhir::ResourceKind::Observation, id, None).unwrap().is_some();
    assert_eq!((found("a"), found("b"), store.audit_size()), (false, false, before));
    assert_eq!(reader.dead_letters(&DeadLetterFilter::default(), 10).unwrap(), []);
    assert!(reader.wards().unwrap().is_empty(), "the ward was to be made with it");
    group.resources.truncate(1);
    assert_eq!(store.commit(&group).unwrap().wards[0].first_seq, 1);
    assert_eq!((found("a"), store.audit_size()), (true, before + 1));
}

#[test]
fn open_dead_letters_are_found_by_their_index_and_not_among_all_that_have_ended() {
    let bench = Bench::new();
    let store = bench.open();
    let plan = |ended: bool| {
        let sql = format!("EXPLAIN QUERY PLAN {}", reader::dead_letters_sql(ended));
        let none: Option<i64> = None;
        let of = rusqlite::params![none, none, none, 25];
        store.connection().query_row(&sql, of, |row| row.get::<_, String>(3)).unwrap()
    };
    assert!(plan(false).contains("dead_letter_open"), "{}", plan(false));
    assert!(!plan(true).contains("dead_letter_open"), "{}", plan(true));
}

#[test]
fn a_refused_row_of_a_ward_keeps_nothing_of_the_batch_and_lets_the_store_go_on() {
    let bench = Bench::new();
    let mut store = bench.open();
    store.commit(&batch(1, &[], 1)).unwrap();
    refuse(&store, "event", "true");
    let error = store.commit(&batch(2, &[], 1)).unwrap_err();
    assert!(matches!(error, StoreError::Constraint(_)) && error.leaves_whole(), "{error:?}");
    store.connection().execute_batch("DROP TRIGGER refuse").unwrap();
    assert_eq!(store.commit(&batch(3, &[], 1)).unwrap().wards[0].first_seq, 2);
}

#[test]
fn any_other_failure_closes_the_store_for_good() {
    let bench = Bench::new();
    let mut store = bench.open();
    store.commit(&batch(1, &[], 1)).unwrap();
    store.connection().execute_batch("DROP TABLE event").unwrap();
    assert!(!store.commit(&batch(2, &[], 1)).unwrap_err().is_full());
    assert!(matches!(store.commit(&batch(3, &[], 0)), Err(StoreError::Closed)));
    assert!(matches!(store.checkpoint(true), Err(StoreError::Closed)));
}

/// The reader beside the writer and one that stands alone prove the same, and the proofs hold; also after more was written.
#[test]
fn proofs_come_from_the_stored_trail() {
    let bench = Bench::new();
    let mut store = bench.open();
    let (beside, alone) = (store.reader().unwrap(), SqliteReader::open(&bench.folder).unwrap());
    for old in [1_u64, 300, 600] {
        while store.audit_size() < old + 299 {
            store.commit(&Batch { leaves: vec![leaf(); 23], ..Batch::default() }).unwrap();
        }
        let (mut trees, mut hashes) = (vec![Tree::default()], Vec::new());
        beside
            .each_leaf(0, &mut |leaf| {
                let mut tree = trees.last().unwrap().clone();
                tree.push(leaf.hash);
                trees.push(tree);
                hashes.push(leaf.hash);
                true
            })
            .unwrap();
        let (new, root) = (store.audit_size(), |size: u64| trees[usize::try_from(size).unwrap()].root());
        for reader in [&beside, &alone] {
            let grown = reader.audit_consistency(old, new).unwrap().unwrap();
            assert!(proof::is_consistent((old, &root(old)), (new, &root(new)), &grown), "{old} to {new}");
            for index in [0, old, new - 1] {
                let path = reader.audit_inclusion(index, new).unwrap().unwrap();
                let hash = hashes[usize::try_from(index).unwrap()];
                assert!(proof::is_included(index, new, hash, &path, &root(new)), "{index} of {new}");
            }
            assert_eq!(reader.audit_inclusion(new, new).unwrap(), None);
            assert_eq!(reader.audit_consistency(new + 1, new).unwrap(), None);
        }
    }
    // After a start the subtrees are made anew from the leaves.
    let new = store.audit_size();
    let before = beside.audit_consistency(300, new).unwrap();
    drop((store, beside));
    let store = bench.open();
    assert_eq!(store.reader().unwrap().audit_consistency(300, new).unwrap(), before);
    assert_eq!(alone.audit_consistency(300, new).unwrap(), before);
}

#[test]
fn the_audit_trail_verifies_against_its_checkpoints() {
    let bench = Bench::new();
    let mut store = bench.open();
    for _ in 0..5 {
        store.commit(&Batch { leaves: vec![leaf(), leaf()], ..Batch::default() }).unwrap();
        store.checkpoint(false).unwrap().unwrap();
        assert_eq!(store.checkpoint(false).unwrap(), None, "nothing new to sign");
    }
    let key = std::fs::read_to_string(bench.folder.audit_public_key()).unwrap();
    let verifier: NoteVerifier = key.parse().unwrap();
    let check = |reader: &SqliteReader| {
        let notes = reader.checkpoints(100).unwrap();
        let own = notes.iter().map(|note| verifier.open(note).unwrap()).collect();
        let evidence = Evidence { own, ..Evidence::default() };
        let mut leaves = Vec::new();
        reader
            .each_leaf(0, &mut |leaf| {
                leaves.push(Ok::<_, std::convert::Infallible>(leaf));
                true
            })
            .unwrap();
        verify(leaves.into_iter(), &evidence).unwrap()
    };
    let reader = store.reader().unwrap();
    let verified = check(&reader).unwrap();
    assert_eq!((verified.leaves, verified.covered, verified.checkpoints), (11, 11, 5));
    let published = std::fs::read_to_string(bench.folder.audit_checkpoint()).unwrap();
    assert_eq!(verifier.open(&published).unwrap().size, 11);
    store
        .connection()
        .execute("UPDATE audit_leaf SET leaf = replace(leaf, 'success', 'refused') WHERE idx = 6", [])
        .unwrap();
    assert_eq!(check(&reader).unwrap_err().index, 6);
}

#[test]
fn a_trail_that_was_cut_is_never_signed_again() {
    let bench = Bench::new();
    {
        let mut store = bench.open();
        store.commit(&Batch { leaves: vec![leaf(), leaf(), leaf()], ..Batch::default() }).unwrap();
        store.checkpoint(false).unwrap().unwrap();
        assert_eq!(store.audit_fault(), None);
        store.connection().execute("DELETE FROM audit_leaf WHERE idx = 3", []).unwrap();
    }
    let mut store = bench.open();
    assert!(store.audit_fault().unwrap().contains("4 leaves"));
    store.commit(&Batch { leaves: vec![leaf()], ..Batch::default() }).unwrap();
    assert_eq!(store.checkpoint(true).unwrap(), None);
}

#[test]
fn texts_stand_beside_the_trail() {
    let bench = Bench::new();
    let mut store = bench.open();
    let side_text = Some(SideText { field: "login_name", text: "mallory".into(), salt: [1; 16] });
    store.commit(&Batch { leaves: vec![LeafDraft { side_text, ..leaf() }], ..Batch::default() }).unwrap();
    let row = store.reader().unwrap().leaves(1, 10).unwrap().remove(0);
    assert_eq!((row.text.as_deref(), row.text_fits), (Some("mallory"), true));
    assert!(!row.leaf.contains("mallory"));
    // One that was changed is found, by whoever reads all and by whoever reads one; one that was erased breaks nothing.
    store.checkpoint(true).unwrap().unwrap();
    let verifier: NoteVerifier = std::fs::read_to_string(bench.folder.audit_public_key()).unwrap().parse().unwrap();
    let reader = store.reader().unwrap();
    let check = || {
        let own = reader.checkpoints(100).unwrap().iter().map(|note| verifier.open(note).unwrap()).collect();
        let mut leaves = Vec::new();
        let each = &mut |leaf| {
            leaves.push(Ok::<_, std::convert::Infallible>(leaf));
            true
        };
        reader.each_leaf(0, each).unwrap();
        verify(leaves.into_iter(), &Evidence { own, ..Evidence::default() }).unwrap()
    };
    assert_eq!(check().unwrap().leaves, 2);
    for harm in ["text = 'alice'", "field = 'words'", "salt = zeroblob(16)"] {
        store.connection().execute_batch(&format!("UPDATE audit_text SET {harm} WHERE idx = 1")).unwrap();
        let fault = check().unwrap_err();
        assert_eq!((fault.index, fault.what), (1, FaultKind::Text), "{harm}: {fault}");
        assert!(!reader.leaves(1, 1).unwrap().remove(0).text_fits, "{harm}");
        let whole = "UPDATE audit_text SET text = 'mallory', field = 'login_name', salt = ?1 WHERE idx = 1";
        store.connection().execute(whole, [[1_u8; 16]]).unwrap();
    }
    store.connection().execute("DELETE FROM audit_text WHERE idx = 1", []).unwrap();
    assert_eq!(check().unwrap().leaves, 2);
    store.connection().execute("INSERT INTO audit_text SELECT 0, 'words', zeroblob(16), 'planted'", []).unwrap();
    assert_eq!(check().unwrap_err().index, 0, "the first entry was written without a text");
}

#[test]
fn what_is_past_its_time_goes_and_the_rest_stays() {
    let bench = Bench::new();
    let mut store = bench.open();
    for part in 0..100 {
        let mut samples: Vec<_> = (0..50).map(|s| sample(part * 50 + s, SPO2, 97.0, Quality::Valid)).collect();
        samples.extend((part % 10 == 0).then(|| sample(part * 50, TEMP, 37.0, Quality::Valid)));
        let mut full = batch(part, &samples, 0);
        full.wards[0].snapshot = Some(vec![1]);
        store.commit(&full).unwrap();
    }
    let letter = DeadLetter {
        at: t(0),
        source: "d".into(),
        code: "malformed".into(),
        detail: "x".into(),
        payload: "y".into(),
        way: String::new(),
    };
    store.commit(&Batch { dead_letters: vec![letter; 4_500], ..Batch::default() }).unwrap();
    store.commit(&batch(200, &[], 0)).unwrap();
    let counts = store.reader().unwrap().dead_letter_counts(10).unwrap();
    let all = crate::protocol::LetterCount { source: "d".into(), code: "malformed".into(), count: 4_500, newest: t(0) };
    assert_eq!(counts, [all]);
    let retention = Retention {
        samples: Millis::from_secs(1_000),
        by_vital: [(TEMP, Millis::from_secs(4_000))].into(),
        inputs: Millis::from_secs(10),
        dead_letters: Millis::from_secs(10),
        fhir: Millis::from_secs(10),
    };
    let mut calls = 1;
    while store.expire(t(5_000), &retention).unwrap() {
        calls += 1;
    }
    assert!(calls > 2, "a call deletes a bounded number of rows");
    let reader = store.reader().unwrap();
    let patient = "p".parse().unwrap();
    let count = |vital| {
        let trends = reader.trends(&id(), &patient, &[vital], (t(0), t(5_000)), 2_000).unwrap();
        trends.iter().flat_map(|v| &v.trend.points).map(|p| p.count).sum::<u32>()
    };
    assert_eq!((count(SPO2), count(TEMP)), (1_000, 8));
    assert_eq!(reader.dead_letter_count().unwrap(), 0);
    assert_eq!(reader.input_blocks(&id(), 0).unwrap().len(), 1, "inputs after the snapshot stay");
}

#[test]
fn a_vital_that_is_kept_for_long_does_not_keep_the_others() {
    let bench = Bench::new();
    let mut store = bench.open();
    let mut samples = Vec::new();
    for n in 0..300 {
        let (mut kept, quality) = sample(0, TEMP, 37.0, Quality::Valid);
        kept.patient = format!("p{n}").parse().unwrap();
        samples.push((kept, quality));
    }
    samples.push(sample(10, SPO2, 97.0, Quality::Valid));
    let mut full = batch(10, &samples, 0);
    full.wards[0].snapshot = Some(vec![1]);
    store.commit(&full).unwrap();
    let retention = Retention {
        samples: Millis::from_secs(1_000),
        by_vital: [(TEMP, Millis::from_secs(100_000))].into(),
        inputs: Millis::from_secs(1_000),
        dead_letters: Millis::from_secs(1_000),
        fhir: Millis::from_secs(1_000),
    };
    assert!(!store.expire(t(5_000), &retention).unwrap());
    let reader = store.reader().unwrap();
    assert_eq!(reader.newest(&"d".parse().unwrap(), SPO2).unwrap(), None);
    assert_eq!(reader.newest_samples(&id(), t(0)).unwrap().len(), 300);
}

#[test]
fn who_is_moved_with_the_monitor_keeps_past_and_trend() {
    let bench = Bench::new();
    let mut store = bench.open();
    let patient: PatientId = "p".parse().unwrap();
    let other = Ward { id: "x".parse().unwrap(), ..ward() };
    let mut at = |second: i64, made: Ward, snapshot: bool| {
        let mut batch = batch(second, &[sample(second, SPO2, 97.0, Quality::Valid)], 0);
        batch.wards[0].ward = made.id.clone();
        batch.wards[0].made = Some(made);
        batch.wards[0].snapshot = snapshot.then(|| vec![1]);
        store.commit(&batch).unwrap();
        let reader = store.reader().unwrap();
        let count = |ward: &WardId| -> u32 {
            let trends = reader.trends(ward, &patient, &[], (t(0), t(100)), 100).unwrap();
            trends.iter().flat_map(|v| &v.trend.points).map(|p| p.count).sum()
        };
        (count(&other.id), reader.newest_samples(&other.id, t(0)).unwrap().len(), count(&"none".parse().unwrap()))
    };
    assert_eq!(at(1, ward(), true), (0, 0, 0), "there is no such ward yet");
    assert_eq!(at(2, other.clone(), false), (2, 1, 0));
    assert_eq!(at(3, other.clone(), true), (3, 1, 0));
    assert_eq!(at(4, other.clone(), true), (4, 1, 0));
}

#[test]
fn users_are_kept() {
    let bench = Bench::new();
    let mut store = bench.open();
    let user = UserRecord {
        id: "u-1".parse().unwrap(),
        name: "A.Meyer".into(),
        role: Role::Nurse,
        phc: "$argon2id$…".into(),
        given_at: Some(Timestamp::from_ms(7)),
        enabled: true,
        failures: 0,
        coverage: Coverage::of(vec!["w".parse().unwrap()]),
        factor: None,
    };
    let change = |change| Batch { access: vec![change], ..Batch::default() };
    store.commit(&change(AccessChange::AddUser(user.clone()))).unwrap();
    store.commit(&change(AccessChange::SetFailures { user: user.id.clone(), failures: 3 })).unwrap();
    let stored = || store_users(&bench);
    assert_eq!(stored(), [UserRecord { failures: 3, ..user.clone() }]);
    let own = AccessChange::SetPhc { user: user.id.clone(), phc: "own".into(), given_at: None };
    store.commit(&change(own)).unwrap();
    let user = UserRecord { phc: "own".into(), given_at: None, ..user };
    assert_eq!(stored(), [UserRecord { failures: 3, ..user.clone() }]);
    let other = UserRecord { id: "u-2".parse().unwrap(), name: "a.meyer".into(), ..user.clone() };
    store.commit(&change(AccessChange::AddUser(other))).unwrap();
    assert_eq!(stored(), [UserRecord { failures: 3, ..user }], "the name is taken");
}

fn store_users(bench: &Bench) -> Vec<UserRecord> {
    SqliteReader::open(&bench.folder).unwrap().access().unwrap().users
}

#[test]
fn the_database_is_for_its_owner_alone() {
    use std::os::unix::fs::MetadataExt;
    let bench = Bench::new();
    let _store = bench.open();
    for entry in std::fs::read_dir(bench.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().mode() & 0o777;
        let public = entry.path().ends_with("audit.pub") || entry.path().ends_with("audit.checkpoint");
        assert!(public || mode & 0o077 == 0, "{} has mode {mode:o}", entry.path().display());
    }
}

fn resource(kind: crate::fhir::ResourceKind, id: &str, version: u64, s: i64) -> crate::store::ResourceRow {
    let token = crate::fhir::Token { param: "code", system: "urn:l".into(), code: "1".into() };
    crate::store::ResourceRow {
        kind,
        id: id.into(),
        version,
        patient: Some("p".parse().unwrap()),
        source: "d".parse().unwrap(),
        link: None,
        group: String::new(),
        updated: t(s),
        index: crate::fhir::Index { tokens: vec![token], span: Some((t(s), t(s + 1))) },
        body: format!("{{\"v\":{version}}}").into_bytes(),
        mapped: false,
    }
}

#[test]
fn versions_of_resources_are_kept_found_and_expire() {
    use crate::fhir::{
        ResourceKind::{Encounter, Observation},
        search::{Sort, SortKey},
    };
    let bench = Bench::new();
    let mut store = bench.open();
    let keep = |store: &mut SqliteStore, resources: Vec<crate::store::ResourceRow>| {
        store.commit(&Batch { resources, ..Batch::default() }).unwrap();
    };
    keep(&mut store, vec![resource(Observation, "a", 1, 0), resource(Encounter, "a", 1, 0)]);
    let reader = store.reader().unwrap();
    let query = crate::store::ResourceQuery {
        kind: Observation,
        filters: Vec::new(),
        source: None,
        sort: Sort { key: SortKey::Date, descending: true },
        limit: 1,
        page: None,
    };
    keep(&mut store, vec![resource(Observation, "b", 1, 20)]);
    let first = reader.search_resources(&query).unwrap();
    assert_eq!((first.found[0].id.as_str(), first.total), ("b", Some(2)));
    // A version that is made meanwhile changes nothing of a search that has begun.
    keep(&mut store, vec![resource(Observation, "a", 2, 30)]);
    let second = crate::store::ResourceQuery { page: first.next, ..query.clone() };
    let second = reader.search_resources(&second).unwrap();
    assert_eq!((second.found[0].id.as_str(), second.found[0].version, second.next), ("a", 1, None));
    assert_eq!(reader.search_resources(&query).unwrap().found[0].version, 2, "a new search finds it");
    assert_eq!(reader.resource(Observation, "a", None).unwrap().unwrap().body, b"{\"v\":2}");
    assert_eq!(reader.resource(Observation, "a", Some(1)).unwrap().unwrap().body, b"{\"v\":1}");
    assert_eq!(reader.resource_history(Observation, "a", 10).unwrap().len(), 2);
    let again = store.commit(&Batch { resources: vec![resource(Observation, "a", 2, 31)], ..Batch::default() });
    assert!(matches!(again, Err(StoreError::Constraint(_))), "a version is there once: {again:?}");
    drop(store);
    let mut store = bench.open();
    let retention = Retention { fhir: Millis::from_secs(10), ..Retention::default() };
    assert!(!store.expire(t(25), &retention).unwrap());
    assert_eq!(reader.resource(Observation, "a", Some(1)).unwrap(), None);
    assert_eq!(reader.resource(Observation, "a", None).unwrap().unwrap().version, 2);
    assert!(reader.resource(Encounter, "a", None).unwrap().is_some(), "a stay does not expire");
    let tokens: i64 = store.connection().query_row("SELECT count(*) FROM fhir_token", [], |r| r.get(0)).unwrap();
    assert_eq!(tokens, 3, "what finds a resource goes with it");
}

#[test]
fn earlier_versions_of_what_a_mapping_makes_go_soon_and_all_others_stay() {
    use crate::{fhir::ResourceKind::Observation, store::MAPPED_VERSIONS_KEPT};
    let bench = Bench::new();
    let mut store = bench.open();
    let version = |id: &str, version, mapped| crate::store::ResourceRow {
        mapped,
        ..resource(Observation, id, version, i64::try_from(version).unwrap())
    };
    for row in [
        version("stream", 1, true),
        version("stream", 2, true),
        version("stream", 3, true),
        version("posted", 1, false),
        version("posted", 2, false),
        version("changed", 1, true),
        version("changed", 2, true),
        version("changed", 3, false),
    ] {
        store.commit(&Batch { resources: vec![row], ..Batch::default() }).unwrap();
    }
    let reader = store.reader().unwrap();
    let left = |id: &str| -> Vec<u64> {
        reader.resource_history(Observation, id, 10).unwrap().iter().map(|stored| stored.version).collect()
    };
    assert!(!store.expire(t(1) + MAPPED_VERSIONS_KEPT, &Retention::default()).unwrap());
    assert_eq!(left("stream"), [3, 2, 1], "none is old enough");
    assert!(!store.expire(t(9) + MAPPED_VERSIONS_KEPT, &Retention::default()).unwrap());
    assert_eq!((left("stream"), left("posted")), (vec![3], vec![2, 1]));
    assert_eq!(left("changed"), [3, 2], "what somebody replaced stays");
    let tokens: i64 = store.connection().query_row("SELECT count(*) FROM fhir_token", [], |r| r.get(0)).unwrap();
    assert_eq!(tokens, 5, "what finds a version goes with it");
}

#[test]
fn unplaced_devices_are_joined_bounded_and_forgotten() {
    use crate::{
        domain::{
            Unplaced,
            unplaced::{UNPLACED_KEPT, UNPLACED_MAX},
        },
        store::UnplacedChange,
    };
    let bench = Bench::new();
    let mut store = bench.open();
    let reader = store.reader().unwrap();
    let came = |n: usize, s: i64| {
        UnplacedChange::Came(Unplaced {
            device: format!("d{n}").parse().unwrap(),
            sender: "gw".parse().unwrap(),
            ward: Some(id()),
            first_at: t(s),
            last_at: t(s),
            count: 1,
            code: "unknown_device".into(),
            detail: String::new(),
            patient: None,
            bed: None,
        })
    };
    let mut commit = |unplaced: Vec<UnplacedChange>| store.commit(&Batch { unplaced, ..Batch::default() }).unwrap();
    commit(vec![came(1, 1), came(2, 2), UnplacedChange::Placed("d2".parse().unwrap()), came(3, 3), came(1, 4)]);
    let found = reader.unplaced().unwrap();
    let told: Vec<_> = found.iter().map(|one| (one.device.as_str(), one.count, one.first_at, one.last_at)).collect();
    assert_eq!(told, [("d1", 2, t(1), t(4)), ("d3", 1, t(3), t(3))]);
    commit((10..UNPLACED_MAX + 10).map(|n| came(n, 100)).collect());
    let found = reader.unplaced().unwrap();
    assert_eq!(found.len(), UNPLACED_MAX);
    assert!(found.iter().all(|one| one.last_at == t(100)), "the longest unheard go first");
    commit(vec![came(1, 200)]);
    while store.expire(t(150) + UNPLACED_KEPT, &Retention::default()).unwrap() {}
    assert_eq!(reader.unplaced().unwrap().iter().map(|one| one.device.as_str()).collect::<Vec<_>>(), ["d1"]);
}

#[test]
fn a_letter_ends_alone_where_the_topic_named_another_device() {
    let bench = Bench::new();
    let mut store = bench.open();
    let letter = |way: &str| DeadLetter {
        at: t(0),
        source: "gw".into(),
        code: "not_assigned".into(),
        detail: "x".into(),
        payload: "the same".into(),
        way: way.into(),
    };
    let dead_letters = vec![letter("own@d1"), letter("own@d2"), letter("own@d1")];
    store.commit(&Batch { dead_letters, ..Batch::default() }).unwrap();
    let end = DeadLetterEnd { no: 1, how: "retried".into(), at: t(1) };
    store.commit(&Batch { dead_letter_ends: vec![end], ..Batch::default() }).unwrap();
    let open = store.reader().unwrap().dead_letters(&DeadLetterFilter::default(), 10).unwrap();
    assert_eq!(open.iter().map(|stored| stored.no).collect::<Vec<_>>(), [2]);
}

/// A trail of nine years, the first entries of which an entry says to be removed; how many are empty after a turn.
fn emptied(harm: &str) -> (usize, usize) {
    let bench = Bench::new();
    let mut store = bench.open();
    for _ in 0..90 {
        store.commit(&Batch { leaves: vec![leaf(), leaf()], ..Batch::default() }).unwrap();
        bench.clock.advance(Millis::from_mins(60 * 24 * 36));
        store.checkpoint(true).unwrap();
    }
    let reader = store.reader().unwrap();
    let upto = reader.audit_segments().unwrap()[9].end;
    let until = reader.leaves(upto, 1).unwrap()[0].leaf.clone();
    let until = crate::audit::leaf::written_at(until.as_bytes()).unwrap();
    let retained = Some(Retained { years: 6, how: RetainedHow::Archived, until });
    let entry = LeafDraft { act: Act::AuditRetain, outcome: Outcome::Success, upto: Some(upto), retained, ..leaf() };
    store.commit(&Batch { leaves: vec![entry], retain_audit: Some(upto), ..Batch::default() }).unwrap();
    store.connection().execute_batch(harm).unwrap();
    let count = || reader.leaves(0, 1_000).unwrap().iter().filter(|row| row.leaf.is_empty()).count();
    let turns = |store: &mut SqliteStore| {
        for _ in 0..100 {
            store.expire(t(0), &Retention::default()).unwrap();
        }
    };
    turns(&mut store);
    let unsigned = count();
    store.checkpoint(true).unwrap();
    turns(&mut store);
    (unsigned, count())
}

/// Entries go once the entry is signed that says so, and never without one; what was edited stays with all after it.
#[test]
fn entries_are_emptied_by_what_is_signed_alone() {
    let (before, after) = emptied("");
    assert_eq!(before, 0, "nothing goes before it is signed that it goes");
    assert_eq!(after, 21, "ten segments");
    assert_eq!(emptied("UPDATE audit_leaf SET leaf = replace(leaf, '\"i\":4', '\"i\":5') WHERE idx = 4").1, 4);
    let edge = emptied("UPDATE audit_leaf SET leaf = replace(leaf, '\"i\":5', '\"i\":6') WHERE idx = 5").1;
    assert_eq!(edge, 3, "it bore out the age of those before it");
    assert_eq!(emptied("UPDATE audit_segment SET removed = 5").1, 0, "that entry says nothing of the kind");
    assert_eq!(emptied("UPDATE audit_segment SET removed = (SELECT max(idx) FROM audit_leaf)").1, after, "no more");
}

/// How often a text stands in the files of the database, whatever SQLite thinks of the place.
fn found_in_files(bench: &Bench, text: &str) -> usize {
    let path = bench.folder.database();
    let wal = path.with_file_name(format!("{}-wal", path.file_name().unwrap().to_str().unwrap()));
    let count = |bytes: Vec<u8>| bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count();
    [path, wal].into_iter().filter_map(|path| std::fs::read(path).ok()).map(count).sum()
}

/// What retention removes is in no free page, in no gap of a page and not in the WAL, while a reader stays open.
#[test]
fn nothing_lingers_of_what_retention_removed() {
    const CANARY: &str = "canary-of-a-patient";
    let bench = Bench::new();
    let mut store = bench.open();
    let reader = store.reader().unwrap();
    let letter = |at_s: i64, payload: String| DeadLetter {
        at: t(at_s),
        source: "d".into(),
        code: "malformed".into(),
        detail: CANARY.into(),
        payload,
        way: String::new(),
    };
    for n in 0..40 {
        // Some are longer than a page, and some stay beside those that go.
        let payload = if n % 2 == 0 { CANARY.repeat(2_000) } else { CANARY.to_owned() };
        let kept = DeadLetter { detail: "stays".into(), ..letter(60 * 60 * 24 * 40, "x".to_owned()) };
        store.commit(&Batch { dead_letters: vec![letter(0, payload), kept], ..Batch::default() }).unwrap();
    }
    assert!(found_in_files(&bench, CANARY) > 40_000);
    assert_eq!(reader.dead_letters(&DeadLetterFilter::default(), 100).unwrap().len(), 80);
    while store.expire(t(60 * 60 * 24 * 31), &Retention::default()).unwrap() {}
    assert_eq!(reader.dead_letters(&DeadLetterFilter::default(), 100).unwrap().len(), 40);
    assert_eq!(found_in_files(&bench, CANARY), 0);
    assert_eq!(found_in_files(&bench, "stays"), 40);
}

/// The same of entries of the audit trail and the texts beside them.
#[test]
fn nothing_lingers_of_entries_that_were_removed_and_of_their_texts() {
    let bench = Bench::new();
    let mut store = bench.open();
    for n in 0..90 {
        let side_text = Some(SideText { field: "reason", text: format!("canary-text-{n:02}"), salt: [1; 16] });
        store.commit(&Batch { leaves: vec![LeafDraft { side_text, ..leaf() }], ..Batch::default() }).unwrap();
        bench.clock.advance(Millis::from_mins(60 * 24 * 36));
        store.checkpoint(true).unwrap();
    }
    let reader = store.reader().unwrap();
    let upto = reader.audit_segments().unwrap()[9].end;
    let removed: Vec<String> = reader.leaves(0, 1_000).unwrap().into_iter().map(|row| row.leaf).collect();
    let first_kept = usize::try_from(upto).unwrap();
    let until = crate::audit::leaf::written_at(removed[first_kept].as_bytes()).unwrap();
    let retained = Some(Retained { years: 6, how: RetainedHow::Archived, until });
    let entry = LeafDraft { act: Act::AuditRetain, outcome: Outcome::Success, upto: Some(upto), retained, ..leaf() };
    store.commit(&Batch { leaves: vec![entry], retain_audit: Some(upto), ..Batch::default() }).unwrap();
    store.checkpoint(true).unwrap();
    assert!(found_in_files(&bench, &removed[3]) > 0 && found_in_files(&bench, "canary-text-02") > 0);
    for _ in 0..100 {
        store.expire(t(0), &Retention::default()).unwrap();
    }
    assert!(reader.leaves(3, 1).unwrap()[0].leaf.is_empty());
    for leaf in removed.iter().take(first_kept) {
        assert_eq!(found_in_files(&bench, leaf), 0, "{leaf}");
    }
    assert_eq!(found_in_files(&bench, "canary-text-02"), 0);
    assert!(found_in_files(&bench, "canary-text-80") > 0);
    drop(store);
    assert_eq!(bench.open().audit_fault(), None, "what an entry says to be removed may be gone");
}

/// A reader in the midst of reading keeps the WAL from being emptied; then it is done at the next turn.
#[test]
fn what_a_reader_keeps_in_the_wal_goes_at_the_next_turn() {
    let bench = Bench::new();
    let mut store = bench.open();
    let letter = DeadLetter {
        at: t(0),
        source: "d".into(),
        code: "malformed".into(),
        detail: "canary".into(),
        payload: String::new(),
        way: String::new(),
    };
    store.commit(&Batch { dead_letters: vec![letter], ..Batch::default() }).unwrap();
    let other = Connection::open(bench.folder.database()).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM dead_letter;").unwrap();
    let begun = OsClock.boot();
    let later = t(60 * 60 * 24 * 31);
    assert!(!store.expire(later, &Retention::default()).unwrap());
    assert!(OsClock.boot() - begun < Millis::from_secs(4), "the writer waits for no reader");
    assert!(found_in_files(&bench, "canary") > 0);
    other.execute_batch("COMMIT").unwrap();
    assert!(!store.expire(later, &Retention::default()).unwrap());
    assert_eq!(found_in_files(&bench, "canary"), 0);
}

/// Bytes of an entry that are not as its stored hash says are found at the start, though the hashes fit what was signed.
#[test]
fn a_start_reads_the_bytes_of_the_trail_and_not_their_hashes_alone() {
    for (harm, entry) in [
        ("UPDATE audit_leaf SET leaf = replace(leaf, 'success', 'refused') WHERE idx = 2", "entry 2"),
        ("UPDATE audit_leaf SET leaf = '' WHERE idx = 1", "entry 1"),
        // What lies beside the trail says nothing of what may be gone: it is written by whoever took the entries away.
        (
            "UPDATE audit_leaf SET leaf = '' WHERE idx <= 1;
             INSERT INTO audit_segment (first, end, until_ms, note, removed) VALUES (0, 2, 0, '', 2)
             ON CONFLICT (first) DO UPDATE SET end = 2, removed = 2",
            "entry 0",
        ),
        ("UPDATE audit_leaf SET hash = x'00' WHERE idx = 3", "entry 3"),
    ] {
        let bench = Bench::new();
        {
            let mut store = bench.open();
            store.commit(&Batch { leaves: vec![leaf(), leaf(), leaf()], ..Batch::default() }).unwrap();
            store.checkpoint(false).unwrap().unwrap();
            store.connection().execute_batch(harm).unwrap();
        }
        let mut store = bench.open();
        let fault = store.audit_fault().unwrap();
        assert!(fault.contains(entry) && fault.contains("is not as its hash says"), "{harm}: {fault}");
        store.commit(&Batch { leaves: vec![leaf()], ..Batch::default() }).unwrap();
        assert_eq!(store.checkpoint(true).unwrap(), None, "{harm}");
    }
}
