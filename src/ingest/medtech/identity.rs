//! Whose measurement it is, and by which device: found in a directory, or made.
//!
//! Pure: the directory is handed in, and what has to be made comes back. Upstream finds the patient by the device alone and
//! never compares whom the message names, so a device that was handed on writes into the old chart. `Safe` compares, and
//! refuses.

use super::{Compat, transform::naming::resource_id};
use crate::fhir::Identifier;
use std::fmt::{self, Display, Formatter};

/// How devices, patients and encounters are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityMode {
    /// Found, and made if they are not there.
    Create,
    /// Found, or refused.
    Lookup,
    /// Found, or refused; each message has to name an encounter.
    LookupWithEncounter,
}

/// A type of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// A device.
    Device,
    /// A patient.
    Patient,
    /// A stay.
    Encounter,
}

/// Whom and what a message names.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// The device.
    pub device: &'a str,
    /// The patient.
    pub patient: Option<&'a str>,
    /// The encounter.
    pub encounter: Option<&'a str>,
}

/// A resource of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// What it is found by.
    pub identifier: Identifier,
    /// Of a device: the reference to its patient.
    pub patient: Option<String>,
}

/// Devices, patients and encounters that are known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directory {
    /// Devices.
    pub devices: Vec<Entry>,
    /// Patients.
    pub patients: Vec<Entry>,
    /// Encounters.
    pub encounters: Vec<Entry>,
}

/// The rules by which identities are found.
#[derive(Debug, Clone, Copy)]
pub struct IdentityRules<'a> {
    /// How they are found.
    pub mode: IdentityMode,
    /// The system of the identifiers of devices, if they have one.
    pub device_system: Option<&'a str>,
    /// As upstream, or safe.
    pub compat: Compat,
}

/// The ids of resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identities {
    /// The device.
    pub device: String,
    /// The patient.
    pub patient: String,
    /// The encounter, if the message names one.
    pub encounter: Option<String>,
}

/// What has to be made so that identities exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// A patient.
    Patient(Entry),
    /// A device of a patient.
    Device(Entry),
    /// The link of a device without patient.
    Link {
        /// Id of the device.
        device: String,
        /// The reference to the patient.
        patient: String,
    },
}

/// Why identities are not known. [`IdentityFault::name`] is the name that Microsoft's service gives it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityFault {
    /// Not in the directory.
    #[error("there is no {0} of this identifier")]
    NotFound(ResourceKind),
    /// The message does not say.
    #[error("the measurement names no {0}: give its device template an expression for it")]
    NotDefined(ResourceKind),
    /// The device belongs to somebody else.
    #[error("the device belongs to another patient than the measurement names: it is refused")]
    Mismatch,
    /// The device's reference to its patient cannot be read.
    #[error("{0:?} is no reference to a patient: Patient/ID is wanted")]
    Reference(String),
    /// Several have the same identifier.
    #[error("{count} resources of type {kind} have this identifier")]
    Several {
        /// The type.
        kind: ResourceKind,
        /// How many.
        count: usize,
    },
}

impl ResourceKind {
    /// The FHIR type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "Device",
            Self::Patient => "Patient",
            Self::Encounter => "Encounter",
        }
    }
}

impl Display for ResourceKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl IdentityFault {
    /// The name of the exception upstream.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotFound(..) => "FhirResourceNotFoundException",
            Self::NotDefined(..) => "ResourceIdentityNotDefinedException",
            Self::Mismatch => "PatientDeviceMismatchException",
            Self::Reference(_) => "NotSupportedException",
            Self::Several { .. } => "MultipleResourceFoundException",
        }
    }

    /// The type of resource that is missing.
    #[must_use]
    pub const fn resource(&self) -> Option<ResourceKind> {
        match self {
            Self::NotFound(kind) | Self::NotDefined(kind) => Some(*kind),
            _ => None,
        }
    }
}

