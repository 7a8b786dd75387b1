//! How long somebody who guesses has to wait.
//!
//! Failures are counted for an account and a source together, so that who guesses elsewhere keeps nobody out. For the
//! account alone they are counted too: from [`ACCOUNT_FAILURES_MAX`] on only those sources may try from which the account
//! has signed in before.

use crate::domain::Millis;
use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
};

/// Wait after so many failures, in seconds; the last one stands for all further failures.
pub const LOGIN_DELAYS_S: [i64; 14] = [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 120, 300, 900, 3600];
/// Most names and sources whose failures are remembered; beyond it those who may try again soonest are forgotten.
pub const TRACKED_NAMES_MAX: usize = 10_000;
/// Failures of an account in a row, wherever from, after which only sources are let in that it has signed in from
/// (NIST SP 800-63B-4, 3.2.2). A new passphrase ends it.
pub const ACCOUNT_FAILURES_MAX: u32 = 100;
/// Most sources that are known of one account; beyond it the one that was used least recently is forgotten.
pub const KNOWN_SOURCES_MAX: usize = 8;
/// Most accounts whose sources are known.
const KNOWN_ACCOUNTS_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Track {
    failures: u32,
    allowed_at: Millis,
}

/// Where somebody tries from; `None` stands for all places.
type Source = Option<IpAddr>;

/// Failed logins by name and source, whether or not there is such a user.
#[derive(Debug, Default)]
pub struct Backoff {
    tracks: BTreeMap<(String, Source), Track>,
    /// Failures in a row of each name, wherever from.
    totals: BTreeMap<String, u32>,
    known: BTreeMap<String, VecDeque<IpAddr>>,
}

fn delay_after(failures: u32) -> Millis {
    let index = usize::try_from(failures).unwrap_or(usize::MAX).min(LOGIN_DELAYS_S.len() - 1);
    Millis::from_secs(LOGIN_DELAYS_S.get(index).copied().unwrap_or(3600))
}

impl Backoff {
    /// How long `name` has to wait at `now` (time since boot) when it is tried from a source; zero if it may be tried.
    #[must_use]
    pub fn wait(&self, name: &str, source: Source, now: Millis) -> Millis {
        let name = name.to_lowercase();
        let known = source.is_some_and(|source| self.known.get(&name).is_some_and(|all| all.contains(&source)));
        let (own, all) = (self.tracks.get(&(name.clone(), source)), self.tracks.get(&(name.clone(), None)));
        // What was counted before a restart is of all sources, but of those that are known again.
        let track = if known { own } else { own.or(all) };
        let own = track.map_or(Millis::ZERO, |t| (t.allowed_at - now).max(Millis::ZERO));
        let spent = self.totals.get(&name).is_some_and(|total| *total >= ACCOUNT_FAILURES_MAX);
        if spent && !known { own.max(delay_after(u32::MAX)) } else { own }
    }

    /// Counts a failure; returns how many there are in a row, wherever from.
    pub fn failed(&mut self, name: &str, source: Source, now: Millis) -> u32 {
        let name = name.to_lowercase();
        let key = (name.clone(), source);
        let restored = self.tracks.get(&(name.clone(), None)).map_or(0, |t| t.failures);
        let failures = self.tracks.get(&key).map_or(restored, |t| t.failures).saturating_add(1);
        self.set(key, failures, now);
        let total = self.totals.entry(name).or_default();
        *total = total.saturating_add(1);
        *total
    }

    /// Sets what is known from before a restart.
    pub fn restore(&mut self, name: &str, failures: u32, now: Millis) {
        if failures > 0 {
            let name = name.to_lowercase();
            self.totals.insert(name.clone(), failures);
            self.set((name, None), failures, now);
        }
    }

    /// Forgets the failures of a name: it has signed in from a source, which is known from now on.
    pub fn succeeded(&mut self, name: &str, source: Source) {
        let name = name.to_lowercase();
        self.forgive(&name);
        let Some(source) = source else { return };
        if self.known.len() >= KNOWN_ACCOUNTS_MAX && !self.known.contains_key(&name) {
            return;
        }
        let known = self.known.entry(name).or_default();
        known.retain(|held| *held != source);
        known.push_back(source);
        if known.len() > KNOWN_SOURCES_MAX {
            known.pop_front();
        }
    }

