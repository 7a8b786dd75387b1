//! The writer.

use super::{
    access, assert_durable, audit_log, corrupt, empty_wal, erase_deleted, expire, failed, fhir, from_db, migrate,
    open_connection,
    reader::SqliteReader,
    recent::Recent,
    samples::{self, SeriesNumbers},
    segments, to_db, unplaced,
};
use crate::{
    audit::{Act, Hash, LeafActor, LeafDraft, NoteSigner, NoteVerifier, Outcome, Subtrees, Tree},
    domain::{Event, EventBody, Mode, Timestamp, WardId},
    engine::{Kept, SeriesKey},
    seam::{Clock, Entropy},
    store::{
        Batch, Committed, DataFolder, DeadLetter, DeadLetterEnd, Retention, SiteRecord, Store, StoreError, TwinChange,
        WardBatch, WardCommitted,
        folder::{self, FolderLock},
    },
};
use rusqlite::{Connection, TransactionBehavior, params};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

/// Pages after which the WAL is copied into the database (16 MiB).
const WAL_CHECKPOINT_PAGES: i64 = 4_096;

/// So many turns of deleting at most follow one another before the WAL is emptied: about a minute of them.
const TURNS_MAX: u32 = 300;

#[derive(Debug, Clone, Copy)]
struct WardState {
    no: i64,
    head: u64,
}

/// The audit trail after a commit.
struct Grown {
    tree: Tree,
    /// The hashes of its new leaves.
    new: Vec<Hash>,
}

/// What the store needs from outside.
#[derive(Clone)]
pub struct StoreParts {
    /// The clocks, for the times in audit leaves.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for keys and identifiers.
    pub entropy: Arc<dyn Entropy>,
}

/// The embedded store, open for writing.
pub struct SqliteStore {
    db: Connection,
    folder: DataFolder,
    site: SiteRecord,
    signer: NoteSigner,
    clock: Arc<dyn Clock>,
    boot_id: String,
    wards: BTreeMap<WardId, WardState>,
    numbers: SeriesNumbers,
    recent: Arc<RwLock<Recent>>,
    tree: Tree,
    subtrees: Arc<RwLock<Subtrees>>,
    signed_size: Option<u64>,
    segment: segments::Open,
    audit_fault: Option<String>,
    /// Something was deleted that may still stand in the WAL.
    lingers: bool,
    /// Turns of deleting since the WAL was emptied last.
    turns: u32,
    closed: bool,
    _lock: FolderLock,
}

impl SqliteStore {
    /// Opens the store of a folder; makes it in `mode` if the folder has none.
    ///
    /// # Errors
    /// If the database cannot be used, is not ours, is newer, or does not run durably.
    pub fn open(folder: &DataFolder, lock: FolderLock, mode: Mode, parts: &StoreParts) -> Result<Self, StoreError> {
        let path = folder.database();
        make_private(&path)?;
        let mut db = open_connection(&path, true)?;
        migrate::recognise(&db, &path)?;
        assert_durable(&db)?;
        migrate::migrate(&mut db, &path)?;
        assert_durable(&db)?;
        erase_deleted(&db)?;
        db.pragma_update(None, "wal_autocheckpoint", WAL_CHECKPOINT_PAGES).map_err(failed)?;
        let site = match read_site(&db)? {
            Some(site) => site,
            None => make_site(&db, mode, parts.entropy.as_ref())?,
        };
        let secret = folder.secret_key(parts.entropy.as_ref())?;
        let signer = NoteSigner::new(format!("wardwatch/{}", site.site), &secret);
        publish(&folder.audit_public_key(), &format!("{}\n", signer.verifier()))?;
        let audit_log::Loaded { tree, subtrees, fault: audit_fault } = audit_log::load(&db, &signer.verifier())?;
        let wards = read_wards(&db)?;
        let segment = segments::Open::load(&db)?;
        let recent = Arc::new(RwLock::new(Recent::load(&db)?));
        let mut store = Self {
            db,
            folder: folder.clone(),
            site,
            signer,
            boot_id: parts.clock.boot_id(),
            clock: parts.clock.clone(),
            wards,
            numbers: SeriesNumbers::default(),
            recent,
            tree,
            subtrees: Arc::new(RwLock::new(subtrees)),
            signed_size: None,
            segment,
            audit_fault,
            lingers: true,
            turns: 0,
            closed: false,
            _lock: lock,
        };
        if store.tree.size() == 0 {
            let first = LeafDraft::new(LeafActor::System, Act::LogStart, Outcome::Success);
            store.commit(&Batch { leaves: vec![first], ..Batch::default() })?;
        }
        Ok(store)
    }

