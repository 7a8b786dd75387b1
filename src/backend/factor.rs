//! The second factor: enrolled by a person in a session, proven at login and step-up, taken away by the person or an
//! administrator.

use super::{
    app::App,
    login::{LoginError, ended, leaf_of},
    pipeline::{CLOCK_STEP_MIN, JobError},
};
use crate::{
    access::{
        Secret, Session, needs_a_factor,
        totp::{self, Seed},
    },
    audit::{Act, LeafActor, LeafDraft, Outcome},
    domain::{Millis, SessionId},
    store::{AccessChange, FactorRecord, UserRecord},
};
use std::{
    collections::HashMap,
    sync::{MutexGuard, PoisonError},
};

/// How long a new seed waits for its first code.
const PENDING_SPAN: Millis = Millis::from_mins(10);
/// Most seeds that wait at once.
const PENDING_MAX: usize = 1_000;

/// A seed that waits for its first code.
pub struct Pending {
    seed: Seed,
    recovery: Vec<Secret>,
    at: Millis,
}

/// Seeds that wait for their first code, by session.
pub type PendingFactors = HashMap<SessionId, Pending>;

/// What is shown once, so that an authenticator can be set up.
#[derive(Debug)]
pub struct NewFactor {
    /// The address that an authenticator reads from a picture.
    pub uri: Secret,
    /// The seed, to be typed where there is no camera; base32.
    pub seed: Secret,
    /// Codes for the day when the authenticator is lost.
    pub recovery: Vec<Secret>,
}

/// Why a factor is not changed.
#[derive(Debug, thiserror::Error)]
pub enum FactorError {
    /// There is none, or nothing waits.
    #[error("there is no second factor, or none that waits for its code")]
    None,
    /// There is one already.
    #[error("there is a second factor already: remove it first")]
    Present,
    /// The code does not fit.
    #[error("the code is wrong: it is the six digits that the authenticator shows now")]
    Wrong,
    /// The passphrase cannot stand alone.
    #[error("your passphrase is too short to stand alone: get one of at least 15 characters first")]
    ShortPassphrase,
    /// The passphrase of somebody else cannot stand alone.
    #[error(
        "the passphrase of {0} is too short to stand alone: give another of at least 15 characters first (`wardwatch user passphrase {0}`)"
    )]
    TheirShortPassphrase(String),
    /// Too much waits.
    #[error("too many are being set up: try again in a moment")]
    Busy,
    /// The server's clock cannot be trusted.
    #[error("the server's clock was moved: its administrator has to look after it")]
    Clock,
    /// It could not be recorded.
    #[error(transparent)]
    Job(#[from] JobError),
    /// Something failed.
    #[error("it failed: {0}")]
    Failed(String),
}

impl App {
    fn pending(&self) -> MutexGuard<'_, PendingFactors> {
        self.pending_factors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether codes can be judged: not while the wall clock is apart from the time that has passed.
    fn clock_is_steady(&self) -> bool {
        self.engine_clock.wall_offset().0.abs() <= CLOCK_STEP_MIN.0.max(1_000 * totp::STEP_S)
    }

    fn factor_leaf(session: &Session, code: &'static str, outcome: Outcome) -> LeafDraft {
        let leaf = LeafDraft::new(LeafActor::from(&session.actor()), Act::UserFactor, outcome);
        LeafDraft { code: Some(code), user: Some(session.user.id.clone()), ..leaf }
    }

    /// Makes a seed and recovery codes; they are in force once a code of the authenticator was given.
    ///
    /// # Errors
    /// If there is a factor already, or too many are being set up.
    pub fn begin_factor(&self, session: &Session) -> Result<NewFactor, FactorError> {
        if session.user.factor.is_some() {
            return Err(FactorError::Present);
        }
        let failed = |e: crate::seam::EntropyError| FactorError::Failed(e.to_string());
        let seed = totp::new_seed(self.entropy.as_ref()).map_err(failed)?;
        let recovery = totp::new_recovery_codes(self.entropy.as_ref()).map_err(failed)?;
        let shown = NewFactor {
            uri: totp::uri(&self.site, &session.user.name, &seed),
            seed: Secret::new(totp::base32(&seed)),
            recovery: recovery.clone(),
        };
        let now = self.clock.boot();
        let mut pending = self.pending();
        pending.retain(|_, waits| now - waits.at < PENDING_SPAN);
        if pending.len() >= PENDING_MAX {
            return Err(FactorError::Busy);
        }
        pending.insert(session.record.id.clone(), Pending { seed, recovery, at: now });
        Ok(shown)
    }