    /// Forgets the failures of a name: it was given another passphrase.
    pub fn forgive(&mut self, name: &str) {
        let name = name.to_lowercase();
        self.totals.remove(&name);
        let from = (name.clone(), None);
        let own: Vec<(String, Source)> =
            self.tracks.range(from..).map(|(key, _)| key).take_while(|key| key.0 == name).cloned().collect();
        for key in own {
            self.tracks.remove(&key);
        }
    }

    fn set(&mut self, key: (String, Source), failures: u32, now: Millis) {
        if self.tracks.len() >= TRACKED_NAMES_MAX && !self.tracks.contains_key(&key) {
            let soonest = self.tracks.iter().min_by_key(|(_, t)| t.allowed_at).map(|(key, _)| key.clone());
            if let Some(soonest) = soonest {
                self.tracks.remove(&soonest);
                self.totals.remove(&soonest.0);
            }
        }
        self.tracks.insert(key, Track { failures, allowed_at: now + delay_after(failures) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> Source {
        Some([10, 0, 0, last].into())
    }

    #[test]
    fn the_wait_grows_and_ends_with_a_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<i64> = (0..16)
            .map(|_| {
                backoff.failed("Anna", from(1), Millis(0));
                backoff.wait("anna", from(1), Millis(0)).as_secs()
            })
            .collect();
        assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 32, 60, 120, 300, 900, 3600, 3600, 3600, 3600]);
        assert_eq!(backoff.wait("anna", from(1), Millis::from_secs(3599)), Millis(1000));
        assert_eq!(backoff.wait("anna", from(1), Millis::from_secs(3600)), Millis::ZERO);
        backoff.succeeded("ANNA", from(1));
        assert_eq!(backoff.wait("anna", from(1), Millis(0)), Millis::ZERO);
        assert_eq!(backoff.failed("anna", from(1), Millis(0)), 1);
    }

    /// An attacker with 10,000 tries from anywhere.
    #[test]
    fn a06_who_guesses_elsewhere_keeps_nobody_out_who_was_in() {
        let mut backoff = Backoff::default();
        backoff.succeeded("anna", from(1));
        for n in 0..10_000_u32 {
            backoff.failed("anna", Some(n.to_be_bytes().into()), Millis(0));
        }
        assert_eq!(backoff.wait("anna", from(1), Millis(1)), Millis::ZERO, "from where she was in before");
        assert!(backoff.wait("anna", from(2), Millis(1)) > Millis::ZERO, "from anywhere else nobody tries on");
        backoff.forgive("anna");
        assert_eq!(backoff.wait("anna", from(2), Millis(1)), Millis::ZERO, "a new passphrase ends it");
    }

    #[test]
    fn a06_a_few_tries_elsewhere_cost_others_nothing() {
        let mut backoff = Backoff::default();
        for _ in 0..20 {
            backoff.failed("anna", from(9), Millis(0));
        }
        assert!(backoff.wait("anna", from(9), Millis(1)) > Millis::ZERO);
        assert_eq!(backoff.wait("anna", from(2), Millis(1)), Millis::ZERO);
    }

    #[test]
    fn p07_the_hundred_and_first_try_is_refused_over_a_restart_too() {
        let mut backoff = Backoff::default();
        backoff.restore("anna", ACCOUNT_FAILURES_MAX, Millis(0));
        assert!(backoff.wait("anna", from(1), Millis::from_mins(24 * 60)) > Millis::ZERO);
        let mut fewer = Backoff::default();
        fewer.restore("anna", 3, Millis(0));
        assert_eq!(fewer.wait("anna", from(1), Millis(0)), Millis::from_secs(1));
        assert_eq!(fewer.failed("anna", from(1), Millis(0)), 4);
        assert_eq!(fewer.wait("anna", from(1), Millis(0)), Millis::from_secs(2), "counted on from before");
    }

    #[test]
    fn memory_is_bounded_and_the_longest_waits_stay() {
        let mut backoff = Backoff::default();
        for _ in 0..12 {
            backoff.failed("victim", from(1), Millis(0));
        }
        for i in 0..TRACKED_NAMES_MAX * 2 {
            backoff.failed(&format!("name{i}"), from(1), Millis(1));
        }
        assert_eq!(backoff.tracks.len(), TRACKED_NAMES_MAX);
        assert!(backoff.totals.len() <= TRACKED_NAMES_MAX);
        assert!(backoff.wait("victim", from(1), Millis(1)) > Millis::ZERO);
    }
}
