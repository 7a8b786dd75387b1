//! Points in time and spans, in milliseconds.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, num::NonZeroU64, ops, str::FromStr};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
///
/// Range: the years 1 to 9999. JSON and text show RFC 3339 in UTC with milliseconds; binary formats carry the number.
///
/// Kept as milliseconds since `BEFORE_MIN_MS`, which are never 0: so an `Option` of it takes 8 bytes and not 16.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(NonZeroU64);

/// A span of time in milliseconds; may be negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

/// A text that is not a point in time that wardwatch can keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time: RFC 3339 with an offset is wanted, such as 2026-03-01T08:15:00Z")]
pub struct TimeError(String);

const MIN_MS: i64 = -62_135_596_800_000;
const MAX_MS: i64 = 253_402_300_799_999;
/// The millisecond before the earliest point.
const BEFORE_MIN_MS: i64 = MIN_MS - 1;

impl Timestamp {
    /// The earliest point that can be kept.
    pub const MIN: Self = Self(NonZeroU64::MIN);
    /// The latest point that can be kept.
    pub const MAX: Self = Self::from_ms(MAX_MS);

    /// From milliseconds since 1970-01-01T00:00:00Z, clamped to the range.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Self {
        let clamped = if ms < MIN_MS {
            MIN_MS
        } else if ms > MAX_MS {
            MAX_MS
        } else {
            ms
        };
        match NonZeroU64::new((clamped - BEFORE_MIN_MS).cast_unsigned()) {
            Some(since) => Self(since),
            None => Self::MIN,
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_ms(self) -> i64 {
        self.0.get().cast_signed() + BEFORE_MIN_MS
    }

    /// The span from `earlier` to `self`; negative if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.as_ms() - earlier.as_ms())
    }

    /// As a calendar date and time in UTC.
    #[must_use]
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.as_ms()).unwrap_or_default()
    }
}

impl Default for Timestamp {
    /// The start of 1970.
    fn default() -> Self {
        Self::from_ms(0)
    }
}

impl Millis {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// From whole minutes.
    #[must_use]
    pub const fn from_mins(minutes: i64) -> Self {
        Self::from_secs(minutes.saturating_mul(60))
    }

    /// Whole seconds, towards zero.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0 / 1000
    }

    /// Seconds with fraction.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "spans stay far below 2^53 ms")]
    pub const fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

impl ops::Add<Millis> for Timestamp {
    type Output = Self;
    fn add(self, span: Millis) -> Self {
        Self::from_ms(self.as_ms().saturating_add(span.0))
    }
}

impl ops::Sub<Millis> for Timestamp {
    type Output = Self;
    fn sub(self, span: Millis) -> Self {
        Self::from_ms(self.as_ms().saturating_sub(span.0))
    }
}

