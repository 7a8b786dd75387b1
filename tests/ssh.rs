//! A real OpenSSH server lets people in by their keys and runs `wardwatch ssh`, by the configuration of docs/deployment.md.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use support::{PASSPHRASE, Server, run_with, secret_file, terminal::Pty, wait_for};

/// An OpenSSH server of the test's own.
struct Sshd(Child);

impl Drop for Sshd {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A server, an OpenSSH server before it, and the keys of anna, of bert, and of somebody whom only sshd knows.
struct Bench {
    server: Server,
    port: u16,
    account: String,
    dir: tempfile::TempDir,
    _sshd: Sshd,
}

/// What a command over SSH said.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

fn output(command: &mut Command) -> Said {
    let done = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: done.status.code().unwrap_or(-1), out: text(&done.stdout), err: text(&done.stderr) }
}

/// `sshd` by its whole path, as it wants to be called.
fn sshd() -> Option<PathBuf> {
    let places = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"].map(PathBuf::from);
    let client = Command::new("ssh").arg("-V").stderr(Stdio::null()).status().is_ok();
    places.into_iter().find(|path| path.exists()).filter(|_| client)
}

/// The fragment that the document shows, for this account, this program and this socket.
fn fragment(account: &str, socket: &Path) -> String {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deployment.md")).unwrap();
    let (_, rest) = document.split_once("# /etc/ssh/sshd_config.d/wardwatch.conf\n").unwrap();
    let (fragment, _) = rest.split_once("```").unwrap();
    let (user, command) = ("Match User oncall\n", "ForceCommand /usr/local/bin/wardwatch ssh\n");
    assert!(fragment.contains(user) && fragment.contains(command), "{fragment}");
    let own = format!("ForceCommand {} ssh --socket {}\n", env!("CARGO_BIN_EXE_wardwatch"), socket.display());
    fragment.replace(user, &format!("Match User {account}\n")).replace(command, &own)
}

impl Bench {
    /// `None`, with a word, where there is no OpenSSH.
    fn start(uids: &str) -> Option<Self> {
        let Some(sshd) = sshd() else {
            eprintln!("skipped: there is no OpenSSH here (openssh-server, openssh-client)");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let (data, socket) = (dir.path().join("data"), dir.path().join("login.sock"));
        let settings = [
            ("WARDWATCH_SERVER__TLS", "auto"),
            ("WARDWATCH_SSH__SOCKET", socket.to_str().unwrap()),
            ("WARDWATCH_SSH__GATEWAYS", uids),
        ];
        let server = Server::start_set(&data, &settings);
        server.small_ward();
        let mut authorized = String::new();
        for name in ["host", "anna", "bert", "stranger"] {
            let key = dir.path().join(name);
            let made = ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key.to_str().unwrap()];
            assert!(Command::new("ssh-keygen").args(made).status().unwrap().success());
            authorized.push_str(&std::fs::read_to_string(key.with_extension("pub")).unwrap());
        }
        for (name, role) in [("anna", "nurse"), ("bert", "doctor")] {
            let added = run_with(PASSPHRASE, &["user", "add", name, "--role", role, "--data", data.to_str().unwrap()]);
            assert!(added.status.success(), "{added:?}");
            let key = std::fs::read_to_string(dir.path().join(name).with_extension("pub")).unwrap();
            let said = server.run(&["user", "key", "add", name, key.trim()]);
            assert!(said.contains("(key in a file)"), "{said}");
        }
        secret_file(&dir.path().join("authorized"), &authorized);
        let account = output(Command::new("id").arg("-un")).out.trim().to_owned();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = |name: &str| dir.path().join(name).display().to_string();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nPidFile none\nUsePAM no\nStrictModes no\n\
             AuthorizedKeysFile {}\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nAcceptEnv *\n\
             Subsystem sftp internal-sftp\n{}",
            file("host"),
            file("authorized"),
            fragment(&account, &socket),
        );
        std::fs::write(dir.path().join("sshd_config"), config).unwrap();
        // Its empty folder, which a service makes for it.
        drop(std::fs::create_dir_all("/run/sshd"));
        let log = std::fs::File::create(dir.path().join("sshd.log")).unwrap();
        let child = Command::new(sshd).args(["-D", "-e", "-f", &file("sshd_config")]).stderr(log).spawn().unwrap();
        let mut sshd = Sshd(child);
        let up = wait_for("sshd", || {
            let ended = sshd.0.try_wait().unwrap().is_some();
            (ended || TcpStream::connect(("127.0.0.1", port)).is_ok()).then_some(!ended)
        });
        assert!(up, "sshd: {}", std::fs::read_to_string(dir.path().join("sshd.log")).unwrap());
        Some(Self { server, port, account, dir, _sshd: sshd })
    }

    fn own() -> Option<Self> {
        let uid = output(Command::new("id").arg("-u")).out;
        Self::start(&format!("[{}]", uid.trim()))
    }

    /// What every call of `ssh`, `scp` and `sftp` begins with.
    fn options(&self, key: &str) -> Vec<String> {
        let key = self.dir.path().join(key).display().to_string();
        let mut options: Vec<String> = ["-F", "/dev/null", "-i", &key].map(str::to_owned).to_vec();
        for option in [
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "BatchMode=yes",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
        ] {
            options.extend(["-o".to_owned(), option.to_owned()]);
        }
        options
    }

    fn ssh_args(&self, key: &str, more: &[&str], command: &[&str]) -> Vec<String> {
        let mut args = self.options(key);
        args.extend(["-p".to_owned(), self.port.to_string()]);
        args.extend(more.iter().map(|a| (*a).to_owned()));
        args.push(format!("{}@127.0.0.1", self.account));
        args.extend(command.iter().map(|a| (*a).to_owned()));
        args
    }

    fn ssh(&self, key: &str, more: &[&str], command: &[&str]) -> Said {
        output(Command::new("ssh").args(self.ssh_args(key, more, command)))
    }

    fn screen(&self, key: &str) -> Pty {
        let args = self.ssh_args(key, &["-tt"], &[]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Pty::spawn("ssh", &args, &[], 120, 40)
    }

    fn fingerprint(&self, key: &str) -> String {
        let file = self.dir.path().join(key).with_extension("pub");
        let said = output(Command::new("ssh-keygen").arg("-lf").arg(file)).out;
        said.split_whitespace().nth(1).unwrap().to_owned()
    }

    fn trail(&self) -> Vec<String> {
        self.server.run(&["audit", "show"]).lines().map(str::to_owned).collect()
    }

    fn sessions(&self) -> u64 {
        let status: serde_json::Value = serde_json::from_str(&self.server.run(&["status", "--json"])).unwrap();
        status["sessions"].as_u64().unwrap()
    }
}

