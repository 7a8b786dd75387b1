//! What the client tells, and what it is asked for.

use super::trail::TrailStanding;
use crate::{
    access::Secret,
    domain::{Command, Event, Mode, PatientId, Refusal, Remark, SequencedEvent, Timestamp, Ward},
    protocol::{
        AlertReport, AuditPage, AuditQuery, DeviceList, ErrorCode, HandoverReport, History, HistoryQuery, IntakeReport,
        LetterQuery, LetterView, OpsReport, SessionInfo, StoreState, VitalsUpdate, WardView,
    },
};

/// The server's answer to hello.
#[derive(Debug, Clone, PartialEq)]
pub struct Hello {
    /// Name and version of the server.
    pub server: String,
    /// Live or demo.
    pub mode: Mode,
    /// The server's engine time.
    pub now: Timestamp,
    /// Who is signed in.
    pub session: SessionInfo,
    /// The wards that may be watched.
    pub wards: Vec<Ward>,
}

/// What the client tells, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientEvent {
    /// It tries to connect, for the `attempt`th time since the link was last good.
    Connecting {
        /// From 1.
        attempt: u32,
    },
    /// It is connected and signed in; the snapshot follows.
    Connected(Hello),
    /// The ward as it is now; what was known before no longer counts. Comes after each connect, and in between when the
    /// client fell behind or names were hidden or shown.
    Snapshot {
        /// The last event that is in it.
        seq: u64,
        /// The server's engine time.
        now: Timestamp,
        /// The ward.
        view: Box<WardView>,
    },
    /// Newest values.
    Vitals(Vec<VitalsUpdate>),
    /// An entry of the journal, in order and without a gap. After a cut, entries that the snapshot holds already come
    /// again, so that nothing goes unseen; those have a number not above that of the snapshot.
    Event(SequencedEvent),
    /// An event that could not be recorded.
    Unrecorded(Event),
    /// Entries of the journal that may not be seen.
    Skipped {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// A sign of life.
    Heartbeat {
        /// The server's engine time.
        now: Timestamp,
        /// The last event of the watched ward.
        head: u64,
        /// Whether the server can record.
        store: StoreState,
        /// Leaves of the audit trail.
        audit: u64,
    },
    /// What became of a command.
    Result {
        /// The request's id.
        id: u64,
        /// Whether it was done.
        done: bool,
        /// Why not.
        refusal: Option<Refusal>,
    },
    /// The answer to a query.
    History {
        /// The request's id.
        id: u64,
        /// The answer.
        history: History,
    },
    /// The report on the alerts of the ward.
    AlertReport {
        /// The request's id.
        id: u64,
        /// The report.
        report: Box<AlertReport>,
    },
    /// What there is to say of patients at a handover.
    HandoverReport {
        /// The request's id.
        id: u64,
        /// The report.
        report: Box<HandoverReport>,
    },
    /// The devices of the ward.
    Devices {
        /// The request's id.
        id: u64,
        /// The devices.
        list: Box<DeviceList>,
    },
    /// How the intake does.
    Ops {
        /// The request's id.
        id: u64,
        /// The report.
        report: Box<OpsReport>,
    },
    /// Dead letters that wait, the newest first.
    Letters {
        /// The request's id.
        id: u64,
        /// The letters.
        letters: Vec<LetterView>,
        /// Whether there are older ones.
        more: bool,
    },
    /// Entries of the audit trail.
    AuditLog {
        /// The request's id.
        id: u64,
        /// The entries.
        page: Box<AuditPage>,
    },
    /// What became of a dead letter that was driven again.
    Retried {
        /// The request's id.
        id: u64,
        /// What became of its values.
        report: IntakeReport,
    },
    /// What is known of the server's audit trail: at each connection and each minute.
    Trail(TrailStanding),
    /// The session was locked or unlocked.
    Session(SessionInfo),
    /// Something could not be done.
    Error {
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        detail: String,
        /// The request that it answers.
        id: Option<u64>,
    },
    /// The link is lost.
    Disconnected {
        /// Why, for people.
        why: String,
        /// When it tries again, in milliseconds from now.
        retry_in_ms: u64,
        /// The attempt that it will be.
        attempt: u32,
    },
    /// The session is over or the server will not have this client: it does not try again.
    Refused {
        /// Why, for people.
        why: String,
    },
}

/// What the client is asked for.
#[derive(Debug, Clone)]
pub enum ClientRequest {
    /// Ask the engine to do something.
    Command {
        /// Named by the result.
        id: u64,
        /// What.
        command: Command,
    },
    /// Read trends and past alerts.
    Query {
        /// Named by the answer.
        id: u64,
        /// What.
        query: HistoryQuery,
    },
    /// Report on the alerts of the ward.
    AlertReport {
        /// Named by the answer.
        id: u64,
        /// From when on, inclusive.
        from: Timestamp,
        /// Until when, exclusive.
        to: Timestamp,
    },
    /// Say what there is to say of patients at a handover.
    HandoverReport {
        /// Named by the answer.
        id: u64,
        /// Whose.
        patients: Vec<PatientId>,
    },
    /// List the devices of the ward.
    Devices {
        /// Named by the answer.
        id: u64,
    },
    /// Report on the intake.
    Ops {
        /// Named by the answer.
        id: u64,
    },
    /// Read dead letters that wait.
    Letters {
        /// Named by the answer.
        id: u64,
        /// Which.
        query: LetterQuery,
    },
    /// Read entries of the audit trail.
    AuditLog {
        /// Named by the answer.
        id: u64,
        /// Which.
        query: AuditQuery,
    },
    /// Drive a dead letter again.
    RetryLetter {
        /// Named by the answer.
        id: u64,
        /// Its number.
        no: u64,
    },
    /// End a dead letter that needs no action.
    DropLetter {
        /// Named by the result.
        id: u64,
        /// Its number.
        no: u64,
        /// Why.
        reason: Remark,
    },
    /// A person is at the keyboard.
    Activity,
    /// Unlock the session.
    Unlock {
        /// The person's passphrase.
        passphrase: Secret,
    },
}
