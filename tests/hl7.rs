//! HL7 v2 over a real socket, with the real server: what is accepted is durable, what cannot be used is told and kept, and
//! nothing lands in another patient's chart.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use support::{Server, certificates, now, run_with, wait_for};
use tokio_rustls::rustls;
use wardwatch::{
    domain::{Assignment, CloseReason, Command as WardCommand, DeviceId, Timestamp, VitalCode, vital::HR},
    store::StoreReader,
};

struct Bench {
    _dir: tempfile::TempDir,
    server: Server,
    mllp: SocketAddr,
}

/// A server in demo mode with ward `w`: bed `ICU-12` empty, bed `ICU-14` empty, bed `b1` with `p1`, and gateway `gw`, which a
/// source stands for.
fn bench() -> Bench {
    bench_with("adt = true\n")
}

fn bench_with(settings: &str) -> Bench {
    bench_of("demo", settings)
}

fn bench_of(mode: &str, settings: &str) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let mllp = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = dir.path().join("wardwatch.toml");
    let text = format!("[mllp.icu]\nlisten = \"{mllp}\"\ndevice = \"gw\"\nmessage_bytes = 20000\n{settings}");
    std::fs::write(&config, text).unwrap();
    let args = ["--mode", mode, "--config", config.to_str().unwrap()];
    let server = Server::start_with(&dir.path().join("data"), &args);
    server.small_ward();
    server.add_bed("ICU-12");
    server.add_bed("ICU-14");
    Bench { _dir: dir, server, mllp }
}

/// A connection of a sender.
struct Peer(TcpStream, Vec<u8>);

impl Peer {
    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// The next answer: its MSA segment, and all of it.
    fn answer(&mut self) -> (String, String) {
        let mut part = [0; 4096];
        loop {
            if let Some(end) = self.1.windows(2).position(|w| w == [0x1c, 0x0d]) {
                let frame: Vec<u8> = self.1.drain(..end + 2).collect();
                assert_eq!(frame[0], 0x0b, "an answer is framed");
                let text = String::from_utf8(frame[1..end].to_vec()).unwrap();
                let msa = text.split('\r').find(|line| line.starts_with("MSA")).unwrap().to_owned();
                return (msa.split('|').skip(1).take(2).collect::<Vec<_>>().join(" "), text);
            }
            let n = self.0.read(&mut part).unwrap();
            assert!(n > 0, "the server closed the connection");
            self.1.extend_from_slice(&part[..n]);
        }
    }

    fn ask(&mut self, message: &str) -> String {
        self.send(&framed(message));
        self.answer().0
    }

    fn ask_all(&mut self, message: &str) -> String {
        self.send(&framed(message));
        self.answer().1
    }
}

impl Bench {
    fn peer(&self) -> Peer {
        let stream = TcpStream::connect(self.mllp).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Peer(stream, Vec::new())
    }

    fn stored(&self, device: &str, vital: VitalCode, at: Timestamp) -> Option<f64> {
        let device: DeviceId = device.parse().unwrap();
        self.server.reader().sample(&device, vital, at).unwrap().map(|s| s.value)
    }

    fn samples(&self, patient: &str) -> Vec<(String, f64)> {
        let rows = self.server.reader().newest_samples(&"w".parse().unwrap(), Timestamp::MIN).unwrap();
        let of = rows.into_iter().filter(|(key, _)| key.patient.as_str() == patient);
        of.map(|(key, kept)| (key.device.to_string(), kept.value)).collect()
    }

    fn dead_letters(&self) -> u64 {
        let status = self.server.run(&["status", "--json"]);
        serde_json::from_str::<serde_json::Value>(&status).unwrap()["dead_letters"].as_u64().unwrap()
    }

    fn journal(&self) -> String {
        serde_json::to_string(&self.server.reader().events_after(&"w".parse().unwrap(), 0, 1_000).unwrap()).unwrap()
    }
}

fn framed(message: &str) -> Vec<u8> {
    [b"\x0b", message.as_bytes(), b"\x1c\r"].concat()
}

/// The present, to the second: stamps have no more.
fn second() -> Timestamp {
    Timestamp::from_ms(now().as_ms() / 1000 * 1000)
}

fn stamp(at: Timestamp) -> String {
    at.utc().format("%Y%m%d%H%M%S+0000").to_string()
}

/// A heart rate; `whose` are the lines that say whose it is.
fn oru(id: &str, whose: &str, value: &str, at: Timestamp) -> String {
    let at = stamp(at);
    format!(
        "MSH|^~\\&|MON|H|WW|H|{at}||ORU^R01^ORU_R01|{id}|P|2.6|||AL|NE\r{whose}OBR|1|||182777000^monitoring^SCT|||{at}\r\
         OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|{value}|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F\r"
    )
}

