//! When the text of a number says more than the number.

use crate::domain::observation::VALUE_TEXT_MAX_BYTES;
use std::sync::Arc;

/// Most digits that a 64-bit float always keeps.
const EXACT_DIGITS: usize = 15;

/// The text to keep beside a value: `None` if the number, printed, gives the same text again. Texts of more than
/// [`VALUE_TEXT_MAX_BYTES`] are not kept.
#[must_use]
pub fn value_text(text: &str, value: f64) -> Option<Arc<str>> {
    let plain = is_canonical(text) || format!("{value}") == text;
    (!plain && text.len() <= VALUE_TEXT_MAX_BYTES).then(|| text.into())
}

/// Whether the shortest form of the number is certainly this text, without printing it.
fn is_canonical(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "1"));
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole)
        && all_digits(fraction)
        && !fraction.ends_with('0')
        && (whole == "0" || !whole.starts_with('0'))
        && digits.len() <= EXACT_DIGITS
        && text != "-0"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_what_the_number_loses() {
        let kept = |text: &str| value_text(text, text.parse().unwrap()).map(|t| t.to_string());
        for plain in ["37", "37.5", "-1", "0", "0.25", "100"] {
            assert_eq!(kept(plain), None, "{plain}");
        }
        for more in ["37.00", "37.0", "3.7e1", "037", "1E2", "-0.0"] {
            assert_eq!(kept(more).as_deref(), Some(more));
        }
    }

    proptest! {
        #[test]
        fn a_number_without_kept_text_prints_as_it_came(text in "-?[0-9]{1,9}(\\.[0-9]{1,9})?") {
            let value: f64 = text.parse().unwrap();
            if value_text(&text, value).is_none() {
                prop_assert_eq!(format!("{value}"), text);
            }
        }
    }
}
