//! Stage fhir-value.

use super::compare::{Verdict, check_outcome, holds, json, now, period};
use serde_json::{Value, json};
use wardwatch::{
    fhir::{CodeableConcept, Coding, Component, Decimal, ObservationValue, Period, Quantity, SampledData},
    ingest::medtech::{
        Json, LoadErrors,
        transform::{FhirTemplate, TransformFault, ValueKind, ValueTemplate, period_ticks, sampled::TimedValue, value},
    },
};

/// Whether a case has a word in brackets where its test did not build a stream.
fn is_mocked(data: &Value) -> bool {
    data.as_str().is_some_and(|text| text.starts_with('<'))
}

pub(crate) fn value(case: &Json) -> Verdict {
    let case = case.to_value();
    let (input, expected) = (&case["input"], &case["expected"]);
    let template = value_template(&case["template"])?;
    if !expected["rebuild_period"].is_null() {
        return rebuild(&template, input, expected);
    }
    let moment = wardwatch::fhir::Instant::from(now());
    let over = if is_mocked(&input["data"]) || input["observationPeriod"].is_null() {
        Period::at(moment)
    } else {
        period(&input["observationPeriod"])?
    };
    let given = if input["values"].is_array() { &input["values"] } else { &input["data"] };
    let values = values(given, over);
    let made = if input["existing"].is_null() {
        value::create(&template, &values, over)
    } else {
        let existing = existing(&input["existing"], &template);
        value::merge(&template, &values, over, existing.as_ref(), over)
    };
    check_outcome(expected, made, TransformFault::name, |made| {
        let mut came = shown(made);
        let mocked = &expected["valueSampledData"]["data"];
        if is_mocked(mocked) {
            came["valueSampledData"]["data"] = mocked.clone();
        }
        holds("value", expected, &came)
    })
}

/// A stream that is there and one new value, over periods that are not the same.
fn rebuild(template: &ValueTemplate, input: &Value, expected: &Value) -> Verdict {
    let (data, observed) = (period(&input["dataPeriod"])?, period(&input["observationPeriod"])?);
    let (rebuilt, from) =
        (period(&expected["rebuild_period"])?, super::compare::instant(&expected["existing_stream_parsed_from"])?);
    let ValueKind::SampledData { period: Some(sample), .. } = &template.kind else { return Err("no period".into()) };
    let ticks = period_ticks(sample).ok_or("no period")?;
    let there = value::create(template, &[(observed.start, "7".into())], observed).map_err(|e| e.to_string())?;
    let new = if data.end == from { data.start } else { data.end };
    let merged = value::merge(template, &[(new, "9".into())], data, Some(&there), observed);
    let Ok(ObservationValue::SampledData(merged)) = merged else { return Err(format!("{merged:?}")) };
    let slots: Vec<&str> = merged.data.split(' ').collect();
    let slot = |at: wardwatch::fhir::Instant| usize::try_from((at.ticks() - rebuilt.start.ticks()) / ticks).unwrap();
    if slots.len() != slot(rebuilt.end) + 1 {
        return Err(format!("{} values do not cover the period", slots.len()));
    }
    if slots.get(slot(from)) != Some(&"7") || slots.get(slot(new)) != Some(&"9") {
        return Err("the values do not stand where they belong".into());
    }
    Ok(())
}

/// A value template by itself; a type that the case leaves open is a text.
pub(crate) fn value_template(template: &Value) -> Result<ValueTemplate, String> {
    let mut template = template.clone();
    if template["valueType"].is_null() {
        template["valueType"] = "String".into();
    }
    if template["valueName"].is_null() {
        template["valueName"] = "value".into();
    }
    let whole = json!({"templateType": "CodeValueFhir", "template": {"typeName": "t", "codes": [], "value": template}});
    let mut errors = LoadErrors::default();
    let loaded = FhirTemplate::load(&Json::from(&whole), &mut errors);
    loaded.and_then(|t| t.value).ok_or_else(|| errors.to_string())
}

/// Values of a case: texts, or texts with their times.
pub(crate) fn values(list: &Value, over: Period) -> Vec<TimedValue> {
    let timed = |value: &Value| match value {
        Value::String(text) => (over.start, text.clone()),
        other => (
            super::compare::instant(&other["time"]).unwrap_or(over.start),
            other["value"].as_str().unwrap_or_default().to_owned(),
        ),
    };
    list.as_array().into_iter().flatten().map(timed).collect()
}

/// The value that is there. A type that wardwatch does not make is another one than the template's.
pub(crate) fn existing(of: &Value, template: &ValueTemplate) -> Option<ObservationValue> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let amount = |value: &Value| Quantity {
        value: value["value"].to_string().parse().unwrap_or_else(|_| Decimal::zero()),
        unit: text(&value["unit"]),
        system: text(&value["system"]),
        code: text(&value["code"]),
    };
    let (name, value) = of.as_object()?.iter().find(|(name, _)| name.starts_with("value"))?;
    Some(match name.as_str() {
        "valueQuantity" => ObservationValue::Quantity(amount(value)),
        "valueSampledData" => ObservationValue::SampledData(SampledData {
            origin: amount(&value["origin"]),
            period: value["period"].to_string().parse().unwrap_or_else(|_| Decimal::zero()),
            dimensions: u32::try_from(value["dimensions"].as_u64().unwrap_or(1)).unwrap(),
            data: text(&value["data"]).unwrap_or_default(),
        }),
        "valueCodeableConcept" => ObservationValue::CodeableConcept(concept(value)),
        // A value that the case's test made up.
        "value" if matches!(template.kind, ValueKind::String) => ObservationValue::String("before".into()),
        "valueString" => ObservationValue::String(text(value).unwrap_or_default()),
        _ if matches!(template.kind, ValueKind::String) => {
            ObservationValue::CodeableConcept(CodeableConcept::default())
        }
        _ => ObservationValue::String(String::new()),
    })
}

pub(crate) fn concept(value: &Value) -> CodeableConcept {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let coding = value["coding"].as_array().into_iter().flatten();
    let coding =
        coding.map(|c| Coding { system: text(&c["system"]), code: text(&c["code"]), display: text(&c["display"]) });
    CodeableConcept { coding: coding.collect(), text: text(&value["text"]) }
}

fn shown(value: ObservationValue) -> Value {
    json(&Component { code: CodeableConcept::default(), value: Some(value) })
}
