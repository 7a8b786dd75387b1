//! What each event changes, and what it asks for.

use super::*;
use crate::{
    client::{ClientEvent, ClientRequest},
    domain::{
        Alert, AlertId, Command, ConditionCode, Event as JournalEvent, EventBody, Liveness, Millis, Priority, Role,
        SequencedEvent, Side, Timestamp, VitalCode,
        vital::{HR, SPO2},
    },
    protocol::{ErrorCode, SessionState},
    tui::testing::{self, Bench, alert, night, ward12},
};

mod handover;

fn moved(alert: &Alert, seq: u64) -> ClientEvent {
    let body = EventBody::Alert { cause: crate::domain::Cause::Raised, alert: alert.clone(), by: None };
    let event = JournalEvent::new(alert.raised_at, body);
    ClientEvent::Event(SequencedEvent { ward: testing::ward().id, seq, event })
}

fn high(id: u64, patient: usize) -> Alert {
    alert(id, patient, ConditionCode::Limit(SPO2, Side::Low), Priority::High, 0)
}

fn commands(bench: &Bench) -> Vec<Command> {
    let command = |effect: &Effect| match effect {
        Effect::Send(ClientRequest::Command { command, .. }) => Some(command.clone()),
        _ => None,
    };
    bench.effects.iter().filter_map(command).collect()
}

fn rings(bench: &Bench) -> bool {
    bench.effects.iter().any(|e| matches!(e, Effect::Bell))
}

#[test]
fn a_high_alert_is_acknowledged_with_a_second_different_key() {
    let mut bench = Bench::with(night());
    bench.key(Key::char('w'));
    bench.key(Key::char('a'));
    assert_eq!(commands(&bench), []);
    let asked = Some(Dialog::ConfirmAcknowledge { alert: AlertId(1), transition: 1 });
    assert_eq!(bench.app.dialog, asked);
    bench.key(Key::char('a'));
    assert_eq!((commands(&bench), bench.app.dialog.clone()), (vec![], asked), "the same key does not confirm");
    bench.key(Key::char('y'));
    assert_eq!(commands(&bench), [Command::Acknowledge { alert: AlertId(1), transition: 1 }]);
    assert_eq!(bench.app.dialog, None);
}

#[test]
fn what_is_confirmed_is_what_was_seen() {
    let mut bench = Bench::with(night());
    bench.key(Key::char('w'));
    bench.key(Key::char('a'));
    let mut worse = high(1, 4);
    worse.transition = 2;
    bench.client(moved(&worse, 11));
    bench.key(Key::char('y'));
    assert_eq!(
        commands(&bench),
        [Command::Acknowledge { alert: AlertId(1), transition: 1 }],
        "the server says: changed"
    );
}

#[test]
fn a_medium_alert_is_acknowledged_at_once_and_only_once_at_a_time() {
    let mut bench = Bench::with(night());
    bench.key(Key::char('2'));
    bench.key(Key::char('j'));
    bench.key(Key::char('a'));
    assert_eq!(commands(&bench), [Command::Acknowledge { alert: AlertId(2), transition: 1 }]);
    bench.key(Key::char('a'));
    assert_eq!(commands(&bench), [], "one is under way");
    bench.client(ClientEvent::Result { id: 2, done: false, refusal: None });
    for id in 0..9 {
        bench.client(ClientEvent::Result { id, done: true, refusal: None });
    }
    assert_eq!(bench.app.notice.as_ref().unwrap().kind, NoticeKind::Failed);
    bench.key(Key::char('a'));
    assert_eq!(commands(&bench).len(), 1, "it may be asked again");
}

#[test]
fn a_command_without_an_answer_is_told() {
    let mut bench = Bench::with(night());
    bench.key(Key::char('2'));
    bench.key(Key::char('j'));
    bench.key(Key::char('a'));
    for _ in 0..5 {
        bench.wait(1_000);
        bench.heartbeat();
    }
    assert!(bench.app.notice.as_ref().unwrap().text.contains("has not answered"));
}

#[test]
fn who_may_not_act_is_told_why() {
    let mut bench = Bench::with(night());
    bench.app.session = Some(testing::session(Role::Viewer));
    bench.key(Key::char('w'));
    bench.key(Key::char('a'));
    assert_eq!((commands(&bench), &bench.app.dialog), (vec![], &None));
    assert!(bench.app.notice.as_ref().unwrap().text.contains("role"));
}

