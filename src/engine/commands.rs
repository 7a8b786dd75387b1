//! What people ask for.

use super::{Engine, alerts::Moved, handover::Offered, limits::Wanted, patients::PatientSeries, pauses::Asked};
use crate::{
    alarm::episode,
    domain::{
        Actor, AlertKey, Assignment, BedId, CensusError, CloseReason, Command, ConditionCode, Device, DeviceId,
        EncounterId, Event, EventBody, LimitsCause, Marks, Millis, Patient, PatientId, PauseEnd, PersonName, Refusal,
        Side, Timestamp, event::SuppressedBy,
    },
};

/// An assignment that begins or ends later than this ahead of now is refused: clocks are not that far apart.
const ASSIGNMENT_AHEAD_MAX: Millis = Millis::from_secs(60);

impl Engine {
    /// Does what is asked, or records why not.
    pub(super) fn command(&mut self, command: Command, by: Actor, events: &mut Vec<Event>) {
        let done = match command.clone() {
            Command::SetBed { bed } => {
                self.record(EventBody::BedSet { bed, by: by.clone() }, events);
                Ok(())
            }
            Command::Admit { patient, bed, encounter } => self.admit(patient, bed, encounter, &by, events),
            Command::Discharge { patient, reason } => self.discharge(&patient, reason, &by, events),
            Command::Transfer { patient, bed } => self.transfer(&patient, &bed, &by, events),
            Command::SetDevice { device } => self.set_device(device, &by, events),
            Command::Assign { assignment } => self.assign(assignment, &by, events),
            Command::MoveDevice { device, patient, at } => self.move_device(device, patient, at, &by, events),
            Command::Unassign { device, end } => self
                .check_not_ahead(end)
                .and_then(|()| self.unassign(&device, end, CloseReason::Unassigned, &by, events)),
            Command::SetLimits { scope, vital, change, reason, expires, basis } => {
                self.set_limits(Wanted { scope, vital, change, reason, expires, basis }, &by, events)
            }
            Command::SetSeveralLimits { scope, changes, reason, expires, basis } => {
                let wanted = |(vital, change)| Wanted {
                    scope: scope.clone(),
                    vital,
                    change,
                    reason: reason.clone(),
                    expires,
                    basis,
                };
                self.set_several_limits(changes.into_iter().map(wanted).collect(), &by, events)
            }
            Command::ResetLimits { scope, vital, reason } => self.reset_limits(&scope, vital, &reason, &by, events),
            Command::SetCategory { patient, category } => self.set_category(&patient, category, &by, events),
            Command::Describe { patient, name, birth_year } => self.describe(&patient, name, birth_year, &by, events),
            other => self.response_command(other, &by, events),
        };
        if let Err(refusal) = done {
            events.push(Event::new(self.now, EventBody::Refused { command, refusal, by }));
        }
    }

    /// What people do about alerts, and who is on duty for them.
    fn response_command(&mut self, command: Command, by: &Actor, events: &mut Vec<Event>) -> Result<(), Refusal> {
        let at = self.now;
        match command {
            Command::Acknowledge { alert, transition } => {
                self.on_alert(alert, by, events, |found| episode::acknowledge(found, transition, by, at))
            }
            Command::Reset { alert, transition, reason } => self.reset(alert, transition, reason, by, events),
            Command::Accept { alert, transition } => {
                self.on_alert(alert, by, events, |found| episode::accept(found, transition, by, at))
            }
            Command::Decline { alert, transition, reason } => {
                self.on_alert(alert, by, events, |found| episode::decline(found, transition, by, reason, at))
            }
            Command::HandOverAlert { alert, transition, to } => {
                self.on_alert(alert, by, events, |found| episode::hand_over(found, transition, by, to))
            }
            Command::Comment { alert, text } => self.comment(alert, text, by, events),
            Command::Pause { kind, scope, span, reason, include_high } => {
                self.pause(Asked { kind, scope, span, reason, include_high }, by, events)
            }
            Command::ConfirmPause { pause } => self.confirm_pause(pause, by, events),
            Command::EndPause { pause } => self.end_pause(pause, by, events),
            Command::Chart { patient, entry } => self.chart(&patient, entry, by, events),
            Command::SetRota { shifts } => self.set_rota(shifts, by, events),
            Command::AddShift { shift } => self.add_shift(shift, by, events),
            Command::RemoveShift { shift } => self.remove_shift(&shift, by, events),
            Command::OfferHandover { to, patients, extent, note } => {
                self.offer_handover(Offered { to, patients, extent, note }, by, events)
            }
            Command::AcceptHandover { handover } => self.accept_handover(handover, by, events),
            Command::DeclineHandover { handover, reason } => self.decline_handover(handover, reason, by, events),
            Command::WithdrawHandover { handover } => self.withdraw_handover(handover, by, events),
            Command::SetBed { .. }
            | Command::Admit { .. }
            | Command::Discharge { .. }
            | Command::Transfer { .. }
            | Command::SetDevice { .. }
            | Command::Assign { .. }
            | Command::SetLimits { .. }
            | Command::SetSeveralLimits { .. }
            | Command::ResetLimits { .. }
            | Command::SetCategory { .. }
            | Command::Describe { .. }
            | Command::MoveDevice { .. }
            | Command::Unassign { .. } => Ok(()),
        }
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
        self.judge_rota(events);
        self.judge_watching(events);
        Ok(())
    }

    fn describe(
        &mut self,
        patient: &PatientId,
        name: PersonName,
        birth_year: Option<i32>,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        if !self.census.stays.contains_key(patient) {
            return Err(CensusError::UnknownPatient { patient: patient.clone() }.into());
        }
        let described = EventBody::Described { patient: patient.clone(), name, birth_year, by: by.clone() };
        self.record(described, events);
        Ok(())
    }

