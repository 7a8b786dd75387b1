//! From a mapping file to templates, with all that is wrong with it.

use super::{
    errors::LoadErrors,
    expression::{Expression, Language, Located},
    fields::{self, Fields},
    jmes::Arithmetic,
    json::{Json, Position},
    mapping::DeviceMapping,
    template::{DeviceTemplate, TemplateKind, ValueTemplate},
};

/// What a device mapping is called in its file.
const COLLECTION: &str = "CollectionContentTemplate";
/// Most templates of a mapping.
pub const TEMPLATES_MAX: usize = 1000;
/// Most values of a template.
pub const VALUES_MAX: usize = 1000;

/// What became of a mapping file: the templates that are right, and what is wrong with the others.
#[derive(Debug)]
pub struct Loaded {
    /// The templates that are right.
    pub mapping: DeviceMapping,
    /// All that is wrong.
    pub errors: LoadErrors,
}

impl Loaded {
    /// The mapping, if nothing is wrong with it.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn sound(self) -> Result<DeviceMapping, LoadErrors> {
        if self.errors.is_empty() { Ok(self.mapping) } else { Err(self.errors) }
    }
}

/// Reads a device mapping.
pub(super) fn load(text: &[u8], arithmetic: Arithmetic) -> Loaded {
    let mut errors = LoadErrors::default();
    let mut templates = Vec::new();
    match Json::read(text) {
        Err(error) => errors.add(error.into()),
        Ok(root) => {
            let containers = collection(&root, COLLECTION, &mut errors).unwrap_or_default();
            for container in containers.iter().take(TEMPLATES_MAX) {
                templates.extend(template(container, arithmetic, &mut errors));
            }
            if let Some(beyond) = containers.get(TEMPLATES_MAX) {
                errors.push(beyond.at, format!("More than {TEMPLATES_MAX} templates."));
            }
        }
    }
    Loaded { mapping: DeviceMapping::new(templates), errors }
}

/// The templates of a collection of this type.
pub(super) fn collection<'j>(root: &'j Json, target: &str, errors: &mut LoadErrors) -> Option<&'j [Json]> {
    let fields = Fields::lenient(root, target, errors)?;
    let named = fields.get("templateType").and_then(Json::as_text).unwrap_or_default();
    if !is_named(named, target) {
        errors.push(root.at, format!("Expected TemplateType value {target}, actual {named}."));
        return None;
    }
    let template = fields.get("template");
    let items = template.and_then(Json::as_array);
    if items.is_none() {
        let at = template.map_or(root.at, |json| json.at);
        errors.push(at, format!("Expected an array for the template property value for template type {target}."));
    }
    items
}

/// Names are compared in any case, with or without `Template` at the end.
pub(super) fn is_named(name: &str, target: &str) -> bool {
    let bare = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.strip_suffix("template").map_or(text.clone(), str::to_owned)
    };
    bare(name) == bare(target)
}

/// Reads one template with its type around it: `{"templateType": …, "template": {…}}`. `None` if anything is wrong with it.
pub(super) fn template(container: &Json, arithmetic: Arithmetic, errors: &mut LoadErrors) -> Option<DeviceTemplate> {
    let before = errors.count();
    let fields = Fields::lenient(container, "TemplateContainer", errors)?;
    let named = fields.get("templateType").and_then(Json::as_text).unwrap_or_default();
    let Some(kind) = TemplateKind::ALL.into_iter().find(|kind| is_named(named, kind.as_str())) else {
        errors.push(container.at, format!("No match found for template type '{named}'."));
        return None;
    };
    let Some(body) = fields.get("template").filter(|json| json.as_object().is_some()) else {
        let kind = kind.as_str();
        errors.push(
            container.at,
            format!("Expected an object for the template property value for template type {kind}."),
        );
        return None;
    };
    let read = Reader { kind, arithmetic, default: Language::default() }.template(body, errors);
    if errors.count() == before { read } else { None }
}

/// Members of a template, by upstream's names.
const MEMBERS: [&str; 8] = [
    "TypeName",
    "TypeMatchExpression",
    "DeviceIdExpression",
    "PatientIdExpression",
    "EncounterIdExpression",
    "TimestampExpression",
    "CorrelationIdExpression",
    "Values",
];
const DEFAULT_LANGUAGE: &str = "DefaultExpressionLanguage";
const VALUE_MEMBERS: [&str; 3] = ["ValueName", "ValueExpression", "Required"];

const IOT_DEVICE: &str = "$.SystemProperties.iothub-connection-device-id";
const IOT_TIMES: [&str; 2] = ["$.Properties.iothub-creation-time-utc", "$.SystemProperties.iothub-enqueuedtime"];
const CENTRAL_DEVICE: &str = "$.deviceId";
const CENTRAL_TIME: &str = "$.enqueuedTime";

struct Reader {
    kind: TemplateKind,
    arithmetic: Arithmetic,
    /// The language of expressions that name none.
    default: Language,
}

