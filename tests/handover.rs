//! Handing patients over with a real server: offered by one, taken by another, through a kill, told and exported.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use support::{Server, now, observation, program, stream::Stream};
use wardwatch::{
    domain::{Command, EventBody, HandoverExtent, HandoverId, LoginName, Mode},
    protocol::{ClientMessage, ErrorCode, ServerMessage},
    store::StoreReader,
};

/// Runs the program as somebody who is signed in; gives what it prints and what it complains of.
fn run_as(server: &Server, who: &str, args: &[&str]) -> (bool, String, String) {
    let token = server.login(who);
    let to = format!("http://{}", server.address);
    let output = program().args(args).args(["--to", &to, "--token-file", token.to_str().unwrap()]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

fn done(server: &Server, who: &str, args: &[&str]) -> String {
    let (is_done, out, complaint) = run_as(server, who, args);
    assert!(is_done, "{who} {args:?}: {out}{complaint}");
    out
}

fn refused(server: &Server, who: &str, args: &[&str]) -> String {
    let (is_done, out, complaint) = run_as(server, who, args);
    assert!(!is_done, "{who} {args:?} was done: {out}");
    complaint
}

/// The audit entries of an act: who, about which patient and handover, and how it went.
fn audit(server: &Server, act: &str) -> Vec<(String, String, u64, String)> {
    let leaves = server.reader().leaves(0, 10_000).unwrap();
    let leaves = leaves.iter().map(|row| serde_json::from_str::<serde_json::Value>(&row.leaf).unwrap());
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    leaves
        .filter(|leaf| leaf["act"] == act)
        .map(|leaf| {
            let handover = leaf["handover"].as_u64().unwrap_or_default();
            (text(&leaf["actor"]["user"]), text(&leaf["patient"]), handover, text(&leaf["outcome"]))
        })
        .collect()
}

#[test]
fn one_offers_a_kill_keeps_it_another_takes_it_and_both_are_in_the_audit_trail() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    let device = server.small_ward();
    for (name, role) in [("anna", "nurse"), ("ben", "nurse"), ("vera", "viewer")] {
        server.token(name, role);
    }
    let body = observation("nbp_mean", 40, now());
    assert_eq!(server.request("POST", "/v1/observations", &device, body.as_bytes()).json()["accepted"], 1);
    // Nobody owns the patient yet: anna takes the ward into a handover.
    let offered = done(&server, "anna", &["handover", "offer", "ben", "--all", "--note", "mind the \u{1b}[31mpump"]);
    assert!(offered.contains("handover 1: anna to ben") && offered.contains("patient p1"), "{offered}");
    assert!(offered.starts_with("DEMO") && !offered.contains('\u{1b}'), "{offered}");
    server.kill();
    let server = Server::start(&data);
    let own = refused(&server, "anna", &["handover", "accept", "1"]);
    assert!(own.contains("nobody can take his or her own handover"), "{own}");
    let nobody = refused(&server, "anna", &["handover", "offer", "nemo", "--all"]);
    assert!(nobody.contains("there is no user nemo"), "{nobody}");
    let viewer = refused(&server, "anna", &["handover", "offer", "vera", "--all"]);
    assert!(viewer.contains("there is no user vera who could take alerts or patients"), "{viewer}");
    refused(&server, "vera", &["handover", "accept", "1"]);
    let list = done(&server, "ben", &["handover", "list"]);
    assert!(list.contains("handover 1: anna to ben") && list.contains("with NOBODY"), "{list}");
    let taken = done(&server, "ben", &["handover", "accept", "1"]);
    assert!(taken.contains("signed by anna") && taken.contains("and now by ben"), "{taken}");
    let list = done(&server, "ben", &["handover", "list"]);
    assert!(list.contains("no open handover") && list.contains("patient p1  with ben"), "{list}");

    let offers = audit(&server, "handover.offer");
    let accepts = audit(&server, "handover.accept");
    let good: Vec<_> = offers.iter().filter(|entry| entry.3 == "success").collect();
    assert_eq!(good.len(), 1, "{offers:?}");
    assert_eq!((good[0].1.as_str(), good[0].2), ("p1", 1));
    let [own, taken] = accepts.as_slice() else { panic!("{accepts:?}") };
    assert_eq!((own.2, own.3.as_str(), own.0 == good[0].0), (1, "refused", true), "{accepts:?}");
    assert_eq!((taken.1.as_str(), taken.2, taken.3.as_str()), ("p1", 1, "success"));
    assert_ne!(taken.0, good[0].0, "two people");
    server.run(&["audit", "verify"]);
    let journal = server.reader().events_after(&"w".parse().unwrap(), 0, 10_000).unwrap();
    let signed = journal.iter().find_map(|e| match &e.event.body {
        EventBody::HandoverAccepted { handover, by } => Some((handover.from.label().to_owned(), by.label().to_owned())),
        _ => None,
    });
    assert_eq!(signed, Some(("anna".to_owned(), "ben".to_owned())));
}

#[test]
fn what_is_told_is_exported_in_both_forms_and_reading_it_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let device = server.small_ward();
    server.token("anna", "nurse");
    server.token("oskar", "ops");
    let body = observation("nbp_mean", 40, now());
    assert_eq!(server.request("POST", "/v1/observations", &device, body.as_bytes()).json()["accepted"], 1);
    let text = done(&server, "anna", &["handover", "show"]);
    for wanted in ["DEMO", "Situation", "Background", "Assessment", "Recommendation", "NOBODY owns", "*** ", "NEWS2"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let markdown = done(&server, "anna", &["handover", "show", "--patient", "p1", "--format", "markdown"]);
    assert!(markdown.starts_with("**DEMO") && markdown.contains("### Situation\n\n- "), "{markdown}");
    let json = done(&server, "anna", &["handover", "show", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["mode"], &json["patients"][0]["patient"]), (&"demo".into(), &"p1".into()));
    assert_eq!(audit(&server, "handover.view").len(), 3);
    let unknown = refused(&server, "anna", &["handover", "show", "--patient", "p9"]);
    assert!(unknown.contains("p9"), "{unknown}");
    refused(&server, "oskar", &["handover", "show"]);
    assert_eq!(audit(&server, "handover.view").len(), 3);
}

fn ask(terminal: &mut Stream, id: u64, command: Command) -> ServerMessage {
    terminal.say(&ClientMessage::Command { id, ward: "w".parse().unwrap(), command });
    terminal.answer()
}

#[test]
fn a_terminal_sees_the_offer_come_and_be_declined_and_a_note_only_with_names() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    let (mut anna, _, view) = Stream::watch(&server, &server.token("anna", "nurse"));
    assert_eq!((view.mode, view.handovers.open.len()), (Mode::Demo, 0));
    let (mut ben, _, _) = Stream::watch(&server, &server.token("ben", "doctor"));
    let offer = Command::OfferHandover {
        to: LoginName::new("BEN"),
        patients: vec!["p1".parse().unwrap()],
        extent: HandoverExtent::Part,
        note: Some("Okafor wants his wife told".parse().unwrap()),
    };
    assert!(matches!(ask(&mut anna, 1, offer.clone()), ServerMessage::Result { done: true, .. }));
    let EventBody::HandoverOffered { handover } = ben.event().event.body else { panic!("no offer") };
    assert_eq!((handover.to.as_str(), handover.from.label()), ("ben", "anna"));
    let (_ops, _, view) = Stream::watch(&server, &server.token("oskar", "ops"));
    assert_eq!(view.handovers.open.iter().map(|open| open.note.clone()).collect::<Vec<_>>(), [None]);
    let again = ask(&mut anna, 2, offer);
    assert!(matches!(again, ServerMessage::Result { done: false, refusal: Some(_), .. }), "{again:?}");
    let decline = Command::DeclineHandover { handover: HandoverId(1), reason: "in theatre".parse().unwrap() };
    assert!(matches!(ask(&mut ben, 1, decline), ServerMessage::Result { done: true, .. }));
    let report =
        ClientMessage::HandoverReport { id: 7, ward: "w".parse().unwrap(), patients: vec!["p9".parse().unwrap()] };
    ben.say(&report);
    let answer = ben.answer();
    assert!(matches!(answer, ServerMessage::Error { code: ErrorCode::Denied, .. }), "{answer:?}");
}
