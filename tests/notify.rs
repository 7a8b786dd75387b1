//! Messages about alerts, over real sockets: sent, tried again, given up, read, answered, and never lost by a kill.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use support::{
    Server, now, observation, pause,
    peers::{Receiver, Request, mail_server},
    program, request, run_with,
    stream::Stream,
    wait_for,
};
use wardwatch::{
    domain::{Command, Duty, EmergencyReason, EventBody, LoginName, Millis, NoticeOutcome, SequencedEvent, Shift},
    protocol::{ClientMessage, Encoding, ServerMessage},
    store::StoreReader,
};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// A file that nobody else may read.
fn secret_file(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("secret");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn webhook(dir: &Path, receiver: &Receiver) -> String {
    let secret = secret_file(dir, SECRET);
    format!(
        "[notify]\npublic_url = \"https://ward.example\"\n[notify.channel.pager.webhook]\nurl = \"http://{}/in\"\n\
         secret_file = {secret:?}\n",
        receiver.address
    )
}

/// A server with a configuration.
fn start(data: &Path, config: &str) -> Server {
    let file = data.parent().unwrap().join("wardwatch.toml");
    std::fs::write(&file, config).unwrap();
    let mut command = program();
    command.args(["serve", "--mode", "demo", "--listen", "127.0.0.1:0", "--config"]).arg(&file).arg("--data").arg(data);
    Server::spawn(&mut command, data)
}

/// The nurse of all beds.
fn on_duty(server: &Server, user: &str) {
    let shift = Shift {
        from: now() - Millis::from_secs(60),
        to: now() + Millis::from_mins(60),
        duty: Duty::Nurse,
        user: LoginName::new(user),
        beds: Vec::new(),
    };
    server.command(Command::SetRota { shifts: vec![shift] });
}

/// A mean pressure that is a high alert at once.
fn collapse(server: &Server, token: &str) {
    let answer = server.request("POST", "/v1/observations", token, observation("nbp_mean", 40, now()).as_bytes());
    assert_eq!(answer.json()["accepted"], 1, "{answer:?}");
}

fn journal(server: &Server) -> Vec<SequencedEvent> {
    server.reader().events_after(&"w".parse().unwrap(), 0, 10_000).unwrap()
}

fn outcomes(server: &Server) -> Vec<NoticeOutcome> {
    let outcome = |e: SequencedEvent| match e.event.body {
        EventBody::Notified { notice } => Some(notice.outcome),
        _ => None,
    };
    journal(server).into_iter().filter_map(outcome).collect()
}

/// Messages about the collapse: the rota has gaps of its own.
fn of_patient(receiver: &Receiver) -> Vec<Request> {
    receiver.requests().into_iter().filter(|r| r.json()["data"]["class"] == "physiological").collect()
}

fn open_alerts(server: &Server, code: &str) -> usize {
    let mut open = std::collections::BTreeMap::new();
    for event in journal(server) {
        if let EventBody::Alert { alert, .. } = event.event.body
            && alert.key.code.to_string() == code
        {
            open.insert(alert.id, !alert.is_closed() && alert.ended_at.is_none());
        }
    }
    open.values().filter(|open| **open).count()
}

fn verify(request: &Request) {
    let key = BASE64.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, timestamp) = (request.header("webhook-id"), request.header("webhook-timestamp"));
    mac.update(format!("{id}.{timestamp}.{}", request.body).as_bytes());
    let signature = request.header("webhook-signature").strip_prefix("v1,").unwrap();
    mac.verify_slice(&BASE64.decode(signature).unwrap()).unwrap();
    let sent: i64 = timestamp.parse().unwrap();
    assert!((now().as_ms() / 1_000 - sent).abs() < 60);
}

