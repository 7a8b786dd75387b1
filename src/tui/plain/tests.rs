//! What is said in lines, and what typed lines do.

use super::*;
use crate::{
    domain::{Command, ConditionCode, Priority, Role, SequencedEvent, Side, vital::SPO2},
    protocol::{SessionInfo, SessionState},
    tui::{
        core::AppOptions,
        testing::{self, Bench, alert, night},
    },
};

fn plain() -> Plain {
    let mut bench = Bench::with(night());
    bench.heartbeat();
    let mut plain = Plain::new(bench.app);
    let first = plain.tick(Millis(1_000));
    assert!(first.lines[0].starts_with("DEMO · 3 East · LIVE"), "{:?}", first.lines);
    plain
}

#[test]
fn alerts_come_as_sentences() {
    let mut plain = plain();
    let alert = alert(9, 5, ConditionCode::Limit(SPO2, Side::Low), Priority::Medium, 0);
    let body = EventBody::Alert { cause: Cause::Raised, alert: alert.clone(), by: None };
    let event = JournalEvent::new(testing::t0(), body);
    let entry = SequencedEvent { ward: testing::ward().id, seq: 11, event };
    let said = plain.client(Millis(1_100), ClientEvent::Event(entry.clone()));
    assert_eq!(said.lines, ["DEMO 03:12:45 #9 MEDIUM bed 05 Lund Ingrid: SpO2 81 < 85: new"]);
    assert!(plain.client(Millis(1_200), ClientEvent::Event(entry)).lines.is_empty(), "said once");
}

#[test]
fn a_past_that_was_changed_is_said_each_time_it_is_told() {
    let mut plain = plain();
    let told = |standing| ClientEvent::Trail(standing);
    let forked = TrailStanding::Forked { what: "size 20 → 10: entries that were signed are gone".into() };
    let line = "AUDIT FORKED: size 20 → 10: entries that were signed are gone";
    assert_eq!(plain.client(Millis(1_100), told(forked.clone())).lines, [line]);
    assert_eq!(plain.client(Millis(1_200), told(forked)).lines, [line]);
    assert_eq!(plain.typed(Millis(1_300), "link").lines[1], line);
    let failed = TrailStanding::NotWitnessed { why: "busy".into() };
    assert_eq!(plain.client(Millis(1_400), told(failed.clone())).lines, ["audit not witnessed: busy"]);
    assert!(plain.client(Millis(1_500), told(failed)).lines.is_empty(), "said once");
    assert!(plain.client(Millis(1_600), told(TrailStanding::Witnessed { size: 30 })).lines.is_empty());
    assert_eq!(plain.typed(Millis(1_700), "link").lines[1], line, "it does not go");
}

#[test]
fn a_lost_link_is_said_and_so_is_its_return() {
    let mut plain = plain();
    let silent = plain.tick(Millis(4_200));
    assert!(silent.lines[0].contains("THE SERVER IS SILENT"), "{:?}", silent.lines);
    assert!(plain.tick(Millis(5_000)).lines.is_empty(), "said once");
    let lost = ClientEvent::Disconnected { why: "gone".into(), retry_in_ms: 100, attempt: 1 };
    let lost = plain.client(Millis(6_000), lost);
    assert!(lost.lines[0].contains("ALERTS ARE NOT ARRIVING"), "{:?}", lost.lines);
    let view = ClientEvent::Snapshot { seq: 12, now: testing::t0() + Millis(8_000), view: Box::new(night()) };
    assert!(plain.client(Millis(9_000), view).lines[0].ends_with("LINK LIVE"));
}

#[test]
fn a_high_alert_is_acknowledged_by_a_yes() {
    let mut plain = plain();
    let asked = plain.typed(Millis(1_100), "ack 04");
    assert_eq!(asked.lines, ["#1 HIGH bed 04 Okafor Chidi: SpO2 81 < 85. Type yes to acknowledge it"]);
    let done = plain.typed(Millis(1_200), "yes");
    let sent = done.effects.iter().find_map(|e| match e {
        Effect::Send(ClientRequest::Command { command, .. }) => Some(command.clone()),
        _ => None,
    });
    assert_eq!(sent, Some(Command::Acknowledge { alert: AlertId(1), transition: 1 }));
    assert_eq!(plain.typed(Millis(1_300), "yes").lines, ["nothing waits for a yes"]);
    assert_eq!(plain.typed(Millis(1_400), "ack 01").lines, ["bed 01 has no alert"]);
}

