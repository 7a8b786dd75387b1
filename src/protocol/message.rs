//! The messages.

use super::{
    alert_report::AlertReport,
    audit::{AuditPage, AuditQuery},
    devices::DeviceList,
    handover::HandoverReport,
    observations::IntakeReport,
    ops::{LetterQuery, LetterView, OpsReport},
    view::{VitalView, WardView},
};
use crate::domain::{
    Alert, ApprovalId, Command, EmergencyReason, Event, Mode, PatientId, Refusal, Remark, Role, SequencedEvent,
    SessionId, Timestamp, VitalCode, Ward, WardId, series::Trend,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What a client says.
///
/// Fields that this version does not know are passed over, so that a newer client can speak to it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// The first message.
    Hello {
        /// The protocol version that the client speaks.
        protocol: u16,
        /// Name and version of the client.
        client: String,
    },
    /// Watch a ward.
    Subscribe {
        /// The ward.
        ward: WardId,
        /// Only these patients; all if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        patients: Option<Vec<PatientId>>,
        /// The last event that the client has; events after it follow the snapshot's place in the journal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<u64>,
    },
    /// Ask the engine to do something.
    Command {
        /// Chosen by the client; the result names it.
        id: u64,
        /// The ward.
        ward: WardId,
        /// What to do.
        #[serde(flatten)]
        command: Command,
    },
    /// Read trends and past alerts.
    Query {
        /// Chosen by the client; the answer names it.
        id: u64,
        /// What.
        #[serde(flatten)]
        query: HistoryQuery,
    },
    /// Report on the alerts of a ward.
    AlertReport {
        /// Chosen by the client; the answer names it.
        id: u64,
        /// The ward.
        ward: WardId,
        /// From when on, inclusive.
        from: Timestamp,
        /// Until when, exclusive; at most [`super::ALERT_REPORT_SPAN_MAX`] later.
        to: Timestamp,
    },
    /// Say what there is to say of patients at a handover.
    HandoverReport {
        /// Chosen by the client; the answer names it.
        id: u64,
        /// The ward.
        ward: WardId,
        /// Whose, at most [`super::HANDOVER_PATIENTS_MAX`].
        patients: Vec<PatientId>,
    },
    /// List the devices of the ward that is watched.
    Devices {
        /// Chosen by the client; the answer names it.
        id: u64,
        /// The ward.
        ward: WardId,
    },
    /// Report on the intake: who sends, what becomes of it, what waits.
    Ops {
        /// Chosen by the client; the answer names it.
        id: u64,
    },
    /// Read dead letters that wait, the newest first.
    Letters {
        /// Chosen by the client; the answer names it.
        id: u64,
        /// Which.
        #[serde(flatten)]
        query: LetterQuery,
    },
    /// Drive a dead letter again; answered by [`ServerMessage::Accepted`].
    RetryLetter {
        /// Chosen by the client; the answer names it.
        id: u64,
        /// Its number.
        no: u64,
    },
    /// End a dead letter that needs no action; answered by [`ServerMessage::Result`].
    DropLetter {
        /// Chosen by the client; the answer names it.
        id: u64,
        /// Its number.
        no: u64,
        /// Why.
        reason: Remark,
    },
    /// Read entries of the audit trail, the newest first. It leaves an entry itself.
    AuditLog {
        /// Chosen by the client; the answer names it.
        id: u64,
        /// Which.
        #[serde(flatten)]
        query: AuditQuery,
    },
    /// Show the newest checkpoint of the audit trail, and that it has grown from the first `old` entries.
    AuditCheckpoint {
        /// Chosen by the client; the answer names it.
        id: u64,
        /// Entries that the client has seen; 0 if it sees the trail for the first time.
        old: u64,
    },
    /// Open a patient of a ward that is not one's own, in an emergency; answered by [`ServerMessage::Result`]. Then the
    /// ward is subscribed to with this patient alone.
    OpenPatient {
        /// Chosen by the client; the answer names it.
        id: u64,
        /// The patient's ward.
        ward: WardId,
        /// The patient.
        patient: PatientId,
        /// Why.
        reason: EmergencyReason,
        /// Why, in words; at least [`crate::domain::BREAK_GLASS_WORDS_MIN_CHARS`] characters.
        words: Remark,
    },
    /// End it before its time; answered by [`ServerMessage::Result`].
    ClosePatient {
        /// Chosen by the client; the answer names it.
        id: u64,
        /// The patient's ward.
        ward: WardId,
        /// The patient.
        patient: PatientId,
    },
    /// A person is at the keyboard: the session is not idle.
    Activity,
    /// Unlock a locked session.
    Unlock {
        /// The person's passphrase.
        passphrase: String,
    },
}

