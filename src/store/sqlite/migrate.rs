//! From older schemas to this program's, forward only, with a backup first.

use super::{APPLICATION_ID, failed, schema::MIGRATIONS};
use crate::store::StoreError;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// One step of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The version after the step.
    pub version: i64,
    /// What it does.
    pub sql: &'static str,
}

/// The schema version of this program.
#[must_use]
pub fn newest_version() -> i64 {
    MIGRATIONS.last().map_or(0, |m| m.version)
}

/// Brings a database to the newest version.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    run(connection, path, MIGRATIONS)
}

/// Refuses a database that is newer or not ours, before anything is written to it.
pub(super) fn recognise(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    recognise_up_to(connection, path, newest_version()).map(|_| ())
}

/// The version of a database that may be brought to `known`, and whether it is fresh.
fn recognise_up_to(connection: &Connection, path: &Path, known: i64) -> Result<(i64, bool), StoreError> {
    let found = version(connection)?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let fresh = found == 0 && table_count(connection)? == 0;
    if !fresh && !is_ours(connection)? {
        return Err(StoreError::Foreign { path: path.display().to_string() });
    }
    Ok((found, fresh))
}

/// Whether a database is of the newest version, for those that only read.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let (found, known) = (version(connection)?, newest_version());
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    if !is_ours(connection)? {
        return Err(StoreError::Foreign { path: path.display().to_string() });
    }
    if found < known {
        return Err(StoreError::Older { found, known });
    }
    Ok(())
}

fn run(connection: &mut Connection, path: &Path, steps: &[Migration]) -> Result<(), StoreError> {
    let known = steps.last().map_or(0, |m| m.version);
    let (found, fresh) = recognise_up_to(connection, path, known)?;
    if found == known {
        return Ok(());
    }
    if !fresh {
        back_up(connection, path, found)?;
    }
    for step in steps.iter().filter(|m| m.version > found) {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        tx.execute_batch(step.sql).map_err(failed)?;
        tx.pragma_update(None, "user_version", step.version).map_err(failed)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        tx.commit().map_err(failed)?;
    }
    Ok(())
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    connection.pragma_query_value(None, "user_version", |r| r.get(0)).map_err(failed)
}

fn is_ours(connection: &Connection) -> Result<bool, StoreError> {
    let id: i64 = connection.pragma_query_value(None, "application_id", |r| r.get(0)).map_err(failed)?;
    Ok(id == APPLICATION_ID)
}

fn table_count(connection: &Connection) -> Result<i64, StoreError> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0)).map_err(failed)
}

/// Copies the database beside itself as `wardwatch.db.v{version}.backup`; an older backup of that version is kept.
fn back_up(connection: &Connection, path: &Path, version: i64) -> Result<(), StoreError> {
    let target = path.with_extension(format!("db.v{version}.backup"));
    if target.exists() {
        return Ok(());
    }
    let text = target.display().to_string();
    connection.execute("VACUUM INTO ?1", [&text]).map_err(StoreError::Backup)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: &[Migration] = &[
        Migration { version: 1, sql: "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);" },
        Migration { version: 2, sql: "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1;" },
    ];
    const BAD: &[Migration] = &[STEPS[0], Migration { version: 2, sql: "UPDATE a SET x = 9; CREATE TABLE broken (" }];

    fn database(dir: &Path) -> (Connection, std::path::PathBuf) {
        let path = dir.join("wardwatch.db");
        (Connection::open(&path).unwrap(), path)
    }

    #[test]
    fn goes_forward_with_a_backup_of_the_former_version() {
        let dir = tempfile::tempdir().unwrap();
        let (mut db, path) = database(dir.path());
        run(&mut db, &path, &STEPS[..1]).unwrap();
        assert!(!dir.path().join("wardwatch.db.v0.backup").exists(), "a fresh database needs no backup");
        run(&mut db, &path, STEPS).unwrap();
        assert_eq!(db.query_row("SELECT y FROM a", [], |r| r.get::<_, i64>(0)).unwrap(), 2);
        let backup = Connection::open(dir.path().join("wardwatch.db.v1.backup")).unwrap();
        assert_eq!(version(&backup).unwrap(), 1);
        assert_eq!(backup.query_row("SELECT x FROM a", [], |r| r.get::<_, i64>(0)).unwrap(), 1);
        run(&mut db, &path, STEPS).unwrap();
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (mut db, path) = database(dir.path());
        run(&mut db, &path, &STEPS[..1]).unwrap();
        assert!(run(&mut db, &path, BAD).is_err());
        assert_eq!(version(&db).unwrap(), 1);
        assert_eq!(db.query_row("SELECT x FROM a", [], |r| r.get::<_, i64>(0)).unwrap(), 1);
    }

    #[test]
    fn a_newer_schema_and_a_foreign_database_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (mut db, path) = database(dir.path());
        db.execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(matches!(run(&mut db, &path, STEPS), Err(StoreError::Foreign { .. })));
        db.execute_batch("DROP TABLE theirs").unwrap();
        run(&mut db, &path, STEPS).unwrap();
        assert!(matches!(run(&mut db, &path, &STEPS[..1]), Err(StoreError::Newer { found: 2, known: 1 })));
    }
}
