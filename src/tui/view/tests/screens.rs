//! One frame of each screen.

use super::*;

#[test]
fn signing_in() {
    both!("login", login(""));
    let mut app = login("a.meyer");
    app.login.passphrase = "correct horse".into();
    app.login.failed = Some("the name or the passphrase is wrong".into());
    shot("login_failed_80x24", &frame(&app, &look(), 80, 24));
}

#[test]
fn a_calm_ward() {
    let bench = calm();
    both!("ward_calm", bench.app);
    shot("ward_calm_120x40", &frame(&bench.app, &look(), 120, 40));
}

#[test]
fn a_bad_night() {
    let mut bench = started(full_night());
    bench.key(Key::char('w'));
    bench.wait(600);
    both!("ward_night", bench.app);
    shot("ward_night_120x40", &frame(&bench.app, &look(), 120, 40));
    shot("ward_night_mono_80x24", &frame(&bench.app, &mono(Glyphs::Unicode), 80, 24));
    shot("ward_night_ascii_80x24", &frame(&bench.app, &mono(Glyphs::Ascii), 80, 24));
    shot("ward_night_ascii_200x50", &text(&bench.app, &mono(Glyphs::Ascii), 200, 50));
    shot("ward_night_300x80", &text(&bench.app, &look(), 300, 80));
    shot("ward_night_60x15", &text(&bench.app, &look(), 60, 15));
}

#[test]
fn a_bed_with_a_limit_wider_than_usual_is_marked() {
    let mut view = full_night();
    crate::tui::testing::set_limit(&mut view, 4, "spo2.low=86", Some(8));
    let frame = text(&started(view).app, &look(), 80, 24);
    let marked: Vec<&str> = frame.lines().filter(|line| line.get(..5).is_some_and(|bed| bed.contains('!'))).collect();
    assert!(matches!(&marked[..], [bed] if bed.starts_with(" 04! Okafor")), "{frame}");
}

#[test]
fn the_queue() {
    let mut bench = started(full_night());
    bench.key(Key::char('2'));
    bench.key(Key::char('j'));
    let mut new = alert(8, 8, ConditionCode::Limit(HR, Side::High), Priority::High, 0);
    new.raised_at = t0();
    let body = crate::domain::EventBody::Alert { cause: crate::domain::Cause::Raised, alert: new, by: None };
    let event = crate::domain::Event::new(t0(), body);
    bench.client(ClientEvent::Unrecorded(event));
    bench.app.store = StoreState::Recording;
    bench.app.unrecorded.clear();
    both!("queue", bench.app);
    let mut calm = calm();
    calm.key(Key::char('2'));
    shot("queue_calm_80x24", &text(&calm.app, &look(), 80, 24));
}

/// The page of bed 04 with its trends, an alert that was acknowledged 45 minutes ago, and one that is over.
fn page_of_04() -> Bench {
    let mut view = full_night();
    let mut earlier = alert(9, 4, ConditionCode::Limit(SPO2, Side::Low), Priority::Medium, 3_100);
    earlier.response = Response::Accepted { by: actor("k.brandt"), at: t0() - Millis::from_secs(2_700) };
    earlier.signal = Signal::Ack;
    view.alerts.insert(earlier.id, earlier);
    let mut bench = started(view);
    for _ in 0..3 {
        bench.key(Key::char('j'));
    }
    bench.key(Key::plain(KeyCode::Enter));
    bench.answer_history();
    let page = bench.app.patient.as_mut().unwrap();
    let mut over = alert(10, 4, ConditionCode::Limit(HR, Side::High), Priority::Medium, 1_900);
    (over.value, over.limit) = (Some(134.0), Some(120.0));
    over.ended_at = Some(t0() - Millis::from_secs(1_700));
    over.response = Response::Closed { reason: CloseReason::Cleared, by: Some(actor("k.brandt")) };
    over.signal = Signal::Off;
    page.alerts.insert(over.id, over);
    bench
}

