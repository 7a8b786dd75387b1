//! In which characters a message is written.

use encoding_rs::{
    BIG5, EUC_KR, Encoding, GB18030, ISO_2022_JP, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6,
    ISO_8859_7, ISO_8859_8, ISO_8859_15, SHIFT_JIS, UTF_8, WINDOWS_1251, WINDOWS_1252, WINDOWS_1254,
};
use std::{borrow::Cow, str::FromStr};

/// The names of MSH-18 (HL7 table 0211) and a few that are met besides.
const NAMES: &[(&str, &Encoding)] = &[
    ("UNICODE UTF-8", UTF_8),
    ("UTF-8", UTF_8),
    ("UNICODE", UTF_8),
    ("ASCII", UTF_8),
    ("8859/1", WINDOWS_1252),
    ("ISO-8859-1", WINDOWS_1252),
    ("WINDOWS-1252", WINDOWS_1252),
    ("8859/2", ISO_8859_2),
    ("8859/3", ISO_8859_3),
    ("8859/4", ISO_8859_4),
    ("8859/5", ISO_8859_5),
    ("8859/6", ISO_8859_6),
    ("8859/7", ISO_8859_7),
    ("8859/8", ISO_8859_8),
    ("8859/9", WINDOWS_1254),
    ("8859/15", ISO_8859_15),
    ("WINDOWS-1251", WINDOWS_1251),
    ("GB 18030-2000", GB18030),
    ("GB18030", GB18030),
    ("BIG-5", BIG5),
    ("KS X 1001", EUC_KR),
    ("ISO IR87", ISO_2022_JP),
    ("SHIFT_JIS", SHIFT_JIS),
];

/// A set of characters by the name that HL7 gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charset(&'static Encoding);

/// A text that names no set of characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a character set: UNICODE UTF-8, 8859/1 to 8859/9, 8859/15, GB 18030-2000, BIG-5 and such are wanted"
)]
pub struct CharsetError(String);

impl Default for Charset {
    fn default() -> Self {
        Self(UTF_8)
    }
}

impl FromStr for Charset {
    type Err = CharsetError;
    fn from_str(text: &str) -> Result<Self, CharsetError> {
        let found = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim()));
        found.map(|(_, encoding)| Self(encoding)).ok_or_else(|| CharsetError(text.chars().take(40).collect()))
    }
}

impl Charset {
    /// The message as text. What is no character of the set becomes `U+FFFD`: a name that cannot be read must not cost
    /// the values.
    pub(super) fn text<'m>(self, raw: &'m [u8]) -> Cow<'m, str> {
        self.0.decode_without_bom_handling(raw).0
    }
}

/// The set of a message: the one that MSH-18 names, if it is known; else the source's.
pub(super) fn of(raw: &[u8], usual: Charset) -> Charset {
    let Some(separator) = raw.get(3) else { return usual };
    let line = raw.split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or_default();
    let named = line.split(|b| b == separator).nth(17).unwrap_or_default();
    let named = named.split(|b| *b == b'~').next().and_then(|n| std::str::from_utf8(n).ok()).unwrap_or_default();
    named.parse().unwrap_or(usual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn header(charset: &str) -> Vec<u8> {
        format!("MSH|^~\\&|A|B|C|D|20260301||ADT^A01|1|P|2.6||||||{charset}\rPID|").into_bytes()
    }

    #[rstest]
    #[case("UNICODE UTF-8", "Álvarez".as_bytes(), "Álvarez")]
    #[case("8859/1", b"\xc1lvarez", "Álvarez")]
    #[case("8859/5~UNICODE UTF-8", b"\xb8\xd2\xd0\xdd\xde\xd2", "Иванов")]
    #[case("GB 18030-2000", b"\xc9\xbd\xcc\xef", "山田")]
    #[case("", "山田".as_bytes(), "山田")]
    #[case("unheard of", "山田".as_bytes(), "山田")]
    #[case("UNICODE UTF-8", b"\xc1lvarez", "\u{fffd}lvarez")]
    fn names_come_out_as_written(#[case] charset: &str, #[case] name: &[u8], #[case] expected: &str) {
        let mut raw = header(charset);
        raw.extend_from_slice(name);
        let text = of(&raw, Charset::default()).text(&raw).into_owned();
        assert_eq!(text.rsplit('|').next(), Some(expected));
    }

    #[test]
    fn the_source_says_what_the_message_does_not() {
        let mut raw = header("");
        raw.extend_from_slice(b"\xc1");
        let usual: Charset = "8859/1".parse().unwrap();
        assert!(of(&raw, usual).text(&raw).ends_with('Á'));
        assert!("EBCDIC".parse::<Charset>().is_err());
        assert_eq!(of(b"", usual), usual);
    }
}
