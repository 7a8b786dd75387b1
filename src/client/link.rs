//! The link to a server: connect, subscribe, hear, come back after a cut.

use super::{
    delay::Delays,
    endpoint::Endpoint,
    event::{ClientEvent, ClientRequest, Hello},
    token_file::read_token_file,
    trail::{Follower, Offer, TrailMemory, TrailStanding},
    wire::{ConnectError, Wire, connect},
};
use crate::{
    access::{Secret, TokenKind},
    domain::{EmergencyReason, Mode, PatientId, Remark, Role, Ward, WardId, text::clean},
    protocol::{ClientMessage, CloseCode, Encoding, PROTOCOL_VERSION, ServerMessage},
    rights::{Decision, Object, Principal, Relation, Standing, Verb, decide},
    seam::Entropy,
};
use futures_util::{SinkExt, StreamExt};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, StatusCode, header},
        protocol::WebSocketConfig,
    },
};

/// Most events that wait for the user of the link; then the link waits for its user.
pub const LINK_QUEUE_CAPACITY: usize = 1_024;
/// A link that has been silent for so long is cut and made anew, in milliseconds. The server speaks each second.
pub const LINK_SILENT_MS: u64 = 10_000;
/// Longest time for a connection, in milliseconds.
const CONNECT_TIMEOUT_MS: u64 = 5_000;
/// Longest message that is taken from a server, in bytes: a snapshot of a large ward.
const SERVER_MESSAGE_MAX_BYTES: usize = 64 * 1024 * 1024;
/// The server's audit trail is looked at again after so long, in milliseconds.
const TRAIL_INTERVAL_MS: u64 = 60_000;
/// The id of the link's own requests; whoever uses the link counts from 1.
const OWN_ID: u64 = 0;
/// What is said to somebody who watches with the token of a device or gateway.
const DEVICE_TOKEN: &str = "this is a device's token: sign in with `wardwatch login`";

/// A patient of a ward that is not one's own, who is opened in an emergency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emergency {
    /// Who.
    pub patient: PatientId,
    /// Why.
    pub reason: EmergencyReason,
    /// Why, in words; at least [`crate::domain::BREAK_GLASS_WORDS_MIN_CHARS`] characters.
    pub words: Remark,
}

/// What a link is made with.
#[derive(Debug, Clone)]
pub struct LinkOptions {
    /// The server.
    pub endpoint: Endpoint,
    /// The session's token.
    pub token: Secret,
    /// The file that it came from: it is read again before each further connection, for a proof gives another token.
    pub token_file: Option<PathBuf>,
    /// The ward; the server's first if absent.
    pub ward: Option<WardId>,
    /// Only these patients; all if absent.
    pub patients: Option<Vec<PatientId>>,
    /// How messages are written.
    pub encoding: Encoding,
    /// Where the last checkpoint of the server's audit trail is remembered.
    pub memory: TrailMemory,
    /// Open this patient of `ward` first, and watch nobody else.
    pub emergency: Option<Emergency>,
    /// Whether the link stands without a ward, if the role watches none: an auditor reads the trail.
    pub without_ward: bool,
}

type Socket = WebSocketStream<Wire>;

/// Why a connection has ended.
enum Cut {
    /// It may be tried again.
    Lost(String),
    /// It is no use to try again.
    Refused(String),
    /// Nobody listens any more.
    Unwanted,
}

/// How far the journal of the watched ward was heard.
#[derive(Debug, Default)]
struct Heard {
    ward: Option<WardId>,
    last: Option<u64>,
    snapshot: u64,
}

struct Link {
    options: LinkOptions,
    events: mpsc::Sender<ClientEvent>,
    requests: mpsc::Receiver<ClientRequest>,
    heard: Heard,
    delays: Delays,
    /// Follows the server's audit trail, once it is known whether it is live.
    trail: Option<Follower>,
    /// Whether the emergency was opened. It is not opened again by itself: it has an end.
    opened: bool,
    /// Who was signed in first, by login name.
    person: Option<String>,
}

