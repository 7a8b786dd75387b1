//! A site's own list of passphrases that nobody gets: one a line, compared as a whole, without regard to case.
//!
//! It is read whenever a passphrase is set, which is seldom: so it is always the list of now, and takes no memory.

use super::passphrase::composed;
use std::io::{BufRead, Read};

/// Longest list, in bytes: some six million passphrases.
pub const BLOCKLIST_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Longest line of a list, in bytes.
pub const BLOCKLIST_LINE_MAX_BYTES: usize = 1_024;

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BlocklistFault {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is too long.
    #[error("it is longer than {BLOCKLIST_MAX_BYTES} bytes: keep the most common ones")]
    TooLong,
    /// A line is too long.
    #[error("line {0} is longer than {BLOCKLIST_LINE_MAX_BYTES} bytes: one passphrase a line is wanted")]
    LongLine(u64),
    /// A line is no text.
    #[error("line {0} is not UTF-8: convert the list")]
    NotText(u64),
}

/// How a passphrase is compared: in Unicode NFC, in small letters.
fn folded(text: &str) -> String {
    composed(&composed(text).expose().to_lowercase()).expose().to_owned()
}

/// Whether a list has a passphrase, whichever way its letters and accents are typed. The whole list is read, so that a fault
/// in it is told whatever is looked for.
///
/// # Errors
/// If the list cannot be read, is too long, or has a line that is too long or no text.
pub fn is_listed(list: impl BufRead, passphrase: &str) -> Result<bool, BlocklistFault> {
    let wanted = folded(passphrase);
    let mut list = list.take(BLOCKLIST_MAX_BYTES + 1);
    let (mut line, mut number, mut read, mut found) = (Vec::new(), 0_u64, 0_u64, false);
    loop {
        line.clear();
        // A line that is too long is not read to its end.
        let count = list.by_ref().take(BLOCKLIST_LINE_MAX_BYTES as u64 + 2).read_until(b'\n', &mut line)?;
        if count == 0 {
            return if read > BLOCKLIST_MAX_BYTES { Err(BlocklistFault::TooLong) } else { Ok(found) };
        }
        (number, read) = (number + 1, read + count as u64);
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.len() > BLOCKLIST_LINE_MAX_BYTES {
            return Err(BlocklistFault::LongLine(number));
        }
        let text = std::str::from_utf8(text).map_err(|_| BlocklistFault::NotText(number))?;
        // Some editors put a mark before the first line.
        let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { text };
        found |= if text.is_ascii() { text.eq_ignore_ascii_case(&wanted) } else { folded(text) == wanted };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(list: &[u8], passphrase: &str) -> Result<bool, String> {
        is_listed(list, passphrase).map_err(|e| e.to_string())
    }

    #[test]
    fn p03_a_passphrase_is_listed_as_a_whole_without_regard_to_case_and_accents() {
        let list = "seven geese crossed\r\n\nSch\u{f6}ner Gr\u{fc}ner Wald 7\n# no comment\nlast without an end";
        for (passphrase, found) in [
            ("Seven Geese Crossed", true),
            ("seven geese crosse", false),
            ("seven geese crossed ", false),
            ("SCHO\u{308}NER gru\u{308}ner wald 7", true),
            ("# no comment", true),
            ("last without an end", true),
            ("another one", false),
        ] {
            assert_eq!(listed(list.as_bytes(), passphrase), Ok(found), "{passphrase}");
        }
        assert_eq!(listed(b"", "x"), Ok(false));
        let marked = "\u{feff}seven geese crossed\r\n\u{feff}the next";
        assert_eq!(listed(marked.as_bytes(), "seven geese crossed"), Ok(true));
        assert_eq!(listed(marked.as_bytes(), "the next"), Ok(false));
    }

    #[test]
    fn what_is_wrong_with_a_list_is_told_with_its_line() {
        assert!(listed(b"a\n\xff\xfe\nc", "a").unwrap_err().starts_with("line 2 is not UTF-8"));
        let long = [b"a\n".as_slice(), &[b'x'; BLOCKLIST_LINE_MAX_BYTES + 1], b"\n"].concat();
        assert!(listed(&long, "a").unwrap_err().starts_with("line 2 is longer than 1024"));
        let full = [&[b'x'; BLOCKLIST_LINE_MAX_BYTES][..], b"\r\n"].concat();
        assert_eq!(listed(&full, &"X".repeat(BLOCKLIST_LINE_MAX_BYTES)), Ok(true));
        let line = b"0123456789abcdef0123456789abcde\n";
        let lines = usize::try_from(BLOCKLIST_MAX_BYTES).unwrap() / line.len();
        let largest = line.repeat(lines);
        assert_eq!(listed(&largest, "none"), Ok(false));
        assert!(listed(&[&largest[..], b"x"].concat(), "none").unwrap_err().starts_with("it is longer than"));
    }
}
