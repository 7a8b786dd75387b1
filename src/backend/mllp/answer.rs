//! What becomes of a message, and the answer to it. An answer that says "accepted" is given when everything that the message
//! says is durable: as values, as acts, or as dead letters.

use crate::{
    backend::{
        app::App,
        config::{ConfigError, MllpConfig},
        http::decode_rules,
        pipeline::{Job, JobError, Record},
        server::ServerError,
    },
    domain::{DeviceId, Mode},
    ingest::{
        Refused, Way,
        hl7::{self, AckKind, AdtAct, Body, Faulty, Group, Header, Message, Reason, Severity, Source, ack},
    },
    store::DeadLetter,
};
use sha2::{Digest, Sha256};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// So many of the last messages of a source are known again, on any of its connections. What is older the store knows.
const ANSWERED_MAX: usize = 1_024;

/// A message by its bytes. Its control identifier alone is not enough: some monitors send the same one each time.
type Print = [u8; 32];

/// How it went: for the answer, and for the figures.
struct Outcome {
    kind: AckKind,
    reasons: Vec<Reason>,
    /// Whether the same message again is to be answered the same.
    is_final: bool,
}

impl Outcome {
    const ACCEPTED: Self = Self { kind: AckKind::Accepted, reasons: Vec::new(), is_final: true };

    fn refused(kind: AckKind, code: u16, text: String) -> Self {
        let reason = Reason { severity: Severity::Error, code, location: None, text };
        Self { kind, reasons: vec![reason], is_final: false }
    }

    /// The server cannot take it now, whatever it says.
    fn not_now(error: JobError) -> Self {
        Self::refused(AckKind::Rejected, 207, error.to_string())
    }

    const fn label(&self) -> &'static str {
        match self.kind {
            AckKind::Accepted => "accepted",
            AckKind::Error => "error",
            AckKind::Rejected => "rejected",
        }
    }
}

/// One source: all its connections share what it knows.
pub(super) struct Desk {
    pub(super) app: Arc<App>,
    name: String,
    device: DeviceId,
    adt: bool,
    source: Source,
    answered: Mutex<VecDeque<Print>>,
    answers: AtomicU64,
}

