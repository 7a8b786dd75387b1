//! Limits that people change: who may, what is in force, when it ends, and what the present value is by it.

use super::*;
use crate::{
    alarm::limits::OVERRIDE_MAX,
    domain::{
        Basis, Expiry, LimitOverride, LimitScope, LimitValue, LimitsCause, LimitsChange, LimitsError, PatientId,
        Remark, StepName,
    },
};
use rstest::rstest;

fn words(text: &str) -> Remark {
    text.parse().unwrap()
}

fn by(name: &str, role: Role) -> Actor {
    Actor::User { user: name.parse().unwrap(), name: name.into(), role, session: "s".parse().unwrap() }
}

fn own(n: usize) -> LimitScope {
    LimitScope::Patient { patient: patient(n) }
}

fn patient(n: usize) -> PatientId {
    format!("p{n}").parse().unwrap()
}

const ADULTS: LimitScope = LimitScope::Ward { category: Category::Adult };

fn change(step: StepName, to: f64) -> LimitsChange {
    let mut change = LimitsChange::default();
    change.set_step(step, LimitValue::new(to).unwrap());
    change
}

fn low(to: f64) -> LimitsChange {
    change(StepName::Low, to)
}

fn until(s: f64) -> Expiry {
    Expiry::At { until: t(s) }
}

fn set(scope: LimitScope, vital: VitalCode, change: LimitsChange, expires: Expiry) -> Command {
    Command::SetLimits { scope, vital, change, reason: words("COPD, target 88"), expires, basis: Basis::Chosen }
}

impl Bench {
    fn asks(&mut self, s: f64, role: Role, command: Command) -> Option<Refusal> {
        let events = self.input(s, Input::Command { command, by: by("anna", role) });
        events.into_iter().find_map(|e| match e.body {
            EventBody::Refused { refusal, .. } => Some(refusal),
            _ => None,
        })
    }

    fn set(&mut self, s: f64, scope: LimitScope, change: LimitsChange, expires: Expiry) {
        assert_eq!(self.asks(s, Role::Nurse, set(scope, SPO2, change, expires)), None);
    }

    fn low_of(&self, n: usize) -> f64 {
        self.engine.limits_in_force(&patient(n), SPO2).unwrap().low.warning.unwrap().limit
    }

    /// Changes of limits: `(second, whose, cause, low before, low now)`.
    fn changes(&self) -> Vec<(f64, LimitScope, LimitsCause, f64, f64)> {
        let low = |limits: &crate::domain::VitalLimits| limits.low.warning.unwrap().limit;
        let changed = |e: &Event| match &e.body {
            EventBody::LimitsChanged { scope, old, new, cause, .. } => {
                Some((e.at.since(t(0.0)).as_secs_f64(), scope.clone(), *cause, low(old), low(new)))
            }
            _ => None,
        };
        self.events.iter().filter_map(changed).collect()
    }

    fn again(&self) -> Self {
        let bytes = self.engine.snapshot().unwrap();
        let engine = Engine::restore(EngineConfig::default(), &bytes).unwrap();
        assert_eq!(engine.snapshot().unwrap(), bytes, "a snapshot of what was restored is the same");
        Self { engine, events: self.events.clone() }
    }
}

#[test]
fn the_patients_own_stand_over_those_of_the_ward_over_the_profile() {
    let mut bench = Bench::new(2);
    bench.set(0.0, ADULTS, low(92.0), until(1_000.0));
    assert_eq!((bench.low_of(1), bench.low_of(2)), (92.0, 92.0));
    bench.set(1.0, own(1), low(87.0), until(1_000.0));
    assert_eq!((bench.low_of(1), bench.low_of(2)), (87.0, 92.0));
    // What the patient's own change does not name comes from the ward.
    bench.set(2.0, ADULTS, change(StepName::LowExtreme, 82.0), until(1_000.0));
    let limits = bench.engine.limits_in_force(&patient(1), SPO2).unwrap();
    assert_eq!((limits.low.warning.unwrap().limit, limits.low.extreme.unwrap().limit), (87.0, 82.0));
    // Of the ward, the earlier change stays beside the later one.
    assert_eq!(bench.low_of(2), 92.0);
    bench.asks(3.0, Role::Nurse, Command::ResetLimits { scope: own(1), vital: None, reason: words("better") });
    assert_eq!(bench.low_of(1), 92.0);
    bench.asks(4.0, Role::Charge, Command::ResetLimits { scope: ADULTS, vital: Some(SPO2), reason: words("over") });
    assert_eq!((bench.low_of(1), bench.low_of(2)), (90.0, 90.0));
    assert_eq!(bench.engine.limit_overrides().count(), 0);
}

