//! What policies are about: a piece of this server, described.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A piece of this server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Its type, such as `Wardwatch/servers/listeners`; see [`super::TYPES`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name, unique within its type and ward.
    pub name: String,
    /// The ward that it is of; the site if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Words of the site about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What is known of it.
    pub properties: Map<String, Value>,
    /// What is not known of it, by field, and why. A policy that asks for it is not evaluated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<String, String>,
}

impl Resource {
    /// A resource of which nothing is known yet.
    #[must_use]
    pub fn new(kind: &str, name: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
            location: None,
            tags: BTreeMap::new(),
            properties: Map::new(),
            unknown: BTreeMap::new(),
        }
    }

    /// The same, of a ward.
    #[must_use]
    pub fn of_ward(mut self, ward: &str) -> Self {
        self.location = Some(ward.to_owned());
        self
    }

    /// With a field that is known.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.properties.insert(field.to_owned(), value.into());
        self
    }

    /// With a field that is known or not, and why not.
    #[must_use]
    pub fn with_known(self, field: &str, value: Result<impl Into<Value>, String>) -> Self {
        match value {
            Ok(value) => self.with(field, value),
            Err(why) => self.without(field, &why),
        }
    }

    /// With a field that is not known, and why.
    #[must_use]
    pub fn without(mut self, field: &str, why: &str) -> Self {
        self.unknown.insert(field.to_owned(), why.to_owned());
        self
    }

    /// Its identifier: scopes and exemptions name it by this.
    #[must_use]
    pub fn id(&self) -> String {
        let ward = self.location.as_ref().map(|ward| format!("/ward/{ward}")).unwrap_or_default();
        format!("{ward}/providers/{}/{}", self.kind, self.name)
    }

    /// As the language of rules takes it.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id(),
            "type": self.kind,
            "name": self.name,
            "fullName": self.name,
            "location": self.location.as_deref().unwrap_or("site"),
            "tags": self.tags,
            "properties": self.properties,
        })
    }
}
