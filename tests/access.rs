//! Who gets in: no account by default, no guessing, no token of another mode, and no secret where others can read it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::{os::unix::fs::MetadataExt, path::Path};
use support::{Answer, PASSPHRASE, Server, now, observation, program, request, run_with, wait_for};

fn login(server: &Server, user: &str, passphrase: &str) -> Answer {
    let body = serde_json::json!({ "user": user, "passphrase": passphrase }).to_string();
    request(server.address, "POST", "/v1/login", &[], body.as_bytes())
}

fn add_user(server: &Server, name: &str, passphrase: &str) -> (i32, String) {
    let data = server.data.to_str().unwrap();
    let added = run_with(passphrase, &["user", "add", name, "--role", "nurse", "--data", data]);
    let said = format!("{}{}", String::from_utf8_lossy(&added.stdout), String::from_utf8_lossy(&added.stderr));
    (added.status.code().unwrap(), said)
}

fn demo(dir: &tempfile::TempDir) -> Server {
    Server::start(&dir.path().join("data"))
}

#[test]
fn a_fresh_folder_lets_nobody_in() {
    let dir = tempfile::tempdir().unwrap();
    let server = demo(&dir);
    for user in ["admin", "root", "wardwatch", "demo", "anna", "nurse", "", "no user has this passphrase"] {
        for passphrase in ["", "no user has this passphrase"] {
            assert_eq!(login(&server, user, passphrase).status, 401, "{user:?} {passphrase:?}");
        }
    }
    assert_eq!(server.run(&["user", "list"]).lines().count(), 1, "a head and no user");
    let status: serde_json::Value = serde_json::from_str(&server.run(&["status", "--json"])).unwrap();
    assert_eq!(status["sessions"], 0);
}

#[test]
fn a_new_passphrase_comes_on_standard_input_and_is_long() {
    let dir = tempfile::tempdir().unwrap();
    let server = demo(&dir);
    for (passphrase, says) in [
        ("", "no passphrase came"),
        ("fourteen chars", "14 characters; at least 15"),
        ("aaaaaaaaaaaaaaaaaaaa", "too easy to guess"),
        ("anna.meyeranna.meyer", "too easy to guess"),
        (&"long ".repeat(30), "at most 128"),
    ] {
        let (code, said) = add_user(&server, "anna.meyer", passphrase);
        assert_eq!(code, 2, "{passphrase:?}: {said}");
        assert!(said.contains(says), "{said}");
        assert!(passphrase.is_empty() || !said.contains(passphrase), "{said}");
    }
    for name in ["", "two words", "ann\u{1b}a", "../anna"] {
        assert_eq!(add_user(&server, name, PASSPHRASE).0, 2, "{name:?}");
    }
    assert_eq!(server.run(&["user", "list"]).lines().count(), 1, "none was added");
    let (code, said) = add_user(&server, "anna.meyer", &format!("{PASSPHRASE}\nsecond line\n"));
    assert_eq!((code, said.contains(PASSPHRASE)), (0, false), "{said}");
    assert_eq!(login(&server, "anna.meyer", PASSPHRASE).status, 200);
    let (code, said) = add_user(&server, "Anna.Meyer", PASSPHRASE);
    assert_eq!((code, said.contains("already")), (2, true), "{said}");
}

/// Time on a processor that a process has used, in ticks of 10 ms.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// The same work is done for a name that nobody has. Processor time is compared, because it does not depend on what else
/// the machine does.
#[test]
fn an_unknown_name_costs_what_a_wrong_passphrase_costs() {
    let dir = tempfile::tempdir().unwrap();
    let costs = [("WARDWATCH_PASSPHRASE__MEMORY_KIB", "131072"), ("WARDWATCH_PASSPHRASE__PASSES", "3")];
    let server = Server::start_set(&dir.path().join("data"), &costs);
    for name in ["anna", "ben"] {
        let data = server.data.to_str().unwrap();
        assert!(run_with(PASSPHRASE, &["user", "add", name, "--role", "nurse", "--data", data]).status.success());
    }
    server.run(&["user", "disable", "ben"]);
    let cost = |user: &str| {
        let before = ticks(server.pid());
        for _ in 0..2 {
            assert_eq!(login(&server, user, "not the passphrase").status, 401);
        }
        ticks(server.pid()) - before
    };
    let (known, disabled, unknown) = (cost("anna"), cost("ben"), cost("mallory"));
    println!("ticks of 10 ms for two tries: known {known}, disabled {disabled}, unknown {unknown}");
    assert!(known >= 4, "a hash costs something: {known}");
    for other in [disabled, unknown] {
        assert!(other * 2 >= known && other <= known * 2, "known {known}, other {other}");
    }
}

