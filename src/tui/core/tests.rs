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

mod acts;
mod charting;
mod devices;
mod handover;
mod limits;
mod looking;
mod ops;
mod report;
mod rota;

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
    let options = AppOptions { server: "http://x:1".into(), signed_in: false, user: String::new(), emergency: None };
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
    let wrong = ClientEvent::Error {
        code: ErrorCode::WrongPassphrase,
        detail: "the name or the passphrase is wrong".into(),
        id: None,
    };
    bench.client(wrong);
    let Some(Dialog::Unlock(form)) = &bench.app.dialog else { panic!() };
    assert_eq!((form.waiting, form.failed.as_deref()), (false, Some("the passphrase is wrong")));
    bench.client(ClientEvent::Session(testing::session(Role::Nurse)));
    assert_eq!(bench.app.dialog, None);
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
    let options = AppOptions { server: "http://x:1".into(), signed_in: false, user: String::new(), emergency: None };
    let mut bench = Bench { app: App::new(options), at: Millis(0), effects: Vec::new() };
    bench.client(ClientEvent::Refused { why: "no".into() });
    bench.wait(60_000);
    assert_eq!((rings(&bench), bench.app.signed_out), (false, None));
}
