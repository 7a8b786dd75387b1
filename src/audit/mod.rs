//! The audit trail: an RFC 6962 Merkle log over the exact bytes of its leaves, with signed checkpoints.
//!
//! Pure: leaves, the tree, checkpoints, proofs and their verification. `store` keeps the bytes, writes each leaf in the
//! transaction of the act that it records, and signs a checkpoint only after that transaction is durable.
//!
//! A leaf holds identifiers and codes alone. Names and free text stand beside the log with a random salt; the leaf holds
//! SHA-256(salt ‖ text), so erasing the text breaks no proof.

pub mod checkpoint;
pub mod cosignature;
pub mod export;
pub mod leaf;
pub mod memory;
pub mod pin;
pub mod proof;
pub mod proof_text;
pub mod retention;
pub mod subtrees;
pub mod tree;
pub mod verify;
pub mod wanted;

pub use checkpoint::{Checkpoint, CheckpointError, NoteSigner, NoteVerifier};
pub use cosignature::{CosignatureVerifier, Cosigner};
pub use leaf::{Act, LeafActor, LeafDraft, LeafStamp, Outcome, Retained, RetainedHow, SideText};
pub use memory::{Fork, Remembered, Shown};
pub use pin::{Pin, PinError};
pub use proof_text::{ProofError, ProofText, Proven};
pub use retention::{RetentionPlan, Segment};
pub use subtrees::{LeafHashes, NodeError, Subtrees};
pub use tree::{Hash, Tree, leaf_hash};
pub use verify::{Evidence, Fault, FaultKind, Gone, Removed, StoredLeaf, Verified, verify};
