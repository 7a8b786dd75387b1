//! What people ask the engine to do, and why it may say no.

use super::{
    Actor, AlertId, Assignment, Bed, BedId, CensusError, CloseReason, Device, DeviceId, EncounterId, Patient,
    PatientId, Timestamp,
};
use serde::{Deserialize, Serialize};

/// What a person asks the engine of one ward to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Acknowledge an alert, or reset it if its signal is latched. Compare-and-set: it holds only for the transition
    /// that the person has seen.
    Acknowledge {
        /// The alert.
        alert: AlertId,
        /// The transition that the person has seen.
        transition: u32,
    },
    /// Add a bed or change its label.
    SetBed {
        /// The bed.
        bed: Bed,
    },
    /// Admit a patient to a free bed.
    Admit {
        /// The patient.
        patient: Patient,
        /// The bed.
        bed: BedId,
        /// The stay.
        encounter: EncounterId,
    },
    /// Discharge a patient: the bed becomes free, devices are taken away, alerts are closed.
    Discharge {
        /// The patient.
        patient: PatientId,
        /// Why.
        reason: CloseReason,
    },
    /// Add a device or change its name, gateway or intervals.
    SetDevice {
        /// The device.
        device: Device,
    },
    /// Let a device measure a patient from `start` on.
    Assign {
        /// The assignment; `end` is absent while it lasts.
        assignment: Assignment,
    },
    /// Take a device from its patient.
    Unassign {
        /// The device.
        device: DeviceId,
        /// When its readings stopped being the patient's.
        end: Timestamp,
    },
}

impl Command {
    /// The patient it is about, if it names one.
    #[must_use]
    pub const fn patient(&self) -> Option<&PatientId> {
        match self {
            Self::Admit { patient, .. } => Some(&patient.id),
            Self::Discharge { patient, .. } => Some(patient),
            Self::Assign { assignment } => Some(&assignment.patient),
            Self::Acknowledge { .. } | Self::SetBed { .. } | Self::SetDevice { .. } | Self::Unassign { .. } => None,
        }
    }
}

/// Why the engine did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refused", rename_all = "snake_case")]
pub enum Refusal {
    /// There is no such open alert.
    #[error("alert {alert} is not open: it has ended or never was")]
    NotOpen {
        /// The alert.
        alert: AlertId,
    },
    /// The alert has moved on since the person saw it.
    #[error("alert {alert} has changed since you saw it: look again")]
    Changed {
        /// The alert.
        alert: AlertId,
        /// The transition that it has reached.
        transition: u32,
        /// Who deals with it now, if anybody.
        owner: Option<Actor>,
    },
    /// Somebody has acknowledged it.
    #[error("alert {alert} has been acknowledged by {}", owner.label())]
    AlreadyAcknowledged {
        /// The alert.
        alert: AlertId,
        /// Who.
        owner: Actor,
    },
    /// It does not fit who is where.
    #[error(transparent)]
    Census(#[from] CensusError),
}
