//! `wardwatch simulate`.

use super::terminal;
use crate::{
    domain::{PatientId, VitalTable},
    replay::{self, Options, write},
};
use anyhow::bail;
use std::{io::BufWriter, path::PathBuf, sync::Arc};

/// Write the vitals of a scenario as CSV
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The scenario (TOML)
    scenario: PathBuf,
    /// Seed of the simulation [default: the scenario's own]
    #[arg(long)]
    seed: Option<u64>,
    /// Write one file for each patient into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "patient")]
    out: Option<PathBuf>,
    /// Write this patient to standard output; needed if the scenario has several
    #[arg(long, value_name = "ID")]
    patient: Option<PatientId>,
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let options = Options { vitals: Arc::new(VitalTable::builtin()), start: None, interval: None, seed: args.seed };
    let recording = replay::load(&args.scenario, &options)?;
    if let Some(folder) = &args.out {
        let written = write::write_folder(&recording, folder)?;
        terminal::note(&format!("{} files in {}", written.len(), folder.display()));
        return Ok(0);
    }
    let ids: Vec<&PatientId> = recording.plan.placements.iter().map(|p| &p.patient.id).collect();
    let patient = match (&args.patient, ids.as_slice()) {
        (Some(wanted), ids) if ids.contains(&wanted) => wanted,
        (None, [only]) => only,
        (Some(wanted), _) => bail!("the scenario has no patient {wanted}"),
        (None, _) => bail!("the scenario has {} patients: name one with --patient, or a folder with --out", ids.len()),
    };
    write::write_csv(&recording, patient, &mut BufWriter::new(std::io::stdout().lock()))?;
    Ok(0)
}
