//! What an expression of a rule may be at most. The language bounds how deep JSON is nested, not how deep an expression within a
//! text is, nor how long what it makes becomes; one odd file must not end a server that runs.

use super::document::member;
use serde_json::Value;

/// Longest expression, in bytes.
const EXPRESSION_MAX_BYTES: usize = 8_192;
/// Deepest nesting of an expression: open brackets, signs before and accesses after a value.
const EXPRESSION_DEPTH_MAX: usize = 32;
/// Widest text that `padLeft` makes, in characters.
const PAD_MAX_CHARS: usize = 10_000;
/// Most calls of functions within one expression that make a text longer than what they are given.
const GROWING_MAX: usize = 1;
/// Deepest JSON that is looked through, as serde reads it.
const JSON_DEPTH_MAX: usize = 128;
/// Longest value of a parameter, as JSON, in bytes.
const PARAMETER_MAX_BYTES: usize = 16 * 1024;

/// A piece of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    Text(&'a str),
    Sign(char),
}

/// Looks at all texts of a JSON text, whatever their place: also those of members that stand there twice.
///
/// # Errors
/// If one is an expression that is too long, nested too deeply, or makes too much.
pub(super) fn check_texts(json: &str) -> Result<(), String> {
    let mut rest = json;
    while let Some(start) = rest.find('"') {
        let after = rest.get(start + 1..).unwrap_or_default();
        let end = end_of_text(after);
        let raw = rest.get(start..start + end + 2).unwrap_or_default();
        if let Ok(text) = serde_json::from_str::<String>(raw) {
            check_text(&text)?;
        }
        rest = after.get(end + 1..).unwrap_or_default();
    }
    Ok(())
}

/// Where a JSON text ends, from behind its opening quote.
fn end_of_text(after: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in after.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at,
            _ => {}
        }
    }
    after.len()
}

/// Looks at what counts go over: a count within a count may not make its list longer than the outer one did.
///
/// # Errors
/// If one does.
pub(super) fn check_counts(rule: &Value) -> Result<(), String> {
    counts(rule, 0)
}

fn counts(value: &Value, depth: usize) -> Result<(), String> {
    if depth > JSON_DEPTH_MAX {
        return Err("it is nested too deeply".to_owned());
    }
    match value {
        Value::Array(parts) => parts.iter().try_for_each(|part| counts(part, depth + 1)),
        Value::Object(object) => {
            let over = member(object, "count").and_then(Value::as_object).and_then(|count| member(count, "value"));
            let tokens = over.and_then(Value::as_str).and_then(inner).map(tokens).unwrap_or_default();
            let calls =
                |name: &str| tokens.iter().any(|t| matches!(t, Token::Word(word) if word.eq_ignore_ascii_case(name)));
            if calls("current")
                && ["concat", "createArray", "replace", "join", "format", "padLeft"].into_iter().any(calls)
            {
                return Err("a count goes over what another one has made longer: go over a list as it is".to_owned());
            }
            object.values().try_for_each(|inner| counts(inner, depth + 1))
        }
        _ => Ok(()),
    }
}

/// Whether the value of a parameter is short enough.
///
/// # Errors
/// If it is not.
pub(super) fn check_parameter(name: &str, value: &Value) -> Result<(), String> {
    if value.to_string().len() > PARAMETER_MAX_BYTES {
        return Err(format!("parameter {name} has a value of more than {PARAMETER_MAX_BYTES} bytes"));
    }
    Ok(())
}

/// What stands within the brackets, if a text is an expression.
pub(super) fn inner(text: &str) -> Option<&str> {
    text.strip_prefix('[').filter(|rest| !rest.starts_with('['))?.strip_suffix(']')
}