#[test]
fn a_nurse_is_told_opens_the_link_and_acknowledges_once() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(&[]);
    let server = start(&dir.path().join("data"), &webhook(dir.path(), &receiver));
    let token = server.small_ward();
    server.user("anna", "nurse");
    on_duty(&server, "anna");
    collapse(&server, &token);
    let told = wait_for("the message", || of_patient(&receiver).first().cloned());
    verify(&told);
    assert!(told.header("content-type").starts_with("application/cloudevents+json"));
    let data = &told.json()["data"];
    assert_eq!((data["bed"].as_str(), data["priority"].as_str()), (Some("b1"), Some("high")));
    assert_eq!((data["to"].as_str(), data["mode"].as_str()), (Some("anna"), Some("demo")));
    assert!(!told.body.contains("Okafor") && !told.body.contains("nbp"), "{}", told.body);
    let link = data["acknowledge_url"].as_str().unwrap().strip_prefix("https://ward.example").unwrap().to_owned();

    let json = [("accept", "application/json")];
    let page = request(server.address, "GET", &link, &[], b"");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("DEMO *** HIGH bed b1") && page.body.contains("method=\"post\""), "{}", page.body);
    assert!(page.head.to_ascii_lowercase().contains("content-security-policy"));
    request(server.address, "HEAD", &link, &[], b"");
    assert_eq!(request(server.address, "GET", &link, &json, b"").json()["acknowledged"], false);

    let done = request(server.address, "POST", &link, &json, b"");
    assert_eq!((done.status, &done.json()["acknowledged"]), (200, &true.into()), "{done:?}");
    let again = request(server.address, "POST", &link, &json, b"");
    assert_eq!(again.status, 409, "{again:?}");
    assert!(again.body.contains("acknowledged by anna"), "{again:?}");
    assert!(request(server.address, "GET", &link, &[], b"").body.contains("acknowledged by anna"));
    let other = if link.ends_with('A') { 'Q' } else { 'A' };
    let forged = format!("{}{other}", &link[..link.len() - 1]);
    assert_eq!(request(server.address, "POST", &forged, &[], b"").status, 404);

    let mut found = outcomes(&server);
    found.retain(|o| *o != NoticeOutcome::Delivered);
    assert_eq!(found, [NoticeOutcome::Read, NoticeOutcome::Accepted], "opened often, read once");
    let leaves = server.reader().leaves(0, 1_000).unwrap();
    let entry = leaves.iter().find(|row| row.leaf.contains("alert.acknowledge")).unwrap();
    assert!(entry.leaf.contains("\"session\":\"link\""), "{}", entry.leaf);
}

#[test]
fn who_may_not_acknowledge_cannot_by_a_link_either() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(&[]);
    let server = start(&dir.path().join("data"), &webhook(dir.path(), &receiver));
    let token = server.small_ward();
    server.user("vera", "nurse");
    on_duty(&server, "vera");
    collapse(&server, &token);
    let told = wait_for("the message", || of_patient(&receiver).first().cloned());
    server.run(&["user", "role", "vera", "viewer"]);
    let url = told.json()["data"]["acknowledge_url"].as_str().unwrap().to_owned();
    let link = url.strip_prefix("https://ward.example").unwrap();
    let refused = request(server.address, "POST", link, &[], b"");
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(server.run(&["audit", "show"]).contains("access.denied"));
    assert!(!outcomes(&server).contains(&NoticeOutcome::Accepted));
}

#[test]
fn a_receiver_that_is_busy_is_tried_again_with_the_same_identifier() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(&[503, 429]);
    let config = webhook(dir.path(), &receiver) + "[notify.channel.pager]\npriorities = [\"high\"]\n";
    let config = config.replace("[notify.channel.pager.webhook]", "[notify.channel.pager.webhook]\ninsecure = false");
    let server = start(&dir.path().join("data"), &config);
    let token = server.small_ward();
    collapse(&server, &token);
    wait_for("the delivery", || outcomes(&server).contains(&NoticeOutcome::Delivered).then_some(()));
    let requests = receiver.requests();
    assert_eq!(requests.len(), 3);
    let ids: std::collections::BTreeSet<_> = requests.iter().map(|r| r.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 1, "a receiver can tell doubles");
    assert!(requests[0].json()["data"].get("to").is_none(), "nobody is on duty");
    requests.iter().for_each(verify);
}

#[test]
fn what_is_given_up_is_kept_and_loud_until_the_channel_works_again() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(&[410]);
    let config = webhook(dir.path(), &receiver) + "[notify.channel.pager]\npriorities = [\"high\"]\n";
    let server = start(&dir.path().join("data"), &config);
    let token = server.small_ward();
    server.user("anna", "nurse");
    on_duty(&server, "anna");
    collapse(&server, &token);
    let failed = |o: &NoticeOutcome| matches!(o, NoticeOutcome::Failed { .. });
    wait_for("the failure", || outcomes(&server).iter().any(failed).then_some(()));
    wait_for("the alert", || (open_alerts(&server, "system.notify_failed") == 1).then_some(()));
    assert_eq!(server.reader().dead_letter_count().unwrap(), 1);
    let listed = server.run(&["notify", "list"]);
    assert!(listed.contains("FAILS: the receiver answered 410"), "{listed}");
    // The pulse is lost as well: another high alert, and the receiver is well again.
    let body = observation("hr", 20, now());
    server.request("POST", "/v1/observations", &token, body.as_bytes());
    wait_for("the delivery", || outcomes(&server).contains(&NoticeOutcome::Delivered).then_some(()));
    wait_for("the end of the alert", || (open_alerts(&server, "system.notify_failed") == 0).then_some(()));
}

