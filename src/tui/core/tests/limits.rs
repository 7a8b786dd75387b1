//! The limits of a patient: the selected value, the questions before a change, suggestions.

use super::*;
use crate::{
    domain::{Basis, Expiry, LimitScope, LimitsError, Refusal, StepName},
    protocol::SessionInfo,
    tui::testing::set_limit,
};

fn enter() -> Key {
    Key::plain(KeyCode::Enter)
}

/// The limits of bed 04, whose low limit of oxygen a doctor has set to 86.
fn opened(role: Role) -> Bench {
    let mut view = night();
    set_limit(&mut view, 4, "spo2.low=86", Some(8));
    let mut bench = Bench::with(view);
    bench.app.session = Some(testing::session(role));
    bench.type_text("w");
    bench.key(enter());
    bench.type_text("l");
    bench.answer_history();
    bench.heartbeat();
    bench
}

fn json(bench: &Bench) -> Vec<serde_json::Value> {
    commands(bench).iter().map(|c| serde_json::to_value(c).unwrap()).collect()
}

#[test]
fn a_limit_is_changed_after_reason_end_and_a_last_look() {
    let mut bench = opened(Role::Nurse);
    assert_eq!((bench.app.page, bench.app.selected_vital()), (Page::Limits, Some(HR)));
    bench.key(enter());
    bench.type_text("45");
    bench.key(enter());
    bench.type_text("2");
    bench.type_text("1");
    let Some(Dialog::Sheet(sheet)) = &bench.app.dialog else { panic!() };
    let changes = sheet.limit_changes(bench.app.ward.as_ref().unwrap());
    let [change] = changes[..] else { panic!("{changes:?}") };
    assert_eq!((change.field, change.old, change.new), (LimitField::Step(StepName::Low), Some(50.0), Some(45.0)));
    bench.key(enter());
    assert_eq!(commands(&bench), [], "nothing is sent without the last look");
    bench.type_text("y");
    let reason = "usual for this patient".parse().unwrap();
    let (vital, basis) = (HR, Basis::Chosen);
    let change = serde_json::from_str(r#"{"low":45.0}"#).unwrap();
    let expires = Expiry::At { until: testing::t0() + Millis::from_mins(480) };
    let scope = LimitScope::Patient { patient: testing::patient_id(4) };
    assert_eq!(commands(&bench), [Command::SetLimits { scope, vital, change, reason, expires, basis }]);
}

#[test]
fn what_the_screen_would_round_or_the_server_refuse_is_said_at_once() {
    let mut bench = opened(Role::Nurse);
    bench.key(enter());
    for (line, why) in
        [("45.5", "whole numbers only"), ("118", "out of order with the other limits"), ("x", "a number is wanted")]
    {
        bench.type_text(line);
        bench.key(enter());
        let Some(Dialog::Sheet(sheet)) = &bench.app.dialog else { panic!() };
        assert_eq!((sheet.wrong.as_deref(), sheet.answers.len()), (Some(why), 0), "{line}");
        line.chars().for_each(|_| bench.key(Key::plain(KeyCode::Backspace)));
    }
    bench.type_text("45.0");
    bench.key(enter());
    let Some(Dialog::Sheet(sheet)) = &bench.app.dialog else { panic!() };
    assert_eq!((sheet.wrong.as_deref(), sheet.answers.len()), (None, 1));
}

#[test]
fn the_cursor_selects_any_value_and_a_delay_is_in_seconds() {
    let mut bench = opened(Role::Nurse);
    bench.type_text("k");
    for _ in 0..9 {
        bench.key(Key::plain(KeyCode::Right));
    }
    assert_eq!(bench.app.limits.as_ref().unwrap().field, LimitField::ExtremeDelay);
    bench.key(Key::plain(KeyCode::Left));
    bench.key(enter());
    for wrong in ["", "x", "1 0"] {
        bench.type_text(wrong);
        bench.key(enter());
        let Some(Dialog::Sheet(sheet)) = &bench.app.dialog else { panic!() };
        assert_eq!((sheet.answers.len(), sheet.wrong.is_some()), (0, !wrong.is_empty()), "{wrong:?}");
        bench.key(Key::ctrl('u'));
    }
    bench.type_text("12,5");
    bench.key(enter());
    bench.type_text("52y");
    let made = json(&bench);
    assert_eq!(made[0]["change"], serde_json::json!({ "delay_ms": 12_500 }));
    assert_eq!(made[0]["expires"], "next_handover");
}

#[test]
fn what_is_so_already_is_not_asked_for() {
    let mut bench = opened(Role::Nurse);
    bench.key(enter());
    bench.type_text("50.0");
    bench.key(enter());
    let Some(Dialog::Sheet(sheet)) = &bench.app.dialog else { panic!() };
    assert_eq!(sheet.wrong.as_deref(), Some("it is so already"));
}

#[test]
fn what_changed_while_it_was_asked_is_not_sent() {
    let mut bench = opened(Role::Nurse);
    bench.key(enter());
    bench.type_text("45");
    bench.key(enter());
    bench.type_text("11");
    set_limit(bench.app.ward.as_mut().unwrap(), 4, "hr.low=48", Some(4));
    bench.type_text("y");
    assert_eq!(commands(&bench), []);
    assert_eq!(bench.app.notice.as_ref().unwrap().text, "not done: it changed meanwhile, look again");
}

#[test]
fn a_suggestion_is_taken_by_a_person() {
    let mut bench = opened(Role::Nurse);
    let Suggested::Known(known) = &bench.app.limits.as_ref().unwrap().suggested else { panic!() };
    assert!(known.contains_key(&HR) && !known.contains_key(&SPO2), "{known:?}");
    bench.type_text("s");
    bench.type_text("1");
    bench.type_text("2y");
    let made = json(&bench);
    assert_eq!((&made[0]["basis"], &made[0]["vital"]), (&"suggested".into(), &"hr".into()));
    bench.type_text("js");
    assert_eq!(commands(&bench), []);
    assert!(bench.app.notice.as_ref().unwrap().text.contains("nothing is suggested"));
}

#[test]
fn suggestions_are_asked_for_again_and_a_failure_is_told() {
    let mut bench = opened(Role::Nurse);
    let asked = |bench: &Bench| {
        bench.effects.iter().find_map(|e| match e {
            Effect::Send(ClientRequest::Query { id, query }) => Some((*id, query.points)),
            _ => None,
        })
    };
    for _ in 0..59 {
        bench.wait(1_000);
        bench.heartbeat();
        assert_eq!(asked(&bench), None);
    }
    bench.wait(1_000);
    let (id, points) = asked(&bench).unwrap();
    assert_eq!(points, 90);
    bench.client(ClientEvent::Error { code: ErrorCode::Busy, detail: "too much is read".into(), id: Some(id) });
    assert_eq!(bench.app.limits.as_ref().unwrap().suggested, Suggested::Failed("too much is read".into()));
    assert_eq!(bench.app.notice, None);
}

#[test]
fn limits_are_taken_back_one_vital_or_all() {
    for (keys, vital) in [("jr11y", Some("spo2")), ("r22y", None)] {
        let mut bench = opened(Role::Nurse);
        // Pulse or oxygen: whichever is second, the changed one is selected.
        while keys.starts_with('j') && bench.app.selected_vital() != Some(SPO2) {
            bench.type_text("j");
        }
        bench.type_text(keys.trim_start_matches('j'));
        let made = json(&bench);
        assert_eq!(made[0]["command"], "reset_limits", "{keys}");
        assert_eq!(made[0].get("vital").and_then(|v| v.as_str()), vital, "{keys}");
    }
    let mut unchanged = Bench::with(night());
    unchanged.type_text("w");
    unchanged.key(enter());
    unchanged.type_text("lr");
    assert_eq!(unchanged.app.dialog, None);
    assert!(unchanged.app.notice.as_ref().unwrap().text.contains("no limit of this patient is changed"));
}

#[test]
fn a_viewer_sees_limits_and_is_told_why_not_to_change_them() {
    let mut bench = opened(Role::Viewer);
    assert_eq!(bench.app.page, Page::Limits);
    bench.key(enter());
    assert_eq!(bench.app.dialog, None);
    assert_eq!(bench.app.notice.as_ref().unwrap().text, "not now: your role may not change limits");
}

#[test]
fn what_the_server_refuses_is_told_whole() {
    let mut bench = opened(Role::Nurse);
    bench.key(enter());
    bench.type_text("45");
    bench.key(enter());
    bench.type_text("11y");
    let (wanted, furthest) = ("45".parse().unwrap(), "48".parse().unwrap());
    let refusal = Refusal::Limits(LimitsError::Guard { vital: HR, step: StepName::Low, wanted, furthest });
    let text = said(bench, false, Some(refusal.clone()));
    assert!(text.starts_with("04 Okafor Chidi: HR limits: ") && text.ends_with(&refusal.to_string()), "{text}");
}

#[test]
fn back_leads_to_the_patient_and_a_lock_closes_the_questions() {
    let mut bench = opened(Role::Nurse);
    bench.key(enter());
    bench.client(ClientEvent::Session(SessionInfo { state: SessionState::Locked, ..testing::session(Role::Nurse) }));
    assert_eq!(bench.app.dialog, None);
    bench.key(Key::plain(KeyCode::Esc));
    assert_eq!(bench.app.page, Page::Patient);
    bench.key(Key::plain(KeyCode::Esc));
    assert_eq!(bench.app.page, Page::Ward);
}
