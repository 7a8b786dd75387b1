//! Every way in, with what it needs: the routes of HTTP, the messages of the websocket, the requests of the admin socket.
//!
//! The router is made of [`Route::ALL`], and messages and requests are matched here without a rest: what is not in these
//! tables does not exist. `tests/matrix.rs` tries all of it with everybody.

use super::admin::AdminRequest;
use crate::{backend::verb::verb_of, protocol::ClientMessage, rights::Verb};

/// What an entry needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it tells of nobody.
    Nothing,
    /// A secret that the request itself holds: a passphrase, an enrolment code, a signed link.
    Secret,
    /// Any token that is good; what is said under it is looked at one by one.
    Token,
    /// The session of a person, however it stands.
    Session,
    /// That the asker may do this.
    Verb(Verb),
    /// What the command in it needs, see [`verb_of`].
    Command,
}

/// A route of HTTP with its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// Sign in.
    Login,
    /// Sign out.
    Logout,
    /// Prove a factor again, for another token.
    StepUp,
    /// One's own sessions.
    Sessions,
    /// End one of them.
    EndSession,
    /// Begin to set up a second factor.
    FactorBegin,
    /// Put it into force.
    FactorConfirm,
    /// Take it away.
    FactorRemove,
    /// What administrators have proposed.
    Approvals,
    /// Approve it.
    Approve,
    /// Take it back, or refuse it.
    EndApproval,
    /// Exchange an enrolment code for a token.
    Enrol,
    /// Observations of a device.
    Observations,
    /// Messages of a device in a form of its own.
    Medtech,
    /// What is wanted of a device.
    TwinRead,
    /// What a device says of itself.
    TwinReport,
    /// The websocket.
    Stream,
    /// The public key of the audit trail.
    AuditKey,
    /// Its newest checkpoint.
    AuditCheckpoint,
    /// A checkpoint with the signature of a witness.
    AuditCosigned,
    /// The hashes of entries, for a witness.
    AuditHashes,
    /// An alert, by the link of a message.
    AckShow,
    /// Acknowledge it.
    Acknowledge,
    /// The FHIR API, whose interactions are told apart by [`Interaction`].
    Fhir,
    /// The same, with a slash.
    FhirBase,
    /// Its resources.
    FhirPath,
    /// The process answers.
    Healthz,
    /// The server can record.
    Readyz,
    /// Figures.
    Metrics,
}

impl Route {
    /// All routes.
    pub const ALL: [Self; 29] = [
        Self::Login,
        Self::Logout,
        Self::StepUp,
        Self::Sessions,
        Self::EndSession,
        Self::FactorBegin,
        Self::FactorConfirm,
        Self::FactorRemove,
        Self::Approvals,
        Self::Approve,
        Self::EndApproval,
        Self::Enrol,
        Self::Observations,
        Self::Medtech,
        Self::TwinRead,
        Self::TwinReport,
        Self::Stream,
        Self::AuditKey,
        Self::AuditCheckpoint,
        Self::AuditCosigned,
        Self::AuditHashes,
        Self::AckShow,
        Self::Acknowledge,
        Self::Fhir,
        Self::FhirBase,
        Self::FhirPath,
        Self::Healthz,
        Self::Readyz,
        Self::Metrics,
    ];

