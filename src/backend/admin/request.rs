//! What administrators ask, and what they are told. One JSON object a line, both ways.

use crate::{
    access::Secret,
    audit::RetentionPlan,
    backend::{identity::TlsStatus, mqtt::SourceStatus, notify::ChannelState, syslog::SyslogStatus},
    domain::{
        ApprovalId, Assignment, BreakGlass, ChannelName, Command, Coverage, Device, DeviceId, DeviceLimits, LoginName,
        Millis, Mode, Priority, Remark, Role, SessionId, Timestamp, Unplaced, VitalCode, Ward, WardId,
    },
    notify::Content,
    policy::{Report, Scope},
    protocol::{DeviceList, IntakeReport, SessionView, StoreState},
    store::{DeadLetterFilter, StoredDeadLetter},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest line in either direction, in bytes.
pub const ADMIN_LINE_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Who asks, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Whose {
    /// The token of the session of an administrator: the uid at the socket names no person.
    pub token: Option<Secret>,
    /// Why no second administrator approves what wants one; for a folder that no server serves.
    pub alone: Option<Remark>,
}

/// Who asks, and of what.
#[derive(Debug, Clone)]
pub struct Asker {
    /// The operating system's user id.
    pub uid: u32,
    /// Whether a server is asked; else the folder is at rest.
    pub serving: bool,
    /// Who it is.
    pub whose: Whose,
}

impl Asker {
    /// Whoever is at the console, with this uid.
    #[must_use]
    pub fn console(uid: u32, serving: bool) -> Self {
        Self { uid, serving, whose: Whose::default() }
    }
}

/// What an administrator asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum AdminRequest {
    /// Add a user.
    AddUser {
        /// Login name.
        name: String,
        /// Role.
        role: Role,
        /// First passphrase.
        passphrase: String,
        /// For which wards.
        #[serde(default = "all_wards")]
        coverage: Coverage,
    },
    /// Give a user another role; sessions end.
    SetRole {
        /// Login name.
        name: String,
        /// The role.
        role: Role,
    },
    /// Make an account one for other wards; what is watched besides ends at once.
    SetCoverage {
        /// Login name.
        name: String,
        /// The wards.
        coverage: Coverage,
    },
    /// Take a user's second factor away; sessions end.
    ResetFactor {
        /// Login name.
        name: String,
    },
    /// Sessions of a user, or of all.
    ListSessions {
        /// Login name.
        name: Option<String>,
    },
    /// End a session.
    EndSession {
        /// Its identifier.
        session: SessionId,
    },
    /// Add a display with a token of its own, or give it another token or ward.
    AddStation {
        /// What it is called.
        name: String,
        /// The ward that it shows.
        ward: WardId,
    },
    /// Remove a display; it goes dark at once.
    RemoveStation {
        /// What it is called.
        name: String,
    },
    /// All displays.
    ListStations,
    /// Emergencies that nobody has judged yet.
    ListBreakGlass,
    /// Judge one.
    ReviewBreakGlass {
        /// Its identifier.
        id: String,
        /// Whether it was an emergency.
        justified: bool,
        /// What there is to say.
        words: Remark,
    },
    /// Give a user another passphrase. It also ends the wait after wrong tries.
    SetPassphrase {
        /// Login name.
        name: String,
        /// The passphrase.
        passphrase: String,
    },
    /// Let a user in or keep a user out; keeping out ends the sessions.
    EnableUser {
        /// Login name.
        name: String,
        /// Whether the user may sign in.
        enabled: bool,
    },
    /// All users.
    ListUsers,
    /// Give a user a key of OpenSSH.
    AddUserKey {
        /// Login name.
        name: String,
        /// The line of the public key.
        key: String,
    },
    /// Take a key away from a user; the user's sessions end.
    RemoveUserKey {
        /// Login name.
        name: String,
        /// Which key.
        fingerprint: String,
    },
    /// The keys of all users, or of one.
    ListUserKeys {
        /// Whose.
        name: Option<String>,
    },
    /// Make or rename a ward.
    SetWard {
        /// The ward.
        ward: Ward,
    },
    /// Do something on a ward.
    Command {
        /// The ward.
        ward: WardId,
        /// What.
        command: Command,
    },
    /// Let a device measure a patient, from a time within the stay.
    Assign {
        /// The ward.
        ward: WardId,
        /// The assignment.
        assignment: Assignment,
    },
    /// Add a device with a token of its own; earlier tokens of it no longer hold.
    AddDevice {
        /// The ward.
        ward: WardId,
        /// The device.
        device: Device,
    },
    /// The devices of all wards, or of one.
    ListDevices {
        /// Which ward.
        ward: Option<WardId>,
    },
    /// Devices whose values came and could not be placed, of all senders.
    ListUnplaced,
    /// Change what is wanted of a device.
    Desire {
        /// The device.
        device: DeviceId,
        /// How often a vital is to be sent; `None` takes the wish back.
        intervals: BTreeMap<VitalCode, Option<Millis>>,
        /// The device's own limits of a vital; `None` takes them back.
        limits: BTreeMap<VitalCode, Option<DeviceLimits>>,
    },
    /// Make an enrolment code for a device, in the place of an older one.
    Enrol {
        /// The device.
        device: DeviceId,
        /// For how long it is good.
        valid: Millis,
        /// Whether its use ends the device's earlier tokens.
        replace: bool,
    },
    /// Make a ward with beds, patients, devices and assignments for a replay, and a token of one gateway for all devices.
    /// In demo folders only.
    Provision {
        /// The ward.
        ward: Ward,
        /// The gateway.
        gateway: Device,
        /// What is needed, in order.
        commands: Vec<Command>,
    },
    /// Somebody reads the audit trail.
    NoteAuditRead,
    /// Somebody takes the audit trail away, in a form for others.
    ExportAudit {
        /// In which form, and which entries.
        what: String,
        /// The proposal by which another administrator has approved it.
        #[serde(default)]
        approved: Option<ApprovalId>,
    },
    /// Which entries of the audit trail may be removed.
    PlanRetention,
    /// Somebody writes them to an archive next, and then asks for their removal: the entry that says so comes first.
    ArchiveAudit {
        /// All before this one, as the plan says.
        upto: u64,
        /// The proposal by which another administrator has approved their removal.
        #[serde(default)]
        approved: Option<ApprovalId>,
    },
    /// Remove them.
    RetainAudit {
        /// All before this one, as the plan says.
        upto: u64,
        /// Whether they were written to an archive.
        archived: bool,
        /// The proposal by which another administrator has approved it.
        #[serde(default)]
        approved: Option<ApprovalId>,
    },
    /// Inputs that could not be used, the newest first.
    ListDeadLetters {
        /// Which.
        filter: DeadLetterFilter,
        /// How many at most.
        limit: u32,
    },
    /// One of them.
    ShowDeadLetter {
        /// Its number.
        no: u64,
    },
    /// Drive one of them again: as it would come now, by the mappings and assignments of now.
    RetryDeadLetter {
        /// Its number.
        no: u64,
    },
    /// Say that one of them needs nothing.
    DropDeadLetter {
        /// Its number.
        no: u64,
        /// Why.
        reason: Remark,
    },
    /// How the channels for messages do.
    ListChannels,
    /// Send a message that says it is a test.
    TestChannel {
        /// Which channel.
        channel: ChannelName,
        /// To whom, by login name.
        to: Option<LoginName>,
    },
    /// Whether the site's policies are met.
    CheckPolicy {
        /// Where.
        #[serde(default)]
        scope: Scope,
        /// Of which initiative alone.
        #[serde(default)]
        initiative: Option<String>,
    },
    /// How the server does.
    Status,
}

