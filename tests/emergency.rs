//! A patient of a ward that is not one's own, opened in an emergency.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use support::{PASSPHRASE, Server, now, observation, request, stream::Stream, terminal::Pty, wait_for};
use wardwatch::{
    backend::admin::{self, AdminAnswer, AdminRequest},
    domain::{Coverage, EmergencyReason, Role},
    protocol::{ClientMessage, Encoding, ErrorCode, ServerMessage},
};

fn ask(server: &Server, request: &AdminRequest) -> AdminAnswer {
    admin::ask(&server.data.join("admin.sock"), request).unwrap().unwrap()
}

/// A nurse of ward `x` alone.
fn nurse_of_another_ward(server: &Server) -> String {
    server.run(&["ward", "add", "x", "--name", "Other"]);
    let coverage = Coverage::of(vec!["x".parse().unwrap()]);
    let (name, passphrase) = ("nina".to_owned(), PASSPHRASE.to_owned());
    let added = ask(server, &AdminRequest::AddUser { name, role: Role::Nurse, passphrase, coverage });
    assert!(matches!(added, AdminAnswer::Done), "{added:?}");
    let body = serde_json::json!({ "user": "nina", "passphrase": PASSPHRASE }).to_string();
    let answer = request(server.address, "POST", "/v1/login", &[], body.as_bytes());
    answer.json()["token"].as_str().unwrap().to_owned()
}

#[test]
fn h15_nobody_takes_patients_or_devices_of_another_ward_into_the_own() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    server.run(&["ward", "add", "x", "--name", "Other"]);
    server.run(&["bed", "add", "x1", "--ward", "x"]);
    let mut streams = [("cora", Role::Charge), ("otto", Role::Ops)].map(|(name, role)| {
        let coverage = Coverage::of(vec!["x".parse().unwrap()]);
        let passphrase = PASSPHRASE.to_owned();
        let added = ask(&server, &AdminRequest::AddUser { name: name.to_owned(), role, passphrase, coverage });
        assert!(matches!(added, AdminAnswer::Done), "{added:?}");
        let body = serde_json::json!({ "user": name, "passphrase": PASSPHRASE }).to_string();
        let answer = request(server.address, "POST", "/v1/login", &[], body.as_bytes());
        Stream::greet(&server, answer.json()["token"].as_str().unwrap(), Encoding::Json).0
    });
    let admit = serde_json::json!({
        "command": "admit", "patient": { "id": "p1", "name": "", "category": "adult" }, "bed": "x1", "encounter": "e9",
    });
    let claim = serde_json::json!({ "command": "set_device", "device": { "id": "d1", "name": "", "kind": "monitor" } });
    for (stream, command) in streams.iter_mut().zip([admit, claim]) {
        let command = serde_json::from_value(command).unwrap();
        stream.say(&ClientMessage::Command { id: 3, ward: "x".parse().unwrap(), command });
        let answer = stream.answer();
        let ServerMessage::Error { code: ErrorCode::BadMessage, detail, .. } = &answer else { panic!("{answer:?}") };
        assert!(detail.contains("another ward") && !detail.contains("ward w"), "of which ward is not said: {detail}");
    }
    let refused = trail(&server, "patient.admit");
    assert!(refused.iter().any(|leaf| leaf["outcome"] == "refused"), "{refused:?}");
}

fn open(stream: &mut Stream, id: u64, words: &str) -> ServerMessage {
    stream.say(&ClientMessage::OpenPatient {
        id,
        ward: "w".parse().unwrap(),
        patient: "p1".parse().unwrap(),
        reason: EmergencyReason::Treatment,
        words: words.parse().unwrap(),
    });
    stream.answer()
}

fn subscribe(stream: &mut Stream, patients: Option<Vec<&str>>) {
    let patients = patients.map(|all| all.into_iter().map(|p| p.parse().unwrap()).collect());
    stream.say(&ClientMessage::Subscribe { ward: "w".parse().unwrap(), patients, after: None });
}

fn is_denied(message: &ServerMessage) -> bool {
    matches!(message, ServerMessage::Error { code: ErrorCode::Denied, .. })
}

fn trail(server: &Server, act: &str) -> Vec<serde_json::Value> {
    let text = server.run(&["audit", "show", "--json"]);
    let all = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    all.filter(|leaf| leaf["act"] == act).collect()
}

