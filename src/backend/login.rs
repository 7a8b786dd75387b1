//! Signing in, out, and unlocking.

use super::{app::App, pipeline::JobError};
use crate::{
    access::{
        Backoff, HashError, LoginGate, PROOF_FRESH_SPAN, RefusedTry, Secret, Session, SessionStanding, TokenKind,
        UNLOCK_TRIES_MAX, Verdict, new_id, new_token, source_of,
    },
    audit::{Act, LeafActor, LeafDraft, Outcome, SideText},
    domain::{Millis, SessionId, text::clean},
    protocol::SessionInfo,
    store::{AccessChange, SessionRecord, UserRecord},
};
use std::{
    net::IpAddr,
    sync::{MutexGuard, PoisonError},
};

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Name or passphrase is wrong; it is not said which.
    #[error("the name or the passphrase is wrong")]
    Wrong,
    /// The passphrase is right, and there is a second factor.
    #[error("the code of your authenticator is wanted too")]
    CodeWanted,
    /// The server's clock cannot be trusted, so that codes cannot be judged.
    #[error("the server's clock was moved, so that it takes no codes of authenticators: use a recovery code")]
    Clock,
    /// The session is over.
    #[error("the session is over: sign in again")]
    Over,
    /// Too many wrong tries.
    #[error("too many wrong tries: wait {0} s")]
    Wait(i64),
    /// Too many tries, from one address or in all.
    #[error("too many logins: try again in {0} s")]
    TooMany(i64),
    /// Too many logins at once.
    #[error("too many logins at once: try again in a moment")]
    Busy,
    /// It could not be recorded.
    #[error(transparent)]
    Job(#[from] JobError),
    /// Something failed.
    #[error("the login failed: {0}")]
    Failed(String),
}

/// A new session.
#[derive(Debug)]
pub struct SignedIn {
    /// The token; it is shown this once.
    pub token: Secret,
    /// What the client is told.
    pub session: SessionInfo,
}

pub(super) fn leaf_of(user: Option<&UserRecord>, session: Option<SessionId>, act: Act, outcome: Outcome) -> LeafDraft {
    let actor = user.map_or(LeafActor::Unknown, |u| LeafActor::User { user: u.id.clone(), role: u.role, session });
    LeafDraft::new(actor, act, outcome)
}

const fn whole_seconds(wait: Millis) -> i64 {
    (wait.0 + 999) / 1000
}

pub(super) fn ended(user: &UserRecord, session: &SessionId, code: &'static str) -> LeafDraft {
    let leaf = leaf_of(Some(user), Some(session.clone()), Act::SessionEnd, Outcome::Success);
    LeafDraft { code: Some(code), session: Some(session.clone()), ..leaf }
}

impl App {
    fn wait_of(&self, name: &str, from: IpAddr) -> Option<i64> {
        let now = self.clock.boot();
        let source = Some(source_of(from));
        let wait = self.backoff.lock().unwrap_or_else(PoisonError::into_inner).wait(name, source, now);
        (wait > Millis::ZERO).then(|| whole_seconds(wait))
    }

    async fn check(&self, user: Option<&UserRecord>, passphrase: Secret) -> Result<Verdict, LoginError> {
        let stored = user.filter(|u| u.enabled).map(|u| u.phc.clone());
        self.hasher.verify(stored, passphrase).await.map_err(|e| match e {
            HashError::Busy => LoginError::Busy,
            other => LoginError::Failed(other.to_string()),
        })
    }

