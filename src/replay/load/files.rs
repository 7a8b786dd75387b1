//! Files and folders of CSV recordings.

use super::{FILES_MAX, FOLDER_DEPTH_MAX, ReplayError};
use crate::{
    domain::VitalTable,
    ingest::{CsvDecoder, CsvReading, CsvReport, csv::LINE_MAX_BYTES},
    replay::summary::Skipped,
};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

/// The readings of a file in order of time; equal times in the order of the file.
pub(super) fn read_csv(path: &Path, vitals: &VitalTable) -> Result<(Vec<CsvReading>, CsvReport), ReplayError> {
    let read = |source| ReplayError::Read { path: path.to_owned(), source };
    let mut input = BufReader::with_capacity(1 << 16, File::open(path).map_err(read)?);
    let mut line = Vec::new();
    next_line(&mut input, &mut line).map_err(read)?;
    let mut decoder = CsvDecoder::new(&line, vitals)
        .map_err(|source| ReplayError::NotARecording { path: path.to_owned(), source })?;
    let mut readings = Vec::new();
    while next_line(&mut input, &mut line).map_err(read)? {
        readings.extend(decoder.line(&line));
    }
    readings.sort_by_key(|r| r.at);
    Ok((readings, decoder.into_report()))
}

/// Reads one line, at most a little more than [`LINE_MAX_BYTES`] of it; `false` at the end of the input.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let kept = LINE_MAX_BYTES as u64 + 2;
    if input.by_ref().take(kept).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    while line.len() > LINE_MAX_BYTES && line.last() != Some(&b'\n') {
        let buffer = input.fill_buf()?;
        let Some(end) = buffer.iter().position(|b| *b == b'\n') else {
            let skipped = buffer.len();
            input.consume(skipped);
            if skipped == 0 {
                break;
            }
            continue;
        };
        input.consume(end + 1);
        break;
    }
    Ok(true)
}

/// All `*.csv` of a folder and the folders in it. Symbolic links are not followed but named.
pub(super) fn csv_files(root: &Path, skipped: &mut Vec<Skipped>) -> Result<Vec<PathBuf>, ReplayError> {
    let mut found = Vec::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        if depth > FOLDER_DEPTH_MAX {
            return Err(ReplayError::TooMany { path: root.to_owned() });
        }
        for entry in std::fs::read_dir(&folder).map_err(ReplayError::read(&folder))? {
            let entry = entry.map_err(ReplayError::read(&folder))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(ReplayError::read(&path))?;
            if kind.is_symlink() {
                skipped.push(Skipped { path, why: "a symbolic link: not followed".to_owned() });
            } else if kind.is_dir() {
                folders.push((path, depth + 1));
            } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
                found.push(path);
            }
        }
        if found.len() > FILES_MAX {
            return Err(ReplayError::TooMany { path: root.to_owned() });
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_any_length_costs_little_and_hides_nothing() {
        let text = format!("{}\nshort\n{}", "x".repeat(1_000_000), "y".repeat(LINE_MAX_BYTES + 1));
        let mut input = BufReader::with_capacity(64, text.as_bytes());
        let mut line = Vec::new();
        let mut lengths = Vec::new();
        while next_line(&mut input, &mut line).unwrap() {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [LINE_MAX_BYTES + 2, "short\n".len(), LINE_MAX_BYTES + 1]);
    }
}
