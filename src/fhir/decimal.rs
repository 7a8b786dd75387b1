//! Decimal numbers as FHIR has them: 97.50 is not 97.5.

use serde::{Serialize, Serializer, ser};
use serde_json::value::RawValue;
use std::{
    fmt::{self, Display, Formatter},
    str::FromStr,
};

/// Most digits of a number. Upstream counts in a decimal type of 96 bits, which holds 28 digits of any kind.
pub const DIGITS_MAX: usize = 28;

/// A decimal number with its digits as they were written: JSON shows them unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal(Box<str>);

/// A text that is no decimal number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a decimal number: an optional sign, digits, and at most one point are wanted")]
pub struct DecimalError(String);

impl Decimal {
    /// 0, without decimals.
    #[must_use]
    pub fn zero() -> Self {
        Self("0".into())
    }

    /// The nearest binary number.
    #[must_use]
    pub fn as_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Takes digits with at most one point, a sign and blanks around. No exponent and no comma: `36,6` would be read as 366
    /// by those who take a comma for a separator of thousands.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let fault = || DecimalError(text.chars().take(40).collect());
        let trimmed = text.trim();
        let (sign, digits) = match trimmed.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", trimmed.strip_prefix('+').unwrap_or(trimmed)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
            return Err(fault());
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() + fraction.len() > DIGITS_MAX {
            return Err(fault());
        }
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if fraction.is_empty() { "" } else { "." };
        Ok(Self(format!("{sign}{whole}{point}{fraction}").into()))
    }
}

impl Display for Decimal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.clone().into_string()).map_err(ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("97.50", "97.50")]
    #[case(" 97 ", "97")]
    #[case("+0097.0", "97.0")]
    #[case("-.5", "-0.5")]
    #[case("5.", "5")]
    #[case("0", "0")]
    #[case("000", "0")]
    fn digits_are_kept(#[case] text: &str, #[case] json: &str) {
        let decimal: Decimal = text.parse().unwrap();
        assert_eq!(serde_json::to_string(&decimal).unwrap(), json);
    }

    #[rstest]
    #[case("")]
    #[case(".")]
    #[case("-")]
    #[case("NaN")]
    #[case("36,6")]
    #[case("1e3")]
    #[case("1.2.3")]
    #[case("--1")]
    #[case("１")]
    #[case("12345678901234567890123456789")]
    fn what_is_no_decimal_is_refused(#[case] text: &str) {
        assert!(text.parse::<Decimal>().is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_taken_is_json(text in "[-+0-9.,eE ]{0,40}|\\PC{0,20}") {
            if let Ok(decimal) = text.parse::<Decimal>() {
                let json = serde_json::to_string(&decimal).unwrap();
                prop_assert_eq!(json.parse::<f64>().unwrap(), text.trim().parse::<f64>().unwrap());
            }
        }
    }
}
