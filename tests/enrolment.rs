//! Enrolment: a code becomes a token once, in its time, and tells nobody else anything.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::os::unix::fs::PermissionsExt;
use support::{Answer, Server, now, observation, request, run_with};

struct Bench {
    dir: tempfile::TempDir,
    server: Server,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    Bench { dir, server }
}

impl Bench {
    fn code(&self, args: &[&str]) -> String {
        self.server.run(&[&["device", "enrol", "d1"], args].concat()).trim().to_owned()
    }

    fn enrol(&self, code: &str) -> Answer {
        let body = serde_json::json!({ "code": code }).to_string();
        request(self.server.address, "POST", "/v1/enrol", &[], body.as_bytes())
    }

    fn sends(&self, token: &str) -> bool {
        let body = observation("hr", 70, now());
        self.server.request("POST", "/v1/observations", token, body.as_bytes()).status == 200
    }
}

#[test]
fn a_code_becomes_a_token_once() {
    let bench = bench();
    let code = bench.code(&[]);
    assert_eq!((code.len(), code.matches('-').count()), (19, 3), "{code}");
    let typed = code.to_lowercase().replace('-', " ");
    let enrolled = bench.enrol(&typed);
    assert_eq!((enrolled.status, enrolled.json()["device"].as_str()), (200, Some("d1")));
    assert!(enrolled.head.to_lowercase().contains("cache-control: no-store"), "{enrolled:?}");
    let token = enrolled.json()["token"].as_str().unwrap().to_owned();
    assert!(bench.sends(&token));
    let database = std::fs::read(bench.server.data.join("wardwatch.db-wal")).unwrap();
    for secret in [code.as_str(), &token] {
        assert!(!database.windows(secret.len()).any(|w| w == secret.as_bytes()), "only hashes are kept");
    }

    let (used, unknown) = (bench.enrol(&code), bench.enrol("0000-0000-0000-0000"));
    assert_eq!((used.status, unknown.status), (401, 401));
    assert_eq!(used.body, unknown.body, "a used code and one that never was are answered alike");
    assert!(used.body.contains("may be mistyped, used or too old"), "{used:?}");
    let log = bench.server.run(&["audit", "show"]);
    let of = |code: &str| log.lines().filter(|l| l.contains("device.enrol") && l.contains(code)).count();
    assert_eq!((of("enrol_code"), of("code=used"), of("code=unknown")), (1, 1, 1), "{log}");
    assert_eq!(bench.enrol("").status, 401);
    assert_eq!(request(bench.server.address, "POST", "/v1/enrol", &[], b"{}").status, 400);
}

#[test]
fn a_new_code_takes_the_place_of_the_old_one_and_ends_tokens_when_asked() {
    let bench = bench();
    let (first, second) = (bench.code(&[]), bench.code(&[]));
    assert_eq!(bench.enrol(&first).status, 401);
    let token = |code: &str| bench.enrol(code).json()["token"].as_str().unwrap().to_owned();
    let old = token(&second);
    let beside = token(&bench.code(&[]));
    assert!(bench.sends(&old) && bench.sends(&beside), "an earlier token goes on");
    let third = bench.code(&["--replace"]);
    assert!(bench.sends(&old), "the code alone ends nothing");
    let new = token(&third);
    assert!(bench.sends(&new) && !bench.sends(&old) && !bench.sends(&beside));
}

#[test]
fn a_code_outlives_a_kill_and_a_token_too() {
    let Bench { dir, server } = bench();
    let data = server.data.clone();
    let code = server.run(&["device", "enrol", "d1", "--valid", "7d"]).trim().to_owned();
    server.kill();
    let bench = Bench { dir, server: Server::start(&data) };
    let file = bench.dir.path().join("d1.token");
    let to = bench.server.url();
    let args = ["device", "redeem", "--to", &to, "--token-file", file.to_str().unwrap()];
    let done = run_with(&format!("{code}\n"), &args);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let token = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    let Bench { dir, server } = bench;
    server.kill();
    let bench = Bench { dir, server: Server::start(&data) };
    assert!(bench.sends(&token));
    assert_eq!(bench.enrol(&code).status, 401, "used is used");
    let other = bench.dir.path().join("other");
    let again = ["device", "redeem", "--to", &bench.server.url(), "--token-file", other.to_str().unwrap()];
    let again = run_with(&code, &again);
    assert!(!other.exists(), "no file is left where there is no token");
    assert!(String::from_utf8_lossy(&again.stderr).contains("the code is not valid"), "{again:?}");
}

#[test]
fn what_cannot_be_enrolled_is_said() {
    let bench = bench();
    let data = bench.server.data.to_str().unwrap();
    for (args, why) in [(["d9", "--valid", "24h"], "there is no device d9"), (["d1", "--valid", "8d"], "1 minute to 7")]
    {
        let done = run_with("", &[&["device", "enrol"], &args[..], &["--data", data]].concat());
        assert!(!done.status.success() && String::from_utf8_lossy(&done.stderr).contains(why), "{done:?}");
    }
}

#[test]
fn guessing_is_slowed_by_source() {
    let bench = bench();
    let code = bench.code(&[]);
    let answers: Vec<u16> = (0..70).map(|n| bench.enrol(&format!("{n:016}")).status).collect();
    let wrong = answers.iter().filter(|status| **status == 401).count();
    assert!((60..64).contains(&wrong) && answers.contains(&429), "{answers:?}");
    let held = bench.enrol(&code);
    assert!(held.status == 429 && held.head.to_lowercase().contains("retry-after"), "{held:?}");
}

#[test]
fn two_who_send_one_code_at_once_get_one_token() {
    let bench = bench();
    let code = bench.code(&[]);
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..8).map(|_| scope.spawn(|| bench.enrol(&code).status)).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
}

#[test]
fn a_code_is_not_spent_on_a_token_that_cannot_be_kept() {
    let bench = bench();
    let code = bench.code(&[]);
    let url = bench.server.url();
    let redeem = |file: &str| run_with(&format!("{code}\n"), &["device", "redeem", "--to", &url, "--token-file", file]);
    let refused = redeem("/nonexistent/token");
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let file = bench.dir.path().join("token");
    let done = redeem(file.to_str().unwrap());
    assert!(done.status.success(), "the code is as good as before: {done:?}");
    assert!(bench.sends(std::fs::read_to_string(&file).unwrap().trim()));
    let left: Vec<_> = std::fs::read_dir(bench.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".new")), "{left:?}");
}

#[test]
fn a_device_that_is_added_again_ends_its_open_code() {
    let bench = bench();
    let code = bench.code(&[]);
    bench.server.run(&["device", "add", "d1", "--gateway", "gw"]);
    assert_eq!(bench.enrol(&code).status, 401);
}
