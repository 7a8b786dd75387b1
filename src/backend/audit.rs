//! What the audit trail shows to those who watch over it: checkpoints with proofs, and what witnesses have cosigned.
//!
//! It is for everybody: a checkpoint is a number and a hash. It names no patient and no person, and a witness on another
//! host needs no account here.

use super::{app::App, syslog::confirmed};
use crate::{
    audit::{
        Checkpoint, CheckpointError, CosignatureVerifier, Hash, NoteVerifier, Shown,
        cosignature::{gather, newest_of_each},
    },
    domain::Millis,
    store::{DataFolder, StoreError, StoreReader},
};
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// Proofs that are made at once; further ones wait. One takes a few milliseconds.
pub const PROOFS_AT_ONCE: usize = 2;

/// So long all witnesses are shown the same checkpoint. A witness looks each minute.
pub const MEET_FOR: Millis = Millis::from_mins(1);
/// Most hashes that are given at once: 256 KiB.
pub const HASHES_MAX: u64 = 8_192;
/// So old or so early may a cosignature be that asks for hashes, in seconds.
const FRESH_S: u64 = 600;

/// The trail as others see it.
pub struct AuditDesk {
    /// The trail's key.
    pub key: NoteVerifier,
    witnesses: Vec<CosignatureVerifier>,
    folder: DataFolder,
    proofs: Semaphore,
    /// Held while a cosigned checkpoint is put in the place of another.
    keeping: Mutex<()>,
    /// What witnesses are shown: since when (time since boot), its size, the note.
    meeting: Mutex<Option<(Millis, u64, String)>>,
}

/// Why nothing is shown, or a cosignature is not kept.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Nothing was signed yet.
    #[error("no checkpoint was signed yet: try again")]
    NoneYet,
    /// It is no checkpoint of this trail.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// None of the witnesses that the configuration names has cosigned it.
    #[error("no witness of the configuration has cosigned this: name its key in audit.witnesses")]
    NoWitness,
    /// The cosignature that asks is an old one.
    #[error("this cosignature is not of now: is the clock of the witness right?")]
    Late,
    /// The store cannot be read or written.
    #[error("the trail cannot be read")]
    Store(#[from] StoreError),
    /// The work broke off.
    #[error("the work broke off")]
    Broken,
}

impl AuditDesk {
    /// How many entries the receiver of syslog at this address has confirmed, as the folder says of the trail that is there.
    #[must_use]
    pub fn delivered(&self, address: &str, reader: &dyn StoreReader) -> u64 {
        let hash_of = |index| reader.audit_hashes(index, 1).ok()?.pop();
        confirmed(&self.folder, address, hash_of).unwrap_or(0)
    }

    /// Whether the folder remembers a receiver of syslog.
    #[must_use]
    pub fn has_receiver(&self) -> bool {
        // What cannot be looked at may be there.
        self.folder.audit_delivered().try_exists().unwrap_or(true)
    }

    /// The trail of a folder, with the witnesses whose cosignatures are kept.
    #[must_use]
    pub fn new(key: NoteVerifier, witnesses: Vec<CosignatureVerifier>, folder: DataFolder) -> Self {
        Self {
            key,
            witnesses,
            folder,
            proofs: Semaphore::new(PROOFS_AT_ONCE),
            keeping: Mutex::default(),
            meeting: Mutex::default(),
        }
    }
}

/// The newest checkpoint, and the proof that it has grown from the first `old` entries. If there never were so many, the
/// proof is empty and proves nothing.
///
/// # Errors
/// If there is no checkpoint, or the store cannot be read.
pub async fn shown(app: &App, old: u64) -> Result<Shown, AuditError> {
    show(app, old, None).await
}