#[test]
fn a_kill_loses_no_message_and_a_restart_repeats_none() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    // Nobody listens there yet.
    let receiver = Receiver::start(&[503; 50]);
    let config = webhook(dir.path(), &receiver) + "[notify.channel.pager]\npriorities = [\"high\"]\nattempts = 20\n";
    let server = start(&data, &config);
    let token = server.small_ward();
    collapse(&server, &token);
    wait_for("the first try", || receiver.requests().first().cloned());
    server.kill();
    let receiver = Receiver::start(&[]);
    let config = webhook(dir.path(), &receiver) + "[notify.channel.pager]\npriorities = [\"high\"]\n";
    let server = start(&data, &config);
    let told = wait_for("the message after the restart", || of_patient(&receiver).first().cloned());
    wait_for("its end", || outcomes(&server).contains(&NoticeOutcome::Delivered).then_some(()));
    let first = told.header("webhook-id").to_owned();
    server.kill();
    let server = start(&data, &config);
    pause(1_500);
    let repeated = receiver.requests().iter().filter(|r| r.header("webhook-id") == first).count();
    assert_eq!(repeated, 1);
    drop(server);
}

#[test]
fn an_alert_that_was_answered_meanwhile_is_not_sent_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(&[503]);
    let config = webhook(dir.path(), &receiver) + "[notify.channel.pager]\npriorities = [\"high\"]\n";
    let server = start(&dir.path().join("data"), &config);
    let token = server.small_ward();
    server.user("anna", "nurse");
    on_duty(&server, "anna");
    collapse(&server, &token);
    // The receiver is busy, but has the link.
    let told = wait_for("the first try", || of_patient(&receiver).first().cloned());
    let url = told.json()["data"]["acknowledge_url"].as_str().unwrap().to_owned();
    let done = request(server.address, "POST", url.strip_prefix("https://ward.example").unwrap(), &[], b"");
    assert_eq!(done.status, 200, "{done:?}");
    wait_for("its end", || outcomes(&server).contains(&NoticeOutcome::NotNeeded).then_some(()));
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn a_mail_goes_to_the_person_and_its_link_to_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let (address, mails) = mail_server();
    let config = format!(
        "[notify]\npublic_url = \"https://ward.example\"\n[notify.addresses]\nanna = \"anna@h.example\"\n\
         [notify.channel.mail]\npriorities = [\"high\"]\ncontent = \"condition\"\n[notify.channel.mail.email]\n\
         host = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"Ward <ward@h.example>\"\nto = [\"all@h.example\"]\n",
        address.port()
    );
    let server = start(&dir.path().join("data"), &config);
    let token = server.small_ward();
    server.user("anna", "nurse");
    on_duty(&server, "anna");
    collapse(&server, &token);
    let mail = wait_for("the mail", || mails.lock().unwrap().first().cloned());
    assert!(mail.contains("RCPT TO:<anna@h.example>") && !mail.contains("all@h.example"), "{mail}");
    assert!(mail.contains("Subject: DEMO *** HIGH bed b1"), "{mail}");
    // Long lines are folded by an encoding that ends them with `=`.
    let plain = mail.replace("=\n", "").replace("=3D", "=");
    assert!(plain.contains("https://ward.example/v1/ack/"), "{plain}");
    // Nobody is on duty any more: the shared address is told, without a link that acts in a name.
    server.command(Command::SetRota { shifts: Vec::new() });
    let body = observation("hr", 20, now());
    server.request("POST", "/v1/observations", &token, body.as_bytes());
    let shared = wait_for("the mail to all", || mails.lock().unwrap().get(1).cloned());
    assert!(shared.contains("RCPT TO:<all@h.example>") && !shared.contains("/v1/ack/"), "{shared}");
}

