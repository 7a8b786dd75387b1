//! The socket in the data folder.

use super::{
    execute::execute,
    request::{ADMIN_LINE_MAX_BYTES, AdminAnswer, AdminError, AdminRequest},
};
use crate::backend::app::App;
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
        match serde_json::from_str::<AdminRequest>(&line) {
            Ok(request) => execute(app, data, true, uid, request).await,
            Err(e) => AdminAnswer::Failed { why: AdminError::BadRequest(e.to_string()).to_string() },
        }
    };
    let mut text = serde_json::to_string(&answer).map_err(|e| AdminError::BadRequest(e.to_string()))?;
    text.push('\n');
    write.write_all(text.as_bytes()).await?;
    Ok(())
}

/// Asks the server of a data folder; `None` if none serves there. Blocks.
///
/// # Errors
/// If the server is there but does not answer.
pub fn ask(path: &Path, request: &AdminRequest) -> Result<Option<AdminAnswer>, AdminError> {
    let mut stream = match BlockingStream::connect(path) {
        Ok(stream) => stream,
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(e) => return Err(e.into()),
    };
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let mut text = serde_json::to_string(request).map_err(|e| AdminError::BadRequest(e.to_string()))?;
    text.push('\n');
    let hung_up = |e: std::io::Error| AdminError::HungUp(e.to_string());
    stream.write_all(text.as_bytes()).map_err(hung_up)?;
    let mut line = String::new();
    BufReader::new(stream.take(ADMIN_LINE_MAX_BYTES)).read_line(&mut line).map_err(hung_up)?;
    serde_json::from_str(&line).map(Some).map_err(|e| AdminError::BadRequest(e.to_string()))
}
