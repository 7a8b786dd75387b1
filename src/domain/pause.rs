//! Inactivation of alert signals: what is quiet, for whom, and until when.
//!
//! Source: IEC 60601-1-8 (audio paused, audio off, alarm paused, alarm off). Every one of them has an end here: there is
//! no unbounded silence.

use super::{Actor, ConditionCode, Millis, PatientId, Priority, Remark, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A pause, numbered densely within its ward from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PauseId(pub u64);

impl fmt::Display for PauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How signals are inactivated. Greater is quieter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseKind {
    /// No sound for minutes; what is new or becomes worse sounds. The alert stays in sight.
    AudioPaused,
    /// No sound until its end, with a reminder; what is new or becomes worse sounds.
    AudioOff,
    /// No signal for a while: a procedure at the bed, or one condition snoozed. A high alert breaks through.
    AlarmPaused,
    /// One condition gives no signal until its end, with a mark and a reminder.
    AlarmOff,
    /// The patient is away from the monitor: no signal until data come back.
    Standby,
}

impl PauseKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::AudioPaused, Self::AudioOff, Self::AlarmPaused, Self::AlarmOff, Self::Standby];

    /// The name as messages use it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AudioPaused => "audio_paused",
            Self::AudioOff => "audio_off",
            Self::AlarmPaused => "alarm_paused",
            Self::AlarmOff => "alarm_off",
            Self::Standby => "standby",
        }
    }

    /// The same in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::AudioPaused => "sound paused",
            Self::AudioOff => "sound off",
            Self::AlarmPaused => "paused",
            Self::AlarmOff => "alarm off",
            Self::Standby => "standby",
        }
    }

    /// Whether it takes away the sound alone and leaves the alert in sight.
    #[must_use]
    pub const fn is_audio(self) -> bool {
        matches!(self, Self::AudioPaused | Self::AudioOff)
    }

    /// How often people are reminded of it, if at all.
    #[must_use]
    pub const fn reminder(self) -> Option<Millis> {
        match self {
            Self::AudioOff | Self::AlarmOff => Some(PAUSE_REMINDER),
            _ => None,
        }
    }
}

/// People are reminded of a sound or an alarm that is off this often.
pub const PAUSE_REMINDER: Millis = Millis::from_mins(30);

/// What a pause is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum PauseScope {
    /// One condition of one patient: a snooze. `spo2.high` leaves `spo2.low` armed.
    Condition {
        /// The patient.
        patient: PatientId,
        /// The condition.
        code: ConditionCode,
    },
    /// All alerts of one patient.
    Patient {
        /// The patient.
        patient: PatientId,
    },
    /// All alerts of the ward; the sound alone, and for minutes.
    Ward,
}

impl PauseScope {
    /// The patient, if it is about one.
    #[must_use]
    pub const fn patient(&self) -> Option<&PatientId> {
        match self {
            Self::Condition { patient, .. } | Self::Patient { patient } => Some(patient),
            Self::Ward => None,
        }
    }
}

/// A pause that somebody set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Number within the ward.
    pub id: PauseId,
    /// How quiet.
    pub kind: PauseKind,
    /// What about.
    #[serde(flatten)]
    pub scope: PauseScope,
    /// When it was set.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// Who set it.
    pub by: Actor,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Remark>,
    /// The highest priority that it makes quiet; what is higher breaks through.
    pub covers: Priority,
    /// Of the announcements of the ward, the last that it makes quiet if it takes away sound: what is new or becomes
    /// worse is announced later, and sounds.
    pub announced: u64,
    /// Who confirmed it, where a second person is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<Actor>,
    /// How long it will last from when a second person confirms it; until then it makes nothing quiet.
    #[serde(default, rename = "waits_to_last_ms", skip_serializing_if = "Option::is_none")]
    pub waits_to_last: Option<Millis>,
}

/// Why a pause is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum PauseEnd {
    /// Its time was over.
    Expired,
    /// A person ended it.
    Cancelled {
        /// Who.
        by: Actor,
    },
    /// Another pause of the same scope took its place.
    Replaced,
    /// The patient left.
    Discharged,
    /// Data came back from the patient in standby.
    Resumed,
    /// The snoozed condition became worse.
    Worsened,
}

/// In what state of inactivation the signal of an alert is (ISO/IEEE 11073-10207, IHE ACM `MDC_ATTR_ALARM_INACTIVATION_STATE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Inactivation {
    /// Not inactivated.
    #[default]
    Enabled,
    /// Inactivated by a pause.
    Paused {
        /// How.
        kind: PauseKind,
        /// Which pause.
        pause: PauseId,
        /// When it ends by itself.
        until: Timestamp,
    },
}

impl Inactivation {
    /// Whether it is not inactivated.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        matches!(self, Self::Enabled)
    }

    /// The kind of pause, if there is one.
    #[must_use]
    pub const fn kind(&self) -> Option<PauseKind> {
        match self {
            Self::Enabled => None,
            Self::Paused { kind, .. } => Some(*kind),
        }
    }

    /// Whether no signal is given at all, not even to the eye.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.kind().is_some_and(|kind| !kind.is_audio())
    }
}
