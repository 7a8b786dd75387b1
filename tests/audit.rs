//! The audit trail from outside: whatever is done to it shows, it says who did what, and it names nobody.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use support::{PASSPHRASE, Server, now, observation, request, run, run_with, stream::Stream};
use wardwatch::{
    audit::{Act, LeafActor, LeafDraft, Outcome, SideText, leaf_hash},
    domain::{EventBody, Millis, Mode},
    protocol::{AuditQuery, ClientMessage, Encoding, ErrorCode, HistoryQuery, ServerMessage},
    seam::{ManualClock, OsEntropy},
    store::{
        Batch, DataFolder, Store,
        sqlite::{SqliteStore, StoreParts},
    },
};

/// A folder at rest with a trail of some length, and its checkpoint as somebody keeps it elsewhere.
struct Kept {
    dir: tempfile::TempDir,
    data: PathBuf,
    checkpoint: PathBuf,
    leaves: i64,
}

fn kept() -> Kept {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    server.small_ward();
    server.user("anna", "nurse");
    (0..10).for_each(|n| server.add_bed(&format!("extra-{n}")));
    server.stop();
    let checkpoint = dir.path().join("kept.checkpoint");
    std::fs::write(&checkpoint, run(&["audit", "checkpoint", "--data", data.to_str().unwrap()])).unwrap();
    let leaves = database(&data).query_row("SELECT count(*) FROM audit_leaf", [], |r| r.get(0)).unwrap();
    Kept { dir, data, checkpoint, leaves }
}

fn database(data: &Path) -> Connection {
    Connection::open(data.join("wardwatch.db")).unwrap()
}

/// What `audit verify` says and its exit code.
fn verify(args: &[&str]) -> (i32, String) {
    let output = run_with("", &[&["audit", "verify"], args].concat());
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

impl Kept {
    /// What is found in a copy to which this was done.
    fn after(&self, harm: impl FnOnce(&Connection)) -> (i32, String) {
        let copy = self.copy();
        harm(&database(&copy));
        let found = verify(&["--data", copy.to_str().unwrap(), "--from", self.checkpoint.to_str().unwrap()]);
        std::fs::remove_dir_all(copy).unwrap();
        found
    }

    fn copy(&self) -> PathBuf {
        let copy = self.dir.path().join("copy");
        assert!(Command::new("cp").arg("-a").arg(&self.data).arg(&copy).status().unwrap().success());
        copy
    }
}

/// Writes the leaf at `index` anew, its hash too if told so.
fn edit(db: &Connection, index: i64, hash_too: bool) {
    let leaf: String = db.query_row("SELECT leaf FROM audit_leaf WHERE idx = ?1", [index], |r| r.get(0)).unwrap();
    let edited = leaf.replacen("\"outcome\":\"success\"", "\"outcome\":\"refused\"", 1);
    assert_ne!(leaf, edited);
    db.execute("UPDATE audit_leaf SET leaf = ?2 WHERE idx = ?1", (index, &edited)).unwrap();
    if hash_too {
        let hash = leaf_hash(edited.as_bytes());
        db.execute("UPDATE audit_leaf SET hash = ?2 WHERE idx = ?1", (index, hash)).unwrap();
    }
}

fn is_bad_at((code, said): (i32, String), index: i64, what: &str) {
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(what), "{said}");
    assert!(said.trim_end().ends_with(&format!("first bad index: {index}")), "{index}: {said}");
}

#[test]
fn an_untouched_trail_is_good() {
    let kept = kept();
    let (code, said) = kept.after(|_| {});
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with(&format!("good: {} entries, {} of them signed", kept.leaves, kept.leaves)), "{said}");
    let server = Server::start(&kept.data);
    let (code, said) = verify(&["--data", kept.data.to_str().unwrap()]);
    assert_eq!(code, 0, "while the server runs: {said}");
    server.stop();
    let (code, said) = kept.after(|_| {});
    assert_eq!(code, 0, "a trail that has grown holds against an older checkpoint: {said}");
}

