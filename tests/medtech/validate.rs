//! Stage validate-mappings.

use super::compare::{Verdict, holds, mapping_text, now, understood};
use serde_json::{Value, json};
use wardwatch::{
    domain::VitalTable,
    ingest::medtech::{
        Arithmetic, Compat, DeviceMapping, Json, Measurement,
        identity::IdentityMode,
        lint::{Finding, FindingCode, LintRules, Severity, Side, lint},
        transform::FhirMapping,
        workbench::{ObserveFault, Workbench},
    },
};

/// What Microsoft's validator finds too; the rest is our own.
const UPSTREAM: [FindingCode; 4] =
    [FindingCode::DeviceMapping, FindingCode::FhirMapping, FindingCode::TypeNotMapped, FindingCode::ValueNotMapped];

pub(crate) fn validate(case: &Json) -> Verdict {
    let template = case.get("template").ok_or("no template")?;
    let value = case.to_value();
    let expected = &value["expected"];
    understood(expected, &["error", "template_exceptions", "device_results", "extra_lint"])?;
    let (device, fhir) = (mapping_text(template, "deviceMapping"), mapping_text(template, "fhirMapping"));
    if device.is_none() && fhir.is_none() {
        return holds("error.class", &expected["error"]["class"], &"ArgumentException".into());
    }
    let device = device.map(|text| DeviceMapping::load(text.as_bytes(), Arithmetic::default()));
    let fhir = fhir.map(|text| FhirMapping::load(text.as_bytes()));
    let create = value["template"]["resolutionType"] == "Create";
    let vitals = VitalTable::builtin();
    let rules = LintRules { identity: create.then_some(IdentityMode::Create), vitals: &vitals };
    let findings = lint(device.as_ref(), fhir.as_ref(), rules);
    let upstream: Vec<&Finding> = findings.iter().filter(|f| UPSTREAM.contains(&f.code)).collect();
    check_findings(&expected["template_exceptions"], &upstream)?;
    if !expected["extra_lint"].is_null() {
        let found = findings.iter().find(|f| f.code == FindingCode::PatientIdMissing);
        let found = found.ok_or("nothing says that no patient is named")?;
        if found.severity != Severity::Error || !found.advice.contains("ResourceIdentityNotDefinedException") {
            return Err(format!("{found:?}"));
        }
    }
    let Some(device) = device.filter(|_| upstream.iter().all(|f| f.severity != Severity::Error)) else {
        return if wants_none(&expected["device_results"]) { Ok(()) } else { Err("the mapping is not sound".into()) };
    };
    let empty = FhirMapping::default();
    let bench = fhir.as_ref().map(|(mapping, _)| mapping);
    check_events(case, expected, &device.mapping, bench.unwrap_or(&empty), bench.is_some())
}

fn wants_none(results: &Value) -> bool {
    results.as_array().is_none_or(Vec::is_empty)
}

fn check_findings(wanted: &Value, came: &[&Finding]) -> Verdict {
    let wanted = wanted.as_array().cloned().unwrap_or_default();
    if wanted.len() != came.len() {
        return Err(format!("{} findings came, not {}: {came:?}", came.len(), wanted.len()));
    }
    for wanted in wanted {
        let fits = |f: &&&Finding| {
            let level = if f.severity == Severity::Error { "ERROR" } else { "WARN" };
            // Upstream puts what joins the two under the second.
            let normalises = f.side == Side::Device && f.code == FindingCode::DeviceMapping;
            let category = if normalises { "NORMALIZATION" } else { "FHIRTRANSFORMATION" };
            let line = wanted["line"].as_u64();
            wanted["level"] == level
                && wanted["category"] == category
                && line.is_none_or(|line| f.at.is_some_and(|at| u64::from(at.line) == line))
                && says(&wanted, &f.message)
        };
        if !came.iter().any(|f| fits(&f)) {
            return Err(format!("no finding is {wanted}: {came:?}"));
        }
    }
    Ok(())
}

fn says(wanted: &Value, message: &str) -> bool {
    let start = wanted["starts_with"].as_str().is_none_or(|text| message.starts_with(text));
    start && wanted["contains"].as_str().is_none_or(|text| message.contains(text))
}

/// One event, as upstream's validator shows it.
struct DeviceResult {
    measurements: Vec<Measurement>,
    observations: Vec<Value>,
    /// Level, category and text.
    exceptions: Vec<(&'static str, &'static str, String)>,
}

fn check_events(case: &Json, expected: &Value, device: &DeviceMapping, fhir: &FhirMapping, transform: bool) -> Verdict {
    let Some(input) = case.get("input") else { return Ok(()) };
    let events = input.as_array().or_else(|| input.get("events").and_then(Json::as_array)).unwrap_or_default();
    let results: Vec<DeviceResult> = events.iter().map(|event| result_of(event, device, fhir, transform)).collect();
    let wanted = expected["device_results"].as_array().cloned().unwrap_or_default();
    let aggregate =
        input.get("aggregate").is_some_and(|a| a.value == wardwatch::ingest::medtech::JsonValue::Bool(true));
    if aggregate {
        return check_aggregate(&wanted, &results);
    }
    if wanted.len() != results.len() {
        return Err(format!("{} results came, not {}", results.len(), wanted.len()));
    }
    wanted.iter().zip(&results).try_for_each(|(wanted, result)| check_result(wanted, result))
}

