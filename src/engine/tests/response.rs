//! Who deals with an alert: escalation, reminders, pauses, the rota; and the properties that hold over random histories.

use super::*;
use crate::{
    alarm::{
        ResponsePolicy, episode,
        pause::{ALARM_OFF_MAX, AUDIO_PAUSE_MAX, PROCEDURE_MAX, STANDBY_MAX},
        transitions::{Layers, TABLE, Trigger},
    },
    domain::{
        Duty, Inactivation, LoginName, PatientId, PauseEnd, PauseId, PauseKind, PauseScope, Remark, RotaError, Shift,
        alert::LAST_LEVEL, command::PauseError,
    },
};
use rstest::rstest;

pub(super) fn words(text: &str) -> Remark {
    text.parse().unwrap()
}

pub(super) fn by(name: &str, role: Role) -> Actor {
    Actor::User { user: name.parse().unwrap(), name: name.into(), role, session: "s".parse().unwrap() }
}

pub(super) fn patient(n: usize) -> PatientId {
    format!("p{n}").parse().unwrap()
}

fn condition(n: usize, code: &str) -> PauseScope {
    PauseScope::Condition { patient: patient(n), code: code.parse().unwrap() }
}

fn of_patient(n: usize) -> PauseScope {
    PauseScope::Patient { patient: patient(n) }
}

impl Bench {
    pub(super) fn ask(&mut self, s: f64, name: &str, command: Command) -> Option<Refusal> {
        let events = self.input(s, Input::Command { command, by: by(name, Role::Charge) });
        events.into_iter().find_map(|e| match e.body {
            EventBody::Refused { refusal, .. } => Some(refusal),
            _ => None,
        })
    }

    fn pause(&mut self, s: f64, kind: PauseKind, scope: PauseScope, seconds: i64) -> Option<Refusal> {
        let (span, reason) = (Millis::from_secs(seconds), Some(words("turning the patient")));
        self.ask(s, "anna", Command::Pause { kind, scope, span, reason, include_high: false })
    }

    /// What moved one alert, and when: `(second, cause)`.
    fn story(&self, code: &str) -> Vec<(f64, Cause)> {
        let code: ConditionCode = code.parse().unwrap();
        let moved = |e: &Event| match &e.body {
            EventBody::Alert { cause, alert, .. } if alert.key.code == code => {
                Some((e.at.since(t(0.0)).as_secs_f64(), *cause))
            }
            _ => None,
        };
        self.events.iter().filter_map(moved).collect()
    }

    fn ended(&self) -> Vec<(u64, PauseEnd)> {
        let ended = |e: &Event| match &e.body {
            EventBody::PauseEnded { pause, end, .. } => Some((pause.0, end.clone())),
            _ => None,
        };
        self.events.iter().filter_map(ended).collect()
    }

    fn take_on(&mut self, s: f64, name: &str, code: &str, command: fn(AlertId, u32) -> Command) -> Option<Refusal> {
        let (id, transition) = (self.alert(code).id, self.alert(code).transition);
        self.ask(s, name, command(id, transition))
    }
}

fn ack(alert: AlertId, transition: u32) -> Command {
    Command::Acknowledge { alert, transition }
}

fn accept(alert: AlertId, transition: u32) -> Command {
    Command::Accept { alert, transition }
}

fn decline(alert: AlertId, transition: u32) -> Command {
    Command::Decline { alert, transition, reason: words("in theatre") }
}

/// A patient whose saturation is at 75 from 0 s on: high at 5 s.
fn high() -> Bench {
    let mut bench = Bench::new(1);
    bench.feed(0, 6, 1, SPO2, 75.0);
    bench
}

/// Goes on with the same value until `to`.
fn go_on(bench: &mut Bench, from: i32, to: i32, value: f64) {
    bench.feed(from, to, 1, SPO2, value);
}

#[test]
fn row_5_nobody_answers_and_more_people_are_asked_until_the_whole_ward_is() {
    let mut bench = high();
    go_on(&mut bench, 6, 400, 75.0);
    let escalated = |s| (s, Cause::Escalated);
    assert_eq!(bench.story("spo2.low"), [(5.0, Cause::Raised), escalated(65.0), escalated(125.0), escalated(185.0)]);
    assert_eq!((bench.alert("spo2.low").level, bench.alert("spo2.low").escalates_at), (LAST_LEVEL, None));
}

#[test]
fn row_5_a_medium_alert_has_minutes() {
    let mut bench = Bench::new(1);
    go_on(&mut bench, 0, 700, 85.0);
    let story = [(10.0, Cause::Raised), (190.0, Cause::Escalated), (610.0, Cause::Escalated)];
    assert_eq!(bench.story("spo2.low"), story);
}

#[test]
fn row_5_and_11_who_takes_it_on_ends_the_escalation_and_the_signal_stays() {
    let mut bench = high();
    go_on(&mut bench, 6, 31, 75.0);
    bench.take_on(30.0, "ben", "spo2.low", accept);
    go_on(&mut bench, 31, 300, 75.0);
    let reminded = |s| (s, Cause::Reminded);
    let story = [(5.0, Cause::Raised), (30.0, Cause::Accepted), reminded(150.0), reminded(270.0)];
    assert_eq!(bench.story("spo2.low"), story);
    let alert = bench.alert("spo2.low");
    assert_eq!((alert.signal, alert.owner()), (Signal::On, Some(&by("ben", Role::Charge))));
    let second = bench.take_on(300.0, "anna", "spo2.low", accept);
    assert!(matches!(second, Some(Refusal::AlreadyAccepted { owner, .. }) if owner.label() == "ben"));
    go_on(&mut bench, 301, 400, 75.0);
    assert_eq!(
        bench.story("spo2.low").last(),
        Some(&(390.0, Cause::Escalated)),
        "who did not come keeps nobody waiting"
    );
}

