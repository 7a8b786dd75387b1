//! What one administrator has proposed and another has to approve. Pure but for the lock: times come in as arguments.
//!
//! Proposals are in memory alone, with the hash of a passphrase that one of them may hold: a restart does none of them, and
//! whoever asks for one of before is told that it is lost.

use crate::domain::{ApprovalId, Millis, SessionId, UserId};
use std::collections::BTreeMap;

/// Most proposals that are open at once; a further one is refused.
pub const OPEN_MAX: usize = 16;
/// Most open proposals of one administrator: nobody keeps the others from proposing.
pub const OPEN_OF_ONE_MAX: usize = 6;
/// The longest that a proposal waits for the second administrator, in seconds.
pub const APPROVE_WITHIN_MAX_S: u32 = 600;

/// An administrator in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator {
    /// The account.
    pub user: UserId,
    /// Its login name.
    pub name: String,
    /// The session.
    pub session: SessionId,
    /// The key of OpenSSH that opened the session, if one did.
    pub key: Option<String>,
}

/// An act that waits for its second administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal<P> {
    /// Its name.
    pub id: ApprovalId,
    /// What is to be done; nothing can change it.
    pub what: P,
    /// The same for people.
    pub words: String,
    /// What it is about: there is one open proposal about it at most.
    pub subject: String,
    /// The keys of OpenSSH of the account that it is about, as they were.
    pub keys: Vec<String>,
    /// Who proposed it.
    pub by: Administrator,
    /// Until when it can be approved, since boot; once it is approved, until when it can be made use of.
    pub until: Millis,
    /// Who has approved it, while whoever proposed it has still to make use of it.
    pub approved: Option<Administrator>,
}

/// Why a proposal is not taken or not approved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// Too many are open.
    #[error(
        "too many proposals are open ({OPEN_MAX} in all, {OPEN_OF_ONE_MAX} of one administrator): withdraw one first"
    )]
    Full,
    /// There is one about the same.
    #[error("this is proposed already: {0} waits for a second administrator")]
    Twice(ApprovalId),
    /// There is no such proposal.
    #[error(
        "there is no open proposal {0}: it was done, withdrawn or refused, its time or the session in which it was proposed was \
         over, what it is about had changed, or it was lost when the server was started anew"
    )]
    Unknown(String),
    /// Its time is over.
    #[error("the time of the proposal {0} is over: propose it again")]
    Expired(ApprovalId),
    /// The same person.
    #[error("you proposed this yourself: another administrator has to approve it")]
    SamePerson,
    /// The same session, whoever is in it by now. A session is one person's: nobody should see this.
    #[error("this session proposed it: another administrator has to approve it, in a session of their own")]
    SameSession,
    /// The same key of OpenSSH, whoever has it by now.
    #[error("your session was opened by the key by which this was proposed: another administrator has to approve it")]
    SameKey,
    /// It was approved before.
    #[error("the proposal {0} is approved already")]
    Approved(ApprovalId),
    /// It was not approved yet.
    #[error("the proposal {0} is not approved yet")]
    Waits(ApprovalId),
    /// It is somebody else's, or about something else.
    #[error("the proposal {0} is about something else, or somebody else's: say exactly what was proposed")]
    Another(ApprovalId),
}

impl ApprovalError {
    /// How it is called in the audit trail.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Full => "too_many",
            Self::Twice(_) => "proposed_already",
            Self::Unknown(_) => "unknown",
            Self::Expired(_) => "expired",
            Self::SamePerson => "same_person",
            Self::SameSession => "same_session",
            Self::SameKey => "same_key",
            Self::Approved(_) => "approved_already",
            Self::Waits(_) => "not_approved",
            Self::Another(_) => "another",
        }
    }
}

/// The open proposals.
#[derive(Debug)]
pub struct Approvals<P> {
    open: BTreeMap<ApprovalId, Proposal<P>>,
    within: Millis,
}

impl<P> Approvals<P> {
    /// None; each will wait `within`, which is at most [`APPROVE_WITHIN_MAX_S`].
    #[must_use]
    pub fn new(within: Millis) -> Self {
        Self { open: BTreeMap::new(), within: within.min(Millis::from_secs(APPROVE_WITHIN_MAX_S.into())) }
    }

    /// How long each waits.
    #[must_use]
    pub const fn within(&self) -> Millis {
        self.within
    }

    /// All that are open, in the order of their names.
    pub fn all(&self) -> impl Iterator<Item = &Proposal<P>> {
        self.open.values()
    }

    /// Whether another proposal can be taken.
    ///
    /// # Errors
    /// If there is one about the same subject, or there are too many.
    pub fn check(&self, subject: &str, by: &UserId) -> Result<(), ApprovalError> {
        if let Some(same) = self.open.values().find(|open| open.subject == subject) {
            return Err(ApprovalError::Twice(same.id.clone()));
        }
        let own = self.open.values().filter(|open| open.by.user == *by).count();
        if self.open.len() >= OPEN_MAX || own >= OPEN_OF_ONE_MAX { Err(ApprovalError::Full) } else { Ok(()) }
    }

