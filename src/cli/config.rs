//! `wardwatch config`.

use super::admin;
use crate::backend::config::SAMPLE;
use std::{io::Write, path::PathBuf};

/// Check a configuration, or print a sample
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check file and environment; print what holds
    Check {
        /// Configuration file
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Print a sample with every key and its default
    Sample,
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    match &args.command {
        Command::Check { config } => {
            let config = admin::plain_config(config.as_deref())?;
            write!(out, "{}", toml::to_string(&config)?)?;
        }
        Command::Sample => write!(out, "{SAMPLE}")?,
    }
    Ok(0)
}