#[test]
fn row_11_who_declines_is_followed_by_the_next_level_at_once() {
    let mut bench = high();
    go_on(&mut bench, 6, 31, 75.0);
    bench.take_on(30.0, "ben", "spo2.low", decline);
    assert_eq!(bench.story("spo2.low"), [(5.0, Cause::Raised), (30.0, Cause::Declined), (30.0, Cause::Escalated)]);
    assert_eq!(bench.alert("spo2.low").response, Response::Escalated { level: 2, to: vec![] });
    go_on(&mut bench, 31, 95, 75.0);
    assert_eq!(bench.alert("spo2.low").level, 3, "and from there on the usual time: 60 s");
    for s in [96.0, 97.0] {
        bench.take_on(s, "ben", "spo2.low", decline);
    }
    let alert = bench.alert("spo2.low");
    assert_eq!(alert.level, LAST_LEVEL, "at the last level nobody else is left to be asked");
    assert!(matches!(alert.response, Response::Declined { .. }) && alert.signal == Signal::On);
}

#[test]
fn row_11_what_is_handed_over_signals_until_the_other_accepts() {
    let mut bench = high();
    bench.take_on(10.0, "ben", "spo2.low", ack);
    let give = |to: &'static str| {
        move |alert, transition| Command::HandOverAlert { alert, transition, to: LoginName::new(to) }
    };
    let (id, transition) = (bench.alert("spo2.low").id, bench.alert("spo2.low").transition);
    let foreign = bench.ask(11.0, "anna", give("carla")(id, transition));
    assert!(matches!(foreign, Some(Refusal::NotYours { owner, .. }) if owner.label() == "ben"));
    assert_eq!(bench.ask(12.0, "ben", give("carla")(id, transition)), None);
    let alert = bench.alert("spo2.low");
    assert_eq!(alert.response, Response::Notified { to: vec![LoginName::new("carla")] });
    assert_eq!((alert.signal, alert.escalates_at), (Signal::On, Some(t(72.0))), "nobody has it yet");
}

#[test]
fn row_7_an_acknowledged_alert_reminds_while_it_lasts_and_its_owner_stays() {
    let mut bench = high();
    go_on(&mut bench, 6, 21, 75.0);
    bench.take_on(20.0, "ben", "spo2.low", ack);
    go_on(&mut bench, 21, 300, 75.0);
    let reminded = |s| (s, Cause::Reminded);
    let story = [(5.0, Cause::Raised), (20.0, Cause::Acknowledged), reminded(140.0), reminded(260.0)];
    assert_eq!(bench.story("spo2.low"), story);
    assert_eq!(bench.alert("spo2.low").owner(), Some(&by("ben", Role::Charge)));
    bench.take_on(300.0, "anna", "spo2.low", ack);
    assert_eq!(bench.alert("spo2.low").signal, Signal::Ack, "it can be acknowledged again, by anybody");
    assert_eq!(bench.alert("spo2.low").owner(), Some(&by("anna", Role::Charge)));
}

#[test]
fn row_5_who_answers_no_reminder_is_followed_by_the_next_level() {
    let mut bench = high();
    go_on(&mut bench, 6, 21, 75.0);
    bench.take_on(20.0, "ben", "spo2.low", ack);
    go_on(&mut bench, 21, 401, 75.0);
    let moves = [(140.0, Cause::Reminded), (260.0, Cause::Reminded), (380.0, Cause::Escalated)];
    assert_eq!(bench.story("spo2.low")[2..], moves);
    let alert = bench.alert("spo2.low").clone();
    assert_eq!((alert.signal, alert.level, alert.owner()), (Signal::On, 2, None));
    go_on(&mut bench, 401, 490, 75.0);
    assert_eq!(bench.alert("spo2.low").level, 3, "and from there on the usual time: 60 s");
    bench.take_on(490.0, "anna", "spo2.low", ack);
    assert_eq!(bench.alert("spo2.low").reminds_at, Some(t(610.0)), "who acknowledges is reminded like the first");
}

#[test]
fn row_4_worsening_starts_the_time_to_answer_anew() {
    let mut bench = Bench::new(1);
    go_on(&mut bench, 0, 50, 85.0);
    bench.take_on(50.0, "ben", "spo2.low", ack);
    go_on(&mut bench, 51, 130, 75.0);
    let story =
        [(10.0, Cause::Raised), (50.0, Cause::Acknowledged), (56.0, Cause::Worsened), (116.0, Cause::Escalated)];
    assert_eq!(bench.story("spo2.low"), story);
}

#[test]
fn row_9_a_latched_alert_is_reset_with_what_was_found() {
    let mut bench = high();
    go_on(&mut bench, 6, 30, 97.0);
    assert_eq!(bench.alert("spo2.low").signal, Signal::Latch);
    assert_eq!(bench.alert("spo2.low").escalates_at, None, "it is over: nobody else is called");
    let plain = bench.take_on(30.0, "ben", "spo2.low", ack);
    assert!(matches!(plain, Some(Refusal::ReasonWanted { .. })));
    let reset = |alert, transition| Command::Reset { alert, transition, reason: words("probe had slipped") };
    assert_eq!(bench.take_on(31.0, "ben", "spo2.low", reset), None);
    assert_eq!(bench.engine.alerts().count(), 0);
    let said = |e: &Event| matches!(&e.body, EventBody::Commented { text, .. } if text.as_str() == "probe had slipped");
    assert!(bench.events.iter().any(said), "what was found stays in the journal");
}