    /// The path, as the router takes it.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Login => "/v1/login",
            Self::Logout => "/v1/logout",
            Self::StepUp => "/v1/step-up",
            Self::Sessions => "/v1/sessions",
            Self::EndSession => "/v1/sessions/{session}",
            Self::FactorBegin | Self::FactorConfirm | Self::FactorRemove => "/v1/factor",
            Self::Approvals => "/v1/approvals",
            Self::Approve | Self::EndApproval => "/v1/approvals/{approval}",
            Self::Enrol => "/v1/enrol",
            Self::Observations => "/v1/observations",
            Self::Medtech => "/v1/medtech",
            Self::TwinRead | Self::TwinReport => "/v1/devices/{device}/twin",
            Self::Stream => "/v1/stream",
            Self::AuditKey => "/v1/audit/key",
            Self::AuditCheckpoint => "/v1/audit/checkpoint",
            Self::AuditCosigned => "/v1/audit/cosigned",
            Self::AuditHashes => "/v1/audit/hashes",
            Self::AckShow | Self::Acknowledge => "/v1/ack/{link}",
            Self::Fhir => "/fhir",
            Self::FhirBase => "/fhir/",
            Self::FhirPath => "/fhir/{*path}",
            Self::Healthz => "/healthz",
            Self::Readyz => "/readyz",
            Self::Metrics => "/metrics",
        }
    }

    /// The method; `*` for any.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::Login
            | Self::Logout
            | Self::StepUp
            | Self::FactorBegin
            | Self::Approve
            | Self::Enrol
            | Self::Observations
            | Self::Medtech
            | Self::AuditCosigned
            | Self::AuditHashes
            | Self::Acknowledge => "POST",
            Self::Sessions
            | Self::Approvals
            | Self::TwinRead
            | Self::Stream
            | Self::AuditKey
            | Self::AuditCheckpoint
            | Self::AckShow
            | Self::Healthz
            | Self::Readyz
            | Self::Metrics => "GET",
            Self::TwinReport | Self::FactorConfirm => "PUT",
            Self::EndSession | Self::FactorRemove | Self::EndApproval => "DELETE",
            Self::Fhir | Self::FhirBase | Self::FhirPath => "*",
        }
    }

    /// What it needs.
    #[must_use]
    pub const fn need(self) -> Need {
        match self {
            // A cosignature is its own proof.
            Self::Login | Self::Enrol | Self::AckShow | Self::Acknowledge | Self::AuditCosigned | Self::AuditHashes => {
                Need::Secret
            }
            Self::Logout | Self::StepUp => Need::Session,
            Self::Sessions | Self::EndSession | Self::FactorBegin | Self::FactorConfirm | Self::FactorRemove => {
                Need::Verb(Verb::OwnAccount)
            }
            Self::Approvals | Self::Approve | Self::EndApproval => Need::Verb(Verb::ApproveActs),
            Self::Observations | Self::Medtech | Self::TwinRead | Self::TwinReport => {
                Need::Verb(Verb::SendObservations)
            }
            // The FHIR API answers all by itself, in its own words. A checkpoint is a number and a hash.
            Self::Fhir
            | Self::FhirBase
            | Self::FhirPath
            | Self::AuditKey
            | Self::AuditCheckpoint
            | Self::Healthz
            | Self::Readyz
            | Self::Metrics => Need::Nothing,
            Self::Stream => Need::Token,
        }
    }
}

/// An interaction of the FHIR API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interaction {
    /// The CapabilityStatement.
    Metadata,
    /// A batch or transaction; its entries are interactions of their own.
    Bundle,
    /// Create a resource.
    Create,
    /// Update a resource.
    Update,
    /// Search among what there is of named patients.
    Search,
    /// Search among what there is of all.
    Export,
    /// The last values of each kind of named patients.
    LastN,
    /// Read a resource.
    Read,
    /// All versions of a resource.
    History,
    /// A version of a resource.
    VersionRead,
}

impl Interaction {
    /// All interactions.
    pub const ALL: [Self; 10] = [
        Self::Metadata,
        Self::Bundle,
        Self::Create,
        Self::Update,
        Self::Search,
        Self::Export,
        Self::LastN,
        Self::Read,
        Self::History,
        Self::VersionRead,
    ];

    /// The interaction of a request below the base address, which may name the patients that it is about.
    #[must_use]
    pub fn of(method: &str, path: &[&str], names_patients: bool) -> Option<Self> {
        match (method, path) {
            ("GET", ["metadata"]) => Some(Self::Metadata),
            ("POST", []) => Some(Self::Bundle),
            ("POST", [_]) => Some(Self::Create),
            ("PUT", [_, _]) => Some(Self::Update),
            ("GET", [_]) | ("POST", [_, "_search"]) if names_patients => Some(Self::Search),
            ("GET" | "POST", ["Observation", "$lastn"]) if names_patients => Some(Self::LastN),
            ("GET", [_]) | ("POST", [_, "_search"]) | ("GET" | "POST", ["Observation", "$lastn"]) => Some(Self::Export),
            ("GET", [_, _]) => Some(Self::Read),
            ("GET", [_, _, "_history"]) => Some(Self::History),
            ("GET", [_, _, "_history", _]) => Some(Self::VersionRead),
            _ => None,
        }
    }

