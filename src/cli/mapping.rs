//! `wardwatch mapping`.

mod lint;
mod open;
mod tryout;

use crate::{
    domain::text::clean,
    ingest::medtech::{Arithmetic, Compat, identity::IdentityMode, json::TEXT_MAX_BYTES, lint::Side},
};
use anyhow::{Context, bail};
use std::{
    io::Read,
    path::{Path, PathBuf},
};

/// Check and try MedTech mappings: a device mapping and a FHIR mapping, as Microsoft's MedTech service has them
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Lint(lint::Args),
    Try(tryout::Args),
    Open(open::Args),
}

/// Which mappings.
#[derive(Debug, Clone, clap::Args)]
struct MappingArgs {
    /// The device mapping (CollectionContent)
    #[arg(value_name = "DEVICE")]
    device: PathBuf,
    /// The FHIR mapping (CollectionFhir)
    #[arg(value_name = "FHIR")]
    fhir: PathBuf,
}

impl MappingArgs {
    fn of(&self, side: Side) -> &Path {
        match side {
            Side::Device => &self.device,
            Side::Fhir => &self.fhir,
        }
    }
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ModeArg {
    /// Devices and patients that are not known are made
    Create,
    /// They have to be known
    Lookup,
    /// The same, and each message names an encounter
    LookupWithEncounter,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum CompatArg {
    /// As Microsoft's service does it, faults included
    Medtech,
    /// Without its faults: docs/mapping.md lists them
    Safe,
}

impl From<ModeArg> for IdentityMode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Create => Self::Create,
            ModeArg::Lookup => Self::Lookup,
            ModeArg::LookupWithEncounter => Self::LookupWithEncounter,
        }
    }
}

impl From<CompatArg> for Compat {
    fn from(compat: CompatArg) -> Self {
        match compat {
            CompatArg::Medtech => Self::Medtech,
            CompatArg::Safe => Self::Safe,
        }
    }
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ArithmeticArg {
    /// As Microsoft's service counts: divide(40, 50) of whole numbers is 0
    Medtech,
    /// As its documents say: divide(40, 50) is 0.8
    Documented,
}

impl From<ArithmeticArg> for Arithmetic {
    fn from(arithmetic: ArithmeticArg) -> Self {
        match arithmetic {
            ArithmeticArg::Medtech => Self::Medtech,
            ArithmeticArg::Documented => Self::Documented,
        }
    }
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::Lint(args) => lint::run(args),
        Command::Try(args) => tryout::run(args),
        Command::Open(args) => open::run(args),
    }
}

/// So many of something: `1 error`, `2 errors`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Longest line of a text for people, in columns.
const LINE_COLUMNS: usize = 100;

/// Text that may hold what a file says, made inert.
fn inert(text: &str) -> String {
    text.split_whitespace().map(clean).collect::<Vec<_>>().join(" ")
}

/// The same, broken into lines; those after the first are indented.
fn printable(text: &str, indent: usize) -> String {
    let (mut out, mut column) = (String::new(), 0);
    for word in inert(text).split(' ') {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > LINE_COLUMNS {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out
}

/// Reads a mapping or a message; `-` is standard input.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let what = || format!("{} cannot be read", path.display());
    let mut text = Vec::new();
    let most = TEXT_MAX_BYTES as u64 + 1;
    if path == Path::new("-") {
        std::io::stdin().take(most).read_to_end(&mut text).with_context(what)?;
    } else {
        std::fs::File::open(path).with_context(what)?.take(most).read_to_end(&mut text).with_context(what)?;
    }
    if text.len() > TEXT_MAX_BYTES {
        bail!("{} is longer than {TEXT_MAX_BYTES} bytes", path.display());
    }
    Ok(text)
}
