//! What a rule asks for: which types it is about, which fields it reads, and when it applies at all.

use super::{
    document::member,
    vocabulary::{OURS, TYPES, field_of},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Deepest nesting of a rule.
const DEPTH_MAX: usize = 64;

/// What of a rule decides whether it is about a resource: its conditions on type, name and kind, as Azure has it. `None`
/// if there are none: it is about all.
pub(super) fn applicability(condition: &Value) -> Option<Value> {
    reduce(condition, 0).ok().flatten()
}

/// A condition with others than those on type, name and kind left out. `Err` if such a one was left out below a `not` or an
/// `anyOf`, where leaving it out would say something else.
fn reduce(condition: &Value, depth: usize) -> Result<Option<Value>, ()> {
    let Value::Object(object) = condition else { return Ok(None) };
    if depth > DEPTH_MAX {
        return Ok(None);
    }
    if let Some(Value::Array(parts)) = member(object, "allOf") {
        let kept: Vec<Value> = parts.iter().filter_map(|part| reduce(part, depth + 1).ok().flatten()).collect();
        return Ok((!kept.is_empty()).then(|| json!({"allOf": kept})));
    }
    if let Some(Value::Array(parts)) = member(object, "anyOf") {
        // A part that does not ask for the type may hold for any.
        let kept: Option<Vec<Value>> = parts.iter().map(|part| reduce(part, depth + 1).ok().flatten()).collect();
        return Ok(kept.filter(|kept| !kept.is_empty()).map(|kept| json!({"anyOf": kept})));
    }
    if let Some(inner) = member(object, "not") {
        let whole = only_identity(inner, depth + 1);
        return if whole { Ok(Some(condition.clone())) } else { Err(()) };
    }
    Ok(is_identity(object).then(|| condition.clone()))
}

/// Whether a condition asks for the type alone, so that it says the same of all resources of a type.
pub(super) fn asks_type_alone(condition: &Value) -> bool {
    let mut alone = true;
    each_object(condition, 0, &mut |object| {
        if let Some(field) = member(object, "field").and_then(Value::as_str) {
            alone &= field.eq_ignore_ascii_case("type");
        }
    });
    alone
}

/// The types of whose fields a condition reads that asks for no type: it is about those. None if it asks for one, or reads no
/// field of ours.
pub(super) fn types_of_fields(condition: &Value) -> BTreeSet<&'static str> {
    let mut asks = false;
    each_object(condition, 0, &mut |object| {
        let field = member(object, "field").and_then(Value::as_str);
        asks |= field.is_some_and(|field| field.eq_ignore_ascii_case("type"));
    });
    each_text(condition, 0, &mut |text| {
        let text = text.to_lowercase().replace(' ', "");
        asks |= text.starts_with('[') && text.contains("field('type')");
    });
    if asks { BTreeSet::new() } else { fields(condition).into_iter().map(|(kind, _)| kind).collect() }
}

/// Whether a condition asks for type, name and kind alone.
fn only_identity(condition: &Value, depth: usize) -> bool {
    let Value::Object(object) = condition else { return false };
    if depth > DEPTH_MAX {
        return false;
    }
    for key in ["allOf", "anyOf"] {
        if let Some(Value::Array(parts)) = member(object, key) {
            return parts.iter().all(|part| only_identity(part, depth + 1));
        }
    }
    match member(object, "not") {
        Some(inner) => only_identity(inner, depth + 1),
        None => is_identity(object),
    }
}

fn is_identity(object: &Map<String, Value>) -> bool {
    let field = member(object, "field").and_then(Value::as_str).unwrap_or_default();
    ["type", "name", "kind"].iter().any(|word| field.eq_ignore_ascii_case(word))
}

/// The types that a rule names.
pub(super) fn types(condition: &Value) -> Vec<String> {
    let mut found = Vec::new();
    each_object(condition, 0, &mut |object| {
        let field = member(object, "field").and_then(Value::as_str).unwrap_or_default();
        if !field.eq_ignore_ascii_case("type") {
            return;
        }
        for key in ["equals", "in", "like"] {
            match member(object, key) {
                Some(Value::String(one)) => found.push(one.clone()),
                Some(Value::Array(several)) => {
                    found.extend(several.iter().filter_map(|one| one.as_str().map(str::to_owned)));
                }
                _ => {}
            }
        }
    });
    found.dedup();
    found
}

