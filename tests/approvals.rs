//! What one administrator may not do alone: it is proposed by one, approved by another, and done just so.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use base64::Engine as _;
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};
use support::{PASSPHRASE, Server, run_with, wait_for};
use wardwatch::{
    access::{Secret, Session},
    backend::{
        admin::{self, AdminAnswer, AdminRequest, ApproveError, Asker, Whose},
        app::App,
        approvals::ApprovalError,
        config::{Config, FourEyes},
        server::{self, Opened},
    },
    domain::{Coverage, Millis, Mode, Role, Timestamp},
    rights::Denial,
    seam::{Clock, ManualClock, OsClock},
    store::{AccessChange, DataFolder, FactorRecord, StoreReader, UserKeyRecord},
};

/// Exit code and all that was said.
fn said(input: &str, args: &[&str]) -> (i32, String) {
    let output = run_with(input, args);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

/// A server, and tokens of two administrators.
struct Site {
    _dir: tempfile::TempDir,
    server: Server,
    anna: PathBuf,
    carl: PathBuf,
}

impl Site {
    fn new(settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start_set(&dir.path().join("data"), settings);
        let (anna, _) = (server.user("anna", "admin"), server.user("carl", "admin"));
        let carl = server.own("carl");
        let site = Self { _dir: dir, server, anna, carl };
        site.does(PASSPHRASE, &["user", "add", "ben", "--role", "nurse"]);
        site
    }

    /// Runs a command on the data folder.
    fn console(&self, input: &str, args: &[&str]) -> (i32, String) {
        said(input, &[args, &["--data", self.server.data.to_str().unwrap()]].concat())
    }

    fn does(&self, input: &str, args: &[&str]) -> String {
        let (code, text) = self.console(input, args);
        assert_eq!(code, 0, "{args:?}: {text}");
        text
    }

    fn refuses(&self, input: &str, args: &[&str], why: &str) {
        let (code, text) = self.console(input, args);
        assert_eq!((code, text.contains(why)), (2, true), "{args:?}: {text}");
    }

    /// Proposes something; gives the proposal.
    fn proposes(&self, input: &str, args: &[&str], token: &Path) -> String {
        let (code, text) = self.console(input, &[args, &["--token-file", token.to_str().unwrap()]].concat());
        assert!(code == 4 && text.contains("not done yet, it needs a second administrator"), "{args:?}: {text}");
        let rest = text.split("wardwatch approvals approve ").nth(1).unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    }

    /// Says something of proposals over HTTP.
    fn approvals(&self, args: &[&str], token: &Path) -> (i32, String) {
        let to = ["--to", &self.server.url(), "--token-file", token.to_str().unwrap()];
        said("", &[&["approvals"], args, &to].concat())
    }

    fn role_of(&self, name: &str) -> String {
        let list = self.server.run(&["user", "list"]);
        let line = list.lines().find(|line| line.split_whitespace().next() == Some(name));
        line.map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).unwrap_or_default()
    }

    fn entries(&self, act: &str) -> Vec<Value> {
        let shown = self.server.run(&["audit", "show", "--json", "--act", act]);
        shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn id_of(&self, name: &str) -> String {
        let users = self.server.reader().access().unwrap().users;
        users.into_iter().find(|user| user.name == name).unwrap().id.to_string()
    }
}

#[test]
fn u09_an_administrator_is_made_by_two_over_the_command_line() {
    let site = Site::new(&[]);
    let alone: Vec<Value> = site.entries("user.add").iter().map(|entry| entry["alone"].clone()).collect();
    assert_eq!(alone, ["no_administrator".into(), "one_administrator".into(), Value::Null]);
    let role = ["user", "role", "ben", "admin"];
    site.refuses("", &role, "say who you are with --token-file");
    let id = site.proposes("", &role, &site.anna);
    assert_eq!(site.role_of("ben"), "nurse", "it is not done yet");
    assert!(site.does("", &["user", "list"]).contains("Make a third"));
    let (code, text) = site.approvals(&["approve", &id], &site.anna);
    assert_eq!((code, text.contains("you proposed this yourself")), (2, true), "{text}");
    let anna = site.anna.to_str().unwrap();
    site.refuses("", &[&role[..], &["--token-file", anna]].concat(), "this is proposed already");
    let (code, text) = site.approvals(&["list"], &site.carl);
    assert!(code == 0 && text.contains(&format!("{id}  anna proposes to give ben the role admin")), "{text}");
    assert_eq!(site.role_of("ben"), "nurse");
    let (code, text) = site.approvals(&["approve", &id], &site.carl);
    assert!(code == 0 && text.contains("approved: give ben the role admin in the place of nurse"), "{text}");
    assert_eq!(site.role_of("ben"), "admin");
    assert!(!site.does("", &["user", "list"]).contains("Make a third"));
    let (code, text) = site.approvals(&["approve", &id], &site.carl);
    assert_eq!((code, text.contains("there is no open proposal")), (2, true), "{text}");
    // Whoever approved may propose in turn.
    let back = site.proposes("another long passphrase", &["user", "passphrase", "ben"], &site.carl);
    assert_eq!(site.approvals(&["refuse", &back], &site.anna).0, 0);

    let entry = site.entries("user.role").pop().unwrap();
    assert_eq!(entry["actor"]["user"], *site.id_of("anna"));
    assert_eq!((&entry["second"], &entry["approval"]), (&site.id_of("carl").into(), &id.as_str().into()));
    let proposals = site.entries("approval.propose");
    let by: Vec<(&Value, &Value)> = proposals.iter().map(|e| (&e["outcome"], &e["actor"]["kind"])).collect();
    let outcome = |done: &'static str, kind: &'static str| (Value::from(done), Value::from(kind));
    let wanted = [("refused", "console"), ("success", "user"), ("refused", "user"), ("success", "user")];
    assert_eq!(by, wanted.map(|(done, kind)| outcome(done, kind)).iter().map(|(a, b)| (a, b)).collect::<Vec<_>>());
    assert_eq!(proposals[0]["code"], "user_role", "who tried it without a name stands there too");
    let proposed = &proposals[1];
    assert_eq!((&proposed["approval"], &proposed["code"]), (&id.as_str().into(), &"user_role".into()));
    let approved = site.entries("approval.approve");
    let codes: Vec<(&str, &str)> =
        approved.iter().map(|e| (e["outcome"].as_str().unwrap(), e["code"].as_str().unwrap())).collect();
    assert_eq!(codes, [("refused", "same_person"), ("success", "user_role"), ("refused", "unknown")]);
    assert_eq!(site.entries("approval.refuse").len(), 1);
    let by_carl = site.server.run(&["audit", "show", "--user", "carl", "--act", "user.role"]);
    assert!(by_carl.contains("second="), "who approved is found by name: {by_carl}");
    assert!(!site.server.log().contains("anna"), "{}", site.server.log());
}

#[test]
fn u09_nobody_else_proposes_or_approves() {
    let site = Site::new(&[]);
    let ben = site.server.login("ben");
    let role = ["user", "role", "ben", "admin"];
    let args = [&role[..], &["--token-file", ben.to_str().unwrap()]].concat();
    site.refuses("", &args, "your role may not do this");
    let id = site.proposes("", &role, &site.anna);
    for args in [&["approve", &id][..], &["withdraw", &id], &["list"]] {
        let (code, text) = site.approvals(args, &ben);
        assert_eq!((code, text.contains("your role may not do this")), (2, true), "{text}");
    }
    assert_eq!(site.role_of("ben"), "nurse");
    assert!(site.entries("access.denied").iter().any(|entry| entry["code"] == "approve_acts"));
}

#[test]
fn u09_the_account_of_an_administrator_is_taken_over_by_two_alone() {
    let site = Site::new(&[]);
    let other = "another long passphrase";
    let key = |n: u8| {
        let blob = [&[0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 32], &[n; 32]].concat();
        format!("ssh-ed25519 {}", base64::engine::general_purpose::STANDARD.encode(blob))
    };
    site.refuses(other, &["user", "passphrase", "carl"], "this wants two administrators");
    site.refuses("", &["user", "key", "add", "carl", &key(1)], "this wants two administrators");
    site.refuses("", &["user", "disable", "carl"], "this wants two administrators");
    site.refuses("", &["user", "role", "carl", "nurse"], "this wants two administrators");
    site.refuses(PASSPHRASE, &["user", "add", "dora", "--role", "admin"], "this wants two administrators");
    site.does(other, &["user", "passphrase", "ben"]);
    let anna = site.anna.to_str().unwrap();
    site.does("", &["user", "key", "add", "anna", &key(2), "--token-file", anna]);
    assert_eq!(site.entries("user.key")[0]["actor"]["user"], *site.id_of("anna"), "one's own is nobody else's");
    let id = site.proposes(PASSPHRASE, &["user", "add", "dora", "--role", "admin"], &site.anna);
    assert_eq!(site.role_of("dora"), "");
    assert_eq!(site.approvals(&["approve", &id], &site.carl).0, 0);
    let dora = site.server.login("dora");
    // With three, one may keep another out at once; the last two may not.
    site.does("", &["user", "disable", "dora"]);
    site.refuses("", &["user", "disable", "carl"], "this wants two administrators");
    site.refuses("", &["user", "enable", "dora"], "this wants two administrators");
    let (code, text) = site.approvals(&["list"], &dora);
    assert_eq!((code, text.contains("token is not valid")), (2, true), "{text}");
}

#[test]
fn u09_two_who_are_kept_out_at_once_leave_no_administrator_alone() {
    let site = Site::new(&[]);
    let id = site.proposes(PASSPHRASE, &["user", "add", "dora", "--role", "admin"], &site.anna);
    assert_eq!(site.approvals(&["approve", &id], &site.carl).0, 0);
    let socket = site.server.data.join("admin.sock");
    let done = thread::scope(|scope| {
        let tries = ["anna", "carl", "dora"].map(|name| {
            let (socket, request) = (&socket, AdminRequest::EnableUser { name: name.to_owned(), enabled: false });
            scope.spawn(move || matches!(admin::ask(socket, &request), Ok(Some(AdminAnswer::Done))))
        });
        tries.map(|one| one.join().unwrap())
    });
    assert_eq!(done.iter().filter(|done| **done).count(), 1, "{done:?}");
}

#[test]
fn u09_the_trail_is_taken_away_by_two_and_once() {
    let site = Site::new(&[]);
    let open = ["audit", "export", "--format", "fhir", "--act", "user"];
    site.refuses("", &open, "this wants two administrators");
    site.refuses(
        "",
        &[&open[..], &["--token-file", site.anna.to_str().unwrap()]].concat(),
        "end them with --until TIME",
    );
    let until = Timestamp::from_ms(OsClock.wall().as_ms()).to_string();
    let export = [&open[..], &["--until", &until]].concat();
    let id = site.proposes("", &export, &site.anna);
    let (anna, carl) = (site.anna.to_str().unwrap(), site.carl.to_str().unwrap());
    let taken =
        |args: &[&str], by: &str| site.console("", &[args, &["--approved", id.as_str(), "--token-file", by]].concat());
    assert!(taken(&export, anna).1.contains("is not approved yet"));
    let (code, text) = site.approvals(&["approve", &id], &site.carl);
    assert!(code == 0 && text.contains("anna asks for it again with --approved"), "{text}");
    let more = ["audit", "export", "--format", "fhir", "--until", &until];
    assert!(taken(&more, anna).1.contains("something else"), "more than was approved");
    assert!(taken(&export, carl).1.contains("somebody else's"));
    let (code, text) = taken(&export, anna);
    assert_eq!(code, 0, "{text}");
    assert!(text.lines().all(|line| line.starts_with('{') && line.contains("AuditEvent")), "{text}");
    assert!(taken(&export, anna).1.contains("there is no open proposal"), "it is good once");
    let entry = &site.entries("audit.export")[0];
    assert_eq!((&entry["approval"], &entry["second"]), (&id.as_str().into(), &site.id_of("carl").into()));
}

#[test]
fn a_proposal_ends_with_its_time_with_the_server_and_when_it_is_withdrawn() {
    let mut site = Site::new(&[("WARDWATCH_RIGHTS__APPROVE_WITHIN_S", "2")]);
    let role = ["user", "role", "ben", "admin"];
    let late = site.proposes("", &role, &site.anna);
    let ended = |site: &Site, code: &str, id: &str| {
        site.entries("approval.end").iter().any(|entry| entry["code"] == *code && entry["approval"] == *id)
    };
    wait_for("its end", || ended(&site, "expired", &late).then_some(()));
    let (code, text) = site.approvals(&["approve", &late], &site.carl);
    assert_eq!((code, text.contains("its time or the session in which it was proposed was over")), (2, true), "{text}");
    let data = site.server.data.clone();
    site.server.stop();
    site.server = Server::start(&data);
    let back = site.proposes("", &role, &site.anna);
    assert_eq!(site.approvals(&["withdraw", &back], &site.anna).0, 0);
    assert_eq!(site.entries("approval.withdraw").len(), 1);
    let lost = site.proposes("", &role, &site.anna);
    site.server.stop();
    site.server = Server::start(&data);
    let (code, text) = site.approvals(&["approve", &lost], &site.carl);
    assert_eq!((code, text.contains("it was lost when the server was started anew")), (2, true), "{text}");
    assert!(ended(&site, "lost", &lost));
    assert_eq!(site.role_of("ben"), "nurse", "nothing was done by a restart");
}

#[test]
fn at_rest_one_alone_gives_a_reason_that_stays() {
    let site = Site::new(&[]);
    let role = ["user", "role", "ben", "admin", "--alone", "carl has left the hospital"];
    site.refuses("", &role, "--alone is for a server that was stopped");
    let Site { _dir, server, .. } = site;
    let data = server.data.clone();
    server.stop();
    let at_rest = |args: &[&str]| said("", &[args, &["--data", data.to_str().unwrap()]].concat());
    let (code, text) = at_rest(&role[..4]);
    assert_eq!((code, text.contains("say why with --alone")), (2, true), "{text}");
    let (code, text) = at_rest(&role);
    assert_eq!((code, text.contains("done without a second administrator")), (0, true), "{text}");
    let (_, shown) = at_rest(&["audit", "show", "--act", "approval.alone", "--act", "user.role"]);
    assert_eq!(shown.matches("alone=at_rest").count(), 2, "{shown}");
    assert!(shown.contains("carl has left the hospital"), "{shown}");
}

#[test]
fn always_means_that_one_administrator_does_nothing_of_it_but_make_another() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_set(&dir.path().join("data"), &[("WARDWATCH_RIGHTS__FOUR_EYES", "always")]);
    server.user("anna", "admin");
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    let (code, text) = said("", &["audit", "export", "--format", "fhir", "--data", data]);
    assert_eq!((code, text.contains("add another first")), (2, true), "{text}");
    let folder = server.data.clone();
    server.stop();
    // Without --config nobody knows here what the server is set to.
    let export = ["audit", "export", "--format", "fhir", "--data", data];
    let (code, text) = said("", &export);
    assert_eq!((code, text.contains("say why with --alone")), (2, true), "{text}");
    let (code, text) = said("", &[&export[..], &["--alone", "the auditor waits"]].concat());
    assert_eq!((code, text.contains("the audit trail says so, with the reason")), (0, true), "{text}");
    let enable = ["user", "add", "dora", "--role", "admin", "--alone", "the first was lost", "--data", data];
    let (code, text) = said(PASSPHRASE, &enable);
    assert!(code == 0 && text.contains("one administrator"), "{text}");
    let (_, shown) = said("", &["audit", "show", "--act", "approval.alone", "--data", data]);
    assert!(shown.contains("the auditor waits") && shown.contains("the first was lost"), "{shown}");
    let (code, text) = said("", &["user", "role", "dora", "nurse", "--alone", "a slip", "--data", data]);
    assert_eq!(code, 0, "{text}");
    let server = Server::start_set(&folder, &[("WARDWATCH_RIGHTS__FOUR_EYES", "always")]);
    let (code, text) = said(PASSPHRASE, &["user", "add", "carl", "--role", "admin", "--data", data]);
    assert!(code == 0 && text.contains("one administrator: nobody could approve this"), "{text}");
    let (code, text) = said("", &["audit", "export", "--format", "fhir", "--data", data]);
    assert_eq!((code, text.contains("say who you are")), (2, true), "{text}");
    server.stop();
}

