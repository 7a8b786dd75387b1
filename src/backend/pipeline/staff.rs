//! Who can have a duty on a rota: accounts as far as that needs them.
//!
//! Messages go to whoever the rota names, with patients' names if the channel may tell them. So a shift names somebody whose
//! account is for the ward and has the role of the duty; whoever no longer has is a gap from the same transaction on.

use crate::{
    backend::relation::relation_to_ward,
    domain::{Command, Coverage, Duty, LoginName, Role, Rota, RotaError, Shift, Timestamp, Unfit, UserId, WardId},
    rights::{Decision, Object, Principal, Standing, Verb, decide},
    store::{AccessChange, UserRecord},
};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of an account.
#[derive(Debug, Clone)]
struct Person {
    id: UserId,
    name: LoginName,
    role: Role,
    enabled: bool,
    coverage: Coverage,
}

/// The accounts, by login name without case.
#[derive(Debug, Default)]
pub(super) struct Staff {
    people: BTreeMap<String, Person>,
}

impl Staff {
    pub(super) fn of(users: Vec<UserRecord>) -> Self {
        let mut staff = Self::default();
        users.into_iter().for_each(|user| staff.add(&user));
        staff
    }

    fn add(&mut self, user: &UserRecord) {
        let person = Person {
            id: user.id.clone(),
            name: LoginName::new(&user.name),
            role: user.role,
            enabled: user.enabled,
            coverage: user.coverage.clone(),
        };
        self.people.entry(user.name.to_lowercase()).or_insert(person);
    }

    /// Takes a change in; says whether it can make another person fit, or no longer.
    pub(super) fn apply(&mut self, change: &AccessChange) -> bool {
        let (user, set): (_, &dyn Fn(&mut Person)) = match change {
            AccessChange::AddUser(user) => {
                self.add(user);
                return true;
            }
            AccessChange::SetEnabled { user, enabled } => (user, &|person| person.enabled = *enabled),
            AccessChange::SetRole { user, role } => (user, &|person| person.role = *role),
            AccessChange::SetCoverage { user, coverage } => (user, &|person| person.coverage.clone_from(coverage)),
            _ => return false,
        };
        self.people.values_mut().find(|person| person.id == *user).map(set).is_some()
    }

    /// A command with the names of its shifts as the accounts have them.
    ///
    /// # Errors
    /// If a shift that is not over names somebody who cannot have its duty.
    pub(super) fn fit(&self, ward: &WardId, mut command: Command, now: Timestamp) -> Result<Command, RotaError> {
        match &mut command {
            Command::SetRota { shifts } => {
                for shift in shifts.iter_mut().filter(|shift| shift.to > now) {
                    self.fit_shift(ward, shift)?;
                }
            }
            Command::AddShift { shift } => self.fit_shift(ward, shift)?,
            _ => {}
        }
        Ok(command)
    }

    fn fit_shift(&self, ward: &WardId, shift: &mut Shift) -> Result<(), RotaError> {
        // A shift of nobody is refused by the ward.
        if !shift.user.as_str().is_empty() {
            shift.user = self.judge(ward, shift.duty, &shift.user)?.clone();
        }
        Ok(())
    }

    /// Who of the shifts that are not over cannot have the duty.
    pub(super) fn unfit(&self, ward: &WardId, rota: &Rota, now: Timestamp) -> BTreeSet<Unfit> {
        let future = rota.shifts.iter().filter(|shift| shift.to > now);
        let unfit = future.filter(|shift| self.judge(ward, shift.duty, &shift.user).is_err());
        unfit.map(|shift| Unfit { user: shift.user.clone(), duty: shift.duty }).collect()
    }

