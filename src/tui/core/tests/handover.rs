//! The page of handovers: what the keys offer, sign and answer, and what is asked of the server.

use super::*;
use crate::domain::{
    Actor, Handover, HandoverEnd, HandoverExtent, HandoverId, Handovers, LoginName, Mode, Owner, PatientId, PersonName,
};
use crate::protocol::{HandoverReport, Sbar};

fn by(name: &str) -> Actor {
    Actor::User { user: name.parse().unwrap(), name: name.into(), role: Role::Nurse, session: "s9".parse().unwrap() }
}

/// An offer of patient `patient` from somebody to somebody; the screen's own user is `a.meyer`.
fn offer(id: u64, patient: usize, from: &str, to: &str) -> Handover {
    Handover {
        id: HandoverId(id),
        from: by(from),
        to: LoginName::new(to),
        extent: HandoverExtent::Part,
        patients: vec![testing::patient_id(patient)],
        note: None,
        at: testing::t0(),
        until: testing::t0() + Millis::from_mins(60),
    }
}

fn with(open: Vec<Handover>) -> Bench {
    let mut view = ward12();
    view.handovers = Handovers { last: 9, open, ..Handovers::default() };
    Bench::with(view)
}

fn reports(bench: &Bench) -> Vec<(u64, Vec<PatientId>)> {
    let report = |effect: &Effect| match effect {
        Effect::Send(ClientRequest::HandoverReport { id, patients }) => Some((*id, patients.clone())),
        _ => None,
    };
    bench.effects.iter().filter_map(report).collect()
}

fn told(patient: usize) -> Box<HandoverReport> {
    let sbar = Sbar {
        patient: testing::patient_id(patient),
        name: PersonName::default(),
        bed: "01".into(),
        category: crate::domain::Category::Adult,
        age: None,
        owners: Vec::new(),
        offer: None,
        situation: (0..60).map(|n| format!("line {n}")).collect(),
        background: Vec::new(),
        assessment: Vec::new(),
        recommendation: Vec::new(),
    };
    let (ward, made, at) = ("3 East".into(), String::new(), testing::t0());
    Box::new(HandoverReport { ward, mode: Mode::Demo, made, at, patients: vec![sbar] })
}

fn not_now(bench: &Bench, deed: Deed) -> Option<&'static str> {
    bench.app.offers().into_iter().find(|o| o.action == Action::Hand(deed)).unwrap().not_now
}

fn journal(bench: &mut Bench, seq: u64, body: EventBody) {
    let event = JournalEvent::new(testing::t0(), body);
    bench.client(ClientEvent::Event(SequencedEvent { ward: testing::ward().id, seq, event }));
}

#[test]
fn a_patient_is_offered_by_name_with_a_note_and_only_after_a_yes() {
    let mut bench = with(vec![]);
    bench.key(Key::char('H'));
    assert_eq!(bench.app.page, Page::Handover);
    bench.key(Key::char('j'));
    bench.key(Key::char('O'));
    bench.type_text("ben");
    bench.key(Key::plain(KeyCode::Enter));
    bench.type_text("mind the pump");
    bench.key(Key::plain(KeyCode::Enter));
    assert_eq!(commands(&bench), []);
    bench.key(Key::char('O'));
    assert_eq!(commands(&bench), [], "the key that began does not sign");
    bench.key(Key::char('y'));
    let offered = Command::OfferHandover {
        to: LoginName::new("ben"),
        patients: vec![testing::patient_id(2)],
        extent: HandoverExtent::Part,
        note: "mind the pump".parse().ok(),
    };
    assert_eq!((commands(&bench), bench.app.dialog.clone()), (vec![offered], None));
}

#[test]
fn all_are_offered_and_who_goes_back_signs_nothing() {
    let mut bench = with(vec![]);
    bench.type_text("HA");
    let Some(Dialog::Handover(form)) = &bench.app.dialog else { panic!("no box") };
    assert_eq!(form.patients.len(), 12, "nobody owns anybody yet");
    bench.key(Key::plain(KeyCode::Esc));
    assert_eq!(bench.app.dialog, None);
    bench.type_text("Aben");
    bench.key(Key::plain(KeyCode::Enter));
    bench.key(Key::plain(KeyCode::Enter));
    bench.key(Key::char('n'));
    assert_eq!((commands(&bench), bench.app.dialog.clone()), (vec![], None));
    bench.type_text("Aben");
    bench.key(Key::plain(KeyCode::Enter));
    bench.key(Key::plain(KeyCode::Enter));
    bench.key(Key::char('y'));
    let (to, extent) = (LoginName::new("ben"), HandoverExtent::Ward);
    assert_eq!(commands(&bench), [Command::OfferHandover { to, patients: vec![], extent, note: None }]);
}

