//! Handing patients over from one person to another: signed by both, and who owns a patient after it.

use super::{Actor, BedId, Duty, Event, EventBody, LoginName, Millis, PatientId, Remark, Rota, Shift, Stay, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// An offer that nobody has answered ends by itself after this long.
pub const HANDOVER_OPEN_MAX: Millis = Millis::from_mins(60);
/// Most offers that are open on a ward at once.
pub const HANDOVERS_OPEN_MAX: usize = 100;

/// A handover, numbered densely within its ward from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HandoverId(pub u64);

impl fmt::Display for HandoverId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What becomes of the patients that an offer does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandoverExtent {
    /// The giver stays, and keeps the others.
    Part,
    /// The giver goes: each patient whom nobody else owns has to be in this offer or in another of the same giver.
    #[default]
    Own,
    /// The ward is handed over: after it, no patient of the ward may be without an owner.
    Ward,
}

/// Patients that a person offers to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// Number within the ward.
    pub id: HandoverId,
    /// Who gives: the first signature.
    pub from: Actor,
    /// Who is to take them.
    pub to: LoginName,
    /// What becomes of the others.
    pub extent: HandoverExtent,
    /// Whom, in order.
    pub patients: Vec<PatientId>,
    /// What the giver says besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Remark>,
    /// When it was offered, that is signed by the giver.
    pub at: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// Why an offer is over without having been accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum HandoverEnd {
    /// The person who was asked does not take them.
    Declined {
        /// Who.
        by: Actor,
        /// Why.
        reason: Remark,
    },
    /// The giver, or the nurse in charge, took it back.
    Withdrawn {
        /// Who.
        by: Actor,
    },
    /// Nobody answered in time.
    Expired,
    /// All its patients have left.
    Empty,
}

/// Who has a patient by a handover, and both signatures of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Who took the patient: the second signature.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Who gave: the first signature.
    pub from: Actor,
    /// When it was offered.
    pub offered_at: Timestamp,
}

/// A patient whom nobody would own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeftBehind {
    /// The bed.
    pub bed: BedId,
    /// The patient.
    pub patient: PatientId,
}

/// Why patients are not handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "handover_refused", rename_all = "snake_case")]
pub enum HandoverError {
    /// Only people with an account sign.
    #[error("only a person who is signed in can hand over or take patients")]
    NotAPerson,
    /// Nobody is named to take them.
    #[error("say who is to take the patients")]
    Nobody,
    /// Giver and taker are the same.
    #[error("nobody can take his or her own handover: another person has to sign")]
    SamePerson,
    /// There is nobody to hand over.
    #[error("there is no patient to hand over")]
    NoPatients,
    /// The patient is in another offer.
    #[error("patient {patient} is in handover {handover}, which is open: withdraw that first")]
    InAnother {
        /// The patient.
        patient: PatientId,
        /// The other one.
        handover: HandoverId,
    },
    /// Somebody else owns the patient.
    #[error("patient {patient} is with {}: only that person or the nurse in charge can hand over", names(owners))]
    NotYours {
        /// The patient.
        patient: PatientId,
        /// Who owns the patient.
        owners: Vec<LoginName>,
    },
    /// No such offer.
    #[error("handover {handover} is over or never was")]
    Unknown {
        /// Which.
        handover: HandoverId,
    },
    /// It is offered to another person.
    #[error("handover {handover} is offered to {to}")]
    NotForYou {
        /// Which.
        handover: HandoverId,
        /// To whom.
        to: LoginName,
    },
    /// It is not the asker's own offer.
    #[error("handover {handover} is from {}: only that person or the nurse in charge can withdraw it", from.label())]
    NotYourOffer {
        /// Which.
        handover: HandoverId,
        /// From whom.
        from: Actor,
    },
    /// Patients would be left without an owner.
    #[error("after it nobody would own {}: offer them too, in this handover or another", left_words(left))]
    Unowned {
        /// Whom, by bed.
        left: Vec<LeftBehind>,
    },
    /// Too many offers.
    #[error("at most {most} handovers are open on a ward at once")]
    TooMany {
        /// How many there may be.
        most: usize,
    },
}

fn names(of: &[LoginName]) -> String {
    of.iter().map(LoginName::as_str).collect::<Vec<_>>().join(", ")
}

fn left_words(left: &[LeftBehind]) -> String {
    left.iter().map(|l| format!("bed {} (patient {})", l.bed, l.patient)).collect::<Vec<_>>().join(", ")
}

/// The login name of a signed-in person.
#[must_use]
pub fn login_of(actor: &Actor) -> Option<LoginName> {
    match actor {
        Actor::User { name, .. } => Some(LoginName::new(name)),
        Actor::Console { .. } | Actor::Device { .. } | Actor::System => None,
    }
}

/// Whether both are the same login name: case does not matter, as at the login.
#[must_use]
pub fn is_same_login(one: &LoginName, other: &LoginName) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

/// The handovers of a ward: a fold over its events, the same in engine and client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Handovers {
    /// The number of the last offer.
    pub last: u64,
    /// Offers that wait for an answer, in the order of their numbers.
    pub open: Vec<Handover>,
    /// Who has a patient by a handover, until the next one, a transfer or the discharge.
    pub owners: BTreeMap<PatientId, Owner>,
}

