//! DICOM audit messages: PS3.15, A.5.

use super::{Entry, kind_of};

/// A text within an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // Not characters of XML.
            '\u{FFFE}' | '\u{FFFF}' => {}
            c => out.push(c),
        }
    }
    out
}

fn coded(element: &str, code: &str, system: &str, text: &str) -> String {
    let (code, text) = (escaped(code), escaped(text));
    format!(r#"<{element} csd-code="{code}" codeSystemName="{system}" originalText="{text}"/>"#)
}

fn object(id: &str, codes: (&str, &str), id_type: &str) -> String {
    let (id, (kind, role)) = (escaped(id), codes);
    format!(
        r#"<ParticipantObjectIdentification ParticipantObjectID="{id}" ParticipantObjectTypeCode="{kind}" ParticipantObjectTypeCodeRole="{role}">{id_type}</ParticipantObjectIdentification>"#
    )
}

/// An entry as one line of XML; `origin` names the trail.
#[must_use]
pub fn dicom(entry: &Entry, origin: &str) -> String {
    let kind = kind_of(&entry.act);
    let (event, text) = kind.event;
    let outcome = if entry.refused { 4 } else { 0 };
    let known = entry.utc.parse::<crate::domain::Timestamp>().is_ok();
    let at = if known { escaped(&entry.utc) } else { String::new() };
    let mut out = format!(
        r#"<AuditMessage><EventIdentification EventActionCode="{}" EventDateTime="{at}" EventOutcomeIndicator="{outcome}">{}"#,
        kind.action,
        coded("EventID", event, "DCM", text),
    );
    if let Some((code, text)) = kind.of {
        out.push_str(&coded("EventTypeCode", code, "DCM", text));
    }
    out.push_str(&coded("EventTypeCode", &entry.act, "wardwatch", entry.code.as_deref().unwrap_or(&entry.act)));
    let alternative =
        entry.session.as_deref().map(|s| format!(r#" AlternativeUserID="{}""#, escaped(s))).unwrap_or_default();
    let role = entry.role.as_deref().unwrap_or(&entry.actor_kind);
    out.push_str(&format!(
        r#"</EventIdentification><ActiveParticipant UserID="{}"{alternative} UserIsRequestor="true">{}</ActiveParticipant>"#,
        escaped(&entry.actor),
        coded("RoleIDCode", role, "wardwatch", role),
    ));
    let source = escaped(origin);
    out.push_str(&format!(r#"<AuditSourceIdentification AuditSourceID="{source}" code="4"/>"#));
    if let Some(patient) = &entry.patient {
        let id_type = coded("ParticipantObjectIDTypeCode", "2", "RFC-3881", "Patient Number");
        out.push_str(&object(patient, ("1", "1"), &id_type));
    }
    for (kind, id) in &entry.objects {
        out.push_str(&object(id, ("2", "4"), &coded("ParticipantObjectIDTypeCode", kind, "wardwatch", kind)));
    }
    let index = coded("ParticipantObjectIDTypeCode", "audit-index", "wardwatch", "audit-index");
    out.push_str(&object(&entry.index.to_string(), ("4", "13"), &index));
    out.push_str("</AuditMessage>");
    out
}
