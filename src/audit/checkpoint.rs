//! Checkpoints of the log as C2SP signed notes: <https://c2sp.org/tlog-checkpoint>, <https://c2sp.org/signed-note>.

use super::tree::Hash;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;

/// Signature algorithm byte of Ed25519 in signed notes.
const ALGORITHM_ED25519: u8 = 1;
/// What begins a line with a signature.
const SIGNATURE_MARK: &str = "\u{2014} ";
/// Longest note that is read, in bytes.
pub const NOTE_MAX_BYTES: usize = 16 * 1024;

/// The state of a log: how many leaves, and their root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

/// Why a note is not a checkpoint of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The text has not the form of a checkpoint.
    #[error("this is not a checkpoint: {0}")]
    Form(&'static str),
    /// No signature of the key is on it.
    #[error("the checkpoint carries no signature of {0}")]
    NotSigned(String),
    /// The signature does not fit.
    #[error("the signature of {0} on the checkpoint does not fit: text or signature was changed")]
    BadSignature(String),
    /// It is of another log.
    #[error("the checkpoint is of the log {found}, not of {expected}")]
    OtherLog {
        /// Whose it is.
        found: String,
        /// Whose was wanted.
        expected: String,
    },
    /// The key's text has not the form of a key.
    #[error("this is not a verifier key: NAME+HASH+BASE64 is wanted")]
    BadKey,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, BASE64.encode(self.root))
    }
}

impl Checkpoint {
    /// Reads the text of a checkpoint, whoever has signed it. Lines after the third are extensions: they mean nothing here.
    ///
    /// # Errors
    /// If it has not the form.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.lines();
        let mut line = || lines.next().filter(|l| !l.is_empty()).ok_or(CheckpointError::Form("a line is missing"));
        let origin = line()?.to_owned();
        let size_text = line()?;
        let size = decimal(size_text).ok_or(CheckpointError::Form("the size is no number"))?;
        let root = BASE64.decode(line()?).ok().and_then(|bytes| bytes.try_into().ok());
        Ok(Self { origin, size, root: root.ok_or(CheckpointError::Form("the root is no hash"))? })
    }
}

/// A number as such texts have it: decimal, without a sign and without leading zeros.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    text.parse().ok().filter(|_| canonical)
}

/// The identifier of a key in signed notes: the beginning of SHA-256(name ‖ newline ‖ algorithm ‖ key).
pub(super) fn key_hash(name: &str, algorithm: u8, key: &VerifyingKey) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update([b'\n', algorithm]);
    hasher.update(key.as_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let [a, b, c, d, ..] = digest;
    [a, b, c, d]
}

/// A key in the text form of signed notes: `NAME+HASH+BASE64(algorithm ‖ key)`.
pub(super) fn key_text(name: &str, algorithm: u8, key: &VerifyingKey) -> String {
    let [a, b, c, d] = key_hash(name, algorithm, key);
    let mut bytes = vec![algorithm];
    bytes.extend_from_slice(key.as_bytes());
    format!("{name}+{a:02x}{b:02x}{c:02x}{d:02x}+{}", BASE64.encode(bytes))
}

/// Reads [`key_text`].
pub(super) fn parse_key(text: &str, algorithm: u8) -> Result<(String, VerifyingKey), CheckpointError> {
    let bad = || CheckpointError::BadKey;
    let text = text.trim();
    let mut parts = text.splitn(3, '+');
    let (name, _, key) = (parts.next().ok_or_else(bad)?, parts.next().ok_or_else(bad)?, parts.next().ok_or_else(bad)?);
    let bytes = BASE64.decode(key).map_err(|_| bad())?;
    let key = bytes.split_first().filter(|(found, _)| **found == algorithm).map(|(_, key)| key).ok_or_else(bad)?;
    let key = key.try_into().ok().and_then(|bytes| VerifyingKey::from_bytes(bytes).ok()).ok_or_else(bad)?;
    let good = is_key_name(name) && key_text(name, algorithm, &key) == text;
    if good { Ok((name.to_owned(), key)) } else { Err(bad()) }
}

/// Whether a key may have this name: not empty, without white space and without `+`.
#[must_use]
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

/// A line with a signature.
pub(super) fn signature_line(name: &str, hash: [u8; 4], signature: &[u8]) -> String {
    format!("{SIGNATURE_MARK}{name} {}\n", BASE64.encode([&hash, signature].concat()))
}

/// The text of a note, which is what is signed, and the lines with its signatures.
///
/// # Errors
/// If it is too long or has no signatures.
pub(super) fn split_note(note: &str) -> Result<(String, &str), CheckpointError> {
    if note.len() > NOTE_MAX_BYTES {
        return Err(CheckpointError::Form("the note is too long"));
    }
    let (body, signatures) = note.split_once("\n\n").ok_or(CheckpointError::Form("no signature follows"))?;
    Ok((format!("{body}\n"), signatures))
}

/// The signatures of one key, by the key's name and hash.
pub(super) fn signatures_of<'a>(
    lines: &'a str,
    name: &'a str,
    hash: [u8; 4],
) -> impl Iterator<Item = Vec<u8>> + use<'a> {
    lines.lines().filter_map(move |line| {
        let (found, signature) = line.strip_prefix(SIGNATURE_MARK)?.split_once(' ')?;
        let bytes = BASE64.decode(signature).ok()?;
        let (id, signature) = bytes.split_at_checked(4)?;
        (found == name && id == hash).then(|| signature.to_vec())
    })
}

