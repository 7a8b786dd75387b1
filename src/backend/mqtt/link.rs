//! One connection to a broker, in either version.
//!
//! A connection is made once and never again: what it had not acknowledged is the broker's to deliver again, and an
//! acknowledgement that comes too late has no connection to go by.

use crate::{backend::config::MqttVersion, domain::text::clean};
use bytes::Bytes;
use rumqttc_v4 as v4;
use rumqttc_v5 as v5;
use std::{io, pin::Pin, sync::Arc, time::Duration};
use tokio::{net::TcpStream, sync::mpsc, task::JoinHandle};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};
use zeroize::Zeroizing;

/// Longest time for a connection to come about.
const CONNECT_TIMEOUT_S: u64 = 10;
/// Longest packet of the protocol, in bytes (MQTT 5, 2.1.4). What is longer than a source may send is read and refused:
/// were it not read, the broker would deliver it for ever.
const PACKET_MAX_BYTES: u32 = 268_435_455;
/// What is kept of a message that is too long, in bytes.
const KEPT_OF_TOO_LONG: usize = 4 * 1024;
/// Events that wait for the source.
const EVENTS_MAX: usize = 16;
/// Requests besides acknowledgements that wait for the connection: the subscription and questions to edge nodes.
const REQUESTS_MAX: usize = 64;
/// How long a connection is given to say that it ends.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How a broker is reached, and what is wanted of it.
pub(super) struct Dial {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) version: MqttVersion,
    pub(super) client_id: String,
    pub(super) login: Option<(String, Zeroizing<String>)>,
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(super) keep_alive_s: u16,
    pub(super) session_expiry_s: u32,
    pub(super) in_flight: u16,
    pub(super) message_bytes: usize,
    pub(super) filters: Vec<String>,
}

/// What comes by a connection.
#[derive(Debug)]
pub(super) enum Heard {
    /// The broker took us in; whether it kept our session.
    Connected { resumed: bool },
    /// The subscriptions hold.
    Subscribed,
    /// A message.
    Message(Published),
    /// The connection has ended, and why.
    Ended(String),
}

/// One message.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    /// Whether the payload was longer than is taken: it is cut.
    pub(super) too_long: bool,
    pub(super) retained: bool,
    /// Whether the broker may have delivered it before.
    pub(super) dup: bool,
    pub(super) ack: Ack,
}

/// The acknowledgement of a message, to be given when it is durable; none if the message wants none.
#[derive(Debug)]
pub(super) enum Ack {
    None,
    V4(v4::ManualAck),
    V5(v5::ManualAck),
}

enum Client {
    V4(v4::AsyncClient),
    V5(v5::AsyncClient),
}

