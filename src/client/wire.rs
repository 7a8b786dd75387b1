//! A connection to a server: plain on this machine alone, by TLS elsewhere.

use super::{
    endpoint::Endpoint,
    trust::{Look, TrustError},
};
use crate::access::CertificateFacts;
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{self, CertificateError, ClientConfig, pki_types::ServerName},
};

/// Longest time to look at what a server shows.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The server is not reached: it may be tried again.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server is not the one that is wanted, or would be spoken to in plain text: it is no use to try again.
    #[error("{0}")]
    Untrusted(String),
}

/// A connection to a server.
#[derive(Debug)]
pub enum Wire {
    /// Plain text, to this machine.
    Plain(TcpStream),
    /// TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects. Nothing is sent before it is known who is there.
///
/// # Errors
/// If the server is not reached, is not the one that is known, or would be spoken to in plain text over a network.
pub async fn connect(endpoint: &Endpoint) -> Result<Wire, ConnectError> {
    let stream = TcpStream::connect(endpoint.authority()).await?;
    drop(stream.set_nodelay(true));
    if !endpoint.is_tls() {
        // A name may stand for any address: what counts is who was reached.
        if !stream.peer_addr()?.ip().to_canonical().is_loopback() {
            return Err(ConnectError::Untrusted(format!(
                "{endpoint} is not this machine, and what is sent there in plain text could be read on the way: use \
                 https://{}, or an SSH tunnel",
                endpoint.authority()
            )));
        }
        return Ok(Wire::Plain(stream));
    }
    let Some(trust) = endpoint.trust() else {
        return Err(ConnectError::Untrusted(format!("it is not known which key {endpoint} has")));
    };
    agree(endpoint, stream, Arc::clone(&trust.config)).await.map(|stream| Wire::Tls(Box::new(stream)))
}

async fn agree(
    endpoint: &Endpoint,
    stream: TcpStream,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, ConnectError> {
    let host = endpoint.host().to_owned();
    let name = ServerName::try_from(host).map_err(|e| ConnectError::Untrusted(format!("{endpoint}: {e}")))?;
    TlsConnector::from(config).connect(name, stream).await.map_err(|e| wrong(endpoint, e))
}

/// What a failed handshake means: a certificate that is not taken will not be taken the next time either.
fn wrong(endpoint: &Endpoint, error: io::Error) -> ConnectError {
    let tls = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(other))) => {
            ConnectError::Untrusted(format!("{endpoint}: {other}"))
        }
        Some(rustls::Error::InvalidCertificate(why)) => {
            let why = rustls::Error::InvalidCertificate(why.clone());
            ConnectError::Untrusted(format!("{endpoint}: nobody who is trusted vouches for this server: {why}"))
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            ConnectError::Untrusted(format!("{endpoint}: no TLS is spoken there: http:// if it is this machine"))
        }
        _ => ConnectError::Io(error),
    }
}

/// What a server shows of itself: asked without trusting it, and without sending it anything.
///
/// # Errors
/// If it is not reached, or speaks no TLS.
pub async fn look(endpoint: &Endpoint) -> Result<CertificateFacts, ConnectError> {
    let failed = |e: TrustError| ConnectError::Untrusted(e.to_string());
    let look = Look::new().map_err(failed)?;
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the server does not answer");
    let asked = async {
        let stream = TcpStream::connect(endpoint.authority()).await?;
        agree(endpoint, stream, Arc::clone(&look.config)).await
    };
    drop(timeout(LOOK_TIMEOUT, asked).await.map_err(late)??);
    look.seen().ok_or_else(|| ConnectError::Untrusted(format!("{endpoint}: its certificate cannot be read")))
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
