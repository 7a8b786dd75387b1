//! Device mappings and their templates as they are loaded.

use super::{Case, index, items, names, not_understood, part, same};
use wardwatch::ingest::medtech::{
    Arithmetic, DeviceMapping, DeviceTemplate, Expression, Json, JsonError, LoadError, LoadErrors, Position,
};

pub(crate) fn mapping(case: &Case) -> Result<(), String> {
    let loaded = DeviceMapping::load(case.template_text().as_bytes(), Arithmetic::Medtech);
    check(case, loaded.mapping.templates(), &loaded.errors)
}

pub(crate) fn template(case: &Case) -> Result<(), String> {
    let read = Json::read(case.template_text().as_bytes())
        .map_err(|error: JsonError| LoadErrors::from(LoadError::from(error)));
    match read.and_then(|json| DeviceMapping::load_template(&json, Arithmetic::Medtech)) {
        Ok(template) => check(case, &[template], &LoadErrors::default()),
        Err(errors) => check(case, &[], &errors),
    }
}

fn check(case: &Case, templates: &[DeviceTemplate], errors: &LoadErrors) -> Result<(), String> {
    let told: Vec<&LoadError> = errors.iter().collect();
    let all = errors.to_string();
    let first = || templates.first().ok_or_else(|| format!("it does not load: {all}"));
    for name in names(case.expected()) {
        let wanted = part(case.expected(), name);
        match name {
            "valid" => {
                same("valid", errors.is_empty(), wanted.to_value() == true).map_err(|e| format!("{e}: {all}"))?;
            }
            "fields" => {
                for field in names(wanted) {
                    same(field, shown(first()?, field, part(wanted, field)), Some(part(wanted, field).to_value()))?;
                }
            }
            "languages" => {
                for field in names(wanted) {
                    let found = expression(first()?, field).map(|e| e.language.as_str());
                    same(field, found, part(wanted, field).as_text())?;
                }
            }
            "errors_contain" => {
                let missing = items(wanted).iter().find(|text| !all.contains(text.as_text().unwrap()));
                same("errors_contain", missing.map(|text| format!("{text} in {all}")), None)?;
            }
            "errors_mention_in_order" => {
                same("count of errors", told.len(), items(wanted).len()).map_err(|e| format!("{e}: {all}"))?;
                for (error, mention) in told.iter().zip(items(wanted)) {
                    let mentioned = error.message.contains(mention.as_text().unwrap());
                    same("mention", mentioned, true).map_err(|e| format!("{e}: {mention} in {error}"))?;
                }
            }
            "error_count" => same("error_count", told.len(), index(wanted)).map_err(|e| format!("{e}: {all}"))?,
            "error_lines" => {
                let lines: Vec<_> = told.iter().map(|error| error.at.map_or(0, |at| at.line as usize)).collect();
                same("error_lines", lines, items(wanted).iter().map(index).collect())?;
            }
            "template_count" => same("template_count", templates.len(), index(wanted))?,
            "line_info" => items(wanted).iter().try_for_each(|info| stands(templates, info))?,
            other => return Err(not_understood(other)),
        }
    }
    Ok(())
}

/// A field in the form in which it is wanted: an expression as its text, or with its language.
fn shown(template: &DeviceTemplate, field: &str, wanted: &Json) -> Option<serde_json::Value> {
    let with_language = |e: &Expression| serde_json::json!({ "value": e.text.value, "language": e.language.as_str() });
    let in_form = |e: &Expression, wanted: &Json| {
        if wanted.as_object().is_some() { with_language(e) } else { serde_json::json!(e.text.value) }
    };
    match field {
        "typeName" => Some(serde_json::json!(*template.type_name.value)),
        "values" => {
            let values = template.values.iter().zip(items(wanted)).map(|(value, wanted)| {
                serde_json::json!({
                    "required": value.required,
                    "valueName": *value.name.value,
                    "valueExpression": in_form(&value.expression, part(wanted, "valueExpression")),
                })
            });
            (template.values.len() == items(wanted).len()).then(|| values.collect())
        }
        _ => Some(expression(template, field).map_or(serde_json::Value::Null, |e| in_form(e, wanted))),
    }
}

fn expression<'t>(template: &'t DeviceTemplate, field: &str) -> Option<&'t Expression> {
    match field {
        "typeMatchExpression" => template.type_match.as_ref(),
        "deviceIdExpression" => Some(&template.device_id),
        "timestampExpression" => template.timestamp.first(),
        "patientIdExpression" => template.patient_id.as_ref(),
        "encounterIdExpression" => template.encounter_id.as_ref(),
        "correlationIdExpression" => template.correlation_id.as_ref(),
        _ => {
            let (place, rest) = field.strip_prefix("values[")?.split_once(']')?;
            let value = template.values.get(place.parse::<usize>().ok()?)?;
            (rest == ".valueExpression").then_some(&value.expression)
        }
    }
}

fn stands(templates: &[DeviceTemplate], info: &Json) -> Result<(), String> {
    let template = &templates[index(part(info, "template"))];
    let property = part(info, "property").as_text();
    let at = property.map_or(Some(template.at), |property| place(template, property));
    let at = at.ok_or_else(|| format!("{info}: no such property"))?;
    let column = match part(info, "position") {
        position if position.is_null() => at.column as usize,
        position => index(position),
    };
    same(&info.to_string(), (at.line as usize, at.column as usize), (index(part(info, "line")), column))
}

fn place(template: &DeviceTemplate, property: &str) -> Option<Position> {
    if property == "typeName" {
        return Some(template.type_name.at);
    }
    if let Some(expression) = expression(template, property) {
        return Some(expression.at);
    }
    if let Some((whole, part)) = property.rsplit_once('.')
        && let Some(expression) = expression(template, whole)
    {
        return match part {
            "value" => Some(expression.text.at),
            "language" => expression.language_at,
            _ => None,
        };
    }
    let (place, rest) = property.strip_prefix("values[")?.split_once(']')?;
    let value = template.values.get(place.parse::<usize>().ok()?)?;
    match rest {
        "" => Some(value.at),
        ".valueName" => Some(value.name.at),
        ".required" => value.required_at,
        _ => None,
    }
}
