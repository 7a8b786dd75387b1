//! When the machine fails: a disk that fills up, and one that takes no more, are alerts on every screen.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::{path::Path, process::Command};
use support::{
    Server, now, observation, program, run, run_with,
    stream::{Stream, alert_of},
    wait_for,
};
use wardwatch::{
    domain::{AlertClass, Cause, EventBody, Millis, Priority, Signal},
    protocol::{ClientMessage, ErrorCode, HistoryQuery, ServerMessage, StoreState},
    store::StoreReader,
};

const DISK: &str = "system.disk_nearly_full";
/// Any disk is fuller than this.
const LOW: (&str, &str) = ("WARDWATCH_DISK__ALERT_PERCENT", "1");
/// No disk that a test can write on is as full as this.
const HIGH: (&str, &str) = ("WARDWATCH_DISK__ALERT_PERCENT", "100");

/// The moves of the disk's alert in the journal of a ward.
fn moves(server: &Server, ward: &str) -> Vec<Cause> {
    let events = server.reader().events_after(&ward.parse().unwrap(), 0, 1_000).unwrap();
    events.iter().filter_map(|e| alert_of(&e.event, DISK)).map(|(_, cause)| cause).collect()
}

#[test]
fn a_disk_that_is_nearly_full_is_an_alert_in_every_ward_until_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start_set(&data, &[HIGH]);
    server.small_ward();
    server.stop();
    let server = Server::start_set(&data, &[LOW]);
    wait_for("the alert of the ward that was there", || (moves(&server, "w") == [Cause::Raised]).then_some(()));
    let (_, _, view) = Stream::watch(&server, &server.token("anna", "nurse"));
    let alert = view.alerts.values().next().unwrap();
    assert_eq!((alert.class, alert.priority, alert.signal), (AlertClass::Technical, Priority::Medium, Signal::On));
    assert!(alert.detail.as_ref().unwrap().contains("% full"), "{alert:?}");
    server.run(&["ward", "add", "later", "--name", "Later"]);
    wait_for("the alert of the ward that was made since", || {
        (moves(&server, "later") == [Cause::Raised]).then_some(())
    });
    server.stop();
    let server = Server::start_set(&data, &[LOW]);
    let (_, _, view) = Stream::watch(&server, std::fs::read_to_string(server.login("anna")).unwrap().trim());
    assert_eq!(view.alerts.len(), 1, "it stands over a restart, once");
    server.stop();
    let server = Server::start_set(&data, &[HIGH]);
    for ward in ["w", "later"] {
        let over = || (moves(&server, ward) == [Cause::Raised, Cause::Cleared]).then_some(());
        wait_for("the end of the alert: there was room again before the start", over);
    }
    server.stop();
}

/// A server on a disk that takes no more after a while, made by a bound on the size of files.
fn on_a_small_disk(data: &Path) -> Server {
    let mut command = Command::new("sh");
    let exe = program().get_program().to_owned();
    // 512-byte blocks: about 1 MB.
    command.arg("-c").arg("ulimit -f 2000; exec \"$0\" serve --listen 127.0.0.1:0 --data \"$1\"").arg(exe).arg(data);
    Server::spawn(command.env("WARDWATCH_PASSPHRASE__MEMORY_KIB", "64").envs([HIGH]), data)
}

