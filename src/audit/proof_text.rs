//! A proof that leaves the house: leaf, proof and checkpoint in one text that is checked without a server
//! (<https://c2sp.org/tlog-proof>).

use super::{
    checkpoint::{CheckpointError, NoteVerifier, decimal},
    cosignature::CosignatureVerifier,
    proof::{PROOF_HASHES_MAX, is_included},
    tree::{Hash, leaf_hash},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use std::fmt;

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Longest text that is read, in bytes.
pub const PROOF_TEXT_MAX_BYTES: usize = 256 * 1024;

/// A proof that an entry is in the trail. The entry goes along as extra data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofText {
    /// The entry, byte for byte.
    pub leaf: Vec<u8>,
    /// Its place.
    pub index: u64,
    /// The siblings from the leaf upwards.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint, with the cosignatures on it.
    pub note: String,
}

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The text has not the form of a proof.
    #[error("this is not a proof: {0}")]
    Form(&'static str),
    /// The checkpoint in it is not good.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The entry is not in the tree of the checkpoint at that place.
    #[error("the proof does not hold: this entry does not stand at {index} of the {size} that were signed")]
    NotIncluded {
        /// The place.
        index: u64,
        /// The size that was signed.
        size: u64,
    },
    /// Too few witnesses have cosigned the checkpoint.
    #[error("{found} of the witnesses have cosigned the checkpoint, {wanted} are wanted")]
    Quorum {
        /// How many have.
        found: usize,
        /// How many are wanted.
        wanted: usize,
    },
}

/// What a good proof shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The log.
    pub origin: String,
    /// Entries that were signed.
    pub size: u64,
    /// The witnesses that have cosigned, with when (seconds of Unix time).
    pub witnesses: Vec<(String, u64)>,
}

impl fmt::Display for ProofText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nextra {}\nindex {}", BASE64.encode(&self.leaf), self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", BASE64.encode(hash)))?;
        write!(f, "\n{}", self.note)
    }
}

impl std::str::FromStr for ProofText {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        let form = ProofError::Form;
        if text.len() > PROOF_TEXT_MAX_BYTES {
            return Err(form("it is too long"));
        }
        let (head, note) = text.split_once("\n\n").ok_or(form("no checkpoint follows"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(form("the first line is another"));
        }
        let extra = lines.next().and_then(|line| line.strip_prefix("extra ")).ok_or(form("it holds no entry"))?;
        let leaf = BASE64.decode(extra).map_err(|_| form("the entry in it is no base64"))?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or(form("it has no index"))?;
        let mut hashes = Vec::new();
        for line in lines {
            let hash = BASE64.decode(line).ok().and_then(|bytes| bytes.try_into().ok());
            hashes.push(hash.ok_or(form("a line of it is no hash"))?);
            if hashes.len() > PROOF_HASHES_MAX {
                return Err(form("it has too many hashes"));
            }
        }
        Ok(Self { leaf, index, hashes, note: note.to_owned() })
    }
}

