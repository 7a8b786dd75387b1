//! Whether a stored log is what its checkpoints say, and which leaf is not.

use super::{
    checkpoint::Checkpoint,
    leaf::claimed_index,
    tree::{Hash, Tree, leaf_hash},
};
use std::fmt;

/// A leaf as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLeaf {
    /// Its place.
    pub index: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The hash that was stored with it.
    pub hash: Hash,
}

/// What is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The first bad leaf. If `upto` is set, the first bad leaf is at or after this one and before `upto`.
    pub index: u64,
    /// See `index`.
    pub upto: Option<u64>,
    /// What is wrong.
    pub what: FaultKind,
}

/// Kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A leaf is not there.
    Missing,
    /// A leaf's bytes are not those that were written.
    Edited,
    /// A leaf stands in the place of another.
    Moved,
    /// Leaf and stored hash agree, but not with a signed checkpoint: both were changed.
    NotAsSigned,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = self.index;
        match self.what {
            FaultKind::Missing => write!(f, "leaf {index} is missing"),
            FaultKind::Edited => write!(f, "leaf {index} was edited"),
            FaultKind::Moved => write!(f, "leaf {index} stands in the place of another"),
            FaultKind::NotAsSigned => write!(f, "leaf {index} is not as the signed checkpoint says"),
        }?;
        match self.upto {
            Some(upto) if upto > index + 1 => write!(f, " (or one up to {})", upto - 1),
            _ => Ok(()),
        }
    }
}

/// What was found in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Leaves in the log.
    pub leaves: u64,
    /// Leaves that the greatest checkpoint covers.
    pub covered: u64,
    /// Checkpoints that were checked.
    pub checkpoints: usize,
}

