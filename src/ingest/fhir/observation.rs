//! What an Observation says for a ward: of whom, by which device, when, and the values of vitals in it.

use super::{
    FhirRules,
    codes::VitalCodes,
    identifier::of_patient,
    units::{UnitText, convert},
};
use crate::{
    domain::{Timestamp, VitalCode, VitalDef, text::clean},
    fhir::{Issue, IssueCode, Moment, index::literal, json::Node, moment::Precision},
    ingest::text::value_text,
    protocol::RejectionCode,
    quality,
};
use std::sync::Arc;

/// Of whom an Observation is, as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Nobody is named.
    Unsaid,
    /// A patient, by the id of the resource, by an identifier, or by both.
    Patient {
        /// The id behind `Patient/`.
        id: Option<String>,
        /// The value of `subject.identifier`.
        identifier: Option<String>,
    },
    /// A device itself: what it says of no patient.
    Device,
}

/// What is done with the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They are values: registered, preliminary, final.
    Stands,
    /// They take the place of earlier ones, if there are any: amended, corrected.
    Replaces,
    /// They are none: cancelled, unknown.
    IsNone,
    /// They were wrong: entered-in-error.
    WasWrong,
}

/// A value of a vital.
#[derive(Debug, Clone, PartialEq)]
pub struct VitalValue {
    /// Which.
    pub vital: VitalCode,
    /// In the vital's unit; finite and physically possible.
    pub value: f64,
    /// As it was written, where that says more.
    pub text: Option<Arc<str>>,
    /// The element that it stands in.
    pub expression: String,
}

/// What an Observation says for a ward.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Of whom.
    pub subject: Subject,
    /// The id behind `Device/`, or the identifier, of the device that is named.
    pub device: Option<String>,
    /// The identifier beside the id: it may not be that of another device.
    pub device_beside: Option<String>,
    /// The id behind `Encounter/`, if one is named.
    pub encounter: Option<String>,
    /// When, to the second; a date alone is no time at which anything can be judged.
    pub at: Option<Timestamp>,
    /// What is done with the values.
    pub standing: Standing,
    /// The values; none if nothing in it is a vital that is watched here.
    pub values: Vec<VitalValue>,
    /// By what it is grouped in `$lastn`: the vital, else the first code.
    pub group: String,
    /// What is not judged, and why.
    pub notes: Vec<Issue>,
}

/// Why an Observation is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// For programs.
    pub code: RejectionCode,
    /// For people, with the element.
    pub issue: Issue,
}

fn unusable(code: RejectionCode, expression: impl Into<String>, detail: impl Into<String>) -> Unusable {
    Unusable { code, issue: Issue::error(IssueCode::BusinessRule, expression, detail) }
}

/// Reads what an Observation says. It must have been checked.
///
/// # Errors
/// If it names no patient or device in a way that can be looked up, or a value that would be judged cannot be used.
pub(super) fn said(root: &Node<'_>, rules: FhirRules<'_>) -> Result<Said, Unusable> {
    let FhirRules { codes, oldest, .. } = rules;
    let subject = subject(root, rules)?;
    let NamedDevice { name, beside, unsaid } = device(root)?;
    let standing = match root.text_of("status") {
        Some("amended" | "corrected") => Standing::Replaces,
        Some("cancelled" | "unknown") => Standing::IsNone,
        Some("entered-in-error") => Standing::WasWrong,
        _ => Standing::Stands,
    };
    let mut said = Said {
        device: name,
        device_beside: beside,
        encounter: encounter(root),
        at: time(root),
        standing,
        values: Vec::new(),
        group: group(root, codes),
        notes: Vec::new(),
        subject,
    };
    let reason = not_judged(&said, oldest);
    said.value(root, "Observation", codes)?;
    for (index, component) in root.list("component").iter().enumerate() {
        said.value(component, &format!("Observation.component[{index}]"), codes)?;
    }
    if let Some((expression, why)) = reason.filter(|_| !said.values.is_empty()) {
        said.values.clear();
        said.notes.push(Issue::information(expression, format!("kept and not judged: {why}")));
    } else if said.values.is_empty() && said.notes.is_empty() {
        let why = "kept and not judged: no code in it is one of a vital that is watched here";
        said.notes.push(Issue::information("Observation.code", why));
    }
    if let Some(why) = unsaid {
        let detail = format!("whether the device measures this patient was not looked at: {why}");
        said.notes.push(Issue::warning("Observation.device", detail));
    }
    Ok(said)
}

/// Why no value of it is judged.
fn not_judged(said: &Said, oldest: Timestamp) -> Option<(&'static str, &'static str)> {
    match (said.standing, said.at) {
        (Standing::IsNone, _) => Some(("Observation.status", "its status says that it is no measurement")),
        (_, None) => Some(("Observation.effective", "it has no time to the second")),
        (_, Some(at)) if at < oldest => Some(("Observation.effective", "it is older than what is kept of values")),
        _ if said.subject == Subject::Device => Some(("Observation.subject", "it is of a device, of no patient")),
        _ => None,
    }
}

