//! Sparkplug B: whatever comes, in whatever order, each metric is a reading, passed over or refused with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::{collections::BTreeMap, sync::LazyLock};
use wardwatch::{
    domain::{DeviceId, Millis, Timestamp, VitalTable},
    ingest::{
        DecodeRules,
        sparkplug::{Session, Source, Topic},
    },
};

static VITALS: LazyLock<VitalTable> = LazyLock::new(VitalTable::builtin);
static SENDER: LazyLock<DeviceId> = LazyLock::new(|| "gw".parse().unwrap());
static SOURCE: LazyLock<Source> =
    LazyLock::new(|| Source::new(&VITALS, &BTreeMap::new(), &BTreeMap::new(), false).unwrap());

/// What the first byte of a message stands for.
const KINDS: [&str; 6] = ["NBIRTH/e", "NDEATH/e", "NDATA/e", "DBIRTH/e/d", "DDEATH/e/d", "DDATA/e/d"];

// Messages one after the other: a byte for the kind, two for the length, and the payload.
fuzz_target!(|data: &[u8]| {
    let now: Timestamp = "2026-03-01T10:00:02Z".parse().unwrap();
    let oldest = now - Millis::from_mins(60 * 24 * 365);
    let rules = DecodeRules { vitals: &VITALS, sender: &SENDER, now, oldest, max_items: 100 };
    let mut session = Session::default();
    let mut rest = data;
    while let [kind, high, low, left @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(left.len());
        let (payload, after) = left.split_at(length);
        rest = after;
        let topic = format!("spBv1.0/g/{}", KINDS[usize::from(*kind) % KINDS.len()]);
        let taken = session.take(Topic::parse(&topic).unwrap(), payload, kind & 0x80 != 0, &SOURCE, rules);
        let Ok(taken) = taken else { continue };
        for refused in taken.decoded.iter().filter_map(|read| read.as_ref().err()) {
            assert!(!refused.rejection.detail.is_empty());
        }
    }
});
