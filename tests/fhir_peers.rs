//! The FHIR API with clients and validators of others: PyPI's `fhirpy` and `fhir.resources`, npm's `fhir-kit-client` and
//! `fhir`.
//!
//! They are looked for in `$WARDWATCH_PEERS` (`py/bin/python`, `node_modules`), else with `python3` and in `$NODE_PATH`; a
//! test says so when one is not there.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use serde_json::value::RawValue;
use std::{
    collections::BTreeMap,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};
use support::{Server, now, request};

struct Bench {
    _dir: tempfile::TempDir,
    server: Server,
    gateway: String,
    nurse: String,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let gateway = server.small_ward();
    let nurse = server.token("anna", "nurse");
    Bench { _dir: dir, server, gateway, nurse }
}

fn peers() -> Option<PathBuf> {
    std::env::var_os("WARDWATCH_PEERS").map(PathBuf::from)
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name)
}

/// A Python that has a package.
fn python(package: &str) -> Option<PathBuf> {
    let own = peers().map(|p| p.join("py/bin/python")).filter(|p| p.exists());
    let python = own.unwrap_or_else(|| PathBuf::from("python3"));
    let import = format!("import {package}");
    let has = Command::new(&python).args(["-c", &import]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if has.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    println!("Python's {package} is not there: skipped (pip install it into $WARDWATCH_PEERS/py)");
    None
}

/// The folder of node modules that has a package, if node runs.
fn node(package: &str) -> Option<PathBuf> {
    let own = peers().map(|p| p.join("node_modules"));
    let folder = own.or_else(|| std::env::var_os("NODE_PATH").map(PathBuf::from)).filter(|f| f.join(package).is_dir());
    let runs = Command::new("node").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if folder.is_none() || runs.is_err() {
        println!("node's {package} is not there: skipped (npm install it into $WARDWATCH_PEERS)");
        return None;
    }
    folder
}

/// Runs a peer with something on its standard input, and demands that it is content.
fn content(command: &mut Command, input: &str) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && said.contains("is content"), "{said}");
}

#[test]
fn fhirpy_creates_searches_and_changes() {
    let Some(python) = python("fhirpy") else { return };
    let bench = bench();
    let url = format!("{}/fhir", bench.server.url());
    content(Command::new(python).arg(script("fhirpy_client.py")).args([&url, &bench.gateway, &bench.nurse]), "");
}

#[test]
fn fhir_kit_client_creates_searches_and_changes() {
    let Some(folder) = node("fhir-kit-client") else { return };
    let bench = bench();
    let url = format!("{}/fhir", bench.server.url());
    let mut command = Command::new("node");
    command.arg(script("fhir_kit_client.mjs")).arg(folder).args([&url, &bench.gateway, &bench.nurse]);
    content(&mut command, "");
}

/// What the server says: one resource of each kind, one a line.
fn output(bench: &Bench) -> String {
    let bearer = format!("Bearer {}", bench.gateway);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/fhir+json")];
    let post = |path: &str, body: &str| request(bench.server.address, "POST", path, &headers, body.as_bytes()).body;
    let observation = format!(
        r#"{{"resourceType":"Observation","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"8310-5"}}]}},"subject":{{"reference":"Patient/p1"}},"effectiveDateTime":"{}","valueQuantity":{{"value":37.00,"system":"http://unitsofmeasure.org","code":"Cel"}}}}"#,
        now()
    );
    let patient = r#"{"resourceType":"Patient","identifier":[{"system":"urn:h","value":"p1"}]}"#;
    let device = r#"{"resourceType":"Device","status":"active","identifier":[{"value":"d1"}]}"#;
    let encounter = r#"{"resourceType":"Encounter","status":"in-progress","class":{"system":"urn:c","code":"IMP"}}"#;
    let request_of = |kind: &str| format!(r#"{{"method":"POST","url":"{kind}"}}"#);
    let bundle = |kind: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{{"resource":{observation},"request":{}}},{{"resource":{encounter},"request":{}}}]}}"#,
            request_of("Observation"),
            request_of("Encounter")
        )
    };
    let get = |path: &str| bench.server.request("GET", path, &bench.nurse, b"").body;
    let created = post("/fhir/Observation", &observation);
    let id = serde_json::from_str::<serde_json::Value>(&created).unwrap()["id"].as_str().unwrap().to_owned();
    let lines = [
        created,
        post("/fhir/Patient", patient),
        post("/fhir/Device", device),
        post("/fhir/Encounter", encounter),
        post("/fhir", &bundle("batch")),
        post("/fhir", &bundle("transaction")),
        post("/fhir/Observation", "{}"),
        get("/fhir/metadata"),
        get("/fhir/Patient/p1"),
        get("/fhir/Patient"),
        get("/fhir/Observation?patient=p1&_include=Observation:subject&colour=red&_count=1"),
        get("/fhir/Observation/$lastn?patient=p1"),
        get(&format!("/fhir/Observation/{id}/_history")),
        get("/fhir/Observation/nothing"),
    ];
    // A resource that was sent on several lines is one line here.
    let one = |text: String| {
        let members: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert!(members.contains_key("resourceType"), "{text}");
        text.replace('\n', " ")
    };
    lines.map(one).join("\n")
}

#[test]
fn what_the_server_says_passes_the_validator_of_npm() {
    let Some(folder) = node("fhir") else { return };
    let bench = bench();
    content(Command::new("node").arg(script("fhir_validate.cjs")).arg(folder), &output(&bench));
}

#[test]
fn what_the_server_says_passes_the_models_of_fhir_resources() {
    let Some(python) = python("fhir.resources") else { return };
    let bench = bench();
    content(Command::new(python).arg(script("fhir_resources.py")), &output(&bench));
}
