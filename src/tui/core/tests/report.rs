//! The report of alerts: asked for, waited for, failed, scrolled.

use super::*;
use crate::tui::testing::{report, t0};

fn asked(bench: &Bench) -> Option<(u64, Millis)> {
    bench.effects.iter().find_map(|effect| match effect {
        Effect::Send(ClientRequest::AlertReport { id, from, to }) => Some((*id, to.since(*from))),
        _ => None,
    })
}

#[test]
fn a_report_is_asked_for_once_and_anew_with_each_span() {
    let mut bench = Bench::with(night());
    bench.type_text("6");
    let (id, span) = asked(&bench).unwrap();
    assert_eq!(span, Millis::from_mins(24 * 60));
    assert!(bench.app.report.waiting_since.is_some());
    bench.type_text("6");
    assert_eq!(asked(&bench), None, "it is waited for");
    bench.client(ClientEvent::AlertReport { id: id + 7, report: Box::new(report()) });
    assert_eq!(bench.app.report.report, None, "another one");
    bench.client(ClientEvent::AlertReport { id, report: Box::new(report()) });
    assert_eq!((bench.app.report.report.is_some(), bench.app.report.waiting_since), (true, None));
    bench.key(Key::plain(KeyCode::Right));
    assert_eq!(asked(&bench).map(|(_, span)| span), Some(Millis::from_mins(7 * 24 * 60)));
    assert_eq!(bench.app.report.report, None);
    bench.client(ClientEvent::AlertReport { id, report: Box::new(report()) });
    assert_eq!(bench.app.report.report, None, "it is that of the other span");
    bench.key(Key::plain(KeyCode::Right));
    assert_eq!(asked(&bench), None, "there is no longer one");
}

#[test]
fn a_failure_is_told_on_the_page_and_asked_for_again() {
    let mut bench = Bench::with(night());
    bench.type_text("6");
    let (id, _) = asked(&bench).unwrap();
    let detail = "a report is being made: try again".to_owned();
    bench.client(ClientEvent::Error { code: ErrorCode::Busy, detail: detail.clone(), id: Some(id) });
    assert_eq!((bench.app.report.failed.clone(), &bench.app.notice), (Some(detail), &None));
    bench.type_text("6");
    assert!(asked(&bench).is_some() && bench.app.report.failed.is_none());
    bench.client(ClientEvent::Disconnected { why: "cut".into(), retry_in_ms: 100, attempt: 1 });
    assert_eq!(bench.app.report.failed.as_deref(), Some("the link was cut"));
}

#[test]
fn a_report_scrolls_to_its_end_and_not_further() {
    let mut bench = Bench::with(night());
    bench.event(Event::Input(Input::Resize { columns: 80, rows: 24 }));
    bench.type_text("6");
    let (id, _) = asked(&bench).unwrap();
    bench.client(ClientEvent::AlertReport { id, report: Box::new(report()) });
    bench.type_text("G");
    let end = bench.app.report.scroll;
    let rows = crate::tui::words::report::rows(bench.app.ward.as_ref().unwrap(), &report()).len();
    assert_eq!(end, rows - 19);
    bench.type_text("jk");
    assert_eq!(bench.app.report.scroll, end - 1);
    bench.type_text("g");
    assert_eq!(bench.app.report.scroll, 0);
}

#[test]
fn who_may_not_read_is_told_so() {
    let mut bench = Bench::with(night());
    bench.app.session = Some(testing::session(Role::Ops));
    bench.type_text("6");
    assert_eq!((bench.app.page, asked(&bench)), (Page::Ward, None));
    assert_eq!(bench.app.notice.as_ref().unwrap().text, "not now: your role may not read reports");
    assert_eq!(report().from, t0() - Millis::from_mins(24 * 60));
}

#[test]
fn an_open_report_is_made_anew_by_a_key_and_now_and_then_and_stays_meanwhile() {
    let mut bench = Bench::with(night());
    bench.type_text("6");
    let (id, _) = asked(&bench).unwrap();
    bench.client(ClientEvent::AlertReport { id, report: Box::new(report()) });
    bench.type_text("jj");
    let scroll = bench.app.report.scroll;
    bench.type_text("r");
    let (id, _) = asked(&bench).unwrap();
    assert!(bench.app.report.report.is_some(), "the old one is there until the new one comes");
    bench.client(ClientEvent::AlertReport { id, report: Box::new(report()) });
    assert_eq!(bench.app.report.scroll, scroll);
    let mut again = None;
    for second in 1..=601 {
        bench.wait(1_000);
        again = again.or_else(|| asked(&bench).map(|asked| (second, asked.0)));
        bench.heartbeat();
    }
    let (second, id) = again.expect("now and then");
    assert_eq!(second, 600);
    bench.client(ClientEvent::Error { code: ErrorCode::Busy, detail: "busy".into(), id: Some(id) });
    assert!(bench.app.report.report.is_some() && bench.app.report.failed.is_some(), "what was there stays");
    bench.type_text("1");
    for _ in 0..700 {
        bench.wait(1_000);
        assert_eq!(asked(&bench), None, "what is not shown is not made");
        bench.heartbeat();
    }
}