#[test]
fn without_a_link_nothing_is_acknowledged_and_nothing_is_live() {
    let mut bench = Bench::with(night());
    let spo2 = |bench: &Bench| {
        let view = bench.app.ward.as_ref().unwrap().patients[&testing::patient_id(4)].vitals[&SPO2].clone();
        bench.app.liveness(&view)
    };
    assert_eq!((bench.app.health().is_live(), spo2(&bench)), (true, Liveness::Live));
    bench.wait(2_900);
    assert!(bench.app.health().is_live());
    bench.wait(100);
    assert!(matches!(bench.app.health(), Health::Silent { .. }));
    assert_eq!(spo2(&bench), Liveness::Late);
    let why = "the server closed the connection".to_owned();
    bench.client(ClientEvent::Disconnected { why, retry_in_ms: 500, attempt: 1 });
    assert!(matches!(bench.app.health(), Health::Lost { .. }));
    assert_eq!(spo2(&bench), Liveness::Lost);
    bench.key(Key::char('w'));
    bench.key(Key::char('a'));
    assert_eq!(commands(&bench), []);
    bench.snapshot(night());
    assert!(bench.app.health().is_live());
}

#[test]
fn a_lost_link_sounds_after_ten_seconds_and_again() {
    let mut bench = Bench::with(ward12());
    assert!(!rings(&bench));
    bench.wait(9_900);
    assert!(!rings(&bench));
    bench.wait(100);
    assert!(rings(&bench));
    bench.wait(9_000);
    assert!(!rings(&bench));
    bench.wait(1_000);
    assert!(rings(&bench));
}

#[test]
fn the_bell_sounds_for_a_new_high_alert_and_again_until_it_is_acknowledged() {
    let mut bench = Bench::with(ward12());
    bench.client(moved(&high(7, 3), 11));
    assert!(rings(&bench));
    for second in 1..=20 {
        bench.at = bench.at + Millis(1_000);
        bench.heartbeat();
        assert_eq!(rings(&bench), second % 10 == 0, "after {second} s");
    }
    bench.client(moved(&high(8, 5), 12));
    assert!(rings(&bench), "another one sounds at once");
    for (id, seq) in [(7, 13), (8, 14)] {
        let mut seen = high(id, 3);
        seen.signal = crate::domain::Signal::Ack;
        bench.client(moved(&seen, seq));
    }
    bench.at = bench.at + Millis(30_000);
    bench.heartbeat();
    assert!(!rings(&bench));
}

#[test]
fn nothing_moves_in_the_queue_under_the_hand() {
    let mut bench = Bench::with(night());
    bench.key(Key::char('2'));
    assert_eq!(bench.app.queue.selected, Some(AlertId(1)));
    bench.key(Key::char('j'));
    bench.client(moved(&high(9, 1), 11));
    assert_eq!(bench.app.queue.order, [AlertId(1), AlertId(2), AlertId(3)]);
    assert_eq!(bench.app.queue.waiting, 1);
    bench.wait(500);
    assert_eq!(bench.app.queue.order, [AlertId(1), AlertId(9), AlertId(2), AlertId(3)]);
    assert_eq!((bench.app.queue.waiting, bench.app.queue.selected), (0, Some(AlertId(2))), "the selection sticks");
}

#[test]
fn leaving_under_a_high_alert_asks() {
    let mut bench = Bench::with(night());
    bench.key(Key::char('q'));
    assert_eq!(bench.app.dialog, Some(Dialog::ConfirmQuit));
    bench.key(Key::char('n'));
    assert_eq!(bench.app.dialog, None);
    bench.key(Key::char('q'));
    bench.key(Key::char('y'));
    assert!(bench.effects.iter().any(|e| matches!(e, Effect::Quit)));
    let mut calm = Bench::with(ward12());
    calm.key(Key::char('q'));
    assert!(calm.effects.iter().any(|e| matches!(e, Effect::Quit)));
}

