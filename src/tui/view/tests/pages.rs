//! Frames of what is opened from a patient or beside the ward: limits, charting, the rota, the report of alerts.

use super::*;
use crate::{
    domain::{LimitsError, Pause, PauseId, PauseKind, PauseScope, Refusal},
    tui::testing::{letters, ops, report, rota, set_limit},
};

fn shown(bench: &Bench) -> String {
    text(&bench.app, &look(), 80, 24)
}

/// The page of bed 04 with limits that were changed, and one alarm that is off.
fn limits(role: UserRole) -> Bench {
    let mut view = full_night();
    set_limit(&mut view, 4, "spo2.low=86", Some(8));
    set_limit(&mut view, 4, "hr.high=115", None);
    view.pauses.push(Pause {
        id: PauseId(1),
        kind: PauseKind::AlarmOff,
        scope: PauseScope::Condition { patient: patient_id(4), code: ConditionCode::Limit(RR, Side::High) },
        since: t0(),
        until: t0() + Millis::from_mins(180),
        by: actor("k.brandt"),
        reason: None,
        covers: Priority::Medium,
        announced: 9,
        confirmed_by: None,
        waits_to_last: None,
    });
    let mut bench = started(view);
    bench.app.session = Some(session(role));
    bench.type_text("w");
    bench.key(Key::plain(KeyCode::Enter));
    bench.answer_history();
    bench.type_text("l");
    bench.answer_history();
    bench.heartbeat();
    bench.wait(400);
    bench
}

#[test]
fn limits_of_a_patient() {
    let mut bench = limits(UserRole::Nurse);
    both!("limits", bench.app);
    shot("limits_ascii_80x24", &text(&bench.app, &mono(Glyphs::Ascii), 80, 24));
    shot("limits_60x15", &text(&bench.app, &look(), 60, 15));
    while bench.app.selected_vital() != Some(SPO2) {
        bench.type_text("j");
    }
    shot("limits_spo2_80x24", &shown(&bench));
    bench.key(Key::plain(KeyCode::Enter));
    bench.type_text("88x");
    bench.key(Key::plain(KeyCode::Enter));
    both!("limits_value", bench.app);
    bench.key(Key::plain(KeyCode::Backspace));
    bench.key(Key::plain(KeyCode::Enter));
    shot("limits_until_80x24", &shown(&bench));
    bench.type_text("52");
    shot("limits_sure_80x24", &shown(&bench));
    bench.type_text("y");
    let id = bench.effects.iter().find_map(|effect| match effect {
        crate::tui::core::Effect::Send(crate::client::ClientRequest::Command { id, .. }) => Some(*id),
        _ => None,
    });
    let refusal = Some(Refusal::Limits(LimitsError::Order { vital: SPO2 }));
    bench.client(ClientEvent::Result { id: id.unwrap(), done: false, refusal });
    both!("limits_refused", bench.app);
}

#[test]
fn limits_taken_back_and_suggested() {
    let mut bench = limits(UserRole::Nurse);
    bench.type_text("r");
    shot("limits_which_80x24", &shown(&bench));
    bench.type_text("21");
    shot("limits_back_80x24", &shown(&bench));
    let mut bench = limits(UserRole::Nurse);
    bench.type_text("s12");
    shot("limits_suggested_80x24", &shown(&bench));
    bench.app.dialog = None;
    bench.key(Key::char('?'));
    shot("limits_help_80x24", &shown(&bench));
}

/// The page of bed 04 with what somebody charted of the patient.
fn charted(role: UserRole) -> Bench {
    use crate::domain::{ChartEntry, Consciousness, Oxygen};
    let mut view = full_night();
    let chart = &mut view.patients.get_mut(&patient_id(4)).unwrap().chart;
    let at = t0() - Millis::from_mins(62);
    let given = Oxygen { given: true, flow: Some(2.0), ..Oxygen::default() };
    chart.enter(&ChartEntry::Consciousness { level: Consciousness::Alert, span: None }, &actor("a.meyer"), at);
    chart.enter(&ChartEntry::Oxygen { oxygen: given }, &actor("b.yilmaz"), at + Millis::from_mins(5));
    let mut bench = started(view);
    bench.app.session = Some(session(role));
    bench.type_text("w");
    bench.key(Key::plain(KeyCode::Enter));
    bench.answer_history();
    bench
}

