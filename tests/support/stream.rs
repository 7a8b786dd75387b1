//! A terminal on the websocket, without the project's own client.

use super::{PASSPHRASE, Server};
use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpStream},
    time::Duration,
};
use tokio_tungstenite::tungstenite::{
    self, Message, WebSocket,
    client::{IntoClientRequest, client_with_config},
};
use wardwatch::{
    domain::{AlertId, Cause, Command, Event, EventBody, Millis, SequencedEvent},
    protocol::{ClientMessage, Encoding, PROTOCOL_VERSION, ServerMessage, VitalsUpdate, WardView},
    seam::{Clock, OsClock},
};

/// Longest wait for a message.
const PATIENCE: Millis = Millis::from_secs(30);

/// A request for a websocket that was answered with something else.
#[derive(Debug)]
pub struct NotOpened {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// How a connection was closed by the server.
#[derive(Debug, PartialEq, Eq)]
pub struct Closed {
    /// The close code.
    pub code: u16,
    /// Why, in words.
    pub reason: String,
}

/// One websocket.
#[derive(Debug)]
pub struct Stream {
    socket: WebSocket<TcpStream>,
    encoding: Encoding,
}

/// Opens a websocket with these headers.
pub fn open(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<WebSocket<TcpStream>, NotOpened> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut request = format!("ws://{address}/v1/stream").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let mut socket = match client_with_config(request, stream, None) {
        Ok((socket, _)) => socket,
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
            let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
            return Err(NotOpened { status: response.status().as_u16(), body });
        }
        Err(e) => panic!("no websocket: {e}"),
    };
    socket.get_mut().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    Ok(socket)
}

impl Stream {
    /// Opens a websocket with a token.
    pub fn open(server: &Server, token: &str, encoding: Encoding) -> Self {
        Self::try_open(server, token, encoding).unwrap_or_else(|e| panic!("{e:?}"))
    }

