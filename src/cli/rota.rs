//! `wardwatch rota`.

use super::{admin, admin::SiteArgs, terminal};
use crate::{
    domain::{Command as WardCommand, Duty, EventBody, LoginName, Rota, Shift, WardId},
    protocol::words,
    seam::{Clock, OsClock},
    store::{StoreReader, sqlite::SqliteReader},
};
use anyhow::Context;
use serde::Deserialize;
use std::{io::Write, path::PathBuf};

/// Events that are read from the journal at once.
const PAGE: u32 = 5_000;

/// Say who is on duty, on the server's own machine
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Set all shifts of a ward from a file
    ///
    /// TOML, one table `[[shift]]` for each shift: from = "2026-12-01T07:00:00Z", to = "…", duty = "nurse", "charge" or
    /// "doctor", user = a login name, and for nurses beds = ["b1", "b2"], all beds if absent.
    Set {
        /// The file
        file: PathBuf,
        /// The ward, if there are several
        #[arg(long)]
        ward: Option<WardId>,
        #[command(flatten)]
        site: SiteArgs,
    },
    /// Show who is on duty now, and who comes
    Show {
        /// The ward, if there are several
        #[arg(long)]
        ward: Option<WardId>,
        #[command(flatten)]
        site: SiteArgs,
    },
}

/// A rota as a file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    shift: Vec<Shift>,
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::Set { file, ward, site } => {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            let rota: File = toml::from_str(&text).with_context(|| format!("{} is no rota", file.display()))?;
            admin::run_on_ward(site, ward.as_ref(), WardCommand::SetRota { shifts: rota.shift })
        }
        Command::Show { ward, site } => show(ward.as_ref(), site),
    }
}

fn show(ward: Option<&WardId>, site: &SiteArgs) -> anyhow::Result<u8> {
    let site = site.existing()?;
    let ward = admin::ward_of(&site, ward)?;
    let reader = SqliteReader::open(&site.folder)?;
    let (mut rota, mut after) = (Rota::default(), 0);
    loop {
        let events = reader.events_after(&ward, after, PAGE)?;
        let Some(last) = events.last().map(|e| e.seq) else { break };
        for event in events {
            if let EventBody::RotaSet { rota: set, .. } = event.event.body {
                rota = set;
            }
        }
        after = last;
    }
    let record = reader.wards()?.into_iter().find(|record| record.ward.id == ward);
    let zone = record.map_or(chrono_tz::Tz::UTC, |record| record.ward.time_zone);
    let now = OsClock.wall();
    let mut out = std::io::stdout().lock();
    for duty in Duty::ALL {
        let names: Vec<&str> = rota.on_duty(duty, None, now).map(LoginName::as_str).collect();
        writeln!(
            out,
            "{:<8} {}",
            duty.as_str(),
            if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
        )?;
    }
    for shift in rota.shifts.iter().filter(|s| s.to > now) {
        let beds: Vec<&str> = shift.beds.iter().map(crate::domain::BedId::as_str).collect();
        let at = |at| format!("{} {}", words::day(at, zone), words::clock_minutes(at, zone));
        let (from, to, duty) = (at(shift.from), at(shift.to), shift.duty);
        writeln!(out, "{from} to {to}  {duty:<7} {} {}", shift.user, beds.join(" "))?;
    }
    if rota.is_empty() {
        terminal::note("nobody has entered a shift: nothing is said of gaps");
    }
    Ok(0)
}