#[test]
fn who_guesses_waits_and_a_restart_does_not_help() {
    let dir = tempfile::tempdir().unwrap();
    let server = demo(&dir);
    add_user(&server, "anna", PASSPHRASE);
    add_user(&server, "ben", PASSPHRASE);
    for _ in 0..3 {
        assert_eq!(login(&server, "anna", "a wrong passphrase").status, 401);
    }
    let waits = login(&server, "ANNA", PASSPHRASE);
    assert_eq!(waits.status, 429, "the right one has to wait too: {waits:?}");
    assert!(waits.head.to_lowercase().contains("retry-after: 1"), "{waits:?}");
    assert_eq!(login(&server, "ben", PASSPHRASE).status, 200, "others do not wait");
    let failures = |server: &Server| {
        let list = server.run(&["user", "list"]);
        let line = list.lines().find(|l| l.starts_with("anna")).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    };
    assert_eq!(failures(&server), "3", "waiting counts for no try");
    server.stop();
    let server = demo(&dir);
    assert_eq!(login(&server, "anna", PASSPHRASE).status, 429);
    assert_eq!(failures(&server), "3");
    wait_for("the wait to be over", || (login(&server, "anna", PASSPHRASE).status == 200).then_some(()));
    assert_eq!(failures(&server), "0");
    (0..4).for_each(|_| drop(login(&server, "anna", "a wrong passphrase")));
    let data = server.data.to_str().unwrap();
    let changed = run_with("another long passphrase", &["user", "passphrase", "anna", "--data", data]);
    assert!(changed.status.success());
    assert_eq!(login(&server, "anna", "another long passphrase").status, 200, "a new passphrase ends the wait");
    assert_eq!(login(&server, "anna", PASSPHRASE).status, 401, "the old one holds no longer");
}

/// How often an entry of the audit trail has this act and code.
fn entries(server: &Server, act: &str, code: &str) -> usize {
    let shown = server.run(&["audit", "show", "--json"]);
    let entries = shown.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    entries.filter(|e| e["act"] == act && e["code"] == code).count()
}

#[test]
fn logins_of_one_address_are_bounded_and_fill_no_trail() {
    let dir = tempfile::tempdir().unwrap();
    let server = demo(&dir);
    add_user(&server, "anna", PASSPHRASE);
    for _ in 0..3 {
        assert_eq!(login(&server, "anna", "a wrong passphrase").status, 401);
    }
    let statuses: Vec<Answer> = (0..97).map(|n| login(&server, if n < 10 { "anna" } else { "nobody" }, "x")).collect();
    let limited = statuses.iter().filter(|a| a.body.contains("login-rate")).count();
    assert!((10..=40).contains(&limited), "{limited}");
    let limited = statuses.iter().find(|a| a.body.contains("login-rate")).unwrap();
    assert!(limited.head.to_lowercase().contains("retry-after: 2"), "{limited:?}");
    let forged = [("x-forwarded-for", "10.9.8.7"), ("forwarded", "for=10.9.8.7")];
    let body = serde_json::json!({ "user": "anna", "passphrase": PASSPHRASE }).to_string();
    let statuses = (0..5).map(|_| request(server.address, "POST", "/v1/login", &forged, body.as_bytes()).status);
    assert!(statuses.filter(|status| *status == 429).count() >= 3, "no header makes another address");
    let told = (entries(&server, "user.login", "wait"), entries(&server, "user.login", "too_many"));
    assert!((1..=3).contains(&told.0) && told.1 == 1, "{told:?}");
}

