//! Sample messages: `$WARDWATCH_SHARED/conformance/samples`, by default `../shared`.
//!
//! `hl7v2`: every row of `expected.json`, decoded and answered as the server would; files beside it have to be used or
//! refused in order; streams of bytes are divided as the server does it. Other folders have a module each in `samples`. What
//! is not run, and what is not there, is named. Prints what ran.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod samples;
mod support;

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::ExitCode,
};
use wardwatch::{
    backend::mllp::codec::{Codec, Piece},
    domain::{DeviceId, Timestamp, VitalTable},
    ingest::{
        DecodeRules, Reading,
        hl7::{self, AdtAct, AdtKind, Body, Charset, CodeTable, Faulty, Group, Message, SENTINELS, Source},
    },
    protocol::Rejection,
};

/// The longest message of a stream.
const MESSAGE_MAX_BYTES: usize = 1024 * 1024;
/// A number is the wanted one if it is no further away.
const TOLERANCE: f64 = 1e-6;

struct Bench {
    source: Source,
    codes: VitalTable,
    sender: DeviceId,
}

impl Bench {
    fn new() -> Self {
        let codes = VitalTable::builtin();
        let source = Source {
            codes: CodeTable::new(&codes, &BTreeMap::new(), &BTreeMap::new()).unwrap(),
            zone: chrono_tz::Tz::UTC,
            charset: Charset::default(),
            sentinels: SENTINELS.to_vec(),
            beds: BTreeMap::new(),
            x_is_no_value: false,
        };
        Self { source, codes, sender: "gateway".parse().unwrap() }
    }

    fn decode(&self, raw: &[u8]) -> Result<Message, Box<Faulty>> {
        let rules = DecodeRules {
            vitals: &self.codes,
            sender: &self.sender,
            now: self.now(),
            oldest: Timestamp::MIN,
            max_items: 10_000,
        };
        hl7::decode(raw, &self.source, rules)
    }

    #[expect(clippy::unused_self, reason = "it is the bench's clock")]
    fn now(&self) -> Timestamp {
        "2026-12-31T00:00:00Z".parse().unwrap()
    }

    /// The code of the answer, such as `CA`, if there is one.
    fn answer(&self, decoded: &Result<Message, Box<Faulty>>) -> Option<String> {
        let (header, kind, reasons) = match decoded {
            Ok(Message { header, body }) => {
                let groups: &[Group] = match body {
                    Body::Values(groups) | Body::Alerts(groups) => groups,
                    Body::Adt(_) => &[],
                };
                let values = groups.iter().flat_map(|g| &g.values).map(|v| (v.location, v.read.as_ref().err()));
                let alerts = groups.iter().flat_map(|g| &g.alerts).map(|a| (a.location, a.read.as_ref().err()));
                let read: Vec<_> = values.chain(alerts).collect();
                let locations: Vec<_> = read.iter().map(|(location, _)| *location).collect();
                let rejections: Vec<Rejection> =
                    read.iter().filter_map(|(_, e)| Some(e.as_ref()?.rejection.clone())).collect();
                let (kind, reasons) = hl7::outcome(&locations, &rejections, read.len() - rejections.len());
                (header, kind, reasons)
            }
            Err(faulty) => (faulty.header.as_ref()?, faulty.kind, vec![faulty.reason.clone()]),
        };
        let answer = hl7::ack(header, kind, &reasons, "1", self.now())?;
        let msa = answer.split('\r').find(|line| line.starts_with("MSA"))?.to_owned();
        assert_eq!(msa.split('|').nth(2), Some(header.control_id.as_str()), "the answer names the message");
        msa.split('|').nth(1).map(str::to_owned)
    }
}

