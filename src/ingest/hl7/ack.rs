//! The answer to a message.

use super::{
    header::{Header, Wanted, When},
    message::Location,
};
use crate::{
    domain::Timestamp,
    protocol::{Rejection, RejectionCode},
};

/// Most faults that an answer names; all are counted.
const REASONS_MAX: usize = 20;

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckKind {
    /// What the message says is durable.
    Accepted,
    /// The message was understood and could not be taken.
    Error,
    /// The message is none that is taken here, or nothing can be taken now.
    Rejected,
}

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// A part was not taken; it is kept as a dead letter.
    Warning,
    /// The message was not taken.
    Error,
}

/// What was wrong, for an ERR segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// How bad.
    pub severity: Severity,
    /// The number of HL7 table 0357.
    pub code: u16,
    /// Where, if it is about a part.
    pub location: Option<Location>,
    /// What, in words.
    pub text: String,
}

/// The words of HL7 table 0357.
const fn words(code: u16) -> &'static str {
    match code {
        100 => "Segment sequence error",
        101 => "Required field missing",
        102 => "Data type error",
        103 => "Table value not found",
        200 => "Unsupported message type",
        202 => "Unsupported processing id",
        204 => "Unknown key identifier",
        205 => "Duplicate key identifier",
        _ => "Application internal error",
    }
}

/// The answer, if one is wanted. `id` is its own control identifier.
#[must_use]
pub fn ack(header: &Header, kind: AckKind, reasons: &[Reason], id: &str, now: Timestamp) -> Option<String> {
    let (prefix, when) = match header.wanted {
        Wanted::Original => ('A', When::Always),
        Wanted::Accept(when) => ('C', when),
        Wanted::Application(when) => ('A', when),
        Wanted::Nothing => return None,
    };
    let good = kind == AckKind::Accepted;
    if (good && when == When::OnError) || (!good && when == When::OnSuccess) {
        return None;
    }
    let letter = match kind {
        AckKind::Accepted => 'A',
        AckKind::Error => 'E',
        AckKind::Rejected => 'R',
    };
    let s = header.separators;
    let [app, facility, own_app, own_facility] = &header.parties;
    let f = s.field;
    let c = s.component;
    let trigger = header.kind.split_once('^').map_or("", |(_, trigger)| trigger);
    let version = if header.version.is_empty() { "2.6" } else { &header.version };
    let processing = if header.processing.is_empty() { "P" } else { &header.processing };
    let at = now.utc().format("%Y%m%d%H%M%S+0000");
    let first = reasons.first().map(|r| escaped(&r.text, header)).unwrap_or_default();
    let mut out = format!(
        "MSH{f}{c}{}{}{}{f}{own_app}{f}{own_facility}{f}{app}{f}{facility}{f}{at}{f}{f}ACK{c}{trigger}{c}ACK{f}{id}{f}{processing}{f}{version}\r\
         MSA{f}{prefix}{letter}{f}{}{f}{first}\r",
        s.repetition, s.escape, s.subcomponent, header.control_id
    );
    for reason in reasons.iter().take(REASONS_MAX) {
        let location = reason.location.map(|l| l.erl(c)).unwrap_or_default();
        let severity = if reason.severity == Severity::Error { 'E' } else { 'W' };
        out += &format!(
            "ERR{f}{f}{location}{f}{code}{c}{}{c}HL70357{f}{severity}{f}{f}{f}{f}{}\r",
            words(reason.code),
            escaped(&reason.text, header),
            code = reason.code
        );
    }
    Some(out)
}

/// The text with the message's separators escaped. Texts of ours hold no control characters.
fn escaped(text: &str, header: &Header) -> String {
    let s = header.separators;
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_control()) {
        let code = match c {
            _ if c == s.field => 'F',
            _ if c == s.component => 'S',
            _ if c == s.repetition => 'R',
            _ if c == s.escape => 'E',
            _ if c == s.subcomponent => 'T',
            _ => {
                out.push(c);
                continue;
            }
        };
        out.extend([s.escape, code, s.escape]);
    }
    out
}

/// The number of HL7 table 0357 for a value that was not taken.
const fn number(code: RejectionCode) -> u16 {
    match code {
        RejectionCode::UnknownDevice
        | RejectionCode::OtherDevice
        | RejectionCode::NotAssigned
        | RejectionCode::WrongPatient => 204,
        RejectionCode::WrongUnit | RejectionCode::UnknownVital => 103,
        RejectionCode::Conflict | RejectionCode::NothingToCorrect => 205,
        RejectionCode::Malformed
        | RejectionCode::NotANumber
        | RejectionCode::Impossible
        | RejectionCode::BadTime
        | RejectionCode::InTheFuture
        | RejectionCode::TooOld
        | RejectionCode::BadInterval
        | RejectionCode::Unmatched
        | RejectionCode::Mapping => 102,
    }
}

/// How a message with values went, of which `taken` were stored now or before. What was not taken is kept as dead letters:
/// so the message is accepted if any value was taken, or if all that lacks is that somebody says whose they are. Else it
/// is an error.
#[must_use]
pub fn outcome(locations: &[Location], rejections: &[Rejection], taken: usize) -> (AckKind, Vec<Reason>) {
    let only_unassigned = |r: &Rejection| matches!(r.code, RejectionCode::NotAssigned | RejectionCode::UnknownDevice);
    let accepted = taken > 0 || rejections.iter().all(only_unassigned);
    let (kind, severity) =
        if accepted { (AckKind::Accepted, Severity::Warning) } else { (AckKind::Error, Severity::Error) };
    let reason = |r: &Rejection| Reason {
        severity,
        code: number(r.code),
        location: locations.get(r.index).copied(),
        text: r.detail.clone(),
    };
    (kind, rejections.iter().take(REASONS_MAX).map(reason).collect())
}
