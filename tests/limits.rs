//! Limits over real sockets and from the command line: who may, what screens are told, what a trial finds.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::{path::Path, process::Output};
use support::{Server, now, observation, run, run_with, stream::Stream};
use wardwatch::{
    domain::{Basis, Command, EventBody, Expiry, LimitScope, LimitValue, LimitsCause, LimitsChange, Millis, VitalCode},
    protocol::{ClientMessage, ErrorCode, ServerMessage, WardView},
    store::StoreReader,
};

/// `wardwatch limits …` at this server with the token of `token_file`.
fn limits(server: &Server, token_file: &Path, args: &[&str]) -> Output {
    let url = server.url();
    let with = ["--to", &url, "--token-file", token_file.to_str().unwrap()];
    run_with("", &[&["limits", args[0]], &with[..], &args[1..]].concat())
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

fn spo2() -> VitalCode {
    "spo2".parse().unwrap()
}

fn patient_limits(view: &WardView) -> serde_json::Value {
    serde_json::to_value(&view.patients[&"p1".parse().unwrap()].limits).unwrap()
}

#[test]
fn a_nurse_changes_limits_within_the_guard_band_and_everybody_sees_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    let (nurse, doctor) = (server.user("anna", "nurse"), server.user("brandt", "doctor"));
    let (mut watcher, _, mut view) = Stream::watch(&server, &server.token("vera", "viewer"));
    let set = |who: &Path, to: &str| {
        let args =
            ["set", "--patient", "p1", "--set", to, "--set", "spo2.delay=15s", "--reason", "COPD", "--for", "8h"];
        limits(&server, who, &args)
    };
    let done = set(&nurse, "spo2.low=88");
    assert!(done.status.success(), "{}", text(&done));
    let told = text(&done);
    assert!(told.contains("spo2.low: 90 → 88 %\nspo2.delay: 10 s → 15 s\nin force for patient p1, until "), "{told}");
    let event = watcher.event();
    let EventBody::LimitsChanged { old, new, set: Some(put), reason, by, .. } = &event.event.body else {
        panic!("{event:?}")
    };
    let low = |limits: &wardwatch::domain::VitalLimits| limits.low.warning.unwrap();
    assert_eq!((low(old).limit, low(new).limit, low(new).delay), (90.0, 88.0, Millis(15_000)));
    assert_eq!((by.label(), reason.as_ref().unwrap().as_str()), ("anna", "COPD"));
    let Expiry::At { until } = put.expires else { panic!("{put:?}") };
    assert!((until.since(event.event.at).0 - 8 * 3_600_000).abs() < 60_000);
    view.apply(&event.event);
    let p1 = &view.patients[&"p1".parse().unwrap()];
    assert!(p1.limits[&spo2()].wider);
    assert_eq!(view.limits_of(p1, spo2()).unwrap().low.unwrap().limit, 88.0);

    let beyond = set(&nurse, "spo2.low=84");
    assert!(
        !beyond.status.success() && text(&beyond).contains("further out than your role may go (85)"),
        "{}",
        text(&beyond)
    );
    let refused = watcher.event();
    assert!(matches!(refused.event.body, EventBody::Refused { .. }));
    assert!(set(&doctor, "spo2.low=84").status.success());
    view.apply(&watcher.event().event);

    let shown = limits(&server, &nurse, &["show", "--patient", "p1"]);
    let shown = text(&shown);
    assert!(shown.contains("spo2      profile   80 (5 s)  90 (10 s) –"), "{shown}");
    assert!(shown.contains("! in force  80 (5 s)  84 (15 s) –") && shown.contains("by brandt"), "{shown}");
    let nobody = limits(&server, &nurse, &["show", "--patient", "p9"]);
    assert!(text(&nobody).contains("not on ward w"), "{}", text(&nobody));

    // What is folded from events is what a new terminal is given.
    let (_other, _, fresh) = Stream::watch(&server, &server.token("carla", "charge"));
    assert_eq!(patient_limits(&view), patient_limits(&fresh));

    let reset = limits(&server, &nurse, &["reset", "--patient", "p1", "--reason", "better"]);
    assert!(reset.status.success(), "{}", text(&reset));
    let event = watcher.event();
    assert!(matches!(event.event.body, EventBody::LimitsChanged { cause: LimitsCause::Reset, set: None, .. }));
    view.apply(&event.event);
    assert_eq!(patient_limits(&view), serde_json::json!({}));
    let again = limits(&server, &nurse, &["reset", "--patient", "p1", "--reason", "better"]);
    assert!(text(&again).contains("nothing to reset"), "{}", text(&again));

    // Each act is in the audit trail, refused ones too, with no word of why.
    let trail = server.run(&["audit", "show"]);
    assert_eq!(trail.matches("limits.set").count(), 3, "{trail}");
    assert_eq!(trail.matches("limits.reset").count(), 2, "{trail}");
    assert!(!trail.contains("COPD"), "{trail}");
}

