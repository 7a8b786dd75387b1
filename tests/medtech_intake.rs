//! Messages by MedTech mappings over HTTP: a device of any shape is shown as a vital, what cannot be used is kept with its
//! reason, a message that names another patient is refused, and a wrong mapping never takes the place of a good one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use support::{Answer, Server, now, request, run, wait_for};
use wardwatch::{
    domain::{
        Timestamp,
        vital::{HR, SPO2},
    },
    store::StoreReader,
};

struct Bench {
    dir: tempfile::TempDir,
    server: Server,
    token: String,
}

const MAPPINGS: [&str; 2] = ["monitor.device.json", "monitor.fhir.json"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mapping").join(name)
}

/// A ward with one patient, whose device sends by the mappings of the fixtures.
fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let [device, fhir] = MAPPINGS.map(|name| {
        let own = dir.path().join(name);
        std::fs::copy(fixture(name), &own).unwrap();
        own.to_str().unwrap().to_owned()
    });
    let settings = [("WARDWATCH_MEDTECH__DEVICE_MAPPING", &*device), ("WARDWATCH_MEDTECH__FHIR_MAPPING", &*fhir)];
    let server = Server::start_set(&dir.path().join("data"), &settings);
    let token = server.small_ward();
    Bench { dir, server, token }
}

fn message(patient: &str, at: Timestamp, rate: &str) -> String {
    format!(
        r#"{{ "monitor": "d1", {patient} "taken": "{at}", "ecg": {{ "rate": {rate} }}, "pleth": {{ "fraction": 0.97 }} }}"#
    )
}

impl Bench {
    fn post(&self, body: &str) -> Answer {
        self.server.request("POST", "/v1/medtech", &self.token, body.as_bytes())
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.server.run(&["status", "--json"])).unwrap()
    }

    fn alerts(&self) -> Vec<(String, String)> {
        let reader = self.server.reader();
        let events = reader.events_after(&"w".parse().unwrap(), 0, 1_000).unwrap();
        let told = events.into_iter().filter_map(|e| match e.event.body {
            wardwatch::domain::EventBody::Alert { alert, cause, .. } => {
                Some((format!("{} {cause:?}", alert.key.code), alert.detail.unwrap_or_default()))
            }
            _ => None,
        });
        told.filter(|(code, _)| code.starts_with("system.mapping_wrong") || code.starts_with("device.wrong")).collect()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        let staged = path.with_extension("new");
        std::fs::write(&staged, text).unwrap();
        std::fs::rename(staged, path).unwrap();
    }
}

#[test]
fn what_a_mapping_makes_of_a_message_is_stored_when_it_is_answered() {
    let bench = bench();
    let at = now();
    let body = message("", at, "72");
    let answer = bench.post(&body);
    assert_eq!((answer.status, answer.json()), (200, json!({"accepted": 2, "duplicate": 0, "rejected": 0, "late": 0})));
    let device = "d1".parse().unwrap();
    let stored = |vital| bench.server.reader().sample(&device, vital, at).unwrap().unwrap().value;
    assert_eq!((stored(HR), stored(SPO2)), (72.0, 97.0));
    assert_eq!(bench.post(&body).json()["duplicate"], 2, "the same again is stored once");
    let lines = format!("{}\n{}\n", message("", at + wardwatch::domain::Millis(1), "73"), r#"{ "steps": 1 }"#);
    let headers = [("authorization", &*format!("Bearer {}", bench.token)), ("content-type", "application/x-ndjson")];
    let answer = request(bench.server.address, "POST", "/v1/medtech", &headers, lines.as_bytes()).json();
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(2), &json!(1)));
    let metrics = request(bench.server.address, "GET", "/metrics", &[], b"");
    let metrics = metrics.body;
    for line in ["DeviceEvent\"} 4", "DroppedEvent\"} 1", "NormalizedEvent\"} 6"] {
        assert!(metrics.contains(&format!("wardwatch_medtech_total{{metric=\"{line}")), "{line}: {metrics}");
    }
}