#[test]
fn a_command_is_run_for_each_message_and_channels_can_be_tried() {
    let dir = tempfile::tempdir().unwrap();
    let (out, script) = (dir.path().join("out"), dir.path().join("page"));
    std::fs::write(&script, format!("#!/bin/sh\ncat >> {}\n", out.display())).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let config = format!(
        "[notify.channel.modem]\npriorities = [\"high\"]\ncommand = {{ program = {script:?} }}\n\
         [notify.channel.gone]\ncommand = {{ program = \"/no/such/program\" }}\n"
    );
    let server = start(&dir.path().join("data"), &config);
    let token = server.small_ward();
    server.run(&["notify", "test", "modem", "--to", "anna"]);
    let said = std::fs::read_to_string(&out).unwrap();
    assert!(said.contains("\"purpose\":\"test\"") && said.contains("anna"), "{said}");
    collapse(&server, &token);
    wait_for("the command", || std::fs::read_to_string(&out).unwrap().contains("\"purpose\":\"alert\"").then_some(()));
    let listed = server.run(&["notify", "list"]);
    assert!(listed.contains("modem") && listed.contains("command"), "{listed}");
    let data = server.data.to_str().unwrap();
    let failed = run_with("", &["notify", "test", "gone", "--data", data]);
    assert_eq!(failed.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&failed.stderr).contains("/no/such/program cannot be started"));
    let unknown = run_with("", &["notify", "test", "fax", "--data", data]);
    assert!(
        String::from_utf8_lossy(&unknown.stderr).contains("there is no channel fax in the configuration (gone, modem)")
    );
    assert!(server.run(&["audit", "show"]).contains("notify.test"));
}

#[test]
fn a_secret_that_others_may_read_keeps_the_server_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(&[]);
    let config = webhook(dir.path(), &receiver);
    let secret = dir.path().join("secret");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    let file = dir.path().join("wardwatch.toml");
    std::fs::write(&file, config).unwrap();
    let data = dir.path().join("data");
    let args =
        ["serve", "--listen", "127.0.0.1:0", "--config", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let output = run_with("", &args);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("notify.channel.pager") && error.contains("chmod 600"), "{error}");
}

#[test]
fn a_new_secret_is_of_the_form_that_is_wanted() {
    let output = run_with("", &["notify", "secret"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let bytes = BASE64.decode(text.trim().strip_prefix("whsec_").unwrap()).unwrap();
    assert_eq!(bytes.len(), 32);
}

#[test]
fn h03_charge_of_the_ward_and_privacy_are_told_at_once_of_an_emergency_without_a_name() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(&[]);
    let config = webhook(dir.path(), &receiver).replacen("[notify]\n", "[notify]\nprivacy = [\"lindqvist\"]\n", 1);
    let server = start(&dir.path().join("data"), &config);
    server.small_ward();
    server.run(&["ward", "add", "x", "--name", "Other"]);
    server.user("cho", "charge");
    let add = |name: &str, role: &str, ward: &str| {
        let data = server.data.to_str().unwrap();
        let args = ["user", "add", name, "--role", role, "--ward", ward, "--data", data];
        assert!(run_with(support::PASSPHRASE, &args).status.success());
    };
    add("xavier", "charge", "x");
    add("nina", "nurse", "x");
    let token = |name| std::fs::read_to_string(server.login(name)).unwrap().trim().to_owned();
    let (mut cho, ..) = Stream::watch(&server, &token("cho"));
    let (mut nina, _) = Stream::greet(&server, &token("nina"), Encoding::Json);
    nina.say(&ClientMessage::OpenPatient {
        id: 1,
        ward: "w".parse().unwrap(),
        patient: "p1".parse().unwrap(),
        reason: EmergencyReason::Treatment,
        words: "arrest in bed 1".parse().unwrap(),
    });
    let opened = cho.until("the emergency on the screen of charge", |message| match message {
        ServerMessage::Event { event } => match &event.event.body {
            EventBody::EmergencyOpened { opened, .. } => Some(opened.clone()),
            _ => None,
        },
        _ => None,
    });
    assert_eq!((opened.user.as_str(), opened.due.since(opened.until)), ("nina", Millis::from_mins(71 * 60)));
    let of_emergency = || receiver.requests().into_iter().filter(|r| r.json()["data"]["purpose"] == "emergency");
    let told = wait_for("both messages", || Some(of_emergency().collect::<Vec<_>>()).filter(|all| all.len() == 2));
    let mut to: Vec<_> = told.iter().map(|r| r.json()["data"]["to"].as_str().unwrap().to_owned()).collect();
    to.sort();
    assert_eq!(to, ["cho", "lindqvist"], "charge of another ward is not told");
    for request in &told {
        verify(request);
        let body = request.json();
        assert_eq!(
            (&body["type"], &body["data"]["bed"]),
            (&"org.wardwatch.emergency.v1".into(), &"b1".into()),
            "{body}"
        );
        for hidden in ["Okafor", "p1", "nina", "arrest"] {
            assert!(!request.body.contains(hidden), "{hidden}: {body}");
        }
    }
    wait_for("both ends in the journal", || (outcomes(&server) == vec![NoticeOutcome::Delivered; 2]).then_some(()));
}
