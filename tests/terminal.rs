//! The screen in a real terminal: it takes it, reads keys, draws, and gives it back whatever happens.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod support;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use std::sync::Arc;
use support::{terminal::Pty, wait_for};
use tokio::sync::mpsc;
use wardwatch::{
    access::Secret,
    client::{HttpError, LoginAnswer},
    domain::Millis,
    seam::{Clock, OsClock},
    tui::{
        core::{App, LoginField},
        run::{LinkEnds, Pending, Start, Station, run},
        term::Console,
    },
};

/// Set for a child process that shows a screen instead of testing.
const CHILD: &str = "WARDWATCH_TEST_SCREEN";

/// A server that is never reached.
struct Nobody;

impl Station for Nobody {
    fn connect(&self, _: Secret) -> LinkEnds {
        (mpsc::channel(1).0, mpsc::channel(1).1)
    }

    fn sign_in(&self, _: String, _: Secret, _: Option<Secret>) -> Pending<Result<LoginAnswer, HttpError>> {
        Box::pin(std::future::pending())
    }

    fn sign_out(&self, _: Secret) -> Pending<Result<(), HttpError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn draw(app: &App, area: Rect, frame: &mut Buffer) {
    let text = format!("user <{}> of {}x{}", app.login.user, area.width, area.height);
    frame.set_stringn(0, 0, text, area.width.into(), Style::new());
    if let Some(notice) = &app.notice {
        frame.set_stringn(0, 1, &notice.text, area.width.into(), Style::new());
    }
    frame.set_string(area.width - 1, area.height - 1, "#", Style::new());
    assert!(app.login.user != "boom" || app.login.field == LoginField::Passphrase, "a view failed");
}

/// No test in itself: the others start this process anew with this as its only task.
#[test]
fn screen_of_a_child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let start = Start { server: "nowhere".into(), user: String::new(), token: None, flash: true, emergency: None };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let outcome = runtime.block_on(async {
        let console = Console::open().unwrap();
        run(console, Nobody, start, Arc::new(OsClock), draw).await.unwrap()
    });
    println!("ended: {:?}", outcome.ending);
}

fn child_args() -> [&'static str; 3] {
    ["--exact", "screen_of_a_child", "--nocapture"]
}

fn screen() -> Pty {
    let program = std::env::current_exe().unwrap();
    let pty = Pty::spawn(program.to_str().unwrap(), &child_args(), &[(CHILD, "1")], 60, 12);
    pty.wait_for_text("user <> of 60x12");
    pty
}

/// The terminal is as a shell wants it.
fn assert_given_back(pty: &Pty) {
    let screen = pty.screen();
    assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
    assert!(pty.is_cooked());
    assert_eq!(pty.queries(), [""; 0], "nothing is asked of the terminal");
}

#[test]
fn the_harness_is_a_terminal() {
    let script = r#"[ -t 0 ] && stty size; printf 'caf\303\251 \033[31mred\033[m\a\033[6n'; read x; echo "got $x""#;
    let mut pty = Pty::spawn("/bin/sh", &["-c", script], &[], 40, 5);
    pty.wait_for_text("5 40");
    pty.wait_for_text("café red");
    assert_eq!(pty.screen().cell(1, 5).unwrap().fgcolor(), vt100::Color::Idx(1));
    assert_eq!((pty.bells(), pty.queries()), (1, vec!["CSI 6 n".to_owned()]));
    pty.send("hello\n");
    pty.wait_for_text("hello");
    assert!(pty.wait_end().success());
    assert!(pty.text().contains("got"));
    assert!(pty.bytes_seen().ends_with(b"hello\r\n"));
}

#[test]
fn keys_sizes_and_the_end() {
    let mut pty = screen();
    let taken = pty.screen();
    assert!(taken.alternate_screen() && taken.hide_cursor() && taken.bracketed_paste() && !pty.is_cooked());
    pty.send("a.meyer\x7f\x08");
    pty.wait_for_text("<a.mey>");
    pty.send("\x1b[200~er\x1b[31m!\x1b[201~");
    pty.wait_for_text("<a.meyer[31m!>");
    for columns in 61..=80 {
        pty.resize(columns, 12);
    }
    pty.resize(50, 8);
    pty.wait_for_text("of 50x8");
    pty.wait_for("the corner", |s| s.cell(7, 49).unwrap().contents() == "#" && s.contents().matches('#').count() == 1);
    pty.send("\x03");
    assert!(pty.wait_end().success());
    assert!(pty.text().contains("ended: Asked"));
    assert_given_back(&pty);
}

