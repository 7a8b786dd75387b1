//! `wardwatch audit`.

mod entries;
mod pins;
mod proofs;
mod retain;

use super::{
    admin,
    admin::{Site, SiteArgs, WhoArgs},
    terminal,
};
use crate::{
    audit::export::{self, Entry},
    backend::admin::AdminRequest,
    domain::{ApprovalId, Timestamp},
    seam::{Clock, OsClock},
    store::{LeafRow, StoreReader, sqlite::SqliteReader},
};
use anyhow::Context;
use entries::{Filter, Names, line};
use std::{io::Write, path::PathBuf};

/// Entries that are read at once.
const PAGE: u32 = 1_000;

/// Read, verify and prove the audit trail
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show entries, oldest first
    ///
    /// Who looked at a patient: wardwatch audit show --patient ID --reads
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
        filter: Filter,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Check the trail against its signed checkpoints; exit 1 and name the first bad entry if it was changed
    Verify {
        /// A checkpoint or a pin that was kept elsewhere: the trail must have grown from it. May be given more than once
        #[arg(long, value_name = "FILE")]
        from: Vec<PathBuf>,
        /// The public key, kept elsewhere: a file, or the key itself [default: audit.pub of the folder]
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Write the proof that an entry is in the trail, for somebody who has no access to it
    Prove {
        /// The entry
        index: u64,
        /// The file that `audit retain --archive` wrote, if retention has removed the entry
        #[arg(long, value_name = "FILE")]
        archive: Option<PathBuf>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Check a proof, without a server and without the trail; exit 1 if it does not hold
    Check {
        /// What `audit prove` wrote
        proof: PathBuf,
        /// The trail's public key: a file, or the key itself
        #[arg(long, value_name = "KEY")]
        key: String,
        /// The public key of a witness: a file, or the key itself. May be given more than once
        #[arg(long, value_name = "KEY")]
        witness: Vec<String>,
        /// How many of the witnesses must have cosigned [default: all]
        #[arg(long, value_name = "K", requires = "witness")]
        quorum: Option<usize>,
    },
    /// Write entries as others read them, one line each, oldest first
    Export {
        /// FHIR AuditEvent, DICOM audit messages, or syslog lines
        #[arg(long, value_enum)]
        format: Format,
        /// Before this time [default: to the end]; wanted with --token-file, as is a time for --since
        #[arg(long, value_name = "TIME")]
        until: Option<Timestamp>,
        #[command(flatten)]
        filter: Filter,
        /// The proposal by which another administrator has approved this export
        #[arg(long, value_name = "ID", requires = "token_file")]
        approved: Option<ApprovalId>,
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Write the newest signed checkpoint with the hashes of its entries, to be kept elsewhere
    ///
    /// With it, `audit verify --from` names the first changed entry exactly, whoever has signed what. 32 bytes for an entry;
    /// it names nobody.
    Pin {
        /// The file [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Remove entries whose time is over (audit.retention_years); their hashes stay, and an entry says who removed them
    ///
    /// Without --confirm it says what would be removed. Nothing is removed that the receiver of syslog has not confirmed; if
    /// none is configured, the entries have to be archived.
    Retain {
        /// Say what would be removed, and remove nothing
        #[arg(long, conflicts_with_all = ["confirm", "archive"])]
        dry_run: bool,
        /// Write the entries to this new file first, as they were signed, one a line
        #[arg(long, value_name = "FILE", requires = "confirm")]
        archive: Option<PathBuf>,
        /// Remove them; so many as were said
        #[arg(long, value_name = "ENTRIES")]
        confirm: Option<u64>,
        /// The proposal by which another administrator has approved this
        #[arg(long, value_name = "ID", requires = "token_file", requires = "confirm")]
        approved: Option<ApprovalId>,
        #[command(flatten)]
        who: WhoArgs,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Print the newest signed checkpoint, to be kept elsewhere
    Checkpoint {
        #[command(flatten)]
        site: SiteArgs,
    },
}

/// How entries are written for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// FHIR R4 AuditEvent, a resource a line.
    Fhir,
    /// DICOM PS3.15 audit messages, an XML document a line.
    Dicom,
    /// RFC 5424 with the DICOM message as text.
    Syslog,
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fhir => "fhir",
            Self::Dicom => "dicom",
            Self::Syslog => "syslog",
        })
    }
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::Show { from, limit, json, filter, site } => show(site, (*from, *limit), *json, filter.clone()),
        Command::Verify { from, key, site } => proofs::verify_trail(site, from, key.as_deref()),
        Command::Export { format, until, filter, approved, who, site } => {
            if who.is_somebody() {
                filter.check_fixed(*until, OsClock.wall())?;
            }
            let what = format!("{format}, {}", filter.words(*until));
            let site = site.existing()?;
            // Who takes the trail away is in it.
            admin::ask_done_as(&site, who, AdminRequest::ExportAudit { what, approved: approved.clone() })?;
            export(&site, *format, *until, filter.clone())
        }
        Command::Prove { index, archive, site } => {
            let site = site.existing()?;
            // What is proven is shown.
            admin::ask_done(&site, AdminRequest::NoteAuditRead)?;
            proofs::prove(&site.folder, *index, archive.as_deref())
        }
        Command::Check { proof, key, witness, quorum } => proofs::check_proof(proof, key, witness, *quorum),
        Command::Pin { out, site } => pins::write(&site.existing()?.folder, out.as_deref()),
        Command::Retain { dry_run: _, archive, confirm, approved, who, site } => {
            retain::retain(&site.existing()?, (who, approved.as_ref()), archive.as_deref(), *confirm)
        }
        Command::Checkpoint { site } => {
            let path = site.existing()?.folder.audit_checkpoint();
            let what = || "there is no checkpoint yet: the server signs one within a second of its start";
            let note = std::fs::read_to_string(path).with_context(what)?;
            write!(std::io::stdout(), "{note}")?;
            Ok(0)
        }
    }
}