impl Entry {
    /// A resource that has an identifier, with the id that mode `Create` gives it.
    #[must_use]
    pub fn named(value: &str, system: Option<&str>, patient: Option<String>) -> Self {
        let identifier = Identifier { system: system.map(str::to_owned), value: value.to_owned() };
        Self { id: resource_id(&identifier), identifier, patient }
    }
}

impl Directory {
    /// Notes what was made.
    pub fn take(&mut self, made: Made) {
        match made {
            Made::Patient(entry) => self.patients.push(entry),
            Made::Device(entry) => self.devices.push(entry),
            Made::Link { device, patient } => {
                if let Some(entry) = self.devices.iter_mut().find(|d| d.id == device) {
                    entry.patient = Some(patient);
                }
            }
        }
    }

    fn find<'a>(
        &'a self,
        kind: ResourceKind,
        value: &str,
        system: Option<&str>,
    ) -> Result<Option<&'a Entry>, IdentityFault> {
        let all = match kind {
            ResourceKind::Device => &self.devices,
            ResourceKind::Patient => &self.patients,
            ResourceKind::Encounter => &self.encounters,
        };
        let fits =
            |e: &&Entry| e.identifier.value == value && (system.is_none() || e.identifier.system.as_deref() == system);
        let found: Vec<&Entry> = all.iter().filter(fits).collect();
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            several => Err(IdentityFault::Several { kind, count: several.len() }),
        }
    }

    fn encounter(&self, named: Named<'_>) -> Result<Option<String>, IdentityFault> {
        let Some(encounter) = told(named.encounter) else { return Ok(None) };
        let found = self.find(ResourceKind::Encounter, encounter, None)?;
        let found = found.ok_or(IdentityFault::NotFound(ResourceKind::Encounter))?;
        Ok(Some(found.id.clone()))
    }
}

/// Finds the identities of a measurement. In mode `Create` what is missing is made: apply it with [`Directory::take`].
///
/// # Errors
/// If something is not found, not named, named twice, or belongs to somebody else.
pub fn resolve(
    rules: IdentityRules<'_>,
    named: Named<'_>,
    directory: &Directory,
) -> Result<(Identities, Vec<Made>), IdentityFault> {
    match look_up(rules, named, directory) {
        Ok(found) => Ok((found, Vec::new())),
        Err(IdentityFault::NotFound(ResourceKind::Device | ResourceKind::Patient))
            if rules.mode == IdentityMode::Create =>
        {
            ensure(rules, named, directory)
        }
        Err(fault) => Err(fault),
    }
}

fn look_up(rules: IdentityRules<'_>, named: Named<'_>, directory: &Directory) -> Result<Identities, IdentityFault> {
    let device = directory.find(ResourceKind::Device, named.device, rules.device_system)?;
    let device = device.ok_or(IdentityFault::NotFound(ResourceKind::Device))?;
    let patient = device.patient.as_deref().ok_or(IdentityFault::NotFound(ResourceKind::Patient))?;
    let patient = patient_of(patient)?;
    if rules.compat == Compat::Safe
        && let Some(named) = told(named.patient)
        && directory.find(ResourceKind::Patient, named, None)?.is_none_or(|p| p.id != patient)
    {
        return Err(IdentityFault::Mismatch);
    }
    if rules.mode == IdentityMode::LookupWithEncounter && told(named.encounter).is_none() {
        return Err(IdentityFault::NotDefined(ResourceKind::Encounter));
    }
    let encounter = directory.encounter(named)?;
    Ok(Identities { device: device.id.clone(), patient: patient.to_owned(), encounter })
}

