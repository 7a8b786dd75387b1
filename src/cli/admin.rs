//! Asking for administration: through the server's socket while it runs, else with the folder's lock.

use super::terminal;
use crate::{
    backend::{
        admin::{self, AdminAnswer, AdminRequest, Asker, Whose},
        config::{Config, Layers},
        server,
    },
    domain::{ApprovalId, Command, Mode, Remark, WardId},
    store::{DataFolder, FolderError},
};
use anyhow::{Context, bail};
use etcetera::BaseStrategy;
use std::path::{Path, PathBuf};

/// Which data folder.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DataArgs {
    /// The data folder [default: $XDG_DATA_HOME/wardwatch]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl DataArgs {
    /// Where the data folder is.
    pub(super) fn path(&self) -> anyhow::Result<PathBuf> {
        match &self.data {
            Some(path) => Ok(path.clone()),
            None => {
                Ok(etcetera::choose_base_strategy().context("there is no home folder")?.data_dir().join("wardwatch"))
            }
        }
    }
}

/// Which data folder, and the configuration that it is served with.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SiteArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The server's configuration file: it may define vitals. Read while no server runs
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl SiteArgs {
    /// The configuration file, if one is named.
    pub(super) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The folder, which must hold a database.
    pub(super) fn existing(&self) -> anyhow::Result<Site> {
        let path = self.data.path()?;
        let folder = DataFolder::open(&path)?;
        if !folder.database().exists() {
            return Err(FolderError::Absent { path: path.display().to_string() }.into());
        }
        Ok(Site { folder, config: self.config.clone() })
    }
}

/// Who asks, for what wants two administrators.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct WhoArgs {
    /// The token of your session as an administrator: what wants two administrators is proposed in your name
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Why no second administrator approves what wants two, while no server runs; the audit trail keeps it
    #[arg(long, value_name = "WHY", conflicts_with = "token_file")]
    alone: Option<Remark>,
}

impl WhoArgs {
    /// Whether somebody says who they are.
    pub(super) const fn is_somebody(&self) -> bool {
        self.token_file.is_some()
    }

    fn whose(&self) -> anyhow::Result<Whose> {
        let token = self.token_file.as_deref().map(terminal::read_token).transpose()?;
        Ok(Whose { token, alone: self.alone.clone() })
    }
}

/// A data folder, and the configuration file that it is served with.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) folder: DataFolder,
    pub(super) config: Option<PathBuf>,
}

/// The configuration of file and environment, for commands that have no flags of their own for it.
pub(super) fn plain_config(file: Option<&Path>) -> anyhow::Result<Config> {
    let layers = match file {
        Some(path) => Layers::default().file(path)?,
        None => Layers::default(),
    };
    Ok(layers.environment(std::env::vars())?.build()?)
}

/// Asks the server of a folder; if none runs, opens the folder and does it here.
pub(super) fn ask(site: &Site, request: AdminRequest, mode: Option<Mode>) -> anyhow::Result<AdminAnswer> {
    ask_as(site, &WhoArgs::default(), request, mode)
}

/// As [`ask`], and says who asks.
pub(super) fn ask_as(
    site: &Site,
    who: &WhoArgs,
    request: AdminRequest,
    mode: Option<Mode>,
) -> anyhow::Result<AdminAnswer> {
    let whose = who.whose()?;
    if let Some(answer) = admin::ask_as(&site.folder.admin_socket(), &request, &whose)? {
        return settled(answer);
    }
    let config = plain_config(site.config.as_deref())?;
    let answer = super::runtime()?.block_on(async {
        let opened = server::open(&site.folder, mode, config)?;
        let asker = Asker { uid: rustix::process::getuid().as_raw(), serving: false, whose };
        let answer = admin::execute(&opened.app, site.folder.path(), asker, request).await;
        opened.close().await;
        anyhow::Ok(answer)
    })?;
    settled(answer)
}

/// It was proposed, and another administrator has to approve it.
#[derive(Debug, thiserror::Error)]
#[error(
    "not done yet, it needs a second administrator: {what}\nwithin {within_s} s {by} runs: wardwatch approvals approve \
     {approval} --token-file FILE"
)]
pub(super) struct Waits {
    what: String,
    within_s: i64,
    by: String,
    approval: ApprovalId,
}

/// What came of it, once it is said who else was there, or is wanted.
fn settled(answer: AdminAnswer) -> anyhow::Result<AdminAnswer> {
    match answer {
        AdminAnswer::Alone { why, done } => {
            terminal::note(&format!("wardwatch: {why}"));
            Ok(*done)
        }
        AdminAnswer::Proposed { approval, what, by, within } => {
            Err(Waits { what, within_s: within.0 / 1_000, by: by.join(" or "), approval }.into())
        }
        other => Ok(other),
    }
}

/// Asks for something that has no answer but done.
pub(super) fn ask_done(site: &Site, request: AdminRequest) -> anyhow::Result<u8> {
    ask_done_as(site, &WhoArgs::default(), request)
}

/// As [`ask_done`], and says who asks.
pub(super) fn ask_done_as(site: &Site, who: &WhoArgs, request: AdminRequest) -> anyhow::Result<u8> {
    match ask_as(site, who, request, None)? {
        AdminAnswer::Done => Ok(0),
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    }
}

/// The ward that is meant: the named one, or the only one of the folder.
pub(super) fn ward_of(site: &Site, named: Option<&WardId>) -> anyhow::Result<WardId> {
    if let Some(ward) = named {
        return Ok(ward.clone());
    }
    let AdminAnswer::Status(status) = ask(site, AdminRequest::Status, None)? else {
        bail!("the wards of the folder are not known");
    };
    match status.wards.as_slice() {
        [only] => Ok(only.ward.clone()),
        [] => bail!("there is no ward yet: `wardwatch ward add ID --name NAME` makes one"),
        several => {
            let names: Vec<&str> = several.iter().map(|w| w.ward.as_str()).collect();
            bail!("there are several wards: say which with --ward ({})", names.join(", "))
        }
    }
}

/// Runs a command on a ward.
pub(super) fn run_on_ward(site: &SiteArgs, ward: Option<&WardId>, command: Command) -> anyhow::Result<u8> {
    let site = site.existing()?;
    let ward = ward_of(&site, ward)?;
    ask_done(&site, AdminRequest::Command { ward, command })
}
