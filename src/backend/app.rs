//! What every request of the server needs.

use super::{
    audit::AuditDesk,
    config::Config,
    factor::PendingFactors,
    hub::Hub,
    identity::Identity,
    mappings::Mappings,
    mqtt::Sources,
    notify::{Links, NotifyState},
    pipeline::{Job, JobError, PipelineHandle, Record},
    policy::PolicyDesk,
    syslog::SyslogState,
};
use crate::{
    access::{Backoff, Hasher, LoginGate, Pepper, Secret, Session, SessionStanding, UnknownToken},
    audit::{Act, LeafActor, LeafDraft, Outcome},
    domain::{DeviceId, DeviceReport, Millis, PatientId, Reported, Role, SessionId, Timestamp, VitalTable, WardId},
    ingest::{Refused, Way, fhir::VitalCodes},
    protocol::{SessionInfo, SessionState},
    seam::{Clock, EngineClock, Entropy},
    store::{AccessChange, DeadLetter, StoreReader},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tokio::sync::watch;

/// Signs of a person are kept at most this often; in between they are known in memory alone.
const ACTIVITY_KEPT_EVERY: Millis = Millis::from_secs(60);

/// What every request of the server needs.
pub struct App {
    /// The configuration.
    pub config: Config,
    /// All vitals.
    pub vitals: Arc<VitalTable>,
    /// The codes of all vitals in FHIR.
    pub fhir_codes: VitalCodes,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Engine time.
    pub engine_clock: Arc<EngineClock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where jobs go.
    pub pipeline: PipelineHandle,
    /// The present state.
    pub hub: Arc<Hub>,
    /// The store, for reading.
    pub reader: Arc<dyn StoreReader>,
    /// Hashes passphrases.
    pub hasher: Hasher,
    /// Failed logins.
    pub backoff: Mutex<Backoff>,
    /// Dead letters that somebody drives again or drops at this moment.
    pub letters_in_hand: Mutex<BTreeSet<u64>>,
    /// Failed unlocks by session: who guesses elsewhere keeps nobody from unlocking.
    pub unlocks: Mutex<Backoff>,
    /// Bounds on logins.
    pub gate: Mutex<LoginGate>,
    /// Bounds on enrolments.
    pub enrol_gate: Mutex<LoginGate>,
    /// The key that does not lie in the database.
    pub pepper: Pepper,
    /// Held while a code of an authenticator is judged: a code is good once.
    pub codes: tokio::sync::Mutex<()>,
    /// Seeds that wait for their first code.
    pub pending_factors: Mutex<PendingFactors>,
    /// Held while a code is made or exchanged: a code is good once.
    pub enrolments: tokio::sync::Mutex<()>,
    /// Bounds on requests by device.
    pub device_rates: Mutex<super::rate::Rates<DeviceId>>,
    /// How many streams each principal has.
    pub streams: Mutex<HashMap<String, usize>>,
    /// Reports that are being made: one at a time, for each reads a piece of the journal.
    pub reports: tokio::sync::Semaphore,
    /// Engine time at the server's start.
    pub started_at: Timestamp,
    /// The site, by its identifier.
    pub site: String,
    /// The audit trail, as others see it.
    pub audit: AuditDesk,
    /// The policies in force.
    pub policy: PolicyDesk,
    /// Makes and opens links in messages; absent if the configuration says not where this server is reached.
    pub links: Option<Links>,
    /// The mappings of device messages, once it serves; absent if the configuration names none.
    pub mappings: OnceLock<Mappings>,
    /// By which certificate it is known, once it serves; absent if it speaks plain text.
    pub identity: OnceLock<Arc<Identity>>,
    /// How the channels for messages do.
    pub notify: NotifyState,
    /// How the sources of MQTT do.
    pub sources: Sources,
    /// How the delivery of the audit trail does.
    pub syslog: SyslogState,
    /// How many emergencies each ward was told of that nobody has judged in time.
    pub overdue_told: Mutex<BTreeMap<WardId, usize>>,
    /// Turns true when the server stops.
    pub stopping: watch::Receiver<bool>,
}

impl App {
    /// The session of a token, as far as it may still do anything.
    ///
    /// # Errors
    /// If nobody has the token or its session is over.
    pub fn session(&self, token: &Secret) -> Result<Session, UnknownToken> {
        let found = self.hub.directory().session(token, self.clock.boot());
        if found == Err(UnknownToken::Reused) {
            self.end_reused(token);
        }
        let session = found?;
        if session.standing == SessionStanding::Ended { Err(UnknownToken::Unknown) } else { Ok(session) }
    }

    /// The session of a connection that stands: it goes on by the session, whatever token has come since. A display has a
    /// token alone.
    ///
    /// # Errors
    /// If the session is over.
    pub fn still(&self, held: &Session, token: &Secret) -> Result<Session, UnknownToken> {
        if held.user.role == Role::Station {
            return self.session(token);
        }
        let found = self.hub.directory().session_by_id(&held.record.id, self.clock.boot());
        found.filter(|session| session.standing != SessionStanding::Ended).ok_or(UnknownToken::Unknown)
    }

    /// A token that was given up comes again: somebody else has it, or had it. The session ends, whoever holds it now.
    fn end_reused(&self, token: &Secret) {
        let found = self.hub.directory().session_of_reused(token, self.clock.boot());
        let Some(session) = found else { return };
        tracing::warn!(session = session.record.id.as_str(), "a token that was given up came again: its session ends");
        let id = session.record.id.clone();
        let leaf = LeafDraft {
            code: Some("token_reused"),
            session: Some(id.clone()),
            ..LeafDraft::new(LeafActor::from(&session.actor()), Act::SessionEnd, Outcome::Refused)
        };
        let (reply, _unheard) = tokio::sync::oneshot::channel();
        let record = Record { leaves: vec![leaf], access: vec![AccessChange::DropSession(id)], ..Record::default() };
        if let Err(e) = self.pipeline.send(Job::Record { record, reply }) {
            tracing::error!(error = %e, "a session whose token was reused could not be ended");
        }
    }

    /// The device of a token.
    ///
    /// # Errors
    /// If nobody has the token.
    pub fn device(&self, token: &Secret) -> Result<DeviceId, UnknownToken> {
        self.hub.directory().device(token).cloned()
    }

    /// A person is at the keyboard of a session.
    pub fn touch(&self, id: &SessionId) {
        let now = self.clock.boot();
        let change = self.hub.directory_mut().touch(id, now, ACTIVITY_KEPT_EVERY);
        if let Some(change) = change {
            let (reply, _unheard) = tokio::sync::oneshot::channel();
            let record = Record { access: vec![change], ..Record::default() };
            let job = Job::Record { record, reply };
            if let Err(e) = self.pipeline.send(job) {
                tracing::debug!(error = %e, "a sign of a person was not kept");
            }
        }
    }

    /// Writes audit entries and what goes with them, and waits until they are durable.
    ///
    /// # Errors
    /// If they could not be kept.
    pub async fn record(&self, leaves: Vec<LeafDraft>, access: Vec<AccessChange>) -> Result<(), JobError> {
        let record = Record { leaves, access, ..Record::default() };
        self.pipeline.ask(|reply| Job::Record { record, reply }).await
    }

    /// Keeps what a device says of itself, in the place of what it said before.
    ///
    /// # Errors
    /// If it could not be kept.
    pub async fn report(&self, device: &DeviceId, report: DeviceReport) -> Result<(), JobError> {
        let reported = Box::new(Reported::new(report, self.engine_clock.now(), self.clock.wall()));
        let device = device.clone();
        self.pipeline.ask(|reply| Job::Report { device, reported, reply }).await
    }

    /// Keeps a body or a message of a device of which nothing can be used.
    pub async fn keep_unusable(&self, sender: &DeviceId, payload: &[u8], way: Way, detail: String) {
        self.hub.metrics().refused("body_unusable");
        let letter = DeadLetter {
            at: self.engine_clock.now(),
            source: sender.to_string(),
            code: "body".to_owned(),
            detail,
            payload: Refused::payload(payload),
            way: way.as_str().to_owned(),
        };
        self.dead_letter(letter).await;
    }

    /// Keeps an input that could not be used as a whole.
    pub async fn dead_letter(&self, letter: DeadLetter) {
        let record = Record { dead_letters: vec![letter], ..Record::default() };
        let job = |reply| Job::Record { record, reply };
        if let Err(e) = self.pipeline.ask(job).await {
            tracing::warn!(error = %e, "an unusable input could not be kept");
        }
    }

    /// What a client is told of its session.
    #[must_use]
    pub fn session_info(&self, session: &Session) -> SessionInfo {
        let limits = self.hub.directory().limits();
        let ends_in = limits.absolute - (self.clock.boot() - session.record.began);
        let ms = |span: Millis| u64::try_from(span.0).unwrap_or_default();
        SessionInfo {
            user: session.user.name.clone(),
            role: session.user.role,
            state: if session.standing == SessionStanding::Active {
                SessionState::Active
            } else {
                SessionState::Locked
            },
            idle_lock_ms: ms(limits.idle),
            ends_in_ms: ms(ends_in),
        }
    }

    /// Counts a stream of a principal; `None` if it has too many.
    pub fn begin_stream(self: &Arc<Self>, principal: &str) -> Option<StreamPlace> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let count = streams.entry(principal.to_owned()).or_default();
        if *count >= self.config.limits.streams_per_principal {
            return None;
        }
        *count += 1;
        self.hub.metrics().stream(true);
        Some(StreamPlace { app: self.clone(), principal: principal.to_owned() })
    }

    /// Whether the server is stopping.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }
}

/// A counted stream; given back when dropped.
pub struct StreamPlace {
    app: Arc<App>,
    principal: String,
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.app.hub.metrics().stream(false);
        let mut streams = self.app.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = streams.get_mut(&self.principal) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                streams.remove(&self.principal);
            }
        }
    }
}

/// Most patients that the entries of one denial name.
const DENIED_PATIENTS_MAX: usize = 32;

/// The audit entries of something that was asked for and may not be done: one for each patient that was named, else one
/// of the ward or of nothing.
#[must_use]
pub fn denied(session: &Session, code: &'static str, ward: Option<&WardId>, patients: &[PatientId]) -> Vec<LeafDraft> {
    let leaf = LeafDraft {
        ward: ward.cloned(),
        code: Some(code),
        ..LeafDraft::new(LeafActor::from(&session.actor()), Act::AccessDenied, Outcome::Refused)
    };
    if patients.is_empty() {
        return vec![leaf];
    }
    let named = patients.iter().take(DENIED_PATIENTS_MAX);
    named.map(|patient| LeafDraft { patient: Some(patient.clone()), ..leaf.clone() }).collect()
}
