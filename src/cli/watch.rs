//! `wardwatch watch`.

use super::{FOUND, reach::ReachArgs, screen, terminal};
use crate::{
    access::Secret,
    cli::screen::{OnceFormat, ScreenArgs, Target},
    client::{Emergency, LinkOptions, Once},
    domain::{EmergencyReason, Mode, PatientId, Remark, WardId},
    protocol::Encoding,
    seam::OsEntropy,
    tui::{core::is_urgent, words::devices::lines},
};
use anyhow::bail;
use std::{io::Write, path::PathBuf, sync::Arc};

/// Watch a ward: in this terminal, once, or as a stream for programs
///
/// Exit codes of --once: 0 all calm, 1 an alert is not acknowledged, or only made quiet, 2 wrong use or failure, 3 link or server not live.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    reach: ReachArgs,
    /// The session's token, as `wardwatch login` keeps it [default: sign in here]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Login name to begin with, where no token is given
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true, conflicts_with = "token_file")]
    user: String,
    /// The ward [default: the first that you may watch]
    #[arg(long, value_name = "ID")]
    ward: Option<WardId>,
    /// Look once, write what is seen, and end
    #[arg(long, requires = "token_file", conflicts_with_all = ["follow", "plain"])]
    once: bool,
    /// With --once: the devices of the ward instead, the worst first; exit code 1 if one is lost, empty or nobody's
    #[arg(long, requires = "once")]
    devices: bool,
    /// Write all that comes, a line each, until interrupted
    #[arg(long, requires = "token_file", conflicts_with = "plain")]
    follow: bool,
    /// With --once: text or json; with --follow: ndjson
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Open this patient of a ward that is not yours, in an emergency: you see nobody else, for 60 min at the most; all of it is
    /// recorded and judged afterwards
    #[arg(long, value_name = "PATIENT", requires_all = ["ward", "reason", "words"], conflicts_with_all = ["once", "follow"])]
    emergency: Option<PatientId>,
    /// Why: treatment (it cannot wait), coverage (everybody whose patient it is, is out of reach) or other
    #[arg(long, value_name = "REASON", requires = "emergency")]
    reason: Option<EmergencyReason>,
    /// Why, in words: 10 characters at the least
    #[arg(long, requires = "emergency")]
    words: Option<Remark>,
    #[command(flatten)]
    screen: ScreenArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Ndjson,
}

impl Args {
    fn once_format(&self) -> anyhow::Result<OnceFormat> {
        match self.format {
            None | Some(Format::Text) => Ok(OnceFormat::Text),
            Some(Format::Json) => Ok(OnceFormat::Json),
            Some(Format::Ndjson) => bail!("--format ndjson goes with --follow; --once writes text or json"),
        }
    }

    fn emergency(&self) -> Option<Emergency> {
        let (patient, reason) = (self.emergency.clone()?, self.reason?);
        Some(Emergency { patient, reason, words: self.words.clone()? })
    }

    fn check_follow_format(&self) -> anyhow::Result<()> {
        match self.format {
            None | Some(Format::Ndjson) => Ok(()),
            Some(_) => bail!("--follow writes ndjson; text and json go with --once"),
        }
    }
}

/// Watches.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let token = args.token_file.as_deref().map(terminal::read_token).transpose()?;
    let target = Target {
        endpoint: args.reach.endpoint()?,
        ward: args.ward.clone(),
        emergency: args.emergency(),
        token_file: args.token_file.clone(),
    };
    match (args.once, args.follow, token) {
        (true, _, Some(token)) => {
            let format = args.once_format()?;
            if args.devices {
                return super::runtime()?.block_on(devices(&target, token, format));
            }
            super::runtime()?.block_on(screen::once(&target, token, format))
        }
        (_, true, Some(token)) => {
            args.check_follow_format()?;
            super::runtime()?.block_on(screen::follow(&target, token))
        }
        (_, _, token) => {
            if args.format.is_some() {
                bail!("--format goes with --once or --follow");
            }
            let screen = args.screen.prepare()?;
            super::runtime()?.block_on(screen::show(&target, token, args.user.clone(), screen))
        }
    }
}

/// The devices of the ward, as far as the session may see them.
pub(super) async fn devices(target: &Target, token: Secret, format: OnceFormat) -> anyhow::Result<u8> {
    let options = LinkOptions {
        without_ward: false,
        endpoint: target.endpoint.clone(),
        token,
        token_file: None,
        ward: target.ward.clone(),
        patients: None,
        encoding: Encoding::MessagePack,
        memory: screen::trail_memory(),
        emergency: None,
    };
    let mut once = Once::connect(options, Arc::new(OsEntropy)).await?;
    let list = once.devices().await?;
    let mut out = std::io::stdout().lock();
    match format {
        OnceFormat::Text => {
            if once.mode == Mode::Demo {
                writeln!(out, "DEMO")?;
            }
            // What a locked session gets has no names in it.
            for line in lines(&list, &once.view, false) {
                writeln!(out, "{line}")?;
            }
        }
        OnceFormat::Json => {
            let mode = once.mode;
            writeln!(out, "{}", serde_json::to_string_pretty(&serde_json::json!({ "mode": mode, "devices": list }))?)?;
        }
    }
    let urgent = list.devices.iter().flat_map(|view| &view.faults).any(|fault| is_urgent(*fault));
    Ok(if urgent || !list.unplaced.is_empty() { FOUND } else { 0 })
}