/// An open folder with clocks that are moved by hand; what is asked of it is asked as of a server.
struct Bench {
    dir: tempfile::TempDir,
    clock: ManualClock,
    opened: Opened,
}

impl Bench {
    async fn new(four_eyes: FourEyes) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_ms(1_790_000_000_000));
        let folder = DataFolder::make(&dir.path().join("data")).unwrap();
        let mut config = Config::default();
        (config.passphrase.memory_kib, config.passphrase.passes) = (64, 1);
        config.rights.four_eyes = four_eyes;
        let clocks: Arc<dyn Clock> = Arc::new(clock.clone());
        let opened = server::open_with(&folder, Some(Mode::Demo), config, clocks).unwrap();
        let bench = Self { dir, clock, opened };
        for (name, role) in [("anna", Role::Admin), ("carl", Role::Admin), ("ben", Role::Nurse)] {
            let (passphrase, coverage) = (PASSPHRASE.to_owned(), Coverage::All);
            let answer = bench.ask(None, AdminRequest::AddUser { name: name.into(), role, passphrase, coverage }).await;
            assert!(matches!(answer, AdminAnswer::Done | AdminAnswer::Alone { .. }), "{answer:?}");
        }
        let (carl, _) = bench.login("carl").await;
        let own = AdminRequest::SetPassphrase { name: "carl".into(), passphrase: PASSPHRASE.to_owned() };
        assert!(matches!(bench.ask(Some(&carl), own).await, AdminAnswer::Done));
        bench
    }

    fn app(&self) -> &Arc<App> {
        &self.opened.app
    }

    async fn ask(&self, token: Option<&Secret>, request: AdminRequest) -> AdminAnswer {
        let whose = Whose { token: token.cloned(), alone: None };
        admin::execute(self.app(), self.dir.path(), Asker { uid: 0, serving: true, whose }, request).await
    }

    async fn login(&self, name: &str) -> (Secret, Session) {
        let passphrase = Secret::new(PASSPHRASE.to_owned());
        let token = self.app().login(name, passphrase, None, [10, 0, 0, 1].into()).await.unwrap().token;
        let session = self.app().session(&token).unwrap();
        (token, session)
    }

    /// Signs in by a key, and proves the passphrase besides.
    async fn login_by_key(&self, name: &str, key: &str) -> (Secret, Session) {
        let app = self.app();
        let user = app.hub.directory().user_by_name(name).cloned().unwrap();
        let session = app.session(&app.login_by_key(&user, key).await.unwrap().token).unwrap();
        let token = app.step_up(&session, Some(Secret::new(PASSPHRASE.to_owned())), None).await.unwrap();
        let session = app.session(&token).unwrap();
        (token, session)
    }

    async fn propose(&self, token: &Secret) -> String {
        let answer = self.ask(Some(token), AdminRequest::SetRole { name: "ben".into(), role: Role::Admin }).await;
        let AdminAnswer::Proposed { approval, by, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(by.len(), 1, "there is one other: {by:?}");
        approval.to_string()
    }

    fn role(&self) -> Role {
        self.app().hub.directory().user_by_name("ben").unwrap().role
    }
}

