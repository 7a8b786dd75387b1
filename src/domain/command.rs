//! What people ask the engine to do, and why it may say no.

use super::{
    Actor, AlertId, Assignment, Basis, Bed, BedId, Category, CensusError, ChartEntry, ChartError, CloseReason, Device,
    DeviceId, EncounterId, Expiry, HandoverError, HandoverExtent, HandoverId, LimitScope, LimitsChange, LimitsError,
    LoginName, Millis, Patient, PatientId, PauseId, PauseKind, PauseScope, PersonName, Remark, RotaError, Shift,
    Timestamp, VitalCode,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a person asks the engine of one ward to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Acknowledge an alert. Compare-and-set: it holds only for the transition that the person has seen.
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
    /// Let a device measure a patient from `at` on, whomever it measured before.
    MoveDevice {
        /// The device.
        device: DeviceId,
        /// The patient it measures from then on.
        patient: PatientId,
        /// When.
        at: Timestamp,
    },
    /// Reset an alert whose signal is latched. Compare-and-set.
    Reset {
        /// The alert.
        alert: AlertId,
        /// The transition that the person has seen.
        transition: u32,
        /// What was found.
        reason: Remark,
    },
    /// Take an alert on: no further people are asked; the signal stays until it is acknowledged. Compare-and-set.
    Accept {
        /// The alert.
        alert: AlertId,
        /// The transition that the person has seen.
        transition: u32,
    },
    /// Say that one cannot come: the next level is asked at once. Compare-and-set.
    Decline {
        /// The alert.
        alert: AlertId,
        /// The transition that the person has seen.
        transition: u32,
        /// Why.
        reason: Remark,
    },
    /// Give an alert to another person, who has to accept it. Compare-and-set.
    HandOverAlert {
        /// The alert.
        alert: AlertId,
        /// The transition that the person has seen.
        transition: u32,
        /// To whom.
        to: LoginName,
    },
    /// Say something about an alert, for the others to see.
    Comment {
        /// The alert.
        alert: AlertId,
        /// The words.
        text: Remark,
    },
    /// Make alerts quiet for a while.
    Pause {
        /// How quiet.
        kind: PauseKind,
        /// What about.
        #[serde(flatten)]
        scope: PauseScope,
        /// For how long.
        #[serde(rename = "for_ms")]
        span: Millis,
        /// Why; wanted by all but a pause of sound.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Remark>,
        /// Whether an alarm that is switched off is off for high alerts too: a second person has to confirm it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        include_high: bool,
    },
    /// Confirm, as a second person, a pause that waits for one.
    ConfirmPause {
        /// The pause.
        pause: PauseId,
    },
    /// End a pause.
    EndPause {
        /// The pause.
        pause: PauseId,
    },
    /// Move a patient to another bed of the ward; alerts, limits and devices go along.
    Transfer {
        /// The patient.
        patient: PatientId,
        /// The new bed.
        bed: BedId,
    },
    /// Enter what was observed or decided at the bed.
    Chart {
        /// The patient.
        patient: PatientId,
        /// What.
        #[serde(flatten)]
        entry: ChartEntry,
    },
    /// Set who is on duty, all shifts at once.
    SetRota {
        /// The shifts.
        shifts: Vec<Shift>,
    },
    /// Add one shift.
    AddShift {
        /// The shift.
        shift: Shift,
    },
    /// Take one shift out.
    RemoveShift {
        /// The shift.
        shift: Shift,
    },
    /// Change the limits of one vital. What the change does not name stays as an earlier change has it.
    SetLimits {
        /// Whose.
        #[serde(flatten)]
        scope: LimitScope,
        /// The vital.
        vital: VitalCode,
        /// What is to be different.
        change: LimitsChange,
        /// Why.
        reason: Remark,
        /// For how long.
        #[serde(flatten)]
        expires: Expiry,
        /// Where the change comes from.
        #[serde(default, skip_serializing_if = "Basis::is_chosen")]
        basis: Basis,
    },
    /// Change the limits of several vitals: all of them, or none if one of them may not be.
    SetSeveralLimits {
        /// Whose.
        #[serde(flatten)]
        scope: LimitScope,
        /// What is to be different, by vital.
        changes: BTreeMap<VitalCode, LimitsChange>,
        /// Why.
        reason: Remark,
        /// For how long.
        #[serde(flatten)]
        expires: Expiry,
        /// Where the changes come from.
        #[serde(default, skip_serializing_if = "Basis::is_chosen")]
        basis: Basis,
    },
    /// Take changed limits back.
    ResetLimits {
        /// Whose.
        #[serde(flatten)]
        scope: LimitScope,
        /// Of which vital; of all if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vital: Option<VitalCode>,
        /// Why.
        reason: Remark,
    },
    /// Say that a patient is of another category: limits and scores follow it, changed limits are taken back.
    SetCategory {
        /// The patient.
        patient: PatientId,
        /// The category.
        category: Category,
    },
    /// Describe a patient anew, as the hospital's own system does.
    Describe {
        /// The patient.
        patient: PatientId,
        /// The name now.
        name: PersonName,
        /// The year of birth now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        birth_year: Option<i32>,
    },
    /// Offer patients to another person, and sign. An offer ends by itself.
    OfferHandover {
        /// To whom.
        to: LoginName,
        /// Whom. Of a ward, those besides the giver's own and those whom nobody owns.
        #[serde(default)]
        patients: Vec<PatientId>,
        /// What becomes of the others.
        #[serde(default)]
        extent: HandoverExtent,
        /// What the giver says besides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Remark>,
    },
    /// Take the patients that one is offered, and sign.
    AcceptHandover {
        /// Which offer.
        handover: HandoverId,
    },
    /// Not take them.
    DeclineHandover {
        /// Which offer.
        handover: HandoverId,
        /// Why.
        reason: Remark,
    },
    /// Take an offer back.
    WithdrawHandover {
        /// Which.
        handover: HandoverId,
    },
}

