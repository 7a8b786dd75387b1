//! What integration tests share: a server in a process of its own, and plain HTTP.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    unreachable_pub,
    reason = "a test fails by panicking; each test uses a part of this"
)]

pub mod broker;
pub mod peers;
pub mod stream;
pub mod terminal;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};
use wardwatch::{
    backend::admin::{self, AdminAnswer, AdminRequest},
    domain::{Bed, Command as WardCommand, Millis, Timestamp},
    seam::{Clock, OsClock},
    store::{DataFolder, sqlite::SqliteReader},
};

/// A passphrase that is long enough.
pub const PASSPHRASE: &str = "correct horse battery staple";

/// A folder that nobody else has, for what a program remembers.
pub fn state_folder() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("state-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(std::fs::remove_dir_all(&folder));
    folder
}

/// The program.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wardwatch"));
    // Hashing at full cost would make the tests slow and proves nothing more.
    command.env("WARDWATCH_PASSPHRASE__MEMORY_KIB", "64").env("WARDWATCH_PASSPHRASE__PASSES", "1");
    // What one test remembers of a server is no other test's business: ports come again.
    command.env("XDG_STATE_HOME", state_folder());
    // How full the machine's disk is, is no test's business: the alert would be one more on every screen.
    command.env("WARDWATCH_DISK__ALERT_PERCENT", "100");
    command
}

/// Writes a file that nobody else may read.
pub fn secret_file(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// Makes files in a folder: an authority `ca.pem`, certificates of it and their keys (`NAME.crt`, `NAME.key`), each for
/// `localhost`, and an authority that vouches for nobody, `other.pem`.
pub fn certificates(dir: &Path, names: &[&str]) {
    let authority = |name: &str| {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(dir.join(format!("{name}.pem")), certificate.pem()).unwrap();
        rcgen::Issuer::new(params, key)
    };
    let ours = authority("ca");
    authority("other");
    for name in names {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, *name);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &ours).unwrap();
        std::fs::write(dir.join(format!("{name}.crt")), certificate.pem()).unwrap();
        secret_file(&dir.join(format!("{name}.key")), &key.serialize_pem());
    }
}