fn show(site: &SiteArgs, (from, limit): (u64, u32), json: bool, filter: Filter) -> anyhow::Result<u8> {
    let site = site.existing()?;
    // Reading the trail is an act of its own.
    admin::ask_done(&site, AdminRequest::NoteAuditRead)?;
    let reader = SqliteReader::open(&site.folder)?;
    let wanted = filter.resolve(&reader, OsClock.wall())?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let names = Names::read(&reader)?;
    let mut left = limit;
    each_row(&reader, from, |row| {
        if left > 0 && wanted.wants(&row.leaf) {
            left -= 1;
            if json { writeln!(out, "{}", row.leaf)? } else { writeln!(out, "{}", line(row, &names))? }
        }
        Ok(left > 0)
    })?;
    out.flush()?;
    Ok(0)
}

/// Calls `each` with every entry from `from` on, until it says that it has enough. What retention removed is told and left
/// out.
fn each_row(
    reader: &SqliteReader,
    from: u64,
    mut each: impl FnMut(&LeafRow) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let (mut next, mut removed) = (from, None);
    loop {
        let page = reader.leaves(next, PAGE)?;
        let Some(last) = page.last().map(|row| row.index) else { return Ok(()) };
        for row in &page {
            if row.leaf.is_empty() {
                removed = Some(row.index);
            } else if !each(row)? {
                return Ok(());
            }
        }
        if let Some(upto) = removed.take_if(|upto| *upto < last) {
            terminal::note(&format!(
                "entries up to {upto} were removed by retention: `wardwatch audit verify` says when"
            ));
        }
        next = last + 1;
    }
}

fn export(site: &Site, format: Format, until: Option<Timestamp>, filter: Filter) -> anyhow::Result<u8> {
    let reader = SqliteReader::open(&site.folder)?;
    let origin = format!("wardwatch/{}", reader.site()?.site);
    let wanted = filter.resolve(&reader, OsClock.wall())?;
    let written = match format {
        Format::Fhir => export::fhir,
        Format::Dicom => export::dicom,
        Format::Syslog => export::syslog,
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    each_row(&reader, 0, |row| {
        let entry = Entry::read(row.index, &row.leaf);
        let late = until.is_some_and(|until| entry.utc.parse().is_ok_and(|at: Timestamp| at >= until));
        if !late && wanted.wants(&row.leaf) {
            writeln!(out, "{}", written(&entry, &origin))?;
        }
        Ok(true)
    })?;
    out.flush()?;
    Ok(0)
}
