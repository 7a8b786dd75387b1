//! The tables, one step per schema version.
//!
//! `ward.no`, `series.no` and `alert.no` are small numbers for long names. Times are milliseconds since 1970, engine or
//! device time as the name says. A sample is durable first as an input, in the order of arrival: one row for a whole
//! commit. With each snapshot the samples since the last one go into `sample_block`, one row for each series.

use super::migrate::Migration;

/// All steps, oldest first.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, sql: VERSION_1 },
    Migration { version: 2, sql: VERSION_2 },
    Migration { version: 3, sql: VERSION_3 },
    Migration { version: 4, sql: VERSION_4 },
    Migration { version: 5, sql: VERSION_5 },
    Migration { version: 6, sql: VERSION_6 },
    Migration { version: 7, sql: VERSION_7 },
    Migration { version: 8, sql: VERSION_8 },
    Migration { version: 9, sql: VERSION_9 },
    Migration { version: 10, sql: VERSION_10 },
    Migration { version: 11, sql: VERSION_11 },
];

/// Keys of OpenSSH by which users are let in: a key is one user's.
const VERSION_8: &str = r"
CREATE TABLE user_key (
    fingerprint TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    comment TEXT NOT NULL,
    added_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// A segment is closed by a checkpoint over `end` entries; `removed` is the entry that says that its entries were removed. Of
/// removed entries `audit_leaf.leaf` is empty, and `emptied` says that all of them are.
const VERSION_10: &str = r"
CREATE TABLE audit_segment (
    first INTEGER PRIMARY KEY,
    end INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    note TEXT NOT NULL,
    removed INTEGER,
    emptied INTEGER NOT NULL DEFAULT 0
) STRICT;
";

/// When somebody else has set the passphrase of an account, if its user has set none since.
const VERSION_11: &str = r"
ALTER TABLE user ADD COLUMN given_ms INTEGER;
";

/// An account without `wards` is for all of them. `factor` and `break_glass.body` are few and change whole.
const VERSION_9: &str = r"
ALTER TABLE user ADD COLUMN wards TEXT;
ALTER TABLE user ADD COLUMN factor TEXT;
ALTER TABLE session ADD COLUMN proven_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN former_hash BLOB;
ALTER TABLE session ADD COLUMN former_ms INTEGER;
ALTER TABLE session ADD COLUMN held INTEGER NOT NULL DEFAULT 0;

CREATE TABLE station (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    ward TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    mode TEXT NOT NULL,
    made_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE break_glass (
    id TEXT PRIMARY KEY,
    reviewed INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX break_glass_open ON break_glass (id) WHERE reviewed = 0;
";

/// Versions of Observations that a mapping made, and that a further one took the place of, do not stay for long.
const VERSION_7: &str = r"
ALTER TABLE fhir_resource ADD COLUMN mapped INTEGER NOT NULL DEFAULT 0;
CREATE INDEX fhir_mapped_before ON fhir_resource (updated_ms) WHERE mapped = 1 AND superseded IS NOT NULL;
";

/// One row for each device whose values are nobody's: few rows that change often, so each is kept whole.
const VERSION_6: &str = r"
CREATE TABLE unplaced (
    device TEXT PRIMARY KEY,
    last_ms INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX unplaced_by_time ON unplaced (last_ms);
";

/// What is wanted of a device is in the journal; here is what it says of itself.
const VERSION_5: &str = r"
CREATE TABLE twin (
    device TEXT PRIMARY KEY,
    seen_ms INTEGER,
    reported TEXT
) STRICT, WITHOUT ROWID;
";

/// A device has one enrolment code at most; a used one stays until the next, so that its second use is told as such.
const VERSION_4: &str = r"
CREATE TABLE enrolment (
    device TEXT PRIMARY KEY,
    code_hash BLOB NOT NULL,
    mode TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    replace_tokens INTEGER NOT NULL,
    used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Resources of FHIR: each version as it came, and by what it is found. A version is the present one until `superseded`
/// names the row of the next. Of a resource without a time `from_ms` is the smallest number there is.
const VERSION_3: &str = r"
CREATE TABLE fhir_resource (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    superseded INTEGER,
    patient TEXT,
    source TEXT NOT NULL,
    link TEXT,
    code_group TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (kind, id, version)
) STRICT;
CREATE INDEX fhir_by_patient ON fhir_resource (kind, patient, from_ms);
CREATE INDEX fhir_by_time ON fhir_resource (kind, from_ms);
CREATE INDEX fhir_by_kind ON fhir_resource (kind, updated_ms);
CREATE INDEX fhir_by_link ON fhir_resource (link) WHERE link IS NOT NULL;

CREATE TABLE fhir_token (
    no INTEGER NOT NULL,
    param TEXT NOT NULL,
    system TEXT NOT NULL,
    code TEXT NOT NULL,
    PRIMARY KEY (no, param, system, code)
) STRICT, WITHOUT ROWID;
CREATE INDEX fhir_token_by_code ON fhir_token (param, code, system, no);
";

/// A dead letter ends when it is driven again or dropped; until retention takes it away, it is kept all the same.
const VERSION_2: &str = r"
ALTER TABLE dead_letter ADD COLUMN way TEXT NOT NULL DEFAULT '';
ALTER TABLE dead_letter ADD COLUMN ended TEXT;
ALTER TABLE dead_letter ADD COLUMN ended_ms INTEGER;
CREATE INDEX dead_letter_open ON dead_letter (no) WHERE ended IS NULL;
";

const VERSION_1: &str = r"
CREATE TABLE site (
    site TEXT NOT NULL,
    mode TEXT NOT NULL
) STRICT;

CREATE TABLE ward (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    head INTEGER NOT NULL,
    engine_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE event (
    ward_no INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (ward_no, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE alert (
    ward_no INTEGER NOT NULL,
    no INTEGER NOT NULL,
    patient TEXT,
    raised_ms INTEGER NOT NULL,
    closed_ms INTEGER,
    body TEXT NOT NULL,
    PRIMARY KEY (ward_no, no)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_by_patient ON alert (ward_no, patient, raised_ms);

CREATE TABLE series (
    no INTEGER PRIMARY KEY,
    ward_no INTEGER NOT NULL,
    device TEXT NOT NULL,
    vital TEXT NOT NULL,
    patient TEXT NOT NULL,
    UNIQUE (device, vital, patient)
) STRICT;
CREATE INDEX series_by_patient ON series (ward_no, patient);

CREATE TABLE sample_block (
    no INTEGER PRIMARY KEY,
    series_no INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX sample_block_by_time ON sample_block (series_no, last_ms, first_ms);

CREATE TABLE input (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    ward_no INTEGER NOT NULL,
    engine_ms INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX input_by_ward ON input (ward_no, no);

CREATE TABLE snapshot (
    ward_no INTEGER PRIMARY KEY,
    input_no INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- A leaf is one line of JSON, kept as text so that anybody can read it with any tool.
CREATE TABLE audit_leaf (
    idx INTEGER PRIMARY KEY,
    leaf TEXT NOT NULL,
    hash BLOB NOT NULL
);

CREATE TABLE audit_text (
    idx INTEGER PRIMARY KEY,
    field TEXT NOT NULL,
    salt BLOB NOT NULL,
    text TEXT NOT NULL
) STRICT;

CREATE TABLE audit_checkpoint (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    size INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;

CREATE TABLE user (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    phc TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    failures INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    id TEXT PRIMARY KEY,
    token_hash BLOB NOT NULL UNIQUE,
    user TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    began_ms INTEGER NOT NULL,
    active_ms INTEGER NOT NULL,
    locked INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE device_token (
    token_hash BLOB PRIMARY KEY,
    device TEXT NOT NULL,
    mode TEXT NOT NULL,
    made_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    source TEXT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    payload TEXT NOT NULL
) STRICT;
";
