//! An assignment: a definition or an initiative put into force somewhere.

use super::{
    document::{Document, PolicyFault, last_part, member, text},
    effect::Effect,
    initiative::values,
    resource::Resource,
    scope::Scope,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The kind of selectors that choose definitions of an initiative, in small letters.
const REFERENCE_SELECTOR: &str = "policydefinitionreferenceid";

/// What narrows an assignment, exemption or override, as far as it is known here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Selectors {
    /// Kind in small letters, whether it is `in` (and not `notIn`), and the values in small letters.
    all: Vec<(String, bool, Vec<String>)>,
}

impl Selectors {
    fn read(list: Option<&Value>) -> Result<Self, String> {
        let Some(list) = list else { return Ok(Self::default()) };
        let list = list.as_array().ok_or("\"selectors\" has to be a list")?;
        let all = list.iter().map(selector).collect::<Result<_, String>>()?;
        Ok(Self { all })
    }

    /// Whether they choose this reference: overrides have selectors of that kind alone.
    pub(super) fn choose_reference(&self, id: &str) -> bool {
        self.all.iter().filter(|(kind, ..)| kind == REFERENCE_SELECTOR).all(|selector| chosen(selector, id))
    }

    /// Whether they choose this resource.
    pub(super) fn choose_resource(&self, resource: &Resource) -> bool {
        self.all.iter().all(|selector| match selector.0.as_str() {
            "resourcelocation" => chosen(selector, resource.location.as_deref().unwrap_or("site")),
            "resourcewithoutlocation" => resource.location.is_none() == selector.1,
            "resourcetype" => chosen(selector, &resource.kind),
            _ => false,
        })
    }
}

fn selector(value: &Value) -> Result<(String, bool, Vec<String>), String> {
    let object = value.as_object().ok_or("a selector has to be an object")?;
    let kind = text(object, "kind").ok_or("a selector needs a \"kind\"")?.to_lowercase();
    let known = [REFERENCE_SELECTOR, "resourcelocation", "resourcewithoutlocation", "resourcetype"];
    if !known.contains(&kind.as_str()) {
        return Err(format!(
            "selectors of kind {kind} are not known here: policyDefinitionReferenceId, resourceLocation (a ward), resourceWithoutLocation or resourceType is wanted"
        ));
    }
    let listed = |key| member(object, key).and_then(Value::as_array);
    let texts = |list: &Vec<Value>| {
        let text =
            |v: &Value| v.as_str().map(str::to_lowercase).ok_or_else(|| "a selector holds texts alone".to_owned());
        if list.is_empty() {
            Err("a selector needs one value or more".to_owned())
        } else {
            list.iter().map(text).collect()
        }
    };
    match (listed("in"), listed("notIn")) {
        (Some(list), None) => Ok((kind, true, texts(list)?)),
        (None, Some(list)) => Ok((kind, false, texts(list)?)),
        _ => Err("a selector needs either \"in\" or \"notIn\"".to_owned()),
    }
}

fn chosen((_, within, values): &(String, bool, Vec<String>), id: &str) -> bool {
    values.contains(&id.to_lowercase()) == *within
}

/// All selectors of a list of named groups, of which one has to choose.
pub(super) fn selector_groups(body: &Map<String, Value>) -> Result<Vec<Selectors>, String> {
    let list = match member(body, "resourceSelectors") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err("\"resourceSelectors\" has to be a list".to_owned()),
    };
    let group = |group: &Value| {
        let selectors = group.as_object().and_then(|group| member(group, "selectors"));
        let selectors = selectors.filter(|list| list.as_array().is_some_and(|list| !list.is_empty()));
        let selectors = selectors.ok_or("one of resourceSelectors has no list \"selectors\", and would choose all")?;
        let selectors = Selectors::read(Some(selectors))?;
        if selectors.all.iter().any(|(kind, ..)| kind == REFERENCE_SELECTOR) {
            return Err(
                "policyDefinitionReferenceId chooses no resources: it is for the selectors of overrides".to_owned()
            );
        }
        Ok(selectors)
    };
    list.iter().map(group).collect()
}

/// Another effect than the definitions have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The effect.
    pub effect: Effect,
    pub(super) selectors: Selectors,
}

/// An assignment.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// By what it is named.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// The definition or initiative, by name.
    pub of: String,
    /// Where it holds.
    pub scope: Scope,
    /// Where it does not.
    pub not_scopes: Vec<Scope>,
    /// Values of parameters, by their names in small letters.
    pub parameters: BTreeMap<String, Value>,
    /// Whether `deny` and `deployIfNotExists` act; else they report alone.
    pub enforced: bool,
    /// Other effects than the definitions have.
    pub overrides: Vec<Override>,
    /// What to say of what is not as wanted: for a reference in small letters, or for all.
    pub messages: Vec<(Option<String>, String)>,
    pub(super) selectors: Vec<Selectors>,
    /// The file that it is from.
    pub file: String,
    /// Its text, as in the file.
    pub source: String,
}