fn main() -> ExitCode {
    let named = std::env::var_os("WARDWATCH_SHARED");
    let shared = named.clone().map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let root = shared.join("conformance/samples");
    if named.is_none() && !root.is_dir() {
        println!("samples_conformance: {} is not there: skipped", root.display());
        return ExitCode::SUCCESS;
    }
    let (mut ran, mut failed) = (0, Vec::new());
    let mut seen = BTreeSet::new();
    let bench = Bench::new();
    let rows = std::fs::read_to_string(root.join("hl7v2/expected.json")).unwrap_or_default();
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap_or_default();
    for row in &rows {
        let file = row["file"].as_str().unwrap();
        seen.insert(file.to_owned());
        ran += 1;
        let raw = std::fs::read(root.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        if row["verdict"] == "framing" {
            failed.extend(framing(&bench, &raw, &row["expect"]).map(|why| format!("{file}: {why}")));
            continue;
        }
        failed.extend(differences(&bench, &raw, &row["expect"]).into_iter().map(|why| format!("{file}: {why}")));
    }
    for file in files(&root.join("hl7v2")) {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        let is_message = file.extension().is_some_and(|e| e == "hl7");
        if !is_message || seen.contains(&name) {
            continue;
        }
        ran += 1;
        let decoded = bench.decode(&std::fs::read(&file).unwrap());
        let said = match &decoded {
            Ok(Message { body: Body::Values(groups), .. }) => {
                let (values, ignored): (usize, usize) =
                    groups.iter().fold((0, 0), |(v, i), g| (v + g.values.len(), i + g.ignored));
                format!("{values} values, {ignored} rows that are no vital")
            }
            Ok(Message { body: Body::Alerts(groups), .. }) => {
                format!("{} alerts of devices", groups.iter().map(|g| g.alerts.len()).sum::<usize>())
            }
            Ok(Message { body: Body::Adt(act), .. }) => format!("{:?} of {}", act.kind, act.patient.id),
            Err(faulty) => faulty.to_string(),
        };
        let answer = bench.answer(&decoded);
        println!("{name}: {} {said}", answer.as_deref().unwrap_or("no answer"));
        if answer.is_none() {
            failed.push(format!("{name}: neither used nor refused in order"));
        }
    }
    println!("{ran} samples of hl7v2 ran");
    for (name, run) in samples::FOLDERS {
        let folder = root.join(name);
        if !folder.is_dir() {
            println!("{name} is not there: skipped");
            continue;
        }
        let of_folder = run(&folder);
        println!("{} samples of {name} ran", of_folder.ran);
        if of_folder.ran == 0 {
            failed.push(format!("{name}: there is nothing to run"));
        }
        ran += of_folder.ran;
        failed.extend(of_folder.failed);
    }
    let known = |p: &PathBuf| samples::FOLDERS.iter().any(|(name, _)| p.ends_with(name)) || p.ends_with("hl7v2");
    for folder in files_and_folders(&root).filter(|p| p.is_dir() && !known(p)) {
        println!("not run: {}", folder.file_name().unwrap().to_string_lossy());
    }
    failed.iter().for_each(|failed| println!("FAILED {failed}"));
    println!("{ran} samples ran, {} differences", failed.len());
    if failed.is_empty() && ran > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn files_and_folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).map(|d| d.map(|e| e.unwrap().path()).collect()).unwrap_or_default();
    found.sort();
    found.into_iter()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    files_and_folders(folder).flat_map(|p| if p.is_dir() { files(&p) } else { vec![p] }).collect()
}

/// Divides a stream as the server does, and compares the answers: so many as are wanted, for the messages that are named.
fn framing(bench: &Bench, raw: &[u8], expect: &Value) -> Option<String> {
    let mut codec = Codec::new(MESSAGE_MAX_BYTES);
    let mut pieces = codec.push(raw);
    pieces.extend(codec.finish());
    let answered: Vec<String> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Message(message) => Some(bench.decode(message)),
            Piece::TooLong(_) | Piece::Broken(_) | Piece::CutOff(_) | Piece::Rest(_) => None,
        })
        .filter(|decoded| bench.answer(decoded).is_some())
        .map(|decoded| decoded.map_or_else(|e| e.to_string(), |m| m.header.control_id))
        .collect();
    let wanted = expect["mllp"].as_str()?;
    let named: Vec<&str> = wanted.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| is_control_id(w)).collect();
    let count: Option<usize> = wanted.split("ACK").next().and_then(|t| t.trim().rsplit(' ').next()?.parse().ok());
    let good = count.is_none_or(|n| n == answered.len()) && (named.is_empty() || named == answered);
    (!good).then(|| format!("answered are {answered:?}, not {wanted}"))
}

