//! Which values of a mapping wardwatch can show as a vital.

use super::vital_names::{is_unit, vital_named};
use crate::{
    domain::{VitalCode, VitalDef, VitalTable},
    fhir::Coding,
    ingest::medtech::transform::{FhirTemplate, ValueKind, ValueTemplate},
};
use std::fmt::{self, Display, Formatter};

const LOINC: &str = "http://loinc.org";
/// Systems of ISO/IEEE 11073-10101 codes.
const MDC: [&str; 3] = ["urn:iso:std:iso:11073:10101", "urn:oid:2.16.840.1.113883.6.24", "http://hl7.org/fhir/sid/mdc"];

/// What a value of a mapping is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VitalVerdict {
    /// It can be shown.
    Shown {
        /// As this vital.
        vital: VitalCode,
    },
    /// The vital is known, and the unit is another one. Nothing is converted.
    OtherUnit {
        /// The vital.
        vital: VitalCode,
        /// The unit of the mapping, if it has one.
        unit: Option<String>,
        /// The unit that is wanted.
        wanted: String,
    },
    /// Code and name mean different vitals.
    Conflict {
        /// What the code means.
        by_code: VitalCode,
        /// What the name means.
        by_name: VitalCode,
    },
    /// Neither code nor name is known.
    Unknown,
}

/// A value of the mapping with its verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The type of measurement.
    pub type_name: String,
    /// The name of the value.
    pub value_name: String,
    /// What it is to us.
    pub verdict: VitalVerdict,
}

impl Display for VitalVerdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown { vital } => write!(f, "shown as {vital}"),
            Self::OtherUnit { vital, unit: Some(unit), wanted } => {
                write!(f, "not shown: {vital} is wanted in {wanted}, not in {unit}; nothing is converted")
            }
            Self::OtherUnit { vital, unit: None, wanted } => {
                write!(f, "not shown: {vital} needs its unit {wanted} in the FHIR template")
            }
            Self::Conflict { by_code, by_name } => {
                write!(f, "not shown: its code means {by_code}, its name {by_name}")
            }
            Self::Unknown => f.write_str("not shown: neither its code nor its name is a vital of ours"),
        }
    }
}

impl VitalVerdict {
    /// The verdict in a word, for programs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Shown { .. } => "shown",
            Self::OtherUnit { .. } => "other_unit",
            Self::Conflict { .. } => "conflict",
            Self::Unknown => "unknown",
        }
    }
}

/// All named values of a template with their verdicts.
pub(super) fn coverage<'a>(template: &'a FhirTemplate, vitals: &'a VitalTable) -> impl Iterator<Item = Coverage> + 'a {
    let alone = template.values().count() == 1;
    template.coded_values().filter_map(move |(value, codes)| {
        let type_name = &template.type_name;
        let value_name = value.name.clone()?;
        let by_name = vital_named(&value_name).or_else(|| alone.then(|| vital_named(type_name)).flatten());
        let verdict = verdict(value, codes, by_name.map(VitalCode::of), vitals);
        Some(Coverage { type_name: type_name.clone(), value_name, verdict })
    })
}

fn verdict(value: &ValueTemplate, codes: &[Coding], by_name: Option<VitalCode>, vitals: &VitalTable) -> VitalVerdict {
    let by_code = codes.iter().find_map(|code| vitals.iter().find(|def| has_code(def, code)));
    if let (Some(def), Some(by_name)) = (by_code, by_name)
        && !akin(def.code, by_name)
    {
        return VitalVerdict::Conflict { by_code: def.code, by_name };
    }
    let Some(def) = by_code.or_else(|| by_name.and_then(|code| vitals.get(code))) else {
        return VitalVerdict::Unknown;
    };
    let units = match &value.kind {
        ValueKind::SampledData { unit, .. } => [unit.as_deref(), None],
        ValueKind::Quantity { unit, code, .. } => [code.as_deref(), unit.as_deref()],
        ValueKind::CodeableConcept(_) | ValueKind::String => [None, None],
    };
    let mut written = units.into_iter().flatten().filter(|u| !u.trim().is_empty()).peekable();
    let unit = written.peek().map(|u| (*u).to_owned());
    if def.ucum.is_empty() || written.any(|u| is_unit(u, &def.ucum)) {
        return VitalVerdict::Shown { vital: def.code };
    }
    VitalVerdict::OtherUnit { vital: def.code, unit, wanted: def.ucum.to_string() }
}

fn has_code(def: &VitalDef, coding: &Coding) -> bool {
    let (Some(system), Some(code)) = (coding.system.as_deref(), coding.code.as_deref()) else { return false };
    let system = system.trim_end_matches('/');
    (system == LOINC && def.loinc.iter().any(|l| &**l == code))
        || (MDC.contains(&system) && code.parse().is_ok_and(|number: u32| def.mdc.contains(&number)))
}

/// Whether a name may stand for the other vital too: people say pulse for heart rate, and systolic for either way to measure
/// it. The code says which it is.
fn akin(by_code: VitalCode, by_name: VitalCode) -> bool {
    let family = |code: VitalCode| {
        let text = code.as_str();
        match text {
            "pulse" => "hr".to_owned(),
            _ => text.strip_prefix("art_").map_or_else(|| text.to_owned(), |part| format!("nbp_{part}")),
        }
    };
    family(by_code) == family(by_name)
}
