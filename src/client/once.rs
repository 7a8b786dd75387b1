//! A connection for one act of a program: sign in by token, look or ask, hear what came of it, end.

use super::{
    event::{ClientEvent, ClientRequest},
    link::{LinkOptions, start},
};
use crate::{
    domain::{Command, Mode, PatientId, Refusal, Timestamp},
    protocol::{AlertReport, DeviceList, HandoverReport, History, HistoryQuery, WardView},
    seam::Entropy,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{error::Elapsed, timeout},
};

/// Longest time for one answer of the server, in milliseconds.
pub const ONCE_TIMEOUT_MS: u64 = 10_000;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    /// There is no server, or it does not answer.
    #[error("the server cannot be reached: {0}")]
    Lost(String),
    /// The server will not have this session.
    #[error("{0}")]
    Denied(String),
    /// The engine said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<Elapsed> for OnceError {
    fn from(_: Elapsed) -> Self {
        Self::Lost(format!("no answer for {} s", ONCE_TIMEOUT_MS / 1_000))
    }
}

/// A connection for one act.
pub struct Once {
    requests: mpsc::Sender<ClientRequest>,
    events: mpsc::Receiver<ClientEvent>,
    last_id: u64,
    /// Live or demo.
    pub mode: Mode,
    /// The server's engine time when it connected.
    pub now: Timestamp,
    /// The ward as it was then, with the patients that were asked for.
    pub view: WardView,
}

impl Once {
    /// Connects and takes the ward as it is. Each patient that is asked for is a look at that patient, and in the audit
    /// trail: with `patients` empty, nobody is looked at.
    ///
    /// # Errors
    /// If there is no server, no answer, or no such ward or session.
    pub async fn connect(options: LinkOptions, entropy: Arc<dyn Entropy>) -> Result<Self, OnceError> {
        let (requests, mut events) = start(options, entropy);
        let mut mode = Mode::Live;
        loop {
            match next(&mut events).await? {
                ClientEvent::Connected(hello) => mode = hello.mode,
                ClientEvent::Snapshot { now, view, .. } => {
                    return Ok(Self { requests, events, last_id: 0, mode, now, view: *view });
                }
                _ => {}
            }
        }
    }

    /// Asks the engine to do something; done is done and recorded. The view takes in what happens meanwhile.
    ///
    /// # Errors
    /// If it was not done, or nobody knows whether it was.
    pub async fn command(&mut self, command: Command) -> Result<(), OnceError> {
        let own = self.ask(|id| ClientRequest::Command { id, command }).await?;
        loop {
            match self.hear(own).await? {
                ClientEvent::Result { id, done: true, .. } if id == own => return Ok(()),
                ClientEvent::Result { id, refusal: Some(refusal), .. } if id == own => return Err(refusal.into()),
                ClientEvent::Result { id, .. } if id == own => {
                    return Err(OnceError::Denied("the server did not do it and does not say why".to_owned()));
                }
                _ => {}
            }
        }
    }

    /// Reads trends and past alerts.
    ///
    /// # Errors
    /// If they cannot be had.
    pub async fn history(&mut self, query: HistoryQuery) -> Result<History, OnceError> {
        let own = self.ask(|id| ClientRequest::Query { id, query }).await?;
        loop {
            if let ClientEvent::History { id, history } = self.hear(own).await?
                && id == own
            {
                return Ok(history);
            }
        }
    }

    /// Reads the report on the alerts of the ward over `[from, to)`.
    ///
    /// # Errors
    /// If it cannot be had.
    pub async fn alert_report(&mut self, from: Timestamp, to: Timestamp) -> Result<AlertReport, OnceError> {
        let own = self.ask(|id| ClientRequest::AlertReport { id, from, to }).await?;
        loop {
            if let ClientEvent::AlertReport { id, report } = self.hear(own).await?
                && id == own
            {
                return Ok(*report);
            }
        }
    }

    /// Reads what there is to say of patients at a handover.
    ///
    /// # Errors
    /// If it cannot be had.
    pub async fn handover_report(&mut self, patients: Vec<PatientId>) -> Result<HandoverReport, OnceError> {
        let own = self.ask(|id| ClientRequest::HandoverReport { id, patients }).await?;
        loop {
            if let ClientEvent::HandoverReport { id, report } = self.hear(own).await?
                && id == own
            {
                return Ok(*report);
            }
        }
    }

    /// Lists the devices of the ward.
    ///
    /// # Errors
    /// If they cannot be had.
    pub async fn devices(&mut self) -> Result<DeviceList, OnceError> {
        let own = self.ask(|id| ClientRequest::Devices { id }).await?;
        loop {
            if let ClientEvent::Devices { id, list } = self.hear(own).await?
                && id == own
            {
                return Ok(*list);
            }
        }
    }

    async fn ask(&mut self, request: impl FnOnce(u64) -> ClientRequest) -> Result<u64, OnceError> {
        self.last_id += 1;
        let gone = |_| OnceError::Lost("the connection has ended".to_owned());
        self.requests.send(request(self.last_id)).await.map_err(gone)?;
        Ok(self.last_id)
    }

    /// The next event that is no error of the request.
    async fn hear(&mut self, own: u64) -> Result<ClientEvent, OnceError> {
        let event = next(&mut self.events).await?;
        match &event {
            ClientEvent::Error { id: Some(id), detail, .. } if *id == own => {
                return Err(OnceError::Denied(detail.clone()));
            }
            ClientEvent::Event(event) => self.view.apply(&event.event),
            ClientEvent::Vitals(updates) => updates.iter().for_each(|update| self.view.apply_vitals(update)),
            _ => {}
        }
        Ok(event)
    }
}

async fn next(events: &mut mpsc::Receiver<ClientEvent>) -> Result<ClientEvent, OnceError> {
    match timeout(Duration::from_millis(ONCE_TIMEOUT_MS), events.recv()).await? {
        None => Err(OnceError::Lost("the connection has ended".to_owned())),
        Some(ClientEvent::Disconnected { why, .. }) => Err(OnceError::Lost(why)),
        Some(ClientEvent::Refused { why }) => Err(OnceError::Denied(why)),
        Some(event) => Ok(event),
    }
}