fn adt(id: &str, trigger: &str, patient: &str, bed: &str) -> String {
    format!(
        "MSH|^~\\&|ADT|H|WW|H|{}||ADT^{trigger}|{id}|P|2.5.1\rEVN||{}\rPID|1||{patient}^^^H^MR||Doe^Jane||19800101|F\r\
         PV1|1|I|{bed}\r",
        stamp(now()),
        stamp(now())
    )
}

const P1: &str = "PID|||p1^^^H^MR\rPV1||I|b1\r";

#[test]
fn what_is_accepted_is_on_the_disk_and_on_the_screen() {
    let bench = bench();
    let at = second();
    let mut peer = bench.peer();
    assert_eq!(peer.ask(&oru("M1", P1, "77", at)), "CA M1");
    assert_eq!(bench.stored("gw/b1", HR, at), Some(77.0), "durable when it is answered");
    let token = bench.server.user("anna", "nurse");
    let to = bench.server.url();
    let args = ["watch", "--to", &to, "--token-file", token.to_str().unwrap(), "--once", "--format", "json"];
    let shown = String::from_utf8(run_with("", &args).stdout).unwrap();
    assert!(shown.contains("\"value\": 77.0") && shown.contains("\"live\""), "{shown}");
    let metrics = support::request(bench.server.address, "GET", "/metrics", &[], b"").body;
    assert!(metrics.contains("wardwatch_hl7_messages_total{result=\"accepted\"} 1"), "{metrics}");
}

#[test]
fn the_same_message_again_is_answered_again_and_stored_once() {
    let bench = bench();
    let (at, mut peer) = (second(), bench.peer());
    let message = oru("M1", P1, "77", at);
    assert_eq!([peer.ask(&message), peer.ask(&message)], ["CA M1", "CA M1"]);
    assert_eq!(bench.peer().ask(&message), "CA M1", "on another connection too");
    let sent_later = message.replacen(&stamp(at), &stamp(at + wardwatch::domain::Millis(1000)), 1);
    assert_eq!(peer.ask(&sent_later), "CA M1", "the store knows it, whatever the time of sending");
    let metrics = support::request(bench.server.address, "GET", "/metrics", &[], b"").body;
    assert!(metrics.contains("wardwatch_observations_total{result=\"accepted\"} 1"), "{metrics}");
    assert!(metrics.contains("wardwatch_hl7_messages_total{result=\"duplicate\"} 2"), "{metrics}");
    assert_eq!(peer.ask(&oru("M1", P1, "78", at)), "CE M1", "another value for the same time is no repetition");
    assert_eq!(bench.stored("gw/b1", HR, at), Some(77.0));
}

#[test]
fn frames_are_found_however_they_come() {
    let bench = bench();
    let at = second() - wardwatch::domain::Millis(10_000);
    let time = |n: i64| at + wardwatch::domain::Millis(n * 1000);
    let mut peer = bench.peer();
    peer.send(b"\r\n\0\0noise\xff");
    peer.send(&[framed(&oru("M1", P1, "71", time(1))), framed(&oru("M2", P1, "72", time(2)))].concat());
    assert_eq!([peer.answer().0, peer.answer().0], ["CA M1", "CA M2"]);
    for part in framed(&oru("M3", P1, "73", time(3))).chunks(50) {
        peer.send(part);
        support::pause(5);
    }
    assert_eq!(peer.answer().0, "CA M3");
    peer.send(b"\x0bMSH|^~\\&|broken off");
    assert_eq!(peer.ask(&oru("M4", P1, "74", time(4)).replace('\r', "\r\n")), "CA M4");
    peer.send(oru("M5", P1, "75", time(5)).replace('\r', "\n").as_bytes());
    assert_eq!(peer.answer().0, "CA M5", "a message without a frame is whole when nothing follows");
    assert_eq!((1..=5).filter(|n| bench.stored("gw/b1", HR, time(*n)).is_some()).count(), 5);
    assert_eq!(bench.dead_letters(), 1, "the one that broke off");
}

#[test]
fn a_message_without_a_frame_that_is_cut_off_is_not_used() {
    let bench = bench();
    let at = second() - wardwatch::domain::Millis(5_000);
    let whole = oru("M1", P1, "120", at);
    let (begin, rest) = whole.split_at(whole.find("|120|").unwrap() + 3);
    let mut closes = bench.peer();
    closes.send(begin.as_bytes());
    closes.0.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    closes.0.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"", "nothing says that it was taken");
    let mut stalls = bench.peer();
    stalls.send(begin.as_bytes());
    wait_for("the letter of what stopped", || (bench.dead_letters() == 2).then_some(()));
    stalls.send(rest.as_bytes());
    wait_for("the letter of its rest", || (bench.dead_letters() == 3).then_some(()));
    assert_eq!(bench.stored("gw/b1", HR, at), None, "12 is no part of 120");
    assert_eq!(stalls.ask(&whole), "CA M1");
    assert_eq!(bench.stored("gw/b1", HR, at), Some(120.0));
}

