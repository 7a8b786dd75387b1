//! What must hold for every frame.

use super::*;
use crate::tui::term::Painter;
use proptest::prelude::*;

fn keys() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0_u8..40, 0..14)
}

/// A screen in some state: a ward, some keys, some silence.
fn some_app(kind: u8, keys: &[u8], silence: i64, name: &str) -> Bench {
    let mut view = if kind.is_multiple_of(2) { quiet_night() } else { ward12() };
    if kind.is_multiple_of(3) {
        view.patients.clear();
    }
    if let Some(first) = view.patients.values_mut().next() {
        first.patient.name = PersonName::new(name);
        first.patient.note = PersonName::new(name);
    }
    let mut bench = started(view);
    for key in keys {
        match key {
            0 => bench.key(Key::char('j')),
            1 => bench.key(Key::char('k')),
            2 => bench.key(Key::plain(KeyCode::Enter)),
            3 => bench.key(Key::plain(KeyCode::Esc)),
            4 => bench.key(Key::char('2')),
            5 => bench.key(Key::char('w')),
            6 => bench.key(Key::char('a')),
            7 => bench.key(Key::char('?')),
            8 => bench.key(Key::char('/')),
            9 => bench.key(Key::char('x')),
            10 => bench.key(Key::char('+')),
            11 => bench.key(Key::char('q')),
            12 => bench.key(Key::plain(KeyCode::PageDown)),
            key @ 13..24 => bench.key(Key::char(char::from(b"chdnzpmto13"[usize::from(key - 13)]))),
            key @ 24..32 => bench.key(Key::char(char::from(b"lirsy456"[usize::from(key - 24)]))),
            key @ 32..38 => bench.key(Key::char(char::from(b"HOAYNX"[usize::from(key - 32)]))),
            38 => {
                bench.key(Key::char('D'));
                bench.answer_devices();
            }
            _ => bench.wait(700),
        }
        bench.answer_history();
    }
    if kind.is_multiple_of(5) {
        let why = name.to_owned();
        bench.client(ClientEvent::Disconnected { why, retry_in_ms: 500, attempt: 1 });
    }
    bench.wait(silence);
    bench
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_state_draws_at_any_size_and_only_within_its_area(
        size in (1_u16..=320, 1_u16..=100),
        place in (0_u16..4, 0_u16..4),
        kind in 0_u8..30,
        keys in keys(),
        silence in 0_i64..40_000,
        name in "\\PC{0,30}",
        ascii in any::<bool>(),
    ) {
        let bench = some_app(kind, &keys, silence, &name);
        let whole = Rect::new(0, 0, size.0 + 8, size.1 + 8);
        let area = Rect::new(place.0, place.1, size.0, size.1);
        let mut buffer = Buffer::filled(whole, ratatui::buffer::Cell::new("@"));
        let look = mono(if ascii { Glyphs::Ascii } else { Glyphs::Unicode });
        draw(&bench.app, &look, area, &mut buffer);
        for position in whole.positions().filter(|p| !area.contains(*p)) {
            prop_assert_eq!(buffer[position].symbol(), "@", "{:?} outside {:?}", position, area);
        }
    }
}

#[test]
fn a_sign_in_draws_at_any_size() {
    let app = login("a-very-long-login-name-that-fits-nowhere-at-all");
    for width in 1..=90 {
        for height in 1..=30 {
            drawn(&app, &look(), width, height);
        }
    }
}

#[test]
fn a_second_of_silence_changes_little() {
    let mut bench = started(full_night());
    bench.app.flash = false;
    let before = drawn(&bench.app, &look(), 200, 50);
    bench.wait(100);
    assert_eq!(before.diff(&drawn(&bench.app, &look(), 200, 50)), [], "nothing has happened");
    bench.wait(600);
    let changed = before.diff(&drawn(&bench.app, &look(), 200, 50)).len();
    assert!((1..30).contains(&changed), "{changed} cells for a second");
}

#[test]
fn without_colour_a_high_alert_still_stands_out() {
    for (flash, ms) in [(true, 0), (true, 250), (false, 0), (false, 250)] {
        let mut bench = started(full_night());
        bench.app.flash = flash;
        bench.wait(600 + ms);
        stands_out(&bench);
    }
}

fn stands_out(bench: &Bench) {
    let buffer = drawn(&bench.app, &mono(Glyphs::Ascii), 80, 24);
    let high = mono(Glyphs::Ascii).style(Role::AlarmHigh).add_modifier;
    let marked: String =
        buffer.content.iter().filter(|c| c.modifier.contains(high)).map(ratatui::buffer::Cell::symbol).collect();
    assert!(marked.contains("***") && marked.contains("81"), "{marked}");
}