    /// What the folder is.
    #[must_use]
    pub const fn site(&self) -> &SiteRecord {
        &self.site
    }

    /// The public key of the audit trail.
    #[must_use]
    pub fn verifier(&self) -> NoteVerifier {
        self.signer.verifier()
    }

    /// A reader of the same folder.
    ///
    /// # Errors
    /// If the database cannot be opened a second time.
    pub fn reader(&self) -> Result<SqliteReader, StoreError> {
        SqliteReader::beside(&self.folder, self.recent.clone(), self.subtrees.clone())
    }

    /// The connection itself, so that a test can do harm.
    #[cfg(test)]
    pub(super) const fn connection(&self) -> &Connection {
        &self.db
    }

    fn write(&mut self, batch: &Batch) -> Result<(Committed, BTreeMap<WardId, WardState>, Grown), StoreError> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let mut wards = BTreeMap::new();
        let mut committed = Committed::default();
        for ward in &batch.wards {
            let before = wards.get(&ward.ward).or_else(|| self.wards.get(&ward.ward)).copied();
            let before = ward_row(&tx, ward, before)?;
            let after = write_ward(&tx, &mut self.numbers, &self.recent, ward, before)?;
            committed.wards.push(WardCommitted { ward: ward.ward.clone(), first_seq: before.head + 1 });
            wards.insert(ward.ward.clone(), after);
        }
        for change in &batch.access {
            access::write(&tx, change)?;
        }
        for change in &batch.twins {
            write_twin(&tx, change)?;
        }
        unplaced::write(&tx, &batch.unplaced)?;
        for end in &batch.dead_letter_ends {
            end_dead_letter(&tx, end)?;
        }
        for resource in &batch.resources {
            fhir::write(&tx, resource)?;
        }
        for letter in &batch.dead_letters {
            write_dead_letter(&tx, letter)?;
        }
        let mut tree = self.tree.clone();
        let new = audit_log::append(&tx, &mut tree, &batch.leaves, self.clock.as_ref(), &self.boot_id)?;
        committed.audit_size = tree.size();
        if let Some(upto) = batch.retain_audit {
            let at = batch.leaves.iter().position(|leaf| leaf.act == Act::AuditRetain && leaf.upto == Some(upto));
            let at = at.ok_or_else(|| corrupt("a batch", &"no entry says that others are removed"))?;
            segments::mark(&tx, upto, self.tree.size() + at as u64)?;
        }
        tx.commit().map_err(failed)?;
        Ok((committed, wards, Grown { tree, new }))
    }

    /// Keeps a signed checkpoint, and closes the open segment with it if that is due; gives the segment that is open then.
    fn keep_checkpoint(&mut self, size: u64, note: &str) -> Result<segments::Open, StoreError> {
        let (mut segment, now) = (self.segment, self.clock.wall());
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        tx.execute("INSERT INTO audit_checkpoint (size, note) VALUES (?1, ?2)", params![to_db(size), note])
            .map_err(failed)?;
        if segment.is_due(size, now) {
            segment = segment.close(&tx, size, now, note)?;
        }
        tx.commit().map_err(failed)?;
        Ok(segment)
    }

    /// Samples that have become durable as inputs are recent until they are in blocks.
    fn note_recent(&self, batch: &Batch) {
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        for ward in &batch.wards {
            let Some(state) = self.wards.get(&ward.ward) else { continue };
            if ward.snapshot.is_some() {
                recent.clear(state.no);
            } else {
                recent.add(state.no, &ward.inputs);
            }
        }
    }

    /// An error closes the store for good, unless no write to the disk is in doubt after it. Then the numbers that are held
    /// in memory are read anew: one of them may be why the database refused a row.
    fn close_on_error<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(e) = &result {
            self.numbers.forget();
            self.closed = !e.leaves_whole();
            if !self.closed {
                self.wards = read_wards(&self.db).inspect_err(|_| self.closed = true)?;
            }
        }
        result
    }
}

