//! Resources of FHIR: writing their versions, and finding them.

use super::{corrupt, failed, from_db, to_db};
use crate::{
    domain::{DeviceId, PatientId, Timestamp},
    fhir::{
        ResourceKind,
        search::{DateValue, Filter, Prefix, SortKey, TokenValue},
    },
    store::{
        PAGE_MAX_BYTES, PageStart, ResourcePage, ResourceQuery, ResourceRow, StoreError, StoredResource, TOTAL_MAX,
    },
};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter, types::Value};

/// The time of a resource that has none.
const NO_TIME: i64 = i64::MIN;
const COLUMNS: &str = "r.no, r.kind, r.id, r.version, r.patient, r.source, r.link, r.updated_ms, r.from_ms, r.body";

/// Keeps a version; the one before it is the present one no longer.
pub(super) fn write(db: &Connection, row: &ResourceRow) -> Result<(), StoreError> {
    let (from, until) = row.index.span.map_or((NO_TIME, NO_TIME), |(from, until)| (from.as_ms(), until.as_ms()));
    let kind = row.kind.as_str();
    let no: i64 = db
        .prepare_cached(
            "INSERT INTO fhir_resource (kind, id, version, patient, source, link, code_group, from_ms, until_ms, updated_ms,
                                        body, mapped)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )
        .and_then(|mut q| {
            q.insert(params![
                kind,
                row.id,
                to_db(row.version),
                row.patient.as_ref().map(PatientId::as_str),
                row.source.as_str(),
                row.link,
                row.group,
                from,
                until,
                row.updated.as_ms(),
                row.body,
                row.mapped,
            ])
        })
        .map_err(failed)?;
    if row.version > 1 {
        db.prepare_cached("UPDATE fhir_resource SET superseded = ?4 WHERE kind = ?1 AND id = ?2 AND version = ?3")
            .and_then(|mut q| q.execute(params![kind, row.id, to_db(row.version - 1), no]))
            .map_err(failed)?;
    }
    let mut insert = db
        .prepare_cached("INSERT OR IGNORE INTO fhir_token (no, param, system, code) VALUES (?1, ?2, ?3, ?4)")
        .map_err(failed)?;
    for token in &row.index.tokens {
        insert.execute(params![no, token.param, token.system, token.code]).map_err(failed)?;
    }
    Ok(())
}

/// A version of a resource, or the present one.
pub(super) fn version(
    db: &Connection,
    kind: ResourceKind,
    id: &str,
    version: Option<u64>,
) -> Result<Option<StoredResource>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM fhir_resource r WHERE kind = ?1 AND id = ?2 AND version = coalesce(?3,
             (SELECT max(version) FROM fhir_resource WHERE kind = ?1 AND id = ?2))"
    );
    let mut statement = db.prepare_cached(&sql).map_err(failed)?;
    let found = statement.query_row(params![kind.as_str(), id, version.map(to_db)], |r| Ok(stored(r))).optional();
    found.map_err(failed)?.transpose()
}

/// The newest versions of a resource, the newest first.
pub(super) fn history(
    db: &Connection,
    kind: ResourceKind,
    id: &str,
    limit: usize,
) -> Result<Vec<StoredResource>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM fhir_resource r WHERE kind = ?1 AND id = ?2 ORDER BY version DESC LIMIT ?3");
    let mut statement = db.prepare_cached(&sql).map_err(failed)?;
    collect(&mut statement, params![kind.as_str(), id, limit_of(limit)])
}

/// The present Patient resources that are linked to this identifier, at most `limit`.
pub(super) fn linked(db: &Connection, link: &str, limit: usize) -> Result<Vec<StoredResource>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM fhir_resource r WHERE link = ?1 AND superseded IS NULL ORDER BY no LIMIT ?2");
    let mut statement = db.prepare_cached(&sql).map_err(failed)?;
    collect(&mut statement, params![link, limit_of(limit)])
}

/// A page of what is looked for.
pub(super) fn search(db: &Connection, query: &ResourceQuery) -> Result<ResourcePage, StoreError> {
    let upto = match query.page {
        Some(page) => page.upto,
        None => newest(db)?,
    };
    let mut sql = Sql::of(query, upto);
    let total = total(db, &sql)?;
    let key = match query.sort.key {
        SortKey::Date => "r.from_ms",
        SortKey::Updated => "r.no",
    };
    let (later, order) = if query.sort.descending { ("<", "DESC") } else { (">", "ASC") };
    if let Some((after, no)) = query.page.and_then(|page| page.after) {
        sql.and(&format!("({key}, r.no) {later} (?, ?)"), [Value::Integer(after), Value::Integer(to_db(no))]);
    }
    let text = format!(
        "SELECT {COLUMNS} FROM fhir_resource r WHERE {} ORDER BY {key} {order}, r.no {order} LIMIT ?",
        sql.conditions()
    );
    sql.values.push(Value::Integer(limit_of(query.limit + 1)));
    let mut statement = db.prepare_cached(&text).map_err(failed)?;
    let mut found = collect(&mut statement, params_from_iter(sql.values))?;
    let more = found.len() > query.limit || bytes_of(&found) > PAGE_MAX_BYTES;
    found.truncate(query.limit);
    let after = |last: &StoredResource| {
        let key = if query.sort.key == SortKey::Date { last.from_ms } else { to_db(last.no) };
        PageStart { upto, after: Some((key, last.no)) }
    };
    let next = found.last().map(after).filter(|_| more);
    Ok(ResourcePage { found, total, next })
}

