//! The only place that knows a real terminal: raw mode and alternate screen, its keys, its colours, its bytes.
//!
//! `paint` turns frames into few bytes, `output` writes them without making the loop wait, `input` reads keys, `guard`
//! takes the terminal and gives it back, `depth` says what it can show. Nothing here knows the ward. Called by `run`.

mod cell;
mod depth;
mod paint;
mod sgr;

pub use depth::{ColorDepth, ColorFlag, ColorFlagError, Glyphs, color_depth, glyphs};
pub use paint::{Painter, SYNC_CELLS};