fn check_text(text: &str) -> Result<(), String> {
    let Some(inner) = inner(text) else { return Ok(()) };
    let begin: String = text.chars().take(40).collect();
    let wrong = |what: String| Err(format!("the expression {begin}… {what}"));
    if text.len() > EXPRESSION_MAX_BYTES {
        return wrong(format!("is longer than {EXPRESSION_MAX_BYTES} bytes: divide it"));
    }
    let tokens = tokens(inner);
    if tokens.contains(&Token::Sign('"')) {
        return wrong("holds a double quote: texts stand in single ones".to_owned());
    }
    if depth(&tokens) > EXPRESSION_DEPTH_MAX {
        return wrong(format!("is nested more than {EXPRESSION_DEPTH_MAX} deep: divide it"));
    }
    let mut growing = 0;
    for (at, token) in tokens.iter().enumerate() {
        let (Token::Word(name), Some(Token::Sign('('))) = (token, tokens.get(at + 1)) else { continue };
        let arguments = arguments(tokens.get(at + 2..).unwrap_or_default());
        match name.to_lowercase().as_str() {
            "padleft" => {
                let width = match arguments.get(1) {
                    Some([Token::Word(digits)]) => digits.parse::<usize>().ok(),
                    _ => None,
                };
                if width.is_none_or(|width| width > PAD_MAX_CHARS) {
                    return wrong(format!(
                        "pads to what may be too wide: a number of at most {PAD_MAX_CHARS} is wanted"
                    ));
                }
                growing += 1;
            }
            // What takes the place of one character or more and is no longer than that makes nothing longer.
            "replace" if matches!(arguments.get(2), Some([Token::Text(with)]) if with.chars().count() <= 1) => {}
            "replace" | "join" | "format" => growing += 1,
            _ => {}
        }
    }
    if growing > GROWING_MAX {
        return wrong("makes texts longer more than once (padLeft, replace, join, format): divide it".to_owned());
    }
    Ok(())
}

/// The pieces of an expression. A text ends at a single quote; a doubled one within it makes two pieces of it.
pub(super) fn tokens(inner: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = inner.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let used = if first == '\'' {
            let text = rest.get(1..).unwrap_or_default();
            let end = text.find('\'').unwrap_or(text.len());
            found.push(Token::Text(text.get(..end).unwrap_or_default()));
            (end + 2).min(rest.len())
        } else if word(first) {
            let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
            found.push(Token::Word(rest.get(..end).unwrap_or_default()));
            end
        } else {
            found.push(Token::Sign(first));
            first.len_utf8()
        };
        rest = rest.get(used..).unwrap_or_default().trim_start();
    }
    found
}