#[test]
fn a_store_that_fails_is_said_on_the_screen_and_nothing_is_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (gateway, file) = {
        let server = Server::start(&data);
        let made = (server.small_ward(), server.user("anna", "nurse"));
        server.stop();
        made
    };
    let server = on_a_small_disk(&data);
    let token = std::fs::read_to_string(file).unwrap();
    let (mut anna, _, _) = Stream::watch(&server, token.trim());
    let post = |body: &str| server.request("POST", "/v1/observations", &gateway, body.as_bytes());
    let base = now();
    assert_eq!(post(&observation("nbp_sys", 200, base)).status, 200);
    let (_, alert, _) = anna.alert("nbp_sys.high");
    let mut n = 0;
    let refused = wait_for("the disk to be full", || {
        let items: Vec<String> = (0..500).map(|i| observation("spo2", 97, base + Millis(n + i))).collect();
        n += 500;
        let answer = post(&format!("[{}]", items.join(",")));
        (answer.status != 200).then_some(answer)
    });
    assert_eq!((refused.status, &refused.json()["type"]), (503, &"urn:wardwatch:problem:unrecorded".into()));
    let failed = anna.until("the alert that says so", |m| match m {
        ServerMessage::Unrecorded { event, .. } => alert_of(event, "system.store_failed"),
        ServerMessage::Event { event } => {
            assert!(alert_of(&event.event, "system.store_failed").is_none(), "it has no number: {event:?}");
            None
        }
        _ => None,
    });
    assert_eq!((failed.0.priority, failed.1), (Priority::High, Cause::Raised));
    assert!(failed.0.detail.as_ref().unwrap().contains("nothing is recorded"), "{failed:?}");
    let head = server.reader().head(&"w".parse().unwrap()).unwrap();
    let beat = anna.until("a heartbeat", |m| match m {
        ServerMessage::Heartbeat { store, heads, .. } => Some((*store, heads[0].seq)),
        _ => None,
    });
    assert_eq!(beat, (StoreState::Unrecorded, head), "no number was given");
    anna.acknowledge(1, alert.id, alert.transition);
    let answer = anna.answer();
    assert!(matches!(answer, ServerMessage::Error { code: ErrorCode::Unrecorded, id: Some(1), .. }), "{answer:?}");
    // Judging goes on: a new danger is shown, marked unrecorded.
    assert_eq!(post(&observation("nbp_mean", 40, base)).status, 503);
    let (danger, _) = anna.until("the patient's alert", |m| match m {
        ServerMessage::Unrecorded { event, .. } => alert_of(event, "nbp_mean.low"),
        _ => None,
    });
    assert_eq!(danger.priority, Priority::High);
    let (_, _, view) = Stream::watch(&server, token.trim());
    let codes: Vec<String> = view.alerts.values().map(|a| a.key.code.to_string()).collect();
    assert!(["system.store_failed", "nbp_mean.low"].iter().all(|c| codes.iter().any(|x| x == c)), "{codes:?}");
    let status = server.run(&["status"]);
    assert!(status.contains("NOT RECORDING: nothing is recorded"), "{status}");
    let said =
        run_with(support::PASSPHRASE, &["user", "add", "ben", "--role", "nurse", "--data", data.to_str().unwrap()]);
    assert_eq!(said.status.code(), Some(2), "nobody is added without an entry in the trail");
    // What would need an entry of the trail is not shown: history, reports, resources, and the trail itself.
    let span = (base - Millis::from_secs(7200), base);
    let query = HistoryQuery {
        ward: "w".parse().unwrap(),
        patients: vec!["p1".parse().unwrap()],
        vitals: Vec::new(),
        from: span.0,
        to: span.1,
        points: 1,
        alerts: true,
    };
    let ward = query.ward.clone();
    for asked in [
        ClientMessage::Query { id: 2, query },
        ClientMessage::AlertReport { id: 2, ward: ward.clone(), from: span.0, to: span.1 },
        ClientMessage::HandoverReport { id: 2, ward, patients: vec!["p1".parse().unwrap()] },
    ] {
        anna.say(&asked);
        let answer = anna.answer();
        assert!(matches!(answer, ServerMessage::Error { code: ErrorCode::Unrecorded, id: Some(2), .. }), "{answer:?}");
    }
    assert_eq!(server.request("GET", "/fhir/Patient/p1", token.trim(), b"").status, 503);
    let shown = run_with("", &["audit", "show", "--data", data.to_str().unwrap()]);
    assert_eq!((shown.status.code(), shown.stdout.as_slice()), (Some(2), &b""[..]), "nobody reads the trail unseen");
    server.kill();
    let server = Server::start(&data);
    let verified = run(&["audit", "verify", "--data", data.to_str().unwrap()]);
    assert!(verified.starts_with("good"), "{verified}");
    let events = server.reader().events_after(&"w".parse().unwrap(), 0, 10_000).unwrap();
    let of_start = |e: &&wardwatch::domain::SequencedEvent| matches!(e.event.body, EventBody::EngineStarted { .. });
    assert_eq!(events.iter().filter(of_start).count(), 3);
    assert!(!events.iter().any(|e| alert_of(&e.event, "system.store_failed").is_some()));
    let report = server.request("POST", "/v1/observations", &gateway, observation("nbp_mean", 40, base).as_bytes());
    assert_eq!(report.json()["accepted"], 1, "what was not acknowledged was not kept: it may be sent again");
    server.stop();
}

#[test]
fn a_server_that_is_told_to_stop_as_soon_as_it_serves_stops_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    (0..10).for_each(|_| Server::start(&data).stop());
    let trail = run(&["audit", "show", "--data", data.to_str().unwrap()]);
    assert_eq!(trail.matches("server.stop").count(), 10, "{trail}");
}

#[test]
fn what_is_older_than_all_that_is_kept_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_set(&dir.path().join("data"), &[("WARDWATCH_RETENTION__SAMPLES_DAYS", "1")]);
    let gateway = server.small_ward();
    let old = now() - Millis::from_mins(2 * 24 * 60);
    let answer = server.request("POST", "/v1/observations", &gateway, observation("spo2", 97, old).as_bytes());
    assert_eq!(answer.json()["rejections"][0]["code"], "too_old", "{answer:?}");
}
