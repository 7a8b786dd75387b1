//! The stages of the cases, and what they share.

mod compare;
mod expressions;
mod fhir_load;
mod fhir_observation;
mod fhir_value;
mod grouping;
mod identity;
mod loading;
mod measurements;
mod normalising;
mod sampled;
mod saving;
mod validate;

use std::path::Path;
use wardwatch::ingest::medtech::{Json, JsonValue};

/// Runs one case; why it fails.
pub(crate) type Stage = fn(&Case) -> Result<(), String>;

/// Each stage with its function.
pub(crate) const STAGES: &[(&str, Stage)] = &[
    ("expression", expressions::expression),
    ("fhir-observation", |case| fhir_observation::observation(&case.json)),
    ("fhir-value", |case| fhir_value::value(&case.json)),
    ("group", |case| grouping::group(&case.json)),
    ("group-batch", |case| grouping::batch(&case.json)),
    ("group-id", |case| grouping::id(&case.json)),
    ("identity", |case| identity::identity(&case.json)),
    ("jmespath-function", expressions::function),
    ("load-device-mapping", loading::mapping),
    ("load-fhir-mapping", |case| fhir_load::mapping(&case.json)),
    ("load-fhir-template", |case| fhir_load::template(&case.json)),
    ("load-template", loading::template),
    ("lookup-fhir-template", |case| fhir_load::lookup(&case.json)),
    ("normalize", normalising::normalise),
    ("observation-identifier", |case| identity::observation_identity(&case.json)),
    ("partition-hash", measurements::partition_hash),
    ("sampled-data-build", |case| sampled::build(&case.json)),
    ("sampled-data-merge", |case| sampled::merge(&case.json)),
    ("sampled-data-parse", |case| sampled::parse(&case.json)),
    ("save", |case| saving::saving(&case.json)),
    ("validate-mappings", |case| validate::validate(&case.json)),
    ("wire-format", measurements::wire_format),
];

/// Cases that wardwatch fails on purpose, each with the reason.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[];

/// One case. It is read with the order of its members, since places in a template count.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) stage: String,
    json: Json,
}

impl Case {
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read(path).unwrap();
        let json = Json::read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let word = |name: &str| json.get(name).and_then(Json::as_text).unwrap_or_default().to_owned();
        Self { name: word("name"), stage: word("stage"), json }
    }

    /// A part of the case; `null` if it is not there.
    pub(crate) fn part(&self, name: &str) -> &Json {
        part(&self.json, name)
    }

    pub(crate) fn expected(&self) -> &Json {
        self.part("expected")
    }

    /// The template as a file: as it was written, or printed with two spaces.
    pub(crate) fn template_text(&self) -> String {
        let written = [self.part("template_text"), self.part("template")].into_iter().find_map(Json::as_text);
        written.map_or_else(|| serde_json::to_string_pretty(self.part("template")).unwrap(), str::to_owned)
    }
}

const NOTHING: &Json =
    &Json { at: wardwatch::ingest::medtech::Position { line: 0, column: 0 }, value: JsonValue::Null };

/// A member; `null` if it is not there.
pub(crate) fn part<'a>(json: &'a Json, name: &str) -> &'a Json {
    json.get(name).unwrap_or(NOTHING)
}

/// The names of an object's members, for which each stage must have an answer.
pub(crate) fn names(json: &Json) -> impl Iterator<Item = &str> {
    json.as_object().unwrap_or_default().iter().map(|member| member.name.as_str())
}

pub(crate) fn items(json: &Json) -> &[Json] {
    json.as_array().unwrap_or_default()
}

/// A number, which in a case may also be infinite or none.
pub(crate) fn number(json: &Json) -> Option<f64> {
    match json.value {
        JsonValue::Float(x) => Some(x),
        _ => json.to_value().as_f64(),
    }
}

pub(crate) fn index(json: &Json) -> usize {
    match json.value {
        JsonValue::Integer(n) => usize::try_from(n).unwrap(),
        _ => panic!("{json} is not a count"),
    }
}

/// Fails with both sides unless they are equal.
#[expect(clippy::needless_pass_by_value, reason = "it reads like an assertion; both sides are often made for it")]
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, wanted: T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what}: found {found:?}, wanted {wanted:?}")) }
}

pub(crate) fn not_understood(name: &str) -> String {
    format!("expectation {name:?} is not understood")
}
