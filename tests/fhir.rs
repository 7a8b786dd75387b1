//! The FHIR R4 API over real sockets, with the real server: what is answered is durable, whose it is is never guessed, and
//! every error says where.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{Answer, Server, now, request, run};
use wardwatch::{
    domain::{DeviceId, EventBody, Millis, Timestamp, VitalCode},
    store::StoreReader,
};

struct Bench {
    _dir: tempfile::TempDir,
    server: Server,
    /// Of gateway `gw`.
    gateway: String,
    /// Of a nurse.
    nurse: String,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let gateway = server.small_ward();
    let nurse = server.token("anna", "nurse");
    Bench { _dir: dir, server, gateway, nurse }
}

impl Bench {
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let bearer = format!("Bearer {}", self.gateway);
        let mut all = vec![("authorization", bearer.as_str())];
        if headers.iter().all(|(name, _)| *name != "content-type") {
            all.push(("content-type", "application/fhir+json"));
        }
        all.extend(headers);
        request(self.server.address, method, &format!("/fhir{path}"), &all, body.as_bytes())
    }

    fn create(&self, body: &str) -> Answer {
        self.send("POST", "/Observation", &[], body)
    }

    fn get(&self, path: &str) -> Answer {
        self.server.request("GET", &format!("/fhir{path}"), &self.nurse, b"")
    }

    fn found(&self, path: &str) -> Vec<String> {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{answer:?}");
        ids(&answer.json())
    }

    fn stored(&self, device: &str, vital: &str, at: Timestamp) -> Option<f64> {
        let device: DeviceId = device.parse().unwrap();
        self.server.reader().sample(&device, VitalCode::of(vital), at).unwrap().map(|s| s.value)
    }

    /// Whether `p1` has no value in any trend around that time: what there was has been taken out.
    fn is_struck(&self, at: Timestamp) -> bool {
        let span = (at - Millis::from_mins(1), at + Millis::from_mins(1));
        let (ward, patient) = ("w".parse().unwrap(), "p1".parse().unwrap());
        self.server.reader().trends(&ward, &patient, &[], span, 1).unwrap().is_empty()
    }

    /// Patient `p2` in bed `b2`.
    fn admit_p2(&self) {
        self.server.add_bed("b2");
        run(&["patient", "admit", "p2", "--bed", "b2", "--data", self.server.data.to_str().unwrap()]);
    }

    fn dead_letters(&self) -> u64 {
        self.server.reader().dead_letter_count().unwrap()
    }
}

fn ids(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let found = entries.iter().filter(|e| e["search"]["mode"] == "match");
    found.map(|e| e["resource"]["id"].as_str().unwrap().to_owned()).collect()
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let line = answer.head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
    line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
}

fn id_of(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// The outcome's first issue: code and expression.
fn issue(answer: &Answer) -> (String, String) {
    let outcome = answer.json();
    assert_eq!(outcome["resourceType"], "OperationOutcome", "{answer:?}");
    assert!(header(answer, "content-type").starts_with("application/fhir+json"), "{answer:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&outcome["issue"][0]["code"]), text(&outcome["issue"][0]["expression"][0]))
}

/// A heart rate of patient `p1`, with a vital's category.
fn heart_rate(value: &str, at: Timestamp) -> String {
    vital("8867-4", value, "/min", at)
}

fn vital(code: &str, value: &str, unit: &str, at: Timestamp) -> String {
    format!(
        r#"{{"resourceType":"Observation","status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}}]}}],
  "code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},"subject":{{"reference":"Patient/p1"}},
  "effectiveDateTime":"{at}","valueQuantity":{{"value":{value},"unit":"{unit}","system":"http://unitsofmeasure.org","code":"{unit}"}}}}"#
    )
}

#[test]
fn what_is_answered_is_durable_and_comes_back_as_it_was_sent() {
    let bench = bench();
    let at = now();
    let sent = vital("8310-5", "37.00", "Cel", at)
        .replace("\"status\"", "\"issued\":\"2026-03-01T10:00:00.50+01:00\", \"status\"");
    let answer = bench.create(&sent);
    assert_eq!(answer.status, 201, "{answer:?}");
    let id = id_of(&answer);
    assert_eq!(bench.stored("gw/p1", "temp", at), Some(37.0), "it is a value of the patient");
    assert!(header(&answer, "location").ends_with(&format!("/fhir/Observation/{id}/_history/1")), "{answer:?}");
    assert_eq!(header(&answer, "etag"), "W/\"1\"");
    assert!(header(&answer, "last-modified").ends_with("GMT"), "{answer:?}");
    for read in [bench.get(&format!("/Observation/{id}")), bench.get(&format!("/Observation/{id}/_history/1"))] {
        assert_eq!(read.status, 200);
        assert!(read.body.contains("\"value\":37.00,"), "the digits are kept: {read:?}");
        assert!(read.body.contains("\"2026-03-01T10:00:00.50+01:00\""), "the offset is kept: {read:?}");
        let rest = sent.split_once("\"issued\"").unwrap().1;
        assert!(read.body.ends_with(rest), "nothing else has changed: {read:?}");
    }
    assert_eq!(bench.send("GET", &format!("/Observation/{id}"), &[], "").status, 200, "the sender reads it too");
    let unchanged = [("authorization", &*format!("Bearer {}", bench.nurse)), ("if-none-match", "W/\"1\"")];
    let answer = request(bench.server.address, "GET", &format!("/fhir/Observation/{id}"), &unchanged, b"");
    assert_eq!((answer.status, answer.body.as_str()), (304, ""));
    // The same once more is a second resource and no second value.
    assert_eq!(bench.create(&sent).status, 201);
    assert_eq!(bench.found("/Observation?patient=p1").len(), 2);
    let data = bench.server.data.clone();
    let Bench { _dir, server, nurse, .. } = bench;
    server.kill();
    let again = Server::start(&data);
    assert_eq!(again.request("GET", &format!("/fhir/Observation/{id}"), &nurse, b"").status, 200, "it is on the disk");
}

#[test]
fn values_are_judged_as_by_every_other_way() {
    let bench = bench();
    let raised = || {
        assert_eq!(bench.create(&vital("59408-5", "80", "%", now())).status, 201);
        support::pause(200);
        let events = bench.server.reader().events_after(&"w".parse().unwrap(), 0, 1_000).unwrap();
        let of_p1 = |body: &EventBody| match body {
            EventBody::Alert { alert, .. } => {
                alert.key.patient.is_some() && alert.key.code.to_string().contains("spo2")
            }
            _ => false,
        };
        events.iter().any(|e| of_p1(&e.event.body)).then_some(())
    };
    support::wait_for("an alert", raised);
}