#[test]
fn what_is_too_long_is_rejected_and_the_next_is_taken() {
    let bench = bench();
    let (at, mut peer) = (second(), bench.peer());
    let long = oru("BIG", P1, "77", at) + &"NTE|1||x\r".repeat(20_000);
    assert_eq!(peer.ask(&long), "CR BIG");
    assert_eq!(peer.ask(&oru("M2", P1, "77", at)), "CA M2");
    assert_eq!(bench.dead_letters(), 1);
}

#[test]
fn somebody_else_gets_no_answer() {
    let bench = bench();
    let mut peer = bench.peer();
    peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.0.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    peer.0.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"", "nothing is answered, and the connection is closed");
    assert_eq!(bench.peer().ask(&oru("M1", P1, "77", second())), "CA M1");
}

#[test]
fn errors_are_told_with_their_place_and_kept() {
    let bench = bench();
    let (at, mut peer) = (second(), bench.peer());
    let answer = peer.ask_all(&oru("M1", P1, "ERR", at));
    assert!(answer.contains("MSA|CE|M1"), "{answer}");
    assert!(answer.contains("ERR||OBX^1^5|102^Data type error^HL70357|E"), "{answer}");
    let two = oru("M2", P1, "ERR", at) + "OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.1.1|95|262688^^MDC|||||F\r";
    let answer = peer.ask_all(&two);
    assert!(answer.contains("MSA|CA|M2") && answer.contains("|W|"), "one bad value harms no other: {answer}");
    assert_eq!(peer.ask("MSH|^~\\&|X|Y|W|H|20260301||DFT^P03|Q1|P|2.5\rPID|1||1\r"), "AR Q1");
    assert_eq!(peer.ask("MSH|^~\\&|X|Y|W|H|20260301||ORU^R01||P|2.5\rPID|1||1\r"), "AR ");
    assert_eq!(bench.dead_letters(), 4);
    let device_alone = oru("M3", P1, "", at);
    assert_eq!(peer.ask(&device_alone), "CA M3", "a monitor that measures nothing is no fault");
    assert_eq!(bench.dead_letters(), 4);
    assert_eq!(peer.ask(&oru("M4", P1, "7", at).replace("147842^MDC_ECG_HEART_RATE", "1^X")), "CA M4");
    assert_eq!(bench.dead_letters(), 5, "a message without a vital is kept");
}

#[test]
fn whose_it_is_is_said_by_patient_or_bed_and_never_guessed() {
    let bench = bench();
    let (at, mut peer) = (second(), bench.peer());
    let by_bed = |id: &str, bed: &str, value: &str, at| oru(id, &format!("PV1||I|{bed}\r"), value, at);
    assert_eq!(peer.ask(&by_bed("M1", "ICU^^12", "71", at)), "CA M1", "it is kept");
    assert_eq!(bench.dead_letters(), 1, "as a dead letter: nobody lies there");
    assert!(bench.samples("P-1").is_empty());
    assert_eq!(peer.ask(&adt("A1", "A01^ADT_A01", "P-1", "ICU^^12")), "AA A1");
    assert_eq!(peer.ask(&adt("A1b", "A01^ADT_A01", "P-1", "ICU^^12")), "AA A1b", "it is so already");
    let later = second() + wardwatch::domain::Millis(2_000);
    assert_eq!(peer.ask(&by_bed("M2", "ICU^^12", "72", later)), "CA M2");
    assert_eq!(bench.samples("P-1"), [("gw/ICU-12".to_owned(), 72.0)]);
    let contradiction = "PID|||p1^^^H^MR\rPV1||I|ICU^^12\r";
    let answer = peer.ask_all(&oru("M3", contradiction, "73", later));
    assert!(answer.contains("MSA|CE|M3") && answer.contains("where patient P-1 is"), "{answer}");
    assert_eq!(peer.ask(&oru("M4", "PID|||p1^^^H^MR\rPV1||I|\r", "74", later)), "CA M4");
    assert_eq!(bench.samples("p1"), [("gw/p1".to_owned(), 74.0)]);
    let other = by_bed("M5", "ICU^^12", "75", later).replace("||F\r", "||F|||||||MON-7\r");
    assert_eq!(peer.ask(&other), "CA M5");
    let named = oru("M6", "PID|||p1^^^H^MR\r", "76", later).replace("||F\r", "||F|||||||MON-7\r");
    assert_eq!(peer.ask(&named), "CE M6", "a monitor of one patient never writes into the chart of another");
    assert_eq!(bench.samples("p1").len(), 1);
}

