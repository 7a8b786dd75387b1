//! By what a resource is found.

use super::{
    json::Node,
    kind::ResourceKind,
    moment::{Moment, Precision},
};
use crate::domain::Timestamp;

/// Most tokens of one resource; what is beyond is kept and not found by it.
pub const TOKENS_MAX: usize = 256;

/// A code, an identifier or a text under which a resource is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token {
    /// The search parameter.
    pub param: &'static str,
    /// The system; empty if there is none.
    pub system: String,
    /// The code; of a text its small letters.
    pub code: String,
}

/// By what a resource is found, besides its id and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Index {
    /// Its tokens.
    pub tokens: Vec<Token>,
    /// When it was true, up to and without the second.
    pub span: Option<(Timestamp, Timestamp)>,
}

impl Index {
    /// Whether an Observation says of itself that something was measured: it is not `cancelled`, `unknown` or
    /// `entered-in-error`.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        let is_none = |t: &Token| matches!(t.code.as_str(), "cancelled" | "unknown" | "entered-in-error");
        !self.tokens.iter().any(|t| t.param == "status" && is_none(t))
    }
}

/// Makes the index of a resource that has been checked.
#[must_use]
pub fn index(kind: ResourceKind, root: &Node<'_>) -> Index {
    let mut index = Index::default();
    index.identifiers(root);
    match kind {
        ResourceKind::Observation => index.observation(root),
        ResourceKind::Patient => index.patient(root),
        ResourceKind::Device => {
            index.text(root, "status", "status");
            index.concept(root.get("type"), "type");
        }
        ResourceKind::Encounter => {
            index.text(root, "status", "status");
            if let Some(class) = root.get("class") {
                index.coding(class, "class");
            }
            index.span = root.get("period").and_then(period);
        }
    }
    index
}

/// Type and id of a literal reference such as `Patient/1`, or of one to a version of it.
#[must_use]
pub fn literal(reference: &str) -> Option<(&str, &str)> {
    let mut parts = reference.split('/');
    let (kind, id) = (parts.next()?, parts.next()?);
    let versioned = match (parts.next(), parts.next()) {
        (None, _) => true,
        (Some("_history"), Some(_)) => parts.next().is_none(),
        _ => false,
    };
    let is_type =
        kind.chars().next().is_some_and(|c| c.is_ascii_uppercase()) && kind.bytes().all(|b| b.is_ascii_alphabetic());
    (versioned && is_type && super::is_id(id)).then_some((kind, id))
}

/// When an Observation was true.
#[must_use]
pub fn effective(root: &Node<'_>) -> Option<(Timestamp, Timestamp)> {
    let text = root.text_of("effectiveDateTime").or_else(|| root.text_of("effectiveInstant"));
    match text {
        Some(text) => Moment::parse(text).map(|m| (m.from, m.until)),
        None => root.get("effectivePeriod").and_then(period),
    }
}

fn period(node: &Node<'_>) -> Option<(Timestamp, Timestamp)> {
    let (start, end) = (node.text_of("start").and_then(Moment::parse), node.text_of("end").and_then(Moment::parse));
    if start.is_none() && end.is_none() {
        return None;
    }
    let from = start.map_or(Timestamp::MIN, |m| m.from);
    // The end of a period is part of it, to the precision that it was written in.
    let until = end.map_or(Timestamp::MAX, |m| m.until);
    Some((from, until.max(from)))
}

impl Index {
    fn push(&mut self, param: &'static str, system: &str, code: &str) {
        if self.tokens.len() < TOKENS_MAX && !code.is_empty() {
            self.tokens.push(Token { param, system: system.to_owned(), code: code.to_owned() });
        }
    }

    fn text(&mut self, root: &Node<'_>, member: &str, param: &'static str) {
        if let Some(code) = root.text_of(member) {
            self.push(param, "", code);
        }
    }

    fn coding(&mut self, coding: &Node<'_>, param: &'static str) {
        if let Some(code) = coding.text_of("code") {
            self.push(param, coding.text_of("system").unwrap_or_default(), code);
        }
    }

