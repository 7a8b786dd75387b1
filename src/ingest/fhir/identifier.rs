//! Which identifiers can be one of a patient here: by their type and by their system.

use super::FhirRules;
use crate::{
    domain::text::clean,
    fhir::{Moment, json::Node},
};

/// The system of our own identifiers of patients.
pub const PATIENT_SYSTEM: &str = "urn:wardwatch:patient";
/// Types of identifiers that are of a patient, the first that is there counting first (HL7 table 0203).
const TYPES: [&str; 3] = ["MR", "PI", "PT"];

/// The identifier by which a Patient is one of ours: that of type MR, else PI, else PT, else the only one, if it has no type.
/// The same order as PID-3 of HL7 v2. What was one once does not count.
///
/// # Errors
/// If two of them may be it, with the reason for people.
pub(super) fn link(root: &Node<'_>, rules: FhirRules<'_>) -> Result<Option<String>, String> {
    let current: Vec<&Node<'_>> =
        root.list("identifier").iter().filter(|identifier| was_once(identifier, rules).is_none()).collect();
    let ours = |identifier: &Node<'_>| is_of_system(identifier, rules.patient_systems);
    for wanted in TYPES {
        let of_type = current.iter().filter(|identifier| ours(identifier) && has_type(identifier, wanted));
        let mut values: Vec<&str> = of_type.filter_map(|identifier| identifier.text_of("value")).collect();
        values.sort_unstable();
        values.dedup();
        match values.as_slice() {
            [] => {}
            [one] => return Ok(Some((*one).to_owned())),
            _ => {
                return Err(format!(
                    "several identifiers of type {wanted}: which of them is the patient's here? Name its system in \
                     fhir.patient_systems, or mark the others as old"
                ));
            }
        }
    }
    Ok(match current.as_slice() {
        [one] if one.get("type").is_none() && ours(one) => one.text_of("value").map(str::to_owned),
        _ => None,
    })
}

/// The value of an identifier that stands for a patient; `None` if it has none.
///
/// # Errors
/// Why it can be none of a patient here: its type or its system is another one, or it was one once.
pub(super) fn of_patient(identifier: &Node<'_>, rules: FhirRules<'_>) -> Result<Option<String>, String> {
    if identifier.get("type").is_some() && !TYPES.into_iter().any(|wanted| has_type(identifier, wanted)) {
        return Err("its type is none of a patient: MR, PI or PT is wanted, or no type".to_owned());
    }
    if !is_of_system(identifier, rules.patient_systems) {
        let system: String = clean(identifier.text_of("system").unwrap_or_default()).chars().take(80).collect();
        return Err(format!("its system {system:?} is none of patients here: see fhir.patient_systems"));
    }
    match was_once(identifier, rules) {
        Some(why) => Err(why.to_owned()),
        None => Ok(identifier.text_of("value").map(str::to_owned)),
    }
}

/// Why an identifier counts no longer; `None` if it does.
fn was_once(identifier: &Node<'_>, rules: FhirRules<'_>) -> Option<&'static str> {
    let came = rules.came?;
    let end = identifier.get("period").and_then(|period| Moment::parse(period.text_of("end")?));
    if identifier.text_of("use") == Some("old") {
        Some("its use is old: it is the patient's no longer")
    } else if end.is_some_and(|end| end.until <= came) {
        Some("its period has ended: it is the patient's no longer")
    } else {
        None
    }
}

fn has_type(identifier: &Node<'_>, wanted: &str) -> bool {
    let types = identifier.get("type").map(|t| t.list("coding")).unwrap_or_default();
    types.iter().any(|coding| coding.text_of("code") == Some(wanted))
}

fn is_of_system(identifier: &Node<'_>, systems: &[String]) -> bool {
    let is_ours = |system: &str| system == PATIENT_SYSTEM || systems.is_empty() || systems.iter().any(|s| s == system);
    identifier.text_of("system").is_none_or(is_ours)
}
