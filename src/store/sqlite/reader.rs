//! The reader: a few read-only connections, handed out to whoever asks.

use super::{
    access, audit_log, audit_log::Trail, corrupt, failed, fhir, from_db, migrate, open_connection, recent::Recent,
    samples, segments, to_db, writer::read_site,
};
use crate::{
    audit::{Hash, Segment, StoredLeaf, Subtrees},
    domain::{
        Alert, DeviceId, PatientId, Quality, SequencedEvent, Timestamp, Unplaced, VitalCode, WardId, series::Trend,
    },
    engine::{Kept, SeriesKey},
    fhir::ResourceKind,
    protocol::{LetterCount, VitalTrend},
    store::{
        AccessRecords, DataFolder, DeadLetter, DeadLetterFilter, LeafRow, ResourcePage, ResourceQuery, SiteRecord,
        StoreError, StoreReader, StoredDeadLetter, StoredResource, StoredSample, TwinRecord, WardRecord,
    },
};
use rusqlite::{Connection, OptionalExtension, Row, params, types::ValueRef};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

/// Connections that are kept open; more are opened when needed and closed after use.
const IDLE_CONNECTIONS_MAX: usize = 4;

/// Where a reader finds samples that are not in blocks yet.
enum RecentSamples {
    /// With the writer of this process.
    Shared(Arc<RwLock<Recent>>),
    /// In the input log: a copy with the number of the last input that is in it.
    Copy(Arc<RwLock<(i64, Recent)>>),
}

/// Reads the store of a folder.
pub struct SqliteReader {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    recent: RecentSamples,
    trail: Trail,
}

impl SqliteReader {
    /// Opens the store of a folder for reading, from another process than the one that writes, or from none.
    ///
    /// # Errors
    /// If the database cannot be used or has another schema.
    pub fn open(folder: &DataFolder) -> Result<Self, StoreError> {
        let copy = Arc::new(RwLock::new((-1, Recent::default())));
        Self::new(folder, RecentSamples::Copy(copy), Trail::Own(Mutex::default()))
    }

    /// Reads beside the writer of this process, whose recent samples and subtrees of the audit trail it sees.
    pub(super) fn beside(
        folder: &DataFolder,
        recent: Arc<RwLock<Recent>>,
        subtrees: Arc<RwLock<Subtrees>>,
    ) -> Result<Self, StoreError> {
        Self::new(folder, RecentSamples::Shared(recent), Trail::Shared(subtrees))
    }

    fn new(folder: &DataFolder, recent: RecentSamples, trail: Trail) -> Result<Self, StoreError> {
        let path = folder.database();
        let db = open_connection(&path, false)?;
        migrate::check(&db, &path)?;
        Ok(Self { path, idle: Mutex::new(vec![db]), recent, trail })
    }

    /// What the folder is.
    ///
    /// # Errors
    /// If the database fails.
    pub fn site(&self) -> Result<SiteRecord, StoreError> {
        let site = self.with(read_site)?;
        site.ok_or_else(|| corrupt("the site", &"it is not there"))
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let db = match idle {
            Some(db) => db,
            None => open_connection(&self.path, false)?,
        };
        let result = work(&db);
        if let Ok(mut idle) = self.idle.lock()
            && result.is_ok()
            && idle.len() < IDLE_CONNECTIONS_MAX
        {
            idle.push(db);
        }
        result
    }
}

impl SqliteReader {
    /// Takes what is needed of the samples that are not in blocks yet. It is to be done before blocks are read: what moves
    /// into a block in between is seen in both places, never in none.
    fn recent<T>(&self, take: impl FnOnce(&Recent) -> T) -> Result<T, StoreError> {
        match &self.recent {
            RecentSamples::Shared(recent) => Ok(take(&recent.read().unwrap_or_else(PoisonError::into_inner))),
            RecentSamples::Copy(copy) => self.with(|db| {
                let last: i64 =
                    db.query_row("SELECT coalesce(max(no), 0) FROM input", [], |r| r.get(0)).map_err(failed)?;
                let mut copy = copy.write().unwrap_or_else(PoisonError::into_inner);
                if copy.0 != last {
                    *copy = (last, Recent::load(db)?);
                }
                Ok(take(&copy.1))
            }),
        }
    }