#[test]
fn limits_of_the_ward_are_for_charge_and_doctor_and_none_are_for_the_console() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    let ask = |terminal: &mut Stream, command| {
        terminal.say(&ClientMessage::Command { id: 1, ward: "w".parse().unwrap(), command });
        terminal.answer()
    };
    let set = |scope, expires| Command::SetLimits {
        scope,
        vital: spo2(),
        change: LimitsChange { low: LimitValue::new(92.0).ok(), ..LimitsChange::default() },
        reason: "winter".parse().unwrap(),
        expires,
        basis: Basis::Chosen,
    };
    let adults = || LimitScope::Ward { category: wardwatch::domain::Category::Adult };
    let own = || LimitScope::Patient { patient: "p1".parse().unwrap() };
    let hour = || Expiry::At { until: now() + Millis::from_secs(3_600) };
    let (mut nurse, _, _) = Stream::watch(&server, &server.token("anna", "nurse"));
    let (mut viewer, _, _) = Stream::watch(&server, &server.token("vera", "viewer"));
    for (who, command) in [(&mut nurse, set(adults(), hour())), (&mut viewer, set(own(), Expiry::NextHandover))] {
        let answer = ask(who, command);
        assert!(matches!(answer, ServerMessage::Error { code: ErrorCode::Denied, .. }), "{answer:?}");
    }
    let (mut charge, _, _) = Stream::watch(&server, &server.token("carla", "charge"));
    assert!(matches!(ask(&mut charge, set(adults(), hour())), ServerMessage::Result { done: true, .. }));
    assert!(matches!(ask(&mut nurse, set(own(), Expiry::NextHandover)), ServerMessage::Result { done: true, .. }));
    // Narrower than the profile: changed, not wider. They are there after a kill too.
    let data = server.data.clone();
    server.kill();
    let server = Server::start(&data);
    let token = std::fs::read_to_string(server.login("carla")).unwrap();
    let (_watch, _, view) = Stream::watch(&server, token.trim());
    let changed = &view.patients[&"p1".parse().unwrap()].limits[&spo2()];
    assert!(!changed.wider && changed.own.is_some() && changed.ward.is_some());
    // The console puts patients in another category, and with it their limits back.
    server.run(&["patient", "category", "p1", "neonate"]);
    let (_watch, _, view) = Stream::watch(&server, token.trim());
    assert_eq!(patient_limits(&view), serde_json::json!({}));
}

#[test]
fn a_site_has_limits_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wardwatch.toml");
    std::fs::write(&file, "[profiles.adult.spo2]\nlow = 92\n").unwrap();
    let data = dir.path().join("data");
    let server = Server::start_with(&data, &["--mode", "demo", "--config", file.to_str().unwrap()]);
    server.small_ward();
    let (_watch, _, view) = Stream::watch(&server, &server.token("anna", "nurse"));
    let p1 = &view.patients[&"p1".parse().unwrap()];
    assert_eq!(view.limits_of(p1, spo2()).unwrap().low.unwrap().limit, 92.0);
    let printed = run(&["limits", "profiles", "--config", file.to_str().unwrap()]);
    assert!(printed.contains("[profiles.adult.spo2]\nlow = 92.0\n"), "{printed}");
    std::fs::write(&file, &printed).unwrap();
    assert_eq!(run(&["limits", "profiles", "--config", file.to_str().unwrap()]), printed);
}

