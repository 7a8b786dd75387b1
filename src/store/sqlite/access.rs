//! Users, sessions, tokens, displays and emergencies: how they are written and read.

use super::{
    corrupt, failed,
    reader::{get, json, parse, rows},
    writer::read_mode,
};
use crate::{
    domain::{Coverage, Millis, Timestamp},
    store::{
        AccessChange, AccessRecords, DeviceTokenRecord, EnrolmentRecord, FactorRecord, SessionRecord, StationRecord,
        StoreError, UserKeyRecord, UserRecord,
    },
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

/// Keeps a change, by the rules of [`AccessChange`].
pub(super) fn write(db: &Connection, change: &AccessChange) -> Result<(), StoreError> {
    match change {
        AccessChange::AddUser(_)
        | AccessChange::SetFailures { .. }
        | AccessChange::SetEnabled { .. }
        | AccessChange::SetCoverage { .. }
        | AccessChange::SetRole { .. }
        | AccessChange::SetPhc { .. }
        | AccessChange::Rehash { .. } => write_user(db, change),
        AccessChange::SetFactor { .. } | AccessChange::SpendStep { .. } | AccessChange::SpendRecovery { .. } => {
            write_factor(db, change)
        }
        AccessChange::PutDeviceToken(_)
        | AccessChange::DropDeviceTokens(_)
        | AccessChange::PutEnrolment(_)
        | AccessChange::AddUserKey(_)
        | AccessChange::DropUserKey { .. }
        | AccessChange::PutStation(_)
        | AccessChange::DropStation(_) => write_token(db, change),
        AccessChange::PutBreakGlass(opened) => {
            let sql = "INSERT OR REPLACE INTO break_glass (id, reviewed, body) VALUES (?1, ?2, ?3)";
            let row = params![opened.id.as_str(), opened.review.is_some(), text(opened)?];
            db.execute(sql, row).map(|_| ()).map_err(failed)
        }
        _ => write_session(db, change).map(|_| ()).map_err(failed),
    }
}

fn text(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| corrupt("a record", &e))
}

fn wards(coverage: &Coverage) -> Result<Option<String>, StoreError> {
    match coverage {
        Coverage::All => Ok(None),
        Coverage::Wards(wards) => text(wards).map(Some),
    }
}

fn write_user(db: &Connection, change: &AccessChange) -> Result<(), StoreError> {
    let done = match change {
        AccessChange::AddUser(u) => {
            let (name_key, role) = (u.name.to_lowercase(), u.role.as_str());
            let factor = u.factor.as_ref().map(text).transpose()?;
            db.execute(
                "INSERT OR IGNORE INTO user (id, name, name_key, role, phc, enabled, failures, wards, factor, given_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                params![
                    u.id.as_str(),
                    u.name,
                    name_key,
                    role,
                    u.phc,
                    u.enabled,
                    u.failures,
                    wards(&u.coverage)?,
                    factor,
                    u.given_at.map(Timestamp::as_ms)
                ],
            )
        }
        AccessChange::SetFailures { user, failures } => {
            db.execute("UPDATE user SET failures = ?2 WHERE id = ?1", params![user.as_str(), failures])
        }
        AccessChange::SetEnabled { user, enabled } => {
            db.execute("UPDATE user SET enabled = ?2 WHERE id = ?1", params![user.as_str(), enabled])
        }
        AccessChange::SetCoverage { user, coverage } => {
            db.execute("UPDATE user SET wards = ?2 WHERE id = ?1", params![user.as_str(), wards(coverage)?])
        }
        AccessChange::SetRole { user, role } => {
            db.execute("UPDATE user SET role = ?2 WHERE id = ?1", params![user.as_str(), role.as_str()])
        }
        AccessChange::SetPhc { user, phc, given_at } => db.execute(
            "UPDATE user SET phc = ?2, given_ms = ?3 WHERE id = ?1",
            params![user.as_str(), phc, given_at.map(Timestamp::as_ms)],
        ),
        AccessChange::Rehash { user, old, new } => {
            db.execute("UPDATE user SET phc = ?3 WHERE id = ?1 AND phc = ?2", params![user.as_str(), old, new])
        }
        _ => Ok(0),
    };
    done.map(|_| ()).map_err(failed)
}

fn write_factor(db: &Connection, change: &AccessChange) -> Result<(), StoreError> {
    let (user, factor) = match change {
        AccessChange::SetFactor { user, factor } => (user, factor.clone()),
        AccessChange::SpendStep { user, step } => {
            let Some(mut held) = factor_of(db, user.as_str())? else { return Ok(()) };
            held.spend_step(*step);
            (user, Some(held))
        }
        AccessChange::SpendRecovery { user, code_hash } => {
            let Some(mut held) = factor_of(db, user.as_str())? else { return Ok(()) };
            held.spend_recovery(code_hash);
            (user, Some(held))
        }
        _ => return Ok(()),
    };
    let factor = factor.as_ref().map(text).transpose()?;
    db.execute("UPDATE user SET factor = ?2 WHERE id = ?1", params![user.as_str(), factor]).map(|_| ()).map_err(failed)
}

