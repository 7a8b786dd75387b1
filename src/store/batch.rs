//! What one group of inputs caused, to be made durable at once.

use super::fhir::ResourceRow;
use super::records::{
    DeviceTokenRecord, EnrolmentRecord, FactorRecord, SessionRecord, StationRecord, UserKeyRecord, UserRecord,
};
use crate::{
    audit::LeafDraft,
    domain::{
        BreakGlass, Coverage, DeviceId, Event, Millis, Quality, Reported, Role, SessionId, Timestamp, Unplaced, UserId,
        VitalCode, Ward, WardId,
    },
    engine::InputBlock,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Everything that one group of inputs caused.
#[derive(Debug, Default)]
pub struct Batch {
    /// By ward.
    pub wards: Vec<WardBatch>,
    /// Entries of the audit trail, in order.
    pub leaves: Vec<LeafDraft>,
    /// Changes of users, sessions and tokens.
    pub access: Vec<AccessChange>,
    /// What devices said of themselves, and that they were heard, in order.
    pub twins: Vec<TwinChange>,
    /// Devices whose values could not be placed, and those that somebody has placed, in order.
    pub unplaced: Vec<UnplacedChange>,
    /// Inputs that could not be used.
    pub dead_letters: Vec<DeadLetter>,
    /// Dead letters that come to their end. One that has ended before stays as it is.
    pub dead_letter_ends: Vec<DeadLetterEnd>,
    /// Versions of resources of FHIR.
    pub resources: Vec<ResourceRow>,
    /// All entries of the audit trail before this one are to be removed, by whole closed segments; one of `leaves` says so.
    pub retain_audit: Option<u64>,
}

impl Batch {
    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wards.iter().all(WardBatch::is_empty)
            && self.leaves.is_empty()
            && self.access.is_empty()
            && self.twins.is_empty()
            && self.unplaced.is_empty()
            && self.dead_letters.is_empty()
            && self.dead_letter_ends.is_empty()
            && self.resources.is_empty()
            && self.retain_audit.is_none()
    }
}

/// What a group of inputs caused in one ward.
#[derive(Debug)]
pub struct WardBatch {
    /// The ward.
    pub ward: WardId,
    /// Set if the ward is made with this batch.
    pub made: Option<Ward>,
    /// Engine time reached.
    pub engine_now: Timestamp,
    /// The journal entries, in order.
    pub events: Vec<Event>,
    /// The inputs, in order; the observations among them are the samples.
    pub inputs: InputBlock,
    /// Corrections of stored samples. A batch that has any must have a snapshot.
    pub corrections: Vec<CorrectedSample>,
    /// The engine's snapshot after these inputs, when one is due. With it the samples since the last one leave the input
    /// log for blocks of their series.
    pub snapshot: Option<Vec<u8>>,
}

impl WardBatch {
    /// A batch with nothing in it.
    #[must_use]
    pub fn new(ward: WardId, engine_now: Timestamp) -> Self {
        Self {
            ward,
            made: None,
            engine_now,
            events: Vec::new(),
            inputs: InputBlock::default(),
            corrections: Vec::new(),
            snapshot: None,
        }
    }

    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.made.is_none()
            && self.events.is_empty()
            && self.corrections.is_empty()
            && self.inputs.is_empty()
            && self.snapshot.is_none()
    }
}

/// A stored sample that gets another value.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrectedSample {
    /// Measured by.
    pub device: DeviceId,
    /// What.
    pub vital: VitalCode,
    /// When.
    pub observed_at: Timestamp,
    /// The new value.
    pub value: f64,
    /// The new value as written, where that says more.
    pub text: Option<Arc<str>>,
    /// How far the new value is to be believed.
    pub quality: Quality,
}

