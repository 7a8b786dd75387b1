//! Entries of the trail in the forms that others read: FHIR AuditEvent, DICOM audit messages, syslog.
//!
//! Each gives one line for an entry, whatever stands in it: no character that could end the line, drive a terminal or turn
//! the direction of reading is left, and everything else is escaped as the form wants it. What is not known is left out or
//! said to be unknown; nothing is made up.

mod dicom;
mod fhir;
mod syslog;

pub use dicom::dicom;
pub use fhir::fhir;
pub use syslog::{syslog, syslog_as, syslog_gap};

use crate::domain::text::is_unsafe;
use serde_json::Value;

/// An entry, as far as it can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the trail.
    pub index: u64,
    /// When, in UTC; empty if the entry cannot be read.
    pub utc: String,
    /// What was done; `unreadable` if the entry cannot be read.
    pub act: String,
    /// Whether it was refused.
    pub refused: bool,
    /// What kind of actor: `user`, `device`, `console`, `system`, `unknown`.
    pub actor_kind: String,
    /// Who, by identifier.
    pub actor: String,
    /// The actor's role.
    pub role: Option<String>,
    /// The actor's session.
    pub session: Option<String>,
    /// About which patient.
    pub patient: Option<String>,
    /// About what else: kind and identifier.
    pub objects: Vec<(&'static str, String)>,
    /// The code that says more.
    pub code: Option<String>,
}

/// What an entry is about, besides a patient.
const OBJECTS: [&str; 11] =
    ["ward", "bed", "device", "user", "session", "alert", "handover", "upto", "approval", "second", "alone"];
/// Longest text that is taken from an entry, in characters.
const TEXT_MAX_CHARS: usize = 256;