/// Checks leaves in the order of their index against checkpoints whose signatures have been checked, in any order.
///
/// # Errors
/// The first fault, or what `leaves` failed with.
pub fn verify<E>(
    leaves: impl Iterator<Item = Result<StoredLeaf, E>>,
    mut checkpoints: Vec<Checkpoint>,
) -> Result<Result<Verified, Fault>, E> {
    checkpoints.sort_by_key(|c| c.size);
    let covered = checkpoints.last().map_or(0, |c| c.size);
    let mut pending = checkpoints.iter().peekable();
    let (mut written, mut stored) = (Tree::default(), Tree::default());
    let mut first_edited: Option<Fault> = None;
    let mut good_size = 0;
    let mut at_checkpoints = |written: &Tree, stored: &Tree, edited: &Option<Fault>| {
        while let Some(checkpoint) = pending.next_if(|c| c.size <= written.size()) {
            if checkpoint.root == written.root() {
                good_size = checkpoint.size;
                continue;
            }
            let signed_hashes_hold = checkpoint.root == stored.root();
            let bracket = Fault { index: good_size, upto: Some(checkpoint.size), what: FaultKind::NotAsSigned };
            return Some(match edited {
                Some(fault) if signed_hashes_hold || fault.index >= good_size => fault.clone(),
                _ => bracket,
            });
        }
        None
    };
    if let Some(fault) = at_checkpoints(&written, &stored, &None) {
        return Ok(Err(fault));
    }
    for leaf in leaves {
        let leaf = leaf?;
        let place = written.size();
        if leaf.index != place {
            return Ok(Err(first_edited.unwrap_or(Fault { index: place, upto: None, what: FaultKind::Missing })));
        }
        let hash = leaf_hash(&leaf.bytes);
        let what = if hash != leaf.hash {
            Some(FaultKind::Edited)
        } else if claimed_index(&leaf.bytes) != Some(place) {
            Some(FaultKind::Moved)
        } else {
            None
        };
        if let (Some(what), None) = (what, &first_edited) {
            first_edited = Some(Fault { index: place, upto: None, what });
        }
        written.push(hash);
        stored.push(leaf.hash);
        if let Some(fault) = at_checkpoints(&written, &stored, &first_edited) {
            return Ok(Err(fault));
        }
    }
    if let Some(fault) = first_edited {
        return Ok(Err(fault));
    }
    if written.size() < covered {
        return Ok(Err(Fault { index: written.size(), upto: None, what: FaultKind::Missing }));
    }
    Ok(Ok(Verified { leaves: written.size(), covered, checkpoints: checkpoints.len() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn log(n: u64) -> Vec<StoredLeaf> {
        let leaf = |index| {
            let bytes = format!("{{\"v\":1,\"i\":{index},\"act\":\"user.login\"}}").into_bytes();
            StoredLeaf { index, hash: leaf_hash(&bytes), bytes }
        };
        (0..n).map(leaf).collect()
    }

    fn checkpoint(leaves: &[StoredLeaf]) -> Checkpoint {
        let mut tree = Tree::default();
        leaves.iter().for_each(|leaf| tree.push(leaf.hash));
        Checkpoint { origin: "o".into(), size: tree.size(), root: tree.root() }
    }

    fn check(leaves: Vec<StoredLeaf>, checkpoints: Vec<Checkpoint>) -> Result<Verified, Fault> {
        verify(leaves.into_iter().map(Ok::<_, Infallible>), checkpoints).unwrap()
    }

    #[test]
    fn an_untouched_log_holds_and_may_be_longer_than_its_checkpoint() {
        let leaves = log(20);
        let verified = check(leaves.clone(), vec![checkpoint(&leaves[..13]), checkpoint(&[])]).unwrap();
        assert_eq!(verified, Verified { leaves: 20, covered: 13, checkpoints: 2 });
    }

    proptest! {
        /// Whatever one does to one leaf or two, the first bad index is named.
        #[test]
        fn tampering_is_found_at_its_place(n in 2_u64..40, at in 0_usize..1000, other in 0_usize..1000, kind in 0..5) {
            let original = log(n);
            let signed = checkpoint(&original);
            let (at, other) = (at % original.len(), other % original.len());
            let mut leaves = original.clone();
            let first = match kind {
                0 => { leaves[at].bytes[12] ^= 1; at }
                1 => { leaves.remove(at); at }
                2 => { leaves.truncate(at); at }
                3 => {
                    prop_assume!(at != other);
                    let bytes = leaves[at].bytes.clone();
                    leaves[at].bytes = std::mem::replace(&mut leaves[other].bytes, bytes);
                    at.min(other)
                }
                _ => {
                    prop_assume!(at != other);
                    let (a, b) = (leaves[at].clone(), leaves[other].clone());
                    leaves[at] = StoredLeaf { index: a.index, ..b };
                    leaves[other] = StoredLeaf { index: other as u64, ..a };
                    at.min(other)
                }
            };
            let fault = check(leaves, vec![signed]).unwrap_err();
            prop_assert_eq!(fault.index, first as u64, "{}", fault);
        }

        /// A rewrite that also rewrites the stored hashes is found against any signed checkpoint that covers it.
        #[test]
        fn a_thorough_rewrite_is_bracketed_by_checkpoints(n in 4_u64..60, at in 0_usize..1000, split in 1_usize..1000) {
            let original = log(n);
            let (at, split) = (at % original.len(), 1 + split % (original.len() - 1));
            let signed = vec![checkpoint(&original[..split]), checkpoint(&original)];
            let mut leaves = original.clone();
            leaves[at].bytes = format!("{{\"v\":1,\"i\":{at},\"act\":\"user.logout\"}}").into_bytes();
            leaves[at].hash = leaf_hash(&leaves[at].bytes);
            let fault = check(leaves, signed).unwrap_err();
            prop_assert_eq!(fault.what, FaultKind::NotAsSigned);
            let at = at as u64;
            prop_assert!(fault.index <= at && fault.upto.is_some_and(|upto| at < upto), "{}", fault);
        }
    }
}
