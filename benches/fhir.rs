//! What FHIR costs: to decode one Observation (read, check every element, find its values and what it is found by), and from
//! a POST to the answer that says that it is durable. Figures are printed, never asserted.
//!
//! `cargo bench --bench fhir` decodes only; with `WARDWATCH_BENCH_SERVER=1` it starts a server too and sends batches to it.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    reason = "a benchmark fails by panicking"
)]

mod allocator;
mod core_time;

use core_time::core_time;
use std::{
    hint::black_box,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    time::Duration,
};
use wardwatch::{
    domain::{Timestamp, VitalTable},
    ingest::fhir::{FhirRules, VitalCodes, decode},
    seam::{Clock, OsClock},
};

/// So much of a core's time is measured.
const MEASURED: Duration = Duration::from_secs(3);
/// Resources between two looks at the clock.
const ROUND: u32 = 1_000;
/// Batches that are sent, and entries of one.
const BATCHES: usize = 20;
const ENTRIES: usize = 500;

fn observation(at: Timestamp, value: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}}]}},"subject":{{"reference":"Patient/p1"}},"effectiveDateTime":"{at}","valueQuantity":{{"value":{value},"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}}}"#
    )
}

fn decoding() {
    let codes = VitalCodes::new(&VitalTable::builtin());
    let text = observation("2026-03-01T10:00:00Z".parse().unwrap(), "72.0");
    let rules = FhirRules { codes: &codes, oldest: Timestamp::MIN, patient_systems: &[], came: None };
    let resource = decode(text.as_bytes(), rules).unwrap();
    assert_eq!(resource.said.unwrap().values.len(), 1, "the value is read");
    let began = core_time();
    let mut done = 0_u32;
    while core_time() - began < MEASURED {
        for _ in 0..ROUND {
            black_box(decode(black_box(text.as_bytes()), rules).unwrap());
        }
        done += ROUND;
    }
    let each = (core_time() - began).as_secs_f64() * 1e9 / f64::from(done);
    println!("{} bytes: {each:.0} ns an Observation, {:.0} Observations/s on one core", text.len(), 1e9 / each);
}

fn run(args: &[&str]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_wardwatch")).args(args).output().unwrap();
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

fn post(address: &str, path: &str, token: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\ncontent-type: \
         application/fhir+json\r\nprefer: return=minimal\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 20"), "{}", answer.chars().take(400).collect::<String>());
    answer
}

fn end_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data").display().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_wardwatch"))
        .args(["serve", "--mode", "demo", "--listen", "127.0.0.1:0", "--data", &data])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next().unwrap().unwrap();
        if let Some((_, rest)) = line.split_once("serving address=") {
            break rest.split_whitespace().next().unwrap().to_owned();
        }
    };
    std::thread::spawn(move || lines.for_each(drop));
    run(&["ward", "add", "w", "--name", "Ward", "--data", &data]);
    run(&["bed", "add", "b1", "--data", &data]);
    run(&["patient", "admit", "p1", "--bed", "b1", "--data", &data]);
    let token = run(&["device", "add", "gw", "--kind", "gateway", "--data", &data]);
    let start = OsClock.wall();
    let at = |n: usize| Timestamp::from_ms(start.as_ms() - 3_600_000 + n as i64 * 100);
    for (kind, shown) in [("batch", "a batch: each entry by itself"), ("transaction", "a transaction: all or nothing")]
    {
        let shift = if kind == "batch" { 0 } else { BATCHES * ENTRIES };
        let began = OsClock.boot_micros();
        for batch in 0..BATCHES {
            let entries: Vec<String> = (0..ENTRIES)
                .map(|n| {
                    let resource = observation(at(shift + batch * ENTRIES + n), "72");
                    format!(r#"{{"resource":{resource},"request":{{"method":"POST","url":"Observation"}}}}"#)
                })
                .collect();
            let bundle = format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{}]}}"#, entries.join(","));
            let answer = post(&address, "/fhir", &token, &bundle);
            assert_eq!(answer.matches("\"201 Created\"").count(), ENTRIES);
        }
        let s = (OsClock.boot_micros() - began) as f64 / 1e6;
        let all = (BATCHES * ENTRIES) as f64;
        println!("{shown}: {all} Observations in Bundles of {ENTRIES}, {:.0}/s durable", all / s);
    }
    let singles = 300_usize;
    let began = OsClock.boot_micros();
    for n in 0..singles {
        post(&address, "/fhir/Observation", &token, &observation(at(2 * BATCHES * ENTRIES + n), "72"));
    }
    let ms = (OsClock.boot_micros() - began) as f64 / 1e3 / singles as f64;
    println!("one after another, each on a connection of its own: {ms:.2} ms from POST to 201, durable");
    child.kill().unwrap();
    child.wait().unwrap();
}

fn main() {
    decoding();
    if std::env::var_os("WARDWATCH_BENCH_SERVER").is_some() {
        end_to_end();
    }
}
