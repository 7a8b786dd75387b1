//! Files of Azure Policy: what is in one, and where something is wrong.
//!
//! A file holds one object, a list of them, or what the management API answers (`{"value": […]}`). Each object is as
//! exported, with its `properties`, or those alone.

use crate::domain::text::clean;
use serde_json::{Map, Value, value::RawValue};
use std::{fmt, path::Path};

/// Longest file, in bytes.
pub const FILE_MAX_BYTES: u64 = 1024 * 1024;
/// Most objects of one file.
const DOCUMENTS_MAX: usize = 1_000;

/// What an object of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A policy definition.
    Definition,
    /// An initiative: a policy set definition.
    Initiative,
    /// An assignment.
    Assignment,
    /// An exemption.
    Exemption,
}

impl Kind {
    /// The last word of its resource type in Azure.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Definition => "policyDefinitions",
            Self::Initiative => "policySetDefinitions",
            Self::Assignment => "policyAssignments",
            Self::Exemption => "policyExemptions",
        }
    }

    /// By the type that it names, or by what it holds.
    fn of(object: &Map<String, Value>, body: &Map<String, Value>) -> Option<Self> {
        let all = [Self::Definition, Self::Initiative, Self::Assignment, Self::Exemption];
        let named = ["type", "resourceType"].into_iter().find_map(|key| text(object, key));
        let named = named.and_then(|name| name.rsplit('/').next().map(str::to_owned));
        if let Some(name) = named
            && let Some(kind) = all.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(&name))
        {
            return Some(kind);
        }
        let holds = |key| member(body, key).is_some();
        match () {
            () if holds("policyRule") => Some(Self::Definition),
            () if holds("policyDefinitions") => Some(Self::Initiative),
            () if holds("exemptionCategory") => Some(Self::Exemption),
            () if holds("policyDefinitionId") => Some(Self::Assignment),
            () => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with a file, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PolicyFault {
    /// Which file.
    pub file: String,
    /// Line and column, from 1, if they are known.
    pub at: Option<(usize, usize)>,
    /// What is wrong, and what to do.
    pub what: String,
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, what) = (clean(&self.file), clean(&self.what));
        match self.at {
            Some((line, column)) => write!(f, "{file}, line {line}, column {column}: {what}"),
            None => write!(f, "{file}: {what}"),
        }
    }
}

/// An object of a file.
#[derive(Debug, Clone)]
pub(super) struct Document {
    /// What it is.
    pub(super) kind: Kind,
    /// By what others name it: its name, the end of its identifier, or the name of the file.
    pub(super) name: String,
    /// Whether the name is its own, and not that of the file.
    pub(super) is_named: bool,
    /// Its identifier, if it has one.
    pub(super) id: Option<String>,
    /// What is in its `properties`.
    pub(super) body: Map<String, Value>,
    /// Its text, at the line where it stands in the file.
    pub(super) text: String,
    /// The file.
    pub(super) file: String,
    /// The line where it begins, from 1.
    pub(super) line: usize,
}

impl Document {
    /// What is wrong with it as a whole.
    pub(super) fn fault(&self, what: impl fmt::Display) -> PolicyFault {
        let what = format!("{} {}: {what}", self.kind.singular(), self.name);
        PolicyFault { file: self.file.clone(), at: Some((self.line, 1)), what }
    }

    /// A text of its properties that has to be there.
    pub(super) fn wanted(&self, key: &str) -> Result<String, PolicyFault> {
        text(&self.body, key).ok_or_else(|| self.fault(format_args!("a text \"{key}\" is wanted")))
    }
}

impl Kind {
    pub(super) const fn singular(self) -> &'static str {
        match self {
            Self::Definition => "definition",
            Self::Initiative => "initiative",
            Self::Assignment => "assignment",
            Self::Exemption => "exemption",
        }
    }
}

/// A member, whatever the case of its name: Azure's tools write some with a capital.
pub(super) fn member<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    object.get(key).or_else(|| object.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value))
}