#[tokio::test]
async fn u09_an_expired_second_changes_nothing() {
    let bench = Bench::new(FourEyes::WhenPossible).await;
    for (waited, done) in [(Millis::from_mins(10), false), (Millis(10 * 60 * 1000 - 1), true)] {
        let (token, _) = bench.login("anna").await;
        let id = bench.propose(&token).await;
        bench.clock.advance(waited);
        let (_, carl) = bench.login("carl").await;
        let approved = admin::approve(bench.app(), &carl, &id).await;
        if done {
            assert!(approved.is_ok(), "{approved:?}");
        } else {
            assert!(matches!(approved, Err(ApproveError::Approval(ApprovalError::Expired(_)))), "{approved:?}");
            admin::look_after_proposals(bench.app()).await.unwrap();
        }
        assert_eq!(bench.role() == Role::Admin, done);
    }
    bench.opened.close().await;
}

#[tokio::test]
async fn u09_the_same_key_in_the_account_of_another_is_no_second() {
    let bench = Bench::new(FourEyes::WhenPossible).await;
    let blob = [&[0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 32], &[7; 32]].concat();
    let line = format!("ssh-ed25519 {}", base64::engine::general_purpose::STANDARD.encode(blob));
    let add = |name: &str| AdminRequest::AddUserKey { name: name.into(), key: line.clone() };
    let (token, _) = bench.login("anna").await;
    let answer = bench.ask(Some(&token), add("anna")).await;
    let AdminAnswer::UserKeys { keys } = answer else { panic!("{answer:?}") };
    let key = keys[0].fingerprint.clone();
    let (token, _) = bench.login_by_key("anna", &key).await;
    let id = bench.propose(&token).await;
    let remove = AdminRequest::RemoveUserKey { name: "anna".into(), fingerprint: key.clone() };
    assert!(matches!(bench.ask(None, remove).await, AdminAnswer::Done));
    let (token, _) = bench.login("carl").await;
    assert!(matches!(bench.ask(Some(&token), add("carl")).await, AdminAnswer::UserKeys { .. }));
    let (_, by_key) = bench.login_by_key("carl", &key).await;
    let refused = admin::approve(bench.app(), &by_key, &id).await;
    assert!(matches!(refused, Err(ApproveError::Approval(ApprovalError::SameKey))), "{refused:?}");
    assert_eq!(bench.role(), Role::Nurse);
    // To take a key away ends the sessions of whoever had it, and with them what was proposed in one.
    let (_, by_passphrase) = bench.login("carl").await;
    let over = admin::approve(bench.app(), &by_passphrase, &id).await;
    assert!(matches!(&over, Err(ApproveError::Changed(what)) if what.contains("session of anna")), "{over:?}");
    bench.opened.close().await;
}

