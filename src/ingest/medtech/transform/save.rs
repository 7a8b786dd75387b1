//! Keeping an Observation: new, merged into one that is there, or nothing to do.

use super::TransformFault;
use crate::fhir::{Identifier, Observation, Status};

/// How often a save is tried again when somebody else changed the Observation meanwhile.
pub const CONFLICT_RETRIES_MAX: u32 = 2;

/// Where Observations are kept.
pub trait ObservationShelf {
    /// The Observation of exactly this identifier.
    fn find(&self, identifier: &Identifier) -> Option<Observation>;

    /// Keeps an Observation.
    ///
    /// # Errors
    /// If somebody else changed it since it was read.
    fn put(&mut self, observation: Observation) -> Result<(), Conflict>;
}

/// Somebody else changed the Observation since it was read (409 or 412 of a FHIR server).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("somebody else changed the Observation at the same time")]
pub struct Conflict;

/// What became of an Observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is new.
    Created,
    /// It was there and has changed.
    Updated,
    /// It was there and says it all already.
    Unchanged,
}

impl Saved {
    /// What became of it, in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
        }
    }
}

/// Why an Observation was not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SaveFault {
    /// It could not be made or merged.
    #[error(transparent)]
    Transform(#[from] TransformFault),
    /// Changed by somebody else again and again.
    #[error("given up after {CONFLICT_RETRIES_MAX} further tries: {0}")]
    Conflict(#[from] Conflict),
}

/// Keeps an Observation: makes a new one if there is none of its identifier, else merges. One that changed becomes `amended`.
///
/// # Errors
/// If it cannot be made or merged, or others changed it at each of the tries.
pub fn save(
    shelf: &mut impl ObservationShelf,
    identifier: &Identifier,
    make: impl Fn() -> Result<Observation, TransformFault>,
    merge: impl Fn(&Observation) -> Result<Observation, TransformFault>,
) -> Result<(Saved, Observation), SaveFault> {
    let mut tries = 0;
    loop {
        let (saved, observation) = match shelf.find(identifier) {
            None => (Saved::Created, make()?),
            Some(there) => {
                let merged = merge(&there)?;
                if merged == there {
                    return Ok((Saved::Unchanged, there));
                }
                (Saved::Updated, Observation { status: Status::Amended, ..merged })
            }
        };
        match shelf.put(observation.clone()) {
            Ok(()) => return Ok((saved, observation)),
            Err(conflict) if tries >= CONFLICT_RETRIES_MAX => return Err(conflict.into()),
            Err(_) => tries += 1,
        }
    }
}
