//! A device goes from one patient to another, by a person's command and by the hospital's own system: what it measured before
//! stays with the first, what it measures from then on is the second's, and what claims otherwise is nobody's.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};
use support::{Server, now, wait_for};
use wardwatch::{
    domain::{DeviceId, Millis, Timestamp, vital::HR},
    store::StoreReader,
};

struct Bench {
    _dir: tempfile::TempDir,
    server: Server,
    mllp: SocketAddr,
    token: String,
}

/// Ward `w`: patient `p1` in bed `b1` with monitor `d1`, patient `p2` in bed `b2`; gateway `gw` speaks HTTP and HL7 v2.
fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let mllp = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = dir.path().join("wardwatch.toml");
    std::fs::write(&config, format!("[mllp.icu]\nlisten = \"{mllp}\"\ndevice = \"gw\"\nadt = true\n")).unwrap();
    let args = ["--mode", "demo", "--config", config.to_str().unwrap()];
    let server = Server::start_with(&dir.path().join("data"), &args);
    let token = server.small_ward();
    server.add_bed("b2");
    server.run(&["patient", "admit", "p2", "--bed", "b2"]);
    Bench { _dir: dir, server, mllp, token }
}

impl Bench {
    /// A heart rate over HTTP; what became of it.
    fn post(&self, value: f64, at: Timestamp, claims: Option<&str>) -> Value {
        let mut body = json!({ "device": "d1", "vital": "hr", "value": value, "observed_at": at.to_string() });
        if let Some(claims) = claims {
            body["patient"] = claims.into();
        }
        self.server.request("POST", "/v1/observations", &self.token, body.to_string().as_bytes()).json()
    }

    /// A message of HL7 v2; its answer, such as `CA M1`.
    fn send(&self, message: &str) -> String {
        let mut stream = TcpStream::connect(self.mllp).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(&[b"\x0b", message.as_bytes(), b"\x1c\r"].concat()).unwrap();
        let (mut answer, mut part) = (Vec::new(), [0; 4096]);
        while !answer.ends_with(b"\x1c\r") {
            let n = stream.read(&mut part).unwrap();
            assert!(n > 0, "the server closed the connection");
            answer.extend_from_slice(&part[..n]);
        }
        let text = String::from_utf8_lossy(&answer).into_owned();
        let msa = text.split('\r').find(|line| line.starts_with("MSA")).unwrap();
        msa.split('|').skip(1).take(2).collect::<Vec<_>>().join(" ")
    }

    fn oru(&self, id: &str, patient: &str, value: u32, at: Timestamp) -> String {
        let at = stamp(at);
        self.send(&format!(
            "MSH|^~\\&|MON|H|WW|H|{at}||ORU^R01^ORU_R01|{id}|P|2.6|||AL|NE\rPID|||{patient}^^^H^MR\rPV1||I|b1\r\
             OBR|1|||182777000^monitoring^SCT|||{at}\r\
             OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|{value}|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F\r"
        ))
    }

    fn adt(&self, id: &str, trigger: &str, patient: &str) -> String {
        let at = stamp(now());
        self.send(&format!(
            "MSH|^~\\&|ADT|H|WW|H|{at}||ADT^{trigger}|{id}|P|2.5.1\rEVN||{at}\rPID|1||{patient}^^^H^MR||Doe^Jane\r\
             PV1|1|I|b1\r"
        ))
    }

    fn whose(&self, device: &str, at: Timestamp) -> Option<String> {
        let device: DeviceId = device.parse().unwrap();
        self.server.reader().sample(&device, HR, at).unwrap().map(|sample| sample.patient.to_string())
    }

    /// The safety alerts of a device: code, priority, cause.
    fn safety_alerts(&self, device: &str) -> Vec<(String, String, String)> {
        let events = self.server.reader().events_after(&"w".parse().unwrap(), 0, 1_000).unwrap();
        let events = events.iter().map(|e| serde_json::to_value(&e.event).unwrap());
        let own = events.filter(|e| e["type"] == "alert" && e["alert"]["device"] == device);
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let told = own.map(|e| (text(&e["alert"]["code"]), text(&e["alert"]["priority"]), text(&e["cause"])));
        told.filter(|(code, _, _)| code == "device.wrong_patient").collect()
    }

