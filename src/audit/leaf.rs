//! What one entry of the audit trail says, and its exact bytes.

use super::retention::span_of;
use crate::domain::{
    Actor, AlertId, ApprovalId, BedId, DeviceId, HandoverId, Millis, PatientId, Role, SessionId, Timestamp, UserId,
    WardId,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Version of the form of a leaf.
pub const LEAF_VERSION: u16 = 1;

/// Bytes of salt beside a text (128 bits).
pub const SALT_BYTES: usize = 16;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Act {
    /// The log begins: what site it is of.
    #[serde(rename = "log.start")]
    LogStart,
    /// The server started.
    #[serde(rename = "server.start")]
    ServerStart,
    /// The server stopped in order.
    #[serde(rename = "server.stop")]
    ServerStop,
    /// Somebody signed in, or tried to.
    #[serde(rename = "user.login")]
    Login,
    /// Somebody signed out.
    #[serde(rename = "user.logout")]
    Logout,
    /// A session came to its end by itself.
    #[serde(rename = "session.end")]
    SessionEnd,
    /// A session was locked for idleness.
    #[serde(rename = "session.lock")]
    SessionLock,
    /// A session was unlocked, or somebody tried to.
    #[serde(rename = "session.unlock")]
    SessionUnlock,
    /// A patient's vitals and alerts were shown.
    #[serde(rename = "patient.view")]
    PatientView,
    /// A patient's trends and past alerts were read.
    #[serde(rename = "patient.history")]
    PatientHistory,
    /// A report on the alerts of a ward was read.
    #[serde(rename = "ward.alert_report")]
    WardAlertReport,
    /// An alert was acknowledged or reset, or somebody tried to.
    #[serde(rename = "alert.acknowledge")]
    AlertAcknowledge,
    /// A latched alert was reset.
    #[serde(rename = "alert.reset")]
    AlertReset,
    /// An alert was taken on.
    #[serde(rename = "alert.accept")]
    AlertAccept,
    /// Somebody could not come.
    #[serde(rename = "alert.decline")]
    AlertDecline,
    /// An alert was given to somebody else.
    #[serde(rename = "alert.hand_over")]
    AlertHandOver,
    /// Somebody commented on an alert.
    #[serde(rename = "alert.comment")]
    AlertComment,
    /// Alerts were made quiet.
    #[serde(rename = "alerts.pause")]
    AlertsPause,
    /// A second person confirmed a pause.
    #[serde(rename = "alerts.pause_confirm")]
    AlertsPauseConfirm,
    /// A pause was ended.
    #[serde(rename = "alerts.pause_end")]
    AlertsPauseEnd,
    /// Alarm limits were changed.
    #[serde(rename = "limits.set")]
    LimitsSet,
    /// Changed alarm limits were taken back.
    #[serde(rename = "limits.reset")]
    LimitsReset,
    /// A patient was put in another category.
    #[serde(rename = "patient.category")]
    PatientCategory,
    /// A patient was described anew.
    #[serde(rename = "patient.update")]
    PatientUpdate,
    /// Who is on duty was changed.
    #[serde(rename = "rota.set")]
    RotaSet,
    /// Something was charted for a patient.
    #[serde(rename = "patient.chart")]
    PatientChart,
    /// A patient was moved to another bed.
    #[serde(rename = "patient.transfer")]
    PatientTransfer,
    /// Patients were offered to another person: the first signature.
    #[serde(rename = "handover.offer")]
    HandoverOffer,
    /// Patients were taken: the second signature.
    #[serde(rename = "handover.accept")]
    HandoverAccept,
    /// Patients were not taken.
    #[serde(rename = "handover.decline")]
    HandoverDecline,
    /// An offer of patients was taken back.
    #[serde(rename = "handover.withdraw")]
    HandoverWithdraw,
    /// What is to be said at a handover was read.
    #[serde(rename = "handover.view")]
    HandoverView,
    /// A bed was set.
    #[serde(rename = "bed.set")]
    BedSet,
    /// A patient was admitted.
    #[serde(rename = "patient.admit")]
    PatientAdmit,
    /// A patient was discharged.
    #[serde(rename = "patient.discharge")]
    PatientDischarge,
    /// A device was set.
    #[serde(rename = "device.set")]
    DeviceSet,
    /// A device token was made.
    #[serde(rename = "device.token")]
    DeviceToken,
    /// Devices were shown, with whom they measure and have measured.
    #[serde(rename = "device.view")]
    DeviceView,
    /// A device was given an enrolment code.
    #[serde(rename = "device.enrol_code")]
    DeviceEnrolCode,
    /// A device exchanged its enrolment code for a token, or somebody tried to.
    #[serde(rename = "device.enrol")]
    DeviceEnrol,
    /// A device was assigned.
    #[serde(rename = "device.assign")]
    DeviceAssign,
    /// A device was taken away.
    #[serde(rename = "device.unassign")]
    DeviceUnassign,
    /// A ward was made.
    #[serde(rename = "ward.set")]
    WardSet,
    /// A user was added.
    #[serde(rename = "user.add")]
    UserAdd,
    /// A user's passphrase was changed.
    #[serde(rename = "user.passphrase")]
    UserPassphrase,
    /// A key of OpenSSH was given to a user or taken away.
    #[serde(rename = "user.key")]
    UserKey,
    /// A user was disabled or enabled.
    #[serde(rename = "user.state")]
    UserState,
    /// A user was given another role.
    #[serde(rename = "user.role")]
    UserRole,
    /// An account was made one for other wards.
    #[serde(rename = "user.wards")]
    UserWards,
    /// A user got a second factor, or lost it.
    #[serde(rename = "user.factor")]
    UserFactor,
    /// A factor was proven again in a session, or somebody tried to.
    #[serde(rename = "session.step_up")]
    SessionStepUp,
    /// A display was added or got another token.
    #[serde(rename = "station.add")]
    StationAdd,
    /// A display was removed.
    #[serde(rename = "station.remove")]
    StationRemove,
    /// A patient of another ward was opened in an emergency (DICOM 110127).
    #[serde(rename = "break_glass.start")]
    BreakGlassStart,
    /// That came to its end (DICOM 110138).
    #[serde(rename = "break_glass.stop")]
    BreakGlassStop,
    /// Somebody judged whether it was one.
    #[serde(rename = "break_glass.review")]
    BreakGlassReview,
    /// A channel for messages was tried.
    #[serde(rename = "notify.test")]
    NotifyTest,
    /// The audit trail was read.
    #[serde(rename = "audit.read")]
    AuditRead,
    /// Entries of the audit trail were taken away in a form for others.
    #[serde(rename = "audit.export")]
    AuditExport,
    /// Entries of the audit trail were removed because their time was over.
    #[serde(rename = "audit.retain")]
    AuditRetain,
    /// An administrator proposed an act that another has to approve.
    #[serde(rename = "approval.propose")]
    ApprovalPropose,
    /// Another administrator approved it, or somebody tried to.
    #[serde(rename = "approval.approve")]
    ApprovalApprove,
    /// Whoever had proposed it took it back.
    #[serde(rename = "approval.withdraw")]
    ApprovalWithdraw,
    /// Another administrator refused it.
    #[serde(rename = "approval.refuse")]
    ApprovalRefuse,
    /// It came to its end without being done: its time was over, the server stopped, or it could not be done any more.
    #[serde(rename = "approval.end")]
    ApprovalEnd,
    /// Such an act is done without a second administrator, for the reason beside this entry.
    #[serde(rename = "approval.alone")]
    ApprovalAlone,
    /// Somebody asked whether the site's policies are met.
    #[serde(rename = "policy.check")]
    PolicyCheck,
    /// The trail was tried: this entry was written to be read back.
    #[serde(rename = "policy.probe")]
    PolicyProbe,
    /// What of the site's policies is met has changed.
    #[serde(rename = "policy.change")]
    PolicyChange,
    /// A policy denied the start of the server.
    #[serde(rename = "policy.deny")]
    PolicyDeny,
    /// A setting was made as a policy wants it.
    #[serde(rename = "policy.deploy")]
    PolicyDeploy,
    /// Inputs that could not be used were read: they may name patients.
    #[serde(rename = "dead_letter.read")]
    DeadLetterRead,
    /// An input that could not be used was driven again.
    #[serde(rename = "dead_letter.retry")]
    DeadLetterRetry,
    /// An input that could not be used was dropped.
    #[serde(rename = "dead_letter.drop")]
    DeadLetterDrop,
    /// A resource of FHIR was made.
    #[serde(rename = "resource.create")]
    ResourceCreate,
    /// A resource of FHIR got another version.
    #[serde(rename = "resource.update")]
    ResourceUpdate,
    /// Something was asked for that the asker may not do.
    #[serde(rename = "access.denied")]
    AccessDenied,
}

impl Act {
    /// Whether it showed somebody what is known of a patient.
    #[must_use]
    pub const fn shows_patient(self) -> bool {
        matches!(self, Self::PatientView | Self::PatientHistory | Self::HandoverView)
    }
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was not done.
    Refused,
}

/// Who did it, by identifiers alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LeafActor {
    /// A person.
    User {
        /// The account.
        user: UserId,
        /// The role in force.
        role: Role,
        /// The session, once there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
    },
    /// Somebody who is not known.
    Unknown,
    /// An administrator on the server's own machine.
    Console {
        /// The operating system's user id.
        uid: u32,
    },
    /// A device or gateway.
    Device {
        /// The device.
        device: DeviceId,
    },
    /// The system itself.
    System,
}

