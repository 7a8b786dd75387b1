//! Devices as people see them: the list with the worst first, one device whole, and the queue of those that are nobody's.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{Server, now, observation, run_with};

struct Bench {
    dir: tempfile::TempDir,
    server: Server,
    token: String,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let token = server.small_ward();
    Bench { dir, server, token }
}

impl Bench {
    fn post(&self, body: &str) -> Value {
        self.server.request("POST", "/v1/observations", &self.token, body.as_bytes()).json()
    }

    fn lines(&self, args: &[&str]) -> Vec<Value> {
        let told = self.server.run(&[&["device"], args, &["--json"]].concat());
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn data(&self) -> &str {
        self.server.data.to_str().unwrap()
    }
}

#[test]
fn the_list_says_what_is_wrong_and_the_worst_is_first() {
    let bench = bench();
    bench.server.run(&["device", "add", "d2", "--gateway", "gw"]);
    bench.post(&observation("hr", 70, now()));
    let put = |device: &str, body: Value| {
        let path = format!("/v1/devices/{device}/twin");
        assert_eq!(bench.server.request("PUT", &path, &bench.token, body.to_string().as_bytes()).status, 200);
    };
    let slow = (now() - wardwatch::domain::Millis::from_secs(300)).to_string();
    put("d1", json!({ "battery_percent": 12, "firmware": "2.1", "time": slow, "applied": 1 }));
    let list = bench.lines(&["list"]);
    let told: Vec<(&str, &Value)> = list.iter().map(|d| (d["device"]["id"].as_str().unwrap(), &d["faults"])).collect();
    let expected =
        [("d2", json!(["never", "unassigned"])), ("d1", json!(["battery_low", "clock_skew"])), ("gw", json!([]))];
    assert_eq!(told, expected.iter().map(|(id, faults)| (*id, faults)).collect::<Vec<_>>());
    assert_eq!((&list[1]["patient"], &list[1]["bed"], &list[1]["tokens"]), (&json!("p1"), &json!("b1"), &json!(1)));
    let text = bench.server.run(&["device", "list"]);
    assert!(text.contains("d1               p1 in b1") && text.contains("battery low, clock wrong"), "{text}");

    bench.server.run(&["device", "enrol", "d1"]);
    let shown = bench.server.run(&["device", "show", "d1"]);
    for part in ["monitor of ward w, behind gw", "firmware 2.1", "battery 12 %", "s behind", "an enrolment code until"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let none = run_with("", &["device", "show", "d9", "--data", bench.data()]);
    assert!(String::from_utf8_lossy(&none.stderr).contains("there is no device d9"));
    let log = bench.server.run(&["audit", "show"]);
    assert!(log.matches("device.view").count() >= 3, "{log}");
}

#[test]
fn what_is_nobodys_waits_until_somebody_assigns_it() {
    let bench = bench();
    let body = |device: &str, named: &str| {
        format!(r#"{{"device":"{device}","vital":"spo2","value":97,"observed_at":"{}"{named}}}"#, now())
    };
    bench.post(&body("d7", r#","patient":"p1""#));
    bench.post(&body("d7", ""));
    bench.server.run(&["device", "add", "d2", "--gateway", "gw"]);
    bench.post(&body("d2", ""));
    bench.post(&body("d1", r#","patient":"p9""#));
    let data = bench.server.data.clone();
    let Bench { dir, server, token } = bench;
    server.kill();
    let bench = Bench { dir, server: Server::start(&data), token };
    let waiting = bench.lines(&["unassigned"]);
    let of = |device: &str| waiting.iter().find(|one| one["device"] == device).unwrap();
    assert_eq!(waiting.len(), 3);
    assert_eq!(
        (&of("d7")["code"], &of("d7")["count"], &of("d7")["patient"], &of("d7")["sender"], &of("d7")["ward"]),
        (&json!("unknown_device"), &json!(2), &json!("p1"), &json!("gw"), &json!("w"))
    );
    assert_eq!((&of("d2")["code"], &of("d1")["code"]), (&json!("not_assigned"), &json!("wrong_patient")));
    assert_eq!(of("d1")["patient"], "p9");
    let text = bench.server.run(&["device", "unassigned"]);
    assert!(text.contains("d7 by gw: 2 values from"), "{text}");

    bench.server.add_bed("b2");
    bench.server.run(&["patient", "admit", "p2", "--bed", "b2"]);
    bench.server.run(&["patient", "assign", "p2", "--device", "d2"]);
    bench.server.run(&["device", "add", "d7", "--gateway", "gw"]);
    let waiting: Vec<Value> = bench.lines(&["unassigned"]);
    assert_eq!(waiting.len(), 2, "an added device waits on, an assigned one does not: {waiting:?}");
    bench.server.run(&["device", "assign", "d7", "--patient", "p2"]);
    bench.server.run(&["patient", "assign", "p2", "--device", "d1", "--move"]);
    assert_eq!(bench.lines(&["unassigned"]).len(), 0);

    let moved = bench.server.run(&["audit", "show"]);
    let last = moved.lines().rev().take(4).collect::<Vec<_>>().join("\n");
    assert!(last.contains("device.unassign") && last.contains("patient=p1"), "both patients are in the trail: {last}");
    let taken = run_with("", &["device", "assign", "d1", "--patient", "p1", "--data", bench.data()]);
    assert!(String::from_utf8_lossy(&taken.stderr).contains("measures patient p2"), "{taken:?}");
    let same = run_with("", &["device", "assign", "d1", "--patient", "p2", "--move", "--data", bench.data()]);
    assert!(
        !same.status.success() && String::from_utf8_lossy(&same.stderr).contains("measures patient p2"),
        "{same:?}"
    );
    bench.server.add_bed("b3");
    bench.server.run(&["patient", "transfer", "p2", "--bed", "b3"]);
    assert_eq!(bench.lines(&["show", "d1"])[0]["bed"], "b3", "a device goes along with its patient");
}

#[test]
fn a_terminal_sees_of_devices_what_its_role_may_see() {
    let bench = bench();
    bench.post(&observation("hr", 70, now()));
    bench.post(&format!(r#"{{"device":"d7","vital":"hr","value":70,"observed_at":"{}","patient":"p1"}}"#, now()));
    bench.server.add_bed("b2");
    bench.server.run(&["patient", "admit", "p2", "--bed", "b2", "--name", "Lindt, Max"]);
    bench.server.run(&["device", "assign", "d1", "--patient", "p2", "--move"]);
    let seen = |role: &str, format: &str| {
        let token = bench.server.user(role, role);
        let (to, token) = (bench.server.url(), token.to_str().unwrap().to_owned());
        let args = ["watch", "--to", &to, "--token-file", &token, "--once", "--devices", "--format", format];
        let done = run_with("", &args);
        assert_eq!(done.status.code(), Some(1), "one is nobody's: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    let list = |role: &str| serde_json::from_str::<Value>(&seen(role, "json")).unwrap()["devices"].clone();
    let d1 =
        |list: &Value| list["devices"].as_array().unwrap().iter().find(|d| d["device"]["id"] == "d1").unwrap().clone();
    let (nurse, ops) = (list("nurse"), list("ops"));
    let whom = |list: &Value| {
        let spans = d1(list)["assignments"].as_array().unwrap().clone();
        spans.iter().map(|span| span["patient"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((whom(&nurse), whom(&ops)), (vec!["p2".to_owned(), "p1".to_owned()], vec!["p2".to_owned()]));
    assert_eq!((&d1(&nurse)["tokens"], &d1(&ops)["tokens"]), (&Value::Null, &json!(1)));
    let named = |list: &Value| list["unplaced"][0]["patient"].clone();
    assert_eq!((named(&nurse), named(&ops)), (json!("p1"), Value::Null));
    let text = seen("charge", "text");
    let expected =
        ["DEMO", "d1: ok; bed b2 Lindt, Max; heard", "gw: ok; gateway", "d7: its values are nobody's; 1 by gw"];
    for part in expected {
        assert!(text.contains(part), "{part}: {text}");
    }
    let log = bench.server.run(&["audit", "show"]);
    assert_eq!(log.matches("device.view").count(), 3, "one for each who looked: {log}");
}
