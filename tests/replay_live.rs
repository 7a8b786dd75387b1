//! A recording sent to a server as a gateway would send it, and the alerts that came compared with those expected.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use support::{Server, run, run_with};

const SCENARIO: &str = r#"
name = "short"
seed = 1
duration_s = 22
[ward]
id = "w1"
name = "Ward 1"
[[patient]]
id = "p1"
bed = "1"
name = "Haddad, Salma"
[patient.vitals]
hr = 80
spo2 = [[0, 96], [3, 96], [4, 86]]
"#;

const EXPECTED: &str = r#"
[[expect]]
patient = "p1"
condition = "spo2.low"
priority = "medium"
raised_between = [11, 18]

[[forbid]]
condition = "hr.high"
"#;

/// Provisions, serves, sends with `--expect`; tells exit code and standard error.
fn replay(folder: &Path, expected: &str) -> (i32, String) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::write(path("short.toml"), SCENARIO).unwrap();
    std::fs::write(path("expected.toml"), expected).unwrap();
    run(&["provision", &path("short.toml"), "--data", &path("data"), "--token-file", &path("gateway.token")]);
    let server = Server::start(&folder.join("data"));
    let watch = server.user("anna", "viewer");
    let out = run_with(
        "",
        &[
            "replay",
            &path("short.toml"),
            "--to",
            &server.url(),
            "--token-file",
            &path("gateway.token"),
            "--expect",
            &path("expected.toml"),
            "--watch-token-file",
            watch.to_str().unwrap(),
        ],
    );
    (out.status.code().unwrap(), String::from_utf8_lossy(&out.stderr).into_owned())
}

#[test]
fn what_came_is_compared_with_what_was_expected() {
    let (good, bad) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let wrong = EXPECTED.replace("\"medium\"", "\"high\"");
    let (good, bad) = std::thread::scope(|scope| {
        let good = scope.spawn(|| replay(good.path(), EXPECTED));
        let bad = scope.spawn(|| replay(bad.path(), &wrong));
        (good.join().unwrap(), bad.join().unwrap())
    });
    assert_eq!(good.0, 0, "{}", good.1);
    assert!(good.1.contains("44 samples acknowledged"), "{}", good.1);
    assert_eq!(bad.0, 1, "{}", bad.1);
    assert!(bad.1.contains("spo2.low") && bad.1.contains("high"), "{}", bad.1);
}

#[test]
fn what_is_before_the_live_part_is_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let scenario = SCENARIO.replace("duration_s = 22", "duration_s = 3602\nlive_from_s = 3600");
    std::fs::write(path("long.toml"), scenario).unwrap();
    run(&["provision", &path("long.toml"), "--data", &path("data"), "--token-file", &path("gateway.token")]);
    let server = Server::start(&dir.path().join("data"));
    let token = path("gateway.token");
    let out = run_with("", &["replay", &path("long.toml"), "--to", &server.url(), "--token-file", &token]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(0), "{said}");
    assert!(said.contains("4 samples acknowledged") && said.contains(" of 4 samples"), "{said}");
}

#[test]
fn an_expectation_wants_delays_in_wall_time() {
    for args in [
        &["--to", "http://127.0.0.1:1", "--token-file", "t", "--speed", "2", "--expect", "e"][..],
        &["--to", "http://127.0.0.1:1", "--token-file", "t", "--expect", "e"],
        &["--speed", "0", "--to", "http://127.0.0.1:1", "--token-file", "t"],
        &["--to", "https://somewhere", "--token-file", "t"],
        &[],
    ] {
        let out = run_with("", &[&["replay", "fixtures/desaturation.toml"], args].concat());
        assert_eq!(out.status.code(), Some(2), "{args:?}: {out:?}");
    }
}
