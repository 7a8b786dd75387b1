//! Passphrases: argon2id, kept as PHC strings with their parameters.

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Fewest characters of a passphrase that is the only factor (NIST SP 800-63B-4, 3.1.1.2).
pub const PASSPHRASE_MIN_CHARS: usize = 15;
/// Most characters of a passphrase.
pub const PASSPHRASE_MAX_CHARS: usize = 128;
/// Most logins that wait for a hash; further ones are told to come back.
pub const HASH_QUEUE_MAX: usize = 32;

/// Why a passphrase cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseFault {
    /// Too short.
    #[error(
        "the passphrase has {0} characters; at least {PASSPHRASE_MIN_CHARS} are needed: a sentence is easy to remember"
    )]
    TooShort(usize),
    /// Too long.
    #[error("the passphrase has {0} characters; at most {PASSPHRASE_MAX_CHARS} are allowed")]
    TooLong(usize),
    /// The same few characters over and over, or the login name.
    #[error("the passphrase is too easy to guess: use a sentence of your own")]
    TooEasy,
}

/// Checks a new passphrase. There are no composition rules.
///
/// # Errors
/// If it is too short, too long, has fewer than 5 different characters, or holds little but the login name.
pub fn check_passphrase(passphrase: &str, login_name: &str) -> Result<(), PassphraseFault> {
    let chars = passphrase.chars().count();
    if chars < PASSPHRASE_MIN_CHARS {
        return Err(PassphraseFault::TooShort(chars));
    }
    if chars > PASSPHRASE_MAX_CHARS {
        return Err(PassphraseFault::TooLong(chars));
    }
    let different: std::collections::BTreeSet<char> = passphrase.chars().collect();
    let lower = passphrase.to_lowercase();
    let name = login_name.to_lowercase();
    let rest = if name.is_empty() { lower } else { lower.replace(&name, "") };
    if different.len() < 5 || rest.chars().count() < 8 {
        return Err(PassphraseFault::TooEasy);
    }
    Ok(())
}

/// Cost of argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashParams {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for HashParams {
    /// 64 MiB, 3 passes, 1 lane: about 150 ms of one core.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

/// What went wrong with a hash.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The parameters are not possible.
    #[error("argon2 parameters {0:?} are not possible: raise memory_kib, passes or lanes")]
    Params(HashParams),
    /// The hash failed.
    #[error("the passphrase could not be hashed: {0}")]
    Failed(String),
    /// Too many logins wait.
    #[error("too many logins at once: try again in a moment")]
    Busy,
}

/// The answer to a passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It fits. If the stored hash is weaker than today's parameters, a new one to store.
    Fits {
        /// The new PHC string.
        rehashed: Option<String>,
    },
    /// It does not fit, or there is no such user.
    Wrong,
}

/// Hashes passphrases, one at a time, so that a flood of logins starves nothing else.
#[derive(Debug, Clone)]
pub struct Hasher {
    params: HashParams,
    dummy: Arc<str>,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Hasher {
    /// A hasher with these parameters that runs `concurrent` hashes at once.
    ///
    /// # Errors
    /// If the parameters are not possible.
    pub fn new(params: HashParams, concurrent: usize) -> Result<Self, HashError> {
        let dummy = hash("no user has this passphrase", params)?.into();
        let running = Arc::new(Semaphore::new(concurrent.max(1)));
        Ok(Self { params, dummy, running, waiting: Arc::new(Semaphore::new(HASH_QUEUE_MAX)) })
    }

    /// Hashes a new passphrase to a PHC string. Blocks for the time of a hash; for commands, not for the server's tasks.
    ///
    /// # Errors
    /// If the hash fails.
    pub fn hash_blocking(&self, passphrase: &str) -> Result<String, HashError> {
        hash(passphrase, self.params)
    }

    /// Checks a passphrase against a stored PHC string. Without one (no such user) the same work is done for nothing.
    ///
    /// # Errors
    /// If too many wait, or a hash fails.
    pub async fn verify(&self, stored: Option<String>, passphrase: super::Secret) -> Result<Verdict, HashError> {
        let _place = self.waiting.try_acquire().map_err(|_| HashError::Busy)?;
        let _turn = self.running.acquire().await.map_err(|_| HashError::Busy)?;
        let (params, dummy) = (self.params, Arc::clone(&self.dummy));
        let task = tokio::task::spawn_blocking(move || {
            let known = stored.is_some();
            let phc = stored.unwrap_or_else(|| dummy.to_string());
            let fits = matches(&phc, passphrase.expose()) && known;
            if !fits {
                return Ok(Verdict::Wrong);
            }
            let rehashed = is_weaker(&phc, params).then(|| hash(passphrase.expose(), params)).transpose()?;
            Ok(Verdict::Fits { rehashed })
        });
        task.await.map_err(|e| HashError::Failed(e.to_string()))?
    }
}

fn argon2(params: HashParams) -> Result<Argon2<'static>, HashError> {
    let cost = Params::new(params.memory_kib, params.passes, params.lanes, None);
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.map_err(|_| HashError::Params(params))?))
}

