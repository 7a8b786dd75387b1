//! Trying a FHIR mapping: what would be stored of measurements, without storing anything.
//!
//! Devices, patients and Observations are kept in memory from message to message, so that merging shows as it would be.

use super::{
    Compat, Measurement,
    identity::{Directory, Identities, IdentityFault, IdentityRules, Named, ResourceKind, resolve},
    transform::{
        FhirMapping, FhirTemplate, MeasurementGroup, ObservationGroup, TransformFault,
        group::{group_batch, observation_groups},
        naming::observation_identifier,
        observe,
        save::{Conflict, ObservationShelf, SaveFault, Saved, save},
    },
};
use crate::{
    domain::Timestamp,
    fhir::{Identifier, Observation, Reference},
};
use std::collections::BTreeMap;

/// A FHIR mapping being tried.
#[derive(Debug)]
pub struct Workbench<'a> {
    fhir: &'a FhirMapping,
    /// How identities are found; without, Observations have none and are not kept.
    rules: Option<IdentityRules<'a>>,
    compat: Compat,
    directory: Directory,
    shelf: Shelf,
}

/// What became of measurements that share an Observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Their type.
    pub type_name: String,
    /// The device that sent them.
    pub device: String,
    /// The Observation, as far as it could be made.
    pub observation: Option<Observation>,
    /// What would become of it in a store.
    pub saved: Option<Saved>,
    /// Why it would not be stored.
    pub fault: Option<ObserveFault>,
    /// Values that are in no template of the type and so go nowhere, as `name=value`. Upstream loses them without a word.
    pub lost: Vec<String>,
}

/// Why no Observation is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObserveFault {
    /// Whose it is is not known.
    #[error(transparent)]
    Identity(#[from] IdentityFault),
    /// It cannot be made.
    #[error(transparent)]
    Transform(#[from] TransformFault),
    /// It cannot be kept.
    #[error(transparent)]
    Save(#[from] SaveFault),
}

#[derive(Debug, Default)]
struct Shelf(BTreeMap<(Option<String>, String), Observation>);

impl ObservationShelf for Shelf {
    fn find(&self, identifier: &Identifier) -> Option<Observation> {
        self.0.get(&(identifier.system.clone(), identifier.value.clone())).cloned()
    }

    fn put(&mut self, observation: Observation) -> Result<(), Conflict> {
        for identifier in &observation.identifier {
            self.0.insert((identifier.system.clone(), identifier.value.clone()), observation.clone());
        }
        Ok(())
    }
}

impl ObserveFault {
    /// The name of the exception upstream.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Identity(fault) => fault.name(),
            Self::Transform(fault) | Self::Save(SaveFault::Transform(fault)) => fault.name(),
            Self::Save(SaveFault::Conflict(_)) => "FhirException",
        }
    }

    /// The type of resource that is missing, if one is.
    #[must_use]
    pub const fn resource(&self) -> Option<ResourceKind> {
        match self {
            Self::Identity(fault) => fault.resource(),
            Self::Transform(_) | Self::Save(_) => None,
        }
    }
}

impl<'a> Workbench<'a> {
    /// Begins with what is known of devices, patients and encounters.
    #[must_use]
    pub fn new(fhir: &'a FhirMapping, rules: Option<IdentityRules<'a>>, compat: Compat, directory: Directory) -> Self {
        Self { fhir, rules, compat, directory, shelf: Shelf::default() }
    }

    /// Takes the measurements of one message.
    pub fn observe(&mut self, measurements: &[Measurement], now: Timestamp) -> Vec<Observed> {
        let batches = group_batch(measurements, self.compat);
        batches.iter().flat_map(|batch| self.observe_batch(batch, now)).collect()
    }

    fn observe_batch(&mut self, batch: &MeasurementGroup<'_>, now: Timestamp) -> Vec<Observed> {
        let observed = |observation, saved, fault| Observed {
            type_name: batch.first.type_name.to_string(),
            device: batch.first.device_id.clone(),
            observation,
            saved,
            fault,
            lost: Vec::new(),
        };
        let fhir = self.fhir;
        let groups = fhir
            .get(&batch.first.type_name)
            .and_then(|template| Ok((template, observation_groups(template, batch, self.compat)?)));
        let (template, groups) = match groups {
            Ok(found) => found,
            Err(fault) => return vec![observed(None, None, Some(fault.into()))],
        };
        let ids = self.rules.map(|rules| self.identify(rules, batch.first)).transpose();
        let mut all: Vec<Observed> = groups
            .iter()
            .map(|group| match &ids {
                Ok(Some(ids)) => match self.keep(template, group, ids, now) {
                    Ok((saved, observation)) => observed(Some(observation), Some(saved), None),
                    Err(fault) => observed(None, None, Some(fault.into())),
                },
                unknown => match observe::create(template, group, now) {
                    Ok(made) => observed(Some(made), None, unknown.as_ref().err().cloned().map(Into::into)),
                    Err(fault) => observed(None, None, Some(fault.into())),
                },
            })
            .collect();
        if let Some(first) = all.first_mut() {
            first.lost = lost(template, &batch.measurements);
        }
        all
    }

