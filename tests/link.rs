//! The project's own client against a real server that is stopped, killed and set back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::{path::Path, process::Command, sync::Arc};
use support::Server;
use tokio::{
    sync::mpsc::{Receiver, Sender},
    time::{Duration, timeout},
};
use wardwatch::{
    access::Secret,
    client::{ClientEvent, ClientRequest, LinkOptions, TrailMemory, start},
    domain::{AlertId, Command as WardCommand, Refusal},
    protocol::{Encoding, StoreState},
    seam::OsEntropy,
    store::StoreReader,
};

/// Longest wait for anything, in seconds; a link that is silent is cut after 10.
const PATIENCE_S: u64 = 40;

/// A link and what it has told of the journal.
struct Heard {
    requests: Sender<ClientRequest>,
    events: Receiver<ClientEvent>,
    /// The first snapshot's number, then each number that came as an event or was skipped.
    first: Option<u64>,
    numbers: Vec<u64>,
    lost: usize,
}

impl Heard {
    fn start(server: &Server, token: &str, encoding: Encoding) -> Self {
        let options = LinkOptions {
            without_ward: false,
            emergency: None,
            endpoint: server.url().parse().unwrap(),
            token: Secret::new(token.to_owned()),
            token_file: None,
            ward: None,
            patients: None,
            encoding,
            memory: TrailMemory::default(),
        };
        let (requests, events) = start(options, Arc::new(OsEntropy));
        Self { requests, events, first: None, numbers: Vec::new(), lost: 0 }
    }

