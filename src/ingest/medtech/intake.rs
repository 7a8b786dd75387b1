//! From a message to readings of our vitals: the device mapping makes measurements, the FHIR mapping says what their values
//! are.
//!
//! A value is taken as the vital that its code or name in the FHIR mapping means, if the unit there is the vital's own
//! ([`super::lint::vitals_of`]). Others, such as steps, are counted: no screen could show them. Where Observations are kept,
//! the measurements come beside the readings, for [`super::Observer`].

use super::{
    errors::LoadErrors,
    jmes::Arithmetic,
    json::Json,
    lint::{VitalVerdict, vitals_of},
    mapping::{Compat, DeviceMapping, Normalised},
    measurement::Measurement,
    observations::{Mapped, Measured, Observer},
    transform::FhirMapping,
};
use crate::{
    domain::{DeviceId, PatientId, Timestamp, VitalCode, VitalTable, text::clean},
    ingest::{
        BodyError, BodyForm, DecodeRules, Decoded, Reading, Refused, Way,
        fhir::VitalCodes,
        native::{self, Fault},
    },
    protocol::{Rejection, RejectionCode},
};
use std::{collections::HashMap, sync::Arc};

/// Which mapping file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappingFile {
    /// That of devices.
    Device,
    /// That of FHIR.
    Fhir,
}

/// Whether the Observations that the FHIR mapping makes are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observations {
    /// They are, beside the readings.
    Kept,
    /// There are readings alone.
    NotKept,
}

/// What is wrong with a pair of mappings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A file does not load.
    #[error("the {} mapping is wrong: {errors}", match .file { MappingFile::Device => "device", MappingFile::Fhir => "FHIR" })]
    Load {
        /// Which.
        file: MappingFile,
        /// All that is wrong with it.
        errors: LoadErrors,
    },
    /// Nothing of it could be shown.
    #[error("no value of the mappings is a vital that can be shown: `wardwatch mapping lint` tells why of each")]
    NothingShown,
}

/// A device mapping at work.
#[derive(Debug)]
pub struct MedtechIntake {
    device: DeviceMapping,
    compat: Compat,
    /// The vital of a value, by its type in small letters and its name.
    shown: HashMap<String, HashMap<String, VitalCode>>,
    /// Makes Observations, where they are kept.
    observer: Option<Arc<Observer>>,
}

/// What became of the messages of a body.
#[derive(Debug, Default)]
pub struct MedtechDecoded {
    /// The readings, and what could not be used.
    pub decoded: Decoded,
    /// Messages in the body.
    pub messages: usize,
    /// Messages that no template matched.
    pub unmatched: usize,
    /// Measurements that came of them.
    pub measurements: usize,
    /// Values that are no vital of ours.
    pub not_shown: usize,
    /// What Observations are made of, where they are kept.
    pub mapped: Option<Box<Mapped>>,
}

impl MedtechIntake {
    /// Takes two mappings into use, with their Observations kept or not.
    ///
    /// # Errors
    /// If one does not load whole, or nothing would come of it: no Observations, and no value that is a vital of ours.
    pub fn load(
        (device, fhir): (&[u8], &[u8]),
        vitals: &VitalTable,
        arithmetic: Arithmetic,
        compat: Compat,
        observations: Observations,
    ) -> Result<Self, MappingError> {
        let wrong = |file| move |errors| MappingError::Load { file, errors };
        let device = DeviceMapping::load(device, arithmetic).sound().map_err(wrong(MappingFile::Device))?;
        let (fhir, errors) = FhirMapping::load(fhir);
        if !errors.is_empty() {
            return Err(wrong(MappingFile::Fhir)(errors));
        }
        let mut shown: HashMap<String, HashMap<String, VitalCode>> = HashMap::new();
        for (coverage, sent) in vitals_of(&device, &fhir, vitals) {
            if let (VitalVerdict::Shown { vital }, true) = (coverage.verdict, sent) {
                shown.entry(coverage.type_name.to_lowercase()).or_default().insert(coverage.value_name, vital);
            }
        }
        let observer = (observations == Observations::Kept)
            .then(|| Arc::new(Observer { fhir, compat, codes: VitalCodes::new(vitals) }));
        if shown.is_empty() && observer.is_none() {
            return Err(MappingError::NothingShown);
        }
        Ok(Self { device, compat, shown, observer })
    }

    /// The vitals that it may make, each once, in the order of their codes.
    #[must_use]
    pub fn vitals(&self) -> Vec<VitalCode> {
        let mut vitals: Vec<VitalCode> = self.shown.values().flat_map(HashMap::values).copied().collect();
        vitals.sort_unstable();
        vitals.dedup();
        vitals
    }

