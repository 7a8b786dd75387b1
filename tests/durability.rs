//! What was acknowledged is there after a kill, once; what is there is whole.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};
use support::{Server, now, pause, program, run, run_with, wait_for};
use wardwatch::{
    backend::admin::{self, AdminAnswer, AdminRequest},
    domain::{Bed, Command as WardCommand, EventBody, Millis, Timestamp, WardId, vital::SPO2},
    store::{DataFolder, StoreReader, sqlite::SqliteReader},
};

/// How often the server is killed.
const KILLS: u64 = 20;

#[derive(Default)]
struct Acknowledged {
    samples: Vec<(Timestamp, f64)>,
    beds: Vec<String>,
}

/// Sends observations until told to stop; notes what was acknowledged. Values swing through limits, so that alerts come.
fn send(server: &Server, token: &str, last: &mut Timestamp, stop: &AtomicBool, noted: &Mutex<Acknowledged>) {
    while !stop.load(SeqCst) {
        if last.since(now()) > Millis::from_secs(20) {
            pause(5);
            continue;
        }
        let value = |at: Timestamp| if at.as_ms() / 15_000 % 2 == 0 { 97.0 } else { 84.0 };
        let batch: Vec<(Timestamp, f64)> = (1..=20).map(|i| *last + Millis(i)).map(|at| (at, value(at))).collect();
        *last = *last + Millis(20);
        let body: Vec<String> = batch.iter().map(|(at, value)| support::observation("spo2", value, *at)).collect();
        let headers = [("authorization", &*format!("Bearer {token}"))];
        let body = format!("[{}]", body.join(","));
        let answer = support::try_request(server.address, "POST", "/v1/observations", &headers, body.as_bytes());
        if let Ok(answer) = answer
            && answer.status == 200
        {
            let report: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(report["accepted"], 20, "{report}");
            noted.lock().unwrap().samples.extend(batch);
        }
    }
}

/// Adds beds until told to stop; notes what was acknowledged. Each leaves an event and an audit entry.
fn add_beds(socket: &std::path::Path, kill: u64, stop: &AtomicBool, noted: &Mutex<Acknowledged>) {
    let mut n = 0;
    while !stop.load(SeqCst) {
        let id = format!("bed-{kill}-{n}");
        n += 1;
        let command = WardCommand::SetBed { bed: Bed { id: id.parse().unwrap(), label: id.clone() } };
        let request = AdminRequest::Command { ward: "w".parse().unwrap(), command };
        if let Ok(Some(AdminAnswer::Done)) = admin::ask(socket, &request) {
            noted.lock().unwrap().beds.push(id);
        }
    }
}

/// Everything that was acknowledged is there, once, and the journal and the trail are whole. Of the samples, those from
/// `from` on are looked up.
fn check(folder: &DataFolder, noted: &Acknowledged, from: usize) {
    let reader = SqliteReader::open(folder).unwrap();
    let device = "d1".parse().unwrap();
    for (at, value) in &noted.samples[from..] {
        let stored = reader.sample(&device, SPO2, *at).unwrap();
        assert_eq!(stored.map(|s| s.value), Some(*value), "the sample of {at} was acknowledged");
    }
    let ward: WardId = "w".parse().unwrap();
    let events = reader.events_after(&ward, 0, 1_000_000).unwrap();
    let seqs: Vec<u64> = events.iter().map(|e| e.seq).collect();
    assert_eq!(seqs, (1..=reader.head(&ward).unwrap()).collect::<Vec<_>>(), "the journal has no gap");
    let mut beds = BTreeSet::new();
    for event in &events {
        if let EventBody::BedSet { bed, .. } = &event.event.body {
            assert!(beds.insert(bed.id.to_string()), "{} is there twice", bed.id);
        }
    }
    let mut entries = BTreeMap::<String, usize>::new();
    reader
        .each_leaf(0, &mut |leaf| {
            let text = String::from_utf8(leaf.bytes).unwrap();
            if let Some((_, rest)) = text.split_once("\"bed\":\"") {
                *entries.entry(rest.split('"').next().unwrap().to_owned()).or_default() += 1;
            }
            true
        })
        .unwrap();
    for bed in &noted.beds {
        assert!(beds.contains(bed), "{bed} was acknowledged");
        assert_eq!(entries.get(bed), Some(&1), "{bed} has one audit entry");
    }
}

