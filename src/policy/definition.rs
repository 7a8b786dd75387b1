//! A policy definition: a rule with its parameters, made ready to be judged by.

use super::{
    ask,
    document::{Document, PolicyFault, member, text},
    effect::Effect,
    guard, rule,
    wants::{undeclared, wants},
};
use regorus::{
    Rc, Source,
    languages::azure_policy::{
        aliases::AliasRegistry,
        compiler::compile_policy_definition_with_aliases,
        parser::{ParseError, parse_policy_definition_with_max_col},
    },
    rvm::program::Program,
};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    num::{NonZeroU32, NonZeroUsize},
};

/// Longest text for the language, in bytes: a condition alone is written with indents, and so is longer than in its file.
const SOURCE_MAX_BYTES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(16 * 1024 * 1024);
/// Most lines of it.
const SOURCE_MAX_LINES: NonZeroUsize = SOURCE_MAX_BYTES;
/// Longest line of it, in characters: a file without line ends is one line.
const COLUMNS_MAX: Option<NonZeroU32> = NonZeroU32::new(16 * 1024 * 1024);

/// A parameter of a definition or an initiative.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, as it is written.
    pub name: String,
    /// Its value where none is given.
    pub default: Option<Value>,
    /// The values that it may have; any if there are none.
    pub allowed: Vec<Value>,
    /// Of which type its values are, in small letters; any if it says none.
    pub kind: Option<&'static str>,
}

/// The types of parameters, as Azure has them.
const KINDS: [&str; 7] = ["string", "array", "object", "boolean", "integer", "float", "datetime"];

impl Parameter {
    /// Whether a value is of its type. Nothing is made of another type: the language takes a comparison of two types as not met.
    ///
    /// # Errors
    /// Which type is wanted, if it is of another.
    pub fn check_type(&self, value: &Value) -> Result<(), String> {
        let fits = match self.kind {
            None => true,
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("float") => value.is_number(),
            Some(_) => value.is_string(),
        };
        let kind = self.kind.unwrap_or_default();
        if fits { Ok(()) } else { Err(format!("parameter {} may not be {value}: type {kind} is wanted", self.name)) }
    }

    /// Whether it may have this value; texts are compared without regard to case, as Azure does.
    #[must_use]
    pub fn allows(&self, value: &Value) -> bool {
        let same = |allowed: &Value| match (allowed, value) {
            (Value::String(a), Value::String(b)) => a.eq_ignore_ascii_case(b),
            (a, b) => a == b,
        };
        self.allowed.is_empty() || self.allowed.iter().any(same)
    }
}

/// What belongs to a resource and is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Related {
    /// Its type.
    pub(super) kind: String,
    /// Its name, if the definition says one.
    pub(super) name: Option<String>,
}

/// A rule that can be judged by.
#[derive(Clone)]
pub(super) struct Ready {
    /// The rule as a program.
    pub(super) rule: Rc<Program>,
    /// What says whether a resource is meant; all are if there is none.
    pub(super) applies: Option<Rc<Program>>,
    /// Whether that is the same for all resources of a type.
    pub(super) by_type: bool,
    /// The whole condition, for effects that ask for what belongs to a resource.
    pub(super) condition: Rc<Program>,
    /// What says whether an effect that is an expression comes to `disabled`.
    pub(super) disabled: Option<Rc<Program>>,
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ready")
    }
}

/// A policy definition.
#[derive(Debug, Clone)]
pub struct Definition {
    /// By what it is named.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// What it says.
    pub about: String,
    /// Its version, if its metadata names one.
    pub version: Option<String>,
    /// Its category.
    pub category: Option<String>,
    /// Which resources it looks at: All and Indexed are the same here.
    pub mode: String,
    /// Its parameters by their names in small letters.
    pub parameters: BTreeMap<String, Parameter>,
    /// The file that it is from.
    pub file: String,
    /// Its text, as in the file.
    pub source: String,
    /// The effect, as it is written: a word or an expression.
    pub(super) effect: String,
    /// The parameters that its rule names, as they are spelt there.
    pub(super) spellings: BTreeSet<String>,
    /// The types that its rule names.
    pub(super) types: Vec<String>,
    /// The types that it is about by the fields of its condition alone, if that asks for no type.
    pub(super) about_types: BTreeSet<&'static str>,
    /// The fields of ours that its rule reads.
    pub(super) fields: BTreeSet<(&'static str, &'static str)>,
    pub(super) related: Option<Related>,
    /// Ready, or why it cannot be evaluated here.
    pub(super) ready: Result<Ready, String>,
}

