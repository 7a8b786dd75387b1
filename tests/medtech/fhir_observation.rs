//! Stage fhir-observation.

use super::{
    compare::{Verdict, check_outcome, holds, json, now, period},
    fhir_value::{concept, existing, value_template, values},
};
use serde_json::{Value, json};
use wardwatch::{
    domain::Timestamp,
    fhir::{CodeableConcept, Component, Observation, ObservationValue, Period, Status},
    ingest::medtech::{
        Compat, Json, LoadErrors,
        transform::{FhirTemplate, ObservationGroup, TransformFault, ValueTemplate, observe},
    },
};

pub(crate) fn observation(case: &Json) -> Verdict {
    let case = case.to_value();
    let (input, expected) = (&case["input"], &case["expected"]);
    if !input["ids"].is_null() {
        return super::saving::references(input, expected);
    }
    let template = template(&case["template"])?;
    let over = period(&input["boundary"])?;
    let mut group = ObservationGroup::new(input["name"].as_str().unwrap_or_default(), over, String::new());
    for (name, list) in input["values"].as_object().into_iter().flatten() {
        group.values.insert(name.clone(), values(list, over));
    }
    let made = if input["existing"].is_null() {
        observe::create(&template, &group, now())
    } else {
        let there = observation_there(&input["existing"], &template)?;
        // Upstream says `amended` when it merges; here it is said when it is kept, and something has changed.
        let merged = observe::merge(&template, &group, &there, Compat::Medtech);
        merged.map(|m| if m == there { m } else { Observation { status: Status::Amended, ..m } })
    };
    check_outcome(expected, made, TransformFault::name, |made| check(expected, &made, &input["values"]))
}

/// A template as a case has it: values may leave their type open, since their tests did not make them.
fn template(of: &Value) -> Result<FhirTemplate, String> {
    let mut of = of.clone();
    of["typeName"] = of["typeName"].as_str().unwrap_or("code").into();
    let open = |value: &mut Value| {
        if !value.is_null() && value["valueType"].is_null() {
            value["valueType"] = "String".into();
        }
    };
    open(&mut of["value"]);
    for component in of["components"].as_array_mut().into_iter().flatten() {
        open(&mut component["value"]);
    }
    let whole = json!({"templateType": "CodeValueFhir", "template": of});
    let mut errors = LoadErrors::default();
    FhirTemplate::load(&Json::from(&whole), &mut errors).ok_or_else(|| errors.to_string())
}

fn observation_there(of: &Value, template: &FhirTemplate) -> Result<Observation, String> {
    let any = value_template(&json!({}))?;
    let value = |of: &Value, template: Option<&ValueTemplate>| {
        existing(of, template.unwrap_or(&any)).or_else(|| template.map(|_| ObservationValue::String("before".into())))
    };
    let list = |name: &str| of[name].as_array().cloned().unwrap_or_default();
    let components = list("component").into_iter().map(|c| {
        let code = concept(&c["code"]);
        let named = template.components.iter().filter_map(|t| t.value.as_ref());
        let named = named.into_iter().find(|v| code.coding.iter().any(|c| c.code == v.name));
        Component { value: value(&c, named), code }
    });
    let effective = match &of["effectiveDateTime"] {
        Value::Null => period(&of["effectivePeriod"])?,
        moment => Period::at(super::compare::instant(moment)?),
    };
    Ok(Observation {
        id: None,
        identifier: Vec::new(),
        status: if of["status"] == "amended" { Status::Amended } else { Status::Final },
        category: list("category").iter().map(concept).collect(),
        code: CodeableConcept { coding: Vec::new(), text: Some("code".into()) },
        subject: None,
        encounter: None,
        effective,
        issued: Timestamp::from_ms(0),
        value: value(of, template.value.as_ref()),
        device: None,
        component: components.collect(),
    })
}

/// `value_from` and its kin name the measured value that has to be in its place.
fn check(expected: &Value, made: &Observation, given: &Value) -> Verdict {
    let mut expected = expected.clone();
    if expected["issued"] == "<now>" {
        expected["issued"] = now().to_string().into();
    }
    if let Some(none) = expected.as_object_mut().and_then(|e| e.remove("value"))
        && none.is_null()
        && made.value.is_some()
    {
        return Err(format!("there is a value: {:?}", made.value));
    }
    resolve(&mut expected, given);
    for component in expected["component"].as_array_mut().into_iter().flatten() {
        resolve(component, given);
    }
    holds("observation", &expected, &json(made))
}

fn resolve(expected: &mut Value, given: &Value) {
    for key in ["value_from", "created_from", "merged_from"] {
        if let Some(Value::String(name)) = expected.as_object_mut().and_then(|e| e.remove(key)) {
            expected["valueString"] = given[name.as_str()][0].clone();
        }
    }
}
