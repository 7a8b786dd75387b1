//! The audit trail as auditors read it on a screen.

use crate::domain::{PatientId, Timestamp};
use serde::{Deserialize, Serialize};

/// Most entries of one answer.
pub const AUDIT_ENTRIES_MAX: usize = 100;
/// Most entries that are looked at for one answer; the next question goes on from there.
pub const AUDIT_LOOKED_AT_MAX: u64 = 50_000;

/// Which entries of the audit trail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditQuery {
    /// Only entries before this one; the newest if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// About this patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// By this person or about this account: a login name, or the account's identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only those who looked at a patient.
    #[serde(default)]
    pub reads: bool,
    /// Emergency access, and what was read by it.
    #[serde(default)]
    pub break_glass: bool,
    /// What was refused.
    #[serde(default)]
    pub failures: bool,
    /// Not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// An entry of the audit trail, as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntryView {
    /// Its number.
    pub index: u64,
    /// When; absent if the entry cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What was done, such as `patient.view`.
    pub act: String,
    /// Whether it was refused.
    pub refused: bool,
    /// Who: the login name where there is one, else an identifier.
    pub who: String,
    /// In which role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// About which patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// About what else, and the code that says more.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
}

/// A piece of the audit trail, the newest entry first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPage {
    /// At most [`AUDIT_ENTRIES_MAX`].
    pub entries: Vec<AuditEntryView>,
    /// Where older ones begin; absent if there are none, or only such as retention removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Entries of the trail.
    pub size: u64,
}
