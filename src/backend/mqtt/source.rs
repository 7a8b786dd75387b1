//! One source while the server runs: connected, away, connected again; each message on its way to the disk and back to its
//! acknowledgement.

use super::{
    desk::{Desk, Says, Steps},
    link::{Ack, Dial, Heard, Link, Published},
    state::SourceState,
};
use crate::{
    backend::pipeline::{Job, JobError, Record, Reply},
    domain::{DeviceId, Lapse, text::clean},
    ingest::sparkplug::{Metric, Missed, NAMESPACE, Payload, REBIRTH_METRIC, Rebirth, datatype, metric::Value},
    protocol::IntakeReport,
};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesOrdered};
use prost::Message;
use std::{sync::Arc, time::Duration};
use tokio::sync::{oneshot, watch};

/// Shortest wait before the next connection.
const RECONNECT_DELAY_MIN: Duration = Duration::from_secs(1);
/// Longest wait before the next connection; each wait is twice the one before.
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(30);
/// Wait before a job is offered again to a pipeline that is busy.
const BUSY_DELAY: Duration = Duration::from_millis(50);
/// So often a job is offered; then the broker has to deliver its message again.
const BUSY_TRIES: u32 = 100;
/// How long messages on their way are waited for when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// A message on its way to the disk.
type Pending = FuturesOrdered<BoxFuture<'static, (Ack, Result<Done, JobError>)>>;

/// What became of a message.
enum Done {
    Intake(IntakeReport),
    Kept,
    Nothing,
}

impl Done {
    const fn label(&self) -> &'static str {
        match self {
            Self::Intake(report) if report.accepted > 0 => "accepted",
            Self::Intake(report) if report.duplicate > 0 => "duplicate",
            Self::Intake(report) if report.rejected > 0 => "rejected",
            Self::Intake(_) | Self::Nothing => "empty",
            Self::Kept => "unusable",
        }
    }
}

/// Why a connection ended.
enum Ended {
    /// The server stops.
    Stopping,
    /// It was lost, or given up so that the broker delivers again.
    Away { why: String },
}

/// One source.
pub(super) struct Source {
    desk: Desk,
    dial: Arc<Dial>,
    in_flight: usize,
    stopping: watch::Receiver<bool>,
    /// Whether a connection has held since the last wait: the next wait is short again.
    held: bool,
    /// Whether the ward is still to be told that the broker lost the session.
    lost_session: bool,
}

impl Source {
    pub(super) fn new(desk: Desk, dial: Dial, in_flight: u16) -> Self {
        let stopping = desk.app.stopping.clone();
        Self { desk, dial: Arc::new(dial), in_flight: in_flight.into(), stopping, held: false, lost_session: false }
    }

    /// Runs until the server stops.
    pub(super) async fn run(mut self) {
        let mut delay = RECONNECT_DELAY_MIN;
        loop {
            let Ended::Away { why } = self.connection().await else { break };
            self.note(SourceState::Away { why });
            if std::mem::take(&mut self.held) {
                delay = RECONNECT_DELAY_MIN;
            }
            tokio::select! {
                biased;
                () = stopped(&mut self.stopping) => break,
                () = tokio::time::sleep(delay) => {}
            }
            delay = (delay * 2).min(RECONNECT_DELAY_MAX);
        }
        self.note(SourceState::Away { why: "the server stops".to_owned() });
    }

    /// One connection, until it ends.
    async fn connection(&mut self) -> Ended {
        let mut link = Link::new(&self.dial);
        let mut pending = Pending::new();
        let mut stopping = self.stopping.clone();
        loop {
            let heard = tokio::select! {
                biased;
                () = stopped(&mut stopping) => {
                    self.drain(&link, &mut pending).await;
                    link.end().await;
                    return Ended::Stopping;
                }
                Some(done) = pending.next(), if !pending.is_empty() => {
                    if let Err(why) = self.settle(&link, done) {
                        link.end().await;
                        return Ended::Away { why };
                    }
                    continue;
                }
                heard = link.next(), if pending.len() < self.in_flight => heard,
            };
            let went_on = match heard {
                Heard::Connected { resumed } => {
                    tracing::info!(source = self.desk.name, resumed, "connected to the broker");
                    self.connected(&link, resumed).await
                }
                Heard::Subscribed => {
                    self.held = true;
                    self.note(SourceState::Connected);
                    Ok(())
                }
                Heard::Message(message) => self.message(&link, message, &mut pending).await,
                // What is on its way is stored; that it was, the broker will not hear.
                Heard::Ended(why) => return Ended::Away { why },
            };
            if let Err(why) = went_on {
                link.end().await;
                return Ended::Away { why };
            }
        }
    }

    /// Subscribes; a session that the broker does not know any more is told of before anything comes by the new one.
    async fn connected(&mut self, link: &Link, resumed: bool) -> Result<(), String> {
        self.lost_session |= !resumed;
        let missed = if self.lost_session { self.desk.missed() } else { Missed::default() };
        if !missed.devices.is_empty() {
            self.count("gap");
            tracing::warn!(source = self.desk.name, "the broker lost the session: messages may be missing");
            self.lapsed(Lapse::Missed, &missed.devices).await?;
        }
        self.lost_session = false;
        link.subscribe(&self.dial.filters)?;
        missed.rebirths.iter().try_for_each(|rebirth| self.ask_for_birth(link, rebirth))
    }

    /// Tells the ward what became of devices.
    async fn lapsed(&self, lapse: Lapse, devices: &[DeviceId]) -> Result<(), String> {
        let sender = &self.desk.device;
        let told = self.ask(|reply| Job::Lapsed { sender: sender.clone(), devices: devices.to_vec(), lapse, reply });
        let told = told.await.map_err(|e| self.not_now(e))?.await.unwrap_or(Err(JobError::Stopping));
        told.map_err(|e| self.not_now(e))
    }

