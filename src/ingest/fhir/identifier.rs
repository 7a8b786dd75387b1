//! Which identifiers can be one of a patient here: by their type and by their system.

use crate::{domain::text::clean, fhir::json::Node};

/// The system of our own identifiers of patients.
pub const PATIENT_SYSTEM: &str = "urn:wardwatch:patient";
/// Types of identifiers that are of a patient, the first that is there counting first (HL7 table 0203).
const TYPES: [&str; 3] = ["MR", "PI", "PT"];

/// The identifier by which a Patient is one of ours: that of type MR, else PI, else PT, else the only one, if it has no type.
/// The same order as PID-3 of HL7 v2.
pub(super) fn link(root: &Node<'_>, systems: &[String]) -> Option<String> {
    let identifiers = root.list("identifier");
    let value = |node: &Node<'_>| node.text_of("value").map(str::to_owned);
    let ours = || identifiers.iter().filter(|identifier| is_of_system(identifier, systems));
    let of_type = |wanted: &str| ours().find(|identifier| has_type(identifier, wanted)).and_then(value);
    let only = || match identifiers {
        [one] if one.get("type").is_none() && is_of_system(one, systems) => value(one),
        _ => None,
    };
    TYPES.into_iter().find_map(of_type).or_else(only)
}

/// The value of an identifier that stands for a patient; `None` if it has none.
///
/// # Errors
/// Why it can be none of a patient here: its type or its system is another one.
pub(super) fn of_patient(identifier: &Node<'_>, systems: &[String]) -> Result<Option<String>, String> {
    if identifier.get("type").is_some() && !TYPES.into_iter().any(|wanted| has_type(identifier, wanted)) {
        return Err("its type is none of a patient: MR, PI or PT is wanted, or no type".to_owned());
    }
    if !is_of_system(identifier, systems) {
        let system: String = clean(identifier.text_of("system").unwrap_or_default()).chars().take(80).collect();
        return Err(format!("its system {system:?} is none of patients here: see fhir.patient_systems"));
    }
    Ok(identifier.text_of("value").map(str::to_owned))
}

fn has_type(identifier: &Node<'_>, wanted: &str) -> bool {
    let types = identifier.get("type").map(|t| t.list("coding")).unwrap_or_default();
    types.iter().any(|coding| coding.text_of("code") == Some(wanted))
}

fn is_of_system(identifier: &Node<'_>, systems: &[String]) -> bool {
    let is_ours = |system: &str| system == PATIENT_SYSTEM || systems.is_empty() || systems.iter().any(|s| s == system);
    identifier.text_of("system").is_none_or(is_ours)
}
