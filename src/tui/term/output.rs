//! Writes frames on a thread of its own, one at a time: a terminal that takes no bytes does not make the loop wait, and
//! frames do not queue up behind it.

use std::{
    io::{self, Write},
    sync::mpsc as std_mpsc,
};
use tokio::sync::mpsc;

/// The writing side of a terminal. At most one frame is under way; who wants to show another waits and shows what is
/// then newest.
#[derive(Debug)]
pub struct Output {
    frames: std_mpsc::SyncSender<Vec<u8>>,
    done: mpsc::Receiver<io::Result<Vec<u8>>>,
    busy: bool,
}

impl Output {
    /// Starts the thread that writes. It ends when this is dropped or the terminal fails.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(mut writer: impl Write + Send + 'static) -> io::Result<Self> {
        let (frames, inbox) = std_mpsc::sync_channel::<Vec<u8>>(1);
        let (outbox, done) = mpsc::channel(1);
        std::thread::Builder::new().name("terminal-out".to_owned()).spawn(move || {
            for mut frame in inbox {
                let written = writer.write_all(&frame).and_then(|()| writer.flush());
                frame.clear();
                let failed = written.is_err();
                if outbox.blocking_send(written.map(|()| frame)).is_err() || failed {
                    return;
                }
            }
        })?;
        Ok(Self { frames, done, busy: false })
    }

    /// Whether a frame is under way.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.busy
    }

    /// Begins to write a frame. While another is under way it is refused and given back.
    ///
    /// # Errors
    /// Gives back the frame.
    pub fn begin(&mut self, frame: Vec<u8>) -> Result<(), Vec<u8>> {
        if self.busy {
            return Err(frame);
        }
        match self.frames.try_send(frame) {
            Ok(()) => {
                self.busy = true;
                Ok(())
            }
            Err(std_mpsc::TrySendError::Full(frame) | std_mpsc::TrySendError::Disconnected(frame)) => Err(frame),
        }
    }

    /// Waits until the frame under way is written; gives back its emptied buffer.
    ///
    /// # Errors
    /// If the terminal took it not or is gone.
    pub async fn done(&mut self) -> io::Result<Vec<u8>> {
        let done = self.done.recv().await;
        self.busy = false;
        done.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))
    }
}

/// Whether a failure to write means that the terminal is gone: its window was closed, the connection was lost.
#[must_use]
pub fn terminal_is_gone(error: &io::Error) -> bool {
    let gone = [rustix::io::Errno::IO, rustix::io::Errno::NXIO].map(rustix::io::Errno::raw_os_error);
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::WriteZero)
        || error.raw_os_error().is_some_and(|code| gone.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes bytes only when told to.
    struct Stalled(std_mpsc::Receiver<()>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn one_frame_is_under_way_and_a_gone_terminal_is_told() {
        let (go, stalled) = std_mpsc::channel();
        let mut output = Output::start(Stalled(stalled)).unwrap();
        output.begin(b"one".to_vec()).unwrap();
        assert!(output.is_busy());
        assert_eq!(output.begin(b"two".to_vec()), Err(b"two".to_vec()));
        go.send(()).unwrap();
        assert!(output.done().await.unwrap().is_empty());
        assert!(!output.is_busy());
        output.begin(b"two".to_vec()).unwrap();
        drop(go);
        assert!(terminal_is_gone(&output.done().await.unwrap_err()));
        assert!(terminal_is_gone(&output.done().await.unwrap_err()), "and stays so");
    }

    #[test]
    fn what_means_gone() {
        assert!(terminal_is_gone(&io::Error::from_raw_os_error(5)));
        assert!(!terminal_is_gone(&io::Error::from(io::ErrorKind::WouldBlock)));
    }
}
