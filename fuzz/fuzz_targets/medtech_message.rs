//! A message by the mappings of the fixtures: whatever comes, it is decoded or refused with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use wardwatch::{
    domain::{DeviceId, Millis, Timestamp, VitalTable},
    ingest::{
        BodyForm, DecodeRules,
        medtech::{Arithmetic, Compat, MedtechIntake, Observations},
    },
};

static VITALS: LazyLock<VitalTable> = LazyLock::new(VitalTable::builtin);
static SENDER: LazyLock<DeviceId> = LazyLock::new(|| "gw".parse().unwrap());
static INTAKE: LazyLock<MedtechIntake> = LazyLock::new(|| {
    let device = include_bytes!("../../fixtures/mapping/monitor.device.json");
    let fhir = include_bytes!("../../fixtures/mapping/monitor.fhir.json");
    MedtechIntake::load((device, fhir), &VITALS, Arithmetic::Medtech, Compat::Safe, Observations::Kept).unwrap()
});

fuzz_target!(|data: &[u8]| {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let oldest = now - Millis::from_mins(60 * 24 * 365);
    let rules = DecodeRules { vitals: &VITALS, sender: &SENDER, now, oldest, max_items: 100 };
    for form in [BodyForm::Json, BodyForm::Ndjson] {
        let Ok(made) = INTAKE.decode(data, form, rules) else { continue };
        assert!(made.messages > 0);
        for refused in made.decoded.iter().filter_map(|item| item.as_ref().err()) {
            assert!(!refused.rejection.detail.is_empty());
        }
    }
});
