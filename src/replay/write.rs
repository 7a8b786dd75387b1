//! Recordings as CSV files.

use super::{load::ReplayError, plan::Names, recording::Recording};
use crate::{domain::PatientId, ingest::csv::HEADER};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// Writes the values of one patient as CSV; a patient who is not in the recording has none. Says how many there were.
///
/// # Errors
/// If `out` cannot be written to.
pub fn write_csv(recording: &Recording, patient: &PatientId, out: &mut impl Write) -> io::Result<u64> {
    writeln!(out, "{HEADER}")?;
    let mut written = 0;
    for sample in recording.samples_of(patient) {
        let time_s = sample.at.since(recording.plan.zero).as_secs_f64();
        match &sample.text {
            Some(text) => writeln!(out, "{time_s},{},{text}", sample.vital)?,
            None => writeln!(out, "{time_s},{},{}", sample.vital, sample.value)?,
        }
        written += 1;
    }
    out.flush()?;
    Ok(written)
}

/// Writes one CSV file for each patient into a folder, which is made if need be. Says which files were written.
///
/// # Errors
/// If the folder or a file cannot be made or written.
pub fn write_folder(recording: &Recording, folder: &Path) -> Result<Vec<PathBuf>, ReplayError> {
    std::fs::create_dir_all(folder).map_err(ReplayError::write(folder))?;
    let mut names = Names::default();
    let mut written = Vec::new();
    for placement in &recording.plan.placements {
        let patient = &placement.patient.id;
        // An identifier may hold / and : which a file name may not.
        let name = names.give(&patient.as_str().replace(['/', ':'], "_"));
        let path = folder.join(format!("{name}.csv"));
        let mut out = BufWriter::new(File::create(&path).map_err(ReplayError::write(&path))?);
        write_csv(recording, patient, &mut out).map_err(ReplayError::write(&path))?;
        written.push(path);
    }
    Ok(written)
}