#[tokio::test]
async fn what_has_changed_since_it_was_proposed_is_not_done() {
    let bench = Bench::new(FourEyes::WhenPossible).await;
    let ben = |enabled| AdminRequest::EnableUser { name: "ben".into(), enabled };
    let (token, _) = bench.login("anna").await;
    let id = bench.propose(&token).await;
    assert!(matches!(bench.ask(None, ben(false)).await, AdminAnswer::Done));
    let (_, carl) = bench.login("carl").await;
    let changed = admin::approve(bench.app(), &carl, &id).await;
    assert!(matches!(&changed, Err(ApproveError::Changed(what)) if what.contains("ben")), "{changed:?}");
    assert!(matches!(bench.ask(None, ben(true)).await, AdminAnswer::Done));
    let again = admin::approve(bench.app(), &carl, &id).await;
    assert!(matches!(again, Err(ApproveError::Approval(ApprovalError::Unknown(_)))), "it is gone: {again:?}");
    assert_eq!(bench.role(), Role::Nurse);
    bench.opened.close().await;
}

#[tokio::test]
async fn another_key_or_factor_since_it_was_proposed_is_seen() {
    let bench = Bench::new(FourEyes::WhenPossible).await;
    let (_, carl) = bench.login("carl").await;
    let id = bench.app().hub.directory().user_by_name("ben").unwrap().id.clone();
    let factor = |seed: &str| FactorRecord { sealed_seed: seed.to_owned(), last_step: 0, recovery: Vec::new() };
    let set = |seed: &str| AccessChange::SetFactor { user: id.clone(), factor: Some(factor(seed)) };
    bench.app().record(Vec::new(), vec![set("one")]).await.unwrap();
    let key = UserKeyRecord {
        fingerprint: "SHA256:k".into(),
        user: id.clone(),
        algorithm: "ssh-ed25519".into(),
        comment: String::new(),
        added_at: Timestamp::from_ms(0),
    };
    for change in [set("another"), AccessChange::AddUserKey(key)] {
        let (token, _) = bench.login("anna").await;
        let proposed = bench.propose(&token).await;
        bench.app().record(Vec::new(), vec![change]).await.unwrap();
        let changed = admin::approve(bench.app(), &carl, &proposed).await;
        assert!(matches!(&changed, Err(ApproveError::Changed(what)) if what.contains("ben")), "{changed:?}");
    }
    let (token, _) = bench.login("anna").await;
    let proposed = bench.propose(&token).await;
    let spent = AccessChange::SpendStep { user: id.clone(), step: 7 };
    bench.app().record(Vec::new(), vec![spent]).await.unwrap();
    assert!(admin::approve(bench.app(), &carl, &proposed).await.is_ok(), "a code that was spent changes nothing");
    bench.opened.close().await;
}