/// What a device says: `hello` first, then `observations`, whose answer comes when they are durable. JSON only, because
/// the text of each number is kept.
#[derive(Debug, Deserialize)]
pub struct DeviceMessage<'a> {
    /// `hello` or `observations`.
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    /// Of a hello: the protocol version that the device speaks.
    #[serde(default)]
    pub protocol: Option<u16>,
    /// Of observations: chosen by the device; the answer names it.
    #[serde(default)]
    pub id: Option<u64>,
    /// Of observations: what `POST /v1/observations` takes.
    #[serde(default, borrow)]
    pub items: Vec<&'a RawValue>,
}

/// Which trends and past alerts are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryQuery {
    /// The ward.
    pub ward: WardId,
    /// Whose, at most [`super::HISTORY_PATIENTS_MAX`].
    pub patients: Vec<PatientId>,
    /// Which vitals; all if empty.
    #[serde(default)]
    pub vitals: Vec<VitalCode>,
    /// From when on, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub to: Timestamp,
    /// Into how many slices, at most [`super::HISTORY_POINTS_MAX`].
    pub points: u32,
    /// Whether alerts of that time are wanted too.
    #[serde(default)]
    pub alerts: bool,
}

/// Trends and past alerts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The ward.
    pub ward: WardId,
    /// From when on, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub to: Timestamp,
    /// By patient, in the order asked.
    pub patients: Vec<PatientHistory>,
}

/// Trends and past alerts of one patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatientHistory {
    /// The patient.
    pub patient: PatientId,
    /// A trend for each vital that has values in that time.
    pub trends: Vec<VitalTrend>,
    /// The alerts of that time, each as it is now or was at its end, the oldest first.
    #[serde(default)]
    pub alerts: Vec<Alert>,
}

/// The trend of one vital.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VitalTrend {
    /// The vital.
    pub vital: VitalCode,
    /// Its trend.
    #[serde(flatten)]
    pub trend: Trend,
}

/// Where the journal of a ward ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WardHead {
    /// The ward.
    pub ward: WardId,
    /// The number of its last event.
    pub seq: u64,
}

/// Whether a session may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// It may.
    Active,
    /// It was idle too long: alerts go on, names are hidden, nothing can be done until it is unlocked.
    Locked,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Login name.
    pub user: String,
    /// Role.
    pub role: Role,
    /// Active or locked.
    pub state: SessionState,
    /// Idle time after which it locks, in milliseconds.
    pub idle_lock_ms: u64,
    /// Time until it ends whatever one does, in milliseconds.
    pub ends_in_ms: u64,
}

/// A session, as its owner or an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its identifier; not a secret.
    pub session: SessionId,
    /// The login name.
    pub user: String,
    /// Active or locked.
    pub state: SessionState,
    /// How long ago it began, in milliseconds.
    pub began_ms_ago: u64,
    /// How long ago a person gave a sign in it, in milliseconds.
    pub active_ms_ago: u64,
    /// Whether it is the one that asks.
    pub own: bool,
}

/// An act that one administrator has proposed and another has to approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalView {
    /// Its name.
    pub approval: ApprovalId,
    /// What is to be done.
    pub what: String,
    /// The login name of whoever proposed it.
    pub by: String,
    /// Whether that is whoever asks.
    pub own: bool,
    /// The login name of whoever has approved it, while it is still to be made use of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// How long it still waits, in milliseconds.
    pub ends_in_ms: u64,
}

/// Whether the server can record what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum StoreState {
    /// It can.
    #[default]
    Recording,
    /// It cannot: nothing is acknowledged; alerts go on, unrecorded.
    Unrecorded,
}

/// The newest values of one patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VitalsUpdate {
    /// The patient.
    pub patient: PatientId,
    /// The vitals that changed.
    pub vitals: Vec<VitalView>,
}

