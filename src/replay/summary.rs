//! What was read, refused, skipped and raised, for people.

use crate::{
    domain::{AlertClass, Priority, VitalCode},
    ingest::{CsvReport, csv::Rejection},
};
use std::{collections::BTreeMap, fmt, path::PathBuf};

/// A file that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

/// What became of the lines of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileReport {
    /// Which.
    pub path: PathBuf,
    /// What became of its lines.
    pub report: CsvReport,
}

/// What became of all files of a recording.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IntakeReport {
    /// The files that were read, in order of their paths.
    pub files: Vec<FileReport>,
    /// The files that were passed over.
    pub skipped: Vec<Skipped>,
}

impl IntakeReport {
    /// Lines that could not be read.
    #[must_use]
    pub fn bad_lines(&self) -> u64 {
        self.files.iter().map(|f| f.report.bad_lines).sum()
    }

    /// Refused values by vital and reason.
    #[must_use]
    pub fn rejected(&self) -> BTreeMap<(VitalCode, Rejection), u64> {
        sum(self.files.iter().flat_map(|f| f.report.rejected.iter().map(|(key, count)| (*key, *count))))
    }

    /// Lines of unknown channels by name.
    #[must_use]
    pub fn unknown(&self) -> BTreeMap<&str, u64> {
        sum(self.files.iter().flat_map(|f| f.report.unknown.iter().map(|(name, count)| (name.as_str(), *count))))
    }
}

fn sum<K: Ord>(counts: impl Iterator<Item = (K, u64)>) -> BTreeMap<K, u64> {
    let mut all = BTreeMap::new();
    for (key, count) in counts {
        *all.entry(key).or_default() += count;
    }
    all
}

/// What an offline run came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// Patients.
    pub patients: usize,
    /// Samples given to the engine.
    pub samples: u64,
    /// Samples dropped because the same device had sent the same value of the vital for the same time.
    pub duplicates: u64,
    /// Samples refused because the same device had sent another value of the vital for the same time.
    pub conflicts: u64,
    /// Events.
    pub events: u64,
    /// Alert episodes by class and highest priority.
    pub alerts: BTreeMap<(AlertClass, Priority), u64>,
    /// What became of the files.
    pub intake: IntakeReport,
}

/// How many faults of lines are shown in all.
const FAULTS_SHOWN_MAX: usize = 20;

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "patients: {}, samples: {}, events: {}", self.patients, self.samples, self.events)?;
        for ((class, priority), count) in self.alerts.iter().rev() {
            writeln!(f, "alerts, {}, {priority}: {count}", class.as_str())?;
        }
        for (what, count) in [
            ("duplicates dropped", self.duplicates),
            ("conflicts refused", self.conflicts),
            ("lines that could not be read", self.intake.bad_lines()),
        ] {
            if count > 0 {
                writeln!(f, "{what}: {count}")?;
            }
        }
        for ((vital, why), count) in self.intake.rejected() {
            writeln!(f, "refused, {vital}, {}: {count}", why.as_str())?;
        }
        for (name, count) in self.intake.unknown() {
            writeln!(f, "unknown channel {name}: {count}")?;
        }
        for Skipped { path, why } in &self.intake.skipped {
            writeln!(f, "skipped {}: {why}", path.display())?;
        }
        let faults =
            self.intake.files.iter().flat_map(|file| file.report.faults.iter().map(move |fault| (file, fault)));
        for (file, fault) in faults.take(FAULTS_SHOWN_MAX) {
            writeln!(f, "{}:{}: {}", file.path.display(), fault.line, fault.why)?;
        }
        Ok(())
    }
}
