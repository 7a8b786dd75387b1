//! A FHIR mapping: whatever it is, it loads or says why not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wardwatch::ingest::medtech::transform::FhirMapping;

fuzz_target!(|data: &[u8]| {
    let (mapping, errors) = FhirMapping::load(data);
    for template in mapping.iter() {
        assert!(mapping.get(&template.type_name).is_ok());
    }
    assert_eq!(errors.is_empty(), errors.to_string().is_empty());
});
