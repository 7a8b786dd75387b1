//! The words of the field: what wardwatch speaks about, and nothing else.
//!
//! Here live identifiers, times, vitals, observations, people, places, devices, alerts, events and commands, with the
//! rules that follow from their meaning alone. No IO, no clock, no async, no randomness. Every other room may use this
//! one; this one uses none.

pub mod actor;
pub mod alert;
pub mod assignment;
pub mod break_glass;
pub mod census;
pub mod chart;
pub mod command;
pub mod condition;
pub mod coverage;
pub mod event;
pub mod handover;
pub mod ids;
pub mod lapse;
pub mod limit_change;
pub mod limit_setting;
pub mod limits;
pub mod liveness;
pub mod marks;
pub mod mode;
pub mod notice;
pub mod observation;
pub mod pause;
pub mod people;
pub mod place;
pub mod remark;
pub mod reported_alert;
pub mod reported_limits;
pub mod rota;
pub mod score;
pub mod series;
pub mod system;
pub mod text;
pub mod time;
pub mod twin;
pub mod unplaced;
pub mod vital;
mod vital_builtin;

pub use actor::{Actor, Role};
pub use alert::{Alert, AlertClass, AlertKey, Cause, CloseReason, Condition, Priority, Response, Signal};
pub use assignment::Assignment;
pub use break_glass::{
    BREAK_GLASS_REVIEW_WITHIN, BREAK_GLASS_SPAN, BREAK_GLASS_WORDS_MIN_CHARS, BreakGlass, BreakGlassReview,
    EmergencyOpened, EmergencyReason,
};
pub use census::{Census, CensusError, Stay};
pub use chart::{Chart, ChartEntry, ChartError, Charted, Oxygen};
pub use command::{Command, Refusal};
pub use condition::{ConditionCode, InopReason, Side, SystemFault};
pub use coverage::{COVERED_WARDS_MAX, Coverage};
pub use event::{EVENT_VERSION, Event, EventBody, SequencedEvent};
pub use handover::{
    Handover, HandoverEnd, HandoverError, HandoverExtent, HandoverId, Handovers, LeftBehind, Owner, Ownership,
};
pub use ids::{
    AlertId, ApprovalId, BedId, BreakGlassId, DeviceId, EncounterId, IdError, PatientId, SessionId, UserId, WardId,
};
pub use lapse::Lapse;
pub use limit_change::{
    Basis, Expiry, LimitOverride, LimitScope, LimitValue, LimitsCause, LimitsChange, LimitsError, StepName,
};
pub use limit_setting::{LimitSetting, Span};
pub use limits::{LimitSide, LimitStep, Profile, VitalLimits};
pub use liveness::{Freshness, Liveness};
pub use marks::Marks;
pub use mode::Mode;
pub use notice::{ChannelName, Notice, NoticeOutcome};
pub use observation::{Observation, Quality};
pub use pause::{Inactivation, Pause, PauseEnd, PauseId, PauseKind, PauseScope};
pub use people::{Category, Patient, PersonName};
pub use place::{Bed, Device, DeviceKind, Ward};
pub use remark::Remark;
pub use reported_alert::{
    DeviceAlertCode, EpisodeId, NotRaised, ReportedAlert, ReportedPhase, ReportedQuiet, ReportedState,
};
pub use reported_limits::{LimitsSaid, ReportedLimits};
pub use rota::{Duty, LoginName, Rota, RotaError, Shift, Unfit};
pub use score::{
    Consciousness, ScoreBasis, ScoreItem, ScoreKind, ScorePart, ScoreResult, ScoreRisk, ScoreValue, Spo2Scale,
};
pub use time::{Millis, TimeError, Timestamp};
pub use twin::{Desired, DeviceLimits, DeviceReport, DeviceText, Percent, Reported};
pub use unplaced::Unplaced;
pub use vital::{Sampling, VitalCode, VitalDef, VitalTable};