#[test]
fn changes_that_no_longer_fit_together_never_put_limits_out_of_order() {
    let mut bench = Bench::new(1);
    bench.set(0.0, own(1), change(StepName::High, 96.0), until(1_000.0));
    // 95 is less than twice the hysteresis below the patient's own 96: for this patient the ward's is left out.
    bench.set(1.0, ADULTS, low(95.0), until(1_000.0));
    let limits = bench.engine.limits_in_force(&patient(1), SPO2).unwrap();
    assert!(limits.is_ordered());
    assert_eq!((limits.low.warning.unwrap().limit, limits.high.warning.unwrap().limit), (90.0, 96.0));
}

#[test]
fn a_change_tells_old_new_who_why_and_until_when() {
    let mut bench = Bench::new(1);
    bench.set(3.0, own(1), low(88.0), Expiry::NextHandover);
    let EventBody::LimitsChanged { old, new, set, cause, reason, by: actor, .. } = &bench.events[0].body else {
        panic!("{:?}", bench.events)
    };
    let limit = |limits: &crate::domain::VitalLimits| limits.low.warning.unwrap().limit;
    assert_eq!((limit(old), limit(new), *cause), (90.0, 88.0, LimitsCause::Set));
    assert_eq!((reason.as_ref().unwrap().as_str(), actor.label()), ("COPD, target 88", "anna"));
    let expected = LimitOverride {
        change: low(88.0),
        by: by("anna", Role::Nurse),
        at: t(3.0),
        reason: words("COPD, target 88"),
        expires: Expiry::NextHandover,
        basis: Basis::Chosen,
        review_due: false,
    };
    assert_eq!(set.as_deref(), Some(&expected));
    let json = serde_json::to_string(&bench.events[0]).unwrap();
    assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), bench.events[0], "{json}");
    let packed = rmp_serde::to_vec_named(&bench.events[0]).unwrap();
    assert_eq!(rmp_serde::from_slice::<Event>(&packed).unwrap(), bench.events[0]);
}

#[test]
fn commands_can_be_read_back() {
    for command in [
        set(own(1), SPO2, low(88.0), Expiry::NextHandover),
        set(ADULTS, SPO2, LimitsChange { delay: Some(Millis(15_000)), ..low(88.0) }, until(5.0)),
        Command::ResetLimits { scope: own(1), vital: Some(SPO2), reason: words("x") },
        Command::ResetLimits { scope: ADULTS, vital: None, reason: words("x") },
        Command::SetCategory { patient: patient(1), category: Category::Neonate },
    ] {
        let json = serde_json::to_string(&command).unwrap();
        assert_eq!(serde_json::from_str::<Command>(&json).unwrap(), command, "{json}");
        let packed = rmp_serde::to_vec_named(&command).unwrap();
        assert_eq!(rmp_serde::from_slice::<Command>(&packed).unwrap(), command);
    }
    assert!(serde_json::from_str::<LimitValue>("null").is_err());
}

#[rstest]
#[case(Role::Nurse, 85.0, true)]
#[case(Role::Nurse, 84.0, false)]
#[case(Role::Charge, 84.0, false)]
#[case(Role::Doctor, 84.0, true)]
#[case(Role::Doctor, 80.0, true)]
fn nurses_keep_to_the_guard_band_and_doctors_go_further(#[case] role: Role, #[case] to: f64, #[case] good: bool) {
    let mut bench = Bench::new(1);
    let refusal = bench.asks(0.0, role, set(own(1), SPO2, low(to), Expiry::NextHandover));
    assert_eq!(refusal.is_none(), good, "{refusal:?}");
    assert_eq!(bench.low_of(1), if good { to } else { 90.0 });
    if let Some(refusal) = refusal {
        assert!(matches!(refusal, Refusal::Limits(LimitsError::Guard { .. })), "{refusal}");
    }
}

