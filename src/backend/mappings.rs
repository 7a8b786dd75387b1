//! The mapping files of device messages: read at the start, looked at again while the server runs.
//!
//! A changed pair that is right takes the place of the one before. One that is wrong does not: the last good one stays in
//! use, and an alert tells of it on every ward until the files are right again.

use super::{app::App, config::Config, pipeline::Job};
use crate::{
    domain::{SystemFault, VitalTable, system::FaultReport, text::clean},
    ingest::medtech::{MappingError, MedtechIntake},
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
    now: Mutex<Arc<MedtechIntake>>,
}

impl Mappings {
    /// The mappings that the configuration names; `None` if it names none.
    ///
    /// # Errors
    /// If they cannot be read or are wrong: a server does not start with a mapping that it cannot use.
    pub fn open(config: &Config, vitals: &Arc<VitalTable>) -> Result<Option<Self>, MappingsError> {
        let Some((device, fhir)) = config.medtech.files().map_err(MappingsError::Config)? else { return Ok(None) };
        let intake = read(&device, &fhir, config, vitals)?;
        let shown: Vec<String> = intake.vitals().iter().map(ToString::to_string).collect();
        tracing::info!(device = %device.display(), fhir = %fhir.display(), vitals = shown.join(" "), "mappings are in use");
        let now = Mutex::new(Arc::new(intake));
        Ok(Some(Self { device, fhir, config: config.clone(), vitals: Arc::clone(vitals), now }))
    }

    /// The pair in use.
    #[must_use]
    pub fn intake(&self) -> Arc<MedtechIntake> {
        Arc::clone(&self.now.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn stamps(&self) -> [Stamp; 2] {
        [&self.device, &self.fhir].map(|path| {
            let meta = std::fs::metadata(path).ok()?;
            Some((meta.modified().ok()?, meta.len()))
        })
    }

    /// Takes the files as they are now into use, if they are right.
    fn renew(&self) -> Result<(), MappingsError> {
        let intake = read(&self.device, &self.fhir, &self.config, &self.vitals)?;
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(intake);
        Ok(())
    }
}

fn read(device: &Path, fhir: &Path, config: &Config, vitals: &VitalTable) -> Result<MedtechIntake, MappingsError> {
    let (device_text, fhir_text) = (text(device)?, text(fhir)?);
    let medtech = &config.medtech;
    MedtechIntake::load((&device_text, &fhir_text), vitals, medtech.arithmetic.into(), medtech.compat.into())
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

/// Looks at the files as long as the server runs.
pub(super) async fn watch(app: Arc<App>) {
    let Some(mappings) = app.mappings.get() else { return };
    let mut seen = mappings.stamps();
    tell(&app, None);
    let mut stopping = app.stopping.clone();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        let stamps = mappings.stamps();
        if stamps == seen {
            continue;
        }
        seen = stamps;
        match mappings.renew() {
            Ok(()) => {
                tracing::info!("changed mappings are in use");
                tell(&app, None);
            }
            Err(e) => {
                let why = whole(&e);
                tracing::error!(why, "the mappings were changed and are wrong: the last good ones stay in use");
                tell(&app, Some(why));
            }
        }
    }
}

/// An error with its cause; of many faults the first.
fn whole(error: &MappingsError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let text = format!("{error}{cause}");
    clean(text.lines().next().unwrap_or_default())
}

fn tell(app: &App, wrong: Option<String>) {
    let present = wrong.is_some();
    let detail = wrong.map(|why| format!("the last good mapping is in use; {why}")).unwrap_or_default();
    let report = FaultReport { fault: SystemFault::MappingWrong, present, detail };
    if let Err(e) = app.pipeline.send(Job::Fault(report)) {
        tracing::error!(error = %e, "the state of the mappings could not be reported");
    }
}
