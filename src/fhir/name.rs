//! The ids under which people and things of ours stand in references.

use super::is_id;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The id of the resource of somebody or something that has a name of ours: the name itself, where FHIR allows it as an id,
/// else one that is made of it, always the same.
#[must_use]
pub fn id_of(name: &str) -> String {
    if is_id(name) {
        return name.to_owned();
    }
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().take(16).fold("sha-".to_owned(), |mut id, byte| {
        // Writing to a text cannot fail.
        _ = write!(id, "{byte:02x}");
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_id_gets_one_that_is() {
        assert_eq!(id_of("mon-07"), "mon-07");
        let made = id_of("gw/p1");
        assert!(is_id(&made) && made.starts_with("sha-") && made != id_of("gw/p2"), "{made}");
    }
}
