//! Users, sessions and device tokens in memory: the truth while the server runs.

use super::{Secret, TokenKind, hash_token};
use crate::{
    domain::{Actor, DeviceId, Millis, Mode, SessionId, UserId},
    store::{AccessChange, AccessRecords, DeviceTokenRecord, SessionRecord, UserRecord},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Most sessions of one user at once; a further login ends the oldest.
pub const SESSIONS_PER_USER_MAX: usize = 5;

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLimits {
    /// Idle time after which a session locks.
    pub idle: Millis,
    /// Time after which a session ends whatever one does.
    pub absolute: Millis,
}

impl Default for SessionLimits {
    /// 15 minutes idle, 12 hours in all: one shift.
    fn default() -> Self {
        Self { idle: Millis::from_mins(15), absolute: Millis::from_mins(12 * 60) }
    }
}

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStanding {
    /// It may act.
    Active,
    /// It watches, and nothing else.
    Locked,
    /// It is over.
    Ended,
}

/// A session with its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The session.
    pub record: SessionRecord,
    /// Its user.
    pub user: UserRecord,
    /// How it stands.
    pub standing: SessionStanding,
}

impl Session {
    /// Its user as an actor.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::User {
            user: self.user.id.clone(),
            name: self.user.name.clone(),
            role: self.user.role,
            session: self.record.id.clone(),
        }
    }
}

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnknownToken {
    /// It is of a demo folder, and this is a live server.
    #[error("this token was made for a demonstration: a live server does not take it")]
    Demo,
    /// It is of a live folder, and this is a demo server.
    #[error("this token was made for a live server: a demonstration does not take it")]
    Live,
    /// Nobody has it, or its session is over.
    #[error("the token is not valid: sign in again, or ask for a new device token")]
    Unknown,
}

/// Why a user cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The login name is taken.
    #[error("there is a user {0} already")]
    NameTaken(String),
    /// The login name cannot be used.
    #[error("{0:?} cannot be a login name: 1 to 64 letters, digits and . _ - are wanted")]
    BadName(String),
    /// No such user.
    #[error("there is no user {0}")]
    UnknownUser(String),
}

/// Users, sessions and device tokens.
#[derive(Debug)]
pub struct Directory {
    mode: Mode,
    limits: SessionLimits,
    users: BTreeMap<UserId, UserRecord>,
    by_name: HashMap<String, UserId>,
    sessions: BTreeMap<SessionId, SessionRecord>,
    by_token: HashMap<[u8; 32], SessionId>,
    devices: HashMap<[u8; 32], DeviceTokenRecord>,
    /// The activity of each session that the store knows of.
    kept_activity: HashMap<SessionId, Millis>,
}

impl Directory {
    /// What the store holds. Sessions of an earlier boot are left out: their clock has stopped.
    #[must_use]
    pub fn new(mode: Mode, limits: SessionLimits, records: AccessRecords, boot_id: &str) -> Self {
        let mut directory = Self {
            mode,
            limits,
            users: BTreeMap::new(),
            by_name: HashMap::new(),
            sessions: BTreeMap::new(),
            by_token: HashMap::new(),
            devices: HashMap::new(),
            kept_activity: HashMap::new(),
        };
        records.users.into_iter().for_each(|user| directory.apply(&AccessChange::PutUser(user)));
        let of_this_boot = |s: &SessionRecord| s.boot_id == boot_id;
        let sessions = records.sessions.into_iter().filter(of_this_boot);
        sessions.for_each(|session| directory.apply(&AccessChange::PutSession(session)));
        let tokens = records.device_tokens.into_iter();
        tokens.for_each(|token| directory.apply(&AccessChange::PutDeviceToken(token)));
        directory
    }

