//! All definitions, initiatives, assignments and exemptions that are in force.

use super::{
    assignment::Assignment,
    definition::{Definition, Parameter},
    document::{self, Kind, PolicyFault},
    exemption::Exemption,
    initiative::Initiative,
    vocabulary,
};
use crate::domain::Timestamp;
use regorus::{Rc, languages::azure_policy::aliases::AliasRegistry};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What files of the program itself are called.
pub(super) const BUILT_IN: &str = "built-in/";

/// Something of a set, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What it is called, or for an exemption why it is.
    pub title: String,
    /// Where it is from.
    pub file: String,
    /// What else is to be said: why it is not evaluated, of what it is, until when it holds.
    pub note: String,
}

/// All that is in force.
#[derive(Debug, Clone)]
pub struct PolicySet {
    /// By their names in small letters.
    pub(super) definitions: BTreeMap<String, Definition>,
    pub(super) initiatives: BTreeMap<String, Initiative>,
    pub(super) assignments: BTreeMap<String, Assignment>,
    /// By their identifiers: those of several places may have one name.
    pub(super) exemptions: BTreeMap<String, Exemption>,
    /// What files of the site took the place of what is built in.
    replaced: Vec<String>,
    pub(super) registry: Rc<AliasRegistry>,
}

impl PolicySet {
    /// One without anything.
    ///
    /// # Errors
    /// If the names of fields cannot be used, which would be a fault of the program.
    pub fn empty() -> Result<Self, PolicyFault> {
        let fault = |what| PolicyFault { file: format!("{BUILT_IN}fields"), at: None, what };
        let registry = vocabulary::registry().map_err(fault)?;
        Ok(Self {
            definitions: BTreeMap::new(),
            initiatives: BTreeMap::new(),
            assignments: BTreeMap::new(),
            exemptions: BTreeMap::new(),
            replaced: Vec::new(),
            registry,
        })
    }

    /// Adds what is in a file. It takes the place of what is built in by the same name.
    ///
    /// # Errors
    /// If the file cannot be used, or holds again what another file holds.
    pub fn add(&mut self, file: &str, content: &str) -> Result<(), PolicyFault> {
        for document in document::read(file, content)? {
            // Others name a definition, an initiative or an assignment by its name; nothing names an exemption.
            let id = document.id.as_ref().filter(|_| document.kind == Kind::Exemption);
            let key = id.unwrap_or(&document.name).trim_matches('/').to_lowercase();
            let held = match document.kind {
                Kind::Definition => self.definitions.get(&key).map(|held| &held.file),
                Kind::Initiative => self.initiatives.get(&key).map(|held| &held.file),
                Kind::Assignment => self.assignments.get(&key).map(|held| &held.file),
                Kind::Exemption => self.exemptions.get(&key).map(|held| &held.file),
            };
            if let Some(other) = held.filter(|other| !other.starts_with(BUILT_IN)) {
                let by =
                    if document.is_named { "" } else { " by the name of its file, as it has no \"name\" of its own" };
                let what = format_args!("it is already in {other}{by}: remove one of them, or give it another name");
                return Err(document.fault(what));
            }
            let replaces = held.is_some();
            if replaces {
                let (what, name) = (document.kind.singular(), &document.name);
                self.replaced.push(format!("{file}: {what} {name} is in the place of the built-in one"));
            }
            match document.kind {
                Kind::Definition => {
                    let definition = Definition::read(&document, &self.registry)?;
                    if let Some(why) = definition.not_evaluated().filter(|_| replaces) {
                        let what =
                            format_args!("it would take the place of a built-in one and is not evaluated: {why}");
                        return Err(document.fault(what));
                    }
                    drop(self.definitions.insert(key, definition));
                }
                Kind::Initiative => drop(self.initiatives.insert(key, Initiative::read(&document)?)),
                Kind::Assignment => drop(self.assignments.insert(key, Assignment::read(&document)?)),
                Kind::Exemption => drop(self.exemptions.insert(key, Exemption::read(&document)?)),
            }
        }
        Ok(())
    }