    /// As [`Stream::open`], where the server may say no.
    pub fn try_open(server: &Server, token: &str, encoding: Encoding) -> Result<Self, NotOpened> {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("sec-websocket-protocol", encoding.subprotocol())];
        Ok(Self { socket: open(server.address, &headers)?, encoding })
    }

    /// Opens a websocket and says hello; gives the answer too.
    pub fn greet(server: &Server, token: &str, encoding: Encoding) -> (Self, ServerMessage) {
        let mut stream = Self::open(server, token, encoding);
        stream.say(&ClientMessage::Hello { protocol: PROTOCOL_VERSION, client: "test".into() });
        let hello = stream.until("hello", |m| matches!(m, ServerMessage::Hello { .. }).then(|| m.clone()));
        (stream, hello)
    }

    /// Opens a websocket, says hello and subscribes to ward `w`; gives the snapshot too.
    pub fn watch(server: &Server, token: &str) -> (Self, u64, WardView) {
        let (mut stream, _) = Self::greet(server, token, Encoding::MessagePack);
        let (seq, view) = stream.subscribe(None);
        (stream, seq, view)
    }

    /// Subscribes to ward `w`; gives the snapshot.
    pub fn subscribe(&mut self, after: Option<u64>) -> (u64, WardView) {
        self.say(&ClientMessage::Subscribe { ward: "w".parse().unwrap(), patients: None, after });
        self.snapshot()
    }

    /// The next snapshot.
    pub fn snapshot(&mut self) -> (u64, WardView) {
        self.until("a snapshot", |m| match m {
            ServerMessage::Snapshot { seq, view, .. } => Some((*seq, view.clone())),
            _ => None,
        })
    }

    /// Says something.
    pub fn say(&mut self, message: &ClientMessage) {
        let bytes = self.encoding.write(message).unwrap();
        self.say_raw(match self.encoding {
            Encoding::Json => Message::Text(String::from_utf8(bytes).unwrap().into()),
            Encoding::MessagePack => Message::Binary(bytes.into()),
        });
    }

    /// Says something that need not be a message.
    pub fn say_raw(&mut self, message: Message) {
        self.socket.send(message).unwrap();
    }

    /// As [`Stream::say_raw`], where the server may have closed the connection.
    pub fn try_say_raw(&mut self, message: Message) -> bool {
        self.socket.send(message).is_ok()
    }

    /// Asks to acknowledge an alert of ward `w`.
    pub fn acknowledge(&mut self, id: u64, alert: AlertId, transition: u32) {
        let command = Command::Acknowledge { alert, transition };
        self.say(&ClientMessage::Command { id, ward: "w".parse().unwrap(), command });
    }

    /// Asks to unlock the session.
    pub fn unlock(&mut self, passphrase: &str) {
        self.say(&ClientMessage::Unlock { passphrase: passphrase.to_owned() });
    }

    /// Asks to unlock the session with the right passphrase.
    pub fn unlock_rightly(&mut self) {
        self.unlock(PASSPHRASE);
    }

    /// The next message, or how the server closed the connection.
    pub fn hear(&mut self) -> Result<ServerMessage, Closed> {
        let until = OsClock.boot() + PATIENCE;
        loop {
            let bytes = match self.socket.read() {
                Ok(Message::Text(text)) => text.into(),
                Ok(Message::Binary(bytes)) => bytes,
                Ok(Message::Close(frame)) => {
                    let frame = frame.unwrap_or_else(|| panic!("the server closes without a word"));
                    return Err(Closed { code: frame.code.into(), reason: frame.reason.to_string() });
                }
                Ok(_) => continue,
                Err(tungstenite::Error::Io(e)) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    assert!(OsClock.boot() < until, "waited in vain for a message");
                    continue;
                }
                Err(e) => panic!("the connection broke without a word: {e}"),
            };
            return Ok(self.encoding.read(&bytes).unwrap_or_else(|e| panic!("{e}: {bytes:?}")));
        }
    }

    /// Passes over messages until one gives what is looked for.
    pub fn until<T>(&mut self, what: &str, mut found: impl FnMut(&ServerMessage) -> Option<T>) -> T {
        let until = OsClock.boot() + PATIENCE;
        loop {
            let message = self.hear().unwrap_or_else(|closed| panic!("closed while waiting for {what}: {closed:?}"));
            if let Some(found) = found(&message) {
                return found;
            }
            assert!(OsClock.boot() < until, "waited in vain for {what}");
        }
    }

    /// Passes over messages until the server closes the connection.
    pub fn closed(&mut self) -> Closed {
        let until = OsClock.boot() + PATIENCE;
        loop {
            match self.hear() {
                Err(closed) => return closed,
                Ok(_) => assert!(OsClock.boot() < until, "waited in vain for the end"),
            }
        }
    }

    /// Whether the connection comes to its end, with a word or without.
    pub fn is_cut(&mut self) -> bool {
        let until = OsClock.boot() + PATIENCE;
        while OsClock.boot() < until {
            match self.socket.read() {
                Err(tungstenite::Error::Io(e)) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Ok(Message::Close(_)) | Err(_) => return true,
                Ok(_) => {}
            }
        }
        false
    }

    /// The next answer: a result, a history, an error, or a report on alerts or observations.
    pub fn answer(&mut self) -> ServerMessage {
        self.until("an answer", |m| {
            matches!(
                m,
                ServerMessage::Result { .. }
                    | ServerMessage::History { .. }
                    | ServerMessage::AlertReport { .. }
                    | ServerMessage::HandoverReport { .. }
                    | ServerMessage::Error { .. }
                    | ServerMessage::Accepted { .. }
            )
            .then(|| m.clone())
        })
    }

    /// The next entry of the journal.
    pub fn event(&mut self) -> SequencedEvent {
        self.until("an event", |m| match m {
            ServerMessage::Event { event } => Some(event.clone()),
            _ => None,
        })
    }

    /// The next newest values.
    pub fn vitals(&mut self) -> Vec<VitalsUpdate> {
        self.until("vitals", |m| match m {
            ServerMessage::Vitals { patients, .. } => Some(patients.clone()),
            _ => None,
        })
    }

    /// The next move of an alert with this code.
    pub fn alert(&mut self, code: &str) -> (SequencedEvent, wardwatch::domain::Alert, Cause) {
        self.until(code, |m| match m {
            ServerMessage::Event { event } => alert_of(&event.event, code).map(|(a, c)| (event.clone(), a, c)),
            _ => None,
        })
    }

    /// Says goodbye.
    pub fn close(mut self) {
        self.socket.close(None).unwrap();
    }
}

/// The alert with this code that an event is about.
pub fn alert_of(event: &Event, code: &str) -> Option<(wardwatch::domain::Alert, Cause)> {
    match &event.body {
        EventBody::Alert { alert, cause, .. } if alert.key.code.to_string() == code => Some((alert.clone(), *cause)),
        _ => None,
    }
}