    fn ward_no(&self, ward: &WardId) -> Result<i64, StoreError> {
        self.with(|db| ward_no(db, ward))
    }
}

pub(super) fn rows<T>(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    let mut found = statement.query(params).map_err(failed)?;
    let mut out = Vec::new();
    while let Some(row) = found.next().map_err(failed)? {
        out.push(read(row)?);
    }
    Ok(out)
}

pub(super) fn get<T: rusqlite::types::FromSql>(row: &Row<'_>, index: usize) -> Result<T, StoreError> {
    row.get(index).map_err(failed)
}

pub(super) fn parse<T: std::str::FromStr>(row: &Row<'_>, index: usize, what: &'static str) -> Result<T, StoreError>
where
    T::Err: std::fmt::Display,
{
    get::<String>(row, index)?.parse().map_err(|e: T::Err| corrupt(what, &e))
}

pub(super) fn json<T: serde::de::DeserializeOwned>(text: &str, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| corrupt(what, &e))
}

fn ward_no(db: &Connection, ward: &WardId) -> Result<i64, StoreError> {
    let found = db
        .prepare_cached("SELECT no FROM ward WHERE id = ?1")
        .and_then(|mut q| q.query_row([ward.as_str()], |r| r.get(0)).optional());
    // No ward has the number 0: what is asked of an unknown ward is empty.
    Ok(found.map_err(failed)?.unwrap_or(0))
}

fn row_limit(limit: u32) -> i64 {
    i64::from(limit)
}

impl StoreReader for SqliteReader {
    fn wards(&self) -> Result<Vec<WardRecord>, StoreError> {
        self.with(|db| {
            let sql = "SELECT w.body, w.head, w.engine_ms, s.input_no, s.body
                       FROM ward w LEFT JOIN snapshot s ON s.ward_no = w.no ORDER BY w.id";
            rows(db, sql, [], |r| {
                let (input_no, body): (Option<i64>, Option<Vec<u8>>) = (get(r, 3)?, get(r, 4)?);
                Ok(WardRecord {
                    ward: json(&get::<String>(r, 0)?, "a ward")?,
                    head: from_db(get(r, 1)?),
                    engine_now: Timestamp::from_ms(get(r, 2)?),
                    snapshot: input_no.map(from_db).zip(body),
                })
            })
        })
    }

