//! What others hand us of an audit trail: notes, keys, proofs, entries. Whatever comes is read or refused, and what was read comes
//! back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use wardwatch::audit::{
    Checkpoint, CosignatureVerifier, Cosigner, Hash, NoteSigner, NoteVerifier, Pin, ProofText, Remembered, Shown,
    export::{Entry, dicom, fhir, syslog},
    leaf::claimed_index,
    proof::{is_consistent, is_included},
};

static LOG: LazyLock<NoteVerifier> = LazyLock::new(|| NoteSigner::new("wardwatch/site-1".into(), &[3; 32]).verifier());
static WITNESS: LazyLock<CosignatureVerifier> =
    LazyLock::new(|| Cosigner::new("witness.example/pi".into(), &[5; 32]).unwrap().verifier());

fuzz_target!(|data: &[u8]| {
    // Numbers and hashes for the checks themselves.
    if let Some((numbers, rest)) = data.split_at_checked(24) {
        let number = |at: usize| u64::from_le_bytes(numbers[at..at + 8].try_into().unwrap());
        let hashes: Vec<Hash> = rest.chunks_exact(32).map(|chunk| chunk.try_into().unwrap()).collect();
        let _ = is_included(number(0), number(8), [1; 32], &hashes, &[2; 32]);
        let _ = is_consistent((number(0), &[1; 32]), (number(8), &[2; 32]), &hashes);
    }
    if let Ok((checkpoint, pin)) = Pin::open(data, &LOG) {
        assert_eq!(Pin::open(&pin.to_bytes(), &LOG), Ok((checkpoint, pin)));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = (LOG.open(text), WITNESS.cosigned_at(text), claimed_index(data));
    let _ = Remembered::first(LOG.clone(), text);
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(Checkpoint::parse(&checkpoint.to_string()), Ok(checkpoint));
    }
    if let Ok(key) = text.parse::<NoteVerifier>() {
        assert_eq!(key.to_string(), text.trim());
    }
    if let Ok(key) = text.parse::<CosignatureVerifier>() {
        assert_eq!(key.to_string(), text.trim());
    }
    if let Ok(proof) = text.parse::<ProofText>() {
        assert_eq!(proof.to_string().parse(), Ok(proof.clone()));
        assert!(proof.check(&LOG, &[], 0).is_err() || text.contains("wardwatch/site-1"));
    }
    if let Ok(shown) = text.parse::<Shown>() {
        assert_eq!(shown.to_string().parse(), Ok(shown));
    }
    let entry = Entry::read(1, text);
    for line in [fhir(&entry, "o"), dicom(&entry, "o"), syslog(&entry, "o")] {
        assert!(!line.contains(['\n', '\r', '\u{1b}', '\u{202e}']));
    }
});
