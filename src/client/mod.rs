//! The websocket client: signs in, subscribes, goes on by sequence number after a cut, and tells what it hears.
//!
//! It draws nothing and keeps no view of the ward: whoever uses it folds the events into a
//! [`crate::protocol::WardView`]. Used by `tui`, by the headless commands, by live replay and by tests.

mod delay;
mod endpoint;
mod event;
mod hashes;
mod http;
mod known;
mod link;
mod once;
mod sender;
mod token_file;
mod trail;
mod trust;
mod wire;
mod witness;

pub use delay::{Delays, RECONNECT_DELAY_MAX_MS, RECONNECT_DELAY_MIN_MS};
pub use endpoint::{Endpoint, EndpointError};
pub use event::{ClientEvent, ClientRequest, Hello};
pub use hashes::HashesError;
pub use http::{
    EnrolAnswer, HttpError, LoginAnswer, NewFactor, SECOND_FACTOR, approvals, approve, begin_factor, confirm_factor,
    end_approval, end_session, enrol, get, login, logout, remove_factor, sessions, step_up,
};
pub use known::{Known, KnownError, KnownServers};
pub use link::{Emergency, LINK_QUEUE_CAPACITY, LINK_SILENT_MS, LinkOptions, start};
pub use once::{ONCE_TIMEOUT_MS, Once, OnceError};
pub use sender::{SendError, Sender};
pub use token_file::read_token_file;
pub use trail::{TrailMemory, TrailStanding};
pub use trust::{Trust, TrustError};
pub use wire::{ConnectError, Wire, connect, look};
pub use witness::{Witness, WitnessError, WitnessParts};