fn factor_of(db: &Connection, user: &str) -> Result<Option<FactorRecord>, StoreError> {
    let sql = "SELECT factor FROM user WHERE id = ?1";
    let held: Option<Option<String>> = db.query_row(sql, [user], |row| row.get(0)).optional().map_err(failed)?;
    held.flatten().map(|held| json(&held, "a second factor")).transpose()
}

fn write_token(db: &Connection, change: &AccessChange) -> Result<(), StoreError> {
    let done = match change {
        AccessChange::PutDeviceToken(t) => db.execute(
            "INSERT OR REPLACE INTO device_token (token_hash, device, mode, made_ms) VALUES (?1, ?2, ?3, ?4)",
            params![t.token_hash, t.device.as_str(), t.mode.to_string(), t.made_at.as_ms()],
        ),
        AccessChange::DropDeviceTokens(device) => {
            db.execute("DELETE FROM device_token WHERE device = ?1", [device.as_str()])
        }
        AccessChange::PutEnrolment(e) => db.execute(
            "INSERT OR REPLACE INTO enrolment (device, code_hash, mode, expires_ms, replace_tokens, used)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![e.device.as_str(), e.code_hash, e.mode.to_string(), e.expires_at.as_ms(), e.replace, e.used],
        ),
        AccessChange::AddUserKey(k) => db.execute(
            "INSERT OR IGNORE INTO user_key (fingerprint, user, algorithm, comment, added_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![k.fingerprint, k.user.as_str(), k.algorithm, k.comment, k.added_at.as_ms()],
        ),
        AccessChange::DropUserKey { user, fingerprint } => {
            db.execute("DELETE FROM user_key WHERE fingerprint = ?1 AND user = ?2", params![fingerprint, user.as_str()])
        }
        AccessChange::PutStation(s) => db.execute(
            "INSERT OR REPLACE INTO station (id, name, ward, token_hash, mode, made_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![s.id.as_str(), s.name, s.ward.as_str(), s.token_hash, s.mode.to_string(), s.made_at.as_ms()],
        ),
        AccessChange::DropStation(id) => db.execute("DELETE FROM station WHERE id = ?1", [id.as_str()]),
        _ => Ok(0),
    };
    done.map(|_| ()).map_err(failed)
}

fn write_session(db: &Connection, change: &AccessChange) -> Result<usize, rusqlite::Error> {
    match change {
        AccessChange::BeginSession { session: s, proven, factor } => {
            let (id, user) = (s.id.as_str(), s.user.as_str());
            let (former, since) = (s.former.map(|f| f.0), s.former.map(|f| f.1.0));
            db.execute(
                "INSERT OR REPLACE INTO session
                     (id, token_hash, user, boot_id, began_ms, active_ms, locked, proven_ms, former_hash, former_ms, held)
                 SELECT ?1, ?2, id, ?4, ?5, ?6, ?7, ?9, ?10, ?11, ?12 FROM user
                 WHERE id = ?3 AND enabled AND phc = ?8 AND (?12 OR json_extract(factor, '$.sealed_seed') IS ?13)",
                params![
                    id,
                    s.token_hash,
                    user,
                    s.boot_id,
                    s.began.0,
                    s.active.0,
                    s.locked,
                    proven,
                    s.proven.0,
                    former,
                    since,
                    s.held,
                    factor
                ],
            )
        }
        AccessChange::TouchSession { session, active } => db.execute(
            "UPDATE session SET active_ms = max(active_ms, ?2) WHERE id = ?1",
            params![session.as_str(), active.0],
        ),
        AccessChange::LockSession { session, idle_since } => db.execute(
            "UPDATE session SET locked = 1 WHERE id = ?1 AND active_ms <= ?2",
            params![session.as_str(), idle_since.0],
        ),
        AccessChange::UnlockSession { session, active } => db.execute(
            "UPDATE session SET locked = 0, active_ms = max(active_ms, ?2) WHERE id = ?1",
            params![session.as_str(), active.0],
        ),
        AccessChange::RotateSession { session, token_hash, at } => db.execute(
            "UPDATE session SET former_hash = token_hash, former_ms = ?3, token_hash = ?2,
                 active_ms = max(active_ms, ?3), proven_ms = max(proven_ms, ?3)
             WHERE id = ?1",
            params![session.as_str(), token_hash, at.0],
        ),
        AccessChange::DropSession(id) => db.execute("DELETE FROM session WHERE id = ?1", [id.as_str()]),
        AccessChange::DropSessionsOf(user) => db.execute("DELETE FROM session WHERE user = ?1", [user.as_str()]),
        _ => Ok(0),
    }
}

