//! A server from its data folder to its end.

use super::{
    admin,
    app::App,
    approvals::Approvals,
    audit::AuditDesk,
    blocklist::{self, BlocklistError},
    config::{Config, ConfigError},
    gateway,
    hub::Hub,
    identity::{self, Identity, TlsStatus},
    listener,
    mappings::{self, Mappings, MappingsError},
    metrics::Metrics,
    mllp,
    mqtt::{self, Sources},
    notify::{Desk, Links, NotifyState, privacy_faults},
    pipeline::{self, Job, PipelineParts, PipelineThreads},
    policy::{self, Occasion, PolicyDesk, PolicyError},
    rate::Rates,
    syslog::{self, SyslogState},
    tls::TlsError,
};
use crate::{
    access::{Backoff, Directory, HashError, Hasher, LoginGate, Pepper},
    audit::{Act, LeafActor, LeafDraft, Outcome},
    domain::{Millis, Mode, SystemFault, WardId, system::FaultReport},
    engine::EngineConfig,
    ingest::fhir::VitalCodes,
    notify::{ChannelError, LinkKey},
    policy::Wanted,
    seam::{Clock, Disk, DiskUsage, Entropy, OsClock, OsDisk, OsEntropy},
    store::{
        DataFolder, FolderError, Store, StoreError, StoreReader,
        sqlite::{SqliteStore, StoreParts},
    },
};
use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// So often sessions are looked after.
const SESSION_INTERVAL: Duration = Duration::from_secs(1);
/// So often the disk's fill level is looked at.
const DISK_INTERVAL: Duration = Duration::from_secs(30);
/// So often it is looked at whether wards are watched: a terminal that comes back within it was not away.
const WATCHERS_INTERVAL: Duration = Duration::from_secs(1);

