//! The second factor, proofs, and time: with clocks that are moved by hand.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use base64::Engine as _;
use std::{net::IpAddr, sync::Arc};
use support::{PASSPHRASE, Server, request, run_with};
use wardwatch::{
    access::{Secret, Session, SessionStanding, totp},
    backend::{
        admin::{self, AdminAnswer, AdminRequest, Asker},
        config::Config,
        factor::FactorError,
        login::LoginError,
        server::{self, Opened},
    },
    domain::{Coverage, Millis, Mode, Role, Timestamp},
    seam::{Clock, ManualClock},
    store::DataFolder,
};

const YEARS_10: Millis = Millis::from_mins(10 * 365 * 24 * 60);

struct Bench {
    dir: tempfile::TempDir,
    clock: ManualClock,
    opened: Option<Opened>,
}

fn from(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

impl Bench {
    async fn new() -> Self {
        let clock = ManualClock::at(Timestamp::from_ms(1_790_000_000_000));
        let mut bench = Self { dir: tempfile::tempdir().unwrap(), clock, opened: None };
        bench.open();
        let passphrase = PASSPHRASE.to_owned();
        let (role, coverage) = (Role::Nurse, Coverage::All);
        bench.ask(AdminRequest::AddUser { name: "anna".into(), role, passphrase, coverage }).await;
        bench
    }

    fn open(&mut self) {
        let folder = DataFolder::make(&self.dir.path().join("data")).unwrap();
        let mut config = Config::default();
        (config.passphrase.memory_kib, config.passphrase.passes) = (64, 1);
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        self.opened = Some(server::open_with(&folder, Some(Mode::Demo), config, clock).unwrap());
    }

    async fn reopen(&mut self) {
        self.opened.take().unwrap().close().await;
        self.open();
    }

    fn opened(&self) -> &Opened {
        self.opened.as_ref().unwrap()
    }

    async fn ask(&self, request: AdminRequest) {
        let answer = admin::execute(&self.opened().app, self.dir.path(), Asker::console(0, false), request).await;
        assert!(matches!(answer, AdminAnswer::Done), "{answer:?}");
    }

    async fn login(&self, code: Option<&Secret>) -> Result<Session, LoginError> {
        let app = &self.opened().app;
        let signed_in = app.login("anna", secret(PASSPHRASE), code.cloned(), from(1)).await?;
        Ok(app.session(&signed_in.token).unwrap())
    }

    fn code(&self, seed: &[u8]) -> Secret {
        totp::code_at(seed, self.clock.wall())
    }

    fn pass(&self, span: Millis) {
        self.clock.advance(span);
    }
}

/// The bytes of a seed as it is shown.
fn of_base32(text: &str) -> Vec<u8> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String = text.chars().map(|c| format!("{:05b}", LETTERS.find(c).unwrap())).collect();
    bits.as_bytes().chunks_exact(8).map(|b| u8::from_str_radix(std::str::from_utf8(b).unwrap(), 2).unwrap()).collect()
}

/// Sets up an authenticator; gives its seed and the recovery codes.
async fn enrolled(bench: &Bench) -> (Vec<u8>, Vec<Secret>) {
    let session = bench.login(None).await.unwrap();
    let app = &bench.opened().app;
    let new = app.begin_factor(&session).unwrap();
    let seed = of_base32(new.seed.expose());
    assert!(new.uri.expose().contains(new.seed.expose()));
    assert!(matches!(app.confirm_factor(&session, &secret("000000")).await, Err(FactorError::Wrong)));
    bench.login(None).await.unwrap();
    app.confirm_factor(&session, &bench.code(&seed)).await.unwrap();
    (seed, new.recovery)
}

