//! How a device may be silent other than by being silent.

use serde::{Deserialize, Serialize};

/// What is said of a device that does not speak itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lapse {
    /// Its gateway says that it is gone.
    Gone,
    /// Messages of it are missing: what was known of it may no longer be so.
    Missed,
}
