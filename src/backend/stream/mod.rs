//! `GET /v1/stream`: the websocket for those who watch and for devices that send.

mod admit;
mod alert_report;
mod device;
mod handover;
mod history;
mod ops;
mod socket;
mod watcher;

use super::{
    app::App,
    http::{Answer, bearer, problem},
};
use crate::{
    access::{Secret, TokenKind},
    protocol::{Encoding, MESSAGE_MAX_BYTES, TERMINAL_MESSAGE_MAX_BYTES},
};
use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, StatusCode},
};
use std::sync::Arc;

/// Most bytes that wait to be written to a slow peer before its connection is closed.
const WRITE_BUFFER_MAX_BYTES: usize = 8 * 1024 * 1024;

/// A message that is too long is read to its end up to this many times the allowed length, so that its sender can be told; a
/// longer one cuts the connection, and the sender may not hear why.
const READ_MAX_TIMES: usize = 2;

/// Who opens a stream.
enum Opener {
    Watcher(Secret),
    Device(Secret, crate::domain::DeviceId),
}

/// Turns a request into a websocket, if its token is good.
pub async fn upgrade(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Answer {
    let token = bearer(&headers)?;
    let opener = match TokenKind::of(token.expose()) {
        Some((TokenKind::Device, _)) => {
            let device = app.device(&token)?;
            Opener::Device(token, device)
        }
        _ => {
            app.session(&token)?;
            Opener::Watcher(token)
        }
    };
    let upgrade = upgrade
        .map_err(|e| problem(StatusCode::UPGRADE_REQUIRED, "websocket", "A websocket is served here", e.body_text()))?;
    let (upgrade, encoding) = choose_encoding(upgrade)?;
    let name = match &opener {
        Opener::Watcher(token) => app.session(token)?.user.id.to_string(),
        Opener::Device(_, device) => device.to_string(),
    };
    let Some(place) = app.begin_stream(&name) else {
        app.hub.metrics().refused("streams");
        let detail = format!("at most {} streams at once", app.config.limits.streams_per_principal);
        return Err(problem(StatusCode::TOO_MANY_REQUESTS, "streams", "Too many streams", detail));
    };
    let longest = match &opener {
        Opener::Watcher(_) => TERMINAL_MESSAGE_MAX_BYTES,
        Opener::Device(..) => MESSAGE_MAX_BYTES,
    };
    let bounded = upgrade
        .max_message_size(READ_MAX_TIMES * longest)
        .max_frame_size(READ_MAX_TIMES * longest)
        .max_write_buffer_size(WRITE_BUFFER_MAX_BYTES);
    Ok(bounded.on_upgrade(move |socket: WebSocket| async move {
        tracing::info!(principal = name, "a stream was opened");
        let socket = socket::Socket::new(socket, encoding, longest);
        match opener {
            Opener::Watcher(token) => Box::pin(watcher::run(app, socket, token)).await,
            Opener::Device(token, device) => Box::pin(device::run(app, socket, token, device)).await,
        }
        tracing::info!(principal = name, "a stream has ended");
        drop(place);
    }))
}

/// The encoding of the first subprotocol that we speak; JSON if none was asked for.
fn choose_encoding(upgrade: WebSocketUpgrade) -> Result<(WebSocketUpgrade, Encoding), super::http::ProblemAnswer> {
    let asked: Vec<String> = upgrade.requested_protocols().filter_map(|v| v.to_str().ok()).map(str::to_owned).collect();
    if asked.is_empty() {
        return Ok((upgrade, Encoding::Json));
    }
    let Some(encoding) = asked.iter().find_map(|name| Encoding::of_subprotocol(name)) else {
        let ours: Vec<&str> = Encoding::ALL.into_iter().map(Encoding::subprotocol).collect();
        let asked = crate::domain::text::clean(&asked.join(", "));
        let detail = format!("this server speaks {}; you asked for {asked}", ours.join(" and "));
        return Err(problem(StatusCode::BAD_REQUEST, "incompatible-version", "Incompatible version", detail));
    };
    Ok((upgrade.protocols([encoding.subprotocol()]), encoding))
}