#[test]
fn the_login_form_sends_what_was_typed_and_forgets_the_passphrase() {
    let options = AppOptions { server: "http://x:1".into(), signed_in: false, user: String::new() };
    let mut bench = Bench { app: App::new(options), at: Millis(0), effects: Vec::new() };
    bench.type_text("a.meyer");
    bench.key(Key::plain(KeyCode::Enter));
    bench.type_text("correct horsee");
    bench.key(Key::plain(KeyCode::Backspace));
    bench.event(Event::Input(Input::Paste(" battery\n".into())));
    bench.key(Key::plain(KeyCode::Enter));
    let Some(Effect::SignIn { user, passphrase }) = bench.effects.first() else { panic!("{:?}", bench.effects) };
    assert_eq!((user.as_str(), passphrase.expose()), ("a.meyer", "correct horse battery"));
    assert!(bench.app.login.waiting && bench.app.login.passphrase.is_empty());
    bench.event(Event::SignInFailed { why: "wrong name or passphrase".into() });
    assert_eq!(bench.app.login.failed.as_deref(), Some("wrong name or passphrase"));
    bench.event(Event::SignedIn { user: "a.meyer".into() });
    assert_eq!(bench.app.page, Page::Ward);
}

#[test]
fn a_session_that_ends_takes_the_ward_off_the_screen() {
    let mut bench = Bench::with(night());
    bench.client(ClientEvent::Refused { why: "the session is over".into() });
    assert_eq!((bench.app.page, bench.app.ward.is_none(), bench.app.queue.order.len()), (Page::Login, true, 0));
    let said = Some("your session has ended: sign in again (the session is over)");
    assert_eq!(bench.app.login.failed.as_deref(), said);
}

#[test]
fn a_locked_session_watches_and_unlocks_in_place() {
    let mut bench = Bench::with(night());
    let locked = crate::protocol::SessionInfo { state: SessionState::Locked, ..testing::session(Role::Nurse) };
    bench.client(ClientEvent::Session(locked));
    bench.snapshot(night().without_names());
    bench.key(Key::char('w'));
    bench.key(Key::char('a'));
    assert_eq!(commands(&bench), []);
    bench.key(Key::char('u'));
    bench.type_text("secret of mine");
    bench.key(Key::plain(KeyCode::Enter));
    assert!(matches!(&bench.effects[..], [Effect::Send(ClientRequest::Unlock { passphrase }), ..]
        if passphrase.expose() == "secret of mine"));
    let wrong = ClientEvent::Error { code: ErrorCode::WrongPassphrase, detail: "wrong passphrase".into(), id: None };
    bench.client(wrong);
    let Some(Dialog::Unlock(form)) = &bench.app.dialog else { panic!() };
    assert_eq!((form.waiting, form.failed.as_deref()), (false, Some("wrong passphrase")));
    bench.client(ClientEvent::Session(testing::session(Role::Nurse)));
    assert_eq!(bench.app.dialog, None);
}

#[test]
fn a_filter_hides_beds_but_no_alerts() {
    let mut bench = Bench::with(night());
    let shown = |bench: &Bench| {
        let ward = bench.app.ward.as_ref().unwrap();
        bench.app.shown_patients(ward).iter().map(|p| p.bed.to_string()).collect::<Vec<_>>()
    };
    bench.key(Key::char('/'));
    bench.type_text("OKA");
    assert_eq!(shown(&bench), ["b04"]);
    assert_eq!(bench.app.queue.order.len(), 3);
    bench.key(Key::plain(KeyCode::Esc));
    assert_eq!(shown(&bench).len(), 12);
    for (text, beds) in [("bed:7", "b07"), ("high", "b04"), ("technical", "b02"), ("stale b", ""), ("alert nov", "b02")]
    {
        bench.key(Key::char('/'));
        bench.type_text(text);
        bench.key(Key::plain(KeyCode::Enter));
        assert_eq!(shown(&bench).join(" "), beds, "{text}");
        bench.key(Key::char('C'));
    }
}