/// Whether there is something to see for somebody of this role who watches no ward: the audit trail.
fn has_place_without_ward(role: Role) -> bool {
    let principal = Principal::of_role(role, Standing::FULL);
    let may = |verb, object| decide(&principal, verb, object) == Decision::Allow;
    may(Verb::ReadAudit, Object::Site) && !may(Verb::WatchWard, Object::Ward(Relation::Ward))
}

/// Starts a link. It ends when the receiver is dropped or the server refuses it.
#[must_use]
pub fn start(
    options: LinkOptions,
    entropy: Arc<dyn Entropy>,
) -> (mpsc::Sender<ClientRequest>, mpsc::Receiver<ClientEvent>) {
    let (events, inbox) = mpsc::channel(LINK_QUEUE_CAPACITY);
    let (outbox, requests) = mpsc::channel(LINK_QUEUE_CAPACITY);
    let (heard, delays) = (Heard::default(), Delays::new(entropy));
    let link = Link { options, events, requests, heard, delays, trail: None, opened: false, person: None };
    tokio::spawn(link.run());
    (outbox, inbox)
}

impl Link {
    async fn run(mut self) {
        loop {
            let connecting = ClientEvent::Connecting { attempt: self.delays.attempt() };
            if self.events.send(connecting).await.is_err() {
                return;
            }
            let why = match self.once().await {
                Cut::Unwanted => return,
                // Somebody proved a factor at this moment, and the file has the new token by now.
                Cut::Refused(_) if self.renew_token().await => continue,
                Cut::Refused(why) => {
                    drop(self.events.send(ClientEvent::Refused { why }).await);
                    return;
                }
                Cut::Lost(why) => why,
            };
            let retry_in_ms = self.delays.failed();
            let lost = ClientEvent::Disconnected { why, retry_in_ms, attempt: self.delays.attempt() };
            if self.events.send(lost).await.is_err() {
                return;
            }
            self.wait(retry_in_ms).await;
            self.renew_token().await;
        }
    }

    /// Takes the token that its file has now; says whether it is another one. What cannot be read changes nothing.
    async fn renew_token(&mut self) -> bool {
        let Some(path) = self.options.token_file.clone() else { return false };
        // A pipe has been read to its end, and would wait for whoever writes into it.
        let read = move || path.is_file().then(|| read_token_file(&path));
        let Ok(Some(Ok(token))) = tokio::task::spawn_blocking(read).await else { return false };
        let is_new = token.expose() != self.options.token.expose();
        self.options.token = token;
        is_new
    }

    /// What was shown was shown to one person: the token of another one, who may see and do other things, goes on with
    /// nothing of it.
    fn same_person(&mut self, user: &str) -> Result<(), Cut> {
        match &self.person {
            Some(before) if before != user => Err(Cut::Refused(format!(
                "the token file names {} now, and no longer {}: start again, or sign in",
                clean(user),
                clean(before)
            ))),
            _ => {
                self.person = Some(user.to_owned());
                Ok(())
            }
        }
    }

