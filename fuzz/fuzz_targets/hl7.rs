//! HL7 v2: whatever comes is decoded or refused with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::{collections::BTreeMap, sync::LazyLock};
use wardwatch::{
    domain::{DeviceId, Millis, Timestamp, VitalTable},
    ingest::{
        DecodeRules,
        hl7::{Body, Charset, CodeTable, SENTINELS, Source, decode},
    },
};

static VITALS: LazyLock<VitalTable> = LazyLock::new(VitalTable::builtin);
static SENDER: LazyLock<DeviceId> = LazyLock::new(|| "gw".parse().unwrap());
static SOURCE: LazyLock<Source> = LazyLock::new(|| Source {
    codes: CodeTable::new(&VITALS, &BTreeMap::new(), &BTreeMap::new()).unwrap(),
    zone: "Europe/Berlin".parse().unwrap(),
    charset: Charset::default(),
    sentinels: SENTINELS.to_vec(),
    beds: BTreeMap::new(),
    x_is_no_value: true,
});

fuzz_target!(|data: &[u8]| {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let oldest = now - Millis::from_mins(60 * 24 * 365);
    let rules = DecodeRules { vitals: &VITALS, sender: &SENDER, now, oldest, max_items: 100 };
    let Ok(message) = decode(data, &SOURCE, rules) else { return };
    if let Body::Alerts(groups) = &message.body {
        for told in groups.iter().flat_map(|group| &group.alerts) {
            match &told.read {
                Ok(alert) => assert_eq!(alert.said.code.as_str().parse(), Ok(alert.said.code)),
                Err(refused) => assert!(!refused.rejection.detail.is_empty()),
            }
        }
    }
    if let Body::Values(groups) = message.body {
        for refused in groups.iter().flat_map(|group| &group.values).filter_map(|value| value.read.as_ref().err()) {
            assert!(!refused.rejection.detail.is_empty());
        }
    }
});