#[test]
fn a_new_passphrase_ends_the_sessions_of_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let server = demo(&dir);
    let token = server.token("anna", "nurse");
    let data = server.data.to_str().unwrap();
    let changed = run_with("another long passphrase", &["user", "passphrase", "anna", "--data", data]);
    assert!(changed.status.success());
    let status = |token: &str| server.request("POST", "/v1/logout", token, b"").status;
    assert_eq!(status(&token), 401, "a stolen token does not live on");
    assert_eq!(entries(&server, "session.end", "passphrase_changed"), 1);
    let answer = login(&server, "anna", "another long passphrase");
    server.run(&["user", "disable", "anna"]);
    server.run(&["user", "enable", "anna"]);
    assert_eq!(status(answer.json()["token"].as_str().unwrap()), 401, "nor after a disable");
    assert_eq!(entries(&server, "session.end", "user_disabled"), 1);
    let shown = server.run(&["audit", "show", "--json", "--act", "session.end"]);
    for line in shown.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(entry["actor"]["kind"] == "console" && entry["user"].is_string(), "not the person ended it: {line}");
    }
}

#[test]
fn a_device_or_patient_of_another_ward_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let server = demo(&dir);
    server.small_ward();
    let data = server.data.to_str().unwrap();
    server.run(&["ward", "add", "x", "--name", "Other"]);
    server.run(&["bed", "add", "x1", "--ward", "x"]);
    for args in [
        ["device", "add", "d1", "--ward", "x", "--data", data].as_slice(),
        &["patient", "admit", "p1", "--bed", "x1", "--ward", "x", "--data", data],
    ] {
        let refused = run_with("", args);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("ward w"), "{args:?} {said}");
    }
    server.run(&["device", "add", "d1", "--ward", "w", "--gateway", "gw"]);
}

fn phc(data: &Path) -> String {
    let db = rusqlite::Connection::open(data.join("wardwatch.db")).unwrap();
    db.query_row("SELECT phc FROM user WHERE name = 'anna'", [], |r| r.get(0)).unwrap()
}

#[test]
fn raised_costs_reach_a_user_at_the_next_login() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let set = |memory: &str| Server::start_set(&data, &[("WARDWATCH_PASSPHRASE__MEMORY_KIB", memory)]);
    let server = set("64");
    add_user(&server, "anna", PASSPHRASE);
    let first = phc(&data);
    assert!(first.starts_with("p:$argon2id$v=19$m=64,t=1,p=1$"), "{first}");
    assert_eq!(login(&server, "anna", PASSPHRASE).status, 200);
    assert_eq!(phc(&data), first, "nothing to do");
    server.stop();
    let server = set("128");
    assert_eq!(login(&server, "anna", "a wrong passphrase").status, 401);
    assert_eq!(phc(&data), first, "a wrong one changes nothing");
    assert_eq!(login(&server, "anna", PASSPHRASE).status, 200);
    let second = phc(&data);
    assert!(second.starts_with("p:$argon2id$v=19$m=128,t=1,p=1$"), "{second}");
    server.stop();
    let server = set("64");
    assert_eq!(login(&server, "anna", PASSPHRASE).status, 200);
    assert_eq!(phc(&data), second, "lowered costs weaken no hash");
}

#[test]
fn tokens_of_a_demonstration_open_no_live_server() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Server::start(&dir.path().join("demo"));
    let (device, session) = (demo.small_ward(), demo.token("anna", "nurse"));
    demo.stop();
    let live = Server::start_with(&dir.path().join("live"), &["--mode", "live"]);
    let (live_device, live_session) = (live.small_ward(), live.token("ben", "nurse"));
    assert!(live_device.starts_with("wwd_live_") && live_session.starts_with("wws_live_"));
    let body = observation("spo2", 97, now());
    let post = |token: &str| live.request("POST", "/v1/observations", token, body.as_bytes());
    for (token, says) in [
        (device.as_str(), "made for a demonstration"),
        (&device.replace("demo", "live"), "not valid"),
        (&live_device.replace("live", "demo"), "made for a demonstration"),
        (&live_session, "not valid"),
    ] {
        let answer = post(token);
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(answer.body.contains(says), "{answer:?}");
    }
    for path in ["/v1/stream", "/v1/logout"] {
        let method = if path == "/v1/stream" { "GET" } else { "POST" };
        let answer = live.request(method, path, &session, b"");
        assert_eq!((answer.status, answer.body.contains("made for a demonstration")), (401, true), "{answer:?}");
    }
    assert_eq!(post(&live_device).json()["accepted"], 1);
    // Invented patients do not get in either.
    let token_file = dir.path().join("t");
    let data = live.data.to_str().unwrap();
    let args =
        ["provision", "fixtures/desaturation.toml", "--token-file", token_file.to_str().unwrap(), "--data", data];
    let refused = run_with("", &args);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("in demo folders only"), "{refused:?}");
}

