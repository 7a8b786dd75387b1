//! What a decoder makes of an input.

use crate::{
    domain::{DeviceId, Millis, PatientId, Timestamp, VitalCode},
    protocol::Rejection,
};
use std::sync::Arc;

/// One value as a device sent it, before it is known whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The device that measured.
    pub device: DeviceId,
    /// The patient that the message names; to be checked, never believed.
    pub named_patient: Option<PatientId>,
    /// What was measured.
    pub vital: VitalCode,
    /// The value: finite and physically possible.
    pub value: f64,
    /// The value as written, where that says more.
    pub text: Option<Arc<str>>,
    /// When it was measured.
    pub observed_at: Timestamp,
    /// Whether it replaces an earlier value.
    pub correction: bool,
    /// The stated sampling interval.
    pub interval: Option<Millis>,
}

/// An input that could not be used, with what is kept of it as a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the sender is told.
    pub rejection: Rejection,
    /// The input, cut to [`Refused::PAYLOAD_MAX_BYTES`].
    pub payload: String,
    /// The device and its time, if that is why it was refused: it lies too far ahead.
    pub ahead: Option<(DeviceId, Timestamp)>,
}

impl Refused {
    /// Most bytes kept of an input that could not be used.
    pub const PAYLOAD_MAX_BYTES: usize = 4 * 1024;

    /// Keeps what fits of an input, at a character boundary.
    #[must_use]
    pub fn payload(raw: &[u8]) -> String {
        let cut = raw.get(..Self::PAYLOAD_MAX_BYTES).unwrap_or(raw);
        String::from_utf8_lossy(cut).into_owned()
    }
}
