//! Who lies where in a recording, and which device measures whom.

use crate::domain::{Assignment, Bed, Command, Device, EncounterId, Patient, Timestamp, Ward, ids::ID_MAX_BYTES};
use std::collections::BTreeSet;

/// One patient of a recording with bed, stay and device.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// The patient.
    pub patient: Patient,
    /// The bed.
    pub bed: Bed,
    /// The stay.
    pub encounter: EncounterId,
    /// The device that sends all of the patient's vitals.
    pub device: Device,
}

/// What must stand before the first sample of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// A short name: that of the scenario, the file or the folder.
    pub name: String,
    /// What the recording shows, in a line; may be empty.
    pub title: String,
    /// The ward.
    pub ward: Ward,
    /// Patients in the order of the recording. No patient, bed or device stands twice.
    pub placements: Vec<Placement>,
    /// The moment that second 0 of the recording stands for.
    pub zero: Timestamp,
}

impl Plan {
    /// The commands that make beds, stays, devices and assignments; assignments begin at `start`.
    pub fn setup(&self, start: Timestamp) -> impl Iterator<Item = Command> {
        self.placements.iter().flat_map(move |p| {
            let assignment =
                Assignment { device: p.device.id.clone(), patient: p.patient.id.clone(), start, end: None };
            [
                Command::SetBed { bed: p.bed.clone() },
                Command::Admit { patient: p.patient.clone(), bed: p.bed.id.clone(), encounter: p.encounter.clone() },
                Command::SetDevice { device: p.device.clone() },
                Command::Assign { assignment },
            ]
        })
    }
}

/// Names that are told apart although an identifier keeps only [`ID_MAX_BYTES`] of them.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// The wanted name as the text of an identifier; if it is taken, with `-2`, `-3` … at its end.
    pub(super) fn give(&mut self, wanted: &str) -> String {
        let base = crate::domain::PatientId::from_name(wanted).as_str().to_owned();
        let mut name = base.clone();
        let mut copy = 1_u32;
        while !self.taken.insert(name.clone()) {
            copy += 1;
            let suffix = format!("-{copy}");
            let kept: String = base.chars().take(ID_MAX_BYTES - suffix.len()).collect();
            name = kept + &suffix;
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_be_cut_to_the_same_identifier_stay_apart() {
        let mut names = Names::default();
        let long = "x".repeat(80);
        assert_eq!(names.give("a b"), "a_b");
        assert_eq!(names.give("a/b"), "a/b");
        assert_eq!(names.give("a_b"), "a_b-2");
        assert_eq!(names.give("a_b"), "a_b-3");
        assert_eq!(names.give(&long).len(), ID_MAX_BYTES);
        let second = names.give(&long);
        assert_eq!((second.len(), second.ends_with("x-2")), (ID_MAX_BYTES, true));
    }
}
