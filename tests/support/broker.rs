//! Mosquitto as a peer: the broker that runs on this machine, or one of a test's own, and its clients.

use super::{pause, wait_for};
use std::{
    io::Write,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Where a broker of the machine's own would listen.
const LOCAL: &str = "127.0.0.1:1883";

/// A program of Mosquitto, if it is installed; Debian keeps the broker where not everybody looks.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
    path.split(':').map(|folder| Path::new(folder).join(name)).find(|file| file.is_file())
}

/// A broker.
pub struct Broker {
    /// Where it listens.
    pub address: SocketAddr,
    /// Arguments of clients that it takes besides.
    pub client: Vec<String>,
    config: Option<PathBuf>,
    child: Option<Child>,
    _dir: Option<tempfile::TempDir>,
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Broker {
    /// The broker of the machine, or nothing and a word that it is absent.
    pub fn local(test: &str) -> Option<Self> {
        let address: SocketAddr = LOCAL.parse().unwrap();
        if program("mosquitto_pub").is_none() {
            println!("{test}: mosquitto_pub is not installed: skipped (apt-get install mosquitto-clients)");
            return None;
        }
        if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
            println!("{test}: no broker listens on {LOCAL}: skipped (apt-get install mosquitto)");
            return None;
        }
        Some(Self { address, client: Vec::new(), config: None, child: None, _dir: None })
    }

    /// A broker of the test's own, or nothing and a word that Mosquitto is absent. `settings` are lines of its configuration,
    /// in which `DIR` is its folder; `prepare` fills the folder.
    pub fn own(test: &str, settings: &str, prepare: impl FnOnce(&Path)) -> Option<Self> {
        if program("mosquitto").is_none() || program("mosquitto_pub").is_none() {
            println!("{test}: mosquitto is not installed: skipped (apt-get install mosquitto mosquitto-clients)");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path());
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = dir.path().join("mosquitto.conf");
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        let text = format!(
            "listener {} 127.0.0.1\nuser {}\npersistence true\npersistence_location {}/\n{}\n",
            address.port(),
            user.trim(),
            dir.path().display(),
            settings.replace("DIR", dir.path().to_str().unwrap())
        );
        std::fs::write(&config, text).unwrap();
        let mut broker = Self { address, client: Vec::new(), config: Some(config), child: None, _dir: Some(dir) };
        broker.start();
        Some(broker)
    }

    /// Starts it again after a stop.
    pub fn start(&mut self) {
        let mut command = Command::new(program("mosquitto").unwrap());
        command.arg("-c").arg(self.config.as_ref().unwrap()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        let address = self.address;
        wait_for("the broker", || TcpStream::connect(address).ok());
    }

    /// Stops it; what it kept it writes down.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(Command::new("kill").arg(child.id().to_string()).status());
            child.wait().unwrap();
        }
    }

    fn client(&self, name: &str) -> Command {
        let mut command = Command::new(program(name).unwrap());
        command.args(["-h", "127.0.0.1", "-p", &self.address.port().to_string()]).args(&self.client);
        command
    }

    /// Publishes a message with QoS 1, and waits until the broker has it.
    pub fn publish(&self, topic: &str, payload: &[u8], more: &[&str]) {
        let mut command = self.client("mosquitto_pub");
        // With `-l` each line is a message.
        let whole = if payload.is_empty() { "-n" } else { "-s" };
        let form = (!more.contains(&"-l")).then_some(whole);
        command.args(["-q", "1", "-t", topic]).args(form).args(more).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that takes nothing may have closed it.
        drop(child.stdin.take().unwrap().write_all(payload));
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }

    /// Forgets a retained message.
    pub fn forget(&self, topic: &str) {
        assert!(self.client("mosquitto_pub").args(["-r", "-n", "-t", topic]).status().unwrap().success());
    }

    /// Waits for one message on a topic; gives its payload when it has come. Call `join` on what is given.
    pub fn await_message(&self, topic: &str) -> std::thread::JoinHandle<Vec<u8>> {
        let mut command = self.client("mosquitto_sub");
        command.args(["-C", "1", "-W", "30", "-N", "-t", topic]);
        let waiting = std::thread::spawn(move || command.output().unwrap().stdout);
        // Its subscription has to be there before what it waits for.
        pause(300);
        waiting
    }
}