    /// Waits before the next try. What is asked for meanwhile cannot be done: it is dropped, the asker sees no link.
    async fn wait(&mut self, ms: u64) {
        let drain = async { while self.requests.recv().await.is_some() {} };
        if timeout(Duration::from_millis(ms), drain).await.is_ok() {
            // Nobody asks any more; the rest of the wait is still due.
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }

    /// One connection from its beginning to its end.
    async fn once(&mut self) -> Cut {
        let (mut socket, hello) = match self.connect().await {
            Ok(connected) => connected,
            Err(cut) => return cut,
        };
        if let Err(cut) = self.same_person(&hello.session.user) {
            return cut;
        }
        let Some(ward) = self.choose_ward(&hello.wards) else {
            if self.options.without_ward && has_place_without_ward(hello.session.role) {
                return self.without_ward(socket, hello).await;
            }
            return match &self.options.ward {
                Some(ward) => Cut::Lost(format!(
                    "ward {ward} is none that you may watch; in an emergency --emergency opens a patient of another ward"
                )),
                None => Cut::Lost("the server has no ward that you may watch".to_owned()),
            };
        };
        if self.heard.ward.as_ref() != Some(&ward) {
            self.heard = Heard { ward: Some(ward.clone()), ..Heard::default() };
        }
        self.follow_trail(hello.mode);
        if self.events.send(ClientEvent::Connected(hello)).await.is_err() {
            return Cut::Unwanted;
        }
        if let Err(cut) = self.open_patient(&mut socket, &ward).await {
            return cut;
        }
        let opened = self.options.emergency.as_ref().map(|emergency| vec![emergency.patient.clone()]);
        let patients = opened.or_else(|| self.options.patients.clone());
        let subscribe = ClientMessage::Subscribe { ward, patients, after: self.heard.last };
        if let Err(cut) = self.say(&mut socket, &subscribe).await {
            return cut;
        }
        self.listen(&mut socket).await
    }

    /// A connection of somebody who watches no ward.
    async fn without_ward(&mut self, mut socket: Socket, hello: Hello) -> Cut {
        self.delays.succeeded();
        self.follow_trail(hello.mode);
        if self.events.send(ClientEvent::Connected(hello)).await.is_err() {
            return Cut::Unwanted;
        }
        self.listen(&mut socket).await
    }

    fn follow_trail(&mut self, mode: Mode) {
        let (memory, server) = (&self.options.memory, self.options.endpoint.authority());
        self.trail.get_or_insert_with(|| Follower::new(memory, server, mode));
    }

    /// Opens the patient of an emergency, once.
    async fn open_patient(&mut self, socket: &mut Socket, ward: &WardId) -> Result<(), Cut> {
        let Some(Emergency { patient, reason, words }) = self.options.emergency.clone().filter(|_| !self.opened) else {
            return Ok(());
        };
        let open = ClientMessage::OpenPatient { id: OWN_ID, ward: ward.clone(), patient, reason, words };
        self.say(socket, &open).await?;
        let limit = Duration::from_millis(CONNECT_TIMEOUT_MS);
        loop {
            let heard = timeout(limit, socket.next()).await;
            let heard = heard.map_err(|_| Cut::Lost("the server does not answer".to_owned()))?;
            match self.read(heard)? {
                Some(ServerMessage::Result { id: OWN_ID, done: true, .. }) => {
                    self.opened = true;
                    return Ok(());
                }
                Some(ServerMessage::Error { detail, .. }) => return Err(Cut::Refused(detail)),
                _ => {}
            }
        }
    }

    fn choose_ward(&self, wards: &[Ward]) -> Option<WardId> {
        // In an emergency the ward is none of one's own, and the server tells of those alone.
        if self.options.emergency.is_some() {
            return self.options.ward.clone();
        }
        let chosen = match &self.options.ward {
            Some(wanted) => wards.iter().find(|w| w.id == *wanted),
            None => wards.first(),
        };
        chosen.map(|w| w.id.clone())
    }

    async fn connect(&self) -> Result<(Socket, Hello), Cut> {
        // The server would speak of subprotocols that devices know: that helps nobody here.
        if matches!(TokenKind::of(self.options.token.expose()), Some((TokenKind::Device, _))) {
            return Err(Cut::Refused(DEVICE_TOKEN.to_owned()));
        }
        let limit = Duration::from_millis(CONNECT_TIMEOUT_MS);
        let late = || Cut::Lost("the server does not answer".to_owned());
        let mut socket = timeout(limit, self.open()).await.map_err(|_| late())??;
        let client = format!("wardwatch {}", env!("CARGO_PKG_VERSION"));
        self.say(&mut socket, &ClientMessage::Hello { protocol: PROTOCOL_VERSION, client }).await?;
        loop {
            let heard = timeout(limit, socket.next()).await.map_err(|_| late())?;
            match self.read(heard)? {
                Some(ServerMessage::Hello { server, mode, now, session: Some(session), wards, .. }) => {
                    return Ok((socket, Hello { server, mode, now, session, wards }));
                }
                Some(ServerMessage::Error { detail, .. }) => return Err(Cut::Refused(detail)),
                Some(ServerMessage::Hello { .. }) => {
                    return Err(Cut::Refused(DEVICE_TOKEN.to_owned()));
                }
                _ => {}
            }
        }
    }

    async fn open(&self) -> Result<Socket, Cut> {
        let endpoint = &self.options.endpoint;
        let stream = connect(endpoint).await.map_err(|e| match e {
            ConnectError::Io(e) => Cut::Lost(plain(&e)),
            ConnectError::Untrusted(why) => Cut::Refused(why),
        })?;
        let refused = |e: &dyn std::fmt::Display| Cut::Refused(e.to_string());
        let uri = format!("ws://{}/v1/stream", endpoint.authority());
        let mut request = uri.into_client_request().map_err(|e| refused(&e))?;
        let bearer = format!("Bearer {}", self.options.token.expose());
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| refused(&"the token is no token"))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let protocol = HeaderValue::from_static(self.options.encoding.subprotocol());
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        let config = WebSocketConfig::default()
            .max_message_size(Some(SERVER_MESSAGE_MAX_BYTES))
            .max_frame_size(Some(SERVER_MESSAGE_MAX_BYTES));
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => Err(refusal(&response)),
            Err(e) => Err(Cut::Lost(e.to_string())),
        }
    }

    async fn say(&self, socket: &mut Socket, message: &ClientMessage) -> Result<(), Cut> {
        let lost = |e: &dyn std::fmt::Display| Cut::Lost(e.to_string());
        let bytes = self.options.encoding.write(message).map_err(|e| lost(&e))?;
        let framed = match self.options.encoding {
            Encoding::MessagePack => Message::Binary(bytes.into()),
            Encoding::Json => Message::Text(String::from_utf8(bytes).map_err(|e| lost(&e))?.into()),
        };
        let limit = Duration::from_millis(CONNECT_TIMEOUT_MS);
        match timeout(limit, socket.send(framed)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => Err(lost(&e)),
            Err(_) => Err(Cut::Lost("the server takes nothing".to_owned())),
        }
    }

    /// What was heard: a message, nothing of interest, or the end.
    fn read(&self, heard: Option<Result<Message, tungstenite::Error>>) -> Result<Option<ServerMessage>, Cut> {
        let bytes = match heard {
            None => return Err(Cut::Lost("the server closed the connection".to_owned())),
            Some(Err(e)) => return Err(Cut::Lost(e.to_string())),
            Some(Ok(Message::Close(frame))) => return Err(goodbye(frame)),
            Some(Ok(Message::Text(text))) => text.into(),
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(_)) => return Ok(None),
        };
        match self.options.encoding.read(&bytes) {
            Ok(message) => Ok(Some(message)),
            Err(e) => Err(Cut::Lost(format!("the server is not understood: {e}"))),
        }
    }

    async fn listen(&mut self, socket: &mut Socket) -> Cut {
        let mut look = tokio::time::interval(Duration::from_millis(TRAIL_INTERVAL_MS));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let silent = Duration::from_millis(LINK_SILENT_MS);
            let done = tokio::select! {
                heard = timeout(silent, socket.next()) => match heard {
                    Err(_) => Err(Cut::Lost(format!("the server has been silent for {} s", LINK_SILENT_MS / 1000))),
                    Ok(heard) => match self.read(heard) {
                        Err(cut) => Err(cut),
                        Ok(None) => Ok(()),
                        Ok(Some(message)) => self.tell(message).await,
                    },
                },
                request = self.requests.recv() => match request {
                    None => Err(Cut::Unwanted),
                    Some(request) => self.ask(socket, request).await,
                },
                _ = look.tick() => self.look_at_trail(socket).await,
            };
            if let Err(cut) = done {
                return cut;
            }
        }
    }

    /// Demands the proof that the server's audit trail has grown from what was seen of it.
    async fn look_at_trail(&mut self, socket: &mut Socket) -> Result<(), Cut> {
        let Some(trail) = &mut self.trail else { return Ok(()) };
        match trail.next() {
            Ok(old) => self.say(socket, &ClientMessage::AuditCheckpoint { id: OWN_ID, old }).await,
            Err(standing) => self.tell_trail(standing).await,
        }
    }

    async fn trail_shown(&mut self, offer: &Offer) -> Result<(), Cut> {
        let Some(trail) = &mut self.trail else { return Ok(()) };
        let standing = trail.take(offer);
        self.tell_trail(standing).await
    }

    async fn tell_trail(&self, standing: TrailStanding) -> Result<(), Cut> {
        self.events.send(ClientEvent::Trail(standing)).await.map_err(|_| Cut::Unwanted)
    }

    async fn ask(&self, socket: &mut Socket, request: ClientRequest) -> Result<(), Cut> {
        let request = match request {
            ClientRequest::AuditLog { id, query } => {
                return self.say(socket, &ClientMessage::AuditLog { id, query }).await;
            }
            ClientRequest::Activity => return self.say(socket, &ClientMessage::Activity).await,
            ClientRequest::Unlock { passphrase } => {
                let passphrase = passphrase.expose().to_owned();
                return self.say(socket, &ClientMessage::Unlock { passphrase }).await;
            }
            request => request,
        };
        let Some(ward) = self.heard.ward.clone() else { return Ok(()) };
        let message = match request {
            ClientRequest::Command { id, command } => ClientMessage::Command { id, ward, command },
            ClientRequest::Query { id, query } => ClientMessage::Query { id, query },
            ClientRequest::AlertReport { id, from, to } => ClientMessage::AlertReport { id, ward, from, to },
            ClientRequest::HandoverReport { id, patients } => ClientMessage::HandoverReport { id, ward, patients },
            ClientRequest::Devices { id } => ClientMessage::Devices { id, ward },
            ClientRequest::Ops { id } => ClientMessage::Ops { id },
            ClientRequest::Letters { id, query } => ClientMessage::Letters { id, query },
            ClientRequest::RetryLetter { id, no } => ClientMessage::RetryLetter { id, no },
            ClientRequest::DropLetter { id, no, reason } => ClientMessage::DropLetter { id, no, reason },
            ClientRequest::AuditLog { .. } | ClientRequest::Activity | ClientRequest::Unlock { .. } => return Ok(()),
        };
        self.say(socket, &message).await
    }

    async fn tell(&mut self, message: ServerMessage) -> Result<(), Cut> {
        let event = match message {
            ServerMessage::Snapshot { seq, now, view } => {
                self.delays.succeeded();
                self.heard.begin(seq);
                ClientEvent::Snapshot { seq, now, view: Box::new(view) }
            }
            ServerMessage::Event { event } => {
                let Some(skipped) = self.heard.advance(event.seq, event.seq)? else { return Ok(()) };
                self.tell_skipped(skipped).await?;
                ClientEvent::Event(event)
            }
            ServerMessage::Skipped { from, to, .. } => {
                let Some(skipped) = self.heard.advance(from, to)? else { return Ok(()) };
                self.tell_skipped(skipped).await?;
                ClientEvent::Skipped { from, to }
            }
            ServerMessage::Vitals { patients, .. } => ClientEvent::Vitals(patients),
            ServerMessage::Unrecorded { event, .. } => ClientEvent::Unrecorded(event),
            ServerMessage::Heartbeat { now, heads, store, audit } => {
                let own = heads.iter().find(|h| Some(&h.ward) == self.heard.ward.as_ref());
                ClientEvent::Heartbeat { now, head: own.map_or(0, |h| h.seq), store, audit }
            }
            ServerMessage::Result { id, done, refusal, .. } => ClientEvent::Result { id, done, refusal },
            ServerMessage::History { id, history } => ClientEvent::History { id, history },
            ServerMessage::AlertReport { id, report } => ClientEvent::AlertReport { id, report },
            ServerMessage::HandoverReport { id, report } => ClientEvent::HandoverReport { id, report },
            ServerMessage::Devices { id, list } => ClientEvent::Devices { id, list },
            ServerMessage::Ops { id, report } => ClientEvent::Ops { id, report },
            ServerMessage::Letters { id, letters, more } => ClientEvent::Letters { id, letters, more },
            ServerMessage::AuditLog { id, page } => ClientEvent::AuditLog { id, page },
            ServerMessage::Accepted { id, report } => ClientEvent::Retried { id, report },
            ServerMessage::Session { session } => ClientEvent::Session(session),
            ServerMessage::AuditCheckpoint { key, old, proof, checkpoint, .. } => {
                return self.trail_shown(&Offer { key, old, proof, note: checkpoint }).await;
            }
            ServerMessage::Error { detail, id: Some(OWN_ID), .. } => {
                ClientEvent::Trail(TrailStanding::NotWitnessed { why: detail })
            }
            ServerMessage::Error { code, detail, id } => ClientEvent::Error { code, detail, id },
            ServerMessage::Hello { .. } => return Ok(()),
        };
        self.events.send(event).await.map_err(|_| Cut::Unwanted)
    }

    async fn tell_skipped(&self, skipped: Option<(u64, u64)>) -> Result<(), Cut> {
        match skipped {
            None => Ok(()),
            Some((from, to)) => self.events.send(ClientEvent::Skipped { from, to }).await.map_err(|_| Cut::Unwanted),
        }
    }
}