#[test]
fn what_may_not_be_is_refused_and_changes_nothing() {
    let mut bench = Bench::new(1);
    let expiry = |handover| LimitsError::Expiry { longest_ms: OVERRIDE_MAX, handover };
    let ask = |bench: &mut Bench, command| match bench.asks(10.0, Role::Doctor, command) {
        Some(Refusal::Limits(error)) => Some(error),
        Some(other) => panic!("{other}"),
        None => None,
    };
    let own_low = |expires| set(own(1), SPO2, low(88.0), expires);
    assert_eq!(ask(&mut bench, own_low(until(10.0))), Some(expiry(true)), "not in the past, nor now");
    let longest = Expiry::At { until: t(10.0) + OVERRIDE_MAX };
    let longer = Expiry::At { until: t(10.0) + OVERRIDE_MAX + Millis(1) };
    assert_eq!(ask(&mut bench, own_low(longer)), Some(expiry(true)));
    assert_eq!(ask(&mut bench, set(ADULTS, SPO2, low(88.0), Expiry::NextHandover)), Some(expiry(false)));
    let nothing = set(own(1), SPO2, LimitsChange::default(), until(20.0));
    assert_eq!(ask(&mut bench, nothing), Some(LimitsError::Nothing));
    let unknown = VitalCode::of("weight");
    let none = LimitsError::NoLimits { vital: unknown };
    assert_eq!(ask(&mut bench, set(own(1), unknown, low(3.0), until(20.0))), Some(none));
    let reset = Command::ResetLimits { scope: own(1), vital: None, reason: words("x") };
    assert_eq!(ask(&mut bench, reset), Some(LimitsError::NotChanged));
    assert!(bench.changes().is_empty() && bench.low_of(1) == 90.0);
    assert_eq!(ask(&mut bench, own_low(longest)), None);
    assert_eq!(ask(&mut bench, own_low(until(10.001))), None);
    let absent = bench.asks(11.0, Role::Doctor, set(own(9), SPO2, low(88.0), until(20.0)));
    assert!(matches!(absent, Some(Refusal::Census(_))), "{absent:?}");
}

#[test]
fn a_change_ends_at_its_time_whatever_the_ticks() {
    for tick in [100.0, 150.0] {
        let mut bench = Bench::new(1);
        bench.set(0.0, own(1), low(88.0), until(100.0));
        bench.tick(99.999);
        assert_eq!(bench.low_of(1), 88.0);
        let mut bench = bench.again();
        bench.tick(tick);
        assert_eq!(bench.low_of(1), 90.0);
        let last = bench.changes().pop().unwrap();
        assert_eq!(last, (100.0, own(1), LimitsCause::Expired, 88.0, 90.0));
    }
}

#[test]
fn the_earliest_end_comes_first_and_the_others_follow() {
    let mut bench = Bench::new(2);
    bench.set(0.0, own(1), low(88.0), until(200.0));
    bench.set(0.0, own(2), low(87.0), until(100.0));
    bench.set(0.0, ADULTS, low(91.0), until(150.0));
    bench.tick(300.0);
    let ended: Vec<(f64, LimitScope)> =
        bench.changes().into_iter().filter(|c| c.2 == LimitsCause::Expired).map(|c| (c.0, c.1)).collect();
    assert_eq!(ended, [(100.0, own(2)), (150.0, ADULTS), (200.0, own(1))]);
}

#[test]
fn at_a_handover_they_are_due_for_review_and_stay() {
    let mut bench = Bench::new(1);
    bench.set(0.0, own(1), low(88.0), Expiry::NextHandover);
    let bed = Bed { id: "b2".parse().unwrap(), label: "2".into() };
    bench.command(1.0, Command::SetBed { bed });
    bench.command(2.0, Command::Transfer { patient: patient(1), bed: "b2".parse().unwrap() });
    assert_eq!(bench.changes().pop().unwrap(), (2.0, own(1), LimitsCause::ReviewDue, 88.0, 88.0));
    let due = |bench: &Bench| bench.engine.limit_overrides().map(|(_, _, set)| set.review_due).collect::<Vec<_>>();
    assert_eq!((bench.low_of(1), due(&bench)), (88.0, vec![true]));
    assert_eq!(due(&bench.again()), [true]);
    // Said once; and who sets them anew has looked.
    bench.command(3.0, Command::Transfer { patient: patient(1), bed: "b1".parse().unwrap() });
    assert_eq!(bench.changes().len(), 2);
    bench.set(4.0, own(1), low(88.0), Expiry::NextHandover);
    assert_eq!(due(&bench), [false]);
}

