//! `OperationOutcome`: what went wrong or has to be known, each with the element that it is about.

use serde::Serialize;

/// Most issues of one outcome; what is wrong beyond is wrong too.
pub const ISSUES_MAX: usize = 20;

/// How bad an issue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It was not done.
    Error,
    /// It was done, with a reservation.
    Warning,
    /// It was done.
    Information,
}

/// What kind of issue, by the value set `issue-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssueCode {
    /// The content does not follow the standard.
    Structure,
    /// A required element is missing.
    Required,
    /// A value is none of its type.
    Value,
    /// A rule of the standard is broken.
    Invariant,
    /// A code is not one of its value set.
    CodeInvalid,
    /// The server does not do that.
    NotSupported,
    /// Nothing is there.
    NotFound,
    /// Several are there where one is wanted.
    MultipleMatches,
    /// A rule of this server forbids it.
    BusinessRule,
    /// It contradicts what is there, or another version is there.
    Conflict,
    /// There is too much of it.
    TooLong,
    /// The answer would be too long.
    TooCostly,
    /// Who it is, is not known.
    Login,
    /// Who it is may not do that.
    Forbidden,
    /// The server cannot now: try again.
    Transient,
    /// The server is too busy.
    Throttled,
    /// The server failed.
    Exception,
    /// Only to be known.
    Informational,
}

/// One issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// How bad.
    pub severity: Severity,
    /// What kind.
    pub code: IssueCode,
    /// What is wrong and what to do.
    pub diagnostics: String,
    /// The element, as FHIRPath; for a header or parameter of HTTP, `http.NAME`.
    pub expression: [String; 1],
}

impl Issue {
    /// An error.
    #[must_use]
    pub fn error(code: IssueCode, expression: impl Into<String>, diagnostics: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, diagnostics: diagnostics.into(), expression: [expression.into()] }
    }

    /// Something to be known.
    #[must_use]
    pub fn information(expression: impl Into<String>, diagnostics: impl Into<String>) -> Self {
        let (severity, code) = (Severity::Information, IssueCode::Informational);
        Self { severity, code, diagnostics: diagnostics.into(), expression: [expression.into()] }
    }

    /// Something that whoever sent it should look at; it was done.
    #[must_use]
    pub fn warning(expression: impl Into<String>, diagnostics: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::information(expression, diagnostics) }
    }

    /// The same under another element: `prefix` stands for the resource.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        let [expression] = &mut self.expression;
        let rest = expression.find(['.', '[']).and_then(|i| expression.get(i..)).unwrap_or_default();
        *expression = format!("{prefix}{rest}");
        self
    }
}

/// The resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationOutcome {
    #[serde(rename = "resourceType")]
    resource_type: &'static str,
    /// The issues; at least one.
    pub issue: Vec<Issue>,
}

impl OperationOutcome {
    /// Of these issues; if there is none, it says that all is well.
    #[must_use]
    pub fn new(mut issue: Vec<Issue>) -> Self {
        if issue.is_empty() {
            issue.push(Issue::information(super::json::ROOT, "all is well"));
        }
        issue.truncate(ISSUES_MAX);
        Self { resource_type: "OperationOutcome", issue }
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_says_what_is_wrong_and_where() {
        let issue = Issue::error(IssueCode::Required, "Observation.status", "status is missing");
        let outcome = OperationOutcome::new(vec![issue.clone().within("Bundle.entry[1].resource")]);
        insta::assert_snapshot!(String::from_utf8(outcome.to_json()).unwrap(), @r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"required","diagnostics":"status is missing","expression":["Bundle.entry[1].resource.status"]}]}"#);
        assert_eq!(OperationOutcome::new(vec![issue; 50]).issue.len(), ISSUES_MAX);
        assert_eq!(OperationOutcome::new(Vec::new()).issue.len(), 1);
    }
}
