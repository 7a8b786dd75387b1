//! Where a vital is heading, as far as its last hour tells.
//!
//! Pure arithmetic on series: no clock, no IO, and no alert ever comes of it. Called by `analysis` and `tui`.

mod trend;

pub use trend::{POINTS_MIN, SPAN_MIN, Slope, TrendArrow, TrendDirection, WINDOW, arrow, relevant_step, theil_sen};
