//! What the system tells a program.

use std::io;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// Most signals that wait for the loop; then the listener waits, and the system merges what comes.
pub const SIGNAL_QUEUE_CAPACITY: usize = 16;

/// What the system tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// End, by the signal of this name.
    Quit(&'static str),
    /// Stop until told to go on.
    Suspend,
    /// It was stopped and goes on.
    Continued,
}

/// Listens from now on; the system's own reactions are off. Ends when the receiver is dropped and another signal comes.
pub(super) fn listen() -> io::Result<mpsc::Receiver<Signal>> {
    let (sender, heard) = mpsc::channel(SIGNAL_QUEUE_CAPACITY);
    let mut hup = signal(SignalKind::hangup())?;
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut stop = signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?;
    let mut go_on = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
    tokio::spawn(async move {
        loop {
            let heard = tokio::select! {
                Some(()) = hup.recv() => Signal::Quit("SIGHUP"),
                Some(()) = term.recv() => Signal::Quit("SIGTERM"),
                Some(()) = int.recv() => Signal::Quit("SIGINT"),
                Some(()) = quit.recv() => Signal::Quit("SIGQUIT"),
                Some(()) = stop.recv() => Signal::Suspend,
                Some(()) = go_on.recv() => Signal::Continued,
                else => return,
            };
            if sender.send(heard).await.is_err() {
                return;
            }
        }
    });
    Ok(heard)
}
