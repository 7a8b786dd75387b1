//! The Observations that the FHIR mapping makes of the messages of a body, as soon as it is known whose they are.
//!
//! One body is one batch: what goes into the same Observation goes there at once, and nothing waits for a further one. A
//! measurement is grouped under the patient whom its device measured at its time, never under whom the message names.

use super::{
    Compat, Measurement,
    identity::Identities,
    transform::{
        FhirMapping, FhirTemplate, ObservationGroup, TransformFault, ValueKind,
        group::{group_batch, observation_groups, occurred},
        naming::observation_identifier,
        observe, period_ticks,
        save::{Conflict, ObservationShelf, SaveFault, Saved, save},
    },
};
use crate::{
    domain::{DeviceId, PatientId, Timestamp},
    fhir::{Identifier, Observation, Period, RESOURCE_MAX_BYTES, Reference, ResourceKind, check, id_of, index, json},
    ingest::{
        Decoded, Refused, Way,
        fhir::{VitalCodes, group},
    },
    protocol::{Rejection, RejectionCode},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Most values of a stream that is kept, the empty ones among them: one takes two bytes at least.
const SLOTS_KEPT_MAX: i64 = 128 * 1024;

/// Whose a measurement is, its device, and the place of the message that it came in.
pub type Owner = (PatientId, DeviceId, usize);

/// A FHIR mapping at work.
#[derive(Debug)]
pub struct Observer {
    pub(super) fhir: FhirMapping,
    pub(super) compat: Compat,
    pub(super) codes: VitalCodes,
}

/// What Observations are made of, once it is known whose it is.
#[derive(Debug, Clone)]
pub struct Mapped {
    /// The mapping that makes them.
    pub observer: Arc<Observer>,
    /// The measurements, in order.
    pub measured: Vec<Measured>,
    /// The messages that they came in, each cut to what a dead letter keeps.
    pub messages: Vec<String>,
}

/// A measurement of which an Observation is made.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The measurement.
    pub measurement: Measurement,
    /// Its device.
    pub device: DeviceId,
    /// The patient that it names; to be checked, never believed.
    pub named_patient: Option<PatientId>,
    /// When it was measured, by the device's clock.
    pub at: Timestamp,
    /// Of each of its values the place of its reading among what was decoded, if it is a vital.
    pub readings: Vec<Option<usize>>,
    /// The place of its message.
    pub message: usize,
}

/// Values of one Observation, of one patient.
#[derive(Debug)]
pub struct Draft<'a> {
    template: &'a FhirTemplate,
    group: ObservationGroup,
    compat: Compat,
    /// Whose it is.
    pub patient: PatientId,
    /// The device that measured.
    pub device: DeviceId,
    /// The messages that it came in.
    pub messages: BTreeSet<usize>,
}

/// Measurements of which no Observation can be made.
#[derive(Debug)]
pub struct Undrafted {
    /// Their type.
    pub type_name: String,
    /// Their device.
    pub device: DeviceId,
    /// Why.
    pub fault: TransformFault,
    /// The messages that they came in.
    pub messages: BTreeSet<usize>,
}

/// An Observation that is to be kept, with what the store has to know of it.
#[derive(Debug, Clone)]
pub struct Made {
    /// What becomes of the one that is there.
    pub saved: Saved,
    /// The Observation.
    pub observation: Observation,
    /// By what it is found.
    pub index: index::Index,
    /// By what it is grouped in `$lastn`.
    pub group: String,
    /// Its text.
    pub body: Vec<u8>,
}

/// Why no Observation is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MakeFault {
    /// It cannot be made or merged.
    #[error(transparent)]
    Save(#[from] SaveFault),
    /// It is too long.
    #[error(
        "the Observation would be longer than {RESOURCE_MAX_BYTES} bytes: take a shorter periodInterval, or a longer \
         defaultPeriod"
    )]
    TooLong,
    /// What the mapping makes is no FHIR.
    #[error("the mapping makes no valid Observation: {0}")]
    NotFhir(String),
}

impl Mapped {
    /// Without what another device measured than the one that the topic of its message names.
    pub fn hold_to_topic(&mut self, device: &DeviceId, decoded: &mut Decoded) {
        let other: Vec<Measured> = self.measured.extract_if(.., |measured| measured.device != *device).collect();
        // Their readings are refused already.
        for measured in other.iter().filter(|measured| measured.readings.iter().all(Option::is_none)) {
            let detail = format!(
                "the topic names device {device} and the payload device {}: nothing is stored; set the topic or the \
                 identity of the sender",
                measured.device
            );
            let rejection = Rejection { index: decoded.len(), code: RejectionCode::OtherDevice, detail };
            let payload = self.messages.get(measured.message).cloned().unwrap_or_default();
            decoded.push(Err(Refused { rejection, payload, way: Way::Mapped, ahead: None }));
        }
    }
}

impl Measured {
    /// The measurement without the values that were refused as readings; `None` if nothing of it is left.
    #[must_use]
    pub fn without(&self, refused: &BTreeSet<usize>) -> Option<Measurement> {
        let is_refused = |reading: &Option<usize>| reading.is_some_and(|place| refused.contains(&place));
        if !self.readings.iter().any(is_refused) {
            return Some(self.measurement.clone());
        }
        let mut rest = self.measurement.clone();
        let mut readings = self.readings.iter();
        rest.properties.retain(|_| readings.next().is_none_or(|reading| !is_refused(reading)));
        (!rest.properties.is_empty()).then_some(rest)
    }
}