    fn identify(&mut self, rules: IdentityRules<'_>, of: &Measurement) -> Result<Identities, IdentityFault> {
        let named =
            Named { device: &of.device_id, patient: of.patient_id.as_deref(), encounter: of.encounter_id.as_deref() };
        let (ids, made) = resolve(rules, named, &self.directory)?;
        made.into_iter().for_each(|made| self.directory.take(made));
        Ok(ids)
    }

    fn keep(
        &mut self,
        template: &FhirTemplate,
        group: &ObservationGroup,
        ids: &Identities,
        now: Timestamp,
    ) -> Result<(Saved, Observation), SaveFault> {
        let identifier = observation_identifier(&ids.patient, &ids.device, &group.name, &group.segment);
        let compat = self.compat;
        let make = || Ok(observe::with_identities(observe::create(template, group, now)?, ids, &identifier));
        let subject = Reference::to("Patient", &ids.patient);
        save(&mut self.shelf, &identifier, make, |there| match &there.subject {
            // Ids may hold the dots that identifiers are joined with, so two patients may get the same one.
            Some(found) if compat == Compat::Safe && *found != subject => {
                Err(TransformFault::OtherSubject { found: found.reference.clone() })
            }
            _ => observe::merge(template, group, there, compat),
        })
    }
}

/// The values that a template has no place for, each once.
fn lost(template: &FhirTemplate, measurements: &[&Measurement]) -> Vec<String> {
    let values = measurements.iter().flat_map(|measurement| &measurement.properties);
    let homeless = values.filter(|value| !template.value_names().any(|name| *name == *value.name));
    let mut lost: Vec<String> = Vec::new();
    for text in homeless.map(|value| format!("{}={}", value.name, value.value)) {
        if !lost.contains(&text) {
            lost.push(text);
        }
    }
    lost
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::medtech::{
        Property,
        identity::{Entry, IdentityMode},
    };

    /// Patient `p.d` with device `e`, and patient `p` with device `d.e`: joined by dots they are the same.
    fn ward() -> Directory {
        let mut directory = Directory::default();
        for (device, device_id, patient) in [("one", "e", "p.d"), ("two", "d.e", "p")] {
            let patient = Some(format!("Patient/{patient}"));
            directory.devices.push(Entry { id: device_id.to_owned(), ..Entry::named(device, None, patient) });
        }
        directory
    }

    fn reading(device: &str) -> Measurement {
        Measurement {
            type_name: "x".into(),
            occurred_at: chrono::DateTime::UNIX_EPOCH,
            ingested_at: None,
            device_id: device.to_owned(),
            patient_id: None,
            encounter_id: None,
            correlation_id: None,
            properties: vec![Property { name: "v".into(), value: device.to_owned() }],
        }
    }

    #[test]
    fn a_value_that_no_template_names_is_told() {
        let text = r#"{"templateType": "CollectionFhir", "template": [{"templateType": "CodeValueFhir", "template":
            {"typeName": "x", "codes": [], "value": {"valueName": "v", "valueType": "String"}}}]}"#;
        let (fhir, _) = FhirMapping::load(text.as_bytes());
        let mut bench = Workbench::new(&fhir, None, Compat::Safe, Directory::default());
        let mut sent = reading("one");
        assert_eq!(bench.observe(&[sent.clone()], Timestamp::from_ms(0))[0].lost, Vec::<String>::new());
        sent.properties.push(Property { name: "V".into(), value: "71".into() });
        assert_eq!(bench.observe(&[sent], Timestamp::from_ms(0))[0].lost, ["V=71"]);
    }

    #[test]
    fn an_observation_of_another_patient_takes_nothing() {
        let text = r#"{"templateType": "CollectionFhir", "template": [{"templateType": "CodeValueFhir", "template":
            {"typeName": "x", "codes": [], "value": {"valueName": "v", "valueType": "String"}}}]}"#;
        let (fhir, _) = FhirMapping::load(text.as_bytes());
        let second = |compat| {
            let rules = IdentityRules { mode: IdentityMode::Lookup, device_system: None, compat };
            let mut bench = Workbench::new(&fhir, Some(rules), compat, ward());
            let now = Timestamp::from_ms(0);
            assert_eq!(bench.observe(&[reading("one")], now)[0].saved, Some(Saved::Created));
            bench.observe(&[reading("two")], now).remove(0)
        };
        assert_eq!(second(Compat::Medtech).saved, Some(Saved::Updated), "upstream merges them");
        let safe = second(Compat::Safe);
        assert_eq!(safe.saved, None);
        assert_eq!(safe.fault.map(|f| f.name()), Some("PatientDeviceMismatchException"));
    }
}