#[test]
fn row_9_of_two_who_reset_one_wins_and_the_other_is_told_who_over_a_restart_too() {
    let mut bench = high();
    go_on(&mut bench, 6, 30, 97.0);
    let (alert, transition) = (bench.alert("spo2.low").id, bench.alert("spo2.low").transition);
    let reset = || Command::Reset { alert, transition, reason: words("probe had slipped") };
    let acknowledge = Command::Acknowledge { alert, transition };
    assert_eq!(bench.ask(31.0, "ben", reset()), None);
    let by_ben = Some(Refusal::AlreadyReset { alert, owner: by("ben", Role::Charge) });
    assert_eq!(bench.ask(31.0, "anna", reset()), by_ben);
    bench.engine = Engine::restore(EngineConfig::default(), &bench.engine.snapshot().unwrap()).unwrap();
    assert_eq!(bench.ask(32.0, "carla", acknowledge.clone()), by_ben);
    let never = Command::Acknowledge { alert: AlertId(999), transition: 1 };
    assert_eq!(bench.ask(33.0, "carla", never), Some(Refusal::NotOpen { alert: AlertId(999) }));
    // What is remembered is bounded.
    let resets = &mut bench.engine.responses.kept;
    (0..64).for_each(|n| resets.note_reset(AlertId(1_000 + n), &by("dora", Role::Charge)));
    assert_eq!(bench.ask(34.0, "carla", acknowledge), Some(Refusal::NotOpen { alert }));
}

#[test]
fn a_reset_that_is_refused_says_nothing() {
    let mut bench = high();
    let reset = |alert, transition| Command::Reset { alert, transition, reason: words("seen") };
    let refused = bench.take_on(7.0, "ben", "spo2.low", reset);
    assert!(matches!(refused, Some(Refusal::NotLatched { .. })));
    assert!(!bench.events.iter().any(|e| matches!(e.body, EventBody::Commented { .. })));
}

#[test]
fn row_12_a_pause_of_sound_ends_and_what_becomes_worse_breaks_through() {
    let mut bench = Bench::new(1);
    go_on(&mut bench, 0, 20, 85.0);
    bench.pause(20.0, PauseKind::AudioPaused, of_patient(1), 120);
    let until = t(140.0);
    let quiet = Inactivation::Paused { kind: PauseKind::AudioPaused, pause: PauseId(1), until };
    assert_eq!(bench.alert("spo2.low").inactivation, quiet);
    assert!(bench.alert("spo2.low").is_unacknowledged() && !bench.alert("spo2.low").is_audible());
    go_on(&mut bench, 21, 40, 75.0);
    let alert = bench.alert("spo2.low");
    assert_eq!((alert.priority, alert.inactivation), (Priority::High, Inactivation::Enabled), "it broke through");
    bench.feed(41, 60, 1, HR, 30.0);
    assert!(bench.alert("hr.low").is_audible(), "a new one breaks through");
}

#[test]
fn row_12_a_pause_of_sound_lasts_for_what_was_there() {
    let mut bench = Bench::new(1);
    go_on(&mut bench, 0, 20, 85.0);
    bench.pause(20.0, PauseKind::AudioPaused, PauseScope::Ward, 30);
    go_on(&mut bench, 20, 60, 85.0);
    let story = [(10.0, Cause::Raised), (20.0, Cause::Paused), (50.0, Cause::Unpaused)];
    assert_eq!(bench.story("spo2.low"), story);
    assert_eq!(bench.ended(), [(1, PauseEnd::Expired)]);
}

#[test]
fn row_13_a_snooze_is_for_one_condition_and_holds_over_the_next_value() {
    let mut bench = Bench::new(1);
    bench.feed(0, 20, 1, HR, 130.0);
    assert_eq!(bench.pause(20.0, PauseKind::AlarmPaused, condition(1, "hr.high"), 900), None);
    bench.feed(20, 60, 1, HR, 130.0);
    bench.feed(60, 90, 1, HR, 80.0);
    bench.feed(90, 120, 1, HR, 130.0);
    let again = bench.alert("hr.high");
    assert_eq!(again.inactivation.kind(), Some(PauseKind::AlarmPaused), "also when it comes anew");
    assert!(!again.is_unacknowledged() && again.escalates_at.is_none());
    bench.feed(120, 150, 1, HR, 45.0);
    assert!(bench.alert("hr.low").is_audible(), "low stays armed when high is snoozed");
    bench.feed(150, 170, 1, HR, 145.0);
    assert!(bench.alert("hr.high").is_audible(), "a high alert breaks through");
}

#[test]
fn row_13_a_high_alert_is_not_snoozed_and_a_snooze_ends_with_time_to_answer() {
    let mut bench = high();
    let refused = bench.pause(6.0, PauseKind::AlarmPaused, condition(1, "spo2.low"), 600);
    assert_eq!(refused, Some(PauseError::High.into()));
    let mut bench = Bench::new(1);
    go_on(&mut bench, 0, 20, 85.0);
    bench.pause(20.0, PauseKind::AlarmPaused, condition(1, "spo2.low"), 300);
    go_on(&mut bench, 20, 600, 85.0);
    let story = [(10.0, Cause::Raised), (20.0, Cause::Paused), (320.0, Cause::Unpaused), (500.0, Cause::Escalated)];
    assert_eq!(bench.story("spo2.low"), story);
}

#[test]
fn row_14_an_alarm_that_is_off_reminds_and_comes_on_by_itself() {
    let mut bench = Bench::new(1);
    go_on(&mut bench, 0, 20, 85.0);
    bench.pause(20.0, PauseKind::AlarmOff, condition(1, "spo2.low"), 3 * 3600);
    bench.tick(20.0 + 3.0 * 3600.0);
    let told = bench.events.iter().filter(|e| matches!(e.body, EventBody::Paused { .. })).count();
    assert_eq!(told, 6, "when it was set, and each half hour before its end");
    assert_eq!(bench.ended(), [(1, PauseEnd::Expired)]);
    assert!(bench.alert("spo2.low").inactivation.is_enabled());
}