#[test]
fn whatever_is_done_to_an_entry_is_found_at_its_place() {
    let kept = kept();
    let last = kept.leaves - 1;
    for at in [0, 1, last / 2, last] {
        is_bad_at(kept.after(|db| edit(db, at, false)), at, &format!("leaf {at} was edited"));
        let remove = |db: &Connection| {
            db.execute("DELETE FROM audit_leaf WHERE idx = ?1", [at]).unwrap();
        };
        is_bad_at(kept.after(remove), at, &format!("leaf {at} is missing"));
        let (code, said) = kept.after(|db| edit(db, at, true));
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("is not as the signed checkpoint says"), "{said}");
        let first: i64 = said.rsplit(' ').next().unwrap().trim().parse().unwrap();
        assert!(first <= at, "the entries before {first} are good: {said}");
    }
    for (a, b) in [(0, last), (3, 4), (5, last / 2 + 2)] {
        let swap = |columns: &str| {
            let sql = format!(
                "CREATE TEMP TABLE t AS SELECT * FROM audit_leaf WHERE idx IN ({a}, {b});
                 UPDATE audit_leaf SET {columns} FROM t WHERE audit_leaf.idx IN ({a}, {b}) AND t.idx = {a} + {b} - audit_leaf.idx;"
            );
            move |db: &Connection| db.execute_batch(&sql).unwrap()
        };
        is_bad_at(kept.after(swap("leaf = t.leaf")), a, "was edited");
        is_bad_at(kept.after(swap("leaf = t.leaf, hash = t.hash")), a, "stands in the place of another");
    }
}

#[test]
fn a_trail_that_was_cut_is_found_by_a_checkpoint_that_was_kept() {
    let kept = kept();
    for left in [0, 1, kept.leaves - 1] {
        let cut = |db: &Connection| {
            db.execute("DELETE FROM audit_leaf WHERE idx >= ?1", [left]).unwrap();
            db.execute("DELETE FROM audit_checkpoint WHERE size > ?1", [left]).unwrap();
        };
        is_bad_at(kept.after(cut), left, &format!("leaf {left} is missing"));
    }
}

#[test]
fn a_checkpoint_that_was_changed_or_is_of_another_is_refused() {
    let kept = kept();
    let other = self::kept();
    let data = kept.data.to_str().unwrap();
    let note = std::fs::read_to_string(&kept.checkpoint).unwrap();
    let file = kept.dir.path().join("bad.checkpoint");
    let with = |note: &str| {
        std::fs::write(&file, note).unwrap();
        verify(&["--data", data, "--from", file.to_str().unwrap()])
    };
    assert_eq!(with(&note).0, 0);
    let fewer = note.replacen(&format!("\n{}\n", kept.leaves), &format!("\n{}\n", kept.leaves - 1), 1);
    assert_ne!(fewer, note);
    let theirs = std::fs::read_to_string(&other.checkpoint).unwrap();
    for (bad, says) in [
        (fewer.as_str(), "does not fit"),
        (&theirs, "carries no signature"),
        ("", "not a checkpoint"),
        (note.split("\n\n").next().unwrap(), "not a checkpoint"),
    ] {
        let (code, said) = with(bad);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(says), "{said}");
    }
    // The key that is kept elsewhere tells a trail that was signed anew by another key.
    let their_key = other.data.join("audit.pub");
    let (code, said) = verify(&["--data", data, "--key", their_key.to_str().unwrap()]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("do not carry the key's signature"), "{said}");
    let own_key = kept.data.join("audit.pub");
    assert_eq!(verify(&["--data", data, "--key", own_key.to_str().unwrap()]).0, 0);
    std::fs::write(&file, "no key").unwrap();
    let (code, said) = verify(&["--data", data, "--key", file.to_str().unwrap()]);
    assert_eq!((code, said.contains("not a verifier key")), (2, true), "{said}");
    let forged = |db: &Connection| {
        let sql = "UPDATE audit_checkpoint SET note = replace(note, 'wardwatch/', 'wardwatsh/') WHERE no = 1";
        db.execute(sql, []).unwrap();
    };
    let (code, said) = kept.after(forged);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("1 checkpoints in the folder"), "{said}");
}

#[test]
fn a_server_signs_nothing_over_a_trail_that_was_changed() {
    let kept = kept();
    edit(&database(&kept.data), 4, true);
    let published = std::fs::read(kept.data.join("audit.checkpoint")).unwrap();
    let server = Server::start(&kept.data);
    server.add_bed("later");
    assert!(server.log().contains("THE AUDIT TRAIL WAS CHANGED"), "{}", server.log());
    server.stop();
    assert_eq!(std::fs::read(kept.data.join("audit.checkpoint")).unwrap(), published);
    let count = "SELECT count(*) FROM audit_checkpoint WHERE size > ?1";
    let newer: i64 = database(&kept.data).query_row(count, [kept.leaves], |r| r.get(0)).unwrap();
    assert_eq!(newer, 0);
}

