//! Enrolment: a person makes a code for a device, whoever sets the device up exchanges it for a token, once.

use super::{app::App, pipeline::JobError};
use crate::{
    access::{LoginGate, RefusedTry, Secret, TokenKind, hash_code, new_code, new_token},
    audit::{Act, LeafActor, LeafDraft, Outcome},
    domain::{Actor, DeviceId, Millis, Timestamp},
    store::{AccessChange, DeviceTokenRecord, EnrolmentRecord},
};
use std::{
    net::IpAddr,
    sync::{MutexGuard, PoisonError},
};

/// Shortest time for which a code is good.
pub const CODE_VALID_MIN: Millis = Millis::from_mins(1);
/// Longest time for which a code is good.
pub const CODE_VALID_MAX: Millis = Millis::from_mins(7 * 24 * 60);

/// Why a code gives no token.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// Nobody has it, it was used, or it is too old; it is not said which.
    #[error("the code is not valid: it may be mistyped, used or too old; ask for a new one (`wardwatch device enrol`)")]
    NotValid,
    /// Too many tries, from one address or in all.
    #[error("too many tries: try again in {0} s")]
    TooMany(i64),
    /// It could not be recorded.
    #[error(transparent)]
    Job(#[from] JobError),
    /// Something failed.
    #[error("the enrolment failed: {0}")]
    Failed(String),
}

/// A new code.
#[derive(Debug)]
pub struct NewCode {
    /// The code; it is shown this once.
    pub code: Secret,
    /// Until when it is good, in engine time.
    pub expires_at: Timestamp,
}

/// A device that was enrolled.
#[derive(Debug)]
pub struct Enrolled {
    /// Which device.
    pub device: DeviceId,
    /// Its token; it is shown this once.
    pub token: Secret,
}

/// What a code is good for now, or why it is good for nothing.
fn judge(found: Option<&EnrolmentRecord>, now: Timestamp) -> Result<&EnrolmentRecord, &'static str> {
    match found {
        None => Err("unknown"),
        Some(record) if record.used => Err("used"),
        Some(record) if record.expires_at <= now => Err("expired"),
        Some(record) => Ok(record),
    }
}

impl App {
    fn enrol_gate(&self) -> MutexGuard<'_, LoginGate> {
        self.enrol_gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a code for a device that there is, in the place of an older one.
    ///
    /// # Errors
    /// If it could not be recorded.
    pub async fn make_code(
        &self,
        by: &Actor,
        device: &DeviceId,
        valid: Millis,
        replace: bool,
    ) -> Result<NewCode, EnrolError> {
        let failed = |e: &dyn std::fmt::Display| EnrolError::Failed(e.to_string());
        let (code, code_hash) = new_code(self.entropy.as_ref()).map_err(|e| failed(&e))?;
        let expires_at = self.engine_clock.now() + valid.max(CODE_VALID_MIN).min(CODE_VALID_MAX);
        let mode = self.hub.mode();
        let record = EnrolmentRecord { device: device.clone(), code_hash, mode, expires_at, replace, used: false };
        let leaf = LeafDraft {
            device: Some(device.clone()),
            code: replace.then_some("replace"),
            ..LeafDraft::new(LeafActor::from(by), Act::DeviceEnrolCode, Outcome::Success)
        };
        // A code that is being exchanged at this moment stays used.
        let _one_at_a_time = self.enrolments.lock().await;
        self.record(vec![leaf], vec![AccessChange::PutEnrolment(record)]).await?;
        Ok(NewCode { code, expires_at })
    }

    /// Exchanges a code for a token, once.
    ///
    /// # Errors
    /// If the code is not valid, there were too many tries, or it could not be recorded.
    pub async fn enrol(&self, typed: &Secret, from: IpAddr) -> Result<Enrolled, EnrolError> {
        let admitted = self.enrol_gate().admit(from, self.clock.boot());
        if let Err(seconds) = admitted {
            self.note_refused(RefusedTry::Enrolment).await?;
            return Err(EnrolError::TooMany(seconds));
        }
        let (mode, now) = (self.hub.mode(), self.engine_clock.now());
        // The same work for every code, good or not: a token, a look-up, an entry of the audit trail.
        let made = new_token(TokenKind::Device, mode, self.entropy.as_ref());
        let (token, token_hash) = made.map_err(|e| EnrolError::Failed(e.to_string()))?;
        // Two who send the same code at once: one of them finds it used.
        let _one_at_a_time = self.enrolments.lock().await;
        let found = self.hub.directory().enrolment(&hash_code(typed.expose())).cloned();
        match judge(found.as_ref(), now) {
            Err(why) => {
                self.refused_code(found.map(|record| record.device), why).await?;
                Err(EnrolError::NotValid)
            }
            Ok(record) => {
                let device = record.device.clone();
                let leaf = LeafDraft {
                    device: Some(device.clone()),
                    code: record.replace.then_some("replace"),
                    ..LeafDraft::new(LeafActor::Device { device: device.clone() }, Act::DeviceEnrol, Outcome::Success)
                };
                let former = record.replace.then(|| AccessChange::DropDeviceTokens(device.clone()));
                let token_record = DeviceTokenRecord { token_hash, device: device.clone(), mode, made_at: now };
                let own = [
                    AccessChange::PutDeviceToken(token_record),
                    AccessChange::PutEnrolment(EnrolmentRecord { used: true, ..record.clone() }),
                ];
                self.record(vec![leaf], former.into_iter().chain(own).collect()).await?;
                Ok(Enrolled { device, token })
            }
        }
    }

    /// Notes a code that was not taken. What anybody may cause leaves an entry each only so often; the rest are counted.
    async fn refused_code(&self, device: Option<DeviceId>, why: &'static str) -> Result<(), JobError> {
        let own_leaf = self.enrol_gate().unknown_name(self.clock.boot());
        if !own_leaf {
            return self.note_refused(RefusedTry::Enrolment).await;
        }
        let leaf = LeafDraft {
            device,
            code: Some(why),
            ..LeafDraft::new(LeafActor::Unknown, Act::DeviceEnrol, Outcome::Refused)
        };
        self.record(vec![leaf], Vec::new()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Mode;

    #[test]
    fn a_code_is_good_once_and_until_its_time() {
        let at = Timestamp::from_ms;
        let record = |used| EnrolmentRecord {
            device: "d1".parse().unwrap(),
            code_hash: [0; 32],
            mode: Mode::Live,
            expires_at: at(1_000),
            replace: false,
            used,
        };
        assert!(judge(Some(&record(false)), at(999)).is_ok());
        assert_eq!(judge(Some(&record(false)), at(1_000)), Err("expired"));
        assert_eq!(judge(Some(&record(true)), at(0)), Err("used"));
        assert_eq!(judge(None, at(0)), Err("unknown"));
    }
}
