//! The page of the intake: what it asks for, and what becomes of letters that are tried again or dropped.

use super::*;
use crate::{
    protocol::{IntakeReport, LetterView, OpsReport, Rejection, RejectionCode},
    tui::testing::{letters, ops, session},
};

fn requests(bench: &mut Bench) -> Vec<ClientRequest> {
    let taken = std::mem::take(&mut bench.effects);
    let sent = |effect| match effect {
        Effect::Send(ClientRequest::Activity) => None,
        Effect::Send(request) => Some(request),
        _ => None,
    };
    taken.into_iter().filter_map(sent).collect()
}

/// An ops screen with the page open and answered.
fn page() -> Bench {
    let mut bench = Bench::with(night());
    bench.app.session = Some(session(Role::Ops));
    bench.heartbeat();
    bench.type_text("8");
    assert_eq!(answer(&mut bench, &letters()), (1, 1));
    bench
}

/// Answers what is asked for until nothing is; says how many reports and how many lists of letters that were.
fn answer(bench: &mut Bench, letters: &[LetterView]) -> (usize, usize) {
    let (mut asked, mut open) = ((0, 0), requests(bench));
    while let Some(request) = open.pop() {
        match request {
            ClientRequest::Ops { id } => {
                asked.0 += 1;
                bench.client(ClientEvent::Ops { id, report: Box::new(ops()) });
            }
            ClientRequest::Letters { id, query } => {
                asked.1 += 1;
                assert_eq!(query.before, None);
                bench.client(ClientEvent::Letters { id, letters: letters.to_vec(), more: true });
            }
            _ => {}
        }
        open.extend(requests(bench));
    }
    asked
}

fn retry_of(bench: &mut Bench) -> (u64, u64) {
    let found = requests(bench).into_iter().find_map(|request| match request {
        ClientRequest::RetryLetter { id, no } => Some((id, no)),
        _ => None,
    });
    found.expect("a letter is tried again")
}

fn taken(accepted: usize) -> IntakeReport {
    IntakeReport { accepted, ..IntakeReport::default() }
}

#[test]
fn the_report_comes_anew_and_letters_only_when_their_number_changes() {
    let mut bench = page();
    assert_eq!(bench.app.ops.selected, Some(332));
    bench.wait(500);
    assert!(requests(&mut bench).is_empty(), "nothing is due");
    for more in [0, 1] {
        bench.wait(2_100);
        let asked = requests(&mut bench);
        // Letters leave an entry in the audit trail: they are not read again and again.
        let [ClientRequest::Ops { id }] = &asked[..] else { panic!("{asked:?}") };
        let report = OpsReport { letters_open: ops().letters_open + more, ..ops() };
        bench.client(ClientEvent::Ops { id: *id, report: Box::new(report) });
        let asked = requests(&mut bench).len();
        assert_eq!(asked, usize::from(more > 0));
    }
}

#[test]
fn older_letters_come_when_the_last_is_reached() {
    let mut bench = page();
    bench.type_text("G");
    let asked = requests(&mut bench);
    let [ClientRequest::Letters { id, query }] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(query.before, Some(329));
    let older = LetterView { no: 12, ..letters()[0].clone() };
    bench.client(ClientEvent::Letters { id: *id, letters: vec![older], more: false });
    assert_eq!(bench.app.ops.letters.len(), 5);
    assert_eq!(bench.app.ops.selected, Some(329), "nothing moves under the hand");
    bench.type_text("G");
    assert_eq!(bench.app.ops.selected, Some(12));
    assert!(requests(&mut bench).is_empty(), "there are none older");
}

#[test]
fn letters_of_a_kind_are_tried_one_after_the_other_the_oldest_first() {
    let mut bench = page();
    bench.type_text("Ty");
    let (id, no) = retry_of(&mut bench);
    assert_eq!(no, 331);
    assert_eq!(bench.app.ops.again.0.len(), 2);
    bench.client(ClientEvent::Retried { id, report: taken(1) });
    let (id, no) = retry_of(&mut bench);
    assert_eq!(no, 332);
    assert!(bench.app.ops.letters.iter().all(|letter| letter.no != 331), "it has ended");
    let rejection = Rejection { index: 0, code: RejectionCode::Unmatched, detail: "no template matches".into() };
    let report = IntakeReport { rejected: 1, rejections: vec![rejection], ..IntakeReport::default() };
    bench.client(ClientEvent::Retried { id, report });
    let notice = bench.app.notice.clone().unwrap();
    assert_eq!(notice.text, "2 dead letters tried again: 1 taken, 0 known, 1 refused: no template matches");
    assert_eq!(bench.app.ops.selected, Some(330));
}

#[test]
fn a_letter_that_cannot_be_tried_stops_those_behind_it() {
    let mut bench = page();
    bench.type_text("Ty");
    let (id, _) = retry_of(&mut bench);
    let detail = "dead letter 331 has ended".to_owned();
    bench.client(ClientEvent::Error { code: ErrorCode::BadMessage, detail, id: Some(id) });
    assert!(requests(&mut bench).iter().all(|r| !matches!(r, ClientRequest::RetryLetter { .. })));
    assert!(bench.app.ops.again.0.is_empty());
    assert!(bench.app.notice.clone().unwrap().text.contains("has ended"));
}

#[test]
fn a_letter_of_the_same_message_goes_with_the_one_that_is_dropped() {
    let mut bench = page();
    let twin = LetterView { no: 300, ..letters()[0].clone() };
    bench.app.ops.letters.push(twin);
    bench.type_text("x2");
    let asked = requests(&mut bench);
    let [ClientRequest::DropLetter { id, no: 332, reason }] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(reason.as_str(), "a test");
    bench.client(ClientEvent::Result { id: *id, done: true, refusal: None });
    let left: Vec<u64> = bench.app.ops.letters.iter().map(|letter| letter.no).collect();
    assert_eq!(left, [331, 330, 329]);
    assert_eq!(bench.app.ops.selected, Some(331));
}

#[test]
fn a_cut_link_ends_what_was_being_tried() {
    let mut bench = page();
    bench.type_text("Ty");
    bench.client(ClientEvent::Disconnected { why: "cut".into(), retry_in_ms: 250, attempt: 1 });
    assert!(bench.app.ops.again.0.is_empty());
}
