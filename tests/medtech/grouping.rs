//! Stages group, group-batch, group-id.

use super::{
    compare::{Verdict, check_outcome, holds, instant, period, understood},
    sampled::same,
};
use serde_json::Value;
use wardwatch::{
    fhir::{Instant, Period},
    ingest::medtech::{
        Compat, Json, LoadErrors, Measurement, Property,
        transform::{
            FhirTemplate, MeasurementGroup, ObservationGroup, PeriodInterval, TransformFault,
            group::{group_batch, observation_groups, segment},
        },
    },
};

pub(crate) fn group(case: &Json) -> Verdict {
    let case = case.to_value();
    let (input, expected) = (&case["input"], &case["expected"]);
    understood(expected, &["groups", "values", "error"])?;
    let measurements = measurements(&input["measurements"], input)?;
    if !case["template"]["boundary"].is_null() {
        let mut group = ObservationGroup::new("", period(&case["template"]["boundary"])?, String::new());
        measurements.iter().for_each(|m| group.add(m));
        return check_group(expected, &group);
    }
    let template = template(case["template"]["periodInterval"].as_i64().ok_or("no periodInterval")?)?;
    let first = measurements.first().ok_or("no measurements")?;
    let whole = MeasurementGroup { first, measurements: measurements.iter().collect() };
    let groups = observation_groups(&template, &whole, Compat::Medtech);
    check_outcome(expected, groups, TransformFault::name, |groups| {
        let wanted = expected["groups"].as_array().cloned().unwrap_or_default();
        if wanted.len() != groups.len() {
            return Err(format!("{} groups came, not {}", groups.len(), wanted.len()));
        }
        wanted.iter().zip(&groups).try_for_each(|(wanted, group)| check_group(wanted, group))
    })
}

fn check_group(wanted: &Value, group: &ObservationGroup) -> Verdict {
    if !wanted["start"].is_null() {
        let over = Period { start: instant(&wanted["start"])?, end: instant(&wanted["end"])? };
        if over != group.period {
            return Err(format!("the period is {:?}, not {over:?}", group.period));
        }
    }
    holds("name", &wanted["name"], &wanted["name"].as_str().map_or(Value::Null, |_| group.name.as_str().into()))?;
    if let Some(segment) = wanted["idSegment"].as_str() {
        holds("idSegment", &segment.into(), &group.segment.as_str().into())?;
    }
    let wanted = wanted["values"].as_object().cloned().unwrap_or_default();
    if wanted.len() != group.values.len() {
        return Err(format!("{:?} have values, not {:?}", group.values.keys(), wanted.keys().collect::<Vec<_>>()));
    }
    wanted.iter().try_for_each(|(name, list)| same(list, group.values.get(name).ok_or(name)?))
}

pub(crate) fn id(case: &Json) -> Verdict {
    let case = case.to_value();
    let (input, expected) = (&case["input"], &case["expected"]);
    understood(expected, &["idSegment", "microsoft_behaviour", "suggested"])?;
    let interval = PeriodInterval::of(case["template"]["periodInterval"].as_i64().ok_or("no periodInterval")?);
    if let Some(readings) = input.as_array() {
        // Two readings within one second: one name upstream, two when safe.
        let moments: Vec<_> = readings.iter().map(|r| instant(&r["start"])).collect::<Result<_, _>>()?;
        let names = |compat| moments.iter().map(|at| segment(interval, Period::at(*at), compat)).collect::<Vec<_>>();
        let (upstream, safe) = (names(Compat::Medtech), names(Compat::Safe));
        let behaviour = expected["microsoft_behaviour"].as_str().unwrap_or_default();
        if !upstream.iter().all(|name| behaviour.contains(name.as_str())) {
            return Err(format!("upstream: {behaviour}; came {upstream:?}"));
        }
        return if safe.iter().any(|n| upstream.contains(n)) { Err(format!("{safe:?}")) } else { Ok(()) };
    }
    let came = match (interval, input["correlationId"].as_str()) {
        (PeriodInterval::Correlation, Some(id)) => id.to_owned(),
        _ => segment(interval, period(input)?, Compat::Medtech),
    };
    holds("idSegment", &expected["idSegment"], &came.into())
}