impl From<&Actor> for LeafActor {
    fn from(actor: &Actor) -> Self {
        match actor {
            Actor::User { user, role, session, .. } => {
                Self::User { user: user.clone(), role: *role, session: Some(session.clone()) }
            }
            Actor::Console { uid } => Self::Console { uid: *uid },
            Actor::Device { device } => Self::Device { device: device.clone() },
            Actor::System => Self::System,
        }
    }
}

/// By which rule entries were removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retained {
    /// Years that entries are kept.
    pub years: u16,
    /// Where they are now.
    pub how: RetainedHow,
    /// When the first entry was written that stays: all that were removed are older.
    pub until: Timestamp,
}

/// Where entries are that were removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetainedHow {
    /// In an archive.
    Archived,
    /// With the receiver of syslog, which has confirmed them.
    Delivered,
}

/// A text that belongs to a leaf but does not stand in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideText {
    /// What the text is, such as `login_name`.
    pub field: &'static str,
    /// The text.
    pub text: String,
    /// Random bytes that keep the commitment from being guessed.
    pub salt: [u8; SALT_BYTES],
}

impl SideText {
    /// SHA-256(salt ‖ text).
    #[must_use]
    pub fn commitment(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(self.salt);
        hasher.update(self.text.as_bytes());
        hasher.finalize().into()
    }
}

