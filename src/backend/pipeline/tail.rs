//! Has this value come before? The last values of each series in memory, older ones in the store.

use crate::{
    domain::{DeviceId, Observation, Quality, Timestamp, VitalCode},
    engine::BlockSeries,
    store::{StoreError, StoreReader},
};
use std::collections::HashMap;

/// What an observation is to those that came before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Standing {
    /// Its device, vital and time are new.
    New,
    /// The same value is there.
    Duplicate,
    /// The same value is there, and is not measured: it was taken out, or never was one.
    Struck {
        /// The value that is there.
        stored: f64,
    },
    /// Another value is there.
    Conflict {
        /// The value that is there.
        stored: f64,
    },
    /// It replaces the value that is there.
    Correction {
        /// The value that is there.
        stored: f64,
    },
    /// It would replace a value, but none is there.
    NothingToCorrect,
}

/// What is known of a series: its newest time, its values that the store may not show yet, and its places in the group
/// that is being made.
#[derive(Debug, Default)]
pub(super) struct Tail {
    newest: Option<Timestamp>,
    /// Group, time and value of what was taken and may still be on its way to the disk, and whether it was taken out since.
    recent: Vec<(u64, Timestamp, f64, bool)>,
    /// Its place among the inputs of a group.
    pub(super) block: Option<(u64, BlockSeries)>,
    /// Its place among the newest values of a group.
    pub(super) news: Option<(u64, usize)>,
}

/// Groups that may be on their way to the disk: the one being made and the one being written.
const GROUPS_IN_FLIGHT: u64 = 2;

impl Tail {
    /// Says what an observation of the device time `at` is.
    pub(super) fn look(
        &mut self,
        o: &Observation,
        at: Timestamp,
        group: u64,
        reader: &dyn StoreReader,
    ) -> Result<Standing, StoreError> {
        self.recent.retain(|(g, ..)| g + GROUPS_IN_FLIGHT > group);
        let standing = if self.newest.is_none_or(|newest| at > newest) {
            if o.correction { Standing::NothingToCorrect } else { Standing::New }
        } else {
            let recent = self.recent.iter().rev().find(|(_, other, ..)| *other == at);
            let stored = match recent.map(|(.., value, struck)| (*value, *struck)) {
                Some(known) => Some(known),
                None => reader.sample(&o.device, o.vital, at)?.map(|s| (s.value, s.quality == Quality::NotMeasured)),
            };
            compare(o, stored)
        };
        Ok(standing)
    }

    /// Says what an observation of the device time `at` is, and remembers it if it is new or a correction.
    pub(super) fn take(
        &mut self,
        o: &Observation,
        at: Timestamp,
        group: u64,
        reader: &dyn StoreReader,
    ) -> Result<Standing, StoreError> {
        let standing = self.look(o, at, group, reader)?;
        let again = o.correction && matches!(standing, Standing::Struck { .. });
        if again || matches!(standing, Standing::New | Standing::Correction { .. }) {
            self.newest = Some(self.newest.map_or(at, |newest| newest.max(at)));
            self.recent.push((group, at, o.value, false));
        }
        Ok(standing)
    }

    /// Remembers that a value of the device time `at` is taken out.
    pub(super) fn strike(&mut self, value: f64, at: Timestamp, group: u64) {
        self.recent.push((group, at, value, true));
    }
}

#[expect(clippy::float_cmp, reason = "the same value again is the same number again")]
fn compare(o: &Observation, stored: Option<(f64, bool)>) -> Standing {
    match stored {
        None if o.correction => Standing::NothingToCorrect,
        None => Standing::New,
        Some((stored, true)) if stored == o.value => Standing::Struck { stored },
        Some((stored, false)) if stored == o.value => Standing::Duplicate,
        Some((stored, _)) if o.correction => Standing::Correction { stored },
        Some((stored, _)) => Standing::Conflict { stored },
    }
}

/// Tails of all series that were heard of since the start.
#[derive(Debug, Default)]
pub(super) struct Tails {
    by_device: HashMap<DeviceId, Vec<(VitalCode, Tail)>>,
}

impl Tails {
    /// Forgets all; the store is the truth again.
    pub(super) fn forget(&mut self) {
        self.by_device.clear();
    }

    /// The tail of a series. What the store knows of a series that was not heard of yet is asked for once.
    pub(super) fn of(
        &mut self,
        device: &DeviceId,
        vital: VitalCode,
        reader: &dyn StoreReader,
    ) -> Result<&mut Tail, StoreError> {
        if !self.by_device.contains_key(device) {
            self.by_device.insert(device.clone(), Vec::new());
        }
        let tails = self.by_device.get_mut(device).ok_or(StoreError::Closed)?;
        let index = match tails.iter().position(|(code, _)| *code == vital) {
            Some(index) => index,
            None => {
                let newest = reader.newest(device, vital)?;
                tails.push((vital, Tail { newest, ..Tail::default() }));
                tails.len() - 1
            }
        };
        tails.get_mut(index).map(|(_, tail)| tail).ok_or(StoreError::Closed)
    }
}
