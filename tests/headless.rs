//! `watch` and `demo` without a screen: what they write, and what their exit codes say.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, Stdio},
    sync::{Arc, Mutex},
};
use support::{Server, now, observation, program, run_with, wait_for};
use wardwatch::domain::{Millis, Timestamp};

struct Bench {
    _dir: tempfile::TempDir,
    server: Server,
    gateway: String,
    token: PathBuf,
    zero: Timestamp,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let gateway = server.small_ward();
    let token = server.user("anna", "nurse");
    Bench { _dir: dir, server, gateway, token, zero: now() }
}

impl Bench {
    /// Sends a value each second of a span, counted from the beginning; a device's clock may be a little ahead.
    fn send(&self, spo2: f64, times: std::ops::Range<i64>) {
        let items: Vec<String> = times.map(|s| observation("spo2", spo2, self.zero + Millis::from_secs(s))).collect();
        let body = format!("[{}]", items.join(","));
        let answer = self.server.request("POST", "/v1/observations", &self.gateway, body.as_bytes());
        assert_eq!((answer.status, answer.json()["rejected"].as_u64()), (200, Some(0)), "{answer:?}");
    }

    fn watch(&self, args: &[&str]) -> std::process::Command {
        let mut command = program();
        command.args(["watch", "--to", &self.server.url(), "--token-file"]).arg(&self.token).args(args);
        command
    }

    fn once(&self, args: &[&str]) -> (i32, String, String) {
        let out = self.watch(&["--once"]).args(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (out.status.code().unwrap(), text(&out.stdout), text(&out.stderr))
    }
}

#[test]
fn a_look_tells_by_its_exit_code_what_it_saw() {
    let mut bench = bench();
    bench.send(97.0, 0..10);
    let (code, text, err) = bench.once(&["--format", "json"]);
    assert_eq!(code, 0, "{text}{err}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((report["mode"].as_str(), report["live"].as_bool()), (Some("demo"), Some(true)));
    let patient = &report["patients"][0];
    assert_eq!((patient["bed"].as_str(), patient["name"].as_str()), (Some("b1"), Some("Okafor, Chidi")));
    let vital = &patient["vitals"][0];
    assert_eq!(vital["vital"], "spo2");
    assert_eq!((vital["value"].as_f64(), vital["unit"].as_str()), (Some(97.0), Some("%")));
    assert!(vital["age_s"].is_number() && vital["liveness"] == "live", "{vital}");

    bench.send(70.0, 10..25);
    let code = wait_for("the alert", || Some(bench.once(&[])).filter(|(code, ..)| *code != 0));
    assert_eq!(code.0, 1, "{code:?}");
    assert!(code.1.starts_with("DEMO · Ward · LIVE") && code.1.contains("SpO2 70 < "), "{}", code.1);

    let wrong = bench.once(&["--format", "ndjson"]);
    assert_eq!((wrong.0, wrong.2.contains("--follow")), (2, true), "{wrong:?}");
    std::fs::write(&bench.token, "wws_demo_0000000000000000000000000000000000000000000\n").unwrap();
    let refused = bench.once(&[]);
    assert_eq!(refused.0, 2, "{refused:?}");
    std::fs::write(&bench.token, &bench.gateway).unwrap();
    let device = bench.once(&[]);
    assert_eq!((device.0, device.2.contains("sign in with `wardwatch login`")), (2, true), "{device:?}");

    bench.token = bench.server.login("anna");
    bench.server.signal("STOP");
    let silent = bench.once(&[]);
    bench.server.signal("CONT");
    assert_eq!((silent.0, silent.1.as_str()), (3, ""), "{silent:?}");
    assert!(silent.2.contains("not live"), "{silent:?}");
}

#[test]
fn nobody_there_is_not_live_and_wrong_use_is_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    std::fs::write(&token, "wws_demo_0000000000000000000000000000000000000000000\n").unwrap();
    let token = token.to_str().unwrap();
    let gone = run_with("", &["watch", "--to", "http://127.0.0.1:1", "--token-file", token, "--once"]);
    assert_eq!(gone.status.code(), Some(3), "{gone:?}");
    for args in
        [&["watch", "--once"][..], &["watch", "--once", "--follow", "--token-file", token], &["watch", "--nope"]]
    {
        assert_eq!(run_with("", args).status.code(), Some(2), "{args:?}");
    }
    let absent = run_with("", &["watch", "--once", "--token-file", "/nowhere/token"]);
    assert_eq!(absent.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&absent.stderr).contains("/nowhere/token"));
}

