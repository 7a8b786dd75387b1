//! Resources of FHIR: whatever comes is decoded or refused with a reason and its element; what is taken is shown with its id
//! and stays JSON that is taken again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use wardwatch::{
    domain::{Timestamp, VitalTable},
    fhir::edit::stamped,
    ingest::fhir::{FhirRules, VitalCodes, decode},
};

static CODES: LazyLock<VitalCodes> = LazyLock::new(|| VitalCodes::new(&VitalTable::builtin()));

fuzz_target!(|data: &[u8]| {
    let rules = FhirRules { codes: &CODES, oldest: "2020-01-01T00:00:00Z".parse().unwrap(), patient_systems: &[], came: None };
    match decode(data, rules) {
        Ok(resource) => {
            let shown = stamped(data, "id-1", 1, Timestamp::from_ms(0)).unwrap();
            let again = decode(&shown, rules).unwrap();
            assert_eq!((again.said, again.index), (resource.said, resource.index));
            assert_eq!(again.id.as_deref(), Some("id-1"));
        }
        Err(error) => {
            let issues = error.issues();
            assert!(!issues.is_empty());
            assert!(issues.iter().all(|i| !i.diagnostics.is_empty() && !i.expression[0].is_empty()));
        }
    }
});
