//! Who is on duty: bedside nurses, the nurse in charge, the doctor on call.

use super::{BedId, Role, Timestamp, text};
use serde::{Deserialize, Deserializer, Serialize};
use std::{collections::BTreeSet, fmt};

/// Most shifts of a rota.
pub const ROTA_SHIFTS_MAX: usize = 2_000;

/// What somebody is on duty as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// Bedside nurse of some beds.
    Nurse,
    /// Nurse in charge of the ward.
    Charge,
    /// Doctor on call.
    Doctor,
}

impl Duty {
    /// All duties.
    pub const ALL: [Self; 3] = [Self::Nurse, Self::Charge, Self::Doctor];

    /// The name as files use it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nurse => "nurse",
            Self::Charge => "charge",
            Self::Doctor => "doctor",
        }
    }

    /// Whether an account with this role can have the duty: a charge nurse can have beds, too.
    #[must_use]
    pub const fn is_for(self, role: Role) -> bool {
        match self {
            Self::Nurse => matches!(role, Role::Nurse | Role::Charge),
            Self::Charge => matches!(role, Role::Charge),
            Self::Doctor => matches!(role, Role::Doctor),
        }
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The login name of a person, cleaned as text from outside.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct LoginName(String);

impl LoginName {
    /// A name from outside.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        Self(text::clean(raw))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for LoginName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(|raw| Self::new(&raw))
    }
}

/// One person on duty, `[from, to)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// From when on, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub to: Timestamp,
    /// As what.
    pub duty: Duty,
    /// Who.
    pub user: LoginName,
    /// Of a bedside nurse: which beds; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beds: Vec<BedId>,
}

impl Shift {
    /// Whether the person is on duty at `at`.
    #[must_use]
    pub fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// Whether it is about a bed: its own, or any if it names none.
    #[must_use]
    pub fn has_bed(&self, bed: &BedId) -> bool {
        self.beds.is_empty() || self.beds.contains(bed)
    }
}

/// The shifts of a ward, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Rota {
    /// In order of time, duty and name.
    pub shifts: Vec<Shift>,
    /// Who is named by shifts and cannot have the duty at present: the account is gone, disabled, of other wards, or has
    /// another role. Nobody asks them, and their shifts are gaps.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unfit: BTreeSet<Unfit>,
}

/// A person who cannot have a duty at present.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unfit {
    /// Who.
    pub user: LoginName,
    /// As what.
    pub duty: Duty,
}

/// Why shifts are not a rota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "rota_refused", rename_all = "snake_case")]
pub enum RotaError {
    /// A shift ends before it begins.
    #[error("the shift of {user} would end before it begins")]
    EndsBeforeStart {
        /// Whose.
        user: LoginName,
    },
    /// Too many shifts.
    #[error("a rota has at most {ROTA_SHIFTS_MAX} shifts, this one {shifts}")]
    TooMany {
        /// How many.
        shifts: usize,
    },
    /// A shift names a bed that the ward has not.
    #[error("the shift of {user} names bed {bed}, which this ward has not")]
    UnknownBed {
        /// Whose.
        user: LoginName,
        /// The bed.
        bed: BedId,
    },
    /// No such shift.
    #[error("there is no such shift of {user}")]
    NoSuchShift {
        /// Whose.
        user: LoginName,
    },
    /// A shift without a name.
    #[error("a shift names nobody")]
    Nobody,
    /// A shift names somebody who has no account.
    #[error("there is no account {user}: a shift names somebody who can sign in")]
    NoAccount {
        /// Whose.
        user: LoginName,
    },
    /// The account of the person is disabled.
    #[error("the account of {user} is disabled: enable it first, or name somebody else")]
    Disabled {
        /// Whose.
        user: LoginName,
    },
    /// The account of the person is not for this ward.
    #[error("the account of {user} is not for this ward: name somebody whose account is")]
    OtherWard {
        /// Whose.
        user: LoginName,
    },
    /// The role of the account does not go with the duty.
    #[error("{user} has the role {role}: that is none for the duty {duty}")]
    WrongRole {
        /// Whose.
        user: LoginName,
        /// The role of the account.
        role: Role,
        /// The duty of the shift.
        duty: Duty,
    },
}

impl Rota {
    /// Shifts in order.
    #[must_use]
    pub fn new(mut shifts: Vec<Shift>) -> Self {
        shifts.sort();
        shifts.dedup();
        Self { shifts, unfit: BTreeSet::new() }
    }

