//! Policies of a whole server: judged, denied at the start, exempted, looked at each hour.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};
use support::{Server, program, run, run_with, wait_for};
use wardwatch::{
    backend::{
        admin::{self, AdminAnswer, AdminRequest, Asker},
        config::Config,
        policy::CHECK_EVERY,
        server,
    },
    domain::{EventBody, Mode, Timestamp, Ward},
    policy::{Compliance, Finding, Report},
    seam::{Clock, ManualClock},
    store::{DataFolder, StoreReader, sqlite::SqliteReader},
};

const LISTENER: &str = "/providers/Wardwatch/servers/listeners/http";

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(bench.policies()).unwrap();
        std::fs::write(bench.config(), format!("[policy]\nfolder = {:?}\n", bench.policies())).unwrap();
        bench
    }

    fn policies(&self) -> PathBuf {
        self.dir.path().join("policies")
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("wardwatch.toml")
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn put(&self, name: &str, value: &Value) {
        std::fs::write(self.policies().join(name), value.to_string()).unwrap();
    }

    fn arguments(&self) -> [String; 4] {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        ["--data".to_owned(), text(self.data()), "--config".to_owned(), text(self.config())]
    }

    /// `policy check` with further arguments: its exit code and what it says.
    fn check(&self, more: &[&str]) -> (i32, String) {
        let own = self.arguments();
        let args: Vec<&str> =
            ["policy", "check"].into_iter().chain(more.iter().copied()).chain(own.iter().map(|a| &**a)).collect();
        said(&run_with("", &args))
    }

    fn report(&self) -> (i32, Report) {
        let (code, text) = self.check(&["--json"]);
        (code, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
    }

    /// A server that listens everywhere, as it says why it does not start.
    fn refused(&self) -> String {
        let output = self.everywhere().output().unwrap();
        let (code, text) = said(&output);
        assert_eq!(code, 2, "{text}");
        text
    }

    fn everywhere(&self) -> Command {
        let mut command = program();
        command.args(["serve", "--mode", "demo", "--listen", "0.0.0.0:0", "--tls", "auto"]).args(self.arguments());
        command
    }

    fn exempt(&self, until: &str) {
        let (reason, owner) = ("the clinic's firewall stands before it", "security officer");
        let text = run(&[
            "policy",
            "exempt",
            "NET-01",
            "--resource",
            LISTENER,
            "--owner",
            owner,
            "--until",
            until,
            "--reason",
            reason,
        ]);
        std::fs::write(self.policies().join("net.json"), text).unwrap();
    }
}

fn said(output: &Output) -> (i32, String) {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    (output.status.code().unwrap(), text)
}

fn of<'a>(report: &'a Report, reference: &str) -> &'a Finding {
    // Of several listeners that of HTTP is meant.
    let other = |f: &Finding| reference.starts_with("NET") && f.resource.as_deref() != Some(LISTENER);
    let found: Vec<&Finding> = report.findings.iter().filter(|f| f.reference == reference && !other(f)).collect();
    assert_eq!(found.len(), 1, "{reference}: {found:#?}");
    found[0]
}

fn acts(data: &Path) -> Vec<String> {
    let reader = SqliteReader::open(&DataFolder::open(data).unwrap()).unwrap();
    let act = |leaf: &str| serde_json::from_str::<Value>(leaf).unwrap()["act"].as_str().unwrap().to_owned();
    reader.leaves(0, 1_000).unwrap().iter().map(|row| act(&row.leaf)).collect()
}

