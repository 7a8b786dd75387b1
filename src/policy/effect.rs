//! What follows when a resource is not as a policy wants it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What follows, by Azure Policy's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// The server does not start.
    Deny,
    /// It is reported.
    Audit,
    /// It is reported if something that belongs to the resource is missing.
    AuditIfNotExists,
    /// What is missing is made, if this server has a safe value for it; else it is reported.
    DeployIfNotExists,
    /// It is not looked at.
    Disabled,
    /// A setting would be changed. It is reported.
    Modify,
    /// A setting would be added. It is reported.
    Append,
    /// A request would be refused; there is none to look at.
    DenyAction,
    /// A person says whether it is so.
    Manual,
}

impl Effect {
    /// All effects.
    pub const ALL: [Self; 9] = [
        Self::Deny,
        Self::Audit,
        Self::AuditIfNotExists,
        Self::DeployIfNotExists,
        Self::Disabled,
        Self::Modify,
        Self::Append,
        Self::DenyAction,
        Self::Manual,
    ];

    /// The word, as Azure writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Audit => "audit",
            Self::AuditIfNotExists => "auditIfNotExists",
            Self::DeployIfNotExists => "deployIfNotExists",
            Self::Disabled => "disabled",
            Self::Modify => "modify",
            Self::Append => "append",
            Self::DenyAction => "denyAction",
            Self::Manual => "manual",
        }
    }

    /// The effect of a word, whatever its case.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effect| effect.as_str().eq_ignore_ascii_case(word))
    }

    /// Whether it asks for something that belongs to the resource.
    #[must_use]
    pub const fn asks_for_related(self) -> bool {
        matches!(self, Self::AuditIfNotExists | Self::DeployIfNotExists)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
