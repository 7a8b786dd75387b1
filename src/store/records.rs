//! What is read back.

use crate::domain::{
    BreakGlass, Coverage, DeviceId, Millis, Mode, PatientId, Quality, Reported, Role, SessionId, Timestamp, UserId,
    Ward, WardId,
};
use serde::{Deserialize, Serialize};

/// What a data folder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRecord {
    /// Random identifier of the site; the audit log's origin is made of it.
    pub site: String,
    /// Live or demo, fixed when the folder was made.
    pub mode: Mode,
}

/// A ward with its snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct WardRecord {
    /// The ward.
    pub ward: Ward,
    /// The number of its last event.
    pub head: u64,
    /// Engine time reached.
    pub engine_now: Timestamp,
    /// The newest snapshot and the number of the last input block that is in it.
    pub snapshot: Option<(u64, Vec<u8>)>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Opaque identifier.
    pub id: UserId,
    /// Login name, unique without regard to case.
    pub name: String,
    /// Role.
    pub role: Role,
    /// The hash of the passphrase as a PHC string, parameters included.
    pub phc: String,
    /// When somebody else has set the passphrase, if its user has set none since.
    pub given_at: Option<Timestamp>,
    /// Whether the account may sign in.
    pub enabled: bool,
    /// Failed logins since the last success.
    pub failures: u32,
    /// For which wards.
    pub coverage: Coverage,
    /// The second factor, if there is one.
    pub factor: Option<FactorRecord>,
}

/// The second factor of a user: codes of an authenticator (RFC 6238), and codes for the day when that is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorRecord {
    /// The seed, sealed under a key that is not in the database; base64.
    pub sealed_seed: String,
    /// The step of the last code that was used: it and all before are spent.
    pub last_step: u64,
    /// SHA-256 of each recovery code that is not spent; hexadecimal.
    pub recovery: Vec<String>,
}

impl FactorRecord {
    /// Notes that a code is spent; a step before the last one changes nothing.
    pub fn spend_step(&mut self, step: u64) {
        self.last_step = self.last_step.max(step);
    }

    /// Notes that a recovery code is spent.
    pub fn spend_recovery(&mut self, code_hash: &str) {
        self.recovery.retain(|held| held != code_hash);
    }
}

/// A display on a wall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StationRecord {
    /// Opaque identifier.
    pub id: UserId,
    /// What it is called, unique without regard to case.
    pub name: String,
    /// The ward that it shows.
    pub ward: WardId,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// The mode of the folder that it was made for.
    pub mode: Mode,
    /// When its token was made.
    pub made_at: Timestamp,
}

/// A session. Times are of the boot-time clock of one boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Identifier; not a secret.
    pub id: SessionId,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// Whose.
    pub user: UserId,
    /// The boot whose clock the times are of.
    pub boot_id: String,
    /// When it began.
    pub began: Millis,
    /// The last sign of a person.
    pub active: Millis,
    /// Whether it is locked.
    pub locked: bool,
    /// When a factor was last proven.
    pub proven: Millis,
    /// SHA-256 of the token before the present one, and when that came.
    pub former: Option<([u8; 32], Millis)>,
    /// Whether it lasts as long as a connection to this process alone: after a restart nobody holds it.
    pub held: bool,
    /// The key of OpenSSH that opened it, if one did. Such a session is held, so this is known in memory alone.
    pub key: Option<String>,
}

/// A token of a device or gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceTokenRecord {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// Whose.
    pub device: DeviceId,
    /// The mode of the folder that it was made for.
    pub mode: Mode,
    /// When it was made.
    pub made_at: Timestamp,
}

/// The enrolment code of a device: the newest one, used or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentRecord {
    /// Whose.
    pub device: DeviceId,
    /// SHA-256 of the code.
    pub code_hash: [u8; 32],
    /// The mode of the folder that it was made for.
    pub mode: Mode,
    /// Until when it may be used, exclusive, in engine time.
    pub expires_at: Timestamp,
    /// Whether its use ends the device's earlier tokens.
    pub replace: bool,
    /// Whether it was used.
    pub used: bool,
}

/// A public key of OpenSSH by which a user is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserKeyRecord {
    /// `SHA256:` and base64, as OpenSSH shows it. A key is one user's.
    pub fingerprint: String,
    /// Whose.
    pub user: UserId,
    /// Its kind, such as `ssh-ed25519`.
    pub algorithm: String,
    /// What stood behind it.
    pub comment: String,
    /// When it was added, in engine time.
    pub added_at: Timestamp,
}

/// Users, sessions and tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessRecords {
    /// Users.
    pub users: Vec<UserRecord>,
    /// Sessions.
    pub sessions: Vec<SessionRecord>,
    /// Device tokens.
    pub device_tokens: Vec<DeviceTokenRecord>,
    /// Enrolment codes.
    pub enrolments: Vec<EnrolmentRecord>,
    /// Keys of users.
    pub user_keys: Vec<UserKeyRecord>,
    /// Displays.
    pub stations: Vec<StationRecord>,
    /// Patients who were opened in emergencies: those that are open, and those that nobody has judged.
    pub break_glass: Vec<BreakGlass>,
}

/// What is kept of a device's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwinRecord {
    /// The device.
    pub device: DeviceId,
    /// When it was heard, in engine time; up to a minute before the last time.
    pub seen_at: Option<Timestamp>,
    /// What it last said of itself.
    pub reported: Option<Reported>,
}

/// A stored value.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSample {
    /// Whose.
    pub patient: PatientId,
    /// The value.
    pub value: f64,
    /// How far it is to be believed.
    pub quality: Quality,
}

/// A leaf of the audit trail with the text beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRow {
    /// Its place.
    pub index: u64,
    /// Its text.
    pub leaf: String,
    /// The text beside it, unless erased.
    pub text: Option<String>,
    /// Whether that is the text that the leaf was written with; also if there is none.
    pub text_fits: bool,
}
