//! How a filter compares two values: by the kind of the left one, and loosely.

use super::{Operator, PathFault};
use crate::ingest::medtech::{
    json::{Json, JsonValue},
    scalar,
    time::{self, IsoTime},
};
use std::cmp::Ordering;

/// Whether two numbers are taken for equal.
const TOLERANCE: f64 = f64::EPSILON;

/// Whether the comparison holds.
pub(super) fn holds(operator: Operator, left: &Json, right: &Json) -> Result<bool, PathFault> {
    if is_container(left) || is_container(right) {
        return Ok(operator == Operator::NotEqual);
    }
    Ok(match operator {
        Operator::Equal => equal(left, right),
        Operator::NotEqual => !equal(left, right),
        Operator::StrictlyEqual => strictly_equal(left, right),
        Operator::StrictlyNotEqual => !strictly_equal(left, right),
        Operator::Less => order(left, right)?.is_lt(),
        Operator::LessOrEqual => order(left, right)?.is_le(),
        Operator::Greater => order(left, right)?.is_gt(),
        Operator::GreaterOrEqual => order(left, right)?.is_ge(),
    })
}

/// The text, if it is one that is not read as a date.
pub(super) fn is_plain_text(value: &Json) -> Option<&str> {
    value.as_text().filter(|text| IsoTime::read(text).is_none())
}

const fn is_container(value: &Json) -> bool {
    matches!(value.value, JsonValue::Array(_) | JsonValue::Object(_))
}

fn equal(left: &Json, right: &Json) -> bool {
    match (&left.value, &right.value) {
        // A date is not the text that was written, but the one that upstream would write.
        (JsonValue::Text(a), JsonValue::Text(b)) => match IsoTime::read(a) {
            Some(date) => date.filter_text() == *b,
            None => a == b,
        },
        _ => strictly_equal(left, right),
    }
}

fn strictly_equal(left: &Json, right: &Json) -> bool {
    match (&left.value, &right.value) {
        (JsonValue::Null, JsonValue::Null) => true,
        (JsonValue::Bool(a), JsonValue::Bool(b)) => a == b,
        (JsonValue::Text(a), JsonValue::Text(b)) => a == b && IsoTime::read(a).is_none(),
        (JsonValue::Integer(a), JsonValue::Integer(b)) => a == b,
        (JsonValue::Long(a), JsonValue::Long(b)) => a == b,
        _ => match (number(left), number(right)) {
            (Some(a), Some(b)) => order_of_floats(a, b).is_eq(),
            _ => false,
        },
    }
}

fn order(left: &Json, right: &Json) -> Result<Ordering, PathFault> {
    let refuse = |value: &Json, kind| Err(PathFault::NotComparable(value.to_string(), kind));
    match (left.is_null(), right.is_null()) {
        (true, true) => return Ok(Ordering::Equal),
        (false, true) => return Ok(Ordering::Greater),
        (true, false) => return Ok(Ordering::Less),
        (false, false) => {}
    }
    let left_date = left.as_text().and_then(IsoTime::read);
    let deciding = if left_date.is_none() && left.as_text().is_some() { right } else { left };
    match &deciding.value {
        JsonValue::Integer(_)
            if ![left, right].iter().any(|v| matches!(v.value, JsonValue::Float(_) | JsonValue::Long(_))) =>
        {
            match (whole(left), whole(right)) {
                (Some(a), Some(b)) => Ok(a.cmp(&b)),
                (None, _) => refuse(left, "whole number"),
                (_, None) => refuse(right, "whole number"),
            }
        }
        JsonValue::Integer(_) | JsonValue::Float(_) | JsonValue::Long(_) => {
            match (loose_number(left), loose_number(right)) {
                (Some(a), Some(b)) => Ok(order_of_floats(a, b)),
                (None, _) => refuse(left, "number"),
                (_, None) => refuse(right, "number"),
            }
        }
        JsonValue::Bool(_) => match (truth(left), truth(right)) {
            (Some(a), Some(b)) => Ok(a.cmp(&b)),
            (None, _) => refuse(left, "boolean"),
            (_, None) => refuse(right, "boolean"),
        },
        _ => match left_date {
            Some(date) => match right.as_text().and_then(time::timestamp) {
                Some(other) => Ok(date.utc().cmp(&other)),
                None => refuse(right, "date"),
            },
            None => Ok(scalar::text_of(left).ok().flatten().cmp(&scalar::text_of(right).ok().flatten())),
        },
    }
}

fn number(value: &Json) -> Option<f64> {
    match &value.value {
        JsonValue::Integer(n) => Some(to_float(*n)),
        JsonValue::Float(x) => Some(*x),
        JsonValue::Long(digits) => digits.parse().ok(),
        _ => None,
    }
}

fn loose_number(value: &Json) -> Option<f64> {
    match &value.value {
        JsonValue::Text(text) => text.trim().parse().ok(),
        JsonValue::Bool(b) => Some(f64::from(u8::from(*b))),
        _ => number(value),
    }
}

fn whole(value: &Json) -> Option<i64> {
    match &value.value {
        JsonValue::Integer(n) => Some(*n),
        JsonValue::Text(text) => text.trim().parse().ok(),
        JsonValue::Bool(b) => Some(i64::from(*b)),
        _ => None,
    }
}

fn truth(value: &Json) -> Option<bool> {
    match &value.value {
        JsonValue::Bool(b) => Some(*b),
        JsonValue::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        JsonValue::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => number(value).map(|x| x != 0.0),
    }
}

#[expect(clippy::cast_precision_loss, reason = "upstream compares a whole number with a fraction as floats too")]
const fn to_float(n: i64) -> f64 {
    n as f64
}

fn order_of_floats(a: f64, b: f64) -> Ordering {
    let near = (a.abs() + b.abs() + 10.0) * TOLERANCE;
    if a == b || (a - b).abs() < near { Ordering::Equal } else { a.total_cmp(&b) }
}
