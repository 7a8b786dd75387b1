//! What is particular about one sender.

use super::{
    charset::Charset,
    codes::CodeTable,
    tokens::{Separators, pieces},
};
use crate::domain::{BedId, IdError};
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// Numbers by which monitors say that there is no value.
pub const SENTINELS: &[f64] = &[-1.0, -100.0, -999.0, -10_000.0, -99.9, 8_388_607.0, 8_388_608.0, -32_768.0, 32_767.0];

/// What is particular about one sender of HL7 v2.
#[derive(Debug, Clone)]
pub struct Source {
    /// Codes and units.
    pub codes: CodeTable,
    /// The zone of times that state no offset.
    pub zone: Tz,
    /// The characters of messages that name none.
    pub charset: Charset,
    /// Numbers that say that there is no value.
    pub sentinels: Vec<f64>,
    /// Beds by the text of PV1-3, where they are called otherwise here.
    pub beds: BTreeMap<String, BedId>,
    /// Whether OBX-11 = X says that there is no value. Some senders mark all of theirs so.
    pub x_is_no_value: bool,
}

impl Source {
    /// The bed that PV1-3 means: as configured, else point of care, room and bed joined by `-`, such as `ICU-12` for
    /// `ICU^^12`. `None` if there is none.
    ///
    /// # Errors
    /// If what is there cannot be the identifier of a bed.
    pub(super) fn bed(&self, field: &str, separators: Separators) -> Result<Option<BedId>, IdError> {
        let place = separators.first(field);
        if let Some(bed) = self.beds.get(place) {
            return Ok(Some(bed.clone()));
        }
        let mut name = String::new();
        for part in pieces(place, separators.component).take(3) {
            let part = separators.plain(part).trim();
            if !part.is_empty() && part != "\"\"" {
                if !name.is_empty() {
                    name.push('-');
                }
                name.push_str(part);
            }
        }
        if name.is_empty() { Ok(None) } else { name.parse().map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::hl7::testing::source;
    use rstest::rstest;

    #[rstest]
    #[case("ICU^^12", Some("ICU-12"))]
    #[case("WARDA^101^A", Some("WARDA-101-A"))]
    #[case("ICU-01", Some("ICU-01"))]
    #[case("PREOP^101^1^1^^^S", Some("PREOP-101-1"))]
    #[case::as_configured("ICU^&8^32..&4601&5&4", Some("b32"))]
    #[case("^^Bed^Ward", Some("Bed"))]
    #[case("ICU&x^^12~other", Some("ICU-12"))]
    #[case("^^^", None)]
    #[case("", None)]
    fn beds_have_names(#[case] field: &str, #[case] bed: Option<&str>) {
        let found = source().bed(field, Separators::USUAL).unwrap();
        assert_eq!(found.as_ref().map(BedId::as_str), bed);
    }

    #[test]
    fn what_is_no_name_is_told() {
        assert!(source().bed("ICU^^bed 12", Separators::USUAL).is_err());
    }
}