/// Why a server does not start or stop in order.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The passphrase hasher.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The folder is of the other mode.
    #[error("the data folder is {found}, not {wanted}: the mode is fixed when a folder is made; use another folder")]
    Mode {
        /// What it is.
        found: Mode,
        /// What was asked for.
        wanted: Mode,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A channel for messages cannot be made.
    #[error(transparent)]
    Notify(#[from] ChannelError),
    /// The server's certificate cannot be used.
    #[error("TLS cannot be spoken")]
    Tls(#[from] TlsError),
    /// The mappings of device messages cannot be used.
    #[error(transparent)]
    Mappings(#[from] MappingsError),
    /// The list of passphrases cannot be used.
    #[error(transparent)]
    Blocklist(#[from] BlocklistError),
    /// The policies of the site cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A policy denies the start.
    #[error("{0}")]
    Denied(String),
    /// The socket for administration cannot be made.
    #[error("the socket {path} cannot be made")]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// An open data folder with its engines running; it may serve or not.
pub struct Opened {
    /// What requests need.
    pub app: Arc<App>,
    folder: DataFolder,
    threads: PipelineThreads,
    stop: watch::Sender<bool>,
}

/// Opens a data folder: takes its lock, opens the store, starts the engines. `mode` is needed to make a new folder; for
/// one that exists it must be the folder's own, or absent.
///
/// # Errors
/// If any of it fails.
pub fn open(folder: &DataFolder, mode: Option<Mode>, config: Config) -> Result<Opened, ServerError> {
    open_with(folder, mode, config, Arc::new(OsClock))
}

/// As [`open`], with other clocks: a demonstration begins in its past.
///
/// # Errors
/// If any of it fails.
pub fn open_with(
    folder: &DataFolder,
    mode: Option<Mode>,
    config: Config,
    clock: Arc<dyn Clock>,
) -> Result<Opened, ServerError> {
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    // Those of the site are read when the server starts and when it is judged: a wrong file stops no other command.
    let policies = policy::load(None, clock.wall())?;
    let lock = folder.lock()?;
    let parts = StoreParts { clock: clock.clone(), entropy: entropy.clone() };
    let store = SqliteStore::open(folder, lock, mode.unwrap_or(Mode::Live), &parts)?;
    let (found, site) = (store.site().mode, store.site().site.clone());
    if let Some(wanted) = mode.filter(|wanted| *wanted != found) {
        return Err(ServerError::Mode { found, wanted });
    }
    let audit_fault = audit_report(store.audit_fault());
    let policy = PolicyDesk::new(policies, !audit_fault.present);
    let vitals = Arc::new(config.vitals()?);
    let response = Arc::new(config.response.policy());
    let profiles = Arc::new(config.profiles()?);
    let engine = EngineConfig {
        vitals: vitals.clone(),
        profiles,
        response,
        clock: config.alarm.clock(),
        // Nobody has to watch a demonstration.
        no_watcher_after: config.alarm.no_watcher_after().filter(|_| found == Mode::Live),
        watchdogs: Arc::new(config.watchdogs()),
        ..EngineConfig::default()
    };
    let reader: Arc<dyn StoreReader> = Arc::new(store.reader()?);
    let records = reader.access()?;
    let mut backoff = Backoff::default();
    records.users.iter().for_each(|u| backoff.restore(&u.name, u.failures, clock.boot()));
    let directory = Directory::new(found, config.session.limits(), records, &clock.boot_id());
    let pepper = Pepper::new(folder.pepper(config.passphrase.pepper_file.as_deref(), entropy.as_ref())?);
    let hasher = Hasher::new(config.passphrase.params(), config.passphrase.concurrent)?.with_pepper(pepper.clone());
    let tables = (vitals.clone(), engine.profiles.clone());
    let audit_size = store.audit_size();
    let audit = AuditDesk::new(store.verifier(), config.audit.verifiers()?, folder.clone());
    let metrics = Arc::new(Metrics::default());
    let hub = Arc::new(Hub::new(found, tables, reader.clone(), directory, metrics, audit_size));
    let (pipeline, threads, engine_clock) = pipeline::start(PipelineParts {
        config: engine,
        store: Box::new(store),
        reader: reader.clone(),
        clock: clock.clone(),
        retention: config.retention.retention(),
        outlet: hub.clone(),
    })?;
    if let Err(e) = pipeline.send(Job::Fault(audit_fault)) {
        tracing::error!(error = %e, "the state of the audit trail could not be reported");
    }
    let (stop, stopping) = watch::channel(false);
    let device_rates = Mutex::new(Rates::new(config.limits.device_requests_per_s));
    let (gate, enrol_gate) = (LoginGate::new(clock.boot()), LoginGate::new(clock.boot()));
    let links = links_of(&config, folder, entropy.as_ref())?;
    let proposals = Approvals::new(config.rights.approve_within());
    let started_at = engine_clock.now();
    let app = Arc::new(App {
        config,
        fhir_codes: VitalCodes::new(&vitals),
        vitals,
        clock,
        engine_clock,
        entropy,
        pipeline,
        hub,
        reader,
        hasher,
        backoff: Mutex::new(backoff),
        letters_in_hand: Mutex::default(),
        overdue_told: Mutex::default(),
        unlocks: Mutex::default(),
        gate: Mutex::new(gate),
        enrol_gate: Mutex::new(enrol_gate),
        pepper,
        codes: tokio::sync::Mutex::default(),
        pending_factors: Mutex::default(),
        proposals: tokio::sync::Mutex::new(proposals),
        enrolments: tokio::sync::Mutex::default(),
        device_rates,
        streams: Mutex::new(HashMap::new()),
        reports: tokio::sync::Semaphore::new(1),
        started_at,
        site,
        audit,
        policy,
        links,
        mappings: OnceLock::new(),
        identity: OnceLock::new(),
        notify: NotifyState::default(),
        sources: Sources::default(),
        syslog: SyslogState::default(),
        stopping,
    });
    Ok(Opened { app, folder: folder.clone(), threads, stop })
}

/// Links in messages, if the configuration says where this server is reached.
fn links_of(config: &Config, folder: &DataFolder, entropy: &dyn Entropy) -> Result<Option<Links>, StoreError> {
    let Some(url) = &config.notify.public_url else { return Ok(None) };
    let span = Millis::from_mins(config.notify.link_minutes.into());
    Ok(Some(Links::new(LinkKey::new(folder.link_key(entropy)?), url, span)))
}

/// What is to be said of the audit trail at the start.
fn audit_report(fault: Option<&str>) -> FaultReport {
    if let Some(fault) = fault {
        tracing::error!(fault, "THE AUDIT TRAIL WAS CHANGED; no checkpoint is signed until this is resolved");
    }
    let detail = fault.map(|fault| format!("{fault}; `wardwatch audit verify` says more")).unwrap_or_default();
    FaultReport { fault: SystemFault::AuditChanged, present: fault.is_some(), detail }
}

/// A server that serves.
pub struct Serving {
    opened: Opened,
    /// Where it listens.
    pub address: SocketAddr,
    http: JoinHandle<()>,
    intake: Vec<JoinHandle<()>>,
    helpers: Vec<JoinHandle<()>>,
}

impl Opened {
    /// Begins to serve.
    ///
    /// # Errors
    /// If the address or the socket for administration cannot be used.
    pub async fn serve(self) -> Result<Serving, ServerError> {
        if let Some(path) = &self.app.config.passphrase.blocklist_file {
            blocklist::check(path)?;
        }
        let listen = self.app.config.server.listen;
        let failed = |source| ServerError::Listen { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let mut acceptor = None;
        if let Some(identity) = Identity::open(&self.app.config.server, &self.folder, self.app.clock.wall())? {
            acceptor = Some(identity.acceptor()?);
            self.app.identity.get_or_init(|| identity);
        }
        if let Some(mappings) = Mappings::open(&self.app.config, &self.app.vitals)? {
            self.app.mappings.get_or_init(|| mappings);
        }
        // The entry of the start is written here, and read back.
        let report = policy::check(&self.app, &self.folder, &Occasion::Start, &Wanted::default()).await?;
        if let Some(why) = policy::refusal(&report) {
            self.deny(&why).await;
            return Err(ServerError::Denied(why));
        }
        let path = self.folder.admin_socket();
        let admin = admin::listen(self.app.clone(), &path, self.folder.path().to_owned());
        let admin = admin.map_err(|source| ServerError::Socket { path, source })?;
        for fault in privacy_faults(&self.app) {
            tracing::warn!("{fault}");
        }
        Desk::start(&self.app)?;
        let http = tokio::spawn(listener::serve(self.app.clone(), listener, acceptor));
        let mut intake = mllp::start(&self.app).await?;
        intake.extend(mqtt::start(&self.app)?);
        let failed =
            |source| ServerError::Socket { path: self.app.config.ssh.socket.clone().unwrap_or_default(), source };
        let gateway = gateway::listen(&self.app, address).map_err(failed)?;
        let mut helpers = vec![
            admin,
            tokio::spawn(look_after_sessions(self.app.clone())),
            tokio::spawn(watch_disk(self.app.clone(), self.folder.clone())),
            tokio::spawn(count_watchers(self.app.clone())),
            tokio::spawn(mappings::watch(self.app.clone())),
            tokio::spawn(policy::watch(self.app.clone(), self.folder.clone())),
            tokio::spawn(mqtt::watch(self.app.clone())),
            tokio::spawn(identity::watch(self.app.clone())),
        ];
        if let Some(identity) = self.app.identity.get() {
            let TlsStatus { key, names, not_after, .. } = identity.status(self.app.clock.wall());
            tracing::info!(key, names = names.join(","), until = %not_after, "speaking TLS");
        }
        helpers.extend(gateway);
        helpers.extend(syslog::start(&self.app, &self.folder)?);
        tracing::info!(%address, data = %self.folder.path().display(), mode = %self.app.hub.mode(), "serving");
        Ok(Serving { opened: self, address, http, intake, helpers })
    }

    /// Records that a policy denies the start, and stops in order.
    async fn deny(self, why: &str) {
        let first = why.lines().nth(1).unwrap_or_default();
        let leaf = LeafDraft {
            side_text: self.app.beside("policy", first.to_owned()),
            ..LeafDraft::new(LeafActor::System, Act::PolicyDeny, Outcome::Refused)
        };
        if let Err(e) = self.app.record(vec![leaf], Vec::new()).await {
            tracing::error!(error = %e, "the denied start could not be recorded");
        }
        self.close().await;
    }

    /// Stops the engines when everything that was asked before is durable.
    pub async fn close(self) {
        self.stop.send_replace(true);
        let Self { app, threads, .. } = self;
        if let Err(e) = app.pipeline.ask(|reply| Job::Stop { reply }).await {
            tracing::error!(error = %e, "the engines did not stop in order");
        }
        drop(app);
        if tokio::task::spawn_blocking(move || threads.join()).await.is_err() {
            tracing::error!("the pipeline could not be waited for");
        }
    }
}

impl Serving {
    /// What requests need.
    #[must_use]
    pub const fn app(&self) -> &Arc<App> {
        &self.opened.app
    }

    /// Ends when a thread of the pipeline has ended although nobody asked: then nothing is judged any more, and the process
    /// has to be started anew.
    pub async fn failed(&self) {
        let mut interval = tokio::time::interval(SESSION_INTERVAL);
        while !self.opened.threads.any_ended() {
            interval.tick().await;
        }
    }

    /// Stops: no new connections, open requests finish, streams are told, everything is durable.
    pub async fn stop(self) {
        let Self { opened, http, intake, helpers, .. } = self;
        opened.stop.send_replace(true);
        for listener in [http].into_iter().chain(intake) {
            if listener.await.is_err() {
                tracing::error!("a listener failed");
            }
        }
        helpers.iter().for_each(JoinHandle::abort);
        if let Err(e) = admin::lose_proposals(&opened.app).await {
            tracing::error!(error = %e, "the end of proposals could not be recorded");
        }
        let leaf = LeafDraft::new(LeafActor::System, Act::ServerStop, Outcome::Success);
        if let Err(e) = opened.app.record(vec![leaf], Vec::new()).await {
            tracing::error!(error = %e, "the stop could not be recorded");
        }
        if let Err(e) = std::fs::remove_file(opened.folder.admin_socket()) {
            tracing::debug!(error = %e, "the socket for administration was gone");
        }
        if let Some(path) = &opened.app.config.ssh.socket
            && let Err(e) = std::fs::remove_file(path)
        {
            tracing::debug!(error = %e, "the socket for logins by key was gone");
        }
        opened.close().await;
    }
}

async fn look_after_sessions(app: Arc<App>) {
    let mut interval = tokio::time::interval(SESSION_INTERVAL);
    loop {
        interval.tick().await;
        if let Err(e) = app.look_after_sessions().await {
            tracing::debug!(error = %e, "sessions could not be looked after");
        }
        if let Err(e) = app.look_after_emergencies().await {
            tracing::debug!(error = %e, "emergencies could not be looked after");
        }
        if let Err(e) = admin::look_after_proposals(&app).await {
            tracing::warn!(error = %e, "the end of proposals could not be recorded");
        }
    }
}

/// Tells the engines which wards are watched. An engine takes its ward to be unwatched until it is told otherwise.
async fn count_watchers(app: Arc<App>) {
    let mut interval = tokio::time::interval(WATCHERS_INTERVAL);
    let mut told: BTreeMap<WardId, bool> = BTreeMap::new();
    loop {
        interval.tick().await;
        for (ward, watched) in app.hub.watched() {
            if told.get(&ward).copied().unwrap_or(false) == watched {
                continue;
            }
            match app.pipeline.send(Job::Watched { ward: ward.clone(), watched }) {
                Ok(()) => drop(told.insert(ward, watched)),
                Err(e) => tracing::debug!(error = %e, "who watches could not be told; it is tried again"),
            }
        }
    }
}

async fn watch_disk(app: Arc<App>, folder: DataFolder) {
    let mut interval = tokio::time::interval(DISK_INTERVAL);
    // What stood before the start is not known: the first look is always told.
    let mut reported = None;
    loop {
        interval.tick().await;
        match OsDisk.usage(folder.path()) {
            Ok(usage) => {
                app.hub.metrics().disk(usage.used_percent());
                let Some(report) = disk_report(usage, app.config.disk.alert_percent, reported) else { continue };
                let present = report.present;
                match app.pipeline.send(Job::Fault(report)) {
                    Ok(()) => reported = Some(present),
                    Err(e) => tracing::warn!(error = %e, "the disk's fill level could not be reported"),
                }
            }
            Err(e) => tracing::warn!(error = %e, "the disk's fill level is not known"),
        }
    }
}

/// What is to be said of the disk's fill level, if it is on another side of the line than was `reported`.
fn disk_report(usage: DiskUsage, alert_percent: u8, reported: Option<bool>) -> Option<FaultReport> {
    let present = usage.used_percent() >= alert_percent;
    if reported == Some(present) {
        return None;
    }
    let free_mib = usage.free_bytes / (1024 * 1024);
    let detail = format!("the disk is {} % full, {free_mib} MiB are free", usage.used_percent());
    Some(FaultReport { fault: SystemFault::DiskNearlyFull, present, detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_reported_once_when_it_crosses_the_line() {
        let usage = |free_bytes| DiskUsage { used_bytes: 1_000 - free_bytes, free_bytes };
        let said = |free, reported| disk_report(usage(free), 80, reported).map(|report| report.present);
        assert_eq!(said(210, None), Some(false), "an alert from before the start may stand");
        assert_eq!(said(210, Some(false)), None);
        assert_eq!(said(200, Some(false)), Some(true));
        assert_eq!(said(10, Some(true)), None);
        assert_eq!(said(500, Some(true)), Some(false));
    }
}
