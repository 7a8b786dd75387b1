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
    /// Of a nurse, made when it is needed.
    nurse: std::cell::OnceCell<String>,
}

const MAPPINGS: [&str; 2] = ["monitor.device.json", "monitor.fhir.json"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mapping").join(name)
}

/// A ward with one patient, whose device sends by the mappings of the fixtures.
fn bench() -> Bench {
    bench_of(MAPPINGS.map(|name| std::fs::read_to_string(fixture(name)).unwrap()), &[])
}

fn bench_of(mappings: [String; 2], further: &[(&str, &str)]) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let [device, fhir] = MAPPINGS.map(path);
    for (path, text) in [&device, &fhir].into_iter().zip(mappings) {
        std::fs::write(path, text).unwrap();
    }
    let server = start(dir.path(), further);
    let token = server.small_ward();
    Bench { dir, server, token, nurse: std::cell::OnceCell::new() }
}

/// The server of a folder that holds mappings.
fn start(dir: &Path, further: &[(&str, &str)]) -> Server {
    let [device, fhir] = MAPPINGS.map(|name| dir.join(name).to_str().unwrap().to_owned());
    let mut settings =
        vec![("WARDWATCH_MEDTECH__DEVICE_MAPPING", &*device), ("WARDWATCH_MEDTECH__FHIR_MAPPING", &*fhir)];
    settings.extend(further);
    Server::start_set(&dir.join("data"), &settings)
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
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"accepted": 2, "duplicate": 0, "rejected": 0, "late": 0, "fhir": {"created": 2}}))
    );
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
    for line in [
        "DeviceEvent\"} 4",
        "DroppedEvent\"} 1",
        "NormalizedEvent\"} 6",
        "Measurement\"} 6",
        "MeasurementGroup\"} 6",
        "FhirResourceSaved\"} 4",
    ] {
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

/// Sessions of a cuff and of a heart rate, and steps, which no screen shows.
fn sessions() -> [String; 2] {
    let template = |name: &str, member: &str, further: &str, values: &str| {
        format!(
            r#"{{"templateType":"JsonPathContent","template":{{"typeName":"{name}",
            "typeMatchExpression":"$..[?(@monitor && @{member})]","deviceIdExpression":"$.monitor",
            "patientIdExpression":"$.patient","timestampExpression":"$.taken",{further}"values":[{values}]}}}}"#
        )
    };
    let value = |name: &str, path: &str| format!(r#"{{"valueName":"{name}","valueExpression":"{path}"}}"#);
    let session = r#""correlationIdExpression":"$.session","#;
    let device = [
        template(
            "cuff",
            "cuff",
            session,
            &[value("systolic", "$.cuff.sys"), value("diastolic", "$.cuff.dia")].join(","),
        ),
        template("heartrate", "rate", session, &value("hr", "$.rate")),
        template("walk", "steps", "", &value("steps", "$.steps")),
    ];
    let mmhg = |code: &str, name: &str| {
        format!(
            r#"{{"codes":[{{"code":"{code}","system":"http://loinc.org","display":"{name}"}}],"value":
            {{"valueName":"{name}","valueType":"Quantity","unit":"mmHg","code":"mm[Hg]","system":"http://unitsofmeasure.org"}}}}"#
        )
    };
    let fhir = [
        format!(
            r#"{{"templateType":"CodeValueFhir","template":{{"typeName":"cuff","periodInterval":-1,
            "codes":[{{"code":"85354-9","system":"http://loinc.org","display":"Blood pressure panel"}}],
            "category":[{{"text":"Vital Signs","codes":[{{"code":"vital-signs","display":"Vital Signs",
            "system":"http://terminology.hl7.org/CodeSystem/observation-category"}}]}}],
            "components":[{},{}]}}}}"#,
            mmhg("8480-6", "systolic"),
            mmhg("8462-4", "diastolic")
        ),
        r#"{"templateType":"CodeValueFhir","template":{"typeName":"heartrate","periodInterval":-1,
            "codes":[{"code":"8867-4","system":"http://loinc.org","display":"Heart rate"}],
            "value":{"valueName":"hr","valueType":"SampledData","defaultPeriod":1000,"unit":"/min"}}}"#
            .to_owned(),
        r#"{"templateType":"CodeValueFhir","template":{"typeName":"walk",
            "codes":[{"code":"55423-8","system":"http://loinc.org","display":"Steps"}],
            "value":{"valueName":"steps","valueType":"Quantity","unit":"1"}}}"#
            .to_owned(),
    ];
    let whole = |kind: &str, templates: &[String]| {
        format!(r#"{{"templateType":"{kind}","template":[{}]}}"#, templates.join(","))
    };
    [whole("CollectionContent", &device), whole("CollectionFhir", &fhir)]
}

