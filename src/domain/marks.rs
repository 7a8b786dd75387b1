//! What makes a value doubtful.

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeSeq};

/// Marks of doubt on one value. A doubtful value is judged like any other: marks tell people, they suppress nothing.
///
/// On the wire a list of names, such as `["jump"]`; names that a later version adds are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Marks(u8);

impl Marks {
    /// No doubt.
    pub const NONE: Self = Self(0);
    /// Far from the value before, and not yet confirmed by those after it.
    pub const JUMP: Self = Self(1);
    /// The same value for so long that no heart is as regular: a paced one, or a stuck measurement.
    pub const FLATLINE: Self = Self(1 << 1);
    /// Heart rate and pulse rate differ.
    pub const DISAGREES: Self = Self(1 << 2);
    /// Systolic, diastolic and mean pressure do not fit: a damped, clotted or flushed line.
    pub const DAMPED: Self = Self(1 << 3);
    /// Lost while the same device measures with a cuff, perhaps on the same arm.
    pub const CUFF: Self = Self(1 << 4);

    const NAMES: [(Self, &'static str); 5] = [
        (Self::JUMP, "jump"),
        (Self::FLATLINE, "flatline"),
        (Self::DISAGREES, "disagrees"),
        (Self::DAMPED, "damped"),
        (Self::CUFF, "cuff"),
    ];
    const ALL: u8 = 0b1_1111;

    /// Whether there is no mark.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Whether all marks of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These marks and those of `other`.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This mark if `so`, else none.
    #[must_use]
    pub const fn when(self, so: bool) -> Self {
        if so { self } else { Self::NONE }
    }

    /// As bits: the five lowest, as stored.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// From bits; those that no mark has are passed over.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL)
    }

    /// The names of the marks, in order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(mark, _)| self.has(*mark)).map(|(_, name)| name)
    }
}

impl Serialize for Marks {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut list = s.serialize_seq(Some(self.names().count()))?;
        for name in self.names() {
            list.serialize_element(name)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Marks {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let names: Vec<String> = Vec::deserialize(d)?;
        let known = |name: &String| Self::NAMES.into_iter().find(|(_, known)| known == name).map(|(mark, _)| mark);
        Ok(names.iter().filter_map(known).fold(Self::NONE, Self::and))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_marks_round_trip_as_names_and_as_bits() {
        for bits in 0..=Marks::ALL {
            let marks = Marks::from_bits(bits);
            assert_eq!(marks.bits(), bits);
            let json = serde_json::to_string(&marks).unwrap();
            assert_eq!(serde_json::from_str::<Marks>(&json).unwrap(), marks);
            let packed = rmp_serde::to_vec_named(&marks).unwrap();
            assert_eq!(rmp_serde::from_slice::<Marks>(&packed).unwrap(), marks);
        }
        let both = Marks::JUMP.and(Marks::CUFF);
        assert_eq!(serde_json::to_string(&both).unwrap(), r#"["jump","cuff"]"#);
        assert!(both.has(Marks::CUFF) && !both.has(Marks::DAMPED) && !both.is_empty());
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over() {
        assert_eq!(serde_json::from_str::<Marks>(r#"["jump","later"]"#).unwrap(), Marks::JUMP);
        assert_eq!(Marks::from_bits(0b1110_0001), Marks::JUMP);
    }
}
