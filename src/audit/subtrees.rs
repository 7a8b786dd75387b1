//! The roots of all complete subtrees of 256, 256², … leaves: what makes a proof cheap.
//!
//! They are the hashes that C2SP tiles of height 8 hold above the leaves (<https://c2sp.org/tlog-tiles>). They are a cache:
//! whoever has the leaves' hashes makes them anew at any time. A million leaves cost 125 KB.

use super::{
    proof::Nodes,
    tree::{Hash, node_hash},
};

/// Height of a tile: a level holds the roots of subtrees that are 256 times those of the level below.
const TILE_HEIGHT: u32 = 8;
/// Hashes in a full tile.
const TILE_WIDTH: usize = 1 << TILE_HEIGHT;

/// Where the hashes of leaves are.
pub trait LeafHashes {
    /// Why they cannot be read.
    type Error;

    /// The hashes of `count` leaves from `from` on, fewer if there are fewer; `count` is at most 256.
    ///
    /// # Errors
    /// If they cannot be read.
    fn leaf_hashes(&self, from: u64, count: u64) -> Result<Vec<Hash>, Self::Error>;
}

/// The roots of complete subtrees above the leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subtrees {
    size: u64,
    /// The hashes of leaves after the last complete subtree of 256: at most 255.
    tail: Vec<Hash>,
    /// `levels[k]` holds the roots of subtrees of 256^(k + 1) leaves, in order.
    levels: Vec<Vec<Hash>>,
}

/// Why a node of the tree cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NodeError<E> {
    /// The leaves cannot be read.
    #[error(transparent)]
    Read(E),
    /// There are fewer leaves than that.
    #[error("the trail has fewer leaves than that")]
    TooFew,
}

/// The root of a complete subtree over these nodes, whose number is a power of two.
fn fold(mut nodes: Vec<Hash>) -> Option<Hash> {
    while nodes.len() > 1 {
        nodes = nodes.chunks(2).map(|pair| if let [a, b] = pair { node_hash(a, b) } else { [0; 32] }).collect();
    }
    nodes.pop()
}

impl Subtrees {
    /// The number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Takes in the hash of the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.size += 1;
        self.tail.push(leaf);
        if self.tail.len() == TILE_WIDTH {
            let full = std::mem::take(&mut self.tail);
            self.push_at(0, full);
        }
    }

    /// Puts the root over a full tile into a level, and so on upwards.
    fn push_at(&mut self, level: usize, full: Vec<Hash>) {
        let Some(root) = fold(full) else { return };
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        let Some(nodes) = self.levels.get_mut(level) else { return };
        nodes.push(root);
        if nodes.len().is_multiple_of(TILE_WIDTH) {
            let from = nodes.len().saturating_sub(TILE_WIDTH);
            let full = nodes.get(from..).unwrap_or_default().to_vec();
            self.push_at(level + 1, full);
        }
    }

    /// The tree with the leaves' hashes beside it, ready for proofs.
    pub const fn with<'a, L: LeafHashes>(&'a self, leaves: &'a L) -> TiledLog<'a, L> {
        TiledLog { subtrees: self, leaves }
    }
}

/// A stored log with the cache of its subtrees.
pub struct TiledLog<'a, L> {
    subtrees: &'a Subtrees,
    leaves: &'a L,
}

impl<L: LeafHashes> Nodes for TiledLog<'_, L> {
    type Error = NodeError<L::Error>;

    fn node(&self, begin: u64, height: u32) -> Result<Hash, Self::Error> {
        let (level, rest) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
        let count = 1_u64 << rest;
        let from = begin.checked_shr(level * TILE_HEIGHT).unwrap_or(0);
        let nodes = if level == 0 { self.leaves(from, count)? } else { self.above(level, from, count) };
        if nodes.len() as u64 == count { fold(nodes).ok_or(NodeError::TooFew) } else { Err(NodeError::TooFew) }
    }
}

impl<L: LeafHashes> TiledLog<'_, L> {
    fn leaves(&self, from: u64, count: u64) -> Result<Vec<Hash>, NodeError<L::Error>> {
        let tail_from = self.subtrees.size - self.subtrees.tail.len() as u64;
        if from >= tail_from {
            let of = |n: u64| usize::try_from(n - tail_from).ok();
            let hashes = of(from).zip(of(from + count)).and_then(|(a, b)| self.subtrees.tail.get(a..b));
            return Ok(hashes.unwrap_or_default().to_vec());
        }
        self.leaves.leaf_hashes(from, count).map_err(NodeError::Read)
    }

    fn above(&self, level: u32, from: u64, count: u64) -> Vec<Hash> {
        let level = self.subtrees.levels.get(level as usize - 1);
        let span = usize::try_from(from).ok().zip(usize::try_from(from + count).ok());
        level.zip(span).and_then(|(nodes, (a, b))| nodes.get(a..b)).unwrap_or_default().to_vec()
    }
}

impl LeafHashes for [Hash] {
    type Error = std::convert::Infallible;

    fn leaf_hashes(&self, from: u64, count: u64) -> Result<Vec<Hash>, Self::Error> {
        let all = self.iter().skip(usize::try_from(from).unwrap_or(usize::MAX));
        Ok(all.take(usize::try_from(count).unwrap_or(usize::MAX)).copied().collect())
    }
}

impl LeafHashes for Vec<Hash> {
    type Error = std::convert::Infallible;

    fn leaf_hashes(&self, from: u64, count: u64) -> Result<Vec<Hash>, Self::Error> {
        self.as_slice().leaf_hashes(from, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Tree, leaf_hash, proof::range_root};

    /// Over two levels of tiles: the root at each size that ends a tile or not is that of the plain tree.
    #[test]
    fn the_roots_are_those_of_the_tree() {
        let (mut tree, mut subtrees, mut hashes) = (Tree::default(), Subtrees::default(), Vec::new());
        for n in 0..66_000_u64 {
            let hash = leaf_hash(&n.to_le_bytes());
            tree.push(hash);
            subtrees.push(hash);
            hashes.push(hash);
            let size = n + 1;
            if size < 600 || size % 4_999 == 0 || size.is_power_of_two() || (65_530..65_800).contains(&size) {
                assert_eq!(range_root(&subtrees.with(&hashes), 0, size), Ok(tree.root()), "size {size}");
            }
        }
        assert_eq!(subtrees.levels.iter().map(Vec::len).collect::<Vec<_>>(), [257, 1]);
        assert!(range_root(&subtrees.with(&hashes), 0, 66_001).is_err(), "there are fewer leaves");
    }
}