#[tokio::test]
async fn an_old_proof_is_enough_for_neither() {
    let bench = Bench::new(FourEyes::WhenPossible).await;
    let (token, _) = bench.login("anna").await;
    bench.clock.advance(Millis::from_mins(5));
    let answer = bench.ask(Some(&token), AdminRequest::SetRole { name: "ben".into(), role: Role::Admin }).await;
    assert!(matches!(&answer, AdminAnswer::Failed { why } if why.contains("prove that it is you")), "{answer:?}");
    bench.opened.close().await;
}

#[tokio::test]
async fn who_is_kept_out_while_waiting_for_the_turn_approves_and_refuses_nothing() {
    let bench = Bench::new(FourEyes::WhenPossible).await;
    let (token, _) = bench.login("anna").await;
    let id = bench.propose(&token).await;
    let (_, carl) = bench.login("carl").await;
    let held = bench.app().proposals.lock().await;
    let waits = |approves: bool| {
        let (app, carl, id) = (bench.app().clone(), carl.clone(), id.clone());
        tokio::spawn(async move {
            if approves { admin::approve(&app, &carl, &id).await } else { admin::end(&app, &carl, &id).await }
        })
    };
    let (approving, refusing) = (waits(true), waits(false));
    tokio::task::yield_now().await;
    let end = AdminRequest::EndSession { session: carl.record.id.clone() };
    assert!(matches!(bench.ask(None, end).await, AdminAnswer::Done));
    drop(held);
    for done in [approving.await.unwrap(), refusing.await.unwrap()] {
        assert!(matches!(done, Err(ApproveError::Over(_))), "{done:?}");
    }
    assert_eq!(bench.role(), Role::Nurse);
    let (_, carl) = bench.login("carl").await;
    bench.clock.advance(Millis::from_mins(5));
    let stale = admin::approve(bench.app(), &carl, &id).await;
    assert!(matches!(stale, Err(ApproveError::Denied(Denial::StepUp))), "{stale:?}");
    let (_, carl) = bench.login("carl").await;
    assert!(admin::approve(bench.app(), &carl, &id).await.is_ok(), "it went on waiting");
    bench.opened.close().await;
}

