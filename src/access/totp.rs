//! Codes of an authenticator: RFC 6238 with HMAC-SHA1, six digits, a step of 30 s; and recovery codes.

use super::Secret;
use crate::{
    domain::Timestamp,
    seam::{Entropy, EntropyError},
};
use ring::hmac;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// How long a code holds.
pub const STEP_S: i64 = 30;
/// How many steps a code may be before or behind.
pub const SKEW_STEPS: u64 = 1;
/// Digits of a code.
pub const CODE_DIGITS: usize = 6;
/// Bytes of a seed (RFC 4226, section 4, R6: 160 bits).
pub const SEED_BYTES: usize = 20;
/// Recovery codes that are made at once.
pub const RECOVERY_CODES: usize = 10;
/// Random bytes of a recovery code: 80 bits, so that a plain hash keeps it.
const RECOVERY_BYTES: usize = 10;

/// The seed of an authenticator.
pub type Seed = Zeroizing<Vec<u8>>;

/// A new seed.
///
/// # Errors
/// If the system gives no random bytes.
pub fn new_seed(entropy: &dyn Entropy) -> Result<Seed, EntropyError> {
    let mut seed = Zeroizing::new(vec![0; SEED_BYTES]);
    entropy.fill(&mut seed)?;
    Ok(seed)
}

/// The step of a moment.
#[must_use]
pub fn step_of(at: Timestamp) -> u64 {
    u64::try_from(at.as_ms().div_euclid(1_000 * STEP_S)).unwrap_or_default()
}

/// The code of a step: RFC 4226, section 5.3.
fn number(seed: &[u8], step: u64, digits: usize) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or_default() & 0x0f);
    let four = bytes.get(offset..offset + 4).and_then(|four| four.try_into().ok()).unwrap_or_default();
    let number = u32::from_be_bytes(four) & 0x7fff_ffff;
    let modulus = 10_u32.pow(u32::try_from(digits).unwrap_or(9));
    number % modulus
}

fn code(seed: &[u8], step: u64, digits: usize) -> String {
    format!("{:0digits$}", number(seed, step, digits))
}

/// The code that an authenticator shows at a moment.
#[must_use]
pub fn code_at(seed: &[u8], at: Timestamp) -> Secret {
    Secret::new(code(seed, step_of(at), CODE_DIGITS))
}

/// The step of a code, if it holds at a moment and is later than the last one that was used: each is good once.
#[must_use]
pub fn step_if_good(seed: &[u8], typed: &str, now: Timestamp, last_step: u64) -> Option<u64> {
    if !looks_like_code(typed) {
        return None;
    }
    let typed: u32 = typed.chars().filter(char::is_ascii_digit).collect::<String>().parse().ok()?;
    let present = step_of(now);
    let steps = present.saturating_sub(SKEW_STEPS)..=present.saturating_add(SKEW_STEPS);
    let fits = |step: &u64| number(seed, *step, CODE_DIGITS) == typed;
    // All are compared, as numbers, so that the time says nothing of how near it was.
    let found: Vec<u64> = steps.filter(fits).collect();
    found.into_iter().find(|step| *step > last_step)
}

/// Whether a text has the form of a code of an authenticator.
#[must_use]
pub fn looks_like_code(typed: &str) -> bool {
    let digits = typed.chars().filter(|c| !c.is_whitespace());
    digits.clone().count() == CODE_DIGITS && digits.clone().all(|c| c.is_ascii_digit())
}

/// New recovery codes, each such as `ABCD-EFGH-IJKL-MNOP`.
///
/// # Errors
/// If the system gives no random bytes.
pub fn new_recovery_codes(entropy: &dyn Entropy) -> Result<Vec<Secret>, EntropyError> {
    let one = |_| {
        let mut bytes = Zeroizing::new([0; RECOVERY_BYTES]);
        entropy.fill(bytes.as_mut())?;
        let text = Zeroizing::new(base32(bytes.as_ref()));
        let groups: Vec<String> = text.as_bytes().chunks(4).map(|c| String::from_utf8_lossy(c).into_owned()).collect();
        Ok(Secret::new(groups.join("-")))
    };
    (0..RECOVERY_CODES).map(one).collect()
}

/// What is kept of a recovery code: SHA-256 of its letters and digits, hexadecimal.
#[must_use]
pub fn recovery_hash(typed: &str) -> String {
    let plain: String = typed.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
    Sha256::digest(plain.as_bytes()).iter().fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"))
}