    /// Checks what the files say of each other: values of parameters, of what of an initiative an exemption is,
    /// and for how long.
    ///
    /// # Errors
    /// If an assignment gives a parameter that there is not, or a value that is not allowed; if an exemption of an initiative
    /// names none of its references, or one holds for longer than [`EXEMPTION_MAX`](super::EXEMPTION_MAX) from now.
    pub fn check(&self, now: Timestamp) -> Result<(), PolicyFault> {
        for assignment in self.assignments.values() {
            let fault = |what| PolicyFault { file: assignment.file.clone(), at: None, what };
            let of = assignment.of.to_lowercase();
            let parameters = match (self.initiatives.get(&of), self.definitions.get(&of)) {
                (Some(initiative), _) => &initiative.parameters,
                (None, Some(definition)) => &definition.parameters,
                (None, None) => continue,
            };
            check_values(&format!("assignment {}", assignment.name), parameters, &assignment.parameters)
                .map_err(fault)?;
        }
        for exemption in self.exemptions.values() {
            if let Some(what) = exemption.too_long(now) {
                return Err(PolicyFault { file: exemption.file.clone(), at: None, what });
            }
        }
        for exemption in self.exemptions.values().filter(|exemption| exemption.references.is_empty()) {
            let of = self.assignments.get(&exemption.assignment.to_lowercase());
            if of.is_some_and(|assignment| self.has_initiative(&assignment.of)) {
                let (name, of) = (&exemption.name, &exemption.assignment);
                let what = format!(
                    "exemption {name}: {of} assigns an initiative: name what of it in policyDefinitionReferenceIds, or [\"*\"]"
                );
                return Err(PolicyFault { file: exemption.file.clone(), at: None, what });
            }
        }
        for initiative in self.initiatives.values() {
            let fault = |what| PolicyFault { file: initiative.file.clone(), at: None, what };
            for reference in &initiative.references {
                let Some(definition) = self.definitions.get(&reference.definition.to_lowercase()) else { continue };
                let whose = format!("initiative {}, reference {}", initiative.name, reference.id);
                check_values(&whose, &definition.parameters, &reference.parameters).map_err(fault)?;
            }
        }
        Ok(())
    }

    /// What is in it, by kind and name.
    #[must_use]
    pub fn list(&self) -> Vec<Listed> {
        let definitions = self.definitions.values().map(|d| Listed {
            kind: Kind::Definition,
            name: d.name.clone(),
            title: d.title.clone(),
            file: d.file.clone(),
            note: d.not_evaluated().map(|why| format!("not evaluated here: {why}")).unwrap_or_default(),
        });
        let initiatives = self.initiatives.values().map(|i| Listed {
            kind: Kind::Initiative,
            name: i.name.clone(),
            title: i.title.clone(),
            file: i.file.clone(),
            note: format!("{} definitions", i.references.len()),
        });
        let assignments = self.assignments.values().map(|a| Listed {
            kind: Kind::Assignment,
            name: a.name.clone(),
            title: a.title.clone(),
            file: a.file.clone(),
            note: format!("of {}, {}{}", a.of, a.scope, if a.enforced { "" } else { ", not enforced" }),
        });
        let exemptions = self.exemptions.values().map(|e| Listed {
            kind: Kind::Exemption,
            name: e.name.clone(),
            title: e.reason.clone(),
            file: e.file.clone(),
            note: format!("of {}, {}, by {}, until {}", e.assignment, e.scope, e.owner, e.expires_on),
        });
        definitions.chain(initiatives).chain(assignments).chain(exemptions).collect()
    }

    /// The texts of all of this name, as in their files.
    #[must_use]
    pub fn sources(&self, name: &str) -> Vec<(Kind, &str)> {
        let key = name.to_lowercase();
        let definition = self.definitions.get(&key).map(|d| (Kind::Definition, d.source.as_str()));
        let initiative = self.initiatives.get(&key).map(|i| (Kind::Initiative, i.source.as_str()));
        let assignment = self.assignments.get(&key).map(|a| (Kind::Assignment, a.source.as_str()));
        let exemptions = self.exemptions.values().filter(|e| e.name.to_lowercase() == key);
        let exemptions = exemptions.map(|e| (Kind::Exemption, e.source.as_str()));
        [definition, initiative, assignment].into_iter().flatten().chain(exemptions).collect()
    }

