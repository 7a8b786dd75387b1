//! Syslog lines: RFC 5424, with the DICOM audit message as their text (PS3.15, A.6).

use super::{Entry, dicom};
use crate::domain::Timestamp;

/// Facility `security/authorization messages`.
const FACILITY: u8 = 10;
/// Severity `warning`, of what was refused.
const WARNING: u8 = 4;
/// Severity `notice`, of everything else.
const NOTICE: u8 = 5;
/// The private enterprise number that RFC 5612 reserves for examples: wardwatch has none of its own.
const ENTERPRISE: &str = "wardwatch@32473";

/// A value of structured data: RFC 5424, section 6.3.3.
fn value(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '"' | '\\' | ']') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A part of the header: printable ASCII without spaces, at most `max` characters; `-` if nothing is left.
fn header(text: &str, max: usize) -> String {
    let kept: String = text.chars().filter(char::is_ascii_graphic).take(max).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}

/// An entry as one line; `origin` names the trail. The index of the entry goes along, so that a gap is seen.
#[must_use]
pub fn syslog(entry: &Entry, origin: &str) -> String {
    syslog_as(entry, origin, FACILITY)
}

/// Instead of the entries from `from` to before `to`, which were gone before they could be sent.
#[must_use]
pub fn syslog_gap(from: u64, to: u64, now: Timestamp, origin: &str, facility: u8) -> String {
    let (priority, host) = (u16::from(facility) * 8 + u16::from(WARNING), header(origin, 255));
    let last = to.saturating_sub(1);
    format!(
        r#"<{priority}>1 {now} {host} wardwatch - GAP [{ENTERPRISE} index="{from}" last="{last}" act="gap"] entries {from} to {last} were gone before they were sent"#
    )
}

/// As [`syslog`], with another facility (RFC 5424, table 1).
#[must_use]
pub fn syslog_as(entry: &Entry, origin: &str, facility: u8) -> String {
    let severity = if entry.refused { WARNING } else { NOTICE };
    let known = entry.utc.parse::<Timestamp>().is_ok();
    let at = if known { header(&entry.utc, 32) } else { "-".to_owned() };
    let mut data = format!(r#"[{ENTERPRISE} index="{}" act="{}""#, entry.index, value(&entry.act));
    for (name, text) in
        [("actor", Some(&entry.actor)), ("patient", entry.patient.as_ref()), ("code", entry.code.as_ref())]
    {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            data.push_str(&format!(r#" {name}="{}""#, value(text)));
        }
    }
    let priority = u16::from(facility) * 8 + u16::from(severity);
    let host = header(origin, 255);
    format!("<{priority}>1 {at} {host} wardwatch - DICOM+RFC3881 {data}] {}", dicom(entry, origin))
}
