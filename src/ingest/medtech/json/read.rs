//! The reader: one pass, bounded in length and depth.

use super::{Json, JsonValue, Member, Position};
use std::collections::BTreeMap;

/// Longest text, in bytes: what an event hub takes at most.
pub const TEXT_MAX_BYTES: usize = 1024 * 1024;
/// Deepest nesting, in arrays and objects; upstream's own bound.
pub const DEPTH_MAX: usize = 64;
/// Objects of more members than this find a repeated name by a table, smaller ones by looking.
const LOOKED_THROUGH_MAX: usize = 32;

/// A text that cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {fault}")]
pub struct JsonError {
    /// How far it was read.
    pub at: Position,
    /// What is wrong there.
    pub fault: JsonFault,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Longer than [`TEXT_MAX_BYTES`].
    #[error("the text is longer than {TEXT_MAX_BYTES} bytes")]
    TooLong,
    /// Deeper than [`DEPTH_MAX`].
    #[error("more than {DEPTH_MAX} arrays and objects within one another")]
    TooDeep,
    /// Not UTF-8.
    #[error("not UTF-8 text")]
    NotText,
    /// It ends too early.
    #[error("the text ends where {0} is wanted")]
    Ends(&'static str),
    /// Another character is wanted.
    #[error("{found:?} stands where {wanted} is wanted")]
    Unexpected {
        /// What stands there.
        found: char,
        /// What is wanted.
        wanted: &'static str,
    },
    /// No number that can be held.
    #[error("{0:?} is not a number; a whole number has no leading zero")]
    Number(String),
    /// A word that is no value.
    #[error("{0:?} is not a value; texts need quotes")]
    Word(String),
    /// An escape that does not exist.
    #[error("an escape in a text is wrong; \\n, \\t, \\\", \\\\, \\u0041 and the like are known")]
    Escape,
}

/// Reads one value and nothing after it.
pub(super) fn read(bytes: &[u8]) -> Result<Json, JsonError> {
    let start = Position { line: 1, column: 0 };
    if bytes.len() > TEXT_MAX_BYTES {
        return Err(JsonError { at: start, fault: JsonFault::TooLong });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError { at: start, fault: JsonFault::NotText })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { text, at: 0, counted: 0, place: start };
    let value = reader.value(0)?;
    reader.space()?;
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.unexpected("the end")),
    }
}