/// A change of users, sessions or tokens. Each says what changes and nothing else, and under which condition: what was
/// read before a passphrase was hashed is old when the hash is there, and must not come back. Store and directory apply
/// them in the same order, by the same rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessChange {
    /// Adds a user; nothing if identifier or name is taken.
    AddUser(UserRecord),
    /// Counts failed logins of a user.
    SetFailures {
        /// The user.
        user: UserId,
        /// Failures since the last success.
        failures: u32,
    },
    /// Lets a user sign in, or no longer.
    SetEnabled {
        /// The user.
        user: UserId,
        /// Whether the account may sign in.
        enabled: bool,
    },
    /// Makes an account one for other wards.
    SetCoverage {
        /// The user.
        user: UserId,
        /// The wards.
        coverage: Coverage,
    },
    /// Gives a user another role.
    SetRole {
        /// The user.
        user: UserId,
        /// The role.
        role: Role,
    },
    /// Gives a user another passphrase.
    SetPhc {
        /// The user.
        user: UserId,
        /// The hash as a PHC string.
        phc: String,
        /// When somebody else has set it; `None` if it was the user.
        given_at: Option<Timestamp>,
    },
    /// Keeps the same passphrase under another hash; nothing if the passphrase is another by now.
    Rehash {
        /// The user.
        user: UserId,
        /// The hash that the new one stands for.
        old: String,
        /// The new hash.
        new: String,
    },
    /// Adds a session; nothing if its user is not enabled, has another hash than the one that was proven, or another second
    /// factor than the one whose code was judged. A session that a key of OpenSSH began is asked for no factor.
    BeginSession {
        /// The session.
        session: SessionRecord,
        /// The hash against which the passphrase was checked.
        proven: String,
        /// The sealed seed of the second factor when that was checked; `None` if there was none.
        factor: Option<String>,
    },
    /// Notes a sign of a person, if the session is still there.
    TouchSession {
        /// The session.
        session: SessionId,
        /// When, since boot.
        active: Millis,
    },
    /// Locks a session, if it is still there and nobody gave a sign since.
    LockSession {
        /// The session.
        session: SessionId,
        /// The last sign of a person that is known, since boot.
        idle_since: Millis,
    },
    /// Unlocks a session, if it is still there.
    UnlockSession {
        /// The session.
        session: SessionId,
        /// When, since boot.
        active: Millis,
    },
    /// Gives a session another token after its user proved a factor, if it is still there. The former token goes on for a
    /// moment.
    RotateSession {
        /// The session.
        session: SessionId,
        /// SHA-256 of the new token.
        token_hash: [u8; 32],
        /// When, since boot.
        at: Millis,
    },
    /// Gives a user a second factor, or takes it.
    SetFactor {
        /// The user.
        user: UserId,
        /// The factor.
        factor: Option<FactorRecord>,
    },
    /// Notes that a code of a user's authenticator is spent; a step before the last one changes nothing.
    SpendStep {
        /// The user.
        user: UserId,
        /// The step of the code.
        step: u64,
    },
    /// Notes that a recovery code of a user is spent.
    SpendRecovery {
        /// The user.
        user: UserId,
        /// SHA-256 of the code; hexadecimal.
        code_hash: String,
    },
    /// Adds a display, in the place of one with the same identifier.
    PutStation(StationRecord),
    /// Removes a display.
    DropStation(UserId),
    /// Keeps what is known of a patient who was opened in an emergency.
    PutBreakGlass(BreakGlass),
    /// Removes a session.
    DropSession(SessionId),
    /// Removes all sessions of a user.
    DropSessionsOf(UserId),
    /// Adds a device token.
    PutDeviceToken(DeviceTokenRecord),
    /// Removes all tokens of a device.
    DropDeviceTokens(DeviceId),
    /// Gives a device an enrolment code in the place of the one before, or notes that it was used.
    PutEnrolment(EnrolmentRecord),
    /// Gives a user a key; nothing if the key is somebody's.
    AddUserKey(UserKeyRecord),
    /// Takes a key away from a user; nothing if it is somebody else's.
    DropUserKey {
        /// The user.
        user: UserId,
        /// The key.
        fingerprint: String,
    },
}

/// Something of the life of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TwinChange {
    /// It was heard.
    Seen {
        /// The device.
        device: DeviceId,
        /// When, in engine time.
        at: Timestamp,
    },
    /// It said how it is.
    Reported {
        /// The device.
        device: DeviceId,
        /// What, and when.
        reported: Reported,
    },
}

/// Something of a device whose values could not be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnplacedChange {
    /// Values of it came; they are counted with those before.
    Came(Unplaced),
    /// It was assigned: nobody has to see to it any more.
    Placed(DeviceId),
}

impl UnplacedChange {
    /// Which device.
    #[must_use]
    pub const fn device(&self) -> &DeviceId {
        match self {
            Self::Came(unplaced) => &unplaced.device,
            Self::Placed(device) => device,
        }
    }
}

/// An input that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Engine time when it came.
    pub at: Timestamp,
    /// Who sent it.
    pub source: String,
    /// Why it could not be used, for programs.
    pub code: String,
    /// Why, for people.
    pub detail: String,
    /// The input, cut to a bound.
    pub payload: String,
    /// By which way it would come again; empty if by none.
    #[serde(default)]
    pub way: String,
}

/// A dead letter in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredDeadLetter {
    /// Its number.
    pub no: u64,
    /// What is kept of it.
    #[serde(flatten)]
    pub letter: DeadLetter,
    /// How it ended, in words, and when; `None` while it waits for somebody.
    pub ended: Option<(String, Timestamp)>,
}

/// A dead letter comes to its end, and with it all open ones of the same sender with the same payload: one message may have
/// been refused for several reasons. It comes before the letters of its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterEnd {
    /// Its number.
    pub no: u64,
    /// How, in words.
    pub how: String,
    /// When.
    pub at: Timestamp,
}

/// Which dead letters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterFilter {
    /// Those that have ended too.
    pub ended: bool,
    /// Of this sender alone.
    pub source: Option<String>,
    /// For this reason alone.
    pub code: Option<String>,
    /// Older than this number.
    pub before: Option<u64>,
}

/// The numbers that a batch was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// By ward, in the order of the batch.
    pub wards: Vec<WardCommitted>,
    /// The size of the audit trail after the batch.
    pub audit_size: u64,
}

/// The numbers that a ward's events were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WardCommitted {
    /// The ward.
    pub ward: WardId,
    /// The number of the first event of the batch, or of the next if it has none.
    pub first_seq: u64,
}
