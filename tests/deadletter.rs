//! Dead letters: what could not be used is listed with its reason, is driven again once the cause is mended, and is stored
//! once however often that happens.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use std::path::Path;
use support::{Server, now, program, run, stream::Stream};
use wardwatch::{
    domain::{
        Millis,
        vital::{HR, SPO2},
    },
    protocol::{ClientMessage, ErrorCode, LetterQuery, ServerMessage},
    store::StoreReader,
};

struct Bench {
    dir: tempfile::TempDir,
    server: Server,
    token: String,
}

fn bench(settings: &[(&str, &str)]) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_set(&dir.path().join("data"), settings);
    let token = server.small_ward();
    Bench { dir, server, token }
}

impl Bench {
    fn post(&self, path: &str, body: &str) -> Value {
        self.server.request("POST", path, &self.token, body.as_bytes()).json()
    }

    fn list(&self, args: &[&str]) -> Vec<Value> {
        let told = self.server.run(&[&["deadletter", "list", "--json"], args].concat());
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Drives letters again; says what was told and the exit code.
    fn retry(&self, args: &[&str]) -> (String, i32) {
        let data = self.server.data.to_str().unwrap();
        let output = program().args(["deadletter", "retry", "--data", data]).args(args).output().unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap())
    }

    fn data(&self) -> &str {
        self.server.data.to_str().unwrap()
    }
}