/// `M1`, `M2` …
fn is_control_id(word: &str) -> bool {
    word.strip_prefix('M').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// What is otherwise than expected.
fn differences(bench: &Bench, raw: &[u8], expect: &Value) -> Vec<String> {
    let decoded = bench.decode(raw);
    let mut found = Vec::new();
    if let Some(wanted) = expect.get("ack") {
        let came = bench.answer(&decoded);
        let good = match wanted.as_str() {
            Some(wanted) => came.as_deref().is_some_and(|came| wanted.split('|').any(|w| w == came)),
            None => came.is_none(),
        };
        if !good {
            found.push(format!("the answer is {came:?}, not {wanted}"));
        }
    }
    match &decoded {
        Ok(Message { body: Body::Values(groups) | Body::Alerts(groups), .. }) => {
            values(bench, groups, expect, &mut found);
        }
        Ok(Message { body: Body::Adt(act), .. }) => effect(act, expect, &mut found),
        Err(faulty) if expect.get("vitals").is_some() || expect.get("effect").is_some() => {
            found.push(format!("refused: {faulty}"));
        }
        Err(_) => {}
    }
    found
}

fn values(bench: &Bench, groups: &[Group], expect: &Value, found: &mut Vec<String>) {
    if let Some(patient) = expect.get("patient_id") {
        let came: Vec<_> =
            groups.iter().map(|g| g.patient.as_ref().map(wardwatch::domain::PatientId::as_str)).collect();
        if came.iter().any(|came| *came != patient.as_str()) {
            found.push(format!("the patient is {came:?}, not {patient}"));
        }
    }
    if let Some(location) = expect.get("location").and_then(Value::as_str) {
        let came: Vec<_> = groups.iter().filter_map(|g| g.bed.as_ref()).map(ToString::to_string).collect();
        if !came.contains(&bed(location)) {
            found.push(format!("the bed is {came:?}, not {location}"));
        }
    }
    let all: Vec<_> = groups.iter().flat_map(|g| &g.values).collect();
    let mut readings: Vec<&Reading> = all.iter().filter_map(|v| v.read.as_ref().ok()).collect();
    for wanted in expect["vitals"].as_array().into_iter().flatten() {
        let of_code = |r: &&Reading| is_code(bench, r, wanted["code"].as_str().unwrap());
        let Some(at) = readings.iter().position(of_code) else {
            found.push(format!("{} is missing", wanted["code"]));
            continue;
        };
        compare(bench, readings.remove(at), wanted, found);
    }
    if expect.get("vitals").is_some() && !readings.is_empty() {
        found.push(format!("values that nobody expects: {readings:?}"));
    }
    let empty: Vec<_> = groups.iter().flat_map(|g| &g.no_value).collect();
    for wanted in expect["no_value"].as_array().into_iter().flatten() {
        let def = empty.iter().filter_map(|v| bench.codes.get(**v)).find(|def| has_code(def, wanted.as_str().unwrap()));
        if def.is_none() {
            found.push(format!("{wanted} is not told as without a value"));
        }
    }
    if let Some(wanted) = expect["dead_letter"].as_u64() {
        let came = all.iter().filter(|v| v.read.is_err()).count();
        if u64::try_from(came).unwrap() != wanted {
            found.push(format!("{came} dead letters, not {wanted}"));
        }
    }
}

fn has_code(def: &wardwatch::domain::VitalDef, code: &str) -> bool {
    def.loinc.iter().any(|l| &**l == code) || def.mdc.iter().any(|m| m.to_string() == code)
}

fn is_code(bench: &Bench, reading: &Reading, code: &str) -> bool {
    bench.codes.get(reading.vital).is_some_and(|def| has_code(def, code))
}

fn compare(bench: &Bench, reading: &Reading, wanted: &Value, found: &mut Vec<String>) {
    let code = &wanted["code"];
    let text = || reading.text.as_deref().map_or_else(|| reading.value.to_string(), str::to_owned);
    let number = wanted.get("canonical").unwrap_or(&wanted["value"]);
    match (number.as_f64(), number.as_str()) {
        (Some(number), _) if (number - reading.value).abs() > TOLERANCE => {
            found.push(format!("{code} is {}, not {number}", reading.value));
        }
        (None, Some(wanted)) if text() != wanted => found.push(format!("{code} is {:?}, not {wanted:?}", text())),
        _ => {}
    }
    let ucum = bench.codes.get(reading.vital).unwrap().ucum.clone();
    // A value that was converted has the vital's unit, and no longer the message's.
    if let (Some(unit), None) = (wanted["unit"].as_str(), wanted.get("canonical"))
        && unit != &*ucum
    {
        found.push(format!("the unit of {code} is {ucum}, not {unit}"));
    }
    if let Some(time) = wanted["time"].as_str()
        && time.parse() != Ok(reading.observed_at)
    {
        found.push(format!("{code} is of {}, not of {time}", reading.observed_at));
    }
}

/// The bed of a place as the decoder calls it.
fn bed(place: &str) -> String {
    place.split('^').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

fn effect(act: &AdtAct, expect: &Value, found: &mut Vec<String>) {
    let effect = expect["effect"].as_str().unwrap_or_default();
    if let Some((patient, place)) = effect.strip_prefix("patient ").and_then(|rest| rest.split_once(" in bed ")) {
        let came = (act.patient.id.to_string(), act.bed.as_ref().map(ToString::to_string));
        if came != (patient.to_owned(), Some(bed(place))) {
            found.push(format!("{came:?} is not {effect}"));
        }
    }
    for (words, kind) in [("name changed", AdtKind::Update), ("bed free", AdtKind::Discharge)] {
        if effect.contains(words) && act.kind != kind {
            found.push(format!("{:?} is not {effect}", act.kind));
        }
    }
    if act.patient.name.is_empty() {
        found.push("the patient has no name".to_owned());
    }
}