/// When a resource was true last, to compare it with others: an instant itself, of a period its end, or its start if it has
/// none. A date without a time lasts until it ends, but nothing is newer than it was sent.
fn last_true() -> String {
    format!(
        "CASE WHEN r.from_ms = {NO_TIME} OR r.until_ms - r.from_ms <= {SECOND_MS} OR r.until_ms = {OPEN_MS} THEN r.from_ms
              ELSE min(r.until_ms - {SECOND_MS}, r.updated_ms) END",
        OPEN_MS = Timestamp::MAX.as_ms()
    )
}

/// What is written to the second lasts as long, in milliseconds.
const SECOND_MS: i64 = 1_000;

/// The newest `max` of each group of what is looked for, the newest first.
pub(super) fn last_of_each(
    db: &Connection,
    query: &ResourceQuery,
    max: usize,
) -> Result<Vec<StoredResource>, StoreError> {
    let mut sql = Sql::of(query, newest(db)?);
    let last_true = last_true();
    let text = format!(
        "SELECT {COLUMNS} FROM (
             SELECT no, row_number() OVER (PARTITION BY code_group ORDER BY {last_true} DESC, no DESC) AS place
             FROM fhir_resource r WHERE {}) AS ranked
         JOIN fhir_resource r ON r.no = ranked.no
         WHERE ranked.place <= ? ORDER BY r.code_group, {last_true} DESC, r.no DESC LIMIT ?",
        sql.conditions()
    );
    sql.values.push(Value::Integer(limit_of(max)));
    sql.values.push(Value::Integer(limit_of(query.limit)));
    let mut statement = db.prepare_cached(&text).map_err(failed)?;
    collect(&mut statement, params_from_iter(sql.values))
}

fn newest(db: &Connection) -> Result<u64, StoreError> {
    let no: i64 = db
        .prepare_cached("SELECT coalesce(max(no), 0) FROM fhir_resource")
        .and_then(|mut q| q.query_row([], |r| r.get(0)))
        .map_err(failed)?;
    Ok(from_db(no))
}

fn total(db: &Connection, sql: &Sql) -> Result<Option<u64>, StoreError> {
    let text = format!(
        "SELECT count(*) FROM (SELECT 1 FROM fhir_resource r WHERE {} LIMIT {})",
        sql.conditions(),
        TOTAL_MAX + 1
    );
    let count: i64 = db
        .prepare_cached(&text)
        .and_then(|mut q| q.query_row(params_from_iter(sql.values.iter()), |r| r.get(0)))
        .map_err(failed)?;
    Ok(Some(from_db(count)).filter(|count| *count <= TOTAL_MAX))
}

fn bytes_of(found: &[StoredResource]) -> usize {
    found.iter().map(|stored| stored.body.len()).sum()
}

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn collect(
    statement: &mut rusqlite::Statement<'_>,
    params: impl rusqlite::Params,
) -> Result<Vec<StoredResource>, StoreError> {
    let mut rows = statement.query(params).map_err(failed)?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next().map_err(failed)? {
        let one = stored(row)?;
        bytes += one.body.len();
        found.push(one);
        if bytes > PAGE_MAX_BYTES {
            break;
        }
    }
    Ok(found)
}

fn stored(row: &Row<'_>) -> Result<StoredResource, StoreError> {
    fn get<T: rusqlite::types::FromSql>(row: &Row<'_>, index: usize) -> Result<T, StoreError> {
        row.get(index).map_err(failed)
    }
    let (kind, source): (String, String) = (get(row, 1)?, get(row, 5)?);
    let patient: Option<String> = get(row, 4)?;
    let patient: Option<PatientId> =
        patient.map(|p| p.parse()).transpose().map_err(|e: crate::domain::IdError| corrupt("a patient", &e))?;
    let source: DeviceId = source.parse().map_err(|e| corrupt("a device", &e))?;
    Ok(StoredResource {
        no: from_db(get(row, 0)?),
        kind: kind.parse().map_err(|e| corrupt("a type of resource", &e))?,
        id: get(row, 2)?,
        version: from_db(get(row, 3)?),
        patient,
        source,
        link: get(row, 6)?,
        updated: Timestamp::from_ms(get(row, 7)?),
        from_ms: get(row, 8)?,
        body: get(row, 9)?,
    })
}