#[tokio::test]
async fn a12_a_second_factor_is_enrolled_proven_once_and_removed() {
    let mut bench = Bench::new().await;
    let (seed, recovery) = enrolled(&bench).await;
    assert!(matches!(bench.login(None).await, Err(LoginError::CodeWanted)));
    let used = bench.code(&seed);
    assert!(matches!(bench.login(Some(&used)).await, Err(LoginError::Wrong)), "the code that confirmed it is spent");
    bench.pass(Millis::from_secs(30));
    let code = bench.code(&seed);
    let session = bench.login(Some(&code)).await.unwrap();
    assert!(matches!(bench.login(Some(&code)).await, Err(LoginError::Wrong)), "once");
    bench.reopen().await;
    bench.pass(Millis::from_secs(5));
    assert!(matches!(bench.login(Some(&code)).await, Err(LoginError::Wrong)), "nor after a restart");
    bench.pass(Millis::from_mins(1));
    let by_recovery = bench.login(Some(&recovery[3])).await.unwrap();
    assert!(matches!(bench.login(Some(&recovery[3])).await, Err(LoginError::Wrong)), "a recovery code once too");
    assert!(matches!(bench.login(Some(&secret("AAAA-AAAA-AAAA-AAAA"))).await, Err(LoginError::Wrong)));
    let app = &bench.opened().app;
    let kept = app.hub.directory().user_by_name("anna").unwrap().factor.clone().unwrap();
    assert_eq!(kept.recovery.len(), totp::RECOVERY_CODES - 1);
    assert!(!kept.sealed_seed.contains(&totp::base32(&seed)), "the seed is sealed");
    assert!(matches!(app.begin_factor(&by_recovery), Err(FactorError::Present)));
    app.remove_factor(&by_recovery).await.unwrap();
    bench.pass(Millis::from_mins(2));
    bench.login(None).await.unwrap();
    assert_ne!(session.record.id, by_recovery.record.id);
}

#[tokio::test]
async fn a12_two_who_give_one_code_at_once_get_in_once() {
    let bench = Bench::new().await;
    let (seed, _) = enrolled(&bench).await;
    bench.pass(Millis::from_secs(30));
    let code = bench.code(&seed);
    let (first, second) = tokio::join!(bench.login(Some(&code)), bench.login(Some(&code)));
    assert_eq!([first.is_ok(), second.is_ok()].iter().filter(|in_| **in_).count(), 1);
}

#[tokio::test]
async fn p01_eight_characters_do_beside_a_second_factor_and_cannot_stand_without() {
    let bench = Bench::new().await;
    let short = AdminRequest::SetPassphrase { name: "anna".into(), passphrase: "mgTq7vBz".into() };
    let app = bench.opened().app.clone();
    let refused = admin::execute(&app, bench.dir.path(), Asker::console(0, false), short.clone()).await;
    assert!(matches!(&refused, AdminAnswer::Failed { why } if why.contains("at least 15")), "{refused:?}");
    let (seed, _) = enrolled(&bench).await;
    bench.ask(short).await;
    let reset = AdminRequest::ResetFactor { name: "anna".into() };
    let refused = admin::execute(&app, bench.dir.path(), Asker::console(0, false), reset).await;
    let said = format!("{refused:?}");
    assert!(said.contains("passphrase of anna is too short") && said.contains("user passphrase anna"), "{said}");
    bench.pass(Millis::from_secs(30));
    let signed_in = app.login("anna", secret("mgTq7vBz"), Some(bench.code(&seed)), from(1)).await.unwrap();
    let session = app.session(&signed_in.token).unwrap();
    assert!(matches!(app.remove_factor(&session).await, Err(FactorError::ShortPassphrase)));
    bench.ask(AdminRequest::SetPassphrase { name: "anna".into(), passphrase: PASSPHRASE.into() }).await;
    bench.ask(AdminRequest::ResetFactor { name: "anna".into() }).await;
    bench.login(None).await.unwrap();
}

