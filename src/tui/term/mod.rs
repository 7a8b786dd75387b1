//! The only place that knows a real terminal: raw mode and alternate screen, its keys, its colours, its bytes.
//!
//! `paint` turns frames into few bytes, `output` writes them without making the loop wait, `input` reads keys, `signal`
//! hears the system, `guard` takes the terminal and gives it back, `depth` says what it can show; `console` is all of
//! them together. Nothing here knows the ward. Called by `run`.

mod cell;
mod console;
mod depth;
mod guard;
mod input;
mod output;
mod paint;
mod sgr;
mod signal;

pub use console::{Console, ConsoleError};
pub use depth::{ColorFlag, ColorFlagError, color_depth, glyphs};
pub use guard::{Control, Guard};
pub use input::{INPUT_QUEUE_CAPACITY, SCREEN_COLUMNS_MAX, SCREEN_ROWS_MAX};
pub use output::{Output, terminal_is_gone};
pub use paint::{Painter, SYNC_CELLS};
pub use signal::{SIGNAL_QUEUE_CAPACITY, Signal};