#[test]
fn sorting_is_asked_for() {
    let mut bench = Bench::with(night());
    let first = |bench: &Bench| {
        let ward = bench.app.ward.as_ref().unwrap();
        bench.app.shown_patients(ward).iter().take(4).map(|p| p.bed.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(first(&bench), "b01 b02 b03 b04");
    bench.key(Key::char('s'));
    assert_eq!(first(&bench), "b04 b07 b02 b01");
}

#[test]
fn a_patients_page_asks_for_trends_and_asks_again_as_they_age() {
    let mut bench = Bench::with(night());
    bench.key(Key::char('w'));
    bench.key(Key::plain(KeyCode::Enter));
    let query = |bench: &Bench| {
        bench.effects.iter().find_map(|e| match e {
            Effect::Send(ClientRequest::Query { query, .. }) => Some(query.clone()),
            _ => None,
        })
    };
    let asked = query(&bench).unwrap();
    assert_eq!((asked.points, asked.alerts), (240, true));
    assert_eq!(asked.to.since(asked.from), Millis::from_mins(60));
    bench.key(Key::plain(KeyCode::Right));
    assert_eq!(query(&bench).unwrap().points, 240, "8 h in steps of 2 min");
    bench.key(Key::plain(KeyCode::Esc));
    assert_eq!(bench.app.page, Page::Ward);
}

#[test]
fn sparks_are_asked_for_after_a_snapshot_and_grow_with_what_comes() {
    let view = ward12();
    let mut bench = Bench::with(view.clone());
    let id = bench.effects.iter().find_map(|e| match e {
        Effect::Send(ClientRequest::Query { id, query }) if query.points == 60 => Some(*id),
        _ => None,
    });
    assert!(id.is_some());
    let minute = |m: i64| Timestamp::from_ms(m * 60_000);
    let mut spark_view = view.patients[&testing::patient_id(1)].vitals[&HR].clone();
    let now = testing::t0().as_ms().div_euclid(60_000);
    for (m, value) in [(now - 2, 60.0), (now, 80.0), (now, 90.0)] {
        spark_view.observed_at = minute(m) + Millis(if value > 85.0 { 5 } else { 0 });
        spark_view.value = value;
        let update =
            crate::protocol::VitalsUpdate { patient: testing::patient_id(1), vitals: vec![spark_view.clone()] };
        bench.client(ClientEvent::Vitals(vec![update]));
    }
    let code: VitalCode = HR;
    let columns = bench.app.sparks.get(&testing::patient_id(1), code).unwrap().columns(60, minute(now));
    assert_eq!(&columns[56..], [None, Some(60.0), None, Some(85.0)]);
    assert_eq!(columns.iter().flatten().count(), 2);
    let coarse = bench.app.sparks.get(&testing::patient_id(1), code).unwrap().columns(20, minute(now));
    assert!(coarse.last().unwrap().is_some() && coarse[0].is_none());
}

#[test]
fn offers_tell_what_is_possible_now() {
    let mut bench = Bench::with(night());
    let acknowledge =
        |bench: &Bench| bench.app.offers().into_iter().find(|o| o.action == Action::Acknowledge).unwrap().not_now;
    assert_eq!(acknowledge(&bench), Some("no alert is selected"), "bed 01 is calm");
    bench.key(Key::char('w'));
    assert_eq!(acknowledge(&bench), None);
    bench.wait(5_000);
    assert_eq!(acknowledge(&bench), Some("there is no link to the server"));
    assert!(bench.app.offers().iter().all(|o| o.action != Action::RangeLonger));
}

#[test]
fn the_worst_alert_is_reached_though_the_filter_hides_its_bed() {
    let mut bench = Bench::with(night());
    bench.key(Key::char('/'));
    bench.type_text("bed:7");
    bench.key(Key::plain(KeyCode::Enter));
    bench.key(Key::char('w'));
    assert_eq!((bench.app.page, bench.app.queue.selected), (Page::Queue, Some(AlertId(1))));
    bench.key(Key::char('a'));
    assert_eq!(bench.app.dialog, Some(Dialog::ConfirmAcknowledge { alert: AlertId(1), transition: 1 }));
}

#[test]
fn a_screen_too_small_acknowledges_what_it_shows_and_always_asks() {
    let mut view = night();
    view.alerts.remove(&AlertId(1));
    let mut bench = Bench::with(view);
    bench.key(Key::char('G'));
    bench.event(Event::Input(Input::Resize { columns: 59, rows: 15 }));
    bench.wait(500);
    bench.heartbeat();
    bench.key(Key::char('a'));
    assert_eq!(commands(&bench), []);
    assert_eq!(bench.app.dialog, Some(Dialog::ConfirmAcknowledge { alert: AlertId(2), transition: 1 }));
    bench.key(Key::char('y'));
    assert_eq!(commands(&bench), [Command::Acknowledge { alert: AlertId(2), transition: 1 }]);
}

#[test]
fn what_changed_a_moment_ago_is_not_acknowledged() {
    let mut bench = Bench::with(night());
    bench.key(Key::char('2'));
    bench.key(Key::char('j'));
    bench.wait(600);
    // The selected alert is over: the next one takes its place.
    let mut over = alert(2, 7, ConditionCode::Limit(HR, Side::High), Priority::Medium, 190);
    over.response = crate::domain::Response::Closed { reason: crate::domain::CloseReason::Cleared, by: None };
    bench.client(moved(&over, 11));
    bench.heartbeat();
    assert_eq!(bench.app.queue.selected, Some(AlertId(3)));
    bench.wait(499);
    for _ in 0..2 {
        bench.key(Key::char('a'));
        assert_eq!(commands(&bench), []);
        assert_eq!(bench.app.notice.as_ref().unwrap().text, "it changed just now: look, then press the key again");
    }
    bench.wait(1);
    bench.key(Key::char('a'));
    assert_eq!(commands(&bench), [Command::Acknowledge { alert: AlertId(3), transition: 1 }]);
}

#[test]
fn a_worse_alert_of_the_same_patient_is_not_acknowledged_unseen() {
    let mut bench = Bench::with(night());
    bench.key(Key::char('w'));
    bench.key(Key::plain(KeyCode::Enter));
    let mut worse = high(1, 4);
    worse.transition = 2;
    bench.client(moved(&worse, 11));
    bench.key(Key::char('a'));
    assert_eq!(bench.app.dialog, None);
    bench.wait(500);
    bench.key(Key::char('a'));
    assert_eq!(bench.app.dialog, Some(Dialog::ConfirmAcknowledge { alert: AlertId(1), transition: 2 }));
}

/// What is said once the only command under way is answered.
fn said(mut bench: Bench, done: bool, refusal: Option<crate::domain::Refusal>) -> String {
    let id = bench.effects.iter().find_map(|effect| match effect {
        Effect::Send(ClientRequest::Command { id, .. }) => Some(*id),
        _ => None,
    });
    bench.client(ClientEvent::Result { id: id.unwrap(), done, refusal });
    bench.app.notice.unwrap().text
}

#[test]
fn an_answer_names_bed_patient_and_condition() {
    let asked = |signal: crate::domain::Signal| {
        let mut view = night();
        view.alerts.get_mut(&AlertId(2)).unwrap().signal = signal;
        view.patients.get_mut(&testing::patient_id(7)).unwrap().patient.name =
            crate::domain::PersonName::new("Lindt, Max");
        let mut bench = Bench::with(view);
        bench.key(Key::char('2'));
        bench.key(Key::char('j'));
        bench.key(Key::char('a'));
        if signal == crate::domain::Signal::Latch {
            bench.key(Key::char('1'));
        }
        bench
    };
    let on = || asked(crate::domain::Signal::On);
    assert_eq!(said(on(), true, None), "07 Lindt: HR 138 > 130 acknowledged");
    assert_eq!(said(asked(crate::domain::Signal::Latch), true, None), "07 Lindt: HR 138 > 130 seen and reset");
    assert_eq!(said(on(), false, None), "07 Lindt: HR 138 > 130: not done");
    let mut late = on();
    late.wait(5_000);
    let text = late.app.notice.unwrap().text;
    assert_eq!(text, "07 Lindt: HR 138 > 130: the server has not answered, look whether it was done");
    let mut cut = on();
    cut.client(ClientEvent::Disconnected { why: "cut".into(), retry_in_ms: 500, attempt: 1 });
    let text = cut.app.notice.unwrap().text;
    assert_eq!(text, "07 Lindt: HR 138 > 130: the link was cut, look whether it was done");
}

#[test]
fn a_session_that_ends_sounds_until_a_key_is_pressed() {
    let mut bench = Bench::with(ward12());
    bench.client(ClientEvent::Refused { why: "12 hours are over".into() });
    assert!(rings(&bench), "at once");
    bench.wait(9_999);
    assert!(!rings(&bench));
    bench.wait(1);
    assert!(rings(&bench), "and again");
    assert_eq!(bench.app.login.failed.as_deref(), Some("your session has ended: sign in again (12 hours are over)"));
    bench.key(Key::char('x'));
    bench.wait(20_000);
    assert!(!rings(&bench), "somebody is there");
    assert!(bench.app.signed_out.is_some(), "but alerts still do not arrive");
    bench.event(Event::SignedIn { user: "a.meyer".into() });
    assert_eq!(bench.app.signed_out, None);
}

#[test]
fn a_first_sign_in_is_no_alarm() {
    let options = AppOptions { server: "http://x:1".into(), signed_in: false, user: String::new() };
    let mut bench = Bench { app: App::new(options), at: Millis(0), effects: Vec::new() };
    bench.client(ClientEvent::Refused { why: "no".into() });
    bench.wait(60_000);
    assert_eq!((rings(&bench), bench.app.signed_out), (false, None));
}

#[test]
fn help_has_no_dead_keys_at_its_end() {
    let mut bench = Bench::with(night());
    bench.key(Key::char('?'));
    for _ in 0..10 {
        bench.key(Key::plain(KeyCode::PageDown));
    }
    let Some(Dialog::Help { scroll }) = bench.app.dialog else { panic!() };
    assert!(scroll > 0 && scroll + help_rows(24) == bench.app.offers().len() + crate::tui::words::LEGEND.len());
    bench.key(Key::char('k'));
    assert_eq!(bench.app.dialog, Some(Dialog::Help { scroll: scroll - 1 }));
}

/// The keys of an act on the alert of bed 07, and the command that they make.
#[rstest::rstest]
#[case("c", r#"{"command":"accept","alert":2,"transition":1}"#)]
#[case("d1", r#"{"command":"decline","alert":2,"transition":1,"reason":"with another patient"}"#)]
#[case(
    "z2",
    r#"{"command":"pause","kind":"alarm_paused","scope":"condition","patient":"p07","code":"hr.high","for_ms":900000}"#
)]
#[case(
    "p32",
    r#"{"command":"pause","kind":"alarm_paused","scope":"patient","patient":"p07","for_ms":180000,"reason":"suction"}"#
)]
#[case("m1", r#"{"command":"pause","kind":"audio_paused","scope":"patient","patient":"p07","for_ms":120000}"#)]
#[case(
    "t13",
    r#"{"command":"pause","kind":"standby","scope":"patient","patient":"p07","for_ms":600000,"reason":"theatre"}"#
)]
#[case("o321", r#"{"command":"pause","kind":"alarm_off","scope":"condition","patient":"p07","code":"hr.high","for_ms":14400000,"reason":"known and treated","include_high":true}"#)]
fn keys_make_a_command(#[case] keys: &str, #[case] json: &str) {
    let mut bench = Bench::with(night());
    bench.app.session = Some(testing::session(Role::Doctor));
    bench.type_text("2j");
    bench.type_text(keys);
    let made: Vec<_> = commands(&bench).iter().map(|c| serde_json::to_value(c).unwrap()).collect();
    assert_eq!(made, [serde_json::from_str::<serde_json::Value>(json).unwrap()]);
    assert_eq!(bench.app.dialog, None);
}