/// What the server says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The answer to the client's hello.
    Hello {
        /// The protocol version that the server speaks.
        protocol: u16,
        /// Name and version of the server.
        server: String,
        /// Live or demo.
        mode: Mode,
        /// The server's engine time.
        now: Timestamp,
        /// Who is signed in; absent for a device.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionInfo>,
        /// The wards that may be watched.
        wards: Vec<Ward>,
        /// Time between heartbeats, in milliseconds.
        heartbeat_ms: u64,
    },
    /// A ward as it is at one place of its journal.
    Snapshot {
        /// The number of the last event that is in it.
        seq: u64,
        /// The server's engine time.
        now: Timestamp,
        /// The ward.
        view: WardView,
    },
    /// The newest values; older ones between two messages are left out.
    Vitals {
        /// The ward.
        ward: WardId,
        /// By patient.
        patients: Vec<VitalsUpdate>,
    },
    /// One entry of the journal.
    Event {
        /// The entry.
        event: SequencedEvent,
    },
    /// An event that could not be recorded.
    Unrecorded {
        /// The ward.
        ward: WardId,
        /// The event.
        event: Event,
    },
    /// Entries of the journal that the client may not see.
    Skipped {
        /// The ward.
        ward: WardId,
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// A sign of life, each second.
    Heartbeat {
        /// The server's engine time.
        now: Timestamp,
        /// Where the journals end.
        heads: Vec<WardHead>,
        /// Whether the server can record.
        store: StoreState,
        /// Leaves of the audit trail.
        audit: u64,
    },
    /// What became of a command.
    Result {
        /// The command's id.
        id: u64,
        /// Whether it was done.
        done: bool,
        /// The event that came of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
        /// Why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refusal: Option<Refusal>,
    },
    /// The report on the alerts of a ward.
    AlertReport {
        /// The id of the request.
        id: u64,
        /// The report.
        report: Box<AlertReport>,
    },
    /// What there is to say of patients at a handover.
    HandoverReport {
        /// The id of the request.
        id: u64,
        /// The report.
        report: Box<HandoverReport>,
    },
    /// The devices of a ward.
    Devices {
        /// The id of the request.
        id: u64,
        /// The devices.
        list: Box<DeviceList>,
    },
    /// How the intake does.
    Ops {
        /// The id of the request.
        id: u64,
        /// The report.
        report: Box<OpsReport>,
    },
    /// Dead letters that wait, the newest first; at most [`super::OPS_LETTERS_MAX`].
    Letters {
        /// The id of the request.
        id: u64,
        /// The letters.
        letters: Vec<LetterView>,
        /// Whether there are older ones.
        more: bool,
    },
    /// The answer to a query.
    History {
        /// The query's id.
        id: u64,
        /// The answer.
        #[serde(flatten)]
        history: History,
    },
    /// What became of observations.
    Accepted {
        /// The message's id.
        id: u64,
        /// The report.
        #[serde(flatten)]
        report: IntakeReport,
    },
    /// Entries of the audit trail.
    AuditLog {
        /// The id of the request.
        id: u64,
        /// The entries.
        page: Box<AuditPage>,
    },
    /// The newest checkpoint of the audit trail.
    AuditCheckpoint {
        /// The id of the request.
        id: u64,
        /// The trail's public key (C2SP signed note).
        key: String,
        /// From which size the proof begins.
        old: u64,
        /// The consistency proof (RFC 6962, section 2.1.2), a hash in base64 each. Empty if there never were `old` entries.
        proof: Vec<String>,
        /// The checkpoint (C2SP tlog-checkpoint).
        checkpoint: String,
    },
    /// The session was locked or unlocked.
    Session {
        /// How it is now.
        #[serde(flatten)]
        session: SessionInfo,
    },
    /// Something could not be done.
    Error {
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        detail: String,
        /// The message that it answers, if that had an id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
    },
}

/// Why something could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The client speaks another version.
    IncompatibleVersion,
    /// The message is not understood.
    BadMessage,
    /// Hello must come first.
    HelloExpected,
    /// The sender may not do this.
    Denied,
    /// The session is locked.
    Locked,
    /// A factor has to be proven again.
    StepUp,
    /// No such ward, or not for the sender.
    UnknownWard,
    /// The passphrase is wrong.
    WrongPassphrase,
    /// Too many messages.
    TooFast,
    /// The server cannot record.
    Unrecorded,
    /// The server is busy.
    Busy,
}

/// Why a connection is closed (RFC 6455, section 7.4; 4000 and up are ours).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// Done.
    Normal,
    /// The server stops.
    GoingAway,
    /// The sender broke a rule.
    Policy,
    /// A message is too long.
    TooBig,
    /// The server failed.
    Internal,
    /// The session has ended.
    SessionEnded,
    /// The client speaks another version.
    IncompatibleVersion,
    /// The client does not keep up.
    TooSlow,
    /// Too many messages.
    TooFast,
}

impl CloseCode {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::Policy => 1008,
            Self::TooBig => 1009,
            Self::Internal => 1011,
            Self::SessionEnded => 4401,
            Self::IncompatibleVersion => 4406,
            Self::TooSlow => 4408,
            Self::TooFast => 4429,
        }
    }
}
