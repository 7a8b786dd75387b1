//! An exemption: somebody answers for what is not as wanted, for a reason and until a time.

use super::{
    assignment::{Selectors, parent_scope, selector_groups},
    document::{Document, PolicyFault, last_part, member, text},
    resource::Resource,
    scope::{Scope, ScopeError},
};
use crate::domain::{Millis, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longest time from when it is read for which an exemption may hold: a year, so that somebody looks at it again.
pub const EXEMPTION_MAX: Millis = Millis::from_mins(366 * 24 * 60);
/// So long before its end it is told that an exemption ends.
const ENDS_SOON: Millis = Millis::from_mins(30 * 24 * 60);
/// Members that an exemption may have: its own, and those with which Azure's tools export it.
const MEMBERS: [&str; 16] = [
    "policyAssignmentId",
    "policyDefinitionReferenceIds",
    "exemptionCategory",
    "expiresOn",
    "displayName",
    "description",
    "metadata",
    "scope",
    "resourceSelectors",
    "assignmentScopeValidation",
    "id",
    "resourceId",
    "name",
    "type",
    "resourceType",
    "systemData",
];
/// Those that are texts.
const TEXTS: [&str; 6] =
    ["policyAssignmentId", "exemptionCategory", "expiresOn", "displayName", "description", "scope"];
/// What stands for all references of an initiative.
const ALL_REFERENCES: &str = "*";
/// Shortest reason, in characters: "ok" is none.
const REASON_MIN_CHARS: usize = 10;

/// Of which kind an exemption is, by Azure Policy's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Category {
    /// The risk is borne.
    Waiver,
    /// What the policy wants is reached otherwise.
    Mitigated,
}

/// An exemption.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemption {
    /// By what it is named.
    pub name: String,
    /// The assignment, by name.
    pub assignment: String,
    /// The references of an initiative that it is for, in small letters, or `*` for all; none if it is of a definition.
    pub references: Vec<String>,
    /// Of which kind.
    pub category: Category,
    /// Until when it holds.
    pub expires_on: Timestamp,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// What is exempted.
    pub scope: Scope,
    pub(super) selectors: Vec<Selectors>,
    /// The file that it is from.
    pub file: String,
    /// Its text, as in the file.
    pub source: String,
}

impl Exemption {
    /// Reads an exemption.
    ///
    /// # Errors
    /// If it is none, has no owner, reason, end or place, or a member that is unknown or of another type than it has to be:
    /// what is written wrongly would else exempt more than was meant.
    pub(super) fn read(document: &Document) -> Result<Self, PolicyFault> {
        let body = &document.body;
        for (name, value) in body {
            if !MEMBERS.iter().any(|known| known.eq_ignore_ascii_case(name)) && !value.is_null() {
                return Err(document.fault(format_args!("{name} is not known: an exemption has no such member")));
            }
            if TEXTS.iter().any(|text| text.eq_ignore_ascii_case(name)) && !value.is_string() && !value.is_null() {
                return Err(document.fault(format_args!("{name} has to be a text")));
            }
        }
        let category = match document.wanted("exemptionCategory")? {
            word if word.eq_ignore_ascii_case("waiver") => Category::Waiver,
            word if word.eq_ignore_ascii_case("mitigated") => Category::Mitigated,
            word => {
                return Err(document.fault(format_args!("exemptionCategory {word}: Waiver or Mitigated is wanted")));
            }
        };
        let metadata = member(body, "metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        let owner = text(&metadata, "owner");
        let owner = owner.ok_or_else(|| document.fault("nobody answers for it: say who in metadata.owner"))?;
        let reason = text(body, "description").filter(|reason| reason.chars().count() >= REASON_MIN_CHARS);
        let short =
            format_args!("it gives no reason: say why in description, in {REASON_MIN_CHARS} characters or more");
        let reason = reason.ok_or_else(|| document.fault(short))?;
        let end = text(body, "expiresOn");
        let end = end.ok_or_else(|| document.fault("it would hold for ever: say until when in expiresOn"))?;
        let expires_on = end.parse().map_err(|e| document.fault(format_args!("expiresOn: {e}")))?;
        let scope = text(body, "scope").or_else(|| parent_scope(document.id.as_deref()));
        let scope =
            scope.ok_or_else(|| document.fault("it says not of what: give its scope, or / for the whole site"))?;
        Ok(Self {
            name: document.name.clone(),
            assignment: last_part(&document.wanted("policyAssignmentId")?).to_owned(),
            references: references(body).map_err(|what| document.fault(what))?,
            category,
            expires_on,
            owner,
            reason,
            scope: scope.parse().map_err(|e: ScopeError| document.fault(e))?,
            selectors: selector_groups(body).map_err(|what| document.fault(what))?,
            file: document.file.clone(),
            source: document.text.trim().to_owned(),
        })
    }

    /// Whether it is for this reference and resource, whatever the time.
    #[must_use]
    pub fn is_for(&self, assignment: &str, reference: &str, resource: &Resource) -> bool {
        self.assignment.eq_ignore_ascii_case(assignment)
            && (self.references.is_empty() || self.is_of_all() || self.references.contains(&reference.to_lowercase()))
            && self.scope.covers(&resource.id())
            && (self.selectors.is_empty() || self.selectors.iter().any(|s| s.choose_resource(resource)))
    }

    /// Whether it is for all references of an initiative.
    pub(super) fn is_of_all(&self) -> bool {
        self.references.iter().any(|reference| reference == ALL_REFERENCES)
    }

    /// Whether it still holds.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.expires_on
    }

    /// Whether it ends soon: within 30 days.
    #[must_use]
    pub fn ends_soon(&self, now: Timestamp) -> bool {
        self.holds(now) && self.expires_on <= now + ENDS_SOON
    }

    /// Why it holds too long, if it does.
    pub(super) fn too_long(&self, now: Timestamp) -> Option<String> {
        let last = now + EXEMPTION_MAX;
        let what =
            || format!("exemption {}: expiresOn {} is too far away: {last} at the latest", self.name, self.expires_on);
        (self.expires_on > last).then(what)
    }
}

fn references(body: &Map<String, Value>) -> Result<Vec<String>, String> {
    let key = "policyDefinitionReferenceIds";
    let list = match member(body, key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) if !list.is_empty() => list,
        Some(_) => return Err(format!("{key} has to be a list of one or more; [\"*\"] stands for all")),
    };
    let text = |value: &Value| value.as_str().map(str::to_lowercase).ok_or_else(|| format!("{key} has to hold texts"));
    list.iter().map(text).collect()
}
