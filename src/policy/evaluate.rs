//! Judging resources by all that is assigned.

use super::{
    assignment::Assignment,
    definition::{Definition, Ready, last_line},
    effect::Effect,
    guard,
    initiative::Initiative,
    report::{Compliance, Count, ExemptionSeen, Finding, InitiativeReport, Reason, Report},
    resource::Resource,
    scope::Scope,
    set::PolicySet,
};
use crate::domain::Timestamp;
use regorus::{Rc, Value, languages::azure_policy::aliases::normalizer, rvm::RegoVM, rvm::program::Program};
use serde_json::{Map, json};
use std::collections::BTreeMap;

/// Most findings of a report; further ones are counted and not shown.
pub const FINDINGS_MAX: usize = 10_000;
/// Most related resources that are tried for one resource.
const RELATED_MAX: usize = 1_000;
/// Most steps of a rule for one resource; a rule that needs more is not evaluated.
const STEPS_MAX: usize = 100_000;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Where.
    pub scope: Scope,
    /// Of which initiative alone.
    pub initiative: Option<String>,
}

/// A resource, and how the language of rules takes it.
struct Seen<'a> {
    resource: &'a Resource,
    value: Value,
}

/// By what a definition is asked.
#[derive(Clone, Copy)]
struct Place<'a> {
    assignment: &'a Assignment,
    initiative: Option<&'a str>,
    reference: &'a str,
    /// The definition's name, whether it is there or not.
    name: &'a str,
}

impl Place<'_> {
    /// A finding about the policy as a whole.
    fn whole(&self, state: Compliance, effect: Option<Effect>, title: &str, message: String) -> Finding {
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
struct Asked<'a> {
    place: Place<'a>,
    definition: &'a Definition,
    parameters: Value,
    /// The effect in force; `None` if it is an expression that only the rule itself resolves.
    effect: Option<Effect>,
}

impl PolicySet {
    /// Judges resources at a time.
    #[must_use]
    pub fn evaluate(&self, inventory: &[Resource], now: Timestamp, wanted: &Wanted) -> Report {
        let seen: Vec<Seen<'_>> = inventory
            .iter()
            .map(|resource| {
                let raw = Value::from(resource.to_json());
                Seen { resource, value: normalizer::normalize(&raw, Some(&self.registry), None) }
            })
            .collect();
        let mut findings = Vec::new();
        for assignment in self.assignments.values() {
            self.assigned(assignment, &seen, now, wanted, &mut findings);
        }
        findings.sort_by(|a, b| key(a).cmp(&key(b)));
        let initiatives = self.initiatives(&findings);
        let summary = Count::of(findings.iter());
        let mut notes = self.idle(now);
        if findings.len() > FINDINGS_MAX {
            notes.push(format!("{} findings are not shown, but counted", findings.len() - FINDINGS_MAX));
            findings.truncate(FINDINGS_MAX);
        }
        Report { at: now, scope: wanted.scope.clone(), summary, initiatives, findings, notes }
    }

    fn initiatives(&self, findings: &[Finding]) -> Vec<InitiativeReport> {
        let of = |name: &str| {
            let name = name.to_owned();
            findings.iter().filter(move |f| f.initiative.as_deref() == Some(name.as_str()))
        };
        let report = |initiative: &Initiative| {
            let count = Count::of(of(&initiative.name));
            let state = match count {
                Count { non_compliant: 1.., .. } => Compliance::NonCompliant,
                Count { not_evaluated: 1.., .. } | Count { compliant: 0, .. } => Compliance::NotEvaluated,
                _ => Compliance::Compliant,
            };
            InitiativeReport { name: initiative.name.clone(), title: initiative.title.clone(), state, count }
        };
        self.initiatives.values().filter(|i| of(&i.name).next().is_some()).map(report).collect()
    }