#[test]
fn an_alert_that_is_about_no_patient_says_what_is_wrong() {
    let mut view = ward12();
    let mut gap = alert(20, 1, ConditionCode::RotaGap, Priority::Medium, 20);
    gap.key.patient = None;
    gap.key.device = None;
    gap.bed = None;
    gap.detail = Some("no nurse for 02, 04, 05, 07, 08, 09, 10 and 3 more; no doctor on call".to_owned());
    view.alerts.insert(gap.id, gap);
    let mut bench = started(view);
    bench.key(Key::char('2'));
    bench.key(Key::plain(KeyCode::Home));
    shot("queue_of_no_patient_80x24", &text(&bench.app, &look(), 80, 24));
    shot("queue_of_no_patient_200x50", &text(&bench.app, &look(), 200, 50));
}

#[test]
fn a_patient() {
    let bench = page_of_04();
    both!("patient", bench.app);
    shot("patient_120x40", &frame(&bench.app, &look(), 120, 40));
    shot("patient_ascii_80x24", &text(&bench.app, &mono(Glyphs::Ascii), 80, 24));
    let mut scrolled = page_of_04();
    for _ in 0..3 {
        scrolled.key(Key::char('j'));
    }
    shot("patient_scrolled_80x24", &text(&scrolled.app, &look(), 80, 24));
}

#[test]
fn a_patient_without_trends() {
    let mut bench = page_of_04();
    let page = bench.app.patient.as_mut().unwrap();
    page.span = None;
    shot("patient_asking_80x24", &text(&bench.app, &look(), 80, 24));
    bench.app.patient.as_mut().unwrap().failed = Some("the server reads too much already".into());
    shot("patient_failed_80x24", &text(&bench.app, &look(), 80, 24));
}

#[test]
fn a_day_of_a_patient_over_the_change_of_the_clock() {
    let mut bench = page_of_04();
    for _ in 0..2 {
        bench.key(Key::char('+'));
        bench.answer_history();
    }
    for at in ["2026-03-29T06:00:00Z", "2026-10-25T06:00:00Z"] {
        let to: Timestamp = at.parse().unwrap();
        let page = bench.app.patient.as_mut().unwrap();
        let shift = to.since(page.span.unwrap().1);
        page.span = Some((to - Range::Hours24.length(), to));
        for trend in &mut page.trends {
            trend.trend.from = trend.trend.from + shift;
            trend.trend.points.iter_mut().for_each(|p| p.at = p.at + shift);
        }
        shot(&format!("patient_day_to_{}_120x40", &at[..10]), &text(&bench.app, &look(), 120, 40));
    }
}

#[test]
fn asking_to_confirm() {
    let mut bench = started(full_night());
    bench.key(Key::char('w'));
    bench.key(Key::char('a'));
    both!("confirm", bench.app);
    shot("confirm_mono_80x24", &frame(&bench.app, &mono(Glyphs::Ascii), 80, 24));
    shot("confirm_30x8", &text(&bench.app, &look(), 30, 8));
    bench.app.ward.as_mut().unwrap().alerts.get_mut(&AlertId(1)).unwrap().transition = 2;
    shot("confirm_changed_80x24", &text(&bench.app, &look(), 80, 24));
    bench.app.ward.as_mut().unwrap().alerts.remove(&AlertId(1));
    shot("confirm_over_80x24", &text(&bench.app, &look(), 80, 24));
    bench.key(Key::char('n'));
    bench.key(Key::char('q'));
    shot("quit_80x24", &text(&bench.app, &look(), 80, 24));
}

#[test]
fn help() {
    let mut bench = started(full_night());
    bench.app.session = Some(session(UserRole::Viewer));
    bench.key(Key::char('?'));
    both!("help", bench.app);
    bench.key(Key::plain(KeyCode::PageDown));
    shot("help_scrolled_80x24", &text(&bench.app, &look(), 80, 24));
}