/// Finds patient and device, and makes and links what is missing.
///
/// # Errors
/// If no patient is named, the device belongs to another one, or an encounter is named that is not known.
pub fn ensure(
    rules: IdentityRules<'_>,
    named: Named<'_>,
    directory: &Directory,
) -> Result<(Identities, Vec<Made>), IdentityFault> {
    let patient_name = told(named.patient).ok_or(IdentityFault::NotDefined(ResourceKind::Patient))?;
    let encounter = directory.encounter(named)?;
    let mut made = Vec::new();
    let patient = match directory.find(ResourceKind::Patient, patient_name, None)? {
        Some(entry) => entry.id.clone(),
        None => {
            let entry = Entry::named(patient_name, None, None);
            let id = entry.id.clone();
            made.push(Made::Patient(entry));
            id
        }
    };
    let reference = format!("Patient/{patient}");
    let device = match directory.find(ResourceKind::Device, named.device, rules.device_system)? {
        None => {
            let entry = Entry::named(named.device, rules.device_system, Some(reference));
            let id = entry.id.clone();
            made.push(Made::Device(entry));
            id
        }
        Some(entry) => {
            match &entry.patient {
                None => made.push(Made::Link { device: entry.id.clone(), patient: reference }),
                Some(linked) if patient_of(linked)? != patient => return Err(IdentityFault::Mismatch),
                Some(_) => {}
            }
            entry.id.clone()
        }
    };
    Ok((Identities { device, patient, encounter }, made))
}

fn told(text: Option<&str>) -> Option<&str> {
    text.filter(|t| !t.trim().is_empty())
}

/// The id in `Patient/ID`, with or without an address before it.
fn patient_of(reference: &str) -> Result<&str, IdentityFault> {
    let fault = || IdentityFault::Reference(reference.chars().take(80).collect());
    let (path, id) = reference.rsplit_once('/').ok_or_else(fault)?;
    let is_patient = path == "Patient" || path.ends_with("/Patient");
    if is_patient && !id.is_empty() { Ok(id) } else { Err(fault()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(mode: IdentityMode, compat: Compat) -> IdentityRules<'static> {
        IdentityRules { mode, device_system: None, compat }
    }

    fn named<'a>(device: &'a str, patient: Option<&'a str>) -> Named<'a> {
        Named { device, patient, encounter: None }
    }

    /// Device `d` of patient `a`; patient `b` is known too.
    fn ward() -> Directory {
        let mut directory = Directory::default();
        for (device, patient) in [("d", "a"), ("e", "b")] {
            let rules = rules(IdentityMode::Create, Compat::Safe);
            let (_, made) = resolve(rules, named(device, Some(patient)), &directory).unwrap();
            assert_eq!(made.len(), 2);
            made.into_iter().for_each(|m| directory.take(m));
        }
        directory
    }

    #[test]
    fn a_device_of_somebody_else_is_refused_in_every_mode_when_safe() {
        for mode in [IdentityMode::Create, IdentityMode::Lookup, IdentityMode::LookupWithEncounter] {
            for other in ["b", "nobody"] {
                let refused = resolve(rules(mode, Compat::Safe), named("d", Some(other)), &ward());
                assert_eq!(refused, Err(IdentityFault::Mismatch), "{mode:?} {other}");
            }
        }
        // Upstream writes into the chart of `a`.
        let (ids, _) = resolve(rules(IdentityMode::Create, Compat::Medtech), named("d", Some("b")), &ward()).unwrap();
        let (own, _) = resolve(rules(IdentityMode::Create, Compat::Safe), named("d", Some("a")), &ward()).unwrap();
        assert_eq!(ids, own);
    }

    #[test]
    fn a_device_without_a_patient_is_linked_once() {
        let mut directory = ward();
        directory.devices.push(Entry::named("f", None, None));
        let rules = rules(IdentityMode::Create, Compat::Safe);
        let (ids, made) = resolve(rules, named("f", Some("a")), &directory).unwrap();
        assert!(matches!(made.as_slice(), [Made::Link { .. }]));
        made.into_iter().for_each(|m| directory.take(m));
        assert_eq!(resolve(rules, named("f", None), &directory), Ok((ids, Vec::new())));
    }

    #[test]
    fn one_of_several_is_never_guessed() {
        let mut directory = ward();
        directory.devices.push(Entry::named("d", Some("other"), None));
        let refused = resolve(rules(IdentityMode::Lookup, Compat::Safe), named("d", None), &directory);
        assert_eq!(refused, Err(IdentityFault::Several { kind: ResourceKind::Device, count: 2 }));
    }
}
