//! A message as a whole.

use super::{
    ack::{AckKind, Reason, Severity},
    adt::{self, AdtAct},
    charset,
    header::Header,
    oru::{self, Group},
    r40,
    source::Source,
    time::{self, Zone},
    tokens::{Segment, Separators, lines},
};
use crate::ingest::native::DecodeRules;
use std::fmt;

/// What some senders put before a message in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Where in a message something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// The segment.
    pub segment: &'static str,
    /// Which one of its name, from 1.
    pub number: u32,
    /// The field, from 1; 0 for the message as a whole.
    pub field: u8,
}

impl Location {
    pub(super) const fn new(segment: &'static str, number: u32, field: u8) -> Self {
        Self { segment, number, field }
    }

    /// The message as a whole.
    pub(super) const WHOLE: Self = Self::new("MSH", 1, 0);

    /// As ERR-2 has it; nothing for the message as a whole.
    pub(super) fn erl(self, component: char) -> String {
        if self == Self::WHOLE {
            return String::new();
        }
        format!("{}{component}{}{component}{}", self.segment, self.number, self.field)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::WHOLE {
            return f.write_str("the message");
        }
        write!(f, "{}-{} of {} {}", self.segment, self.field, self.segment, self.number)
    }
}

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Values, by whose they are.
    Values(Vec<Group>),
    /// Alerts of devices, by whose they are; of a watchdog there are none.
    Alerts(Vec<Group>),
    /// Who lies where.
    Adt(Box<AdtAct>),
}

/// A message that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its header.
    pub header: Header,
    /// What it says.
    pub body: Body,
}

/// A message of which nothing can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", reason.text)]
pub struct Faulty {
    /// Its header; absent if it is no HL7 at all: then there is nobody to answer to.
    pub header: Option<Header>,
    /// Whether it is an error or a rejection.
    pub kind: AckKind,
    /// What is wrong.
    pub reason: Reason,
}

impl Faulty {
    fn new(header: Header, kind: AckKind, code: u16, location: Option<Location>, text: String) -> Box<Self> {
        Box::new(Self {
            header: Some(header),
            kind,
            reason: Reason { severity: Severity::Error, code, location, text },
        })
    }

    /// A fault at a place: the message is understood and cannot be done.
    pub(super) fn at(header: Header, code: u16, location: Location, text: &str) -> Box<Self> {
        Self::new(header, AckKind::Error, code, Some(location), format!("{location}: {text}"))
    }
}

/// Decodes the bytes of one message.
///
/// # Errors
/// If nothing of it can be used. A value that cannot be used harms no other.
pub fn decode(raw: &[u8], source: &Source, rules: DecodeRules<'_>) -> Result<Message, Box<Faulty>> {
    let raw = raw.strip_prefix(BYTE_ORDER_MARK).unwrap_or(raw);
    let text = charset::of(raw, source.charset).text(raw);
    let not_hl7 = || {
        Box::new(Faulty {
            header: None,
            kind: AckKind::Rejected,
            reason: Reason {
                severity: Severity::Error,
                code: 100,
                location: None,
                text: "this is no HL7 v2: a message begins with MSH".to_owned(),
            },
        })
    };
    let mut rest = lines(&text);
    let first = rest.next().ok_or_else(not_hl7)?;
    let separators = Separators::of(first).ok_or_else(not_hl7)?;
    let header = Header::of(&Segment::of(first, separators), separators);
    if let Some((location, what)) = header.fault() {
        let text = format!("{location}: {what}");
        return Err(Faulty::new(header, AckKind::Rejected, 101, Some(location), text));
    }
    let segments = rest.map(|line| Segment::of(line, separators));
    let zone = Zone { stated_min: time::stated_offset(&header.sent), source: source.zone, now: rules.now };
    match header.kind.as_str() {
        "ORU^R01" | "ORU" => match oru::groups(segments, separators, source, rules, zone) {
            Ok(groups) => Ok(Message { header, body: Body::Values(groups) }),
            Err((code, location, text)) => Err(Faulty::at(header, code, location, &text)),
        },
        "ORU^R40" => match r40::groups(segments, separators, source, rules, zone) {
            Ok(groups) => Ok(Message { header, body: Body::Alerts(groups) }),
            Err((code, location, text)) => Err(Faulty::at(header, code, location, &text)),
        },
        kind => match adt::kind(kind) {
            Some(kind) => match adt::act(kind, segments, separators, source, rules.now) {
                Ok(act) => Ok(Message { header, body: Body::Adt(Box::new(act)) }),
                Err((code, location, text)) => Err(Faulty::at(header, code, location, &text)),
            },
            None => {
                let location = Location::new("MSH", 1, 9);
                let text = format!(
                    "{location}: {kind:?} is not taken; ORU^R01, ORU^R40 and ADT A01 A02 A03 A08 A11 A12 A13 A40 are"
                );
                Err(Faulty::new(header, AckKind::Rejected, 200, Some(location), text))
            }
        },
    }
}
