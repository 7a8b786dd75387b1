//! What an evaluation handles: parts of the message where they stand, and new values.

use super::{JmesFault, RESULT_VALUES_MAX, TEXT_UNIT_BYTES, compile::Node};
use crate::ingest::medtech::json::{Json, JsonValue, Member};
use std::{cmp::Ordering, rc::Rc};

/// A value in the middle of an evaluation.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    /// A part of the message or of the expression.
    Part(&'a Json),
    /// A new value.
    New(Rc<Json>),
    /// A new array.
    List(Rc<Vec<Value<'a>>>, Origin),
    /// An expression that a function is to evaluate.
    Reference(&'a Node),
}

/// Where an array comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A projection: each item is a result of its own.
    Projection,
    /// Anything else: the array is one value.
    Whole,
}

impl<'a> Value<'a> {
    pub(super) fn new(value: JsonValue) -> Self {
        Self::New(Rc::new(Json::of(value)))
    }

    pub(super) fn null() -> Self {
        Self::new(JsonValue::Null)
    }

    pub(super) fn bool(b: bool) -> Self {
        Self::new(JsonValue::Bool(b))
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::new(JsonValue::Text(text.into()))
    }

    pub(super) fn list(items: Vec<Self>) -> Self {
        Self::List(Rc::new(items), Origin::Whole)
    }

    pub(super) fn projection(items: Vec<Self>) -> Self {
        Self::List(Rc::new(items), Origin::Projection)
    }

    /// The value itself, unless it is a list of parts or a reference.
    pub(super) fn json(&self) -> Option<&Json> {
        match self {
            Self::Part(json) => Some(json),
            Self::New(json) => Some(json),
            Self::List(..) | Self::Reference(_) => None,
        }
    }

    /// The items, if it is the outcome of a projection.
    pub(super) fn projected(&self) -> Option<&[Self]> {
        match self {
            Self::List(items, Origin::Projection) => Some(items.as_slice()),
            _ => None,
        }
    }

    /// The same value, no longer a projection.
    pub(super) fn whole(self) -> Self {
        match self {
            Self::List(items, _) => Self::List(items, Origin::Whole),
            other => other,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.json().is_some_and(Json::is_null)
    }

    /// What kind of value it is, in a word of JMESPath.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::List(..) => "array",
            Self::Reference(_) => "expression",
            Self::Part(_) | Self::New(_) => match self.json().map(|json| &json.value) {
                Some(JsonValue::Integer(_) | JsonValue::Long(_) | JsonValue::Float(_)) => "number",
                _ => self.json().map_or("null", Json::kind),
            },
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        self.json()?.as_text()
    }

    pub(super) fn as_members(&self) -> Option<&[Member]> {
        self.json()?.as_object()
    }

    pub(super) fn as_number(&self) -> Option<Number> {
        Number::of(self.json()?)
    }

    /// The items, if it is an array.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::Part(json) => Some(json.as_array()?.iter().map(Value::Part).collect()),
            Self::New(json) => Some(json.as_array()?.iter().map(|item| Value::New(Rc::new(item.clone()))).collect()),
            Self::List(items, _) => Some(items.as_ref().clone()),
            Self::Reference(_) => None,
        }
    }

    /// How many items there are, if it is an array.
    pub(super) fn count(&self) -> Option<usize> {
        match self {
            Self::List(items, _) => Some(items.len()),
            _ => self.json()?.as_array().map(<[Json]>::len),
        }
    }

    /// One item.
    pub(super) fn item(&self, i: usize) -> Option<Self> {
        match self {
            Self::Part(json) => json.as_array()?.get(i).map(Value::Part),
            Self::New(json) => json.as_array()?.get(i).map(|item| Value::New(Rc::new(item.clone()))),
            Self::List(items, _) => items.get(i).cloned(),
            Self::Reference(_) => None,
        }
    }

    /// The values of the members, if it is an object.
    pub(super) fn member_values(&self) -> Option<Vec<Self>> {
        match self {
            Self::Part(json) => Some(json.as_object()?.iter().map(|m| Value::Part(&m.value)).collect()),
            _ => Some(self.as_members()?.iter().map(|m| Value::New(Rc::new(m.value.clone()))).collect()),
        }
    }

    /// The value of a member, if there is one.
    pub(super) fn member(&self, name: &str) -> Option<Self> {
        match self {
            Self::Part(json) => json.get(name).map(Value::Part),
            Self::New(json) => json.get(name).map(|value| Value::New(Rc::new(value.clone()))),
            Self::List(..) | Self::Reference(_) => None,
        }
    }

    /// Whether it counts as true: not `null`, `false`, `""`, `[]` or `{}`.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::List(items, _) => !items.is_empty(),
            Self::Reference(_) => false,
            Self::Part(_) | Self::New(_) => match self.json().map(|json| &json.value) {
                Some(JsonValue::Bool(b)) => *b,
                Some(JsonValue::Text(text)) => !text.is_empty(),
                Some(JsonValue::Array(items)) => !items.is_empty(),
                Some(JsonValue::Object(members)) => !members.is_empty(),
                Some(JsonValue::Integer(_) | JsonValue::Long(_) | JsonValue::Float(_)) => true,
                Some(JsonValue::Null) | None => false,
            },
        }
    }

    /// The value on its own, of at most [`RESULT_VALUES_MAX`] values.
    pub(super) fn to_json(&self) -> Result<Json, JmesFault> {
        let mut left = RESULT_VALUES_MAX;
        self.measure(&mut left)?;
        Ok(self.copied())
    }

    /// Takes as much from a budget as there are values within this one.
    pub(super) fn measure(&self, left: &mut usize) -> Result<(), JmesFault> {
        match self {
            Self::Part(json) => measure(json, left),
            Self::New(json) => measure(json, left),
            Self::List(items, _) => {
                spend(left, 1)?;
                items.iter().try_for_each(|item| item.measure(left))
            }
            Self::Reference(_) => spend(left, 1),
        }
    }

    /// How much there is at the first level.
    pub(super) fn breadth(&self) -> usize {
        let within = match self {
            Self::List(items, _) => items.len(),
            Self::Reference(_) => 0,
            Self::Part(_) | Self::New(_) => match self.json().map(|json| &json.value) {
                Some(JsonValue::Array(items)) => items.len(),
                Some(JsonValue::Object(members)) => members.len(),
                Some(JsonValue::Text(text)) => text_units(text),
                _ => 0,
            },
        };
        within.saturating_add(1)
    }

    fn copied(&self) -> Json {
        match self {
            Self::Part(json) => Json::clone(json),
            Self::New(json) => Json::clone(json),
            Self::List(items, _) => Json::of(JsonValue::Array(items.iter().map(Self::copied).collect())),
            Self::Reference(_) => Json::of(JsonValue::Null),
        }
    }

    /// Whether both are the same value. Whole numbers and fractions are equal when they are the same number. What both hold
    /// is to be measured before.
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self.json(), other.json()) {
            (Some(a), Some(b)) => same(a, b),
            _ => same(&self.copied(), &other.copied()),
        }
    }
}

