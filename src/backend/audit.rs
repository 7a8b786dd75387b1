//! What the audit trail shows to those who watch over it: checkpoints with proofs, and what witnesses have cosigned.
//!
//! It is for everybody: a checkpoint is a number and a hash. It names no patient and no person, and a witness on another
//! host needs no account here.

use super::app::App;
use crate::{
    audit::{Checkpoint, CheckpointError, CosignatureVerifier, NoteVerifier, Shown, cosignature::gather},
    store::{DataFolder, StoreError},
};
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// Proofs that are made at once; further ones wait. One takes a few milliseconds.
pub const PROOFS_AT_ONCE: usize = 2;

/// The trail as others see it.
pub struct AuditDesk {
    /// The trail's key.
    pub key: NoteVerifier,
    witnesses: Vec<CosignatureVerifier>,
    folder: DataFolder,
    proofs: Semaphore,
    /// Held while a cosigned checkpoint is put in the place of another.
    keeping: Mutex<()>,
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
    /// The store cannot be read or written.
    #[error("the trail cannot be read")]
    Store(#[from] StoreError),
    /// The work broke off.
    #[error("the work broke off")]
    Broken,
}

impl AuditDesk {
    /// The trail of a folder, with the witnesses whose cosignatures are kept.
    #[must_use]
    pub fn new(key: NoteVerifier, witnesses: Vec<CosignatureVerifier>, folder: DataFolder) -> Self {
        Self { key, witnesses, folder, proofs: Semaphore::new(PROOFS_AT_ONCE), keeping: Mutex::default() }
    }
}

/// The newest checkpoint, and the proof that it has grown from the first `old` entries. If there never were so many, the
/// proof is empty and proves nothing.
///
/// # Errors
/// If there is no checkpoint, or the store cannot be read.
pub async fn shown(app: &App, old: u64) -> Result<Shown, AuditError> {
    let _turn = app.audit.proofs.acquire().await.map_err(|_| AuditError::Broken)?;
    let reader = Arc::clone(&app.reader);
    let read = tokio::task::spawn_blocking(move || {
        let note = reader.newest_checkpoint()?.ok_or(AuditError::NoneYet)?;
        let size = Checkpoint::parse(&note)?.size;
        let proof = reader.audit_consistency(old, size)?.unwrap_or_default();
        Ok(Shown { old, proof, note })
    });
    read.await.map_err(|_| AuditError::Broken)?
}

/// Keeps what a witness has cosigned, if it is one of the configuration's. An older checkpoint than the one that is kept
/// changes nothing.
///
/// # Errors
/// If it is not of this trail or of no known witness, or cannot be kept.
pub async fn keep_cosigned(app: &Arc<App>, note: String) -> Result<(), AuditError> {
    let _turn = app.audit.keeping.lock().await;
    let app = Arc::clone(app);
    let kept = tokio::task::spawn_blocking(move || {
        let desk = &app.audit;
        let size = desk.key.open(&note)?.size;
        let known = desk.folder.cosigned_checkpoint()?;
        let known_size = known.as_deref().and_then(|note| Checkpoint::parse(note).ok()).map_or(0, |c| c.size);
        let notes: Vec<&str> = std::iter::once(note.as_str()).chain(known.as_deref()).collect();
        let gathered = gather(&notes, &desk.key, &desk.witnesses)?.ok_or(AuditError::NoWitness)?;
        if size >= known_size {
            desk.folder.keep_cosigned_checkpoint(&gathered)?;
        }
        Ok(())
    });
    kept.await.map_err(|_| AuditError::Broken)?
}