#[test]
fn what_cannot_be_used_says_why_is_kept_and_harms_nothing_else() {
    let bench = bench();
    let before = bench.status()["dead_letters"].as_u64().unwrap();
    let unmatched = bench.post(r#"{ "steps": 1 }"#).json();
    assert_eq!(unmatched["rejections"][0]["code"], "unmatched");
    let failed = bench.post(&message("", now(), "null")).json();
    assert_eq!((&failed["accepted"], &failed["rejections"][0]["code"]), (&json!(1), &json!("mapping")));
    let detail = failed["rejections"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("template 1, \"heartrate\" at line "), "{detail}");
    let broken = bench.post(r#"{ "monitor": "#).json();
    assert_eq!(broken["rejections"][0]["code"], "malformed");
    assert_eq!(bench.status()["dead_letters"].as_u64(), Some(before + 3));
    assert_eq!(bench.post(&message("", now(), "74")).json()["accepted"], 2);
    assert_eq!(bench.server.request("POST", "/v1/medtech", "nobody", b"{}").status, 401);
}

#[test]
fn a_message_that_names_another_patient_is_refused_with_a_safety_alert() {
    let bench = bench();
    let at = now();
    let answer = bench.post(&message(r#""patient": "p9","#, at, "72")).json();
    assert_eq!((&answer["accepted"], &answer["rejections"][0]["code"]), (&json!(0), &json!("wrong_patient")));
    assert!(bench.server.reader().sample(&"d1".parse().unwrap(), HR, at).unwrap().is_none(), "it lands in no chart");
    let told = wait_for("the alert", || bench.alerts().into_iter().next());
    assert_eq!(told.0, "device.wrong_patient Raised");
}

#[test]
fn a_wrong_mapping_is_told_and_the_last_good_one_goes_on() {
    let bench = bench();
    bench.write(
        MAPPINGS[0],
        r#"{ "templateType": "CollectionContent", "template": [ { "templateType": "Nonsense" } ] }"#,
    );
    let told = wait_for("the alert", || bench.alerts().pop());
    assert_eq!(told.0, "system.mapping_wrong Raised");
    assert!(told.1.starts_with("the last good mapping is in use; the mappings cannot be used"), "{}", told.1);
    assert_eq!(bench.post(&message("", now(), "72")).json()["accepted"], 2, "the last good one goes on");
    let text = std::fs::read_to_string(fixture(MAPPINGS[0])).unwrap().replace("\"$.ecg.rate\"", "\"$.ecg.beats\"");
    bench.write(MAPPINGS[0], &text);
    wait_for("its end", || bench.alerts().pop().filter(|(told, _)| told == "system.mapping_wrong Cleared"));
    let beats = message("", now(), "72").replace("rate", "beats");
    assert_eq!(bench.post(&beats).json()["accepted"], 2, "the new one is in use");
}

#[test]
fn a_server_does_not_start_with_a_mapping_that_it_cannot_use_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let wrong = dir.path().join("wrong.json");
    std::fs::write(&wrong, "{").unwrap();
    let start = |settings: &[(&str, &str)]| {
        let mut command = support::program();
        command.args(["serve", "--listen", "127.0.0.1:0", "--mode", "live", "--data", data.to_str().unwrap()]);
        command.envs(settings.iter().copied());
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let fhir = fixture(MAPPINGS[1]);
    let said = start(&[
        ("WARDWATCH_MEDTECH__DEVICE_MAPPING", wrong.to_str().unwrap()),
        ("WARDWATCH_MEDTECH__FHIR_MAPPING", fhir.to_str().unwrap()),
    ]);
    assert!(said.contains("wardwatch mapping lint") && said.contains("line 1"), "{said}");
    let said = start(&[("WARDWATCH_MEDTECH__FHIR_MAPPING", fhir.to_str().unwrap())]);
    assert!(said.contains("both device_mapping and fhir_mapping"), "{said}");
}

#[test]
fn without_mappings_there_is_no_such_way_in() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let token = server.small_ward();
    let answer = server.request("POST", "/v1/medtech", &token, b"{}");
    assert_eq!(answer.status, 404);
    assert!(answer.json()["detail"].as_str().unwrap().contains("[medtech]"), "{answer:?}");
    let data = server.data.to_str().unwrap();
    assert!(run(&["status", "--data", data]).contains("recording"));
}
