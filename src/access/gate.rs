//! How many logins are looked at, and which of those that are not leave an entry.
//!
//! An entry of the audit trail stays for ever, so what anybody may cause without a passphrase must not cause one each.

use crate::domain::{Millis, SessionId};
use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv6Addr},
};

/// Login tries per minute in all.
const LOGIN_TRIES_PER_MIN: u32 = 120;
/// Login tries at once in all, after a time without.
const LOGIN_BURST_TRIES: u32 = 240;
/// Login tries per minute from one source.
const SOURCE_TRIES_PER_MIN: u32 = 30;
/// Login tries at once from one source, after a time without.
const SOURCE_BURST_TRIES: u32 = 60;
/// Most sources that are told apart at once; beyond it the one that was heard least recently is forgotten.
const SOURCES_MAX: usize = 10_000;
/// Entries per minute for names that nobody has; further tries are counted.
const UNKNOWN_NAME_LEAVES_PER_MIN: u32 = 1;
/// Entries at once for names that nobody has, after a time without.
const UNKNOWN_NAME_BURST_LEAVES: u32 = 60;
/// Shortest time between two entries of refused tries of one kind.
const REFUSED_LEAF_EVERY: Millis = Millis::from_secs(60);
/// Most kinds of refused tries that are told apart at once; beyond it they count as [`RefusedTry::TooMany`].
const REFUSED_KINDS_MAX: usize = 10_000;
/// Wrong unlocks in a row after which a session ends.
pub const UNLOCK_TRIES_MAX: u32 = 10;

/// What may be taken at a steady rate, with a store for a burst.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    per_min: u32,
    burst: u32,
    left: f64,
    at: Millis,
}

impl Allowance {
    fn new(per_min: u32, burst: u32, now: Millis) -> Self {
        Self { per_min, burst, left: f64::from(burst), at: now }
    }

    /// Takes one; if there is none, says after how many seconds there will be one.
    fn take(&mut self, now: Millis) -> Result<(), i64> {
        let passed_min = (now - self.at).as_secs_f64().max(0.0) / 60.0;
        self.at = now;
        self.left = (self.left + passed_min * f64::from(self.per_min)).min(f64::from(self.burst));
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        Err(i64::from(60 / self.per_min.clamp(1, 60)))
    }
}

/// Why a try was refused without a look at the passphrase, or without an entry of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusedTry {
    /// There were too many.
    TooMany,
    /// The names were nobody's, and there were many of them.
    UnknownNames,
    /// A name has to wait; it is in lower case.
    Name(String),
    /// There were too many enrolments, or their codes were nobody's and there were many of them.
    Enrolment,
    /// The unlock of a session has to wait.
    Unlock(SessionId),
}

#[derive(Debug, Clone, Copy)]
struct Tally {
    told_at: Millis,
    untold: u32,
}

/// Bounds on logins, or on enrolments. Times are since boot.
#[derive(Debug)]
pub struct LoginGate {
    all: Allowance,
    sources: HashMap<IpAddr, Allowance>,
    unknown_names: Allowance,
    refused: BTreeMap<RefusedTry, Tally>,
}

