//! `POST /v1/login` and `POST /v1/logout`.

use super::answer::{Answer, ProblemAnswer, bearer, json, problem, problem_for_now};
use crate::{
    access::Secret,
    backend::{app::App, listener::Peer, login::LoginError},
    protocol::SessionInfo,
};
use axum::{
    Extension,
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Longest body of a login or an enrolment, in bytes.
const SMALL_BODY_MAX_BYTES: usize = 4 * 1024;
/// Longest time for such a body to arrive.
const SMALL_BODY_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginRequest {
    user: String,
    passphrase: String,
    #[serde(default)]
    code: Option<String>,
}

#[derive(Serialize)]
struct LoginAnswer<'a> {
    token: &'a str,
    #[serde(flatten)]
    session: &'a SessionInfo,
}

impl From<LoginError> for ProblemAnswer {
    fn from(error: LoginError) -> Self {
        let text = error.to_string();
        match error {
            LoginError::CodeWanted => problem(StatusCode::UNAUTHORIZED, "second-factor", "A code is wanted", text),
            LoginError::Clock => problem(StatusCode::SERVICE_UNAVAILABLE, "clock", "The clock was moved", text),
            LoginError::Wrong | LoginError::Over => problem(StatusCode::UNAUTHORIZED, "login", "Not signed in", text),
            LoginError::Wait(seconds) => {
                let seconds = u64::try_from(seconds).unwrap_or(1);
                problem_for_now(StatusCode::TOO_MANY_REQUESTS, ("login-wait", "Wait"), text, seconds)
            }
            LoginError::TooMany(seconds) => {
                let seconds = u64::try_from(seconds).unwrap_or(1);
                problem_for_now(StatusCode::TOO_MANY_REQUESTS, ("login-rate", "Too many logins"), text, seconds)
            }
            LoginError::Busy => {
                problem_for_now(StatusCode::TOO_MANY_REQUESTS, ("login-busy", "Too many logins"), text, 1)
            }
            LoginError::Job(job) => job.into(),
            LoginError::Failed(_) => {
                tracing::error!(error = text, "a login failed");
                let detail = "the server's log says why";
                problem(StatusCode::INTERNAL_SERVER_ERROR, "failed", "The login failed", detail)
            }
        }
    }
}

/// A body of a few fields, whole and in time.
pub(super) async fn small_body(
    body: Body,
    bad: impl Fn(&str) -> ProblemAnswer,
) -> Result<Zeroizing<Vec<u8>>, ProblemAnswer> {
    let too_slow = |_| {
        let detail = format!("the body did not arrive within {} s", SMALL_BODY_TIMEOUT.as_secs());
        problem(StatusCode::REQUEST_TIMEOUT, "timeout", "Too slow", detail)
    };
    let arrived = timeout(SMALL_BODY_TIMEOUT, to_bytes(body, SMALL_BODY_MAX_BYTES)).await.map_err(too_slow)?;
    Ok(Zeroizing::new(arrived.map_err(|_| bad("the body is too long"))?.to_vec()))
}

/// Signs in.
pub(super) async fn login(State(app): State<Arc<App>>, Extension(peer): Extension<Peer>, body: Body) -> Answer {
    let bad = |detail: &str| problem(StatusCode::BAD_REQUEST, "login-body", "Not a login", detail);
    let body = small_body(body, bad).await?;
    let wanted = "a JSON object with user and passphrase is wanted";
    let request: LoginRequest = serde_json::from_slice(&body).map_err(|_| bad(wanted))?;
    let signed_in =
        app.login(&request.user, Secret::new(request.passphrase), request.code.map(Secret::new), peer.0).await?;
    let answer = LoginAnswer { token: signed_in.token.expose(), session: &signed_in.session };
    Ok(json(StatusCode::OK, &answer))
}

/// Signs out.
pub(super) async fn logout(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let session = app.session(&bearer(&headers)?)?;
    app.logout(&session).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
