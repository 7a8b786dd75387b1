//! Ways out: messages about alerts to people who do not look at a screen.
//!
//! What to say ([`Letter`]), when to try again ([`Outbox`]), and how to send ([`Channel`]: a signed webhook, a command, an
//! e-mail). What to say and when to try is pure; channels block their thread and know of no alert. Here no alert is judged
//! and nobody is chosen: the engine says who is asked. Called by `backend`.

mod command;
mod email;
mod letter;
mod link;
mod outbox;
mod render;
mod secret;
mod webhook;

pub use command::{CommandChannel, CommandParts};
pub use email::{EmailChannel, EmailParts, EmailTls};
pub use letter::{Content, Letter, LetterId, Purpose, Recipient, Told};
pub use link::{AckLink, LINK_KEY_BYTES, LinkError, LinkKey};
pub use outbox::{OUTBOX_MAX, Outbox, Parcel, Retry};
pub use render::{CLOUD_EVENT_TYPE, EMERGENCY_EVENT_TYPE, bed_words, cloud_event, subject, text};
pub use secret::{SECRET_MIN_BYTES, SecretError, WebhookSecret, read_secret};
pub use webhook::{WebhookChannel, WebhookParts};

/// Why a letter was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It may be delivered later.
    #[error("{0}")]
    Later(String),
    /// It will not be delivered however often it is tried.
    #[error("{0}")]
    Never(String),
}

/// Why a channel cannot be made of what the configuration says.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ChannelError(pub String);

/// A way out. It blocks its thread until the next system has taken a letter over or not, for a bounded time.
pub trait Channel: Send {
    /// Hands one letter over.
    ///
    /// # Errors
    /// If the next system did not take it.
    fn send(&self, letter: &Letter) -> Result<(), SendError>;
}