#[test]
fn charting_at_the_bed() {
    let mut bench = charted(UserRole::Nurse);
    both!("charted", bench.app);
    bench.type_text("i");
    both!("chart_what", bench.app);
    bench.type_text("22200");
    bench.key(Key::plain(KeyCode::Enter));
    shot("chart_flow_80x24", &shown(&bench));
    bench.key(Key::ctrl('u'));
    bench.type_text("4");
    bench.key(Key::plain(KeyCode::Enter));
    shot("chart_sure_80x24", &shown(&bench));
    let mut bench = charted(UserRole::Doctor);
    bench.type_text("i32");
    shot("chart_scale_why_80x24", &shown(&bench));
    bench.type_text("1");
    shot("chart_scale_sure_80x24", &shown(&bench));
}

#[test]
fn who_is_on_duty() {
    let mut view = full_night();
    view.rota = rota();
    let mut bench = started(view.clone());
    bench.app.session = Some(session(UserRole::Charge));
    bench.type_text("5j");
    bench.heartbeat();
    both!("rota", bench.app);
    shot("rota_ascii_80x24", &text(&bench.app, &mono(Glyphs::Ascii), 80, 24));
    bench.type_text("x");
    shot("rota_out_80x24", &shown(&bench));
    bench.key(Key::plain(KeyCode::Esc));
    bench.type_text("n1");
    shot("rota_who_80x24", &shown(&bench));
    bench.type_text("13soon");
    bench.key(Key::plain(KeyCode::Enter));
    shot("rota_from_80x24", &shown(&bench));
    bench.key(Key::ctrl('u'));
    bench.type_text("19:00");
    bench.key(Key::plain(KeyCode::Enter));
    bench.type_text("211");
    shot("rota_sure_80x24", &shown(&bench));
    view.rota = crate::domain::Rota::default();
    let mut empty = started(view);
    empty.type_text("5");
    shot("rota_empty_80x24", &shown(&empty));
}

#[test]
fn the_report_of_alerts() {
    let mut bench = started(full_night());
    bench.type_text("6");
    let id = bench.effects.iter().find_map(|effect| match effect {
        crate::tui::core::Effect::Send(crate::client::ClientRequest::AlertReport { id, .. }) => Some(*id),
        _ => None,
    });
    bench.wait(1_600);
    shot("report_asking_80x24", &shown(&bench));
    bench.client(ClientEvent::AlertReport { id: id.unwrap(), report: Box::new(report()) });
    bench.heartbeat();
    both!("report", bench.app);
    shot("report_ascii_80x24", &text(&bench.app, &mono(Glyphs::Ascii), 80, 24));
    bench.event(Event::Input(Input::Resize { columns: 80, rows: 24 }));
    bench.type_text("G");
    shot("report_end_80x24", &shown(&bench));
    bench.app.report.report = Some(Box::default());
    shot("report_of_nothing_80x24", &shown(&bench));
    bench.app.report.report = None;
    bench.app.report.failed = Some("a report is being made: try again in a moment".into());
    shot("report_failed_80x24", &shown(&bench));
}

/// The page of the intake, asked for and answered.
fn intake(role: UserRole) -> Bench {
    let mut bench = started(full_night());
    bench.app.session = Some(session(role));
    bench.type_text("8");
    answer_ops(&mut bench, &ops(), &letters());
    bench.heartbeat();
    bench
}