#[test]
fn a_hidden_name_is_on_no_cell_of_a_locked_screen() {
    let mut bench = started(quiet_night());
    let mut locked = session(UserRole::Nurse);
    locked.state = SessionState::Locked;
    bench.client(ClientEvent::Session(locked));
    for keys in ["", "2", "2w", "3", "2w\nl"] {
        for c in keys.chars() {
            bench.key(if c == '\n' { Key::plain(KeyCode::Enter) } else { Key::char(c) });
        }
        for (width, height) in [(30, 10), (80, 24), (120, 40), (200, 50)] {
            let text = text(&bench.app, &look(), width, height);
            assert!(!text.contains("Okafor") && !text.contains("COPD") && !text.contains("1959"), "{text}");
        }
    }
}

#[test]
fn what_could_not_be_measured_is_never_a_number() {
    let text = text(&started(full_night()).app, &look(), 80, 24);
    let row = text.lines().find(|l| l.contains("Novak")).unwrap();
    assert!(row.contains("– ?"), "{row}");
}

#[test]
fn a_terminal_that_can_draw_ascii_alone_is_given_nothing_else() {
    let mut bench = started(full_night());
    bench.client(ClientEvent::Snapshot { seq: 11, now: t0(), view: Box::new(quiet_night()) });
    for key in ['x', '2', '?', 'x', '3', '1', 'w', 'd', '4', 'x'] {
        bench.key(Key::char(key));
        for (width, height) in [(80, 24), (200, 50)] {
            let text = text(&bench.app, &mono(Glyphs::Ascii), width, height);
            assert!(text.is_ascii(), "{}", text.lines().find(|l| !l.is_ascii()).unwrap());
        }
    }
    for _ in 0..3 {
        bench.key(Key::plain(KeyCode::Esc));
    }
    bench.key(Key::char('1'));
    bench.key(Key::plain(KeyCode::Enter));
    bench.answer_history();
    assert!(text(&bench.app, &mono(Glyphs::Ascii), 120, 40).is_ascii());
    assert!(text(&login("a.meyer"), &mono(Glyphs::Ascii), 80, 24).is_ascii());
}

#[test]
fn an_acknowledgement_under_way_is_told() {
    let mut bench = started(full_night());
    bench.type_text("2j");
    bench.wait(600);
    // The second alert is over: what was found is said.
    bench.key(Key::char('a'));
    bench.key(Key::char('1'));
    assert!(text(&bench.app, &look(), 80, 24).contains("asking the server"));
    bench.client(ClientEvent::Disconnected { why: "cut".into(), retry_in_ms: 500, attempt: 1 });
    assert!(!text(&bench.app, &look(), 80, 24).contains("asking the server"));
}

#[test]
fn an_artefact_is_marked() {
    let mut view = ward12();
    let vitals = &mut view.patients.get_mut(&patient_id(3)).unwrap().vitals;
    vitals.get_mut(&HR).unwrap().quality = Quality::OutOfRange;
    let text = text(&started(view).app, &look(), 80, 24);
    let row = text.lines().find(|l| l.contains("Haddad")).unwrap();
    assert!(row.contains("64 ? "), "{row}");
}

#[test]
fn a_pressure_of_which_only_the_mean_is_known_is_shown() {
    let mut view = ward12();
    let vitals = &mut view.patients.get_mut(&patient_id(3)).unwrap().vitals;
    vitals.retain(|vital, _| ![NBP_SYS, NBP_DIA].contains(vital));
    let text = text(&started(view).app, &look(), 120, 40);
    let row = text.lines().find(|l| l.contains("Haddad")).unwrap();
    assert!(row.contains("(86) 02:58"), "{row}");
}

/// Values that are not the present say so on every cell, by a line through them.
#[test]
fn without_a_link_every_number_is_struck_out() {
    let mut bench = started(ward12());
    bench.client(ClientEvent::Disconnected { why: "cut".into(), retry_in_ms: 500, attempt: 1 });
    let buffer = drawn(&bench.app, &mono(Glyphs::Ascii), 80, 24);
    let struck = ratatui::style::Modifier::CROSSED_OUT;
    for y in 4..16 {
        let number: Vec<_> = (20..24).map(|x| &buffer[(x, y)]).filter(|c| c.symbol() != " ").collect();
        assert!(!number.is_empty());
        assert!(number.iter().all(|c| c.modifier.contains(struck)), "row {y}: {number:?}");
    }
}

