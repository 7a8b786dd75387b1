//! Segments, fields, repetitions and components of a message, read in place.

use std::borrow::Cow;

/// Fields of a segment that are read; further ones are passed over. OBR-29 is the last that anybody asks for.
const FIELDS_MAX: usize = 32;
/// Longest name of a segment.
const NAME_BYTES: usize = 3;

/// The characters that divide a message, as its header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Separators {
    pub(super) field: char,
    pub(super) component: char,
    pub(super) repetition: char,
    pub(super) escape: char,
    pub(super) subcomponent: char,
}

impl Separators {
    pub(super) const USUAL: Self =
        Self { field: '|', component: '^', repetition: '~', escape: '\\', subcomponent: '&' };

    /// Reads them from the begin of a message; what is left out is as usual. `None` if that is no message.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix("MSH")?.chars();
        let field = rest.next().filter(char::is_ascii_punctuation)?;
        let mut next = |usual: char| rest.next().filter(|c| c.is_ascii_punctuation() && *c != field).unwrap_or(usual);
        let component = next('^');
        let repetition = next('~');
        let escape = next('\\');
        Some(Self { field, component, repetition, escape, subcomponent: next('&') })
    }

    /// One component of a field or repetition, counted from 1; empty if it is not there.
    pub(super) fn component<'m>(&self, text: &'m str, number: usize) -> &'m str {
        pieces(text, self.component).nth(number.saturating_sub(1)).unwrap_or_default()
    }

    /// The first subcomponent of a component.
    pub(super) fn plain<'m>(&self, component: &'m str) -> &'m str {
        pieces(component, self.subcomponent).next().unwrap_or_default()
    }

    /// The first repetition of a field.
    pub(super) fn first<'m>(&self, field: &'m str) -> &'m str {
        pieces(field, self.repetition).next().unwrap_or_default()
    }

    /// The text with its escapes resolved. Formatting and unknown escapes are left out.
    pub(super) fn unescape<'m>(&self, text: &'m str) -> Cow<'m, str> {
        if !text.contains(self.escape) {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut parts = text.split(self.escape);
        out.push_str(parts.next().unwrap_or_default());
        while let Some(code) = parts.next() {
            match parts.next() {
                Some(after) => {
                    out.extend(self.escaped(code));
                    out.push_str(after);
                }
                // An escape that is not closed is a character like any other.
                None => {
                    out.push(self.escape);
                    out.push_str(code);
                }
            }
        }
        Cow::Owned(out)
    }

    fn escaped(&self, code: &str) -> Option<char> {
        match code {
            "F" => Some(self.field),
            "S" => Some(self.component),
            "R" => Some(self.repetition),
            "E" => Some(self.escape),
            "T" => Some(self.subcomponent),
            ".br" => Some(' '),
            _ => {
                let byte = u8::from_str_radix(code.strip_prefix('X')?, 16).ok()?;
                byte.is_ascii().then_some(char::from(byte))
            }
        }
    }
}

/// The pieces of a text between ASCII separators: as `str::split`, which compares each separator that it finds once more
/// by a call: an eighth of the time that a message takes.
#[derive(Debug, Clone)]
pub(super) struct Pieces<'m> {
    rest: Option<&'m str>,
    separator: char,
}

/// Divides a text.
pub(super) const fn pieces(text: &str, separator: char) -> Pieces<'_> {
    Pieces { rest: Some(text), separator }
}

impl<'m> Iterator for Pieces<'m> {
    type Item = &'m str;

    fn next(&mut self) -> Option<&'m str> {
        let rest = self.rest?;
        let found = rest.bytes().position(|byte| char::from(byte) == self.separator);
        let Some((piece, after)) = found.and_then(|at| rest.split_at_checked(at)) else {
            self.rest = None;
            return Some(rest);
        };
        self.rest = after.get(1..);
        Some(piece)
    }
}

/// The lines of a message. Any of CR, LF and CRLF ends one; empty lines are none.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut from = 0;
    memchr::memchr2_iter(b'\r', b'\n', text.as_bytes())
        .chain([text.len()])
        .filter_map(move |end| text.get(std::mem::replace(&mut from, end + 1)..end))
        .map(str::trim_ascii_start)
        .filter(|line| !line.is_empty())
}