    fn gate(&self) -> MutexGuard<'_, LoginGate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unlocks(&self) -> MutexGuard<'_, Backoff> {
        self.unlocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn beside(&self, field: &'static str, text: String) -> Option<SideText> {
        let mut salt = [0; crate::audit::leaf::SALT_BYTES];
        self.entropy.fill(&mut salt).ok()?;
        Some(SideText { field, text, salt })
    }

    /// The leaf of so many refused tries; the number stands beside the trail.
    fn refused_leaf(&self, kind: &RefusedTry, tries: u32) -> LeafDraft {
        let directory = self.hub.directory();
        let (user, act, code) = match kind {
            RefusedTry::TooMany => (None, Act::Login, "too_many"),
            RefusedTry::UnknownNames => (None, Act::Login, "wrong"),
            RefusedTry::Enrolment => (None, Act::DeviceEnrol, "too_many"),
            RefusedTry::Name(name) => (directory.user_by_name(name).cloned(), Act::Login, "wait"),
            RefusedTry::Unlock(session) => {
                let session = directory.session_by_id(session, self.clock.boot());
                (session.map(|s| s.user), Act::SessionUnlock, "wait")
            }
        };
        drop(directory);
        let side_text = if tries > 1 { self.beside("tries", tries.to_string()) } else { None };
        LeafDraft { code: Some(code), side_text, ..leaf_of(user.as_ref(), None, act, Outcome::Refused) }
    }

    /// Counts a refused try; at most once a minute and kind it leaves an entry.
    pub(super) async fn note_refused(&self, kind: RefusedTry) -> Result<(), JobError> {
        let tries = self.gate().refused(kind.clone(), self.clock.boot());
        match tries {
            Some(tries) => self.record(vec![self.refused_leaf(&kind, tries)], Vec::new()).await,
            None => Ok(()),
        }
    }

    /// Counts and notes a wrong try. The name that was tried stands beside the trail, never in it.
    async fn failed_login(&self, name: &str, user: Option<&UserRecord>, from: IpAddr) -> Result<(), JobError> {
        let now = self.clock.boot();
        let source = Some(source_of(from));
        let failures = self.backoff.lock().unwrap_or_else(PoisonError::into_inner).failed(name, source, now);
        let leaf = LeafDraft { code: Some("wrong"), ..leaf_of(user, None, Act::Login, Outcome::Refused) };
        if let Some(user) = user {
            let counted = AccessChange::SetFailures { user: user.id.clone(), failures };
            return self.record(vec![leaf], vec![counted]).await;
        }
        let own_leaf = self.gate().unknown_name(now);
        if !own_leaf {
            return self.note_refused(RefusedTry::UnknownNames).await;
        }
        let side_text = self.beside("login_name", clean(name));
        self.record(vec![LeafDraft { side_text, ..leaf }], Vec::new()).await
    }

    /// Whether a passphrase is the one of a user.
    pub(super) async fn check_fits(&self, user: &UserRecord, passphrase: Secret) -> Result<(), LoginError> {
        match self.check(Some(user), passphrase).await? {
            Verdict::Fits { .. } => Ok(()),
            Verdict::Wrong => Err(LoginError::Wrong),
        }
    }

    /// The second factor, where there is one.
    async fn check_code(&self, user: &UserRecord, code: Option<&Secret>) -> Result<(), LoginError> {
        match (&user.factor, code) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(LoginError::CodeWanted),
            (Some(_), Some(code)) => self.spend_code(user, code).await,
        }
    }

    /// Signs somebody in who asks from this address, with a code of the authenticator where there is one.
    ///
    /// # Errors
    /// If name, passphrase or code is wrong, there were too many tries, or it could not be recorded.
    pub async fn login(
        &self,
        name: &str,
        passphrase: Secret,
        code: Option<Secret>,
        from: IpAddr,
    ) -> Result<SignedIn, LoginError> {
        let admitted = self.gate().admit(from, self.clock.boot());
        if let Err(seconds) = admitted {
            self.hub.metrics().login(false);
            self.note_refused(RefusedTry::TooMany).await?;
            return Err(LoginError::TooMany(seconds));
        }
        if let Some(wait) = self.wait_of(name, from) {
            self.hub.metrics().login(false);
            self.note_refused(RefusedTry::Name(name.to_lowercase())).await?;
            return Err(LoginError::Wait(wait));
        }
        let user = self.hub.directory().user_by_name(name).cloned();
        let verdict = self.check(user.as_ref(), passphrase).await?;
        let (Verdict::Fits { rehashed }, Some(user)) = (verdict, &user) else {
            self.hub.metrics().login(false);
            self.failed_login(name, user.as_ref(), from).await?;
            return Err(LoginError::Wrong);
        };
        if let Err(e) = self.check_code(user, code.as_ref()).await {
            self.hub.metrics().login(false);
            if matches!(e, LoginError::Wrong) {
                self.failed_login(name, Some(user), from).await?;
            }
            return Err(e);
        }
        let source = Some(source_of(from));
        self.backoff.lock().unwrap_or_else(PoisonError::into_inner).succeeded(name, source);
        let signed_in = self.begin_session(user, rehashed, None).await?;
        self.hub.metrics().login(true);
        Ok(signed_in)
    }

