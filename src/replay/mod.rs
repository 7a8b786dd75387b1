//! Recordings, real and simulated, played through the engine: for tests, for demonstrations, for what-if runs.
//!
//! Here a path becomes a [`Recording`] (a scenario, a CSV file or a folder of them), a simulator draws what a scenario
//! describes, and the offline run feeds a recording to an engine alone and compares what came with what was expected.
//! A recording knows no clock: its samples carry their own times. No clinical rule lives here, and no socket in the
//! offline part. Called by `cli`.

pub mod episodes;
pub mod expect;
pub mod live;
pub mod load;
pub mod offline;
pub mod plan;
pub mod recording;
pub mod report;
pub mod scenario;
pub mod script;
pub mod simulate;
pub mod summary;
pub mod watch;
pub mod write;

pub use episodes::{Episode, Episodes, Onset};
pub use expect::{Expectations, Verdict};
pub use load::{Options, ReplayError, load, load_text};
pub use offline::{Outcome, Progress, run};
pub use plan::{Placement, Plan};
pub use recording::{Recording, Sample};
pub use summary::Summary;

#[cfg(test)]
mod tests;
