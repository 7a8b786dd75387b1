//! The screen as a function of its state.
