//! Users, sessions and device tokens in memory: the truth while the server runs.

use super::{Secret, TokenKind, hash_token};
use crate::{
    domain::{Actor, DeviceId, Millis, Mode, SessionId, UserId},
    store::{
        AccessChange, AccessRecords, DeviceTokenRecord, EnrolmentRecord, SessionRecord, UserKeyRecord, UserRecord,
    },
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
    enrolments: BTreeMap<DeviceId, EnrolmentRecord>,
    by_code: HashMap<[u8; 32], DeviceId>,
    keys: BTreeMap<String, UserKeyRecord>,
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
            enrolments: BTreeMap::new(),
            by_code: HashMap::new(),
            keys: BTreeMap::new(),
            kept_activity: HashMap::new(),
        };
        records.users.into_iter().for_each(|user| directory.insert_user(user));
        let of_this_boot = |s: &SessionRecord| s.boot_id == boot_id;
        let sessions = records.sessions.into_iter().filter(of_this_boot);
        sessions.for_each(|session| directory.insert_session(session));
        let tokens = records.device_tokens.into_iter();
        tokens.for_each(|token| directory.apply(&AccessChange::PutDeviceToken(token)));
        let keys = records.user_keys.into_iter();
        directory.keys.extend(keys.map(|key| (key.fingerprint.clone(), key)));
        records.enrolments.into_iter().for_each(|enrolment| directory.insert_enrolment(enrolment));
        directory
    }

    fn insert_user(&mut self, user: UserRecord) {
        self.by_name.insert(user.name.to_lowercase(), user.id.clone());
        self.users.insert(user.id.clone(), user);
    }

    fn insert_session(&mut self, session: SessionRecord) {
        self.by_token.insert(session.token_hash, session.id.clone());
        self.kept_activity.insert(session.id.clone(), session.active);
        self.sessions.insert(session.id.clone(), session);
    }

    fn drop_session(&mut self, id: &SessionId) {
        self.kept_activity.remove(id);
        if let Some(session) = self.sessions.remove(id) {
            self.by_token.remove(&session.token_hash);
        }
    }

    /// Takes in a change that has become durable, by the rules of [`AccessChange`].
    pub fn apply(&mut self, change: &AccessChange) {
        match change {
            AccessChange::AddUser(user) => {
                if !self.users.contains_key(&user.id) && self.user_by_name(&user.name).is_none() {
                    self.insert_user(user.clone());
                }
            }
            AccessChange::SetFailures { user, failures } => self.change_user(user, |u| u.failures = *failures),
            AccessChange::SetEnabled { user, enabled } => self.change_user(user, |u| u.enabled = *enabled),
            AccessChange::SetPhc { user, phc } => self.change_user(user, |u| u.phc.clone_from(phc)),
            AccessChange::Rehash { user, old, new } => self.change_user(user, |u| {
                if u.phc == *old {
                    u.phc.clone_from(new);
                }
            }),
            AccessChange::BeginSession { session, proven } => {
                if self.users.get(&session.user).is_some_and(|u| u.enabled && u.phc == *proven) {
                    self.insert_session(session.clone());
                }
            }
            AccessChange::TouchSession { session, active } => self.change_session(session, *active, |_| {}),
            AccessChange::LockSession { session, idle_since } => {
                if let Some(session) = self.sessions.get_mut(session).filter(|s| s.active <= *idle_since) {
                    session.locked = true;
                }
            }
            AccessChange::UnlockSession { session, active } => {
                self.change_session(session, *active, |s| s.locked = false);
            }
            AccessChange::DropSession(id) => self.drop_session(id),
            AccessChange::DropSessionsOf(user) => {
                self.sessions_of(user).iter().for_each(|session| self.drop_session(&session.id));
            }
            AccessChange::PutDeviceToken(token) => {
                self.devices.insert(token.token_hash, token.clone());
            }
            AccessChange::DropDeviceTokens(device) => self.devices.retain(|_, t| t.device != *device),
            AccessChange::PutEnrolment(enrolment) => self.insert_enrolment(enrolment.clone()),
            AccessChange::AddUserKey(key) => {
                self.keys.entry(key.fingerprint.clone()).or_insert_with(|| key.clone());
            }
            AccessChange::DropUserKey { user, fingerprint } => {
                self.keys.retain(|_, key| !(key.fingerprint == *fingerprint && key.user == *user));
            }
        }
    }

    fn insert_enrolment(&mut self, enrolment: EnrolmentRecord) {
        let (device, hash) = (enrolment.device.clone(), enrolment.code_hash);
        if let Some(former) = self.enrolments.insert(device.clone(), enrolment) {
            self.by_code.remove(&former.code_hash);
        }
        self.by_code.insert(hash, device);
    }

    fn change_user(&mut self, user: &UserId, change: impl FnOnce(&mut UserRecord)) {
        if let Some(user) = self.users.get_mut(user) {
            change(user);
        }
    }

    /// Changes a session that is still there; a late write takes no activity back.
    fn change_session(&mut self, id: &SessionId, active: Millis, change: impl FnOnce(&mut SessionRecord)) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.active = session.active.max(active);
            change(session);
            let kept = self.kept_activity.entry(id.clone()).or_insert(active);
            *kept = active.max(*kept);
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

    /// A user.
    #[must_use]
    pub fn user(&self, id: &UserId) -> Option<&UserRecord> {
        self.users.get(id)
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

    /// A person is at the keyboard: an active session stays so. Gives the change when it is time to keep it.
    pub fn touch(&mut self, id: &SessionId, now: Millis, keep_every: Millis) -> Option<AccessChange> {
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
        Some(AccessChange::TouchSession { session: id.clone(), active: now })
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

    /// The sessions of a user.
    #[must_use]
    pub fn sessions_of(&self, user: &UserId) -> Vec<SessionRecord> {
        self.sessions.values().filter(|s| s.user == *user).cloned().collect()
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

    /// A key of a user, by its fingerprint.
    #[must_use]
    pub fn key(&self, fingerprint: &str) -> Option<&UserKeyRecord> {
        self.keys.get(fingerprint)
    }

    /// All keys of users, by fingerprint.
    pub fn keys(&self) -> impl Iterator<Item = &UserKeyRecord> {
        self.keys.values()
    }

    /// The enrolment code with this hash, used and expired ones included.
    #[must_use]
    pub fn enrolment(&self, code_hash: &[u8; 32]) -> Option<&EnrolmentRecord> {
        self.enrolments.get(self.by_code.get(code_hash)?)
    }

    /// The newest enrolment code of a device, used and expired ones included.
    #[must_use]
    pub fn enrolment_of(&self, device: &DeviceId) -> Option<&EnrolmentRecord> {
        self.enrolments.get(device)
    }

    /// How many tokens a device has.
    #[must_use]
    pub fn token_count(&self, device: &DeviceId) -> usize {
        self.devices.values().filter(|token| token.device == *device).count()
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

    const PHC: &str = "$argon2id$1";

    fn user(name: &str) -> UserRecord {
        UserRecord {
            id: format!("u-{name}").parse().unwrap(),
            name: name.into(),
            role: Role::Nurse,
            phc: PHC.into(),
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
        directory.apply(&AccessChange::BeginSession { session: record.clone(), proven: PHC.into() });
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
        let (token, record) = sign_in(&mut directory, 1, Millis(0));
        let unlock = |active| AccessChange::UnlockSession { session: record.id.clone(), active };
        let standing = |d: &Directory, minutes| d.session(&token, Millis::from_mins(minutes)).unwrap().standing;
        assert_eq!(standing(&directory, 14), SessionStanding::Active);
        assert_eq!(standing(&directory, 15), SessionStanding::Locked);
        directory.apply(&unlock(Millis::from_mins(16)));
        assert_eq!(standing(&directory, 30), SessionStanding::Active);
        directory.apply(&unlock(Millis::from_mins(719)));
        assert_eq!(standing(&directory, 720), SessionStanding::Ended, "whatever one does");
        assert_eq!(directory.ended_sessions(Millis::from_mins(720)).len(), 1);
        directory.apply(&AccessChange::DropSession(record.id.clone()));
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
        directory.apply(&AccessChange::TouchSession { session: record.id.clone(), active: Millis::from_secs(61) });
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
        directory.apply(&AccessChange::SetEnabled { user: user("Anna").id, enabled: false });
        assert_eq!(directory.session(&token, Millis(1)).unwrap().standing, SessionStanding::Ended);
    }

    #[test]
    fn a_session_that_is_gone_does_not_come_back() {
        let mut directory = directory();
        let (token, record) = sign_in(&mut directory, 1, Millis(0));
        let session = record.id;
        directory.apply(&AccessChange::DropSession(session.clone()));
        let active = Millis(5);
        for late in [
            AccessChange::UnlockSession { session: session.clone(), active },
            AccessChange::TouchSession { session: session.clone(), active },
            AccessChange::LockSession { session, idle_since: active },
        ] {
            directory.apply(&late);
            assert_eq!(directory.session(&token, active), Err(UnknownToken::Unknown), "{late:?}");
        }
        assert!(directory.kept_activity.is_empty());
    }

    #[test]
    fn who_was_just_unlocked_is_not_locked_by_an_older_look() {
        let mut directory = directory();
        let (token, record) = sign_in(&mut directory, 1, Millis(0));
        let now = Millis::from_mins(15);
        let idle = directory.newly_idle(now).remove(0).record;
        directory.apply(&AccessChange::UnlockSession { session: record.id.clone(), active: now });
        directory.apply(&AccessChange::LockSession { session: idle.id, idle_since: idle.active });
        assert_eq!(directory.session(&token, now).unwrap().standing, SessionStanding::Active);
        directory.apply(&AccessChange::LockSession { session: record.id, idle_since: now });
        assert_eq!(directory.session(&token, now).unwrap().standing, SessionStanding::Locked);
    }

    #[test]
    fn a_login_that_was_overtaken_changes_nothing() {
        let mut directory = directory();
        let anna = user("Anna").id;
        let late = AccessChange::Rehash { user: anna.clone(), old: PHC.into(), new: "rehashed".into() };
        directory.apply(&AccessChange::SetEnabled { user: anna.clone(), enabled: false });
        directory.apply(&late);
        let (token, _) = sign_in(&mut directory, 1, Millis(0));
        assert_eq!(directory.session(&token, Millis(0)), Err(UnknownToken::Unknown));
        assert!(!directory.user(&anna).unwrap().enabled);
        directory.apply(&AccessChange::SetEnabled { user: anna.clone(), enabled: true });
        directory.apply(&AccessChange::SetPhc { user: anna.clone(), phc: "another".into() });
        directory.apply(&late);
        let (token, _) = sign_in(&mut directory, 2, Millis(0));
        assert_eq!(directory.session(&token, Millis(0)), Err(UnknownToken::Unknown), "by the old passphrase");
        assert_eq!(directory.user(&anna).unwrap().phc, "another");
    }

    #[test]
    fn nobody_takes_the_name_of_another() {
        let mut directory = directory();
        directory.apply(&AccessChange::AddUser(UserRecord { id: "u-2".parse().unwrap(), ..user("ANNA") }));
        assert_eq!(directory.user_by_name("anna").unwrap().id, user("Anna").id);
        assert_eq!(directory.users().count(), 1);
    }

    #[test]
    fn all_sessions_of_a_user_end_at_once() {
        let mut directory = directory();
        let (first, _) = sign_in(&mut directory, 1, Millis(0));
        let (second, _) = sign_in(&mut directory, 2, Millis(0));
        directory.apply(&AccessChange::DropSessionsOf("u-Ben".parse().unwrap()));
        assert_eq!(directory.session_count(), 2);
        directory.apply(&AccessChange::DropSessionsOf("u-Anna".parse().unwrap()));
        assert_eq!(directory.session_count(), 0);
        for token in [first, second] {
            assert_eq!(directory.session(&token, Millis(0)), Err(UnknownToken::Unknown));
        }
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
