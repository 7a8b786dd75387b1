//! Reading cases and comparing what came with what was wanted.

use serde::Serialize;
use serde_json::Value;
use wardwatch::{
    domain::Timestamp,
    fhir::{Instant, Period},
    ingest::medtech::{Json, LoadErrors},
};

/// The verdict on a case.
pub(crate) type Verdict = Result<(), String>;

/// A moment of a case; a date alone is its midnight.
pub(crate) fn instant(value: &Value) -> Result<Instant, String> {
    let text = value.as_str().ok_or_else(|| format!("{value} is no time"))?;
    let full = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    let parsed = chrono::DateTime::parse_from_rfc3339(&full).map_err(|e| format!("{text}: {e}"))?;
    Ok(Instant::of_utc(parsed.to_utc()))
}

/// A period as two members, or as an array of two.
pub(crate) fn period(value: &Value) -> Result<Period, String> {
    let (start, end) = if value.is_array() { (&value[0], &value[1]) } else { (&value["start"], &value["end"]) };
    Ok(Period { start: instant(start)?, end: instant(end)? })
}

/// The moment at which cases happen, where it does not matter.
pub(crate) fn now() -> Timestamp {
    "2024-01-15T10:20:30.123Z".parse().unwrap()
}

/// As JSON, for comparing.
pub(crate) fn json(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap()
}

/// Everything that was wanted has come; what came besides does not matter. What is not there is `null`; an empty list too.
pub(crate) fn holds(path: &str, wanted: &Value, came: &Value) -> Verdict {
    match (wanted, came) {
        (Value::Object(members), _) => {
            for (name, wanted) in members {
                holds(&format!("{path}.{name}"), wanted, &came[name.as_str()])?;
            }
            Ok(())
        }
        (Value::Array(items), Value::Null) if items.is_empty() => Ok(()),
        (Value::Array(wanted), Value::Array(came)) if wanted.len() == came.len() => {
            for (i, (wanted, came)) in wanted.iter().zip(came).enumerate() {
                holds(&format!("{path}[{i}]"), wanted, came)?;
            }
            Ok(())
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => Ok(()),
        (Value::String(a), Value::String(b)) if same_moment(a, b) => Ok(()),
        _ if wanted == came => Ok(()),
        _ => Err(format!("{path} is {came}, not {wanted}")),
    }
}

fn same_moment(a: &str, b: &str) -> bool {
    let moment = |text: &str| instant(&Value::from(text)).ok();
    moment(a).is_some() && moment(a) == moment(b)
}

/// Fails if a case expects something in words that the stage does not look at.
pub(crate) fn understood(expected: &Value, known: &[&str]) -> Verdict {
    let foreign =
        expected.as_object().into_iter().flatten().map(|(name, _)| name).find(|n| !known.contains(&n.as_str()));
    foreign.map_or(Ok(()), |name| Err(super::not_understood(name)))
}

/// The text of a mapping: as it stands in the case, or printed in its order with two blanks.
pub(crate) fn mapping_text(case: &Json, name: &str) -> Option<String> {
    if let Some(text) = case.get("template_text").and_then(Json::as_text) {
        return Some(text.to_owned());
    }
    let mapping = case.get(name).filter(|m| !m.is_null())?;
    Some(match mapping.as_text() {
        Some(raw) => raw.to_owned(),
        None => serde_json::to_string_pretty(mapping).unwrap(),
    })
}

/// Compares the errors of loading with what a case wants of them.
pub(crate) fn check_errors(expected: &Value, errors: &LoadErrors) -> Verdict {
    let said: Vec<String> = errors.iter().map(|e| e.message.clone()).collect();
    let all = said.join("\n");
    if let Some(valid) = expected["valid"].as_bool()
        && valid != errors.is_empty()
    {
        return Err(format!("valid is {}, not {valid}: {all}", errors.is_empty()));
    }
    for wanted in expected["errors_contain"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !all.contains(wanted) {
            return Err(format!("no error says {wanted:?}: {all}"));
        }
    }
    let mut rest = all.as_str();
    for wanted in expected["errors_mention_in_order"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let Some(at) = rest.find(wanted) else { return Err(format!("{wanted:?} is not mentioned in its turn: {all}")) };
        rest = &rest[at + wanted.len()..];
    }
    if let Some(count) = expected["error_count"].as_u64()
        && count != errors.count() as u64
    {
        return Err(format!("{} errors came, not {count}: {all}", errors.count()));
    }
    for wanted in expected["error_lines"].as_array().into_iter().flatten().filter_map(Value::as_u64) {
        if !errors.iter().any(|e| e.at.is_some_and(|at| u64::from(at.line) == wanted)) {
            return Err(format!("no error stands in line {wanted}: {errors}"));
        }
    }
    Ok(())
}

/// Compares an error by the name that upstream gives it.
pub(crate) fn check_class(expected: &Value, class: &str, resource: Option<&str>) -> Verdict {
    holds("error.class", &expected["error"]["class"], &class.into())?;
    match expected["error"]["resource"].as_str() {
        wanted @ Some(_) if wanted != resource => Err(format!("error.resource is {resource:?}, not {wanted:?}")),
        _ => Ok(()),
    }
}

/// What came of something that may fail, against the error or the success that is wanted.
pub(crate) fn check_outcome<T, E: std::fmt::Display>(
    expected: &Value,
    came: Result<T, E>,
    class: impl FnOnce(&E) -> &'static str,
    then: impl FnOnce(T) -> Verdict,
) -> Verdict {
    match came {
        Err(fault) if expected["error"].is_null() => Err(format!("it failed: {fault}")),
        Err(fault) => check_class(expected, class(&fault), None),
        Ok(_) if !expected["error"].is_null() => Err(format!("it should have failed: {}", expected["error"])),
        Ok(came) => then(came),
    }
}