/// What a turn of deleting did.
pub(super) struct Expired {
    /// Whether more is left.
    pub(super) more: bool,
    /// Whether anything was deleted.
    pub(super) deleted: bool,
}

impl Drop for SqliteStore {
    /// Copies the WAL into the database, so that whoever copies that file from a folder at rest has everything. Readers
    /// may still be open, and then SQLite would not do it by itself.
    fn drop(&mut self) {
        if !self.closed
            && let Err(e) = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        {
            tracing::warn!(error = %e, "the WAL could not be copied into the database");
        }
    }
}

impl Store for SqliteStore {
    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        if self.closed {
            return Err(StoreError::Closed);
        }
        if batch.is_empty() {
            return Ok(Committed { audit_size: self.tree.size(), ..Committed::default() });
        }
        let written = self.write(batch);
        let (committed, wards, grown) = self.close_on_error(written)?;
        self.wards.extend(wards);
        if !grown.new.is_empty() {
            self.segment.grown(self.clock.wall());
        }
        self.tree = grown.tree;
        let mut subtrees = self.subtrees.write().unwrap_or_else(PoisonError::into_inner);
        grown.new.into_iter().for_each(|hash| subtrees.push(hash));
        drop(subtrees);
        self.note_recent(batch);
        Ok(committed)
    }

    fn checkpoint(&mut self, always: bool) -> Result<Option<String>, StoreError> {
        if self.closed {
            return Err(StoreError::Closed);
        }
        if self.audit_fault.is_some() {
            return Ok(None);
        }
        let size = self.tree.size();
        if !always && self.signed_size == Some(size) {
            return Ok(None);
        }
        let note = self.signer.sign(size, self.tree.root());
        let kept = self.keep_checkpoint(size, &note);
        self.segment = self.close_on_error(kept)?;
        publish(&self.folder.audit_checkpoint(), &note)?;
        self.signed_size = Some(size);
        Ok(Some(note))
    }

    fn expire(&mut self, now: Timestamp, retention: &Retention) -> Result<bool, StoreError> {
        if self.closed {
            return Err(StoreError::Closed);
        }
        // A trail that was changed is evidence.
        let signed = self.signed_size.filter(|_| self.audit_fault.is_none()).unwrap_or(0);
        let expired = expire::expire(&mut self.db, now, retention, signed);
        let Expired { more, deleted } = self.close_on_error(expired)?;
        self.lingers |= deleted;
        self.turns += 1;
        // Once for all turns of a round: it is another write of what is in the WAL.
        if self.lingers && (!more || self.turns >= TURNS_MAX) {
            let emptied = empty_wal(&self.db);
            self.lingers = !self.close_on_error(emptied)?;
            self.turns = 0;
        }
        Ok(more)
    }

    fn audit_fault(&self) -> Option<&str> {
        self.audit_fault.as_deref()
    }

    fn audit_size(&self) -> u64 {
        self.tree.size()
    }
}

fn publish(path: &std::path::Path, text: &str) -> Result<(), StoreError> {
    folder::write_durably(path, text.as_bytes(), 0o644)
        .map_err(|source| StoreError::File { path: path.display().to_string(), source })
}

/// The database is for its owner alone. It is made before SQLite sees it, which gives its WAL the same mode.
fn make_private(path: &std::path::Path) -> Result<(), StoreError> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|file| file.set_permissions(std::fs::Permissions::from_mode(0o600)))
        .map_err(|source| StoreError::File { path: path.display().to_string(), source })
}

