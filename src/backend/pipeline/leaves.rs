//! The audit entries of each command.

use crate::{
    audit::{Act, LeafActor, LeafDraft, Outcome},
    domain::{Actor, Command, Event, EventBody, Handover, HandoverId, Refusal, Ward, WardId},
};

/// The entries of a command and what came of it. Of a handover that is signed there is one for each patient.
pub(super) fn of(
    ward: &WardId,
    command: &Command,
    by: &Actor,
    refusal: Option<&Refusal>,
    events: &[Event],
) -> Vec<LeafDraft> {
    let leaf = self::command(ward, command, by, refusal);
    let Some(handover) = events.iter().find_map(signed) else {
        return events.iter().filter_map(|event| left(event, command, &leaf)).chain([leaf.clone()]).collect();
    };
    let one = |patient| LeafDraft { patient: Some(patient), handover: Some(handover.id), ..leaf.clone() };
    handover.patients.iter().cloned().map(one).collect()
}

/// The entry of the patient whom a device that moves measured before.
fn left(event: &Event, command: &Command, leaf: &LeafDraft) -> Option<LeafDraft> {
    match (command, &event.body) {
        (Command::MoveDevice { .. }, EventBody::Unassigned { assignment, .. }) => {
            Some(LeafDraft { act: Act::DeviceUnassign, patient: Some(assignment.patient.clone()), ..leaf.clone() })
        }
        _ => None,
    }
}

/// The handover that an event says was signed.
const fn signed(event: &Event) -> Option<&Handover> {
    match &event.body {
        EventBody::HandoverOffered { handover } | EventBody::HandoverAccepted { handover, .. } => Some(handover),
        _ => None,
    }
}

/// The entry of a command, done or refused.
fn command(ward: &WardId, command: &Command, by: &Actor, refusal: Option<&Refusal>) -> LeafDraft {
    let outcome = if refusal.is_some() { Outcome::Refused } else { Outcome::Success };
    let actor = LeafActor::from(by);
    let on_alert = |alert, act| LeafDraft { alert: Some(alert), ..LeafDraft::new(LeafActor::from(by), act, outcome) };
    let on_handover =
        |id: HandoverId, act| LeafDraft { handover: Some(id), ..LeafDraft::new(LeafActor::from(by), act, outcome) };
    let mut leaf = match command {
        Command::Acknowledge { alert, .. } => on_alert(*alert, Act::AlertAcknowledge),
        Command::Reset { alert, .. } => on_alert(*alert, Act::AlertReset),
        Command::Accept { alert, .. } => on_alert(*alert, Act::AlertAccept),
        Command::Decline { alert, .. } => on_alert(*alert, Act::AlertDecline),
        Command::HandOverAlert { alert, .. } => on_alert(*alert, Act::AlertHandOver),
        Command::Comment { alert, .. } => on_alert(*alert, Act::AlertComment),
        Command::Pause { scope, .. } => {
            LeafDraft { patient: scope.patient().cloned(), ..LeafDraft::new(actor, Act::AlertsPause, outcome) }
        }
        Command::ConfirmPause { .. } => LeafDraft::new(actor, Act::AlertsPauseConfirm, outcome),
        Command::EndPause { .. } => LeafDraft::new(actor, Act::AlertsPauseEnd, outcome),
        Command::Chart { patient, .. } => {
            LeafDraft { patient: Some(patient.clone()), ..LeafDraft::new(actor, Act::PatientChart, outcome) }
        }
        Command::SetRota { .. } | Command::AddShift { .. } | Command::RemoveShift { .. } => {
            LeafDraft::new(actor, Act::RotaSet, outcome)
        }
        Command::SetLimits { scope, .. } | Command::SetSeveralLimits { scope, .. } => {
            LeafDraft { patient: scope.patient().cloned(), ..LeafDraft::new(actor, Act::LimitsSet, outcome) }
        }
        Command::ResetLimits { scope, .. } => {
            LeafDraft { patient: scope.patient().cloned(), ..LeafDraft::new(actor, Act::LimitsReset, outcome) }
        }
        Command::SetCategory { patient, .. } => {
            LeafDraft { patient: Some(patient.clone()), ..LeafDraft::new(actor, Act::PatientCategory, outcome) }
        }
        Command::Describe { patient, .. } => {
            LeafDraft { patient: Some(patient.clone()), ..LeafDraft::new(actor, Act::PatientUpdate, outcome) }
        }
        Command::OfferHandover { .. } => LeafDraft::new(actor, Act::HandoverOffer, outcome),
        Command::AcceptHandover { handover } => on_handover(*handover, Act::HandoverAccept),
        Command::DeclineHandover { handover, .. } => on_handover(*handover, Act::HandoverDecline),
        Command::WithdrawHandover { handover } => on_handover(*handover, Act::HandoverWithdraw),
        Command::Transfer { patient, bed } => LeafDraft {
            patient: Some(patient.clone()),
            bed: Some(bed.clone()),
            ..LeafDraft::new(actor, Act::PatientTransfer, outcome)
        },
        Command::SetBed { bed } => {
            LeafDraft { bed: Some(bed.id.clone()), ..LeafDraft::new(actor, Act::BedSet, outcome) }
        }
        Command::Admit { patient, bed, .. } => LeafDraft {
            patient: Some(patient.id.clone()),
            bed: Some(bed.clone()),
            ..LeafDraft::new(actor, Act::PatientAdmit, outcome)
        },
        Command::Discharge { patient, .. } => {
            LeafDraft { patient: Some(patient.clone()), ..LeafDraft::new(actor, Act::PatientDischarge, outcome) }
        }
        Command::SetDevice { device } => {
            LeafDraft { device: Some(device.id.clone()), ..LeafDraft::new(actor, Act::DeviceSet, outcome) }
        }
        Command::Assign { assignment } => LeafDraft {
            device: Some(assignment.device.clone()),
            patient: Some(assignment.patient.clone()),
            ..LeafDraft::new(actor, Act::DeviceAssign, outcome)
        },
        Command::MoveDevice { device, patient, .. } => LeafDraft {
            device: Some(device.clone()),
            patient: Some(patient.clone()),
            ..LeafDraft::new(actor, Act::DeviceAssign, outcome)
        },
        Command::Unassign { device, .. } => {
            LeafDraft { device: Some(device.clone()), ..LeafDraft::new(actor, Act::DeviceUnassign, outcome) }
        }
    };
    leaf.ward = Some(ward.clone());
    leaf.code = refusal.map(code);
    leaf
}

/// The entry of a ward that is made or renamed.
pub(super) fn ward_set(ward: &Ward, by: &Actor) -> LeafDraft {
    LeafDraft { ward: Some(ward.id.clone()), ..LeafDraft::new(LeafActor::from(by), Act::WardSet, Outcome::Success) }
}

const fn code(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotOpen { .. } => "not_open",
        Refusal::Changed { .. } => "changed",
        Refusal::AlreadyAcknowledged { .. } => "already_acknowledged",
        Refusal::AlreadyReset { .. } => "already_reset",
        Refusal::Census(_) => "census",
        Refusal::ReasonWanted { .. } => "reason_wanted",
        Refusal::NotLatched { .. } => "not_latched",
        Refusal::AlreadyAccepted { .. } => "already_accepted",
        Refusal::NotYours { .. } => "not_yours",
        Refusal::Pause(_) => "pause",
        Refusal::Rota(_) => "rota",
        Refusal::Chart(_) => "chart",
        Refusal::Limits(_) => "limits",
        Refusal::Handover(_) => "handover",
    }
}
