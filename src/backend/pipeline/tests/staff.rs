//! Who of a rota can have a duty, by the accounts.

use super::*;
use crate::{
    domain::{Coverage, Duty, LoginName, RotaError, Shift},
    store::UserRecord,
};

fn record(bench: &Bench, change: AccessChange) {
    let record = Record { access: vec![change], ..Record::default() };
    bench.handle.ask_blocking(|reply| Job::Record { record, reply }).unwrap();
}

fn add_user(bench: &Bench, name: &str, role: Role) {
    record(
        bench,
        AccessChange::AddUser(UserRecord {
            id: name.to_lowercase().parse().unwrap(),
            name: name.to_owned(),
            role,
            phc: String::new(),
            given_at: None,
            enabled: true,
            failures: 0,
            coverage: Coverage::All,
            factor: None,
        }),
    );
}

fn shift(bench: &Bench, duty: Duty, user: &str) -> Shift {
    let from = bench.clock.now() - Millis::from_mins(5);
    Shift { from, to: from + Millis::from_mins(60), duty, user: LoginName::new(user), beds: Vec::new() }
}

/// What is told of gaps, the newest last: the words while there is one.
fn gaps(bench: &Bench) -> Vec<Option<String>> {
    let told = |(_, e): &(u64, Event)| match &e.body {
        EventBody::Alert { cause, alert, .. } if alert.key.code.to_string() == "rota.gap" => {
            Some(alert.detail.clone().filter(|_| *cause == Cause::Raised))
        }
        _ => None,
    };
    bench.memory.recorded.lock().unwrap().iter().filter_map(told).collect()
}

#[test]
fn a_shift_of_who_cannot_have_the_duty_is_refused_by_name() {
    let (_dir, folder) = folder();
    let bench = Bench::with_ward(folder);
    add_user(&bench, "Anna", Role::Nurse);
    for (duty, user, wanted) in [
        (Duty::Nurse, "nobody", RotaError::NoAccount { user: LoginName::new("nobody") }),
        (
            Duty::Doctor,
            "anna",
            RotaError::WrongRole { user: LoginName::new("anna"), role: Role::Nurse, duty: Duty::Doctor },
        ),
    ] {
        let shift = shift(&bench, duty, user);
        for command in [Command::AddShift { shift: shift.clone() }, Command::SetRota { shifts: vec![shift] }] {
            let outcome = bench.command(command, Actor::Console { uid: 0 }).unwrap();
            assert_eq!(outcome.refusal, Some(Refusal::Rota(wanted.clone())));
        }
    }
    let added = bench.command(Command::AddShift { shift: shift(&bench, Duty::Nurse, "anna") }, nurse("carla")).unwrap();
    assert_eq!(added.refusal, None);
    let recorded = bench.memory.recorded.lock().unwrap();
    let rota = recorded.iter().rev().find_map(|(_, e)| match &e.body {
        EventBody::RotaSet { rota, .. } => Some(rota.clone()),
        _ => None,
    });
    assert_eq!(rota.unwrap().shifts[0].user.as_str(), "Anna", "the name is as the account has it");
    drop(recorded);
    bench.stop();
}

#[test]
fn an_account_that_is_disabled_is_a_gap_through_a_restart_until_it_is_enabled() {
    let (_dir, folder) = folder();
    let bench = Bench::with_ward(folder);
    for (user, role) in [("anna", Role::Nurse), ("carla", Role::Charge), ("dora", Role::Doctor)] {
        add_user(&bench, user, role);
    }
    let shifts = [(Duty::Nurse, "anna"), (Duty::Charge, "carla"), (Duty::Doctor, "dora")];
    let shifts = shifts.into_iter().map(|(duty, user)| shift(&bench, duty, user)).collect();
    assert_eq!(bench.command(Command::SetRota { shifts }, Actor::Console { uid: 0 }).unwrap().refusal, None);
    assert_eq!(gaps(&bench), []);
    let enabled = |enabled| AccessChange::SetEnabled { user: "dora".parse().unwrap(), enabled };
    record(&bench, enabled(false));
    assert_eq!(gaps(&bench), [Some("no doctor on call".to_owned())]);
    let bench = Bench::start(bench.kill());
    record(&bench, enabled(true));
    assert_eq!(gaps(&bench), [None], "what was told of the gap went on, and it ends");
    bench.stop();
}
