//! Sessions as their owners and administrators see them, and how those end them.

use super::{app::App, login::ended, pipeline::JobError};
use crate::{
    access::{Session, SessionStanding},
    domain::{Millis, SessionId, UserId},
    protocol::{SessionState, SessionView},
    store::AccessChange,
};

impl App {
    /// The sessions of a user, the newest first; `own` is the one that asks.
    #[must_use]
    pub fn sessions_of(&self, user: &UserId, own: Option<&SessionId>) -> Vec<SessionView> {
        let now = self.clock.boot();
        let directory = self.hub.directory();
        let found = directory.sessions_of(user).into_iter().filter_map(|s| directory.session_by_id(&s.id, now));
        let mut live: Vec<Session> = found.filter(|s| s.standing != SessionStanding::Ended).collect();
        live.sort_by_key(|s| std::cmp::Reverse(s.record.began));
        let ago = |at: Millis| u64::try_from((now - at).0).unwrap_or_default();
        let view = |s: Session| SessionView {
            own: own == Some(&s.record.id),
            user: s.user.name,
            state: if s.standing == SessionStanding::Active { SessionState::Active } else { SessionState::Locked },
            began_ms_ago: ago(s.record.began),
            active_ms_ago: ago(s.record.active),
            session: s.record.id,
        };
        live.into_iter().map(view).collect()
    }

    /// Ends a session of its own user; `false` if it is none of those.
    ///
    /// # Errors
    /// If it could not be recorded.
    pub async fn end_own_session(&self, session: &Session, id: Option<&SessionId>) -> Result<bool, JobError> {
        let own = self.hub.directory().sessions_of(&session.user.id);
        let Some(found) = own.into_iter().find(|s| Some(&s.id) == id) else { return Ok(false) };
        let leaf = ended(&session.user, &found.id, "by_owner");
        self.record(vec![leaf], vec![AccessChange::DropSession(found.id)]).await?;
        Ok(true)
    }
}
