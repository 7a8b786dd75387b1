//! The rota: shifts are entered and taken out.

use super::*;
use crate::{
    domain::{Duty, LoginName, Rota, Shift},
    tui::testing::{rota, t0},
};

fn opened(role: Role) -> Bench {
    let mut view = night();
    view.rota = rota();
    let mut bench = Bench::with(view);
    bench.app.session = Some(testing::session(role));
    bench.type_text("5");
    bench
}

fn typed(bench: &mut Bench, keys: &str) {
    for c in keys.chars() {
        bench.key(if c == '\n' { Key::plain(KeyCode::Enter) } else { Key::char(c) });
    }
}

#[rstest::rstest]
#[case(
    "n3",
    "2",
    "1",
    "1y",
    r#"{"from":"2026-03-01T02:12:45Z","to":"2026-03-01T10:12:45Z","duty":"doctor","user":"e.kurz"}"#
)]
#[case("n1", "4new.nurse\n", "319:00\n", "12y", r#"{"from":"2026-03-01T18:00:00Z","to":"2026-03-02T02:00:00Z","duty":"nurse","user":"new.nurse","beds":["b04","b05"]}"#)]
#[case(
    "n2",
    "1",
    "32026-03-02 07:00\n",
    "319:00\ny",
    r#"{"from":"2026-03-02T06:00:00Z","to":"2026-03-02T18:00:00Z","duty":"charge","user":"c.lang"}"#
)]
fn keys_make_a_shift(
    #[case] duty: &str,
    #[case] who: &str,
    #[case] from: &str,
    #[case] rest: &str,
    #[case] json: &str,
) {
    let mut bench = opened(Role::Charge);
    typed(&mut bench, duty);
    typed(&mut bench, who);
    typed(&mut bench, from);
    if rest == "12y" {
        typed(&mut bench, "1204 05, \ny");
    } else {
        typed(&mut bench, rest);
    }
    let expected: Shift = serde_json::from_str(json).unwrap();
    assert_eq!(commands(&bench), [Command::AddShift { shift: expected }]);
}

#[test]
fn an_unknown_bed_and_a_time_that_is_none_are_told_at_once() {
    let mut bench = opened(Role::Charge);
    let wrong = |bench: &Bench| match &bench.app.dialog {
        Some(Dialog::Sheet(sheet)) => sheet.wrong.clone().unwrap_or_default(),
        _ => String::new(),
    };
    typed(&mut bench, "n113soon\n");
    assert!(wrong(&bench).starts_with("a time is wanted"));
    bench.key(Key::ctrl('u'));
    typed(&mut bench, "04:00\n3");
    typed(&mut bench, "2026-03-01 03:00\n");
    assert_eq!(wrong(&bench), "it would end before it begins");
    bench.key(Key::ctrl('u'));
    typed(&mut bench, "07:00\n299 04\n");
    assert_eq!(wrong(&bench), "this ward has no bed 99");
    assert_eq!(commands(&bench), []);
}

#[test]
fn a_shift_is_taken_out_after_a_last_look_and_only_if_it_is_the_one_that_was_seen() {
    let mut bench = opened(Role::Charge);
    let second = rota().shifts[1].clone();
    typed(&mut bench, "jx");
    assert_eq!(commands(&bench), []);
    typed(&mut bench, "y");
    assert_eq!(commands(&bench), [Command::RemoveShift { shift: second.clone() }]);
    let rest: Vec<Shift> = rota().shifts.into_iter().filter(|shift| *shift != second).collect();
    let body = EventBody::RotaSet { rota: Rota::new(rest), by: crate::domain::Actor::System };
    let event = JournalEvent::new(t0(), body);
    bench.client(ClientEvent::Event(SequencedEvent { ward: testing::ward().id, seq: 11, event }));
    bench.heartbeat();
    typed(&mut bench, "x");
    assert_eq!(bench.app.dialog, None, "another took its place a moment ago");
    bench.wait(500);
    bench.heartbeat();
    typed(&mut bench, "x");
    assert!(bench.app.dialog.is_some());
}

#[test]
fn a_nurse_sees_the_rota_and_is_told_why_not_to_change_it() {
    let mut bench = opened(Role::Nurse);
    assert_eq!(bench.app.page, Page::Rota);
    for key in "nx".chars() {
        bench.key(Key::char(key));
        assert_eq!(bench.app.dialog, None);
        assert_eq!(bench.app.notice.as_ref().unwrap().text, "not now: your role may not change the rota: ask charge");
    }
    bench.key(Key::plain(KeyCode::Esc));
    assert_eq!(bench.app.page, Page::Ward);
}

#[test]
fn beds_of_the_same_nurses_stand_together() {
    let mut view = night();
    view.rota = rota();
    let groups = nurses(&view, t0());
    let shown: Vec<_> = groups.iter().map(|g| (g.beds.len(), g.on_duty.now.len(), g.on_duty.next.is_some())).collect();
    assert_eq!(shown, [(6, 1, true), (4, 1, true), (2, 0, true)]);
    view.rota = Rota::default();
    assert!(nurses(&view, t0()).iter().all(|group| group.on_duty.now.is_empty()));
    let doctor = OnDuty::of(&rota(), Duty::Doctor, None, t0());
    assert_eq!(doctor.now[0].0, LoginName::new("k.brandt"));
}