    /// Judges by one assignment.
    fn assigned(
        &self,
        assignment: &Assignment,
        seen: &[Seen<'_>],
        now: Timestamp,
        wanted: &Wanted,
        findings: &mut Vec<Finding>,
    ) {
        let of = assignment.of.to_lowercase();
        let initiative = self.initiatives.get(&of);
        if let Some(name) = &wanted.initiative
            && !initiative.is_some_and(|i| i.name.eq_ignore_ascii_case(name))
        {
            return;
        }
        let named = initiative.map(|i| i.name.as_str());
        let Some(initiative) = initiative else {
            let place = Place { assignment, initiative: None, reference: &assignment.of, name: &assignment.of };
            self.referred(&place, Ok(assignment.parameters.clone()), seen, now, wanted, findings);
            return;
        };
        for reference in &initiative.references {
            let (id, name) = (reference.id.as_str(), reference.definition.as_str());
            let place = Place { assignment, initiative: named, reference: id, name };
            let values = reference_values(initiative, assignment, &reference.parameters);
            self.referred(&place, values, seen, now, wanted, findings);
        }
    }

    /// Judges by one definition of an assignment.
    fn referred(
        &self,
        place: &Place<'_>,
        values: Result<BTreeMap<String, serde_json::Value>, String>,
        seen: &[Seen<'_>],
        now: Timestamp,
        wanted: &Wanted,
        findings: &mut Vec<Finding>,
    ) {
        let Some(definition) = self.definitions.get(&place.name.to_lowercase()) else {
            let why = "its definition is not here: put the file into the folder of policies".to_owned();
            findings.push(place.whole(Compliance::NotEvaluated, None, place.name, why));
            return;
        };
        let title = &definition.title;
        let asked = match values.and_then(|values| ask(place, definition, &values)) {
            Err(why) => {
                findings.push(place.whole(Compliance::NotEvaluated, None, title, why));
                return;
            }
            Ok(asked) if asked.effect == Some(Effect::Disabled) => {
                findings.push(place.whole(Compliance::Disabled, asked.effect, title, String::new()));
                return;
            }
            Ok(asked) => asked,
        };
        let before = findings.len();
        let ready = definition.ready.as_ref().map_err(Clone::clone);
        let why = match ready.and_then(|ready| self.judge(&asked, ready, seen, now, wanted, findings)) {
            Err(why) => why,
            Ok(()) if findings.len() == before => nothing_of(definition, wanted),
            Ok(()) => return,
        };
        findings.push(place.whole(Compliance::NotEvaluated, asked.effect, title, why));
    }

    fn judge(
        &self,
        asked: &Asked<'_>,
        ready: &Ready,
        seen: &[Seen<'_>],
        now: Timestamp,
        wanted: &Wanted,
        findings: &mut Vec<Finding>,
    ) -> Result<(), String> {
        let context = context(now);
        let mut by_type: BTreeMap<&str, bool> = BTreeMap::new();
        for one in seen {
            let resource = one.resource;
            if !asked.place.assignment.covers(resource) || !wanted.scope.covers(&resource.id()) {
                continue;
            }
            let related = asked.definition.related.is_some();
            let unknown = unknown_of(asked.definition, resource);
            let meant = match (&unknown, related) {
                // A condition that asks for what is not known cannot say whether the resource is meant.
                (Some(_), true) => asked.definition.names_type(&resource.kind),
                (None, true) => run(&ready.condition, &one.value, asked, &context, None)?.is_some(),
                (_, false) => match (&ready.applies, by_type.get(resource.kind.as_str())) {
                    (Some(_), Some(known)) if ready.by_type => *known,
                    (Some(applies), _) => {
                        let meant = run(applies, &one.value, asked, &context, None)?.is_some();
                        by_type.insert(&resource.kind, meant);
                        meant
                    }
                    (None, _) => true,
                },
            };
            if !meant {
                continue;
            }
            let judged = match unknown {
                Some(why) => Judged::Unknown(why),
                None if related => related_judged(asked, ready, one, seen, &context).unwrap_or_else(Judged::Unknown),
                None => match run(&ready.rule, &one.value, asked, &context, None) {
                    Ok(Some(effect)) => Judged::Not(effect),
                    Ok(None) => Judged::Met,
                    Err(why) => Judged::Unknown(why),
                },
            };
            findings.push(self.finding(asked, resource, judged, now));
        }
        Ok(())
    }

    fn finding(&self, asked: &Asked<'_>, resource: &Resource, judged: Judged, now: Timestamp) -> Finding {
        let mut finding = Finding {
            policy: asked.definition.name.clone(),
            resource: Some(resource.id()),
            reasons: reasons(asked.definition, resource),
            ..asked.place.whole(Compliance::Compliant, asked.effect, &asked.definition.title, String::new())
        };
        match judged {
            Judged::Met => {}
            Judged::Unknown(why) => {
                finding.state = Compliance::NotEvaluated;
                finding.message = why;
            }
            Judged::Not(effect) => {
                finding.effect = asked.effect.or(Some(effect));
                finding.missing = asked.definition.related.as_ref().map(|related| related.kind.clone());
                self.not_met(asked, resource, now, &mut finding);
            }
        }
        finding
    }

    fn not_met(&self, asked: &Asked<'_>, resource: &Resource, now: Timestamp, finding: &mut Finding) {
        match finding.effect {
            Some(Effect::DenyAction) => {
                finding.state = Compliance::NotEvaluated;
                "denyAction is about requests to Azure, of which there are none here".clone_into(&mut finding.message);
                return;
            }
            Some(Effect::Manual) => {
                finding.state = Compliance::NotEvaluated;
                "a person has to say whether it is so (effect manual)".clone_into(&mut finding.message);
                return;
            }
            _ => {}
        }
        finding.state = Compliance::NonCompliant;
        let said = asked.place.assignment.message(Some(asked.place.reference));
        let about = if asked.definition.about.is_empty() { &asked.definition.title } else { &asked.definition.about };
        said.unwrap_or(about).clone_into(&mut finding.message);
        // Of several exemptions the one that holds longest counts.
        let exemptions = self.exemptions.values();
        let exemptions = exemptions.filter(|e| e.is_for(&asked.place.assignment.name, asked.place.reference, resource));
        let Some(exemption) = exemptions.max_by_key(|e| e.expires_on) else { return };
        let expired = !exemption.holds(now);
        finding.exemption = Some(ExemptionSeen {
            name: exemption.name.clone(),
            category: exemption.category,
            owner: exemption.owner.clone(),
            reason: exemption.reason.clone(),
            expires_on: exemption.expires_on,
            expired,
        });
        if !expired {
            finding.state = Compliance::Exempt;
        }
    }
}

/// The values that an initiative gives a definition.
fn reference_values(
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

/// How a resource stands to a rule.
enum Judged {
    Met,
    Not(Effect),
    Unknown(String),
}

/// The order of findings: the worst first; of those the denying ones.
fn key(finding: &Finding) -> (Compliance, bool, &str, &Option<String>) {
    (finding.state, finding.effect != Some(Effect::Deny), &finding.policy, &finding.resource)
}

fn nothing_of(definition: &Definition, wanted: &Wanted) -> String {
    let place = if wanted.scope == Scope::Site { "here".to_owned() } else { format!("in {}", wanted.scope) };
    match definition.types.as_slice() {
        [] => format!("there is nothing {place} that it is about"),
        types => format!("there is nothing {place} of type {}", types.join(", ")),
    }
}

/// Prepares a definition to be asked.
fn ask<'a>(
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
    if effect.is_none() && !stated.starts_with('[') {
        return Err(format!("effect {stated:?} is not known here"));
    }
    let overrides = place.assignment.overrides.iter();
    let other = overrides.clone().find(|o| o.selectors.choose_reference(place.reference)).map(|o| o.effect);
    if let Some(other) = other {
        let kept = effect.is_none_or(|effect| effect.asks_for_related() == other.asks_for_related());
        if other != Effect::Disabled && !kept {
            return Err(format!("its effect cannot be overridden by {other}: it is of another kind"));
        }
        if let Some((_, value)) = parameter.and_then(|name| values.get_mut(&name)) {
            *value = json!(other.as_str());
        }
        effect = Some(other);
    }
    let parameters: Map<String, serde_json::Value> = values.into_values().collect();
    let parameters = Value::from(serde_json::Value::Object(parameters));
    Ok(Asked { place: *place, definition, parameters, effect })
}

/// The parameter that an expression is, if it is nothing else: `[parameters('effect')]`.
fn parameter_named(text: &str) -> Option<&str> {
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

/// Why it cannot be said whether a resource is as wanted, if the rule asks for what is not known.
fn unknown_of(definition: &Definition, resource: &Resource) -> Option<String> {
    let asked = definition.fields.iter().filter(|(kind, _)| kind.eq_ignore_ascii_case(&resource.kind));
    let whys: Vec<String> = asked
        .filter_map(|(_, field)| resource.unknown.get(*field).map(|why| format!("{field} is not known: {why}")))
        .collect();
    (!whys.is_empty()).then(|| whys.join("; "))
}

fn reasons(definition: &Definition, resource: &Resource) -> Vec<Reason> {
    let asked = definition.fields.iter().filter(|(kind, _)| kind.eq_ignore_ascii_case(&resource.kind));
    let value = |field: &str| {
        let inner = field.split('.').try_fold(None::<&serde_json::Value>, |at, part| match at {
            None => resource.properties.get(part).map(Some),
            Some(value) => value.get(part).map(Some),
        });
        inner.flatten().cloned().unwrap_or_default()
    };
    asked
        .filter(|(_, field)| !resource.unknown.contains_key(*field))
        .map(|(_, field)| Reason { field: (*field).to_owned(), value: value(field) })
        .collect()
}

/// Judges by what belongs to a resource: one that is as the definition wants is enough.
fn related_judged(
    asked: &Asked<'_>,
    ready: &Ready,
    one: &Seen<'_>,
    seen: &[Seen<'_>],
    context: &Value,
) -> Result<Judged, String> {
    let Some(related) = &asked.definition.related else { return Ok(Judged::Met) };
    if related.kind.starts_with('[') || related.name.as_ref().is_some_and(|name| name.starts_with('[')) {
        return Err("what it looks for is named by an expression, which is not evaluated here".to_owned());
    }
    let within = format!("{}/", one.resource.name).to_lowercase();
    let below = related.kind.to_lowercase().starts_with(&format!("{}/", one.resource.kind.to_lowercase()));
    let candidates = seen.iter().filter(|other| {
        other.resource.kind.eq_ignore_ascii_case(&related.kind)
            && other.resource.location == one.resource.location
            && (!below || other.resource.name.to_lowercase().starts_with(&within))
            && related.name.as_ref().is_none_or(|name| other.resource.name.eq_ignore_ascii_case(name))
    });
    let mut unknown = None;
    let mut worst = None;
    for candidate in candidates.take(RELATED_MAX) {
        if let Some(why) = unknown_of(asked.definition, candidate.resource) {
            unknown = Some(why);
            continue;
        }
        match run(&ready.rule, &one.value, asked, context, Some(candidate.value.clone()))? {
            None => return Ok(Judged::Met),
            effect => worst = effect,
        }
    }
    if let Some(why) = unknown {
        return Ok(Judged::Unknown(why));
    }
    match worst {
        Some(effect) => Ok(Judged::Not(effect)),
        None => Ok(run(&ready.rule, &one.value, asked, context, Some(Value::Null))?.map_or(Judged::Met, Judged::Not)),
    }
}

/// What expressions may ask for besides the resource.
fn context(now: Timestamp) -> Value {
    Value::from(json!({
        "utcNow": now.to_string(),
        "subscription": {"subscriptionId": "site", "displayName": "site"},
        "resourceGroup": {"name": "site", "location": "site"},
    }))
}

/// Runs a program on a resource: the effect if its condition holds.
fn run(
    program: &Rc<Program>,
    resource: &Value,
    asked: &Asked<'_>,
    context: &Value,
    related: Option<Value>,
) -> Result<Option<Effect>, String> {
    let input: BTreeMap<Value, Value> =
        [(Value::from("resource"), resource.clone()), (Value::from("parameters"), asked.parameters.clone())].into();
    let mut vm = RegoVM::new();
    vm.set_max_instructions(STEPS_MAX);
    vm.load_program(Rc::clone(program));
    vm.set_input(Value::from(input));
    vm.set_context(context.clone());
    if let Some(related) = related {
        vm.set_host_await_responses([(Value::from("azure.policy.existence_check"), vec![related])]);
    }
    let result = vm
        .execute_entry_point_by_name("main")
        .map_err(|e| format!("its rule could not be evaluated: {}", last_line(&e.to_string())))?;
    if result == Value::Undefined {
        return Ok(None);
    }
    let named = result.as_object().ok().and_then(|object| object.get(&Value::from("effect")));
    let word = named.and_then(|value| value.as_string().ok()).map(|word| Effect::read(word));
    match word {
        Some(Some(Effect::Disabled)) => Ok(None),
        Some(Some(effect)) => Ok(Some(effect)),
        _ => Err("its rule gave no effect that is known here".to_owned()),
    }
}