#[test]
fn who_lies_where_follows_the_hospitals_system() {
    let bench = bench();
    let mut peer = bench.peer();
    assert_eq!(peer.ask(&adt("A1", "A01", "P-1", "ICU^^12")), "AA A1");
    let answer = peer.ask_all(&adt("A2", "A01", "P-2", "ICU^^12"));
    assert!(answer.contains("MSA|AE|A2") && answer.contains("ICU-12 is taken"), "{answer}");
    assert_eq!(peer.ask(&adt("A3", "A01", "P-2", "ICU^^99")), "AE A3", "there is no such bed");
    assert_eq!(peer.ask(&adt("A4", "A03", "P-2", "ICU^^14")), "AE A4", "who is not here does not leave");
    assert_eq!(bench.dead_letters(), 3);
    let at = second() + wardwatch::domain::Millis(1_000);
    let by_bed = |id: &str, bed: &str, at| oru(id, &format!("PV1||I|{bed}\r"), "70", at);
    assert_eq!(peer.ask(&by_bed("M1", "ICU^^12", at)), "CA M1");
    assert_eq!(peer.ask(&adt("A5", "A08", "P-1", "ICU^^12").replace("Doe^Jane", "Álvarez^Ana María")), "AA A5");
    assert!(bench.journal().contains("Álvarez, Ana María"));
    assert_eq!(peer.ask(&adt("A6", "A02", "P-1", "ICU^^14")), "AA A6");
    let before = bench.dead_letters();
    let at = at + wardwatch::domain::Millis(3_000);
    assert_eq!(peer.ask(&by_bed("M2", "ICU^^12", at)), "CA M2");
    assert_eq!(bench.dead_letters(), before + 1, "the monitor stays with the bed, where nobody lies");
    let earlier = second() - wardwatch::domain::Millis(5_000);
    assert_eq!(peer.ask(&by_bed("M2b", "ICU^^14", earlier)), "CA M2b");
    assert_eq!(bench.dead_letters(), before + 2, "the new bed says nothing of the time before");
    assert_eq!(peer.ask(&by_bed("M3", "ICU^^14", at)), "CA M3");
    let devices: Vec<String> = bench.samples("P-1").into_iter().map(|(device, _)| device).collect();
    assert_eq!(devices, ["gw/ICU-12", "gw/ICU-14"], "from now on the monitor of the new bed");
    let (patient, bed) = ("P-1".parse().unwrap(), "ICU-12".parse().unwrap());
    bench.server.command(WardCommand::Transfer { patient, bed });
    let left = peer.ask_all(&by_bed("M4", "ICU^^14", at + wardwatch::domain::Millis(1_000)));
    assert!(left.contains("MSA|CE|M4") && left.contains("measures patient P-1 in bed ICU-12"), "{left}");
    assert_eq!(peer.ask(&adt("A7", "A12", "P-1", "ICU^^14")), "AA A7");
    assert_eq!(peer.ask(&adt("A7b", "A12", "P-1", "ICU^^12")), "AA A7b");
    assert_eq!(peer.ask(&adt("A8", "A03", "P-1", "ICU^^12")), "AA A8");
    assert_eq!(peer.ask(&adt("A9", "A13", "P-1", "ICU^^12")), "AA A9");
    let merge = |id: &str, old: &str| adt(id, "A40^ADT_A39", "P-9", "ICU^^12") + "MRG|VN-1^^^H^VN~" + old + "^^^H^MR\r";
    let answer = peer.ask_all(&merge("A10a", "P-8"));
    assert!(
        answer.contains("MSA|AE|A10a") && answer.contains("neither patient P-8 nor patient P-9 is here"),
        "{answer}"
    );
    assert_eq!(peer.ask(&merge("A10", "P-1")), "AA A10");
    assert_eq!(peer.ask(&merge("A10b", "P-1")), "AA A10b", "it is so already");
    assert_eq!(peer.ask(&adt("A11", "A11", "P-1", "ICU^^12")), "AE A11", "the identifier was given up");
    assert_eq!(peer.ask(&adt("A12", "A11", "P-9", "ICU^^12")), "AA A12");
    let trail = bench.server.run(&["audit", "show"]);
    for act in ["patient.admit", "patient.transfer", "patient.discharge", "patient.update"] {
        assert!(trail.contains(act), "{act} is in the audit trail: {trail}");
    }
}

#[test]
fn late_values_tie_no_monitor_to_a_patient_who_has_gone_to_another_bed() {
    let bench = bench();
    let mut peer = bench.peer();
    let ago = |s: i64| second() - wardwatch::domain::Millis::from_secs(s);
    let of_7 = |id: &str, whose: &str, value: &str, at| oru(id, whose, value, at).replace("||F\r", "||F|||||||MON-7\r");
    assert_eq!(peer.ask(&of_7("M1", P1, "71", ago(10))), "CA M1");
    assert_eq!(peer.ask(&adt("A1", "A02", "p1", "ICU^^12")), "AA A1");
    assert_eq!(peer.ask(&of_7("M2", P1, "72", ago(5))), "CA M2", "of before the move");
    let before = [("MON-7".to_owned(), 72.0)];
    assert_eq!(bench.samples("p1"), before, "it is of the patient of its time");
    let later = second() + wardwatch::domain::Millis(2_000);
    let answer = peer.ask_all(&of_7("M3", "", "97", later));
    assert!(answer.contains("MSA|CA|M3") && answer.contains("|W|"), "the monitor measures nobody now: {answer}");
    let answer = peer.ask_all(&of_7("M4", P1, "98", later));
    assert!(answer.contains("MSA|CE|M4") && answer.contains("who is in bed ICU-12, and bed b1"), "{answer}");
    assert_eq!(bench.samples("p1"), before);
    assert_eq!(peer.ask(&of_7("M5", "PID|||p1^^^H^MR\rPV1||I|ICU^^12\r", "99", later)), "CA M5");
    assert_eq!(bench.samples("p1"), [("MON-7".to_owned(), 99.0)], "what says that it is there now is");
}

