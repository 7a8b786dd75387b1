//! What the expressions of a rule want besides the resource: parameters, and what surrounds a resource in Azure. Without it the
//! language takes a condition as not met, and a rule that cannot be judged would count as kept.

use super::{
    document::member,
    guard::{Token, inner, tokens},
    rule::each_text,
};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What is known here of what surrounds a resource: function and member, in small letters.
const SURROUNDINGS: [(&str, &str); 4] = [
    ("resourcegroup", "name"),
    ("resourcegroup", "location"),
    ("subscription", "subscriptionid"),
    ("subscription", "displayname"),
];
/// Functions that give what surrounds a resource or a request.
const FUNCTIONS: [&str; 5] = ["resourcegroup", "subscription", "requestcontext", "claims", "policy"];

/// What the expressions of a rule want.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wants {
    /// Parameters, as the rule spells them.
    pub(super) parameters: BTreeSet<String>,
    /// The first that there is not here.
    pub(super) missing: Option<String>,
}

/// Looks through a condition and a consequence. What is deployed has parameters of its own.
pub(super) fn wants(condition: &Value, then: &Map<String, Value>) -> Wants {
    let mut found = Wants::default();
    let mut look = |text: &str| {
        if let Some(inner) = inner(text) {
            look_at(&tokens(inner), &mut found);
        }
    };
    each_text(condition, 0, &mut look);
    for (name, value) in then {
        match value {
            Value::Object(details) if name.eq_ignore_ascii_case("details") => {
                let judged = details.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("deployment"));
                judged.for_each(|(_, value)| each_text(value, 0, &mut look));
            }
            value => each_text(value, 0, &mut look),
        }
    }
    found
}

fn look_at(tokens: &[Token<'_>], found: &mut Wants) {
    for (at, token) in tokens.iter().enumerate() {
        let (Token::Word(name), Some(Token::Sign('('))) = (token, tokens.get(at + 1)) else { continue };
        let name = name.to_lowercase();
        let rest = tokens.get(at + 2..).unwrap_or_default();
        if let (true, [Token::Text(parameter), ..]) = (name == "parameters", rest) {
            found.parameters.insert((*parameter).to_owned());
        }
        if !FUNCTIONS.contains(&name.as_str()) {
            continue;
        }
        let wanted = match rest {
            [Token::Sign(')'), Token::Sign('.'), Token::Word(of), ..]
            | [Token::Sign(')'), Token::Sign('['), Token::Text(of), ..] => *of,
            _ => "",
        };
        let known = SURROUNDINGS.iter().any(|(function, of)| *function == name && of.eq_ignore_ascii_case(wanted));
        if !known && found.missing.is_none() {
            found.missing = Some(if wanted.is_empty() { format!("{name}()") } else { format!("{name}().{wanted}") });
        }
    }
}

/// The first parameter that a rule wants and a definition does not declare. Names know no case, as in Azure.
pub(super) fn undeclared<'a>(wants: &'a Wants, body: &Map<String, Value>) -> Option<&'a str> {
    let declared = member(body, "parameters").and_then(Value::as_object);
    let is_declared = |name: &str| {
        declared.is_some_and(|all| all.keys().any(|declared| declared.to_lowercase() == name.to_lowercase()))
    };
    wants.parameters.iter().map(String::as_str).find(|name| !is_declared(name))
}
