//! Our own JSON: whatever comes is decoded or refused, and what is decoded is written out and decoded to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use wardwatch::{
    domain::{DeviceId, Millis, Timestamp, VitalTable},
    ingest::{BodyForm, DecodeRules, decode_body, decode_item},
};

static VITALS: LazyLock<VitalTable> = LazyLock::new(VitalTable::builtin);
static SENDER: LazyLock<DeviceId> = LazyLock::new(|| "gw".parse().unwrap());

fuzz_target!(|data: &[u8]| {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let oldest = now - Millis::from_mins(60 * 24 * 365);
    let rules = DecodeRules { vitals: &VITALS, sender: &SENDER, now, oldest, max_items: 100 };
    for form in [BodyForm::Json, BodyForm::Ndjson] {
        for reading in decode_body(data, form, rules).into_iter().flatten().flatten() {
            assert_eq!(decode_item(0, &reading.as_wire(), rules).unwrap(), reading);
        }
    }
});
