//! `/v1/devices/DEVICE/twin`: what is wanted of a device, and what it says of itself.

use super::{
    answer::{Answer, ProblemAnswer, bearer, json, problem},
    observations::check_rate,
    session::small_body,
};
use crate::{
    backend::app::App,
    domain::{Device, DeviceId, DeviceReport, text::clean},
    ingest::Refused,
    protocol::DesiredTwin,
    rights::{Decision, Object, Principal, Verb, decide},
    store::DeadLetter,
};
use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::sync::Arc;

/// In the path: the device of the token.
const OWN: &str = "self";

/// What is wanted of a device; nothing if the asker has it already.
pub(super) async fn read(State(app): State<Arc<App>>, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let sender = app.device(&bearer(&headers)?)?;
    check_rate(&app, &sender)?;
    let device = target(&app, &sender, &name)?;
    let tag = tag_of(&device);
    if is_known(&headers, &tag) {
        return Ok(with_tag(StatusCode::NOT_MODIFIED.into_response(), &tag));
    }
    Ok(with_tag(json(StatusCode::OK, &DesiredTwin::of(&device)), &tag))
}

/// Takes what a device says of itself, whole; answers with what is wanted of it when that is durable.
pub(super) async fn report(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let sender = app.device(&bearer(&headers)?)?;
    check_rate(&app, &sender)?;
    let device = target(&app, &sender, &name)?;
    let too_long = |detail: &str| problem(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large", detail);
    let body = small_body(body, too_long).await?;
    let report: DeviceReport = match serde_json::from_slice(&body) {
        Ok(report) => report,
        Err(e) => {
            let detail = clean(&format!("not the report of a device: {e}"));
            keep(&app, &device.id, &body, detail.clone()).await;
            return Err(problem(StatusCode::UNPROCESSABLE_ENTITY, "twin", "The report cannot be used", detail));
        }
    };
    app.report(&device.id, report).await?;
    Ok(with_tag(json(StatusCode::OK, &DesiredTwin::of(&device)), &tag_of(&device)))
}

/// The device that is meant, if the sender may speak for it.
fn target(app: &App, sender: &DeviceId, name: &str) -> Result<Device, ProblemAnswer> {
    let other = || {
        let detail = format!("this token may not speak for device {}: `self` is its own", clean(name));
        problem(StatusCode::FORBIDDEN, "other-device", "Another device", detail)
    };
    let id = if name == OWN { sender.clone() } else { name.parse().map_err(|_| other())? };
    let hub = app.hub.ward_of_device(&id).ok_or_else(other)?;
    let device = hub.look_at_census(|census| census.devices.get(&id).cloned()).ok_or_else(other)?;
    let object = Object::Device { id: &device.id, gateway: device.gateway.as_ref() };
    match decide(&Principal::Machine(sender.clone()), Verb::SendObservations, object) {
        Decision::Allow => Ok(device),
        _ => Err(other()),
    }
}

/// A report that cannot be used is kept like any other input.
async fn keep(app: &App, device: &DeviceId, body: &[u8], detail: String) {
    app.hub.metrics().refused("twin");
    let letter = DeadLetter {
        at: app.engine_clock.now(),
        source: device.to_string(),
        code: "twin".to_owned(),
        detail,
        payload: Refused::payload(body),
        way: String::new(),
    };
    app.dead_letter(letter).await;
}

fn tag_of(device: &Device) -> String {
    format!("\"{}\"", device.desired.version)
}

fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|value| value.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
    })
}

fn with_tag(mut response: Response, tag: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}
