//! Trees and proofs against an independent implementation of RFC 6962 (`ct-merkle`), and against what must not hold.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;
use std::cell::Cell;
use wardwatch::audit::{
    Hash, LeafHashes, Subtrees, Tree, leaf_hash,
    proof::{self, PROOF_HASHES_MAX, is_consistent, is_included},
};

/// All roots up to here.
const ROOTS_MAX: u64 = 1_025;
/// All proofs up to here.
const PROOFS_MAX: u64 = 256;

type Oracle = MemoryBackedTree<Sha256, Vec<u8>>;

fn leaf(n: u64) -> Vec<u8> {
    format!("{{\"v\":1,\"i\":{n}}}").into_bytes()
}

/// Both implementations over the same leaves.
#[derive(Default)]
struct Both {
    oracle: Oracle,
    tree: Tree,
    subtrees: Subtrees,
    hashes: Vec<Hash>,
    roots: Vec<Hash>,
}

impl Both {
    fn new() -> Self {
        let mut both = Self::default();
        both.roots.push(both.tree.root());
        both
    }

    fn of(size: u64) -> Self {
        let mut both = Self::new();
        (0..size).for_each(|_| both.push());
        both
    }

    fn push(&mut self) {
        let bytes = leaf(self.tree.size());
        let hash = leaf_hash(&bytes);
        self.oracle.push(bytes);
        self.tree.push(hash);
        self.subtrees.push(hash);
        self.hashes.push(hash);
        self.roots.push(self.tree.root());
    }

    fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        proof::inclusion(&self.subtrees.with(&self.hashes), index, size).unwrap().unwrap()
    }

    fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
        proof::consistency(&self.subtrees.with(&self.hashes), old, new).unwrap().unwrap()
    }

    fn root(&self, size: u64) -> &Hash {
        &self.roots[size as usize]
    }
}

#[test]
fn the_roots_are_those_of_another_implementation() {
    let mut both = Both::new();
    for size in 0..=ROOTS_MAX {
        assert_eq!(both.oracle.root().as_bytes().as_slice(), both.root(size), "size {size}");
        let nodes = both.subtrees.with(&both.hashes);
        assert_eq!(proof::range_root(&nodes, 0, size).unwrap(), *both.root(size), "size {size}, from subtrees");
        both.push();
    }
}

#[test]
fn all_proofs_are_those_of_another_implementation() {
    let mut both = Both::new();
    let mut pairs = 0;
    for new in 1..=PROOFS_MAX {
        both.push();
        let root = both.root(new);
        for index in 0..new {
            let ours = both.inclusion(index, new);
            let theirs = both.oracle.prove_inclusion(index as usize);
            assert_eq!(ours.concat(), theirs.as_bytes(), "entry {index} of {new}");
            let hash = both.hashes[index as usize];
            assert!(is_included(index, new, hash, &ours, root), "entry {index} of {new}");
            assert!(!is_included(index ^ 1, new, hash, &ours, root) || ours.is_empty(), "entry {index} of {new}");
        }
        for old in 1..=new {
            let ours = both.consistency(old, new);
            if old < new {
                let theirs = both.oracle.prove_consistency((new - old) as usize);
                assert_eq!(ours.concat(), theirs.as_bytes(), "{old} to {new}");
            }
            assert!(is_consistent((old, both.root(old)), (new, root), &ours), "{old} to {new}");
            pairs += 1;
        }
        assert!(is_consistent((0, both.root(0)), (new, root), &[]), "0 to {new}");
    }
    assert_eq!(pairs, 32_896);
}

