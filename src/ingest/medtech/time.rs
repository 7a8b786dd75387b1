//! Times as messages write them.
//!
//! Upstream reads a text that looks like an ISO 8601 date and time as a time, wherever it stands. As a timestamp that is what
//! is wanted; used as a value or an identifier, it comes out written anew. Both are done here.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};
use std::fmt::Write;

/// Shortest and longest text that is taken for a date, in bytes.
const ISO_BYTES: std::ops::RangeInclusive<usize> = 19..=40;
/// Digits of a fraction of a second that upstream's clock holds: 100 ns.
const FRACTION_DIGITS: u32 = 7;
/// Longest text that is tried as a timestamp, in bytes.
const TIMESTAMP_MAX_BYTES: usize = 64;

/// A text that is read as a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IsoTime {
    /// What the clock showed; with an offset, what it showed at Greenwich.
    wall: NaiveDateTime,
    zone: Zone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    Unsaid,
    Utc,
    Offset,
}

impl IsoTime {
    /// Reads `2024-01-15T10:20:30`, with or without fraction and zone; `None` if the text is just a text.
    pub(super) fn read(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let may_be =
            ISO_BYTES.contains(&bytes.len()) && bytes.first()?.is_ascii_digit() && bytes.get(10) == Some(&b'T');
        if !may_be {
            return None;
        }
        if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
            return None;
        }
        let date = date_of(text.get(..10)?)?;
        let clock = text.get(11..19)?.as_bytes();
        if clock.get(2) != Some(&b':') || clock.get(5) != Some(&b':') {
            return None;
        }
        let (hour, minute, second) =
            (digits(text.get(11..13)?)?, digits(text.get(14..16)?)?, digits(text.get(17..19)?)?);
        let (nanos, rest) = fraction(text.get(19..)?, FRACTION_DIGITS)?;
        let midnight = hour == 24 && (minute, second, nanos) == (0, 0, 0);
        let hour = if midnight { 0 } else { hour };
        let time = NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?;
        let date = if midnight { date.succ_opt()? } else { date };
        let wall = date.and_time(time);
        Some(match rest {
            "" => Self { wall, zone: Zone::Unsaid },
            "Z" | "z" => Self { wall, zone: Zone::Utc },
            offset => Self { wall: wall.checked_sub_signed(offset_of(offset)?)?, zone: Zone::Offset },
        })
    }

    /// The instant. No zone means UTC.
    pub(super) const fn utc(self) -> DateTime<Utc> {
        self.wall.and_utc()
    }

    /// How it comes out as a value or an identifier: `01/15/2024 10:20:30`.
    pub(super) fn value_text(self) -> String {
        let (date, time) = (self.wall.date(), self.wall.time());
        format!(
            "{:02}/{:02}/{:04} {:02}:{:02}:{:02}",
            date.month(),
            date.day(),
            date.year(),
            time.hour(),
            time.minute(),
            time.second()
        )
    }

    /// How a filter of JSONPath sees it.
    pub(super) fn filter_text(self) -> String {
        let zone = match self.zone {
            Zone::Unsaid => "",
            Zone::Utc => "Z",
            Zone::Offset => "+00:00",
        };
        iso_text(self.wall, zone)
    }
}

/// A time as upstream writes it between its parts: `2019-02-01T22:46:01.875Z`.
pub(super) fn wire_text(time: DateTime<Utc>) -> String {
    iso_text(time.naive_utc(), "Z")
}

fn iso_text(wall: NaiveDateTime, zone: &str) -> String {
    let (date, time) = (wall.date(), wall.time());
    let mut text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        date.year(),
        date.month(),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    let ticks = time.nanosecond().checked_div(100).unwrap_or(0) % 10_000_000;
    if ticks > 0 {
        let fraction = format!("{ticks:07}");
        // A text can always be written to.
        let _ = write!(text, ".{}", fraction.trim_end_matches('0'));
    }
    text.push_str(zone);
    text
}

