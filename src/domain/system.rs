//! What the system tells the engine about itself.

use super::SystemFault;

/// A fault of the system that began or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultReport {
    /// Which fault.
    pub fault: SystemFault,
    /// Whether it is so now.
    pub present: bool,
    /// In a few words, with figures where they help.
    pub detail: String,
}
