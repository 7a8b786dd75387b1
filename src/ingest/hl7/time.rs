//! Times of HL7 v2: `YYYYMMDDHHMM[SS[.S…]][+ZZZZ]`.

use crate::domain::{Millis, Timestamp};
use chrono::{MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;

/// Least digits of a time that says when something was measured: to the minute.
const DIGITS_MIN: usize = 12;
/// Digits of a time to the second.
const DIGITS_MAX: usize = 14;
/// The furthest that an offset goes, in minutes.
const OFFSET_MAX_MIN: i64 = 15 * 60;

/// How times without an offset are to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Zone {
    /// The offset that the header's time states, in minutes: it holds for the whole message.
    pub(super) stated_min: Option<i64>,
    /// The zone of the source.
    pub(super) source: Tz,
    /// The present; of two times that a clock shows twice when it is set back, the later one that is not ahead is meant.
    pub(super) now: Timestamp,
}

/// The offset that a time states, in minutes.
pub(super) fn stated_offset(text: &str) -> Option<i64> {
    split(text).and_then(|(_, offset)| offset)
}

/// The point in time; `None` if the text is no time to the minute or better, or one that the zone's clocks never show.
pub(super) fn parse(text: &str, zone: Zone) -> Option<Timestamp> {
    let (clock, offset) = split(text)?;
    let local = local(clock)?;
    let ms = |offset_min: i64| Timestamp::from_ms(local.and_utc().timestamp_millis()) - Millis::from_mins(offset_min);
    if let Some(offset) = offset.or(zone.stated_min) {
        return Some(ms(offset));
    }
    let at = |t: chrono::DateTime<Tz>| Timestamp::from_ms(t.timestamp_millis());
    match zone.source.from_local_datetime(&local) {
        MappedLocalTime::Single(t) => Some(at(t)),
        MappedLocalTime::Ambiguous(first, second) => {
            let later = at(second);
            Some(if later > zone.now { at(first) } else { later })
        }
        MappedLocalTime::None => None,
    }
}

/// The clock's part and the offset in minutes.
fn split(text: &str) -> Option<(&str, Option<i64>)> {
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, None)) };
    let (clock, offset) = text.split_at_checked(at)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits = offset.get(1..).filter(|d| d.len() == 4)?;
    let number = number(digits)?;
    let minutes = (number / 100) * 60 + number % 100;
    (minutes <= OFFSET_MAX_MIN && number % 100 < 60).then_some((clock, Some(sign * minutes)))
}

fn number(digits: &str) -> Option<i64> {
    digits.bytes().try_fold(0_i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
}

fn local(clock: &str) -> Option<NaiveDateTime> {
    let (digits, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    if !(DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()) || digits.len() % 2 == 1 {
        return None;
    }
    let part =
        |from: usize, to: usize| digits.get(from..to).map_or(Some(0), number).and_then(|n| u32::try_from(n).ok());
    let date = NaiveDate::from_ymd_opt(i32::try_from(part(0, 4)?).ok()?, part(4, 6)?, part(6, 8)?)?;
    // Digits beyond the millisecond are cut.
    let mut ms = 0;
    for place in 0..3 {
        let digit = fraction.as_bytes().get(place).copied().unwrap_or(b'0');
        ms = ms * 10 + u32::from(digit.checked_sub(b'0').filter(|d| *d <= 9)?);
    }
    let time = NaiveTime::from_hms_milli_opt(part(8, 10)?, part(10, 12)?, part(12, 14)?, ms)?;
    Some(NaiveDateTime::new(date, time))
}

/// The date of a time, however precise; for dates of birth.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    let part = |from: usize, to: usize| number(text.get(from..to)?).and_then(|n| u32::try_from(n).ok());
    NaiveDate::from_ymd_opt(i32::try_from(part(0, 4)?).ok()?, part(4, 6)?, part(6, 8)?)
}

/// The year of a time, however precise.
pub(super) fn year(text: &str) -> Option<i32> {
    i32::try_from(number(text.get(..4)?)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn zone(stated_min: Option<i64>) -> Zone {
        Zone { stated_min, source: Tz::Europe__Berlin, now: "2026-10-25T01:10:00Z".parse().unwrap() }
    }

    #[rstest]
    #[case("20260301075958+0100", Some("2026-03-01T06:59:58Z"))]
    #[case("20260301090955.0000-0400", Some("2026-03-01T13:09:55Z"))]
    #[case("20260301090955.1239-0430", Some("2026-03-01T13:39:55.123Z"))]
    #[case::zone_of_the_source("20260701120000", Some("2026-07-01T10:00:00Z"))]
    #[case::to_the_minute("202601011200", Some("2026-01-01T11:00:00Z"))]
    #[case::twice_the_later_is_ahead("20261025023000", Some("2026-10-25T00:30:00Z"))]
    #[case::twice_the_later_has_been("20261025020500", Some("2026-10-25T01:05:00Z"))]
    #[case::never_shown("20260329023000", None)]
    #[case::a_day("20260301", None)]
    #[case::an_hour("2026030112", None)]
    #[case::no_day("20260230120000", None)]
    #[case::no_offset("20260301120000+9900", None)]
    #[case("", None)]
    #[case("yesterday", None)]
    #[case("2026030112000ä", None)]
    fn times_are_read(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(parse(text, zone(None)), expected.map(|e| e.parse().unwrap()), "{text}");
    }

    #[test]
    fn the_headers_offset_holds_for_times_without_one() {
        assert_eq!(stated_offset("20260301080000-0330"), Some(-210));
        assert_eq!(parse("20260301080000", zone(Some(-210))), Some("2026-03-01T11:30:00Z".parse().unwrap()));
        assert_eq!(parse("20260301080000+0000", zone(Some(-210))), Some("2026-03-01T08:00:00Z".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_none(text in "[0-9.+\\-Zé]{0,26}") {
            let _ = (parse(&text, zone(None)), date(&text), year(&text));
        }
    }
}
