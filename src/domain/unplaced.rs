//! Devices whose values came and could not be placed.

use super::{BedId, DeviceId, Millis, PatientId, Timestamp, WardId};
use serde::{Deserialize, Serialize};

/// Most devices that are kept as unplaced; the longest unheard go first.
pub const UNPLACED_MAX: usize = 1_000;
/// A device that has sent nothing of that kind for this long no longer waits for anybody.
pub const UNPLACED_KEPT: Millis = Millis::from_mins(24 * 60);

/// A device, known or not, whose values came and were nobody's, or were said to be of somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unplaced {
    /// The device.
    pub device: DeviceId,
    /// Whose token they came by: a gateway, or the device itself.
    pub sender: DeviceId,
    /// The ward of the sender; absent if no ward has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ward: Option<WardId>,
    /// When the first one came, in engine time.
    pub first_at: Timestamp,
    /// When the last one came, in engine time.
    pub last_at: Timestamp,
    /// How many values.
    pub count: u64,
    /// Why the last one could not be placed, for programs: `unknown_device`, `not_assigned` or `wrong_patient`.
    pub code: String,
    /// Why, for people.
    pub detail: String,
    /// The patient that was named last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// The bed that was named last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bed: Option<BedId>,
}

impl Unplaced {
    /// Whether it measures somebody and named another patient: what is wrong then is what is set on it, or where it stands.
    #[must_use]
    pub fn names_another(&self) -> bool {
        self.code == "wrong_patient"
    }

    /// Takes in what came later of the same device.
    pub fn join(&mut self, later: Self) {
        let (patient, bed) = (self.patient.take(), self.bed.take());
        *self = Self {
            first_at: self.first_at.min(later.first_at),
            count: self.count.saturating_add(later.count),
            patient: later.patient.or(patient),
            bed: later.bed.or(bed),
            ..later
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_later_is_counted_and_tells_more() {
        let at = Timestamp::from_ms;
        let one = |ms, code: &str, bed: Option<&str>| Unplaced {
            device: "d1".parse().unwrap(),
            sender: "gw".parse().unwrap(),
            ward: None,
            first_at: at(ms),
            last_at: at(ms),
            count: 2,
            code: code.to_owned(),
            detail: String::new(),
            patient: None,
            bed: bed.map(|bed| bed.parse().unwrap()),
        };
        let mut held = one(1_000, "unknown_device", Some("b1"));
        held.join(one(5_000, "not_assigned", None));
        assert_eq!((held.first_at, held.last_at, held.count), (at(1_000), at(5_000), 4));
        assert_eq!((held.code.as_str(), held.bed.unwrap().as_str()), ("not_assigned", "b1"));
    }
}
