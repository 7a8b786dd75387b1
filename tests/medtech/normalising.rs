//! Messages through a device mapping.

use super::{Case, index, items, names, not_understood, number, part, same};
use std::collections::BTreeSet;
use wardwatch::ingest::medtech::{Arithmetic, Compat, DeviceMapping, Json, LoadErrors, Measurement, Normalised};

pub(crate) fn normalise(case: &Case) -> Result<(), String> {
    let loaded = DeviceMapping::load(case.template_text().as_bytes(), Arithmetic::Medtech);
    let expected = case.expected();
    let valid = part(expected, "valid").to_value() != false;
    if valid && !loaded.errors.is_empty() {
        return refused_at_load(&loaded.errors, expected);
    }
    let message = case.part("input");
    let upstream = loaded.mapping.normalise(message, Compat::Medtech);
    let safe = loaded.mapping.normalise(message, Compat::Safe);
    same("traced", loaded.mapping.trace(message, Compat::Safe).normalised, safe.clone())?;
    if upstream.faults.is_empty() {
        same("safe", &safe, &upstream)?;
    }
    for name in names(expected) {
        let wanted = part(expected, name);
        match name {
            "valid" => same(name, loaded.errors.is_empty(), valid)?,
            "error" => failed(&upstream, wanted)?,
            "measurements" => {
                same("faults", upstream.faults.iter().map(ToString::to_string).collect(), Vec::<String>::new())?;
                measured(&upstream.measurements, items(wanted), part(expected, "numeric_tolerance"))?;
            }
            // It belongs to the measurements.
            "numeric_tolerance" => {}
            "measurement_count" => same(name, upstream.measurements.len(), index(wanted))?,
            "count_by_type" => {
                for of in names(wanted) {
                    same(of, of_type(&upstream.measurements, of).count(), index(part(wanted, of)))?;
                }
            }
            "first_by_type" => {
                for of in names(wanted) {
                    let first = of_type(&upstream.measurements, of).next().ok_or_else(|| format!("no {of}"))?;
                    properties(first, part(wanted, of), part(expected, "numeric_tolerance"))?;
                }
            }
            "microsoft_behaviour" => {
                keeps(&upstream, wanted, "kept", true)?;
                keeps(&upstream, wanted, "lost", false)?;
                let class = upstream.faults.first().map_or("none", |fault| fault.kind.class());
                let said = part(wanted, "error").as_text().unwrap_or_default();
                same("error", said.starts_with(class), true)?;
            }
            "suggested" => {
                keeps(&safe, wanted, "kept", true)?;
                let failed: BTreeSet<&str> = safe.faults.iter().map(|fault| &*fault.type_name).collect();
                let letters: BTreeSet<&str> =
                    items(part(wanted, "dead_lettered")).iter().filter_map(Json::as_text).collect();
                same("dead_lettered", failed, letters)?;
            }
            other => return Err(not_understood(other)),
        }
    }
    Ok(())
}

/// Upstream's tests build templates without loading them, and find only with a message that an expression is missing. A
/// mapping that is refused for want of that same expression is as good.
fn refused_at_load(errors: &LoadErrors, expected: &Json) -> Result<(), String> {
    let error = part(expected, "error");
    let said = ["message", "message_starts_with"].into_iter().find_map(|name| part(error, name).as_text());
    let wanting = said.and_then(|text| text.strip_prefix("An expression must be set for [")?.split_once(']'));
    let is_wanting = |told: &str| match (wanting, said) {
        (Some((field, _)), _) => told.contains(field),
        (None, None) => told.starts_with("Required property") || told.starts_with("An expression must be set"),
        (None, Some(_)) => false,
    };
    let incompatible = part(error, "class").as_text() == Some("IncompatibleDataException");
    if incompatible && errors.iter().all(|error| is_wanting(&error.message)) {
        return Ok(());
    }
    Err(format!("the mapping does not load: {errors}"))
}

fn failed(outcome: &Normalised, wanted: &Json) -> Result<(), String> {
    let fault = outcome.faults.first().ok_or("nothing fails, and an error is wanted")?;
    let message = fault.kind.to_string();
    for name in names(wanted) {
        let text = part(wanted, name).as_text().unwrap_or_default();
        match name {
            "class" => same(name, fault.kind.class(), text)?,
            "message" => same(name, message.as_str(), text)?,
            "message_starts_with" => {
                same(name, message.starts_with(text), true).map_err(|e| format!("{e}: {message}"))?;
            }
            other => return Err(not_understood(other)),
        }
    }
    Ok(())
}

fn keeps(outcome: &Normalised, wanted: &Json, list: &str, kept: bool) -> Result<(), String> {
    items(part(wanted, list))
        .iter()
        .filter_map(Json::as_text)
        .try_for_each(|of| same(&format!("{list} {of}"), of_type(&outcome.measurements, of).next().is_some(), kept))
}

fn of_type<'m>(measurements: &'m [Measurement], of: &'m str) -> impl Iterator<Item = &'m Measurement> {
    measurements.iter().filter(move |m| *m.type_name == *of)
}

fn measured(found: &[Measurement], wanted: &[Json], tolerance: &Json) -> Result<(), String> {
    same("count of measurements", found.len(), wanted.len())?;
    for (found, wanted) in found.iter().zip(wanted) {
        for name in names(wanted) {
            let text = part(wanted, name).as_text();
            match name {
                "type" => same(name, Some(&*found.type_name), text)?,
                "occurrenceTimeUtc" => same(name, Some(found.occurred_at), text.and_then(|t| t.parse().ok()))?,
                "deviceId" => same(name, Some(found.device_id.as_str()), text)?,
                "patientId" => same(name, found.patient_id.as_deref(), text)?,
                "encounterId" => same(name, found.encounter_id.as_deref(), text)?,
                "correlationId" => same(name, found.correlation_id.as_deref(), text)?,
                "properties" => properties(found, part(wanted, name), tolerance)?,
                other => return Err(not_understood(other)),
            }
        }
    }
    Ok(())
}

fn properties(found: &Measurement, wanted: &Json, tolerance: &Json) -> Result<(), String> {
    same("count of values", found.properties.len(), items(wanted).len())?;
    for (found, wanted) in found.properties.iter().zip(items(wanted)) {
        let text = part(wanted, "value").as_text().ok_or("a value that is no text")?;
        same("name of a value", Some(&*found.name), part(wanted, "name").as_text())?;
        let within = number(part(tolerance, &found.name)).or_else(|| number(part(tolerance, "*")));
        let near = match (within, found.value.parse::<f64>(), text.parse::<f64>()) {
            (Some(within), Ok(a), Ok(b)) => (a - b).abs() <= within,
            _ => false,
        };
        if !near {
            same(&found.name, found.value.as_str(), text)?;
        }
    }
    Ok(())
}