/// A wall clock that was moved takes no codes, and a recovery code lets people in all the same.
#[tokio::test]
async fn a12_while_the_wall_clock_is_moved_codes_are_refused_and_recovery_codes_are_not() {
    let bench = Bench::new().await;
    let (seed, recovery) = enrolled(&bench).await;
    for (n, step) in [YEARS_10, Millis(-YEARS_10.0)].into_iter().enumerate() {
        bench.clock.step_wall(step);
        bench.pass(Millis::from_mins(1));
        assert!(matches!(bench.login(Some(&bench.code(&seed))).await, Err(LoginError::Clock)));
        bench.login(Some(&recovery[n])).await.unwrap();
        bench.clock.step_wall(Millis(-step.0));
        bench.pass(Millis::from_mins(1));
        bench.login(Some(&bench.code(&seed))).await.unwrap();
    }
}

/// Sessions, locks and proofs go by the time since boot: ten years either way change nothing of them.
#[tokio::test]
async fn p12_sessions_know_no_wall_clock() {
    for step in [YEARS_10, Millis(-YEARS_10.0)] {
        let bench = Bench::new().await;
        let session = bench.login(None).await.unwrap();
        let app = bench.opened().app.clone();
        let present = || app.hub.directory().session_by_id(&session.record.id, bench.clock.boot());
        bench.clock.step_wall(step);
        assert_eq!(present().unwrap().standing, SessionStanding::Active);
        assert!(present().unwrap().fresh);
        bench.pass(Millis::from_mins(6));
        assert!(!present().unwrap().fresh, "a proof is fresh for five minutes");
        bench.pass(Millis::from_mins(9));
        assert_eq!(present().unwrap().standing, SessionStanding::Locked);
        bench.clock.step_wall(Millis(-step.0));
        assert_eq!(present().unwrap().standing, SessionStanding::Locked);
        app.look_after_sessions().await.unwrap();
        app.unlock(&session, secret(PASSPHRASE)).await.unwrap();
        assert_eq!(present().unwrap().standing, SessionStanding::Active);
        assert!(!present().unwrap().fresh, "an unlock is no second proof");
        bench.pass(Millis::from_mins(12 * 60));
        bench.clock.step_wall(Millis(-step.0));
        assert_eq!(present().unwrap().standing, SessionStanding::Ended);
        app.look_after_sessions().await.unwrap();
        assert!(present().is_none());
    }
}

/// A step-up gives another token, also where the wall clock was moved by ten years either way; the old one, used later, ends
/// the session.
#[tokio::test]
async fn a13_a_step_up_rotates_the_token_and_reuse_ends_the_session() {
    for step in [YEARS_10, Millis(-YEARS_10.0)] {
        let bench = Bench::new().await;
        let app = bench.opened().app.clone();
        let first = app.login("anna", secret(PASSPHRASE), None, from(1)).await.unwrap().token;
        let session = app.session(&first).unwrap();
        bench.clock.step_wall(step);
        bench.pass(Millis::from_mins(6));
        assert!(matches!(app.step_up(&session, Some(secret("a wrong one")), None).await, Err(LoginError::Wrong)));
        let second = app.step_up(&session, Some(secret(PASSPHRASE)), None).await.unwrap();
        assert!(first != second && app.session(&second).unwrap().fresh);
        bench.clock.step_wall(Millis(-2 * step.0));
        bench.pass(Millis::from_secs(29));
        assert!(app.session(&first).is_ok());
        bench.pass(Millis::from_secs(1));
        // A screen that is open since then goes on: it is held by its session.
        assert!(app.still(&session, &first).is_ok());
        assert!(app.session(&first).is_err() && app.session(&second).is_ok());
        let deadline = support::deadline();
        while app.session(&second).is_ok() {
            assert!(support::before(deadline), "the session ends, whoever holds it");
            tokio::task::yield_now().await;
        }
        assert!(app.still(&session, &second).is_err());
    }
}

