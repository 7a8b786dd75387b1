//! The audit trail as live syslog: over a real connection, through outages, restarts and kills, over TLS.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use support::{Server, certificates, program, wait_for};
use tokio_rustls::rustls::{
    self, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use wardwatch::{
    domain::{Cause, ConditionCode, EventBody, SystemFault},
    store::StoreReader,
};

/// What a receiver has got: each message by the number of its entry, with how often it came.
type Got = Arc<Mutex<BTreeMap<u64, (String, usize)>>>;

/// A receiver of syslog on this machine.
struct Receiver {
    address: SocketAddr,
    got: Got,
    /// How many of the next connections it drops after some messages.
    drops: Arc<AtomicUsize>,
    /// What was wrong with what it got.
    faults: Arc<Mutex<Vec<String>>>,
}

/// Messages that a receiver reads before it drops a connection.
const READ_BEFORE_DROP: usize = 3;

impl Receiver {
    /// Listens at an address, by TLS if there is a configuration.
    fn at(address: &str, tls: Option<Arc<ServerConfig>>) -> Self {
        Self::ending(address, tls, true)
    }

    /// One that says by TLS that it ends, or never does.
    fn ending(address: &str, tls: Option<Arc<ServerConfig>>, notifies: bool) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (got, drops) = (Got::default(), Arc::new(AtomicUsize::new(0)));
        let faults = Arc::new(Mutex::new(Vec::new()));
        let (ours, dropped, wrong) = (got.clone(), drops.clone(), faults.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let drop_it = dropped.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_ok();
                let most = if drop_it { READ_BEFORE_DROP } else { usize::MAX };
                let wire: Box<dyn Read> = match &tls {
                    None => Box::new(stream),
                    Some(config) if notifies => Box::new(agree(stream, config)),
                    Some(config) => Box::new(agreed(stream, config)),
                };
                // A panic here would end this thread, and no test.
                if let Err(fault) = read_frames(wire, &ours, most) {
                    wrong.lock().unwrap().push(fault);
                }
            }
        });
        Self { address, got, drops, faults }
    }

    fn has_all(&self, size: u64) -> Option<()> {
        let got = self.got.lock().unwrap();
        (0..size).all(|index| got.contains_key(&index)).then_some(())
    }
}

/// TLS that says so when it ends (RFC 5425, section 4.4).
struct Agreed(StreamOwned<ServerConnection, TcpStream>);

impl Read for Agreed {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Drop for Agreed {
    fn drop(&mut self) {
        self.0.conn.send_close_notify();
        drop(self.0.conn.write_tls(&mut self.0.sock));
    }
}

fn agree(stream: TcpStream, config: &Arc<ServerConfig>) -> Agreed {
    Agreed(agreed(stream, config))
}

/// TLS that just ends.
fn agreed(stream: TcpStream, config: &Arc<ServerConfig>) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream)
}

/// Reads messages with their lengths before them, to the end or to `most` of them; says what is wrong with one.
fn read_frames(wire: Box<dyn Read>, got: &Got, most: usize) -> Result<(), String> {
    let mut wire = BufReader::new(wire);
    for _ in 0..most {
        let mut length = Vec::new();
        // A peer that is not the one it wants ends the connection.
        let Ok(1..) = wire.read_until(b' ', &mut length) else { return Ok(()) };
        let digits = String::from_utf8_lossy(&length).trim_end().to_owned();
        let length: usize = digits.parse().map_err(|_| format!("{digits:?} is no length"))?;
        let mut message = vec![0; length];
        if wire.read_exact(&mut message).is_err() {
            return Ok(());
        }
        let message = String::from_utf8(message).map_err(|e| e.to_string())?;
        let index = message.split_once("index=\"").and_then(|(_, rest)| rest.split_once('"'));
        let index = index.and_then(|(index, _)| index.parse().ok()).ok_or_else(|| format!("no index: {message}"))?;
        let mut got = got.lock().unwrap();
        let entry = got.entry(index).or_insert_with(|| (message.clone(), 0));
        if entry.0 != message {
            return Err(format!("entry {index} came again as another: {} {message}", entry.0));
        }
        entry.1 += 1;
    }
    Ok(())
}

