//! Reads a FHIR mapping: strictly, and with all its faults.

use super::template::{
    ComponentTemplate, Concept, FhirMapping, FhirTemplate, PeriodInterval, ValueKind, ValueTemplate,
};
use crate::{
    fhir::{Coding, Decimal},
    ingest::medtech::{
        Json, JsonValue, LoadError, LoadErrors,
        fields::{self, Fields},
        load::is_named,
    },
};

/// What a FHIR mapping is called in its file.
const COLLECTION: &str = "CollectionFhirTemplate";
/// What one template is called.
const CODE_VALUE: &str = "CodeValueFhirTemplate";
/// Most templates, and most items of each list in one.
const ITEMS_MAX: usize = 1000;

impl FhirMapping {
    /// Reads a FHIR mapping. What is sound of it comes back with what is wrong: it is valid if nothing is.
    #[must_use]
    pub fn load(text: &[u8]) -> (Self, LoadErrors) {
        let mut errors = LoadErrors::default();
        let mut mapping = Self::default();
        match Json::read(text) {
            Ok(root) => mapping.take_all(&root, &mut errors),
            Err(fault) => errors.add(LoadError::from(fault)),
        }
        (mapping, errors)
    }

    fn take_all(&mut self, root: &Json, errors: &mut LoadErrors) {
        let Some(content) = content_of(root, COLLECTION, errors) else { return };
        if content.as_array().is_none() {
            let what = "Expected an array for the template property value for template type";
            errors.push(content.at, format!("{what} {COLLECTION}."));
            return;
        }
        for template in list(content, errors, FhirTemplate::load) {
            self.register(template, errors);
        }
    }

    fn register(&mut self, template: FhirTemplate, errors: &mut LoadErrors) {
        if template.type_name.trim().is_empty() {
            errors.push(template.at, format!("Empty type name is not allowed: '{}'", template.type_name));
        } else if self.get(&template.type_name).is_ok() {
            let what = "Duplicate template defined for type name";
            errors.push(template.at, format!("{what}: '{}'", template.type_name));
        } else {
            self.templates.push(template);
        }
    }
}

impl FhirTemplate {
    /// Reads one template with its envelope; `None` if something is wrong with it.
    pub fn load(item: &Json, errors: &mut LoadErrors) -> Option<Self> {
        let before = errors.count();
        let content = content_of(item, CODE_VALUE, errors)?;
        if content.as_object().is_none() {
            let what = "Expected an object for the template property value for template type";
            errors.push(content.at, format!("{what} {CODE_VALUE}."));
            return None;
        }
        let known = ["TypeName", "PeriodInterval", "Codes", "Category", "Value", "Components"];
        let members = Fields::strict(content, CODE_VALUE, &known, errors)?;
        let period = members.get("PeriodInterval").map_or(PeriodInterval::Single, |v| period(v, errors));
        let category = members.get("Category").map(|v| list(v, errors, concept)).unwrap_or_default();
        let value = members.get("Value").and_then(|v| value(v, errors));
        let components = members.get("Components").map(|v| list(v, errors, component)).unwrap_or_default();
        // What is missing is told last, as upstream does.
        let codes = members.required("Codes", errors).map(|v| list(v, errors, code)).unwrap_or_default();
        let type_name = members.required("TypeName", errors).and_then(|v| fields::text("TypeName", v, errors));
        let type_name = type_name.unwrap_or_default();
        let template = Self { at: content.at, type_name, period, codes, category, value, components };
        (errors.count() == before).then_some(template)
    }
}

/// The value of `template` in an envelope, if the envelope has this type; case and the ending `Template` do not matter.
fn content_of<'j>(envelope: &'j Json, target: &str, errors: &mut LoadErrors) -> Option<&'j Json> {
    let members = Fields::lenient(envelope, target, errors)?;
    let named = members.get("templateType");
    let name = named.and_then(Json::as_text);
    if !name.is_some_and(|name| is_named(name, target)) {
        let at = named.map_or(envelope.at, |named| named.at);
        errors.push(at, format!("Expected TemplateType value {target}, actual {}.", name.unwrap_or("Not Found")));
        return None;
    }
    let content = members.get("template");
    if content.is_none() {
        errors.push(envelope.at, format!("There is no template property beside the template type {target}."));
    }
    content
}

fn list<T>(json: &Json, errors: &mut LoadErrors, item: fn(&Json, &mut LoadErrors) -> Option<T>) -> Vec<T> {
    let Some(items) = json.as_array() else {
        errors.push(json.at, format!("Expected an array, not {}.", json.kind()));
        return Vec::new();
    };
    if let Some(beyond) = items.get(ITEMS_MAX) {
        errors.push(beyond.at, format!("More than {ITEMS_MAX} items."));
    }
    items.iter().take(ITEMS_MAX).filter_map(|i| item(i, errors)).collect()
}

