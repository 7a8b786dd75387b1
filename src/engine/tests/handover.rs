//! Handing patients over: who may offer, who may take, what is left, and that no offer stays open.

use super::{
    response::{by, patient, words},
    *,
};
use crate::domain::{
    Basis, BedId, Duty, Expiry, Handover, HandoverEnd, HandoverError, HandoverExtent, HandoverId, LeftBehind,
    LimitScope, LimitValue, LimitsChange, LoginName, PatientId, Shift,
    handover::{HANDOVER_OPEN_MAX, HANDOVERS_OPEN_MAX, beds_of},
};
use HandoverExtent::{Own, Part, Ward as WholeWard};
use rstest::rstest;

const PEOPLE: [&str; 3] = ["anna", "ben", "carla"];

/// What somebody does about handovers in a random history.
#[derive(Debug, Clone)]
pub(super) enum Deed {
    Offer { from: usize, to: usize, patients: Vec<usize>, extent: HandoverExtent },
    Accept { by: usize, id: u64 },
    Decline { by: usize, id: u64 },
    Withdraw { by: usize, id: u64 },
}

pub(super) fn deed() -> impl Strategy<Value = Deed> {
    let extent = prop_oneof![Just(Part), Just(Own), Just(WholeWard)];
    let one = || (0..PEOPLE.len(), 1..6_u64);
    prop_oneof![
        4 => (0..PEOPLE.len(), 0..PEOPLE.len(), prop::collection::vec(1..4_usize, 0..3), extent)
            .prop_map(|(from, to, patients, extent)| Deed::Offer { from, to, patients, extent }),
        4 => one().prop_map(|(by, id)| Deed::Accept { by, id }),
        1 => one().prop_map(|(by, id)| Deed::Decline { by, id }),
        1 => one().prop_map(|(by, id)| Deed::Withdraw { by, id }),
    ]
}

impl Deed {
    pub(super) fn command(self) -> (&'static str, Command) {
        match self {
            Self::Offer { from, to, patients, extent } => {
                let patients = patients.into_iter().map(patient).collect();
                let command = Command::OfferHandover { to: LoginName::new(PEOPLE[to]), patients, extent, note: None };
                (PEOPLE[from], command)
            }
            Self::Accept { by, id } => (PEOPLE[by], Command::AcceptHandover { handover: HandoverId(id) }),
            Self::Decline { by, id } => {
                (PEOPLE[by], Command::DeclineHandover { handover: HandoverId(id), reason: words("in theatre") })
            }
            Self::Withdraw { by, id } => (PEOPLE[by], Command::WithdrawHandover { handover: HandoverId(id) }),
        }
    }
}

impl Bench {
    fn says(&mut self, s: f64, name: &str, command: Command) -> Result<(), HandoverError> {
        self.says_as(s, by(name, Role::Nurse), command)
    }

    fn says_as(&mut self, s: f64, by: Actor, command: Command) -> Result<(), HandoverError> {
        let events = self.input(s, Input::Command { command, by });
        let refused = events.into_iter().find_map(|e| match e.body {
            EventBody::Refused { refusal: Refusal::Handover(error), .. } => Some(error),
            EventBody::Refused { refusal, .. } => panic!("{refusal}"),
            _ => None,
        });
        refused.map_or(Ok(()), Err)
    }

    fn offer(
        &mut self,
        s: f64,
        from: &str,
        to: &str,
        patients: &[usize],
        extent: HandoverExtent,
    ) -> Result<HandoverId, HandoverError> {
        let patients = patients.iter().map(|n| patient(*n)).collect();
        let note = Some(words("mind the pump"));
        self.says(s, from, Command::OfferHandover { to: LoginName::new(to), patients, extent, note })?;
        Ok(self.engine.handovers().open.last().unwrap().id)
    }

    fn take(&mut self, s: f64, name: &str, handover: HandoverId) -> Result<(), HandoverError> {
        self.says(s, name, Command::AcceptHandover { handover })
    }