    fn concept(&mut self, concept: Option<&Node<'_>>, param: &'static str) {
        for coding in concept.map(|c| c.list("coding")).unwrap_or_default() {
            self.coding(coding, param);
        }
    }

    fn identifiers(&mut self, root: &Node<'_>) {
        for identifier in root.list("identifier") {
            if let Some(value) = identifier.text_of("value") {
                self.push("identifier", identifier.text_of("system").unwrap_or_default(), value);
            }
        }
    }

    fn reference(&mut self, root: &Node<'_>, member: &str, param: &'static str) {
        if let Some((kind, id)) = root.get(member).and_then(|r| r.text_of("reference")).and_then(literal) {
            self.push(param, kind, id);
        }
    }

    fn observation(&mut self, root: &Node<'_>) {
        self.text(root, "status", "status");
        for category in root.list("category") {
            self.concept(Some(category), "category");
        }
        self.concept(root.get("code"), "code");
        for component in root.list("component") {
            self.concept(component.get("code"), "component-code");
        }
        self.reference(root, "encounter", "encounter");
        self.reference(root, "device", "device");
        self.span = effective(root);
    }

    fn patient(&mut self, root: &Node<'_>) {
        self.text(root, "gender", "gender");
        for name in root.list("name") {
            for (member, param) in [("text", "name"), ("family", "family")] {
                if let Some(text) = name.text_of(member) {
                    self.push(param, "", &text.to_lowercase());
                }
            }
            for given in name.list("given").iter().filter_map(Node::text) {
                self.push("given", "", &given.to_lowercase());
            }
        }
        let born = root.text_of("birthDate").and_then(Moment::parse).filter(|m| m.precision < Precision::Second);
        self.span = born.map(|m| (m.from, m.until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::json::read;
    use rstest::rstest;

    #[rstest]
    #[case("Patient/1", Some(("Patient", "1")))]
    #[case("Patient/a-b.c/_history/2", Some(("Patient", "a-b.c")))]
    #[case("urn:uuid:1", None)]
    #[case("#p", None)]
    #[case("http://x/Patient/1", None)]
    #[case("Patient?identifier=1", None)]
    #[case("Patient/", None)]
    #[case("Patient/1/2", None)]
    #[case("patient/1", None)]
    fn references_are_literal_or_none(#[case] text: &str, #[case] expected: Option<(&str, &str)>) {
        assert_eq!(literal(text), expected);
    }

    #[test]
    fn an_observation_is_found_by_its_codes_and_its_time() {
        let text = r#"{"status":"final","category":[{"coding":[{"system":"urn:c","code":"vital-signs"}]}],
            "code":{"coding":[{"system":"urn:l","code":"1"},{"code":"2"}]},"identifier":[{"system":"urn:i","value":"x"}],
            "component":[{"code":{"coding":[{"system":"urn:l","code":"3"}]}}],"device":{"reference":"Device/d1"},
            "effectivePeriod":{"start":"2026-03-01T10:00:00Z","end":"2026-03-02"}}"#;
        let index = index(ResourceKind::Observation, &read(text.as_bytes()).unwrap());
        let found: Vec<String> = index.tokens.iter().map(|t| format!("{}={}|{}", t.param, t.system, t.code)).collect();
        insta::assert_snapshot!(found.join(" "), @"identifier=urn:i|x status=|final category=urn:c|vital-signs code=urn:l|1 code=|2 component-code=urn:l|3 device=Device|d1");
        let (from, until) = index.span.unwrap();
        assert_eq!(
            (from.to_string().as_str(), until.to_string().as_str()),
            ("2026-03-01T10:00:00.000Z", "2026-03-03T00:00:00.000Z")
        );
    }

    #[test]
    fn an_open_period_has_no_end() {
        let text = r#"{"effectivePeriod":{"start":"2026-03-01"}}"#;
        assert_eq!(effective(&read(text.as_bytes()).unwrap()).unwrap().1, Timestamp::MAX);
    }
}
