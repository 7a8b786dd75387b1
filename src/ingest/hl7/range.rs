//! Limits of a device (OBX-7): `50-120`, `60^130`, `<500`, `>90`.

use super::{
    tokens::{Separators, pieces},
    units::Conversion,
};
use crate::domain::{ReportedLimits, VitalDef};

/// The limits in the unit of their vital, for which their digits are kept if they have it already; `None` if they are none:
/// a text for people, or nothing.
pub(super) fn limits(
    field: &str,
    separators: Separators,
    (def, conversion): (&VitalDef, Conversion),
) -> Option<ReportedLimits> {
    let (low, high) = ends(field, separators)?;
    if conversion.is_same() {
        return ReportedLimits::between(low, high);
    }
    // What is no limit as it came does not become one.
    ReportedLimits::between(low, high)?;
    ReportedLimits::between(&converted(low, def, conversion)?, &converted(high, def, conversion)?)
}

/// A number in the unit of its vital, with the digits that it is shown with; nothing stays nothing.
pub(super) fn converted(number: &str, def: &VitalDef, conversion: Conversion) -> Option<String> {
    if number.is_empty() {
        return Some(String::new());
    }
    let value: f64 = number.parse().ok()?;
    // Adding 0 makes -0 a plain 0.
    Some(def.format(conversion.apply(value) + 0.0))
}

/// The limits as they came, for what has no unit of ours.
pub(super) fn as_sent(field: &str, separators: Separators) -> Option<ReportedLimits> {
    let (low, high) = ends(field, separators)?;
    ReportedLimits::between(low, high)
}

/// The two ends, of which one may be empty.
fn ends(field: &str, separators: Separators) -> Option<(&str, &str)> {
    let field = separators.first(field).trim();
    let mut parts = pieces(field, separators.component);
    let (first, second) = (parts.next().unwrap_or_default().trim(), parts.next());
    let (low, high) = match (second, first.as_bytes().first()) {
        (Some(second), _) => (first, second),
        (None, Some(b'<')) => ("", first.get(1..)?),
        (None, Some(b'>')) => (first.get(1..)?, ""),
        (None, _) => span(first)?,
    };
    Some((number(low), number(high)))
}

/// A number without what may stand before it.
fn number(text: &str) -> &str {
    text.trim().trim_start_matches('=').trim_start()
}

/// The two ends of `50-120`, of which either may be negative.
fn span(text: &str) -> Option<(&str, &str)> {
    let from = usize::from(text.starts_with('-'));
    let at = text.get(from..)?.find('-')? + from;
    let (low, high) = text.split_at_checked(at)?;
    Some((low, high.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("50-120", Some("50-120"))]
    #[case("90.0 - 100.00", Some("90.0-100.00"))]
    #[case("60^130", Some("60-130"))]
    #[case("^130", Some("below 130"))]
    #[case("60^", Some("above 60"))]
    #[case("<500", Some("below 500"))]
    #[case("<= 90", Some("below 90"))]
    #[case(">110", Some("above 110"))]
    #[case("-5--1", Some("-5--1"))]
    #[case("-5-1", Some("-5-1"))]
    #[case("50-", Some("above 50"))]
    #[case("normal", None)]
    #[case("1.2.3-4", None)]
    #[case("", None)]
    #[case("^", None)]
    #[case("-", None)]
    #[case("50", None)]
    fn limits_keep_their_digits(#[case] field: &str, #[case] expected: Option<&str>) {
        assert_eq!(as_sent(field, Separators::USUAL).as_ref().map(ReportedLimits::as_str), expected);
    }

    proptest! {
        #[test]
        fn any_text_is_limits_or_none(text in "[0-9<>=.^~ -]{0,20}|.{0,12}") {
            let _ = as_sent(&text, Separators::USUAL);
        }
    }
}
