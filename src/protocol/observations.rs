//! What devices send, and what they are told.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One observation as a device writes it. Only these fields; an unknown one is an error.
///
/// `value` is a JSON number, or the label of a coded vital (`"A"` for consciousness). The text of the number is kept.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireObservation<'a> {
    /// The device that measured; the sender itself if absent.
    #[serde(borrow, default)]
    pub device: Option<std::borrow::Cow<'a, str>>,
    /// The patient, if the sender knows; it is checked against the device's assignment, never believed.
    #[serde(borrow, default)]
    pub patient: Option<std::borrow::Cow<'a, str>>,
    /// The vital's code, such as `spo2`.
    #[serde(borrow)]
    pub vital: std::borrow::Cow<'a, str>,
    /// The value.
    #[serde(borrow)]
    pub value: &'a RawValue,
    /// The unit in UCUM or as screens show it; taken for the vital's own if absent.
    #[serde(borrow, default)]
    pub unit: Option<std::borrow::Cow<'a, str>>,
    /// When it was measured, RFC 3339 with an offset.
    #[serde(borrow)]
    pub observed_at: std::borrow::Cow<'a, str>,
    /// Whether it replaces an earlier value of the same device, vital and time.
    #[serde(default)]
    pub correction: bool,
    /// The sampling interval of this vital, in milliseconds.
    #[serde(default)]
    pub interval_ms: Option<u32>,
}

/// Why an observation was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectionCode {
    /// It is not the JSON of an observation.
    Malformed,
    /// No such vital.
    UnknownVital,
    /// No such device.
    UnknownDevice,
    /// The token may not send for the device.
    OtherDevice,
    /// The device measures nobody at that time.
    NotAssigned,
    /// The device measures another patient at that time than the one named.
    WrongPatient,
    /// The value is no number of the vital.
    NotANumber,
    /// The value cannot physically be.
    Impossible,
    /// The unit is not the vital's.
    WrongUnit,
    /// The time is not RFC 3339 with an offset.
    BadTime,
    /// The time lies in the future.
    InTheFuture,
    /// The time lies before all that is kept.
    TooOld,
    /// The sampling interval is none.
    BadInterval,
    /// Another value is stored for this device, vital and time.
    Conflict,
    /// There is no value that the correction could replace.
    NothingToCorrect,
    /// No template of the device mapping matches the message.
    Unmatched,
    /// A template of the device mapping failed on the message.
    Mapping,
}

/// One observation that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Which one, counted from 0.
    pub index: usize,
    /// Why, for programs.
    pub code: RejectionCode,
    /// Why, for people: what is wrong, where, and what to do.
    pub detail: String,
}

/// What became of the Observations of FHIR that a mapping made of the messages of one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservationsKept {
    /// New ones.
    #[serde(default, skip_serializing_if = "is_none")]
    pub created: usize,
    /// Those that were there and got a new version.
    #[serde(default, skip_serializing_if = "is_none")]
    pub updated: usize,
    /// Those that were there and said it all already.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unchanged: usize,
    /// Measurements that went into them or should have, for the server's own figures.
    #[serde(skip)]
    pub measurements: usize,
    /// Groups of values of which an Observation was made or should have been, for the server's own figures.
    #[serde(skip)]
    pub groups: usize,
}

impl ObservationsKept {
    /// Whether nothing is to be told.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.created == 0 && self.updated == 0 && self.unchanged == 0
    }
}

/// What became of the observations of one request. It is sent when everything that it says is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntakeReport {
    /// Stored now.
    pub accepted: usize,
    /// Stored before, with the same value.
    pub duplicate: usize,
    /// Not taken.
    pub rejected: usize,
    /// Of the accepted, how many came too late to change the present.
    pub late: usize,
    /// Values of a mapped message that are no vital of the site: no screen shows them.
    #[serde(default, skip_serializing_if = "is_none")]
    pub not_shown: usize,
    /// The Observations of FHIR that the mapping made of a message.
    #[serde(default, skip_serializing_if = "ObservationsKept::is_none")]
    pub fhir: ObservationsKept,
    /// The first of those not taken, at most [`IntakeReport::REJECTIONS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejections: Vec<Rejection>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_none(count: &usize) -> bool {
    *count == 0
}

impl IntakeReport {
    /// Most rejections that a report lists; all are counted.
    pub const REJECTIONS_MAX: usize = 100;

    /// Counts an observation that was not taken.
    pub fn reject(&mut self, rejection: Rejection) {
        self.rejected += 1;
        if self.rejections.len() < Self::REJECTIONS_MAX {
            self.rejections.push(rejection);
        }
    }
}