#[test]
fn own_words_are_typed_pasted_and_bounded() {
    let mut bench = Bench::with(night());
    bench.type_text("2jn");
    bench.key(Key::plain(KeyCode::Enter));
    assert_eq!(commands(&bench), [], "nothing was said");
    bench.event(Event::Input(Input::Paste("a\u{1b}b".repeat(300))));
    bench.key(Key::ctrl('u'));
    bench.event(Event::Input(Input::Paste("ECG\nordered".repeat(300))));
    let Some(Dialog::Sheet(sheet)) = &bench.app.dialog else { panic!() };
    assert_eq!(sheet.typed.as_ref().unwrap().text().chars().count(), crate::domain::text::TEXT_MAX_CHARS);
    bench.key(Key::ctrl('u'));
    bench.type_text("q1c");
    bench.key(Key::plain(KeyCode::Backspace));
    bench.key(Key::plain(KeyCode::Enter));
    assert_eq!(commands(&bench), [Command::Comment { alert: AlertId(2), text: "q1".parse().unwrap() }]);
}

#[test]
fn escape_goes_back_question_by_question() {
    let mut bench = Bench::with(night());
    bench.type_text("2jp2");
    let asked = |bench: &Bench| match &bench.app.dialog {
        Some(Dialog::Sheet(sheet)) => Some((sheet.answers.len(), sheet.typed.is_some())),
        _ => None,
    };
    assert_eq!(asked(&bench), Some((1, false)));
    bench.type_text("4");
    assert_eq!(asked(&bench), Some((1, true)));
    for left in [Some((1, false)), Some((0, false)), None] {
        bench.key(Key::plain(KeyCode::Esc));
        assert_eq!(asked(&bench), left);
    }
}