#[test]
fn each_alert_can_be_acknowledged() {
    let mut view = night();
    let mut of_the_ward = alert(12, 4, ConditionCode::NotMeasured(SPO2), Priority::Low, 5);
    (of_the_ward.key.patient, of_the_ward.bed) = (None, None);
    view.alerts.insert(of_the_ward.id, of_the_ward);
    for bed in view.beds.values_mut() {
        bed.label = format!("Bed {}", bed.label);
    }
    let mut bench = Bench::with(view);
    bench.heartbeat();
    let mut plain = Plain::new(bench.app);
    let first = plain.tick(Millis(1_000)).lines.join("\n");
    assert!(["#1 ", "#2 ", "#3 ", "#12 "].iter().all(|id| first.contains(id)), "{first}");
    let asked = plain.typed(Millis(1_100), "ack  Bed 04 ");
    assert!(asked.lines[0].starts_with("#1 HIGH bed Bed 04"), "{:?}", asked.lines);
    let answer = |plain: &mut Plain, line: &str| plain.typed(Millis(1_200), line).lines.join("\n");
    assert!(answer(&mut plain, "ack 04 and 05").contains("nobody in bed 04 and 05: name one bed"));
    assert_eq!(answer(&mut plain, "ack #99"), "there is no alert #99");
    assert!(answer(&mut plain, "show Bed 04").contains("#1 HIGH"));
    let done = plain.typed(Millis(1_300), "ack #12");
    let named = |e: &Effect| {
        let Effect::Send(ClientRequest::Command { command, .. }) = e else { return false };
        *command == Command::Acknowledge { alert: AlertId(12), transition: 1 }
    };
    assert!(done.effects.iter().any(named), "{:?}", done.effects);
}

fn sends_activity(said: &Said) -> bool {
    said.effects.iter().any(|e| matches!(e, Effect::Send(ClientRequest::Activity)))
}

#[test]
fn whoever_types_is_there() {
    let mut plain = plain();
    assert!(sends_activity(&plain.typed(Millis(1_100), "link")));
    assert!(!sends_activity(&plain.typed(Millis(21_000), "")), "at most every 20 s");
    assert!(sends_activity(&plain.typed(Millis(21_100), "")));
    let lost = ClientEvent::Disconnected { why: "gone".into(), retry_in_ms: 100, attempt: 1 };
    plain.client(Millis(30_000), lost);
    assert!(!sends_activity(&plain.typed(Millis(60_000), "")), "nobody would hear it");
}

#[test]
fn a_locked_session_is_said_and_can_be_unlocked() {
    let mut plain = plain();
    let session = |state| ClientEvent::Session(SessionInfo { state, ..testing::session(Role::Nurse) });
    assert_eq!(plain.typed(Millis(1_100), "unlock").lines, ["the session is not locked"]);
    let locked = plain.client(Millis(1_200), session(SessionState::Locked));
    assert_eq!(locked.lines, ["DEMO 03:12:45 LOCKED: names are hidden; type unlock"]);
    assert!(plain.tick(Millis(1_300)).lines.is_empty(), "said once");
    assert!(!sends_activity(&plain.typed(Millis(30_000), "")));

    plain.client(Millis(31_000), ClientEvent::Vitals(Vec::new()));
    assert!(plain.typed(Millis(31_100), "unlock").lines[0].starts_with("type your passphrase"));
    assert!(plain.awaits_passphrase());
    assert_eq!(plain.typed(Millis(31_200), "").lines, ["still locked"]);
    assert!(!plain.awaits_passphrase());

    plain.typed(Millis(31_300), "unlock");
    let sent = plain.typed(Millis(31_400), " quit \n");
    let unlocks =
        |e: &Effect| matches!(e, Effect::Send(ClientRequest::Unlock { passphrase }) if passphrase.expose() == " quit ");
    assert!(sent.effects.iter().any(unlocks) && sent.lines.is_empty(), "{sent:?}");
    let unlocked = plain.client(Millis(31_500), session(SessionState::Active));
    assert!(unlocked.lines[0].ends_with("unlocked"), "{:?}", unlocked.lines);
}

