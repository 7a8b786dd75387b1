//! What people ask for.

use super::{
    Engine,
    alerts::Moved,
    series::{PatientSeries, Series},
};
use crate::{
    alarm::episode,
    domain::{
        Actor, AlertId, AlertKey, Assignment, BedId, CensusError, CloseReason, Command, ConditionCode, Device,
        DeviceId, EncounterId, Event, EventBody, Patient, PatientId, Refusal, Side, Timestamp, event::SuppressedBy,
    },
};

impl Engine {
    /// Does what is asked, or records why not.
    pub(super) fn command(&mut self, command: Command, by: Actor, events: &mut Vec<Event>) {
        let done = match command.clone() {
            Command::Acknowledge { alert, transition } => self.acknowledge(alert, transition, &by, events),
            Command::SetBed { bed } => {
                self.record(EventBody::BedSet { bed, by: by.clone() }, events);
                Ok(())
            }
            Command::Admit { patient, bed, encounter } => self.admit(patient, bed, encounter, &by, events),
            Command::Discharge { patient, reason } => self.discharge(&patient, reason, &by, events),
            Command::SetDevice { device } => self.set_device(device, &by, events),
            Command::Assign { assignment } => self.assign(assignment, &by, events),
            Command::Unassign { device, end } => self.unassign(&device, end, CloseReason::Unassigned, &by, events),
        };
        if let Err(refusal) = done {
            events.push(Event::new(self.now, EventBody::Refused { command, refusal, by }));
        }
    }

    fn acknowledge(&mut self, alert: AlertId, seen: u32, by: &Actor, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let at = self.now;
        let found = self.alerts.values_mut().find(|a| a.id == alert).ok_or(Refusal::NotOpen { alert })?;
        let transition = episode::acknowledge(found, seen, by, at)?;
        let key = found.key.clone();
        self.move_alert(&key, Some(by.clone()), events, |_| transition);
        Ok(())
    }

    fn admit(
        &mut self,
        patient: Patient,
        bed: BedId,
        encounter: EncounterId,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        self.census.check_admission(&patient.id, &bed)?;
        self.make_room(&patient);
        self.record(EventBody::Admitted { patient, bed, encounter, by: by.clone() }, events);
        Ok(())
    }

    /// A place for the series of a patient who comes.
    fn make_room(&mut self, patient: &Patient) {
        self.patient_index.insert(patient.id.clone(), self.patients.len());
        self.patients.push(PatientSeries {
            patient: patient.id.clone(),
            category: patient.category,
            series: Vec::new(),
        });
    }

    fn discharge(
        &mut self,
        patient: &PatientId,
        reason: CloseReason,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let unknown = || CensusError::UnknownPatient { patient: patient.clone() };
        let encounter = self.census.stays.get(patient).ok_or_else(unknown)?.encounter.clone();
        let end = self.now;
        let open: Vec<Assignment> = self
            .census
            .assignments
            .values()
            .filter_map(|spans| spans.iter().find(|a| a.end.is_none() && a.patient == *patient))
            .cloned()
            .collect();
        for assignment in open {
            let end = end.max(assignment.start + crate::domain::Millis(1));
            self.unassign(&assignment.device, end, reason, by, events)?;
        }
        self.close_alerts(reason, events, |key| key.patient.as_ref() == Some(patient));
        self.remove_room(patient);
        self.record(EventBody::Discharged { patient: patient.clone(), encounter, reason, by: by.clone() }, events);
        Ok(())
    }

    fn remove_room(&mut self, patient: &PatientId) {
        let Some(index) = self.patient_index.remove(patient) else { return };
        self.patients.swap_remove(index);
        if let Some(moved) = self.patients.get(index) {
            self.patient_index.insert(moved.patient.clone(), index);
        }
    }

    fn set_device(&mut self, device: Device, by: &Actor, events: &mut Vec<Event>) -> Result<(), Refusal> {
        self.census.check_device(&device)?;
        for series in self.patients.iter_mut().flat_map(|p| &mut p.series) {
            if series.state.device == device.id {
                let stated = device.intervals_ms.get(&series.state.vital).copied();
                series.state.interval = stated.or(series.state.interval);
            }
        }
        self.record(EventBody::DeviceSet { device, by: by.clone() }, events);
        Ok(())
    }

    fn assign(&mut self, assignment: Assignment, by: &Actor, events: &mut Vec<Event>) -> Result<(), Refusal> {
        self.census.check_assignment(&assignment)?;
        self.record(EventBody::Assigned { assignment, by: by.clone() }, events);
        Ok(())
    }

    fn unassign(
        &mut self,
        device: &DeviceId,
        end: Timestamp,
        reason: CloseReason,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let assignment = self.census.check_unassignment(device, end)?;
        self.drop_series(&assignment.patient, device, events);
        self.close_alerts(reason, events, |key: &AlertKey| {
            key.device.as_ref() == Some(device) && key.patient.as_ref() == Some(&assignment.patient)
        });
        self.devices.remove(device);
        self.record(EventBody::Unassigned { assignment, by: by.clone() }, events);
        Ok(())
    }

    /// Forgets the series that a device made for a patient. What waited for its delay is accounted for.
    fn drop_series(&mut self, patient: &PatientId, device: &DeviceId, events: &mut Vec<Event>) {
        let Some(found) = self.patient_index.get(patient).and_then(|i| self.patients.get_mut(*i)) else { return };
        let (gone, kept): (Vec<Series>, Vec<Series>) =
            std::mem::take(&mut found.series).into_iter().partition(|s| s.state.device == *device);
        found.series = kept;
        for series in gone {
            let moved = Moved {
                patient: patient.clone(),
                device: device.clone(),
                vital: series.state.vital,
                value: None,
                measured_once: series.state.measured_once,
            };
            for (side, machine) in [(Side::Low, series.state.low), (Side::High, series.state.high)] {
                if let Some(violation) = machine.pending_violation() {
                    let code = ConditionCode::Limit(moved.vital, side);
                    self.suppressed(&moved, code, violation, SuppressedBy::Quality, events);
                }
            }
            if let Some(run) = series.state.offline {
                self.offline_ended(&moved, run, events);
            }
        }
    }
}