#[test]
fn an_alert_that_is_dealt_with_looks_like_it() {
    let one = |alert: &Alert| super::super::scene::role_of(alert);
    let mut alert = alert(1, 4, ConditionCode::Limit(SPO2, Side::Low), Priority::High, 1);
    assert_eq!(one(&alert), Role::AlarmHigh);
    alert.signal = Signal::Ack;
    assert_eq!(one(&alert), Role::Acknowledged);
    alert.signal = Signal::Latch;
    assert_eq!(one(&alert), Role::AlarmHigh);
}

/// While marks flash, their cells change and no others; a flash is a function of the time alone.
#[test]
fn a_flash_costs_its_marks_and_nothing_else() {
    for (width, height, cells) in [(80, 24, 3), (200, 50, 6)] {
        let mut bench = started(full_night());
        bench.wait(600);
        let lit = drawn(&bench.app, &look(), width, height);
        bench.wait(250);
        let dark = drawn(&bench.app, &look(), width, height);
        let changed = lit.diff(&dark);
        assert_eq!(changed.len(), cells, "the high mark in each pane that shows it: {changed:?}");
        assert!(changed.iter().all(|(_, _, cell)| cell.symbol() == "*"));
        bench.wait(250);
        assert_eq!(lit.diff(&drawn(&bench.app, &look(), width, height)), [], "a period later");
        assert_eq!(bench.app.next_wake() - bench.at, Millis(250));
    }
    let mut calm = calm();
    calm.wait(600);
    assert_eq!(calm.app.next_wake() - calm.at, Millis(1_000), "nothing flashes: the clock alone wakes");
}

#[test]
fn what_ends_under_the_hand_leaves_its_row_empty() {
    let mut bench = started(full_night());
    bench.key(Key::char('2'));
    bench.wait(600);
    bench.key(Key::char('G'));
    let rows = |bench: &Bench| -> Vec<String> {
        let text = text(&bench.app, &look(), 80, 24);
        text.lines().skip(4).take(7).map(str::to_owned).collect()
    };
    let before = rows(&bench);
    let mut over = bench.app.ward.as_ref().unwrap().alerts[&AlertId(2)].clone();
    over.response = Response::Closed { reason: CloseReason::Cleared, by: None };
    let body = crate::domain::EventBody::Alert { cause: crate::domain::Cause::Cleared, alert: over, by: None };
    bench.client(ClientEvent::Unrecorded(crate::domain::Event::new(t0(), body)));
    let after = rows(&bench);
    let moved: Vec<_> = before.iter().zip(&after).filter(|(b, a)| b != a).collect();
    assert!(moved.len() == 1 && moved[0].1.trim() == "over", "{moved:?}");
}

/// The bytes that go to the terminal for one change of the marks that flash: within the budget of a slow link.
#[test]
fn a_flash_is_few_bytes_and_a_calm_screen_none() {
    let bytes_of_a_change = |bench: &mut Bench| {
        bench.wait(600);
        let (mut painter, mut bytes) = (Painter::new(), Vec::new());
        painter.paint(&drawn(&bench.app, &look(), 200, 50), &mut bytes);
        bytes.clear();
        bench.wait(250);
        painter.paint(&drawn(&bench.app, &look(), 200, 50), &mut bytes);
        bytes.len()
    };
    assert_eq!(bytes_of_a_change(&mut calm()), 0);
    let mut lit = started(full_night());
    lit.app.flash = false;
    assert_eq!(bytes_of_a_change(&mut lit), 0);
    let flash = bytes_of_a_change(&mut started(full_night()));
    println!("{flash} bytes for a change, {} a second", flash * 4);
    assert!((1..=FLASH_MAX_BYTES).contains(&flash), "{flash} bytes");
}

/// Of the 3000 bytes a second that a screen may cost, four changes a second take at most a fifth.
const FLASH_MAX_BYTES: usize = 150;

/// A doubtful value says so on the ward, and why on the patient's page.
#[test]
fn doubt_is_marked_and_spelled_out() {
    use crate::domain::Marks;
    let mut view = ward12();
    let vitals = &mut view.patients.get_mut(&patient_id(1)).unwrap().vitals;
    vitals.get_mut(&HR).unwrap().marks = Marks::FLATLINE.and(Marks::DISAGREES);
    vitals.get_mut(&NBP_MEAN).unwrap().marks = Marks::DAMPED;
    let mut bench = started(view);
    let ward = text(&bench.app, &look(), 80, 24);
    let row = ward.lines().find(|l| l.contains("Adeyemi")).unwrap();
    assert!(row.contains(" 72~ ") && row.contains("118/70~"), "{row}");
    bench.key(Key::plain(KeyCode::Enter));
    bench.answer_history();
    let page = text(&bench.app, &look(), 80, 24);
    assert!(page.contains("72~ /min  doubtful: does not vary, heart rate and pulse differ"), "{page}");
}
