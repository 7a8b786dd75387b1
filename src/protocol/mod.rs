//! What server and client say to each other over the websocket, version 1.
//!
//! Types, their two encodings, and the view of a ward that both sides fold from them. `docs/protocol.md` is the reference.
//! No sockets, no clock.

pub mod alert_report;
mod audit;
mod codec;
mod devices;
pub mod handover;
mod limits;
mod message;
mod observations;
pub mod ops;
pub mod problem;
mod twin;
mod view;
pub mod words;

pub use alert_report::{ALERT_REPORT_SPAN_MAX, AlertReport};
pub use audit::{AUDIT_ENTRIES_MAX, AUDIT_LOOKED_AT_MAX, AuditEntryView, AuditPage, AuditQuery};
pub use codec::{CodecError, Encoding, MESSAGE_MAX_BYTES, TERMINAL_MESSAGE_MAX_BYTES};
pub use devices::{ASSIGNMENTS_SHOWN_MAX, ClockAllowance, DeviceFault, DeviceList, DeviceView, SILENT_AFTER};
pub use handover::{HANDOVER_PATIENTS_MAX, HandoverReport, Sbar};
pub use limits::{PatientLimitsView, StepView, VitalLimitsView};
pub use message::{
    ApprovalView, ClientMessage, CloseCode, DeviceMessage, ErrorCode, History, HistoryQuery, PatientHistory,
    ServerMessage, SessionInfo, SessionState, SessionView, StoreState, VitalTrend, VitalsUpdate, WardHead,
};
pub use observations::{IntakeReport, Rejection, RejectionCode, WireObservation};
pub use ops::{
    LetterCount, LetterQuery, LetterView, MinuteView, OPS_LETTER_COUNTS_MAX, OPS_LETTERS_MAX, OPS_SOURCES_MAX,
    OpsReport, PipelineView, SourceView,
};
pub use twin::DesiredTwin;
pub use view::{PatientView, VitalInfo, VitalView, WardView, with_initials, without_names};

/// The version of the protocol.
pub const PROTOCOL_VERSION: u16 = 1;
/// Time between two heartbeats of the server.
pub const HEARTBEAT_INTERVAL_MS: u64 = 1_000;
/// Most points of a trend in one answer, per vital.
pub const HISTORY_POINTS_MAX: u32 = crate::domain::series::TREND_SLICES_MAX;
/// Most patients in one history query.
pub const HISTORY_PATIENTS_MAX: usize = 64;
/// Most observations in one message of a device.
pub const OBSERVATIONS_PER_MESSAGE_MAX: usize = 1_000;

#[cfg(test)]
mod tests;
