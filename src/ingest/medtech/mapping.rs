//! A device mapping and what it makes of a message.

use super::{
    errors::LoadErrors,
    expression::Expression,
    extract::Extract,
    fault::{Fault, FaultKind, Field},
    jmes::Arithmetic,
    json::{Json, JsonValue, Member, Position},
    load::{self, Loaded},
    measurement::Measurement,
    template::{DeviceTemplate, MATCHED_TOKEN, TemplateKind},
    trace::{Trace, Tracer},
};
use std::borrow::Cow;

/// Most measurements of one message.
pub const MEASUREMENTS_MAX: usize = 10_000;
/// The members of the envelope in which an event hub hands messages on.
const ENVELOPE: [&str; 3] = ["Body", "Properties", "SystemProperties"];

/// How far upstream's weaknesses are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compat {
    /// As upstream: after a failure, nothing more is made of the message.
    Medtech,
    /// A failure costs only the measurement that it concerns.
    #[default]
    Safe,
}

/// The templates of a mapping.
#[derive(Debug, Clone)]
pub struct DeviceMapping {
    templates: Vec<DeviceTemplate>,
}

/// What became of a message. Neither measurements nor faults: no template matched it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Normalised {
    /// The measurements, in the order of the templates and then of the message.
    pub measurements: Vec<Measurement>,
    /// What failed.
    pub faults: Vec<Fault>,
}

impl DeviceMapping {
    /// Reads a mapping file. The templates that are right are usable even if others are wrong.
    #[must_use]
    pub fn load(text: &[u8], arithmetic: Arithmetic) -> Loaded {
        load::load(text, arithmetic)
    }

    /// Reads one template with its type around it: `{"templateType": …, "template": {…}}`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load_template(container: &Json, arithmetic: Arithmetic) -> Result<DeviceTemplate, LoadErrors> {
        let mut errors = LoadErrors::default();
        load::template(container, arithmetic, &mut errors).ok_or(errors)
    }

    pub(super) const fn new(templates: Vec<DeviceTemplate>) -> Self {
        Self { templates }
    }

    /// Its templates.
    #[must_use]
    pub fn templates(&self) -> &[DeviceTemplate] {
        &self.templates
    }

    /// Makes measurements of a message. It comes bare or in an event hub's envelope (`Body`, `Properties`,
    /// `SystemProperties`); a bare one is put into an envelope for templates that speak of one.
    #[must_use]
    pub fn normalise(&self, message: &Json, compat: Compat) -> Normalised {
        self.run(message, compat, &mut ())
    }

    /// The same, and tells each step.
    #[must_use]
    pub fn trace(&self, message: &Json, compat: Compat) -> Trace {
        let mut tracer = Tracer::new(&self.templates);
        let normalised = self.run(message, compat, &mut tracer);
        tracer.into_trace(normalised)
    }

    fn run<O: Observer>(&self, message: &Json, compat: Compat, observer: &mut O) -> Normalised {
        let bare = !ENVELOPE.iter().any(|name| message.get(name).is_some());
        let is_object = message.as_object().is_some();
        let wraps = |template: &DeviceTemplate| bare && (template.wants_envelope || !is_object);
        let wrapped = self.templates.iter().any(wraps).then(|| envelope_of(message));
        let mut roots = [Root::new(message), Root::new(wrapped.as_ref().unwrap_or(message))];
        let mut outcome = Normalised::default();
        for (index, template) in self.templates.iter().enumerate() {
            let [plain, enveloped] = &mut roots;
            let root = if wraps(template) { enveloped } else { plain };
            observer.template(index);
            let before = outcome.faults.len();
            template.make(root, index, compat, observer, &mut outcome);
            if compat == Compat::Medtech && outcome.faults.len() > before {
                break;
            }
        }
        outcome
    }
}