    /// Who owns patient `n`, in a word.
    fn owner(&self, n: usize) -> String {
        let bed: &BedId = &self.engine.census().stays[&patient(n)].bed;
        let owners = self.engine.ownership().of(&patient(n), bed);
        owners.iter().map(LoginName::to_string).collect::<Vec<_>>().join(" ")
    }

    /// All to anna, by a handover of the ward from carla.
    fn all_are_annas(n: usize) -> Self {
        let mut bench = Self::new(n);
        let id = bench.offer(1.0, "carla", "anna", &[], WholeWard).unwrap();
        bench.take(2.0, "anna", id).unwrap();
        bench
    }

    fn handover_ends(&self) -> Vec<(u64, HandoverEnd)> {
        let end = |e: &Event| match &e.body {
            EventBody::HandoverEnded { handover, end } => Some((handover.0, end.clone())),
            _ => None,
        };
        self.events.iter().filter_map(end).collect()
    }

    fn nurse_on(&mut self, s: f64, user: &str, to: f64, beds: &[&str]) {
        let beds = beds.iter().map(|b| b.parse().unwrap()).collect();
        let shift = Shift { from: t(0.0), to: t(to), duty: Duty::Nurse, user: LoginName::new(user), beds };
        self.command(s, Command::AddShift { shift });
    }
}

fn left(n: usize) -> LeftBehind {
    LeftBehind { bed: format!("b{n}").parse().unwrap(), patient: patient(n) }
}

#[test]
fn both_sign_and_the_patients_are_the_takers() {
    let mut bench = Bench::new(2);
    assert_eq!((bench.owner(1), bench.owner(2)), (String::new(), String::new()));
    let id = bench.offer(10.0, "anna", "ben", &[2, 1, 2], Part).unwrap();
    assert_eq!(bench.owner(1), "", "an offer alone moves nobody");
    bench.take(70.0, "ben", id).unwrap();
    assert_eq!((bench.owner(1), bench.owner(2)), ("ben".to_owned(), "ben".to_owned()));
    let Some(Event { at, body: EventBody::HandoverAccepted { handover, by: taker }, .. }) =
        bench.events.iter().find(|e| matches!(e.body, EventBody::HandoverAccepted { .. }))
    else {
        panic!("{:?}", bench.events)
    };
    assert_eq!((handover.from.label(), handover.at), ("anna", t(10.0)));
    assert_eq!((taker.label(), *at), ("ben", t(70.0)));
    assert_eq!(handover.patients, [patient(1), patient(2)]);
    let owner = &bench.engine.handovers().owners[&patient(1)];
    assert_eq!((owner.from.label(), owner.offered_at, owner.by.label(), owner.at), ("anna", t(10.0), "ben", t(70.0)));
    assert_eq!(bench.take(71.0, "ben", id), Err(HandoverError::Unknown { handover: id }), "once");
}

#[test]
fn nobody_takes_his_own_and_nobody_but_who_is_asked_answers() {
    let mut bench = Bench::new(1);
    assert_eq!(bench.offer(1.0, "anna", "Anna", &[1], Part), Err(HandoverError::SamePerson));
    assert_eq!(bench.offer(1.0, "anna", " ", &[1], Part), Err(HandoverError::Nobody));
    let id = bench.offer(1.0, "anna", "BEN", &[1], Part).unwrap();
    assert_eq!(bench.take(2.0, "anna", id), Err(HandoverError::SamePerson));
    let other = HandoverError::NotForYou { handover: id, to: LoginName::new("BEN") };
    assert_eq!(bench.take(2.0, "carla", id), Err(other.clone()));
    let decline = |handover| Command::DeclineHandover { handover, reason: words("in theatre") };
    assert_eq!(bench.says(2.0, "carla", decline(id)), Err(other));
    let console = Actor::Console { uid: 0 };
    assert_eq!(bench.says_as(2.0, console, Command::AcceptHandover { handover: id }), Err(HandoverError::NotAPerson));
    bench.take(3.0, "ben", id).unwrap();
}