#[test]
fn limits_of_a_monitor_stand_beside_ours() {
    let bench = bench();
    let (at, mut peer) = (second(), bench.peer());
    let with = |id: &str, limits: &str, s: i64| {
        let message = oru(id, P1, "77", at + wardwatch::domain::Millis::from_secs(s));
        message.replace("MDC_DIM_BEAT_PER_MIN^MDC||", &format!("MDC_DIM_BEAT_PER_MIN^MDC|{limits}|"))
    };
    assert_eq!(peer.ask(&with("M1", "50.0-120", 0)), "CA M1");
    assert_eq!(peer.ask(&with("M2", "50.0-120", 1)), "CA M2");
    assert_eq!(peer.ask(&with("M3", "60^130", 2)), "CA M3");
    assert_eq!(peer.ask(&with("M4", "as usual", 3)), "CA M4", "no limits are no fault");
    let journal = bench.journal();
    assert_eq!(journal.matches("\"device_limits\"").count(), 2, "told when they change: {journal}");
    let view = shown(&bench);
    assert!(view.contains("60-130") && !view.contains("50.0-120"), "{view}");
}

#[test]
fn what_a_person_took_away_stays_away_until_it_is_placed_again() {
    let bench = bench();
    let (at, mut peer) = (second(), bench.peer());
    let later = |s: i64| at + wardwatch::domain::Millis::from_secs(s);
    assert_eq!(peer.ask(&oru("M1", P1, "77", at)), "CA M1");
    let device: DeviceId = "gw/b1".parse().unwrap();
    let newest = || bench.samples("p1").into_iter().map(|(_, value)| value).collect::<Vec<_>>();
    wait_for("the clock to move on", || (now() > later(1)).then_some(()));
    bench.server.command(WardCommand::Unassign { device: device.clone(), end: now() });
    assert_eq!(peer.ask(&oru("M2", P1, "78", later(3))), "CA M2", "it is kept");
    assert_eq!((newest(), bench.dead_letters()), (vec![77.0], 1), "of nobody");
    let assignment = Assignment { device, patient: "p1".parse().unwrap(), start: now(), end: None };
    bench.server.command(WardCommand::Assign { assignment });
    assert_eq!(peer.ask(&oru("M3", P1, "79", later(5))), "CA M3");
    assert_eq!(newest(), [79.0]);
    // What went with its patient goes with the next one.
    bench.server.command(WardCommand::Discharge { patient: "p1".parse().unwrap(), reason: CloseReason::Discharged });
    assert_eq!(peer.ask(&adt("A1", "A01^ADT_A01", "P-2", "b1")), "AA A1");
    assert_eq!(peer.ask(&oru("M4", "PV1||I|b1\r", "80", later(6))), "CA M4");
    assert_eq!(bench.samples("P-2").len(), 1);
}

/// An alert of a monitor; `parent` is the message that it belongs to, if it names one.
fn r40(id: &str, whose: &str, (episode, parent): (&str, &str), phase: &str, priority: &str, at: Timestamp) -> String {
    let (at, skip) = (stamp(at), "|".repeat(22));
    format!(
        "MSH|^~\\&|MON|H|WW|H|{at}||ORU^R40^ORU_R40|{id}|P|2.6|||AL|NE\r{whose}\
         OBR|1||{episode}^MON|196616^MDC_EVT_ALARM^MDC|||{at}{skip}^{parent}\r\
         OBX|1|ST|196674^MDC_EVT_LO_VAL_LT_LIM^MDC|1.3.1.150456.1|SpO2 LOW\u{1b}[31m|||L~{priority}~SP|||F|||{at}||||MON-9\r\
         OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.1.150456.2|88|262688^MDC_DIM_PERCENT^MDC|90-96||||F\r\
         OBX|3|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.3.1.150456.3|{phase}||||||F\r"
    )
}

