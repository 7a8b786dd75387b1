//! When each patient is to be looked at next: the first of the many waits that go on while nothing is wrong.
//!
//! A series that is well waits for its silence, and nearly always its next value comes before. To keep each such wait in
//! the ordered queue, and to move it there every few seconds, cost a ward of 10,000 patients a third of all its time. So
//! these waits stand with their owners, and of a patient only the first one stands here. When it comes, what is due by
//! then goes into the ordered queue, and fires from there in its order.

use crate::domain::Timestamp;
use std::{cmp::Reverse, collections::BinaryHeap};

/// The looks of a ward, by the places of its patients.
#[derive(Debug, Clone, Default)]
pub(super) struct Looks {
    /// Among them such as hold no more: those are passed over when they come.
    queue: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// The look of each place that holds.
    holding: Vec<Option<Timestamp>>,
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
        let Some(holding) = self.holding.get_mut(place) else { return };
        if *holding == at {
            return;
        }
        *holding = at;
        if let Some(at) = at {
            self.queue.push(Reverse((at, place)));
        }
    }

    /// Makes sure that a patient is looked at by `at`.
    pub(super) fn by(&mut self, place: usize, at: Timestamp) {
        if self.of(place).is_none_or(|holding| at < holding) {
            self.set(place, Some(at));
        }
    }

    /// A patient has left, and the last one has taken the place.
    pub(super) fn remove(&mut self, place: usize, last: usize) {
        let moved = if place == last { None } else { self.of(last) };
        self.set(last, None);
        self.set(place, moved);
    }

    /// The first look, or one before that holds no more.
    pub(super) fn peek(&self) -> Option<Timestamp> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// The first look that holds.
    pub(super) fn next(&mut self) -> Option<Timestamp> {
        while let Some(Reverse((at, place))) = self.queue.peek().copied() {
            if self.of(place) == Some(at) {
                return Some(at);
            }
            self.queue.pop();
        }
        None
    }

    /// Takes the first look and says whose it was.
    pub(super) fn pop(&mut self) -> Option<usize> {
        self.next()?;
        let Reverse((_, place)) = self.queue.pop()?;
        if let Some(holding) = self.holding.get_mut(place) {
            *holding = None;
        }
        Some(place)
    }
}
