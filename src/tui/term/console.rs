//! A terminal with all that the loop needs of it.

use super::{
    guard::{Control, Guard},
    input::{self, Keyboard},
    output::Output,
    signal::{self, Signal},
};
use crate::tui::core::Input;
use std::{
    fs::File,
    io::{self, IsTerminal},
    os::fd::AsFd,
};
use tokio::sync::mpsc;

/// Why a terminal cannot hold a screen.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// There is none.
    #[error("standard input and output are no terminal: a screen needs both")]
    NoTerminal,
    /// It does not allow it.
    #[error("the terminal cannot be used")]
    Io(#[from] io::Error),
}

/// A terminal that is taken for the screen.
pub struct Console {
    /// What is typed, and how large the terminal is; closed when nothing can be read any more.
    pub input: mpsc::Receiver<Input>,
    /// What the system tells.
    pub signals: mpsc::Receiver<Signal>,
    /// Writes frames.
    pub output: Output,
    /// Takes the terminal and gives it back.
    pub control: Box<dyn Control>,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("output", &self.output).finish_non_exhaustive()
    }
}

impl Console {
    /// Takes the terminal at standard input and output. Wants a runtime of tokio. Nothing else may write to the terminal
    /// until it is given back: not to standard error either.
    ///
    /// # Errors
    /// If there is no terminal or it does not allow it.
    pub fn open() -> Result<Self, ConsoleError> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(ConsoleError::NoTerminal);
        }
        // Past the buffer of standard output, which would cut a frame at its line ends.
        let writer = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let output = Output::start(writer)?;
        let signals = signal::listen()?;
        let control = Box::new(Guard::take()?);
        let input = input::start(Keyboard)?;
        Ok(Self { input, signals, output, control })
    }
}