fn watchdog(id: &str) -> String {
    let at = stamp(now());
    format!(
        "MSH|^~\\&|MON|H|WW|H|{at}||ORU^R40^ORU_R40|{id}|P|2.6|||AL|NE\rOBR|1||W{id}|0^MDC_EVT_WATCHDOG^MDC|||{at}\r\
         OBX|1|ST|0^MDC_EVT_WATCHDOG^MDC|1.0.0.0.1||||PN~SP|||F\r\
         OBX|2|NM|67860^MDC_ATTR_CONFIRM_TIMEOUT^MDC|1.0.0.0.8|5|264320^MDC_DIM_SEC^MDC|||||F\r"
    )
}

fn shown(bench: &Bench) -> String {
    let token = bench.server.user("anna", "nurse");
    let (to, token) = (bench.server.url(), token.display().to_string());
    let args = ["watch", "--to", &to, "--token-file", &token, "--once", "--format", "json"];
    String::from_utf8(run_with("", &args).stdout).unwrap()
}

#[test]
fn an_alert_of_a_monitor_is_an_alert_here_until_it_ends() {
    let bench = bench();
    let (at, mut peer) = (second(), bench.peer());
    let later = |s: i64| at + wardwatch::domain::Millis::from_secs(s);
    let whose = "PID|||p1^^^H^MR\r";
    let start = r40("R1", whose, ("A1", ""), "start", "PM", at);
    assert_eq!([peer.ask(&start), peer.ask(&start)], ["CA R1", "CA R1"]);
    let view = shown(&bench);
    for part in ["device.alert.lo_val_lt_lim.spo2", "SpO2 LOW[31m", "device limits 90-96", "says MON-9", "\"medium\""] {
        assert!(view.contains(part), "{part}: {view}");
    }
    assert_eq!(peer.ask(&r40("R2", whose, ("A2", "A1"), "escalate", "PH", later(1))), "CA R2");
    // What was accepted outlives a kill.
    let Bench { _dir, server, mllp } = bench;
    server.kill();
    let config = _dir.path().join("wardwatch.toml");
    let args = ["--mode", "demo", "--config", config.to_str().unwrap()];
    let server = Server::start_with(&_dir.path().join("data"), &args);
    let bench = Bench { _dir, server, mllp };
    let mut peer = bench.peer();
    assert!(bench.journal().contains("\"worsened\""));
    assert_eq!(peer.ask(&r40("R3", whose, ("A3", "A1"), "end", "PH", later(2))), "CA R3");
    let journal = bench.journal();
    assert!(journal.contains("\"cause\":\"cleared\""), "{journal}");
    assert_eq!(journal.matches("\"cause\":\"raised\"").count(), 1, "one episode, raised once");
    assert_eq!(peer.ask(&r40("R4", whose, ("B1", ""), "end", "PM", later(2))), "CA R4");
    assert!(bench.journal().contains("unknown_end"), "recorded as such");
    let metrics = support::request(bench.server.address, "GET", "/metrics", &[], b"").body;
    assert!(metrics.contains("wardwatch_hl7_messages_total{result=\"accepted\"}"), "{metrics}");
}

#[test]
fn whose_an_alert_is_is_never_guessed() {
    let bench = bench();
    let (at, mut peer) = (second(), bench.peer());
    assert_eq!(peer.ask(&r40("R1", "PV1||I|ICU^^12\r", ("A1", ""), "start", "PM", at)), "CA R1", "it is kept");
    assert_eq!(bench.dead_letters(), 1);
    assert!(!bench.journal().contains("device.alert"), "nobody lies there");
    assert_eq!(peer.ask(&adt("A1", "A01^ADT_A01", "P-1", "ICU^^12")), "AA A1");
    let contradiction = "PID|||p1^^^H^MR\rPV1||I|ICU^^12\r";
    let answer = peer.ask_all(&r40("R2", contradiction, ("A1", ""), "start", "PM", second()));
    assert!(answer.contains("MSA|CE|R2") && answer.contains("where patient P-1 is"), "{answer}");
    assert!(bench.journal().contains("device.wrong_patient"), "told of");
    let by_bed = r40("R3", "PV1||I|ICU^^12\r", ("A1", ""), "start", "PM", second() + wardwatch::domain::Millis(1_000));
    assert_eq!(peer.ask(&by_bed), "CA R3");
    assert!(bench.journal().contains("device.alert.lo_val_lt_lim.spo2"));
    let other = r40("R4", "PID|||p1^^^H^MR\r", ("A9", ""), "start", "PM", second() + wardwatch::domain::Millis(1_000));
    assert_eq!(peer.ask(&other), "CE R4", "a monitor of one patient never speaks for another");
    let bad = r40("R5", "PID|||p1^^^H^MR\r", ("A9", ""), "perhaps", "PM", second());
    let answer = peer.ask_all(&bad);
    assert!(answer.contains("ERR||OBX^1^5|102") && answer.contains("no phase of an event"), "{answer}");
    assert!(bench.dead_letters() >= 4);
}

