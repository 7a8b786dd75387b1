//! `/v1/audit`: what the audit trail shows to witnesses. No token is needed.

use super::{
    answer::{Answer, ProblemAnswer, problem, problem_for_now},
    session::small_body,
};
use crate::{
    audit::checkpoint::NOTE_MAX_BYTES,
    backend::{
        app::App,
        audit::{self, AuditError},
    },
};
use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use std::sync::Arc;

/// Seconds after which a checkpoint is there.
const RETRY_AFTER_S: u64 = 1;

impl From<AuditError> for ProblemAnswer {
    fn from(error: AuditError) -> Self {
        let text = error.to_string();
        match error {
            AuditError::NoneYet => {
                let code = ("audit-none-yet", "No checkpoint yet");
                problem_for_now(StatusCode::SERVICE_UNAVAILABLE, code, text, RETRY_AFTER_S)
            }
            AuditError::Checkpoint(_) => problem(StatusCode::BAD_REQUEST, "audit-checkpoint", "Not a checkpoint", text),
            AuditError::NoWitness => problem(StatusCode::FORBIDDEN, "audit-witness", "Not a known witness", text),
            AuditError::Store(_) | AuditError::Broken => {
                tracing::error!(error = %error, source = ?std::error::Error::source(&error), "the trail was not shown");
                let code = ("audit-unreadable", "The trail cannot be read");
                problem_for_now(StatusCode::SERVICE_UNAVAILABLE, code, text, RETRY_AFTER_S)
            }
        }
    }
}

fn text(body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, body).into_response()
}

/// The trail's public key.
pub(super) async fn key(State(app): State<Arc<App>>) -> Response {
    text(format!("{}\n", app.audit.key))
}

/// The newest checkpoint; with `old=N` after the proof that it has grown from the first N entries.
pub(super) async fn checkpoint(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answer {
    let bad = || problem(StatusCode::BAD_REQUEST, "audit-query", "Not a size", "old=N is wanted, or nothing");
    let old = match query.as_deref() {
        None | Some("") => None,
        Some(query) => Some(query.strip_prefix("old=").and_then(|n| n.parse().ok()).ok_or_else(bad)?),
    };
    let shown = audit::shown(&app, old.unwrap_or(0)).await?;
    Ok(text(if old.is_some() { shown.to_string() } else { shown.note }))
}

/// A checkpoint that a witness has cosigned.
pub(super) async fn cosigned(State(app): State<Arc<App>>, body: Body) -> Answer {
    let bad = |detail: &str| problem(StatusCode::BAD_REQUEST, "audit-checkpoint", "Not a checkpoint", detail);
    let body = small_body(body, bad).await?;
    let note = String::from_utf8(body.to_vec()).map_err(|_| bad("it is no text"))?;
    if note.len() > NOTE_MAX_BYTES {
        return Err(bad("it is too long"));
    }
    audit::keep_cosigned(&app, note).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
