//! Observations over HTTP and websocket: good input is durable when it is answered, bad input gets a clear error, is kept
//! as a dead letter, and harms nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use support::{PASSPHRASE, Server, now, observation, request, run, run_with};
use wardwatch::{
    client::{Endpoint, SendError, Sender},
    domain::{Millis, vital::SPO2},
    store::{DataFolder, StoreReader, sqlite::SqliteReader},
};

struct Bench {
    _dir: tempfile::TempDir,
    server: Server,
    token: String,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let token = server.small_ward();
    Bench { _dir: dir, server, token }
}

impl Bench {
    fn post(&self, body: &str) -> support::Answer {
        self.server.request("POST", "/v1/observations", &self.token, body.as_bytes())
    }

    fn dead_letters(&self) -> u64 {
        let status = run(&["status", "--json", "--data", self.server.data.to_str().unwrap()]);
        serde_json::from_str::<serde_json::Value>(&status).unwrap()["dead_letters"].as_u64().unwrap()
    }

    /// The server still does its work.
    fn still_works(&self) {
        let answer = self.post(&observation("spo2", 97, now()));
        assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (200, Some(1)), "{answer:?}");
    }

    fn reader(&self) -> SqliteReader {
        SqliteReader::open(&DataFolder::open(&self.server.data).unwrap()).unwrap()
    }
}

#[test]
fn what_is_answered_is_on_the_disk() {
    let bench = bench();
    let at = now();
    let body = format!("[{},{}]", observation("spo2", "97.0", at), observation("hr", 72, at));
    let answer = bench.post(&body);
    assert_eq!(answer.json(), serde_json::json!({"accepted": 2, "duplicate": 0, "rejected": 0, "late": 0}));
    assert_eq!(bench.reader().sample(&"d1".parse().unwrap(), SPO2, at).unwrap().unwrap().value, 97.0);
    let again = bench.post(&body);
    assert_eq!(again.json()["duplicate"], 2, "the same again is stored once");
    let other = bench.post(&observation("spo2", 96, at));
    assert_eq!(other.json()["rejections"][0]["code"], "conflict");
    let ndjson = format!("{}\n{}\n", observation("spo2", 97, at + Millis(1)), observation("rr", 14, at));
    let headers = [("authorization", &*format!("Bearer {}", bench.token)), ("content-type", "application/x-ndjson")];
    let answer = request(bench.server.address, "POST", "/v1/observations", &headers, ndjson.as_bytes());
    assert_eq!(answer.json()["accepted"], 2);
}

#[test]
fn bad_bodies_are_refused_as_a_whole() {
    let bench = bench();
    for (body, status, code, says) in [
        ("{\"vital\": \"spo2\", ", 400, "body-not-json", "line 1"),
        ("", 400, "body-empty", "empty"),
        ("[{\"vital\":\"spo2\",\"value\":NaN}]", 400, "body-not-json", "column"),
        ("\u{0}\u{1}junk", 400, "body-not-json", "not JSON"),
    ] {
        let before = bench.dead_letters();
        let answer = bench.post(body);
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.head.to_lowercase().contains("content-type: application/problem+json"), "{answer:?}");
        let problem = answer.json();
        assert_eq!(problem["type"], format!("urn:wardwatch:problem:{code}"));
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
        assert_eq!(bench.dead_letters(), before + 1, "it is kept: {body:?}");
    }
    let junk = vec![b'x'; 10 * 1024 * 1024];
    let answer = bench.server.request("POST", "/v1/observations", &bench.token, &junk);
    assert_eq!(answer.status, 413, "{answer:?}");
    bench.still_works();
}