    /// SHA-256 over all that is in force, in hex: it says which policies a report was made by.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let definitions = self.definitions.values().map(|d| &d.source);
        let initiatives = self.initiatives.values().map(|i| &i.source);
        let assignments = self.assignments.values().map(|a| &a.source);
        let exemptions = self.exemptions.values().map(|e| &e.source);
        let mut hasher = Sha256::new();
        for source in definitions.chain(initiatives).chain(assignments).chain(exemptions) {
            hasher.update(u64::try_from(source.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(source);
        }
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether there is an initiative of this name.
    #[must_use]
    pub fn has_initiative(&self, name: &str) -> bool {
        self.initiatives.contains_key(&name.to_lowercase())
    }

    /// What took the place of what is built in, what no assignment puts into force, and exemptions that are of no assignment or end soon.
    pub(super) fn idle(&self, now: Timestamp) -> Vec<String> {
        let assigned = |name: &str| self.assignments.values().any(|a| a.of.eq_ignore_ascii_case(name));
        let mut notes = self.replaced.clone();
        for initiative in self.initiatives.values().filter(|i| !assigned(&i.name)) {
            notes.push(format!("{}: initiative {} is assigned nowhere", initiative.file, initiative.name));
        }
        for definition in self.definitions.values().filter(|d| !d.file.starts_with(BUILT_IN) && !assigned(&d.name)) {
            let within =
                |i: &Initiative| i.references.iter().any(|r| r.definition.eq_ignore_ascii_case(&definition.name));
            if !self.initiatives.values().any(|i| assigned(&i.name) && within(i)) {
                notes.push(format!("{}: definition {} is assigned nowhere", definition.file, definition.name));
            }
        }
        for exemption in self.exemptions.values() {
            if exemption.ends_soon(now) {
                let (file, name, owner, end) =
                    (&exemption.file, &exemption.name, &exemption.owner, exemption.expires_on);
                notes.push(format!("{file}: exemption {name} of {owner} ends soon, at {end}"));
            }
            let (file, name, of) = (&exemption.file, &exemption.name, &exemption.assignment);
            let Some(assignment) = self.assignments.get(&of.to_lowercase()) else {
                notes.push(format!("{file}: exemption {name} is of assignment {of}, which there is not"));
                continue;
            };
            let unknown = exemption.references.iter().filter(|id| !exemption.is_of_all() && !self.has(assignment, id));
            for id in unknown {
                notes.push(format!("{file}: exemption {name} is of {id}, which assignment {of} does not have"));
            }
        }
        notes
    }

    /// Whether an assignment has something that is named so.
    fn has(&self, assignment: &Assignment, reference: &str) -> bool {
        match self.initiatives.get(&assignment.of.to_lowercase()) {
            Some(initiative) => initiative.references.iter().any(|r| r.id.eq_ignore_ascii_case(reference)),
            None => assignment.of.eq_ignore_ascii_case(reference),
        }
    }
}

fn check_values(
    whose: &str,
    declared: &BTreeMap<String, Parameter>,
    given: &BTreeMap<String, Value>,
) -> Result<(), String> {
    for (name, value) in given {
        let Some(parameter) = declared.get(name) else {
            return Err(format!("{whose}: there is no parameter {name}"));
        };
        let expression = value.as_str().is_some_and(|text| text.starts_with('['));
        if !expression {
            parameter.check_type(value).map_err(|why| format!("{whose}: {why}"))?;
        }
        if !expression && !parameter.allows(value) {
            let allowed = Value::Array(parameter.allowed.clone());
            return Err(format!("{whose}: parameter {name} may not be {value}: one of {allowed} is wanted"));
        }
    }
    Ok(())
}
