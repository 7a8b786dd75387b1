//! What came of a message, for people and for programs.

use super::{super::printable, Outcome, Tried};
use crate::{
    cli::mapping::LINE_COLUMNS,
    domain::text::clean,
    fhir::{Observation, ObservationValue},
    ingest::medtech::{
        Fault, Found, Json, MatchTrace, Measurement, TemplateTrace, identity::ResourceKind, transform::save::Saved,
        workbench::Observed,
    },
};
use serde::Serialize;
use std::io::{self, Write};

/// Writes the steps of a message.
pub(in crate::cli::mapping) fn write(out: &mut impl Write, tried: &Tried) -> io::Result<()> {
    writeln!(out, "{}", clean(&tried.file))?;
    match &tried.outcome {
        Err(fault) => writeln!(out, "  {}", printable(fault, 4)),
        Ok(Outcome { trace, observed }) => {
            for (template, number) in trace.templates.iter().zip(1..) {
                write_template(out, template, number)?;
            }
            if trace.normalised.measurements.is_empty() && trace.normalised.faults.is_empty() {
                writeln!(out, "  no template matches: nothing comes of the message")?;
            }
            observed.iter().try_for_each(|observed| write_observed(out, observed))
        }
    }
}

/// Writes how it went.
pub(super) fn write_summary(out: &mut impl Write, tried: &[Tried], faults: &[(String, usize)]) -> io::Result<()> {
    let outcomes = || tried.iter().filter_map(|t| t.outcome.as_ref().ok());
    let measurements: usize = outcomes().map(|o| o.trace.normalised.measurements.len()).sum();
    let made = outcomes().flat_map(|o| &o.observed).filter(|o| o.fault.is_none()).count();
    let count = tried.len();
    let lost: usize = outcomes().flat_map(|o| &o.observed).map(|o| o.lost.len()).sum();
    let told = if lost == 0 { String::new() } else { format!(", values lost {lost}") };
    writeln!(out, "messages {count}, measurements {measurements}, Observations {made}{told}")?;
    for (fault, count) in faults {
        writeln!(out, "{}", printable(&format!("{count} × {fault}"), 4))?;
    }
    Ok(())
}

fn write_template(out: &mut impl Write, template: &TemplateTrace, number: usize) -> io::Result<()> {
    let kind = template.kind.as_str();
    let type_match = template.type_match.as_deref().unwrap_or("nothing");
    let matched = match (template.tried, template.matches.len()) {
        (false, _) => "not tried: an earlier template failed".to_owned(),
        (true, 0) => format!("no match of {type_match}"),
        (true, 1) => format!("1 match of {type_match}"),
        (true, several) => format!("{several} matches of {type_match}"),
    };
    let head = format!("template {number} {} ({kind}, line {}): {matched}", template.type_name, template.at.line);
    writeln!(out, "  {}", printable(&head, 4))?;
    template.matches.iter().try_for_each(|one| write_match(out, one))?;
    match &template.fault {
        Some(fault) => writeln!(out, "    failed: {}", printable(&fault.kind.to_string(), 6)),
        None => Ok(()),
    }
}

fn write_match(out: &mut impl Write, one: &MatchTrace) -> io::Result<()> {
    writeln!(out, "    {}", short(&one.token))?;
    for step in &one.expressions {
        let found = match &step.found {
            Found::Nothing => "nothing".to_owned(),
            Found::Value(value) => short(value),
            Found::Failed(why) => format!("failed: {}", clean(why)),
        };
        let field = clean(&step.field.to_string());
        writeln!(out, "      {field:<24} {} = {found}", clean(&step.expression))?;
    }
    if let Some(measurement) = &one.measurement {
        writeln!(out, "    measurement: {}", printable(&measured(measurement), 6))?;
    }
    match &one.fault {
        Some(fault) => writeln!(out, "    no measurement: {}", printable(&fault.kind.to_string(), 6)),
        None => Ok(()),
    }
}

fn measured(measurement: &Measurement) -> String {
    let mut text =
        format!("{} {} device {}", measurement.type_name, measurement.occurred_at.to_rfc3339(), measurement.device_id);
    let ids = [
        ("patient", &measurement.patient_id),
        ("encounter", &measurement.encounter_id),
        ("correlation", &measurement.correlation_id),
    ];
    for (name, id) in ids {
        if let Some(id) = id {
            text = format!("{text} {name} {id}");
        }
    }
    let values: Vec<String> = measurement.properties.iter().map(|p| format!("{}={}", p.name, p.value)).collect();
    format!("{text}: {}", values.join(" "))
}