#[test]
fn signals_end_it_in_order() {
    for name in ["TERM", "HUP", "INT", "QUIT"] {
        let mut pty = screen();
        pty.signal(name);
        assert!(pty.wait_end().success(), "{name}");
        assert!(pty.text().contains(&format!("ended: Signal(\"SIG{name}\")")), "{}", pty.text());
        assert_given_back(&pty);
    }
}

#[test]
fn a_panic_gives_the_terminal_back_before_its_report() {
    let mut pty = screen();
    pty.send("boom");
    assert!(!pty.wait_end().success());
    assert_given_back(&pty);
    let bytes = String::from_utf8_lossy(&pty.bytes_seen()).into_owned();
    let (_, after) = bytes.rsplit_once("\x1b[?1049l").unwrap();
    assert!(after.contains("a view failed"), "the report can be read: {after:?}");
}

#[test]
fn a_closed_terminal_ends_it() {
    let ended = screen().hang_up();
    assert!(ended.code().is_some(), "it ended by itself: {ended}");
}

#[test]
fn a_closed_terminal_ends_it_although_no_signal_comes() {
    let program = std::env::current_exe().unwrap();
    let pty = Pty::spawn_in_our_session(program.to_str().unwrap(), &child_args(), &[(CHILD, "1")], 60, 12);
    pty.wait_for_text("user <> of 60x12");
    let ended = pty.hang_up();
    assert!(ended.code().is_some(), "it ended by itself: {ended}");
}

#[test]
fn a_stopped_screen_says_so_and_comes_back() {
    let program = std::env::current_exe().unwrap();
    let pty = Pty::spawn("/bin/sh", &["-i"], &[(CHILD, "1"), ("PS1", "ready> "), ("ENV", "")], 60, 12);
    pty.wait_for_text("ready>");
    pty.send(format!("{} {}\n", program.display(), child_args().join(" ")));
    pty.wait_for("the screen", |s| s.alternate_screen() && s.contents().contains("user <>"));
    pty.send("ab\x1a");
    pty.wait_for("the shell", |s| !s.alternate_screen() && s.contents().contains("alerts cannot sound"));
    pty.wait_for("the prompt", |s| s.contents().trim_end().ends_with("ready>"));
    assert_given_back(&pty);
    pty.send("fg\n");
    pty.wait_for("the screen again", |s| s.alternate_screen() && s.contents().starts_with("user <ab>"));
    pty.wait_for("the corner", |s| s.cell(11, 59).unwrap().contents() == "#");
    pty.send("c");
    pty.wait_for_text("user <abc>");
    pty.send("\x03");
    pty.wait_for("the shell", |s| !s.alternate_screen() && s.contents().contains("ended: Asked"));
}

#[test]
fn a_screen_that_was_stopped_from_outside_is_drawn_anew() {
    let mut pty = screen();
    pty.signal("STOP");
    pty.signal("CONT");
    let taken_twice = |bytes: &[u8]| String::from_utf8_lossy(bytes).matches("\x1b[?1049h").count() == 2;
    wait_for("the terminal to be taken again", || taken_twice(&pty.bytes_seen()).then_some(()));
    pty.wait_for("the screen", |s| s.contents().starts_with("user <> of 60x12") && s.hide_cursor());
    pty.send("\x1b");
    assert!(pty.wait_end().success());
    assert_given_back(&pty);
}

#[test]
fn nothing_is_written_when_nothing_changes() {
    let pty = screen();
    pty.send("x");
    pty.wait_for_text("<x>");
    let before = pty.bytes_seen().len();
    let (clock, begin) = (OsClock, OsClock.boot());
    wait_for("two looks at the clock", || (clock.boot() - begin > Millis(2_200)).then_some(()));
    assert_eq!(pty.bytes_seen().len(), before);
}
