//! Who may do what: one pure function, asked by every entry (websocket, HTTP, admin socket, command line).
//!
//! Roles and verbs are a table; what is not in the table is denied. Sessions and the database live elsewhere.

use crate::domain::{DeviceId, Role};

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Watch the beds, vitals and alerts of a ward.
    WatchWard,
    /// See patients' names and notes.
    SeeNames,
    /// Read trends and past alerts of a patient.
    ReadHistory,
    /// Respond to an alert: acknowledge, reset, accept, decline, hand over, comment.
    AcknowledgeAlert,
    /// Make alerts quiet for minutes: pause the sound, pause alarms for a procedure, snooze a condition, standby.
    PauseAlerts,
    /// Switch an alarm or its sound off for longer, or pause the sound of the whole ward.
    SwitchAlarmsOff,
    /// Enter what was observed at the bed: consciousness, oxygen, pregnancy.
    ChartPatient,
    /// Decide on a patient's targets, such as the scale of saturation of NEWS2.
    DecideTargets,
    /// Change the alarm limits of a patient.
    ChangeLimits,
    /// Change the alarm limits of all patients of a category.
    ChangeWardLimits,
    /// Give patients to another person and take them.
    HandOver,
    /// Say who is on duty.
    ManageRota,
    /// Admit and discharge patients, set beds, assign devices.
    ManageCensus,
    /// Add devices and make their tokens.
    ManageDevices,
    /// Add users and change their roles.
    ManageUsers,
    /// Read the audit trail.
    ReadAudit,
    /// Read the state of the server.
    ReadStatus,
    /// Send observations of a device.
    SendObservations,
}

impl Verb {
    /// All verbs.
    pub const ALL: [Self; 18] = [
        Self::WatchWard,
        Self::SeeNames,
        Self::ReadHistory,
        Self::AcknowledgeAlert,
        Self::PauseAlerts,
        Self::SwitchAlarmsOff,
        Self::ChangeLimits,
        Self::ChangeWardLimits,
        Self::ChartPatient,
        Self::DecideTargets,
        Self::HandOver,
        Self::ManageRota,
        Self::ManageCensus,
        Self::ManageDevices,
        Self::ManageUsers,
        Self::ReadAudit,
        Self::ReadStatus,
        Self::SendObservations,
    ];
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A person with a session.
    User {
        /// The role in force.
        role: Role,
        /// Whether the session is locked for idleness: it goes on watching, nothing else.
        locked: bool,
    },
    /// An administrator on the server's own machine.
    Console,
    /// A device or gateway with its token.
    Device(DeviceId),
}

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object<'a> {
    /// The site as a whole.
    Site,
    /// A ward or a patient of it.
    Ward,
    /// The data of a device, and the gateway that may send for it.
    Device {
        /// The device.
        id: &'a DeviceId,
        /// Its gateway.
        gateway: Option<&'a DeviceId>,
    },
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No.
    Deny(Denial),
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
}

/// Whether a principal may do something.
#[must_use]
pub fn decide(principal: &Principal, verb: Verb, object: Object<'_>) -> Decision {
    match principal {
        Principal::User { role, locked } => user_may(*role, *locked, verb),
        Principal::Console => console_may(verb),
        Principal::Device(own) => device_may(own, verb, object),
    }
}

fn user_may(role: Role, locked: bool, verb: Verb) -> Decision {
    if !role_has(role, verb) {
        Decision::Deny(Denial::Role)
    } else if locked && verb != Verb::WatchWard {
        Decision::Deny(Denial::Locked)
    } else {
        Decision::Allow
    }
}