    /// Puts a seed into force by the first code of its authenticator.
    ///
    /// # Errors
    /// If none waits, the code does not fit, or it could not be recorded.
    pub async fn confirm_factor(&self, session: &Session, code: &Secret) -> Result<(), FactorError> {
        if !self.clock_is_steady() {
            return Err(FactorError::Clock);
        }
        let record = {
            let now = self.clock.boot();
            let mut pending = self.pending();
            let waits = pending.get(&session.record.id).filter(|w| now - w.at < PENDING_SPAN);
            let waits = waits.ok_or(FactorError::None)?;
            let step = totp::step_if_good(&waits.seed, code.expose(), self.engine_clock.now(), 0);
            let last_step = step.ok_or(FactorError::Wrong)?;
            let owner = session.user.id.as_str();
            let sealed = self.pepper.seal(&waits.seed, owner, self.entropy.as_ref());
            let sealed_seed = sealed.map_err(|e| FactorError::Failed(e.to_string()))?;
            let recovery = waits.recovery.iter().map(|code| totp::recovery_hash(code.expose())).collect();
            pending.remove(&session.record.id);
            FactorRecord { sealed_seed, last_step, recovery }
        };
        let change = AccessChange::SetFactor { user: session.user.id.clone(), factor: Some(record) };
        Ok(self.record(vec![Self::factor_leaf(session, "added", Outcome::Success)], vec![change]).await?)
    }

    /// Takes one's own factor away.
    ///
    /// # Errors
    /// If there is none, the passphrase cannot stand alone, or it could not be recorded.
    pub async fn remove_factor(&self, session: &Session) -> Result<(), FactorError> {
        if session.user.factor.is_none() {
            return Err(FactorError::None);
        }
        if needs_a_factor(&session.user.phc) {
            return Err(FactorError::ShortPassphrase);
        }
        let change = AccessChange::SetFactor { user: session.user.id.clone(), factor: None };
        Ok(self.record(vec![Self::factor_leaf(session, "removed", Outcome::Success)], vec![change]).await?)
    }

    /// Whether a user's factor can be taken away.
    ///
    /// # Errors
    /// If there is none, or the passphrase cannot stand alone.
    pub fn check_reset(&self, user: &UserRecord) -> Result<(), FactorError> {
        match &user.factor {
            None => Err(FactorError::None),
            Some(_) if needs_a_factor(&user.phc) => Err(FactorError::TheirShortPassphrase(user.name.clone())),
            Some(_) => Ok(()),
        }
    }

    /// Takes a user's factor away, with an entry that says who does; sessions end. The authenticator is lost, or somebody
    /// else has it.
    ///
    /// # Errors
    /// If there is none, the passphrase cannot stand alone, or it could not be recorded.
    pub async fn reset_factor(&self, leaf: LeafDraft, user: &UserRecord) -> Result<(), FactorError> {
        self.check_reset(user)?;
        let leaf = LeafDraft { code: Some("reset"), user: Some(user.id.clone()), ..leaf };
        let (mut leaves, ending) = self.end_sessions(&leaf, user, "factor_reset");
        leaves.insert(0, leaf);
        let change = AccessChange::SetFactor { user: user.id.clone(), factor: None };
        Ok(self.record(leaves, vec![change, ending]).await?)
    }

