//! Randomness.

use rand_core::{Rng, SeedableRng};
use std::sync::Mutex;

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gave no random bytes: {0}")]
pub struct EntropyError(String);

/// A source of random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// If the system gives none.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// The operating system's generator, fit for secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(bytes).map_err(|e| EntropyError(e.to_string()))
    }
}

/// A repeatable generator for tests and simulations. Never for secrets.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<rand_pcg::Pcg64>);

impl SeededEntropy {
    /// A generator that repeats for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(rand_pcg::Pcg64::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        let mut generator = self.0.lock().map_err(|_| EntropyError("a thread failed while it drew".to_owned()))?;
        generator.fill_bytes(bytes);
        Ok(())
    }
}