/// The table of roles and verbs.
const fn role_has(role: Role, verb: Verb) -> bool {
    use Verb::{
        AcknowledgeAlert, ChangeLimits, ChangeWardLimits, ChartPatient, DecideTargets, HandOver, ManageCensus,
        ManageDevices, ManageRota, ManageUsers, PauseAlerts, ReadAudit, ReadHistory, ReadStatus, SeeNames,
        SwitchAlarmsOff, WatchWard,
    };
    match role {
        Role::Viewer => matches!(verb, WatchWard | SeeNames | ReadHistory),
        Role::Nurse => matches!(
            verb,
            WatchWard
                | SeeNames
                | ReadHistory
                | AcknowledgeAlert
                | PauseAlerts
                | ChartPatient
                | ChangeLimits
                | HandOver
        ),
        Role::Doctor => matches!(
            verb,
            WatchWard
                | SeeNames
                | ReadHistory
                | AcknowledgeAlert
                | PauseAlerts
                | SwitchAlarmsOff
                | ChangeLimits
                | ChangeWardLimits
                | ChartPatient
                | DecideTargets
                | HandOver
        ),
        Role::Charge => matches!(
            verb,
            WatchWard
                | SeeNames
                | ReadHistory
                | AcknowledgeAlert
                | PauseAlerts
                | SwitchAlarmsOff
                | ChangeLimits
                | ChangeWardLimits
                | ChartPatient
                | HandOver
                | ManageRota
                | ManageCensus
        ),
        Role::Admin => matches!(verb, ManageCensus | ManageDevices | ManageRota | ManageUsers | ReadStatus),
        Role::Auditor => matches!(verb, ReadAudit),
        Role::Ops => matches!(verb, WatchWard | ManageDevices | ReadStatus),
    }
}

/// The console keeps the house in order; it watches no patient and acknowledges nothing.
const fn console_may(verb: Verb) -> Decision {
    match verb {
        Verb::ManageCensus
        | Verb::ManageDevices
        | Verb::ManageRota
        | Verb::ManageUsers
        | Verb::ReadAudit
        | Verb::ReadStatus => Decision::Allow,
        _ => Decision::Deny(Denial::Role),
    }
}

fn device_may(own: &DeviceId, verb: Verb, object: Object<'_>) -> Decision {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table, to be read and agreed by hand.
    #[test]
    fn golden_table() {
        let mut table = String::new();
        let mut row = |name: &str, principal: &Principal, object: Object<'_>| {
            let allowed: Vec<String> = Verb::ALL
                .into_iter()
                .filter(|verb| decide(principal, *verb, object) == Decision::Allow)
                .map(|verb| format!("{verb:?}"))
                .collect();
            table.push_str(&format!("{name}: {}\n", allowed.join(" ")));
        };
        for role in Role::ALL {
            row(role.as_str(), &Principal::User { role, locked: false }, Object::Ward);
        }
        for role in Role::ALL {
            row(&format!("{role}, locked"), &Principal::User { role, locked: true }, Object::Ward);
        }
        row("console", &Principal::Console, Object::Site);
        let (own, other): (DeviceId, DeviceId) = ("d1".parse().unwrap(), "d2".parse().unwrap());
        let device = Principal::Device(own.clone());
        row("device, own data", &device, Object::Device { id: &own, gateway: None });
        row("device, data it is the gateway of", &device, Object::Device { id: &other, gateway: Some(&own) });
        row("device, data of another", &device, Object::Device { id: &other, gateway: None });
        row("device, ward", &device, Object::Ward);
        insta::assert_snapshot!(table, @r"
        viewer: WatchWard SeeNames ReadHistory
        nurse: WatchWard SeeNames ReadHistory AcknowledgeAlert PauseAlerts ChangeLimits ChartPatient HandOver
        charge: WatchWard SeeNames ReadHistory AcknowledgeAlert PauseAlerts SwitchAlarmsOff ChangeLimits ChangeWardLimits ChartPatient HandOver ManageRota ManageCensus
        doctor: WatchWard SeeNames ReadHistory AcknowledgeAlert PauseAlerts SwitchAlarmsOff ChangeLimits ChangeWardLimits ChartPatient DecideTargets HandOver
        admin: ManageRota ManageCensus ManageDevices ManageUsers ReadStatus
        auditor: ReadAudit
        ops: WatchWard ManageDevices ReadStatus
        viewer, locked: WatchWard
        nurse, locked: WatchWard
        charge, locked: WatchWard
        doctor, locked: WatchWard
        admin, locked: 
        auditor, locked: 
        ops, locked: WatchWard
        console: ManageRota ManageCensus ManageDevices ManageUsers ReadAudit ReadStatus
        device, own data: SendObservations
        device, data it is the gateway of: SendObservations
        device, data of another: 
        device, ward: 
        ");
    }
}