/// One connection.
pub(super) struct Link {
    client: Client,
    events: mpsc::Receiver<Heard>,
    reader: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Link {
    /// Begins to connect. What comes of it is heard.
    pub(super) fn new(dial: &Arc<Dial>) -> Self {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        match dial.version {
            MqttVersion::V311 => {
                let (client, events_of) = v4::AsyncClient::builder(options_v4(dial)).capacity(requests(dial)).build();
                let reader = tokio::spawn(read_v4(client.clone(), events_of, dial.message_bytes, sender));
                Self { client: Client::V4(client), events, reader }
            }
            MqttVersion::V5 => {
                let (client, events_of) = v5::AsyncClient::builder(options_v5(dial)).capacity(requests(dial)).build();
                let reader = tokio::spawn(read_v5(client.clone(), events_of, dial.message_bytes, sender));
                Self { client: Client::V5(client), events, reader }
            }
        }
    }

    /// What comes next. Nothing is lost if it is not waited for to the end.
    pub(super) async fn next(&mut self) -> Heard {
        self.events.recv().await.unwrap_or_else(|| Heard::Ended("the connection ended".to_owned()))
    }

    /// Asks for the topics.
    pub(super) fn subscribe(&self, filters: &[String]) -> Result<(), String> {
        match &self.client {
            Client::V4(client) => {
                let filters = filters.iter().map(|f| v4::SubscribeFilter::new(f.clone(), v4::QoS::AtLeastOnce));
                client.try_subscribe_many(filters).map_err(|e| e.to_string())
            }
            Client::V5(client) => {
                let filter = |f: &String| v5::SubscribeFilter {
                    // What was retained before is told once, and not at each new connection.
                    retain_forward_rule: v5::RetainForwardRule::OnNewSubscribe,
                    ..v5::SubscribeFilter::new(f.clone(), v5::QoS::AtLeastOnce)
                };
                client.try_subscribe_many(filters.iter().map(filter)).map_err(|e| e.to_string())
            }
        }
    }

    /// Acknowledges a message.
    pub(super) fn acknowledge(&self, ack: Ack) -> Result<(), String> {
        match (&self.client, ack) {
            (Client::V4(client), Ack::V4(ack)) => client.try_manual_ack(ack).map_err(|e| e.to_string()),
            (Client::V5(client), Ack::V5(ack)) => client.try_manual_ack(ack).map_err(|e| e.to_string()),
            _ => Ok(()),
        }
    }

    /// Publishes a message that nobody acknowledges and that is not kept.
    pub(super) fn publish(&self, topic: String, payload: Vec<u8>) -> Result<(), String> {
        match &self.client {
            Client::V4(client) => {
                client.try_publish(topic, payload, v4::PublishOptions::at_most_once()).map_err(|e| e.to_string())
            }
            Client::V5(client) => {
                client.try_publish(topic, payload, v5::PublishOptions::at_most_once()).map_err(|e| e.to_string())
            }
        }
    }

    /// Ends the connection in order: the broker keeps what is not acknowledged.
    pub(super) async fn end(mut self) {
        let asked = match &self.client {
            Client::V4(client) => client.try_disconnect_now().is_ok(),
            Client::V5(client) => client.try_disconnect_now().is_ok(),
        };
        let ended = async { while !matches!(self.next().await, Heard::Ended(_)) {} };
        if !asked || tokio::time::timeout(DISCONNECT_TIMEOUT, ended).await.is_err() {
            tracing::debug!("a connection to a broker was cut");
        }
    }
}

/// Places for requests: each message in flight may be acknowledged without waiting.
fn requests(dial: &Dial) -> usize {
    usize::from(dial.in_flight) + EVENTS_MAX + REQUESTS_MAX
}

fn options_v4(dial: &Arc<Dial>) -> v4::MqttOptions {
    let broker = v4::Broker::tcp(dial.host.clone(), dial.port);
    let mut options = v4::MqttOptions::new(dial.client_id.clone(), broker);
    options.set_keep_alive(dial.keep_alive_s);
    // A client identifier is checked to be there: this cannot fail.
    if let Err(e) = options.try_set_clean_session(false) {
        tracing::error!(error = %e, "the broker will keep nothing");
    }
    options.set_ack_mode(v4::AckMode::Manual);
    let most = usize::try_from(PACKET_MAX_BYTES).unwrap_or(usize::MAX);
    options.set_max_packet_size(most, most);
    let mut network = v4::NetworkOptions::new();
    network.set_connection_timeout(CONNECT_TIMEOUT_S);
    if let Some((user, password)) = &dial.login {
        options.set_credentials(user.clone(), Bytes::copy_from_slice(password.as_bytes()));
    }
    let dial = Arc::clone(dial);
    options.set_socket_connector(move |_, _| connect(Arc::clone(&dial)));
    options
}

fn options_v5(dial: &Arc<Dial>) -> v5::MqttOptions {
    let broker = v5::Broker::tcp(dial.host.clone(), dial.port);
    let mut options = v5::MqttOptions::new(dial.client_id.clone(), broker);
    options.set_keep_alive(dial.keep_alive_s);
    options.set_clean_start(false);
    options.set_session_expiry_interval(Some(dial.session_expiry_s));
    options.set_session_store(NothingOfOurs);
    options.set_receive_maximum(Some(dial.in_flight));
    options.set_ack_mode(v5::AckMode::Manual);
    options.set_max_packet_size(Some(PACKET_MAX_BYTES));
    options.set_connect_timeout(Duration::from_secs(CONNECT_TIMEOUT_S));
    if let Some((user, password)) = &dial.login {
        options.set_credentials(user.clone(), Bytes::copy_from_slice(password.as_bytes()));
    }
    let dial = Arc::clone(dial);
    options.set_socket_connector(move |_, _| connect(Arc::clone(&dial)));
    options
}

/// Our half of a session. Nothing that we send waits for an acknowledgement, so that it is empty at each start, and the
/// broker's half is gone on with.
#[derive(Debug)]
struct NothingOfOurs;

type Stored<'a, T> = Pin<Box<dyn Future<Output = Result<T, v5::SessionStoreError>> + Send + 'a>>;

impl v5::SessionStore for NothingOfOurs {
    fn load<'a>(&'a self, key: &'a v5::SessionStoreKey) -> Stored<'a, Option<v5::PersistedSession>> {
        let session = v5::PersistedSession {
            format_version: 1,
            client_id: key.client_id().to_owned(),
            clean_start: false,
            session_expiry_interval: None,
            outgoing_inflight_upper_limit: None,
            ack_mode: v5::PersistedAckMode::Manual,
            last_pkid: 0,
            last_puback: 0,
            replay: Vec::new(),
            incoming_qos2: Vec::new(),
        };
        Box::pin(std::future::ready(Ok(Some(session))))
    }

