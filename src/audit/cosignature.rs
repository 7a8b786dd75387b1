//! What a witness signs: that it saw this checkpoint, after all that it saw before, and when
//! (<https://c2sp.org/tlog-cosignature>, Ed25519).

use super::checkpoint::{
    CheckpointError, NoteVerifier, is_key_name, key_hash, key_text, parse_key, signature_line, signatures_of,
    split_note,
};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use std::fmt;

/// Signature algorithm byte of Ed25519 cosignatures.
const ALGORITHM_COSIGNATURE: u8 = 4;
/// Bytes of the time before a signature.
const TIME_BYTES: usize = 8;

/// What is signed: the time, and the whole text of the checkpoint.
fn message(unix_s: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {unix_s}\n{text}")
}

/// Cosigns checkpoints of logs.
pub struct Cosigner {
    name: String,
    key: SigningKey,
}

impl Cosigner {
    /// A cosigner of this name from the 32 secret bytes of an Ed25519 key.
    ///
    /// # Errors
    /// If the name cannot be that of a key.
    pub fn new(name: String, secret: &[u8; 32]) -> Result<Self, CheckpointError> {
        if !is_key_name(&name) {
            return Err(CheckpointError::BadKey);
        }
        Ok(Self { name, key: SigningKey::from_bytes(secret) })
    }

    /// What checks its cosignatures.
    #[must_use]
    pub fn verifier(&self) -> CosignatureVerifier {
        CosignatureVerifier { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// The line that cosigns the checkpoint of a note at a time (seconds of Unix time).
    ///
    /// # Errors
    /// If it is no note.
    pub fn cosign(&self, note: &str, unix_s: u64) -> Result<String, CheckpointError> {
        let (text, _) = split_note(note)?;
        let signature = self.key.sign(message(unix_s, &text).as_bytes()).to_bytes();
        let stamped = [unix_s.to_be_bytes().as_slice(), &signature].concat();
        let hash = key_hash(&self.name, ALGORITHM_COSIGNATURE, &self.key.verifying_key());
        Ok(signature_line(&self.name, hash, &stamped))
    }
}

/// Checks the cosignatures of one witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignatureVerifier {
    name: String,
    key: VerifyingKey,
}

impl fmt::Display for CosignatureVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&key_text(&self.name, ALGORITHM_COSIGNATURE, &self.key))
    }
}

impl std::str::FromStr for CosignatureVerifier {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let (name, key) = parse_key(text, ALGORITHM_COSIGNATURE)?;
        Ok(Self { name, key })
    }
}

impl CosignatureVerifier {
    /// The witness.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When this witness cosigned the checkpoint of a note last, in seconds of Unix time.
    ///
    /// # Errors
    /// If it is no note, or this witness has not cosigned it.
    pub fn cosigned_at(&self, note: &str) -> Result<u64, CheckpointError> {
        self.newest(note).map(|(at, _)| at)
    }

    /// The last cosignature of this witness on a note: when, and the line.
    fn newest(&self, note: &str) -> Result<(u64, String), CheckpointError> {
        let (text, signatures) = split_note(note)?;
        let hash = key_hash(&self.name, ALGORITHM_COSIGNATURE, &self.key);
        let mut found = false;
        let good = signatures_of(signatures, &self.name, hash).filter_map(|stamped| {
            found = true;
            let (time, signature) = stamped.split_at_checked(TIME_BYTES)?;
            let unix_s = u64::from_be_bytes(time.try_into().ok()?);
            let signature = Signature::from_slice(signature).ok()?;
            self.key.verify_strict(message(unix_s, &text).as_bytes(), &signature).is_ok().then_some((unix_s, stamped))
        });
        let newest = good.max().map(|(at, stamped)| (at, signature_line(&self.name, hash, &stamped)));
        newest.ok_or_else(|| {
            let name = self.name.clone();
            if found { CheckpointError::BadSignature(name) } else { CheckpointError::NotSigned(name) }
        })
    }
}

/// A note with the log's own signature and the last cosignature of each of these witnesses, from several notes of one
/// checkpoint. `None` if none of the witnesses has cosigned any of them.
///
/// # Errors
/// If the first is not signed by the log.
pub fn gather(
    notes: &[&str],
    key: &NoteVerifier,
    witnesses: &[CosignatureVerifier],
) -> Result<Option<String>, CheckpointError> {
    let first = notes.first().copied().unwrap_or_default();
    let mut gathered = key.bare(first)?;
    let (text, _) = split_note(first)?;
    let same: Vec<&str> =
        notes.iter().copied().filter(|note| split_note(note).is_ok_and(|(other, _)| other == text)).collect();
    let bare = gathered.len();
    for witness in witnesses {
        let newest = same.iter().filter_map(|note| witness.newest(note).ok()).max();
        gathered.extend(newest.map(|(_, line)| line));
    }
    Ok((gathered.len() > bare).then_some(gathered))
}

/// How many cosignatures stand on a note, whoever has made them.
#[must_use]
pub fn signatures_on(note: &str) -> usize {
    split_note(note).map_or(0, |(_, signatures)| signatures.lines().count().saturating_sub(1))
}