#[test]
fn a_receiver_of_these_tests_tells_what_is_wrong() {
    let read = |bytes: &'static [u8], got: &Got| read_frames(Box::new(bytes), got, usize::MAX);
    let got = Got::default();
    assert_eq!(read(b"11 index=\"0\" a11 index=\"0\" a", &got), Ok(()));
    assert!(read(b"11 index=\"0\" b", &got).unwrap_err().contains("entry 0 came again as another"));
    assert!(read(b"11 indes=\"0\" b", &got).unwrap_err().contains("no index"));
    assert!(read(b"eleven index=\"0\" b", &got).unwrap_err().contains("is no length"));
}

fn start(data: &Path, to: SocketAddr, settings: &[(&str, &str)]) -> Server {
    let mut command = program();
    command.args(["serve", "--mode", "live", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    let address = format!("localhost:{}", to.port());
    command.env("WARDWATCH_AUDIT__SYSLOG__ADDRESS", address).envs(settings.iter().copied());
    Server::spawn(&mut command, data)
}

const BEHIND: ConditionCode = ConditionCode::System(SystemFault::SyslogBehind);

const PLAIN: (&str, &str) = ("WARDWATCH_AUDIT__SYSLOG__TLS", "false");

fn size(server: &Server) -> u64 {
    server.reader().leaves(0, 100_000).unwrap().len() as u64
}

fn all_delivered(server: &Server, receiver: &Receiver) {
    let size = size(server);
    wait_for("all entries to come", || receiver.has_all(size));
    wait_for("their confirmation", || {
        let status: serde_json::Value = serde_json::from_str(&server.run(&["status", "--json"])).unwrap();
        (status["syslog"]["next"].as_u64().unwrap() >= size).then_some(())
    });
    assert!(receiver.faults.lock().unwrap().is_empty(), "{:?}", receiver.faults.lock().unwrap());
}

/// Nothing is left out: over a receiver that breaks off, one that is away, a restart, and a kill. What comes twice is the same.
#[test]
fn every_entry_arrives_over_outage_restart_and_kill() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let receiver = Receiver::at("127.0.0.1:0", None);
    let to = receiver.address;
    let server = start(&data, to, &[PLAIN]);
    server.small_ward();
    all_delivered(&server, &receiver);
    let message = receiver.got.lock().unwrap()[&0].0.clone();
    assert!(message.starts_with("<85>1 ") && message.contains("index=\"0\" act=\"log.start\""), "{message}");
    assert!(server.run(&["status"]).contains(&format!("audit by syslog in PLAIN TEXT to localhost:{}: ", to.port())));

    receiver.drops.store(1, SeqCst);
    (0..20).for_each(|n| server.add_bed(&format!("dropped-{n}")));
    all_delivered(&server, &receiver);
    assert!(receiver.got.lock().unwrap().values().any(|(_, times)| *times > 1), "what was read before comes again");

    server.kill();
    let server = start(&data, to, &[PLAIN]);
    (0..20).for_each(|n| server.add_bed(&format!("killed-{n}")));
    server.kill();
    let server = start(&data, to, &[PLAIN]);
    all_delivered(&server, &receiver);
    let delivered = std::fs::read_to_string(data.join("audit.delivered")).unwrap();
    assert!(delivered.split(' ').next().unwrap().parse::<u64>().unwrap() >= 40, "{delivered}");
    server.stop();
}

/// While nobody takes them, entries wait in the trail itself; it is told, and told when it is over.
#[test]
fn an_outage_is_told_and_nothing_is_lost_by_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = start(&data, free, &[PLAIN, ("WARDWATCH_AUDIT__SYSLOG__BEHIND_S", "5")]);
    server.small_ward();
    // What became of the alert, in order.
    let causes = || -> Vec<Cause> {
        let events = server.reader().events_after(&"w".parse().unwrap(), 0, 10_000).unwrap();
        let of_it = |body: EventBody| match body {
            EventBody::Alert { alert, cause, .. } if alert.key.code == BEHIND => Some(cause),
            _ => None,
        };
        events.into_iter().filter_map(|e| of_it(e.event.body)).collect()
    };
    wait_for("the alert", || (!causes().is_empty()).then_some(()));
    assert!(!causes().contains(&Cause::Cleared), "nothing is delivered: {:?}", causes());
    let status = server.run(&["status"]);
    assert!(status.contains("NOT DELIVERED since ") && status.contains("is not reached"), "{status}");
    let receiver = Receiver::at(&free.to_string(), None);
    all_delivered(&server, &receiver);
    wait_for("its end", || (causes().last() == Some(&Cause::Cleared)).then_some(()));
    let status: serde_json::Value = serde_json::from_str(&server.run(&["status", "--json"])).unwrap();
    assert!(status["syslog"].get("failing").is_none(), "{status}");
    server.stop();
}

