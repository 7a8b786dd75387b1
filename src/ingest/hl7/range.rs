//! Limits of a device (OBX-7): `50-120`, `60^130`, `<500`, `>90`.

use super::tokens::{Separators, pieces};

/// The limits as people read them, with the digits that were sent: `50-120`, `below 500`, `above 90`. `None` if they are
/// none: a text for people, or nothing.
pub(super) fn limits(field: &str, separators: Separators) -> Option<String> {
    let field = separators.first(field).trim();
    let mut parts = pieces(field, separators.component).map(str::trim);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let (low, high) = match second {
        Some(second) => (first, second),
        None => match first.strip_prefix('<') {
            Some(high) => ("", high),
            None => match first.strip_prefix('>') {
                Some(low) => (low, ""),
                None => span(first)?,
            },
        },
    };
    let bound = |text: &str| text.trim().trim_start_matches('=').trim().to_owned();
    let (low, high) = (bound(low), bound(high));
    let good = |text: &str| text.is_empty() || is_number(text);
    if !good(&low) || !good(&high) {
        return None;
    }
    match (low.as_str(), high.as_str()) {
        ("", "") => None,
        ("", high) => Some(format!("below {high}")),
        (low, "") => Some(format!("above {low}")),
        (low, high) => Some(format!("{low}-{high}")),
    }
}

/// The two ends of `50-120`, of which either may be negative.
fn span(text: &str) -> Option<(&str, &str)> {
    let from = usize::from(text.starts_with('-'));
    let at = text.get(from..)?.find('-')? + from;
    let (low, high) = text.split_at_checked(at)?;
    Some((low, high.get(1..)?))
}

/// A plain decimal number.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().any(|b| b.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().filter(|b| *b == b'.').count() <= 1
        && digits.len() <= NUMBER_MAX_BYTES
}

/// Longest number that is a limit, in bytes.
const NUMBER_MAX_BYTES: usize = 12;

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
        assert_eq!(limits(field, Separators::USUAL).as_deref(), expected);
    }

    proptest! {
        #[test]
        fn any_text_is_limits_or_none(text in "[0-9<>=.^~ -]{0,20}|.{0,12}") {
            let _ = limits(&text, Separators::USUAL);
        }
    }
}
