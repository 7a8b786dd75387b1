//! Users, sessions and device tokens in memory: the truth while the server runs.

use super::{Secret, TokenKind, hash_token};
use crate::{
    domain::{
        Actor, BreakGlass, BreakGlassId, Coverage, DeviceId, Millis, Mode, PatientId, Role, SessionId, Timestamp,
        UserId, WardId,
    },
    store::{
        AccessChange, AccessRecords, DeviceTokenRecord, EnrolmentRecord, SessionRecord, StationRecord, UserKeyRecord,
        UserRecord,
    },
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Most sessions of one user at once; a further login ends the oldest.
pub const SESSIONS_PER_USER_MAX: usize = 5;

/// How long the former token of a session goes on after it got another: what is under way comes to its end.
pub const FORMER_TOKEN_SPAN: Millis = Millis::from_secs(30);
/// Tokens that a session gave up and that are remembered; beyond it the oldest is nobody's. Over a restart the last alone is.
const FORMER_TOKENS_KEPT: usize = 16;
/// How long a proof of a factor is fresh enough for export and administration.
pub const PROOF_FRESH_SPAN: Millis = Millis::from_mins(5);

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
    /// Whether a factor was proven in the last [`PROOF_FRESH_SPAN`].
    pub fresh: bool,
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
    /// It was given up for another of the same session, longer ago than [`FORMER_TOKEN_SPAN`].
    #[error("the token was given up for another: the session ends, for somebody else may have it")]
    Reused,
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
    /// Tokens that sessions gave up, and when.
    by_former: HashMap<[u8; 32], (SessionId, Millis)>,
    /// The same by session, the oldest first.
    given_up: HashMap<SessionId, VecDeque<[u8; 32]>>,
    stations: BTreeMap<UserId, StationRecord>,
    by_station: HashMap<[u8; 32], UserId>,
    /// Patients opened in emergencies that nobody has judged yet.
    opened: BTreeMap<BreakGlassId, BreakGlass>,
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
            by_former: HashMap::new(),
            given_up: HashMap::new(),
            stations: BTreeMap::new(),
            by_station: HashMap::new(),
            opened: records.break_glass.into_iter().map(|opened| (opened.id.clone(), opened)).collect(),
            kept_activity: HashMap::new(),
        };
        records.users.into_iter().for_each(|user| directory.insert_user(user));
        let of_this_boot = |s: &SessionRecord| s.boot_id == boot_id && !s.held;
        let sessions = records.sessions.into_iter().filter(of_this_boot);
        sessions.for_each(|session| directory.insert_session(session));
        let tokens = records.device_tokens.into_iter();
        tokens.for_each(|token| directory.apply(&AccessChange::PutDeviceToken(token)));
        let keys = records.user_keys.into_iter();
        directory.keys.extend(keys.map(|key| (key.fingerprint.clone(), key)));
        records.stations.into_iter().for_each(|station| directory.insert_station(station));
        records.enrolments.into_iter().for_each(|enrolment| directory.insert_enrolment(enrolment));
        directory
    }

    fn insert_user(&mut self, user: UserRecord) {
        self.by_name.insert(user.name.to_lowercase(), user.id.clone());
        self.users.insert(user.id.clone(), user);
    }

    fn insert_session(&mut self, session: SessionRecord) {
        self.by_token.insert(session.token_hash, session.id.clone());
        if let Some((former, at)) = session.former {
            self.note_former(&session.id, former, at);
        }
        self.kept_activity.insert(session.id.clone(), session.active);
        self.sessions.insert(session.id.clone(), session);
    }

    fn drop_session(&mut self, id: &SessionId) {
        self.kept_activity.remove(id);
        if let Some(session) = self.sessions.remove(id) {
            self.by_token.remove(&session.token_hash);
            for former in self.given_up.remove(id).into_iter().flatten() {
                self.by_former.remove(&former);
            }
        }
    }

    /// Remembers a token that a session gave up.
    fn note_former(&mut self, id: &SessionId, former: [u8; 32], at: Millis) {
        self.by_former.insert(former, (id.clone(), at));
        let own = self.given_up.entry(id.clone()).or_default();
        own.push_back(former);
        if own.len() > FORMER_TOKENS_KEPT {
            own.pop_front().and_then(|oldest| self.by_former.remove(&oldest));
        }
    }

    fn insert_station(&mut self, station: StationRecord) {
        self.drop_station(&station.id.clone());
        self.by_station.insert(station.token_hash, station.id.clone());
        self.stations.insert(station.id.clone(), station);
    }

    fn drop_station(&mut self, id: &UserId) {
        if let Some(station) = self.stations.remove(id) {
            self.by_station.remove(&station.token_hash);
        }
    }

    fn rotate_session(&mut self, id: &SessionId, token_hash: [u8; 32], at: Millis) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let given_up = std::mem::replace(&mut session.token_hash, token_hash);
        session.former = Some((given_up, at));
        session.proven = session.proven.max(at);
        self.by_token.remove(&given_up);
        self.by_token.insert(token_hash, id.clone());
        self.note_former(id, given_up, at);
        self.change_session(id, at, |_| {});
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
            AccessChange::SetCoverage { user, coverage } => {
                self.change_user(user, |u| u.coverage.clone_from(coverage));
            }
            AccessChange::SetRole { user, role } => self.change_user(user, |u| u.role = *role),
            AccessChange::SetFactor { user, factor } => self.change_user(user, |u| u.factor.clone_from(factor)),
            AccessChange::SpendStep { user, step } => self.change_user(user, |u| {
                if let Some(factor) = &mut u.factor {
                    factor.spend_step(*step);
                }
            }),
            AccessChange::SpendRecovery { user, code_hash } => self.change_user(user, |u| {
                if let Some(factor) = &mut u.factor {
                    factor.spend_recovery(code_hash);
                }
            }),
            AccessChange::SetPhc { user, phc, given_at } => self.change_user(user, |u| {
                u.phc.clone_from(phc);
                u.given_at = *given_at;
            }),
            AccessChange::Rehash { user, old, new } => self.change_user(user, |u| {
                if u.phc == *old {
                    u.phc.clone_from(new);
                }
            }),
            AccessChange::BeginSession { session, proven, factor } => {
                let judged =
                    |u: &UserRecord| session.held || u.factor.as_ref().map(|f| &f.sealed_seed) == factor.as_ref();
                if self.users.get(&session.user).is_some_and(|u| u.enabled && u.phc == *proven && judged(u)) {
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
            AccessChange::RotateSession { session, token_hash, at } => self.rotate_session(session, *token_hash, *at),
            AccessChange::PutStation(station) => self.insert_station(station.clone()),
            AccessChange::DropStation(id) => self.drop_station(id),
            AccessChange::PutBreakGlass(opened) => {
                if opened.review.is_some() {
                    self.opened.remove(&opened.id);
                } else {
                    self.opened.insert(opened.id.clone(), opened.clone());
                }
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
        if self.user_by_name(name).is_some() || self.station_by_name(name).is_some() {
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
        if TokenKind::of(token.expose()).is_some_and(|(kind, _)| kind == TokenKind::Station) {
            return self.station_session(token, now);
        }
        self.check_kind(token.expose(), TokenKind::Session)?;
        let hash = hash_token(token.expose());
        if let Some(id) = self.by_token.get(&hash) {
            return self.session_by_id(id, now).ok_or(UnknownToken::Unknown);
        }
        let (id, since) = self.by_former.get(&hash).ok_or(UnknownToken::Unknown)?;
        let session = self.session_by_id(id, now).ok_or(UnknownToken::Unknown)?;
        if now - *since < FORMER_TOKEN_SPAN { Ok(session) } else { Err(UnknownToken::Reused) }
    }

    /// The session to which a token belonged that was given up too long ago to be good.
    #[must_use]
    pub fn session_of_reused(&self, token: &Secret, now: Millis) -> Option<Session> {
        let (id, _) = self.by_former.get(&hash_token(token.expose()))?;
        self.session_by_id(id, now)
    }

    /// A display has no person, so it has nothing that could be idle: its session is always as if it had just begun.
    fn station_session(&self, token: &Secret, now: Millis) -> Result<Session, UnknownToken> {
        self.check_kind(token.expose(), TokenKind::Station)?;
        let id = self.by_station.get(&hash_token(token.expose())).ok_or(UnknownToken::Unknown)?;
        let station = self.stations.get(id).filter(|s| s.mode == self.mode).ok_or(UnknownToken::Unknown)?;
        let record = SessionRecord {
            id: SessionId::from_name(id.as_str()),
            token_hash: station.token_hash,
            user: id.clone(),
            boot_id: String::new(),
            began: now,
            active: now,
            locked: false,
            proven: now,
            former: None,
            held: false,
            key: None,
        };
        let user = UserRecord {
            id: id.clone(),
            name: station.name.clone(),
            role: Role::Station,
            phc: String::new(),
            given_at: None,
            enabled: true,
            failures: 0,
            coverage: Coverage::of(vec![station.ward.clone()]),
            factor: None,
        };
        Ok(Session { record, user, standing: SessionStanding::Active, fresh: false })
    }

    /// A display by its name, without regard to case.
    #[must_use]
    pub fn station_by_name(&self, name: &str) -> Option<&StationRecord> {
        self.stations.values().find(|station| station.name.eq_ignore_ascii_case(name))
    }

    /// All displays, by identifier.
    pub fn stations(&self) -> impl Iterator<Item = &StationRecord> {
        self.stations.values()
    }

    /// Patients opened in emergencies that nobody has judged yet.
    pub fn opened(&self) -> impl Iterator<Item = &BreakGlass> {
        self.opened.values()
    }

    /// The emergency in which a session has a patient of a ward open at `now`.
    #[must_use]
    pub fn opened_by(
        &self,
        session: &SessionId,
        ward: &WardId,
        patient: &PatientId,
        now: Timestamp,
    ) -> Option<&BreakGlass> {
        let mut own = self.opened.values().filter(|o| o.session == *session && o.is_open(now));
        own.find(|o| o.ward == *ward && o.patient == *patient)
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
        let fresh = now - record.proven < PROOF_FRESH_SPAN;
        Some(Session { record: record.clone(), user: user.clone(), standing, fresh })
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
mod tests;