#[tokio::test]
async fn what_was_proposed_in_a_session_ends_with_it() {
    let bench = Bench::new(FourEyes::WhenPossible).await;
    let (_, carl) = bench.login("carl").await;
    for looked_after in [false, true] {
        let (token, anna) = bench.login("anna").await;
        let id = bench.propose(&token).await;
        let export = AdminRequest::ExportAudit { what: "fhir, all entries".into(), approved: None };
        let answer = bench.ask(Some(&token), export).await;
        let AdminAnswer::Proposed { approval: export, .. } = answer else { panic!("{answer:?}") };
        assert!(admin::approve(bench.app(), &carl, export.as_str()).await.is_ok());
        assert!(matches!(
            bench.ask(None, AdminRequest::EndSession { session: anna.record.id }).await,
            AdminAnswer::Done
        ));
        if looked_after {
            admin::look_after_proposals(bench.app()).await.unwrap();
            assert_eq!(admin::proposals(bench.app(), &carl).await, []);
            continue;
        }
        let over = admin::approve(bench.app(), &carl, &id).await;
        assert!(matches!(&over, Err(ApproveError::Changed(what)) if what.contains("session of anna")), "{over:?}");
        let (token, _) = bench.login("anna").await;
        let taken = AdminRequest::ExportAudit { what: "fhir, all entries".into(), approved: Some(export) };
        let answer = bench.ask(Some(&token), taken).await;
        assert!(matches!(&answer, AdminAnswer::Failed { why } if why.contains("session of anna")), "{answer:?}");
        admin::look_after_proposals(bench.app()).await.unwrap();
    }
    assert_eq!(bench.role(), Role::Nurse);
    bench.opened.close().await;
}