fn write_observed(out: &mut impl Write, observed: &Observed) -> io::Result<()> {
    let type_name = clean(&observed.type_name);
    if let Some(observation) = &observed.observation {
        let saved = observed.saved.map_or("not kept", |saved| saved.as_str());
        let (start, end) = (observation.effective.start, observation.effective.end);
        let time = if start == end { start.to_string() } else { format!("{start} to {end}") };
        let subject = observation.subject.as_ref().map_or("", |s| s.reference.as_str());
        writeln!(out, "  {}", printable(&format!("Observation {type_name}, {saved}: {time} {subject}"), 4))?;
        write_values(out, observation)?;
    }
    for value in &observed.lost {
        let text = format!("lost: {value}: no FHIR template of {type_name} has a value of this name");
        writeln!(out, "    {}", printable(&text, 6))?;
    }
    match &observed.fault {
        Some(fault) => {
            let what = if observed.observation.is_some() { "not kept" } else { "no Observation" };
            let text = format!("{what} of {type_name}: {fault} ({})", fault.name());
            writeln!(out, "  {}", printable(&text, 4))
        }
        None => Ok(()),
    }
}

fn write_values(out: &mut impl Write, observation: &Observation) -> io::Result<()> {
    let own = observation.value.iter().map(|value| ("value", value));
    let components = observation.component.iter();
    let components = components.filter_map(|c| Some((c.code.text.as_deref().unwrap_or("?"), c.value.as_ref()?)));
    for (name, value) in own.chain(components) {
        writeln!(out, "    {}", printable(&format!("{name}: {}", value_text(value)), 6))?;
    }
    if observation.value.is_none() && observation.component.iter().all(|c| c.value.is_none()) {
        writeln!(out, "    without a value")?;
    }
    Ok(())
}

fn value_text(value: &ObservationValue) -> String {
    match value {
        ObservationValue::Quantity(q) => format!("{} {}", q.value, q.unit.as_deref().unwrap_or_default()),
        ObservationValue::String(text) => format!("{text:?}"),
        ObservationValue::CodeableConcept(concept) => concept.text.clone().unwrap_or_default(),
        ObservationValue::SampledData(stream) => {
            let values: Vec<&str> = stream.data.split(' ').filter(|v| *v != "E").collect();
            let all = stream.data.split(' ').count();
            let unit = stream.origin.unit.as_deref().unwrap_or_default();
            let shown = cut(&values.join(" "));
            format!("{} of {all} times have a value, one each {} ms, in {unit}: {shown}", values.len(), stream.period)
        }
    }
}

/// A value on one line.
fn short(value: &Json) -> String {
    cut(&clean(&value.to_string()))
}

fn cut(text: &str) -> String {
    const ROOM: usize = LINE_COLUMNS - 30;
    if text.chars().count() <= ROOM {
        return text.to_owned();
    }
    let head: String = text.chars().take(ROOM - 1).collect();
    format!("{head}…")
}

/// A message for programs. Numbers keep their digits, so nothing of it passes through binary numbers.
#[derive(Serialize)]
pub(super) struct MessageJson<'a> {
    file: &'a str,
    error: Option<&'a str>,
    templates: &'a [TemplateTrace],
    measurements: &'a [Measurement],
    faults: &'a [Fault],
    observations: Vec<ObservedJson<'a>>,
}

#[derive(Serialize)]
struct ObservedJson<'a> {
    r#type: &'a str,
    device: &'a str,
    observation: Option<&'a Observation>,
    saved: Option<&'static str>,
    fault: Option<FaultJson>,
    /// Values that no template of the type has a place for, as `name=value`.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    lost: &'a [String],
}

#[derive(Serialize)]
struct FaultJson {
    name: &'static str,
    resource: Option<&'static str>,
    text: String,
}

impl<'a> From<&'a Tried> for MessageJson<'a> {
    fn from(tried: &'a Tried) -> Self {
        let blank = Self {
            file: &tried.file,
            error: None,
            templates: &[],
            measurements: &[],
            faults: &[],
            observations: Vec::new(),
        };
        match &tried.outcome {
            Err(fault) => Self { error: Some(fault), ..blank },
            Ok(Outcome { trace, observed }) => Self {
                templates: &trace.templates,
                measurements: &trace.normalised.measurements,
                faults: &trace.normalised.faults,
                observations: observed.iter().map(ObservedJson::from).collect(),
                ..blank
            },
        }
    }
}

impl<'a> From<&'a Observed> for ObservedJson<'a> {
    fn from(observed: &'a Observed) -> Self {
        Self {
            r#type: &observed.type_name,
            device: &observed.device,
            observation: observed.observation.as_ref(),
            saved: observed.saved.map(Saved::as_str),
            fault: observed.fault.as_ref().map(|f| FaultJson {
                name: f.name(),
                resource: f.resource().map(ResourceKind::as_str),
                text: f.to_string(),
            }),
            lost: &observed.lost,
        }
    }
}
