//! What each command needs, for every entry: websocket, HTTP, administration.

use crate::{
    domain::{ChartEntry, Command, LimitScope, PauseKind, PauseScope},
    rights::Verb,
};

/// What a command needs, and how a denial of it is called in the audit trail.
#[must_use]
pub const fn verb_of(command: &Command) -> (Verb, &'static str) {
    match command {
        Command::Acknowledge { .. }
        | Command::Reset { .. }
        | Command::Accept { .. }
        | Command::Decline { .. }
        | Command::HandOverAlert { .. }
        | Command::Comment { .. } => (Verb::AcknowledgeAlert, "acknowledge_alert"),
        Command::Pause { kind: PauseKind::AudioOff | PauseKind::AlarmOff, .. }
        | Command::Pause { scope: PauseScope::Ward, .. }
        | Command::ConfirmPause { .. } => (Verb::SwitchAlarmsOff, "switch_alarms_off"),
        // Whoever may pause may also let the alerts sound again, whoever had made them quiet.
        Command::Pause { .. } | Command::EndPause { .. } => (Verb::PauseAlerts, "pause_alerts"),
        Command::Chart { entry: ChartEntry::Scale { .. }, .. } => (Verb::DecideTargets, "decide_targets"),
        Command::Chart { .. } => (Verb::ChartPatient, "chart_patient"),
        Command::SetRota { .. } | Command::AddShift { .. } | Command::RemoveShift { .. } => {
            (Verb::ManageRota, "manage_rota")
        }
        // A nurse changes the limits of a patient, within the guard band; those of all patients are changed by others.
        Command::SetLimits { scope: LimitScope::Ward { .. }, .. }
        | Command::SetSeveralLimits { scope: LimitScope::Ward { .. }, .. }
        | Command::ResetLimits { scope: LimitScope::Ward { .. }, .. } => (Verb::ChangeWardLimits, "change_ward_limits"),
        Command::SetLimits { .. } | Command::SetSeveralLimits { .. } | Command::ResetLimits { .. } => {
            (Verb::ChangeLimits, "change_limits")
        }
        Command::OfferHandover { .. }
        | Command::AcceptHandover { .. }
        | Command::DeclineHandover { .. }
        | Command::WithdrawHandover { .. } => (Verb::HandOver, "hand_over"),
        Command::SetDevice { .. } => (Verb::ManageDevices, "manage_devices"),
        Command::SetBed { .. }
        | Command::Admit { .. }
        | Command::Discharge { .. }
        | Command::Transfer { .. }
        | Command::SetCategory { .. }
        | Command::Describe { .. }
        | Command::Assign { .. }
        | Command::MoveDevice { .. }
        | Command::Unassign { .. } => (Verb::ManageCensus, "manage_census"),
    }
}