/// What a leaf will say, before it has its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafDraft {
    /// Who.
    pub actor: LeafActor,
    /// What.
    pub act: Act,
    /// How it went.
    pub outcome: Outcome,
    /// About which ward.
    pub ward: Option<WardId>,
    /// About which patient.
    pub patient: Option<PatientId>,
    /// About which device.
    pub device: Option<DeviceId>,
    /// About which bed.
    pub bed: Option<BedId>,
    /// About which user.
    pub user: Option<UserId>,
    /// About which session.
    pub session: Option<SessionId>,
    /// About which alert.
    pub alert: Option<AlertId>,
    /// About which handover.
    pub handover: Option<HandoverId>,
    /// About all entries of the trail before this one.
    pub upto: Option<u64>,
    /// By which rule those were removed.
    pub retained: Option<Retained>,
    /// By which proposal.
    pub approval: Option<ApprovalId>,
    /// The second administrator, who approved it.
    pub second: Option<UserId>,
    /// Why there was no second administrator, where one is wanted.
    pub alone: Option<&'static str>,
    /// A code that says more, such as the reason of a refusal; never free text.
    pub code: Option<&'static str>,
    /// The text that stands beside the log.
    pub side_text: Option<SideText>,
}

impl LeafDraft {
    /// A leaf that says who did what and how it went.
    #[must_use]
    pub const fn new(actor: LeafActor, act: Act, outcome: Outcome) -> Self {
        Self {
            actor,
            act,
            outcome,
            ward: None,
            patient: None,
            device: None,
            bed: None,
            user: None,
            session: None,
            alert: None,
            handover: None,
            upto: None,
            retained: None,
            approval: None,
            second: None,
            alone: None,
            code: None,
            side_text: None,
        }
    }
}

