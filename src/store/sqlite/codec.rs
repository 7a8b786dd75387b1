//! A run of samples of one series as bytes.
//!
//! Times are differences, values are differences of whole numbers where a few decimals hold them exactly, all as
//! variable-length integers: about 3 bytes for a sample at 1 Hz. Texts stand at the end, only where there are any.

use crate::{
    domain::{Marks, Quality, Timestamp},
    engine::Kept,
};

/// Version of the form, the first byte.
const CODEC_VERSION: u8 = 1;
/// Marks values that no decimals hold: each is 8 bytes.
const RAW_VALUES: u8 = 255;
/// Most decimals of a value that is kept as a whole number.
const DECIMALS_MAX: u8 = 4;
/// Whole numbers beyond this are not certain to be exact.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

const LATE: u8 = 0b100;
/// Marks stand above quality and lateness. Blocks that were written before there were any have zeros there.
const MARKS_SHIFT: u32 = 3;

fn put(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(u8::try_from(n & 0x7f).unwrap_or_default() | 0x80);
        n >>= 7;
    }
    out.push(u8::try_from(n).unwrap_or_default());
}

#[expect(clippy::cast_sign_loss, reason = "zigzag folds the sign into the lowest bit")]
fn put_signed(out: &mut Vec<u8>, n: i64) {
    put(out, ((n << 1) ^ (n >> 63)) as u64);
}

/// Takes numbers from bytes; `None` at their end.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut n = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(n);
            }
        }
        None
    }

    #[expect(clippy::cast_possible_wrap, reason = "zigzag keeps the sign in the lowest bit")]
    fn signed(&mut self) -> Option<i64> {
        let n = self.number()?;
        Some((n >> 1) as i64 ^ -((n & 1) as i64))
    }

    fn bytes(&mut self, n: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }
}

fn factor(decimals: u8) -> f64 {
    10_f64.powi(i32::from(decimals))
}

/// The value as a whole number of so many decimals, if that holds it exactly.
#[expect(clippy::cast_possible_truncation, clippy::float_cmp, reason = "checked to be exact")]
fn whole(value: f64, decimals: u8) -> Option<i64> {
    let scaled = (value * factor(decimals)).round();
    let exact =
        scaled.abs() < EXACT_MAX && scaled / factor(decimals) == value && !(value == 0.0 && value.is_sign_negative());
    exact.then_some(scaled as i64)
}

const fn flags(sample: &Kept) -> u8 {
    let quality = match sample.quality {
        Quality::Valid => 0,
        Quality::NotMeasured => 1,
        Quality::OutOfRange => 2,
    };
    quality | if sample.late { LATE } else { 0 } | (sample.marks.bits() << MARKS_SHIFT)
}

const fn quality_of(flags: u8) -> Quality {
    match flags & 0b11 {
        0 => Quality::Valid,
        1 => Quality::NotMeasured,
        _ => Quality::OutOfRange,
    }
}

/// Samples as bytes, in their order.
pub(super) fn encode(samples: &[Kept]) -> Vec<u8> {
    let mut out = Vec::with_capacity(samples.len() * 4 + 16);
    let decimals = (0..=DECIMALS_MAX).find(|d| samples.iter().all(|s| whole(s.value, *d).is_some()));
    out.push(CODEC_VERSION);
    out.push(decimals.unwrap_or(RAW_VALUES));
    put(&mut out, samples.len() as u64);
    let (mut at, mut step) = (0, 0);
    for sample in samples {
        let next = sample.observed_at.as_ms();
        // The difference of differences: 0 at a steady rate.
        put_signed(&mut out, (next - at) - step);
        step = next - at;
        at = next;
    }
    for sample in samples {
        put_signed(&mut out, sample.received_at.since(sample.observed_at).0);
    }
    let mut before = 0;
    for sample in samples {
        match decimals.and_then(|d| whole(sample.value, d)) {
            Some(whole) => {
                put_signed(&mut out, whole - before);
                before = whole;
            }
            None => out.extend_from_slice(&sample.value.to_le_bytes()),
        }
    }
    put_flags(&mut out, samples);
    for (index, text) in samples.iter().enumerate().filter_map(|(i, s)| Some((i, s.text.as_ref()?))) {
        put(&mut out, index as u64);
        put(&mut out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    }
    out
}

/// Flags as runs of equal ones.
fn put_flags(out: &mut Vec<u8>, samples: &[Kept]) {
    let mut runs: Vec<(u8, u64)> = Vec::new();
    for sample in samples {
        let flags = flags(sample);
        match runs.last_mut() {
            Some((last, n)) if *last == flags => *n += 1,
            _ => runs.push((flags, 1)),
        }
    }
    put(out, runs.len() as u64);
    for (flags, n) in runs {
        out.push(flags);
        put(out, n);
    }
}

/// Samples from bytes; `None` if the bytes are not whole.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<Kept>> {
    let mut reader = Reader(bytes);
    if reader.byte()? != CODEC_VERSION {
        return None;
    }
    let decimals = reader.byte()?;
    let n = usize::try_from(reader.number()?).ok().filter(|n| *n <= bytes.len())?;
    let mut samples = Vec::with_capacity(n);
    let (mut at, mut step) = (0_i64, 0_i64);
    for _ in 0..n {
        step = step.checked_add(reader.signed()?)?;
        at = at.checked_add(step)?;
        let observed_at = Timestamp::from_ms(at);
        let kept = Kept {
            observed_at,
            received_at: observed_at,
            value: 0.0,
            text: None,
            quality: Quality::Valid,
            marks: Marks::NONE,
            late: false,
        };
        samples.push(kept);
    }
    for sample in &mut samples {
        sample.received_at = sample.observed_at + crate::domain::Millis(reader.signed()?);
    }
    let mut whole = 0_i64;
    for sample in &mut samples {
        sample.value = if decimals == RAW_VALUES {
            f64::from_le_bytes(reader.bytes(8)?.try_into().ok()?)
        } else {
            whole = whole.checked_add(reader.signed()?)?;
            #[expect(clippy::cast_precision_loss, reason = "it was made of a number that holds it exactly")]
            let value = whole as f64 / factor(decimals);
            value
        };
    }
    take_flags(&mut reader, &mut samples)?;
    while !reader.0.is_empty() {
        let index = usize::try_from(reader.number()?).ok()?;
        let length = usize::try_from(reader.number()?).ok()?;
        let text = std::str::from_utf8(reader.bytes(length)?).ok()?;
        samples.get_mut(index)?.text = Some(text.into());
    }
    Some(samples)
}

