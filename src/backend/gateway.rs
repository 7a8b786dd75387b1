//! Sessions for people whom OpenSSH has let in by their keys.
//!
//! sshd runs `wardwatch ssh` under an account of this machine, a gateway. That program says on a Unix socket by which keys its
//! person was let in; the server knows the gateway by the uid that the system tells of the other end, and the person by the
//! keys. The session lasts as long as the connection to the socket: whoever hangs up is signed out, however it ends.

use super::{
    app::App,
    login::{LoginError, SignedIn},
};
use crate::{
    access::Session,
    domain::{Role, text::clean},
    store::UserRecord,
};
use serde::{Deserialize, Serialize};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::{fs::PermissionsExt, net::UnixStream as BlockingStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader as AsyncBufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    task::JoinHandle,
};

/// Longest line in either direction, in bytes.
const LINE_MAX_BYTES: u64 = 4 * 1024;
/// Most keys that one person was let in by.
const KEYS_MAX: usize = 8;
/// Connections of gateways at once; further ones are refused.
const CONNECTIONS_MAX: usize = 512;
/// Longest time for a line to arrive or to be taken.
const LINE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the system gave no connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a gateway asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayRequest {
    /// The fingerprints of all keys by which the person was let in.
    pub keys: Vec<String>,
    /// The address that the person came from, as sshd tells it.
    pub from: String,
}

/// What it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum GatewayAnswer {
    /// A session, as long as the connection lasts.
    Session {
        /// Its token, to be kept in memory alone.
        token: String,
        /// Whose it is.
        user: String,
        /// The role.
        role: Role,
        /// Where the server is, from this machine.
        server: String,
        /// The fingerprint of its key, if it speaks TLS.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// There is none.
    Refused {
        /// Why, for people.
        why: String,
    },
}

/// Why a gateway got no answer.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The socket.
    #[error("the server's socket {} cannot be used", .path.display())]
    Socket {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The answer is not understood.
    #[error("the server's answer is not understood: {0}")]
    Answer(String),
}

/// Opens the socket and serves it until the returned task is aborted; `None` if the configuration names none.
///
/// # Errors
/// If it cannot be made.
pub fn listen(app: &Arc<App>, address: SocketAddr) -> std::io::Result<Option<JoinHandle<()>>> {
    let Some(path) = &app.config.ssh.socket else { return Ok(None) };
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    // The folder says who gets here, and the uid of the other end who is listened to.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    Ok(Some(tokio::spawn(accept(Arc::clone(app), listener, reached_at(address), places))))
}

