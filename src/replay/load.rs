//! From a path to a recording: a scenario, a CSV file, or a folder of them.

mod compile;
mod files;

use super::{
    plan::{Names, Placement, Plan},
    recording::{Recording, Source, Span},
    summary::{FileReport, IntakeReport, Skipped},
};
use crate::{
    domain::{
        Bed, BedId, Category, Desired, Device, DeviceId, DeviceKind, EncounterId, Millis, Patient, PatientId,
        PersonName, Sampling, Timestamp, VitalCode, VitalTable, Ward, WardId, text,
    },
    ingest::{CsvReading, csv::WrongHeader},
};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The moment of second 0 if nothing else is said: 2000-01-01T00:00:00Z.
pub const START_DEFAULT: Timestamp = Timestamp::from_ms(946_684_800_000);
/// Most CSV files in a folder.
pub const FILES_MAX: usize = 10_000;
/// How deep folders are searched.
pub const FOLDER_DEPTH_MAX: usize = 16;

/// What a caller may set.
#[derive(Debug, Clone)]
pub struct Options {
    /// All vitals of the site.
    pub vitals: Arc<VitalTable>,
    /// The moment of second 0; else the scenario's own, else [`START_DEFAULT`].
    pub start: Option<Timestamp>,
    /// The interval of all vitals from CSV files; else it follows from their spacing.
    pub interval: Option<Millis>,
    /// The seed of the simulator; else the scenario's own.
    pub seed: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { vitals: Arc::new(VitalTable::builtin()), start: None, interval: None, seed: None }
    }
}

/// Why a path gave no recording.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is no recording.
    #[error("{} is no recording", path.display())]
    NotARecording {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: WrongHeader,
    },
    /// A file is not the TOML that is wanted.
    #[error("{} cannot be understood", path.display())]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A scenario or its expectations say what cannot be.
    #[error("{}: {at}: {problem}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Where in it.
        at: String,
        /// What is wrong and what is wanted.
        problem: String,
    },
    /// There is not a single value.
    #[error("{} has no value of a known channel: docs/replay.md lists the channels", path.display())]
    Nothing {
        /// What was searched.
        path: PathBuf,
    },
    /// A folder has too many files, or folders in folders.
    #[error("{} has more than {FILES_MAX} CSV files or {FOLDER_DEPTH_MAX} folders within each other: name a part of it", path.display())]
    TooMany {
        /// Which folder.
        path: PathBuf,
    },
}

impl ReplayError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { path: path.to_owned(), source }
    }
}

/// Makes a recording of a scenario (`*.toml`), a CSV file or a folder.
///
/// # Errors
/// If something cannot be read or understood, or holds no value. In a folder, files of another kind are skipped and
/// named in [`Recording::intake`].
pub fn load(path: &Path, options: &Options) -> Result<Recording, ReplayError> {
    let kind = std::fs::metadata(path).map_err(ReplayError::read(path))?;
    if kind.is_dir() {
        return load_folder(path, options);
    }
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml")) {
        return compile::load_scenario(path, options);
    }
    let (readings, report) = files::read_csv(path, &options.vitals)?;
    let mut intake = IntakeReport::default();
    intake.files.push(FileReport { path: path.to_owned(), report });
    from_files(path, vec![(path.to_owned(), readings)], intake, options)
}

/// Makes a recording of the text of a scenario; `name` stands for its path in errors, and for the folder of its files.
///
/// # Errors
/// If it cannot be understood, or its files cannot be read.
pub fn load_text(name: &Path, text: &str, options: &Options) -> Result<Recording, ReplayError> {
    compile::compile_text(name, text, options)
}

fn load_folder(path: &Path, options: &Options) -> Result<Recording, ReplayError> {
    let mut intake = IntakeReport::default();
    let mut found = Vec::new();
    for file in files::csv_files(path, &mut intake.skipped)? {
        match files::read_csv(&file, &options.vitals) {
            Ok((readings, report)) => {
                if readings.is_empty() {
                    intake.skipped.push(Skipped { path: file.clone(), why: "no value of a known channel".to_owned() });
                } else {
                    found.push((file.clone(), readings));
                }
                intake.files.push(FileReport { path: file, report });
            }
            Err(ReplayError::NotARecording { path, source }) => {
                intake.skipped.push(Skipped { path, why: source.to_string() });
            }
            Err(other) => return Err(other),
        }
    }
    intake.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    // Beds are given by the names of the files, whatever folders they lie in.
    found.sort_by(|(a, _), (b, _)| (a.file_stem(), a).cmp(&(b.file_stem(), b)));
    from_files(path, found, intake, options)
}

