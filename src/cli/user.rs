//! `wardwatch user`.

use super::{
    admin,
    admin::{SiteArgs, WhoArgs},
    terminal, totp,
};
use crate::{
    backend::admin::{AdminAnswer, AdminRequest},
    domain::{Coverage, Role, WardId},
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
        /// A ward that the account is for; may be repeated [default: all wards of the site]
        #[arg(long, value_name = "ID")]
        ward: Vec<WardId>,
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Give a user another role; open sessions end
    Role {
        /// Login name
        name: String,
        /// viewer, nurse, charge, doctor, admin, auditor or ops
        role: Role,
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Make an account one for these wards alone, or for all; what is watched besides ends at once
    Wards {
        /// Login name
        name: String,
        /// A ward that the account is for; may be repeated
        #[arg(long, value_name = "ID", required_unless_present_any = ["all", "none"])]
        ward: Vec<WardId>,
        /// All wards of the site
        #[arg(long, conflicts_with = "ward")]
        all: bool,
        /// No ward
        #[arg(long, conflicts_with_all = ["ward", "all"])]
        none: bool,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Set up or remove the second factor: codes of an authenticator
    Totp(totp::Args),
    /// Give a user another passphrase; it also ends the wait after wrong tries
    Passphrase {
        /// Login name
        name: String,
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Keep a user out; open sessions end
    Disable {
        /// Login name
        name: String,
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Let a user in again
    Enable {
        /// Login name
        name: String,
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Keys of OpenSSH by which users are let in, see `wardwatch ssh`
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// List users
    List {
        #[command(flatten)]
        site: SiteArgs,
    },
}

#[derive(Debug, clap::Subcommand)]
enum KeyCommand {
    /// Give a user a key: the line of the file *.pub; sshd has to let it in too
    Add {
        /// Login name
        name: String,
        /// The line, such as 'ssh-ed25519 AAAA… comment'
        key: String,
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Take a key away; open sessions of its user end
    Remove {
        /// Login name
        name: String,
        /// The key, as `list` shows it
        #[arg(value_name = "SHA256:…")]
        fingerprint: String,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// List keys
    List {
        /// Login name [default: all users]
        name: Option<String>,
        #[command(flatten)]
        site: SiteArgs,
    },
}

/// Does what is asked.
pub(super) fn run(args: Args) -> anyhow::Result<u8> {
    match args.command {
        Command::Add { name, role, ward, who, site } => {
            let site = site.existing()?;
            let passphrase = terminal::new_passphrase(&name)?.expose().to_owned();
            let coverage = Coverage::of(ward);
            admin::ask_done_as(&site, &who, AdminRequest::AddUser { name, role, passphrase, coverage })
        }
        Command::Role { name, role, who, site } => {
            admin::ask_done_as(&site.existing()?, &who, AdminRequest::SetRole { name, role })
        }
        Command::Wards { name, ward, all, none: _, site } => {
            let coverage = if all { Coverage::All } else { Coverage::Wards(ward.into_iter().collect()) };
            admin::ask_done(&site.existing()?, AdminRequest::SetCoverage { name, coverage })
        }
        Command::Totp(args) => totp::run(&args),
        Command::Passphrase { name, who, site } => {
            let site = site.existing()?;
            let passphrase = terminal::new_passphrase(&name)?.expose().to_owned();
            admin::ask_done_as(&site, &who, AdminRequest::SetPassphrase { name, passphrase })
        }
        Command::Disable { name, who, site } => {
            admin::ask_done_as(&site.existing()?, &who, AdminRequest::EnableUser { name, enabled: false })
        }
        Command::Enable { name, who, site } => {
            admin::ask_done_as(&site.existing()?, &who, AdminRequest::EnableUser { name, enabled: true })
        }
        Command::List { site } => list(&site),
        Command::Key { command } => match command {
            KeyCommand::Add { name, key, who, site } => keys(&site, &who, AdminRequest::AddUserKey { name, key }),
            KeyCommand::Remove { name, fingerprint, site } => {
                admin::ask_done(&site.existing()?, AdminRequest::RemoveUserKey { name, fingerprint })
            }
            KeyCommand::List { name, site } => keys(&site, &WhoArgs::default(), AdminRequest::ListUserKeys { name }),
        },
    }
}

fn keys(site: &SiteArgs, who: &WhoArgs, request: AdminRequest) -> anyhow::Result<u8> {
    let keys = match admin::ask_as(&site.existing()?, who, request, None)? {
        AdminAnswer::UserKeys { keys } => keys,
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    };
    let mut out = std::io::stdout().lock();
    for key in keys {
        let kind = if key.hardware { "hardware key" } else { "key in a file" };
        writeln!(out, "{:<24} {} {} ({kind}) {}", key.user, key.fingerprint, key.algorithm, key.comment)?;
    }
    Ok(0)
}

fn list(site: &SiteArgs) -> anyhow::Result<u8> {
    let users = match admin::ask(&site.existing()?, AdminRequest::ListUsers, None)? {
        AdminAnswer::Users { users } => users,
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    };
    if users.iter().filter(|user| user.role == Role::Admin && user.enabled).count() == 2 {
        terminal::note(
            "two administrators may sign in: if one forgets the passphrase or is gone, the server has to be stopped to go \
             on without. Make a third",
        );
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<24} {:<8} {:<9} {:<7} {:<16} wrong tries", "name", "role", "state", "factor", "wards")?;
    for user in users {
        let state = if user.enabled { "enabled" } else { "disabled" };
        let (factor, role) = (if user.factor { "totp" } else { "none" }, user.role.as_str());
        let (name, wards, failures) = (user.name, user.coverage, user.failures);
        writeln!(out, "{name:<24} {role:<8} {state:<9} {factor:<7} {wards:<16} {failures}")?;
    }
    Ok(0)
}