impl Definition {
    /// Reads a definition.
    ///
    /// # Errors
    /// If it is none: what cannot be read is refused, what can be read and is not evaluated here is kept and says so.
    pub(super) fn read(document: &Document, registry: &Rc<AliasRegistry>) -> Result<Self, PolicyFault> {
        let body = &document.body;
        let rule = member(body, "policyRule").cloned().unwrap_or_default();
        // Before the language reads it: what is nested too deeply would end the process.
        guard::check_texts(&document.text).and_then(|()| guard::check_counts(&rule)).map_err(|e| document.fault(e))?;
        if let Some(name) = rule::unknown_name(&rule) {
            let what = format_args!("there is no type or field {name}: docs/policy.md says where all are listed");
            return Err(document.fault(what));
        }
        let source = source_of(&document.file, document.text.clone());
        let source = source.map_err(|e| document.fault(e))?;
        let parsed = parse_policy_definition_with_max_col(&source, COLUMNS_MAX).map_err(|e| placed(document, &e))?;
        let (condition, then) = parts(&rule);
        let wants = wants(&condition, &then);
        if let Some(name) = undeclared(&wants, body) {
            return Err(
                document.fault(format_args!("its rule asks for parameter {name}: declare it in \"parameters\""))
            );
        }
        let details = member(&then, "details").and_then(Value::as_object).cloned().unwrap_or_default();
        let mode = text(body, "mode").unwrap_or_else(|| "All".to_owned());
        let metadata = member(body, "metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        let related = text(&details, "type").map(|kind| Related { kind, name: text(&details, "name") });
        let effect = text(&then, "effect").unwrap_or_default();
        let about_types = rule::types_of_fields(&condition);
        let program =
            compile_policy_definition_with_aliases(&parsed, Rc::clone(registry)).map_err(|e| why_not(&e.to_string()));
        let ready = match program {
            _ if !is_resource_mode(&mode) => Err(format!("mode {mode} is evaluated by another service of Azure")),
            Ok(_) if wants.missing.is_some() => Err(no_surroundings(wants.missing.as_deref())),
            Ok(_) if about_types.len() > 1 => Err(several_types(&about_types)),
            Ok(rule) => ready(rule, &condition, &effect, body, registry),
            Err(why) => Err(why),
        };
        Ok(Self {
            name: document.name.clone(),
            title: text(body, "displayName").unwrap_or_else(|| document.name.clone()),
            about: text(body, "description").unwrap_or_default(),
            version: text(&metadata, "version").or_else(|| text(body, "version")),
            category: text(&metadata, "category"),
            mode,
            parameters: parameters(document)?,
            file: document.file.clone(),
            source: document.text.trim().to_owned(),
            effect,
            about_types,
            spellings: wants.parameters,
            types: rule::types(&condition),
            fields: rule::fields(&rule),
            related,
            ready,
        })
    }

    /// Why it cannot be evaluated here, if it cannot.
    #[must_use]
    pub fn not_evaluated(&self) -> Option<&str> {
        self.ready.as_ref().err().map(String::as_str)
    }

    /// Whether it can be about resources of a type: a rule that asks for no type is about those whose fields it reads. Another
    /// resource may have a field of the same name, and that is not meant.
    pub(super) fn may_be_about(&self, kind: &str) -> bool {
        self.about_types.is_empty() || self.about_types.iter().any(|about| about.eq_ignore_ascii_case(kind))
    }
}

/// Makes a rule ready.
fn ready(
    rule: Rc<Program>,
    condition: &Value,
    effect: &str,
    body: &Map<String, Value>,
    registry: &Rc<AliasRegistry>,
) -> Result<Ready, String> {
    let program = |condition: &Value| condition_program(condition, body, registry);
    let about = rule::applicability(condition);
    let by_type = about.as_ref().is_some_and(rule::asks_type_alone);
    let is_disabled = json!({"value": effect, "equals": Effect::Disabled.as_str()});
    let is_computed = effect.starts_with('[') && ask::parameter_named(effect).is_none();
    Ok(Ready {
        rule,
        applies: about.as_ref().map(program).transpose()?,
        by_type,
        condition: program(condition)?,
        disabled: is_computed.then(|| program(&is_disabled)).transpose()?,
    })
}

fn no_surroundings(missing: Option<&str>) -> String {
    format!("it asks for {}, and there is nothing like it here", missing.unwrap_or_default())
}

fn several_types(types: &BTreeSet<&'static str>) -> String {
    let types: Vec<&str> = types.iter().copied().collect();
    format!("it reads fields of several types ({}) and asks for no type: add a condition on type", types.join(", "))
}

/// Azure's modes for resources; others belong to services of their own.
fn is_resource_mode(mode: &str) -> bool {
    mode.eq_ignore_ascii_case("all") || mode.eq_ignore_ascii_case("indexed")
}

/// Condition and consequence of a rule.
fn parts(rule: &Value) -> (Value, Map<String, Value>) {
    let object = rule.as_object().cloned().unwrap_or_default();
    let condition = member(&object, "if").cloned().unwrap_or_default();
    (condition, member(&object, "then").and_then(Value::as_object).cloned().unwrap_or_default())
}

/// A condition alone, as a program that says audit where it holds.
fn condition_program(
    condition: &Value,
    body: &Map<String, Value>,
    registry: &Rc<AliasRegistry>,
) -> Result<Rc<Program>, String> {
    let parameters = member(body, "parameters").cloned().unwrap_or_else(|| json!({}));
    let alone = json!({"parameters": parameters, "policyRule": {"if": condition, "then": {"effect": "audit"}}});
    let text = serde_json::to_string_pretty(&alone).map_err(|e| e.to_string())?;
    let source = source_of("condition", text)?;
    let parsed = parse_policy_definition_with_max_col(&source, COLUMNS_MAX).map_err(|e| last_line(&e.to_string()))?;
    compile_policy_definition_with_aliases(&parsed, Rc::clone(registry)).map_err(|e| last_line(&e.to_string()))
}

/// A text for the language. Files of Azure may be one line or many: only their length counts, which was bounded before.
fn source_of(name: &str, text: String) -> Result<Source, String> {
    Source::from_contents_with_limits(name.to_owned(), text, SOURCE_MAX_BYTES, SOURCE_MAX_LINES)
        .map_err(|e| last_line(&e.to_string()))
}

/// The parameters that an object of a file declares.
pub(super) fn parameters(document: &Document) -> Result<BTreeMap<String, Parameter>, PolicyFault> {
    let Some(declared) = member(&document.body, "parameters") else { return Ok(BTreeMap::new()) };
    let Value::Object(declared) = declared else { return Err(document.fault("\"parameters\" has to be an object")) };
    let read = |(name, value): (&String, &Value)| {
        let object =
            value.as_object().ok_or_else(|| document.fault(format_args!("parameter {name}: an object is wanted")))?;
        let allowed = member(object, "allowedValues").and_then(Value::as_array).cloned().unwrap_or_default();
        let kind = text(object, "type").map(|said| {
            let known = KINDS.into_iter().find(|kind| kind.eq_ignore_ascii_case(&said));
            known.ok_or_else(|| document.fault(format_args!("parameter {name}: there is no type {said}")))
        });
        let default = member(object, "defaultValue").cloned();
        let parameter = Parameter { name: name.clone(), default, allowed, kind: kind.transpose()? };
        if let Some(default) = &parameter.default {
            parameter.check_type(default).map_err(|why| document.fault(format_args!("its default: {why}")))?;
        }
        Ok((name.to_lowercase(), parameter))
    };
    declared.iter().map(read).collect()
}

/// Why a rule cannot be evaluated here; of a field of Azure's that there is none here, in our words.
fn why_not(text: &str) -> String {
    let said = last_line(text);
    let field = said.strip_prefix("unknown alias '").and_then(|rest| rest.split('\'').next());
    field.map(|field| format!("it asks for {field}, and there is no such field here")).unwrap_or(said)
}

/// What the parser says, with the place in the file.
fn placed(document: &Document, error: &ParseError) -> PolicyFault {
    let span = match error {
        ParseError::Lexer(_) => None,
        ParseError::UnexpectedToken { span, .. }
        | ParseError::MissingKey { span, .. }
        | ParseError::UnrecognizedKey { span, .. }
        | ParseError::ExtraKeysInLogical { span, .. }
        | ParseError::LogicalOperatorNotArray { span, .. }
        | ParseError::MissingOperator { span }
        | ParseError::MultipleLhsOperands { span }
        | ParseError::MissingLhsOperand { span }
        | ParseError::ExprParse { span, .. }
        | ParseError::MultipleCountCollections { span }
        | ParseError::MissingCountCollection { span }
        | ParseError::InvalidCountName { span }
        | ParseError::MisplacedCountName { span }
        | ParseError::MultipleOperators { span }
        | ParseError::DuplicateKey { span, .. }
        | ParseError::Custom { span, .. } => Some(span),
    };
    let mut fault = document.fault(last_line(&error.to_string()));
    if let Some(span) = span {
        fault.at = Some((span.line as usize, span.col as usize));
    }
    fault
}

/// What the language says in the end; before it stands a picture of the place, which is told otherwise.
pub(super) fn last_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let said = lines.iter().rev().find_map(|line| line.strip_prefix("error: ")).or(lines.last().copied());
    said.unwrap_or_default().to_owned()
}