    /// Signs somebody in whom OpenSSH has let in by this key.
    ///
    /// # Errors
    /// If the user may not sign in, the key is no longer theirs, or it could not be recorded.
    pub async fn login_by_key(&self, user: &UserRecord, key: &str) -> Result<SignedIn, LoginError> {
        let signed_in = self.begin_session(user, None, Some(key)).await;
        self.hub.metrics().login(signed_in.is_ok());
        signed_in
    }

    /// Notes a key that lets nobody in.
    ///
    /// # Errors
    /// If it could not be recorded.
    pub async fn refused_key(&self, key: String) -> Result<(), JobError> {
        self.hub.metrics().login(false);
        if !self.gate().unknown_name(self.clock.boot()) {
            return self.note_refused(RefusedTry::UnknownNames).await;
        }
        let leaf = LeafDraft { code: Some("key"), ..leaf_of(None, None, Act::Login, Outcome::Refused) };
        let side_text = self.beside("key", key);
        self.record(vec![LeafDraft { side_text, ..leaf }], Vec::new()).await
    }

    /// Begins a session for whom a passphrase has proven, or a key of OpenSSH.
    async fn begin_session(
        &self,
        user: &UserRecord,
        rehashed: Option<String>,
        key: Option<&str>,
    ) -> Result<SignedIn, LoginError> {
        let failed = |e: crate::seam::EntropyError| LoginError::Failed(e.to_string());
        let entropy = self.entropy.as_ref();
        let (token, token_hash) = new_token(TokenKind::Session, self.hub.mode(), entropy).map_err(failed)?;
        let id = new_id("s", entropy).map_err(failed)?;
        let id: SessionId = id.parse().map_err(|e| LoginError::Failed(format!("{e}")))?;
        let now = self.clock.boot();
        let record = SessionRecord {
            id: id.clone(),
            token_hash,
            user: user.id.clone(),
            boot_id: self.clock.boot_id(),
            began: now,
            active: now,
            locked: false,
            // A key in a file is no second proof, and sshd does not tell which keys ask for a PIN.
            proven: if key.is_some() { now - PROOF_FRESH_SPAN } else { now },
            former: None,
            held: key.is_some(),
            key: key.map(str::to_owned),
        };
        let mut leaves = Vec::new();
        let mut access = Vec::new();
        for old in self.hub.directory().pushed_out(&user.id) {
            leaves.push(ended(user, &old, "pushed_out"));
            access.push(AccessChange::DropSession(old));
        }
        let (user_id, proven) = (user.id.clone(), user.phc.clone());
        let factor = user.factor.as_ref().map(|factor| factor.sealed_seed.clone());
        access.push(AccessChange::BeginSession { session: record, proven: proven.clone(), factor: factor.clone() });
        access.extend(rehashed.map(|new| AccessChange::Rehash { user: user_id.clone(), old: proven, new }));
        let leaf = leaf_of(Some(user), Some(id.clone()), Act::Login, Outcome::Success);
        match key {
            // Who knows the key need not know the passphrase: its wrong tries stay counted.
            Some(key) => {
                let side_text = self.beside("key", key.to_owned());
                leaves.push(LeafDraft { code: Some("ssh_key"), side_text, ..leaf });
            }
            None => {
                access.push(AccessChange::SetFailures { user: user_id, failures: 0 });
                leaves.push(leaf);
            }
        }
        self.record(leaves, access).await?;
        let session = self.hub.directory().session_by_id(&id, self.clock.boot());
        let held = |key: &str| self.hub.directory().key(key).is_some_and(|found| found.user == user.id);
        let session = session.filter(|s| s.standing != SessionStanding::Ended && key.is_none_or(held));
        let Some(session) = session else {
            // The user was disabled, lost passphrase or key, or got a second factor, while this one was being checked.
            self.record(vec![ended(user, &id, "overtaken")], vec![AccessChange::DropSession(id)]).await?;
            let present = self.hub.directory().user(&user.id).and_then(|u| u.factor.clone());
            let asks_anew =
                key.is_none() && present.is_some_and(|present| Some(&present.sealed_seed) != factor.as_ref());
            return Err(if asks_anew { LoginError::CodeWanted } else { LoginError::Wrong });
        };
        Ok(SignedIn { token, session: self.session_info(&session) })
    }

