//! Patients who are opened in emergencies: begun and ended by a person, ended by time or with the session, judged afterwards.

use super::{
    app::App,
    pipeline::{Job, JobError},
    relation::{principal_of, relation_to_ward},
};
use crate::{
    access::{Session, new_id},
    audit::{Act, LeafActor, LeafDraft, Outcome},
    domain::{
        Actor, BreakGlass, BreakGlassReview, EmergencyOpened, EmergencyReason, LoginName, Millis, PatientId, Remark,
        Role, SystemFault, Timestamp, UserId, WardId,
        break_glass::{BREAK_GLASS_REVIEW_WITHIN, TooFewWords, check_words},
        system::FaultReport,
    },
    rights::{Denial, Object, Relation, Verb, decide},
    store::{AccessChange, UserRecord},
};
use std::{collections::BTreeMap, sync::PoisonError};

/// Most patients that a session has open at once: more is no emergency of one person.
pub const OPENED_PER_SESSION_MAX: usize = 4;
/// Most patients that a person opens within [`OPENED_WITHIN`]: everybody who looks after it is told of each.
pub const OPENED_PER_USER_MAX: usize = 12;
/// See [`OPENED_PER_USER_MAX`].
pub const OPENED_WITHIN: Millis = Millis::from_mins(60);

/// An emergency that nobody has judged is told to whoever begins to watch for so long.
const TOLD_AGAIN_FOR: Millis = Millis::from_mins(24 * 60);
/// Most emergencies that are told to whoever begins to watch: the newest.
const TOLD_AGAIN_MAX: usize = 16;

/// What a leaf of an act under an emergency is marked with.
pub const BREAK_GLASS_CODE: &str = "break_glass";

/// Whom somebody wants to open, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlassWish {
    /// The patient's ward.
    pub ward: WardId,
    /// The patient.
    pub patient: PatientId,
    /// Why.
    pub reason: EmergencyReason,
    /// Why, in words.
    pub words: Remark,
}

