//! The HTTP side: routes, and how requests are answered.

mod ack;
mod answer;
mod audit;
mod enrol;
mod fhir;
mod health;
mod medtech;
mod observations;
mod origin;
mod session;
mod twin;

pub use answer::{Answer, ProblemAnswer, bearer, problem};
pub use observations::decode_rules;

use super::{app::App, stream};
use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{any, get, post},
};
use std::sync::Arc;

/// All routes of the server.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/login", post(session::login))
        .route("/v1/logout", post(session::logout))
        .route("/v1/enrol", post(enrol::enrol))
        .route("/v1/observations", post(observations::post))
        .route("/v1/medtech", post(medtech::post))
        .route("/v1/devices/{device}/twin", get(twin::read).put(twin::report))
        .route("/v1/stream", get(stream::upgrade))
        .route("/v1/audit/key", get(audit::key))
        .route("/v1/audit/checkpoint", get(audit::checkpoint))
        .route("/v1/audit/cosigned", post(audit::cosigned))
        .route("/v1/ack/{link}", get(ack::show).post(ack::acknowledge))
        .route("/fhir", any(fhir::any))
        .route("/fhir/", any(fhir::any))
        .route("/fhir/{*path}", any(fhir::any))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .fallback(answer::not_found)
        .method_not_allowed_fallback(answer::method_not_allowed)
        .layer(from_fn_with_state(app.clone(), origin::check))
        .with_state(app)
}