/// What an administrator is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum AdminAnswer {
    /// It was done.
    Done,
    /// It was done without a second administrator, although it wants one.
    Alone {
        /// Why.
        why: String,
        /// What came of it.
        done: Box<Self>,
    },
    /// It was not done: it waits for a second administrator.
    Proposed {
        /// The proposal.
        approval: ApprovalId,
        /// What is to be done.
        what: String,
        /// Who can approve it.
        by: Vec<String>,
        /// Within which time.
        within: Millis,
    },
    /// Which entries of the audit trail may be removed.
    Retention {
        /// Which.
        plan: RetentionPlan,
        /// Years for which entries are kept.
        years: u16,
        /// Whether a receiver of syslog is configured, which then has them.
        has_receiver: bool,
    },
    /// A token, shown this once.
    Token {
        /// The token.
        token: String,
    },
    /// An enrolment code, shown this once.
    Code {
        /// The code.
        code: String,
        /// Until when it is good.
        expires_at: Timestamp,
    },
    /// All users.
    Users {
        /// In the order of their names.
        users: Vec<UserInfo>,
    },
    /// Keys of users.
    UserKeys {
        /// In the order of their users.
        keys: Vec<UserKeyInfo>,
    },
    /// Sessions.
    Sessions {
        /// The newest of each user first.
        sessions: Vec<SessionView>,
    },
    /// Displays.
    Stations {
        /// In the order of their names.
        stations: Vec<StationInfo>,
    },
    /// Emergencies that nobody has judged yet.
    BreakGlass {
        /// The oldest first.
        opened: Vec<BreakGlass>,
        /// Engine time.
        now: Timestamp,
    },
    /// Devices, ward by ward.
    Devices {
        /// In the order of the wards.
        lists: Vec<DeviceList>,
    },
    /// Devices whose values could not be placed.
    Unplaced {
        /// The last heard first.
        devices: Vec<Unplaced>,
    },
    /// Inputs that could not be used.
    DeadLetters {
        /// The newest first.
        letters: Vec<StoredDeadLetter>,
    },
    /// What became of one that was driven again.
    Retried {
        /// As its sender would be told.
        report: IntakeReport,
    },
    /// The channels for messages.
    Channels {
        /// In the order of their names.
        channels: Vec<ChannelInfo>,
        /// What keeps those whom `notify.privacy` names from being told, a sentence for each.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        faults: Vec<String>,
    },
    /// How the site stands to its policies.
    Policy {
        /// What was found.
        report: Box<Report>,
    },
    /// How the server does.
    Status(Box<Status>),
    /// It was not done.
    Failed {
        /// Why.
        why: String,
    },
}