/// How a type of R4 may be written as an address.
const TYPES: &str = "http://hl7.org/fhir/StructureDefinition/";

fn subject(root: &Node<'_>, rules: FhirRules<'_>) -> Result<Subject, Unusable> {
    const HERE: &str = "Observation.subject";
    let Some(subject) = root.get("subject") else { return Ok(Subject::Unsaid) };
    let stated = subject.text_of("type").map(|t| t.strip_prefix(TYPES).unwrap_or(t));
    let referred = subject.text_of("reference").and_then(literal).map(|(kind, _)| kind);
    if let (Some(stated), Some(referred)) = (stated, referred)
        && stated != referred
    {
        let seen: String = clean(stated).chars().take(80).collect();
        let detail = format!("type {seen:?} and a reference to a {referred}: who is meant?");
        return Err(unusable(RejectionCode::WrongPatient, HERE, detail));
    }
    let kind = stated.or(referred).unwrap_or("Patient");
    let patients = || subject.get("identifier").map_or(Ok(None), |i| of_patient(i, rules));
    let wrong = |why: String| unusable(RejectionCode::WrongPatient, format!("{HERE}.identifier"), why);
    let identifier = if kind == "Patient" { patients().map_err(wrong)? } else { None };
    match subject.text_of("reference").map(|reference| (reference, literal(reference))) {
        Some((_, Some(("Patient", id)))) => Ok(Subject::Patient { id: Some(id.to_owned()), identifier }),
        Some((_, Some(("Device", _)))) => Ok(Subject::Device),
        Some((_, Some((other, _)))) => {
            let detail = format!("Observations of a {} are not taken here: of a Patient or a Device", clean(other));
            Err(unusable(RejectionCode::Malformed, HERE, detail))
        }
        Some((reference, None)) => {
            let seen: String = clean(reference).chars().take(80).collect();
            let detail = format!(
                "{seen:?} cannot be looked up here: Patient/ID is wanted, where ID is ours, or subject.identifier"
            );
            Err(unusable(RejectionCode::WrongPatient, format!("{HERE}.reference"), detail))
        }
        None if kind == "Device" => Ok(Subject::Device),
        None if identifier.is_some() && kind == "Patient" => Ok(Subject::Patient { id: None, identifier }),
        None => {
            let detail = "subject names nobody who can be looked up: Patient/ID or subject.identifier is wanted";
            Err(unusable(RejectionCode::WrongPatient, HERE, detail))
        }
    }
}

/// The device that an Observation names.
#[derive(Debug, Default)]
pub(super) struct NamedDevice {
    /// The id behind `Device/`, or an identifier.
    pub(super) name: Option<String>,
    /// `device.identifier` beside a reference.
    beside: Option<String>,
    /// Why what stands there names no device.
    unsaid: Option<&'static str>,
}

/// The device that an Observation names: by `Device/ID`, by an identifier, or by the only identifier of a contained Device.
pub(super) fn device(root: &Node<'_>) -> Result<NamedDevice, Unusable> {
    const HERE: &str = "Observation.device";
    let Some(device) = root.get("device") else { return Ok(NamedDevice::default()) };
    let identifier = match device.get("identifier").map(|i| i.text_of("value")) {
        Some(None) => {
            let detail = "the identifier has no value: which device is it?";
            return Err(unusable(RejectionCode::UnknownDevice, format!("{HERE}.identifier.value"), detail));
        }
        found => found.flatten().map(str::to_owned),
    };
    let Some(reference) = device.text_of("reference") else {
        let unsaid = identifier.is_none().then_some("it names a device in words alone");
        return Ok(NamedDevice { name: identifier, beside: None, unsaid });
    };
    let unknown = |detail: String| Err(unusable(RejectionCode::UnknownDevice, format!("{HERE}.reference"), detail));
    let seen = || clean(reference).chars().take(80).collect::<String>();
    let metric = |name: Option<String>| {
        let why = "a DeviceMetric says of which channel it is, not of which device";
        let unsaid = name.is_none().then_some(why);
        Ok(NamedDevice { name, beside: None, unsaid })
    };
    match literal(reference) {
        Some(("Device", id)) => Ok(NamedDevice { name: Some(id.to_owned()), beside: identifier, unsaid: None }),
        Some(("DeviceMetric", _)) => metric(identifier),
        Some(_) => unknown(format!("{:?} is no device: Device/ID is wanted, or device.identifier", seen())),
        None => match reference.strip_prefix('#') {
            Some(id) => contained(root, id, identifier).or_else(|why| match why {
                Some(why) => unknown(format!("{:?} {why}", seen())),
                None => metric(None),
            }),
            None => {
                unknown(format!("{:?} cannot be looked up here: Device/ID is wanted, or device.identifier", seen()))
            }
        },
    }
}

