//! What the websocket and HTTP let in: the demands on transport by their numbers (W: OWASP's sheet on websockets, A: ASVS 5).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};
use support::{
    Server, request,
    stream::{self, Closed, Stream},
    wait_for,
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};
use wardwatch::{
    domain::Millis,
    protocol::Encoding,
    seam::{Clock, OsClock},
};

struct Bench {
    server: Server,
    token: String,
    _dir: tempfile::TempDir,
}

fn bench(settings: &[(&str, &str)]) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_set(&dir.path().join("data"), settings);
    server.small_ward();
    let token = server.token("anna", "nurse");
    Bench { server, token, _dir: dir }
}

/// What comes back on a connection until it ends, with the time that it took.
fn heard(mut stream: TcpStream) -> (String, Millis) {
    let began = OsClock.boot();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes));
    (String::from_utf8_lossy(&bytes).into_owned(), OsClock.boot() - began)
}

#[test]
fn w02_no_compression_is_offered_or_taken() {
    let bench = bench(&[]);
    let mut stream = TcpStream::connect(bench.server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!(
        "GET /v1/stream HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n\
         authorization: Bearer {}\r\n\r\n",
        bench.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0; 1];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let answer = String::from_utf8(answer).unwrap().to_lowercase();
    assert!(answer.starts_with("http/1.1 101") && !answer.contains("extensions"), "{answer}");
    let metrics = request(bench.server.address, "GET", "/metrics", &[("accept-encoding", "gzip, br, zstd")], b"");
    assert!(metrics.status == 200 && !metrics.head.to_lowercase().contains("content-encoding"), "{}", metrics.head);
}

#[test]
fn w03_a02_origins_are_compared_as_a_whole_and_a_cookie_is_no_proof() {
    let bench = bench(&[("WARDWATCH_SERVER__ALLOWED_ORIGINS", r#"["https://intranet.example"]"#)]);
    let address = bench.server.address;
    let bearer = format!("Bearer {}", bench.token);
    let good = ("authorization", bearer.as_str());
    drop(stream::open(address, &[good, ("origin", "https://intranet.example")]).unwrap());
    drop(stream::open(address, &[good]).unwrap());
    for origin in [
        "https://intranet.example.evil.test",
        "https://evil.test/https://intranet.example",
        "https://intranet.example:444",
        "http://intranet.example",
        "https://intranet.exampl",
        "HTTPS://intranet.example",
        "https://intranet.example/",
        "null",
        "",
    ] {
        assert_eq!(stream::open(address, &[good, ("origin", origin)]).unwrap_err().status, 403, "{origin}");
        for (method, path) in
            [("GET", "/readyz"), ("POST", "/v1/login"), ("POST", "/v1/observations"), ("GET", "/fhir/Patient")]
        {
            let refused = request(address, method, path, &[("origin", origin), good], b"{}");
            assert_eq!(refused.status, 403, "{origin} {path}: {refused:?}");
        }
    }
    let two = [("origin", "https://intranet.example"), ("origin", "https://evil.test"), good];
    assert_eq!(request(address, "GET", "/readyz", &two, b"").status, 403, "one of two");
    let cookie = format!("token={0}; session={0}", bench.token);
    let refused = stream::open(address, &[("cookie", &cookie), ("origin", "https://intranet.example")]).unwrap_err();
    assert_eq!(refused.status, 401, "no Authorization, no way in");
    assert_eq!(stream::open(address, &[("cookie", &cookie)]).unwrap_err().status, 401);
}

#[test]
fn a04_what_a_header_says_of_the_address_is_not_believed() {
    let bench = bench(&[]);
    let body = br#"{"user":"nobody","passphrase":"wrong wrong wrong wrong"}"#;
    let refused = (0..80).any(|n| {
        let other = format!("203.0.113.{n}");
        let forwarded = format!("for={other}");
        let headers = [("x-forwarded-for", other.as_str()), ("forwarded", &forwarded), ("x-real-ip", &other)];
        request(bench.server.address, "POST", "/v1/login", &headers, body).body.contains("login-rate")
    });
    assert!(refused, "each of 80 tries passed for another address");
}

#[test]
fn w08_65537_bytes_are_too_long_whole_and_in_fragments() {
    const LONGEST: usize = 64 * 1024;
    let bench = bench(&[]);
    let too_long = Closed { code: 1009, reason: "a message is too long".into() };
    let (mut good, _) = Stream::greet(&bench.server, &bench.token, Encoding::Json);
    let activity = r#"{"type":"activity"}"#;
    good.say_raw(Message::text(format!("{activity}{}", " ".repeat(LONGEST - activity.len()))));
    good.subscribe(None);
    let (mut whole, _) = Stream::greet(&bench.server, &bench.token, Encoding::Json);
    whole.say_raw(Message::text("x".repeat(LONGEST + 1)));
    assert_eq!(whole.closed(), too_long);
    let byte = |opcode, last| Message::Frame(Frame::message(&b"x"[..], OpCode::Data(opcode), last));
    let (mut parts, _) = Stream::greet(&bench.server, &bench.token, Encoding::Json);
    parts.say_raw(byte(Data::Text, false));
    let sent = (0..LONGEST).take_while(|n| parts.try_say_raw(byte(Data::Continue, *n + 1 == LONGEST))).count();
    assert_eq!(sent, LONGEST);
    assert_eq!(parts.closed(), too_long);
    // One that never ends is cut when it is twice as long, wherever it is then.
    let (mut endless, _) = Stream::greet(&bench.server, &bench.token, Encoding::Json);
    endless.say_raw(byte(Data::Text, false));
    let sent = (0..1_000_000).take_while(|_| endless.try_say_raw(byte(Data::Continue, false))).count();
    assert!(sent < 1_000_000, "a million fragments were taken");
}

#[test]
fn w10_pings_are_answered_and_too_many_cut() {
    let bench = bench(&[]);
    let (mut flood, _) = Stream::greet(&bench.server, &bench.token, Encoding::Json);
    let sent = (0..2_000).take_while(|_| flood.try_say_raw(Message::Ping(b"x"[..].into()))).count();
    assert!(sent > 100);
    assert_eq!(flood.closed(), Closed { code: 4429, reason: "too many pings".into() });
}

#[test]
fn w10_idle_connections_are_closed_and_their_number_is_bounded() {
    let bench = bench(&[("WARDWATCH_LIMITS__CONNECTIONS", "3")]);
    let idle: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(bench.server.address).unwrap()).collect();
    // All places are taken: who comes now waits until the idle ones are closed.
    let began = OsClock.boot();
    let waiting = request(bench.server.address, "GET", "/healthz", &[], b"");
    assert_eq!(waiting.status, 200);
    assert!(OsClock.boot() - began > Millis(5_000), "it did not wait");
    for stream in idle {
        assert!(heard(stream).1 < Millis(15_000));
    }
    // One that was used and is kept open is closed too.
    let mut kept = TcpStream::connect(bench.server.address).unwrap();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let (answer, after) = heard(kept);
    assert!(answer.starts_with("HTTP/1.1 200") && after < Millis(20_000), "{answer} after {after:?}");
}

#[test]
fn w10_who_does_not_agree_on_tls_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(&dir.path().join("data"), &["--mode", "demo", "--tls", "auto"]);
    let (said, after) = heard(TcpStream::connect(server.address).unwrap());
    assert!(said.is_empty() && after > Millis(5_000) && after < Millis(15_000), "{said:?} after {after:?}");
}

#[test]
fn w12_the_log_tells_of_streams_and_not_of_what_is_said() {
    let bench = bench(&[]);
    let (mut terminal, _) = Stream::greet(&bench.server, &bench.token, Encoding::Json);
    terminal.subscribe(None);
    terminal.say_raw(Message::text(r#"{"type":"unlock","passphrase":"a secret that nobody logs"}"#));
    terminal.say_raw(Message::text("x".repeat(65 * 1024)));
    terminal.closed();
    let log = wait_for("its end in the log", || Some(bench.server.log()).filter(|l| l.contains("a stream has ended")));
    assert!(log.contains("a stream was opened") && log.contains("code=1009"), "{log}");
    for said in ["nobody logs", "Okafor", bench.token.as_str()] {
        assert!(!log.contains(said), "{said}: {log}");
    }
}
