//! Streams of values at regular times: `72 73 E 71`.

use super::fault::TransformFault;
use crate::fhir::{Instant, Period};

/// Most values of a stream: a day at 10 ms. Such a stream takes some 30 MB of text.
pub const SLOTS_MAX: i64 = 10_000_000;
/// Stands where no value is.
const NO_VALUE: &str = "E";

/// A value and its time.
pub type TimedValue = (Instant, String);

/// Writes values, sorted by time, as a stream that covers a period. The last value of a slot wins; values outside the period
/// are left out.
///
/// # Errors
/// If the stream would have more than [`SLOTS_MAX`] values, or the sample period is not above 0.
pub fn build(values: &[TimedValue], over: Period, period_ticks: i64) -> Result<String, TransformFault> {
    if period_ticks <= 0 {
        return Err(TransformFault::SamplePeriod);
    }
    let slot_of = |at: Instant| at.ticks().saturating_sub(over.start.ticks()).div_euclid(period_ticks);
    let slots = slot_of(over.end).saturating_add(1).max(0);
    if slots > SLOTS_MAX {
        return Err(TransformFault::StreamTooLong { slots });
    }
    let mut data = String::new();
    let mut rest = values.iter().skip_while(|(at, _)| *at < over.start).peekable();
    for slot in 0..slots {
        let mut value = None;
        while let Some((_, text)) = rest.next_if(|(at, _)| slot_of(*at) <= slot) {
            value = Some(text.as_str());
        }
        if slot > 0 {
            data.push(' ');
        }
        data.push_str(value.unwrap_or(NO_VALUE));
    }
    Ok(data)
}

/// Reads a stream: each value with its time. Empty slots are passed over.
///
/// # Errors
/// If it has more than [`SLOTS_MAX`] values.
pub fn parse(data: &str, start: Instant, period_ticks: i64) -> Result<Vec<TimedValue>, TransformFault> {
    let mut values = Vec::new();
    for (text, slot) in data.split_whitespace().zip(0_i64..) {
        if slot >= SLOTS_MAX {
            return Err(TransformFault::StreamTooLong { slots: slot });
        }
        if text != NO_VALUE {
            let at = start.ticks().saturating_add(slot.saturating_mul(period_ticks));
            values.push((Instant::from_ticks(at), text.to_owned()));
        }
    }
    Ok(values)
}

/// Brings two sorted lists together; of two values at the same time the new one stays.
#[must_use]
pub fn merge(existing: Vec<TimedValue>, new: Vec<TimedValue>) -> Vec<TimedValue> {
    let mut merged = Vec::with_capacity(existing.len() + new.len());
    let mut existing = existing.into_iter().peekable();
    for value in new {
        while let Some(earlier) = existing.next_if(|(at, _)| *at < value.0) {
            merged.push(earlier);
        }
        while existing.next_if(|(at, _)| *at == value.0).is_some() {}
        merged.push(value);
    }
    merged.extend(existing);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ticks: i64) -> Instant {
        Instant::from_ticks(ticks)
    }

    fn values(of: &[(i64, &str)]) -> Vec<TimedValue> {
        of.iter().map(|(t, v)| (at(*t), (*v).to_owned())).collect()
    }

    fn over(start: i64, end: i64) -> Period {
        Period { start: at(start), end: at(end) }
    }

    #[test]
    fn the_last_value_of_a_slot_wins_and_empty_slots_say_so() {
        let values = values(&[(0, "1"), (5, "2"), (9, "3"), (20, "4"), (40, "5")]);
        assert_eq!(build(&values, over(0, 39), 10).unwrap(), "3 E 4 E");
    }

    #[test]
    fn a_value_before_the_period_hides_none_within() {
        assert_eq!(build(&values(&[(-5, "0"), (0, "1")]), over(0, 9), 10).unwrap(), "1");
    }

    #[test]
    fn a_stream_is_bounded() {
        assert_eq!(build(&[], over(0, SLOTS_MAX), 1), Err(TransformFault::StreamTooLong { slots: SLOTS_MAX + 1 }));
        assert_eq!(build(&[], over(0, 9), 0), Err(TransformFault::SamplePeriod));
        assert_eq!(build(&[], over(9, 0), 1).unwrap(), "");
    }

    #[test]
    fn what_is_new_stays_when_times_are_the_same() {
        let merged = merge(values(&[(0, "old"), (1, "old"), (2, "old")]), values(&[(1, "new"), (3, "new")]));
        assert_eq!(merged, values(&[(0, "old"), (1, "new"), (2, "old"), (3, "new")]));
    }

    proptest! {
        #[test]
        fn a_stream_that_is_read_and_written_again_is_the_same(
            slots in prop::collection::vec(prop::option::of(0_u8..99), 1..40), period in 1_i64..1_000, start in -1_000_i64..1_000)
        {
            let stream: Vec<String> = slots.iter().map(|s| s.map_or("E".to_owned(), |n| n.to_string())).collect();
            let stream = stream.join(" ");
            let last = i64::try_from(slots.len()).unwrap() - 1;
            let end = start + period * last;
            let read = parse(&stream, at(start), period).unwrap();
            prop_assert_eq!(build(&read, over(start, end), period).unwrap(), stream);
        }

        #[test]
        fn merging_keeps_order_and_every_new_value(
            mut old in prop::collection::vec(0_i64..50, 0..20), mut new in prop::collection::vec(0_i64..50, 0..20))
        {
            old.sort_unstable();
            old.dedup();
            new.sort_unstable();
            new.dedup();
            let merged = merge(
                old.iter().map(|t| (at(*t), "old".to_owned())).collect(),
                new.iter().map(|t| (at(*t), "new".to_owned())).collect(),
            );
            prop_assert!(merged.is_sorted_by(|a, b| a.0 < b.0));
            prop_assert!(new.iter().all(|t| merged.contains(&(at(*t), "new".to_owned()))));
            prop_assert!(old.iter().all(|t| merged.iter().any(|(m, _)| *m == at(*t))));
        }
    }
}
