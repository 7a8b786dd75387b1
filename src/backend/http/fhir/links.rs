//! What references in a Bundle mean: an entry of a transaction, a resource here, or one elsewhere.
//!
//! As R4 says: a relative reference belongs to the base of the `fullUrl` of the entry that it stands in. The id of a sender
//! is never taken for one of ours.

use crate::{
    domain::text::clean,
    fhir::{index::literal, is_id},
};
use std::collections::BTreeMap;

/// Most characters of a reference that an error shows.
const SHOWN_CHARS: usize = 80;

/// The entries of a transaction by their addresses.
#[derive(Debug)]
pub(super) struct Links {
    /// Our own base address.
    base: String,
    /// `Type/ID` here, by `fullUrl`.
    by_url: BTreeMap<String, String>,
}

impl Links {
    pub(super) const fn new(base: String) -> Self {
        Self { base, by_url: BTreeMap::new() }
    }

    /// An entry with this `fullUrl` is `target` here. `false` if another entry has it already.
    pub(super) fn insert(&mut self, full_url: String, target: String) -> bool {
        self.by_url.insert(full_url, target).is_none()
    }

    /// What has to stand in the place of a reference in an entry with this `fullUrl`; `None` if it stays as it is.
    ///
    /// # Errors
    /// If nobody can say what it means, with the reason for people.
    pub(super) fn resolve(&self, full_url: Option<&str>, reference: &str) -> Result<Option<String>, String> {
        if let Some(target) = self.by_url.get(reference) {
            return Ok(Some(target.clone()));
        }
        if reference.starts_with("urn:uuid:") || reference.starts_with("urn:oid:") {
            return Err(format!("{} is the fullUrl of no entry of this transaction", shown(reference)));
        }
        let Some((kind, id)) = literal(reference) else { return Ok(None) };
        let Some(base) = full_url.and_then(base_of) else { return self.without_base(kind, id, reference) };
        match self.by_url.get(&format!("{base}/{kind}/{id}")) {
            Some(target) => Ok(Some(target.clone())),
            None if base == self.base => Ok(None),
            None => Ok(Some(format!("{base}/{reference}"))),
        }
    }

    /// What has to stand in the place of a reference in an entry of a batch, whose entries do not know each other: an address
    /// elsewhere, if the entry with this `fullUrl` is from there. `None` if it stays as it is.
    pub(super) fn resolve_alone(&self, full_url: Option<&str>, reference: &str) -> Option<String> {
        literal(reference)?;
        let base = full_url.and_then(base_of)?;
        (base != self.base).then(|| format!("{base}/{reference}"))
    }

    /// A relative reference in an entry that has no address: one of ours, unless an entry is called so as well.
    fn without_base(&self, kind: &str, id: &str, reference: &str) -> Result<Option<String>, String> {
        let end = format!("/{kind}/{id}");
        let is_called_so = |(url, target): (&String, &String)| {
            base_of(url).is_some() && url.ends_with(&end) && *target != format!("{kind}/{id}")
        };
        if self.by_url.iter().any(is_called_so) {
            return Err(format!(
                "{} may be an entry of this transaction or a resource here: refer to the entry by its whole fullUrl",
                shown(reference)
            ));
        }
        Ok(None)
    }
}

fn shown(reference: &str) -> String {
    format!("{:?}", clean(reference).chars().take(SHOWN_CHARS).collect::<String>())
}

/// The base of an address such as `http://example.org/fhir/Patient/1`.
fn base_of(url: &str) -> Option<&str> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return None;
    }
    let (rest, id) = url.rsplit_once('/')?;
    let (base, kind) = rest.rsplit_once('/')?;
    (is_id(id) && literal(&format!("{kind}/{id}")).is_some()).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn links() -> Links {
        let mut links = Links::new("http://here/fhir".to_owned());
        assert!(links.insert("http://ehr/fhir/Patient/p1".to_owned(), "Patient/new".to_owned()));
        assert!(links.insert("http://here/fhir/Device/d7".to_owned(), "Device/d7".to_owned()));
        assert!(links.insert("urn:uuid:1".to_owned(), "Patient/other".to_owned()));
        assert!(!links.insert("urn:uuid:1".to_owned(), "Patient/other".to_owned()), "which of them?");
        links
    }

    #[rstest]
    #[case::whole(None, "http://ehr/fhir/Patient/p1", Some("Patient/new"))]
    #[case::uuid(Some("http://ehr/fhir/Observation/1"), "urn:uuid:1", Some("Patient/other"))]
    #[case::of_the_same_base(Some("http://ehr/fhir/Observation/1"), "Patient/p1", Some("Patient/new"))]
    #[case::version(Some("http://ehr/fhir/Observation/1"), "Patient/p1/_history/3", Some("Patient/new"))]
    #[case::elsewhere(Some("http://ehr/fhir/Observation/1"), "Patient/p2", Some("http://ehr/fhir/Patient/p2"))]
    #[case::of_another_base(Some("http://lab/fhir/Observation/1"), "Patient/p1", Some("http://lab/fhir/Patient/p1"))]
    #[case::ours(Some("http://here/fhir/Observation/1"), "Patient/p1", None)]
    #[case::no_base(Some("urn:uuid:2"), "Patient/p2", None)]
    #[case::no_address(None, "Patient/p2", None)]
    #[case::updated_here(None, "Device/d7", None)]
    #[case::contained(Some("http://ehr/fhir/Observation/1"), "#p1", None)]
    #[case::conditional(Some("http://ehr/fhir/Observation/1"), "Patient?identifier=p1", None)]
    fn a_reference_means_what_r4_says(#[case] from: Option<&str>, #[case] text: &str, #[case] wanted: Option<&str>) {
        assert_eq!(links().resolve(from, text), Ok(wanted.map(str::to_owned)));
    }

    #[rstest]
    #[case::of_the_same_base(Some("http://ehr/fhir/Observation/1"), "Patient/p1", Some("http://ehr/fhir/Patient/p1"))]
    #[case::ours(Some("http://here/fhir/Observation/1"), "Patient/p1", None)]
    #[case::no_base(Some("urn:uuid:1"), "Patient/p1", None)]
    #[case::no_address(None, "Patient/p1", None)]
    #[case::whole(Some("http://ehr/fhir/Observation/1"), "http://here/fhir/Patient/p1", None)]
    fn an_entry_of_a_batch_knows_no_other(
        #[case] from: Option<&str>,
        #[case] text: &str,
        #[case] wanted: Option<&str>,
    ) {
        assert_eq!(links().resolve_alone(from, text), wanted.map(str::to_owned));
    }

    #[rstest]
    #[case::either(None, "Patient/p1")]
    #[case::either_with_a_urn(Some("urn:uuid:2"), "Patient/p1")]
    #[case::nowhere(None, "urn:uuid:9")]
    fn what_nobody_can_say_is_refused(#[case] from: Option<&str>, #[case] text: &str) {
        assert!(links().resolve(from, text).unwrap_err().contains(text));
    }
}