#[test]
fn row_14_high_alerts_are_switched_off_by_two_people_alone() {
    let mut bench = high();
    let off = |include_high| Command::Pause {
        kind: PauseKind::AlarmOff,
        scope: condition(1, "spo2.low"),
        span: Millis::from_mins(60),
        reason: Some(words("palliative")),
        include_high,
    };
    bench.ask(6.0, "anna", off(false));
    assert!(bench.alert("spo2.low").is_audible(), "one person's word does not cover a high alert");
    bench.ask(7.0, "anna", off(true));
    assert!(bench.alert("spo2.low").is_audible(), "it waits for the second person");
    let pause = PauseId(2);
    assert_eq!(bench.ask(8.0, "anna", Command::ConfirmPause { pause }), Some(PauseError::SamePerson.into()));
    assert_eq!(bench.ask(9.0, "brandt", Command::ConfirmPause { pause }), None);
    assert_eq!(bench.alert("spo2.low").inactivation.kind(), Some(PauseKind::AlarmOff));
    let until = bench.engine.pauses().next().unwrap().until;
    assert_eq!(until, t(9.0) + Millis::from_mins(60), "it counts from the confirmation");
    let again = bench.ask(10.0, "brandt", Command::ConfirmPause { pause });
    assert_eq!(again, Some(PauseError::NotWaiting { pause }.into()));
}

#[test]
fn a_pause_that_nobody_confirms_is_forgotten() {
    let mut bench = high();
    let command = Command::Pause {
        kind: PauseKind::AlarmOff,
        scope: condition(1, "spo2.low"),
        span: ALARM_OFF_MAX,
        reason: Some(words("palliative")),
        include_high: true,
    };
    bench.ask(6.0, "anna", command);
    bench.tick(306.0);
    assert_eq!(bench.ended(), [(1, PauseEnd::Expired)]);
    assert_eq!(bench.engine.pauses().count(), 0);
}

#[test]
fn row_17_standby_ends_when_data_come_back_and_carries_nothing_over() {
    let mut bench = Bench::new(1);
    go_on(&mut bench, 0, 20, 85.0);
    bench.pause(20.0, PauseKind::Standby, of_patient(1), 1_200);
    assert!(!bench.alert("spo2.low").is_unacknowledged());
    bench.tick(200.0);
    assert!(!bench.alert("device.lost").is_unacknowledged(), "the silence is expected");
    bench.feed(600, 620, 1, SPO2, 85.0);
    assert_eq!(bench.ended(), [(1, PauseEnd::Resumed)]);
    assert!(bench.alert("spo2.low").is_audible());
}

#[test]
fn row_17_nobody_is_in_standby_with_a_high_alert_that_nobody_has_answered() {
    let mut bench = high();
    let refused = Some(PauseError::HighUnanswered.into());
    assert_eq!(bench.pause(6.0, PauseKind::Standby, of_patient(1), 1_200), refused);
    assert!(bench.alert("spo2.low").is_audible());
    bench.take_on(7.0, "anna", "spo2.low", ack);
    assert_eq!(bench.pause(8.0, PauseKind::Standby, of_patient(1), 1_200), None);
}

#[test]
fn row_17_standby_ends_when_values_still_come_after_the_cables_should_be_off() {
    let mut bench = Bench::new(1);
    go_on(&mut bench, 0, 20, 97.0);
    bench.pause(20.0, PauseKind::Standby, of_patient(1), 1_200);
    go_on(&mut bench, 20, 80, 97.0);
    assert_eq!(bench.ended(), [], "cables are being taken off");
    go_on(&mut bench, 80, 81, 97.0);
    assert_eq!(bench.ended(), [(1, PauseEnd::Resumed)]);
    bench.pause(81.0, PauseKind::Standby, of_patient(1), 1_200);
    bench.feed(81, 200, 1, SPO2, 0.0);
    assert_eq!(bench.ended().len(), 1, "a monitor without a patient says nothing of one");
    bench.value(200.0, 1, NBP_SYS, 120.0);
    let ended = bench.ended();
    assert_eq!(ended.len(), 1, "{ended:?}: nor does a cuff");
    bench.feed(200, 201, 1, SPO2, 75.0);
    assert_eq!(bench.ended().len(), 2);
}

#[test]
fn row_17_a_standby_that_is_too_long_is_an_alert() {
    let mut bench = Bench::new(1);
    go_on(&mut bench, 0, 20, 97.0);
    bench.pause(20.0, PauseKind::Standby, of_patient(1), 1_200);
    bench.tick(1_219.0);
    assert!(!bench.alert("device.lost").is_unacknowledged());
    bench.tick(1_220.0);
    assert!(bench.alert("device.lost").is_audible());
}

#[test]
fn row_17_a_transfer_carries_the_episode_and_a_discharge_ends_its_pauses() {
    let mut bench = Bench::new(2);
    go_on(&mut bench, 0, 20, 85.0);
    bench.command(20.0, Command::Discharge { patient: patient(2), reason: CloseReason::Discharged });
    let b2: crate::domain::BedId = "b2".parse().unwrap();
    assert_eq!(bench.ask(21.0, "anna", Command::Transfer { patient: patient(1), bed: b2.clone() }), None);
    let alert = bench.alert("spo2.low").clone();
    assert_eq!((alert.bed.clone(), alert.id, alert.signal), (Some(b2), AlertId(1), Signal::On));
    bench.pause(22.0, PauseKind::AlarmPaused, of_patient(1), 60);
    bench.command(23.0, Command::Discharge { patient: patient(1), reason: CloseReason::Discharged });
    assert_eq!(bench.ended(), [(1, PauseEnd::Discharged)]);
    let taken = Command::Transfer { patient: patient(1), bed: "b1".parse().unwrap() };
    assert!(bench.ask(24.0, "anna", taken).is_some(), "who has left is not moved");
}