impl Heard {
    /// Takes in a snapshot at `seq`. A journal that ends before what was heard was set back (restored from a backup): it is
    /// heard from the snapshot on.
    fn begin(&mut self, seq: u64) {
        self.snapshot = seq;
        self.last = Some(self.last.map_or(seq, |last| last.min(seq)));
    }

    /// Takes in that the events `from` to `to` came. `None` if they came before; else what the snapshot stands for
    /// because the journal was too far ahead.
    fn advance(&mut self, from: u64, to: u64) -> Result<Option<Option<(u64, u64)>>, Cut> {
        let last = self.last.unwrap_or(self.snapshot);
        if to <= last {
            return Ok(None);
        }
        let skipped = if from == last + 1 {
            None
        } else if from == self.snapshot + 1 {
            Some((last + 1, self.snapshot))
        } else {
            return Err(Cut::Lost(format!("events {} to {} are missing", last + 1, from - 1)));
        };
        self.last = Some(to);
        Ok(Some(skipped))
    }
}

/// A failed connection in few words.
fn plain(e: &std::io::Error) -> String {
    match e.kind() {
        std::io::ErrorKind::ConnectionRefused => "no server is there".to_owned(),
        _ => e.to_string(),
    }
}

/// What a server means that answers the request for a websocket with anything else.
fn refusal(response: &tungstenite::http::Response<Option<Vec<u8>>>) -> Cut {
    let body = response.body().as_deref().unwrap_or_default();
    let problem: Option<crate::protocol::problem::Problem> = serde_json::from_slice(body).ok();
    let detail = problem.map_or_else(|| response.status().to_string(), |p| p.detail);
    match response.status() {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Cut::Lost(detail),
        _ => Cut::Refused(detail),
    }
}

