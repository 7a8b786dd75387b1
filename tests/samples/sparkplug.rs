//! `sparkplug`: each payload with the topic of the `.json` beside it, in the order of their numbers, held against what that
//! file says was encoded.

use super::Ran;
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};
use wardwatch::{
    domain::{DeviceId, Timestamp, VitalTable},
    ingest::{
        DecodeRules,
        sparkplug::{Session, Source, Topic},
    },
};

/// Runs the folder.
pub(crate) fn run(folder: &Path) -> Ran {
    let mut ran = Ran::default();
    let mut samples: Vec<(u64, String, Value)> = super::super::files(folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| {
            let said: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (said["payload"]["seq"].as_u64().unwrap(), name, said)
        })
        .collect();
    samples.sort_by_key(|sample| sample.0);
    let (vitals, none) = (VitalTable::builtin(), BTreeMap::new());
    let source = Source::new(&vitals, &none, &BTreeMap::new(), false).unwrap();
    let mut session = Session::default();
    let mut names = BTreeMap::new();
    for (_, name, said) in &samples {
        let raw = std::fs::read(folder.join(format!("{name}.bin"))).unwrap();
        let differences = differences(&mut session, &source, &vitals, &raw, said, &mut names);
        ran.sample(&format!("sparkplug/{name}.bin"), differences);
    }
    ran
}

fn differences(
    session: &mut Session,
    source: &Source,
    vitals: &VitalTable,
    raw: &[u8],
    said: &Value,
    names: &mut BTreeMap<u64, String>,
) -> Vec<String> {
    let sender: DeviceId = "gateway".parse().unwrap();
    let now: Timestamp = "2026-03-01T10:00:02Z".parse().unwrap();
    let rules = DecodeRules { vitals, sender: &sender, now, oldest: Timestamp::MIN, max_items: 1_000 };
    let topic = Topic::parse(said["topic"].as_str().unwrap()).unwrap();
    let taken = match session.take(topic, raw, false, source, rules) {
        Ok(taken) => taken,
        Err(why) => return vec![format!("refused: {why}")],
    };
    let mut found = Vec::new();
    if taken.gap || taken.rebirth.is_some() {
        found.push("messages are said to be missing".to_owned());
    }
    let mut wanted = Vec::new();
    for metric in said["payload"]["metrics"].as_array().unwrap() {
        if let (Some(name), Some(alias)) = (metric["name"].as_str(), metric["alias"].as_u64()) {
            names.insert(alias, name.to_owned());
        }
        let by_alias = metric["alias"].as_u64().and_then(|alias| names.get(&alias)).cloned();
        let name = metric["name"].as_str().map(str::to_owned).or(by_alias).unwrap_or_default();
        if let Some(vital) = name.strip_prefix("vitals/") {
            wanted.push((vital.to_owned(), metric["value"].as_f64().unwrap(), metric["timestamp"].as_i64().unwrap()));
        }
    }
    let came: Vec<_> = taken
        .decoded
        .iter()
        .filter_map(|read| read.as_ref().ok())
        .map(|r| (r.vital.to_string(), r.value, r.observed_at.as_ms()))
        .collect();
    if came != wanted || came.len() != taken.decoded.len() {
        found.push(format!("the readings are {:?}, not {wanted:?}", taken.decoded));
    }
    if taken.decoded.iter().flatten().any(|r| Some(r.device.as_str()) != topic.device) {
        found.push("the device is another than the topic's".to_owned());
    }
    found
}
