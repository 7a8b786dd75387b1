//! A definition as it is asked: by which assignment, with which values of its parameters, to what effect.

use super::{
    assignment::Assignment,
    definition::Definition,
    effect::Effect,
    guard,
    initiative::Initiative,
    report::{Compliance, Finding},
};
use regorus::Value;
use serde_json::{Map, json};
use std::collections::BTreeMap;

/// By what a definition is asked.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) assignment: &'a Assignment,
    pub(super) initiative: Option<&'a str>,
    pub(super) reference: &'a str,
    /// The definition's name, whether it is there or not.
    pub(super) name: &'a str,
}

impl Place<'_> {
    /// A finding about the policy as a whole.
    pub(super) fn whole(&self, state: Compliance, effect: Option<Effect>, title: &str, message: String) -> Finding {
        Finding {
            assignment: self.assignment.name.clone(),
            initiative: self.initiative.map(str::to_owned),
            policy: self.name.to_owned(),
            reference: self.reference.to_owned(),
            title: title.to_owned(),
            resource: None,
            effect,
            enforced: self.assignment.enforced,
            state,
            message,
            reasons: Vec::new(),
            exemption: None,
            missing: None,
        }
    }
}

/// A definition within an assignment, with the values of its parameters.
pub(super) struct Asked<'a> {
    pub(super) place: Place<'a>,
    pub(super) definition: &'a Definition,
    pub(super) parameters: Value,
    /// The effect in force; `None` if it is an expression that only the rule itself resolves.
    pub(super) effect: Option<Effect>,
    /// Whether an assignment puts it in the place of what the rule says.
    pub(super) is_overridden: bool,
}

/// Prepares a definition to be asked.
pub(super) fn ask<'a>(
    place: &Place<'a>,
    definition: &'a Definition,
    given: &BTreeMap<String, serde_json::Value>,
) -> Result<Asked<'a>, String> {
    let mut values = BTreeMap::new();
    for (key, parameter) in &definition.parameters {
        let value = given.get(key).cloned().or_else(|| parameter.default.clone());
        let value =
            value.ok_or_else(|| format!("parameter {} has no value: give it in the assignment", parameter.name))?;
        if !parameter.allows(&value) {
            return Err(format!("parameter {} may not be {value}", parameter.name));
        }
        parameter.check_type(&value)?;
        guard::check_parameter(&parameter.name, &value)?;
        values.insert(key.clone(), (parameter.name.clone(), value));
    }
    let parameter = parameter_named(&definition.effect).map(str::to_lowercase);
    let stated = match &parameter {
        Some(name) => values.get(name).and_then(|(_, value)| value.as_str()).map(str::to_owned),
        None => Some(definition.effect.clone()),
    };
    let stated = stated.unwrap_or_default();
    let mut effect = Effect::read(&stated);
    if parameter.is_some() && stated.starts_with('[') {
        return Err(format!(
            "its effect is given as {stated}: a value of a parameter is not evaluated, a word is wanted"
        ));
    }
    if effect.is_none() && !stated.starts_with('[') {
        return Err(format!("effect {stated:?} is not known here"));
    }
    let overrides = place.assignment.overrides.iter();
    let other = overrides.clone().find(|o| o.selectors.choose_reference(place.reference)).map(|o| o.effect);
    if let Some(other) = other {
        // Of an effect that only the rule resolves its details say of which kind it is.
        let related = effect.map_or(definition.related.is_some(), Effect::asks_for_related);
        let kept = related == other.asks_for_related();
        if other != Effect::Disabled && effect.is_none() && related {
            return Err(format!("its effect cannot be overridden by {other}: it is an expression, {stated}"));
        }
        if other != Effect::Disabled && !kept {
            return Err(format!("its effect cannot be overridden by {other}: it is of another kind"));
        }
        if let Some((_, value)) = parameter.and_then(|name| values.get_mut(&name)) {
            *value = json!(other.as_str());
        }
        effect = Some(other);
    }
    // The language knows a parameter by how the rule spells it.
    let spelt = |name: &String| values.get(&name.to_lowercase()).map(|(_, value)| (name.clone(), value.clone()));
    let mut parameters: Map<String, serde_json::Value> = definition.spellings.iter().filter_map(spelt).collect();
    parameters.extend(values.into_values());
    let parameters = Value::from(serde_json::Value::Object(parameters));
    Ok(Asked { place: *place, definition, parameters, effect, is_overridden: other.is_some() })
}

/// The parameter that an expression is, if it is nothing else: `[parameters('effect')]`.
pub(super) fn parameter_named(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let (function, rest) = inner.split_once('(')?;
    let name = rest.trim_end().strip_suffix(')')?.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    (function.trim().eq_ignore_ascii_case("parameters") && !name.contains('\'')).then_some(name)
}

/// A value within an initiative with its parameters filled in.
fn resolved(
    raw: &serde_json::Value,
    value: &impl Fn(&str) -> Result<serde_json::Value, String>,
) -> Result<serde_json::Value, String> {
    let serde_json::Value::String(text) = raw else { return Ok(raw.clone()) };
    match parameter_named(text) {
        Some(name) => value(name),
        None if text.starts_with('[') && !text.starts_with("[[") => {
            Err(format!("the initiative gives it {text}, which is not evaluated here: only [parameters('NAME')] is"))
        }
        None => Ok(raw.clone()),
    }
}

/// The values that an initiative gives a definition.
pub(super) fn reference_values(
    initiative: &Initiative,
    assignment: &Assignment,
    given: &BTreeMap<String, serde_json::Value>,
) -> Result<BTreeMap<String, serde_json::Value>, String> {
    let value = |name: &str| {
        let key = name.to_lowercase();
        let default = || initiative.parameters.get(&key).and_then(|p| p.default.clone());
        let given = assignment.parameters.get(&key).cloned().or_else(default);
        given.ok_or_else(|| format!("parameter {name} of the initiative has no value: give it in the assignment"))
    };
    given.iter().map(|(name, raw)| Ok((name.clone(), resolved(raw, &value)?))).collect()
}