#[test]
fn row_18_what_fell_due_while_the_server_was_down_happens_once_at_its_start() {
    let bench = high();
    let bytes = bench.engine.snapshot().unwrap();
    let mut restarted = Bench { engine: Engine::restore(EngineConfig::default(), &bytes).unwrap(), events: vec![] };
    restarted.input(100.0, Input::Start { ward: ward() });
    restarted.tick(100.0);
    restarted.tick(101.0);
    let story = restarted.story("spo2.low");
    assert_eq!(story, [(100.0, Cause::Held), (100.0, Cause::Escalated)], "level 2 was due at 65 s");
    restarted.tick(126.0);
    assert_eq!(restarted.alert("spo2.low").level, 3, "a stop delays no further step: level 3 at 125 s");
}

#[rstest]
#[case(PauseKind::AudioPaused, of_patient(1), AUDIO_PAUSE_MAX)]
#[case(PauseKind::AudioPaused, PauseScope::Ward, AUDIO_PAUSE_MAX)]
#[case(PauseKind::AudioOff, of_patient(1), Millis::from_mins(60))]
#[case(PauseKind::AlarmPaused, of_patient(1), PROCEDURE_MAX)]
#[case(PauseKind::AlarmPaused, condition(1, "hr.high"), Millis::from_mins(60))]
#[case(PauseKind::AlarmOff, condition(1, "hr.high"), ALARM_OFF_MAX)]
#[case(PauseKind::Standby, of_patient(1), STANDBY_MAX)]
fn every_pause_has_a_longest_time(#[case] kind: PauseKind, #[case] scope: PauseScope, #[case] longest: Millis) {
    let ask = |span: Millis| Command::Pause {
        kind,
        scope: scope.clone(),
        span,
        reason: Some(words("a reason")),
        include_high: false,
    };
    let mut bench = Bench::new(1);
    let refused = Some(PauseError::Span { kind, longest_ms: longest }.into());
    assert_eq!(bench.ask(1.0, "anna", ask(longest + Millis(1))), refused);
    assert_eq!(bench.ask(1.0, "anna", ask(Millis(999))), refused);
    assert_eq!(bench.ask(1.0, "anna", ask(Millis::from_secs(1))), None);
    assert_eq!(bench.ask(1.0, "anna", ask(longest)), None);
    assert_eq!(bench.ended(), [(1, PauseEnd::Replaced)], "the later takes the place of the earlier");
}

#[rstest]
#[case(PauseKind::AudioOff, PauseScope::Ward)]
#[case(PauseKind::AlarmPaused, PauseScope::Ward)]
#[case(PauseKind::AlarmOff, PauseScope::Ward)]
#[case(PauseKind::AlarmOff, of_patient(1))]
#[case(PauseKind::Standby, PauseScope::Ward)]
#[case(PauseKind::Standby, condition(1, "hr.low"))]
fn some_kinds_do_not_go_with_some_scopes(#[case] kind: PauseKind, #[case] scope: PauseScope) {
    let mut bench = Bench::new(1);
    let refused = bench.pause(1.0, kind, scope, 60);
    assert!(matches!(refused, Some(Refusal::Pause(PauseError::Scope { .. }))), "{refused:?}");
}

#[test]
fn pauses_want_a_reason_and_a_patient_who_is_here() {
    let mut bench = Bench::new(1);
    let plain =
        |kind, scope| Command::Pause { kind, scope, span: Millis::from_secs(60), reason: None, include_high: false };
    let asked = bench.ask(1.0, "anna", plain(PauseKind::AlarmPaused, of_patient(1)));
    assert_eq!(asked, Some(PauseError::ReasonWanted { kind: PauseKind::AlarmPaused }.into()));
    assert_eq!(bench.ask(1.0, "anna", plain(PauseKind::AlarmPaused, condition(1, "hr.high"))), None);
    assert_eq!(bench.ask(1.0, "anna", plain(PauseKind::AudioPaused, PauseScope::Ward)), None);
    assert!(matches!(
        bench.pause(1.0, PauseKind::AudioPaused, of_patient(9), 60),
        Some(Refusal::Census(crate::domain::CensusError::UnknownPatient { .. }))
    ));
    let unknown = PauseError::Unknown { pause: PauseId(77) };
    assert_eq!(bench.ask(1.0, "anna", Command::EndPause { pause: PauseId(77) }), Some(unknown.into()));
}

#[test]
fn anybody_may_let_alerts_sound_again() {
    let mut bench = Bench::new(1);
    go_on(&mut bench, 0, 20, 85.0);
    bench.pause(20.0, PauseKind::AlarmPaused, of_patient(1), 180);
    bench.ask(30.0, "ben", Command::EndPause { pause: PauseId(1) });
    assert!(bench.alert("spo2.low").is_audible());
    assert_eq!(bench.ended(), [(1, PauseEnd::Cancelled { by: by("ben", Role::Charge) })]);
}

fn shift(duty: Duty, user: &str, from: f64, to: f64, beds: &[&str]) -> Shift {
    let beds = beds.iter().map(|bed| bed.parse().unwrap()).collect();
    Shift { from: t(from), to: t(to), duty, user: LoginName::new(user), beds }
}

