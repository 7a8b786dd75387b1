//! The two encodings: JSON in text frames, MessagePack in binary frames.

use serde::{Serialize, de::DeserializeOwned};

/// Longest message of a device or gateway, in bytes.
pub const MESSAGE_MAX_BYTES: usize = 256 * 1024;
/// Longest message of a terminal, in bytes.
pub const TERMINAL_MESSAGE_MAX_BYTES: usize = 64 * 1024;

/// How messages are written; chosen by the websocket subprotocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `wardwatch.v1.json`
    Json,
    /// `wardwatch.v1.msgpack`
    MessagePack,
}

/// A message that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Not the JSON of a message.
    #[error("the message is not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// Not the MessagePack of a message.
    #[error("the message is not understood: {0}")]
    Read(#[from] rmp_serde::decode::Error),
    /// Cannot be written.
    #[error("the message cannot be written: {0}")]
    Write(#[from] rmp_serde::encode::Error),
}

impl Encoding {
    /// Both, the preferred one first.
    pub const ALL: [Self; 2] = [Self::MessagePack, Self::Json];

    /// The websocket subprotocol.
    #[must_use]
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "wardwatch.v1.json",
            Self::MessagePack => "wardwatch.v1.msgpack",
        }
    }

    /// The encoding of a subprotocol.
    #[must_use]
    pub fn of_subprotocol(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.subprotocol() == name)
    }

    /// Writes a message.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write<T: Serialize>(self, message: &T) -> Result<Vec<u8>, CodecError> {
        Ok(match self {
            Self::Json => serde_json::to_vec(message)?,
            Self::MessagePack => rmp_serde::to_vec_named(message)?,
        })
    }

    /// Reads a message.
    ///
    /// # Errors
    /// If the bytes are no message.
    pub fn read<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, CodecError> {
        Ok(match self {
            Self::Json => serde_json::from_slice(bytes)?,
            Self::MessagePack => rmp_serde::from_slice(bytes)?,
        })
    }
}