/// As [`shown`], for witnesses: within [`MEET_FOR`] all are shown the same checkpoint, so that their cosignatures meet.
///
/// # Errors
/// If there is no checkpoint, or the store cannot be read.
pub async fn shown_to_witness(app: &App, old: u64) -> Result<Shown, AuditError> {
    let mut meeting = app.audit.meeting.lock().await;
    let now = app.clock.boot();
    let standing = meeting.as_ref().filter(|(since, ..)| now - *since < MEET_FOR);
    let agreed = standing.filter(|(_, size, _)| *size >= old);
    let shown = show(app, old, agreed.map(|(_, _, note)| note.clone())).await?;
    // Whoever names a size that there never was gets an answer, and keeps nobody from meeting.
    if standing.is_none() {
        *meeting = Some((now, Checkpoint::parse(&shown.note)?.size, shown.note.clone()));
    }
    drop(meeting);
    Ok(shown)
}

async fn show(app: &App, old: u64, note: Option<String>) -> Result<Shown, AuditError> {
    let _turn = app.audit.proofs.acquire().await.map_err(|_| AuditError::Broken)?;
    let reader = Arc::clone(&app.reader);
    let read = tokio::task::spawn_blocking(move || {
        let note = note.map_or_else(|| reader.newest_checkpoint(), |note| Ok(Some(note)))?;
        let note = note.ok_or(AuditError::NoneYet)?;
        let size = Checkpoint::parse(&note)?.size;
        let proof = match reader.audit_consistency(old, size)? {
            Some(proof) => proof,
            // There never were so many: the checkpoint says so.
            None if old > size => Vec::new(),
            None => return Err(AuditError::Broken),
        };
        Ok(Shown { old, proof, note })
    });
    read.await.map_err(|_| AuditError::Broken)?
}

/// Keeps what a witness has cosigned, if it is one of the configuration's: of each witness the newest. An older checkpoint
/// than the one that is kept changes nothing.
///
/// # Errors
/// If it is not of this trail or of no known witness, or cannot be kept.
pub async fn keep_cosigned(app: &Arc<App>, note: String) -> Result<(), AuditError> {
    let _turn = app.audit.keeping.lock().await;
    let app = Arc::clone(app);
    let kept = tokio::task::spawn_blocking(move || {
        let desk = &app.audit;
        gather(&[&note], &desk.key, &desk.witnesses)?.ok_or(AuditError::NoWitness)?;
        let known = desk.folder.cosigned_checkpoints()?;
        // What somebody made of the file is not kept.
        let known = known.iter().map(String::as_str).filter(|note| desk.key.open(note).is_ok());
        let notes: Vec<&str> = std::iter::once(note.as_str()).chain(known).collect();
        desk.folder.keep_cosigned_checkpoints(&newest_of_each(&notes, &desk.key, &desk.witnesses)?)?;
        Ok(())
    });
    kept.await.map_err(|_| AuditError::Broken)?
}

/// The hashes of signed entries from `from` on, at most [`HASHES_MAX`]. Who knows a few entries could guess others and find
/// them confirmed by their hashes, so they are for witnesses alone: one shows a checkpoint of this trail that it has
/// cosigned just now.
///
/// # Errors
/// If no witness of the configuration asks, or the store cannot be read.
pub async fn hashes(app: &Arc<App>, from: u64, note: String) -> Result<Vec<Hash>, AuditError> {
    let desk = &app.audit;
    desk.key.open(&note)?;
    let cosigned = desk.witnesses.iter().filter_map(|witness| witness.cosigned_at(&note).ok()).max();
    let cosigned = cosigned.ok_or(AuditError::NoWitness)?;
    let now = u64::try_from(app.clock.wall().as_ms().div_euclid(1_000)).unwrap_or(0);
    if now.abs_diff(cosigned) > FRESH_S {
        return Err(AuditError::Late);
    }
    let _turn = desk.proofs.acquire().await.map_err(|_| AuditError::Broken)?;
    let reader = Arc::clone(&app.reader);
    let read = tokio::task::spawn_blocking(move || {
        let note = reader.newest_checkpoint()?.ok_or(AuditError::NoneYet)?;
        let count = Checkpoint::parse(&note)?.size.saturating_sub(from).min(HASHES_MAX);
        Ok(reader.audit_hashes(from, count)?)
    });
    read.await.map_err(|_| AuditError::Broken)?
}