#[test]
fn what_moved_a_moment_ago_is_not_acted_on() {
    for key in "cdhnz".chars() {
        let mut bench = Bench::with(night());
        bench.type_text("2j");
        bench.wait(600);
        let mut over = alert(2, 7, ConditionCode::Limit(HR, Side::High), Priority::Medium, 190);
        over.response = crate::domain::Response::Closed { reason: crate::domain::CloseReason::Cleared, by: None };
        bench.client(moved(&over, 11));
        bench.key(Key::char(key));
        assert_eq!((commands(&bench), &bench.app.dialog), (vec![], &None), "{key}");
    }
}

#[test]
fn a_lock_closes_what_names_a_patient() {
    let mut bench = Bench::with(night());
    bench.type_text("2jp");
    assert!(bench.app.dialog.is_some());
    let mut locked = testing::session(Role::Nurse);
    locked.state = SessionState::Locked;
    bench.client(ClientEvent::Session(locked));
    assert_eq!(bench.app.dialog, None);
}

#[test]
fn a_silent_high_alert_does_not_sound_and_a_muted_one_neither() {
    use crate::domain::{Inactivation, PauseId, PauseKind};
    for (kind, counts) in [(PauseKind::AudioPaused, true), (PauseKind::Standby, false)] {
        let mut view = night();
        let high = view.alerts.get_mut(&AlertId(1)).unwrap();
        high.inactivation = Inactivation::Paused { kind, pause: PauseId(1), until: testing::t0() };
        let mut bench = Bench::with(view);
        assert!(!rings(&bench), "{kind:?}");
        bench.wait(20_000);
        let worst = bench.app.worst_unacknowledged().map(|a| a.id);
        assert_eq!(worst == Some(AlertId(1)), counts, "{kind:?}");
    }
}

