//! TLS of the server, and how our own client knows a server: by its key at first use, as SSH does, or by an authority.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::{
    io::Write,
    net::{SocketAddr, UdpSocket},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};
use support::{PASSPHRASE, Server, certificates, program, run, run_with, terminal::Pty, try_request, wait_for};

/// A server that speaks TLS, a user, and a home of its own for the client.
struct Bench {
    dir: tempfile::TempDir,
    server: Server,
}

/// What a run of the program said.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Bench {
    fn with(args: &[&str], dir: tempfile::TempDir) -> Self {
        let data = dir.path().join("data");
        let server = Server::start_with(&data, &[&["--mode", "demo"], args].concat());
        server.small_ward();
        let data = data.to_str().unwrap();
        let added = run_with(PASSPHRASE, &["user", "add", "anna", "--role", "nurse", "--data", data]);
        assert!(added.status.success(), "{added:?}");
        Self { dir, server }
    }

    fn auto() -> Self {
        Self::with(&["--tls", "auto"], tempfile::tempdir().unwrap())
    }

    fn url(&self) -> String {
        format!("https://{}", self.server.address)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn known(&self) -> PathBuf {
        self.path("state/wardwatch/known-servers")
    }

    /// Runs the program as somebody with a state folder of their own, whose standard input is no terminal.
    fn client(&self, args: &[&str]) -> Said {
        let mut child = program()
            .args(args)
            .env("XDG_STATE_HOME", self.path("state"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who is refused has not read it.
        drop(child.stdin.take().unwrap().write_all(PASSPHRASE.as_bytes()));
        let done = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: done.status.code().unwrap(), out: text(&done.stdout), err: text(&done.stderr) }
    }

    fn login(&self, url: &str, more: &[&str]) -> Said {
        let file = self.path("anna.token");
        let args = ["login", "--to", url, "--user", "anna", "--token-file", file.to_str().unwrap()];
        self.client(&[&args, more].concat())
    }

    fn key(&self) -> String {
        status_key(&self.server)
    }

    /// Starts the server again at the same address.
    fn again(self, before: impl FnOnce(&Path), args: &[&str]) -> Self {
        let Self { dir, server } = self;
        let (data, address) = (server.data.clone(), server.address.to_string());
        server.stop();
        before(&data);
        let mut command = program();
        command.args(["serve", "--listen", &address, "--data"]).arg(&data).args(args);
        Self { server: Server::spawn(&mut command, &data), dir }
    }
}

fn status_key(server: &Server) -> String {
    let status: serde_json::Value = serde_json::from_str(&server.run(&["status", "--json"])).unwrap();
    status["tls"]["key"].as_str().unwrap().to_owned()
}

#[test]
fn a_server_is_known_by_the_key_that_it_showed_first() {
    let bench = Bench::auto();
    let key = bench.key();
    let refused = bench.login(&bench.url(), &[]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("is not known yet") && refused.err.contains(&key), "{refused:?}");
    assert!(!bench.known().exists());
    let first = bench.login(&bench.url(), &["--accept-new"]);
    assert!(first.code == 0 && first.err.contains(&key), "{first:?}");
    let line = format!("{} {key}\n", bench.server.address);
    assert_eq!(std::fs::read_to_string(bench.known()).unwrap(), line);
    assert_eq!(std::fs::metadata(bench.known()).unwrap().permissions().mode() & 0o777, 0o600);

    let bench = bench.again(|data| std::fs::remove_file(data.join("tls.crt")).unwrap(), &["--tls", "auto"]);
    let renewed = bench.login(&bench.url(), &[]);
    assert_eq!((renewed.code, bench.key()), (0, key), "a new certificate of the same key is the same server");
    assert_eq!(std::fs::read_to_string(bench.known()).unwrap(), line);
    // The websocket goes the same way.
    let token = bench.path("anna.token");
    let seen = bench.client(&["watch", "--to", &bench.url(), "--token-file", token.to_str().unwrap(), "--once"]);
    assert!(seen.out.contains("b1"), "{seen:?}");
}

#[test]
fn another_key_is_refused_whatever_is_said() {
    let bench = Bench::auto();
    assert_eq!(bench.login(&bench.url(), &["--accept-new"]).code, 0);
    let old = bench.key();
    let bench = bench.again(|data| std::fs::remove_file(data.join("tls.key")).unwrap(), &["--tls", "auto"]);
    let new = bench.key();
    assert_ne!(old, new);
    for more in [&[] as &[&str], &["--accept-new"]] {
        let refused = bench.login(&bench.url(), more);
        assert_eq!(refused.code, 2);
        for part in ["THE KEY OF THE SERVER HAS CHANGED", &old, &new, "line 1 of", "known-servers"] {
            assert!(refused.err.contains(part), "{part}: {refused:?}");
        }
    }
    let token = bench.path("anna.token");
    for how in ["--once", "--follow"] {
        let args = ["watch", "--to", &bench.url(), "--token-file", token.to_str().unwrap(), how];
        let refused = bench.client(&args);
        assert!(refused.code != 0 && refused.err.contains("HAS CHANGED"), "{refused:?}");
    }
    let gateway = bench.path("gw.token");
    std::fs::write(&gateway, "wwd_demo_AAAA").unwrap();
    let sent = ["replay", "fixtures/ward12.toml", "--to", &bench.url(), "--token-file", gateway.to_str().unwrap()];
    let refused = bench.client(&sent);
    assert!(refused.code == 2 && refused.err.contains("HAS CHANGED"), "{refused:?}");
    let good = bench.login(&bench.url(), &["--fingerprint", &new]);
    assert_eq!(good.code, 0, "{good:?}");
}

#[test]
fn a_fingerprint_takes_exactly_that_key_and_remembers_nothing() {
    let bench = Bench::auto();
    let key = bench.key();
    assert_eq!(bench.login(&bench.url(), &["--fingerprint", &key]).code, 0);
    assert!(!bench.known().exists());
    let last = if key.ends_with('0') { '1' } else { '0' };
    let wrong = format!("{}{last}", &key[..key.len() - 1]);
    let refused = bench.login(&bench.url(), &["--fingerprint", &wrong]);
    assert!(refused.code == 2 && refused.err.contains("--fingerprint says"), "{refused:?}");
}

#[test]
fn on_a_terminal_a_person_is_asked() {
    let bench = Bench::auto();
    let (url, file) = (bench.url(), bench.path("anna.token"));
    let args = ["login", "--to", &url, "--user", "anna", "--token-file", file.to_str().unwrap()];
    let state = bench.path("state");
    let env = [("XDG_STATE_HOME", state.to_str().unwrap())];
    let start = || Pty::spawn(env!("CARGO_BIN_EXE_wardwatch"), &args, &env, 160, 24);
    let mut doubting = start();
    doubting.wait_for_text("(yes/no)");
    assert!(doubting.text().contains(&bench.key()));
    doubting.send("no\r");
    assert!(!doubting.wait_end().success());
    assert!(!bench.known().exists());
    let mut sure = start();
    sure.wait_for_text("(yes/no)");
    sure.send("yes\r");
    sure.wait_for_text("Passphrase for anna");
    sure.send(format!("{PASSPHRASE}\r"));
    assert!(sure.wait_end().success());
    assert!(file.exists() && bench.known().exists());
}

#[test]
fn an_authority_vouches_for_a_name() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path(), &["server"]);
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let tls = format!("cert={},key={}", file("server.crt"), file("server.key"));
    let (ca, other) = (file("ca.pem"), file("other.pem"));
    let bench = Bench::with(&["--tls", &tls], dir);
    let named = format!("https://localhost:{}", bench.server.address.port());
    let good = bench.login(&named, &["--ca", &ca]);
    assert_eq!(good.code, 0, "{good:?}");
    for (url, more) in
        [(&named, &["--ca", &other] as &[&str]), (&bench.url(), &["--ca", &ca]), (&named, &["--tls-roots"])]
    {
        let refused = bench.login(url, more);
        assert!(refused.code == 2 && refused.err.contains("nobody who is trusted vouches"), "{refused:?}");
    }
}