/// Reads a timestamp: ISO 8601 in all lengths, `01/15/2024 10:20:30 AM`, or as in a mail's header. A day without a time is
/// midnight; a time without a day is refused. No zone means UTC.
pub(super) fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    if let Some(iso) = IsoTime::read(text) {
        return Some(iso.utc());
    }
    let text = text.trim();
    if text.len() > TIMESTAMP_MAX_BYTES {
        return None;
    }
    if let Some((_, rest)) = text.split_once(", ") {
        return mail_time(rest);
    }
    let (day, rest) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    let date = date_of(day)?;
    clock_time(date, rest.trim())
}

/// `15 Jan 2024 10:20:30 GMT`.
fn mail_time(text: &str) -> Option<DateTime<Utc>> {
    let mut words = text.split(' ');
    let (day, month, year, rest) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = names.iter().zip(1_u32..).find(|(name, _)| **name == month)?.1;
    let date = NaiveDate::from_ymd_opt(i32::try_from(digits(year)?).ok()?, month, digits(day)?)?;
    match words.next()? {
        "GMT" => clock_time(date, rest),
        _ => None,
    }
}

/// `2024-01-15`, `2024/01/15`, `01/15/2024`.
fn date_of(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split(['-', '/']);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) = if a.len() == 4 { (a, b, c) } else { (c, a, b) };
    if year.len() != 4 {
        return None;
    }
    let year = i32::try_from(digits(year)?).ok().filter(|y| *y > 0)?;
    NaiveDate::from_ymd_opt(year, digits(month)?, digits(day)?)
}

/// `10:20`, `10:20:30.5`, with `AM` or `PM`, and a zone.
fn clock_time(date: NaiveDate, text: &str) -> Option<DateTime<Utc>> {
    if text.is_empty() {
        return Some(date.and_time(NaiveTime::MIN).and_utc());
    }
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).unwrap_or(text.len());
    let (clock, zone) = text.split_at_checked(end)?;
    let (clock, fraction_text) = clock.find('.').and_then(|at| clock.split_at_checked(at)).unwrap_or((clock, ""));
    let mut parts = clock.split(':');
    let (mut hour, minute) = (digits(parts.next()?)?, digits(parts.next()?)?);
    let second = parts.next().map_or(Some(0), digits)?;
    if parts.next().is_some() {
        return None;
    }
    let (nanos, _) = fraction(fraction_text, u32::MAX)?;
    let mut zone = zone.trim();
    for (word, half) in [("AM", 0), ("PM", 12)] {
        if let Some(rest) = zone.strip_prefix(word).filter(|_| (1..=12).contains(&hour)) {
            hour = (hour % 12).checked_add(half)?;
            zone = rest.trim();
            break;
        }
    }
    let wall = date.and_time(NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?);
    match zone {
        "" | "Z" | "z" | "GMT" => Some(wall.and_utc()),
        offset => Some(wall.checked_sub_signed(offset_of(offset)?)?.and_utc()),
    }
}

/// `.875` in nanoseconds, and what follows. At most so many digits; those beyond 100 ns are cut.
fn fraction(text: &str, digits_max: u32) -> Option<(u32, &str)> {
    let Some(after) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let (figures, rest) = after.split_at_checked(end)?;
    let count = u32::try_from(figures.len()).ok()?;
    if count == 0 || count > digits_max {
        return None;
    }
    let kept = figures.get(..figures.len().min(FRACTION_DIGITS as usize))?;
    let missing = 9_u32.checked_sub(u32::try_from(kept.len()).ok()?)?;
    Some((digits(kept)?.checked_mul(10_u32.checked_pow(missing)?)?, rest))
}

/// `+02:00`, `-0530`, `+02`.
fn offset_of(text: &str) -> Option<TimeDelta> {
    let (sign, figures) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match figures.len() {
        2 => (figures, "00"),
        4 => figures.split_at_checked(2)?,
        5 => figures.split_once(':')?,
        _ => return None,
    };
    let minutes = digits(hours)?.checked_mul(60)?.checked_add(digits(minutes)?)?;
    TimeDelta::try_minutes(i64::from(minutes).checked_mul(sign)?)
}

