//! Signing in, out, and unlocking.

use super::{app::App, pipeline::JobError};
use crate::{
    access::{HashError, Secret, Session, SessionStanding, TokenKind, Verdict, new_id, new_token},
    audit::{Act, LeafActor, LeafDraft, Outcome, SideText},
    domain::{SessionId, text::clean},
    protocol::SessionInfo,
    store::{AccessChange, SessionRecord, UserRecord},
};
use std::sync::PoisonError;

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Name or passphrase is wrong; it is not said which.
    #[error("the name or the passphrase is wrong")]
    Wrong,
    /// The session is over.
    #[error("the session is over: sign in again")]
    Over,
    /// Too many wrong tries.
    #[error("too many wrong tries: wait {0} s")]
    Wait(i64),
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

fn leaf_of(user: Option<&UserRecord>, session: Option<SessionId>, act: Act, outcome: Outcome) -> LeafDraft {
    let actor = user.map_or(LeafActor::Unknown, |u| LeafActor::User { user: u.id.clone(), role: u.role, session });
    LeafDraft::new(actor, act, outcome)
}

fn ended(user: &UserRecord, session: &SessionId, code: &'static str) -> LeafDraft {
    let leaf = leaf_of(Some(user), Some(session.clone()), Act::SessionEnd, Outcome::Success);
    LeafDraft { code: Some(code), session: Some(session.clone()), ..leaf }
}

impl App {
    fn wait_of(&self, name: &str) -> Option<i64> {
        let now = self.clock.boot();
        let wait = self.backoff.lock().unwrap_or_else(PoisonError::into_inner).wait(name, now);
        (wait.0 > 0).then(|| (wait.0 + 999) / 1000)
    }

    async fn check(&self, user: Option<&UserRecord>, passphrase: Secret) -> Result<Verdict, LoginError> {
        let stored = user.filter(|u| u.enabled).map(|u| u.phc.clone());
        self.hasher.verify(stored, passphrase).await.map_err(|e| match e {
            HashError::Busy => LoginError::Busy,
            other => LoginError::Failed(other.to_string()),
        })
    }

    /// The leaf and the counters of a failed try. The name that was tried stands beside the trail, never in it.
    fn failure(&self, name: &str, user: Option<&UserRecord>, act: Act) -> (LeafDraft, Vec<AccessChange>) {
        let failures = self.backoff.lock().unwrap_or_else(PoisonError::into_inner).failed(name, self.clock.boot());
        let mut leaf = LeafDraft { code: Some("wrong"), ..leaf_of(user, None, act, Outcome::Refused) };
        let mut salt = [0; crate::audit::leaf::SALT_BYTES];
        if user.is_none() && self.entropy.fill(&mut salt).is_ok() {
            leaf.side_text = Some(SideText { field: "login_name", text: clean(name), salt });
        }
        let counted = user.map(|u| AccessChange::SetFailures { user: u.id.clone(), failures });
        (leaf, counted.into_iter().collect())
    }

    /// Signs somebody in.
    ///
    /// # Errors
    /// If name or passphrase is wrong, too many tries were wrong, or it could not be recorded.
    pub async fn login(&self, name: &str, passphrase: Secret) -> Result<SignedIn, LoginError> {
        let user = self.hub.directory().user_by_name(name).cloned();
        if let Some(wait) = self.wait_of(name) {
            let leaf = LeafDraft { code: Some("wait"), ..leaf_of(user.as_ref(), None, Act::Login, Outcome::Refused) };
            self.record(vec![leaf], Vec::new()).await?;
            self.hub.metrics().login(false);
            return Err(LoginError::Wait(wait));
        }
        let verdict = self.check(user.as_ref(), passphrase).await?;
        let (Verdict::Fits { rehashed }, Some(user)) = (verdict, &user) else {
            let (leaf, counted) = self.failure(name, user.as_ref(), Act::Login);
            self.record(vec![leaf], counted).await?;
            self.hub.metrics().login(false);
            return Err(LoginError::Wrong);
        };
        self.backoff.lock().unwrap_or_else(PoisonError::into_inner).succeeded(name);
        let signed_in = self.begin_session(user, rehashed).await?;
        self.hub.metrics().login(true);
        Ok(signed_in)
    }