#[test]
fn a_gateway_without_a_word_is_told_of_until_it_speaks() {
    let bench = bench_with("watchdog_s = 2\n");
    let mut peer = bench.peer();
    assert_eq!(peer.ask(&watchdog("W1")), "CA W1");
    wait_for("the alert of the gateway", || {
        bench.journal().contains("neither watchdog nor message for 2 s").then_some(())
    });
    let mut number = 1;
    wait_for("the end of the alert", || {
        number += 1;
        assert_eq!(peer.ask(&watchdog(&format!("W{number}"))), format!("CA W{number}"));
        bench.journal().contains("\"cause\":\"cleared\"").then_some(())
    });
    assert!(!bench.journal().contains("device.alert"), "a watchdog is no alert");
    assert_eq!(bench.dead_letters(), 0);
}

#[test]
fn a_source_says_who_lies_where_only_if_it_may() {
    let bench = bench_with("");
    let answer = bench.peer().ask_all(&adt("A1", "A01", "P-1", "ICU^^12"));
    assert!(answer.contains("MSA|AR|A1") && answer.contains("adt = true"), "{answer}");
    assert!(!bench.journal().contains("P-1"));
}

#[test]
fn training_and_debugging_stay_out_of_a_live_ward() {
    let bench = bench_of("live", "");
    let (at, mut peer) = (second(), bench.peer());
    for (id, processing) in [("T1", "|T|"), ("D1", "|D|")] {
        let answer = peer.ask_all(&oru(id, P1, "77", at).replacen("|P|", processing, 1));
        assert!(answer.contains(&format!("MSA|CR|{id}")) && answer.contains("202^Unsupported"), "{answer}");
    }
    assert_eq!(bench.stored("gw/b1", HR, at), None);
    assert_eq!(bench.dead_letters(), 2);
    assert_eq!(peer.ask(&oru("P1", P1, "77", at)), "CA P1");
}

#[test]
fn a_stop_ends_connections_and_loses_nothing() {
    let bench = bench();
    let (at, mut peer) = (second(), bench.peer());
    assert_eq!(peer.ask(&oru("M1", P1, "77", at)), "CA M1");
    let Bench { _dir, server, .. } = bench;
    let data = server.data.clone();
    server.stop();
    assert_eq!(peer.0.read(&mut [0; 16]).unwrap(), 0, "the connection is closed");
    let again = Server::start_with(&data, &["--mode", "demo"]);
    let device: DeviceId = "gw/b1".parse().unwrap();
    wait_for("the stored value", || again.reader().sample(&device, HR, at).unwrap());
}

/// Sends a message over TLS; gives the answer's MSA, or why there is none.
fn ask_over_tls(
    bench: &Bench,
    files: &Path,
    ca: &str,
    identity: Option<&str>,
    message: &str,
) -> Result<String, String> {
    let file = |name: &str| files.join(name);
    let key = identity.map(|name| (file(&format!("{name}.crt")), file(&format!("{name}.key"))));
    let identity = key.as_ref().map(|(cert, key)| (cert.as_path(), key.as_path()));
    let config = wardwatch::backend::tls::client(Some(&file(ca)), identity).unwrap();
    let client = rustls::ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    let socket = TcpStream::connect(bench.mllp).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut stream = rustls::StreamOwned::new(client, socket);
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    stream.write_all(&framed(message)).map_err(|e| e.to_string())?;
    while !answer.ends_with(&[0x1c, 0x0d]) {
        match stream.read(&mut part) {
            Ok(n) if n > 0 => answer.extend_from_slice(&part[..n]),
            Ok(_) => return Err("closed".to_owned()),
            Err(e) => return Err(e.to_string()),
        }
    }
    let text = String::from_utf8(answer).unwrap();
    let msa = text.split('\r').find(|line| line.starts_with("MSA")).unwrap();
    Ok(msa.split('|').skip(1).take(2).collect::<Vec<_>>().join(" "))
}

#[test]
fn over_tls_only_who_has_a_certificate_is_heard() {
    let files = tempfile::tempdir().unwrap();
    certificates(files.path(), &["server", "monitor"]);
    let file = |name: &str| files.path().join(name).display().to_string();
    let bench = bench_with(&format!(
        "tls_cert_file = \"{}\"\ntls_key_file = \"{}\"\nclient_ca_file = \"{}\"\n",
        file("server.crt"),
        file("server.key"),
        file("ca.pem")
    ));
    let at = second();
    let ask = |ca, identity| ask_over_tls(&bench, files.path(), ca, identity, &oru("M1", P1, "77", at));
    assert!(ask("ca.pem", None).is_err(), "who shows no certificate is not heard");
    assert!(ask("other.pem", Some("monitor")).unwrap_err().contains("UnknownIssuer"), "nor trusts us who knows us not");
    let mut plain = bench.peer();
    plain.send(&framed(&oru("M0", P1, "77", at)));
    let mut said = Vec::new();
    drop(plain.0.read_to_end(&mut said));
    assert!(!said.windows(3).any(|part| part == b"MSA"), "plain text is not answered: {said:?}");
    assert_eq!(bench.stored("gw/b1", HR, at), None);
    assert_eq!(ask("ca.pem", Some("monitor")), Ok("CA M1".to_owned()));
    assert_eq!(bench.stored("gw/b1", HR, at), Some(77.0));
    let metrics = support::request(bench.server.address, "GET", "/metrics", &[], b"").body;
    assert!(metrics.contains("wardwatch_refused_total{reason=\"hl7_tls\"} 3"), "{metrics}");
}