    fn dead_letters(&self) -> Vec<String> {
        let told = self.server.run(&["deadletter", "list", "--json", "--code", "wrong_patient"]);
        told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["payload"].to_string()).collect()
    }
}

fn stamp(at: Timestamp) -> String {
    at.utc().format("%Y%m%d%H%M%S+0000").to_string()
}

fn second_of(at: Timestamp) -> Timestamp {
    Timestamp::from_ms(at.as_ms() / 1_000 * 1_000)
}

/// Waits until the clock shows a second after this one: stamps of HL7 v2 have no more.
fn next_second() -> Timestamp {
    let second = second_of(now());
    wait_for("the next second", || Some(second_of(now())).filter(|later| *later > second))
}

#[test]
fn a_moved_device_writes_into_one_chart_and_then_into_the_other() {
    let bench = bench();
    let refused = ("device.wrong_patient".to_owned(), "high".to_owned(), "raised".to_owned());

    // By a person's command.
    let before = now();
    assert_eq!(bench.post(71.0, before, None)["accepted"], 1);
    let late = before + Millis(5);
    wait_for("a moment", || (now() > late + Millis(20)).then_some(()));
    bench.server.run(&["device", "assign", "d1", "--patient", "p2", "--move"]);
    assert_eq!(bench.post(72.0, late, None)["accepted"], 1);
    let after = now();
    assert_eq!(bench.post(73.0, after, Some("p2"))["accepted"], 1);
    let claimed = now() + Millis(1);
    let claim = bench.post(74.0, claimed, Some("p1"));
    assert_eq!((&claim["rejected"], &claim["rejections"][0]["code"]), (&json!(1), &json!("wrong_patient")), "{claim}");
    let whose: Vec<_> = [before, late, after, claimed].map(|at| bench.whose("d1", at)).into();
    assert_eq!(whose, [Some("p1".to_owned()), Some("p1".to_owned()), Some("p2".to_owned()), None]);
    assert_eq!(bench.safety_alerts("d1").first(), Some(&refused));
    let letters = bench.dead_letters();
    assert!(letters.len() == 1 && letters[0].contains("74") && letters[0].contains("p1"), "{letters:?}");

    // By the hospital's own system: p1 leaves bed b1, p3 comes into it, and the monitor of the bed stays.
    let before = next_second();
    assert_eq!(bench.oru("M1", "p1", 81, before), "CA M1");
    let late = next_second();
    next_second();
    assert_eq!([bench.adt("A1", "A03", "p1"), bench.adt("A2", "A01", "p3")], ["AA A1", "AA A2"]);
    assert_eq!(bench.oru("M2", "p1", 82, late), "CA M2", "late data name the patient of their time, and the bed");
    let after = next_second();
    assert_eq!(bench.oru("M3", "p3", 83, after), "CA M3");
    let claimed = next_second();
    assert_eq!(bench.oru("M4", "p1", 84, claimed), "CE M4");
    let whose: Vec<_> = [before, late, after, claimed].map(|at| bench.whose("gw/b1", at)).into();
    assert_eq!(whose, [Some("p1".to_owned()), Some("p1".to_owned()), Some("p3".to_owned()), None]);
    assert_eq!(bench.safety_alerts("gw/b1").first(), Some(&refused));
    let letters = bench.dead_letters();
    assert!(letters.len() == 2 && letters[0].contains("84"), "{letters:?}");
    let history = bench.server.run(&["device", "show", "gw/b1", "--json"]);
    let history: Value = serde_json::from_str(&history).unwrap();
    let whom = |n: usize| history["assignments"][n]["patient"].as_str();
    assert_eq!((whom(0), whom(1), whom(2)), (Some("p3"), Some("p1"), None), "{history}");
}
