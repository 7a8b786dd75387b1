//! Takes a terminal for the screen, and gives it back as it was: at the end, on a panic, before a stop.

use super::{input::clamped, paint::SYNC_END};
use rustix::{
    process::{getpgid, getpgrp, getppid, getsid, kill_current_process_group},
    termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr},
};
use std::{
    io,
    os::fd::AsFd,
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

/// Alternate screen, cursor hidden, bracketed paste, focus reports; erased, for not every terminal does that by itself.
const TAKE: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1004h\x1b[2J";
/// What [`TAKE`] did, backwards; colours and attributes reset. An open bracket of a frame is closed before.
const GIVE_BACK: &[u8] = b"\x1b[?2004l\x1b[?1004l\x1b[?25h\x1b[m\x1b[?1049l";
/// Longest time for giving the terminal back if it takes no bytes, in milliseconds; then they are lost.
const RESTORE_TIMEOUT_MS: u64 = 500;

/// Whether the terminal is taken.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// The terminal's settings before it was taken.
static COOKED: Mutex<Option<Termios>> = Mutex::new(None);
static HOOK: Once = Once::new();

/// What the loop does with a terminal besides reading and writing.
pub trait Control: Send {
    /// Takes the terminal; does nothing if it is taken.
    ///
    /// # Errors
    /// If the terminal does not allow it.
    fn enter(&mut self) -> io::Result<()>;
    /// Gives the terminal back; does nothing if it is given back.
    fn restore(&mut self);
    /// Whether it is still taken: a panic anywhere gives it back.
    fn is_taken(&self) -> bool;
    /// Whether there is no terminal any more: not every one that goes sends a signal.
    fn is_gone(&self) -> bool;
    /// Columns and rows, bounded.
    fn size(&self) -> (u16, u16);
    /// Whether somebody could make a stopped program go on.
    fn can_stop(&self) -> bool;
    /// Says something on the terminal that was given back, and stops the program until it is told to go on.
    fn stop(&mut self, say: &str);
}

/// The terminal at standard input and output. Dropping it gives the terminal back.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Takes the terminal. From now on a panic gives it back before it is reported.
    ///
    /// # Errors
    /// If standard input is no terminal or does not allow it.
    pub fn take() -> io::Result<Self> {
        HOOK.call_once(|| {
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                report(panic);
            }));
        });
        let mut guard = Self(());
        guard.enter()?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

impl Control for Guard {
    fn enter(&mut self) -> io::Result<()> {
        if TAKEN.load(SeqCst) {
            return Ok(());
        }
        let stdin = io::stdin();
        let cooked = tcgetattr(stdin.as_fd())?;
        let mut raw = cooked.clone();
        raw.make_raw();
        *COOKED.lock().unwrap_or_else(PoisonError::into_inner) = Some(cooked);
        TAKEN.store(true, SeqCst);
        let done = tcsetattr(stdin.as_fd(), OptionalActions::Now, &raw).map_err(io::Error::from);
        let done = done.and_then(|()| write_all(TAKE));
        if done.is_err() {
            restore();
        }
        done
    }

    fn restore(&mut self) {
        restore();
    }

    fn is_taken(&self) -> bool {
        TAKEN.load(SeqCst)
    }

    fn is_gone(&self) -> bool {
        tcgetattr(io::stdin().as_fd()).is_err()
    }

    fn size(&self) -> (u16, u16) {
        tcgetwinsize(io::stdout().as_fd()).map_or_else(|_| clamped(0, 0), |size| clamped(size.ws_col, size.ws_row))
    }

    /// Only if the parent is a shell with job control: the parent of a login session or of a forced command would never
    /// make it go on.
    fn can_stop(&self) -> bool {
        let Some(parent) = getppid() else { return false };
        let same_session = getsid(Some(parent)).is_ok_and(|of_parent| getsid(None).is_ok_and(|own| own == of_parent));
        same_session && getpgid(Some(parent)).is_ok_and(|group| group != getpgrp())
    }

    fn stop(&mut self, say: &str) {
        drop(write_all(format!("{say}\r\n").as_bytes()));
        // The whole job, as the terminal itself would have done. Nothing is lost if it fails: the screen comes back.
        let _ = kill_current_process_group(rustix::process::Signal::STOP);
    }
}

/// Gives the terminal back once, however often and from wherever it is called.
fn restore() {
    if !TAKEN.swap(false, SeqCst) {
        return;
    }
    let (done, wait) = mpsc::channel::<()>();
    // A terminal that takes no bytes must not keep the program from ending.
    let writer = std::thread::Builder::new().name("terminal-restore".to_owned()).spawn(move || {
        drop(write_all(&[SYNC_END, GIVE_BACK].concat()));
        drop(done);
    });
    if writer.is_ok() {
        let _ = wait.recv_timeout(Duration::from_millis(RESTORE_TIMEOUT_MS));
    }
    if let Some(cooked) = COOKED.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, &cooked);
    }
}

/// Writes past the buffer of standard output, whose lock a panicking program may hold.
fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    let stdout = io::stdout();
    while !bytes.is_empty() {
        match rustix::io::write(stdout.as_fd(), bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}
