//! `POST /v1/medtech`: messages of any shape, by the mappings of the configuration.

use super::{
    answer::{Answer, ProblemAnswer, bearer, json, problem},
    observations::{decode_rules, receive, store, unusable},
};
use crate::{
    backend::app::App,
    domain::DeviceId,
    ingest::{BodyForm, Way, medtech::MedtechDecoded},
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
};
use std::sync::Arc;

/// Takes one message, or one a line, of a device or a gateway; the answer comes when what came of it is durable.
pub(super) async fn post(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let sender = app.device(&bearer(&headers)?)?;
    if app.mappings.get().is_none() {
        let detail = "this server has no mappings: name device_mapping and fhir_mapping under [medtech]".to_owned();
        return Err(problem(StatusCode::NOT_FOUND, "no-mappings", "No mappings", detail));
    }
    let (form, body) = receive(&app, &sender, &headers, body).await?;
    let MedtechDecoded { decoded, not_shown, messages, unmatched, measurements, mapped } =
        decode(&app, &sender, body, form).await?;
    app.hub.metrics().medtech(messages, unmatched, measurements);
    let mut report = store(&app, &sender, decoded, mapped).await?;
    report.not_shown = not_shown;
    Ok(json(StatusCode::OK, &report))
}

/// Decodes a body beside the server's other work: a message of a megabyte may take a while.
async fn decode(
    app: &Arc<App>,
    sender: &DeviceId,
    body: Bytes,
    form: BodyForm,
) -> Result<MedtechDecoded, ProblemAnswer> {
    let (all, of, bytes) = (Arc::clone(app), sender.clone(), body.clone());
    let made = tokio::task::spawn_blocking(move || {
        let mappings = all.mappings.get()?;
        Some(mappings.intake().decode(&bytes, form, decode_rules(&all, &of)))
    });
    match made.await {
        Ok(Some(Ok(decoded))) => Ok(decoded),
        Ok(Some(Err(e))) => {
            app.keep_unusable(sender, &body, Way::Mapped, e.to_string()).await;
            Err(unusable(&e))
        }
        Ok(None) | Err(_) => {
            let detail = "the message could not be decoded: it is kept, see the server's log".to_owned();
            app.keep_unusable(sender, &body, Way::Mapped, detail.clone()).await;
            Err(problem(StatusCode::INTERNAL_SERVER_ERROR, "not-decoded", "Not decoded", detail))
        }
    }
}
