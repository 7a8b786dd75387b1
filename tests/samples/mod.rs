//! Folders of sample messages, one module each.

pub(crate) mod fhir;
pub(crate) mod medtech;
pub(crate) mod mqtt;
pub(crate) mod sparkplug;

use std::path::Path;

/// What came of the samples of a folder.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// How many ran.
    pub(crate) ran: usize,
    /// What was otherwise than wanted.
    pub(crate) failed: Vec<String>,
}

impl Ran {
    /// Counts a sample.
    pub(crate) fn sample(&mut self, name: &str, differences: impl IntoIterator<Item = String>) {
        self.ran += 1;
        self.failed.extend(differences.into_iter().map(|why| format!("{name}: {why}")));
    }
}

/// A folder by its name, and what runs its samples.
pub(crate) type Folder = (&'static str, fn(&Path) -> Ran);

/// The folders that are run, besides those of the main file.
pub(crate) const FOLDERS: &[Folder] =
    &[("fhir", fhir::run), ("medtech", medtech::run), ("mqtt", mqtt::run), ("sparkplug", sparkplug::run)];
