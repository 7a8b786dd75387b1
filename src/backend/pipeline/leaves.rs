//! The audit entry of each command.

use crate::{
    audit::{Act, LeafActor, LeafDraft, Outcome},
    domain::{Actor, Command, Refusal, Ward, WardId},
};

/// The entry of a command, done or refused.
pub(super) fn command(ward: &WardId, command: &Command, by: &Actor, refusal: Option<&Refusal>) -> LeafDraft {
    let outcome = if refusal.is_some() { Outcome::Refused } else { Outcome::Success };
    let actor = LeafActor::from(by);
    let mut leaf = match command {
        Command::Acknowledge { alert, .. } => {
            LeafDraft { alert: Some(*alert), ..LeafDraft::new(actor, Act::AlertAcknowledge, outcome) }
        }
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
        Refusal::Census(_) => "census",
    }
}
