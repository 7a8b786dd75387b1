//! A device mapping and a message, with a zero byte between: whatever they are, the mapping loads or says why not, and the
//! message makes measurements or faults.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wardwatch::ingest::medtech::{Arithmetic, Compat, DeviceMapping, Json};

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (mapping, message) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    for arithmetic in [Arithmetic::Medtech, Arithmetic::Documented] {
        let loaded = DeviceMapping::load(mapping, arithmetic);
        if let Ok(message) = Json::read(message) {
            for compat in [Compat::Safe, Compat::Medtech] {
                drop(loaded.mapping.normalise(&message, compat));
            }
            let traced = loaded.mapping.trace(&message, Compat::Safe);
            assert_eq!(traced.normalised, loaded.mapping.normalise(&message, Compat::Safe));
        }
    }
});
