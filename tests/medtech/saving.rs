//! Stage save.

use super::{
    compare::{Verdict, holds, json, now},
    fhir_value::{existing, value_template},
};
use serde_json::{Value, json};
use std::cell::Cell;
use wardwatch::{
    fhir::{CodeableConcept, Identifier, Instant, Observation, Period, Status},
    ingest::medtech::{
        Json,
        identity::Identities,
        transform::{
            observe::with_identities,
            save::{Conflict, ObservationShelf, SaveFault, Saved, save},
        },
    },
};

/// Answers the tries of a save as the case says.
struct Shelf {
    there: Option<Observation>,
    answers: Vec<bool>,
    finds: Cell<u32>,
}

impl ObservationShelf for Shelf {
    fn find(&self, _: &Identifier) -> Option<Observation> {
        self.finds.set(self.finds.get() + 1);
        self.there.clone()
    }

    fn put(&mut self, _: Observation) -> Result<(), Conflict> {
        let good = if self.answers.is_empty() { true } else { self.answers.remove(0) };
        if good { Ok(()) } else { Err(Conflict) }
    }
}

pub(crate) fn saving(case: &Json) -> Verdict {
    let case = case.to_value();
    let (input, expected) = (&case["input"], &case["expected"]);
    let there = (!input["existing"].is_null()).then(|| observation(&input["existing"]));
    let merged = match &input["merged"] {
        Value::Null => Observation { issued: wardwatch::domain::Timestamp::from_ms(1), ..observation(&Value::Null) },
        merged => observation(merged),
    };
    let answer = |v: &Value| v.as_str().is_some_and(|s| s.starts_with('2'));
    let answers = input["update_results"].as_array().into_iter().flatten().map(answer).collect();
    let mut shelf = Shelf { there, answers, finds: Cell::new(0) };
    let merges = Cell::new(0_u32);
    let identifier = Identifier { system: None, value: "x".into() };
    let merge = |_: &Observation| {
        merges.set(merges.get() + 1);
        Ok(merged.clone())
    };
    let saved = save(&mut shelf, &identifier, || Ok(observation(&Value::Null)), merge);
    let (operation, status) = match &saved {
        Ok((saved, observation)) => (operation(*saved), Some(json(&observation.status))),
        Err(SaveFault::Conflict(_)) => ("Conflict", None),
        Err(SaveFault::Transform(fault)) => return Err(fault.to_string()),
    };
    let came = json!({
        "operation": operation,
        "metric": format!("Observation{operation}"),
        "merges": merges.get(),
        "status": status,
        "error": if saved.is_err() { json!({}) } else { Value::Null },
    });
    let mut expected = expected.clone();
    if let Some(error) = expected.as_object_mut().and_then(|e| e.remove("error"))
        && error.is_null() != saved.is_ok()
    {
        return Err(format!("{error} was wanted, {came} came"));
    }
    holds("save", &expected, &came)
}

const fn operation(saved: Saved) -> &'static str {
    match saved {
        Saved::Created => "Created",
        Saved::Updated => "Updated",
        Saved::Unchanged => "NoOperation",
    }
}

/// An Observation that says of whom and by what it is.
pub(crate) fn references(input: &Value, expected: &Value) -> Verdict {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let ids = Identities {
        device: text(&input["ids"]["Device"]).ok_or("no device")?,
        patient: text(&input["ids"]["Patient"]).ok_or("no patient")?,
        encounter: text(&input["ids"]["Encounter"]),
    };
    let identifier = Identifier {
        system: text(&input["identifier"]["system"]),
        value: text(&input["identifier"]["value"]).ok_or("no identifier")?,
    };
    let made = json(&with_identities(observation(&Value::Null), &ids, &identifier));
    let came = json!({
        "id": made["id"],
        "subject": made["subject"]["reference"],
        "device": made["device"]["reference"],
        "encounter": made["encounter"]["reference"],
        "identifier": made["identifier"],
    });
    holds("observation", expected, &came)
}

fn observation(of: &Value) -> Observation {
    let template = value_template(&json!({})).unwrap();
    Observation {
        id: None,
        identifier: Vec::new(),
        status: if of["status"] == "amended" { Status::Amended } else { Status::Final },
        category: Vec::new(),
        code: CodeableConcept { coding: Vec::new(), text: Some("code".into()) },
        subject: None,
        encounter: None,
        effective: Period::at(Instant::from(now())),
        issued: wardwatch::domain::Timestamp::from_ms(0),
        value: existing(of, &template),
        device: None,
        component: Vec::new(),
    }
}