#[test]
fn a_panel_is_several_values_and_a_laboratory_value_is_none() {
    let bench = bench();
    let at = now();
    let component = |code: &str, value: u8| {
        json!({"code": {"coding": [{"system": "http://loinc.org", "code": code}]},
               "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}})
    };
    let mut panel: Value = serde_json::from_str(&vital("85354-9", "1", "1", at)).unwrap();
    panel.as_object_mut().unwrap().remove("valueQuantity");
    panel["component"] = json!([component("8480-6", 121), component("8462-4", 78)]);
    let answer = bench.create(&panel.to_string());
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(bench.stored("gw/p1", "nbp_sys", at), Some(121.0));
    assert_eq!(bench.stored("gw/p1", "nbp_dia", at), Some(78.0));
    let laboratory = vital("777-3", "189", "10*3/uL", at);
    let answer = bench.send("POST", "/Observation", &[("prefer", "return=OperationOutcome")], &laboratory);
    assert_eq!(answer.status, 201);
    assert!(answer.body.contains("kept and not judged"), "{answer:?}");
    assert_eq!(bench.found("/Observation?patient=p1&code=777-3").len(), 1);
    assert_eq!(bench.found("/Observation?patient=p1&component-code=8480-6").len(), 1);
}

#[test]
fn whose_it_is_is_never_guessed() {
    let bench = bench();
    let data = bench.server.data.to_str().unwrap().to_owned();
    bench.server.add_bed("b2");
    run(&["patient", "admit", "p2", "--bed", "b2", "--data", &data]);
    let at = now();
    let by_d1 = |patient: &str| {
        let device = r#""device":{"reference":"Device/d1"},"subject""#;
        heart_rate("72", at).replace("Patient/p1", patient).replace("\"subject\"", device)
    };
    let wrong = bench.create(&by_d1("Patient/p2"));
    assert_eq!(
        (wrong.status, issue(&wrong)),
        (422, ("business-rule".into(), "Observation.subject".into())),
        "{wrong:?}"
    );
    assert_eq!(bench.stored("d1", "hr", at), None);
    let alerts = bench.server.reader().events_after(&"w".parse().unwrap(), 0, 1_000).unwrap();
    assert!(serde_json::to_string(&alerts).unwrap().contains("device.wrong_patient"), "people are told");
    let laboratory = by_d1("Patient/p2").replace("8867-4", "777-3");
    assert_eq!(bench.create(&laboratory).status, 422, "what is not judged is no other patient's either");
    assert_eq!(bench.create(&by_d1("Patient/p1")).status, 201);
    assert_eq!(bench.stored("d1", "hr", at), Some(72.0));
    let before = bench.dead_letters();
    for (subject, expression) in [
        (r#"{"reference":"Patient/nobody"}"#, "Observation.subject"),
        (r#"{"display":"Okafor, Chidi"}"#, "Observation.subject"),
        (r#"{"reference":"http://elsewhere/Patient/p1"}"#, "Observation.subject.reference"),
        (r#"{"reference":"Patient/p1","identifier":{"value":"p2"}}"#, "Observation.subject"),
        (r#"{"reference":"Group/p1"}"#, "Observation.subject"),
    ] {
        let answer = bench.create(&heart_rate("72", at).replace(r#"{"reference":"Patient/p1"}"#, subject));
        assert_eq!((answer.status, issue(&answer).1.as_str()), (422, expression), "{subject}: {answer:?}");
    }
    assert_eq!(bench.dead_letters(), before + 5, "each is kept");
    let by_identifier =
        heart_rate("73", at).replace(r#"{"reference":"Patient/p1"}"#, r#"{"identifier":{"value":"p2"}}"#);
    assert_eq!(bench.create(&by_identifier).status, 201);
    assert_eq!(bench.stored("gw/p2", "hr", at), Some(73.0));
    let stranger = run(&["device", "add", "d9", "--data", &data]);
    let bearer = format!("Bearer {}", stranger.trim());
    let headers = [("authorization", bearer.as_str())];
    let answer = request(bench.server.address, "POST", "/fhir/Observation", &headers, by_d1("Patient/p1").as_bytes());
    assert_eq!((answer.status, issue(&answer).0.as_str()), (422, "forbidden"), "a token of another device: {answer:?}");
}

#[test]
fn only_a_gateway_assigns_and_nobody_assigns_again_what_was_unassigned() {
    let bench = bench();
    let data = bench.server.data.to_str().unwrap().to_owned();
    let token = run(&["device", "add", "d9", "--data", &data]);
    let by_d9 = |patient: &str| {
        let bearer = format!("Bearer {}", token.trim());
        let body = heart_rate("72", now()).replace("Patient/p1", patient);
        let headers = [("authorization", bearer.as_str())];
        request(bench.server.address, "POST", "/fhir/Observation", &headers, body.as_bytes())
    };
    let refused = (422, "Observation.device".to_owned());
    let told = |answer: &Answer| (answer.status, issue(answer).1);
    assert_eq!(told(&by_d9("Patient/p1")), refused, "a sensor chooses no patient");
    run(&["device", "assign", "d9", "--patient", "p1", "--data", &data]);
    assert_eq!(by_d9("Patient/p1").status, 201);
    run(&["device", "unassign", "d9", "--data", &data]);
    assert_eq!(told(&by_d9("Patient/p1")), refused);
    let by_d1 = || {
        let device = r#""device":{"reference":"Device/d1"},"subject""#;
        bench.create(&heart_rate("72", now()).replace("\"subject\"", device))
    };
    assert_eq!(by_d1().status, 201);
    run(&["device", "unassign", "d1", "--data", &data]);
    assert_eq!(told(&by_d1()), refused, "nor does a gateway undo what a person did");
    let at = now();
    let native = support::observation("hr", 99, at).replace("d1", "d9");
    bench.server.request("POST", "/v1/observations", token.trim(), native.as_bytes());
    assert_eq!(bench.stored("d9", "hr", at), None, "what names nobody is nobody's");
}

#[test]
fn bad_resources_are_refused_with_their_element_and_kept() {
    let bench = bench();
    let good = heart_rate("72", now());
    let cases = [
        ("{\"resourceType\":\"Observation\",\"status\":\"final\",".to_owned(), 400, "Observation"),
        (good.replace(r#""status":"final","#, ""), 400, "Observation.status"),
        (good.replace("final", "done"), 400, "Observation.status"),
        (good.replace(r#""status""#, r#""colour":"red","status""#), 400, "Observation.colour"),
        (good.replace(r#""value":72"#, r#""value":"72""#), 400, "Observation.value.ofType(Quantity).value"),
        (good.replace(r#""status":"final""#, r#""status":"final","status":"final""#), 400, "Observation.status"),
        (good.replace("Observation\"", "Vitals\""), 400, "Resource.resourceType"),
        (good.replace("Observation\",", "Patient\",").replace(r#""status":"final","#, ""), 400, "Patient.category"),
        (
            good.replace("\"/min\",\"system\"", "\"x\",\"system\"").replace("\"code\":\"/min\"", "\"code\":\"mm[Hg]\""),
            422,
            "Observation.value.ofType(Quantity)",
        ),
        (good.replace(":72,", ":7200,"), 422, "Observation.value.ofType(Quantity).value"),
        (heart_rate("72", now() + Millis::from_mins(60)), 422, "Observation.effective"),
    ];
    let count = u64::try_from(cases.len()).unwrap();
    for (body, status, expression) in cases {
        let answer = bench.create(&body);
        assert_eq!((answer.status, issue(&answer).1.as_str()), (status, expression), "{body}: {answer:?}");
    }
    assert_eq!(bench.dead_letters(), count);
    let at = now();
    assert_eq!(bench.create(&heart_rate("72", at)).status, 201);
    let conflict = bench.create(&heart_rate("73", at));
    assert_eq!((conflict.status, issue(&conflict).0.as_str()), (409, "conflict"));
    let corrected = bench.create(&heart_rate("73", at).replace("final", "corrected"));
    assert_eq!((corrected.status, bench.stored("gw/p1", "hr", at)), (201, Some(73.0)));
}

#[test]
fn other_types_media_and_methods_are_told_so() {
    let bench = bench();
    let told = |answer: &Answer| format!("{} {} {}", answer.status, issue(answer).0, issue(answer).1);
    let sent = heart_rate("72", now());
    let media = [("content-type", "application/fhir+xml")];
    assert_eq!(told(&bench.send("POST", "/Observation", &media, "<x/>")), "415 not-supported http.Content-Type");
    let accept = [("accept", "application/fhir+xml")];
    assert_eq!(told(&bench.send("POST", "/Observation", &accept, &sent)), "406 not-supported http.Accept");
    assert_eq!(told(&bench.get("/Observation?_format=xml")), "406 not-supported http._format");
    assert_eq!(bench.get("/Observation?_format=application/fhir%2Bjson").status, 200);
    assert_eq!(told(&bench.send("POST", "/Medication", &[], &sent)), "404 not-supported http.url");
    assert_eq!(told(&bench.send("POST", "/Bundle", &[], &sent)), "404 not-supported http.url");
    assert_eq!(told(&bench.send("POST", "/Patient", &[], &sent)), "400 structure Observation.resourceType");
    assert_eq!(told(&bench.send("DELETE", "/Observation/1", &[], "")), "405 not-supported http.method");
    assert_eq!(told(&bench.send("PATCH", "/Observation/1", &[], "")), "405 not-supported http.method");
    assert_eq!(told(&bench.get("/Observation/nothing")), "404 not-found http.url");
    assert_eq!(told(&bench.get("/Observation/nothing/_history")), "404 not-found http.url");
    assert_eq!(told(&bench.get("/Observation?date=maerz")), "400 value http.date");
    let long = sent.replace("final\"", &format!("final\",\"note\":[{{\"text\":\"{}\"}}]", "x".repeat(300_000)));
    assert_eq!(told(&bench.create(&long)), "413 too-long Resource");
    assert_eq!(told(&bench.create(&"x".repeat(5_000_000))), "413 too-long Resource");
}

#[test]
fn a_machine_writes_and_a_person_reads() {
    let bench = bench();
    let sent = heart_rate("72", now());
    let answer = bench.server.request("POST", "/fhir/Observation", &bench.nurse, sent.as_bytes());
    assert_eq!((answer.status, issue(&answer).0.as_str()), (403, "forbidden"));
    let id = id_of(&bench.create(&sent));
    let admin = bench.server.token("root", "admin");
    let data = bench.server.data.to_str().unwrap().to_owned();
    let other = run(&["device", "add", "gw2", "--kind", "gateway", "--data", &data]);
    for (token, path, status) in [
        (admin.as_str(), format!("/fhir/Observation/{id}"), 403),
        (admin.as_str(), "/fhir/Observation/nothing".to_owned(), 403),
        (admin.as_str(), "/fhir/Patient/p1".to_owned(), 403),
        ("nonsense", format!("/fhir/Observation/{id}"), 401),
        (other.trim(), format!("/fhir/Observation/{id}"), 404),
        (other.trim(), "/fhir/Patient/p1".to_owned(), 404),
    ] {
        let answer = bench.server.request("GET", &path, token, b"");
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        issue(&answer);
    }
    let answer = bench.server.request("GET", "/fhir/Observation", other.trim(), b"");
    assert_eq!(ids(&answer.json()), Vec::<String>::new(), "a gateway finds what it sent itself");
    assert_eq!(bench.found("/Observation?patient=p1"), [id]);
    let trail = bench.server.run(&["audit", "show"]);
    assert!(trail.contains("patient.history") && trail.contains("access.denied"), "{trail}");
    assert_eq!(request(bench.server.address, "GET", "/fhir/metadata", &[], b"").status, 200, "needs no token");
}

#[test]
fn what_is_kept_is_found() {
    let bench = bench();
    // All on one day.
    let day = |at: Timestamp| at.as_ms().div_euclid(86_400_000);
    let mut start: Timestamp = Timestamp::from_ms(now().as_ms() / 60_000 * 60_000) - Millis::from_mins(30);
    if day(start) != day(start + Millis::from_mins(12)) {
        start = start - Millis::from_mins(15);
    }
    let at = |minute: i64| start + Millis::from_mins(minute);
    let mut made = Vec::new();
    for minute in 0..5 {
        made.push(id_of(&bench.create(&heart_rate(&format!("7{minute}"), at(minute)))));
    }
    let saturation = id_of(&bench.create(&vital("59408-5", "97", "%", at(10))));
    let identified =
        heart_rate("80", at(11)).replace("\"status\"", r#""identifier":[{"system":"urn:x","value":"a,b"}],"status""#);
    let identified = id_of(&bench.create(&identified));
    let newest_first: Vec<String> = made.iter().rev().cloned().collect();
    let category = "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs";
    assert_eq!(bench.found(&format!("/Observation?patient=p1&category={category}")).len(), 7);
    assert_eq!(bench.found("/Observation?patient=Patient/p1&code=59408-5"), [saturation.as_str()]);
    assert_eq!(bench.found("/Observation?subject=Patient/p1&code=http://loinc.org|59408-5,x"), [saturation.as_str()]);
    assert_eq!(bench.found("/Observation?patient=p1&code=|59408-5"), Vec::<String>::new());
    assert_eq!(bench.found("/Observation?patient=p1&code=http://loinc.org|&status=final").len(), 7);
    assert_eq!(bench.found("/Observation?patient=nobody"), Vec::<String>::new());
    assert_eq!(bench.found("/Observation?patient.identifier=urn:wardwatch:patient|p1").len(), 7);
    assert_eq!(bench.found("/Observation?subject:Patient.identifier=p1&code=59408-5"), [saturation.as_str()]);
    assert_eq!(bench.found("/Observation?identifier=urn:x|a%5C,b"), [identified.as_str()]);
    assert_eq!(bench.found(&format!("/Observation?_id={},{saturation}", made[0])).len(), 2);
    let dates = |query: &str| bench.found(&format!("/Observation?patient=p1&code=8867-4&{query}")).len();
    assert_eq!(dates(&format!("date={}", at(2))), 1);
    assert_eq!(dates(&format!("date=ne{}", at(2))), 5);
    assert_eq!(dates(&format!("date=ge{}&date=lt{}", at(1), at(3))), 2);
    assert_eq!(dates(&format!("date=gt{}&date=le{}", at(1), at(3))), 2);
    assert_eq!(dates(&format!("date=sa{}&date=eb{}", at(1), at(4))), 2);
    assert_eq!(dates(&format!("date={}", &at(2).to_string()[..10])), 6, "a day holds all of it");
    assert_eq!(dates(&format!("date=lt{}", &at(2).to_string()[..4])), 0);
    assert_eq!(dates("date=gt1999"), 6);
    assert_eq!(dates(&format!("_lastUpdated=ge{}", now() - Millis::from_mins(5))), 6);
    assert_eq!(dates(&format!("_lastUpdated=lt{}", now() - Millis::from_mins(5))), 0);
    let sorted = bench.found("/Observation?patient=p1&code=8867-4&_sort=-date&_count=100");
    assert_eq!(sorted[1..], newest_first);
    let sorted = bench.found("/Observation?patient=p1&code=8867-4&_sort=_lastUpdated");
    assert_eq!(sorted[..5], made);
    let form = request(
        bench.server.address,
        "POST",
        "/fhir/Observation/_search",
        &[("authorization", &format!("Bearer {}", bench.nurse)), ("content-type", "application/x-www-form-urlencoded")],
        b"patient=p1&code=59408-5",
    );
    assert_eq!(ids(&form.json()), [saturation.as_str()]);
    let counted = bench.get("/Observation?patient=p1&_summary=count").json();
    assert_eq!((counted["total"].as_u64(), counted["entry"].is_null()), (Some(7), true));
    let with = bench.get("/Observation?patient=p1&code=59408-5&_include=Observation:subject").json();
    let included = &with["entry"][1];
    assert_eq!(
        (included["search"]["mode"].as_str(), included["resource"]["id"].as_str()),
        (Some("include"), Some("p1"))
    );
    let lenient = bench.get("/Observation?patient=p1&colour=red").json();
    let entries = lenient["entry"].as_array().unwrap();
    assert_eq!(entries[7]["resource"]["issue"][0]["expression"][0], "http.colour");
    assert!(!lenient["link"][0]["url"].as_str().unwrap().contains("colour"), "{lenient}");
    let strict = [("authorization", &*format!("Bearer {}", bench.nurse)), ("prefer", "handling=strict")];
    let answer = request(bench.server.address, "GET", "/fhir/Observation?colour=red", &strict, b"");
    assert_eq!((answer.status, issue(&answer).1.as_str()), (400, "http.colour"));
}

#[test]
fn a_device_sees_of_patients_what_it_sent_itself() {
    let bench = bench();
    assert_eq!(bench.create(&heart_rate("72", now())).status, 201);
    let path = "/Observation?patient=p1&_include=Observation:subject";
    let seen = || bench.send("GET", path, &[], "");
    assert_eq!(ids(&seen().json()).len(), 1);
    assert!(!seen().body.contains("Okafor") && !seen().body.contains("\"include\""), "{:?}", seen());
    assert!(bench.get(path).body.contains("Okafor"), "a person sees it");
    let patient = r#"{"resourceType":"Patient","identifier":[{"value":"p1"}],"name":[{"family":"Own"}]}"#;
    assert_eq!(bench.send("POST", "/Patient", &[], patient).status, 201);
    assert!(seen().body.contains("Own") && !seen().body.contains("Okafor"), "{:?}", seen());
}

#[test]
fn pages_are_stable_while_more_comes_in() {
    let bench = bench();
    let start = now() - Millis::from_mins(30);
    let make = |n: i64| id_of(&bench.create(&heart_rate("72", start + Millis::from_secs(n))));
    let mut made: Vec<String> = (0..7).map(make).collect();
    made.reverse();
    let mut path = "/Observation?patient=p1&_count=3&_sort=-date".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = bench.get(&path).json();
        assert_eq!(page["total"], 7, "what came meanwhile belongs to another search");
        seen.extend(ids(&page));
        make(100 + i64::try_from(seen.len()).unwrap());
        let next = page["link"].as_array().unwrap().iter().find(|l| l["relation"] == "next");
        let Some(next) = next.and_then(|l| l["url"].as_str()) else { break };
        let (_, rest) = next.split_once("/fhir").unwrap();
        path = rest.to_owned();
    }
    assert_eq!(seen, made);
    let answer = bench.get("/Observation?patient=p1&_page=junk");
    assert_eq!((answer.status, issue(&answer).1.as_str()), (400, "http._page"));
}

#[test]
fn the_last_values_of_each_kind() {
    let bench = bench();
    let start = now() - Millis::from_mins(30);
    let at = |n: i64| start + Millis::from_secs(n);
    let heart: Vec<String> = (0..4).map(|n| id_of(&bench.create(&heart_rate(&format!("7{n}"), at(n))))).collect();
    // An older value that comes later is older all the same.
    bench.create(&heart_rate("60", at(-100)));
    let saturation = id_of(&bench.create(&vital("59408-5", "97", "%", at(5))));
    let other_code = id_of(&bench.create(&vital("2708-6", "96", "%", at(6))));
    let laboratory = id_of(&bench.create(&vital("777-3", "189", "10*3/uL", at(7))));
    let mut last = bench.found("/Observation/$lastn?patient=p1");
    last.sort();
    let mut wanted = vec![heart[3].clone(), other_code.clone(), laboratory.clone()];
    wanted.sort();
    assert_eq!(last, wanted, "one of each kind; both codes are of one");
    let three = bench.found("/Observation/$lastn?patient=p1&max=3&code=8867-4");
    assert_eq!(three, [heart[3].as_str(), &heart[2], &heart[1]]);
    let category = "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs";
    assert_eq!(bench.found(&format!("/Observation/$lastn?patient=p1&max=2&category={category}")).len(), 5);
    assert!(bench.found("/Observation/$lastn?patient=p1&max=2").contains(&saturation));
    let wrong = heart_rate("73", at(3)).replacen('{', &format!(r#"{{"id":"{}","#, heart[3]), 1);
    let wrong = wrong.replace("\"final\"", "\"entered-in-error\"");
    assert_eq!(bench.send("PUT", &format!("/Observation/{}", heart[3]), &[], &wrong).status, 200);
    bench.create(&heart_rate("74", at(4)).replace("\"final\"", "\"cancelled\""));
    assert_eq!(
        bench.found("/Observation/$lastn?patient=p1&code=8867-4"),
        [heart[2].as_str()],
        "an error is no last value"
    );
    let errors = bench.found("/Observation/$lastn?patient=p1&code=8867-4&status=entered-in-error");
    assert_eq!(errors, [heart[3].as_str()], "unless it is asked for");
    let answer = bench.get("/Observation/$lastn?max=3");
    assert_eq!((answer.status, issue(&answer).1.as_str()), (400, "http.patient"));
}

#[test]
fn the_last_value_is_that_which_was_true_last() {
    let bench = bench();
    let at = |n: i64| now() + Millis::from_secs(n);
    bench.create(&vital("9279-1", "14", "/min", at(-70)));
    let instant = vital("9279-1", "15", "/min", at(-2));
    let begin = instant.find(r#""effectiveDateTime""#).unwrap();
    let end = instant[begin..].find(',').unwrap() + begin;
    let period = format!(r#""effectivePeriod":{{"start":"{}","end":"{}"}}"#, at(-600), at(-2));
    let period = id_of(&bench.create(&format!("{}{period}{}", &instant[..begin], &instant[end..])));
    assert_eq!(
        bench.found("/Observation/$lastn?patient=p1&code=9279-1"),
        [period.as_str()],
        "a period counts by its end"
    );
    // What has no value is not true later than now either.
    let ahead = heart_rate("72", at(3_600));
    let value = ahead.find(r#","valueQuantity""#).unwrap();
    let none = format!(r#"{},"dataAbsentReason":{{"text":"off"}}}}"#, &ahead[..value]);
    let answer = bench.create(&none);
    assert_eq!((answer.status, issue(&answer).1.as_str()), (422, "Observation.effective"));
    let laboratory = bench.create(&vital("777-3", "189", "10*3/uL", at(3_600)));
    assert_eq!(laboratory.status, 422, "{laboratory:?}");
}

#[test]
fn the_encounter_is_of_the_same_patient() {
    let bench = bench();
    bench.admit_p2();
    let encounter = |patient: &str| {
        let text = format!(
            r#"{{"resourceType":"Encounter","status":"in-progress","class":{{"code":"IMP"}},"subject":{{"reference":"Patient/{patient}"}}}}"#
        );
        id_of(&bench.send("POST", "/Encounter", &[], &text))
    };
    let within = |encounter: &str, at| {
        let member = format!(r#""encounter":{{"reference":"Encounter/{encounter}"}},"subject""#);
        bench.create(&heart_rate("72", at).replacen("\"subject\"", &member, 1))
    };
    let at = now();
    let answer = within(&encounter("p2"), at);
    assert_eq!((answer.status, issue(&answer).1.as_str()), (422, "Observation.encounter"));
    assert_eq!(bench.stored("gw/p1", "hr", at), None);
    assert_eq!(within(&encounter("p1"), at).status, 201);
}

#[test]
fn versions_are_changed_only_by_who_knows_them() {
    let bench = bench();
    let at = now();
    let sent = heart_rate("72", at);
    let id = id_of(&bench.create(&sent));
    let body = |value: &str, status: &str| {
        let named = heart_rate(value, at).replace("final", status);
        named.replace("\"status\"", &format!("\"id\":\"{id}\",\"status\""))
    };
    let put = |tag: &str, body: &str| bench.send("PUT", &format!("/Observation/{id}"), &[("if-match", tag)], body);
    let stale = put("W/\"7\"", &body("74", "corrected"));
    assert_eq!((stale.status, issue(&stale).1.as_str()), (412, "http.If-Match"), "{stale:?}");
    let changed = put("W/\"1\"", &body("74", "corrected"));
    assert_eq!((changed.status, header(&changed, "etag")), (200, "W/\"2\""), "{changed:?}");
    assert_eq!(bench.stored("gw/p1", "hr", at), Some(74.0), "the value is another now");
    assert!(bench.get(&format!("/Observation/{id}/_history/1")).body.contains("\"value\":72"));
    let history = bench.get(&format!("/Observation/{id}/_history")).json();
    assert_eq!(history["total"], 2);
    assert_eq!(history["entry"][0]["resource"]["meta"]["versionId"], "2");
    for (body, place) in [
        (body("74", "final").replace("Patient/p1", "Patient/p2"), "Observation.subject"),
        (body("74", "final").replace("8867-4", "9279-1"), "Observation.code"),
        (body("74", "final").replace(&at.to_string(), &(at - Millis(1)).to_string()), "Observation.effective"),
        (body("74", "final").replace(&id, "other"), "Observation.id"),
    ] {
        let answer = put("W/\"2\"", &body);
        assert!(matches!(answer.status, 400 | 422), "{answer:?}");
        assert_eq!(issue(&answer).1, place);
    }
    let removed = put("W/\"2\"", &body("74", "entered-in-error"));
    assert_eq!(removed.status, 200, "{removed:?}");
    let span = (at - Millis::from_mins(1), at + Millis::from_mins(1));
    let trends = bench.server.reader().trends(&"w".parse().unwrap(), &"p1".parse().unwrap(), &[], span, 1).unwrap();
    assert!(trends.is_empty(), "the value is in no trend any more: {trends:?}");
    assert_eq!(put("W/\"3\"", &body("74", "final")).status, 422, "what was an error stays one");
    let nowhere = bench.send(
        "PUT",
        "/Observation/mine",
        &[],
        &heart_rate("72", at).replace("\"status\"", r#""id":"mine","status""#),
    );
    assert_eq!((nowhere.status, issue(&nowhere).0.as_str()), (404, "not-found"), "ids are made here");
}

#[test]
fn a_conditional_create_makes_one() {
    let bench = bench();
    let at = now();
    let sent = heart_rate("72", at).replace("\"status\"", r#""identifier":[{"system":"urn:x","value":"1"}],"status""#);
    let once = [("if-none-exist", "identifier=urn:x|1")];
    let first = bench.send("POST", "/Observation", &once, &sent);
    let second = bench.send("POST", "/Observation", &once, &sent);
    assert_eq!((first.status, second.status), (201, 200), "{second:?}");
    assert_eq!(id_of(&first), id_of(&second));
    assert_eq!(bench.create(&sent).status, 201, "without the condition there is another");
    let third = bench.send("POST", "/Observation", &once, &sent);
    assert_eq!((third.status, issue(&third).0.as_str()), (412, "multiple-matches"));
    let other = bench.send("POST", "/Observation", &[("if-none-exist", "status=final")], &sent);
    assert_eq!((other.status, issue(&other).1.as_str()), (400, "http.If-None-Exist"));
    // Many at once, none of them on the disk yet: still one.
    let body = sent.replace("\"1\"", "\"2\"");
    let condition = [("if-none-exist", "identifier=urn:x|2")];
    let made: Vec<String> = std::thread::scope(|scope| {
        let one = || id_of(&bench.send("POST", "/Observation", &condition, &body));
        let all: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(made.iter().all(|id| *id == made[0]), "{made:?}");
}

#[test]
fn what_was_cancelled_or_in_error_is_measured_again_by_a_final_one_with_its_identifier() {
    let bench = bench();
    let at = now();
    let with = |value: &str, n: i64, status: &str| {
        heart_rate(value, at - Millis(n * 1_000))
            .replace("\"status\"", &format!(r#""identifier":[{{"system":"urn:x","value":"{n}"}}],"status""#))
            .replace("final", status)
    };
    let post = |n: i64, body: &str| {
        bench.send("POST", "/Observation", &[("if-none-exist", &format!("identifier=urn:x|{n}"))], body)
    };
    let put = |id: &str, body: &str| bench.send("PUT", &format!("/Observation/{id}"), &[], &put_of(id, body));
    let seen = |n: i64| {
        let (ward, patient) = ("w".parse().unwrap(), "p1".parse().unwrap());
        let span = (at - Millis(n * 1_000), at - Millis(n * 1_000) + Millis(1));
        !bench.server.reader().trends(&ward, &patient, &[], span, 1).unwrap().is_empty()
    };
    // It was cancelled first, and measured then.
    let cancelled = post(1, &with("72", 1, "cancelled"));
    assert_eq!((cancelled.status, seen(1)), (201, false));
    let measured = post(1, &with("72", 1, "final"));
    assert_eq!(measured.status, 201, "the one that says that nothing was measured is no answer: {measured:?}");
    assert!(seen(1));
    let again = [post(1, &with("72", 1, "final")), post(1, &with("72", 1, "cancelled"))];
    assert_eq!(again.each_ref().map(|a| a.status), [200, 200], "each is there: {again:?}");
    assert_eq!(again.each_ref().map(id_of), [id_of(&measured), id_of(&cancelled)]);
    // A mark of error takes it out, and another one with the identifier stands for it again.
    for (n, status) in [(2, "entered-in-error"), (3, "cancelled")] {
        let first = id_of(&post(n, &with("72", n, "final")));
        assert_eq!(put(&first, &with("72", n, status)).status, 200);
        assert!(!seen(n), "{status}");
        assert_eq!(post(n, &with("72", n, "final")).status, 201);
        assert!(seen(n), "{status}");
    }
    // What was cancelled by an update is measured by another.
    let id = id_of(&bench.create(&with("72", 4, "final")));
    for (status, is_seen) in [("cancelled", false), ("final", true)] {
        assert_eq!(put(&id, &with("72", 4, status)).status, 200);
        assert_eq!(seen(4), is_seen, "{status}");
    }
    // Where it was measured, that it was not is told of the one that says so, and changes nothing silently.
    assert_eq!(post(5, &with("72", 5, "final")).status, 201);
    let refused = post(5, &with("72", 5, "cancelled"));
    assert_eq!(issue(&refused).1, "Observation.status", "{refused:?}");
    // In a transaction too.
    assert_eq!(post(6, &with("72", 6, "cancelled")).status, 201);
    let request = json!({"method": "POST", "url": "Observation", "ifNoneExist": "identifier=urn:x|6"});
    let done = bench.send("POST", "", &[], &bundle("transaction", &[entry(&with("72", 6, "final"), &request)]));
    assert_eq!(done.status, 200, "{done:?}");
    assert!(seen(6));
}

#[test]
fn who_sends_says_what_comes_back() {
    let bench = bench();
    let prefer = |what: &str, n: i64| {
        bench.send(
            "POST",
            "/Observation",
            &[("prefer", &format!("return={what}"))],
            &heart_rate("72", now() - Millis::from_secs(n)),
        )
    };
    let minimal = prefer("minimal", 1);
    assert_eq!((minimal.status, minimal.body.as_str()), (201, ""));
    assert!(header(&minimal, "location").contains("/fhir/Observation/"), "{minimal:?}");
    assert_eq!(prefer("representation", 2).json()["resourceType"], "Observation");
    assert_eq!(prefer("OperationOutcome", 3).json()["resourceType"], "OperationOutcome");
}

#[test]
fn a_conversion_by_the_molar_mass_is_told_always() {
    let bench = bench();
    let glucose = |n: i64| vital("2339-0", "5", "mmol/L", now() - Millis::from_secs(n));
    let answer = bench.create(&glucose(1));
    assert_eq!((answer.status, answer.json()["resourceType"].as_str()), (201, Some("Observation")));
    assert!(header(&answer, "warning").contains("converted to mg/dL"), "{answer:?}");
    for (kind, n) in [("batch", 2), ("transaction", 3)] {
        let sent = entry(&glucose(n), &json!({"method": "POST", "url": "Observation"}));
        let body = bench.send("POST", "", &[], &bundle(kind, &[sent])).json();
        assert_eq!(body["entry"][0]["resource"]["resourceType"], "Observation", "{body}");
        let told = &body["entry"][0]["response"]["outcome"]["issue"][0];
        assert!(told["severity"] == "warning" && told.to_string().contains("converted to mg/dL"), "{body}");
    }
    support::wait_for("the log", || bench.server.log().contains("a resource was kept with a warning").then_some(()));
    let plain = bench.create(&heart_rate("72", now()));
    assert_eq!(header(&plain, "warning"), "");
}

fn entry(resource: &str, request: &Value) -> String {
    format!(r#"{{"resource":{resource},"request":{request}}}"#)
}

fn bundle(kind: &str, entries: &[String]) -> String {
    format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{}]}}"#, entries.join(","))
}

#[test]
fn in_a_batch_of_another_server_its_patient_is_nobody_here() {
    let bench = bench();
    let at = now();
    let post = json!({"method": "POST", "url": "Observation"});
    let of =
        |base: &str, n: i64| addressed(&format!("{base}/Observation/{n}"), &heart_rate("72", at - Millis(n)), &post);
    let here = bench.get("/metadata").json()["implementation"]["url"].as_str().map(str::to_owned);
    let here = here.unwrap_or_else(|| format!("{}/fhir", bench.server.url()));
    let answer =
        bench.send("POST", "", &[], &bundle("batch", &[of("http://ehr.example/fhir", 1), of(&here, 2)])).json();
    let status = |n: usize| answer["entry"][n]["response"]["status"].as_str().unwrap().to_owned();
    assert_eq!([status(0), status(1)], ["422 Unprocessable Entity", "201 Created"], "{answer}");
    let issue = &answer["entry"][0]["response"]["outcome"]["issue"][0];
    assert_eq!(issue["expression"][0], "Observation.subject.reference", "{issue}");
    assert_eq!(bench.dead_letters(), 1, "it is kept for whoever looks after the sender");
    assert_eq!(bench.stored("gw/p1", "hr", at - Millis(1)), None);
}

#[test]
fn entries_of_a_batch_stand_for_themselves() {
    let bench = bench();
    let at = now();
    let post = json!({"method": "POST", "url": "Observation"});
    let good = entry(&heart_rate("72", at), &post);
    let bad = entry(&heart_rate("72", at).replace(r#""status":"final","#, ""), &post);
    let wrong = entry(&heart_rate("72", at).replace("Patient/p1", "Patient/p9"), &post);
    let read = r#"{"request":{"method":"GET","url":"Observation?patient=p1"}}"#.to_owned();
    let none = r#"{"resource":{"resourceType":"Patient"}}"#.to_owned();
    let last = entry(&vital("59408-5", "97", "%", at), &post);
    let answer = bench.send("POST", "", &[], &bundle("batch", &[good, bad, wrong, read, none, last]));
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["type"], "batch-response");
    let status: Vec<&str> =
        body["entry"].as_array().unwrap().iter().map(|e| &e["response"]["status"].as_str().unwrap()[..3]).collect();
    assert_eq!(status, ["201", "400", "422", "200", "400", "201"], "{body}");
    assert_eq!(body["entry"][1]["response"]["outcome"]["issue"][0]["expression"][0], "Observation.status");
    assert!(body["entry"][0]["response"]["location"].as_str().unwrap().contains("/fhir/Observation/"));
    assert_eq!(bench.stored("gw/p1", "hr", at), Some(72.0));
    assert_eq!(bench.stored("gw/p1", "spo2", at), Some(97.0));
}

#[test]
fn a_batch_costs_what_its_entries_cost() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let gateway = server.small_ward();
    let send = |method: &str, path: &str, body: &str| server.request(method, path, &gateway, body.as_bytes());
    let long = format!(r#""note":[{{"text":"{}"}}],"subject""#, "x".repeat(250_000));
    let sent = vital("777-3", "189", "10*3/uL", now()).replace("\"subject\"", &long);
    for _ in 0..24 {
        assert_eq!(send("POST", "/fhir/Observation", &sent).status, 201);
    }
    let read = r#"{"request":{"method":"GET","url":"Observation?patient=p1&_count=1000"}}"#.to_owned();
    let mut entries = vec![read; 8];
    entries.push(entry(&heart_rate("72", now()), &json!({"method": "POST", "url": "Observation"})));
    let answer = send("POST", "/fhir", &bundle("batch", &entries));
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() < 17 * 1024 * 1024, "{} bytes", answer.body.len());
    let body = answer.json();
    let status = |i: usize| body["entry"][i]["response"]["status"].as_str().unwrap()[..3].to_owned();
    assert_eq!((0..9).map(status).collect::<Vec<_>>(), ["200", "200", "413", "413", "413", "413", "413", "413", "201"]);
    assert_eq!(body["entry"][7]["response"]["outcome"]["issue"][0]["code"], "too-costly");
}

#[test]
fn each_entry_and_each_read_of_a_device_counts_as_a_request() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [("WARDWATCH_LIMITS__DEVICE_REQUESTS_PER_S", "1")];
    let server = Server::start_set(&dir.path().join("data"), &settings);
    let gateway = server.small_ward();
    let read = r#"{"request":{"method":"GET","url":"Observation?patient=p1"}}"#.to_owned();
    let answer = server.request("POST", "/fhir", &gateway, bundle("batch", &vec![read; 100]).as_bytes());
    let refused = answer.json()["entry"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["response"]["status"].as_str().unwrap().starts_with("429"))
        .count();
    assert!(refused >= 90, "{refused} of 100 were refused");
    let status = |_: u8| server.request("GET", "/fhir/Observation?patient=p1", &gateway, b"").status;
    assert!((0..20).map(status).any(|status| status == 429));
}

#[test]
fn a_transaction_is_all_or_nothing() {
    let bench = bench();
    let at = now();
    let post = |kind: &str| json!({"method": "POST", "url": kind});
    let patient =
        r#"{"resourceType":"Patient","identifier":[{"system":"urn:h","value":"p1"}],"name":[{"family":"Okafor"}]}"#;
    let whole = |observations: &[String]| {
        let own = format!(r#"{{"fullUrl":"urn:uuid:1","resource":{patient},"request":{}}}"#, post("Patient"));
        let mut entries = vec![own];
        entries
            .extend(observations.iter().map(|o| entry(&o.replace("Patient/p1", "urn:uuid:1"), &post("Observation"))));
        bundle("transaction", &entries)
    };
    let good = [heart_rate("72.0", at), vital("59408-5", "97", "%", at)];
    let bad = [good[0].clone(), vital("59408-5", "250", "%", at)];
    let refused = bench.send("POST", "", &[], &whole(&bad));
    assert_eq!(
        (refused.status, issue(&refused).1.as_str()),
        (422, "Bundle.entry[2].resource.value.ofType(Quantity).value")
    );
    assert_eq!(bench.stored("gw/p1", "hr", at), None, "nothing of it is kept");
    assert_eq!(bench.found("/Observation?patient=p1"), Vec::<String>::new());
    let conflict = [good[0].clone(), heart_rate("73", at)];
    let refused = bench.send("POST", "", &[], &whole(&conflict));
    assert_eq!((refused.status, issue(&refused).0.as_str()), (409, "conflict"), "{refused:?}");
    assert_eq!(bench.stored("gw/p1", "hr", at), None);
    let done = bench.send("POST", "", &[], &whole(&good));
    assert_eq!(done.status, 200, "{done:?}");
    let body = done.json();
    assert_eq!(body["type"], "transaction-response");
    let created = body["entry"][0]["resource"]["id"].as_str().unwrap();
    assert_eq!(body["entry"][1]["resource"]["subject"]["reference"], format!("Patient/{created}"));
    assert_eq!(bench.stored("gw/p1", "hr", at), Some(72.0), "the patient of the transaction is the one on the ward");
    assert!(done.body.contains("\"value\":72.0,"), "digits are kept: {done:?}");
    assert_eq!(bench.found(&format!("/Observation?patient={created}")).len(), 2);
    assert_eq!(bench.found("/Observation?patient=p1").len(), 2);
    let reading = bundle("transaction", &[r#"{"request":{"method":"GET","url":"Patient/p1"}}"#.to_owned()]);
    let before = bench.dead_letters();
    let refused = bench.send("POST", "", &[], &reading);
    assert_eq!((refused.status, issue(&refused).0.as_str()), (400, "not-supported"));
    assert_eq!(bench.dead_letters(), before + 1);
    let collection = bundle("collection", &[]).replace(r#","entry":[]"#, "");
    let refused = bench.send("POST", "", &[], &collection);
    assert_eq!((refused.status, issue(&refused).1.as_str()), (400, "Bundle.type"));
    let many = vec![entry(&good[0], &post("Observation")); 1_001];
    assert_eq!(bench.send("POST", "", &[], &bundle("batch", &many)).status, 413);
}

#[test]
fn a_resource_is_changed_once_in_a_transaction() {
    let bench = bench();
    let id = id_of(&bench.send("POST", "/Device", &[], r#"{"resourceType":"Device"}"#));
    let put = json!({"method": "PUT", "url": format!("Device/{id}")});
    let change = |lot: &str| entry(&format!(r#"{{"resourceType":"Device","id":"{id}","lotNumber":"{lot}"}}"#), &put);
    let twice = bench.send("POST", "", &[], &bundle("transaction", &[change("a"), change("b")]));
    assert_eq!((twice.status, issue(&twice).0.as_str()), (409, "conflict"), "{twice:?}");
    assert!(twice.body.contains("stands twice"), "{twice:?}");
    let at = now();
    assert_eq!(bench.create(&heart_rate("72", at)).status, 201, "recording goes on");
    assert_eq!(bench.stored("gw/p1", "hr", at), Some(72.0));
    let once = bench.send("POST", "", &[], &bundle("transaction", &[change("a")]));
    assert_eq!(once.status, 200, "{once:?}");
    assert_eq!(bench.get(&format!("/Device/{id}/_history")).json()["total"], 2);
    // Many at once, none of them on the disk yet: one of them is the next version.
    let url = format!("/Device/{id}");
    let body = format!(r#"{{"resourceType":"Device","id":"{id}"}}"#);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let one = || bench.send("PUT", &url, &[("if-match", "W/\"2\"")], &body).status;
        let all: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 412)), "{statuses:?}");
}

fn addressed(full_url: &str, resource: &str, request: &Value) -> String {
    format!(r#"{{"fullUrl":"{full_url}","resource":{resource},"request":{request}}}"#)
}

/// A Patient that is `id` here, with an identifier of its sender.
fn patient_as(id: &str, own: &str) -> String {
    let mr = r#"{"coding":[{"code":"MR"}]}"#;
    format!(
        r#"{{"resourceType":"Patient","identifier":[{{"system":"urn:x","value":"{own}"}},{{"type":{mr},"value":"{id}"}}]}}"#
    )
}

#[test]
fn the_id_of_a_sender_is_never_taken_for_one_of_ours() {
    let bench = bench();
    bench.admit_p2();
    let at = now();
    let post = |kind: &str| json!({"method": "POST", "url": kind});
    let patient = addressed("http://ehr.example/fhir/Patient/p1", &patient_as("p2", "1"), &post("Patient"));
    let send = |entries: &[String]| bench.send("POST", "", &[], &bundle("transaction", entries));
    let observation = |n: i64| heart_rate("72", at - Millis::from_secs(n));
    let nothing_kept = |answer: &Answer, status: u16, place: &str| {
        assert_eq!((answer.status, issue(answer).1.as_str()), (status, place), "{answer:?}");
        for device in ["gw/p1", "gw/p2"] {
            assert_eq!(bench.stored(device, "hr", at), None, "{answer:?}");
        }
    };
    // Their p1 or ours?
    let either = send(&[patient.clone(), entry(&observation(0), &post("Observation"))]);
    nothing_kept(&either, 400, "Bundle.entry[1].resource");
    // Their p1, of whom nothing is sent.
    let theirs = "http://ehr.example/fhir/Observation/1";
    let elsewhere = send(&[addressed(theirs, &observation(0), &post("Observation"))]);
    nothing_kept(&elsewhere, 422, "Bundle.entry[0].resource.subject.reference");
    let dangling = observation(0).replace("\"subject\"", r#""encounter":{"reference":"urn:uuid:9"},"subject""#);
    let dangling = send(&[patient.clone(), addressed(theirs, &dangling, &post("Observation"))]);
    nothing_kept(&dangling, 400, "Bundle.entry[1].resource");
    assert!(dangling.body.contains("urn:uuid:9"), "{dangling:?}");
    let done = send(&[patient, addressed(theirs, &observation(0), &post("Observation"))]);
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(bench.stored("gw/p2", "hr", at), Some(72.0), "their p1 is our p2");
    assert_eq!(bench.stored("gw/p1", "hr", at), None);
    let ours = send(&[entry(&observation(1), &post("Observation"))]);
    assert_eq!(ours.status, 200, "without an address of theirs it is our id: {ours:?}");
    assert_eq!(bench.stored("gw/p1", "hr", at - Millis::from_secs(1)), Some(72.0));
}

#[test]
fn a_patient_that_is_there_already_is_who_it_is() {
    let bench = bench();
    bench.admit_p2();
    let at = now();
    let kept = id_of(&bench.send("POST", "/Patient", &[], &patient_as("p1", "1")));
    let conditional = json!({"method": "POST", "url": "Patient", "ifNoneExist": "identifier=urn:x|1"});
    let post = json!({"method": "POST", "url": "Observation"});
    let send = |patient: &str| {
        let observation = heart_rate("72", at).replace("Patient/p1", "urn:uuid:1");
        let entries = [addressed("urn:uuid:1", patient, &conditional), entry(&observation, &post)];
        bench.send("POST", "", &[], &bundle("transaction", &entries))
    };
    let other = send(&patient_as("p2", "1"));
    assert_eq!((other.status, issue(&other).1.as_str()), (412, "Bundle.entry[0].resource.identifier"), "{other:?}");
    assert_eq!((bench.stored("gw/p1", "hr", at), bench.stored("gw/p2", "hr", at)), (None, None));
    let same = send(&patient_as("p1", "1"));
    assert_eq!(same.status, 200, "{same:?}");
    assert_eq!(bench.stored("gw/p1", "hr", at), Some(72.0));
    assert_eq!(bench.found("/Patient?identifier=urn:x|1"), [kept.as_str()], "nobody was made");
}

#[test]
fn what_is_of_one_person_does_not_become_anothers() {
    let bench = bench();
    bench.admit_p2();
    let device =
        |patient: &str| format!(r#"{{"resourceType":"Device","patient":{{"reference":"Patient/{patient}"}}}}"#);
    let stay = |patient: &str| {
        format!(
            r#"{{"resourceType":"Encounter","status":"in-progress","class":{{"code":"IMP"}},"subject":{{"reference":"Patient/{patient}"}}}}"#
        )
    };
    for (kind, first, same, other, nobody, place) in [
        (
            "Patient",
            patient_as("p1", "1"),
            patient_as("p1", "2"),
            patient_as("p2", "1"),
            r#"{"resourceType":"Patient"}"#.to_owned(),
            "Patient.identifier",
        ),
        (
            "Device",
            device("p1"),
            device("p1").replace("\"patient\"", "\"lotNumber\":\"7\",\"patient\""),
            device("p2"),
            r#"{"resourceType":"Device"}"#.to_owned(),
            "Device.patient",
        ),
        (
            "Encounter",
            stay("p1"),
            stay("p1").replace("in-progress", "finished"),
            stay("p2"),
            r#"{"resourceType":"Encounter","status":"in-progress","class":{"code":"IMP"}}"#.to_owned(),
            "Encounter.subject",
        ),
    ] {
        let id = id_of(&bench.send("POST", &format!("/{kind}"), &[], &first));
        let put = |body: &str| {
            let body = body.replacen(&format!("\"{kind}\""), &format!("\"{kind}\",\"id\":\"{id}\""), 1);
            bench.send("PUT", &format!("/{kind}/{id}"), &[], &body)
        };
        for body in [&other, &nobody] {
            let refused = put(body);
            assert_eq!((refused.status, issue(&refused).1.as_str()), (422, place), "{refused:?}");
        }
        let changed = put(&same);
        assert_eq!(changed.status, 200, "{changed:?}");
        let entries = [entry(
            &other.replacen(&format!("\"{kind}\""), &format!("\"{kind}\",\"id\":\"{id}\""), 1),
            &json!({"method": "PUT", "url": format!("{kind}/{id}")}),
        )];
        assert_eq!(bench.send("POST", "", &[], &bundle("transaction", &entries)).status, 422, "in a transaction too");
    }
}

#[test]
fn a_conditional_create_finds_what_its_sender_made_and_what_is_the_same() {
    let bench = bench();
    bench.admit_p2();
    let at = now();
    let identified =
        |text: String| text.replace("\"status\"", r#""identifier":[{"system":"urn:x","value":"1"}],"status""#);
    let device = |name: &str, text: &str| {
        text.replace("\"subject\"", &format!(r#""device":{{"identifier":{{"value":"{name}"}}}},"subject""#))
    };
    let sent = device("d1", &identified(heart_rate("72", at)));
    let once = [("if-none-exist", "identifier=urn:x|1")];
    let first = bench.send("POST", "/Observation", &once, &sent);
    assert_eq!(first.status, 201, "{first:?}");
    let again = bench.send("POST", "/Observation", &once, &sent);
    assert_eq!((again.status, id_of(&again)), (200, id_of(&first)));
    let earlier = at - Millis::from_secs(1);
    for (other, place) in [
        (sent.replace("Patient/p1", "Patient/p2"), "Observation.subject"),
        (sent.replace("\"d1\"", "\"d2\""), "Observation.device"),
        (sent.replace(&at.to_string(), &earlier.to_string()), "Observation.effective"),
        (device("d1", &identified(vital("8867-4", "72", "/min", at))).replace("8867-4", "9279-1"), "Observation.code"),
    ] {
        let refused = bench.send("POST", "/Observation", &once, &other);
        assert_eq!((refused.status, issue(&refused).1.as_str()), (412, place), "{refused:?}");
    }
    assert_eq!((bench.stored("gw/p2", "hr", at), bench.stored("d1", "hr", earlier)), (None, None));
    // Another sender's identifier is another identifier.
    let token = run(&["device", "add", "gw2", "--kind", "gateway", "--data", bench.server.data.to_str().unwrap()]);
    let bearer = format!("Bearer {}", token.trim());
    let headers = [("authorization", bearer.as_str()), ("if-none-exist", "identifier=urn:x|1")];
    let sent = identified(heart_rate("75", at));
    let made = request(bench.server.address, "POST", "/fhir/Observation", &headers, sent.as_bytes());
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(bench.stored("gw2/p1", "hr", at), Some(75.0), "nothing is dropped");
    assert_ne!(id_of(&made), id_of(&first));
}

fn put_of(id: &str, body: &str) -> String {
    body.replace("\"status\"", &format!("\"id\":\"{id}\",\"status\""))
}

#[test]
fn an_old_resource_leaves_alone_what_was_corrected_since() {
    let bench = bench();
    let at = now();
    let old = id_of(&bench.create(&heart_rate("72", at)));
    let new = id_of(&bench.create(&heart_rate("90", at).replace("final", "corrected")));
    let put = |id: &str, body: &str| bench.send("PUT", &format!("/Observation/{id}"), &[], &put_of(id, body));
    let note = heart_rate("72", at).replace("\"subject\"", r#""note":[{"text":"by hand"}],"subject""#);
    assert_eq!(put(&old, &note).status, 200);
    assert_eq!(bench.stored("gw/p1", "hr", at), Some(90.0), "a note changes no value");
    let changed = put(&old, &heart_rate("74", at).replace("final", "corrected"));
    assert_eq!((changed.status, issue(&changed).0.as_str()), (409, "conflict"), "{changed:?}");
    assert_eq!(bench.stored("gw/p1", "hr", at), Some(90.0));
    assert_eq!(put(&old, &heart_rate("72", at).replace("final", "entered-in-error")).status, 200);
    assert!(!bench.is_struck(at), "the corrected value stays");
    assert_eq!(put(&new, &heart_rate("91", at).replace("final", "corrected")).status, 200);
    assert_eq!(bench.stored("gw/p1", "hr", at), Some(91.0));
    assert_eq!(put(&new, &heart_rate("91", at).replace("final", "entered-in-error")).status, 200);
    assert!(bench.is_struck(at));
}

#[test]
fn a_value_of_two_resources_stays_until_both_are_in_error() {
    let bench = bench();
    let at = now();
    let body = heart_rate("72", at);
    let wrong = body.replace("final", "entered-in-error");
    let ids: Vec<String> = (0..3).map(|_| id_of(&bench.create(&body))).collect();
    let put = |id: &str| bench.send("PUT", &format!("/Observation/{id}"), &[], &put_of(id, &wrong));
    assert_eq!(put(&ids[0]).status, 200);
    assert!(!bench.is_struck(at), "two more stand for it");
    let both: Vec<String> = ids[1..]
        .iter()
        .map(|id| entry(&put_of(id, &wrong), &json!({"method": "PUT", "url": format!("Observation/{id}")})))
        .collect();
    let done = bench.send("POST", "", &[], &bundle("transaction", &both));
    assert_eq!(done.status, 200, "{done:?}");
    assert!(bench.is_struck(at), "nothing stands for it");
}

#[test]
fn patients_devices_and_stays_are_kept_and_patients_of_the_ward_are_served() {
    let bench = bench();
    let census = bench.get("/Patient/p1").json();
    assert_eq!(census["name"][0]["family"], "Okafor");
    assert_eq!(bench.found("/Patient?identifier=urn:wardwatch:patient|p1"), ["p1"]);
    assert_eq!(bench.found("/Patient?name=oka"), ["p1"]);
    assert_eq!(bench.found("/Patient?given=chi"), ["p1"]);
    assert_eq!(bench.found("/Patient?name=nobody"), Vec::<String>::new());
    let patient = r#"{"resourceType":"Patient","identifier":[{"system":"urn:h","value":"p1"}],"gender":"male","birthDate":"1950-02-03"}"#;
    let sent = id_of(&bench.send("POST", "/Patient", &[], patient));
    assert_eq!(bench.found("/Patient?birthdate=1950&gender=male"), [sent.as_str()]);
    assert_eq!(bench.found("/Patient"), ["p1", sent.as_str()], "what is sent hides nobody of the ward");
    let answer = bench.create(&heart_rate("72", now()).replace("Patient/p1", &format!("Patient/{sent}")));
    assert_eq!(answer.status, 201, "the resource is linked to the patient on the ward");
    let unlinked = r#"{"resourceType":"Patient","name":[{"family":"Nobody"}]}"#;
    let unlinked = id_of(&bench.send("POST", "/Patient", &[], unlinked));
    let answer = bench.create(&heart_rate("72", now()).replace("Patient/p1", &format!("Patient/{unlinked}")));
    assert_eq!((answer.status, issue(&answer).1.as_str()), (422, "Observation.subject.reference"));
    let device = r#"{"resourceType":"Device","identifier":[{"value":"d1"}],"patient":{"reference":"Patient/p1"}}"#;
    let device = id_of(&bench.send("POST", "/Device", &[], device));
    let at = now();
    let by_device = heart_rate("75", at)
        .replace("\"subject\"", &format!(r#""device":{{"reference":"Device/{device}"}},"subject""#));
    assert_eq!(bench.create(&by_device).status, 201);
    assert_eq!(bench.stored("d1", "hr", at), Some(75.0), "the device is known by its identifier");
    assert_eq!(bench.found("/Device?patient=p1"), [device.as_str()]);
    let stay = r#"{"resourceType":"Encounter","status":"in-progress","class":{"system":"urn:c","code":"IMP"},"subject":{"reference":"Patient/p1"},"period":{"start":"2026-03-01"}}"#;
    let stay = id_of(&bench.send("POST", "/Encounter", &[], stay));
    assert_eq!(bench.found("/Encounter?patient=p1&class=IMP&date=ge2026"), [stay.as_str()]);
}

#[test]
fn the_statement_is_true() {
    let bench = bench();
    let statement = request(bench.server.address, "GET", "/fhir/metadata", &[], b"").json();
    assert_eq!(
        (statement["resourceType"].as_str(), statement["fhirVersion"].as_str()),
        (Some("CapabilityStatement"), Some("4.0.1"))
    );
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        let kind = resource["type"].as_str().unwrap();
        for param in resource["searchParam"].as_array().unwrap() {
            let value = match param["type"].as_str().unwrap() {
                "date" => "2026-03",
                _ => "x",
            };
            let path = format!("/{kind}?{}={value}", param["name"].as_str().unwrap());
            let strict = [("authorization", &*format!("Bearer {}", bench.nurse)), ("prefer", "handling=strict")];
            let answer = request(bench.server.address, "GET", &format!("/fhir{path}"), &strict, b"");
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
        }
    }
}

#[test]
fn of_a_message_with_a_row_that_the_database_refuses_nothing_is_kept_and_the_server_goes_on() {
    let bench = bench();
    let db = rusqlite::Connection::open(bench.server.data.join("wardwatch.db")).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    let trigger = "CREATE TRIGGER refuse BEFORE INSERT ON fhir_resource WHEN CAST(NEW.body AS TEXT) LIKE '%injected%' BEGIN SELECT \
                   RAISE(ABORT, 'refused by a test'); END";
    db.execute_batch(trigger).unwrap();
    let body = |note: &str, ago: i64| {
        let mut body: Value = serde_json::from_str(&heart_rate("80", now() - Millis::from_secs(ago))).unwrap();
        body["note"] = json!([{ "text": note }]);
        body.to_string()
    };
    let posted = |bodies: &[String]| {
        let post = r#""request":{"method":"POST","url":"Observation"}"#;
        let entries: Vec<String> = bodies.iter().map(|body| format!(r#"{{"resource":{body},{post}}}"#)).collect();
        bundle("transaction", &entries)
    };
    let total = || bench.get("/Observation?_summary=count").json()["total"].clone();
    let refused = bench.create(&body("injected", 5));
    assert_eq!(refused.status, 503, "{refused:?}");
    let whole = posted(&[body("as any other", 4), body("injected", 3)]);
    assert_eq!(bench.send("POST", "", &[], &whole).status, 503, "all or nothing");
    assert_eq!((total(), bench.dead_letters()), (json!(0), 0));
    assert_eq!(bench.create(&body("as any other", 5)).status, 201, "nothing of what was refused stands in its way");
    let whole = posted(&[body("as any other", 4), body("as any other", 3)]);
    assert_eq!(bench.send("POST", "", &[], &whole).status, 200);
    assert_eq!(total(), json!(3));
    let status = bench.server.run(&["status"]);
    assert!(status.contains("recording"), "{status}");
}