    fn input_blocks(&self, ward: &WardId, after: u64) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        self.with(|db| {
            let sql = "SELECT no, body FROM input WHERE ward_no = ?1 AND no > ?2 ORDER BY no";
            let ward_no = ward_no(db, ward)?;
            rows(db, sql, params![ward_no, to_db(after)], |r| Ok((from_db(get(r, 0)?), get(r, 1)?)))
        })
    }

    fn events_after(&self, ward: &WardId, after: u64, limit: u32) -> Result<Vec<SequencedEvent>, StoreError> {
        self.with(|db| {
            let sql = "SELECT seq, body FROM event WHERE ward_no = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
            let ward_no = ward_no(db, ward)?;
            rows(db, sql, params![ward_no, to_db(after), row_limit(limit)], |r| {
                let event = json(&get::<String>(r, 1)?, "an event")?;
                Ok(SequencedEvent { ward: ward.clone(), seq: from_db(get(r, 0)?), event })
            })
        })
    }

    fn head(&self, ward: &WardId) -> Result<u64, StoreError> {
        self.with(|db| {
            let found = db
                .prepare_cached("SELECT head FROM ward WHERE id = ?1")
                .and_then(|mut q| q.query_row([ward.as_str()], |r| r.get(0)).optional());
            Ok(found.map_err(failed)?.map_or(0, from_db))
        })
    }

    fn sample(&self, device: &DeviceId, vital: VitalCode, at: Timestamp) -> Result<Option<StoredSample>, StoreError> {
        let found = match self.recent(|recent| recent.at(device, vital, at))? {
            Some(found) => Some(found),
            None => self.with(|db| samples::find(db, device, vital, at))?,
        };
        Ok(found.map(|(patient, kept)| StoredSample { patient, value: kept.value, quality: kept.quality }))
    }

    fn newest(&self, device: &DeviceId, vital: VitalCode) -> Result<Option<Timestamp>, StoreError> {
        let recent = self.recent(|recent| recent.newest(device, vital))?;
        Ok(recent.max(self.with(|db| samples::newest(db, device, vital))?))
    }

    fn newest_samples(&self, ward: &WardId, since: Timestamp) -> Result<Vec<(SeriesKey, Kept)>, StoreError> {
        let ward_no = self.ward_no(ward)?;
        let recent = self.recent(|recent| recent.last_since(ward_no, since))?;
        let mut newest = self.with(|db| {
            let mut newest: BTreeMap<SeriesKey, Kept> = BTreeMap::new();
            for (series_no, key) in samples::series_in(db, ward_no)? {
                if let Some(sample) = samples::last_since(db, series_no, since)? {
                    newest.insert(key, sample);
                }
            }
            Ok(newest)
        })?;
        for (key, last) in recent {
            if newest.get(&key).is_none_or(|other| other.observed_at <= last.observed_at) {
                newest.insert(key, last);
            }
        }
        let mut newest: Vec<(SeriesKey, Kept)> = newest.into_iter().collect();
        newest.sort_by_key(|(_, sample)| sample.observed_at);
        Ok(newest)
    }

    fn trends(
        &self,
        ward: &WardId,
        patient: &PatientId,
        vitals: &[VitalCode],
        span: (Timestamp, Timestamp),
        slices: u32,
    ) -> Result<Vec<VitalTrend>, StoreError> {
        if self.ward_no(ward)? == 0 {
            return Ok(Vec::new());
        }
        let wanted = |vital: VitalCode| vitals.is_empty() || vitals.contains(&vital);
        let recent = self.recent(|recent| recent.within(patient, &wanted, span))?;
        let mut by_vital = self.with(|db| {
            let mut by_vital: BTreeMap<VitalCode, Vec<Kept>> = BTreeMap::new();
            for (series_no, key) in samples::series_of(db, patient)? {
                if wanted(key.vital) {
                    by_vital.entry(key.vital).or_default().extend(samples::within(db, series_no, span)?);
                }
            }
            Ok(by_vital)
        })?;
        for (vital, samples) in recent {
            by_vital.entry(vital).or_default().extend(samples);
        }
        let trends = by_vital.into_iter().map(|(vital, samples)| trend(vital, samples, span, slices));
        Ok(trends.filter(|t| !t.trend.points.is_empty()).collect())
    }

    fn alerts(
        &self,
        ward: &WardId,
        patient: &PatientId,
        span: (Timestamp, Timestamp),
        limit: u32,
    ) -> Result<Vec<Alert>, StoreError> {
        self.with(|db| {
            let sql = "SELECT body FROM alert
                       WHERE ward_no = ?1 AND patient = ?2 AND raised_ms < ?4 AND (closed_ms IS NULL OR closed_ms >= ?3)
                       ORDER BY raised_ms DESC, no DESC LIMIT ?5";
            let bounds =
                params![ward_no(db, ward)?, patient.as_str(), span.0.as_ms(), span.1.as_ms(), row_limit(limit)];
            let mut alerts = rows(db, sql, bounds, |r| json(&get::<String>(r, 0)?, "an alert"))?;
            alerts.reverse();
            Ok(alerts)
        })
    }

    fn access(&self) -> Result<AccessRecords, StoreError> {
        self.with(access::read)
    }

    fn twins(&self) -> Result<Vec<TwinRecord>, StoreError> {
        self.with(|db| {
            rows(db, "SELECT device, seen_ms, reported FROM twin ORDER BY device", [], |row| {
                let reported: Option<String> = get(row, 2)?;
                Ok(TwinRecord {
                    device: parse(row, 0, "a device")?,
                    seen_at: get::<Option<i64>>(row, 1)?.map(Timestamp::from_ms),
                    reported: reported.map(|text| json(&text, "a report of a device")).transpose()?,
                })
            })
        })
    }

    fn unplaced(&self) -> Result<Vec<Unplaced>, StoreError> {
        self.with(|db| {
            rows(db, "SELECT body FROM unplaced ORDER BY last_ms DESC, device", [], |row| {
                json(&get::<String>(row, 0)?, "an unplaced device")
            })
        })
    }

    fn leaves(&self, from: u64, limit: u32) -> Result<Vec<LeafRow>, StoreError> {
        self.with(|db| {
            let sql = "SELECT l.idx, l.leaf, t.field, t.salt, t.text FROM audit_leaf l LEFT JOIN audit_text t ON t.idx = l.idx
                       WHERE l.idx >= ?1 ORDER BY l.idx LIMIT ?2";
            rows(db, sql, params![to_db(from), row_limit(limit)], |r| {
                // What somebody made of an entry is shown as far as it can be, and keeps nobody from the others.
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let leaf = any_bytes(r, 1)?;
                let (beside, text_fits) = audit_log::beside(r, 2, &leaf)?.unzip();
                Ok(LeafRow {
                    index: from_db(get(r, 0)?),
                    leaf: text(&leaf),
                    text: beside.map(|beside| text(&beside)),
                    text_fits: text_fits.unwrap_or(true),
                })
            })
        })
    }

    fn each_leaf(&self, from: u64, each: &mut dyn FnMut(StoredLeaf) -> bool) -> Result<(), StoreError> {
        self.with(|db| audit_log::each_leaf(db, from, each))
    }

    fn audit_hashes(&self, from: u64, count: u64) -> Result<Vec<Hash>, StoreError> {
        self.with(|db| audit_log::hashes(db, from, count))
    }

    fn audit_segments(&self) -> Result<Vec<Segment>, StoreError> {
        self.with(segments::all)
    }

    fn checkpoints(&self, limit: u32) -> Result<Vec<String>, StoreError> {
        self.with(|db| {
            let sql = "SELECT note FROM audit_checkpoint ORDER BY no DESC LIMIT ?1";
            let mut notes = rows(db, sql, [row_limit(limit)], |r| get(r, 0))?;
            notes.reverse();
            Ok(notes)
        })
    }

    fn newest_checkpoint(&self) -> Result<Option<String>, StoreError> {
        Ok(self.checkpoints(1)?.pop())
    }

    fn audit_inclusion(&self, index: u64, size: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        self.with(|db| self.trail.inclusion(db, index, size))
    }

    fn audit_consistency(&self, old: u64, new: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        self.with(|db| self.trail.consistency(db, old, new))
    }

    fn dead_letter_count(&self) -> Result<u64, StoreError> {
        self.with(|db| {
            let count: i64 = db
                .query_row("SELECT count(*) FROM dead_letter WHERE ended IS NULL", [], |r| r.get(0))
                .map_err(failed)?;
            Ok(from_db(count))
        })
    }

    fn dead_letters(&self, filter: &DeadLetterFilter, limit: u32) -> Result<Vec<StoredDeadLetter>, StoreError> {
        let DeadLetterFilter { ended, source, code, before } = filter;
        self.with(|db| {
            let sql = dead_letters_sql(*ended);
            let of = params![source, code, before.map(to_db), row_limit(limit)];
            rows(db, &sql, of, stored_dead_letter)
        })
    }

    fn dead_letter_counts(&self, limit: u32) -> Result<Vec<LetterCount>, StoreError> {
        self.with(|db| {
            let sql = "SELECT source, code, count(*), max(at_ms) FROM dead_letter WHERE ended IS NULL
                       GROUP BY source, code ORDER BY count(*) DESC, source, code LIMIT ?1";
            rows(db, sql, [row_limit(limit)], |row| {
                Ok(LetterCount {
                    source: get(row, 0)?,
                    code: get(row, 1)?,
                    count: from_db(get(row, 2)?),
                    newest: Timestamp::from_ms(get(row, 3)?),
                })
            })
        })
    }

    fn dead_letter(&self, no: u64) -> Result<Option<StoredDeadLetter>, StoreError> {
        self.with(|db| {
            let sql =
                "SELECT no, at_ms, source, code, detail, payload, way, ended, ended_ms FROM dead_letter WHERE no = ?1";
            Ok(rows(db, sql, [to_db(no)], stored_dead_letter)?.pop())
        })
    }

    fn resource(
        &self,
        kind: ResourceKind,
        id: &str,
        version: Option<u64>,
    ) -> Result<Option<StoredResource>, StoreError> {
        self.with(|db| fhir::version(db, kind, id, version))
    }

    fn resource_history(&self, kind: ResourceKind, id: &str, limit: usize) -> Result<Vec<StoredResource>, StoreError> {
        self.with(|db| fhir::history(db, kind, id, limit))
    }

    fn linked_resources(&self, link: &str, limit: usize) -> Result<Vec<StoredResource>, StoreError> {
        self.with(|db| fhir::linked(db, link, limit))
    }

    fn search_resources(&self, query: &ResourceQuery) -> Result<ResourcePage, StoreError> {
        self.with(|db| fhir::search(db, query))
    }

    fn last_resources(&self, query: &ResourceQuery, max: usize) -> Result<Vec<StoredResource>, StoreError> {
        self.with(|db| fhir::last_of_each(db, query, max))
    }
}