/// Of several notes of a log those that are the newest of at least one of its witnesses, each with all cosignatures that
/// there are on it; the newest first. Two witnesses that look at different times so keep what both have cosigned.
///
/// # Errors
/// If one is not signed by the log.
pub fn newest_of_each(
    notes: &[&str],
    key: &NoteVerifier,
    witnesses: &[CosignatureVerifier],
) -> Result<Vec<String>, CheckpointError> {
    let mut all: Vec<(u64, String)> = Vec::new();
    for note in notes {
        let size = key.open(note)?.size;
        // The first note is gathered with its likes among the others.
        let first = std::iter::once(*note).chain(notes.iter().copied()).collect::<Vec<_>>();
        let gathered = gather(&first, key, witnesses)?;
        all.extend(gathered.filter(|found| !all.iter().any(|(_, other)| other == found)).map(|found| (size, found)));
    }
    all.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    let newest = |witness: &CosignatureVerifier| all.iter().position(|(_, note)| witness.cosigned_at(note).is_ok());
    let kept: std::collections::BTreeSet<usize> = witnesses.iter().filter_map(newest).collect();
    let notes = all.into_iter().enumerate().filter(|(at, _)| kept.contains(at));
    Ok(notes.map(|(_, (_, note))| note).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::NoteSigner;

    fn other_name() -> Cosigner {
        Cosigner::new("w2".into(), &[9; 32]).unwrap()
    }

    #[test]
    fn a_cosignature_has_the_c2sp_form_and_binds_time_text_and_witness() {
        let note = NoteSigner::new("wardwatch/site-1".into(), &[3; 32]).sign(7, [9; 32]);
        let witness = Cosigner::new("witness.example/pi".into(), &[5; 32]).unwrap();
        let line = witness.cosign(&note, 1_679_315_147).unwrap();
        insta::assert_snapshot!(witness.verifier());
        insta::assert_snapshot!(line.trim_end());
        let both = format!("{note}{line}");
        let verifier: CosignatureVerifier = witness.verifier().to_string().parse().unwrap();
        assert_eq!(verifier.cosigned_at(&both), Ok(1_679_315_147));
        assert_eq!(verifier.cosigned_at(&note), Err(CheckpointError::NotSigned("witness.example/pi".into())));
        let other = Cosigner::new("witness.example/pi".into(), &[6; 32]).unwrap().verifier();
        assert!(other.cosigned_at(&both).is_err(), "of another key");
        let changed = both.replacen("\n7\n", "\n8\n", 1);
        assert_eq!(verifier.cosigned_at(&changed), Err(CheckpointError::BadSignature("witness.example/pi".into())));
        let later = format!("{both}{}", witness.cosign(&note, 1_679_315_999).unwrap());
        assert_eq!(verifier.cosigned_at(&later), Ok(1_679_315_999));
        let (a, key) = (format!("{note}{line}"), NoteSigner::new("wardwatch/site-1".into(), &[3; 32]).verifier());
        let b = format!("{note}{}\u{2014} a stranger AAAA\n", other_name().cosign(&note, 5).unwrap());
        let known = [verifier.clone(), other_name().verifier()];
        let both = gather(&[&a, &b], &key, &known).unwrap().unwrap();
        assert_eq!(known.each_ref().map(|w| w.cosigned_at(&both)), [Ok(1_679_315_147), Ok(5)]);
        assert!(!both.contains("stranger"), "what nobody knows is not kept");
        assert_eq!(gather(&[&note], &key, &known), Ok(None));
        assert_eq!([signatures_on(&both), signatures_on(&note)], [2, 0]);
        assert!("w+00000000+BAAA".parse::<CosignatureVerifier>().is_err());
        assert!(Cosigner::new("two words".into(), &[5; 32]).is_err());
    }

    #[test]
    fn of_each_witness_the_newest_is_kept_with_what_others_have_cosigned() {
        let log = NoteSigner::new("wardwatch/site-1".into(), &[3; 32]);
        let [a, b] = ["a", "b"].map(|name| Cosigner::new(name.into(), &[name.as_bytes()[0]; 32]).unwrap());
        let known = [a.verifier(), b.verifier()];
        let by = |size: u64, who: &Cosigner| {
            let note = log.sign(size, [u8::try_from(size).unwrap(); 32]);
            format!("{note}{}", who.cosign(&note, size * 60).unwrap())
        };
        let mut kept: Vec<String> = Vec::new();
        let mut take = |note: String| {
            let notes: Vec<&str> = std::iter::once(note.as_str()).chain(kept.iter().map(String::as_str)).collect();
            let newest = newest_of_each(&notes, &log.verifier(), &known).unwrap();
            kept = newest;
            let size = |note: &String| log.verifier().open(note).unwrap().size;
            kept.iter().map(|note| (size(note), signatures_on(note))).collect::<Vec<_>>()
        };
        assert_eq!(take(by(5, &a)), [(5, 1)]);
        assert_eq!(take(by(5, &b)), [(5, 2)]);
        assert_eq!(take(by(9, &a)), [(9, 1), (5, 2)], "what both have cosigned stays until there is more");
        assert_eq!(take(by(9, &b)), [(9, 2)]);
        assert_eq!(take(by(4, &b)), [(9, 2)], "an older one changes nothing");
        assert_eq!(take(by(12, &b)), [(12, 1), (9, 2)]);
    }
}