/// Signs checkpoints of one log.
pub struct NoteSigner {
    name: String,
    key: SigningKey,
}

impl NoteSigner {
    /// A signer from the 32 secret bytes of an Ed25519 key. The name is also the log's origin.
    #[must_use]
    pub fn new(name: String, secret: &[u8; 32]) -> Self {
        Self { name, key: SigningKey::from_bytes(secret) }
    }

    /// What checks its signatures.
    #[must_use]
    pub fn verifier(&self) -> NoteVerifier {
        NoteVerifier { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// The signed note of a tree of this log.
    #[must_use]
    pub fn sign(&self, size: u64, root: Hash) -> String {
        let text = Checkpoint { origin: self.name.clone(), size, root }.to_string();
        let hash = key_hash(&self.name, ALGORITHM_ED25519, &self.key.verifying_key());
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        format!("{text}\n{}", signature_line(&self.name, hash, &signature))
    }
}

/// Checks the signatures of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    key: VerifyingKey,
}

impl fmt::Display for NoteVerifier {
    /// The key in the text form of signed notes: `NAME+HASH+BASE64(algorithm ‖ key)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&key_text(&self.name, ALGORITHM_ED25519, &self.key))
    }
}

impl std::str::FromStr for NoteVerifier {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let (name, key) = parse_key(text, ALGORITHM_ED25519)?;
        Ok(Self { name, key })
    }
}

impl NoteVerifier {
    /// The log whose key it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The note with the signature of this key alone.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn bare(&self, note: &str) -> Result<String, CheckpointError> {
        self.open(note)?;
        let (text, signatures) = split_note(note)?;
        let hash = key_hash(&self.name, ALGORITHM_ED25519, &self.key);
        let ours = signatures_of(signatures, &self.name, hash).next().unwrap_or_default();
        Ok(format!("{text}\n{}", signature_line(&self.name, hash, &ours)))
    }

    /// Reads a signed note.
    ///
    /// # Errors
    /// If the text is no checkpoint, not signed by this key, changed, or of another log.
    pub fn open(&self, note: &str) -> Result<Checkpoint, CheckpointError> {
        let (text, signatures) = split_note(note)?;
        let wanted = key_hash(&self.name, ALGORITHM_ED25519, &self.key);
        let ours = signatures_of(signatures, &self.name, wanted).next();
        let ours = ours.ok_or_else(|| CheckpointError::NotSigned(self.name.clone()))?;
        let bad = || CheckpointError::BadSignature(self.name.clone());
        let signature = Signature::from_slice(&ours).map_err(|_| bad())?;
        self.key.verify_strict(text.as_bytes(), &signature).map_err(|_| bad())?;
        let checkpoint = Checkpoint::parse(&text)?;
        if checkpoint.origin == self.name {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::OtherLog { found: checkpoint.origin, expected: self.name.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signer() -> NoteSigner {
        NoteSigner::new("wardwatch/site-1".into(), &[3; 32])
    }

    #[test]
    fn a_note_has_the_c2sp_form() {
        insta::assert_snapshot!(signer().sign(7, [9; 32]), @"
        wardwatch/site-1
        7
        CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=

        — wardwatch/site-1 q2MJd/zEyfyHA9vX3YmrpjmOHpO3aHEuGOTND++aUSe/tKEljj8VEpbPVclfxryCXZNTBOOLMgpMr8S9I74hQdcFMA8=
        ");
        insta::assert_snapshot!(signer().verifier(), @"wardwatch/site-1+ab630977+Ae1JKMYo0cLG6ukDOJBZlWEpWSc6XGP5NjbBRhSshzfR");
    }

    #[test]
    fn key_text_round_trips() {
        let verifier = signer().verifier();
        assert_eq!(verifier.to_string().parse(), Ok(verifier.clone()));
        let other_name = verifier.to_string().replace("site-1", "site-2");
        assert_eq!(other_name.parse::<NoteVerifier>(), Err(CheckpointError::BadKey), "the hash binds the name");
    }

    #[test]
    fn a_note_of_another_key_is_refused() {
        let note = NoteSigner::new("wardwatch/site-1".into(), &[4; 32]).sign(7, [9; 32]);
        assert_eq!(signer().verifier().open(&note), Err(CheckpointError::NotSigned("wardwatch/site-1".into())));
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_found(at in 0_usize..200, bit in 0_u8..8) {
            let note = signer().sign(123_456, [9; 32]);
            let mut bytes = note.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let opened = String::from_utf8(bytes).ok().and_then(|text| signer().verifier().open(&text).ok());
            let original = signer().verifier().open(&note).unwrap();
            // A changed line end after the signature changes nothing that was signed.
            prop_assert!(opened.is_none() || (opened == Some(original) && at == note.len() - 1));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,200}|[\\n\u{2014} a-z0-9+/=]{0,200}") {
            let _ = signer().verifier().open(&text);
            let _ = text.parse::<NoteVerifier>();
        }
    }
}