/// How deep an expression is nested at most.
fn depth(tokens: &[Token<'_>]) -> usize {
    let (mut open, mut below, mut chain, mut deepest) = (Vec::new(), 0_usize, 0_usize, 0_usize);
    for token in tokens {
        match token {
            Token::Sign('(' | '[') => {
                open.push(chain);
                below += chain + 1;
                chain = 0;
            }
            Token::Sign(')' | ']') => {
                let before = open.pop().unwrap_or_default();
                below = below.saturating_sub(before + 1);
                // What follows holds what stands before.
                chain = before + 1;
            }
            Token::Sign(',') => chain = 0,
            Token::Sign(_) => chain += 1,
            Token::Word(_) | Token::Text(_) => {}
        }
        deepest = deepest.max(below + chain);
    }
    deepest
}

/// The arguments of a call, from behind its opening bracket.
fn arguments<'a, 'b>(tokens: &'b [Token<'a>]) -> Vec<&'b [Token<'a>]> {
    let (mut found, mut start, mut open) = (Vec::new(), 0, 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('(' | '[') => open += 1,
            Token::Sign(')' | ']') if open == 0 => {
                found.push(tokens.get(start..at).unwrap_or_default());
                return found;
            }
            Token::Sign(')' | ']') => open -= 1,
            Token::Sign(',') if open == 0 => {
                found.push(tokens.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(tokens.get(start..).unwrap_or_default());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PolicySet;
    use rstest::rstest;
    use serde_json::json;

    fn added(condition: &Value) -> Result<(), String> {
        let rule = json!({"policyRule": {"if": condition, "then": {"effect": "audit"}}});
        PolicySet::empty().unwrap().add("odd.json", &rule.to_string()).map_err(|e| e.to_string())
    }

    fn asked(expression: &str) -> Result<(), String> {
        added(&json!({"value": expression, "equals": 1}))
    }

    #[rstest]
    #[case::minus(format!("[{}1]", "-".repeat(8_000)), "nested more than 32 deep")]
    #[case::call(format!("[{}true{}]", "not(".repeat(1_600), ")".repeat(1_600)), "nested more than 32 deep")]
    #[case::unclosed(format!("[{}1]", "not(".repeat(1_600)), "nested more than 32 deep")]
    #[case::index(format!("[{}1{}]", "a[".repeat(2_700), "]".repeat(2_700)), "nested more than 32 deep")]
    #[case::member(format!("[a{}]", ".b".repeat(3_000)), "nested more than 32 deep")]
    #[case::called(format!("[a{}]", "()".repeat(3_000)), "nested more than 32 deep")]
    #[case::indexed(format!("[a{}]", "[0]".repeat(2_000)), "nested more than 32 deep")]
    #[case::quotes(format!("[{}1]", "not(')', ".repeat(800)), "nested more than 32 deep")]
    #[case::spaced(format!("[{}1]", "- ".repeat(4_000)), "nested more than 32 deep")]
    #[case::long(format!("[concat('{}')]", "a".repeat(9_000)), "longer than 8192 bytes")]
    #[case::pad("[padLeft('a', 5000000000000)]".to_owned(), "pads to what may be too wide")]
    #[case::pad_text("[PADLEFT ('a', '30000000000', 'x')]".to_owned(), "pads to what may be too wide")]
    #[case::pad_sum("[padLeft('a', mul(100000, 100000))]".to_owned(), "pads to what may be too wide")]
    #[case::pad_replaced("[replace(padLeft('a', 9999, 'a'), 'a', parameters('p'))]".to_owned(), "more than once")]
    #[case::double("[concat(\"(\", 1)]".to_owned(), "double quote")]
    fn an_expression_that_would_break_the_server_is_refused(#[case] text: String, #[case] why: &str) {
        let said = asked(&text).unwrap_err();
        assert!(said.contains(why) && said.starts_with("odd.json, line 1"), "{said}");
    }

    #[test]
    fn one_that_stands_behind_another_of_the_same_name_is_seen() {
        let deep = format!("[{}1]", "-".repeat(8_000));
        let twice = format!(
            r#"{{"policyRule": {{"if": {{"value": "{deep}", "value": 1, "equals": 1}}, "then": {{"effect": "audit"}}}}}}"#
        );
        let said = PolicySet::empty().unwrap().add("odd.json", &twice).unwrap_err().to_string();
        assert!(said.contains("nested more than 32 deep"), "{said}");
    }

    #[test]
    fn expressions_as_azure_has_them_are_taken() {
        for text in [
            "[concat(parameters('a')[0].b, '(((((((((((((((((((((((((((((((((((((((((', -1)]",
            "[replace(replace(replace(field('name'), '-', ''), ' ', ''), '_', '-')]",
            "[padLeft(field('name'), 10, '0')]",
            "[Preview]: (((((((((((((((((((((((((((((((((((((((((((",
            "[[-------------------------------------------------------]",
        ] {
            assert_eq!(check_text(text), Ok(()), "{text}");
        }
        let most =
            format!("[{}true(){}]", "not(".repeat(EXPRESSION_DEPTH_MAX - 1), ")".repeat(EXPRESSION_DEPTH_MAX - 1));
        assert_eq!(asked(&most), Ok(()));
        let wide = format!("[and({})]", vec!["not(true())"; 300].join(", "));
        assert_eq!(check_text(&wide), Ok(()));
    }

    #[test]
    fn a_count_over_what_another_has_made_longer_is_refused() {
        let inner =
            json!({"count": {"value": "[createArray(concat(current('a'), current('a')))]", "name": "b"}, "greater": 0});
        let outer = json!({"count": {"value": ["x"], "name": "a", "where": inner}, "greater": 0});
        assert!(added(&outer).unwrap_err().contains("goes over what another one has made longer"));
        let inner = json!({"count": {"value": "[split(current('a'), ',')]", "name": "b"}, "greater": 0});
        assert_eq!(added(&json!({"count": {"value": ["x"], "name": "a", "where": inner}, "greater": 0})), Ok(()));
    }
}