impl Bench {
    /// The Observations that a nurse finds.
    fn observations(&self, query: &str) -> Vec<Value> {
        found(&self.server, self.nurse(), query)
    }

    fn nurse(&self) -> &str {
        self.nurse.get_or_init(|| self.server.token("anna", "nurse"))
    }

    fn dead_letters(&self) -> u64 {
        self.server.reader().dead_letter_count().unwrap()
    }

    fn session(&self, at: Timestamp, members: &str) -> Value {
        let body = format!(r#"{{ "monitor": "d1", "taken": "{at}", "session": "s.1", {members} }}"#);
        let answer = self.post(&body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

fn found(server: &Server, nurse: &str, query: &str) -> Vec<Value> {
    let answer = server.request("GET", &format!("/fhir/Observation{query}"), nurse, b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    let entries = answer.json()["entry"].as_array().cloned().unwrap_or_default();
    entries.into_iter().map(|entry| entry["resource"].clone()).collect()
}

const SERVICE: &str = "https://azure.microsoft.com/en-us/services/iomt-fhir-connector/";

#[test]
fn the_observations_of_the_mapping_are_read_and_found_and_outlive_the_server() {
    let bench = bench();
    let at = now();
    assert_eq!(bench.post(&message("", at, "72")).json()["fhir"], json!({"created": 2}));
    let nurse = bench.nurse().to_owned();
    let query = "?patient=p1&code=http://loinc.org|59408-5&device=Device/d1";
    let made = found(&bench.server, &nurse, query).remove(0);
    let second = at.to_string();
    let segment = format!("{}{}0000Z", second[..19].replace(['-', ':', 'T'], ""), &second[20..23]);
    let segment = if second[20..23] == *"000" { segment.replace("0000000Z", "Z") } else { segment };
    assert_eq!(
        made["identifier"],
        json!([{"system": SERVICE, "value": format!("p1.d1.saturation.{segment}.{segment}")}])
    );
    let whose = (&made["subject"]["reference"], &made["device"]["reference"], &made["status"]);
    assert_eq!(whose, (&json!("Patient/p1"), &json!("Device/d1"), &json!("final")));
    assert_eq!(made["code"]["coding"][1], json!({"system": SERVICE, "code": "saturation", "display": "saturation"}));
    let moment = format!("{}0000Z", &second[..23]);
    assert_eq!(made["effectivePeriod"], json!({"start": moment, "end": moment}));
    assert_eq!((&made["valueQuantity"]["value"], &made["valueQuantity"]["code"]), (&json!(97), &json!("%")));
    let hourly = found(&bench.server, &nurse, "?code=8867-4").remove(0);
    let slots: Vec<&str> = hourly["valueSampledData"]["data"].as_str().unwrap().split(' ').collect();
    assert_eq!((slots.len(), slots.iter().filter(|slot| **slot == "72").count()), (60, 1), "an hour of minutes");
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 64, "its id is made of its identifier");
    let Bench { dir, server, token, .. } = bench;
    server.kill();
    let server = start(dir.path(), &[]);
    let again = server.request("GET", &format!("/fhir/Observation/{id}"), &nurse, b"");
    assert_eq!((again.status, again.json()), (200, made));
    let own = server.request("GET", &format!("/fhir/Observation/{id}"), &token, b"");
    assert_eq!(own.status, 200, "its sender reads it too");
    let repeated = server.request("POST", "/v1/medtech", &token, message("", at, "72").as_bytes()).json();
    assert_eq!((&repeated["duplicate"], &repeated["fhir"]), (&json!(2), &json!({"unchanged": 2})));
}

#[test]
fn messages_of_one_session_make_one_observation_which_gets_a_version_with_each() {
    let bench = bench_of(sessions(), &[]);
    let at = now();
    let later = at + wardwatch::domain::Millis(2_000);
    assert_eq!(bench.session(at, r#""cuff": {"sys": 128}, "rate": 72"#)["fhir"], json!({"created": 2}));
    let second = bench.session(later, r#""cuff": {"dia": 76}, "rate": 74"#);
    assert_eq!((&second["accepted"], &second["fhir"]), (&json!(2), &json!({"updated": 2})));
    let cuff = bench.observations("?code=85354-9").remove(0);
    let components = cuff["component"].as_array().unwrap();
    let values: Vec<(&Value, &Value)> =
        components.iter().map(|c| (&c["code"]["text"], &c["valueQuantity"]["value"])).collect();
    assert_eq!(values, [(&json!("systolic"), &json!(128)), (&json!("diastolic"), &json!(76))]);
    assert_eq!((&cuff["status"], &cuff["meta"]["versionId"]), (&json!("amended"), &json!("2")));
    assert_eq!(cuff["identifier"][0]["value"], "p1.d1.cuff.s.1");
    assert_eq!(cuff["category"][0]["coding"][0]["code"], "vital-signs");
    let stream = &bench.observations("?code=8867-4")[0]["valueSampledData"];
    assert_eq!((&stream["data"], &stream["period"]), (&json!("72 E 74"), &json!(1000)));
    let id = cuff["id"].as_str().unwrap();
    let path = format!("/fhir/Observation/{id}/_history");
    let history = bench.server.request("GET", &path, bench.nurse(), b"").json();
    assert_eq!(history["entry"].as_array().unwrap().len(), 2, "{history}");
    assert_eq!(history["entry"][1]["resource"]["component"].as_array().unwrap().len(), 1);
    // One request is one batch: its messages meet in one version.
    let lines: Vec<String> = (0..2)
        .map(|n| {
            let at = at + wardwatch::domain::Millis(3_000 + n * 1_000);
            format!(r#"{{ "monitor": "d1", "taken": "{at}", "session": "s.1", "rate": {} }}"#, 80 + n)
        })
        .collect();
    let headers = [("authorization", &*format!("Bearer {}", bench.token)), ("content-type", "application/x-ndjson")];
    let body = lines.join("\n");
    let batch = request(bench.server.address, "POST", "/v1/medtech", &headers, body.as_bytes()).json();
    assert_eq!(batch["fhir"], json!({"updated": 1}));
    let stream = bench.observations("?code=8867-4").remove(0);
    assert_eq!(stream["valueSampledData"]["data"], "72 E 74 80 81");
    assert_eq!(stream["meta"]["versionId"], "3");
}

#[test]
fn what_no_screen_shows_is_kept_as_an_observation_and_no_loss() {
    let bench = bench_of(sessions(), &[]);
    let answer = bench.session(now(), r#""steps": 12"#);
    assert_eq!(
        (&answer["accepted"], &answer["not_shown"], &answer["fhir"]),
        (&json!(0), &json!(1), &json!({"created": 1}))
    );
    let steps = &bench.observations("?patient=p1")[0];
    assert_eq!((&steps["valueQuantity"]["value"], &steps["code"]["text"]), (&json!(12), &json!("walk")));
}

#[test]
fn of_another_patient_or_an_unknown_device_there_is_no_observation() {
    let bench = bench_of(sessions(), &[]);
    let before = bench.dead_letters();
    let named = bench.session(now(), r#""patient": "p9", "rate": 72"#);
    assert_eq!((&named["rejected"], &named["rejections"][0]["code"]), (&json!(1), &json!("wrong_patient")));
    let named = bench.session(now(), r#""patient": "p9", "steps": 12"#);
    assert_eq!((&named["rejected"], &named["rejections"][0]["code"]), (&json!(1), &json!("wrong_patient")));
    wait_for("the alert", || bench.alerts().into_iter().find(|(told, _)| told == "device.wrong_patient Raised"));
    let unknown = format!(r#"{{ "monitor": "d9", "taken": "{}", "steps": 12 }}"#, now());
    assert_eq!(bench.post(&unknown).json()["rejections"][0]["code"], "unknown_device");
    assert_eq!(bench.dead_letters(), before + 3, "each is kept");
    assert!(bench.observations("").is_empty());
}

#[test]
fn an_observation_that_cannot_be_made_is_told_and_kept_and_harms_nothing_else() {
    let bench = bench_of(sessions(), &[]);
    let before = bench.dead_letters();
    let answer = bench.session(now(), r#""steps": "many", "rate": 72"#);
    assert_eq!(
        (&answer["accepted"], &answer["rejected"], &answer["fhir"]),
        (&json!(1), &json!(1), &json!({"created": 1}))
    );
    let detail = answer["rejections"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("no Observation is made of type \"walk\" of device d1: a Quantity takes"), "{detail}");
    assert_eq!(bench.dead_letters(), before + 1);
    // A value that is refused as a reading is in no Observation.
    let answer = bench.session(now(), r#""cuff": {"sys": 9000, "dia": 70}"#);
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(1), &json!(1)));
    let cuff = bench.observations("?code=85354-9").remove(0);
    let components = cuff["component"].as_array().unwrap();
    assert_eq!((components.len(), &components[0]["code"]["text"]), (1, &json!("diastolic")));
}

#[test]
fn a_dead_letter_that_is_driven_again_makes_its_observation_too() {
    let bench = bench_of(sessions(), &[]);
    bench.server.run(&["device", "add", "d2", "--gateway", "gw"]);
    let at = now() + wardwatch::domain::Millis(2_000);
    let body = format!(r#"{{ "monitor": "d2", "taken": "{at}", "session": "a", "rate": 72, "steps": 3 }}"#);
    let answer = bench.post(&body).json();
    assert_eq!((&answer["rejected"], &answer["fhir"]), (&json!(2), &Value::Null), "{answer}");
    bench.server.run(&["device", "assign", "d2", "--patient", "p1"]);
    let letters = bench.server.run(&["deadletter", "list", "--json"]);
    let letter: Value = serde_json::from_str(letters.lines().next().unwrap()).unwrap();
    let no = letter["no"].to_string();
    bench.server.run(&["deadletter", "retry", &no]);
    assert_eq!(bench.observations("?patient=p1").len(), 2);
    assert_eq!(bench.server.reader().sample(&"d2".parse().unwrap(), HR, at).unwrap().unwrap().value, 72.0);
}

#[test]
fn an_observation_that_its_sender_changed_by_fhir_takes_nothing_more() {
    let bench = bench_of(sessions(), &[]);
    let at = now();
    bench.session(at, r#""rate": 72"#);
    let mut made = bench.observations("").remove(0);
    made["note"] = json!([{"text": "seen"}]);
    let path = format!("/fhir/Observation/{}", made["id"].as_str().unwrap());
    let put = bench.server.request("PUT", &path, &bench.token, made.to_string().as_bytes());
    assert_eq!(put.status, 200, "{put:?}");
    let answer = bench.session(at + wardwatch::domain::Millis(1_000), r#""rate": 73"#);
    assert_eq!((&answer["accepted"], &answer["rejections"][0]["code"]), (&json!(1), &json!("mapping")));
    let there = bench.observations("").remove(0);
    assert_eq!((&there["note"][0]["text"], &there["valueSampledData"]["data"]), (&json!("seen"), &json!("72")));
}

#[test]
fn a_site_may_do_without_observations() {
    let bench = bench_of(sessions(), &[("WARDWATCH_MEDTECH__FHIR", "false")]);
    let answer = bench.session(now(), r#""rate": 72, "steps": 12"#);
    assert_eq!((&answer["accepted"], &answer["not_shown"], &answer["fhir"]), (&json!(1), &json!(1), &Value::Null));
    assert!(bench.observations("").is_empty());
}

#[test]
fn a_device_that_was_handed_on_makes_observations_of_each_patient_for_the_same_session() {
    let bench = bench_of(sessions(), &[]);
    let first = now();
    bench.session(first, r#""rate": 72"#);
    bench.server.run(&["bed", "add", "b2"]);
    bench.server.run(&["patient", "admit", "p2", "--bed", "b2", "--name", "Lind, Eva"]);
    bench.server.run(&["device", "assign", "d1", "--patient", "p2", "--move"]);
    let second = now();
    assert_eq!(bench.session(second, r#""rate": 99"#)["fhir"], json!({"created": 1}), "not merged into the first");
    // Late values of before go where the device was then.
    let late = bench.session(first + wardwatch::domain::Millis(1), r#""steps": 5, "patient": "p1""#);
    assert_eq!(late["fhir"], json!({"created": 1}));
    let texts = |patient: &str| -> Vec<String> {
        let all = bench.observations(&format!("?patient={patient}&_sort=date"));
        all.iter().map(|o| o["code"]["text"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (texts("p1"), texts("p2")),
        (vec!["heartrate".to_owned(), "walk".to_owned()], vec!["heartrate".to_owned()])
    );
}