fn digits(text: &str) -> Option<u32> {
    let all = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("2024-01-15T10:20:30.123Z", "2024-01-15T10:20:30.123Z")]
    #[case("2023-03-13T22:46:01.8750000", "2023-03-13T22:46:01.875Z")]
    #[case("2023-10-09T19:18:23+02:00", "2023-10-09T17:18:23Z")]
    #[case("2023-10-09T19:18:23-0530", "2023-10-10T00:48:23Z")]
    #[case("2023-12-31T24:00:00Z", "2024-01-01T00:00:00Z")]
    #[case("2023-10-09T19:18:23.123456789Z", "2023-10-09T19:18:23.1234567Z")]
    #[case("2023-10-09", "2023-10-09T00:00:00Z")]
    #[case("2023-10-09 19:18", "2023-10-09T19:18:00Z")]
    #[case("2023-10-09 19:18:23.5 +01:00", "2023-10-09T18:18:23.5Z")]
    #[case("10/09/2023 07:18:23 PM", "2023-10-09T19:18:23Z")]
    #[case("10/09/2023 12:18:23 AM", "2023-10-09T00:18:23Z")]
    #[case("Mon, 09 Oct 2023 19:18:23 GMT", "2023-10-09T19:18:23Z")]
    fn timestamps_are_read(#[case] text: &str, #[case] wire: &str) {
        assert_eq!(timestamp(text).map(wire_text).as_deref(), Some(wire));
    }

    #[rstest]
    #[case("1697000000")]
    #[case("10:20:30")]
    #[case("2023-13-09T19:18:23Z")]
    #[case("2023-10-09T24:30:00Z")]
    #[case("2023-10-09T19:18:23 o'clock")]
    #[case("")]
    #[case("yesterday")]
    #[case("0000-01-01T00:00:00Z")]
    fn what_is_no_timestamp_is_refused(#[case] text: &str) {
        assert_eq!(timestamp(text), None);
    }

    #[rstest]
    #[case("2024-01-15T10:20:30.123Z", Some("01/15/2024 10:20:30"))]
    #[case("2024-01-15T10:20:30", Some("01/15/2024 10:20:30"))]
    #[case("2024-01-15T10:20:30+02:00", Some("01/15/2024 08:20:30"))]
    #[case("2024-01-15 10:20:30", None)]
    #[case("2024-01-15T10:20", None)]
    #[case("2024/01/15T10:20:30", None)]
    #[case("01-15-2024T10:20:30", None)]
    #[case("2024-01-15T10:20:30.12345678Z", None)]
    fn what_looks_like_a_date_is_written_anew(#[case] text: &str, #[case] value: Option<&str>) {
        assert_eq!(IsoTime::read(text).map(IsoTime::value_text).as_deref(), value);
    }

    #[rstest]
    #[case("2024-01-15T10:20:30.1230Z", "2024-01-15T10:20:30.123Z")]
    #[case("2024-01-15T10:20:30", "2024-01-15T10:20:30")]
    #[case("2024-01-15T10:20:30+02:00", "2024-01-15T08:20:30+00:00")]
    fn a_filter_sees_the_shortest_form(#[case] text: &str, #[case] seen: &str) {
        assert_eq!(IsoTime::read(text).map(IsoTime::filter_text).as_deref(), Some(seen));
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "[0-9:TZ+/. APMG,an-]{0,40}") {
            let _ = timestamp(&text);
        }

        #[test]
        fn a_written_time_is_read_back(seconds in 0_i64..253_402_300_000, ticks in 0_u32..10_000_000) {
            let time = DateTime::from_timestamp(seconds, ticks * 100).unwrap();
            prop_assert_eq!(timestamp(&wire_text(time)), (time.year() > 0).then_some(time));
        }
    }
}
