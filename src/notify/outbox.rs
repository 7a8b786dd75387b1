//! Letters that wait: which is next, when to try again, and when to give up. Time is an argument.

use super::{Letter, Purpose, SendError};
use crate::domain::Millis;
use std::collections::BTreeMap;

/// Most letters that wait for one channel; beyond it the least urgent fails.
pub const OUTBOX_MAX: usize = 1_000;
/// Longest wait between two tries.
const WAIT_MAX: Millis = Millis::from_secs(60);

/// How often and how soon a letter is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Tries in all, at least 1.
    pub attempts: u32,
    /// The wait after the first try; each further wait is twice as long, up to a minute.
    pub first_wait: Millis,
}

/// A letter on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Parcel {
    /// The letter.
    pub letter: Letter,
    /// Tries so far.
    pub tried: u32,
    no: u64,
}

/// Letters of one channel that wait. Times are of a clock that never steps.
#[derive(Debug)]
pub struct Outbox {
    retry: Retry,
    waiting: BTreeMap<(Millis, std::cmp::Reverse<crate::domain::Priority>, u64), Parcel>,
    last_no: u64,
}

impl Outbox {
    /// An empty one.
    #[must_use]
    pub const fn new(retry: Retry) -> Self {
        Self { retry, waiting: BTreeMap::new(), last_no: 0 }
    }

    /// Takes a letter, due at once. If too many wait, the least urgent and newest of all is given back; those about
    /// emergencies are given back before any about an alert.
    pub fn put(&mut self, letter: Letter, now: Millis) -> Option<Letter> {
        self.last_no += 1;
        let parcel = Parcel { letter, tried: 0, no: self.last_no };
        self.wait_until(now, parcel);
        if self.waiting.len() <= OUTBOX_MAX {
            return None;
        }
        let least = self
            .waiting
            .iter()
            .min_by_key(|(_, p)| (p.letter.purpose != Purpose::Emergency, p.letter.priority, std::cmp::Reverse(p.no)));
        let key = least.map(|(key, _)| *key)?;
        self.waiting.remove(&key).map(|parcel| parcel.letter)
    }

    fn wait_until(&mut self, due: Millis, parcel: Parcel) {
        self.waiting.insert((due, std::cmp::Reverse(parcel.letter.priority), parcel.no), parcel);
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When the next one is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        self.waiting.keys().next().map(|(due, ..)| *due)
    }

    /// The most urgent letter that is due; of those as urgent, the one that is due the longest.
    pub fn pop_due(&mut self, now: Millis) -> Option<Parcel> {
        let due = self.waiting.keys().take_while(|(due, ..)| *due <= now);
        let key = *due.min_by_key(|(due, priority, no)| (*priority, *due, *no))?;
        self.waiting.remove(&key)
    }

    /// Takes back a letter that was not delivered, for another try; or gives it up, with why.
    #[must_use]
    pub fn not_delivered(&mut self, mut parcel: Parcel, error: SendError, now: Millis) -> Option<(Letter, String)> {
        parcel.tried += 1;
        match error {
            SendError::Later(_) if parcel.tried < self.retry.attempts => {
                let due = now + self.wait_after(parcel.tried);
                self.wait_until(due, parcel);
                None
            }
            SendError::Later(why) => Some((parcel.letter, format!("{why} (tried {} times)", parcel.tried))),
            SendError::Never(why) => Some((parcel.letter, why)),
        }
    }

