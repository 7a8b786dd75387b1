//! State that takes room only while something goes on.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// State of which nothing need be kept while it rests.
pub(super) trait Rests: Default {
    /// Whether it is as good as new: whatever comes next, the default would answer the same.
    fn rests(&self) -> bool;
}

/// A state that is kept while it does not rest, and takes the room of a pointer while it does. Most conditions of most
/// patients rest: of a large ward, what is read for each value has to fit the caches.
///
/// It is stored as the state itself, a resting one as the default.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Resting<S>(Option<Box<S>>);

impl<S: Rests> Resting<S> {
    fn new(state: S) -> Self {
        Self((!state.rests()).then(|| Box::new(state)))
    }

    /// The state; `None` while it rests.
    pub(super) fn get(&self) -> Option<&S> {
        self.0.as_deref()
    }

    /// Changes the state, and says what the change says.
    pub(super) fn change<T>(&mut self, change: impl FnOnce(&mut S) -> T) -> T {
        if let Some(state) = &mut self.0 {
            let said = change(state);
            if state.rests() {
                self.0 = None;
            }
            return said;
        }
        let mut state = S::default();
        let said = change(&mut state);
        *self = Self::new(state);
        said
    }
}

impl<S: Rests + Serialize> Serialize for Resting<S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        match self.get() {
            Some(state) => state.serialize(serializer),
            None => S::default().serialize(serializer),
        }
    }
}

impl<'de, S: Rests + Deserialize<'de>> Deserialize<'de> for Resting<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        S::deserialize(deserializer).map(Self::new)
    }
}
