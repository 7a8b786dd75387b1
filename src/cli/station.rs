//! `wardwatch station`.

use super::{admin, admin::SiteArgs, terminal};
use crate::{
    access::Secret,
    backend::admin::{AdminAnswer, AdminRequest},
    domain::WardId,
};
use anyhow::bail;
use std::{io::Write, path::PathBuf};

/// Manage displays on walls, on the server's own machine: each shows one ward with initials, and can do nothing
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add a display and make its token, for `wardwatch watch --token-file`; one that is there gets another token
    Add {
        /// What it is called
        name: String,
        /// The ward that it shows
        #[arg(long, value_name = "ID")]
        ward: WardId,
        /// Where the token goes, for its owner alone [default: standard output]
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Remove a display; it goes dark at once
    Remove {
        /// What it is called
        name: String,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// List displays
    List {
        #[command(flatten)]
        site: SiteArgs,
    },
}

/// Does what is asked.
pub(super) fn run(args: Args) -> anyhow::Result<u8> {
    match args.command {
        Command::Add { name, ward, token_file, site } => {
            match admin::ask(&site.existing()?, AdminRequest::AddStation { name, ward }, None)? {
                AdminAnswer::Token { token } => {
                    terminal::hand_over(&Secret::new(token), token_file.as_deref())?;
                    Ok(0)
                }
                AdminAnswer::Failed { why } => bail!(why),
                other => bail!("the server's answer is not understood: {other:?}"),
            }
        }
        Command::Remove { name, site } => admin::ask_done(&site.existing()?, AdminRequest::RemoveStation { name }),
        Command::List { site } => list(&site),
    }
}

fn list(site: &SiteArgs) -> anyhow::Result<u8> {
    let stations = match admin::ask(&site.existing()?, AdminRequest::ListStations, None)? {
        AdminAnswer::Stations { stations } => stations,
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<24} {:<16} token made", "name", "ward")?;
    for station in stations {
        writeln!(out, "{:<24} {:<16} {}", station.name, station.ward, station.made_at)?;
    }
    Ok(0)
}