impl ops::Add for Millis {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl ops::Sub for Millis {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl ops::Mul<i64> for Millis {
    type Output = Self;
    fn mul(self, factor: i64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.utc().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        if let Some(ms) = plain_utc_ms(text.as_bytes()) {
            return Ok(Self::from_ms(ms));
        }
        let parsed = DateTime::parse_from_rfc3339(text).map_err(|_| TimeError(text.chars().take(40).collect()))?;
        let ms = parsed.timestamp_millis();
        if (MIN_MS..=MAX_MS).contains(&ms) { Ok(Self::from_ms(ms)) } else { Err(TimeError(text.to_owned())) }
    }
}

/// The commonest form, `YYYY-MM-DDTHH:MM:SS[.mmm]Z`, read without the generality of the full parser; `None` for any other
/// form or a date that does not exist.
fn plain_utc_ms(text: &[u8]) -> Option<i64> {
    let (date_time, fraction) = text.strip_suffix(b"Z")?.split_at_checked(19)?;
    let [y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', mi1, mi2, b':', s1, s2] = date_time else {
        return None;
    };
    let number = |digits: &[&u8]| {
        digits.iter().try_fold(0_i64, |n, d| d.is_ascii_digit().then(|| n * 10 + i64::from(*d - b'0')))
    };
    let ms = match fraction {
        [] => 0,
        [b'.', a, b, c] => number(&[a, b, c])?,
        _ => return None,
    };
    let (year, month, day) = (number(&[y1, y2, y3, y4])?, number(&[mo1, mo2])?, number(&[d1, d2])?);
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[mi1, mi2])?, number(&[s1, s2])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (year, month, day) = (i32::try_from(year).ok()?, u32::try_from(month).ok()?, u32::try_from(day).ok()?);
    let days = i64::from(chrono::NaiveDate::from_ymd_opt(year, month, day)?.num_days_from_ce()) - DAYS_TO_1970;
    let ms = days * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1_000 + ms;
    (MIN_MS..=MAX_MS).contains(&ms).then_some(ms)
}

/// Days from 0001-01-01, counted as 1, to 1970-01-01.
const DAYS_TO_1970: i64 = 719_163;

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.collect_str(self) } else { s.serialize_i64(self.as_ms()) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    /// Takes either form from any format: serde buffers tagged enums in a way that forgets which format they came from.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time: RFC 3339 text, or milliseconds since 1970-01-01T00:00:00Z")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_i64<E>(self, ms: i64) -> Result<Timestamp, E> {
                Ok(Timestamp::from_ms(ms))
            }
            fn visit_u64<E>(self, ms: u64) -> Result<Timestamp, E> {
                Ok(Timestamp::from_ms(i64::try_from(ms).unwrap_or(i64::MAX)))
            }
        }
        d.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[test]
    fn text_form_is_rfc3339_in_utc() {
        let t: Timestamp = "2026-03-29T03:30:00+02:00".parse().unwrap();
        assert_eq!(t.to_string(), "2026-03-29T01:30:00.000Z");
        assert_eq!(serde_json::to_string(&t).unwrap(), "\"2026-03-29T01:30:00.000Z\"");
        assert!("2026-03-29 03:30".parse::<Timestamp>().is_err());
        assert!("2026-03-29T03:30:00".parse::<Timestamp>().is_err(), "an offset is demanded");
    }

    proptest! {
        #[test]
        fn the_quick_way_says_what_the_full_parser_says(ms in MIN_MS..=MAX_MS, cut in any::<bool>()) {
            let t = Timestamp::from_ms(if cut { ms / 1000 * 1000 } else { ms });
            let text = if cut { t.to_string().replace(".000Z", "Z") } else { t.to_string() };
            prop_assert_eq!(plain_utc_ms(text.as_bytes()), Some(t.as_ms()));
            prop_assert_eq!(DateTime::parse_from_rfc3339(&text).unwrap().timestamp_millis(), t.as_ms());
        }

        #[test]
        fn the_quick_way_takes_nothing_that_the_full_parser_refuses(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{3})?Z") {
            if let Some(ms) = plain_utc_ms(text.as_bytes()) {
                prop_assert_eq!(DateTime::parse_from_rfc3339(&text).unwrap().timestamp_millis(), ms);
            }
        }
    }

    #[test]
    fn an_optional_time_takes_no_more_room_than_a_time() {
        assert_eq!(size_of::<Option<Timestamp>>(), 8);
    }

    #[rstest]
    #[case(i64::MIN, MIN_MS)]
    #[case(MIN_MS - 1, MIN_MS)]
    #[case(MIN_MS, MIN_MS)]
    #[case(MIN_MS + 1, MIN_MS + 1)]
    #[case(-1, -1)]
    #[case(0, 0)]
    #[case(MAX_MS, MAX_MS)]
    #[case(MAX_MS + 1, MAX_MS)]
    #[case(i64::MAX, MAX_MS)]
    fn milliseconds_are_kept_within_the_range(#[case] ms: i64, #[case] kept: i64) {
        assert_eq!(Timestamp::from_ms(ms).as_ms(), kept);
    }

    #[test]
    fn arithmetic_saturates_at_the_range() {
        assert_eq!(Timestamp::default().as_ms(), 0);
        assert_eq!(Timestamp::MAX + Millis(i64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MIN - Millis(i64::MAX), Timestamp::MIN);
        assert_eq!(Timestamp::from_ms(5).since(Timestamp::from_ms(9)), Millis(-4));
    }
}
