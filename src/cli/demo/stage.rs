//! A living ward out of nothing: a server on a folder that goes when it ends, eight hours of history, a gateway that goes on
//! sending, and a signed-in user.

use crate::{
    access::{Secret, new_id},
    backend::{
        admin::{self, AdminAnswer, AdminRequest, Asker},
        app::App,
        config::{Config, PassphraseConfig},
        pipeline::Job,
        server::{self, Opened, Serving},
    },
    cli::provision,
    client::{self, Endpoint},
    domain::{Coverage, Millis, Mode, Observation, Role, Timestamp, WardId},
    replay::{self, Options, Recording, live::LiveOptions},
    seam::{Clock, LaggingClock, OsClock, OsEntropy},
    store::DataFolder,
};
use anyhow::{Context, bail};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::task::JoinHandle;

/// The ward of the demonstration.
const SCENARIO: &str = include_str!("../../../fixtures/ward12.toml");
/// Observations that are stored at once while the history is made.
const HISTORY_CHUNK: usize = 16 * 1024;
/// The history is made when it ends less than this before the present.
const CAUGHT_UP: Millis = Millis(1_500);
/// Most rounds of catching up with the time that making the history took.
const CATCH_UP_ROUNDS_MAX: u32 = 20;
/// The login name of the throw-away user.
const USER: &str = "demo";

/// A folder that is removed when it is dropped.
struct Passing(PathBuf);

impl Passing {
    fn make() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(new_id("wardwatch-demo", &OsEntropy)?);
        Ok(Self(path))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // Best effort: what cannot be removed is in the system's folder for passing files.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The running demonstration.
pub(super) struct Stage {
    /// Where the server is.
    pub(super) endpoint: Endpoint,
    /// The session of the throw-away user.
    pub(super) token: Secret,
    serving: Serving,
    gateway: JoinHandle<()>,
    _folder: Passing,
}

/// Sets the stage; `progress` is told how much of the history is made, in percent.
pub(super) async fn set(seed: Option<u64>, progress: impl Fn(u8) + Send) -> anyhow::Result<Stage> {
    let passing = Passing::make()?;
    let began = OsClock.wall();
    let options = Options { seed, ..Options::default() };
    let mut recording = replay::load_text(Path::new("the demonstration"), SCENARIO, &options)?;
    let live_from = recording.live_from.unwrap_or(recording.span().end);
    recording.plan.zero = began - live_from;

    let folder = DataFolder::make(&passing.0)?;
    let clock = LaggingClock::behind(live_from);
    let opened = server::open_with(&folder, Some(Mode::Demo), config(), Arc::new(clock.clone()))?;
    let gateway_token = provision(&opened, &folder, &recording).await?;
    let reached = make_history(&opened, &recording, live_from, began, progress).await?;
    clock.catch_up();

    let serving = opened.serve().await?;
    let endpoint: Endpoint = format!("http://{}", serving.address).parse()?;
    let passphrase = Secret::new(new_id("only for this demonstration", &OsEntropy)?);
    let user = AdminRequest::AddUser {
        name: USER.to_owned(),
        role: Role::Nurse,
        passphrase: passphrase.expose().to_owned(),
        coverage: Coverage::All,
    };
    let AdminAnswer::Done = execute(serving.app(), &folder, true, user).await? else {
        bail!("the user of the demonstration could not be made");
    };
    let gateway =
        tokio::spawn(send(recording, endpoint.clone(), gateway_token, reached, began + (reached - live_from)));
    let token = client::login(&endpoint, USER, &passphrase, None).await?.token;
    Ok(Stage { endpoint, token, serving, gateway, _folder: passing })
}

impl Stage {
    /// Ends it: the server stops in order, and its folder goes.
    pub(super) async fn end(self) {
        self.gateway.abort();
        self.serving.stop().await;
    }
}

/// A loopback port that the system chooses, and a hash whose cost fits a passphrase that nobody types.
fn config() -> Config {
    let mut config = Config::default();
    config.server.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.passphrase = PassphraseConfig { memory_kib: 8 * 1024, passes: 1, ..PassphraseConfig::default() };
    // What fills the disk of a demonstration is not the demonstration's.
    config.disk.alert_percent = 100;
    config
}

async fn execute(
    app: &Arc<App>,
    folder: &DataFolder,
    serving: bool,
    request: AdminRequest,
) -> anyhow::Result<AdminAnswer> {
    let uid = rustix::process::getuid().as_raw();
    match admin::execute(app, folder.path(), Asker::console(uid, serving), request).await {
        AdminAnswer::Failed { why } => bail!(why),
        answer => Ok(answer),
    }
}

async fn provision(opened: &Opened, folder: &DataFolder, recording: &Recording) -> anyhow::Result<Secret> {
    let (ward, gateway, commands) = provision::plan(recording, recording.plan.zero);
    let request = AdminRequest::Provision { ward, gateway, commands };
    match execute(&opened.app, folder, false, request).await? {
        AdminAnswer::Token { token } => Ok(Secret::new(token)),
        other => bail!("the ward of the demonstration could not be made: {other:?}"),
    }
}

/// Stores what came before the present, and what came meanwhile; tells where in the recording it stopped.
async fn make_history(
    opened: &Opened,
    recording: &Recording,
    live_from: Millis,
    began: Timestamp,
    progress: impl Fn(u8),
) -> anyhow::Result<Millis> {
    let ward = &recording.plan.ward.id;
    let total = live_from - recording.span().first;
    let mut from = recording.span().first;
    for _ in 0..CATCH_UP_ROUNDS_MAX {
        let to = live_from + OsClock.wall().since(began).max(Millis::ZERO);
        if to - from < CAUGHT_UP {
            break;
        }
        let mut chunk = Vec::with_capacity(HISTORY_CHUNK);
        for sample in recording.window(from, to) {
            let at = sample.at;
            chunk.push(sample.observation(at));
            if chunk.len() == HISTORY_CHUNK {
                store(opened, ward, std::mem::take(&mut chunk)).await?;
                progress(percent(at.since(recording.plan.zero), total));
            }
        }
        store(opened, ward, chunk).await?;
        from = to;
    }
    Ok(from)
}

fn percent(done: Millis, total: Millis) -> u8 {
    u8::try_from((done.0 * 100 / total.0.max(1)).clamp(0, 100)).unwrap_or(100)
}

async fn store(opened: &Opened, ward: &WardId, observations: Vec<Observation>) -> anyhow::Result<()> {
    if observations.is_empty() {
        return Ok(());
    }
    let job = |reply| Job::Backfill { ward: ward.clone(), observations, reply };
    opened.app.pipeline.ask(job).await.context("the history could not be stored")
}

/// Goes on sending, for ever.
async fn send(recording: Recording, endpoint: Endpoint, token: Secret, from: Millis, due: Timestamp) {
    let options = LiveOptions { endpoint, token, speed: 1.0, again: true, from, due: Some(due) };
    let sent = replay::live::send(&recording, &options, Arc::new(OsClock), Arc::new(OsEntropy), |_| {}).await;
    if let Err(e) = sent {
        tracing::error!(error = %e, "the demonstration's gateway has stopped");
    }
}