#[test]
fn a_beginning_is_no_false_alarm() {
    let mut bench = Bench::with(night());
    bench.app = App::new(AppOptions { server: "s".into(), signed_in: true, user: String::new(), emergency: None });
    let mut plain = Plain::new(bench.app);
    let lost = ClientEvent::Disconnected { why: "no server is there".into(), retry_in_ms: 100, attempt: 1 };
    assert_eq!(plain.client(Millis(0), lost.clone()).lines, ["no link yet: no server is there; trying again"]);
    assert!(plain.client(Millis(200), lost).lines.is_empty(), "said once");
    let beat =
        ClientEvent::Heartbeat { now: testing::t0(), head: 0, store: crate::protocol::StoreState::Recording, audit: 1 };
    assert!(plain.client(Millis(300), ClientEvent::Connecting { attempt: 2 }).lines.is_empty());
    assert!(plain.client(Millis(400), beat).lines.is_empty());
    assert!(plain.tick(Millis(20_000)).lines.is_empty());
    assert_eq!(plain.typed(Millis(20_100), "link").lines, ["no data yet"]);
    let view = ClientEvent::Snapshot { seq: 12, now: testing::t0(), view: Box::new(night()) };
    assert!(plain.client(Millis(20_200), view).lines[0].starts_with("DEMO · 3 East · LIVE"));
}

/// The command that a typed line makes.
fn made(plain: &mut Plain, line: &str) -> Option<Command> {
    plain.typed(Millis(1_100), line).effects.into_iter().find_map(|effect| match effect {
        Effect::Send(ClientRequest::Command { command, .. }) => Some(command),
        _ => None,
    })
}

#[rstest::rstest]
#[case("accept 04", r#"{"command":"accept","alert":1,"transition":1}"#)]
#[case("decline #1 busy  here", r#"{"command":"decline","alert":1,"transition":1,"reason":"busy here"}"#)]
#[case("give 04 k.brandt", r#"{"command":"hand_over_alert","alert":1,"transition":1,"to":"k.brandt"}"#)]
#[case("comment 07 ECG ordered", r#"{"command":"comment","alert":2,"text":"ECG ordered"}"#)]
#[case(
    "snooze 07 15",
    r#"{"command":"pause","kind":"alarm_paused","scope":"condition","patient":"p07","code":"hr.high","for_ms":900000}"#
)]
#[case(
    "pause 07 2 suction",
    r#"{"command":"pause","kind":"alarm_paused","scope":"patient","patient":"p07","for_ms":120000,"reason":"suction"}"#
)]
#[case("mute ward", r#"{"command":"pause","kind":"audio_paused","scope":"ward","for_ms":120000}"#)]
#[case("mute 07", r#"{"command":"pause","kind":"audio_paused","scope":"patient","patient":"p07","for_ms":120000}"#)]
#[case(
    "standby 01 20 theatre",
    r#"{"command":"pause","kind":"standby","scope":"patient","patient":"p01","for_ms":1200000,"reason":"theatre"}"#
)]
#[case("off 04 4 high known", r#"{"command":"pause","kind":"alarm_off","scope":"condition","patient":"p04","code":"spo2.low","for_ms":14400000,"reason":"known","include_high":true}"#)]
fn acts_are_typed(#[case] line: &str, #[case] json: &str) {
    let mut plain = plain();
    plain.app.session = Some(testing::session(Role::Charge));
    let made = made(&mut plain, line).map(|command| serde_json::to_value(command).unwrap());
    assert_eq!(made, Some(serde_json::from_str::<serde_json::Value>(json).unwrap()));
}

#[rstest::rstest]
#[case(
    "snooze 04 15",
    "#1 HIGH bed 04 Okafor Chidi: SpO2 81 < 85: not done: a high alert is never snoozed: acknowledge it, or mute it"
)]
#[case("snooze 07", "say for how many minutes, such as snooze 04 15")]
#[case("reset 07 seen", "#2 MEDIUM bed 07 Lindt Max: HR 138 > 130: not done: it is not over: acknowledge it")]
#[case("decline 07", "say why, such as decline 04 with another patient")]
#[case("comment 077 x", "name a bed, or one alert by its number, such as #12")]
#[case(
    "off 07 4 known",
    "#2 MEDIUM bed 07 Lindt Max: HR 138 > 130: not done: your role may not switch alarms off: ask charge or a doctor"
)]
#[case("end x", "name a pause by its number; type pauses")]
#[case("end 7", "pause 7: it is over")]
#[case("pauses", "nothing is paused or switched off")]
fn what_cannot_be_done_says_why(#[case] line: &str, #[case] why: &str) {
    let mut plain = plain();
    let said = plain.typed(Millis(1_100), line);
    assert_eq!(said.lines, [why]);
    assert!(!said.effects.iter().any(|e| matches!(e, Effect::Send(ClientRequest::Command { .. }))));
}

