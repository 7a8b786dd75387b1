//! What one administrator may not do alone: `[rights]`.

use crate::{backend::approvals::APPROVE_WITHIN_MAX_S, domain::Millis};
use serde::{Deserialize, Serialize};

/// When a second administrator has to approve what wants two. There is no never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum FourEyes {
    /// As soon as there are two who may sign in; before that the audit trail says that nobody could.
    #[default]
    WhenPossible,
    /// Always: with fewer than two nothing of it is done but making another.
    Always,
}

/// What one administrator may not do alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RightsConfig {
    /// When a second administrator has to approve.
    pub four_eyes: FourEyes,
    /// How long a proposal waits for the second administrator, in seconds.
    pub approve_within_s: u32,
}

impl Default for RightsConfig {
    fn default() -> Self {
        Self { four_eyes: FourEyes::default(), approve_within_s: APPROVE_WITHIN_MAX_S }
    }
}

impl RightsConfig {
    /// How long a proposal waits.
    #[must_use]
    pub fn approve_within(&self) -> Millis {
        Millis::from_secs(self.approve_within_s.into())
    }
}
