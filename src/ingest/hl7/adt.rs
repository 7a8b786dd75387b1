//! ADT: who lies where.

use super::{
    message::Location,
    oru::{Unusable, check_header, chosen_id, patient_id},
    source::Source,
    time,
    tokens::{Segment, Separators},
};
use crate::domain::{BedId, Category, EncounterId, Patient, PatientId, PersonName, Timestamp};

/// Days from birth in which a patient is a newborn.
const NEONATE_DAYS: i64 = 28;
/// Years from birth in which a patient is a child.
const CHILD_YEARS: u32 = 16;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdtKind {
    /// A01: a patient came.
    Admit,
    /// A02: a patient went to another bed.
    Transfer,
    /// A03: a patient left.
    Discharge,
    /// A08: a patient is described anew.
    Update,
    /// A11: a patient did not come after all.
    CancelAdmit,
    /// A12: a patient did not go to the other bed after all.
    CancelTransfer,
    /// A13: a patient did not leave after all.
    CancelDischarge,
    /// A40: two identifiers are one patient.
    Merge,
}

/// An act of the hospital's own system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdtAct {
    /// What happened.
    pub kind: AdtKind,
    /// The patient; the one who stays, if two are merged.
    pub patient: Patient,
    /// The bed that PV1-3 names.
    pub bed: Option<BedId>,
    /// The stay that PV1-19 names.
    pub encounter: Option<EncounterId>,
    /// The identifier that is given up (MRG-1).
    pub merged: Option<PatientId>,
}

/// What a trigger means, if it is one of ours.
pub(super) fn kind(message: &str) -> Option<AdtKind> {
    Some(match message {
        "ADT^A01" => AdtKind::Admit,
        "ADT^A02" => AdtKind::Transfer,
        "ADT^A03" => AdtKind::Discharge,
        "ADT^A08" => AdtKind::Update,
        "ADT^A11" => AdtKind::CancelAdmit,
        "ADT^A12" => AdtKind::CancelTransfer,
        "ADT^A13" => AdtKind::CancelDischarge,
        "ADT^A40" => AdtKind::Merge,
        _ => return None,
    })
}

impl AdtKind {
    /// Whether there is no such act without a bed.
    const fn wants_bed(self) -> bool {
        matches!(self, Self::Admit | Self::Transfer | Self::CancelTransfer | Self::CancelDischarge)
    }
}

