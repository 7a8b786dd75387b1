//! Acts with questions, and what is quiet.

use super::*;

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

#[test]
fn h03_who_judges_emergencies_is_told_of_one_at_once_and_others_are_not() {
    let opened = crate::domain::EmergencyOpened {
        emergency: "g1".parse().unwrap(),
        user: "nina".to_owned(),
        reason: crate::domain::EmergencyReason::Treatment,
        until: testing::t0() + Millis::from_mins(60),
        due: testing::t0() + Millis::from_mins(72 * 60),
    };
    for (role, is_told) in [(Role::Charge, true), (Role::Nurse, false)] {
        let mut bench = Bench::with(ward12());
        bench.app.session = Some(testing::session(role));
        let body = EventBody::EmergencyOpened { patient: testing::patient_id(1), opened: opened.clone() };
        let event = JournalEvent::new(testing::t0(), body);
        let seq = bench.app.seq + 1;
        bench.client(ClientEvent::Event(SequencedEvent { ward: testing::ward().id, seq, event }));
        let told = bench.app.notice.as_ref().map(|notice| notice.text.clone());
        assert_eq!(told.is_some(), is_told, "{told:?}");
        if let Some(text) = told {
            assert!(text.starts_with("EMERGENCY ACCESS: nina of another ward opened bed 01 until "), "{text}");
            bench.wait(60_000);
            assert!(bench.app.notice.is_some(), "whoever is told may look elsewhere for a minute");
        }
    }
}

/// That a patient was opened in an emergency, as the journal has it.
fn opened(bench: &Bench, emergency: &str, ahead: u64) -> ClientEvent {
    let opened = crate::domain::EmergencyOpened {
        emergency: emergency.parse().unwrap(),
        user: emergency.to_owned(),
        reason: crate::domain::EmergencyReason::Treatment,
        until: testing::t0() + Millis::from_mins(60),
        due: testing::t0() + Millis::from_mins(72 * 60),
    };
    let body = EventBody::EmergencyOpened { patient: testing::patient_id(1), opened };
    let seq = bench.app.seq + ahead;
    ClientEvent::Event(SequencedEvent { ward: testing::ward().id, seq, event: JournalEvent::new(testing::t0(), body) })
}

/// Lets time pass on a live link.
fn live(bench: &mut Bench, seconds: i64) {
    for _ in 0..seconds {
        bench.wait(1_000);
        bench.heartbeat();
    }
}

fn told(bench: &Bench) -> Option<&str> {
    bench.app.notice.as_ref()?.text.split(" of another ward").next()
}

#[test]
fn an_emergency_that_came_while_another_notice_stood_is_told_after_it() {
    let mut bench = Bench::with(ward12());
    bench.app.session = Some(testing::session(Role::Charge));
    bench.app.fail("not done".to_owned());
    for name in ["nina", "ole"] {
        let event = opened(&bench, name, 1);
        bench.client(event);
    }
    assert_eq!(told(&bench), Some("not done"));
    live(&mut bench, 12);
    assert_eq!(told(&bench), Some("EMERGENCY ACCESS: nina"));
    bench.app.say("charted".to_owned());
    live(&mut bench, 7);
    assert_eq!(told(&bench), Some("EMERGENCY ACCESS: nina"), "another notice stood in its place: it comes again");
    live(&mut bench, 21);
    assert_eq!(told(&bench), Some("EMERGENCY ACCESS: ole"));
    live(&mut bench, 125);
    assert_eq!(told(&bench), None);
}

#[test]
fn an_emergency_of_the_time_of_a_cut_or_a_lock_is_told_when_somebody_can_read_it() {
    let mut bench = Bench::with(ward12());
    bench.app.session = Some(testing::session(Role::Charge));
    // After a cut the journal comes again up to the snapshot, which holds it already.
    let event = opened(&bench, "nina", 0);
    bench.client(event);
    assert_eq!(told(&bench), Some("EMERGENCY ACCESS: nina"));
    let locked = |state| ClientEvent::Session(crate::protocol::SessionInfo { state, ..testing::session(Role::Charge) });
    bench.client(locked(SessionState::Locked));
    let event = opened(&bench, "ole", 1);
    bench.client(event);
    live(&mut bench, 200);
    assert_eq!(told(&bench), None, "nobody is there");
    bench.client(locked(SessionState::Active));
    assert_eq!(told(&bench), Some("EMERGENCY ACCESS: nina"), "it did not stand there for its time");
    live(&mut bench, 21);
    assert_eq!(told(&bench), Some("EMERGENCY ACCESS: ole"));
    let lost = ClientEvent::Disconnected { why: "cut".to_owned(), retry_in_ms: 1_000, attempt: 1 };
    bench.client(lost);
    bench.wait(130_000);
    assert_eq!(told(&bench), None, "what is said now may not be read");
    let view = bench.app.ward.clone().unwrap();
    bench.snapshot(view);
    assert_eq!(told(&bench), Some("EMERGENCY ACCESS: ole"));
}

#[test]
fn an_emergency_of_the_time_when_nobody_was_signed_in_is_told_with_the_snapshot_and_once() {
    let mut bench = Bench::with(ward12());
    bench.app.session = Some(testing::session(Role::Charge));
    let ClientEvent::Event(entry) = opened(&bench, "nina", 1) else { panic!("an event") };
    let EventBody::EmergencyOpened { patient, opened } = entry.event.body else { panic!("an emergency") };
    let view = crate::protocol::WardView { emergencies: vec![(patient, opened)], ..ward12() };
    bench.snapshot(view.clone());
    assert_eq!(told(&bench), Some("EMERGENCY ACCESS: nina"));
    live(&mut bench, 125);
    assert_eq!(told(&bench), None);
    bench.snapshot(view);
    assert_eq!(told(&bench), None, "the same person was told");
}

#[test]
fn what_failed_is_shown_longer_than_what_was_done_and_neither_stays() {
    let stays = |say: fn(&mut App)| {
        let mut bench = Bench::with(ward12());
        say(&mut bench.app);
        (0..60).find(|_| {
            bench.wait(1_000);
            bench.app.notice.is_none()
        })
    };
    let done = stays(|app| app.say("done".to_owned())).unwrap();
    let failed = stays(|app| app.fail("not done".to_owned())).unwrap();
    let long = stays(|app| app.fail("not done, for many reasons".repeat(4))).unwrap();
    assert!(done < failed && failed < long, "{done} {failed} {long}");
}