fn period(json: &Json, errors: &mut LoadErrors) -> PeriodInterval {
    let number = match &json.value {
        JsonValue::Integer(number) => Some(*number),
        JsonValue::Text(text) => text.trim().parse().ok().or_else(|| period_named(text)),
        _ => None,
    };
    if number.is_none() {
        errors.push(json.at, format!("{json} is no PeriodInterval: -1, 0, 60 and 1440 are known."));
    }
    number.map_or(PeriodInterval::Single, PeriodInterval::of)
}

/// The number of a period that is written by its name.
fn period_named(name: &str) -> Option<i64> {
    let names = [("CorrelationId", -1), ("Single", 0), ("Hourly", 60), ("Daily", 1440)];
    names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim())).map(|(_, number)| *number)
}

fn code(json: &Json, errors: &mut LoadErrors) -> Option<Coding> {
    let members = Fields::strict(json, "FhirCode", &["Code", "System", "Display"], errors)?;
    Some(coding(&members, errors))
}

/// A code whose other members do not matter.
fn lenient_code(json: &Json, errors: &mut LoadErrors) -> Option<Coding> {
    let members = Fields::lenient(json, "FhirCode", errors)?;
    Some(coding(&members, errors))
}

fn coding(members: &Fields<'_>, errors: &mut LoadErrors) -> Coding {
    let mut text = |name| text(members, name, errors);
    Coding { system: text("System"), code: text("Code"), display: text("Display") }
}

fn text(members: &Fields<'_>, name: &str, errors: &mut LoadErrors) -> Option<String> {
    members.get(name).and_then(|json| fields::text(name, json, errors))
}

fn concept(json: &Json, errors: &mut LoadErrors) -> Option<Concept> {
    let members = Fields::strict(json, "FhirCodeableConcept", &["Text", "Codes"], errors)?;
    let codes = members.get("Codes").map(|v| list(v, errors, code)).unwrap_or_default();
    Some(Concept { text: text(&members, "Text", errors), codes })
}

fn component(json: &Json, errors: &mut LoadErrors) -> Option<ComponentTemplate> {
    let members = Fields::strict(json, "CodeValueMapping", &["Codes", "Value"], errors)?;
    let codes = members.required("Codes", errors).map(|v| list(v, errors, code)).unwrap_or_default();
    Some(ComponentTemplate { at: json.at, codes, value: members.get("Value").and_then(|v| value(v, errors)) })
}

/// Within a value unknown members are passed over, as upstream does.
fn value(json: &Json, errors: &mut LoadErrors) -> Option<ValueTemplate> {
    let members = Fields::lenient(json, "FhirValueType", errors)?;
    let Some(named) = members.get("ValueType") else {
        errors.push(json.at, "Property ValueType is missing.");
        return None;
    };
    let name = fields::text("ValueType", named, errors)?;
    let Some(kind) = value_kind(&name, &members, errors) else {
        let known = "SampledData, Quantity, CodeableConcept and String are known";
        errors.push(named.at, format!("ValueType '{name}' is not implemented: {known}."));
        return None;
    };
    Some(ValueTemplate { at: json.at, name: text(&members, "ValueName", errors), kind })
}

fn value_kind(name: &str, members: &Fields<'_>, errors: &mut LoadErrors) -> Option<ValueKind> {
    let mut text = |name| text(members, name, errors);
    Some(match name.to_lowercase().as_str() {
        "quantity" => ValueKind::Quantity { unit: text("Unit"), code: text("Code"), system: text("System") },
        "sampleddata" => ValueKind::SampledData {
            unit: text("Unit"),
            period: members.get("DefaultPeriod").and_then(|v| decimal("DefaultPeriod", v, errors)),
        },
        "codeableconcept" => ValueKind::CodeableConcept(Concept {
            text: text("Text"),
            codes: members.get("Codes").map(|v| list(v, errors, lenient_code)).unwrap_or_default(),
        }),
        "string" => ValueKind::String,
        _ => return None,
    })
}

fn decimal(name: &str, json: &Json, errors: &mut LoadErrors) -> Option<Decimal> {
    let number = fields::text(name, json, errors)?.parse();
    if let Err(fault) = &number {
        errors.push(json.at, format!("Could not convert '{name}': {fault}."));
    }
    number.ok()
}

#[cfg(test)]
mod tests;