fn goodbye(frame: Option<tungstenite::protocol::CloseFrame>) -> Cut {
    let Some(frame) = frame else { return Cut::Lost("the server closed the connection".to_owned()) };
    let code = u16::from(frame.code);
    let why = if frame.reason.is_empty() { format!("closed with code {code}") } else { frame.reason.to_string() };
    let for_good = [CloseCode::SessionEnded, CloseCode::IncompatibleVersion, CloseCode::Policy];
    if for_good.iter().any(|c| c.number() == code) { Cut::Refused(why) } else { Cut::Lost(why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Others are told that they may watch no ward.
    #[test]
    fn auditors_alone_have_a_screen_without_a_ward() {
        let has: Vec<Role> = Role::ALL.iter().copied().filter(|role| has_place_without_ward(*role)).collect();
        assert_eq!(has, [Role::Auditor]);
    }

    #[test]
    fn events_advance_without_a_gap() {
        let mut heard = Heard { ward: None, last: Some(5), snapshot: 9 };
        let next = |heard: &mut Heard, from, to| heard.advance(from, to).ok();
        assert_eq!(next(&mut heard, 5, 5), Some(None), "came before");
        assert_eq!(next(&mut heard, 6, 6), Some(Some(None)));
        assert_eq!(next(&mut heard, 7, 8), Some(Some(None)));
        assert_eq!(next(&mut heard, 10, 10), Some(Some(Some((9, 9)))), "the snapshot stands for 9");
        assert_eq!(next(&mut heard, 12, 12), None, "11 is missing: the link is made anew");
        assert_eq!(heard.last, Some(10));
        heard.begin(4);
        assert_eq!(next(&mut heard, 5, 5), Some(Some(None)), "the journal was set back");
    }
}
