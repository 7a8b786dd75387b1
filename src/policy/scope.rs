//! Where a policy, an exemption or a question holds.

use crate::domain::text::clean;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Longest scope, in bytes.
const SCOPE_MAX_BYTES: usize = 1_024;

/// The site, a ward, or one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// Everything. A subscription or management group of Azure is read as this.
    #[default]
    Site,
    /// What the path begins with: `/ward/3-east`, or a resource's own identifier. In small letters.
    Within(String),
    /// A place in Azure that is none here: it holds nothing.
    Elsewhere(String),
}

/// A text that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no scope: site, ward/W, or the identifier of a resource as `wardwatch policy check` shows it is wanted"
)]
pub struct ScopeError(String);

impl Scope {
    /// Whether it holds the resource or place of this identifier.
    #[must_use]
    pub fn covers(&self, id: &str) -> bool {
        match self {
            Self::Site => true,
            Self::Elsewhere(_) => false,
            Self::Within(path) => {
                let id = id.to_lowercase();
                id.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let path = text.trim().trim_matches('/').to_lowercase();
        if path.len() > SCOPE_MAX_BYTES {
            return Err(ScopeError(clean(text)));
        }
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["ward", ward, ..] if !ward.is_empty() => Ok(Self::Within(format!("/{path}"))),
            ["" | "site"] | ["subscriptions", _] | ["providers", "microsoft.management", "managementgroups", _] => {
                Ok(Self::Site)
            }
            ["subscriptions" | "providers", rest @ ..] if !rest.is_empty() => {
                let ours = parts.first() == Some(&"providers") && rest.first() != Some(&"microsoft.management");
                Ok(if ours { Self::Within(format!("/{path}")) } else { Self::Elsewhere(format!("/{path}")) })
            }
            _ => Err(ScopeError(clean(text))),
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;
    fn try_from(text: String) -> Result<Self, ScopeError> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site => f.write_str("site"),
            Self::Within(path) | Self::Elsewhere(path) => f.write_str(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("site", "/providers/Wardwatch/logs/log", true)]
    #[case("/", "/ward/3-east/providers/Wardwatch/devices/mon-1", true)]
    #[case("ward/3-east", "/ward/3-east/providers/Wardwatch/devices/mon-1", true)]
    #[case("/ward/3-EAST/", "/ward/3-east/providers/Wardwatch/devices/mon-1", true)]
    #[case("ward/3", "/ward/3-east/providers/Wardwatch/devices/mon-1", false)]
    #[case("ward/3-east", "/providers/Wardwatch/logs/log", false)]
    #[case("/providers/Wardwatch/accounts/okafor", "/providers/Wardwatch/accounts/okafor", true)]
    #[case("/providers/Wardwatch/accounts/okafor", "/providers/Wardwatch/accounts/okafor2", false)]
    #[case("/subscriptions/1b2a", "/providers/Wardwatch/logs/log", true)]
    #[case("/providers/Microsoft.Management/managementGroups/health", "/providers/Wardwatch/logs/log", true)]
    #[case("/subscriptions/1b2a/resourceGroups/prod", "/providers/Wardwatch/logs/log", false)]
    fn a_scope_covers_what_lies_in_it(#[case] scope: Scope, #[case] id: &str, #[case] covers: bool) {
        assert_eq!(scope.covers(id), covers);
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for bad in ["ward", "ward/", "icu", "subscriptions"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad}");
        }
    }
}
