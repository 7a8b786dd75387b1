//! Which server a command talks to, and how it is known to be that one.

use super::terminal;
use crate::{
    access::{CertificateFacts, Fingerprint},
    client::{self, ConnectError, Endpoint, KnownServers, Trust},
};
use anyhow::{Context, anyhow, bail};
use etcetera::BaseStrategy;
use std::{
    io::{BufRead, IsTerminal},
    path::PathBuf,
};

/// Above the flags that say how a server is known.
const KNOWN: &str = "How an https server is known (default: by its key, as SSH does)";

/// How a server that speaks TLS is known.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct TrustArgs {
    /// By an authority of this file (PEM), which vouches for its name
    #[arg(long, help_heading = KNOWN, value_name = "FILE", conflicts_with_all = ["tls_roots", "fingerprint", "accept_new"])]
    ca: Option<PathBuf>,
    /// By a public authority of Mozilla's list, which vouches for its name
    #[arg(long, help_heading = KNOWN, conflicts_with_all = ["fingerprint", "accept_new"])]
    tls_roots: bool,
    /// By this key and no other, as the server's log and `wardwatch status` show it
    #[arg(long, help_heading = KNOWN, value_name = "sha256:DIGITS", conflicts_with = "accept_new")]
    fingerprint: Option<Fingerprint>,
    /// Take the key of a server that is not known yet without asking; one that has changed is refused all the same
    #[arg(long, help_heading = KNOWN)]
    accept_new: bool,
}

/// A server.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ReachArgs {
    /// The server: https://HOST:PORT, or http:// on this machine
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8470")]
    pub(super) to: Endpoint,
    #[command(flatten)]
    trust: TrustArgs,
}

impl ReachArgs {
    /// The server, known.
    pub(super) fn endpoint(&self) -> anyhow::Result<Endpoint> {
        self.trust.known(&self.to)
    }
}

impl TrustArgs {
    /// A server with what it is known by. One that is met for the first time is asked for its key, and the person here is
    /// asked whether that is the right one.
    pub(super) fn known(&self, to: &Endpoint) -> anyhow::Result<Endpoint> {
        if !to.is_tls() {
            return Ok(to.clone());
        }
        let trust = match (&self.ca, self.fingerprint) {
            (Some(ca), _) => Trust::authorities(ca)?,
            (None, _) if self.tls_roots => Trust::public_authorities()?,
            (None, Some(fingerprint)) => Trust::pin(fingerprint, "--fingerprint")?,
            (None, None) => self.by_key(to)?,
        };
        Ok(to.clone().trusted(trust))
    }

    fn by_key(&self, to: &Endpoint) -> anyhow::Result<Trust> {
        let known = known_servers()?;
        let authority = to.authority();
        if let Some(found) = known.find(&authority)? {
            let place = format!("line {} of {}", found.line, known.path().display());
            return Ok(Trust::pin(found.fingerprint, &place)?);
        }
        let shown = look(to)?;
        if !self.accept_new {
            ask(to, &shown)?;
        }
        known.add(&authority, shown.fingerprint)?;
        terminal::note(&format!("wardwatch: {authority} is now known by {}", shown.fingerprint));
        Ok(Trust::pin(shown.fingerprint, &format!("what was shown a moment ago (now in {})", known.path().display()))?)
    }
}

/// What a server shows, on a thread of its own: commands ask for their server before and within their own runtime.
fn look(to: &Endpoint) -> anyhow::Result<CertificateFacts> {
    let asked = std::thread::scope(|scope| {
        scope.spawn(|| Ok::<_, anyhow::Error>(super::runtime()?.block_on(client::look(to)))).join()
    });
    match asked.map_err(|_| anyhow!("the look at {to} has failed"))?? {
        // As text: a connection that breaks is no reader of ours that has had enough.
        Err(ConnectError::Io(e)) => bail!("{to} cannot be reached: {e}"),
        other => Ok(other?),
    }
}

fn known_servers() -> anyhow::Result<KnownServers> {
    let base = etcetera::choose_base_strategy().context("there is no home folder for the known servers")?;
    let state = base.state_dir().unwrap_or_else(|| base.data_dir());
    Ok(KnownServers::at(&state.join("wardwatch/known-servers")))
}

/// Asks the person here whether the server is the right one.
fn ask(to: &Endpoint, shown: &CertificateFacts) -> anyhow::Result<()> {
    let (key, names, end) = (shown.fingerprint, shown.names.join(", "), shown.not_after);
    if !std::io::stdin().is_terminal() {
        bail!(
            "{to} is not known yet, and nobody can be asked here. It shows the key {key}: if that is the one that \
             `wardwatch status` shows on the server, say --fingerprint {key}, or --accept-new to take it unseen"
        );
    }
    terminal::note(&format!(
        "{to} is not known yet.\nIt shows the key  {key}\nfor               {names}, until {end}\n\
         `wardwatch status` on the server shows the right one: compare them."
    ));
    terminal::ask("Is it the same, and is this server to be known by it? (yes/no) ")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "yes" => Ok(()),
        _ => bail!("{to} was not trusted: nothing was sent"),
    }
}
