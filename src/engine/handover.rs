//! Handing patients over: offered by one, taken by another, and never open for ever.

use super::{
    Engine,
    timers::{Armed, Timer, TimerKind},
};
use crate::{
    alarm::episode,
    domain::{
        Actor, AlertKey, CensusError, Event, EventBody, Handover, HandoverEnd, HandoverError, HandoverExtent,
        HandoverId, Handovers, LoginName, Ownership, PatientId, Refusal, Remark, Role, Timestamp,
        handover::{HANDOVER_OPEN_MAX, HANDOVERS_OPEN_MAX, beds_of, is_same_login, login_of},
    },
};
use std::collections::BTreeSet;

/// The handovers of the ward, and when the next offer ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Desk {
    pub(super) kept: Handovers,
    armed: Armed,
}

/// What somebody offers.
#[derive(Debug, Clone)]
pub(super) struct Offered {
    pub(super) to: LoginName,
    pub(super) patients: Vec<PatientId>,
    pub(super) extent: HandoverExtent,
    pub(super) note: Option<Remark>,
}

/// Whether somebody may act for another who gives: the nurse in charge, for one who has gone.
const fn is_charge(actor: &Actor) -> bool {
    matches!(actor, Actor::User { role: Role::Charge, .. })
}

impl Engine {
    /// The handovers, open and accepted.
    #[must_use]
    pub const fn handovers(&self) -> &Handovers {
        &self.desk.kept
    }

