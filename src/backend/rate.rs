//! How much somebody may ask for in a second.

use crate::domain::Millis;
use std::{collections::HashMap, hash::Hash};

/// Most keys that are tracked at once; beyond it those who have waited longest are forgotten.
const TRACKED_MAX: usize = 10_000;

/// A bucket that fills at a steady rate and holds two seconds' worth.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    per_s: f64,
    tokens: f64,
    at: Millis,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(per_s: u32, now: Millis) -> Self {
        let per_s = f64::from(per_s);
        Self { per_s, tokens: per_s * 2.0, at: now }
    }

    /// Takes one token at `now`; if there is none, says after how many seconds there will be one.
    ///
    /// # Errors
    /// The time to wait.
    pub fn take(&mut self, now: Millis) -> Result<(), f64> {
        let passed = (now - self.at).as_secs_f64().max(0.0);
        self.at = now;
        self.tokens = (self.tokens + passed * self.per_s).min(self.per_s * 2.0);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err((1.0 - self.tokens) / self.per_s)
    }
}

/// Buckets by key.
#[derive(Debug)]
pub struct Rates<K> {
    per_s: u32,
    buckets: HashMap<K, Bucket>,
}

impl<K: Eq + Hash + Clone> Rates<K> {
    /// No bucket yet.
    #[must_use]
    pub fn new(per_s: u32) -> Self {
        Self { per_s, buckets: HashMap::new() }
    }

    /// Takes one token of a key's bucket.
    ///
    /// # Errors
    /// The time to wait, in seconds.
    pub fn take(&mut self, key: &K, now: Millis) -> Result<(), f64> {
        if let Some(bucket) = self.buckets.get_mut(key) {
            return bucket.take(now);
        }
        if self.buckets.len() >= TRACKED_MAX {
            let oldest = self.buckets.iter().min_by_key(|(_, b)| b.at).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.buckets.remove(&key));
        }
        self.buckets.entry(key.clone()).or_insert_with(|| Bucket::new(self.per_s, now)).take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_two_seconds_then_a_steady_rate() {
        let mut bucket = Bucket::new(10, Millis(0));
        assert_eq!((0..30).filter(|_| bucket.take(Millis(0)).is_ok()).count(), 20);
        assert!((bucket.take(Millis(0)).unwrap_err() - 0.1).abs() < 1e-9);
        assert_eq!((0..30).filter(|_| bucket.take(Millis(1000)).is_ok()).count(), 10);
        assert_eq!((0..90).filter(|_| bucket.take(Millis(60_000)).is_ok()).count(), 20, "no more is saved up");
    }

    #[test]
    fn keys_are_apart_and_bounded() {
        let mut rates = Rates::new(1);
        assert!(rates.take(&1, Millis(0)).is_ok() && rates.take(&1, Millis(0)).is_ok());
        assert!(rates.take(&1, Millis(0)).is_err());
        assert!(rates.take(&2, Millis(0)).is_ok());
        for key in 0..i32::try_from(TRACKED_MAX).unwrap() * 2 {
            assert!(rates.take(&key, Millis(1)).is_ok() || key < 3);
        }
        assert_eq!(rates.buckets.len(), TRACKED_MAX);
    }
}
