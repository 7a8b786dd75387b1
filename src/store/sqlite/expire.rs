//! Deleting what is past its time, a little at a time, so that the writer is never away for long.

use super::{corrupt, failed, segments, writer::Expired};
use crate::{
    domain::{Millis, Timestamp, unplaced::UNPLACED_KEPT},
    store::{MAPPED_VERSIONS_KEPT, Retention, StoreError},
};
use rusqlite::{Connection, TransactionBehavior, params};
use std::collections::BTreeMap;

/// Most rows deleted of one table in one call.
const ROWS_PER_CALL: i64 = 2_000;
/// Most dead letters kept; the oldest go first.
const DEAD_LETTERS_MAX: i64 = 100_000;
/// Signed checkpoints kept as they came; of older ones every hundredth stays.
const CHECKPOINTS_KEPT: i64 = 10_000;

/// Deletes up to the bounds; says whether more is left, and whether anything was deleted. `signed` is how many entries of the audit trail a checkpoint covers.
pub(super) fn expire(
    db: &mut Connection,
    now: Timestamp,
    retention: &Retention,
    signed: u64,
) -> Result<Expired, StoreError> {
    let before = db.total_changes();
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let mut more = expire_samples(&tx, now, retention)?;
    // Inputs after the newest snapshot are needed for the next start, however old they are.
    more |= delete(
        &tx,
        "DELETE FROM input WHERE no IN (
             SELECT i.no FROM input i JOIN snapshot s ON s.ward_no = i.ward_no
             WHERE i.no <= s.input_no AND i.engine_ms < ?1 ORDER BY i.no LIMIT ?2)",
        (now - retention.inputs).as_ms(),
    )?;
    more |= delete(
        &tx,
        "DELETE FROM dead_letter WHERE no IN (SELECT no FROM dead_letter WHERE at_ms < ?1 ORDER BY no LIMIT ?2)",
        (now - retention.dead_letters).as_ms(),
    )?;
    more |= delete(
        &tx,
        "DELETE FROM dead_letter WHERE no IN (
             SELECT no FROM dead_letter WHERE no <= (SELECT max(no) FROM dead_letter) - ?1 ORDER BY no LIMIT ?2)",
        DEAD_LETTERS_MAX,
    )?;
    more |= expire_resources(&tx, OLD_OBSERVATIONS, (now - retention.fhir).as_ms())?;
    more |= expire_resources(&tx, EARLIER_VERSIONS, (now - MAPPED_VERSIONS_KEPT).as_ms())?;
    more |= delete(
        &tx,
        "DELETE FROM unplaced WHERE device IN (SELECT device FROM unplaced WHERE last_ms < ?1 LIMIT ?2)",
        (now - UNPLACED_KEPT).as_ms(),
    )?;
    more |= delete(
        &tx,
        "DELETE FROM audit_checkpoint WHERE no IN (
             SELECT no FROM audit_checkpoint
             WHERE no <= (SELECT max(no) FROM audit_checkpoint) - ?1 AND no % 100 <> 0 ORDER BY no LIMIT ?2)",
        CHECKPOINTS_KEPT,
    )?;
    more |= segments::empty(&tx, ROWS_PER_CALL, signed)?;
    tx.commit().map_err(failed)?;
    Ok(Expired { more, deleted: db.total_changes() != before })
}

fn delete(db: &Connection, sql: &str, bound: i64) -> Result<bool, StoreError> {
    let deleted = db.prepare_cached(sql).and_then(|mut q| q.execute(params![bound, ROWS_PER_CALL])).map_err(failed)?;
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX) >= ROWS_PER_CALL)
}

/// Observations go when their time is over; Patients, Devices and Encounters stay.
const OLD_OBSERVATIONS: &str =
    "SELECT no FROM fhir_resource WHERE kind = 'Observation' AND updated_ms < ?1 ORDER BY updated_ms, no LIMIT ?2";
/// Versions that a mapping made and replaced itself. What somebody else put in their place leaves the last of them.
const EARLIER_VERSIONS: &str = "SELECT no FROM fhir_resource r
     WHERE mapped = 1 AND superseded IS NOT NULL AND updated_ms < ?1
         AND (SELECT next.mapped FROM fhir_resource next WHERE next.no = r.superseded) = 1
     ORDER BY updated_ms, no LIMIT ?2";

fn expire_resources(db: &Connection, which: &str, bound_ms: i64) -> Result<bool, StoreError> {
    delete(db, &format!("DELETE FROM fhir_token WHERE no IN ({which})"), bound_ms)?;
    delete(db, &format!("DELETE FROM fhir_resource WHERE no IN ({which})"), bound_ms)
}

/// A block goes when its newest sample is past the time of its vital. Each vital has its own cut-off in the query, so
/// that one that is kept for long does not stand before the others.
fn expire_samples(db: &Connection, now: Timestamp, retention: &Retention) -> Result<bool, StoreError> {
    let cutoff_ms = |kept: &Millis| (now - *kept).as_ms();
    let by_vital: BTreeMap<&str, i64> =
        retention.by_vital.iter().map(|(v, kept)| (v.as_str(), cutoff_ms(kept))).collect();
    let by_vital = serde_json::to_string(&by_vital).map_err(|e| corrupt("the retention", &e))?;
    let deleted = db
        .prepare_cached(
            "DELETE FROM sample_block WHERE no IN (
                 SELECT b.no FROM series s LEFT JOIN json_each(?1) own ON own.key = s.vital
                 CROSS JOIN sample_block b ON b.series_no = s.no AND b.last_ms < coalesce(own.value, ?2) LIMIT ?3)",
        )
        .and_then(|mut q| q.execute(params![by_vital, cutoff_ms(&retention.samples), ROWS_PER_CALL]))
        .map_err(failed)?;
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX) >= ROWS_PER_CALL)
}
