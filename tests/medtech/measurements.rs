//! The measurement itself: its partition and its form between upstream's parts.

use super::{Case, index, items, names, not_understood, part, same};
use wardwatch::ingest::medtech::{Json, Measurement, Property, partition};

pub(crate) fn partition_hash(case: &Case) -> Result<(), String> {
    for name in names(case.expected()) {
        match name {
            "hash" => {
                let range = u32::try_from(index(part(case.part("template"), "range"))).unwrap();
                let text = case.part("input").as_text().ok_or("no text")?;
                let wanted = part(case.expected(), "hash").as_text().ok_or("no hash")?;
                same(name, partition(text, range).to_string().as_str(), wanted)?;
            }
            other => return Err(not_understood(other)),
        }
    }
    Ok(())
}

pub(crate) fn wire_format(case: &Case) -> Result<(), String> {
    for name in names(case.expected()) {
        match name {
            "measurement_json" => {
                let wanted = part(case.expected(), name);
                let found = serde_json::to_string(&measurement(wanted)?).unwrap();
                same(name, found, wanted.to_string())?;
            }
            other => return Err(not_understood(other)),
        }
    }
    Ok(())
}

fn measurement(wire: &Json) -> Result<Measurement, String> {
    let text = |name: &str| part(wire, name).as_text().map(str::to_owned);
    let time = |name: &str| text(name).map(|t| t.parse().map_err(|_| format!("{t} is no time"))).transpose();
    Ok(Measurement {
        type_name: text("Type").unwrap_or_default().into(),
        occurred_at: time("OccurrenceTimeUtc")?.ok_or("no time")?,
        ingested_at: time("IngestionTimeUtc")?,
        device_id: text("DeviceId").unwrap_or_default(),
        patient_id: text("PatientId"),
        encounter_id: text("EncounterId"),
        correlation_id: text("CorrelationId"),
        properties: items(part(wire, "Properties"))
            .iter()
            .map(|property| Property {
                name: part(property, "Name").as_text().unwrap_or_default().into(),
                value: part(property, "Value").as_text().unwrap_or_default().to_owned(),
            })
            .collect(),
    })
}
