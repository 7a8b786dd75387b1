//! Devices whose values could not be placed: one row each, joined with what is there.

use super::{corrupt, failed};
use crate::{
    domain::{Unplaced, unplaced::UNPLACED_MAX},
    store::{StoreError, UnplacedChange},
};
use rusqlite::{Connection, OptionalExtension, params};

/// Writes the changes of a batch, in order.
pub(super) fn write(db: &Connection, changes: &[UnplacedChange]) -> Result<(), StoreError> {
    for change in changes {
        match change {
            UnplacedChange::Placed(device) => {
                db.prepare_cached("DELETE FROM unplaced WHERE device = ?1")
                    .and_then(|mut q| q.execute([device.as_str()]))
                    .map_err(failed)?;
            }
            UnplacedChange::Came(new) => join(db, new)?,
        }
    }
    if changes.iter().any(|change| matches!(change, UnplacedChange::Came(_))) {
        shorten(db)?;
    }
    Ok(())
}

fn join(db: &Connection, new: &Unplaced) -> Result<(), StoreError> {
    let held: Option<String> = db
        .prepare_cached("SELECT body FROM unplaced WHERE device = ?1")
        .and_then(|mut q| q.query_row([new.device.as_str()], |row| row.get(0)).optional())
        .map_err(failed)?;
    let joined = match held {
        Some(text) => {
            let mut held: Unplaced = serde_json::from_str(&text).map_err(|e| corrupt("an unplaced device", &e))?;
            held.join(new.clone());
            held
        }
        None => new.clone(),
    };
    let body = serde_json::to_string(&joined).map_err(|e| corrupt("an unplaced device", &e))?;
    db.prepare_cached("INSERT OR REPLACE INTO unplaced (device, last_ms, body) VALUES (?1, ?2, ?3)")
        .and_then(|mut q| q.execute(params![new.device.as_str(), joined.last_at.as_ms(), body]))
        .map(|_| ())
        .map_err(failed)
}

/// Lets go of the longest unheard beyond the bound: a sender may make up any number of identifiers.
fn shorten(db: &Connection) -> Result<(), StoreError> {
    let max = i64::try_from(UNPLACED_MAX).unwrap_or(i64::MAX);
    db.prepare_cached(
        "DELETE FROM unplaced WHERE device IN (SELECT device FROM unplaced ORDER BY last_ms DESC, device LIMIT -1 OFFSET ?1)",
    )
    .and_then(|mut q| q.execute([max]))
    .map(|_| ())
    .map_err(failed)
}
