//! The journal of a ward: what happened, in order.

use super::{
    Actor, Alert, AlertId, Assignment, Bed, BedId, Category, Cause, ChartEntry, CloseReason, Command, ConditionCode,
    Device, DeviceId, EmergencyOpened, EncounterId, Handover, HandoverEnd, HandoverId, LimitOverride, LimitScope,
    LimitsCause, LimitsSaid, Millis, NotRaised, Notice, Patient, PatientId, Pause, PauseEnd, PauseId, PersonName,
    Refusal, Remark, ReportedAlert, Rota, ScoreResult, Timestamp, VitalCode, VitalLimits, Ward, WardId,
};
use serde::{Deserialize, Serialize};

/// The version of the event format that this program writes. Older versions are read.
pub const EVENT_VERSION: u16 = 1;

/// Why a violation raised no alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressedBy {
    /// It was over before its delay.
    Delay,
    /// The signal was lost before its delay.
    Quality,
    /// The patient or the device left, or the recording ended, before its delay.
    Ended,
    /// Its limits were changed before its delay, and by the new ones it is none.
    LimitsChanged,
}

impl SuppressedBy {
    /// All causes.
    pub const ALL: [Self; 4] = [Self::Delay, Self::Quality, Self::Ended, Self::LimitsChanged];

