//! The samples of FHIR, each sent to a real server over HTTP.
//!
//! What `INDEX.md` calls valid and is of a type that is kept has to be taken and to come back with every member's text as
//! it was sent; of another type it has to be refused as not supported. What is invalid has to be refused. XML has to be
//! refused by its type. Every refusal has to be an OperationOutcome with an expression. Bundles: each entry is answered,
//! or the whole is refused, with its reason printed.

use super::Ran;
use crate::support::{Answer, Server, now, request};
use serde_json::{Value, value::RawValue};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use wardwatch::{
    domain::{Timestamp, VitalTable},
    store::StoreReader,
};

const KEPT: [&str; 4] = ["Observation", "Patient", "Device", "Encounter"];

struct Bench {
    _dir: tempfile::TempDir,
    server: Server,
    token: String,
}

/// A server whose ward has everybody whom the samples are of. Values are kept for a century: the samples are old.
fn bench(patients: &BTreeSet<String>) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_set(&dir.path().join("data"), &[("WARDWATCH_RETENTION__SAMPLES_DAYS", "36500")]);
    let token = server.small_ward();
    for (index, patient) in patients.iter().enumerate() {
        let bed = format!("s{index}");
        server.add_bed(&bed);
        server.run(&["patient", "admit", patient, "--bed", &bed]);
    }
    Bench { _dir: dir, server, token }
}

impl Bench {
    fn send(&self, method: &str, path: &str, media: &str, body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", media)];
        request(self.server.address, method, &format!("/fhir{path}"), &headers, body)
    }
}

/// Runs all samples of the folder; says how many were taken or refused, by kind.
pub(crate) fn run(folder: &Path) -> Ran {
    let samples = folder.parent().unwrap();
    let mut ran = Ran::default();
    let mut counts = BTreeMap::<&'static str, usize>::new();
    let verdicts = verdicts(samples);
    let wanted: Vec<Value> = std::fs::read_to_string(samples.join("fhir/own/expected.json"))
        .map(|text| serde_json::from_str(&text).unwrap())
        .unwrap_or_default();
    let texts: Vec<(String, Vec<u8>)> = files(folder)
        .iter()
        .filter(|file| !file.ends_with("expected.json"))
        .map(|file| (file.strip_prefix(samples).unwrap().display().to_string(), std::fs::read(file).unwrap()))
        .collect();
    let mut patients = BTreeSet::new();
    for value in texts.iter().filter_map(|(_, text)| parsed(text)) {
        whose(&value, &mut patients);
    }
    patients.remove("p1");
    let bench = bench(&patients);
    for (name, text) in &texts {
        let verdict = verdicts.get(name).map_or("see name", String::as_str);
        let expect = wanted.iter().find(|row| row["file"] == name.as_str()).map(|row| &row["expect"]);
        let outcome = one(&bench, name, verdict, expect, text);
        if let Ok(what) = outcome {
            *counts.entry(what).or_default() += 1;
        }
        ran.sample(name, outcome.err());
    }
    counts.iter().for_each(|(what, count)| println!("fhir: {count} {what}"));
    ran
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries.flat_map(|p| if p.is_dir() { files(&p) } else { vec![p] }).collect();
    found.sort();
    found
}

/// The verdict of each file, by `INDEX.md`.
fn verdicts(samples: &Path) -> BTreeMap<String, String> {
    let index = std::fs::read_to_string(samples.join("INDEX.md")).unwrap_or_default();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        Some(((*cells.get(1)?).to_owned(), (*cells.get(4)?).to_owned()))
    };
    index.lines().filter(|line| line.starts_with("| fhir/")).filter_map(row).collect()
}

fn parsed(text: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(text).ok()?;
    serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()
}

/// The patients whom something is of: by reference, and by the identifiers of Patients.
fn whose(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| whose(item, found)),
        Value::Object(members) => {
            let reference = value["subject"]["reference"].as_str().and_then(|r| r.strip_prefix("Patient/"));
            found.extend(reference.map(str::to_owned));
            if let ("Patient", Some([one])) =
                (value["resourceType"].as_str().unwrap_or_default(), value["identifier"].as_array().map(Vec::as_slice))
                && let Some(id) = one["value"].as_str()
            {
                found.insert(id.to_owned());
            }
            members.values().for_each(|member| whose(member, found));
        }
        _ => {}
    }
}

type Verdict = Result<&'static str, String>;

fn one(bench: &Bench, name: &str, verdict: &str, expect: Option<&Value>, text: &[u8]) -> Verdict {
    if name.ends_with(".xml") {
        let answer = bench.send("POST", "/Observation", "application/fhir+xml", text);
        return if answer.status == 415 { refused(&answer).map(|()| "XML, answered 415") } else { Err(said(&answer)) };
    }
    let value = parsed(text);
    let kind = value.as_ref().and_then(|v| v["resourceType"].as_str()).unwrap_or("Observation").to_owned();
    if kind == "Bundle" {
        let answer = bench.send("POST", "", "application/fhir+json", text);
        return bundle(name, expect, &value.unwrap(), &answer);
    }
    let answer = bench.send("POST", &format!("/{kind}"), "application/fhir+json", text);
    if let Some(expect) = expect {
        as_expected(bench, expect, value.as_ref(), &answer)?;
    }
    if value.is_none() || verdict == "invalid" {
        let good = matches!(answer.status, 400 | 404 | 422);
        return if good { refused(&answer).map(|()| "invalid, refused") } else { Err(said(&answer)) };
    }
    if !KEPT.contains(&kind.as_str()) {
        let good = answer.status == 404 && answer.json()["issue"][0]["code"] == "not-supported";
        return if good {
            refused(&answer).map(|()| "valid, of a type that is not kept: answered 404")
        } else {
            Err(said(&answer))
        };
    }
    if answer.status != 201 {
        return Err(said(&answer));
    }
    let id = answer.json()["id"].as_str().unwrap_or_default().to_owned();
    let read = bench.send("GET", &format!("/{kind}/{id}"), "application/fhir+json", b"");
    compare(text, &read).map(|()| "valid, taken and read back")
}