impl Handovers {
    /// Takes in what an event changes.
    pub fn apply(&mut self, event: &Event) {
        match &event.body {
            EventBody::HandoverOffered { handover } => {
                self.last = self.last.max(handover.id.0);
                self.open.push(handover.clone());
            }
            EventBody::HandoverAccepted { handover, by } => {
                self.open.retain(|open| open.id != handover.id);
                for patient in &handover.patients {
                    let (by, from) = (by.clone(), handover.from.clone());
                    let owner = Owner { by, at: event.at, from, offered_at: handover.at };
                    self.owners.insert(patient.clone(), owner);
                }
            }
            EventBody::HandoverEnded { handover, .. } => self.open.retain(|open| open.id != *handover),
            // Others look after the patient from now on.
            EventBody::Transferred { patient, .. } => {
                self.owners.remove(patient);
            }
            EventBody::Discharged { patient, .. } => {
                self.owners.remove(patient);
                self.open.iter_mut().for_each(|open| open.patients.retain(|p| p != patient));
            }
            _ => {}
        }
    }

    /// An open offer.
    #[must_use]
    pub fn find(&self, id: HandoverId) -> Option<&Handover> {
        self.open.iter().find(|open| open.id == id)
    }

    /// The open offer that a patient is in.
    #[must_use]
    pub fn offer_of(&self, patient: &PatientId) -> Option<&Handover> {
        self.open.iter().find(|open| open.patients.contains(patient))
    }

    /// Who has a patient by a handover, if anybody: until the rota's next nurse of the bed begins.
    #[must_use]
    pub fn taken_by(&self, patient: &PatientId, bed: &BedId, rota: &Rota, at: Timestamp) -> Option<LoginName> {
        let owner = self.owners.get(patient).filter(|owner| !is_relieved(owner, bed, rota, at))?;
        login_of(&owner.by)
    }

    /// Who owns a patient: who took the patient by a handover, until the rota's next nurse of the bed begins; else the
    /// bedside nurses of the bed by the rota; empty if nobody.
    #[must_use]
    pub fn owners_of(&self, patient: &PatientId, bed: &BedId, rota: &Rota, at: Timestamp) -> Vec<LoginName> {
        if let Some(owner) = self.taken_by(patient, bed, rota, at) {
            return vec![owner];
        }
        let nurses: BTreeSet<&LoginName> = rota.on_duty(Duty::Nurse, Some(bed), at).collect();
        nurses.into_iter().cloned().collect()
    }
}

/// Whether the rota has a nurse of the bed at `at` whose shift began after the handover. A handover shortly before a shift
/// is for that shift.
fn is_relieved(owner: &Owner, bed: &BedId, rota: &Rota, at: Timestamp) -> bool {
    let began_after = |s: &Shift| s.from > owner.at + HANDOVER_OPEN_MAX;
    rota.shifts.iter().any(|s| s.duty == Duty::Nurse && s.has_bed(bed) && s.covers(at) && began_after(s))
}

/// Who is where, who is on duty and when: what it takes to say who owns whom.
#[derive(Debug, Clone, Copy)]
pub struct Ownership<'a> {
    /// The handovers.
    pub handovers: &'a Handovers,
    /// The rota.
    pub rota: &'a Rota,
    /// When.
    pub at: Timestamp,
}

impl Ownership<'_> {
    /// Who owns a patient in a bed.
    #[must_use]
    pub fn of(&self, patient: &PatientId, bed: &BedId) -> Vec<LoginName> {
        self.handovers.owners_of(patient, bed, self.rota, self.at)
    }

    /// Who has a patient in a bed by a handover, if anybody.
    #[must_use]
    pub fn taker(&self, patient: &PatientId, bed: &BedId) -> Option<LoginName> {
        self.handovers.taken_by(patient, bed, self.rota, self.at)
    }

    /// The patients that a person who hands over a ward gives: those whom nobody else owns and who are in no open offer.
    #[must_use]
    pub fn given_by<'a>(
        &self,
        giver: &LoginName,
        stays: impl Iterator<Item = (&'a PatientId, &'a BedId)>,
    ) -> BTreeSet<PatientId> {
        let given = stays.filter(|(patient, bed)| {
            self.handovers.offer_of(patient).is_none()
                && self.of(patient, bed).iter().all(|owner| is_same_login(owner, giver))
        });
        given.map(|(patient, _)| patient.clone()).collect()
    }

    /// The patients who would be left behind if an offer were accepted now, by bed.
    #[must_use]
    pub fn left_by<'a>(
        &self,
        offer: &Handover,
        stays: impl Iterator<Item = (&'a PatientId, &'a BedId)>,
    ) -> Vec<LeftBehind> {
        let Some(giver) = login_of(&offer.from) else { return Vec::new() };
        let is_left = |(patient, bed): &(&PatientId, &BedId)| {
            if offer.patients.contains(patient) {
                return false;
            }
            let owners = self.of(patient, bed);
            let is_givers = !owners.is_empty() && owners.iter().all(|owner| is_same_login(owner, &giver));
            let offered = self.handovers.offer_of(patient).is_some_and(|other| other.from.is_same_person(&offer.from));
            match offer.extent {
                HandoverExtent::Part => false,
                HandoverExtent::Own => is_givers && !offered,
                HandoverExtent::Ward => owners.is_empty() || (is_givers && !offered),
            }
        };
        let left = stays.filter(is_left);
        let mut left: Vec<LeftBehind> =
            left.map(|(patient, bed)| LeftBehind { bed: bed.clone(), patient: patient.clone() }).collect();
        left.sort();
        left
    }
}

/// Patients and their beds, of a census.
pub fn beds_of(stays: &BTreeMap<PatientId, Stay>) -> impl Iterator<Item = (&PatientId, &BedId)> {
    stays.iter().map(|(patient, stay)| (patient, &stay.bed))
}
