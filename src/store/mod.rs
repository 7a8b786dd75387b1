//! What is kept: samples, the journal of events, the audit trail, users, sessions, tokens.
//!
//! [`Store::commit`] takes everything that one group of inputs caused and makes it durable in ONE transaction; only then
//! may anything be acknowledged. No SQL types stand in the traits, no clinical rules in the room. Called by `backend`,
//! which runs the writer on a thread of its own, and by commands that work on a data folder without a server.

mod batch;
mod fhir;
mod folder;
mod records;
pub mod sqlite;

pub use batch::{
    AccessChange, Batch, Committed, CorrectedSample, DeadLetter, DeadLetterEnd, DeadLetterFilter, StoredDeadLetter,
    TwinChange, UnplacedChange, WardBatch, WardCommitted,
};
pub use fhir::{
    MAPPED_VERSIONS_KEPT, PAGE_MAX_BYTES, PageStart, ResourcePage, ResourceQuery, ResourceRow, StoredResource,
    TOTAL_MAX,
};
pub use folder::{DataFolder, FolderError, FolderLock};
pub use records::{
    AccessRecords, DeviceTokenRecord, EnrolmentRecord, FactorRecord, LeafRow, SessionRecord, SiteRecord, StationRecord,
    StoredSample, TwinRecord, UserKeyRecord, UserRecord, WardRecord,
};

