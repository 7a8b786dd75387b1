//! MQTT with a real broker and its own clients: what is acknowledged is durable, what is delivered again is stored once, what
//! cannot be used is kept and stalls nothing, what may be old is no present, and a broker that is gone is told of.
//!
//! Where Mosquitto is not installed the tests say so and do nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use prost::Message;
use serde_json::Value;
use std::path::{Path, PathBuf};
use support::{Server, broker::Broker, certificates, now, observation, run_with, wait_for};
use wardwatch::{
    domain::{
        Cause, DeviceId, EventBody, Millis, Timestamp, VitalCode,
        liveness::LOST_AFTER_MIN,
        vital::{HR, SPO2},
    },
    fhir::{
        ResourceKind,
        search::{Sort, SortKey},
    },
    ingest::sparkplug::{Metric, Payload, REBIRTH_METRIC, metric},
    store::{ResourceQuery, StoreReader},
};

struct Bench {
    dir: tempfile::TempDir,
    server: Server,
    broker: Broker,
    /// Of this test alone.
    root: String,
}

/// A name that no other test and no other run has.
fn unique() -> String {
    format!("ww{}{}", std::process::id(), now().as_ms() % 10_000_000)
}

/// The configuration of a source that stands for gateway `gw`.
fn config(broker: &Broker, root: &str, settings: &str) -> String {
    let port = broker.address.port();
    let host = if settings.contains("tls = true") { "localhost" } else { "127.0.0.1" };
    let mut text = format!("[mqtt.icu]\nhost = \"{host}\"\nport = {port}\ndevice = \"gw\"\n");
    if !settings.contains("client_id") {
        text.push_str(&format!("client_id = \"{root}\"\n"));
    }
    if !settings.contains("payload") {
        text.push_str("payload = \"native\"\n");
    }
    if !settings.contains("topics") {
        text.push_str(&format!("topics = [\"{root}/{{device}}/vitals\"]\n"));
    }
    text + &settings.replace("ROOT", root)
}

fn serve(dir: &Path, text: &str) -> Server {
    let file = dir.join("wardwatch.toml");
    std::fs::write(&file, text).unwrap();
    Server::start_with(&dir.join("data"), &["--mode", "demo", "--config", file.to_str().unwrap()])
}

impl Bench {
    /// A server with ward `w`, patient `p1` and monitor `d1` behind `gw`, connected to a broker.
    fn new(broker: Broker, settings: &str) -> Self {
        let bench = Self::away(broker, settings);
        bench.is_connected();
        bench
    }

    /// As [`Bench::new`], for one that may not connect.
    fn away(broker: Broker, settings: &str) -> Self {
        let (dir, root) = (tempfile::tempdir().unwrap(), unique());
        let server = serve(dir.path(), &config(&broker, &root, settings));
        server.small_ward();
        Self { dir, server, broker, root }
    }

    fn source(&self) -> Value {
        let status: Value = serde_json::from_str(&self.server.run(&["status", "--json"])).unwrap();
        status["sources"][0].clone()
    }

    fn is_connected(&self) {
        let until = support::deadline();
        while self.source()["state"]["is"] != "connected" {
            assert!(support::before(until), "{}: {}", self.source(), self.server.log());
            support::pause(50);
        }
    }

    fn topic(&self, device: &str) -> String {
        format!("{}/{device}/vitals", self.root)
    }

    fn publish(&self, device: &str, payload: &str) {
        self.broker.publish(&self.topic(device), payload.as_bytes(), &[]);
    }

    fn stored(&self, vital: VitalCode, at: Timestamp) -> Option<f64> {
        let device: DeviceId = "d1".parse().unwrap();
        self.server.reader().sample(&device, vital, at).unwrap().map(|s| s.value)
    }

    fn is_stored(&self, vital: VitalCode, at: Timestamp, value: f64) {
        wait_for("the value", || self.stored(vital, at).filter(|stored| *stored == value));
    }

    fn metrics(&self) -> String {
        support::request(self.server.address, "GET", "/metrics", &[], b"").body
    }

