//! Who asks, and about what.

use crate::domain::{DeviceId, Role};

/// How the session of a person stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is locked for idleness: it goes on watching, nothing else.
    pub locked: bool,
    /// Whether a factor was proven in the last minutes.
    pub fresh: bool,
}

impl Standing {
    /// A session that may do all that its role may.
    pub const FULL: Self = Self { locked: false, fresh: true };
}

/// Who asks. The kinds are kept apart: none ever gets what another kind may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A person who looks after patients, or after the machines beside them.
    Person {
        /// The role in force.
        role: Role,
        /// How the session stands.
        standing: Standing,
    },
    /// A person who looks after accounts and records, and sees no patient: an identity apart from the one that the same
    /// human being may have at the bedside.
    Administrator {
        /// The role in force.
        role: Role,
        /// How the session stands.
        standing: Standing,
    },
    /// A display on a wall.
    Station,
    /// An administrator on the server's own machine.
    Console,
    /// A device or gateway with its token.
    Machine(DeviceId),
}

impl Principal {
    /// Whoever has a session with a role.
    #[must_use]
    pub const fn of_role(role: Role, standing: Standing) -> Self {
        match role {
            Role::Viewer | Role::Nurse | Role::Charge | Role::Doctor | Role::Ops => Self::Person { role, standing },
            Role::Admin | Role::Auditor => Self::Administrator { role, standing },
            Role::Station => Self::Station,
        }
    }
}

/// How somebody stands to a ward, or to a patient of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// The account names the ward.
    Assigned,
    /// The account is for all wards of the site.
    Ward,
    /// None.
    None,
    /// None, but the patient was opened in an emergency.
    BreakGlass,
}

impl Relation {
    /// All relations.
    pub const ALL: [Self; 4] = [Self::Assigned, Self::Ward, Self::None, Self::BreakGlass];
}

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object<'a> {
    /// The site as a whole, or oneself.
    Site,
    /// A ward.
    Ward(Relation),
    /// A patient.
    Patient(Relation),
    /// The data of a device, and the gateway that may send for it.
    Device {
        /// The device.
        id: &'a DeviceId,
        /// Its gateway.
        gateway: Option<&'a DeviceId>,
    },
}

impl Object<'_> {
    /// The relation to it, as far as there is one.
    #[must_use]
    pub const fn relation(&self) -> Relation {
        match self {
            Self::Ward(relation) | Self::Patient(relation) => *relation,
            Self::Site | Self::Device { .. } => Relation::None,
        }
    }
}
