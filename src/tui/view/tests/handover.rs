//! The page of handovers.

use super::*;
use crate::{
    client::ClientRequest,
    domain::{Handover, HandoverExtent, HandoverId, LoginName, Owner},
    protocol::{HandoverReport, Sbar},
    tui::core::Effect,
};

fn lines(of: &[&str]) -> Vec<String> {
    of.iter().map(|line| (*line).to_owned()).collect()
}

/// Some are with a.meyer, some with nobody; one is offered to a.meyer.
fn night_with_handovers() -> WardView {
    let mut view = quiet_night();
    view.rota.shifts.retain(|shift| shift.user.as_str() != "a.meyer" && shift.user.as_str() != "b.yilmaz");
    for number in 1..=8 {
        let (by, from) = (actor(if number < 5 { "a.meyer" } else { "b.yilmaz" }), actor("c.lang"));
        let at = t0() - Millis::from_mins(310);
        let owner = Owner { by, at, from, offered_at: at - Millis::from_mins(4) };
        view.handovers.owners.insert(patient_id(number), owner);
    }
    view.handovers.open.push(Handover {
        id: HandoverId(3),
        from: actor("b.yilmaz"),
        to: LoginName::new("a.meyer"),
        extent: HandoverExtent::Own,
        patients: vec![patient_id(7), patient_id(8)],
        note: Some("wife of 07 wants to be called before any transfer".parse().unwrap()),
        at: t0() - Millis::from_mins(3),
        until: t0() + Millis::from_mins(57),
    });
    view
}

fn told() -> Sbar {
    Sbar {
        patient: patient_id(7),
        name: PersonName::default(),
        bed: "07".into(),
        category: crate::domain::Category::Adult,
        age: Some(66),
        owners: vec![LoginName::new("b.yilmaz")],
        offer: Some(HandoverId(3)),
        situation: lines(&[
            "with b.yilmaz: signed by c.lang 2026-02-28 22:58 and b.yilmaz 2026-02-28 23:02",
            "** HR 138 > 130, medium since 03:01, nobody has answered",
            "NEWS2 5 of 7, between 4 and 9 (at least low-medium), derived, the same since 03:12: RR 2, SpO2 1, O2 missing, BP 1, HR 0, ACVPU missing, T 0",
        ]),
        background: lines(&["admitted 2026-02-28 01:15", "measured by mon-7"]),
        assessment: lines(&[
            "HR 138 /min, 1 s ago; 12 h: 88 / 104 / 141; rising 14 an hour",
            "SpO2 95 %, 1 s ago; 12 h: 91 / 95 / 98",
            "alerts since 2026-02-28 23:02:",
            "  HR high: 3; 2 acknowledged, median 45 s, longest 1 min; 1 not acknowledged yet",
        ]),
        recommendation: lines(&[
            "NEWS2 lacks O2, ACVPU",
            "b.yilmaz says: wife of 07 wants to be called before any transfer",
        ]),
    }
}

fn page() -> Bench {
    let mut bench = started(night_with_handovers());
    bench.key(Key::char('H'));
    let asked = std::mem::take(&mut bench.effects).into_iter().find_map(|effect| match effect {
        Effect::Send(ClientRequest::HandoverReport { id, .. }) => Some(id),
        _ => None,
    });
    let report = HandoverReport {
        ward: "3 East".into(),
        mode: Mode::Live,
        made: String::new(),
        at: t0(),
        patients: vec![told()],
    };
    bench.client(ClientEvent::HandoverReport { id: asked.unwrap(), report: Box::new(report) });
    bench
}

#[test]
fn who_owns_whom_and_what_there_is_to_say() {
    let mut bench = page();
    shot("handover_80x24", &frame(&bench.app, &look(), 80, 24));
    bench.app.size = (200, 50);
    shot("handover_200x50", &frame(&bench.app, &look(), 200, 50));
    bench.app.size = (80, 24);
    bench.key(Key::plain(KeyCode::PageDown));
    shot("handover_scrolled_80x24", &text(&bench.app, &look(), 80, 24));
    shot("handover_ascii_80x24", &text(&bench.app, &mono(Glyphs::Ascii), 80, 24));
    bench.key(Key::char('g'));
    shot("handover_asking_80x24", &text(&bench.app, &look(), 80, 24));
}

#[test]
fn what_is_told_does_not_look_live_without_a_link() {
    let mut bench = page();
    let shown = text(&bench.app, &look(), 80, 24);
    assert!(shown.contains("as of ") && !shown.contains("NOT LIVE"), "{shown}");
    bench.wait(40_000);
    assert!(!bench.app.health().is_live());
    let shown = text(&bench.app, &look(), 80, 24);
    assert!(shown.contains("NOT LIVE, as of "), "{shown}");
    assert!(shown.contains("▼ 7 more"), "{shown}");
    shot("handover_no_link_80x24", &frame(&bench.app, &look(), 80, 24));
}

#[test]
fn the_boxes_that_somebody_signs_in() {
    let mut bench = page();
    bench.key(Key::char('Y'));
    shot("handover_take_80x24", &frame(&bench.app, &look(), 80, 24));
    bench.key(Key::char('n'));
    bench.type_text("Nin theatre");
    shot("handover_refuse_80x24", &text(&bench.app, &look(), 80, 24));
    bench.key(Key::plain(KeyCode::Esc));
    bench.type_text("gO");
    shot("handover_offer_whom_80x24", &text(&bench.app, &look(), 80, 24));
    bench.key(Key::char('1'));
    bench.type_text("mind the pump");
    bench.key(Key::plain(KeyCode::Enter));
    shot("handover_offer_sign_80x24", &text(&bench.app, &look(), 80, 24));
    shot("handover_offer_sign_200x50", &text(&bench.app, &look(), 200, 50));
    bench.key(Key::char('n'));
    bench.type_text("A");
    shot("handover_offer_all_80x24", &text(&bench.app, &look(), 80, 24));
    shot("handover_small_48x11", &text(&bench.app, &look(), 48, 11));
}
