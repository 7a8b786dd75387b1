//! How a value becomes the text that a measurement carries.

use super::{
    json::{Json, JsonValue},
    time::IsoTime,
};
use std::borrow::Cow;

/// Digits up to which a number is written out rather than with an exponent, if it has no more itself.
const WRITTEN_OUT_DIGITS: i32 = 15;
/// Numbers smaller than 1e-4 are written with an exponent.
const SMALLEST_EXPONENT: i32 = -4;

/// The text of a value: `None` for `null`.
///
/// # Errors
/// If it is an array or an object: what it is, in a word.
pub(super) fn text_of(value: &Json) -> Result<Option<Cow<'_, str>>, &'static str> {
    Ok(Some(match &value.value {
        JsonValue::Null => return Ok(None),
        JsonValue::Bool(true) => Cow::Borrowed("True"),
        JsonValue::Bool(false) => Cow::Borrowed("False"),
        JsonValue::Integer(n) => Cow::Owned(n.to_string()),
        JsonValue::Long(digits) => Cow::Borrowed(digits),
        JsonValue::Float(x) => Cow::Owned(float_text(*x)),
        JsonValue::Text(text) => match IsoTime::read(text) {
            Some(time) => Cow::Owned(time.value_text()),
            None => Cow::Borrowed(text),
        },
        JsonValue::Array(_) | JsonValue::Object(_) => return Err(value.kind()),
    }))
}

/// A number as .NET writes it: the shortest digits that give the same number again, with an exponent (`1E+16`, `1E-05`)
/// where it is large or small.
pub(super) fn float_text(x: f64) -> String {
    if !x.is_finite() {
        return if x.is_nan() {
            "NaN"
        } else if x > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    let scientific = format!("{x:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digit_count = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let written_out = i32::try_from(digit_count).unwrap_or(i32::MAX).max(WRITTEN_OUT_DIGITS);
    if (SMALLEST_EXPONENT..written_out).contains(&exponent) {
        return format!("{x}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}E{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("78", Some("78"))]
    #[case("97.0", Some("97"))]
    #[case("36.6", Some("36.6"))]
    #[case("true", Some("True"))]
    #[case("false", Some("False"))]
    #[case("null", None)]
    #[case("'60'", Some("60"))]
    #[case("''", Some(""))]
    #[case("98765432109876543210", Some("98765432109876543210"))]
    #[case("1.7976931348623157e308", Some("1.7976931348623157E+308"))]
    #[case("0.0001", Some("0.0001"))]
    #[case("0.00001", Some("1E-05"))]
    #[case("1e14", Some("100000000000000"))]
    #[case("1e15", Some("1E+15"))]
    #[case("12345678901234567.0", Some("12345678901234568"))]
    #[case("123456789012345680.0", Some("1.2345678901234568E+17"))]
    #[case("-0.0", Some("-0"))]
    #[case("NaN", Some("NaN"))]
    #[case("'2024-01-15T10:20:30Z'", Some("01/15/2024 10:20:30"))]
    fn values_become_text_as_upstream_writes_them(#[case] json: &str, #[case] text: Option<&str>) {
        let value = Json::read(json.as_bytes()).unwrap();
        assert_eq!(text_of(&value).unwrap().as_deref(), text);
    }

    #[test]
    fn arrays_and_objects_have_no_text() {
        for (json, kind) in [("[1]", "array"), ("{}", "object")] {
            assert_eq!(text_of(&Json::read(json.as_bytes()).unwrap()), Err(kind));
        }
    }

    #[test]
    fn a_product_shows_its_last_digit() {
        assert_eq!(float_text(78.0 * 0.0254), "1.9811999999999999");
    }

    proptest! {
        #[test]
        fn the_text_gives_the_same_number_again(bits in any::<u64>()) {
            let x = f64::from_bits(bits);
            if x.is_finite() {
                prop_assert_eq!(float_text(x).parse::<f64>().unwrap().to_bits(), bits);
            }
        }
    }
}
