//! A program in a pseudo-terminal, its screen read back through a terminal emulator.

use super::{pause, wait_for};
use rustix::{
    fs::{OFlags, fcntl_setfl},
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};
use std::{
    fs::File,
    io::{ErrorKind, Read, Write},
    num::NonZeroU16,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::JoinHandle,
};

/// What a terminal hears besides what it shows.
#[derive(Debug, Default)]
pub struct Heard {
    /// Times that the bell rang.
    pub bells: usize,
    /// Questions that were asked of the terminal.
    pub queries: Vec<String>,
    answers: Vec<u8>,
}

impl vt100::Callbacks for Heard {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.bells += 1;
    }

    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        i1: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        letter: char,
    ) {
        let first = params.first().and_then(|p| p.first()).copied().unwrap_or(0);
        let answer = match (i1, letter, first) {
            (None, 'c', 0) => "\x1b[?62;22c".to_owned(),
            (None, 'n', 5) => "\x1b[0n".to_owned(),
            (None, 'n', 6) => {
                let (row, column) = screen.cursor_position();
                format!("\x1b[{};{}R", row + 1, column + 1)
            }
            _ => return,
        };
        self.queries.push(format!("CSI {first} {letter}"));
        self.answers.extend(answer.into_bytes());
    }
}

struct Seen {
    terminal: vt100::Parser<Heard>,
    bytes: Vec<u8>,
}

/// A program in a pseudo-terminal of its own, which is its controlling terminal where the tool `setsid` is there.
pub struct Pty {
    child: Child,
    master: File,
    seen: Arc<Mutex<Seen>>,
    hung_up: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

fn of(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

const fn winsize(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

impl Pty {
    /// Starts a program. Of the environment it has what this process has, a UTF-8 locale, `TERM=xterm-256color`, and
    /// `env`.
    pub fn spawn(program: &str, args: &[&str], env: &[(&str, &str)], columns: u16, rows: u16) -> Self {
        Self::start(Command::new("setsid").arg("--ctty").arg(program).args(args), env, columns, rows)
            .unwrap_or_else(|| Self::spawn_in_our_session(program, args, env, columns, rows))
    }

    /// As [`Pty::spawn`], but it is not the program's controlling terminal: no signal comes from it.
    pub fn spawn_in_our_session(program: &str, args: &[&str], env: &[(&str, &str)], columns: u16, rows: u16) -> Self {
        Self::start(Command::new(program).args(args), env, columns, rows).unwrap()
    }

    /// `None` if there is no such program.
    fn start(command: &mut Command, env: &[(&str, &str)], columns: u16, rows: u16) -> Option<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let slave = ioctl_tiocgptpeer(&master, flags).unwrap();
        tcsetwinsize(&slave, winsize(columns, rows)).unwrap();

        let end = || Stdio::from(slave.try_clone().unwrap());
        command.stdin(end()).stdout(end()).stderr(end());
        command.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
        command.env("XDG_STATE_HOME", super::state_folder());
        command.env_remove("NO_COLOR").env_remove("COLORTERM").envs(env.iter().copied());
        let child = match command.spawn() {
            Err(e) if e.kind() == ErrorKind::NotFound => return None,
            child => child.unwrap(),
        };
        // The command keeps its ends of the terminal until they are replaced.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        drop(slave);

        let terminal = vt100::Parser::new_with_callbacks(of(rows), of(columns), 0, Heard::default());
        let seen = Arc::new(Mutex::new(Seen { terminal, bytes: Vec::new() }));
        // The reader must not sleep in the system: it could not be told that the terminal closes.
        fcntl_setfl(&master, OFlags::RDWR | OFlags::NONBLOCK).unwrap();
        let master = File::from(master);
        let (shared, reader) = (Arc::clone(&seen), master.try_clone().unwrap());
        let hung_up = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&hung_up);
        let reader = Some(std::thread::spawn(move || read(reader, &shared, &end)));
        Some(Self { child, master, seen, hung_up, reader })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Types.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        (&self.master).write_all(bytes.as_ref()).unwrap();
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.seen().terminal.screen_mut().set_size(of(rows), of(columns));
        tcsetwinsize(&self.master, winsize(columns, rows)).unwrap();
    }

    /// What the terminal shows now.
    pub fn screen(&self) -> vt100::Screen {
        self.seen().terminal.screen().clone()
    }

    /// The text that the terminal shows now.
    pub fn text(&self) -> String {
        self.screen().contents()
    }

    /// Waits until the terminal shows what is wanted, and fails with what it shows instead.
    pub fn wait_for(&self, what: &str, so: impl Fn(&vt100::Screen) -> bool) {
        let shown = || format!("{what}; the terminal shows:\n{}\n", self.text());
        let until = super::deadline();
        while !so(&self.screen()) {
            assert!(super::before(until), "waited in vain for {}", shown());
            pause(10);
        }
    }

    /// Waits until the terminal shows a text.
    pub fn wait_for_text(&self, text: &str) {
        self.wait_for(text, |screen| screen.contents().contains(text));
    }

    /// Every byte that the program has written.
    pub fn bytes_seen(&self) -> Vec<u8> {
        self.seen().bytes.clone()
    }

    /// Times that the bell rang.
    pub fn bells(&self) -> usize {
        self.seen().terminal.callbacks().bells
    }

    /// Questions that were asked of the terminal, and answered as xterm does.
    pub fn queries(&self) -> Vec<String> {
        self.seen().terminal.callbacks().queries.clone()
    }

    /// Whether the terminal edits lines and shows what is typed, as a shell wants it.
    pub fn is_cooked(&self) -> bool {
        tcgetattr(&self.master).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(format!("-{name}")).arg(id).status().unwrap().success());
    }

    /// Closes the terminal, as a closed window or a lost connection does, and waits until the program has ended.
    pub fn hang_up(mut self) -> ExitStatus {
        self.hung_up.store(true, SeqCst);
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.master = File::open("/dev/null").unwrap();
        wait_for("the program to end", || self.child.try_wait().unwrap())
    }

    /// Waits until the program has ended and all that it wrote is read.
    pub fn wait_end(&mut self) -> ExitStatus {
        let status = wait_for("the program to end", || self.child.try_wait().unwrap());
        wait_for("the terminal to be read to its end", || (Arc::strong_count(&self.seen) == 1).then_some(()));
        status
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads until the last program on the terminal has ended or the terminal is closed.
fn read(mut master: File, seen: &Mutex<Seen>, hung_up: &AtomicBool) {
    let mut chunk = [0; 16 * 1024];
    while !hung_up.load(SeqCst) {
        let n = match master.read(&mut chunk) {
            Ok(n @ 1..) => n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                pause(2);
                continue;
            }
            _ => return,
        };
        let mut seen = seen.lock().unwrap();
        seen.bytes.extend(&chunk[..n]);
        seen.terminal.process(&chunk[..n]);
        let answers = std::mem::take(&mut seen.terminal.callbacks_mut().answers);
        drop(seen);
        if master.write_all(&answers).is_err() {
            return;
        }
    }
}
