//! Who may do what: one pure function, asked by every entry (websocket, HTTP, admin socket, command line).
//!
//! Roles, verbs and relations are a table; what is not in the table is denied. Sessions and the database live elsewhere:
//! how somebody stands to a ward comes in as an argument.

mod principal;
mod table;
#[cfg(test)]
mod tests;
mod verb;

pub use principal::{Object, Principal, Relation, Standing};
pub use verb::Verb;

use crate::domain::DeviceId;

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No.
    Deny(Denial),
    /// Yes, once a factor was proven again.
    StepUp,
    /// No, unless it is an emergency and one says which.
    BreakGlass,
}

impl Decision {
    /// Why it may not be done now; `None` if it may.
    #[must_use]
    pub const fn denial(self) -> Option<Denial> {
        match self {
            Self::Allow => None,
            Self::Deny(denial) => Some(denial),
            Self::StepUp => Some(Denial::StepUp),
            Self::BreakGlass => Some(Denial::NotYours),
        }
    }
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The role does not do that.
    #[error("your role may not do this")]
    Role,
    /// The session is locked.
    #[error("your session is locked: unlock it first")]
    Locked,
    /// Devices send their own data and nothing else.
    #[error("this token belongs to another device")]
    OtherDevice,
    /// It is about a ward or a patient that the account does not cover.
    #[error("your account does not cover this ward or patient")]
    NotYours,
    /// A factor has to be proven again.
    #[error("prove that it is you: sign in again")]
    StepUp,
}

/// Whether a principal may do something.
#[must_use]
pub fn decide(principal: &Principal, verb: Verb, object: Object<'_>) -> Decision {
    match principal {
        Principal::Person { role, standing } => of_session(|verb| table::person(*role, verb), *standing, verb, object),
        Principal::Administrator { role, standing } => {
            of_session(|verb| table::administrator(*role, verb), *standing, verb, object)
        }
        Principal::Station => station_may(verb, object),
        Principal::Console => {
            if table::console(verb) {
                Decision::Allow
            } else {
                Decision::Deny(Denial::Role)
            }
        }
        Principal::Machine(own) => machine_may(own, verb, object),
    }
}

/// What the role has, within the state of the session and the relation to what it is about.
fn of_session(role_has: impl Fn(Verb) -> bool, standing: Standing, verb: Verb, object: Object<'_>) -> Decision {
    if !role_has(verb) {
        return Decision::Deny(Denial::Role);
    }
    if standing.locked && verb != Verb::WatchWard {
        return Decision::Deny(Denial::Locked);
    }
    if verb.is_of_a_ward() && !relation_gives(object.relation(), verb) {
        return match object {
            Object::Patient(Relation::None) if verb.is_for_emergencies() && role_has(Verb::BreakGlass) => {
                Decision::BreakGlass
            }
            _ => Decision::Deny(Denial::NotYours),
        };
    }
    if verb.wants_fresh_proof() && !standing.fresh {
        return Decision::StepUp;
    }
    Decision::Allow
}

const fn relation_gives(relation: Relation, verb: Verb) -> bool {
    match relation {
        Relation::Assigned | Relation::Ward => true,
        Relation::BreakGlass => verb.is_for_emergencies(),
        Relation::None => false,
    }
}

/// A display shows its own ward. It has nobody before it who could answer for an act.
const fn station_may(verb: Verb, object: Object<'_>) -> Decision {
    match (verb, object.relation()) {
        (Verb::WatchWard | Verb::SeeInitials, Relation::Assigned) => Decision::Allow,
        (Verb::WatchWard | Verb::SeeInitials, _) => Decision::Deny(Denial::NotYours),
        _ => Decision::Deny(Denial::Role),
    }
}

fn machine_may(own: &DeviceId, verb: Verb, object: Object<'_>) -> Decision {
    match (verb, object) {
        (Verb::SendObservations, Object::Device { id, gateway }) => {
            if id == own || gateway == Some(own) {
                Decision::Allow
            } else {
                Decision::Deny(Denial::OtherDevice)
            }
        }
        _ => Decision::Deny(Denial::Role),
    }
}
