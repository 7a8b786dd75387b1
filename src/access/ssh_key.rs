//! Public keys of OpenSSH: what a line says, and the fingerprint by which OpenSSH and this program know a key.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64, engine::general_purpose::STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

/// Longest line of a key, in bytes: RSA of 16,384 bits with a comment.
pub const KEY_LINE_MAX_BYTES: usize = 8 * 1024;
/// Most keys by which one connection may have been let in.
const KEYS_OF_CONNECTION_MAX: usize = 8;
/// Least bytes of the modulus of an RSA key: 3,072 bits.
const RSA_MIN_BYTES: usize = 384;

/// The kinds of keys that are taken, with how many fields follow the name of the kind, and whether it is in hardware.
const ALGORITHMS: [(&str, usize, bool); 7] = [
    ("ssh-ed25519", 1, false),
    ("ecdsa-sha2-nistp256", 2, false),
    ("ecdsa-sha2-nistp384", 2, false),
    ("ecdsa-sha2-nistp521", 2, false),
    ("ssh-rsa", 2, false),
    ("sk-ssh-ed25519@openssh.com", 2, true),
    ("sk-ecdsa-sha2-nistp256@openssh.com", 3, true),
];

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    /// Its kind, such as `ssh-ed25519`.
    pub algorithm: &'static str,
    /// `SHA256:` and base64 without padding, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// What stood behind it: most often who made it, and where.
    pub comment: String,
}

/// Why a text is no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshKeyError {
    /// Its form is wrong.
    #[error(
        "this is no public key of OpenSSH: a line such as `ssh-ed25519 AAAA… comment` of a file *.pub is wanted, without options"
    )]
    Form,
    /// Its kind is not taken.
    #[error(
        "keys of the kind {0} are not taken: make one with `ssh-keygen -t ed25519`, or `-t ed25519-sk` with a hardware key"
    )]
    Kind(String),
    /// It is too short.
    #[error("this RSA key is shorter than 3072 bits: make one with `ssh-keygen -t ed25519`")]
    Short,
    /// OpenSSH does not say who was let in.
    #[error("OpenSSH does not say by which key you were let in: `ExposeAuthInfo yes` and public keys are needed")]
    NoKey,
}

impl SshKey {
    /// Reads a line of a public key.
    ///
    /// # Errors
    /// If it is none, or of a kind that is not taken.
    pub fn parse(line: &str) -> Result<Self, SshKeyError> {
        if line.len() > KEY_LINE_MAX_BYTES {
            return Err(SshKeyError::Form);
        }
        let mut words = line.split_whitespace();
        let (kind, blob) = words.next().zip(words.next()).ok_or(SshKeyError::Form)?;
        let known = ALGORITHMS.into_iter().find(|(name, ..)| *name == kind);
        let blob = BASE64.decode(blob).map_err(|_| SshKeyError::Form)?;
        let (algorithm, fields, _) = known.ok_or_else(|| SshKeyError::Kind(crate::domain::text::clean(kind)))?;
        // The blob says its kind once more, and nothing follows its fields.
        let mut rest = Fields(&blob);
        if rest.next() != Some(algorithm.as_bytes()) {
            return Err(SshKeyError::Form);
        }
        let found: Vec<&[u8]> = rest.by_ref().take(fields).collect();
        if found.len() != fields || !rest.0.is_empty() || found.iter().any(|field| field.is_empty()) {
            return Err(SshKeyError::Form);
        }
        let modulus = found.last().map_or(0, |n| n.iter().skip_while(|byte| **byte == 0).count());
        if algorithm == "ssh-rsa" && modulus < RSA_MIN_BYTES {
            return Err(SshKeyError::Short);
        }
        let comment = crate::domain::text::clean(&words.collect::<Vec<_>>().join(" "));
        let fingerprint = format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&blob)));
        Ok(Self { algorithm, fingerprint, comment })
    }

    /// Whether the key is in hardware: made with `-t ed25519-sk` or `-t ecdsa-sk`.
    #[must_use]
    pub fn is_hardware(&self) -> bool {
        is_hardware(self.algorithm)
    }
}

/// Whether keys of a kind are in hardware.
#[must_use]
pub fn is_hardware(algorithm: &str) -> bool {
    ALGORITHMS.into_iter().any(|(name, _, hardware)| hardware && name == algorithm)
}