#[test]
fn what_was_nobodys_is_somebodys_once_the_device_is_assigned() {
    let bench = bench(&[]);
    let at = now();
    let body = format!(r#"{{"device":"d2","vital":"spo2","value":97.00,"observed_at":"{at}"}}"#);
    assert_eq!(bench.post("/v1/observations", &body)["rejections"][0]["code"], "unknown_device");
    run(&["device", "add", "d2", "--gateway", "gw", "--data", bench.data()]);
    assert_eq!(bench.post("/v1/observations", &body)["rejections"][0]["code"], "not_assigned");
    let letters = bench.list(&[]);
    let codes: Vec<&str> = letters.iter().map(|letter| letter["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["not_assigned", "unknown_device"], "the newest first");
    assert_eq!(bench.list(&["--code", "unknown_device"]).len(), 1);
    assert_eq!(bench.list(&["--source", "nobody"]).len(), 0);

    let numbers: Vec<String> = letters.iter().rev().map(|letter| letter["no"].to_string()).collect();
    let (told, code) = bench.retry(&[&numbers[0]]);
    assert!(code == 1 && told.contains("0 taken, 0 known, 1 refused: device d2 is assigned to nobody"), "{told}");
    let open = bench.list(&[]);
    assert_eq!((open.len(), &open[0]["code"]), (1, &"not_assigned".into()), "both have ended, a new one stands");

    let before = program()
        .args(["device", "assign", "d2", "--patient", "p1", "--since", "2020-01-01T00:00:00Z", "--data", bench.data()])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&before.stderr).contains("was admitted at"), "{before:?}");
    let since = (at - Millis::from_secs(1)).to_string();
    run(&["device", "assign", "d2", "--patient", "p1", "--since", &since, "--data", bench.data()]);
    let (told, code) = bench.retry(&["--source", "gw"]);
    assert_eq!((told.lines().count(), code), (1, 0), "{told}");
    assert!(told.contains("1 taken, 0 known, 0 refused"), "{told}");
    let stored = bench.server.reader().sample(&"d2".parse().unwrap(), SPO2, at).unwrap().unwrap();
    assert_eq!((stored.value, stored.patient.as_str()), (97.0, "p1"));
    assert_eq!(bench.list(&[]).len(), 0);
    assert_eq!(bench.list(&["--ended"]).len(), 3, "they are kept all the same");
    let (told, code) = bench.retry(&[&numbers[0]]);
    assert!(code == 1 && told.contains("has ended at"), "{told}");
    let log = bench.server.run(&["audit", "show"]);
    for act in ["dead_letter.read", "dead_letter.retry"] {
        assert!(log.contains(act), "{act}: {log}");
    }
}

#[test]
fn a_message_is_driven_again_by_the_mapping_of_now() {
    let mapping = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mapping").join(name);
    let dir = tempfile::tempdir().unwrap();
    let (device, fhir) = (dir.path().join("device.json"), mapping("monitor.fhir.json"));
    let good = std::fs::read_to_string(mapping("monitor.device.json")).unwrap();
    std::fs::write(&device, good.replace("@ecg", "@lead")).unwrap();
    let bench = bench(&[
        ("WARDWATCH_MEDTECH__DEVICE_MAPPING", device.to_str().unwrap()),
        ("WARDWATCH_MEDTECH__FHIR_MAPPING", fhir.to_str().unwrap()),
    ]);
    let at = now();
    let message = format!(r#"{{ "monitor": "d1", "taken": "{at}", "ecg": {{ "rate": 72 }} }}"#);
    assert_eq!(bench.post("/v1/medtech", &message)["rejections"][0]["code"], "unmatched");
    let (told, code) = bench.retry(&["--code", "unmatched"]);
    assert!(code == 1 && told.contains("no template"), "{told}");
    std::fs::write(&device, good).unwrap();
    support::wait_for("the new mapping", || {
        let (told, code) = bench.retry(&["--code", "unmatched"]);
        (code == 0).then_some(told).filter(|told| told.contains("1 taken"))
    });
    assert_eq!(bench.server.reader().sample(&"d1".parse().unwrap(), HR, at).unwrap().unwrap().value, 72.0);
}

#[test]
fn a_message_with_two_faults_is_tried_once_and_its_letters_do_not_multiply() {
    let mapping = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mapping").join(name);
    let (device, fhir) = (mapping("monitor.device.json"), mapping("monitor.fhir.json"));
    let bench = bench(&[
        ("WARDWATCH_MEDTECH__DEVICE_MAPPING", device.to_str().unwrap()),
        ("WARDWATCH_MEDTECH__FHIR_MAPPING", fhir.to_str().unwrap()),
    ]);
    let message = format!(r#"{{ "monitor": "d1", "taken": "{}", "ecg": {{}}, "cuff": {{ "sys": 120 }} }}"#, now());
    assert_eq!(bench.post("/v1/medtech", &message)["rejected"], 2);
    for round in 1..4 {
        let (told, code) = bench.retry(&["--code", "mapping"]);
        assert_eq!((told.lines().count(), code), (1, 1), "{told}");
        let open: Vec<Value> = bench.list(&[]);
        assert_eq!((open.len(), bench.list(&["--ended"]).len()), (2, 2 + 2 * round), "{open:?}");
        assert_eq!(open[0]["way"], "mapped");
    }
}

#[test]
fn what_one_way_refused_is_never_read_by_the_other() {
    let bench = bench(&[]);
    bench.post("/v1/observations", r#"{ "monitor": "d1", "ecg": { "rate": 72 } }"#);
    let letters = bench.list(&[]);
    assert_eq!((letters[0]["code"].as_str(), letters[0]["way"].as_str()), (Some("malformed"), Some("own")));
    let (told, code) = bench.retry(&[&letters[0]["no"].to_string()]);
    assert!(code == 1 && told.contains("1 refused"), "{told}");
}

#[test]
fn one_is_shown_whole_and_dropped_with_a_reason() {
    let bench = bench(&[]);
    bench.post("/v1/observations", "{\"vital\": \"spo2\", ");
    let no = bench.list(&[])[0]["no"].to_string();
    let shown = bench.server.run(&["deadletter", "show", &no]);
    assert!(shown.contains("why     body") && shown.ends_with("{\"vital\": \"spo2\", \n"), "{shown}");
    let (told, code) = bench.retry(&[&no]);
    assert!(code == 1 && told.contains("not tried again"), "{told}");
    bench.server.run(&["deadletter", "drop", &no, "--reason", "a test of the vendor"]);
    let ended = bench.list(&["--ended"]);
    assert_eq!(ended[0]["ended"][0], "dropped: a test of the vendor");
    let status: Value = serde_json::from_str(&bench.server.run(&["status", "--json"])).unwrap();
    assert_eq!(status["dead_letters"], 0, "nothing waits for anybody");
    let data = bench.data().to_owned();
    let again = program().args(["deadletter", "show", "999", "--data", &data]).output().unwrap();
    assert!(String::from_utf8_lossy(&again.stderr).contains("there is no dead letter 999"));
    bench.server.stop();
    let offline = run(&["deadletter", "list", "--ended", "--data", &data]);
    assert!(offline.contains("a test of the vendor"), "{offline}");
    drop(bench.dir);
}

/// What ops see in a terminal: who sends and what becomes of it, and letters that are driven again from there.
#[test]
fn ops_see_the_intake_and_mend_it_over_the_websocket() {
    let bench = bench(&[]);
    let at = now();
    let body = format!(
        r#"[{{"device":"d1","vital":"hr","value":70,"observed_at":"{at}"}},{{"device":"d2","vital":"spo2","value":97,"observed_at":"{at}"}}]"#
    );
    bench.post("/v1/observations", &body);
    bench.post("/v1/observations", "{");
    let ops = bench.server.token("ops1", "ops");
    let (mut socket, ..) = Stream::watch(&bench.server, &ops);
    socket.say(&ClientMessage::Ops { id: 1 });
    let report = socket.until("the report", |m| match m {
        ServerMessage::Ops { id: 1, report } => Some(report.clone()),
        _ => None,
    });
    let [source] = &report.sources[..] else { panic!("{report:?}") };
    assert_eq!((source.source.as_str(), source.messages), ("gw", 2));
    assert_eq!((source.accepted, source.rejected, source.minute.rejected), (1, 2, 2));
    let (least, most) = source.minute.lag_ms.unwrap();
    assert!(least == most && (0..60_000).contains(&most.0), "{least:?} … {most:?}");
    assert_eq!(report.letters_open, 2);
    assert!(report.pipeline.recording && report.pipeline.commits > 0, "{:?}", report.pipeline);
    let mut kinds: Vec<(&str, &str)> = report.letters.iter().map(|l| (l.source.as_str(), l.code.as_str())).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [("gw", "body"), ("gw", "unknown_device")]);

    let read = |socket: &mut Stream, id: u64| {
        socket.say(&ClientMessage::Letters { id, query: LetterQuery::default() });
        socket.until("letters", |m| match m {
            ServerMessage::Letters { id: of, letters, more: false } if *of == id => Some(letters.clone()),
            _ => None,
        })
    };
    let letters = read(&mut socket, 2);
    let of = |code: &str| letters.iter().find(|letter| letter.code == code).unwrap().clone();
    assert_eq!(of("body").payload, "{");
    bench.server.run(&["device", "add", "d2", "--gateway", "gw"]);
    bench.server.run(&["device", "assign", "d2", "--patient", "p1", "--since", &(at - Millis(1_000)).to_string()]);
    socket.say(&ClientMessage::RetryLetter { id: 3, no: of("unknown_device").no });
    let retried = socket.until("what became of it", |m| match m {
        ServerMessage::Accepted { id: 3, report } => Some(report.clone()),
        _ => None,
    });
    assert_eq!((retried.accepted, retried.rejected), (1, 0));
    let reason = "a test".parse().unwrap();
    socket.say(&ClientMessage::DropLetter { id: 4, no: of("body").no, reason });
    socket.until("the end", |m| matches!(m, ServerMessage::Result { id: 4, done: true, .. }).then_some(()));
    assert_eq!(read(&mut socket, 5), []);
    socket.say(&ClientMessage::RetryLetter { id: 6, no: of("body").no });
    let refused = socket.until("a refusal", |m| match m {
        ServerMessage::Error { id: Some(6), detail, .. } => Some(detail.clone()),
        _ => None,
    });
    assert!(refused.contains("has ended"), "{refused}");
}

/// Payloads may name patients of any ward: only those whose business devices are read them.
#[test]
fn nobody_else_reads_letters() {
    let bench = bench(&[]);
    bench.post("/v1/observations", "{");
    for (name, role) in [("ann", "nurse"), ("chris", "charge"), ("dora", "doctor"), ("vic", "viewer")] {
        let token = bench.server.token(name, role);
        let (mut socket, ..) = Stream::watch(&bench.server, &token);
        let reason = "a test".parse().unwrap();
        let asked = [
            ClientMessage::Ops { id: 1 },
            ClientMessage::Letters { id: 2, query: LetterQuery::default() },
            ClientMessage::RetryLetter { id: 3, no: 1 },
            ClientMessage::DropLetter { id: 4, no: 1, reason },
        ];
        for (id, message) in (1..).zip(asked) {
            socket.say(&message);
            let code = socket.until("a denial", |m| match m {
                ServerMessage::Error { id: Some(of), code, .. } if *of == id => Some(*code),
                ServerMessage::Ops { .. } | ServerMessage::Letters { .. } | ServerMessage::Accepted { .. } => {
                    panic!("{role} is told {m:?}")
                }
                _ => None,
            });
            assert_eq!(code, ErrorCode::Denied, "{role}: {message:?}");
        }
    }
    assert_eq!(bench.list(&[]).len(), 1, "it waits as before");
}
