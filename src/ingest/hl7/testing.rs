//! What the tests of this room share.

use super::{Charset, CodeTable, Faulty, Message, SENTINELS, Source, decode};
use crate::{
    domain::{Timestamp, VitalTable},
    ingest::DecodeRules,
};
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// A source in Berlin.
pub(super) fn source() -> Source {
    Source {
        codes: CodeTable::new(&VitalTable::builtin(), &BTreeMap::new(), &BTreeMap::new()).unwrap(),
        zone: Tz::Europe__Berlin,
        charset: Charset::default(),
        sentinels: SENTINELS.to_vec(),
        beds: [("ICU^&8^32..&4601&5&4".to_owned(), "b32".parse().unwrap())].into(),
        x_is_no_value: false,
    }
}

pub(super) fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// Decodes bytes with a source.
pub(super) fn decode_with(raw: &[u8], source: &Source) -> Result<Message, Box<Faulty>> {
    let (vitals, sender) = (VitalTable::builtin(), "gw".parse().unwrap());
    let oldest = "2026-01-01T00:00:00Z".parse().unwrap();
    decode(raw, source, DecodeRules { vitals: &vitals, sender: &sender, now: now(), oldest, max_items: 1_000 })
}

/// A message of lines, with a header before them.
pub(super) fn message(kind: &str, lines: &[&str]) -> String {
    format!("MSH|^~\\&|APP|FAC|WW|H|20260301120000+0000||{kind}|C1|P|2.6|||AL|NE\r{}\r", lines.join("\r"))
}