/// No other root, place, size, order or length is accepted for a proof.
#[test]
fn a_proof_proves_one_thing() {
    let both = Both::of(70);
    let bad: Hash = [0; 32];
    for new in 1..=70_u64 {
        let root = both.root(new);
        for old in 1..=new {
            let proof = both.consistency(old, new);
            assert!(!is_consistent((old, &bad), (new, root), &proof), "{old} to {new}");
            assert!(!is_consistent((old, both.root(old)), (new, &bad), &proof), "{old} to {new}");
            if old > 1 {
                assert!(!is_consistent((old - 1, both.root(old)), (new, root), &proof), "{old} to {new}: less");
            }
            for cut in 0..proof.len() {
                assert!(!is_consistent((old, both.root(old)), (new, root), &proof[..cut]), "{old} to {new}: {cut}");
            }
            let longer = [proof.as_slice(), &[bad]].concat();
            assert!(!is_consistent((old, both.root(old)), (new, root), &longer), "{old} to {new}: longer");
            for at in 0..proof.len() {
                let mut other = proof.clone();
                other[at][31] ^= 1;
                assert!(!is_consistent((old, both.root(old)), (new, root), &other), "{old} to {new}: {at}");
            }
        }
        for index in 0..new {
            let (proof, hash) = (both.inclusion(index, new), both.hashes[index as usize]);
            for other in (0..new + 2).filter(|other| *other != index) {
                assert!(!is_included(other, new, hash, &proof, root), "{index} as {other} of {new}");
            }
            let longer = [proof.as_slice(), &[bad]].concat();
            assert!(!is_included(index, new, hash, &longer, root), "{index} of {new}");
        }
    }
    assert_eq!(proof::inclusion(&both.subtrees.with(&both.hashes), 70, 70), Ok(None));
    assert_eq!(proof::consistency(&both.subtrees.with(&both.hashes), 71, 70), Ok(None));
    assert!(proof::inclusion(&both.subtrees.with(&both.hashes), 3, 71).is_err(), "there are no 71");
    assert!(!is_consistent((0, &bad), (5, both.root(5)), &[]), "an empty tree has one root");
    assert!(!is_consistent((6, both.root(6)), (5, both.root(5)), &[]));
}

/// Counts how many leaf hashes a proof reads.
struct Counting<'a> {
    hashes: &'a [Hash],
    read: Cell<u64>,
}

impl LeafHashes for Counting<'_> {
    type Error = std::convert::Infallible;

    fn leaf_hashes(&self, from: u64, count: u64) -> Result<Vec<Hash>, Self::Error> {
        self.read.set(self.read.get() + count);
        self.hashes.leaf_hashes(from, count)
    }
}

#[test]
fn a_proof_reads_few_leaves_of_a_large_log() {
    let size = 200_003_u64;
    let (mut tree, mut subtrees, mut hashes) = (Tree::default(), Subtrees::default(), Vec::new());
    let mut old_roots = Vec::new();
    for n in 0..size {
        let hash = leaf_hash(&n.to_le_bytes());
        tree.push(hash);
        subtrees.push(hash);
        hashes.push(hash);
        if n % 17_389 == 0 {
            old_roots.push((tree.size(), tree.root()));
        }
    }
    let leaves = Counting { hashes: &hashes, read: Cell::new(0) };
    let root = tree.root();
    for index in [0, 1, 255, 256, 65_535, 65_536, 131_071, 199_999, size - 1] {
        leaves.read.set(0);
        let proof = proof::inclusion(&subtrees.with(&leaves), index, size).unwrap().unwrap();
        assert!(is_included(index, size, hashes[index as usize], &proof, &root), "{index}");
        assert!(proof.len() <= 18 && leaves.read.get() <= 512, "{index}: {} leaves were read", leaves.read.get());
    }
    for (old, old_root) in old_roots {
        let proof = proof::consistency(&subtrees.with(&leaves), old, size).unwrap().unwrap();
        assert!(is_consistent((old, &old_root), (size, &root), &proof), "{old}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn larger_proofs_are_those_of_another_implementation(size in 257_u64..3_000, a in 0_u64..3_000, b in 1_u64..3_000) {
        let both = Both::of(size);
        let (index, old) = (a % size, 1 + b % size);
        let ours = both.inclusion(index, size);
        let theirs = both.oracle.prove_inclusion(index as usize);
        prop_assert_eq!(ours.concat(), theirs.as_bytes());
        prop_assert!(is_included(index, size, both.hashes[index as usize], &ours, both.root(size)));
        let ours = both.consistency(old, size);
        prop_assert!(is_consistent((old, both.root(old)), (size, both.root(size)), &ours));
        if old < size {
            let theirs = both.oracle.prove_consistency((size - old) as usize);
            prop_assert_eq!(ours.concat(), theirs.as_bytes());
        }
        // A smaller tree of the same log is proven by the same nodes.
        if index < old {
            let earlier = both.inclusion(index, old);
            prop_assert!(is_included(index, old, both.hashes[index as usize], &earlier, both.root(old)));
        }
    }

    /// Whatever is given, an answer comes.
    #[test]
    fn checks_are_total(
        index: u64,
        sizes: (u64, u64),
        proof in proptest::collection::vec(any::<Hash>(), 0..PROOF_HASHES_MAX + 8),
        root: Hash,
    ) {
        prop_assert!(!is_included(index, sizes.0, root, &proof, &[1; 32]));
        prop_assert!(!is_consistent((sizes.0, &root), (sizes.1, &[1; 32]), &proof));
    }
}