struct Reader<'a> {
    text: &'a str,
    /// The next byte.
    at: usize,
    /// Up to which byte `place` is counted.
    counted: usize,
    place: Position,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    const fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    /// Where the reader stands; each byte is counted once.
    fn position(&mut self) -> Position {
        let passed = self.text.as_bytes().get(self.counted..self.at).unwrap_or_default();
        for byte in passed {
            match byte {
                b'\n' => self.place = Position { line: self.place.line.saturating_add(1), column: 0 },
                0x80..=0xBF => {}
                _ => self.place.column = self.place.column.saturating_add(1),
            }
        }
        self.counted = self.at;
        self.place
    }

    fn fail(&mut self, fault: JsonFault) -> JsonError {
        JsonError { at: self.position(), fault }
    }

    fn unexpected(&mut self, wanted: &'static str) -> JsonError {
        let fault = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => JsonFault::Unexpected { found, wanted },
            None => JsonFault::Ends(wanted),
        };
        self.fail(fault)
    }

    /// Passes over white space and comments.
    fn space(&mut self) -> Result<(), JsonError> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C) => self.skip(1),
                Some(b'/') => self.comment()?,
                // A no-break space, which editors put in unasked.
                Some(0xC2) if self.text.as_bytes().get(self.at.saturating_add(1)) == Some(&0xA0) => self.skip(2),
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Result<(), JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if rest.starts_with("//") {
            self.skip(rest.find('\n').unwrap_or(rest.len()));
            return Ok(());
        }
        if !rest.starts_with("/*") {
            return Err(self.unexpected("a value or a comment"));
        }
        match rest.get(2..).and_then(|inner| inner.find("*/")) {
            Some(end) => {
                self.skip(end.saturating_add(4));
                Ok(())
            }
            None => {
                self.at = self.text.len();
                Err(self.fail(JsonFault::Ends("the end of a comment, */,")))
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.space()?;
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(quote @ (b'"' | b'\'')) => {
                let text = self.quoted(quote)?;
                Ok(Json { value: JsonValue::Text(text), at: self.position() })
            }
            Some(b'0'..=b'9' | b'-' | b'.') => self.number(),
            Some(b'a'..=b'z' | b'A'..=b'Z') => self.word(),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn deeper(&mut self, depth: usize) -> Result<usize, JsonError> {
        if depth >= DEPTH_MAX {
            return Err(self.fail(JsonFault::TooDeep));
        }
        Ok(depth.saturating_add(1))
    }

    fn array(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.skip(1);
        let at = self.position();
        let depth = self.deeper(depth)?;
        let mut items = Vec::new();
        loop {
            self.space()?;
            if self.peek() == Some(b']') {
                break;
            }
            items.push(self.value(depth)?);
            if self.ended(b']', "a comma or ]")? {
                break;
            }
        }
        self.skip(1);
        Ok(Json { value: JsonValue::Array(items), at })
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.skip(1);
        let at = self.position();
        let depth = self.deeper(depth)?;
        let mut members = Members::default();
        loop {
            self.space()?;
            if self.peek() == Some(b'}') {
                break;
            }
            let name = self.name()?;
            self.space()?;
            if self.peek() != Some(b':') {
                return Err(self.unexpected("a colon"));
            }
            self.skip(1);
            let at = self.position();
            let value = self.value(depth)?;
            members.put(Member { name, at, value });
            if self.ended(b'}', "a comma or }")? {
                break;
            }
        }
        self.skip(1);
        Ok(Json { value: JsonValue::Object(members.list), at })
    }

    /// Passes over a comma; whether the closing bracket follows instead.
    fn ended(&mut self, close: u8, wanted: &'static str) -> Result<bool, JsonError> {
        self.space()?;
        match self.peek() {
            Some(b',') => {
                self.skip(1);
                Ok(false)
            }
            Some(byte) if byte == close => Ok(true),
            _ => Err(self.unexpected(wanted)),
        }
    }

    fn name(&mut self) -> Result<String, JsonError> {
        if let Some(quote @ (b'"' | b'\'')) = self.peek() {
            return self.quoted(quote);
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.unexpected("a member's name"));
        }
        let name = rest.get(..end).unwrap_or_default().to_owned();
        self.skip(end);
        Ok(name)
    }

    fn quoted(&mut self, quote: u8) -> Result<String, JsonError> {
        self.skip(1);
        let mut text = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(end) = rest.bytes().position(|b| b == quote || b == b'\\') else {
                self.at = self.text.len();
                return Err(self.fail(JsonFault::Ends("the quote that ends a text")));
            };
            text.push_str(rest.get(..end).unwrap_or_default());
            self.skip(end);
            if self.peek() == Some(quote) {
                self.skip(1);
                return Ok(text);
            }
            self.escape(&mut text)?;
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<(), JsonError> {
        self.skip(1);
        let escaped = self.peek();
        self.skip(1);
        text.push(match escaped {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(c @ (b'"' | b'\'' | b'\\' | b'/')) => char::from(c),
            Some(b'u') => self.unicode()?,
            _ => return Err(self.fail(JsonFault::Escape)),
        });
        Ok(())
    }

    /// What follows `\u`: one unit, or two that belong together. Half a pair becomes the replacement character.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.unit()?;
        let more = self.text.get(self.at..).is_some_and(|rest| rest.starts_with("\\u"));
        if !(0xD800..=0xDBFF).contains(&first) || !more {
            return Ok(char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.at;
        self.skip(2);
        let second = self.unit()?;
        match char::decode_utf16([first, second]).next() {
            Some(Ok(pair)) => Ok(pair),
            _ => {
                self.at = before;
                Ok(char::REPLACEMENT_CHARACTER)
            }
        }
    }

    fn unit(&mut self) -> Result<u16, JsonError> {
        let digits = self.text.get(self.at..self.at.saturating_add(4)).unwrap_or_default();
        let all_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        match u16::from_str_radix(digits, 16) {
            Ok(unit) if all_hex => {
                self.skip(4);
                Ok(unit)
            }
            _ => Err(self.fail(JsonFault::Escape)),
        }
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if rest.starts_with("-Infinity") {
            self.skip("-Infinity".len());
            return Ok(Json { value: JsonValue::Float(f64::NEG_INFINITY), at: self.position() });
        }
        let is_number = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-');
        let end = rest.bytes().position(|b| !is_number(b)).unwrap_or(rest.len());
        let text = rest.get(..end).unwrap_or_default();
        self.skip(end);
        match number_of(text) {
            Some(value) => Ok(Json { value, at: self.position() }),
            None => Err(self.fail(JsonFault::Number(text.chars().take(40).collect()))),
        }
    }

    fn word(&mut self) -> Result<Json, JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        self.skip(end);
        let value = match word {
            "null" | "undefined" => JsonValue::Null,
            "true" => JsonValue::Bool(true),
            "false" => JsonValue::Bool(false),
            "NaN" => JsonValue::Float(f64::NAN),
            "Infinity" => JsonValue::Float(f64::INFINITY),
            _ => return Err(self.fail(JsonFault::Word(word.chars().take(40).collect()))),
        };
        Ok(Json { value, at: self.position() })
    }
}

/// Upstream reads `010` as octal 8 and `0x10` as 16. A heart rate of 072 must not become 58, so both are refused.
fn number_of(text: &str) -> Option<JsonValue> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || digits.bytes().any(|b| b.is_ascii_alphabetic() && !matches!(b, b'e' | b'E')) {
        return None;
    }
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes().get(1)?.is_ascii_digit();
    if leading_zero {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return Some(text.parse().map_or_else(|_| JsonValue::Long(text.into()), JsonValue::Integer));
    }
    text.parse::<f64>().ok().filter(|x| x.is_finite()).map(JsonValue::Float)
}

/// The members of an object so far.
#[derive(Default)]
struct Members {
    list: Vec<Member>,
    /// Where each name stands, once there are many.
    places: BTreeMap<String, usize>,
}

impl Members {
    /// A name that comes again keeps its place and takes the later value.
    fn put(&mut self, member: Member) {
        let place = if self.list.len() <= LOOKED_THROUGH_MAX {
            self.list.iter().position(|m| m.name == member.name)
        } else {
            if self.places.is_empty() {
                self.places = self.list.iter().enumerate().map(|(i, m)| (m.name.clone(), i)).collect();
            }
            self.places.get(&member.name).copied()
        };
        match place.and_then(|i| self.list.get_mut(i)) {
            Some(earlier) => *earlier = member,
            None => {
                if !self.places.is_empty() {
                    self.places.insert(member.name.clone(), self.list.len());
                }
                self.list.push(member);
            }
        }
    }
}

#[cfg(test)]
mod tests;