impl Command {
    /// The patient it is about, if it names one.
    #[must_use]
    pub const fn patient(&self) -> Option<&PatientId> {
        match self {
            Self::Admit { patient, .. } => Some(&patient.id),
            Self::Discharge { patient, .. }
            | Self::Transfer { patient, .. }
            | Self::Chart { patient, .. }
            | Self::SetCategory { patient, .. }
            | Self::MoveDevice { patient, .. }
            | Self::Describe { patient, .. } => Some(patient),
            Self::SetLimits { scope, .. } | Self::SetSeveralLimits { scope, .. } | Self::ResetLimits { scope, .. } => {
                scope.patient()
            }
            Self::Assign { assignment } => Some(&assignment.patient),
            Self::Pause { scope, .. } => scope.patient(),
            Self::Acknowledge { .. }
            | Self::Reset { .. }
            | Self::Accept { .. }
            | Self::Decline { .. }
            | Self::HandOverAlert { .. }
            | Self::Comment { .. }
            | Self::ConfirmPause { .. }
            | Self::EndPause { .. }
            | Self::SetRota { .. }
            | Self::AddShift { .. }
            | Self::RemoveShift { .. }
            | Self::SetBed { .. }
            | Self::SetDevice { .. }
            | Self::Unassign { .. }
            | Self::OfferHandover { .. }
            | Self::AcceptHandover { .. }
            | Self::DeclineHandover { .. }
            | Self::WithdrawHandover { .. } => None,
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
    /// Somebody has reset it: it is over.
    #[error("alert {alert} has been reset by {}", owner.label())]
    AlreadyReset {
        /// The alert.
        alert: AlertId,
        /// Who.
        owner: Actor,
    },
    /// It does not fit who is where.
    #[error(transparent)]
    Census(#[from] CensusError),
    /// The signal is latched: what was found has to be said.
    #[error("alert {alert} is over and latched: reset it with a few words of what you found")]
    ReasonWanted {
        /// The alert.
        alert: AlertId,
    },
    /// The signal is not latched.
    #[error("alert {alert} is not latched: acknowledge it")]
    NotLatched {
        /// The alert.
        alert: AlertId,
    },
    /// A named person deals with it already.
    #[error("{} deals with alert {alert} already", owner.label())]
    AlreadyAccepted {
        /// The alert.
        alert: AlertId,
        /// Who.
        owner: Actor,
    },
    /// Only who deals with it, or was asked, can give it away.
    #[error("{} deals with alert {alert}: only that person can hand it over", owner.label())]
    NotYours {
        /// The alert.
        alert: AlertId,
        /// Who.
        owner: Actor,
    },
    /// A pause that may not be.
    #[error(transparent)]
    Pause(#[from] PauseError),
    /// Not a rota.
    #[error(transparent)]
    Rota(#[from] RotaError),
    /// An entry that cannot be.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// Limits that may not be.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// Patients that are not handed over.
    #[error(transparent)]
    Handover(#[from] HandoverError),
}

/// Why alerts are not made quiet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "pause_refused", rename_all = "snake_case")]
pub enum PauseError {
    /// The kind does not go with the scope.
    #[error("{} is not offered for that: {}", kind.words(), wanted)]
    Scope {
        /// The kind.
        kind: PauseKind,
        /// What would be.
        wanted: String,
    },
    /// Too long or too short.
    #[error("{} lasts at least 1 s and at most {} min", kind.words(), longest_ms.as_secs() / 60)]
    Span {
        /// The kind.
        kind: PauseKind,
        /// The longest.
        longest_ms: Millis,
    },
    /// Words are wanted.
    #[error("{} wants a reason", kind.words())]
    ReasonWanted {
        /// The kind.
        kind: PauseKind,
    },
    /// The alert is high.
    #[error("a high alert is never snoozed: acknowledge it, or pause its sound")]
    High,
    /// A high alert of the patient is not answered.
    #[error("a high alert of the patient is not answered: acknowledge it first, then set standby")]
    HighUnanswered,
    /// No such pause.
    #[error("pause {pause} is over or never was")]
    Unknown {
        /// The pause.
        pause: PauseId,
    },
    /// It does not wait for anybody.
    #[error("pause {pause} waits for nobody")]
    NotWaiting {
        /// The pause.
        pause: PauseId,
    },
    /// The same person cannot be the second one.
    #[error("a second person has to confirm it: you asked for it yourself")]
    SamePerson,
    /// Too many pauses.
    #[error("at most {most} pauses at once on a ward: end some first")]
    TooMany {
        /// How many there may be.
        most: usize,
    },
}