async fn accept(app: Arc<App>, listener: UnixListener, server: SocketAddr, places: Arc<Semaphore>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    tracing::warn!("a gateway was refused: there are too many connections");
                    continue;
                };
                let app = Arc::clone(&app);
                tokio::spawn(async move {
                    if let Err(e) = serve(&app, stream, server).await {
                        tracing::warn!(error = %e, "a gateway was not served to its end");
                    }
                    drop(place);
                });
            }
            Err(e) => {
                tracing::warn!(error = %e, "no connection of a gateway could be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Where the server is reached from this machine.
fn reached_at(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// One gateway: who is there, a session, and its end with the connection's.
async fn serve(app: &App, stream: UnixStream, server: SocketAddr) -> std::io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let (read, mut write) = stream.into_split();
    let mut reader = AsyncBufReader::new(read.take(LINE_MAX_BYTES));
    let mut line = String::new();
    tokio::time::timeout(LINE_TIMEOUT, reader.read_line(&mut line)).await??;
    if !app.config.ssh.gateways.contains(&uid) {
        tracing::warn!(uid, "an account that is no gateway was refused at the socket for logins by key");
        let why = format!("the account with uid {uid} brings no logins: ssh.gateways of the server does not name it");
        return say(&mut write, &GatewayAnswer::Refused { why }).await;
    }
    let begun = match serde_json::from_str::<GatewayRequest>(&line) {
        Ok(request) => begin(app, &request).await,
        Err(e) => Err(format!("the request is not understood: {e}")),
    };
    let SignedIn { token, session } = match begun {
        Ok(signed_in) => signed_in,
        Err(why) => return say(&mut write, &GatewayAnswer::Refused { why }).await,
    };
    // Its token may be another one by the time that it ends.
    let held = app.session(&token).ok();
    let identity = app.identity.get().map(|identity| identity.status(app.clock.wall()).key);
    let scheme = if identity.is_some() { "https" } else { "http" };
    let answer = GatewayAnswer::Session {
        token: token.expose().to_owned(),
        user: session.user,
        role: session.role,
        server: format!("{scheme}://{server}"),
        key: identity,
    };
    let said = say(&mut write, &answer).await;
    if said.is_ok() {
        // Nothing more is said: what ends this is the end of the connection.
        let mut one = [0; 1];
        drop(reader.read(&mut one).await);
    }
    if let Some(session) = held {
        end(app, &session).await;
    }
    said
}

async fn end(app: &App, session: &Session) {
    if let Err(e) = app.logout(session).await {
        tracing::warn!(error = %e, "the end of a session by key could not be recorded");
    }
}

async fn say(write: &mut (impl AsyncWriteExt + Unpin), answer: &GatewayAnswer) -> std::io::Result<()> {
    let mut text = serde_json::to_string(answer)?;
    text.push('\n');
    tokio::time::timeout(LINE_TIMEOUT, write.write_all(text.as_bytes())).await?
}

/// Begins a session for whom all these keys belong to.
async fn begin(app: &App, request: &GatewayRequest) -> Result<SignedIn, String> {
    let Some(key) = request.keys.first().filter(|_| request.keys.len() <= KEYS_MAX) else {
        return Err(format!("1 to {KEYS_MAX} keys are wanted"));
    };
    let user = match whose(app, &request.keys) {
        Ok(user) => user,
        Err(why) => {
            tracing::warn!(key = clean(key), from = clean(&request.from), why, "a login by key was refused");
            app.refused_key(clean(key)).await.map_err(|e| e.to_string())?;
            return Err(why);
        }
    };
    app.login_by_key(&user, key).await.map_err(|e| match e {
        LoginError::Wrong => format!("{} may not sign in any more", user.name),
        other => other.to_string(),
    })
}

/// The one user to whom all keys belong.
fn whose(app: &App, keys: &[String]) -> Result<UserRecord, String> {
    let directory = app.hub.directory();
    let mut found: Option<&UserRecord> = None;
    for key in keys {
        let owner = directory.key(key).and_then(|key| directory.user(&key.user));
        let owner = owner.ok_or_else(|| {
            format!("nobody here has the key {}: `wardwatch user key add` on the server adds it", clean(key))
        })?;
        if found.is_some_and(|other| other.id != owner.id) {
            return Err("the keys belong to different people".to_owned());
        }
        found = Some(owner);
    }
    let user = found.ok_or("no key was given")?;
    if !user.enabled {
        return Err(format!("{} may not sign in", user.name));
    }
    Ok(user.clone())
}

/// A session for whom OpenSSH has let in by keys. It ends when this is dropped.
#[derive(Debug)]
pub struct Admission {
    /// What the server said.
    pub answer: GatewayAnswer,
    _connection: BlockingStream,
}

/// Asks the server for a session. Blocks.
///
/// # Errors
/// If there is no server, or its answer is not understood.
pub fn ask(path: &Path, request: &GatewayRequest) -> Result<Admission, GatewayError> {
    let mut stream =
        BlockingStream::connect(path).map_err(|source| GatewayError::Socket { path: path.to_owned(), source })?;
    // As text: a server that hangs up is no reader of ours that has had enough.
    let failed = |e: std::io::Error| GatewayError::Answer(e.to_string());
    stream.set_read_timeout(Some(LINE_TIMEOUT)).map_err(failed)?;
    let mut text = serde_json::to_string(request).map_err(|e| GatewayError::Answer(e.to_string()))?;
    text.push('\n');
    stream.write_all(text.as_bytes()).map_err(failed)?;
    let mut line = String::new();
    BufReader::new((&stream).take(LINE_MAX_BYTES)).read_line(&mut line).map_err(failed)?;
    let answer = serde_json::from_str(&line).map_err(|e| GatewayError::Answer(e.to_string()))?;
    Ok(Admission { answer, _connection: stream })
}
