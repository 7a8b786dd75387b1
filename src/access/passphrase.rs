//! Passphrases: argon2id over a keyed hash, kept as PHC strings with their parameters.

use super::{Pepper, Secret, common};
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use icu_normalizer::ComposingNormalizerBorrowed;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Fewest characters of a passphrase that is the only factor (NIST SP 800-63B-4, 3.1.1.2).
pub const PASSPHRASE_MIN_CHARS: usize = 15;
/// Fewest characters of a passphrase beside which there is a second factor.
pub const PASSPHRASE_MIN_CHARS_WITH_FACTOR: usize = 8;
/// Most characters of a passphrase.
pub const PASSPHRASE_MAX_CHARS: usize = 128;
/// Most logins that wait for a hash; further ones are told to come back.
pub const HASH_QUEUE_MAX: usize = 32;

/// Why a passphrase cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseFault {
    /// Too short.
    #[error("the passphrase has {0} characters; at least {1} are needed: a sentence is easy to remember")]
    TooShort(usize, usize),
    /// Too long.
    #[error("the passphrase has {0} characters; at most {PASSPHRASE_MAX_CHARS} are allowed")]
    TooLong(usize),
    /// The same few characters over and over, or the login name.
    #[error("the passphrase is too easy to guess: use a sentence of your own")]
    TooEasy,
    /// Among what is tried first.
    #[error("the passphrase is too easy to guess: it is made of words that everybody tries first")]
    Common,
    /// Found by fewer guesses than it has to withstand.
    #[error(
        "the passphrase is too easy to guess: it is made of common passwords, words, names, dates or repetitions; use a \
         sentence of your own"
    )]
    Guessed,
}

/// A passphrase as it is compared: however its accents were typed, it is the same (Unicode NFC).
pub(super) fn composed(passphrase: &str) -> Secret {
    Secret::new(ComposingNormalizerBorrowed::new_nfc().normalize(passphrase).into_owned())
}

/// Checks a new passphrase, beside which there is a second factor or not. There are no composition rules.
///
/// # Errors
/// If it is too short, too long, has fewer than 5 different characters, holds little but the login name, is made of common
/// words alone, or is found by fewer guesses than [`GUESSES_MIN`], or [`GUESSES_MIN_WITH_FACTOR`] beside a second factor.
///
/// [`GUESSES_MIN`]: super::GUESSES_MIN
/// [`GUESSES_MIN_WITH_FACTOR`]: super::GUESSES_MIN_WITH_FACTOR
pub fn check_passphrase(passphrase: &str, login_name: &str, has_factor: bool) -> Result<(), PassphraseFault> {
    let passphrase = composed(passphrase);
    let passphrase = passphrase.expose();
    let chars = passphrase.chars().count();
    let min = if has_factor { PASSPHRASE_MIN_CHARS_WITH_FACTOR } else { PASSPHRASE_MIN_CHARS };
    if chars < min {
        return Err(PassphraseFault::TooShort(chars, min));
    }
    if chars > PASSPHRASE_MAX_CHARS {
        return Err(PassphraseFault::TooLong(chars));
    }
    let different: std::collections::BTreeSet<char> = passphrase.chars().collect();
    let lower = passphrase.to_lowercase();
    let name = login_name.to_lowercase();
    let rest = if name.is_empty() { lower } else { lower.replace(&name, "") };
    // Beside a second factor the name may be the greater part of what is left over.
    if different.len() < 5 || rest.chars().count() < min.div_ceil(2) {
        return Err(PassphraseFault::TooEasy);
    }
    let parts: Vec<&str> = login_name.split(['.', '-', '_']).chain([login_name]).collect();
    if common::is_common(passphrase, &parts) {
        return Err(PassphraseFault::Common);
    }
    let min = if has_factor { common::GUESSES_MIN_WITH_FACTOR } else { common::GUESSES_MIN };
    if common::guesses(passphrase, &parts) < min { Err(PassphraseFault::Guessed) } else { Ok(()) }
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
    pepper: Option<Pepper>,
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
        Ok(Self { params, pepper: None, dummy, running, waiting: Arc::new(Semaphore::new(HASH_QUEUE_MAX)) })
    }

    /// Hashes under a key that does not lie in the database. Hashes without it are still taken, and made anew.
    #[must_use]
    pub fn with_pepper(self, pepper: Pepper) -> Self {
        Self { pepper: Some(pepper), ..self }
    }

    /// Hashes a new passphrase to what is stored of it: a PHC string, and before it how it was made. Blocks for the time of a hash; for commands, not for the server's tasks.
    ///
    /// # Errors
    /// If the hash fails.
    pub fn hash_blocking(&self, passphrase: &str) -> Result<String, HashError> {
        let passphrase = composed(passphrase);
        let is_short = passphrase.expose().chars().count() < PASSPHRASE_MIN_CHARS;
        self.stored(passphrase.expose(), is_short)
    }

    /// Hashes a composed passphrase under today's key and parameters.
    fn stored(&self, passphrase: &str, is_short: bool) -> Result<String, HashError> {
        let form = Form { is_short, is_peppered: self.pepper.is_some() };
        let phc = match &self.pepper {
            Some(pepper) => hash(pepper.season(passphrase).expose(), self.params)?,
            None => hash(passphrase, self.params)?,
        };
        Ok(format!("{}{phc}", form.prefix()))
    }

    /// Whether a composed passphrase fits what is stored, and what to store in its place if that is weaker than today's.
    fn check(&self, stored: &str, passphrase: &str) -> Result<Verdict, HashError> {
        let (form, phc) = Form::of(stored);
        let fits = match &self.pepper {
            Some(pepper) if form.is_peppered => matches(phc, pepper.season(passphrase).expose()),
            // The key is gone: nobody gets in by it.
            None if form.is_peppered => false,
            _ => matches(phc, passphrase),
        };
        if !fits {
            return Ok(Verdict::Wrong);
        }
        let is_old = is_weaker(phc, self.params) || form.is_peppered != self.pepper.is_some();
        let rehashed = is_old.then(|| self.stored(passphrase, form.is_short)).transpose()?;
        Ok(Verdict::Fits { rehashed })
    }

    /// Checks a passphrase against what is stored of it. Without one (no such user) the same work is done for nothing.
    ///
    /// # Errors
    /// If too many wait, or a hash fails.
    pub async fn verify(&self, stored: Option<String>, passphrase: Secret) -> Result<Verdict, HashError> {
        let _place = self.waiting.try_acquire().map_err(|_| HashError::Busy)?;
        let _turn = self.running.acquire().await.map_err(|_| HashError::Busy)?;
        let hasher = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let passphrase = composed(passphrase.expose());
            match stored {
                Some(stored) => hasher.check(&stored, passphrase.expose()),
                None => {
                    // The same work for nothing, with the same answer.
                    matches(&hasher.dummy, passphrase.expose());
                    Ok(Verdict::Wrong)
                }
            }
        });
        task.await.map_err(|e| HashError::Failed(e.to_string()))?
    }
}