impl Reader {
    fn template(mut self, json: &Json, errors: &mut LoadErrors) -> Option<DeviceTemplate> {
        let mut known = MEMBERS.to_vec();
        if self.kind == TemplateKind::CalculatedContent {
            known.push(DEFAULT_LANGUAGE);
        }
        let fields = Fields::strict(json, self.kind.as_str(), &known, errors)?;
        if self.kind == TemplateKind::CalculatedContent
            && let Some(named) = fields.get(DEFAULT_LANGUAGE)
        {
            self.default = language(named, errors).unwrap_or_default();
        }
        let type_name = fields.required("TypeName", errors).and_then(|json| located_text("TypeName", json, errors));
        let type_match = fields
            .required("TypeMatchExpression", errors)
            .map(|json| self.expression("TypeMatchExpression", json, errors));
        let (device_id, timestamp) = if self.kind.implies_device_and_time() {
            self.implied(json.at, errors)
        } else {
            let mut must = |name| {
                let json = fields.required(name, errors)?;
                self.must_not_be_blank(name, json, errors);
                self.expression(name, json, errors)
            };
            let device_id = must("DeviceIdExpression");
            (device_id, must("TimestampExpression").into_iter().collect())
        };
        let mut optional = |name| fields.get(name).and_then(|json| self.expression(name, json, errors));
        let patient_id = optional("PatientIdExpression");
        let encounter_id = optional("EncounterIdExpression");
        let correlation_id = optional("CorrelationIdExpression");
        let values = fields.get("Values").map_or_else(Vec::new, |json| self.values(json, errors));
        let mut template = DeviceTemplate {
            kind: self.kind,
            at: json.at,
            type_name: type_name?,
            type_match: type_match?,
            device_id: device_id?,
            timestamp,
            patient_id,
            encounter_id,
            correlation_id,
            values,
            wants_envelope: false,
        };
        let speaks_of = |e: &Expression| ["Body", "Properties"].iter().any(|word| e.text.value.contains(word));
        let wants_envelope = template.expressions().any(speaks_of);
        template.wants_envelope = wants_envelope;
        Some(template)
    }

    fn implied(&self, at: Position, errors: &mut LoadErrors) -> (Option<Expression>, Vec<Expression>) {
        let (device, times) = match self.kind {
            TemplateKind::IotCentralJsonPathContent => (CENTRAL_DEVICE, vec![CENTRAL_TIME]),
            _ => (IOT_DEVICE, IOT_TIMES.to_vec()),
        };
        let mut read =
            |text: &str| self.read(at, Located { value: text.to_owned(), at }, Language::JsonPath, None, errors);
        let device = read(device);
        (device, times.into_iter().filter_map(read).collect())
    }

    /// An expression: a text, or in a calculated template also an object. A blank one is none; a calculated template must
    /// not have any.
    fn expression(&self, name: &str, json: &Json, errors: &mut LoadErrors) -> Option<Expression> {
        let calculated = self.kind == TemplateKind::CalculatedContent;
        let (text, language_json) = match json.as_object() {
            Some(_) if calculated => {
                let fields = Fields::lenient(json, "TemplateExpression", errors)?;
                (fields.required("Value", errors)?, fields.get("Language"))
            }
            _ => (json, None),
        };
        let text = Located { value: fields::text(name, text, errors)?, at: text.at };
        if text.value.trim().is_empty() {
            if calculated {
                errors.push(text.at, must_be_set(name));
            }
            return None;
        }
        let language = match language_json {
            Some(named) => language(named, errors)?,
            None => self.default,
        };
        self.read(json.at, text, language, language_json.map(|json| json.at), errors)
    }

    /// Upstream finds a blank expression of the older templates only with the first message.
    fn must_not_be_blank(&self, name: &str, json: &Json, errors: &mut LoadErrors) {
        let blank = json.as_text().is_some_and(|text| text.trim().is_empty());
        if blank && self.kind != TemplateKind::CalculatedContent {
            errors.push(json.at, must_be_set(name));
        }
    }

    fn read(
        &self,
        at: Position,
        text: Located<String>,
        language: Language,
        language_at: Option<Position>,
        errors: &mut LoadErrors,
    ) -> Option<Expression> {
        let text_at = text.at;
        let shown = text.value.clone();
        match Expression::located(at, text, language, self.arithmetic) {
            Ok(expression) => Some(expression.named_at(language_at)),
            Err(error) => {
                let language = language.as_str();
                errors.push(
                    text_at,
                    format!("The following {language} expression could not be parsed: {shown}. Cause: {error}"),
                );
                None
            }
        }
    }

    fn values(&self, json: &Json, errors: &mut LoadErrors) -> Vec<ValueTemplate> {
        let Some(items) = json.as_array() else {
            errors.push(json.at, format!("Expected an array for 'Values', not {}.", json.kind()));
            return Vec::new();
        };
        if let Some(beyond) = items.get(VALUES_MAX) {
            errors.push(beyond.at, format!("More than {VALUES_MAX} values."));
        }
        items.iter().take(VALUES_MAX).filter_map(|item| self.value(item, errors)).collect()
    }

    fn value(&self, json: &Json, errors: &mut LoadErrors) -> Option<ValueTemplate> {
        let fields = Fields::strict(json, "ValueExpression", &VALUE_MEMBERS, errors)?;
        let name = fields.required("ValueName", errors).and_then(|json| located_text("ValueName", json, errors));
        let expression = fields.required("ValueExpression", errors).and_then(|json| {
            self.must_not_be_blank("ValueExpression", json, errors);
            self.expression("ValueExpression", json, errors)
        });
        let required = fields.get("Required");
        Some(ValueTemplate {
            at: json.at,
            name: name?,
            expression: expression?,
            required: required.and_then(|json| fields::flag("Required", json, errors)).unwrap_or(false),
            required_at: required.map(|json| json.at),
        })
    }
}

fn must_be_set(name: &str) -> String {
    format!("An expression must be set for [{name}].")
}

fn located_text(name: &str, json: &Json, errors: &mut LoadErrors) -> Option<Located<std::sync::Arc<str>>> {
    fields::text(name, json, errors).map(|text| Located { value: text.into(), at: json.at })
}

fn language(json: &Json, errors: &mut LoadErrors) -> Option<Language> {
    let named = json.as_text().and_then(Language::named);
    if named.is_none() {
        errors.push(json.at, format!("{json} is not a language of expressions; JsonPath and JmesPath are."));
    }
    named
}