/// The fields of ours that a rule reads, as (type, field).
pub(super) fn fields(rule: &Value) -> BTreeSet<(&'static str, &'static str)> {
    let mut found = BTreeSet::new();
    each_text(rule, 0, &mut |text| {
        if let Some(field) = field_of(text) {
            found.insert(field);
            return;
        }
        // Within an expression: [field('Wardwatch/logs/level')].
        let expression = text.starts_with('[') && !text.starts_with("[[");
        if expression {
            found.extend(text.split('\'').skip(1).step_by(2).filter_map(field_of));
        }
    });
    found
}

/// The first name of ours in a rule that there is not, of a type or a field: with it the rule would silently not be judged.
pub(super) fn unknown_name(rule: &Value) -> Option<String> {
    let mut found = None;
    let mut look = |name: &str| {
        let ours = name.get(..OURS.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(OURS));
        // A pattern of `like` or `match`, and not a list.
        let pattern = name.replace("[*]", "").contains(['*', '?', '#']);
        let is_type = TYPES.iter().any(|kind| kind.name.eq_ignore_ascii_case(name));
        if ours && !pattern && !is_type && field_of(name).is_none() && found.is_none() {
            found = Some(name.to_owned());
        }
    };
    each_text(rule, 0, &mut |text| {
        if text.starts_with('[') && !text.starts_with("[[") {
            text.split('\'').skip(1).step_by(2).for_each(&mut look);
        } else {
            look(text);
        }
    });
    found
}

fn each_object(value: &Value, depth: usize, each: &mut impl FnMut(&Map<String, Value>)) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(object) => {
            each(object);
            object.values().for_each(|inner| each_object(inner, depth + 1, each));
        }
        Value::Array(parts) => parts.iter().for_each(|inner| each_object(inner, depth + 1, each)),
        _ => {}
    }
}

/// Calls `each` with every text of a value that is a value, not a name.
pub(super) fn each_text(value: &Value, depth: usize, each: &mut impl FnMut(&str)) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::String(text) => each(text),
        Value::Object(object) => object.values().for_each(|inner| each_text(inner, depth + 1, each)),
        Value::Array(parts) => parts.iter().for_each(|inner| each_text(inner, depth + 1, each)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rule_is_about_is_its_conditions_on_type_name_and_kind() {
        let kind = |name: &str| json!({"field": "type", "equals": name});
        let other = json!({"field": "a/b/c", "equals": 1});
        let cases = [
            (kind("a/b"), Some(kind("a/b"))),
            (json!({"allOf": [kind("a/b"), other]}), Some(json!({"allOf": [kind("a/b")]}))),
            (json!({"allOf": [kind("a/b"), {"not": other}]}), Some(json!({"allOf": [kind("a/b")]}))),
            (json!({"anyOf": [kind("a/b"), other]}), None),
            (other.clone(), None),
            (json!({"not": kind("a/b")}), Some(json!({"not": kind("a/b")}))),
            (json!({"not": {"allOf": [kind("a/b"), other]}}), None),
            (
                json!({"anyOf": [{"allOf": [kind("a/b"), other]}, {"allOf": [kind("a/c"), other]}]}),
                Some(json!({"anyOf": [{"allOf": [kind("a/b")]}, {"allOf": [kind("a/c")]}]})),
            ),
        ];
        for (rule, expected) in cases {
            assert_eq!(applicability(&rule), expected, "{rule}");
        }
    }

    #[test]
    fn fields_are_found_in_conditions_and_expressions() {
        let rule = json!({"allOf": [
            {"field": "wardwatch/LOGS/level", "equals": "x"},
            {"count": {"field": "Wardwatch/audit/sinks/categories[*]"}, "less": 5},
            {"value": "[length(field('Wardwatch/servers/listeners/origins[*]'))]", "greater": 0},
            {"field": "Microsoft.Storage/storageAccounts/x", "equals": 1},
        ]});
        let found: Vec<_> = fields(&rule).into_iter().collect();
        assert_eq!(
            found,
            [
                ("Wardwatch/audit/sinks", "categories"),
                ("Wardwatch/logs", "level"),
                ("Wardwatch/servers/listeners", "origins")
            ]
        );
    }
}