/// A device that the Observation contains. Without a reason it is a DeviceMetric that has no identifier beside it.
fn contained(root: &Node<'_>, id: &str, beside: Option<String>) -> Result<NamedDevice, Option<&'static str>> {
    let found = root.list("contained").iter().find(|node| node.text_of("id") == Some(id));
    let named = |name| NamedDevice { name, ..NamedDevice::default() };
    let Some(found) = found else { return Err(Some("is contained in nothing here")) };
    match found.text_of("resourceType") {
        Some("Device") => {}
        Some("DeviceMetric") => return beside.map(|name| named(Some(name))).ok_or(None),
        _ => return Err(Some("is no Device")),
    }
    let mut values: Vec<&str> = found.list("identifier").iter().filter_map(|i| i.text_of("value")).collect();
    values.sort_unstable();
    values.dedup();
    match (values.as_slice(), beside) {
        ([one], beside) => Ok(NamedDevice { beside, ..named(Some((*one).to_owned())) }),
        ([], None) => {
            Ok(NamedDevice { unsaid: Some("the contained Device has no identifier"), ..NamedDevice::default() })
        }
        ([], name) => Ok(named(name)),
        _ => Err(Some("has several identifiers: which device is it? Send device.identifier alone")),
    }
}

fn encounter(root: &Node<'_>) -> Option<String> {
    let (kind, id) = literal(root.get("encounter")?.text_of("reference")?)?;
    (kind == "Encounter").then(|| id.to_owned())
}

/// The time to the second: of a period its end, or its start if it has none.
fn time(root: &Node<'_>) -> Option<Timestamp> {
    let text = root.text_of("effectiveDateTime").or_else(|| root.text_of("effectiveInstant"));
    let period = || {
        let period = root.get("effectivePeriod")?;
        period.text_of("end").or_else(|| period.text_of("start"))
    };
    let moment = Moment::parse(text.or_else(period)?)?;
    (moment.precision == Precision::Second).then_some(moment.from)
}

/// By what an Observation is grouped in `$lastn`: the vital, else the first code, else the text.
#[must_use]
pub fn group(root: &Node<'_>, codes: &VitalCodes) -> String {
    let Some(code) = root.get("code") else { return String::new() };
    if let Some(def) = codes.vital(code) {
        return format!("vital|{}", def.code);
    }
    let first = code.list("coding").iter().find_map(|c| {
        let code = c.text_of("code")?;
        Some(format!("{}|{code}", c.text_of("system").unwrap_or_default()))
    });
    first.unwrap_or_else(|| format!("text|{}", code.text_of("text").unwrap_or_default()))
}

impl Said {
    /// Reads the value of an Observation or a component, if it is one of a vital.
    fn value(&mut self, node: &Node<'_>, place: &str, codes: &VitalCodes) -> Result<(), Unusable> {
        let Some(def) = node.get("code").and_then(|code| codes.vital(code)) else { return Ok(()) };
        let Some(quantity) = node.get("valueQuantity") else {
            let why = if node.get("dataAbsentReason").is_some() {
                "it has a reason for having no value"
            } else if node.members().iter().any(|m| m.name.starts_with("value")) {
                "only a valueQuantity is read"
            } else {
                "it has no value"
            };
            return self.note(place, def, why);
        };
        let here = format!("{place}.value.ofType(Quantity)");
        let Some(text) = quantity.get("value").and_then(Node::number) else {
            return self.note(&here, def, "its quantity has no value");
        };
        if quantity.get("comparator").is_some() {
            return self.note(&format!("{here}.comparator"), def, "a comparison is no measurement");
        }
        let number: f64 = text.parse().unwrap_or(f64::NAN);
        let unit = UnitText {
            system: quantity.text_of("system"),
            code: quantity.text_of("code"),
            name: quantity.text_of("unit"),
        };
        let wrong_unit = |e: super::units::UnitError| unusable(RejectionCode::WrongUnit, here.clone(), e.to_string());
        let converted = convert(number, unit, def).map_err(wrong_unit)?;
        // Adding 0 makes -0 a plain 0.
        let value = converted.value + 0.0;
        quality::check_possible(def, value)
            .map_err(|e| unusable(RejectionCode::Impossible, format!("{here}.value"), e.to_string()))?;
        if self.values.iter().any(|v| v.vital == def.code) {
            let detail = format!("{} stands twice in one Observation: which of them counts?", def.code);
            return Err(unusable(RejectionCode::Conflict, here, detail));
        }
        if let Some(told) = converted.told {
            self.notes.push(Issue::warning(here.clone(), told));
        }
        let text = if converted.same { value_text(text, value) } else { None };
        self.values.push(VitalValue { vital: def.code, value, text, expression: here });
        Ok(())
    }

    fn note(&mut self, place: &str, def: &VitalDef, why: &str) -> Result<(), Unusable> {
        self.notes.push(Issue::information(place, format!("{} is kept and not judged: {why}", def.code)));
        Ok(())
    }
}