#[test]
fn limits_with_a_time_are_not_due_at_a_handover() {
    let mut bench = Bench::new(1);
    bench.set(0.0, own(1), low(88.0), until(100.0));
    let bed = Bed { id: "b2".parse().unwrap(), label: "2".into() };
    bench.command(1.0, Command::SetBed { bed });
    bench.command(2.0, Command::Transfer { patient: patient(1), bed: "b2".parse().unwrap() });
    assert_eq!(bench.changes().len(), 1);
}

/// Property i: after a discharge the next patient in the bed starts with the profile alone.
#[test]
fn a_discharge_takes_back_what_was_changed() {
    let mut bench = Bench::new(2);
    bench.set(0.0, own(1), low(86.0), until(1_000.0));
    bench.set(0.0, own(2), low(87.0), until(1_000.0));
    bench.command(5.0, Command::Discharge { patient: patient(1), reason: CloseReason::Discharged });
    let ended = bench.changes().pop().unwrap();
    assert_eq!((ended.0, ended.1, ended.2), (5.0, own(1), LimitsCause::Discharged));
    let order: Vec<bool> = bench
        .events
        .iter()
        .filter_map(|e| match &e.body {
            EventBody::LimitsChanged { cause: LimitsCause::Discharged, .. } => Some(true),
            EventBody::Discharged { .. } => Some(false),
            _ => None,
        })
        .collect();
    assert_eq!(order, [true, false], "the stay ends with its limits taken back");
    bench.admit(6.0, 1, 1);
    assert_eq!((bench.low_of(1), bench.low_of(2)), (90.0, 87.0));
    assert_eq!(bench.engine.limit_overrides().count(), 1);
}

#[test]
fn another_category_takes_back_what_was_changed_and_judges_anew() {
    let mut bench = Bench::new(1);
    bench.set(0.0, own(1), low(86.0), until(1_000.0));
    bench.feed(0, 20, 1, HR, 110.0);
    assert_eq!(
        bench.asks(20.0, Role::Charge, Command::SetCategory { patient: patient(1), category: Category::Neonate }),
        None
    );
    assert_eq!(bench.low_of(1), 85.0);
    assert!(bench.changes().iter().any(|c| c.2 == LimitsCause::CategoryChanged));
    assert_eq!(bench.engine.census().stays[&patient(1)].patient.category, Category::Neonate);
    // 110 is good for an adult and a newborn; 90 is low for a newborn alone.
    bench.feed(20, 30, 1, HR, 90.0);
    assert_eq!(bench.alert("hr.low").limit, Some(100.0));
    let bench = bench.again();
    assert_eq!(bench.low_of(1), 85.0);
    let same = Command::SetCategory { patient: patient(1), category: Category::Neonate };
    let mut bench = bench;
    let events = bench.input(31.0, Input::Command { command: same, by: by("anna", Role::Charge) });
    assert!(!events.iter().any(|e| matches!(e.body, EventBody::CategorySet { .. })), "it is so already");
}

#[test]
fn what_stands_is_judged_by_the_new_limits_at_once() {
    // A pending violation that is none any more is accounted for.
    let mut bench = Bench::new(1);
    bench.feed(0, 6, 1, SPO2, 88.0);
    bench.set(5.5, own(1), low(88.0), until(1_000.0));
    let suppressed = |e: &Event| match &e.body {
        EventBody::Suppressed { by, worst, since, .. } => Some((*by, *worst, *since)),
        _ => None,
    };
    let found: Vec<_> = bench.events.iter().filter_map(suppressed).collect();
    assert_eq!(found, [(SuppressedBy::LimitsChanged, 88.0, t(0.0))]);
    bench.feed(6, 60, 1, SPO2, 88.0);
    assert_eq!(bench.moves(), []);
    // Taken back: the value that stands is a violation from then on.
    bench.asks(59.5, Role::Nurse, Command::ResetLimits { scope: own(1), vital: None, reason: words("x") });
    bench.feed(60, 75, 1, SPO2, 88.0);
    assert_eq!(bench.moves(), [(69.0, "spo2.low".to_owned(), Cause::Raised)]);
}

#[test]
fn an_alert_whose_value_is_within_the_new_limits_ends_as_usual() {
    let mut bench = Bench::new(1);
    bench.feed(0, 21, 1, SPO2, 88.0);
    bench.set(20.5, own(1), low(86.0), until(1_000.0));
    bench.feed(21, 40, 1, SPO2, 88.0);
    let moves = bench.moves();
    assert_eq!(moves, [(10.0, "spo2.low".to_owned(), Cause::Raised), (25.5, "spo2.low".to_owned(), Cause::Cleared)]);
}