/// Base32 of RFC 4648 without padding.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let mut padded = [0; 8];
        for (place, byte) in padded.iter_mut().skip(3).zip(chunk) {
            *place = *byte;
        }
        let bits = u64::from_be_bytes(padded);
        let letters = (chunk.len() * 8).div_ceil(5);
        for n in 0..letters {
            let index = usize::try_from((bits >> (35 - 5 * n)) & 31).unwrap_or_default();
            out.push(char::from(LETTERS.get(index).copied().unwrap_or(b'A')));
        }
    }
    out
}

/// The address that an authenticator reads from a picture.
#[must_use]
pub fn uri(site: &str, user: &str, seed: &[u8]) -> Secret {
    let secret = Zeroizing::new(base32(seed));
    // Login names and identifiers of sites need no escape in an address.
    let issuer = format!("wardwatch-{site}");
    let rest = format!("issuer={issuer}&algorithm=SHA1&digits={CODE_DIGITS}&period={STEP_S}");
    Secret::new(format!("otpauth://totp/{issuer}:{user}?secret={}&{rest}", secret.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::Millis, seam::OsEntropy};
    use rstest::rstest;

    const SEED: &[u8] = b"12345678901234567890";

    /// RFC 6238, appendix B, SHA1.
    #[rstest]
    #[case(59, "94287082")]
    #[case(1_111_111_109, "07081804")]
    #[case(1_111_111_111, "14050471")]
    #[case(1_234_567_890, "89005924")]
    #[case(2_000_000_000, "69279037")]
    #[case(20_000_000_000, "65353130")]
    fn a12_the_vectors_of_the_rfc(#[case] seconds: i64, #[case] wanted: &str) {
        assert_eq!(code(SEED, step_of(Timestamp::from_ms(seconds * 1_000)), 8), wanted);
    }

    /// RFC 4226, appendix D.
    #[test]
    fn a12_the_vectors_of_the_counter() {
        let codes: Vec<String> = (0..10).map(|step| code(SEED, step, 6)).collect();
        let wanted =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        assert_eq!(codes, wanted);
    }

    #[test]
    fn a12_a_code_holds_one_step_around_its_own_and_once() {
        let now = Timestamp::from_ms(1_700_000_000_000);
        let code = code_at(SEED, now);
        let step = step_of(now);
        let good = |ahead_s: i64, last| step_if_good(SEED, code.expose(), now + Millis::from_secs(ahead_s), last);
        assert_eq!((good(0, 0), good(30, 0), good(-30, 0)), (Some(step), Some(step), Some(step)));
        assert_eq!((good(61, 0), good(-61, 0)), (None, None));
        assert_eq!(good(0, step), None, "again");
        assert_eq!(good(0, step + 5), None, "a code of before the last one");
        let typed = format!(" {} {} ", &code.expose()[..3], &code.expose()[3..]);
        assert_eq!(step_if_good(SEED, &typed, now, 0), Some(step), "blanks do no harm");
        for wrong in ["", "12345", "1234567", "abcdef"] {
            assert_eq!(step_if_good(SEED, wrong, now, 0), None);
        }
    }

    /// Ten years either way no code of now is good, and when the clock comes back nothing is good twice.
    #[test]
    fn a12_a_clock_that_is_moved_by_ten_years_takes_no_code() {
        let now = Timestamp::from_ms(1_700_000_000_000);
        let (code, step) = (code_at(SEED, now), step_of(now));
        for years in [-10, 10] {
            let moved = now + Millis::from_mins(years * 365 * 24 * 60);
            assert_eq!(step_if_good(SEED, code.expose(), moved, step - 1), None);
        }
        assert_eq!(step_if_good(SEED, code.expose(), now, step), None);
    }

    #[test]
    fn base32_is_that_of_the_rfc() {
        let pairs =
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB")];
        for (plain, wanted) in pairs {
            assert_eq!(base32(plain.as_bytes()), wanted);
        }
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
    }

    #[test]
    fn recovery_codes_are_long_apart_and_known_however_they_are_typed() {
        let codes = new_recovery_codes(&OsEntropy).unwrap();
        assert_eq!(codes.len(), RECOVERY_CODES);
        let hashes: std::collections::BTreeSet<String> = codes.iter().map(|c| recovery_hash(c.expose())).collect();
        assert_eq!(hashes.len(), RECOVERY_CODES);
        let first = codes[0].expose();
        assert_eq!(first.len(), 19, "{first}");
        assert_eq!(recovery_hash(&first.to_lowercase().replace('-', " ")), recovery_hash(first));
        assert!(!looks_like_code(first) && looks_like_code("123 456"));
    }
}