/// How what is stored was made; it stands before the PHC string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    /// The passphrase is too short to stand alone.
    is_short: bool,
    /// A keyed hash was hashed.
    is_peppered: bool,
}

impl Form {
    const fn prefix(self) -> &'static str {
        match (self.is_peppered, self.is_short) {
            (true, false) => "p:",
            (true, true) => "ps:",
            (false, true) => "s:",
            (false, false) => "",
        }
    }

    fn of(stored: &str) -> (Self, &str) {
        let (prefix, phc) = stored.split_once(':').unwrap_or(("", stored));
        (Self { is_short: prefix.contains('s'), is_peppered: prefix.contains('p') }, phc)
    }
}

/// Whether a stored passphrase is too short to stand without a second factor.
#[must_use]
pub fn needs_a_factor(stored: &str) -> bool {
    Form::of(stored).0.is_short
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
    use super::*;

    const CHEAP: HashParams = HashParams { memory_kib: 64, passes: 1, lanes: 1 };
    const DEARER: HashParams = HashParams { memory_kib: 128, passes: 1, lanes: 1 };

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn p01_new_passphrases_are_checked_by_length_not_by_composition() {
        let alone = |passphrase: &str| check_passphrase(passphrase, "anna", false);
        assert_eq!(alone("short"), Err(PassphraseFault::TooShort(5, 15)));
        assert_eq!(alone(&"ab".repeat(65)), Err(PassphraseFault::TooLong(130)));
        assert_eq!(alone("aaaaaaaaaaaaaaaa"), Err(PassphraseFault::TooEasy));
        let named = check_passphrase("Anna.MeyerAnna.Meyer1", "anna.meyer", false);
        assert_eq!(named, Err(PassphraseFault::TooEasy));
        assert_eq!(alone("correct horse battery"), Ok(()));
        assert_eq!(alone("🐴🔋📎🐎🧲🎈🌵🍋🚲🪁🧭🦑🪵🥁🏺"), Ok(()), "characters count, not bytes");
        assert_eq!(alone("hospital nurse summer 2026"), Err(PassphraseFault::Common));
        let of = |chars: usize, factor| {
            let text: String = "vqmrztkelbwxjfhdpgn".chars().cycle().take(chars).collect();
            check_passphrase(&text, "anna", factor).is_ok()
        };
        assert_eq!([14, 15, 64, 128, 129].map(|n| of(n, false)), [false, true, true, true, false]);
        assert_eq!([7, 8, 128, 129].map(|n| of(n, true)), [false, true, true, false]);
    }

    #[test]
    fn p03_what_is_listed_or_found_by_few_guesses_is_refused_with_the_reason() {
        let alone = |passphrase: &str| check_passphrase(passphrase, "anna.meyer", false);
        for listed in [
            "zqjphsyf6ctifgu",
            "nemvxyheqdd5oqxyxyzi",
            "Nemvxyheqdd5oqxyxyzi1",
            "ManchesterUnited",
            "m@nchesterunit3d",
            "internationalization",
            "qazwsxedcrfvtgb",
            "letmeinletmein99",
            "jessicathompson1987",
            "a1!b2a1!b2a1!b2a1!b2",
            "anna.meyer.1987-03-21",
        ] {
            let fault = alone(listed).unwrap_err();
            assert!(fault.to_string().contains("too easy to guess"), "{listed}: {fault:?}");
        }
        assert_eq!(alone("manchesterunited"), Err(PassphraseFault::Guessed));
        for own in [
            "seven geese crossed the frozen canal",
            "correct horse battery staple",
            "Zw\u{f6}lf Boxk\u{e4}mpfer jagen Viktor",
            "mgTq7-vBzz2-0pWk1",
            "\u{42f}\u{431}\u{43b}\u{43e}\u{43a}\u{43e} \u{43f}\u{430}\u{434}\u{430}\u{435}\u{442} \u{432}\u{432}\u{435}\u{440}\u{445}",
        ] {
            assert_eq!(alone(own), Ok(()), "{own}");
        }
        let with_factor = |passphrase: &str| check_passphrase(passphrase, "anna", true);
        assert_eq!(with_factor("mgTq7vBz"), Ok(()));
        assert_eq!(with_factor("liverpoolfc"), Err(PassphraseFault::Guessed));
        assert_eq!(with_factor("Trustno1Trustno1"), Err(PassphraseFault::Common));
    }

    /// However long it is and of whatever characters, what repeats itself is found.
    #[test]
    fn what_repeats_itself_is_refused_at_any_length() {
        let long = [
            "a1!b".repeat(32),
            "p@55w0rd!7".repeat(12),
            "0123456789".repeat(12),
            "\u{202e}\u{0}\u{1f434}\u{301}".repeat(30),
            "19 87 03 21 ".repeat(10),
            "\u{130}I\u{131}i\u{df}".repeat(20),
        ];
        for text in long {
            for cut in [16, 100, 128] {
                let text: String = text.chars().take(cut).collect();
                assert!(check_passphrase(&text, "\u{130}x", false).is_err(), "{text:?}");
            }
        }
    }

    #[tokio::test]
    async fn p02_accents_may_be_typed_either_way() {
        let hasher = Hasher::new(CHEAP, 1).unwrap();
        let stored = hasher.hash_blocking("sch\u{f6}ner gr\u{fc}ner Wald").unwrap();
        let apart = secret("scho\u{308}ner gru\u{308}ner Wald");
        assert_eq!(hasher.verify(Some(stored), apart).await.unwrap(), Verdict::Fits { rehashed: None });
    }

    #[tokio::test]
    async fn p06_who_has_the_database_alone_can_check_no_passphrase() {
        let plain = Hasher::new(CHEAP, 1).unwrap();
        let seasoned = plain.clone().with_pepper(Pepper::new([3; 32]));
        let words = || secret("correct horse battery");
        let old = plain.hash_blocking("correct horse battery").unwrap();
        let verdict = seasoned.verify(Some(old), words()).await.unwrap();
        let Verdict::Fits { rehashed: Some(new) } = verdict else { panic!("{verdict:?}") };
        assert!(new.starts_with("p:$argon2id$"), "{new}");
        assert_eq!(seasoned.verify(Some(new.clone()), words()).await.unwrap(), Verdict::Fits { rehashed: None });
        assert_eq!(plain.verify(Some(new.clone()), words()).await.unwrap(), Verdict::Wrong, "without the key");
        let other = plain.clone().with_pepper(Pepper::new([4; 32]));
        assert_eq!(other.verify(Some(new.clone()), words()).await.unwrap(), Verdict::Wrong, "with another key");
        let phc = new.trim_start_matches("p:").to_owned();
        assert_eq!(plain.verify(Some(phc), words()).await.unwrap(), Verdict::Wrong, "with the mark taken off");
        assert!(needs_a_factor(&seasoned.hash_blocking("8 chars.").unwrap()) && !needs_a_factor(&new));
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
