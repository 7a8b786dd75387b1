//! How long to wait before the next try.

use crate::seam::Entropy;
use std::sync::Arc;

/// First wait, in milliseconds.
pub const RECONNECT_DELAY_MIN_MS: u64 = 250;
/// Longest wait, in milliseconds.
pub const RECONNECT_DELAY_MAX_MS: u64 = 5_000;

/// Waits that double up to a bound, with jitter, so that many clients do not come back at once.
pub struct Delays {
    entropy: Arc<dyn Entropy>,
    attempt: u32,
}

impl Delays {
    /// No failure yet.
    #[must_use]
    pub const fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, attempt: 0 }
    }

    /// The attempt that comes next, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt + 1
    }

    /// A try was good: the next failure waits the first wait again.
    pub const fn succeeded(&mut self) {
        self.attempt = 0;
    }

    /// A try failed: how long to wait before the next, in milliseconds. Between half and all of the doubled wait.
    pub fn failed(&mut self) -> u64 {
        let full = RECONNECT_DELAY_MIN_MS.saturating_mul(1 << self.attempt.min(16)).min(RECONNECT_DELAY_MAX_MS);
        self.attempt = self.attempt.saturating_add(1);
        let mut byte = [128];
        // Without randomness the wait is the middle one.
        drop(self.entropy.fill(&mut byte));
        let [random] = byte;
        full / 2 + full * u64::from(random) / 510
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seam::SeededEntropy;

    #[test]
    fn waits_grow_to_a_bound_and_begin_again() {
        let mut delays = Delays::new(Arc::new(SeededEntropy::new(1)));
        let mut bound = RECONNECT_DELAY_MIN_MS;
        for attempt in 1..40 {
            assert_eq!(delays.attempt(), attempt);
            let wait = delays.failed();
            assert!(wait >= bound / 2 && wait <= bound, "{attempt}: {wait}");
            bound = (bound * 2).min(RECONNECT_DELAY_MAX_MS);
        }
        delays.succeeded();
        assert!(delays.failed() <= RECONNECT_DELAY_MIN_MS);
    }
}
