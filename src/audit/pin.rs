//! A pin: a signed checkpoint with the hashes of all entries that it covers, to be kept elsewhere.
//!
//! A checkpoint alone tells that a log was changed; with the hashes the first changed entry is named, whoever has signed
//! what. They are those of the C2SP tiles of level 0 (<https://c2sp.org/tlog-tiles>), one after another: 32 bytes for an
//! entry, 31 MiB for a million. Subtree roots alone would be 256 times smaller, and name 256 entries. Whole hashes and not
//! the beginnings of hashes stand there, so that the pin proves itself: they give the root that was signed, or the pin was
//! damaged. It names nobody.
//!
//! ```text
//! wardwatch/audit-pin@v1 NOTE_BYTES
//! the checkpoint, a signed note of so many bytes, then the hashes
//! ```

use super::{
    checkpoint::{Checkpoint, CheckpointError, NOTE_MAX_BYTES, NoteVerifier},
    tree::{Hash, Tree},
};

/// What a pin begins with.
pub const PIN_HEADER: &str = "wardwatch/audit-pin@v1 ";
/// Longest first line, in bytes.
const FIRST_LINE_MAX_BYTES: usize = PIN_HEADER.len() + 8;
/// Most entries of a pin: 2 GiB of hashes.
pub const PIN_ENTRIES_MAX: u64 = 1 << 26;

/// A checkpoint with the hashes of its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The signed checkpoint.
    pub note: String,
    /// The hashes of its entries, in order.
    pub hashes: Vec<Hash>,
}

/// Why something is no pin of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// It has not the form of a pin.
    #[error("this is not a pin: {0}")]
    Form(&'static str),
    /// Its checkpoint is not good.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its hashes are not those that were signed: the pin itself was damaged, and tells nothing of the log.
    #[error("the pin was damaged: its hashes do not give the root that was signed")]
    Damaged,
}

/// The root over these hashes.
#[must_use]
pub fn root_over(hashes: &[Hash]) -> Hash {
    let mut tree = Tree::default();
    hashes.iter().for_each(|hash| tree.push(*hash));
    tree.root()
}

impl Pin {
    /// Whether these bytes begin as a pin does; a checkpoint alone does not.
    #[must_use]
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(PIN_HEADER.as_bytes())
    }

    /// The pin as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{PIN_HEADER}{}\n{}", self.note.len(), self.note).into_bytes();
        bytes.extend(self.hashes.iter().flatten());
        bytes
    }

    /// Reads a pin, and checks its signature and its hashes.
    ///
    /// # Errors
    /// If it is none of this log, or was damaged.
    pub fn open(bytes: &[u8], key: &NoteVerifier) -> Result<(Checkpoint, Self), PinError> {
        let form = PinError::Form;
        let head = bytes.get(..bytes.len().min(FIRST_LINE_MAX_BYTES)).unwrap_or_default();
        let line_end = head.iter().position(|b| *b == b'\n').ok_or(form("its first line is another"))?;
        let (line, rest) = bytes.split_at_checked(line_end + 1).ok_or(form("its first line is another"))?;
        let length = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix(PIN_HEADER)).map(str::trim_end);
        let length: usize = length.and_then(|n| n.parse().ok()).ok_or(form("its first line is another"))?;
        let (note, hashes) = rest
            .split_at_checked(length)
            .filter(|_| length <= NOTE_MAX_BYTES)
            .ok_or(form("its checkpoint is not whole"))?;
        let note = std::str::from_utf8(note).map_err(|_| form("its checkpoint is no text"))?;
        let checkpoint = key.open(note)?;
        let (hashes, rest) = hashes.as_chunks::<32>();
        if !rest.is_empty() || hashes.len() as u64 != checkpoint.size {
            return Err(form("it has not one hash for each entry"));
        }
        if root_over(hashes) != checkpoint.root {
            return Err(PinError::Damaged);
        }
        Ok((checkpoint, Self { note: note.to_owned(), hashes: hashes.to_vec() }))
    }
}

/// The first entry whose hash is not the one that was kept; the number of hashes that are there if they are fewer. `None` if
/// all that was kept is there.
#[must_use]
pub fn first_difference(kept: &[Hash], shown: &[Hash]) -> Option<usize> {
    let differs = kept.iter().zip(shown).position(|(a, b)| a != b);
    differs.or_else(|| (shown.len() < kept.len()).then_some(shown.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{NoteSigner, leaf_hash};
    use proptest::prelude::*;

    fn pin(size: u64) -> (Pin, NoteVerifier) {
        let signer = NoteSigner::new("wardwatch/site".into(), &[1; 32]);
        let hashes: Vec<Hash> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        (Pin { note: signer.sign(size, root_over(&hashes)), hashes }, signer.verifier())
    }

    #[test]
    fn a_pin_is_read_as_it_was_written() {
        for size in [0, 1, 2, 255, 256, 257, 700] {
            let (pin, key) = pin(size);
            let (checkpoint, read) = Pin::open(&pin.to_bytes(), &key).unwrap();
            assert_eq!((checkpoint.size, &read), (size, &pin));
            assert!(Pin::is_one(&pin.to_bytes()) && !Pin::is_one(pin.note.as_bytes()));
        }
    }

    #[test]
    fn what_is_no_pin_is_told() {
        let (pin, key) = pin(5);
        let whole = pin.to_bytes();
        let other = NoteSigner::new("wardwatch/site".into(), &[2; 32]).verifier();
        assert!(matches!(Pin::open(&whole, &other), Err(PinError::Checkpoint(CheckpointError::NotSigned(_)))));
        let told = |bytes: &[u8]| Pin::open(bytes, &key).unwrap_err().to_string();
        assert_eq!(told(b""), "this is not a pin: its first line is another");
        assert_eq!(told(pin.note.as_bytes()), "this is not a pin: its first line is another");
        assert_eq!(told(&whole[..40]), "this is not a pin: its checkpoint is not whole");
        assert_eq!(told(&whole[..whole.len() - 1]), "this is not a pin: it has not one hash for each entry");
        let mut damaged = whole.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(told(&damaged), "the pin was damaged: its hashes do not give the root that was signed");
        let huge = format!("{PIN_HEADER}99999999\n");
        assert!(Pin::open(huge.as_bytes(), &key).is_err());
    }

    #[test]
    fn the_first_difference_is_named() {
        let (pin, _) = pin(9);
        let mut other = pin.hashes.clone();
        assert_eq!(first_difference(&pin.hashes, &other), None);
        assert_eq!(first_difference(&pin.hashes, &other[..4]), Some(4));
        other.push([0; 32]);
        assert_eq!(first_difference(&pin.hashes, &other), None, "it has grown");
        other[6] = [0; 32];
        assert_eq!(first_difference(&pin.hashes, &other), Some(6));
    }

    proptest! {
        /// Whatever is changed in a pin, it is not taken for another one.
        #[test]
        fn no_changed_pin_is_taken(size in 1_u64..40, at in 0_usize..10_000, bit in 0_u8..8) {
            let (pin, key) = pin(size);
            let mut bytes = pin.to_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok((_, read)) = Pin::open(&bytes, &key) {
                prop_assert_eq!(read, pin);
            }
        }
    }
}
