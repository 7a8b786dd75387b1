//! Is a resource what FHIR R4 says it is? Elements, types, how many, required codes, the rules of JSON for FHIR.
//!
//! Nothing is dropped and nothing passes unseen: an element that the standard does not have is an error, for a server that
//! keeps it without knowing what it means would show half of what its sender meant.

use super::{
    json::{Member, Node, ROOT, Value, shown},
    moment::{Moment, Precision, is_time},
    outcome::{ISSUES_MAX, Issue, IssueCode},
    schema::{Element, Kind, Type, resource},
};
use std::fmt::Write as _;

/// Objects of more members than this find a repeated name by a sorted list, smaller ones by looking.
const LOOKED_THROUGH_MAX: usize = 24;

/// Checks a resource of any type that this server takes.
///
/// # Errors
/// What is wrong with it, at most [`ISSUES_MAX`] issues.
pub fn check(root: &Node<'_>) -> Result<&'static str, Vec<Issue>> {
    let Value::Object(_) = root.value else {
        return Err(vec![Issue::error(IssueCode::Structure, ROOT, "a resource is a JSON object")]);
    };
    let Some(name) = root.text_of("resourceType") else {
        let detail = "resourceType is missing: it says of what type the resource is";
        return Err(vec![Issue::error(IssueCode::Required, format!("{ROOT}.resourceType"), detail)]);
    };
    let Some(of) = resource(name) else {
        let detail =
            format!("{:?} is no type of resource that this server takes: see its CapabilityStatement", shown(name));
        return Err(vec![Issue::error(IssueCode::NotSupported, format!("{ROOT}.resourceType"), detail)]);
    };
    let mut checker = Checker { issues: Vec::new() };
    let path = Path { parent: None, step: Step::Root(of.name) };
    checker.object(root, of, &path);
    if of.name == "Observation" {
        checker.observation(root, &path);
    }
    if checker.issues.is_empty() { Ok(of.name) } else { Err(checker.issues) }
}

/// The way to an element; written out only when something is wrong there.
struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

enum Step<'p> {
    Root(&'p str),
    Name(&'p str),
    Choice(&'p Element),
    Index(usize),
}

impl Path<'_> {
    fn write(&self, out: &mut String) {
        if let Some(parent) = self.parent {
            parent.write(out);
        }
        match &self.step {
            Step::Root(name) => out.push_str(name),
            Step::Name(name) => _ = write!(out, ".{}", shown(name)),
            Step::Index(index) => _ = write!(out, "[{index}]"),
            Step::Choice(element) => {
                let choice = element.choice.unwrap_or(element.name);
                let of = element.name.get(choice.len()..).unwrap_or_default();
                let mut chars = of.chars();
                let first = chars.next().map(|c| if element.kind.is_primitive() { c.to_ascii_lowercase() } else { c });
                _ = write!(out, ".{choice}.ofType({}{})", first.unwrap_or_default(), chars.as_str());
            }
        }
    }
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = String::new();
        self.write(&mut out);
        f.write_str(&out)
    }
}

struct Checker {
    issues: Vec<Issue>,
}

impl Checker {
    fn fail(&mut self, path: &Path<'_>, code: IssueCode, detail: impl Into<String>) {
        if self.issues.len() < ISSUES_MAX {
            self.issues.push(Issue::error(code, path.to_string(), detail));
        }
    }

    fn object(&mut self, node: &Node<'_>, of: &'static Type, path: &Path<'_>) {
        let Value::Object(members) = &node.value else {
            self.fail(path, IssueCode::Structure, format!("a JSON object is wanted: {}", of.name));
            return;
        };
        if members.is_empty() {
            self.fail(path, IssueCode::Structure, "an object of FHIR is never empty: leave the element out");
        }
        self.no_name_twice(members, path);
        let mut choices: [Option<&'static Element>; 4] = [None; 4];
        for member in members {
            match of.element(&member.name) {
                Some(element) => {
                    let step = if element.choice.is_some() { Step::Choice(element) } else { Step::Name(&member.name) };
                    let path = Path { parent: Some(path), step };
                    self.element(&member.node, element, &path);
                    if let Some(choice) = element.choice {
                        self.one_of_a_choice(choice, element, &mut choices, &path);
                    }
                }
                None => self.beside_or_unknown(member, of, path),
            }
        }
        for element in of.required() {
            let there = |m: &Member<'_>| m.name == element.name || m.name.strip_prefix('_') == Some(element.name);
            if !members.iter().any(there) {
                let path = Path { parent: Some(path), step: Step::Name(element.name) };
                self.fail(&path, IssueCode::Required, format!("{} needs {}", of.name, element.name));
            }
        }
        if of.name == "Extension" {
            let has_value = members.iter().any(|m| m.name.trim_start_matches('_').starts_with("value"));
            if has_value == members.iter().any(|m| m.name == "extension") {
                self.fail(path, IssueCode::Invariant, "ext-1: an extension has either a value or extensions");
            }
        }
    }

    fn no_name_twice(&mut self, members: &[Member<'_>], path: &Path<'_>) {
        let twice: Option<&Member<'_>> = if members.len() <= LOOKED_THROUGH_MAX {
            let twice = |(i, m): (usize, &Member<'_>)| members.iter().take(i).any(|earlier| earlier.name == m.name);
            members.iter().enumerate().find(|(i, m)| twice((*i, m))).map(|(_, m)| m)
        } else {
            let mut sorted: Vec<&Member<'_>> = members.iter().collect();
            sorted.sort_by(|a, b| a.name.cmp(&b.name));
            sorted.windows(2).find(|w| matches!(w, [a, b] if a.name == b.name)).and_then(|w| w.first().copied())
        };
        if let Some(member) = twice {
            let path = Path { parent: Some(path), step: Step::Name(&member.name) };
            self.fail(&path, IssueCode::Structure, "the member stands twice in its object");
        }
    }

    fn one_of_a_choice(
        &mut self,
        choice: &'static str,
        element: &'static Element,
        choices: &mut [Option<&'static Element>; 4],
        path: &Path<'_>,
    ) {
        if choices.iter().flatten().any(|other| other.choice == Some(choice) && other.name != element.name) {
            self.fail(path, IssueCode::Structure, format!("there is more than one {choice}[x]"));
        } else if let Some(free) = choices.iter_mut().find(|c| c.is_none()) {
            *free = Some(element);
        }
    }

    /// `_name` beside a primitive element holds its id and extensions; anything else is not known.
    fn beside_or_unknown(&mut self, member: &Member<'_>, of: &'static Type, path: &Path<'_>) {
        let base = member.name.strip_prefix('_').and_then(|name| of.element(name));
        let path = Path { parent: Some(path), step: Step::Name(&member.name) };
        match base.filter(|element| element.kind.is_primitive()) {
            Some(element) if element.many => {
                let items = member.node.items();
                if items.is_empty() {
                    self.fail(&path, IssueCode::Structure, "an array that is not empty is wanted");
                }
                for (index, item) in items.iter().enumerate().filter(|(_, item)| item.value != Value::Null) {
                    let path = Path { parent: Some(&path), step: Step::Index(index) };
                    self.object(item, super::schema::element(), &path);
                }
            }
            Some(_) => self.object(&member.node, super::schema::element(), &path),
            None => {
                let detail = format!("{} has no element of this name in FHIR R4", of.name);
                self.fail(&path, IssueCode::Structure, detail);
            }
        }
    }

    fn element(&mut self, node: &Node<'_>, element: &'static Element, path: &Path<'_>) {
        if !element.many {
            if matches!(node.value, Value::Array(_)) && !matches!(element.kind, Kind::Any) {
                self.fail(path, IssueCode::Structure, "one value is wanted, not an array");
            } else {
                self.value(node, element.kind, path);
            }
            return;
        }
        let Value::Array(items) = &node.value else {
            self.fail(path, IssueCode::Structure, "an array is wanted, also of one item");
            return;
        };
        if items.is_empty() {
            self.fail(path, IssueCode::Structure, "an array of FHIR is never empty: leave the element out");
        }
        for (index, item) in items.iter().enumerate() {
            let path = Path { parent: Some(path), step: Step::Index(index) };
            // In an array of primitive values null holds the place of one that has extensions alone.
            if item.value == Value::Null && element.kind.is_primitive() {
                continue;
            }
            self.value(item, element.kind, &path);
        }
    }

    fn value(&mut self, node: &Node<'_>, kind: Kind, path: &Path<'_>) {
        match kind {
            Kind::Complex(of) => self.object(node, of, path),
            Kind::Resource => self.contained(node, path),
            Kind::Any => self.any(node, path),
            primitive => {
                if let Some(detail) = primitive_fault(node, primitive) {
                    let code = if matches!(kind, Kind::CodeOf(_)) && node.text().is_some() {
                        IssueCode::CodeInvalid
                    } else {
                        IssueCode::Value
                    };
                    self.fail(path, code, detail);
                }
            }
        }
    }

    fn contained(&mut self, node: &Node<'_>, path: &Path<'_>) {
        match node.text_of("resourceType").map(resource) {
            Some(Some(of)) => self.object(node, of, path),
            Some(None) => self.any(node, path),
            None => self.fail(path, IssueCode::Required, "resourceType is missing"),
        }
    }

    fn any(&mut self, node: &Node<'_>, path: &Path<'_>) {
        match &node.value {
            Value::Null => self.fail(path, IssueCode::Structure, "null is no value of FHIR: leave the element out"),
            Value::Text(text) if text.is_empty() => self.fail(path, IssueCode::Value, EMPTY_TEXT),
            Value::Array(items) => {
                if items.is_empty() {
                    self.fail(path, IssueCode::Structure, "an array of FHIR is never empty: leave the element out");
                }
                for (index, item) in items.iter().enumerate().filter(|(_, item)| item.value != Value::Null) {
                    self.any(item, &Path { parent: Some(path), step: Step::Index(index) });
                }
            }
            Value::Object(members) => {
                if members.is_empty() {
                    self.fail(path, IssueCode::Structure, "an object of FHIR is never empty: leave the element out");
                }
                self.no_name_twice(members, path);
                for member in members {
                    self.any(&member.node, &Path { parent: Some(path), step: Step::Name(&member.name) });
                }
            }
            Value::Text(_) | Value::Number(_) | Value::Bool(_) => {}
        }
    }

    /// obs-6 and obs-7.
    fn observation(&mut self, root: &Node<'_>, path: &Path<'_>) {
        let value = |node: &Node<'_>| node.members().iter().any(|m| m.name.starts_with("value"));
        let absent = |node: &Node<'_>| node.get("dataAbsentReason").is_some();
        if value(root) && absent(root) {
            let path = Path { parent: Some(path), step: Step::Name("dataAbsentReason") };
            self.fail(&path, IssueCode::Invariant, "obs-6: a value that is there has no reason to be absent");
        }
        for (index, component) in root.list("component").iter().enumerate() {
            let list = Path { parent: Some(path), step: Step::Name("component") };
            let path = Path { parent: Some(&list), step: Step::Index(index) };
            if value(component) && absent(component) {
                self.fail(&path, IssueCode::Invariant, "obs-6: a value that is there has no reason to be absent");
            }
            if value(root) && same_coding(root, component) {
                let detail = "obs-7: a component has the code of the Observation, which has a value of its own";
                self.fail(&path, IssueCode::Invariant, detail);
            }
        }
    }
}

fn same_coding(a: &Node<'_>, b: &Node<'_>) -> bool {
    let codings = |node: &Node<'_>| -> Vec<(Option<String>, Option<String>)> {
        let list = node.get("code").map(|code| code.list("coding")).unwrap_or_default();
        let text = |c: &Node<'_>, name| c.text_of(name).map(str::to_owned);
        list.iter().map(|c| (text(c, "system"), text(c, "code"))).collect()
    };
    let (a, b) = (codings(a), codings(b));
    a.iter().any(|coding| coding.1.is_some() && b.contains(coding))
}

const EMPTY_TEXT: &str = "a text of FHIR is never empty: leave the element out";

/// What is wrong with a primitive value.
fn primitive_fault(node: &Node<'_>, kind: Kind) -> Option<String> {
    match (kind, &node.value) {
        (_, Value::Null) => Some("null is no value of FHIR: leave the element out".to_owned()),
        (Kind::Boolean, Value::Bool(_)) | (Kind::Decimal, Value::Number(_)) => None,
        (Kind::Boolean, _) => Some("true or false is wanted, without quotes".to_owned()),
        (Kind::Decimal, _) => Some("a JSON number is wanted, without quotes".to_owned()),
        (Kind::Integer | Kind::UnsignedInt | Kind::PositiveInt, Value::Number(text)) => {
            let least = match kind {
                Kind::PositiveInt => 1,
                Kind::UnsignedInt => 0,
                _ => i32::MIN,
            };
            let good = text.parse::<i32>().is_ok_and(|n| n >= least);
            (!good).then(|| format!("a whole number of at least {least} and at most {} is wanted", i32::MAX))
        }
        (Kind::Integer | Kind::UnsignedInt | Kind::PositiveInt, _) => {
            Some("a whole JSON number is wanted, without quotes".to_owned())
        }
        (_, Value::Text(text)) => text_fault(text, kind),
        _ => Some("a JSON text is wanted, in quotes".to_owned()),
    }
}

fn text_fault(text: &str, kind: Kind) -> Option<String> {
    if text.is_empty() {
        return Some(EMPTY_TEXT.to_owned());
    }
    let seen = || crate::domain::text::clean(text).chars().take(60).collect::<String>();
    let wanted = |good: bool, what: &str| (!good).then(|| format!("{:?} is not {what}", seen()));
    match kind {
        Kind::String => wanted(!text.trim().is_empty(), "a text with anything in it"),
        Kind::Xhtml => wanted(text.trim_start().starts_with("<div"), "a div of XHTML"),
        Kind::Code => wanted(is_code(text), "a code: no blanks around it, single ones within"),
        Kind::CodeOf(codes) => {
            (!codes.contains(&text)).then(|| format!("{:?} is none of {}", seen(), codes.join(", ")))
        }
        Kind::Id => wanted(is_id(text), "an id: 1 to 64 characters of A-Z, a-z, 0-9, - and ."),
        Kind::Uri => wanted(!text.chars().any(char::is_whitespace), "a URI: it holds no blanks"),
        Kind::Date => wanted(
            Moment::parse(text).is_some_and(|m| m.precision < Precision::Second),
            "a date: YYYY, YYYY-MM or YYYY-MM-DD",
        ),
        Kind::DateTime => wanted(
            Moment::parse(text).is_some(),
            "a date or time: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with an offset such as +01:00 or Z",
        ),
        Kind::Instant => wanted(
            Moment::parse(text).is_some_and(|m| m.precision == Precision::Second),
            "an instant: YYYY-MM-DDThh:mm:ss with an offset such as +01:00 or Z",
        ),
        Kind::Time => wanted(is_time(text), "a time: hh:mm:ss"),
        Kind::Base64 => wanted(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/= \r\n\t".contains(&b)), "base64"),
        _ => None,
    }
}

fn is_code(text: &str) -> bool {
    text.trim() == text && !text.contains("  ") && !text.contains(['\t', '\n', '\r'])
}

/// Whether a text is an id of FHIR: 1 to 64 characters of `A-Z a-z 0-9 - .`
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::json::read;
    use rstest::rstest;

    fn issues(text: &str) -> Vec<(String, String)> {
        match check(&read(text.as_bytes()).unwrap()) {
            Ok(_) => Vec::new(),
            Err(issues) => issues.into_iter().map(|i| (i.expression[0].clone(), i.diagnostics)).collect(),
        }
    }

    fn observation(members: &str) -> String {
        format!(r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}}{members}}}"#)
    }

    #[test]
    fn a_good_resource_is_taken() {
        let extension = r#"{"url":"urn:x","valueQuantity":{"value":1.50}}"#;
        let good = observation(&format!(
            r#","_status":{{"id":"s"}},"extension":[{extension}],"effectivePeriod":{{"start":"2026"}},"valueBoolean":true,
            "contained":[{{"resourceType":"Practitioner","anything":[1]}}],"subject":{{"reference":"Patient/1"}}"#
        ));
        assert_eq!(issues(&good), []);
        let names = r#"{"resourceType":"Patient","name":[{"given":["A",null],"_given":[null,{"id":"b"}]}]}"#;
        assert_eq!(issues(names), []);
    }

    #[rstest]
    #[case(r#","status":"final""#, "Observation.status", "twice")]
    #[case(r#","colour":"red""#, "Observation.colour", "no element of this name")]
    #[case(r#","subject":null"#, "Observation.subject", "object is wanted")]
    #[case(r#","issued":null"#, "Observation.issued", "null")]
    #[case(r#","category":[]"#, "Observation.category", "never empty")]
    #[case(r#","category":{"text":"x"}"#, "Observation.category", "array is wanted")]
    #[case(r#","subject":[{"reference":"Patient/1"}]"#, "Observation.subject", "not an array")]
    #[case(r#","subject":{}"#, "Observation.subject", "never empty")]
    #[case(r#","valueQuantity":{"value":"72"}"#, "Observation.value.ofType(Quantity).value", "without quotes")]
    #[case(
        r#","valueQuantity":{"value":72,"comparator":"~"}"#,
        "Observation.value.ofType(Quantity).comparator",
        "none of"
    )]
    #[case(r#","valueBoolean":"true""#, "Observation.value.ofType(boolean)", "without quotes")]
    #[case(r#","valueInteger":1.5"#, "Observation.value.ofType(integer)", "whole number")]
    #[case(r#","valueString":"""#, "Observation.value.ofType(string)", "never empty")]
    #[case(r#","valueBoolean":true,"valueString":"x""#, "Observation.value.ofType(string)", "more than one value[x]")]
    #[case(r#","effectiveDateTime":"2026-03-01T10:00:00""#, "Observation.effective.ofType(dateTime)", "offset")]
    #[case(r#","issued":"2026-03-01""#, "Observation.issued", "instant")]
    #[case(r#","id":"a b""#, "Observation.id", "an id")]
    #[case(r#","component":[{"valueInteger":1}]"#, "Observation.component[0].code", "needs code")]
    #[case(r#","component":[{"code":{"text":"x","note":"y"}}]"#, "Observation.component[0].code.note", "no element")]
    #[case(r#","_subject":{"id":"a"}"#, "Observation._subject", "no element")]
    #[case(r#","extension":[{"url":"urn:x"}]"#, "Observation.extension[0]", "ext-1")]
    #[case(r#","extension":[{"valueInteger":1}]"#, "Observation.extension[0].url", "needs url")]
    #[case(r#","valueBoolean":true,"dataAbsentReason":{"text":"x"}"#, "Observation.dataAbsentReason", "obs-6")]
    fn what_is_wrong_is_told_with_its_element(#[case] members: &str, #[case] expression: &str, #[case] says: &str) {
        let found = issues(&observation(members));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, expression);
        assert!(found[0].1.contains(says), "{found:?}");
    }

    #[test]
    fn a_component_may_not_have_the_code_of_the_whole() {
        let code = r#"{"coding":[{"system":"http://loinc.org","code":"8867-4"}]}"#;
        let text = format!(
            r#"{{"resourceType":"Observation","status":"final","code":{code},"valueInteger":1,
            "component":[{{"code":{code},"valueInteger":2}}]}}"#
        );
        assert!(issues(&text)[0].1.contains("obs-7"));
    }

    #[test]
    fn required_elements_types_and_many_members() {
        assert_eq!(issues(r#"{"resourceType":"Observation"}"#).len(), 2);
        assert_eq!(issues(r#"{"resourceType":"Vitals"}"#)[0].0, "Resource.resourceType");
        assert_eq!(issues(r#"{"status":"final"}"#)[0].0, "Resource.resourceType");
        assert_eq!(issues("[1]")[0].0, "Resource");
        let many: String = (0..40).map(|i| format!(r#","x{i}":1"#)).collect();
        assert_eq!(issues(&observation(&many)).len(), ISSUES_MAX);
        let twice: String = (0..40).map(|_| r#","issued":"2026-03-01T10:00:00Z""#.to_owned()).collect();
        assert!(issues(&observation(&twice))[0].1.contains("twice"));
    }
}