/// Who shares a limit: an IPv4 address, or the /64 of an IPv6 address, within which one machine has any it wants.
#[must_use]
pub fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl LoginGate {
    /// Nobody has tried yet.
    #[must_use]
    pub fn new(now: Millis) -> Self {
        Self {
            all: Allowance::new(LOGIN_TRIES_PER_MIN, LOGIN_BURST_TRIES, now),
            sources: HashMap::new(),
            unknown_names: Allowance::new(UNKNOWN_NAME_LEAVES_PER_MIN, UNKNOWN_NAME_BURST_LEAVES, now),
            refused: BTreeMap::new(),
        }
    }

    /// Lets a login try from an address in. One that its source may not make takes nothing from the others.
    ///
    /// # Errors
    /// The time to wait in seconds.
    pub fn admit(&mut self, address: IpAddr, now: Millis) -> Result<(), i64> {
        let source = source_of(address);
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            let oldest = self.sources.iter().min_by_key(|(_, a)| a.at).map(|(source, _)| *source);
            oldest.and_then(|source| self.sources.remove(&source));
        }
        let fresh = || Allowance::new(SOURCE_TRIES_PER_MIN, SOURCE_BURST_TRIES, now);
        self.sources.entry(source).or_insert_with(fresh).take(now)?;
        self.all.take(now)
    }

    /// Whether a wrong try for a name that nobody has may leave an entry of its own.
    pub fn unknown_name(&mut self, now: Millis) -> bool {
        self.unknown_names.take(now).is_ok()
    }

    /// Counts a refused try; gives the number of tries to be told of, if it is time for an entry.
    pub fn refused(&mut self, kind: RefusedTry, now: Millis) -> Option<u32> {
        let full = self.refused.len() >= REFUSED_KINDS_MAX && !self.refused.contains_key(&kind);
        let kind = if full { RefusedTry::TooMany } else { kind };
        let Some(tally) = self.refused.get_mut(&kind) else {
            self.refused.insert(kind, Tally { told_at: now, untold: 0 });
            return Some(1);
        };
        tally.untold = tally.untold.saturating_add(1);
        if now - tally.told_at < REFUSED_LEAF_EVERY {
            return None;
        }
        tally.told_at = now;
        Some(std::mem::take(&mut tally.untold))
    }

    /// The refused tries that are to be told of by now. What has been quiet is forgotten.
    pub fn due(&mut self, now: Millis) -> Vec<(RefusedTry, u32)> {
        let mut due = Vec::new();
        self.refused.retain(|kind, tally| {
            if now - tally.told_at < REFUSED_LEAF_EVERY {
                return true;
            }
            let tries = std::mem::take(&mut tally.untold);
            tally.told_at = now;
            if tries > 0 {
                due.push((kind.clone(), tries));
            }
            tries > 0
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(gate: &mut LoginGate, address: &str, tries: usize, now: Millis) -> usize {
        (0..tries).filter(|_| gate.admit(address.parse().unwrap(), now).is_ok()).count()
    }

    #[test]
    fn one_source_has_a_burst_and_then_a_rate_and_leaves_room_for_others() {
        let mut gate = LoginGate::new(Millis(0));
        assert_eq!(admitted(&mut gate, "10.0.0.1", 1_000, Millis(0)), 60);
        assert_eq!(gate.admit("10.0.0.1".parse().unwrap(), Millis(0)), Err(2));
        assert_eq!(admitted(&mut gate, "::ffff:10.0.0.1", 10, Millis(0)), 0, "the same in other clothes");
        assert_eq!(admitted(&mut gate, "10.0.0.2", 10, Millis(0)), 10);
        assert_eq!(admitted(&mut gate, "10.0.0.1", 100, Millis::from_secs(60)), 30);
        assert_eq!(admitted(&mut gate, "10.0.0.1", 100, Millis::from_mins(60)), 60, "no more is saved up");
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let mut gate = LoginGate::new(Millis(0));
        let tries = (0..200).filter(|n| gate.admit(format!("2001:db8::{n:x}").parse().unwrap(), Millis(0)).is_ok());
        assert_eq!(tries.count(), 60);
        assert_eq!(admitted(&mut gate, "2001:db8:0:1::1", 1, Millis(0)), 1);
    }

    #[test]
    fn there_is_a_bound_in_all_and_on_memory() {
        let mut gate = LoginGate::new(Millis(0));
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        let tries = (0..20_000_u32).filter(|n| gate.admit(address(*n), Millis(0)).is_ok()).count();
        assert_eq!(tries, 240);
        assert_eq!(gate.sources.len(), SOURCES_MAX);
    }

    #[test]
    fn a_waiting_name_leaves_one_entry_a_minute_and_no_try_is_lost() {
        let mut gate = LoginGate::new(Millis(0));
        let (anna, ben) = (RefusedTry::Name("anna".into()), RefusedTry::Name("ben".into()));
        let s = Millis::from_secs;
        assert_eq!(gate.refused(anna.clone(), s(0)), Some(1), "the first is told at once");
        assert_eq!((1..60).filter_map(|n| gate.refused(anna.clone(), s(n))).count(), 0);
        assert_eq!(gate.refused(ben, s(59)), Some(1), "names are apart");
        assert_eq!(gate.due(s(59)), []);
        assert_eq!(gate.due(s(60)), [(anna.clone(), 59)]);
        assert_eq!(gate.refused(anna.clone(), s(61)), None);
        assert_eq!(gate.refused(anna, s(120)), Some(2));
        assert_eq!(gate.due(s(180)), []);
        assert!(gate.refused.is_empty(), "what is quiet is forgotten");
    }

    #[test]
    fn kinds_beyond_the_bound_are_counted_together() {
        let mut gate = LoginGate::new(Millis(0));
        let told = (0..REFUSED_KINDS_MAX * 2).filter_map(|n| gate.refused(RefusedTry::Name(n.to_string()), Millis(0)));
        assert_eq!(told.count(), REFUSED_KINDS_MAX + 1);
        assert_eq!(gate.refused.get(&RefusedTry::TooMany).unwrap().untold, 9_999);
    }

    #[test]
    fn names_that_nobody_has_fill_no_disk() {
        let mut gate = LoginGate::new(Millis(0));
        assert_eq!((0..1_000).filter(|_| gate.unknown_name(Millis(0))).count(), 60);
        let day = (1..=86_400).filter(|s| gate.unknown_name(Millis::from_secs(*s))).count();
        assert!(day <= 24 * 60, "{day}");
    }
}
