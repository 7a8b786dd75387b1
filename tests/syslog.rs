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
use wardwatch::store::StoreReader;

/// What a receiver has got: each message by the number of its entry, with how often it came.
type Got = Arc<Mutex<BTreeMap<u64, (String, usize)>>>;

/// A receiver of syslog on this machine.
struct Receiver {
    address: SocketAddr,
    got: Got,
    /// How many of the next connections it drops after some messages.
    drops: Arc<AtomicUsize>,
}

/// Messages that a receiver reads before it drops a connection.
const READ_BEFORE_DROP: usize = 3;

impl Receiver {
    /// Listens at an address, by TLS if there is a configuration.
    fn at(address: &str, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (got, drops) = (Got::default(), Arc::new(AtomicUsize::new(0)));
        let (ours, dropped) = (got.clone(), drops.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let drop_it = dropped.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_ok();
                let most = if drop_it { READ_BEFORE_DROP } else { usize::MAX };
                let wire: Box<dyn Read> = match &tls {
                    None => Box::new(stream),
                    Some(config) => Box::new(agree(stream, config)),
                };
                read_frames(wire, &ours, most);
            }
        });
        Self { address, got, drops }
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
    Agreed(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream))
}

/// Reads messages with their lengths before them, to the end or to `most` of them.
fn read_frames(wire: Box<dyn Read>, got: &Got, most: usize) {
    let mut wire = BufReader::new(wire);
    for _ in 0..most {
        let mut length = Vec::new();
        // A peer that is not the one it wants ends the connection.
        let Ok(1..) = wire.read_until(b' ', &mut length) else { return };
        let length: usize = std::str::from_utf8(&length).unwrap().trim_end().parse().unwrap();
        let mut message = vec![0; length];
        if wire.read_exact(&mut message).is_err() {
            return;
        }
        let message = String::from_utf8(message).unwrap();
        let index = message.split_once("index=\"").and_then(|(_, rest)| rest.split_once('"')).unwrap().0;
        let mut got = got.lock().unwrap();
        let entry = got.entry(index.parse().unwrap()).or_insert_with(|| (message.clone(), 0));
        assert_eq!(entry.0, message, "a repeat is the same message");
        entry.1 += 1;
    }
}

fn start(data: &Path, to: SocketAddr, settings: &[(&str, &str)]) -> Server {
    let mut command = program();
    command.args(["serve", "--mode", "live", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    let address = format!("localhost:{}", to.port());
    command.env("WARDWATCH_AUDIT__SYSLOG__ADDRESS", address).envs(settings.iter().copied());
    Server::spawn(&mut command, data)
}

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
    let journal = || {
        let events = server.reader().events_after(&"w".parse().unwrap(), 0, 10_000).unwrap();
        serde_json::to_string(&events).unwrap()
    };
    wait_for("the alert", || journal().contains("system.syslog_behind").then_some(()));
    let status = server.run(&["status"]);
    assert!(status.contains("NOT DELIVERED since ") && status.contains("is not reached"), "{status}");
    let receiver = Receiver::at(&free.to_string(), None);
    all_delivered(&server, &receiver);
    wait_for("its end", || {
        let text = server.run(&["status", "--json"]);
        let status: serde_json::Value = serde_json::from_str(&text).unwrap();
        (status["wards"][0]["alerts"] == 0 || !journal().is_empty() && !text.contains("failing")).then_some(())
    });
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