#[test]
fn what_is_typed_is_answered() {
    let mut plain = plain();
    let answer = |plain: &mut Plain, line: &str| plain.typed(Millis(1_100), line).lines.join("\n");
    assert!(answer(&mut plain, "alerts").contains("SpO2 81 < 85"));
    assert!(answer(&mut plain, "beds").contains("Ferreira-Albuquerque Maria"));
    let shown = answer(&mut plain, "show 04");
    assert!(shown.contains("121 /min") && shown.contains("#1 HIGH"), "{shown}");
    assert_eq!(answer(&mut plain, "show 77"), "there is nobody in bed 77");
    assert!(answer(&mut plain, "dance\u{1b}[2J").starts_with("dance[2J: not understood"));
    assert_eq!(answer(&mut plain, "link"), "LINK LIVE");
    assert!(matches!(plain.typed(Millis(1_100), "quit").effects[..], [Effect::Quit]));
}

#[test]
fn h03_an_emergency_is_said_to_those_who_judge_it_and_to_nobody_else() {
    let opened = crate::domain::EmergencyOpened {
        emergency: "g1".parse().unwrap(),
        user: "nina".to_owned(),
        reason: crate::domain::EmergencyReason::Treatment,
        until: testing::t0() + Millis::from_mins(60),
        due: testing::t0() + Millis::from_mins(72 * 60),
    };
    let said = |role: Role| {
        let mut plain = plain();
        plain.app.session = Some(testing::session(role));
        let body = EventBody::EmergencyOpened { patient: testing::patient_id(7), opened: opened.clone() };
        let event = JournalEvent::new(testing::t0(), body);
        let entry = SequencedEvent { ward: testing::ward().id, seq: plain.app.seq + 1, event };
        plain.client(Millis(1_100), ClientEvent::Event(entry)).lines
    };
    assert_eq!(said(Role::Nurse), Vec::<String>::new());
    assert!(said(Role::Charge)[0].contains("EMERGENCY ACCESS"), "{:?}", said(Role::Charge));
    // While the session is locked nobody can read it: it is said, once, when it is unlocked.
    let mut plain = plain();
    let session = |state| SessionInfo { state, ..testing::session(Role::Charge) };
    plain.client(Millis(1_050), ClientEvent::Session(session(SessionState::Locked)));
    let body = EventBody::EmergencyOpened { patient: testing::patient_id(7), opened };
    let event = JournalEvent::new(testing::t0(), body);
    let entry = SequencedEvent { ward: testing::ward().id, seq: plain.app.seq + 1, event };
    let told = |said: Said| said.lines.iter().filter(|line| line.contains("EMERGENCY ACCESS")).count();
    assert_eq!(told(plain.client(Millis(1_100), ClientEvent::Event(entry))), 0);
    assert_eq!(told(plain.client(Millis(1_200), ClientEvent::Session(session(SessionState::Active)))), 1);
    assert_eq!(told(plain.tick(Millis(1_300))), 0);
}

#[test]
fn limits_and_the_rota_are_read_by_a_line() {
    let mut plain = plain();
    let limits = plain.typed(Millis(1_100), "limits 07").lines;
    assert_eq!(limits[0], "limits of bed 07");
    for line in ["Heart rate 50 to 120 /min", "Oxygen saturation at least 90 %"] {
        assert!(limits.iter().any(|said| said == line), "{line}: {limits:?}");
    }
    assert_eq!(plain.typed(Millis(1_200), "limits 99").lines, ["there is nobody in bed 99"]);
    let rota = plain.typed(Millis(1_300), "rota").lines;
    assert!(
        !rota.is_empty() && !["not understood", "no data yet"].iter().any(|said| rota[0].contains(said)),
        "{rota:?}"
    );
}

