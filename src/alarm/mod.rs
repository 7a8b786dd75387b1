//! Alarm limits, delays, hysteresis and the states of an alert.
//!
//! Pure state machines: time is an argument, nothing is read or written. `engine` feeds them and turns their answers
//! into events. IO, clocks and clinical scores live elsewhere.

pub mod clock;
pub mod episode;
pub mod escalation;
pub mod limits;
pub mod machine;
pub mod pause;
pub mod profile;
mod resting;
pub mod suggest;
pub mod technical;
pub mod transitions;

pub use clock::{ClockBounds, ClockMachine, ClockOutcome};
pub use episode::Transition;
pub use escalation::ResponsePolicy;
pub use limits::{Authority, GuardBand, Reach};
pub use machine::{LimitMachine, Outcome, Violation};
pub use profile::{ProfileError, ProfilePatch, Profiles};
pub use technical::{TechnicalMachine, TechnicalOutcome};