    fn ask_for_birth(&self, link: &Link, rebirth: &Rebirth) -> Result<(), String> {
        self.count("rebirth");
        let (topic, payload) = command(rebirth, self.desk.app.clock.wall().as_ms());
        link.publish(topic, payload)
    }

    /// Puts a message on its way. An error ends the connection: the broker delivers again.
    async fn message(&mut self, link: &Link, message: Published, pending: &mut Pending) -> Result<(), String> {
        self.desk.app.sources.heard(&self.desk.name, self.desk.app.engine_clock.now());
        let Steps { lapse, says, gap, rebirth } = self.desk.read(&message).await;
        if gap {
            self.count("gap");
            tracing::warn!(
                source = self.desk.name,
                topic = clean(&message.topic),
                "messages of an edge node are missing"
            );
        }
        if let Some((lapse, devices)) = lapse {
            // After all that came before, so that no screen shows a value behind it.
            while let Some(done) = pending.next().await {
                self.settle(link, done)?;
            }
            self.lapsed(lapse, &devices).await?;
        }
        let done = self.on_its_way(says).await.map_err(|e| self.not_now(e))?;
        let ack = message.ack;
        pending.push_back(done.map(move |done| (ack, done)).boxed());
        if let Some(rebirth) = rebirth {
            self.ask_for_birth(link, &rebirth)?;
        }
        Ok(())
    }

    /// Gives the pipeline what a message says; what comes back is waited for elsewhere.
    async fn on_its_way(&self, says: Says) -> Result<BoxFuture<'static, Result<Done, JobError>>, JobError> {
        let sender = &self.desk.device;
        match says {
            Says::Nothing => Ok(std::future::ready(Ok(Done::Nothing)).boxed()),
            Says::Values { topic, before, decoded, mapped } => {
                let job = |reply| Job::Published {
                    sender: sender.clone(),
                    topic: topic.clone(),
                    before,
                    decoded: decoded.clone(),
                    mapped: mapped.clone(),
                    reply,
                };
                let answer = self.ask(job).await?;
                Ok(answer.map(|said| said.unwrap_or(Err(JobError::Stopping)).map(Done::Intake)).boxed())
            }
            Says::Unusable(letter) => {
                let record = || Record { dead_letters: vec![letter.clone()], ..Record::default() };
                let answer = self.ask(|reply| Job::Record { record: record(), reply }).await?;
                Ok(answer.map(|said| said.unwrap_or(Err(JobError::Stopping)).map(|()| Done::Kept)).boxed())
            }
        }
    }

    /// Offers a job until the pipeline takes it.
    async fn ask<T>(&self, job: impl Fn(Reply<T>) -> Job) -> Result<oneshot::Receiver<Result<T, JobError>>, JobError> {
        let mut tries = 1;
        loop {
            let (reply, answer) = oneshot::channel();
            match self.desk.app.pipeline.send(job(reply)) {
                Ok(()) => return Ok(answer),
                Err(JobError::Busy) if tries < BUSY_TRIES => {
                    tries += 1;
                    tokio::time::sleep(BUSY_DELAY).await;
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Acknowledges what is durable. An error ends the connection: what is not acknowledged is delivered again.
    fn settle(&self, link: &Link, (ack, done): (Ack, Result<Done, JobError>)) -> Result<(), String> {
        let done = done.map_err(|e| self.not_now(e))?;
        self.count(done.label());
        if let Done::Intake(report) = &done {
            self.desk.app.hub.metrics().intake(report);
        }
        link.acknowledge(ack)
    }

    /// The server stops: what is on its way is waited for a moment.
    async fn drain(&self, link: &Link, pending: &mut Pending) {
        let all = async {
            while let Some(done) = pending.next().await {
                if self.settle(link, done).is_err() {
                    return;
                }
            }
        };
        if tokio::time::timeout(DRAIN_TIMEOUT, all).await.is_err() {
            tracing::debug!(source = self.desk.name, "messages were not acknowledged: the broker delivers them again");
        }
    }

    fn not_now(&self, error: JobError) -> String {
        self.count("not_now");
        error.to_string()
    }

    fn count(&self, result: &'static str) {
        self.desk.app.hub.metrics().mqtt(&self.desk.name, result);
    }

    fn note(&self, state: SourceState) {
        let app = &self.desk.app;
        let connected = state == SourceState::Connected;
        app.hub.metrics().mqtt_connected(&self.desk.name, connected);
        if !app.sources.note(&self.desk.name, state.clone(), app.clock.boot(), app.engine_clock.now()) {
            return;
        }
        match state {
            SourceState::Connected => tracing::info!(source = self.desk.name, "subscribed at the broker"),
            SourceState::Away { why } => tracing::warn!(source = self.desk.name, why, "not connected to the broker"),
        }
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stop| *stop).await);
}

/// The command that asks an edge node to be born again (Sparkplug 3.0.0, 6.4.23): its topic and its payload.
fn command(rebirth: &Rebirth, now_ms: i64) -> (String, Vec<u8>) {
    let timestamp = u64::try_from(now_ms).ok();
    let metric = Metric {
        name: Some(REBIRTH_METRIC.to_owned()),
        timestamp,
        datatype: Some(datatype::BOOLEAN),
        value: Some(Value::Boolean(true)),
        ..Metric::default()
    };
    let payload = Payload { timestamp, metrics: vec![metric], seq: None };
    (format!("{NAMESPACE}/{}/NCMD/{}", rebirth.group, rebirth.edge), payload.encode_to_vec())
}
