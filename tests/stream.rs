//! The websocket as a terminal sees it: greeting, watching, going on without a gap, acknowledging, and how it ends.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use rstest::rstest;
use support::{
    Server, now, observation, pause, request, run,
    stream::{self, Closed, Stream},
    wait_for,
};
use tokio_tungstenite::tungstenite::Message;
use wardwatch::{
    domain::{
        Alert, AlertId, Assignment, Cause, CloseReason, Command, EventBody, Millis, Mode, PatientId, Refusal, Role,
        Timestamp, vital::SPO2,
    },
    protocol::{
        ClientMessage, Encoding, ErrorCode, HISTORY_POINTS_MAX, History, HistoryQuery, PROTOCOL_VERSION, ServerMessage,
        SessionState, StoreState,
    },
    seam::{Clock, OsClock},
    store::StoreReader,
};

struct Bench {
    _dir: tempfile::TempDir,
    server: Server,
    gateway: String,
}

fn bench() -> Bench {
    bench_set(&[])
}

fn bench_set(settings: &[(&str, &str)]) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_set(&dir.path().join("data"), settings);
    let gateway = server.small_ward();
    Bench { _dir: dir, server, gateway }
}

impl Bench {
    /// A value of device `d1`, stored.
    fn send(&self, vital: &str, value: f64, at: Timestamp) {
        let body = observation(vital, value, at);
        let answer = self.server.request("POST", "/v1/observations", &self.gateway, body.as_bytes());
        assert_eq!(answer.json()["accepted"], 1, "{answer:?}");
    }

    /// A device `d2` of the same patient that measures since an hour ago.
    fn add_d2(&self) {
        self.server.run(&["device", "add", "d2", "--gateway", "gw"]);
        let start = now() - Millis::from_secs(3600);
        let assignment = Assignment { device: "d2".parse().unwrap(), patient: p1(), start, end: None };
        self.server.command(Command::Assign { assignment });
    }

    fn head(&self) -> u64 {
        self.server.reader().head(&"w".parse().unwrap()).unwrap()
    }

