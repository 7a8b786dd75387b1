//! The connection to the receiver.

use crate::backend::config::SyslogConfig;
use std::{fmt::Display, future::Future, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

/// Longest wait for a connection, for a batch to be taken, and for the receiver to confirm.
const LINK_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes that are read of a receiver, which has nothing to say.
const HEARD_MAX_BYTES: u64 = 64 * 1024;

/// Where the receiver is, and how it is known.
pub(super) struct Link {
    address: String,
    host: String,
    tls: Option<Arc<ClientConfig>>,
}

/// A connection.
pub(super) struct Wire {
    address: String,
    stream: Box<dyn Duplex>,
}

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

async fn in_time<T, E: Display>(what: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match timeout(LINK_TIMEOUT, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(e)) => Err(format!("{what}: {e}")),
        Err(_) => Err(format!("{what} within {} s", LINK_TIMEOUT.as_secs())),
    }
}

impl Link {
    pub(super) fn new(config: &SyslogConfig, tls: Option<Arc<ClientConfig>>) -> Self {
        Self { address: config.address.clone(), host: config.host().to_owned(), tls }
    }

    /// Connects.
    pub(super) async fn connect(&self) -> Result<Wire, String> {
        let address = self.address.clone();
        let tcp = in_time(&format!("{address} is not reached"), TcpStream::connect(&address)).await?;
        drop(tcp.set_nodelay(true));
        let stream: Box<dyn Duplex> = match &self.tls {
            None => Box::new(tcp),
            Some(config) => {
                let name = ServerName::try_from(self.host.clone()).map_err(|e| format!("{address}: {e}"))?;
                let agreed = TlsConnector::from(Arc::clone(config)).connect(name, tcp);
                Box::new(in_time(&format!("{address} does not agree on TLS"), agreed).await?)
            }
        };
        Ok(Wire { address, stream })
    }
}

impl Wire {
    /// Writes messages.
    pub(super) async fn write(&mut self, frames: &[u8]) -> Result<(), String> {
        let what = format!("{} does not take the entries", self.address);
        let stream = &mut self.stream;
        in_time(&what, async {
            stream.write_all(frames).await?;
            stream.flush().await
        })
        .await
    }

    /// Closes our side, and waits until the receiver has closed its own: then it has read everything.
    pub(super) async fn confirm(self) -> Result<(), String> {
        let what =
            format!("{} has not closed the connection after our end, so it is not known what it read", self.address);
        let mut stream = self.stream;
        in_time(&what, async {
            stream.shutdown().await?;
            let mut heard = Vec::new();
            let heard = (&mut stream).take(HEARD_MAX_BYTES).read_to_end(&mut heard).await;
            match heard {
                // A receiver may end TLS without saying so; TCP has said it.
                Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(()),
                other => other.map(drop),
            }
        })
        .await
    }
}
