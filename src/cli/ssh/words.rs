//! Words of a command, divided as a shell does, but by no shell: nothing is looked up, replaced or run.

/// Longest command, in bytes.
const COMMAND_MAX_BYTES: usize = 4 * 1024;
/// What means something to a shell, outside quotes.
const SHELL: &str = ";&|<>()$`{}*?~#!";

/// Why a text is no command here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum WordsError {
    /// It is too long.
    #[error("the command is longer than {COMMAND_MAX_BYTES} bytes")]
    TooLong,
    /// A quotation mark or a backslash at the end.
    #[error("the command ends within quotation marks, or with a backslash")]
    Open,
    /// It is meant for a shell.
    #[error("this is not a shell: {0:?} means nothing here")]
    Shell(char),
}

/// The words of a command. White space divides; `'…'` and `"…"` hold together; a backslash takes the next character as it
/// is, within `"…"` only before `"` and `\`.
///
/// # Errors
/// If it is too long, not whole, or meant for a shell.
pub(super) fn split(text: &str) -> Result<Vec<String>, WordsError> {
    if text.len() > COMMAND_MAX_BYTES {
        return Err(WordsError::TooLong);
    }
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_control() && c != '\t' {
            return Err(WordsError::Shell(c));
        }
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (Some('"'), '\\') if matches!(rest.peek(), Some('"' | '\\')) => {
                word.get_or_insert_default().extend(rest.next());
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => match rest.next() {
                Some(next) if !next.is_control() => word.get_or_insert_default().push(next),
                Some(next) => return Err(WordsError::Shell(next)),
                None => return Err(WordsError::Open),
            },
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) if SHELL.contains(c) => return Err(WordsError::Shell(c)),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(WordsError::Open);
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("", &[])]
    #[case("  once   --json ", &["once", "--json"])]
    #[case("a 'b c' \"d e\"f", &["a", "b c", "d ef"])]
    #[case(r#"a\ b "c\"d" 'e\f' "g\h" '' "#, &["a b", "c\"d", r"e\f", r"g\h", ""])]
    #[case("'$(id)' \"`id`;\"", &["$(id)", "`id`;"])]
    fn words(#[case] text: &str, #[case] wanted: &[&str]) {
        assert_eq!(split(text).unwrap(), wanted);
    }

    #[rstest]
    #[case("once; id", WordsError::Shell(';'))]
    #[case("once && id", WordsError::Shell('&'))]
    #[case("once | cat", WordsError::Shell('|'))]
    #[case("once > /tmp/x", WordsError::Shell('>'))]
    #[case("$(id)", WordsError::Shell('$'))]
    #[case("`id`", WordsError::Shell('`'))]
    #[case("once\nid", WordsError::Shell('\n'))]
    #[case("'once\nid'", WordsError::Shell('\n'))]
    #[case("once\\\nid", WordsError::Shell('\n'))]
    #[case("'once", WordsError::Open)]
    #[case("once \\", WordsError::Open)]
    fn not_words(#[case] text: &str, #[case] why: WordsError) {
        assert_eq!(split(text), Err(why));
    }

    #[test]
    fn length_is_bounded() {
        assert_eq!(split(&"x".repeat(COMMAND_MAX_BYTES + 1)), Err(WordsError::TooLong));
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(words in proptest::collection::vec("[^'\\p{Cc}]{0,20}", 0..5)) {
            let text = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(split(&text).unwrap(), words);
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _words = split(&text);
        }
    }
}
