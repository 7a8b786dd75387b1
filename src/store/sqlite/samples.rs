//! Samples into blocks, and out of them.

use super::{codec, corrupt, failed};
use crate::{
    domain::{DeviceId, Marks, PatientId, Timestamp, VitalCode},
    engine::{Kept, SeriesKey},
    store::{CorrectedSample, StoreError},
};
use rusqlite::{Connection, OptionalExtension, ToSql, params};
use std::collections::HashMap;

/// Most samples of one block: a late query decodes no more than this for one value.
const BLOCK_SAMPLES_MAX: usize = 4_096;

/// The numbers of series that were written since the start, with the ward that wrote last.
#[derive(Debug, Default)]
pub(super) struct SeriesNumbers {
    known: HashMap<SeriesKey, (i64, i64)>,
}

impl SeriesNumbers {
    /// The number of a series; made if it has none. A series goes with its patient to the ward that writes.
    fn of(&mut self, db: &Connection, ward_no: i64, key: &SeriesKey) -> Result<i64, StoreError> {
        if let Some((no, of_ward)) = self.known.get(key)
            && *of_ward == ward_no
        {
            return Ok(*no);
        }
        let no = find_or_make(db, ward_no, key)?;
        self.known.insert(key.clone(), (no, ward_no));
        Ok(no)
    }

    /// Forgets all: a transaction was rolled back, and with it perhaps a number.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

fn find_or_make(db: &Connection, ward_no: i64, key: &SeriesKey) -> Result<i64, StoreError> {
    let (device, vital, patient) = (key.device.as_str(), key.vital.as_str(), key.patient.as_str());
    db.prepare_cached(
        "INSERT INTO series (ward_no, device, vital, patient) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (device, vital, patient) DO UPDATE SET ward_no = excluded.ward_no RETURNING no",
    )
    .and_then(|mut q| q.query_row(params![ward_no, device, vital, patient], |r| r.get(0)))
    .map_err(failed)
}

/// Writes samples of one series as blocks. Late samples go into blocks of their own, so that the others stay narrow in
/// time.
pub(super) fn write(
    db: &Connection,
    numbers: &mut SeriesNumbers,
    ward_no: i64,
    key: &SeriesKey,
    samples: &[&Kept],
) -> Result<(), StoreError> {
    let all = samples.iter().copied().cloned();
    let (mut late, mut present): (Vec<Kept>, Vec<Kept>) = all.partition(|s| s.late);
    if late.is_empty() && present.is_empty() {
        return Ok(());
    }
    let series_no = numbers.of(db, ward_no, key)?;
    for run in [&mut late, &mut present] {
        run.sort_by_key(|s| s.observed_at);
        for part in run.chunks(BLOCK_SAMPLES_MAX) {
            insert(db, series_no, part)?;
        }
    }
    Ok(())
}

fn insert(db: &Connection, series_no: i64, samples: &[Kept]) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return Ok(()) };
    db.prepare_cached("INSERT INTO sample_block (series_no, first_ms, last_ms, body) VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut q| {
            let (first, last) = (first.observed_at.as_ms(), last.observed_at.as_ms());
            q.execute(params![series_no, first, last, codec::encode(samples)])
        })
        .map(|_| ())
        .map_err(failed)
}

fn decode(body: &[u8]) -> Result<Vec<Kept>, StoreError> {
    codec::decode(body).ok_or_else(|| corrupt("a block of samples", &"its bytes are not whole"))
}

/// The blocks that may hold a sample of a device, vital and time: number, patient, samples.
fn blocks_at(
    db: &Connection,
    device: &DeviceId,
    vital: VitalCode,
    at: Timestamp,
) -> Result<Vec<(i64, PatientId, Vec<Kept>)>, StoreError> {
    let sql = "SELECT b.no, s.patient, b.body FROM series s JOIN sample_block b ON b.series_no = s.no
               WHERE s.device = ?1 AND s.vital = ?2 AND b.last_ms >= ?3 AND b.first_ms <= ?3";
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(params![device.as_str(), vital.as_str(), at.as_ms()]).map_err(failed)?;
    let mut blocks = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let patient: String = row.get(1).map_err(failed)?;
        let body: Vec<u8> = row.get(2).map_err(failed)?;
        let patient = patient.parse().map_err(|e| corrupt("a patient", &e))?;
        blocks.push((row.get(0).map_err(failed)?, patient, decode(&body)?));
    }
    Ok(blocks)
}

