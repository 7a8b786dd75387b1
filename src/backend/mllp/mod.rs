//! HL7 v2 over MLLP: listeners, connections, frames. What a message says is read in `ingest::hl7`; what becomes of it is
//! in `answer`.

mod answer;
pub mod codec;

use super::{
    app::App,
    config::{ConfigError, MllpConfig},
    rate::Bucket,
    server::ServerError,
    tls,
};
use answer::Desk;
use codec::{CR, Codec, FS, Piece, VT};
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

/// Bytes that are read at once.
const READ_BYTES: usize = 16 * 1024;
/// Longest silence within a begun frame.
const FRAME_TIMEOUT: Duration = Duration::from_secs(30);
/// A message without a frame ends when nothing has come for so long.
const BARE_QUIET: Duration = Duration::from_millis(500);
/// A connection from which nothing comes for so long is closed: its sender may be gone without a word.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Longest time that an answer may take to be taken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// So many bytes without a message, and it is somebody else who is connected.
const NOISE_MAX_BYTES: usize = 64 * 1024;
/// Longest time that two parties may take to agree on TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections of a listener that agree on TLS at once; they take no place of those that have.
const HANDSHAKES_MAX: usize = 32;
/// Pause after the system gave no connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Longest time that open connections are given when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Listens for every sender of the configuration.
///
/// # Errors
/// If an address or a file for TLS cannot be used, or a sender's tables do not fit the site's vitals.
pub async fn start(app: &Arc<App>) -> Result<Vec<JoinHandle<()>>, ServerError> {
    let mut listeners = Vec::new();
    for (name, config) in &app.config.mllp {
        let failed = |source| ServerError::Listen { listen: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let desk = Arc::new(Desk::new(app.clone(), name, config)?);
        let tls = acceptor(name, config)?;
        tracing::info!(%address, source = name, device = %config.device, tls = tls.is_some(), "listening for HL7 v2");
        listeners.push(tokio::spawn(serve(desk, config.clone(), tls, listener)));
    }
    Ok(listeners)
}

/// What agrees on TLS with who connects, if the sender is to speak it.
fn acceptor(name: &str, config: &MllpConfig) -> Result<Option<TlsAcceptor>, ServerError> {
    let Some((cert, key)) = config.tls_cert_file.as_deref().zip(config.tls_key_file.as_deref()) else {
        return Ok(None);
    };
    let wrong = |e| ConfigError::Setting { name: format!("mllp.{name}"), why: tls::whole(&e) };
    let server = tls::server(cert, key, config.client_ca_file.as_deref()).map_err(wrong)?;
    Ok(Some(TlsAcceptor::from(server)))
}

async fn serve(desk: Arc<Desk>, config: MllpConfig, tls: Option<TlsAcceptor>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(config.connections));
    // Who has shown no certificate yet takes no place of somebody who has.
    let entry = if tls.is_some() { Arc::new(Semaphore::new(HANDSHAKES_MAX)) } else { places.clone() };
    let mut connections = JoinSet::new();
    let mut stopping = desk.app.stopping.clone();
    loop {
        let accept = async {
            let place = entry.clone().acquire_owned().await.ok()?;
            Some((listener.accept().await, place))
        };
        let (accepted, place) = tokio::select! {
            biased;
            _ = async { drop(stopping.wait_for(|stop| *stop).await) } => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            Some(accepted) = accept => accepted,
        };
        match accepted {
            Ok((stream, peer)) if may_connect(&config, peer.ip()) => {
                let (desk, config) = (desk.clone(), config.clone());
                let tls = tls.clone().map(|tls| (tls, places.clone()));
                connections.spawn(async move { accepted_from(&desk, &config, tls, stream, place).await });
            }
            Ok((_, peer)) => {
                desk.app.hub.metrics().refused("hl7_peer");
                tracing::warn!(%peer, source = desk.name(), "a sender of HL7 v2 that is not among its peers was refused");
            }
            Err(e) => {
                tracing::warn!(error = %e, "no connection could be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_TIMEOUT, drained).await.is_err() {
        tracing::warn!(open = connections.len(), "connections of HL7 v2 were cut: they did not end in time");
    }
}

fn may_connect(config: &MllpConfig, peer: IpAddr) -> bool {
    let anybody = config.peers.is_empty() && (peer.is_loopback() || config.client_ca_file.is_some());
    config.peers.contains(&peer.to_canonical()) || anybody
}

/// Serves who has connected, over TLS if it is wanted: then it gets one of the places when both have agreed, and `place` is
/// free for the next.
async fn accepted_from(
    desk: &Desk,
    config: &MllpConfig,
    tls: Option<(TlsAcceptor, Arc<Semaphore>)>,
    stream: TcpStream,
    place: OwnedSemaphorePermit,
) {
    if let Err(e) = stream.set_nodelay(true) {
        tracing::debug!(error = %e, "a connection could not be set to send at once");
    }
    let Some((tls, places)) = tls else {
        connection(desk, config, stream).await;
        drop(place);
        return;
    };
    let mut stopping = desk.app.stopping.clone();
    let agreed = tokio::select! {
        biased;
        _ = async { drop(stopping.wait_for(|stop| *stop).await) } => return,
        agreed = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)) => agreed,
    };
    match agreed {
        Ok(Ok(stream)) => {
            let own = tokio::select! {
                biased;
                _ = async { drop(stopping.wait_for(|stop| *stop).await) } => return,
                own = places.acquire_owned() => own,
            };
            drop(place);
            connection(desk, config, stream).await;
            drop(own);
        }
        Ok(Err(e)) => {
            desk.app.hub.metrics().refused("hl7_tls");
            tracing::warn!(source = desk.name(), error = %e, "a sender of HL7 v2 did not agree on TLS");
        }
        Err(_) => {
            desk.app.hub.metrics().refused("hl7_tls");
            tracing::warn!(source = desk.name(), "a sender of HL7 v2 did not agree on TLS in time");
        }
    }
}

/// Serves a connection until it ends. Messages are answered one after the other, in their order.
async fn connection(desk: &Desk, config: &MllpConfig, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    messages(desk, config, &mut stream).await;
    // Over TLS the end is said, so that it is told from one that somebody else made.
    drop(tokio::time::timeout(WRITE_TIMEOUT, stream.shutdown()).await);
}

async fn messages(desk: &Desk, config: &MllpConfig, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let mut codec = Codec::new(config.message_bytes);
    let mut bucket = Bucket::new(config.messages_per_s, desk.app.clock.boot());
    let mut stopping = desk.app.stopping.clone();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let wait = match (codec.is_bare(), codec.is_framed()) {
            (true, _) => BARE_QUIET,
            (_, true) => FRAME_TIMEOUT,
            _ => IDLE_TIMEOUT,
        };
        let read = tokio::select! {
            biased;
            _ = async { drop(stopping.wait_for(|stop| *stop).await) } => return,
            read = tokio::time::timeout(wait, stream.read(&mut bytes)) => read,
        };
        let (pieces, ended) = match read {
            Ok(Ok(n)) if n > 0 => (codec.push(bytes.get(..n).unwrap_or_default()), false),
            Err(_) if codec.is_bare() => (codec.quiet().into_iter().collect(), false),
            Ok(_) | Err(_) => (codec.finish().into_iter().collect(), true),
        };
        for piece in pieces {
            if let Err(wait_s) = bucket.take(desk.app.clock.boot()) {
                tokio::time::sleep(Duration::from_secs_f64(wait_s)).await;
            }
            if take(desk, stream, piece).await.is_err() {
                return;
            }
        }
        if codec.noise() > NOISE_MAX_BYTES {
            desk.app.hub.metrics().hl7("noise");
            tracing::warn!(source = desk.name(), "a connection that sends no HL7 v2 was closed");
            return;
        }
        if ended {
            return;
        }
    }
}

