//! The connection to the receiver.

use crate::backend::config::SyslogConfig;
use std::{fmt::Display, future::Future, io::ErrorKind, pin::Pin, sync::Arc, task::Poll, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, pki_types::ServerName},
};

/// Longest wait for a connection, for a batch to be taken, and for the receiver to confirm.
const LINK_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes that are read of a receiver, which has nothing to say.
const HEARD_MAX_BYTES: u64 = 64 * 1024;

/// So often it is looked at whether a connection is over.
const OVER_LOOK_EVERY: Duration = Duration::from_millis(5);

/// Where the receiver is, and how it is known.
pub(super) struct Link {
    address: String,
    host: String,
    tls: Option<Arc<ClientConfig>>,
    wants_notify: bool,
}

/// A connection.
pub(super) struct Wire {
    address: String,
    stream: Stream,
    /// Whether the receiver has to say by TLS that it ends.
    wants_notify: bool,
}

/// Plain, or by TLS.
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn duplex(&mut self) -> &mut (dyn Duplex + '_) {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.as_mut(),
        }
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// Whether the stream has come to its end, without waiting for it. What a receiver says means nothing.
async fn has_ended(stream: &mut (dyn Duplex + '_)) -> std::io::Result<bool> {
    let mut bytes = [0; 256];
    std::future::poll_fn(|context| {
        for _ in 0..HEARD_MAX_BYTES / 256 {
            let mut heard = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *stream).poll_read(context, &mut heard) {
                Poll::Pending => return Poll::Ready(Ok(false)),
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Ready(Ok(())) if heard.filled().is_empty() => return Poll::Ready(Ok(true)),
                Poll::Ready(Ok(())) => {}
            }
        }
        Poll::Ready(Err(std::io::Error::other("it says too much")))
    })
    .await
}

/// Waits until the connection is over on both sides. A receiver that has closed its side before it had ours answers what
/// comes late with a reset, and that is an error here.
async fn is_over(tcp: &TcpStream) -> std::io::Result<()> {
    loop {
        if let Some(e) = tcp.take_error()? {
            return Err(e);
        }
        // The address of the other side is known until both ends were confirmed, or the connection was reset.
        if tcp.peer_addr().is_err() {
            return tcp.take_error()?.map_or(Ok(()), Err);
        }
        tokio::time::sleep(OVER_LOOK_EVERY).await;
    }
}

async fn in_time<T, E: Display>(what: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match timeout(LINK_TIMEOUT, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(e)) => Err(format!("{what}: {e}")),
        Err(_) => Err(format!("{what} within {} s", LINK_TIMEOUT.as_secs())),
    }
}

impl Link {
    pub(super) fn new(config: &SyslogConfig, tls: Option<Arc<ClientConfig>>) -> Self {
        Self { address: config.address.clone(), host: config.host().to_owned(), tls, wants_notify: config.close_notify }
    }

    /// Connects.
    pub(super) async fn connect(&self) -> Result<Wire, String> {
        let address = self.address.clone();
        let tcp = in_time(&format!("{address} is not reached"), TcpStream::connect(&address)).await?;
        drop(tcp.set_nodelay(true));
        let stream = match &self.tls {
            None => Stream::Plain(tcp),
            Some(config) => {
                let name = ServerName::try_from(self.host.clone()).map_err(|e| format!("{address}: {e}"))?;
                let agreed = TlsConnector::from(Arc::clone(config)).connect(name, tcp);
                Stream::Tls(Box::new(in_time(&format!("{address} does not agree on TLS"), agreed).await?))
            }
        };
        Ok(Wire { address, stream, wants_notify: self.wants_notify })
    }
}

impl Wire {
    /// Writes messages. A receiver that has ended the connection does not read them.
    pub(super) async fn write(&mut self, frames: &[u8]) -> Result<(), String> {
        let what = format!("{} does not take the entries", self.address);
        self.still_open().await?;
        let stream = self.stream.duplex();
        in_time(&what, async {
            stream.write_all(frames).await?;
            stream.flush().await
        })
        .await
    }