#[test]
fn filtering() {
    let mut bench = started(full_night());
    bench.key(Key::char('/'));
    bench.type_text("technical");
    both!("filter", bench.app);
    bench.key(Key::plain(KeyCode::Enter));
    bench.wait(600);
    shot("filter_kept_80x24", &text(&bench.app, &look(), 80, 24));
}

#[test]
fn a_locked_session() {
    let mut bench = started(full_night());
    let mut locked = session(UserRole::Nurse);
    locked.state = SessionState::Locked;
    bench.client(ClientEvent::Session(locked));
    both!("locked", bench.app);
    bench.key(Key::char('u'));
    bench.type_text("secret");
    shot("unlock_80x24", &frame(&bench.app, &look(), 80, 24));
}

#[test]
fn a_lost_link() {
    let mut bench = started(full_night());
    bench.wait(4_000);
    both!("silent", bench.app);
    let why = "the server closed the connection".to_owned();
    bench.client(ClientEvent::Disconnected { why, retry_in_ms: 16_000, attempt: 3 });
    bench.wait(10_000);
    both!("link_lost", bench.app);
    shot("link_lost_60x15", &text(&bench.app, &look(), 60, 15));
    shot("link_lost_20x5", &text(&bench.app, &look(), 20, 5));
    shot("link_lost_mono_120x40", &frame(&bench.app, &mono(Glyphs::Unicode), 120, 40));
}

#[test]
fn before_the_first_data() {
    let app = App::new(AppOptions {
        server: "https://ward.example:8470".into(),
        signed_in: true,
        user: String::new(),
        emergency: None,
    });
    shot("connecting_80x24", &text(&app, &look(), 80, 24));
}

#[test]
fn an_emergency_has_a_red_edge_all_along() {
    let mut bench = started(full_night());
    bench.app.options.emergency = Some("p-4711".into());
    both!("emergency", bench.app);
    shot("emergency_20x5", &text(&bench.app, &look(), 20, 5));
}

#[test]
fn nothing_is_recorded() {
    let mut view = full_night();
    let mut failed = alert(20, 1, ConditionCode::System(SystemFault::StoreFailed), Priority::Medium, 20);
    failed.key.patient = None;
    failed.bed = None;
    view.alerts.insert(failed.id, failed);
    let mut bench = started(view);
    bench.app.store = StoreState::Unrecorded;
    bench.app.unrecorded.insert(AlertId(7));
    both!("unrecorded", bench.app);
}

#[test]
fn news_in_the_last_line() {
    let mut bench = started(full_night());
    bench.app.session = Some(session(UserRole::Viewer));
    bench.key(Key::char('w'));
    bench.key(Key::char('a'));
    shot("notice_failed_80x24", &frame(&bench.app, &look(), 80, 24));
    bench.app.session = Some(session(UserRole::Nurse));
    bench.key(Key::char('2'));
    bench.key(Key::char('j'));
    bench.key(Key::char('a'));
    bench.key(Key::char('1'));
    bench.app.unrecorded.insert(AlertId(7));
    for id in 0..20 {
        bench.client(ClientEvent::Result { id, done: true, refusal: None });
    }
    shot("notice_done_80x24", &frame(&bench.app, &look(), 80, 24));
}

#[test]
fn live_and_not_demo() {
    let mut view = full_night();
    view.mode = Mode::Live;
    let mut bench = started(view);
    bench.key(Key::char('w'));
    both!("live_mode", bench.app);
}

#[test]
fn a_small_terminal() {
    let bench = started(full_night());
    for (width, height) in [(59, 15), (40, 10), (20, 5), (10, 2)] {
        let name = format!("too_small_{width}x{height}");
        shot(&name, &text(&bench.app, &look(), width, height));
    }
}