/// A recording of one patient: good for a minute, low for `seconds` at `value`, good for a minute.
fn recording(dir: &Path, value: u8, seconds: u32) -> String {
    let path = dir.join("rec.csv");
    let mut csv = String::from("time_s,channel,value\n");
    let low = 60..60 + seconds;
    for s in 0..120 + seconds {
        let value = if low.contains(&s) { value } else { 96 };
        csv.push_str(&format!("{s},SPO2,{value}\n"));
    }
    std::fs::write(&path, csv).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_trial_on_a_recording_says_what_would_not_come_and_warns_of_danger() {
    let dir = tempfile::tempdir().unwrap();
    let path = recording(dir.path(), 89, 40);
    let tried = run_with("", &["limits", "try", "--recording", &path, "--set", "spo2.low=88"]);
    let said = text(&tried);
    assert_eq!(tried.status.code(), Some(0), "{said}");
    assert!(said.contains("WOULD NOT COME: 1") && said.starts_with("DEMO"), "{said}");
    let path = recording(dir.path(), 84, 61);
    let args = ["limits", "try", "--recording", &path, "--set", "spo2.low=75", "--set", "spo2.low_extreme=70"];
    let tried = run_with("", &args);
    assert_eq!(tried.status.code(), Some(1), "{}", text(&tried));
    assert!(text(&tried).contains("WOULD LOSE ITS ALERT"));
    let json = run_with("", &[&args[..], &["--format", "json"]].concat());
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (&json["danger_would_lose"], &json["alerts_now"], &json["alerts_tried"]),
        (&1.into(), &1.into(), &0.into())
    );
    let nothing = run_with("", &["limits", "try", "--recording", &path, "--set", "spo2.low"]);
    assert_eq!(nothing.status.code(), Some(2));
}

#[test]
fn a_trial_on_stored_data_works_beside_a_server_and_without() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    let token = server.small_ward();
    // Beyond the limit of a cuff, which waits for no delay.
    let answer = server.request("POST", "/v1/observations", &token, observation("nbp_sys", 85, now()).as_bytes());
    assert_eq!(answer.json()["accepted"], 1, "{answer:?}");
    support::wait_for("the alert", || {
        let events = server.reader().events_after(&"w".parse().unwrap(), 0, 10_000).unwrap();
        events.iter().any(|e| matches!(e.event.body, EventBody::Alert { .. })).then_some(())
    });
    let folder = data.to_str().unwrap();
    let args = ["limits", "try", "--data", folder, "--patient", "p1", "--set", "nbp_sys.low=80", "--since", "24h"];
    let before = server.reader().head(&"w".parse().unwrap()).unwrap();
    let beside = run_with("", &args);
    assert_eq!(beside.status.code(), Some(0), "{}", text(&beside));
    assert!(text(&beside).contains("1 values"), "{}", text(&beside));
    assert!(text(&beside).contains("WOULD NOT COME: 1"), "{}", text(&beside));
    assert_eq!(server.reader().head(&"w".parse().unwrap()).unwrap(), before, "nothing was changed");
    server.stop();
    let alone = run_with("", &args);
    assert_eq!(alone.status.code(), Some(0), "{}", text(&alone));
    assert!(text(&alone).contains("WOULD NOT COME: 1"), "{}", text(&alone));
    let nobody = run_with("", &["limits", "try", "--data", folder, "--patient", "p9", "--set", "spo2.low=88"]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(text(&nobody).contains("not on ward w now"), "{}", text(&nobody));
}