    fn counted(&self, result: &str, n: u64) {
        let line = format!("wardwatch_mqtt_messages_total{{source=\"icu\",result=\"{result}\"}} {n}\n");
        wait_for(&line, || self.metrics().contains(&line).then_some(()));
    }

    fn dead_letters(&self) -> Vec<String> {
        let text = self.server.run(&["deadletter", "list", "--json"]);
        let letters: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        letters.iter().map(|letter| letter["detail"].as_str().unwrap().to_owned()).collect()
    }

    /// The moves of the alerts whose code begins so, with their details.
    fn alerts(&self, code: &str) -> Vec<(Cause, String)> {
        let events = self.server.reader().events_after(&"w".parse().unwrap(), 0, 1_000).unwrap();
        let told = events.into_iter().filter_map(|e| match e.event.body {
            EventBody::Alert { alert, cause, .. } if alert.key.code.to_string().starts_with(code) => {
                Some((cause, alert.detail.unwrap_or_default()))
            }
            _ => None,
        });
        told.collect()
    }

    /// What a screen shows of the ward.
    fn shown(&self, token: &Path) -> String {
        let to = self.server.url();
        let args = ["watch", "--to", &to, "--token-file", token.to_str().unwrap(), "--once", "--format", "json"];
        String::from_utf8(run_with("", &args).stdout).unwrap()
    }
}

const ANYBODY: &str = "allow_anonymous true";

#[test]
fn what_is_published_is_on_the_disk_and_on_the_screen() {
    let Some(broker) = Broker::local("what_is_published") else { return };
    let bench = Bench::new(broker, "");
    let at = now();
    bench.publish("d1", &observation("hr", 77, at));
    bench.is_stored(HR, at, 77.0);
    let shown = bench.shown(&bench.server.user("anna", "nurse"));
    assert!(shown.contains("\"value\": 77.0") && shown.contains("\"liveness\": \"live\""), "{shown}");
    bench.counted("accepted", 1);
    assert!(bench.metrics().contains("wardwatch_mqtt_connected{source=\"icu\"} 1"));
    let status = bench.server.run(&["status"]);
    assert!(
        status.contains("mqtt.icu at 127.0.0.1:1883: connected since") && status.contains("1 messages"),
        "{status}"
    );
}

#[test]
fn version_3_1_1_is_spoken_too_and_what_comes_again_is_stored_once() {
    let Some(broker) = Broker::local("version_3_1_1") else { return };
    let bench = Bench::new(broker, "version = \"3.1.1\"\n");
    let at = now();
    for _ in 0..3 {
        bench.publish("d1", &observation("hr", 77, at));
    }
    bench.is_stored(HR, at, 77.0);
    bench.counted("accepted", 1);
    bench.counted("duplicate", 2);
    bench.publish("d1", &observation("hr", 78, at));
    bench.counted("rejected", 1);
    assert_eq!(bench.stored(HR, at), Some(77.0), "another value for the same time is no repetition");
}