fn hash(passphrase: &str, params: HashParams) -> Result<String, HashError> {
    let hashed = argon2(params)?.hash_password(passphrase.as_bytes());
    hashed.map(|phc| phc.to_string()).map_err(|e| HashError::Failed(e.to_string()))
}

fn matches(phc: &str, passphrase: &str) -> bool {
    PasswordHash::new(phc).is_ok_and(|parsed| Argon2::default().verify_password(passphrase.as_bytes(), &parsed).is_ok())
}

/// Whether a stored hash costs less than today's parameters, or is of another algorithm.
fn is_weaker(phc: &str, wanted: HashParams) -> bool {
    let Ok(parsed) = PasswordHash::new(phc) else { return true };
    let stored = Params::try_from(&parsed);
    parsed.algorithm.as_str() != "argon2id"
        || stored
            .map_or(true, |p| p.m_cost() < wanted.memory_kib || p.t_cost() < wanted.passes || p.p_cost() < wanted.lanes)
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;

    const CHEAP: HashParams = HashParams { memory_kib: 64, passes: 1, lanes: 1 };
    const DEARER: HashParams = HashParams { memory_kib: 128, passes: 1, lanes: 1 };

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn new_passphrases_are_checked_by_length_not_by_composition() {
        assert_eq!(check_passphrase("short", "anna"), Err(PassphraseFault::TooShort(5)));
        assert_eq!(check_passphrase(&"ab".repeat(65), "anna"), Err(PassphraseFault::TooLong(130)));
        assert_eq!(check_passphrase("aaaaaaaaaaaaaaaa", "anna"), Err(PassphraseFault::TooEasy));
        assert_eq!(check_passphrase("Anna.MeyerAnna.Meyer1", "anna.meyer"), Err(PassphraseFault::TooEasy));
        assert_eq!(check_passphrase("correct horse battery", "anna"), Ok(()));
        assert_eq!(check_passphrase(&"🐴🔋📎🐎🧲".repeat(3), "anna"), Ok(()), "characters count, not bytes");
    }

    #[tokio::test]
    async fn a_passphrase_fits_its_own_hash_alone_and_in_full() {
        let hasher = Hasher::new(CHEAP, 1).unwrap();
        let long = format!("{}x", "correct horse battery ".repeat(5));
        let phc = hasher.hash_blocking(&long).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{phc}");
        let fits = hasher.verify(Some(phc.clone()), secret(&long)).await.unwrap();
        assert_eq!(fits, Verdict::Fits { rehashed: None });
        let cut = &long[..long.len() - 1];
        assert_eq!(hasher.verify(Some(phc), secret(cut)).await.unwrap(), Verdict::Wrong);
        assert_eq!(hasher.verify(None, secret("no user has this passphrase")).await.unwrap(), Verdict::Wrong);
        assert_eq!(hasher.verify(Some("garbage".into()), secret(&long)).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn raised_parameters_rehash_at_the_next_login() {
        let phc = Hasher::new(CHEAP, 1).unwrap().hash_blocking("correct horse battery").unwrap();
        let verdict = Hasher::new(DEARER, 1).unwrap().verify(Some(phc), secret("correct horse battery")).await.unwrap();
        let Verdict::Fits { rehashed: Some(new) } = verdict else { panic!("{verdict:?}") };
        assert!(new.contains("m=128"));
        let again = Hasher::new(DEARER, 1).unwrap().verify(Some(new), secret("correct horse battery")).await.unwrap();
        assert_eq!(again, Verdict::Fits { rehashed: None });
    }

    #[tokio::test]
    async fn a_flood_of_logins_is_told_to_come_back() {
        let hasher = Hasher::new(HashParams { memory_kib: 8 * 1024, passes: 1, lanes: 1 }, 1).unwrap();
        let tasks: Vec<_> = (0..HASH_QUEUE_MAX * 2)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hasher.verify(None, secret("guess")).await })
            })
            .collect();
        let mut busy = 0;
        for task in tasks {
            busy += usize::from(matches!(task.await.unwrap(), Err(HashError::Busy)));
        }
        assert!(busy > 0 && busy <= HASH_QUEUE_MAX, "{busy}");
    }

    #[test]
    fn impossible_parameters_are_refused() {
        assert!(Hasher::new(HashParams { memory_kib: 1, passes: 0, lanes: 0 }, 1).is_err());
    }
}