    /// Judges a code of a user's authenticator, or a recovery code, and spends it. A code is spent when that is durable.
    ///
    /// # Errors
    /// If it does not fit or was used, the clock cannot be trusted, or it could not be recorded.
    pub(super) async fn spend_code(&self, user: &UserRecord, code: &Secret) -> Result<(), LoginError> {
        // Two who give one code at once get in once.
        let _one_at_a_time = self.codes.lock().await;
        let present = self.hub.directory().user(&user.id).and_then(|u| u.factor.clone()).ok_or(LoginError::Wrong)?;
        let id = user.id.clone();
        let change = if totp::looks_like_code(code.expose()) {
            if !self.clock_is_steady() {
                return Err(LoginError::Clock);
            }
            let seed = self.pepper.open(&present.sealed_seed, user.id.as_str());
            let seed = seed.map_err(|e| LoginError::Failed(e.to_string()))?;
            let now = self.engine_clock.now();
            let step = totp::step_if_good(&seed, code.expose(), now, present.last_step).ok_or(LoginError::Wrong)?;
            (AccessChange::SpendStep { user: id, step }, None)
        } else {
            let code_hash = totp::recovery_hash(code.expose());
            if !present.recovery.contains(&code_hash) {
                return Err(LoginError::Wrong);
            }
            let leaf = leaf_of(Some(user), None, Act::UserFactor, Outcome::Success);
            let leaf = LeafDraft { code: Some("recovery_used"), user: Some(id.clone()), ..leaf };
            (AccessChange::SpendRecovery { user: id, code_hash }, Some(leaf))
        };
        self.record(change.1.into_iter().collect(), vec![change.0]).await?;
        Ok(())
    }

    /// Proves a factor again in a session: the code of the authenticator where there is one, else the passphrase. Gives
    /// the token that takes the place of the session's present one.
    ///
    /// # Errors
    /// As for an unlock.
    pub async fn step_up(
        &self,
        session: &Session,
        passphrase: Option<Secret>,
        code: Option<Secret>,
    ) -> Result<Secret, LoginError> {
        self.prove(session, passphrase, code, Act::SessionStepUp).await?;
        let failed = |e: crate::seam::EntropyError| LoginError::Failed(e.to_string());
        let (token, token_hash) =
            crate::access::new_token(crate::access::TokenKind::Session, self.hub.mode(), self.entropy.as_ref())
                .map_err(failed)?;
        let id = session.record.id.clone();
        let leaf = leaf_of(Some(&session.user), Some(id.clone()), Act::SessionStepUp, Outcome::Success);
        let change = AccessChange::RotateSession { session: id.clone(), token_hash, at: self.clock.boot() };
        self.record(vec![leaf], vec![change]).await?;
        // It may have ended while the proof was looked at.
        self.hub.directory().session_by_id(&id, self.clock.boot()).ok_or(LoginError::Over)?;
        Ok(token)
    }

    /// Looks at a proof in a session. Wrong ones are counted for the session, which they end.
    pub(super) async fn prove(
        &self,
        session: &Session,
        passphrase: Option<Secret>,
        code: Option<Secret>,
        act: Act,
    ) -> Result<(), LoginError> {
        let id = session.record.id.clone();
        let present = self.hub.directory().session_by_id(&id, self.clock.boot());
        let Session { user, .. } = present.ok_or(LoginError::Over)?;
        self.check_unlock_wait(&id).await?;
        let proven = match (user.factor.is_some() && act == Act::SessionStepUp, passphrase, code) {
            (true, _, Some(code)) => self.spend_code(&user, &code).await,
            (true, _, None) => return Err(LoginError::CodeWanted),
            (false, Some(passphrase), _) => self.check_fits(&user, passphrase).await,
            (false, None, _) => Err(LoginError::Wrong),
        };
        match proven {
            Ok(()) => {
                self.unlocks().succeeded(id.as_str(), None);
                Ok(())
            }
            Err(LoginError::Wrong) => {
                let leaf = leaf_of(Some(&user), Some(id.clone()), act, Outcome::Refused);
                let leaf = LeafDraft { code: Some("wrong"), ..leaf };
                if !self.is_last_unlock_try(&id) {
                    self.record(vec![leaf], Vec::new()).await?;
                    return Err(LoginError::Wrong);
                }
                let leaves = vec![leaf, ended(&user, &id, "unlock_tries")];
                self.record(leaves, vec![AccessChange::DropSession(id)]).await?;
                Err(LoginError::Over)
            }
            Err(other) => Err(other),
        }
    }
}
