//! Sending messages about alerts: from the journal to the channels, and what became of them back into the journal.
//!
//! The journal is the queue. One thread, the desk, follows the journal of each ward, writes a letter for every channel and
//! everybody who is asked, and hands it to the channel's own thread, which sends and tries again. What became of a letter
//! is an event. After a start the desk looks at the last [`WINDOW`] of the journal: what has no end there is sent again,
//! so that a letter may come twice but none is lost by a stop. While the store cannot record, letters go out all the same,
//! from the news that watchers get.

mod build;
mod desk;
mod links;
mod plan;
mod privacy;
mod state;
mod worker;

pub use build::build;
pub use desk::{Desk, WINDOW};
pub use links::Links;
pub use plan::test_letter;
pub use privacy::privacy_faults;
pub use state::{ChannelState, NotifyState};