#[test]
fn what_is_offered_to_me_is_told_selected_taken_or_refused() {
    let mut bench = with(vec![]);
    let mine = offer(1, 4, "ben", "A.Meyer");
    journal(&mut bench, 11, EventBody::HandoverOffered { handover: mine });
    assert!(bench.app.notice.as_ref().is_some_and(|n| n.text.contains("ben offers you 1 patient")));
    bench.key(Key::char('H'));
    assert_eq!(bench.app.handover.selected, Some(testing::patient_id(4)));
    bench.type_text("Y");
    assert_eq!(commands(&bench), []);
    bench.key(Key::char('y'));
    assert_eq!(commands(&bench), [Command::AcceptHandover { handover: HandoverId(1) }]);
    bench.type_text("N");
    bench.type_text("in theatre");
    bench.key(Key::plain(KeyCode::Enter));
    bench.key(Key::char('y'));
    let reason = "in theatre".parse().unwrap();
    assert_eq!(commands(&bench), [Command::DeclineHandover { handover: HandoverId(1), reason }]);
    assert_eq!(not_now(&bench, Deed::Withdraw), Some("it is somebody else's: that person or charge can"));
}

#[test]
fn nobody_takes_what_is_his_own_or_somebody_elses() {
    let mut bench = with(vec![offer(1, 1, "a.meyer", "ben"), offer(2, 2, "ben", "carla")]);
    bench.key(Key::char('H'));
    assert_eq!(not_now(&bench, Deed::Take), Some("another person has to sign"));
    assert_eq!(not_now(&bench, Deed::Give), Some("the patient is in a handover already"));
    assert_eq!(not_now(&bench, Deed::Withdraw), None);
    bench.type_text("X");
    bench.key(Key::char('y'));
    assert_eq!(commands(&bench), [Command::WithdrawHandover { handover: HandoverId(1) }]);
    bench.key(Key::char('j'));
    assert_eq!(not_now(&bench, Deed::Take), Some("it is offered to somebody else"));
    bench.key(Key::char('j'));
    assert_eq!(not_now(&bench, Deed::Take), Some("the selected patient is in no handover"));
    bench.app.session = Some(testing::session(Role::Viewer));
    assert_eq!(not_now(&bench, Deed::Give), Some("your role hands over no patients"));
}

#[test]
fn what_is_told_is_asked_for_one_at_a_time_and_scrolls_no_further_than_its_end() {
    let mut bench = with(vec![]);
    bench.key(Key::char('H'));
    let [(first, _)] = reports(&bench)[..] else { panic!("{:?}", reports(&bench)) };
    bench.key(Key::char('j'));
    assert_eq!(reports(&bench), [], "the first is not answered yet");
    bench.client(ClientEvent::HandoverReport { id: first, report: told(1) });
    assert_eq!(bench.app.told(), None, "it is about another patient");
    let [(second, patients)] = &reports(&bench)[..] else { panic!("{:?}", reports(&bench)) };
    assert_eq!(*patients, [testing::patient_id(2)]);
    bench.client(ClientEvent::HandoverReport { id: *second, report: told(2) });
    assert!(bench.app.told().is_some());
    for _ in 0..20 {
        bench.key(Key::plain(KeyCode::PageDown));
    }
    let end = bench.app.handover.scroll;
    assert!(end > 0 && end < bench.app.told_lines(80).len(), "{end}");
    bench.key(Key::plain(KeyCode::PageUp));
    assert_eq!(bench.app.handover.scroll, end - 10);
    bench.wait(61_000);
    assert_eq!(reports(&bench).len(), 0, "the link is silent");
    bench.heartbeat();
    assert_eq!(reports(&bench).len(), 1, "what is told grows old");
}

#[test]
fn a_refused_report_is_told_and_not_asked_for_at_once_again() {
    let mut bench = with(vec![]);
    bench.key(Key::char('H'));
    let [(id, _)] = reports(&bench)[..] else { panic!("{:?}", reports(&bench)) };
    bench.client(ClientEvent::Error { code: ErrorCode::Busy, detail: "busy".into(), id: Some(id) });
    assert_eq!(bench.app.handover.failed.as_deref(), Some("busy"));
    bench.wait(1_000);
    assert_eq!(reports(&bench), []);
}

#[test]
fn the_giver_hears_that_the_other_has_signed_and_a_lock_hides_what_is_told() {
    let mut bench = with(vec![offer(1, 1, "a.meyer", "ben")]);
    bench.key(Key::char('H'));
    let [(id, _)] = reports(&bench)[..] else { panic!("{:?}", reports(&bench)) };
    bench.client(ClientEvent::HandoverReport { id, report: told(1) });
    let handover = offer(1, 1, "a.meyer", "ben");
    journal(&mut bench, 11, EventBody::HandoverAccepted { handover, by: by("ben") });
    assert!(bench.app.notice.as_ref().is_some_and(|n| n.text.contains("ben has signed")));
    let owner: &Owner = &bench.app.ward.as_ref().unwrap().handovers.owners[&testing::patient_id(1)];
    assert_eq!(owner.by.label(), "ben");
    assert_eq!(reports(&bench).len(), 1, "what is told is made anew");
    let mut locked = testing::session(Role::Nurse);
    locked.state = SessionState::Locked;
    bench.key(Key::char('O'));
    bench.client(ClientEvent::Session(locked));
    assert_eq!((bench.app.told(), bench.app.dialog.clone()), (None, None));
    let end = EventBody::HandoverEnded { handover: HandoverId(7), end: HandoverEnd::Expired };
    journal(&mut bench, 12, end);
    assert_eq!(reports(&bench), [], "nothing is asked for while it is locked");
}
