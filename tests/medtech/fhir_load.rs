//! Stages load-fhir-template, load-fhir-mapping, lookup-fhir-template.

use super::compare::{Verdict, check_errors, check_outcome, holds, mapping_text, understood};
use serde_json::{Value, json};
use wardwatch::{
    fhir::Coding,
    ingest::medtech::{
        Json, LoadErrors,
        transform::{FhirMapping, FhirTemplate, TransformFault, ValueKind, ValueTemplate},
    },
};

/// What is compared of the errors of a mapping.
const OF_ERRORS: [&str; 5] = ["valid", "errors_contain", "errors_mention_in_order", "error_lines", "error_count"];

pub(crate) fn template(case: &Json) -> Verdict {
    let expected = &case.to_value()["expected"];
    understood(expected, &[&OF_ERRORS[..], &["fields"]].concat())?;
    let text = mapping_text(case, "template").ok_or("no template")?;
    let mut errors = LoadErrors::default();
    let loaded = match Json::read(text.as_bytes()) {
        Ok(item) => FhirTemplate::load(&item, &mut errors),
        Err(fault) => {
            errors.add(fault.into());
            None
        }
    };
    check_errors(expected, &errors)?;
    let fields = loaded.as_ref().map(fields).unwrap_or_default();
    holds("fields", &expected["fields"], if expected["fields"].is_null() { &Value::Null } else { &fields })
}

pub(crate) fn mapping(case: &Json) -> Verdict {
    let expected = &case.to_value()["expected"];
    understood(expected, &[&OF_ERRORS[..], &["loaded", "template_count"]].concat())?;
    let text = mapping_text(case, "template").ok_or("no template")?;
    let (mapping, errors) = FhirMapping::load(text.as_bytes());
    check_errors(expected, &errors)?;
    if let Some(count) = expected["template_count"].as_u64()
        && count != mapping.iter().count() as u64
    {
        return Err(format!("{} templates were loaded, not {count}", mapping.iter().count()));
    }
    for (name, wanted) in expected["loaded"].as_object().into_iter().flatten() {
        let found = mapping.get(name).map_err(|e| e.to_string())?;
        holds(name, wanted, &fields(found))?;
    }
    Ok(())
}

pub(crate) fn lookup(case: &Json) -> Verdict {
    let value = case.to_value();
    let text = mapping_text(case, "template").ok_or("no template")?;
    let (mapping, errors) = FhirMapping::load(text.as_bytes());
    if !errors.is_empty() {
        return Err(errors.to_string());
    }
    let wanted = value["input"]["type"].as_str().ok_or("no type")?;
    check_outcome(&value["expected"], mapping.get(wanted), TransformFault::name, |found| {
        holds("template", &value["expected"], &fields(found))
    })
}

fn fields(template: &FhirTemplate) -> Value {
    let components: Vec<Value> = template
        .components
        .iter()
        .map(|c| json!({"codes": codes(&c.codes), "value": c.value.as_ref().map(value_fields)}))
        .collect();
    let category: Vec<Value> =
        template.category.iter().map(|c| json!({"text": c.text, "codes": codes(&c.codes)})).collect();
    json!({
        "typeName": template.type_name,
        "periodInterval": template.period.number(),
        "codes": codes(&template.codes),
        "category": category,
        "value": template.value.as_ref().map(value_fields),
        "components": components,
    })
}

fn value_fields(value: &ValueTemplate) -> Value {
    let mut fields = match &value.kind {
        ValueKind::SampledData { period, unit } => json!({"defaultPeriod": period, "unit": unit}),
        ValueKind::Quantity { unit, code, system } => json!({"unit": unit, "code": code, "system": system}),
        ValueKind::CodeableConcept(concept) => json!({"text": concept.text, "codes": codes(&concept.codes)}),
        ValueKind::String => json!({}),
    };
    fields["valueName"] = json!(value.name);
    fields["valueType"] = json!(value.kind.as_str());
    fields
}

fn codes(codes: &[Coding]) -> Value {
    codes.iter().map(|c| json!({"code": c.code, "system": c.system, "display": c.display})).collect()
}