#[test]
fn h03_a_patient_is_opened_with_a_reason_and_it_is_tagged_and_judged() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let gateway = server.small_ward();
    server.run(&["bed", "add", "b2", "--ward", "w"]);
    server.run(&["patient", "admit", "p3", "--bed", "b2", "--name", "Lindqvist, Maja", "--ward", "w"]);
    // What is said of others on the ward is none of an emergency's business.
    let (mut carla, ..) = Stream::watch(&server, &server.token("carla", "nurse"));
    let pause = serde_json::json!({
        "command": "pause", "kind": "alarm_paused", "scope": "patient", "patient": "p3", "for_ms": 60_000,
        "reason": "transport of Ms Hidden",
    });
    carla.say(&ClientMessage::Command {
        id: 1,
        ward: "w".parse().unwrap(),
        command: serde_json::from_value(pause).unwrap(),
    });
    assert!(matches!(carla.answer(), ServerMessage::Result { done: true, .. }));
    let token = nurse_of_another_ward(&server);
    let (mut nina, hello) = Stream::greet(&server, &token, Encoding::Json);
    let ServerMessage::Hello { wards, .. } = hello else { panic!() };
    assert_eq!(wards.iter().map(|w| w.id.as_str()).collect::<Vec<_>>(), ["x"]);
    subscribe(&mut nina, Some(vec!["p1"]));
    assert!(is_denied(&nina.answer()));
    let few = open(&mut nina, 1, "help");
    assert!(matches!(&few, ServerMessage::Error { detail, .. } if detail.contains("10 characters")), "{few:?}");
    let done = open(&mut nina, 2, "arrest in bed 1, team calls");
    assert!(matches!(done, ServerMessage::Result { done: true, id: 2, .. }), "{done:?}");
    for others in [None, Some(vec!["p1", "p3"]), Some(vec!["p3"])] {
        subscribe(&mut nina, others.clone());
        assert!(is_denied(&nina.answer()), "{others:?}");
    }
    subscribe(&mut nina, Some(vec!["p1"]));
    let (_, view) = nina.snapshot();
    assert_eq!(view.patients.keys().map(wardwatch::domain::PatientId::as_str).collect::<Vec<_>>(), ["p1"]);
    assert!(view.pauses.is_empty(), "{:?}", view.pauses);
    assert_eq!(view.patients[&"p1".parse().unwrap()].patient.name.as_str(), "Okafor, Chidi");
    let sent = observation("nbp_sys", 220.0, now());
    server.request("POST", "/v1/observations", &gateway, sent.as_bytes());
    let (_, alert, _) = nina.alert("nbp_sys.high");
    nina.acknowledge(7, alert.id, alert.transition);
    assert!(matches!(nina.answer(), ServerMessage::Result { id: 7, done: true, .. }));
    nina.say(&ClientMessage::Devices { id: 8, ward: "w".parse().unwrap() });
    assert!(is_denied(&nina.answer()), "of the ward around the patient nothing");
    let starts = trail(&server, "break_glass.start");
    assert_eq!((starts.len(), &starts[0]["code"], &starts[0]["patient"]), (1, &"treatment".into(), &"p1".into()));
    let views = trail(&server, "patient.view");
    let opened: Vec<_> =
        views.iter().filter(|leaf| leaf["actor"]["session"] == starts[0]["actor"]["session"]).collect();
    assert!(opened.iter().all(|leaf| leaf["code"] == "break_glass"), "each read is marked: {views:?}");
    assert!(!opened.is_empty());
    let early = ask(&server, &review(&server, true));
    assert!(matches!(&early, AdminAnswer::Failed { why } if why.contains("still open")), "{early:?}");
    nina.say(&ClientMessage::ClosePatient { id: 9, ward: "w".parse().unwrap(), patient: "p1".parse().unwrap() });
    assert_eq!(nina.closed().code, 1008, "what was open is closed at once");
    let stops = trail(&server, "break_glass.stop");
    assert_eq!((stops.len(), &stops[0]["code"]), (1, &"closed".into()));
    let list = server.run(&["breakglass", "list"]);
    assert!(list.contains("nina opened p1 of ward w") && list.contains("to be judged until"), "{list}");
    assert!(matches!(ask(&server, &review(&server, true)), AdminAnswer::Done));
    assert_eq!(server.run(&["breakglass", "list"]), "");
    assert_eq!(trail(&server, "break_glass.review")[0]["code"], "justified");
}

fn review(server: &Server, justified: bool) -> AdminRequest {
    let AdminAnswer::BreakGlass { opened, .. } = ask(server, &AdminRequest::ListBreakGlass) else { panic!() };
    let (id, words) = (opened[0].id.to_string(), "seen with the team".parse().unwrap());
    AdminRequest::ReviewBreakGlass { id, justified, words }
}

#[test]
fn h03_an_emergency_ends_with_the_session_and_waits_to_be_judged_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    let token = nurse_of_another_ward(&server);
    let (mut nina, _) = Stream::greet(&server, &token, Encoding::Json);
    assert!(matches!(open(&mut nina, 1, "arrest in bed 1"), ServerMessage::Result { done: true, .. }));
    let again = open(&mut nina, 2, "arrest in bed 1");
    assert!(matches!(&again, ServerMessage::Result { done: true, .. }), "{again:?}");
    assert_eq!(trail(&server, "break_glass.start").len(), 1, "it is open already");
    server.request("POST", "/v1/logout", &token, b"");
    wait_for("the end in the trail", || {
        trail(&server, "break_glass.stop").pop().filter(|l| l["code"] == "session_end")
    });
    server.stop();
    let server = Server::start(&dir.path().join("data"));
    assert!(server.run(&["breakglass", "list"]).contains("nina opened p1"));
}

