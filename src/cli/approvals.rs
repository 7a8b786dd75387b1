//! `wardwatch approvals`.

use super::{reach::ReachArgs, terminal};
use crate::{client, domain::ApprovalId, protocol::ApprovalView};
use anyhow::{Context, bail};
use std::{
    io::{BufRead, IsTerminal, Write},
    path::PathBuf,
};

/// Approve what another administrator has proposed and one may not do alone
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
struct Who {
    #[command(flatten)]
    reach: ReachArgs,
    /// The token of your session as an administrator (`wardwatch login`, `wardwatch session prove`)
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List what waits for a second administrator
    List {
        #[command(flatten)]
        who: Who,
    },
    /// Approve a proposal of another administrator: it is done at once, just as it was proposed
    Approve {
        /// The proposal, as `list` shows it
        id: ApprovalId,
        #[command(flatten)]
        who: Who,
    },
    /// Take back a proposal of one's own, or refuse that of another
    #[command(visible_alias = "refuse")]
    Withdraw {
        /// The proposal, as `list` shows it
        id: ApprovalId,
        #[command(flatten)]
        who: Who,
    },
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let (Command::List { who } | Command::Approve { who, .. } | Command::Withdraw { who, .. }) = &args.command;
    let (to, token) = (who.reach.endpoint()?, terminal::read_token(&who.token_file)?);
    let runtime = super::runtime()?;
    let mut out = std::io::stdout().lock();
    match &args.command {
        Command::List { .. } => {
            for open in runtime.block_on(client::approvals(&to, &token))? {
                writeln!(out, "{}  {}", open.approval, words(&open))?;
            }
        }
        Command::Approve { id, .. } => {
            let open = runtime.block_on(client::approvals(&to, &token))?;
            let open = open.iter().find(|open| open.approval == *id);
            if let Some(open) = open.filter(|open| !open.own) {
                terminal::note(&words(open));
                if std::io::stdin().is_terminal() {
                    confirm()?;
                }
            }
            let done = runtime.block_on(client::approve(&to, &token, id))?;
            writeln!(out, "approved: {done}")?;
        }
        Command::Withdraw { id, .. } => {
            let ended = runtime.block_on(client::end_approval(&to, &token, id))?;
            writeln!(out, "not done: {ended}")?;
        }
    }
    Ok(0)
}

fn words(open: &ApprovalView) -> String {
    let ApprovalView { what, by, approved_by, ends_in_ms, .. } = open;
    let approved = approved_by.as_ref().map(|second| format!(", approved by {second}")).unwrap_or_default();
    format!("{by} proposes to {what}{approved} ({} s left)", ends_in_ms / 1_000)
}

/// Asks the person here.
fn confirm() -> anyhow::Result<()> {
    terminal::ask("Approve this? (yes/no) ")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("no answer came")?;
    match answer.trim() {
        "y" | "yes" => Ok(()),
        _ => bail!("not approved: it goes on waiting"),
    }
}
