//! `wardwatch notify`.

use super::{admin, admin::SiteArgs, terminal};
use crate::{
    backend::admin::{AdminAnswer, AdminRequest, ChannelInfo},
    domain::{ChannelName, LoginName},
    notify::WebhookSecret,
    seam::{Entropy, OsEntropy},
};
use anyhow::bail;
use std::io::Write;

/// Bytes of a new secret.
const SECRET_BYTES: usize = 32;

/// Messages about alerts: how the channels do, and whether they work; on the server's own machine
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the channels of the configuration and how they do
    List {
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Send one message that says it is a test, and say what came of it
    Test {
        /// Which channel
        channel: ChannelName,
        /// To whom, by login name
        #[arg(long, value_name = "USER")]
        to: Option<String>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Print a new secret for a webhook
    Secret,
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::List { site } => list(site),
        Command::Test { channel, to, site } => {
            asked(site)?;
            let to = to.as_deref().map(LoginName::new);
            let code = admin::ask_done(&site.existing()?, AdminRequest::TestChannel { channel: channel.clone(), to })?;
            terminal::note(&format!("channel {channel} took the message over: see that it arrived"));
            Ok(code)
        }
        Command::Secret => secret(),
    }
}

fn secret() -> anyhow::Result<u8> {
    let mut bytes = [0; SECRET_BYTES];
    OsEntropy.fill(&mut bytes)?;
    writeln!(std::io::stdout().lock(), "{}", WebhookSecret::text_of(&bytes))?;
    Ok(0)
}

/// The channels; says what keeps somebody from being told.
fn asked(site: &SiteArgs) -> anyhow::Result<Vec<ChannelInfo>> {
    match admin::ask(&site.existing()?, AdminRequest::ListChannels, None)? {
        AdminAnswer::Channels { channels, faults } => {
            faults.iter().for_each(|fault| terminal::note(&format!("WARNING: {fault}")));
            Ok(channels)
        }
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    }
}

fn list(site: &SiteArgs) -> anyhow::Result<u8> {
    let channels = asked(site)?;
    if channels.is_empty() {
        terminal::note("the configuration has no channel: nobody is told who does not look at a screen");
        return Ok(0);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<16} {:<8} {:<10} {:<16} level  delivered  failed  last", "name", "kind", "tells", "priorities")?;
    for channel in channels {
        write_channel(&mut out, &channel)?;
    }
    Ok(0)
}

fn write_channel(out: &mut impl Write, channel: &ChannelInfo) -> std::io::Result<()> {
    let priorities: Vec<&str> = channel.priorities.iter().map(|p| p.as_str()).collect();
    let content = format!("{:?}", channel.content).to_lowercase();
    let state = &channel.state;
    let last = state.last.as_ref().map_or_else(|| "-".to_owned(), |(at, what)| format!("{at} {what}"));
    let (name, kind, level) = (&channel.name, &channel.kind, channel.min_level);
    let (delivered, failed) = (state.delivered, state.failed);
    writeln!(
        out,
        "{name:<16} {kind:<8} {content:<10} {:<16} {level:>5}  {delivered:>9}  {failed:>6}  {last}",
        priorities.join(",")
    )?;
    match &state.failing {
        Some(why) => writeln!(out, "{:<16} FAILS: {why}", ""),
        None => Ok(()),
    }
}
