//! Which wards an account is for.

use super::WardId;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

/// Most wards that an account names; an account for more is for all.
pub const COVERED_WARDS_MAX: usize = 64;

/// Which wards an account is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// All of the site.
    All,
    /// These alone; none at all is possible.
    Wards(BTreeSet<WardId>),
}

impl Coverage {
    /// These wards, or all if none is named.
    #[must_use]
    pub fn of(wards: Vec<WardId>) -> Self {
        if wards.is_empty() { Self::All } else { Self::Wards(wards.into_iter().collect()) }
    }

    /// Whether a ward is among them.
    #[must_use]
    pub fn covers(&self, ward: &WardId) -> bool {
        match self {
            Self::All => true,
            Self::Wards(wards) => wards.contains(ward),
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.pad("all wards"),
            Self::Wards(wards) if wards.is_empty() => f.pad("no ward"),
            Self::Wards(wards) => f.pad(&wards.iter().map(WardId::as_str).collect::<Vec<_>>().join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_covers_what_it_names_or_all() {
        let ward = |id: &str| id.parse::<WardId>().unwrap();
        assert!(Coverage::of(Vec::new()).covers(&ward("w")));
        let some = Coverage::of(vec![ward("w"), ward("a")]);
        assert_eq!((some.covers(&ward("w")), some.covers(&ward("x"))), (true, false));
        assert_eq!(some.to_string(), "a, w");
        assert!(!Coverage::Wards(BTreeSet::new()).covers(&ward("w")), "none is none");
    }
}