impl Observer {
    /// Puts measurements into the Observations that they belong to. Each comes with whose it is.
    #[must_use]
    pub fn drafts(&self, whose: Vec<(Measurement, Owner)>) -> Vec<Result<Draft<'_>, Undrafted>> {
        // Grouped by whose it is: the names are those of the census from here on.
        let named = |(measurement, owner): (Measurement, Owner)| {
            let (patient_id, device_id) = (Some(owner.0.to_string()), owner.1.to_string());
            (Measurement { patient_id, device_id, ..measurement }, owner)
        };
        let (measurements, owners): (Vec<Measurement>, Vec<Owner>) = whose.into_iter().map(named).unzip();
        let owners: BTreeMap<*const Measurement, Owner> =
            measurements.iter().map(std::ptr::from_ref).zip(owners).collect();
        let owner = |m: &Measurement| owners.get(&std::ptr::from_ref(m));
        let mut drafts = Vec::new();
        // Names that meet when they are joined by dashes may be two patients: here they never do.
        for batch in group_batch(&measurements, Compat::Safe) {
            let Some((patient, device, _)) = owner(batch.first) else { continue };
            let within = |over: Option<Period>| -> BTreeSet<usize> {
                let is_in = |m: &&&Measurement| over.is_none_or(|p| (p.start..=p.end).contains(&occurred(m)));
                batch.measurements.iter().filter(is_in).filter_map(|m| Some(owner(m)?.2)).collect()
            };
            let found = self.fhir.get(&batch.first.type_name);
            match found.and_then(|template| Ok((template, observation_groups(template, &batch, self.compat)?))) {
                Ok((template, groups)) => drafts.extend(groups.into_iter().map(|group| {
                    let messages = within(Some(group.period));
                    let (patient, device) = (patient.clone(), device.clone());
                    Ok(Draft { template, group, compat: self.compat, patient, device, messages })
                })),
                Err(fault) => drafts.push(Err(Undrafted {
                    type_name: batch.first.type_name.to_string(),
                    device: device.clone(),
                    fault,
                    messages: within(None),
                })),
            }
        }
        drafts
    }

    /// Makes the Observation of a draft, or brings it into the one of its identifier that is there.
    ///
    /// # Errors
    /// If it cannot be made, is no valid Observation, or the one that is there is somebody else's.
    pub fn make(&self, draft: &Draft<'_>, there: Option<Observation>, now: Timestamp) -> Result<Made, MakeFault> {
        let (saved, observation) = draft.save(there, now)?;
        let no_fhir = |e: String| MakeFault::NotFhir(e);
        let body = serde_json::to_vec(&observation).map_err(|e| no_fhir(e.to_string()))?;
        if body.len() > RESOURCE_MAX_BYTES {
            return Err(MakeFault::TooLong);
        }
        let root = json::read(&body).map_err(|e| no_fhir(e.to_string()))?;
        check(&root).map_err(|issues| {
            let first = issues.first();
            no_fhir(first.map(|i| format!("{}: {}", i.expression.join(", "), i.diagnostics)).unwrap_or_default())
        })?;
        let index = index::index(ResourceKind::Observation, &root);
        let group = group(&root, &self.codes);
        Ok(Made { saved, observation, index, group, body })
    }
}

impl Draft<'_> {
    /// The identifier of its Observation: the same for the same patient, device, type and part of time.
    #[must_use]
    pub fn identifier(&self) -> Identifier {
        let ids = self.identities();
        observation_identifier(&ids.patient, &ids.device, &self.group.name, &self.group.segment)
    }

    /// The type of what was measured.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.group.name
    }

    fn identities(&self) -> Identities {
        Identities { device: id_of(self.device.as_str()), patient: id_of(self.patient.as_str()), encounter: None }
    }

    fn save(&self, there: Option<Observation>, now: Timestamp) -> Result<(Saved, Observation), MakeFault> {
        self.check_length(there.as_ref())?;
        let (ids, identifier) = (self.identities(), self.identifier());
        let make =
            || Ok(observe::with_identities(observe::create(self.template, &self.group, now)?, &ids, &identifier));
        let merge = |there: &Observation| {
            // Names may hold the dots that identifiers are joined with: two may have the same one.
            let name = |of: Option<&Reference>| of.map(|of| of.reference.clone()).unwrap_or_default();
            let theirs = [name(there.subject.as_ref()), name(there.device.as_ref())];
            let ours = [format!("Patient/{}", ids.patient), format!("Device/{}", ids.device)];
            if let Some((found, _)) = theirs.iter().zip(&ours).find(|(found, ours)| found != ours) {
                return Err(TransformFault::OtherSubject { found: found.clone() });
            }
            if there.code.text.as_ref() != Some(&self.group.name) {
                return Err(TransformFault::OtherSubject { found: "another type".to_owned() });
            }
            observe::merge(self.template, &self.group, there, self.compat)
        };
        Ok(save(&mut Single(there), &identifier, make, merge)?)
    }

    /// No stream is built that could not be kept.
    fn check_length(&self, there: Option<&Observation>) -> Result<(), MakeFault> {
        let over = there.map_or(self.group.period, |there| there.effective.union(self.group.period));
        let ticks = over.end.ticks().saturating_sub(over.start.ticks());
        let slots = |kind: &ValueKind| match kind {
            ValueKind::SampledData { period, .. } => period.as_ref().and_then(period_ticks).map(|slot| ticks / slot),
            _ => None,
        };
        let too_long = self.template.values().filter_map(|v| slots(&v.kind)).any(|slots| slots >= SLOTS_KEPT_MAX);
        if too_long { Err(MakeFault::TooLong) } else { Ok(()) }
    }
}

/// The one Observation that has the identifier, if it is there. Whoever keeps it is alone at it.
struct Single(Option<Observation>);

impl ObservationShelf for Single {
    fn find(&self, _: &Identifier) -> Option<Observation> {
        self.0.clone()
    }

    fn put(&mut self, observation: Observation) -> Result<(), Conflict> {
        self.0 = Some(observation);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
