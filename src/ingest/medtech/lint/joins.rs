//! Device template against FHIR template: do the names meet?

use super::{
    Findings, Sent,
    finding::{FindingCode, Severity, Side},
};
use crate::ingest::medtech::transform::{FhirMapping, FhirTemplate, PeriodInterval};

/// What devices send has to have a place in an Observation, and the other way round.
pub(super) fn check(sent: &[Sent<'_>], fhir: &FhirMapping, findings: &mut Findings) {
    for device in sent {
        match fhir.get(device.type_name) {
            Ok(template) => check_template(device, template, findings),
            Err(_) => type_not_mapped(device, fhir, findings),
        }
    }
    for template in fhir.iter() {
        not_sent(sent, template, findings);
    }
}

fn type_not_mapped(device: &Sent<'_>, fhir: &FhirMapping, findings: &mut Findings) {
    let types: Vec<&str> = fhir.iter().map(|t| t.type_name.as_str()).collect();
    findings.push(
        FindingCode::TypeNotMapped,
        Severity::Warning,
        (Side::Device, Some(device.at)),
        format!(
            "No matching Fhir Template exists for Device Mapping [{}]. Available Fhir Templates: [{}].",
            device.type_name,
            types.join(", ")
        ),
        "Its measurements fail: no Observation is made of them. Add a FHIR template of this typeName, or correct the name.",
    );
}

fn check_template(device: &Sent<'_>, template: &FhirTemplate, findings: &mut Findings) {
    for value in &device.values {
        if template.value_names().any(|name| name == value.name) {
            continue;
        }
        let names: Vec<&str> = template.value_names().collect();
        let advice = match names.as_slice() {
            [] => "The FHIR template has no value at all. The value is lost without a message.".to_owned(),
            names => format!(
                "The value is lost without a message: the Observation is made, and it is not in it. The FHIR template \
                 waits for {}. Write the same valueName on both sides, in the same case.",
                quoted(names)
            ),
        };
        findings.push(
            FindingCode::ValueNotMapped,
            Severity::Warning,
            (Side::Device, Some(value.at)),
            format!(
                "The value [{}] in Device Mapping [{}] is not represented within the Fhir Template of type [{}]. \
                 Available values are: [{}]. No value will appear inside of Observations.",
                value.name,
                device.type_name,
                template.type_name,
                names.join(", ")
            ),
            advice,
        );
    }
    if template.period == PeriodInterval::Correlation && !device.correlation {
        findings.push(
            FindingCode::CorrelationIdMissing,
            Severity::Error,
            (Side::Device, Some(device.at)),
            format!(
                "The FHIR template [{}] groups by correlation id, and [{0}] has no correlationIdExpression.",
                template.type_name
            ),
            "Each of its measurements fails (CorrelationIdNotDefinedException). Add the expression, or take another \
             periodInterval.",
        );
    }
}

fn not_sent(sent: &[Sent<'_>], template: &FhirTemplate, findings: &mut Findings) {
    let of_type: Vec<&Sent<'_>> =
        sent.iter().filter(|d| d.type_name.to_lowercase() == template.type_name.to_lowercase()).collect();
    if of_type.is_empty() {
        findings.push(
            FindingCode::TypeNotSent,
            Severity::Note,
            (Side::Fhir, Some(template.at)),
            format!("No device template makes measurements of the type [{}].", template.type_name),
            "This FHIR template is never used.",
        );
        return;
    }
    for value in template.values() {
        let Some(name) = &value.name else { continue };
        if !of_type.iter().any(|d| d.values.iter().any(|v| v.name == name)) {
            findings.push(
                FindingCode::ValueNotSent,
                Severity::Warning,
                (Side::Fhir, Some(value.at)),
                format!("No device template of the type [{}] makes the value [{name}].", template.type_name),
                "It never appears in an Observation. Write the same valueName on both sides, in the same case.",
            );
        }
    }
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    names.join(", ")
}
