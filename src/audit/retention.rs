//! Retention by closed segments: which entries may be removed. Their hashes stay, so that every proof and every check holds.
//!
//! A segment is a stretch of entries that a signed checkpoint has closed. Entries are removed from the beginning of the trail
//! on, whole segments at a time, and an entry of the trail says so.

use crate::domain::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// A segment is closed when it has so many entries.
pub const SEGMENT_ENTRIES_MAX: u64 = 100_000;
/// A segment is closed when its first entry is so old.
pub const SEGMENT_SPAN_MAX: Millis = Millis::from_mins(60 * 24 * 30);
/// Days of a year of retention: what is kept for a year is never removed a day too early.
const DAYS_OF_A_YEAR: i64 = 366;

/// A closed segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its first entry.
    pub first: u64,
    /// The entry after its last one.
    pub end: u64,
    /// When its last entry was written, or later.
    pub until: Timestamp,
    /// The checkpoint that closed it: it covers `end` entries.
    pub note: String,
    /// The entry that says that its entries were removed, if they were.
    pub removed: Option<u64>,
}

/// What may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionPlan {
    /// The first entry that is there.
    pub from: u64,
    /// The entry after the last one that may be removed; `from` if there is none.
    pub upto: u64,
    /// The entry after the last one that is old enough; more than `upto` while its delivery by syslog is awaited.
    pub old: u64,
}

/// How long entries of a number of years are kept.
#[must_use]
pub const fn span_of(years: u16) -> Millis {
    Millis(years as i64 * DAYS_OF_A_YEAR * 24 * 3_600_000)
}

/// What may be removed of these segments, in order, whose last entries are before `before`. `delivered` is how many entries
/// a receiver of syslog has confirmed, if one is configured: nothing is removed before it has it.
#[must_use]
pub fn plan(segments: &[Segment], before: Timestamp, delivered: Option<u64>) -> RetentionPlan {
    let from = segments.iter().take_while(|s| s.removed.is_some()).last().map_or(0, |s| s.end);
    let kept = segments.iter().skip_while(|s| s.removed.is_some());
    let old = kept.clone().take_while(|s| s.until < before).last().map_or(from, |s| s.end);
    let has = |s: &&Segment| s.until < before && delivered.is_none_or(|delivered| s.end <= delivered);
    let upto = kept.take_while(has).last().map_or(from, |s| s.end);
    RetentionPlan { from, upto, old }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(removed: usize) -> Vec<Segment> {
        let segment = |n: u64| Segment {
            first: n * 10,
            end: n * 10 + 10,
            until: Timestamp::from_ms(i64::try_from(n).unwrap() * 1_000),
            note: String::new(),
            removed: (n < removed as u64).then_some(55),
        };
        (0..5).map(segment).collect()
    }

    #[test]
    fn whole_old_segments_go_from_the_beginning_on() {
        let plan = |removed, before, delivered| {
            let RetentionPlan { from, upto, old } = plan(&segments(removed), Timestamp::from_ms(before), delivered);
            (from, upto, old)
        };
        assert_eq!(plan(0, 0, None), (0, 0, 0), "nothing is old");
        assert_eq!(plan(0, 2_500, None), (0, 30, 30));
        assert_eq!(plan(1, 2_500, None), (10, 30, 30));
        assert_eq!(plan(3, 2_500, None), (30, 30, 30), "all of it is gone");
        assert_eq!(plan(0, 9_000, Some(29)), (0, 20, 50), "the receiver has 29");
        assert_eq!(plan(0, 9_000, Some(0)), (0, 0, 50));
        assert_eq!(super::plan(&[], Timestamp::from_ms(9), None), RetentionPlan { from: 0, upto: 0, old: 0 });
        assert!(span_of(6) >= Millis::from_mins(60 * 24 * 2_192), "six years with two leap days");
    }
}