#[tokio::test]
async fn what_was_approved_by_somebody_who_is_no_administrator_any_more_is_not_taken() {
    let bench = Bench::new(FourEyes::WhenPossible).await;
    let (token, _) = bench.login("anna").await;
    let id = bench.propose(&token).await;
    let (_, carl) = bench.login("carl").await;
    assert!(admin::approve(bench.app(), &carl, &id).await.is_ok());
    let export = |approved| AdminRequest::ExportAudit { what: "fhir, all entries".into(), approved };
    let answer = bench.ask(Some(&token), export(None)).await;
    let AdminAnswer::Proposed { approval, .. } = answer else { panic!("{answer:?}") };
    assert!(admin::approve(bench.app(), &carl, approval.as_str()).await.is_ok());
    let out = AdminRequest::EnableUser { name: "carl".into(), enabled: false };
    assert!(matches!(bench.ask(None, out).await, AdminAnswer::Done));
    let answer = bench.ask(Some(&token), export(Some(approval))).await;
    assert!(matches!(&answer, AdminAnswer::Failed { why } if why.contains("account of carl")), "{answer:?}");
    bench.opened.close().await;
}

#[tokio::test]
async fn u09_an_account_whose_passphrase_somebody_else_set_is_no_other_person() {
    let bench = Bench::new(FourEyes::WhenPossible).await;
    let (token, _) = bench.login("anna").await;
    let role = |name: &str| AdminRequest::SetRole { name: name.into(), role: Role::Admin };
    let answer = bench.ask(Some(&token), role("ben")).await;
    let AdminAnswer::Proposed { approval, what, .. } = answer else { panic!("{answer:?}") };
    assert!(what.contains("; somebody else set the passphrase of ben, at 20"), "{what}");
    let (_, carl) = bench.login("carl").await;
    assert!(admin::approve(bench.app(), &carl, approval.as_str()).await.is_ok());
    let (passphrase, coverage) = (PASSPHRASE.to_owned(), Coverage::All);
    let nurse = AdminRequest::AddUser { name: "dora".into(), role: Role::Nurse, passphrase, coverage };
    assert!(matches!(bench.ask(None, nurse).await, AdminAnswer::Done));
    let AdminAnswer::Proposed { approval, .. } = bench.ask(Some(&token), role("dora")).await else { panic!() };

    let (token, ben) = bench.login("ben").await;
    let given = admin::approve(bench.app(), &ben, approval.as_str()).await;
    assert!(matches!(given, Err(ApproveError::Given(_))), "{given:?}");
    let proposed = bench.ask(Some(&token), role("dora")).await;
    assert!(matches!(&proposed, AdminAnswer::Failed { why } if why.contains("set one of your own")), "{proposed:?}");
    let own = AdminRequest::SetPassphrase { name: "ben".into(), passphrase: "one that ben alone knows".to_owned() };
    assert!(matches!(bench.ask(Some(&token), own).await, AdminAnswer::Done));
    let words = Secret::new("one that ben alone knows".to_owned());
    let token = bench.app().login("ben", words, None, [10, 0, 0, 1].into()).await.unwrap().token;
    let ben = bench.app().session(&token).unwrap();
    assert!(admin::approve(bench.app(), &ben, approval.as_str()).await.is_ok());
    bench.opened.close().await;
}