#[test]
fn an_offer_is_declined_withdrawn_or_over_after_an_hour_and_the_patients_stay() {
    let mut bench = Bench::all_are_annas(1);
    let first = bench.offer(10.0, "anna", "ben", &[1], Part).unwrap();
    let reason = words("in theatre");
    bench.says(11.0, "ben", Command::DeclineHandover { handover: first, reason: reason.clone() }).unwrap();
    let second = bench.offer(12.0, "anna", "ben", &[1], Part).unwrap();
    let withdraw = |handover| Command::WithdrawHandover { handover };
    let from = by("anna", Role::Nurse);
    let not_yours = HandoverError::NotYourOffer { handover: second, from };
    assert_eq!(bench.says(13.0, "ben", withdraw(second)), Err(not_yours));
    bench.says(13.0, "anna", withdraw(second)).unwrap();
    let third = bench.offer(14.0, "anna", "ben", &[1], Part).unwrap();
    bench.says_as(15.0, by("carla", Role::Charge), withdraw(third)).unwrap();
    let fourth = bench.offer(16.0, "anna", "ben", &[1], Part).unwrap();
    bench.tick(16.0 + HANDOVER_OPEN_MAX.as_secs_f64() - 0.001);
    assert_eq!(bench.engine.handovers().find(fourth).map(|h| h.until), Some(t(16.0) + HANDOVER_OPEN_MAX));
    bench.tick(16.0 + HANDOVER_OPEN_MAX.as_secs_f64());
    let ends = [
        (first.0, HandoverEnd::Declined { by: by("ben", Role::Nurse), reason }),
        (second.0, HandoverEnd::Withdrawn { by: by("anna", Role::Nurse) }),
        (third.0, HandoverEnd::Withdrawn { by: by("carla", Role::Charge) }),
        (fourth.0, HandoverEnd::Expired),
    ];
    assert_eq!(bench.handover_ends(), ends);
    assert_eq!(bench.owner(1), "anna");
}

#[test]
fn a_patient_is_in_one_offer_and_is_given_by_the_owner_or_the_nurse_in_charge() {
    let mut bench = Bench::all_are_annas(2);
    let owners = vec![LoginName::new("anna")];
    let not_yours = HandoverError::NotYours { patient: patient(1), owners };
    assert_eq!(bench.offer(10.0, "ben", "carla", &[1], Part), Err(not_yours));
    let id = bench.offer(11.0, "anna", "ben", &[1], Part).unwrap();
    let twice = HandoverError::InAnother { patient: patient(1), handover: id };
    assert_eq!(bench.offer(12.0, "anna", "carla", &[1, 2], Part), Err(twice));
    let gone =
        Command::OfferHandover { to: LoginName::new("ben"), patients: vec![patient(2)], extent: Part, note: None };
    bench.says_as(13.0, by("carla", Role::Charge), gone).unwrap();
    assert_eq!(bench.offer(14.0, "anna", "ben", &[], Own), Err(HandoverError::NoPatients));
}

#[test]
fn who_goes_leaves_nobody_behind_and_who_stays_keeps_the_rest() {
    let mut bench = Bench::all_are_annas(3);
    let id = bench.offer(10.0, "anna", "ben", &[1], Own).unwrap();
    let unowned = HandoverError::Unowned { left: vec![left(2), left(3)] };
    assert_eq!(bench.take(11.0, "ben", id), Err(unowned.clone()));
    assert!(unowned.to_string().contains("bed b2 (patient p2), bed b3 (patient p3)"), "{unowned}");
    let second = bench.offer(12.0, "anna", "carla", &[2, 3], Own).unwrap();
    bench.take(13.0, "ben", id).unwrap();
    bench.take(14.0, "carla", second).unwrap();
    assert_eq!([1, 2, 3].map(|n| bench.owner(n)), ["ben", "carla", "carla"]);
    let part = bench.offer(15.0, "carla", "ben", &[2], Part).unwrap();
    bench.take(16.0, "ben", part).unwrap();
    assert_eq!([1, 2, 3].map(|n| bench.owner(n)), ["ben", "ben", "carla"]);
}

