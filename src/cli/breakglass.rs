//! `wardwatch breakglass`.

use super::{admin, admin::SiteArgs};
use crate::{
    backend::admin::{AdminAnswer, AdminRequest},
    domain::Remark,
};
use anyhow::bail;
use std::io::Write;

/// Judge patients who were opened in emergencies, on the server's own machine
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List those that nobody has judged, the oldest first; exit code 1 if one is overdue
    List {
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Say what was found
    Review {
        /// Its identifier, as `list` shows it
        id: String,
        /// Whether it was an emergency
        #[arg(long, value_name = "YES|NO", value_parser = ["yes", "no"])]
        justified: String,
        /// What there is to say
        #[arg(long)]
        words: Remark,
        #[command(flatten)]
        site: SiteArgs,
    },
}

/// Does what is asked.
pub(super) fn run(args: Args) -> anyhow::Result<u8> {
    match args.command {
        Command::List { site } => list(&site),
        Command::Review { id, justified, words, site } => {
            let justified = justified == "yes";
            admin::ask_done(&site.existing()?, AdminRequest::ReviewBreakGlass { id, justified, words })
        }
    }
}

fn list(site: &SiteArgs) -> anyhow::Result<u8> {
    let (opened, now) = match admin::ask(&site.existing()?, AdminRequest::ListBreakGlass, None)? {
        AdminAnswer::BreakGlass { opened, now } => (opened, now),
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    };
    let mut out = std::io::stdout().lock();
    for o in &opened {
        let state = if o.is_open(now) {
            "OPEN NOW".to_owned()
        } else if o.is_overdue(now) {
            format!("OVERDUE since {}", o.due())
        } else {
            format!("to be judged until {}", o.due())
        };
        writeln!(out, "{}  {state}", o.id)?;
        writeln!(
            out,
            "    {} opened {} of ward {} at {}: {}, {}",
            o.name, o.patient, o.ward, o.began, o.reason, o.words
        )?;
    }
    Ok(if opened.iter().any(|o| o.is_overdue(now)) { super::FOUND } else { 0 })
}
