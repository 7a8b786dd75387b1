//! Whether somebody may say what they say: every message is looked at here before anything is done about it.

use crate::{
    access::Session,
    backend::{
        app::App,
        entries::verb_of_message,
        relation::{principal_of, relation_to_all, relation_to_ward},
    },
    domain::{PatientId, WardId},
    protocol::ClientMessage,
    rights::{Decision, Denial, Object, Relation, decide},
};

/// Why a message is refused, and how that is called in the audit trail; `None` if it is not.
pub(super) fn refused(app: &App, session: &Session, message: &ClientMessage) -> Option<(Denial, &'static str)> {
    let (verb, code) = verb_of_message(message)?;
    let denial = decide(&principal_of(session), verb, object_of(app, session, message)).denial()?;
    Some((denial, code))
}

/// What a message is about.
fn object_of(app: &App, session: &Session, message: &ClientMessage) -> Object<'static> {
    match message {
        ClientMessage::Subscribe { ward, patients, .. } => app.object_of(session, ward, patients.as_deref()),
        ClientMessage::Query { query, .. } => app.object_of(session, &query.ward, Some(&query.patients)),
        ClientMessage::HandoverReport { ward, patients, .. } => app.object_of(session, ward, Some(patients)),
        ClientMessage::Command { ward, command, .. } => app.object_of_command(session, ward, command),
        ClientMessage::AlertReport { ward, .. } | ClientMessage::Devices { ward, .. } => {
            Object::Ward(relation_to_ward(&session.user.coverage, ward))
        }
        // Dead letters are of all wards, and their payloads may name patients.
        ClientMessage::Letters { .. } | ClientMessage::RetryLetter { .. } | ClientMessage::DropLetter { .. } => {
            Object::Ward(relation_to_all(&session.user.coverage))
        }
        ClientMessage::Hello { .. }
        | ClientMessage::Ops { .. }
        | ClientMessage::OpenPatient { .. }
        | ClientMessage::ClosePatient { .. }
        | ClientMessage::AuditCheckpoint { .. }
        | ClientMessage::AuditLog { .. }
        | ClientMessage::Activity
        | ClientMessage::Unlock { .. } => Object::Site,
    }
}

/// The ward and the patients that a message names.
pub(super) fn named_in(message: &ClientMessage) -> (Option<&WardId>, &[PatientId]) {
    match message {
        ClientMessage::Subscribe { ward, patients, .. } => (Some(ward), patients.as_deref().unwrap_or_default()),
        ClientMessage::Query { query, .. } => (Some(&query.ward), &query.patients),
        ClientMessage::HandoverReport { ward, patients, .. } => (Some(ward), patients),
        ClientMessage::Command { ward, command, .. } => {
            (Some(ward), command.patient().map(std::slice::from_ref).unwrap_or_default())
        }
        ClientMessage::AlertReport { ward, .. } | ClientMessage::Devices { ward, .. } => (Some(ward), &[]),
        ClientMessage::OpenPatient { ward, patient, .. } | ClientMessage::ClosePatient { ward, patient, .. } => {
            (Some(ward), std::slice::from_ref(patient))
        }
        ClientMessage::Hello { .. }
        | ClientMessage::Ops { .. }
        | ClientMessage::Letters { .. }
        | ClientMessage::RetryLetter { .. }
        | ClientMessage::DropLetter { .. }
        | ClientMessage::AuditCheckpoint { .. }
        | ClientMessage::AuditLog { .. }
        | ClientMessage::Activity
        | ClientMessage::Unlock { .. } => (None, &[]),
    }
}

/// The id that the answer names.
pub(super) const fn id_of(message: &ClientMessage) -> Option<u64> {
    match message {
        ClientMessage::Command { id, .. }
        | ClientMessage::Query { id, .. }
        | ClientMessage::AlertReport { id, .. }
        | ClientMessage::HandoverReport { id, .. }
        | ClientMessage::Devices { id, .. }
        | ClientMessage::Ops { id }
        | ClientMessage::Letters { id, .. }
        | ClientMessage::RetryLetter { id, .. }
        | ClientMessage::DropLetter { id, .. }
        | ClientMessage::OpenPatient { id, .. }
        | ClientMessage::ClosePatient { id, .. }
        | ClientMessage::AuditCheckpoint { id, .. }
        | ClientMessage::AuditLog { id, .. } => Some(*id),
        ClientMessage::Hello { .. }
        | ClientMessage::Subscribe { .. }
        | ClientMessage::Activity
        | ClientMessage::Unlock { .. } => None,
    }
}

/// How much of patients' names a session sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// All, and notes.
    Whole,
    /// Initials.
    Initials,
    /// Nothing.
    Hidden,
}

impl Names {
    /// What a session sees of the names of those to whom it stands so.
    pub(super) fn of(session: &Session, relation: Relation) -> Self {
        let may = |verb| decide(&principal_of(session), verb, Object::Patient(relation)) == Decision::Allow;
        if may(crate::rights::Verb::SeeNames) {
            Self::Whole
        } else if may(crate::rights::Verb::SeeInitials) {
            Self::Initials
        } else {
            Self::Hidden
        }
    }
}
