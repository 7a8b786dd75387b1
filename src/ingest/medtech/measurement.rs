//! What a device mapping makes of a message.

use super::time::wire_text;
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use std::sync::Arc;

/// How many partitions upstream spreads devices over.
pub const PARTITIONS: u32 = 256;

/// Values that a device measured at one time. Written out, it is upstream's normalised message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurement {
    /// What was measured; joins to the FHIR mapping.
    pub type_name: Arc<str>,
    /// When it was measured.
    pub occurred_at: DateTime<Utc>,
    /// When the message came in, once somebody has said so.
    pub ingested_at: Option<DateTime<Utc>>,
    /// The device.
    pub device_id: String,
    /// The patient that the message names; to be checked, never believed.
    pub patient_id: Option<String>,
    /// The encounter that the message names.
    pub encounter_id: Option<String>,
    /// The session that the reading belongs to.
    pub correlation_id: Option<String>,
    /// The values, in the order of the template. A name may come more than once.
    pub properties: Vec<Property>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Property {
    /// Its name; joins to the FHIR mapping.
    pub name: Arc<str>,
    /// Its text.
    pub value: String,
}

impl Measurement {
    /// The partition that upstream would send it to: by its device, without regard to case.
    #[must_use]
    pub fn partition(&self) -> u32 {
        partition(&self.device_id.to_lowercase(), PARTITIONS)
    }
}

/// Which of so many partitions a text belongs to: upstream's hash, 31 times the last plus the next character.
#[must_use]
pub fn partition(text: &str, partitions: u32) -> u32 {
    let hash = text.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    hash.unsigned_abs().checked_rem(partitions).unwrap_or(0)
}

impl Serialize for Measurement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut wire = serializer.serialize_struct("Measurement", 8)?;
        wire.serialize_field("Type", &self.type_name)?;
        wire.serialize_field("OccurrenceTimeUtc", &wire_text(self.occurred_at))?;
        wire.serialize_field("IngestionTimeUtc", &self.ingested_at.map(wire_text))?;
        wire.serialize_field("DeviceId", &self.device_id)?;
        wire.serialize_field("PatientId", &self.patient_id)?;
        wire.serialize_field("EncounterId", &self.encounter_id)?;
        wire.serialize_field("CorrelationId", &self.correlation_id)?;
        wire.serialize_field("Properties", &self.properties)?;
        wire.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("aaabbb", 191)]
    #[case("", 0)]
    #[case("a", 97)]
    fn partitions_are_upstreams(#[case] text: &str, #[case] wanted: u32) {
        assert_eq!(partition(text, PARTITIONS), wanted);
        assert_eq!(partition(text, 0), 0);
    }

    #[test]
    fn written_out_it_is_upstreams_message() {
        let measurement = Measurement {
            type_name: "heartrate".into(),
            occurred_at: DateTime::from_timestamp_millis(1_549_061_161_875).unwrap(),
            ingested_at: None,
            device_id: "AAABBB".to_owned(),
            patient_id: Some("p".to_owned()),
            encounter_id: None,
            correlation_id: None,
            properties: vec![Property { name: "hr".into(), value: "65".to_owned() }],
        };
        assert_eq!(measurement.partition(), 191);
        let wire = r#"{"Type":"heartrate","OccurrenceTimeUtc":"2019-02-01T22:46:01.875Z","IngestionTimeUtc":null,"DeviceId":"AAABBB","PatientId":"p","EncounterId":null,"CorrelationId":null,"Properties":[{"Name":"hr","Value":"65"}]}"#;
        assert_eq!(serde_json::to_string(&measurement).unwrap(), wire);
    }
}