#[test]
fn a_ward_takes_in_whom_nobody_owns_and_who_comes_meanwhile_blocks_it() {
    let mut bench = Bench::new(3);
    bench.nurse_on(1.0, "anna", 10_000.0, &["b1"]);
    bench.nurse_on(1.0, "dora", 10_000.0, &["b2"]);
    let id = bench.offer(2.0, "anna", "ben", &[], WholeWard).unwrap();
    let offered: &Handover = bench.engine.handovers().find(id).unwrap();
    assert_eq!(offered.patients, [patient(1), patient(3)], "her own and nobody's; dora keeps hers");
    bench.command(3.0, Command::SetBed { bed: Bed { id: "b4".parse().unwrap(), label: "4".into() } });
    bench.admit(3.0, 4, 4);
    assert_eq!(bench.take(4.0, "ben", id), Err(HandoverError::Unowned { left: vec![left(4)] }));
    bench.says(5.0, "anna", Command::WithdrawHandover { handover: id }).unwrap();
    let id = bench.offer(6.0, "anna", "ben", &[], WholeWard).unwrap();
    bench.take(7.0, "ben", id).unwrap();
    assert_eq!([1, 2, 3, 4].map(|n| bench.owner(n)), ["ben", "dora", "ben", "ben"]);
}

#[test]
fn the_rota_owns_until_a_handover_does() {
    let mut bench = Bench::new(1);
    bench.nurse_on(1.0, "anna", 100.0, &["b1"]);
    assert_eq!(bench.owner(1), "anna");
    bench.tick(100.0);
    assert_eq!(bench.owner(1), "", "the shift is over");
    bench.nurse_on(101.0, "dora", 10_000.0, &[]);
    let id = bench.offer(102.0, "dora", "ben", &[1], Own).unwrap();
    bench.take(103.0, "ben", id).unwrap();
    assert_eq!(bench.owner(1), "ben");
    bench.tick(20_000.0);
    assert_eq!(bench.owner(1), "ben", "until the rota's next nurse, and there is none");
}

#[test]
fn the_next_nurse_of_the_rota_relieves_the_taker() {
    let mut bench = Bench::all_are_annas(1);
    let shift = |from: f64, to: f64, user: &str| Shift {
        from: t(from),
        to: t(to),
        duty: Duty::Nurse,
        user: LoginName::new(user),
        beds: vec!["b1".parse().unwrap()],
    };
    bench.command(3.0, Command::AddShift { shift: shift(3_600.0, 20_000.0, "ben") });
    bench.command(3.0, Command::AddShift { shift: shift(20_000.0, 40_000.0, "dora") });
    bench.tick(4_000.0);
    assert_eq!(bench.owner(1), "anna", "a handover within the hour before a shift is for that shift");
    bench.tick(20_000.0);
    assert_eq!(bench.owner(1), "dora");
    bench.feed(20_001, 20_060, 1, HR, 150.0);
    assert_eq!(bench.alert("hr.high").response, Response::Notified { to: vec![LoginName::new("dora")] });
}

#[test]
fn who_is_moved_to_another_bed_is_no_longer_the_takers() {
    let mut bench = Bench::all_are_annas(1);
    bench.command(3.0, Command::SetBed { bed: Bed { id: "b9".parse().unwrap(), label: "09".into() } });
    bench.command(4.0, Command::Transfer { patient: patient(1), bed: "b9".parse().unwrap() });
    assert_eq!(bench.owner(1), "");
}