    fn trail(&self) -> Vec<serde_json::Value> {
        let text = self.server.run(&["audit", "show", "--json"]);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How many entries say this act, outcome and code.
    fn entries(&self, act: &str, outcome: &str, code: Option<&str>) -> usize {
        let fits = |e: &&serde_json::Value| e["act"] == act && e["outcome"] == outcome && e["code"].as_str() == code;
        self.trail().iter().filter(fits).count()
    }
}

fn p1() -> PatientId {
    "p1".parse().unwrap()
}

fn name_in(view: &wardwatch::protocol::WardView) -> String {
    view.patients[&p1()].patient.name.as_str().to_owned()
}

fn is_error(message: &ServerMessage, wanted: ErrorCode, says: &str) {
    let ServerMessage::Error { code, detail, .. } = message else { panic!("{message:?}") };
    assert_eq!(*code, wanted, "{detail}");
    assert!(detail.contains(says), "{detail:?} does not say {says:?}");
}

#[rstest]
fn a_terminal_is_greeted_and_shown_the_ward(#[values(Encoding::Json, Encoding::MessagePack)] encoding: Encoding) {
    let bench = bench();
    let token = bench.server.token("anna", "nurse");
    let (mut terminal, hello) = Stream::greet(&bench.server, &token, encoding);
    let ServerMessage::Hello { protocol, server, mode, session, wards, heartbeat_ms, .. } = hello else { panic!() };
    assert_eq!((protocol, mode, heartbeat_ms), (1, Mode::Demo, 1_000));
    assert_eq!(server, concat!("wardwatch ", env!("CARGO_PKG_VERSION")));
    let session = session.unwrap();
    assert_eq!((session.user.as_str(), session.role, session.state), ("anna", Role::Nurse, SessionState::Active));
    assert_eq!(wards.iter().map(|w| w.id.as_str()).collect::<Vec<_>>(), ["w"]);
    let (seq, view) = terminal.subscribe(None);
    assert_eq!(seq, bench.head());
    assert_eq!((name_in(&view).as_str(), view.mode), ("Okafor, Chidi", Mode::Demo));
    assert!(view.beds.contains_key(&"b1".parse().unwrap()) && view.alerts.is_empty());
    let at = now();
    bench.send("spo2", 97.0, at);
    let update = &terminal.vitals()[0];
    assert_eq!((&update.patient, update.vitals[0].vital, update.vitals[0].value), (&p1(), SPO2, 97.0));
    assert_eq!((update.vitals[0].observed_at, update.vitals[0].confirmed), (at, true));
    bench.send("nbp_sys", 200.0, at);
    let (event, alert, cause) = terminal.alert("nbp_sys.high");
    assert_eq!((event.seq, cause, alert.transition, alert.value), (seq + 1, Cause::Raised, 1, Some(200.0)));
    let beat = terminal.until("a heartbeat that knows of it", |m| match m {
        ServerMessage::Heartbeat { heads, store, audit, .. } if heads[0].seq > seq => Some((*store, *audit)),
        _ => None,
    });
    // Reading the trail is an entry of its own.
    assert_eq!(beat, (StoreState::Recording, u64::try_from(bench.trail().len() - 1).unwrap()));
}

#[test]
fn the_heart_beats_each_second() {
    let bench = bench();
    let (mut terminal, _) = Stream::greet(&bench.server, &bench.server.token("anna", "nurse"), Encoding::MessagePack);
    let mut beat = || terminal.until("a heartbeat", |m| matches!(m, ServerMessage::Heartbeat { .. }).then_some(()));
    beat();
    let began = OsClock.boot();
    (0..4).for_each(|_| beat());
    let took = OsClock.boot() - began;
    assert!(took >= Millis(3_500) && took <= Millis(5_500), "four heartbeats took {} ms", took.0);
}

/// The numbers of the next `count` events; each must be an event that is shown.
fn numbers(terminal: &mut Stream, count: usize) -> Vec<u64> {
    (0..count).map(|_| terminal.event().seq).collect()
}

#[rstest]
fn going_on_gives_each_event_since_once(#[values(Encoding::Json, Encoding::MessagePack)] encoding: Encoding) {
    let bench = bench();
    let token = bench.server.token("anna", "nurse");
    let (terminal, seen, _) = Stream::watch(&bench.server, &token);
    terminal.close();
    // More than one page of the journal.
    (0..620).for_each(|n| bench.server.add_bed(&format!("extra-{n}")));
    let head = seen + 620;
    for after in [seen, 0, head - 1, head, head + 5] {
        let (mut terminal, _) = Stream::greet(&bench.server, &token, encoding);
        let (seq, view) = terminal.subscribe(Some(after));
        assert_eq!((seq, view.beds.len()), (head, 621), "the snapshot comes first and holds everything");
        let missed = usize::try_from(head.saturating_sub(after)).unwrap();
        assert_eq!(numbers(&mut terminal, missed), (after + 1..=head).collect::<Vec<_>>());
        terminal.close();
    }
    let (mut terminal, _) = Stream::greet(&bench.server, &token, encoding);
    terminal.subscribe(Some(head));
    bench.server.add_bed("last");
    assert_eq!(terminal.event().seq, head + 1, "nothing comes twice between the past and the present");
}

#[test]
fn events_of_others_are_skipped_by_number_and_without_content() {
    let bench = bench();
    bench.server.run(&["bed", "add", "b2"]);
    let token = bench.server.token("anna", "nurse");
    let (mut terminal, _) = Stream::greet(&bench.server, &token, Encoding::Json);
    let only = vec![p1()];
    let subscribe =
        |after| ClientMessage::Subscribe { ward: "w".parse().unwrap(), patients: Some(only.clone()), after };
    terminal.say(&subscribe(None));
    let (seq, _) = terminal.snapshot();
    bench.server.run(&["patient", "admit", "p2", "--bed", "b2", "--name", "Moreau, Elise"]);
    bench.send("nbp_sys", 200.0, now());
    let skipped = |m: &ServerMessage| match m {
        ServerMessage::Skipped { from, to, .. } => Some((*from, *to)),
        ServerMessage::Event { event } => panic!("{event:?}"),
        _ => None,
    };
    assert_eq!(terminal.until("what is skipped", skipped), (seq + 1, seq + 1));
    assert_eq!(terminal.alert("nbp_sys.high").0.seq, seq + 2);
    terminal.say(&subscribe(Some(seq)));
    let (_, view) = terminal.snapshot();
    assert_eq!(view.patients.keys().collect::<Vec<_>>(), [&p1()]);
    assert_eq!(terminal.until("what is skipped", skipped), (seq + 1, seq + 1), "of the past too");
    assert_eq!(terminal.event().seq, seq + 2);
}

fn result(message: &ServerMessage) -> (u64, bool, Option<Refusal>) {
    let ServerMessage::Result { id, done, refusal, .. } = message else { panic!("{message:?}") };
    (*id, *done, refusal.clone())
}

/// The move to this cause that a terminal sees, with the name of who moved the alert.
fn seen_move(terminal: &mut Stream, code: &str, wanted: Cause) -> (u64, Alert, Option<String>) {
    loop {
        let (event, alert, cause) = terminal.alert(code);
        let EventBody::Alert { by, .. } = event.event.body else { panic!() };
        if cause == wanted {
            return (event.seq, alert, by.map(|by| by.label().to_string()));
        }
    }
}

#[test]
fn of_two_who_acknowledge_one_wins_and_both_see_who() {
    let bench = bench();
    let (mut anna, _, _) = Stream::watch(&bench.server, &bench.server.token("anna", "nurse"));
    let (mut ben, _, _) = Stream::watch(&bench.server, &bench.server.token("ben", "doctor"));
    bench.send("nbp_sys", 200.0, now());
    let (_, alert, _) = anna.alert("nbp_sys.high");
    anna.acknowledge(7, alert.id, 1);
    ben.acknowledge(8, alert.id, 1);
    let acknowledged = |m: &ServerMessage| matches!(m, ServerMessage::Result { .. }).then(|| m.clone());
    let mut seen = Vec::new();
    let mut results = Vec::new();
    for terminal in [&mut anna, &mut ben] {
        // The event and the result may come in either order.
        let mut event = None;
        let mut answer = None;
        terminal.until("event and result", |m| {
            answer = answer.take().or_else(|| acknowledged(m));
            if let ServerMessage::Event { event: e } = m
                && let EventBody::Alert { cause: Cause::Acknowledged, by: Some(by), .. } = &e.event.body
            {
                event = Some((e.seq, by.label().to_string()));
            }
            (event.is_some() && answer.is_some()).then_some(())
        });
        seen.push(event.unwrap());
        results.push(result(&answer.unwrap()));
    }
    assert_eq!(seen[0], seen[1], "both see the same");
    let winner = &seen[0].1;
    let (won, lost) = if winner == "anna" { (&results[0], &results[1]) } else { (&results[1], &results[0]) };
    assert!(won.1 && won.2.is_none(), "{results:?}");
    let Some(Refusal::AlreadyAcknowledged { owner, .. }) = &lost.2 else { panic!("{results:?}") };
    assert_eq!((lost.1, owner.label().to_string()), (false, winner.clone()));
    assert_eq!(bench.entries("alert.acknowledge", "success", None), 1);
    assert_eq!(bench.entries("alert.acknowledge", "refused", Some("already_acknowledged")), 1);
}

#[test]
fn an_acknowledgement_holds_for_the_transition_that_was_seen() {
    let bench = bench();
    let (mut anna, _, _) = Stream::watch(&bench.server, &bench.server.token("anna", "nurse"));
    let at = now();
    bench.send("nbp_mean", 60.0, at);
    let (_, first, _) = anna.alert("nbp_mean.low");
    bench.send("nbp_mean", 50.0, at + Millis::from_secs(1));
    let (_, second, cause) = anna.alert("nbp_mean.low");
    assert_eq!((cause, second.transition), (Cause::Worsened, first.transition + 1));
    anna.acknowledge(1, first.id, first.transition);
    let (_, done, refusal) = result(&anna.answer());
    assert_eq!((done, refusal), (false, Some(Refusal::Changed { alert: first.id, transition: 2, owner: None })));
    anna.acknowledge(2, second.id, second.transition);
    assert_eq!(seen_move(&mut anna, "nbp_mean.low", Cause::Acknowledged).2.as_deref(), Some("anna"));
    anna.acknowledge(3, AlertId(99), 1);
    let refusal = anna.until("the refusal", |m| match m {
        ServerMessage::Result { id: 3, refusal, .. } => refusal.clone(),
        _ => None,
    });
    assert_eq!(refusal, Refusal::NotOpen { alert: AlertId(99) });
}

fn query(from: Timestamp, to: Timestamp, points: u32) -> HistoryQuery {
    let vitals = vec![SPO2];
    HistoryQuery { ward: "w".parse().unwrap(), patients: vec![p1()], vitals, from, to, points, alerts: false }
}

fn ask(terminal: &mut Stream, query: HistoryQuery) -> Result<History, (ErrorCode, String)> {
    terminal.say(&ClientMessage::Query { id: 5, query });
    match terminal.answer() {
        ServerMessage::History { id: 5, history } => Ok(history),
        ServerMessage::Error { id: Some(5), code, detail } => Err((code, detail)),
        other => panic!("{other:?}"),
    }
}

#[rstest]
fn a_trend_has_at_most_the_points_asked_for_and_shows_gaps(
    #[values(Encoding::Json, Encoding::MessagePack)] encoding: Encoding,
) {
    let bench = bench();
    bench.add_d2();
    let (mut anna, _) = Stream::greet(&bench.server, &bench.server.token("anna", "nurse"), encoding);
    anna.subscribe(None);
    let from = Timestamp::from_ms(now().as_ms() / 1000 * 1000) - Millis::from_secs(600);
    let second = |s: i64| from + Millis::from_secs(s);
    // Ten minutes, a value each second, nothing from second 200 to 319; slices of 30 s.
    let value = |s: i64| 95 + s % 3;
    let items: Vec<String> =
        (0..600).filter(|s| !(200..320).contains(s)).map(|s| observation("spo2", value(s), second(s))).collect();
    let body = format!("[{}]", items.join(",")).replace("\"d1\"", "\"d2\"");
    let answer = bench.server.request("POST", "/v1/observations", &bench.gateway, body.as_bytes());
    assert_eq!(answer.json()["accepted"], 480, "{answer:?}");
    let history = ask(&mut anna, query(from, second(600), 20)).unwrap();
    let trend = &history.patients[0].trends[0].trend;
    assert_eq!((history.patients.len(), trend.slices, trend.step), (1, 20, Millis::from_secs(30)));
    let counts: Vec<u32> = trend.slots().map(|slot| slot.map_or(0, |p| p.count)).collect();
    let expected: Vec<u32> = (0..20_i64)
        .map(|slice| (slice * 30..slice * 30 + 30).filter(|s| !(200..320).contains(s)).count().try_into().unwrap())
        .collect();
    assert_eq!(counts, expected);
    assert!(counts[7..10].iter().all(|c| *c == 0), "a gap is a gap: {counts:?}");
    let first = trend.points[0];
    assert_eq!((first.at, first.min, first.max), (from, 95.0, 97.0));
    assert!((first.mean - 96.0).abs() < 1e-9, "{first:?}");
    // The end is exclusive, the beginning inclusive.
    let one = ask(&mut anna, query(second(10), second(11), 1)).unwrap();
    assert_eq!(one.patients[0].trends[0].trend.points[0].mean, 96.0);
    assert_eq!(bench.entries("patient.history", "success", None), 0, "part of the view");
    let all = HistoryQuery { vitals: Vec::new(), alerts: true, ..query(from, second(600), HISTORY_POINTS_MAX) };
    let all = ask(&mut anna, all).unwrap();
    assert!(all.patients[0].trends[0].trend.points.len() <= 480 && all.patients[0].alerts.is_empty());
    assert_eq!(bench.entries("patient.history", "success", None), 1, "past alerts were read");
}

#[test]
fn a_query_that_cannot_be_answered_says_why() {
    let bench = bench();
    let token = bench.server.token("anna", "nurse");
    let (mut anna, _) = Stream::greet(&bench.server, &token, Encoding::Json);
    let (from, to) = (now() - Millis::from_secs(60), now());
    let code = |terminal: &mut Stream, query| ask(terminal, query).unwrap_err();
    assert_eq!(code(&mut anna, query(from, to, 10)).0, ErrorCode::UnknownWard, "nothing is watched yet");
    anna.subscribe(None);
    for points in [0, HISTORY_POINTS_MAX + 1, u32::MAX] {
        assert_eq!(code(&mut anna, query(from, to, points)).0, ErrorCode::BadMessage);
    }
    assert_eq!(code(&mut anna, query(to, from, 10)).0, ErrorCode::BadMessage);
    let other = HistoryQuery { patients: vec!["p9".parse().unwrap()], ..query(from, to, 10) };
    let (denied, why) = code(&mut anna, other);
    assert_eq!(denied, ErrorCode::Denied);
    assert!(why.contains("p9"), "{why}");
    let many = HistoryQuery { patients: vec![p1(); 65], ..query(from, to, 10) };
    assert_eq!(code(&mut anna, many).0, ErrorCode::BadMessage);
    anna.say(&ClientMessage::Subscribe { ward: "x".parse().unwrap(), patients: None, after: None });
    is_error(&anna.answer(), ErrorCode::UnknownWard, "there is no ward x");
    assert!(ask(&mut anna, query(from, to, 10)).is_ok(), "the connection goes on");
}

#[rstest]
fn another_version_is_refused_by_name(#[values(Encoding::Json, Encoding::MessagePack)] encoding: Encoding) {
    let bench = bench();
    let mut terminal = Stream::open(&bench.server, &bench.server.token("anna", "nurse"), encoding);
    terminal.say(&ClientMessage::Hello { protocol: 99, client: "future".into() });
    is_error(&terminal.answer(), ErrorCode::IncompatibleVersion, "this server speaks wardwatch.v1; you said 99");
    let closed = terminal.closed();
    assert_eq!(closed, Closed { code: 4406, reason: "this server speaks wardwatch.v1; you said 99".into() });
    let mut device = Stream::open(&bench.server, &bench.gateway, Encoding::Json);
    device.say_raw(Message::text(r#"{"type":"hello","protocol":2}"#));
    assert_eq!(device.closed(), Closed { code: 4406, reason: "this server speaks wardwatch.v1; you said 2".into() });
}

#[test]
fn hello_comes_first() {
    let bench = bench();
    let mut terminal = Stream::open(&bench.server, &bench.server.token("anna", "nurse"), Encoding::Json);
    terminal.say(&ClientMessage::Subscribe { ward: "w".parse().unwrap(), patients: None, after: None });
    is_error(&terminal.answer(), ErrorCode::HelloExpected, "hello");
    terminal.acknowledge(1, AlertId(1), 1);
    is_error(&terminal.answer(), ErrorCode::HelloExpected, "hello");
    terminal.say(&ClientMessage::Hello { protocol: PROTOCOL_VERSION, client: "test".into() });
    assert_eq!(terminal.subscribe(None).0, bench.head(), "it may still say it");
}

#[test]
fn who_may_not_come_in_is_told_before_the_websocket() {
    let bench = bench();
    let address = bench.server.address;
    let token = bench.server.token("anna", "nurse");
    let bearer = format!("Bearer {token}");
    let good = ("authorization", bearer.as_str());
    let refused = |headers: &[(&'static str, &str)]| {
        let refused = stream::open(address, headers).unwrap_err();
        let problem: serde_json::Value = serde_json::from_str(&refused.body).unwrap();
        (refused.status, problem["detail"].as_str().unwrap().to_owned())
    };
    let protocol = "sec-websocket-protocol";
    let (status, why) = refused(&[good, (protocol, "wardwatch.v9.json, mqtt")]);
    assert_eq!(status, 400);
    assert!(why.contains("wardwatch.v1.msgpack and wardwatch.v1.json") && why.contains("wardwatch.v9.json"), "{why}");
    for token in ["", "Bearer ", "Bearer nonsense", "Bearer wws_demo_AAAA", "Basic YTpi", &bearer[..bearer.len() - 1]] {
        let (status, why) = refused(&[("authorization", token), (protocol, "wardwatch.v1.json")]);
        assert_eq!(status, 401, "{token:?}: {why}");
    }
    assert_eq!(refused(&[(protocol, "wardwatch.v1.json")]).0, 401, "no token");
    let live = bearer.replace("demo", "live");
    let (status, why) = refused(&[("authorization", &live)]);
    assert_eq!(status, 401);
    assert!(why.contains("made for a live server"), "{why}");
    assert_eq!(refused(&[good, ("origin", "https://example.org")]).0, 403, "browsers");
    assert_eq!(bench.server.request("GET", "/v1/stream", &token, b"").status, 426, "plain HTTP");
    let mut socket =
        stream::open(address, &[good, (protocol, "mqtt, wardwatch.v1.json, wardwatch.v1.msgpack")]).unwrap();
    socket.send(Message::text(r#"{"type":"hello","protocol":1,"client":"x","later":true}"#)).unwrap();
    let heard =
        wait_for("hello in JSON", || socket.read().ok().and_then(|m| m.into_text().ok()).filter(|t| !t.is_empty()));
    assert!(heard.contains(r#""type":"hello""#), "{heard}");
    drop(stream::open(address, &[good]).unwrap());
}

#[test]
fn roles_bound_what_one_may_do_and_each_denial_is_kept() {
    let bench = bench();
    let (mut viewer, _, view) = Stream::watch(&bench.server, &bench.server.token("vera", "viewer"));
    assert_eq!(name_in(&view), "Okafor, Chidi");
    bench.send("nbp_sys", 200.0, now());
    let (_, alert, _) = viewer.alert("nbp_sys.high");
    viewer.acknowledge(3, alert.id, 1);
    let denied = viewer.answer();
    is_error(&denied, ErrorCode::Denied, "your role may not do this");
    assert!(matches!(denied, ServerMessage::Error { id: Some(3), .. }));
    assert_eq!(bench.entries("access.denied", "refused", Some("acknowledge_alert")), 1);
    assert_eq!(bench.entries("alert.acknowledge", "success", None), 0);
    let discharge = Command::Discharge { patient: p1(), reason: CloseReason::Discharged };
    let (mut nurse, seq, _) = Stream::watch(&bench.server, &bench.server.token("anna", "nurse"));
    nurse.say(&ClientMessage::Command { id: 4, ward: "w".parse().unwrap(), command: discharge });
    is_error(&nurse.answer(), ErrorCode::Denied, "role");
    assert_eq!((bench.entries("access.denied", "refused", Some("manage_census")), bench.head()), (1, seq));
    for role in ["auditor", "admin"] {
        let token = bench.server.token(role, role);
        let (mut other, hello) = Stream::greet(&bench.server, &token, Encoding::Json);
        let ServerMessage::Hello { wards, .. } = hello else { panic!() };
        assert!(wards.is_empty(), "{role} watches no ward");
        other.say(&ClientMessage::Subscribe { ward: "w".parse().unwrap(), patients: None, after: None });
        is_error(&other.answer(), ErrorCode::Denied, "role");
    }
    assert_eq!(bench.entries("access.denied", "refused", Some("watch_ward")), 2);
    let (_, _, view) = Stream::watch(&bench.server, &bench.server.token("olga", "ops"));
    assert_eq!(name_in(&view), "", "ops watches without names");
}

/// The answer of a device's message.
fn told(device: &mut Stream, text: &str) -> ServerMessage {
    device.say_raw(Message::text(text.to_owned()));
    device.answer()
}

#[test]
fn a_device_is_answered_after_the_commit_with_counts() {
    let bench = bench();
    let mut device = Stream::open(&bench.server, &bench.gateway, Encoding::Json);
    let send =
        |id: u64, items: &[String]| format!(r#"{{"type":"observations","id":{id},"items":[{}]}}"#, items.join(","));
    let at = now();
    let good = observation("spo2", 97, at);
    is_error(&told(&mut device, &send(1, &[])), ErrorCode::HelloExpected, "hello");
    device.say_raw(Message::text(r#"{"type":"hello","protocol":1,"client":"gw 1"}"#));
    let hello = device.until("hello", |m| matches!(m, ServerMessage::Hello { .. }).then(|| m.clone()));
    let ServerMessage::Hello { session, wards, .. } = hello else { panic!() };
    assert!(session.is_none() && wards.is_empty(), "a device is told of no ward");
    let report = |message: ServerMessage| {
        let ServerMessage::Accepted { id, report } = message else { panic!("{message:?}") };
        (id, report)
    };
    let reader = bench.server.reader();
    for n in 0..20 {
        let at = at + Millis(n);
        let (id, taken) = report(told(&mut device, &send(100, &[observation("hr", 70 + n, at)])));
        assert_eq!((id, taken.accepted), (100, 1));
        let stored = reader.sample(&"d1".parse().unwrap(), wardwatch::domain::vital::HR, at).unwrap();
        assert!(stored.is_some(), "it is on the disk when it is answered");
    }
    let (_, first) = report(told(&mut device, &send(2, &[good.clone(), observation("spo2", "true", at)])));
    assert_eq!((first.accepted, first.rejected, first.rejections[0].index), (1, 1, 1));
    let (_, again) = report(told(&mut device, &send(3, std::slice::from_ref(&good))));
    assert_eq!((again.accepted, again.duplicate), (0, 1));
    let (_, other) = report(told(&mut device, &send(4, &[observation("spo2", 88, at)])));
    assert_eq!((other.accepted, other.rejected), (0, 1));
    assert!(other.rejections[0].detail.contains("is stored as 97"), "{other:?}");
    is_error(&told(&mut device, r#"{"type":"observations","items":[]}"#), ErrorCode::BadMessage, "need an id");
    is_error(&told(&mut device, "{\"type\""), ErrorCode::BadMessage, "");
    is_error(&told(&mut device, &send(5, &vec![good; 1_001])), ErrorCode::BadMessage, "at most 1000");
    let subscribe = r#"{"type":"subscribe","ward":"w"}"#;
    is_error(&told(&mut device, subscribe), ErrorCode::BadMessage, "is not a message of a device");
    let command = r#"{"type":"command","id":1,"ward":"w","command":"acknowledge","alert":1,"transition":1}"#;
    is_error(&told(&mut device, command), ErrorCode::BadMessage, "is not a message of a device");
    let beat = device.until("a heartbeat", |m| match m {
        ServerMessage::Heartbeat { heads, .. } => Some(heads.clone()),
        _ => None,
    });
    assert!(beat.is_empty(), "a device is told of no journal");
    let mut packed = Stream::open(&bench.server, &bench.gateway, Encoding::MessagePack);
    assert_eq!(packed.closed().code, 1008, "devices speak JSON");
}

#[test]
fn an_idle_session_locks_and_is_unlocked_in_place() {
    let bench = bench_set(&[("WARDWATCH_SESSION__IDLE_LOCK_S", "2")]);
    bench.server.run(&["bed", "add", "b2"]);
    let token = bench.server.token("anna", "nurse");
    let (mut anna, _, view) = Stream::watch(&bench.server, &token);
    assert_eq!(name_in(&view), "Okafor, Chidi");
    let locked = |m: &ServerMessage| {
        matches!(m, ServerMessage::Session { session } if session.state == SessionState::Locked).then_some(())
    };
    anna.until("the lock", locked);
    assert_eq!(name_in(&anna.snapshot().1), "", "names are hidden");
    let (_other, hello) = Stream::greet(&bench.server, &token, Encoding::Json);
    assert!(matches!(hello, ServerMessage::Hello { session: Some(s), .. } if s.state == SessionState::Locked));
    bench.server.run(&["patient", "admit", "p2", "--bed", "b2", "--name", "Moreau, Elise"]);
    let EventBody::Admitted { patient, .. } = anna.event().event.body else { panic!() };
    assert_eq!(patient.name.as_str().to_owned(), "", "of those who come too");
    bench.send("nbp_sys", 200.0, now());
    let (_, alert, _) = anna.alert("nbp_sys.high");
    anna.acknowledge(1, alert.id, 1);
    is_error(&anna.answer(), ErrorCode::Locked, "your session is locked");
    assert_eq!(bench.entries("access.denied", "refused", Some("acknowledge_alert")), 1);
    assert_eq!(ask(&mut anna, query(now() - Millis(1000), now(), 1)).unwrap_err().0, ErrorCode::Locked);
    anna.say(&ClientMessage::Activity);
    anna.until("a heartbeat", |m| matches!(m, ServerMessage::Heartbeat { .. }).then_some(()));
    anna.acknowledge(2, alert.id, 1);
    is_error(&anna.answer(), ErrorCode::Locked, "locked");
    for _ in 0..3 {
        anna.unlock("not the passphrase");
        is_error(&anna.answer(), ErrorCode::WrongPassphrase, "wrong");
    }
    anna.unlock_rightly();
    is_error(&anna.answer(), ErrorCode::TooFast, "wait 1 s");
    assert_eq!(bench.entries("session.unlock", "refused", Some("wrong")), 3);
    assert_eq!(bench.entries("session.unlock", "refused", Some("wait")), 1, "a try that has to wait is a try");
    let session = wait_for("the wait to be over", || {
        anna.unlock_rightly();
        anna.until("an answer", |m| match m {
            ServerMessage::Session { session } => Some(Some(session.clone())),
            ServerMessage::Error { code: ErrorCode::TooFast, .. } => Some(None),
            _ => None,
        })
    });
    assert_eq!(session.state, SessionState::Active);
    assert_eq!(name_in(&anna.snapshot().1), "Okafor, Chidi", "names are back");
    anna.acknowledge(4, alert.id, 1);
    let (id, done, _) = result(&anna.answer());
    assert_eq!((id, done), (4, true));
    assert_eq!(bench.entries("session.lock", "success", None), 1);
    assert_eq!(bench.entries("session.unlock", "success", None), 1);
}

#[test]
fn wrong_logins_from_elsewhere_keep_nobody_from_unlocking() {
    let bench = bench_set(&[("WARDWATCH_SESSION__IDLE_LOCK_S", "1")]);
    let (mut anna, _, _) = Stream::watch(&bench.server, &bench.server.token("anna", "nurse"));
    let body = br#"{"user":"anna","passphrase":"a wrong passphrase"}"#;
    let wrong = || request(bench.server.address, "POST", "/v1/login", &[], body).status;
    let state = |wanted| {
        move |m: &ServerMessage| {
            matches!(m, ServerMessage::Session { session } if session.state == wanted).then_some(())
        }
    };
    anna.until("the lock", state(SessionState::Locked));
    assert_eq!([wrong(), wrong(), wrong(), wrong()], [401, 401, 401, 429]);
    anna.unlock_rightly();
    anna.until("the unlock", state(SessionState::Active));
}

#[test]
fn a_person_at_the_keyboard_keeps_the_session_open() {
    let bench = bench_set(&[("WARDWATCH_SESSION__IDLE_LOCK_S", "2")]);
    let (mut anna, _, _) = Stream::watch(&bench.server, &bench.server.token("anna", "nurse"));
    let until = OsClock.boot() + Millis::from_secs(4);
    while OsClock.boot() < until {
        anna.say(&ClientMessage::Activity);
        anna.until("a heartbeat", |m| match m {
            ServerMessage::Session { session } => panic!("{session:?}"),
            ServerMessage::Heartbeat { .. } => Some(()),
            _ => None,
        });
    }
}

#[test]
fn open_sockets_end_with_their_session() {
    let bench = bench();
    let data = bench.server.data.to_str().unwrap();
    let url = bench.server.url();
    let file = bench.server.user("anna", "nurse");
    let token = std::fs::read_to_string(&file).unwrap();
    let (mut anna, _, _) = Stream::watch(&bench.server, token.trim());
    let (mut ben, _, _) = Stream::watch(&bench.server, &bench.server.token("ben", "nurse"));
    run(&["logout", "--to", &url, "--token-file", file.to_str().unwrap()]);
    let began = OsClock.boot();
    assert_eq!(anna.closed().code, 4401);
    assert!(OsClock.boot() - began <= Millis(2_000), "it took {} ms", (OsClock.boot() - began).0);
    run(&["user", "disable", "ben", "--data", data]);
    let began = OsClock.boot();
    assert_eq!(ben.closed().code, 4401);
    assert!(OsClock.boot() - began <= Millis(2_000), "it took {} ms", (OsClock.boot() - began).0);
    assert_eq!(bench.entries("user.logout", "success", None), 1);
    wait_for("the end to be kept", || {
        (bench.entries("session.end", "success", Some("user_disabled")) == 1).then_some(())
    });
}

#[test]
fn a_session_ends_at_its_absolute_limit_whatever_one_does() {
    let bench = bench_set(&[("WARDWATCH_SESSION__ABSOLUTE_S", "3")]);
    let token = bench.server.token("anna", "nurse");
    let (mut anna, _, _) = Stream::watch(&bench.server, &token);
    anna.say(&ClientMessage::Activity);
    assert_eq!(anna.closed().code, 4401);
    assert_eq!(Stream::try_open(&bench.server, &token, Encoding::Json).unwrap_err().status, 401);
}

#[test]
fn a_new_token_of_a_device_ends_its_open_sockets() {
    let bench = bench();
    let mut device = Stream::open(&bench.server, &bench.gateway, Encoding::Json);
    device.say_raw(Message::text(r#"{"type":"hello","protocol":1}"#));
    device.until("hello", |m| matches!(m, ServerMessage::Hello { .. }).then_some(()));
    bench.server.run(&["device", "add", "gw", "--kind", "gateway"]);
    let began = OsClock.boot();
    let closed = device.closed();
    assert_eq!(closed.code, 4401, "{closed:?}");
    assert!(OsClock.boot() - began <= Millis(2_000), "it took {} ms", (OsClock.boot() - began).0);
}

#[test]
fn who_talks_too_much_or_too_long_is_cut() {
    let bench = bench_set(&[("WARDWATCH_LIMITS__STREAM_MESSAGES_PER_S", "5")]);
    let token = bench.server.token("anna", "nurse");
    let (mut flood, _) = Stream::greet(&bench.server, &token, Encoding::MessagePack);
    let activity = Encoding::MessagePack.write(&ClientMessage::Activity).unwrap();
    let sent = (0..40).take_while(|_| flood.try_say_raw(Message::Binary(activity.clone().into()))).count();
    assert!(sent >= 10);
    assert_eq!(flood.closed(), Closed { code: 4429, reason: "too many messages".into() });
    let (mut long, _) = Stream::greet(&bench.server, &token, Encoding::Json);
    long.say_raw(Message::text("x".repeat(65 * 1024)));
    assert_eq!(long.closed(), Closed { code: 1009, reason: "a message is too long".into() });
    let (mut endless, _) = Stream::greet(&bench.server, &token, Encoding::Json);
    endless.try_say_raw(Message::text("x".repeat(8 * 1024 * 1024)));
    assert!(endless.is_cut());
    let (mut calm, _, _) = Stream::watch(&bench.server, &token);
    bench.server.add_bed("b9");
    calm.event();
}

#[rstest]
fn what_is_no_message_is_told_so_and_harms_nothing(
    #[values(Encoding::Json, Encoding::MessagePack)] encoding: Encoding,
) {
    let bench = bench();
    let (mut anna, _) = Stream::greet(&bench.server, &bench.server.token("anna", "nurse"), encoding);
    let garbage: [&[u8]; 8] = [
        b"",
        b"{",
        b"null",
        b"[]",
        br#"{"type":"become_admin"}"#,
        br#"{"type":"command","id":1,"ward":"w","command":"drop","alert":1}"#,
        "{\"type\":\"\u{1b}[2J\"}".as_bytes(),
        &[0x93, 0xc1, 0xff],
    ];
    for bytes in garbage {
        anna.say_raw(Message::Binary(bytes.to_vec().into()));
        let ServerMessage::Error { code, detail, .. } = anna.answer() else { panic!("{bytes:?}") };
        assert_eq!(code, ErrorCode::BadMessage, "{bytes:?}");
        assert!(!detail.contains('\u{1b}'), "{detail:?}");
    }
    let deep = "[".repeat(60_000);
    anna.say_raw(Message::Binary(deep.into_bytes().into()));
    is_error(&anna.answer(), ErrorCode::BadMessage, "");
    assert_eq!(anna.subscribe(None).0, bench.head(), "the connection goes on");
}

#[test]
fn streams_of_one_person_are_bounded() {
    let bench = bench_set(&[("WARDWATCH_LIMITS__STREAMS_PER_PRINCIPAL", "2")]);
    let token = bench.server.token("anna", "nurse");
    let other = bench.server.login("anna");
    let other = std::fs::read_to_string(other).unwrap();
    let (first, _) = Stream::greet(&bench.server, &token, Encoding::Json);
    let (_second, _) = Stream::greet(&bench.server, other.trim(), Encoding::Json);
    let refused = Stream::try_open(&bench.server, &token, Encoding::Json).unwrap_err();
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(refused.body.contains("at most 2 streams"), "{refused:?}");
    let (_ben, _) = Stream::greet(&bench.server, &bench.server.token("ben", "nurse"), Encoding::Json);
    first.close();
    wait_for("the place to be free", || Stream::try_open(&bench.server, &token, Encoding::Json).ok());
}

#[test]
fn a_server_that_stops_says_goodbye() {
    let Bench { _dir, server, gateway } = bench();
    let (mut anna, _, _) = Stream::watch(&server, &server.token("anna", "nurse"));
    let mut device = Stream::open(&server, &gateway, Encoding::Json);
    server.signal("TERM");
    assert_eq!(anna.closed(), Closed { code: 1001, reason: "the server stops".into() });
    assert_eq!(device.closed().code, 1001);
    pause(1);
    server.stop();
}