#[test]
fn the_report_and_what_is_told_at_a_handover_are_asked_for_and_said_when_they_come() {
    let mut plain = plain();
    let asked = plain.typed(Millis(1_100), "report").effects;
    let Some(Effect::Send(ClientRequest::AlertReport { id, from, to })) = asked.last() else { panic!("{asked:?}") };
    assert_eq!(to.since(*from), Millis::from_mins(24 * 60));
    let again = plain.typed(Millis(1_200), "report").lines;
    assert_eq!(again, ["the report is asked for already"]);
    let report = Box::new(testing::report());
    let said = plain.client(Millis(1_300), ClientEvent::AlertReport { id: *id, report }).lines;
    assert!(said[0].ends_with("REPORT OF ALERTS") && said.len() > 10, "{said:?}");
    assert!(
        plain
            .tick(Millis(90_000))
            .effects
            .iter()
            .all(|effect| { !matches!(effect, Effect::Send(ClientRequest::AlertReport { .. })) }),
        "it is made once for each line"
    );
    let mut plain = self::plain();
    let asked = plain.typed(Millis(1_100), "handover 07").effects;
    let Some(Effect::Send(ClientRequest::HandoverReport { id, patients })) = asked.last() else { panic!("{asked:?}") };
    assert_eq!(patients.len(), 1);
    let busy = ClientEvent::Error { code: crate::protocol::ErrorCode::Busy, detail: "busy".into(), id: Some(*id) };
    let said = plain.client(Millis(1_200), busy).lines;
    assert_eq!(said, ["what is told at a handover could not be had: busy"]);
    assert_eq!(plain.typed(Millis(1_300), "handover 07").lines, Vec::<String>::new());
    let again = plain.typed(Millis(1_400), "handover 07").lines;
    assert_eq!(again, ["what is told at a handover is asked for already"]);
    let cut = ClientEvent::Disconnected { why: "away".into(), retry_in_ms: 1_000, attempt: 1 };
    let said = plain.client(Millis(1_500), cut).lines;
    let lost = "what is told at a handover could not be had: the link was cut";
    assert!(said.iter().any(|line| line == lost), "{said:?}");
}

fn commands(said: &Said) -> Vec<Command> {
    let command = |effect: &Effect| match effect {
        Effect::Send(ClientRequest::Command { command, .. }) => Some(command.clone()),
        _ => None,
    };
    said.effects.iter().filter_map(command).collect()
}

fn of_role(role: Role) -> Plain {
    let mut plain = plain();
    plain.app.session = Some(testing::session(role));
    plain
}

/// A line of a role, what is said back, and the command after a yes.
#[rstest::rstest]
#[case::limit(
    Role::Nurse,
    "limit 07 SpO2 low 88 8 usual for this patient",
    "bed 07",
    "SpO2 low 90 → 88 %, until ",
    r#""command":"set_limits","scope":"patient","patient":"p07","vital":"spo2""#
)]
#[case::until_the_handover(
    Role::Nurse,
    "limit 07 HR high 130 handover ordered by a doctor",
    "bed 07",
    "HR high 120 → 130 /min, until the next handover: ordered by a doctor",
    r#""vital":"hr""#
)]
#[case::consciousness(
    Role::Nurse,
    "chart 07 consciousness V 4",
    "bed 07",
    "V reacts to voice, holds 4 h",
    r#""command":"chart","patient":"p07""#
)]
#[case::oxygen(Role::Nurse, "chart 07 oxygen 2", "bed 07", "oxygen 2 L/min", r#""flow":2.0"#)]
#[case::high_flow(Role::Nurse, "chart 07 highflow 40 50", "bed 07", "high flow 40 L/min 50 %", r#""high_flow":true"#)]
#[case::air(Role::Nurse, "chart 07 air", "bed 07", "on air", r#""command":"chart""#)]
#[case::scale(
    Role::Doctor,
    "chart 07 scale 2 decided by the team",
    "bed 07",
    "NEWS2 scale 2: decided",
    r#""decided by the team""#
)]
#[case::pregnant(Role::Nurse, "chart 07 pregnant no", "bed 07", "not pregnant", r#""pregnant":false"#)]
#[case::shift(
    Role::Charge,
    "shift nurse ben now 19:00 04 05",
    "into the rota",
    "19:00: bedside nurse ben beds 04 05",
    r#""command":"add_shift""#
)]
#[case::doctor(
    Role::Charge,
    "shift doctor dora 2026-03-02T07:00 19:00",
    "into the rota",
    "doctor on call dora",
    r#""add_shift""#
)]
fn what_a_line_changes_is_said_back_and_done_after_a_yes(
    #[case] role: Role,
    #[case] line: &str,
    #[case] begins: &str,
    #[case] holds: &str,
    #[case] wanted: &str,
) {
    let mut plain = of_role(role);
    let asked = plain.typed(Millis(1_100), line);
    assert_eq!(commands(&asked), [], "nothing is done before the yes");
    let said = asked.lines.join(" ");
    assert!(said.starts_with(begins) && said.contains(holds) && said.ends_with("Type yes to do it"), "{said}");
    let done = commands(&plain.typed(Millis(1_200), "yes"));
    let text = serde_json::to_string(&done).unwrap();
    assert!(done.len() == 1 && text.contains(wanted), "{text}");
    assert_eq!(plain.typed(Millis(1_300), "yes").lines, ["nothing waits for a yes"]);
    // Anything else that is typed takes the question back.
    plain.typed(Millis(1_400), line);
    plain.typed(Millis(1_500), "link");
    assert_eq!(commands(&plain.typed(Millis(1_600), "yes")), []);
}

