//! Enrolment codes: short enough to type at a bedside, good for one token, kept only as a hash.

use super::Secret;
use crate::seam::{Entropy, EntropyError};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Random bits of a code.
pub const CODE_BITS: usize = CODE_BYTES * 8;
const CODE_BYTES: usize = 10;
/// Characters of a code without its dashes: 5 bits each.
const CODE_CHARS: usize = CODE_BITS / 5;
/// Characters between two dashes.
const GROUP_CHARS: usize = 4;
/// Crockford's base 32: no I, L, O and U, so that no character is taken for another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A new code such as `7KQ2-M0XV-93TD-EAWB`, with its hash.
///
/// # Errors
/// If the system gives no random bytes.
pub fn new_code(entropy: &dyn Entropy) -> Result<(Secret, [u8; 32]), EntropyError> {
    let mut bytes = Zeroizing::new([0_u8; CODE_BYTES]);
    entropy.fill(bytes.as_mut())?;
    let code = spell(bytes.as_ref());
    let hash = hash_code(code.expose());
    Ok((code, hash))
}

fn spell(bytes: &[u8]) -> Secret {
    let mut text = String::with_capacity(CODE_CHARS + CODE_CHARS / GROUP_CHARS);
    let (mut held, mut bits, mut written) = (0_u32, 0, 0_usize);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            if written > 0 && written.is_multiple_of(GROUP_CHARS) {
                text.push('-');
            }
            let digit = usize::try_from((held >> bits) & 31).unwrap_or_default();
            text.push(char::from(ALPHABET.get(digit).copied().unwrap_or(b'0')));
            written += 1;
        }
    }
    Secret::new(text)
}

/// SHA-256 of a code as it was typed: dashes, spaces and case say nothing, O is 0, I and L are 1. What cannot be a code has
/// a hash too, which no code has: whoever asks learns nothing of the form from the time that the answer takes.
#[must_use]
pub fn hash_code(typed: &str) -> [u8; 32] {
    let mut plain = Zeroizing::new(String::with_capacity(CODE_CHARS));
    for c in typed.chars().filter(|c| !matches!(c, '-' | ' ')) {
        plain.push(match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        });
    }
    let mut hasher = Sha256::new();
    hasher.update(b"wardwatch enrolment code\n");
    hasher.update(plain.as_bytes());
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seam::OsEntropy;

    #[test]
    fn a_code_has_four_groups_of_four_and_all_its_bits() {
        assert_eq!(spell(&[0; CODE_BYTES]).expose(), "0000-0000-0000-0000");
        assert_eq!(spell(&[255; CODE_BYTES]).expose(), "ZZZZ-ZZZZ-ZZZZ-ZZZZ");
        assert_eq!(spell(&[0, 68, 50, 20, 199, 66, 84, 182, 53, 207]).expose(), "0123-4567-89AB-CDEF");
        let (code, hash) = new_code(&OsEntropy).unwrap();
        assert_eq!((code.expose().len(), CODE_BITS), (19, 80));
        assert_eq!(hash_code(code.expose()), hash);
        assert_ne!(new_code(&OsEntropy).unwrap().1, hash);
    }

    #[test]
    fn a_code_may_be_typed_as_people_type() {
        let hash = hash_code("01A1-B0C1-DEFG-HJKM");
        for typed in ["oiAL-bOcl-defg-hjkm", "01A1B0C1DEFGHJKM", " 01a1 b0c1 defg hjkm "] {
            assert_eq!(hash_code(typed), hash, "{typed}");
        }
        for other in ["", "01A1-B0C1-DEFG-HJKN", "01A1-B0C1-DEFG", "01A1-B0C1-DEFG-HJKM0", "01A1_B0C1_DEFG_HJKM"] {
            assert_ne!(hash_code(other), hash, "{other}");
        }
    }
}