#[test]
fn the_screen_opens_by_the_key_and_the_trail_says_whose_it_was() {
    let Some(bench) = Bench::own() else { return };
    let mut screen = bench.screen("anna");
    screen.wait_for_text("Okafor");
    assert!(screen.text().contains("b1") && screen.text().contains("anna"), "{}", screen.text());
    assert_eq!(bench.sessions(), 1);
    let login = bench.trail().into_iter().find(|line| line.contains("ssh_key")).unwrap();
    assert!(login.contains(&bench.fingerprint("anna")) && login.contains("user.login"), "{login}");
    screen.send("q");
    screen.wait_end();
    wait_for("the end of the session", || (bench.sessions() == 0).then_some(()));
    assert!(bench.trail().iter().any(|line| line.contains("user.logout")));
    // Whoever's connection breaks is signed out too.
    let screen = bench.screen("bert");
    screen.wait_for_text("Okafor");
    assert!(screen.text().contains("bert"), "{}", screen.text());
    screen.signal("KILL");
    wait_for("the end of the session", || (bench.sessions() == 0).then_some(()));
}

#[test]
fn an_allowed_command_runs_as_the_keys_owner() {
    let Some(bench) = Bench::own() else { return };
    let status = bench.ssh("anna", &[], &["status"]);
    assert!(status.code == 0 && status.out.contains("you are anna (nurse)"), "{status:?}");
    assert!(bench.ssh("bert", &[], &["status"]).out.contains("you are bert (doctor)"));
    let once = bench.ssh("anna", &[], &["once"]);
    assert!(once.out.contains("Okafor, Chidi"), "{once:?}");
    let json = bench.ssh("anna", &[], &["once", "--json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&json.out).is_ok(), "{json:?}");
    let report = bench.ssh("anna", &[], &["alerts report --since '1h' --format json"]);
    assert!(report.code == 0 && report.out.contains("\"report\""), "{report:?}");
    let handover = bench.ssh("anna", &[], &["handover", "show", "--patient", "p1"]);
    assert!(handover.code == 0 && handover.out.contains("Okafor"), "{handover:?}");
    let help = bench.ssh("anna", &[], &["help"]);
    assert!(help.code == 0 && help.err.contains("allowed: "), "{help:?}");
    wait_for("the ends of the sessions", || (bench.sessions() == 0).then_some(()));
}

#[test]
fn shells_copies_tunnels_and_other_names_are_refused() {
    let Some(bench) = Bench::own() else { return };
    let mark = bench.dir.path().join("mark");
    let touch = format!("touch {}", mark.display());
    for command in
        ["sh", "/bin/bash -i", &touch, &format!("once; {touch}"), &format!("once $({touch})"), "serve", "user list"]
    {
        let refused = bench.ssh("anna", &[], &[command]);
        assert_eq!(refused.code, 2, "{command}: {refused:?}");
        assert!(refused.err.starts_with("wardwatch: ") && refused.err.lines().count() == 1, "{command}: {refused:?}");
        assert_eq!(refused.out, "", "{command}");
    }
    let other = bench.ssh("anna", &[], &["status", "--user", "bert"]);
    assert!(other.code == 2 && other.err.contains("another name is not taken here"), "{other:?}");

    let server = bench.server.address.to_string();
    let through = bench.ssh("anna", &["-W", &server], &[]);
    assert!(through.code != 0 && through.out.is_empty(), "{through:?}");
    let back = bench.ssh("anna", &["-o", "ExitOnForwardFailure=yes", "-N", "-R", "127.0.0.1:0:127.0.0.1:1"], &[]);
    assert!(back.code != 0, "{back:?}");
    // A local tunnel is listened to by the client, but leads nowhere.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tunnel = format!("127.0.0.1:{port}:{server}");
    let args = bench.ssh_args("anna", &["-N", "-L", &tunnel], &[]);
    let child = Command::new("ssh").args(args).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let _tunnel = Sshd(child);
    let mut stream = wait_for("the client's end", || TcpStream::connect(("127.0.0.1", port)).ok());
    let mut heard = Vec::new();
    drop(std::io::Read::read_to_end(&mut stream, &mut heard));
    assert!(heard.is_empty(), "{heard:?}");

    let file = bench.dir.path().join("anna.pub").display().to_string();
    let target = format!("{}@127.0.0.1:{}", bench.account, mark.display());
    for (program, old) in [("scp", &["-O"][..]), ("scp", &[])] {
        let mut args = bench.options("anna");
        args.extend(["-P".to_owned(), bench.port.to_string()]);
        args.extend(old.iter().map(|a| (*a).to_owned()));
        args.extend([file.clone(), target.clone()]);
        let refused = output(Command::new(program).args(args));
        assert_ne!(refused.code, 0, "{old:?}: {refused:?}");
    }
    assert!(!mark.exists(), "something was run or copied");
    assert!(!bench.trail().iter().any(|line| line.contains("\"bert\"")));
}

#[test]
fn a_key_that_is_nobodys_opens_nothing_and_a_removed_one_ends_its_sessions() {
    let Some(bench) = Bench::own() else { return };
    let stranger = bench.ssh("stranger", &[], &["once"]);
    assert!(stranger.code == 2 && stranger.err.contains(&bench.fingerprint("stranger")), "{stranger:?}");
    assert!(bench.trail().iter().any(|l| l.contains("refused") && l.contains(&bench.fingerprint("stranger"))));
    // Nobody says by which key he was let in but sshd.
    let forged = bench.dir.path().join("forged");
    let key = std::fs::read_to_string(bench.dir.path().join("anna.pub")).unwrap();
    secret_file(&forged, &format!("publickey {key}"));
    let set = format!("SetEnv=SSH_USER_AUTH={}", forged.display());
    let forging = bench.ssh("stranger", &["-o", &set], &["status"]);
    assert!(forging.code == 2 && !forging.out.contains("anna"), "{forging:?}");

    let mut screen = bench.screen("anna");
    screen.wait_for_text("Okafor");
    let list = bench.server.run(&["user", "key", "list", "anna"]);
    assert!(list.contains(&bench.fingerprint("anna")) && list.lines().count() == 1, "{list}");
    bench.server.run(&["user", "key", "remove", "anna", &bench.fingerprint("anna")]);
    wait_for("the end of the session", || (bench.sessions() == 0).then_some(()));
    screen.wait_for("no name", |screen| !screen.contents().contains("Okafor"));
    screen.signal("TERM");
    screen.wait_end();
    assert_eq!(bench.ssh("anna", &[], &["once"]).code, 2);
    bench.server.run(&["user", "disable", "bert"]);
    let disabled = bench.ssh("bert", &[], &["once"]);
    assert!(disabled.code == 2 && disabled.err.contains("bert may not sign in"), "{disabled:?}");
}

#[test]
fn an_account_that_is_no_gateway_brings_nobody() {
    let Some(bench) = Bench::start("[54321]") else { return };
    let refused = bench.ssh("anna", &[], &["once"]);
    assert!(refused.code == 2 && refused.err.contains("brings no logins"), "{refused:?}");
    assert_eq!(bench.sessions(), 0);
}