    /// Takes in what the link tells until something comes.
    async fn until<T>(&mut self, what: &str, mut found: impl FnMut(&ClientEvent) -> Option<T>) -> T {
        let all = async {
            loop {
                let event = self.events.recv().await.unwrap_or_else(|| panic!("the link ended: {what}"));
                match &event {
                    ClientEvent::Snapshot { seq, .. } => {
                        self.first.get_or_insert(*seq);
                    }
                    ClientEvent::Event(event) => self.numbers.push(event.seq),
                    ClientEvent::Skipped { from, to } => self.numbers.extend(*from..=*to),
                    ClientEvent::Disconnected { .. } => self.lost += 1,
                    _ => {}
                }
                if let Some(found) = found(&event) {
                    return found;
                }
            }
        };
        timeout(Duration::from_secs(PATIENCE_S), all).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    async fn snapshot(&mut self) -> u64 {
        let snapshot = |e: &ClientEvent| if let ClientEvent::Snapshot { seq, .. } = e { Some(*seq) } else { None };
        self.until("a snapshot", snapshot).await
    }

    async fn lost(&mut self) {
        self.until("the cut", |e| matches!(e, ClientEvent::Disconnected { .. }).then_some(())).await;
    }

    /// Waits until the link has told of everything up to what is now the end of the journal, and heartbeats know of it.
    async fn caught_up(&mut self, server: &Server) -> u64 {
        let end = server.reader().head(&"w".parse().unwrap()).unwrap();
        let head = |e: &ClientEvent| if let ClientEvent::Heartbeat { head, .. } = e { Some(*head) } else { None };
        for _ in 0..PATIENCE_S {
            // Heartbeats that were sent before are still to be heard.
            let head = self.until("a heartbeat", head).await;
            if head >= end && self.numbers.last().copied().or(self.first) == Some(head) {
                return head;
            }
        }
        panic!("not all was told: {:?}", self.numbers);
    }

    fn has_no_gap(&self) {
        let first = self.first.unwrap() + 1;
        let expected: Vec<u64> = (first..).take(self.numbers.len()).collect();
        assert_eq!(self.numbers, expected, "each entry once and in order");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_somebody_changed_meanwhile_is_read_from_its_file_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    let file = server.user("anna", "nurse");
    let first = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    let body = serde_json::json!({ "passphrase": support::PASSPHRASE }).to_string();
    let proven = server.request("POST", "/v1/step-up", &first, body.as_bytes());
    let second = proven.json()["token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    server.request("POST", "/v1/logout", &second, b"");
    let options = LinkOptions {
        emergency: None,
        without_ward: false,
        endpoint: server.url().parse().unwrap(),
        token: Secret::new(second),
        token_file: Some(server.login("anna")),
        ward: None,
        patients: None,
        encoding: Encoding::Json,
        memory: TrailMemory::default(),
    };
    let (requests, events) = start(options, Arc::new(OsEntropy));
    let mut heard = Heard { requests, events, first: None, numbers: Vec::new(), lost: 0 };
    heard.snapshot().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_that_names_another_person_by_now_signs_the_screen_out() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    let (anna, ben) = (server.token("anna", "nurse"), server.token("ben", "charge"));
    let file = dir.path().join("token");
    std::fs::write(&file, &anna).unwrap();
    let options = LinkOptions {
        emergency: None,
        without_ward: false,
        endpoint: server.url().parse().unwrap(),
        token: Secret::new(anna.clone()),
        token_file: Some(file.clone()),
        ward: None,
        patients: None,
        encoding: Encoding::Json,
        memory: TrailMemory::default(),
    };
    let (requests, events) = start(options, Arc::new(OsEntropy));
    let mut heard = Heard { requests, events, first: None, numbers: Vec::new(), lost: 0 };
    heard.snapshot().await;
    std::fs::write(&file, &ben).unwrap();
    server.request("POST", "/v1/logout", &anna, b"");
    let end = |event: &ClientEvent| match event {
        ClientEvent::Refused { why } => Some(why.clone()),
        ClientEvent::Connected(hello) => Some(format!("went on as {}", hello.session.user)),
        _ => None,
    };
    let why = heard.until("the end", end).await;
    assert!(why.starts_with("the token file names ben now, and no longer anna"), "{why}");
    assert_eq!(heard.events.recv().await, None, "it does not try again");
}

fn add_beds(server: &Server, of: &str, count: usize) {
    (0..count).for_each(|n| server.add_bed(&format!("{of}-{n}")));
}

#[tokio::test]
async fn a_link_goes_on_by_itself_after_a_stop_and_after_kills() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    server.small_ward();
    let token = server.token("anna", "nurse");
    let mut links = [Encoding::MessagePack, Encoding::Json].map(|e| Heard::start(&server, &token, e));
    for link in &mut links {
        link.snapshot().await;
    }
    add_beds(&server, "before", 5);
    server.signal("STOP");
    for link in &mut links {
        link.lost().await;
    }
    server.signal("CONT");
    add_beds(&server, "stopped", 5);
    for link in &mut links {
        link.snapshot().await;
        link.caught_up(&server).await;
    }
    let address = server.address;
    let mut server = server;
    for round in 0..3 {
        // Some events are under way when it is killed, some happen before the link is back.
        add_beds(&server, &format!("dying-{round}"), 5);
        server.kill();
        server = Server::start_at(&data, address);
        add_beds(&server, &format!("new-{round}"), 5);
        for link in &mut links {
            link.snapshot().await;
        }
    }
    for link in &mut links {
        let head = link.caught_up(&server).await;
        assert!(head >= link.first.unwrap() + 5 + 5 + 30, "{head}");
        link.has_no_gap();
        assert!(link.lost >= 4, "{}", link.lost);
    }
}

#[tokio::test]
async fn a_link_asks_hears_the_answer_and_ends_with_its_session() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    let token = server.token("anna", "nurse");
    let mut link = Heard::start(&server, &token, Encoding::MessagePack);
    link.snapshot().await;
    let command = WardCommand::Acknowledge { alert: AlertId(7), transition: 1 };
    link.requests.send(ClientRequest::Command { id: 3, command }).await.unwrap();
    let answer = |e: &ClientEvent| match e {
        ClientEvent::Result { id, done, refusal } => Some((*id, *done, refusal.clone())),
        _ => None,
    };
    let refusal = Some(Refusal::NotOpen { alert: AlertId(7) });
    assert_eq!(link.until("the answer", answer).await, (3, false, refusal));
    let store = |e: &ClientEvent| if let ClientEvent::Heartbeat { store, .. } = e { Some(*store) } else { None };
    assert_eq!(link.until("a heartbeat", store).await, StoreState::Recording);
    server.run(&["user", "disable", "anna"]);
    let refused = |e: &ClientEvent| if let ClientEvent::Refused { why } = e { Some(why.clone()) } else { None };
    let why = link.until("the end", refused).await;
    assert!(why.contains("sign in again"), "{why}");
    assert_eq!(link.events.recv().await, None, "it does not try again");
    let mut again = Heard::start(&server, &token, Encoding::Json);
    assert!(again.until("the refusal", refused).await.contains("not valid"));
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// A data folder that was restored from a backup has a shorter journal: what happens from then on must be told.
#[tokio::test]
async fn a_link_is_not_deaf_after_the_data_were_set_back() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backup) = (dir.path().join("data"), dir.path().join("backup"));
    let server = Server::start(&data);
    server.small_ward();
    let token = server.token("anna", "nurse");
    let address = server.address;
    server.stop();
    copy(&data, &backup);
    let server = Server::start_at(&data, address);
    let mut link = Heard::start(&server, &token, Encoding::MessagePack);
    link.snapshot().await;
    add_beds(&server, "lost", 20);
    link.caught_up(&server).await;
    server.kill();
    let server = Server::start_at(&backup, address);
    let set_back = link.snapshot().await;
    assert!(set_back < *link.numbers.last().unwrap());
    link.numbers.clear();
    link.first = Some(set_back);
    add_beds(&server, "since", 3);
    assert!(link.caught_up(&server).await >= set_back + 3);
    link.has_no_gap();
}
