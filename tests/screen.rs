//! The real program in a pseudo-terminal, against a real server: sign in, see the ward, acknowledge, lose the link, leave.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use support::{PASSPHRASE, Server, now, observation, terminal::Pty, wait_for};
use wardwatch::{
    domain::{Millis, Timestamp},
    seam::{Clock, OsClock},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_wardwatch");

struct Bench {
    server: Server,
    gateway: String,
    zero: Timestamp,
}

impl Bench {
    fn new(data: &Path) -> Self {
        let server = Server::start(data);
        let gateway = server.small_ward();
        Self { server, gateway, zero: now() }
    }

    /// Sends a saturation each second of a span, counted from the beginning; a device's clock may be a little ahead.
    fn send(&self, spo2: f64, seconds: std::ops::Range<i64>) {
        let items: Vec<String> = seconds.map(|s| observation("spo2", spo2, self.zero + Millis::from_secs(s))).collect();
        let body = format!("[{}]", items.join(","));
        let answer = self.server.request("POST", "/v1/observations", &self.gateway, body.as_bytes());
        assert_eq!((answer.status, answer.json()["rejected"].as_u64()), (200, Some(0)), "{answer:?}");
    }

    /// Sessions that hold, that of the harness included.
    fn sessions(&self) -> u64 {
        let status = support::run(&["status", "--json", "--data", self.server.data.to_str().unwrap()]);
        serde_json::from_str::<serde_json::Value>(&status).unwrap()["sessions"].as_u64().unwrap()
    }

    fn screen(&self, token: &Path, columns: u16, rows: u16) -> Pty {
        let args = ["watch", "--to", &self.server.url(), "--token-file", token.to_str().unwrap()];
        Pty::spawn(PROGRAM, &args, &[], columns, rows)
    }
}

/// As long as a person looks at least: what has just changed by itself is not acknowledged.
fn look() {
    let begun = OsClock.boot();
    wait_for("a look", || (OsClock.boot() - begun >= Millis(700)).then_some(()));
}

/// The terminal is as it was before.
fn assert_given_back(pty: &Pty) {
    wait_for("the terminal to be given back", || {
        let screen = pty.screen();
        (!screen.alternate_screen() && !screen.hide_cursor() && pty.is_cooked()).then_some(())
    });
}

#[test]
fn sign_in_see_the_alert_acknowledge_it_and_leave() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(&dir.path().join("data"));
    bench.server.user("a.meyer", "nurse");
    bench.send(97.0, 0..5);
    let mut pty = Pty::spawn(PROGRAM, &["watch", "--to", &bench.server.url()], &[], 80, 24);
    pty.wait_for_text("Not a medical device");
    assert!(pty.screen().alternate_screen());
    pty.send("a.meyer\rsomething wrong altogether\r");
    pty.wait_for("the refusal", |screen| screen.contents().to_lowercase().contains("wrong"));
    pty.send(PASSPHRASE);
    pty.send("\r");
    pty.wait_for_text("Okafor");
    assert_eq!(bench.sessions(), 2);
    pty.wait_for_text("DEMO");
    pty.wait_for_text("AUDIO NOT ASSURED");
    assert!(!pty.text().contains(PASSPHRASE));
    assert!(!String::from_utf8_lossy(&pty.bytes_seen()).contains(PASSPHRASE), "a passphrase is never shown");

    bench.send(70.0, 5..20);
    pty.wait_for_text("*** 1");
    wait_for("the bell", || (pty.bells() >= 1).then_some(()));
    pty.send("q");
    pty.wait_for("the question", |screen| screen.contents().contains("leave"));
    pty.send("n");
    look();
    pty.send("wa");
    pty.wait_for("the confirmation", |screen| {
        let text = screen.contents();
        text.contains("Okafor") && text.contains("SpO2 70 <") && text.contains("y acknowledge")
    });
    pty.send("y");
    pty.wait_for_text("*** 0");
    pty.wait_for_text("a.meyer");
    pty.send("\r");
    pty.wait_for_text("SpO2");
    pty.send("q");
    assert!(pty.wait_end().success());
    assert_given_back(&pty);
    assert_eq!(pty.queries(), Vec::<String>::new(), "nothing is asked of the terminal");
    assert_eq!(bench.sessions(), 1, "signed out");
}

#[test]
fn two_terminals_see_each_other_and_a_lost_server_and_its_return() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let bench = Bench::new(&data);
    let (anna, ben) = (bench.server.user("anna", "nurse"), bench.server.user("ben", "doctor"));
    bench.send(97.0, 0..5);
    bench.send(70.0, 5..20);
    let mut small = bench.screen(&anna, 80, 24);
    let mut large = bench.screen(&ben, 200, 50);
    for pty in [&small, &large] {
        pty.wait_for_text("LIVE");
        pty.wait_for_text("*** 1");
    }
    look();
    small.send("way");
    large.wait_for_text("anna");
    large.wait_for_text("*** 0");

    let clock = OsClock;
    bench.server.signal("STOP");
    let stopped = clock.boot();
    for pty in [&small, &large] {
        pty.wait_for("the silence", |screen| screen.contents().contains("SILENT"));
        let took = clock.boot() - stopped;
        println!("silence was said {} ms after the server stopped", took.0);
    }
    bench.server.signal("CONT");
    for pty in [&small, &large] {
        pty.wait_for_text("LIVE");
    }
    let address = bench.server.address;
    bench.server.kill();
    for pty in [&small, &large] {
        pty.wait_for_text("NO LINK");
    }
    let again = Server::start_at(&data, address);
    for pty in [&small, &large] {
        pty.wait_for_text("LIVE");
        pty.wait_for_text("Okafor");
    }
    small.send("qy");
    large.send("qy");
    assert!(small.wait_end().success() && large.wait_end().success());
    again.stop();
}