    /// Decodes a body: one message, or one a line. A message of which nothing comes is told as refused.
    ///
    /// # Errors
    /// If the body as a whole cannot be used. A message that cannot be used harms no other.
    pub fn decode(&self, body: &[u8], form: BodyForm, rules: DecodeRules<'_>) -> Result<MedtechDecoded, BodyError> {
        let kept = |observer: &Arc<Observer>| {
            Box::new(Mapped { observer: Arc::clone(observer), measured: Vec::new(), messages: Vec::new() })
        };
        let mut all = MedtechDecoded { mapped: self.observer.as_ref().map(kept), ..MedtechDecoded::default() };
        let messages: Vec<&[u8]> = match form {
            BodyForm::Json => vec![body.trim_ascii()],
            BodyForm::Ndjson => body.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).collect(),
        };
        for message in messages.into_iter().filter(|message| !message.is_empty()) {
            self.message(message, rules, &mut all);
            let measured = all.mapped.as_ref().map_or(0, |mapped| mapped.measured.len());
            if all.decoded.len().max(measured) > rules.max_items {
                return Err(BodyError::TooMany { max: rules.max_items });
            }
        }
        if all.messages == 0 { Err(BodyError::Empty) } else { Ok(all) }
    }

    fn message(&self, raw: &[u8], rules: DecodeRules<'_>, all: &mut MedtechDecoded) {
        all.messages += 1;
        let refuse = |all: &mut MedtechDecoded, code, detail: String| {
            let rejection = Rejection { index: all.decoded.len(), code, detail };
            all.decoded.push(Err(Refused { rejection, payload: Refused::payload(raw), way: Way::Mapped, ahead: None }));
        };
        let message = match Json::read(raw) {
            Ok(message) => message,
            Err(e) => {
                return refuse(
                    all,
                    RejectionCode::Malformed,
                    format!("the message is not JSON at {}: {}", e.at, e.fault),
                );
            }
        };
        let Normalised { measurements, faults } = self.device.normalise(&message, self.compat);
        if measurements.is_empty() && faults.is_empty() {
            all.unmatched += 1;
            let detail = "no template of the device mapping matches the message: `wardwatch mapping try` shows what each \
                          expression finds in it";
            refuse(all, RejectionCode::Unmatched, detail.to_owned());
        }
        for fault in faults {
            refuse(all, RejectionCode::Mapping, clean(&fault.to_string()));
        }
        all.measurements += measurements.len();
        if let Some(mapped) = all.mapped.as_mut().filter(|_| !measurements.is_empty()) {
            mapped.messages.push(Refused::payload(raw));
        }
        for measurement in &measurements {
            self.measurement(measurement, raw, rules, all);
        }
    }

    fn measurement(&self, measurement: &Measurement, raw: &[u8], rules: DecodeRules<'_>, all: &mut MedtechDecoded) {
        let shown = self.shown.get(&measurement.type_name.to_lowercase());
        let of = |name: &str| shown.and_then(|values| values.get(name)).copied();
        let mut readings = Vec::with_capacity(measurement.properties.len());
        for property in &measurement.properties {
            let Some(vital) = of(&property.name) else {
                all.not_shown += 1;
                readings.push(None);
                continue;
            };
            let index = all.decoded.len();
            readings.push(Some(index));
            let mut ahead = None;
            let reading = reading(measurement, (vital, &property.value), rules, &mut ahead);
            all.decoded.push(reading.map_err(|(code, detail)| {
                let detail = format!("{} of type {:?}: {detail}", vital, clean(&measurement.type_name));
                let rejection = Rejection { index, code, detail };
                Refused { rejection, payload: Refused::payload(raw), way: Way::Mapped, ahead }
            }));
        }
        let Some(mapped) = &mut all.mapped else { return };
        let mut ahead = None;
        match source(measurement, rules, &mut ahead) {
            Ok((device, named_patient, at)) => mapped.measured.push(Measured {
                measurement: measurement.clone(),
                device,
                named_patient,
                at,
                readings,
                message: mapped.messages.len().saturating_sub(1),
            }),
            // Its readings say so already, if it has any.
            Err((code, detail)) if readings.iter().all(Option::is_none) => {
                let index = all.decoded.len();
                let detail = format!("type {:?}: {detail}", clean(&measurement.type_name));
                let rejection = Rejection { index, code, detail };
                all.decoded.push(Err(Refused { rejection, payload: Refused::payload(raw), way: Way::Mapped, ahead }));
            }
            Err(_) => {}
        }
    }
}

/// The device of a measurement, the patient that it names, and its time.
fn source(
    measurement: &Measurement,
    rules: DecodeRules<'_>,
    ahead: &mut Option<(DeviceId, Timestamp)>,
) -> Result<(DeviceId, Option<PatientId>, Timestamp), Fault> {
    let unknown = |e| (RejectionCode::UnknownDevice, format!("device {:?}: {e}", clean(&measurement.device_id)));
    let device: DeviceId = measurement.device_id.parse().map_err(unknown)?;
    let named = measurement.patient_id.as_deref().map(str::parse::<PatientId>);
    let named_patient = named.transpose().map_err(|e| (RejectionCode::WrongPatient, format!("patient: {e}")))?;
    let observed_at = Timestamp::from_ms(measurement.occurred_at.timestamp_millis());
    rules.check_time(observed_at).inspect_err(|(code, _)| {
        if *code == RejectionCode::InTheFuture {
            *ahead = Some((device.clone(), observed_at));
        }
    })?;
    Ok((device, named_patient, observed_at))
}

fn reading(
    measurement: &Measurement,
    (vital, value): (VitalCode, &str),
    rules: DecodeRules<'_>,
    ahead: &mut Option<(DeviceId, Timestamp)>,
) -> Result<Reading, Fault> {
    let def = rules.vitals.get(vital).ok_or_else(|| (RejectionCode::UnknownVital, "not defined".to_owned()))?;
    let (device, named_patient, observed_at) = source(measurement, rules, ahead)?;
    let (value, text) = native::value_as_text(def, value)?;
    Ok(Reading { device, named_patient, vital, value, text, observed_at, correction: false, interval: None })
}

#[cfg(test)]
mod tests;
