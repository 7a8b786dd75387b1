//! Members of a mapping's objects by their known names, with a word on each that is missing or unknown.

use super::{
    errors::LoadErrors,
    json::{Json, JsonValue, Member, Position},
    scalar,
};

/// The members of one object. Names are matched in any case.
#[derive(Debug)]
pub(super) struct Fields<'j> {
    at: Position,
    members: &'j [Member],
}

impl<'j> Fields<'j> {
    /// Takes an object, and notes each member whose name is not among the known ones.
    pub(super) fn strict(json: &'j Json, of: &str, known: &[&str], errors: &mut LoadErrors) -> Option<Self> {
        let fields = Self::lenient(json, of, errors)?;
        for member in fields.members {
            if !known.iter().any(|name| name.eq_ignore_ascii_case(&member.name)) {
                errors.push(member.at, format!("Could not find member '{}' on object of type '{of}'.", member.name));
            }
        }
        Some(fields)
    }

    /// Takes an object, whatever its members are called.
    pub(super) fn lenient(json: &'j Json, of: &str, errors: &mut LoadErrors) -> Option<Self> {
        let Some(members) = json.as_object() else {
            errors.push(json.at, format!("Expected an object for '{of}', not {}.", json.kind()));
            return None;
        };
        Some(Self { at: json.at, members })
    }

    /// The value of a member, `null` counting as none. The last of several that differ in case only.
    pub(super) fn get(&self, name: &str) -> Option<&'j Json> {
        self.written(name).filter(|value| !value.is_null())
    }

    /// The value of a member that must be there.
    pub(super) fn required(&self, name: &str, errors: &mut LoadErrors) -> Option<&'j Json> {
        match self.written(name) {
            None => errors.push(self.at, format!("Required property '{name}' not found in JSON.")),
            Some(value) if value.is_null() => {
                errors.push(value.at, format!("Required property '{name}' expects a value but got null."));
            }
            Some(value) => return Some(value),
        }
        None
    }

    fn written(&self, name: &str) -> Option<&'j Json> {
        self.members.iter().rev().find(|m| m.name.eq_ignore_ascii_case(name)).map(|m| &m.value)
    }
}

/// The value as a text; numbers and `true` become one.
pub(super) fn text(name: &str, json: &Json, errors: &mut LoadErrors) -> Option<String> {
    if let Some(text) = json.as_text() {
        return Some(text.to_owned());
    }
    match scalar::text_of(json) {
        Ok(text) => text.map(std::borrow::Cow::into_owned),
        Err(kind) => {
            errors.push(json.at, format!("Error reading string for '{name}': an {kind} stands there."));
            None
        }
    }
}

/// The value as yes or no; `"true"` in quotes is one too.
pub(super) fn flag(name: &str, json: &Json, errors: &mut LoadErrors) -> Option<bool> {
    let flag = match &json.value {
        JsonValue::Bool(b) => Some(*b),
        JsonValue::Integer(n) => Some(*n != 0),
        JsonValue::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        JsonValue::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    };
    if flag.is_none() {
        errors.push(json.at, format!("Could not convert to boolean for '{name}': {json}."));
    }
    flag
}