    async fn still_open(&mut self) -> Result<(), String> {
        match has_ended(self.stream.duplex()).await {
            Ok(false) => Ok(()),
            Ok(true) => Err(format!("{} has closed the connection before our end", self.address)),
            Err(e) => Err(format!("{}: {e}", self.address)),
        }
    }

    /// Closes our side, and waits until the receiver has closed its own, which must come after: then it has read everything.
    /// By TLS it must say so itself (RFC 5425, section 4.4), for anybody on the way can end TCP. Some receivers never do; of one that the
    /// configuration names so (`close_notify = false`), its end of TCP counts, if it came after our end as without TLS. Else what it was sent
    /// would never count as delivered, and be sent again for ever.
    pub(super) async fn confirm(mut self) -> Result<(), String> {
        self.still_open().await?;
        self.finish().await
    }

    async fn finish(self) -> Result<(), String> {
        let what =
            format!("{} has not closed the connection after our end, so it is not known what it read", self.address);
        let Self { mut stream, wants_notify, .. } = self;
        in_time(&what, async {
            stream.duplex().shutdown().await?;
            let mut heard = Vec::new();
            match stream.duplex().take(HEARD_MAX_BYTES).read_to_end(&mut heard).await {
                // TCP has ended, and TLS has not.
                Err(e) if e.kind() == ErrorKind::UnexpectedEof && wants_notify => {
                    let why = "it has ended TCP without close_notify; if it never says that, set audit.syslog.close_notify = false";
                    return Err(std::io::Error::new(ErrorKind::UnexpectedEof, why));
                }
                Err(e) if e.kind() != ErrorKind::UnexpectedEof => return Err(e),
                _ => {}
            }
            is_over(stream.tcp()).await
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Read, net::TcpListener, thread::JoinHandle};

    /// A connection to a receiver that reads so many bytes, or all, and closes.
    async fn connected(reads: Option<usize>) -> (Wire, JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let receiver = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = vec![0; reads.unwrap_or(0)];
            match reads {
                Some(n) => stream.read_exact(&mut bytes).map(|()| n).unwrap(),
                None => stream.read_to_end(&mut bytes).unwrap(),
            }
        });
        let stream = Stream::Plain(TcpStream::connect(&address).await.unwrap());
        (Wire { address, stream, wants_notify: true }, receiver)
    }

    #[tokio::test]
    async fn a_receiver_that_reads_to_our_end_and_closes_has_everything() {
        let (mut wire, receiver) = connected(None).await;
        wire.write(b"5 first").await.unwrap();
        wire.write(b"6 second").await.unwrap();
        wire.confirm().await.unwrap();
        assert_eq!(receiver.join().unwrap(), 15);
    }

    #[tokio::test]
    async fn an_end_that_comes_before_ours_confirms_nothing() {
        let (mut wire, receiver) = connected(Some(7)).await;
        wire.write(b"5 first").await.unwrap();
        receiver.join().unwrap();
        wire.stream.tcp().readable().await.unwrap();
        let why = wire.write(b"6 second").await.unwrap_err();
        assert!(why.contains("closed the connection before our end"), "{why}");
        let why = wire.confirm().await.unwrap_err();
        assert!(why.contains("closed the connection before our end"), "{why}");
    }

    /// The end of the receiver was on its way while we wrote: nobody has read that.
    #[tokio::test]
    async fn an_end_that_crosses_our_last_entry_confirms_nothing() {
        let (mut wire, receiver) = connected(Some(7)).await;
        wire.write(b"5 first").await.unwrap();
        receiver.join().unwrap();
        wire.stream.duplex().write_all(b"6 second").await.unwrap();
        assert!(wire.finish().await.is_err());
    }
}
