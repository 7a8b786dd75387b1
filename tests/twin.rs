//! The twin of a device: what it says of itself and what is wanted of it, over HTTP, durable and for itself alone.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{Answer, Server, now, request, run, run_with};
use wardwatch::{domain::Millis, store::StoreReader};

struct Bench {
    _dir: tempfile::TempDir,
    server: Server,
    /// Of the gateway.
    token: String,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let token = server.small_ward();
    Bench { _dir: dir, server, token }
}

impl Bench {
    fn put(&self, device: &str, body: &Value) -> Answer {
        let path = format!("/v1/devices/{device}/twin");
        self.server.request("PUT", &path, &self.token, body.to_string().as_bytes())
    }

    fn get(&self, device: &str, known: &str) -> Answer {
        let (path, bearer) = (format!("/v1/devices/{device}/twin"), format!("Bearer {}", self.token));
        let headers = [("authorization", bearer.as_str()), ("if-none-match", known)];
        request(self.server.address, "GET", &path, &headers, b"")
    }

    fn reported(&self, device: &str) -> Option<Value> {
        let twins = self.server.reader().twins().unwrap();
        let found = twins.into_iter().find(|twin| twin.device.as_str() == device)?;
        found.reported.map(|reported| serde_json::to_value(reported).unwrap())
    }

    fn alerts(&self) -> Vec<(String, String, String)> {
        let events = self.server.reader().events_after(&"w".parse().unwrap(), 0, 1_000).unwrap();
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let moved = |e: &Value| (text(&e["alert"]["code"]), text(&e["cause"]), text(&e["alert"]["priority"]));
        let events = events.iter().map(|e| serde_json::to_value(&e.event).unwrap());
        events.filter(|e| e["type"] == "alert").map(|e| moved(&e)).collect()
    }
}

#[test]
fn a_device_reads_what_is_wanted_and_says_what_it_does() {
    let bench = bench();
    let first = bench.get("d1", "\"0\"");
    let wanted = json!({ "device": "d1", "version": 1, "intervals_ms": { "spo2": 1000 }, "limits": {} });
    assert_eq!((first.status, first.json()), (200, wanted));
    assert!(first.head.to_lowercase().contains("etag: \"1\""), "{first:?}");
    assert_eq!((bench.get("d1", "\"1\"").status, bench.get("d1", "W/\"1\"").status), (304, 304));
    bench.server.run(&[
        "device",
        "desire",
        "d1",
        "--interval",
        "spo2=2",
        "--limit",
        "spo2=85..",
        "--limit",
        "hr=50..120",
    ]);
    let changed = bench.get("d1", "\"1\"");
    let limits = json!({ "spo2": { "low": 85.0 }, "hr": { "low": 50.0, "high": 120.0 } });
    assert_eq!(
        changed.json(),
        json!({ "device": "d1", "version": 2, "intervals_ms": { "spo2": 2000 }, "limits": limits })
    );
    bench.server.run(&["device", "desire", "d1", "--limit", "hr=none"]);
    let applied = bench.put("d1", &json!({ "firmware": "2.1", "model": "M12", "serial": "A-77", "applied": 3 }));
    assert_eq!((applied.status, &applied.json()["version"]), (200, &json!(3)));
    assert_eq!(applied.json()["limits"], json!({ "spo2": { "low": 85.0 } }));
    let after = bench.get("d1", "\"0\"").json();
    assert_eq!(
        (&after["version"], &after["intervals_ms"]["spo2"]),
        (&json!(3), &json!(2000)),
        "to apply it changes no wish"
    );
    let log = bench.server.run(&["audit", "show"]);
    assert_eq!(log.matches("device.set").count(), 5, "what people changed and what the device took over: {log}");
}

#[test]
fn what_a_device_says_is_durable_when_it_is_answered() {
    let Bench { _dir, server, token } = bench();
    let data = server.data.clone();
    let bench = Bench { _dir, server, token };
    let time = (now() + Millis::from_secs(90)).to_string();
    let said = json!({ "firmware": "2.1", "battery_percent": 64, "time": time });
    assert_eq!(bench.put("d1", &said).status, 200);
    let Bench { _dir, server, token } = bench;
    server.kill();
    let bench = Bench { _dir, server: Server::start(&data), token };
    let reported = bench.reported("d1").unwrap();
    assert_eq!((&reported["firmware"], &reported["battery_percent"]), (&json!("2.1"), &json!(64)));
    let ahead = reported["ahead_ms"].as_i64().unwrap();
    assert!((85_000..=90_000).contains(&ahead), "{ahead}");
    bench.put("self", &json!({ "firmware": "gw 1" }));
    assert_eq!(bench.reported("gw").unwrap()["firmware"], "gw 1", "a token's own device is `self`");
    bench.put("d1", &json!({}));
    assert_eq!(
        bench.reported("d1").unwrap()["firmware"],
        Value::Null,
        "a report is whole: what is absent is not known"
    );
}

#[test]
fn a_low_battery_is_an_alert_of_the_bed_and_ends_with_the_charger() {
    let bench = bench();
    for percent in [30, 20, 4, 90] {
        assert_eq!(bench.put("d1", &json!({ "battery_percent": percent })).status, 200);
    }
    let low = |cause: &str, priority: &str| ("device.battery_low".to_owned(), cause.to_owned(), priority.to_owned());
    let moves: Vec<_> = bench.alerts().into_iter().filter(|(code, _, _)| code == "device.battery_low").collect();
    assert_eq!(moves, [low("raised", "low"), low("worsened", "medium"), low("cleared", "medium")]);
}

#[test]
fn a_token_speaks_for_itself_and_what_is_behind_it() {
    let bench = bench();
    run(&["device", "add", "d2", "--data", bench.server.data.to_str().unwrap()]);
    for other in ["d2", "nobody", "a b"] {
        let path = other.replace(' ', "%20");
        assert_eq!((bench.put(&path, &json!({})).status, bench.get(&path, "").status), (403, 403), "{other}");
    }
    let none = request(bench.server.address, "GET", "/v1/devices/self/twin", &[], b"");
    assert_eq!(none.status, 401);
}

#[test]
fn what_is_no_report_is_said_and_kept() {
    let bench = bench();
    let wrong = bench.put("d1", &json!({ "battery": 12 }));
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("unknown field `battery`") && wrong.body.contains("battery_percent"), "{wrong:?}");
    assert_eq!(bench.put("d1", &json!({ "firmware": "x".repeat(65) })).status, 422);
    assert_eq!(bench.put("d1", &json!({ "firmware": "x".repeat(5_000) })).status, 413);
    let kept = bench.server.run(&["deadletter", "list", "--json", "--code", "twin"]);
    assert_eq!(kept.lines().count(), 2, "{kept}");
    assert_eq!(bench.reported("d1"), None);
    let data = bench.server.data.to_str().unwrap();
    for (args, why) in [
        (&["d1"][..], "nothing is wanted"),
        (&["d1", "--limit", "spo2=.."], "need a low or a high"),
        (&["d1", "--limit", "hr=120..50"], "the low below the high"),
        (&["d1", "--limit", "moon=1.."], "there is no vital moon"),
        (&["d9", "--limit", "hr=1.."], "there is no device d9"),
        (&["d1", "--limit", "hr=50"], "VITAL=LOW..HIGH"),
    ] {
        let done = run_with("", &[&["device", "desire"], args, &["--data", data]].concat());
        assert!(!done.status.success() && String::from_utf8_lossy(&done.stderr).contains(why), "{done:?}");
    }
}
