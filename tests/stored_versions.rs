//! What earlier versions stored is opened whole; what a later version or another program stored is left as it is.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use rusqlite::Connection;
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use support::{PASSPHRASE, Server, request, run, run_with};
use wardwatch::{
    domain::{Cause, EventBody, WardId},
    store::{StoreReader, sqlite::newest_version},
};

const FILES: [&str; 4] = ["wardwatch.db", "audit.key", "audit.pub", "audit.checkpoint"];

/// A copy of a stored data folder, with the modes that version control does not keep.
fn stored(dir: &Path, version: &str) -> PathBuf {
    let data = dir.join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o700)).unwrap();
    for file in FILES {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(version).join(file);
        std::fs::copy(from, data.join(file)).unwrap();
        std::fs::set_permissions(data.join(file), PermissionsExt::from_mode(0o600)).unwrap();
    }
    data
}

fn verify(data: &Path, checkpoint: &Path) -> String {
    run(&["audit", "verify", "--data", data.to_str().unwrap(), "--from", checkpoint.to_str().unwrap()])
}

#[test]
fn a_folder_of_version_0_1_0_is_opened_whole() {
    let dir = tempfile::tempdir().unwrap();
    let data = stored(dir.path(), "v0.1.0");
    let kept = dir.path().join("kept.checkpoint");
    std::fs::copy(data.join("audit.checkpoint"), &kept).unwrap();
    let looked_at = run_with("", &["audit", "verify", "--data", data.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&looked_at.stderr).into_owned();
    assert!(said.contains("schema version 1") && said.contains("start the server on it once"), "{said}");
    let server = Server::start_with(&data, &["--mode", "demo"]);
    let reader = server.reader();
    let ward: WardId = "w1".parse().unwrap();
    let wards = reader.wards().unwrap();
    assert_eq!(wards.len(), 1);
    assert_eq!((&wards[0].ward.id, wards[0].ward.name.as_str()), (&ward, "Ward 1"));
    let events = reader.events_after(&ward, 0, 1_000).unwrap();
    assert!((1..).zip(&events).all(|(seq, event)| event.seq == seq), "the journal has no gap");
    let EventBody::Admitted { patient, .. } = &events[4].event.body else { panic!("{:?}", events[4]) };
    assert_eq!((patient.name.as_str(), patient.note.as_str()), ("Haddad, Salma", "pulmonary embolism"));
    let moves: Vec<(String, Cause)> = events
        .iter()
        .filter_map(|e| match &e.event.body {
            EventBody::Alert { alert, cause, .. } => Some((alert.key.code.to_string(), *cause)),
            _ => None,
        })
        .collect();
    let expected = [("nbp_sys.high", Cause::Raised), ("nbp_mean.low", Cause::Raised), ("nbp_sys.high", Cause::Cleared)];
    assert_eq!(moves[..3], expected.map(|(code, cause)| (code.to_owned(), cause)));
    let again = |body: &EventBody| matches!(body, EventBody::EngineStarted { down_since: Some(_), .. });
    assert!(again(&events[11].event.body), "this start goes on after what was stored: {:?}", events[11]);
    let from = events[0].event.at;
    let trends = reader.trends(&ward, &patient.id, &[], (from, events[11].event.at), 10).unwrap();
    let vitals: Vec<&str> = trends.iter().map(|t| t.vital.as_str()).collect();
    assert!(["hr", "rr", "spo2", "nbp_sys", "nbp_mean"].iter().all(|v| vitals.contains(v)), "{vitals:?}");
    let status: serde_json::Value = serde_json::from_str(&server.run(&["status", "--json"])).unwrap();
    assert_eq!((&status["mode"], &status["dead_letters"]), (&"demo".into(), &1.into()));
    assert_eq!(status["wards"][0]["alerts"], 1, "the open alert was carried over: {status}");
    let users = server.run(&["user", "list"]);
    assert!(users.contains("anna") && users.contains("nurse") && users.contains("disabled"), "{users}");
    let login = |user: &str| {
        let body = serde_json::json!({ "user": user, "passphrase": PASSPHRASE }).to_string();
        request(server.address, "POST", "/v1/login", &[], body.as_bytes()).status
    };
    assert_eq!((login("anna"), login("ben")), (200, 401));
    server.run(&["bed", "add", "2"]);
    server.stop();
    assert!(verify(&data, &kept).starts_with("good: "), "the entries of before are as they were");
    let backup = data.join(format!("wardwatch.db.v{SCHEMA_OF_0_1_0}.backup"));
    let version = |file: &Path| -> i64 {
        Connection::open(file).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    };
    assert_eq!((version(&backup), version(&data.join(FILES[0]))), (SCHEMA_OF_0_1_0, newest_version()));
}

/// The schema that version 0.1.0 wrote.
const SCHEMA_OF_0_1_0: i64 = 1;

/// What is said when this folder is served, which must not succeed.
fn refused(data: &Path) -> String {
    let data = data.to_str().unwrap();
    let output = run_with("", &["serve", "--listen", "127.0.0.1:0", "--data", data]);
    assert_eq!(output.status.code(), Some(2));
    for args in [&["status"][..], &["audit", "show"]] {
        assert_eq!(run_with("", &[args, &["--data", data]].concat()).status.code(), Some(2), "{args:?}");
    }
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_folder_of_a_newer_version_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let data = stored(dir.path(), "v0.1.0");
    for journal in ["WAL", "DELETE"] {
        let db = Connection::open(data.join("wardwatch.db")).unwrap();
        db.pragma_update(None, "journal_mode", journal).unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        db.close().unwrap();
        let before = std::fs::read(data.join("wardwatch.db")).unwrap();
        let said = refused(&data);
        assert!(said.contains("schema version 99") && said.contains("use a newer wardwatch"), "{said}");
        assert!(std::fs::read(data.join("wardwatch.db")).unwrap() == before, "{journal}: it was written to");
    }
}

#[test]
fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let data = stored(dir.path(), "v0.1.0");
    let path = data.join("wardwatch.db");
    std::fs::remove_file(&path).unwrap();
    let db = Connection::open(&path).unwrap();
    db.execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").unwrap();
    db.close().unwrap();
    let before = std::fs::read(&path).unwrap();
    let said = refused(&data);
    assert!(said.contains("is not a wardwatch database"), "{said}");
    assert!(std::fs::read(&path).unwrap() == before, "it was written to");
    std::fs::write(&path, "no database at all").unwrap();
    refused(&data);
    assert_eq!(std::fs::read(&path).unwrap(), b"no database at all");
}

/// Whoever copies the database file of a folder at rest has everything.
#[test]
fn after_a_stop_the_database_file_alone_holds_everything() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    server.small_ward();
    server.add_bed("last");
    let token = server.token("anna", "nurse");
    let (_open, seq, _) = support::stream::Stream::watch(&server, &token);
    server.stop();
    let copy = dir.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    std::fs::set_permissions(&copy, PermissionsExt::from_mode(0o700)).unwrap();
    for file in FILES {
        std::fs::copy(data.join(file), copy.join(file)).unwrap();
    }
    let kept = data.join("audit.checkpoint");
    verify(&copy, &kept);
    let server = Server::start(&copy);
    assert!(server.reader().head(&"w".parse().unwrap()).unwrap() > seq);
    server.stop();
}