/// Reads the act.
pub(super) fn act<'m>(
    kind: AdtKind,
    segments: impl Iterator<Item = Segment<'m>>,
    separators: Separators,
    source: &Source,
    now: Timestamp,
) -> Result<AdtAct, Unusable> {
    let mut found: [Option<Segment<'m>>; 3] = [None; 3];
    let [pid, pv1, mrg] = &mut found;
    for segment in segments {
        let place = match segment.name() {
            "PID" => &mut *pid,
            "PV1" => &mut *pv1,
            "MRG" => &mut *mrg,
            _ => {
                check_header(&segment)?;
                continue;
            }
        };
        if place.is_some() {
            let text = "a second one in a message: send each act in a message of its own".to_owned();
            return Err((100, Location::new("PID", 2, 1), text));
        }
        *place = Some(segment);
    }
    let id_at = Location::new("PID", 1, 3);
    let pid = pid.ok_or_else(|| (101, Location::new("PID", 1, 1), "there is no PID: whom is it about?".to_owned()))?;
    let id = patient_id(&pid, separators).map_err(|why| (102, id_at, why))?;
    let id = id.ok_or_else(|| (101, id_at, "there is no identifier of the patient".to_owned()))?;
    let bed_at = Location::new("PV1", 1, 3);
    let bed = match pv1.as_ref().map(|pv1| source.bed(pv1.field(3), separators)) {
        Some(Ok(bed)) => bed,
        Some(Err(e)) => return Err((102, bed_at, format!("{e}: name the bed in the source's configuration"))),
        None => None,
    };
    if kind.wants_bed() && bed.is_none() {
        return Err((101, bed_at, "there is no bed".to_owned()));
    }
    let stay = pv1.as_ref().map(|pv1| separators.component(separators.first(pv1.field(19)), 1).trim());
    let merged_at = Location::new("MRG", 1, 1);
    let merged = mrg.as_ref().map(|mrg| chosen_id(mrg.field(1), separators).map_err(|why| (102, merged_at, why)));
    let merged = match merged.transpose()?.flatten() {
        Some(id) => Some(id),
        None if kind == AdtKind::Merge => {
            return Err((101, merged_at, "there is no identifier that is given up".to_owned()));
        }
        None => None,
    };
    Ok(AdtAct {
        kind,
        patient: patient(id, &pid, separators, now),
        bed,
        encounter: stay.and_then(|text| text.parse().ok()),
        merged,
    })
}

fn patient(id: PatientId, pid: &Segment<'_>, separators: Separators, now: Timestamp) -> Patient {
    let name = separators.first(pid.field(5));
    let part = |number| {
        let raw = separators.component(name, number);
        // Of a family name the first part is the whole name.
        separators.unescape(separators.plain(raw)).trim().to_owned()
    };
    let parts: Vec<String> = [part(1), part(2)].into_iter().filter(|p| !p.is_empty()).collect();
    Patient {
        id,
        name: PersonName::new(&parts.join(", ")),
        category: category(pid.field(7), now),
        birth_year: time::year(pid.field(7)),
        note: PersonName::default(),
    }
}

/// By age: a newborn until the 28th day, a child below 16 years; who has no date of birth is taken for an adult.
fn category(born: &str, now: Timestamp) -> Category {
    let Some(born) = time::date(born) else { return Category::Adult };
    let today = now.utc().date_naive();
    if today.signed_duration_since(born).num_days() < NEONATE_DAYS {
        Category::Neonate
    } else if today.years_since(born).is_some_and(|years| years >= CHILD_YEARS) {
        Category::Adult
    } else {
        Category::Paediatric
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::hl7::{
        Body,
        testing::{decode_with, message, now, source},
    };
    use rstest::rstest;

    const PID: &str = "PID|1||4711^^^HOSP^VN~P-1001^^^HOSP^MR||Álvarez^Ana María||19800101|F";
    const PV1: &str = "PV1|1|I|ICU^^12||||||||||||||||V-77^^^HOSP";

    fn read(kind: &str, lines: &[&str]) -> Result<AdtAct, String> {
        let decoded = decode_with(message(kind, lines).as_bytes(), &source()).map_err(|e| e.to_string())?;
        let Body::Adt(act) = decoded.body else { return Err("no act".to_owned()) };
        Ok(*act)
    }

    #[test]
    fn an_admission_names_patient_bed_and_stay() {
        let act = read("ADT^A01^ADT_A01", &["EVN||20260301070000+0000", PID, PV1]).unwrap();
        assert_eq!(act.kind, AdtKind::Admit);
        assert_eq!((act.patient.id.as_str(), act.patient.name.as_str()), ("P-1001", "Álvarez, Ana María"));
        assert_eq!(act.patient.birth_year, Some(1980));
        assert_eq!(act.bed.as_ref().map(BedId::as_str), Some("ICU-12"));
        assert_eq!(act.encounter.as_ref().map(EncounterId::as_str), Some("V-77"));
    }

    #[rstest]
    #[case("20260220", Category::Neonate)]
    #[case("20260201", Category::Paediatric)]
    #[case("20100302", Category::Paediatric)]
    #[case("20100301", Category::Adult)]
    #[case("19800101", Category::Adult)]
    #[case("1980", Category::Adult)]
    #[case("", Category::Adult)]
    fn age_makes_the_category(#[case] born: &str, #[case] expected: Category) {
        assert_eq!(category(born, now()), expected, "{born}");
    }

    #[rstest]
    #[case::no_patient("ADT^A01", &[PV1], "PID-1 of PID 1: there is no PID")]
    #[case::no_identifier("ADT^A01", &["PID|1||^^^H^MR", PV1], "PID-3 of PID 1: there is no identifier")]
    #[case::no_bed("ADT^A02", &[PID, "PV1|1|I|"], "PV1-3 of PV1 1: there is no bed")]
    #[case::bad_bed("ADT^A01", &[PID, "PV1|1|I|ICU^^a b"], "name the bed in the source's configuration")]
    #[case::bad_identifier("ADT^A03", &["PID|1||a b^^^H^MR"], "' '")]
    #[case::two("ADT^A01", &[PID, PID, PV1], "a second one")]
    #[case::no_merge("ADT^A40", &[PID], "MRG-1 of MRG 1")]
    fn what_is_missing_is_told(#[case] kind: &str, #[case] lines: &[&str], #[case] says: &str) {
        let why = read(kind, lines).unwrap_err();
        assert!(why.contains(says), "{why}");
    }

    #[test]
    fn a_merge_names_both() {
        let act = read("ADT^A40^ADT_A39", &[PID, "MRG|P-0999^^^HOSP^MR"]).unwrap();
        assert_eq!((act.kind, act.merged.as_ref().map(PatientId::as_str)), (AdtKind::Merge, Some("P-0999")));
        assert_eq!(act.patient.id.as_str(), "P-1001");
        let several = read("ADT^A40", &[PID, "MRG|VN1^^^HOSP^VN~P-0999^^^HOSP^MR"]).unwrap();
        assert_eq!(several.merged.as_ref().map(PatientId::as_str), Some("P-0999"), "chosen as PID-3 is");
    }
}
