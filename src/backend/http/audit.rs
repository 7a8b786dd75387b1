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
            AuditError::NoWitness | AuditError::Late => {
                problem(StatusCode::FORBIDDEN, "audit-witness", "Not a known witness", text)
            }
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

/// The newest checkpoint; with `old=N` after the proof that it has grown from the first N entries. With `&meet` besides, the
/// one that all witnesses are shown within a minute.
pub(super) async fn checkpoint(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answer {
    let bad =
        || problem(StatusCode::BAD_REQUEST, "audit-query", "Not a size", "old=N is wanted, old=N&meet, or nothing");
    let query = query.unwrap_or_default();
    let (query, meet) = query.strip_suffix("&meet").map_or((query.as_str(), false), |query| (query, true));
    let old = match query {
        "" if !meet => None,
        query => Some(query.strip_prefix("old=").and_then(|n| n.parse().ok()).ok_or_else(bad)?),
    };
    let from = old.unwrap_or(0);
    let shown = if meet { audit::shown_to_witness(&app, from).await? } else { audit::shown(&app, from).await? };
    Ok(text(if old.is_some() { shown.to_string() } else { shown.note }))
}

/// The note of a body.
async fn note_of(body: Body) -> Result<String, ProblemAnswer> {
    let bad = |detail: &str| problem(StatusCode::BAD_REQUEST, "audit-checkpoint", "Not a checkpoint", detail);
    let body = small_body(body, bad).await?;
    let note = String::from_utf8(body.to_vec()).map_err(|_| bad("it is no text"))?;
    if note.len() > NOTE_MAX_BYTES { Err(bad("it is too long")) } else { Ok(note) }
}

/// A checkpoint that a witness has cosigned.
pub(super) async fn cosigned(State(app): State<Arc<App>>, body: Body) -> Answer {
    audit::keep_cosigned(&app, note_of(body).await?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The hashes of signed entries from `from=N` on, 32 bytes each, at most [`audit::HASHES_MAX`]: for a witness of the
/// configuration, which shows a checkpoint of this trail that it has cosigned just now.
pub(super) async fn hashes(State(app): State<Arc<App>>, RawQuery(query): RawQuery, body: Body) -> Answer {
    let bad = || problem(StatusCode::BAD_REQUEST, "audit-query", "Not a place", "from=N is wanted");
    let from = query.as_deref().and_then(|query| query.strip_prefix("from=")).and_then(|n| n.parse().ok());
    let hashes = audit::hashes(&app, from.ok_or_else(bad)?, note_of(body).await?).await?;
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, hashes.concat()).into_response())
}
