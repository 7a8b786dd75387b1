//! The embedded store: SQLite in WAL mode with `synchronous=FULL`.

mod access;
mod audit_log;
mod codec;
mod expire;
mod fhir;
mod migrate;
mod reader;
mod recent;
mod samples;
mod schema;
mod segments;
mod unplaced;
mod writer;

pub use migrate::{Migration, newest_version};
pub use reader::SqliteReader;
pub use writer::{SqliteStore, StoreParts};

use super::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;

/// Marks a database file as ours (`PRAGMA application_id`): "WWDB".
const APPLICATION_ID: i64 = 0x5757_4442;
/// How long a reader waits for the writer, in milliseconds.
const BUSY_TIMEOUT_MS: u64 = 5_000;

fn failed(e: rusqlite::Error) -> StoreError {
    match e.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full(e),
        Some(ErrorCode::ConstraintViolation) => StoreError::Constraint(e),
        _ => StoreError::Database(e),
    }
}

fn open_connection(path: &Path, write: bool) -> Result<Connection, StoreError> {
    let access = if write {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    };
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS)).map_err(failed)?;
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(failed)?;
    connection.pragma_update(None, "cache_size", -32 * 1024).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Lets SQLite overwrite with zeros what is deleted, on pages that stay and on those that become free. It is not kept in the file: each
/// connection that deletes has to ask for it.
fn erase_deleted(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "secure_delete", "ON").map_err(failed)?;
    let erases: i64 = connection.pragma_query_value(None, "secure_delete", |r| r.get(0)).map_err(failed)?;
    if erases != 1 {
        return Err(StoreError::Setting { setting: "secure_delete", wanted: "ON", found: erases.to_string() });
    }
    Ok(())
}

/// Copies the WAL into the database and empties it: what was deleted stands in it as it was until then. Waits for nobody; says whether
/// it was done, which a reader may keep it from.
fn empty_wal(connection: &Connection) -> Result<bool, StoreError> {
    connection.busy_timeout(std::time::Duration::ZERO).map_err(failed)?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS)).map_err(failed)?;
    match busy {
        Ok(busy) => Ok(busy == 0),
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(false),
        Err(e) => Err(failed(e)),
    }
}

/// Sets what durability rests on, and makes sure that it holds.
fn assert_durable(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    let journal: String = connection.pragma_query_value(None, "journal_mode", |r| r.get(0)).map_err(failed)?;
    if !journal.eq_ignore_ascii_case("wal") {
        return Err(StoreError::Setting { setting: "journal_mode", wanted: "WAL", found: journal });
    }
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |r| r.get(0)).map_err(failed)?;
    if synchronous != 2 {
        return Err(StoreError::Setting { setting: "synchronous", wanted: "FULL", found: synchronous.to_string() });
    }
    Ok(())
}

/// SQLite keeps signed 64-bit numbers; ours stay far below.
fn to_db(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn from_db(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

fn corrupt(what: &'static str, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt { what, why: why.to_string() }
}

#[cfg(test)]
mod tests;
