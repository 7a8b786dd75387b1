//! Deleting what is past its time, a little at a time, so that the writer is never away for long.

use super::failed;
use crate::{
    domain::{Timestamp, VitalCode},
    store::{Retention, StoreError},
};
use rusqlite::{Connection, TransactionBehavior, params};

/// Most rows deleted of one table in one call.
const ROWS_PER_CALL: i64 = 2_000;
/// Most series looked at in one call.
const SERIES_PER_CALL: i64 = 200;
/// Most dead letters kept; the oldest go first.
const DEAD_LETTERS_MAX: i64 = 100_000;
/// Signed checkpoints kept as they came; of older ones every hundredth stays.
const CHECKPOINTS_KEPT: i64 = 10_000;

/// Deletes up to the bounds; says whether more is left.
pub(super) fn expire(db: &mut Connection, now: Timestamp, retention: &Retention) -> Result<bool, StoreError> {
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
    more |= delete(
        &tx,
        "DELETE FROM audit_checkpoint WHERE no IN (
             SELECT no FROM audit_checkpoint
             WHERE no <= (SELECT max(no) FROM audit_checkpoint) - ?1 AND no % 100 <> 0 ORDER BY no LIMIT ?2)",
        CHECKPOINTS_KEPT,
    )?;
    tx.commit().map_err(failed)?;
    Ok(more)
}

fn delete(db: &Connection, sql: &str, bound: i64) -> Result<bool, StoreError> {
    let deleted = db.prepare_cached(sql).and_then(|mut q| q.execute(params![bound, ROWS_PER_CALL])).map_err(failed)?;
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX) >= ROWS_PER_CALL)
}

fn expire_samples(db: &Connection, now: Timestamp, retention: &Retention) -> Result<bool, StoreError> {
    let mut statement = db
        .prepare_cached(
            "SELECT s.no, s.vital, (SELECT min(last_ms) FROM sample_block WHERE series_no = s.no) AS oldest
             FROM series s WHERE oldest IS NOT NULL ORDER BY oldest LIMIT ?1",
        )
        .map_err(failed)?;
    let rows = statement.query_map([SERIES_PER_CALL], |r| Ok((r.get(0)?, r.get::<_, String>(1)?, r.get(2)?)));
    let candidates: Vec<(i64, String, i64)> = rows.and_then(Iterator::collect).map_err(failed)?;
    let mut left = ROWS_PER_CALL;
    for (series_no, vital, oldest_ms) in candidates {
        let vital: Option<VitalCode> = vital.parse().ok();
        let kept = vital.and_then(|v| retention.by_vital.get(&v)).copied().unwrap_or(retention.samples);
        let cutoff = (now - kept).as_ms();
        if oldest_ms >= cutoff {
            continue;
        }
        // A block goes when its newest sample is past its time.
        let deleted = db
            .prepare_cached(
                "DELETE FROM sample_block WHERE no IN (
                     SELECT no FROM sample_block WHERE series_no = ?1 AND last_ms < ?2 ORDER BY last_ms LIMIT ?3)",
            )
            .and_then(|mut q| q.execute(params![series_no, cutoff, left]))
            .map_err(failed)?;
        left -= i64::try_from(deleted).unwrap_or(left);
        if left <= 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
