//! The socket in the data folder.

use super::{
    execute::execute,
    request::{ADMIN_LINE_MAX_BYTES, AdminAnswer, AdminError, AdminRequest, Asker, Whose},
};
use crate::{access::Secret, backend::app::App, domain::Remark};
use serde::Deserialize;
use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream as BlockingStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

/// Longest time for a request to arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time that a command waits for the server's answer: a hash or a large provision takes a while.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// Opens the socket; an old one of a server that was killed is replaced (the folder's lock is ours).
///
/// # Errors
/// If it cannot be made.
fn bind(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Opens the socket and serves it until the returned task is dropped or aborted.
///
/// # Errors
/// If it cannot be made.
pub fn listen(app: Arc<App>, path: &Path, data: PathBuf) -> std::io::Result<tokio::task::JoinHandle<()>> {
    let listener = bind(path)?;
    Ok(tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (app, data) = (app.clone(), data.clone());
                    tokio::spawn(async move {
                        if let Err(e) = serve(&app, &data, stream).await {
                            tracing::warn!(error = %e, "an administrative request failed");
                        }
                    });
                }
                Err(e) => {
                    tracing::error!(error = %e, "the socket for administration failed");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }))
}

async fn serve(app: &Arc<App>, data: &Path, stream: UnixStream) -> Result<(), AdminError> {
    let uid = stream.peer_cred()?.uid();
    let (read, mut write) = stream.into_split();
    let own = rustix::process::geteuid().as_raw();
    let answer = if uid != own && uid != 0 {
        AdminAnswer::Failed { why: AdminError::NotYou(uid).to_string() }
    } else {
        let mut line = String::new();
        let mut reader = tokio::io::BufReader::new(read.take(ADMIN_LINE_MAX_BYTES));
        let arrived = tokio::time::timeout(REQUEST_TIMEOUT, reader.read_line(&mut line)).await;
        arrived.map_err(|_| AdminError::BadRequest("it did not arrive in time".to_owned()))??;
        match parse(&line) {
            Ok((request, whose)) => execute(app, data, Asker { uid, serving: true, whose }, request).await,
            Err(e) => AdminAnswer::Failed { why: AdminError::BadRequest(e.to_string()).to_string() },
        }
    };
    let mut text = serde_json::to_string(&answer).map_err(|e| AdminError::BadRequest(e.to_string()))?;
    text.push('\n');
    write.write_all(text.as_bytes()).await?;
    Ok(())
}

/// The members of a line that say who asks.
const WHOSE: [&str; 2] = ["token", "alone"];

fn parse(line: &str) -> Result<(AdminRequest, Whose), serde_json::Error> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        token: Option<String>,
        #[serde(default)]
        alone: Option<Remark>,
    }
    let Named { token, alone } = serde_json::from_str(line)?;
    Ok((serde_json::from_str(line)?, Whose { token: token.map(Secret::new), alone }))
}

fn line_of(request: &AdminRequest, whose: &Whose) -> Result<String, serde_json::Error> {
    let mut line = serde_json::to_value(request)?;
    if let Some(members) = line.as_object_mut() {
        let token = whose.token.as_ref().map(|token| token.expose().into());
        let alone = whose.alone.as_ref().map(|reason| reason.as_str().into());
        let named = WHOSE.into_iter().zip([token, alone]);
        members.extend(named.filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    Ok(format!("{line}\n"))
}

/// Asks the server of a data folder; `None` if none serves there. Blocks.
///
/// # Errors
/// If the server is there but does not answer.
pub fn ask(path: &Path, request: &AdminRequest) -> Result<Option<AdminAnswer>, AdminError> {
    ask_as(path, request, &Whose::default())
}

/// As [`ask`], and says who asks.
///
/// # Errors
/// If the server is there but does not answer.
pub fn ask_as(path: &Path, request: &AdminRequest, whose: &Whose) -> Result<Option<AdminAnswer>, AdminError> {
    let mut stream = match BlockingStream::connect(path) {
        Ok(stream) => stream,
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(e) => return Err(e.into()),
    };
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let text = line_of(request, whose).map_err(|e| AdminError::BadRequest(e.to_string()))?;
    let hung_up = |e: std::io::Error| AdminError::HungUp(e.to_string());
    stream.write_all(text.as_bytes()).map_err(hung_up)?;
    let mut line = String::new();
    BufReader::new(stream.take(ADMIN_LINE_MAX_BYTES)).read_line(&mut line).map_err(hung_up)?;
    serde_json::from_str(&line).map(Some).map_err(|e| AdminError::BadRequest(e.to_string()))
}
