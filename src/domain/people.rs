//! Patients.

use super::{PatientId, text};
use serde::{Deserialize, Deserializer, Serialize};

/// The category of a patient: it selects alarm limits and scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Grown up.
    #[default]
    Adult,
    /// A child.
    Paediatric,
    /// A newborn.
    Neonate,
}

impl Category {
    /// All categories.
    pub const ALL: [Self; 3] = [Self::Adult, Self::Paediatric, Self::Neonate];

    /// The name as commands and files use it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adult => "adult",
            Self::Paediatric => "paediatric",
            Self::Neonate => "neonate",
        }
    }
}

/// A person's name, cleaned of control characters and direction marks when it is decoded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Default)]
#[serde(transparent)]
pub struct PersonName(String);

impl PersonName {
    /// A name from outside; see [`text::clean`].
    #[must_use]
    pub fn new(raw: &str) -> Self {
        Self(text::clean(raw))
    }

    /// The name, `Family, Given` by custom.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for PersonName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(|raw| Self::new(&raw))
    }
}

/// A patient, as far as monitoring needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patient {
    /// Opaque identifier.
    pub id: PatientId,
    /// Name; empty if it is not known.
    #[serde(default)]
    pub name: PersonName,
    /// Adult, paediatric or neonate.
    #[serde(default)]
    pub category: Category,
    /// Year of birth, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_year: Option<i32>,
    /// A few words that help to recognise the case, such as `COPD, scale 2`.
    #[serde(default, skip_serializing_if = "PersonName::is_empty")]
    pub note: PersonName,
}

impl PersonName {
    /// The initials, such as `O. C.` for `Okafor, Chidi`.
    #[must_use]
    pub fn initials(&self) -> Self {
        let words = self.0.split(|c: char| !c.is_alphanumeric()).filter_map(|word| word.chars().next());
        let initials: Vec<String> = words.map(|first| format!("{}.", first.to_uppercase())).collect();
        Self(initials.join(" "))
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