pub(super) fn read_site(db: &Connection) -> Result<Option<SiteRecord>, StoreError> {
    use rusqlite::OptionalExtension;
    let row: Option<(String, String)> =
        db.query_row("SELECT site, mode FROM site", [], |r| Ok((r.get(0)?, r.get(1)?))).optional().map_err(failed)?;
    row.map(|(site, mode)| Ok(SiteRecord { site, mode: read_mode(&mode)? })).transpose()
}

pub(super) fn read_mode(text: &str) -> Result<Mode, StoreError> {
    match text {
        "live" => Ok(Mode::Live),
        "demo" => Ok(Mode::Demo),
        _ => Err(corrupt("the mode of the site", &text)),
    }
}

fn make_site(db: &Connection, mode: Mode, entropy: &dyn Entropy) -> Result<SiteRecord, StoreError> {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes)?;
    let site = bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    db.execute("INSERT INTO site (site, mode) VALUES (?1, ?2)", params![site, mode.to_string()]).map_err(failed)?;
    Ok(SiteRecord { site, mode })
}

fn read_wards(db: &Connection) -> Result<BTreeMap<WardId, WardState>, StoreError> {
    let mut statement = db.prepare("SELECT id, no, head FROM ward").map_err(failed)?;
    let rows = statement.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get(1)?, r.get(2)?))).map_err(failed)?;
    let mut wards = BTreeMap::new();
    for row in rows {
        let (id, no, head) = row.map_err(failed)?;
        let id = id.parse().map_err(|e| corrupt("the identifier of a ward", &e))?;
        wards.insert(id, WardState { no, head: from_db(head) });
    }
    Ok(wards)
}

fn ward_row(db: &Connection, batch: &WardBatch, known: Option<WardState>) -> Result<WardState, StoreError> {
    match (known, &batch.made) {
        (Some(state), _) => Ok(state),
        (None, Some(ward)) => {
            let body = serde_json::to_string(ward).map_err(|e| corrupt("a ward", &e))?;
            let no = db
                .prepare_cached("INSERT INTO ward (id, body, head, engine_ms) VALUES (?1, ?2, 0, 0)")
                .and_then(|mut q| q.insert(params![ward.id.as_str(), body]))
                .map_err(failed)?;
            Ok(WardState { no, head: 0 })
        }
        (None, None) => Err(corrupt("a batch", &format!("the ward {} was never made", batch.ward))),
    }
}

fn write_ward(
    db: &Connection,
    numbers: &mut SeriesNumbers,
    recent: &RwLock<Recent>,
    batch: &WardBatch,
    state: WardState,
) -> Result<WardState, StoreError> {
    let mut head = state.head;
    for event in &batch.events {
        head += 1;
        write_event(db, state.no, head, event)?;
    }
    if !batch.inputs.is_empty() {
        let body = batch.inputs.encode().map_err(|e| corrupt("inputs", &e))?;
        db.prepare_cached("INSERT INTO input (ward_no, engine_ms, body) VALUES (?1, ?2, ?3)")
            .and_then(|mut q| q.execute(params![state.no, batch.engine_now.as_ms(), body]))
            .map_err(failed)?;
    }
    if let Some(snapshot) = &batch.snapshot {
        write_blocks(db, numbers, recent, batch, state.no)?;
        db.prepare_cached(
            "INSERT OR REPLACE INTO snapshot (ward_no, input_no, body)
             VALUES (?1, (SELECT coalesce(max(no), 0) FROM input WHERE ward_no = ?1), ?2)",
        )
        .and_then(|mut q| q.execute(params![state.no, snapshot]))
        .map_err(failed)?;
    }
    db.prepare_cached("UPDATE ward SET head = ?2, engine_ms = max(engine_ms, ?3) WHERE no = ?1")
        .and_then(|mut q| q.execute(params![state.no, to_db(head), batch.engine_now.as_ms()]))
        .map_err(failed)?;
    Ok(WardState { head, ..state })
}

