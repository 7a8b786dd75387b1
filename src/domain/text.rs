//! Text from outside, made safe to store, log and draw.

/// Longest text kept from outside, in characters. Longer text is cut.
pub const TEXT_MAX_CHARS: usize = 200;

/// Removes what could drive a terminal or deceive a reader: control characters (C0, C1, DEL), bidirectional marks,
/// embeddings, overrides and isolates, zero-width characters, line and paragraph separators, the byte order mark,
/// tag characters and lone combining runs. White space is folded to single spaces; the text is cut to
/// [`TEXT_MAX_CHARS`].
///
/// Applied once, where text is decoded, so that nothing behind the intake needs to think of it again.
#[must_use]
pub fn clean(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len().min(TEXT_MAX_CHARS * 4));
    let mut chars = 0;
    let mut combining = 0;
    let mut space_due = false;
    for c in raw.chars() {
        if c.is_whitespace() {
            space_due = !out.is_empty();
            continue;
        }
        if is_unsafe(c) {
            continue;
        }
        combining = if is_combining(c) { combining + 1 } else { 0 };
        if combining > COMBINING_MAX {
            continue;
        }
        if space_due {
            out.push(' ');
            chars += 1;
            space_due = false;
        }
        if chars >= TEXT_MAX_CHARS {
            break;
        }
        out.push(c);
        chars += 1;
    }
    out.truncate(out.trim_end().len());
    out
}

/// Most combining marks kept on one base character.
const COMBINING_MAX: usize = 2;

fn is_combining(c: char) -> bool {
    matches!(u32::from(c), 0x0300..=0x036F | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE20..=0xFE2F)
}

/// Whether a character could drive a terminal or deceive a reader; such characters are no part of a clean text.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            u32::from(c),
            0x00AD
                | 0x034F
                | 0x061C
                | 0x115F..=0x1160
                | 0x17B4..=0x17B5
                | 0x180B..=0x180E
                | 0x200B..=0x200F
                | 0x2028..=0x202E
                | 0x2060..=0x206F
                | 0x3164
                | 0xFE00..=0xFE0F
                | 0xFEFF
                | 0xFFA0
                | 0xFFF0..=0xFFFB
                | 0xE0000..=0xE0FFF
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_ordinary_names() {
        for name in ["Okafor, Chidi", "Jürgen Müßig", "Łukasz Żółć", "山田 太郎", "Иванова", "O'Brien-Smith"]
        {
            assert_eq!(clean(name), name);
        }
    }

    #[test]
    fn removes_escape_sequences_and_direction_marks() {
        assert_eq!(clean("\u{1b}[31mRed\u{7}\u{9b}2J"), "[31mRed2J");
        assert_eq!(clean("Anna\u{202e}drawrof\u{2066}\u{200f}"), "Annadrawrof");
        assert_eq!(clean("a\u{200b}b\u{feff}c"), "abc");
        assert_eq!(clean("two\r\nlines\tand\u{2028}more"), "two lines and more");
        assert_eq!(clean("   "), "");
    }

    #[test]
    fn bounds_length_and_stacked_marks() {
        assert_eq!(clean(&"x".repeat(5000)).chars().count(), TEXT_MAX_CHARS);
        let zalgo: String = std::iter::once('a').chain(std::iter::repeat_n('\u{301}', 50)).collect();
        assert_eq!(clean(&zalgo).chars().count(), 1 + COMBINING_MAX);
    }

    proptest! {
        #[test]
        fn output_is_inert_and_stable(raw in "\\PC*|[\\x00-\\x{FFFF}]{0,300}") {
            let once = clean(&raw);
            prop_assert!(once.chars().count() <= TEXT_MAX_CHARS);
            prop_assert!(!once.chars().any(is_unsafe));
            prop_assert_eq!(clean(&once), once.clone());
        }
    }
}