/// Reads dead letters, the newest first. Open ones are asked for in words of their own: then the index of those is used,
/// however many have ended.
pub(super) fn dead_letters_sql(ended: bool) -> String {
    let which = if ended { "true" } else { "ended IS NULL" };
    format!(
        "SELECT no, at_ms, source, code, detail, payload, way, ended, ended_ms FROM dead_letter
         WHERE {which} AND (?1 IS NULL OR source = ?1) AND (?2 IS NULL OR code = ?2) AND (?3 IS NULL OR no < ?3)
         ORDER BY no DESC LIMIT ?4"
    )
}

fn stored_dead_letter(row: &Row<'_>) -> Result<StoredDeadLetter, StoreError> {
    let time = |ms: i64| Timestamp::from_ms(ms);
    let (how, ended_ms): (Option<String>, Option<i64>) = (get(row, 7)?, get(row, 8)?);
    Ok(StoredDeadLetter {
        no: from_db(get(row, 0)?),
        letter: DeadLetter {
            at: time(get(row, 1)?),
            source: get(row, 2)?,
            code: get(row, 3)?,
            detail: get(row, 4)?,
            payload: get(row, 5)?,
            way: get(row, 6)?,
        },
        ended: how.zip(ended_ms.map(time)),
    })
}

/// The bytes of a value, whatever somebody made of it.
pub(super) fn any_bytes(row: &Row<'_>, index: usize) -> Result<Vec<u8>, StoreError> {
    Ok(match row.get_ref(index).map_err(failed)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
        ValueRef::Integer(n) => n.to_string().into_bytes(),
        ValueRef::Real(n) => n.to_string().into_bytes(),
        ValueRef::Null => Vec::new(),
    })
}

/// The trend of one vital from the samples of all devices that measured it.
fn trend(vital: VitalCode, mut samples: Vec<Kept>, span: (Timestamp, Timestamp), slices: u32) -> VitalTrend {
    let mut trend = Trend::new(span.0, span.1, slices);
    samples.sort_by_key(|s| s.observed_at);
    // A sample that moved into a block while it was read is there twice.
    samples.dedup_by(|a, b| a == b);
    for sample in samples.iter().filter(|s| s.quality == Quality::Valid) {
        trend.add(sample.observed_at, sample.value);
    }
    VitalTrend { vital, trend }
}
