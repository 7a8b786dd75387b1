//! Proofs of RFC 6962, section 2.1: that a leaf is in a tree, and that one tree begins with another.
//!
//! Made from the nodes of a stored log, checked from hashes alone (RFC 9162, sections 2.1.3.2 and 2.1.4.2). Whatever is
//! given to a check, it answers; nothing in it can fail or run for long.

use super::tree::{Hash, node_hash};
use sha2::{Digest, Sha256};

/// Most hashes in a proof: a tree of 2^63 leaves has no longer one.
pub const PROOF_HASHES_MAX: usize = 64;

/// What proofs are made from.
pub trait Nodes {
    /// Why a node cannot be had.
    type Error;

    /// The root of the complete subtree over the 2^`height` leaves from `begin` on, which is a multiple of 2^`height`.
    ///
    /// # Errors
    /// If it cannot be had.
    fn node(&self, begin: u64, height: u32) -> Result<Hash, Self::Error>;
}

/// The greatest power of two that is less than `n`, as its exponent; `n` is at least 2.
const fn split_height(n: u64) -> u32 {
    (n - 1).ilog2()
}

/// The root of an empty tree: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The root over the leaves from `begin` to before `end`. `begin` is a multiple of the least power of two that is not less
/// than `end - begin`, as in each subtree of RFC 6962.
///
/// # Errors
/// If a node cannot be had.
pub fn range_root<N: Nodes>(nodes: &N, begin: u64, end: u64) -> Result<Hash, N::Error> {
    if end <= begin {
        return Ok(empty_root());
    }
    let mut lefts = Vec::new();
    let mut from = begin;
    while !(end - from).is_power_of_two() {
        let height = split_height(end - from);
        lefts.push(nodes.node(from, height)?);
        from += 1 << height;
    }
    let last = nodes.node(from, (end - from).ilog2())?;
    Ok(lefts.iter().rev().fold(last, |right, left| node_hash(left, &right)))
}

/// The proof that the leaf at `index` is in the tree of the first `size` leaves: the siblings from the leaf upwards.
/// `None` if it is not.
///
/// # Errors
/// If a node cannot be had.
pub fn inclusion<N: Nodes>(nodes: &N, index: u64, size: u64) -> Result<Option<Vec<Hash>>, N::Error> {
    if index >= size {
        return Ok(None);
    }
    let (mut begin, mut end, mut path) = (0, size, Vec::new());
    while end - begin > 1 {
        let middle = begin + (1 << split_height(end - begin));
        if index < middle {
            path.push(range_root(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(nodes, begin, middle)?);
            begin = middle;
        }
    }
    path.reverse();
    Ok(Some(path))
}

/// The proof that the tree of the first `new` leaves begins with that of the first `old`. Empty if either is the other, or
/// `old` is empty. `None` if `old` is the larger one.
///
/// # Errors
/// If a node cannot be had.
pub fn consistency<N: Nodes>(nodes: &N, old: u64, new: u64) -> Result<Option<Vec<Hash>>, N::Error> {
    if old > new {
        return Ok(None);
    }
    if old == 0 {
        return Ok(Some(Vec::new()));
    }
    let (mut begin, mut end, mut path) = (0, new, Vec::new());
    while old != end {
        let middle = begin + (1 << split_height(end - begin));
        if old <= middle {
            path.push(range_root(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(nodes, begin, middle)?);
            begin = middle;
        }
    }
    // The old tree's own root is known to whoever checks; a piece of it is not.
    if begin > 0 {
        path.push(range_root(nodes, begin, end)?);
    }
    path.reverse();
    Ok(Some(path))
}

/// The root of a tree of `size` leaves in which `leaf` stands at `index` by this proof; `None` if the proof has not the form
/// of one for that place.
#[must_use]
pub fn root_by_inclusion(index: u64, size: u64, leaf: Hash, proof: &[Hash]) -> Option<Hash> {
    let mut last = size.checked_sub(1).filter(|last| index <= *last)?;
    let (mut place, mut root) = (index, leaf);
    for sibling in proof {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            root = node_hash(sibling, &root);
            let skip = if place == 0 { 0 } else { place.trailing_zeros() };
            (place, last) = (place >> skip, last >> skip);
        } else {
            root = node_hash(&root, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    (last == 0).then_some(root)
}

/// Whether the proof shows that `leaf` stands at `index` of the tree of `size` leaves with this root.
#[must_use]
pub fn is_included(index: u64, size: u64, leaf: Hash, proof: &[Hash], root: &Hash) -> bool {
    root_by_inclusion(index, size, leaf, proof).is_some_and(|found| found == *root)
}

/// Whether the proof shows that the tree `new` (size and root) begins with the tree `old`.
#[must_use]
pub fn is_consistent(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size == 0 {
        return proof.is_empty() && *old_root == empty_root() && (new_size > 0 || *new_root == empty_root());
    }
    if old_size == new_size {
        return proof.is_empty() && old_root == new_root;
    }
    if old_size > new_size {
        return false;
    }
    let whole = old_size.is_power_of_two().then_some(old_root);
    let mut path = whole.into_iter().chain(proof);
    let Some(seed) = path.next() else { return false };
    let (mut place, mut last) = (old_size - 1, new_size - 1);
    let skip = place.trailing_ones();
    (place, last) = (place >> skip, last >> skip);
    let (mut found_old, mut found_new) = (*seed, *seed);
    for node in path {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            found_old = node_hash(node, &found_old);
            found_new = node_hash(node, &found_new);
            let skip = if place == 0 { 0 } else { place.trailing_zeros() };
            (place, last) = (place >> skip, last >> skip);
        } else {
            found_new = node_hash(&found_new, node);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    last == 0 && found_old == *old_root && found_new == *new_root
}