#[test]
fn a_change_for_the_ward_judges_all_patients_of_the_category() {
    let mut bench = Bench::new(3);
    for n in 1..=3 {
        bench.value(0.0, n, SPO2, 91.0);
    }
    bench.asks(0.5, Role::Charge, Command::SetCategory { patient: patient(3), category: Category::Neonate });
    bench.set(1.0, ADULTS, low(92.0), until(1_000.0));
    for s in 1..13 {
        for n in 1..=3 {
            bench.value(f64::from(s), n, SPO2, 91.0);
        }
    }
    let raised: Vec<(f64, Option<String>)> = bench
        .engine
        .alerts()
        .map(|a| (a.raised_at.since(t(0.0)).as_secs_f64(), a.key.patient.as_ref().map(ToString::to_string)))
        .collect();
    assert_eq!(
        raised,
        [(10.0, Some("p1".to_owned())), (10.0, Some("p2".to_owned()))],
        "from when the value was measured"
    );
}

#[test]
fn a_value_that_cannot_be_judged_waits_for_the_next() {
    let mut bench = Bench::new(1);
    bench.feed(0, 3, 1, SPO2, 95.0);
    bench.feed(3, 6, 1, SPO2, 0.0);
    bench.set(5.5, own(1), low(96.0), until(1_000.0));
    bench.tick(30.0);
    assert!(bench.engine.alerts().all(|a| !a.key.code.is_physiological()));
}

proptest! {
    /// Whatever people change, violations are accounted for, limits stay in order, and a snapshot restores the same.
    #[test]
    fn changes_keep_everything_whole(steps in prop::collection::vec((0_u8..6, 80_u8..100), 1..80)) {
        let mut bench = Bench::new(1);
        let mut violated = false;
        for (second, (what, number)) in (0_i32..).zip(steps) {
            let s = f64::from(second);
            match what {
                0 => { bench.asks(s, Role::Nurse, set(own(1), SPO2, low(f64::from(number)), until(s + 7.0))); }
                1 => { bench.asks(s, Role::Doctor, set(ADULTS, SPO2, low(f64::from(number) - 10.0), until(s + 11.0))); }
                2 => { bench.asks(s, Role::Nurse, Command::ResetLimits { scope: own(1), vital: None, reason: words("x") }); }
                3 => bench = bench.again(),
                _ => {}
            }
            bench.value(s + 0.5, 1, SPO2, f64::from(number));
            let limits = bench.engine.limits_in_force(&patient(1), SPO2).unwrap();
            prop_assert!(limits.is_ordered());
            violated |= limits.low.violated(Side::Low, f64::from(number));
        }
        let last = bench.engine.now().since(t(0.0)).as_secs_f64();
        bench.tick(last + 40.0);
        let traced = bench.events.iter().any(|e| matches!(e.body, EventBody::Alert { .. } | EventBody::Suppressed { .. }));
        prop_assert!(!violated || traced, "a violation leaves a trace");
        prop_assert_eq!(bench.engine.limit_overrides().count(), 0, "every change ends");
    }
}

#[test]
fn a_change_of_a_vital_that_the_site_has_no_limits_for_any_more_ends_all_the_same() {
    let nbp_dia = VitalCode::of("nbp_dia");
    let mut config = EngineConfig::default();
    let mut profiles = Profiles::builtin();
    let def = config.vitals.get(nbp_dia).unwrap().clone();
    let patch = crate::alarm::ProfilePatch {
        steps: [(StepName::Low, 40.0)].into(),
        hysteresis: Some(3.0),
        ..crate::alarm::ProfilePatch::default()
    };
    profiles.set(Category::Adult, &def, &patch).unwrap();
    config.profiles = Arc::new(profiles);
    let mut bench = Bench::new(1);
    bench.engine = Engine::restore(config, &bench.engine.snapshot().unwrap()).unwrap();
    assert_eq!(bench.asks(1.0, Role::Doctor, set(own(1), nbp_dia, low(45.0), until(100.0))), None);
    let mut bench = bench.again();
    assert_eq!(bench.engine.limit_overrides().count(), 1);
    bench.tick(200.0);
    assert_eq!((bench.engine.limit_overrides().count(), bench.engine.next_deadline()), (0, None));
}
