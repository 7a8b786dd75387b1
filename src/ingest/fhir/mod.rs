//! FHIR R4: from the bytes of a resource to what is kept of it, and what an Observation says for a ward.
//!
//! Whose an Observation is, is decided behind here: a resource names a patient, and the census says whether it may.

mod codes;
mod identifier;
mod observation;
mod units;

pub use codes::{LOINC, VitalCodes};
pub use identifier::PATIENT_SYSTEM;
pub use observation::{Said, Standing, Subject, Unusable, VitalValue, group};
pub use units::{Converted, MDC, UCUM, UnitError, UnitText, convert};

use crate::{
    domain::Timestamp,
    fhir::{
        Index, Issue, IssueCode, ResourceKind, check,
        index::index,
        json::{self, JsonError, Node, ROOT},
        unknown_modifier,
    },
    protocol::RejectionCode,
};

/// What decoding has to know.
#[derive(Debug, Clone, Copy)]
pub struct FhirRules<'a> {
    /// The codes of all vitals.
    pub codes: &'a VitalCodes,
    /// The oldest time at which a value is kept.
    pub oldest: Timestamp,
    /// The systems of identifiers that are those of patients here, besides [`PATIENT_SYSTEM`]; any if there are none.
    pub patient_systems: &'a [String],
    /// When it came, by the wall clock; `None` of what is kept already, whose modifiers and old identifiers were looked at
    /// then.
    pub came: Option<Timestamp>,
}

/// A resource that is in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Its type.
    pub kind: ResourceKind,
    /// By what it is found.
    pub index: Index,
    /// The id that its sender gave it; ours is another one.
    pub id: Option<String>,
    /// What it says for a ward, if it is an Observation.
    pub said: Option<Said>,
    /// The identifier by which a Patient is one of ours, if there is one.
    pub link: Option<String>,
    /// The ids behind the `Patient/` of `subject` (Encounter) or `patient` (Device).
    pub of_patient: Option<String>,
}

/// Why a resource is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FhirError {
    /// It is no JSON.
    NotJson(JsonError),
    /// It is not what FHIR R4 says it is.
    NotFhir(Vec<Issue>),
    /// It is in order and cannot be used.
    Unusable(Unusable),
}

impl FhirError {
    /// As issues.
    #[must_use]
    pub fn issues(self) -> Vec<Issue> {
        match self {
            Self::NotJson(e) => {
                let detail = format!("the body is not JSON: {e}");
                vec![Issue::error(IssueCode::Structure, e.expression, detail)]
            }
            Self::NotFhir(issues) => issues,
            Self::Unusable(unusable) => vec![unusable.issue],
        }
    }
}

/// Decodes a resource of a type that is kept.
///
/// # Errors
/// If it is not in order or cannot be used.
pub fn decode(bytes: &[u8], rules: FhirRules<'_>) -> Result<Resource, FhirError> {
    let root = json::read(bytes).map_err(FhirError::NotJson)?;
    decode_node(&root, rules)
}

/// As [`decode`], of what has been read already.
///
/// # Errors
/// As [`decode`].
pub fn decode_node(root: &Node<'_>, rules: FhirRules<'_>) -> Result<Resource, FhirError> {
    let name = check(root).map_err(FhirError::NotFhir)?;
    let kind: ResourceKind = name.parse().map_err(|e| {
        let detail =
            format!("{name} is not kept as a resource here: {e}; a batch or transaction is sent to the base address");
        FhirError::NotFhir(vec![Issue::error(IssueCode::NotSupported, format!("{ROOT}.resourceType"), detail)])
    })?;
    if let Some(issue) = rules.came.and_then(|_| unknown_modifier(root)) {
        return Err(FhirError::Unusable(Unusable { code: RejectionCode::Malformed, issue }));
    }
    let link = match kind {
        ResourceKind::Patient => identifier::link(root, rules).map_err(|detail| {
            let issue = Issue::error(IssueCode::BusinessRule, "Patient.identifier", detail);
            FhirError::Unusable(Unusable { code: RejectionCode::WrongPatient, issue })
        })?,
        ResourceKind::Observation | ResourceKind::Device | ResourceKind::Encounter => None,
    };
    let said = match kind {
        ResourceKind::Observation => Some(observation::said(root, rules).map_err(FhirError::Unusable)?),
        _ => None,
    };
    let of_patient = match kind {
        ResourceKind::Encounter => patient_of(root, "subject"),
        ResourceKind::Device => patient_of(root, "patient"),
        ResourceKind::Observation | ResourceKind::Patient => None,
    };
    Ok(Resource { kind, index: index(kind, root), id: root.text_of("id").map(str::to_owned), said, link, of_patient })
}

/// The device that an Observation names, if it can be looked up.
#[must_use]
pub fn device_named(root: &Node<'_>) -> Option<String> {
    observation::device(root).ok().and_then(|device| device.name)
}

fn patient_of(root: &Node<'_>, member: &str) -> Option<String> {
    let (kind, id) = crate::fhir::index::literal(root.get(member)?.text_of("reference")?)?;
    (kind == "Patient").then(|| id.to_owned())
}

#[cfg(test)]
mod tests;