    fn judge(&self, ward: &WardId, duty: Duty, name: &LoginName) -> Result<&LoginName, RotaError> {
        let user = || name.clone();
        let found = self.people.get(&name.as_str().to_lowercase());
        let person = found.ok_or_else(|| RotaError::NoAccount { user: user() })?;
        if !person.enabled {
            return Err(RotaError::Disabled { user: user() });
        }
        let principal = Principal::of_role(person.role, Standing::FULL);
        let may = |relation| decide(&principal, Verb::AcknowledgeAlert, Object::Ward(relation)) == Decision::Allow;
        if !duty.is_for(person.role) || !may(crate::rights::Relation::Ward) {
            return Err(RotaError::WrongRole { user: user(), role: person.role, duty });
        }
        if !may(relation_to_ward(&person.coverage, ward)) {
            return Err(RotaError::OtherWard { user: user() });
        }
        Ok(&person.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn ward() -> WardId {
        "w".parse().unwrap()
    }

    fn staff() -> Staff {
        let of = |ward: &str| Coverage::of(vec![ward.parse().unwrap()]);
        let user = |name: &str, role, enabled, coverage| UserRecord {
            id: name.to_lowercase().parse().unwrap(),
            name: name.to_owned(),
            role,
            phc: String::new(),
            given_at: None,
            enabled,
            failures: 0,
            coverage,
            factor: None,
        };
        Staff::of(vec![
            user("Anna", Role::Nurse, true, of("w")),
            user("ben", Role::Nurse, false, Coverage::All),
            user("carla", Role::Charge, true, Coverage::All),
            user("dora", Role::Doctor, true, Coverage::All),
            user("olga", Role::Nurse, true, of("other")),
            user("vera", Role::Viewer, true, Coverage::All),
            user("adam", Role::Admin, true, Coverage::All),
        ])
    }

    fn shift(user: &str, duty: Duty) -> Shift {
        let at = Timestamp::from_ms;
        Shift { from: at(0), to: at(1_000), duty, user: LoginName::new(user), beds: Vec::new() }
    }

    #[rstest]
    #[case("anna", Duty::Nurse, "Anna")]
    #[case("carla", Duty::Nurse, "carla")]
    #[case("carla", Duty::Charge, "carla")]
    #[case("dora", Duty::Doctor, "dora")]
    #[case("nobody", Duty::Nurse, "there is no account nobody")]
    #[case("ben", Duty::Nurse, "the account of ben is disabled")]
    #[case("olga", Duty::Nurse, "the account of olga is not for this ward")]
    #[case("vera", Duty::Nurse, "vera has the role viewer")]
    #[case("adam", Duty::Charge, "adam has the role admin")]
    #[case("anna", Duty::Doctor, "anna has the role nurse: that is none for the duty doctor")]
    #[case("anna", Duty::Charge, "anna has the role nurse")]
    #[case("dora", Duty::Nurse, "dora has the role doctor")]
    fn a_shift_names_who_can_have_its_duty(#[case] user: &str, #[case] duty: Duty, #[case] said: &str) {
        let named = |command| match command {
            Command::AddShift { shift } => shift.user.to_string(),
            Command::SetRota { shifts } => shifts[0].user.to_string(),
            other => panic!("{other:?}"),
        };
        let (staff, shift) = (staff(), shift(user, duty));
        for command in [Command::SetRota { shifts: vec![shift.clone()] }, Command::AddShift { shift }] {
            let came = staff.fit(&ward(), command, Timestamp::from_ms(9)).map_or_else(|e| e.to_string(), named);
            assert!(came.starts_with(said), "{came}");
        }
    }

    #[test]
    fn what_is_over_may_name_who_has_left() {
        let over = Command::SetRota { shifts: vec![shift("nobody", Duty::Nurse)] };
        assert!(staff().fit(&ward(), over, Timestamp::from_ms(1_000)).is_ok());
    }

    #[test]
    fn a_change_of_an_account_makes_unfit_and_fit_again() {
        let mut staff = staff();
        let rota = Rota::new(vec![shift("Anna", Duty::Nurse), shift("carla", Duty::Charge)]);
        let unfit = |staff: &Staff| staff.unfit(&ward(), &rota, Timestamp::from_ms(9));
        assert!(unfit(&staff).is_empty());
        let anna: UserId = "anna".parse().unwrap();
        let unfit_anna = BTreeSet::from([Unfit { user: LoginName::new("Anna"), duty: Duty::Nurse }]);
        let other = Coverage::of(vec!["other".parse().unwrap()]);
        for (change, back) in [
            (
                AccessChange::SetEnabled { user: anna.clone(), enabled: false },
                AccessChange::SetEnabled { user: anna.clone(), enabled: true },
            ),
            (
                AccessChange::SetRole { user: anna.clone(), role: Role::Viewer },
                AccessChange::SetRole { user: anna.clone(), role: Role::Nurse },
            ),
            (
                AccessChange::SetCoverage { user: anna.clone(), coverage: other },
                AccessChange::SetCoverage { user: anna.clone(), coverage: Coverage::All },
            ),
        ] {
            assert!(staff.apply(&change));
            assert_eq!(unfit(&staff), unfit_anna, "{change:?}");
            assert!(staff.apply(&back));
            assert!(unfit(&staff).is_empty(), "{back:?}");
        }
        assert!(!staff.apply(&AccessChange::SetFailures { user: anna, failures: 1 }));
    }
}
