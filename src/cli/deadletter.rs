//! `wardwatch deadletter`.

use super::{FOUND, admin, admin::SiteArgs, terminal};
use crate::{
    backend::admin::{AdminAnswer, AdminRequest},
    domain::Remark,
    protocol::IntakeReport,
    store::{DeadLetterFilter, StoredDeadLetter},
};
use anyhow::bail;
use std::io::Write;

/// Inputs that could not be used: see them, try them again, drop them; on the server's own machine
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Of this sender alone
    #[arg(long, value_name = "DEVICE")]
    source: Option<String>,
    /// For this reason alone, such as not_assigned or unmatched
    #[arg(long)]
    code: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List them, the newest first
    List {
        #[command(flatten)]
        which: Which,
        /// Those that were tried again or dropped too
        #[arg(long)]
        ended: bool,
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Show one with its payload
    Show {
        /// Its number
        no: u64,
        /// As one JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Try them again once the cause is mended: an assignment, a device, a mapping. A message is tried once, with all its letters
    Retry {
        /// Their numbers
        #[arg(required_unless_present_any = ["source", "code"], conflicts_with_all = ["source", "code"])]
        no: Vec<u64>,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Mark them as needing no action; they are kept until their time is over
    Drop {
        /// Their numbers
        #[arg(required = true)]
        no: Vec<u64>,
        /// Why
        #[arg(long)]
        reason: Remark,
        #[command(flatten)]
        site: SiteArgs,
    },
}

/// Most letters that one retry drives again.
const RETRY_MAX: u32 = 1_000;

pub(super) fn run(args: Args) -> anyhow::Result<u8> {
    match args.command {
        Command::List { which, ended, limit, json, site } => {
            let Which { source, code } = which;
            let filter = DeadLetterFilter { ended, source, code, before: None };
            let letters = ask(&site, AdminRequest::ListDeadLetters { filter, limit })?;
            list(&letters, json)
        }
        Command::Show { no, json, site } => {
            let letters = ask(&site, AdminRequest::ShowDeadLetter { no })?;
            letters.first().map_or(Ok(0), |letter| show(letter, json))
        }
        Command::Retry { no, which, site } => retry(no, which, &site),
        Command::Drop { no, reason, site } => {
            for no in no {
                admin::ask_done(&site.existing()?, AdminRequest::DropDeadLetter { no, reason: reason.clone() })?;
            }
            Ok(0)
        }
    }
}

fn ask(site: &SiteArgs, request: AdminRequest) -> anyhow::Result<Vec<StoredDeadLetter>> {
    match admin::ask(&site.existing()?, request, None)? {
        AdminAnswer::DeadLetters { letters } => Ok(letters),
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    }
}

fn list(letters: &[StoredDeadLetter], json: bool) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    for stored in letters {
        if json {
            writeln!(out, "{}", serde_json::to_string(stored)?)?;
            continue;
        }
        let StoredDeadLetter { no, letter, ended } = stored;
        let ended = ended.as_ref().map(|(how, at)| format!(" [{how}, {at}]")).unwrap_or_default();
        writeln!(out, "{no:>7} {} {:<16} {:<16} {}{ended}", letter.at, letter.source, letter.code, letter.detail)?;
    }
    if letters.is_empty() {
        terminal::note("no dead letters");
    }
    Ok(0)
}

fn show(stored: &StoredDeadLetter, json: bool) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(stored)?)?;
        return Ok(0);
    }
    let StoredDeadLetter { no, letter, ended } = stored;
    writeln!(out, "number  {no}\ncame    {}\nsource  {}\nwhy     {}", letter.at, letter.source, letter.code)?;
    writeln!(out, "        {}", letter.detail)?;
    if let Some((how, at)) = ended {
        writeln!(out, "ended   {at}, {how}")?;
    }
    writeln!(out, "\n{}", letter.payload)?;
    Ok(0)
}

/// Tries letters again, the oldest first, and says what became of each. One that fails stops no other.
fn retry(no: Vec<u64>, which: Which, site: &SiteArgs) -> anyhow::Result<u8> {
    let numbers = if no.is_empty() {
        let Which { source, code } = which;
        let filter = DeadLetterFilter { source, code, ..DeadLetterFilter::default() };
        let found = ask(site, AdminRequest::ListDeadLetters { filter, limit: RETRY_MAX })?;
        // One message may have been refused for several reasons: it is driven again once.
        let mut seen = std::collections::BTreeSet::new();
        let once = found.iter().rev().filter(|s| seen.insert((s.letter.source.as_str(), s.letter.payload.as_str())));
        once.map(|stored| stored.no).collect()
    } else {
        no
    };
    if numbers.is_empty() {
        terminal::note("no dead letters");
    }
    let mut out = std::io::stdout().lock();
    let mut all_good = true;
    for no in numbers {
        match admin::ask(&site.existing()?, AdminRequest::RetryDeadLetter { no }, None)? {
            AdminAnswer::Retried { report } => {
                all_good &= report.rejected == 0;
                writeln!(out, "{no:>7} {}", told(&report))?;
            }
            AdminAnswer::Failed { why } => {
                all_good = false;
                writeln!(out, "{no:>7} not tried again: {why}")?;
            }
            other => bail!("the server's answer is not understood: {other:?}"),
        }
    }
    Ok(if all_good { 0 } else { FOUND })
}

fn told(report: &IntakeReport) -> String {
    let IntakeReport { accepted, duplicate, rejected, rejections, .. } = report;
    let why = rejections.first().map(|r| format!(": {}", r.detail)).unwrap_or_default();
    format!("{accepted} taken, {duplicate} known, {rejected} refused{why}")
}