/// Hears of each step.
pub(super) trait Observer {
    /// This template is tried.
    fn template(&mut self, _index: usize) {}
    /// It matched this.
    fn matched(&mut self, _token: &Json) {}
    /// An expression was evaluated.
    fn found(&mut self, _field: &Field, _expression: &Expression, _found: &Result<Option<Cow<'_, Json>>, String>) {}
    /// A measurement was made of the last match.
    fn made(&mut self, _measurement: &Measurement) {}
    /// It failed, on the last match if there is one without a measurement.
    fn failed(&mut self, _fault: &Fault) {}
}

/// Nobody listens.
impl Observer for () {}

/// A message as templates see it.
struct Root<'m> {
    message: &'m Json,
    /// A copy to which what was matched is added.
    with_match: Option<Json>,
}

impl<'m> Root<'m> {
    const fn new(message: &'m Json) -> Self {
        Self { message, with_match: None }
    }

    /// The whole message with what was matched.
    fn with_match(&mut self, token: Json) -> &Json {
        let root = self.with_match.get_or_insert_with(|| {
            let mut copy = self.message.clone();
            if let JsonValue::Object(members) = &mut copy.value {
                let value = Json::of(JsonValue::Null);
                members.push(Member { name: MATCHED_TOKEN.to_owned(), at: Position::default(), value });
            }
            copy
        });
        if let JsonValue::Object(members) = &mut root.value
            && let Some(last) = members.last_mut()
        {
            last.value = token;
        }
        root
    }
}

fn envelope_of(message: &Json) -> Json {
    let member = |name: &str, value| Member { name: name.to_owned(), at: Position::default(), value };
    let none = || Json::of(JsonValue::Object(Vec::new()));
    let [body, properties, system] = ENVELOPE;
    Json::of(JsonValue::Object(vec![member(body, message.clone()), member(properties, none()), member(system, none())]))
}

impl DeviceTemplate {
    fn make<O: Observer>(
        &self,
        root: &mut Root<'_>,
        index: usize,
        compat: Compat,
        observer: &mut O,
        outcome: &mut Normalised,
    ) {
        let fail = |kind, observer: &mut O, outcome: &mut Normalised| {
            let fault = Fault { template: index, type_name: self.type_name.value.clone(), at: self.at, kind };
            observer.failed(&fault);
            outcome.faults.push(fault);
        };
        let message = root.message;
        let tokens = match self.matches(message, observer) {
            Ok(tokens) => tokens,
            Err(kind) => return fail(kind, observer, outcome),
        };
        for token in tokens {
            if outcome.measurements.len() >= MEASUREMENTS_MAX {
                return fail(FaultKind::TooMany(MEASUREMENTS_MAX), observer, outcome);
            }
            observer.matched(&token);
            let made = if self.kind == TemplateKind::CalculatedContent {
                let root = root.with_match(token.into_owned());
                Extract { template: self, root, observer }.measurement()
            } else {
                Extract { template: self, root: &token, observer }.measurement()
            };
            match made {
                Ok(measurement) => {
                    observer.made(&measurement);
                    outcome.measurements.push(measurement);
                }
                Err(kind) => {
                    fail(kind, observer, outcome);
                    if compat == Compat::Medtech {
                        return;
                    }
                }
            }
        }
    }

    fn matches<'m, O: Observer>(&self, message: &'m Json, observer: &mut O) -> Result<Vec<Cow<'m, Json>>, FaultKind> {
        let Some(expression) = &self.type_match else {
            return Err(FaultKind::NotSet(Field::TypeMatch));
        };
        if self.kind == TemplateKind::CalculatedContent && message.get(MATCHED_TOKEN).is_some() {
            return Err(FaultKind::MatchedToken);
        }
        expression.select_many(message).map_err(|fault| {
            observer.found(&Field::TypeMatch, expression, &Err(fault.to_string()));
            FaultKind::Expression { field: Field::TypeMatch, expression: expression.text.value.clone(), fault }
        })
    }
}

#[cfg(test)]
mod tests;
