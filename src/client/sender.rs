//! A device or gateway on the websocket: sends observations and waits until they are durable.

use super::{
    endpoint::Endpoint,
    wire::{ConnectError, Wire, connect},
};
use crate::{
    access::Secret,
    protocol::{Encoding, ErrorCode, IntakeReport, PROTOCOL_VERSION, ServerMessage},
};
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, header},
    },
};

/// Longest time for a connection or an answer.
const SENDER_TIMEOUT: Duration = Duration::from_secs(10);

/// Why observations were not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The link is lost, or the server cannot record: it may be tried again.
    #[error("{0}")]
    Lost(String),
    /// The server will not have this sender.
    #[error("{0}")]
    Refused(String),
}

/// A device or gateway on the websocket.
pub struct Sender {
    socket: WebSocketStream<Wire>,
    last_id: u64,
}

fn lost(e: &dyn std::fmt::Display) -> SendError {
    SendError::Lost(e.to_string())
}

impl Sender {
    /// Connects with a device token.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses the token.
    pub async fn connect(endpoint: &Endpoint, token: &Secret) -> Result<Self, SendError> {
        let connected = timeout(SENDER_TIMEOUT, Self::open(endpoint, token)).await;
        connected.map_err(|_| SendError::Lost("the server does not answer".to_owned()))?
    }

    async fn open(endpoint: &Endpoint, token: &Secret) -> Result<Self, SendError> {
        let stream = connect(endpoint).await.map_err(|e| match e {
            ConnectError::Io(e) => lost(&e),
            ConnectError::Untrusted(why) => SendError::Refused(why),
        })?;
        let refused = |e: &dyn std::fmt::Display| SendError::Refused(e.to_string());
        let uri = format!("ws://{}/v1/stream", endpoint.authority());
        let mut request = uri.into_client_request().map_err(|e| refused(&e))?;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
        let mut bearer = bearer.map_err(|_| refused(&"the token is no token"))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let protocol = HeaderValue::from_static(Encoding::Json.subprotocol());
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        let socket = match client_async(request, stream).await {
            Ok((socket, _)) => socket,
            Err(tungstenite::Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                let problem: Option<crate::protocol::problem::Problem> = serde_json::from_slice(body).ok();
                let detail = problem.map_or_else(|| response.status().to_string(), |p| p.detail);
                let passing = response.status().is_server_error() || response.status().as_u16() == 429;
                return Err(if passing { SendError::Lost(detail) } else { SendError::Refused(detail) });
            }
            Err(e) => return Err(lost(&e)),
        };
        let mut sender = Self { socket, last_id: 0 };
        sender.say(format!(r#"{{"type":"hello","protocol":{PROTOCOL_VERSION}}}"#)).await?;
        match sender.hear().await? {
            ServerMessage::Hello { .. } => Ok(sender),
            ServerMessage::Error { detail, .. } => Err(SendError::Refused(detail)),
            _ => Err(SendError::Refused("the server did not say hello".to_owned())),
        }
    }

    async fn say(&mut self, text: String) -> Result<(), SendError> {
        let sent = timeout(SENDER_TIMEOUT, self.socket.send(Message::Text(text.into()))).await;
        sent.map_err(|_| SendError::Lost("the server takes nothing".to_owned()))?.map_err(|e| lost(&e))
    }

    async fn hear(&mut self) -> Result<ServerMessage, SendError> {
        loop {
            let heard = timeout(SENDER_TIMEOUT, self.socket.next()).await;
            let heard = heard.map_err(|_| SendError::Lost("the server does not answer".to_owned()))?;
            match heard {
                None => return Err(SendError::Lost("the server closed the connection".to_owned())),
                Some(Err(e)) => return Err(lost(&e)),
                Some(Ok(Message::Close(frame))) => {
                    let why = frame.map(|f| f.reason.to_string()).unwrap_or_default();
                    return Err(SendError::Lost(format!("the server closed the connection: {why}")));
                }
                Some(Ok(Message::Text(text))) => {
                    let message = serde_json::from_str(&text).map_err(|e| lost(&e))?;
                    if !matches!(message, ServerMessage::Heartbeat { .. }) {
                        return Ok(message);
                    }
                }
                Some(Ok(_)) => {}
            }
        }
    }

    /// Hears what the server says while there is nothing to send, and ends only when the link is lost. May be dropped at
    /// any time.
    pub async fn idle(&mut self) -> SendError {
        loop {
            match self.socket.next().await {
                None => return SendError::Lost("the server closed the connection".to_owned()),
                Some(Err(e)) => return lost(&e),
                Some(Ok(Message::Close(frame))) => {
                    let why = frame.map(|f| f.reason.to_string()).unwrap_or_default();
                    return SendError::Lost(format!("the server closed the connection: {why}"));
                }
                Some(Ok(_)) => {}
            }
        }
    }

    /// Sends observations, each as its JSON text, and waits until what the answer says is durable.
    ///
    /// # Errors
    /// If the link is lost or the server cannot record; then nothing is known of these observations, and sending them
    /// again stores none twice.
    pub async fn send(&mut self, items: &[String]) -> Result<IntakeReport, SendError> {
        self.last_id += 1;
        let id = self.last_id;
        self.say(format!(r#"{{"type":"observations","id":{id},"items":[{}]}}"#, items.join(","))).await?;
        loop {
            match self.hear().await? {
                ServerMessage::Accepted { id: answered, report } if answered == id => return Ok(report),
                ServerMessage::Error { code: ErrorCode::Unrecorded | ErrorCode::Busy, detail, .. } => {
                    return Err(SendError::Lost(detail));
                }
                ServerMessage::Error { detail, .. } => return Err(SendError::Refused(detail)),
                _ => {}
            }
        }
    }
}
