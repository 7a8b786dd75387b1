//! A device on the websocket: hello, then observations.

use super::socket::{Ended, Heard, SILENT_AFTER, Socket, stopped};
use crate::{
    access::Secret,
    backend::{
        app::App,
        http::decode_rules,
        pipeline::{Job, JobError},
        rate::Bucket,
    },
    domain::DeviceId,
    ingest::{Way, decode_item},
    protocol::{
        CloseCode, DeviceMessage, Encoding, ErrorCode, HEARTBEAT_INTERVAL_MS, IntakeReport,
        OBSERVATIONS_PER_MESSAGE_MAX, PROTOCOL_VERSION, ServerMessage,
    },
};
use axum::extract::ws::Message;
use futures_util::{Sink, Stream};
use std::{sync::Arc, time::Duration};

/// Serves a device until it goes.
pub(super) async fn run<S, E>(app: Arc<App>, mut socket: Socket<S>, token: Secret, device: DeviceId)
where
    S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
    E: std::error::Error,
{
    let ended = serve(&app, &mut socket, &token, &device).await;
    socket.finish(ended).await;
}

/// A token that no longer holds ends the connection, as it refuses a request.
fn check_token(app: &App, token: &Secret) -> Result<(), Ended> {
    app.device(token).map(|_| ()).map_err(|e| Ended::close(CloseCode::SessionEnded, e.to_string()))
}

async fn serve<S, E>(app: &App, socket: &mut Socket<S>, token: &Secret, device: &DeviceId) -> Ended
where
    S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
    E: std::error::Error,
{
    if socket.encoding() != Encoding::Json {
        return Ended::close(CloseCode::Policy, "devices speak wardwatch.v1.json: the text of numbers is kept");
    }
    let mut bucket = Bucket::new(app.config.limits.stream_messages_per_s, app.clock.boot());
    let mut heartbeat = tokio::time::interval(Duration::from_millis(HEARTBEAT_INTERVAL_MS));
    let mut stopping = app.stopping.clone();
    let mut greeted = false;
    let mut heard_at = app.clock.boot();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stopping) => return Ended::close(CloseCode::GoingAway, "the server stops"),
            heard = socket.hear() => {
                heard_at = app.clock.boot();
                let bytes = match heard {
                    Ok(Heard::Message(bytes)) => bytes,
                    Ok(Heard::Life) => continue,
                    Err(ended) => return ended,
                };
                if bucket.take(heard_at).is_err() {
                    return Ended::close(CloseCode::TooFast, "too many messages: put more observations into each");
                }
                if let Err(ended) = check_token(app, token) {
                    return ended;
                }
                let answer = match answer(app, device, &bytes, &mut greeted).await {
                    Ok(answer) => answer,
                    Err(ended) => return ended,
                };
                if let Err(ended) = socket.send(&answer).await {
                    return ended;
                }
            }
            _ = heartbeat.tick() => {
                if let Err(ended) = check_token(app, token) {
                    return ended;
                }
                if app.clock.boot() - heard_at > SILENT_AFTER {
                    return Ended::Gone;
                }
                let beat = ServerMessage::Heartbeat {
                    now: app.engine_clock.now(),
                    heads: Vec::new(),
                    store: app.hub.store_state(),
                    audit: app.hub.audit_size(),
                };
                let sent = if greeted { socket.send(&beat).await } else { Ok(()) };
                if let Err(ended) = sent.and(socket.ping().await) {
                    return ended;
                }
            }
        }
    }
}

async fn answer(app: &App, device: &DeviceId, bytes: &[u8], greeted: &mut bool) -> Result<ServerMessage, Ended> {
    let message: DeviceMessage<'_> = match serde_json::from_slice(bytes) {
        Ok(message) => message,
        Err(e) => {
            let detail = crate::domain::text::clean(&e.to_string());
            return Ok(unusable(app, device, bytes, detail, None).await);
        }
    };
    match (&*message.kind, *greeted) {
        ("hello", _) => {
            if message.protocol != Some(PROTOCOL_VERSION) {
                return Err(Ended::close(CloseCode::IncompatibleVersion, version_text(message.protocol)));
            }
            *greeted = true;
            Ok(ServerMessage::Hello {
                protocol: PROTOCOL_VERSION,
                server: format!("wardwatch {}", env!("CARGO_PKG_VERSION")),
                mode: app.hub.mode(),
                now: app.engine_clock.now(),
                session: None,
                wards: Vec::new(),
                heartbeat_ms: HEARTBEAT_INTERVAL_MS,
            })
        }
        ("observations", true) => observations(app, device, bytes, &message).await,
        ("observations", false) => Ok(error(ErrorCode::HelloExpected, "say hello first".to_owned(), message.id)),
        (other, _) => {
            let detail = format!("{:?} is not a message of a device", crate::domain::text::clean(other));
            Ok(unusable(app, device, bytes, detail, message.id).await)
        }
    }
}

/// A message of which nothing can be used is kept as a dead letter, as a body of a request is.
async fn unusable(app: &App, device: &DeviceId, bytes: &[u8], detail: String, id: Option<u64>) -> ServerMessage {
    app.keep_unusable(device, bytes, Way::Own, detail.clone()).await;
    error(ErrorCode::BadMessage, detail, id)
}

async fn observations(
    app: &App,
    device: &DeviceId,
    bytes: &[u8],
    message: &DeviceMessage<'_>,
) -> Result<ServerMessage, Ended> {
    let Some(id) = message.id else {
        return Ok(unusable(app, device, bytes, "observations need an id".to_owned(), None).await);
    };
    if message.items.len() > OBSERVATIONS_PER_MESSAGE_MAX {
        let detail = format!("at most {OBSERVATIONS_PER_MESSAGE_MAX} observations in a message");
        return Ok(unusable(app, device, bytes, detail, Some(id)).await);
    }
    let rules = decode_rules(app, device);
    let items = message.items.iter().enumerate();
    let decoded = items.map(|(index, item)| decode_item(index, item.get(), rules)).collect();
    let job = |reply| Job::Observations { sender: device.clone(), decoded, mapped: None, reply };
    match app.pipeline.ask(job).await {
        Ok(report) => Ok(accepted(app, id, report)),
        Err(e @ (JobError::Unrecorded | JobError::Stopping)) => {
            Ok(error(ErrorCode::Unrecorded, e.to_string(), Some(id)))
        }
        Err(e) => Ok(error(ErrorCode::Busy, e.to_string(), Some(id))),
    }
}

fn accepted(app: &App, id: u64, report: IntakeReport) -> ServerMessage {
    app.hub.metrics().intake(&report);
    ServerMessage::Accepted { id, report }
}

fn error(code: ErrorCode, detail: String, id: Option<u64>) -> ServerMessage {
    ServerMessage::Error { code, detail, id }
}

/// What a peer of another version is told.
pub(super) fn version_text(asked: Option<u16>) -> String {
    let asked = asked.map_or_else(|| "none".to_owned(), |v| v.to_string());
    format!("this server speaks wardwatch.v{PROTOCOL_VERSION}; you said {asked}")
}
