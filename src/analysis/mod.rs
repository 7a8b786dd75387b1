//! What came of data: which violations were shown and which were not and why, what would have come with other limits, what there is to say at a handover.
//!
//! Works over inputs and events that somebody hands in, in their order. No database, no socket, no clinical rule of its
//! own: the engine judges, this room counts. Called by `replay`, `backend` and `cli`.

pub mod alert_report;
mod alert_text;
pub mod danger;
pub mod handover;
pub mod handover_text;
pub mod load;
pub mod violations;
pub mod whatif;

pub use alert_report::AlertReporter;
pub use alert_text::AlertReportText;
pub use danger::{DangerEvent, DangerWatch};
pub use load::AlarmLoad;
pub use violations::{Account, Ledger};
pub use whatif::{Comparison, Trial, TrialError};