pub(super) fn spend(left: &mut usize, cost: usize) -> Result<(), JmesFault> {
    *left = left.checked_sub(cost).ok_or(JmesFault::TooMuch)?;
    Ok(())
}

fn measure(json: &Json, left: &mut usize) -> Result<(), JmesFault> {
    spend(left, 1)?;
    match &json.value {
        JsonValue::Array(items) => items.iter().try_for_each(|item| measure(item, left)),
        JsonValue::Object(members) => members.iter().try_for_each(|m| measure(&m.value, left)),
        JsonValue::Text(text) => spend(left, text_units(text)),
        _ => Ok(()),
    }
}

const fn text_units(text: &str) -> usize {
    text.len() / TEXT_UNIT_BYTES
}

fn same(a: &Json, b: &Json) -> bool {
    match (&a.value, &b.value) {
        (JsonValue::Array(a), JsonValue::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (JsonValue::Object(members), JsonValue::Object(others)) => {
            members.len() == others.len()
                && members.iter().all(|m| b.get(&m.name).is_some_and(|other| same(&m.value, other)))
        }
        _ => match (Number::of(a), Number::of(b)) {
            (Some(a), Some(b)) => a.order(b).is_eq(),
            _ => a == b,
        },
    }
}

/// A number: whole or not makes a difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Whole(i64),
    Float(f64),
}

impl Number {
    fn of(json: &Json) -> Option<Self> {
        match &json.value {
            JsonValue::Integer(n) => Some(Self::Whole(*n)),
            JsonValue::Float(x) => Some(Self::Float(*x)),
            JsonValue::Long(digits) => digits.parse().ok().map(Self::Float),
            _ => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "upstream makes a float of a whole number in the same way")]
    pub(super) const fn float(self) -> f64 {
        match self {
            Self::Whole(n) => n as f64,
            Self::Float(x) => x,
        }
    }

    pub(super) fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            _ => self.float().partial_cmp(&other.float()).unwrap_or(Ordering::Less),
        }
    }

    pub(super) fn value<'a>(self) -> Value<'a> {
        Value::new(match self {
            Self::Whole(n) => JsonValue::Integer(n),
            Self::Float(x) => JsonValue::Float(x),
        })
    }
}