#[test]
fn a_key_that_nobody_knows_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    let data = dir.path().join("data");
    let serve = |text: &str, env: &[(&str, &str)]| {
        std::fs::write(&file, text).unwrap();
        let mut command = program();
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(&file).arg("--data").arg(&data);
        let output = command.envs(env.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{text} {env:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for (text, named) in [
        ("[server]\nlisten_adress = \"127.0.0.1:1\"\n", "listen_adress"),
        ("[sesion]\nidle_lock_s = 3\n", "sesion"),
        ("[session]\nidle_lock_s = 0\n", "session.idle_lock_s"),
        ("[limits]\nconnections = \"many\"\n", "connections"),
        ("[[vital]]\ncode = \"icp\"\ncolour = \"red\"\n", "colour"),
    ] {
        let said = serve(text, &[]);
        assert!(said.contains(named), "{said}");
    }
    let said = serve("", &[("WARDWATCH_SERVER__LISTENN", "127.0.0.1:1")]);
    assert!(said.to_lowercase().contains("listenn"), "{said}");
    assert!(!data.exists(), "nothing was made");
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|e| panic!("{path:?}: {e}")).mode() & 0o777
}

#[test]
fn what_is_secret_is_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let server = demo(&dir);
    let token = server.user("anna", "nurse");
    for (file, wanted) in [("", 0o700), ("wardwatch.db", 0o600), ("audit.key", 0o600), ("admin.sock", 0o600)] {
        assert_eq!(mode(&server.data.join(file)), wanted, "{file:?}");
    }
    for entry in std::fs::read_dir(&server.data).unwrap() {
        let path = entry.unwrap().path();
        let public = ["audit.pub", "audit.checkpoint"].iter().any(|name| path.ends_with(name));
        assert!(public || mode(&path) & 0o077 == 0, "{path:?} has mode {:o}", mode(&path));
    }
    assert_eq!(mode(&token), 0o600);
    let file = dir.path().join("device.token");
    server.run(&["ward", "add", "w", "--name", "Ward"]);
    server.run(&["device", "add", "d9", "--token-file", file.to_str().unwrap()]);
    assert_eq!(mode(&file), 0o600);
    server.stop();
    std::fs::set_permissions(dir.path().join("data"), std::os::unix::fs::PermissionsExt::from_mode(0o750)).unwrap();
    let data = dir.path().join("data");
    let refused = run_with("", &["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("chmod 700"), "{refused:?}");
}

/// The list is that of now: what is added to it counts at once, and if it goes, no passphrase is set.
#[test]
fn p03_what_a_site_has_listed_is_refused_and_without_its_list_nothing_is_set() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("listed.txt");
    let path = list.to_str().unwrap();
    let data = dir.path().join("data");
    let mut start = program();
    start.args(["serve", "--mode", "demo", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    let absent = start.env("WARDWATCH_PASSPHRASE__BLOCKLIST_FILE", path).output().unwrap();
    let said = String::from_utf8_lossy(&absent.stderr).into_owned();
    assert_eq!(absent.status.code(), Some(2), "{said}");
    assert!(said.contains(path) && said.contains("passphrase.blocklist_file"), "{said}");
    std::fs::write(&list, "something else entirely\n").unwrap();
    let server = Server::start_set(&data, &[("WARDWATCH_PASSPHRASE__BLOCKLIST_FILE", path)]);
    assert_eq!(add_user(&server, "anna", PASSPHRASE).0, 0);
    std::fs::write(&list, "something else entirely\nCorrect Horse Battery Staple\n").unwrap();
    let (code, said) = add_user(&server, "ben", PASSPHRASE);
    assert_eq!((code, said.contains("on the list of those that this site does not take")), (2, true), "{said}");
    std::fs::write(&list, b"fine\n\xff\n").unwrap();
    let (code, said) = add_user(&server, "ben", "another long passphrase");
    assert_eq!((code, said.contains("line 2 is not UTF-8")), (2, true), "{said}");
    std::fs::remove_file(&list).unwrap();
    assert_eq!(add_user(&server, "ben", "another long passphrase").0, 2);
    assert_eq!(login(&server, "anna", PASSPHRASE).status, 200, "who has one signs in all the same");
}