    /// The name in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Quality => "quality",
            Self::Ended => "ended",
            Self::LimitsChanged => "limits",
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "nearly all events are those of alerts, the largest variant")]
pub enum EventBody {
    /// The engine began, or began anew after a stop.
    EngineStarted {
        /// The version of the program.
        engine: String,
        /// The last moment that it knows of from before; absent at the first start.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        down_since: Option<Timestamp>,
    },
    /// The ward was made or renamed.
    WardSet {
        /// The ward.
        #[serde(rename = "set")]
        ward: Ward,
    },
    /// A bed was added or changed.
    BedSet {
        /// The bed.
        bed: Bed,
        /// Who did it.
        by: Actor,
    },
    /// A patient came.
    Admitted {
        /// The patient.
        patient: Patient,
        /// The bed.
        bed: BedId,
        /// The stay.
        encounter: EncounterId,
        /// Who did it.
        by: Actor,
    },
    /// A patient left.
    Discharged {
        /// The patient.
        patient: PatientId,
        /// The stay.
        encounter: EncounterId,
        /// Why.
        reason: CloseReason,
        /// Who did it.
        by: Actor,
    },
    /// A device was added or changed.
    DeviceSet {
        /// The device.
        device: Device,
        /// Who did it.
        by: Actor,
    },
    /// A device began to measure a patient.
    Assigned {
        /// The assignment.
        assignment: Assignment,
        /// Who did it.
        by: Actor,
    },
    /// A device stopped measuring a patient.
    Unassigned {
        /// The assignment, with its end.
        assignment: Assignment,
        /// Who did it.
        by: Actor,
    },
    /// An alert moved; it is given whole, as it is after the move.
    Alert {
        /// What moved it.
        cause: Cause,
        /// The alert after the move.
        alert: Alert,
        /// Who moved it, if a person did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Actor>,
    },
    /// A value was beyond a limit, but no alert came of it.
    Suppressed {
        /// The patient.
        patient: PatientId,
        /// The device.
        device: DeviceId,
        /// The condition.
        code: ConditionCode,
        /// When it began, by the device's clock.
        since: Timestamp,
        /// The value furthest beyond the limit.
        worst: f64,
        /// Why no alert came of it.
        by: SuppressedBy,
        /// How often values went beyond the limit again meanwhile, without having been clearly within.
        #[serde(default, skip_serializing_if = "super::alert::is_zero")]
        again: u32,
    },
    /// Data that came late show that a value was beyond a limit at a time that is past.
    OccurredOffline {
        /// The patient.
        patient: PatientId,
        /// The device.
        device: DeviceId,
        /// The condition.
        code: ConditionCode,
        /// First time beyond the limit, by the device's clock.
        since: Timestamp,
        /// Last time beyond the limit, by the device's clock.
        until: Timestamp,
        /// The value furthest beyond the limit.
        worst: f64,
    },
    /// What a device said of an alert of its own raised none here.
    DeviceSaid {
        /// The patient whom it measured.
        patient: PatientId,
        /// The device.
        device: DeviceId,
        /// What it said.
        said: Box<ReportedAlert>,
        /// Why it raised none.
        why: NotRaised,
    },
    /// A device says that it has other limits than before. They are shown; ours stay as they are.
    DeviceLimits {
        /// The patient whom it measures.
        patient: PatientId,
        /// The vital.
        vital: VitalCode,
        /// Which device, and what it says.
        said: LimitsSaid,
    },
    /// A stored value was replaced by a correction of its device.
    Corrected {
        /// The patient.
        patient: PatientId,
        /// The device.
        device: DeviceId,
        /// The vital.
        vital: VitalCode,
        /// The time of the value.
        observed_at: Timestamp,
        /// The value before.
        old: f64,
        /// The value now.
        new: f64,
    },
    /// The wall clock stepped against the monotonic clock.
    ClockStepped {
        /// By how much; negative is back.
        by_ms: Millis,
    },
    /// Somebody said something about an alert.
    Commented {
        /// The alert.
        alert: AlertId,
        /// Whose it is, if anybody's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        patient: Option<PatientId>,
        /// The words.
        text: Remark,
        /// Who.
        by: Actor,
    },
    /// Alerts were made quiet, a pause that waited was confirmed, or people are reminded of one.
    Paused {
        /// The pause.
        pause: Pause,
    },
    /// A pause is over.
    PauseEnded {
        /// The pause.
        pause: PauseId,
        /// Whose alerts it was about, if of one patient.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        patient: Option<PatientId>,
        /// Why.
        #[serde(flatten)]
        end: PauseEnd,
    },
    /// A patient was moved to another bed.
    Transferred {
        /// The patient.
        patient: PatientId,
        /// The bed before.
        from: BedId,
        /// The bed now.
        bed: BedId,
        /// Who did it.
        by: Actor,
    },
    /// Scores of a patient changed; those that did.
    Scored {
        /// The patient.
        patient: PatientId,
        /// The scores.
        scores: Vec<ScoreResult>,
    },
    /// Somebody entered what was observed or decided at the bed.
    Charted {
        /// The patient.
        patient: PatientId,
        /// What.
        #[serde(flatten)]
        entry: ChartEntry,
        /// Who.
        by: Actor,
    },
    /// Who is on duty was changed.
    RotaSet {
        /// All shifts.
        rota: Rota,
        /// Who did it.
        by: Actor,
    },
    /// Limits are other than before, or are due for review.
    LimitsChanged {
        /// Whose.
        #[serde(flatten)]
        scope: LimitScope,
        /// The vital.
        vital: VitalCode,
        /// The limits before, as they hold for the scope.
        old: Box<VitalLimits>,
        /// The limits now.
        new: Box<VitalLimits>,
        /// What is set now for the scope; absent if nothing is any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        set: Option<Box<LimitOverride>>,
        /// What changed them.
        cause: LimitsCause,
        /// Why, if a person says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Remark>,
        /// Who.
        by: Actor,
    },
    /// A patient is of another category from now on.
    CategorySet {
        /// The patient.
        patient: PatientId,
        /// The category before.
        from: Category,
        /// The category now.
        category: Category,
        /// Who did it.
        by: Actor,
    },
    /// A patient is described anew.
    Described {
        /// The patient.
        patient: PatientId,
        /// The name now.
        name: PersonName,
        /// The year of birth now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        birth_year: Option<i32>,
        /// Who did it.
        by: Actor,
    },
    /// A message about an alert was sent out, could not be, or was read or answered.
    Notified {
        /// What became of it.
        notice: Notice,
    },
    /// Somebody whose account is not for this ward opened a patient in an emergency.
    EmergencyOpened {
        /// The patient.
        patient: PatientId,
        /// Which emergency.
        #[serde(flatten)]
        opened: EmergencyOpened,
    },
    /// A command was refused.
    Refused {
        /// What was asked.
        command: Command,
        /// Why not.
        refusal: Refusal,
        /// Who asked.
        by: Actor,
    },
    /// A person offers patients to another, and signs.
    HandoverOffered {
        /// What is offered.
        handover: Handover,
    },
    /// The other one takes them, and signs: from now on the patients are his or hers.
    HandoverAccepted {
        /// What was offered, as it is now: with the giver's signature.
        handover: Handover,
        /// Who takes them.
        by: Actor,
    },
    /// An offer is over; the patients stay with whom they were.
    HandoverEnded {
        /// Which.
        handover: HandoverId,
        /// Why.
        #[serde(flatten)]
        end: HandoverEnd,
    },
}

/// One entry of the journal, not numbered yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Version of the format, [`EVENT_VERSION`] when written by this program.
    pub v: u16,
    /// Engine time; of a timer, its deadline.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