#[test]
fn the_rota_says_who_is_asked_at_each_level() {
    let mut bench = Bench::new(2);
    let shifts = vec![
        shift(Duty::Nurse, "anna", 0.0, 9_000.0, &["b1"]),
        shift(Duty::Nurse, "ben", 0.0, 9_000.0, &["b2"]),
        shift(Duty::Charge, "carla", 0.0, 9_000.0, &[]),
        shift(Duty::Doctor, "brandt", 0.0, 9_000.0, &[]),
    ];
    assert_eq!(bench.ask(1.0, "carla", Command::SetRota { shifts }), None);
    bench.feed(2, 250, 1, SPO2, 75.0);
    let asked = |e: &Event| match &e.body {
        EventBody::Alert { alert, cause: Cause::Raised | Cause::Escalated, .. } => match &alert.response {
            Response::Notified { to } | Response::Escalated { to, .. } => {
                Some(to.iter().map(LoginName::to_string).collect::<Vec<_>>().join(" "))
            }
            _ => None,
        },
        _ => None,
    };
    let asked: Vec<String> = bench.events.iter().filter_map(asked).collect();
    assert_eq!(asked, ["anna", "anna ben carla", "brandt", "anna ben brandt carla"]);
}

#[test]
fn a_gap_in_the_rota_is_an_alert_until_somebody_comes() {
    let mut bench = Bench::new(2);
    bench.tick(5.0);
    assert_eq!(bench.engine.alerts().count(), 0, "without a rota nobody has promised anything");
    let all = |from, to| {
        vec![
            shift(Duty::Nurse, "anna", from, to, &[]),
            shift(Duty::Charge, "carla", from, to, &[]),
            shift(Duty::Doctor, "brandt", from, to, &[]),
        ]
    };
    let mut shifts = all(0.0, 100.0);
    shifts.extend(all(160.0, 300.0));
    shifts.push(shift(Duty::Nurse, "ben", 100.0, 160.0, &["b1"]));
    assert_eq!(bench.ask(6.0, "carla", Command::SetRota { shifts }), None);
    bench.tick(99.0);
    assert_eq!(bench.engine.alerts().count(), 0);
    bench.tick(100.0);
    let detail = bench.alert("rota.gap").detail.clone();
    assert_eq!(detail.as_deref(), Some("no nurse for 2; no nurse in charge; no doctor on call"));
    bench.tick(160.0);
    assert_eq!(bench.story("rota.gap"), [(100.0, Cause::Raised), (160.0, Cause::Cleared)]);
    bench.tick(300.0);
    for n in [1, 2] {
        bench.command(310.0, Command::Discharge { patient: patient(n), reason: CloseReason::Discharged });
    }
    assert_eq!(bench.engine.alerts().count(), 0, "an empty ward needs nobody");
}

#[test]
fn shifts_that_cannot_be_are_refused() {
    let mut bench = Bench::new(1);
    let mut refused = |shift: Shift| bench.ask(1.0, "carla", Command::AddShift { shift });
    let ends = refused(shift(Duty::Nurse, "anna", 10.0, 10.0, &[]));
    assert_eq!(ends, Some(RotaError::EndsBeforeStart { user: LoginName::new("anna") }.into()));
    let bed = refused(shift(Duty::Nurse, "anna", 0.0, 10.0, &["b9"]));
    assert!(matches!(bed, Some(Refusal::Rota(RotaError::UnknownBed { .. }))));
    assert_eq!(refused(shift(Duty::Nurse, " ", 0.0, 10.0, &[])), Some(RotaError::Nobody.into()));
    let good = shift(Duty::Nurse, "anna", 0.0, 10.0, &["b1"]);
    assert_eq!(refused(good.clone()), None);
    assert_eq!(bench.ask(2.0, "carla", Command::RemoveShift { shift: good.clone() }), None);
    let gone = bench.ask(2.0, "carla", Command::RemoveShift { shift: good });
    assert_eq!(gone, Some(RotaError::NoSuchShift { user: LoginName::new("anna") }.into()));
}

#[test]
fn a_policy_without_steps_asks_nobody() {
    let config = EngineConfig { response: Arc::new(ResponsePolicy::silent()), ..EngineConfig::default() };
    let bytes = high().engine.snapshot().unwrap();
    let mut bench = Bench { engine: Engine::restore(config, &bytes).unwrap(), events: vec![] };
    bench.feed(100, 400, 1, SPO2, 75.0);
    let escalated = bench.story("spo2.low").iter().filter(|(_, cause)| *cause == Cause::Escalated).count();
    assert_eq!(escalated, 1, "what the snapshot had armed still comes, and nothing after it");
}

