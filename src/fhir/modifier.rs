//! What may turn the meaning of a resource round: `modifierExtension` and `implicitRules`. None of either is understood here,
//! and R4 says that what is not understood may not be passed over.

use super::{
    json::{Node, ROOT, Value, shown},
    outcome::{Issue, IssueCode},
};

const MODIFIERS: [&str; 2] = ["modifierExtension", "implicitRules"];

/// The first modifier in a resource, in a part of it or in what it contains, as the reason why it is not taken.
#[must_use]
pub fn unknown_modifier(root: &Node<'_>) -> Option<Issue> {
    let path = root.text_of("resourceType").unwrap_or(ROOT);
    within(root, None).map(|rest| issue(format!("{}{rest}", shown(path))))
}

/// As [`unknown_modifier`], of a Bundle without the resources of its entries: each of them stands for itself.
#[must_use]
pub fn unknown_modifier_of_bundle(root: &Node<'_>) -> Option<Issue> {
    within(root, Some("resource")).map(|rest| issue(format!("Bundle{rest}")))
}

fn issue(expression: String) -> Issue {
    let detail = "it may change what the rest means and is not known here: send the resource without it, if the rest is \
                  true without it";
    Issue::error(IssueCode::NotSupported, expression, detail)
}

/// The way to the first modifier, but within members of one name.
fn within(node: &Node<'_>, but: Option<&str>) -> Option<String> {
    match &node.value {
        Value::Object(members) => members.iter().find_map(|member| {
            let name = member.name.trim_start_matches('_');
            if MODIFIERS.contains(&name) {
                return Some(format!(".{name}"));
            }
            let rest = if but == Some(name) { None } else { within(&member.node, but) };
            rest.map(|rest| format!(".{}{rest}", shown(name)))
        }),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| within(item, but).map(|rest| format!("[{index}]{rest}")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::json::read;
    use rstest::rstest;

    #[rstest]
    #[case(r#""modifierExtension":[{"url":"urn:x","valueBoolean":true}]"#, "Observation.modifierExtension")]
    #[case(r#""implicitRules":"urn:x""#, "Observation.implicitRules")]
    #[case(r#""_implicitRules":{"id":"x"}"#, "Observation.implicitRules")]
    #[case(r#""component":[{},{"modifierExtension":[]}]"#, "Observation.component[1].modifierExtension")]
    #[case(r#""contained":[{"implicitRules":"urn:x"}]"#, "Observation.contained[0].implicitRules")]
    fn a_modifier_is_found_wherever_it_stands(#[case] member: &str, #[case] expression: &str) {
        let text = format!(r#"{{"resourceType":"Observation",{member}}}"#);
        let issue = unknown_modifier(&read(text.as_bytes()).unwrap()).unwrap();
        assert_eq!(issue.expression[0], expression);
    }

    #[test]
    fn plain_extensions_and_the_resources_of_a_bundle_are_none() {
        let text =
            r#"{"resourceType":"Bundle","extension":[{"url":"urn:x"}],"entry":[{"resource":{"implicitRules":"x"}}]}"#;
        assert_eq!(unknown_modifier_of_bundle(&read(text.as_bytes()).unwrap()), None);
        let text = r#"{"resourceType":"Bundle","entry":[{"request":{"modifierExtension":[]}}]}"#;
        let issue = unknown_modifier_of_bundle(&read(text.as_bytes()).unwrap()).unwrap();
        assert_eq!(issue.expression[0], "Bundle.entry[0].request.modifierExtension");
    }
}