    /// Takes a proposal. Its time counts from `now`, whatever it says itself.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn propose(&mut self, proposal: Proposal<P>, now: Millis) -> Result<(), ApprovalError> {
        self.check(&proposal.subject, &proposal.by.user)?;
        let until = now + self.within;
        self.open.insert(proposal.id.clone(), Proposal { until, approved: None, ..proposal });
        Ok(())
    }

    /// An open proposal by its name.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(&self, id: &str) -> Result<&Proposal<P>, ApprovalError> {
        let unknown = || ApprovalError::Unknown(crate::domain::text::clean(id).chars().take(64).collect());
        id.parse().ok().and_then(|id: ApprovalId| self.open.get(&id)).ok_or_else(unknown)
    }

    /// Takes out what this administrator may approve now.
    ///
    /// # Errors
    /// If there is none, its time is over, or it is the same person, session or key that proposed it; then it stays.
    pub fn approve(&mut self, id: &str, second: &Administrator, now: Millis) -> Result<Proposal<P>, ApprovalError> {
        let found = self.find(id)?;
        if now >= found.until {
            return Err(ApprovalError::Expired(found.id.clone()));
        }
        if found.by.user == second.user {
            return Err(ApprovalError::SamePerson);
        }
        if found.by.session == second.session {
            return Err(ApprovalError::SameSession);
        }
        if found.by.key.is_some() && found.by.key == second.key {
            return Err(ApprovalError::SameKey);
        }
        if found.approved.is_some() {
            return Err(ApprovalError::Approved(found.id.clone()));
        }
        let id = found.id.clone();
        self.open.remove(&id).ok_or(ApprovalError::Expired(id))
    }

    /// Keeps an approved proposal until whoever proposed it makes use of it.
    pub fn keep(&mut self, proposal: Proposal<P>, second: Administrator, now: Millis) {
        let until = now + self.within;
        self.open.insert(proposal.id.clone(), Proposal { until, approved: Some(second), ..proposal });
    }

    /// Takes out an approved proposal, for whoever proposed just this. It is good once.
    ///
    /// # Errors
    /// If there is none, it is not approved, its time is over, or it is another's or about something else; then it stays.
    pub fn redeem(
        &mut self,
        id: &ApprovalId,
        by: &UserId,
        subject: &str,
        now: Millis,
    ) -> Result<(Proposal<P>, Administrator), ApprovalError> {
        let found = self.find(id.as_str())?;
        if found.by.user != *by || found.subject != subject {
            return Err(ApprovalError::Another(id.clone()));
        }
        let second = found.approved.clone().ok_or_else(|| ApprovalError::Waits(id.clone()))?;
        if now >= found.until {
            return Err(ApprovalError::Expired(id.clone()));
        }
        let proposal = self.open.remove(id).ok_or_else(|| ApprovalError::Unknown(id.to_string()))?;
        Ok((proposal, second))
    }

    /// Takes out a proposal that is withdrawn or refused.
    ///
    /// # Errors
    /// If there is none.
    pub fn end(&mut self, id: &str) -> Result<Proposal<P>, ApprovalError> {
        let id = self.find(id)?.id.clone();
        self.open.remove(&id).ok_or_else(|| ApprovalError::Unknown(id.to_string()))
    }

    /// Takes out those that have come to their end without anybody.
    pub fn take_those(&mut self, ended: impl Fn(&Proposal<P>) -> bool) -> Vec<Proposal<P>> {
        self.open.extract_if(.., |_, open| ended(open)).map(|(_, open)| open).collect()
    }

    /// Puts back what was taken out and has still to be told of, as it was.
    pub fn put_back(&mut self, proposals: Vec<Proposal<P>>) {
        self.open.extend(proposals.into_iter().map(|proposal| (proposal.id.clone(), proposal)));
    }

    /// Takes out all: the server stops.
    pub fn lost(&mut self) -> Vec<Proposal<P>> {
        std::mem::take(&mut self.open).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Millis = Millis::from_secs(1_000);

    fn admin(user: &str, session: &str, key: Option<&str>) -> Administrator {
        Administrator {
            user: user.parse().unwrap(),
            name: user.to_owned(),
            session: session.parse().unwrap(),
            key: key.map(str::to_owned),
        }
    }

    fn proposal(id: &str, subject: &str, by: Administrator) -> Proposal<u8> {
        let (id, subject, words) = (id.parse().unwrap(), subject.to_owned(), String::new());
        Proposal { id, what: 7, words, subject, keys: Vec::new(), by, until: Millis(0), approved: None }
    }

    fn one() -> Approvals<u8> {
        let mut all = Approvals::new(Millis::from_mins(10));
        all.propose(proposal("a1", "ben", admin("anna", "s1", Some("SHA256:k"))), START).unwrap();
        all
    }

    #[test]
    fn u09_the_same_person_session_or_key_is_no_second() {
        let mut all = one();
        for (second, error) in [
            (admin("anna", "s9", None), ApprovalError::SamePerson),
            (admin("carl", "s1", None), ApprovalError::SameSession),
            (admin("carl", "s2", Some("SHA256:k")), ApprovalError::SameKey),
        ] {
            assert_eq!(all.approve("a1", &second, START), Err(error));
        }
        assert_eq!(all.all().count(), 1, "it goes on waiting for another");
        let done = all.approve("a1", &admin("carl", "s2", Some("SHA256:other")), START).unwrap();
        assert_eq!((done.what, done.by.name.as_str()), (7, "anna"));
        let again = all.approve("a1", &admin("dora", "s3", None), START);
        assert_eq!(again, Err(ApprovalError::Unknown("a1".into())), "it is good once");
    }

    #[test]
    fn u09_two_without_a_key_have_not_the_same_key() {
        let mut all = Approvals::new(Millis::from_mins(10));
        all.propose(proposal("a1", "ben", admin("anna", "s1", None)), START).unwrap();
        assert!(all.approve("a1", &admin("carl", "s2", None), START).is_ok());
    }

    #[test]
    fn u09_an_expired_second_approves_nothing() {
        let carl = admin("carl", "s2", None);
        let mut all = one();
        let last = START + Millis(10 * 60 * 1000 - 1);
        let expired = |all: &mut Approvals<u8>, now| all.take_those(|open| now >= open.until);
        assert!(expired(&mut all, last).is_empty());
        let late = all.approve("a1", &carl, last + Millis(1));
        assert_eq!(late, Err(ApprovalError::Expired("a1".parse().unwrap())));
        assert!(one().approve("a1", &carl, last).is_ok(), "and up to then it can be approved");
        let ended = expired(&mut all, last + Millis(1));
        assert_eq!((ended.len(), all.all().count()), (1, 0));
        all.put_back(ended);
        assert!(all.approve("a1", &carl, last + Millis(1)).is_err(), "its time stays over");
        let longest: Approvals<u8> = Approvals::new(Millis::from_mins(60));
        assert_eq!(longest.within(), Millis::from_mins(10), "nothing waits longer");
    }

    #[test]
    fn a_subject_is_proposed_once_and_proposals_are_bounded() {
        let mut all = one();
        let twice = all.propose(proposal("a2", "ben", admin("carl", "s2", None)), START);
        assert_eq!(twice, Err(ApprovalError::Twice("a1".parse().unwrap())));
        let propose = |all: &mut Approvals<u8>, n: usize, user: &str| {
            all.propose(proposal(&format!("b{n}"), &format!("subject {n}"), admin(user, "s", None)), START)
        };
        let own = (0..OPEN_MAX).filter(|n| propose(&mut all, *n, "carl").is_ok()).count();
        assert_eq!(own, OPEN_OF_ONE_MAX);
        let others = (100..200).filter(|n| propose(&mut all, *n, &format!("u{n}")).is_ok()).count();
        assert_eq!((others, all.all().count()), (OPEN_MAX - OPEN_OF_ONE_MAX - 1, OPEN_MAX));
        assert_eq!(propose(&mut all, 300, "dora"), Err(ApprovalError::Full));
        assert_eq!((all.lost().len(), all.all().count()), (OPEN_MAX, 0));
    }

    #[test]
    fn what_is_approved_is_made_use_of_once_by_whom_it_was_for() {
        let (anna, carl) = (admin("anna", "s1", None), admin("carl", "s2", None));
        let (id, mut all) = ("a1".parse().unwrap(), one());
        let redeem = |all: &mut Approvals<u8>, user: &Administrator, subject: &str, now| {
            all.redeem(&id, &user.user, subject, now).map(|(proposal, second)| (proposal.what, second.name))
        };
        assert_eq!(redeem(&mut all, &anna, "ben", START), Err(ApprovalError::Waits(id.clone())));
        let approved = all.approve("a1", &carl, START).unwrap();
        all.keep(approved, carl.clone(), START);
        let twice = all.approve("a1", &admin("dora", "s3", None), START);
        assert_eq!(twice, Err(ApprovalError::Approved(id.clone())));
        assert_eq!(redeem(&mut all, &carl, "ben", START), Err(ApprovalError::Another(id.clone())));
        assert_eq!(redeem(&mut all, &anna, "more", START), Err(ApprovalError::Another(id.clone())));
        let late = START + Millis::from_mins(10);
        assert_eq!(redeem(&mut all, &anna, "ben", late), Err(ApprovalError::Expired(id.clone())));
        assert_eq!(redeem(&mut all, &anna, "ben", START), Ok((7, "carl".to_owned())));
        assert!(matches!(redeem(&mut all, &anna, "ben", START), Err(ApprovalError::Unknown(_))));
    }
}