/// Takes a piece and sends the answer, if there is one; an error ends the connection.
async fn take(desk: &Desk, stream: &mut (impl AsyncWrite + Unpin), piece: Piece) -> Result<(), ()> {
    let answer = match piece {
        Piece::Message(message) => desk.message(&message).await,
        Piece::TooLong(begin) => desk.too_long(&begin).await,
        Piece::Broken(begin) => {
            let detail = "the frame did not end: what is missing is not known, and its sender will send it again";
            desk.broken(&begin, detail).await;
            None
        }
        Piece::CutOff(begin) => {
            let detail = "it was cut off: without a frame a message ends with the end of a line and a silence; nothing of it is \
                          used, send it again, in a frame";
            desk.broken(&begin, detail).await;
            None
        }
        Piece::Rest(rest) => {
            let detail = "it came after the silence that ends a message without a frame, and may be what that message lacks: \
                          send messages in frames";
            desk.broken(&rest, detail).await;
            None
        }
    };
    let Some(answer) = answer else { return Ok(()) };
    let frame = [&[VT], answer.as_bytes(), &[FS, CR]].concat();
    let write = async {
        stream.write_all(&frame).await?;
        stream.flush().await
    };
    match tokio::time::timeout(WRITE_TIMEOUT, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(()),
    }
}