#[test]
fn alerts_of_a_nurse_who_has_gone_go_along() {
    let mut bench = Bench::new(1);
    bench.nurse_on(1.0, "anna", 10_000.0, &["b1"]);
    bench.feed(10, 30, 1, SPO2, 85.0);
    let alert = bench.alert("spo2.low").clone();
    bench.says(30.0, "anna", Command::Acknowledge { alert: alert.id, transition: alert.transition }).unwrap();
    let offer =
        Command::OfferHandover { to: LoginName::new("ben"), patients: [patient(1)].into(), extent: Part, note: None };
    bench.says_as(31.0, by("carla", Role::Charge), offer).unwrap();
    let id = bench.engine.handovers().open[0].id;
    bench.take(32.0, "ben", id).unwrap();
    assert_eq!(bench.alert("spo2.low").response, Response::Accepted { by: by("ben", Role::Nurse), at: t(32.0) });
}

#[test]
fn alerts_go_along_quietly_and_new_ones_ask_the_taker() {
    let mut bench = Bench::all_are_annas(2);
    bench.feed(10, 30, 1, SPO2, 85.0);
    let alert = bench.alert("spo2.low").clone();
    assert_eq!(alert.response, Response::Notified { to: vec![LoginName::new("anna")] });
    bench.says(30.0, "anna", Command::Acknowledge { alert: alert.id, transition: alert.transition }).unwrap();
    let reminds_at = bench.alert("spo2.low").reminds_at;
    let id = bench.offer(31.0, "anna", "ben", &[1], Part).unwrap();
    bench.take(32.0, "ben", id).unwrap();
    let alert = bench.alert("spo2.low").clone();
    assert_eq!(alert.response, Response::Accepted { by: by("ben", Role::Nurse), at: t(32.0) });
    assert_eq!((alert.signal, alert.reminds_at, alert.escalates_at), (Signal::Ack, reminds_at, None));
    assert!(reminds_at.is_some());
    bench.feed(33, 60, 1, HR, 150.0);
    assert_eq!(bench.alert("hr.high").response, Response::Notified { to: vec![LoginName::new("ben")] });
}

#[test]
fn limits_that_hold_until_the_handover_are_due_for_review_after_it() {
    let mut bench = Bench::all_are_annas(1);
    let change = LimitsChange { low: LimitValue::new(88.0).ok(), ..LimitsChange::default() };
    let limits = Command::SetLimits {
        scope: LimitScope::Patient { patient: patient(1) },
        vital: SPO2,
        change,
        reason: words("COPD"),
        expires: Expiry::NextHandover,
        basis: Basis::Chosen,
    };
    bench.command(5.0, limits);
    let due = |bench: &Bench| bench.engine.limit_overrides().map(|(_, _, set)| set.review_due).collect::<Vec<_>>();
    let id = bench.offer(6.0, "anna", "ben", &[1], Own).unwrap();
    assert_eq!(due(&bench), [false]);
    bench.take(7.0, "ben", id).unwrap();
    assert_eq!(due(&bench), [true]);
}

#[test]
fn who_leaves_the_ward_leaves_the_offer_and_an_empty_one_is_over() {
    let mut bench = Bench::all_are_annas(2);
    let id = bench.offer(10.0, "anna", "ben", &[1, 2], Own).unwrap();
    bench.command(11.0, Command::Discharge { patient: patient(1), reason: CloseReason::Discharged });
    assert_eq!(bench.engine.handovers().find(id).unwrap().patients, [patient(2)]);
    bench.command(12.0, Command::Discharge { patient: patient(2), reason: CloseReason::Discharged });
    assert_eq!(bench.handover_ends(), [(id.0, HandoverEnd::Empty)]);
    assert!(bench.engine.handovers().owners.is_empty());
    bench.admit(13.0, 1, 1);
    assert_eq!(bench.owner(1), "", "the next stay begins without an owner");
}

#[test]
fn offers_are_bounded() {
    let mut bench = Bench::new(1);
    let open = Handover {
        id: HandoverId(1),
        from: by("anna", Role::Nurse),
        to: LoginName::new("ben"),
        extent: Part,
        patients: vec![patient(9)],
        note: None,
        at: t(0.0),
        until: t(1.0),
    };
    bench.engine.desk.kept.open = vec![open; HANDOVERS_OPEN_MAX];
    let most = HANDOVERS_OPEN_MAX;
    assert_eq!(bench.offer(0.5, "anna", "ben", &[1], Part), Err(HandoverError::TooMany { most }));
}