impl Event {
    /// An event of this program's version.
    #[must_use]
    pub const fn new(at: Timestamp, body: EventBody) -> Self {
        Self { v: EVENT_VERSION, at, body }
    }

    /// The patient it is about, if it is about one.
    #[must_use]
    pub fn patient(&self) -> Option<&PatientId> {
        match &self.body {
            EventBody::Admitted { patient, .. } => Some(&patient.id),
            EventBody::Discharged { patient, .. }
            | EventBody::Suppressed { patient, .. }
            | EventBody::OccurredOffline { patient, .. }
            | EventBody::DeviceSaid { patient, .. }
            | EventBody::DeviceLimits { patient, .. }
            | EventBody::Corrected { patient, .. }
            | EventBody::Transferred { patient, .. }
            | EventBody::Scored { patient, .. }
            | EventBody::Charted { patient, .. }
            | EventBody::CategorySet { patient, .. }
            | EventBody::EmergencyOpened { patient, .. }
            | EventBody::Described { patient, .. } => Some(patient),
            EventBody::LimitsChanged { scope, .. } => scope.patient(),
            EventBody::Commented { patient, .. } | EventBody::PauseEnded { patient, .. } => patient.as_ref(),
            EventBody::Paused { pause } => pause.scope.patient(),
            EventBody::Assigned { assignment, .. } | EventBody::Unassigned { assignment, .. } => {
                Some(&assignment.patient)
            }
            EventBody::Alert { alert, .. } => alert.key.patient.as_ref(),
            EventBody::Refused { command, .. } => command.patient(),
            EventBody::Notified { notice } => notice.patient.as_ref(),
            EventBody::EngineStarted { .. }
            | EventBody::WardSet { .. }
            | EventBody::BedSet { .. }
            | EventBody::DeviceSet { .. }
            | EventBody::RotaSet { .. }
            | EventBody::HandoverOffered { .. }
            | EventBody::HandoverAccepted { .. }
            | EventBody::HandoverEnded { .. }
            | EventBody::ClockStepped { .. } => None,
        }
    }
}

/// One numbered entry of the journal of a ward.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SequencedEvent {
    /// The ward.
    pub ward: WardId,
    /// Dense number within the ward, from 1.
    pub seq: u64,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

#[cfg(test)]
mod tests {
    use super::super::{Category, CensusError, PersonName};
    use super::*;

    #[test]
    fn a_refused_command_is_about_the_patient_whom_it_names() {
        let (id, bed): (PatientId, BedId) = ("p1".parse().unwrap(), "b1".parse().unwrap());
        let name = PersonName::new("Okafor, Chidi");
        let patient =
            Patient { id: id.clone(), name: name.clone(), note: name, category: Category::Adult, birth_year: None };
        let start = Timestamp::from_ms(0);
        let assignment = Assignment { device: "d1".parse().unwrap(), patient: id.clone(), start, end: None };
        let admit = Command::Admit { patient, bed: bed.clone(), encounter: "e1".parse().unwrap() };
        let patient_of = |command| {
            let refusal = Refusal::Census(CensusError::UnknownBed { bed: bed.clone() });
            let body = EventBody::Refused { command, refusal, by: Actor::System };
            Event::new(Timestamp::from_ms(0), body).patient().cloned()
        };
        assert_eq!(patient_of(admit), Some(id.clone()));
        assert_eq!(patient_of(Command::Assign { assignment }), Some(id.clone()));
        let reason = CloseReason::Discharged;
        assert_eq!(patient_of(Command::Discharge { patient: id.clone(), reason }), Some(id));
        let end = Timestamp::from_ms(0);
        assert_eq!(patient_of(Command::Unassign { device: "d1".parse().unwrap(), end }), None);
    }

    #[test]
    fn a_numbered_event_about_the_ward_itself_can_be_read_back() {
        let ward = Ward { id: "w3".parse().unwrap(), name: "3 East".into(), time_zone: chrono_tz::Tz::UTC };
        let event = Event::new(Timestamp::from_ms(0), EventBody::WardSet { ward });
        let entry = SequencedEvent { ward: "w3".parse().unwrap(), seq: 1, event };
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<SequencedEvent>(&json).unwrap(), entry, "{json}");
        let packed = rmp_serde::to_vec_named(&entry).unwrap();
        assert_eq!(rmp_serde::from_slice::<SequencedEvent>(&packed).unwrap(), entry);
    }
}