/// What somebody does in a random history.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Reset { alert: u64, transition: u32 },
    Accept { alert: u64, transition: u32 },
    Decline { alert: u64, transition: u32 },
    HandOver { alert: u64, transition: u32 },
    Comment { alert: u64 },
    Pause { kind: PauseKind, patient: usize, code: Option<&'static str>, seconds: i64, include_high: bool },
    Confirm { pause: u64 },
    End { pause: u64 },
    Transfer { patient: usize, bed: usize },
    Rota { from: i32, span: i32, bed: usize },
    Chart { patient: usize, level: usize, oxygen: bool },
    Handover(handover::Deed),
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    let target = || (1..6_u64, 1..6_u32);
    let kind = (0..PauseKind::ALL.len()).prop_map(|i| PauseKind::ALL[i]);
    let code = prop_oneof![Just(None), Just(Some("spo2.low")), Just(Some("hr.high"))];
    prop_oneof![
        2 => target().prop_map(|(alert, transition)| Act::Reset { alert, transition }),
        2 => target().prop_map(|(alert, transition)| Act::Accept { alert, transition }),
        1 => target().prop_map(|(alert, transition)| Act::Decline { alert, transition }),
        1 => target().prop_map(|(alert, transition)| Act::HandOver { alert, transition }),
        1 => (1..6_u64).prop_map(|alert| Act::Comment { alert }),
        4 => (kind, 1..4_usize, code, 1..400_i64, any::<bool>()).prop_map(
            |(kind, patient, code, seconds, include_high)| Act::Pause { kind, patient, code, seconds, include_high }),
        1 => (1..5_u64).prop_map(|pause| Act::Confirm { pause }),
        1 => (1..5_u64).prop_map(|pause| Act::End { pause }),
        1 => (1..4_usize, 1..4_usize).prop_map(|(patient, bed)| Act::Transfer { patient, bed }),
        2 => (1..4_usize, 0..5_usize, any::<bool>()).prop_map(
            |(patient, level, oxygen)| Act::Chart { patient, level, oxygen }),
        3 => handover::deed().prop_map(Act::Handover),
        1 => (0..400_i32, 1..400_i32, 1..4_usize).prop_map(|(from, span, bed)| Act::Rota { from, span, bed }),
    ]
}

impl Act {
    pub(super) fn play(&self, bench: &mut Bench, s: f64) {
        let id = AlertId;
        let (who, command) = match self.clone() {
            Self::Reset { alert, transition } => {
                ("anna", Command::Reset { alert: id(alert), transition, reason: words("seen") })
            }
            Self::Accept { alert, transition } => ("ben", Command::Accept { alert: id(alert), transition }),
            Self::Decline { alert, transition } => ("ben", decline(id(alert), transition)),
            Self::HandOver { alert, transition } => {
                ("anna", Command::HandOverAlert { alert: id(alert), transition, to: LoginName::new("carla") })
            }
            Self::Comment { alert } => ("anna", Command::Comment { alert: id(alert), text: words("looked") }),
            Self::Pause { kind, patient, code, seconds, include_high } => {
                let scope = code.map_or_else(|| of_patient(patient), |code| condition(patient, code));
                let (span, reason) = (Millis::from_secs(seconds), Some(words("why")));
                ("anna", Command::Pause { kind, scope, span, reason, include_high })
            }
            Self::Confirm { pause } => ("brandt", Command::ConfirmPause { pause: PauseId(pause) }),
            Self::End { pause } => ("ben", Command::EndPause { pause: PauseId(pause) }),
            Self::Transfer { patient: p, bed } => {
                ("carla", Command::Transfer { patient: patient(p), bed: format!("b{bed}").parse().unwrap() })
            }
            Self::Chart { patient: p, level, oxygen } => {
                use crate::domain::{ChartEntry, Consciousness, Oxygen};
                let entry = if level == 4 {
                    ChartEntry::Oxygen { oxygen: Oxygen { given: oxygen, ..Oxygen::default() } }
                } else {
                    let span = oxygen.then_some(Millis::from_secs(90));
                    ChartEntry::Consciousness { level: Consciousness::ALL[level], span }
                };
                ("anna", Command::Chart { patient: patient(p), entry })
            }
            Self::Handover(deed) => deed.command(),
            Self::Rota { from, span, bed } => {
                let (from, to) = (s + f64::from(from), s + f64::from(from + span));
                ("carla", Command::AddShift { shift: shift(Duty::Nurse, "anna", from, to, &[&format!("b{bed}")]) })
            }
        };
        bench.ask(s, who, command);
    }
}

/// The lines of the table that a cause may stand for.
const fn triggers(cause: Cause) -> &'static [Trigger] {
    match cause {
        Cause::Raised => &[Trigger::DelayOver],
        Cause::Worsened => &[Trigger::Worsened],
        Cause::Held => &[Trigger::CannotJudge, Trigger::Restart],
        Cause::Resumed => &[Trigger::ValidAgain],
        Cause::Cleared => &[Trigger::Cleared],
        Cause::Returned => &[Trigger::Returned],
        Cause::Acknowledged => &[Trigger::Acknowledge],
        Cause::Reset => &[Trigger::Reset],
        Cause::Closed => &[Trigger::Leave],
        Cause::Escalated => &[Trigger::Unanswered],
        Cause::Accepted => &[Trigger::Accept],
        Cause::Declined => &[Trigger::Decline],
        Cause::HandedOver => &[Trigger::HandOver, Trigger::PassOn],
        Cause::Reminded => &[Trigger::Remind],
        Cause::Paused | Cause::Unpaused => &[Trigger::PauseAudio, Trigger::PauseAlarms, Trigger::AlarmOff],
        Cause::Moved => &[Trigger::Transfer],
        Cause::Told => &[Trigger::Told],
    }
}