/// A text that is not empty.
pub(super) fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    member(object, key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The last part of an identifier of Azure.
pub(super) fn last_part(id: &str) -> &str {
    id.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// All objects of a file.
///
/// # Errors
/// If it is no JSON, or an object in it is none of Azure Policy's.
pub(super) fn read(file: &str, content: &str) -> Result<Vec<Document>, PolicyFault> {
    let content = content.trim_start_matches('\u{feff}');
    let wrong = |e: &serde_json::Error| PolicyFault {
        file: file.to_owned(),
        at: Some((e.line(), e.column())),
        what: format!("this is no JSON: {}", plain(e)),
    };
    let whole: &RawValue = serde_json::from_str(content).map_err(|e| wrong(&e))?;
    let raws = objects(whole).map_err(|e| wrong(&e))?;
    if raws.is_empty() || raws.len() > DOCUMENTS_MAX {
        let what = format!("1 to {DOCUMENTS_MAX} definitions, initiatives, assignments or exemptions are wanted");
        return Err(PolicyFault { file: file.to_owned(), at: None, what });
    }
    let single = raws.len() == 1;
    raws.into_iter().map(|raw| document(file, content, raw, single)).collect()
}

/// The objects of a file: itself, its elements, or those of its `value`.
fn objects(whole: &RawValue) -> Result<Vec<&RawValue>, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        value: Vec<&'a RawValue>,
    }
    if whole.get().starts_with('[') {
        return serde_json::from_str(whole.get());
    }
    Ok(serde_json::from_str::<Answer<'_>>(whole.get()).map_or_else(|_| vec![whole], |answer| answer.value))
}

fn document(file: &str, content: &str, raw: &RawValue, single: bool) -> Result<Document, PolicyFault> {
    // `raw` is a piece of `content`.
    let start = raw.get().as_ptr().addr().saturating_sub(content.as_ptr().addr());
    let before = content.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let fault = |what: &str| PolicyFault { file: file.to_owned(), at: Some((line, 1)), what: what.to_owned() };
    let object: Value = serde_json::from_str(raw.get()).map_err(|e| fault(&plain(&e)))?;
    let Value::Object(object) = object else { return Err(fault("an object is wanted")) };
    let body = match member(&object, "properties") {
        Some(Value::Object(inner)) => inner.clone(),
        _ => object.clone(),
    };
    let kind = Kind::of(&object, &body).ok_or_else(|| {
        fault("this is none of Azure Policy's objects: one with policyRule, policyDefinitions, policyDefinitionId or exemptionCategory is wanted")
    })?;
    let id = ["id", "resourceId"].into_iter().find_map(|key| text(&object, key));
    let named = text(&object, "name").or_else(|| id.as_deref().map(|id| last_part(id).to_owned()));
    let is_named = named.is_some();
    let stem = || Path::new(file).file_stem().map(|name| name.to_string_lossy().into_owned());
    let name = named.or_else(|| single.then(stem).flatten());
    let name = name.ok_or_else(|| fault("one of several in a file needs a \"name\""))?;
    let text = format!("{}{}", "\n".repeat(line - 1), raw.get());
    Ok(Document { kind, name, is_named, id, body, text, file: file.to_owned(), line })
}

/// What serde says, without the place that we say ourselves.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map(|(what, _)| what.to_owned()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = r#"{"policyRule": {"if": {"field": "type", "equals": "a/b"}, "then": {"effect": "audit"}}}"#;

    #[test]
    fn objects_are_found_in_all_forms_of_an_export() {
        let with =
            format!(r#"{{"type": "Microsoft.Authorization/policyDefinitions", "name": "x", "properties": {RULE}}}"#);
        let cases = [
            (RULE.to_owned(), vec!["site"]),
            (with.clone(), vec!["x"]),
            (format!("[{with},\n{with}]"), vec!["x", "x"]),
            (format!("{{\"value\": [{with}]}}"), vec!["x"]),
            (r#"{"Name": "e", "Properties": {"ExemptionCategory": "Waiver"}}"#.to_owned(), vec!["e"]),
        ];
        for (content, names) in cases {
            let found = read("a/site.json", &content).unwrap();
            assert_eq!(found.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), names, "{content}");
        }
        let found = read("s.json", "{\"policyDefinitionId\": \"/x/y\"}").unwrap();
        assert_eq!(found[0].kind, Kind::Assignment);
        let list = read("list.json", &format!("[\n{with},\n{with}]")).unwrap();
        assert_eq!((list[0].line, list[1].line), (2, 3));
        assert!(list[1].text.starts_with("\n\n{"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let said = |content: &str| read("f.json", content).unwrap_err().to_string();
        assert_eq!(said("{\n  \"a\": 1,\n}"), "f.json, line 3, column 1: this is no JSON: key must be a string");
        assert!(said("[]").contains("1 to 1000"));
        assert!(said("{\"a\": 1}").starts_with("f.json, line 1, column 1: this is none of Azure Policy's objects"));
        assert!(said(&format!("[{RULE},\n{RULE}]")).contains("needs a \"name\""));
        assert!(said("[1, 2]").contains("an object is wanted"));
    }
}
