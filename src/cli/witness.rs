//! `wardwatch witness`.

use super::{FOUND, reach::ReachArgs, screen::told_to_stop, terminal};
use crate::{
    audit::NoteVerifier,
    client::{Witness, WitnessError, WitnessParts},
    seam::{Clock, OsClock, OsEntropy},
};
use anyhow::Context;
use etcetera::BaseStrategy;
use std::{io::Write, path::PathBuf, time::Duration};

/// Witness a server's audit trail from another host: cosign what has grown, refuse what was changed
///
/// It needs no account on the server. What it remembers and its key stand in a folder of its own. A past that was changed is
/// said at each look, and nothing is cosigned any more until a person removes what is remembered.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    reach: ReachArgs,
    /// The name of the witness, as it stands in its cosignatures
    #[arg(long, value_name = "NAME", default_value = "wardwatch/witness")]
    name: String,
    /// The folder of its key and its memory [default: $XDG_STATE_HOME/wardwatch/witness]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The trail's public key, a file [default: the first that is seen is believed]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
    /// Look once; exit 1 if the past was changed
    #[arg(long)]
    once: bool,
    /// Print the witness's public key, for audit.witnesses of the server and for `audit check --witness`
    #[arg(long, conflicts_with = "once")]
    show_key: bool,
}

/// Witnesses until told to stop.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let folder = match &args.state {
        Some(folder) => folder.clone(),
        None => {
            let state = etcetera::choose_base_strategy().ok().and_then(|strategy| strategy.state_dir());
            state.context("there is no home folder: name one with --state")?.join("wardwatch").join("witness")
        }
    };
    let read = |path: &PathBuf| -> anyhow::Result<NoteVerifier> {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(text.parse()?)
    };
    let key = args.key.as_ref().map(read).transpose()?;
    // The key of the witness is shown without the server.
    let endpoint = if args.show_key { args.reach.to.clone() } else { args.reach.endpoint()? };
    let lock_in = folder.clone();
    let parts = WitnessParts { endpoint, name: args.name.clone(), folder, key };
    let mut witness = Witness::new(parts, &OsEntropy)?;
    if args.show_key {
        writeln!(std::io::stdout(), "{}", witness.key())?;
        return Ok(0);
    }
    let _lock = Witness::lock(&lock_in)?;
    super::runtime()?.block_on(async {
        if args.once {
            return match witness.look(OsClock.wall()).await {
                Ok(size) => {
                    writeln!(std::io::stdout(), "cosigned {size} entries of {}", args.reach.to)?;
                    Ok(0)
                }
                Err(e @ WitnessError::Forked(_)) => {
                    terminal::note(&e.to_string());
                    Ok(FOUND)
                }
                Err(e) => Err(e.into()),
            };
        }
        let mut look = tokio::time::interval(Duration::from_secs(args.every));
        let mut stop = std::pin::pin!(told_to_stop());
        loop {
            tokio::select! {
                () = &mut stop => return Ok(0),
                _ = look.tick() => match witness.look(OsClock.wall()).await {
                    Ok(size) => writeln!(std::io::stdout(), "{} cosigned {size} entries", OsClock.wall())?,
                    Err(e) => terminal::note(&format!("{} {e}", OsClock.wall())),
                },
            }
        }
    })
}