#[test]
fn a_second_person_confirms_and_one_key_ends() {
    use crate::domain::{Actor, Pause, PauseId, PauseKind, PauseScope};
    let mut view = night();
    let by = |name: &str| Actor::User {
        user: "u9".parse().unwrap(),
        name: name.into(),
        role: Role::Doctor,
        session: "s9".parse().unwrap(),
    };
    let pause = |id, name: &str| Pause {
        id: PauseId(id),
        kind: PauseKind::AlarmOff,
        scope: PauseScope::Condition { patient: testing::patient_id(4), code: ConditionCode::Limit(SPO2, Side::Low) },
        since: testing::t0(),
        until: testing::t0() + Millis::from_mins(5),
        by: by(name),
        reason: None,
        covers: Priority::High,
        announced: 1,
        confirmed_by: None,
        waits_to_last: Some(Millis::from_mins(60)),
    };
    view.pauses = vec![pause(1, "k.brandt"), pause(2, "a.meyer")];
    let mut bench = Bench::with(view);
    bench.app.session = Some(testing::session(Role::Charge));
    bench.type_text("3f");
    assert_eq!(bench.app.dialog, Some(Dialog::ConfirmPause { pause: PauseId(1) }));
    bench.key(Key::char('f'));
    assert_eq!(commands(&bench), [], "the same key does not confirm");
    bench.key(Key::char('y'));
    assert_eq!(commands(&bench), [Command::ConfirmPause { pause: PauseId(1) }]);
    bench.type_text("jf");
    assert_eq!(bench.app.dialog, None, "one's own request wants another person");
    let ended = JournalEvent::new(
        testing::t0(),
        EventBody::PauseEnded { pause: PauseId(2), patient: None, end: crate::domain::PauseEnd::Expired },
    );
    bench.client(ClientEvent::Event(SequencedEvent { ward: testing::ward().id, seq: 11, event: ended }));
    assert_eq!(bench.app.selected_pause, Some(PauseId(1)));
    bench.wait(499);
    bench.key(Key::char('e'));
    assert_eq!(commands(&bench), [], "it took the place of another a moment ago");
    bench.wait(1);
    bench.key(Key::char('e'));
    assert_eq!(commands(&bench), [Command::EndPause { pause: PauseId(1) }]);
}
