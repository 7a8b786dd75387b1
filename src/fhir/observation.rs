//! The resource Observation.

use super::{CodeableConcept, Identifier, Instant, Period, Quantity, Reference, SampledData};
use crate::domain::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// Whether an Observation may still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As first made.
    Final,
    /// Changed since.
    Amended,
}

/// The value of an Observation or a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservationValue {
    /// An amount.
    Quantity(Quantity),
    /// Amounts at regular times.
    SampledData(SampledData),
    /// A concept.
    CodeableConcept(CodeableConcept),
    /// A text.
    String(String),
}

impl ObservationValue {
    /// Its member in the JSON of an Observation.
    #[must_use]
    pub const fn member(&self) -> &'static str {
        match self {
            Self::Quantity(_) => "valueQuantity",
            Self::SampledData(_) => "valueSampledData",
            Self::CodeableConcept(_) => "valueCodeableConcept",
            Self::String(_) => "valueString",
        }
    }
}

/// One of several values that belong together, such as the two of a blood pressure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// What was measured.
    pub code: CodeableConcept,
    /// The value.
    pub value: Option<ObservationValue>,
}

/// What was observed of a patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The resource's id, once it has one.
    pub id: Option<String>,
    /// Its names.
    pub identifier: Vec<Identifier>,
    /// Whether it was changed.
    pub status: Status,
    /// Which kind of observation.
    pub category: Vec<CodeableConcept>,
    /// What was measured.
    pub code: CodeableConcept,
    /// Of whom.
    pub subject: Option<Reference>,
    /// During which stay.
    pub encounter: Option<Reference>,
    /// When it was true.
    pub effective: Period,
    /// When it was made.
    pub issued: Timestamp,
    /// The value, if it is one.
    pub value: Option<ObservationValue>,
    /// By what.
    pub device: Option<Reference>,
    /// The values, if they are several.
    pub component: Vec<Component>,
}

impl Serialize for Observation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("resourceType", "Observation")?;
        some(&mut map, "id", self.id.as_ref())?;
        many(&mut map, "identifier", &self.identifier)?;
        map.serialize_entry("status", &self.status)?;
        many(&mut map, "category", &self.category)?;
        map.serialize_entry("code", &self.code)?;
        some(&mut map, "subject", self.subject.as_ref())?;
        some(&mut map, "encounter", self.encounter.as_ref())?;
        map.serialize_entry("effectivePeriod", &self.effective)?;
        map.serialize_entry("issued", &Instant::from(self.issued))?;
        value(&mut map, self.value.as_ref())?;
        some(&mut map, "device", self.device.as_ref())?;
        many(&mut map, "component", &self.component)?;
        map.end()
    }
}

impl Serialize for Component {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", &self.code)?;
        value(&mut map, self.value.as_ref())?;
        map.end()
    }
}

fn some<M: SerializeMap>(map: &mut M, name: &str, value: Option<&impl Serialize>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}

fn many<M: SerializeMap>(map: &mut M, name: &str, values: &[impl Serialize]) -> Result<(), M::Error> {
    if values.is_empty() { Ok(()) } else { map.serialize_entry(name, values) }
}

fn value<M: SerializeMap>(map: &mut M, value: Option<&ObservationValue>) -> Result<(), M::Error> {
    let Some(value) = value else { return Ok(()) };
    match value {
        ObservationValue::Quantity(quantity) => map.serialize_entry(value.member(), quantity),
        ObservationValue::SampledData(sampled) => map.serialize_entry(value.member(), sampled),
        ObservationValue::CodeableConcept(concept) => map.serialize_entry(value.member(), concept),
        ObservationValue::String(text) => map.serialize_entry(value.member(), text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_is_written_in_the_order_of_the_standard_with_its_digits() {
        let at = Instant::from(Timestamp::from_ms(1_546_300_800_100));
        let quantity = Quantity { value: "97.50".parse().unwrap(), unit: Some("%".into()), system: None, code: None };
        let observation = Observation {
            id: Some("ab".into()),
            identifier: vec![Identifier { system: None, value: "x".into() }],
            status: Status::Final,
            category: Vec::new(),
            code: CodeableConcept { coding: Vec::new(), text: Some("spo2".into()) },
            subject: Some(Reference::to("Patient", "1")),
            encounter: None,
            effective: Period::at(at),
            issued: Timestamp::from_ms(1_546_300_801_000),
            value: Some(ObservationValue::Quantity(quantity)),
            device: None,
            component: vec![Component { code: CodeableConcept::default(), value: None }],
        };
        insta::assert_snapshot!(serde_json::to_string_pretty(&observation).unwrap());
    }
}
