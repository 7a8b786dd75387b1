//! How a session stands to wards and patients: what `rights` asks for.

use super::app::App;
use crate::{
    access::{Directory, Session, SessionStanding},
    domain::{Command, Coverage, LoginName, PatientId, WardId},
    protocol::WardView,
    rights::{Decision, Object, Principal, Relation, Standing, Verb, decide},
};

/// A session as one who asks for something.
#[must_use]
pub fn principal_of(session: &Session) -> Principal {
    let locked = session.standing != SessionStanding::Active;
    Principal::of_role(session.user.role, Standing { locked, fresh: session.fresh })
}

/// What an account may see of a ward as a whole.
#[must_use]
pub fn relation_to_ward(coverage: &Coverage, ward: &WardId) -> Relation {
    match coverage {
        Coverage::All => Relation::Ward,
        Coverage::Wards(wards) if wards.contains(ward) => Relation::Assigned,
        Coverage::Wards(_) => Relation::None,
    }
}

/// What an account may see of all wards together: what cannot be told apart by ward is for those who may see all.
#[must_use]
pub const fn relation_to_all(coverage: &Coverage) -> Relation {
    match coverage {
        Coverage::All => Relation::Ward,
        Coverage::Wards(_) => Relation::None,
    }
}

/// The login name of a person who could take alerts or patients, as the account has it.
#[must_use]
pub fn taker(directory: &Directory, ward: &WardId, name: &LoginName) -> Option<LoginName> {
    let user = directory.user_by_name(name.as_str()).filter(|user| user.enabled)?;
    let principal = Principal::of_role(user.role, Standing::FULL);
    let object = Object::Ward(relation_to_ward(&user.coverage, ward));
    let may = decide(&principal, Verb::HandOver, object) == Decision::Allow;
    may.then(|| LoginName::new(&user.name))
}

impl App {
    /// How a session stands to a patient of a ward.
    #[must_use]
    pub fn relation_to_patient(&self, session: &Session, ward: &WardId, patient: &PatientId) -> Relation {
        let to_ward = relation_to_ward(&session.user.coverage, ward);
        if to_ward != Relation::None {
            return to_ward;
        }
        let now = self.engine_clock.now();
        let directory = self.hub.directory();
        let opened = directory.opened_by(&session.record.id, ward, patient, now);
        opened.map_or(Relation::None, |_| Relation::BreakGlass)
    }

    /// What a request is about that names a ward and some of its patients, or all of them.
    #[must_use]
    pub fn object_of(&self, session: &Session, ward: &WardId, patients: Option<&[PatientId]>) -> Object<'static> {
        let to_ward = relation_to_ward(&session.user.coverage, ward);
        match patients {
            Some(patients) if to_ward == Relation::None && !patients.is_empty() => {
                let opened = |p: &PatientId| self.relation_to_patient(session, ward, p) == Relation::BreakGlass;
                Object::Patient(if patients.iter().all(opened) { Relation::BreakGlass } else { Relation::None })
            }
            _ => Object::Ward(to_ward),
        }
    }

    /// What a command is about: for who has only opened a patient, the patient of the alert that it answers.
    #[must_use]
    pub fn object_of_command(&self, session: &Session, ward: &WardId, command: &Command) -> Object<'static> {
        let hub = self.hub.ward(ward);
        let patient = hub.and_then(|hub| hub.look(|view| patient_of(command, view)));
        self.object_of(session, ward, patient.as_ref().map(std::slice::from_ref))
    }
}

/// The patient of the alert that a command answers.
fn patient_of(command: &Command, view: &WardView) -> Option<PatientId> {
    match command {
        Command::Acknowledge { alert, .. }
        | Command::Reset { alert, .. }
        | Command::Accept { alert, .. }
        | Command::Decline { alert, .. }
        | Command::Comment { alert, .. } => view.alerts.get(alert)?.key.patient.clone(),
        _ => None,
    }
}