impl ProofText {
    /// Checks everything: signature, inclusion, and that at least `quorum` of the witnesses have cosigned.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(
        &self,
        key: &NoteVerifier,
        witnesses: &[CosignatureVerifier],
        quorum: usize,
    ) -> Result<Proven, ProofError> {
        let checkpoint = key.open(&self.note)?;
        let (index, size) = (self.index, checkpoint.size);
        if !is_included(index, size, leaf_hash(&self.leaf), &self.hashes, &checkpoint.root) {
            return Err(ProofError::NotIncluded { index, size });
        }
        let mut cosigned: Vec<(String, u64)> = Vec::new();
        for witness in witnesses {
            match witness.cosigned_at(&self.note) {
                // A witness that is named twice counts once.
                Ok(at) if cosigned.iter().all(|(name, _)| name != witness.name()) => {
                    cosigned.push((witness.name().to_owned(), at));
                }
                Ok(_) | Err(CheckpointError::NotSigned(_)) => {}
                Err(e) => return Err(e.into()),
            }
        }
        if cosigned.len() < quorum {
            return Err(ProofError::Quorum { found: cosigned.len(), wanted: quorum });
        }
        Ok(Proven { origin: checkpoint.origin, size, witnesses: cosigned })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Cosigner, NoteSigner, Subtrees, Tree, proof};
    use proptest::prelude::*;

    fn signer() -> NoteSigner {
        NoteSigner::new("wardwatch/site-1".into(), &[3; 32])
    }

    fn example(index: u64) -> ProofText {
        let leaf = |i: u64| format!("{{\"i\":{i}}}").into_bytes();
        let hashes: Vec<Hash> = (0..11).map(|i| leaf_hash(&leaf(i))).collect();
        let (mut tree, mut subtrees) = (Tree::default(), Subtrees::default());
        hashes.iter().for_each(|h| {
            tree.push(*h);
            subtrees.push(*h);
        });
        let path = proof::inclusion(&subtrees.with(&hashes), index, 11).unwrap().unwrap();
        ProofText { leaf: leaf(index), index, hashes: path, note: signer().sign(11, tree.root()) }
    }

    #[test]
    fn a_proof_has_the_c2sp_form_and_comes_back() {
        let proof = example(6);
        insta::assert_snapshot!(proof);
        assert_eq!(proof.to_string().parse(), Ok(proof.clone()));
        let proven = proof.check(&signer().verifier(), &[], 0).unwrap();
        assert_eq!((proven.origin.as_str(), proven.size), ("wardwatch/site-1", 11));
    }

    #[test]
    fn what_does_not_hold_is_told() {
        let key = signer().verifier();
        let wrong = |change: &dyn Fn(&mut ProofText)| {
            let mut proof = example(6);
            change(&mut proof);
            proof.check(&key, &[], 0).unwrap_err()
        };
        let not_included = ProofError::NotIncluded { index: 6, size: 11 };
        assert_eq!(wrong(&|p| p.leaf[2] ^= 1), not_included);
        assert_eq!(wrong(&|p| p.hashes[0][0] ^= 1), not_included);
        assert_eq!(wrong(&|p| p.hashes.push([0; 32])), not_included);
        assert_eq!(wrong(&|p| p.index = 11), ProofError::NotIncluded { index: 11, size: 11 });
        assert!(matches!(wrong(&|p| p.note = p.note.replace("\n11\n", "\n12\n")), ProofError::Checkpoint(_)));
    }

    #[test]
    fn witnesses_are_counted_once_each() {
        let witness = |name: &str, n| Cosigner::new(name.into(), &[n; 32]).unwrap();
        let (a, b) = (witness("a", 1), witness("b", 2));
        let mut proof = example(0);
        let line = a.cosign(&proof.note, 100).unwrap();
        proof.note.push_str(&line);
        let (key, both) = (signer().verifier(), [a.verifier(), b.verifier()]);
        assert_eq!(proof.check(&key, &both, 1).unwrap().witnesses, [("a".to_owned(), 100)]);
        let twice = [a.verifier(), a.verifier()];
        assert_eq!(proof.check(&key, &twice, 2), Err(ProofError::Quorum { found: 1, wanted: 2 }));
        assert_eq!(proof.check(&key, &both, 2), Err(ProofError::Quorum { found: 1, wanted: 2 }));
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_found(at in 0_usize..2000, bit in 0_u8..7) {
            let proof = example(6);
            let text = proof.to_string();
            let mut bytes = text.clone().into_bytes();
            let at = at % (bytes.len() - 1);
            bytes[at] ^= 1 << bit;
            let read = String::from_utf8(bytes).ok().and_then(|text| text.parse::<ProofText>().ok());
            let held = read.is_some_and(|read| read.check(&signer().verifier(), &[], 0).is_ok());
            prop_assert!(!held, "byte {at}");
        }

        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,200}|[\\n\u{2014} a-z0-9+/=]{0,200}") {
            drop(text.parse::<ProofText>());
            drop(format!("{HEADER}\nextra \n{text}").parse::<ProofText>());
        }
    }
}