#[test]
fn h03_the_terminal_opens_the_patient_and_says_so_all_along() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    let token = nurse_of_another_ward(&server);
    let file = dir.path().join("token");
    std::fs::write(&file, &token).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let state = dir.path().join("state");
    let env = [("XDG_STATE_HOME", state.to_str().unwrap()), ("TERM", "xterm-256color")];
    let screen = |words: &str| {
        let to = server.url();
        let mut args = vec!["watch", "--to", &to, "--token-file", file.to_str().unwrap(), "--ward", "w"];
        args.extend(["--emergency", "p1", "--reason", "treatment", "--words", words]);
        Pty::spawn(env!("CARGO_BIN_EXE_wardwatch"), &args, &env, 100, 30)
    };
    let refused = screen("help");
    refused.wait_for_text("10 characters");
    refused.send("q");
    assert_eq!(trail(&server, "break_glass.start").len(), 0);
    drop(refused);
    let shown = screen("arrest in bed 1, team calls");
    shown.wait_for_text("EMERGENCY: p1");
    shown.wait_for_text("Okafor");
    assert_eq!(trail(&server, "break_glass.start").len(), 1);
}

#[test]
fn h03_charge_who_was_not_there_is_told_with_the_snapshot_and_nobody_else_until_it_is_judged() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    let token = nurse_of_another_ward(&server);
    let (mut nina, _) = Stream::greet(&server, &token, Encoding::Json);
    assert!(matches!(open(&mut nina, 1, "arrest in bed 1"), ServerMessage::Result { done: true, .. }));
    subscribe(&mut nina, Some(vec!["p1"]));
    assert_eq!(nina.snapshot().1.emergencies, [], "who opened it judges nothing");
    let (cora, carla) = (server.token("cora", "charge"), server.token("carla", "nurse"));
    let seen = |token: &str| {
        let (mut stream, _) = Stream::greet(&server, token, Encoding::Json);
        subscribe(&mut stream, None);
        let (_, view) = stream.snapshot();
        view.emergencies.into_iter().map(|(patient, told)| (patient.to_string(), told.user)).collect::<Vec<_>>()
    };
    assert_eq!(seen(&cora), [("p1".to_owned(), "nina".to_owned())]);
    assert_eq!(seen(&carla), []);
    nina.say(&ClientMessage::ClosePatient { id: 9, ward: "w".parse().unwrap(), patient: "p1".parse().unwrap() });
    nina.closed();
    assert_eq!(seen(&cora).len(), 1, "it waits to be judged");
    assert!(matches!(ask(&server, &review(&server, true)), AdminAnswer::Done));
    assert_eq!(seen(&cora), []);
}

/// Sets the time at which all emergencies began back, as if so much time had passed.
fn let_pass(data: &std::path::Path, hours: i64) {
    let db = rusqlite::Connection::open(data.join("wardwatch.db")).unwrap();
    let sql = "UPDATE break_glass SET body = json_set(body, '$.began', ?1)";
    db.execute(sql, [(now() - wardwatch::domain::Millis::from_mins(60 * hours)).to_string()]).unwrap();
}

#[test]
fn h03_what_nobody_has_judged_in_time_stands_on_the_screens_of_its_ward_until_somebody_does() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    server.small_ward();
    let token = nurse_of_another_ward(&server);
    let (mut nina, _) = Stream::greet(&server, &token, Encoding::Json);
    assert!(matches!(open(&mut nina, 1, "arrest in bed 1"), ServerMessage::Result { done: true, .. }));
    server.request("POST", "/v1/logout", &token, b"");
    server.stop();
    let_pass(&data, 71);
    let server = Server::start(&data);
    assert!(server.run(&["breakglass", "list"]).contains("to be judged until"));
    server.stop();
    let_pass(&data, 73);
    let server = Server::start(&data);
    let standing = |ward: &str| {
        let (ward, reader) = (ward.parse().unwrap(), server.reader());
        let events = wardwatch::store::StoreReader::events_after(&reader, &ward, 0, 10_000).unwrap();
        let of = |e: wardwatch::domain::SequencedEvent| {
            support::stream::alert_of(&e.event, "system.reviews_overdue").map(|(alert, _)| alert)
        };
        events.into_iter().filter_map(of).last().filter(|alert| !alert.is_closed() && alert.ended_at.is_none())
    };
    let alert = wait_for("the alert", || standing("w"));
    assert!(alert.detail.unwrap().starts_with("1 emergency was not judged within 72 h"));
    assert!(standing("x").is_none(), "another ward has nothing to do with it");
    let listed = support::run_with("", &["breakglass", "list", "--data", server.data.to_str().unwrap()]);
    assert_eq!(listed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&listed.stdout).contains("OVERDUE since"));
    assert!(matches!(ask(&server, &review(&server, false)), AdminAnswer::Done));
    wait_for("the end of the alert", || standing("w").is_none().then_some(()));
}