/// Why a patient is not opened or closed, or an emergency not judged.
#[derive(Debug, thiserror::Error)]
pub enum BreakGlassError {
    /// Too few words.
    #[error(transparent)]
    Words(#[from] TooFewWords),
    /// There is no such patient on that ward.
    #[error("there is no such patient on that ward")]
    NoPatient,
    /// The account is for that ward anyway.
    #[error("your account is for this ward: the patient is open to you")]
    Yours,
    /// It is open, or it is not.
    #[error("the patient is {0}")]
    State(&'static str),
    /// Too many are open.
    #[error("at most {OPENED_PER_SESSION_MAX} patients at once: end one first")]
    TooMany,
    /// Too many were opened of late.
    #[error("at most {OPENED_PER_USER_MAX} patients within an hour: let somebody of that ward look")]
    TooOften,
    /// The role may not.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// There is nothing to judge.
    #[error("there is no emergency {0} that waits to be judged")]
    Unknown(String),
    /// It could not be recorded.
    #[error(transparent)]
    Job(#[from] JobError),
    /// Something failed.
    #[error("it failed: {0}")]
    Failed(String),
}

/// What a leaf says of an emergency.
fn leaf_of(actor: LeafActor, act: Act, opened: &BreakGlass) -> LeafDraft {
    LeafDraft {
        ward: Some(opened.ward.clone()),
        patient: Some(opened.patient.clone()),
        session: Some(opened.session.clone()),
        user: Some(opened.user.clone()),
        ..LeafDraft::new(actor, act, Outcome::Success)
    }
}

impl App {
    /// Opens a patient of a ward that is not one's own, once it stands in the audit trail.
    ///
    /// # Errors
    /// If there is no such patient, the words are too few, or it could not be recorded.
    pub async fn open_patient(&self, session: &Session, wish: BreakGlassWish) -> Result<(), BreakGlassError> {
        if let Some(denial) = decide(&principal_of(session), Verb::BreakGlass, Object::Site).denial() {
            return Err(denial.into());
        }
        check_words(&wish.words)?;
        if relation_to_ward(&session.user.coverage, &wish.ward) != Relation::None {
            return Err(BreakGlassError::Yours);
        }
        let hub = self.hub.ward(&wish.ward).ok_or(BreakGlassError::NoPatient)?;
        if !hub.look(|view| view.patients.contains_key(&wish.patient)) {
            return Err(BreakGlassError::NoPatient);
        }
        let now = self.engine_clock.now();
        {
            let directory = self.hub.directory();
            let own = || directory.opened().filter(|o| o.session == session.record.id && o.is_open(now));
            if own().any(|o| o.ward == wish.ward && o.patient == wish.patient) {
                // It goes on as it was, up to the same end.
                return Ok(());
            }
            if own().count() >= OPENED_PER_SESSION_MAX {
                return Err(BreakGlassError::TooMany);
            }
        }
        let of_late = opened_of_late(self.hub.directory().opened(), &session.user.id, now);
        if of_late >= OPENED_PER_USER_MAX {
            let refused = LeafDraft {
                ward: Some(wish.ward),
                patient: Some(wish.patient),
                session: Some(session.record.id.clone()),
                user: Some(session.user.id.clone()),
                code: Some("too_often"),
                ..LeafDraft::new(LeafActor::from(&session.actor()), Act::BreakGlassStart, Outcome::Refused)
            };
            self.record(vec![refused], Vec::new()).await?;
            return Err(BreakGlassError::TooOften);
        }
        let failed = |e: &dyn std::fmt::Display| BreakGlassError::Failed(e.to_string());
        let id = new_id("g", self.entropy.as_ref()).map_err(|e| failed(&e))?;
        let opened = BreakGlass {
            id: id.parse().map_err(|e| failed(&e))?,
            user: session.user.id.clone(),
            name: session.user.name.clone(),
            session: session.record.id.clone(),
            ward: wish.ward,
            patient: wish.patient,
            reason: wish.reason,
            words: wish.words,
            began: now,
            ended: None,
            end_noted: false,
            review: None,
        };
        let leaf = LeafDraft {
            code: Some(opened.reason.as_str()),
            side_text: self.beside("words", opened.words.as_str().to_owned()),
            ..leaf_of(LeafActor::from(&session.actor()), Act::BreakGlassStart, &opened)
        };
        self.record(vec![leaf], vec![AccessChange::PutBreakGlass(opened.clone())]).await?;
        // The trail has it, and the list of those that wait to be judged; this is for whoever reads the log.
        tracing::warn!(
            user = opened.user.as_str(),
            ward = opened.ward.as_str(),
            reason = opened.reason.as_str(),
            "a patient was opened in an emergency"
        );
        Ok(())
    }

    /// Ends an emergency before its time.
    ///
    /// # Errors
    /// If the patient is not open, or it could not be recorded.
    pub async fn close_patient(
        &self,
        session: &Session,
        ward: &WardId,
        patient: &PatientId,
    ) -> Result<(), BreakGlassError> {
        let now = self.engine_clock.now();
        let found = self.hub.directory().opened_by(&session.record.id, ward, patient, now).cloned();
        let opened = found.ok_or(BreakGlassError::State("not open to you"))?;
        let actor = LeafActor::from(&session.actor());
        let (leaf, change) = ended(actor, opened, now, "closed");
        Ok(self.record(vec![leaf], vec![change]).await?)
    }

    /// Ends emergencies whose time has come or whose session is gone, in the audit trail too. Called each second.
    ///
    /// # Errors
    /// If it could not be recorded.
    pub async fn look_after_emergencies(&self) -> Result<(), JobError> {
        let (now, boot) = (self.engine_clock.now(), self.clock.boot());
        let over: Vec<(BreakGlass, &'static str)> = {
            let directory = self.hub.directory();
            let code = |o: &BreakGlass| {
                if now >= o.until() {
                    Some("time")
                } else {
                    directory.session_by_id(&o.session, boot).is_none().then_some("session_end")
                }
            };
            directory.opened().filter(|o| !o.end_noted).filter_map(|o| code(o).map(|code| (o.clone(), code))).collect()
        };
        let (leaves, access): (Vec<LeafDraft>, Vec<AccessChange>) =
            over.into_iter().map(|(opened, code)| ended(LeafActor::System, opened, now, code)).unzip();
        self.tell_overdue(now);
        if leaves.is_empty() { Ok(()) } else { self.record(leaves, access).await }
    }

    /// Who is told at once of a patient of a ward who is opened in an emergency: charge of that ward, and who looks after
    /// privacy.
    #[must_use]
    pub fn told_of_emergencies(&self, ward: &WardId) -> Vec<LoginName> {
        let directory = self.hub.directory();
        let of_ward = |user: &&UserRecord| {
            let is_near = relation_to_ward(&user.coverage, ward) != Relation::None;
            user.role == Role::Charge && user.enabled && is_near
        };
        let charge = directory.users().filter(of_ward).map(|user| LoginName::new(&user.name));
        let privacy = self.config.notify.privacy.iter().map(|name| LoginName::new(name));
        let mut people: Vec<LoginName> = charge.chain(privacy).collect();
        people.sort();
        people.dedup();
        people
    }

    /// The emergencies of a ward of the last day that nobody has judged, the oldest first: what whoever judges them is told
    /// when he or she begins to watch.
    #[must_use]
    pub fn emergencies_told_again(&self, ward: &WardId) -> Vec<(PatientId, EmergencyOpened)> {
        let now = self.engine_clock.now();
        let directory = self.hub.directory();
        let mut told: Vec<&BreakGlass> =
            directory.opened().filter(|o| o.ward == *ward && now.since(o.began) < TOLD_AGAIN_FOR).collect();
        told.sort_by_key(|o| o.began);
        let older = told.len().saturating_sub(TOLD_AGAIN_MAX);
        told.into_iter().skip(older).map(|o| (o.patient.clone(), o.told())).collect()
    }

    /// Tells each ward how many emergencies nobody has judged in time. What could not be told is told with the next call.
    fn tell_overdue(&self, now: Timestamp) {
        let mut overdue: BTreeMap<WardId, usize> = self.hub.wards().into_iter().map(|ward| (ward.id, 0)).collect();
        for opened in self.hub.directory().opened().filter(|o| o.is_overdue(now)) {
            if let Some(count) = overdue.get_mut(&opened.ward) {
                *count += 1;
            }
        }
        let mut told = self.overdue_told.lock().unwrap_or_else(PoisonError::into_inner);
        for (ward, count) in overdue {
            if told.get(&ward) == Some(&count) {
                continue;
            }
            // Fewer than before are no news before the last of them is judged.
            if count > 0 && told.get(&ward).is_some_and(|before| *before > count) {
                told.insert(ward, count);
                continue;
            }
            let report = overdue_fault(count);
            match self.pipeline.send(Job::WardFault { ward: ward.clone(), report }) {
                Ok(()) => drop(told.insert(ward, count)),
                Err(e) => tracing::debug!(error = %e, "it could not be told yet that emergencies wait to be judged"),
            }
        }
    }

    /// Judges an emergency afterwards. Nobody judges his or her own.
    ///
    /// # Errors
    /// If it is not there, was judged before, is one's own, or it could not be recorded.
    pub async fn review_emergency(
        &self,
        by: &Actor,
        id: &str,
        justified: bool,
        words: Remark,
    ) -> Result<(), BreakGlassError> {
        let found = self.hub.directory().opened().find(|o| o.id.as_str() == id).cloned();
        let mut opened = found.ok_or_else(|| BreakGlassError::Unknown(crate::domain::text::clean(id)))?;
        let now = self.engine_clock.now();
        if opened.is_open(now) {
            return Err(BreakGlassError::State("still open: it is judged when that is over"));
        }
        if matches!(by, Actor::User { user, .. } if *user == opened.user) {
            return Err(Denial::Role.into());
        }
        let review = BreakGlassReview { by: by.label().to_owned(), at: now, justified, words };
        let leaf = LeafDraft {
            code: Some(if justified { "justified" } else { "not_justified" }),
            side_text: self.beside("words", review.words.as_str().to_owned()),
            ..leaf_of(LeafActor::from(by), Act::BreakGlassReview, &opened)
        };
        opened.review = Some(review);
        Ok(self.record(vec![leaf], vec![AccessChange::PutBreakGlass(opened)]).await?)
    }
}

/// How many patients a person has opened of late, without those that were judged since.
fn opened_of_late<'a>(opened: impl Iterator<Item = &'a BreakGlass>, user: &UserId, now: Timestamp) -> usize {
    opened.filter(|o| o.user == *user && now.since(o.began) < OPENED_WITHIN).count()
}

/// What a ward is told of emergencies that nobody has judged in time.
fn overdue_fault(count: usize) -> FaultReport {
    let hours = BREAK_GLASS_REVIEW_WITHIN.0 / Millis::from_mins(60).0;
    let emergencies = if count == 1 { "emergency was" } else { "emergencies were" };
    let detail = format!("{count} {emergencies} not judged within {hours} h: `wardwatch breakglass list`");
    FaultReport { fault: SystemFault::ReviewsOverdue, present: count > 0, detail }
}

fn ended(actor: LeafActor, opened: BreakGlass, now: Timestamp, code: &'static str) -> (LeafDraft, AccessChange) {
    let leaf = LeafDraft { code: Some(code), ..leaf_of(actor, Act::BreakGlassStop, &opened) };
    let ended = Some(opened.ended.unwrap_or_else(|| now.min(opened.until())));
    (leaf, AccessChange::PutBreakGlass(BreakGlass { ended, end_noted: true, ..opened }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_opened_within_the_hour_counts_and_what_others_opened_does_not() {
        let opened = |user: &str, minute: i64| BreakGlass {
            id: format!("g{minute}").parse().unwrap(),
            user: user.parse().unwrap(),
            name: user.into(),
            session: "s".parse().unwrap(),
            ward: "w".parse().unwrap(),
            patient: "p".parse().unwrap(),
            reason: EmergencyReason::Treatment,
            words: "short of breath".parse().unwrap(),
            began: Timestamp::from_ms(minute * 60_000),
            ended: None,
            end_noted: false,
            review: None,
        };
        let all = [opened("anna", 0), opened("anna", 1), opened("ben", 2), opened("anna", 59)];
        let of_anna =
            |minute: i64| opened_of_late(all.iter(), &"anna".parse().unwrap(), Timestamp::from_ms(minute * 60_000));
        assert_eq!([of_anna(59), of_anna(60), of_anna(61), of_anna(120)], [3, 2, 1, 0]);
    }
}
