//! The table of roles and verbs.

use super::Verb;
use crate::domain::Role;

/// What somebody who looks after patients may, or after the machines beside them.
pub(super) const fn person(role: Role, verb: Verb) -> bool {
    use Verb::{
        AcknowledgeAlert, BreakGlass, ChangeLimits, ChangeWardLimits, ChartPatient, DecideTargets, Export, HandOver,
        ManageCensus, ManageDevices, ManageRota, OwnAccount, PauseAlerts, ReadHistory, ReadStatus, ReviewBreakGlass,
        SeeNames, SwitchAlarmsOff, TriageMessages, WatchWard,
    };
    match role {
        Role::Viewer => matches!(verb, WatchWard | SeeNames | ReadHistory | Export | OwnAccount),
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
                | Export
                | OwnAccount
                | BreakGlass
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
                | Export
                | OwnAccount
                | BreakGlass
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
                | Export
                | OwnAccount
                | BreakGlass
                | ReviewBreakGlass
        ),
        Role::Ops => matches!(verb, WatchWard | ManageDevices | TriageMessages | ReadStatus | OwnAccount),
        Role::Admin | Role::Auditor | Role::Station => false,
    }
}

/// What somebody who looks after accounts and records may: nothing that shows a patient.
pub(super) const fn administrator(role: Role, verb: Verb) -> bool {
    use Verb::{
        ApproveActs, ManageCensus, ManageDevices, ManageRota, ManageUsers, OwnAccount, ReadAudit, ReadStatus,
        ReviewBreakGlass,
    };
    match role {
        Role::Admin => {
            matches!(
                verb,
                ManageCensus | ManageDevices | ManageRota | ManageUsers | ApproveActs | ReadStatus | OwnAccount
            )
        }
        Role::Auditor => matches!(verb, ReadAudit | ReviewBreakGlass | OwnAccount),
        Role::Viewer | Role::Nurse | Role::Charge | Role::Doctor | Role::Ops | Role::Station => false,
    }
}

/// The console keeps the house in order; it watches no patient and acknowledges nothing. It names no person, so it approves
/// nothing either.
pub(super) const fn console(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::ManageCensus
            | Verb::ManageDevices
            | Verb::TriageMessages
            | Verb::ManageRota
            | Verb::ManageUsers
            | Verb::ReadAudit
            | Verb::RetainAudit
            | Verb::ReadStatus
            | Verb::CheckPolicy
            | Verb::ReviewBreakGlass
    )
}