    /// What it needs of a person; a device reads what it sent itself.
    #[must_use]
    pub const fn need(self) -> Need {
        match self {
            Self::Metadata => Need::Nothing,
            Self::Bundle => Need::Token,
            Self::Create | Self::Update => Need::Verb(Verb::SendObservations),
            Self::Export => Need::Verb(Verb::Export),
            Self::Search | Self::LastN | Self::Read | Self::History | Self::VersionRead => {
                Need::Verb(Verb::ReadHistory)
            }
        }
    }
}

/// A kind of message on the websocket of a person or display.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The first message.
    Hello,
    /// Watch a ward.
    Subscribe,
    /// Ask the engine to do something.
    Command,
    /// Read trends and past alerts.
    Query,
    /// Report on alerts.
    AlertReport,
    /// Report for a handover.
    HandoverReport,
    /// List devices.
    Devices,
    /// Report on the intake.
    Ops,
    /// Read dead letters.
    Letters,
    /// Drive one again.
    RetryLetter,
    /// End one.
    DropLetter,
    /// Open a patient in an emergency.
    OpenPatient,
    /// End that.
    ClosePatient,
    /// Show the newest checkpoint of the audit trail.
    AuditCheckpoint,
    /// Read the audit trail.
    AuditLog,
    /// A person is at the keyboard.
    Activity,
    /// Unlock the session.
    Unlock,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 17] = [
        Self::Hello,
        Self::Subscribe,
        Self::Command,
        Self::Query,
        Self::AlertReport,
        Self::HandoverReport,
        Self::Devices,
        Self::Ops,
        Self::Letters,
        Self::RetryLetter,
        Self::DropLetter,
        Self::OpenPatient,
        Self::ClosePatient,
        Self::AuditCheckpoint,
        Self::AuditLog,
        Self::Activity,
        Self::Unlock,
    ];

    /// The kind of a message.
    #[must_use]
    pub const fn of(message: &ClientMessage) -> Self {
        match message {
            ClientMessage::Hello { .. } => Self::Hello,
            ClientMessage::Subscribe { .. } => Self::Subscribe,
            ClientMessage::Command { .. } => Self::Command,
            ClientMessage::Query { .. } => Self::Query,
            ClientMessage::AlertReport { .. } => Self::AlertReport,
            ClientMessage::HandoverReport { .. } => Self::HandoverReport,
            ClientMessage::Devices { .. } => Self::Devices,
            ClientMessage::Ops { .. } => Self::Ops,
            ClientMessage::Letters { .. } => Self::Letters,
            ClientMessage::RetryLetter { .. } => Self::RetryLetter,
            ClientMessage::DropLetter { .. } => Self::DropLetter,
            ClientMessage::OpenPatient { .. } => Self::OpenPatient,
            ClientMessage::ClosePatient { .. } => Self::ClosePatient,
            ClientMessage::AuditCheckpoint { .. } => Self::AuditCheckpoint,
            ClientMessage::AuditLog { .. } => Self::AuditLog,
            ClientMessage::Activity => Self::Activity,
            ClientMessage::Unlock { .. } => Self::Unlock,
        }
    }

    /// What it needs.
    #[must_use]
    pub const fn need(self) -> Need {
        match self {
            Self::Hello | Self::AuditCheckpoint | Self::Activity | Self::Unlock => Need::Token,
            Self::Subscribe | Self::Devices => Need::Verb(Verb::WatchWard),
            Self::Command => Need::Command,
            Self::Query | Self::AlertReport | Self::HandoverReport => Need::Verb(Verb::ReadHistory),
            Self::Ops => Need::Verb(Verb::ReadStatus),
            Self::AuditLog => Need::Verb(Verb::ReadAudit),
            Self::Letters | Self::RetryLetter | Self::DropLetter => Need::Verb(Verb::TriageMessages),
            Self::OpenPatient | Self::ClosePatient => Need::Verb(Verb::BreakGlass),
        }
    }
}

