//! Who watches over the audit trail of a running server: its clients, a witness on another host, and whoever has a proof.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod support;

use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
    time::Duration,
};
use support::{Server, program, request, run, stream::Stream, wait_for};
use wardwatch::{
    access::Secret,
    audit::{Checkpoint, NoteVerifier, Remembered, Shown, leaf_hash},
    client::{self, ClientEvent, LinkOptions, TrailMemory, TrailStanding},
    protocol::Encoding,
    seam::OsEntropy,
    store::StoreReader,
};

/// Longest wait for what a link tells of the trail, in seconds.
const PATIENCE_S: u64 = 30;

struct Bench {
    dir: tempfile::TempDir,
    data: PathBuf,
    token: PathBuf,
    settings: Vec<(String, String)>,
}

impl Bench {
    /// A folder with a ward, a nurse and some entries, and its server.
    fn new(settings: &[(&str, &str)]) -> (Self, Server) {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let mut command = program();
        command.args(["serve", "--mode", "live", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
        let server = Server::spawn(command.envs(settings.iter().copied()), &data);
        server.small_ward();
        let token = server.user("anna", "nurse");
        (0..6).for_each(|n| server.add_bed(&format!("extra-{n}")));
        let size = server.reader().leaves(0, 1_000).unwrap().len() as u64;
        wait_for("all of it to be signed", || {
            let note = checkpoint_of(&server, 0).note;
            (Checkpoint::parse(&note).unwrap().size >= size).then_some(())
        });
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        (Self { dir, data, token, settings }, server)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where a client of the command line remembers, if its state folder is `state`.
    fn memory(&self) -> TrailMemory {
        TrailMemory::at(self.path("state/wardwatch/trails"))
    }

    /// Stops the server; somebody with all of its files writes an entry anew, and takes the checkpoints away that tell; it
    /// starts again with the same key, at the same address.
    fn written_anew(&self, server: Server) -> Server {
        let address = server.address;
        server.stop();
        let db = Connection::open(self.data.join("wardwatch.db")).unwrap();
        let leaf: String = db.query_row("SELECT leaf FROM audit_leaf WHERE idx = 4", [], |r| r.get(0)).unwrap();
        let edited = leaf.replacen("\"outcome\":\"success\"", "\"outcome\":\"refused\"", 1);
        assert_ne!(leaf, edited);
        let hash = leaf_hash(edited.as_bytes());
        db.execute("UPDATE audit_leaf SET leaf = ?1, hash = ?2 WHERE idx = 4", (&edited, hash)).unwrap();
        db.execute("DELETE FROM audit_checkpoint", []).unwrap();
        drop(db);
        let mut command = program();
        command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(&self.data);
        let server = Server::spawn(command.envs(self.settings.iter().cloned()), &self.data);
        checkpoint_of(&server, 1);
        server
    }

    /// What a link tells of the trail first.
    fn seen(&self, server: &Server, memory: TrailMemory) -> TrailStanding {
        let options = LinkOptions {
            without_ward: false,
            emergency: None,
            endpoint: server.url().parse().unwrap(),
            token: Secret::new(std::fs::read_to_string(&self.token).unwrap().trim().to_owned()),
            token_file: None,
            ward: None,
            patients: None,
            encoding: Encoding::MessagePack,
            memory,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let (_requests, mut events) = client::start(options, Arc::new(OsEntropy));
            let told = async {
                loop {
                    match events.recv().await.unwrap() {
                        ClientEvent::Trail(standing) => return standing,
                        ClientEvent::Refused { why } => panic!("{why}"),
                        _ => {}
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(PATIENCE_S), told).await.unwrap()
        })
    }

    fn witness(&self, server: &Server, args: &[&str]) -> Output {
        self.witness_of("witness", server, args)
    }

    fn witness_of(&self, who: &str, server: &Server, args: &[&str]) -> Output {
        let mut command = program();
        command.args(["witness", "--to", &server.url(), "--name", &format!("test/{who}"), "--state"]);
        command.arg(self.path(who)).args(args).output().unwrap()
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The newest checkpoint, once one is signed, with its proof of growth.
fn checkpoint_of(server: &Server, old: u64) -> Shown {
    wait_for("a checkpoint", || {
        let answer = request(server.address, "GET", &format!("/v1/audit/checkpoint?old={old}"), &[], b"");
        (answer.status == 200).then(|| answer.body.parse().unwrap())
    })
}

fn key_of(server: &Server) -> NoteVerifier {
    let answer = request(server.address, "GET", "/v1/audit/key", &[], b"");
    answer.body.parse().unwrap()
}

#[test]
fn whoever_asks_gets_the_checkpoint_and_the_proof_that_it_has_grown() {
    let (bench, server) = Bench::new(&[]);
    let key = key_of(&server);
    assert_eq!(key.to_string(), std::fs::read_to_string(bench.data.join("audit.pub")).unwrap().trim());
    let first = checkpoint_of(&server, 0);
    let mut seen = Remembered::first(key.clone(), &first.note).unwrap();
    for n in 0..5 {
        server.add_bed(&format!("later-{n}"));
        let size = seen.checkpoint.size;
        let shown = wait_for("growth", || {
            let shown = checkpoint_of(&server, size);
            (key.open(&shown.note).unwrap().size > size).then_some(shown)
        });
        seen = seen.again(&key, &shown).unwrap();
    }
    let beyond = checkpoint_of(&server, 1_000_000);
    assert!(beyond.proof.is_empty(), "nothing is proven of entries that never were");
    for query in ["old=", "old=x", "old=-1", "new=1"] {
        let answer = request(server.address, "GET", &format!("/v1/audit/checkpoint?{query}"), &[], b"");
        assert_eq!(answer.status, 400, "{query}");
    }
    let plain = request(server.address, "GET", "/v1/audit/checkpoint", &[], b"");
    assert!(key.open(&plain.body).is_ok());
    server.stop();
}

/// All that is signed is on the disk: after a kill the trail has at least as many entries, and begins with them.
#[test]
fn a_kill_takes_back_nothing_that_was_signed() {
    let (bench, mut server) = Bench::new(&[]);
    let key = key_of(&server);
    let mut seen = Remembered::first(key.clone(), &checkpoint_of(&server, 0).note).unwrap();
    for round in 0..5 {
        for n in 0..20 {
            server.add_bed(&format!("b-{round}-{n}"));
        }
        let address = server.address;
        seen = seen.again(&key, &checkpoint_of(&server, seen.checkpoint.size)).unwrap();
        server.kill();
        server = Server::start_at(&bench.data, address);
        seen = seen.again(&key, &checkpoint_of(&server, seen.checkpoint.size)).unwrap();
    }
    server.stop();
}

#[test]
fn a_client_that_comes_back_to_an_honest_server_tells_nothing() {
    let (bench, server) = Bench::new(&[]);
    checkpoint_of(&server, 0);
    let TrailStanding::Witnessed { size } = bench.seen(&server, bench.memory()) else { panic!("not witnessed") };
    let address = server.address;
    server.stop();
    let server = Server::start_at(&bench.data, address);
    checkpoint_of(&server, 0);
    let TrailStanding::Witnessed { size: later } = bench.seen(&server, bench.memory()) else { panic!("not witnessed") };
    assert!(later > size, "{size}, {later}");
    let out = watch_plain(&bench, &server, |text| text.contains("LIVE"));
    assert!(!out.contains("AUDIT"), "{out}");
    server.stop();
}

#[test]
fn a_client_tells_a_trail_that_was_written_anew_and_signed_with_the_true_key() {
    let (bench, server) = Bench::new(&[]);
    checkpoint_of(&server, 0);
    assert!(matches!(bench.seen(&server, bench.memory()), TrailStanding::Witnessed { .. }));
    let server = bench.written_anew(server);
    assert!(!server.log().contains("THE AUDIT TRAIL WAS CHANGED"), "the server itself knows nothing of it");
    let unknowing = bench.seen(&server, TrailMemory::default());
    assert!(matches!(unknowing, TrailStanding::Witnessed { .. }), "who has seen nothing before knows nothing either");
    let told = bench.seen(&server, bench.memory());
    let TrailStanding::Forked { what } = told else { panic!("{told:?}") };
    assert!(what.starts_with("size ") && what.ends_with("are not as they were"), "{what}");
    assert_eq!(bench.seen(&server, bench.memory()), TrailStanding::Forked { what: what.clone() }, "it stays");
    let line = format!("AUDIT FORKED: {what}");
    let out = watch_plain(&bench, &server, |text| text.contains(&line));
    assert!(out.contains(&line), "{out}");
    server.stop();
}

/// What `watch --plain` has said when `enough` says so, or after the time a test waits.
fn watch_plain(bench: &Bench, server: &Server, enough: impl Fn(&str) -> bool) -> String {
    use std::io::Read;
    let mut command = program();
    command.args(["watch", "--plain", "--to", &server.url(), "--token-file"]).arg(&bench.token);
    command.env("XDG_STATE_HOME", bench.path("state"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = out.read(&mut bytes) {
            drop(send.send(bytes[..n].to_vec()));
        }
    });
    let mut all = String::new();
    wait_for("what plain lines say", || {
        all.extend(receive.try_iter().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
        enough(&all).then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    all
}

#[test]
fn a_witness_cosigns_what_has_grown_and_refuses_what_was_changed() {
    let dir = tempfile::tempdir().unwrap();
    let shown = program()
        .args(["witness", "--name", "test/witness", "--show-key", "--state"])
        .arg(dir.path().join("witness"))
        .output()
        .unwrap();
    let witness_key = String::from_utf8(shown.stdout).unwrap().trim().to_owned();
    let (bench, server) = Bench::new(&[("WARDWATCH_AUDIT__WITNESSES", &format!("[\"{witness_key}\"]"))]);
    std::fs::rename(dir.path().join("witness"), bench.path("witness")).unwrap();
    checkpoint_of(&server, 0);
    let data = bench.data.to_str().unwrap().to_owned();
    let prove = || run(&["audit", "prove", "3", "--data", &data]);
    let file = bench.path("3.tlog-proof");
    let key = bench.data.join("audit.pub");
    let check = |witness: &str, quorum: &str| {
        let mut command = program();
        command.args(["audit", "check"]).arg(&file).arg("--key").arg(&key);
        command.args(["--witness", witness, "--quorum", quorum]).output().unwrap()
    };
    std::fs::write(&file, prove()).unwrap();
    let nobody = check(&witness_key, "1");
    assert_eq!(nobody.status.code(), Some(1), "nobody has cosigned yet: {}", said(&nobody));
    assert!(said(&nobody).contains("0 of the witnesses have cosigned"), "{}", said(&nobody));
    for round in 0..2 {
        let looked = bench.witness(&server, &["--once", "--key", key.to_str().unwrap()]);
        assert_eq!(looked.status.code(), Some(0), "{}", said(&looked));
        assert!(said(&looked).starts_with("cosigned "), "{}", said(&looked));
        server.add_bed(&format!("between-{round}"));
    }
    std::fs::write(&file, prove()).unwrap();
    let good = check(&witness_key, "1");
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    assert!(
        said(&good).contains("good: entry 3 of") && said(&good).contains("cosigned by test/witness"),
        "{}",
        said(&good)
    );
    let wrong_use = check(&witness_key, "2");
    assert_eq!(wrong_use.status.code(), Some(2), "{}", said(&wrong_use));
    let kept = std::fs::read(bench.data.join("audit.cosigned")).unwrap();
    let server = bench.written_anew(server);
    for _ in 0..2 {
        let looked = bench.witness(&server, &["--once"]);
        assert_eq!(looked.status.code(), Some(1), "{}", said(&looked));
        assert!(said(&looked).contains("AUDIT FORKED: size "), "{}", said(&looked));
        assert!(said(&looked).contains("; first bad entry: 4\n"), "by the hashes that it keeps: {}", said(&looked));
    }
    assert_eq!(std::fs::read(bench.data.join("audit.cosigned")).unwrap(), kept);
    server.stop();
}

#[test]
fn two_witnesses_that_look_at_different_times_cosign_one_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let keys = ["witness", "second"].map(|who| {
        let mut command = program();
        command.args(["witness", "--name", &format!("test/{who}"), "--show-key", "--state"]).arg(dir.path().join(who));
        String::from_utf8(command.output().unwrap().stdout).unwrap().trim().to_owned()
    });
    let [a, b] = &keys;
    let (bench, server) = Bench::new(&[("WARDWATCH_AUDIT__WITNESSES", &format!("[\"{a}\",\"{b}\"]"))]);
    for (n, who) in ["witness", "second"].into_iter().enumerate() {
        std::fs::rename(dir.path().join(who), bench.path(who)).unwrap();
        let looked = bench.witness_of(who, &server, &["--once"]);
        assert_eq!(looked.status.code(), Some(0), "{}", said(&looked));
        server.add_bed(&format!("between-{n}"));
    }
    let proof = run(&["audit", "prove", "3", "--data", bench.data.to_str().unwrap()]);
    let file = bench.path("3.tlog-proof");
    std::fs::write(&file, proof).unwrap();
    let mut command = program();
    command.args(["audit", "check"]).arg(&file).arg("--key").arg(bench.data.join("audit.pub"));
    let checked = command.args(["--witness", a, "--witness", b, "--quorum", "2"]).output().unwrap();
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
    server.stop();
}

#[test]
fn two_processes_do_not_witness_with_one_folder() {
    let (bench, server) = Bench::new(&[]);
    let mut command = program();
    command.args(["witness", "--to", &server.url(), "--every", "3600", "--state"]).arg(bench.path("witness"));
    let mut first = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the first to look", || bench.path("witness/trails").exists().then_some(()));
    let second = bench.witness(&server, &["--once"]);
    assert_eq!(second.status.code(), Some(2), "{}", said(&second));
    assert!(said(&second).contains("another `wardwatch witness` uses"), "{}", said(&second));
    let key = bench.witness(&server, &["--show-key"]);
    assert_eq!(key.status.code(), Some(0), "its key is shown meanwhile: {}", said(&key));
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(!said(&bench.witness(&server, &["--once"])).contains("another"), "the folder is free again");
    server.stop();
}

/// Somebody with all files and the key edits an entry and signs anew: the pin names it, without a server, by the public key.
#[test]
fn a_pin_names_the_entry_that_was_rewritten_and_signed_with_the_true_key() {
    let (bench, server) = Bench::new(&[]);
    checkpoint_of(&server, 0);
    let data = bench.data.to_str().unwrap().to_owned();
    let (pin, key, alone) = (bench.path("site.pin"), bench.path("kept.pub"), bench.path("kept.checkpoint"));
    std::fs::copy(bench.data.join("audit.pub"), &key).unwrap();
    let pinned = program().args(["audit", "pin", "--data", &data, "--out"]).arg(&pin).output().unwrap();
    assert_eq!(pinned.status.code(), Some(0), "{}", said(&pinned));
    std::fs::write(&alone, run(&["audit", "checkpoint", "--data", &data])).unwrap();
    let verify = |from: &Path| {
        let mut command = program();
        command.args(["audit", "verify", "--data", &data, "--from"]).arg(from).arg("--key").arg(&key).output().unwrap()
    };
    let good = verify(&pin);
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    assert!(said(&good).contains("; grown from "), "{}", said(&good));
    bench.written_anew(server).stop();
    let told = verify(&alone);
    assert_eq!(told.status.code(), Some(1), "{}", said(&told));
    assert!(said(&told).contains("leaf 0 is not as the signed checkpoint says (or one up to"), "{}", said(&told));
    let told = verify(&pin);
    assert_eq!(told.status.code(), Some(1), "{}", said(&told));
    let named = "BAD: leaf 4 is not as the signed checkpoint says; first bad index: 4";
    assert!(said(&told).contains(named), "{}", said(&told));
    let mut bytes = std::fs::read(&pin).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&pin, bytes).unwrap();
    let damaged = verify(&pin);
    assert!(said(&damaged).contains("the pin was damaged"), "{}", said(&damaged));
}

#[test]
fn hashes_of_entries_are_for_witnesses_alone() {
    let (_bench, server) = Bench::new(&[]);
    let note = checkpoint_of(&server, 0).note;
    let ask = |query: &str, body: &[u8]| {
        request(server.address, "POST", &format!("/v1/audit/hashes{query}"), &[], body).status
    };
    assert_eq!(ask("?from=0", note.as_bytes()), 403, "nobody has cosigned it");
    assert_eq!(ask("?from=0", b"nothing"), 400);
    assert_eq!(ask("", note.as_bytes()), 400);
    server.stop();
}

#[test]
fn cosignatures_of_strangers_are_refused() {
    let (bench, server) = Bench::new(&[]);
    let shown = checkpoint_of(&server, 0);
    let looked = bench.witness(&server, &["--once"]);
    assert_eq!(looked.status.code(), Some(2), "{}", said(&looked));
    assert!(said(&looked).contains("no witness of the configuration"), "{}", said(&looked));
    let post = |body: &[u8]| request(server.address, "POST", "/v1/audit/cosigned", &[], body).status;
    assert_eq!(post(shown.note.as_bytes()), 403, "nobody has cosigned it");
    assert_eq!(post(b"nothing"), 400);
    assert_eq!(post(&[0xff; 100]), 400);
    assert_eq!(post(&[b'a'; 100_000]), 400);
    assert!(!bench.data.join("audit.cosigned").exists());
    server.stop();
}

#[test]
fn what_is_no_proof_is_told() {
    let (bench, server) = Bench::new(&[]);
    checkpoint_of(&server, 0);
    let data = bench.data.to_str().unwrap();
    let proof = run(&["audit", "prove", "2", "--data", data]);
    let file = bench.path("x.tlog-proof");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        program().args(["audit", "check"]).arg(&file).arg("--key").arg(bench.data.join("audit.pub")).output().unwrap()
    };
    let good = check(&proof);
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    assert!(said(&good).contains("\"act\":"), "the entry is shown: {}", said(&good));
    for (text, says) in [
        (proof.replacen("index 2", "index 3", 1), "does not stand at 3"),
        (proof.replacen("index 2", "index 02", 1), "it has no index"),
        (proof.replacen("tlog-proof@v1", "tlog-proof@v2", 1), "the first line is another"),
        (proof[..proof.len() - 40].to_owned(), "carries no signature"),
        (String::new(), "no checkpoint follows"),
    ] {
        let bad = check(&text);
        assert_eq!(bad.status.code(), Some(1), "{}", said(&bad));
        assert!(said(&bad).contains(says), "{says}: {}", said(&bad));
    }
    let far = program().args(["audit", "prove", "999999", "--data", data]).output().unwrap();
    assert_eq!(far.status.code(), Some(2), "{}", said(&far));
    server.stop();
}

/// The verifier of `docs/audit.md` says the same as ours.
#[test]
fn the_verifier_of_the_document_needs_none_of_our_code() {
    let python = |args: &[&Path]| Command::new("python3").args(args).output();
    if python(&[Path::new("--version")]).is_err() {
        println!("skipped: there is no python3 here");
        return;
    }
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/audit.md")).unwrap();
    let verifier = document.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(verifier.lines().count() <= 60, "it is to be read in one look");
    let (bench, server) = Bench::new(&[]);
    checkpoint_of(&server, 0);
    let (script, file, key) = (bench.path("verify.py"), bench.path("p.tlog-proof"), bench.data.join("audit.pub"));
    std::fs::write(&script, verifier).unwrap();
    for index in ["0", "3", "7"] {
        let proof = run(&["audit", "prove", index, "--data", bench.data.to_str().unwrap()]);
        std::fs::write(&file, &proof).unwrap();
        let good = python(&[&script, &file, &key]).unwrap();
        assert!(good.status.success() && said(&good).contains(&format!("good: entry {index} of")), "{}", said(&good));
        if said(&good).contains("NOT checked") {
            println!("the signature was not checked: the package cryptography is missing");
        }
        let line = proof.lines().nth(3).unwrap();
        for bad in [
            proof.replacen(&format!("index {index}"), "index 1", 1),
            proof.replacen(line, &format!("{}=", "A".repeat(43)), 1),
            proof.replacen("extra ", "extra AAAA", 1),
        ] {
            std::fs::write(&file, bad).unwrap();
            let refused = python(&[&script, &file, &key]).unwrap();
            assert!(!refused.status.success() && said(&refused).contains("BAD: "), "{}", said(&refused));
        }
    }
    server.stop();
}

#[test]
fn who_saw_a_patient_is_told_by_one_command() {
    let (bench, server) = Bench::new(&[]);
    let token = std::fs::read_to_string(&bench.token).unwrap();
    let (_anna, _, _) = Stream::watch(&server, token.trim());
    let show = |args: &[&str]| server.run(&[&["audit", "show"], args].concat());
    let reads = wait_for("the view", || Some(show(&["--patient", "p1", "--reads"])).filter(|text| !text.is_empty()));
    assert!(reads.lines().all(|line| line.contains("patient.view") && line.contains("patient=p1")), "{reads}");
    let of_patient = show(&["--patient", "p1"]);
    assert!(of_patient.contains("patient.admit") && of_patient.lines().count() > reads.lines().count(), "{of_patient}");
    let of_anna = show(&["--user", "anna"]);
    assert!(
        of_anna.contains("user.login") && of_anna.contains("patient.view") && of_anna.contains("user.add"),
        "{of_anna}"
    );
    assert!(!of_anna.contains("bed.set"), "{of_anna}");
    assert_eq!(show(&["--failures"]), "");
    assert_eq!(show(&["--break-glass"]), "");
    let beds = show(&["--act", "bed", "--limit", "3", "--json"]);
    assert_eq!(beds.lines().filter(|line| line.contains("\"act\":\"bed.set\"")).count(), 3, "{beds}");
    assert_eq!(show(&["--since", "2100-01-01T00:00:00Z"]), "");
    assert!(show(&["--since", "1h"]).contains("log.start"));
    let export = |format: &str, args: &[&str]| {
        server.run(&[&["audit", "export", "--format", format, "--patient", "p1"], args].concat())
    };
    let lines = show(&["--patient", "p1"]).lines().count();
    for (format, begin) in [("fhir", "{"), ("dicom", "<AuditMessage>"), ("syslog", "<85>1 ")] {
        let text = export(format, &[]);
        assert_eq!(text.lines().count(), lines, "{text}");
        assert!(text.lines().all(|line| line.starts_with(begin) && line.contains("p1")), "{text}");
        assert_eq!(export(format, &["--until", "2020-01-01T00:00:00Z"]), "");
    }
    server.stop();
}
