//! `POST /v1/enrol`.

use super::{
    answer::{Answer, ProblemAnswer, json, problem, problem_for_now},
    session::small_body,
};
use crate::{
    access::Secret,
    backend::{app::App, enrol::EnrolError, listener::Peer},
    domain::{DeviceId, DeviceReport, DeviceText},
};
use axum::{Extension, body::Body, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnrolRequest {
    code: String,
    #[serde(default)]
    firmware: Option<DeviceText>,
}

#[derive(Serialize)]
struct EnrolAnswer<'a> {
    device: &'a DeviceId,
    token: &'a str,
}

impl From<EnrolError> for ProblemAnswer {
    fn from(error: EnrolError) -> Self {
        let text = error.to_string();
        match error {
            EnrolError::NotValid => problem(StatusCode::UNAUTHORIZED, "enrol", "Not enrolled", text),
            EnrolError::TooMany(seconds) => {
                let seconds = u64::try_from(seconds).unwrap_or(1);
                problem_for_now(StatusCode::TOO_MANY_REQUESTS, ("enrol-rate", "Too many tries"), text, seconds)
            }
            EnrolError::Job(job) => job.into(),
            EnrolError::Failed(_) => {
                tracing::error!(error = text, "an enrolment failed");
                let detail = "the server's log says why";
                problem(StatusCode::INTERNAL_SERVER_ERROR, "failed", "The enrolment failed", detail)
            }
        }
    }
}

/// Exchanges an enrolment code for a device token.
pub(super) async fn enrol(State(app): State<Arc<App>>, Extension(peer): Extension<Peer>, body: Body) -> Answer {
    let bad = |detail: &str| problem(StatusCode::BAD_REQUEST, "enrol-body", "Not an enrolment", detail);
    let body = small_body(body, bad).await?;
    let wanted = "a JSON object with code, and firmware if you like, is wanted";
    let request: EnrolRequest = serde_json::from_slice(&body).map_err(|_| bad(wanted))?;
    let firmware = request.firmware;
    let enrolled = app.enrol(&Secret::new(request.code), peer.0).await?;
    if firmware.is_some() {
        let report = DeviceReport { firmware, ..DeviceReport::default() };
        // The code is spent: the token has to reach its device whatever becomes of this.
        if let Err(e) = app.report(&enrolled.device, report).await {
            tracing::warn!(error = %e, device = %enrolled.device, "the firmware of a device was not kept");
        }
    }
    Ok(json(StatusCode::OK, &EnrolAnswer { device: &enrolled.device, token: enrolled.token.expose() }))
}
