//! The terminal screen: a pure core, views of its state, and the seams to a real terminal.
//!
//! `core` takes events and gives effects; `view` draws the state into a buffer of cells; `theme` gives each role its
//! look; `keymap` says what keys mean; `term` reads and writes a real terminal; `run` is the loop that ties them together.
//! `report` and `plain` say the same without a screen. No sockets here: the link is `client`'s. Called by `cli`.

pub mod core;
pub mod headless;
pub mod keymap;
pub mod plain;
pub mod report;
pub mod run;
pub mod term;
#[cfg(test)]
mod testing;
pub mod theme;
pub mod view;
pub mod words;
