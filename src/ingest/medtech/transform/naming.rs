//! Names that are the same each time: identifiers of Observations, ids of resources.

use crate::fhir::{Identifier, Instant};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The system of our codings and identifiers; that of Microsoft's service, so that records go on when a site moves.
pub const SERVICE_SYSTEM: &str = "https://azure.microsoft.com/en-us/services/iomt-fhir-connector/";

/// The identifier of an Observation: whose, by what, which type, and which part of time or correlation id.
#[must_use]
pub fn observation_identifier(patient: &str, device: &str, type_name: &str, segment: &str) -> Identifier {
    Identifier { system: Some(SERVICE_SYSTEM.to_owned()), value: format!("{patient}.{device}.{type_name}.{segment}") }
}

/// The id of a resource that is found by this identifier: SHA-256 in hexadecimal.
#[must_use]
pub fn resource_id(identifier: &Identifier) -> String {
    let named = format!("{}_{}", identifier.system.as_deref().unwrap_or_default(), identifier.value);
    let hash = Sha256::digest(named.as_bytes());
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A time as a segment of an identifier shows it, to the second.
#[must_use]
pub fn segment_second(at: Instant) -> String {
    at.utc().format("%Y%m%d%H%M%SZ").to_string()
}

/// The same with its seven decimals, if it has any that are not 0.
#[must_use]
pub fn segment_tick(at: Instant) -> String {
    let decimals = at.ticks().rem_euclid(10_000_000);
    if decimals == 0 {
        return segment_second(at);
    }
    format!("{}{decimals:07}Z", at.utc().format("%Y%m%d%H%M%S"))
}