use crate::{
    audit::{Hash, Segment, StoredLeaf},
    domain::{Alert, DeviceId, Millis, PatientId, SequencedEvent, Timestamp, Unplaced, VitalCode, WardId},
    engine::{Kept, SeriesKey},
    fhir::ResourceKind,
    protocol::{LetterCount, VitalTrend},
};

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full. Nothing of the transaction was kept; it may be tried again when there is room.
    #[error("the disk is full: free some space")]
    Full(#[source] rusqlite::Error),
    /// The database said no: what was just written may or may not be on the disk. The store must be opened anew.
    #[error("the database failed")]
    Database(#[source] rusqlite::Error),
    /// The database refused a row: two rows would have the same key, or one lacks what it needs. Nothing of the transaction
    /// was kept, and no write to the disk is in doubt.
    #[error("the database refused a row")]
    Constraint(#[source] rusqlite::Error),
    /// The store was closed after an earlier failure.
    #[error("the store is closed after an earlier failure: restart the server")]
    Closed,
    /// The database was made by a newer program.
    #[error("the data folder has schema version {found}, this program knows up to {known}: use a newer wardwatch")]
    Newer {
        /// Its version.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The database was made by an older program, and whoever only reads does not change it.
    #[error(
        "the data folder has schema version {found}, this program reads {known}: start the server on it once, which makes a \
         backup first"
    )]
    Older {
        /// Its version.
        found: i64,
        /// The version that this program reads.
        known: i64,
    },
    /// The database is not one of ours.
    #[error("{path} is not a wardwatch database")]
    Foreign {
        /// Where it is.
        path: String,
    },
    /// A promise that durability rests on does not hold.
    #[error("the database does not run with {setting} = {wanted} but {found}: nothing would be safe")]
    Setting {
        /// Which setting.
        setting: &'static str,
        /// What is needed.
        wanted: &'static str,
        /// What was found.
        found: String,
    },
    /// Something stored cannot be read.
    #[error("{what} in the database cannot be read: {why}")]
    Corrupt {
        /// What.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// A file of the data folder cannot be used.
    #[error("{path} cannot be used")]
    File {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The backup before a migration failed.
    #[error("the backup before the migration failed: nothing was changed")]
    Backup(#[source] rusqlite::Error),
    /// No random bytes could be had.
    #[error(transparent)]
    Entropy(#[from] crate::seam::EntropyError),
}

impl StoreError {
    /// Whether the disk is full.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether it may be tried again by itself: no write to the disk is in doubt.
    #[must_use]
    pub const fn leaves_whole(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Constraint(_))
    }
}

/// How long what is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Samples of vitals that are not named.
    pub samples: Millis,
    /// Samples by vital.
    pub by_vital: std::collections::BTreeMap<VitalCode, Millis>,
    /// Inputs, for driving the engine again byte for byte.
    pub inputs: Millis,
    /// Dead letters.
    pub dead_letters: Millis,
    /// Observations of FHIR as they came, from when they came.
    pub fhir: Millis,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            samples: Millis::from_mins(60 * 24 * 30),
            by_vital: std::collections::BTreeMap::new(),
            inputs: Millis::from_mins(60 * 24),
            dead_letters: Millis::from_mins(60 * 24 * 30),
            fhir: Millis::from_mins(60 * 24 * 30),
        }
    }
}

/// The one that writes. One per data folder, on one thread.
pub trait Store: Send {
    /// Makes a batch durable in one transaction and gives its events and leaves their numbers. An empty batch costs
    /// nothing. After an error that does not leave the store whole ([`StoreError::leaves_whole`]) it is closed for good.
    ///
    /// # Errors
    /// If nothing of the batch is certain to be kept.
    fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError>;

    /// Signs a checkpoint of the audit trail if leaves were added since the last one (or if `always`), keeps it, and
    /// publishes it beside the database. Signs nothing while [`Store::audit_fault`] says that the trail was changed.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn checkpoint(&mut self, always: bool) -> Result<Option<String>, StoreError>;

    /// Deletes what is past its time, at most a few thousand rows a call; says whether more is left.
    ///
    /// # Errors
    /// If the database fails.
    fn expire(&mut self, now: Timestamp, retention: &Retention) -> Result<bool, StoreError>;

    /// Why the stored trail contradicts its last signed checkpoint, if it did when the store was opened.
    fn audit_fault(&self) -> Option<&str>;

    /// The size of the audit trail.
    fn audit_size(&self) -> u64;
}

/// The one that reads. Any number, from any thread.
pub trait StoreReader: Send + Sync {
    /// The wards with their snapshots.
    ///
    /// # Errors
    /// If the database fails or holds what cannot be read.
    fn wards(&self) -> Result<Vec<WardRecord>, StoreError>;

    /// The encoded input blocks of a ward after the block `after`, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    fn input_blocks(&self, ward: &WardId, after: u64) -> Result<Vec<(u64, Vec<u8>)>, StoreError>;

    /// At most `limit` events of a ward after `after`, oldest first.
    ///
    /// # Errors
    /// If the database fails or holds what cannot be read.
    fn events_after(&self, ward: &WardId, after: u64, limit: u32) -> Result<Vec<SequencedEvent>, StoreError>;

    /// The number of the last event of a ward.
    ///
    /// # Errors
    /// If the database fails.
    fn head(&self, ward: &WardId) -> Result<u64, StoreError>;

    /// The stored value of a device, vital and time.
    ///
    /// # Errors
    /// If the database fails.
    fn sample(&self, device: &DeviceId, vital: VitalCode, at: Timestamp) -> Result<Option<StoredSample>, StoreError>;

    /// The time of the newest stored value of a device and vital.
    ///
    /// # Errors
    /// If the database fails.
    fn newest(&self, device: &DeviceId, vital: VitalCode) -> Result<Option<Timestamp>, StoreError>;

    /// The newest stored value of each series of a ward's patients since `since`, for the first view after a start.
    ///
    /// # Errors
    /// If the database fails.
    fn newest_samples(&self, ward: &WardId, since: Timestamp) -> Result<Vec<(SeriesKey, Kept)>, StoreError>;

    /// Trends of a patient's vitals over `[from, to)` in `slices` slices; all vitals if `vitals` is empty.
    ///
    /// # Errors
    /// If the database fails.
    fn trends(
        &self,
        ward: &WardId,
        patient: &PatientId,
        vitals: &[VitalCode],
        span: (Timestamp, Timestamp),
        slices: u32,
    ) -> Result<Vec<VitalTrend>, StoreError>;

    /// At most `limit` alerts of a patient that were open within `[from, to)`, as they are now, the newest `limit` of
    /// them, oldest first.
    ///
    /// # Errors
    /// If the database fails or holds what cannot be read.
    fn alerts(
        &self,
        ward: &WardId,
        patient: &PatientId,
        span: (Timestamp, Timestamp),
        limit: u32,
    ) -> Result<Vec<Alert>, StoreError>;

    /// Users, sessions and tokens.
    ///
    /// # Errors
    /// If the database fails or holds what cannot be read.
    fn access(&self) -> Result<AccessRecords, StoreError>;

    /// What is kept of the lives of all devices.
    ///
    /// # Errors
    /// If the database fails or holds what cannot be read.
    fn twins(&self) -> Result<Vec<TwinRecord>, StoreError>;

    /// Devices whose values could not be placed, the last heard first.
    ///
    /// # Errors
    /// If the database fails or holds what cannot be read.
    fn unplaced(&self) -> Result<Vec<Unplaced>, StoreError>;

    /// At most `limit` leaves of the audit trail from `from` on, with the texts beside them.
    ///
    /// # Errors
    /// If the database fails.
    fn leaves(&self, from: u64, limit: u32) -> Result<Vec<LeafRow>, StoreError>;

    /// Calls `each` with every leaf from `from` on, in order. Stops when `each` fails.
    ///
    /// # Errors
    /// If the database fails.
    fn each_leaf(&self, from: u64, each: &mut dyn FnMut(StoredLeaf) -> bool) -> Result<(), StoreError>;

    /// The stored hashes of at most `count` leaves from `from` on.
    ///
    /// # Errors
    /// If the database fails.
    fn audit_hashes(&self, from: u64, count: u64) -> Result<Vec<Hash>, StoreError>;

    /// The closed segments of the audit trail, in order.
    ///
    /// # Errors
    /// If the database fails.
    fn audit_segments(&self) -> Result<Vec<Segment>, StoreError>;

    /// The signed checkpoints, the newest `limit` of them, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    fn checkpoints(&self, limit: u32) -> Result<Vec<String>, StoreError>;

    /// The newest signed checkpoint. The leaves that it covers were durable before it was signed.
    ///
    /// # Errors
    /// If the database fails.
    fn newest_checkpoint(&self) -> Result<Option<String>, StoreError>;

    /// The proof that the leaf at `index` is among the first `size` of the audit trail; `None` if there are not so many.
    ///
    /// # Errors
    /// If the database fails.
    fn audit_inclusion(&self, index: u64, size: u64) -> Result<Option<Vec<Hash>>, StoreError>;

    /// The proof that the first `new` leaves of the audit trail begin with the first `old`; `None` if there are not so
    /// many.
    ///
    /// # Errors
    /// If the database fails.
    fn audit_consistency(&self, old: u64, new: u64) -> Result<Option<Vec<Hash>>, StoreError>;

    /// How many dead letters wait for somebody.
    ///
    /// # Errors
    /// If the database fails.
    fn dead_letter_count(&self) -> Result<u64, StoreError>;

    /// Dead letters, the newest first, at most `limit`.
    ///
    /// # Errors
    /// If the database fails.
    fn dead_letters(&self, filter: &DeadLetterFilter, limit: u32) -> Result<Vec<StoredDeadLetter>, StoreError>;

    /// How many dead letters wait by sender and reason, the most first, at most `limit` kinds.
    ///
    /// # Errors
    /// If the database fails.
    fn dead_letter_counts(&self, limit: u32) -> Result<Vec<LetterCount>, StoreError>;

    /// One dead letter; `None` if there is none of that number, or retention has taken it away.
    ///
    /// # Errors
    /// If the database fails.
    fn dead_letter(&self, no: u64) -> Result<Option<StoredDeadLetter>, StoreError>;

    /// A version of a resource; the present one if none is named.
    ///
    /// # Errors
    /// If the database fails or holds what cannot be read.
    fn resource(
        &self,
        kind: ResourceKind,
        id: &str,
        version: Option<u64>,
    ) -> Result<Option<StoredResource>, StoreError>;

    /// The newest `limit` versions of a resource, the newest first.
    ///
    /// # Errors
    /// If the database fails or holds what cannot be read.
    fn resource_history(&self, kind: ResourceKind, id: &str, limit: usize) -> Result<Vec<StoredResource>, StoreError>;

    /// The present Patient resources, at most `limit`, that have this identifier of ours.
    ///
    /// # Errors
    /// If the database fails or holds what cannot be read.
    fn linked_resources(&self, link: &str, limit: usize) -> Result<Vec<StoredResource>, StoreError>;

    /// A page of resources.
    ///
    /// # Errors
    /// If the database fails or holds what cannot be read.
    fn search_resources(&self, query: &ResourceQuery) -> Result<ResourcePage, StoreError>;

    /// The newest `max` resources of each group of what is looked for.
    ///
    /// # Errors
    /// If the database fails or holds what cannot be read.
    fn last_resources(&self, query: &ResourceQuery, max: usize) -> Result<Vec<StoredResource>, StoreError>;
}

/// The number of the first event of a ward at `since` or later; one more than that of the last event if there is none. The
/// journal is in order of time and without a gap, so that a few looks find it.
///
/// # Errors
/// If the database fails or holds what cannot be read.
pub fn first_event_since(reader: &dyn StoreReader, ward: &WardId, since: Timestamp) -> Result<u64, StoreError> {
    let (mut first, mut end) = (1, reader.head(ward)? + 1);
    while first < end {
        let middle = first + (end - first) / 2;
        match reader.events_after(ward, middle - 1, 1)?.first() {
            Some(found) if found.event.at < since => first = middle + 1,
            _ => end = middle,
        }
    }
    Ok(first)
}
