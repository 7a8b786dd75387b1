//! The loop of a desk: keys, the system, and another look at its source from time to time.

use super::{Ending, LAST_FRAME_TIMEOUT_MS, RunError};
use crate::tui::{
    core::{Contents, Desk, Input, Wish},
    term::{Console, Painter, Signal, terminal_is_gone},
};
use ratatui::{buffer::Buffer, layout::Rect};
use std::time::Duration;
use tokio::time::timeout;

/// The source is looked at again after this long, in milliseconds.
pub const LOOK_INTERVAL_MS: u64 = 500;
const SUSPENDED: &str = "wardwatch is suspended. `fg` brings it back.";

/// Shows a desk until the person leaves; then the terminal is given back.
///
/// `look` reads the source: the contents, if they are others than last time or if that is `forced`. `draw` writes the desk
/// into a frame.
///
/// # Errors
/// If the terminal fails in another way than by being gone.
pub async fn run_desk(
    mut console: Console,
    look: impl FnMut(bool) -> Option<Contents>,
    draw: impl FnMut(&Desk, Rect, &mut Buffer),
) -> Result<Ending, RunError> {
    let (columns, rows) = console.control.size();
    let mut runner = DeskRunner {
        desk: Desk::default(),
        look,
        draw,
        painter: Painter::new(),
        frame: Buffer::empty(Rect::new(0, 0, columns, rows)),
    };
    runner.look(true);
    let ended = runner.until_end(&mut console).await;
    console.control.restore();
    console.input.close();
    ended
}

struct DeskRunner<L, D> {
    desk: Desk,
    look: L,
    draw: D,
    painter: Painter,
    frame: Buffer,
}

/// What a turn of the loop begins with.
enum Happened {
    Signal(Option<Signal>),
    Input(Option<Input>),
    Time,
}

impl<L: FnMut(bool) -> Option<Contents>, D: FnMut(&Desk, Rect, &mut Buffer)> DeskRunner<L, D> {
    async fn until_end(&mut self, console: &mut Console) -> Result<Ending, RunError> {
        let mut looks = tokio::time::interval(Duration::from_millis(LOOK_INTERVAL_MS));
        loop {
            match self.paint(console).await {
                Ok(()) => {}
                Err(e) if terminal_is_gone(&e) => return Ok(Ending::TerminalGone),
                Err(e) => return Err(RunError::Write(e)),
            }
            let happened = tokio::select! {
                biased;
                signal = console.signals.recv() => Happened::Signal(signal),
                input = console.input.recv() => Happened::Input(input),
                _ = looks.tick() => Happened::Time,
            };
            match happened {
                Happened::Signal(None) => return Ok(Ending::Failed),
                Happened::Signal(Some(Signal::Quit(name))) => return Ok(Ending::Signal(name)),
                Happened::Signal(Some(Signal::Suspend)) => self.suspend(console).await?,
                Happened::Signal(Some(Signal::Continued)) => {
                    console.control.restore();
                    self.resume(console)?;
                }
                Happened::Input(None) => return Ok(Ending::TerminalGone),
                Happened::Input(Some(input)) => match self.input(&input) {
                    Wish::Draw => {}
                    Wish::Repaint => self.painter.invalidate(),
                    Wish::Look => self.look(true),
                    Wish::Suspend => self.suspend(console).await?,
                    Wish::Leave => return Ok(Ending::Asked),
                },
                Happened::Time if console.control.is_gone() => return Ok(Ending::TerminalGone),
                Happened::Time if !console.control.is_taken() => return Ok(Ending::Failed),
                Happened::Time => self.look(false),
            }
        }
    }

    fn look(&mut self, forced: bool) {
        if let Some(contents) = (self.look)(forced) {
            self.desk.load(contents);
        }
    }

    fn input(&mut self, input: &Input) -> Wish {
        if let Input::Resize { columns, rows } = *input {
            self.frame = Buffer::empty(Rect::new(0, 0, columns, rows));
            self.painter.invalidate();
        }
        self.desk.input(input)
    }

    /// Draws, and waits until the terminal has it: nothing here is urgent.
    async fn paint(&mut self, console: &mut Console) -> std::io::Result<()> {
        self.frame.reset();
        (self.draw)(&self.desk, self.frame.area, &mut self.frame);
        let mut bytes = Vec::new();
        self.painter.paint(&self.frame, &mut bytes);
        if bytes.is_empty() {
            return Ok(());
        }
        // Refused only if the thread that writes has ended.
        console.output.begin(bytes).map_err(|_| std::io::Error::from(std::io::ErrorKind::BrokenPipe))?;
        console.output.done().await.map(drop)
    }

    async fn suspend(&mut self, console: &mut Console) -> Result<(), RunError> {
        if !console.control.can_stop() {
            return Ok(());
        }
        if console.output.is_busy() {
            drop(timeout(Duration::from_millis(LAST_FRAME_TIMEOUT_MS), console.output.done()).await);
        }
        console.control.restore();
        while console.signals.try_recv().is_ok() {}
        console.control.stop(SUSPENDED);
        while let Some(Signal::Suspend) = console.signals.recv().await {}
        self.resume(console)
    }

    fn resume(&mut self, console: &mut Console) -> Result<(), RunError> {
        console.control.enter().map_err(RunError::Enter)?;
        let (columns, rows) = console.control.size();
        self.input(&Input::Resize { columns, rows });
        self.look(true);
        Ok(())
    }
}
