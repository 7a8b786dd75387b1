//! Dates and times as FHIR writes them: what they leave out makes them a span.

use crate::domain::{Millis, Timestamp};
use chrono::{DateTime, Days, Months, NaiveDate, NaiveTime};

/// How precise a time was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// `2026`
    Year,
    /// `2026-03`
    Month,
    /// `2026-03-01`
    Day,
    /// `2026-03-01T10:00:00Z`, and finer.
    Second,
}

/// The span that a date or time stands for: from its first millisecond up to, without, the first one behind it. Dates
/// without an offset are of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The first millisecond.
    pub from: Timestamp,
    /// The first millisecond behind it.
    pub until: Timestamp,
    /// How precise it was written.
    pub precision: Precision,
}

impl Moment {
    /// Reads a `dateTime`, `date` or `instant`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.len() {
            0..=10 => Self::of_date(text),
            _ => Self::of_time(text),
        }
    }

    fn of_date(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits =
            bytes.iter().enumerate().all(|(i, b)| if matches!(i, 4 | 7) { *b == b'-' } else { b.is_ascii_digit() });
        if !digits {
            return None;
        }
        let (precision, full) = match text.len() {
            4 => (Precision::Year, format!("{text}-01-01")),
            7 => (Precision::Month, format!("{text}-01")),
            10 => (Precision::Day, text.to_owned()),
            _ => return None,
        };
        let first: NaiveDate = full.parse().ok()?;
        let next = match precision {
            Precision::Year => first.checked_add_months(Months::new(12)),
            Precision::Month => first.checked_add_months(Months::new(1)),
            _ => first.checked_add_days(Days::new(1)),
        }?;
        let midnight = |day: NaiveDate| Timestamp::from_ms(day.and_time(NaiveTime::MIN).and_utc().timestamp_millis());
        Some(Self { from: midnight(first), until: midnight(next), precision })
    }

    /// With an offset, as FHIR demands of a time. What is finer than a millisecond is cut.
    fn of_time(text: &str) -> Option<Self> {
        let seconds = text.get(..19)?;
        // RFC 3339 takes small letters and a blank as well; FHIR does not.
        let shape = seconds.bytes().enumerate().all(|(i, b)| match i {
            4 | 7 => b == b'-',
            10 => b == b'T',
            13 | 16 => b == b':',
            _ => b.is_ascii_digit(),
        });
        if !shape || text.ends_with('z') {
            return None;
        }
        let from = match text.parse::<Timestamp>() {
            Ok(at) => at,
            Err(_) => Timestamp::from_ms(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis()),
        };
        let fraction = text.as_bytes().get(19) == Some(&b'.');
        let until = from + if fraction { Millis(1) } else { Millis::from_secs(1) };
        Some(Self { from, until, precision: Precision::Second })
    }
}

/// Whether a text is a `time`: `10:00:00`.
#[must_use]
pub fn is_time(text: &str) -> bool {
    text.len() >= 8 && !text.contains(['Z', '+', '-']) && text.parse::<NaiveTime>().is_ok()
}

/// A time as FHIR writes an `instant`, in UTC.
#[must_use]
pub fn instant(at: Timestamp) -> String {
    at.to_string()
}

/// A time as headers of HTTP have it.
#[must_use]
pub fn http_date(at: Timestamp) -> String {
    at.utc().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("2026", "2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z")]
    #[case("2026-02", "2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z")]
    #[case("2024-02-29", "2024-02-29T00:00:00.000Z", "2024-03-01T00:00:00.000Z")]
    #[case("2026-03-01T10:00:00Z", "2026-03-01T10:00:00.000Z", "2026-03-01T10:00:01.000Z")]
    #[case("2026-03-01T10:00:00.5+01:00", "2026-03-01T09:00:00.500Z", "2026-03-01T09:00:00.501Z")]
    fn a_time_is_the_span_that_it_leaves_open(#[case] text: &str, #[case] from: &str, #[case] until: &str) {
        let moment = Moment::parse(text).unwrap();
        assert_eq!((moment.from.to_string().as_str(), moment.until.to_string().as_str()), (from, until));
    }

    #[rstest]
    #[case("")]
    #[case("26")]
    #[case("2026-13")]
    #[case("2026-02-30")]
    #[case("2026-3-1")]
    #[case("2026-03-01T10:00")]
    #[case("2026-03-01T10:00:00")]
    #[case("2026-03-01t10:00:00Z")]
    #[case("2026-03-01 10:00:00Z")]
    #[case("2026-03-01T10:00:00z")]
    #[case("2026-03-01T24:00:00Z")]
    #[case("２０２６")]
    fn what_is_no_time_of_fhir_is_none(#[case] text: &str) {
        assert_eq!(Moment::parse(text), None);
    }

    #[test]
    fn headers_have_their_own_form() {
        assert_eq!(http_date(Timestamp::from_ms(784_111_777_000)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert!(is_time("10:00:00") && is_time("10:00:00.25") && !is_time("10:00") && !is_time("25:00:00"));
    }
}
