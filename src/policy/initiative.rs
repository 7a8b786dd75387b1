//! An initiative: definitions that are assigned together.

use super::{
    definition::{Parameter, parameters},
    document::{Document, PolicyFault, last_part, member, text},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Most definitions of an initiative.
const REFERENCES_MAX: usize = 1_000;

/// A definition within an initiative.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// By what exemptions and overrides name it.
    pub id: String,
    /// The definition's name.
    pub definition: String,
    /// Values of its parameters, by their names in small letters; texts may be `[parameters('NAME')]` of the initiative.
    pub parameters: BTreeMap<String, Value>,
    /// The groups that it belongs to.
    pub groups: Vec<String>,
}

/// An initiative.
#[derive(Debug, Clone, PartialEq)]
pub struct Initiative {
    /// By what it is named.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// What it says.
    pub about: String,
    /// Its parameters by their names in small letters.
    pub parameters: BTreeMap<String, Parameter>,
    /// Its definitions.
    pub references: Vec<Reference>,
    /// The file that it is from.
    pub file: String,
    /// Its text, as in the file.
    pub source: String,
}

impl Initiative {
    /// Reads an initiative.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn read(document: &Document) -> Result<Self, PolicyFault> {
        let body = &document.body;
        let listed = member(body, "policyDefinitions").and_then(Value::as_array);
        let listed = listed.ok_or_else(|| document.fault("a list \"policyDefinitions\" is wanted"))?;
        if listed.is_empty() || listed.len() > REFERENCES_MAX {
            return Err(document.fault(format_args!("1 to {REFERENCES_MAX} policyDefinitions are wanted")));
        }
        let references = listed.iter().enumerate().map(|(at, value)| reference(document, at, value));
        let references: Vec<Reference> = references.collect::<Result<_, _>>()?;
        for (at, reference) in references.iter().enumerate() {
            if references.iter().take(at).any(|other| other.id.eq_ignore_ascii_case(&reference.id)) {
                let id = &reference.id;
                return Err(document.fault(format_args!("policyDefinitionReferenceId {id} is there twice")));
            }
        }
        Ok(Self {
            name: document.name.clone(),
            title: text(body, "displayName").unwrap_or_else(|| document.name.clone()),
            about: text(body, "description").unwrap_or_default(),
            parameters: parameters(document)?,
            references,
            file: document.file.clone(),
            source: document.text.trim().to_owned(),
        })
    }
}

fn reference(document: &Document, at: usize, value: &Value) -> Result<Reference, PolicyFault> {
    let wrong = |what: &str| document.fault(format_args!("policyDefinitions, entry {}: {what}", at + 1));
    let object = value.as_object().ok_or_else(|| wrong("an object is wanted"))?;
    let id = text(object, "policyDefinitionId").ok_or_else(|| wrong("a text \"policyDefinitionId\" is wanted"))?;
    let definition = last_part(&id).to_owned();
    let groups = member(object, "groupNames").and_then(Value::as_array);
    let groups = groups.map(|all| all.iter().filter_map(|g| g.as_str().map(str::to_owned)).collect());
    Ok(Reference {
        id: text(object, "policyDefinitionReferenceId").unwrap_or_else(|| definition.clone()),
        definition,
        parameters: values(object).map_err(|what| wrong(&what))?,
        groups: groups.unwrap_or_default(),
    })
}

/// Values of parameters: `{"effect": {"value": "audit"}}`.
pub(super) fn values(object: &Map<String, Value>) -> Result<BTreeMap<String, Value>, String> {
    let Some(given) = member(object, "parameters") else { return Ok(BTreeMap::new()) };
    let given = given.as_object().ok_or("\"parameters\" has to be an object")?;
    let value = |(name, inner): (&String, &Value)| {
        let value = inner.as_object().and_then(|inner| member(inner, "value"));
        let value = value.ok_or_else(|| format!("parameter {name}: {{\"value\": …}} is wanted"))?;
        Ok((name.to_lowercase(), value.clone()))
    };
    given.iter().map(value).collect()
}