    /// What ends all sessions of a user, and what is to be said of it. `by` is like the entry of the act that ends them: it is not
    /// the user who does.
    pub fn end_sessions(
        &self,
        by: &LeafDraft,
        user: &UserRecord,
        code: &'static str,
    ) -> (Vec<LeafDraft>, AccessChange) {
        let sessions = self.hub.directory().sessions_of(&user.id);
        let ended = |session: &SessionRecord| LeafDraft {
            code: Some(code),
            session: Some(session.id.clone()),
            user: Some(user.id.clone()),
            ..LeafDraft::new(by.actor.clone(), Act::SessionEnd, Outcome::Success)
        };
        let leaves = sessions.iter().map(ended).collect();
        (leaves, AccessChange::DropSessionsOf(user.id.clone()))
    }

    /// Signs somebody out.
    ///
    /// # Errors
    /// If it could not be recorded.
    pub async fn logout(&self, session: &Session) -> Result<(), JobError> {
        let id = session.record.id.clone();
        let leaf = leaf_of(Some(&session.user), Some(id.clone()), Act::Logout, Outcome::Success);
        self.record(vec![leaf], vec![AccessChange::DropSession(id)]).await
    }

    /// Unlocks a locked session by its user's passphrase. The absolute limit of the session stays. It has a count of
    /// failures of its own, which ends the session at [`UNLOCK_TRIES_MAX`].
    ///
    /// # Errors
    /// As for a login.
    pub async fn unlock(&self, session: &Session, passphrase: Secret) -> Result<(), LoginError> {
        let id = session.record.id.clone();
        self.prove(session, Some(passphrase), None, Act::SessionUnlock).await?;
        let leaf = leaf_of(Some(&session.user), Some(id.clone()), Act::SessionUnlock, Outcome::Success);
        let active = self.clock.boot();
        self.record(vec![leaf], vec![AccessChange::UnlockSession { session: id, active }]).await?;
        Ok(())
    }

    /// Whether a session may try to prove itself now.
    pub(super) async fn check_unlock_wait(&self, id: &SessionId) -> Result<(), LoginError> {
        let wait = self.unlocks().wait(id.as_str(), None, self.clock.boot());
        if wait > Millis::ZERO {
            self.note_refused(RefusedTry::Unlock(id.clone())).await?;
            return Err(LoginError::Wait(whole_seconds(wait)));
        }
        Ok(())
    }

    /// Counts a wrong proof of a session; whether it was the last one that it may give.
    pub(super) fn is_last_unlock_try(&self, id: &SessionId) -> bool {
        let failures = self.unlocks().failed(id.as_str(), None, self.clock.boot());
        let last = failures >= UNLOCK_TRIES_MAX;
        if last {
            self.unlocks().forgive(id.as_str());
        }
        last
    }

    /// Ends and locks sessions whose time has come, tells of refused tries, and keeps it. Called each second.
    ///
    /// # Errors
    /// If it could not be recorded.
    pub async fn look_after_sessions(&self) -> Result<(), JobError> {
        let now = self.clock.boot();
        let (over, idle) = {
            let directory = self.hub.directory();
            (directory.ended_sessions(now), directory.newly_idle(now))
        };
        let refused = self.gate().due(now);
        let mut leaves: Vec<LeafDraft> = refused.iter().map(|(kind, tries)| self.refused_leaf(kind, *tries)).collect();
        let mut access = Vec::new();
        for session in over {
            let code = if session.user.enabled { "absolute_limit" } else { "user_disabled" };
            leaves.push(ended(&session.user, &session.record.id, code));
            access.push(AccessChange::DropSession(session.record.id));
        }
        for session in idle {
            let SessionRecord { id, active: idle_since, .. } = session.record;
            leaves.push(leaf_of(Some(&session.user), Some(id.clone()), Act::SessionLock, Outcome::Success));
            access.push(AccessChange::LockSession { session: id, idle_since });
        }
        if leaves.is_empty() { Ok(()) } else { self.record(leaves, access).await }
    }
}
