//! `POST /v1/observations`.

use super::answer::{Answer, ProblemAnswer, bearer, json, problem, problem_for_now};
use crate::{
    backend::{app::App, pipeline::Job},
    domain::DeviceId,
    ingest::{BodyError, BodyForm, DecodeRules, Decoded, Way, decode_body, medtech::Mapped},
    protocol::IntakeReport,
};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

/// Longest time that a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Takes observations of a device; the answer comes when they are durable.
pub(super) async fn post(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let sender = app.device(&bearer(&headers)?)?;
    let (form, body) = receive(&app, &sender, &headers, body).await?;
    let report = take(&app, &sender, &body, form).await?;
    Ok(json(StatusCode::OK, &report))
}

/// The body of a device's request, within its bounds.
pub(super) async fn receive(
    app: &App,
    sender: &DeviceId,
    headers: &HeaderMap,
    body: Body,
) -> Result<(BodyForm, Bytes), ProblemAnswer> {
    check_rate(app, sender)?;
    let form = body_form(headers)?;
    Ok((form, body_within(app, body).await?))
}

/// A body, within its bounds of length and time.
pub(super) async fn body_within(app: &App, body: Body) -> Result<Bytes, ProblemAnswer> {
    let max = app.config.limits.body_bytes;
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, max)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => {
            app.hub.metrics().refused("body_too_large");
            let detail = format!("the body is longer than {max} bytes, or broke off: send it in smaller parts");
            Err(problem(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large", detail))
        }
        Err(_) => {
            let detail = format!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs());
            Err(problem(StatusCode::REQUEST_TIMEOUT, "timeout", "Too slow", detail))
        }
    }
}

/// Decodes a body, gives it to the pipeline and waits for the report.
async fn take(app: &App, sender: &DeviceId, body: &[u8], form: BodyForm) -> Result<IntakeReport, ProblemAnswer> {
    let rules = decode_rules(app, sender);
    let decoded = match decode_body(body, form, rules) {
        Ok(decoded) => decoded,
        Err(e) => {
            app.keep_unusable(sender, body, Way::Own, e.to_string()).await;
            return Err(unusable(&e));
        }
    };
    store(app, sender, decoded, None).await
}

/// Gives what was decoded to the pipeline and waits for the report.
pub(super) async fn store(
    app: &App,
    sender: &DeviceId,
    decoded: Decoded,
    mapped: Option<Box<Mapped>>,
) -> Result<IntakeReport, ProblemAnswer> {
    let job = |reply| Job::Observations { sender: sender.clone(), decoded, mapped, reply };
    let report = app.pipeline.ask(job).await?;
    app.hub.metrics().intake(&report);
    Ok(report)
}

/// What decoding needs to know now.
pub fn decode_rules<'a>(app: &'a App, sender: &'a DeviceId) -> DecodeRules<'a> {
    let now = app.clock.wall();
    let retention = app.config.retention.retention();
    let longest = retention.by_vital.values().copied().max().unwrap_or(retention.samples).max(retention.samples);
    DecodeRules {
        vitals: &app.vitals,
        sender,
        now,
        oldest: now - longest,
        max_items: app.config.limits.observations_per_request,
    }
}

pub(super) fn check_rate(app: &App, sender: &DeviceId) -> Result<(), ProblemAnswer> {
    let mut rates = app.device_rates.lock().unwrap_or_else(PoisonError::into_inner);
    rates.take(sender, app.clock.boot()).map_err(|wait| {
        app.hub.metrics().refused("too_fast");
        let detail =
            format!("this device sends more than {} requests a second", app.config.limits.device_requests_per_s);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a wait is a few seconds")]
        let seconds = wait.ceil() as u64;
        problem_for_now(StatusCode::TOO_MANY_REQUESTS, ("too-fast", "Too fast"), detail, seconds)
    })
}

fn body_form(headers: &HeaderMap) -> Result<BodyForm, ProblemAnswer> {
    let text = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("application/json");
    let media_type = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(BodyForm::Ndjson),
        "application/json" | "text/json" | "application/x-www-form-urlencoded" | "text/plain" | "" => {
            Ok(BodyForm::Json)
        }
        other => {
            let other = crate::domain::text::clean(other);
            let detail = format!("{other:?} is not taken: send application/json or application/x-ndjson");
            Err(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "Media type not taken", detail))
        }
    }
}

pub(super) fn unusable(error: &BodyError) -> ProblemAnswer {
    let (status, code) = match error {
        BodyError::Empty => (StatusCode::BAD_REQUEST, "body-empty"),
        BodyError::NotJson { .. } => (StatusCode::BAD_REQUEST, "body-not-json"),
        BodyError::TooMany { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-many-observations"),
    };
    problem(status, code, "The body cannot be used", error.to_string())
}
