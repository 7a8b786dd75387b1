//! How long somebody who guesses has to wait.

use crate::domain::Millis;
use std::collections::BTreeMap;

/// Wait after so many failures, in seconds; the last one stands for all further failures.
pub const LOGIN_DELAYS_S: [i64; 14] = [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 120, 300, 900, 3600];
/// Most names whose failures are remembered; beyond it those who may try again soonest are forgotten.
pub const TRACKED_NAMES_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Track {
    failures: u32,
    allowed_at: Millis,
}

/// Failed logins by name, whether or not there is such a user.
#[derive(Debug, Default)]
pub struct Backoff {
    by_name: BTreeMap<String, Track>,
}

impl Backoff {
    /// How long `name` has to wait at `now` (time since boot); zero if it may try.
    #[must_use]
    pub fn wait(&self, name: &str, now: Millis) -> Millis {
        let track = self.by_name.get(&name.to_lowercase());
        track.map_or(Millis::ZERO, |t| (t.allowed_at - now).max(Millis::ZERO))
    }

    /// Counts a failure; returns how many there are in a row.
    pub fn failed(&mut self, name: &str, now: Millis) -> u32 {
        let key = name.to_lowercase();
        let failures = self.by_name.get(&key).map_or(0, |t| t.failures).saturating_add(1);
        self.set(key, failures, now);
        failures
    }

    /// Sets what is known from before a restart.
    pub fn restore(&mut self, name: &str, failures: u32, now: Millis) {
        if failures > 0 {
            self.set(name.to_lowercase(), failures, now);
        }
    }

    /// Forgets the failures of a name: it has signed in.
    pub fn succeeded(&mut self, name: &str) {
        self.by_name.remove(&name.to_lowercase());
    }

    fn set(&mut self, key: String, failures: u32, now: Millis) {
        let index = usize::try_from(failures).unwrap_or(usize::MAX).min(LOGIN_DELAYS_S.len() - 1);
        let delay = LOGIN_DELAYS_S.get(index).copied().unwrap_or(3600);
        if self.by_name.len() >= TRACKED_NAMES_MAX && !self.by_name.contains_key(&key) {
            let soonest = self.by_name.iter().min_by_key(|(_, t)| t.allowed_at).map(|(name, _)| name.clone());
            soonest.and_then(|name| self.by_name.remove(&name));
        }
        self.by_name.insert(key, Track { failures, allowed_at: now + Millis::from_secs(delay) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_and_ends_with_a_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<i64> = (0..16)
            .map(|_| {
                backoff.failed("Anna", Millis(0));
                backoff.wait("anna", Millis(0)).as_secs()
            })
            .collect();
        assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 32, 60, 120, 300, 900, 3600, 3600, 3600, 3600]);
        assert_eq!(backoff.wait("anna", Millis::from_secs(3599)), Millis(1000));
        assert_eq!(backoff.wait("anna", Millis::from_secs(3600)), Millis::ZERO);
        backoff.succeeded("ANNA");
        assert_eq!(backoff.wait("anna", Millis(0)), Millis::ZERO);
        assert_eq!(backoff.failed("anna", Millis(0)), 1);
    }

    #[test]
    fn memory_is_bounded_and_the_longest_waits_stay() {
        let mut backoff = Backoff::default();
        for _ in 0..12 {
            backoff.failed("victim", Millis(0));
        }
        for i in 0..TRACKED_NAMES_MAX * 2 {
            backoff.failed(&format!("name{i}"), Millis(1));
        }
        assert_eq!(backoff.by_name.len(), TRACKED_NAMES_MAX);
        assert!(backoff.wait("victim", Millis(1)) > Millis::ZERO);
    }
}