impl Assignment {
    /// Reads an assignment.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn read(document: &Document) -> Result<Self, PolicyFault> {
        let body = &document.body;
        let wrong = |what: String| document.fault(what);
        let scope = text(body, "scope").or_else(|| parent_scope(document.id.as_deref()));
        let scope = scope.map_or(Ok(Scope::Site), |scope| scope.parse()).map_err(|e| document.fault(e))?;
        let not_scopes = member(body, "notScopes").and_then(Value::as_array).cloned().unwrap_or_default();
        let not_scopes = not_scopes.iter().filter_map(Value::as_str).map(str::parse).collect::<Result<_, _>>();
        let enforced = match text(body, "enforcementMode").as_deref() {
            None => true,
            Some(mode) if mode.eq_ignore_ascii_case("default") => true,
            Some(mode) if mode.eq_ignore_ascii_case("donotenforce") => false,
            Some(mode) => {
                return Err(wrong(format!("enforcementMode {mode} is not known: Default or DoNotEnforce is wanted")));
            }
        };
        Ok(Self {
            name: document.name.clone(),
            title: text(body, "displayName").unwrap_or_else(|| document.name.clone()),
            of: last_part(&document.wanted("policyDefinitionId")?).to_owned(),
            scope,
            not_scopes: not_scopes.map_err(|e: super::scope::ScopeError| document.fault(e))?,
            parameters: values(body).map_err(wrong)?,
            enforced,
            overrides: overrides(body).map_err(wrong)?,
            messages: messages(body),
            selectors: selector_groups(body).map_err(wrong)?,
            file: document.file.clone(),
            source: document.text.trim().to_owned(),
        })
    }

    /// What to say of a reference that is not as wanted.
    #[must_use]
    pub fn message(&self, reference: Option<&str>) -> Option<&str> {
        let reference = reference.map(str::to_lowercase);
        let own = self.messages.iter().find(|(of, _)| reference.is_some() && *of == reference);
        own.or_else(|| self.messages.iter().find(|(of, _)| of.is_none())).map(|(_, text)| text.as_str())
    }

    /// Whether it is about this resource.
    #[must_use]
    pub fn covers(&self, resource: &Resource) -> bool {
        let id = resource.id();
        let selected = self.selectors.is_empty() || self.selectors.iter().any(|s| s.choose_resource(resource));
        self.scope.covers(&id) && !self.not_scopes.iter().any(|scope| scope.covers(&id)) && selected
    }
}

/// The scope within an identifier: what stands before `/providers/Microsoft.Authorization`.
pub(super) fn parent_scope(id: Option<&str>) -> Option<String> {
    let id = id?;
    let at = id.to_lowercase().rfind("/providers/microsoft.authorization/")?;
    id.get(..at).map(str::to_owned)
}

fn overrides(body: &Map<String, Value>) -> Result<Vec<Override>, String> {
    let list = member(body, "overrides").and_then(Value::as_array).cloned().unwrap_or_default();
    let read = |value: &Value| {
        let object = value.as_object().ok_or("an override has to be an object")?;
        let kind = text(object, "kind").unwrap_or_default();
        if !kind.eq_ignore_ascii_case("policyEffect") {
            return Err(format!("overrides of kind {kind:?} are not known here: policyEffect is wanted"));
        }
        let word = text(object, "value").ok_or("an override needs a \"value\"")?;
        let effect = Effect::read(&word).ok_or_else(|| format!("{word} is no effect"))?;
        let selectors = Selectors::read(member(object, "selectors"))?;
        if let Some((kind, ..)) = selectors.all.iter().find(|(kind, ..)| kind != REFERENCE_SELECTOR) {
            return Err(format!(
                "an override cannot be narrowed by {kind}: it is for all resources; make an assignment for them"
            ));
        }
        Ok(Override { effect, selectors })
    };
    list.iter().map(read).collect()
}

fn messages(body: &Map<String, Value>) -> Vec<(Option<String>, String)> {
    let list = member(body, "nonComplianceMessages").and_then(Value::as_array).cloned().unwrap_or_default();
    let read = |value: &Value| {
        let object = value.as_object()?;
        let of = text(object, "policyDefinitionReferenceId").map(|id| id.to_lowercase());
        Some((of, text(object, "message")?))
    };
    list.iter().filter_map(read).collect()
}