/// The keys by which OpenSSH let a connection in: what it writes into the file of `$SSH_USER_AUTH`, one method a line. A line
/// of a key that is not understood counts as no key at all.
///
/// # Errors
/// If there is none, or one is not taken.
pub fn keys_of_auth_info(text: &str) -> Result<Vec<SshKey>, SshKeyError> {
    let keys = text.lines().filter_map(|line| line.strip_prefix("publickey ")).take(KEYS_OF_CONNECTION_MAX);
    let keys = keys.map(SshKey::parse).collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() { Err(SshKeyError::NoKey) } else { Ok(keys) }
}

/// Fields of a blob: four bytes of length, then so many bytes.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (field, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Made with `ssh-keygen -t ed25519`; the fingerprint is what `ssh-keygen -l` says of it.
    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL2tZx+dsE5j7E/8TpLVOFtylR5nO3G65KZLFexEVwOE";

    fn line(kind: &str, fields: &[&[u8]]) -> String {
        let all = [kind.as_bytes()].into_iter().chain(fields.iter().copied());
        let blob: Vec<u8> =
            all.flat_map(|f| [&u32::try_from(f.len()).unwrap().to_be_bytes()[..], f].concat()).collect();
        format!("{kind} {} somebody@desk", BASE64.encode(blob))
    }

    #[test]
    fn a_key_has_the_fingerprint_of_openssh() {
        let key = SshKey::parse(&format!("{ED25519} a.meyer@desk of hers\n")).unwrap();
        assert_eq!(key.fingerprint, "SHA256:FKARwOC9RxoB7c0tsFQQrjSlMbBB4MROXeQqi0XMQ+g");
        assert_eq!((key.algorithm, key.comment.as_str()), ("ssh-ed25519", "a.meyer@desk of hers"));
        assert!(!key.is_hardware());
    }

    #[test]
    fn hardware_keys_are_known_as_such() {
        let key = line("sk-ssh-ed25519@openssh.com", &[&[7; 32], b"ssh:"]);
        assert!(SshKey::parse(&key).unwrap().is_hardware());
        let key = line("sk-ecdsa-sha2-nistp256@openssh.com", &[b"nistp256", &[4; 65], b"ssh:"]);
        assert!(SshKey::parse(&key).unwrap().is_hardware());
    }

    #[test]
    fn what_is_no_key_or_a_weak_one_is_refused() {
        let (good, other) = (line("ssh-ed25519", &[&[7; 32]]), line("ssh-dss", &[&[7; 32]]));
        assert!(SshKey::parse(&good).is_ok());
        assert!(matches!(SshKey::parse(&other), Err(SshKeyError::Kind(kind)) if kind == "ssh-dss"));
        let certificate = line("ssh-ed25519-cert-v01@openssh.com", &[&[7; 32], &[1; 32]]);
        assert!(matches!(SshKey::parse(&certificate), Err(SshKeyError::Kind(_))));
        let rsa = |bytes| line("ssh-rsa", &[&[1, 0, 1], &vec![0xff; bytes]]);
        assert_eq!(SshKey::parse(&rsa(256)), Err(SshKeyError::Short));
        assert!(SshKey::parse(&rsa(384)).is_ok());
        let swapped = good.replacen("ssh-ed25519", "ecdsa-sha2-nistp256", 1);
        let more = line("ssh-ed25519", &[&[7; 32], &[8; 32]]);
        for wrong in ["", "ssh-ed25519", "ssh-ed25519 AAAA", &swapped, &more, &format!("command=\"x\" {good}")] {
            assert!(SshKey::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn openssh_says_by_which_key_somebody_was_let_in() {
        let second = line("sk-ssh-ed25519@openssh.com", &[&[7; 32], b"ssh:"]);
        let keys = keys_of_auth_info(&format!("publickey {ED25519}\npublickey {second}\npassword\n")).unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys_of_auth_info("password\n"), Err(SshKeyError::NoKey));
        assert_eq!(keys_of_auth_info(""), Err(SshKeyError::NoKey));
        assert!(keys_of_auth_info(&format!("publickey {ED25519}\npublickey ssh-dss AAAA\n")).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String, blob: Vec<u8>) {
            let _read = SshKey::parse(&text);
            let _read = SshKey::parse(&format!("ssh-ed25519 {}", BASE64.encode(blob)));
        }
    }
}
