//! Judging resources by all that is assigned.

use super::{
    ask::{Asked, Place, ask, reference_values},
    assignment::Assignment,
    definition::{Definition, Ready},
    effect::Effect,
    initiative::Initiative,
    report::{Compliance, Count, ExemptionSeen, Finding, InitiativeReport, Reason, Report},
    resource::Resource,
    run::Runner,
    scope::Scope,
    set::{BUILT_IN, PolicySet},
};
use crate::domain::{Millis, Timestamp};
use regorus::{Value, languages::azure_policy::aliases::normalizer};
use std::collections::BTreeMap;

/// Most findings of a report; further ones are counted and not shown.
pub const FINDINGS_MAX: usize = 10_000;
/// Most related resources that are tried for one resource; if none of them is as wanted, it is not evaluated.
const RELATED_MAX: usize = 1_000;

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

/// One look at all resources by all that is assigned.
struct Look<'a> {
    set: &'a PolicySet,
    seen: Vec<Seen<'a>>,
    now: Timestamp,
    wanted: &'a Wanted,
    runner: Runner<'a>,
    findings: Vec<Finding>,
}

impl PolicySet {
    /// Judges resources at a time. A look takes [`LOOK_MAX`](super::LOOK_MAX) at most: what it does not reach is not evaluated. `spent` says
    /// how long this one has taken.
    #[must_use]
    pub fn evaluate_within(
        &self,
        inventory: &[Resource],
        now: Timestamp,
        wanted: &Wanted,
        spent: &dyn Fn() -> Millis,
    ) -> Report {
        let runner = Runner::new(now, spent);
        let seen = |resource| {
            let raw = Value::from(Resource::to_json(resource));
            Seen { resource, value: normalizer::normalize(&raw, Some(&self.registry), None) }
        };
        let seen = inventory.iter().map(seen).collect();
        let mut look = Look { set: self, seen, now, wanted, runner, findings: Vec::new() };
        self.in_order().for_each(|assignment| look.assigned(assignment));
        let Look { mut findings, runner, .. } = look;
        findings.sort_by(|a, b| key(a).cmp(&key(b)));
        let initiatives = self.initiatives(&findings);
        let summary = Count::of(findings.iter());
        let mut notes = self.idle(now);
        if let Err(why) = runner.in_time() {
            notes.push(format!(
                "the look came to its end before all was judged: what says so was not evaluated ({why})"
            ));
        }
        if findings.len() > FINDINGS_MAX {
            notes.push(format!("{} findings are not shown, but counted", findings.len() - FINDINGS_MAX));
            findings.truncate(FINDINGS_MAX);
        }
        Report { at: now, looked_at: None, scope: wanted.scope.clone(), summary, initiatives, findings, notes }
    }

    /// The same, for tests: no time passes.
    #[cfg(test)]
    pub(crate) fn evaluate(&self, inventory: &[Resource], now: Timestamp, wanted: &Wanted) -> Report {
        self.evaluate_within(inventory, now, wanted, &|| Millis::ZERO)
    }

    /// The assignments as they are judged: no file of the site takes the time of what is built in.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Assignment> {
        let is_own = |assignment: &&Assignment| !assignment.file.starts_with(BUILT_IN);
        let built_in = self.assignments.values().filter(move |assignment| !is_own(assignment));
        built_in.chain(self.assignments.values().filter(is_own))
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
}

impl<'a> Look<'a> {
    /// Judges by one assignment.
    fn assigned(&mut self, assignment: &'a Assignment) {
        let initiative = self.set.initiatives.get(&assignment.of.to_lowercase());
        if let Some(name) = &self.wanted.initiative
            && !initiative.is_some_and(|i| i.name.eq_ignore_ascii_case(name))
        {
            return;
        }
        let named = initiative.map(|i| i.name.as_str());
        let Some(initiative) = initiative else {
            let place = Place { assignment, initiative: None, reference: &assignment.of, name: &assignment.of };
            self.referred(&place, Ok(assignment.parameters.clone()));
            return;
        };
        for reference in &initiative.references {
            let (id, name) = (reference.id.as_str(), reference.definition.as_str());
            let place = Place { assignment, initiative: named, reference: id, name };
            self.referred(&place, reference_values(initiative, assignment, &reference.parameters));
        }
    }

