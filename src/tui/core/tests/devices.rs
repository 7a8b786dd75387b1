//! Devices: what is asked for, who may give one to whom, and that what is done is what was seen.

use super::*;
use crate::domain::PatientId;

fn opened(role: Role) -> Bench {
    let mut bench = Bench::with(night());
    bench.client(ClientEvent::Session(testing::session(role)));
    bench.heartbeat();
    bench.type_text("D");
    bench.answer_devices();
    bench.heartbeat();
    bench
}

fn select(bench: &mut Bench, row: &DeviceRow) {
    bench.type_text("g");
    while bench.app.devices.selected.as_ref() != Some(row) {
        let before = bench.app.devices.selected.clone();
        bench.type_text("j");
        assert_ne!(bench.app.devices.selected, before, "there is no such row");
    }
}

fn device(id: &str) -> DeviceRow {
    DeviceRow::Device(id.parse().unwrap())
}

fn patient(number: usize) -> PatientId {
    testing::patient_id(number)
}

fn asks(bench: &Bench) -> bool {
    bench.effects.iter().any(|e| matches!(e, Effect::Send(ClientRequest::Devices { .. })))
}

#[test]
fn the_list_is_asked_for_while_it_is_shown_and_one_at_a_time() {
    let mut bench = Bench::with(night());
    bench.heartbeat();
    bench.type_text("D");
    assert!(asks(&bench));
    for _ in 0..4 {
        bench.wait(1_000);
        assert!(!asks(&bench), "one request at a time");
        bench.heartbeat();
    }
    bench.type_text("1D");
    bench.answer_devices();
    let mut times = 0;
    for _ in 0..20 {
        bench.wait(1_000);
        times += usize::from(asks(&bench));
        bench.answer_devices();
        bench.heartbeat();
    }
    assert!((3..=4).contains(&times), "every five seconds: {times}");
    bench.key(Key::plain(KeyCode::Esc));
    for _ in 0..20 {
        bench.wait(1_000);
        assert!(!asks(&bench), "not while another page is shown");
        bench.heartbeat();
    }
}

#[test]
fn charge_gives_a_device_to_a_patient_after_a_last_look() {
    let mut bench = opened(Role::Charge);
    select(&mut bench, &device("mon-spare"));
    assert!(!asks(&bench));
    bench.type_text("a");
    let Some(Dialog::Sheet(sheet)) = &bench.app.dialog else { panic!("{:?}", bench.app.dialog) };
    assert_eq!(sheet.choices[0].words, "02 Novak Jana (no device)", "who has none comes first");
    bench.type_text("1");
    assert_eq!(commands(&bench), []);
    bench.type_text("y");
    let at = bench.app.server_now().unwrap();
    let device = "mon-spare".parse().unwrap();
    assert_eq!(commands(&bench), [Command::MoveDevice { device, patient: patient(2), at }]);
}

#[test]
fn a_device_is_taken_from_one_and_given_to_another_by_the_bed_that_is_typed() {
    let mut bench = opened(Role::Charge);
    select(&mut bench, &device("mon-07"));
    bench.type_text("a9");
    for (typed, wrong) in [("99", "nobody is in a bed 99"), ("04", "")] {
        bench.key(Key::ctrl('u'));
        bench.type_text(typed);
        bench.key(Key::plain(KeyCode::Enter));
        let Some(Dialog::Sheet(sheet)) = &bench.app.dialog else { panic!("{:?}", bench.app.dialog) };
        assert_eq!(sheet.wrong.as_deref().unwrap_or_default(), wrong);
    }
    bench.type_text("y");
    let at = bench.app.server_now().unwrap();
    let device = || "mon-07".parse().unwrap();
    assert_eq!(commands(&bench), [Command::MoveDevice { device: device(), patient: patient(4), at }]);
    bench.type_text("x");
    assert_eq!(commands(&bench), []);
    bench.type_text("y");
    assert_eq!(commands(&bench), [Command::Unassign { device: device(), end: bench.app.server_now().unwrap() }]);
}

#[test]
fn what_is_done_is_what_was_seen() {
    let mut bench = opened(Role::Charge);
    select(&mut bench, &device("mon-07"));
    bench.type_text("a1");
    let mut list = testing::devices();
    list.devices.iter_mut().find(|view| view.device.id.as_str() == "mon-07").unwrap().patient = Some(patient(11));
    bench.app.devices.list = Some(Box::new(list));
    bench.type_text("y");
    assert_eq!(commands(&bench), []);
    assert_eq!(bench.app.notice.as_ref().unwrap().text, "not done: it changed meanwhile, look again");

    let mut list = testing::devices();
    list.devices.retain(|view| view.device.id.as_str() != "mon-07");
    bench.app.devices.list = Some(Box::new(list));
    bench.wait(100);
    bench.type_text("x");
    assert_eq!(bench.app.dialog, None, "another took its place a moment ago");
}

#[test]
fn who_may_not_and_what_cannot_be_is_said() {
    let notice = |bench: &Bench| bench.app.notice.as_ref().map(|n| n.text.clone()).unwrap_or_default();
    let mut bench = opened(Role::Nurse);
    select(&mut bench, &device("mon-spare"));
    bench.type_text("a");
    assert_eq!(notice(&bench), "not now: your role may not assign devices: ask charge");
    let mut bench = opened(Role::Charge);
    for (row, key, why) in [
        (DeviceRow::Unplaced("mon-new".parse().unwrap()), "a", "the ward does not know it"),
        (device("gw-east"), "a", "a gateway measures nobody"),
        (device("mon-spare"), "x", "it measures nobody"),
    ] {
        select(&mut bench, &row);
        bench.type_text(key);
        assert_eq!(bench.app.dialog, None);
        assert!(notice(&bench).contains(why), "{}", notice(&bench));
    }
    select(&mut bench, &DeviceRow::Unplaced("mon-spare".parse().unwrap()));
    bench.type_text("a");
    assert!(bench.app.dialog.is_some(), "one of the ward is assigned from the queue as well");
}

#[test]
fn the_filter_is_its_own_and_a_lock_forgets_what_was_seen() {
    let mut bench = opened(Role::Charge);
    bench.type_text("/battery");
    bench.key(Key::plain(KeyCode::Enter));
    assert_eq!(bench.app.device_rows(), [device("mon-04")]);
    assert!(bench.app.filter.is_empty(), "no bed is hidden by it");
    bench.type_text("C/nobody");
    bench.key(Key::plain(KeyCode::Enter));
    assert_eq!(bench.app.device_rows().len(), 2);
    let mut locked = testing::session(Role::Charge);
    locked.state = SessionState::Locked;
    bench.client(ClientEvent::Session(locked));
    assert_eq!(bench.app.devices.list, None);
    assert!(asks(&bench), "what may be seen is asked for anew");
}

#[test]
fn an_event_about_a_device_has_the_list_made_anew_and_the_history_scrolls() {
    let mut bench = opened(Role::Charge);
    select(&mut bench, &device("mon-07"));
    bench.key(Key::plain(KeyCode::PageDown));
    assert_eq!(bench.app.devices.scroll, 3, "as far as there is history");
    bench.type_text("k");
    assert_eq!(bench.app.devices.scroll, 0);
    let assignment = testing::devices().devices[0].assignments[0].clone();
    let body = EventBody::Assigned { assignment, by: crate::domain::Actor::System };
    let event = JournalEvent::new(testing::t0(), body);
    bench.client(ClientEvent::Event(SequencedEvent { ward: testing::ward().id, seq: 11, event }));
    assert!(asks(&bench));
}
