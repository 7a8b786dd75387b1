//! The eight functions that MedTech adds.

use super::{JmesFault, arithmetic::Arithmetic, eval::Context, functions::Args, value::Number, value::Value};
use crate::ingest::medtech::{json::JsonValue, time};
use chrono::DateTime;

type Outcome<'a> = Result<Value<'a>, JmesFault>;

/// 2^63: the first float that no 64-bit whole number reaches.
const WHOLE_LIMIT: f64 = 9_223_372_036_854_775_808.0;

/// Both arguments: as whole numbers if both are, else as floats.
enum Pair {
    Whole(i64, i64),
    Floats(f64, f64),
}

fn pair(function: &'static str, values: &[Value<'_>]) -> Result<Pair, JmesFault> {
    let args = Args { function, values };
    let number = |i| args.get(i, "a number", Value::as_number);
    Ok(match (number(0)?, number(1)?) {
        (Number::Whole(a), Number::Whole(b)) => Pair::Whole(a, b),
        (a, b) => Pair::Floats(a.float(), b.float()),
    })
}

fn whole<'a>(
    function: &'static str,
    arithmetic: Arithmetic,
    checked: Option<i64>,
    wrapped: impl FnOnce() -> i64,
) -> Outcome<'a> {
    match (checked, arithmetic) {
        (Some(n), _) => Ok(Number::Whole(n).value()),
        (None, Arithmetic::Medtech) => Ok(Number::Whole(wrapped()).value()),
        (None, Arithmetic::Documented) => Err(JmesFault::Overflow(function)),
    }
}

/// A float result. In the documented arithmetic it must be a number.
fn float<'a>(function: &'static str, arithmetic: Arithmetic, x: f64) -> Outcome<'a> {
    match arithmetic {
        Arithmetic::Documented if !x.is_finite() => Err(JmesFault::Overflow(function)),
        _ => Ok(Number::Float(x).value()),
    }
}

pub(super) fn add<'a>(values: &[Value<'a>], _: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    match pair("add", values)? {
        Pair::Whole(a, b) => whole("add", context.arithmetic, a.checked_add(b), || a.wrapping_add(b)),
        Pair::Floats(a, b) => float("add", context.arithmetic, a + b),
    }
}

pub(super) fn subtract<'a>(values: &[Value<'a>], _: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    match pair("subtract", values)? {
        Pair::Whole(a, b) => whole("subtract", context.arithmetic, a.checked_sub(b), || a.wrapping_sub(b)),
        Pair::Floats(a, b) => float("subtract", context.arithmetic, a - b),
    }
}

pub(super) fn multiply<'a>(values: &[Value<'a>], _: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    match pair("multiply", values)? {
        Pair::Whole(a, b) => whole("multiply", context.arithmetic, a.checked_mul(b), || a.wrapping_mul(b)),
        Pair::Floats(a, b) => float("multiply", context.arithmetic, a * b),
    }
}

/// Whole numbers divide to a whole number towards 0; the documented arithmetic keeps the fraction.
pub(super) fn divide<'a>(values: &[Value<'a>], _: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    match (pair("divide", values)?, context.arithmetic) {
        (Pair::Whole(_, 0), _) | (Pair::Floats(_, 0.0), Arithmetic::Documented) => Err(JmesFault::DivisionByZero),
        (Pair::Whole(a, b), Arithmetic::Documented) if a.checked_rem(b) != Some(0) => {
            Ok(Number::Float(Number::Whole(a).float() / Number::Whole(b).float()).value())
        }
        (Pair::Whole(a, b), _) => {
            a.checked_div(b).map(|n| Number::Whole(n).value()).ok_or(JmesFault::Overflow("divide"))
        }
        (Pair::Floats(a, b), arithmetic) => float("divide", arithmetic, a / b),
    }
}

/// Whole numbers give a whole number, rounded to even; too large a one is an error in both arithmetics.
pub(super) fn pow<'a>(values: &[Value<'a>], _: &Value<'a>, context: &mut Context<'a>) -> Outcome<'a> {
    match pair("pow", values)? {
        Pair::Whole(a, b) => {
            let power = Number::Whole(a).float().powf(Number::Whole(b).float());
            match context.arithmetic {
                Arithmetic::Documented if b < 0 => float("pow", context.arithmetic, power),
                _ => to_whole(power.round_ties_even())
                    .map(|n| Number::Whole(n).value())
                    .ok_or(JmesFault::Overflow("pow")),
            }
        }
        Pair::Floats(a, b) => float("pow", context.arithmetic, a.powf(b)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked just before, and the value is whole")]
fn to_whole(x: f64) -> Option<i64> {
    (-WHOLE_LIMIT..WHOLE_LIMIT).contains(&x).then_some(x as i64)
}

pub(super) fn insert_string<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "insertString", values };
    let (mut text, inserted) = (args.text(0)?, args.text(1)?);
    let position = whole_argument(&args, 2)?;
    let length = text.chars().count();
    let place = usize::try_from(position).ok().filter(|place| *place <= length);
    let place = place.ok_or(JmesFault::Outside { position, length })?;
    let byte = text.char_indices().nth(place).map_or(text.len(), |(byte, _)| byte);
    text.insert_str(byte, &inserted);
    Ok(Value::text(text))
}

pub(super) fn from_unix_timestamp<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "fromUnixTimestamp", values };
    let seconds = whole_argument(&args, 0)?;
    moment(seconds.checked_mul(1000), "fromUnixTimestamp")
}

pub(super) fn from_unix_timestamp_ms<'a>(values: &[Value<'a>], _: &Value<'a>, _: &mut Context<'a>) -> Outcome<'a> {
    let args = Args { function: "fromUnixTimestampMs", values };
    let millis = whole_argument(&args, 0)?;
    moment(Some(millis), "fromUnixTimestampMs")
}

fn whole_argument(args: &Args<'_, '_>, i: usize) -> Result<i64, JmesFault> {
    args.get(i, "a whole number", |value| match value.json()?.value {
        JsonValue::Integer(n) => Some(n),
        _ => None,
    })
}

/// The time as a text; years 1 to 9999.
fn moment<'a>(millis: Option<i64>, function: &'static str) -> Outcome<'a> {
    const FIRST_MS: i64 = -62_135_596_800_000;
    const LAST_MS: i64 = 253_402_300_799_999;
    let time = millis.filter(|ms| (FIRST_MS..=LAST_MS).contains(ms)).and_then(DateTime::from_timestamp_millis);
    time.map(|time| Value::text(time::wire_text(time))).ok_or(JmesFault::Overflow(function))
}
