//! Identifiers as newtypes: a value that exists is well formed.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{cmp::Ordering, fmt, hash, str::FromStr, sync::Arc};

/// Longest identifier, in bytes.
pub const ID_MAX_BYTES: usize = 64;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("an identifier is empty")]
    Empty,
    /// The text is longer than [`ID_MAX_BYTES`].
    #[error("an identifier has {0} bytes; at most {ID_MAX_BYTES} are allowed")]
    TooLong(usize),
    /// The text holds a character outside `A-Z a-z 0-9 . _ : / @ + -`.
    #[error("an identifier holds {0:?}; allowed are letters, digits and . _ : / @ + -")]
    BadCharacter(char),
}

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > ID_MAX_BYTES {
        return Err(IdError::TooLong(text.len()));
    }
    let bad = |c: &char| !(c.is_ascii_alphanumeric() || "._:/@+-".contains(*c));
    text.chars().find(bad).map_or(Ok(()), |c| Err(IdError::BadCharacter(c)))
}

/// Longest text that an identifier holds in place, in bytes.
const SHORT_MAX_BYTES: usize = 22;

/// The text of an identifier. A short one, as most are, stands in place: to look one up reads no memory elsewhere. A
/// longer one is shared.
#[derive(Clone, PartialEq, Eq)]
enum Text {
    /// Up to [`SHORT_MAX_BYTES`], filled up with zeros.
    Short { bytes: [u8; SHORT_MAX_BYTES], len: u8 },
    /// More than that.
    Long(Arc<str>),
}

impl Text {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { bytes, len } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Long(text) => text.as_bytes(),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Short { .. } => std::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Self::Long(text) => text,
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let mut bytes = [0; SHORT_MAX_BYTES];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(text.as_bytes());
                Self::Short { bytes, len }
            }
            _ => Self::Long(text.into()),
        }
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl hash::Hash for Text {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 1 to [`ID_MAX_BYTES`] bytes of `A-Z a-z 0-9 . _ : / @ + -`; cheap to clone.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Text);

        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// Makes an identifier of any text: characters that are not allowed become `_`, the rest is cut to
            /// [`ID_MAX_BYTES`]. For names of files and folders; never for identifiers that arrive in messages.
            #[must_use]
            pub fn from_name(text: &str) -> Self {
                let ok = |c: char| if check(c.encode_utf8(&mut [0; 4])).is_ok() { c } else { '_' };
                let slug: String = text.chars().map(ok).take(ID_MAX_BYTES).collect();
                Self(if slug.is_empty() { "_".into() } else { slug.as_str().into() })
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                check(text).map(|()| Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id!(
    /// A patient, by an opaque identifier (never a name).
    PatientId
);
text_id!(
    /// A bed of a ward.
    BedId
);
text_id!(
    /// A ward: the shard of one alert engine and one event journal.
    WardId
);
text_id!(
    /// A device or a gateway.
    DeviceId
);
text_id!(
    /// One stay of a patient, from admission to discharge.
    EncounterId
);
text_id!(
    /// A user account.
    UserId
);
text_id!(
    /// One authenticated session of a user.
    SessionId
);
text_id!(
    /// A patient opened in an emergency.
    BreakGlassId
);
text_id!(
    /// An act that one administrator has proposed and another has to approve.
    ApprovalId
);

/// An alert, numbered densely within its ward from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertId(pub u64);

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

    #[test]
    fn rejects_what_is_not_an_identifier() {
        assert_eq!("".parse::<PatientId>(), Err(IdError::Empty));
        assert_eq!("a b".parse::<PatientId>(), Err(IdError::BadCharacter(' ')));
        assert_eq!("a\u{1b}".parse::<PatientId>(), Err(IdError::BadCharacter('\u{1b}')));
        assert_eq!("x".repeat(65).parse::<PatientId>(), Err(IdError::TooLong(65)));
        assert!(serde_json::from_str::<BedId>("\"bad id\"").is_err());
    }

    #[test]
    fn an_identifier_takes_24_bytes_and_so_does_one_that_may_be_missing() {
        assert_eq!((size_of::<PatientId>(), size_of::<Option<PatientId>>()), (24, 24));
    }

    proptest! {
        /// Whether an identifier stands in place or is shared, it is its text and no more.
        #[test]
        fn identifiers_compare_as_their_texts_do(a in "[A-Za-z0-9._:/@+-]{1,64}", b in "[a-b]{20,25}", cut in 0_usize..64) {
            let id = |text: &str| text.parse::<PatientId>().unwrap();
            let hash = |id: &PatientId| BuildHasherDefault::<DefaultHasher>::default().hash_one(id);
            let prefix = &a[..cut.clamp(1, a.len())];
            for (left, right) in [(&*a, &*b), (&*b, &*a), (&*a, prefix), (prefix, &*a), (&*a, &*a.clone())] {
                prop_assert!(id(left).as_str() == left);
                prop_assert_eq!(id(left).cmp(&id(right)), left.cmp(right));
                prop_assert_eq!(id(left) == id(right), left == right);
                prop_assert!(left != right || hash(&id(left)) == hash(&id(right)));
            }
        }
    }

    #[test]
    fn round_trips_as_text() {
        let id: PatientId = "s00001-2896".parse().unwrap();
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"s00001-2896\"");
        assert_eq!(serde_json::from_str::<PatientId>(&json).unwrap(), id);
        assert_eq!(WardId::from_name("3 East ü").as_str(), "3_East__");
    }
}
