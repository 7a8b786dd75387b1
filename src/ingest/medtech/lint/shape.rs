//! A FHIR template by itself: can values come into it?

use super::{
    Findings,
    finding::{FindingCode, Severity, Side},
    vitals::{self, VitalVerdict},
};
use crate::{
    domain::VitalTable,
    fhir::TICKS_PER_MS,
    ingest::medtech::{
        Position,
        transform::{FhirTemplate, PeriodInterval, ValueKind, ValueTemplate, period_ticks, sampled::SLOTS_MAX},
    },
};
use std::collections::BTreeSet;

/// What can be said of a FHIR template without the device mapping.
pub(super) fn check(template: &FhirTemplate, vitals: &VitalTable, findings: &mut Findings) {
    let type_name = &template.type_name;
    if let PeriodInterval::Other(number) = template.period {
        findings.push(
            FindingCode::PeriodUnknown,
            Severity::Error,
            (Side::Fhir, Some(template.at)),
            format!("[{type_name}] has periodInterval {number}, which means nothing."),
            "Each of its measurements fails. Take -1 (one Observation for each correlation id), 0 (each reading), 60 (each \
             hour) or 1440 (each day).",
        );
    }
    let mut names = BTreeSet::new();
    for value in template.values() {
        match value.name.as_deref().filter(|n| !n.trim().is_empty()) {
            None => no_name(type_name, value.at, findings),
            Some(name) if !names.insert(name) => findings.push(
                FindingCode::ValueNameTwice,
                Severity::Warning,
                (Side::Fhir, Some(value.at)),
                format!("[{type_name}] has the value [{name}] twice."),
                "Both get the same measured value. When Observations are merged, only the first is found again.",
            ),
            Some(_) => {}
        }
        check_stream(template, value, findings);
    }
    check_readings(template, findings);
    for component in template.components.iter().filter(|c| c.value.is_none()) {
        no_name(type_name, component.at, findings);
    }
    for covered in vitals::coverage(template, vitals) {
        if let VitalVerdict::Conflict { by_code, by_name } = covered.verdict {
            let at = template.values().find(|v| v.name.as_ref() == Some(&covered.value_name)).map(|v| v.at);
            findings.push(
                FindingCode::CodeAgainstName,
                Severity::Warning,
                (Side::Fhir, at),
                format!("[{type_name}] gives the value [{}] the code of {by_code}, and its name means {by_name}.", covered.value_name),
                "Who reads the Observation by its code takes one for the other. wardwatch shows neither. Correct the code.",
            );
        }
    }
}

fn no_name(type_name: &str, at: Position, findings: &mut Findings) {
    findings.push(
        FindingCode::NoValueName,
        Severity::Warning,
        (Side::Fhir, Some(at)),
        format!("[{type_name}] has a value without valueName."),
        "Nothing can come into it. Write the valueName of the device template.",
    );
}

/// A stream needs a sample period, and has a bound.
fn check_stream(template: &FhirTemplate, value: &ValueTemplate, findings: &mut Findings) {
    let ValueKind::SampledData { period, .. } = &value.kind else { return };
    let type_name = &template.type_name;
    let name = value.name.as_deref().unwrap_or_default();
    let Some(ticks) = period.as_ref().and_then(period_ticks) else {
        findings.push(
            FindingCode::SamplePeriodMissing,
            Severity::Error,
            (Side::Fhir, Some(value.at)),
            format!("[{type_name}] has no usable defaultPeriod for the value [{name}]."),
            "Each of its measurements fails. Write the milliseconds between two values, above 0.",
        );
        return;
    };
    let slots = template.period.span_ms().map_or(1, |span| (span * TICKS_PER_MS).div_euclid(ticks));
    if slots > SLOTS_MAX {
        findings.push(
            FindingCode::StreamTooLong,
            Severity::Error,
            (Side::Fhir, Some(value.at)),
            format!("[{type_name}] makes a stream of {slots} values of [{name}]; {SLOTS_MAX} are the most."),
            "Each of its measurements is refused. Take a longer defaultPeriod or a shorter periodInterval.",
        );
    }
}

/// A value that holds one reading, in an Observation that may get several.
fn check_readings(template: &FhirTemplate, findings: &mut Findings) {
    if template.period == PeriodInterval::Single {
        return;
    }
    let one = |v: &&ValueTemplate| matches!(v.kind, ValueKind::Quantity { .. } | ValueKind::String);
    let names: Vec<String> =
        template.values().filter(one).filter_map(|v| v.name.as_ref().map(|name| format!("[{name}]"))).collect();
    if !names.is_empty() {
        findings.push(
            FindingCode::SeveralReadings,
            Severity::Warning,
            (Side::Fhir, Some(template.at)),
            format!(
                "[{}] has periodInterval {}, and takes one reading only of {}.",
                template.type_name,
                template.period.number(),
                names.join(", ")
            ),
            "Two readings that come together fail, and of those that come one by one the last replaces the others. Take \
             periodInterval 0, or SampledData.",
        );
    }
}
