//! A ward that no terminal watches, with a real server.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use support::{Server, stream::Stream, wait_for};
use wardwatch::{
    domain::{Cause, EventBody, SequencedEvent},
    protocol::{ClientMessage, Encoding},
    store::StoreReader,
};

/// A server in live mode that misses watchers after a second.
fn start(dir: &Path) -> Server {
    let config = dir.join("wardwatch.toml");
    std::fs::write(&config, "[alarm]\nno_watcher_s = 1\n").unwrap();
    Server::start_with(&dir.join("data"), &["--mode", "live", "--config", config.to_str().unwrap()])
}

/// The moves of `ward.no_watcher`.
fn moves(server: &Server) -> Vec<Cause> {
    let moved = |e: SequencedEvent| match e.event.body {
        EventBody::Alert { cause, alert, .. } if alert.key.code.to_string() == "ward.no_watcher" => Some(cause),
        _ => None,
    };
    server.reader().events_after(&"w".parse().unwrap(), 0, 10_000).unwrap().into_iter().filter_map(moved).collect()
}

fn wait_for_moves(server: &Server, expected: &[Cause]) {
    wait_for("the alert to move", || (moves(server).len() >= expected.len()).then_some(()));
    assert_eq!(moves(server), expected);
}

#[test]
fn a_ward_that_no_terminal_watches_is_told_until_one_does() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path());
    server.small_ward();
    let token = server.token("anna", "nurse");
    let mut told = vec![Cause::Raised];
    wait_for_moves(&server, &told);
    // Whoever looks at one patient does not watch the ward.
    let (mut one, _) = Stream::greet(&server, &token, Encoding::Json);
    one.say(&ClientMessage::Subscribe {
        ward: "w".parse().unwrap(),
        patients: Some(vec!["p1".parse().unwrap()]),
        after: None,
    });
    one.snapshot();
    let (terminal, _, _) = Stream::watch(&server, &token);
    told.push(Cause::Cleared);
    wait_for_moves(&server, &told);
    let second = Stream::watch(&server, &token);
    drop(second);
    drop(terminal);
    told.push(Cause::Raised);
    wait_for_moves(&server, &told);
    // It stands over a kill; a terminal that comes then ends it.
    server.kill();
    let server = start(dir.path());
    let token = std::fs::read_to_string(server.login("anna")).unwrap();
    assert_eq!(moves(&server), told, "nothing but a terminal ends it");
    let _terminal = Stream::watch(&server, token.trim());
    told.push(Cause::Cleared);
    wait_for_moves(&server, &told);
}
