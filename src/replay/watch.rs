//! The alerts that a server raises while a recording is sent to it.

use super::episodes::Episodes;
use crate::{
    access::Secret,
    client::{self, ClientEvent, ClientRequest, Endpoint, LinkOptions, TrailMemory},
    domain::WardId,
    protocol::Encoding,
    seam::OsEntropy,
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

/// Longest time until the ward is seen.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long after the last sample events are still waited for.
const SETTLE_TIME: Duration = Duration::from_secs(2);

/// Why the alerts could not be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The server refuses the session.
    #[error("the session cannot watch the ward: {0}")]
    Refused(String),
    /// The ward was not seen in time.
    #[error("the ward was not seen within {} s", BEGIN_TIMEOUT.as_secs())]
    Timeout,
    /// The watch broke off.
    #[error("the watch broke off")]
    Broken,
}

/// A watch that notes what happens.
pub struct Watch {
    _requests: mpsc::Sender<ClientRequest>,
    stop: mpsc::Sender<()>,
    task: JoinHandle<Episodes>,
}

/// Begins to watch a ward; returns when it is seen.
///
/// # Errors
/// If the server refuses, or the ward is not seen in time.
pub async fn start(endpoint: Endpoint, token: Secret, ward: WardId) -> Result<Watch, WatchError> {
    let options = LinkOptions {
        without_ward: false,
        endpoint,
        token,
        token_file: None,
        ward: Some(ward),
        patients: None,
        encoding: Encoding::MessagePack,
        memory: TrailMemory::default(),
        emergency: None,
    };
    let (requests, mut events) = client::start(options, Arc::new(OsEntropy));
    let seen = async {
        loop {
            match events.recv().await {
                Some(ClientEvent::Snapshot { .. }) => return Ok(()),
                Some(ClientEvent::Refused { why }) => return Err(WatchError::Refused(why)),
                Some(_) => {}
                None => return Err(WatchError::Broken),
            }
        }
    };
    timeout(BEGIN_TIMEOUT, seen).await.map_err(|_| WatchError::Timeout)??;
    let (stop, stopped) = mpsc::channel(1);
    let task = tokio::spawn(note(events, stopped));
    Ok(Watch { _requests: requests, stop, task })
}

async fn note(mut events: mpsc::Receiver<ClientEvent>, mut stopped: mpsc::Receiver<()>) -> Episodes {
    let mut episodes = Episodes::default();
    let mut until: Option<tokio::time::Instant> = None;
    loop {
        let over = async {
            match until {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = events.recv() => match event {
                Some(ClientEvent::Event(event)) => episodes.note(&event.event),
                Some(_) => {}
                None => return episodes,
            },
            _ = stopped.recv(), if until.is_none() => until = Some(tokio::time::Instant::now() + SETTLE_TIME),
            () = over => return episodes,
        }
    }
}

impl Watch {
    /// Waits a moment for what is still on its way, and tells the alerts that came.
    ///
    /// # Errors
    /// If the watch broke off.
    pub async fn finish(self) -> Result<Episodes, WatchError> {
        self.stop.send(()).await.ok();
        self.task.await.map_err(|_| WatchError::Broken)
    }
}
