//! What the screen is told, and what it asks for.

use super::input::Input;
use crate::{
    access::Secret,
    client::{ClientEvent, ClientRequest},
};

/// What the screen is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Something came from the terminal.
    Input(Input),
    /// Something came from the server, or the link to it changed.
    Client(Box<ClientEvent>),
    /// The login that was asked for is done; the link is being made.
    SignedIn {
        /// Login name as the server has it.
        user: String,
    },
    /// The login that was asked for failed.
    SignInFailed {
        /// Why, for people.
        why: String,
    },
    /// Something that was asked of the server could not even be handed over: the link takes nothing.
    NotSent {
        /// The request's id; `None` for one that has none.
        id: Option<u64>,
    },
    /// The program was asleep: it was suspended for this long, and alerts could not sound.
    Resumed {
        /// In milliseconds.
        after_ms: i64,
    },
    /// Time has passed.
    Tick,
}

/// What the screen asks for.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Something of the server.
    Send(ClientRequest),
    /// A login; answered by [`Event::SignedIn`] or [`Event::SignInFailed`].
    SignIn {
        /// Login name as typed.
        user: String,
        /// Passphrase as typed.
        passphrase: Secret,
    },
    /// The terminal's bell.
    Bell,
    /// The whole screen anew: something else wrote on it.
    Repaint,
    /// The end of the program.
    Quit,
}