/// Answers what the page of the intake asks for.
fn answer_ops(bench: &mut Bench, report: &crate::protocol::OpsReport, letters: &[crate::protocol::LetterView]) {
    use crate::{client::ClientRequest, tui::core::Effect};
    while let Some(effect) = bench.effects.pop() {
        match effect {
            Effect::Send(ClientRequest::Ops { id }) => {
                bench.client(ClientEvent::Ops { id, report: Box::new(report.clone()) });
            }
            Effect::Send(ClientRequest::Letters { id, .. }) => {
                bench.client(ClientEvent::Letters { id, letters: letters.to_vec(), more: true });
            }
            _ => {}
        }
    }
}

#[test]
fn the_intake() {
    let mut bench = intake(UserRole::Ops);
    both!("intake", bench.app);
    shot("intake_ascii_80x24", &text(&bench.app, &mono(Glyphs::Ascii), 80, 24));
    shot("intake_60x15", &text(&bench.app, &look(), 60, 15));
    bench.type_text("jj");
    both!("intake_hl7", bench.app);
    bench.type_text("t");
    shot("intake_again_80x24", &shown(&bench));
    bench.key(Key::plain(KeyCode::Esc));
    bench.type_text("x");
    shot("intake_drop_80x24", &shown(&bench));
    bench.key(Key::plain(KeyCode::Esc));
    bench.type_text("gT");
    shot("intake_kind_80x24", &shown(&bench));
    let mut report = ops();
    report.pipeline.recording = false;
    report.pipeline.waiting = 900;
    bench.app.ops.report = Some(Box::new(report));
    bench.app.dialog = None;
    bench.wait(7_000);
    shot("intake_bad_80x24", &shown(&bench));
    bench.app.session.as_mut().unwrap().state = SessionState::Locked;
    shot("intake_locked_80x24", &shown(&bench));
    let mut empty = started(full_night());
    empty.app.session = Some(session(UserRole::Ops));
    empty.type_text("8");
    shot("intake_asking_80x24", &shown(&empty));
}

#[test]
fn the_intake_is_for_ops_alone() {
    let mut bench = started(full_night());
    bench.type_text("8");
    assert_eq!(bench.app.page, crate::tui::core::Page::Ward);
    assert!(!bench.app.offers().iter().any(|offer| offer.words == "intake"));
}

/// The screen of an auditor, who watches no ward: the trail asked for and answered.
fn auditor() -> Bench {
    use crate::{client::TrailStanding, tui::testing::hello};
    let mut bench = Bench::new();
    let hello = crate::client::Hello { session: session(UserRole::Auditor), wards: Vec::new(), ..hello() };
    bench.client(ClientEvent::Connected(hello));
    let asked = std::mem::take(&mut bench.effects);
    bench.heartbeat();
    bench.client(ClientEvent::Trail(TrailStanding::Witnessed { size: 1_203_442 }));
    bench.effects = asked;
    bench
}

/// Answers what the page of the trail asks for; says what that was.
fn answer_audit(bench: &mut Bench, page: &crate::protocol::AuditPage) -> Vec<crate::protocol::AuditQuery> {
    use crate::{client::ClientRequest, tui::core::Effect};
    let mut asked = Vec::new();
    for effect in std::mem::take(&mut bench.effects) {
        if let Effect::Send(ClientRequest::AuditLog { id, query }) = effect {
            asked.push(query);
            bench.client(ClientEvent::AuditLog { id, page: Box::new(page.clone()) });
        }
    }
    asked
}

