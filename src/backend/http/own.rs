//! `/v1/step-up`, `/v1/sessions`, `/v1/factor`: one's own sessions and second factor.

use super::{
    answer::{Answer, ProblemAnswer, bearer, json, problem},
    guard::person,
    session::small_body,
};
use crate::{
    access::Secret,
    backend::{app::App, factor::FactorError},
    domain::SessionId,
    protocol::SessionView,
    rights::Verb,
};
use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepUpRequest {
    #[serde(default)]
    passphrase: Option<String>,
    #[serde(default)]
    code: Option<String>,
}

#[derive(Serialize)]
struct StepUpAnswer<'a> {
    token: &'a str,
}

/// Proves a factor again; answers with the token that takes the place of the present one.
pub(super) async fn step_up(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let session = app.session(&bearer(&headers)?)?;
    let bad = |detail: &str| problem(StatusCode::BAD_REQUEST, "step-up-body", "Not a proof", detail);
    let body = small_body(body, bad).await?;
    let wanted = "a JSON object with passphrase, or with code, is wanted";
    let request: StepUpRequest = serde_json::from_slice(&body).map_err(|_| bad(wanted))?;
    let token = app.step_up(&session, request.passphrase.map(Secret::new), request.code.map(Secret::new)).await?;
    Ok(json(StatusCode::OK, &StepUpAnswer { token: token.expose() }))
}

/// One's own sessions.
pub(super) async fn sessions(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let session = person(&app, &headers, Verb::OwnAccount).await?;
    let views: Vec<SessionView> = app.sessions_of(&session.user.id, Some(&session.record.id));
    Ok(json(StatusCode::OK, &views))
}

/// Ends one of one's own sessions.
pub(super) async fn end(State(app): State<Arc<App>>, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    let session = person(&app, &headers, Verb::OwnAccount).await?;
    let id: Option<SessionId> = id.parse().ok();
    if app.end_own_session(&session, id.as_ref()).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(problem(StatusCode::NOT_FOUND, "session", "No such session", "none of your sessions has this name"))
}

#[derive(Serialize)]
struct NewFactorAnswer<'a> {
    uri: &'a str,
    seed: &'a str,
    recovery: Vec<&'a str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmRequest {
    code: String,
}

impl From<FactorError> for ProblemAnswer {
    fn from(error: FactorError) -> Self {
        let text = error.to_string();
        match error {
            FactorError::None => problem(StatusCode::NOT_FOUND, "no-factor", "No second factor", text),
            FactorError::Present => problem(StatusCode::CONFLICT, "factor-present", "There is one already", text),
            FactorError::Wrong => problem(StatusCode::FORBIDDEN, "wrong-code", "Wrong code", text),
            FactorError::ShortPassphrase | FactorError::TheirShortPassphrase(_) => {
                problem(StatusCode::CONFLICT, "short-passphrase", "The passphrase is too short", text)
            }
            FactorError::Busy | FactorError::Clock => {
                problem(StatusCode::SERVICE_UNAVAILABLE, "factor-busy", "Not now", text)
            }
            FactorError::Job(job) => job.into(),
            FactorError::Failed(_) => {
                tracing::error!(error = text, "a second factor could not be set up");
                let detail = "the server's log says why";
                problem(StatusCode::INTERNAL_SERVER_ERROR, "failed", "It failed", detail)
            }
        }
    }
}

/// Begins to set up a second factor; what is answered is shown this once.
pub(super) async fn begin_factor(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let session = person(&app, &headers, Verb::OwnAccount).await?;
    let new = app.begin_factor(&session)?;
    let recovery = new.recovery.iter().map(Secret::expose).collect();
    Ok(json(StatusCode::OK, &NewFactorAnswer { uri: new.uri.expose(), seed: new.seed.expose(), recovery }))
}

/// Puts it into force by its first code.
pub(super) async fn confirm_factor(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let session = person(&app, &headers, Verb::OwnAccount).await?;
    let bad = |detail: &str| problem(StatusCode::BAD_REQUEST, "factor-body", "Not a code", detail);
    let body = small_body(body, bad).await?;
    let request: ConfirmRequest =
        serde_json::from_slice(&body).map_err(|_| bad("a JSON object with code is wanted"))?;
    app.confirm_factor(&session, &Secret::new(request.code)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Takes it away.
pub(super) async fn remove_factor(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let session = person(&app, &headers, Verb::OwnAccount).await?;
    app.remove_factor(&session).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
