//! Policies of the site's own: `[policy]`.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Policies of the site's own, and where what they ask for is to be seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// The folder with definitions, initiatives, assignments and exemptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// The folder to which backups are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backups: Option<PathBuf>,
    /// A file that is written whenever a restore was tested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore_tested: Option<PathBuf>,
}
