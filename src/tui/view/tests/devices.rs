//! Frames of the page of devices.

use super::*;
use crate::tui::core::DeviceRow;

fn opened(role: UserRole) -> Bench {
    let mut bench = started(full_night());
    bench.app.session = Some(session(role));
    bench.type_text("D");
    bench.answer_devices();
    bench.heartbeat();
    bench
}

fn select(bench: &mut Bench, row: &DeviceRow) {
    bench.type_text("g");
    for _ in 0..20 {
        if bench.app.devices.selected.as_ref() != Some(row) {
            bench.type_text("j");
        }
    }
    assert_eq!(bench.app.devices.selected.as_ref(), Some(row));
}

fn shown(bench: &Bench) -> String {
    text(&bench.app, &look(), 80, 24)
}

#[test]
fn devices() {
    let mut bench = opened(UserRole::Charge);
    both!("devices", bench.app);
    select(&mut bench, &DeviceRow::Device("mon-07".parse().unwrap()));
    both!("devices_not_as_wanted", bench.app);
    shot("devices_ascii_80x24", &text(&bench.app, &mono(Glyphs::Ascii), 80, 24));
    shot("devices_120x40", &text(&bench.app, &look(), 120, 40));
    select(&mut bench, &DeviceRow::Unplaced("mon-new".parse().unwrap()));
    both!("devices_nobodys", bench.app);
}

#[test]
fn a_device_is_given_to_a_patient() {
    let mut bench = opened(UserRole::Charge);
    select(&mut bench, &DeviceRow::Device("mon-07".parse().unwrap()));
    bench.type_text("a");
    both!("devices_assign", bench.app);
    bench.type_text("2");
    shot("devices_sure_80x24", &shown(&bench));
    bench.key(Key::plain(KeyCode::Esc));
    bench.key(Key::plain(KeyCode::Esc));
    bench.type_text("x");
    shot("devices_take_away_80x24", &shown(&bench));
    bench.key(Key::plain(KeyCode::Esc));
    bench.type_text("/batt");
    shot("devices_filter_80x24", &shown(&bench));
}

#[test]
fn what_stands_in_the_place_of_devices() {
    let mut bench = started(full_night());
    bench.type_text("D");
    shot("devices_asking_80x24", &shown(&bench));
    bench.answer_devices();
    let mut locked = session(UserRole::Nurse);
    locked.state = SessionState::Locked;
    bench.client(ClientEvent::Session(locked));
    bench.answer_devices();
    shot("devices_locked_80x24", &shown(&bench));
    let why = "the server went away".to_owned();
    bench.client(ClientEvent::Disconnected { why, retry_in_ms: 500, attempt: 1 });
    bench.wait(12_000);
    shot("devices_no_link_80x24", &shown(&bench));
}