    /// Judges by one definition of an assignment.
    fn referred(&mut self, place: &Place<'a>, values: Result<BTreeMap<String, serde_json::Value>, String>) {
        let Some(definition) = self.set.definitions.get(&place.name.to_lowercase()) else {
            let why = "its definition is not here: put the file into the folder of policies".to_owned();
            self.findings.push(place.whole(Compliance::NotEvaluated, None, place.name, why));
            return;
        };
        let title = &definition.title;
        let asked = match values.and_then(|values| ask(place, definition, &values)) {
            Err(why) => {
                self.findings.push(place.whole(Compliance::NotEvaluated, None, title, why));
                return;
            }
            Ok(asked) if asked.effect == Some(Effect::Disabled) => {
                self.findings.push(place.whole(Compliance::Disabled, asked.effect, title, String::new()));
                return;
            }
            Ok(asked) => asked,
        };
        let before = self.findings.len();
        let ready = definition.ready.as_ref().map_err(Clone::clone);
        let why = match ready.and_then(|ready| self.judge(&asked, ready)) {
            Err(why) => why,
            Ok(()) if self.findings.len() == before => nothing_of(definition, self.wanted),
            Ok(()) => return,
        };
        self.findings.push(place.whole(Compliance::NotEvaluated, asked.effect, title, why));
    }

    fn judge(&mut self, asked: &Asked<'a>, ready: &Ready) -> Result<(), String> {
        let mut by_type: BTreeMap<&str, bool> = BTreeMap::new();
        for one in &self.seen {
            let resource = one.resource;
            self.runner.in_time()?;
            if !asked.place.assignment.covers(resource) || !self.wanted.scope.covers(&resource.id()) {
                continue;
            }
            if !asked.definition.may_be_about(&resource.kind) {
                continue;
            }
            let unknown = unknown_of(asked.definition, resource);
            let run = |program| self.runner.run(program, &one.value, &asked.parameters, None);
            // A condition that asks for what is not known cannot say whether the resource is meant: then its type, name and kind do.
            let meant = match (&ready.applies, by_type.get(resource.kind.as_str())) {
                _ if asked.definition.related.is_some() && unknown.is_none() => run(&ready.condition)?.is_some(),
                (Some(_), Some(known)) if ready.by_type => *known,
                (Some(applies), _) => {
                    let meant = run(applies)?.is_some();
                    by_type.insert(&resource.kind, meant);
                    meant
                }
                (None, _) => true,
            };
            if !meant {
                continue;
            }
            let judged = self.judged(asked, ready, one, unknown).unwrap_or_else(Judged::Unknown);
            let finding = self.finding(asked, resource, judged);
            self.findings.push(finding);
        }
        Ok(())
    }

    /// Judges one resource that is meant.
    fn judged(
        &self,
        asked: &Asked<'_>,
        ready: &Ready,
        one: &Seen<'_>,
        unknown: Option<String>,
    ) -> Result<Judged, String> {
        let run = |program| self.runner.run(program, &one.value, &asked.parameters, None);
        // The language gives nothing where an effect comes to `disabled`, as where nothing is wrong.
        if let Some(disabled) = ready.disabled.as_ref().filter(|_| !asked.is_overridden)
            && run(disabled)?.is_some()
        {
            return Ok(Judged::Disabled);
        }
        if let Some(why) = unknown {
            return Ok(Judged::Unknown(why));
        }
        if asked.definition.related.is_some() {
            return self.related_judged(asked, ready, one);
        }
        // What an assignment says in the place of the rule holds also where the rule's own effect would be disabled.
        let program = if ready.disabled.is_some() && asked.is_overridden { &ready.condition } else { &ready.rule };
        Ok(run(program)?.map_or(Judged::Met, Judged::Not))
    }

