//! `wardwatch demo`.

mod stage;

use super::{screen, terminal};
use crate::cli::screen::{OnceFormat, ScreenArgs};
use std::io::IsTerminal;

/// Open a living ward of invented patients in this terminal; nothing is left behind
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Look once, write what is seen, and end: exit 0 if all is calm, 1 if an alert is not acknowledged or only made quiet, 3 if not live
    #[arg(long, conflicts_with = "plain")]
    once: bool,
    /// With --once: text or JSON
    #[arg(long, value_name = "FORMAT", requires = "once", default_value = "text")]
    format: OnceFormat,
    /// Seed of the simulated vitals [default: the scenario's own]
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    screen: ScreenArgs,
}

/// Shows the demonstration.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let screen = args.screen.prepare()?;
    let terminal = std::io::stderr().is_terminal();
    let progress = move |percent| {
        if terminal {
            terminal::overwrite(&format!("making eight hours of history: {percent} %"));
        }
    };
    super::runtime()?.block_on(async {
        let stage = tokio::select! {
            stage = stage::set(args.seed, progress) => stage?,
            () = screen::told_to_stop() => return Ok(0),
        };
        if terminal {
            terminal::overwrite("");
        }
        let target = screen::Target { endpoint: stage.endpoint.clone(), ward: None, emergency: None, token_file: None };
        let done = if args.once {
            screen::once(&target, stage.token.clone(), args.format).await
        } else {
            screen::show(&target, Some(stage.token.clone()), String::new(), screen).await
        };
        stage.end().await;
        done
    })
}
