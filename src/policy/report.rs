//! What was found.

use super::{effect::Effect, exemption::Category, scope::Scope};
use crate::domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a resource stands to a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Compliance {
    /// It is not as wanted.
    NonCompliant,
    /// That cannot be said.
    NotEvaluated,
    /// It is not as wanted, and somebody answers for that.
    Exempt,
    /// The policy is switched off.
    Disabled,
    /// It is as wanted.
    Compliant,
}

impl Compliance {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NonCompliant => "NonCompliant",
            Self::NotEvaluated => "NotEvaluated",
            Self::Exempt => "Exempt",
            Self::Disabled => "Disabled",
            Self::Compliant => "Compliant",
        }
    }
}

impl fmt::Display for Compliance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many findings there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// As wanted.
    pub compliant: usize,
    /// Not as wanted.
    pub non_compliant: usize,
    /// Of those, by a policy that denies.
    pub denied: usize,
    /// Not as wanted, and answered for.
    pub exempt: usize,
    /// Not evaluated.
    pub not_evaluated: usize,
    /// Switched off.
    pub disabled: usize,
}

impl Count {
    pub(super) fn of<'a>(findings: impl Iterator<Item = &'a Finding>) -> Self {
        let mut count = Self::default();
        for finding in findings {
            match finding.state {
                Compliance::Compliant => count.compliant += 1,
                Compliance::NonCompliant => {
                    count.non_compliant += 1;
                    count.denied += usize::from(finding.effect == Some(Effect::Deny));
                }
                Compliance::Exempt => count.exempt += 1,
                Compliance::NotEvaluated => count.not_evaluated += 1,
                Compliance::Disabled => count.disabled += 1,
            }
        }
        count
    }
}

/// A field that a policy read, and what was there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The field.
    pub field: String,
    /// Its value; null if there is none.
    pub value: serde_json::Value,
}

/// An exemption, as a finding names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExemptionSeen {
    /// Its name.
    pub name: String,
    /// Of which kind.
    pub category: Category,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Until when it holds, or held.
    pub expires_on: Timestamp,
    /// Whether it is over.
    pub expired: bool,
}

/// How one resource stands to one policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The assignment by which it is asked.
    pub assignment: String,
    /// The initiative, if it is asked by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiative: Option<String>,
    /// The definition.
    pub policy: String,
    /// By what exemptions and overrides name it.
    pub reference: String,
    /// What the policy is called.
    pub title: String,
    /// The resource; none if the policy as a whole is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// Whether it does follow; else it is only reported.
    pub enforced: bool,
    /// How it stands.
    pub state: Compliance,
    /// What is wrong and what to do, or why it was not evaluated.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// The exemption that is for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption: Option<ExemptionSeen>,
    /// The type of what should be there and is not, for `deployIfNotExists`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

impl Finding {
    /// Whether a server must not start with it.
    #[must_use]
    pub fn stops(&self) -> bool {
        self.state == Compliance::NonCompliant && self.effect == Some(Effect::Deny) && self.enforced
    }
}

/// How an initiative stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitiativeReport {
    /// Its name.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// As a whole: not compliant if anything is not, else not evaluated if anything or all was not, else compliant.
    pub state: Compliance,
    /// How many of each.
    #[serde(flatten)]
    pub count: Count,
}

/// What was judged, and by which files: two reports of the same hashes are of the same settings and the same policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LookedAt {
    /// Whether a server that runs was asked, which is judged by the configuration that it runs with.
    pub running: bool,
    /// SHA-256 over all settings that are in force, those of flags and of the environment included.
    pub configuration: String,
    /// The file of the configuration, if nothing runs and one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// SHA-256 over all policies that are in force.
    pub policies: String,
    /// The folder of the site's own, if the configuration names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// When.
    pub at: Timestamp,
    /// What was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<LookedAt>,
    /// Where.
    pub scope: Scope,
    /// How many of each.
    pub summary: Count,
    /// By initiative.
    pub initiatives: Vec<InitiativeReport>,
    /// All findings: the worst first, then by policy and resource.
    pub findings: Vec<Finding>,
    /// What else is to be said: files that nothing uses, findings that are too many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Report {
    /// What a server must not start with.
    pub fn stopping(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.stops())
    }

    /// Whether a policy that denies is not met.
    #[must_use]
    pub const fn is_denied(&self) -> bool {
        self.summary.denied > 0
    }
}