/// Words that must stand in no entry and in no line of the log.
const NAMES: [&str; 9] =
    ["Okafor", "Chidi", "Moreau", "Elise", "pneumonia", "Bedside of Mr", "anna", "mallory", "Ward of Roses"];

#[test]
fn the_trail_says_who_did_what_and_names_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start_set(&data, &[("WARDWATCH_LOG__LEVEL", "trace")]);
    let gateway = server.small_ward();
    server.run(&["ward", "add", "w", "--name", "Ward of Roses"]);
    server.run(&["bed", "add", "b2", "--label", "Bedside of Mr X"]);
    let admit = ["patient", "admit", "p2", "--bed", "b2", "--name", "Moreau, Elise", "--note", "pneumonia"];
    server.run(&admit);
    server.run(&["device", "add", "d1", "--gateway", "gw", "--name", "Bedside of Mr X"]);
    let token = server.token("anna", "nurse");
    let wrong = "not the passphrase at all";
    for (user, passphrase) in [("anna", wrong), ("mallory", wrong)] {
        let body = serde_json::json!({ "user": user, "passphrase": passphrase }).to_string();
        assert_eq!(request(server.address, "POST", "/v1/login", &[], body.as_bytes()).status, 401);
    }
    let (mut anna, _, _) = Stream::watch(&server, &token);
    let body = observation("nbp_sys", 200, now());
    assert_eq!(server.request("POST", "/v1/observations", &gateway, body.as_bytes()).status, 200);
    let (_, alert, _) = anna.alert("nbp_sys.high");
    anna.acknowledge(1, alert.id, 1);
    assert!(matches!(anna.answer(), ServerMessage::Result { done: true, .. }));
    let (from, to) = (now() - Millis::from_secs(7200), now());
    let patients = vec!["p2".parse().unwrap()];
    let ward = "w".parse().unwrap();
    let query = HistoryQuery { ward, patients, vitals: Vec::new(), from, to, points: 1, alerts: false };
    anna.say(&ClientMessage::Query { id: 2, query });
    assert!(matches!(anna.answer(), ServerMessage::History { .. }));
    assert_eq!(server.request("POST", "/v1/logout", &token, b"").status, 204);
    let changed =
        run_with("another long passphrase", &["user", "passphrase", "anna", "--data", data.to_str().unwrap()]);
    assert!(changed.status.success());
    server.run(&["user", "disable", "anna"]);
    server.run(&["device", "unassign", "d1"]);
    server.run(&["patient", "discharge", "p2"]);
    let shown = server.run(&["audit", "show"]);
    let json = server.run(&["audit", "show", "--json"]);
    let log = server.log();
    server.stop();
    let entries: Vec<serde_json::Value> = json.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let is = |e: &serde_json::Value, key: &str, value: &str| e[key] == *value || e["actor"][key] == *value;
    let one = |wanted: &[(&str, &str)]| {
        let found = entries.iter().filter(|e| wanted.iter().all(|(key, value)| is(e, key, value))).count();
        assert!(found >= 1, "{wanted:?} is not in\n{json}");
    };
    one(&[("act", "user.add"), ("outcome", "success"), ("code", "nurse"), ("kind", "console")]);
    one(&[("act", "user.login"), ("outcome", "success"), ("kind", "user"), ("role", "nurse")]);
    one(&[("act", "user.login"), ("outcome", "refused"), ("kind", "user"), ("code", "wrong")]);
    one(&[("act", "user.login"), ("outcome", "refused"), ("kind", "unknown"), ("code", "wrong")]);
    one(&[("act", "user.logout"), ("kind", "user")]);
    one(&[("act", "user.passphrase"), ("kind", "console")]);
    one(&[("act", "user.state"), ("code", "disabled")]);
    one(&[("act", "patient.view"), ("patient", "p1"), ("kind", "user")]);
    one(&[("act", "patient.view"), ("patient", "p2"), ("kind", "user")]);
    one(&[("act", "patient.history"), ("patient", "p2"), ("kind", "user")]);
    one(&[("act", "alert.acknowledge"), ("outcome", "success"), ("kind", "user"), ("ward", "w")]);
    one(&[("act", "device.set"), ("device", "d1")]);
    one(&[("act", "device.token"), ("device", "gw")]);
    one(&[("act", "device.assign"), ("device", "d1"), ("patient", "p1")]);
    one(&[("act", "device.unassign"), ("device", "d1")]);
    one(&[("act", "patient.admit"), ("patient", "p2"), ("bed", "b2")]);
    one(&[("act", "patient.discharge"), ("patient", "p2")]);
    one(&[("act", "bed.set"), ("bed", "b2")]);
    one(&[("act", "ward.set"), ("ward", "w")]);
    one(&[("act", "server.start"), ("kind", "system")]);
    one(&[("act", "audit.read"), ("kind", "console")]);
    assert!(shown.contains("text=\"mallory\""), "the name that was tried stands beside the trail: {shown}");
    let secrets = [PASSPHRASE, wrong, "another long passphrase", &token, &gateway];
    for word in NAMES.iter().chain(&secrets) {
        assert!(!json.contains(word), "{word:?} stands in an entry: {json}");
        assert!(!log.contains(word), "{word:?} stands in the log: {log}");
    }
    let db = database(&data);
    let mut texts = db.prepare("SELECT text FROM audit_text").unwrap();
    let texts: Vec<String> = texts.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(texts, ["mallory"], "beside the trail stands the name that nobody has, and nothing else");
    // No secret is in the data folder in any form that could be used.
    let bytes = std::fs::read(data.join("wardwatch.db")).unwrap();
    for secret in secrets {
        assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret:?} is in the database");
    }
    // A name can be forgotten without harm to the trail.
    db.execute("DELETE FROM audit_text", []).unwrap();
    assert_eq!(verify(&["--data", data.to_str().unwrap()]).0, 0);
}

