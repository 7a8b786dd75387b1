//! Asking for administration: through the server's socket while it runs, else with the folder's lock.

use crate::{
    backend::{
        admin::{self, AdminAnswer, AdminRequest},
        config::{Config, Layers},
        server,
    },
    domain::{Command, Mode, WardId},
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

    /// The folder, which must hold a database.
    pub(super) fn existing(&self) -> anyhow::Result<DataFolder> {
        let path = self.path()?;
        let folder = DataFolder::open(&path)?;
        if !folder.database().exists() {
            return Err(FolderError::Absent { path: path.display().to_string() }.into());
        }
        Ok(folder)
    }
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
pub(super) fn ask(folder: &DataFolder, request: AdminRequest, mode: Option<Mode>) -> anyhow::Result<AdminAnswer> {
    if let Some(answer) = admin::ask(&folder.admin_socket(), &request)? {
        return Ok(answer);
    }
    let config = plain_config(None)?;
    super::runtime()?.block_on(async {
        let opened = server::open(folder, mode, config)?;
        let uid = rustix::process::getuid().as_raw();
        let answer = admin::execute(&opened.app, folder.path(), false, uid, request).await;
        opened.close().await;
        Ok(answer)
    })
}

/// Asks for something that has no answer but done.
pub(super) fn ask_done(folder: &DataFolder, request: AdminRequest) -> anyhow::Result<u8> {
    match ask(folder, request, None)? {
        AdminAnswer::Done => Ok(0),
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    }
}

/// The ward that is meant: the named one, or the only one of the folder.
pub(super) fn ward_of(folder: &DataFolder, named: Option<&WardId>) -> anyhow::Result<WardId> {
    if let Some(ward) = named {
        return Ok(ward.clone());
    }
    let AdminAnswer::Status(status) = ask(folder, AdminRequest::Status, None)? else {
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
pub(super) fn run_on_ward(data: &DataArgs, ward: Option<&WardId>, command: Command) -> anyhow::Result<u8> {
    let folder = data.existing()?;
    let ward = ward_of(&folder, ward)?;
    ask_done(&folder, AdminRequest::Command { ward, command })
}