struct Lines {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

fn follow(command: &mut std::process::Command) -> Lines {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = lines.clone();
    std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| kept.lock().unwrap().push(line)));
    Lines { child, lines }
}

impl Lines {
    fn find(&self, what: &str, so: impl Fn(&str) -> bool) -> String {
        wait_for(what, || self.lines.lock().unwrap().iter().find(|line| so(line)).cloned())
    }

    fn interrupt(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_stream_tells_what_comes_and_ends_with_0() {
    let bench = bench();
    bench.send(97.0, 0..10);
    let mut stream = follow(&mut bench.watch(&["--follow", "--format", "ndjson"]));
    stream.find("the snapshot", |line| line.contains(r#""line":"snapshot""#));
    bench.send(70.0, 10..25);
    let event = stream.find("the alert", |line| line.contains(r#""line":"event""#) && line.contains("spo2.low"));
    let event: Value = serde_json::from_str(&event).unwrap();
    assert_eq!((event["mode"].as_str(), event["event"]["type"].as_str()), (Some("demo"), Some("alert")));
    let vitals = stream.find("the values", |line| line.contains(r#""line":"vitals""#));
    let vitals: Value = serde_json::from_str(&vitals).unwrap();
    assert_eq!((vitals["bed"].as_str(), vitals["vitals"][0]["value"].as_f64()), (Some("b1"), Some(70.0)));
    bench.server.signal("STOP");
    stream.find("the silence", |line| line.contains(r#""state":"silent""#));
    bench.server.signal("CONT");
    let count = |what: &str| stream.lines.lock().unwrap().iter().filter(|line| line.contains(what)).count();
    wait_for("life", || (count(r#""state":"live""#) >= 2).then_some(()));
    let all = stream.lines.lock().unwrap().clone();
    assert!(all.iter().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{all:#?}");
    assert_eq!(stream.interrupt(), Some(0));
}

#[test]
fn a_closed_pipe_ends_a_stream_with_0() {
    let bench = bench();
    let mut child = bench.watch(&["--follow"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut first = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut first).unwrap();
    drop(out);
    // Something has to be written for the closed pipe to be noticed.
    let code = wait_for("the end", || {
        bench.send(97.0, 0..2);
        child.try_wait().unwrap()
    });
    assert_eq!(code.code(), Some(0));
}

#[test]
fn plain_lines_take_commands() {
    let bench = bench();
    bench.send(97.0, 0..10);
    bench.send(70.0, 10..25);
    let mut plain = follow(&mut bench.watch(&["--plain"]));
    plain.find("the first view", |line| line.starts_with("DEMO · Ward"));
    let mut input = plain.child.stdin.take().unwrap();
    writeln!(input, "ack b1").unwrap();
    plain.find("the question", |line| line.contains("Type yes to acknowledge"));
    writeln!(input, "yes").unwrap();
    plain.find("the acknowledgement", |line| line.ends_with("acknowledged by anna"));
    let (code, text, _) = bench.once(&[]);
    assert_eq!(code, 0, "{text}");
    writeln!(input, "quit").unwrap();
    assert_eq!(plain.child.wait().unwrap().code(), Some(0));
    let all = plain.lines.lock().unwrap().clone();
    assert!(all.iter().all(|line| !line.contains('\u{1b}')), "{all:#?}");
}

#[test]
fn a_locked_session_is_unlocked_in_plain_lines() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("wardwatch.toml");
    std::fs::write(&config, "[session]\nidle_lock_s = 2\n").unwrap();
    let data = dir.path().join("data");
    let server = Server::start_with(&data, &["--mode", "demo", "--config", config.to_str().unwrap()]);
    let gateway = server.small_ward();
    let token = server.user("anna", "nurse");
    let bench = Bench { _dir: dir, server, gateway, token, zero: now() };
    let mut plain = follow(&mut bench.watch(&["--plain"]));
    plain.find("the lock", |line| line.ends_with("LOCKED: names are hidden; type unlock"));
    let mut input = plain.child.stdin.take().unwrap();
    writeln!(input, "unlock\nnot the passphrase").unwrap();
    plain.find("the refusal", |line| line.to_lowercase().contains("passphrase") && !line.starts_with("type"));
    writeln!(input, "unlock\n{}", support::PASSPHRASE).unwrap();
    plain.find("the unlocking", |line| line.ends_with(" unlocked"));
    writeln!(input, "quit").unwrap();
    assert_eq!(plain.child.wait().unwrap().code(), Some(0));
    let all = plain.lines.lock().unwrap().clone();
    assert!(
        all.iter().all(|line| !line.contains("NO LINK")
            && !line.contains("unlock it first")
            && !line.contains(support::PASSPHRASE)),
        "{all:#?}"
    );
}

#[test]
fn a_folder_without_a_server_is_not_served() {
    let Bench { _dir: dir, server, .. } = bench();
    let data = dir.path().join("data");
    let status = |args: &[&str]| run_with("", &[&["status", "--data", data.to_str().unwrap()], args].concat());
    let served = status(&[]);
    assert_eq!(served.status.code(), Some(0), "{served:?}");
    assert!(String::from_utf8_lossy(&served.stdout).contains("DEMO · serving · recording"), "{served:?}");
    server.stop();
    let dead = status(&[]);
    let said = String::from_utf8_lossy(&dead.stdout).into_owned();
    assert_eq!(dead.status.code(), Some(3), "{said}");
    assert!(said.contains("NOT SERVING: no server runs on this folder") && !said.contains("recording"), "{said}");
    let dead = status(&["--json"]);
    assert_eq!(dead.status.code(), Some(3), "{dead:?}");
    assert_eq!(serde_json::from_slice::<Value>(&dead.stdout).unwrap()["serving"], false);
}

#[test]
fn the_demonstration_is_alive_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = program();
    command.env("TMPDIR", dir.path()).env("XDG_DATA_HOME", dir.path()).env("HOME", dir.path());
    let out = command.args(["demo", "--once", "--format", "json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"));
    assert_eq!(out.status.code(), Some(1), "an alert is open");
    assert_eq!((report["mode"].as_str(), report["live"].as_bool()), (Some("demo"), Some(true)));
    let patients = report["patients"].as_array().unwrap();
    assert!(patients.len() >= 12);
    for patient in patients {
        let vitals = patient["vitals"].as_array().unwrap();
        assert!(vitals.len() >= 4, "{patient}");
        for vital in vitals {
            assert!(vital["value"].is_number() && vital["unit"].is_string() && vital["age_s"].is_number(), "{vital}");
            assert!(vital["liveness"].is_string(), "{vital}");
        }
    }
    assert!(!report["alerts"].as_array().unwrap().is_empty());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn an_interrupted_demonstration_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = program();
    command.env("TMPDIR", dir.path()).args(["demo", "--plain"]);
    let mut demo = follow(&mut command);
    demo.find("the ward", |line| line.starts_with("DEMO · Ward 12"));
    assert!(std::fs::read_dir(dir.path()).unwrap().count() > 0);
    assert_eq!(demo.interrupt(), Some(0));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