#[test]
fn files_are_read_again_at_sighup_and_wrong_ones_are_told() {
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path(), &["a", "b"]);
    let file = |name: &str| dir.path().join(name);
    let tls = format!("cert={},key={}", file("a.crt").display(), file("a.key").display());
    let root = dir.path().to_owned();
    let bench = Bench::with(&["--tls", &tls], dir);
    let first = bench.key();
    let copy = |from: &str, to: &str| std::fs::copy(root.join(from), root.join(to)).unwrap();
    copy("b.crt", "a.crt");
    bench.server.signal("HUP");
    let told = wait_for("the fault", || Some(bench.server.run(&["status"])).filter(|t| t.contains("CANNOT BE USED")));
    assert!(told.contains(&first), "the last good one stays: {told}");
    wait_for("the alert", || Some(bench.server.run(&["status"])).filter(|t| t.contains("1 alerts open")));
    copy("b.key", "a.key");
    bench.server.signal("HUP");
    wait_for("the new key", || (bench.key() != first).then_some(()));
    assert_eq!(bench.login(&bench.url(), &["--fingerprint", &bench.key()]).code, 0);
    wait_for("its end", || Some(bench.server.run(&["status"])).filter(|t| t.contains("0 alerts open")));
}

#[test]
fn where_tls_is_spoken_plain_text_is_not_and_the_other_way_round() {
    let bench = Bench::auto();
    let answer = try_request(bench.server.address, "GET", "/healthz", &[], b"").unwrap();
    assert_eq!((answer.status, &answer.json()["type"]), (400, &"urn:wardwatch:problem:tls-wanted".into()));
    let plain = format!("http://{}", bench.server.address);
    let refused = bench.login(&plain, &[]);
    assert!(refused.code == 2 && refused.err.contains("use https://"), "{refused:?}");
    let data = bench.path("plain");
    let other = Server::start(&data);
    let refused = bench.login(&format!("https://{}", other.address), &["--accept-new"]);
    assert!(refused.code == 2 && refused.err.contains("no TLS is spoken there"), "{refused:?}");
    assert!(!bench.known().exists());
}

