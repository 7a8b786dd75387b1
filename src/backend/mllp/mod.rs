//! HL7 v2 over MLLP: listeners, connections, frames. What a message says is read in `ingest::hl7`; what becomes of it is
//! in `answer`.

mod answer;
pub mod codec;

use super::{app::App, config::MllpConfig, rate::Bucket, server::ServerError};
use answer::Desk;
use codec::{CR, Codec, FS, Piece, VT};
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::{JoinHandle, JoinSet},
};

/// Bytes that are read at once.
const READ_BYTES: usize = 16 * 1024;
/// Longest silence within a begun frame.
const FRAME_TIMEOUT: Duration = Duration::from_secs(30);
/// A message without a frame is whole when nothing has come for so long.
const BARE_QUIET: Duration = Duration::from_millis(500);
/// A connection from which nothing comes for so long is closed: its sender may be gone without a word.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Longest time that an answer may take to be taken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// So many bytes without a message, and it is somebody else who is connected.
const NOISE_MAX_BYTES: usize = 64 * 1024;
/// Pause after the system gave no connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Longest time that open connections are given when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Listens for every sender of the configuration.
///
/// # Errors
/// If an address cannot be used, or a sender's tables do not fit the site's vitals.
pub async fn start(app: &Arc<App>) -> Result<Vec<JoinHandle<()>>, ServerError> {
    let mut listeners = Vec::new();
    for (name, config) in &app.config.mllp {
        let failed = |source| ServerError::Listen { listen: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let desk = Arc::new(Desk::new(app.clone(), name, config)?);
        tracing::info!(%address, source = name, device = %config.device, "listening for HL7 v2");
        listeners.push(tokio::spawn(serve(desk, config.clone(), listener)));
    }
    Ok(listeners)
}

async fn serve(desk: Arc<Desk>, config: MllpConfig, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(config.connections));
    let mut connections = JoinSet::new();
    let mut stopping = desk.app.stopping.clone();
    loop {
        let accept = async {
            let place = places.clone().acquire_owned().await.ok()?;
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
                connections.spawn(async move {
                    connection(&desk, &config, stream).await;
                    drop(place);
                });
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
    config.peers.contains(&peer.to_canonical()) || (config.peers.is_empty() && peer.is_loopback())
}

/// Serves a connection until it ends. Messages are answered one after the other, in their order.
async fn connection(desk: &Desk, config: &MllpConfig, mut stream: TcpStream) {
    if let Err(e) = stream.set_nodelay(true) {
        tracing::debug!(error = %e, "a connection could not be set to send at once");
    }
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
            if take(desk, &mut stream, piece).await.is_err() {
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
async fn take(desk: &Desk, stream: &mut TcpStream, piece: Piece) -> Result<(), ()> {
    let answer = match piece {
        Piece::Message(message) => desk.message(&message).await,
        Piece::TooLong(begin) => desk.too_long(&begin).await,
        Piece::Broken(begin) => {
            desk.broken(&begin).await;
            None
        }
    };
    let Some(answer) = answer else { return Ok(()) };
    let frame = [&[VT], answer.as_bytes(), &[FS, CR]].concat();
    match tokio::time::timeout(WRITE_TIMEOUT, stream.write_all(&frame)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(()),
    }
}