fn safe(text: &str) -> String {
    text.chars().filter(|c| !is_unsafe(*c) && !matches!(c, '\u{2028}' | '\u{2029}')).take(TEXT_MAX_CHARS).collect()
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(safe(text)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Entry {
    /// Reads an entry from its bytes.
    #[must_use]
    pub fn read(index: u64, leaf: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(leaf) else {
            let unknown = || "unknown".to_owned();
            let act = "unreadable".to_owned();
            return Self { index, act, actor_kind: unknown(), actor: unknown(), ..Self::default() };
        };
        let get = |key: &str| value.get(key).and_then(text_of);
        let actor = |key: &str| value.get("actor").and_then(|actor| actor.get(key)).and_then(text_of);
        Self {
            index,
            utc: get("utc").unwrap_or_default(),
            act: get("act").unwrap_or_else(|| "unreadable".to_owned()),
            refused: get("outcome").as_deref() == Some("refused"),
            actor_kind: actor("kind").unwrap_or_else(|| "unknown".to_owned()),
            actor: ["user", "device", "uid", "kind"].iter().find_map(|key| actor(key)).unwrap_or_default(),
            role: actor("role"),
            session: actor("session"),
            patient: get("patient"),
            objects: OBJECTS.iter().filter_map(|kind| Some((*kind, get(kind)?))).collect(),
            code: get("code"),
        }
    }
}

impl Entry {
    /// Who, as people read it: a number alone would not say that it is an account of the server's own machine.
    #[must_use]
    pub fn who(&self) -> String {
        if self.actor_kind == "console" { format!("uid {}", self.actor) } else { self.actor.clone() }
    }
}

/// A code of DICOM (PS3.16), with its meaning.
type Code = (&'static str, &'static str);

/// What kind of act it is in DICOM's words.
struct Kind {
    event: Code,
    of: Option<Code>,
    /// Create, read, update, delete, execute.
    action: char,
}

const fn kind(event: Code, of: Option<Code>, action: char) -> Kind {
    Kind { event, of, action }
}

const APPLICATION: Code = ("110100", "Application Activity");
const LOG_USED: Code = ("110101", "Audit Log Used");
const PATIENT_RECORD: Code = ("110110", "Patient Record");
const SECURITY: Code = ("110113", "Security Alert");
const AUTHENTICATION: Code = ("110114", "User Authentication");

fn kind_of(act: &str) -> Kind {
    match act {
        "log.start" | "server.start" => kind(APPLICATION, Some(("110120", "Application Start")), 'E'),
        "server.stop" => kind(APPLICATION, Some(("110121", "Application Stop")), 'E'),
        "user.login" | "session.unlock" => kind(AUTHENTICATION, Some(("110122", "Login")), 'E'),
        "user.logout" | "session.end" | "session.lock" => kind(AUTHENTICATION, Some(("110123", "Logout")), 'E'),
        "audit.read" | "audit.export" => kind(LOG_USED, None, 'R'),
        "audit.retain" => kind(LOG_USED, None, 'D'),
        "break_glass.start" => kind(SECURITY, Some(("110127", "Emergency Override Started")), 'E'),
        "break_glass.stop" | "break_glass.end" => kind(SECURITY, Some(("110138", "Emergency Override Stopped")), 'E'),
        _ if act.starts_with("policy.") || act.starts_with("approval.") => kind(SECURITY, None, 'E'),
        "access.denied" | "unreadable" => kind(SECURITY, None, 'E'),
        _ if act.starts_with("user.") => kind(SECURITY, Some(("110137", "User Security Attributes Changed")), 'U'),
        _ => kind(PATIENT_RECORD, None, action_of(act)),
    }
}

fn action_of(act: &str) -> char {
    match act.rsplit('.').next() {
        Some("view" | "history" | "alert_report" | "read") => 'R',
        Some("admit" | "create" | "token" | "enrol_code" | "enrol" | "offer") => 'C',
        Some("discharge" | "drop") => 'D',
        _ => 'U',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(super) const VIEW: &str = r#"{"v":1,"i":41,"utc":"2026-11-23T08:00:00.120Z","boot_ms":7,"boot_id":"b","actor":{"kind":"user","user":"u1","role":"nurse","session":"s1"},"act":"patient.view","outcome":"success","ward":"w","patient":"p1"}"#;
    pub(super) const LOGIN: &str = r#"{"v":1,"i":42,"utc":"2026-11-23T08:00:01.000Z","boot_ms":8,"boot_id":"b","actor":{"kind":"unknown"},"act":"user.login","outcome":"refused","code":"wrong"}"#;
    pub(super) const EVIL: &str = r#"{"utc":"2026\r\n<85>1 x","actor":{"kind":"user","user":"u\"]\\<b>&'\u001b[2J\u202e\u2028"},"act":"patient.view\n","outcome":"success","patient":"p\r\n]\"/>"}"#;

    #[test]
    fn the_forms_are_these() {
        let all = [VIEW, LOGIN, EVIL, "no entry"].map(|leaf| Entry::read(41, leaf));
        let shown = |form: fn(&Entry, &str) -> String| all.each_ref().map(|e| form(e, "wardwatch/site-1")).join("\n");
        insta::assert_snapshot!("fhir", shown(fhir));
        insta::assert_snapshot!("dicom", shown(dicom));
        insta::assert_snapshot!("syslog", shown(syslog));
    }

    #[test]
    fn an_audit_event_is_strict_json_and_has_what_balp_wants() {
        let event: Value = serde_json::from_str(&fhir(&Entry::read(41, VIEW), "wardwatch/site-1")).unwrap();
        let agents = event["agent"].as_array().unwrap();
        assert_eq!(agents.iter().filter(|agent| agent["requestor"] == true).count(), 1);
        assert!(agents.len() >= 3 && event["recorded"].is_string() && event["outcome"] == "0");
        let roles: Vec<&Value> = event["entity"].as_array().unwrap().iter().map(|e| &e["role"]["code"]).collect();
        assert!(roles.contains(&&Value::from("1")), "the patient: {roles:?}");
        assert_eq!(event["entity"][0]["what"]["reference"], "Patient/p1");
    }

    #[test]
    fn a_removal_of_entries_is_no_change_of_a_patient() {
        let leaf = r#"{"v":1,"i":9,"utc":"2026-11-23T08:00:00.120Z","actor":{"kind":"console","uid":7},"act":"audit.retain","outcome":"success","upto":4711}"#;
        let entry = Entry::read(9, leaf);
        for text in [fhir(&entry, "o"), dicom(&entry, "o"), syslog(&entry, "o")] {
            assert!(text.contains("4711") && text.contains("110101") && !text.contains("110110"), "{text}");
        }
    }

    proptest! {
        /// Whatever stands in an entry, one line comes, without anything that drives a terminal or ends the line.
        #[test]
        fn whatever_stands_in_an_entry_is_one_harmless_line(texts in proptest::collection::vec(any::<String>(), 5)) {
            let [utc, user, act, patient, code] = texts.try_into().unwrap();
            let leaf = serde_json::json!({
                "utc": utc, "actor": { "kind": "user", "user": user, "session": code }, "act": act, "outcome": "success",
                "patient": patient, "code": code, "bed": user,
            });
            for text in [leaf.to_string(), utc] {
                let entry = Entry::read(7, &text);
                for line in [fhir(&entry, "o"), dicom(&entry, "o"), syslog(&entry, "o")] {
                    prop_assert!(line.chars().all(|c| !is_unsafe(c) && !matches!(c, '\u{2028}' | '\u{2029}')), "{line:?}");
                }
                prop_assert!(serde_json::from_str::<Value>(&fhir(&entry, "o")).is_ok());
                let xml = dicom(&entry, "o");
                prop_assert_eq!(xml.matches('<').count(), xml.matches('>').count());
                let sent = syslog(&entry, "o");
                prop_assert_eq!(sent.matches("[wardwatch@").count(), 1);
            }
        }
    }
}