/// An address of this machine that is not loopback, if it has one.
fn outside() -> Option<SocketAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().filter(|address| !address.ip().is_loopback())
}

/// A policy denies addresses that are reached from everywhere, as that of the machine of the test may be.
fn exempted(dir: &Path) -> (&'static str, PathBuf) {
    let folder = dir.join("policies");
    std::fs::create_dir(&folder).unwrap();
    let until = (support::now() + wardwatch::domain::Millis::from_mins(60)).to_string();
    let reason = "a test of a moment";
    let site = ["policy", "exempt", "NET-01", "--resource", "site", "--owner", "test", "--until", &until];
    let exemption = run(&[&site[..], &["--reason", reason]].concat());
    std::fs::write(folder.join("net.json"), exemption).unwrap();
    ("WARDWATCH_POLICY__FOLDER", folder)
}

#[test]
fn a01_plain_text_leaves_this_machine_on_neither_side() {
    let Some(outside) = outside() else {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let any = format!("{}:0", outside.ip());
    let serve = ["serve", "--mode", "demo", "--listen", &any, "--data", data.to_str().unwrap()];
    let refused = run_with("", &serve);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--tls auto"), "{refused:?}");
    let policies = exempted(dir.path());
    let insecure = ["--insecure-listen"];
    let server = Server::spawn(program().args(serve).args(insecure).envs([policies.clone()]), &data);
    let bench = Bench { dir, server };
    let refused = bench.login(&bench.server.url(), &[]);
    assert!(refused.code == 2 && refused.err.contains("in plain text could be read on the way"), "{refused:?}");
    bench.server.stop();
    let dir = bench.dir;
    let server = Server::spawn(program().args(serve).args(["--tls", "auto"]).envs([policies]), &data);
    let bench = Bench { dir, server };
    let unknown = bench.login(&bench.url(), &["--accept-new"]);
    assert!(unknown.err.contains("the name or the passphrase is wrong"), "reached by TLS: {unknown:?}");
}

#[test]
fn the_flag_says_what_it_wants() {
    let refused = run_with("", &["serve", "--tls", "cert=a.pem"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cert=FILE,key=FILE"), "{refused:?}");
    assert!(run(&["serve", "--help"]).contains("--tls"));
}