/// Where the shared data lie, if they do.
pub fn shared() -> Option<PathBuf> {
    let path = std::env::var_os("WARDWATCH_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    path.is_dir().then_some(path)
}

/// Waits until something is so, and fails after 30 s.
pub fn wait_for<T>(what: &str, mut so: impl FnMut() -> Option<T>) -> T {
    let until = deadline();
    loop {
        if let Some(found) = so() {
            return found;
        }
        assert!(before(until), "waited in vain for {what}");
        pause(20);
    }
}

/// When waiting from now on is in vain.
pub fn deadline() -> Millis {
    OsClock.boot() + Millis::from_secs(30)
}

/// Whether a deadline is still ahead.
pub fn before(deadline: Millis) -> bool {
    OsClock.boot() < deadline
}

/// Lets other processes run for a moment between two looks at a condition.
pub fn pause(ms: u64) {
    let (_keep, never) = std::sync::mpsc::channel::<()>();
    never.recv_timeout(Duration::from_millis(ms)).unwrap_err();
}

/// The present, for stamps.
pub fn now() -> Timestamp {
    OsClock.wall()
}

/// Runs the program with something on its standard input.
pub fn run_with(input: &str, args: &[&str]) -> Output {
    let mut child =
        program().args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Runs the program and demands success.
pub fn run(args: &[&str]) -> String {
    let output = run_with("", args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{args:?}: {}{}", text, String::from_utf8_lossy(&output.stderr));
    text
}

/// A server in a process of its own.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its data folder.
    pub data: PathBuf,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Starts a server on a data folder.
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &["--mode", "demo"])
    }

    /// Starts a server with further arguments.
    pub fn start_with(data: &Path, args: &[&str]) -> Self {
        Self::spawn(program().args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(args), data)
    }

    /// Starts a server with settings such as `("WARDWATCH_SESSION__IDLE_LOCK_S", "2")`.
    pub fn start_set(data: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = program();
        command.args(["serve", "--mode", "demo", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        Self::spawn(command.envs(settings.iter().copied()), data)
    }

    /// Starts a server at an address.
    pub fn start_at(data: &Path, address: SocketAddr) -> Self {
        let address = address.to_string();
        Self::spawn(program().args(["serve", "--listen", &address, "--data"]).arg(data), data)
    }

    /// Starts a server by a command of one's own.
    pub fn spawn(command: &mut Command, data: &Path) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut log = String::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else { panic!("the server did not start: {log}") };
            log.push_str(&line);
            log.push('\n');
            if let Some((_, rest)) = line.split_once("serving address=") {
                break rest.split_whitespace().next().unwrap().parse().unwrap();
            }
        };
        let log = Arc::new(Mutex::new(log));
        let rest = log.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                rest.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self { child, address, data: data.to_owned(), log }
    }

    /// What it has said on its standard error.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// A reader of its data.
    pub fn reader(&self) -> SqliteReader {
        SqliteReader::open(&DataFolder::open(&self.data).unwrap()).unwrap()
    }

    /// Runs the program on its data folder and demands success.
    pub fn run(&self, args: &[&str]) -> String {
        run(&[args, &["--data", self.data.to_str().unwrap()]].concat())
    }

    /// Adds a bed to ward `w`: one entry of the journal.
    pub fn add_bed(&self, id: &str) {
        self.command(WardCommand::SetBed { bed: Bed { id: id.parse().unwrap(), label: id.to_owned() } });
    }

    /// Does something on ward `w` from the console.
    pub fn command(&self, command: WardCommand) {
        let request = AdminRequest::Command { ward: "w".parse().unwrap(), command };
        let answer = admin::ask(&self.data.join("admin.sock"), &request);
        assert!(matches!(answer, Ok(Some(AdminAnswer::Done))), "{answer:?}");
    }

    /// `http://ADDRESS`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status().unwrap();
        assert!(done.success());
    }

    /// Kills it without mercy.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) {
        self.signal("TERM");
        assert!(self.child.wait().unwrap().success());
    }

    /// Adds a user and signs in; gives the token file.
    pub fn user(&self, name: &str, role: &str) -> PathBuf {
        let data = self.data.to_str().unwrap();
        let added = run_with(PASSPHRASE, &["user", "add", name, "--role", role, "--data", data]);
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        self.login(name)
    }

    /// Adds a user and signs in; gives the token.
    pub fn token(&self, name: &str, role: &str) -> String {
        std::fs::read_to_string(self.user(name, role)).unwrap().trim().to_owned()
    }

    /// Sets one's own passphrase and signs in anew; gives the token file.
    pub fn own(&self, name: &str) -> PathBuf {
        let (data, token) = (self.data.to_str().unwrap(), self.login(name));
        let args = ["user", "passphrase", name, "--data", data, "--token-file", token.to_str().unwrap()];
        let done = run_with(PASSPHRASE, &args);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        self.login(name)
    }

    /// Signs in; gives the token file.
    pub fn login(&self, name: &str) -> PathBuf {
        let file = self.data.parent().unwrap().join(format!("{name}.token"));
        let args = ["login", "--to", &self.url(), "--user", name, "--token-file", file.to_str().unwrap()];
        let done = run_with(PASSPHRASE, &args);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        file
    }

    /// A request with a token.
    pub fn request(&self, method: &str, path: &str, token: &str, body: &[u8]) -> Answer {
        request(self.address, method, path, &[("authorization", &format!("Bearer {token}"))], body)
    }

    /// Makes ward `w` with bed `b1`, patient `p1`, monitor `d1` behind gateway `gw`; gives the gateway's token.
    pub fn small_ward(&self) -> String {
        let data = self.data.to_str().unwrap();
        run(&["ward", "add", "w", "--name", "Ward", "--data", data]);
        run(&["bed", "add", "b1", "--data", data]);
        run(&["patient", "admit", "p1", "--bed", "b1", "--name", "Okafor, Chidi", "--data", data]);
        let token = run(&["device", "add", "gw", "--kind", "gateway", "--data", data]);
        run(&["device", "add", "d1", "--gateway", "gw", "--interval", "spo2=1", "--data", data]);
        run(&["device", "assign", "d1", "--patient", "p1", "--data", data]);
        token.trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Head as text.
    pub head: String,
    /// Body as text.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// One HTTP request on a connection of its own.
pub fn request(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    try_request(address, method, path, headers, body).unwrap()
}

/// As [`request`], for a server that may be gone.
pub fn try_request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    // A server that refuses a large body answers before it has taken it all.
    let sent = stream.write_all(body);
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    if answer.is_empty() {
        sent?;
        read?;
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.as_str(), ""));
    let status = head.split_whitespace().nth(1).and_then(|s| s.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("no answer: {text:?}")))?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { unchunk(body) } else { body.to_owned() };
    Ok(Answer { status, head: head.to_owned(), body })
}

fn unchunk(mut text: &str) -> String {
    let mut out = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 || rest.len() < size {
            break;
        }
        out.push_str(&rest[..size]);
        text = rest[size..].trim_start_matches("\r\n");
    }
    out
}

/// The JSON of one observation of device `d1`.
pub fn observation(vital: &str, value: impl std::fmt::Display, at: Timestamp) -> String {
    format!(r#"{{"device":"d1","vital":"{vital}","value":{value},"observed_at":"{at}"}}"#)
}
