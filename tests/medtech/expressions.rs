//! Expressions on their own, and the functions of JMESPath.

use super::{Case, items, names, not_understood, number, part, same};
use std::borrow::Cow;
use wardwatch::ingest::medtech::{Arithmetic, Expression, Json, JsonValue, Language};

pub(crate) fn expression(case: &Case) -> Result<(), String> {
    for name in names(case.expected()) {
        let wanted = part(case.expected(), name);
        let parsed = parse(case, Arithmetic::Medtech);
        match name {
            "parse_error" => refused(parsed.err())?,
            "select_one_error" => refused(parsed?.select_one(case.part("input")).err())?,
            "select_one" => {
                let parsed = parsed?;
                let found = parsed.select_one(case.part("input")).map_err(|f| f.to_string())?;
                let found = found.map_or_else(|| Json::of(JsonValue::Null), Cow::into_owned);
                same(name, &found, wanted)?;
            }
            "select_many" => {
                let parsed = parsed?;
                let found = parsed.select_many(case.part("input")).map_err(|f| f.to_string())?;
                let found: Vec<Json> = found.into_iter().map(Cow::into_owned).collect();
                same(name, found.as_slice(), items(wanted))?;
            }
            other => return Err(not_understood(other)),
        }
    }
    Ok(())
}

pub(crate) fn function(case: &Case) -> Result<(), String> {
    let expected = case.expected();
    for name in names(expected) {
        let wanted = part(expected, name);
        match name {
            "parse_error" => refused(parse(case, Arithmetic::Medtech).err())?,
            "error" => refused(value(case, Arithmetic::Medtech).err())?,
            "result" | "result_by_code" => {
                let decimals = part(expected, "decimals");
                agrees(&value(case, Arithmetic::Medtech)?, wanted, decimals)?;
            }
            "result_documented" => agrees(&value(case, Arithmetic::Documented)?, wanted, part(expected, "decimals"))?,
            "result_type" => {
                same(name, kind(&value(case, Arithmetic::Medtech)?), wanted.as_text().unwrap_or_default())?;
            }
            // It belongs to the result.
            "decimals" => {}
            other => return Err(not_understood(other)),
        }
    }
    Ok(())
}

fn parse(case: &Case, arithmetic: Arithmetic) -> Result<Expression, String> {
    let template = case.part("template");
    let language = part(template, "language").as_text().and_then(Language::named).ok_or("no language")?;
    let text = part(template, "value").as_text().ok_or("no expression")?;
    Expression::parse(text, language, arithmetic).map_err(|error| error.to_string())
}

fn value(case: &Case, arithmetic: Arithmetic) -> Result<Json, String> {
    let parsed = parse(case, arithmetic)?;
    let found = parsed.select_one(case.part("input")).map_err(|fault| fault.to_string())?;
    Ok(found.map_or_else(|| Json::of(JsonValue::Null), Cow::into_owned))
}

fn refused(error: Option<impl ToString>) -> Result<(), String> {
    error.map(|_| ()).ok_or_else(|| "it succeeds, and an error is wanted".to_owned())
}

fn agrees(found: &Json, wanted: &Json, decimals: &Json) -> Result<(), String> {
    match (number(found), number(wanted), number(decimals)) {
        (Some(a), Some(b), Some(decimals)) => {
            let scale = 10_f64.powf(decimals);
            same("result", (a * scale).round(), (b * scale).round())
        }
        (Some(a), Some(b), None) if a.is_nan() => same("result", b.is_nan(), true),
        (Some(a), Some(b), None) => same("result", a, b),
        _ => same("result", found, wanted),
    }
}

/// What upstream calls this kind of value. A date is a text here.
fn kind(value: &Json) -> &'static str {
    match &value.value {
        JsonValue::Null => "Null",
        JsonValue::Bool(_) => "Boolean",
        JsonValue::Integer(_) | JsonValue::Long(_) => "Integer",
        JsonValue::Float(_) => "Float",
        JsonValue::Text(text) if text.len() >= 20 && text.ends_with('Z') && text.contains('T') => "Date",
        JsonValue::Text(_) => "String",
        JsonValue::Array(_) => "Array",
        JsonValue::Object(_) => "Object",
    }
}