#[test]
fn the_device_of_the_topic_and_of_the_payload_are_one() {
    let Some(broker) = Broker::local("the_device_of_the_topic") else { return };
    let bench = Bench::new(broker, "");
    let at = now();
    bench.publish("d2", &observation("hr", 77, at));
    bench.counted("rejected", 1);
    assert_eq!(bench.stored(HR, at), None);
    let letters = bench.dead_letters();
    assert!(letters[0].contains("the topic names device d2 and the payload device d1"), "{letters:?}");
    let again = run_with("", &["deadletter", "retry", "1", "--data", bench.server.data.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(said.contains("1 refused: the topic names device d2"), "nor when it is driven again: {said}");
    assert_eq!(bench.stored(HR, at), None);
    let later = at + Millis(1_000);
    bench.publish("d1", &format!(r#"{{"vital":"hr","value":71,"observed_at":"{later}"}}"#));
    bench.is_stored(HR, later, 71.0);
    // What names no device is its topic's, also when it is driven again.
    bench.server.run(&["device", "add", "d3", "--gateway", "gw"]);
    bench.publish("d3", &format!(r#"{{"vital":"hr","value":72,"observed_at":"{later}"}}"#));
    bench.counted("rejected", 2);
    bench.server.run(&["device", "assign", "d3", "--patient", "p1", "--since", &at.to_string()]);
    let letters = bench.server.run(&["deadletter", "list", "--json"]);
    let letter = letters.lines().find(|line| line.contains("assigned to nobody")).unwrap();
    let number = serde_json::from_str::<Value>(letter).unwrap()["no"].to_string();
    bench.server.run(&["deadletter", "retry", &number]);
    let device: DeviceId = "d3".parse().unwrap();
    assert_eq!(bench.server.reader().sample(&device, HR, later).unwrap().map(|s| s.value), Some(72.0));
}

#[test]
fn a_wider_topic_does_not_hide_which_device_a_topic_names() {
    let Some(broker) = Broker::local("a_wider_topic") else { return };
    let bench = Bench::new(broker, "topics = [\"ROOT/#\", \"ROOT/{device}/vitals\"]\n");
    let at = now();
    bench.publish("d2", &observation("hr", 77, at));
    wait_for("the dead letter", || bench.dead_letters().pop().filter(|l| l.contains("the topic names device d2")));
    assert_eq!(bench.stored(HR, at), None);
}

#[test]
fn a_bad_message_is_kept_and_stalls_no_other() {
    for version in ["3.1.1", "5"] {
        let Some(broker) = Broker::local("a_bad_message") else { return };
        let bench = Bench::new(broker, &format!("version = \"{version}\"\nmessage_bytes = 2000\nin_flight = 1\n"));
        let at = now();
        bench.publish("d1", "{\"hr\":");
        bench.publish("d1", &"x".repeat(200_000));
        bench.publish("a b", &observation("hr", 70, at));
        bench.publish("d1", "");
        bench.publish("d1", &observation("mood", 7, at));
        bench.publish("d1", &observation("hr", 77, at));
        bench.is_stored(HR, at, 77.0);
        bench.counted("unusable", 3);
        bench.counted("empty", 1);
        let letters = bench.dead_letters().join("\n");
        for why in ["not JSON", "longer than 2000 bytes", "names device \"a b\"", "\"mood\" is not known"] {
            assert!(letters.contains(why), "{why}: {letters}");
        }
    }
}

#[test]
fn what_was_retained_may_be_old_and_is_no_present() {
    let versions = ["3.1.1", "5"];
    let Some(broker) = Broker::local("what_was_retained") else { return };
    let root = unique();
    let made = versions.map(|_| {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(&dir.path().join("data"));
        server.small_ward();
        server.user("anna", "nurse");
        server.stop();
        dir
    });
    let old = now();
    let topic = |device: &str| format!("{root}/{device}/vitals");
    broker.publish(&topic("d1"), observation("spo2", 70, old).as_bytes(), &["-r"]);
    broker.publish(&topic("gw"), br#"{"vital":"hr","value":40}"#, &["-r"]);
    wait_for("its age", || (now().since(old) > LOST_AFTER_MIN).then_some(()));
    for (version, dir) in versions.into_iter().zip(made) {
        let own = Broker::local("what_was_retained").unwrap();
        let settings = format!("version = \"{version}\"\nclient_id = \"{}\"\n", unique());
        let server = serve(dir.path(), &config(&broker, &root, &settings));
        let token = server.login("anna");
        let bench = Bench { dir, server, broker: own, root: root.clone() };
        bench.is_stored(SPO2, old, 70.0);
        bench.counted("rejected", 1);
        let letters = bench.dead_letters();
        assert!(letters[0].contains("observed_at"), "without a time of its own it says nothing: {letters:?}");
        let shown = bench.shown(&token);
        assert!(!shown.contains("\"liveness\": \"live\""), "{shown}");
        assert!(bench.alerts("spo2.low").is_empty(), "a violation of then is no alarm of now");
        let at = now();
        bench.publish("d1", &observation("hr", 77, at));
        bench.is_stored(HR, at, 77.0);
    }
    for device in ["d1", "gw"] {
        broker.forget(&topic(device));
    }
}

#[test]
fn what_is_published_while_the_server_is_dead_comes_when_it_is_back() {
    for version in ["3.1.1", "5"] {
        let Some(broker) = Broker::local("what_is_published_while") else { return };
        let bench = Bench::new(broker, &format!("version = \"{version}\"\n"));
        let Bench { dir, server, broker, root } = bench;
        server.kill();
        let at = now();
        let times: Vec<Timestamp> = (0..20).map(|n| at + Millis(n * 100)).collect();
        for time in &times {
            broker.publish(&format!("{root}/d1/vitals"), observation("hr", 77, *time).as_bytes(), &[]);
        }
        let server = serve(dir.path(), &config(&broker, &root, &format!("version = \"{version}\"\n")));
        let bench = Bench { dir, server, broker, root };
        for time in &times {
            bench.is_stored(HR, *time, 77.0);
        }
    }
}

/// A server on a disk that takes no more after a while, made by a bound on the size of files.
#[test]
fn what_cannot_be_recorded_is_not_acknowledged_and_comes_again() {
    let Some(broker) = Broker::local("what_cannot_be_recorded") else { return };
    let Bench { dir, server, broker, root } = Bench::new(broker, "");
    server.stop();
    let data = dir.path().join("data");
    let file = dir.path().join("wardwatch.toml");
    let mut command = std::process::Command::new("sh");
    command.arg("-c").arg("ulimit -f 2000; exec \"$0\" serve --listen 127.0.0.1:0 --config \"$2\" --data \"$1\"");
    let exe = support::program().get_program().to_owned();
    command.arg(exe).arg(&data).arg(&file).env("WARDWATCH_DISK__ALERT_PERCENT", "100");
    let server = Server::spawn(command.env("WARDWATCH_PASSPHRASE__MEMORY_KIB", "64"), &data);
    let bench = Bench { dir, server, broker, root };
    bench.is_connected();
    let start = now();
    let time = |n: i64| start + Millis(n);
    // Until the disk takes no more.
    let mut sent = 0;
    while !bench.metrics().contains("result=\"not_now\"") {
        assert!(sent < 20_000, "the disk takes everything");
        let lines: Vec<String> = (sent..sent + 200).map(|n| observation("hr", 77, time(n))).collect();
        bench.broker.publish(&bench.topic("d1"), lines.join("\n").as_bytes(), &["-l"]);
        sent += 200;
    }
    let status = bench.source();
    assert_eq!(status["state"]["is"], "away", "{status}");
    assert!(status["state"]["why"].as_str().unwrap().contains("cannot record"), "{status}");
    let Bench { dir, server, broker, root } = bench;
    server.kill();
    let server = serve(dir.path(), &config(&broker, &root, ""));
    let bench = Bench { dir, server, broker, root };
    for n in (0..sent).step_by(997).chain([sent - 1]) {
        bench.is_stored(HR, time(n), 77.0);
    }
}

#[test]
fn a_broker_that_is_gone_is_told_of_and_found_again() {
    let Some(broker) = Broker::own("a_broker_that_is_gone", ANYBODY, |_| ()) else { return };
    let mut bench = Bench::new(broker, "lost_after_s = 1\n");
    assert!(bench.alerts("system.source_lost").is_empty());
    bench.broker.stop();
    let (cause, detail) = wait_for("the alert", || bench.alerts("system.source_lost").pop());
    assert_eq!(cause, Cause::Raised);
    assert!(detail.starts_with("mqtt.icu at 127.0.0.1:"), "{detail}");
    assert!(bench.server.run(&["status"]).contains("NOT CONNECTED since"));
    assert!(bench.metrics().contains("wardwatch_mqtt_connected{source=\"icu\"} 0"));
    bench.broker.start();
    bench.is_connected();
    wait_for("its end", || bench.alerts("system.source_lost").pop().filter(|(cause, _)| *cause == Cause::Cleared));
    let at = now();
    bench.publish("d1", &observation("hr", 77, at));
    bench.is_stored(HR, at, 77.0);
}

#[test]
fn a_broker_that_was_never_there_keeps_no_server_from_starting() {
    let Some(mut broker) = Broker::own("a_broker_that_was_never_there", ANYBODY, |_| ()) else { return };
    broker.stop();
    let mut bench = Bench::away(broker, "lost_after_s = 1\n");
    wait_for("the alert", || bench.alerts("system.source_lost").pop());
    bench.broker.start();
    bench.is_connected();
}

#[test]
fn servers_of_one_group_share_the_messages() {
    let Some(broker) = Broker::local("servers_of_one_group") else { return };
    let root = unique();
    let settings = |n: usize| format!("shared_group = \"{root}g\"\nclient_id = \"{root}{n}\"\n");
    let benches: Vec<Bench> = (0..2)
        .map(|n| {
            let dir = tempfile::tempdir().unwrap();
            let server = serve(dir.path(), &config(&broker, &root, &settings(n)));
            server.small_ward();
            let own = Broker::local("servers_of_one_group").unwrap();
            let bench = Bench { dir, server, broker: own, root: root.clone() };
            bench.is_connected();
            bench
        })
        .collect();
    let times: Vec<Timestamp> = (0..20).map(|n| now() + Millis(n * 50)).collect();
    for time in &times {
        benches[0].publish("d1", &observation("hr", 77, *time));
    }
    let has = |bench: &Bench| times.iter().filter(|time| bench.stored(HR, **time).is_some()).count();
    let until = support::deadline();
    while benches.iter().map(has).sum::<usize>() != times.len() {
        let figures: Vec<_> = benches.iter().map(|b| (has(b), b.source(), b.dead_letters())).collect();
        assert!(support::before(until), "{figures:?}");
        support::pause(200);
    }
    assert!(benches.iter().all(|bench| has(bench) > 0), "each has a part of them");
}

#[test]
fn the_way_to_the_broker_is_secret_and_both_are_known() {
    let files = tempfile::tempdir().unwrap();
    certificates(files.path(), &["broker", "client"]);
    let file = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
    let settings = format!(
        "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n",
        file("ca.pem"),
        file("broker.crt"),
        file("broker.key")
    );
    let Some(mut broker) = Broker::own("the_way_to_the_broker", &settings, |_| ()) else { return };
    let args = ["--cafile", &file("ca.pem"), "--cert", &file("client.crt"), "--key", &file("client.key"), "--insecure"];
    broker.client = args.iter().map(|arg| (*arg).to_owned()).collect();
    let tls = |ca: &str, more: &str| format!("tls = true\nca_file = \"{}\"\n{more}", file(ca));
    let identity = format!("cert_file = \"{}\"\nkey_file = \"{}\"\n", file("client.crt"), file("client.key"));
    let dir = tempfile::tempdir().unwrap();
    for (wrong, why) in [(tls("other.pem", &identity), "certificate"), (tls("ca.pem", ""), "")] {
        let server = serve(dir.path(), &config(&broker, &unique(), &wrong));
        let state = || {
            let status: Value = serde_json::from_str(&server.run(&["status", "--json"])).unwrap();
            let state = status["sources"][0]["state"].clone();
            assert_eq!(state["is"], "away", "{state}");
            state["why"].as_str().filter(|why| !why.contains("not connected yet")).map(str::to_owned)
        };
        let said = wait_for("the refusal", state);
        assert!(said.to_lowercase().contains(why), "{said}");
        server.stop();
    }
    let bench = Bench::new(broker, &tls("ca.pem", &format!("{identity}version = \"3.1.1\"\n")));
    let at = now();
    bench.publish("d1", &observation("hr", 77, at));
    bench.is_stored(HR, at, 77.0);
}

#[test]
fn a_passphrase_is_read_from_a_file_and_told_to_nobody() {
    let made = |dir: &Path| {
        let passwords = dir.join("passwords");
        let done = std::process::Command::new("mosquitto_passwd")
            .args(["-c", "-b", passwords.to_str().unwrap(), "ww", "open sesame"])
            .status();
        assert!(done.unwrap().success());
    };
    let Some(mut broker) = Broker::own("a_passphrase", "allow_anonymous false\npassword_file DIR/passwords", made)
    else {
        return;
    };
    broker.client = ["-u", "ww", "-P", "open sesame"].map(str::to_owned).to_vec();
    let secrets = tempfile::tempdir().unwrap();
    let secret: PathBuf = secrets.path().join("secret");
    support::secret_file(&secret, "open sesame\n");
    let bench = Bench::new(broker, &format!("user = \"ww\"\npassword_file = \"{}\"\n", secret.display()));
    let at = now();
    bench.publish("d1", &observation("hr", 77, at));
    bench.is_stored(HR, at, 77.0);
    assert!(!bench.server.log().contains("sesame"));
}

#[test]
fn messages_of_any_shape_come_by_the_mappings() {
    let Some(broker) = Broker::local("messages_of_any_shape") else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mapping");
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (device, fhir) = (file("monitor.device.json"), file("monitor.fhir.json"));
    let mappings = format!("\n[medtech]\ndevice_mapping = \"{device}\"\nfhir_mapping = \"{fhir}\"\n");
    let bench = Bench::new(broker, &format!("payload = \"medtech\"\n{mappings}"));
    let at = now();
    let message = |device: &str, at: Timestamp| {
        format!(
            r#"{{ "monitor": "{device}", "taken": "{at}", "ecg": {{ "rate": 77 }}, "pleth": {{ "fraction": 0.97 }} }}"#
        )
    };
    bench.publish("d1", &message("d1", at));
    bench.is_stored(HR, at, 77.0);
    bench.is_stored(SPO2, at, 97.0);
    bench.publish("d2", &message("d1", at + Millis(1_000)));
    bench.counted("rejected", 1);
    assert_eq!(bench.stored(HR, at + Millis(1_000)), None);
    bench.publish("d1", "[]");
    bench.counted("rejected", 2);
    assert_eq!(bench.dead_letters().len(), 3);
    let all = ResourceQuery {
        kind: ResourceKind::Observation,
        filters: Vec::new(),
        source: None,
        sort: Sort { key: SortKey::Updated, descending: false },
        limit: 9,
        page: None,
    };
    let made = bench.server.reader().search_resources(&all).unwrap().found;
    assert_eq!(made.len(), 2, "the Observations of the message that was taken");
    assert!(made.iter().all(|stored| stored.patient.as_ref().is_some_and(|patient| patient.as_str() == "p1")));
}

/// A message of edge node `edge` of the test's group.
fn sparkplug(bench: &Bench, kind: &str, seq: Option<u64>, metrics: Vec<Metric>) {
    let timestamp = u64::try_from(now().as_ms()).ok();
    let device = if kind.starts_with('N') { "" } else { "/d1" };
    let payload = Payload { timestamp, metrics, seq }.encode_to_vec();
    bench.broker.publish(&format!("spBv1.0/{}/{kind}/edge{device}", bench.root), &payload, &[]);
}

fn named(name: &str, alias: u64, value: f32) -> Metric {
    Metric { name: Some(name.to_owned()), ..by_alias(alias, value) }
}

fn by_alias(alias: u64, value: f32) -> Metric {
    Metric { alias: Some(alias), value: Some(metric::Value::Float(value)), ..Metric::default() }
}

fn bd_seq(n: u64) -> Metric {
    Metric { name: Some("bdSeq".to_owned()), value: Some(metric::Value::Long(n)), ..Metric::default() }
}

#[test]
fn an_edge_node_is_born_speaks_misses_something_is_asked_and_dies() {
    let Some(broker) = Broker::local("an_edge_node") else { return };
    let bench = Bench::new(broker, "payload = \"sparkplug\"\ntopics = [\"spBv1.0/ROOT/+/edge/#\"]\n");
    let token = bench.server.user("anna", "nurse");
    let newest = |value: f64| {
        wait_for("the value", || {
            let rows = bench.server.reader().newest_samples(&"w".parse().unwrap(), Timestamp::MIN).unwrap();
            rows.iter().any(|(key, kept)| key.device.as_str() == "d1" && kept.value == value).then_some(())
        });
    };
    let asked = bench.broker.await_message(&format!("spBv1.0/{}/NCMD/edge", bench.root));
    sparkplug(&bench, "DDATA", Some(7), vec![by_alias(1, 70.0)]);
    let command = Payload::decode(asked.join().unwrap().as_slice()).unwrap();
    assert_eq!(
        command.metrics[0].name.as_deref(),
        Some(REBIRTH_METRIC),
        "a node that nobody knows is asked to be born"
    );
    bench.counted("rejected", 1);
    let birth = |bd: u64| {
        sparkplug(&bench, "NBIRTH", Some(0), vec![bd_seq(bd)]);
        sparkplug(&bench, "DBIRTH", Some(1), vec![named("vitals/hr", 1, 72.0), named("vitals/spo2", 2, 97.0)]);
    };
    birth(4);
    newest(72.0);
    sparkplug(&bench, "DDATA", Some(2), vec![by_alias(1, 74.0)]);
    newest(74.0);
    let shown = bench.shown(&token);
    assert!(!shown.contains("\"liveness\": \"lost\""), "{shown}");
    sparkplug(&bench, "DDATA", Some(4), vec![by_alias(1, 75.0)]);
    bench.counted("gap", 1);
    bench.counted("rejected", 2);
    let letters = bench.dead_letters();
    assert!(letters.iter().any(|l| l.contains("messages before it are missing")), "{letters:?}");
    birth(4);
    sparkplug(&bench, "DDATA", Some(2), vec![by_alias(1, 76.0)]);
    newest(76.0);
    sparkplug(&bench, "NDEATH", None, vec![bd_seq(3)]);
    sparkplug(&bench, "DDATA", Some(3), vec![by_alias(1, 78.0)]);
    newest(78.0);
    assert!(bench.alerts("device.lost").is_empty(), "the will of an earlier connection is no death");
    sparkplug(&bench, "NDEATH", None, vec![bd_seq(4)]);
    let (cause, detail) = wait_for("the alert", || bench.alerts("device.lost").pop());
    assert_eq!((cause, detail.as_str()), (Cause::Raised, "its gateway says that it is gone"));
    let shown = bench.shown(&token);
    let present = ["live", "late"].map(|state| format!("\"liveness\": \"{state}\""));
    assert!(!present.iter().any(|state| shown.contains(state)), "what it said last is no longer the present: {shown}");
}

#[test]
fn a_session_that_the_broker_lost_is_a_gap() {
    let settings = format!("{ANYBODY}\npersistence false");
    let Some(broker) = Broker::own("a_session_that_the_broker_lost", &settings, |_| ()) else { return };
    let mut bench = Bench::new(broker, "payload = \"sparkplug\"\ntopics = [\"spBv1.0/ROOT/+/edge/#\"]\n");
    sparkplug(&bench, "NBIRTH", Some(0), vec![bd_seq(4)]);
    sparkplug(&bench, "DBIRTH", Some(1), vec![named("vitals/hr", 1, 72.0)]);
    bench.counted("accepted", 1);
    bench.broker.stop();
    wait_for("the loss", || (bench.source()["state"]["is"] == "away").then_some(()));
    bench.broker.start();
    bench.is_connected();
    bench.counted("gap", 1);
    bench.counted("rebirth", 1);
    sparkplug(&bench, "DDATA", Some(2), vec![by_alias(1, 74.0)]);
    wait_for("the dead letter", || bench.dead_letters().pop().filter(|l| l.contains("alias may mean something else")));
    bench.counted("accepted", 1);
}