#[test]
fn twenty_kills_lose_nothing_acknowledged_and_double_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = Server::start(&data);
    let token = server.small_ward();
    let folder = DataFolder::open(&data).unwrap();
    let noted = Arc::new(Mutex::new(Acknowledged::default()));
    let mut last = now();
    let mut checked = 0;
    for kill in 0..KILLS {
        let stop = AtomicBool::new(false);
        // The times differ, so that the kill falls into every part of a commit.
        let alive_ms = 60 + (kill * 7_919) % 340;
        std::thread::scope(|scope| {
            let (server, noted, stop, token) = (&server, &noted, &stop, &token);
            let socket = folder.admin_socket();
            let last = &mut last;
            scope.spawn(move || send(server, token, last, stop, noted));
            scope.spawn(move || add_beds(&socket, kill, stop, noted));
            pause(alive_ms);
            server.signal("KILL");
            stop.store(true, SeqCst);
        });
        drop(server);
        let verified = run_with("", &["audit", "verify", "--data", data.to_str().unwrap()]);
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
        server = Server::start(&data);
        let noted = noted.lock().unwrap();
        check(&folder, &noted, checked);
        checked = noted.samples.len();
    }
    let noted = noted.lock().unwrap();
    check(&folder, &noted, 0);
    println!("{KILLS} kills, {} samples and {} commands acknowledged", noted.samples.len(), noted.beds.len());
    assert!(noted.samples.len() > 100 && noted.beds.len() > 20, "the test must have done something");
    server.stop();
    let trail = run(&["audit", "verify", "--data", data.to_str().unwrap()]);
    assert!(trail.starts_with("good: "), "{trail}");
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data);
    let args = ["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    let second = run_with("", &args);
    assert_eq!(second.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another wardwatch uses the data folder"));
    server.stop();
    let other = ["serve", "--mode", "live", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    let other = run_with("", &other);
    assert!(String::from_utf8_lossy(&other.stderr).contains("is demo, not live"));
}

#[test]
fn plain_text_stays_on_loopback() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let output = run_with("", &["serve", "--listen", "0.0.0.0:0", "--data", data.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--insecure-listen"));
    assert!(!data.exists(), "nothing was made");
    Server::start_with(&data, &["--insecure-listen"]).stop();
}

/// A disk that takes no more, made by a bound on the size of files: nothing is acknowledged, the server says so, and what
/// was acknowledged before is there after a restart.
#[test]
fn a_disk_that_takes_no_more_stops_acknowledging_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let token = {
        let server = Server::start(&data);
        let token = server.small_ward();
        server.stop();
        token
    };
    let exe = program().get_program().to_owned();
    let mut command = Command::new("sh");
    // 512-byte blocks: about 1 MB.
    command.arg("-c").arg("ulimit -f 2000; exec \"$0\" serve --listen 127.0.0.1:0 --data \"$1\"").arg(exe).arg(&data);
    let server = Server::spawn(&mut command, &data);
    let noted = Mutex::new(Acknowledged::default());
    let headers = [("authorization", &*format!("Bearer {token}"))];
    let base = now();
    let mut n = 0;
    let refused = wait_for("the disk to be full", || {
        let batch: Vec<(Timestamp, f64)> = (0..500).map(|i| (base + Millis(n + i), 97.0)).collect();
        n += 500;
        let body: Vec<String> = batch.iter().map(|(at, v)| support::observation("spo2", v, *at)).collect();
        let body = format!("[{}]", body.join(","));
        let answer = support::request(server.address, "POST", "/v1/observations", &headers, body.as_bytes());
        if answer.status == 200 {
            noted.lock().unwrap().samples.extend(batch);
            return None;
        }
        Some(answer)
    });
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.json()["type"], "urn:wardwatch:problem:unrecorded");
    let ready = wait_for("the server to say so", || {
        let ready = support::request(server.address, "GET", "/readyz", &[], b"");
        (ready.status == 503).then_some(ready)
    });
    assert_eq!(ready.json()["store"], "unrecorded");
    assert_eq!(support::request(server.address, "GET", "/healthz", &[], b"").status, 200, "it lives");
    server.kill();
    let server = Server::start(&data);
    let noted = noted.into_inner().unwrap();
    assert!(!noted.samples.is_empty());
    check(&DataFolder::open(&data).unwrap(), &noted, 0);
    server.stop();
}