/// Conditions that all hold, with their values in order.
struct Sql {
    parts: Vec<String>,
    values: Vec<Value>,
}

impl Sql {
    fn of(query: &ResourceQuery, upto: u64) -> Self {
        let mut sql = Self { parts: Vec::new(), values: Vec::new() };
        sql.and("r.kind = ?", [text(query.kind.as_str())]);
        let upto = Value::Integer(to_db(upto));
        sql.and("r.no <= ? AND (r.superseded IS NULL OR r.superseded > ?)", [upto.clone(), upto]);
        if let Some(source) = &query.source {
            sql.and("r.source = ?", [text(source.as_str())]);
        }
        for filter in &query.filters {
            sql.filter(filter);
        }
        sql
    }

    fn conditions(&self) -> String {
        self.parts.join(" AND ")
    }

    fn and(&mut self, part: &str, values: impl IntoIterator<Item = Value>) {
        self.parts.push(format!("({part})"));
        self.values.extend(values);
    }

    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::Ids(ids) => self.one_of("r.id", ids),
            Filter::Patients(patients) => self.one_of("r.patient", patients),
            // Whoever asks has looked the patients up: nobody was found.
            Filter::PatientIdentifiers(_) => self.and("0", []),
            Filter::Tokens(params, any) => {
                let parts: Vec<String> = any.iter().map(token).collect();
                let values = any.iter().flat_map(|t| t.code.iter().chain(&t.system)).map(|v| text(v));
                self.and(&tokens(params, &parts), values);
            }
            Filter::NoTokens(params, any) => {
                let parts: Vec<String> = any.iter().map(token).collect();
                let values = any.iter().flat_map(|t| t.code.iter().chain(&t.system)).map(|v| text(v));
                self.and(&format!("NOT ({})", tokens(params, &parts)), values);
            }
            Filter::Texts(params, any) => {
                let parts = vec!["(t.code >= ? AND t.code < ?)".to_owned(); any.len()];
                let values = any.iter().flat_map(|begin| [text(begin), text(&format!("{begin}\u{10ffff}"))]);
                self.and(&tokens(params, &parts), values);
            }
            Filter::Dates(any) => {
                let parts: Vec<&str> = any.iter().map(|d| date(d.prefix)).collect();
                let part = format!("r.from_ms > {NO_TIME} AND ({})", parts.join(" OR "));
                self.and(&part, any.iter().flat_map(date_values));
            }
            Filter::Updated(any) => {
                let parts: Vec<String> = any
                    .iter()
                    .map(|d| {
                        date(d.prefix).replace("r.from_ms", "r.updated_ms").replace("r.until_ms", "(r.updated_ms + 1)")
                    })
                    .collect();
                self.and(&parts.join(" OR "), any.iter().flat_map(date_values));
            }
        }
    }

    fn one_of(&mut self, column: &str, values: &[String]) {
        let marks = vec!["?"; values.len()].join(", ");
        self.and(&format!("{column} IN ({marks})"), values.iter().map(|v| text(v)));
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn tokens(params: &[&str], any: &[String]) -> String {
    let params: Vec<String> = params.iter().map(|p| format!("'{p}'")).collect();
    format!(
        "r.no IN (SELECT t.no FROM fhir_token t WHERE t.param IN ({}) AND ({}))",
        params.join(", "),
        any.join(" OR ")
    )
}

/// Its values are code, then system, as far as there are any.
fn token(value: &TokenValue) -> String {
    match (&value.code, &value.system) {
        (Some(_), Some(_)) => "(t.code = ? AND t.system = ?)",
        (Some(_), None) => "t.code = ?",
        (None, _) => "t.system = ?",
    }
    .to_owned()
}

/// Each has two values: beginning and end of what is compared with.
const fn date(prefix: Prefix) -> &'static str {
    match prefix {
        Prefix::Eq => "(r.from_ms >= ? AND r.until_ms <= ?)",
        Prefix::Ne => "NOT (r.from_ms >= ? AND r.until_ms <= ?)",
        Prefix::Gt => "(? IS NOT NULL AND r.until_ms > ?)",
        Prefix::Lt => "(r.from_ms < ? AND ? IS NOT NULL)",
        // Within, or some of it later; within, or some of it earlier.
        Prefix::Ge => "(r.from_ms >= ? OR r.until_ms > ?)",
        Prefix::Le => "(r.from_ms < ? OR r.until_ms <= ?)",
        Prefix::Sa => "(? IS NOT NULL AND r.from_ms >= ?)",
        Prefix::Eb => "(r.until_ms <= ? AND ? IS NOT NULL)",
    }
}

fn date_values(value: &DateValue) -> [Value; 2] {
    [Value::Integer(value.moment.from.as_ms()), Value::Integer(value.moment.until.as_ms())]
}
