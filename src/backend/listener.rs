//! Taking connections: so many at once, each with bounds on the time and size of its headers.

use super::{app::App, http::router};
use crate::{access::source_of, protocol::problem::Problem};
use axum::Router;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Longest time for the headers of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of the headers of a request.
const HEADER_MAX_BYTES: usize = 32 * 1024;
/// Most headers of a request.
const HEADERS_MAX: usize = 64;
/// Longest time that open connections are given when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time that two parties may take to agree on TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// So much is read of a request in plain text where TLS is spoken, before it is answered.
const PLAIN_REQUEST_MAX_BYTES: usize = 8 * 1024;
/// Pause after the system gave no connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The address at the other end of a request's connection. No header has a say in it.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Serves connections until the server stops; then lets requests finish. With `tls`, who connects has to agree on it first.
pub async fn serve(app: Arc<App>, listener: TcpListener, tls: Option<TlsAcceptor>) {
    let places = Arc::new(Semaphore::new(app.config.limits.connections));
    let addresses = Addresses::new(app.config.limits.connections_per_address);
    let routes = router(app.clone());
    let mut connections = JoinSet::new();
    let mut stopping = app.stopping.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = async { drop(stopping.wait_for(|stop| *stop).await) } => break,
            // Reap what has ended, so that the set does not grow.
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        if let Some((stream, peer, place)) = accepted {
            let Some(own) = addresses.enter(peer.0) else {
                app.hub.metrics().refused("address");
                continue;
            };
            let (routes, app, tls) = (routes.clone(), app.clone(), tls.clone());
            connections.spawn(async move {
                welcome(&app, stream, peer, routes, tls).await;
                drop((place, own));
            });
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_TIMEOUT, drained).await.is_err() {
        tracing::warn!(open = connections.len(), "connections were cut: they did not end in time");
    }
}

/// How many connections each address has: one that takes all keeps the others out.
#[derive(Debug, Clone)]
struct Addresses {
    most: usize,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Addresses {
    fn new(most: usize) -> Self {
        Self { most, open: Arc::default() }
    }

    /// A place for one more of an address, given back when dropped; `None` if it has as many as it may. This machine itself
    /// is not counted: its connections are those of tunnels and gateways for many.
    fn enter(&self, address: IpAddr) -> Option<AddressPlace> {
        if address.to_canonical().is_loopback() {
            return Some(AddressPlace { addresses: self.clone(), address });
        }
        let address = source_of(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(AddressPlace { addresses: self.clone(), address })
    }
}

/// One connection of an address.
#[derive(Debug)]
struct AddressPlace {
    addresses: Addresses,
    address: IpAddr,
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut open = self.addresses.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, Peer, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => Some((stream, Peer(address.ip()), place)),
        Err(e) => {
            tracing::warn!(error = %e, "no connection could be taken");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// Serves who has connected, over TLS if it is wanted.
async fn welcome(app: &App, stream: TcpStream, peer: Peer, routes: Router, tls: Option<TlsAcceptor>) {
    if let Err(e) = stream.set_nodelay(true) {
        tracing::debug!(error = %e, "a connection could not be set to send at once");
    }
    let Some(tls) = tls else { return connection(app, stream, peer, routes).await };
    let mut stopping = app.stopping.clone();
    let agreed = tokio::select! {
        biased;
        _ = async { drop(stopping.wait_for(|stop| *stop).await) } => return,
        agreed = tokio::time::timeout(HANDSHAKE_TIMEOUT, agree(tls, stream)) => agreed,
    };
    match agreed {
        Ok(Ok(stream)) => connection(app, stream, peer, routes).await,
        Ok(Err(e)) => {
            app.hub.metrics().refused("tls");
            tracing::debug!(peer = %peer.0, error = %e, "somebody did not agree on TLS");
        }
        Err(_) => app.hub.metrics().refused("tls"),
    }
}

/// Agrees on TLS. Whoever speaks HTTP in plain text is told in plain text what is wanted here; that says nothing of anybody.
async fn agree(tls: TlsAcceptor, mut stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first.iter().all(u8::is_ascii_uppercase) {
        // What was sent is taken first: else the answer may be lost with it.
        let mut request = [0; PLAIN_REQUEST_MAX_BYTES];
        let _taken = stream.read(&mut request).await?;
        stream.write_all(wants_tls().as_bytes()).await?;
        stream.shutdown().await?;
        return Err(std::io::Error::other("it spoke HTTP in plain text"));
    }
    tls.accept(stream).await
}

/// The answer to a request in plain text where TLS is spoken.
fn wants_tls() -> String {
    let detail = "this server speaks TLS: use https:// (wss:// for a websocket) in the place of http://";
    let problem = Problem::new(400, "tls-wanted", "TLS is wanted", detail);
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nConnection: close\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
}

async fn connection<S>(app: &App, stream: S, peer: Peer, routes: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer);
        hyper::service::Service::call(&routes, request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_MAX_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(served);
    let mut stopping = app.stopping.clone();
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = async { drop(stopping.wait_for(|stop| *stop).await) } => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(e) = ended {
        tracing::debug!(error = %e, "a connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_takes_its_share_and_gives_it_back() {
        let addresses = Addresses::new(2);
        let enter = |text: &str| addresses.enter(text.parse().unwrap());
        let first = enter("192.0.2.1");
        let second = enter("::ffff:192.0.2.1");
        assert!(first.is_some() && second.is_some());
        assert!(enter("192.0.2.1").is_none());
        assert!(enter("192.0.2.2").is_some(), "another address");
        let of_a_net = [enter("2001:db8::1"), enter("2001:db8::2"), enter("2001:db8::3")];
        assert!(of_a_net[1].is_some() && of_a_net[2].is_none(), "a /64 is one");
        drop(first);
        assert!(enter("192.0.2.1").is_some());
        let own: Vec<_> = (0..9).map(|_| enter("127.0.0.1")).collect();
        assert!(own.iter().all(Option::is_some), "this machine is not counted");
        drop((second, of_a_net, own));
        assert!(addresses.open.lock().unwrap().is_empty());
    }
}