    fn wait_after(&self, tries: u32) -> Millis {
        let doublings = tries.saturating_sub(1).min(30);
        let wait = self.retry.first_wait.0.saturating_mul(1_i64 << doublings);
        Millis(wait).min(WAIT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::Priority, notify::render::tests::full};
    use proptest::prelude::*;

    const RETRY: Retry = Retry { attempts: 4, first_wait: Millis(1_000) };

    fn letter(priority: Priority) -> Letter {
        Letter { priority, ..full() }
    }

    fn later() -> SendError {
        SendError::Later("the peer is away".to_owned())
    }

    #[test]
    fn the_most_urgent_goes_first_then_the_longest_waiting() {
        let mut outbox = Outbox::new(RETRY);
        for (priority, at) in [(Priority::Low, 0), (Priority::Medium, 1), (Priority::High, 2), (Priority::High, 1)] {
            assert_eq!(outbox.put(letter(priority), Millis(at)), None);
        }
        let order: Vec<(Priority, u64)> =
            std::iter::from_fn(|| outbox.pop_due(Millis(5))).map(|p| (p.letter.priority, p.no)).collect();
        let wanted = [(Priority::High, 4), (Priority::High, 3), (Priority::Medium, 2), (Priority::Low, 1)];
        assert_eq!(order, wanted);
    }

    #[test]
    fn letters_about_emergencies_push_out_no_alert() {
        let mut outbox = Outbox::new(RETRY);
        assert_eq!(outbox.put(letter(Priority::Low), Millis(0)), None);
        let emergency = || Letter { purpose: Purpose::Emergency, ..letter(Priority::Medium) };
        for _ in 1..OUTBOX_MAX {
            assert_eq!(outbox.put(emergency(), Millis(0)), None);
        }
        assert_eq!(outbox.put(emergency(), Millis(0)).map(|l| l.purpose), Some(Purpose::Emergency));
        assert_eq!(outbox.put(letter(Priority::Low), Millis(0)).map(|l| l.purpose), Some(Purpose::Emergency));
    }

    #[test]
    fn waits_double_up_to_the_last_try() {
        let mut outbox = Outbox::new(RETRY);
        outbox.put(letter(Priority::High), Millis(0));
        let mut now = Millis(0);
        for wait in [1_000, 2_000, 4_000] {
            let parcel = outbox.pop_due(now).unwrap();
            assert_eq!(outbox.not_delivered(parcel, later(), now), None);
            assert_eq!(outbox.next_due(), Some(now + Millis(wait)));
            assert_eq!(outbox.pop_due(now + Millis(wait - 1)), None);
            now = now + Millis(wait);
        }
        let parcel = outbox.pop_due(now).unwrap();
        let (_, why) = outbox.not_delivered(parcel, later(), now).unwrap();
        assert_eq!(why, "the peer is away (tried 4 times)");
        assert!(outbox.is_empty());
    }

    #[test]
    fn what_will_never_go_is_not_tried_again() {
        let mut outbox = Outbox::new(RETRY);
        outbox.put(letter(Priority::High), Millis(0));
        let parcel = outbox.pop_due(Millis(0)).unwrap();
        let never = SendError::Never("410 Gone".to_owned());
        assert_eq!(outbox.not_delivered(parcel, never, Millis(0)).unwrap().1, "410 Gone");
    }

    #[test]
    fn a_full_outbox_gives_back_the_least_urgent() {
        let mut outbox = Outbox::new(RETRY);
        assert_eq!(outbox.put(letter(Priority::Low), Millis(0)), None);
        for _ in 1..OUTBOX_MAX {
            assert_eq!(outbox.put(letter(Priority::High), Millis(0)), None);
        }
        let back = outbox.put(letter(Priority::High), Millis(0)).unwrap();
        assert_eq!(back.priority, Priority::Low);
        assert_eq!(outbox.put(letter(Priority::Medium), Millis(0)).unwrap().priority, Priority::Medium);
        assert_eq!(outbox.len(), OUTBOX_MAX);
    }

    proptest! {
        /// However it goes, every letter leaves the outbox after at most so many tries, each wait at most a minute.
        #[test]
        fn every_letter_leaves(attempts in 1_u32..12, first in 1_i64..90_000, fails in proptest::collection::vec(any::<bool>(), 0..40)) {
            let mut outbox = Outbox::new(Retry { attempts, first_wait: Millis(first) });
            outbox.put(letter(Priority::High), Millis(0));
            let (mut now, mut tries) = (Millis(0), 0);
            let mut fails = fails.into_iter().chain(std::iter::repeat(true));
            while let Some(due) = outbox.next_due() {
                prop_assert!(due - now <= WAIT_MAX);
                now = due;
                let parcel = outbox.pop_due(now).unwrap();
                tries += 1;
                prop_assert!(tries <= attempts);
                if fails.next().unwrap() {
                    let _ = outbox.not_delivered(parcel, later(), now);
                }
            }
        }
    }
}