/// Entries with texts beside them in a trail that began nine years ago, ten a year.
fn old_trail(data: &Path) {
    let folder = DataFolder::make(data).unwrap();
    let clock = ManualClock::at(now() - Millis::from_mins(60 * 24 * 366 * 9));
    let parts = StoreParts { clock: std::sync::Arc::new(clock.clone()), entropy: std::sync::Arc::new(OsEntropy) };
    let mut store = SqliteStore::open(&folder, folder.lock().unwrap(), Mode::Live, &parts).unwrap();
    for n in 0..90_u8 {
        let side_text = Some(SideText { field: "login_name", text: format!("name-{n}-end"), salt: [n; 16] });
        let entry = LeafDraft { side_text, ..LeafDraft::new(LeafActor::Unknown, Act::Login, Outcome::Refused) };
        store.commit(&Batch { leaves: vec![entry], ..Batch::default() }).unwrap();
        clock.advance(Millis::from_mins(60 * 24 * 36));
        store.checkpoint(true).unwrap();
    }
}

/// By closed segments, confirmed, archived first, said in the trail itself; all proofs and checks hold, and no more may be gone.
#[test]
fn h14_entries_go_when_their_time_is_over_and_their_hashes_stay() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    old_trail(&data);
    let (folder, archive) = (data.to_str().unwrap(), dir.path().join("archive.jsonl"));
    let retain = |args: &[&str]| {
        let output = run_with("", &[&["audit", "retain", "--data", folder], args].concat());
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), text)
    };
    let pin = dir.path().join("site.pin");
    run(&["audit", "pin", "--data", folder, "--out", pin.to_str().unwrap()]);
    let (code, plan) = retain(&["--dry-run"]);
    assert!(code == 0 && plan.contains("are older than 6 years; their hashes stay"), "{plan}");
    let count = plan.split_whitespace().next().unwrap().to_owned();
    assert!((28..=31).contains(&count.parse::<u32>().unwrap()), "three years of nine: {plan}");
    let (code, said) = retain(&["--confirm", &count]);
    assert!(code == 2 && said.contains("--archive"), "{said}");
    let (code, said) = retain(&["--confirm", "7", "--archive", archive.to_str().unwrap()]);
    assert!(code == 2 && said.contains(&format!("{count} entries would be removed")), "{said}");
    assert!(!archive.exists());
    let (code, said) = retain(&["--confirm", &count, "--archive", archive.to_str().unwrap()]);
    assert!(code == 0 && said.contains("stay\nremoved\n"), "{said}");
    assert!(said.contains("no administrator: nobody could approve this"), "{said}");

    let last = count.parse::<i64>().unwrap() - 1;
    let (code, said) = verify(&["--data", folder, "--from", pin.to_str().unwrap()]);
    assert!(code == 0 && said.contains(&format!("entries 0 to {last} removed by retention on ")), "{said}");
    assert!(said.contains(" by uid ") && said.contains("older than 6 years"), "{said}");
    let db = database(&data);
    let left = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(left("SELECT count(*) FROM audit_leaf WHERE leaf = ''"), last + 1);
    // The first entry has no text beside it, that of the archive has one.
    assert_eq!(left("SELECT count(*) FROM audit_text"), 91 - last);
    let archived = std::fs::read_to_string(&archive).unwrap();
    assert_eq!(i64::try_from(archived.lines().count()), Ok(last + 1));
    for (index, line) in (0_i64..).zip(archived.lines()) {
        let sql = "SELECT hash FROM audit_leaf WHERE idx = ?1";
        let hash: [u8; 32] = db.query_row(sql, [index], |row| row.get(0)).unwrap();
        assert_eq!(leaf_hash(line.as_bytes()), hash, "the archive fits the hashes that stay");
    }
    assert!(run(&["audit", "show", "--data", folder]).lines().all(|line| !line.contains("unreadable")));
    let gone = run_with("", &["audit", "prove", "3", "--data", folder]);
    assert!(String::from_utf8_lossy(&gone.stderr).contains("was removed by retention"), "{gone:?}");
    let proof = dir.path().join("3.tlog-proof");
    std::fs::write(&proof, run(&["audit", "prove", "3", "--archive", archive.to_str().unwrap(), "--data", folder]))
        .unwrap();
    let key = data.join("audit.pub");
    let held = run(&["audit", "check", proof.to_str().unwrap(), "--key", key.to_str().unwrap()]);
    assert!(held.contains("\"i\":3,") && held.contains("good: entry 3 of "), "{held}");
    let forged = dir.path().join("forged.jsonl");
    std::fs::write(&forged, archived.replace("user.login", "user.logout")).unwrap();
    let refused = run_with("", &["audit", "prove", "3", "--archive", forged.to_str().unwrap(), "--data", folder]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("entry 3 in it is not as it was signed"), "{refused:?}");
    assert!(run(&["audit", "prove", "80", "--data", folder]).starts_with("c2sp.org/tlog-proof@v1"));
    let (code, said) = retain(&["--dry-run"]);
    assert!(code == 0 && said.contains("nothing is to be removed"), "{said}");

    db.execute("UPDATE audit_leaf SET leaf = '' WHERE idx = ?1", [last + 1]).unwrap();
    let (code, said) = verify(&["--data", folder, "--from", pin.to_str().unwrap()]);
    assert!(code == 1 && said.contains(&format!("leaf {} was removed, and no signed", last + 1)), "{said}");
}

