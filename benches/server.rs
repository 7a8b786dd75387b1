//! What a server takes: durable samples a second over HTTP, and the time from an observation to its event at a terminal.
//!
//! Server and senders share the machine's cores. Figures are printed, never asserted.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::missing_docs_in_private_items,
    reason = "a benchmark fails by panicking"
)]

#[path = "../tests/support/mod.rs"]
mod support;

mod allocator;

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
};
use support::{Server, now, pause};
use wardwatch::{
    access::Secret,
    backend::admin::{self, AdminAnswer, AdminRequest},
    client::{self, ClientEvent, LinkOptions},
    domain::{
        Assignment, Bed, Category, Cause, Command, Desired, Device, DeviceKind, EventBody, Millis, Patient, PersonName,
        Timestamp, Ward,
    },
    protocol::Encoding,
    seam::{Clock, OsClock, OsEntropy},
};

/// How long each figure is measured, in milliseconds.
const MEASURE_MS: u64 = 4_000;

/// A keep-alive connection that posts bodies.
struct Poster {
    stream: TcpStream,
    head: String,
    buffer: Vec<u8>,
}

impl Poster {
    fn new(address: SocketAddr, token: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let head = format!("POST /v1/observations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n");
        Self { stream, head, buffer: vec![0; 64 * 1024] }
    }

    /// Posts and waits for the answer; says whether all was accepted.
    fn post(&mut self, body: &str, samples: usize) -> bool {
        let request = format!("{}content-length: {}\r\n\r\n{body}", self.head, body.len());
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut got = 0;
        loop {
            let n = self.stream.read(&mut self.buffer[got..]).unwrap();
            assert!(n > 0, "the server closed the connection");
            got += n;
            let text = std::str::from_utf8(&self.buffer[..got]).unwrap();
            if let Some((head, answer)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
                if answer.len() >= length.unwrap().parse::<usize>().unwrap() {
                    return answer.starts_with(&format!("{{\"accepted\":{samples},"));
                }
            }
        }
    }
}

/// Ward `w` with so many patients, each with a monitor behind gateway `gw`; gives the gateway's token.
fn ward(server: &Server, patients: usize) -> String {
    let device = |id: String, kind, gateway: Option<&str>| Device {
        id: id.parse().unwrap(),
        name: id,
        kind,
        gateway: gateway.map(|g| g.parse().unwrap()),
        intervals_ms: BTreeMap::new(),
        desired: Desired::default(),
    };
    let commands = (0..patients).flat_map(|i| {
        let bed = Bed { id: format!("b{i:04}").parse().unwrap(), label: i.to_string() };
        let patient = Patient {
            id: format!("p{i:04}").parse().unwrap(),
            name: PersonName::default(),
            category: Category::Adult,
            birth_year: None,
            note: PersonName::default(),
        };
        let assignment = Assignment {
            device: format!("d{i:04}").parse().unwrap(),
            patient: patient.id.clone(),
            start: now(),
            end: None,
        };
        [
            Command::SetBed { bed: bed.clone() },
            Command::Admit { patient, bed: bed.id, encounter: format!("e{i}").parse().unwrap() },
            Command::SetDevice { device: device(format!("d{i:04}"), DeviceKind::Monitor, Some("gw")) },
            Command::Assign { assignment },
        ]
    });
    let request = AdminRequest::Provision {
        ward: Ward { id: "w".parse().unwrap(), name: "Ward".into(), time_zone: "UTC".parse().unwrap() },
        gateway: device("gw".into(), DeviceKind::Gateway, None),
        commands: commands.collect(),
    };
    match admin::ask(&server.data.join("admin.sock"), &request).unwrap() {
        Some(AdminAnswer::Token { token }) => token,
        other => panic!("{other:?}"),
    }
}

const VITALS: [(&str, u32); 4] = [("hr", 72), ("spo2", 97), ("rr", 15), ("pulse", 72)];

/// `samples` observations from `at` on: four vitals of `devices` devices from number `first` on, then a millisecond later
/// the same again.
fn body(first: usize, devices: usize, samples: usize, at: Timestamp) -> String {
    let item = |n: usize| {
        let (vital, value) = VITALS[n % 4];
        let device = first + (n / 4) % devices;
        let at = at + Millis((n / (4 * devices)) as i64);
        format!(r#"{{"device":"d{device:04}","vital":"{vital}","value":{value},"observed_at":"{at}"}}"#)
    };
    let items: Vec<String> = (0..samples).map(item).collect();
    if samples == 1 { items[0].clone() } else { format!("[{}]", items.join(",")) }
}

/// CPU time that a process has used, in seconds.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// Durable samples a second with so many connections and samples a request, and the server's CPU time for a sample in
/// microseconds.
fn throughput(connections: usize, samples: usize) -> (f64, f64) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let devices = (samples / 4).clamp(1, 64);
    let token = ward(&server, connections * devices);
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let clock = OsClock;
    let measured = std::thread::scope(|scope| {
        for connection in 0..connections {
            let (server, token, stop, done) = (&server, &token, &stop, &done);
            scope.spawn(move || {
                let mut poster = Poster::new(server.address, token);
                let mut at = now();
                let step = Millis(samples.div_ceil(4 * devices) as i64);
                let mut bodies = Vec::new();
                while !stop.load(SeqCst) {
                    // Bodies are made ahead, so that their making is a small part of what is measured.
                    if bodies.is_empty() {
                        for _ in 0..16 {
                            bodies.push(body(connection * devices, devices, samples, at));
                            at = at + step;
                        }
                        bodies.reverse();
                    }
                    assert!(poster.post(&bodies.pop().unwrap(), samples), "a sample was not accepted");
                    done.fetch_add(samples as u64, SeqCst);
                    assert!(at.since(now()) < Millis::from_secs(25), "stamps run ahead of the clock: use more devices");
                }
            });
        }
        pause(500);
        let (from, began, cpu) = (done.load(SeqCst), clock.boot_micros(), cpu_seconds(server.pid()));
        pause(MEASURE_MS);
        let (to, ended, cpu_after) = (done.load(SeqCst), clock.boot_micros(), cpu_seconds(server.pid()));
        stop.store(true, SeqCst);
        let taken = (to - from) as f64;
        (taken / ((ended - began) as f64 / 1e6), (cpu_after - cpu) * 1e6 / taken)
    });
    server.stop();
    measured
}

