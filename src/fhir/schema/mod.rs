//! Which elements the resources and data types of FHIR R4 have that this server takes: names, types, how many.
//!
//! Source: the StructureDefinitions of FHIR R4 (4.0.1). Types that are met in extensions alone and that nothing here
//! reads are [`Kind::Any`]: of them only the rules of JSON are checked.

mod datatypes;
mod resources;

pub(super) use resources::resource;

/// What stands beside a primitive value: its id and extensions.
#[must_use]
pub(super) fn element() -> &'static Type {
    &datatypes::EMPTY
}

/// What an element holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// `boolean`
    Boolean,
    /// `integer`
    Integer,
    /// `unsignedInt`
    UnsignedInt,
    /// `positiveInt`
    PositiveInt,
    /// `decimal`
    Decimal,
    /// `string`, `markdown`
    String,
    /// `xhtml`
    Xhtml,
    /// `code`
    Code,
    /// `code` of a value set that is required.
    CodeOf(&'static [&'static str]),
    /// `id`
    Id,
    /// `uri`, `url`, `canonical`, `oid`, `uuid`
    Uri,
    /// `date`
    Date,
    /// `dateTime`
    DateTime,
    /// `instant`
    Instant,
    /// `time`
    Time,
    /// `base64Binary`
    Base64,
    /// A data type or a part of a resource.
    Complex(&'static Type),
    /// A resource within another.
    Resource,
    /// Anything that JSON for FHIR may be.
    Any,
}

impl Kind {
    /// Whether it is a primitive type, which may have extensions beside it.
    #[must_use]
    pub(super) const fn is_primitive(self) -> bool {
        !matches!(self, Self::Complex(_) | Self::Resource | Self::Any)
    }
}

/// An element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    /// Its name in JSON.
    pub(super) name: &'static str,
    /// Its name in the standard if it is one of several types of a choice, such as `value` of `valueQuantity`.
    pub(super) choice: Option<&'static str>,
    /// What it holds.
    pub(super) kind: Kind,
    /// Whether it is an array.
    pub(super) many: bool,
    /// Whether it has to be there.
    pub(super) required: bool,
}

/// A data type, a resource, or a part of one.
#[derive(Debug)]
pub(super) struct Type {
    /// Its name.
    pub(super) name: &'static str,
    /// Its own elements.
    pub(super) own: &'static [Element],
    /// Elements that it shares with others.
    pub(super) shared: &'static [Element],
}

impl Type {
    /// The element of a name.
    #[must_use]
    pub(super) fn element(&self, name: &str) -> Option<&'static Element> {
        self.own.iter().chain(self.shared).find(|e| e.name == name)
    }

    /// The elements that have to be there.
    pub(super) fn required(&self) -> impl Iterator<Item = &'static Element> {
        self.own.iter().filter(|e| e.required)
    }
}

const fn one(name: &'static str, kind: Kind) -> Element {
    Element { name, choice: None, kind, many: false, required: false }
}

const fn must(name: &'static str, kind: Kind) -> Element {
    Element { required: true, ..one(name, kind) }
}

const fn many(name: &'static str, kind: Kind) -> Element {
    Element { many: true, ..one(name, kind) }
}

const fn pick(choice: &'static str, name: &'static str, kind: Kind) -> Element {
    Element { choice: Some(choice), ..one(name, kind) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn check(of: &'static Type, seen: &mut BTreeSet<&'static str>) {
        if !seen.insert(of.name) {
            return;
        }
        let mut names = BTreeSet::new();
        for element in of.own.iter().chain(of.shared) {
            assert!(names.insert(element.name), "{}.{} stands twice", of.name, element.name);
            if let Some(choice) = element.choice {
                assert!(element.name.starts_with(choice) && element.name.len() > choice.len(), "{}", element.name);
            }
            if let Kind::Complex(inner) = element.kind {
                check(inner, seen);
            }
        }
    }

    #[test]
    fn no_element_stands_twice_and_every_type_has_a_name_of_its_own() {
        let mut seen = BTreeSet::new();
        for name in ["Observation", "Patient", "Device", "Encounter", "Bundle"] {
            check(resource(name).unwrap(), &mut seen);
        }
        assert!(seen.len() > 40, "{}", seen.len());
        assert!(resource("Vitals").is_none());
    }
}
