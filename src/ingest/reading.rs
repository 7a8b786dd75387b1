//! What a decoder makes of an input.

use crate::{
    domain::{DeviceId, Millis, Observation, PatientId, Timestamp, VitalCode},
    protocol::Rejection,
};
use std::sync::Arc;

/// One value as a device sent it, before it is known whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The device that measured.
    pub device: DeviceId,
    /// The patient that the message names; to be checked, never believed.
    pub named_patient: Option<PatientId>,
    /// What was measured.
    pub vital: VitalCode,
    /// The value: finite and physically possible.
    pub value: f64,
    /// The value as written, where that says more.
    pub text: Option<Arc<str>>,
    /// When it was measured.
    pub observed_at: Timestamp,
    /// Whether it replaces an earlier value.
    pub correction: bool,
    /// The stated sampling interval.
    pub interval: Option<Millis>,
}

impl Reading {
    /// The reading of an observation, with device time ahead of engine time by `skew`.
    #[must_use]
    pub fn of(o: &Observation, skew: Millis) -> Self {
        Self {
            device: o.device.clone(),
            named_patient: None,
            vital: o.vital,
            value: o.value,
            text: o.text.clone(),
            observed_at: o.observed_at + skew,
            correction: o.correction,
            interval: o.interval,
        }
    }

    /// As our own JSON, which decodes to the same: so that it can be driven again.
    #[must_use]
    pub fn as_wire(&self) -> String {
        let mut wire = serde_json::Map::new();
        let mut put = |name: &str, value: serde_json::Value| drop(wire.insert(name.to_owned(), value));
        put("device", self.device.as_str().into());
        if let Some(patient) = &self.named_patient {
            put("patient", patient.as_str().into());
        }
        put("vital", self.vital.as_str().into());
        put("observed_at", self.observed_at.to_string().into());
        if self.correction {
            put("correction", true.into());
        }
        if let Some(interval) = self.interval {
            put("interval_ms", interval.0.into());
        }
        let rest = serde_json::Value::Object(wire).to_string();
        // The number stands as it was written: `37.00` stays so.
        let value = self.text.as_deref().map_or_else(|| self.value.to_string(), str::to_owned);
        format!("{},\"value\":{value}}}", rest.trim_end_matches('}'))
    }
}

/// By which way in an input has to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As our own JSON.
    Own,
    /// As a message for the MedTech mappings.
    Mapped,
    /// As a message of HL7 v2: only its sender sends it again, for the answer to it is lost otherwise.
    Hl7,
    /// As a metric of Sparkplug B: aliases and numbers of messages are of their moment alone.
    Sparkplug,
    /// As a resource of FHIR: only its sender sends it again, for the answer to it is lost otherwise.
    Fhir,
}

impl Way {
    /// The name under which it is kept.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Mapped => "mapped",
            Self::Hl7 => "hl7",
            Self::Sparkplug => "sparkplug",
            Self::Fhir => "fhir",
        }
    }

    /// The name under which it is kept of an input whose topic names a device: it has to be held to that again.
    #[must_use]
    pub fn with_topic(self, device: Option<&DeviceId>) -> String {
        device.map_or_else(|| self.as_str().to_owned(), |device| format!("{}@{device}", self.as_str()))
    }

    /// The way of a kept name, and the device that the topic named.
    #[must_use]
    pub fn kept(name: &str) -> Option<(Self, Option<DeviceId>)> {
        match name.split_once('@') {
            Some((way, device)) => Some((Self::named(way)?, Some(device.parse().ok()?))),
            None => Some((Self::named(name)?, None)),
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Own, Self::Mapped, Self::Hl7, Self::Sparkplug, Self::Fhir].into_iter().find(|way| way.as_str() == name)
    }
}

/// An input that could not be used, with what is kept of it as a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the sender is told.
    pub rejection: Rejection,
    /// The input, cut to [`Refused::PAYLOAD_MAX_BYTES`].
    pub payload: String,
    /// By which way the payload would come again.
    pub way: Way,
    /// The device and its time, if that is why it was refused: it lies too far ahead.
    pub ahead: Option<(DeviceId, Timestamp)>,
}

impl Refused {
    /// Most bytes kept of an input that could not be used.
    pub const PAYLOAD_MAX_BYTES: usize = 4 * 1024;

    /// Keeps what fits of an input, at a character boundary.
    #[must_use]
    pub fn payload(raw: &[u8]) -> String {
        let cut = raw.get(..Self::PAYLOAD_MAX_BYTES).unwrap_or(raw);
        String::from_utf8_lossy(cut).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{VitalTable, vital::TEMP},
        ingest::{DecodeRules, decode_item},
    };
    use proptest::prelude::*;

    proptest! {
        /// What is kept of a reading decodes to the reading.
        #[test]
        fn a_reading_written_out_is_the_same_reading(
            tenths in 300_i32..420, named in any::<bool>(), correction in any::<bool>(), interval in prop::option::of(1_000_i64..90_000),
            written in any::<bool>(),
        ) {
            let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
            let value = f64::from(tenths) / 10.0;
            let reading = Reading {
                device: "d-1".parse().unwrap(),
                named_patient: named.then(|| "p1".parse().unwrap()),
                vital: TEMP,
                value,
                text: written.then(|| Arc::from(format!("{value:.2}"))),
                observed_at: now - Millis(1_500),
                correction,
                interval: interval.map(Millis),
            };
            let (vitals, sender) = (VitalTable::builtin(), "gw".parse().unwrap());
            let oldest = now - Millis::from_mins(60);
            let rules = DecodeRules { vitals: &vitals, sender: &sender, now, oldest, max_items: 1 };
            prop_assert_eq!(decode_item(0, &reading.as_wire(), rules).unwrap(), reading);
        }
    }
}
