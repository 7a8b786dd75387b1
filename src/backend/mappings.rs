//! The mapping files of device messages: read at the start, looked at again while the server runs.
//!
//! A changed pair that is right takes the place of the one before. One that is wrong does not: the last good one stays in
//! use, and an alert tells of it on every ward until the files are right again.

use super::{app::App, config::Config, pipeline::Job};
use crate::{
    domain::{SystemFault, VitalTable, system::FaultReport, text::clean},
    ingest::medtech::{
        DeviceMapping, MappingError, MedtechIntake,
        lint::{LintRules, Severity, lint as linted},
        transform::FhirMapping,
    },
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

/// The files are looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Longest mapping file, in bytes: what the reader takes at most.
const FILE_MAX_BYTES: u64 = 1024 * 1024;

/// Why mappings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MappingsError {
    /// The configuration names one file of two.
    #[error("{0}")]
    Config(String),
    /// A file cannot be read.
    #[error("the mapping {} cannot be read", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is too long.
    #[error("the mapping {} is longer than {FILE_MAX_BYTES} bytes", .0.display())]
    TooLong(PathBuf),
    /// They are wrong.
    #[error("the mappings cannot be used; `wardwatch mapping lint {} {}` tells more", .device.display(), .fhir.display())]
    Wrong {
        /// The mapping of devices.
        device: PathBuf,
        /// The FHIR mapping.
        fhir: PathBuf,
        /// What is wrong.
        #[source]
        source: MappingError,
    },
}

/// By what a change of a file is seen.
type Stamp = Option<(SystemTime, u64)>;

/// The mappings in use.
pub struct Mappings {
    device: PathBuf,
    fhir: PathBuf,
    config: Config,
    vitals: Arc<VitalTable>,
    /// The files as they were when they were first read.
    opened: [Stamp; 2],
    now: Mutex<Arc<MedtechIntake>>,
}

impl Mappings {
    /// The mappings that the configuration names; `None` if it names none.
    ///
    /// # Errors
    /// If they cannot be read or are wrong: a server does not start with a mapping that it cannot use.
    pub fn open(config: &Config, vitals: &Arc<VitalTable>) -> Result<Option<Self>, MappingsError> {
        let Some((device, fhir)) = config.medtech.files().map_err(MappingsError::Config)? else { return Ok(None) };
        // Before they are read: what changes meanwhile is seen.
        let opened = stamps(&device, &fhir);
        let intake = read(&device, &fhir, config, vitals)?;
        let shown: Vec<String> = intake.vitals().iter().map(ToString::to_string).collect();
        tracing::info!(device = %device.display(), fhir = %fhir.display(), vitals = shown.join(" "), "mappings are in use");
        let now = Mutex::new(Arc::new(intake));
        Ok(Some(Self { device, fhir, config: config.clone(), vitals: Arc::clone(vitals), opened, now }))
    }

    /// The pair in use.
    #[must_use]
    pub fn intake(&self) -> Arc<MedtechIntake> {
        Arc::clone(&self.now.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the files as they are now into use, if they are right.
    fn renew(&self) -> Result<(), MappingsError> {
        let intake = read(&self.device, &self.fhir, &self.config, &self.vitals)?;
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(intake);
        Ok(())
    }
}

fn stamps(device: &Path, fhir: &Path) -> [Stamp; 2] {
    [device, fhir].map(|path| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    })
}

fn read(device: &Path, fhir: &Path, config: &Config, vitals: &VitalTable) -> Result<MedtechIntake, MappingsError> {
    let (device_text, fhir_text) = (text(device)?, text(fhir)?);
    let medtech = &config.medtech;
    let (arithmetic, compat) = (medtech.arithmetic.into(), medtech.compat.into());
    MedtechIntake::load((&device_text, &fhir_text), vitals, arithmetic, compat, medtech.observations())
        .map_err(|source| MappingsError::Wrong { device: device.to_owned(), fhir: fhir.to_owned(), source })
}

fn text(path: &Path) -> Result<Vec<u8>, MappingsError> {
    let wrong = |source| MappingsError::Read { path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(wrong)?.len();
    if length > FILE_MAX_BYTES {
        return Err(MappingsError::TooLong(path.to_owned()));
    }
    std::fs::read(path).map_err(wrong)
}

/// What the lint finds in the two files: errors, warnings, and the codes of all.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn lint(
    device: &Path,
    fhir: &Path,
    config: &Config,
    vitals: &VitalTable,
) -> Result<(usize, usize, Vec<&'static str>), MappingsError> {
    let (device, fhir) = (text(device)?, text(fhir)?);
    let device = DeviceMapping::load(&device, config.medtech.arithmetic.into());
    let fhir = FhirMapping::load(&fhir);
    let found = linted(Some(&device), Some(&fhir), LintRules { identity: None, vitals });
    let codes = found.iter().map(|finding| finding.code.as_str()).collect();
    Ok((found.count(Severity::Error), found.count(Severity::Warning), codes))
}

/// Looks at the files as long as the server runs.
pub(super) async fn watch(app: Arc<App>) {
    let Some(mappings) = app.mappings.get() else { return };
    let mut seen = mappings.opened;
    let mut wrong: Option<String> = None;
    // What is to be told, until it is: the queue may be full.
    let mut untold = true;
    let mut stopping = app.stopping.clone();
    loop {
        untold = untold && !tell(&app, wrong.as_deref());
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        let stamps = stamps(&mappings.device, &mappings.fhir);
        // What could not be read may be readable now, which no stamp tells.
        if stamps == seen && wrong.is_none() {
            continue;
        }
        seen = stamps;
        let now = mappings.renew().err().map(|e| whole(&e));
        match &now {
            None => tracing::info!("changed mappings are in use"),
            Some(why) if now != wrong => {
                tracing::error!(why, "the mappings were changed and are wrong: the last good ones stay in use");
            }
            Some(_) => {}
        }
        untold |= now != wrong;
        wrong = now;
    }
}

/// An error with its cause; of many faults the first.
fn whole(error: &MappingsError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let text = format!("{error}{cause}");
    clean(text.lines().next().unwrap_or_default())
}

/// Reports how the mappings are; says whether that could be done.
fn tell(app: &App, wrong: Option<&str>) -> bool {
    let detail = wrong.map(|why| format!("the last good mapping is in use; {why}")).unwrap_or_default();
    let report = FaultReport { fault: SystemFault::MappingWrong, present: wrong.is_some(), detail };
    let sent = app.pipeline.send(Job::Fault(report));
    if let Err(e) = &sent {
        tracing::error!(error = %e, "the state of the mappings could not be reported");
    }
    sent.is_ok()
}
