//! Answers: JSON, or a problem (RFC 9457).

use crate::{
    access::{Secret, UnknownToken},
    backend::pipeline::JobError,
    protocol::problem::{PROBLEM_TYPE, Problem},
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// Seconds after which a busy or unrecorded server is worth another try.
const RETRY_AFTER_S: u64 = 1;

/// What a handler answers.
pub type Answer = Result<Response, ProblemAnswer>;

/// A problem as an answer.
#[derive(Debug)]
pub struct ProblemAnswer(Box<Problem>);

impl ProblemAnswer {
    /// The problem itself.
    pub(super) fn into_problem(self) -> Problem {
        *self.0
    }
}

impl From<Problem> for ProblemAnswer {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl IntoResponse for ProblemAnswer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json_with(status, self.0.as_ref(), PROBLEM_TYPE);
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"wardwatch\""));
        }
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A problem with its status and code.
pub fn problem(status: StatusCode, code: &str, title: &str, detail: impl Into<String>) -> ProblemAnswer {
    Problem::new(status.as_u16(), code, title, detail).into()
}

/// A problem that passes.
pub(super) fn problem_for_now(
    status: StatusCode,
    (code, title): (&str, &str),
    detail: impl Into<String>,
    retry_after_s: u64,
) -> ProblemAnswer {
    let problem = Problem::new(status.as_u16(), code, title, detail);
    Problem { retry_after_s: Some(retry_after_s), ..problem }.into()
}

impl From<JobError> for ProblemAnswer {
    fn from(error: JobError) -> Self {
        let (code, title) = match error {
            JobError::Unrecorded => ("unrecorded", "The server cannot record"),
            JobError::Busy => ("busy", "The server is busy"),
            JobError::Stopping => ("stopping", "The server is stopping"),
            JobError::UnknownWard => {
                return problem(StatusCode::NOT_FOUND, "unknown-ward", "No such ward", error.to_string());
            }
            JobError::OtherWard => {
                return problem(StatusCode::CONFLICT, "other-ward", "Of another ward", error.to_string());
            }
        };
        problem_for_now(StatusCode::SERVICE_UNAVAILABLE, (code, title), error.to_string(), RETRY_AFTER_S)
    }
}

impl From<UnknownToken> for ProblemAnswer {
    fn from(error: UnknownToken) -> Self {
        problem(StatusCode::UNAUTHORIZED, "token", "The token is not valid", error.to_string())
    }
}

/// The token of the Authorization header.
///
/// # Errors
/// If there is none.
pub fn bearer(headers: &HeaderMap) -> Result<Secret, ProblemAnswer> {
    let text = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = text.and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    token.filter(|token| !token.is_empty()).map(Secret::new).ok_or_else(|| {
        let detail = "send the token as `Authorization: Bearer TOKEN`";
        problem(StatusCode::UNAUTHORIZED, "token", "A token is needed", detail)
    })
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    json_with(status, body, "application/json")
}

fn json_with(status: StatusCode, body: &impl Serialize, media_type: &'static str) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            let mut response = Response::new(Body::from(bytes));
            *response.status_mut() = status;
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(e) => {
            tracing::error!(error = %e, "an answer could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Nothing is here.
pub(super) async fn not_found() -> ProblemAnswer {
    problem(StatusCode::NOT_FOUND, "not-found", "Nothing is here", "docs/protocol.md lists what there is")
}

/// Something is here, but not for this method.
pub(super) async fn method_not_allowed() -> ProblemAnswer {
    let detail = "docs/protocol.md lists what there is";
    problem(StatusCode::METHOD_NOT_ALLOWED, "method", "Not with this method", detail)
}