#[test]
fn a_signal_ends_it_and_gives_the_terminal_back() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(&dir.path().join("data"));
    let token = bench.server.user("anna", "nurse");
    let mut pty = bench.screen(&token, 120, 40);
    pty.wait_for_text("LIVE");
    pty.signal("TERM");
    pty.wait_end();
    assert_given_back(&pty);
}

#[test]
fn a_demonstration_opens_on_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let tmp = dir.path().to_str().unwrap();
    let mut pty = Pty::spawn(PROGRAM, &["demo", "--color", "mono"], &[("TMPDIR", tmp)], 80, 24);
    pty.wait_for_text("Ward 12");
    pty.wait_for_text("Okafor, Ch");
    let bytes = String::from_utf8_lossy(&pty.bytes_seen()).into_owned();
    assert!(!bytes.contains("\u{1b}[38;"), "mono sends no colours");
    pty.send("q");
    // A high alert may be open already: then leaving is confirmed.
    pty.send("y");
    assert!(pty.wait_end().success());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

/// An auditor watches no ward: the trail stands in its place, and what this screen has seen of it as its witness.
#[test]
fn an_auditor_reads_the_trail_on_a_screen() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    let state = dir.path().join("state").display().to_string();
    let token = server.user("i.sander", "auditor");
    let args = ["watch", "--to", &server.url(), "--token-file", token.to_str().unwrap()];
    let mut pty = Pty::spawn(PROGRAM, &args, &[("XDG_STATE_HOME", &state)], 120, 40);
    pty.wait_for_text("Audit trail");
    pty.wait_for("the newest entry", |screen| screen.contents().contains("audit.read"));
    pty.wait_for("what was witnessed", |screen| screen.contents().contains("grown from what this screen saw"));
    assert!(!pty.text().contains("AUDIO NOT ASSURED"), "{}", pty.text());
    pty.send("/patient:p1");
    pty.wait_for_text("patient:p1▌");
    pty.send("\r");
    pty.wait_for("the entries of the patient", |screen| {
        let text = screen.contents();
        text.contains("patient.admit") && text.contains("device.assign") && !text.contains("user.login")
    });
    assert!(!pty.text().contains("Okafor"), "an auditor sees no name");
    pty.send("q");
    assert!(pty.wait_end().success());
    assert!(server.run(&["audit", "show", "--act", "audit.read"]).lines().count() >= 2);
    server.stop();
}

/// Canaries in the place of passphrases are looked for wherever the client might leave them.
#[test]
fn u11_what_is_typed_is_on_no_screen_and_in_no_file_of_the_client() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_set(&dir.path().join("data"), &[("WARDWATCH_SESSION__IDLE_LOCK_S", "2")]);
    server.small_ward();
    server.user("a.meyer", "nurse");
    let state = dir.path().join("state");
    let env = [("XDG_STATE_HOME", state.to_str().unwrap())];
    let mut pty = Pty::spawn(PROGRAM, &["watch", "--to", &server.url()], &env, 80, 24);
    let canaries = ["canary typed quagga xylophone", "canary pasted nimbus quagga", PASSPHRASE];
    let [typed, pasted, right] = canaries;
    let clean = |pty: &Pty, when: &str| {
        let seen = String::from_utf8_lossy(&pty.bytes_seen()).into_owned();
        for canary in canaries {
            assert!(!pty.text().contains(canary) && !seen.contains(canary), "a passphrase is shown {when}");
        }
        for word in ["canary", "quagga", "xylophone", "nimbus"] {
            assert!(!seen.contains(word), "a part of a passphrase is shown {when}");
        }
        for file in ["cmdline", "environ"] {
            let bytes = std::fs::read(format!("/proc/{}/{file}", pty.pid())).unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert!(canaries.iter().all(|canary| !text.contains(canary)), "a passphrase is in {file} {when}");
        }
    };
    pty.wait_for_text("Not a medical device");
    pty.send(format!("a.meyer\r{typed}"));
    clean(&pty, "while it is typed");
    pty.send("\r");
    pty.wait_for("the refusal", |screen| screen.contents().to_lowercase().contains("wrong"));
    clean(&pty, "after a refusal");
    pty.send(format!("\x1b[200~{pasted}\x1b[201~"));
    clean(&pty, "when it was pasted");
    // What was pasted is taken away again.
    pty.send("\x15");
    pty.send(format!("{right}\r"));
    pty.wait_for_text("b1");
    pty.wait_for_text("LOCKED");
    pty.send(format!("u{typed}\r"));
    pty.wait_for("the refusal", |screen| screen.contents().contains("the passphrase is wrong"));
    clean(&pty, "in the dialog that unlocks");
    // Sent at once they would be one key.
    pty.send("\x1b");
    look();
    pty.send("q");
    assert!(pty.wait_end().success());
    let mut folders = vec![state];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(canaries.iter().all(|canary| !text.contains(canary)), "a passphrase stands in {}", path.display());
        }
    }
    server.stop();
}