#[test]
fn the_audit_trail() {
    use crate::{client::TrailStanding, protocol::AuditPage, tui::testing::audit_page};
    let mut bench = auditor();
    shot("audit_asking_80x24", &shown(&bench));
    assert_eq!(answer_audit(&mut bench, &audit_page()).len(), 1);
    bench.heartbeat();
    both!("audit", bench.app);
    shot("audit_ascii_80x24", &text(&bench.app, &mono(Glyphs::Ascii), 80, 24));
    shot("audit_60x15", &text(&bench.app, &look(), 60, 15));
    // The newest entry is that it was read: about no patient.
    bench.type_text("j");
    bench.key(Key::plain(KeyCode::Enter));
    let asked = answer_audit(&mut bench, &audit_page());
    assert_eq!(asked[0].patient.as_ref().map(ToString::to_string).as_deref(), Some("p04"));
    assert!(asked[0].reads, "who saw the patient");
    shot("audit_who_saw_80x24", &shown(&bench));
    bench.type_text("C");
    assert_eq!(answer_audit(&mut bench, &audit_page()).len(), 1);
    bench.type_text("/failures since:12h");
    shot("audit_filter_120x40", &text(&bench.app, &look(), 120, 40));
    assert!(answer_audit(&mut bench, &audit_page()).is_empty(), "what is being typed is not asked for");
    bench.key(Key::plain(KeyCode::Enter));
    let asked = answer_audit(&mut bench, &AuditPage { size: 1_203_442, ..AuditPage::default() });
    bench.heartbeat();
    assert!(asked[0].failures && asked[0].since.is_some(), "{asked:?}");
    shot("audit_none_80x24", &shown(&bench));
    bench.type_text("/ nonsense");
    bench.key(Key::plain(KeyCode::Enter));
    shot("audit_bad_filter_80x24", &shown(&bench));
    bench.app.session.as_mut().unwrap().state = SessionState::Locked;
    shot("audit_locked_80x24", &shown(&bench));
    bench.client(ClientEvent::Trail(TrailStanding::Forked {
        what: "size 20 → 12: entries that were signed are gone".into(),
    }));
    bench.client(ClientEvent::Disconnected { why: "gone".into(), retry_in_ms: 1_000, attempt: 1 });
    bench.wait(15_000);
    shot("audit_forked_80x24", &shown(&bench));
    assert!(!shown(&bench).contains("ALERTS"), "who watches no ward misses none");
}

/// A filter that finds nothing among the newest entries says how far was looked, and a key looks further.
#[test]
fn what_is_not_among_the_newest_is_looked_for_further_and_the_screen_says_how_far() {
    use crate::protocol::AuditPage;
    let mut bench = auditor();
    let page = |before| AuditPage { entries: Vec::new(), before, size: 1_203_442 };
    answer_audit(&mut bench, &page(Some(1_153_442)));
    let text = shown(&bench);
    assert!(
        text.contains("none is so: newest 50,000 looked at, of 1,203,442; ") && text.contains("looks further"),
        "{text}"
    );
    bench.type_text("j");
    let asked = answer_audit(&mut bench, &page(Some(1_103_442)));
    assert_eq!(asked[0].before, Some(1_153_442));
    let text = shown(&bench);
    assert!(text.contains("newest 100,000 looked at, of 1,203,442"), "{text}");
    bench.type_text("j");
    answer_audit(&mut bench, &page(None));
    assert!(shown(&bench).contains("no entry is so"), "{}", shown(&bench));
}

#[test]
fn older_entries_are_asked_for_at_the_end_and_nothing_by_itself() {
    use crate::{protocol::AuditPage, tui::testing::audit_page};
    let mut bench = auditor();
    answer_audit(&mut bench, &AuditPage { before: Some(1_203_000), ..audit_page() });
    bench.wait(60_000);
    bench.heartbeat();
    assert!(answer_audit(&mut bench, &audit_page()).is_empty(), "each question leaves an entry");
    bench.type_text("G");
    let asked = answer_audit(&mut bench, &AuditPage { before: None, ..audit_page() });
    assert_eq!(asked[0].before, Some(1_203_000));
    bench.type_text("G");
    assert!(answer_audit(&mut bench, &audit_page()).is_empty(), "there are no older ones");
    bench.type_text("9");
    assert_eq!(answer_audit(&mut bench, &audit_page()).len(), 1, "read anew");
    for key in ["1", "2", "8", "D", "a"] {
        bench.type_text(key);
        assert_eq!(bench.app.page, crate::tui::core::Page::Audit, "{key}: nothing else is there");
    }
}