#[tokio::test]
async fn sessions_are_looked_after_while_somebody_has_the_proposals() {
    let bench = Bench::new(FourEyes::WhenPossible).await;
    let (token, _) = bench.login("anna").await;
    bench.propose(&token).await;
    bench.clock.advance(Millis::from_mins(10));
    let held = bench.app().proposals.lock().await;
    let looked =
        tokio::time::timeout(std::time::Duration::from_secs(5), admin::look_after_proposals(bench.app())).await;
    assert!(matches!(looked, Ok(Ok(()))), "{looked:?}");
    drop(held);
    admin::look_after_proposals(bench.app()).await.unwrap();
    assert_eq!(bench.app().proposals.lock().await.all().count(), 0);
    bench.opened.close().await;
}

#[tokio::test]
async fn what_takes_long_is_done_before_and_judged_by_what_is_there_then() {
    let bench = Bench::new(FourEyes::WhenPossible).await;
    let held = bench.app().proposals.lock().await;
    let request = AdminRequest::SetPassphrase { name: "ben".into(), passphrase: "another long passphrase".to_owned() };
    let mut asked = Box::pin(bench.ask(None, request));
    // Until it waits for its turn and for nothing else.
    let hashed = tokio::time::timeout(std::time::Duration::from_millis(500), &mut asked).await;
    assert!(hashed.is_err(), "{hashed:?}");
    let user = bench.app().hub.directory().user_by_name("ben").unwrap().id.clone();
    let change = AccessChange::SetRole { user, role: Role::Admin };
    bench.app().record(Vec::new(), vec![change]).await.unwrap();
    drop(held);
    let answer = asked.await;
    assert!(matches!(&answer, AdminAnswer::Failed { why } if why.contains("changed at the same time")), "{answer:?}");
    bench.opened.close().await;
}
