//! Whether the data of a folder are of patients or of a demonstration.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of data a data folder holds; fixed when the folder is made (the `GenerationMode` of ISO/IEEE 11073-10207).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Data of patients.
    Live,
    /// Simulated or replayed data: marked DEMO on every screen and in every export.
    Demo,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "live",
            Self::Demo => "demo",
        })
    }
}