impl Desk {
    pub(super) fn new(app: Arc<App>, name: &str, config: &MllpConfig) -> Result<Self, ServerError> {
        let wrong = |why| ServerError::Config(ConfigError::Setting { name: format!("mllp.{name}"), why });
        let source = config.source(&app.vitals).map_err(wrong)?;
        Ok(Self {
            app,
            name: name.to_owned(),
            device: config.device.clone(),
            adt: config.adt,
            source,
            answered: Mutex::default(),
            answers: AtomicU64::new(0),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Takes a message; the answer, if one is wanted.
    pub(super) async fn message(&self, raw: &[u8]) -> Option<String> {
        let rules = decode_rules(&self.app, &self.device);
        let decoded = hl7::decode(raw, &self.source, rules);
        let Message { header, body } = match decoded {
            Ok(message) => message,
            Err(faulty) => return self.faulty(*faulty, raw).await,
        };
        let print: Print = Sha256::digest(raw).into();
        if self.was_answered(&print) {
            self.app.hub.metrics().hl7("duplicate");
            return self.answer(&header, &Outcome::ACCEPTED);
        }
        let outcome = if self.app.hub.mode() == Mode::Live && matches!(header.processing.as_str(), "T" | "D") {
            let text = "MSH-11 says that this is no real patient, and the server is live: send P".to_owned();
            self.refuse(Outcome::refused(AckKind::Rejected, 202, text), raw).await
        } else {
            match body {
                Body::Values(groups) => self.values(groups, raw).await,
                Body::Alerts(groups) => self.alerts(groups).await,
                Body::Adt(act) => self.act(act, raw).await,
            }
        };
        if outcome.is_final {
            self.remember(print);
        }
        self.app.hub.metrics().hl7(outcome.label());
        self.answer(&header, &outcome)
    }

    async fn values(&self, groups: Vec<Group>, raw: &[u8]) -> Outcome {
        let locations: Vec<_> = groups.iter().flat_map(|g| &g.values).map(|v| v.location).collect();
        if locations.is_empty() {
            let ignored: usize = groups.iter().map(|g| g.ignored).sum();
            // A monitor without a patient sends rows without values: there is nothing to keep.
            if ignored > 0 {
                let detail =
                    format!("none of its {ignored} values is of a vital: name their codes in the configuration");
                if let Err(e) = self.keep(raw, detail).await {
                    return Outcome::not_now(e);
                }
            }
        }
        // Be it without values: the gateway was heard.
        let job = |reply| Job::Values { sender: self.device.clone(), groups, reply };
        match self.app.pipeline.ask(job).await {
            Ok(report) => {
                self.app.hub.metrics().intake(&report);
                let taken = report.accepted + report.duplicate;
                let (kind, reasons) = hl7::outcome(&locations, &report.rejections, taken);
                // What nobody is assigned to may be sent again when somebody is.
                Outcome { kind, reasons, is_final: taken > 0 || locations.is_empty() }
            }
            Err(e) => Outcome::not_now(e),
        }
    }

    /// Alerts of devices; without any it is a watchdog: the gateway was heard.
    async fn alerts(&self, groups: Vec<Group>) -> Outcome {
        let locations: Vec<_> = groups.iter().flat_map(|g| &g.alerts).map(|told| told.location).collect();
        if locations.is_empty() {
            self.app.hub.metrics().hl7("watchdog");
        }
        let job = |reply| Job::Alerts { sender: self.device.clone(), groups, reply };
        match self.app.pipeline.ask(job).await {
            Ok(report) => {
                self.app.hub.metrics().intake(&report);
                let taken = report.accepted + report.duplicate;
                let (kind, reasons) = hl7::outcome(&locations, &report.rejections, taken);
                // A watchdog is heard each time it comes, be it word for word the same.
                Outcome { kind, reasons, is_final: taken > 0 }
            }
            Err(e) => Outcome::not_now(e),
        }
    }

    async fn act(&self, act: Box<AdtAct>, raw: &[u8]) -> Outcome {
        if !self.adt {
            let text = format!("this source may not say who lies where: set adt = true in mllp.{}", self.name);
            return self.refuse(Outcome::refused(AckKind::Rejected, 200, text), raw).await;
        }
        let payload = Refused::payload(raw);
        let job = |reply| Job::Adt { sender: self.device.clone(), act, payload, reply };
        match self.app.pipeline.ask(job).await {
            Ok(None) => Outcome::ACCEPTED,
            Ok(Some(why)) => Outcome::refused(AckKind::Error, 204, why),
            Err(e) => Outcome::not_now(e),
        }
    }

    /// A message of which nothing can be used.
    async fn faulty(&self, faulty: Faulty, raw: &[u8]) -> Option<String> {
        let Faulty { header, kind, reason } = faulty;
        let outcome = self.refuse(Outcome { kind, reasons: vec![reason], is_final: false }, raw).await;
        self.app.hub.metrics().hl7(outcome.label());
        self.answer(&header?, &outcome)
    }

    /// A message that is longer than is taken.
    pub(super) async fn too_long(&self, begin: &[u8]) -> Option<String> {
        let text = "the message is longer than this source may send: see message_bytes in its configuration".to_owned();
        let outcome = self.refuse(Outcome::refused(AckKind::Rejected, 207, text), begin).await;
        self.app.hub.metrics().hl7("too_long");
        // Its header says whom to answer, if it is one.
        let line = begin.split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or_default();
        let header = match hl7::decode(line, &self.source, decode_rules(&self.app, &self.device)) {
            Ok(message) => Some(message.header),
            Err(faulty) => faulty.header,
        };
        self.answer(&header?, &outcome)
    }

    /// A message of which a part is missing: how much nobody knows, so that there is no answer.
    pub(super) async fn broken(&self, part: &[u8], detail: &str) {
        self.app.hub.metrics().hl7("broken");
        if let Err(e) = self.keep(part, detail.to_owned()).await {
            tracing::warn!(error = %e, "a part of a message could not be kept");
        }
    }

    /// Keeps a message that is refused as a dead letter; the answer waits for it.
    async fn refuse(&self, outcome: Outcome, raw: &[u8]) -> Outcome {
        let detail = outcome.reasons.first().map(|r| r.text.clone()).unwrap_or_default();
        match self.keep(raw, detail).await {
            Ok(()) => outcome,
            Err(e) => Outcome::not_now(e),
        }
    }

    async fn keep(&self, raw: &[u8], detail: String) -> Result<(), JobError> {
        let letter = DeadLetter {
            at: self.app.engine_clock.now(),
            source: self.device.to_string(),
            code: "hl7".to_owned(),
            detail,
            payload: Refused::payload(raw),
            way: Way::Hl7.as_str().to_owned(),
        };
        let record = Record { dead_letters: vec![letter], ..Record::default() };
        self.app.pipeline.ask(|reply| Job::Record { record, reply }).await
    }

    fn answer(&self, header: &Header, outcome: &Outcome) -> Option<String> {
        let now = self.app.clock.wall();
        let id = format!("{}-{}", now.as_ms(), self.answers.fetch_add(1, Relaxed));
        ack(header, outcome.kind, &outcome.reasons, &id, now)
    }

    fn was_answered(&self, print: &Print) -> bool {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).contains(print)
    }

    fn remember(&self, print: Print) {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if answered.len() >= ANSWERED_MAX {
            answered.pop_front();
        }
        answered.push_back(print);
    }
}
