//! `medtech`: each message beside the mappings of its folder. All of them are valid: the mappings load, the message makes
//! measurements, and of those Observations with the values of the message.

use super::Ran;
use std::{collections::BTreeMap, path::Path};
use wardwatch::{
    domain::Timestamp,
    ingest::medtech::{
        Arithmetic, Compat, DeviceMapping, Json, identity::Directory, transform::FhirMapping, workbench::Workbench,
    },
};

/// A number is the wanted one if it is no further away.
const TOLERANCE: f64 = 1e-6;

/// Runs the folder.
pub(crate) fn run(folder: &Path) -> Ran {
    let mut ran = Ran::default();
    // `GROUP__NAME__KIND.json`: one set of files has what stands before the last `__` in common.
    let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in super::super::files(folder) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Some((set, kind)) = name.rsplit_once("__") {
            sets.entry(set.to_owned()).or_default().push(kind.to_owned());
        }
    }
    for (set, kinds) in &sets {
        let text = |kind: &str| std::fs::read(folder.join(format!("{set}__{kind}"))).unwrap_or_default();
        for message in kinds.iter().filter(|kind| !kind.contains("Mapping")) {
            let (device, fhir) = (text("deviceMapping.json"), text("fhirDestinationMapping.json"));
            ran.sample(&format!("medtech/{set}__{message}"), differences(&device, &fhir, &text(message)));
        }
        // A mapping counts as a sample of its own: it has to load.
        for mapping in kinds.iter().filter(|kind| kind.contains("Mapping")) {
            let bytes = text(mapping);
            let errors = if mapping.starts_with("device") {
                DeviceMapping::load(&bytes, Arithmetic::default()).sound().err().map(|e| e.to_string())
            } else {
                let (_, errors) = FhirMapping::load(&bytes);
                (!errors.is_empty()).then(|| errors.to_string())
            };
            ran.sample(&format!("medtech/{set}__{mapping}"), errors);
        }
    }
    ran
}

/// What is otherwise than a valid message wants: an Observation without a fault that holds each of its numbers, converted by
/// the functions that the mapping names, of the message's device.
fn differences(device: &[u8], fhir: &[u8], message: &[u8]) -> Vec<String> {
    let said: serde_json::Value = serde_json::from_slice(message).unwrap();
    let mapping = DeviceMapping::load(device, Arithmetic::default()).mapping;
    let made = mapping.normalise(&Json::read(message).unwrap(), Compat::Safe);
    let mut found: Vec<String> = made.faults.iter().map(ToString::to_string).collect();
    if made.measurements.is_empty() {
        found.push("no template matches".to_owned());
    }
    for measurement in &made.measurements {
        if Some(measurement.device_id.as_str()) != said["deviceId"].as_str() {
            found.push(format!("the device is {}", measurement.device_id));
        }
        if measurement.patient_id.as_deref() != said["userId"].as_str() {
            found.push(format!("the patient is {:?}", measurement.patient_id));
        }
        for (name, from, factor) in
            [("heightInMeters", "heightInInches", 0.0254), ("distanceInMeters", "distanceInMiles", 1_609.344)]
        {
            let Some(raw) = said[from].as_f64() else { continue };
            let value =
                measurement.properties.iter().find(|p| &*p.name == name).and_then(|p| p.value.parse::<f64>().ok());
            if value.is_none_or(|value| (value - raw * factor).abs() > TOLERANCE) {
                found.push(format!("{name} is {value:?}, not {}", raw * factor));
            }
        }
    }
    let (fhir, _) = FhirMapping::load(fhir);
    let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
    let observed = Workbench::new(&fhir, None, Compat::Safe, Directory::default()).observe(&made.measurements, now);
    if observed.len() != made.measurements.len() {
        found.push(format!("{} Observations of {} measurements", observed.len(), made.measurements.len()));
    }
    found.extend(observed.iter().filter_map(|o| o.fault.as_ref()).map(ToString::to_string));
    found.extend(observed.iter().filter(|o| o.observation.is_none()).map(|_| "no Observation".to_owned()));
    found
}