/// One patient for each file.
fn from_files(
    path: &Path,
    files: Vec<(PathBuf, Vec<CsvReading>)>,
    intake: IntakeReport,
    options: &Options,
) -> Result<Recording, ReplayError> {
    let name = lossy(path.file_stem());
    let ids = patient_names(path, files.iter().map(|(file, _)| file.as_path()));
    let digits = files.len().to_string().len().max(2);
    let mut devices = Names::default();
    let mut stays = Names::default();
    let mut placements = Vec::new();
    let mut sources = Vec::new();
    for (number, (id, (file, readings))) in (1_usize..).zip(ids.iter().zip(files)) {
        let bed = format!("{number:0digits$}");
        placements.push(Placement {
            patient: Patient {
                id: PatientId::from_name(id),
                name: PersonName::new(&lossy(file.file_stem())),
                category: Category::Adult,
                birth_year: None,
                note: PersonName::default(),
            },
            bed: Bed { id: BedId::from_name(&bed), label: bed },
            encounter: EncounterId::from_name(&stays.give(&format!("stay-{id}"))),
            device: monitor(&devices.give(&format!("mon-{id}")), intervals(&readings, options)),
        });
        sources.push(Source::Readings(readings));
    }
    let span = span_of(&sources).ok_or_else(|| ReplayError::Nothing { path: path.to_owned() })?;
    let ward = Ward { id: WardId::from_name("replay"), name: text::clean(&name), time_zone: chrono_tz::Tz::UTC };
    let zero = options.start.unwrap_or(START_DEFAULT);
    let plan = Plan { title: String::new(), name, ward, placements, zero };
    Ok(Recording::new(plan, intake, None, span, sources))
}

/// The patients' identifiers: the stem of the file; where two are equal, the path within the folder.
fn patient_names<'a>(root: &Path, files: impl Iterator<Item = &'a Path> + Clone) -> Vec<String> {
    let mut stems: BTreeMap<String, usize> = BTreeMap::new();
    for file in files.clone() {
        *stems.entry(lossy(file.file_stem())).or_default() += 1;
    }
    let mut names = Names::default();
    let wanted = files.map(|file| {
        let stem = lossy(file.file_stem());
        if stems.get(&stem).is_none_or(|count| *count == 1) {
            return stem;
        }
        let within = file.strip_prefix(root).unwrap_or(file).with_extension("");
        within.to_string_lossy().replace('\\', "/")
    });
    wanted.map(|name| names.give(&name)).collect()
}

fn monitor(id: &str, intervals_ms: BTreeMap<VitalCode, Millis>) -> Device {
    let id = DeviceId::from_name(id);
    Device {
        name: id.to_string(),
        id,
        kind: DeviceKind::Monitor,
        gateway: None,
        intervals_ms,
        desired: Desired::default(),
    }
}

fn lossy(name: Option<&std::ffi::OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().into_owned()
}

/// The interval at which each vital is expected: the given one, else the median spacing of its values.
///
/// A vital with values of one moment only has no spacing. Is it sampled without pause, it is expected at the pace of
/// the whole file; else it has no interval and counts as measured now and then.
fn intervals(readings: &[CsvReading], options: &Options) -> BTreeMap<VitalCode, Millis> {
    let mut times: BTreeMap<VitalCode, Vec<Millis>> = BTreeMap::new();
    for reading in readings {
        times.entry(reading.vital).or_default().push(reading.at);
    }
    let all: Vec<Millis> = readings.iter().map(|r| r.at).collect();
    let pace = median_spacing(&all);
    let continuous = |vital| options.vitals.get(vital).is_some_and(|def| def.sampling == Sampling::Continuous);
    let interval = |(vital, times): (VitalCode, Vec<Millis>)| {
        let instead = || continuous(vital).then_some(pace).flatten();
        Some((vital, options.interval.or_else(|| median_spacing(&times)).or_else(instead)?))
    };
    times.into_iter().filter_map(interval).collect()
}

/// The median of the spans between neighbours, the lower of two; `None` if all times are equal. Times are sorted.
fn median_spacing(times: &[Millis]) -> Option<Millis> {
    let neighbours = times.iter().zip(times.iter().skip(1));
    let mut spacing: Vec<Millis> = neighbours.map(|(a, b)| *b - *a).filter(|s| *s > Millis::ZERO).collect();
    spacing.sort_unstable();
    spacing.get(spacing.len().checked_sub(1)? / 2).copied()
}

/// The span of CSV files: a further lap begins one usual spacing after the last value.
fn span_of(sources: &[Source]) -> Option<Span> {
    let mut all: Vec<Millis> = sources
        .iter()
        .flat_map(|source| match source {
            Source::Readings(readings) => readings.as_slice(),
            Source::Simulated(_) => &[],
        })
        .map(|r| r.at)
        .collect();
    all.sort_unstable();
    let (first, last) = (*all.first()?, *all.last()?);
    let pause = median_spacing(&all).unwrap_or(Millis::from_secs(1));
    Some(Span { first, again_from: first, end: last + pause })
}
