//! Plain requests: signing in, health.

use super::{
    endpoint::Endpoint,
    wire::{ConnectError, connect},
};
use crate::{
    access::Secret,
    domain::{ApprovalId, DeviceId, Role, SessionId},
    protocol::{
        ApprovalView, SessionView,
        problem::{PROBLEM_TYPE, Problem},
    },
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::time::Duration;

/// Longest time for a connection and for an answer.
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes.
const ANSWER_MAX_BYTES: usize = 1024 * 1024;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The server cannot be reached.
    #[error("{0} cannot be reached: {1}")]
    Unreachable(Endpoint, String),
    /// It is not the server that is wanted.
    #[error("{0}")]
    Untrusted(String),
    /// It did not answer in time.
    #[error("{0} does not answer")]
    Timeout(Endpoint),
    /// It said no.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// Its answer is not understood.
    #[error("the answer of {0} is not understood: {1}")]
    Answer(Endpoint, String),
}

/// What a login gives.
#[derive(Debug)]
pub struct LoginAnswer {
    /// The session's token.
    pub token: Secret,
    /// Login name as the server has it.
    pub user: String,
    /// Role.
    pub role: Role,
}

#[derive(Deserialize)]
struct LoginBody {
    token: String,
    user: String,
    role: Role,
}

async fn exchange(
    endpoint: &Endpoint,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Option<String>, Bytes), HttpError> {
    let unreachable = |e: &dyn std::fmt::Display| HttpError::Unreachable(endpoint.clone(), e.to_string());
    let stream = connect(endpoint).await.map_err(|e| match e {
        ConnectError::Io(e) => unreachable(&e),
        ConnectError::Untrusted(why) => HttpError::Untrusted(why),
    })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| unreachable(&e))?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|e| unreachable(&e))?;
    let status = response.status();
    let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let body = Limited::new(response.into_body(), ANSWER_MAX_BYTES).collect().await;
    let body = body.map_err(|e| HttpError::Answer(endpoint.clone(), e.to_string()))?.to_bytes();
    driver.abort();
    Ok((status, media_type, body))
}

async fn ask(endpoint: &Endpoint, request: Request<Full<Bytes>>) -> Result<Bytes, HttpError> {
    let answered = tokio::time::timeout(HTTP_TIMEOUT, exchange(endpoint, request)).await;
    let (status, media_type, body) = answered.map_err(|_| HttpError::Timeout(endpoint.clone()))??;
    if status.is_success() {
        return Ok(body);
    }
    if media_type.as_deref() == Some(PROBLEM_TYPE)
        && let Ok(problem) = serde_json::from_slice::<Problem>(&body)
    {
        return Err(HttpError::Problem(Box::new(problem)));
    }
    Err(HttpError::Answer(endpoint.clone(), status.to_string()))
}

fn request(endpoint: &Endpoint, method: Method, path: &str, body: Vec<u8>) -> Result<Request<Full<Bytes>>, HttpError> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, endpoint.authority())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|e| HttpError::Answer(endpoint.clone(), e.to_string()))
}

/// Posts a text; nothing is expected back.
///
/// # Errors
/// If the server cannot be reached or says no.
pub(super) async fn post_text(endpoint: &Endpoint, path: &str, text: String) -> Result<(), HttpError> {
    ask(endpoint, request(endpoint, Method::POST, path, text.into_bytes())?).await.map(drop)
}

/// Posts a text; gives what comes back.
///
/// # Errors
/// If the server cannot be reached or says no.
pub(super) async fn ask_text(endpoint: &Endpoint, path: &str, text: String) -> Result<Bytes, HttpError> {
    ask(endpoint, request(endpoint, Method::POST, path, text.into_bytes())?).await
}

/// The code of the problem by which a server asks for a second factor.
pub const SECOND_FACTOR: &str = "second-factor";

/// Signs in, with a code of the authenticator where one is wanted.
///
/// # Errors
/// If the server cannot be reached or says no.
pub async fn login(
    endpoint: &Endpoint,
    user: &str,
    passphrase: &Secret,
    code: Option<&Secret>,
) -> Result<LoginAnswer, HttpError> {
    let code = code.map(Secret::expose);
    let body = serde_json::json!({ "user": user, "passphrase": passphrase.expose(), "code": code });
    let request = request(endpoint, Method::POST, "/v1/login", body.to_string().into_bytes())?;
    let answer = ask(endpoint, request).await?;
    let LoginBody { token, user, role } =
        serde_json::from_slice(&answer).map_err(|e| HttpError::Answer(endpoint.clone(), e.to_string()))?;
    Ok(LoginAnswer { token: Secret::new(token), user, role })
}

/// What an enrolment gives.
#[derive(Debug)]
pub struct EnrolAnswer {
    /// The device that the code was made for.
    pub device: DeviceId,
    /// Its token.
    pub token: Secret,
}

/// Exchanges an enrolment code for a device token.
///
/// # Errors
/// If the server cannot be reached or does not take the code.
pub async fn enrol(endpoint: &Endpoint, code: &Secret) -> Result<EnrolAnswer, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        device: DeviceId,
        token: String,
    }
    let body = serde_json::json!({ "code": code.expose() });
    let request = request(endpoint, Method::POST, "/v1/enrol", body.to_string().into_bytes())?;
    let answer = ask(endpoint, request).await?;
    let Body { device, token } =
        serde_json::from_slice(&answer).map_err(|e| HttpError::Answer(endpoint.clone(), e.to_string()))?;
    Ok(EnrolAnswer { device, token: Secret::new(token) })
}