#[rstest::rstest]
#[case(Role::Nurse, "limit 07 SpO2 low", "say which limit")]
#[case(Role::Nurse, "limit 07 SpO2 low 90 8 so already", "it is so already")]
#[case(Role::Nurse, "limit 07 SpO2 low ninety 8 typed in words", "a number is wanted")]
#[case(Role::Nurse, "limit 07 SpO2 back no longer needed", "SpO2 is not changed for this patient")]
#[case(Role::Nurse, "limit 07 all back no longer needed", "no limit of this patient is changed")]
#[case(Role::Nurse, "limit 77 SpO2 low 88 8 nobody there", "name a bed")]
#[case(Role::Nurse, "chart 07 consciousness X", "say A, C, V, P or U")]
#[case(Role::Nurse, "chart 07 oxygen", "say what is charted")]
#[case(Role::Nurse, "chart 07 scale 2 decided by the team", "a doctor decides")]
#[case(Role::Nurse, "shift nurse ben now 19:00", "your role may not change the rota: ask charge")]
#[case(Role::Charge, "shift nurse ben now 19:00 77", "this ward has no bed 77")]
#[case(Role::Charge, "shift cook ben now 19:00", "say as what")]
#[case(Role::Charge, "shift out 99", "there is no shift of that number")]
#[case(Role::Charge, "assign d1 04", "type devices first")]
fn what_cannot_be_changed_is_said_with_its_reason(#[case] role: Role, #[case] line: &str, #[case] why: &str) {
    let mut plain = of_role(role);
    let said = plain.typed(Millis(1_100), line);
    assert!(said.lines.join(" ").contains(why), "{:?}", said.lines);
    assert_eq!(commands(&plain.typed(Millis(1_200), "yes")), []);
}

#[test]
fn limits_that_changed_since_they_were_said_back_are_not_set() {
    let mut plain = of_role(Role::Nurse);
    plain.typed(Millis(1_100), "limit 07 SpO2 low 88 8 usual for this patient");
    let view = plain.app.ward.as_mut().unwrap();
    let category = view.patients[&testing::patient_id(7)].patient.category;
    for limits in view.limits.get_mut(&category).unwrap() {
        limits.hysteresis += 1.0;
    }
    assert_eq!(commands(&plain.typed(Millis(1_200), "yes")), []);
    assert!(plain.typed(Millis(1_300), "link").lines.join(" ").contains("it changed meanwhile"));
}

#[test]
fn a_shift_is_taken_out_by_its_number_and_a_device_given_to_a_patient() {
    let mut plain = of_role(Role::Charge);
    plain.app.ward.as_mut().unwrap().rota = testing::rota();
    let rota = plain.typed(Millis(1_100), "rota").lines;
    let first = rota.iter().find(|line| line.starts_with("shift 1: ")).unwrap().clone();
    let asked = plain.typed(Millis(1_200), "shift out 1").lines;
    assert!(asked[0].contains(first.trim_start_matches("shift 1: ")), "{asked:?}");
    let done = commands(&plain.typed(Millis(1_300), "yes"));
    assert!(matches!(done[..], [Command::RemoveShift { .. }]), "{done:?}");

    plain.app.devices.list = Some(Box::new(testing::devices()));
    let named = plain.app.devices.list.iter().flat_map(|list| &list.devices);
    let device = named.clone().find(|view| view.patient.is_some()).unwrap().device.id.clone();
    let asked = plain.typed(Millis(1_400), &format!("assign {device} 07")).lines;
    assert!(asked[0].starts_with(&format!("{device} measures bed")), "{asked:?}");
    let done = commands(&plain.typed(Millis(1_500), "yes"));
    assert!(matches!(done[..], [Command::MoveDevice { .. }]), "{done:?}");
    plain.typed(Millis(1_600), &format!("unassign {device}"));
    let done = commands(&plain.typed(Millis(1_700), "yes"));
    assert!(matches!(done[..], [Command::Unassign { .. }]), "{done:?}");
}