/// What a message needs, and how a denial of it is called in the audit trail; `None` if a good token is enough.
#[must_use]
pub const fn verb_of_message(message: &ClientMessage) -> Option<(Verb, &'static str)> {
    match (Kind::of(message).need(), message) {
        (Need::Command, ClientMessage::Command { command, .. }) => Some(verb_of(command)),
        (Need::Verb(verb), _) => Some((verb, code_of(verb))),
        _ => None,
    }
}

/// How a denial of a verb is called in the audit trail.
#[must_use]
pub const fn code_of(verb: Verb) -> &'static str {
    match verb {
        Verb::WatchWard => "watch_ward",
        Verb::SeeNames => "see_names",
        Verb::SeeInitials => "see_initials",
        Verb::ReadHistory => "read_history",
        Verb::AcknowledgeAlert => "acknowledge_alert",
        Verb::PauseAlerts => "pause_alerts",
        Verb::SwitchAlarmsOff => "switch_alarms_off",
        Verb::ChartPatient => "chart_patient",
        Verb::DecideTargets => "decide_targets",
        Verb::ChangeLimits => "change_limits",
        Verb::ChangeWardLimits => "change_ward_limits",
        Verb::HandOver => "hand_over",
        Verb::ManageRota => "manage_rota",
        Verb::ManageCensus => "manage_census",
        Verb::ManageDevices => "manage_devices",
        Verb::TriageMessages => "triage_messages",
        Verb::ManageUsers => "manage_users",
        Verb::ReadAudit => "read_audit",
        Verb::RetainAudit => "retain_audit",
        Verb::ApproveActs => "approve_acts",
        Verb::CheckPolicy => "check_policy",
        Verb::ReadStatus => "read_status",
        Verb::SendObservations => "send_observations",
        Verb::Export => "export",
        Verb::OwnAccount => "own_account",
        Verb::BreakGlass => "break_glass",
        Verb::ReviewBreakGlass => "review_break_glass",
    }
}

/// What a request of the admin socket needs.
#[must_use]
pub const fn verb_of_request(request: &AdminRequest) -> Verb {
    match request {
        AdminRequest::AddUser { .. }
        | AdminRequest::SetPassphrase { .. }
        | AdminRequest::EnableUser { .. }
        | AdminRequest::SetRole { .. }
        | AdminRequest::SetCoverage { .. }
        | AdminRequest::ResetFactor { .. }
        | AdminRequest::ListUsers
        | AdminRequest::AddUserKey { .. }
        | AdminRequest::RemoveUserKey { .. }
        | AdminRequest::ListUserKeys { .. }
        | AdminRequest::AddStation { .. }
        | AdminRequest::RemoveStation { .. }
        | AdminRequest::ListStations
        | AdminRequest::ListSessions { .. }
        | AdminRequest::EndSession { .. } => Verb::ManageUsers,
        AdminRequest::SetWard { .. } | AdminRequest::Assign { .. } | AdminRequest::Provision { .. } => {
            Verb::ManageCensus
        }
        AdminRequest::Command { command, .. } => verb_of(command).0,
        AdminRequest::AddDevice { .. }
        | AdminRequest::ListDevices { .. }
        | AdminRequest::ListUnplaced
        | AdminRequest::Desire { .. }
        | AdminRequest::Enrol { .. } => Verb::ManageDevices,
        AdminRequest::ListDeadLetters { .. }
        | AdminRequest::ShowDeadLetter { .. }
        | AdminRequest::RetryDeadLetter { .. }
        | AdminRequest::DropDeadLetter { .. } => Verb::TriageMessages,
        AdminRequest::NoteAuditRead | AdminRequest::ExportAudit { .. } | AdminRequest::PlanRetention => Verb::ReadAudit,
        AdminRequest::ArchiveAudit { .. } | AdminRequest::RetainAudit { .. } => Verb::RetainAudit,
        AdminRequest::CheckPolicy { .. } => Verb::CheckPolicy,
        AdminRequest::ListBreakGlass | AdminRequest::ReviewBreakGlass { .. } => Verb::ReviewBreakGlass,
        AdminRequest::ListChannels | AdminRequest::TestChannel { .. } | AdminRequest::Status => Verb::ReadStatus,
    }
}