    fn save<'a>(&'a self, _: &'a v5::SessionStoreKey, _: &'a v5::PersistedSession) -> Stored<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn clear<'a>(&'a self, _: &'a v5::SessionStoreKey) -> Stored<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A stream to the broker, with TLS if it is wanted.
async fn connect(dial: Arc<Dial>) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect((dial.host.as_str(), dial.port)).await?;
    stream.set_nodelay(true)?;
    match &dial.tls {
        None => Ok(Box::new(stream)),
        Some((config, server)) => {
            let stream = TlsConnector::from(Arc::clone(config)).connect(server.clone(), stream).await?;
            Ok(Box::new(stream))
        }
    }
}

/// What a connection is made over.
trait Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Sync + Unpin {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// The topic as text, the payload as far as it is kept, and whether it was longer.
fn content(topic: &[u8], payload: Bytes, most: usize) -> (String, Bytes, bool) {
    let topic = String::from_utf8_lossy(topic).into_owned();
    if payload.len() <= most {
        return (topic, payload, false);
    }
    // A copy, so that the whole is given back.
    (topic, Bytes::copy_from_slice(payload.get(..KEPT_OF_TOO_LONG.min(most)).unwrap_or_default()), true)
}

fn subscribed(refused: Option<String>) -> Heard {
    match refused {
        None => Heard::Subscribed,
        Some(why) => Heard::Ended(format!("the broker refuses a subscription with QoS 1: {why}")),
    }
}

async fn read_v4(client: v4::AsyncClient, mut events: v4::EventLoop, most: usize, sender: mpsc::Sender<Heard>) {
    loop {
        let heard = match events.poll().await {
            Ok(v4::Event::Incoming(v4::Packet::ConnAck(ack))) => Heard::Connected { resumed: ack.session_present },
            Ok(v4::Event::Incoming(v4::Packet::SubAck(ack))) => {
                let good = |code: &&v4::SubscribeReasonCode| {
                    !matches!(code, v4::SubscribeReasonCode::Success(v4::QoS::AtLeastOnce | v4::QoS::ExactlyOnce))
                };
                subscribed(ack.return_codes.iter().find(good).map(|code| format!("{code:?}")))
            }
            Ok(v4::Event::Incoming(v4::Packet::Publish(publish))) => {
                let ack = client.prepare_ack(&publish).map_or(Ack::None, Ack::V4);
                let (topic, payload, too_long) = content(&publish.topic, publish.payload, most);
                let (retained, dup) = (publish.retain, publish.dup);
                Heard::Message(Published { topic, payload, too_long, retained, dup, ack })
            }
            Ok(_) => continue,
            Err(e) => Heard::Ended(clean(&e.to_string())),
        };
        let ended = matches!(heard, Heard::Ended(_));
        if sender.send(heard).await.is_err() || ended {
            return;
        }
    }
}

async fn read_v5(client: v5::AsyncClient, mut events: v5::EventLoop, most: usize, sender: mpsc::Sender<Heard>) {
    loop {
        let heard = match events.poll().await {
            Ok(v5::Event::Incoming(v5::Packet::ConnAck(ack))) => Heard::Connected { resumed: ack.session_present },
            Ok(v5::Event::Incoming(v5::Packet::SubAck(ack))) => {
                let good = |code: &&v5::SubscribeReasonCode| {
                    !matches!(code, v5::SubscribeReasonCode::Success(v5::QoS::AtLeastOnce | v5::QoS::ExactlyOnce))
                };
                subscribed(ack.return_codes.iter().find(good).map(|code| format!("{code:?}")))
            }
            Ok(v5::Event::Incoming(v5::Packet::Publish(publish))) => {
                let ack = client.prepare_ack(&publish).map_or(Ack::None, Ack::V5);
                let (topic, payload, too_long) = content(&publish.topic, publish.payload, most);
                let (retained, dup) = (publish.retain, publish.dup);
                Heard::Message(Published { topic, payload, too_long, retained, dup, ack })
            }
            Ok(_) => continue,
            Err(e) => Heard::Ended(clean(&e.to_string())),
        };
        let ended = matches!(heard, Heard::Ended(_));
        if sender.send(heard).await.is_err() || ended {
            return;
        }
    }
}