/// Each alert event with the alert before it.
fn moves_of(events: &[Event]) -> Vec<(Option<Alert>, Cause, Alert, Option<Actor>)> {
    let mut last: Map<AlertId, Alert> = Map::new();
    let mut moves = Vec::new();
    for event in events {
        if let EventBody::Alert { alert, cause, by } = &event.body {
            let before = last.insert(alert.id, alert.clone());
            moves.push((before, *cause, alert.clone(), by.clone()));
        }
    }
    moves
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Every move of every alert is a line of the table, and whoever brings it about may.
    #[test]
    fn every_move_is_a_line_of_the_table(steps in steps()) {
        let mut bench = Bench::new(3);
        let end = play(&mut bench, &steps, 1.0, None);
        bench.tick(end + 1_000.0);
        for (before, cause, after, by) in moves_of(&bench.events) {
            let from = before.as_ref().map_or(Layers::BEFORE, Layers::from);
            let latches = before.as_ref().is_some_and(episode::latches);
            let found = TABLE.iter().any(|line| {
                let person = matches!(line.actor, crate::alarm::transitions::ActorKind::Responder);
                let actor_fits = !person || by.is_some() || !by_person(cause);
                triggers(cause).contains(&line.trigger)
                    && line.begins_at(from, latches)
                    && line.leads(from, Layers::from(&after))
                    && actor_fits
            });
            prop_assert!(found, "{cause:?} from {from:?} to {:?}", Layers::from(&after));
        }
    }

    /// Property a: no high condition is present without a signal, an acknowledgement or an explicit inactivation.
    #[test]
    fn a_high_condition_signals_unless_somebody_made_it_quiet(steps in steps()) {
        let mut bench = Bench::new(3);
        let end = play(&mut bench, &steps, 1.0, None);
        bench.tick(end + 1.0);
        for alert in bench.engine.alerts().filter(|a| a.priority == Priority::High && a.condition == Condition::Present) {
            let accounted = matches!(alert.signal, Signal::On | Signal::Ack);
            prop_assert!(accounted, "{alert:?}");
            if alert.inactivation.is_silent() {
                let pause = bench.engine.pauses().find(|p| Some(p.kind) == alert.inactivation.kind());
                prop_assert!(pause.is_some_and(|p| p.until > t(end)), "quiet without a pause: {alert:?}");
            }
        }
    }

    /// Property d: every pause ends; afterwards nothing is quiet.
    #[test]
    fn a_pause_always_ends(steps in steps()) {
        let mut bench = Bench::new(3);
        let end = play(&mut bench, &steps, 1.0, None);
        bench.tick(end + 13.0 * 3600.0);
        prop_assert_eq!(bench.engine.pauses().count(), 0);
        prop_assert!(bench.engine.alerts().all(|a| a.inactivation.is_enabled()));
    }

    /// Property e: what is new or becomes worse breaks through every pause of sound, and a high alert through every pause
    /// of alarms that one person alone has set, but a standby.
    #[test]
    fn new_and_worse_break_through(steps in steps()) {
        let mut bench = Bench::new(3);
        let end = play(&mut bench, &steps, 1.0, None);
        bench.tick(end + 100.0);
        let mut confirmed: Vec<PauseId> = Vec::new();
        for event in &bench.events {
            match &event.body {
                EventBody::Paused { pause } if pause.confirmed_by.is_some() => confirmed.push(pause.id),
                EventBody::Alert { alert, cause: Cause::Raised | Cause::Worsened | Cause::Returned, .. } => {
                    let Inactivation::Paused { kind, pause, .. } = alert.inactivation else { continue };
                    prop_assert!(!kind.is_audio(), "{alert:?}");
                    let allowed = alert.priority < Priority::High
                        || kind == PauseKind::Standby
                        || confirmed.contains(&pause);
                    prop_assert!(allowed, "{alert:?}");
                }
                _ => {}
            }
        }
    }

    /// Property j: the level never falls within an episode, and nobody else is asked once somebody has taken it on.
    #[test]
    fn the_level_is_monotone_and_stops_when_somebody_accepts(steps in steps()) {
        let mut bench = Bench::new(3);
        let end = play(&mut bench, &steps, 1.0, None);
        bench.tick(end + 2_000.0);
        for (before, cause, after, _) in moves_of(&bench.events) {
            let Some(before) = before else { continue };
            prop_assert!(after.level >= before.level && after.level <= LAST_LEVEL);
            if cause == Cause::Escalated {
                let in_vain = before.reminded >= crate::alarm::escalation::REMINDERS_UNANSWERED_MAX;
                prop_assert!(!before.is_answered() || in_vain, "{before:?}");
                prop_assert_eq!(after.level, before.level + 1);
            }
        }
    }

    /// Property g: a value that comes again or late moves no alert. (A cuff's value of a minute ago is no late one.)
    #[test]
    fn values_again_and_out_of_order_move_nothing(steps in steps()) {
        let mut bench = Bench::new(3);
        let end = play(&mut bench, &steps, 1.0, None);
        bench.tick(end);
        let before = bench.engine.alerts().cloned().collect::<Vec<_>>();
        let told = bench.events.len();
        for step in &steps {
            if let Step::Value { patient, vital, value, .. } = step
                && *vital != NBP_SYS
            {
                bench.late_value(end, end - 60.0, *patient, *vital, *value);
            }
        }
        let moved = bench.events[told..].iter().any(|e| matches!(e.body, EventBody::Alert { .. }));
        prop_assert!(!moved);
        prop_assert_eq!(bench.engine.alerts().cloned().collect::<Vec<_>>(), before);
    }

    /// Property k: of two who acknowledge what they have both seen, exactly one wins, and the other is told who.
    #[test]
    fn of_two_acknowledgements_exactly_one_wins(steps in steps()) {
        let mut bench = Bench::new(3);
        let end = play(&mut bench, &steps, 1.0, None);
        bench.tick(end);
        let open: Vec<Alert> = bench.engine.alerts().filter(|a| a.signal == Signal::On).cloned().collect();
        for alert in open {
            let first = bench.ask(end, "anna", ack(alert.id, alert.transition));
            let second = bench.ask(end, "ben", ack(alert.id, alert.transition));
            prop_assert_eq!(first, None);
            let told = matches!(&second, Some(Refusal::AlreadyAcknowledged { owner, .. }) if owner.label() == "anna");
            prop_assert!(told, "{second:?}");
        }
    }
}

/// Whether a cause is always a person's.
const fn by_person(cause: Cause) -> bool {
    matches!(cause, Cause::Acknowledged | Cause::Reset | Cause::Accepted | Cause::Declined | Cause::HandedOver)
}
