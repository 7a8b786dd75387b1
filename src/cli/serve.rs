//! `wardwatch serve`.

use super::admin::DataArgs;
use crate::{
    backend::{
        config::{Config, Layers, LogConfig, LogFormat},
        server,
    },
    domain::Mode,
    store::DataFolder,
};
use anyhow::{Context, bail};
use std::{net::SocketAddr, path::PathBuf, str::FromStr};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Run the backend: take observations, judge them, raise alerts, serve terminals
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Live or demo data; fixed when the folder is made [default: the folder's own, live for a new one]
    #[arg(long)]
    mode: Option<ModeArg>,
    /// Where to listen [default: 127.0.0.1:8470]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Speak plain text elsewhere than on loopback: what is sent there can be read on the way
    #[arg(long)]
    insecure_listen: bool,
    /// Speak TLS: `auto` makes a certificate in the data folder and keeps its key; or `cert=FILE,key=FILE` in PEM [default: off]
    #[arg(long, value_name = "auto|cert=FILE,key=FILE")]
    tls: Option<TlsArg>,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum ModeArg {
    Live,
    Demo,
}

/// What `--tls` says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TlsArg {
    Off,
    Auto,
    Files { cert: String, key: String },
}

impl FromStr for TlsArg {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text {
            "off" => return Ok(Self::Off),
            "auto" => return Ok(Self::Auto),
            _ => {}
        }
        let parts =
            text.split_once(',').and_then(|(cert, key)| Some((cert.strip_prefix("cert=")?, key.strip_prefix("key=")?)));
        let Some((cert, key)) = parts.filter(|(cert, key)| !cert.is_empty() && !key.is_empty()) else {
            bail!("auto, off or cert=FILE,key=FILE is wanted");
        };
        Ok(Self::Files { cert: cert.to_owned(), key: key.to_owned() })
    }
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Live => Self::Live,
            ModeArg::Demo => Self::Demo,
        }
    }
}

impl Args {
    fn config(&self) -> anyhow::Result<Config> {
        let mut layers = Layers::default();
        if let Some(path) = &self.config {
            layers = layers.file(path)?;
        }
        layers = layers.environment(std::env::vars())?;
        if let Some(listen) = self.listen {
            layers = layers.setting("--listen", "server.listen", &listen.to_string())?;
        }
        if self.insecure_listen {
            layers = layers.setting("--insecure-listen", "server.insecure_listen", "true")?;
        }
        if let Some(tls) = &self.tls {
            layers = tls.settings(layers)?;
        }
        Ok(layers.build()?)
    }
}

impl TlsArg {
    fn settings(&self, layers: Layers) -> anyhow::Result<Layers> {
        let layers = match self {
            Self::Off => layers.setting("--tls", "server.tls", "off")?,
            Self::Auto => layers.setting("--tls", "server.tls", "auto")?,
            Self::Files { cert, key } => {
                let layers = layers.setting("--tls", "server.tls", "files")?;
                let layers = layers.setting("--tls", "server.tls_cert_file", cert)?;
                layers.setting("--tls", "server.tls_key_file", key)?
            }
        };
        Ok(layers)
    }
}

/// Sends log lines to standard error.
fn start_log(config: &LogConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.level).with_context(|| format!("log.level {:?} is wrong", config.level))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let started = match config.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|e| anyhow::anyhow!("the log cannot be started: {e}"))
}

/// Listens for signals to stop from the moment it is called; gives what waits for one. A file that may not grow further is
/// an error of the disk, not the end of the program.
fn listen_for_stop() -> anyhow::Result<impl Future<Output = ()>> {
    const SIGXFSZ: i32 = 25;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut file_size = signal(SignalKind::from_raw(SIGXFSZ))?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                _ = file_size.recv() => tracing::error!("a file may not grow further"),
            }
        }
    })
}

/// Serves until told to stop.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let config = args.config()?;
    start_log(&config.log)?;
    let folder = DataFolder::make(&args.data.path()?)?;
    super::runtime()?.block_on(async {
        let stop = listen_for_stop()?;
        let serving = server::open(&folder, args.mode.map(Mode::from), config)?.serve().await?;
        let failed = tokio::select! {
            () = stop => false,
            () = serving.failed() => true,
        };
        tracing::info!("stopping");
        serving.stop().await;
        tracing::info!("stopped");
        if failed {
            bail!("a part of the server has failed and nothing was judged any more: the log says why; start it again");
        }
        Ok(0)
    })
}