#[tokio::test]
async fn a16_a_key_of_ssh_is_no_fresh_proof_and_its_session_is_not_taken_up_again() {
    let mut bench = Bench::new().await;
    let app = bench.opened().app.clone();
    let user = app.hub.directory().user_by_name("anna").cloned().unwrap();
    let blob = [&[0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 32], &[7; 32]].concat();
    let key = format!("ssh-ed25519 {}", base64::engine::general_purpose::STANDARD.encode(blob));
    let added = AdminRequest::AddUserKey { name: "anna".into(), key };
    let added = admin::execute(&app, bench.dir.path(), Asker::console(0, false), added).await;
    let AdminAnswer::UserKeys { keys } = added else { panic!("{added:?}") };
    let token = app.login_by_key(&user, &keys[0].fingerprint).await.unwrap().token;
    let session = app.session(&token).unwrap();
    assert!(!session.fresh, "neither export nor the second factor is open to it");
    let own = app.login("anna", secret(PASSPHRASE), None, from(1)).await.unwrap().token;
    drop((app, session));
    bench.reopen().await;
    let app = bench.opened().app.clone();
    assert!(app.session(&token).is_err(), "nobody holds it any more");
    assert!(app.session(&own).is_ok());
}

#[tokio::test]
async fn a06_ten_thousand_tries_elsewhere_keep_nobody_out_who_was_in() {
    let bench = Bench::new().await;
    bench.login(None).await.unwrap();
    let app = bench.opened().app.clone();
    for n in 0..10_000_u32 {
        app.backoff.lock().unwrap().failed("anna", Some(n.to_be_bytes().into()), bench.clock.boot());
    }
    assert!(matches!(app.login("anna", secret(PASSPHRASE), None, from(9)).await, Err(LoginError::Wait(_))));
    bench.login(None).await.unwrap();
}

/// Canaries in the place of secrets are looked for wherever they might be read.
#[test]
fn u11_secrets_are_nowhere_to_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_set(&dir.path().join("data"), &[("WARDWATCH_LOG__LEVEL", "trace")]);
    let passphrase = "canary quagga xylophone nimbus";
    let data = server.data.to_str().unwrap();
    let add = ["user", "add", "anna", "--role", "nurse", "--data", data];
    assert!(run_with(passphrase, &add).status.success());
    let post = |path: &str, token: Option<&str>, body: &serde_json::Value| {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> = bearer.iter().map(|b| ("authorization", b.as_str())).collect();
        request(server.address, "POST", path, &headers, body.to_string().as_bytes())
    };
    let login =
        |passphrase: &str| post("/v1/login", None, &serde_json::json!({"user": "anna", "passphrase": passphrase}));
    let wrong = "canary wrong quagga xylophone";
    assert_eq!(login(wrong).status, 401);
    let token = login(passphrase).json()["token"].as_str().unwrap().to_owned();
    let new = post("/v1/factor", Some(&token), &serde_json::json!({})).json();
    let seed = new["seed"].as_str().unwrap().to_owned();
    let stepped = post("/v1/step-up", Some(&token), &serde_json::json!({"passphrase": passphrase})).json();
    let second = stepped["token"].as_str().unwrap().to_owned();
    let mut canaries = vec![passphrase.to_owned(), wrong.to_owned(), token, second.clone(), seed];
    canaries.extend(new["recovery"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()));
    let proc = |file: &str| std::fs::read(format!("/proc/{}/{file}", server.pid())).unwrap();
    let mut places: Vec<(String, Vec<u8>)> = vec![
        ("log".into(), server.log().into_bytes()),
        ("argv".into(), proc("cmdline")),
        ("environment".into(), proc("environ")),
        ("trail".into(), server.run(&["audit", "show", "--json"]).into_bytes()),
        ("users".into(), server.run(&["user", "list"]).into_bytes()),
        ("sessions".into(), server.run(&["session", "list"]).into_bytes()),
        ("figures".into(), request(server.address, "GET", "/metrics", &[], b"").body.into_bytes()),
    ];
    assert!(server.log().contains("serving address="), "there is a log to look through: {}", server.log());
    for entry in std::fs::read_dir(&server.data).unwrap() {
        let path = entry.unwrap().path();
        places.extend(std::fs::read(&path).ok().map(|bytes| (path.display().to_string(), bytes)));
    }
    for canary in &canaries {
        for (place, bytes) in &places {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "a secret stands in {place}");
        }
    }
    assert_eq!(server.request("POST", "/v1/logout", &second, b"").status, 204);
}
