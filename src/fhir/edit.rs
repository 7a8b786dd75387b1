//! Changes to the text of a resource, each at its place: everything else stays byte for byte as it came.

use super::{
    json::{JsonError, Node, Value, read},
    moment::instant,
};
use crate::domain::Timestamp;

/// Bytes to be put in the place of others.
struct Edit {
    from: usize,
    to: usize,
    text: String,
}

/// The resource as the server shows it: with its id, its version and when that was made.
///
/// # Errors
/// If it is no JSON.
pub fn stamped(raw: &[u8], id: &str, version: u64, updated: Timestamp) -> Result<Vec<u8>, JsonError> {
    let root = read(raw)?;
    let own = format!("\"versionId\":\"{version}\",\"lastUpdated\":\"{}\"", instant(updated));
    let mut edits = Vec::new();
    let mut missing = String::new();
    match root.get("id") {
        Some(node) => edits.push(Edit { from: node.from, to: node.to, text: format!("\"{id}\"") }),
        None => missing = format!(",\"id\":\"{id}\""),
    }
    match root.get("meta") {
        Some(meta) => {
            let mut text = format!("{{{own}");
            for member in meta.members().iter().filter(|m| !matches!(&*m.name, "versionId" | "lastUpdated")) {
                let name = serde_json::to_string(&member.name).unwrap_or_default();
                text.push_str(&format!(",{name}:{}", slice(raw, &member.node)));
            }
            edits.push(Edit { from: meta.from, to: meta.to, text: text + "}" });
        }
        None => missing.push_str(&format!(",\"meta\":{{{own}}}")),
    }
    if let Some(kind) = root.get("resourceType").filter(|_| !missing.is_empty()) {
        edits.push(Edit { from: kind.to, to: kind.to, text: missing });
    }
    Ok(apply(raw, edits))
}

/// The resource with its references put in order: `resolve` says what has to stand in the place of one, if anything.
///
/// # Errors
/// If `resolve` refuses a reference: its first refusal.
pub fn relinked<E>(
    raw: &[u8],
    root: &Node<'_>,
    resolve: &impl Fn(&str) -> Result<Option<String>, E>,
) -> Result<Vec<u8>, E> {
    let mut edits = Vec::new();
    relink(root, resolve, &mut edits)?;
    Ok(apply(raw.get(root.from..root.to).unwrap_or_default(), shifted(edits, root.from)))
}

fn relink<E>(
    node: &Node<'_>,
    resolve: &impl Fn(&str) -> Result<Option<String>, E>,
    edits: &mut Vec<Edit>,
) -> Result<(), E> {
    match &node.value {
        Value::Array(items) => items.iter().try_for_each(|item| relink(item, resolve, edits)),
        Value::Object(members) => members.iter().try_for_each(|member| {
            let Some(reference) = member.node.text().filter(|_| member.name == "reference") else {
                return relink(&member.node, resolve, edits);
            };
            if let Some(target) = resolve(reference)? {
                let text = serde_json::Value::String(target).to_string();
                edits.push(Edit { from: member.node.from, to: member.node.to, text });
            }
            Ok(())
        }),
        _ => Ok(()),
    }
}

fn shifted(mut edits: Vec<Edit>, by: usize) -> Vec<Edit> {
    for edit in &mut edits {
        edit.from -= by;
        edit.to -= by;
    }
    edits
}

fn slice(raw: &[u8], node: &Node<'_>) -> String {
    String::from_utf8_lossy(raw.get(node.from..node.to).unwrap_or_default()).into_owned()
}

fn apply(raw: &[u8], mut edits: Vec<Edit>) -> Vec<u8> {
    edits.sort_by_key(|e| e.from);
    let mut out = Vec::with_capacity(raw.len() + 128);
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(raw.get(at..edit.from).unwrap_or_default());
        out.extend_from_slice(edit.text.as_bytes());
        at = edit.to;
    }
    out.extend_from_slice(raw.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(raw: &str) -> String {
        String::from_utf8(stamped(raw.as_bytes(), "x1", 2, Timestamp::from_ms(0)).unwrap()).unwrap()
    }

    #[test]
    fn id_and_version_are_put_in_and_nothing_else_changes() {
        let meta = r#""meta":{"versionId":"2","lastUpdated":"1970-01-01T00:00:00.000Z"}"#;
        assert_eq!(
            stamp(r#"{ "resourceType" : "Patient" , "x" : 37.00 }"#),
            format!(r#"{{ "resourceType" : "Patient","id":"x1",{meta} , "x" : 37.00 }}"#)
        );
        assert_eq!(
            stamp(r#"{"id":"theirs","resourceType":"Patient","meta":{"lastUpdated":"z","profile":["p" ]}}"#),
            r#"{"id":"x1","resourceType":"Patient","meta":{"versionId":"2","lastUpdated":"1970-01-01T00:00:00.000Z","profile":["p" ]}}"#
        );
    }

    #[test]
    fn references_are_put_in_order_and_other_texts_are_left_alone() {
        let raw =
            r#"{"entry":{"subject":{"reference":"urn:uuid:1"},"note":"urn:uuid:1","l":[{"reference":"urn:uuid:2"}]}}"#;
        let root = read(raw.as_bytes()).unwrap();
        let entry = root.get("entry").unwrap();
        let resolve = |reference: &str| Ok::<_, ()>((reference == "urn:uuid:1").then(|| "Patient/p".to_owned()));
        let text = String::from_utf8(relinked(raw.as_bytes(), entry, &resolve).unwrap()).unwrap();
        assert_eq!(
            text,
            r#"{"subject":{"reference":"Patient/p"},"note":"urn:uuid:1","l":[{"reference":"urn:uuid:2"}]}"#
        );
        let refuse = |reference: &str| if reference == "urn:uuid:2" { Err("nobody") } else { Ok(None) };
        assert_eq!(relinked(raw.as_bytes(), entry, &refuse), Err("nobody"));
    }
}
