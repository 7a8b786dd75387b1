//! `wardwatch mapping` as it is used: what it finds, what it shows, how it ends.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
};
use support::{program, shared, terminal::Pty};

fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mapping").join(name).display().to_string()
}

/// Exit code, standard output, standard error.
fn run(args: &[&str]) -> (i32, String, String) {
    let output = program().arg("mapping").args(args).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn parsed(args: &[&str]) -> (i32, Value) {
    let (code, out, err) = run(args);
    (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}")))
}

/// Our monitor's mappings with something replaced.
struct Changed {
    folder: tempfile::TempDir,
}

impl Changed {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn of(&self, name: &str, from: &str, to: &str) -> String {
        let text = std::fs::read_to_string(fixture(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        self.write(name, &text.replace(from, to))
    }
}

fn codes(found: &Value) -> Vec<(&str, &str)> {
    let findings = found["findings"].as_array().unwrap().iter();
    findings.map(|f| (f["code"].as_str().unwrap(), f["severity"].as_str().unwrap())).collect()
}

#[test]
fn warnings_end_with_1_only_if_strict_and_name_their_place() {
    let changed = Changed::new();
    let device = changed.of("monitor.device.json", "\"hr\"", "\"Heart rate\"");
    let fhir = fixture("monitor.fhir.json");
    let (code, found) = parsed(&["lint", &device, &fhir, "--json", "--identity", "create"]);
    assert_eq!(code, 0);
    assert_eq!(codes(&found), [("value-not-mapped", "warning"), ("value-not-sent", "warning")]);
    let first = &found["findings"][0];
    assert_eq!((first["line"].as_u64(), first["mapping"].as_str()), (Some(13), Some("device")));
    let vital = &found["vitals"][0];
    assert_eq!((vital["vital"].as_str(), vital["sent"].as_bool()), (Some("hr"), Some(false)));
    assert!(first["advice"].as_str().unwrap().contains("waits for \"hr\""), "{first}");
    let (code, text, _) = run(&["lint", &device, &fhir, "--strict", "--identity", "create"]);
    assert_eq!(code, 1);
    assert!(
        text.contains(":13:37: warning [value-not-mapped] The value [Heart rate] in Device Mapping [heartrate]"),
        "{text}"
    );
}

#[test]
fn errors_end_with_1_and_faults_of_loading_are_all_told() {
    let changed = Changed::new();
    let device = changed.of("monitor.device.json", "\"patientIdExpression\"", "\"encounterIdExpression\"");
    let fhir = fixture("monitor.fhir.json");
    let (code, found) = parsed(&["lint", &device, &fhir, "--json", "--identity", "create"]);
    assert_eq!((code, codes(&found)), (1, vec![("patient-id-missing", "error")]));
    let (code, found) = parsed(&["lint", &device, &fhir, "--json", "--identity", "lookup"]);
    assert_eq!((code, codes(&found)), (0, vec![]));
    let device = changed.of("monitor.device.json", "\"deviceIdExpression\": \"$.monitor\",", "");
    let (code, found) = parsed(&["lint", &device, &fhir, "--json"]);
    assert_eq!((code, codes(&found)), (1, vec![("device-mapping", "error"); 2]));
}

#[test]
fn wrong_use_and_unreadable_files_end_with_2() {
    let (device, fhir) = (fixture("monitor.device.json"), fixture("monitor.fhir.json"));
    let changed = Changed::new();
    let bad = changed.write("bad.json", "{");
    for (args, says) in [
        (vec!["lint", &device], "<FHIR>"),
        (vec!["lint", &device, "/nonexistent"], "/nonexistent cannot be read"),
        (vec!["lint", &device, &fhir, "--identity", "guess"], "lookup-with-encounter"),
        (vec!["try", &device, &fhir], "<MESSAGE>"),
        (vec!["try", &device, &fhir, "/nonexistent"], "/nonexistent cannot be read"),
        (vec!["try", &device, &bad, &device], "does not load"),
        (vec!["try", &device, &fhir, &bad, "--known", "d=p"], "--identity"),
    ] {
        let (code, _, err) = run(&args);
        assert_eq!(code, 2, "{args:?}: {err}");
        assert!(err.contains(says), "{args:?}: {err}");
    }
}

#[test]
fn a_try_shows_each_step_and_merges_from_message_to_message() {
    let (device, fhir) = (fixture("monitor.device.json"), fixture("monitor.fhir.json"));
    let (first, second) = (fixture("monitor.first.json"), fixture("monitor.second.json"));
    let args = ["try", &device, &fhir, &first, &second, &first, "--identity", "create"];
    let (code, text, _) = run(&args);
    assert_eq!(code, 0, "{text}");
    let shown = text.replace(&format!("{}/", Path::new(&device).parent().unwrap().display()), "");
    insta::assert_snapshot!("mapping_try", shown);
    let (code, found) = parsed(&[&args[..], &["--json"]].concat());
    assert_eq!((code, found["faults"].as_array().unwrap().len()), (0, 0));
    let saved: Vec<Vec<&str>> = found["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["observations"].as_array().unwrap().iter().map(|o| o["saved"].as_str().unwrap()).collect())
        .collect();
    assert_eq!(saved, [vec!["created"; 3], vec!["updated"], vec!["unchanged"; 3]]);
    let merged = &found["messages"][1]["observations"][0]["observation"];
    assert_eq!(merged["status"], "amended");
    assert!(merged["valueSampledData"]["data"].as_str().unwrap().contains(" 72 E 75 "), "{merged}");
}

#[test]
fn a_value_without_a_place_is_told() {
    let changed = Changed::new();
    let (device, first) = (fixture("monitor.device.json"), fixture("monitor.first.json"));
    let fhir = changed.of("monitor.fhir.json", "\"valueName\": \"hr\"", "\"valueName\": \"Hr\"");
    let (code, text, _) = run(&["try", &device, &fhir, &first]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("lost: hr=72: no FHIR template of heartrate has a value of this name"), "{text}");
    assert!(text.lines().any(|line| line.ends_with("Observations 3, values lost 1")), "{text}");
    let (_, found) = parsed(&["try", &device, &fhir, &first, "--json"]);
    let lost: Vec<_> = found["messages"][0]["observations"].as_array().unwrap().iter().map(|o| &o["lost"]).collect();
    assert_eq!(lost.iter().filter(|lost| ***lost == serde_json::json!(["hr=72"])).count(), 1, "{lost:?}");
}

#[test]
fn what_comes_to_nothing_says_why() {
    let (device, fhir) = (fixture("monitor.device.json"), fixture("monitor.fhir.json"));
    let changed = Changed::new();
    let first = fixture("monitor.first.json");
    let other = changed.of("monitor.second.json", "p04", "p05");
    let foreign = changed.write("foreign.json", r#"{"steps": 10}"#);
    let nothing = changed.write("nothing.json", "");
    let args = ["try", &device, &fhir, &first, &other, &foreign, &nothing, "--identity", "create"];
    let (code, text, _) = run(&args);
    assert_eq!(code, 1);
    for says in [
        "the device belongs to another patient",
        "PatientDeviceMismatchException",
        "no template matches: nothing comes of the message",
        "the message is no JSON",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    // Upstream writes the other patient's values into the first one's chart.
    let (_, found) =
        parsed(&["try", &device, &fhir, &first, &other, "--identity", "create", "--compat", "medtech", "--json"]);
    let subject = |message: usize| found["messages"][message]["observations"][0]["observation"]["subject"].clone();
    assert_eq!(subject(0), subject(1));
    let (code, text, _) = run(&["try", &device, &fhir, &first, "--identity", "lookup"]);
    assert!(code == 1 && text.contains("there is no Device of this identifier"), "{text}");
    let known = ["try", &device, &fhir, &first, "--identity", "lookup", "--known", "mon-07=p04"];
    assert_eq!(run(&known).0, 0);
}

#[test]
fn what_a_file_says_is_inert_on_the_terminal() {
    let changed = Changed::new();
    let device = changed.of("monitor.device.json", "\"hr\"", "\"h\\u001b[31mr\\u202e\"");
    let message = changed.of("monitor.first.json", "\"p04\"", "\"p\\u001b]0;x\\u0007\"");
    let fhir = fixture("monitor.fhir.json");
    for args in [vec!["lint", &device, &fhir], vec!["try", &device, &fhir, &message, "--identity", "create"]] {
        let (_, text, err) = run(&args);
        let hostile = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(hostile) && !err.contains(hostile), "{text}{err}");
    }
}

/// The deployment template of Azure's IoT connector sample: its names do not meet, and no message names a patient.
#[test]
fn the_sample_of_the_iot_connector_is_caught() {
    let Some(shared) = shared() else {
        println!("skipped: no shared cases");
        return;
    };
    let case =
        std::fs::read_to_string(shared.join("conformance/medtech/seed-healthcareapis-template-lint.json")).unwrap();
    let case: Value = serde_json::from_str(&case).unwrap();
    let changed = Changed::new();
    let device = changed.write("device.json", &case["template"]["deviceMapping"].to_string());
    let fhir = changed.write("fhir.json", &case["template"]["fhirMapping"].to_string());
    let (code, text, _) = run(&["lint", &device, &fhir, "--identity", "create"]);
    assert_eq!(code, 1, "{text}");
    let flowing = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for says in [
        "The value [Heart rate] in Device Mapping [heartrate] is not represented within the Fhir Template",
        "The FHIR template waits for \"hr\". Write the same valueName on both sides",
        "Identity mode Create, and no device template has a patientIdExpression",
        "every measurement of a new device fails",
    ] {
        assert!(flowing.contains(says), "{says}: {flowing}");
    }
}

/// The workbench: what is wrong stands first with its place in the file, a message shows each of its steps, and a file that
/// is mended meanwhile is read again.
#[test]
fn the_workbench_reads_files_again_and_keeps_its_place() {
    let changed = Changed::new();
    let device = changed.of("monitor.device.json", "\"$.monitor\"", "\"$.nowhere\"");
    let (fhir, message) = (fixture("monitor.fhir.json"), fixture("monitor.first.json"));
    let bin = env!("CARGO_BIN_EXE_wardwatch");
    let mut pty = Pty::spawn(bin, &["mapping", "open", &device, &fhir, &message], &[], 110, 40);
    pty.wait_for_text("1 message, 1 with a fault");
    pty.send("n");
    changed.of("monitor.device.json", "\"$.monitor\"", "\"$.monitor\"");
    pty.wait_for_text("1 message, 0 with a fault");
    pty.wait_for_text("read again");
    pty.resize(70, 20);
    pty.wait_for_text("0 with a fault");
    std::fs::write(&device, "{").unwrap();
    pty.wait_for_text("a mapping does not load");
    std::fs::remove_file(&device).unwrap();
    pty.wait_for_text("cannot be read");
    pty.send("q");
    assert!(pty.wait_end().success());
    assert!(pty.is_cooked(), "the terminal is given back");
}

#[test]
fn the_workbench_wants_a_terminal_and_files() {
    let (device, fhir) = (fixture("monitor.device.json"), fixture("monitor.fhir.json"));
    let (code, _, err) = run(&["open", &device, &fhir]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("mapping lint"), "{err}");
    let (_, _, err) = run(&["open", &device, &fhir, "-"]);
    assert!(err.contains("give it as a file"), "{err}");
}
