//! When each patient is to be looked at next: the first of the many waits that go on while nothing is wrong.
//!
//! A series that is well waits for its silence, and nearly always its next value comes before. To move each such wait
//! along in the ordered queue of timers every few seconds is dear: of a large ward the queue does not fit the caches. So
//! these waits stand with their owners, and of a patient only the first one stands here. When it comes, what is due by
//! then goes into the ordered queue and fires from there, in its order.
//!
//! Nearly all looks are put off before they come. They lie in heaps by their time, unordered, and one that holds no more
//! is passed over when its heap comes.

use crate::domain::Timestamp;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

/// So much time lies in one heap of looks, ms.
const HEAP_MS: i64 = 250;

/// The looks of a ward, by the places of its patients.
#[derive(Debug, Clone, Default)]
pub(super) struct Looks {
    /// The look of each place that holds.
    holding: Vec<Option<Timestamp>>,
    /// Looks by the number of their heap: those that hold, and others.
    heaps: BTreeMap<i64, Vec<usize>>,
    /// Looks of the heaps that have come: those that hold, and few others.
    near: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// The first heap that has not come.
    first: i64,
}

const fn heap_of(at: Timestamp) -> i64 {
    at.as_ms().div_euclid(HEAP_MS)
}

impl Looks {
    /// When a patient is to be looked at.
    pub(super) fn of(&self, place: usize) -> Option<Timestamp> {
        self.holding.get(place).copied().flatten()
    }

    /// Sets when a patient is to be looked at.
    pub(super) fn set(&mut self, place: usize, at: Option<Timestamp>) {
        if self.holding.len() <= place {
            self.holding.resize(place + 1, None);
        }
        let Some(holding) = self.holding.get_mut(place).filter(|holding| **holding != at) else { return };
        *holding = at;
        match at {
            Some(at) if heap_of(at) < self.first => self.near.push(Reverse((at, place))),
            Some(at) => self.heaps.entry(heap_of(at)).or_default().push(place),
            None => {}
        }
    }

    /// Makes sure that a patient is looked at by `at`.
    pub(super) fn by(&mut self, place: usize, at: Timestamp) {
        if self.of(place).is_none_or(|holding| at < holding) {
            self.set(place, Some(at));
        }
    }

    /// A patient has left, and the one at the last place has taken the place.
    pub(super) fn remove(&mut self, place: usize, last: usize) {
        let moved = self.of(last).filter(|_| place != last);
        self.set(last, None);
        self.set(place, moved);
    }

    /// Takes the first look if it comes at `until` or before: when, and whose.
    pub(super) fn pop(&mut self, until: Timestamp) -> Option<(Timestamp, usize)> {
        self.come(until);
        while let Some(Reverse((at, place))) = self.near.peek().copied().filter(|Reverse((at, _))| *at <= until) {
            self.near.pop();
            if self.of(place) == Some(at) {
                self.set(place, None);
                return Some((at, place));
            }
        }
        None
    }

    /// The heaps until then come: what of them still holds is near.
    fn come(&mut self, until: Timestamp) {
        while let Some(heap) = self.heaps.first_entry().filter(|heap| *heap.key() <= heap_of(until)) {
            let (number, places) = heap.remove_entry();
            let holds =
                |place: usize| self.of(place).filter(|at| heap_of(*at) == number).map(|at| Reverse((at, place)));
            let holding: Vec<_> = places.into_iter().filter_map(holds).collect();
            self.near.extend(holding);
        }
        self.first = self.first.max(heap_of(until) + 1);
    }

    /// A time before which no look comes; `None` if none does.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let heap = self.heaps.keys().next().map(|number| Timestamp::from_ms(number * HEAP_MS));
        self.near.peek().map(|Reverse((at, _))| *at).into_iter().chain(heap).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn t(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    proptest! {
        /// Whatever is set, put off, brought forward and taken away, each look that holds comes once, in time and in order.
        #[test]
        fn looks_come_in_order(acts in prop::collection::vec((0_u8..8, 0..6_usize, 0..3_000_i64), 0..200)) {
            let (mut looks, mut model, mut now) = (Looks::default(), [None; 6], 0);
            for (act, place, ms) in acts {
                match act {
                    0 => {
                        looks.set(place, None);
                        model[place] = None;
                    }
                    1..=2 => {
                        looks.set(place, Some(t(now + ms)));
                        model[place] = Some(t(now + ms));
                    }
                    3..=4 => {
                        looks.by(place, t(now + ms));
                        model[place] = Some(model[place].map_or(t(now + ms), |at: Timestamp| at.min(t(now + ms))));
                    }
                    5 => {
                        looks.remove(place, 5);
                        model[place] = model[5].filter(|_| place != 5);
                        model[5] = None;
                    }
                    _ => {
                        now += ms / 4;
                        let first = model.iter().flatten().min().copied();
                        prop_assert!(first.is_none_or(|first| looks.next().is_some_and(|next| next <= first)));
                        let mut due: Vec<_> = model.iter().zip(0..).filter_map(|(at, i)| Some(((*at)?, i))).collect();
                        due.retain(|(at, _)| *at <= t(now));
                        due.sort_unstable();
                        let taken: Vec<_> = std::iter::from_fn(|| looks.pop(t(now))).collect();
                        prop_assert_eq!(&taken, &due);
                        for (_, place) in due {
                            model[place] = None;
                        }
                    }
                }
                for (place, at) in model.iter().enumerate() {
                    prop_assert_eq!(looks.of(place), *at);
                }
            }
        }
    }
}
