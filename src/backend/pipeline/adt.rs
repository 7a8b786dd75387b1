//! What the hospital's own system says of who lies where, as commands of a ward.
//!
//! An act that cannot be is refused: an unknown bed, a bed that is taken, a patient who is not here. Nothing is guessed.
//! What is so already is done: a sender that heard no answer sends again.

use super::{core::Core, group::Group};
use crate::{
    domain::{
        Actor, Assignment, BedId, Census, CensusError, CloseReason, Command, DeviceId, EncounterId, Patient, PatientId,
        Stay, Timestamp, WardId,
    },
    ingest::hl7::{AdtAct, AdtKind},
};

impl Core {
    /// Does an act for the ward of the gateway that sent it.
    pub(super) fn adt(
        &mut self,
        sender: &DeviceId,
        act: &AdtAct,
        now: Timestamp,
        group: &mut Group,
    ) -> Result<(), String> {
        let unknown = || format!("device {sender} is not known: add it with `wardwatch device add`");
        let ward = self.ward_of_device.get(sender).cloned().ok_or_else(unknown)?;
        let run = self.wards.get(&ward).ok_or_else(unknown)?;
        let commands = commands(run.engine.census(), sender, act, now)?;
        let by = Actor::Device { device: sender.clone() };
        // Patients of other wards are found before anything is done. What the engine refuses of an act leaves what was done
        // before it: the sender is told, and what is so already is done when the act comes again.
        for command in &commands {
            if let Command::Admit { patient, .. } = command {
                self.check_nowhere_else(&ward, &patient.id)?;
            }
        }
        for command in commands {
            let (_, refusal) = self.act(&ward, &command, &by, now, group).ok_or_else(unknown)?;
            if let Some(refusal) = refusal {
                return Err(refusal.to_string());
            }
        }
        Ok(())
    }

    /// A patient is of one ward.
    fn check_nowhere_else(&self, ward: &WardId, patient: &PatientId) -> Result<(), String> {
        let is_there = |(id, run): &(&WardId, &super::ward::WardRun)| {
            *id != ward && run.engine.census().stays.contains_key(patient)
        };
        match self.wards.iter().find(is_there) {
            Some((other, _)) => Err(format!("patient {patient} is in ward {other}: discharge there first")),
            None => Ok(()),
        }
    }
}

/// What there is to do, in order; nothing if it is so already.
fn commands(census: &Census, sender: &DeviceId, act: &AdtAct, now: Timestamp) -> Result<Vec<Command>, String> {
    let id = &act.patient.id;
    let here = || {
        let unknown = || CensusError::UnknownPatient { patient: id.clone() }.to_string();
        census.stays.get(id).ok_or_else(unknown)
    };
    let bed = || act.bed.clone().ok_or_else(|| "there is no bed".to_owned());
    match act.kind {
        AdtKind::Admit | AdtKind::CancelDischarge => {
            let bed = bed()?;
            if census.stays.get(id).is_some_and(|stay| stay.bed == bed) {
                return Ok(Vec::new());
            }
            Ok(vec![Command::Admit { patient: act.patient.clone(), bed, encounter: encounter(act, now) }])
        }
        AdtKind::Transfer | AdtKind::CancelTransfer => {
            let (bed, stay) = (bed()?, here()?);
            if stay.bed == bed {
                return Ok(Vec::new());
            }
            Ok(transfer(census, sender, id, bed, now))
        }
        AdtKind::Discharge | AdtKind::CancelAdmit => {
            here()?;
            Ok(vec![Command::Discharge { patient: id.clone(), reason: CloseReason::Discharged }])
        }
        AdtKind::Update => {
            let known = &here()?.patient;
            // What the message does not say stays.
            let name = if act.patient.name.is_empty() { &known.name } else { &act.patient.name };
            let birth_year = act.patient.birth_year.or(known.birth_year);
            if *name == known.name && birth_year == known.birth_year {
                return Ok(Vec::new());
            }
            Ok(vec![Command::Describe { patient: id.clone(), name: name.clone(), birth_year }])
        }
        AdtKind::Merge => match act.merged.as_ref().and_then(|old| census.stays.get(old)) {
            // Done already, or of somebody who never was here: then neither identifier is one to go on under.
            None => match (census.stays.contains_key(id), &act.merged) {
                (true, _) => Ok(Vec::new()),
                (false, None) => Err("there is no identifier that is given up".to_owned()),
                (false, Some(old)) => Err(format!("neither patient {old} nor patient {id} is here: nobody is merged")),
            },
            Some(old) if old.patient.id == *id => Ok(Vec::new()),
            Some(old) => merge(census, old, act, now),
        },
    }
}

/// Monitors that were assigned by messages stay with the bed: the next message says whom they measure.
fn transfer(census: &Census, sender: &DeviceId, patient: &PatientId, bed: BedId, now: Timestamp) -> Vec<Command> {
    let behind = |device: &DeviceId| census.devices.get(device).is_some_and(|d| d.gateway.as_ref() == Some(sender));
    let left = open_assignments(census, patient).filter(|a| behind(&a.device));
    let unassign = |a: &Assignment| Command::Unassign {
        device: a.device.clone(),
        end: now.max(a.start + crate::domain::Millis(1)),
    };
    let mut commands: Vec<Command> = left.map(unassign).collect();
    commands.insert(0, Command::Transfer { patient: patient.clone(), bed });
    commands
}

/// The patient goes on under the identifier that stays, in the same bed and with the same devices; what was measured stays
/// under the one that is given up.
fn merge(census: &Census, old: &Stay, act: &AdtAct, now: Timestamp) -> Result<Vec<Command>, String> {
    let id = &act.patient.id;
    if let Some(other) = census.stays.get(id) {
        return Err(format!(
            "patient {id} is in bed {} and patient {} in bed {}: discharge one of them first",
            other.bed, old.patient.id, old.bed
        ));
    }
    let name = if act.patient.name.is_empty() { &old.patient.name } else { &act.patient.name };
    let patient = Patient { id: id.clone(), name: name.clone(), ..old.patient.clone() };
    let assign = |a: &Assignment| Command::Assign {
        assignment: Assignment {
            device: a.device.clone(),
            patient: id.clone(),
            start: now.max(a.start + crate::domain::Millis(1)),
            end: None,
        },
    };
    let mut commands = vec![
        Command::Discharge { patient: old.patient.id.clone(), reason: CloseReason::Discharged },
        Command::Admit { patient, bed: old.bed.clone(), encounter: old.encounter.clone() },
    ];
    commands.extend(open_assignments(census, &old.patient.id).map(assign));
    Ok(commands)
}

fn open_assignments<'a>(census: &'a Census, patient: &'a PatientId) -> impl Iterator<Item = &'a Assignment> {
    census.assignments.values().flatten().filter(move |a| a.end.is_none() && a.patient == *patient)
}

/// The stay that the message names, else one of our own making.
fn encounter(act: &AdtAct, now: Timestamp) -> EncounterId {
    act.encounter.clone().unwrap_or_else(|| EncounterId::from_name(&format!("hl7-{}", now.as_ms())))
}