    /// A place for the series of a patient who comes.
    fn make_room(&mut self, patient: &Patient) {
        self.patients.add(PatientSeries::new(patient.id.clone(), patient.category));
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
            let end = end.max(assignment.start + Millis(1));
            self.unassign(&assignment.device, end, reason, by, events)?;
        }
        self.close_alerts(reason, events, |key| key.patient.as_ref() == Some(patient));
        if let Some((place, last)) = self.patients.remove(patient) {
            self.timers.looks.remove(place, last);
        }
        self.drop_limits_of(patient, LimitsCause::Discharged, by, events);
        self.end_pauses_of(patient, &PauseEnd::Discharged, |_| true, events);
        self.record(EventBody::Discharged { patient: patient.clone(), encounter, reason, by: by.clone() }, events);
        self.end_empty_handovers(events);
        self.judge_rota(events);
        self.judge_watching(events);
        Ok(())
    }

    /// Row 17: the patient lies in another bed from now on; devices, alerts and pauses go along.
    fn transfer(
        &mut self,
        patient: &PatientId,
        bed: &BedId,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let from = self.census.check_transfer(patient, bed)?;
        let moved = EventBody::Transferred { patient: patient.clone(), from, bed: bed.clone(), by: by.clone() };
        self.record(moved, events);
        let keys: Vec<AlertKey> = self.alerts.keys().filter(|k| k.patient.as_ref() == Some(patient)).cloned().collect();
        for key in keys {
            self.move_alert(&key, None, events, |alert| episode::transfer(alert, bed.clone()));
        }
        // Others look after the patient from now on.
        self.limits_handed_over(patient, by, events);
        self.judge_rota(events);
        Ok(())
    }

    fn set_device(&mut self, mut device: Device, by: &Actor, events: &mut Vec<Event>) -> Result<(), Refusal> {
        self.census.check_device(&device)?;
        device.desired = self.census.numbered(&device, self.now);
        for series in self.patients.iter_mut().flat_map(|p| &mut p.series) {
            if series.state.device == device.id {
                let stated = device.intervals_ms.get(&series.state.vital).copied();
                series.state.interval = stated.or(series.state.interval);
            }
        }
        let id = device.id.clone();
        self.record(EventBody::DeviceSet { device, by: by.clone() }, events);
        self.watch_gateway(&id);
        Ok(())
    }

    /// An assignment begins and ends now or earlier: until one that lies ahead, values would be judged for nobody.
    fn check_not_ahead(&self, at: Timestamp) -> Result<(), Refusal> {
        if at > self.now + ASSIGNMENT_AHEAD_MAX { Err(CensusError::Ahead { at }.into()) } else { Ok(()) }
    }

    fn assign(&mut self, assignment: Assignment, by: &Actor, events: &mut Vec<Event>) -> Result<(), Refusal> {
        self.check_not_ahead(assignment.start)?;
        self.census.check_assignment(&assignment)?;
        let device = assignment.device.clone();
        self.record(EventBody::Assigned { assignment, by: by.clone() }, events);
        self.battery_of_assigned(&device, events);
        Ok(())
    }

    /// Ends the open assignment of a device and begins another, or does neither.
    fn move_device(
        &mut self,
        device: DeviceId,
        patient: PatientId,
        at: Timestamp,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        self.check_not_ahead(at)?;
        let wanted = Assignment { device, patient, start: at, end: None };
        self.census.check_move(&wanted)?;
        if self.census.open_assignment(&wanted.device).is_some() {
            self.unassign(&wanted.device, at, CloseReason::Unassigned, by, events)?;
        }
        self.assign(wanted, by, events)
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
        self.score_soon(&assignment.patient);
        self.close_alerts(reason, events, |key: &AlertKey| {
            key.device.as_ref() == Some(device) && key.patient.as_ref() == Some(&assignment.patient)
        });
        // The gateway it was lost with may not be the one it has now.
        let under = self.devices.swap_remove(device).and_then(|state| state.kept.under);
        let now_behind = self.census.devices.get(device).and_then(|d| d.gateway.clone());
        for gateway in under.iter().chain(now_behind.iter().filter(|gateway| under.as_ref() != Some(gateway))) {
            self.gateway_left(gateway, events);
        }
        self.record(EventBody::Unassigned { assignment, by: by.clone() }, events);
        Ok(())
    }

    /// Forgets the series that a device made for a patient. What waited for its delay is accounted for.
    fn drop_series(&mut self, patient: &PatientId, device: &DeviceId, events: &mut Vec<Event>) {
        let Some(found) = self.patients.of_mut(patient) else { return };
        for series in found.take_of(device) {
            let moved = Moved {
                patient: patient.clone(),
                device: device.clone(),
                vital: series.state.vital,
                value: None,
                measured_once: series.state.measured_once,
                marks: series.state.last.map_or(Marks::NONE, |l| l.marks),
            };
            for (side, mut machine) in [(Side::Low, series.state.low), (Side::High, series.state.high)] {
                let (code, again) = (ConditionCode::Limit(moved.vital, side), machine.take_again());
                match machine.pending_violation() {
                    Some(violation) => {
                        self.suppressed(&moved, code, (violation, again), SuppressedBy::Ended, events);
                    }
                    None => self.count_again(&moved.key(code), again),
                }
            }
            if let Some(run) = &series.state.offline {
                self.offline_ended(&moved, run, events);
            }
        }
    }
}