fn said(answer: &Answer) -> String {
    format!("answered {} {}", answer.status, answer.body.chars().take(600).collect::<String>())
}

/// Whether a refusal is an OperationOutcome with an expression.
fn refused(answer: &Answer) -> Result<(), String> {
    let outcome = answer.json();
    let named = outcome["issue"][0]["expression"][0].is_string() && outcome["issue"][0]["diagnostics"].is_string();
    if outcome["resourceType"] == "OperationOutcome" && named { Ok(()) } else { Err(said(answer)) }
}

type Members = BTreeMap<String, Box<RawValue>>;

/// Every member has to come back with the text that it was sent with, but for id, version and time of change.
fn compare(sent: &[u8], read: &Answer) -> Result<(), String> {
    let members = |text: &str| serde_json::from_str::<Members>(text.trim_start_matches('\u{feff}')).unwrap();
    let (mut sent, mut read) = (members(std::str::from_utf8(sent).unwrap()), members(&read.body));
    let meta = |of: &mut Members| {
        let mut meta: Members = of.remove("meta").map(|m| serde_json::from_str(m.get()).unwrap()).unwrap_or_default();
        meta.retain(|name, _| name != "versionId" && name != "lastUpdated");
        meta
    };
    let metas = (meta(&mut sent), meta(&mut read));
    sent.remove("id");
    if read.remove("id").is_none() || texts(&metas.0) != texts(&metas.1) || texts(&sent) != texts(&read) {
        return Err("it does not come back as it was sent".to_owned());
    }
    Ok(())
}

fn texts(members: &Members) -> BTreeMap<&str, &str> {
    members.iter().map(|(name, value)| (name.as_str(), value.get())).collect()
}

fn status_is(expected: &Value, status: u16) -> bool {
    match expected {
        Value::Array(any) => any.contains(&Value::from(status)),
        Value::Number(number) => number.as_u64() == Some(u64::from(status)),
        _ => true,
    }
}

fn as_expected(bench: &Bench, expect: &Value, sent: Option<&Value>, answer: &Answer) -> Result<(), String> {
    if !status_is(&expect["status"], answer.status) {
        return Err(said(answer));
    }
    if expect["operation_outcome"] == true {
        refused(answer)?;
    }
    if expect["location"] == true && !answer.head.to_lowercase().contains("\r\nlocation: http") {
        return Err("there is no Location".to_owned());
    }
    let at: Option<Timestamp> = sent.and_then(|v| v["effectiveDateTime"].as_str()).map(|t| t.parse().unwrap());
    for code in expect["series"].as_array().into_iter().flatten() {
        let table = VitalTable::builtin();
        let vital = table.iter().find(|def| def.loinc.iter().any(|l| Some(&**l) == code.as_str())).unwrap().code;
        let stored = bench.server.reader().sample(&"gw/p1".parse().unwrap(), vital, at.unwrap_or_else(now)).unwrap();
        if stored.is_none() {
            return Err(format!("{code} is no value of the patient"));
        }
    }
    Ok(())
}

fn bundle(name: &str, expect: Option<&Value>, sent: &Value, answer: &Answer) -> Verdict {
    if let Some(expect) = expect
        && !status_is(&expect["status"], answer.status)
    {
        return Err(said(answer));
    }
    let kind = sent["type"].as_str().unwrap_or("none");
    if answer.status != 200 {
        refused(answer)?;
        let issue = &answer.json()["issue"][0];
        println!("{name}: {kind}, refused with {}: {} {}", answer.status, issue["expression"][0], issue["diagnostics"]);
        let by_type = issue["expression"][0] == "Bundle.type";
        return match kind {
            "batch" => Err(said(answer)),
            "transaction" => Ok("transaction, refused as a whole"),
            _ if by_type => Ok("Bundle of a type that is not taken, refused"),
            _ => Err(said(answer)),
        };
    }
    let entries = answer.json()["entry"].as_array().cloned().unwrap_or_default();
    let status: Vec<&str> = entries.iter().map(|e| e["response"]["status"].as_str().unwrap_or("none")).collect();
    println!("{name}: {kind}, entries answered {status:?}");
    if entries.len() != sent["entry"].as_array().map_or(0, Vec::len) {
        return Err("not every entry is answered".to_owned());
    }
    let silent = |e: &&Value| {
        let failed = !e["response"]["status"].as_str().is_some_and(|s| s.starts_with('2'));
        failed && !e["response"]["outcome"]["issue"][0]["expression"][0].is_string()
    };
    if let Some(entry) = entries.iter().find(silent) {
        return Err(format!("an entry is refused without a reason: {entry}"));
    }
    let wanted = expect.map(|e| &e["entries"]).and_then(Value::as_array).cloned().unwrap_or_default();
    for (wanted, came) in wanted.iter().zip(&status) {
        let wanted = wanted.as_str().unwrap_or_default().trim_end_matches('x');
        if !came.starts_with(wanted) {
            return Err(format!("an entry is answered {came}, not {wanted}"));
        }
    }
    Ok(if kind == "batch" { "batch, every entry answered" } else { "transaction, done" })
}