#[test]
fn who_shows_no_certificate_takes_no_place() {
    let files = tempfile::tempdir().unwrap();
    certificates(files.path(), &["server", "monitor"]);
    let file = |name: &str| files.path().join(name).display().to_string();
    let bench = bench_with(&format!(
        "connections = 1\ntls_cert_file = \"{}\"\ntls_key_file = \"{}\"\nclient_ca_file = \"{}\"\n",
        file("server.crt"),
        file("server.key"),
        file("ca.pem")
    ));
    let mut silent = TcpStream::connect(bench.mllp).unwrap();
    let answer = ask_over_tls(&bench, files.path(), "ca.pem", Some("monitor"), &oru("M1", P1, "77", second()));
    assert_eq!(answer, Ok("CA M1".to_owned()));
    // The silent one is still there: it was not waited for until it was cut.
    silent.set_nonblocking(true).unwrap();
    let still = silent.read(&mut [0; 1]).unwrap_err().kind();
    assert_eq!(still, std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_server_does_not_start_with_a_key_that_others_may_read() {
    let files = tempfile::tempdir().unwrap();
    certificates(files.path(), &["server"]);
    let (cert, key) = (files.path().join("server.crt"), files.path().join("server.key"));
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let config = files.path().join("wardwatch.toml");
    let text = format!(
        "[mllp.icu]\nlisten = \"127.0.0.1:0\"\ndevice = \"gw\"\ntls_cert_file = \"{}\"\ntls_key_file = \"{}\"\n",
        cert.display(),
        key.display()
    );
    std::fs::write(&config, text).unwrap();
    let data = files.path().join("data");
    let args =
        ["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap(), "--config", config.to_str().unwrap()];
    let out = run_with("", &args);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success() && said.contains("mllp.icu") && said.contains("chmod 600"), "{said}");
}

/// The sender of Python's package `hl7`, if it is installed.
#[test]
fn the_sender_of_pythons_package_is_understood() {
    let program = std::env::var("MLLP_SEND").unwrap_or_else(|_| "mllp_send".to_owned());
    if Command::new(&program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        println!("mllp_send is not installed: skipped (pip install hl7, or MLLP_SEND=PATH)");
        return;
    }
    let bench = bench();
    let at = second();
    let file = bench.server.data.parent().unwrap().join("message.hl7");
    std::fs::write(&file, oru("PY1", P1, "77", at)).unwrap();
    let out = Command::new(&program)
        .args(["--loose", "--port", &bench.mllp.port().to_string(), "--file", file.to_str().unwrap(), "127.0.0.1"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("MSA|CA|PY1"), "{said}");
    assert_eq!(bench.stored("gw/b1", HR, at), Some(77.0));
}

#[test]
fn a_patient_of_another_ward_is_not_taken_and_an_act_is_done_whole_or_not_at_all() {
    let bench = bench();
    let mut peer = bench.peer();
    let data = bench.server.data.to_str().unwrap();
    bench.server.run(&["ward", "add", "x", "--name", "Other"]);
    bench.server.run(&["bed", "add", "x1", "--ward", "x"]);
    bench.server.run(&["patient", "admit", "P-5", "--bed", "x1", "--ward", "x"]);
    let answer = peer.ask_all(&adt("A1", "A01", "P-5", "ICU^^12"));
    assert!(answer.contains("MSA|AE|A1") && answer.contains("patient P-5 is in ward x"), "{answer}");
    assert_eq!(bench.dead_letters(), 1);
    assert_eq!(peer.ask(&adt("A2", "A02", "P-5", "ICU^^12")), "AE A2", "a move is one within the ward");
    let by_hand = run_with("", &["patient", "admit", "P-5", "--bed", "ICU-14", "--ward", "w", "--data", data]);
    assert!(String::from_utf8_lossy(&by_hand.stderr).contains("patient P-5 is in ward x: discharge there first"));
    let merge = adt("A3", "A40^ADT_A39", "P-5", "ICU^^12") + "MRG|p1^^^H^MR\r";
    assert_eq!(peer.ask(&merge), "AE A3");
    let beds = shown(&bench);
    assert!(beds.contains("Okafor"), "who was to be merged is still there: {beds}");
    bench.server.run(&["patient", "discharge", "P-5", "--ward", "x"]);
    assert_eq!(peer.ask(&adt("A4", "A01", "P-5", "ICU^^12")), "AA A4");
}
