//! Pages, what they show and how one moves over them.

use super::*;

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

#[test]
fn an_arrow_stands_beside_a_present_value_whose_trend_is_certain() {
    use crate::{domain::Marks, predict::TrendDirection};
    let mut bench = Bench::with(night());
    bench.answer_history();
    let arrow = |bench: &Bench, patient: usize, change: fn(&mut crate::protocol::VitalView)| {
        let id = testing::patient_id(patient);
        let mut vital = bench.app.ward.as_ref().unwrap().patients[&id].vitals[&SPO2].clone();
        change(&mut vital);
        bench.app.arrow(&id, &vital)
    };
    assert_eq!(arrow(&bench, 4, |_| ()), Some(TrendDirection::Down));
    assert_eq!(arrow(&bench, 1, |_| ()), None, "it is steady");
    assert_eq!(arrow(&bench, 9, |_| ()), None, "it is not the present");
    assert_eq!(arrow(&bench, 4, |v| v.marks = Marks::JUMP), None, "it is doubtful");
    assert_eq!(arrow(&bench, 4, |v| v.quality = crate::domain::Quality::NotMeasured), None);
    bench.wait(3_000);
    assert_eq!(arrow(&bench, 4, |_| ()), None, "the link is silent");
}

#[test]
fn an_arrow_is_made_anew_with_each_minute() {
    use crate::predict::TrendDirection;
    let view = ward12();
    let mut bench = Bench::with(view.clone());
    let patient = testing::patient_id(1);
    let mut vital = view.patients[&patient].vitals[&HR].clone();
    let minute = testing::t0().as_ms().div_euclid(60_000) - 30;
    for back in 0..=30_u8 {
        vital.observed_at = Timestamp::from_ms((minute + i64::from(back)) * 60_000);
        vital.value = 60.0 + f64::from(back);
        let update = crate::protocol::VitalsUpdate { patient: patient.clone(), vitals: vec![vital.clone()] };
        bench.client(ClientEvent::Vitals(vec![update]));
        let long_enough = back >= 15;
        let now = crate::protocol::VitalView { observed_at: testing::t0(), ..vital.clone() };
        assert_eq!(bench.app.arrow(&patient, &now), long_enough.then_some(TrendDirection::Up), "minute {back}");
    }
}

#[test]
fn no_key_means_two_things_on_a_page() {
    let mut bench = Bench::with(night());
    bench.app.session = Some(testing::session(Role::Doctor));
    for keys in ["1w", "2", "3", "5", "6", "1w\n", "l"] {
        for c in keys.chars() {
            bench.key(if c == '\n' { Key::plain(KeyCode::Enter) } else { Key::char(c) });
        }
        let mut seen = std::collections::BTreeSet::new();
        for offer in bench.app.offers() {
            for key in crate::tui::keymap::keys_of(offer.action) {
                assert!(seen.insert(key), "{key:?} on {:?}", bench.app.page);
            }
        }
    }
    assert_eq!(bench.app.page, Page::Limits);
}

#[test]
fn what_may_not_be_read_is_not_asked_for() {
    let mut bench = Bench::with(ward12());
    let asks = |bench: &Bench| bench.effects.iter().any(|e| matches!(e, Effect::Send(ClientRequest::Query { .. })));
    let info = |role, state| ClientEvent::Session(crate::protocol::SessionInfo { state, ..testing::session(role) });
    for (role, state, asked) in [
        (Role::Nurse, SessionState::Locked, false),
        (Role::Nurse, SessionState::Active, true),
        (Role::Ops, SessionState::Active, false),
    ] {
        bench.client(info(role, state));
        bench.snapshot(ward12());
        assert_eq!(asks(&bench), asked, "{role} {state:?}");
    }
}