/// Moves the samples since the last snapshot, those of this batch included, into blocks of their series.
fn write_blocks(
    db: &Connection,
    numbers: &mut SeriesNumbers,
    recent: &RwLock<Recent>,
    batch: &WardBatch,
    ward_no: i64,
) -> Result<(), StoreError> {
    let recent = recent.read().unwrap_or_else(PoisonError::into_inner);
    let mut new: BTreeMap<&SeriesKey, Vec<Kept>> = batch.inputs.kept().into_iter().collect();
    for (key, held) in recent.ward(ward_no) {
        let own = new.remove(key).unwrap_or_default();
        let all: Vec<&Kept> = held.into_iter().chain(&own).collect();
        samples::write(db, numbers, ward_no, key, &all)?;
    }
    for (key, own) in new {
        samples::write(db, numbers, ward_no, key, &own.iter().collect::<Vec<_>>())?;
    }
    samples::correct(db, &batch.corrections)
}

fn write_event(db: &Connection, ward_no: i64, seq: u64, event: &Event) -> Result<(), StoreError> {
    let body = serde_json::to_string(event).map_err(|e| corrupt("an event", &e))?;
    db.prepare_cached("INSERT INTO event (ward_no, seq, body) VALUES (?1, ?2, ?3)")
        .and_then(|mut q| q.execute(params![ward_no, to_db(seq), body]))
        .map_err(failed)?;
    match &event.body {
        EventBody::Alert { alert, .. } => {
            let body = serde_json::to_string(alert).map_err(|e| corrupt("an alert", &e))?;
            let closed = alert.is_closed().then_some(event.at.as_ms());
            let patient = alert.key.patient.as_ref().map(crate::domain::PatientId::as_str);
            db.prepare_cached(
                "INSERT OR REPLACE INTO alert (ward_no, no, patient, raised_ms, closed_ms, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .and_then(|mut q| {
                q.execute(params![ward_no, to_db(alert.id.0), patient, alert.raised_at.as_ms(), closed, body])
            })
            .map_err(failed)?;
        }
        EventBody::WardSet { ward } => {
            let body = serde_json::to_string(ward).map_err(|e| corrupt("a ward", &e))?;
            db.execute("UPDATE ward SET body = ?2 WHERE no = ?1", params![ward_no, body]).map_err(failed)?;
        }
        _ => {}
    }
    Ok(())
}

fn write_twin(db: &Connection, change: &TwinChange) -> Result<(), StoreError> {
    let (device, seen, reported) = match change {
        TwinChange::Seen { device, at } => (device, at, None),
        TwinChange::Reported { device, reported } => {
            let text = serde_json::to_string(reported).map_err(|e| corrupt("a report of a device", &e))?;
            (device, &reported.at, Some(text))
        }
    };
    db.prepare_cached(
        "INSERT INTO twin (device, seen_ms, reported) VALUES (?1, ?2, ?3) ON CONFLICT (device) DO UPDATE
         SET seen_ms = max(seen_ms, excluded.seen_ms), reported = coalesce(excluded.reported, reported)",
    )
    .and_then(|mut q| q.execute(params![device.as_str(), seen.as_ms(), reported]))
    .map(|_| ())
    .map_err(failed)
}

fn end_dead_letter(db: &Connection, end: &DeadLetterEnd) -> Result<(), StoreError> {
    let DeadLetterEnd { no, how, at } = end;
    db.prepare_cached(
        "UPDATE dead_letter SET ended = ?2, ended_ms = ?3 WHERE ended IS NULL AND (no = ?1
             OR (source, way, payload) = (SELECT source, way, payload FROM dead_letter WHERE no = ?1 AND payload <> ''))",
    )
    .and_then(|mut q| q.execute(params![to_db(*no), how, at.as_ms()]))
    .map(|_| ())
    .map_err(failed)
}

fn write_dead_letter(db: &Connection, letter: &DeadLetter) -> Result<(), StoreError> {
    let DeadLetter { at, source, code, detail, payload, way } = letter;
    db.prepare_cached(
        "INSERT INTO dead_letter (at_ms, source, code, detail, payload, way) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .and_then(|mut q| q.execute(params![at.as_ms(), source, code, detail, payload, way]))
    .map(|_| ())
    .map_err(failed)
}