/// With two administrators nothing of the trail goes by one alone, and what goes is what was proposed.
#[test]
fn u09_entries_go_by_two_administrators_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    old_trail(&data);
    let mut command = support::program();
    command.args(["serve", "--mode", "live", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    let server = Server::spawn(&mut command, &data);
    let (anna, _) = (server.user("anna", "admin"), server.user("carl", "admin"));
    let carl = std::fs::read_to_string(server.own("carl")).unwrap().trim().to_owned();
    let plan = server.run(&["audit", "retain", "--dry-run"]);
    let count = plan.split_whitespace().next().unwrap().to_owned();
    let retain = |archive: &str, more: &[&str]| {
        let archive = dir.path().join(archive);
        let args = ["audit", "retain", "--confirm", &count, "--archive", archive.to_str().unwrap()];
        let output = run_with("", &[&args[..], &["--data", data.to_str().unwrap()], more].concat());
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let emptied = || -> i64 {
        let sql = "SELECT count(*) FROM audit_leaf WHERE leaf = ''";
        database(&data).query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let (code, said) = retain("a.jsonl", &[]);
    assert!(code == 2 && said.contains("this wants two administrators"), "{said}");
    let by_anna = ["--token-file", anna.to_str().unwrap()];
    let (code, said) = retain("a.jsonl", &by_anna);
    assert!(code == 4 && said.contains(&format!("remove all entries of the audit trail before {count}")), "{said}");
    assert_eq!(emptied(), 0);
    let id = said.split("approvals approve ").nth(1).unwrap().split_whitespace().next().unwrap();
    let answer = server.request("POST", &format!("/v1/approvals/{id}"), &carl, b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(emptied(), 0, "it is archived first, just before");
    assert!(!dir.path().join("a.jsonl").exists(), "nobody has the entries by asking for them");
    let exported = || server.run(&["audit", "show", "--json", "--act", "audit.export"]);
    assert_eq!(exported(), "");
    let (code, said) = retain("a.jsonl", &[&by_anna[..], &["--approved", id]].concat());
    assert_eq!(code, 0, "{said}");
    support::wait_for("their end", || (emptied() == count.parse::<i64>().unwrap()).then_some(()));
    let archive = std::fs::read_to_string(dir.path().join("a.jsonl")).unwrap();
    assert_eq!(archive.lines().count().to_string(), count);
    for shown in [server.run(&["audit", "show", "--json", "--act", "audit.retain"]), exported()] {
        assert!(shown.lines().count() == 1 && shown.contains(&format!(r#""approval":"{id}","second":""#)), "{shown}");
    }
    let (code, said) = verify(&["--data", data.to_str().unwrap()]);
    assert!(code == 0 && said.contains("removed by retention"), "{said}");
    server.stop();
}

/// Whoever can write to the folder, but has not the key, makes nothing go: not by another age of a segment, not by an
/// entry that says so.
#[test]
fn h14_no_table_of_the_folder_is_believed() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    old_trail(&data);
    let folder = data.to_str().unwrap();
    let pin = dir.path().join("site.pin");
    run(&["audit", "pin", "--data", folder, "--out", pin.to_str().unwrap()]);
    let plan = || {
        let output = run_with("", &["audit", "retain", "--dry-run", "--data", folder]);
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let before = plan();
    let db = database(&data);
    db.execute_batch("CREATE TABLE kept AS SELECT * FROM audit_segment; UPDATE audit_segment SET until_ms = 0")
        .unwrap();
    let count = |said: &str| said.split_whitespace().next().unwrap().to_owned();
    assert_eq!(count(&plan()), count(&before), "the age is that of the entries");
    let again = "DELETE FROM audit_segment; INSERT INTO audit_segment SELECT * FROM kept;";
    db.execute_batch(&format!("{again} UPDATE audit_segment SET end = end + 1 WHERE first = 0")).unwrap();
    assert!(plan().contains("not as it was signed"), "{}", plan());
    db.execute_batch(again).unwrap();

    // An entry that says so, and that nobody has signed.
    let size: i64 = db.query_row("SELECT count(*) FROM audit_leaf", [], |row| row.get(0)).unwrap();
    let leaf = format!(
        r#"{{"v":1,"i":{size},"utc":"2026-11-23T08:00:00.000Z","boot_ms":1,"boot_id":"b","actor":{{"kind":"console","uid":0}},"act":"audit.retain","outcome":"success","upto":31,"retained":{{"years":6,"how":"archived","until":"2019-01-01T00:00:00.000Z"}}}}"#
    );
    db.execute("UPDATE audit_leaf SET leaf = '' WHERE idx <= 30", []).unwrap();
    let row = (size, &leaf, leaf_hash(leaf.as_bytes()));
    db.execute("INSERT INTO audit_leaf (idx, leaf, hash) VALUES (?1, ?2, ?3)", row).unwrap();
    for args in [vec!["--data", folder], vec!["--data", folder, "--from", pin.to_str().unwrap()]] {
        is_bad_at(verify(&args), 0, "leaf 0 was removed, and no signed entry says");
    }
}

/// What was edited before is not removed with the rest.
#[test]
fn h14_what_was_edited_stays_to_be_found() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    old_trail(&data);
    let archive = dir.path().join("a.jsonl");
    let db = database(&data);
    let args = ["audit", "retain", "--data", data.to_str().unwrap()];
    let plan = run(&[&args[..], &["--dry-run"]].concat());
    let count = plan.split_whitespace().next().unwrap().to_owned();
    db.execute("UPDATE audit_leaf SET leaf = replace(leaf, 'user.login', 'user.logout') WHERE idx = 5", []).unwrap();
    let confirm = ["--confirm", &count, "--archive", archive.to_str().unwrap()];
    let output = run_with("", &[&args[..], &confirm].concat());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(
        db.query_row("SELECT count(*) FROM audit_leaf WHERE leaf = ''", [], |row| row.get::<_, i64>(0)).unwrap(),
        0
    );
}

/// Fewer than six years count for a server alone, and why they are fewer stands beside the entry.
#[test]
fn h14_the_reason_for_fewer_years_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    old_trail(&data);
    let archive = dir.path().join("a.jsonl");
    let settings = [
        ("WARDWATCH_AUDIT__RETENTION_YEARS", "2"),
        ("WARDWATCH_AUDIT__RETENTION_OVERRIDE_REASON", "a test site by decision of the officer"),
    ];
    let retain = |args: &[&str]| {
        let mut command = support::program();
        command.args(["audit", "retain", "--data"]).arg(&data).args(args).envs(settings);
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (_, plan, _) = retain(&["--dry-run"]);
    let count = plan.split_whitespace().next().unwrap().to_owned();
    let confirm = ["--confirm", &count, "--archive", archive.to_str().unwrap()];
    let (done, _, why) = retain(&confirm);
    assert!(!done && why.contains("fewer than six years"), "{why}");
    assert!(!archive.exists(), "nothing is written before it is allowed");
    let mut command = support::program();
    command.args(["serve", "--mode", "live", "--listen", "127.0.0.1:0", "--data"]).arg(&data).envs(settings);
    let server = Server::spawn(&mut command, &data);
    let (_, plan, _) = retain(&["--dry-run"]);
    let count = plan.split_whitespace().next().unwrap().to_owned();
    let (done, _, why) = retain(&["--confirm", &count, "--archive", archive.to_str().unwrap()]);
    assert!(done, "{why}");
    let sql =
        "SELECT l.leaf, t.text FROM audit_leaf l JOIN audit_text t USING (idx) WHERE l.leaf LIKE '%audit.retain%'";
    let row = database(&data).query_row(sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
    let (leaf, reason) = row.unwrap();
    assert!(leaf.contains(r#""retained":{"years":2,"how":"archived","until":""#), "{leaf}");
    assert_eq!(reason, settings[1].1);
    server.stop();
}

/// What the receiver of syslog has not confirmed stays.
#[test]
fn h14_nothing_goes_before_it_was_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    old_trail(&data);
    let plan = |delivered: i64| {
        let sql = "SELECT lower(hex(hash)) FROM audit_leaf WHERE idx = max(?1, 1) - 1";
        let hash: String = database(&data).query_row(sql, [delivered], |row| row.get(0)).unwrap();
        std::fs::write(data.join("audit.delivered"), format!("{delivered} siem.example:6514 {hash}\n")).unwrap();
        let mut command = support::program();
        command.args(["audit", "retain", "--dry-run", "--data"]).arg(&data);
        let output = command.env("WARDWATCH_AUDIT__SYSLOG__ADDRESS", "siem.example:6514").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let waits = plan(0);
    assert!(
        waits.contains("wait for their delivery by syslog") && waits.contains("nothing is to be removed"),
        "{waits}"
    );
    let some = plan(12);
    assert!(some.contains("entries, 0 to ") && some.contains("wait for their delivery"), "{some}");
    assert!(!some.contains("--archive"), "the receiver has them: {some}");
    let all = plan(90);
    assert!(all.contains("entries, 0 to ") && !all.contains("wait"), "{all}");
    // At rest the configuration is that of whoever asks: without the receiver it would be easy to pass it by.
    let (archive, count) = (dir.path().join("a.jsonl"), all.split_whitespace().next().unwrap().to_owned());
    let args = ["--archive", archive.to_str().unwrap(), "--confirm", &count];
    let output = run_with("", &[&["audit", "retain", "--data", data.to_str().unwrap()], &args[..]].concat());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("while the server runs"), "{output:?}");
    let gone = "SELECT count(*) FROM audit_leaf WHERE leaf = ''";
    assert_eq!(database(&data).query_row(gone, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

/// Who has left is seen in what was missed, and in nothing else: that is a view too.
#[test]
fn who_is_seen_in_missed_events_alone_was_seen() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    server.add_bed("b2");
    server.run(&["patient", "admit", "p2", "--bed", "b2", "--name", "Lund, Ingrid"]);
    server.run(&["patient", "discharge", "p2"]);
    let token = server.token("anna", "nurse");
    let reads = |patient: &str| server.run(&["audit", "show", "--patient", patient, "--reads"]).lines().count();
    let (mut anna, _) = Stream::greet(&server, &token, Encoding::Json);
    anna.subscribe(None);
    assert_eq!((reads("p1"), reads("p2")), (1, 0));
    anna.subscribe(Some(0));
    anna.until("what was missed", |message| match message {
        ServerMessage::Event { event } if matches!(event.event.body, EventBody::Discharged { .. }) => Some(()),
        _ => None,
    });
    assert_eq!((reads("p1"), reads("p2")), (2, 1));
    server.stop();
}

/// An account that was made an auditor's for some wards by an earlier version is told why it reads nothing, and what to do.
#[test]
fn h10_an_auditor_for_some_wards_is_refused_and_reads_once_the_account_is_for_all() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    server.small_ward();
    server.user("ines", "auditor");
    server.stop();
    database(&data).execute("UPDATE user SET wards = '[\"w\"]' WHERE name = 'ines'", []).unwrap();
    let server = Server::start(&data);
    let asked = |server: &Server| {
        let token = std::fs::read_to_string(server.login("ines")).unwrap();
        let (mut ines, _) = Stream::greet(server, token.trim(), Encoding::Json);
        ines.say(&ClientMessage::AuditLog { id: 5, query: AuditQuery::default() });
        ines.until("an answer", |message| match message {
            ServerMessage::AuditLog { id: 5, page } => Some(Ok(page.entries.len())),
            ServerMessage::Error { code, id: Some(5), detail } => Some(Err((*code, detail.clone()))),
            _ => None,
        })
    };
    let (code, why) = asked(&server).unwrap_err();
    assert_eq!(code, ErrorCode::Denied);
    assert!(why.contains("this account is for some wards") && why.contains("wardwatch user wards NAME --all"), "{why}");
    assert!(server.run(&["audit", "show", "--failures"]).contains("code=auditor_for_some_wards"));
    server.run(&["user", "wards", "ines", "--all"]);
    assert!(asked(&server).unwrap() > 0);
    server.stop();
}

/// The screen of an auditor reads by this message; reading leaves an entry, and those who may not read are denied.
#[test]
fn h10_an_auditor_reads_the_trail_over_the_stream_and_it_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    let nurse = server.token("anna", "nurse");
    let (mut anna, _, _) = Stream::watch(&server, &nurse);
    let ask = |stream: &mut Stream, query: AuditQuery| {
        stream.say(&ClientMessage::AuditLog { id: 5, query });
        stream.until("an answer", |message| match message {
            ServerMessage::AuditLog { id: 5, page } => Some(Ok(page.clone())),
            ServerMessage::Error { code, id: Some(5), .. } => Some(Err(*code)),
            _ => None,
        })
    };
    assert_eq!(ask(&mut anna, AuditQuery::default()).unwrap_err(), ErrorCode::Denied);
    let token = server.token("ines", "auditor");
    let refused = run_with("", &["user", "wards", "ines", "--ward", "w", "--data", server.data.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the trail of the whole site"), "{refused:?}");
    let (mut ines, _) = Stream::greet(&server, &token, Encoding::Json);
    let all = ask(&mut ines, AuditQuery::default()).unwrap();
    assert_eq!(all.entries[0].act, "audit.read", "the newest is that it is read");
    assert_eq!((all.entries[0].who.as_str(), all.entries[0].role.as_deref()), ("ines", Some("auditor")));
    let added = all.entries.iter().find(|entry| entry.act == "user.add").unwrap();
    assert!(added.who.strip_prefix("uid ").is_some_and(|uid| uid.parse::<u32>().is_ok()), "{added:?}");
    assert!(all.entries.windows(2).all(|pair| pair[0].index == pair[1].index + 1));
    assert_eq!((all.entries.last().unwrap().index, all.before), (0, None));
    let of =
        |patient: &str| AuditQuery { patient: Some(patient.parse().unwrap()), reads: true, ..AuditQuery::default() };
    let saw = ask(&mut ines, of("p1")).unwrap();
    assert_eq!(
        saw.entries.iter().map(|e| (e.act.as_str(), e.who.as_str())).collect::<Vec<_>>(),
        [("patient.view", "anna")]
    );
    let failures = ask(&mut ines, AuditQuery { failures: true, ..AuditQuery::default() }).unwrap();
    assert_eq!(failures.entries.iter().map(|e| e.about.as_str()).collect::<Vec<_>>(), ["read_audit"]);
    let by = ask(&mut ines, AuditQuery { user: Some("anna".into()), ..AuditQuery::default() }).unwrap();
    assert!(by.entries.iter().any(|e| e.act == "user.add" && e.about.contains("user=anna")), "{by:?}");
    assert_eq!(
        ask(&mut ines, AuditQuery { user: Some("no body".into()), ..AuditQuery::default() }).unwrap_err(),
        ErrorCode::BadMessage
    );
    let told = ask(&mut ines, AuditQuery::default()).unwrap();
    let asked: Vec<&str> = told.entries.iter().filter(|e| e.act == "audit.read").map(|e| e.about.as_str()).collect();
    assert!(asked.contains(&"user=anna") && asked.contains(&"failures") && asked.contains(&"reads"), "{asked:?}");
    let older = ask(&mut ines, AuditQuery { before: Some(3), ..AuditQuery::default() }).unwrap();
    assert_eq!(older.entries.iter().map(|e| e.index).collect::<Vec<_>>(), [2, 1, 0]);
    assert_eq!(server.run(&["audit", "show", "--act", "audit.read", "--user", "ines"]).lines().count(), 7);
    server.stop();
}
