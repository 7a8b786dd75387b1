//! Strict JSON (RFC 8259), read in place: texts and numbers as they were written, and where each value stands.
//!
//! A name that comes twice is kept twice; whoever checks the resource says so with its place in the resource.

use std::{borrow::Cow, fmt::Write as _};

/// Deepest nesting of arrays and objects.
pub const DEPTH_MAX: usize = 64;

/// A value and the bytes that it takes in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'a> {
    /// The value.
    pub value: Value<'a>,
    /// Its first byte.
    pub from: usize,
    /// The byte behind it.
    pub to: usize,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number, as it was written.
    Number(&'a str),
    /// A text.
    Text(Cow<'a, str>),
    /// Values in order.
    Array(Vec<Node<'a>>),
    /// Members in order.
    Object(Vec<Member<'a>>),
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Member<'a> {
    /// The name.
    pub name: Cow<'a, str>,
    /// The value.
    pub node: Node<'a>,
}

/// A text that is no JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {fault}")]
pub struct JsonError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub fault: JsonFault,
    /// The element that was being read, such as `Observation.code.coding[1]`.
    pub expression: String,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// It is empty.
    #[error("the body is empty")]
    Empty,
    /// It is not UTF-8.
    #[error("the text is not UTF-8")]
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
    /// An escape that JSON does not have, or half a pair of surrogates.
    #[error("an escape in a text is wrong")]
    Escape,
    /// A control character in a text.
    #[error("a control character stands in a text: it has to be escaped")]
    Control,
    /// Not the form of a number.
    #[error("a number is not written as JSON wants it")]
    Number,
    /// Deeper than [`DEPTH_MAX`].
    #[error("more than {DEPTH_MAX} arrays and objects within one another")]
    TooDeep,
}

impl<'a> Node<'a> {
    /// A member of an object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|m| m.name == name).map(|m| &m.node)
    }

    /// The members, if it is an object.
    #[must_use]
    pub fn members(&self) -> &[Member<'a>] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The items, if it is an array.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::Array(items) => items,
            _ => &[],
        }
    }

    /// The items of a member that is an array.
    #[must_use]
    pub fn list(&self, name: &str) -> &[Self] {
        self.get(name).map(Self::items).unwrap_or_default()
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a member.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
    }

    /// The number as it was written, if it is one.
    #[must_use]
    pub const fn number(&self) -> Option<&'a str> {
        match self.value {
            Value::Number(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads one value and nothing behind it. A byte order mark before it is passed over.
///
/// # Errors
/// If it is not JSON.
pub fn read(bytes: &[u8]) -> Result<Node<'_>, JsonError> {
    let fail = |fault| JsonError { line: 1, column: 1, fault, expression: ROOT.to_owned() };
    let text = std::str::from_utf8(bytes).map_err(|_| fail(JsonFault::NotText))?;
    let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut reader = Reader { text, bytes: text.as_bytes(), at };
    reader.space();
    if reader.peek().is_none() {
        return Err(fail(JsonFault::Empty));
    }
    let read = reader.value(0).and_then(|node| {
        reader.space();
        if reader.peek().is_some() { Err(reader.unexpected("the end")) } else { Ok(node) }
    });
    read.map_err(|stop| reader.error(*stop))
}

/// What a resource is called before its type is known.
pub const ROOT: &str = "Resource";

/// Where reading stopped. The way to it is gathered from the inside out.
struct Stop {
    at: usize,
    fault: JsonFault,
    way: Vec<Step>,
    root: Option<String>,
}

enum Step {
    Name(String),
    Index(usize),
}

type Read<T> = Result<T, Box<Stop>>;

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn stop(&self, fault: JsonFault) -> Box<Stop> {
        Box::new(Stop { at: self.at, fault, way: Vec::new(), root: None })
    }

    fn unexpected(&self, wanted: &'static str) -> Box<Stop> {
        let found = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        self.stop(found.map_or(JsonFault::Ends(wanted), |found| JsonFault::Unexpected { found, wanted }))
    }

    fn error(&self, stop: Stop) -> JsonError {
        let before = self.text.get(..stop.at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
        let mut expression = stop.root.unwrap_or_else(|| ROOT.to_owned());
        for step in stop.way.iter().rev() {
            match step {
                Step::Name(name) => _ = write!(expression, ".{name}"),
                Step::Index(index) => _ = write!(expression, "[{index}]"),
            }
        }
        JsonError { line: before.matches('\n').count() + 1, column, fault: stop.fault, expression }
    }

    fn value(&mut self, depth: usize) -> Read<Node<'a>> {
        self.space();
        let from = self.at;
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node { value, from, to: self.at })
    }

    fn word(&mut self, word: &'static str, value: Value<'a>) -> Read<Value<'a>> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.unexpected("a value"))
        }
    }

    fn array(&mut self, depth: usize) -> Read<Value<'a>> {
        if depth >= DEPTH_MAX {
            return Err(self.stop(JsonFault::TooDeep));
        }
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            let item = self.value(depth + 1).map_err(|mut stop| {
                stop.way.push(Step::Index(items.len()));
                stop
            })?;
            items.push(item);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::Array(items));
                }
                _ => return Err(self.unexpected("a comma or ]")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Read<Value<'a>> {
        if depth >= DEPTH_MAX {
            return Err(self.stop(JsonFault::TooDeep));
        }
        self.at += 1;
        let mut members = Vec::with_capacity(4);
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            let ended = self.member(depth, &mut members).map_err(|mut stop| {
                if depth == 0 {
                    stop.root = root_of(&members);
                }
                stop
            })?;
            if ended {
                return Ok(Value::Object(members));
            }
        }
    }

    /// Reads a member and what stands behind it; whether the object has ended.
    fn member(&mut self, depth: usize, members: &mut Vec<Member<'a>>) -> Read<bool> {
        self.space();
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a member's name in quotes"));
        }
        let name = self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("a colon"));
        }
        self.at += 1;
        let node = match self.value(depth + 1) {
            Ok(node) => node,
            Err(mut stop) => {
                stop.way.push(Step::Name(shown(&name)));
                return Err(stop);
            }
        };
        members.push(Member { name, node });
        self.space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(b'}') => {
                self.at += 1;
                Ok(true)
            }
            _ => Err(self.unexpected("a comma or }")),
        }
    }

    fn string(&mut self) -> Read<Cow<'a, str>> {
        self.at += 1;
        let from = self.at;
        self.plain()?;
        if self.peek() == Some(b'"') {
            let text = self.text.get(from..self.at).unwrap_or_default();
            self.at += 1;
            return Ok(Cow::Borrowed(text));
        }
        let mut text = self.text.get(from..self.at).unwrap_or_default().to_owned();
        loop {
            if self.peek() == Some(b'"') {
                self.at += 1;
                return Ok(Cow::Owned(text));
            }
            text.push(self.escape()?);
            let from = self.at;
            self.plain()?;
            text.push_str(self.text.get(from..self.at).unwrap_or_default());
        }
    }

    /// Passes over characters that stand for themselves, up to a quote or a backslash.
    fn plain(&mut self) -> Read<()> {
        loop {
            match self.peek() {
                Some(b'"' | b'\\') => return Ok(()),
                Some(0..=0x1f) => return Err(self.stop(JsonFault::Control)),
                Some(_) => self.at += 1,
                None => return Err(self.stop(JsonFault::Ends("the quote that ends a text"))),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let wrong = self.stop(JsonFault::Escape);
        let kind = self.bytes.get(self.at + 1).copied();
        self.at += 2;
        Ok(match kind {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode().ok_or(wrong),
            _ => return Err(wrong),
        })
    }

    fn unicode(&mut self) -> Option<char> {
        let first = self.unit()?;
        if !(0xD800..=0xDFFF).contains(&first) {
            return char::from_u32(u32::from(first));
        }
        if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
            return None;
        }
        self.at += 2;
        let second = self.unit()?;
        char::decode_utf16([first, second]).next()?.ok()
    }

    fn unit(&mut self) -> Option<u16> {
        let digits = self.text.get(self.at..self.at + 4)?;
        let good = digits.bytes().all(|b| b.is_ascii_hexdigit());
        self.at += 4;
        if good { u16::from_str_radix(digits, 16).ok() } else { None }
    }

    fn number(&mut self) -> Read<&'a str> {
        let from = self.at;
        let wrong = self.stop(JsonFault::Number);
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => _ = self.digits(),
            _ => return Err(wrong),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !self.digits() {
                return Err(wrong);
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !self.digits() {
                return Err(wrong);
            }
        }
        if matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(wrong);
        }
        Ok(self.text.get(from..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> bool {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at > from
    }
}

fn root_of(members: &[Member<'_>]) -> Option<String> {
    let named = members.iter().find(|m| m.name == "resourceType").and_then(|m| m.node.text());
    named.map(shown).filter(|name| !name.is_empty())
}

/// A name as an expression may show it.
pub(super) fn shown(name: &str) -> String {
    crate::domain::text::clean(name).chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[test]
    fn texts_and_numbers_stay_as_they_were_written() {
        let text = r#"{"a": [1.50, "x\u00e9\ud83d\ude00\n", null, true], "b": {}}"#;
        let node = read(text.as_bytes()).unwrap();
        let items = node.list("a");
        assert_eq!(items[0].number(), Some("1.50"));
        assert_eq!(items[1].text(), Some("xé😀\n"));
        assert_eq!((&items[2].value, &items[3].value), (&Value::Null, &Value::Bool(true)));
        assert_eq!(&text[items[1].from..items[1].to], r#""x\u00e9\ud83d\ude00\n""#);
    }

    #[rstest]
    #[case("", "empty", "Resource", 1)]
    #[case("{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{},", "a value", "Observation.code.coding[1]", 1)]
    #[case("{\n \"a\": 01}", "number", "Resource.a", 2)]
    #[case("{\"a\": 1.}", "number", "Resource.a", 1)]
    #[case("{\"a\": .5}", "a value", "Resource.a", 1)]
    #[case("{\"a\": NaN}", "a value", "Resource.a", 1)]
    #[case("{\"a\": \"\\x\"}", "escape", "Resource.a", 1)]
    #[case("{\"a\": \"\\ud800\"}", "escape", "Resource.a", 1)]
    #[case("{\"a\": \"\t\"}", "control", "Resource.a", 1)]
    #[case("{\"a\": 1,}", "name in quotes", "Resource", 1)]
    #[case("{\"a\": 1} x", "the end", "Resource", 1)]
    #[case("{'a': 1}", "name in quotes", "Resource", 1)]
    #[case("{\"resourceType\": \"\", \"a\": 1.}", "number", "Resource.a", 1)]
    #[case("{\"resourceType\": \"\\u0000\", \"a\": 1.}", "number", "Resource.a", 1)]
    fn what_is_no_json_is_told_with_its_place(
        #[case] text: &str,
        #[case] says: &str,
        #[case] expression: &str,
        #[case] line: usize,
    ) {
        let error = read(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!((error.expression.as_str(), error.line), (expression, line));
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(read(("[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX)).as_bytes()).is_ok());
        let deep = "[".repeat(100_000);
        assert_eq!(read(deep.as_bytes()).unwrap_err().fault, JsonFault::TooDeep);
    }

    proptest! {
        /// Whatever it takes, the usual reader takes too, with the same value; whatever that refuses it refuses.
        #[test]
        fn it_takes_what_is_json_and_nothing_else(text in "[\\[\\]{}\",:0-9eE.+\\-a-z \\\\/]{0,40}") {
            let usual = serde_json::from_str::<&serde_json::value::RawValue>(&text);
            prop_assert_eq!(read(text.as_bytes()).is_ok(), usual.is_ok(), "{}", text);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