    fn finding(&self, asked: &Asked<'_>, resource: &Resource, judged: Judged) -> Finding {
        let mut finding = Finding {
            policy: asked.definition.name.clone(),
            resource: Some(resource.id()),
            reasons: reasons(asked.definition, resource),
            ..asked.place.whole(Compliance::Compliant, asked.effect, &asked.definition.title, String::new())
        };
        match judged {
            Judged::Met => {}
            Judged::Disabled => {
                finding.state = Compliance::Disabled;
                finding.effect = Some(Effect::Disabled);
            }
            Judged::Unknown(why) => {
                finding.state = Compliance::NotEvaluated;
                finding.message = why;
            }
            Judged::Not(effect) => {
                finding.effect = asked.effect.or(Some(effect));
                finding.missing = asked.definition.related.as_ref().map(|related| related.kind.clone());
                self.not_met(asked, resource, &mut finding);
            }
        }
        finding
    }

    fn not_met(&self, asked: &Asked<'_>, resource: &Resource, finding: &mut Finding) {
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
        let exemptions = self.set.exemptions.values();
        let exemptions = exemptions.filter(|e| e.is_for(&asked.place.assignment.name, asked.place.reference, resource));
        let Some(exemption) = exemptions.max_by_key(|e| e.expires_on) else { return };
        let expired = !exemption.holds(self.now);
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

    /// Judges by what belongs to a resource: one that is as the definition wants is enough.
    fn related_judged(&self, asked: &Asked<'_>, ready: &Ready, one: &Seen<'_>) -> Result<Judged, String> {
        let Some(related) = &asked.definition.related else { return Ok(Judged::Met) };
        if related.kind.starts_with('[') || related.name.as_ref().is_some_and(|name| name.starts_with('[')) {
            return Err("what it looks for is named by an expression, which is not evaluated here".to_owned());
        }
        let within = format!("{}/", one.resource.name).to_lowercase();
        let below = related.kind.to_lowercase().starts_with(&format!("{}/", one.resource.kind.to_lowercase()));
        let candidates = self.seen.iter().filter(|other| {
            other.resource.kind.eq_ignore_ascii_case(&related.kind)
                && other.resource.location == one.resource.location
                && (!below || other.resource.name.to_lowercase().starts_with(&within))
                && related.name.as_ref().is_none_or(|name| other.resource.name.eq_ignore_ascii_case(name))
        });
        let run = |related| self.runner.run(&ready.rule, &one.value, &asked.parameters, Some(related));
        let mut unknown = None;
        let mut worst = None;
        for (tried, candidate) in candidates.enumerate() {
            if tried == RELATED_MAX {
                unknown = Some(format!("more than {RELATED_MAX} resources belong to it: no more are tried"));
                break;
            }
            if let Some(why) = unknown_of(asked.definition, candidate.resource) {
                unknown = Some(why);
                continue;
            }
            match run(candidate.value.clone())? {
                None => return Ok(Judged::Met),
                effect => worst = effect,
            }
        }
        if let Some(why) = unknown {
            return Ok(Judged::Unknown(why));
        }
        match worst {
            Some(effect) => Ok(Judged::Not(effect)),
            None => Ok(run(Value::Null)?.map_or(Judged::Met, Judged::Not)),
        }
    }
}

/// How a resource stands to a rule.
enum Judged {
    Met,
    /// The effect comes to that for it.
    Disabled,
    Not(Effect),
    Unknown(String),
}

/// The order of findings: the worst first; of those the denying ones.
fn key(finding: &Finding) -> (Compliance, bool, &str, &Option<String>) {
    (finding.state, finding.effect != Some(Effect::Deny), &finding.policy, &finding.resource)
}

fn nothing_of(definition: &Definition, wanted: &Wanted) -> String {
    let place = if wanted.scope == Scope::Site { "here".to_owned() } else { format!("in {}", wanted.scope) };
    let about = definition.about_types.iter().map(|kind| (*kind).to_owned());
    let types: Vec<String> = definition.types.iter().cloned().chain(about).collect();
    match types.as_slice() {
        [] => format!("there is nothing {place} that it is about"),
        types => format!("there is nothing {place} of type {}", types.join(", ")),
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
