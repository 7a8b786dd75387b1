//! A websocket that speaks messages, with bounds on time.

use crate::{
    domain::Millis,
    protocol::{CloseCode, CodecError, Encoding, ServerMessage},
};
use axum::extract::ws::{CloseFrame, Message};
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use std::time::Duration;

/// Longest time for one write; a peer that takes longer is cut and comes back with its last sequence number.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that has not answered a ping for so long is gone.
pub(super) const SILENT_AFTER: Millis = Millis::from_secs(30);

/// Most pings and pongs of a peer between two of our pings, which are a second apart.
const LIVES_MAX: u32 = 100;

/// Why a connection has ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The peer has gone.
    Gone,
    /// We close it.
    Close(CloseCode, String),
}

impl Ended {
    pub(super) fn close(code: CloseCode, why: impl Into<String>) -> Self {
        Self::Close(code, why.into())
    }
}

/// What came.
pub(super) enum Heard {
    /// The bytes of a message.
    Message(Bytes),
    /// A sign of life.
    Life,
}

/// A websocket that speaks messages.
pub(super) struct Socket<S> {
    inner: S,
    encoding: Encoding,
    /// Longest message that is taken, in bytes.
    longest: usize,
    /// Pings and pongs that came since our last ping.
    lives: u32,
}

impl<S, E> Socket<S>
where
    S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E> + Unpin,
    E: std::error::Error,
{
    /// Takes messages of at most `longest` bytes.
    pub(super) const fn new(inner: S, encoding: Encoding, longest: usize) -> Self {
        Self { inner, encoding, longest, lives: 0 }
    }

    pub(super) const fn encoding(&self) -> Encoding {
        self.encoding
    }

    pub(super) async fn send(&mut self, message: &ServerMessage) -> Result<(), Ended> {
        let framed = frame(self.encoding, message).map_err(|e| {
            tracing::error!(error = %e, "a message could not be written");
            Ended::close(CloseCode::Internal, "a message could not be written")
        })?;
        self.write(framed).await
    }

    pub(super) async fn ping(&mut self) -> Result<(), Ended> {
        self.lives = 0;
        self.write(Message::Ping(Bytes::new())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), Ended> {
        match tokio::time::timeout(WRITE_TIMEOUT, self.inner.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ended::Gone),
            Err(_) => Err(Ended::close(CloseCode::TooSlow, "you do not keep up")),
        }
    }

    pub(super) async fn hear(&mut self) -> Result<Heard, Ended> {
        match self.inner.next().await {
            None | Some(Ok(Message::Close(_))) => Err(Ended::Gone),
            Some(Ok(Message::Text(text))) => self.bounded(text.into()),
            Some(Ok(Message::Binary(bytes))) => self.bounded(bytes),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => self.life(),
            Some(Err(e)) => Err(broken(&e)),
        }
    }

    fn bounded(&self, bytes: Bytes) -> Result<Heard, Ended> {
        if bytes.len() > self.longest { Err(too_long()) } else { Ok(Heard::Message(bytes)) }
    }

    /// A sign of life. We ping each second, so who sends many more than one for each is no friend.
    fn life(&mut self) -> Result<Heard, Ended> {
        self.lives += 1;
        if self.lives > LIVES_MAX { Err(Ended::close(CloseCode::TooFast, "too many pings")) } else { Ok(Heard::Life) }
    }

    /// Says goodbye, if the peer still listens.
    pub(super) async fn finish(mut self, ended: Ended) {
        if let Ended::Close(code, why) = ended {
            tracing::info!(code = code.number(), why, "a stream is closed");
            let frame = CloseFrame { code: code.number(), reason: why.into() };
            let goodbye = async {
                self.inner.send(Message::Close(Some(frame))).await.ok();
                // Reading on lets the peer's answer come; closing at once might lose the frame.
                while let Some(Ok(_)) = self.inner.next().await {}
            };
            drop(tokio::time::timeout(Duration::from_secs(1), goodbye).await);
        }
    }
}

/// Waits until the server stops.
pub(super) async fn stopped(stopping: &mut tokio::sync::watch::Receiver<bool>) {
    // The sender is gone only when the server is.
    drop(stopping.wait_for(|stop| *stop).await);
}

fn too_long() -> Ended {
    Ended::close(CloseCode::TooBig, "a message is too long")
}

/// What a failed read means.
fn broken(error: &impl std::error::Error) -> Ended {
    let text = error.to_string();
    if text.contains("too long") || text.contains("too big") || text.contains("Space limit") {
        too_long()
    } else {
        Ended::Gone
    }
}

fn frame(encoding: Encoding, message: &ServerMessage) -> Result<Message, CodecError> {
    let bytes = encoding.write(message)?;
    Ok(match encoding {
        Encoding::MessagePack => Message::Binary(bytes.into()),
        Encoding::Json => match String::from_utf8(bytes) {
            Ok(text) => Message::Text(text.into()),
            Err(e) => Message::Binary(e.into_bytes().into()),
        },
    })
}