#[test]
fn many_beds() {
    let mut view = full_night();
    for number in 13..=48_usize {
        let mut stay = view.patients[&patient_id(1)].clone();
        stay.patient.id = patient_id(number);
        stay.patient.name = PersonName::new("田中 由衣 ウェルネス");
        stay.bed = format!("b{number:02}").parse().unwrap();
        view.beds.insert(stay.bed.clone(), crate::domain::Bed { id: stay.bed.clone(), label: format!("{number:02}") });
        view.patients.insert(stay.patient.id.clone(), stay);
    }
    let odd = alert(30, 40, ConditionCode::NotMeasured(NBP_MEAN), Priority::Low, 9);
    let mut held = alert(31, 41, ConditionCode::Limit(HR, Side::High), Priority::Medium, 9);
    held.condition = Condition::Inop { reason: InopReason::DeviceLost };
    view.alerts.extend([(odd.id, odd), (held.id, held)]);
    let mut bench = started(view);
    for _ in 0..20 {
        bench.key(Key::char('j'));
    }
    both!("many_beds", bench.app);
    bench.event(Event::Input(Input::Key(Key::char('2'))));
    shot("many_beds_queue_80x24", &text(&bench.app, &look(), 80, 24));
}

#[test]
fn a_session_that_ended_under_the_watch() {
    let mut bench = started(full_night());
    bench.client(ClientEvent::Refused {
        why: "the passphrase of a.meyer was changed by k.brandt: every session of that name has ended".into(),
    });
    bench.wait(62_000);
    both!("signed_out", bench.app);
    shot("signed_out_48x11", &text(&bench.app, &look(), 48, 11));
    shot("signed_out_30x8", &text(&bench.app, &look(), 30, 8));
}

/// Everything that can be quiet, escalate, be asked and be said.
#[test]
fn a_quiet_night() {
    let mut bench = started(quiet_night());
    bench.key(Key::char('2'));
    bench.wait(600);
    both!("quiet_queue", bench.app);
    shot("quiet_queue_120x40", &text(&bench.app, &look(), 120, 40));
    shot("quiet_queue_ascii_80x24", &text(&bench.app, &mono(Glyphs::Ascii), 80, 24));
    bench.wait(250);
    shot("quiet_queue_dark_80x24", &frame(&bench.app, &look(), 80, 24));
    bench.key(Key::char('b'));
    shot("quiet_queue_no_flash_80x24", &frame(&bench.app, &mono(Glyphs::Ascii), 80, 24));
    bench.key(Key::char('1'));
    shot("quiet_ward_80x24", &text(&bench.app, &look(), 80, 24));
    bench.app.session = Some(session(UserRole::Charge));
    bench.key(Key::char('3'));
    both!("pauses", bench.app);
    bench.key(Key::char('f'));
    shot("pauses_confirm_80x24", &text(&bench.app, &look(), 80, 24));
}

#[test]
fn the_questions_before_an_act() {
    let sheet = |role, select: &str, keys: &str| {
        let mut bench = started(quiet_night());
        bench.app.session = Some(session(role));
        bench.type_text(select);
        bench.wait(600);
        bench.heartbeat();
        bench.type_text(keys);
        bench
    };
    let shown = |bench: &Bench| text(&bench.app, &look(), 80, 24);
    shot("sheet_reset_80x24", &frame(&sheet(UserRole::Nurse, "2j", "a").app, &look(), 80, 24));
    shot("sheet_decline_own_80x24", &shown(&sheet(UserRole::Nurse, "2", "d4my pager is in the ward office")));
    shot("sheet_hand_over_80x24", &shown(&sheet(UserRole::Nurse, "2", "h")));
    shot("sheet_pause_why_80x24", &shown(&sheet(UserRole::Nurse, "2", "p2")));
    shot("sheet_sound_nurse_80x24", &shown(&sheet(UserRole::Nurse, "2", "m")));
    let off = sheet(UserRole::Doctor, "2", "o31");
    both!("sheet_alarm_off", off.app);
    shot("sheet_snooze_refused_80x24", &shown(&sheet(UserRole::Nurse, "2", "z")));
}
