//! `wardwatch user`.

use super::{admin, admin::SiteArgs, terminal};
use crate::{
    backend::admin::{AdminAnswer, AdminRequest},
    domain::Role,
};
use anyhow::bail;
use std::io::Write;

/// Manage users, on the server's own machine
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add a user; the passphrase comes from the terminal (twice) or from standard input
    Add {
        /// Login name
        name: String,
        /// viewer, nurse, charge, doctor, admin, auditor or ops
        #[arg(long)]
        role: Role,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Give a user another passphrase; it also ends the wait after wrong tries
    Passphrase {
        /// Login name
        name: String,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Keep a user out; open sessions end
    Disable {
        /// Login name
        name: String,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Let a user in again
    Enable {
        /// Login name
        name: String,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// List users
    List {
        #[command(flatten)]
        site: SiteArgs,
    },
}

/// Does what is asked.
pub(super) fn run(args: Args) -> anyhow::Result<u8> {
    match args.command {
        Command::Add { name, role, site } => {
            let site = site.existing()?;
            let passphrase = terminal::new_passphrase(&name)?.expose().to_owned();
            admin::ask_done(&site, AdminRequest::AddUser { name, role, passphrase })
        }
        Command::Passphrase { name, site } => {
            let site = site.existing()?;
            let passphrase = terminal::new_passphrase(&name)?.expose().to_owned();
            admin::ask_done(&site, AdminRequest::SetPassphrase { name, passphrase })
        }
        Command::Disable { name, site } => {
            admin::ask_done(&site.existing()?, AdminRequest::EnableUser { name, enabled: false })
        }
        Command::Enable { name, site } => {
            admin::ask_done(&site.existing()?, AdminRequest::EnableUser { name, enabled: true })
        }
        Command::List { site } => list(&site),
    }
}

fn list(site: &SiteArgs) -> anyhow::Result<u8> {
    let users = match admin::ask(&site.existing()?, AdminRequest::ListUsers, None)? {
        AdminAnswer::Users { users } => users,
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<24} {:<8} {:<9} wrong tries", "name", "role", "state")?;
    for user in users {
        let state = if user.enabled { "enabled" } else { "disabled" };
        writeln!(out, "{:<24} {:<8} {state:<9} {}", user.name, user.role.as_str(), user.failures)?;
    }
    Ok(0)
}