    /// Who owns whom at present.
    #[must_use]
    pub const fn ownership(&self) -> Ownership<'_> {
        Ownership { handovers: &self.desk.kept, rota: self.rota(), at: self.now }
    }

    pub(super) fn offer_handover(
        &mut self,
        offered: Offered,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let Offered { to, patients, extent, note } = offered;
        let giver = login_of(by).ok_or(HandoverError::NotAPerson)?;
        if to.as_str().is_empty() {
            return Err(HandoverError::Nobody.into());
        }
        if is_same_login(&to, &giver) {
            return Err(HandoverError::SamePerson.into());
        }
        let mut all: BTreeSet<PatientId> = patients.into_iter().collect();
        for patient in &all {
            self.check_offered(patient, &giver, by)?;
        }
        if extent == HandoverExtent::Ward {
            all.extend(self.ownership().given_by(&giver, beds_of(&self.census.stays)));
        }
        if all.is_empty() {
            return Err(HandoverError::NoPatients.into());
        }
        if self.desk.kept.open.len() >= HANDOVERS_OPEN_MAX {
            return Err(HandoverError::TooMany { most: HANDOVERS_OPEN_MAX }.into());
        }
        let handover = Handover {
            id: HandoverId(self.desk.kept.last + 1),
            from: by.clone(),
            to,
            extent,
            patients: all.into_iter().collect(),
            note,
            at: self.now,
            until: self.now + HANDOVER_OPEN_MAX,
        };
        self.record(EventBody::HandoverOffered { handover }, events);
        self.arm_handovers();
        Ok(())
    }

    /// A patient who is offered is here, in no other offer, and the giver's, nobody's, or given by the nurse in charge.
    fn check_offered(&self, patient: &PatientId, giver: &LoginName, by: &Actor) -> Result<(), Refusal> {
        let unknown = || CensusError::UnknownPatient { patient: patient.clone() };
        let stay = self.census.stays.get(patient).ok_or_else(unknown)?;
        if let Some(other) = self.desk.kept.offer_of(patient) {
            return Err(HandoverError::InAnother { patient: patient.clone(), handover: other.id }.into());
        }
        let owners = self.ownership().of(patient, &stay.bed);
        if owners.is_empty() || owners.iter().any(|owner| is_same_login(owner, giver)) || is_charge(by) {
            Ok(())
        } else {
            Err(HandoverError::NotYours { patient: patient.clone(), owners }.into())
        }
    }

    fn open_handover(&self, id: HandoverId) -> Result<Handover, HandoverError> {
        self.desk.kept.find(id).cloned().ok_or(HandoverError::Unknown { handover: id })
    }

    /// The offer, if it is for whoever answers it.
    fn offered_to(&self, id: HandoverId, by: &Actor) -> Result<Handover, HandoverError> {
        let handover = self.open_handover(id)?;
        let name = login_of(by).ok_or(HandoverError::NotAPerson)?;
        if handover.from.is_same_person(by) {
            return Err(HandoverError::SamePerson);
        }
        if !is_same_login(&handover.to, &name) {
            return Err(HandoverError::NotForYou { handover: id, to: handover.to });
        }
        Ok(handover)
    }

    pub(super) fn accept_handover(
        &mut self,
        id: HandoverId,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let handover = self.offered_to(id, by)?;
        let left = self.ownership().left_by(&handover, beds_of(&self.census.stays));
        if !left.is_empty() {
            return Err(HandoverError::Unowned { left }.into());
        }
        let givers: Vec<(PatientId, Vec<LoginName>)> =
            handover.patients.iter().map(|patient| (patient.clone(), self.givers_of(patient, &handover))).collect();
        self.record(EventBody::HandoverAccepted { handover, by: by.clone() }, events);
        for (patient, givers) in givers {
            self.pass_alerts_on(&patient, &givers, by, events);
            self.limits_handed_over(&patient, by, events);
        }
        Ok(())
    }

    /// Who has a patient by a handover, if anybody.
    pub(super) fn taker_of(&self, patient: &PatientId) -> Option<LoginName> {
        let stay = self.census.stays.get(patient)?;
        self.ownership().taker(patient, &stay.bed)
    }

    /// Whose open alerts of a patient go along: the giver's, and those of who had the patient so far.
    fn givers_of(&self, patient: &PatientId, handover: &Handover) -> Vec<LoginName> {
        let stay = self.census.stays.get(patient);
        let owners = stay.map(|stay| self.ownership().of(patient, &stay.bed)).unwrap_or_default();
        login_of(&handover.from).into_iter().chain(owners).collect()
    }

    fn pass_alerts_on(&mut self, patient: &PatientId, givers: &[LoginName], to: &Actor, events: &mut Vec<Event>) {
        let at = self.now;
        let is_giver = |owner: &Actor| {
            login_of(owner).is_some_and(|login| givers.iter().any(|giver| is_same_login(giver, &login)))
        };
        let keys: Vec<AlertKey> = self.alerts.keys().filter(|k| k.patient.as_ref() == Some(patient)).cloned().collect();
        for key in keys {
            self.move_alert(&key, Some(to.clone()), events, |alert| episode::pass_on(alert, is_giver, to, at));
        }
    }

    pub(super) fn decline_handover(
        &mut self,
        id: HandoverId,
        reason: Remark,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        self.offered_to(id, by)?;
        self.end_handover(id, HandoverEnd::Declined { by: by.clone(), reason }, events);
        Ok(())
    }

    pub(super) fn withdraw_handover(
        &mut self,
        id: HandoverId,
        by: &Actor,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let handover = self.open_handover(id)?;
        if !handover.from.is_same_person(by) && !is_charge(by) {
            return Err(HandoverError::NotYourOffer { handover: id, from: handover.from }.into());
        }
        self.end_handover(id, HandoverEnd::Withdrawn { by: by.clone() }, events);
        Ok(())
    }

    fn end_handover(&mut self, handover: HandoverId, end: HandoverEnd, events: &mut Vec<Event>) {
        self.record(EventBody::HandoverEnded { handover, end }, events);
    }

    /// Offers whose patients have all left are over. To be called when somebody has left.
    pub(super) fn end_empty_handovers(&mut self, events: &mut Vec<Event>) {
        let is_empty = |open: &&Handover| open.patients.is_empty();
        let empty: Vec<HandoverId> = self.desk.kept.open.iter().filter(is_empty).map(|open| open.id).collect();
        for id in empty {
            self.end_handover(id, HandoverEnd::Empty, events);
        }
    }

    pub(super) fn arm_handovers(&mut self) {
        let due = self.desk.kept.open.iter().map(|open| open.until).min();
        let timer = || Timer { patient: None, device: None, vital: None, kind: TimerKind::HandoverEnd };
        self.timers.arm(&mut self.desk.armed, due, timer);
    }

    /// Offers that nobody has answered in time are over.
    pub(super) fn fire_handovers(&mut self, deadline: Timestamp, events: &mut Vec<Event>) {
        self.desk.armed.came_up();
        let is_over = |open: &&Handover| open.until <= deadline;
        let over: Vec<HandoverId> = self.desk.kept.open.iter().filter(is_over).map(|open| open.id).collect();
        for id in over {
            self.end_handover(id, HandoverEnd::Expired, events);
        }
        self.arm_handovers();
    }
}