/// Messages of one batch with device, patient and time; everything else is a value.
pub(crate) fn batch(case: &Json) -> Verdict {
    let case = case.to_value();
    let (input, expected) = (&case["input"], &case["expected"]);
    understood(expected, &["persisted", "groups", "group_count"])?;
    let mut batch = match &input["messages_in_order"] {
        Value::Array(messages) => messages.iter().map(flat).collect::<Result<Vec<_>, _>>()?,
        _ => measurements(if input.is_array() { input } else { &input["measurements"] }, input)?,
    };
    for (measurement, place) in batch.iter_mut().zip(0..) {
        measurement.ingested_at.get_or_insert(chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(place));
    }
    let groups = group_batch(&batch, Compat::Medtech);
    if let Some(count) = expected["group_count"].as_u64().or(expected["groups"].as_u64())
        && count != groups.len() as u64
    {
        return Err(format!("{} groups came, not {count}", groups.len()));
    }
    if let Some(persisted) = expected["persisted"].as_object() {
        let [group] = groups.as_slice() else { return Err(format!("{} groups came", groups.len())) };
        let observed = observation_groups(&template(60)?, group, Compat::Medtech).map_err(|e| e.to_string())?;
        let [observed] = observed.as_slice() else { return Err(format!("{} Observations came", observed.len())) };
        for (name, wanted) in persisted {
            let came: Vec<&str> = observed.values[name].iter().map(|(_, value)| value.as_str()).collect();
            if came != [wanted.as_str().unwrap_or_default()] {
                return Err(format!("{name} is {came:?}, not {wanted}"));
            }
        }
    }
    Ok(())
}

fn template(period: i64) -> Result<FhirTemplate, String> {
    let whole = serde_json::json!({
        "templateType": "CodeValueFhir",
        "template": {"typeName": "t", "codes": [], "periodInterval": period},
    });
    let mut errors = LoadErrors::default();
    FhirTemplate::load(&Json::from(&whole), &mut errors).ok_or_else(|| errors.to_string())
}

/// Measurements of a case; what one does not say, the input says for all.
fn measurements(list: &Value, input: &Value) -> Result<Vec<Measurement>, String> {
    let one = |of: &Value| {
        let text = |name: &str| of[name].as_str().or(input[name].as_str()).map(str::to_owned);
        let time = |name: &str| of[name].as_str().map(|_| instant(&of[name]).map(Instant::utc)).transpose();
        let properties = of["properties"].as_array().into_iter().flatten();
        let properties = properties.map(|p| Property {
            name: p["name"].as_str().unwrap_or_default().into(),
            value: p["value"].as_str().unwrap_or_default().to_owned(),
        });
        Ok(Measurement {
            type_name: text("type").unwrap_or_default().into(),
            occurred_at: time("occurrenceTimeUtc")?.ok_or("no occurrenceTimeUtc")?,
            ingested_at: time("ingestionTimeUtc")?,
            device_id: text("deviceId").unwrap_or_else(|| "device".to_owned()),
            patient_id: text("patientId"),
            encounter_id: text("encounterId"),
            correlation_id: text("correlationId"),
            properties: properties.collect(),
        })
    };
    list.as_array().into_iter().flatten().map(one).collect()
}

fn flat(message: &Value) -> Result<Measurement, String> {
    let known = ["patientid", "deviceid", "measurementdatetime"];
    let values = message.as_object().ok_or("no message")?.iter().filter(|(name, _)| !known.contains(&name.as_str()));
    let values = values.map(|(name, value)| Property {
        name: name.as_str().into(),
        value: value.as_str().unwrap_or_default().to_owned(),
    });
    Ok(Measurement {
        type_name: "t".into(),
        occurred_at: instant(&message["measurementdatetime"])?.utc(),
        ingested_at: None,
        device_id: message["deviceid"].as_str().unwrap_or_default().to_owned(),
        patient_id: message["patientid"].as_str().map(str::to_owned),
        encounter_id: None,
        correlation_id: None,
        properties: values.collect(),
    })
}