/// All that is kept.
pub(super) fn read(db: &Connection) -> Result<AccessRecords, StoreError> {
    let users = "SELECT id, name, role, phc, enabled, failures, wards, factor, given_ms FROM user ORDER BY id";
    let sessions =
        "SELECT id, token_hash, user, boot_id, began_ms, active_ms, locked, proven_ms, former_hash, former_ms, held
                    FROM session ORDER BY id";
    let enrolments = "SELECT device, code_hash, mode, expires_ms, replace_tokens, used FROM enrolment";
    let stations = "SELECT id, name, ward, token_hash, mode, made_ms FROM station ORDER BY id";
    let keys = "SELECT fingerprint, user, algorithm, comment, added_ms FROM user_key ORDER BY fingerprint";
    let opened = "SELECT body FROM break_glass WHERE reviewed = 0 ORDER BY id";
    Ok(AccessRecords {
        users: rows(db, users, [], read_user)?,
        sessions: rows(db, sessions, [], read_session)?,
        device_tokens: rows(db, "SELECT token_hash, device, mode, made_ms FROM device_token", [], read_token)?,
        enrolments: rows(db, enrolments, [], read_enrolment)?,
        user_keys: rows(db, keys, [], read_user_key)?,
        stations: rows(db, stations, [], read_station)?,
        break_glass: rows(db, opened, [], |row| json(&get::<String>(row, 0)?, "an emergency"))?,
    })
}

fn read_user(row: &Row<'_>) -> Result<UserRecord, StoreError> {
    let (wards, factor): (Option<String>, Option<String>) = (get(row, 6)?, get(row, 7)?);
    let wards = wards.map(|wards| json(&wards, "the wards of a user")).transpose()?;
    Ok(UserRecord {
        id: parse(row, 0, "a user")?,
        name: get(row, 1)?,
        role: parse(row, 2, "a role")?,
        phc: get(row, 3)?,
        given_at: get::<Option<i64>>(row, 8)?.map(Timestamp::from_ms),
        enabled: get(row, 4)?,
        failures: get(row, 5)?,
        coverage: wards.map_or(Coverage::All, Coverage::Wards),
        factor: factor.map(|factor| json(&factor, "a second factor")).transpose()?,
    })
}

fn read_session(row: &Row<'_>) -> Result<SessionRecord, StoreError> {
    let (former, since): (Option<[u8; 32]>, Option<i64>) = (get(row, 8)?, get(row, 9)?);
    Ok(SessionRecord {
        id: parse(row, 0, "a session")?,
        token_hash: get(row, 1)?,
        user: parse(row, 2, "a user")?,
        boot_id: get(row, 3)?,
        began: Millis(get(row, 4)?),
        active: Millis(get(row, 5)?),
        locked: get(row, 6)?,
        proven: Millis(get(row, 7)?),
        former: former.zip(since.map(Millis)),
        held: get(row, 10)?,
        key: None,
    })
}

fn read_token(row: &Row<'_>) -> Result<DeviceTokenRecord, StoreError> {
    Ok(DeviceTokenRecord {
        token_hash: get(row, 0)?,
        device: parse(row, 1, "a device")?,
        mode: read_mode(&get::<String>(row, 2)?)?,
        made_at: Timestamp::from_ms(get(row, 3)?),
    })
}

fn read_enrolment(row: &Row<'_>) -> Result<EnrolmentRecord, StoreError> {
    Ok(EnrolmentRecord {
        device: parse(row, 0, "a device")?,
        code_hash: get(row, 1)?,
        mode: read_mode(&get::<String>(row, 2)?)?,
        expires_at: Timestamp::from_ms(get(row, 3)?),
        replace: get(row, 4)?,
        used: get(row, 5)?,
    })
}

fn read_user_key(row: &Row<'_>) -> Result<UserKeyRecord, StoreError> {
    Ok(UserKeyRecord {
        fingerprint: get(row, 0)?,
        user: parse(row, 1, "a user")?,
        algorithm: get(row, 2)?,
        comment: get(row, 3)?,
        added_at: Timestamp::from_ms(get(row, 4)?),
    })
}

fn read_station(row: &Row<'_>) -> Result<StationRecord, StoreError> {
    Ok(StationRecord {
        id: parse(row, 0, "a display")?,
        name: get(row, 1)?,
        ward: parse(row, 2, "a ward")?,
        token_hash: get(row, 3)?,
        mode: read_mode(&get::<String>(row, 4)?)?,
        made_at: Timestamp::from_ms(get(row, 5)?),
    })
}
