//! Is the server alive, can it serve, and what are its figures?

use super::answer::json;
use crate::{
    backend::{app::App, metrics::METRICS_TYPE},
    protocol::StoreState,
};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    mode: String,
    version: &'a str,
    store: StoreState,
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
    wards: usize,
    audit_leaves: u64,
}

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The server can record and is not stopping.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let store = app.hub.store_state();
    let ready = store == StoreState::Recording && !app.is_stopping();
    let body = Ready {
        ready,
        mode: app.hub.mode().to_string(),
        version: env!("CARGO_PKG_VERSION"),
        store,
        why: if app.is_stopping() { "the server is stopping".to_owned() } else { app.hub.store_why() },
        wards: app.hub.wards().len(),
        audit_leaves: app.hub.audit_size(),
    };
    json(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &body)
}

/// Figures as OpenMetrics text.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    ([(header::CONTENT_TYPE, METRICS_TYPE)], app.hub.metrics().text()).into_response()
}