/// The value of a device, vital and time.
pub(super) fn find(
    db: &Connection,
    device: &DeviceId,
    vital: VitalCode,
    at: Timestamp,
) -> Result<Option<(PatientId, Kept)>, StoreError> {
    for (_, patient, samples) in blocks_at(db, device, vital, at)? {
        if let Some(sample) = samples.into_iter().find(|s| s.observed_at == at) {
            return Ok(Some((patient, sample)));
        }
    }
    Ok(None)
}

/// The newest time of a device and vital.
pub(super) fn newest(db: &Connection, device: &DeviceId, vital: VitalCode) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT max((SELECT max(last_ms) FROM sample_block WHERE series_no = s.no))
               FROM series s WHERE s.device = ?1 AND s.vital = ?2";
    let newest: Option<i64> = db
        .prepare_cached(sql)
        .and_then(|mut q| q.query_row(params![device.as_str(), vital.as_str()], |r| r.get(0)))
        .map_err(failed)?;
    Ok(newest.map(Timestamp::from_ms))
}

/// The series that a ward wrote last, with their numbers.
pub(super) fn series_in(db: &Connection, ward_no: i64) -> Result<Vec<(i64, SeriesKey)>, StoreError> {
    series(db, "SELECT no, device, vital, patient FROM series WHERE ward_no = ?1", params![ward_no])
}

/// The series of a patient in all wards, with their numbers: who was moved has the same past.
pub(super) fn series_of(db: &Connection, patient: &PatientId) -> Result<Vec<(i64, SeriesKey)>, StoreError> {
    let sql = "SELECT no, device, vital, patient FROM series WHERE ward_no IN (SELECT no FROM ward) AND patient = ?1";
    series(db, sql, params![patient.as_str()])
}

fn series(db: &Connection, sql: &str, params: &[&dyn ToSql]) -> Result<Vec<(i64, SeriesKey)>, StoreError> {
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(params).map_err(failed)?;
    let mut series = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let text = |index| row.get::<_, String>(index).map_err(failed);
        let key = SeriesKey {
            device: text(1)?.parse().map_err(|e| corrupt("a device", &e))?,
            vital: text(2)?.parse().map_err(|e| corrupt("a vital", &e))?,
            patient: text(3)?.parse().map_err(|e| corrupt("a patient", &e))?,
        };
        series.push((row.get(0).map_err(failed)?, key));
    }
    Ok(series)
}

/// The samples of a series within `[from, to)`, in order of time.
pub(super) fn within(
    db: &Connection,
    series_no: i64,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Kept>, StoreError> {
    let sql =
        "SELECT body FROM sample_block WHERE series_no = ?1 AND last_ms >= ?2 AND first_ms < ?3 ORDER BY first_ms";
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(params![series_no, from.as_ms(), to.as_ms()]).map_err(failed)?;
    let mut samples = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let body: Vec<u8> = row.get(0).map_err(failed)?;
        samples.extend(decode(&body)?.into_iter().filter(|s| s.observed_at >= from && s.observed_at < to));
    }
    samples.sort_by_key(|s| s.observed_at);
    Ok(samples)
}

/// The newest sample of a series since `since`.
pub(super) fn last_since(db: &Connection, series_no: i64, since: Timestamp) -> Result<Option<Kept>, StoreError> {
    let sql = "SELECT body FROM sample_block WHERE series_no = ?1 AND last_ms >= ?2 ORDER BY last_ms DESC LIMIT 1";
    let body: Option<Vec<u8>> = db
        .prepare_cached(sql)
        .and_then(|mut q| q.query_row(params![series_no, since.as_ms()], |r| r.get(0)).optional())
        .map_err(failed)?;
    Ok(body
        .map(|body| decode(&body))
        .transpose()?
        .and_then(|samples| samples.into_iter().max_by_key(|s| s.observed_at)))
}

/// Gives stored samples their corrected values. They must be in blocks.
pub(super) fn correct(db: &Connection, corrections: &[CorrectedSample]) -> Result<(), StoreError> {
    for correction in corrections {
        let at = correction.observed_at;
        let mut found = false;
        for (no, _, mut samples) in blocks_at(db, &correction.device, correction.vital, at)? {
            let Some(sample) = samples.iter_mut().find(|s| s.observed_at == at) else { continue };
            sample.value = correction.value;
            sample.text.clone_from(&correction.text);
            sample.quality = correction.quality;
            // Doubt was about the former value.
            sample.marks = Marks::NONE;
            db.prepare_cached("UPDATE sample_block SET body = ?2 WHERE no = ?1")
                .and_then(|mut q| q.execute(params![no, codec::encode(&samples)]))
                .map_err(failed)?;
            found = true;
        }
        if !found {
            // The journal holds the correction. It must not close the store for everybody.
            tracing::error!(device = %correction.device, vital = %correction.vital, %at, "no sample is there to be corrected");
        }
    }
    Ok(())
}