    /// The same shifts, with those of `unfit` whom they name.
    #[must_use]
    pub fn with_unfit(mut self, mut unfit: BTreeSet<Unfit>) -> Self {
        unfit.retain(|one| self.shifts.iter().any(|s| s.user == one.user && s.duty == one.duty));
        self.unfit = unfit;
        self
    }

    /// Whether the person of a shift can have its duty at present.
    #[must_use]
    pub fn is_fit(&self, shift: &Shift) -> bool {
        !self.unfit.iter().any(|one| one.user == shift.user && one.duty == shift.duty)
    }

    /// Whether nobody has ever entered a shift: then nothing is said of gaps.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shifts.is_empty()
    }

    /// Who has a duty at `at` and can have it; of nurses, those of `bed` if one is given.
    pub fn on_duty<'a>(
        &'a self,
        duty: Duty,
        bed: Option<&'a BedId>,
        at: Timestamp,
    ) -> impl Iterator<Item = &'a LoginName> {
        let wanted = move |s: &&Shift| {
            s.duty == duty
                && s.covers(at)
                && self.is_fit(s)
                && (duty != Duty::Nurse || bed.is_none_or(|bed| s.has_bed(bed)))
        };
        self.shifts.iter().filter(wanted).map(|s| &s.user)
    }

    /// The next moment after `at` at which somebody comes or goes.
    #[must_use]
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        self.shifts.iter().flat_map(|s| [s.from, s.to]).filter(|t| *t > at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(s: i64) -> Timestamp {
        Timestamp::from_ms(s * 1000)
    }

    fn shift(duty: Duty, user: &str, from: i64, to: i64, beds: &[&str]) -> Shift {
        let beds = beds.iter().map(|b| b.parse().unwrap()).collect();
        Shift { from: t(from), to: t(to), duty, user: LoginName::new(user), beds }
    }

    #[test]
    fn a_nurse_has_beds_and_a_shift_ends_when_the_next_begins() {
        let rota = Rota::new(vec![
            shift(Duty::Nurse, "anna", 0, 100, &["b1", "b2"]),
            shift(Duty::Nurse, "ben", 100, 200, &[]),
            shift(Duty::Doctor, "brandt", 0, 200, &[]),
        ]);
        let names = |duty, bed: &str, at| {
            let bed: BedId = bed.parse().unwrap();
            rota.on_duty(duty, Some(&bed), t(at)).map(LoginName::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names(Duty::Nurse, "b1", 99), ["anna"]);
        assert_eq!(names(Duty::Nurse, "b3", 99), Vec::<String>::new());
        assert_eq!(names(Duty::Nurse, "b3", 100), ["ben"]);
        assert_eq!(names(Duty::Doctor, "b3", 199), ["brandt"]);
        assert_eq!(names(Duty::Doctor, "b3", 200), Vec::<String>::new());
        assert_eq!(
            (rota.next_change(t(0)), rota.next_change(t(100)), rota.next_change(t(200))),
            (Some(t(100)), Some(t(200)), None)
        );
    }

    #[test]
    fn who_cannot_have_the_duty_is_not_on_duty() {
        let unfit = |user: &str, duty| Unfit { user: LoginName::new(user), duty };
        let rota = Rota::new(vec![
            shift(Duty::Nurse, "anna", 0, 100, &[]),
            shift(Duty::Charge, "anna", 0, 100, &[]),
            shift(Duty::Nurse, "ben", 0, 100, &[]),
        ])
        .with_unfit([unfit("anna", Duty::Charge), unfit("ben", Duty::Nurse), unfit("carl", Duty::Nurse)].into());
        let names = |duty| rota.on_duty(duty, None, t(9)).map(LoginName::to_string).collect::<Vec<_>>();
        assert_eq!((names(Duty::Nurse), names(Duty::Charge)), (vec!["anna".to_owned()], Vec::new()));
        assert_eq!(rota.unfit.len(), 2, "carl has no shift");
    }

    #[test]
    fn each_duty_has_its_roles() {
        let fit = |duty: Duty| Role::ALL.into_iter().filter(|role| duty.is_for(*role)).collect::<Vec<_>>();
        assert_eq!(fit(Duty::Nurse), [Role::Nurse, Role::Charge]);
        assert_eq!(fit(Duty::Charge), [Role::Charge]);
        assert_eq!(fit(Duty::Doctor), [Role::Doctor]);
    }
}