    /// Takes in a change that has become durable.
    pub fn apply(&mut self, change: &AccessChange) {
        match change {
            AccessChange::PutUser(user) => {
                self.by_name.insert(user.name.to_lowercase(), user.id.clone());
                self.users.insert(user.id.clone(), user.clone());
            }
            AccessChange::SetFailures { user, failures } => {
                if let Some(user) = self.users.get_mut(user) {
                    user.failures = *failures;
                }
            }
            AccessChange::PutSession(session) => {
                self.by_token.insert(session.token_hash, session.id.clone());
                self.kept_activity.insert(session.id.clone(), session.active);
                let known = self.sessions.get(&session.id).map_or(session.active, |known| known.active);
                let active = session.active.max(known);
                self.sessions.insert(session.id.clone(), SessionRecord { active, ..session.clone() });
            }
            AccessChange::DropSession(id) => {
                self.kept_activity.remove(id);
                if let Some(session) = self.sessions.remove(id) {
                    self.by_token.remove(&session.token_hash);
                }
            }
            AccessChange::PutDeviceToken(token) => {
                self.devices.insert(token.token_hash, token.clone());
            }
            AccessChange::DropDeviceTokens(device) => self.devices.retain(|_, t| t.device != *device),
        }
    }

    /// How long sessions last.
    #[must_use]
    pub const fn limits(&self) -> SessionLimits {
        self.limits
    }

    /// A user by login name, without regard to case.
    #[must_use]
    pub fn user_by_name(&self, name: &str) -> Option<&UserRecord> {
        self.users.get(self.by_name.get(&name.to_lowercase())?)
    }

    /// All users, by identifier.
    pub fn users(&self) -> impl Iterator<Item = &UserRecord> {
        self.users.values()
    }

    /// Whether a new user may have a login name.
    ///
    /// # Errors
    /// If it is taken or has not the form of one.
    pub fn check_new_name(&self, name: &str) -> Result<(), DirectoryError> {
        let ok = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if name.is_empty() || name.len() > 64 || !name.chars().all(ok) {
            return Err(DirectoryError::BadName(crate::domain::text::clean(name)));
        }
        if self.user_by_name(name).is_some() {
            return Err(DirectoryError::NameTaken(name.to_owned()));
        }
        Ok(())
    }

    fn check_kind(&self, token: &str, kind: TokenKind) -> Result<(), UnknownToken> {
        match TokenKind::of(token) {
            Some((_, Mode::Demo)) if self.mode == Mode::Live => Err(UnknownToken::Demo),
            Some((_, Mode::Live)) if self.mode == Mode::Demo => Err(UnknownToken::Live),
            Some((found, _)) if found == kind => Ok(()),
            _ => Err(UnknownToken::Unknown),
        }
    }

    /// The session of a token at `now`, time since boot. One that is over is still given, so that its end can be told
    /// apart from a wrong token; its standing says so.
    ///
    /// # Errors
    /// If nobody has the token.
    pub fn session(&self, token: &Secret, now: Millis) -> Result<Session, UnknownToken> {
        self.check_kind(token.expose(), TokenKind::Session)?;
        let id = self.by_token.get(&hash_token(token.expose())).ok_or(UnknownToken::Unknown)?;
        self.session_by_id(id, now).ok_or(UnknownToken::Unknown)
    }

    /// A session by its identifier at `now`.
    #[must_use]
    pub fn session_by_id(&self, id: &SessionId, now: Millis) -> Option<Session> {
        let record = self.sessions.get(id)?;
        let user = self.users.get(&record.user)?;
        let standing = if !user.enabled || now - record.began >= self.limits.absolute {
            SessionStanding::Ended
        } else if record.locked || now - record.active >= self.limits.idle {
            SessionStanding::Locked
        } else {
            SessionStanding::Active
        };
        Some(Session { record: record.clone(), user: user.clone(), standing })
    }

    /// A person is at the keyboard: an active session stays so. Gives the record when it is time to keep it.
    pub fn touch(&mut self, id: &SessionId, now: Millis, keep_every: Millis) -> Option<SessionRecord> {
        if self.session_by_id(id, now)?.standing != SessionStanding::Active {
            return None;
        }
        let session = self.sessions.get_mut(id)?;
        session.active = now;
        let kept = self.kept_activity.get(id).copied().unwrap_or_default();
        if now - kept < keep_every {
            return None;
        }
        self.kept_activity.insert(id.clone(), now);
        Some(session.clone())
    }

