//! What is wrong with a device mapping and a FHIR mapping, each by itself and together.

mod finding;
mod joins;
mod shape;
mod vital_names;
mod vitals;

pub use finding::{Finding, FindingCode, Severity, Side};
pub use vitals::{Coverage, VitalVerdict};

use super::{DeviceMapping, LoadErrors, Loaded, Position, identity::IdentityMode, transform::FhirMapping};
use crate::domain::VitalTable;

/// What the lint looks at besides the two files.
#[derive(Debug, Clone, Copy)]
pub struct LintRules<'a> {
    /// How identities are going to be found, if that is known.
    pub identity: Option<IdentityMode>,
    /// The vitals of the site.
    pub vitals: &'a VitalTable,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    list: Vec<Finding>,
}

/// What a device template sends.
struct Sent<'a> {
    type_name: &'a str,
    at: Position,
    values: Vec<SentValue<'a>>,
    matches: bool,
    patient: bool,
    encounter: bool,
    correlation: bool,
}

struct SentValue<'a> {
    name: &'a str,
    at: Position,
}

impl Findings {
    /// All of them: those of loading, then those of the device mapping, then those of the FHIR mapping, by place.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.list.iter()
    }

    /// How many are this bad.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|f| f.severity == severity).count()
    }

    fn push(
        &mut self,
        code: FindingCode,
        severity: Severity,
        (side, at): (Side, Option<Position>),
        message: String,
        advice: impl Into<String>,
    ) {
        self.list.push(Finding { code, severity, side, at, message, advice: advice.into() });
    }

    fn take(&mut self, errors: &LoadErrors, code: FindingCode, side: Side) {
        for error in errors.iter() {
            let advice = "The mapping cannot be used until this is corrected.";
            self.push(code, Severity::Error, (side, error.at), error.message.clone(), advice);
        }
    }
}

/// Looks at mappings as they were loaded. What depends on both is looked at if both are sound, as Microsoft's validator does.
#[must_use]
pub fn lint(device: Option<&Loaded>, fhir: Option<&(FhirMapping, LoadErrors)>, rules: LintRules<'_>) -> Findings {
    let mut findings = Findings::default();
    if let Some(loaded) = device {
        findings.take(&loaded.errors, FindingCode::DeviceMapping, Side::Device);
    }
    if let Some((_, errors)) = fhir {
        findings.take(errors, FindingCode::FhirMapping, Side::Fhir);
    }
    let mut own = Findings::default();
    let sound_device = device.filter(|loaded| loaded.errors.is_empty()).map(|loaded| sent(&loaded.mapping));
    let sound_fhir = fhir.filter(|(_, errors)| errors.is_empty()).map(|(mapping, _)| mapping);
    if let Some(sent) = &sound_device {
        check_matches(sent, &mut own);
        check_identity(sent, rules.identity, &mut own);
    }
    if let Some(fhir) = sound_fhir {
        fhir.iter().for_each(|template| shape::check(template, rules.vitals, &mut own));
    }
    if let (Some(sent), Some(fhir)) = (&sound_device, sound_fhir) {
        joins::check(sent, fhir, &mut own);
    }
    own.list.sort_by_key(|f| (f.side, f.at));
    findings.list.append(&mut own.list);
    findings
}

/// Each value of the FHIR mapping with what it is to us, and whether a device template makes it.
#[must_use]
pub fn vitals_of(device: &DeviceMapping, fhir: &FhirMapping, vitals: &VitalTable) -> Vec<(Coverage, bool)> {
    let sent = sent(device);
    let makes = |covered: &Coverage| {
        let of_type = sent.iter().filter(|d| d.type_name.to_lowercase() == covered.type_name.to_lowercase());
        of_type.into_iter().any(|d| d.values.iter().any(|v| v.name == covered.value_name))
    };
    let all = fhir.iter().flat_map(|template| vitals::coverage(template, vitals));
    all.map(|covered| (covered.clone(), makes(&covered))).collect()
}

fn check_matches(sent: &[Sent<'_>], findings: &mut Findings) {
    for template in sent.iter().filter(|t| !t.matches) {
        findings.push(
            FindingCode::TypeMatchBlank,
            Severity::Error,
            (Side::Device, Some(template.at)),
            format!("[{}] has a blank typeMatchExpression.", template.type_name),
            "It fails on every message (IncompatibleDataException). Write what it matches, such as $..[?(@heartrate)].",
        );
    }
}

fn check_identity(sent: &[Sent<'_>], mode: Option<IdentityMode>, findings: &mut Findings) {
    let Some(first) = sent.first() else { return };
    match mode {
        Some(IdentityMode::Create) => check_patient(sent, first.at, findings),
        None if sent.iter().all(|t| !t.patient) => findings.push(
            FindingCode::PatientIdMissing,
            Severity::Note,
            (Side::Device, Some(first.at)),
            "No device template has a patientIdExpression.".to_owned(),
            "Messages then say nothing of whom they are about: with identity mode Create new devices fail, with Lookup the \
             device alone decides. Say --identity, and this is judged.",
        ),
        Some(IdentityMode::LookupWithEncounter) => {
            for template in sent.iter().filter(|t| !t.encounter) {
                findings.push(
                    FindingCode::EncounterIdMissing,
                    Severity::Error,
                    (Side::Device, Some(template.at)),
                    format!("Identity mode LookupWithEncounter, and [{}] has no encounterIdExpression.", template.type_name),
                    "Each of its measurements fails (ResourceIdentityNotDefinedException, Encounter). Add the expression, or \
                     take identity mode Lookup.",
                );
            }
        }
        Some(IdentityMode::Lookup) | None => {}
    }
}

/// A template without patient works for devices that another template, or somebody, has linked to a patient before.
fn check_patient(sent: &[Sent<'_>], first: Position, findings: &mut Findings) {
    let advice = "In mode Create a device that is not known yet is given to the patient that its message names. Without a \
                  patientIdExpression no message names one: every measurement of a new device fails \
                  (ResourceIdentityNotDefinedException, Patient), and nothing is stored. Add patientIdExpression to the \
                  device templates, or register devices beforehand and take identity mode Lookup.";
    if sent.iter().all(|t| !t.patient) {
        let message = "Identity mode Create, and no device template has a patientIdExpression.".to_owned();
        let at = (Side::Device, Some(first));
        findings.push(FindingCode::PatientIdMissing, Severity::Error, at, message, advice);
        return;
    }
    for template in sent.iter().filter(|t| !t.patient) {
        findings.push(
            FindingCode::PatientIdMissing,
            Severity::Warning,
            (Side::Device, Some(template.at)),
            format!("Identity mode Create, and [{}] has no patientIdExpression.", template.type_name),
            "Its measurements fail until a message of another type has made the device known. Add the expression.",
        );
    }
}

fn sent(mapping: &DeviceMapping) -> Vec<Sent<'_>> {
    mapping
        .templates()
        .iter()
        .map(|t| Sent {
            type_name: &t.type_name.value,
            at: t.type_name.at,
            values: t.values.iter().map(|v| SentValue { name: &v.name.value, at: v.name.at }).collect(),
            matches: t.type_match.is_some(),
            patient: t.patient_id.is_some(),
            encounter: t.encounter_id.is_some(),
            correlation: t.correlation_id.is_some(),
        })
        .collect()
}

#[cfg(test)]
mod tests;