/// When and where a leaf is written.
#[derive(Debug, Clone, Copy)]
pub struct LeafStamp<'a> {
    /// The place in the log, from 0.
    pub index: u64,
    /// Wall time.
    pub utc: Timestamp,
    /// Time since boot.
    pub boot: Millis,
    /// Which boot.
    pub boot_id: &'a str,
}

#[derive(Serialize)]
struct LeafText<'a> {
    v: u16,
    i: u64,
    utc: Timestamp,
    boot_ms: i64,
    boot_id: &'a str,
    actor: &'a LeafActor,
    act: Act,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    ward: &'a Option<WardId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patient: &'a Option<PatientId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: &'a Option<DeviceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bed: &'a Option<BedId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: &'a Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: &'a Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: &'a Option<AlertId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handover: &'a Option<HandoverId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upto: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retained: Option<Retained>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: &'a Option<ApprovalId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second: &'a Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<TextCommitment>,
}

#[derive(Serialize)]
struct TextCommitment {
    field: &'static str,
    sha256: String,
}

impl LeafDraft {
    /// The exact text of the leaf: one line of JSON. What is stored is what is hashed; it is never written anew.
    ///
    /// # Errors
    /// If JSON cannot be written, which these types give no occasion for.
    pub fn text(&self, stamp: &LeafStamp<'_>) -> Result<String, serde_json::Error> {
        let text = self
            .side_text
            .as_ref()
            .map(|side| TextCommitment { field: side.field, sha256: BASE64.encode(side.commitment()) });
        serde_json::to_string(&LeafText {
            v: LEAF_VERSION,
            i: stamp.index,
            utc: stamp.utc,
            boot_ms: stamp.boot.0,
            boot_id: stamp.boot_id,
            actor: &self.actor,
            act: self.act,
            outcome: self.outcome,
            ward: &self.ward,
            patient: &self.patient,
            device: &self.device,
            bed: &self.bed,
            user: &self.user,
            session: &self.session,
            alert: &self.alert,
            handover: &self.handover,
            upto: self.upto,
            retained: self.retained,
            approval: &self.approval,
            second: &self.second,
            alone: self.alone,
            code: self.code,
            text,
        })
    }
}

/// What a leaf says that says that entries were removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// All entries before this one.
    pub upto: u64,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub who: String,
    /// By which rule.
    pub retained: Retained,
}

impl Removal {
    /// Whether what was written before `until` was old enough to go, by the rule that the leaf names.
    #[must_use]
    pub fn is_due(&self, until: Timestamp) -> bool {
        let years = self.retained.years;
        years >= 1 && until <= self.retained.until && self.at.since(until) >= span_of(years)
    }
}

