//! Points in time to 100 ns: the grain that the end of a period has upstream.

use crate::domain::Timestamp;
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use std::fmt::{self, Display, Formatter};

/// Ticks of 100 ns in a millisecond.
pub const TICKS_PER_MS: i64 = 10_000;
const TICKS_PER_SECOND: i64 = 1_000 * TICKS_PER_MS;

/// A point in time: ticks of 100 ns since 1970-01-01T00:00:00Z, leap seconds ignored. Text is RFC 3339 in UTC with all seven
/// decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// From ticks since 1970, which may be negative.
    #[must_use]
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// Ticks since 1970.
    #[must_use]
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// From a calendar time; what is finer than a tick is cut.
    #[must_use]
    pub fn of_utc(at: DateTime<Utc>) -> Self {
        Self(
            at.timestamp()
                .saturating_mul(TICKS_PER_SECOND)
                .saturating_add(i64::from(at.timestamp_subsec_nanos() / 100)),
        )
    }

    /// As a calendar time.
    #[must_use]
    pub fn utc(self) -> DateTime<Utc> {
        let nanos = u32::try_from(self.0.rem_euclid(TICKS_PER_SECOND) * 100).unwrap_or(0);
        DateTime::from_timestamp(self.0.div_euclid(TICKS_PER_SECOND), nanos).unwrap_or_default()
    }
}

impl From<Timestamp> for Instant {
    fn from(at: Timestamp) -> Self {
        Self(at.as_ms().saturating_mul(TICKS_PER_MS))
    }
}

impl Display for Instant {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let decimals = self.0.rem_euclid(TICKS_PER_SECOND);
        write!(f, "{}.{decimals:07}Z", self.utc().format("%Y-%m-%dT%H:%M:%S"))
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_has_all_ticks() {
        let hour: Timestamp = "2019-01-01T01:00:00Z".parse().unwrap();
        let before = Instant::from_ticks(Instant::from(hour).ticks() - 1);
        assert_eq!(before.to_string(), "2019-01-01T00:59:59.9999999Z");
        assert_eq!(Instant::from(hour).to_string(), "2019-01-01T01:00:00.0000000Z");
        assert_eq!(Instant::from_ticks(-1).to_string(), "1969-12-31T23:59:59.9999999Z");
    }

    proptest! {
        #[test]
        fn calendar_and_ticks_are_the_same(ticks in -600_000_000_000_000_000_i64..2_000_000_000_000_000_000) {
            let at = Instant::from_ticks(ticks);
            prop_assert_eq!(Instant::of_utc(at.utc()), at);
            prop_assert_eq!(Instant::of_utc(DateTime::parse_from_rfc3339(&at.to_string()).unwrap().to_utc()), at);
        }
    }
}