fn tls(dir: &Path) -> Arc<ServerConfig> {
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(dir.join("siem.crt")).unwrap().collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(dir.join("siem.key")).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    Arc::new(builder.with_single_cert(certificates, key).unwrap())
}

#[test]
fn over_tls_it_goes_to_the_receiver_that_is_known_and_to_no_other() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path(), &["siem"]);
    let receiver = Receiver::at("127.0.0.1:0", Some(tls(dir.path())));
    let file = |name: &str| dir.path().join(name).display().to_string();
    let pem = CertificateDer::from_pem_file(dir.path().join("siem.crt")).unwrap();
    let pin = wardwatch::access::Fingerprint::of(&pem).unwrap().to_string();
    let strange = format!("sha256:{}", "ab".repeat(32));
    for (n, setting, good) in [
        (0, ("WARDWATCH_AUDIT__SYSLOG__CA_FILE", file("other.pem")), false),
        (1, ("WARDWATCH_AUDIT__SYSLOG__PIN", strange), false),
        (2, ("WARDWATCH_AUDIT__SYSLOG__CA_FILE", file("ca.pem")), true),
        (3, ("WARDWATCH_AUDIT__SYSLOG__PIN", pin), true),
    ] {
        receiver.got.lock().unwrap().clear();
        let server = start(&dir.path().join(format!("data-{n}")), receiver.address, &[(setting.0, &setting.1)]);
        if good {
            all_delivered(&server, &receiver);
        } else {
            wait_for("a refusal", || server.log().contains("does not agree on TLS").then_some(()));
            assert!(receiver.got.lock().unwrap().is_empty(), "nothing is said to a stranger");
        }
        server.stop();
    }
}

/// A receiver that ends TCP without a word of TLS confirms nothing, unless the configuration says that it never does.
#[test]
fn a_receiver_without_close_notify_is_told_and_taken_at_its_end_of_tcp_when_that_is_configured() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path(), &["siem"]);
    let receiver = Receiver::ending("127.0.0.1:0", Some(tls(dir.path())), false);
    let known = ("WARDWATCH_AUDIT__SYSLOG__CA_FILE", dir.path().join("ca.pem").display().to_string());
    let known = (known.0, known.1.as_str());
    let data = dir.path().join("data");
    let server = start(&data, receiver.address, &[known]);
    wait_for("what to do", || server.log().contains("set audit.syslog.close_notify = false").then_some(()));
    let status: serde_json::Value = serde_json::from_str(&server.run(&["status", "--json"])).unwrap();
    assert_eq!(status["syslog"]["next"], 0, "{status}");
    server.stop();
    let server = start(&data, receiver.address, &[known, ("WARDWATCH_AUDIT__SYSLOG__CLOSE_NOTIFY", "false")]);
    all_delivered(&server, &receiver);
    server.stop();
}