    async fn begin_session(&self, user: &UserRecord, rehashed: Option<String>) -> Result<SignedIn, LoginError> {
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
        };
        let mut leaves = Vec::new();
        let mut access = Vec::new();
        for old in self.hub.directory().pushed_out(&user.id) {
            leaves.push(ended(user, &old, "pushed_out"));
            access.push(AccessChange::DropSession(old));
        }
        let (user_id, proven) = (user.id.clone(), user.phc.clone());
        access.push(AccessChange::BeginSession { session: record, proven: proven.clone() });
        access.extend(rehashed.map(|new| AccessChange::Rehash { user: user_id.clone(), old: proven, new }));
        access.push(AccessChange::SetFailures { user: user_id, failures: 0 });
        leaves.push(leaf_of(Some(user), Some(id.clone()), Act::Login, Outcome::Success));
        self.record(leaves, access).await?;
        let session = self.hub.directory().session_by_id(&id, self.clock.boot());
        let Some(session) = session.filter(|s| s.standing != SessionStanding::Ended) else {
            // The user was disabled or got another passphrase while this one was being checked.
            self.record(vec![ended(user, &id, "overtaken")], vec![AccessChange::DropSession(id)]).await?;
            return Err(LoginError::Wrong);
        };
        Ok(SignedIn { token, session: self.session_info(&session) })
    }

    /// What ends all sessions of a user, and what is to be said of it.
    pub fn end_sessions(&self, user: &UserRecord, code: &'static str) -> (Vec<LeafDraft>, AccessChange) {
        let sessions = self.hub.directory().sessions_of(&user.id);
        let leaves = sessions.iter().map(|session| ended(user, &session.id, code)).collect();
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

    /// Unlocks a locked session by its user's passphrase. The absolute limit of the session stays.
    ///
    /// # Errors
    /// As for a login.
    pub async fn unlock(&self, session: &Session, passphrase: Secret) -> Result<(), LoginError> {
        let id = session.record.id.clone();
        let present = self.hub.directory().session_by_id(&id, self.clock.boot());
        let Session { user, .. } = present.ok_or(LoginError::Over)?;
        if let Some(wait) = self.wait_of(&user.name) {
            let leaf = leaf_of(Some(&user), None, Act::SessionUnlock, Outcome::Refused);
            self.record(vec![LeafDraft { code: Some("wait"), ..leaf }], Vec::new()).await?;
            return Err(LoginError::Wait(wait));
        }
        let verdict = self.check(Some(&user), passphrase).await?;
        if verdict == Verdict::Wrong {
            let (leaf, counted) = self.failure(&user.name, Some(&user), Act::SessionUnlock);
            self.record(vec![leaf], counted).await?;
            return Err(LoginError::Wrong);
        }
        self.backoff.lock().unwrap_or_else(PoisonError::into_inner).succeeded(&user.name);
        let leaf = leaf_of(Some(&user), Some(id.clone()), Act::SessionUnlock, Outcome::Success);
        let active = self.clock.boot();
        self.record(vec![leaf], vec![AccessChange::UnlockSession { session: id, active }]).await?;
        Ok(())
    }

    /// Ends and locks sessions whose time has come, and keeps it. Called each second.
    ///
    /// # Errors
    /// If it could not be recorded.
    pub async fn look_after_sessions(&self) -> Result<(), JobError> {
        let now = self.clock.boot();
        let (over, idle) = {
            let directory = self.hub.directory();
            (directory.ended_sessions(now), directory.newly_idle(now))
        };
        let mut leaves = Vec::new();
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
