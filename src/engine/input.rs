//! What goes into the engine.

use crate::domain::{
    Actor, Command, DeviceId, EmergencyOpened, Lapse, LimitsSaid, Millis, Notice, Observation, PatientId, Percent,
    Refusal, ReportedAlert, Timestamp, Unfit, VitalCode, Ward, system::FaultReport,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One input of the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The engine begins, or begins anew after a stop.
    Start {
        /// The ward.
        ward: Ward,
    },
    /// The ward has another name or time zone.
    WardChanged {
        /// The ward.
        ward: Ward,
    },
    /// One value of one vital.
    Observation(Observation),
    /// What a person asks for.
    Command {
        /// What.
        command: Command,
        /// Who.
        by: Actor,
    },
    /// The intake refused data of a device in a way that people must know of.
    IntakeFault(IntakeFault),
    /// A stored value was replaced by a correction.
    Corrected(Correction),
    /// A fault of the system itself began or ended.
    Fault(FaultReport),
    /// The wall clock stepped against the monotonic clock.
    ClockStepped {
        /// By how much; negative is back.
        by_ms: Millis,
    },
    /// A message about an alert was sent out, could not be, or was read or answered.
    Notified(Notice),
    /// Somebody of another ward opened a patient in an emergency.
    EmergencyOpened {
        /// The patient.
        patient: PatientId,
        /// Which emergency.
        opened: EmergencyOpened,
    },
    /// A gateway that is lost was heard: a message came from it, whatever was in it.
    Heard {
        /// The gateway.
        device: DeviceId,
    },
    /// Devices are gone, or messages of them are missing: their gateway says so, or its protocol.
    Lapsed {
        /// The devices.
        devices: Vec<DeviceId>,
        /// Which of the two.
        lapse: Lapse,
    },
    /// A device says something of an alert of its own.
    Said {
        /// The patient whom it measured then.
        patient: PatientId,
        /// The device.
        device: DeviceId,
        /// What it says; its time is engine time.
        said: Box<ReportedAlert>,
    },
    /// A device says by which limits it alarms itself.
    LimitsSaid {
        /// The patient whom it measures.
        patient: PatientId,
        /// The vital.
        vital: VitalCode,
        /// Which device, and what it says.
        said: LimitsSaid,
    },
    /// A first terminal watches the ward, or the last one is gone.
    Watched {
        /// Whether any terminal watches it.
        watched: bool,
    },
    /// What a person asks for cannot be, by what the engine does not know: accounts.
    Refused {
        /// What.
        command: Command,
        /// Why not.
        refusal: Refusal,
        /// Who.
        by: Actor,
    },
    /// Who of the rota cannot have a duty at present has changed.
    Unfit {
        /// All of them.
        unfit: BTreeSet<Unfit>,
    },
    /// Nothing but time.
    Tick,
}

/// Data of a device that were refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum IntakeFault {
    /// Another value for a device, vital and time that has one already.
    Conflict {
        /// The device.
        device: DeviceId,
        /// The vital.
        vital: VitalCode,
        /// The time of both values.
        observed_at: Timestamp,
        /// The value that is kept.
        stored: f64,
        /// The value that is refused.
        refused: f64,
    },
    /// The message names a patient to whom the device does not belong at that time.
    WrongPatient {
        /// The device.
        device: DeviceId,
        /// Whom the message names.
        named: PatientId,
        /// The time of the value.
        observed_at: Timestamp,
    },
    /// A device said how full its battery is, or that it does not know.
    Battery {
        /// The device.
        device: DeviceId,
        /// How full, if it knows.
        percent: Option<Percent>,
    },
    /// The time of a value is so far ahead that it was refused.
    ClockAhead {
        /// The device.
        device: DeviceId,
        /// The time of the value, in engine time.
        observed_at: Timestamp,
    },
}

/// A stored value that was replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// The patient.
    pub patient: PatientId,
    /// The device.
    pub device: DeviceId,
    /// The vital.
    pub vital: VitalCode,
    /// The time of the value.
    pub observed_at: Timestamp,
    /// The value before.
    pub old: f64,
    /// The value now.
    pub new: f64,
}
