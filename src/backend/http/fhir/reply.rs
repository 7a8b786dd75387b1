//! Answers of the FHIR API: a resource, a Bundle, or an OperationOutcome.

use super::super::answer::ProblemAnswer;
use crate::{
    backend::pipeline::{JobError, RefusalKind, ResourceRefusal},
    domain::Timestamp,
    fhir::{Issue, IssueCode, OperationOutcome, edit::stamped, moment::http_date},
    protocol::{RejectionCode, problem::Problem},
    store::{StoreError, StoredResource},
};
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

/// The media type of FHIR in JSON.
pub(super) const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";

/// Most warnings of one answer; what is beyond is told with `Prefer: return=OperationOutcome`.
const WARNINGS_MAX: usize = 8;

/// An answer, of the API or of an entry of a Bundle.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// The version that it is about.
    pub(super) version: Option<u64>,
    pub(super) updated: Option<Timestamp>,
    /// Where the version is, below the base address.
    pub(super) location: Option<String>,
    /// A resource; none where nothing is to be said.
    pub(super) body: Option<Vec<u8>>,
    /// Whether the body is an OperationOutcome.
    pub(super) is_outcome: bool,
    pub(super) retry_after_s: Option<u64>,
    /// What is told of it besides, whatever the body is.
    pub(super) warnings: Vec<Issue>,
}

impl Reply {
    pub(super) const fn empty(status: StatusCode) -> Self {
        Self {
            status,
            version: None,
            updated: None,
            location: None,
            body: None,
            is_outcome: false,
            retry_after_s: None,
            warnings: Vec::new(),
        }
    }

    pub(super) fn outcome(status: StatusCode, issues: Vec<Issue>) -> Self {
        let body = Some(OperationOutcome::new(issues).to_json());
        Self { body, is_outcome: true, ..Self::empty(status) }
    }

    pub(super) fn error(status: StatusCode, code: IssueCode, place: &str, detail: impl Into<String>) -> Self {
        Self::outcome(status, vec![Issue::error(code, place, detail)])
    }

    pub(super) fn not_found() -> Self {
        let detail = "there is no such resource, or you may not see it";
        Self::error(StatusCode::NOT_FOUND, IssueCode::NotFound, "http.url", detail)
    }

    pub(super) fn json(status: StatusCode, body: Vec<u8>) -> Self {
        Self { body: Some(body), ..Self::empty(status) }
    }

    /// A version of a resource, as it is shown.
    pub(super) fn resource(stored: &StoredResource) -> Self {
        match stamped(&stored.body, &stored.id, stored.version, stored.updated) {
            Ok(body) => Self {
                version: Some(stored.version),
                updated: Some(stored.updated),
                ..Self::json(StatusCode::OK, body)
            },
            Err(e) => {
                tracing::error!(error = %e, id = stored.id, "a stored resource cannot be read");
                Self::failed()
            }
        }
    }

    pub(super) fn failed() -> Self {
        let detail = "the server's log says why";
        Self::error(StatusCode::INTERNAL_SERVER_ERROR, IssueCode::Exception, "Resource", detail)
    }

    /// Whether what was sent is refused for good, and kept: it is not to be sent again as it is.
    pub(super) fn is_dead(&self) -> bool {
        matches!(self.status.as_u16(), 400 | 413 | 422)
    }

    /// The tag of the version.
    pub(super) fn etag(&self) -> Option<String> {
        self.version.map(|version| format!("W/\"{version}\""))
    }

    pub(super) fn into_response(self, base: &str) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        let etag = self.etag();
        let headers = response.headers_mut();
        let mut set = |name, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        };
        set(header::CACHE_CONTROL, "no-store");
        if let Some(etag) = etag {
            set(header::ETAG, &etag);
        }
        if let Some(updated) = self.updated {
            set(header::LAST_MODIFIED, &http_date(updated));
        }
        if let Some(location) = &self.location {
            set(header::LOCATION, &format!("{base}/{location}"));
        }
        if let Some(seconds) = self.retry_after_s {
            set(header::RETRY_AFTER, &seconds.to_string());
        }
        if !self.warnings.is_empty() {
            set(header::WARNING, &warning(&self.warnings));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            set(header::WWW_AUTHENTICATE, "Bearer realm=\"wardwatch\"");
        }
        if let Some(body) = self.body {
            set(header::CONTENT_TYPE, FHIR_JSON);
            *response.body_mut() = Body::from(body);
        }
        response
    }
}

/// The header `Warning` (RFC 7234, 5.5), with code 199: anything else.
fn warning(issues: &[Issue]) -> String {
    let one = |issue: &Issue| {
        let text = format!("{}: {}", issue.expression.join(""), issue.diagnostics);
        format!("199 wardwatch \"{}\"", text.replace(['"', '\\'], "'"))
    };
    let all: Vec<String> = issues.iter().take(WARNINGS_MAX).map(one).collect();
    all.join(", ")
}

impl From<ProblemAnswer> for Reply {
    fn from(answer: ProblemAnswer) -> Self {
        let Problem { status, detail, retry_after_s, .. } = answer.into_problem();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (code, place) = match status {
            StatusCode::UNAUTHORIZED => (IssueCode::Login, "http.Authorization"),
            StatusCode::FORBIDDEN => (IssueCode::Forbidden, "http.Authorization"),
            StatusCode::PAYLOAD_TOO_LARGE => (IssueCode::TooLong, "Resource"),
            StatusCode::TOO_MANY_REQUESTS => (IssueCode::Throttled, "http"),
            StatusCode::NOT_FOUND => (IssueCode::NotFound, "http.url"),
            _ => (IssueCode::Transient, "Resource"),
        };
        Self { retry_after_s, ..Self::error(status, code, place, detail) }
    }
}

impl From<JobError> for Reply {
    fn from(error: JobError) -> Self {
        ProblemAnswer::from(error).into()
    }
}

impl From<StoreError> for Reply {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %error, "resources could not be read");
        Self::failed()
    }
}

impl Reply {
    /// Of resources that were refused. `place` stands for the resource, where it is one of several.
    pub(super) fn refused(refusal: &ResourceRefusal, place: Option<&str>) -> Self {
        let (status, code) = match refusal.kind {
            RefusalKind::Values(RejectionCode::Conflict) | RefusalKind::Version => {
                (StatusCode::CONFLICT, IssueCode::Conflict)
            }
            RefusalKind::Values(RejectionCode::OtherDevice) => (StatusCode::UNPROCESSABLE_ENTITY, IssueCode::Forbidden),
            RefusalKind::Values(_) => (StatusCode::UNPROCESSABLE_ENTITY, IssueCode::BusinessRule),
            RefusalKind::NotFound => (StatusCode::NOT_FOUND, IssueCode::NotFound),
            RefusalKind::AnotherMatch => (StatusCode::PRECONDITION_FAILED, IssueCode::Conflict),
            RefusalKind::SeveralMatches => (StatusCode::PRECONDITION_FAILED, IssueCode::MultipleMatches),
        };
        let issue = Issue::error(code, refusal.expression.clone(), refusal.detail.clone());
        let issue = match place {
            Some(place) => issue.within(place),
            None => issue,
        };
        Self::outcome(status, vec![issue])
    }
}