fn take_flags(reader: &mut Reader<'_>, samples: &mut [Kept]) -> Option<()> {
    let mut rest = samples.iter_mut();
    for _ in 0..reader.number()? {
        let flags = reader.byte()?;
        for _ in 0..reader.number()? {
            let sample = rest.next()?;
            sample.quality = quality_of(flags);
            sample.late = flags & LATE != 0;
            sample.marks = Marks::from_bits(flags >> MARKS_SHIFT);
        }
    }
    rest.next().is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept() -> impl Strategy<Value = Kept> {
        let value = prop_oneof![
            4 => (0_i32..300).prop_map(f64::from),
            2 => (0_i32..5000).prop_map(|n| f64::from(n) / 10.0),
            1 => any::<f64>().prop_filter("finite", |v| v.is_finite()),
        ];
        let quality =
            prop_oneof![8 => Just(Quality::Valid), 1 => Just(Quality::NotMeasured), 1 => Just(Quality::OutOfRange)];
        let text = prop::option::weighted(0.1, "[0-9.]{1,8}");
        let marks = prop_oneof![8 => Just(0_u8), 1 => 0_u8..32].prop_map(Marks::from_bits);
        (0_i64..4_000_000_000_000, -100_000_i64..100_000, value, quality, text, any::<bool>(), marks).prop_map(
            |(ms, lag, value, quality, text, late, marks)| Kept {
                observed_at: Timestamp::from_ms(ms),
                received_at: Timestamp::from_ms(ms + lag),
                value,
                text: text.map(Into::into),
                quality,
                marks,
                late,
            },
        )
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(samples in prop::collection::vec(kept(), 0..200)) {
            let decoded = decode(&encode(&samples)).unwrap();
            prop_assert_eq!(decoded.len(), samples.len());
            for (a, b) in decoded.iter().zip(&samples) {
                prop_assert_eq!(a.value.to_bits(), b.value.to_bits());
                prop_assert_eq!(a, b);
            }
        }

        #[test]
        fn cut_and_changed_bytes_never_panic(samples in prop::collection::vec(kept(), 0..50), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = encode(&samples);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = decode(&bytes);
            prop_assert!(decode(&bytes[..at]).is_none() || at > 2);
        }
    }

    #[test]
    fn a_steady_series_takes_few_bytes() {
        let sample = |s: i64| Kept {
            observed_at: Timestamp::from_ms(1_700_000_000_000 + s * 1000),
            received_at: Timestamp::from_ms(1_700_000_000_000 + s * 1000 + 40 + s % 7),
            value: f64::from(u16::try_from(96 + s % 3).unwrap()),
            text: None,
            quality: Quality::Valid,
            marks: Marks::NONE,
            late: false,
        };
        let samples: Vec<Kept> = (0..600).map(sample).collect();
        let bytes = encode(&samples);
        assert!(bytes.len() < 600 * 4, "{}", bytes.len());
        assert_eq!(decode(&bytes).unwrap(), samples);
    }
}