    /// Sessions that have just become idle: locked by their time, but not yet marked so.
    #[must_use]
    pub fn newly_idle(&self, now: Millis) -> Vec<Session> {
        let all = self.sessions.keys().filter_map(|id| self.session_by_id(id, now));
        all.filter(|s| s.standing == SessionStanding::Locked && !s.record.locked).collect()
    }

    /// Sessions that are over at `now`.
    #[must_use]
    pub fn ended_sessions(&self, now: Millis) -> Vec<Session> {
        let all = self.sessions.keys().filter_map(|id| self.session_by_id(id, now));
        all.filter(|s| s.standing == SessionStanding::Ended).collect()
    }

    /// The sessions of a user that a new one pushes out: all but the newest [`SESSIONS_PER_USER_MAX`] less one.
    #[must_use]
    pub fn pushed_out(&self, user: &UserId) -> Vec<SessionId> {
        let mut own: Vec<&SessionRecord> = self.sessions.values().filter(|s| s.user == *user).collect();
        own.sort_by_key(|s| std::cmp::Reverse(s.began));
        own.into_iter().skip(SESSIONS_PER_USER_MAX - 1).map(|s| s.id.clone()).collect()
    }

    /// How many sessions there are.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// The device of a token.
    ///
    /// # Errors
    /// If nobody has the token.
    pub fn device(&self, token: &Secret) -> Result<&DeviceId, UnknownToken> {
        self.check_kind(token.expose(), TokenKind::Device)?;
        let found = self.devices.get(&hash_token(token.expose())).ok_or(UnknownToken::Unknown)?;
        if found.mode == self.mode { Ok(&found.device) } else { Err(UnknownToken::Unknown) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::new_token;
    use super::*;
    use crate::{domain::Role, domain::Timestamp, seam::OsEntropy};

    fn user(name: &str) -> UserRecord {
        UserRecord {
            id: format!("u-{name}").parse().unwrap(),
            name: name.into(),
            role: Role::Nurse,
            phc: String::new(),
            enabled: true,
            failures: 0,
        }
    }

    fn directory() -> Directory {
        let records = AccessRecords { users: vec![user("Anna")], ..AccessRecords::default() };
        Directory::new(Mode::Live, SessionLimits::default(), records, "b1")
    }

    fn sign_in(directory: &mut Directory, n: usize, began: Millis) -> (Secret, SessionRecord) {
        let (token, token_hash) = new_token(TokenKind::Session, Mode::Live, &OsEntropy).unwrap();
        let record = SessionRecord {
            id: format!("s{n}").parse().unwrap(),
            token_hash,
            user: "u-Anna".parse().unwrap(),
            boot_id: "b1".into(),
            began,
            active: began,
            locked: false,
        };
        directory.apply(&AccessChange::PutSession(record.clone()));
        (token, record)
    }

    #[test]
    fn names_are_unique_without_regard_to_case() {
        let directory = directory();
        assert_eq!(directory.check_new_name("ANNA"), Err(DirectoryError::NameTaken("ANNA".into())));
        assert!(matches!(directory.check_new_name("an na"), Err(DirectoryError::BadName(_))));
        assert!(matches!(directory.check_new_name("\u{1b}[31m"), Err(DirectoryError::BadName(_))));
        assert_eq!(directory.check_new_name("ben"), Ok(()));
    }

    #[test]
    fn a_session_locks_when_idle_and_ends_for_good() {
        let mut directory = directory();
        let (token, mut record) = sign_in(&mut directory, 1, Millis(0));
        let standing = |d: &Directory, minutes| d.session(&token, Millis::from_mins(minutes)).unwrap().standing;
        assert_eq!(standing(&directory, 14), SessionStanding::Active);
        assert_eq!(standing(&directory, 15), SessionStanding::Locked);
        record.active = Millis::from_mins(16);
        directory.apply(&AccessChange::PutSession(record.clone()));
        assert_eq!(standing(&directory, 30), SessionStanding::Active);
        record.active = Millis::from_mins(719);
        directory.apply(&AccessChange::PutSession(record.clone()));
        assert_eq!(standing(&directory, 720), SessionStanding::Ended, "whatever one does");
        assert_eq!(directory.ended_sessions(Millis::from_mins(720)).len(), 1);
        directory.apply(&AccessChange::DropSession(record.id));
        assert_eq!(directory.session(&token, Millis::from_mins(1)), Err(UnknownToken::Unknown));
    }

    #[test]
    fn activity_keeps_a_session_and_is_kept_now_and_then() {
        let mut directory = directory();
        let (token, record) = sign_in(&mut directory, 1, Millis(0));
        let every = Millis::from_secs(60);
        assert_eq!(directory.touch(&record.id, Millis::from_secs(30), every), None);
        assert!(directory.touch(&record.id, Millis::from_secs(61), every).is_some());
        assert_eq!(directory.touch(&record.id, Millis::from_secs(62), every), None);
        directory.touch(&record.id, Millis::from_mins(10), every);
        directory.apply(&AccessChange::PutSession(record.clone()));
        let session = directory.session(&token, Millis::from_mins(20)).unwrap();
        assert_eq!(session.standing, SessionStanding::Active, "a late write does not take activity back");
        assert_eq!(directory.newly_idle(Millis::from_mins(26)).len(), 1);
        assert_eq!(
            directory.touch(&record.id, Millis::from_mins(26), every),
            None,
            "a locked session is unlocked first"
        );
    }

    #[test]
    fn disabling_a_user_ends_the_sessions() {
        let mut directory = directory();
        let (token, _) = sign_in(&mut directory, 1, Millis(0));
        directory.apply(&AccessChange::PutUser(UserRecord { enabled: false, ..user("Anna") }));
        assert_eq!(directory.session(&token, Millis(1)).unwrap().standing, SessionStanding::Ended);
    }

    #[test]
    fn the_sixth_session_pushes_out_the_first() {
        let mut directory = directory();
        for n in 0..5 {
            sign_in(&mut directory, n, Millis::from_secs(i64::try_from(n).unwrap()));
        }
        assert_eq!(directory.pushed_out(&"u-Anna".parse().unwrap()), ["s0".parse().unwrap()]);
    }

    #[test]
    fn sessions_of_another_boot_are_over() {
        let mut first = directory();
        let (token, record) = sign_in(&mut first, 1, Millis(0));
        let records = AccessRecords { users: vec![user("Anna")], sessions: vec![record], ..AccessRecords::default() };
        let same = Directory::new(Mode::Live, SessionLimits::default(), records.clone(), "b1");
        assert!(same.session(&token, Millis(1)).is_ok());
        let other = Directory::new(Mode::Live, SessionLimits::default(), records, "b2");
        assert_eq!(other.session(&token, Millis(1)), Err(UnknownToken::Unknown));
    }

    #[test]
    fn tokens_of_the_other_mode_and_of_the_other_kind_are_refused() {
        let mut directory = directory();
        let (session, _) = sign_in(&mut directory, 1, Millis(0));
        assert_eq!(directory.device(&session), Err(UnknownToken::Unknown));
        let (token, token_hash) = new_token(TokenKind::Device, Mode::Demo, &OsEntropy).unwrap();
        let record = DeviceTokenRecord {
            token_hash,
            device: "d1".parse().unwrap(),
            mode: Mode::Demo,
            made_at: Timestamp::from_ms(0),
        };
        directory.apply(&AccessChange::PutDeviceToken(record));
        assert_eq!(directory.device(&token), Err(UnknownToken::Demo), "even if somebody copied it into the store");
        let (token, token_hash) = new_token(TokenKind::Device, Mode::Live, &OsEntropy).unwrap();
        let record = DeviceTokenRecord {
            token_hash,
            device: "d1".parse().unwrap(),
            mode: Mode::Live,
            made_at: Timestamp::from_ms(0),
        };
        directory.apply(&AccessChange::PutDeviceToken(record));
        assert_eq!(directory.device(&token).unwrap().as_str(), "d1");
        directory.apply(&AccessChange::DropDeviceTokens("d1".parse().unwrap()));
        assert_eq!(directory.device(&token), Err(UnknownToken::Unknown));
    }
}