#[test]
fn a_server_as_it_is_made_starts_and_is_judged_running_and_at_rest() {
    let bench = Bench::new();
    let server = Server::start(&bench.data());
    let (code, running) = bench.report();
    assert_eq!((code, running.summary.denied), (0, 0), "{running:#?}");
    let probe = of(&running, "AUD-01");
    assert_eq!(probe.state, Compliance::Compliant);
    assert!(probe.reasons.iter().all(|reason| reason.value == true), "{probe:?}");
    assert_eq!(acts(&bench.data()).last().unwrap(), "policy.check", "the probe is the entry of the check itself");
    assert!(["NET-01", "AUD-02", "NET-03"].iter().all(|check| of(&running, check).state == Compliance::Compliant));
    assert_eq!(of(&running, "KEY-01").state, Compliance::NonCompliant, "the store is not encrypted, and it says so");
    let looked_at = running.looked_at.clone().unwrap();
    assert!(looked_at.running && looked_at.configuration.len() == 64 && looked_at.file.is_none(), "{looked_at:?}");
    wait_for("a checkpoint", || (of(&bench.report().1, "AUD-01-CHAIN").state == Compliance::Compliant).then_some(()));
    server.stop();
    let (code, text) = bench.check(&[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("hipaa-baseline: not compliant") && text.contains("KEY-01 [audit]"), "{text}");
    let looked_at = bench.report().1.looked_at.unwrap();
    assert_eq!(looked_at.file.as_deref(), bench.config().to_str());
    assert_eq!((looked_at.running, looked_at.folder.as_deref()), (false, bench.policies().to_str()));
    let (before, config) = (looked_at.configuration, std::fs::read_to_string(bench.config()).unwrap());
    std::fs::write(bench.config(), format!("{config}\n[log]\nlevel = \"warn\"\n")).unwrap();
    assert_ne!(bench.report().1.looked_at.unwrap().configuration, before, "other settings have another hash");
    assert!(text.lines().all(|line| line.chars().count() <= 80 || !line.trim().contains(' ')), "{text}");
}

#[test]
fn what_is_asked_for_wrongly_exits_2_and_what_denies_exits_1() {
    let bench = Bench::new();
    assert_eq!(bench.check(&[]).0, 2, "there is no folder yet");
    Server::start(&bench.data()).stop();
    let (code, text) = bench.check(&["--initiative", "other"]);
    assert!(code == 2 && text.contains("no initiative other is assigned"), "{text}");
    assert_eq!(bench.check(&["--initiative", "hipaa-baseline", "--scope", "site"]).0, 0);
    assert_eq!(bench.check(&["--scope", "moon"]).0, 2);
    let (code, text) = bench.check(&["--scope", "ward/nowhere"]);
    assert!(code == 2 && text.contains("/ward/nowhere is no place of this server: it has no ward yet"), "{text}");
    std::fs::write(bench.policies().join("bad.json"), "{\n\"policyRule\": {\"iff\": 1}}").unwrap();
    let (code, text) = bench.check(&[]);
    assert!(
        code == 2 && text.contains("bad.json, line 2, column 15: ") && text.contains("missing required key"),
        "{text}"
    );
    let own = bench.arguments();
    let status = run_with("", &["status", &own[0], &own[1], &own[2], &own[3]]);
    let (code, text) = said(&status);
    assert!(code != 2 && !text.contains("bad.json"), "a wrong policy stops no other command: {text}");
    let refused = bench.refused();
    assert!(refused.contains("bad.json, line 2"), "nobody is served without the site's policies: {refused}");
    std::fs::remove_file(bench.policies().join("bad.json")).unwrap();
    let open = format!("[server]\nlisten = \"0.0.0.0:0\"\ntls = \"auto\"\n[policy]\nfolder = {:?}\n", bench.policies());
    std::fs::write(bench.config(), open).unwrap();
    let (code, text) = bench.check(&[]);
    assert!(code == 1 && text.contains("NET-01 [deny]"), "{text}");
}

#[test]
fn a_start_that_is_denied_says_what_to_do_and_an_exemption_lets_it_start_until_its_end() {
    let bench = Bench::new();
    let refused = bench.refused();
    for said in ["a policy denies it", "NET-01", LISTENER, "network = \"any\"", "server.listen", "policy exempt NET-01"]
    {
        assert!(refused.contains(said), "{said}: {refused}");
    }
    assert_eq!(acts(&bench.data()), ["log.start", "server.start", "policy.deny"]);
    bench.exempt(&(support::now() + wardwatch::domain::Millis::from_mins(300 * 24 * 60)).to_string());
    let server = Server::spawn(&mut bench.everywhere(), &bench.data());
    let (code, report) = bench.report();
    let finding = of(&report, "NET-01");
    assert_eq!((code, finding.state), (0, Compliance::Exempt));
    assert_eq!(finding.exemption.as_ref().unwrap().owner, "security officer");
    server.stop();
    bench.exempt("2026-01-01T00:00:00Z");
    let refused = bench.refused();
    assert!(
        refused.contains("exemption NET-01-http of security officer ended at 2026-01-01T00:00:00.000Z"),
        "{refused}"
    );
}

#[test]
fn an_audit_trail_that_takes_nothing_is_told() {
    let bench = Bench::new();
    let token = {
        let server = Server::start(&bench.data());
        let token = server.small_ward();
        server.stop();
        token
    };
    let exe = program().get_program().to_owned();
    let mut command = Command::new("sh");
    // 512-byte blocks: about 1 MB.
    command
        .arg("-c")
        .arg("ulimit -f 2000; exec \"$0\" serve --listen 127.0.0.1:0 --data \"$1\"")
        .arg(exe)
        .arg(bench.data());
    let server = Server::spawn(&mut command, &bench.data());
    let headers = [("authorization", &*format!("Bearer {token}"))];
    let base = support::now();
    let mut n = 0;
    wait_for("the disk to be full", || {
        let body: Vec<String> =
            (0..500).map(|i| support::observation("spo2", 97.0, base + wardwatch::domain::Millis(n + i))).collect();
        n += 500;
        let body = format!("[{}]", body.join(","));
        let answer = support::request(server.address, "POST", "/v1/observations", &headers, body.as_bytes());
        (answer.status == 503).then_some(())
    });
    let told = wait_for("the policy to tell of it", || {
        let (code, report) = bench.report();
        let finding = of(&report, "AUD-01").clone();
        (finding.state == Compliance::NonCompliant).then_some((code, finding))
    });
    assert_eq!(told.0, 1);
    assert!(told.1.reasons.iter().any(|r| r.field == "probeWritten" && r.value == false), "{told:?}");
    server.kill();
}

/// A policy of the site's own that nothing meets.
fn unmet() -> [(&'static str, Value); 2] {
    let rule = json!({"if": {"field": "type", "equals": "Wardwatch/logs"}, "then": {"effect": "deny"}});
    let definition = json!({"name": "SITE-01", "properties": {"displayName": "No log", "policyRule": rule}});
    let assignment = json!({"name": "site", "properties": {"policyDefinitionId": "/x/SITE-01"}});
    [("definition.json", definition), ("assignment.json", assignment)]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hour_a_policy_that_turned_unmet_raises_an_alert_and_it_ends_when_it_is_met() {
    let bench = Bench::new();
    let clock = ManualClock::at(Timestamp::from_ms(1_790_000_000_000));
    let folder = DataFolder::make(&bench.data()).unwrap();
    let mut config = Config::default();
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.policy.folder = Some(bench.policies());
    let clocks: Arc<dyn Clock> = Arc::new(clock.clone());
    let opened = server::open_with(&folder, Some(Mode::Demo), config, clocks).unwrap();
    let serving = opened.serve().await.unwrap();
    let ward = Ward { id: "w".parse().unwrap(), name: "W".to_owned(), time_zone: "UTC".parse().unwrap() };
    let request = AdminRequest::SetWard { ward };
    let answer = admin::execute(serving.app(), folder.path(), Asker::console(0, true), request).await;
    assert!(matches!(answer, AdminAnswer::Done), "{answer:?}");
    let reader = serving.app().reader.clone();
    let told = move || -> Vec<String> {
        let events = reader.events_after(&"w".parse().unwrap(), 0, 1_000).unwrap();
        let alert = |body: EventBody| match body {
            EventBody::Alert { alert, cause, .. } => {
                Some(format!("{} {cause:?} {}", alert.key.code, alert.detail.unwrap_or_default()))
            }
            _ => None,
        };
        events
            .into_iter()
            .filter_map(|e| alert(e.event.body))
            .filter(|t| t.starts_with("system.policy_not_met"))
            .collect()
    };
    let wait = async |cause: &'static str| {
        let told = told.clone();
        let last = move || told().into_iter().rfind(|told| told.contains(cause));
        tokio::task::spawn_blocking(move || wait_for(cause, last)).await.unwrap()
    };
    for (name, value) in unmet() {
        bench.put(name, &value);
    }
    clock.advance(CHECK_EVERY);
    let raised = wait(" Raised ").await;
    assert_eq!(raised, "system.policy_not_met Raised SITE-01: /providers/Wardwatch/logs/log; No log");
    std::fs::remove_file(bench.policies().join("assignment.json")).unwrap();
    clock.advance(CHECK_EVERY);
    wait(" Cleared ").await;
    serving.stop().await;
    let acts = acts(&bench.data());
    let count = |act: &str| acts.iter().filter(|a| *a == act).count();
    assert_eq!((count("policy.probe"), count("policy.change")), (2, 2), "{acts:?}");
}

#[test]
fn a_folder_of_backups_is_made_private_where_a_policy_says_so_and_only_told_of_else() {
    let bench = Bench::new();
    let backups = bench.dir.path().join("backups");
    std::fs::create_dir(&backups).unwrap();
    std::fs::set_permissions(&backups, std::fs::Permissions::from_mode(0o755)).unwrap();
    let text = format!("[policy]\nfolder = {:?}\nbackups = {backups:?}\n", bench.policies());
    std::fs::write(bench.config(), text).unwrap();
    let config = bench.config();
    let start = || Server::start_with(&bench.data(), &["--mode", "demo", "--config", config.to_str().unwrap()]);
    let mode = || std::fs::metadata(&backups).unwrap().permissions().mode() & 0o777;
    let server = start();
    assert_eq!(of(&bench.report().1, "RES-01-PRIVATE").state, Compliance::NonCompliant);
    let findings = bench.report().1.findings.into_iter().filter(|f| f.reference == "RES-01");
    let backup = findings.filter(|f| f.resource.as_ref().is_some_and(|r| r.contains("/backups/"))).map(|f| f.state);
    assert_eq!(backup.collect::<Vec<_>>(), [Compliance::NotEvaluated], "no backup was ever made");
    server.stop();
    assert_eq!(mode(), 0o755);
    let rule = json!({"kind": "policyEffect", "value": "deployIfNotExists"});
    let assignment =
        json!({"name": "private", "properties": {"policyDefinitionId": "/x/RES-01-PRIVATE", "overrides": [rule]}});
    bench.put("private.json", &assignment);
    let server = start();
    assert_eq!(mode(), 0o700);
    let told = "RES-01-PRIVATE /providers/Wardwatch/backups/backups: the folder of backups was made private; \
                looked at again it is Compliant";
    assert!(server.log().contains(told), "{}", server.log());
    server.stop();
    assert!(acts(&bench.data()).contains(&"policy.deploy".to_owned()));
}
