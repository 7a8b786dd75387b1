//! What a witness remembers of a log, and what it says when the log shows itself again. Every client is one.

use super::{
    checkpoint::{Checkpoint, CheckpointError, NoteVerifier, decimal},
    proof::{PROOF_HASHES_MAX, is_consistent},
    tree::Hash,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use std::fmt;

/// A log as it was seen last: its key, and the checkpoint that it signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The log's key, pinned when it was first seen.
    pub key: NoteVerifier,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The note that it stands in.
    pub note: String,
}

/// What a log shows: its newest checkpoint, and the proof that it begins with the one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The size that the proof begins from.
    pub old: u64,
    /// The proof.
    pub proof: Vec<Hash>,
    /// The signed checkpoint.
    pub note: String,
}

/// Proof that somebody has changed the past, or shows different pasts to different people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fork {
    /// Another key, or another log, than was seen first.
    #[error("another key: {was} was seen first, now {is}")]
    OtherKey {
        /// The log that was seen first.
        was: String,
        /// What is shown now.
        is: String,
    },
    /// Fewer entries than were signed before.
    #[error("size {from} → {to}: entries that were signed are gone")]
    RolledBack {
        /// Entries that were seen.
        from: u64,
        /// Entries now.
        to: u64,
    },
    /// As many entries or more, but not those that were signed before.
    #[error("size {from} → {to}: entries that were signed are not as they were")]
    Rewritten {
        /// Entries that were seen.
        from: u64,
        /// Entries now.
        to: u64,
    },
    /// What is shown is not signed as it should be.
    #[error("{0}")]
    NotGood(#[from] CheckpointError),
}

impl Remembered {
    /// A log that is seen for the first time: its key is believed.
    ///
    /// # Errors
    /// If the note is not signed by the key.
    pub fn first(key: NoteVerifier, note: &str) -> Result<Self, CheckpointError> {
        Ok(Self { checkpoint: key.open(note)?, key, note: note.to_owned() })
    }

    /// What is remembered after the log has shown itself again with this key. The proof begins from the size that is
    /// remembered.
    ///
    /// # Errors
    /// If it does not fit what is remembered: that stays.
    pub fn again(&self, key: &NoteVerifier, shown: &Shown) -> Result<Self, Fork> {
        if *key != self.key {
            return Err(Fork::OtherKey { was: self.key.to_string(), is: key.to_string() });
        }
        let checkpoint = key.open(&shown.note)?;
        let (from, to) = (self.checkpoint.size, checkpoint.size);
        if to < from {
            return Err(Fork::RolledBack { from, to });
        }
        let (old, new) = ((from, &self.checkpoint.root), (to, &checkpoint.root));
        if shown.old != from || !is_consistent(old, new, &shown.proof) {
            return Err(Fork::Rewritten { from, to });
        }
        Ok(Self { key: self.key.clone(), checkpoint, note: shown.note.clone() })
    }
}

impl fmt::Display for Shown {
    /// As a body of `add-checkpoint` has it: <https://c2sp.org/tlog-witness>.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", BASE64.encode(hash)))?;
        write!(f, "\n{}", self.note)
    }
}

impl std::str::FromStr for Shown {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let form = CheckpointError::Form;
        let (head, note) = text.split_once("\n\n").ok_or(form("no checkpoint follows"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let old = old.ok_or(form("the old size is missing"))?;
        let proof = hashes(lines).ok_or(form("a line of the proof is no hash"))?;
        Ok(Self { old, proof, note: note.to_owned() })
    }
}

/// Hashes from their text; `None` if one is none, or there are more than a proof can have.
#[must_use]
pub fn hashes<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Vec<Hash>> {
    let mut all = Vec::new();
    for line in lines {
        if all.len() == PROOF_HASHES_MAX {
            return None;
        }
        all.push(BASE64.decode(line).ok()?.try_into().ok()?);
    }
    Some(all)
}

/// A hash as text.
#[must_use]
pub fn hash_text(hash: &Hash) -> String {
    BASE64.encode(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{NoteSigner, Subtrees, Tree, leaf_hash, proof};

    struct Log {
        signer: NoteSigner,
        hashes: Vec<Hash>,
    }

    impl Log {
        fn new(secret: u8, words: impl Iterator<Item = String>) -> Self {
            let signer = NoteSigner::new("wardwatch/site".into(), &[secret; 32]);
            Self { signer, hashes: words.map(|w| leaf_hash(w.as_bytes())).collect() }
        }

        fn shown(&self, old: u64, size: u64) -> Shown {
            let (mut tree, mut subtrees) = (Tree::default(), Subtrees::default());
            self.hashes.iter().take(usize::try_from(size).unwrap()).for_each(|h| {
                tree.push(*h);
                subtrees.push(*h);
            });
            let proof = proof::consistency(&subtrees.with(&self.hashes), old, size).unwrap().unwrap_or_default();
            Shown { old, proof, note: self.signer.sign(size, tree.root()) }
        }

        fn key(&self) -> NoteVerifier {
            self.signer.verifier()
        }
    }

    fn honest() -> Log {
        Log::new(1, (0..40).map(|n| n.to_string()))
    }

    #[test]
    fn a_log_that_grows_is_followed() {
        let log = honest();
        let mut seen = Remembered::first(log.key(), &log.shown(0, 0).note).unwrap();
        for size in [0, 1, 1, 7, 16, 33, 40] {
            let shown = log.shown(seen.checkpoint.size, size);
            assert_eq!(shown.to_string().parse(), Ok(shown.clone()));
            seen = seen.again(&log.key(), &shown).unwrap();
            assert_eq!(seen.checkpoint.size, size);
        }
    }

    #[test]
    fn whatever_else_it_shows_is_told() {
        let log = honest();
        let seen = Remembered::first(log.key(), &log.shown(0, 20).note).unwrap();
        let told = |shown: Shown| seen.again(&log.key(), &shown).unwrap_err();
        assert_eq!(told(log.shown(19, 19)), Fork::RolledBack { from: 20, to: 19 });
        // Written anew from entry 12 on, and signed with the true key.
        let other = Log::new(1, (0..40).map(|n| if n < 12 { n.to_string() } else { format!("other {n}") }));
        for size in [20, 21, 32, 40] {
            assert_eq!(told(other.shown(20, size)), Fork::Rewritten { from: 20, to: size });
        }
        let no_proof = Shown { proof: Vec::new(), ..log.shown(20, 40) };
        assert_eq!(told(no_proof), Fork::Rewritten { from: 20, to: 40 });
        assert_eq!(told(log.shown(12, 40)), Fork::Rewritten { from: 20, to: 40 }, "it was not asked from there");
        let anew = Log::new(2, (0..40).map(|n| n.to_string()));
        assert!(matches!(seen.again(&anew.key(), &anew.shown(20, 40)), Err(Fork::OtherKey { .. })));
        assert!(matches!(told(anew.shown(20, 40)), Fork::NotGood(CheckpointError::NotSigned(_))));
        assert_eq!(told(log.shown(20, 19)).to_string(), "size 20 → 19: entries that were signed are gone");
    }

    #[test]
    fn texts_that_are_none_are_refused() {
        for text in ["", "old 1", "old 01\n\nx", "old 1\nAA\n\nx", "old +1\n\nx", "new 1\n\nx"] {
            assert!(text.parse::<Shown>().is_err(), "{text:?}");
        }
        let long = format!("old 1\n{}\nnote", format!("{}\n", hash_text(&[0; 32])).repeat(65));
        assert!(long.parse::<Shown>().is_err());
    }
}