#[rstest]
#[case::snapshot(true)]
#[case::stop(false)]
fn an_open_offer_outlives_a_snapshot_and_a_stop(#[case] snapshot: bool) {
    let mut bench = Bench::all_are_annas(2);
    let id = bench.offer(10.0, "anna", "ben", &[1], Part).unwrap();
    if snapshot {
        let bytes = bench.engine.snapshot().unwrap();
        let restored = Engine::restore(EngineConfig::default(), &bytes).unwrap();
        assert_eq!(restored.handovers(), bench.engine.handovers());
        bench.engine = restored;
    }
    bench.input(20.0, Input::Start { ward: ward() });
    assert_eq!((bench.owner(1), bench.owner(2)), ("anna".to_owned(), "anna".to_owned()));
    bench.take(30.0, "ben", id).unwrap();
    assert_eq!(bench.owner(1), "ben");
    let other = bench.offer(40.0, "ben", "carla", &[1], Part).unwrap();
    bench.engine = Engine::restore(EngineConfig::default(), &bench.engine.snapshot().unwrap()).unwrap();
    bench.input(9_000.0, Input::Start { ward: ward() });
    bench.tick(9_000.0);
    assert_eq!(bench.handover_ends(), [(other.0, HandoverEnd::Expired)], "a stop keeps no offer open");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// An offer always ends; it is accepted or ended once.
    #[test]
    fn an_offer_always_ends(steps in steps()) {
        let mut bench = Bench::new(3);
        let end = play(&mut bench, &steps, 1.0, None);
        bench.tick(end + HANDOVER_OPEN_MAX.as_secs_f64());
        prop_assert_eq!(bench.engine.handovers().open.len(), 0);
        let mut open: std::collections::BTreeSet<HandoverId> = std::collections::BTreeSet::new();
        for event in &bench.events {
            match &event.body {
                EventBody::HandoverOffered { handover } => prop_assert!(open.insert(handover.id)),
                EventBody::HandoverAccepted { handover, by } => {
                    prop_assert!(open.remove(&handover.id) && !handover.from.is_same_person(by));
                }
                EventBody::HandoverEnded { handover, .. } => prop_assert!(open.remove(handover)),
                _ => {}
            }
        }
        prop_assert!(open.is_empty());
    }

    /// After an acceptance its patients are the taker's, nobody is in two offers, and after that of a ward nobody is
    /// without an owner.
    #[test]
    fn nobody_is_owned_by_nobody_after_an_acceptance(deeds in prop::collection::vec(deed(), 0..60)) {
        let mut bench = Bench::new(3);
        bench.nurse_on(0.5, "dora", 40.0, &["b2"]);
        for (s, deed) in (1_u32..).zip(deeds) {
            let s = f64::from(s);
            let (who, command) = deed.command();
            let unowned = |bench: &Bench| {
                let own = bench.engine.ownership();
                beds_of(&bench.engine.census().stays).filter(|(p, b)| own.of(p, b).is_empty()).count()
            };
            bench.tick(s);
            let before = unowned(&bench);
            bench.ask(s, who, command);
            prop_assert!(unowned(&bench) <= before, "no handover makes anybody lose the owner");
            if let Some(Event { body: EventBody::HandoverAccepted { handover, by }, .. }) = bench.events.last() {
                let own = bench.engine.ownership();
                for patient in &handover.patients {
                    let owners = own.of(patient, &bench.engine.census().stays[patient].bed);
                    prop_assert_eq!(owners, vec![LoginName::new(by.label())]);
                }
                prop_assert!(handover.extent != WholeWard || unowned(&bench) == 0);
            }
            let mut offered: Vec<&PatientId> =
                bench.engine.handovers().open.iter().flat_map(|open| &open.patients).collect();
            let all = offered.len();
            offered.sort();
            offered.dedup();
            prop_assert_eq!(offered.len(), all);
        }
    }
}
