//! Who acts.

use super::{DeviceId, SessionId, UserId};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What a user may be. `rights` says what each may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees the ward, changes nothing.
    Viewer,
    /// Bedside nurse.
    Nurse,
    /// Nurse in charge of the ward.
    Charge,
    /// Doctor on call.
    Doctor,
    /// Manages users, devices and beds; no patient data.
    Admin,
    /// Reads the audit trail; no patient data.
    Auditor,
    /// Keeps devices, gateways and the server running; sees beds and signals, no names.
    Ops,
    /// No person: a display on a wall, which shows its ward with initials and does nothing.
    Station,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 8] =
        [Self::Viewer, Self::Nurse, Self::Charge, Self::Doctor, Self::Admin, Self::Auditor, Self::Ops, Self::Station];

    /// The name as commands and files use it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Nurse => "nurse",
            Self::Charge => "charge",
            Self::Doctor => "doctor",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::Ops => "ops",
            Self::Station => "station",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not a role of a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a role: viewer, nurse, charge, doctor, admin, auditor or ops is wanted")]
pub struct RoleError(String);

impl FromStr for Role {
    type Err = RoleError;
    fn from_str(text: &str) -> Result<Self, RoleError> {
        let of_people = Self::ALL.into_iter().filter(|role| *role != Self::Station);
        of_people
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| RoleError(text.chars().take(40).collect()))
    }
}

/// Who is behind a command or an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A signed-in person.
    User {
        /// The account, by its opaque identifier.
        user: UserId,
        /// The account's login name. It is in the journal; the audit trail holds the identifier alone.
        name: String,
        /// The role in force.
        role: Role,
        /// The session.
        session: SessionId,
    },
    /// An administrator on the server's own machine (the socket's peer has the server's uid).
    Console {
        /// The operating system's user id.
        uid: u32,
    },
    /// A device or gateway by its token.
    Device {
        /// The device.
        device: DeviceId,
    },
    /// The system itself.
    System,
}

impl Actor {
    /// Whether both are the same person, whatever the session or role.
    #[must_use]
    pub fn is_same_person(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::User { user, .. }, Self::User { user: other, .. }) => user == other,
            _ => self == other,
        }
    }

    /// A short name for screens: the login name, `console`, the device, or `system`.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::User { name, .. } => name,
            Self::Console { .. } => "console",
            Self::Device { device } => device.as_str(),
            Self::System => "system",
        }
    }
}
