//! `wardwatch audit`.

use super::{FOUND, admin, admin::SiteArgs, terminal};
use crate::{
    audit::{Checkpoint, NoteVerifier, verify, verify::Fault},
    backend::admin::AdminRequest,
    store::{DataFolder, StoreReader, sqlite::SqliteReader},
};
use anyhow::{Context, bail};
use std::{
    convert::Infallible,
    io::Write,
    path::{Path, PathBuf},
};

/// Read and verify the audit trail
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show entries, oldest first
    Show {
        /// First entry
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// Most entries
        #[arg(long, default_value_t = 1000)]
        limit: u32,
        /// One JSON object a line, exactly as stored
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Check the trail against its signed checkpoints; exit 1 and name the first bad entry if it was changed
    Verify {
        /// A checkpoint that was kept elsewhere; it is checked besides those in the folder
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
        /// The public key, kept elsewhere [default: audit.pub of the folder]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Print the newest signed checkpoint, to be kept elsewhere
    Checkpoint {
        #[command(flatten)]
        site: SiteArgs,
    },
}

/// Most checkpoints of the folder that are checked, the newest ones.
const CHECKPOINTS_CHECKED_MAX: u32 = 20_000;

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::Show { from, limit, json, site } => show(site, *from, *limit, *json),
        Command::Verify { checkpoint, key, site } => verify_trail(site, checkpoint.as_deref(), key.as_deref()),
        Command::Checkpoint { site } => {
            let path = site.existing()?.folder.audit_checkpoint();
            let what = || "there is no checkpoint yet: the server signs one within a second of its start";
            let note = std::fs::read_to_string(path).with_context(what)?;
            write!(std::io::stdout(), "{note}")?;
            Ok(0)
        }
    }
}

fn show(site: &SiteArgs, from: u64, limit: u32, json: bool) -> anyhow::Result<u8> {
    let site = site.existing()?;
    // Reading the trail is an act of its own.
    admin::ask_done(&site, AdminRequest::NoteAuditRead)?;
    let reader = SqliteReader::open(&site.folder)?;
    let mut out = std::io::stdout().lock();
    for row in reader.leaves(from, limit)? {
        if json {
            writeln!(out, "{}", row.leaf)?;
        } else {
            writeln!(out, "{}", line(row.index, &row.leaf, row.text.as_deref()))?;
        }
    }
    Ok(0)
}

/// An entry as a line for people. What is in an entry was written by us; a changed one is shown cleaned.
fn line(index: u64, leaf: &str, text: Option<&str>) -> String {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(leaf) else {
        return format!("{index:>8}  unreadable: {}", crate::domain::text::clean(leaf));
    };
    let get = |key: &str| value.get(key).and_then(serde_json::Value::as_str).unwrap_or("");
    let actor = value.get("actor").cloned().unwrap_or_default();
    let part = |key: &str| actor.get(key).map(|v| v.to_string().trim_matches('"').to_owned());
    let who = ["user", "device", "uid", "kind"].iter().find_map(|key| part(key)).unwrap_or_default();
    let about = ["ward", "bed", "patient", "device", "user", "session", "alert", "handover", "code"]
        .iter()
        .filter_map(|key| value.get(*key).map(|v| format!("{key}={}", v.to_string().trim_matches('"'))))
        .chain(text.map(|t| format!("text={t:?}")));
    let about: Vec<String> = about.collect();
    let clean = crate::domain::text::clean;
    let (at, act, outcome) = (clean(get("utc")), clean(get("act")), clean(get("outcome")));
    format!("{index:>8}  {at}  {act:<18} {outcome:<8} {:<20} {}", clean(&who), clean(&about.join(" ")))
}

fn read_key(folder: &DataFolder, key: Option<&Path>) -> anyhow::Result<NoteVerifier> {
    let path = key.map_or_else(|| folder.audit_public_key(), Path::to_owned);
    let what = || format!("the public key {} cannot be read", path.display());
    Ok(std::fs::read_to_string(&path).with_context(what)?.parse()?)
}

fn verify_trail(site: &SiteArgs, checkpoint: Option<&Path>, key: Option<&Path>) -> anyhow::Result<u8> {
    let folder = site.existing()?.folder;
    let key = read_key(&folder, key)?;
    let reader = SqliteReader::open(&folder)?;
    let mut checkpoints: Vec<Checkpoint> = Vec::new();
    if let Some(path) = checkpoint {
        let what = || format!("the checkpoint {} cannot be read", path.display());
        let note = std::fs::read_to_string(path).with_context(what)?;
        match key.open(&note) {
            Ok(checkpoint) => checkpoints.push(checkpoint),
            Err(e) => {
                terminal::note(&format!("{}: {e}", path.display()));
                return Ok(FOUND);
            }
        }
    }
    let mut unsigned = 0_u64;
    for note in reader.checkpoints(CHECKPOINTS_CHECKED_MAX)? {
        match key.open(&note) {
            Ok(checkpoint) => checkpoints.push(checkpoint),
            Err(_) => unsigned += 1,
        }
    }
    if checkpoints.is_empty() && unsigned == 0 {
        bail!("there is no signed checkpoint to verify against: keep one with `wardwatch audit checkpoint`");
    }
    let mut out = std::io::stdout().lock();
    match check(&reader, checkpoints)? {
        Ok(verified) if unsigned == 0 => {
            writeln!(
                out,
                "good: {} entries, {} of them signed, {} checkpoints",
                verified.leaves, verified.covered, verified.checkpoints
            )?;
            Ok(0)
        }
        Ok(_) => {
            writeln!(out, "BAD: {unsigned} checkpoints in the folder do not carry the key's signature")?;
            Ok(FOUND)
        }
        Err(fault) => {
            writeln!(out, "BAD: {fault}; first bad index: {}", fault.index)?;
            Ok(FOUND)
        }
    }
}

fn check(reader: &SqliteReader, checkpoints: Vec<Checkpoint>) -> anyhow::Result<Result<crate::audit::Verified, Fault>> {
    // Leaves come from the database as they are verified: a long trail is never in memory as a whole.
    let (sender, receiver) = std::sync::mpsc::sync_channel(1_024);
    std::thread::scope(|scope| {
        let verdict = scope.spawn(move || verify(receiver.into_iter().map(Ok::<_, Infallible>), checkpoints));
        reader.each_leaf(&mut |leaf| sender.send(leaf).is_ok())?;
        drop(sender);
        match verdict.join() {
            Ok(Ok(verdict)) => Ok(verdict),
            Ok(Err(never)) => match never {},
            Err(_) => bail!("the verification failed"),
        }
    })
}
