//! `mqtt`: every row of `expected.json`, read by a mapping as the server reads it, with the device of topic and payload held
//! against each other.

use super::Ran;
use serde_json::Value;
use std::path::Path;
use wardwatch::{
    domain::{DeviceId, Timestamp, VitalTable},
    ingest::{
        BodyForm, DecodeRules, TopicPattern, hold_to_topic,
        medtech::{Arithmetic, Compat, MedtechIntake, Observations},
    },
};

/// A mapping of the two shapes of the samples: flat, and with a blood pressure within.
const DEVICE_MAPPING: &str = r#"{
  "templateType": "CollectionContent",
  "template": [
    { "templateType": "JsonPathContent", "template": {
        "typeName": "flat", "typeMatchExpression": "$..[?(@heartRate)]",
        "deviceIdExpression": "$.deviceId", "patientIdExpression": "$.patientId", "timestampExpression": "$.endDate",
        "values": [ { "valueName": "hr", "valueExpression": "$.heartRate", "required": true } ] } },
    { "templateType": "JsonPathContent", "template": {
        "typeName": "monitor", "typeMatchExpression": "$..[?(@ts)]",
        "deviceIdExpression": "$.deviceId", "timestampExpression": "$.ts",
        "values": [
          { "valueName": "hr", "valueExpression": "$.hr" },
          { "valueName": "spo2", "valueExpression": "$.spo2" },
          { "valueName": "rr", "valueExpression": "$.rr" },
          { "valueName": "sys", "valueExpression": "$.nibp.sys" },
          { "valueName": "dia", "valueExpression": "$.nibp.dia" } ] } }
  ] }"#;

/// Each value of the mapping above, with its LOINC code and its unit.
const VALUES: &[(&str, &str, &str, &str)] = &[
    ("flat", "hr", "8867-4", "/min"),
    ("monitor", "hr", "8867-4", "/min"),
    ("monitor", "spo2", "59408-5", "%"),
    ("monitor", "rr", "9279-1", "/min"),
    ("monitor", "sys", "8480-6", "mm[Hg]"),
    ("monitor", "dia", "8462-4", "mm[Hg]"),
];

fn fhir_mapping() -> String {
    let of = |type_name: &str| {
        let components: Vec<Value> = VALUES
            .iter()
            .filter(|(of, ..)| *of == type_name)
            .map(|(_, name, code, unit)| {
                serde_json::json!({
                    "codes": [{ "code": code, "system": "http://loinc.org", "display": name }],
                    "value": { "valueType": "Quantity", "valueName": name, "unit": unit, "code": unit,
                               "system": "http://unitsofmeasure.org" }
                })
            })
            .collect();
        serde_json::json!({ "templateType": "CodeValueFhir", "template": {
            "typeName": type_name, "periodInterval": 0,
            "codes": [{ "code": "85353-1", "system": "http://loinc.org", "display": "vital signs" }],
            "components": components } })
    };
    serde_json::json!({ "templateType": "CollectionFhir", "template": [of("flat"), of("monitor")] }).to_string()
}

/// Runs the folder.
pub(crate) fn run(folder: &Path) -> Ran {
    let mut ran = Ran::default();
    let rows: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
    let vitals = VitalTable::builtin();
    let fhir = fhir_mapping();
    let intake = MedtechIntake::load(
        (DEVICE_MAPPING.as_bytes(), fhir.as_bytes()),
        &vitals,
        Arithmetic::default(),
        Compat::Safe,
        Observations::NotKept,
    )
    .unwrap();
    for row in &rows {
        let file = row["file"].as_str().unwrap();
        let raw = std::fs::read(folder.parent().unwrap().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        ran.sample(file, differences(&intake, &vitals, &raw, &row["expect"]));
    }
    ran
}

fn differences(intake: &MedtechIntake, vitals: &VitalTable, raw: &[u8], expect: &Value) -> Vec<String> {
    let topic = expect["topic"].as_str().unwrap();
    let pattern = if topic.starts_with("devices/") { "devices/{device}/#" } else { "rpm/v1/+/{device}/telemetry" };
    let device: DeviceId = TopicPattern::parse(pattern).unwrap().read(topic).unwrap().unwrap().unwrap();
    let now: Timestamp = "2026-03-01T10:00:02Z".parse().unwrap();
    let rules = DecodeRules { vitals, sender: &device, now, oldest: Timestamp::MIN, max_items: 1_000 };
    let mut found = Vec::new();
    let wanted = |key: &str| expect[key].as_u64().unwrap_or_default();
    let (values, letters) = match intake.decode(raw, BodyForm::Json, rules) {
        Ok(made) => {
            let mut decoded = made.decoded;
            hold_to_topic(&mut decoded, &device);
            let values = decoded.iter().filter(|read| read.is_ok()).count();
            found.extend(
                decoded
                    .iter()
                    .flatten()
                    .filter(|r| now.since(r.observed_at).as_secs() > 2)
                    .map(|r| format!("{} is of {}", r.vital, r.observed_at)),
            );
            (values, decoded.len() - values)
        }
        Err(_) => (0, 1),
    };
    for (what, came, wanted) in [("values", values, wanted("vitals")), ("dead letters", letters, wanted("dead_letter"))]
    {
        if u64::try_from(came).unwrap() != wanted {
            found.push(format!("{came} {what}, not {wanted}"));
        }
    }
    found
}