/// That entries were removed, if a leaf says so.
#[must_use]
pub fn removal(bytes: &[u8]) -> Option<Removal> {
    #[derive(Deserialize)]
    struct Text {
        act: Act,
        outcome: Outcome,
        upto: u64,
        retained: Retained,
        utc: Timestamp,
        actor: LeafActor,
    }
    let text: Text = serde_json::from_slice(bytes).ok()?;
    let who = match text.actor {
        LeafActor::User { user, .. } => user.to_string(),
        LeafActor::Console { uid } => format!("uid {uid}"),
        LeafActor::Device { device } => device.to_string(),
        LeafActor::System => "the system".to_owned(),
        LeafActor::Unknown => "nobody known".to_owned(),
    };
    let is_one = text.act == Act::AuditRetain && text.outcome == Outcome::Success;
    is_one.then_some(Removal { upto: text.upto, at: text.utc, who, retained: text.retained })
}

/// Whether what is stored beside a leaf is the text that it was written with, by its name and its salt. No text may stand
/// beside a leaf that was written without one.
#[must_use]
pub fn text_fits(leaf: &[u8], field: &[u8], salt: &[u8], text: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Text {
        text: Commitment,
    }
    #[derive(Deserialize)]
    struct Commitment {
        field: String,
        sha256: String,
    }
    let Ok(Text { text: said }) = serde_json::from_slice::<Text>(leaf) else { return false };
    let mut hasher = Sha256::new();
    hasher.update(salt);
    hasher.update(text);
    // What could be moved from the salt to the text would give the same hash.
    salt.len() == SALT_BYTES && said.field.as_bytes() == field && said.sha256 == BASE64.encode(hasher.finalize())
}

/// When a leaf says that it was written.
#[must_use]
pub fn written_at(bytes: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Written {
        utc: Timestamp,
    }
    serde_json::from_slice::<Written>(bytes).ok().map(|written| written.utc)
}

/// The place that a leaf itself claims to have.
#[must_use]
pub fn claimed_index(bytes: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Claim {
        i: u64,
    }
    serde_json::from_slice::<Claim>(bytes).ok().map(|claim| claim.i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_leaf_hold_no_text() {
        let side_text = Some(SideText { field: "login_name", text: "Mallory O'Name".into(), salt: [7; SALT_BYTES] });
        let draft = LeafDraft {
            side_text,
            code: Some("unknown_user"),
            ..LeafDraft::new(LeafActor::Unknown, Act::Login, Outcome::Refused)
        };
        let stamp = LeafStamp { index: 4, utc: Timestamp::from_ms(0), boot: Millis(12), boot_id: "b" };
        let text = draft.text(&stamp).unwrap();
        insta::assert_snapshot!(text, @r#"{"v":1,"i":4,"utc":"1970-01-01T00:00:00.000Z","boot_ms":12,"boot_id":"b","actor":{"kind":"unknown"},"act":"user.login","outcome":"refused","code":"unknown_user","text":{"field":"login_name","sha256":"Ma5iSXeyyzPJQc0yLi0/Eo4CN8iiYs8w1+GjxI19xuE="}}"#);
        assert_eq!(claimed_index(text.as_bytes()), Some(4));
        let fits = |field: &str, salt: &[u8], beside: &str| {
            text_fits(text.as_bytes(), field.as_bytes(), salt, beside.as_bytes())
        };
        let salt = [7; SALT_BYTES];
        assert!(fits("login_name", &salt, "Mallory O'Name"));
        assert!(!fits("login_name", &salt, "Alice"));
        assert!(!fits("words", &salt, "Mallory O'Name"));
        assert!(!fits("login_name", &[8; SALT_BYTES], "Mallory O'Name"));
        assert!(!fits("login_name", &[&salt[..], b"M"].concat(), "allory O'Name"));
        assert!(!text_fits(br#"{"v":1,"i":4}"#, b"login_name", &salt, b"Mallory O'Name"), "it was written without one");
    }
}