#[test]
fn bad_observations_harm_no_other() {
    let bench = bench();
    let at = now();
    let item = |fields: &str| format!(r#"{{"device":"d1","observed_at":"{at}",{fields}}}"#);
    let body = format!(
        "[{}]",
        [
            item(r#""vital":"spo2","value":97,"unit":"mmHg""#),
            item(r#""vital":"spo2","value":97,"patient":"nobody""#),
            item(r#""vital":"spo2","value":"97""#),
            item(r#""vital":"spo2","value":250"#),
            r#"{"device":"d1","vital":"spo2","value":97,"observed_at":"2199-01-01T00:00:00Z"}"#.to_owned(),
            observation("spo2", 97, at).replace("d1", "stranger"),
            "7".to_owned(),
            observation("spo2", 96, at),
        ]
        .join(",")
    );
    let answer = bench.post(&body);
    assert_eq!(answer.status, 200);
    let report = answer.json();
    assert_eq!((report["accepted"].as_u64(), report["rejected"].as_u64()), (Some(1), Some(7)));
    let codes: Vec<&str> =
        report["rejections"].as_array().unwrap().iter().map(|r| r["code"].as_str().unwrap()).collect();
    let expected =
        ["wrong_unit", "wrong_patient", "not_a_number", "impossible", "in_the_future", "unknown_device", "malformed"];
    assert_eq!(codes.iter().filter(|c| expected.contains(c)).count(), 7, "{codes:?}");
    assert_eq!(bench.dead_letters(), 7);
    bench.still_works();
}

#[test]
fn tokens_of_others_and_expired_sessions_are_refused() {
    let bench = bench();
    let data = bench.server.data.to_str().unwrap();
    let other = run(&["device", "add", "d2", "--data", data]);
    let body = observation("spo2", 97, now());
    let answer = bench.server.request("POST", "/v1/observations", other.trim(), body.as_bytes());
    assert_eq!(answer.json()["rejections"][0]["code"], "other_device");
    for token in ["", "nonsense", "wwd_demo_AAAA", &bench.token.replace("demo", "live")] {
        let answer = bench.server.request("POST", "/v1/observations", token, body.as_bytes());
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(answer.head.to_lowercase().contains("www-authenticate: bearer"));
    }
    let file = bench.server.user("anna", "nurse");
    let session = std::fs::read_to_string(&file).unwrap();
    let answer = bench.server.request("POST", "/v1/observations", session.trim(), body.as_bytes());
    assert_eq!(answer.status, 401, "a person is no device");
    run(&["logout", "--to", &bench.server.url(), "--token-file", file.to_str().unwrap()]);
    let again = bench.server.request("POST", "/v1/logout", session.trim(), b"");
    assert_eq!(again.status, 401, "a session that was ended stays so");
    let renewed = run(&["device", "add", "gw", "--kind", "gateway", "--data", data]);
    assert_eq!(bench.post(&body).status, 401, "a new token of a device ends the old one");
    let answer = bench.server.request("POST", "/v1/observations", renewed.trim(), body.as_bytes());
    assert_eq!(answer.json()["accepted"], 1);
}

#[test]
fn an_expired_session_is_over_whatever_one_does() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut command = support::program();
    command.args(["serve", "--mode", "demo", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    let server = Server::spawn(&mut command, &data);
    let file = server.user("anna", "nurse");
    let token = std::fs::read_to_string(&file).unwrap();
    run_with("", &["user", "disable", "anna", "--data", data.to_str().unwrap()]);
    let answer = server.request("POST", "/v1/logout", token.trim(), b"");
    assert_eq!(answer.status, 401);
    let args = ["login", "--to", &server.url(), "--user", "anna", "--token-file", file.to_str().unwrap()];
    assert_eq!(run_with(PASSPHRASE, &args).status.code(), Some(2), "a disabled user cannot come back");
}

#[test]
fn control_characters_and_direction_marks_in_a_name_are_inert() {
    let bench = bench();
    let data = bench.server.data.to_str().unwrap();
    run(&["bed", "add", "b2", "--data", data]);
    let name = "Evil\u{1b}]0;owned\u{7}\u{202e}nam\u{200f}e\u{9b}31m";
    run(&["patient", "admit", "p2", "--bed", "b2", "--name", name, "--data", data]);
    let events = bench.reader().events_after(&"w".parse().unwrap(), 0, 100).unwrap();
    let text = serde_json::to_string(&events).unwrap();
    assert!(text.contains("Evil]0;ownedname31m"), "{text}");
    let bad = observation("spo2", 97, now()).replace("\"d1\"", "\"d\\u001b[2J1\"");
    let answer = bench.post(&bad);
    assert!(!answer.body.contains('\u{1b}') && !answer.body.contains("\\u001b"), "{answer:?}");
    bench.still_works();
}

#[test]
fn other_methods_paths_and_media_types_are_told_so() {
    let bench = bench();
    let address = bench.server.address;
    assert_eq!(request(address, "GET", "/v1/observations", &[], b"").status, 405);
    assert_eq!(request(address, "GET", "/nothing", &[], b"").status, 404);
    let headers = [("authorization", &*format!("Bearer {}", bench.token)), ("content-type", "application/xml")];
    assert_eq!(request(address, "POST", "/v1/observations", &headers, b"<x/>").status, 415);
    assert_eq!(request(address, "GET", "/healthz", &[], b"").body, "ok\n");
    assert_eq!(request(address, "GET", "/readyz", &[], b"").json()["ready"], true);
    let metrics = request(address, "GET", "/metrics", &[], b"").body;
    assert!(metrics.contains("wardwatch_recording 1") && metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(!metrics.contains("p1"), "no patient in the metrics");
}

#[test]
fn login_says_the_same_for_a_wrong_passphrase_and_an_unknown_user() {
    let bench = bench();
    bench.server.user("anna", "nurse");
    let login = |user: &str, passphrase: &str| {
        let body = serde_json::json!({ "user": user, "passphrase": passphrase }).to_string();
        request(bench.server.address, "POST", "/v1/login", &[], body.as_bytes())
    };
    let (wrong, unknown) = (login("anna", "not the passphrase"), login("mallory", "not the passphrase"));
    assert_eq!((wrong.status, &wrong.body), (401, &unknown.body));
    assert_eq!(login("ANNA", PASSPHRASE).status, 200, "names are one without regard to case");
    let waits: Vec<u16> = (0..5).map(|_| login("mallory", "guess guess guess").status).collect();
    assert!(waits.contains(&429), "{waits:?}");
    let answer = login("mallory", PASSPHRASE);
    assert_eq!(answer.status, 429);
    assert!(answer.head.to_lowercase().contains("retry-after: "), "{answer:?}");
    assert_eq!(login("anna", PASSPHRASE).status, 200, "others do not wait");
    let trail = run(&["audit", "show", "--data", bench.server.data.to_str().unwrap()]);
    assert!(trail.matches("user.login").count() >= 8, "each that was looked at, good or bad, leaves an entry: {trail}");
    assert_eq!(trail.matches("code=wait").count(), 1, "those that had to wait leave one a minute and name: {trail}");
    let json = run(&["audit", "show", "--json", "--data", bench.server.data.to_str().unwrap()]);
    assert!(!json.contains("mallory") && !json.contains("anna") && !json.contains("Okafor"), "no name in an entry");
}

#[tokio::test]
async fn a_device_sends_over_the_websocket() {
    let bench = bench();
    let endpoint: Endpoint = bench.server.url().parse().unwrap();
    let token = wardwatch::access::Secret::new(bench.token.clone());
    let mut sender = Sender::connect(&endpoint, &token).await.unwrap();
    let at = now();
    let report = sender.send(&[observation("spo2", 97, at), observation("spo2", "true", at)]).await.unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 1));
    assert_eq!(sender.send(&[observation("spo2", 97, at)]).await.unwrap().duplicate, 1);
    let wrong = wardwatch::access::Secret::new("wwd_demo_wrong".into());
    let Err(SendError::Refused(why)) = Sender::connect(&endpoint, &wrong).await else { panic!("refused") };
    assert!(why.contains("not valid"), "{why}");
}