/// One segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment<'m> {
    fields: [&'m str; FIELDS_MAX],
    /// MSH-1 is the separator itself, so that fields stand one further to the front.
    shift: usize,
    pub(super) line: &'m str,
}

impl<'m> Segment<'m> {
    pub(super) fn of(line: &'m str, separators: Separators) -> Self {
        let mut fields = [""; FIELDS_MAX];
        for (place, field) in fields.iter_mut().zip(pieces(line, separators.field)) {
            *place = field;
        }
        let shift = usize::from(line.starts_with("MSH"));
        Self { fields, shift, line }
    }

    pub(super) fn name(&self) -> &'m str {
        self.fields.first().copied().unwrap_or_default()
    }

    /// Whether its name is one: three letters or digits.
    pub(super) fn is_named(&self) -> bool {
        let name = self.name();
        name.len() == NAME_BYTES && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    }

    /// A field, counted from 1; empty if it is not there or says that there is nothing (`""`).
    pub(super) fn field(&self, number: usize) -> &'m str {
        let field = self.fields.get(number.saturating_sub(self.shift)).copied().unwrap_or_default();
        if field == "\"\"" { "" } else { field }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case(r"A\T\B", "A&B")]
    #[case(r"Álvarez\T\Söhne\F\", "Álvarez&Söhne|")]
    #[case(r"a\S\b\R\c\E\d", r"a^b~c\d")]
    #[case(r"two\.br\lines\X41\", "two linesA")]
    #[case(r"\H\loud\N\", "loud")]
    #[case(r"open\end", r"open\end")]
    #[case("plain", "plain")]
    fn escapes_are_resolved(#[case] raw: &str, #[case] text: &str) {
        assert_eq!(Separators::USUAL.unescape(raw), text);
    }

    #[test]
    fn separators_are_the_messages_own() {
        let odd = Separators::of("MSH#*-!+#APP").unwrap();
        assert_eq!((odd.field, odd.component, odd.repetition, odd.escape, odd.subcomponent), ('#', '*', '-', '!', '+'));
        assert_eq!(Separators::of("MSH|^~\\&|"), Some(Separators::USUAL));
        assert_eq!(Separators::of("MSH|^~|x").map(|s| s.subcomponent), Some('&'));
        assert_eq!(Separators::of("GET / HTTP"), None);
        assert_eq!(Separators::of("MSH"), None);
    }

    proptest! {
        /// What is read in place is what the parser of a whole tree reads.
        #[test]
        fn fields_and_components_are_those_of_the_parser(fields in prop::collection::vec("[A-Za-z0-9 ^~&.+-]{0,12}", 1..20)) {
            let line = format!("OBX|{}", fields.join("|"));
            let text = format!("MSH|^~\\&|A\r{line}");
            let tree = hl7_parser::Message::parse(&text).unwrap();
            let theirs = tree.segment("OBX").unwrap();
            let ours = Segment::of(&line, Separators::USUAL);
            for (number, field) in (1..).zip(&theirs.fields) {
                prop_assert_eq!(ours.field(number), field.raw_value());
                for component in 1..5 {
                    let wanted = field.component(component).map_or("", |c| c.raw_value());
                    let first = Separators::USUAL.first(ours.field(number));
                    prop_assert_eq!(Separators::USUAL.component(first, component), wanted);
                }
            }
        }

        #[test]
        fn lines_end_at_cr_lf_and_both(text in "[a-c \r\né山]{0,40}") {
            let ours: Vec<&str> = lines(&text).collect();
            let theirs = text.split(['\r', '\n']).map(str::trim_ascii_start).filter(|line| !line.is_empty());
            prop_assert_eq!(ours, theirs.collect::<Vec<_>>());
        }

        #[test]
        fn pieces_are_those_of_the_standard_library(text in "[a-c|^é山]{0,40}") {
            let ours: Vec<&str> = pieces(&text, '|').collect();
            prop_assert_eq!(ours, text.split('|').collect::<Vec<_>>());
        }

        #[test]
        fn any_text_is_unescaped_without_harm(text in "[\\x00-\\x{2FF}\\\\XFSRET.br0-9]{0,60}") {
            let _ = Separators::USUAL.unescape(&text);
        }
    }
}
