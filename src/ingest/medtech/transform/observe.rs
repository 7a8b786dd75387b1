//! From a group of values to an Observation, new or merged into one that is there.

use super::{
    fault::TransformFault,
    group::ObservationGroup,
    naming::{SERVICE_SYSTEM, resource_id},
    template::{ComponentTemplate, FhirTemplate, ValueTemplate},
    value,
};
use crate::{
    domain::Timestamp,
    fhir::{CodeableConcept, Coding, Component, Identifier, Observation, ObservationValue, Period, Reference, Status},
    ingest::medtech::{Compat, identity::Identities},
};

/// Makes an Observation. It has no subject, device, identifier or id yet.
///
/// # Errors
/// If values are not what the template takes.
pub fn create(
    template: &FhirTemplate,
    group: &ObservationGroup,
    now: Timestamp,
) -> Result<Observation, TransformFault> {
    let made = |from: &ValueTemplate| {
        let values = from.name.as_ref().filter(|n| !n.trim().is_empty()).and_then(|n| group.values.get(n));
        values.map(|values| value::create(from, values, group.period)).transpose()
    };
    let mut component = Vec::new();
    for part in &template.components {
        let Some(from) = &part.value else { continue };
        if let Some(value) = made(from)? {
            component.push(new_component(part, from, value));
        }
    }
    Ok(Observation {
        id: None,
        identifier: Vec::new(),
        status: Status::Final,
        category: template.category.iter().map(value::concept).collect(),
        code: code(&group.name, &template.codes),
        subject: None,
        encounter: None,
        effective: group.period,
        issued: now,
        value: template.value.as_ref().map(made).transpose()?.flatten(),
        device: None,
        component,
    })
}

/// Brings a group of values into an Observation that is there. Its status is left alone: [`super::save`] says whether
/// something has changed.
///
/// `Safe` counts all streams of the Observation from its new start, if that moves; upstream leaves those that got no new value
/// as they are, so that their values seem to come earlier.
///
/// # Errors
/// If a value that is there has another type, or values are not what the template takes.
pub fn merge(
    template: &FhirTemplate,
    group: &ObservationGroup,
    existing: &Observation,
    compat: Compat,
) -> Result<Observation, TransformFault> {
    let periods = Periods { old: existing.effective, all: existing.effective.union(group.period), compat };
    let mut merged = existing.clone();
    merged.category = template.category.iter().map(value::concept).collect();
    merged.effective = periods.all;
    if let Some(from) = &template.value {
        periods.merge(from, group, &mut merged.value)?;
    }
    for part in &template.components {
        let Some(from) = &part.value else { continue };
        let Some(name) = &from.name else { continue };
        match merged.component.iter_mut().find(|c| is_named(&c.code, name)) {
            Some(there) => periods.merge(from, group, &mut there.value)?,
            None => {
                if let Some(values) = group.values.get(name) {
                    let value = value::create(from, values, periods.all)?;
                    merged.component.push(new_component(part, from, value));
                }
            }
        }
    }
    Ok(merged)
}

/// Says of whom, by what and under which name an Observation is. Its id comes from its name, so it is the same each time.
#[must_use]
pub fn with_identities(observation: Observation, ids: &Identities, identifier: &Identifier) -> Observation {
    Observation {
        id: Some(resource_id(identifier)),
        identifier: vec![identifier.clone()],
        subject: Some(Reference::to("Patient", &ids.patient)),
        device: Some(Reference::to("Device", &ids.device)),
        encounter: ids.encounter.as_ref().map(|id| Reference::to("Encounter", id)),
        ..observation
    }
}

/// The time that an Observation covered, and covers now.
struct Periods {
    old: Period,
    all: Period,
    compat: Compat,
}

impl Periods {
    fn merge(
        &self,
        from: &ValueTemplate,
        group: &ObservationGroup,
        there: &mut Option<ObservationValue>,
    ) -> Result<(), TransformFault> {
        let moved = self.compat == Compat::Safe && self.old != self.all;
        let stream = matches!(there, Some(ObservationValue::SampledData(_)));
        let values = match from.name.as_ref().and_then(|name| group.values.get(name)) {
            Some(values) => values.as_slice(),
            None if moved && stream => &[],
            None => return Ok(()),
        };
        *there = Some(value::merge(from, values, self.all, there.as_ref(), self.old)?);
        Ok(())
    }
}

fn new_component(part: &ComponentTemplate, from: &ValueTemplate, value: ObservationValue) -> Component {
    Component { code: code(from.name.as_deref().unwrap_or_default(), &part.codes), value: Some(value) }
}

/// The codes of a template, followed by our own for its name.
fn code(name: &str, codes: &[Coding]) -> CodeableConcept {
    let own =
        Coding { system: Some(SERVICE_SYSTEM.to_owned()), code: Some(name.to_owned()), display: Some(name.to_owned()) };
    CodeableConcept { coding: codes.iter().cloned().chain([own]).collect(), text: Some(name.to_owned()) }
}

fn is_named(code: &CodeableConcept, name: &str) -> bool {
    let ours = |c: &Coding| c.system.as_deref() == Some(SERVICE_SYSTEM) && c.code.as_deref() == Some(name);
    code.coding.iter().any(ours)
}