/// Milliseconds from sending an observation that clears or raises an alert to its event at a terminal, sorted.
fn latencies(rate_per_s: usize) -> (Vec<f64>, f64) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let token = ward(&server, 30);
    let session = std::fs::read_to_string(server.user("anna", "nurse")).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let clock = OsClock;
    let sent_at = Arc::new(std::sync::Mutex::new(std::collections::HashMap::<Timestamp, u64>::new()));
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let options = LinkOptions {
        without_ward: false,
        emergency: None,
        endpoint: server.url().parse().unwrap(),
        token: Secret::new(session.trim().to_owned()),
        token_file: None,
        ward: None,
        patients: None,
        encoding: Encoding::MessagePack,
        memory: client::TrailMemory::default(),
    };
    let (requests, mut events) = runtime.block_on(async { client::start(options, Arc::new(OsEntropy)) });
    let (sent, noted) = (sent_at.clone(), seen.clone());
    runtime.spawn(async move {
        while let Some(event) = events.recv().await {
            let ClientEvent::Event(event) = event else { continue };
            // A cuff pressure has no delay: the value itself raises the alert, which carries its time.
            if let EventBody::Alert { cause: Cause::Raised, alert, .. } = &event.event.body
                && let Some(began) = sent.lock().unwrap().remove(&alert.since)
            {
                noted.lock().unwrap().push((OsClock.boot_micros() - began) as f64 / 1000.0);
            }
        }
    });
    pause(500);
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let began = clock.boot_micros();
    std::thread::scope(|scope| {
        // Background: the rate in requests of 60 samples from 10 connections.
        for connection in 0..10_usize {
            let (server, token, stop, done) = (&server, &token, &stop, &done);
            scope.spawn(move || {
                let mut poster = Poster::new(server.address, token);
                let period_us = 60 * 10 * 1_000_000 / rate_per_s as u64;
                let mut due = clock.boot_micros();
                while !stop.load(SeqCst) {
                    assert!(poster.post(&body(connection, 1, 60, now()), 60));
                    done.fetch_add(60, SeqCst);
                    due += period_us;
                    let wait = due.saturating_sub(clock.boot_micros()) / 1000;
                    if wait > 0 {
                        pause(wait);
                    }
                }
            });
        }
        let mut poster = Poster::new(server.address, &token);
        for n in 0..300_usize {
            let device = 10 + n % 20;
            let low = (n / 20) % 2 == 0;
            let at = now();
            let value = if low { 60 } else { 120 };
            let item = format!(r#"{{"device":"d{device:04}","vital":"nbp_sys","value":{value},"observed_at":"{at}"}}"#);
            if low {
                sent_at.lock().unwrap().insert(at, clock.boot_micros());
            }
            poster.post(&item, 1);
            // Long enough for the alert to end by its clear delay before the next round.
            pause(if n % 20 == 19 { 5_200 } else { 10 });
            if n >= 99 {
                break;
            }
        }
        stop.store(true, SeqCst);
    });
    let rate = done.load(SeqCst) as f64 / ((clock.boot_micros() - began) as f64 / 1e6);
    pause(300);
    let mut all = seen.lock().unwrap().clone();
    all.sort_by(f64::total_cmp);
    drop(requests);
    server.stop();
    (all, rate)
}

fn at(sorted: &[f64], share: f64) -> f64 {
    let index = ((sorted.len() as f64 - 1.0) * share).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// `cargo bench --bench server -- 1000 latency` measures these alone.
fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    println!("durable samples/s over HTTP (server and senders on the same cores)");
    println!(
        "{:>10} {:>12} {:>12} {:>12} {:>8} {:>16}",
        "a request", "connections", "samples/s", "aim", "ratio", "server us/sample"
    );
    for (samples, connections, aim) in [(1, 64, 20_000.0), (100, 16, 200_000.0), (1_000, 8, 500_000.0)] {
        if !is_wanted(&samples.to_string()) {
            continue;
        }
        let (rate, cost) = throughput(connections, samples);
        println!("{samples:>10} {connections:>12} {rate:>12.0} {aim:>12.0} {:>8.2} {cost:>16.2}", rate / aim);
    }
    if !is_wanted("latency") {
        return;
    }
    let (sorted, rate) = latencies(6_000);
    println!("observation to websocket event at {rate:.0} samples/s, {} events", sorted.len());
    println!(
        "  p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms (aim: p99 at most 20 ms)",
        at(&sorted, 0.5),
        at(&sorted, 0.99),
        at(&sorted, 1.0)
    );
}