/// Signs out.
///
/// # Errors
/// If the server cannot be reached or does not know the token.
pub async fn logout(endpoint: &Endpoint, token: &Secret) -> Result<(), HttpError> {
    as_somebody(endpoint, token, (Method::POST, "/v1/logout"), None).await.map(|_| ())
}

/// A request with a token.
async fn as_somebody(
    endpoint: &Endpoint,
    token: &Secret,
    (method, path): (Method, &str),
    body: Option<serde_json::Value>,
) -> Result<Bytes, HttpError> {
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let mut request = request(endpoint, method, path, body)?;
    let bearer = header::HeaderValue::from_str(&format!("Bearer {}", token.expose()));
    let bearer = bearer.map_err(|_| HttpError::Answer(endpoint.clone(), "the token is no token".to_owned()))?;
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    ask(endpoint, request).await
}

fn read<T: serde::de::DeserializeOwned>(endpoint: &Endpoint, answer: &[u8]) -> Result<T, HttpError> {
    serde_json::from_slice(answer).map_err(|e| HttpError::Answer(endpoint.clone(), e.to_string()))
}

/// One's own sessions.
///
/// # Errors
/// If the server cannot be reached or says no.
pub async fn sessions(endpoint: &Endpoint, token: &Secret) -> Result<Vec<SessionView>, HttpError> {
    read(endpoint, &as_somebody(endpoint, token, (Method::GET, "/v1/sessions"), None).await?)
}

/// Ends one of one's own sessions.
///
/// # Errors
/// If the server cannot be reached or says no.
pub async fn end_session(endpoint: &Endpoint, token: &Secret, session: &SessionId) -> Result<(), HttpError> {
    let path = format!("/v1/sessions/{session}");
    as_somebody(endpoint, token, (Method::DELETE, &path), None).await.map(|_| ())
}

/// What administrators have proposed.
///
/// # Errors
/// If the server cannot be reached or says no.
pub async fn approvals(endpoint: &Endpoint, token: &Secret) -> Result<Vec<ApprovalView>, HttpError> {
    read(endpoint, &as_somebody(endpoint, token, (Method::GET, "/v1/approvals"), None).await?)
}

/// Approves what another administrator has proposed; gives what was done.
///
/// # Errors
/// If the server cannot be reached or says no.
pub async fn approve(endpoint: &Endpoint, token: &Secret, id: &ApprovalId) -> Result<String, HttpError> {
    on_approval(endpoint, token, Method::POST, id).await
}

/// Takes back what one has proposed oneself, or refuses what another has; gives what is not done.
///
/// # Errors
/// If the server cannot be reached or says no.
pub async fn end_approval(endpoint: &Endpoint, token: &Secret, id: &ApprovalId) -> Result<String, HttpError> {
    on_approval(endpoint, token, Method::DELETE, id).await
}

async fn on_approval(
    endpoint: &Endpoint,
    token: &Secret,
    method: Method,
    id: &ApprovalId,
) -> Result<String, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        what: String,
    }
    let path = format!("/v1/approvals/{id}");
    let Body { what } = read(endpoint, &as_somebody(endpoint, token, (method, &path), None).await?)?;
    Ok(what)
}

/// Proves a factor again, by `passphrase` or `code`; gives the token that takes the place of the present one.
///
/// # Errors
/// If the server cannot be reached or says no.
pub async fn step_up(endpoint: &Endpoint, token: &Secret, field: &str, proof: &Secret) -> Result<Secret, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        token: String,
    }
    let body = serde_json::json!({ field: proof.expose() });
    let answer = as_somebody(endpoint, token, (Method::POST, "/v1/step-up"), Some(body)).await?;
    let Body { token } = read(endpoint, &answer)?;
    Ok(Secret::new(token))
}

/// What is shown once, so that an authenticator can be set up.
#[derive(Debug)]
pub struct NewFactor {
    /// The address that an authenticator reads from a picture.
    pub uri: Secret,
    /// The seed, to be typed; base32.
    pub seed: Secret,
    /// Codes for the day when the authenticator is lost.
    pub recovery: Vec<Secret>,
}

/// Begins to set up a second factor.
///
/// # Errors
/// If the server cannot be reached or says no.
pub async fn begin_factor(endpoint: &Endpoint, token: &Secret) -> Result<NewFactor, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        uri: String,
        seed: String,
        recovery: Vec<String>,
    }
    let answer = as_somebody(endpoint, token, (Method::POST, "/v1/factor"), None).await?;
    let Body { uri, seed, recovery } = read(endpoint, &answer)?;
    let recovery = recovery.into_iter().map(Secret::new).collect();
    Ok(NewFactor { uri: Secret::new(uri), seed: Secret::new(seed), recovery })
}

/// Puts it into force by its first code.
///
/// # Errors
/// If the server cannot be reached or says no.
pub async fn confirm_factor(endpoint: &Endpoint, token: &Secret, code: &Secret) -> Result<(), HttpError> {
    let body = serde_json::json!({ "code": code.expose() });
    as_somebody(endpoint, token, (Method::PUT, "/v1/factor"), Some(body)).await.map(|_| ())
}

/// Takes it away.
///
/// # Errors
/// If the server cannot be reached or says no.
pub async fn remove_factor(endpoint: &Endpoint, token: &Secret) -> Result<(), HttpError> {
    as_somebody(endpoint, token, (Method::DELETE, "/v1/factor"), None).await.map(|_| ())
}

/// Reads a resource.
///
/// # Errors
/// If the server cannot be reached or says no.
pub async fn get(endpoint: &Endpoint, path: &str) -> Result<Bytes, HttpError> {
    ask(endpoint, request(endpoint, Method::GET, path, Vec::new())?).await
}
