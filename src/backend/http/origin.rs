//! Requests of web pages: a page of another site may not use a server that its reader can reach.

use super::answer::problem;
use crate::backend::app::App;
use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::sync::Arc;

/// A link of a message is opened in a browser and is its own proof: whoever has it needs no page to use it.
const LINKS: &str = "/v1/ack/";

/// Refuses what names an origin that is not allowed, before anything else is looked at.
pub(super) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let allowed = |origin: &HeaderValue| {
        app.config.server.allowed_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes())
    };
    let named = request.headers().get_all(header::ORIGIN);
    if request.uri().path().starts_with(LINKS) || named.iter().all(allowed) {
        return next.run(request).await;
    }
    app.hub.metrics().refused("origin");
    let detail = "the request names an Origin that this server does not serve";
    problem(StatusCode::FORBIDDEN, "origin", "Not for this web page", detail).into_response()
}