fn result_of(event: &Json, device: &DeviceMapping, fhir: &FhirMapping, transform: bool) -> DeviceResult {
    let made = device.normalise(event, Compat::Medtech);
    let mut exceptions: Vec<_> =
        made.faults.iter().map(|fault| ("ERROR", "NORMALIZATION", fault.kind.to_string())).collect();
    if made.measurements.is_empty() && made.faults.is_empty() {
        let text = "No measurements were produced for the given device data.".to_owned();
        exceptions.push(("WARN", "NORMALIZATION", text));
    }
    let mut observations = Vec::new();
    for measurement in made.measurements.iter().filter(|_| transform) {
        let mut bench = Workbench::new(fhir, None, Compat::Medtech, Default::default());
        for observed in bench.observe(std::slice::from_ref(measurement), now()) {
            observations.extend(observed.observation.map(|o| super::compare::json(&o)));
            exceptions.extend(observed.fault.map(|fault| ("ERROR", "FHIRTRANSFORMATION", upstream_text(&fault))));
        }
    }
    DeviceResult { measurements: made.measurements, observations, exceptions }
}

/// What upstream says of it.
fn upstream_text(fault: &ObserveFault) -> String {
    use wardwatch::ingest::medtech::transform::TransformFault;
    match fault {
        ObserveFault::Transform(TransformFault::TemplateNotFound { type_name }) => {
            format!("No Fhir Template exists with the type name [{type_name}]")
        }
        other => other.to_string(),
    }
}

fn check_result(wanted: &Value, came: &DeviceResult) -> Verdict {
    if let Some(count) = wanted["measurement_count"].as_u64() {
        holds("measurement_count", &count.into(), &came.measurements.len().into())?;
    }
    if !wanted["measurements"].is_null() {
        let shown: Value = came.measurements.iter().map(measurement_json).collect();
        holds("measurements", &wanted["measurements"], &shown)?;
    }
    if let Some(observations) = wanted["observations"].as_array() {
        if observations.len() != came.observations.len() {
            return Err(format!("{} Observations came, not {}", came.observations.len(), observations.len()));
        }
        observations.iter().zip(&came.observations).try_for_each(|(w, c)| check_observation(w, c))?;
    }
    if let Some(exceptions) = wanted["exceptions"].as_array() {
        if exceptions.len() != came.exceptions.len() {
            return Err(format!("{:?} came, not {exceptions:?}", came.exceptions));
        }
        for (wanted, (level, category, text)) in exceptions.iter().zip(&came.exceptions) {
            if wanted["level"] != *level || wanted["category"] != *category || !says(wanted, text) {
                return Err(format!("{level} {category} {text} came, not {wanted}"));
            }
        }
    }
    Ok(())
}

fn measurement_json(m: &Measurement) -> Value {
    let properties: Value = m.properties.iter().map(|p| json!({"name": &*p.name, "value": p.value})).collect();
    json!({
        "type": &*m.type_name, "occurrenceTimeUtc": m.occurred_at.to_rfc3339(), "deviceId": m.device_id,
        "patientId": m.patient_id, "encounterId": m.encounter_id, "correlationId": m.correlation_id,
        "properties": properties,
    })
}

fn check_observation(wanted: &Value, came: &Value) -> Verdict {
    holds("code.text", &wanted["code.text"], &came["code"]["text"])?;
    if let Some(contains) = wanted["sampledData_contains"].as_str() {
        let data = came["valueSampledData"]["data"].as_str().unwrap_or_default();
        if !data.split(' ').any(|value| value == contains) {
            return Err(format!("the stream does not hold {contains}"));
        }
    }
    let parts = wanted["component"].as_array().cloned().unwrap_or_default();
    let components = came["component"].as_array().cloned().unwrap_or_default();
    if parts.len() != components.len() {
        return Err(format!("{} components came, not {}", components.len(), parts.len()));
    }
    parts.iter().zip(&components).try_for_each(|(wanted, came)| check_observation(wanted, came))
}

/// Events by what they raise: the first of each, and how many there are.
fn check_aggregate(wanted: &[Value], results: &[DeviceResult]) -> Verdict {
    let mut counted: Vec<(&(&str, &str, String), u64)> = Vec::new();
    for exception in results.iter().flat_map(|r| &r.exceptions) {
        match counted.iter_mut().find(|(known, _)| known.2 == exception.2) {
            Some((_, count)) => *count += 1,
            None => counted.push((exception, 1)),
        }
    }
    if wanted.len() != counted.len() {
        return Err(format!("{counted:?} came, not {wanted:?}"));
    }
    for (wanted, ((level, category, text), count)) in wanted.iter().zip(&counted) {
        holds(
            "aggregatedCount",
            &wanted["aggregatedCount"],
            &if wanted["aggregatedCount"].is_null() { Value::Null } else { (*count).into() },
        )?;
        for wanted in wanted["exceptions"].as_array().into_iter().flatten() {
            if wanted["level"] != *level || wanted["category"] != *category || !says(wanted, text) {
                return Err(format!("{level} {category} {text} came, not {wanted}"));
            }
        }
    }
    Ok(())
}
