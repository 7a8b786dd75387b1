//! JSON as mapping files and messages are written, with the place of each value.
//!
//! Upstream reads with Newtonsoft.Json, which takes more than JSON: comments, single quotes, names without quotes and
//! commas at the end. So do we. Order of members and the kind of number (whole or not) are kept.

mod read;

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};
use std::fmt::{self, Display, Formatter};

pub use read::{DEPTH_MAX, JsonError, JsonFault, TEXT_MAX_BYTES};

/// A place in a text, as Newtonsoft.Json counts it: how many characters of the line are read when a value is known. That is
/// the last character of a simple value, the bracket that opens an array or object, the colon of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
pub struct Position {
    /// Line; the first is 1.
    pub line: u32,
    /// Characters of the line up to here.
    pub column: u32,
}

impl Display for Position {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A value with its place. Two are equal if their values are, wherever they stand.
#[derive(Debug, Clone)]
pub struct Json {
    /// Where it stands.
    pub at: Position,
    /// What it is.
    pub value: JsonValue,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonValue {
    /// `null`, or `undefined`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number written as such.
    Integer(i64),
    /// A whole number that needs more than 64 bits, as written.
    Long(Box<str>),
    /// A number with a fraction or exponent, `NaN` or `Infinity`.
    Float(f64),
    /// A text. One that looks like a date becomes one where it is used.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object; members in the order of the text, each name once (the last value counts).
    Object(Vec<Member>),
}

/// A member of an object. Two are equal if names and values are.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where its name ends.
    pub at: Position,
    /// Its value.
    pub value: Json,
}

impl Json {
    /// Reads a text. A byte order mark is passed over.
    ///
    /// # Errors
    /// If it is no JSON, longer than [`TEXT_MAX_BYTES`] or deeper than [`DEPTH_MAX`]; the first fault, with its place.
    pub fn read(text: &[u8]) -> Result<Self, JsonError> {
        read::read(text)
    }

    /// A value without a place.
    #[must_use]
    pub fn of(value: JsonValue) -> Self {
        Self { at: Position::default(), value }
    }

    /// What kind of value it is, in a word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.value {
            JsonValue::Null => "null",
            JsonValue::Bool(_) => "boolean",
            JsonValue::Integer(_) | JsonValue::Long(_) => "integer",
            JsonValue::Float(_) => "number",
            JsonValue::Text(_) => "string",
            JsonValue::Array(_) => "array",
            JsonValue::Object(_) => "object",
        }
    }

    /// Whether it is `null`.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self.value, JsonValue::Null)
    }

    /// The text, if it is one.
    #[must_use]
    pub const fn as_text(&self) -> Option<&str> {
        match &self.value {
            JsonValue::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The items, if it is an array.
    #[must_use]
    pub const fn as_array(&self) -> Option<&[Self]> {
        match &self.value {
            JsonValue::Array(items) => Some(items.as_slice()),
            _ => None,
        }
    }

    /// The members, if it is an object.
    #[must_use]
    pub const fn as_object(&self) -> Option<&[Member]> {
        match &self.value {
            JsonValue::Object(members) => Some(members.as_slice()),
            _ => None,
        }
    }

    /// The value of the member of exactly this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.iter().find(|m| m.name == name).map(|m| &m.value)
    }

    /// The member of this name; if there is none, the first whose name differs in case only.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Member> {
        let members = self.as_object()?;
        members.iter().find(|m| m.name == name).or_else(|| members.iter().find(|m| m.name.eq_ignore_ascii_case(name)))
    }

    /// The same as a value of `serde_json`. `NaN` and infinities become `null`; order of members may be lost, so print this
    /// value itself where order counts.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        Self::of(match value {
            Value::Null => JsonValue::Null,
            Value::Bool(b) => JsonValue::Bool(*b),
            Value::Number(n) => n.as_i64().map_or_else(
                || match n.as_u64() {
                    Some(long) => JsonValue::Long(long.to_string().into()),
                    None => JsonValue::Float(n.as_f64().unwrap_or(f64::NAN)),
                },
                JsonValue::Integer,
            ),
            Value::String(s) => JsonValue::Text(s.clone()),
            Value::Array(items) => JsonValue::Array(items.iter().map(Self::from).collect()),
            Value::Object(members) => JsonValue::Object(
                members
                    .iter()
                    .map(|(name, value)| Member { name: name.clone(), at: Position::default(), value: value.into() })
                    .collect(),
            ),
        })
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value
    }
}

/// Compact JSON.
impl Display for Json {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            JsonValue::Null => serializer.serialize_unit(),
            JsonValue::Bool(b) => serializer.serialize_bool(*b),
            JsonValue::Integer(n) => serializer.serialize_i64(*n),
            JsonValue::Long(digits) => match (digits.parse::<u64>(), digits.parse::<f64>()) {
                (Ok(n), _) => serializer.serialize_u64(n),
                (_, Ok(n)) => serializer.serialize_f64(n),
                _ => serializer.serialize_unit(),
            },
            JsonValue::Float(x) => serializer.serialize_f64(*x),
            JsonValue::Text(text) => serializer.serialize_str(text),
            JsonValue::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            JsonValue::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for member in members {
                    map.serialize_entry(&member.name, &member.value)?;
                }
                map.end()
            }
        }
    }
}
