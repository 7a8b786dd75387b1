//! What a mapping did with a message, step by step, for the workbench.

use super::{
    expression::{Expression, Language},
    fault::{Fault, Field},
    json::{Json, Position},
    mapping::{Normalised, Observer},
    measurement::Measurement,
    template::{DeviceTemplate, TemplateKind},
};
use serde::Serialize;
use std::{borrow::Cow, sync::Arc};

/// All that was done with a message.
#[derive(Debug, Clone, Serialize)]
pub struct Trace {
    /// Each template of the mapping, in order.
    pub templates: Vec<TemplateTrace>,
    /// What came of it.
    #[serde(skip)]
    pub normalised: Normalised,
}

/// What one template did.
#[derive(Debug, Clone, Serialize)]
pub struct TemplateTrace {
    /// Its type.
    pub type_name: Arc<str>,
    /// Its kind.
    pub kind: TemplateKind,
    /// Where it stands in the mapping.
    pub at: Position,
    /// What it matches, as written.
    pub type_match: Option<String>,
    /// Whether it was tried; not after a failure, if the mapping is run as upstream runs it.
    pub tried: bool,
    /// What it matched.
    pub matches: Vec<MatchTrace>,
    /// Why it failed before or between matches.
    pub fault: Option<Fault>,
}

/// What was made of one match.
#[derive(Debug, Clone, Serialize)]
pub struct MatchTrace {
    /// What was matched.
    pub token: Json,
    /// Each expression, in the order of evaluation.
    pub expressions: Vec<ExpressionTrace>,
    /// The measurement, if one was made.
    pub measurement: Option<Measurement>,
    /// The partition that upstream would send it to.
    pub partition: Option<u32>,
    /// Why none was made.
    pub fault: Option<Fault>,
}

/// What one expression found.
#[derive(Debug, Clone, Serialize)]
pub struct ExpressionTrace {
    /// What it is for.
    pub field: Field,
    /// Its text.
    pub expression: String,
    /// Its language.
    pub language: Language,
    /// Where it stands in the mapping.
    pub at: Position,
    /// What it found.
    pub found: Found,
}

/// What an expression found.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Found {
    /// Nothing.
    Nothing,
    /// This value; it may still be unusable.
    Value(Json),
    /// It could not be evaluated.
    Failed(String),
}

/// Writes the steps down.
pub(super) struct Tracer {
    templates: Vec<TemplateTrace>,
    current: usize,
}

impl Tracer {
    pub(super) fn new(templates: &[DeviceTemplate]) -> Self {
        let blank = |template: &DeviceTemplate| TemplateTrace {
            type_name: template.type_name.value.clone(),
            kind: template.kind,
            at: template.at,
            type_match: template.type_match.as_ref().map(|e| e.text.value.clone()),
            tried: false,
            matches: Vec::new(),
            fault: None,
        };
        Self { templates: templates.iter().map(blank).collect(), current: 0 }
    }

    pub(super) fn into_trace(self, normalised: Normalised) -> Trace {
        Trace { templates: self.templates, normalised }
    }

    fn template(&mut self) -> Option<&mut TemplateTrace> {
        self.templates.get_mut(self.current)
    }

    /// The last match, while nothing has been made of it.
    fn open_match(&mut self) -> Option<&mut MatchTrace> {
        self.template()?.matches.last_mut().filter(|m| m.measurement.is_none() && m.fault.is_none())
    }
}

impl Observer for Tracer {
    fn template(&mut self, index: usize) {
        self.current = index;
        if let Some(template) = self.templates.get_mut(index) {
            template.tried = true;
        }
    }

    fn matched(&mut self, token: &Json) {
        let token = token.clone();
        if let Some(template) = self.template() {
            let expressions = Vec::new();
            template.matches.push(MatchTrace { token, expressions, measurement: None, partition: None, fault: None });
        }
    }

    fn found(&mut self, field: &Field, expression: &Expression, found: &Result<Option<Cow<'_, Json>>, String>) {
        if let Some(open) = self.open_match() {
            open.expressions.push(ExpressionTrace {
                field: field.clone(),
                expression: expression.text.value.clone(),
                language: expression.language,
                at: expression.at,
                found: match found {
                    Ok(Some(value)) => Found::Value(value.as_ref().clone()),
                    Ok(None) => Found::Nothing,
                    Err(fault) => Found::Failed(fault.clone()),
                },
            });
        }
    }

    fn made(&mut self, measurement: &Measurement) {
        if let Some(open) = self.open_match() {
            open.partition = Some(measurement.partition());
            open.measurement = Some(measurement.clone());
        }
    }

    fn failed(&mut self, fault: &Fault) {
        match self.open_match() {
            Some(open) => open.fault = Some(fault.clone()),
            None => {
                if let Some(template) = self.template() {
                    template.fault = Some(fault.clone());
                }
            }
        }
    }
}