/// A user as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    /// Login name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Whether the user may sign in.
    pub enabled: bool,
    /// Wrong tries since the last login.
    pub failures: u32,
    /// For which wards.
    pub coverage: Coverage,
    /// Whether there is a second factor.
    pub factor: bool,
}

/// A display as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StationInfo {
    /// What it is called.
    pub name: String,
    /// The ward that it shows.
    pub ward: WardId,
    /// When its token was made.
    pub made_at: Timestamp,
}

const fn all_wards() -> Coverage {
    Coverage::All
}

/// A key of a user as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserKeyInfo {
    /// Login name.
    pub user: String,
    /// As `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// Its kind.
    pub algorithm: String,
    /// Whether it is in hardware.
    pub hardware: bool,
    /// What stood behind it.
    pub comment: String,
    /// When it was added.
    pub added_at: Timestamp,
}

/// A channel for messages as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelInfo {
    /// Its name.
    pub name: ChannelName,
    /// Webhook, command or email.
    pub kind: String,
    /// How much it may tell.
    pub content: Content,
    /// Alerts of which priorities.
    pub priorities: Vec<Priority>,
    /// From which level of escalation on.
    pub min_level: u8,
    /// How it does since the start of the server.
    pub state: ChannelState,
}

/// How a server does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Live or demo.
    pub mode: Mode,
    /// Whether it serves; a folder at rest does not.
    pub serving: bool,
    /// Engine time.
    pub now: Timestamp,
    /// Whether it can record.
    pub store: StoreState,
    /// Why not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub store_why: String,
    /// Entries of the audit trail.
    pub audit_leaves: u64,
    /// How the delivery of the audit trail does; absent if no receiver of syslog is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syslog: Option<SyslogStatus>,
    /// Inputs that could not be used and are kept.
    pub dead_letters: u64,
    /// Sessions.
    pub sessions: usize,
    /// Used part of the disk, in percent.
    pub disk_used_percent: Option<u8>,
    /// The certificate; absent if plain text is spoken or nothing serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsStatus>,
    /// Brokers from which data come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceStatus>,
    /// The wards.
    pub wards: Vec<WardStatus>,
}

/// How a ward does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WardStatus {
    /// The ward.
    pub ward: WardId,
    /// The number of its last event.
    pub head: u64,
    /// Patients present.
    pub patients: usize,
    /// Open alerts.
    pub alerts: usize,
    /// Of those, not acknowledged.
    pub unacknowledged: usize,
    /// Devices by when they were last heard of.
    pub devices: Vec<DeviceStatus>,
}

/// How a device does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// The device.
    pub device: DeviceId,
    /// The time of its newest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_observed: Option<Timestamp>,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The peer may not ask.
    #[error("only the server's own user may administer it (you are uid {0})")]
    NotYou(u32),
    /// The request is no request.
    #[error("the request is not understood: {0}")]
    BadRequest(String),
    /// It was refused.
    #[error("{0}")]
    Refused(String),
    /// The server hung up. As text: that is no reader of ours that has had enough.
    #[error("the server hung up, and nobody knows whether it was done: {0}")]
    HungUp(String),
    /// Talking failed.
    #[error("the server's socket failed")]
    Io(#[from] std::io::Error),
}
